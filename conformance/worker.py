"""A worker process: ``python -m conformance.worker SETTINGS``, a JSON text of ``Settings``.

The orchestrator's own runs workflows and stands beside the store. A host's answers for its
checkouts and runs their commands; it may not open a path of another host, as if that were another
machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from .activities import BEAT_S, Host, Orchestrator
from .store import Store
from .workflows import ORCHESTRATOR, WORKFLOWS, queue_of


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker is told."""

    address: str
    """The engine's."""
    contracts: str
    """The folder with the exported contract files."""
    folder: str
    """Its own."""
    host: str | None = None
    """Its host; None for the orchestrator's."""
    elsewhere: tuple[str, ...] = ()
    """Folders of other hosts, which it may not open."""
    hold: str | None = None
    """The named point at which it stops for good, having said so."""
    said: str | None = None
    """The file by which it says so."""

    @property
    def words(self) -> list[str]:
        """What the interpreter is given."""
        return ["-m", "conformance.worker", json.dumps(asdict(self))]


async def serve(settings: Settings) -> None:
    """Work until the process is ended."""

    def point(name: str) -> None:
        if name == settings.hold:
            assert settings.said is not None
            Path(settings.said).touch()
            while Path(settings.said).exists():  # it may be let go; mostly the process is ended
                time.sleep(0.05)

    workflows: tuple[type, ...] = ()
    client = await Client.connect(settings.address)
    folder, contracts = Path(settings.folder), Path(settings.contracts)
    if settings.host is None:
        own = Orchestrator(store=Store(folder / "store.db"), contracts=contracts, point=point)
        queue, workflows = ORCHESTRATOR, WORKFLOWS
        calls: list[Any] = [
            own.begin_asking, own.roster_part, own.keep_page, own.conclude_asking, own.tell,
            own.start_due, own.close_task,
        ]  # fmt: skip
    else:
        _stay_out(tuple(settings.elsewhere))
        host = Host(name=settings.host, folder=folder, contracts=contracts, point=point)
        queue = queue_of(settings.host)
        calls = [host.take_roster, host.resolve, host.page, host.run_command]
    worker = Worker(
        client, task_queue=queue, workflows=workflows, activities=calls,
        workflow_runner=UnsandboxedWorkflowRunner(),
        # Else a beat is kept back until there is hardly time for another one.
        max_heartbeat_throttle_interval=timedelta(seconds=BEAT_S),
        # Else the engine waits ten seconds for one that has died to take up its workflows again.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )  # fmt: skip
    await worker.run()


def _stay_out(folders: tuple[str, ...]) -> None:
    """Refuse to open what stands on another machine."""

    def refuse(event: str, values: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not values:
            return
        path = values[0]
        if isinstance(path, str | bytes) and os.fsdecode(path).startswith(folders):
            raise AssertionError(f"{os.fsdecode(path)!r} stands on another host")

    if folders:
        sys.addaudithook(refuse)


if __name__ == "__main__":
    asyncio.run(serve(Settings(**json.loads(sys.argv[1]))))
