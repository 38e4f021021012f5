"""``schedule prepare`` as a task's worker meets it: real processes, real folders, real shells."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from kaizen_schedule.orienting.bundle import SIZE_LIMIT, estimate_tokens
from kaizen_schedule.orienting.memory import parse_notes
from kaizen_schedule.orienting.metrics import Outcome, parse_executions

from .support import ROOT, Result, run, write_files

NOW = "2026-11-30T09:00:00Z"
DUE = "2026-11-30T08:00:00Z"
KEY = f"my-repo:coach:{DUE}"
MANIFEST = """\
version: "1"
timezone: Europe/Berlin
agents:
  coach:
    cadence: weekly
    cron: "0 9 * * 1"
  optimization:
    cadence: weekly
  tdd-workflow:
    cadence: monthly
    enabled: false
"""
METRICS = ".kaizen/metrics/coach/executions.jsonl"
MEMORY = ".kaizen/agents/coach/memory.md"
FILES: dict[str, str | bytes] = {
    ".kaizen/schedule.yml": MANIFEST,
    ".git/HEAD": "ref: refs/heads/main\n",
    "README.md": "Read me.\n",
    "SCOPE.md": "In scope.\n",
    "docs/index.md": "",
    MEMORY: "## 2026-11-23T09:00:00Z\n\nAsk first.\n\n",
    METRICS: '{"timestamp": "2026-11-23T09:00:00Z", "outcome": "success", "duration_s": 250}\n',
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write_files(tmp_path / "my-repo", FILES)


def prepare(repo: Path, *words: str | Path, agent: str = "coach", **more: Any) -> Result:
    more.setdefault("cwd", repo)
    return run("schedule", "prepare", agent, "--now", NOW, *words, **more)


def listing(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.rglob("*"))
    }


# --- What comes out ----------------------------------------------------------------------------


def test_a_person_types_the_agent_and_no_more(repo: Path) -> None:
    before = listing(repo)
    result = run("schedule", "prepare", "coach", cwd=repo / "docs")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("# coach in my-repo\n\n## 1 Task\n")
    assert f"Work only in this checkout: `{repo}`." in result.out
    assert listing(repo) == before, "it reads, and writes nothing"


def test_json_is_one_value_and_says_the_same(repo: Path) -> None:
    result = prepare(repo, "--run", KEY, "--format", "json")
    assert result.code == 0
    assert result.out.isascii()
    form = json.loads(result.out)
    assert form["target"] == str(repo)
    shown = prepare(repo, "--run", KEY).out
    assert f"sha256 {form['digest']}." in shown
    for section in form["sections"]:
        assert section["content"].rstrip("\n") in shown
    assert estimate_tokens(shown) <= form["estimated_tokens"]


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_a_file_gets_the_same_bytes(repo: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / "bundle"
    result = prepare(repo, "--format", form, "-o", file)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert file.read_text() == prepare(repo, "--format", form).out


def test_warnings_are_said_beside_it_unless_nobody_listens(repo: Path) -> None:
    (repo / METRICS).write_text("bad\n")
    result = prepare(repo)
    assert result.code == 0
    assert result.err.startswith("warning: metrics-bad-line: ")
    assert result.err.count("\n") == 1
    assert prepare(repo, "-q").err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--token-budget", "-1"), "--token-budget"),
        (("--token-budget", "many"), "--token-budget"),
        (("--expires-at", "nonsense"), "--expires-at"),
        (("--expires-at", "2026-11-30T09:00:00"), "has no offset"),
        (("--format", "text"), "--format"),
        (("--target", "nowhere"), 'target "nowhere" does not exist'),
        (("--target", "README.md"), "is no folder"),
        (("more",), "more"),
    ],
)
def test_wrong_use_leaves_stdout_empty(repo: Path, words: tuple[str, ...], message: str) -> None:
    form = () if "--format" in words else ("--format", "json")
    result = prepare(repo, *words, *form)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_budget_is_met_or_refused_with_what_is_needed(repo: Path, tmp_path: Path) -> None:
    notes = "".join(f"## 2026-11-{n:02}T09:00:00Z\n\nNote {n}.\n\n" for n in range(1, 29))
    write_files(repo, {MEMORY: notes, "agents/agent-coach.md": "Be kind.\n"})
    whole = prepare(repo, "--token-budget", "0").out
    assert "Note 1.\n" in whole
    budget = estimate_tokens(whole) - 200
    cut = prepare(repo, "--token-budget", str(budget))
    assert cut.code == 0
    assert estimate_tokens(cut.out) <= budget
    assert "[truncated: " in cut.out
    assert "Note 28.\n" in cut.out
    file = tmp_path / "bundle.md"
    refused = prepare(repo, "--token-budget", "10", "-o", file)
    assert (refused.code, refused.out, file.exists()) == (1, "", False)
    needed = refused.err.partition("--token-budget ")[2].partition(",")[0]
    assert prepare(repo, "--token-budget", needed).code == 0
    assert prepare(repo, "--token-budget", str(int(needed) - 1)).code == 1


# --- By hand -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "agent", "word"),
    [
        (None, "coach", "manifest-missing"),
        ("agents: [", "coach", "manifest-invalid"),
        (MANIFEST.replace("Berlin", "Berln"), "coach", "manifest-invalid"),
        (MANIFEST.replace('"1"', '"2"'), "coach", "manifest-too-new"),
        ("enabled: false\n" + MANIFEST, "coach", "repository-disabled"),
        (MANIFEST, "tdd-workflow", "agent-disabled"),
        (MANIFEST, "sys-medic", "agent-not-scheduled"),
    ],
)
def test_by_hand_it_works_and_says_what_is_odd(
    repo: Path, text: str | None, agent: str, word: str
) -> None:
    file = repo / ".kaizen" / "schedule.yml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    result = prepare(repo, agent=agent)
    assert result.code == 0
    assert f"\nNote: `{word}: " in result.out
    assert result.err.startswith(f"warning: {word}: ")


def test_in_an_empty_folder_too(tmp_path: Path) -> None:
    result = prepare(tmp_path)
    assert result.code == 0
    assert "No notes yet." in result.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [(), ("--format", "json")])
def test_an_unknown_agent_is_refused_with_what_is_near(repo: Path, form: tuple[str, ...]) -> None:
    result = prepare(repo, *form, agent="coahc")
    assert result.code == 1
    assert "fix: did you mean coach? " in result.err
    if form:
        assert json.loads(result.out)["refusal"]["reason"] == "agent-not-installed"
    else:
        assert result.out == ""


@pytest.mark.parametrize("kind", ["not UTF-8", "link out", "loop", "folder", "pipe", "large"])
def test_a_prompt_that_cannot_be_read_is_never_passed_over(repo: Path, kind: str) -> None:
    path = repo / "agents" / "agent-coach.md"
    path.parent.mkdir()
    match kind:
        case "not UTF-8":
            path.write_bytes(b"\xff")
        case "link out":
            (repo.parent / "outside.md").write_text("Obey me.\n")
            path.symlink_to(repo.parent / "outside.md")
        case "loop":
            path.symlink_to(path)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "large":
            path.write_bytes(b"a" * (256 * 1024 + 1))
    result = prepare(repo)
    assert (result.code, result.out) == (1, "")
    assert "the prompt of agent coach cannot be used: " in result.err


def test_state_that_leads_out_is_not_read(repo: Path) -> None:
    outside = repo.parent / "outside"
    outside.write_text("Of others.\n")
    for path in (MEMORY, METRICS):
        (repo / path).unlink()
        (repo / path).symlink_to(outside)
    result = prepare(repo, "--run", KEY)
    assert result.code == 0
    assert "Of others." not in result.out
    assert result.err.count("warning: unreadable: ") == 2


# --- A run that was handed out -----------------------------------------------------------------


def test_the_command_of_a_task(repo: Path) -> None:
    words = (
        "--target", repo, "--run", KEY, "--definition", "weekly-coach-orientation",
        "--expires-at", "2026-12-06T08:00:00Z",
    )  # fmt: skip
    result = prepare(repo, *words, cwd=Path("/"))
    assert (result.code, result.err) == (0, "")
    assert ", unattended, for Monday 2026-11-30 09:00 Europe/Berlin.\n" in result.out
    assert f"\nrun: {KEY}\n" in result.out


def test_a_moved_cron_is_said_and_prepared(repo: Path) -> None:
    (repo / ".kaizen" / "schedule.yml").write_text(MANIFEST.replace("* 1", "* 2"))
    result = prepare(repo, "--run", KEY)
    assert result.code == 0
    assert result.err.startswith('warning: rescheduled: cron "0 9 * * 2" no longer fires at ')
    lent = prepare(repo, "--run", f"x:optimization:{DUE}", agent="optimization")
    assert (lent.code, lent.err) == (0, "")


RISKY = "---\nname: coach\ndescription: x\nrisk: high\n---\nBe careful.\n"
REFUSALS: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = [
    ("run-mismatch", {}, ("--run", "")),
    ("run-mismatch", {}, ("--run", "coach")),
    ("run-mismatch", {}, ("--run", f"my-repo:optimization:{DUE}")),
    ("run-mismatch", {}, ("--run", f"my%2drepo:coach:{DUE}")),
    ("run-mismatch", {}, ("--run", "my-repo:coach:2026-02-30T08:00:00Z")),
    ("run-mismatch", {}, ("--run", "my-repo:coach:9999-12-31T23:59:59Z")),
    ("run-mismatch", {}, ("--run", KEY, "--definition", "weekly-optimization-review")),
    ("expired", {}, ("--run", KEY, "--expires-at", NOW)),
    ("expired", {}, ("--run", KEY, "--expires-at", "2026-11-30T09:59:59+01:00")),
    ("manifest-missing", {".kaizen/schedule.yml": None}, ("--run", KEY)),
    ("manifest-invalid", {".kaizen/schedule.yml": "agents: ["}, ("--run", KEY)),
    ("manifest-too-new", {".kaizen/schedule.yml": 'version: "3"\n'}, ("--run", KEY)),
    (
        "repository-disabled",
        {".kaizen/schedule.yml": MANIFEST + "enabled: false\n"},
        ("--run", KEY),
    ),
    (
        "agent-not-scheduled",
        {".kaizen/schedule.yml": MANIFEST.replace("coach", "sys-medic")},
        ("--run", KEY),
    ),
    (
        "agent-disabled",
        {".kaizen/schedule.yml": MANIFEST.replace("weekly", "weekly\n    enabled: false", 1)},
        ("--run", KEY),
    ),
    ("agent-not-installed", {"agents/agent-coach.md": "\ud800"}, ("--run", KEY)),
    ("review-missing", {"agents/agent-coach.md": RISKY}, ("--run", KEY)),
    (
        "cadence-differs",
        {".kaizen/schedule.yml": MANIFEST.replace("weekly", "daily", 1)},
        ("--run", KEY, "--definition", "weekly-coach-orientation"),
    ),
]


def change(repo: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        if text is None:
            (repo / name).unlink()
        else:
            write_files(repo, {name: text.encode("utf-8", "surrogatepass")})


@pytest.mark.parametrize(
    ("reason", "files", "words"), REFUSALS, ids=[f"{r}-{n}" for n, (r, _, _) in enumerate(REFUSALS)]
)
def test_a_refused_run_does_nothing(
    repo: Path, reason: str, files: dict[str, str | None], words: tuple[str, ...]
) -> None:
    change(repo, files)
    before = listing(repo)
    file = repo.parent / "bundle.md"
    file.write_text("as it was")
    text = prepare(repo, *words, "-o", file)
    assert (text.code, text.out) == (1, "")
    first, second, third = text.err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("fix: do nothing; close the task as cancelled")
    assert third == f"reason: {reason}; kaizen-agentic schedule rule {reason} explains it"
    assert file.read_text() == "as it was"
    answer = prepare(repo, *words, "--format", "json")
    assert answer.code == 1
    form = json.loads(answer.out)
    assert (form["ok"], form["refusal"]["reason"]) == (False, reason)
    assert set(form["refusal"]) == {"reason", "detail", "fix"}
    assert form["refusal"]["detail"] == first.removeprefix("error: ")
    assert form["refusal"]["fix"] == second.removeprefix("fix: ")
    assert "sections" not in form
    assert listing(repo) == before


@pytest.mark.parametrize("kind", ["link out", "folder", "loop"])
def test_a_manifest_that_is_no_file_inside_is_unreadable(repo: Path, kind: str) -> None:
    path = repo / ".kaizen" / "schedule.yml"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        (repo.parent / "outside.yml").write_text(MANIFEST)
        path.symlink_to(path if kind == "loop" else repo.parent / "outside.yml")
    refused = prepare(repo, "--run", KEY, "--format", "json")
    assert refused.code == 1
    assert json.loads(refused.out)["refusal"]["reason"] == "unreadable"
    by_hand = prepare(repo)
    assert by_hand.code == 0
    assert by_hand.err.startswith("warning: unreadable: ")


# --- The same bytes ----------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_bytes_on_any_machine(repo: Path) -> None:
    words = ("--run", KEY)
    plain = prepare(repo, *words).out
    for env in (
        {"LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "1"},
        {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2"},
        {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/New_York", "COLUMNS": "20", "TERM": "xterm"},
        {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"},
    ):
        assert prepare(repo, *words, env=env).out == plain, env
    form = prepare(repo, *words, "--format", "json").out
    assert prepare(repo, *words, "--format", "json", env={"TZ": "Asia/Tokyo"}).out == form
    for path in sorted(repo.rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()
    write_files(repo, dict(reversed(list(FILES.items()))))
    assert prepare(repo, *words).out == plain


# --- Whatever is in the repository ---------------------------------------------------------------


def test_large_and_odd_files_end_in_a_small_bundle(repo: Path) -> None:
    for path in (MEMORY, METRICS):
        with (repo / path).open("wb") as file:
            file.truncate(300 * 1024 * 1024)
    (repo / "README.md").write_bytes(b"\x1b" * 1_000_000)
    result = prepare(repo, timeout=10)
    assert result.code == 0
    assert len(result.out) < 16_000 * 4
    (repo / MEMORY).write_bytes((b"\x1b]0;" * 20 + b"\n") * 50_000)
    write_files(repo, {"agents/agent-coach.md": "\U0001f600" * (64 * 1024)})
    for form in ("markdown", "json"):
        result = prepare(repo, "--format", form, "--token-budget", "0", timeout=10)
        assert result.code == 0
        assert len(result.out.encode()) < SIZE_LIMIT
        assert "\x1b" not in result.out
    write_files(repo, {"agents/agent-coach.md": "\x1b" * (256 * 1024)})
    for words in ((), ("--format", "json")):
        result = prepare(repo, *words, "--token-budget", "0", timeout=10)
        assert result.code == 1
        assert "a bundle is smaller than 1 MiB\nfix: shorten the prompt\n" in result.err
        assert (result.out == "") == ("json" not in words)


def test_memory_that_is_not_utf8_is_said_by_both_commands(repo: Path) -> None:
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    (repo / MEMORY).write_bytes(b"fine\nbad \xff here\n" + token.encode() + b"\n")
    bundle = prepare(repo)
    assert bundle.err.startswith("warning: memory-unreadable: ")
    brief = run("memory", "brief", "coach", cwd=repo)
    assert brief.out == "fine\nbad \ufffd here\n[redacted:github-token]\n"
    assert f"{MEMORY}:2:1: KS604 warning: byte 0xff in line 2" in brief.err


# --- The commands to end with ------------------------------------------------------------------

ODD_NAMES: list[bytes] = [
    b"plain",
    'it\'s "$(touch pwned)" `touch pwned`; touch pwned # * ~ \\ n\u00e9 \u6f22'.encode(),
    b"-n",
    "new\nline \x1b[31mred \u202ebidi $(touch pwned)".encode(),
    b"\xff\xfe `touch pwned`",
    b"ghp_" + b"a1B2c3D4" * 5,
]


@pytest.fixture(scope="module")
def shell_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the program is on the PATH."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "kaizen-agentic"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kaizen_schedule "$@"\n')
    script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '/usr/bin:/bin')}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def printed_commands(text: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(text)
    return [t.content for t in tokens if t.type == "fence" and t.info == "sh"]


def shell(command: str, *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", command], cwd=cwd, env=env, capture_output=True, timeout=60, check=False
    )


def check_state(repo: Path, *, run_key: str | None) -> None:
    data = (repo / METRICS).read_bytes()
    found = parse_executions(data, path=METRICS)
    assert found.diagnostics == ()
    assert len(data.splitlines()) == 3
    if run_key is None:
        assert [e.outcome for e in found.executions] == [*Outcome.__members__.values()] or {
            e.outcome for e in found.executions
        } == set(Outcome)
    else:
        assert {e.run for e in found.executions} == {run_key}
    (note,) = parse_notes((repo / MEMORY).read_text())
    assert note.text == "Nothing to add."


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_close_runs_as_printed_whatever_the_path(
    tmp_path: Path, shell_env: dict[str, str], name: bytes
) -> None:
    repo = tmp_path / os.fsdecode(name)
    write_files(repo, {".kaizen/schedule.yml": MANIFEST, "README.md": "x"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = prepare(repo, "--run", KEY)
    assert result.code == 0
    commands = printed_commands(result.out)
    assert len(commands) == 4
    by_cwd = "run these commands in its top folder" in result.out
    for command in commands:
        assert (" --target .\n" in command) == by_cwd
        done = shell(command, cwd=repo if by_cwd else elsewhere, env=shell_env)
        assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == sorted({repo, elsewhere})
    check_state(repo, run_key=KEY)
    assert {str(p.relative_to(repo)) for p in repo.rglob("*") if p.is_file()} == {
        ".kaizen/schedule.yml", "README.md", METRICS, MEMORY,
    }  # fmt: skip


def test_the_words_of_json_run_without_a_shell(tmp_path: Path, shell_env: dict[str, str]) -> None:
    repo = write_files(tmp_path / "a\nb\x1b\u202e", {"README.md": "x"})
    form = json.loads(prepare(repo, "--format", "json").out)
    for command in form["close"]["commands"]:
        argv = command["argv"]
        assert argv[-1] == str(repo)
        done = subprocess.run(argv, cwd="/", env=shell_env, capture_output=True, check=False)
        assert done.returncode == 0
    check_state(repo, run_key=None)


@pytest.mark.parametrize(
    "now", ["2199-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-11-30T09:00:00.5+14:00"]
)
def test_close_runs_whenever_it_was_prepared(
    tmp_path: Path, shell_env: dict[str, str], now: str
) -> None:
    repo = write_files(tmp_path / "my-repo", {".kaizen/schedule.yml": MANIFEST})
    key = f"-x%20y:coach:{DUE}"
    result = run("schedule", "prepare", "coach", "--now", now, "--run", key, cwd=repo)
    assert result.code == 0
    assert result.out.startswith("# coach in \\-x y\n")
    for command in printed_commands(result.out):
        done = shell(command, cwd=Path("/"), env=shell_env)
        assert done.returncode == 0, done.stderr
    check_state(repo, run_key=key)


def test_what_may_be_added_to_a_command_is_taken(repo: Path, shell_env: dict[str, str]) -> None:
    result = prepare(repo, "--run", KEY)
    assert "`--quality`" in result.out
    assert "`--note`" in result.out
    partial = printed_commands(result.out)[1].rstrip("\n")
    done = shell(f"{partial} --quality 0.5 --note 'Which licence?'", cwd=repo, env=shell_env)
    assert done.returncode == 0, done.stderr
    data = (repo / METRICS).read_bytes()
    latest = parse_executions(data, path=METRICS).executions[-1]
    assert (latest.outcome, latest.quality, latest.note) == ("partial", 0.5, "Which licence?")
    assert "Which licence?" in run("schedule", "prepare", "coach", cwd=repo).out
