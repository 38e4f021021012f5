"""The published files are what the models say, wherever they stand, and are safe to lay out."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from kaizen_schedule.api import regenerate
from kaizen_schedule.api.contracts import compare_contracts, export_contracts, list_contracts
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.publishing.contracts import render_record_index
from kaizen_schedule.publishing.reference import MARKERS, digest_of
from kaizen_schedule.reading.errors import OutputError, Refusal, TargetError
from kaizen_schedule.reading.rules import RULES
from tests.support import ROOT

DOCS = ROOT / "docs"
MEND = "stale; mend it with: make contracts"


@cache
def documents() -> dict[str, str]:
    return regenerate.build_documents()


def test_the_program_s_copy_is_what_the_models_say() -> None:
    assert {path: packaged.contract(path).decode() for path in list_contracts()} == documents(), (
        MEND
    )


def test_the_documents_are_the_program_s_copy() -> None:
    assert compare_contracts(DOCS) == (), MEND


def test_the_index_of_records_is_made_of_them() -> None:
    records = {path.name: path.read_text("utf-8") for path in (DOCS / "adr").glob("ADR-*.md")}
    assert (DOCS / "adr/index.md").read_text("utf-8") == render_record_index(records), MEND


def test_a_record_without_a_head_is_told() -> None:
    with pytest.raises(ValueError, match=r"ADR-1\.md has no front matter"):
        render_record_index({"ADR-1.md": "# A record\n"})


def test_nothing_else_stands_where_only_generated_files_do() -> None:
    """A file that is no longer generated must not stay."""
    known = set(list_contracts())
    for folder in ("contracts", "rules", "integrations", "examples/.kaizen"):
        found = {path.relative_to(DOCS).as_posix() for path in (DOCS / folder).rglob("*")
                 if path.is_file()}  # fmt: skip
        assert found <= known


def test_a_planted_change_is_found(tmp_path: Path) -> None:
    export_contracts(tmp_path)
    page = tmp_path / "rules/KS204.md"
    page.write_text(page.read_text().replace("weely", "weekley"))
    (tmp_path / "contracts/task.schema.json").unlink()
    (tmp_path / "contracts/manifest.schema.json").write_bytes(b"\xff\x1b[31m")
    (tmp_path / "contracts/unknown.txt").write_text("left alone")
    drifts = {drift.path: drift for drift in compare_contracts(tmp_path)}
    assert set(drifts) == {
        "rules/KS204.md",
        "contracts/task.schema.json",
        "contracts/manifest.schema.json",
    }
    assert drifts["contracts/task.schema.json"].missing
    assert "-    cadence: weekley\n+    cadence: weely\n" in drifts["rules/KS204.md"].diff
    assert "\x1b" not in drifts["contracts/manifest.schema.json"].diff
    assert set(export_contracts(tmp_path)) == set(drifts)
    assert compare_contracts(tmp_path) == ()
    assert (tmp_path / "contracts/unknown.txt").read_text() == "left alone"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("mine")
    folder = tmp_path / "docs"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules/KS204.md").symlink_to(other)
    with pytest.raises(Refusal, match=r"rules/KS204\.md is a link"):
        export_contracts(folder)
    assert other.read_text() == "mine"


def test_nothing_is_written_or_read_through_a_linked_folder(tmp_path: Path) -> None:
    other, folder = tmp_path / "other", tmp_path / "docs"
    export_contracts(other)
    (other / "rules/KS204.md").write_text("a secret of another folder")
    before = {path: path.stat().st_mtime_ns for path in other.rglob("*")}
    folder.mkdir()
    (folder / "rules").symlink_to(other / "rules")
    with pytest.raises(OutputError, match="a link or a file stands where a folder must be"):
        export_contracts(folder)
    assert {path: path.stat().st_mtime_ns for path in other.rglob("*")} == before
    drift = next(found for found in compare_contracts(folder) if found.path == "rules/KS204.md")
    assert (drift.missing, drift.diff) == (True, "")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(TargetError, match="is no folder"):
        compare_contracts(file)
    with pytest.raises(OutputError, match="cannot make folder"):
        export_contracts(file)


def test_every_path_is_one_that_any_system_can_hold() -> None:
    folded = [path.lower() for path in list_contracts()]
    assert len(set(folded)) == len(folded)
    for path in list_contracts():
        assert all(part not in ("", ".", "..") for part in PurePosixPath(path).parts)
        assert path.isascii()


def test_every_page_says_from_what_it_came() -> None:
    for path, text in documents().items():
        if path.endswith(".md") and "/activity-definitions/weekly-" not in path:
            front = text.split("---\n")[1]
            (source,) = front.splitlines()
            name = source.removeprefix("edit_source: ")
            assert (ROOT / name).exists(), path
            assert "SHA-256" in text, path


def test_every_rule_and_reason_has_its_page() -> None:
    assert {f"rules/{rule.code}.md" for rule in RULES} < set(list_contracts())
    order = packaged.reasons()
    assert order == (*map(str, Reason), "expired", "token-budget", "run-mismatch")
    for reason in order:
        assert f"\n## {reason}\n" in documents()["reasons.md"]
        page = packaged.reason_page(reason) or ""
        assert page.count("\n\nWhy: ") == page.count("\n\nWhat to do: ") == 1
        assert all(len(line) <= 80 for line in page.splitlines())


def test_schemas_point_to_anchors_that_exist() -> None:
    for path, text in documents().items():
        if not path.endswith(".schema.json"):
            continue
        name = path.removeprefix("contracts/").removesuffix(".schema.json")
        page = documents()[f"contracts/fields/{name}.md"]
        schema = json.loads(text)
        parts = [schema, *schema.get("$defs", {}).values()]
        for part in parts:
            for field in part.get("properties", {}).values():
                address = field["description"].split()[-1]
                head, _, anchor = address.partition("#")
                assert head.endswith(f"/contracts/fields/{name}/")
                assert f'<a id="{anchor}"></a>' in page


def test_no_marker_is_left() -> None:
    for path, text in documents().items():
        for kind in MARKERS:
            assert f"<!-- {kind}" not in text, path


def test_a_digest_tells_texts_apart() -> None:
    assert digest_of("a", "b") != digest_of("ab") != digest_of("ab", "")


def test_regenerating_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs, held = tmp_path / "docs", tmp_path / "published"
    (docs / "adr").mkdir(parents=True)
    for record in (DOCS / "adr").glob("ADR-*.md"):
        shutil.copy(record, docs / "adr")
    held.mkdir()
    (held / "stale.md").write_text("no longer generated")
    real = packaged.data_path
    monkeypatch.setattr(
        packaged,
        "data_path",
        lambda *parts: (
            str(held.joinpath(*parts[1:])) if parts[:1] == ("published",) else real(*parts)
        ),
    )
    monkeypatch.setattr(sys, "argv", ["regenerate", str(docs)])
    monkeypatch.delitem(sys.modules, "kaizen_schedule.api.regenerate")
    runpy.run_module("kaizen_schedule.api.regenerate", run_name="__main__")
    for root, folder in ((Path(real("published")), held), (DOCS, docs)):
        for path in folder.rglob("*"):
            if path.is_file():
                assert path.read_bytes() == (root / path.relative_to(folder)).read_bytes(), MEND
    assert not (held / "stale.md").exists()
