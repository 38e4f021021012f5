"""When a cron fires: on the time line, over clock changes, in the zones of one pinned release.

Clock changes follow Debian cron: a time whose minute or hour begins with ``*`` follows real time; a
fixed time runs once, and at the first instant after the gap when it is skipped.

Source: cron(8) of Debian's cron, "Daylight Saving Time and other time changes".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple, Protocol

from .cron import Cron


class Zones(Protocol):
    """Time zone rules, from one pinned release of the IANA data."""

    @property
    def version(self) -> str:
        """The release, such as ``2026.2``."""
        ...

    @property
    def names(self) -> Collection[str]:
        """Every name that a manifest may use."""
        ...

    def get(self, name: str) -> tzinfo | None:
        """The zone of exactly this name."""
        ...


# --- Clock changes ---------------------------------------------------------------------------


class ClockChange(NamedTuple):
    """An instant at which a zone's clocks are put forward or back."""

    at: datetime
    """UTC."""
    before: timedelta
    """Offset to UTC until then."""
    after: timedelta
    """Offset to UTC from then on."""

    @property
    def local(self) -> tuple[datetime, datetime]:
        """The local times, without zone, that are skipped or repeated: from, until."""
        naive = self.at.replace(tzinfo=None)
        first, last = sorted((naive + self.before, naive + self.after))
        return first, last


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _change_between(zone: tzinfo, low: datetime, high: datetime) -> ClockChange:
    """The clock change between two UTC instants whose offsets differ, to the second."""
    before, after = _offset(zone, low), _offset(zone, high)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(zone, middle) == before:
            low = middle
        else:
            high, after = middle, _offset(zone, middle)
    return ClockChange(at=high, before=before, after=after)


HORIZON = timedelta(days=5 * 366)
"""How far ahead clock changes are looked for."""


@lru_cache(maxsize=1024)
def clock_changes(zone: tzinfo, start: date) -> tuple[ClockChange, ...]:
    """The clock changes of the five years from a date.

    Args:
        zone: A time zone.
        start: The first day, in UTC.

    Example:
        >>> from datetime import timezone
        >>> clock_changes(timezone.utc, date(2026, 1, 1))
        ()
    """
    found = []
    low = datetime(start.year, start.month, start.day, tzinfo=UTC)
    end, before = low + HORIZON, _offset(zone, low)
    # Weekly probes: no zone changes its clocks and back within a week.
    while low < end:
        high = low + timedelta(days=7)
        after = _offset(zone, high)
        if before != after:
            found.append(_change_between(zone, low, high))
        low, before = high, after
    return tuple(found)


class _Hazards(NamedTuple):
    """Where engines differ in a zone."""

    changes: bool
    """Whether its clocks change at all."""
    at_midnight: bool
    """Whether they change around midnight, which moves whole days."""
    hours: dict[int, str]
    """Hours to avoid, and why."""


@lru_cache(maxsize=1024)
def _hazards(zone: tzinfo, today: date) -> _Hazards:
    stretches = [change.local for change in clock_changes(zone, today)]
    hours = {hour: f"hour {hour} is near a clock change" for hour in (0, 1, 2, 3, 23)}
    for first, last in reversed(stretches):
        moment = first.replace(minute=0, second=0)
        while moment < last:
            on = f"is skipped or repeated on {first:%Y-%m-%d}"
            hours[moment.hour] = f"hour {moment.hour} {on}"
            moment += timedelta(hours=1)
    at_midnight = any(
        last.replace(hour=0, minute=0, second=0) >= first for first, last in stretches
    )
    return _Hazards(bool(stretches), at_midnight, hours)


def dst_hazard(cron: Cron, zone: tzinfo, today: date) -> str:
    """Say why engines may fire this cron at different instants when clocks change.

    Args:
        cron: The cron.
        zone: Its time zone.
        today: The day from which five years are looked at.

    Returns:
        The reason in a few words; empty where there is none.

    Source: fires of Temporal 1.32, compared for every way in which clocks change in the tzdata of
    2026f to 2031: at the hours that are left, the two agree.
    """
    hazards = _hazards(zone, today)
    if not hazards.changes:
        return ""
    if cron.any_hour:
        return "a wildcard hour"
    if hazards.at_midnight:
        return "the zone changes its clocks at midnight"
    return next((hazards.hours[hour] for hour in cron.hours if hour in hazards.hours), "")


def hazard_fix(zone: tzinfo, today: date) -> str:
    """What to write instead of a cron that engines may fire at different instants.

    Args:
        zone: Its time zone.
        today: The day from which five years are looked at.

    Returns:
        A fix that is no hazard itself.
    """
    hazards = _hazards(zone, today)
    safe = [hour for hour in range(24) if hour not in hazards.hours]
    if hazards.at_midnight or not safe:
        return "write timezone: UTC"
    # A zone may change its clocks in the evening, as Easter Island does.
    last = next(hour for hour in safe if hour + 1 not in safe)
    return f"write timezone: UTC, or an hour from {safe[0]} to {last}"


# --- Occurrences -----------------------------------------------------------------------------

_SLACK = timedelta(hours=25)


def iter_occurrences(cron: Cron, zone: tzinfo, start: datetime) -> Iterator[datetime]:
    """Yield the instants at which a cron fires, from ``start`` on, without end.

    The local times come from cronsim without a zone; each is then put on the time line here,
    since cronsim is wrong where clocks change by half an hour (Australia/Lord_Howe).

    Args:
        cron: The cron.
        zone: Its time zone.
        start: The first instant that counts, with a zone.

    Yields:
        UTC instants, rising, each once.

    Example:
        >>> from kaizen_schedule.planning.cron import parse_cron
        >>> start = datetime(2026, 11, 30, tzinfo=UTC)
        >>> next(iter_occurrences(parse_cron("0 9 * * 1"), UTC, start)).isoformat()
        '2026-11-30T09:00:00+00:00'
    """
    from cronsim import CronSim

    start = start.astimezone(UTC)
    near_change = _offset(zone, start - _SLACK) != _offset(zone, start + _SLACK)
    local = start.astimezone(zone).replace(tzinfo=None) - timedelta(minutes=1)
    if near_change:
        local -= _SLACK
    # The second passes of repeated local times, which wait for the first ones to be done.
    second_passes: deque[datetime] = deque()
    last: datetime | None = None
    for moment in CronSim(cron.text, local):
        for instant in _instants(
            moment, zone, second_passes, follows_real_time=cron.follows_real_time
        ):
            if instant >= start and instant != last:
                last = instant
                yield instant


def _instants(
    moment: datetime,
    zone: tzinfo,
    waiting: deque[datetime],
    *,
    follows_real_time: bool,
) -> Iterator[datetime]:
    """The instants of one local time, and those of earlier ones that were waiting for it."""
    first = moment.replace(tzinfo=zone)
    second = moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        instant = first.astimezone(UTC)
    else:
        instant, later = first.astimezone(UTC), second.astimezone(UTC)
        if later < instant:  # skipped: with fold 0 it is read with the offset before the gap
            if follows_real_time:
                return
            instant = _change_between(zone, later, instant).at
        elif follows_real_time:
            waiting.append(later)
    while waiting and waiting[0] <= instant:
        yield waiting.popleft()
    yield instant
