"""Every public name is on a page of the library, and says what each of its parameters means."""

from __future__ import annotations

from functools import cache

import griffe
import pytest
from mkdocstrings import Inventory

import kaizen_schedule
from site_build.docstrings import fields_of

from ..support import ROOT
from .built import Site

pytestmark = pytest.mark.slow
NAMES = sorted(set(kaizen_schedule.__all__) - {"__version__"})


@cache
def package() -> griffe.Module:
    loaded = griffe.load("kaizen_schedule", search_paths=[str(ROOT)])
    assert isinstance(loaded, griffe.Module)
    return loaded


def undocumented(found: griffe.Object | griffe.Alias) -> list[str]:
    """The parameters and fields of an object that its docstrings say nothing about."""
    target = found.final_target if isinstance(found, griffe.Alias) else found
    if isinstance(target, griffe.Function):
        sections = target.docstring.parse("google") if target.docstring else []
        said = {
            parameter.name
            for section in sections
            if isinstance(section, griffe.DocstringSectionParameters)
            for parameter in section.value
        }
        own = [parameter.name for parameter in target.parameters]
        return [f"{target.name}({name})" for name in own if name not in said | {"self", "cls"}]
    if isinstance(target, griffe.Class):
        fields = [
            f"{target.name}.{field.name}"
            for field in fields_of(target)
            if field.docstring is None and "StrEnum" not in {str(base) for base in target.bases}
        ]
        methods = [
            name
            for member in target.members.values()
            if isinstance(member, griffe.Function) and not member.name.startswith("_")
            for name in undocumented(member)
        ]
        return fields + methods
    return [] if target.docstring else [target.name]


@pytest.mark.parametrize("name", NAMES)
def test_everything_public_says_what_it_takes(name: str) -> None:
    assert undocumented(package()[name]) == []


def test_an_undocumented_parameter_is_found() -> None:
    code = '''def f(a: int, b: int) -> int:\n    """Add.\n\n    Args:\n        a: One.\n    """\n'''
    with griffe.temporary_visited_module(code) as module:
        assert undocumented(module["f"]) == ["f(b)"]


def test_everything_public_is_on_a_page(site: Site) -> None:
    with (site.folder / "objects.inv").open("rb") as file:
        inventory = Inventory.parse_sphinx(file)
    assert [name for name in NAMES if f"kaizen_schedule.{name}" not in inventory] == []
