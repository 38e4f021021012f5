"""HTML and SVG of notebooks: what is kept, what is left out, what is added for screen readers."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.publishing.markup import Node, dress_table, read_html, read_svg

# --- HTML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<p>one<br/>two</p>", "<p>one<br>two</p>"),
        ("a<script>alert(1)</script>b", "ab"),
        ("a<style>p { color: red }</style>b", "ab"),
        ("a<svg onload=alert(1)><script>x</script></svg>b", "ab"),
        ("a<iframe src=//x></iframe><object><b>c</b></object>b", "ab"),
        ("<template><script>x</script></template><noscript><p>y</p></noscript>b", "b"),
        ("<img src=x onerror=alert(1)><input><link rel=stylesheet href=//x>", ""),
        ("<div class=x onclick=y>a</div>", "a"),
        ("<p style='x' id=y class=z onclick=w>a</p>", "<p>a</p>"),
        ("<a href='javascript:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href=' JaVaScRiPt:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href='java\tscript:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href='data:text/html,x'>a</a><a href='//x'>b</a>", "<a>a</a><a>b</a>"),
        ("<a href='https://a.example/?x=1&y=2'>a</a>", '<a href="https://a.example/?x=1&amp;y=2">a</a>'),
        ("<a href='#x'>a</a>", '<a href="#x">a</a>'),
        ("<b>a", "<b>a</b>"),
        ("<b><i>a</b>c</i>", "<b><i>a</i></b>c"),
        ("</p></table>a", "a"),
        ("&lt;b&gt; &amp;amp; &#60;", "&lt;b&gt; &amp;amp; &lt;"),
        ("<!-- <b> -->a<!doctype x><?php b ?>", "a"),
        ("<th colspan=2 scope=row>a</th>", '<th colspan="2" scope="row">a</th>'),
        ("<td colspan=1 rowspan=99999 scope=col>a</td>", "<td>a</td>"),
        ("<td colspan='\u0662'>a</td>", "<td>a</td>"),
        ("<ol start=3><li>a</ol>", '<ol start="3"><li>a</li></ol>'),
        ("<ol start='x'></ol>", "<ol></ol>"),
        ("<xmp><b></xmp><plaintext>c", "c"),
        ("<math><mi><b>x</b></mi></math>y", "y"),
    ],
)  # fmt: skip
def test_what_is_kept_of_html(given: str, kept: str) -> None:
    assert read_html(given).inner == kept


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)


PIECES = st.sampled_from(
    ["<", ">", "/", "'", '"', "=", "&", ";", "!--", "-->", " ", "script", "style", "svg", "p", "td",
     "a href=", "onload", "javascript:", "table", "img src", "x", "\n", "]]>", "<![CDATA[", "title"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=3), max_size=20).map("".join))
def test_whatever_comes_nothing_harmful_goes(text: str) -> None:
    root = read_html(text)
    seen = _Seen()
    seen.feed(root.inner)
    assert seen.tags <= {"p", "td", "a", "table", "s", "b", "i", "u", "q"}
    assert seen.names <= {"href"}
    assert read_html(root.inner).inner == root.inner  # a second reading finds nothing new


def table_of(html: str) -> Node:
    return next(read_html(html).find("table"))


FRAME = """<div><style scoped>.dataframe { x: y }</style>
<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>runs</th>
<th colspan="2">share</th></tr></thead><tbody><tr><th rowspan="2">a</th><td>1</td><td>10 %</td>
<td>x</td></tr><tr><td>1,234.5</td><td>−3</td><td>2026-11-24</td></tr></tbody></table></div>"""


def test_a_table_says_what_it_shows_and_what_its_cells_head() -> None:
    table = table_of(FRAME)
    assert dress_table(table, "Load <by> day") == "Load <by> day"
    text = str(table)
    assert text.startswith("<table><caption>Load &lt;by&gt; day</caption>")
    assert '<tr><td></td><th scope="col">runs</th>' in text
    assert '<th colspan="2" scope="colgroup">share</th>' in text
    assert '<th rowspan="2" scope="rowgroup">a</th>' in text
    for number in ("1", "10 %", "1,234.5", "−3"):
        assert f'<td class="number">{number}</td>' in text
    assert "<td>2026-11-24</td>" in text


def test_cells_are_told_apart_by_what_they_need() -> None:
    table = table_of(
        "<table><tr><th>a</th><td style='color: red; text-align:  right'>–</td>"
        f"<td style='text-align: left' class='number'>x</td><td>{'word ' * 20}</td></tr></table>"
    )
    dress_table(table, "")
    assert [cell.attributes.get("class") for cell in table.find("td")] == ["number", None, "long"]


def test_a_table_keeps_its_own_caption_and_scopes() -> None:
    table = table_of(
        "<table><caption>Own</caption><tr><th>a</th><th scope=colgroup>b</th></tr>"
        "<tr><th>c</th><td>d</td></tr><tr><th>e</th></tr></table>"
    )
    assert dress_table(table, "Other") == "Own"
    assert str(table) == (
        '<table><caption>Own</caption><tr><th scope="col">a</th><th scope="colgroup">b</th></tr>'
        '<tr><th scope="row">c</th><td>d</td></tr><tr><th scope="row">e</th></tr></table>'
    )


def test_an_empty_caption_is_none() -> None:
    table = table_of("<table><caption> </caption><tr><td>a</td></tr></table>")
    assert dress_table(table, "") == ""
    assert str(table) == "<table><tr><td>a</td></tr></table>"


# --- SVG -----------------------------------------------------------------------------------------

HEAD = '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg.dtd">\n'
OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
FIGURE = (
    HEAD
    + OPEN
    + """width="72pt" height="36pt" viewBox="0 0 72 36" onload="alert(1)">
<metadata><title>Matplotlib</title><date>2026-11-24</date></metadata>
<defs><style type="text/css">*{stroke-linejoin: round}</style></defs>
<g id="figure_1"><g id="patch_1"><path d="M 0 36.123456 L 72 0" style="fill: %s"/></g>
<g id="line"><path d="M 1.0000001 2" clip-path="url(#p1)" style="stroke: #000000; fill: none"/>
<use xlink:href="#m1" x="1.23456" style="fill: #1f77b4"/><use xlink:href="http://x/#a"/></g></g>
<script>alert(1)</script><foreignObject><p>x</p></foreignObject><image href="http://x"/>
<a href="javascript:alert(1)"><text onclick="x">link</text></a>
<text style="fill: url(http://x)">a &lt;b&gt; <tspan>c</tspan> d</text>
<defs><clipPath id="p1"><rect x="0" y="0" width="1" height="1"/></clipPath>
<path id="m1"/></defs></svg>"""
)


def test_a_figure_is_built_anew_of_shapes() -> None:
    drawing = read_svg(FIGURE % "#ffffff", "f1", 'runs "by" <day>')
    svg = drawing.svg
    root = fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'runs "by" <day>'
    assert (root.get("viewBox"), root.get("width")) == ("0 0 72 36", "72pt")
    for left_out in ("metadata", "Matplotlib", "script", "alert", "foreignObject", "image", "http://x",
                     "onclick", "onload", "<a", "link", "2026", "<style", "figure_1"):  # fmt: skip
        assert left_out not in svg, left_out
    assert 'd="M 0 36.12 L 72 0"' in svg
    assert 'd="M 1 2"' in svg
    assert 'clip-path="url(#f1-1)"' in svg
    assert '<use href="#f1-2" x="1.23" style="fill: #1f77b4"/>' in svg
    assert '<clipPath id="f1-1">' in svg
    assert '<path id="f1-2"/>' in svg
    assert "<text>a &lt;b&gt;<tspan>c</tspan> d</text>" in svg
    assert svg.count("id=") == 2


def test_ids_of_two_figures_differ_and_are_the_same_each_time() -> None:
    other = (FIGURE % "#ffffff").replace("p1", "pf3a9").replace("m1", "m7c2")
    assert read_svg(other, "f1", "a").svg == read_svg(FIGURE % "#ffffff", "f1", "a").svg
    assert "f1-" not in read_svg(FIGURE % "#ffffff", "f2", "a").svg


@pytest.mark.parametrize(
    ("fill", "on_page"), [("none", True), ("#ffffff", False), ("#ffffff; opacity: 0", True),
                          ("#ffffff; opacity: 0.8", False), ("#fff; stroke-opacity: 0", False)]
)  # fmt: skip
def test_a_figure_without_a_background_takes_the_pages_colour(fill: str, on_page: bool) -> None:
    drawing = read_svg(FIGURE % fill, "f1", "a")
    assert drawing.on_page == on_page
    assert ("currentColor" in drawing.svg) == on_page
    assert ("#000000" in drawing.svg) == (not on_page)
    assert "#1f77b4" in drawing.svg


def test_a_figures_own_title_is_what_it_shows() -> None:
    drawing = read_svg(OPEN + 'width="7.5pt" height="x"><title> Load </title></svg>', "f1")
    assert drawing.title == "Load"
    root = fromstring(drawing.svg)
    assert root.get("aria-label") == "Load"
    assert root.get("viewBox") == "0 0 7.5 300"


@pytest.mark.parametrize("text", ["", "<svg", "<p/>", "<svg>", "\x00"])
def test_what_is_no_svg_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is no "):
        read_svg(text, "f1")


def test_an_svg_of_no_namespace_is_one() -> None:
    assert "<rect/>" in read_svg('<svg viewBox="0 0 1 1"><rect/></svg>', "f1").svg
