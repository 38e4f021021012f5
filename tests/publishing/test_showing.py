"""What notebooks show: tables that can be read aloud, pictures that say what they show."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from kaizen_schedule.publishing.showing import Picture, Table, Words, figures_of

ODD = "<b>|`*\\_[x](y)</b>\u202e\n"


class Cells(HTMLParser):
    """The text and the attributes of a table's cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append((tag, dict(attrs)))
        if tag in ("th", "td", "caption"):
            self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.open and self.open[-1][0] in ("th", "td", "caption"):
            tag, attributes, text = self.found[-1]
            self.found[-1] = tag, attributes, text + data

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()


def table(rows: int = 12) -> Table:
    frame = pd.DataFrame(
        {
            "repository": ["atlas", ODD, "c"],
            "runs": [1_234, 5, 0],
            "share": [0.5, float("nan"), 2.0],
            "when": pd.to_datetime(["2026-11-30T08:00:00Z", "", ""], errors="coerce"),
            "on": [True, False, True],
        }
    )
    return Table(frame, "What runs", rows=rows)


def test_a_table_says_what_its_headings_head() -> None:
    cells = Cells(table().html).found
    assert cells[0] == ("caption", {}, "What runs")
    heads = [(attributes["scope"], text) for tag, attributes, text in cells if tag == "th"]
    assert heads[:5] == [("col", name) for name in ("repository", "runs", "share", "when", "on")]
    assert [scope for scope, _ in heads[5:]] == ["row"] * 3


def test_values_are_written_for_people() -> None:
    assert table().rows[0] == ["atlas", "1,234", "0.50", "2026-11-30 08:00 UTC", "yes"]
    assert table().rows[1][2:] == ["–", "–", "no"]
    assert table().rows[2][2] == "2"


def test_text_cannot_become_markup() -> None:
    html, markdown = table().html, table().markdown
    assert "<b>" not in html
    assert "\u202e" not in html + markdown
    assert "\n" not in table().rows[1][0]
    rendered = MarkdownIt("commonmark").enable("table").render(markdown)
    assert "<b>" not in rendered
    assert "<a" not in rendered
    assert rendered.count("<tr>") == 4


def test_a_secret_is_never_shown() -> None:
    token = "ghp_" + "a1B2" * 9
    shown = Table(pd.DataFrame({"text": [token]}), "x")
    assert "[redacted:github-token]" in shown.html
    assert token not in shown.html + shown.markdown


def test_what_is_left_out_is_counted() -> None:
    short = table(rows=2)
    assert len(short.rows) == 2
    assert "What runs, the first 2 of 3" in short.html
    assert "**What runs, the first 2 of 3**" in short.markdown


def test_an_empty_table_says_so() -> None:
    empty = Table(pd.DataFrame({"a": []}), "Steps that failed")
    assert empty.html == "<p>Steps that failed: none.</p>"
    assert empty.markdown == "Steps that failed: none."


def test_figures_are_a_table_of_two_columns() -> None:
    found = figures_of({"runs": 12_000, "met": True})
    assert found.rows == [["runs", "12,000"], ["met", "yes"]]


@pytest.mark.parametrize(
    ("shown", "kinds"),
    [
        (table(), {"text/html", "text/markdown", "text/plain"}),
        (Words("*done*"), {"text/markdown", "text/plain"}),
        (Picture("<svg/>", "a bar"), {"image/svg+xml", "text/plain"}),
    ],
)
def test_each_is_given_in_words_too(shown: Any, kinds: set[str]) -> None:
    bundle = shown._repr_mimebundle_(include=None, exclude=None)
    assert bundle.keys() == kinds
    assert bundle["text/plain"]
