"""A notebook that was run, as one HTML file that needs nothing else, and as a page of the site.

Both are made of its cells and their outputs alone, so that the same notebook gives the same bytes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.diagnostics import SITE

from .markup import Drawing, Node, dress_table, read_html, read_svg

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_DOCS = "../docs/"
"""Where a notebook finds the site's pages."""

HIDDEN = frozenset({"remove-cell", "injected-parameters"})
"""The tags of cells that are run and not shown."""


# --- What a cell put out -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, and what it shows."""

    node: Node
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure, and what it shows in words."""

    drawing: Drawing | None
    """None for a picture of points."""
    png: bytes
    """The picture; empty for a drawing."""
    alt: str


@dataclass(frozen=True, slots=True)
class Words:
    """What was printed."""

    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """Text with markup: markdown, or HTML that was read."""

    markdown: str = ""
    html: Node | None = None


Output = Table | Figure | Words | Prose


class _Outputs:
    """Reads the outputs of a notebook's cells, and numbers its tables and figures."""

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self.figures = self.tables = 0
        self._captions: set[str] = set()

    def of(self, cell: Mapping[str, Any], heading: str) -> Iterator[Output]:
        """The outputs of a cell beneath a heading."""
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream":
                yield Words(_plain(_joined(output["text"])))
            elif output["output_type"] in ("display_data", "execute_result"):
                yield from self._bundle(output, heading)

    def _bundle(self, output: Mapping[str, Any], heading: str) -> Iterator[Output]:
        data = {kind: _joined(held) for kind, held in output["data"].items()}
        words = data.get("text/plain", "")
        if "image/svg+xml" in data or "image/png" in data:
            yield self._figure(data, _alt_of(output, words), heading)
        elif "text/html" in data:
            yield from self._html(data["text/html"], heading)
        elif "text/markdown" in data:
            yield Prose(markdown=data["text/markdown"])
        elif words:
            yield Words(_plain(words))

    def _figure(self, data: Mapping[str, str], alt: str, heading: str) -> Figure:
        self.figures += 1
        drawing, png = None, b""
        if "image/svg+xml" in data:
            drawing = read_svg(data["image/svg+xml"], f"f{self.figures}", alt)
            alt = alt or drawing.title
        else:
            from base64 import b64decode

            png = b64decode(data["image/png"])
        if not alt and self._strict:
            raise ValueError(
                f"figure {self.figures}, beneath {heading}, does not say what it shows"
            )
        if not alt:
            alt = f"{heading}: figure {self.figures}"
            if drawing is not None:
                drawing = read_svg(data["image/svg+xml"], f"f{self.figures}", alt)
        return Figure(drawing=drawing, png=png, alt=" ".join(alt.split()))

    def _html(self, text: str, heading: str) -> Iterator[Output]:
        """The tables of an output, and what stands between them."""
        between: list[Node | str] = []
        for child in read_html(text).children:
            if isinstance(child, Node) and child.tag == "table":
                if any(isinstance(c, Node) or c.strip() for c in between):
                    yield Prose(html=Node("", children=between))
                between = []
                yield self.table(child, heading)
            else:
                between.append(child)
        if any(isinstance(c, Node) or c.strip() for c in between):
            yield Prose(html=Node("", children=between))

    def table(self, node: Node, heading: str, *, told: bool = True) -> Table:
        """A table beneath a heading, which is its caption where it has none and one is told."""
        self.tables += 1
        caption = dress_table(node, heading if told else "") or heading
        label = caption
        while label in self._captions:
            label = f"{caption}, table {self.tables}"
            self.tables += label in self._captions
        self._captions.add(label)
        return Table(node=node, caption=label)


def _joined(held: Any) -> str:
    """A text as notebooks hold it: whole, or as a list of its lines."""
    return held if isinstance(held, str) else "".join(held) if isinstance(held, list) else str(held)


def _plain(text: str) -> str:
    return safety.reveal(_COLOURS.sub("", text)).strip("\n")


def _alt_of(output: Mapping[str, Any], words: str) -> str:
    """What a figure shows, where that is said beside it."""
    told = output.get("metadata", {})
    for place in (told.get("image/svg+xml"), told.get("image/png"), told):
        if isinstance(place, Mapping) and isinstance(place.get("alt"), str):
            return str(place["alt"])
    return "" if words.startswith("<") else words


# --- What both have in common --------------------------------------------------------------------


def _cells(notebook: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """The cells that are shown: kind, source, the cell, and the heading that it stands beneath."""
    heading = ""
    for cell in notebook["cells"]:
        source = _joined(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            found = _HEADING.findall(_FENCED.sub("", source))
            heading = _words(found[-1]) if found else heading
        if source and HIDDEN.isdisjoint(cell.get("metadata", {}).get("tags", ())):
            yield cell["cell_type"], source, cell, heading


def title_of(notebook: Mapping[str, Any], name: str) -> str:
    """A notebook's first heading; its name where it has none."""
    for kind, source, _, heading in _cells(notebook):
        if kind == "markdown" and heading:
            return _words(_HEADING.findall(_FENCED.sub("", source))[0])
    return name


def _words(markdown: str) -> str:
    """A line of markdown without its marks."""
    return re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown))


def _relinked(markdown: str, *, site: bool) -> str:
    """Markdown whose links to the site's pages lead there from where it is put."""

    def link(match: re.Match[str]) -> str:
        path, place = match[1], match[2] or ""
        if site:
            return f"](../{path}.md{place})"
        address = path.removesuffix("index") if path.endswith("index") else f"{path}/"
        return f"]({SITE}{address}{place})"

    return re.sub(rf"\]\({re.escape(_DOCS)}([\w./-]+)\.md(#[\w-]+)?\)", link, markdown)


# --- The page of the site ------------------------------------------------------------------------


def render_page(notebook: Mapping[str, Any], name: str) -> dict[str, str]:
    """Render a notebook that has been run as a page of the site, with its figures beside it.

    Args:
        notebook: The notebook as JSON holds it.
        name: What the page is called.

    Returns:
        Texts by path: ``NAME.md``, ``NAME-1.svg`` and so on.

    Raises:
        ValueError: A figure says nowhere what it shows, or is no drawing.
    """
    files: dict[str, str] = {}
    blocks = [f"---\nedit_source: notebooks/{name}.ipynb\n---"]
    outputs = _Outputs(strict=True)
    if title_of(notebook, "") == "":
        blocks.append(f"# {name}")
    for kind, source, cell, heading in _cells(notebook):
        if kind == "markdown":
            blocks.append(_relinked(source, site=True))
        elif kind == "code":
            fence = safety.fence(source)
            blocks += (
                '<details class="code" markdown="1">\n<summary>Code</summary>',
                f"{fence}python\n{source}\n{fence}",
                "</details>",
            )
            for output in outputs.of(cell, heading or name):
                blocks += (_on_page(output, name, outputs.figures, files),)
    return {f"{name}.md": "\n\n".join(blocks) + "\n", **files}


def _on_page(output: Output, name: str, number: int, files: dict[str, str]) -> str:
    match output:
        case Table(node=node):
            return _tight(str(node))
        case Figure(drawing=drawing, alt=alt):
            if drawing is None:
                raise ValueError(f"{name}: figure {number} is no drawing; let it be SVG")
            path = f"{name}-{number}.svg"
            files[path] = _standing_alone(drawing) + "\n"
            return f"![{safety.plain(alt, 1000)}]({path})"
        case Prose(markdown=markdown, html=html):
            if html is None:
                return _relinked(markdown.strip(), site=True)
            return f"<div>\n{_tight(html.inner)}\n</div>"
        case Words(text=text):
            fence = safety.fence(text)
            return f"{fence}text\n{text}\n{fence}"


def _tight(html: str) -> str:
    """HTML without blank lines: one would end the block that it makes in markdown."""
    return re.sub(r"\n\s*", "\n", html.strip())


_ALONE = "<style>svg{color:#1d2b31}@media (prefers-color-scheme:dark){svg{color:#dbe4e8}}</style>"


def _standing_alone(drawing: Drawing) -> str:
    """A figure as a file: it has no page that would lend it a colour."""
    if not drawing.on_page:
        return drawing.svg
    head, _, body = drawing.svg.partition(">")
    return f"{head}>{_ALONE}{body}"


# --- The file ------------------------------------------------------------------------------------


def render_report(
    notebook: Mapping[str, Any], name: str, *, facts: Mapping[str, str], version: str
) -> str:
    """Render a notebook that has been run as one HTML file that needs nothing else.

    Args:
        notebook: The notebook as JSON holds it.
        name: What it is called.
        facts: What is said of it beneath its title, such as which roster was read.
        version: The program's version.
    """
    outputs = _Outputs()
    title = title_of(notebook, name)
    blocks: list[str] = []
    number = 0
    for kind, source, cell, heading in _cells(notebook):
        if kind == "markdown":
            html = read_html(_html_of(_relinked(source, site=False)))
            first = next(html.find("h1"), None)
            if first is not None and first.text and not number and first in html.children:
                html.children.remove(first)  # it stands above, as the page's own
                number = -1
            for further in html.find("h1"):
                further.tag = "h2"
            blocks.append(_prose(html, outputs, heading or title))
        elif kind == "code":
            blocks.append(_code(source))
            for output in outputs.of(cell, heading or title):
                blocks += (_in_file(output, outputs, heading or title),)
    told = "".join(
        f"<div><dt>{escape(key)}</dt><dd>{escape(safety.escape(value))}</dd></div>"
        for key, value in facts.items()
    )
    return _DOCUMENT.format(
        title=escape(safety.escape(title), quote=False),
        style=_STYLE,
        facts=f"<dl>{told}</dl>" if told else "",
        body="\n".join(filter(None, blocks)),
        name=escape(name),
        version=escape(version),
    )


def _html_of(markdown: str) -> str:
    import mistune

    return str(mistune.create_markdown(escape=True, plugins=["table"])(markdown))


def _prose(html: Node, outputs: _Outputs, heading: str) -> str:
    parts = []
    for child in html.children:
        if isinstance(child, Node) and child.tag == "table":
            parts.append(_in_file(outputs.table(child, heading, told=False), outputs, heading))
        elif isinstance(child, Node):
            for code in child.find("pre") if child.tag != "pre" else [child]:
                code.attributes["tabindex"] = "0"
            parts.append(str(child))
        else:
            parts.append(escape(child, quote=False))
    return "".join(parts).strip()


def _code(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lines = highlight(safety.reveal(source), PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()
    shown = f'<pre tabindex="0"><code>{lines}</code></pre>'
    return f"<details><summary>Code</summary>{shown}</details>"


def _in_file(output: Output, outputs: _Outputs, heading: str) -> str:
    match output:
        case Table(node=node, caption=caption):
            label = escape(caption)
            return f'<div class="wide" role="region" aria-label="{label}" tabindex="0">{node}</div>'
        case Figure(drawing=drawing, png=png, alt=alt):
            ground = "" if drawing is not None and drawing.on_page else ' class="card"'
            if drawing is not None:
                inner = drawing.svg
            else:
                data = b64encode(png).decode()
                inner = f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'
            return f"<figure{ground}>{inner}</figure>"
        case Prose(markdown=markdown, html=html):
            html = html or read_html(_html_of(_relinked(markdown, site=False)))
            return _prose(html, outputs, heading)
        case Words(text=text):
            return f'<pre tabindex="0" class="said">{escape(text, quote=False)}</pre>'


_DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the report</a>
<header>
<h1>{title}</h1>
{facts}
</header>
<main id="content" tabindex="-1">
{body}
</main>
<footer>
<p>Made by <code>kaizen-agentic schedule report {name}</code>, version {version}.</p>
</footer>
</body>
</html>
"""

_STYLE = """
:root {
  color-scheme: light dark;
  --ground: #fff; --text: #1d2b31; --soft: #4c5a61; --line: #c3ccd0; --panel: #f4f6f7;
  --link: #0b5c70; --keyword: #2b55a8; --string: #19683a; --number: #a52a2a; --name: #8a3a7c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14191c; --text: #dbe4e8; --soft: #a3b1b8; --line: #46545b; --panel: #1f272b;
    --link: #84cfe0; --keyword: #a5c3ff; --string: #9ad6a8; --number: #f2a29a; --name: #eab6e0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--ground);
  color: var(--text); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1, h2, h3, h4 { line-height: 1.25; margin: 2rem 0 0.75rem; font-weight: 600; }
h1 { font-size: 1.8rem; margin-top: 0; }
h2 { font-size: 1.35rem; border-bottom: 1px solid var(--line); padding-bottom: 0.25rem; }
h3 { font-size: 1.1rem; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; background: var(--ground); padding: 0.5rem; z-index: 1; }
.skip:focus { left: 0.5rem; top: 0.5rem; }
main:focus { outline: none; }
header dl { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; margin: 0; color: var(--soft); }
header dl div { display: flex; gap: 0.5rem; }
header dt::after { content: ":"; }
header dd { margin: 0; color: var(--text); }
code, pre { font-family: ui-monospace, monospace; font-size: 0.875rem; }
:not(pre) > code { background: var(--panel); padding: 0.1em 0.3em; border-radius: 3px; }
pre {
  background: var(--panel); padding: 0.75rem 1rem; overflow-x: auto; border-radius: 4px;
  overflow-wrap: normal; line-height: 1.4;
}
details { margin: 0.75rem 0; }
summary { color: var(--soft); font-size: 0.875rem; cursor: pointer; width: max-content; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.4rem; }
th, td {
  text-align: left; vertical-align: top; padding: 0.35rem 0.9rem 0.35rem 0; max-width: 28rem;
  overflow-wrap: break-word;
}
th { font-weight: 600; }
thead th, thead td { border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th, tbody td { border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.long { min-width: 15rem; }
figure { margin: 1.25rem 0; overflow-x: auto; }
figure svg, figure img { display: block; max-width: 100%; height: auto; }
.card {
  width: fit-content; max-width: 100%; padding: 0.75rem; background: #fff; color: #000;
  border: 1px solid var(--line);
}
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); }
footer { margin-top: 3rem; border-top: 1px solid var(--line); }
footer p { color: var(--soft); font-size: 0.875rem; }
.k, .kn, .kc, .kd, .ow { color: var(--keyword); }
.s, .s1, .s2, .sa, .sd, .si, .se { color: var(--string); }
.mi, .mf, .mb, .mh { color: var(--number); }
.nf, .nc, .nd, .nb { color: var(--name); }
.c, .c1, .ch { color: var(--soft); font-style: italic; }
@media (max-width: 50rem) {
  table { width: max-content; }
  th, td { max-width: 16rem; }
  td.long { min-width: 20rem; max-width: 20rem; }
  caption { max-width: calc(100vw - 2rem); }
}
@media (max-width: 32rem) {
  .card { margin-inline: -0.75rem; max-width: calc(100% + 1.5rem); padding: 0.25rem; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --text: #000; --soft: #333; --line: #999;
    --panel: #f4f4f4; --link: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .skip, details { display: none; }
  .wide, figure, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  h2, h3, caption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  a[href^="http"]::after { content: " (" attr(href) ")"; font-size: 0.8em; }
}
"""
