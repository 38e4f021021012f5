"""YAML text to plain data in which every value can be found again by line and column.

The text is read as YAML 1.2's core schema from libyaml's event stream. Limits are checked as the
events arrive, before anything is built: the C composer dies on deep nesting. One departure from
the core schema: digits with a leading zero are text, so that ``010`` is never an octal or a ten.

This is the only module that uses PyYAML.

Source: YAML 1.2.2, chapter 10.3 (core schema).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from yaml import cyaml
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from . import rules, safety
from .diagnostics import START, Diagnostic, Span
from .rules import Finding, Route, Rule, diagnose
from .source import Source
from .syntax import Problem, describe_syntax_error, unquoted

SIZE_LIMIT = 1024 * 1024
"""A file that people write is at most 1 MiB."""

MENDING_LIMIT = 50
"""So many unquoted values are mended in thought, to read on behind them."""

DEPTH_LIMIT = 16
"""Nesting of mappings and lists."""

NODE_LIMIT = 20_000
"""Values in one document, those that aliases repeat counted each time."""

EXCERPT_LIMIT = 1000
"""So many findings about the text have an excerpt: no more are printed, and each takes time."""

# libyaml compares each tag directive with all before it: 70,000 of them take a quarter of a minute.
_TAG_DIRECTIVES = 100

_SEPARATORS = {"\x85": "NEL", "\u2028": "LS", "\u2029": "PS"}
# What YAML's `c-printable` leaves out, and the three that its 1.1 scanner takes for line ends. The
# pattern is slow to compile, and few files need it.
_REFUSED = (
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ALLOWED_IN_ASCII = b"\t\n\r" + bytes(range(0x20, 0x7F))
_INT = r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = (
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# A plain scalar that begins otherwise is text; most do, and are spared the patterns.
_TELLTALE = frozenset("0123456789.+-")

_NO_KEY = object()
_DROPPED = object()

_Marks = dict[Any, tuple[Any, Any]]
_NOTHING: Mapping[int, Any] = {}


class Document(NamedTuple):
    r"""A file that people write, as data with places.

    Example:
        >>> document = parse_document(b"version: '1'\n", path="schedule.yml")
        >>> document.data, document.locate(("version",)).column
        ({'version': '1'}, 10)
    """

    path: str
    """The file's name, safe to print."""
    source: Source
    """The text without its byte order mark; empty where it could not be decoded."""
    data: Any = None
    """The data: None, bool, int, float, str, list and dict with text keys."""
    findings: tuple[Diagnostic, ...] = ()
    """What is wrong with the text as YAML, in file order."""
    complete: bool = False
    """Whether the text could be read to its end, so that ``data`` says all it holds."""
    root: Any = None
    """The event of the root."""
    marks: Mapping[int, _Marks] = _NOTHING
    """The events of all keys and values, by the identity of what holds them."""
    merged: Mapping[int, Any] = _NOTHING
    """The mappings that had a merge key, by identity: what they seem to lack may stand in it."""

    def locate(self, route: Route, *, at_key: bool = False) -> Span:
        """Say where a value stands.

        The line is that of its key. A value that begins on a later line is shown by its key, and
        so is a mapping, a list or nothing at all.

        Args:
            route: Keys and indices from the root.
            at_key: Show the key itself.
        """
        key_event, event = None, self.root
        container = self.data
        for step in route:
            key_event, event = self.marks[id(container)][step]
            container = container[step]
        if event is None or (not route and type(event) is ScalarEvent and not event.value):
            return START  # of nothing libyaml may say that it stands past the end
        if not route and isinstance(container, dict) and container:
            # The root mapping is shown by its first key: there is no better single place.
            event = next(iter(self.marks[id(container)].values()))[0]
        elif key_event is not None and (
            at_key
            or isinstance(event, MappingStartEvent | SequenceStartEvent)
            or event.start_mark.line != key_event.start_mark.line
            or event.start_mark.index == event.end_mark.index
        ):
            event = key_event
        return _span(event)

    def place(self, finding: Finding, *, excerpt: bool = True) -> Diagnostic:
        """Give a finding its line, column and, as a rule, excerpt."""
        return self.source.diagnose(
            finding.rule,
            finding.message,
            path=self.path,
            span=self.locate(finding.route, at_key=finding.at_key),
            route=finding.route,
            fix=finding.fix,
            excerpt=excerpt,
        )


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(
        line=start.line + 1,
        column=start.column + 1,
        end_line=end.line + 1,
        end_column=end.column + 1,
    )


def parse_document(source: bytes, *, path: str) -> Document:
    r"""Read YAML text into data with places; never raises on what the text holds.

    Args:
        source: The file's bytes.
        path: The file's name as it shall appear in findings.

    Returns:
        The document; its findings say what was refused.

    Example:
        >>> parse_document(b"a: 1\na: 2\n", path="x.yml").findings[0].message
        'key "a" stands twice in this mapping; first at line 1'
    """
    shown = safety.escape(path)
    if len(source) > SIZE_LIMIT:
        message = f"the file holds more than {SIZE_LIMIT:,} bytes"
        fix = "a manifest fits in a few kilobytes"
        finding = diagnose(rules.TOO_LARGE, message, path=shown, fix=fix)
        return Document(path=shown, source=Source(""), findings=(finding,))
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(source, error.start, path=shown)
    text = text.removeprefix("\ufeff")
    if source.translate(None, _ALLOWED_IN_ASCII) if source.isascii() else re.search(_REFUSED, text):
        if "\0\0" in (text[:3:2], text[1:4:2]):
            return _not_utf8(source, source.index(0), path=shown)
        return _refused_characters(text, path=shown)
    if text.count("%TAG") > _TAG_DIRECTIVES and (found := _too_many_directives(text)):
        return _refused(Source(text), [found], path=shown)
    return _build(text, shown)


def _not_utf8(source: bytes, offset: int, *, path: str) -> Document:
    good = source[:offset].decode("utf-8").removeprefix("\ufeff")
    kind, head = "", source[:4]
    if head in (b"\xff\xfe\0\0", b"\0\0\xfe\xff") or b"\0\0" in head:
        kind = "UTF-32"
    elif head[:2] in (b"\xff\xfe", b"\xfe\xff") or source[offset] == 0:
        kind = "UTF-16"
    message = f"byte 0x{source[offset]:02x} at offset {offset} is not UTF-8"
    fix = f"this is {kind}; save the file as UTF-8" if kind else "save the file as UTF-8"
    span = Source(good).span(len(good))
    finding = diagnose(rules.NOT_UTF8, message, path=path, span=span, fix=fix)
    return Document(path=path, source=Source(""), findings=(finding,))


def _refused_characters(text: str, *, path: str) -> Document:
    """Report each refused character; what libyaml makes of the rest cannot be trusted."""
    source = Source(text)
    problems = []
    for match in islice(re.finditer(_REFUSED, text), NODE_LIMIT):
        character = match.group()
        if name := _SEPARATORS.get(character):
            rule = rules.LINE_SEPARATOR
            message = f"{name} (U+{ord(character):04X}) is taken for a line end by some readers"
            fix = "remove it, or write it as an escape in double quotes"
        else:
            rule, fix = rules.CONTROL_CHARACTER, "remove it"
            message = f"character U+{ord(character):04X} is not allowed here"
        problems.append(Problem(rule, message, source.span(match.start()), fix))
    return _refused(source, problems, path=path)


def _too_many_directives(text: str) -> Problem | None:
    found = list(islice(re.finditer("^%TAG", text, re.MULTILINE), _TAG_DIRECTIVES + 1))
    if len(found) <= _TAG_DIRECTIVES:
        return None
    message = f"more than {_TAG_DIRECTIVES} tag directives"
    span = Source(text).span(found[-1].start(), 4)
    return Problem(rules.TAG, message, span, "remove them: tags are refused")


def _refused(source: Source, problems: Sequence[Problem], *, path: str) -> Document:
    return Document(path=path, source=source, findings=_diagnose(source, problems, path=path))


def _diagnose(source: Source, problems: Sequence[Problem], *, path: str) -> tuple[Diagnostic, ...]:
    """The findings in file order, the first ones with their excerpts."""
    if not problems:
        return ()
    ordered = sorted(problems, key=lambda p: (p.span.line, p.span.column, p.rule.code, p.message))
    return tuple(
        source.diagnose(
            p.rule, p.message, path=path, span=p.span, fix=p.fix, excerpt=number < EXCERPT_LIMIT
        )
        for number, p in enumerate(ordered)
    )


class _LimitError(Exception):
    """A limit was passed; reading stops."""


def _build(text: str, path: str) -> Document:
    source = Source(text)
    problems: list[Problem] = []
    # Characters at the beginning of a value that needs quotes, by their offset. For the parser a
    # letter stands in their place, so that the rest of the file is checked in the same run.
    mended: dict[int, str] = {}
    starts: dict[int, Problem] = {}
    readable = text
    while True:
        builder = _Builder(readable, mended)
        roots: list[Any] = []
        complete = False
        try:
            builder.read(roots)
            complete = True
        except _LimitError:
            pass
        except MarkedYAMLError as error:
            if "nesting depth" in (error.problem or ""):  # libyaml's own limit, in its look-ahead
                builder.too_deep(error.problem_mark)
                break
            problem, offset = describe_syntax_error(error, source)
            if offset is not None and offset not in mended and len(mended) < MENDING_LIMIT:
                starts[offset] = problem
                mended[offset] = text[offset]
                readable = f"{readable[:offset]}x{readable[offset + 1 :]}"
                continue
            problems.append(problem)
        except YAMLError as error:  # the reader's own, which has no place
            message = f"not YAML: {safety.escape(str(error))[:120]}"
            problems.append(Problem(rules.SYNTAX, message, START))
        break
    for offset, guess in starts.items():
        if (found := builder.restored.get(offset)) is None:
            problems.append(guess)
        else:  # it was read, so that now it is known where it ends
            value, end = found
            span = guess.span._replace(end_line=end.line + 1, end_column=end.column + 1)
            problems.append(unquoted(value, span))
    return Document(
        path=path,
        source=source,
        data=roots[0] if roots else None,
        findings=_diagnose(source, [*problems, *builder.problems], path=path),
        complete=complete,
        root=builder.root,
        marks=builder.marks,
        merged=builder.merged,
    )


class _Builder:
    """Builds data from events, holding what is open on a stack of its own."""

    def __init__(self, text: str, mended: dict[int, str]) -> None:
        self.text = text
        self.mended = mended
        # By their offsets: values with their first character again, and the marks at their ends.
        self.restored: dict[int, tuple[str, Any]] = {}
        self.problems: list[Problem] = []
        self.marks: dict[int, _Marks] = {}
        self.merged: dict[int, Any] = {}
        self.root: Any = None
        # Of each anchor: its value, and its size in nodes once that is known.
        self.anchors: dict[str, list[Any]] = {}
        self.unsized: dict[int, tuple[list[Any], int]] = {}

    def read(self, roots: list[Any]) -> None:  # noqa: C901 - one loop; calls would cost a third
        """Read every event into ``roots``, which has the root as soon as that is known."""
        get: Any = cyaml.CParser(self.text).get_event  # type: ignore[attr-defined] # not in the stubs
        stack: list[tuple[Any, _Marks, Any, Any]] = []
        mended, nodes = self.mended, 0
        container: Any = roots
        in_list = True
        marks: _Marks = {}
        key: Any = _NO_KEY
        key_event: Any = None
        while True:
            event = get()
            kind = type(event)
            opens = False
            if kind is ScalarEvent:
                value = event.value
                if not event.style:
                    if mended:
                        value = self._restore(event, value)
                    if event.tag is None:
                        if value in _WORDS:
                            value = _WORDS[value]
                        elif value[0] in _TELLTALE:
                            value = _number(value)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                opens = True
                value = {} if kind is MappingStartEvent else []
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                if self.unsized and (open_anchor := self.unsized.pop(id(container), None)):
                    open_anchor[0][1] = nodes - open_anchor[1]
                container, marks, key, key_event = stack.pop()
                in_list = type(container) is list
                continue
            elif kind is AliasEvent:
                value, size = self._alias(event)
                nodes += size - 1
            elif kind is StreamEndEvent:
                return
            elif kind is DocumentStartEvent and roots:
                message = "a second document begins here; only one is read"
                fix = "remove everything from this line on, or the line itself"
                self._report(rules.SEVERAL_DOCUMENTS, message, event, fix)
                return
            else:
                continue

            nodes += 1
            if nodes > NODE_LIMIT:
                message = f"more than {NODE_LIMIT:,} values, those that aliases repeat included"
                self._report(rules.TOO_MANY_NODES, message, event, "write fewer entries")
                raise _LimitError
            if opens and len(stack) >= DEPTH_LIMIT:
                self.too_deep(event.start_mark)
                raise _LimitError
            if not stack:
                self.root = event
            if kind is not AliasEvent:
                if event.tag is not None:
                    self._tag(event)
                if event.anchor is not None:
                    anchor = self.anchors[event.anchor] = [value, None if opens else 1]
                    if opens:
                        self.unsized[id(value)] = (anchor, nodes - 1)

            if in_list:
                marks[len(container)] = (None, event)
                container.append(value)
            elif key is _NO_KEY:
                key_event = event
                if type(value) is str and value != "<<" and value not in container:
                    key = value
                else:
                    key = self._key(event, value, container, marks)
                if not opens:
                    continue
                # A mapping or list as key is read, as its value will be, into nothing.
                stack.append((container, marks, key, key_event))
            else:
                if key is not _DROPPED:
                    container[key] = value
                    marks[key] = (key_event, event)
                key = _NO_KEY
            if opens:
                if key is _NO_KEY:
                    stack.append((container, marks, key, key_event))
                container, marks, key = value, {}, _NO_KEY
                in_list = kind is SequenceStartEvent
                self.marks[id(value)] = marks

    def _report(self, rule: Rule, message: str, event: Any, fix: str) -> None:
        self.problems.append(Problem(rule, message, _span(event), fix))

    def too_deep(self, mark: Any) -> None:
        """Report nesting at the mark at which it goes too deep."""
        message = f"nested deeper than {DEPTH_LIMIT} levels"
        line, column = mark.line + 1, mark.column + 1
        span = Span(line=line, column=column, end_line=line, end_column=column + 1)
        self.problems.append(
            Problem(rules.TOO_DEEP, message, span, "a manifest needs three levels")
        )

    def _restore(self, event: Any, value: str) -> str:
        """A value with the first character that the file has."""
        start, end = event.start_mark.index, event.end_mark.index
        for offset, character in self.mended.items():
            if start <= offset < end:
                value = character + value[1:]
                self.restored[offset] = (value, event.end_mark)
        return value

    def _tag(self, event: Any) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!", 1)
        message = f"tag {safety.show(tag)} is refused: a value is what its form says"
        self._report(rules.TAG, message, event, "remove the tag")

    def _alias(self, event: Any) -> tuple[Any, int]:
        """What an alias stands for, and its size in nodes."""
        anchor = self.anchors.get(event.anchor)
        shown = safety.show(f"*{event.anchor}")
        if anchor is None:
            message = f"alias {shown} has no anchor before it"
            self._report(rules.UNDEFINED_ALIAS, message, event, f"if it is text, quote it: {shown}")
            return None, 1
        value, size = anchor
        if size is None:
            message = f"alias {shown} stands inside its own anchor"
            self._report(rules.SELF_REFERENCE, message, event, "write the value out")
            return None, 1
        return value, size

    def _key(self, event: Any, value: Any, container: Any, marks: _Marks) -> Any:
        """The key to store under; ``_DROPPED``, with a finding, where there can be none."""
        scalar = type(event) is ScalarEvent
        if scalar and event.value == "<<" and not event.style:
            self.merged[id(container)] = container
            self._report(rules.MERGE_KEY, "merge key << is refused", event, "write the keys out")
        elif type(value) is not str:
            shown = safety.show(event.value) if scalar else "of this mapping"
            fix = f"quote it: {shown}" if scalar else "use a plain word"
            if scalar and not event.value[:1].isalpha():
                fix = f"begin it with a letter, as names of agents do, or {fix}"
            self._report(rules.NON_STRING_KEY, f"key {shown} is not text", event, fix)
        elif value in container:
            first = marks[value][0].start_mark.line + 1
            message = (
                f"key {safety.show(value)} stands twice in this mapping; first at line {first}"
            )
            self._report(rules.DUPLICATE_KEY, message, event, "remove one of the two")
        else:
            return value  # a quoted <<
        return _DROPPED


def _number(text: str) -> int | float | str:
    """A plain scalar that begins like a number, by the core schema."""
    if re.fullmatch(_INT, text):
        # Python neither reads nor writes digits without end; as a float they are still a number.
        if text[:2] in ("0o", "0x"):
            number = int(text, 0)
            return number if number.bit_length() < 1400 else math.inf
        return int(text) if len(text) < 400 else float(text)
    if re.fullmatch(_FLOAT, text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
