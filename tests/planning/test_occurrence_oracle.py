"""Occurrences against a scan of UTC minutes, over all clock changes until 2031.

The oracle is written from the documented rule and shares no code with the package: it has its own
reader of cron fields, finds clock changes by itself, and reads zones from ``tzdata`` directly.

The rule: a time whose minute or hour begins with ``*`` follows real time. A fixed time runs once:
at the first of two passes where it is repeated, and at the first instant after the gap where it is
skipped. That cronsim itself gets Australia/Lord_Howe wrong is shown in ``test_recurrence``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.recurrence import iter_occurrences

# What is odd about each.
ZONES = {
    "Europe/Berlin": "",
    "America/Santiago": "at midnight, southern",
    "Australia/Lord_Howe": "by half an hour",
    "UTC": "never",
    "Asia/Kolkata": "never; +05:30",
    "America/New_York": "",
    "America/St_Johns": "-03:30",
    "America/Havana": "to 01:00, and back to 00:00",
    "America/Nuuk": "on Saturday evening",
    "Atlantic/Azores": "from 00:00 to 01:00",
    "Africa/Cairo": "on Fridays at midnight",
    "Africa/Casablanca": "around Ramadan",
    "Asia/Beirut": "at midnight",
    "Asia/Gaza": "on Saturdays",
    "Pacific/Chatham": "+12:45, at 02:45",
    "Antarctica/Troll": "by two hours",
}
QUICK = 3
"""So many zones are looked at in a quick run of the tests."""

CRONS = [
    # follow real time
    "* * * * *", "*/7 * * * *", "*/20 2 * * *", "30 * * * *", "15,45 */2 * * *", "* 0-3 * * SUN",
    "*/30 23 * * 6,7",
    # fixed
    "30 2 * * *", "0 2 * * *", "0 3 * * *", "0,15,30,45 0-4 * * *", "0 0 * * *", "59 23 * * *",
    "10-50/20 21-23 * * FRI-SAT", "30 1 * * 0", "5 0-2 25-31 MAR,OCT *", "0-59 2 * * *",
    "45 1,2 */2 * *", "0 9 * * MON", "30 02 1-7 * *",
]  # fmt: skip

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


# --- The oracle ------------------------------------------------------------------------------

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def values_of(field: str, low: int, high: int) -> set[int]:
    """The values of a field of a cron."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            span = f"{low}-{high}"
        ends = []
        for word in span.split("-"):
            name = MONTHS.index(word) + 1 if word in MONTHS else None
            name = DAYS.index(word) if word in DAYS else name
            ends.append(int(word) if name is None else name)
        found.update(range(ends[0], ends[-1] + 1, int(step or 1)))
    return found


@dataclass(frozen=True)
class Rule:
    """A cron as sets of values."""

    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    wild: bool

    @classmethod
    def read(cls, text: str) -> Rule:
        minute, hour, day, month, weekday = text.split()
        return cls(
            values_of(minute, 0, 59),
            values_of(hour, 0, 23),
            values_of(day, 1, 31),
            values_of(month, 1, 12),
            {number % 7 for number in values_of(weekday, 0, 7)},
            minute.startswith("*") or hour.startswith("*"),
        )

    def names(self, local: datetime) -> bool:
        """Whether a local time, read from a wall, is one of the rule's."""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.day in self.days
            and local.month in self.months
            and local.isoweekday() % 7 in self.weekdays
        )


@cache
def zone_of(name: str) -> ZoneInfo:
    """A zone's rules, as the package of the pinned release holds them."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def changes(name: str) -> list[datetime]:
    """The hours in which a zone's clocks change."""
    zone, found, moment = zone_of(name), [], FIRST
    offset = moment.astimezone(zone).utcoffset()
    while moment < LAST:
        after = (moment + HOUR).astimezone(zone).utcoffset()
        if after != offset:
            found.append(moment)
        moment, offset = moment + HOUR, after
    return found


@dataclass(frozen=True)
class Stretch:
    """Some days of a zone, minute by minute."""

    start: datetime
    end: datetime
    real: list[tuple[datetime, datetime]]
    """Each minute, and what the wall clock shows then."""
    fixed: list[tuple[datetime, datetime]]
    """Each time that a wall clock could show, and the minute at which it has come or gone by."""


def scan(zone: ZoneInfo, start: datetime, end: datetime) -> Stretch:
    """Walk the minutes of some days."""
    real, fixed = [], []
    moment = start - timedelta(days=1)  # early, so that first passes are known for such
    newest = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    while moment < end:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        real.append((moment, wall))
        while newest < wall:  # by one minute, by more over a gap, not at all in a second pass
            newest += MINUTE
            fixed.append((moment, newest))
        moment += MINUTE
    return Stretch(
        start, end, [x for x in real if x[0] >= start], [x for x in fixed if x[0] >= start]
    )


def stretches(name: str) -> list[Stretch]:
    """A day before and after every change of the clocks, and two weeks like any other."""
    zone, day = zone_of(name), timedelta(hours=26)
    found = [scan(zone, change - day, change + day) for change in changes(name)]
    weeks = (datetime(2026, 12, 28, tzinfo=UTC), datetime(2028, 2, 25, tzinfo=UTC))
    return found + [scan(zone, week, week + timedelta(days=7)) for week in weeks]


def expected(rule: Rule, stretch: Stretch) -> list[datetime]:
    """The instants at which a cron fires."""
    minutes = stretch.real if rule.wild else stretch.fixed
    return sorted({moment for moment, wall in minutes if rule.names(wall)})


# --- The comparison --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if number >= QUICK else [])
        for number, name in enumerate(ZONES)
    ],
)
def test_occurrences_are_those_of_the_scan_around_every_clock_change(name: str) -> None:
    zone = zone_of(name)
    rules = [(text, parse_cron(text), Rule.read(text)) for text in CRONS]
    jumps = fires = 0
    for stretch in stretches(name):
        steps = {second[1] - first[1] for first, second in pairwise(stretch.real)}
        jumps += len(steps) - 1
        for text, cron, rule in rules:
            found = []
            for moment in iter_occurrences(cron, zone, stretch.start):
                if moment >= stretch.end:
                    break
                found.append(moment)
            assert found == expected(rule, stretch), (text, stretch.start)
            fires += len(found)
    assert fires > 10_000
    assert jumps == len(changes(name))
    assert bool(jumps) != ZONES[name].startswith("never")


def test_the_oracle_knows_the_days_that_people_know() -> None:
    """Berlin, the last Sundays of March and October 2026, worked out by hand."""
    spring, autumn = stretches("Europe/Berlin")[:2]

    def on(text: str, stretch: Stretch, day: str) -> list[str]:
        berlin = zone_of("Europe/Berlin")
        local = [moment.astimezone(berlin) for moment in expected(Rule.read(text), stretch)]
        return [f"{m:%H:%M%z}" for m in local if f"{m:%m-%d}" == day]

    assert on("30 2 * * *", spring, "03-29") == ["03:00+0200"]
    assert on("*/30 2 * * *", spring, "03-29") == []
    assert on("0 2,3 * * *", spring, "03-29") == ["03:00+0200"]
    assert on("30 2 * * *", autumn, "10-25") == ["02:30+0200"]
    assert on("*/30 2 * * *", autumn, "10-25") == [
        "02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100",
    ]  # fmt: skip
    assert len(on("30 * * * *", spring, "03-29")) == 23
    assert len(on("30 * * * *", autumn, "10-25")) == 25
