"""What breaks, and is made up for: nothing lost inside the window, nothing doubled, each told."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    ScheduleIntervalSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowFailureError,
)

from kaizen_schedule.edges.packaged import zones
from kaizen_schedule.planning.windows import Window, next_fire, next_window
from kaizen_schedule.reading.codec import instant
from tests.support import gone

from .hub.faults import Faults
from .hub.serve import serve
from .proof import DUTIES, FAULTS, TIMER, State
from .staging import COACH, WEEKLY, Played, at, expected, keys_of, manifest
from .stand_in import Held, World
from .workflows import ORCHESTRATOR, SILENT, WorkTask

MONDAY = at("2026-11-30 08:00")
WEEK = timedelta(days=7)
PAYLOAD_LIMIT = 2_000_000
"""Bytes; the engine refuses a larger payload (limit.blobSize.error)."""

CATCH_UP = timedelta(seconds=10)
"""The shortest catch-up window that the engine takes."""

DAILY = manifest('coach: {cadence: weekly, cron: "0 10 * * *"}')
"""Fires each day, though its definition asks once a week."""


def fleet(world: World) -> None:
    """Runs on each host, and a repository that stands on both."""
    world.add("atlas", WEEKLY, "forge-1")
    world.add("bindery", DAILY, "forge-1", "forge-2")
    world.add("choir", DAILY, "forge-2")


async def begin(world: World) -> None:
    """Have the fleet, every worker, and the schedules."""
    fleet(world)
    world.work_all()
    await world.sync(MONDAY)


async def held_at(world: World, victim: str, point: str) -> tuple[Held, set[str]]:
    """Have an asking in which a worker has stopped at a point; and what was asked before."""
    fleet(world)
    world.work(*({"orchestrator", "forge-1", "forge-2"} - {victim}))
    held = world.work(victim, hold=point)
    await world.sync(MONDAY)
    before = await world.fire(COACH, MONDAY)
    await held.reached()
    return held, before


def weeks(world: World, *mondays: Any) -> set[str]:
    """The keys of the weeks that begin on these Mondays, by the resolver itself."""
    return {
        key
        for monday in mondays
        for key in keys_of(
            expected(world, COACH, Window(start=monday, end=monday + WEEK), now=monday)
        )
    }


def lost(world: World, runs: set[str]) -> set[str]:
    """Those that became no task, and of which the operator was not told that they were missed."""
    lines = world.told()

    def was_told(key: str) -> bool:
        repo, agent, moment = key.split(":", 2)
        return any(
            line.startswith(f"{repo} {agent}: missed: ") and moment in line for line in lines
        )

    return {key for key in runs - set(world.store.states()) if not was_told(key)}


async def started(world: World) -> Counter[str]:
    """How often each task was started, by the engine's own count."""
    query = "WorkflowType = 'WorkTask'"
    return Counter([found.id async for found in world.client.list_workflows(query)])


async def made_up_for(world: World, before: set[str]) -> dict[str, Any]:
    """See that an asking that was disturbed came to what an undisturbed one does."""
    (asked,) = await world.settled(COACH, before, 1)
    assert asked.failed is None
    assert set(world.store.states()) == weeks(world, MONDAY)
    await world.work_off(MONDAY + timedelta(hours=2))
    assert set((await started(world)).values()) == {1}
    assert any("again, attempt 2" in what for what in world.told())
    return {"tasks": len(world.store.states())}


@pytest.mark.parametrize("point", ["resolved", "storing", "stored"])
def test_a_worker_is_killed_in_an_asking(play: Played, state: State, point: str) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        victim = "forge-2" if point == "resolved" else "orchestrator"
        _, before = await held_at(world, victim, point)
        world.kill(victim)
        world.work(victim)
        return await made_up_for(world, before)

    where = {
        "resolved": "a host's worker is killed when it has answered",
        "storing": "the orchestrator's worker is killed before it stores",
        "stored": "the orchestrator's worker is killed when it has stored, unheard",
    }
    state(FAULTS, f"{where[point]}, and begun again", **play(scenario))


def test_the_engine_is_killed_and_begun_again_on_its_database(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        _, before = await held_at(world, "forge-2", "resolved")
        world.engine.stop(kill=True)
        world.kill("forge-2")
        world.engine.start()
        world.client = await world.engine.connect()
        world.work("forge-2")
        return await made_up_for(world, before)

    state(FAULTS, "the engine is killed in an asking, and begun again on its database file",
          **play(scenario))  # fmt: skip


def test_one_slot_is_back_filled_twice_at_once(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        asked = await world.ask(COACH, MONDAY, MONDAY, MONDAY + WEEK, MONDAY)
        assert [one.failed for one in asked] == [None] * 4
        keys = weeks(world, MONDAY, MONDAY + WEEK)
        assert set(world.store.states()) == keys
        late = MONDAY + timedelta(days=6)
        worked = await world.work_off(late)
        assert worked
        again = await world.ask(COACH, MONDAY)
        assert again[0].failed is None
        assert await world.work_off(late) == []
        counted = await started(world)
        assert set(counted.values()) == {1}
        assert set(counted) == set(worked)
        # Should a store ever lose its mind, the engine still knows a key that it has started.
        world.store.rows("UPDATE tasks SET state = 'waits' WHERE idempotency_key = ?", worked[0])
        assert await world.tick(late) == [worked[0]]
        assert world.told()[-1] == f"{worked[0]} was started before"
        assert world.store.states()[worked[0]] == "cancelled"
        assert set((await started(world)).values()) == {1}
        return {"askings": world.askings(), "tasks": len(keys)}

    state(FAULTS, "one slot is back-filled four times: the engine starts an asking each time, the"
          " keys let none of its tasks be there twice", **play(scenario))  # fmt: skip


def test_an_outage_beyond_the_catch_up_window_is_made_up_for(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        # Two firings are lost, more than the week for which the engine catches up.
        back = MONDAY + 3 * WEEK
        await world.ask(COACH, MONDAY, back)
        held = world.store.held(COACH)
        assert {window.start for window in held.values()} == {MONDAY + WEEK}
        assert {window.end for window in held.values()} == {back + WEEK}
        every = weeks(world, MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK, back)
        stored = set(world.store.states())
        missed = every - stored
        assert missed
        assert not lost(world, every)
        return {"tasks": len(stored), "told as missed": len(missed)}

    state(FAULTS, "an outage of three weeks, beyond the catch-up window: the cursor covers it, what"
          " has expired is told as missed", **play(scenario))  # fmt: skip


def test_the_engine_itself_sleeps_through_slots(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        now = datetime.now(UTC)  # the engine's clock, which nobody can put forward
        coach = next(item for item in world.definitions(now) if item.id == COACH)
        first = next_fire(coach, now - 5 * WEEK, zones=zones())
        await world.ask(COACH, first)
        in_six_seconds = timedelta(seconds=(int(datetime.now(UTC).timestamp()) + 6) % 8)

        def often(found: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule = found.description.schedule
            every = timedelta(seconds=8)
            schedule.spec.intervals = [ScheduleIntervalSpec(every=every, offset=in_six_seconds)]
            schedule.policy.catchup_window = CATCH_UP
            schedule.state.paused = False
            return ScheduleUpdate(schedule)

        await world.client.get_schedule_handle(COACH).update(often)
        await world.knows(COACH, lambda found: bool(found.next_action_times))
        world.engine.stop(kill=True)
        died = datetime.now(UTC)
        await asyncio.sleep(CATCH_UP.total_seconds() + 6)
        world.engine.start()
        world.client = await world.engine.connect()
        await world.knows(COACH, lambda found: found.num_actions_missed_catchup_window > 0)
        asked = await world.settled(COACH, set(), 2)
        assert asked[-1].at > died
        await world.client.get_schedule_handle(COACH).pause()
        (end,) = {window.end for window in world.store.held(COACH).values()}
        assert end == next_fire(coach, now, zones=zones())
        every = keys_of(expected(world, COACH, Window(start=first, end=end), now=first))
        assert set(world.store.states()) <= every
        assert not lost(world, every)
        return {"weeks": round((end - first) / WEEK)}

    state(FAULTS, "the engine is down for longer than its catch-up window, lets slots lapse, and"
          " says so: the next asking covers them", **play(scenario))  # fmt: skip


def test_a_definition_is_enabled_on_a_wednesday(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        wednesday = at("2026-12-02 13:00")
        await world.client.get_schedule_handle(COACH).unpause(note="switched on")
        await world.ask(COACH, wednesday, again=True)
        coach = next(item for item in world.definitions(MONDAY) if item.id == COACH)
        window = next_window(coach, wednesday, held=None, zones=zones())
        assert window == Window(start=wednesday, end=MONDAY + WEEK)
        first = keys_of(expected(world, COACH, window, now=wednesday))
        assert set(world.store.states()) == first
        assert f"choir:coach:{instant(at('2026-12-03 09:00'))}" in first
        await world.ask(COACH, MONDAY + WEEK)
        assert set(world.store.states()) == first | weeks(world, MONDAY + WEEK)
        return {"tasks": len(world.store.states())}

    state(FAULTS, "a definition is enabled on a Wednesday: the first hourly asking hands out what"
          " is left of the week, the next firing goes on from there", **play(scenario))  # fmt: skip


def test_a_host_never_answers(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        world.work("orchestrator", "forge-1")
        await world.polled("forge-1")
        await world.sync(MONDAY)
        (asked,) = await world.ask(COACH, MONDAY)
        assert asked.result is not None
        assert asked.result["answered"] == ["forge-1"]
        assert any("forge-2 did not answer" in what for what in world.told())
        mine = {key for key in weeks(world, MONDAY) if not key.startswith("choir")}
        assert set(world.store.states()) == mine
        # It is back after the next firing: its cursor stands where it was asked first.
        await world.ask(COACH, MONDAY + WEEK)
        assert not [key for key in world.store.states() if key.startswith("choir")]
        world.work("forge-2")
        await world.polled("forge-2")
        await world.ask(COACH, MONDAY + WEEK + timedelta(hours=1), again=True)
        choir = {key for key in weeks(world, MONDAY, MONDAY + WEEK) if key.startswith("choir")}
        assert len(choir) == 14
        assert not lost(world, choir)
        return {"askings": world.askings()}

    state(FAULTS, "a host never answers: the others' runs are stored, the operator is told, and it"
          " has its own when it is back", **play(scenario, patience_s=2.0))  # fmt: skip


def test_hosts_come_and_go(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        world.work_all()
        world.store.put("hosts", ["forge-2"])
        await world.sync(MONDAY)
        await world.ask(COACH, MONDAY)
        query = "SELECT host, idempotency_key FROM tasks WHERE repo = 'bindery' AND state = 'waits'"
        assert {row["host"] for row in world.store.rows(query)} == {"forge-2"}
        before = {row["idempotency_key"] for row in world.store.rows(query)}
        # forge-1 takes part now, and owns what stands on both: no task twice, none lost.
        world.store.put("hosts", ["forge-1", "forge-2"])
        await world.ask(COACH, MONDAY + timedelta(hours=1), again=True)
        assert {row["host"] for row in world.store.rows(query)} == {"forge-1"}
        assert {row["idempotency_key"] for row in world.store.rows(query)} == before
        assert set(world.store.states()) == weeks(world, MONDAY)
        held = world.store.held(COACH)
        assert held["forge-1"] == held["forge-2"]
        # It leaves again: forge-2 takes over what waits.
        world.store.put("hosts", ["forge-2"])
        await world.ask(COACH, MONDAY + timedelta(hours=2), again=True)
        assert {row["host"] for row in world.store.rows(query)} == {"forge-2"}
        assert {row["idempotency_key"] for row in world.store.rows(query)} == before
        assert list(world.store.held(COACH)) == ["forge-2"]
        askings = world.store.rows("SELECT hosts FROM askings ORDER BY id")
        hosts = [row["hosts"] for row in askings]
        changed = sum(before != after for before, after in pairwise(hosts))
        return {"changes of the hosts": changed}

    state(DUTIES, "D4 a host joins and leaves: cursors become the smallest,"
          " tasks move to the owner, none is lost or there twice", **play(scenario))  # fmt: skip


def test_a_repository_moves_while_its_host_is_silent(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        world.work("orchestrator", "forge-1")
        await world.polled("forge-1")
        await world.sync(MONDAY)
        await world.ask(COACH, MONDAY, MONDAY + WEEK)
        assert not [key for key in world.store.states() if key.startswith("choir")]
        # What stood on the silent host stands on the other one now, whose cursor is far ahead.
        world.items[2]["host_paths"] = {"forge-1": str(world.path("forge-1", "choir"))}
        world.write("forge-1", "choir", DAILY)
        world.register()
        world.work("forge-2")
        await world.polled("forge-2")
        await world.ask(COACH, MONDAY + 2 * WEEK)
        every = weeks(world, MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK)
        moved = {key for key in every if key.startswith("choir")}
        stored = moved & set(world.store.states())
        assert len(moved) == 21
        assert not lost(world, moved)
        return {"tasks": len(stored), "told as missed": len(moved - stored)}

    measured = play(scenario, patience_s=2.0)
    state(DUTIES, "D4 a repository moves to another host while its own is silent: what fell due"
          " meanwhile is handed out by the new one, or told", **measured)  # fmt: skip


def test_storing_may_take_longer_than_a_death(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        held, before = await held_at(world, "orchestrator", "storing")
        await world.beats(COACH, SILENT + timedelta(seconds=1))
        held.let_go()
        (asked,) = await world.settled(COACH, before, 1)
        assert asked.failed is None
        assert world.told() == []
        assert set(world.store.states()) == weeks(world, MONDAY)
        return {"askings": world.askings()}

    state(FAULTS, "storing takes longer than the silence that counts as a death: it is waited for,"
          " and done once", **play(scenario))  # fmt: skip


def test_nothing_of_a_task_runs_on_when_its_place_is_free(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        await world.ask(COACH, MONDAY)
        keys = [key for key in world.store.states() if key.startswith("bindery")][:2]
        for number, key in enumerate(keys):
            # What it begins outlives it, were it not ended, too.
            seen = world.folder / f"seen-{number}"
            script = f"sleep 300 & echo $$ $! >> {seen}.new; mv {seen}.new {seen}; wait"
            task = {
                "key": key, "host": "forge-1", "definition": COACH, "review": "none",
                "argv": ["sh", "-c", script], "timeout_s": 300 if number else 2,
            }  # fmt: skip
            world.store.rows("UPDATE tasks SET state = 'started' WHERE idempotency_key = ?", key)
            handle = await world.client.start_workflow(
                WorkTask.run, args=[task, instant(MONDAY)], id=key, task_queue=ORCHESTRATOR
            )
            await world.until(seen.exists)
            if number:
                await handle.cancel()
                with pytest.raises(WorkflowFailureError):
                    await handle.result()
                assert f"{key} was cancelled while it was worked on" in world.told()
            else:
                assert await handle.result() == "cancelled"
            assert world.store.states()[key] == "cancelled"
            pids = seen.read_text("ascii").split()
            assert len(pids) == 2
            assert all(gone(int(pid)) for pid in pids)
        return {"commands": len(keys)}

    state(FAULTS, "a command takes too long, a task is cancelled: what runs is ended before the"
          " place is another's", **play(scenario))  # fmt: skip


def test_a_large_answer_crosses_in_pages(play: Played, state: State) -> None:
    many = 2_400

    async def scenario(world: World) -> dict[str, Any]:
        for number in range(many):
            name = f"r{number:05}"
            paths = {"forge-1": str(world.path("forge-1", name))}
            world.items.append({"slug": name, "host_paths": paths})
            world.write("forge-1", name, WEEKLY)
        world.register()
        world.work("orchestrator", "forge-1")
        await world.sync(MONDAY)
        fired = next_fire(
            next(item for item in world.definitions(MONDAY) if item.id == COACH),
            MONDAY - timedelta(seconds=1),
            zones=zones(),
        )
        before = await world.fire(COACH, fired)
        (asked,) = await world.settled(COACH, before, 1)
        assert asked.failed is None
        assert len(world.store.states()) == many
        sizes = await world.payload_sizes(COACH)
        assert sum(sizes) > 2 * PAYLOAD_LIMIT  # each page crosses it twice: out, and back in
        assert max(sizes) < PAYLOAD_LIMIT
        return {"runs in one answer": many}

    state(TIMER, "an answer of more than the engine's two million bytes"
          " for one payload crosses it in pages", **play(scenario))  # fmt: skip


def test_the_roster_cannot_be_had(play: Played, state: State) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        await begin(world)
        await world.ask(COACH, MONDAY)
        stored, held = world.store.states(), world.store.held(COACH)
        world.register(snapshot=str(world.folder / "nowhere.json"))
        (asked,) = await world.ask(COACH, MONDAY + WEEK)
        assert asked.failed is not None
        assert any("nowhere.json" in what for what in world.told())
        assert (world.store.states(), world.store.held(COACH)) == (stored, held)
        world.register()
        await world.ask(COACH, MONDAY + WEEK + timedelta(hours=1), again=True)
        assert set(world.store.states()) == weeks(world, MONDAY, MONDAY + WEEK)
        return {"tasks": len(world.store.states())}

    state(FAULTS, "the roster cannot be had: nothing is stored, the operator is told, the next"
          " hourly asking makes up for it", **play(scenario))  # fmt: skip


def test_the_hub_dies_half_way_through_paging(play: Played, state: State, tmp_path: Path) -> None:
    async def scenario(world: World) -> dict[str, Any]:
        fleet(world)
        with serve(tmp_path / "hub.db", page_size=1, faults=Faults(dies_on_page=2)) as hub:
            hub.put(world.items)
            world.register(hub=hub.url)
            world.work_all()
            await world.sync(MONDAY)
            (asked,) = await world.ask(COACH, MONDAY)
            hub.await_end()
            assert asked.failed is not None
            assert any("the roster cannot be had" in what for what in world.told())
            assert (world.store.states(), world.store.held(COACH)) == ({}, {})
            hub.plant(Faults())
            hub.start()
            (asked,) = await world.ask(COACH, MONDAY + timedelta(hours=1), again=True)
            assert asked.failed is None
            # What was due at the firing that failed is not lost: it was the first asking.
            assert set(world.store.states()) == weeks(world, MONDAY)
            read = sum("cursor=" in one.target for one in hub.asked())
        return {"tasks": len(world.store.states()), "pages asked for": read}

    state(FAULTS, "the hub dies half-way through paging: nothing of what it said is used, the"
          " operator is told, and the next hourly asking makes up for it",
          **play(scenario))  # fmt: skip
