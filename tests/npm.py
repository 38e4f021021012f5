"""Packages of npm that documents are held against: named by hash, fetched once, kept with .venv."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from site_build.npm import fetch_archive, run_npm

from .support import ROOT

CACHE = ROOT / ".venv" / "npm"


def npm_package(name: str, version: str, integrity: str) -> Path:
    """The folder of a package as published, without what it depends on.

    Args:
        name: The package's name.
        version: Its exact version.
        integrity: ``sha512-`` and the digest of its archive; another archive fails the test.
    """

    def fill(folder: Path) -> None:
        with tarfile.open(fetch_archive(name, version, integrity, folder)) as archive:
            archive.extractall(folder, filter="data")

    return _kept(name, version, integrity, fill=fill) / "package"


def npm_tree(name: str, version: str, integrity: str, *, before: str) -> Path:
    """The folder of a package, installed with all that it depends on; no script of theirs is run.

    Args:
        name: The package's name.
        version: Its exact version.
        integrity: ``sha512-`` and the digest of its archive; another archive fails the test.
        before: What it depends on is as it was on this day, such as ``2026-11-01``.
    """

    def fill(folder: Path) -> None:
        archive = fetch_archive(name, version, integrity, folder)
        options = ("--no-save", "--no-package-lock", f"--before={before}")
        run_npm("install", f"./{archive.name}", *options, cwd=folder)

    return _kept(name, version, integrity, before, fill=fill) / "node_modules" / name


def node(*words: str | Path, stdin: str = "", timeout: float = 120) -> str:
    """Run node; return what it printed."""
    program = shutil.which("node")
    assert program is not None, "node is not on PATH: install nodejs and npm"
    done = subprocess.run(
        [program, *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _kept(*key: str, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled where it is not there yet; workers wait for each other."""
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
    target = CACHE / f"{re.sub('[^a-z0-9]+', '-', key[0]).strip('-')}-{key[1]}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / f"{target.name}.lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                folder = Path(work) / "new"
                folder.mkdir()
                fill(folder)
                folder.rename(target)  # whole, or not at all
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
