"""A notebook that was run, as a file and as a page; no kernel is needed to see that."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest

from kaizen_schedule.publishing.notebook_pages import render_page, render_report, title_of
from kaizen_schedule.reading.diagnostics import SITE

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">%s<path d="M 0 0 L 9 9"/></svg>'
OPAQUE = SVG % '<g id="patch_1"><path style="fill: #ffffff"/></g>'
TABLE = "<table><thead><tr><th>repo</th></tr></thead><tbody><tr><td>%s</td></tr></tbody></table>"
HOSTILE = "&lt;script&gt;alert(1)&lt;/script&gt;"


def markdown(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs),
            "metadata": {"tags": list(tags)}}  # fmt: skip


def shown(data: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def printed(text: str | list[str]) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def report(*cells: dict[str, Any], **facts: str) -> str:
    return render_report({"cells": list(cells)}, "own", facts=facts, version="1.2.3")


def page(*cells: dict[str, Any]) -> dict[str, str]:
    return render_page({"cells": list(cells)}, "own")


# --- Both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# Who takes part\n\n## Not this", "Who takes part"),
        ("text\n\n# `Load` of *the* [week](x) ##", "Load of the week"),
        ("```sh\n# a comment\n```\n# Title", "Title"),
        (["# One\n", "\n", "text"], "One"),
        ("#no heading", "own"),
    ],
)
def test_the_title_is_the_first_heading(source: str | list[str], title: str) -> None:
    notebook = {"cells": [code("1"), markdown(source)]}
    assert title_of(notebook, "own") == title
    assert f"<title>{title}</title>" in report(*notebook["cells"])


HIDDEN = [code("secret = 1", printed("hush"), tags=(tag,)) for tag in
          ("remove-cell", "injected-parameters")]  # fmt: skip


@pytest.mark.parametrize("cell", HIDDEN)
def test_a_cell_can_be_run_and_not_shown(cell: dict[str, Any]) -> None:
    for text in (report(cell), page(cell)["own.md"]):
        assert "secret" not in text
        assert "hush" not in text


def test_an_empty_cell_is_none() -> None:
    assert page(markdown("# T"), code("  "), markdown(""))["own.md"].endswith("# T\n")


LINKS = (
    "[a](../docs/reasons.md#not-due) [b](../docs/rules/index.md) [c](https://x.example/docs/y.md)"
)


def test_links_to_the_site_lead_there() -> None:
    text = page(markdown(LINKS))["own.md"]
    assert (
        "[a](../reasons.md#not-due) [b](../rules/index.md) [c](https://x.example/docs/y.md)" in text
    )
    html = report(markdown(LINKS))
    assert re.findall(r'<a href="(\w[^"]+)">', html) == [
        f"{SITE}reasons/#not-due",
        f"{SITE}rules/",
        "https://x.example/docs/y.md",
    ]


# --- The file ------------------------------------------------------------------------------------


def test_the_file_is_one_document_that_fetches_nothing() -> None:
    html = report(markdown("# Title\n\n## Part\n\ntext"), Roster='the checkouts in "/srv"')
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert html.count("<h1>") == 1
    assert "<script" not in html
    assert "default-src 'none'" in html
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == ["data:,", "#content"]
    assert "<dt>Roster</dt><dd>the checkouts in &quot;/srv&quot;</dd>" in html
    assert "kaizen-agentic schedule report own</code>, version 1.2.3." in html
    for landmark in ("<header>", '<main id="content"', "<footer>"):
        assert html.count(landmark) == 1
    assert "@media print" in html
    assert "prefers-color-scheme: dark" in html


def test_further_first_headings_are_second_ones() -> None:
    html = report(markdown("# A\n\n# B"), markdown("# C"))
    assert re.findall(r"<h(\d)>(\w)</h", html) == [("1", "A"), ("2", "B"), ("2", "C")]
    late = report(code("1"), markdown("text\n\n# Title"))
    assert re.findall(r"<h(\d)>(\w+)</h", late) == [("1", "Title")]


def test_raw_html_of_markdown_is_text() -> None:
    html = report(markdown("# <script>x</script>\n\n<img src=x onerror=y> [a](javascript:x)"))
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript" not in html


def test_what_strangers_wrote_stays_text_wherever_it_stands() -> None:
    html = report(
        markdown("# T"),
        code(
            "show()",
            shown({"text/html": TABLE % HOSTILE}),
            shown({"text/html": TABLE % "<script>alert(2)</script><img src=x onerror=alert(3)>"}),
            shown({"text/plain": "<script>alert(4)</script>"}),
            printed("<script>alert(5)</script>\x1b[31mred\u202e\x00"),
            shown({"text/markdown": "**bold** <script>alert(6)</script>"}),
            shown({"image/svg+xml": OPAQUE}, alt='"><script>alert(7)</script>'),
        ),
        Roster="<script>alert(8)</script>\x1b",
    )
    assert "<script" not in html
    assert "onerror" not in html
    assert "alert(2)" not in html
    for number in (1, 4, 5, 6, 7, 8):
        assert f"alert({number})" in html
    assert "red\\u202e\\x00" in html
    assert "<strong>bold</strong>" in html
    assert "\x1b" not in html


def test_tables_are_regions_with_names_of_their_own() -> None:
    table = shown({"text/html": f"<p>before</p>{TABLE % 'x'} after"})
    html = report(markdown("# T\n\n## Load\n\n|a|b|\n|-|-|\n|1|2|"), code("1", table, table))
    labels = re.findall(r'<div class="wide" role="region" aria-label="([^"]*)" tabindex="0">', html)
    assert labels == ["Load", "Load, table 2", "Load, table 3"]
    assert html.count("<caption>Load</caption>") == 2
    assert html.count("<p>before</p>") == 2
    assert html.partition("<main")[2].count(" after") == 0
    assert html.partition("<main")[2].count("after") == 2


def test_figures_are_named_in_words() -> None:
    html = report(
        markdown("# T\n\n## Week"),
        code(
            "1",
            shown({"image/svg+xml": SVG % "", "text/plain": "<Figure size 1x1>"}),
            shown({"image/svg+xml": SVG % "<title>Own</title>", "text/plain": "<Figure>"}),
            shown({"image/svg+xml": [OPAQUE], "text/plain": "In words"}),
            shown({"image/png": b64encode(b"png").decode()}, **{"image/png": {"alt": "A <b>"}}),
        ),
    )
    assert re.findall(r'role="img" aria-label="([^"]*)"', html) == [
        "Week: figure 1", "Own", "In words",
    ]  # fmt: skip
    assert '<img src="data:image/png;base64,cG5n" alt="A &lt;b&gt;">' in html
    assert re.findall(r"<figure( class=\"card\")?>", html) == ["", "", *[' class="card"'] * 2]


def test_a_hatched_bar_is_hatched_all_over() -> None:
    tile = 'patternUnits="userSpaceOnUse" x="0" y="0" width="72" height="72"'
    drawing = f'<defs><pattern id="h1" {tile}/></defs><rect style="fill: url(#h1)"/>'
    cell = code("1", shown({"image/svg+xml": SVG % drawing}, alt="bars"))
    for text in (report(cell), page(cell)["own-1.svg"]):
        assert f'<pattern id="f1-1" {tile}/>' in text


def test_what_heads_numbers_stands_above_them() -> None:
    rows = "<tr><td>a</td><td>1</td><td>50%</td><td>2</td></tr>" * 2
    wide = rows.replace("<td>a</td>", '<td colspan="1">a</td>')
    head = "<tr><th>repo</th><th>runs</th><th>success</th><th>so</th></tr>"
    odd = rows.replace("<td>2</td>", "<td>x</td>", 1)
    html = report(code("1", shown({"text/html": f"<table>{head}{odd}</table>{wide}"})))
    heads = re.findall(r"<th([^>]*)>(\w+)", html)
    assert [name for attributes, name in heads if "number" in attributes] == ["runs", "success"]
    spread = head.replace("<th>repo</th>", '<th colspan="2">repo</th>')
    assert 'th class="number"' not in report(
        code("1", shown({"text/html": f"<table>{spread}{rows}</table>"}))
    )


def test_code_is_there_to_be_unfolded() -> None:
    html = report(code('a = "<b>"  # why'))
    assert "<details><summary>Code</summary>" in html
    assert "&lt;b&gt;" in html
    assert '<span class="c1"># why</span>' in html


def test_outputs_that_say_nothing_are_left_out() -> None:
    html = report(code("1", shown({}), shown({"application/json": {}}), {"output_type": "error"}))
    assert "said" not in html.partition("<main")[2]


# --- The page ------------------------------------------------------------------------------------


def test_the_page_is_markdown_with_its_figures_beside_it() -> None:
    files = page(
        markdown("# Title"),
        code(
            "a = 1\n````",
            printed("one\n\n```\ntwo\n"),
            shown({"text/html": TABLE % "x\n\n  y"}),
            shown({"text/html": "<p>a\n\n<b>b</b></p>"}),
            shown({"text/markdown": "*said*"}),
            shown({"image/svg+xml": SVG % ""}, alt="runs [by] day"),
            shown({"image/svg+xml": OPAQUE}, alt="b"),
        ),
    )
    assert list(files) == ["own.md", "own-1.svg", "own-2.svg"]
    assert files["own.md"] == (
        "---\nedit_source: notebooks/own.ipynb\n---\n\n# Title\n\n"
        '<details class="code" markdown="1">\n<summary>Code</summary>\n\n'
        "`````python\na = 1\n````\n`````\n\n"
        "</details>\n\n````text\none\n\n```\ntwo\n````\n\n"
        '<table><caption>Title</caption><thead><tr><th scope="col">repo</th></tr></thead>'
        "<tbody><tr><td>x\ny</td></tr></tbody></table>\n\n"
        "<div>\n<p>a\n<b>b</b></p>\n</div>\n\n*said*\n\n"
        "![runs \\[by\\] day](own-1.svg)\n\n![b](own-2.svg)\n"
    )
    assert "prefers-color-scheme:dark" in files["own-1.svg"]
    assert "prefers-color-scheme" not in files["own-2.svg"]
    assert all(text.endswith("\n") for text in files.values())


def test_without_a_heading_a_page_is_called_by_its_name() -> None:
    assert "\n\n# own\n\ntext\n" in page(markdown("text"))["own.md"]


def test_a_figure_of_a_page_says_what_it_shows_and_is_a_drawing() -> None:
    with pytest.raises(ValueError, match="figure 1, beneath Week, does not say what it shows"):
        page(markdown("# Week"), code("1", shown({"image/svg+xml": SVG % ""})))
    with pytest.raises(ValueError, match="own: figure 1 is no drawing"):
        page(code("1", shown({"image/png": "cG5n"}, alt="a")))


def test_the_same_notebook_gives_the_same_bytes() -> None:
    cells = (markdown("# T"), code("1", shown({"image/svg+xml": OPAQUE}, alt="a")))
    assert page(*cells) == page(*cells)
    assert report(*cells) == report(*cells)
