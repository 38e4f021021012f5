"""Windows and names: what a firing asks for, and what a run is called.

A run belongs to a window by its scheduled time alone; windows tile, so that nothing is handed
out twice or never.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from kaizen_schedule.reading.codec import instant

from .cron import parse_cron
from .definitions import ActivityDefinition
from .recurrence import Zones, iter_occurrences


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time; a run belongs to it by its scheduled time alone.

    Example:
        >>> from kaizen_schedule import list_definitions, window_at
        >>> window = window_at(list_definitions(now=now)[1], datetime(2026, 11, 30, 8, tzinfo=UTC))
        >>> (window.end - window.start).days
        7
    """

    start: datetime
    """UTC; the first instant that belongs to it."""
    end: datetime
    """UTC; the first instant that no longer does."""


LONGEST_WINDOW = timedelta(days=366)
"""A longer window is asked in parts."""


def window_fault(window: Window) -> str:
    """Why a window is refused, by whoever is asked, as words after its name; empty if it is not.

    Example:
        >>> window_fault(Window(start=now, end=now + timedelta(days=366)))
        ''
        >>> window_fault(Window(start=now, end=now))
        'ends before it begins'
    """
    if window.end <= window.start:
        return "ends before it begins"
    return "is longer than a year" if window.end - window.start > LONGEST_WINDOW else ""


def next_fire(definition: ActivityDefinition, after: datetime, *, zones: Zones) -> datetime:
    """The first instant after the given one at which a definition fires, in UTC."""
    zone = zones.get(definition.trigger.timezone)
    assert zone is not None
    cron = parse_cron(definition.trigger.cron)
    # A cron fires at whole minutes, a clock is read at any instant.
    second = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return next(iter_occurrences(cron, zone, second))


def next_window(
    definition: ActivityDefinition, fired_at: datetime, *, held: Window | None, zones: Zones
) -> Window:
    """The window that a definition asks for when it fires.

    Windows tile: each begins where the last one ended, so that every occurrence is handed out once.

    Args:
        definition: The definition that fires.
        fired_at: The instant for which it does, however late that is done; with a zone.
        held: The last window that was handed out; None the first time.
        zones: The time zones that exist.

    Returns:
        The window from the end of the last one, or from ``fired_at`` the first time, until the next
            firing. Where that is no later than the end of the last one, the last one once more.

    Example:
        >>> from kaizen_schedule import list_definitions
        >>> coach, monday = list_definitions(now=now)[1], datetime(2026, 11, 30, 8, tzinfo=UTC)
        >>> from kaizen_schedule.edges.packaged import zones
        >>> first = next_window(coach, monday, held=None, zones=zones())
        >>> next_window(coach, monday, held=first, zones=zones()) == first
        True
    """
    fired_at = fired_at.astimezone(UTC)
    end = next_fire(definition, fired_at, zones=zones)
    if held is None:
        return Window(start=fired_at, end=end)
    return held if end <= held.end else Window(start=held.end, end=end)


# --- Names -----------------------------------------------------------------------------------


def encode_slug(slug: str) -> str:
    """A slug for a key: every UTF-8 byte but ``A-Za-z0-9._~-`` percent-encoded.

    Example:
        >>> encode_slug("my repo/ä")
        'my%20repo%2F%C3%A4'

    Source: RFC 3986, 2.1 and 2.3.
    """
    return quote(slug, safe="")


def idempotency_key(slug: str, agent: str, scheduled_for: datetime) -> str:
    """The name of a run.

    Example:
        >>> idempotency_key("ledger", "coach", datetime(2026, 11, 30, 8, tzinfo=UTC))
        'ledger:coach:2026-11-30T08:00:00Z'
    """
    return key_at(slug, agent, instant(scheduled_for))


def key_at(slug: str, agent: str, scheduled_for: str) -> str:
    """The name of a run whose instant is written already, in UTC."""
    return f"{encode_slug(slug)}:{agent}:{scheduled_for}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """An idempotency key, taken apart: which run of which agent in which repository."""

    slug: str
    agent: str
    scheduled_for: datetime
    """UTC."""


_KEY = re.compile(
    r"((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+):([A-Za-z][A-Za-z0-9-]{0,63}):"
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",
    re.ASCII,
)


def parse_run_key(text: str) -> RunKey | None:
    """Read an idempotency key; None where it is none.

    Example:
        >>> parse_run_key("my%20repo:coach:2026-11-30T08:00:00Z").slug
        'my repo'
    """
    match = _KEY.fullmatch(text) if len(text) < 1000 else None
    if match is None:
        return None
    try:
        slug = unquote_to_bytes(match[1]).decode("utf-8")
        moment = datetime.strptime(match[3], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    if encode_slug(slug) != match[1] or not 1970 <= moment.year < 2200:
        return None
    return RunKey(slug=slug, agent=match[2], scheduled_for=moment)


def stagger(slug: str, name: str, window: int) -> timedelta:
    """How long after its scheduled time a run may begin, so that not all begin at once.

    Args:
        slug: The repository.
        name: The agent; of a definition about repositories, its id.
        window: The definition's stagger window, in seconds.

    Example:
        >>> stagger("ledger", "coach", 1800) == stagger("ledger", "coach", 1800)
        True
    """
    if not window:
        return timedelta()
    digest = hashlib.sha256(f"{slug}\0{name}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % window)
