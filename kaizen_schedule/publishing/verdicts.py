"""How another resolver answered the vectors: one verdict for each, as data and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from kaizen_schedule import __version__
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION

from .comparing import LIMIT, Difference
from .reporters import Styler, count_of, plain_style

_TOLD = 10
"""So many differences of a vector are printed where there are several vectors."""

_FIRST, _LAST = 3, 7
"""So many lines of what a command said are printed: some tell the error first, others last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedVector:
    """How one vector was answered.

    Example:
        >>> from kaizen_schedule import check_conformance
        >>> (vector,) = check_conformance("false", only=["missed"]).vectors
        >>> vector.ok, vector.error
        (False, 'the command ended with 1')
    """

    name: str
    """The vector."""
    title: str
    """What it shows, in one sentence."""
    ok: bool
    """Whether it was answered as expected."""
    differences: tuple[Difference, ...]
    """What the answer differs in."""
    error: str | None
    """Why there is no answer to compare; null where there is one."""
    notes: tuple[str, ...] = ()
    """What is no difference, and can explain some, such as other rules of time zones."""
    stderr: tuple[str, ...]
    """Where there is no answer, the lines that the command said, safe to print; of very many the
    first and the last, and `…` between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """How another resolver answered the vectors.

    Example:
        >>> from kaizen_schedule import check_conformance
        >>> result = check_conformance("cat", only=["window-*"])
        >>> result.ok, [vector.name for vector in result.vectors][-1]
        (False, 'window-takes-its-start')
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that compared."""
    ok: bool
    """Whether each was answered as expected."""
    vectors: tuple[CheckedVector, ...]
    """Each vector, by name."""


def lines_of(said: bytes) -> tuple[str, ...]:
    r"""The lines of what a command said, safe to print.

    Example:
        >>> lines_of(b"one\n\ntwo\x1b[2J\n")
        ('one', 'two\\x1b[2J')
    """
    text = safety.redact(said.decode("utf-8", "replace"))[0]
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return tuple(safety.escape(line) for line in lines if line)


def render_conformance(result: Conformance, *, style: Styler = plain_style) -> str:
    """Render the vectors that were not answered as expected, and how many were.

    Args:
        result: The verdicts.
        style: Colours names and values.
    """
    lines: list[str] = []
    limit = _TOLD if len(result.vectors) > 1 else LIMIT
    told = Counter(note for vector in result.vectors for note in vector.notes)
    lines += (f"note: {note} ({count_of(n, 'vector')})" for note, n in told.items())
    said: tuple[str, ...] = ()
    for vector in result.vectors:
        if not vector.ok:
            lines += _render(vector, limit, style, said)
            said = vector.stderr
    total, failed = len(result.vectors), sum(not vector.ok for vector in result.vectors)
    verdict = f"{failed:,} not answered as expected" if failed else "all answered as expected"
    if total == 1:
        verdict = verdict.replace("all ", "").removeprefix("1 ")
    lines.append(f"{count_of(total, 'vector')}, {verdict}")
    return "".join(f"{line}\n" for line in lines)


def _render(
    vector: CheckedVector, limit: int, style: Styler, before: Sequence[str]
) -> Iterator[str]:
    found = len(vector.differences)
    least = "at least " if found == LIMIT else ""
    verdict = vector.error or f"{least}{count_of(found, 'difference')}"
    yield f"{style(vector.name, 'red')}: {verdict}"
    yield from wrap(vector.title, 80, initial_indent="  ", subsequent_indent="  ")
    if vector.stderr and vector.stderr == before:
        yield "  stderr: the same"
    else:
        yield from _said(vector.stderr)
    for item in vector.differences[:limit]:
        yield f"  {item.where}"
        yield f"    expected {style(item.expected, 'green')}"
        yield f"    answered {style(item.answered, 'yellow')}"
        if item.note:
            yield f"    {item.note}"
    if found > limit:
        yield f"  … {count_of(found - limit, 'more difference')}"


def _said(lines: Sequence[str]) -> Iterator[str]:
    """What a command said: its first and its last lines, each cut."""
    shown = [f"  stderr: {safety.clip(line, 200)}" for line in lines]
    if len(shown) > _FIRST + _LAST:
        shown[_FIRST:-_LAST] = ["  … more with --format json"]
    yield from shown
