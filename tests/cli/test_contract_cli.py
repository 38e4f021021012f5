"""``contract export`` as its users run it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from kaizen_schedule.api.contracts import list_contracts
from tests.support import ROOT, run


def test_export_and_check(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    total = len(list_contracts())
    first = run("contract", "export", str(folder), cwd=tmp_path)
    assert (first.code, first.out) == (0, "")
    assert first.err == f"{total} files written, 0 were right already\n"
    again = run("contract", "export", str(folder), "--quiet", cwd=tmp_path)
    assert (again.code, again.out, again.err) == (0, "", "")
    fine = run("contract", "export", str(folder), "--check", cwd=tmp_path)
    assert (fine.code, fine.out, fine.err) == (0, "", f"{total} files, none has drifted\n")


@pytest.mark.parametrize(
    ("name", "operands"), [("a folder", "'a folder'"), ("-a", "-- -a"), ("--check", "-- --check")]
)
def test_drift_is_shown_with_what_mends_it(name: str, operands: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    run("contract", "export", str(folder), cwd=tmp_path)
    page = folder / "rules/KS204.md"
    page.write_text(page.read_text().replace("weely", "weakly"))
    (folder / "reasons.md").unlink()
    found = run("contract", "export", "--check", "--", name, cwd=tmp_path)
    assert found.code == 1
    assert "reasons.md is missing\n" in found.out
    assert "-    cadence: weakly\n+    cadence: weely\n" in found.out
    (told,) = found.err.splitlines()
    command = told.rpartition("mend it with: ")[2]
    assert command == f"kaizen-agentic contract export {operands}"
    run(*shlex.split(command)[1:], cwd=tmp_path)
    assert run("contract", "export", "--check", "--", name, cwd=tmp_path).code == 0


def test_a_very_long_difference_is_cut(tmp_path: Path) -> None:
    run("contract", "export", str(tmp_path), cwd=tmp_path)
    (tmp_path / "rules/KS204.md").write_text("x\n" * 1_000)
    found = run("contract", "export", str(tmp_path), "--check", cwd=tmp_path)
    assert len(found.out.splitlines()) == 401
    assert found.out.splitlines()[-1].endswith("more lines")


def test_json(tmp_path: Path) -> None:
    done = run("contract", "export", str(tmp_path), "--format", "json", cwd=tmp_path)
    assert json.loads(done.out)["written"] == list(list_contracts())
    (tmp_path / "reasons.md").unlink()
    done = run("contract", "export", str(tmp_path), "--check", "--format", "json", cwd=tmp_path)
    assert done.code == 1
    held = json.loads(done.out)
    assert held["ok"] is False
    assert held["drifts"] == [{"path": "reasons.md", "missing": True, "diff": ""}]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = run("contract", "export", "nowhere", "--check", cwd=tmp_path)
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        'error: "nowhere" is no folder',
        "fix: name a folder that was exported to; without --check it is made",
    ]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    found = run("contract", "export", "file", cwd=tmp_path)
    assert found.code == 1
    assert "cannot make folder" in found.err
    assert found.err.splitlines()[1] == "fix: name a folder that you may make or write to"
    assert (tmp_path / "file").read_text() == "mine"


def test_the_documents_of_this_project_have_not_drifted() -> None:
    assert run("contract", "export", "docs", "--check", cwd=ROOT).code == 0
