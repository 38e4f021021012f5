"""The documents for architects and other teams hold together: form, markers, names of tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import click
import pytest

from kaizen_schedule.cli import root
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.publishing.reference import MARKER
from kaizen_schedule.publishing.schemas import build_schemas, parts_of

from .support import ROOT

DOCS = ROOT / "docs"
PAGES = sorted((ROOT / "kaizen_schedule" / "data" / "pages").glob("*.md"))
RECORDS = sorted((DOCS / "adr").glob("ADR-*.md"))
WRITTEN = [
    *RECORDS,
    *PAGES,
    *(DOCS / f"{name}.md" for name in (
        "INTEGRATION_PATTERNS", "agency-framework", "state-hub-design", "threat-model",
    )),
]  # fmt: skip


def name_of(path: Path) -> str:
    return path.stem


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


# --- Decision records ------------------------------------------------------------------------

SHORT = ["Context", "Decision", "Consequences"]
"""The form of the two records that are about the house itself."""

LONG = [
    "Context and problem statement", "Decision drivers", "Considered options", "Decision outcome",
    "Consequences", "Boundaries: what this project refuses to own", "Confirmation",
    "More information",
]  # fmt: skip
IN_SHORT = ("ADR-006", "ADR-007")


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_a_record_has_its_form(path: Path) -> None:
    text = text_of(path)
    front = re.match(r"---\n(.*?)\n---\n\n# (ADR-\d{3}) \S", text, re.S)
    assert front is not None
    held = dict(line.split(": ", 1) for line in front[1].splitlines())
    assert list(held) == ["status", "date", "deciders"]
    assert held["status"] in ("proposed", "accepted", "deprecated") or held["status"].startswith(
        "superseded by ADR-"
    )
    assert date.fromisoformat(held["date"]) >= date(2026, 11, 24)
    assert held["deciders"]
    assert path.stem.startswith(f"{front[2]}-")
    sections = re.findall(r"^## (.+)$", text, re.M)
    assert sections == (SHORT if front[2] in IN_SHORT else LONG)


def test_no_two_records_have_one_number() -> None:
    numbers = [path.stem[:7] for path in RECORDS]
    assert len(set(numbers)) == len(numbers) > 9


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_a_decision_is_confirmed_by_tests(path: Path) -> None:
    text = text_of(path)
    if path.stem.startswith(IN_SHORT):
        return
    confirmed = text.partition("\n## Confirmation\n")[2].partition("\n## ")[0]
    assert len(set(TEST.findall(confirmed))) >= 2
    options = text.partition("\n## Considered options\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\d\. ", options, re.M)) >= 3


# --- Tests that are named --------------------------------------------------------------------

TEST = re.compile(r"\b(?:tests|conformance)/[\w/]+\.py(?:::\w+)*")


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file, and its classes, as pytest calls them."""

    def walk(body: list[ast.stmt], before: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{before}::{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{before}::{node.name}")

    return frozenset(walk(ast.parse(text_of(path)).body, ""))


def test_every_test_that_is_named_exists() -> None:
    named = 0
    for path in WRITTEN:
        for test in TEST.findall(text_of(path)):
            file, marks, name = test.partition("::")
            assert (ROOT / file).is_file(), f"{path.name} names {test}"
            assert not marks or f"::{name}" in names_in(ROOT / file), f"{path.name} names {test}"
            named += 1
    assert named > 100


def test_every_promise_names_its_test() -> None:
    text = text_of(DOCS / "threat-model.md")
    promised = text.partition("\n## What is promised\n")[2].partition("\n### The core\n")[0]
    promises = [part for part in promised.split("\n\n") if part.startswith("**")]
    assert len(promises) > 20
    for promise in promises:
        assert TEST.search(promise), promise
    assert "Prompt injection is contained here, not prevented." in text


# --- Templates -------------------------------------------------------------------------------

COMMENT = re.compile(r"<!--.*?-->", re.S)
EXAMPLES = {
    "manifest", "roster-file", "roster", "hub-page", "resolution", "exclusion", "task",
    "prepared-event", "pilot-event", "bundle", "temporal-schedule", "diagnostics", "pilot-step",
    "definition", "vector",
}  # fmt: skip
WORLDS = {"checkout", "opted-in", "fleet"}


def is_known(comment: str) -> bool:
    """Whether a comment is one of the markers that the pages may hold."""
    marker = MARKER.fullmatch(comment)
    if marker is None:
        return False
    name = marker["name"] or ""
    match marker["kind"]:
        case "fields":
            schema, _, part = name.partition("#")
            schemas = build_schemas()
            return schema in schemas and part in dict(parts_of(schemas[schema]))
        case "rules":
            return re.fullmatch(r"KS[1-6]", name) is not None
        case "example":
            return name in EXAMPLES
        case "world":
            return name in WORLDS
        case "reasons" | "cadences" | "drafts" | "placeholders":
            return not name
    return False


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_only_known_markers_each_on_a_line_of_its_own(path: Path) -> None:
    lines = text_of(path).splitlines()
    for comment in COMMENT.findall(text_of(path)):
        assert comment in lines
        assert is_known(comment), comment
        assert path in PAGES or comment.startswith("<!-- world: ")


def test_what_is_no_marker_is_known_for_none() -> None:
    assert is_known("<!-- fields: resolution#Run -->")
    for comment in ("<!-- fields: nothing -->", "<!-- fields: task#No -->", "<!-- example: x -->",
                    "<!-- rules: KS9 -->", "<!-- todo -->", "<!-- a remark -->"):  # fmt: skip
        assert not is_known(comment)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_begins_with_whom_it_is_for(path: Path) -> None:
    first = text_of(path).split("\n\n")
    assert first[0].startswith("# ")
    assert first[1].startswith("This page is for ")


def test_the_resolver_s_page_has_every_reason_in_order() -> None:
    (page,) = (path for path in PAGES if path.stem == "discover-kaizen-scheduled-repos")
    assert re.findall(r"^\d\. `([a-z-]+)`: ", text_of(page), re.M) == [r.value for r in Reason]


def test_specification_and_handoff_have_the_same_duties() -> None:
    resolver, handoff = (
        {int(number) for number in re.findall(r"\*\*D(\d+)\b", text_of(path))}
        for path in PAGES
        if path.stem in ("discover-kaizen-scheduled-repos", "activity-core-handoff")
    )
    assert resolver == handoff == set(range(1, 15))


# --- Names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_every_command_that_is_named_exists(path: Path) -> None:
    groups = {name: root.get_command(click.Context(root), name) for name in root.list_commands(
        click.Context(root)
    )}  # fmt: skip
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text_of(path)):
        found = re.match(r"(?:kaizen-agentic )?([a-z]+) ([a-z]+)(?: |$)", span)
        if found is None or found[1] not in groups:
            continue
        group = groups[found[1]]
        assert isinstance(group, click.Group)
        assert found[2] in group.list_commands(click.Context(group)), span


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^(`{3,}).*?^\1$", "", text_of(path), flags=re.M | re.S)
    place = DOCS / "integrations" if path in PAGES else path.parent
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert not target.startswith("/"), target
        if not target.startswith("https://"):
            assert (place / target).resolve().is_relative_to(DOCS), target
            assert (place / target).is_file(), target
