"""Definitions: when the orchestrator asks which runs are due, for whom, and what a task says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Literal

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import KaizenError

from .cron import Cadence
from .manifest import Review
from .shape import nearest

RESOLVER: Literal["discover_kaizen_scheduled_repos"] = "discover_kaizen_scheduled_repos"


class CronOrigin(StrEnum):
    """Where an entry's cron and zone come from.

    Example:
        >>> from kaizen_schedule import list_entries
        >>> list_entries(repository, now=now).entries[0].cron_origin is CronOrigin.DEFINITION
        True
    """

    ENTRY = "entry"
    """The entry's own cron, in the manifest's zone."""
    DEFINITION = "definition"
    """Cron and zone of the definition for this agent and cadence, enabled or not."""
    CADENCE = "cadence"
    """The cadence's default cron, in the manifest's zone."""


class ForEach(StrEnum):
    """What a task is created for."""

    RUNS = "context.scheduled_runs"
    """Each run of an entry."""
    REPOS = "context.repos"
    """Each repository, for a definition about repositories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One entry at one instant: what a task is made from.

    Example:
        >>> from datetime import timedelta
        >>> from kaizen_schedule import Asking, discover_kaizen_scheduled_repos, load_roster
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}])
        >>> asking = Asking(roster=roster, host="forge-1")
        >>> found = discover_kaizen_scheduled_repos(
        ...     asking, start=now, end=now + timedelta(days=7), now=now
        ... )
        >>> run = found.scheduled_runs[0]
        >>> run.idempotency_key, run.scheduled_for.isoformat()
        ('ledger:coach:2026-11-30T08:00:00Z', '2026-11-30T09:00:00+01:00')
    """

    repo: str
    """The repository's slug."""
    agent: str
    """The agent's name."""
    definition: str
    """The definition that hands it out; in a preview, the one for this agent and cadence."""
    cadence: Cadence
    """How often the entry runs."""
    cron: str
    """When exactly."""
    cron_origin: CronOrigin
    """Where cron and zone come from."""
    timezone: str
    """The zone in which the cron is read."""
    scheduled_for: datetime
    """Local time with its offset, which is `Z` where it is zero."""
    scheduled_for_utc: datetime
    """The same instant in UTC."""
    not_before: datetime
    """UTC; the scheduled time and the stagger. The task is held until then."""
    expires_at: datetime
    """UTC; from then on the run is refused."""
    host: str
    """The host that works it."""
    path: str
    """The checkout on that host."""
    idempotency_key: str
    """The run's name: one task at most has it."""
    concurrency_key: str
    """Host and path: one started task at most has it."""
    labels: tuple[str, ...]
    """The task's labels."""
    review: Review
    """`required` where a person has to look at the result."""
    manifest_sha256: str
    """Of the manifest's bytes."""
    argv: tuple[str, ...]
    """The words of the task's command, exact."""
    command: str
    """The same as one line for a POSIX shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRun:
    """One repository at one instant: what a task about a whole repository is made from.

    Example:
        >>> from datetime import timedelta
        >>> import kaizen_schedule as kaizen
        >>> metrics = next(d for d in kaizen.list_definitions(now=now) if d.about_repositories)
        >>> recorded = kaizen.record_execution(
        ...     repository, "coach", outcome="success", duration_s=250, now=now
        ... )
        >>> roster = kaizen.load_roster(
        ...     [{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]
        ... )
        >>> found = kaizen.discover_kaizen_scheduled_repos(
        ...     kaizen.Asking(roster=roster, host="forge-1", definition=metrics),
        ...     start=now, end=now + timedelta(days=7), now=now,
        ... )
        >>> found.repos[0].repo, found.repos[0].argv[:3]
        ('ledger', ('kaizen-agentic', 'metrics', 'optimize'))
    """

    repo: str
    """The repository's slug."""
    definition: str
    """The definition that hands it out."""
    host: str
    """The host that works it."""
    path: str
    """The checkout on that host."""
    scheduled_for: datetime
    """Local time in the trigger's zone with its offset, which is `Z` where it is zero."""
    not_before: datetime
    """UTC; the scheduled time and the stagger."""
    expires_at: datetime
    """UTC."""
    idempotency_key: str
    """The run's name: one task at most has it."""
    concurrency_key: str
    """Host and path: one started task at most has it."""
    labels: tuple[str, ...]
    """The task's labels."""
    argv: tuple[str, ...]
    """The words of the task's command, exact."""
    command: str
    """The same as one line for a POSIX shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When the orchestrator asks."""

    cron: str
    """In the portable subset, and safe over clock changes."""
    timezone: str
    """An IANA name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What it asks for."""

    agent: str | None = None
    """The agent; null for a definition about repositories, and for the template."""
    cadence: Cadence | None = None
    """The cadence; null for a definition about repositories."""
    include: tuple[str, ...] = ("*",)
    """Globs of the slugs that are asked about."""
    exclude: tuple[str, ...] = ()
    """Globs of the slugs that are left out of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who answers, and what is asked."""

    resolver: Literal["discover_kaizen_scheduled_repos"]
    """The library call that answers."""
    inputs: Inputs
    """What it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTemplate:
    """What a task says; `{{ run.… }}` names a field of the run."""

    title: str
    """One line."""
    description: str
    """For whoever works it."""
    command: Literal["{{ run.command }}"]
    """Always the run's own."""
    labels: tuple[str, ...] = ()
    """For filters."""
    idempotency_key: Literal["{{ run.idempotency_key }}"]
    """Always the run's own."""
    not_before: Literal["{{ run.not_before }}"]
    """Always the run's own."""
    expires_at: Literal["{{ run.expires_at }}"]
    """Always the run's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the orchestrator treats what overlaps, is late, or takes too long; ISO 8601 durations."""

    overlap: Literal["skip"]
    """An asking that is still under way is not begun again."""
    catchup_window: str
    """How late a trigger may still fire after an outage."""
    stagger_window: str
    """Runs are spread over so much time after their scheduled one."""
    expires_after: str
    """A run that has not begun so long after its `not_before` is refused."""
    run_timeout: str
    """How long a task may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDefinition:
    """When the orchestrator asks, for whom, and what the tasks say.

    Example:
        >>> from kaizen_schedule import list_definitions
        >>> coach = list_definitions(now=now)[1]
        >>> coach.id, coach.trigger.cron, coach.trigger.timezone, coach.enabled
        ('weekly-coach-orientation', '0 9 * * 1', 'Europe/Berlin', False)
    """

    id: str
    """Its name, unique among definitions."""
    title: str
    """One line for people."""
    enabled: bool
    """Whether the orchestrator fires it; a disabled one still lends its trigger."""
    owner: str
    """The team that switches it."""
    trigger: Trigger
    """When it asks."""
    context: Context
    """What it asks."""
    for_each: ForEach
    """What a task is created for."""
    task: TaskTemplate
    """What a task says."""
    policy: Policy
    """How what is late or overlaps is treated."""
    text: str = ""
    """What it is for, in markdown; stands behind the front matter, exactly."""

    @property
    def agent(self) -> str | None:
        """The agent it is for; None for one about repositories, and for the template."""
        return self.context.inputs.agent

    @property
    def cadence(self) -> Cadence | None:
        """The cadence it is for; None for one about repositories."""
        return self.context.inputs.cadence

    @property
    def about_repositories(self) -> bool:
        """Whether it asks for repositories, not for an agent's runs."""
        return self.for_each is ForEach.REPOS

    @property
    def is_template(self) -> bool:
        """Whether it is to be copied, and fires nothing."""
        return self.agent is None and not self.about_repositories


def definition_for(
    agent: str, cadence: Cadence, definitions: Iterable[ActivityDefinition]
) -> ActivityDefinition | None:
    """The definition for this agent and cadence; there is one at most."""
    for definition in definitions:
        if definition.agent == agent and definition.cadence is cadence:
            return definition
    return None


# --- Durations -------------------------------------------------------------------------------

_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?",
    re.ASCII,
)


@lru_cache(maxsize=1024)
def seconds_of(duration: str) -> int:
    """An ISO 8601 duration in seconds.

    Raises:
        ValueError: It is none of weeks, days, hours, minutes and seconds in whole numbers.

    Example:
        >>> seconds_of("P7D"), seconds_of("PT30M")
        (604800, 1800)

    Source: ISO 8601-1, 5.5.2.2; years and months have no fixed length and are left out.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(duration)
    units = (604_800, 86_400, 3_600, 60, 1)
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True))


# --- Placeholders ----------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"\{\{ ([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*) \}\}")
_BRACES = re.compile(r"\{[^}]*\}*|\}+")
_RUN_FIELDS = tuple(name for name in Run.__dataclass_fields__ if name not in ("labels", "argv"))
_REPO_FIELDS = tuple(
    name for name in RepoRun.__dataclass_fields__ if name not in ("labels", "argv")
)


@cache
def placeholders(for_each: ForEach) -> tuple[str, ...]:
    """The names that a task's texts may use.

    Example:
        >>> placeholders(ForEach.REPOS)[:3]
        ('run.repo', 'run.definition', 'run.host')
    """
    fields = _REPO_FIELDS if for_each is ForEach.REPOS else _RUN_FIELDS
    return tuple(f"run.{name}" for name in fields)


def render_template(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of placeholders, once: what a value holds is never looked at.

    Args:
        text: The template.
        values: The values by their dotted names.

    Raises:
        KaizenError: There is no such name, or something else stands in braces.

    Example:
        >>> render_template("{{ run.agent }}!", {"run.agent": "{{ run.repo }}"})
        '{{ run.repo }}!'
    """
    if problem := template_problem(text, tuple(values)):
        raise KaizenError(problem[0], fix=problem[1])
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


@lru_cache(maxsize=1024)
def template_problem(text: str, known: tuple[str, ...]) -> tuple[str, str] | None:
    """What is wrong with a template's placeholders, and a fix."""
    for match in _PLACEHOLDER.finditer(text):
        if match[1] not in known:
            near = nearest(match[1], known)
            fix = f"did you mean {{{{ {near} }}}}?" if near else f"known are {', '.join(known)}"
            return f"placeholder {safety.show(match[0])} names nothing", fix
    odd = _BRACES.search(_PLACEHOLDER.sub("", text))
    if odd is None:
        return None
    near = nearest(odd[0].strip("{} "), known) or "run.repo"
    return f"braces hold no placeholder: {safety.show(odd[0])}", f"write {{{{ {near} }}}}"
