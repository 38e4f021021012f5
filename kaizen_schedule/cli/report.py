"""``kaizen-agentic schedule report``: a notebook, run to one HTML file that needs nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from kaizen_schedule.api import report
from kaizen_schedule.api.fleet import Source
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import OutputError

from .commands import Command
from .fleet import SOURCES, definitions_option, progress_bar, source_options
from .output import clock, emit, now_option, quiet_option, say


@click.command(
    "report",
    cls=Command,
    examples=(
        "kaizen-agentic schedule report roster_eligibility --scan /srv",
        "kaizen-agentic schedule report pilot_smoke --record pilot-record.jsonl",
    ),
)
@click.argument("name")
@source_options
@definitions_option
@click.option("--record", metavar="FILE", help="The record of a pilot.")
@click.option(
    "--timeout", type=click.IntRange(min=1), default=600, show_default=True, metavar="SECONDS",
    help="End a cell that takes longer.",
)  # fmt: skip
@now_option
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(),
    help="Where to write the report; - for standard output. Default: NAME.html, here.",
)  # fmt: skip
@quiet_option
def command(
    name: str,
    *,
    record: str | None,
    timeout: int,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Run the notebook NAME, and write what it shows as one HTML file.

    The file needs nothing else: no network, no script, no other file. Needs the extra: pip install
    'kaizen-schedule[notebooks]'.
    """
    source = _source(options)
    for key in ("host", "hosts"):
        typed = click.get_current_context().get_parameter_source(key)
        if typed is click.core.ParameterSource.COMMANDLINE and source is None:
            raise click.UsageError(f"--{key} needs a roster")
    if output is not None:
        _check_place(output)
    hosts = options["hosts"]
    with progress_bar("reading", quiet=quiet) as progress, _cells(quiet=quiet) as told:
        made = report.make_report(
            name,
            now=clock(now),
            source=source,
            host=options["host"],
            hosts=tuple(h.strip() for h in hosts.split(",") if h.strip()) if hosts else None,
            definitions=options["folder"],
            record=record,
            timeout_s=timeout,
            progress=progress,
            told=told,
        )
    for warning in made.warnings:
        say(f"warning: {warning}", quiet=quiet)
    path = output if output is not None else f"{name}.html"
    emit(made.html, path)
    if path != "-":
        say(f"wrote {safety.escape(path)}", quiet=quiet)
    return 0


def _source(options: dict[str, Any]) -> Source | None:
    """The roster that the options name, or that the environment does."""
    given = {key: options[key] for key in SOURCES if options[key] is not None}
    typed = click.get_current_context().get_parameter_source("hub")
    if typed is click.core.ParameterSource.ENVIRONMENT:
        given["usual_hub"] = given.pop("hub")
    token = os.environ.get("STATE_HUB_TOKEN") or None
    return Source(token=token, **given) if given else None


def _check_place(path: str) -> None:
    """Say at once, and not after the notebook has been run, that there is no such folder."""
    folder = os.path.dirname(path) or os.curdir
    if path != "-" and not os.path.isdir(folder):
        raise OutputError(f"cannot write {safety.show(path, 200)}: there is no such folder")


@contextmanager
def _cells(*, quiet: bool) -> Iterator[report.Told | None]:
    """Say how many cells are done, on a terminal; nothing elsewhere, and nothing that stays."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return

    def told(done: int, total: int) -> None:
        sys.stderr.write(f"\r\x1b[Kcells done {done} of {total}")
        sys.stderr.flush()

    try:
        yield told
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


COMMANDS = {"report": command}
