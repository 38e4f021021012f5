"""``kaizen-agentic schedule`` as its users meet it: real processes, real folders."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from kaizen_schedule.edges import packaged

from .support import NOW, ROOT, manifest, run, write_files

WRONG = """\
version: "1"

timezone: Europe/Berln
agents:
  coach:
    cadence: weely
  optimization:
    cadence: weekly
    cron: "0 9 * * 1#1"
"""
GOOD = """\
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
LINE = re.compile(r"^\.kaizen/schedule\.yml:\d+:\d+: KS\d{3} (warning: )?\S.*$")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write_files(tmp_path / "a repo", {".kaizen/schedule.yml": GOOD, ".git/HEAD": ""})


def wrong(tmp_path: Path) -> Path:
    return write_files(tmp_path, {".kaizen/schedule.yml": WRONG})


# --- validate ----------------------------------------------------------------------------------


def test_validate_shows_everything_that_is_wrong(tmp_path: Path) -> None:
    result = run("schedule", "validate", cwd=wrong(tmp_path))
    assert result.code == 1
    heads = [line for line in result.out.splitlines() if not line.startswith("  ")]
    assert all(LINE.match(head) for head in heads)
    assert heads[0] == '.kaizen/schedule.yml:3:11: KS301 unknown time zone "Europe/Berln"'
    assert heads[1].startswith('.kaizen/schedule.yml:6:14: KS204 unknown cadence "weely"')
    assert heads[2].startswith('.kaizen/schedule.yml:9:11: KS305 cron "0 9 * * 1#1"')
    assert result.out.splitlines()[1:4] == [
        "  3 | timezone: Europe/Berln",
        "    |           ^^^^^^^^^^^^",
        "  fix: did you mean Europe/Berlin?",
    ]
    assert result.err == (
        "3 errors, 0 warnings; explain one with: kaizen-agentic schedule rule KS305\n"
    )


def test_validate_is_silent_where_all_is_well(repo: Path) -> None:
    result = run("schedule", "validate", "-q", cwd=repo)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert "next: kaizen-agentic schedule list" in run("schedule", "validate", cwd=repo).err


def test_strict_counts_warnings(tmp_path: Path) -> None:
    text = manifest("coach:", "  cadence: daily")
    write_files(tmp_path, {".kaizen/schedule.yml": text})
    assert run("schedule", "validate", cwd=tmp_path).code == 0
    strict = run("schedule", "validate", "--strict", "--format", "json", cwd=tmp_path)
    assert strict.code == 1
    assert json.loads(strict.out)["ok"] is False


def test_ignore_takes_codes_and_names_of_errors_too(tmp_path: Path) -> None:
    folder = wrong(tmp_path)
    words = ("--ignore", "ks301", "--ignore", "unknown-cadence", "--ignore", "KS305")
    assert run("schedule", "validate", *words, cwd=folder).code == 0
    slip = run("schedule", "validate", "--ignore", "unknown-cadense", cwd=folder)
    assert (slip.code, slip.out) == (2, "")
    assert "did you mean unknown-cadence?" in slip.err


def test_a_path_may_be_the_manifest_itself(tmp_path: Path) -> None:
    folder = wrong(tmp_path)
    result = run("schedule", "validate", ".kaizen/schedule.yml", cwd=folder)
    assert result.code == 1
    assert result.out.startswith(".kaizen/schedule.yml:3:11: KS301")
    from_inside = run("schedule", "validate", "schedule.yml", cwd=folder / ".kaizen")
    assert from_inside.out.startswith("schedule.yml:3:11: KS301")


def test_of_several_paths_all_are_reported_and_the_worst_code_wins(
    tmp_path: Path, repo: Path
) -> None:
    bad = wrong(tmp_path / "bad")
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run("schedule", "validate", repo, bad, empty, cwd=tmp_path)
    assert result.code == 2
    assert f"{bad}/.kaizen/schedule.yml:3:11: KS301" in result.out
    assert f"{empty}/.kaizen/schedule.yml:1:1: KS100" in result.out
    gone = run("schedule", "validate", bad, tmp_path / "gone", cwd=tmp_path)
    assert gone.code == 2
    assert "KS301" in gone.out
    assert "does not exist" in gone.err
    as_json = run("schedule", "validate", bad, tmp_path / "gone", "--format", "json", cwd=tmp_path)
    assert json.loads(as_json.out)["ok"] is False


def test_an_absent_manifest_is_one_json_value_and_exit_2(tmp_path: Path) -> None:
    result = run("schedule", "validate", "--format", "json", cwd=tmp_path)
    assert result.code == 2
    answer = json.loads(result.out)
    assert answer["ok"] is False
    assert answer["diagnostics"][0]["name"] == "manifest-absent"
    assert "schedule init" in answer["diagnostics"][0]["fix"]


def test_wrong_use_leaves_stdout_empty(repo: Path) -> None:
    for words in (
        ("validate", "nowhere"),
        ("validate", "--target", "nowhere"),
        ("validate", ".", "--target", "."),
        ("validate", "--format", "xml"),
        ("list", "--target", "a-file"),
        ("list", "--next", "0"),
        ("list", "--now", "yesterday"),
        ("prepare",),
        ("rule", "KS999"),
        ("lisst",),
    ):
        write_files(repo, {"a-file": ""})
        result = run("schedule", *words, cwd=repo)
        assert (result.code, result.out) == (2, ""), words
        assert result.err.startswith("error: "), words


def test_what_is_echoed_of_a_wrong_value_is_cut(repo: Path) -> None:
    for digits in ("9" * 300, "9" * 5_000):
        result = run("schedule", "list", "--next", digits, cwd=repo)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: Invalid value for '--next': ")
        assert "999…" in result.err
        assert len(result.err) < 400


@pytest.mark.parametrize(
    ("name", "near"), [("KS99", "KS100"), ("ks999", "KS605"), ("K204", "KS204")]
)
def test_an_unknown_rule_names_the_nearest(repo: Path, name: str, near: str) -> None:
    result = run("schedule", "rule", name, cwd=repo)
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(f"fix: did you mean {near}?\n")


def test_the_json_report_has_every_promised_key(tmp_path: Path) -> None:
    result = run("schedule", "validate", "--format", "json", cwd=wrong(tmp_path))
    answer = json.loads(result.out)
    assert set(answer) == {"schema_version", "tool_version", "ok", "diagnostics", "omitted"}
    promised = {
        "code", "name", "severity", "message", "path", "line", "column", "end_line", "end_column",
        "pointer", "fix", "url",
    }  # fmt: skip
    assert promised <= set(answer["diagnostics"][0])
    assert answer["diagnostics"][1]["pointer"] == "/agents/coach/cadence"


def test_sarif_and_github_say_the_same(tmp_path: Path) -> None:
    folder = wrong(tmp_path)
    sarif = json.loads(run("schedule", "validate", "--format", "sarif", cwd=folder).out)
    results = sarif["runs"][0]["results"]
    rules = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in results] == ["KS301", "KS204", "KS305"]
    assert [r["ruleId"] for r in results] == ["KS301", "KS204", "KS305"]
    region = results[0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 11, "endLine": 3, "endColumn": 23}
    github = run("schedule", "validate", "--format", "github", cwd=folder).out.splitlines()
    assert len(github) == 3
    head = "::error file=.kaizen/schedule.yml,line=3,endLine=3,col=11,endColumn=23,"
    assert github[0].startswith(f"{head}title=KS301 unknown-timezone::unknown time zone")
    assert "%0Afix: did you mean Europe/Berlin?" in github[0]


def test_at_most_a_thousand_findings_are_printed(tmp_path: Path) -> None:
    lines = [f"a{n}: {{cadence: never}}" for n in range(1500)]
    write_files(tmp_path, {".kaizen/schedule.yml": manifest(*lines)})
    words = ("schedule", "validate", "--ignore", "KS401")
    text = run(*words, cwd=tmp_path)
    assert sum(line.startswith(".kaizen") for line in text.out.splitlines()) == 1000
    assert text.out.splitlines()[-1] == "... and 500 findings more"
    answer = json.loads(run(*words, "--format", "json", cwd=tmp_path).out)
    assert (len(answer["diagnostics"]), answer["omitted"]) == (1000, 500)
    assert len(run(*words, "--format", "github", cwd=tmp_path).out.splitlines()) == 1001


def test_a_prompt_that_cannot_be_read_is_reported(repo: Path) -> None:
    write_files(repo, {"agents/agent-coach.md": b"\xff\xfe"})
    result = run("schedule", "validate", cwd=repo)
    assert result.code == 1
    assert "agents/agent-coach.md:1:1: KS409" in result.out


# --- list --------------------------------------------------------------------------------------


def test_list_shows_cron_origin_and_next_time(repo: Path) -> None:
    result = run("schedule", "list", "--now", NOW, cwd=repo)
    assert result.code == 0
    assert result.out.splitlines() == [
        "AGENT         CADENCE  CRON        FROM                        NEXT",
        "coach         weekly   0 9 * * 1   this file                   Mon 30 Nov 09:00",
        "optimization  weekly   0 10 * * 1  weekly-optimization-review  Mon 30 Nov 10:00",
        "Times are Europe/Berlin. 1 entry is off (tdd-workflow): --all shows it.",
    ]


def test_list_wide_has_words_and_utc(repo: Path) -> None:
    out = run("schedule", "list", "--wide", "--all", "--next", "2", "--now", NOW, cwd=repo).out
    assert "At 09:00 on Monday" in out
    assert "2026-11-30T08:00:00Z" in out
    assert "2026-12-07T08:00:00Z" in out
    assert "tdd-workflow" in out


def test_list_as_json(repo: Path) -> None:
    out = run("schedule", "list", "--format", "json", "--now", NOW, cwd=repo).out
    answer = json.loads(out)
    assert answer["timezone"] == "Europe/Berlin"
    assert [entry["agent"] for entry in answer["entries"]] == ["coach", "optimization"]
    first = answer["entries"][0]
    assert set(first) == {
        "agent", "cadence", "cron", "cron_origin", "timezone", "enabled", "review", "definition",
        "next",
    }  # fmt: skip
    assert first["next"] == [{"local": "2026-11-30T09:00:00+01:00", "utc": "2026-11-30T08:00:00Z"}]
    assert [e["cron_origin"] for e in answer["entries"]] == ["entry", "definition"]


def test_list_fits_80_columns(repo: Path) -> None:
    name = "a-rather-long-agent-name-that-somebody-chose-for-no-good-reason"
    write_files(repo, {
        f"agents/agent-{name}.md": "Do it.",
        ".kaizen/schedule.yml": manifest(f"{name}:", "  cadence: weekly", "  cron: 0 9 * * 1"),
    })  # fmt: skip
    out = run("schedule", "list", "--now", NOW, cwd=repo).out
    assert max(map(len, out.splitlines())) <= 80
    assert "Mon 30 Nov 09:00" in out


def test_list_says_when_the_repository_is_off(repo: Path) -> None:
    write_files(repo, {".kaizen/schedule.yml": f"enabled: false\n{GOOD}"})
    result = run("schedule", "list", cwd=repo)
    assert "The repository is off" in result.out
    answer = json.loads(run("schedule", "list", "--format", "json", cwd=repo).out)
    assert answer["enabled"] is False
    assert all(entry["next"] == [] for entry in answer["entries"])


def test_list_of_nothing(repo: Path) -> None:
    write_files(repo, {".kaizen/schedule.yml": 'version: "1"\n'})
    result = run("schedule", "list", cwd=repo)
    assert (result.code, result.out[:14]) == (0, "Times are UTC.")
    assert "add one under agents:" in result.out


def test_list_of_a_faulty_or_absent_manifest(tmp_path: Path) -> None:
    faulty = run("schedule", "list", "--format", "json", cwd=wrong(tmp_path / "bad"))
    assert faulty.code == 1
    refusal = json.loads(faulty.out)["refusal"]
    assert refusal["reason"] == "manifest-invalid"
    assert "3 errors, the first at .kaizen/schedule.yml:3:11" in refusal["detail"]
    (tmp_path / "none").mkdir()
    absent = run("schedule", "list", cwd=tmp_path / "none")
    assert (absent.code, absent.out) == (2, "")
    assert "fix: make one: kaizen-agentic schedule init" in absent.err


# --- init, enable, disable ---------------------------------------------------------------------


def test_init_writes_one_good_file_and_says_what_is_next(tmp_path: Path) -> None:
    result = run("schedule", "init", cwd=tmp_path, env={"TZ": "Europe/Lisbon"})
    assert (result.code, result.out) == (0, "")
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()] == [
        ".kaizen/schedule.yml"
    ]
    text = (tmp_path / ".kaizen/schedule.yml").read_text()
    assert text.startswith("# yaml-language-server: $schema=")
    assert "timezone: Europe/Lisbon" in text
    assert run("schedule", "validate", "--strict", cwd=tmp_path).code == 0
    for step in ("schedule validate", "merge=union", "commit", "operator"):
        assert step in result.err
    again = run("schedule", "init", cwd=tmp_path)
    assert (again.code, "--force" in again.err) == (1, True)
    assert run("schedule", "init", "--force", "--timezone", "UTC", cwd=tmp_path).code == 0
    assert "timezone: UTC" in (tmp_path / ".kaizen/schedule.yml").read_text()


def test_init_for_named_agents(tmp_path: Path) -> None:
    words = ("--agent", "coach", "--agent", "sys-medic", "--timezone", "UTC")
    result = run("schedule", "init", "--dry-run", *words, cwd=tmp_path)
    assert result.code == 0
    assert not (tmp_path / ".kaizen").exists()
    assert "review: required" in result.out
    write_files(tmp_path, {".kaizen/schedule.yml": result.out})
    assert run("schedule", "validate", cwd=tmp_path).code == 0
    slip = run("schedule", "init", "--agent", "coahc", cwd=tmp_path)
    assert (slip.code, "did you mean coach?" in slip.err) == (2, True)
    slip = run("schedule", "init", "--timezone", "europe/berlin", cwd=tmp_path)
    assert (slip.code, "did you mean Europe/Berlin?" in slip.err) == (2, True)


def test_enable_and_disable_change_one_line(repo: Path) -> None:
    path = repo / ".kaizen/schedule.yml"
    before = path.read_text()
    assert run("schedule", "enable", "tdd-workflow", cwd=repo).code == 0
    assert path.read_text() == before.replace("enabled: false", "enabled: true")
    assert run("schedule", "disable", "tdd-workflow", cwd=repo).code == 0
    assert path.read_text() == before
    assert "was off already" in run("schedule", "disable", "tdd-workflow", cwd=repo).err
    off = run("schedule", "disable", cwd=repo)
    assert off.code == 0
    assert len(path.read_text().splitlines()) == len(before.splitlines()) + 1
    assert "The repository is off" in run("schedule", "list", cwd=repo).out
    assert run("schedule", "enable", cwd=repo).code == 0
    slip = run("schedule", "enable", "optimisation", cwd=repo)
    assert (slip.code, "did you mean optimization?" in slip.err) == (2, True)


# --- rule, help, completion, the target --------------------------------------------------------


def test_rule_explains_by_code_and_by_name() -> None:
    by_code = run("schedule", "rule", "ks204", cwd=ROOT)
    assert by_code.out.startswith("# KS204 unknown-cadence")
    assert run("schedule", "rule", "unknown-cadence", cwd=ROOT).out == by_code.out
    answer = json.loads(run("schedule", "rule", "KS204", "--format", "json", cwd=ROOT).out)
    assert (answer["code"], answer["severity"]) == ("KS204", "error")
    everything = run("schedule", "rule", cwd=ROOT).out
    assert max(map(len, everything.splitlines())) <= 80
    assert everything.count("\nKS") == len(
        json.loads(run("schedule", "rule", "--format", "json", cwd=ROOT).out)["rules"]
    )


@pytest.mark.parametrize("reason", packaged.reasons())
def test_every_reason_can_be_explained_offline(reason: str) -> None:
    shown = run("schedule", "rule", reason.upper(), cwd=ROOT)
    assert shown.code == 0
    assert f"# {reason}\n" in shown.out.replace("# KS", "")
    assert shown.out.count("What to do: ") == 1
    answer = json.loads(run("schedule", "rule", reason, "--format", "json", cwd=ROOT).out)
    assert (answer["name"], answer["explanation"]) == (reason, shown.out)
    kind = "rules/" if "code" in answer else f"reasons/#{reason}"
    assert kind in answer["url"]


def test_what_is_no_rule_and_no_reason_names_the_nearest() -> None:
    wrong = run("schedule", "rule", "not-do", cwd=ROOT)
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err == 'error: there is no rule or reason "not-do"\nfix: did you mean not-due?\n'


def test_the_nearest_folder_upwards_is_the_target(repo: Path) -> None:
    below = repo / "src" / "deep"
    below.mkdir(parents=True)
    assert run("schedule", "list", cwd=below).code == 0
    nested = write_files(repo / "vendor" / "other", {".git/HEAD": ""})
    assert run("schedule", "list", cwd=nested).code == 2


def test_every_option_is_told_in_help() -> None:
    top = run("--help", cwd=ROOT)
    assert top.code == 0
    groups = run("schedule", "-h", cwd=ROOT).out
    assert "For the owner of a repository:" in groups
    assert "For whoever works a task:" in groups
    assert run("--version", cwd=ROOT).out == "kaizen-agentic 1.3.0\n"
    slip = run("shedule", cwd=ROOT)
    assert (slip.code, "did you mean schedule?" in slip.err) == (2, True)


def test_a_defect_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kaizen_schedule import cli

    def broken(**_: object) -> None:
        raise RecursionError("deep")

    monkeypatch.setattr(cli.root, "main", broken)
    assert cli.main(["--version"]) == 1
    assert "a defect of this program: RecursionError in broken" in capsys.readouterr().err
    monkeypatch.setenv("KAIZEN_TRACEBACK", "1")
    with pytest.raises(RecursionError):
        cli.main(["--version"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = run("completion", shell, cwd=ROOT)
    assert (result.code, "_KAIZEN_AGENTIC_COMPLETE" in result.out) == (0, True)


def read_terminal(words: list[str], cwd: Path, env: dict[str, str]) -> str:
    """What a program prints when its output is a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "kaizen_schedule", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **env},
        stdout=follower,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(follower)
        pieces = []
        while select.select([leader], [], [], 30)[0]:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            pieces.append(piece)
        process.wait(30)
    os.close(leader)
    return b"".join(pieces).decode()


def test_colour_is_for_terminals_that_want_it(tmp_path: Path) -> None:
    folder = wrong(tmp_path)
    assert "\x1b[31mKS301\x1b[0m" in read_terminal(["schedule", "validate"], folder, {})
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in read_terminal(["schedule", "validate"], folder, env)
    assert "\x1b" not in run("schedule", "validate", cwd=folder).out
