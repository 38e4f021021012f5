"""What holds of every fleet: nothing is lost, doubled or hidden, and order means nothing."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from kaizen_schedule.planning.definitions import ActivityDefinition, RepoRun, Run
from kaizen_schedule.planning.eligibility import Exclusion
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.reasons import TRANSIENT, Reason
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.reading.codec import dumps
from kaizen_schedule.reading.errors import FaultReason

from .fleets import (
    COACH,
    FIRES,
    METRICS,
    OPTIMIZATION,
    RUNS,
    Files,
    ask,
    checkout,
    globs,
    policy,
)

HOSTS = ("forge-1", "forge-2", "forge-3")
AGENTS = ("coach", "optimization", "sys-medic", "poet")
RANK = {reason: number for number, reason in enumerate(Reason)}

# --- Fleets of every kind ----------------------------------------------------------------------


@st.composite
def entries(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Agents, and their lines in a manifest."""
    agents = draw(st.lists(st.sampled_from(AGENTS), unique=True, max_size=3))
    lines = []
    for agent in agents:
        cadence = draw(st.sampled_from(["weekly"] * 4 + ["daily"]))
        crons = ["0 9 * * 4", "0 5 * * *", "* * * * *", "0 0 29 2 *"]
        cron = draw(st.none() | st.sampled_from(crons))
        line = f"{agent}: {{cadence: {cadence}"
        line += f", cron: '{cron}'" if cron else ""
        line += draw(st.sampled_from(["", "", "", ", enabled: false", ", review: required"]))
        lines.append(line + "}")
    return tuple(agents), tuple(lines)


@dataclass(frozen=True)
class Checkout:
    """What stands at a path, and the agents that a look into it has to tell of."""

    files: Files | FaultReason
    agents: tuple[str, ...] | None
    """None where the whole repository is excluded."""


@st.composite
def checkouts(draw: st.DrawFn) -> Checkout:
    kind = draw(st.sampled_from(["good"] * 6 + ["off", "bytes", "fault", "empty", "git", "broken"]))
    agents, lines = draw(entries())
    files: dict[str, Any] = {RUNS: b"{}"} if draw(st.booleans()) else {}
    match kind:
        case "good":
            return Checkout(checkout(*lines, files=files), agents)
        case "off":
            return Checkout(checkout(*lines, more="enabled: false"), None)
        case "bytes":
            return Checkout({MANIFEST_PATH: draw(st.binary(max_size=30)) + b"\0"}, None)
        case "fault":
            return Checkout(draw(st.sampled_from(list(FaultReason))), None)
        case "empty":
            return Checkout({}, None)
        case "git":
            return Checkout({".git/HEAD": b""}, None)
    fault = draw(st.sampled_from(list(FaultReason)))
    return Checkout({".git/HEAD": b"", MANIFEST_PATH: fault}, None)


@dataclass(frozen=True)
class Scene:
    """A roster and what stands at its paths."""

    items: tuple[Any, ...]
    trees: dict[str, Checkout]

    def ask(self, **more: Any) -> Resolution:
        """Resolve, with everything listed."""
        files = {path: tree.files for path, tree in self.trees.items()}
        return ask(self.items, files, list_not_scheduled=True, **more)


FLAGS = st.sampled_from([None] * 8 + [True, False, 7])
ODD: list[Any] = [7, None, {}, {"slug": "a"}, {"slug": ""}]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    items: list[Any] = []
    trees: dict[str, Checkout] = {}
    some = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)
    for slug in draw(some) + draw(st.just([]) | some.map(lambda slugs: slugs[:1])):
        hosts = draw(st.lists(st.sampled_from(HOSTS), unique=True, max_size=2)) or ["forge-1"]
        # Two may share a place; a few have none.
        paths = {host: f"/{host}/{draw(st.sampled_from([slug, slug, 'a']))}" for host in hosts}
        if draw(st.sampled_from([False] * 9 + [True])):
            paths = {}
        flag = draw(FLAGS)
        items.append({"slug": slug, "host_paths": paths, "kaizen_schedule_enabled": flag})
        trees |= {path: draw(checkouts()) for path in paths.values()}
    items += draw(st.just([]) | st.lists(st.sampled_from(ODD), max_size=2))
    return Scene(tuple(items), trees)


ASKING = [
    COACH,
    OPTIMIZATION,
    METRICS,
    None,
    globs(COACH, include=["[a-d]"], exclude=["b"]),
    policy(COACH, expires_after="PT12H"),
]
askings = st.sampled_from(ASKING)
some_hosts = st.sampled_from(["forge-1", "forge-1", "forge-2", "forge-3"])
moments = st.integers(-100, 24 * 14).map(lambda hours: FIRES + timedelta(hours=hours))


@settings(max_examples=250)
@given(scene=scenes(), asking=askings, host=some_hosts, now=moments)
def test_every_repository_and_agent_has_runs_or_one_exclusion(
    scene: Scene, asking: ActivityDefinition | None, host: str, now: datetime
) -> None:
    found = scene.ask(definition=asking, hosts=HOSTS, host=host, now=now)
    handed: Counter[tuple[str, str | None]] = Counter()
    for run in found.scheduled_runs:
        handed[run.repo, run.agent] += 1
    for whole in found.repos:
        handed[whole.repo, None] += 1
    told: dict[tuple[str, str | None], list[Exclusion]] = {}
    for exclusion in found.exclusions:
        told.setdefault((exclusion.repo, exclusion.agent), []).append(exclusion)
        assert exclusion.detail
        assert exclusion.transient == (exclusion.reason in TRANSIENT)

    nameless = sum(not (isinstance(i, dict) and i.get("slug")) for i in scene.items)
    assert len(told.pop(("", None), [])) == nameless
    for pair, exclusions in told.items():
        assert len(exclusions) == 1
        assert pair not in handed or exclusions[0].reason is Reason.MISSED
        event(exclusions[0].reason)
        event("both" if pair in handed else "excluded")

    slugs = {i["slug"] for i in scene.items if isinstance(i, dict) and i.get("slug")}
    pairs = {*handed, *told}
    assert {slug for slug, _ in pairs} <= slugs
    about_entries = asking is None or not asking.about_repositories
    for slug in slugs:
        agents = {agent for repo, agent in pairs if repo == slug}
        if not about_entries:
            assert agents == {None}
            continue
        if agents == {None}:  # the whole repository: nothing else is said of it
            assert (slug, None) not in handed
            continue
        (item,) = (i for i in scene.items if isinstance(i, dict) and i.get("slug") == slug)
        entries = scene.trees[item["host_paths"][host]].agents
        assert entries is not None
        assert agents == (set(entries) if asking is None else {asking.agent})

    runs = [(run.scheduled_for_utc, run.repo, run.agent) for run in found.scheduled_runs]
    assert runs == sorted(runs)
    order = [(e.repo, e.agent or "", RANK[e.reason], e.detail) for e in found.exclusions]
    assert order == sorted(order)
    assert found.counts.registered == len(scene.items)
    assert found.counts.scheduled_runs == len(found.scheduled_runs)
    assert found.counts.repos == len(found.repos)
    assert found.counts.exclusions == len(found.exclusions) == sum(found.counts.reasons.values())


@given(scene=scenes(), asking=askings)
def test_of_all_hosts_one_answers_for_a_repository(
    scene: Scene, asking: ActivityDefinition | None
) -> None:
    answers = [scene.ask(definition=asking, hosts=HOSTS, host=host) for host in HOSTS]
    assert len({answer.roster_digest for answer in answers}) == 1
    keys = [run.idempotency_key for answer in answers for run in answer.scheduled_runs]
    keys += [whole.idempotency_key for answer in answers for whole in answer.repos]
    assert len(keys) == len(set(keys))
    for item in scene.items:
        if not (isinstance(item, dict) and item.get("host_paths")):
            continue
        elsewhere = sum(
            exclusion.reason is Reason.OTHER_HOST
            for answer in answers
            for exclusion in answer.exclusions
            if exclusion.repo == item["slug"]
        )
        assert elsewhere in (0, len(HOSTS) - 1)  # 0 where something else stands in the way


@given(scene=scenes(), asking=askings, now=moments, seed=st.integers())
def test_the_order_of_what_comes_in_changes_no_byte(
    scene: Scene, asking: ActivityDefinition | None, now: datetime, seed: int
) -> None:
    first = scene.ask(definition=asking, hosts=HOSTS, now=now)
    shuffle = random.Random(seed).shuffle
    items = [dict(reversed(i.items())) if isinstance(i, dict) else i for i in scene.items]
    for item in items:
        if isinstance(item, dict) and "host_paths" in item:
            item["host_paths"] = dict(reversed(item["host_paths"].items()))
    paths = list(scene.trees)
    shuffle(items)
    shuffle(paths)
    shuffled = Scene(tuple(items), {path: scene.trees[path] for path in paths})
    hosts = list(HOSTS) * 2
    shuffle(hosts)
    second = shuffled.ask(definition=asking, hosts=hosts, now=now)
    assert dumps(second) == dumps(first)


def of(found: Resolution, slug: str) -> list[Run | RepoRun | Exclusion]:
    parts: list[Run | RepoRun | Exclusion] = [*found.scheduled_runs, *found.repos]
    return [part for part in parts + list(found.exclusions) if part.repo == slug]


@given(
    trees=st.lists(checkouts(), min_size=2, max_size=5),
    broken=checkouts(),
    asking=askings,
    now=moments,
    data=st.data(),
)
def test_what_one_repository_holds_changes_no_other_s_result(
    trees: list[Checkout],
    broken: Checkout,
    asking: ActivityDefinition | None,
    now: datetime,
    data: st.DataObject,
) -> None:
    slugs = "abcde"[: len(trees)]
    items = tuple({"slug": s, "host_paths": {"forge-1": f"/srv/{s}"}} for s in slugs)
    scene = Scene(items, {f"/srv/{s}": tree for s, tree in zip(slugs, trees, strict=True)})
    victim = data.draw(st.sampled_from(slugs))
    first = scene.ask(definition=asking, now=now)
    second = Scene(items, scene.trees | {f"/srv/{victim}": broken}).ask(definition=asking, now=now)
    odd = data.draw(st.sampled_from([7, {"slug": victim}, {"slug": victim, "host_paths": 1}]))
    third = Scene((*items, odd, odd), scene.trees).ask(definition=asking, now=now)
    for slug in slugs.replace(victim, ""):
        assert of(first, slug) == of(second, slug) == of(third, slug)


# --- Windows that tile -------------------------------------------------------------------------

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
    "Asia/Kolkata", "UTC",
)  # fmt: skip
CRONS = (
    "0 9 * * 1", "30 2 * * *", "0 0 * * *", "*/30 1-3 * * 0", "15 */6 * * *", "45 1,23 * * SAT",
    "0 10 * * 4", "59 23 31 * *", "0 0 29 2 *", "5 4 1 1,4,7,10 *",
)  # fmt: skip


@settings(max_examples=12)
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),
    cuts=st.lists(st.integers(1, 60 * 24 * 366 - 1), unique=True, max_size=25),
    crons=st.lists(st.sampled_from(CRONS), min_size=len(ZONES), max_size=len(ZONES)),
    data=st.data(),
)
def test_windows_that_tile_a_year_hand_out_its_runs_once(
    start: datetime, cuts: list[int], crons: list[str], data: st.DataObject
) -> None:
    start = start.replace(microsecond=0, tzinfo=UTC)
    trees = {
        f"/srv/{zone}": checkout(f"coach: {{cadence: weekly, cron: '{cron}'}}", timezone=zone)
        for zone, cron in zip(ZONES, crons, strict=True)
    }
    items = [{"slug": zone, "host_paths": {"forge-1": f"/srv/{zone}"}} for zone in ZONES]

    def handed(first: datetime, last: datetime) -> tuple[Run, ...]:
        found = ask(items, trees, window=Window(start=first, end=last), now=start)
        assert {e.reason for e in found.exclusions} <= {Reason.NOT_DUE}
        assert all(first <= run.scheduled_for_utc < last for run in found.scheduled_runs)
        return found.scheduled_runs

    end = start + timedelta(days=366)
    whole = handed(start, end)
    # Some cuts fall on the very instant of a run.
    exact = data.draw(st.lists(st.sampled_from(whole), min_size=1, max_size=5))
    inner = {start + timedelta(minutes=cut) for cut in cuts}
    edges = sorted({start, end, *inner, *(run.scheduled_for_utc for run in exact)})
    parts = tuple(run for first, last in pairwise(edges) for run in handed(first, last))
    assert parts == whole
    assert len({run.idempotency_key for run in whole}) == len(whole)
    for zone, cron in zip(ZONES, crons, strict=True):
        count = sum(run.repo == zone for run in whole)
        if cron == "30 2 * * *":
            # Once every day, also where the time is skipped or repeated.
            assert 365 <= count <= 367
