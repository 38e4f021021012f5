"""What a finding looks like once it has a place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

SITE = "https://kaizen-agentic.example/schedule/"
"""The base of every published address: documentation, ``$id``, ``dataschema``, modeline."""


class Severity(StrEnum):
    """How much a finding matters.

    Example:
        >>> Severity("warning") is Severity.WARNING
        True
    """

    ERROR = "error"
    """The file cannot be used as it is."""
    WARNING = "warning"
    """It can be used; something in it is odd."""


class Span(NamedTuple):
    """A stretch of text: 1-based lines and columns in code points, the end exclusive."""

    line: int
    """First line, from 1."""
    column: int
    """First column, from 1."""
    end_line: int
    """Last line, from 1."""
    end_column: int
    """The column after the last one, from 1."""


START = Span(line=1, column=1, end_line=1, end_column=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    r"""One finding with its place, its reason and its fix; every text in it is safe to print.

    Example:
        >>> from kaizen_schedule import validate
        >>> _ = (repository / ".kaizen/schedule.yml").write_text('version: "1"\nagent: {}\n')
        >>> found = validate(repository, now=now).diagnostics[0]
        >>> print(found.path, found.line, found.column, found.code, found.message)
        .kaizen/schedule.yml 2 1 KS202 unknown key "agent" in the manifest
    """

    code: str
    """Stable code, such as `KS204`."""
    name: str
    """Stable name, such as `unknown-cadence`."""
    severity: Severity
    """`error` or `warning`."""
    message: str
    """One sentence naming the key and the value."""
    path: str
    """The file, as named by the caller or relative to the target."""
    line: int
    """First line, from 1."""
    column: int
    """First column, from 1, in code points."""
    end_line: int
    """Last line, from 1."""
    end_column: int
    """The column after the last one, from 1."""
    pointer: str
    """JSON Pointer (RFC 6901) to the offending value; empty for the whole document."""
    fix: str
    """What to write instead; empty where nothing can be said."""
    url: str
    """Where the rule is explained."""
    excerpt: str = ""
    """The offending line, shortened, escaped and redacted."""
    carets: str = ""
    """Carets to print beneath the excerpt."""

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """The sort key that puts findings in file order."""
        return (self.path, self.line, self.column, self.code, self.message)
