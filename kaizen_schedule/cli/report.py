"""``kaizen-agentic schedule report``: a notebook, run to one HTML file that needs nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from kaizen_schedule.api import report
from kaizen_schedule.api.fleet import NAME_ONE
from kaizen_schedule.reading import safety

from .commands import Command
from .fleet import (
    SOURCES,
    definitions_option,
    hosts_of,
    progress_bar,
    source_of,
    source_options,
)
from .output import check_place, clock, emit, now_option, quiet_option, say


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

    NAME is agent_performance, pilot_smoke or roster_eligibility. The file needs
    nothing else: no network, no script, no other file. Needs the extra: pip
    install 'kaizen-schedule[notebooks]'.
    """
    named = any(options[key] is not None for key in SOURCES)
    source = source_of(options) if named else None
    for key in ("host", "hosts"):
        typed = click.get_current_context().get_parameter_source(key)
        if typed is click.core.ParameterSource.COMMANDLINE and source is None:
            raise click.UsageError(f"--{key} needs a roster")
    path = output if output is not None else f"{name}.html"
    if output is not None or name in report.list_reports():  # else the name is what is wrong
        check_place(path)
    with (
        progress_bar("reading", quiet=quiet) as progress,
        progress_bar("cells done", quiet=quiet, every=1) as told,
    ):
        made = report.make_report(
            name,
            now=clock(now),
            source=source,
            host=options["host"],
            hosts=hosts_of(options),
            definitions=options["folder"],
            record=record,
            timeout_s=timeout,
            progress=progress,
            told=told,
        )
    for warning in made.warnings:
        say(f"warning: {warning}", quiet=quiet)
    if made.warnings and source is None:  # then there is only this one: it shows an example
        say(f"fix: {NAME_ONE}", quiet=quiet)
    emit(made.html, path)
    if path != "-":
        say(f"wrote {safety.escape(path)}", quiet=quiet)
    return 0


COMMANDS = {"report": command}
