"""What tests share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from pathlib import Path

import psutil

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import (
    RESOLVER,
    ActivityDefinition,
    Context,
    ForEach,
    Inputs,
    Policy,
    TaskTemplate,
    Trigger,
)

ROOT = Path(__file__).parents[1]
NOW = "2026-11-24T12:00:00Z"


@dataclass(frozen=True)
class MemoryZones:
    """Time zones that have been read already."""

    zones: Mapping[str, tzinfo]
    version: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.zones)

    def get(self, name: str) -> tzinfo | None:
        return self.zones.get(name)

    @staticmethod
    @cache
    def load() -> MemoryZones:
        real = packaged.zones()
        loaded = {name: zone for name in real.names if (zone := real.get(name)) is not None}
        return MemoryZones(zones=loaded, version=real.version)


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str


def run(
    *words: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes = "",
    timeout: float = 60,
) -> Result:
    """Run the command line in a process of its own, without a terminal."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("KAIZEN_", "LC_", "LANG", "TZ"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "kaizen_schedule", *map(str, words)],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **(env or {})},
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def write_files(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files beneath a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def manifest(*lines: str, head: Sequence[str] = ('version: "1"', "agents:")) -> str:
    """A manifest's text: the head, and lines beneath ``agents``."""
    return "\n".join([*head, *(f"  {line}" for line in lines)]) + "\n"


_POLICY = {
    "catchup_window": "P7D",
    "stagger_window": "PT30M",
    "expires_after": "P6D",
    "run_timeout": "PT2H",
}


def definition(
    agent: str | None,
    cadence: Cadence | None,
    *,
    cron: str = "0 9 * * 1",
    zone: str = "Europe/Berlin",
    enabled: bool = False,
    **policy: str,
) -> ActivityDefinition:
    """A definition named for its cadence and agent; without a cadence, one about repositories."""
    name = f"{cadence or 'all'}-{(agent or ('template' if cadence else 'repos')).lower()}"
    return ActivityDefinition(
        id=name,
        title=name.capitalize(),
        enabled=enabled,
        owner="activity-core",
        trigger=Trigger(cron=cron, timezone=zone),
        context=Context(resolver=RESOLVER, inputs=Inputs(agent=agent, cadence=cadence)),
        for_each=ForEach.RUNS if cadence else ForEach.REPOS,
        task=TaskTemplate(
            title="Work in {{ run.repo }}",
            description="Run the command in {{ run.path }}.",
            command="{{ run.command }}",
            labels=("kaizen",),
            idempotency_key="{{ run.idempotency_key }}",
            not_before="{{ run.not_before }}",
            expires_at="{{ run.expires_at }}",
        ),
        policy=Policy(overlap="skip", **{**_POLICY, **policy}),
    )


def gone(pid: int, *, within: float = 60) -> bool:
    """Whether a process ends, a zombie that nobody has waited for counted in."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
