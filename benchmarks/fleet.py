"""10,000 manifests: bare reading, CSafeLoader, this library, check-jsonschema's library.

All read the same files, in turn, in one run; ratios are to open/read/close. Every manifest differs
from every other, so nothing is gained by remembering whole files.

    python benchmarks/fleet.py [FILES] [ROUNDS]
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from machine import describe

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.manifest import check_manifest
from kaizen_schedule.planning.timetable import check_timetable
from kaizen_schedule.reading.document import parse_document

TODAY = date(2026, 11, 24)
AGENTS = ("coach", "optimization", "tdd-workflow")


def manifest(number: int, chance: random.Random) -> str:
    """One manifest of some 15 lines, unlike the others."""
    lines = [
        f"# repository {number}",
        'version: "1"',
        f"timezone: {chance.choice(['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'])}",
        "agents:",
    ]
    for agent in AGENTS:
        hour, minute, day = chance.randrange(4, 23), chance.randrange(0, 60, 5), chance.randrange(7)
        lines += [
            f"  {agent}:",
            "    cadence: weekly",
            f'    cron: "{minute} {hour} * * {day}"',
            f"    enabled: {'true' if chance.random() < 0.8 else 'false'}",
        ]
    return "\n".join(lines) + "\n"


def read(path: str) -> bytes:
    """The bare cost of a file."""
    with open(path, "rb") as file:
        return file.read()


def ours() -> Callable[[str], object]:
    """Everything that ``validate`` finds out about one manifest."""
    zones, definitions = packaged.zones(), packaged.definitions()
    risks = {name: prompt.risk for name, prompt in packaged.prompts().items()}

    def check(path: str) -> object:
        document = parse_document(read(path), path="schedule.yml")
        checked = check_manifest(document, zones=zones, prompts=risks)
        check_timetable(checked, definitions=definitions, zones=zones, today=TODAY)
        if checked.manifest is None:
            raise SystemExit(f"{path} should be valid")
        return checked

    return check


def csafeloader() -> Callable[[str], object]:
    """PyYAML's fast loader, which gives data without positions."""
    import yaml

    return lambda path: yaml.load(read(path), Loader=yaml.CSafeLoader)


def check_jsonschema() -> Callable[[str], object]:
    """The parser and validator that check-jsonschema uses, as a library."""
    from check_jsonschema.parsers import ParserSet
    from jsonschema import Draft202012Validator

    schema = json.loads(packaged.schema("manifest"))
    validator = Draft202012Validator(schema)
    parsers = ParserSet()

    def check(path: str) -> object:
        data = parsers.parse_data_with_path(read(path), path, "yaml")
        if list(validator.iter_errors(data)):
            raise SystemExit(f"{path} should be valid")
        return data

    return check


def main(files: int, rounds: int) -> None:
    """Measure in turn, print medians and ratios to the bare read."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(files):
            path = Path(folder, f"{number}.yml")
            path.write_text(manifest(number, chance))
            paths.append(str(path))
        jobs: dict[str, tuple[Callable[[str], object], int]] = {
            "open/read/close": (read, 1),
            "CSafeLoader": (csafeloader(), 1),
            "this library": (ours(), 1),
            # A tenth of the files in each round: it takes too long otherwise.
            "check-jsonschema": (check_jsonschema(), 10),
        }
        times: dict[str, list[float]] = {key: [] for key in jobs}
        for number in range(rounds + 1):
            for key, (job, share) in jobs.items():
                chosen = paths[number % share :: share]
                begin = time.perf_counter()
                for name in chosen:
                    job(name)
                if number:
                    times[key].append((time.perf_counter() - begin) / len(chosen))
    print(describe("PyYAML", "cronsim", "jsonschema", "check-jsonschema"))
    print(f"{files:,} manifests, median of {rounds} rounds in turn, per file")
    bare = times["open/read/close"]
    for key, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, bare, strict=True))
        print(f"  {key:18} {statistics.median(values) * 1e6:8.1f} us  {ratio:6.1f} x the bare read")
    pairs = zip(times["check-jsonschema"], times["this library"], strict=True)
    print(f"  faster than check-jsonschema: {statistics.median(a / b for a, b in pairs):.1f} x")


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(*(arguments + [10_000, 5][len(arguments) :]))
