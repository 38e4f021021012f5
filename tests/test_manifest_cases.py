"""Manifests as files: adding ``<name>.yml`` to ``tests/cases/manifests`` adds a case.

A valid one has no errors; its warnings stand in ``<name>.txt`` beside it, where there are any. Of
an invalid one, ``<name>.txt`` is what the text reporter prints, byte for byte. Run with
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
from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.publishing.reporters import DIAGNOSTIC_REPORTERS, render_diagnostics
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.document import parse_document
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


def test_the_json_form_is_what_its_schema_says(repository: Path) -> None:
    schema = Draft202012Validator(json.loads(packaged.schema("diagnostics")))
    for case in INVALID:
        found = _validate(repository, case)
        text = DIAGNOSTIC_REPORTERS["json"](found, ok=False, version=__version__)
        schema.validate(json.loads(text))
        assert text.isascii()
        assert len(json.loads(text)["diagnostics"]) == len(found)


def test_the_schema_refuses_what_the_loader_refuses(repository: Path) -> None:
    schema = Draft202012Validator(json.loads(packaged.schema("manifest")))
    compared = 0
    for case in (*VALID, *INVALID):
        document = parse_document(case.read_bytes(), path=MANIFEST_PATH)
        if not document.findings:
            compared += 1
            shape = {d.code for d in _validate(repository, case) if "KS2" < d.code < "KS3"}
            # That two names differ by case alone is all that a schema cannot say. And jsonschema
            # lets a pattern end before a last newline, which ECMA-262 does not.
            if case.stem != "agent-name-with-a-newline":
                assert schema.is_valid(document.data) == (shape <= {"KS208"}), case.stem
    assert compared > 200


def _lines(case: Path) -> list[str]:
    text = case.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    return re.split("\r\n|\r|\n", text)


@pytest.mark.parametrize("case", [*VALID, *INVALID], ids=_name)
def test_places(case: Path, repository: Path) -> None:
    lines = _lines(case)
    found = _validate(repository, case)
    order = [(d.line, d.column) for d in found]
    assert order == sorted(order)
    for item in found:
        assert 1 <= item.line <= len(lines)
        assert 1 <= item.column <= len(lines[item.line - 1]) + 1
        assert (item.line, item.column) <= (item.end_line, item.end_column)
        line = lines[item.line - 1]
        marked = line[item.column - 1 : item.end_column - 1]
        if item.excerpt == line and line.isascii() and item.end_line == item.line and marked:
            columns = [i for i, mark in enumerate(item.carets) if mark == "^"]
            assert "".join(f"{line} "[i] for i in columns) == marked


_CRON = re.compile(r'"([^" ]+(?: [^" ]+){4})"')


@pytest.mark.parametrize("case", [*VALID, *INVALID], ids=_name)
def test_a_suggested_cron_is_one(case: Path, repository: Path) -> None:
    for item in _validate(repository, case):
        if not item.fix.startswith("quote it"):
            for cron in _CRON.findall(item.fix):
                parse_cron(cron)


def test_crons_are_suggested_at_all(repository: Path) -> None:
    fixes = [d.fix for case in INVALID for d in _validate(repository, case) if d.code > "KS3"]
    assert sum(bool(_CRON.search(fix)) for fix in fixes) > 50


_MEANT = re.compile(r"did you mean ([^?]+)\?")


@pytest.mark.parametrize("case", INVALID, ids=_name)
def test_what_was_probably_meant_is_right(case: Path, repository: Path) -> None:
    """Whoever does as the fix says is rid of the finding."""
    lines = _lines(case)
    for item in _validate(repository, case):
        if match := _MEANT.match(item.fix):
            line = lines[item.line - 1]
            mended = [*lines]
            mended[item.line - 1] = line[: item.column - 1] + match[1] + line[item.end_column - 1 :]
            write_files(repository, {MANIFEST_PATH: "\n".join(mended)})
            after = validate(repository, now=NOW).diagnostics
            assert (item.code, item.line, item.message) not in [
                (d.code, d.line, d.message) for d in after
            ]
            assert not any(d.line == item.line and d.code == item.code for d in after) or (
                "on-one-line" in case.stem
            )
