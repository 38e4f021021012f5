"""Real source trees, fetched by the ordinary package client, opted in, validated and prepared."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from .support import NOW, ROOT, run

pytestmark = pytest.mark.network

PACKAGES = ["click==8.2.1", "attrs==25.3.0", "requests==2.32.4"]


def fetch(package: str, tmp_path: Path) -> Path:
    """Unpack a source distribution."""
    venv.create(tmp_path / "client", with_pip=True)
    command = [str(tmp_path / "client/bin/python"), "-m", "pip", "download", "--no-deps"]
    command += ["--no-binary", ":all:", "-q", "-d", str(tmp_path), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(tmp_path.glob("*.tar.gz"))
    assert archives, done.stderr
    with tarfile.open(archives[0]) as archive:
        archive.extractall(tmp_path / "src", filter="data")
    (root,) = (tmp_path / "src").iterdir()
    return root


@pytest.fixture(params=PACKAGES)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return fetch(request.param, tmp_path)


def test_a_real_tree_opts_in_and_is_prepared(tree: Path) -> None:
    assert run("schedule", "init", "--timezone", "Europe/Berlin", cwd=tree).code == 0
    validated = run("schedule", "validate", "--strict", cwd=tree)
    assert (validated.code, validated.out) == (0, "")
    listed = run("schedule", "list", "--now", NOW, cwd=tree)
    assert "coach" in listed.out
    for agent in ("coach", "optimization", "tdd-workflow"):
        bundle = run("schedule", "prepare", agent, "--now", NOW, "--format", "json", cwd=tree)
        assert bundle.code == 0, bundle.err
        sections = {s["name"]: s for s in json.loads(bundle.out)["sections"]}
        assert "README" in sections["repository"]["content"]
        assert not sections["agent"]["redactions"]


def test_the_pilot_runs_on_real_trees(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    fleet = tmp_path_factory.mktemp("fleet")
    for package in PACKAGES:
        found = fetch(package, tmp_path_factory.mktemp("fetched"))
        found.rename(fleet / package.partition("=")[0])
    for path in fleet.iterdir():
        assert run("schedule", "init", "--timezone", "Europe/Berlin", "--target", path, cwd=fleet)
    record = fleet / "record.jsonl"
    done = run("schedule", "pilot", "--scan", fleet, "--at", NOW, "--record", record, cwd=fleet)
    assert done.code == 0, done.out + done.err
    steps = [json.loads(line) for line in record.read_text().splitlines()]
    prepared = {step["repo"] for step in steps if step["step"] == "prepare"}
    assert prepared == {package.partition("=")[0] for package in PACKAGES}


def test_the_hook_runs_in_pre_commit(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        config = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        subprocess.run(["git", *config, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    run("schedule", "init", cwd=tmp_path)
    git("add", ".")
    hook = [str(Path(sys.executable).with_name("pre-commit")), "try-repo", str(ROOT)]
    hook += ["kaizen-schedule-validate", "--all-files"]
    good = subprocess.run(hook, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    manifest = tmp_path / ".kaizen" / "schedule.yml"
    manifest.write_text(manifest.read_text().replace("weekly", "weely", 1))
    git("add", ".")
    bad = subprocess.run(hook, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert 'KS204 unknown cadence "weely"' in bad.stdout
