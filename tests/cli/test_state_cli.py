"""``kaizen-agentic agents``, ``memory`` and ``metrics``, in real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import NOW, ROOT, run, write_files

RECORDS = ".kaizen/metrics/coach/executions.jsonl"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write_files(tmp_path, {".git/HEAD": ""})


# --- agents ------------------------------------------------------------------------------------


def test_agents_list_says_where_from_and_what_is_odd(repo: Path) -> None:
    write_files(repo, {
        "agents/agent-coach.md": "---\nname: coach\ndescription: Ours.\n---\nBe kind.\n",
        ".claude/agents/reviewer.md": "---\nname: reviewer\ndescription: Use: now\n---\nLook.\n",
        "agents/agent-broken.md": b"\xff",
        "agents/agent-.odd.md": "",
    })  # fmt: skip
    result = run("agents", "list", cwd=repo)
    assert result.code == 1
    rows = {line.split()[0]: line for line in result.out.splitlines() if line.strip()}
    assert "agents/agent-coach.md" in rows["coach"]
    assert "packaged" in rows["optimization"]
    assert "high" in rows["sys-medic"]
    assert "cannot be read" in rows["broken"]
    assert ".claude/agents/reviewer.md:3:17: KS405 warning: " in result.out
    assert "agents/agent-broken.md:1:1: KS409 " in result.out
    assert "agents/agent-.odd.md:1:1: KS410 " in result.out
    answer = json.loads(run("agents", "list", "--format", "json", cwd=repo).out)
    assert answer["ok"] is False
    assert {a["name"]: a["risk"] for a in answer["agents"]}["releaseManager"] == "high"
    assert all(len(line) <= 80 for line in result.out.splitlines()[:9])


def test_agents_show_and_install(repo: Path) -> None:
    shown = run("agents", "show", "coach", cwd=repo)
    assert shown.code == 0
    assert shown.out.startswith("---\nname: coach\n")
    installed = run("agents", "install", "coach", cwd=repo)
    assert installed.code == 0
    assert (repo / "agents/agent-coach.md").read_text() == shown.out
    again = run("agents", "install", "coach", cwd=repo)
    assert (again.code, "already exists" in again.err) == (1, True)
    assert run("agents", "install", "coach", "--force", cwd=repo).code == 0
    for words in (("show", "cooach"), ("install", "cooach")):
        slip = run("agents", *words, cwd=repo)
        assert (slip.code, slip.out, "did you mean coach?" in slip.err) == (2, "", True)


def test_an_installed_prompt_of_the_packaged_kind_has_no_lint(repo: Path) -> None:
    for name in ("coach", "optimization", "tdd-workflow", "sys-medic", "releaseManager"):
        assert run("agents", "install", name, cwd=repo).code == 0
    result = run("agents", "list", cwd=repo)
    assert (result.code, "KS" in result.out) == (0, False)


# --- memory ------------------------------------------------------------------------------------


def test_memory_add_and_brief(repo: Path) -> None:
    first = run("memory", "add", "coach", "--text", "One.", "--now", NOW, cwd=repo)
    assert (first.code, first.out) == (0, "")
    later = "2026-11-25T12:00:00Z"
    assert run("memory", "add", "coach", "--now", later, cwd=repo, stdin="Two.\n").code == 0
    text = (repo / ".kaizen/agents/coach/memory.md").read_text()
    assert text == f"## {NOW}\n\nOne.\n\n## {later}\n\nTwo.\n\n"
    brief = run("memory", "brief", "coach", cwd=repo)
    assert brief.out.index("One.") < brief.out.index("Two.")
    assert "One." not in run("memory", "brief", "coach", "--limit", "40", cwd=repo).out
    answer = json.loads(run("memory", "brief", "coach", "--format", "json", cwd=repo).out)
    assert len(answer["notes"]) == 2


def test_memory_refusals(repo: Path) -> None:
    empty = run("memory", "add", "coach", "--text", " ", cwd=repo)
    assert (empty.code, empty.out) == (2, "")
    slip = run("memory", "add", "cooach", "--text", "x", cwd=repo)
    assert (slip.code, "did you mean coach?" in slip.err) == (2, True)
    write_files(repo, {"agents/agent-coach.md": "---\nname: coach\nmemory: disabled\n---\n"})
    refused = run("memory", "add", "coach", "--text", "x", cwd=repo)
    assert (refused.code, "memory: disabled" in refused.err) == (1, True)
    assert not (repo / ".kaizen").exists()
    nothing = run("memory", "brief", "optimization", cwd=repo)
    assert (nothing.code, nothing.out, "no notes" in nothing.err) == (0, "", True)


def test_a_note_that_is_not_utf_8_is_refused(repo: Path) -> None:
    for note, line in ((b"caf\xe9\n", 1), (b"One.\nTwo.\n\xc3", 3)):
        done = run("memory", "add", "coach", cwd=repo, stdin=note)
        assert (done.code, done.out, done.err) == (
            2,
            "",
            f"error: the note is not UTF-8, first in line {line}\n"
            "fix: save it as UTF-8, or pass --text\n",
        )
    assert not (repo / ".kaizen").exists()
    # What was read of it ends within a character: that is no fault of the note.
    long = run("memory", "add", "coach", cwd=repo, stdin="a" + "é" * 64 * 1024)
    assert (long.code, "not UTF-8" in long.err, "fix: " in long.err) == (2, False, True)


# --- metrics -----------------------------------------------------------------------------------


def record(repo: Path, *words: str) -> None:
    done = run("metrics", "record", "coach", *words, cwd=repo)
    assert done.code == 0, done.err


def test_metrics_record_show_optimize(repo: Path) -> None:
    for day in range(1, 7):
        moment = f"2026-11-{day + 15:02}T12:00:00Z"
        outcome = "success" if day % 3 else "failure"
        record(repo, "--outcome", outcome, "--duration-s", str(60 * day), "--now", moment)
    shown = run("metrics", "show", "coach", "--now", NOW, cwd=repo)
    assert shown.code == 0
    assert "6" in shown.out
    assert "66%" in shown.out
    assert all(len(line) <= 80 for line in shown.out.splitlines())
    summary = json.loads(
        run("metrics", "show", "coach", "--now", NOW, "--format", "json", cwd=repo).out
    )["summary"]
    assert summary["count"] == 6
    assert summary["median_duration_s"] == 210
    suggested = run("metrics", "optimize", "coach", "--now", NOW, cwd=repo)
    assert suggested.code == 0
    assert "line" in suggested.out


def test_a_run_recorded_twice_counts_once_and_is_said(repo: Path) -> None:
    key = "a%20repo:coach:2026-11-23T08:00:00Z"
    words = ("--duration-s", "5", "--run", key)
    record(repo, "--outcome", "failure", *words, "--now", "2026-11-23T10:00:00Z")
    second = run(
        "metrics", "record", "coach", "--outcome", "success", *words,
        "--now", "2026-11-23T11:00:00Z", cwd=repo,
    )  # fmt: skip
    assert (second.code, second.out) == (0, "")
    assert "recorded before, as failure" in second.err
    summary = json.loads(
        run("metrics", "show", "coach", "--now", NOW, "--format", "json", cwd=repo).out
    )["summary"]
    assert (summary["count"], summary["successes"]) == (1, 1)
    assert len((repo / RECORDS).read_text().splitlines()) == 2


def test_metrics_record_refuses_what_means_nothing(repo: Path) -> None:
    for words in (
        ("--outcome", "great", "--duration-s", "1"),
        ("--outcome", "success"),
        ("--outcome", "success", "--duration-s", "1", "--started-at", NOW),
        ("--outcome", "success", "--duration-s", "-1"),
        ("--outcome", "success", "--duration-s", "nan"),
        ("--outcome", "success", "--duration-s", "1", "--quality", "2"),
        ("--outcome", "success", "--duration-s", "1", "--run", "nonsense"),
        ("--outcome", "success", "--duration-s", "1", "--run", "r:other:2026-11-23T08:00:00Z"),
    ):
        result = run("metrics", "record", "coach", *words, cwd=repo)
        assert (result.code, result.out) == (2, ""), words
        assert result.err.startswith("error: ")
    assert not (repo / ".kaizen").exists()


@pytest.mark.parametrize(
    ("started", "seconds"),
    [
        ("2026-11-24T11:55:50Z", 250),
        ("2027-11-24T12:00:00Z", 0),
        ("1999-01-01T00:00:00Z", 366 * 24 * 3600),
    ],
)
def test_durations_from_a_start_that_may_be_odd(repo: Path, started: str, seconds: int) -> None:
    record(repo, "--outcome", "success", "--started-at", started, "--now", NOW)
    (line,) = (repo / RECORDS).read_text().splitlines()
    assert json.loads(line)["duration_s"] == seconds


def test_bad_lines_are_told_and_the_rest_counts(repo: Path) -> None:
    good = '{"timestamp": "2026-11-23T10:00:00Z", "outcome": "success", "duration_s": 5}'
    write_files(repo, {RECORDS: f"{good}\n<<<<<<< ours\nnot json\n{good}\n"})
    shown = run("metrics", "show", "coach", "--now", NOW, "--format", "json", cwd=repo)
    assert shown.code == 0
    answer = json.loads(shown.out)
    assert answer["summary"]["count"] == 2
    assert [d["line"] for d in answer["diagnostics"]] == [2, 3]
    assert f"{RECORDS}:2:1: KS601 warning: " in shown.err


# --- every help --------------------------------------------------------------------------------

COMMANDS = [
    ("schedule", "init"), ("schedule", "validate"), ("schedule", "list"), ("schedule", "enable"),
    ("schedule", "disable"), ("schedule", "prepare"), ("schedule", "rule"), ("agents", "list"),
    ("agents", "show"), ("agents", "install"), ("memory", "brief"), ("memory", "add"),
    ("metrics", "record"), ("metrics", "show"), ("metrics", "optimize"), ("contract", "export"),
    ("completion",),
]  # fmt: skip
FLEET = [("schedule", name) for name in ("roster", "why", "runs", "definitions", "pilot", "report")]
"""Their examples need a fleet, and are tried with one."""
CONFORMANCE = [("contract", name) for name in ("conformance", "answer")]
"""Their examples need an adapter or a vector, and are tried with one."""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_ends_with_examples_that_run(words: tuple[str, ...], repo: Path) -> None:
    shown = run(*words, "--help", cwd=repo)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    head, _, tail = shown.out.partition("Examples:\n")
    tail = tail.replace("\\\n", "")  # one that goes on in the next line
    examples = [line.strip() for line in tail.splitlines() if line.strip()]
    assert examples
    assert "--help" in head
    write_files(repo, {
        ".kaizen/schedule.yml": (ROOT / ".kaizen/schedule.yml").read_text(),
        "agents/agent-contract-keeper.md": "Keep it.",
        "notes.md": "A note.",
    })  # fmt: skip
    for example in examples:
        if words == ("schedule", "init"):
            (repo / ".kaizen/schedule.yml").unlink(missing_ok=True)
        (repo / "agents/agent-coach.md").unlink(missing_ok=True)
        call = f'kaizen-agentic() {{ "{sys.executable}" -m kaizen_schedule "$@"; }}\n{example}'
        done = subprocess.run(
            ["bash", "-c", call],
            cwd=repo,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(repo / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        # A warning counts under --strict: this manifest has one.
        expected = 1 if "--strict" in example else 0
        assert done.returncode == expected, f"{example}\n{done.stderr}"


def test_every_command_is_in_the_list_above() -> None:
    import click

    from kaizen_schedule.cli import root

    found: set[tuple[str, ...]] = set()
    context = click.Context(root)
    for name in root.list_commands(context):
        group = root.get_command(context, name)
        if isinstance(group, click.Group):
            found |= {(name, command) for command in group.list_commands(context)}
        else:
            found.add((name,))
    assert found == {*COMMANDS, *FLEET, *CONFORMANCE}
