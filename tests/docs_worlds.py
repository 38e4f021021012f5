"""The worlds in which the documentation's examples are run: folders that are shown as ``/srv``."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .docs_pages import README, read_page
from .support import Result, write_files

SHOWN = "/srv"
"""What the folder of a world is called in pages."""

ZONE = ("--timezone", "Europe/Berlin")
NAME = "kaizen-agentic"
INSTANT = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""What ``now`` is in Python."""


class World:
    """A folder with checkouts, and what the commands of a page find in their environment.

    Args:
        name: ``checkout``, ``opted-in`` or ``fleet``.
        folder: Where it is made.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.root = folder / "srv"
        self._state = folder / "state"
        self._code = 0
        home = folder / "home"
        for made in (self.root, home):
            made.mkdir()
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("KAIZEN_", "STATE_HUB_", "LC_", "LANG", "TZ"))
        }
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        self._env = {**kept, "HOME": str(home), "TZ": "UTC", "PATH": path}
        self.cwd = self.root if name == "fleet" else self.root / NAME
        self._names: dict[str, Any] = {"__name__": "page", "now": INSTANT}
        _WORLDS[name](self)

    def run(self, script: str, *, strict: bool = False) -> Result:
        """Run a script, and be afterwards in the folder where it ended.

        Args:
            script: What a page shows.
            strict: End with the first command that fails.
        """
        head = "set -euo pipefail\n" if strict else f"(exit {self._code})\n"
        real = script.replace(SHOWN, str(self.root))
        tail = f"\n_code=$?; pwd >{shlex.quote(str(self._state))}; exit $_code"
        done = subprocess.run(
            ["bash", "-c", head + real + tail],
            cwd=self.cwd,
            env={**self._env, "PWD": str(self.cwd)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        self._code = done.returncode
        if self._state.exists():
            self.cwd = Path(self._state.read_text().rstrip("\n"))
            self._state.unlink()
        out, err = (
            stream.decode().replace(str(self.root), SHOWN) for stream in (done.stdout, done.stderr)
        )
        return Result(done.returncode, out, err)

    def write(self, path: str, text: str) -> Path:
        """Write a file that a page shows."""
        found = self.cwd / path
        assert found.resolve().is_relative_to(self.root), path
        write_files(self.cwd, {path: text.replace(SHOWN, str(self.root))})
        return found

    def execute(self, code: str, name: str) -> None:
        """Run Python with the names that pages may use, and those of the blocks before."""
        if "repository" not in self._names:
            self._names["repository"] = self._opted_in()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, name, "exec"), self._names)

    def _opted_in(self) -> Path:
        """The path of a checkout that has opted in."""
        known = self.root / NAME
        if (known / ".kaizen/schedule.yml").exists():
            return known
        other = self.root.parent / "library" / NAME
        write_files(other, {".git/HEAD": "", ".kaizen/schedule.yml": scaffold()})
        return other


def scaffold() -> str:
    """What ``schedule init`` writes."""
    from kaizen_schedule.edges.scaffold import render_manifest

    return render_manifest(timezone=ZONE[1], prompts={})


def _checkout(world: World) -> None:
    write_files(world.cwd, {".git/HEAD": ""})


def _opted_in(world: World) -> None:
    write_files(world.cwd, {".git/HEAD": "", ".kaizen/schedule.yml": scaffold()})


def _fleet(world: World) -> None:
    """One that takes part, one with the README's mistakes, one that has not opted in."""
    wrong = next(block.text for block in read_page(README).blocks if block.title == "wrong")
    write_files(
        world.root,
        {
            f"{NAME}/.git/HEAD": "",
            f"{NAME}/.kaizen/schedule.yml": scaffold().partition("  tdd-workflow")[0],
            "ledger/.git/HEAD": "",
            "ledger/.kaizen/schedule.yml": wrong,
            "field-notes/.git/HEAD": "",
        },
    )


_WORLDS = {"checkout": _checkout, "opted-in": _opted_in, "fleet": _fleet}


class Worlds:
    """The worlds of a page, one at a time."""

    names = tuple(_WORLDS)

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._world: World | None = None

    def begin(self, name: str) -> None:
        """Begin a world anew."""
        # A short path of fixed length: what is cut or wrapped by width must not move.
        place = "/tmp" if os.path.isdir("/tmp") else None
        folder = os.path.realpath(tempfile.mkdtemp(prefix="k", dir=place))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._world = World(name, Path(folder))

    @property
    def world(self) -> World:
        """The world at hand."""
        if self._world is None:
            self.begin("checkout")
        assert self._world is not None
        return self._world

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()
