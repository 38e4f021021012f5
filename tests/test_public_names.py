"""The library's surface: exported once, loaded lazily, typed, documented, and on a page."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import enum
import inspect
import logging
import re
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import pytest

import kaizen_schedule

from .support import ROOT, run

NAMES = [name for name in kaizen_schedule.__all__ if name != "__version__"]
CALLS = [name for name in NAMES if inspect.isfunction(getattr(kaizen_schedule, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(kaizen_schedule, name))]
CONSTANTS = [name for name in NAMES if name not in CALLS and name not in CLASSES]

# Errors that a public call raises and that are not exported.
ELSEWHERE = ("CronSimError",)

PAGES = sorted((ROOT / "docs/library").glob("*.md"))
SUBJECTS = [page for page in PAGES if page.stem != "index"]
_DIRECTIVE = re.compile(r"^::: kaizen_schedule\.([\w.]+)$", re.MULTILINE)


@cache
def package() -> griffe.Module:
    """The package as the site reads it: from its source, without importing anything."""
    found = griffe.load("kaizen_schedule", search_paths=[ROOT], docstring_parser="google")
    assert isinstance(found, griffe.Module)
    return found


def source_of(name: str) -> griffe.Object:
    """What stands behind a name or a path of the package."""
    found = package()[name]
    return found.final_target if isinstance(found, griffe.Alias) else found


def sections_of(name: str) -> dict[str, Any]:
    """The sections of a docstring by their kind."""
    docstring = source_of(name).docstring
    assert docstring is not None, f"{name} has no docstring"
    return {section.kind.value: section.value for section in docstring.parse()}


@cache
def shown() -> dict[str, list[str]]:
    """What each page shows, as paths in the package."""
    return {page.name: _DIRECTIVE.findall(page.read_text("utf-8")) for page in PAGES}


# --- Exports ---------------------------------------------------------------------------------


def test_the_surface_is_stated_once() -> None:
    assert set(NAMES) == set(kaizen_schedule._EXPORTS)
    assert set(NAMES) <= set(dir(kaizen_schedule))
    tree = ast.parse((ROOT / "kaizen_schedule/__init__.py").read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert typed == set(NAMES)
    with pytest.raises(AttributeError):
        _ = kaizen_schedule.nothing


def test_versions_agree() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == kaizen_schedule.__version__
    assert f"## [{kaizen_schedule.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_no_call_reads_the_clock(name: str) -> None:
    value = getattr(kaizen_schedule, name)
    source = inspect.getsource(value) if inspect.isfunction(value) else ""
    assert ".now(" not in source
    assert "time.time" not in source


def test_calls_and_commands_agree(tmp_path: Path) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    text = kaizen_schedule.init(tmp_path, timezone="Europe/Berlin")
    assert run("schedule", "validate", "--strict", cwd=tmp_path).code == 0
    assert (tmp_path / ".kaizen/schedule.yml").read_text() == text
    bundle = kaizen_schedule.prepare(tmp_path, "coach", now=now)
    printed = run("schedule", "prepare", "coach", "--now", "2026-11-24T12:00:00Z", cwd=tmp_path)
    assert printed.out == kaizen_schedule.render_bundle(bundle)


# --- Docstrings ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented(name: str) -> None:
    docstring = source_of(name).docstring
    assert docstring is not None
    first, _, rest = docstring.value.partition("\n")
    assert first.endswith("."), "the first line is one sentence"
    assert not rest or rest.startswith("\n"), "the first line is one sentence"
    assert "(" not in first[:3], "a generated docstring"


@pytest.mark.parametrize("name", [*CALLS, *CLASSES])
def test_a_public_name_has_an_example_that_runs(name: str) -> None:
    value = getattr(kaizen_schedule, name)
    # Its own, not those of its methods; pytest runs what stands here.
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")
    assert examples, f"{name} has no example"
    assert any(example.want for example in examples), f"{name}'s example shows nothing"
    assert re.search("^Example:$", inspect.getdoc(value) or "", re.MULTILINE), "no such section"


@pytest.mark.parametrize("name", CALLS)
def test_every_parameter_is_documented(name: str) -> None:
    wanted = list(inspect.signature(getattr(kaizen_schedule, name)).parameters)
    told = sections_of(name).get("parameters", [])
    assert [parameter.name for parameter in told] == wanted
    for parameter in told:
        assert parameter.description.endswith((".", "``")), f"{parameter.name} has no sentence"


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_returns_is_documented(name: str) -> None:
    hint = typing.get_type_hints(getattr(kaizen_schedule, name))["return"]
    sections = sections_of(name)
    told = sections.get("yields" if typing.get_origin(hint) is Iterator else "returns")
    assert hint is not type(None), "a call gives something back"
    assert told is not None, f"{name} does not say what it returns"
    assert len(told) == 1, "a second line is indented, or it would be a second value"


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_raises_are_errors_of_the_library(name: str) -> None:
    for item in sections_of(name).get("raises", []):
        assert str(item.annotation) in (*NAMES, *ELSEWHERE), f"{name} raises {item.annotation}"


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_is_documented(name: str) -> None:
    value, source = getattr(kaizen_schedule, name), source_of(name)
    fields = [field.name for field in dataclasses.fields(value)] if _is_model(value) else []
    members = [member.name for member in value] if issubclass(value, enum.Enum) else []
    own = [key for key in source.members if not key.startswith("_")]
    assert {*fields, *members} <= {*own}, "inherited fields are documented elsewhere"
    silent = [key for key in own if not source.members[key].docstring]
    assert not silent, f"{name} does not document {', '.join(silent)}"


@pytest.mark.parametrize(
    "name", [n for n in CLASSES if issubclass(getattr(kaizen_schedule, n), BaseException)]
)
def test_what_makes_an_error_is_documented(name: str) -> None:
    source = source_of(name)
    if "__init__" in source.members:
        told = [parameter.name for parameter in sections_of(name)["parameters"]]
        assert isinstance(source, griffe.Class)
        assert told == [parameter.name for parameter in source.parameters][1:]


def _is_model(value: type) -> bool:
    return dataclasses.is_dataclass(value)


# --- The site's pages ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_on_one_page_once(name: str) -> None:
    canonical = source_of(name).canonical_path.removeprefix("kaizen_schedule.")
    found = [
        page
        for page, paths in shown().items()
        for path in paths
        if path in (name, canonical) or canonical.startswith(f"{path}.")
    ]
    assert len(found) == 1, f"{name} is on {found or 'no page of docs/library'}"


@pytest.mark.parametrize("page", SUBJECTS, ids=lambda page: page.stem)
def test_a_page_begins_with_when_it_is_needed_and_an_example(page: Path) -> None:
    title, sentence, code = re.split(r"\n\n", page.read_text("utf-8"), maxsplit=2)
    assert title.startswith("# ")
    assert sentence.startswith("You need this "), "when this is needed"
    assert code.startswith("```python\n"), "a minimal example"
    assert shown()[page.name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_exists_and_is_read_without_a_warning(
    page: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package()
    with caplog.at_level(logging.WARNING):
        for path in shown()[page.name]:
            for item in (source := source_of(path), *source.members.values()):
                if item.docstring is not None:
                    item.docstring.parse("google")
    assert not caplog.messages


def test_the_index_leads_to_every_call() -> None:
    index = (ROOT / "docs/library/index.md").read_text("utf-8")
    links = re.findall(r"\[(\w+)\]\((\w+\.md)#kaizen_schedule\.(\w+)\)", index)
    assert sorted(name for _, _, name in links) == sorted(CALLS)
    for text, page, name in links:
        assert text == name
        assert name in shown()[page], f"{name} is not on {page}"
    assert {page.name for page in SUBJECTS} == set(re.findall(r"\]\((\w+\.md)", index))


def _classes_in(hint: Any) -> Iterator[type]:
    """The classes of the package that a type is made of."""
    for part in typing.get_args(hint):
        yield from _classes_in(part)
    if inspect.isclass(hint) and hint.__module__.startswith("kaizen_schedule."):
        yield hint


def test_whatever_a_call_takes_or_gives_is_on_a_page() -> None:
    paths = {path for page in shown().values() for path in page}
    waiting: list[Any] = [getattr(kaizen_schedule, name) for name in [*CALLS, *CLASSES]]
    seen: set[Any] = set()
    missing = set()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        module = value.__module__.removeprefix("kaizen_schedule.")
        if not {value.__name__, f"{module}.{value.__name__}"} & paths:
            missing.add(f"{module}.{value.__name__}")
        for hint in typing.get_type_hints(value).values():
            waiting += _classes_in(hint)
    assert not missing


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_one(name: str) -> None:
    assert name.isupper()
    assert isinstance(source_of(name), griffe.Attribute)
