"""``kaizen-agentic schedule``: declare, check, list and prepare what is scheduled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from kaizen_schedule import __version__
from kaizen_schedule.api import manifests, targets
from kaizen_schedule.publishing import reporters
from kaizen_schedule.reading.codec import SCHEMA_VERSION, dumps, to_plain
from kaizen_schedule.reading.diagnostics import SITE, Diagnostic
from kaizen_schedule.reading.errors import (
    KaizenError,
    ManifestError,
    Refusal,
    TargetError,
    UsageError,
)

from .commands import Command, SectionedGroup
from .output import (
    INSTANT,
    clock,
    emit,
    format_option,
    now_option,
    output_option,
    quiet_option,
    say,
    say_error,
    styler,
    target_option,
)

if TYPE_CHECKING:
    from kaizen_schedule.api.listing import Listing


@click.group(
    cls=SectionedGroup,
    sections={
        "For the owner of a repository": ("init", "validate", "list", "enable", "disable", "rule"),
        "For the operator of a fleet": (
            "roster",
            "why",
            "runs",
            "definitions",
            "pilot",
            "report",
        ),
        "For whoever works a task": ("prepare",),
    },
    elsewhere={
        **dict.fromkeys(("roster", "why", "runs"), "fleet"),
        "definitions": "definitions",
        "pilot": "pilot",
        "report": "report",
    },
)
def command() -> None:
    """Declare, check, list and prepare what is scheduled."""


# --- validate ----------------------------------------------------------------------------------


@command.command(
    "validate",
    cls=Command,
    examples=(
        "kaizen-agentic schedule validate",
        "kaizen-agentic schedule validate --strict --format github",
        "kaizen-agentic schedule validate --ignore no-definition .",
    ),
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@target_option
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@click.option(
    "--ignore", multiple=True, metavar="CODE", help="Do not report this rule, by code or name."
)
@format_option("text", "json", "sarif", "github")
@now_option
@output_option
@quiet_option
def validate(
    paths: tuple[str, ...],
    target: str | None,
    *,
    strict: bool,
    ignore: tuple[str, ...],
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Find everything that is wrong with a manifest, in one run.

    A PATH is a repository's folder or its manifest; of several, the worst exit code wins.
    """
    if paths and target is not None:
        raise click.UsageError("PATH and --target both name a repository; pass one of them")
    given = paths or ((target,) if target is not None else ())
    reports, code, failed = [], 0, False
    moment = clock(now)
    for path in given or (str(targets.locate_target()),):
        label = targets.manifest_label(path) if given else None
        try:
            report = manifests.validate(path, now=moment, ignore=ignore, label=label)
        except TargetError as error:
            say_error(error)
            code, failed = 2, True
            continue
        reports.append(report)
        code = max(code, report.exit_code)
    if not reports:
        return code
    diagnostics = tuple(d for report in reports for d in report.diagnostics)
    ok = not failed and all(report.ok for report in reports)
    if strict and diagnostics:
        ok, code = False, max(code, 1)
    if form == "text":
        text = reporters.render_diagnostics(diagnostics, style=styler(output))
    else:
        text = reporters.DIAGNOSTIC_REPORTERS[form](diagnostics, ok=ok, version=__version__)
    emit(text, output)
    if form == "text":
        say(_verdict(diagnostics), quiet=quiet)
    return code


def _verdict(diagnostics: tuple[Diagnostic, ...]) -> str:
    counts = reporters.summary_of(diagnostics)
    if not diagnostics:
        return f"{counts}; next: kaizen-agentic schedule list"
    return f"{counts}; explain one with: kaizen-agentic schedule rule {diagnostics[-1].code}"


# --- list --------------------------------------------------------------------------------------


@command.command(
    "list",
    cls=Command,
    examples=(
        "kaizen-agentic schedule list",
        "kaizen-agentic schedule list --all --next 3 --wide",
        "kaizen-agentic schedule list --format json --now 2026-11-24T12:00:00Z",
    ),
)
@target_option
@click.option("--all", "everything", is_flag=True, help="Show entries that are off, too.")
@click.option(
    "--next", "count", type=click.IntRange(1, 100), default=1, show_default=True, metavar="N",
    help="So many coming times of each entry.",
)  # fmt: skip
@click.option("--wide", is_flag=True, help="Add the cron in words, UTC and the definition.")
@format_option("text", "json")
@now_option
@output_option
def list_(
    target: str | None,
    *,
    everything: bool,
    count: int,
    wide: bool,
    form: str,
    now: datetime | None,
    output: str | None,
) -> int:
    """Show what is scheduled here, when it comes next, and where its cron comes from."""
    from kaizen_schedule.api import listing

    try:
        found = listing.list_entries(
            targets.locate_target(target), now=clock(now), count=count, include_disabled=everything
        )
    except (ManifestError, Refusal) as error:
        return _failure(error, form)
    if form == "json":
        emit(reporters.to_json(found), output)
        return 0
    emit(_listing_text(found, wide=wide), output)
    return 0


def _failure(error: KaizenError, form: str) -> int:
    """Report an error; where JSON is wanted on standard output, never in place of a result."""
    if form == "json":
        reason = error.reason if isinstance(error, Refusal) else "manifest-unavailable"
        refusal = {"reason": reason, "detail": error.message, "fix": error.fix}
        emit(
            dumps(
                {
                    "schema_version": SCHEMA_VERSION,
                    "tool_version": __version__,
                    "ok": False,
                    "refusal": refusal,
                }
            )
        )
    say_error(error)
    if isinstance(error, Refusal) and error.reason in manifests.list_reasons():
        say(f"reason: {error.reason}; kaizen-agentic schedule rule {error.reason} explains it")
    return error.exit_code


def _listing_text(found: Listing, *, wide: bool) -> str:
    from kaizen_schedule.api.listing import cron_in_words

    origin = {"entry": "this file", "cadence": "the cadence"}
    header = ["AGENT", "CADENCE", "CRON", "FROM", "NEXT"]
    if wide:
        header[4:] = ["ZONE", "REVIEW", "DEFINITION", "NEXT", "UTC", "IN WORDS"]
    rows = []
    for row in found.entries:
        first = [
            row.agent,
            row.cadence,
            row.cron,
            origin.get(row.cron_origin, row.definition or ""),
        ]
        off = "off" if not row.enabled else "off: enabled: false above"
        times = row.next or (None,)
        for number, moment in enumerate(times):
            cells = first if number == 0 else [""] * len(first)
            local = reporters.day_and_time(moment.local) if moment else off
            if row.timezone != found.timezone and moment:
                local += f" {row.timezone}"
            if wide:
                utc = moment.utc.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
                more = [row.timezone, row.review, row.definition or "none"]
                words = cron_in_words(row.cron) if number == 0 else ""
                cells = [*cells, *(more if number == 0 else [""] * 3), local, utc, words]
            else:
                cells = [*cells, local]
            rows.append(cells)
    lines = []
    if rows:
        lines.append(reporters.render_table(header, rows, width=0 if wide else 80))
    if not found.enabled:
        lines.append(
            "The repository is off: nothing here runs. On: kaizen-agentic schedule enable\n"
        )
    hidden = len(found.hidden)
    note = f"Times are {found.timezone}."
    if hidden:
        verb = "is" if hidden == 1 else "are"
        shows = "it" if hidden == 1 else "them"
        names = ", ".join(found.hidden[:5]) + (", ..." if hidden > 5 else "")
        note += f" {reporters.count_of(hidden, 'entry')} {verb} off ({names}): --all shows {shows}."
    elif not rows:
        note += " No agent is scheduled yet: add one under agents: in .kaizen/schedule.yml."
    lines.append(f"{note}\n")
    return "".join(lines)


# --- init, enable, disable ---------------------------------------------------------------------


@command.command(
    "init",
    cls=Command,
    examples=(
        "kaizen-agentic schedule init",
        "kaizen-agentic schedule init --timezone Europe/Berlin --agent coach",
        "kaizen-agentic schedule init --dry-run",
    ),
)
@target_option
@click.option("--force", is_flag=True, help="Overwrite a manifest that is there already.")
@click.option("--timezone", metavar="ZONE", help="IANA name. Default: the machine's, else UTC.")
@click.option(
    "--agent", "agents", multiple=True, metavar="NAME",
    help="Schedule this agent weekly, instead of the usual three; may be repeated.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the manifest and write nothing.")
@quiet_option
def init(
    target: str | None,
    *,
    force: bool,
    timezone: str | None,
    agents: tuple[str, ...],
    dry_run: bool,
    quiet: bool,
) -> int:
    """Scaffold .kaizen/schedule.yml, and say what has to happen before anything runs.

    Without --target it is written here, in the working folder.
    """
    from kaizen_schedule.api import editing
    from kaizen_schedule.edges.machine import machine_timezone

    folder = targets.locate_target(target if target is not None else ".")
    text = editing.init(
        folder,
        timezone=timezone if timezone is not None else machine_timezone(),
        agents=agents,
        force=force,
        dry_run=dry_run,
    )
    if dry_run:
        emit(text)
        say("nothing was written", quiet=quiet)
        return 0
    say(_AFTER_INIT, quiet=quiet)
    return 0


_AFTER_INIT = """\
wrote .kaizen/schedule.yml
Before anything runs:
  1. edit it and check it:   kaizen-agentic schedule validate
  2. keep concurrent records: add this line to .gitattributes
       .kaizen/**/*.jsonl merge=union
  3. commit .kaizen/ and push
  4. the operator of the fleet adds this repository to the roster
next: kaizen-agentic schedule list
"""


@command.command(
    "enable",
    cls=Command,
    examples=("kaizen-agentic schedule enable tdd-workflow", "kaizen-agentic schedule enable"),
)
@click.argument("agent", required=False)
@target_option
@quiet_option
def enable(agent: str | None, target: str | None, *, quiet: bool) -> int:
    """Switch an entry on, or without AGENT the whole repository."""
    return _switch(agent, target, enabled=True, quiet=quiet)


@command.command(
    "disable",
    cls=Command,
    examples=("kaizen-agentic schedule disable optimization", "kaizen-agentic schedule disable"),
)
@click.argument("agent", required=False)
@target_option
@quiet_option
def disable(agent: str | None, target: str | None, *, quiet: bool) -> int:
    """Switch an entry off, or without AGENT the whole repository."""
    return _switch(agent, target, enabled=False, quiet=quiet)


def _switch(agent: str | None, target: str | None, *, enabled: bool, quiet: bool) -> int:
    from kaizen_schedule.api import editing

    changed = editing.enable(targets.locate_target(target), agent, enabled=enabled)
    what = agent or "the repository"
    state = "on" if enabled else "off"
    say(f"{what} is {state}" if changed else f"{what} was {state} already", quiet=quiet)
    if not enabled:
        say("tasks already handed out are refused when they are prepared", quiet=quiet)
    say("next: kaizen-agentic schedule list", quiet=quiet)
    return 0


# --- prepare -----------------------------------------------------------------------------------


@command.command(
    "prepare",
    cls=Command,
    examples=(
        "kaizen-agentic schedule prepare coach",
        "kaizen-agentic schedule prepare coach --format json -o bundle.json",
        "kaizen-agentic schedule prepare coach --token-budget 8000",
        "kaizen-agentic schedule prepare coach --now 2026-11-30T09:00:00Z \\\n"
        "    --run my-repo:coach:2026-11-30T08:00:00Z \\\n"
        "    --definition weekly-coach-orientation \\\n"
        "    --expires-at 2026-12-04T08:00:00Z --event event.json",
    ),
)
@click.argument("agent")
@target_option
@format_option("markdown", "json")
@click.option(
    "--token-budget", type=click.IntRange(min=0), default=16_000, show_default=True, metavar="N",
    help="The most tokens, by estimate; 0 for no budget.",
)  # fmt: skip
@click.option("--run", metavar="KEY", help="The idempotency key of the run that was handed out.")
@click.option("--definition", metavar="ID", help="The definition that handed it out.")
@click.option("--expires-at", type=INSTANT, metavar="INSTANT", help="When the run expires.")
@click.option(
    "--event", metavar="FILE", type=click.Path(),
    help="Write a CloudEvent that tells of it; needs --run, --definition and --expires-at.",
)  # fmt: skip
@now_option
@output_option
@quiet_option
def prepare(
    agent: str,
    target: str | None,
    *,
    form: str,
    token_budget: int,
    run: str | None,
    definition: str | None,
    expires_at: datetime | None,
    event: str | None,
    now: datetime | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Prepare everything that the agent's session needs, in one bundle.

    It reads the repository, runs nothing, and needs no network.
    """
    if event is not None:
        needed = {"--run": run, "--definition": definition, "--expires-at": expires_at}
        _check_event(event, output, missing=[name for name in needed if not needed[name]])
    try:
        from kaizen_schedule.api import tasks

        bundle = tasks.prepare(
            targets.locate_target(target),
            agent,
            now=clock(now),
            run=run,
            definition=definition,
            expires_at=expires_at,
            token_budget=token_budget,
        )
    except Refusal as error:
        return _failure(error, form)
    if form == "json":
        emit(reporters.to_json(bundle), output)
    else:
        from kaizen_schedule.orienting.bundle import render_bundle

        emit(render_bundle(bundle), output)
    if event is not None:
        from kaizen_schedule.orienting.events import prepared_event

        emit(dumps(prepared_event(bundle)), event)
    for warning in bundle.warnings:
        say(f"warning: {warning}", quiet=quiet)
    return 0


def _check_event(event: str, output: str | None, *, missing: Sequence[str]) -> None:
    """Refuse an event that cannot be made, or that would be written into the bundle."""
    if missing:
        raise click.UsageError(f"--event needs {', '.join(missing)}: it tells of a run")
    if os.path.abspath(event) == os.path.abspath(output or "-"):
        place = "standard output" if event == "-" else "the same file"
        raise click.UsageError(f"the bundle and --event both go to {place}; give each its own FILE")


# --- rule --------------------------------------------------------------------------------------


@command.command(
    "rule",
    cls=Command,
    examples=(
        "kaizen-agentic schedule rule KS204",
        "kaizen-agentic schedule rule not-due",
        "kaizen-agentic schedule rule",
    ),
)
@click.argument("code", required=False)
@format_option("text", "json")
@output_option
def rule(code: str | None, *, form: str, output: str | None) -> int:
    """Explain a rule, or a reason why there is no run, or list them all."""
    if code is None:
        rules, reasons = manifests.list_rules(), manifests.list_reasons()
        if form == "json":
            emit(dumps({"rules": [to_plain(r) for r in rules], "reasons": reasons}), output)
        else:
            rows = [(r.code, r.name, r.severity, r.title) for r in rules]
            text = reporters.render_table(("CODE", "NAME", "SEVERITY", "WHAT"), rows)
            named = reporters.render_names("Reasons why there is no run", reasons)
            emit(f"{text}\n{named}", output)
        return 0
    plain, page = _explained(code)
    emit(dumps({**plain, "explanation": page}) if form == "json" else page, output)
    return 0


def _explained(name: str) -> tuple[dict[str, Any], str]:
    """What is known by a name: a rule, a reason, or one of each, which mean the same fault."""
    reason = name.lower() if name.lower() in manifests.list_reasons() else None
    page = manifests.explain_reason(name) if reason is not None else ""
    try:
        rule, text = manifests.explain_rule(name)
    except UsageError:
        if reason is None:
            raise
        return {"name": reason, "url": f"{SITE}reasons/#{reason}"}, page
    plain: Any = to_plain(rule)
    return {**plain, "url": rule.url}, "\n".join(filter(None, (text, page)))
