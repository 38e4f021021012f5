"""``kaizen-agentic schedule definitions``: the drafts for the orchestrator, and edited ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from kaizen_schedule.api import answers
from kaizen_schedule.api import definitions as drafts
from kaizen_schedule.publishing import listings, reporters

from .commands import Command
from .fleet import answer_of, asking_of, definitions_option, names_source, source_options
from .output import (
    clock,
    emit,
    format_option,
    now_option,
    output_option,
    quiet_option,
    say,
    styler,
)


@click.command(
    "definitions",
    cls=Command,
    examples=(
        "kaizen-agentic schedule definitions",
        "kaizen-agentic schedule definitions weekly-coach-orientation > coach.md",
        "kaizen-agentic schedule definitions weekly-coach-orientation --format temporal",
        "kaizen-agentic schedule definitions --check coach.md --scan /srv",
    ),
)
@click.argument("name", metavar="[ID]", required=False)
@source_options
@definitions_option
@click.option(
    "--check", metavar="FILE|DIR",
    help="Check edited definitions: what differs from the draft and, with a roster, is handed out.",
)  # fmt: skip
@format_option("markdown", "json", "temporal")
@now_option
@output_option
@quiet_option
def definitions(
    *,
    name: str | None,
    folder: str | None,
    check: str | None,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Show the drafts for the orchestrator, or check edited ones."""
    moment = clock(now)
    if check is not None:
        if name is not None or folder is not None:
            raise click.UsageError("--check names the definitions by itself; leave out the others")
        return _check(check, moment, form, output, quiet=quiet, options=options)
    if names_source(options):
        raise click.UsageError("a roster is of use with --check only")
    known = drafts.list_definitions(folder, now=moment)
    if name is not None:
        known = (drafts.find_definition(name, known, now=moment),)
    if form == "markdown" and name is not None:
        from kaizen_schedule.planning.definition_files import render_definition

        emit(render_definition(known[0]), output)
    elif form == "markdown":
        rows = [
            (
                item.id,
                item.agent or ("(template)" if item.is_template else "(repositories)"),
                item.cadence or "",
                item.trigger.cron,
                item.trigger.timezone,
            )
            for item in known
        ]
        header = ("ID", "AGENT", "CADENCE", "CRON", "ZONE")
        emit(reporters.render_table(header, rows), output)
        say("next: kaizen-agentic schedule definitions ID prints one", quiet=quiet)
    else:
        shown: tuple[Any, ...] = known
        if form == "temporal":
            from kaizen_schedule.planning.tasks import temporal_schedule

            shown = tuple(temporal_schedule(item) for item in known if not item.is_template)
            if name is not None and not shown:
                raise click.UsageError(f"{known[0].id} is a template: it has no schedule")
        emit(
            reporters.to_json(shown[0] if name is not None else answer_of(definitions=shown)),
            output,
        )
    return 0


def _check(
    path: str,
    now: datetime,
    form: str,
    output: str | None,
    *,
    quiet: bool,
    options: dict[str, Any],
) -> int:
    if form == "temporal":
        raise click.UsageError("--check has no such form; leave out --format, or let it be json")
    asking = asking_of(options, now=now, quiet=quiet) if names_source(options) else None
    report = answers.inspect_definitions(path, now=now, asking=asking)
    if form == "json":
        emit(reporters.to_json(report), output)
    else:
        style = styler(output)
        text = reporters.render_diagnostics(report.diagnostics, style=style)
        emit(text + listings.render_checked(report.definitions), output)
        say(reporters.summary_of(report.diagnostics), quiet=quiet)
    return int(not report.ok)


COMMANDS = {"definitions": definitions}
