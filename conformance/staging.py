"""Puts a scenario on its feet: an engine of its own, a world, and the end of both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaizen_schedule import Asking, Resolution, discover_kaizen_scheduled_repos, load_roster
from kaizen_schedule.planning.windows import Window

from .engine import Engine, version_of
from .stand_in import World

COACH, OPTIMIZATION = "weekly-coach-orientation", "weekly-optimization-review"
METRICS = "weekly-metrics-optimize"

Play = Callable[[World], Awaitable[dict[str, Any] | None]]

Played = Callable[..., dict[str, Any]]
"""``play(scenario, **options)``: what a scenario measured."""


def at(text: str) -> datetime:
    """An instant, from ``2026-11-30 08:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def manifest(*entries: str, timezone: str = "Europe/Berlin") -> str:
    """A manifest with these entries."""
    lines = [f"  {entry}\n" for entry in entries]
    return f'version: "1"\ntimezone: {timezone}\nagents:\n' + "".join(lines)


WEEKLY = manifest("coach: {cadence: weekly}")


def stage(
    play: Play, folder: Path, contracts: Path, *, patience_s: float = 20.0
) -> tuple[str, dict[str, Any]]:
    """Play a scenario in a world of its own.

    Returns:
        The engine's version, and what the scenario measured.
    """

    async def whole() -> tuple[str, dict[str, Any]]:
        home = folder / "engine"
        home.mkdir()
        engine = Engine(home)
        engine.start()
        try:
            client = await engine.connect()
            world = World(
                folder=folder / "world", contracts=contracts, engine=engine, client=client,
                patience_s=patience_s,
            )  # fmt: skip
            try:
                measured = await play(world)
            finally:
                world.close()
            return await version_of(await engine.connect()), measured or {}
        finally:
            engine.stop(kill=True)  # what it would write down goes with the folder

    return asyncio.run(whole())


def expected(world: World, definition: str, *windows: Window, now: datetime) -> list[Resolution]:
    """The resolver's own answers: every host's, for every window, asked in this process."""
    known = world.definitions(now)
    asking = next(item for item in known if item.id == definition)
    roster = load_roster(world.items)
    return [
        discover_kaizen_scheduled_repos(
            Asking(
                roster=roster, host=host, hosts=roster.hosts, definition=asking, definitions=known
            ),
            start=window.start,
            end=window.end,
            now=now,
            list_not_scheduled=True,
        )
        for host in roster.hosts
        for window in windows
    ]


def keys_of(answers: list[Resolution]) -> set[str]:
    """The keys of everything that answers hand out."""
    runs = {run.idempotency_key for answer in answers for run in answer.scheduled_runs}
    return runs | {run.idempotency_key for answer in answers for run in answer.repos}
