"""What a notebook shows: a table, a picture, a sentence, each in forms that need no colour or eye.

Each is an object that IPython displays: a table as HTML and as markdown, a picture as SVG beside
the words that say what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd

from kaizen_schedule.reading import safety

from .reporters import render_table

CELL_LIMIT = 300
"""Characters of a cell; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and what it shows in words."""

    svg: str
    """The element ``svg``; the same bytes for the same figures."""
    alt: str
    """What it shows, for whoever does not see it."""

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph in markdown."""

    markdown: str
    """Its text."""

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": self.markdown}


class Table:
    """The first rows of a frame as a table with a caption.

    Args:
        frame: What to show; its columns' names are the headings.
        caption: What it shows, in a few words.
        rows: The most rows; how many are left is said in the caption.

    Example:
        >>> table = Table(pd.DataFrame({"agent": ["coach", "optimization"]}), "Agents", rows=1)
        >>> print(table.markdown)
        **Agents, the first 1 of 2**
        <BLANKLINE>
        | agent |
        |---|
        | coach |
    """

    def __init__(self, frame: pd.DataFrame, caption: str, *, rows: int = 12) -> None:
        shown = frame.head(rows)
        if len(shown) < len(frame):
            caption += f", the first {len(shown):,} of {len(frame):,}"
        self.caption = caption
        self.heads = [safety.escape(str(name)) for name in frame.columns]
        self.numbers = [_is_number(frame.iloc[:, place]) for place in range(len(self.heads))]
        columns = [
            [_cell(value) for value in shown.iloc[:, place]] for place in range(len(self.heads))
        ]
        self.rows = [list(row) for row in zip(*columns, strict=True)]

    @property
    def html(self) -> str:
        """The table as HTML, with a caption and headings that say what they head."""
        if not self.rows:
            return f"<p>{escape(self.caption)}: none.</p>"
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in self.heads)
        lines = [
            "<table>",
            f"<caption>{escape(self.caption)}</caption>",
            f"<thead><tr>{heads}</tr></thead>",
            "<tbody>",
            *(f"<tr>{self._cells(row)}</tr>" for row in self.rows),
            "</tbody>",
            "</table>",
        ]
        return "\n".join(lines)

    def _cells(self, row: Sequence[str]) -> str:
        first, *others = row
        cells = [f'<th scope="row">{escape(first)}</th>']
        for text, number in zip(others, self.numbers[1:], strict=True):
            aligned = ' style="text-align: right"' if number else ""
            cells.append(f"<td{aligned}>{escape(text)}</td>")
        return "".join(cells)

    @property
    def markdown(self) -> str:
        """The table as markdown."""
        if not self.rows:
            return f"{self.caption}: none."
        marks = ["---:" if number else "---" for number in self.numbers]
        rows = [[safety.plain(text, CELL_LIMIT) for text in row] for row in self.rows]
        lines = [f"| {' | '.join(row)} |" for row in (self.heads, *rows)]
        return "\n".join((f"**{self.caption}**", "", lines[0], f"|{'|'.join(marks)}|", *lines[1:]))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        text = render_table(self.heads, self.rows, width=100) if self.rows else "none\n"
        return {
            "text/html": self.html,
            "text/markdown": self.markdown,
            "text/plain": f"{self.caption}\n{text}",
        }


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _cell(value: Any) -> str:
    """A value as it is shown."""
    if value is None or (not isinstance(value, list | tuple | dict) and pd.isna(value)):
        return "–"
    if isinstance(value, datetime):
        zone = f" {value.tzname()}" if value.tzinfo is not None else ""
        return f"{value:%Y-%m-%d %H:%M}{zone}"
    kind = type(value).__name__.removesuffix("_")
    if kind == "bool":
        return "yes" if value else "no"
    if kind.startswith(("int", "uint")):
        return f"{value:,}"
    if kind.startswith("float"):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return safety.clip(safety.escape(safety.redact(str(value))[0]), CELL_LIMIT)


def figures_of(values: Mapping[str, object], caption: str = "Key figures") -> Table:
    """A table of single figures.

    Args:
        values: Each figure by what it says.
        caption: What the table shows.
    """
    frame = pd.DataFrame({"figure": list(values), "value": [_cell(v) for v in values.values()]})
    return Table(frame, caption, rows=len(values))
