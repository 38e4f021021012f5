"""``discover_kaizen_scheduled_repos``: the runs of a window, and the reason where there is none.

It is pure: roster, definitions, clock, zones and the way to open a checkout are arguments. The same
arguments give the same bytes, whatever the order in which the roster came.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Protocol

from kaizen_schedule import __version__
from kaizen_schedule.reading.codec import SCHEMA_VERSION, to_plain
from kaizen_schedule.reading.errors import UsageError

from .agents import Prompt
from .definitions import (
    ActivityDefinition,
    RepoRun,
    Run,
)
from .eligibility import (
    Examined,
    Examiner,
    Exclusion,
    OpenTree,
    Place,
    Surroundings,
    sift_roster,
)
from .reasons import Reason
from .recurrence import Zones
from .roster import Roster
from .runs import Planner
from .windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there are of each."""

    registered: int
    """Items of the roster."""
    scheduled_runs: int
    """Runs."""
    repos: int
    """Repositories handed out whole, for a definition about repositories."""
    exclusions: int
    """Exclusions, those included that are not listed."""
    reasons: dict[str, int]
    """Exclusions by reason, in the order in which reasons are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a window hands out on one host, and why not the rest.

    Example:
        >>> found.counts.scheduled_runs, found.counts.reasons, len(found.digest)
        (2, {'agent-disabled': 1}, 64)
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    window: Window
    """What was asked for."""
    now: datetime
    """UTC; when it was asked."""
    host: str
    """The host that was asked about."""
    hosts: tuple[str, ...]
    """The participating hosts, sorted."""
    definition: str | None
    """The definition that asks; null in a preview."""
    roster_digest: str
    """Names the roster; answers of several hosts belong together where it is the same."""
    tzdata_version: str
    """The release of the time zone rules."""
    digest: str = ""
    """SHA-256 of the whole answer but for `now` and the versions."""
    scheduled_runs: tuple[Run, ...]
    """By instant, repository and agent."""
    repos: tuple[RepoRun, ...] = ()
    """For a definition about repositories."""
    exclusions: tuple[Exclusion, ...]
    """By repository and agent."""
    counts: Counts
    """How many there are of each."""


class _Reasoned(Protocol):
    """What has a reason."""

    @property
    def reason(self) -> Reason: ...


# --- Resolving -------------------------------------------------------------------------------


def resolve(
    roster: Roster,
    definition: ActivityDefinition | None,
    definitions: Sequence[ActivityDefinition],
    prompts: Mapping[str, Prompt],
    *,
    window: Window,
    now: datetime,
    hosts: Iterable[str],
    host: str,
    zones: Zones,
    open_tree: OpenTree,
    list_not_scheduled: bool = False,
) -> Resolution:
    """Say which runs a window hands out on a host, and why not the rest.

    Args:
        roster: The registered repositories.
        definition: What asks; None for a preview of every entry.
        definitions: All definitions, enabled or not: they lend their triggers.
        prompts: The packaged prompts.
        window: From when, and until before when; UTC.
        now: When it is asked; with a zone.
        hosts: The participating hosts.
        host: The one that is asked about.
        zones: The time zones that exist.
        open_tree: Opens the checkout at a path; raises ``FileFault`` where it cannot.
        list_not_scheduled: List ``agent-not-scheduled`` too, which is counted in any case.

    Raises:
        UsageError: The definition is a template, which asks for no agent.
    """
    around = surroundings(definition, definitions, prompts, hosts=hosts, host=host, zones=zones)
    places, excluded = sift_roster(roster, around)
    examiner = Examiner(around, open_tree)
    looked = ((place, examiner.examine(place)) for place in places)
    return conclude(
        roster,
        looked,
        excluded,
        around,
        window=window,
        now=now,
        list_not_scheduled=list_not_scheduled,
    )


def surroundings(
    definition: ActivityDefinition | None,
    definitions: Sequence[ActivityDefinition],
    prompts: Mapping[str, Prompt],
    *,
    hosts: Iterable[str],
    host: str,
    zones: Zones,
) -> Surroundings:
    """What is the same for every repository of one asking; the asking definition comes first."""
    if definition is not None:
        if definition.is_template:
            fix = "copy it, name an agent in inputs, and give the copy an id of its own"
            raise UsageError(f"definition {definition.id} is a template: it has no agent", fix=fix)
        pair = (definition.agent, definition.cadence)
        others = (d for d in definitions if (d.agent, d.cadence) != pair)
        definitions = (definition, *others)
    return Surroundings(
        definition=definition,
        definitions=tuple(definitions),
        prompts=prompts,
        zones=zones,
        hosts=tuple(sorted(set(hosts))),
        host=host,
    )


def conclude(
    roster: Roster,
    looked: Iterable[tuple[Place, Examined]],
    excluded: Iterable[Exclusion],
    around: Surroundings,
    *,
    window: Window,
    now: datetime,
    list_not_scheduled: bool = False,
) -> Resolution:
    """Make the answer of what was found in the checkouts."""
    now = now.astimezone(UTC)
    planner = Planner(window, now, around)
    runs: list[Run] = []
    repos: list[RepoRun] = []
    exclusions = list(excluded)
    whole = around.definition is not None and around.definition.about_repositories
    for place, found in looked:
        exclusions += found.exclusions
        if whole and not found.exclusions:
            handed, exclusion = planner.repo_runs(place)
            repos += handed
            if exclusion is not None:
                exclusions.append(exclusion)
        for item in found.runnable:
            made, exclusion = planner.runs(place, item, found.manifest_sha256)
            runs += made
            if exclusion is not None:
                exclusions.append(exclusion)
    runs.sort(key=attrgetter("scheduled_for_utc", "repo", "agent"))
    # Local times of one zone compare by their wall clock, which is wrong where it is put back.
    repos.sort(key=lambda run: (run.scheduled_for.astimezone(UTC), run.repo))
    exclusions.sort(key=exclusion_order)
    listed = [
        item
        for item in exclusions
        if list_not_scheduled or item.reason is not Reason.AGENT_NOT_SCHEDULED
    ]
    resolution = Resolution(
        window=window,
        now=now,
        host=around.host,
        hosts=around.hosts,
        definition=around.definition.id if around.definition is not None else None,
        roster_digest=roster.digest,
        tzdata_version=around.zones.version,
        scheduled_runs=tuple(runs),
        repos=tuple(repos),
        exclusions=tuple(listed),
        counts=Counts(
            registered=len(roster.repos) + len(roster.faulty),
            scheduled_runs=len(runs),
            repos=len(repos),
            exclusions=len(exclusions),
            reasons=count_reasons(exclusions),
        ),
    )
    return replace(resolution, digest=digest_of(resolution))


def exclusion_order(item: Exclusion) -> tuple[str, str, int, str]:
    """The order of exclusions."""
    return (item.repo, item.agent or "", _RANK[item.reason], item.detail)


_RANK = {reason: number for number, reason in enumerate(Reason)}


def count_reasons(exclusions: Iterable[_Reasoned]) -> dict[str, int]:
    """Exclusions by reason, in the order in which reasons are looked for."""
    counts: dict[Reason, int] = {}
    for item in exclusions:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    return {reason.value: counts[reason] for reason in Reason if reason in counts}


def digest_of(resolution: Resolution) -> str:
    """The digest of an answer but for its clock, its counts and the versions of the program.

    It is taken over one line of JSON for each run, repository and exclusion, of all that the
    rest of it follows from.
    """
    head = (
        to_plain(resolution.window), resolution.host, resolution.hosts, resolution.definition,
        resolution.roster_digest, resolution.tzdata_version,
    )  # fmt: skip
    hasher = hashlib.sha256(_line(head))
    for run in resolution.scheduled_runs:
        hasher.update(
            _line((
                run.idempotency_key, run.definition, run.cadence, run.cron, run.cron_origin,
                run.timezone, int(run.not_before.timestamp()), int(run.expires_at.timestamp()),
                run.host, run.path, run.labels, run.review, run.manifest_sha256,
            ))
        )  # fmt: skip
    for whole in resolution.repos:
        hasher.update(
            _line((
                whole.idempotency_key, whole.definition, whole.host, whole.path, whole.labels,
                to_plain(whole.scheduled_for), int(whole.not_before.timestamp()),
                int(whole.expires_at.timestamp()),
            ))
        )  # fmt: skip
    for item in resolution.exclusions:
        hasher.update(_line(to_plain(item)))
    return hasher.hexdigest()


def _line(value: Any) -> bytes:
    return _encode(value).encode("ascii") + b"\n"


_encode = json.JSONEncoder(separators=(",", ":")).encode
