"""A text and its lines, from which the excerpts of findings are cut."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property

from . import safety
from .diagnostics import START, Diagnostic, Span
from .rules import Route, Rule, diagnose

_LINE_END = "\r\n|\n|\r"


class Source:
    """A text and its lines, from which excerpts are cut; everything is worked out when needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._last = (0, "")

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in re.finditer(_LINE_END, self.text))]

    @cached_property
    def _secrets(self) -> tuple[list[int], tuple[safety.Secret, ...]]:
        found = safety.find_secrets(self.text)
        return [secret.end for secret in found], found

    def line(self, number: int) -> str:
        """A line without its end, from 1; empty past the last."""
        if number > len(self.starts):
            return ""
        if number != self._last[0]:  # findings come in clusters, and a line may be long
            end = self.starts[number] if number < len(self.starts) else len(self.text)
            self._last = (number, self.text[self.starts[number - 1] : end].rstrip("\r\n"))
        return self._last[1]

    def span(self, offset: int, length: int = 1) -> Span:
        """The span of a stretch within one line."""
        line = bisect_left(self.starts, offset + 1)
        column = offset - self.starts[line - 1] + 1
        return Span(line=line, column=column, end_line=line, end_column=column + length)

    def excerpt(self, span: Span) -> tuple[str, str]:
        """A span's first line, safe to print, and the carets beneath it."""
        if not self.text or span.line > len(self.starts):
            return "", ""
        line = self.line(span.line)
        offset = self.starts[span.line - 1]
        ends, found = self._secrets
        secrets = []
        for secret in found[bisect_left(ends, offset + 1) :]:
            if secret.start > offset + len(line):
                break
            start, end = secret.start - offset, secret.end - offset
            secrets.append(safety.Secret(kind=secret.kind, start=start, end=end))
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        return safety.excerpt(line, start=span.column - 1, end=end, secrets=secrets)

    def diagnose(
        self,
        rule: Rule,
        message: str,
        *,
        path: str,
        span: Span = START,
        route: Route = (),
        fix: str = "",
        excerpt: bool = True,
    ) -> Diagnostic:
        """Make a diagnostic, as a rule with the excerpt of its line."""
        shown, carets = self.excerpt(span) if excerpt else ("", "")
        pointer = "".join(
            "/"
            + safety.escape(safety.redact(str(step)[:200])[0]).replace("~", "~0").replace("/", "~1")
            for step in route
        )
        return diagnose(
            rule,
            message,
            path=path,
            span=span,
            pointer=pointer,
            fix=fix,
            excerpt=shown,
            carets=carets,
        )
