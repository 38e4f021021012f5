"""Every rule has a page, and its words, its bad and its good example are what the program does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from kaizen_schedule.api.definitions import load_file
from kaizen_schedule.api.editing import list_agents
from kaizen_schedule.api.manifests import validate
from kaizen_schedule.api.tasks import read_memory, read_metrics
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.definition_files import (
    check_definitions,
    definition_diagnostics,
)
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.roster_file import load_roster_file
from kaizen_schedule.planning.timetable import place_findings
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.document import parse_document
from kaizen_schedule.reading.rules import RULES

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = NOW.date()
ZONES = packaged.zones()
WIDTH = 80
PAGES = Path(packaged.data_path("rules"))
BY_CODE = {rule.code: rule for rule in RULES}
CODES = list(BY_CODE)

# What an example cannot help showing beside its own rule.
BESIDE_BAD = {
    "KS106": {"KS308"},  # no cron that begins with a star fires once a week
    "KS113": {"KS201"},  # where the alias stood there is nothing now
    "KS114": {"KS201"},
    "KS208": {"KS309", "KS401"},  # the other spelling has neither definition nor prompt
    "KS401": {"KS309"},  # nor has a name that nobody knows
}
BESIDE_GOOD = {
    "KS106": {"KS308"},
    "KS306": {"KS309"},  # no packaged definition is monthly
}


@dataclass(frozen=True)
class Block:
    """A fenced block: a file of the example's repository."""

    language: str
    path: str
    body: str


@dataclass(frozen=True)
class Page:
    """A page, taken apart."""

    lines: tuple[str, ...]
    headings: tuple[str, ...]
    """The headings outside of blocks."""
    first: str
    """The first paragraph as one line."""
    sections: dict[str, str]
    """The prose of each section."""
    blocks: dict[str, tuple[Block, ...]]
    """The blocks of each section."""


_FENCE = re.compile(r'(`{3,})([a-z]+) title="([^"]+)"')


@cache
def page_of(code: str) -> Page:
    text = packaged.rule_page(code)
    lines = text.splitlines()
    headings: list[str] = []
    prose: dict[str, list[str]] = {}
    blocks: dict[str, list[Block]] = {}
    section = ""
    rest = iter(lines)
    for line in rest:
        if match := _FENCE.fullmatch(line):
            fence, language, path = match.groups()
            body = []
            for inner in rest:
                if inner == fence:
                    break
                body.append(f"{inner}\n")
            else:
                raise AssertionError(f"{code}: the block of {path} is not closed")
            blocks.setdefault(section, []).append(Block(language, path, "".join(body)))
            continue
        assert not line.startswith("```"), f"{code}: a block without a title: {line}"
        if line.startswith("#"):
            headings.append(line)
            section = line.removeprefix("## ")
        else:
            prose.setdefault(section, []).append(line)
    sections = {name: "\n".join(found).strip() for name, found in prose.items()}
    head = sections.get(headings[0], "") if headings else ""
    return Page(
        lines=tuple(lines),
        headings=tuple(headings),
        first=" ".join(head.split("\n\n")[0].split()),
        sections=sections,
        blocks={name: tuple(found) for name, found in blocks.items()},
    )


def lay_out(root: Path, blocks: Iterable[Block]) -> None:
    """Make the repository that an example shows."""
    for block in blocks:
        path = root / block.path
        assert path.resolve().is_relative_to(root.resolve())
        path.parent.mkdir(parents=True, exist_ok=True)
        if block.language == "sh":
            subprocess.run(["sh", "-c", block.body], cwd=root, check=True, timeout=10)
        elif block.language == "python":
            data = eval(block.body.strip(), {"__builtins__": {}})
            assert isinstance(data, bytes)
            path.write_bytes(data)
        else:
            path.write_bytes(block.body.encode())


def findings(root: Path, code: str) -> tuple[Diagnostic, ...]:
    """What the program says of an example, by the call that shows a rule of this kind."""
    if "KS5" < code < "KS51":
        read = [
            (str(path), load_file(str(path), now=NOW, listed=True))
            for path in sorted((root / "definitions").iterdir())
        ]
        single = [item for name, one in read for item in definition_diagnostics(one, name)]
        return (*single, *check_definitions(read))
    if "KS51" < code < "KS6":
        document = parse_document((root / "roster.yml").read_bytes(), path="roster.yml")
        return place_findings(document, load_roster_file(document)[1])
    if code < "KS4":
        return validate(root, now=NOW).diagnostics
    if code < "KS5":
        found = list[Diagnostic]()
        if (root / MANIFEST_PATH).exists():
            found += validate(root, now=NOW).diagnostics
        found += (
            item
            for prompt in list_agents(root).agents
            if not prompt.packaged
            for item in prompt.diagnostics
            if item not in found
        )
        return tuple(found)
    return (
        *read_metrics(root, "coach", now=NOW).diagnostics,
        *read_memory(root, "coach").diagnostics,
    )


# --- Words -------------------------------------------------------------------------------------

_NUMBER = r"\b0x[0-9a-f]+|U\+[0-9A-F]+|[0-9][0-9,.]*"
_PATH = r"\.?[\w-]+(?:/[\w.-]+)+"
_WHOSE = r"\b(?:(?:of|for|in) agent|(?:in )?the prompt of) [\w-]+"
_VALUES = re.compile(rf'"[^"]*"|{_WHOSE}|{_PATH}|{_NUMBER}|[,:;]')
_PLACES = re.compile(f"{_PATH}|{_NUMBER}|[,:;]")


def words(text: str) -> str:
    """Words in small letters with single spaces; bars stand alone, other marks are dropped."""
    return " ".join(re.sub(r"[^a-z0-9|]+", " ", text.lower().replace("|", " | ")).split())


def fragments(message: str) -> list[str]:
    """What tells a message from others once it is cut at its values and its punctuation.

    Pieces of three words or more; where there are none, the longest.
    """
    found = [words(part) for part in _VALUES.sub("|", message).split("|")]
    long = [part for part in found if len(part.split()) >= 3]
    return long or [max(found, key=len)]


def stands_in(message: str, text: str) -> bool:
    """Whether a fragment of a message is in a text, word for word."""
    place = f" {words(_PLACES.sub('|', text))} "
    return any(f" {part} " in place for part in fragments(message))


def test_a_message_is_found_without_its_values() -> None:
    assert stands_in('unknown cadence "weely" for agent coach', "An unknown cadence here.")
    assert stands_in('cron "0 9" of agent x has 2 fields, not five', "It has 7 fields, not five.")
    assert not stands_in('unknown cadence "weely" for agent coach', "A cadence for agent coach.")
    assert stands_in("a/b.md is a named pipe", "It is a named pipe, or cannot be read.")
    assert not stands_in("a/b.md is a named pipe", "It is a folder or a named pipe.")
    assert fragments('key "a" stands twice here; first at line 3') == [
        "stands twice here",
        "first at line",
    ]


# --- Pages -------------------------------------------------------------------------------------


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == [f"{code}.md" for code in CODES]


@pytest.mark.parametrize("code", CODES)
def test_form(code: str) -> None:
    rule, page = BY_CODE[code], page_of(code)
    assert page.headings == (f"# {code} {rule.name}", "## Why", "## Bad", "## Good")
    severity = "Error. " if rule.severity is Severity.ERROR else "Warning. "
    assert page.first.startswith(severity)
    assert page.sections[page.headings[0]].count("\n\n") == 0, "one paragraph says what is wrong"
    assert 1 <= len(re.findall(r"\.(?=\s|$)", page.sections["Why"])) <= 4
    assert page.blocks.get("Good")
    assert set(page.blocks) <= {"Bad", "Good"}
    if code == "KS100":
        assert "Bad" not in page.blocks
        assert page.sections["Bad"] == "A repository without the file."
    else:
        assert page.blocks["Bad"]


@pytest.mark.parametrize("code", CODES)
def test_it_reads_well_in_a_terminal(code: str) -> None:
    text = packaged.rule_page(code)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text
    for number, line in enumerate(page_of(code).lines, 1):
        assert len(line) <= WIDTH, f"line {number}"
        assert line == line.rstrip(), f"line {number}"
        assert line.isprintable(), f"line {number}"
    assert not any(mark in line for line in page_of(code).sections.values() for mark in "!\t")


@pytest.mark.parametrize("code", CODES)
def test_bad_example(code: str, tmp_path: Path) -> None:
    page = page_of(code)
    lay_out(tmp_path, page.blocks.get("Bad", ()))
    found = findings(tmp_path, code)
    own = [item for item in found if item.code == code]
    assert own
    assert {item.code for item in found} <= {code, *BESIDE_BAD.get(code, ())}
    for item in own:
        assert item.severity is BY_CODE[code].severity
        assert stands_in(item.message, page.first), item.message


@pytest.mark.parametrize("code", CODES)
def test_good_example(code: str, tmp_path: Path) -> None:
    lay_out(tmp_path, page_of(code).blocks["Good"])
    found = findings(tmp_path, code)
    assert not any(item.severity is Severity.ERROR for item in found)
    assert {item.code for item in found} <= BESIDE_GOOD.get(code, set())


@pytest.mark.parametrize("code", CODES)
def test_examples_show_the_same_files(code: str) -> None:
    blocks = page_of(code).blocks
    assert all(block.language == _LANGUAGES[Path(block.path).suffix] for block in blocks["Good"])
    if code not in ("KS100", "KS410"):  # the one has no file, the other is about a file's name
        assert [b.path for b in blocks["Bad"]] == [b.path for b in blocks["Good"]]


_LANGUAGES = {".yml": "yaml", ".md": "markdown", ".jsonl": "json"}
