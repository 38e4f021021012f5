"""Syntax errors of YAML in plain words, and what would mend them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import rules, safety
from .diagnostics import START, Span
from .rules import Rule
from .source import Source


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding about the text, before it has its excerpt."""

    rule: Rule
    message: str
    span: Span
    fix: str = ""


_NEEDS_QUOTES = frozenset("@`%")


def describe_syntax_error(error: Any, source: Source, text: str) -> tuple[Problem, str | None]:
    """Word a syntax error; where quotes would mend it, also give the text that has them."""
    context, problem = error.context or "", error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    if context == "while scanning an alias" and error.context_mark is not None:
        mark = error.context_mark
    if mark is None:
        return Problem(rules.SYNTAX, f"not YAML: {safety.escape(problem)}", START), None
    line, column = mark.line + 1, mark.column + 1
    span = Span(line=line, column=column, end_line=line, end_column=column + 1)
    row = source.line(line)
    in_braces = "{" in row[: column - 1] or "[" in row[: column - 1]
    rest = re.split(r"[,}\]]|\s#" if in_braces else r"\s#", row[column - 1 :], maxsplit=1)[
        0
    ].rstrip()
    quoted = f"quote it: {safety.show(rest, 200)}"
    starred = context == "while scanning an alias"
    if starred or (
        "cannot start any token" in problem and row[column - 1 : column] in _NEEDS_QUOTES
    ):
        span = Span(line=line, column=column, end_line=line, end_column=column + len(rest))
        if starred:
            message = f"{safety.show(rest)} begins with *, which YAML takes for an alias"
            return Problem(rules.UNQUOTED_STAR, message, span, quoted), _quote(text, mark, rest)
        message = f"not YAML: {safety.show(rest)} begins with {row[column - 1]}, which needs quotes"
        return Problem(rules.SYNTAX, message, span, quoted), _quote(text, mark, rest)
    fix = ""
    if "\t" in row[: column - 1 or 1] and not row[: column - 1].strip():
        fix = "indent with spaces, not with tabs"
    else:
        fix = next((fix for sign, fix in _SYNTAX_FIXES if sign in problem), "")
    words = f"{context}: {problem}" if context else problem
    return Problem(rules.SYNTAX, f"not YAML: {safety.escape(words)}", span, fix), None


_SYNTAX_FIXES = (
    ("mapping values are not allowed", "quote a value that holds a colon, or mend the indentation"),
    ("could not find expected ':'", "write a colon and a space after the key"),
    ("unexpected end of stream", "close the quote"),
    ("did not find expected ',' or", "close the bracket, or put a comma between the values"),
    ("did not find expected key", "mend the indentation: keys of one mapping stand in one column"),
    ("did not find expected '-' indicator", "begin each item of the list with a dash"),
)


def _quote(text: str, mark: Any, rest: str) -> str | None:
    """The text with a plain value put in double quotes; None where that would not be its text."""
    if not rest or '"' in rest or "\\" in rest or not text.startswith(rest, mark.index):
        return None
    return f'{text[: mark.index]}"{rest}"{text[mark.index + len(rest) :]}'
