"""The committed schemas are those of the models, and hold what the program emits and accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.packaged import schema
from tests.support import ROOT

EVENTS = ("kaizen-schedule-prepared", "kaizen-pilot-completed")
EMITTED = (
    "bundle",
    "checked-definitions",
    "diagnostics",
    "explanations",
    "listing",
    *EVENTS,
    *(f"{name}-data" for name in EVENTS),
    "pilot-step",
    "resolution",
    "roster",
    "task",
    "temporal-schedule",
    "vector",
)
WRITTEN = ("manifest", "roster-file", "definition")
NAMES = (*EMITTED, *WRITTEN)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    plain = json.loads(schema(name))
    Draft202012Validator.check_schema(plain)
    assert plain["$id"].endswith(f"contracts/{name}.schema.json")


def parts(plain: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for p in (plain, *plain.get("$defs", {}).values()) if p.get("type") == "object"]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described(name: str) -> None:
    for part in parts(json.loads(schema(name))):
        assert part.get("description"), part
        for key, field in part["properties"].items():
            assert field.get("description") or "$ref" in field, f"{part.get('title')}.{key}"


def test_what_people_write_is_closed_and_what_is_emitted_is_open() -> None:
    for name in WRITTEN:
        assert all(p["additionalProperties"] is False for p in parts(json.loads(schema(name))))
    for name in EMITTED:
        for part in parts(json.loads(schema(name))):
            assert "additionalProperties" not in part
            assert set(part["required"]) == set(part["properties"])


def test_every_schema_is_looked_at() -> None:
    published = {path for path in packaged.contracts() if path.endswith(".schema.json")}
    assert {f"contracts/{name}.schema.json" for name in NAMES} == published


@pytest.mark.parametrize("name", EVENTS)
def test_the_schema_of_an_event_holds_that_of_its_data(name: str) -> None:
    whole, data = json.loads(schema(name)), json.loads(schema(f"{name}-data"))
    reference = whole["properties"]["data"]["$ref"]
    held = whole["$defs"][reference.removeprefix("#/$defs/")]
    for part in (held, data):
        for field in part["properties"].values():  # each points to its own page
            field["description"] = field["description"].rpartition("\n\n")[0]
    assert {key: held[key] for key in ("properties", "required", "description")} == {
        key: data[key] for key in ("properties", "required", "description")
    }
    assert whole["properties"]["type"]["const"] == name.replace("-", ".")
    assert whole["properties"]["specversion"]["const"] == "1.0"


@pytest.mark.parametrize(
    ("data", "good"),
    [
        ({"version": "1"}, True),
        ({"version": "1", "agents": {"coach": {"cadence": "weekly"}}}, True),
        ({"version": 1}, False),
        ({"version": "1", "agent": {}}, False),
        ({"version": "1", "agents": {"co ach": {"cadence": "weekly"}}}, False),
        ({"version": "1", "agents": {"coach": {"cadence": "weekly", "cron": None}}}, False),
        ({"version": "1", "agents": {"coach": {}}}, False),
    ],
)
def test_the_manifest_schema(data: Any, good: bool) -> None:
    assert Draft202012Validator(json.loads(schema("manifest"))).is_valid(data) is good


def test_the_modeline_of_this_repository_names_the_schema() -> None:
    first = (ROOT / ".kaizen/schedule.yml").read_text().splitlines()[0]
    target = first.removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / ".kaizen" / target).resolve() == (ROOT / "docs/contracts/manifest.schema.json")
