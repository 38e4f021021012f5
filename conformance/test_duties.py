"""Duties that need no engine: what the store and the conclusion of an asking hold by themselves."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from kaizen_schedule import (
    ActivityDefinition,
    Asking,
    Window,
    discover_kaizen_scheduled_repos,
    iter_pages,
    list_definitions,
    load_roster,
)
from kaizen_schedule.reading.codec import to_plain

from .activities import Orchestrator
from .asking import Answer, DisagreementError, NobodyError, Plan, answers_of, conclude, plan
from .proof import DUTIES, State
from .staging import COACH, WEEKLY, at
from .store import Store

MONDAY = at("2026-11-30 08:00")
HOST = "forge-1"
Change = Callable[[dict[str, Any], list[dict[str, Any]]], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store.db")
    yield made
    made.open.close()


@pytest.fixture
def coach(contracts: Path) -> ActivityDefinition:
    folder = contracts / "integrations" / "activity-definitions"
    return next(item for item in list_definitions(folder, now=MONDAY) if item.id == COACH)


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, Any]]:
    found = []
    for name in ("atlas", "bindery", "choir"):
        folder = tmp_path / name / ".kaizen"
        folder.mkdir(parents=True)
        (folder / "schedule.yml").write_text(WEEKLY, encoding="utf-8")
        found.append({"slug": name, "host_paths": {HOST: str(tmp_path / name)}})
    return found


def head_of(
    asked: Plan, items: list[dict[str, Any]], coach: ActivityDefinition
) -> tuple[dict[str, Any], list[Any]]:
    """What a host answers, and its pages, as they cross the engine."""
    found = discover_kaizen_scheduled_repos(
        Asking(roster=load_roster(items), host=HOST, hosts=asked.hosts, definition=coach),
        start=asked.coming[HOST].start,
        end=asked.coming[HOST].end,
        now=asked.at,
        list_not_scheduled=True,
    )
    pages = [to_plain(page) for page in iter_pages(found, runs=1)]
    bare = to_plain(replace(found, scheduled_runs=(), repos=(), exclusions=()))
    answer = {"digest": found.digest, "pages": len(pages), "head": bare}
    return {"host": HOST, "answers": [answer]}, pages


def answered(asked: Plan, items: list[dict[str, Any]], coach: ActivityDefinition) -> list[Answer]:
    """What a host answers, put together again."""
    head, pages = head_of(asked, items, coach)
    return answers_of(head, [json.dumps(page) for page in pages])


def settle(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    change: Change | None = None,
) -> str:  # fmt: skip
    """One asking whose answer is changed on its way."""
    asked = plan(store, coach, load_roster(items), at=MONDAY)
    head, pages = head_of(asked, items, coach)
    if change is not None:
        change(head, pages)
    answers = answers_of(head, [json.dumps(page) for page in pages])
    return conclude(store, coach, asked, answers, (), name=str(uuid4()))


def test_a_key_is_there_once(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    state: State,
) -> None:  # fmt: skip
    settle(store, items, coach)
    key = "atlas:coach:2026-11-30T08:00:00Z"
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        store.rows("INSERT INTO tasks SELECT * FROM tasks WHERE idempotency_key = ?", key)
    store.rows("UPDATE tasks SET state = 'finished' WHERE idempotency_key = ?", key)
    settle(store, items, coach)
    assert store.states()[key] == "finished"
    state(DUTIES, "D6 the store refuses a key a second time, also that of a finished task", keys=1)


def test_the_place_of_a_started_task_is_taken(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    settle(store, items, coach)
    store.rows("UPDATE tasks SET concurrency_key = 'the same'")
    store.rows("UPDATE tasks SET state = 'started' WHERE repo = 'atlas'")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        store.rows("UPDATE tasks SET state = 'started' WHERE repo = 'bindery'")


@pytest.mark.parametrize(
    ("name", "value"),
    [("roster_digest", "0" * 64), ("tzdata_version", "2020a"), ("hosts", ["forge-1", "forge-9"])],
)
def test_answers_that_do_not_belong_together_store_nothing(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    state: State, name: str, value: object,
) -> None:  # fmt: skip
    asked = plan(store, coach, load_roster(items), at=MONDAY)
    head, pages = head_of(asked, items, coach)
    texts = [json.dumps(page) for page in pages]
    other = json.loads(json.dumps(head))
    other["answers"][0]["head"][name] = value
    answers = [*answers_of(head, texts), *answers_of(other, texts)]
    with pytest.raises(DisagreementError):
        conclude(store, coach, asked, answers, (), name="both")
    assert (store.states(), store.held(COACH)) == ({}, {})
    state(DUTIES, f"D5 answers that differ in `{name}` store nothing", tasks=len(store.states()))


def lose(number: int, _: dict[str, Any], pages: list[dict[str, Any]]) -> None:
    del pages[number]


def test_a_page_that_is_missing_stores_nothing(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    for number in range(3):
        with pytest.raises(DisagreementError):
            settle(store, items, coach, partial(lose, number))
    assert store.states() == {}


def test_the_unknown_is_read_on(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    state: State,
) -> None:  # fmt: skip
    settle(store, items, coach)
    assert set(store.states().values()) == {"waits"}

    def from_a_later_version(head: dict[str, Any], pages: list[dict[str, Any]]) -> None:
        head["answers"][0]["head"] |= {"schema_version": "1.9", "new": {"field": 1}}
        for page in pages:
            page["new"] = []
            runs = page["scheduled_runs"]
            for run in list(runs):
                run["new"] = True
                if run["repo"] == "atlas":
                    continue
                runs.remove(run)
                transient = run["repo"] == "choir"
                why = {"repo": run["repo"], "agent": None, "reason": "not-heard-of-yet",
                       "detail": "", "fix": "", "transient": transient, "new": 1}  # fmt: skip
                page["exclusions"].append(why)

    settle(store, items, coach, from_a_later_version)
    found = {key.partition(":")[0]: state for key, state in store.states().items()}
    assert found == {"atlas": "waits", "bindery": "withdrawn", "choir": "waits"}
    state(DUTIES, "D13 unknown fields are ignored, an unknown reason is an exclusion, transient as"
          " its flag says", tasks=len(found))  # fmt: skip


def test_who_is_interrupted_asks_the_same_again(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    state: State, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    steps = ("take", "withdraw", "move", "tell")
    for name in steps:
        with monkeypatch.context() as patched:
            patched.setattr(Store, name, cut)
            with pytest.raises(KeyboardInterrupt):
                settle(store, items, coach)
        assert (store.states(), store.held(COACH), store.generation(COACH)) == ({}, {}, 0)
    assert settle(store, items, coach) == "stored"
    assert len(store.states()) == 3
    state(DUTIES, "D1 an asking that is cut short at any step has stored nothing", steps=len(steps))


def test_an_asking_that_another_came_before_is_stale(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    asked = plan(store, coach, load_roster(items), at=MONDAY)
    answers = answered(asked, items, coach)
    settle(store, items, coach)
    before = store.held(COACH)
    assert conclude(store, coach, asked, answers, (), name="late") == "stale"
    assert store.held(COACH) == before


def test_a_changed_trigger_leaves_no_gap(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    state: State,
) -> None:  # fmt: skip
    settle(store, items, coach)
    (held,) = store.held(COACH).values()
    moved = replace(coach, trigger=replace(coach.trigger, cron="0 9 * * 4"))
    thursday = at("2026-12-03 08:00")
    asked = plan(store, moved, load_roster(items), at=thursday)
    assert asked.coming[HOST].start == held.end
    assert asked.coming[HOST].end == at("2026-12-10 08:00")
    assert held in asked.windows(HOST)
    state(DUTIES, "D2 after a changed trigger the cursor goes on where it stood",
          windows=len(asked.windows(HOST)))  # fmt: skip


def test_an_asking_that_was_stored_unheard_is_not_asked_anew(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    asked = plan(store, coach, load_roster(items), at=MONDAY)
    answers = answered(asked, items, coach)
    for _ in range(2):
        assert conclude(store, coach, asked, answers, (), name="one") == "stored"
    assert store.generation(COACH) == 1


def test_a_roster_without_anybody_to_ask_moves_no_cursor(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition, state: State,
) -> None:  # fmt: skip
    settle(store, items, coach)
    held = store.held(COACH)
    rosters: tuple[list[dict[str, Any]], ...] = ([], [{"slug": "atlas", "host_paths": {}}])
    for empty in rosters:
        with pytest.raises(NobodyError):
            plan(store, coach, load_roster(empty), at=MONDAY + timedelta(days=7))
    assert store.held(COACH) == held
    asked = plan(store, coach, load_roster(items), at=MONDAY + timedelta(days=7))
    assert asked.coming[HOST].start == held[HOST].end
    state(DUTIES, "D1 a roster that names no participating host moves no cursor",
          rosters=len(rosters))  # fmt: skip


def test_nothing_is_concluded_while_an_asking_is_planned(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other, held = Store(store.path), store.held
    other.open.execute("PRAGMA busy_timeout=0")

    def held_meanwhile(name: str) -> dict[str, Window]:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            settle(other, items, coach)
        return held(name)

    monkeypatch.setattr(store, "held", held_meanwhile)
    plan(store, coach, load_roster(items), at=MONDAY)
    assert settle(other, items, coach) == "stored"
    other.open.close()


def test_an_attempt_that_was_given_up_may_yet_have_stored(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition, contracts: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked = plan(store, coach, load_roster(items), at=MONDAY)
    head, _ = head_of(asked, items, coach)  # its pages went with the first attempt
    told = iter((False, True))
    monkeypatch.setattr(store, "was_concluded", lambda _: next(told))
    own = Orchestrator(store=store, contracts=contracts, point=lambda _: None)
    asking = {"name": "one", "plan": to_plain(asked), "told": []}
    found = asyncio.run(ActivityEnvironment().run(own.conclude_asking, asking, [head]))
    assert found == "stored"


def test_a_silent_host_is_asked_again_what_it_was_not_done_with(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    settle(store, items, coach)
    asked = plan(store, coach, load_roster(items), at=MONDAY + timedelta(days=7))
    before = store.unfinished(COACH)
    assert before[HOST]
    conclude(store, coach, asked, (), (), name="silent")
    assert store.unfinished(COACH) == before


def one_of(slug: str, host: str | None) -> dict[str, Any]:
    """A repository that stands on one host, or on none."""
    return {"slug": slug, "host_paths": {host: f"/srv/{slug}"} if host else {}}


@pytest.mark.parametrize("differs", ["cursors", "open windows"])
def test_what_two_owners_were_handed_is_compared_whole(
    store: Store, coach: ActivityDefinition, differs: str
) -> None:
    both = [one_of("atlas", HOST), one_of("bindery", "forge-2")]
    asked = plan(store, coach, load_roster([*both, one_of("choir", HOST)]), at=MONDAY)
    conclude(store, coach, asked, (), (), name="one")
    week = Window(start=MONDAY, end=MONDAY + timedelta(days=7))
    ahead = {HOST: asked.held[HOST], "forge-2": week} if differs == "cursors" else asked.held
    unfinished = {"forge-2": [week]} if differs == "open windows" else {}
    with store.whole():
        store.move(COACH, ahead, unfinished, asked.owners)
    # Its owner is known for as long as it has none.
    without = plan(store, coach, load_roster([*both, one_of("choir", None)]), at=MONDAY)
    assert without.held == ahead
    conclude(store, coach, without, (), (), name="two")
    moved = plan(store, coach, load_roster([*both, one_of("choir", "forge-2")]), at=MONDAY)
    assert set(moved.held.values()) == {asked.held[HOST]}
    assert moved.unfinished[HOST] == moved.unfinished["forge-2"]
    assert moved.owners["choir"] == "forge-2"


def test_a_repository_comes_back_when_the_host_that_had_it_has_left(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition
) -> None:
    for week, host in enumerate(("forge-2", None, None, HOST)):
        roster = load_roster([*items, one_of("gone", host)])
        asked = plan(store, coach, roster, at=MONDAY + timedelta(days=7 * week))
        assert conclude(store, coach, asked, (), (), name=str(week)) == "stored"
    assert asked.owners["gone"] == HOST


def test_what_is_longer_than_a_year_is_asked_in_parts(
    store: Store, items: list[dict[str, Any]], coach: ActivityDefinition, state: State,
) -> None:  # fmt: skip
    settle(store, items, coach)
    (before,) = store.held(COACH).values()
    later = MONDAY + timedelta(days=7 * 120)
    asked = plan(store, coach, load_roster(items), at=later)
    first, *parts = asked.windows(HOST)
    assert first == before
    assert [part.start for part in parts] == [before.end, *(part.end for part in parts[:-1])]
    assert parts[-1].end == asked.coming[HOST].end
    assert all(part.end - part.start <= timedelta(days=366) for part in parts)
    for part in parts:  # the library answers each
        discover_kaizen_scheduled_repos(
            Asking(roster=load_roster(items), host=HOST, definition=coach),
            start=part.start, end=part.end, now=later,
        )  # fmt: skip
    state(DUTIES, "D2 after more than two years the stretch is asked in parts that tile it",
          parts=len(parts))  # fmt: skip
