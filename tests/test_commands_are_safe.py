"""A task's command, whatever slug and path hold, in a real shell: its words and nothing else."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.tasks import Task, tasks_of

from .planning.fleets import COACH, METRICS, RUNS, WEEKLY, ask, checkout, item

NASTY = [
    "a b",
    "it's",
    'say "hi"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "a && touch pwned || touch pwned &",
    "| tee pwned",
    "> pwned",
    "$HOME ${PATH} ~ ~root",
    "* ? [a-z] {a,b}",
    "back\\slash \\",
    "line\nbreak\ntouch pwned\n",
    "tab\tand\rreturn\x1b[2J",
    "--target=/",
    "-rf",
    "--",
    "漢字 é ß 😀 \u202e\u200b",
    "%s %d !! !$",
    "'\"'\"'; touch pwned; '",
    "#comment",
    "EOF\n<<EOF",
]

STUB = """\
import json, sys
with open({record!r}, "w") as file:
    json.dump(sys.argv[1:], file)
"""


def tasks(nasty: str) -> list[tuple[ActivityDefinition, str, Task]]:
    """The tasks of a fleet whose slug, folder or host is hostile."""
    made = []
    path = f"/srv/{nasty}"
    trees = {path: checkout(WEEKLY, files={RUNS: b"{}"})}
    for definition in (COACH, METRICS):
        found = ask([item(nasty, path, host=nasty)], trees, definition=definition, host=nasty)
        (task,) = tasks_of(definition, found)
        made.append((definition, path, task))
    return made


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def shell(command: str, folder: Path, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=env, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("nasty", NASTY)
def test_a_shell_gives_the_program_its_exact_words(nasty: str, tmp_path: Path) -> None:
    bin_, work, record = tmp_path / "bin", tmp_path / "work", tmp_path / "argv.json"
    bin_.mkdir()
    work.mkdir()
    stub = bin_ / "kaizen-agentic"
    # By way of a shell, since the path of a checkout, and so of its Python, may hold blanks.
    call = shlex.join([sys.executable, "-IS", "-c", STUB.format(record=str(record))])
    stub.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
    stub.chmod(0o755)
    env = {"PATH": f"{bin_}:{os.environ['PATH']}", "HOME": str(work), "PYTHONUTF8": "1"}
    for _, path, task in tasks(nasty):
        assert shlex.split(task.command) == list(task.argv)
        before = listing(tmp_path)
        shell(task.command, work, env)
        assert json.loads(record.read_text()) == list(task.argv[1:])
        assert path in task.argv
        record.unlink()
        assert listing(tmp_path) == before
        assert not list(work.iterdir())


def test_the_real_program_takes_a_hostile_key_for_a_key(tmp_path: Path) -> None:
    """A slug that begins with dashes is the value of ``--run``, never an option."""
    from kaizen_schedule.cli import main

    for nasty in ("--help", "-x", "--"):
        definition, _, task = tasks(nasty)[0]
        words = [*task.argv[1:]]
        words[words.index("--target") + 1] = str(tmp_path)
        assert main(words) == 1, "refused, since there is no manifest; not shown the help"
        assert definition in packaged.definitions()
