"""Start-up of ``schedule validate`` beside bare Python, check-jsonschema and yamllint.

The program is measured in an environment of its own that holds only its wheel and what that needs;
the peers run from the development environment, on the same file (the one that ``init`` writes), in
turn, in one run.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from machine import describe

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "kaizen_schedule" / "data" / "contracts" / "manifest.schema.json"


def only_the_wheel(folder: Path) -> Path:
    """Build the wheel and install it, with the locked versions of what it needs."""
    python = folder / "env" / "bin" / "python"
    venv.create(folder / "env", with_pip=True)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    pins = re.findall(
        r"^([A-Za-z0-9_.-]+==[^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M
    )
    (folder / "pins.txt").write_text("\n".join(pins))
    wheel = next(folder.glob("*.whl"))
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", str(folder / "pins.txt"), str(wheel)], check=True)
    return python


def main(runs: int) -> None:
    """Measure in turn, print medians and ratios to bare Python."""
    with tempfile.TemporaryDirectory() as name:
        python = only_the_wheel(Path(name))
        ours = python.with_name("kaizen-agentic")
        target = Path(name) / "repository"
        target.mkdir()
        init = [ours, "schedule", "init", "-q", "--timezone", "Europe/Berlin", "--target", target]
        subprocess.run([str(word) for word in init], check=True)
        manifest = target / ".kaizen" / "schedule.yml"
        here = Path(sys.executable)
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "schedule validate": [ours, "schedule", "validate", "--quiet", "--target", target],
            "check-jsonschema": [
                here.with_name("check-jsonschema"), "--schemafile", SCHEMA, manifest,
            ],
            "yamllint": [here.with_name("yamllint"), "-d", "relaxed", manifest],
        }  # fmt: skip
        times: dict[str, list[float]] = {key: [] for key in commands}
        for number in range(runs + 2):
            for key, command in commands.items():
                begin = time.perf_counter()
                done = subprocess.run([str(word) for word in command], capture_output=True)
                elapsed = time.perf_counter() - begin
                if done.returncode:
                    raise SystemExit(f"{key} failed: {done.stdout!r} {done.stderr!r}")
                if number >= 2:
                    times[key].append(elapsed)
    print(describe("click", "PyYAML", "cronsim", "check-jsonschema", "yamllint"))
    print(f"start-up, median of {runs} runs in turn")
    bare = times["python -c pass"]
    for key, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, bare, strict=True))
        print(f"  {key:20} {statistics.median(values) * 1000:7.1f} ms  {ratio:5.1f} x bare Python")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
