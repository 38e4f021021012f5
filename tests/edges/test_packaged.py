"""What is shipped: it is all there, it loads, and it is what the sources say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.packaged import (
    PackagedZones,
    data_path,
    definitions,
    prompts,
    rule_page,
    schema,
    zones,
)
from kaizen_schedule.planning.agents import NAME, Risk
from kaizen_schedule.reading.rules import RULES


def test_every_zone_of_the_list_can_be_loaded() -> None:
    every = PackagedZones()
    assert len(every.names) > 550
    for name in every.names:
        zone = every.get(name)
        assert isinstance(zone, ZoneInfo)
        assert zone.key == name
        assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() is not None


@pytest.mark.parametrize(
    "name",
    ["Factory", "localtime", "Local", "posixrules", "europe/berlin", "Europe", "", "UTC+1", "CET-1",
     "../zones", "Europe/../Europe/Berlin", "/etc/localtime", "Europe/Berlin\0", "posix/UTC"],
)  # fmt: skip
def test_what_is_no_zone_is_none(name: str) -> None:
    assert name not in zones().names
    assert zones().get(name) is None


def test_zones_come_from_the_package_whatever_the_host_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONTZPATH", str(tmp_path))
    zone = PackagedZones().get("Europe/Berlin")
    assert zone is not None
    assert datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(zone).hour == 14


def test_a_zone_is_read_once_and_the_list_is_one() -> None:
    assert zones() is zones()
    assert zones().get("Asia/Kolkata") is zones().get("Asia/Kolkata")


def test_the_version_is_that_of_the_zone_data() -> None:
    # The package is numbered 2026.1 for the data 2026a.
    year, _, number = version("tzdata").partition(".")
    assert zones().version in (version("tzdata"), f"{year}{chr(ord('a') - 1 + int(number))}")


def test_every_packaged_prompt_is_in_order() -> None:
    assert set(prompts()) >= {"coach", "optimization", "tdd-workflow"}
    for name, prompt in prompts().items():
        assert NAME.fullmatch(name)
        assert (prompt.name, prompt.packaged, prompt.readable) == (name, True, True)
        assert prompt.description
        assert prompt.body.strip()
        assert prompt.risk in Risk
        assert prompt.diagnostics == ()


def test_at_most_one_definition_stands_for_an_agent_and_a_cadence() -> None:
    ids = [definition.id for definition in definitions()]
    assert len(set(ids)) == len(ids)
    lent = [(d.agent, d.cadence) for d in definitions() if d.agent is not None]
    assert len(set(lent)) == len(lent)
    assert all(agent in prompts() for agent, _ in lent)
    assert ("coach", "weekly") in lent


def test_every_rule_has_its_page() -> None:
    for rule in RULES:
        assert rule.code in rule_page(rule.code)


def test_what_is_shipped_can_be_opened() -> None:
    assert Path(data_path("agents")).is_dir()
    assert json.loads(schema("manifest"))["properties"]["version"]


def test_nothing_is_asked_of_the_host_for_what_is_shipped() -> None:
    assert Path(packaged.__file__).parents[1] in Path(data_path("rules")).parents
