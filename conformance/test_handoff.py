"""From the timer to the bundle: what the contracts promise when nothing goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from temporalio.client import Client

from kaizen_schedule.edges.packaged import zones
from kaizen_schedule.planning.tasks import temporal_schedule
from kaizen_schedule.planning.windows import next_fire, next_window
from kaizen_schedule.reading.codec import instant

from .proof import DUTIES, TIMER, State
from .staging import COACH, METRICS, OPTIMIZATION, WEEKLY, Played, at, expected, keys_of, manifest
from .stand_in import World, again_of

MONDAY = at("2026-11-30 08:00")
THURSDAY = at("2026-12-03 09:00")


def fleet(world: World) -> None:
    """Two hosts, some repositories on each, and some that are out."""
    world.add("atlas", WEEKLY, "forge-1")
    both = manifest("coach: {cadence: weekly}", "optimization: {cadence: weekly}")
    world.add("bindery", both, "forge-1", "forge-2")
    thursdays = manifest('coach: {cadence: weekly, cron: "0 10 * * 4"}')
    world.add("choir", thursdays, "forge-2")
    world.add("ledger with spaces", both, "forge-2")
    record = {"schema_version": "1", "timestamp": "2026-11-23T09:00:00Z", "outcome": "success"}
    metrics = world.path("forge-2", "ledger with spaces") / ".kaizen" / "metrics" / "coach"
    metrics.mkdir(parents=True)
    (metrics / "executions.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    world.add("opted-out", WEEKLY, "forge-1", kaizen_schedule_enabled=False)
    world.add("broken", "version: [", "forge-2")
    world.add("off", WEEKLY + "enabled: false\n", "forge-1")


async def pause_of(client: Client, name: str) -> tuple[bool, str]:
    """Whether a schedule is paused, and its note."""
    state = (await client.get_schedule_handle(name).describe()).schedule.state
    return state.paused, state.note or ""


def test_a_definition_is_registered_paused_and_a_sync_never_switches_it(
    play: Played, state: State
) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        names = await world.sync(MONDAY)
        assert names == [COACH, METRICS, OPTIMIZATION]
        compared = 0
        for definition in world.definitions(MONDAY):
            data = temporal_schedule(definition)
            found = await world.client.get_schedule_handle(definition.id).describe()
            assert await pause_of(world.client, definition.id) == (True, data.note)
            assert found.schedule.policy.catchup_window == timedelta(seconds=data.catchup_window)
            now = found.info.created_at
            for fires in found.info.next_action_times:
                now = next_fire(definition, now, zones=zones())
                assert fires == now
                compared += 1
        assert compared >= 10
        coach = world.client.get_schedule_handle(COACH)
        await coach.unpause(note="switched on in staging")
        await world.sync(MONDAY)
        assert await pause_of(world.client, COACH) == (False, "switched on in staging")
        assert await pause_of(world.client, again_of(COACH)) == (False, "switched on in staging")
        await coach.pause(note="until Friday")
        await world.sync(MONDAY)
        assert await pause_of(world.client, COACH) == (True, "until Friday")
        return {"definitions": len(names), "schedules": 2 * len(names)}

    measured = play(scenario)
    state(DUTIES, "D14 a sync makes paused schedules, and never touches a pause or its note",
          **measured)  # fmt: skip


def test_a_firing_reaches_the_bundle_on_both_hosts(
    play: Played, contracts: Path, state: State
) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        world.work_all()
        await world.sync(MONDAY)
        asked = []
        for definition in world.definitions(MONDAY):
            fires = next_fire(definition, MONDAY - timedelta(seconds=1), zones=zones())
            asked += await world.ask(definition.id, fires)
            window = next_window(definition, fires, held=None, zones=zones())
            answers = expected(world, definition.id, window, now=fires)
            query = "SELECT idempotency_key FROM tasks WHERE definition = ?"
            stored = {row[0] for row in world.store.rows(query, definition.id)}
            assert stored == keys_of(answers)
            assert stored, definition.id
        assert [one.failed for one in asked] == [None] * 3
        assert world.told() == [one for one in world.told() if "manifest-invalid" in one] != []

        # The parents are over while their tasks wait (D11); nothing starts before its time (D9).
        assert set(world.store.states().values()) == {"waits"}
        assert await world.tick(MONDAY - timedelta(minutes=1)) == []
        keys = await world.work_off(THURSDAY + timedelta(hours=1))
        assert sorted(keys) == sorted(world.store.states())
        assert set(world.store.states().values()) == {"finished"}
        hosts = {row[0] for row in world.store.rows("SELECT DISTINCT host FROM tasks")}
        assert hosts == set(world.hosts)

        tasks = [json.loads(row[0]) for row in world.store.rows("SELECT task FROM tasks")]
        events = [json.loads(row[0]) for row in world.store.rows("SELECT text FROM events")]
        validate(contracts, "task", tasks)
        validate(contracts, "kaizen-schedule-prepared", events)
        prepared = {task["idempotency_key"] for task in tasks if task["agent"] is not None}
        assert {event["runkey"] for event in events} == prepared
        outcomes = [json.loads(row[0]) for row in world.store.rows("SELECT outcome FROM tasks")]
        bundles = [one for one in outcomes if one["digest"]]
        assert {one["run"] for one in bundles} == prepared

        # The same slot again: the same runs, which all have a task already.
        before = world.store.states()
        again = await world.ask(COACH, MONDAY)
        assert again[0].failed is None
        assert world.store.states() == before
        assert await world.work_off(THURSDAY + timedelta(hours=2)) == []
        starts = Counter([
            found.id
            async for found in world.client.list_workflows("WorkflowType = 'WorkTask'")
        ])  # fmt: skip
        assert set(starts.values()) == {1}
        return {"definitions": len(asked), "hosts": len(hosts), "tasks": len(tasks),
                "bundles": len(bundles), "events": len(events)}  # fmt: skip

    measured = play(scenario)
    state(DUTIES, "D11 an asking is over when its tasks are stored, and waits for none of them",
          tasks=measured["tasks"])  # fmt: skip
    state(TIMER, "three drafts fire, every task is stored as the resolver answers, and worked on"
          " its own host to its bundle and event", **measured)  # fmt: skip


def validate(contracts: Path, name: str, values: list[Any]) -> None:
    """Check values by an exported schema."""
    assert values
    schema = json.loads((contracts / "contracts" / f"{name}.schema.json").read_text())
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for value in values:
        checker.validate(value)


def test_a_paused_definition_can_be_triggered_by_hand(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        half_hourly = 'coach: {cadence: weekly, cron: "*/30 * * * *"}'
        world.add("half-hourly", manifest(half_hourly, timezone="UTC"), "forge-1")
        world.work_all()
        await world.sync(MONDAY)
        handle = world.client.get_schedule_handle(COACH)
        await handle.trigger()
        (first,) = await world.settled(COACH, set(), 1)
        await handle.trigger()
        both = await world.settled(COACH, set(), 2)
        assert {one.failed for one in both} == {None}
        assert first.result is not None
        coach = next(item for item in world.definitions(MONDAY) if item.id == COACH)
        window = next_window(coach, first.at.replace(microsecond=0), held=None, zones=zones())
        answers = expected(world, COACH, window, now=first.at)
        assert set(world.store.states()) == keys_of(answers)
        # It is triggered now, whenever that is; something is handed out, but just before it fires.
        assert keys_of(answers) or window.end - window.start <= timedelta(minutes=30)
        assert world.store.held(COACH) == dict.fromkeys(world.hosts, window)
        return {"triggers": len(both)}

    state(TIMER, "a paused draft is triggered by hand, twice: the tasks until its next firing,"
          " each once", **play(scenario))  # fmt: skip


def test_what_is_edited_between_firings_is_followed_within_the_hour(
    play: Played, state: State
) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        world.add("atlas", WEEKLY, "forge-1")
        world.add("choir", manifest('coach: {cadence: weekly, cron: "0 10 * * 4"}'), "forge-2")
        world.work_all()
        await world.sync(MONDAY)
        await world.ask(COACH, MONDAY)
        key, thursday = "atlas:coach:2026-11-30T08:00:00Z", f"choir:coach:{instant(THURSDAY)}"
        assert world.store.states() == {key: "waits", thursday: "waits"}

        # Disabled: withdrawn (D8). The same again: it waits (D7).
        world.write("forge-2", "choir", manifest("coach: {cadence: weekly, enabled: false}"))
        await world.ask(COACH, MONDAY + timedelta(hours=1), again=True)
        assert world.store.states() == {key: "waits", thursday: "withdrawn"}
        world.write("forge-2", "choir", manifest('coach: {cadence: weekly, cron: "0 10 * * 4"}'))
        await world.ask(COACH, MONDAY + timedelta(hours=2), again=True)
        assert world.store.states() == {key: "waits", thursday: "waits"}

        # A checkout that is away for a while withdraws nothing: that may pass (D8).
        path = world.path("forge-2", "choir")
        path.rename(path.with_name("away"))
        await world.ask(COACH, MONDAY + timedelta(hours=3), again=True)
        assert world.store.states()[thursday] == "waits"

        # It moved, and the roster says so: the waiting task takes the new place (D7).
        world.items[1]["host_paths"] = {"forge-2": str(path.with_name("away"))}
        world.register()
        await world.ask(COACH, MONDAY + timedelta(hours=4), again=True)
        query = "SELECT task FROM tasks WHERE idempotency_key = ?"
        task = json.loads(world.store.rows(query, thursday)[0][0])
        assert str(path.with_name("away")) in task["argv"]

        # Added: handed out within the hour, in the window that is not over (D3).
        world.write("forge-1", "atlas", manifest('coach: {cadence: weekly, cron: "0 10 * * 3"}'))
        await world.ask(COACH, MONDAY + timedelta(hours=5), again=True)
        added = "atlas:coach:2026-12-02T09:00:00Z"
        assert world.store.states() == {key: "withdrawn", added: "waits", thursday: "waits"}

        # Added late, for a moment that is still within the window: asked once more after its end.
        late = at("2026-12-07 07:30")
        world.write("forge-1", "atlas", manifest('coach: {cadence: weekly, cron: "30 8 * * 1"}'))
        await world.ask(COACH, at("2026-12-07 08:00"))
        assert world.store.states()[f"atlas:coach:{instant(late)}"] == "waits"
        return {"askings": world.askings()}

    state(DUTIES, "D3 D7 D8 what is edited, moved or away is followed by the hourly asking, and by"
          " one more after the window", **play(scenario))  # fmt: skip


def test_a_task_is_held_until_its_time_expires_and_may_be_refused(
    play: Played, state: State
) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        for name in ("atlas", "choir", "dynamo"):
            world.add(name, WEEKLY, "forge-1")
        world.work("orchestrator", "forge-1")
        await world.sync(MONDAY)
        await world.ask(COACH, MONDAY)
        query = "SELECT idempotency_key, not_before, expires_at FROM tasks ORDER BY not_before"
        first, second, third = world.store.rows(query)
        begins = datetime.fromisoformat(first["not_before"])
        assert await world.tick(begins - timedelta(seconds=1)) == []
        assert await world.tick(begins) == [first["idempotency_key"]]

        # Switched off after it was handed out: refused when prepared, and not tried again.
        refused = second["idempotency_key"]
        world.write("forge-1", refused.partition(":")[0], WEEKLY + "enabled: false\n")
        begins = datetime.fromisoformat(second["not_before"])
        assert await world.tick(begins) == [refused]
        row = world.store.rows("SELECT * FROM tasks WHERE idempotency_key = ?", refused)[0]
        outcome = json.loads(row["outcome"])
        assert (row["state"], outcome["code"]) == ("cancelled", 1)
        assert outcome["refusal"]["reason"] == "repository-disabled"

        assert await world.tick(datetime.fromisoformat(third["expires_at"])) == []
        assert sorted(world.store.states().values()) == ["cancelled", "expired", "finished"]
        await world.ask(COACH, MONDAY + timedelta(hours=1), again=True)
        assert sorted(world.store.states().values()) == ["cancelled", "expired", "finished"]
        return {"tasks": len(world.store.states())}

    state(DUTIES, "D9 a task is held to the second, closed as expired, and what prepare refuses is"
          " cancelled for good", **play(scenario))  # fmt: skip


def test_one_task_at_a_place_and_a_person_looks_at_the_result(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        reviewed = "optimization: {cadence: weekly, review: required}"
        world.add("atlas", manifest("coach: {cadence: weekly}", reviewed), "forge-1")
        world.work("orchestrator")
        running = world.work("forge-1", hold="running")
        await world.sync(MONDAY)
        await world.ask(COACH, MONDAY)
        await world.ask(OPTIMIZATION, MONDAY + timedelta(hours=1))
        coach, optimization = world.store.states()
        later = MONDAY + timedelta(hours=3)
        assert await world.tick(later, wait=False) == [coach]
        await running.reached()
        assert await world.tick(later) == []

        world.kill("forge-1")
        world.work("forge-1")
        await world.until(lambda: world.store.states()[coach] == "finished")
        assert world.told() == [f"{coach}: its command was begun again, or never ended"]
        assert await world.tick(later, wait=False) == [optimization]
        await world.until(lambda: world.store.states()[optimization] == "in-review")
        handle = world.client.get_workflow_handle(optimization)
        await handle.signal("reviewed", "somebody")
        assert await handle.result() == "finished"
        assert world.store.states()[optimization] == "finished"
        assert len(world.store.rows("SELECT 1 FROM events")) == 2
        return {"tasks": len(world.store.states())}

    state(DUTIES, "D10 D12 of two tasks of one checkout the second waits for the first, also when"
          " its worker is killed meanwhile, and then for a person", **play(scenario))  # fmt: skip
