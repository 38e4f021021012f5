"""``schedule prepare --event FILE`` in real processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator

import kaizen_schedule
from kaizen_schedule.edges.packaged import schema
from kaizen_schedule.reading.codec import dumps
from tests.support import Result, manifest, run, write_files

NOW = "2026-11-30T09:00:00Z"
KEY = "my-repo:coach:2026-11-30T08:00:00Z"
EXPIRES = "2026-12-04T08:00:00Z"
DEFINITION = "weekly-coach-orientation"
RUN = ("--run", KEY, "--definition", DEFINITION, "--expires-at", EXPIRES)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    entries = manifest("coach: {cadence: weekly}", "tdd-workflow: {cadence: monthly}")
    return write_files(tmp_path / "my-repo", {".kaizen/schedule.yml": entries, ".git/HEAD": ""})


def prepare(repo: Path, *words: str | Path, agent: str = "coach") -> Result:
    return run("schedule", "prepare", agent, "--now", NOW, *words, cwd=repo)


def test_the_event_of_a_run_is_written_beside_its_bundle(repo: Path) -> None:
    result = prepare(repo, *RUN, "--event", "event.json")
    assert (result.code, result.err) == (0, "")
    assert result.out == prepare(repo, *RUN).out, "the bundle is what it is without"
    text = (repo / "event.json").read_text()
    event: dict[str, Any] = json.loads(text)
    Draft202012Validator(
        json.loads(schema("kaizen-schedule-prepared")),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    ).validate(event)
    assert JSONFormat().read(None, text).get_extension("runkey") == KEY
    assert event["subject"] == "my-repo/agents/coach"
    assert event["data"]["bundle_digest"] in result.out
    assert event["data"]["bundle_bytes"] == len(result.out.encode())


def test_the_library_makes_the_same_event(repo: Path) -> None:
    assert prepare(repo, *RUN, "--event", "event.json").code == 0
    (repo / "event.json").rename(repo.parent / "event.json")
    bundle = kaizen_schedule.prepare(
        repo,
        "coach",
        now=kaizen_schedule.parse_instant(NOW),
        run=KEY,
        definition=DEFINITION,
        expires_at=kaizen_schedule.parse_instant(EXPIRES),
    )
    event = kaizen_schedule.prepared_event(bundle)
    assert (repo.parent / "event.json").read_text() == dumps(event)


def test_either_may_go_to_standard_output(repo: Path) -> None:
    result = prepare(repo, *RUN, "-o", "bundle.md", "--event", "-")
    assert result.code == 0
    assert json.loads(result.out)["type"] == "kaizen.schedule.prepared"
    assert (repo / "bundle.md").read_text().startswith("# coach in my-repo\n")
    result = prepare(repo, *RUN, "--format", "json", "-o", "-", "--event", "event.json")
    assert json.loads(result.out)["run"] == KEY
    assert json.loads((repo / "event.json").read_text())["runkey"] == KEY


@pytest.mark.parametrize(
    "words",
    [
        ("--event", "-"),
        ("-o", "-", "--event", "-"),
        ("-o", "one", "--event", "one"),
        ("-o", "one", "--event", "./one"),
    ],
)
def test_both_in_one_place_is_wrong_use(repo: Path, words: tuple[str, ...]) -> None:
    result = prepare(repo, *RUN, *words)
    assert (result.code, result.out) == (2, "")
    assert "the bundle and --event both go to" in result.err
    assert not (repo / "one").exists()


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ((), "--run, --definition, --expires-at"),
        (("--run", KEY), "--definition, --expires-at"),
        (("--run", KEY, "--definition", DEFINITION), "--expires-at"),
        (("--definition", "", "--expires-at", EXPIRES), "--run, --definition"),
    ],
)
def test_what_is_missing_is_named(repo: Path, words: tuple[str, ...], missing: str) -> None:
    result = prepare(repo, *words, "-o", "bundle.md", "--event", "event.json")
    assert (result.code, result.out) == (2, "")
    assert f"--event needs {missing}: " in result.err
    assert not (repo / "event.json").exists()
    assert not (repo / "bundle.md").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((*RUN, "--now", EXPIRES), "expired"),
        ((*RUN[2:], "--run", KEY.replace("coach", "optimization")), "run-mismatch"),
        ((*RUN, "--token-budget", "10"), "token-budget"),
    ],
)
def test_a_refusal_writes_no_event(repo: Path, words: tuple[str, ...], reason: str) -> None:
    result = prepare(repo, *words, "--format", "json", "--event", "event.json")
    assert result.code == 1
    assert json.loads(result.out)["refusal"]["reason"] == reason
    assert not (repo / "event.json").exists()


def test_no_event_without_its_bundle_and_none_through_a_link(repo: Path) -> None:
    result = prepare(repo, *RUN, "-o", "nowhere/bundle.md", "--event", "event.json")
    assert result.code == 1
    assert not (repo / "event.json").exists()
    (repo / "victim").write_text("mine")
    (repo / "event.json").symlink_to("victim")
    result = prepare(repo, *RUN, "-o", "bundle.md", "--event", "event.json")
    assert (result.code, result.out) == (1, "")
    assert "it is a link" in result.err
    assert (repo / "victim").read_text() == "mine"
    assert (repo / "bundle.md").exists()


def test_a_secret_of_the_repository_is_in_neither(repo: Path) -> None:
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    write_files(repo, {
        "agents/agent-coach.md": f"Use {token}.\n",
        ".kaizen/agents/coach/memory.md": f"## {NOW}\n\nkey {token}\n\n" * 1_200,
    })  # fmt: skip
    result = prepare(repo, *RUN, "--event", "event.json", "-q")
    text = (repo / "event.json").read_text()
    assert token not in result.out + text
    event = json.loads(text)
    redactions = {s["name"]: s["redactions"] for s in event["data"]["sections"]}
    assert (redactions["agent"], redactions["memory"]) == (1, 1_000)
    assert {"name": "redacted", "count": 1} in event["data"]["warnings"]
    assert len(text) < 64 * 1024
