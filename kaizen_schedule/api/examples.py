"""Examples for the published pages: each made by the program itself, of one small fleet in memory.

Only the making of the documents needs them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged, scaffold
from kaizen_schedule.orienting.admission import Request, Surroundings
from kaizen_schedule.orienting.bundle import render_bundle
from kaizen_schedule.orienting.events import (
    PILOT_SCHEMA,
    PREPARED_SCHEMA,
    PilotCompletedData,
    PilotCounts,
    pilot_event,
    prepared_event,
)
from kaizen_schedule.orienting.orientation import build_bundle
from kaizen_schedule.orienting.record import PilotStep, StepKind
from kaizen_schedule.planning import resolver, roster_file
from kaizen_schedule.planning.answers import answer_roster
from kaizen_schedule.planning.eligibility import Examiner, sift_roster
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.planning.tasks import tasks_of, temporal_schedule
from kaizen_schedule.planning.windows import next_window
from kaizen_schedule.publishing.reference import Example
from kaizen_schedule.publishing.schemas import DiagnosticsReport
from kaizen_schedule.reading.codec import SCHEMA_VERSION, dumps
from kaizen_schedule.reading.errors import FaultReason, FileFault
from kaizen_schedule.reading.tree import MemoryTree

from .manifests import check_tree

_FIRES = datetime(2026, 11, 30, 8, tzinfo=UTC)
_HOST = "forge-1"
_WRONG = 'version: "1"\nagents:\n  coach:\n    cadence: weely\n'
_NOTE = "## 2026-11-23T08:20:00Z\n\nThe test of the importer is flaky; look at its clock first.\n"
_RUN = '{"timestamp": "2026-11-23T08:20:00Z", "outcome": "success", "duration_s": 640}\n'

_ROSTER = [
    {"slug": "kaizen-agentic", "host_paths": {_HOST: "/srv/kaizen-agentic"}},
    {"slug": "ledger", "host_paths": {_HOST: "/srv/ledger", "forge-2": "/data/ledger"}},
    {
        "slug": "greenhouse",
        "host_paths": {_HOST: "/srv/greenhouse"},
        "kaizen_schedule_enabled": False,
    },
]


def example_manifest() -> str:
    """The manifest that ``schedule init`` writes for Berlin."""
    return scaffold.render_manifest(timezone="Europe/Berlin", prompts={})


def _trees() -> Mapping[str, Mapping[str, bytes]]:
    own = {
        ".git/HEAD": b"ref: refs/heads/main\n",
        MANIFEST_PATH: example_manifest().encode(),
        ".kaizen/agents/coach/memory.md": _NOTE.encode(),
        ".kaizen/metrics/coach/executions.jsonl": _RUN.encode(),
        "README.md": b"# kaizen-agentic\n",
    }
    return {
        "/srv/kaizen-agentic": own,
        "/srv/ledger": {".git/HEAD": b"x", MANIFEST_PATH: _WRONG.encode()},
    }


@contextmanager
def _open(path: str) -> Iterator[MemoryTree]:
    trees = _trees()
    if path not in trees:
        raise FileFault(path, FaultReason.MISSING, f"{path} does not exist")
    yield MemoryTree(trees[path])


def build_examples() -> dict[str, Example]:
    """Every example by its name.

    Example:
        >>> build_examples()["task"].title
        'task'
    """
    zones, prompts, drafts = packaged.zones(), packaged.prompts(), packaged.definitions()
    coach = next(item for item in drafts if item.agent == "coach")
    roster = load_roster(_ROSTER)
    around = resolver.surroundings(
        coach, drafts, prompts, hosts=roster.hosts, host=_HOST, zones=zones
    )
    places, excluded = sift_roster(roster, around)
    examiner = Examiner(around, _open)
    looked = [(place, examiner.examine(place)) for place in places]
    window = next_window(coach, _FIRES, held=None, zones=zones)
    found = resolver.conclude(roster, looked, excluded, around, window=window, now=_FIRES)
    run, task = found.scheduled_runs[0], tasks_of(coach, found)[0]
    request = Request(
        agent=run.agent,
        target=run.path,
        repository="kaizen-agentic",
        now=run.not_before,
        run=run.idempotency_key,
        definition=run.definition,
        expires_at=run.expires_at,
    )
    orientation = Surroundings(
        zones=zones, prompts=prompts, definitions=drafts, tool_version=__version__
    )
    with _open(run.path) as tree:
        bundle = build_bundle(tree, request, orientation)
    step = PilotStep(
        number=1,
        step=StepKind.FIRE,
        ok=True,
        definition=coach.id,
        detail="fires Mon 30 Nov 09:00 Europe/Berlin",
        fired_at=_FIRES,
    )
    record = dumps(step, indent=None)
    data = PilotCompletedData(
        tool_version=__version__,
        ok=True,
        host=_HOST,
        started_at=_FIRES,
        finished_at=_FIRES.replace(second=4),
        counts=PilotCounts(
            definitions=3, runs=5, checks=15, failed=0, prepared=2, excluded=len(found.exclusions)
        ),
        record_sha256=hashlib.sha256(record.encode()).hexdigest(),
        roster_digest=roster.digest,
    )
    wrong = check_tree(
        MemoryTree({MANIFEST_PATH: _WRONG.encode()}), _FIRES.date(), label=MANIFEST_PATH
    )
    report = DiagnosticsReport(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        ok=False,
        diagnostics=tuple(wrong),
        omitted=0,
    )
    page = {"items": _ROSTER, "next_cursor": None, "total": len(_ROSTER)}
    return {
        "manifest": Example("yaml", MANIFEST_PATH, example_manifest()),
        "roster-file": Example("yaml", "roster.yml", roster_file.example()),
        "hub-page": Example("json", "repos.json", dumps(page)),
        "roster": Example("json", "roster", dumps(answer_roster(roster, looked, excluded, around))),
        "resolution": Example("json", "resolution", dumps(found)),
        "exclusion": Example("json", "exclusion.json", dumps(found.exclusions[-1])),
        "task": Example("json", "task", dumps(task)),
        "bundle": Example("markdown", "bundle", render_bundle(bundle)),
        "prepared-event": Example("json", PREPARED_SCHEMA, dumps(prepared_event(bundle))),
        "pilot-event": Example("json", PILOT_SCHEMA, dumps(pilot_event(data))),
        "pilot-step": Example("json", "pilot-step", record),
        "diagnostics": Example("json", "diagnostics", dumps(report)),
        "temporal-schedule": Example("json", "temporal-schedule", dumps(temporal_schedule(coach))),
        "definition": Example("markdown", "definition", packaged.draft(coach.id)),
    }
