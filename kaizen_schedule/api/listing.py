"""What a repository schedules, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import CronOrigin
from kaizen_schedule.planning.timetable import iter_times, times_between, timing_of
from kaizen_schedule.reading.codec import SCHEMA_VERSION

from .manifests import load_manifest
from .targets import PathLike, locate_target, no_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """An instant in two ways of writing.

    Example:
        >>> coming = list_entries(repository, now=now).entries[0].next[0]
        >>> coming.local.isoformat(), coming.local == coming.utc
        ('2026-11-30T09:00:00+01:00', True)
    """

    local: datetime
    """In the entry's zone, with its offset."""
    utc: datetime
    """In UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """An entry with its timing.

    Example:
        >>> row = list_entries(repository, now=now).entries[0]
        >>> row.agent, row.cadence.value, row.cron_origin.value, row.definition
        ('coach', 'weekly', 'definition', 'weekly-coach-orientation')
    """

    agent: str
    """The agent's name."""
    cadence: Cadence
    """How often it runs."""
    cron: str
    """When exactly."""
    cron_origin: CronOrigin
    """Where cron and zone come from."""
    timezone: str
    """The IANA zone in which the cron is read."""
    enabled: bool
    """Whether the entry is on."""
    review: str
    """`none` or `required`."""
    definition: str | None
    """The definition that fires the entry; null where nobody does."""
    next: tuple[Instant, ...]
    """The coming times; empty for an entry that is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a repository schedules.

    Example:
        >>> listing = list_entries(repository, now=now)
        >>> listing.timezone, [row.agent for row in listing.entries], listing.hidden
        ('Europe/Berlin', ['coach', 'optimization'], ('tdd-workflow',))
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    enabled: bool
    """Whether the repository is switched on."""
    timezone: str
    """The manifest's IANA zone."""
    entries: tuple[EntryRow, ...]
    """The entries that are on, or all, as asked for."""
    hidden: tuple[str, ...] = ()
    """Agents whose entries are off and were not asked for."""


def list_entries(
    target: PathLike, *, now: datetime, count: int = 1, include_disabled: bool = False
) -> Listing:
    """List what a repository schedules, and when.

    Args:
        target: The repository's folder.
        now: The instant from which coming times are looked for; with a zone.
        count: How many coming times of each entry.
        include_disabled: List entries that are off too.

    Returns:
        The entries in the manifest's order, each with its coming times.

    Raises:
        ManifestError: The manifest is absent or cannot be read.
        Refusal: It has errors.
        TargetError: There is no such folder.

    Example:
        >>> row = list_entries(repository, now=now).entries[0]
        >>> row.agent, row.cron, row.next[0].local.isoformat()
        ('coach', '0 9 * * 1', '2026-11-30T09:00:00+01:00')
    """
    zones, definitions = packaged.zones(), packaged.definitions()
    manifest = load_manifest(locate_target(target))
    rows = []
    for agent, entry in manifest.agents.items():
        timing = timing_of(agent, entry, timezone=manifest.timezone, definitions=definitions)
        coming: tuple[Instant, ...] = ()
        if entry.enabled and manifest.enabled:
            zone = zones.get(timing.timezone)
            times = islice(iter_times(timing, now, zones=zones), count)
            coming = tuple(Instant(local=t.astimezone(zone), utc=t) for t in times)
        rows.append(
            EntryRow(
                agent=agent,
                cadence=entry.cadence,
                cron=timing.cron,
                cron_origin=timing.cron_origin,
                timezone=timing.timezone,
                enabled=entry.enabled,
                review=entry.review,
                definition=timing.definition,
                next=coming,
            )
        )
    shown = tuple(row for row in rows if row.enabled or include_disabled)
    return Listing(
        enabled=manifest.enabled,
        timezone=manifest.timezone,
        entries=shown,
        hidden=tuple(row.agent for row in rows if row not in shown),
    )


def occurrences(
    target: PathLike, agent: str, *, start: datetime, end: datetime
) -> tuple[datetime, ...]:
    """The instants at which an entry recurs in the window from ``start`` until before ``end``.

    Args:
        target: The repository's folder.
        agent: The entry's agent.
        start: First instant that counts; with a zone.
        end: First instant that no longer counts; with a zone.

    Returns:
        UTC instants, rising. Windows that follow one another give each exactly once.

    Raises:
        UsageError: The manifest has no entry for the agent.
        ManifestError: The manifest is absent or cannot be read.
        Refusal: It has errors.
        TargetError: There is no such folder.

    Example:
        >>> from datetime import timedelta
        >>> times = occurrences(repository, "coach", start=now, end=now + timedelta(days=7))
        >>> [time.isoformat() for time in times]
        ['2026-11-30T08:00:00+00:00']

    Source: crontab(5) of Debian's cron, for the days on which clocks change.
    """
    manifest = load_manifest(target)
    entry = manifest.agents.get(agent)
    if entry is None:
        raise no_entry(agent, manifest.agents)
    timing = timing_of(agent, entry, timezone=manifest.timezone, definitions=packaged.definitions())
    return times_between(timing, start, end, zones=packaged.zones())


def cron_in_words(cron: str) -> str:
    """A cron in words, by cronsim.

    Args:
        cron: The cron.

    Returns:
        English words, which name no time zone.

    Raises:
        CronSimError: cronsim cannot read it.

    Example:
        >>> cron_in_words("0 9 * * 1")
        'At 09:00 on Monday'
    """
    from cronsim import CronSim

    return CronSim(cron, datetime(2026, 1, 1)).explain()  # noqa: DTZ001 - any time will do
