"""What an agent's runs leave for the next ones in words: dated notes, the oldest at the top.

The file is markdown that people may edit. A note begins with a heading that is an instant and
nothing else; what stands before the first one is a note without a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.codec import instant
from kaizen_schedule.reading.diagnostics import Diagnostic, Span
from kaizen_schedule.reading.errors import UsageError
from kaizen_schedule.reading.rules import diagnose

NOTE_LIMIT = 16 * 1024
"""The longest text of a note that is written, in bytes of UTF-8, as given."""

_HEADING = re.compile(
    r"^## ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2}))"
    r"[ \t\r]*$",
    re.MULTILINE,
)
# Wider than what is read as a heading: markdown allows three spaces before one.
_FORGED = re.compile(r"^([ \t]*)(?=##[ \t]*[0-9]{4}-)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note as it is appended to the file."""

    text: str
    """Heading, text and the blank line after it."""
    redactions: tuple[safety.Redaction, ...]
    """The secrets that were replaced; lines are those of the text as given, stripped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNote:
    """A note as it stands in the file."""

    at: datetime | None
    """When it was written, UTC; None for text that stands before the first heading."""
    text: str
    """What it says, stripped; neither redacted nor escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBrief:
    """The newest notes that fit."""

    notes: tuple[MemoryNote, ...]
    """The notes that fit, the oldest first; of one that is too long, what is left of it."""
    text: str
    """The same with their headings, as in the file; neither redacted nor escaped."""
    dropped: int
    """Notes left out because they do not fit; one that was cut is not among them."""
    total: int
    """Notes in what was read of the file."""
    truncated: bool
    """Whether anything was left out or cut, here or when the file was read."""
    diagnostics: tuple[Diagnostic, ...]
    """What is odd about the file."""


def memory_path(agent: str) -> str:
    """Where an agent's notes stand, relative to the target.

    Example:
        >>> memory_path("coach")
        '.kaizen/agents/coach/memory.md'
    """
    return f".kaizen/agents/{agent}/memory.md"


def render_note(text: str, *, now: datetime) -> Note:
    r"""Render a note to be appended to the file.

    Line ends become LF, control and invisible characters visible, secrets ``[redacted:<kind>]``;
    a line that looks like the heading of a note gets a backslash, so that none can be forged.

    Args:
        text: What to leave; at most 16 KiB of UTF-8.
        now: When it is written, with a zone.

    Returns:
        The note, and what was replaced in it.

    Raises:
        UsageError: The text is empty or too long.

    Example:
        >>> from datetime import datetime, timezone
        >>> note = render_note("Ask first.\r\n", now=datetime(2026, 11, 30, 9, tzinfo=timezone.utc))
        >>> note.text
        '## 2026-11-30T09:00:00Z\n\nAsk first.\n\n'
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not plain:
        raise UsageError("the note is empty", fix="say what the next run should know")
    size = len(plain.encode("utf-8", "surrogatepass"))
    if size > NOTE_LIMIT:
        message = f"the note holds {size:,} bytes, more than {NOTE_LIMIT:,}"
        raise UsageError(message, fix="shorten it, or put it in a file and name that file")
    redacted, redactions = safety.redact(plain)
    body = _FORGED.sub(r"\1\\", safety.reveal(redacted))
    return Note(text=f"## {instant(now)}\n\n{body}\n\n", redactions=redactions)


@dataclass(frozen=True, slots=True)
class _Part:
    """A note and its heading, verbatim."""

    at: datetime | None
    heading: str
    body: str

    def __str__(self) -> str:
        return self.heading + self.body

    @property
    def note(self) -> MemoryNote:
        return MemoryNote(at=self.at, text=self.body.strip())


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _split(text: str) -> list[_Part]:
    text = text.replace("\r\n", "\n")
    found = [(at, m) for m in _HEADING.finditer(text) if (at := _instant(m[1])) is not None]
    ends = [*(match.start() for _, match in found[1:]), len(text)]
    parts = [
        _Part(at, match[0], text[match.end() : end])
        for (at, match), end in zip(found, ends, strict=False)
    ]
    before = text[: found[0][1].start()] if found else text
    return [_Part(None, "", before), *parts] if before.strip() else parts


def parse_notes(text: str) -> tuple[MemoryNote, ...]:
    r"""Read the notes of a file, in its order; whatever it holds, this never fails.

    Args:
        text: The file's text.

    Example:
        >>> notes = parse_notes("Of old.\n\n## 2026-11-30T09:00:00Z\n\nAsk first.\n")
        >>> [note.text for note in notes]
        ['Of old.', 'Ask first.']
    """
    return tuple(part.note for part in _split(text))


def _decode(data: bytes, *, path: str, skipped: int) -> tuple[str, tuple[Diagnostic, ...]]:
    try:
        return data.decode(), ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1 + skipped
        message = f"byte 0x{data[error.start]:02x} in line {line} of {path} is not UTF-8"
        span = Span(line=line, column=1, end_line=line, end_column=2)
        fix = "save the file as UTF-8"
        odd = diagnose(rules.MEMORY_UNREADABLE, message, path=path, span=span, fix=fix)
        return data.decode(errors="replace"), (odd,)


def _cut(part: _Part, limit: int) -> _Part | None:
    """The end of a note that is too long, marked; None where not even the mark fits."""
    body = part.body.strip()
    mark = "\n\n[truncated: the first {:,} characters of this note are left out]\n"
    room = limit - len(part.heading) - len(mark.format(len(body)))
    if room <= 0:
        return None
    start = len(body) - room
    for secret in safety.find_secrets(body):  # half a secret would not be known for one
        if secret.start < start < secret.end:
            start = secret.end
    return _Part(part.at, part.heading, mark.format(start) + body[start:])


def brief(data: bytes, *, truncated: bool, path: str, limit: int) -> MemoryBrief:
    r"""Take the newest notes that fit.

    Notes are ordered by their instants, since git's ``merge=union`` may have shuffled them; text
    before the first heading counts as the oldest. A newest note that alone is too long keeps its
    end, where the latest is, and is marked.

    Args:
        data: The file's bytes, or its end.
        truncated: Whether only the file's end was read: what may be a part of a line, and up to
            the first heading a part of a note, is left out.
        path: The file, as diagnostics name it.
        limit: The most characters of ``text``.

    Returns:
        The notes; a ``KS604`` where the file is not UTF-8, a ``KS605`` where it was truncated.

    Example:
        >>> data = b"## 2026-11-23T09:00:00Z\n\nOld.\n\n## 2026-11-30T09:00:00Z\n\nNew.\n"
        >>> found = brief(data, truncated=False, path="memory.md", limit=40)
        >>> found.notes[0].text, found.dropped, found.total
        ('New.', 1, 2)
    """
    shown = safety.escape(path)
    if truncated:
        data = data.partition(b"\n")[2]
    text, odd = _decode(data.removeprefix(b"\xef\xbb\xbf"), path=shown, skipped=int(truncated))
    parts = _split(text)
    if truncated:
        message = f"only the end of {shown} was read"
        fix = "move its oldest notes to another file"
        odd = (diagnose(rules.MEMORY_TRUNCATED, message, path=shown, fix=fix), *odd)
        if len(parts) > 1 and parts[0].at is None:
            del parts[0]
    parts.sort(key=lambda part: part.at.isoformat() if part.at else "")
    kept: list[_Part] = []
    pieces: list[str] = []
    room = limit
    for part in reversed(parts):
        piece = str(part).rstrip() if not kept else str(part)
        if kept and not piece.endswith("\n"):  # it was the file's last note
            piece += "\n"
        room -= len(piece)
        if room < 0:
            break
        kept.append(part)
        pieces.append(piece)
    dropped = len(parts) - len(kept)
    if parts and not kept and (cut := _cut(parts[-1], limit)):
        kept, pieces, dropped = [cut], [str(cut)], dropped - 1
        truncated = True
    return MemoryBrief(
        notes=tuple(part.note for part in reversed(kept)),
        text="".join(reversed(pieces)).lstrip("\n"),
        dropped=dropped,
        total=len(parts),
        truncated=truncated or dropped > 0,
        diagnostics=odd,
    )
