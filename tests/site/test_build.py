"""The site builds, strictly; a broken link, a broken anchor or a lost page ends the build."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from mkdocs.structure.files import Files

from kaizen_schedule.reading.diagnostics import SITE
from site_build import hooks, mermaid, npm, sources

from ..support import ROOT
from .built import DOCS, Site, build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config() -> Any:
    return load_config(str(ROOT / "mkdocs.yml"))


def test_it_builds_without_a_warning(site: Site) -> None:
    log = site.log.read_text("utf-8")
    assert log.endswith("exit code 0"), log
    assert "WARNING" not in log, log


def test_planted_faults_end_the_build(tmp_path: Path, site: Site) -> None:
    before = site.log.read_text("utf-8").count("WARNING")
    docs = tmp_path / "docs"
    shutil.copytree(DOCS, docs)
    with (docs / "changelog.md").open("a", encoding="utf-8") as page:
        page.write("\n[a page that is not there](never-written.md)\n")
        page.write("\n[a place that is not there](reasons.md#never-said)\n")
        page.write("\n[a file that is not there](contracts/never.schema.json)\n")
        page.write("\n[a path of the server](/rules/KS204/)\n")
    (docs / "guides" / "lost.md").write_text("# Nobody leads here\n", "utf-8")
    log = build(tmp_path / "site", docs=docs)
    assert "exit code 0" not in log
    planted = ("never-written.md", "#never-said", "never.schema.json", "/rules/KS204/", "lost.md")
    for told in planted:
        assert re.search(rf"^WARNING[^\n]*(\n  - )?[^\n]*{re.escape(told)}", log, re.M), (told, log)
    assert log.count("WARNING") == before + len(planted)


def test_its_address_is_the_one_in_every_published_url(config: Any) -> None:
    assert config.site_url == SITE


def test_it_asks_no_forge(config: Any) -> None:
    assert not config.repo_url
    assert config.edit_uri.startswith(SITE.removesuffix("schedule/"))
    assert config.theme["font"] is False


def test_nothing_that_is_fetched_is_committed() -> None:
    assert not list(DOCS.rglob("*mermaid*.js"))


# --- the script that draws diagrams ------------------------------------------------------------


def files_of(config: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(hooks, "CACHE", cache)
    # MkDocs sets this while it asks a hook.
    monkeypatch.setattr(config.plugins, "_current_plugin", "hooks", raising=False)
    return hooks.on_files(Files([]), config=config)


def test_the_script_is_served_from_the_cache_without_npm(
    config: Any, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    served = site.folder / hooks.SERVED / "mermaid.min.js"
    if served.read_text("utf-8") == hooks.NOTHING_TO_DRAW_WITH:
        pytest.fail("mermaid could not be had: install npm, on Debian with `apt-get install npm`")
    monkeypatch.setenv("PATH", os.devnull)
    files = files_of(config, hooks.CACHE, monkeypatch)
    assert {file.src_uri for file in files} == {f"{hooks.SERVED}/{name}" for name in mermaid.FILES}
    assert served.read_bytes() == mermaid.cached(hooks.CACHE)["mermaid.min.js"].read_bytes()


def test_without_npm_the_build_says_so_and_goes_on(
    config: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    caplog.set_level("INFO")
    (file,) = files_of(config, tmp_path / "empty", monkeypatch)
    assert file.content_string == hooks.NOTHING_TO_DRAW_WITH
    (record,) = caplog.records
    assert record.levelname == "INFO"  # a warning would end a strict build
    assert "npm is not on PATH" in record.message
    assert "Install npm" in record.message


def npm_that(tmp_path: Path, does: str) -> str:
    program = tmp_path / "npm"
    program.write_text(f"#!/bin/sh\n{does}\n", "utf-8")
    program.chmod(0o755)
    return str(program)


def test_an_npm_that_fails_is_no_npm(tmp_path: Path) -> None:
    with pytest.raises(npm.Unavailable, match="ended with 7"):
        mermaid.cached(tmp_path / "cache", npm=npm_that(tmp_path, "exit 7"))


def test_another_package_than_the_pinned_one_ends_the_build(
    config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    npm_that(tmp_path, "echo other > mermaid.tgz")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Abort, match="pinned is sha512-"):
        files_of(config, tmp_path / "cache", monkeypatch)
    assert not list((tmp_path / "cache").rglob("*.js"))


def test_a_cache_that_was_changed_is_not_served(tmp_path: Path) -> None:
    folder = tmp_path / f"mermaid-{mermaid.VERSION}"
    folder.mkdir()
    for name in mermaid.FILES:
        (folder / name).write_text("changed", "utf-8")
    with pytest.raises(npm.Unavailable):
        mermaid.cached(tmp_path, npm=npm_that(tmp_path, "exit 1"))


# --- edit links --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "meta", "source"),
    [
        ("tutorial.md", {}, "docs/tutorial.md"),
        ("changelog.md", {"edit_source": "CHANGELOG.md"}, "CHANGELOG.md"),
        ("rules/KS204.md", {}, "kaizen_schedule/data/rules/KS204.md"),
        ("rules/index.md", {}, None),
        ("contracts/fields/task.md", {"edit_source": "a/model.py"}, "a/model.py"),
        ("contracts/fields/task.md", {}, None),
        (
            "integrations/activity-definitions/weekly-agent-run.md",
            {},
            "kaizen_schedule/data/definitions/weekly-agent-run.md",
        ),
    ],
)
def test_an_edit_link_leads_to_what_a_person_edits(
    page: str, meta: dict[str, str], source: str | None
) -> None:
    assert sources.source_of(page, meta, root=ROOT) == source
