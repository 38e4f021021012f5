"""``kaizen-agentic schedule pilot``: a smoke run from the firing to the bundle."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import click

from kaizen_schedule.api import definitions, pilot
from kaizen_schedule.orienting.record import PilotStep
from kaizen_schedule.publishing import listings, reporters
from kaizen_schedule.reading import safety

from .commands import Command
from .fleet import again, asking_of, definitions_option, names_source, source_options
from .output import (
    INSTANT,
    check_place,
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
    "pilot",
    cls=Command,
    examples=(
        "kaizen-agentic schedule pilot",
        "kaizen-agentic schedule pilot --scan /srv --record pilot-record.jsonl",
    ),
)
@source_options
@definitions_option
@click.option("--definition", metavar="ID|FILE", help="Fire this one only.")
@click.option(
    "--at", type=INSTANT, metavar="INSTANT",
    help="Each definition fires the first time after this instant. Default: now.",
)  # fmt: skip
@click.option("--record", metavar="FILE", help="Write one JSON line per step to a file.")
@click.option("--progress", metavar="URL", help="Post the progress event to this address.")
@format_option("text", "json")
@now_option
@output_option
@quiet_option
def command(
    *,
    at: datetime | None,
    record: str | None,
    progress: str | None,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Fire each definition, make its tasks, and run each task's command as printed.

    Without a roster it runs on the embedded pilot fleet, in a temporary folder.
    """
    moment = at if at is not None else clock(now)
    typed = names_source(options)
    if record == "-":
        raise click.UsageError("--record goes to a file; standard output has the result")
    for name in ("host", "hosts"):
        source = click.get_current_context().get_parameter_source(name)
        if source is click.core.ParameterSource.COMMANDLINE and not typed:
            raise click.UsageError(f"--{name} needs a roster; the pilot fleet has its own hosts")
    token, hub = os.environ.get("STATE_HUB_TOKEN") or None, options["hub"] or None
    if progress is not None:
        pilot.check_progress(progress, token=token, hub=hub)
    for path in (record, output):
        check_place(path)
    asking, definition, known = None, None, None
    if typed:
        asking = asking_of(options, now=moment, quiet=quiet)
        definition = asking.definition
    else:
        known = definitions.list_definitions(options["folder"], now=moment)
        if (asked := options["definition"]) is not None:
            definition = definitions.find_definition(asked, known, now=moment)
    printer = listings.PilotPrinter(style=styler(output))
    lines: list[str] = []

    def told(step: PilotStep) -> None:
        if text := printer.line(step):
            lines.append(text)

    started = clock(now)
    result = pilot.run_pilot(
        asking, now=moment, definition=definition, definitions=known, told=told
    )
    if record is not None:
        emit(result.record, record)
    if form == "json":
        emit(reporters.to_json(result), output)
    else:
        emit("".join(f"{line}\n" for line in lines), output)
    if progress is not None:
        event = pilot.completed_event(result, started_at=started, finished_at=clock(now))
        sent = pilot.post_progress(progress, event, token=token, hub=hub)
        without = "" if sent else ", without the token: it is another hub's"
        say(f"told {safety.show(progress, 200)}{without}", quiet=quiet)
    if form == "text" and result.ok:
        say(_next(record, options), quiet=quiet)
    return 0 if result.ok else 1


def _next(record: str | None, options: dict[str, Any]) -> str:
    """What comes after a smoke run that held: its report, or what is to be switched on."""
    if record is None:
        return "next: kaizen-agentic schedule definitions prints what to switch on"
    command = again("report", "pilot_smoke", "--record", record, options=options)
    return f"next: {command}" if command else ""


COMMANDS = {"pilot": command}
