"""Which cron and zone an entry has, when it recurs, and what is told about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_schedule.planning.agents import Risk
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import ActivityDefinition, CronOrigin
from kaizen_schedule.planning.manifest import Entry, check_manifest
from kaizen_schedule.planning.timetable import (
    Timing,
    check_timetable,
    iter_times,
    place_findings,
    times_between,
    timing_of,
)
from kaizen_schedule.reading.codec import instant
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import parse_document
from tests.support import MemoryZones, definition, manifest

TODAY = date(2026, 11, 24)
WEEKLY = definition("coach", Cadence.WEEKLY, cron="0 10 * * 1", zone="America/New_York")


def told(text: str, *, definitions: tuple[ActivityDefinition, ...] = (WEEKLY,)) -> list[Diagnostic]:
    """The warnings of the timetable alone."""
    document = parse_document(text.encode(), path="schedule.yml")
    zones = MemoryZones.load()
    checked = check_manifest(document, zones=zones, prompts=None)
    found = check_timetable(checked, definitions=definitions, zones=zones, today=TODAY)
    return [document.place(finding) for finding in found]


# --- Which ---------------------------------------------------------------------------------------


def test_an_entry_s_own_cron_is_read_in_the_manifest_s_zone() -> None:
    entry = Entry(cadence=Cadence.WEEKLY, cron="0 9 * * 1")
    assert timing_of("coach", entry, timezone="Europe/Berlin", definitions=[WEEKLY]) == Timing(
        cron="0 9 * * 1",
        timezone="Europe/Berlin",
        cron_origin=CronOrigin.ENTRY,
        definition="weekly-coach",
    )


def test_a_definition_lends_cron_and_zone_even_when_it_is_off() -> None:
    entry = Entry(cadence=Cadence.WEEKLY)
    assert timing_of("coach", entry, timezone="Europe/Berlin", definitions=[WEEKLY]) == Timing(
        cron="0 10 * * 1",
        timezone="America/New_York",
        cron_origin=CronOrigin.DEFINITION,
        definition="weekly-coach",
    )


@pytest.mark.parametrize("cadence", list(Cadence))
def test_else_the_cadence_says(cadence: Cadence) -> None:
    entry = Entry(cadence=cadence)
    assert timing_of("other", entry, timezone="Europe/Berlin", definitions=[WEEKLY]) == Timing(
        cron=cadence.cron,
        timezone="Europe/Berlin",
        cron_origin=CronOrigin.CADENCE,
        definition=None,
    )


# --- When ----------------------------------------------------------------------------------------


def timing(cron: str = "0 9 * * 1", timezone: str = "Europe/Berlin") -> Timing:
    return Timing(cron=cron, timezone=timezone, cron_origin=CronOrigin.ENTRY, definition=None)


def test_times_follow_the_clocks_of_the_zone(zones: MemoryZones) -> None:
    times = iter_times(timing(), datetime(2026, 10, 19, 7, tzinfo=UTC), zones=zones)
    found = [instant(next(times)) for _ in range(3)]
    assert found == ["2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z", "2026-11-02T08:00:00Z"]


def test_an_unknown_zone_is_an_error(zones: MemoryZones) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match='unknown time zone "Nowhere"'):
        iter_times(timing(timezone="Nowhere"), start, zones=zones)
    with pytest.raises(ValueError, match="has 2 fields, not five"):
        iter_times(timing(cron="0 9"), start, zones=zones)


def test_a_window_begins_with_its_start_and_ends_before_its_end(zones: MemoryZones) -> None:
    first, second = datetime(2026, 11, 30, 8, tzinfo=UTC), datetime(2026, 12, 7, 8, tzinfo=UTC)
    assert times_between(timing(), first, second, zones=zones) == (first,)
    assert times_between(timing(), first, second + timedelta(seconds=1), zones=zones) == (
        first,
        second,
    )
    assert times_between(timing(), first + timedelta(seconds=1), second, zones=zones) == ()
    assert times_between(timing(), second, first, zones=zones) == ()


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.lists(st.integers(1, 60 * 24 * 20), min_size=2, max_size=4),
    st.sampled_from(["0 * * * *", "30 2 * * *", "0 9 * * 1"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
)
@settings(max_examples=40)
def test_windows_that_follow_one_another_give_every_instant_once(
    start: datetime, minutes: list[int], cron: str, timezone: str
) -> None:
    zones = MemoryZones.load()
    edges = [start]
    for count in minutes:
        edges.append(edges[-1] + timedelta(minutes=count))
    one = timing(cron, timezone)
    parts = [times_between(one, first, last, zones=zones) for first, last in pairwise(edges)]
    assert sum(parts, ()) == times_between(one, edges[0], edges[-1], zones=zones)


# --- What is told --------------------------------------------------------------------------------


def berlin(*lines: str) -> str:
    return manifest(*lines, head=('version: "1"', "timezone: Europe/Berlin", "agents:"))


def test_nothing_is_told_where_all_is_well() -> None:
    assert told(berlin("coach:", "  cadence: weekly", '  cron: "0 9 * * 1"')) == []
    assert told(berlin("coach: {cadence: weekly}")) == []
    assert told('version: "1"') == []


def test_an_entry_without_a_definition() -> None:
    text = berlin("coach: {cadence: daily}", "other:", "  cadence: weekly", '  cron: "0 9 * * 1"')
    found = told(text)
    assert [(d.code, d.line, d.column, d.message) for d in found] == [
        ("KS309", 4, 3, "no definition for agent coach, daily: nobody fires it"),
        ("KS309", 5, 3, "no definition for agent other, weekly: nobody fires it"),
    ]
    assert found[0].fix == "ask the operator for a definition, or choose a cadence that has one"
    assert told(berlin("coach: {cadence: daily, enabled: false}")) == []


@pytest.mark.parametrize(
    ("lines", "line", "why", "fix"),
    [
        (["  cadence: weekly", '  cron: "30 2 * * 1"'], 6,
         "hour 2 is skipped or repeated on 2027-03-28",
         "write timezone: UTC, or an hour from 4 to 22"),
        (["  cadence: weekly", '  cron: "0 23 * * 1"', "  enabled: false"], 6,
         "hour 23 is near a clock change", "write timezone: UTC, or an hour from 4 to 22"),
        (["  cadence: hourly", "  enabled: false"], 5, "a wildcard hour",
         "write timezone: UTC, or an hour from 4 to 22"),
    ],
)  # fmt: skip
def test_times_at_which_engines_differ(lines: list[str], line: int, why: str, fix: str) -> None:
    (found,) = told(berlin("coach:", *lines))
    assert (found.code, found.line, found.fix) == ("KS307", line, fix)
    assert found.message.endswith(
        f" of agent coach is not safe over clock changes in Europe/Berlin: {why}"
    )


def test_a_zone_that_changes_at_midnight_has_no_safe_hour() -> None:
    text = berlin("coach:", "  cadence: weekly", '  cron: "0 9 * * 1"')
    (found,) = told(text.replace("Europe/Berlin", "America/Santiago"))
    assert found.message.endswith("the zone changes its clocks at midnight")
    assert found.fix == "write timezone: UTC"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Etc/UTC"])
def test_clocks_that_do_not_change_are_safe(zone: str) -> None:
    text = berlin("coach:", "  cadence: weekly", '  cron: "30 2 * * 1"')
    assert told(text.replace("Europe/Berlin", zone)) == []


def test_a_lent_cron_is_looked_at_in_the_zone_it_is_lent_with() -> None:
    lent = definition("coach", Cadence.WEEKLY, cron="30 2 * * 1", zone="America/New_York")
    (found,) = told(manifest("coach: {cadence: weekly}"), definitions=(lent,))
    assert found.code == "KS307"
    assert found.line == 3
    assert "in America/New_York" in found.message


def test_without_a_zone_nothing_can_be_said() -> None:
    text = berlin("coach: {cadence: daily}").replace("Europe/Berlin", "Nowhere")
    assert told(text) == []


def test_entries_with_errors_are_passed_over() -> None:
    assert told(berlin("coach: {cadence: never}", "other: {cadence: weekly, cron: x}")) == []


# --- Each slip once ------------------------------------------------------------------------------


def placed(text: str) -> list[tuple[str, int]]:
    document = parse_document(text.encode(), path="schedule.yml")
    zones = MemoryZones.load()
    checked = check_manifest(document, zones=zones, prompts={"coach": Risk.LOW})
    found = [*checked.findings]
    found += check_timetable(checked, definitions=(WEEKLY,), zones=zones, today=TODAY)
    return [(d.code, d.line) for d in place_findings(document, found)]


def test_findings_are_placed_in_file_order() -> None:
    text = "version: 1\nversion: 1\nagents:\n  coach: {cadence: daily}\ntimezon: UTC\n"
    assert placed(text) == [("KS205", 1), ("KS112", 2), ("KS309", 4), ("KS202", 5)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["coach: {cadence: *weekly}"], ["KS113"]),
        (["coach: *base"], ["KS113"]),
        (["coach: &c {cadence: *c}"], ["KS114"]),
        (["couch: {cadence: weekly}"], ["KS401"]),
        (["coach: {cadence: weekly}", "Coach: {cadence: weekly}"], ["KS208"]),
        (["co.ach: {cadence: weekly}"], ["KS207"]),
        (["coach: {cadence: daily}"], ["KS309"]),
        (["couch:", "  cadence: never"], ["KS401", "KS204"]),
    ],
)
def test_what_follows_from_a_slip_is_not_told_beside_it(
    lines: list[str], expected: list[str]
) -> None:
    assert [code for code, _ in placed(manifest(*lines))] == expected
