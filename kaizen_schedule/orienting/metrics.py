"""What runs leave in numbers: records, written strictly and read whatever the file holds.

A record is one line of JSON in a file that only grows and that git merges by ``merge=union``, so
lines may come in any order, twice, or between conflict markers. What cannot be used is skipped
and reported. Numbers and times have the same limits for writing and for reading.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.codec import instant
from kaizen_schedule.reading.diagnostics import Diagnostic, Span
from kaizen_schedule.reading.errors import UsageError
from kaizen_schedule.reading.rules import diagnose
from kaizen_schedule.reading.strict_json import NotJsonError, parse_json

DURATION_LIMIT = 366 * 86_400
"""The longest duration of a run, in seconds."""

NOTE_LIMIT = 1_000
"""The longest note that is written, in characters as given."""

LINE_LIMIT = 64 * 1024
"""The longest line that is read, in bytes."""

DIAGNOSTIC_LIMIT = 1_000
"""The most diagnostics of one file; the last one then counts the lines not named."""

# No line shorter than the shortest record needs a look once its reason would not be printed.
_SHORTEST = len('{"timestamp":"2026-11-30T09:00:00Z","outcome":"success","duration_s":0}')
_REQUIRED = ("timestamp", "outcome", "duration_s")
_MARKERS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_RUN = re.compile(r"[!-~]{1,1000}")
_MEND = "correct the line or remove it; until then it is not counted"


class Outcome(StrEnum):
    """How a run ended; ``partial`` is a run that needs a person.

    Example:
        >>> [outcome.value for outcome in Outcome]
        ['success', 'failure', 'partial']
    """

    SUCCESS = "success"
    """The work is done."""
    FAILURE = "failure"
    """The work is not done."""
    PARTIAL = "partial"
    """A part is done, or a decision needs a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One record of one run.

    Example:
        >>> from kaizen_schedule import record_execution
        >>> done = record_execution(repository, "coach", outcome="success", duration_s=250, now=now)
        >>> done.execution.outcome.value, done.execution.duration_s, done.execution.quality
        ('success', 250.0, None)
    """

    timestamp: datetime
    """When it was recorded, UTC."""
    outcome: Outcome
    """How it ended."""
    duration_s: float
    """How long it took, in seconds."""
    quality: float | None = None
    """How good the result was, from 0 to 1; None where nobody judged."""
    note: str = ""
    """What was said about it, as it stands in the file: neither escaped nor redacted."""
    run: str | None = None
    """The key of the run that was handed out; None for one started by hand."""
    line: int
    """The line in what was read of the file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executions:
    """What a file of records holds; every line is an execution, bad, superseded or blank."""

    executions: tuple[Execution, ...]
    """The records that count, in the file's order."""
    diagnostics: tuple[Diagnostic, ...]
    """What was skipped and why, in the file's order."""
    bad: int
    """Lines that cannot be used."""
    superseded: int
    """Records whose run has a later record."""


def metrics_path(agent: str) -> str:
    """Where an agent's records stand, relative to the target.

    Example:
        >>> metrics_path("coach")
        '.kaizen/metrics/coach/executions.jsonl'
    """
    return f".kaizen/metrics/{agent}/executions.jsonl"


class _BadRecordError(Exception):
    """A value that no record may have: what, why, and how to mend it."""

    def __init__(
        self, thing: str, reason: str, *, fix: str, key: str = "", column: int = 0
    ) -> None:
        super().__init__(reason)
        self.thing = thing
        self.reason = reason
        self.fix = fix
        self.key = key
        self.column = column


def _bad_value(key: str, value: object, reason: str, fix: str) -> _BadRecordError:
    if isinstance(value, str):
        shown = safety.show(value)
    elif isinstance(value, int) and abs(value) > 10**18:  # may have too many digits for text
        shown = "of more than 18 digits"
    elif value is None or isinstance(value, int | float):
        shown = json.dumps(value)
    else:
        kind = type(value).__name__
        shown = {"dict": "(an object)", "list": "(a list)"}.get(kind, f"({kind})")
    return _BadRecordError(f"{key} {shown}", reason, fix=fix, key=key)


def _bad_line(reason: str, *, fix: str = _MEND, key: str = "", column: int = 0) -> _BadRecordError:
    return _BadRecordError("the text", reason, fix=fix, key=key, column=column)


def _number(key: str, value: object, most: int, unit: str = "") -> float:
    fix = f"give a number from 0 to {most}{unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_value(key, value, "is not a number", fix)
    if not 0 <= value <= most:  # NaN is neither
        raise _bad_value(key, value, f"is not between 0 and {most:,}{unit}", fix)
    return abs(float(value))  # -0.0 is 0.0


def _outcome(value: Any) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        fix = "use success, failure or partial"
        raise _bad_value("outcome", value, "is not an outcome", fix) from None


def _moment(value: object) -> datetime:
    fix = "write it like 2026-11-30T09:00:00Z"
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        raise _bad_value("timestamp", value, "is not an ISO 8601 instant", fix)
    if match[1] is None:
        raise _bad_value("timestamp", value, "has no zone", fix)
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad_value("timestamp", value, "is a time that does not exist", fix) from None
    if moment.year < 1970:
        raise _bad_value("timestamp", value, "lies before 1970", fix)
    return moment


def _text(key: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad_value(key, value, "is not text", f"put {key} in quotes, or leave it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _bad_value(key, value, "is not Unicode text", "write it in UTF-8") from None
    return value


def render_execution(
    *,
    timestamp: datetime,
    outcome: Outcome | str,
    duration_s: float,
    quality: float | None = None,
    note: str = "",
    run: str | None = None,
) -> str:
    r"""Render a record as one line of JSON, in ASCII, its newline included.

    Args:
        timestamp: When the run was recorded; any zone, written in UTC to the second.
        outcome: How it ended.
        duration_s: How long it took, 0 to 366 days, in seconds.
        quality: How good the result was, 0 to 1; left out where None.
        note: At most 1,000 characters; made one line, control characters made visible, secrets
            replaced by ``[redacted:<kind>]``; left out where empty.
        run: The key of the run; left out where None.

    Raises:
        UsageError: A value cannot be recorded.

    Example:
        >>> from datetime import datetime, timezone
        >>> nine = datetime(2026, 11, 30, 9, tzinfo=timezone.utc)
        >>> render_execution(timestamp=nine, outcome="success", duration_s=250)
        '{"timestamp": "2026-11-30T09:00:00Z", "outcome": "success", "duration_s": 250.0}\n'
    """
    try:
        moment = _moment(timestamp.isoformat())
        record: dict[str, Any] = {
            "timestamp": instant(moment),
            "outcome": _outcome(outcome).value,
            "duration_s": _number("duration_s", duration_s, DURATION_LIMIT, " seconds"),
        }
        if quality is not None:
            record["quality"] = _number("quality", quality, 1)
        note = _text("note", note).strip()
        if len(note) > NOTE_LIMIT:
            reason = f"holds {len(note):,} characters, more than {NOTE_LIMIT:,}"
            fix = "shorten it; what later runs should know belongs in: kaizen-agentic memory add"
            raise _BadRecordError("the note", reason, fix=fix)
        if note:
            record["note"] = safety.escape(safety.redact(note)[0])
        if run is not None:
            if not _RUN.fullmatch(run):
                fix = "pass the key exactly as the task has it, or leave it out"
                raise _bad_value("run", run, "is not the key of a run", fix)
            record["run"] = run
    except _BadRecordError as bad:
        raise UsageError(f"{bad.thing} in the new record {bad.reason}", fix=bad.fix) from None
    return json.dumps(record, allow_nan=False) + "\n"


def _load(row: bytes) -> Any:
    if len(row) > LINE_LIMIT:
        raise _bad_line(f"holds {len(row):,} bytes, more than {LINE_LIMIT:,}")
    if row.startswith(_MARKERS):
        fix = "finish the merge: keep the records of both sides and remove the markers"
        raise _bad_line("is a conflict marker of git", fix=fix)
    if b"\0" in row:
        raise _bad_line("holds a NUL byte")
    try:
        return parse_json(row)
    except NotJsonError as error:
        reason = f"is not JSON: {error.words}"
        if error.text:
            reason += f" {safety.show(error.text)}"
        elif error.column:
            reason += f", column {error.column}"
        raise _bad_line(reason, key=error.text, column=error.column) from None


def _load_execution(row: bytes, line: int) -> Execution:
    record = _load(row)
    if not isinstance(record, dict):
        raise _bad_line("is JSON but not an object")
    for key in _REQUIRED:
        if key not in record:
            raise _bad_line(f"has no {key}")
    quality = record.get("quality")
    return Execution(
        timestamp=_moment(record["timestamp"]),
        outcome=_outcome(record["outcome"]),
        duration_s=_number("duration_s", record["duration_s"], DURATION_LIMIT, " seconds"),
        quality=None if quality is None else _number("quality", quality, 1),
        note=_text("note", record.get("note")),
        run=_text("run", record.get("run")) or None,
        line=line,
    )


def order_of(execution: Execution) -> tuple[datetime, int]:
    """The sort key that puts records in the order of their time, equal ones in the file's."""
    return execution.timestamp, execution.line


def _report(error: _BadRecordError, *, row: bytes, line: int, path: str) -> Diagnostic:
    column = error.column
    if error.key:
        column = row.decode(errors="replace").rfind(f'"{error.key}"') + 1
    span = Span(line=line, column=max(column, 1), end_line=line, end_column=max(column, 1) + 1)
    message = f"{error.thing} in line {line} {error.reason}"
    return diagnose(rules.METRICS_BAD_LINE, message, path=path, span=span, fix=error.fix)


def parse_executions(data: bytes, *, path: str, truncated: bool = False) -> Executions:
    r"""Read a file of records; a line that cannot be used is skipped and reported, never raised.

    Of the records of one run only the one with the latest timestamp counts; of equal ones the
    last in the file. Blank lines and unknown keys are fine, ``null`` stands for a value left out.

    Args:
        data: The file's bytes, or its end.
        path: The file, as diagnostics name it.
        truncated: Whether only the file's end was read: the first line, which may be a part of
            one, is left out, and lines are numbered from where reading began.

    Returns:
        The records, and a ``KS601`` for each bad line; ``KS602`` comes first where truncated.

    Example:
        >>> good = b'{"timestamp": "2026-11-30T09:00:00Z", "outcome": "success", "duration_s": 1}'
        >>> found = parse_executions(good + b"\n{}", path="executions.jsonl")
        >>> len(found.executions), found.diagnostics[0].message
        (1, 'the text in line 2 has no timestamp')
    """
    shown = safety.escape(path)
    diagnostics: list[Diagnostic] = []
    if truncated:
        message = f"only the end of {shown} was read; lines are counted from there"
        fix = "move its oldest lines to another file"
        diagnostics.append(diagnose(rules.METRICS_TRUNCATED, message, path=shown, fix=fix))
    found: list[Execution] = []
    bad = 0
    unnamed: int | None = None
    for line, row in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not row.strip() or (truncated and line == 1):
            continue
        if unnamed is not None and len(row) < _SHORTEST:
            bad += 1
            continue
        try:
            found.append(_load_execution(row, line))
        except _BadRecordError as error:
            bad += 1
            if len(diagnostics) < DIAGNOSTIC_LIMIT - 1:
                diagnostics.append(_report(error, row=row, line=line, path=shown))
            elif unnamed is None:
                unnamed = line
    if unnamed is not None:
        others = bad - len(diagnostics) + truncated - 1
        rest = _bad_line(f"cannot be used, nor can {others:,} lines after it")
        diagnostics.append(_report(rest, row=b"", line=unnamed, path=shown))
    latest: dict[str, Execution] = {}
    for execution in found:
        if execution.run is not None:
            rival = latest.setdefault(execution.run, execution)
            latest[execution.run] = max(rival, execution, key=order_of)
    kept = tuple(e for e in found if e.run is None or latest[e.run] is e)
    return Executions(
        executions=kept,
        diagnostics=tuple(diagnostics),
        bad=bad,
        superseded=len(found) - len(kept),
    )
