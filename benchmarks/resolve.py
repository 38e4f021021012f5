"""A fleet's resolution: 1,000, 10,000 and 100,000 repositories, alike and all different.

Time per repository as multiples of the bare read (open, read, close) of the same manifests, read in
turn in the same run; peak memory of the whole process. Encoding the answer stands apart.

    python benchmarks/resolve.py [REPOSITORIES ...]
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from machine import describe

from kaizen_schedule.api.definitions import find_definition, list_definitions, window_at
from kaizen_schedule.api.fleet import Asking, discover_kaizen_scheduled_repos
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.scaffold import render_manifest
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.reading.codec import dumps

SIZES = (1_000, 10_000, 100_000)
FIRED = datetime(2026, 11, 30, 8, tzinfo=UTC)


def build(root: str, count: int, *, different: bool) -> list[dict[str, Any]]:
    """A fleet of checkouts; of those alike one in ten has a manifest of its own."""
    chance = random.Random(7)
    names = ("coach", "optimization", "tdd-workflow")
    prompts = {name: packaged.prompts()[name] for name in names}
    scaffold = render_manifest(timezone="Europe/Berlin", prompts=prompts)
    items: list[dict[str, Any]] = []
    for number in range(count):
        path = f"{root}/{number // 1000}/r{number}"
        os.makedirs(f"{path}/.kaizen")
        os.mkdir(f"{path}/.git")
        text = scaffold
        if different or number % 10 == 0:
            hour, minute = chance.randrange(4, 23), chance.randrange(60)
            text = scaffold.replace('"0 9 * * 1"', f'"{minute} {hour} * * {chance.randrange(7)}"')
            text = f"# repository {number}\n{text}"
        with open(f"{path}/.kaizen/schedule.yml", "w", encoding="utf-8") as file:
            file.write(text)
        items.append({"slug": f"r{number:06}", "host_paths": {"forge-1": path}})
    return items


def bare(items: list[dict[str, Any]]) -> float:
    """Seconds to open, read and close every manifest."""
    paths = [f"{item['host_paths']['forge-1']}/.kaizen/schedule.yml" for item in items]
    began = time.perf_counter()
    for path in paths:
        with open(path, "rb") as file:
            file.read()
    return time.perf_counter() - began


def measure(count: int, kind: str) -> None:
    """Print one line: a process of its own for each, so that the peak of memory is its own."""
    with tempfile.TemporaryDirectory(prefix="kaizen-bench-") as root:
        items = build(root, count, different=kind == "different")
        definitions = list_definitions(now=FIRED)
        definition = find_definition("weekly-coach-orientation", definitions, now=FIRED)
        window = window_at(definition, FIRED)
        reads, resolutions, encodings = [], [], []
        for _ in range(3 if count <= 10_000 else 2):
            reads.append(bare(items))
            began = time.perf_counter()
            roster = load_roster(items)
            asking = Asking(roster=roster, host="forge-1", definition=definition)
            found = discover_kaizen_scheduled_repos(
                asking, start=window.start, end=window.end, now=FIRED
            )
            resolutions.append(time.perf_counter() - began)
            if found.counts.scheduled_runs != count:
                raise SystemExit(f"{found.counts} should have {count} runs")
            if count <= 10_000:
                began = time.perf_counter()
                dumps(found)
                encodings.append(time.perf_counter() - began)
            del found
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        read, whole = statistics.median(reads), statistics.median(resolutions)
        encoding = f"{statistics.median(encodings) / read:5.1f} x" if encodings else "      -"
        print(
            f"  {count:>7,}  {kind:<10}  {read / count * 1e6:6.1f} us  "
            f"{whole / count * 1e6:7.1f} us  {whole / read:5.1f} x  {encoding}  {peak:6.0f} MB",
            flush=True,
        )


def main() -> None:
    """Measure every size and kind, each in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1].startswith("--"):
        measure(int(sys.argv[2]), sys.argv[1].removeprefix("--"))
        return
    print(describe("PyYAML", "cronsim"))
    print("  repositories             bare read   resolved      ratio  encoding     peak")
    for count in map(int, sys.argv[1:]) if len(sys.argv) > 1 else SIZES:
        for kind in ("alike", "different"):
            subprocess.run([sys.executable, __file__, f"--{kind}", str(count)], check=True)


if __name__ == "__main__":
    main()
