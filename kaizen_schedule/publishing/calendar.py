"""The runs of a window as a calendar, for calendar programs.

Source: RFC 5545 (iCalendar): 3.1 content lines, 3.3.11 text, 3.6.1 event.
"""

from __future__ import annotations

from datetime import datetime

from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.reading import safety


def render_calendar(found: Resolution) -> str:
    """Write the runs of a window as iCalendar text, in UTC."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//kaizen_schedule//runs//EN",
        "CALSCALE:GREGORIAN",
    ]
    for run in found.scheduled_runs:
        lines += _event(
            run.idempotency_key,
            run.not_before,
            f"{run.agent} in {safety.escape(run.repo)}",
            f"{run.definition} on {safety.escape(run.host)}\n{safety.escape(run.command)}",
            found.now,
        )
    for whole in found.repos:
        lines += _event(
            whole.idempotency_key,
            whole.not_before,
            f"{whole.definition} in {safety.escape(whole.repo)}",
            safety.escape(whole.command),
            found.now,
        )
    lines.append("END:VCALENDAR")
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _event(key: str, start: datetime, summary: str, description: str, now: datetime) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(key)}@kaizen-schedule",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(start)}",
        "DURATION:PT30M",
        f"SUMMARY:{_text(summary)}",
        f"DESCRIPTION:{_text(description)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", "\\n")


def _fold(line: str) -> str:
    """A line in pieces of at most 75 octets, never within a character."""
    pieces, size = [""], 0
    for character in line:
        octets = len(character.encode("utf-8", "replace"))
        if size + octets > 75:
            pieces.append("")
            size = 1
        pieces[-1] += character
        size += octets
    return "\r\n ".join(pieces)
