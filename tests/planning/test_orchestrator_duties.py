"""An orchestrator that obeys its duties loses nothing and starts nothing twice, whatever happens.

The duties are those of the design, and the machine shows what they have to say to be enough:

- A cursor for each definition and host: the window it was last handed. When it fires it asks from
  the end of that, so an outage, a pause or a changed trigger leaves no gap. A host that never
  answered has the first asking's instant for one.
- Whenever the participating hosts change, all cursors are set to the smallest, those of the hosts
  that leave included, and all ask the windows again that any of them would have.
- Every window that is not over is asked again, which may be several after a changed trigger; and
  once more when it is over, since what was edited after the last time is seen by nobody else.
- What is new is created by its unique key. An unstarted task whose key vanished is withdrawn,
  unless the reason is transient or the owner's answer is missing. A withdrawn one whose key comes
  back is restored, and one that waits takes what its run says now: host and path may have moved.
- A task is held until ``not_before`` and refused from ``expires_at`` on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.definitions import ActivityDefinition, Run
from kaizen_schedule.planning.eligibility import Exclusion
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.recurrence import iter_occurrences
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.windows import Window, idempotency_key, next_fire, next_window
from kaizen_schedule.reading.codec import instant
from kaizen_schedule.reading.errors import FaultReason

from .fleets import COACH, FIRES, ZONES, Files, ask, checkout

HOSTS = ("forge-1", "forge-2", "forge-3")
PLACES = {
    "atlas": ("forge-1",),
    "bindery": ("forge-1", "forge-2"),
    "choir": ("forge-2", "forge-3"),
    "ledger": ("forge-3",),
}
Places = dict[str, tuple[str, ...]]
"""The hosts on which each repository stands."""


def items_of(places: Places) -> list[dict[str, Any]]:
    """The roster's items."""
    return [{"slug": s, "host_paths": {h: f"/{h}/{s}" for h in hs}} for s, hs in places.items()]


# --- The world ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What stands at a repository's paths."""

    name: str
    tree: Files | FaultReason
    runs: bool = False
    """Whether its entry runs at all."""
    cron: str | None = None
    """The entry's own cron; None where the definition lends its."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


ZONE = "America/New_York"


def entry(cron: str | None = None, *, more: str = "") -> State:
    own = f", cron: '{cron}'" if cron else ""
    line = f"coach: {{cadence: weekly{own}{more}}}"
    return State(line, checkout(line, timezone=ZONE), runs=not more, cron=cron)


GONE = State("no checkout", FaultReason.MISSING)
STATES = [
    entry(),
    entry("0 10 * * 4"),
    entry("30 2 * * 0"),
    entry("15 3 * * *"),
    entry("0 9 * * 1"),
    entry(more=", enabled: false"),
    entry("0 10 * * 4", more=", enabled: false"),
    State("no entry", checkout()),
    State("repository off", checkout("coach: {cadence: weekly}", more="enabled: false")),
    State("broken manifest", {MANIFEST_PATH: b"version: ["}),
    GONE,
    State("unreadable", FaultReason.UNREADABLE),
    State("no manifest", {".git/HEAD": b""}),
]
TRIGGERS = ["0 9 * * 1", "0 9 * * 4", "0 12 * * *", "0 9 1 * *"]


@dataclass
class Timeline:
    """What was in force, and since when."""

    steps: list[tuple[datetime, Any]]

    def put(self, now: datetime, value: Any) -> None:
        self.steps.append((now, value))

    @property
    def now(self) -> Any:
        return self.steps[-1][1]

    def at(self, moment: datetime) -> Any:
        return next(value for since, value in reversed(self.steps) if since <= moment)

    def unchanged_since(self, moment: datetime) -> bool:
        return self.steps[-1][0] <= moment


# --- The orchestrator --------------------------------------------------------------------------


@dataclass
class Stored:
    """A task in the store."""

    run: Run
    status: str = "waiting"
    """Or started, withdrawn, expired."""


class Crashed(Exception):
    """The orchestrator stopped in the middle of an asking."""


@dataclass
class Orchestrator:
    """Obeys the duties, and nothing else."""

    hosts: tuple[str, ...] = HOSTS
    held: dict[str, Window] = field(default_factory=dict)
    """The window that a host was last handed; its end is the cursor."""
    open: dict[str, list[Window]] = field(default_factory=dict)
    """Those that a host was handed, and not asked for since they were over."""
    owners: dict[str, str] = field(default_factory=dict)
    """The last owner of each repository."""
    tasks: dict[str, Stored] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Keys of runs that an answer called missed."""
    counted: list[tuple[str, Window]] = field(default_factory=list)
    """Repositories and windows of which an answer counted more such than it listed."""
    starts: Counter[str] = field(default_factory=Counter)

    def change_hosts(self, hosts: tuple[str, ...]) -> None:
        """Let other hosts take part; all cursors become the smallest, those that leave included."""
        known = [self.held[host] for host in {*self.hosts, *hosts} if host in self.held]
        self.hosts = hosts
        if known:
            smallest = min(known, key=lambda window: window.end)
            self.held = dict.fromkeys(hosts, smallest)
            every = {window for windows in self.open.values() for window in windows}
            ordered = sorted(every, key=lambda window: (window.start, window.end))
            self.open = {host: list(ordered) for host in hosts}

    def see_owners(self, places: Places) -> None:
        """Do the same where a repository has another owner, which was handed something else."""
        owners = {
            slug: min(set(hosts) & set(self.hosts))
            for slug, hosts in places.items()
            if set(hosts) & set(self.hosts)
        }

        def handed(host: str) -> tuple[Window | None, list[Window]]:
            return self.held.get(host), self.open.get(host, [])

        moved = {(self.owners.get(slug, host), host) for slug, host in owners.items()}
        if any(old in self.hosts and handed(old) != handed(new) for old, new in moved):
            self.change_hosts(self.hosts)
        self.owners |= owners

    def ask(
        self,
        now: datetime,
        definition: ActivityDefinition,
        places: Places,
        trees: dict[str, Files | FaultReason],
        up: set[str],
        *,
        crash_after: int | None = None,
    ) -> tuple[set[str], set[str]]:
        """Ask every host that is there.

        Returns:
            The repositories whose owner answered, and those that were told to be out of reach.
        """
        self.see_owners(places)
        asked: dict[str, list[Window]] = {}
        coming: dict[str, Window] = {}
        answers: list[Resolution] = []
        for host in self.hosts:
            if host not in up:
                continue
            held = self.held.get(host)
            coming[host] = next_window(definition, now, held=held, zones=ZONES)
            windows = asked[host] = list(self.open.get(host, []))
            if coming[host] not in windows:
                windows.append(coming[host])
            for window in windows:
                answer = ask(
                    items_of(places),
                    trees,
                    definition=definition,
                    window=window,
                    now=now,
                    hosts=self.hosts,
                    host=host,
                    list_not_scheduled=True,
                )
                answers.append(answer)
        assert len({(a.roster_digest, a.tzdata_version) for a in answers}) <= 1
        answered = self.merge(answers, crash_after)
        silent = Window(start=now, end=now)
        self.held = {**dict.fromkeys(self.hosts, silent), **self.held, **coming}
        for host, windows in asked.items():
            self.open[host] = [window for window in windows if window.end > now]
        return answered

    def merge(
        self, answers: list[Resolution], crash_after: int | None
    ) -> tuple[set[str], set[str]]:
        """Create, restore and withdraw tasks; return what `ask` does."""
        created = 0
        for answer in answers:
            runs = {run.idempotency_key: run for run in answer.scheduled_runs}
            for key, run in runs.items():
                stored = self.tasks.setdefault(key, Stored(run))
                if stored.status == "withdrawn":
                    stored.status = "waiting"
                if stored.status == "waiting":
                    stored.run = run
                created += 1
                if crash_after is not None and created > crash_after:
                    raise Crashed
            self.withdraw(answer, runs)
        runs_of = {run.repo for answer in answers for run in answer.scheduled_runs}
        exclusions = [e for answer in answers for e in answer.exclusions]
        unreachable = {e.repo for e in exclusions if e.transient}
        told_of = {e.repo for e in exclusions if e.reason is not Reason.OTHER_HOST}
        return (runs_of | told_of) - unreachable, unreachable

    def withdraw(self, answer: Resolution, runs: dict[str, Run]) -> None:
        """Withdraw what waits in the window and is no longer there for a lasting reason."""
        reasons: dict[str, Exclusion] = {e.repo: e for e in answer.exclusions}
        for key, stored in self.tasks.items():
            run = stored.run
            if stored.status != "waiting" or key in runs:
                continue
            if not answer.window.start <= run.scheduled_for_utc < answer.window.end:
                continue
            reason = reasons.get(run.repo)
            owner_s = reason is None or reason.reason is not Reason.OTHER_HOST
            if owner_s and not (reason is not None and reason.transient):
                stored.status = "withdrawn"
        for exclusion in answer.exclusions:
            if exclusion.reason is Reason.MISSED:
                listed, _, more = exclusion.detail.partition(" and ")
                if more:  # the first twenty are listed, the rest are counted
                    self.counted.append((exclusion.repo, answer.window))
                moments = listed.partition(": ")[2].split(", ")
                self.told |= {f"{exclusion.repo}:coach:{moment}" for moment in moments}

    def was_told(self, key: str) -> bool:
        """Whether an answer called a run missed."""
        slug, _, moment = key.split(":", 2)
        at = datetime.fromisoformat(moment)
        return key in self.told or any(
            repo == slug and window.start <= at < window.end for repo, window in self.counted
        )

    def work(self, now: datetime, up: set[str]) -> None:
        """Start what is due on hosts that are there."""
        for key, stored in self.tasks.items():
            run = stored.run
            if stored.status != "waiting" or now < run.not_before:
                continue
            if now >= run.expires_at:
                stored.status = "expired"
            elif run.host in up and run.host in self.hosts:
                stored.status = "started"
                self.starts[key] += 1


# --- The machine -------------------------------------------------------------------------------

hours = st.sampled_from([1, 2, 7, 24, 50, 100, 168, 300, 480])


class Year(RuleBasedStateMachine):
    """Whatever may happen to a fleet within a year."""

    def __init__(self) -> None:
        super().__init__()
        self.now = FIRES
        self.paused = False
        self.up = set(HOSTS)
        self.places = dict(PLACES)
        self.orchestrator = Orchestrator()
        self.definition = Timeline([(FIRES, COACH)])
        self.repos = {slug: Timeline([(FIRES, STATES[0])]) for slug in PLACES}
        self.answered: dict[str, datetime] = dict.fromkeys(PLACES, FIRES)
        """When a repository's owner was asked first, answered last, or was out of reach."""

    @initialize(
        states=st.lists(st.sampled_from(STATES[:5]), min_size=4, max_size=4),
        up=st.sets(st.sampled_from(HOSTS), min_size=1),
    )
    def begin(self, states: list[State], up: set[str]) -> None:
        self.up = up
        for slug, state in zip(PLACES, states, strict=True):
            self.repos[slug] = Timeline([(FIRES, state)])
        self.tick()

    # What the orchestrator does.

    def tick(self, *, crash_after: int | None = None) -> None:
        """Ask once, work what is due, and see that nothing was lost."""
        trees = {
            f"/{host}/{slug}": self.repos[slug].now.tree
            for slug, hosts in self.places.items()
            for host in hosts
        }
        answered: set[str] = set()
        unreachable: set[str] = set()
        if not self.paused:
            try:
                answered, unreachable = self.orchestrator.ask(
                    self.now, self.definition.now, self.places, trees, self.up,
                    crash_after=crash_after,
                )  # fmt: skip
            except Crashed:
                return
        self.orchestrator.work(self.now, self.up)
        for slug in sorted(answered):
            for key in self.due(slug):
                stored = self.orchestrator.tasks.get(key)
                handed = stored is not None and stored.status != "withdrawn"
                assert handed or self.orchestrator.was_told(key), f"{key} was lost at {self.now}"
        self.answered |= dict.fromkeys(answered | unreachable, self.now)

    def due(self, slug: str) -> Iterator[str]:
        """The keys of what was due since the last answer and could still be seen in this one."""
        since = self.answered.get(slug)
        if since is None or not self.repos[slug].now.runs:
            return
        state, definition = self.repos[slug].now, self.definition.now
        cron, zone = state.cron, ZONE
        if cron is None:
            cron, zone = definition.trigger.cron, definition.trigger.timezone
        coming = iter_occurrences(parse_cron(cron), ZONES.zones[zone], since)
        for moment in takewhile(lambda moment: moment < self.now, coming):
            lent = state.cron is None
            if self.repos[slug].unchanged_since(moment) and (
                not lent or self.definition.unchanged_since(moment)
            ):
                yield idempotency_key(slug, "coach", moment)

    # What happens.

    @rule(after=hours)
    def time_passes(self, after: int) -> None:
        end = self.now + timedelta(hours=after)
        while (fires := next_fire(self.definition.now, self.now, zones=ZONES)) < end:
            self.now = fires
            self.tick()
        self.now = end
        self.tick()

    @rule(after=hours)
    def outage(self, after: int) -> None:
        self.now += timedelta(hours=after)
        self.tick()

    @rule(after=hours, tasks=st.integers(0, 3))
    def crash(self, after: int, tasks: int) -> None:
        self.now += timedelta(hours=after)
        self.tick(crash_after=tasks)

    @rule()
    def retry(self) -> None:
        before = {key: stored.status for key, stored in self.orchestrator.tasks.items()}
        self.tick()
        self.tick()
        after = {key: stored.status for key, stored in self.orchestrator.tasks.items()}
        for key, status in before.items():
            assert status != "started" or after[key] == "started"

    @rule(slug=st.sampled_from(sorted(PLACES)), state=st.sampled_from(STATES))
    def edit(self, slug: str, state: State) -> None:
        self.repos[slug].put(self.now, state)

    @rule(slug=st.sampled_from(sorted(PLACES)), hosts=st.sets(st.sampled_from(HOSTS), min_size=1))
    def move(self, slug: str, hosts: set[str]) -> None:
        self.places[slug] = tuple(sorted(hosts))

    @rule(
        slug=st.sampled_from(sorted(PLACES)),
        hosts=st.sets(st.sampled_from(HOSTS), min_size=1),
        after=st.sampled_from([168, 480]),
    )
    def move_while_silent(self, slug: str, hosts: set[str], after: int) -> None:
        """By chance alone this hardly comes: it takes three things in a row."""
        self.up -= set(self.places[slug])
        self.time_passes(after)
        self.move(slug, hosts)
        self.tick()

    @rule(cron=st.sampled_from(TRIGGERS))
    def change_trigger(self, cron: str) -> None:
        trigger = replace(COACH.trigger, cron=cron)
        self.definition.put(self.now, replace(COACH, trigger=trigger))

    @rule(slug=st.sampled_from(sorted(PLACES)))
    def disk_is_away_for_a_while(self, slug: str) -> None:
        """The manifest is as it was when it is back; nothing may be withdrawn in between."""
        before = self.repos[slug].now
        waiting = self.waiting(slug)
        self.repos[slug].put(self.now, GONE)
        self.tick()
        gone = {k for k in waiting if self.orchestrator.tasks[k].status == "withdrawn"}
        assert not gone
        self.repos[slug].put(self.now, before)

    def waiting(self, slug: str) -> set[str]:
        tasks = self.orchestrator.tasks.items()
        return {k for k, task in tasks if task.run.repo == slug and task.status == "waiting"}

    @rule()
    def pause_or_resume(self) -> None:
        self.paused = not self.paused

    @rule(host=st.sampled_from(HOSTS))
    def host_is_lost_or_back(self, host: str) -> None:
        self.up ^= {host}

    @precondition(lambda self: not self.paused)
    @rule(hosts=st.sets(st.sampled_from(HOSTS), min_size=1))
    def other_hosts_take_part(self, hosts: set[str]) -> None:
        self.orchestrator.change_hosts(tuple(sorted(hosts)))
        self.tick()

    # What always holds.

    @invariant()
    def nothing_starts_twice(self) -> None:
        assert all(count == 1 for count in self.orchestrator.starts.values())

    @invariant()
    def a_key_names_one_run(self) -> None:
        for key, stored in self.orchestrator.tasks.items():
            run = stored.run
            assert key == f"{run.repo}:coach:{instant(run.scheduled_for_utc)}"

    @invariant()
    def every_cursor_is_ahead_where_it_was_asked(self) -> None:
        for window in self.orchestrator.held.values():
            assert window.start < window.end or window.start <= self.now  # it was silent


@pytest.mark.slow
def test_an_orchestrator_that_obeys_its_duties_loses_nothing() -> None:
    run_state_machine_as_test(Year, settings=settings(max_examples=50, stateful_step_count=30))


def test_what_fell_due_on_a_silent_host_is_seen_where_the_repository_moved() -> None:
    year = Year()
    year.begin([STATES[0]] * len(PLACES), {"forge-1", "forge-2"})
    year.time_passes(480)
    assert not [key for key in year.orchestrator.tasks if key.startswith("ledger")]
    year.move("ledger", {"forge-1"})
    year.time_passes(24)
    keys = [idempotency_key("ledger", "coach", FIRES + timedelta(weeks=n)) for n in range(3)]
    assert all(year.orchestrator.was_told(key) for key in keys)
    newest = idempotency_key("ledger", "coach", FIRES + timedelta(weeks=3))
    assert year.orchestrator.tasks[newest].status == "waiting"
