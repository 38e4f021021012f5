"""Syntax errors of YAML in plain words, and what would mend them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from . import rules, safety
from .diagnostics import START, Span
from .rules import Rule
from .source import Source


class Problem(NamedTuple):
    """A finding about the text, before it has its excerpt."""

    rule: Rule
    message: str
    span: Span
    fix: str = ""


_BEGINS = {
    "while scanning an alias": "a value",
    "while scanning an anchor": "a value",
    "while scanning a simple key": "a key",
    "while scanning a quoted scalar": "an open quote",
}
_BRACKETS = ("while parsing a flow mapping", "while parsing a flow sequence")
_NEEDS_QUOTES = frozenset("@`%")
# What stands before a value that seems to have ended, and is the beginning of a text.
_STARRED = r"(?:^|[\s,\[{])(\*\S+\s+)$"
_CONFLICT = "(?m)^<{7} "


def describe_syntax_error(error: Any, source: Source) -> tuple[Problem, int | None]:
    """Word a syntax error.

    Args:
        error: libyaml's error, with its marks.
        source: The text, in which columns and offsets are those of the marks.

    Returns:
        The problem; and, where quotes would mend it, the offset at which they would begin.
    """
    context, problem = error.context or "", error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    if error.context_mark is not None and (
        context in _BEGINS
        or (context in _BRACKETS and mark.index >= len(source.text))
        or "end of stream" in problem
    ):
        # Where it begins says more than where it went wrong.
        mark, context = error.context_mark, _BEGINS.get(context, "an open bracket")
    if mark is None:
        return Problem(rules.SYNTAX, f"not YAML: {safety.escape(problem)}", START), None
    if conflict := re.search(_CONFLICT, source.text):
        message, fix = "not YAML: a merge conflict begins here", "settle the merge conflict"
        return Problem(rules.SYNTAX, message, source.span(conflict.start(), 7), fix), None
    # Not by the mark's line: at the end libyaml counts one more than there is.
    span = source.span(mark.index)
    row, at = source.line(span.line), span.column - 1
    before, rest = row[:at], row[at:]
    starred = re.search(_STARRED, before) if "did not find expected" in problem else None
    if (
        starred
        or context == "a value"
        or ("cannot start any token" in problem and rest[:1] in _NEEDS_QUOTES)
        or ("mapping keys are not allowed" in problem and before.strip())
    ):
        start = starred.start(1) if starred else at
        value = _value(before[:start], row[start:])
        span = span._replace(column=start + 1, end_column=start + 1 + len(value))
        return unquoted(value, span), mark.index - at + start
    message, fix = _words(context, problem, before, rest)
    return Problem(rules.SYNTAX, f"not YAML: {message}", span, fix), None


def unquoted(value: str, span: Span) -> Problem:
    """The problem of a value that begins with what has a meaning in YAML.

    Args:
        value: The value, on one line.
        span: Where it stands.
    """
    quoted = f"quote it: {safety.show(value, 200)}"
    if value.startswith("*"):
        message = f"{safety.show(value)} begins with *, which YAML takes for an alias"
        return Problem(rules.UNQUOTED_STAR, message, span, quoted)
    message = f"not YAML: {safety.show(value)} begins with {value[:1]}, which needs quotes"
    return Problem(rules.SYNTAX, message, span, quoted)


def _value(before: str, rest: str) -> str:
    """A value without quotes, as far as one line can tell."""
    in_braces = "{" in before or "[" in before
    return re.split(r"[,}\]]|\s#" if in_braces else r"\s#", rest, maxsplit=1)[0].rstrip()


def _words(context: str, problem: str, before: str, rest: str) -> tuple[str, str]:
    """What is wrong, and what would mend it; in libyaml's words where those say it."""
    shown = safety.show(rest.rstrip())
    if context == "an open quote":
        return "the quote that begins here is not closed", "close the quote"
    if context == "an open bracket":
        return "the bracket that begins here is not closed", "close the bracket"
    if "flow node" in context and not rest:
        return "a bracket is not closed", "close the bracket"
    if context == "a key":
        return f"{shown} is no key with a value", "write a colon and a space after the key"
    if "\t" in before + rest[:1] and not before.strip():
        return "a tab stands where only spaces can", "indent with spaces, not with tabs"
    if "expected key" in problem or "document start" in problem:
        if rest[:1] in ("}", "]"):
            return f"{rest[0]} closes a bracket that is not open", "remove it"
        if rest[:1] == ":":
            return "a colon without a key before it", "write the key before the colon"
        if before.strip():
            fix = "put the whole value in quotes, or remove what follows it"
            return f"{shown} stands behind a value that has ended", fix
    fix = next((fix for sign, fix in _FIXES if sign in problem or sign in context), "")
    return safety.escape(f"{context}: {problem}" if context else problem), fix


_FIXES = (
    ("mapping values are not allowed", "quote a value that holds a colon, or mend the indentation"),
    ("did not find expected ',' or", "close the bracket, or put a comma between the values"),
    ("did not find expected key", "mend the indentation: keys of one mapping stand in one column"),
    ("did not find expected '-' indicator", "begin each item of the list with a dash"),
    (
        "block sequence entries are not",
        "begin a list on a line of its own; if it is text, quote it",
    ),
    ("expected node content", "write a value here, or remove what asks for one"),
    ("document start", "remove it: nothing can follow the end of the document"),
    ("unknown escape", "write a backslash twice, or put the value in single quotes"),
    ("incompatible YAML", "write %YAML 1.2, or remove the line"),
    ("directive", "remove the line"),
    ("tag", "remove the tag; if it is text, quote it"),
    ("block scalar", "if it is text, quote it"),
)
