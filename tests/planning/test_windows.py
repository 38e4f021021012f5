"""Windows tile; names and staggers are what anyone can work out from the contract."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.planning.definitions import ActivityDefinition, Trigger
from kaizen_schedule.planning.windows import (
    Window,
    encode_slug,
    idempotency_key,
    next_fire,
    next_window,
    stagger,
)

from .fleets import COACH, FIRES, ZONES

DAY = timedelta(days=1)


def fired_by(cron: str, zone: str = "Europe/Berlin") -> ActivityDefinition:
    return replace(COACH, trigger=Trigger(cron=cron, timezone=zone))


@pytest.mark.parametrize(
    ("after", "fires"),
    [
        ("2026-11-30T07:59:59Z", "2026-11-30T08:00:00Z"),
        ("2026-11-30T07:59:59.999999Z", "2026-11-30T08:00:00Z"),
        ("2026-11-30T08:00:00Z", "2026-12-07T08:00:00Z"),
        ("2026-11-30T08:00:00.000001Z", "2026-12-07T08:00:00Z"),
        ("2026-11-30T09:00:00+01:00", "2026-12-07T08:00:00Z"),
        ("2027-03-22T08:00:00Z", "2027-03-29T07:00:00Z"),  # summer time has begun
    ],
)
def test_the_next_fire_is_strictly_later(after: str, fires: str) -> None:
    found = next_fire(COACH, datetime.fromisoformat(after), zones=ZONES)
    assert found == datetime.fromisoformat(fires)
    assert found.tzinfo is UTC


def test_the_first_window_begins_when_it_fires() -> None:
    berlin = FIRES.astimezone(timezone(timedelta(hours=1)))
    window = next_window(COACH, berlin, held=None, zones=ZONES)
    assert window == Window(start=FIRES, end=FIRES + 7 * DAY)
    assert window.start.tzinfo is UTC


def test_the_next_window_begins_where_the_last_one_ends() -> None:
    held = next_window(COACH, FIRES, held=None, zones=ZONES)
    later = next_window(COACH, FIRES + 7 * DAY, held=held, zones=ZONES)
    assert later == Window(start=held.end, end=FIRES + 14 * DAY)


def test_what_is_held_is_asked_again_until_it_is_over() -> None:
    held = next_window(COACH, FIRES, held=None, zones=ZONES)
    for hours in (0, 1, 100, 167):
        moment = FIRES + timedelta(hours=hours)
        assert next_window(COACH, moment, held=held, zones=ZONES) is held


def test_an_outage_leaves_no_gap() -> None:
    held = next_window(COACH, FIRES, held=None, zones=ZONES)
    later = next_window(COACH, FIRES + 30 * DAY, held=held, zones=ZONES)
    assert later == Window(start=held.end, end=FIRES + 35 * DAY)


@pytest.mark.parametrize(
    ("cron", "start", "end"),
    [
        ("0 9 * * 4", "2026-11-30T08:00:00Z", "2026-12-07T08:00:00Z"),  # sooner: nothing moves
        ("0 9 8 * *", "2026-12-07T08:00:00Z", "2026-12-08T08:00:00Z"),
        ("0 9 1 1 *", "2026-12-07T08:00:00Z", "2027-01-01T08:00:00Z"),
    ],
)
def test_a_changed_trigger_leaves_no_gap(cron: str, start: str, end: str) -> None:
    held = next_window(COACH, FIRES, held=None, zones=ZONES)
    found = next_window(fired_by(cron), FIRES + DAY, held=held, zones=ZONES)
    assert found == Window(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


TRIGGERS = ["0 9 * * 1", "30 2 * * *", "0 0 1 * *", "*/30 * * * *", "0 10 * * 4"]
PLACES = ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "UTC"]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 60 * 24 * 21), st.sampled_from(TRIGGERS)), min_size=1, max_size=20
    ),
    zone=st.sampled_from(PLACES),
)
def test_windows_tile_whenever_it_is_asked(steps: list[tuple[int, str]], zone: str) -> None:
    moment, held = FIRES, None
    windows: list[Window] = []
    for minutes, cron in steps:
        moment += timedelta(minutes=minutes)
        held = next_window(fired_by(cron, zone), moment, held=held, zones=ZONES)
        assert held.start < held.end
        assert held.end > moment
        if not windows or windows[-1] != held:
            windows.append(held)
    assert windows[0].start == FIRES + timedelta(minutes=steps[0][0])
    assert all(first.end == second.start for first, second in pairwise(windows))


# --- Names -----------------------------------------------------------------------------------

ALLOWED = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")


def encoded(slug: str) -> str:
    return "".join(chr(b) if b in ALLOWED else f"%{b:02X}" for b in slug.encode())


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(slug=TEXTS)
def test_a_slug_in_a_key_is_percent_encoded(slug: str) -> None:
    assert encode_slug(slug) == encoded(slug)


@given(one=TEXTS, other=TEXTS)
def test_two_slugs_never_share_a_key(one: str, other: str) -> None:
    assert (idempotency_key(one, "a", FIRES) == idempotency_key(other, "a", FIRES)) == (
        one == other
    )


def test_a_key_names_the_instant_in_utc() -> None:
    local = datetime(2027, 7, 1, 9, tzinfo=timezone(timedelta(hours=2)))
    assert idempotency_key("a b:c", "coach", local) == "a%20b%3Ac:coach:2027-07-01T07:00:00Z"


@given(slug=TEXTS, name=st.text("abc-", min_size=1), window=st.integers(0, 10**6))
def test_the_stagger_is_of_the_digest_s_first_eight_bytes(
    slug: str, name: str, window: int
) -> None:
    number = int(hashlib.sha256(slug.encode() + b"\x00" + name.encode()).hexdigest()[:16], 16)
    expected = number % window if window else 0
    assert stagger(slug, name, window) == timedelta(seconds=expected)


def test_a_stagger_for_other_implementations_to_compare() -> None:
    # printf 'ledger\0coach' | sha256sum begins with these sixteen digits.
    assert hashlib.sha256(b"ledger\0coach").hexdigest()[:16] == "0a3dcb4043e8f8ea"
    assert stagger("ledger", "coach", 1800) == timedelta(seconds=int("0a3dcb4043e8f8ea", 16) % 1800)
