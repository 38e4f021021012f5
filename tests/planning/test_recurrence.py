"""Occurrences against an oracle that shares no code with them, and over clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.planning.cron import Cron, parse_cron
from kaizen_schedule.planning.recurrence import (
    clock_changes,
    dst_hazard,
    hazard_fix,
    iter_occurrences,
)
from tests.support import MemoryZones

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
    "Asia/Kolkata", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Asia/Beirut",
    "America/Havana", "Africa/Cairo",
]  # fmt: skip


def expand(field: str, low: int, high: int) -> set[int]:
    """Read a cron field of numbers in the plainest way."""
    values: set[int] = set()
    for item in field.split(","):
        base, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if base == "*" else base).partition("-")
        values |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return values


def oracle(text: str, zone: tzinfo, start: datetime, end: datetime) -> list[datetime]:
    """A scan of UTC minutes, from the documented rule alone.

    A wildcard time fires at each minute whose local time matches. A fixed time fires the first
    time that its local minute comes; and where clocks jump over it, at the minute they land on.
    """
    minute, hour, day, month, weekday = text.split()
    fields = (
        expand(minute, 0, 59), expand(hour, 0, 23), expand(day, 1, 31), expand(month, 1, 12),
        {d % 7 for d in expand(weekday, 0, 7)},
    )  # fmt: skip

    def matches(local: datetime) -> bool:
        values = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
        return all(value in field for value, field in zip(values, fields, strict=True))

    wildcard = minute.startswith("*") or hour.startswith("*")
    found = []
    one = timedelta(minutes=1)
    # Begin early, so that the first pass of a repeated stretch is known.
    moment = start - timedelta(days=1)
    newest = (moment - one).astimezone(zone).replace(tzinfo=None)
    while moment < end:
        local = moment.astimezone(zone).replace(tzinfo=None)
        if wildcard:
            fires = matches(local)
        elif local <= newest:
            fires = False  # the second pass
        else:
            fires = False
            while newest < local:  # one minute, or more where clocks jumped
                newest += one
                fires = fires or matches(newest)
        if fires and moment >= start:
            found.append(moment)
        moment += one
    return found


def windows(zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """Four days around each of the first clock changes from 2026 on, and four plain days."""
    found = [(datetime(2026, 6, 29, tzinfo=UTC), datetime(2026, 7, 3, tzinfo=UTC))]
    for change in clock_changes(zone, date(2026, 1, 1))[:3]:
        day = change.at.replace(hour=0, minute=0, second=0)
        found.append((day - timedelta(days=1), day + timedelta(days=2)))
    return found


CRONS = [
    "* * * * *", "*/7 * * * *", "30 * * * *", "15,45 */2 * * *", "*/20 2 * * *", "0 9 * * *",
    "30 2 * * *", "0,30 1-3 * * *", "0 0 * * *", "59 23 * * *", "10 0-2 * * 0,6", "5 1 * * *",
    "30 2-3 29 3 *",
]  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("text", CRONS)
def test_occurrences_are_those_of_a_scan_of_minutes(
    name: str, text: str, zones: MemoryZones
) -> None:
    zone = zones.zones[name]
    for start, end in windows(zone):
        got = []
        for moment in iter_occurrences(parse_cron(text), zone, start):
            if moment >= end:
                break
            got.append(moment)
        assert got == oracle(text, zone, start, end)


def test_cronsim_is_wrong_for_half_an_hour_and_we_are_not(zones: MemoryZones) -> None:
    from cronsim import CronSim

    zone = zones.zones["Australia/Lord_Howe"]
    start = datetime(2026, 10, 3, 10, tzinfo=UTC)  # 20:30 there, half an hour is skipped at 02:00
    ours = next(iter_occurrences(parse_cron("* 19 * * *"), zone, start)).astimezone(zone)
    theirs = next(CronSim("* 19 * * *", start.astimezone(zone)))
    assert f"{ours:%d %H:%M}" == "04 19:00"
    assert f"{theirs:%d %H:%M}" == "04 19:30", "cronsim is mended: the detour can go"


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    cuts=st.lists(st.integers(1, 60 * 24 * 20), min_size=1, max_size=6),
    name=st.sampled_from(ZONES),
    text=st.sampled_from(["*/30 * * * *", "30 2 * * *", "0 9 * * 1", "15 0 * * *", "45 1 1 * *"]),
)
def test_windows_that_tile_give_each_instant_once(
    start: datetime, cuts: list[int], name: str, text: str
) -> None:
    zone = MemoryZones.load().zones[name]
    cron = parse_cron(text)
    edges = [start]
    for cut in cuts:
        edges.append(edges[-1] + timedelta(minutes=cut))

    def between(first: datetime, last: datetime) -> list[datetime]:
        found: list[datetime] = []
        for moment in iter_occurrences(cron, zone, first):
            if moment >= last:
                return found
            found.append(moment)
        raise AssertionError("a cron fires without end")

    whole = between(edges[0], edges[-1])
    assert whole == [m for first, last in pairwise(edges) for m in between(first, last)]
    assert all(a < b for a, b in pairwise(whole))


def test_leap_day_comes_every_four_years() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = islice(iter_occurrences(parse_cron("0 9 29 2 *"), UTC, start), 2)
    assert [t.year for t in times] == [2028, 2032]


def test_a_start_in_the_gap_is_its_end(zones: MemoryZones) -> None:
    berlin = zones.zones["Europe/Berlin"]
    gap_ends = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert next(iter_occurrences(parse_cron("30 2 * * *"), berlin, gap_ends)) == gap_ends


def test_weekly_probes_miss_no_clock_change(zones: MemoryZones) -> None:
    for name in ZONES:
        zone = zones.zones[name]
        moment, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
        daily = 0
        while moment < end:
            later = moment + timedelta(hours=6)
            daily += moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset()
            moment = later
        found = [c for c in clock_changes(zone, date(2026, 1, 1)) if c.at < end]
        assert len(found) == daily, name
        for change in found:
            before = (change.at - timedelta(seconds=1)).astimezone(zone).utcoffset()
            assert (before, change.at.astimezone(zone).utcoffset()) == (change.before, change.after)


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("0 9 * * 1", "Europe/Berlin", ""),
        ("0 22 * * 1", "Europe/Berlin", ""),
        ("0 4 * * *", "America/New_York", ""),
        ("30 2 * * *", "Europe/Berlin", "hour 2 is skipped or repeated"),
        ("0 0 * * *", "Europe/Berlin", "hour 0 is near"),
        ("0 23 * * *", "Europe/Berlin", "hour 23 is near"),
        ("*/5 * * * *", "Europe/Berlin", "a wildcard hour"),
        ("*/5 9 * * *", "Europe/Berlin", ""),
        ("0 9 * * *", "America/Santiago", "the zone changes its clocks at midnight"),
        ("0 9 * * *", "America/Havana", "the zone changes its clocks at midnight"),
        ("30 2 * * *", "Asia/Kolkata", ""),
        ("*/5 * * * *", "UTC", ""),
    ],
)
def test_hazards(text: str, name: str, why: str, zones: MemoryZones) -> None:
    found = dst_hazard(parse_cron(text), zones.zones[name], date(2026, 11, 24))
    assert found.startswith(why)
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    ("text", "name", "fix"),
    [
        ("30 2 * * *", "Europe/Berlin", "write timezone: UTC, or an hour from 4 to 22"),
        ("30 22 * * *", "Pacific/Easter", "write timezone: UTC, or an hour from 4 to 20"),
        ("0 9 * * *", "America/Santiago", "write timezone: UTC"),
        ("0 * * * *", "America/Santiago", "write timezone: UTC"),
    ],
)
def test_the_fix_of_a_hazard(text: str, name: str, fix: str, zones: MemoryZones) -> None:
    today = date(2026, 11, 24)
    assert dst_hazard(parse_cron(text), zones.zones[name], today)
    assert hazard_fix(zones.zones[name], today) == fix


def test_the_fix_of_a_hazard_is_none_itself_in_any_zone(zones: MemoryZones) -> None:
    today = date(2026, 11, 24)
    for name, zone in zones.zones.items():
        fix = hazard_fix(zone, today)
        if "hour" in fix:
            first, last = (int(word) for word in fix.rpartition("from ")[2].split(" to "))
            assert not dst_hazard(parse_cron(f"0 {first}-{last} * * *"), zone, today), name


def test_real_time_is_followed_where_minute_or_hour_begins_with_a_star() -> None:
    def follows(text: str) -> bool:
        cron: Cron = parse_cron(text)
        return cron.follows_real_time

    assert follows("*/5 9 * * *")
    assert follows("0 */2 * * *")
    assert not follows("0 9 */2 * *")
    assert not follows("0-59 9 * * *")


def test_zoneinfo_is_what_the_tests_think_it_is() -> None:
    assert isinstance(MemoryZones.load().zones["Europe/Berlin"], ZoneInfo)
