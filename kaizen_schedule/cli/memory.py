"""``kaizen-agentic memory``: notes that an agent leaves for its next run."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from kaizen_schedule.api import targets, tasks
from kaizen_schedule.publishing import reporters
from kaizen_schedule.reading.errors import UsageError

from .commands import Command, SectionedGroup
from .output import (
    clock,
    emit,
    format_option,
    now_option,
    output_option,
    quiet_option,
    say,
    target_option,
)

_LONGEST_NOTE = 64 * 1024


@click.group(cls=SectionedGroup, sections={"Commands": ("brief", "add")})
def command() -> None:
    """Notes that an agent leaves for its next run."""


@command.command(
    "brief",
    cls=Command,
    examples=(
        "kaizen-agentic memory brief coach",
        "kaizen-agentic memory brief coach --limit 4000",
    ),
)
@click.argument("agent")
@target_option
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=16_000, show_default=True, metavar="N",
    help="The most characters; the oldest notes give way.",
)  # fmt: skip
@format_option("text", "json")
@output_option
@quiet_option
def brief(
    agent: str, target: str | None, *, limit: int, form: str, output: str | None, quiet: bool
) -> int:
    """Print an agent's newest notes, the oldest of them first."""
    found = tasks.read_memory(targets.locate_target(target), agent, limit=limit)
    if form == "json":
        emit(reporters.to_json(found), output)
    else:
        emit(f"{found.text.rstrip()}\n" if found.text else "", output)
        if not found.text:
            say(f"{agent} has left no notes here", quiet=quiet)
    say(reporters.render_diagnostics(found.diagnostics), quiet=quiet)
    return 0


@command.command(
    "add",
    cls=Command,
    examples=(
        'kaizen-agentic memory add coach --text "The build needs node 20."',
        "kaizen-agentic memory add coach < notes.md",
    ),
)
@click.argument("agent")
@target_option
@click.option("--text", metavar="TEXT", help="The note, in markdown. Default: standard input.")
@now_option
@quiet_option
def add(
    agent: str, target: str | None, *, text: str | None, now: datetime | None, quiet: bool
) -> int:
    """Leave a note for the next run."""
    if text is None:
        if sys.stdin is None:
            raise click.UsageError("no note: standard input is closed; pass --text")
        if sys.stdin.isatty():
            say("the note, then Ctrl-D on a line of its own:", quiet=quiet)
        text = _decoded(sys.stdin.buffer.read(_LONGEST_NOTE))
    tasks.add_memory(targets.locate_target(target), agent, text, now=clock(now))
    say(f"noted; next: kaizen-agentic memory brief {agent}", quiet=quiet)
    return 0


def _decoded(data: bytes) -> str:
    """The text of a note; what is not UTF-8 is refused, not guessed at."""
    try:
        # What fills the whole room may end within a character: it is too long, and told so.
        return data.decode("utf-8", "replace" if len(data) == _LONGEST_NOTE else "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the note is not UTF-8, first in line {line:,}"
        raise UsageError(message, fix="save it as UTF-8, or pass --text") from error
