"""The library's surface: exported once, loaded lazily, documented, typed."""

from __future__ import annotations

import ast
import doctest
import inspect
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kaizen_schedule

from .support import ROOT, run

NAMES = [name for name in kaizen_schedule.__all__ if name != "__version__"]


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


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented(name: str) -> None:
    value = getattr(kaizen_schedule, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__module__.startswith("kaizen_schedule.")
        doc = inspect.getdoc(value)
        assert doc
        assert "(" not in doc.splitlines()[0][:3], "a generated docstring"


@pytest.mark.parametrize(
    "name", [n for n in NAMES if inspect.isfunction(getattr(kaizen_schedule, n))]
)
def test_a_public_call_has_an_example_that_runs(name: str) -> None:
    value = getattr(kaizen_schedule, name)
    assert doctest.DocTestFinder().find(value, name)[0].examples, f"{name} has no example"


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
