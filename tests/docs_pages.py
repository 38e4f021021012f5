"""The pages of the documentation, taken apart: their fenced blocks, code spans and worlds.

Markdown is read by a parser. Blocks that stand in lists are found by it; those in admonitions and
tabs, which are no part of its dialect, are moved to the left first, line by line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .support import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"

NOT_RUN = "not run"
"""The title of a block of commands that cannot be run here, or a comment before it."""

SECTIONS: Mapping[Path, Mapping[str, str]] = {
    # What a page's own comments and titles say elsewhere; the README is kept free of them.
    README: {
        "Set up": NOT_RUN,
        "When something is wrong with it": "checkout",
        "What is scheduled": "opted-in",
        "Run a fleet": "fleet",
        "The library": "opted-in",
    },
}


def pages() -> list[Path]:
    """Every page."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """A page's name in messages."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block."""

    line: int
    """Where it begins, 1-based."""
    end: int
    """The line of its closing fence."""
    language: str
    title: str
    text: str
    fence: str
    """What it is fenced with."""
    indent: str
    """What stands before each of its lines."""
    world: str | None
    """The world that begins anew before it."""
    after: str
    """The paragraph that follows it at once."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Code in a line of text."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, taken apart."""

    text: str
    blocks: tuple[Block, ...]
    spans: tuple[Span, ...]
    problems: tuple[str, ...]
    """What its form is wrong in, each with its line."""


_PARSER = MarkdownIt("commonmark").enable("table")
_MARKER = re.compile(r"( *)(?:!!!|\?\?\?\+?|===!?\+?) +\S")
_WORLD = re.compile(r"<!-- world: ([\w-]+) -->")
_COMMENT = f"<!-- {NOT_RUN} -->"


def read_page(path: Path) -> Page:
    """Take a page apart."""
    return parse_page(path.read_text("utf-8"), SECTIONS.get(path, {}))


def parse_page(text: str, sections: Mapping[str, str] | None = None) -> Page:
    """Take a page's text apart.

    Args:
        text: The page.
        sections: The worlds that begin with a heading, and ``not run``.
    """
    source = text.split("\n")
    tokens = _tokens(_without_front_matter(source))
    blocks: list[Block] = []
    spans: list[Span] = []
    problems: list[str] = []
    world: str | None = None
    section = ""
    marked = -2
    for number, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "heading_open":
            section = (sections or {}).get(tokens[number + 1].content, "")
            world = section if section not in ("", NOT_RUN) else world
        elif token.type == "inline":
            spans += _spans(token, line)
            if any(c.type == "html_inline" and "world:" in c.content for c in token.children or ()):
                problems.append(f"{line}: a world's comment stands on a line of its own")
        elif token.type == "html_block" and "world:" in token.content:
            found = _WORLD.search(token.content)
            world = found[1] if found else None
            if found is None:
                problems.append(f"{line}: no world is named so: {token.content.strip()}")
        elif token.type == "html_block" and token.content.strip() == _COMMENT:
            marked = number
        elif token.type == "code_block":
            problems.append(f"{line}: an indented block; use a fence that names its language")
        elif token.type == "fence":
            try:
                block = _block(token, source, world, _paragraph(tokens, number + 1))
            except ValueError as error:
                problems.append(f"{line}: {error}")
                continue
            if block.language == "sh" and (section == NOT_RUN or marked == number - 1):
                block = Block(**{**vars(block), "title": NOT_RUN})
            blocks.append(block)
            world = None
    return Page(text=text, blocks=tuple(blocks), spans=tuple(spans), problems=tuple(problems))


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines[0] == "---" and "---" in lines[1:]:
        end = lines.index("---", 1)
        return [""] * (end + 1) + lines[end + 1 :]
    return list(lines)


def _tokens(lines: list[str]) -> list[Token]:
    """The tokens of a page, once what admonitions and tabs hold is moved to the left."""
    first = 0
    while True:
        tokens = _PARSER.parse("\n".join(lines))
        fenced = {
            n for t in tokens if t.type == "fence" and t.map for n in range(t.map[0], t.map[1])
        }
        for number in range(first, len(lines)):
            match = None if number in fenced else _MARKER.match(lines[number])
            if match is not None:
                break
        else:
            return tokens
        inner = f"{match[1]}    "
        lines[number] = ""
        for after in range(number + 1, len(lines)):
            if lines[after].startswith(inner):
                lines[after] = match[1] + lines[after].removeprefix(inner)
            elif lines[after].strip():
                break
        first = number + 1


def _spans(token: Token, line: int) -> Iterator[Span]:
    for child in token.children or ():
        if child.type == "softbreak":
            line += 1
        if child.type == "code_inline":
            yield Span(line=line, text=child.content)


def _paragraph(tokens: list[Token], number: int) -> str:
    follows = tokens[number : number + 2]
    if [t.type for t in follows] != ["paragraph_open", "inline"]:
        return ""
    return " ".join(follows[1].content.split())


def _block(token: Token, source: list[str], world: str | None, after: str) -> Block:
    assert token.map is not None
    begin, end = token.map
    closing = source[end - 1]
    if not closing.strip().startswith(token.markup) or closing.strip().strip(token.markup[0]):
        raise ValueError("the fence is not closed")
    language, _, rest = token.info.strip().partition(" ")
    title = ""
    for word in shlex.split(rest):
        key, _, value = word.partition("=")
        if key == "title":
            title = value
        elif key != "hl_lines":
            raise ValueError(f"a fence has a language and a title, not {word}")
    return Block(
        line=begin + 1,
        end=end,
        language=language,
        title=title,
        text=token.content,
        fence=token.markup,
        indent=closing[: len(closing) - len(closing.lstrip())],
        world=world,
        after=after,
    )


def replace_blocks(text: str, texts: Mapping[Block, str]) -> str:
    """A page's text with other texts in some of its blocks."""
    lines = text.split("\n")
    for block in sorted(texts, key=lambda b: -b.line):
        longest = max(map(len, re.findall(r"`{3,}", texts[block])), default=0)
        if longest >= len(block.fence):  # it would end before its text does
            first, last = block.line - 1, block.end - 1
            fence = "`" * (longest + 1)
            lines[first] = lines[first].replace(block.fence, fence, 1)
            lines[last] = lines[last].replace(block.fence, fence, 1)
        new = [f"{block.indent}{line}".rstrip(" ") for line in texts[block].splitlines()]
        lines[block.line : block.end - 1] = new
    return "\n".join(lines)
