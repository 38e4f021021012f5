"""What passes without a hazard's warning fires at the same instants in the engine and here.

Crons are drawn from the whole portable grammar (`expressions`), for every way in which the clocks
of a zone behave in five years. For each, a paused Schedule is set up from what `schedule
definitions --format temporal` gives, the engine is asked when it will fire, and that is compared
with what the library says. The converse is in `hazards`: crons at which engines differ.

The engine has to take its zone rules from the library's package: `engine.environment` says so by
``ZONEINFO``. Left to a host with release 2025b, noon came at another instant in 13 of 597 zones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from temporalio.client import Client

from kaizen_schedule.edges.packaged import zones
from kaizen_schedule.planning.cron import Cadence, Cron, CronError, parse_cron
from kaizen_schedule.planning.recurrence import ClockChange, clock_changes, dst_hazard
from kaizen_schedule.reading import rules

from .engine import version_of
from .expressions import Draw
from .firing import Span, library_fires, matching_times, put, rendered

FIRST, LAST = datetime(2026, 7, 1, tzinfo=UTC), datetime(2031, 7, 1, tzinfo=UTC)
"""The five years; the last instant is not part of them."""
SEED = "portable"

WELL_KNOWN = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Halifax",
    "America/St_Johns", "America/Santiago", "America/Sao_Paulo", "Africa/Cairo",
    "Africa/Casablanca", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Tokyo",
    "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Apia", "Pacific/Chatham", "Pacific/Easter",
)  # fmt: skip
"""Of the zones that behave alike, the one that is asked for is one of these where there is one."""

_CHANGING, _FIXED = 8, 5
"""So many crons at least for each behaviour: with clock changes, and without."""
_WHOLE = 2_000
"""What fires no more often, as daily and weekly ones do, is compared over all five years."""
_STRETCH, _STRETCHES, _FIRES = timedelta(days=8), 6, 300
"""What fires more often is compared over stretches: two to six, until they have so many fires."""
_MOST_PER_DAY = 100
"""What fires more often on a day is thrown away, but for a few that are written down."""
_LANES = 6


# --- What is compared ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The zones whose clocks show the same throughout the five years."""

    zone: str
    """The one that stands for them."""
    names: tuple[str, ...]
    changes: tuple[ClockChange, ...]
    hours: tuple[int, ...]
    """The hours at which a daily cron passes without a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cron in a zone, and when it is looked at."""

    cron: str
    zone: str
    forms: tuple[str, ...]
    """Of each field, as it was drawn."""
    spans: tuple[Span, ...]

    @property
    def whole(self) -> bool:
        """Whether it is compared over all five years."""
        return self.spans == ((FIRST, LAST),)


@cache
def behaviours() -> tuple[Behaviour, ...]:
    """Every way in which the clocks of a zone behave within the five years."""
    alike: dict[Any, list[str]] = {}
    for name in sorted(zones().names):
        zone = zones().get(name)
        assert zone is not None
        changes = tuple(c for c in clock_changes(zone, FIRST.date()) if c.at < LAST)
        alike.setdefault((FIRST.astimezone(zone).utcoffset(), changes), []).append(name)
    return tuple(
        Behaviour(
            zone=next((name for name in WELL_KNOWN if name in names), names[0]),
            names=tuple(names),
            changes=changes,
            hours=tuple(hour for hour in range(24) if passes(f"0 {hour} * * *", names[0])),
        )
        for (_, changes), names in alike.items()
    )


def passes(text: str, name: str) -> Cron | None:
    """The cron, where neither it nor its hour in this zone is warned of on the first day."""
    zone = zones().get(name)
    assert zone is not None
    try:
        cron = parse_cron(text)
    except CronError as error:
        if error.rule is not rules.CRON_NEVER_FIRES:  # as the 30th of February does not
            raise
        return None
    return None if dst_hazard(cron, zone, FIRST.date()) else cron


# What owners write most, and what fires most often.
_PLAIN = (
    *(cadence.cron for cadence in Cadence),
    "* * * * *", "* 9 * * *", "*/5 4-22 * * *", "0-59 4-22/6 * * MON-FRI",
)  # fmt: skip


@cache
def portable_cases() -> tuple[Case, ...]:
    """Crons that pass without a warning, for every behaviour that lets any pass."""
    cases: dict[tuple[str, str], Case] = {}
    for behaviour in behaviours():
        if not behaviour.hours:
            continue
        draw, few = Draw(f"{SEED} {behaviour.zone}"), _CHANGING if behaviour.changes else _FIXED
        wanted = set(behaviour.hours) if behaviour.changes else set()
        count = 0
        while count < few or wanted:
            drawn = draw.cron(behaviour.hours, any_hour=not behaviour.changes)
            cron = passes(drawn.text, behaviour.zone)
            if cron is None or cron.most_per_day > _MOST_PER_DAY:
                continue
            case = _case(cron, behaviour, drawn.forms)
            new = wanted.intersection(cron.hours) if on_both_changes(case, behaviour) else set()
            if count >= few and not new:
                continue
            wanted -= new
            count += 1
            cases[case.cron, case.zone] = case
        if behaviour.zone in ("UTC", "Europe/Berlin", "America/New_York"):
            for text in _PLAIN:
                if cron := passes(text, behaviour.zone):
                    cases[text, behaviour.zone] = _case(cron, behaviour, ())
    return tuple(cases.values())


def on_both_changes(case: Case, behaviour: Behaviour) -> bool:
    """Whether a case has a day on which clocks go forward, and one on which they go back.

    Hours on other days show little: engines differ on the days on which clocks change.
    """
    cron = parse_cron(case.cron)
    found = {
        change.after > change.before
        for change in behaviour.changes
        for start, end in case.spans
        if start <= change.at < end and has_day(cron, change.local[0].date())
    }
    return found == {change.after > change.before for change in behaviour.changes}


def has_day(cron: Cron, day: date) -> bool:
    """Whether a cron fires on a day."""
    return (
        day.day in cron.days and day.month in cron.months and day.isoweekday() % 7 in cron.weekdays
    )


def _per_day(cron: Cron) -> float:
    """How often it fires in a day, on average."""
    days = len(cron.days) / 31 * len(cron.months) / 12 * len(cron.weekdays) / 7
    return cron.most_per_day * days


def _case(cron: Cron, behaviour: Behaviour, forms: tuple[str, ...]) -> Case:
    whole = _per_day(cron) * (LAST - FIRST).days <= _WHOLE
    return Case(
        cron=cron.text,
        zone=behaviour.zone,
        forms=forms,
        spans=((FIRST, LAST),) if whole else _stretches(cron, behaviour.changes),
    )


def _stretches(cron: Cron, changes: tuple[ClockChange, ...]) -> tuple[Span, ...]:
    """Those around clock changes first, then others, until there are enough fires in them."""
    starts = [change.at - _STRETCH / 2 for change in changes]
    starts += [FIRST + _STRETCH * number for number in range((LAST - FIRST) // _STRETCH)]
    chosen: list[datetime] = []
    fires = 0
    for start in starts:
        if len(chosen) >= (2 if fires >= _FIRES else _STRETCHES):
            break
        days = _days(cron, start)
        if days and all(abs(start - other) >= _STRETCH for other in chosen):
            chosen.append(start)
            fires += days * cron.most_per_day
    return tuple((start, start + _STRETCH) for start in sorted(chosen))


def _days(cron: Cron, start: datetime) -> int:
    """How many days of the cron a stretch holds, whatever the zone."""
    days = (start.date() + timedelta(days=number) for number in range(2, _STRETCH.days - 1))
    return sum(has_day(cron, day) for day in days)


# --- The comparison --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A cron that does not fire at the same instants."""

    cron: str
    zone: str
    library_only: tuple[datetime, ...]
    engine_only: tuple[datetime, ...]


def compare(case: Case, library: Sequence[datetime], engine: Sequence[datetime]) -> Mismatch | None:
    """What two lists of instants differ in; order and repetition count too."""
    if list(library) == list(engine):
        return None
    return Mismatch(
        cron=case.cron,
        zone=case.zone,
        library_only=tuple(m for m in library if m not in set(engine)),
        engine_only=tuple(m for m in engine if m not in set(library)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Portability:
    """What was compared, and what came of it."""

    expressions: int
    """Crons, each in one zone."""
    whole: int
    """Of these, compared over all five years; the others around clock changes."""
    zones: int
    """Zones that were asked about."""
    names: int
    """Zones whose clocks behave as one of these throughout the five years."""
    warned: int
    """Zones in which no cron passes without a warning."""
    fires: int
    """Instants, equal on both sides but for the mismatches."""
    schedules: int
    """How often a Schedule was set up or changed, once for each cron."""
    mismatches: tuple[Mismatch, ...]
    engine: str
    """The engine's version."""
    zone_rules: str
    """The release of the zone rules, the same on both sides."""


Fires = Callable[[Case], Sequence[datetime]]


def fires_here(case: Case) -> list[datetime]:
    """When the library says that a case fires."""
    return library_fires(case.cron, case.zone, *case.spans)


async def compare_all(
    client: Client, cases: Iterable[Case], fires: Fires = fires_here
) -> tuple[int, tuple[Mismatch, ...]]:
    """Compare all cases; how many instants there were here, and where the engine has others.

    A few Schedules are changed again and again, since making one takes the engine longest.
    """
    waiting, found, total = list(cases)[::-1], list[Mismatch](), 0

    async def lane(number: int) -> None:
        nonlocal total
        name, handle = f"portability-{number}", None
        while waiting:
            case = waiting.pop()
            handle = await put(client, name, handle, rendered(case.cron, case.zone))
            engine = [m for span in case.spans for m in await matching_times(client, name, span)]
            library = fires(case)
            assert library, f"nothing is compared: {case}"
            total += len(library)
            if odd := compare(case, library, engine):
                found.append(odd)
        if handle is not None:
            await handle.delete()

    await asyncio.gather(*(lane(number) for number in range(_LANES)))
    return total, tuple(sorted(found, key=lambda odd: (odd.zone, odd.cron)))


def prove_portability(address: str) -> Portability:
    """Compare every case with an engine.

    Args:
        address: Where it answers; its zone rules are those of the library's package.
    """
    cases = portable_cases()

    async def whole() -> tuple[str, int, tuple[Mismatch, ...]]:
        client = await Client.connect(address)
        return await version_of(client), *await compare_all(client, cases)

    version, fires, mismatches = asyncio.run(whole())
    asked = {case.zone for case in cases}
    alike = {one.zone: len(one.names) for one in behaviours()}
    return Portability(
        expressions=len(cases),
        whole=sum(case.whole for case in cases),
        zones=len(asked),
        names=sum(alike[zone] for zone in asked),
        warned=sum(number for zone, number in alike.items() if zone not in asked),
        fires=fires,
        schedules=len(cases),
        mismatches=mismatches,
        engine=version,
        zone_rules=zones().version,
    )
