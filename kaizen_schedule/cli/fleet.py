"""What an operator asks of a fleet: ``schedule roster | why | runs | definitions``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import click

from kaizen_schedule import __version__
from kaizen_schedule.api import answers, fleet
from kaizen_schedule.api import definitions as drafts
from kaizen_schedule.api.fleet import Asking, Progress, Source
from kaizen_schedule.planning.answers import RosterAnswer, changes
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.publishing import listings, reporters
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION

from .commands import Command
from .output import (
    INSTANT,
    Function,
    clock,
    emit,
    format_option,
    now_option,
    output_option,
    quiet_option,
    say,
    styler,
)

# --- What the commands share -------------------------------------------------------------------


def source_options(function: Function) -> Function:
    """The options that name a roster and the hosts that take part."""
    options = (
        click.option("--roster", metavar="FILE", help="An operator's roster.yml."),
        click.option(
            "--hub", metavar="URL", envvar="STATE_HUB_URL",
            help="The State Hub's address (STATE_HUB_URL; its token in STATE_HUB_TOKEN).",
        ),
        click.option(
            "--snapshot", metavar="FILE",
            help="A saved answer of the hub; with --hub, for when that is down.",
        ),
        click.option("--scan", metavar="FOLDER", help="A folder of checkouts."),
        click.option(
            "--host", metavar="NAME", envvar="KAIZEN_HOST",
            help="The host asked about (KAIZEN_HOST). Default: this machine's short name.",
        ),
        click.option(
            "--hosts", metavar="NAMES",
            help="The hosts that take part, commas between. Default: all in the roster.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


definitions_option = click.option(
    "--definitions", "folder", metavar="DIR",
    help="A folder of definitions, instead of the packaged drafts.",
)  # fmt: skip


SOURCES = ("roster", "hub", "snapshot", "scan")
"""The options that name a roster."""


def names_source(options: dict[str, Any]) -> bool:
    """Whether a roster was named on the command line; what is only set does not count."""
    typed = click.get_current_context().get_parameter_source("hub")
    return typed is click.core.ParameterSource.COMMANDLINE or any(
        options[key] is not None for key in SOURCES if key != "hub"
    )


def source_of(options: dict[str, Any]) -> Source:
    """The roster that the options name, or that the environment does."""
    given = {key: options[key] for key in SOURCES if options[key] is not None}
    typed = click.get_current_context().get_parameter_source("hub")
    if typed is click.core.ParameterSource.ENVIRONMENT:
        given["usual_hub"] = given.pop("hub")  # what was typed goes before what is only set
    return Source(token=os.environ.get("STATE_HUB_TOKEN") or None, **given)


def hosts_of(options: dict[str, Any]) -> tuple[str, ...] | None:
    """The participating hosts that were named."""
    named = options.get("hosts")
    return tuple(h.strip() for h in named.split(",") if h.strip()) if named else None


def asking_of(options: dict[str, Any], *, now: datetime, quiet: bool = False) -> Asking:
    """Read roster and definitions as the options say."""
    with progress_bar("reading", quiet=quiet) as progress:
        read = fleet.read_roster(source_of(options), host=options["host"], progress=progress)
    for warning in read.warnings:
        say(f"warning: {warning}", quiet=quiet)
    definitions = drafts.list_definitions(options.get("folder"), now=now)
    definition = options.get("definition")
    return Asking(
        roster=read.roster,
        host=read.host,
        hosts=hosts_of(options),
        definition=drafts.find_definition(definition, definitions, now=now) if definition else None,
        definitions=definitions,
    )


@contextmanager
def progress_bar(what: str, *, quiet: bool = False, every: int = 100) -> Iterator[Progress | None]:
    """Say how far long work has come, on a terminal; nothing elsewhere, and nothing that stays.

    Args:
        what: What is done.
        quiet: Say nothing at all.
        every: Say it each time that so many more are done.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return

    def told(done: int, total: int | None) -> None:
        if not done % every:
            of = f" of {total:,}" if total is not None else ""
            sys.stderr.write(f"\r\x1b[K{what} {done:,}{of}")
            sys.stderr.flush()

    try:
        yield told
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def again(*words: str, options: dict[str, Any], operand: str = "") -> str:
    """A command of this group on the same roster, to be copied.

    Args:
        words: The command, and what else belongs to it.
        options: The options that were given.
        operand: What it is about; empty for nothing.
    """
    dashed = operand.startswith("-")  # behind the options, where it cannot be taken for one
    line = ["kaizen-agentic", "schedule", *words, *([operand] if operand and not dashed else [])]
    context = click.get_current_context()
    for name in ("roster", "hub", "snapshot", "scan", "host", "hosts", "definitions"):
        key = "folder" if name == "definitions" else name
        typed = context.get_parameter_source(key) is click.core.ParameterSource.COMMANDLINE
        if typed and options.get(key):
            line += [f"--{name}", options[key]]
    if dashed:
        line += ["--", operand]
    text = safety.shell_line(line)
    return text if all(map(safety.printable, line)) and not safety.find_secrets(text) else ""


class ReasonType(click.Choice[str]):
    """A reason; a wrong one names the nearest, and not all of them."""

    def __init__(self) -> None:
        super().__init__([reason.value for reason in Reason])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The reason, as click asks for it."""
        if value not in self.choices:
            near = nearest(str(value), list(self.choices))
            fix = f"did you mean {near}?" if near else "kaizen-agentic schedule rule lists them"
            self.fail(f"there is no reason {safety.show(str(value))}; {fix}", param, ctx)
        return super().convert(value, param, ctx)


# --- roster ------------------------------------------------------------------------------------


@click.command(
    "roster",
    cls=Command,
    examples=(
        "kaizen-agentic schedule roster --scan /srv",
        "kaizen-agentic schedule roster --roster roster.yml --host forge-1",
        "kaizen-agentic schedule roster --init > roster.yml",
    ),
)
@source_options
@definitions_option
@click.option("--definition", metavar="ID|FILE", help="Of this definition only.")
@click.option("--repo", metavar="GLOB", help="Only repositories whose slug the glob takes in.")
@click.option(
    "--reason", type=ReasonType(), metavar="REASON",
    help="Only what is excluded for this reason.",
)  # fmt: skip
@click.option("--excluded", is_flag=True, help="Only what is not eligible, or not in full.")
@click.option("--diff", metavar="OLD.json", help="Show what changed since an earlier answer.")
@click.option(
    "--merge", multiple=True, metavar="FILE",
    help="Merge the JSON answers of several hosts; may be repeated.",
)  # fmt: skip
@click.option(
    "--fail-on", multiple=True, type=ReasonType(), metavar="REASON",
    help="End with 1 where there is this reason; may be repeated.",
)  # fmt: skip
@click.option("--init", "scaffold", is_flag=True, help="Print a roster.yml to begin with.")
@click.option("--wide", is_flag=True, help="Do not keep to 80 columns.")
@format_option("text", "json", "csv")
@now_option
@output_option
@quiet_option
def roster(
    *,
    repo: str | None,
    reason: str | None,
    excluded: bool,
    diff: str | None,
    merge: tuple[str, ...],
    fail_on: tuple[str, ...],
    scaffold: bool,
    wide: bool,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Show every registered repository: eligible, or why not and what to do about it."""
    if scaffold:
        from kaizen_schedule.planning.roster_file import example

        emit(example(), output)
        return 0
    if diff is not None and form == "csv":
        raise click.UsageError("--diff has no CSV; leave out --format, or let it be json")
    if merge:
        if any(options[name] is not None for name in ("roster", "snapshot", "scan")):
            raise click.UsageError("--merge and another source name two rosters")
        answer = answers.merge_files(merge)
    else:
        asking = asking_of(options, now=clock(now), quiet=quiet)
        with progress_bar("looking into", quiet=quiet) as progress:
            answer = fleet.show_roster(asking, progress=progress)
    rows = [
        row
        for row in answer.repos
        if (repo is None or fnmatchcase(row.repo, repo))
        and (reason is None or any(r.reason == reason for r in row.reasons))
        and (not excluded or not row.eligible or row.reasons)
    ]
    if diff is not None:
        changed = _diff(answers.read_answer(diff), answer, form, output)
        rows = [row for row in rows if row.repo in changed]
    elif form == "json":
        emit(reporters.to_json(answers.narrowed(answer, rows)), output)
    elif form == "csv":
        emit(listings.render_roster_csv(rows), output)
    else:
        grouped = False if reason is not None else None
        text = listings.render_roster(
            answer, rows, wide=wide, grouped=grouped, style=styler(output)
        )
        emit(text, output)
    if form == "text" and not merge and (rows or diff is None):
        say(_next_of_roster(answer, rows, options), quiet=quiet)
    return int(any(answer.counts.get(name, 0) for name in fail_on))


def _diff(old: RosterAnswer, new: RosterAnswer, form: str, output: str | None) -> set[str]:
    """Write what has changed; the repositories that have."""
    found = changes(old, new)
    if form == "json":
        emit(reporters.to_json(answer_of(changes=found)), output)
    else:
        emit(listings.render_changes(old, new, style=styler(output)), output)
    return {change.repo for change in found}


def answer_of(**parts: Any) -> dict[str, Any]:
    """What every answer begins with, and its own parts."""
    return {"schema_version": SCHEMA_VERSION, "tool_version": __version__, **parts}


def _next_of_roster(answer: RosterAnswer, rows: list[Any], options: dict[str, Any]) -> str:
    if not answer.repos:
        own = options["roster"] is not None  # it would be written over
        return "" if own else "next: kaizen-agentic schedule roster --init > roster.yml"
    fine = {"", Reason.OTHER_HOST, Reason.AGENT_NOT_SCHEDULED}
    for row in rows:
        if row.repo and not row.eligible and fine.isdisjoint(r.reason for r in row.reasons):
            command = again("why", operand=row.repo, options=options)
            return f"next: {command}" if command else ""
    command = again("runs", options=options)
    return f"next: {command}" if command else ""


# --- why ---------------------------------------------------------------------------------------


@click.command(
    "why",
    cls=Command,
    examples=(
        "kaizen-agentic schedule why ledger coach --roster roster.yml",
        "kaizen-agentic schedule why ledger --scan /srv --from 2026-11-30T00:00:00Z \\\n    "
        "--until 2026-12-07T00:00:00Z",
    ),
)
@click.argument("repo")
@click.argument("agent", required=False)
@source_options
@definitions_option
@click.option("--definition", metavar="ID|FILE", help="Asked by this definition.")
@click.option("--at", type=INSTANT, metavar="INSTANT", help="As when it fires at this instant.")
@click.option("--from", "start", type=INSTANT, metavar="INSTANT", help="The window's beginning.")
@click.option("--until", "end", type=INSTANT, metavar="INSTANT", help="The window's end.")
@format_option("text", "json")
@now_option
@output_option
@quiet_option
def why(
    *,
    repo: str,
    agent: str | None,
    at: datetime | None,
    start: datetime | None,
    end: datetime | None,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Walk the checks of a repository or an entry, down to what stands in the way."""
    moment = clock(now)
    asking = asking_of(options, now=moment, quiet=quiet)
    start, end, moment = _window(asking, at=at, start=start, end=end, now=moment, whole=False)
    found = fleet.explain_repository(asking, repo, agent, now=moment, start=start, end=end)
    if form == "json":
        emit(reporters.to_json(answer_of(explanations=found)), output)
    else:
        emit(listings.render_explanations(found, style=styler(output)), output)
    return 0


def _window(
    asking: Asking,
    *,
    at: datetime | None,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    whole: bool,
) -> tuple[Any, Any, datetime]:
    """The window that options mean, and the instant of the asking."""
    if at is not None:
        if start is not None or end is not None:
            raise click.UsageError("--at names a window by itself; leave out --from and --until")
        if asking.definition is None:
            raise click.UsageError("--at needs --definition: the window is until it fires again")
        window = drafts.window_at(asking.definition, at)
        return window.start, window.end, at
    if start is None and end is None and not whole:
        return None, None, now
    begin = start if start is not None else now
    return begin, end if end is not None else begin + fleet.PREVIEW, now


# --- runs --------------------------------------------------------------------------------------


@click.command(
    "runs",
    cls=Command,
    examples=(
        "kaizen-agentic schedule runs --scan /srv",
        "kaizen-agentic schedule runs --scan /srv --definition weekly-coach-orientation",
        "kaizen-agentic schedule runs --scan /srv --format ics -o runs.ics",
    ),
)
@source_options
@definitions_option
@click.option("--definition", metavar="ID|FILE", help="Of this definition; else a preview of all.")
@click.option("--at", type=INSTANT, metavar="INSTANT", help="As when it fires at this instant.")
@click.option(
    "--from", "start", type=INSTANT, metavar="INSTANT",
    help="The window's beginning. Default: now.",
)  # fmt: skip
@click.option(
    "--until", "end", type=INSTANT, metavar="INSTANT",
    help="The window's end. Default: seven days later.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List agent-not-scheduled, too.")
@click.option("--tasks", is_flag=True, help="With JSON: the tasks that the definition makes.")
@click.option("--wide", is_flag=True, help="Add UTC, and do not keep to 80 columns.")
@format_option("text", "json", "ics")
@now_option
@output_option
@quiet_option
def runs(
    *,
    at: datetime | None,
    start: datetime | None,
    end: datetime | None,
    everything: bool,
    tasks: bool,
    wide: bool,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
    **options: Any,
) -> int:
    """Show the runs of a window: of one definition, or a preview of every enabled entry."""
    moment = clock(now)
    asking = asking_of(options, now=moment, quiet=quiet)
    if tasks and (form != "json" or asking.definition is None):
        raise click.UsageError("--tasks needs --format json and --definition")
    start, end, moment = _window(asking, at=at, start=start, end=end, now=moment, whole=True)
    with progress_bar("looking into", quiet=quiet) as progress:
        found = fleet.discover_kaizen_scheduled_repos(
            asking,
            start=start,
            end=end,
            now=moment,
            list_not_scheduled=everything,
            progress=progress,
        )
    if tasks:
        from kaizen_schedule.planning.tasks import tasks_of

        assert asking.definition is not None
        emit(reporters.to_json(answer_of(tasks=tasks_of(asking.definition, found))), output)
    elif form == "json":
        emit(reporters.to_json(found), output)
    elif form == "ics":
        from kaizen_schedule.publishing.calendar import render_calendar

        emit(render_calendar(found), output)
    else:
        emit(listings.render_runs(found, wide=wide, style=styler(output)), output)
        if not found.scheduled_runs and not found.repos:
            command = again("roster", options=options)
            say(f"next: {command}" if command else "", quiet=quiet)
    return 0


COMMANDS: dict[str, click.Command] = {
    "roster": roster,
    "why": why,
    "runs": runs,
}
