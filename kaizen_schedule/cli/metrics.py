"""``kaizen-agentic metrics``: how runs ended, and what follows from it."""

from __future__ import annotations

from datetime import datetime

import click

from kaizen_schedule.api import targets, tasks
from kaizen_schedule.orienting.metrics import DURATION_LIMIT
from kaizen_schedule.orienting.suggestions import render_suggestions
from kaizen_schedule.orienting.trends import render_summary
from kaizen_schedule.publishing import reporters

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
    target_option,
)

days_option = click.option(
    "--days", type=click.IntRange(1, 3660), default=28, show_default=True, metavar="N",
    help="The period that is looked at; as many days before it are compared.",
)  # fmt: skip


@click.group(cls=SectionedGroup, sections={"Commands": ("record", "show", "optimize")})
def command() -> None:
    """How runs ended, and what follows from it."""


@command.command(
    "record",
    cls=Command,
    examples=(
        "kaizen-agentic metrics record coach --outcome success --duration-s 250",
        "kaizen-agentic metrics record coach --outcome partial --duration-s 60",
    ),
)
@click.argument("agent")
@target_option
@click.option(
    "--outcome", required=True, type=click.Choice(["success", "partial", "failure"]),
    help="How it ended; partial: something is left, or a person has to decide.",
)  # fmt: skip
@click.option("--duration-s", type=float, metavar="SECONDS", help="How long it took.")
@click.option(
    "--started-at", type=INSTANT, metavar="INSTANT", help="When it began, instead of --duration-s."
)
@click.option("--quality", type=float, metavar="0..1", help="How good the result is.")
@click.option("--note", default="", metavar="TEXT", help="A few words, at most 1,000 characters.")
@click.option("--run", metavar="KEY", help="The run's idempotency key, as the bundle prints it.")
@now_option
@quiet_option
def record(
    agent: str,
    target: str | None,
    *,
    outcome: str,
    duration_s: float | None,
    started_at: datetime | None,
    quality: float | None,
    note: str,
    run: str | None,
    now: datetime | None,
    quiet: bool,
) -> int:
    """Record how a run ended. A second record of one run counts in place of the first."""
    moment = clock(now)
    if (duration_s is None) == (started_at is None):
        raise click.UsageError("pass one of --duration-s SECONDS and --started-at INSTANT")
    if started_at is not None:
        elapsed = (moment - started_at).total_seconds()
        duration_s = min(max(elapsed, 0.0), DURATION_LIMIT)
        if duration_s != elapsed:
            say(f"warning: started at {started_at:%Y-%m-%dT%H:%M:%SZ} cannot be; "
                f"recorded as {duration_s:.0f} seconds", quiet=quiet)  # fmt: skip
    assert duration_s is not None
    recorded = tasks.record_execution(
        targets.locate_target(target),
        agent,
        outcome=outcome,
        duration_s=duration_s,
        quality=quality,
        note=note,
        run=run,
        now=moment,
    )
    if recorded.supersedes is not None:
        before = recorded.supersedes
        say(
            f"this run was recorded before, as {before.outcome} at "
            f"{before.timestamp:%Y-%m-%dT%H:%M:%SZ}; it counts once, by the later record",
            quiet=quiet,
        )
    say(f"recorded in {recorded.path}; next: kaizen-agentic metrics show {agent}", quiet=quiet)
    return 0


@command.command(
    "show",
    cls=Command,
    examples=("kaizen-agentic metrics show coach", "kaizen-agentic metrics show coach --days 90"),
)
@click.argument("agent")
@target_option
@days_option
@format_option("text", "json")
@now_option
@output_option
@quiet_option
def show(
    agent: str,
    target: str | None,
    *,
    days: int,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Show an agent's runs: how many, how well, how long, and the trend."""
    found = tasks.read_metrics(targets.locate_target(target), agent, now=clock(now), days=days)
    if form == "json":
        emit(reporters.to_json(found), output)
    else:
        emit(render_summary(found.summary, agent=agent), output)
    say(reporters.render_diagnostics(found.diagnostics), quiet=quiet)
    return 0


@command.command(
    "optimize",
    cls=Command,
    examples=("kaizen-agentic metrics optimize coach", "kaizen-agentic metrics optimize"),
)
@click.argument("agent", required=False)
@target_option
@days_option
@format_option("text", "json")
@now_option
@output_option
@quiet_option
def optimize(
    agent: str | None,
    target: str | None,
    *,
    days: int,
    form: str,
    now: datetime | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Say what an agent's records suggest, and which records say so; without AGENT, everybody's."""
    folder, moment = targets.locate_target(target), clock(now)
    agents = (agent,) if agent is not None else tasks.recorded_agents(folder)
    all_found = [tasks.read_metrics(folder, name, now=moment, days=days) for name in agents]
    if form == "json":
        result = all_found[0] if agent is not None else {"agents": all_found}
        emit(reporters.to_json(result), output)
    else:
        texts = (render_suggestions(item.suggestions, agent=item.agent) for item in all_found)
        emit("\n".join(texts) or "no agent has recorded a run here\n", output)
    for item in all_found:
        say(reporters.render_diagnostics(item.diagnostics), quiet=quiet)
    return 0
