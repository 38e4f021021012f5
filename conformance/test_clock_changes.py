"""Over clock changes: the engine's firings and the tasks are the resolver's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kaizen_schedule import list_definitions
from kaizen_schedule.edges.packaged import zones
from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.definition_files import render_definition
from kaizen_schedule.planning.definitions import ActivityDefinition, Trigger
from kaizen_schedule.planning.recurrence import iter_occurrences
from kaizen_schedule.planning.windows import Window, next_fire
from kaizen_schedule.reading.codec import instant

from .proof import CLOCKS, State
from .staging import COACH, OPTIMIZATION, Played, expected, keys_of, manifest
from .stand_in import World

CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31"),
    "America/New_York": ("2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07"),
}
"""The days on which each zone's clocks change; a test asks the zone whether they do."""

AROUND = timedelta(days=2)


@pytest.fixture
def triggers(contracts: Path, tmp_path: Path) -> Path:
    """The exported contracts, with two definitions that fire daily, each in one of the zones."""
    folder = tmp_path / "contracts" / "integrations" / "activity-definitions"
    folder.mkdir(parents=True)
    drafts = contracts / "integrations" / "activity-definitions"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    known = {item.id: item for item in list_definitions(drafts, now=now)}
    for name, zone in ((COACH, "Europe/Berlin"), (OPTIMIZATION, "America/New_York")):
        daily = replace(known[name], trigger=Trigger(cron="0 9 * * *", timezone=zone))
        (folder / f"{name}.md").write_text(render_definition(daily), encoding="utf-8")
    return tmp_path / "contracts"


def fires(definition: ActivityDefinition, day: str) -> list[datetime]:
    """When a definition fires within the days around one, by the library."""
    zone = ZoneInfo(definition.trigger.timezone)
    local = datetime.fromisoformat(day).replace(tzinfo=zone)
    assert local.utcoffset() != (local + timedelta(days=1)).utcoffset(), f"{day} has no change"
    start, end = local.astimezone(UTC) - AROUND, local.astimezone(UTC) + AROUND
    zone_rules = zones().get(definition.trigger.timezone)
    assert zone_rules is not None
    moments = iter_occurrences(parse_cron(definition.trigger.cron), zone_rules, start)
    return list(takewhile(lambda moment: moment < end, moments))


@pytest.mark.parametrize("zone", CHANGES)
def test_clock_changes(play: Played, state: State, triggers: Path, zone: str) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        world.contracts = triggers
        both = ("coach: {cadence: weekly}", "optimization: {cadence: weekly}")
        world.add("atlas", manifest(*both), "forge-1")
        own = manifest(
            'coach: {cadence: weekly, cron: "15 7 * * *"}',
            'optimization: {cadence: weekly, cron: "45 22 * * *"}',
        )
        world.add("berlin", own, "forge-2")
        world.add("new-york", own.replace("Europe/Berlin", "America/New_York"), "forge-2")
        world.work_all()
        now = datetime(2026, 1, 1, tzinfo=UTC)
        await world.sync(now)
        firings = tasks = 0
        (asking,) = (item for item in world.definitions(now) if item.trigger.timezone == zone)
        for day in CHANGES[zone]:
            moments = fires(asking, day)
            span = (moments[0] - timedelta(hours=1), moments[-1] + timedelta(hours=1))
            before = await world.fire_between(asking.id, span)
            asked = await world.settled(asking.id, before, len(moments))
            assert [one.at for one in asked] == moments, "the engine's nominal times"
            assert not [one for one in asked if one.failed]
            # What its firings handed out is what one question over all of it would.
            window = Window(start=moments[0], end=next_fire(asking, moments[-1], zones=zones()))
            wanted = keys_of(expected(world, asking.id, window, now=moments[0]))
            found = world.store.rows(
                "SELECT idempotency_key FROM tasks WHERE scheduled_for >= ? AND scheduled_for < ?",
                instant(window.start), instant(window.end),
            )  # fmt: skip
            assert {row[0] for row in found} == wanted
            assert len(wanted) >= 3 * len(moments)
            firings += len(moments)
            tasks += len(wanted)
        return {"clock changes": len(CHANGES[zone]), "firings": firings, "tasks": tasks}

    state(CLOCKS, f"back-filled over the clock changes of {zone} in 2026 and 2027: the engine fires"
          " when the library says, and the tasks are the resolver's", **play(scenario))  # fmt: skip
