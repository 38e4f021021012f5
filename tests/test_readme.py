"""The README says what is true: its transcripts are those of real runs, its calls run.

With ``KAIZEN_REGENERATE_README=1`` the transcripts are written anew.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click

from kaizen_schedule.cli import root

from .support import ROOT, run, write_files

README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: title=\"([\w-]+)\")?\n(.*?)^```$", re.M | re.S)
HEAD = 11
"""So many lines of a bundle are shown."""


def blocks(kind: str) -> dict[str, str]:
    found = BLOCK.finditer(README.read_text("utf-8"))
    return {m[2] or m[3].splitlines()[0]: m[3] for m in found if m[1] == kind}


def checkout(tmp_path: Path, name: str) -> Path:
    """A checkout whose manifest is one of the README's."""
    text = blocks("yaml")[name]
    return write_files(tmp_path / "kaizen-agentic", {".kaizen/schedule.yml": text, ".git/HEAD": ""})


def fleet(tmp_path: Path) -> Path:
    """Three checkouts: one that takes part, one with mistakes, one that has not opted in."""
    good, wrong = blocks("yaml")["init"], blocks("yaml")["wrong"]
    return write_files(
        tmp_path.resolve() / "f",
        {
            "kaizen-agentic/.kaizen/schedule.yml": good.partition("  tdd-workflow")[0],
            "ledger/.kaizen/schedule.yml": wrong,
            "field-notes/.git/HEAD": "",
        },
    )


def transcript(tmp_path: Path, command: str) -> str:
    """What a command prints, as the README shows it."""
    name = "wrong" if "validate" in command else "init"
    folder = checkout(tmp_path, name)
    _, *words = shlex.split(command)
    if "roster" in words:
        folder = fleet(tmp_path)
        words = [str(folder) if word == "/srv" else word for word in words]
        result = run(*words, cwd=folder)
        text = "\n".join([f"$ {command}", *result.out.splitlines(), *result.err.splitlines()])
        return text.replace(str(folder), "/srv") + "\n"
    result = run(*words, cwd=folder)
    lines = result.out.splitlines()
    if "prepare" in words:
        lines = [*lines[:HEAD], "..."]
    text = "\n".join([f"$ {command}", *lines, *result.err.splitlines()])
    return text.replace(str(tmp_path.resolve()), "/srv") + "\n"


def test_the_transcripts_are_real(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    consoles = blocks("console")
    assert len(consoles) == 4
    for first, shown in consoles.items():
        folder = tmp_path / str(len(first))
        real = transcript(folder, first.removeprefix("$ "))
        text = text.replace(f"```console\n{shown}```", f"```console\n{real}```")
    if os.environ.get("KAIZEN_REGENERATE_README"):
        README.write_text(text, "utf-8")
    assert README.read_text("utf-8") == text


def test_init_writes_what_is_shown(tmp_path: Path) -> None:
    result = run("schedule", "init", "--dry-run", "--timezone", "Europe/Berlin", cwd=tmp_path)
    assert result.out == blocks("yaml")["init"]


def test_the_wrong_manifest_has_as_many_mistakes_as_are_told(tmp_path: Path) -> None:
    result = run("schedule", "validate", cwd=checkout(tmp_path, "wrong"))
    assert "four mistakes" in README.read_text("utf-8")
    assert result.err.startswith("4 errors, 0 warnings")


def test_the_calls_run(tmp_path: Path) -> None:
    (code,) = blocks("python").values()
    exec(compile(code, str(README), "exec"), {"repository": checkout(tmp_path, "init")})


def test_the_table_names_every_command() -> None:
    text = README.read_text("utf-8")
    for group in root.list_commands(None):  # type: ignore[arg-type] # the context is not used
        command = root.get_command(None, group)  # type: ignore[arg-type]
        names = command.list_commands(None) if isinstance(command, click.Group) else ()  # type: ignore[arg-type]
        for name in names:
            row = rf"^\| `{group}[^|]*`{re.escape(name)}\b|^\| `{group} {re.escape(name)}\b"
            assert re.search(row, text, re.M), f"{group} {name}"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8")):
        assert (ROOT / target).exists(), target
