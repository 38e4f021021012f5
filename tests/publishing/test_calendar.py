"""The calendar, read back by the ``icalendar`` package."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from kaizen_schedule.api.fleet import Asking, discover_kaizen_scheduled_repos
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.publishing.calendar import render_calendar
from tests.support import manifest, write_files

SLUGS = (
    "ledger", "a;b,c\\d", "new\nBEGIN:VEVENT\r\nEND:VCALENDAR", "é" * 100, "bidi\u202e\x1b[31m",
    "=cmd", "漢" * 66, "colon:quote\"'",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Resolution:
    root = tmp_path_factory.mktemp("check outs")
    items = []
    for number, slug in enumerate(SLUGS):
        path = write_files(root / str(number), {
            ".git/HEAD": "", ".kaizen/schedule.yml": manifest("coach:", "  cadence: weekly"),
        })  # fmt: skip
        items.append({"slug": slug, "host_paths": {"h": str(path)}})
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    asking = Asking(roster=load_roster(items), host="h")
    return discover_kaizen_scheduled_repos(asking, start=now, end=now + timedelta(days=7), now=now)


def events(text: str) -> list[Any]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def test_every_run_is_one_event(found: Resolution) -> None:
    read = {str(event["UID"]): event for event in events(render_calendar(found))}
    assert len(found.scheduled_runs) == len(SLUGS)
    assert read.keys() == {f"{run.idempotency_key}@kaizen-schedule" for run in found.scheduled_runs}
    for run in found.scheduled_runs:
        event = read[f"{run.idempotency_key}@kaizen-schedule"]
        assert event["DTSTART"].dt == run.not_before
        assert event["DTSTAMP"].dt == found.now
        assert str(event["SUMMARY"]).startswith("coach in ")
        assert not event.errors
        if run.command.isprintable():
            assert run.command in str(event["DESCRIPTION"])
    summaries = {str(event["SUMMARY"]) for event in read.values()}
    assert "coach in a;b,c\\d" in summaries
    assert "coach in new\\nBEGIN:VEVENT\\r\\nEND:VCALENDAR" in summaries


def test_lines_are_folded_at_75_octets_within_no_character(found: Resolution) -> None:
    data = render_calendar(found).encode()
    lines = data.split(b"\r\n")
    assert lines.pop() == b""
    assert max(map(len, lines)) == 75
    assert all(line.decode().isprintable() for line in lines)
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-1] == b"END:VCALENDAR"


def test_a_window_without_runs(found: Resolution) -> None:
    text = render_calendar(replace(found, scheduled_runs=()))
    assert events(text) == []
    assert icalendar.Calendar.from_ical(text)["VERSION"] == "2.0"
