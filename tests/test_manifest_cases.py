"""Manifests as files: adding ``<name>.yml`` to ``tests/cases/manifests`` adds a case.

A valid one has no errors; its warnings stand in ``<name>.txt`` beside it, where there are any. Of an
invalid one, ``<name>.txt`` is what the text reporter prints, byte for byte. Run with
``KAIZEN_REGENERATE_CASES=1`` to write these files anew, then read what changed.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kaizen_schedule import __version__
from kaizen_schedule.api.manifests import validate
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.cron import CronError, parse_cron
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.publishing.reporters import DIAGNOSTIC_REPORTERS, render_diagnostics
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.rules import RULES

from .support import write_files

CASES = Path(__file__).parent / "cases" / "manifests"
VALID = sorted((CASES / "valid").glob("*.yml"))
INVALID = sorted((CASES / "invalid").glob("*.yml"))
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REGENERATE = os.environ.get("KAIZEN_REGENERATE_CASES") == "1"

# What no manifest shows by its text alone, and where it is tested instead.
ELSEWHERE = {
    "KS100": "no file at all: tests/test_schedule_cli.py",
    "KS102": "a mebibyte of text: tests/reading/test_document.py",
    "KS116": "a file that cannot be opened: tests/edges",
    **{f"KS{number}": "the prompt's own text: tests/planning" for number in range(403, 411)},
}


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two hundred prompts of its own, ``worker-001`` and so on."""
    files = {
        f"agents/agent-worker-{number:03}.md": (
            f"---\nname: worker-{number:03}\ndescription: Use for work.\n---\nWork.\n"
        )
        for number in range(1, 201)
    }
    return write_files(tmp_path_factory.mktemp("repository"), {".git/HEAD": "", **files})


@cache
def _validate(repository: Path, case: Path) -> tuple[Diagnostic, ...]:
    write_files(repository, {MANIFEST_PATH: case.read_bytes()})
    return validate(repository, now=NOW).diagnostics


def _name(path: Path) -> str:
    return path.stem


def _compare(case: Path, printed: str) -> None:
    """Hold what is printed against the file beside the case."""
    beside = case.with_suffix(".txt")
    if REGENERATE:
        if printed:
            beside.write_bytes(printed.encode())
        else:
            beside.unlink(missing_ok=True)
    expected = beside.read_bytes().decode() if beside.exists() else ""
    if printed and not expected:
        pytest.fail(f"{beside.name} is missing; it should read:\n{printed}")
    assert printed == expected


@pytest.mark.parametrize("case", VALID, ids=_name)
def test_valid(case: Path, repository: Path) -> None:
    found = _validate(repository, case)
    errors = [item for item in found if item.severity is Severity.ERROR]
    assert not errors, render_diagnostics(errors)
    _compare(case, render_diagnostics(found))


@pytest.mark.parametrize("case", INVALID, ids=_name)
def test_invalid(case: Path, repository: Path) -> None:
    found = _validate(repository, case)
    assert any(item.severity is Severity.ERROR for item in found), "nothing is wrong with it"
    _compare(case, render_diagnostics(found))


def test_no_expectation_without_its_case() -> None:
    cases = {case.with_suffix("") for case in (*VALID, *INVALID)}
    assert {path.with_suffix("") for path in CASES.rglob("*.txt")} <= cases


def test_every_rule_that_a_manifest_can_break_is_broken(repository: Path) -> None:
    shown = {d.code for case in (*VALID, *INVALID) for d in _validate(repository, case)}
    expected = {rule.code for rule in RULES if rule.code < "KS5"} - set(ELSEWHERE)
    assert shown == expected
