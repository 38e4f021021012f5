"""Fleets that live in memory: what the tests of roster, eligibility, windows and resolver share."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.eligibility import (
    Examined,
    Examiner,
    Exclusion,
    OpenTree,
    Place,
    sift_roster,
)
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.resolver import Resolution, resolve, surroundings
from kaizen_schedule.planning.roster import Roster, load_roster
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import FaultReason, FileFault
from kaizen_schedule.reading.tree import MemoryTree, Tree
from tests.support import MemoryZones

# Read at import, before the core is watched.
ZONES: Final = MemoryZones.load()
PROMPTS: Final = dict(packaged.prompts())
DRAFTS: Final = packaged.definitions()


def draft(name: str) -> ActivityDefinition:
    """A packaged definition."""
    return next(d for d in DRAFTS if d.id == name)


COACH: Final = draft("weekly-coach-orientation")
OPTIMIZATION: Final = draft("weekly-optimization-review")
METRICS: Final = draft("weekly-metrics-optimize")
TEMPLATE: Final = draft("weekly-agent-run")

FIRES: Final = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""A Monday, 09:00 in Berlin: when the coach's definition fires."""
WEEK: Final = Window(start=FIRES, end=FIRES + timedelta(days=7))
HOST: Final = "forge-1"

Files = Mapping[str, bytes | FaultReason]
Item = dict[str, Any]

WEEKLY: Final = "coach: {cadence: weekly}"
RUNS: Final = ".kaizen/metrics/coach/executions.jsonl"


def manifest(
    *entries: str, timezone: str = "Europe/Berlin", version: str = '"1"', more: str = ""
) -> bytes:
    """A manifest's bytes, of entries on one line each."""
    lines = [f"version: {version}", f"timezone: {timezone}", *filter(None, [more]), "agents:"]
    lines[-1] += "" if entries else " {}"
    return "\n".join([*lines, *(f"  {entry}" for entry in entries), ""]).encode()


def checkout(*entries: str, files: Files | None = None, **head: str) -> dict[str, Any]:
    """A checkout that has opted in."""
    return {".git/HEAD": b"ref: x\n", MANIFEST_PATH: manifest(*entries, **head), **(files or {})}


def item(slug: str, path: str | None = None, *, host: str = HOST, **more: Any) -> Item:
    """An item of a roster."""
    return {"slug": slug, "host_paths": {host: path or f"/srv/{slug}"}, **more}


class _Tree(MemoryTree):
    """One whose folders can be faulty too."""

    def list(self, path: str) -> tuple[str, ...]:
        if path in self.faults:
            raise FileFault(path, self.faults[path], f"{path} is {self.faults[path]}")
        return super().list(path)


class Fleet:
    """Checkouts by path, and a way to open them that opens nothing.

    Args:
        trees: The files of each checkout, or why it cannot be opened; a file that is a reason
            cannot be had.
    """

    def __init__(self, trees: Mapping[str, Files | FaultReason]) -> None:
        self.trees = trees
        self.opened: list[str] = []

    @contextmanager
    def open(self, path: str) -> Generator[Tree, None, None]:
        """Open a checkout."""
        self.opened.append(path)
        found = self.trees.get(path, FaultReason.MISSING)
        if isinstance(found, FaultReason):
            raise FileFault(path, found, f"{safety.show(path)} is {found}")
        files = {name: data for name, data in found.items() if isinstance(data, bytes)}
        faults = {name: data for name, data in found.items() if isinstance(data, FaultReason)}
        yield _Tree(files, faults)


def ask(
    items: Sequence[Any] | Roster,
    trees: Mapping[str, Files | FaultReason] | Fleet,
    *,
    definition: ActivityDefinition | None = COACH,
    definitions: Sequence[ActivityDefinition] = DRAFTS,
    window: Window = WEEK,
    now: datetime = FIRES,
    hosts: Collection[str] | None = None,
    host: str = HOST,
    list_not_scheduled: bool = False,
    defects: bool = False,
) -> Resolution:
    """Resolve a window over a fleet; a defect of the program fails, unless one is planted."""
    roster = items if isinstance(items, Roster) else load_roster(items)
    fleet = trees if isinstance(trees, Fleet) else Fleet(trees)
    open_tree: OpenTree = fleet.open
    found = resolve(
        roster,
        definition,
        definitions,
        PROMPTS,
        window=window,
        now=now,
        hosts=roster.hosts if hosts is None else hosts,
        host=host,
        zones=ZONES,
        open_tree=open_tree,
        list_not_scheduled=list_not_scheduled,
    )
    assert defects or not [one for one in found.exclusions if "a defect" in one.detail]
    return found


def examine(
    tree: Files | FaultReason,
    *,
    path: str = "/srv/ledger",
    definition: ActivityDefinition | None = COACH,
    definitions: Sequence[ActivityDefinition] = DRAFTS,
) -> Examined:
    """Look into one checkout."""
    around = surroundings(definition, definitions, PROMPTS, hosts=(HOST,), host=HOST, zones=ZONES)
    return Examiner(around, Fleet({path: tree}).open).examine(Place("ledger", path))


def sift(
    items: Sequence[Any],
    *,
    definition: ActivityDefinition | None = COACH,
    hosts: Collection[str] | None = None,
    host: str = HOST,
) -> tuple[tuple[Place, ...], tuple[Exclusion, ...]]:
    """Say which repositories of a roster a host has to look into."""
    roster = load_roster(items)
    around = surroundings(
        definition,
        DRAFTS,
        PROMPTS,
        hosts=roster.hosts if hosts is None else hosts,
        host=host,
        zones=ZONES,
    )
    return sift_roster(roster, around)


def globs(
    definition: ActivityDefinition, *, include: Sequence[str] = ("*",), exclude: Sequence[str] = ()
) -> ActivityDefinition:
    """A definition that asks about other slugs."""
    inputs = replace(definition.context.inputs, include=tuple(include), exclude=tuple(exclude))
    return replace(definition, context=replace(definition.context, inputs=inputs))


def policy(definition: ActivityDefinition, **durations: str) -> ActivityDefinition:
    """A definition with other durations."""
    changed: dict[str, Any] = durations
    return replace(definition, policy=replace(definition.policy, **changed))
