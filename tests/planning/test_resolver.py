"""The answer: every field of a run, what is missed, and a digest that names what was found."""

from __future__ import annotations

import hashlib
import random
import shlex
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import ActivityDefinition, CronOrigin, RepoRun, Run
from kaizen_schedule.planning.eligibility import Exclusion
from kaizen_schedule.planning.manifest import MANIFEST_PATH, Review
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.resolver import Resolution, digest_of
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.reading.codec import dumps, to_plain
from tests.support import definition as made

from .fleets import (
    COACH,
    DRAFTS,
    FIRES,
    HOST,
    METRICS,
    RUNS,
    WEEK,
    WEEKLY,
    ZONES,
    ask,
    checkout,
    item,
    policy,
)

SLUG = "team/my ledger"
PATH = "/srv/my ledger"
THURSDAY = "coach: {cadence: weekly, cron: '0 10 * * 4'}"
DAY = timedelta(days=1)


def plain(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def late(slug: str, name: str, window: int = 1800) -> timedelta:
    """The stagger, by the contract's own words."""
    first = hashlib.sha256(f"{slug}\0{name}".encode()).digest()[:8]
    return timedelta(seconds=sum(b << 8 * n for n, b in enumerate(reversed(first))) % window)


# --- Runs ------------------------------------------------------------------------------------


def test_every_field_of_a_run() -> None:
    tree = checkout("coach: {cadence: weekly, cron: '30 10 * * THU', review: required}")
    found = ask([item(SLUG, PATH)], {PATH: tree})
    (run,) = found.scheduled_runs
    scheduled = datetime(2026, 12, 3, 9, 30, tzinfo=UTC)
    not_before = scheduled + late(SLUG, "coach")
    expires = not_before + 6 * DAY
    key = "team%2Fmy%20ledger:coach:2026-12-03T09:30:00Z"
    argv = (
        "kaizen-agentic", "schedule", "prepare", "coach", "--target", PATH, "--run", key,
        "--definition", "weekly-coach-orientation", "--expires-at", f"{expires:%Y-%m-%dT%H:%M:%SZ}",
    )  # fmt: skip
    assert plain(run) == {
        "repo": SLUG,
        "agent": "coach",
        "definition": "weekly-coach-orientation",
        "cadence": Cadence.WEEKLY,
        "cron": "30 10 * * THU",
        "cron_origin": CronOrigin.ENTRY,
        "timezone": "Europe/Berlin",
        "scheduled_for": scheduled,
        "scheduled_for_utc": scheduled,
        "not_before": not_before,
        "expires_at": expires,
        "host": HOST,
        "path": PATH,
        "idempotency_key": key,
        "concurrency_key": f"{HOST}:{PATH}",
        "labels": ("kaizen", "agent:coach", "cadence:weekly"),
        "review": Review.REQUIRED,
        "manifest_sha256": hashlib.sha256(tree[MANIFEST_PATH]).hexdigest(),
        "argv": argv,
        "command": shlex.join(argv),
    }
    assert run.scheduled_for.isoformat() == "2026-12-03T10:30:00+01:00"
    assert [m.tzinfo for m in (run.scheduled_for_utc, run.not_before, run.expires_at)] == [UTC] * 3


def test_every_field_of_the_answer() -> None:
    roster = load_roster([item("ledger"), item("atlas"), 7])
    found = ask(
        roster,
        {"/srv/ledger": checkout(WEEKLY)},
        hosts=(HOST, "forge-0", HOST),
        now=FIRES.astimezone(ZONES.zones["Asia/Kolkata"]),
    )
    assert {name: value for name, value in plain(found).items() if name not in ("digest",)} == {
        "schema_version": found.schema_version,
        "tool_version": found.tool_version,
        "window": WEEK,
        "now": FIRES,
        "host": HOST,
        "hosts": ("forge-0", HOST),
        "definition": "weekly-coach-orientation",
        "roster_digest": roster.digest,
        "tzdata_version": ZONES.version,
        "scheduled_runs": found.scheduled_runs,
        "repos": (),
        "exclusions": found.exclusions,
        "counts": found.counts,
    }
    assert found.now.tzinfo is UTC
    assert plain(found.counts) == {
        "registered": 3,
        "scheduled_runs": 1,
        "repos": 0,
        "exclusions": 2,
        "reasons": {"roster-entry-invalid": 1, "path-missing": 1},
    }
    assert list(found.counts.reasons) == ["roster-entry-invalid", "path-missing"]
    assert [(e.repo, e.reason) for e in found.exclusions] == [
        ("", Reason.ROSTER_ENTRY_INVALID),
        ("atlas", Reason.PATH_MISSING),
    ]


@pytest.mark.parametrize(
    ("entry", "definitions", "cron", "zone", "origin"),
    [
        ("coach: {cadence: weekly}", DRAFTS, "0 9 * * 1", "Europe/Berlin", "definition"),
        ("coach: {cadence: weekly}", (), "0 9 * * 1", "Europe/Berlin", "definition"),
        (
            "coach: {cadence: weekly, cron: '0 7 * * 2'}",
            DRAFTS, "0 7 * * 2", "Asia/Kolkata", "entry",
        ),
    ],
)  # fmt: skip
def test_cron_and_zone_are_the_timetable_s(
    entry: str, definitions: tuple[ActivityDefinition, ...], cron: str, zone: str, origin: str
) -> None:
    tree = checkout(entry, timezone="Asia/Kolkata")
    found = ask([item("ledger")], {"/srv/ledger": tree}, definitions=definitions)
    (run,) = found.scheduled_runs
    assert (run.cron, run.timezone, run.cron_origin.value) == (cron, zone, origin)
    assert run.scheduled_for.tzinfo is ZONES.zones[zone]


def test_a_window_takes_its_start_and_leaves_its_end() -> None:
    trees = {"/srv/ledger": checkout("coach: {cadence: weekly, cron: '*/30 9 * * *'}")}
    start = datetime(2026, 12, 1, 8, tzinfo=UTC)
    for minutes, handed in [(1, 1), (30, 1), (31, 2), (60, 2)]:
        window = Window(start=start, end=start + timedelta(minutes=minutes))
        assert len(ask([item("ledger")], trees, window=window).scheduled_runs) == handed


def test_runs_are_sorted_by_instant_then_repository_then_agent() -> None:
    trees = {
        f"/srv/{slug}": checkout(
            WEEKLY, "optimization: {cadence: weekly, cron: '0 9 * * 1,3'}", timezone=zone
        )
        for slug, zone in [("b", "Asia/Kolkata"), ("a", "America/New_York"), ("c", "UTC")]
    }
    found = ask([item(slug) for slug in "cab"], trees, definition=None)
    order = [(r.scheduled_for_utc, r.repo, r.agent) for r in found.scheduled_runs]
    assert order == sorted(order)
    assert len(order) == 3 + 3 * 2


def test_labels_are_rendered_and_safe() -> None:
    labels = ("kaizen", "repo:{{ run.repo }}", "at:{{ run.scheduled_for }}")
    asking = replace(COACH, task=replace(COACH.task, labels=labels))
    tree = {"/srv/x": checkout(WEEKLY)}
    (run,) = ask([item("a\n{{ run.path }}", "/srv/x")], tree, definition=asking).scheduled_runs
    assert run.labels == (
        "kaizen",
        "repo:a\\n{{ run.path }}",
        "at:2026-11-30T09:00:00+01:00",
    )


def test_labels_are_each_run_s_own() -> None:
    labels = ("{{ run.agent }}", "{{ run.cadence }} {{ run.timezone }}", "{{ run.scheduled_for }}")
    drafts = tuple(replace(d, task=replace(d.task, labels=labels)) for d in DRAFTS)
    entries = ("coach: {cadence: weekly, cron: '*/30 2 * * 0'}", "optimization: {cadence: weekly}")
    trees = {
        "/srv/a": checkout(*entries),
        "/srv/b": checkout(*entries, timezone="UTC"),
        "/srv/c": checkout(*entries),
    }
    day = datetime(2026, 10, 25, tzinfo=UTC)  # when Berlin's clocks are put back
    found = ask(
        [item(slug) for slug in "abc"], trees, definition=None, definitions=drafts,
        window=Window(start=day, end=day + 7 * DAY), now=day,
    ).scheduled_runs  # fmt: skip
    assert len(found) == 4 + 2 + 4 + 3
    for run in found:
        written = to_plain(run.scheduled_for)
        assert run.labels == (run.agent, f"{run.cadence} {run.timezone}", written)


@pytest.mark.parametrize(
    ("stagger", "expires"), [("PT0S", "PT1H"), ("PT1S", "P1D"), ("P1D", "P2W")]
)
def test_a_policy_s_durations_are_followed(stagger: str, expires: str) -> None:
    asking = policy(COACH, stagger_window=stagger, expires_after=expires)
    (run,) = ask([item("x")], {"/srv/x": checkout(WEEKLY)}, definition=asking).scheduled_runs
    seconds = {"PT0S": 0, "PT1S": 1, "P1D": 86400}[stagger]
    expected = late("x", "coach", seconds) if seconds else timedelta()
    assert run.not_before == FIRES + expected
    life = {"PT1H": DAY / 24, "P1D": DAY, "P2W": 14 * DAY}[expires]
    assert run.expires_at == run.not_before + life


def test_asking_twice_gives_the_same_keys_and_overlap_does_too() -> None:
    trees = {"/srv/ledger": checkout("coach: {cadence: weekly, cron: '0 */6 * * *'}")}
    keys = [
        {run.idempotency_key for run in ask([item("ledger")], trees, window=w).scheduled_runs}
        for w in (WEEK, WEEK, Window(start=FIRES + DAY, end=FIRES + 3 * DAY))
    ]
    assert keys[0] == keys[1] > keys[2]
    assert len(keys[0]) == 7 * 4


# --- Clock changes ---------------------------------------------------------------------------


def test_both_passes_of_a_repeated_hour_are_runs_of_their_own() -> None:
    trees = {"/srv/ledger": checkout("coach: {cadence: weekly, cron: '*/30 2 * * *'}")}
    day = datetime(2026, 10, 25, tzinfo=UTC)
    found = ask(
        [item("ledger")], trees, window=Window(start=day, end=day + DAY), now=day
    ).scheduled_runs
    assert [run.scheduled_for.isoformat() for run in found] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+01:00",
    ]
    assert len({run.idempotency_key for run in found}) == 4


def test_repositories_are_sorted_on_the_time_line() -> None:
    asking = replace(METRICS, trigger=replace(METRICS.trigger, cron="*/30 2 * * *"))
    trees = {f"/srv/{slug}": checkout(files={RUNS: b"{}"}) for slug in "ab"}
    day = datetime(2026, 10, 25, tzinfo=UTC)
    found = ask(
        [item("b"), item("a")],
        trees,
        definition=asking,
        window=Window(start=day, end=day + DAY),
        now=day,
    ).repos
    order = [(run.scheduled_for.astimezone(UTC), run.repo) for run in found]
    assert len(order) == 8
    assert order == sorted(order)


# --- Repositories ----------------------------------------------------------------------------


def test_every_field_of_a_repository_that_is_handed_out_whole() -> None:
    found = ask([item(SLUG, PATH)], {PATH: checkout(files={RUNS: b"{}"})}, definition=METRICS)
    (run,) = found.repos
    scheduled = datetime(2026, 11, 30, 10, tzinfo=UTC)
    not_before = scheduled + late(SLUG, "weekly-metrics-optimize")
    argv = ("kaizen-agentic", "metrics", "optimize", "--target", PATH)
    assert plain(run) == {
        "repo": SLUG,
        "definition": "weekly-metrics-optimize",
        "host": HOST,
        "path": PATH,
        "scheduled_for": scheduled,
        "not_before": not_before,
        "expires_at": not_before + 6 * DAY,
        "idempotency_key": "team%2Fmy%20ledger:weekly-metrics-optimize:2026-11-30T10:00:00Z",
        "concurrency_key": f"{HOST}:{PATH}",
        "labels": ("kaizen", "metrics"),
        "argv": argv,
        "command": shlex.join(argv),
    }
    assert run.scheduled_for.isoformat() == "2026-11-30T11:00:00+01:00"
    assert (found.scheduled_runs, found.exclusions, found.counts.repos) == ((), (), 1)


def test_what_is_wrong_with_an_entry_is_nothing_to_a_whole_repository() -> None:
    tree = checkout("poet: {cadence: weekly, enabled: false}", files={RUNS: b"{}"})
    assert len(ask([item("a")], {"/srv/a": tree}, definition=METRICS).repos) == 1


def test_a_whole_repository_can_be_missed_and_not_due() -> None:
    trees = {"/srv/a": checkout(files={RUNS: b"{}"})}
    found = ask([item("a")], trees, definition=METRICS, now=FIRES + 9 * DAY)
    assert [(e.agent, e.reason) for e in found.exclusions] == [(None, Reason.MISSED)]
    short = Window(start=FIRES, end=FIRES + timedelta(hours=1))
    found = ask([item("a")], trees, definition=METRICS, window=short)
    assert [(e.agent, e.reason) for e in found.exclusions] == [(None, Reason.NOT_DUE)]


# --- Previews --------------------------------------------------------------------------------


def test_a_preview_takes_each_entry_s_definition() -> None:
    asking = policy(
        made("coach", Cadence.DAILY, cron="0 12 * * *", zone="UTC"), expires_after="P1D"
    )
    tree = checkout(
        "coach: {cadence: daily}",
        "optimization: {cadence: weekly, cron: '0 9 * * 2'}",
        "tdd-workflow: {cadence: monthly}",
        "sys-medic: {cadence: weekly, enabled: false}",
    )
    window = Window(start=FIRES, end=FIRES + 2 * DAY)
    found = ask(
        [item("a")], {"/srv/a": tree}, definition=None, definitions=(*DRAFTS, asking), window=window
    )
    assert found.definition is None
    assert [(r.agent, r.definition, r.labels, r.cron) for r in found.scheduled_runs] == [
        ("coach", "daily-coach", ("kaizen",), "0 12 * * *"),
        (
            "optimization",
            "weekly-optimization-review",
            ("kaizen", "agent:optimization", "cadence:weekly"),
            "0 9 * * 2",
        ),
        ("coach", "daily-coach", ("kaizen",), "0 12 * * *"),
    ]
    first = found.scheduled_runs[0]
    assert first.expires_at == first.not_before + DAY
    assert {e.agent: e.reason for e in found.exclusions} == {
        "tdd-workflow": Reason.NO_DEFINITION,
        "sys-medic": Reason.AGENT_DISABLED,
    }


def test_a_preview_s_runs_are_those_that_the_definitions_hand_out() -> None:
    tree = checkout(THURSDAY, "optimization: {cadence: weekly}")
    trees = {"/srv/a": tree}
    whole = ask([item("a")], trees, definition=None).scheduled_runs
    parts = [
        run
        for asking in DRAFTS
        if asking.agent is not None
        for run in ask([item("a")], trees, definition=asking).scheduled_runs
    ]
    assert sorted(whole, key=lambda r: r.agent) == sorted(parts, key=lambda r: r.agent)


# --- What is not handed out ------------------------------------------------------------------


def test_what_has_expired_is_told_beside_what_is_handed_out() -> None:
    trees = {"/srv/a": checkout("coach: {cadence: weekly, cron: '0 12 * * *'}", timezone="UTC")}
    now = FIRES + timedelta(days=8, hours=5)  # 13:00
    found = ask([item("a")], trees, now=now)
    assert [run.scheduled_for_utc.day for run in found.scheduled_runs] == [3, 4, 5, 6]
    (told,) = found.exclusions
    assert (told.reason, told.agent, told.transient) == (Reason.MISSED, "coach", False)
    assert told.detail == (
        "expired by now: 2026-11-30T12:00:00Z, 2026-12-01T12:00:00Z, 2026-12-02T12:00:00Z"
    )
    assert found.counts.reasons == {"missed": 1}


def test_a_run_has_expired_at_the_very_second() -> None:
    trees = {"/srv/a": checkout(WEEKLY)}
    (run,) = ask([item("a")], trees).scheduled_runs
    one = timedelta(seconds=1)
    assert ask([item("a")], trees, now=run.expires_at - one).scheduled_runs == (run,)
    assert ask([item("a")], trees, now=run.expires_at).scheduled_runs == ()


def test_very_many_missed_instants_are_counted() -> None:
    trees = {"/srv/a": checkout("coach: {cadence: weekly, cron: '*/30 * * * *'}")}
    (told,) = ask([item("a")], trees, now=FIRES + 60 * DAY).exclusions
    assert told.detail.count("Z") == 7 * 48, "a week of the most that is ever run is listed whole"
    window = Window(start=FIRES, end=FIRES + 14 * DAY)
    (told,) = ask([item("a")], trees, window=window, now=FIRES + 60 * DAY).exclusions
    assert told.detail.count("Z") == 500
    assert told.detail.endswith(f" and {14 * 48 - 500} more")


def test_agents_that_are_not_scheduled_are_counted_and_listed_on_request() -> None:
    trees = {"/srv/a": checkout()}
    for listed in (False, True):
        found = ask([item("a")], trees, list_not_scheduled=listed)
        assert found.counts.reasons == {"agent-not-scheduled": 1}
        assert found.counts.exclusions == 1
        assert len(found.exclusions) == listed


def test_other_hosts_repositories_are_told_and_theirs_to_answer() -> None:
    items = [{"slug": s, "host_paths": {"forge-1": f"/1/{s}", "forge-2": f"/2/{s}"}} for s in "ab"]
    items.append(item("c", "/2/c", host="forge-2"))
    trees = {f"/{n}/{s}": checkout(WEEKLY) for n in "12" for s in "abc"}
    first = ask(items, trees, host="forge-1")
    second = ask(items, trees, host="forge-2")
    assert [(r.repo, r.host, r.path) for r in first.scheduled_runs] == [
        ("a", "forge-1", "/1/a"),
        ("b", "forge-1", "/1/b"),
    ]
    assert [(e.repo, e.reason) for e in first.exclusions] == [("c", Reason.OTHER_HOST)]
    assert [r.repo for r in second.scheduled_runs] == ["c"]
    assert first.roster_digest == second.roster_digest
    alone = ask(items, trees, host="forge-2", hosts=["forge-2"])
    assert [r.concurrency_key for r in alone.scheduled_runs] == [
        "forge-2:/2/a",
        "forge-2:/2/b",
        "forge-2:/2/c",
    ]
    keys = {r.idempotency_key for r in (*first.scheduled_runs, *second.scheduled_runs)}
    assert keys == {r.idempotency_key for r in alone.scheduled_runs}


# --- The digest ------------------------------------------------------------------------------


def fleet() -> tuple[list[Any], dict[str, Any]]:
    trees = {
        "/srv/a": checkout(THURSDAY),
        "/srv/b": checkout("coach: {cadence: often}"),
        "/srv/c": checkout(WEEKLY, timezone="America/New_York"),
        "/srv/d": checkout(),
        "/srv/e": checkout("coach: {cadence: weekly, cron: '0 12 * * *'}"),
    }
    return [*(item(slug) for slug in "abcdef"), 7, {"slug": "g"}, item("a2", "/srv/a")], trees


def test_neither_the_clock_nor_the_order_changes_the_digest() -> None:
    items, trees = fleet()
    first = ask(items, trees)
    later = ask(items, trees, now=FIRES + timedelta(hours=5))
    assert later.digest == first.digest == digest_of(first)
    assert later.now != first.now
    for seed in range(5):
        random.Random(seed).shuffle(items)
        shuffled = dict(sorted(trees.items(), reverse=seed % 2 == 0))
        assert dumps(ask(items, shuffled)) == dumps(first)
    versions = replace(first, schema_version="9", tool_version="9")
    assert digest_of(versions) == first.digest


# What follows from the rest of a run, which the digest therefore need not hold.
DERIVED = {
    "repo", "agent", "scheduled_for", "scheduled_for_utc", "concurrency_key", "argv", "command",
}  # fmt: skip
OTHER: dict[str, Any] = {
    "cadence": Cadence.DAILY,
    "cron_origin": CronOrigin.CADENCE,
    "labels": ("x",),
    "review": Review.REQUIRED,
    "reason": Reason.NO_METRICS,
    "transient": None,
    "diagnostics": ("x",),
}


def changed(value: Any, name: str) -> Any:
    old = getattr(value, name)
    values = {name: old + DAY if isinstance(old, datetime) else OTHER.get(name, f"{old}x")}
    return replace(value, **values)


@pytest.mark.parametrize("name", [f.name for f in fields(Run) if f.name not in DERIVED])
def test_any_change_of_a_run_changes_the_digest(name: str) -> None:
    found = ask(*fleet())
    for number, run in enumerate(found.scheduled_runs):
        runs = list(found.scheduled_runs)
        runs[number] = changed(run, name)
        assert digest_of(replace(found, scheduled_runs=tuple(runs))) != found.digest


@pytest.mark.parametrize("name", [f.name for f in fields(Exclusion)])
def test_any_change_of_an_exclusion_changes_the_digest(name: str) -> None:
    found = ask(*fleet())
    for number, told in enumerate(found.exclusions):
        exclusions = list(found.exclusions)
        exclusions[number] = changed(told, name)
        assert digest_of(replace(found, exclusions=tuple(exclusions))) != found.digest


WHOLE = {"/srv/a": checkout(files={RUNS: b"{}"})}


@pytest.mark.parametrize(
    "name", [f.name for f in fields(RepoRun) if f.name not in DERIVED - {"scheduled_for"}]
)
def test_any_change_of_a_repository_s_run_changes_the_digest(name: str) -> None:
    found = ask([item("a")], WHOLE, definition=METRICS)
    other = changed(found.repos[0], name)
    assert digest_of(replace(found, repos=(other,))) != found.digest


NO_PART = {
    "schema_version", "tool_version", "now", "digest", "counts",
    "scheduled_runs", "repos", "exclusions",
}  # fmt: skip


@pytest.mark.parametrize("name", [f.name for f in fields(Resolution) if f.name not in NO_PART])
def test_whatever_else_differs_changes_the_digest(name: str) -> None:
    found = ask(*fleet())
    value = getattr(found, name)
    other: dict[str, Any] = {name: (*value, "x") if isinstance(value, tuple) else f"{value}x"}
    if name == "window":
        other = {name: Window(start=WEEK.start, end=WEEK.end + DAY)}
    assert digest_of(replace(found, **other)) != found.digest


def test_runs_that_change_places_change_the_digest() -> None:
    found = ask(*fleet())
    moved = replace(found, scheduled_runs=found.scheduled_runs[::-1])
    assert digest_of(moved) != found.digest


ONE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("as it is", {}, {}),
    ("slug", {"slug": "b"}, {}),
    ("path", {"path": "/srv/b"}, {}),
    ("host", {"host": "forge-2"}, {}),
    ("hosts", {}, {"hosts": ["forge-1", "forge-2"]}),
    ("cron", {"entry": "coach: {cadence: weekly, cron: '5 9 * * 1'}"}, {}),
    ("origin", {"entry": "coach: {cadence: weekly, cron: '0 9 * * 1'}"}, {}),
    ("zone", {"entry": "coach: {cadence: weekly, cron: '0 8 * * 1'}", "zone": "UTC"}, {}),
    ("another's cron", {"zone": "UTC"}, {}),
    ("review", {"entry": "coach: {cadence: weekly, review: required}"}, {}),
    ("a comment", {"entry": "coach: {cadence: weekly} # because"}, {}),
    ("labels", {}, {"definition": replace(COACH, task=replace(COACH.task, labels=("x",)))}),
    ("expiry", {}, {"definition": policy(COACH, expires_after="P5D")}),
    ("stagger", {}, {"definition": policy(COACH, stagger_window="PT29M")}),
    ("definition", {}, {"definition": replace(COACH, id="mine")}),
    ("window", {}, {"window": Window(start=WEEK.start, end=WEEK.end + DAY / 24)}),
    ("missed", {}, {"now": FIRES + 7 * DAY}),
]


def test_whatever_changes_a_run_changes_the_digest() -> None:
    digests: dict[str, str] = {}
    for name, one, more in ONE:
        slug, path = one.get("slug", "a"), one.get("path", "/srv/a")
        host = one.get("host", HOST)
        tree = checkout(one.get("entry", WEEKLY), timezone=one.get("zone", "Europe/Berlin"))
        found = ask([item(slug, path, host=host)], {path: tree}, host=host, **more)
        assert found.digest not in digests, f"{name} is like {digests[found.digest]}"
        digests[found.digest] = name


# --- Hostile texts ---------------------------------------------------------------------------

SLUGS = st.text(
    st.sampled_from("ab -'\"$(){}`;&|<>*?!~#\\/%\n\r\t\x1b\u202eéß漢😀"), min_size=1, max_size=40
).filter(str.strip)


@given(slug=SLUGS, folder=SLUGS)
def test_whatever_slug_and_path_hold_the_command_is_its_words(slug: str, folder: str) -> None:
    path = f"/srv/{folder}"
    trees = {path: checkout(WEEKLY, files={RUNS: b"{}"})}
    for asking in (COACH, METRICS):
        found = ask([item(slug, path)], trees, definition=asking)
        (run,) = found.scheduled_runs or found.repos
        assert shlex.split(run.command) == list(run.argv)
        assert run.argv[run.argv.index("--target") + 1] == path
        assert run.idempotency_key.isascii()
        assert run.idempotency_key.count(":") == 4
        dumps(found).encode("ascii")


@pytest.mark.parametrize("odd", [*map(chr, range(1, 128)), "é", "漢"])
def test_a_command_is_quoted_as_the_shell_wants_it_and_no_more(odd: str) -> None:
    path = f"/srv/a{odd}b"
    (run,) = ask([item("x", path)], {path: checkout(WEEKLY)}).scheduled_runs
    assert run.command == shlex.join(run.argv)


def test_very_many_instants_are_handed_out_each_at_its_time() -> None:
    tree = checkout("coach: {cadence: weekly, cron: '0 * * * *'}", timezone="UTC")
    trees = {f"/srv/{slug}": tree for slug in "ab"}
    now = FIRES + 6 * DAY  # so that some have expired, later by their stagger
    found = ask([item(slug) for slug in "ab"], trees, now=now)
    for slug in "ab":
        shift = late(slug, "coach") + 6 * DAY
        due = [FIRES + timedelta(hours=n) for n in range(7 * 24)]
        expected = [moment for moment in due if moment + shift > now]
        runs = [run for run in found.scheduled_runs if run.repo == slug]
        assert [run.scheduled_for_utc for run in runs] == expected
        assert all(run.expires_at == run.scheduled_for_utc + shift for run in runs)


def test_a_preview_says_that_a_definition_leaves_a_repository_out_before_all_else() -> None:
    inputs = replace(COACH.context.inputs, exclude=("a",))
    narrow = replace(COACH, context=replace(COACH.context, inputs=inputs))
    trees = {"/srv/a": checkout("coach: {cadence: weekly, enabled: false}")}
    (told,) = ask([item("a")], trees, definition=None, definitions=(narrow,)).exclusions
    assert (told.agent, told.reason) == ("coach", Reason.NOT_SELECTED)
