"""Frames against the plain dict of columns, and the notebooks on a large fleet.

Each frame is made of the library's values, 100,000 rows; beside it pandas makes a plain frame of
the same columns, which stand there as lists already. Both in the same run. Then each notebook is
run in a kernel, on a fleet that is written to disk: the whole time, the part of it in which the
library looks into checkouts, resolves, and reads records, the kernel's processor time, and the peak
of its memory.

    python benchmarks/frames.py [ROWS]
    python benchmarks/frames.py --notebooks [REPOSITORIES]
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent))
from machine import describe

FIRED = datetime(2026, 11, 30, 8, tzinfo=UTC)
HOST = "forge-1"


# --- Values ----------------------------------------------------------------------------------


def values_of(count: int) -> dict[str, Any]:
    """Library values of so many rows each."""
    from kaizen_schedule.orienting.metrics import Execution, Executions, Outcome
    from kaizen_schedule.orienting.record import PilotStep, StepKind
    from kaizen_schedule.planning.answers import AgentReason, RosterAnswer, RosterRow
    from kaizen_schedule.planning.cron import Cadence
    from kaizen_schedule.planning.definitions import CronOrigin, Run
    from kaizen_schedule.planning.eligibility import Exclusion
    from kaizen_schedule.planning.manifest import Review
    from kaizen_schedule.planning.reasons import Reason
    from kaizen_schedule.publishing.survey import History

    berlin = ZoneInfo("Europe/Berlin")
    agents = ("coach", "optimization", "tdd-workflow")
    reasons = tuple(Reason)
    moments = [FIRED + timedelta(seconds=number % 2_419_200) for number in range(count)]
    runs = []
    for number, moment in enumerate(moments):
        agent, path = agents[number % 3], f"/srv/r{number // 3}"
        key = f"r{number // 3}:{agent}:{moment:%Y-%m-%dT%H:%M:%SZ}"
        argv = ("kaizen-agentic", "schedule", "prepare", agent, "--target", path, "--run", key)
        runs.append(
            Run(
                repo=f"r{number // 3}", agent=agent, definition="weekly-coach-orientation",
                cadence=Cadence.WEEKLY, cron="0 9 * * 1", cron_origin=CronOrigin.DEFINITION,
                timezone="Europe/Berlin", scheduled_for=moment.astimezone(berlin),
                scheduled_for_utc=moment, not_before=moment + timedelta(seconds=number % 1800),
                expires_at=moment + timedelta(days=6), host=HOST, path=path, idempotency_key=key,
                concurrency_key=f"{HOST}:{path}", labels=("kaizen",), review=Review.NONE,
                manifest_sha256="0" * 64, argv=argv, command=" ".join(argv),
            )
        )  # fmt: skip
    exclusions = [
        Exclusion(
            repo=f"r{number}", agent=None, reason=reasons[number % len(reasons)],
            detail=f"there is no manifest in r{number}", fix="kaizen-agentic schedule init",
            transient=False,
        )
        for number in range(count)
    ]  # fmt: skip
    rows = tuple(
        RosterRow(
            repo=item.repo, eligible=False, agents=(),
            reasons=(
                AgentReason(agent=None, reason=item.reason, detail=item.detail, fix=item.fix),
            ),
        )
        for item in exclusions
    )  # fmt: skip
    steps = [
        PilotStep(
            number=number, step=StepKind.PREPARE, ok=True, definition="weekly-coach-orientation",
            repo=run.repo, agent=run.agent, run=run.idempotency_key, duration_s=0.09,
        )
        for number, run in enumerate(runs, 1)
    ]  # fmt: skip
    records = [
        Execution(
            timestamp=run.not_before, outcome=Outcome.SUCCESS, duration_s=250.0, quality=0.8,
            run=run.idempotency_key, line=1,
        )
        for run in runs
    ]  # fmt: skip
    histories = [
        History(
            repo=f"r{start // 10}", agent="coach",
            found=Executions(
                executions=tuple(records[start : start + 10]), diagnostics=(), bad=0, superseded=0
            ),
        )
        for start in range(0, count, 10)
    ]  # fmt: skip
    answer = RosterAnswer(
        host=HOST, hosts=(HOST,), roster_digest="", tzdata_version="", repos=rows, counts={}
    )
    return {
        "runs": runs, "exclusions": exclusions, "answer": answer, "steps": steps,
        "records": records, "histories": histories,
    }  # fmt: skip


def resolution_of(runs: Sequence[Any]) -> Any:
    """An answer of the resolver that holds these runs."""
    from kaizen_schedule.planning.resolver import Counts, Resolution
    from kaizen_schedule.planning.windows import Window

    return Resolution(
        window=Window(start=FIRED, end=FIRED + timedelta(days=28)), now=FIRED, host=HOST,
        hosts=(HOST,), definition=None, roster_digest="", tzdata_version="",
        scheduled_runs=tuple(runs), exclusions=(),
        counts=Counts(
            registered=0, scheduled_runs=len(runs), repos=0, exclusions=0, reasons={}
        ),
    )  # fmt: skip


def measure_frames(count: int) -> None:
    """Print a line for each frame."""
    import pandas as pd

    from kaizen_schedule.edges import packaged
    from kaizen_schedule.planning.windows import Window
    from kaizen_schedule.publishing import frames

    values = values_of(count)
    found = resolution_of(values["runs"])
    runs = frames.runs(found)
    entries = runs.drop_duplicates(["repo", "agent"]).assign(expires_after_s=518_400)
    entries = entries.reset_index(drop=True)
    window = Window(start=FIRED, end=FIRED + timedelta(weeks=-(-count // max(len(entries), 1))))
    recorded = frames.executions(values["histories"])
    made: dict[str, tuple[Callable[[], pd.DataFrame], Sequence[Any]]] = {
        "roster": (lambda: frames.roster(values["answer"]), values["answer"].repos),
        "reasons": (lambda: frames.reasons(values["answer"]), values["exclusions"]),
        "runs": (lambda: frames.runs(found), values["runs"]),
        "exclusions": (lambda: frames.exclusions(values["exclusions"]), values["exclusions"]),
        "forecast": (
            lambda: frames.forecast(entries, window, zones=packaged.zones()),
            values["runs"],
        ),
        "pilot": (lambda: frames.pilot(values["steps"]), values["steps"]),
        "executions": (lambda: frames.executions(values["histories"]), values["records"]),
        "handed_out": (
            lambda: frames.handed_out(runs, recorded, now=FIRED),
            values["runs"],
        ),
    }
    print(f"  {count:,} rows         plain      frame   ratio")
    for name, (make, models) in made.items():
        columns = _plain_columns(make(), name, models)
        plain = frame = 9e9
        for _ in range(5):
            began = time.perf_counter()
            pd.DataFrame(columns)
            plain = min(plain, time.perf_counter() - began)
            began = time.perf_counter()
            size = len(make())
            frame = min(frame, time.perf_counter() - began)
        if size < count:
            raise SystemExit(f"{name} has {size:,} rows")
        print(f"  {name:<12} {plain * 1e3:9.1f} ms {frame * 1e3:7.1f} ms {frame / plain:6.1f} x")


_NAMES = {
    "scheduled": "scheduled_for_utc",
    "local": "scheduled_for",
    "run": "idempotency_key",
    "recorded_at": "timestamp",
}


def _plain_columns(frame: Any, name: str, models: Sequence[Any]) -> dict[str, list[Any]]:
    """The columns of a frame as lists: of what the models hold, else of what follows from it."""
    from kaizen_schedule.publishing import frames

    columns: dict[str, list[Any]] = {}
    for column in frames.COLUMNS[name]:
        field = column.name if hasattr(models[0], column.name) else _NAMES.get(column.name, "")
        if field and hasattr(models[0], field) and not isinstance(getattr(models[0], field), tuple):
            columns[column.name] = [getattr(model, field) for model in models]
        else:
            columns[column.name] = frame[column.name].tolist()
    return columns


# --- Notebooks -------------------------------------------------------------------------------


_MANIFEST = """version: "1"
timezone: Europe/Berlin
agents:
  coach:
    cadence: weekly
    cron: "0 9 * * 1"
  optimization:
    cadence: weekly
  tdd-workflow:
    cadence: monthly
    enabled: false
"""


def build(root: str, count: int) -> list[dict[str, Any]]:
    """Write a fleet in which most take part, and about one in six is out for some reason.

    Args:
        root: An empty folder.
        count: How many repositories.

    Returns:
        The roster's items.
    """
    from kaizen_schedule.orienting.metrics import render_execution

    chance = random.Random(7)
    zones = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
    items: list[dict[str, Any]] = []
    for number in range(count):
        slug, path = f"r{number:06}", f"{root}/{number // 1000}/r{number:06}"
        item: dict[str, Any] = {"slug": slug, "host_paths": {HOST: path}}
        kind = chance.random()
        text = _MANIFEST
        if kind < 0.20:
            cron = f"{chance.randrange(60)} {chance.randrange(4, 23)} * * {chance.randrange(7)}"
            text = f"# {slug}\n{text}".replace("0 9 * * 1", cron)
            text = text.replace("Europe/Berlin", chance.choice(zones))
        elif kind < 0.25:
            text = text.replace("cadence: weekly", "cadence: weely", 1)
        elif kind < 0.28:
            text = text.replace("agents:", "enabled: false\nagents:")
        elif kind < 0.30:
            item["kaizen_schedule_enabled"] = False
        elif kind < 0.32:
            text = text.replace("cadence: weekly", "cadence: daily", 1)
        items.append(item)
        if 0.32 <= kind < 0.34:
            continue  # its checkout was removed
        os.makedirs(f"{path}/.git")
        if 0.34 <= kind < 0.38:
            continue  # it has not opted in
        os.makedirs(f"{path}/.kaizen/metrics/coach")
        with open(f"{path}/.kaizen/schedule.yml", "w", encoding="utf-8") as file:
            file.write(text)
        if kind < 0.40 or number % 2:
            continue
        lines = [
            render_execution(
                timestamp=FIRED - timedelta(days=7 * week) + timedelta(minutes=20),
                outcome="success" if chance.random() < 0.85 else "failure",
                duration_s=round(300 + 300 * chance.random(), 1),
                quality=round(0.5 + chance.random() / 2, 2),
                run=f"{slug}:coach:{FIRED - timedelta(days=7 * week):%Y-%m-%dT%H:%M:%SZ}",
            )
            for week in range(5, 0, -1)
            if chance.random() < 0.9
        ]
        with open(f"{path}/.kaizen/metrics/coach/executions.jsonl", "w", encoding="utf-8") as file:
            file.writelines(lines)
    return items


def record_of(count: int) -> str:
    """A pilot's record of so many runs."""
    from kaizen_schedule.orienting.record import PilotStep, StepKind, render_record

    chance = random.Random(7)
    name = "weekly-coach-orientation"
    steps = [
        PilotStep(number=0, step=StepKind.FIRE, ok=True, definition=name, fired_at=FIRED),
        PilotStep(number=0, step=StepKind.RESOLVE, ok=True, definition=name, fired_at=FIRED),
    ]
    for number in range(count):
        slug = f"r{number:06}"
        key = f"{slug}:coach:{FIRED:%Y-%m-%dT%H:%M:%SZ}"
        steps += [
            PilotStep(
                number=0, step=StepKind(kind), ok=True, definition=name, repo=slug, agent="coach",
                run=key,
                duration_s=chance.lognormvariate(-2, 0.3) if kind == "prepare" else None,
                tokens=int(chance.lognormvariate(8, 0.4)) if kind == "bundle" else None,
            )
            for kind in ("task", "prepare", "bundle", "event", "unchanged")
        ]  # fmt: skip
    detail = f"1 definition, {count:,} runs, {len(steps):,} checks, 0 failed"
    steps.append(PilotStep(number=0, step=StepKind.END, ok=True, detail=detail))
    return render_record(replace(step, number=place) for place, step in enumerate(steps, 1))


_CLOCK = """
import time
from kaizen_schedule.planning import resolver
from kaizen_schedule.publishing import survey as _survey
_spent = {"looking": 0.0, "resolving": 0.0, "records": 0.0}
def _timed(name, call):
    def timed(*given, **named):
        began = time.perf_counter()
        try:
            return call(*given, **named)
        finally:
            _spent[name] += time.perf_counter() - began
    return timed
_survey.survey = _timed("looking", _survey.survey)
_survey.conclude = _timed("resolving", _survey.conclude)
def _each(call):
    def each(*given):
        found = call(*given)
        while True:
            began = time.perf_counter()
            item = next(found, None)
            _spent["records"] += time.perf_counter() - began
            if item is None:
                return
            yield item
    return each
_survey.read_histories = _each(_survey.read_histories)
"""
_TELL = """
import json, resource
_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({**_spent, "peak": _peak, "processor": time.process_time()}))
"""


def measure_notebooks(count: int) -> None:
    """Print a line for each notebook."""
    from nbformat import v4

    from kaizen_schedule.edges import report

    make: Any = v4.new_code_cell
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-") as root:
        snapshot, record = f"{root}/snapshot.json", f"{root}/record.jsonl"
        os.mkdir(f"{root}/fleet")
        Path(snapshot).write_text(json.dumps(build(f"{root}/fleet", count)), encoding="utf-8")
        Path(record).write_text(record_of(count), encoding="utf-8")
        given: dict[str, dict[str, Any]] = {
            "roster_eligibility": {"snapshot": snapshot, "host": HOST},
            "agent_performance": {
                "snapshot": snapshot,
                "host": HOST,
                "now": "2026-11-30T07:00:00Z",
            },
            "pilot_smoke": {"record": record},
        }
        heads = "whole  looking  resolving  records  the rest  processor     peak"
        print(f"  {count:,} repositories    {heads}")
        for name, parameters in given.items():
            notebook = report.read_notebook(report.find_notebooks()[name])
            report.hand_over(notebook, parameters)
            notebook.cells.insert(0, make(_CLOCK))
            notebook.cells.append(make(_TELL))
            began = time.perf_counter()
            report.run_notebook(notebook, name, timeout_s=1_800)
            whole = time.perf_counter() - began
            told = json.loads(notebook.cells[-1].outputs[-1]["text"])
            parts = [told[key] for key in ("looking", "resolving", "records")]
            print(
                f"  {name:<20} {whole:6.1f} s"
                f" {parts[0]:6.1f} s {parts[1]:8.1f} s {parts[2]:6.1f} s "
                f"{whole - sum(parts):7.1f} s {told['processor']:8.1f} s {told['peak']:5.0f} MB",
                flush=True,
            )


def main() -> None:
    """Measure frames, or notebooks."""
    print(describe("pandas", "numpy", "matplotlib"))
    words = sys.argv[1:]
    if words and words[0] == "--notebooks":
        measure_notebooks(int(words[1]) if len(words) > 1 else 100_000)
    else:
        measure_frames(int(words[0]) if words else 100_000)


if __name__ == "__main__":
    main()
