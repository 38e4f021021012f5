"""Tasks: what the orchestrator stores for a run, rendered strictly from its definition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kaizen_schedule.reading import safety

from .definitions import ActivityDefinition, RepoRun, Run, render_template, seconds_of
from .manifest import Review
from .resolver import Resolution
from .runs import values_of

TITLE_LIMIT = 200
"""Characters of a task's title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What somebody works: one command, when, and where.

    Example:
        >>> from datetime import timedelta
        >>> import kaizen_schedule as kaizen
        >>> coach = kaizen.list_definitions(now=now)[1]
        >>> roster = kaizen.load_roster(
        ...     [{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]
        ... )
        >>> found = kaizen.discover_kaizen_scheduled_repos(
        ...     kaizen.Asking(roster=roster, host="forge-1", definition=coach),
        ...     start=now, end=now + timedelta(days=7), now=now,
        ... )
        >>> task = kaizen.tasks_of(coach, found)[0]
        >>> task.argv[:3], task.run_timeout, task.review.value
        (('kaizen-agentic', 'schedule', 'prepare'), 7200, 'none')
    """

    title: str
    """One line."""
    description: str
    """What to do with the command."""
    command: str
    """The run's own, as one line for a POSIX shell."""
    argv: tuple[str, ...]
    """Its words, exact."""
    labels: tuple[str, ...]
    """For filters."""
    idempotency_key: str
    """One task at most has it; kept for 400 days."""
    concurrency_key: str
    """One started task at most has it."""
    not_before: datetime
    """UTC; the task is held until then."""
    expires_at: datetime
    """UTC; from then on preparing it is refused."""
    run_timeout: int
    """Seconds that it may take."""
    host: str
    """The host that works it."""
    repo: str
    """The repository's slug."""
    agent: str | None
    """The agent; null for a task about a whole repository."""
    definition: str
    """The definition that handed it out."""
    review: Review
    """`required` where a person has to look at the result."""


def render_task(definition: ActivityDefinition, run: Run | RepoRun) -> Task:
    """Make the task of a run.

    Args:
        definition: The definition that hands it out.
        run: The run.

    Returns:
        The task.

    Raises:
        KaizenError: A placeholder of the definition names nothing.
    """
    values = values_of(run)
    title = safety.escape(render_template(definition.task.title, values))
    return Task(
        title=safety.clip(title, TITLE_LIMIT),
        description=render_template(definition.task.description, values),
        command=run.command,
        argv=run.argv,
        labels=run.labels,
        idempotency_key=run.idempotency_key,
        concurrency_key=run.concurrency_key,
        not_before=run.not_before,
        expires_at=run.expires_at,
        run_timeout=seconds_of(definition.policy.run_timeout),
        host=run.host,
        repo=run.repo,
        agent=run.agent if isinstance(run, Run) else None,
        definition=run.definition,
        review=run.review if isinstance(run, Run) else Review.NONE,
    )


def tasks_of(definition: ActivityDefinition, resolution: Resolution) -> tuple[Task, ...]:
    """The tasks of everything that an answer hands out, in its order.

    Args:
        definition: The definition that asked.
        resolution: The answer.

    Returns:
        One task for each run; of a definition about repositories, one for each repository.

    Raises:
        KaizenError: A placeholder of the definition names nothing.

    Example:
        >>> from datetime import timedelta
        >>> from kaizen_schedule import Asking, discover_kaizen_scheduled_repos, list_definitions
        >>> from kaizen_schedule import load_roster
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}])
        >>> coach = list_definitions(now=now)[1]
        >>> found = discover_kaizen_scheduled_repos(
        ...     Asking(roster=roster, host="forge-1", definition=coach),
        ...     start=now, end=now + timedelta(days=7), now=now,
        ... )
        >>> tasks_of(coach, found)[0].title
        'coach in ledger, 2026-11-30T09:00:00+01:00'
    """
    handed: tuple[Run | RepoRun, ...] = (*resolution.scheduled_runs, *resolution.repos)
    return tuple(render_task(definition, run) for run in handed)


# --- The orchestrator's own form -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalSchedule:
    """A definition as plain data for a Temporal Schedule; switched on by the orchestrator's team.

    Source: temporal.api.schedule.v1 (ScheduleSpec, ScheduleState, SchedulePolicies).
    """

    schedule_id: str
    """The definition's id."""
    cron_expressions: tuple[str, ...]
    """The trigger's cron, alone."""
    time_zone_name: str
    """The trigger's zone."""
    paused: bool
    """True: a draft never fires by being created."""
    note: str
    """Why it is paused."""
    overlap: str
    """`skip`."""
    catchup_window: int
    """Seconds; left out, Temporal catches up a year."""
    jitter: int
    """Seconds; 0, since runs are staggered by their own `not_before`."""


def temporal_schedule(definition: ActivityDefinition) -> TemporalSchedule:
    """Render a definition's trigger for a Temporal Schedule."""
    return TemporalSchedule(
        schedule_id=definition.id,
        cron_expressions=(definition.trigger.cron,),
        time_zone_name=definition.trigger.timezone,
        paused=not definition.enabled,
        note=f"draft: {definition.owner} switches it on" if not definition.enabled else "",
        overlap=definition.policy.overlap,
        catchup_window=seconds_of(definition.policy.catchup_window),
        jitter=0,
    )
