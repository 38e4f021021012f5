"""Results as text for people, and in the forms that other programs read.

A result is data; how it is reported is a choice by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION, dumps, to_plain
from kaizen_schedule.reading.diagnostics import SITE, Diagnostic, Severity

PRINT_LIMIT = 1000
"""So many findings are printed at most; then the number of those left."""


Styler = Callable[[str, str], str]
"""Colours a text, `red`, `yellow` or `green`, or leaves it as it is."""


def plain_style(text: str, colour: str) -> str:  # noqa: ARG001 - the protocol's shape
    """The style of what is not a terminal: none."""
    return text


def count_of(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> count_of(1, "error"), count_of(2, "error"), count_of(2, "entry")
        ('1 error', '2 errors', '2 entries')
    """
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun}"


def render_diagnostics(
    diagnostics: Sequence[Diagnostic], *, style: Styler = plain_style, excerpts: bool = True
) -> str:
    """Render findings as text: one line each, then excerpt and fix.

    Args:
        diagnostics: The findings, in the order in which they shall stand.
        style: Colours codes, carets and fixes.
        excerpts: Show the offending lines.
    """
    lines: list[str] = []
    for item in diagnostics[:PRINT_LIMIT]:
        error = item.severity is Severity.ERROR
        colour, prefix = ("red", "") if error else ("yellow", "warning: ")
        place = f"{item.path}:{item.line}:{item.column}"
        lines.append(f"{place}: {style(item.code, colour)} {prefix}{item.message}")
        if item.excerpt and excerpts:
            number = str(item.line)
            lines.append(f"  {number} | {item.excerpt}")
            lines.append(f"  {' ' * len(number)} | {style(item.carets, colour)}")
        if item.fix:
            lines.append(f"  {style('fix:', 'green')} {item.fix}")
    if len(diagnostics) > PRINT_LIMIT:
        lines.append(f"... and {count_of(len(diagnostics) - PRINT_LIMIT, 'finding')} more")
    return "".join(f"{line}\n" for line in lines)


def summary_of(diagnostics: Iterable[Diagnostic]) -> str:
    """How many errors and warnings there are.

    Example:
        >>> summary_of([])
        '0 errors, 0 warnings'
    """
    severities = [item.severity for item in diagnostics]
    errors = severities.count(Severity.ERROR)
    return f"{count_of(errors, 'error')}, {count_of(len(severities) - errors, 'warning')}"


def _diagnostics_json(diagnostics: Sequence[Diagnostic], *, ok: bool, version: str) -> str:
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "tool_version": version,
            "ok": ok,
            "diagnostics": diagnostics[:PRINT_LIMIT],
            "omitted": max(0, len(diagnostics) - PRINT_LIMIT),
        }
    )


def _sarif(diagnostics: Sequence[Diagnostic], *, ok: bool, version: str) -> str:  # noqa: ARG001 - reporters share a signature
    """SARIF 2.1.0, with columns in code points."""
    from urllib.parse import quote

    from kaizen_schedule.reading.rules import RULES

    index = {rule.code: number for number, rule in enumerate(RULES)}
    results: list[Any] = []
    for item in diagnostics[:PRINT_LIMIT]:
        text = f"{item.message}; {item.fix}" if item.fix else item.message
        region = {
            "startLine": item.line,
            "startColumn": item.column,
            "endLine": item.end_line,
            "endColumn": item.end_column,
        }
        location = {"artifactLocation": {"uri": quote(item.path)}, "region": region}
        results.append(
            {
                "ruleId": item.code,
                "ruleIndex": index[item.code],
                "level": item.severity,
                "message": {"text": text},
                "locations": [{"physicalLocation": location}],
            }
        )
    driver = {
        "name": "kaizen-agentic",
        "version": version,
        "informationUri": SITE,
        "rules": [
            {
                "id": rule.code,
                "name": rule.name,
                "shortDescription": {"text": rule.title},
                "helpUri": rule.url,
                "defaultConfiguration": {"level": rule.severity},
            }
            for rule in RULES
        ],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if len(diagnostics) > PRINT_LIMIT:
        run["properties"] = {"omitted": len(diagnostics) - PRINT_LIMIT}
    return dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _github(diagnostics: Sequence[Diagnostic], *, ok: bool, version: str) -> str:  # noqa: ARG001 - reporters share a signature
    """Workflow commands of GitHub Actions, which become annotations."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def value(text: object) -> str:
        return data(str(text)).replace(":", "%3A").replace(",", "%2C")

    lines = []
    for item in diagnostics[:PRINT_LIMIT]:
        fields = {
            "file": item.path,
            "line": item.line,
            "endLine": item.end_line,
            "col": item.column,
            "endColumn": item.end_column,
            "title": f"{item.code} {item.name}",
        }
        head = ",".join(f"{key}={value(field)}" for key, field in fields.items())
        text = f"{item.message}\nfix: {item.fix}" if item.fix else item.message
        lines.append(f"::{item.severity} {head}::{data(text)}\n")
    if len(diagnostics) > PRINT_LIMIT:
        left = count_of(len(diagnostics) - PRINT_LIMIT, "finding")
        lines.append(f"::notice::{left} more are not shown\n")
    return "".join(lines)


DIAGNOSTIC_REPORTERS: dict[str, Callable[..., str]] = {
    "json": _diagnostics_json,
    "sarif": _sarif,
    "github": _github,
}
"""Reporters for other programs, by name: findings, ``ok`` and ``version`` in, text out."""


# --- Tables ------------------------------------------------------------------------------------


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = 80) -> str:
    """Render rows in columns; where they are too wide, the widest columns are cut.

    Args:
        header: The columns' names.
        rows: The cells, safe to print.
        width: The most columns of the terminal; 0 for no limit.

    Example:
        >>> print(render_table(["A", "B"], [["one", "a long story"]], width=12), end="")
        A    B
        one  a long …
    """
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    gaps = 2 * (len(widths) - 1)
    while width and sum(widths) + gaps > width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in table:
        cells = [
            safety.clip(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "".join(f"{line}\n" for line in lines)


def render_names(head: str, names: Iterable[str], *, width: int = 80) -> str:
    """Render a list of names as one paragraph.

    Args:
        head: What they are.
        names: The names, safe to print.
        width: The most columns of the terminal.

    Example:
        >>> print(render_names("Known", ["a", "b"]), end="")
        Known: a, b.
    """
    from textwrap import wrap

    lines = wrap(f"{head}: {', '.join(names)}.", width, break_on_hyphens=False)
    return "".join(f"{line}\n" for line in lines)


def day_and_time(moment: datetime) -> str:
    """A local time as people write it, its year left to the context.

    Example:
        >>> day_and_time(datetime(2026, 11, 30, 9))
        'Mon 30 Nov 09:00'
    """
    # Not strftime: its names follow the locale.
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day} {moment.day:>2} {months[moment.month - 1]} {moment:%H:%M}"


def to_json(value: Any) -> str:
    """A model as JSON text."""
    return dumps(to_plain(value))
