"""The house's order: which module may import which, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import ROOT

PACKAGE = ROOT / "kaizen_schedule"

ORDER = {
    "reading": [
        "errors",
        "safety",
        "shell",
        "codec",
        "strict_json",
        "diagnostics",
        "rules",
        "tree",
        "source",
        "syntax",
        "document",
    ],
    "planning": [
        "shape",
        "cron",
        "recurrence",
        "agents",
        "manifest",
        "definitions",
        "timetable",
        "definition_files",
        "roster",
        "roster_file",
        "reasons",
        "eligibility",
        "windows",
        "runs",
        "resolver",
        "pages",
        "tasks",
        "answers",
    ],
    "orienting": [
        "memory",
        "metrics",
        "trends",
        "suggestions",
        "bundle",
        "admission",
        "orientation",
        "events",
        "record",
    ],
    "publishing": [
        "reporters",
        "listings",
        "calendar",
        "columns",
        "survey",
        "roster_frames",
        "run_frames",
        "record_frames",
        "frames",
        "showing",
        "canvas",
        "fleet_pictures",
        "record_pictures",
        "markup",
        "notebook_pages",
        "vectors",
        "comparing",
        "verdicts",
        "vector_texts",
        "vector_cases",
        "schemas",
        "fields",
        "reference",
        "yaml_text",
        "asyncapi",
        "hub_schemas",
        "openapi",
        "contracts",
    ],
    "edges": [
        "files",
        "writing",
        "packaged",
        "machine",
        "scaffold",
        "fleet",
        "hub",
        "processes",
        "conformance",
        "report",
    ],
}
FOLDERS = list(ORDER)
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, also inside functions, as full names."""
    here = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def place(name: str) -> tuple[str, str] | None:
    """Folder and module of a name inside the package's ordered folders."""
    parts = name.split(".")
    if len(parts) > 2 and parts[0] == "kaizen_schedule" and parts[1] in ORDER:
        return parts[1], parts[2]
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_has_its_place(folder: str) -> None:
    found = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    assert found == set(ORDER[folder])


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    folder = path.parent.name
    if folder not in ORDER or path.stem == "__init__":
        return
    for name in imports(path):
        if not name.startswith("kaizen_schedule.") or name == "kaizen_schedule.__version__":
            continue  # the version is a constant of the root, which imports nothing
        found = place(name)
        assert found is not None or name.split(".")[1] in ORDER, f"{path.stem} imports {name}"
        if found is None:
            continue
        other, module = found
        if other == folder:
            if module in ORDER[folder]:
                assert ORDER[folder].index(module) < ORDER[folder].index(path.stem), name
        else:
            assert FOLDERS.index(other) < FOLDERS.index(folder), f"{path.stem} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_document_uses_pyyaml(path: Path) -> None:
    users = any(name == "yaml" or name.startswith("yaml.") for name in imports(path))
    assert users == (path.name == "document.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_can_be_read_in_ten_minutes(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 520


HEAVY = [
    "argparse", "asyncio", "difflib", "email", "importlib.metadata", "importlib.resources",
    "logging",
    "multiprocessing", "numpy", "pandas", "pathlib", "pydantic", "rich", "shlex", "socket", "ssl",
    "subprocess",
    "tempfile", "typer", "unittest", "urllib.request", "urllib3",
    "kaizen_schedule.cli.agents", "kaizen_schedule.cli.memory", "kaizen_schedule.cli.metrics",
    "kaizen_schedule.edges.writing", "kaizen_schedule.orienting.bundle",
    "kaizen_schedule.orienting.metrics",
    "kaizen_schedule.publishing.contracts", "kaizen_schedule.publishing.schemas",
]  # fmt: skip


def test_validate_loads_nothing_heavy() -> None:
    script = (
        "import sys; from kaizen_schedule.cli import main; "
        f"code = main(['schedule', 'validate', '--target', {str(ROOT)!r}, '--quiet']); "
        f"print(code, sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_importing_the_package_loads_nothing_of_it() -> None:
    script = (
        "import sys, kaizen_schedule; "
        "print([m for m in sys.modules if m.startswith('kaizen_schedule.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
