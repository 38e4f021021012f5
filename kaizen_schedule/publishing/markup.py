"""HTML and SVG that notebooks put out, built anew of what is known to be harmless.

What comes out holds no script, no style sheet, no address that is fetched and no id of others. A
table gets what a screen reader needs: a caption, and cells that say what they head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# --- HTML ----------------------------------------------------------------------------------------


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TABLE = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"})
_BLOCKS = _names(
    "blockquote details dd dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre summary ul"
)
_INLINE = _names("a b br code del em i kbd mark q s samp small span strong sub sup u var")
_KNOWN = _TABLE | _BLOCKS | _INLINE
_VOID = frozenset({"br", "hr"})
_OTHER_VOID = _names("area base col embed img input link meta source track wbr")
_UNREAD = _names(
    "applet audio button canvas form frameset head iframe map math noembed noframes noscript "
    "object script select style svg template textarea title video xmp"
)
"""Left out with all that they hold; of other elements that are not known the text is kept."""

_LINK = re.compile(r"(?:https?://|mailto:|#)[!-~]*", re.ASCII)
_NUMBER = re.compile(r"[−+-]?[\d,. ]*\d(?:[eE][+-]?\d+)?\s?(?:%|ms|s|min|h)?")


_LONG = 60
"""Characters of a cell that needs room to be read."""


@dataclass(slots=True, eq=False)
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def find(self, *tags: str) -> Iterator[Node]:
        """The elements of these kinds in it, outermost first."""
        for child in self.children:
            if isinstance(child, Node):
                if child.tag in tags:
                    yield child
                yield from child.find(*tags)

    @property
    def text(self) -> str:
        """Its text, blanks put together."""
        parts = (c if isinstance(c, str) else c.text for c in self.children)
        return " ".join(" ".join(parts).split())

    def __str__(self) -> str:
        attributes = "".join(f' {k}="{escape(v)}"' for k, v in self.attributes.items())
        if self.tag in _VOID:
            return f"<{self.tag}{attributes}>"
        return f"<{self.tag}{attributes}>{self.inner}</{self.tag}>"

    @property
    def inner(self) -> str:
        """What it holds, as HTML."""
        parts = (escape(c, quote=False) if isinstance(c, str) else str(c) for c in self.children)
        return "".join(parts)


class _Builder(HTMLParser):
    """Builds a tree of the elements that are known."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("")
        self._open = [self.root]
        self._unread: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._unread or tag in _UNREAD:
            if tag in _UNREAD:
                self._unread.append(tag)
            return
        if tag not in _KNOWN:
            if tag in ("div", "section", "article") and self._open[-1].children:
                self._open[-1].children.append(" ")
            return
        node = Node(tag, _attributes(tag, dict(attrs)))
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNREAD and tag not in _OTHER_VOID:
            self.handle_starttag(tag, attrs)  # as a browser does: the slash means nothing

    def handle_endtag(self, tag: str) -> None:
        if self._unread:
            if tag == self._unread[-1]:
                self._unread.pop()
            return
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._open[-1].children.append(data)


def _attributes(tag: str, given: dict[str, str | None]) -> dict[str, str]:
    """Of an element's attributes, those that say what it means."""
    kept: dict[str, str] = {}
    for name in {"td": ("colspan", "rowspan"), "th": ("colspan", "rowspan")}.get(tag, ()):
        value = given.get(name) or ""
        if value.isascii() and value.isdecimal() and 1 < int(value[:6]) <= 1000:
            kept[name] = value
    if tag == "td" and re.search(r"text-align:\s*right", given.get("style") or ""):
        kept["class"] = "number"
    scope = given.get("scope")
    if tag == "th" and scope in ("col", "row", "colgroup", "rowgroup"):
        kept["scope"] = scope
    href = (given.get("href") or "").strip()
    if tag == "a" and _LINK.fullmatch(href):
        kept["href"] = href
    if tag == "ol" and (given.get("start") or "").isdecimal():
        kept["start"] = given["start"] or ""
    return kept


def read_html(text: str) -> Node:
    """Read HTML: what is known of it, as one element without a name.

    Example:
        >>> print(read_html('<p onclick="x()">a<script>b</script> &lt;i&gt;</p>').inner)
        <p>a &lt;i&gt;</p>
    """
    builder = _Builder()
    builder.feed(text)
    builder.close()
    return builder.root


def dress_table(table: Node, caption: str) -> str:
    """Give a table what it needs to be read aloud.

    Args:
        table: The table; it is changed.
        caption: What it shows, where it does not say so itself; empty for no caption.

    Returns:
        Its caption.
    """
    heads = [row for part in table.find("thead") for row in part.find("tr")]
    for number, row in enumerate(table.find("tr")):
        first = not heads and not number and all(c.tag == "th" for c in row.find("th", "td"))
        _dress_row(row, header=row in heads or first)
    _align_heads(table)
    own = next(table.find("caption"), None)
    if own is not None and own.text:
        return own.text
    table.children = [child for child in table.children if child is not own]
    if caption:
        table.children.insert(0, Node("caption", children=[caption]))
    return caption


def _align_heads(table: Node) -> None:
    """Let what heads numbers stand above them; of a table whose cells are all of one column."""
    head, *rows = [list(row.find("th", "td")) for row in table.find("tr")] or [[]]
    cells = [cell for row in (head, *rows) for cell in row]
    if any({"colspan", "rowspan"} & cell.attributes.keys() for cell in cells):
        return
    for place, cell in enumerate(head):
        below = [row[place] for row in rows if place < len(row)]
        if below and all(other.attributes.get("class") == "number" for other in below):
            cell.attributes["class"] = "number"


def _dress_row(row: Node, *, header: bool) -> None:
    for cell in row.find("th", "td"):
        if cell.tag == "th" and not cell.text:
            cell.tag = "td"  # a header that says nothing is none
            cell.attributes.pop("scope", None)
        elif cell.tag == "th":
            wide = "colspan" if header else "rowspan"
            scope = ("col" if header else "row") + "group" * (wide in cell.attributes)
            cell.attributes.setdefault("scope", scope)
        if cell.tag == "td" and _NUMBER.fullmatch(cell.text):
            cell.attributes["class"] = "number"
        if len(cell.text) > _LONG:
            cell.attributes["class"] = "long"


# --- SVG -----------------------------------------------------------------------------------------

_SHAPES = _names(
    "circle clipPath defs desc ellipse g line linearGradient marker mask path pattern polygon "
    "polyline radialGradient rect stop svg symbol text title tspan use"
)
_DRAWING = _names(
    "clip-path clip-rule clipPathUnits cx cy d dominant-baseline dx dy fill fill-opacity "
    "fill-rule font-family font-size font-style font-weight fx fy gradientTransform "
    "gradientUnits height id markerHeight markerUnits markerWidth mask maskContentUnits "
    "maskUnits offset opacity orient patternContentUnits patternTransform patternUnits points "
    "preserveAspectRatio r refX refY rx ry spreadMethod stop-color stop-opacity stroke "
    "stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit "
    "stroke-opacity stroke-width style text-anchor transform viewBox width x x1 x2 y y1 y2"
)
_ROUNDED = _names("cx cy d dx dy height points r rx ry width x x1 x2 y y1 y2")
_HARMFUL = re.compile(r"url\(\s*(?!#)|@|expression|javascript:|\\", re.IGNORECASE)
_REFERENCE = re.compile(r"url\(\s*#([^)\s]+)\s*\)")
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_BLACK = re.compile(r"(?<=: )#000000(?=;|$)")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure."""

    svg: str
    """The element ``svg``, alone."""
    title: str
    """What it says of itself; empty where it says nothing."""
    on_page: bool
    """Whether it is drawn on the page's own background, in the page's own colour where black."""


def read_svg(text: str, prefix: str, label: str = "") -> Drawing:
    """Read a figure, and build it anew of shapes alone.

    Args:
        text: The SVG document.
        prefix: What its ids begin with, so that no other figure of the page has them.
        label: What it shows, in words; its own title where empty.

    Raises:
        ValueError: It is no SVG.
    """
    from xml.etree.ElementTree import ParseError, XMLParser, fromstring

    try:
        # Expat opens no external entity and, since 2.4.1, bounds what inner ones grow to.
        root = fromstring(text, parser=XMLParser(encoding="utf-8"))  # noqa: S314 - as said above
    except ParseError as error:
        raise ValueError("it is no XML") from error
    if _local(root) != "svg":
        raise ValueError("it is no SVG")
    title = next((e.text.strip() for e in root if _local(e) == "title" and e.text), "")
    on_page = _sees_through(root)
    ids = _Ids(prefix, text)
    body = "".join(_shape(child, ids, on_page=on_page) for child in root)
    box = root.get("viewBox") or f"0 0 {_points(root, 'width')} {_points(root, 'height')}"
    size = box.split()
    colour = ' fill="currentColor"' if on_page else ""
    label = f' aria-label="{escape(label or title)}"'
    return Drawing(
        svg=(
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img"{label}'
            f' viewBox="{escape(box)}" width="{escape(size[2])}pt" height="{escape(size[3])}pt"'
            f"{colour}"
            f' style="stroke-linejoin: round; stroke-linecap: butt">{body}</svg>'
        ),
        title=title,
        on_page=on_page,
    )


class _Ids:
    """New ids for those of a figure that it refers to, in the order in which they are met."""

    def __init__(self, prefix: str, text: str) -> None:
        self._prefix = prefix
        self._wanted = set(re.findall(r"(?:href=[\"']|url\(\s*)#([^\"')\s]+)", text))
        self._new: dict[str, str] = {}

    def __contains__(self, old: str) -> bool:
        return old in self._wanted

    def __getitem__(self, old: str) -> str:
        return self._new.setdefault(old, f"{self._prefix}-{len(self._new) + 1}")


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _points(root: Element, name: str) -> str:
    match = re.match(r"[\d.]+", root.get(name) or "")
    return match[0] if match else "300"


def _sees_through(root: Element) -> bool:
    """Whether matplotlib drew a figure without a background of its own."""
    for element in root.iter():
        if element.get("id") == "patch_1":
            styles = [path.get("style") or "" for path in element]
            return all(re.search(r"fill: none|(?<![\w-])opacity: 0(?![.\d])", s) for s in styles)
    return True


def _shape(element: Element, ids: _Ids, *, on_page: bool) -> str:
    name = _local(element)
    if name not in _SHAPES:
        return ""
    attributes = ""
    for key, value in element.attrib.items():
        key = key.rpartition("}")[2]
        if key == "id":
            if value not in ids:
                continue
            value = ids[value]
        elif key == "href":
            if not value.startswith("#"):
                continue
            value = "#" + ids[value[1:]]
        elif key not in _DRAWING or _HARMFUL.search(value):
            continue
        elif key in _ROUNDED:
            value = _DECIMALS.sub(_rounded, " ".join(value.split()))
        else:
            value = _REFERENCE.sub(lambda m: f"url(#{ids[m[1]]})", value)
            if on_page:
                value = _BLACK.sub("currentColor", value)
        attributes += f' {key}="{escape(value)}"'
    inner = escape((element.text or "").strip(), quote=False)
    for child in element:
        inner += _shape(child, ids, on_page=on_page)
        if name in ("text", "tspan"):
            inner += escape(child.tail or "", quote=False)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _rounded(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
