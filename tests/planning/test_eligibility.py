"""Every reason with its facts and its fix, and the order in which reasons are looked for."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.eligibility import Examiner, Exclusion, Place
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.resolver import surroundings
from kaizen_schedule.reading.errors import FaultReason, UsageError
from tests.support import definition as made

from .fleets import (
    COACH,
    DRAFTS,
    FIRES,
    HOST,
    METRICS,
    PROMPTS,
    RUNS,
    TEMPLATE,
    WEEK,
    WEEKLY,
    ZONES,
    Files,
    Fleet,
    ask,
    checkout,
    examine,
    globs,
    item,
    manifest,
    sift,
)

SRV = "/srv/ledger"
HIGH = b"---\nname: coach\nrisk: high\n---\nBe careful.\n"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fleet in which something stands in the way of ``ledger``, and what is to be said of it."""

    reason: Reason
    detail: str
    fix: str
    agent: str | None = None
    transient: bool = False
    items: tuple[Any, ...] = (item("ledger"),)
    tree: Files | FaultReason = field(default_factory=lambda: checkout(WEEKLY))
    ask: dict[str, Any] = field(default_factory=dict)
    name: str = ""


AT_COACH: dict[str, Any] = {"agent": "coach"}
PREVIEW: dict[str, Any] = {"ask": {"definition": None}}

CASES = [
    Case(
        reason=Reason.ROSTER_ENTRY_INVALID,
        items=({"slug": "ledger"},),
        detail="host_paths is missing",
        fix="mend the item where the roster is kept",
    ),
    Case(
        reason=Reason.ROSTER_ENTRY_INVALID,
        name="beside a sound one",
        items=({"slug": "ledger"}, item("ledger"), {"slug": "ledger", "host_paths": 7}),
        detail='host_paths is missing; slug "ledger" stands 3 times in the roster',
        fix="mend the item where the roster is kept",
    ),
    Case(
        reason=Reason.DUPLICATE_SLUG,
        items=(item("ledger"), item("ledger", "/srv/other"), item("ledger")),
        detail='slug "ledger" stands 3 times in the roster',
        fix="keep one of the items",
    ),
    Case(
        reason=Reason.HUB_OPTED_OUT,
        items=(item("ledger", kaizen_schedule_enabled=False),),
        detail="kaizen_schedule_enabled is false in the roster",
        fix="set it to true or null there; then the manifest decides",
    ),
    Case(
        reason=Reason.NOT_SELECTED,
        ask={"definition": globs(COACH, exclude=["led*"])},
        detail="include and exclude of weekly-coach-orientation leave it out",
        fix="change them in weekly-coach-orientation, if it shall take part",
    ),
    Case(
        reason=Reason.NOT_SELECTED,
        name="in a preview",
        **AT_COACH,
        ask={
            "definition": None,
            "definitions": (globs(COACH, include=["x"]), *(d for d in DRAFTS if d != COACH)),
        },
        detail="include and exclude of weekly-coach-orientation leave it out",
        fix="change them in weekly-coach-orientation, if it shall run",
    ),
    Case(
        reason=Reason.NO_HOST_PATH,
        items=({"slug": "ledger", "host_paths": {}},),
        detail="host_paths is empty: no host has a checkout",
        fix="add the path of a checkout to host_paths",
    ),
    Case(
        reason=Reason.HOST_UNREACHABLE,
        transient=True,
        ask={"hosts": ("forge-2",), "host": "forge-2"},
        detail='no participating host has a checkout; there is one on "forge-1"',
        fix="let one of them take part (--hosts), or add a path for a host that does",
    ),
    Case(
        reason=Reason.OTHER_HOST,
        items=({"slug": "ledger", "host_paths": {"forge-1": SRV, "forge-0": SRV}},),
        detail="forge-0 runs it",
        fix="",
    ),
    Case(
        reason=Reason.DUPLICATE_PATH,
        items=(item("ledger", "/srv/./atlas/"), item("atlas")),
        detail='"/srv/./atlas/" is the checkout of "atlas" too',
        fix="register a checkout once, or give each slug a checkout of its own",
    ),
    Case(
        reason=Reason.PATH_MISSING,
        transient=True,
        tree=FaultReason.MISSING,
        detail='"/srv/ledger" is missing',
        fix="clone it there, or mend host_paths in the roster",
    ),
    Case(
        reason=Reason.NOT_A_REPOSITORY,
        tree={"README.md": b"hello"},
        detail=f'"/srv/ledger" holds neither .git nor {MANIFEST_PATH}',
        fix="name the folder that holds .git in host_paths",
    ),
    Case(
        reason=Reason.NOT_A_REPOSITORY,
        name="a pipe called .git",
        tree={".git": FaultReason.NOT_REGULAR},
        detail=f'"/srv/ledger" holds neither .git nor {MANIFEST_PATH}',
        fix="name the folder that holds .git in host_paths",
    ),
    Case(
        reason=Reason.NOT_A_REPOSITORY,
        name="a file",
        tree=FaultReason.NOT_REGULAR,
        detail='"/srv/ledger" is not-regular',
        fix="name the folder that holds .git in host_paths",
    ),
    *(
        Case(
            reason=Reason.UNREADABLE,
            name=f"{what} {fault}",
            transient=True,
            tree=fault if what == "path" else {".git/HEAD": b"", MANIFEST_PATH: fault},
            detail=f'"/srv/ledger" is {fault}' if what == "path" else f"{MANIFEST_PATH} is {fault}",
            fix="make it readable for the user that runs this"
            if what == "path"
            else "make it a regular file inside the repository that may be read",
        )
        for what, fault in [
            ("path", FaultReason.UNREADABLE),
            ("path", FaultReason.LINK_LOOP),
            ("manifest", FaultReason.UNREADABLE),
            ("manifest", FaultReason.OUTSIDE),
            ("manifest", FaultReason.LINK_LOOP),
            ("manifest", FaultReason.NOT_REGULAR),
        ]
    ),
    Case(
        reason=Reason.UNREADABLE,
        name="metrics",
        transient=True,
        ask={"definition": METRICS},
        tree=checkout(files={".kaizen/metrics/coach/executions.jsonl": b"{}"})
        | {".kaizen/metrics": FaultReason.UNREADABLE},
        detail=".kaizen/metrics is unreadable",
        fix="make it readable for the user that runs this",
    ),
    Case(
        reason=Reason.MANIFEST_MISSING,
        tree={".git/HEAD": b""},
        detail=f"there is no {MANIFEST_PATH}",
        fix="kaizen-agentic schedule init --target /srv/ledger",
    ),
    Case(
        reason=Reason.MANIFEST_MISSING,
        name="a worktree",
        tree={".git": b"gitdir: /elsewhere\n"},
        detail=f"there is no {MANIFEST_PATH}",
        fix="kaizen-agentic schedule init --target /srv/ledger",
    ),
    Case(
        reason=Reason.MANIFEST_TOO_NEW,
        tree=checkout("coach: {cadence: fortnightly}", version='"2"'),
        detail='version "2" is newer than this program, which reads 1',
        fix="upgrade kaizen-schedule on this host",
    ),
    Case(
        reason=Reason.MANIFEST_TOO_NEW,
        name="behind a key that stands twice",
        tree={MANIFEST_PATH: b'team: a\nteam: b\nversion: "2"\n'},
        detail='version "2" is newer than this program, which reads 1',
        fix="upgrade kaizen-schedule on this host",
    ),
    Case(
        reason=Reason.MANIFEST_INVALID,
        tree=checkout("coach: {cadence: weely}", "tdd-workflow: {}"),
        detail="2 errors, first at .kaizen/schedule.yml:4:20: "
        'KS204 unknown cadence "weely" for agent coach',
        fix="kaizen-agentic schedule validate /srv/ledger",
    ),
    Case(
        reason=Reason.MANIFEST_INVALID,
        name="empty",
        tree={MANIFEST_PATH: b""},
        detail="1 error, first at .kaizen/schedule.yml:1:1: KS201 the manifest is empty",
        fix="kaizen-agentic schedule validate /srv/ledger",
    ),
    Case(
        reason=Reason.MANIFEST_INVALID,
        name="too large",
        tree={MANIFEST_PATH: b"#" * (1 << 20) + b"#"},
        detail=f"{MANIFEST_PATH} holds more than 1,048,576 bytes",
        fix="a manifest fits in a few kilobytes",
    ),
    Case(
        reason=Reason.REPOSITORY_DISABLED,
        tree=checkout(WEEKLY, more="enabled: false"),
        detail=f"enabled: false in {MANIFEST_PATH} switches the repository off",
        fix="kaizen-agentic schedule enable --target /srv/ledger",
    ),
    *(
        Case(
            reason=Reason.NO_METRICS,
            name=name,
            ask={"definition": METRICS},
            tree=checkout(WEEKLY, files=files),
            detail="no run is recorded beneath .kaizen/metrics",
            fix="nothing: it comes with the first recorded run",
        )
        for name, files in [
            ("no folder", {}),
            ("empty file", {RUNS: b""}),
            ("another file", {".kaizen/metrics/coach/notes.md": b"hello"}),
            ("a folder of that name", {f"{RUNS}/x": b"hello"}),
        ]
    ),
    Case(
        reason=Reason.AGENT_NOT_SCHEDULED,
        **AT_COACH,
        tree=checkout("Coach: {cadence: weekly}"),
        detail=f"coach has no entry in {MANIFEST_PATH}",
        fix="to schedule it, add coach: under agents:",
    ),
    Case(
        reason=Reason.AGENT_DISABLED,
        **AT_COACH,
        tree=checkout("coach: {cadence: weekly, enabled: false}"),
        detail="enabled: false in the entry coach",
        fix="kaizen-agentic schedule enable coach --target /srv/ledger",
    ),
    Case(
        reason=Reason.AGENT_NOT_INSTALLED,
        agent="poet",
        **PREVIEW,
        tree=checkout("poet: {cadence: weekly}"),
        detail="there is no prompt for agent poet",
        fix="put it at agents/agent-poet.md",
    ),
    Case(
        reason=Reason.AGENT_NOT_INSTALLED,
        name="unreadable, though one is packaged",
        **AT_COACH,
        tree=checkout(WEEKLY, files={"agents/agent-coach.md": FaultReason.OUTSIDE}),
        detail="the prompt of agent coach cannot be used: agents/agent-coach.md is outside",
        fix="make it a regular text file of this repository, or remove it",
    ),
    Case(
        reason=Reason.REVIEW_MISSING,
        **AT_COACH,
        tree=checkout(WEEKLY, files={"agents/agent-coach.md": HIGH}),
        detail="agent coach has risk: high and its entry has no review: required",
        fix="add review: required to the entry",
    ),
    Case(
        reason=Reason.CADENCE_DIFFERS,
        **AT_COACH,
        tree=checkout("coach: {cadence: daily}"),
        detail="weekly-coach-orientation asks for weekly, the entry is daily",
        fix="write cadence: weekly",
    ),
    Case(
        reason=Reason.NO_DEFINITION,
        **AT_COACH,
        **PREVIEW,
        tree=checkout("coach: {cadence: daily}"),
        detail="no definition is for coach, daily: nobody fires it",
        fix="add a definition, or choose a cadence that has one",
    ),
    Case(
        reason=Reason.TOO_FREQUENT,
        **AT_COACH,
        tree=checkout('coach: {cadence: weekly, cron: "0-48 9 * * 1"}'),
        detail='cron "0-48 9 * * 1" fires 49 times on some day',
        fix="let it fire 48 times a day at most",
    ),
    Case(
        reason=Reason.MISSED,
        **AT_COACH,
        ask={"now": FIRES + timedelta(days=7)},
        detail="expired by now: 2026-11-30T08:00:00Z",
        fix="nothing if it was handed out before; else ask without gaps, or prepare it by hand",
    ),
    Case(
        reason=Reason.NOT_DUE,
        **AT_COACH,
        tree=checkout('coach: {cadence: weekly, cron: "0 9 24 12 *"}'),
        detail="nothing falls into the window: "
        'cron "0 9 24 12 *" in Europe/Berlin has no time in it',
        fix="",
    ),
]


def told_of(case: Case) -> list[Exclusion]:
    trees = {SRV: case.tree, "/srv/other": checkout(WEEKLY), "/srv/atlas": checkout(WEEKLY)}
    found = ask(case.items, trees, list_not_scheduled=True, **case.ask)
    assert "ledger" not in {run.repo for run in found.scheduled_runs}
    assert "ledger" not in {run.repo for run in found.repos}
    return [e for e in found.exclusions if e.repo == "ledger"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.reason} {c.name}".strip())
def test_each_reason_tells_the_facts_and_a_fix(case: Case) -> None:
    (told,) = told_of(case)
    assert (told.reason, told.agent) == (case.reason, case.agent)
    assert told.detail == case.detail
    assert told.fix == case.fix
    assert told.transient is case.transient
    manifest_s_own = (Reason.MANIFEST_INVALID, Reason.MANIFEST_TOO_NEW)
    if case.name != "too large":
        assert bool(told.diagnostics) == (case.reason in manifest_s_own)


def test_no_reason_is_left_out() -> None:
    assert {case.reason for case in CASES} == set(Reason)
    assert len(Reason) == 25


def test_commands_among_the_fixes_are_of_the_cli() -> None:
    words = [shlex.split(case.fix) for case in CASES if case.fix.startswith("kaizen-agentic")]
    assert {(word[1], word[2]) for word in words} == {
        ("schedule", name) for name in ("init", "validate", "enable")
    }


# --- Order -----------------------------------------------------------------------------------


NOT_LEDGER = globs(COACH, exclude=["ledger"])


@dataclass(kw_only=True)
class Scene:
    """A repository with everything wrong with it, that is mended one fault at a time."""

    flag: object = 7
    items: int = 2
    definition: ActivityDefinition = NOT_LEDGER
    paths: dict[str, str] = field(default_factory=dict)
    tree: dict[str, Any] | FaultReason = FaultReason.MISSING
    version: str = '"3"'
    enabled: str = "false"
    entry: dict[str, str] = field(default_factory=dict)
    now: timedelta = timedelta(days=400)

    def put(self, files: Files) -> Scene:
        """Add files; an empty manifest stands for the one that is made of the rest."""
        assert isinstance(self.tree, dict)
        self.tree |= files
        return self

    def set(self, **values: object) -> Scene:
        """Change something."""
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def told(self) -> list[Reason]:
        one = {"slug": "ledger", "host_paths": self.paths, "kaizen_schedule_enabled": self.flag}
        others = [item("atlas"), *[one | {"kaizen_schedule_enabled": None}] * (self.items - 1)]
        tree = self.tree
        if isinstance(tree, dict) and tree.get(MANIFEST_PATH) == b"":
            entry = ", ".join(f"{key}: {value}" for key, value in self.entry.items())
            entries = [f"coach: {{{entry}}}"] if entry else []
            head = {"version": self.version, "more": f"enabled: {self.enabled}"}
            tree = tree | {MANIFEST_PATH: manifest(*entries, **head)}
        trees = {SRV: tree, "/srv/atlas": checkout(WEEKLY)}
        found = ask(
            [one, *others],
            trees,
            definition=self.definition,
            hosts=("forge-0", HOST),
            now=FIRES + self.now,
            list_not_scheduled=True,
        )
        runs = [run.repo for run in found.scheduled_runs if run.repo == "ledger"]
        assert len(runs) == (self.now == DAY)
        return [e.reason for e in found.exclusions if e.repo == "ledger"]


PROMPT = "agents/agent-coach.md"
UNREADABLE = FaultReason.UNREADABLE
DAY = timedelta(days=1)
OFTEN = {"cadence": "daily", "cron": '"* * * * 1"', "enabled": "false"}

# Each step names the fault that is told, and mends it.
STEPS: list[tuple[Reason, Callable[[Scene], object]]] = [
    (Reason.ROSTER_ENTRY_INVALID, lambda s: s.set(flag=False)),
    (Reason.DUPLICATE_SLUG, lambda s: s.set(items=1)),
    (Reason.HUB_OPTED_OUT, lambda s: s.set(flag=None)),
    (Reason.NOT_SELECTED, lambda s: s.set(definition=COACH)),
    (Reason.NO_HOST_PATH, lambda s: s.paths.update({"forge-9": "/srv/atlas"})),
    (
        Reason.HOST_UNREACHABLE,
        lambda s: s.paths.update({HOST: "/srv/atlas", "forge-0": "/srv/atlas"}),
    ),
    (Reason.OTHER_HOST, lambda s: s.paths.pop("forge-0")),
    (Reason.DUPLICATE_PATH, lambda s: s.paths.update({HOST: SRV})),
    (Reason.PATH_MISSING, lambda s: s.set(tree={})),
    (Reason.NOT_A_REPOSITORY, lambda s: s.put({MANIFEST_PATH: FaultReason.UNREADABLE})),
    (Reason.UNREADABLE, lambda s: s.set(tree={".git/HEAD": b""})),
    (Reason.MANIFEST_MISSING, lambda s: s.put({MANIFEST_PATH: b"", RUNS: b""})),
    (Reason.MANIFEST_TOO_NEW, lambda s: s.set(version="1")),
    (Reason.MANIFEST_INVALID, lambda s: s.set(version='"1"')),
    (Reason.REPOSITORY_DISABLED, lambda s: s.set(enabled="true")),
    (Reason.AGENT_NOT_SCHEDULED, lambda s: s.entry.update(OFTEN)),
    (Reason.AGENT_DISABLED, lambda s: s.put({PROMPT: UNREADABLE}).entry.pop("enabled")),
    (Reason.AGENT_NOT_INSTALLED, lambda s: s.put({PROMPT: HIGH})),
    (Reason.REVIEW_MISSING, lambda s: s.entry.update({"review": "required"})),
    (Reason.CADENCE_DIFFERS, lambda s: s.entry.update({"cadence": "weekly"})),
    (Reason.TOO_FREQUENT, lambda s: s.entry.update({"cron": '"0 10 * * 4"'})),
    (Reason.MISSED, lambda s: s.entry.update({"cron": '"0 10 24 12 *"'})),
    (Reason.NOT_DUE, lambda s: s.set(now=DAY).entry.update({"cron": '"0 10 * * 4"'})),
]


def test_of_several_faults_the_first_in_order_is_told() -> None:
    scene = Scene()
    for reason, mend in STEPS:
        assert scene.told() == [reason]
        mend(scene)
    assert scene.told() == []
    order = list(Reason)
    left = [order.index(reason) for reason, _ in STEPS]
    assert left == sorted(left)
    # Two stand apart: one asks about repositories, the other comes in previews alone.
    assert set(Reason) - {reason for reason, _ in STEPS} == {
        Reason.NO_METRICS,
        Reason.NO_DEFINITION,
    }


def test_a_repository_that_is_off_is_told_before_its_metrics() -> None:
    tree = checkout(WEEKLY, more="enabled: false")
    assert examine(tree, definition=METRICS).exclusions[0].reason is Reason.REPOSITORY_DISABLED


def test_in_a_preview_a_missing_definition_is_told_before_too_many_fires() -> None:
    tree = checkout('coach: {cadence: daily, cron: "* * * * *"}')
    (told,) = examine(tree, definition=None).exclusions
    assert told.reason is Reason.NO_DEFINITION
    (told,) = examine(tree, definition=None, definitions=[daily()]).exclusions
    assert told.reason is Reason.TOO_FREQUENT


def daily() -> ActivityDefinition:
    return made("coach", Cadence.DAILY, cron="0 9 * * *")


# --- The roster ------------------------------------------------------------------------------


def test_one_slug_has_one_exclusion_and_items_without_one_are_all_told() -> None:
    faulty: list[Any] = [7, {"slug": "a"}, None, {"slug": "a", "host_paths": 1}, {}, 7]
    places, told = sift([*faulty, item("a"), item("b"), item("b"), item("c")])
    assert [place.repo for place in places] == ["c"]
    assert [(e.repo, e.reason) for e in told] == [
        ("", Reason.ROSTER_ENTRY_INVALID),
        ("", Reason.ROSTER_ENTRY_INVALID),
        ("", Reason.ROSTER_ENTRY_INVALID),
        ("", Reason.ROSTER_ENTRY_INVALID),
        ("a", Reason.ROSTER_ENTRY_INVALID),
        ("b", Reason.DUPLICATE_SLUG),
    ]


def test_a_path_is_the_smallest_slug_s_among_those_that_are_looked_into() -> None:
    items = [
        item("c", "/srv/x"),
        item("b", "/srv//x"),
        item("a", "/srv/x", kaizen_schedule_enabled=False),
        {"slug": "aa", "host_paths": {"forge-0": "/srv/y", HOST: "/srv/x"}},
    ]
    places, told = sift(items)
    assert places == (("b", "/srv//x"),)
    assert {e.repo: e.reason for e in told} == {
        "a": Reason.HUB_OPTED_OUT,
        "aa": Reason.OTHER_HOST,
        "c": Reason.DUPLICATE_PATH,
    }


@pytest.mark.parametrize("enabled", [True, None])
def test_other_flags_leave_it_to_the_manifest(enabled: bool | None) -> None:
    places, told = sift([item("ledger", kaizen_schedule_enabled=enabled)])
    assert ([place.repo for place in places], told) == (["ledger"], ())


def test_a_host_that_does_not_take_part_has_nothing_to_look_into() -> None:
    places, told = sift([item("a"), item("b", host="forge-2")], hosts=[HOST], host="forge-2")
    assert places == ()
    assert [e.reason for e in told] == [Reason.OTHER_HOST, Reason.HOST_UNREACHABLE]


def test_hostile_texts_of_the_roster_are_told_safely() -> None:
    nasty = "a\n\x1b[31merror: \u202e"
    items = [
        {"slug": nasty, "host_paths": {}},
        {"slug": nasty + "1"},
        {"slug": nasty + "2", "host_paths": {nasty: "/a"}},
        {"slug": nasty + "3", "host_paths": {HOST: f"/{nasty}"}},
        {"slug": nasty + "4", "host_paths": {HOST: f"/{nasty}/"}},
        *[{"slug": nasty + "5", "host_paths": {}}] * 2,
    ]
    for hosts in ([HOST, nasty], [HOST]):
        found = ask(items, {}, hosts=hosts)
        assert len(found.exclusions) == 6
        for told in found.exclusions:
            assert told.detail.isprintable()
            assert told.fix.isprintable()


# --- The checkout ----------------------------------------------------------------------------


def test_only_what_a_host_owns_is_opened_and_only_once() -> None:
    fleet = Fleet({"/srv/a": checkout(WEEKLY), "/srv/b": checkout(WEEKLY)})
    items = [item("a"), item("b"), item("c", "/srv/a"), item("d", host="forge-2"), 7]
    ask(items, fleet)
    assert fleet.opened == ["/srv/a", "/srv/b"]


def test_a_preview_looks_at_every_entry() -> None:
    tree = checkout(
        WEEKLY,
        "optimization: {cadence: weekly, cron: '0 7 * * 3'}",
        "tdd-workflow: {cadence: monthly, enabled: false}",
        "poet: {cadence: weekly}",
        "sys-medic: {cadence: weekly}",
    )
    found = examine(tree, definition=None)
    assert [(r.agent, r.definition.id, r.timing.cron) for r in found.runnable] == [
        ("coach", "weekly-coach-orientation", "0 9 * * 1"),
        ("optimization", "weekly-optimization-review", "0 7 * * 3"),
    ]
    assert {e.agent: e.reason for e in found.exclusions} == {
        "tdd-workflow": Reason.AGENT_DISABLED,
        "poet": Reason.AGENT_NOT_INSTALLED,
        "sys-medic": Reason.REVIEW_MISSING,
    }


def test_a_review_lets_an_agent_of_high_risk_run() -> None:
    asking = made("sys-medic", Cadence.WEEKLY)
    tree = checkout("sys-medic: {cadence: weekly, review: required}")
    assert [r.agent for r in examine(tree, definition=asking).runnable] == ["sys-medic"]
    low = b"---\nname: sys-medic\nrisk: low\n---\nTrust me.\n"
    tree = checkout("sys-medic: {cadence: weekly}", files={"agents/agent-sys-medic.md": low})
    (told,) = examine(tree, definition=asking).exclusions
    assert told.reason is Reason.REVIEW_MISSING


def test_the_repository_s_own_prompt_can_be_run() -> None:
    asking = made("poet", Cadence.WEEKLY)
    for path in ("agents/agent-poet.md", ".claude/agents/poet.md"):
        tree = checkout("poet: {cadence: weekly}", files={path: b"Write a poem."})
        assert len(examine(tree, definition=asking).runnable) == 1


def test_forty_eight_times_a_day_is_not_too_often() -> None:
    tree = checkout('coach: {cadence: weekly, cron: "*/30 * * * *"}')
    assert len(examine(tree).runnable) == 1


def test_many_errors_are_counted_and_a_hundred_listed() -> None:
    tree = checkout(*(f"a{n}: {{cadence: often}}" for n in range(300)))
    (told,) = examine(tree).exclusions
    assert told.detail.startswith("300 errors, first at .kaizen/schedule.yml:4:")
    assert len(told.diagnostics) == 100


def test_a_text_that_was_checked_before_is_the_same_for_another_repository() -> None:
    trees = {f"/srv/{slug}": checkout("coach: {cadence: often}") for slug in "abc"}
    trees["/srv/b"] = checkout(WEEKLY)
    found = ask([item(slug) for slug in "cba"], trees)
    assert [(e.repo, e.reason) for e in found.exclusions] == [
        ("a", Reason.MANIFEST_INVALID),
        ("c", Reason.MANIFEST_INVALID),
    ]
    assert found.exclusions[0].diagnostics == found.exclusions[1].diagnostics
    assert [run.repo for run in found.scheduled_runs] == ["b"]


@pytest.mark.parametrize("order", ["abcdef", "fedcba", "cafebd"])
def test_a_repository_s_prompt_counts_there_and_nowhere_else(order: str) -> None:
    first, second = "agents/agent-coach.md", ".claude/agents/coach.md"
    held: dict[str, Files] = {
        "a": {},
        "b": {first: HIGH},
        "c": {second: FaultReason.OUTSIDE},
        "d": {first: b"Be kind."},
        "e": {second: HIGH, first: FaultReason.MISSING},
        "f": {},
    }
    around = surroundings(COACH, DRAFTS, PROMPTS, hosts=(HOST,), host=HOST, zones=ZONES)
    trees = {f"/srv/{slug}": checkout(WEEKLY, files=files) for slug, files in held.items()}
    examiner = Examiner(around, Fleet(trees).open)
    found = {slug: examiner.examine(Place(slug, f"/srv/{slug}")) for slug in order}
    excluded = {(e.repo, e.reason) for told in found.values() for e in told.exclusions}
    assert excluded == {
        ("b", Reason.REVIEW_MISSING),
        ("c", Reason.AGENT_NOT_INSTALLED),
        ("e", Reason.REVIEW_MISSING),
    }
    assert found["a"].runnable == found["d"].runnable == found["f"].runnable != ()


def test_the_globs_of_a_preview_are_asked_of_each_repository() -> None:
    definitions = (globs(COACH, exclude=["b"]), *(d for d in DRAFTS if d != COACH))
    trees = {f"/srv/{slug}": checkout(WEEKLY) for slug in "abc"}
    found = ask([item(slug) for slug in "abc"], trees, definition=None, definitions=definitions)
    assert [run.repo for run in found.scheduled_runs] == ["a", "c"]
    assert [(e.repo, e.reason) for e in found.exclusions] == [("b", Reason.NOT_SELECTED)]


@pytest.mark.parametrize("path", ["/srv/a b", "/srv/$(x)", "/srv/a'b", "/srv/-x"])
def test_commands_among_the_fixes_hold_the_path_exactly(path: str) -> None:
    (told,) = examine({".git/HEAD": b""}, path=path).exclusions
    assert shlex.split(told.fix) == ["kaizen-agentic", "schedule", "init", "--target", path]


@pytest.mark.parametrize("path", ["/srv/a\nb", "/srv/\u202eb", f"/srv/ghp_{'a1B2' * 9}"])
def test_what_cannot_be_printed_is_left_out_of_a_fix(path: str) -> None:
    (told,) = examine({".git/HEAD": b""}, path=path).exclusions
    assert told.fix == "kaizen-agentic schedule init"


def test_a_template_asks_for_nothing() -> None:
    with pytest.raises(UsageError, match="weekly-agent-run is a template: it has no agent") as told:
        ask([], {}, definition=TEMPLATE)
    assert told.value.fix


def test_an_asking_definition_comes_before_those_that_are_known() -> None:
    changed = replace(COACH, id="mine", trigger=replace(COACH.trigger, cron="0 12 * * 2"))
    found = ask([item("ledger")], {SRV: checkout(WEEKLY)}, definition=changed, window=WEEK)
    (run,) = found.scheduled_runs
    assert (run.cron, run.definition, found.definition) == ("0 12 * * 2", "mine", "mine")


def test_a_defect_costs_one_repository_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a secret of the file")

    items = [item("ledger"), item("quarry")]
    monkeypatch.setattr("kaizen_schedule.planning.eligibility._weigh", odd)
    found = ask(items, {item["host_paths"][HOST]: checkout(WEEKLY) for item in items}, defects=True)
    assert [(one.repo, one.agent, one.reason) for one in found.exclusions] == [
        ("ledger", None, Reason.UNREADABLE),
        ("quarry", None, Reason.UNREADABLE),
    ]
    (detail, _) = (one.detail for one in found.exclusions)
    assert detail.startswith("a defect of this program: ZeroDivisionError in odd, line ")
    assert found.exclusions[0].transient
