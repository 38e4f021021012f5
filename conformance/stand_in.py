"""The operator's side of the stand-in: a folder with everything, its processes, and what is asked.

One `World` is an engine, a store, hosts with checkouts, and a worker for each; a test lets things
happen to it and looks into the store.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleInfo,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecution,
    WorkflowFailureError,
)

from kaizen_schedule import ActivityDefinition, list_definitions
from kaizen_schedule.planning.tasks import temporal_schedule
from kaizen_schedule.reading.codec import instant

from .engine import Engine, begin, end
from .store import Store
from .worker import Settings
from .workflows import NOMINAL, ORCHESTRATOR, Ask, Work, queue_of

OVERLAP = {"skip": ScheduleOverlapPolicy.SKIP}
SETTLED_WITHIN_S = 60.0


@dataclass
class World:
    """Everything that a scenario plays in."""

    folder: Path
    contracts: Path
    engine: Engine
    client: Client
    hosts: tuple[str, ...] = ("forge-1", "forge-2")
    patience_s: float = 20.0
    """How long a host may be silent."""
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the folders of the orchestrator and of each host."""
        for name in ("orchestrator", *self.hosts):
            (self.folder / name / "own").mkdir(parents=True)
        self.store = Store(self.folder / "orchestrator" / "own" / "store.db")

    # --- What stands where -----------------------------------------------------------------------

    def path(self, host: str, repo: str) -> Path:
        """Where a repository stands on a host."""
        return self.folder / host / "srv" / repo

    def add(self, repo: str, manifest: str, *hosts: str, **more: Any) -> None:
        """Register a repository, and put its checkout on each of its hosts."""
        paths = {host: str(self.path(host, repo)) for host in hosts}
        self.items.append({"slug": repo, "host_paths": paths, **more})
        for host in hosts:
            self.write(host, repo, manifest)
        self.register()

    def write(self, host: str, repo: str, manifest: str) -> None:
        """Write a checkout's manifest."""
        path = self.path(host, repo)
        (path / ".git").mkdir(parents=True, exist_ok=True)
        (path / ".kaizen").mkdir(exist_ok=True)
        (path / ".kaizen" / "schedule.yml").write_text(manifest, encoding="utf-8")

    def register(self, **source: str) -> None:
        """Say where the roster comes from: a snapshot of what was added, or what is given."""
        snapshot = self.folder / "roster.json"
        snapshot.write_text(json.dumps(self.items), encoding="utf-8")
        self.store.put("source", source or {"snapshot": str(snapshot)})

    # --- Workers ---------------------------------------------------------------------------------

    def work(self, *names: str, hold: str | None = None) -> Held:
        """Begin workers.

        Args:
            names: ``orchestrator``, or a host.
            hold: The point at which they stop for good.

        Returns:
            What tells when one has reached it.
        """
        held = Held(self.folder / f"reached-{hold}")
        for name in names:
            own = self.folder / name / "own"
            settings = Settings(
                address=self.engine.address,
                contracts=str(self.contracts),
                folder=str(own),
                host=None if name == "orchestrator" else name,
                elsewhere=tuple(str(self.folder / host) for host in self.hosts if host != name),
                hold=hold,
                said=str(held.path),
            )
            self.workers[name] = begin(settings.words, own, self.folder / f"{name}.log")
        return held

    async def polled(self, host: str) -> None:
        """Wait until a host's worker asks the engine for something to do."""
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=queue_of(host)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        latest = time.monotonic() + SETTLED_WITHIN_S
        while True:
            found = await self.client.workflow_service.describe_task_queue(request)
            if found.pollers:
                return
            assert time.monotonic() < latest, f"{host} has no worker"
            await asyncio.sleep(0.02)

    def work_all(self) -> None:
        """Begin every worker that is not there."""
        self.work(*(name for name in ("orchestrator", *self.hosts) if name not in self.workers))

    def kill(self, name: str) -> None:
        """End a worker as a power cut does."""
        end(self.workers.pop(name), kill=True)

    def close(self) -> None:
        """End all workers."""
        for name in list(self.workers):
            self.kill(name)
        self.store.open.close()

    # --- Definitions -----------------------------------------------------------------------------

    def definitions(self, now: datetime) -> tuple[ActivityDefinition, ...]:
        """Those of the exported files that fire."""
        folder = self.contracts / "integrations" / "activity-definitions"
        return tuple(item for item in list_definitions(folder, now=now) if not item.is_template)

    async def sync(self, now: datetime) -> list[str]:
        """Make two Schedules of each definition: one fires it, one asks again by the hour (D3).

        A pause and its note stay as they are (D14); the hourly one follows its definition's.
        """
        names = []
        for definition in self.definitions(now):
            schedule = self.schedule_of(definition)
            schedule.state = await self.renew(definition.id, schedule)
            again = self.again(schedule)
            await self.renew(again_of(definition.id), again, again.state)
            names.append(definition.id)
        return names

    async def renew(
        self, name: str, schedule: Schedule, state: ScheduleState | None = None
    ) -> ScheduleState:
        """Make a Schedule, or change the one that is there; by default its state is what it was."""
        try:
            await self.client.create_schedule(name, schedule)
        except ScheduleAlreadyRunningError:

            def change(found: ScheduleUpdateInput) -> ScheduleUpdate:
                schedule.state = state or found.description.schedule.state
                return ScheduleUpdate(schedule=schedule)

            await self.client.get_schedule_handle(name).update(change)
        return schedule.state

    def again(self, schedule: Schedule) -> Schedule:
        """The same question by the hour."""
        action = schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        return Schedule(
            action=replace(action, id=f"{action.id}/again"),
            spec=ScheduleSpec(cron_expressions=["0 * * * *"]),
            policy=schedule.policy,
            state=schedule.state,
        )

    def schedule_of(self, definition: ActivityDefinition) -> Schedule:
        """The Schedule of a definition: its plain data, and what is started."""
        data = temporal_schedule(definition)
        return Schedule(
            action=ScheduleActionStartWorkflow(
                Ask.run,
                args=[definition.id, self.patience_s],
                id=f"ask/{definition.id}",
                task_queue=ORCHESTRATOR,
            ),
            spec=ScheduleSpec(
                cron_expressions=list(data.cron_expressions), time_zone_name=data.time_zone_name
            ),
            policy=SchedulePolicy(
                overlap=OVERLAP[data.overlap],
                catchup_window=timedelta(seconds=data.catchup_window),
            ),
            state=ScheduleState(paused=data.paused, note=data.note),
        )

    async def ask(self, definition: str, *moments: datetime, again: bool = False) -> list[Asked]:
        """Let a definition fire for moments that are past, one after the other.

        Args:
            definition: Its id.
            moments: The nominal times.
            again: Whether it is asked again between firings, by the hour.

        Returns:
            What each came to, in the order of the moments.
        """
        name = again_of(definition) if again else definition
        return await self.settled(name, await self.fire(name, *moments), len(moments))

    async def fire(self, schedule: str, *moments: datetime) -> set[str]:
        """Back-fill moments; what the schedule had started before."""
        second = timedelta(seconds=1)
        return await self.fire_between(schedule, *((one - second, one) for one in moments))

    async def fire_between(self, schedule: str, *spans: tuple[datetime, datetime]) -> set[str]:
        """Back-fill what fires within spans of time; what the schedule had started before."""
        before = {found.run_id for found in await self.closed(schedule)}
        await self.client.get_schedule_handle(schedule).backfill(
            *(
                ScheduleBackfill(
                    start_at=start, end_at=end, overlap=ScheduleOverlapPolicy.BUFFER_ALL
                )
                for start, end in spans
            )
        )
        return before

    async def settled(self, schedule: str, before: set[str], count: int) -> list[Asked]:
        """Wait until a schedule has started so many more, and all of them are over."""
        latest = time.monotonic() + SETTLED_WITHIN_S
        while True:
            found = [one for one in await self.closed(schedule) if one.run_id not in before]
            if len(found) >= count:
                break
            assert time.monotonic() < latest, f"{len(found)} of {count} askings are over"
            await asyncio.sleep(0.02)
        asked = []
        for one in found:
            handle = self.client.get_workflow_handle(one.id, run_id=one.run_id)
            try:
                asked.append(Asked(at=_nominal(one), result=await handle.result()))
            except WorkflowFailureError as error:
                asked.append(Asked(at=_nominal(one), failed=str(error.cause)))
        return sorted(asked, key=lambda one: one.at)

    async def closed(self, schedule: str) -> list[WorkflowExecution]:
        """What a schedule started, and is over."""
        query = f"TemporalScheduledById = '{schedule}' AND ExecutionStatus != 'Running'"
        return [one async for one in self.client.list_workflows(query)]

    async def knows(self, schedule: str, holds: Callable[[ScheduleInfo], bool]) -> None:
        """Wait until what the engine says of a schedule comes to hold."""
        latest = time.monotonic() + SETTLED_WITHIN_S
        while not holds((await self.client.get_schedule_handle(schedule).describe()).info):
            assert time.monotonic() < latest, "the engine does not come to say so"
            await asyncio.sleep(0.05)

    async def tick(self, at: datetime, *, wait: bool = True) -> list[str]:
        """Start the tasks that may begin at an instant.

        Args:
            at: When.
            wait: Whether to wait until they are over.

        Returns:
            Their keys.
        """
        name = f"work/{instant(at)}/{time.monotonic_ns()}"
        keys = await self.client.execute_workflow(
            Work.run, instant(at), id=name, task_queue=ORCHESTRATOR
        )
        if wait:
            for key in keys:
                await self.client.get_workflow_handle(key).result()
        return keys

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        latest = time.monotonic() + SETTLED_WITHIN_S
        while not holds():
            assert time.monotonic() < latest, "it does not come to hold"
            await asyncio.sleep(0.02)

    async def work_off(self, at: datetime) -> list[str]:
        """Start what may begin, and what may begin when that is over, until there is no more."""
        keys: list[str] = []
        while more := await self.tick(at):
            keys += more
        return keys

    def askings(self) -> int:
        """How many askings were concluded."""
        return int(self.store.rows("SELECT count(*) FROM askings")[0][0])

    async def beats(self, schedule: str, span: timedelta) -> None:
        """Wait until something that a schedule started has been at one thing for so long."""
        query = f"TemporalScheduledById = '{schedule}' AND ExecutionStatus = 'Running'"
        latest = time.monotonic() + SETTLED_WITHIN_S
        while True:
            async for found in self.client.list_workflows(query):
                handle = self.client.get_workflow_handle(found.id, run_id=found.run_id)
                described = await handle.describe()
                for one in described.raw_description.pending_activities:
                    began = one.last_started_time.ToDatetime()
                    if one.last_heartbeat_time.ToDatetime() - began > span:
                        return
            assert time.monotonic() < latest, "nothing takes that long"
            await asyncio.sleep(0.05)

    async def payload_sizes(self, schedule: str) -> list[int]:
        """The bytes of everything that crossed the engine in a schedule's askings."""
        sizes = []
        for found in await self.closed(schedule):
            handle = self.client.get_workflow_handle(found.id, run_id=found.run_id)
            async for event in handle.fetch_history_events():
                for kind in ("activity_task_scheduled", "activity_task_completed"):
                    part = getattr(event, f"{kind}_event_attributes")
                    carried = part.input if kind.endswith("scheduled") else part.result
                    if carried.payloads:
                        sizes.append(carried.ByteSize())
        return sizes

    def told(self) -> list[str]:
        """What the operator was told, in order."""
        return [row["what"] for row in self.store.rows("SELECT what FROM told ORDER BY id")]


@dataclass(frozen=True)
class Held:
    """Where a worker says that it has reached the point at which it stops."""

    path: Path

    def let_go(self) -> None:
        """Let it go on."""
        self.path.unlink()

    async def reached(self) -> None:
        """Wait for it."""
        latest = time.monotonic() + SETTLED_WITHIN_S
        while not self.path.exists():
            assert time.monotonic() < latest, f"{self.path.name} never came"
            await asyncio.sleep(0.02)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an asking came to."""

    at: datetime
    """The nominal time."""
    result: dict[str, Any] | None = None
    failed: str | None = None


def again_of(definition: str) -> str:
    """The schedule that asks a definition again by the hour (D3)."""
    return f"{definition}/again"


def _nominal(found: WorkflowExecution) -> datetime:
    moment = found.typed_search_attributes.get(NOMINAL)
    assert moment is not None
    return moment
