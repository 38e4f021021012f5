"""``schedule roster``, ``why``, ``runs`` and ``definitions``, in real processes."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kaizen_schedule.cli.fleet import progress_bar
from kaizen_schedule.edges.fleet import PilotFleet, materialise
from kaizen_schedule.edges.packaged import data_path
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.reading.strict_json import parse_json
from tests.support import NOW, ROOT, Result, manifest, run, write_files

COACH = "weekly-coach-orientation"
FIRES = "2026-11-30T08:00:00Z"
WEEK = ("--from", "2026-11-30T00:00:00Z", "--until", "2026-12-07T00:00:00Z")


@dataclass(frozen=True)
class Fleet:
    """The pilot fleet, and a snapshot of it."""

    folder: Path
    snapshot: Path
    made: PilotFleet

    def ask(self, command: str, *words: str | Path, host: str = "pilot-1", **more: Any) -> Result:
        source = ("--snapshot", self.snapshot, "--host", host, "--hosts", "pilot-1,pilot-2")
        return run("schedule", command, *words, *source, "--now", NOW, cwd=self.folder, **more)

    def json(self, command: str, *words: str | Path, **more: Any) -> Any:
        done = self.ask(command, *words, "--format", "json", **more)
        assert done.code == 0, done.err
        return one_value(done)


def one_value(done: Result) -> Any:
    value = parse_json(done.out.encode())
    assert "\x1b" not in done.out + done.err
    return value


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    made = materialise(folder)
    snapshot = tmp_path_factory.mktemp("hub") / "a snapshot.json"
    snapshot.write_text(json.dumps({"items": made.roster, "total": len(made.roster)}))
    return Fleet(folder, snapshot, made)


def fits(text: str, *theirs: str) -> bool:
    """Whether every line has 80 columns at most, but for commands and paths of the user."""
    lines = [line for line in text.splitlines() if "kaizen-agentic " not in line]
    return all(len(line) <= 80 for line in lines if not any(part in line for part in theirs))


def checkout(root: Path, name: str, *lines: str) -> Path:
    text = manifest(*(lines or ("coach:", "  cadence: weekly")))
    return write_files(root / name, {".git/HEAD": "", ".kaizen/schedule.yml": text})


# --- roster: sources ---------------------------------------------------------------------------


def test_no_source_and_two_sources_are_refused(tmp_path: Path) -> None:
    for command in ("roster", "runs"):
        nothing = run("schedule", command, cwd=tmp_path)
        assert (nothing.code, nothing.out) == (2, "")
        assert "--scan FOLDER" in nothing.err
    two = run("schedule", "roster", "--scan", ".", "--snapshot", "a.json", cwd=tmp_path)
    assert (two.code, two.out, "two rosters" in two.err) == (2, "", True)
    merged = run("schedule", "roster", "--merge", "a.json", "--scan", ".", cwd=tmp_path)
    assert (merged.code, "two rosters" in merged.err) == (2, True)
    table = run("schedule", "roster", "--diff", "a.json", "--format", "csv", cwd=tmp_path)
    assert (table.code, "--diff has no CSV" in table.err) == (2, True)


def test_the_hub_of_the_environment_gives_way(tmp_path: Path, fleet: Fleet) -> None:
    env = {"STATE_HUB_URL": "ftp://nowhere"}
    checkout(tmp_path, "ledger")
    assert run("schedule", "roster", "--scan", ".", cwd=tmp_path, env=env).code == 0
    alone = run("schedule", "roster", cwd=tmp_path, env=env)
    assert (alone.code, "is no address of a hub" in alone.err) == (2, True)
    write_files(tmp_path, {"globs.yml": 'version: "1"\ninclude: ["a*"]\n'})
    globs = run("schedule", "roster", "--roster", "globs.yml", cwd=tmp_path, env=env)
    assert (globs.code, "is no address of a hub" in globs.err) == (2, True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"), ("", "it is empty"), ("{", "line 1, column 2"), ("[NaN]", "NaN"),
        ('{"a": 1, "a": 2}', "twice"), ('{"items": 3}', "no list"), ('"text"', "no list"),
        ('{"items": [], "next_cursor": "x"}', "one page of several"), (b"\xff", "UTF-8"),
        ("[" * 100_000, "nested"),
        ('{"items": [{"slug": "a"}], "total": 9}', "holds 1 repository and a total of 9"),
        ('{"items": [{"slug": "a"}], "total": 0}', "holds 1 repository and a total of 0"),
        ('{"items": [], "total": "many"}', "a total that is no number of repositories"),
        (f'{{"items": [], "total": 1{"0" * 4000}}}', "a total that is no number of repositories"),
    ],
)  # fmt: skip
def test_a_snapshot_that_cannot_be_read(
    tmp_path: Path, content: str | bytes | None, says: str
) -> None:
    if content is not None:
        write_files(tmp_path, {"the snapshot.json": content})
    done = run("schedule", "roster", "--snapshot", "the snapshot.json", cwd=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert says in done.err
    assert done.err.startswith("error: ")
    assert "fix: " in done.err


def test_an_unknown_host_names_the_known_and_the_nearest(fleet: Fleet) -> None:
    near = fleet.ask("roster", host="pilot-3")
    assert (near.code, near.out) == (2, "")
    assert "did you mean pilot-" in near.err
    far = fleet.ask("roster", host="zzz")
    assert (far.code, "known are attic-1, pilot-1, pilot-2" in far.err) == (2, True)
    left = fleet.ask("roster", "--hosts", "pilot-2")
    assert left.code == 0 or "participating" in left.err


def test_an_empty_folder_and_no_folder(tmp_path: Path) -> None:
    empty = run("schedule", "roster", "--scan", ".", cwd=tmp_path)
    assert (empty.code, empty.out) == (0, "0 repositories: 0 eligible\n")
    assert "no checkout stands directly in folder" in empty.err
    assert empty.err.splitlines()[-1] == "next: kaizen-agentic schedule roster --init > roster.yml"
    (tmp_path / "roster.yml").write_text('version: "1"\nrepos: []\n')
    own = run("schedule", "roster", "--roster", "roster.yml", "--host", "forge-1", cwd=tmp_path)
    assert (own.out, "> roster.yml" in own.err) == ("0 repositories: 0 eligible\n", False)
    missing = run("schedule", "roster", "--scan", "nowhere", cwd=tmp_path)
    assert (missing.code, missing.out) == (2, "")
    runs = run("schedule", "runs", "--scan", ".", "--now", NOW, cwd=tmp_path)
    assert (runs.code, runs.out) == (0, "0 runs\n")


def test_the_scaffold_validates_and_is_read_back(tmp_path: Path) -> None:
    made = run("schedule", "roster", "--init", cwd=tmp_path)
    assert made.code == 0
    write_files(tmp_path, {"roster.yml": made.out})
    words = ("--roster", "roster.yml", "--host", "forge-1", "--format", "json")
    answer = one_value(run("schedule", "roster", *words, cwd=tmp_path))
    assert [row["repo"] for row in answer["repos"]] == [
        "field-notes", "kaizen-agentic", "the-custodian",
    ]  # fmt: skip
    assert answer["hosts"] == ["forge-1", "forge-2"]
    assert answer["repos"][0]["reasons"][0]["reason"] == "hub-opted-out"


def test_a_faulty_roster_is_told_with_places(tmp_path: Path) -> None:
    text = 'version: "1"\nrepos:\n  - slug: ""\n    host_path: {a: /srv}\n'
    write_files(tmp_path, {"my roster.yml": text})
    for command in (("roster",), ("runs",), ("why", "a"), ("pilot",)):
        done = run("schedule", *command, "--roster", "my roster.yml", cwd=tmp_path)
        assert (done.code, done.out) == (1, ""), command
        assert "my roster.yml:3:11: KS511 " in done.err
        assert "my roster.yml:4:5: KS2" in done.err
        assert "did you mean host_paths?" in done.err
        assert "has 2 errors" in done.err, "and the misspelt key once"


def test_globs_go_over_a_snapshot(tmp_path: Path, fleet: Fleet) -> None:
    write_files(tmp_path, {"roster.yml": 'version: "1"\ninclude: ["a*"]\n'})
    words = ("--roster", "roster.yml", "--snapshot", fleet.snapshot, "--host", "pilot-1")
    done = run("schedule", "roster", *words, "--format", "json", cwd=tmp_path)
    answer = one_value(done)
    assert {row["repo"] for row in answer["repos"]} == {"almanac", "atlas", ""}


# --- roster: what it says ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [COACH, "weekly-optimization-review", "weekly-metrics-optimize"])
def test_every_reason_of_an_asking(fleet: Fleet, name: str) -> None:
    answer = fleet.json("roster", "--definition", name)
    found = {
        (row["repo"], reason["agent"], reason["reason"])
        for row in answer["repos"] for reason in row["reasons"]
    }  # fmt: skip
    wanted = {
        ("" if repo.startswith("#") else repo, agent, reason)
        for repo, agent, reason in fleet.made.expected[name].excluded
        if reason not in ("not-due", "not-selected")  # of a window, and of the pilot's own globs
    }
    assert wanted <= found
    assert answer["counts"]["registered"] == len(answer["repos"])


def test_a_preview_has_every_reason_of_its_own(fleet: Fleet) -> None:
    answer = fleet.json("runs")
    found = {(item["repo"], item["agent"], item["reason"]) for item in answer["exclusions"]}
    wanted = {
        ("" if repo.startswith("#") else repo, agent, reason)
        for repo, agent, reason in fleet.made.expected["preview"].excluded
        if reason != "not-selected"
    }
    assert found == wanted
    assert "no-definition" in answer["counts"]["reasons"]


def test_text_fits_80_columns_and_ends_with_what_is_next(fleet: Fleet) -> None:
    for words in ((), ("--definition", COACH), ("--excluded",), ("--reason", "path-missing")):
        done = fleet.ask("roster", *words)
        assert done.code == 0
        assert fits(done.out, str(fleet.folder)), done.out
        assert "\x1b" not in done.out + done.err
        (line,) = done.err.splitlines()
        odd = "quarry" if "--reason" in words else "almanac"
        assert line.startswith(f"next: kaizen-agentic schedule why {odd} --snapshot "), line
        assert run(*shlex.split(line)[2:], cwd=fleet.folder).code == 0
    every = fleet.ask("roster")
    assert "bindery            excluded   no entry can run\n" in every.out
    assert ", 1\n" not in every.out
    assert "1 runs on another host" in " ".join(every.out.split())
    assert "\nharbour" not in every.out
    assert max(map(len, fleet.ask("roster", "--wide").out.splitlines())) > 80


def test_filters_keep_the_counts_of_the_whole(fleet: Fleet) -> None:
    whole = fleet.json("roster")
    for words, wanted in (
        (("--repo", "o*"), {"observatory", "orchard"}),
        (("--reason", "path-missing"), {"quarry"}),
        (("--repo", "ledge?", "--excluded"), {"ledger"}),
    ):
        part = fleet.json("roster", *words)
        assert {row["repo"] for row in part["repos"]} == wanted
        assert part["counts"] == whole["counts"]
    odd = fleet.json("roster", "--excluded")["repos"]
    assert all(not row["eligible"] or row["reasons"] for row in odd)
    assert "atlas" not in {row["repo"] for row in odd}
    slip = fleet.ask("roster", "--reason", "path-mising")
    assert (slip.code, slip.out) == (2, "")


def test_fail_on(fleet: Fleet) -> None:
    assert fleet.ask("roster", "--fail-on", "path-missing", "-q").code == 1
    assert fleet.ask("roster", "--fail-on", "missed", "-q").code == 0
    both = fleet.ask("roster", "--fail-on", "missed", "--fail-on", "unreadable", "--repo", "a*")
    assert both.code == 1


def test_many_rows_are_grouped(tmp_path: Path) -> None:
    for number in range(30):
        checkout(tmp_path, f"fine-{number:02}")
        write_files(tmp_path, {f"bare-{number:02}/.git/HEAD": ""})
    done = run("schedule", "roster", "--scan", ".", cwd=tmp_path)
    assert (done.code, fits(done.out)) == (0, True)
    assert "eligible (30)\n" in done.out
    assert "manifest-missing (30)\n" in done.out
    assert "  and 15 more: --reason manifest-missing shows them\n" in done.out
    shown = run("schedule", "roster", "--scan", ".", "--reason", "manifest-missing", cwd=tmp_path)
    assert sum(line.startswith("bare-") for line in shown.out.splitlines()) == 30


HOSTILE = ("=cmd|' /C calc'!A0", "new\nline", "esc\x1b[31mred", "bidi\u202eevil", "a b'c\"d", "-x")


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    for name in HOSTILE:
        if "/" not in name:
            checkout(tmp_path / "my check outs", name)
    names = [name for name in HOSTILE if "/" not in name]
    write_files(tmp_path, {"snap.json": json.dumps(
        [{"slug": name, "host_paths": {"h": str(tmp_path / "none")}} for name in HOSTILE]
    )})  # fmt: skip
    words = ("--scan", "my check outs", "--now", NOW)
    for command in ("roster", "runs"):
        text = run("schedule", command, *words, cwd=tmp_path)
        assert text.code == 0
        assert not {"\x1b", "\u202e"} & set(text.out + text.err)
        assert fits(text.out)
        answer = one_value(run("schedule", command, *words, "--format", "json", cwd=tmp_path))
        rows = answer["repos"] if command == "roster" else answer["scheduled_runs"]
        assert {row["repo"] for row in rows} == set(names)
    table = run("schedule", "roster", "--snapshot", "snap.json", "--format", "csv", cwd=tmp_path)
    cells = list(csv.reader(io.StringIO(table.out)))
    assert len(cells) == 1 + len(HOSTILE)
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for row in cells for cell in row)
    assert len(table.out.splitlines()) == len(cells)
    told = run("schedule", "why", "esc\x1b[31mred", "coach", *words, cwd=tmp_path)
    assert (told.code, "esc\\x1b[31mred / coach on " in told.out) == (0, True)
    tasks = one_value(run(
        "schedule", "runs", *words, "--definition", COACH, "--tasks", "--format", "json",
        cwd=tmp_path,
    ))["tasks"]  # fmt: skip
    assert all(shlex.split(task["command"]) == task["argv"] for task in tasks)
    assert all("\n" not in task["title"] for task in tasks)


def test_csv_has_a_line_for_each_reason(fleet: Fleet) -> None:
    done = fleet.ask("roster", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert (done.err, rows[0]["reason"]) == ("", "roster-entry-invalid")
    ours = [row for row in rows if row["repo"] == "kaizen-agentic"]
    assert [(row["agents"], row["agent"], row["reason"]) for row in ours] == [
        ("coach optimization", "contract-keeper", "agent-disabled"),
        ("coach optimization", "tdd-workflow", "agent-disabled"),
    ]


def test_a_file_gets_no_colours_and_quiet_is_quiet(tmp_path: Path, fleet: Fleet) -> None:
    done = fleet.ask("roster", "-q", "-o", tmp_path / "out.txt", env={"NO_COLOR": "1"})
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "out.txt").read_text() == fleet.ask("roster", "-q").out


@pytest.mark.parametrize("flag", ["--reason", "--fail-on"])
def test_a_reason_that_there_is_not(tmp_path: Path, flag: str) -> None:
    words = ("schedule", "roster", "--scan", ".", flag)
    near = run(*words, "path-mising", cwd=tmp_path)
    message = f"error: Invalid value for '{flag}': there is no reason \"path-mising\""
    assert (near.code, near.out) == (2, "")
    assert near.err.splitlines()[0] == f"{message}; did you mean path-missing?"
    far = run(*words, "zzz", cwd=tmp_path)
    assert "; kaizen-agentic schedule rule lists them\n" in far.err
    assert max(map(len, (near.err + far.err).splitlines())) <= 120


def test_an_empty_folder_name_is_not_here(tmp_path: Path) -> None:
    checkout(tmp_path, "ledger")
    for command in ("roster", "runs", "pilot"):
        done = run("schedule", command, "--scan", "", cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.err == 'error: "" names no folder\nfix: name a folder of checkouts; . is here\n'


@pytest.mark.parametrize("slug", ["-dash", "--help", "-", "--"])
def test_a_printed_command_runs_whatever_the_slug_begins_with(slug: str, tmp_path: Path) -> None:
    checkout(tmp_path / "-srv", slug, "nobody:", "  cadence: weekly")
    source = ("--scan", "-srv", "--now", NOW)
    done = run("schedule", "roster", *source, "--host", "-h1", cwd=tmp_path)
    line = done.err.splitlines()[-1]
    assert line == f"next: kaizen-agentic schedule why --scan -srv --host -h1 -- {slug}"
    told = run(*shlex.split(line)[2:], cwd=tmp_path)
    assert (told.code, told.out.splitlines()[0]) == (0, f"{slug} / nobody on -h1"), told.err


def test_a_slug_that_is_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    for slug in (token, "atlas", "ledger"):
        checkout(tmp_path / "srv", slug)
    item = f"  - slug: {token}\n    host_paths: {{h: /srv/a}}\n"
    write_files(tmp_path, {"roster.yml": f'version: "1"\nrepos:\n{item}'})
    scan = ("--scan", "srv", "--host", "h", "--now", NOW)
    calls: tuple[tuple[str, ...], ...] = (
        ("roster",), ("roster", "--format", "json"), ("roster", "--format", "csv"),
        ("runs",), ("runs", "--format", "json"), ("runs", "--format", "ics"), ("why", token),
    )  # fmt: skip
    for words in calls:
        done = run("schedule", *words, *scan, cwd=tmp_path)
        assert done.code == (2 if "why" in words else 0)
        assert "a1B2" not in done.out + done.err, words
    assert (
        "slug looks like a secret: github token"
        in run("schedule", "roster", "--wide", *scan, cwd=tmp_path).out
    )
    piloted = run("schedule", "pilot", *scan, "--record", "record.jsonl", cwd=tmp_path)
    assert piloted.code == 0, piloted.out
    assert "a1B2" not in (tmp_path / "record.jsonl").read_text() + piloted.out + piloted.err
    listed = run("schedule", "roster", "--roster", "roster.yml", cwd=tmp_path)
    assert (listed.code, "KS511 slug looks like a secret" in listed.err) == (1, True)
    assert "a1B2" not in listed.out + listed.err


# --- roster: diff and merge --------------------------------------------------------------------


def saved(folder: Path, name: str, answer: Mapping[str, Any]) -> Path:
    return write_files(folder, {name: json.dumps(answer)}) / name


def test_diff(tmp_path: Path, fleet: Fleet) -> None:
    answer = fleet.json("roster")
    same = fleet.ask("roster", "--diff", saved(tmp_path, "same.json", answer))
    assert (same.code, same.out) == (0, "0 repositories have changed\n")
    assert "next:" not in same.err
    rows = {row["repo"]: row for row in answer["repos"]}
    rows["atlas"] |= {"eligible": False, "agents": []}
    rows["orchard"]["reasons"][0]["reason"] = "path-missing"
    answer["repos"] = [row for row in answer["repos"] if row["repo"] != "ledger"]
    answer["counts"]["registered"] -= 1
    old = saved(tmp_path, "old.json", answer)
    done = fleet.ask("roster", "--diff", old)
    assert "atlas\n  - excluded\n  + eligible (optimization)\n" in done.out
    assert "ledger\n  - not registered\n  + excluded; manifest-invalid\n" in done.out
    assert done.out.endswith("3 repositories have changed\n")
    # Of those that have changed, the first that has something to mend.
    assert done.err.splitlines()[-1].startswith("next: kaizen-agentic schedule why ledger ")
    changes = fleet.json("roster", "--diff", old)["changes"]
    assert [item["repo"] for item in changes] == ["atlas", "ledger", "orchard"]
    assert changes[1]["before"] is None


def test_a_saved_answer_that_is_none(tmp_path: Path, fleet: Fleet) -> None:
    part = fleet.json("roster", "--repo", "a*")
    for content, says in (
        ({"repos": []}, "is missing"), (part, "a part of"), ([], "the whole is no object"),
    ):  # fmt: skip
        path = write_files(tmp_path, {"old.json": json.dumps(content)}) / "old.json"
        for flag in ("--merge", "--diff"):
            words = (flag, path) if flag == "--merge" else (flag, path, "--scan", ".")
            done = run("schedule", "roster", *words, cwd=tmp_path)
            assert (done.code, done.out) == (1, "")
            assert says in done.err


def test_a_saved_answer_of_a_newer_form(tmp_path: Path, fleet: Fleet) -> None:
    answer = fleet.json("roster") | {"schema_version": "1.99", "new": 1}
    path = write_files(tmp_path, {"old.json": json.dumps(answer)}) / "old.json"
    read = run("schedule", "roster", "--merge", path, cwd=tmp_path)
    assert (read.code, read.err) == (0, "")
    path.write_text(json.dumps({"schema_version": "9.0", "other": answer}))
    for words in (("--merge", path), ("--scan", ".", "--diff", path)):
        done = run("schedule", "roster", *words, cwd=tmp_path)
        assert (done.code, done.out) == (1, "")
        assert "is too new: schema_version is 9.0, and this program reads 1.x\nfix: up" in done.err


def test_exit_codes_of_files_that_are_named(tmp_path: Path, fleet: Fleet) -> None:
    """Not there is wrong use, faulty is a finding; a snapshot stands for the hub: 3."""
    checkout(tmp_path / "srv", "atlas")
    whole = fleet.json("roster")
    write_files(tmp_path, {
        "bytes": b"\xff",
        "short.json": json.dumps(whole)[:100],
        "bytes.md": b"\xff",
        "large.md": " " * (1 << 20) + "#",
        "large.yml": " " * (1 << 20) + "#",
    })  # fmt: skip
    scan = ("--scan", "srv", "--now", NOW)
    calls: dict[tuple[str, ...], tuple[int, int]] = {
        ("roster", "--roster"): (2, 1),
        ("roster", "--snapshot"): (3, 3),
        ("roster", "--merge"): (2, 1),
        ("roster", *scan, "--diff"): (2, 1),
        ("definitions", "--check"): (2, 1),
        ("runs", *scan, "--definition"): (2, 1),
        ("report", "pilot_smoke", "--record"): (2, 1),
    }
    for words, (missing, damaged) in calls.items():
        for name in ("nowhere.md", "bytes", "short.json", "bytes.md", "large.md", "large.yml"):
            if words[-1] == "--definition" and not name.endswith(".md"):
                continue
            done = run("schedule", *words, name, cwd=tmp_path)
            code = missing if name == "nowhere.md" else damaged
            assert done.code == code, (words, name, done.err)
            assert code == 1 or done.out == ""
            assert "fix: " in done.out + done.err, (words, name)
    for words in (("roster", "--scan"), ("runs", *scan, "--definitions")):
        done = run("schedule", *words, "nowhere", cwd=tmp_path)
        assert (done.code, done.out) == (2, "")


def test_merge(tmp_path: Path, fleet: Fleet) -> None:
    one, two = fleet.json("roster"), fleet.json("roster", host="pilot-2")
    first, second = saved(tmp_path, "one.json", one), saved(tmp_path, "two.json", two)
    words = ("--merge", first, "--merge", second)
    both = run("schedule", "roster", *words, "--format", "json", cwd=tmp_path)
    answer = one_value(both)
    assert (both.code, answer["host"]) == (0, "pilot-1, pilot-2")
    assert "other-host" not in answer["counts"]
    assert answer["counts"]["registered"] == one["counts"]["registered"]
    alone = run("schedule", "roster", "--merge", first, "--format", "json", cwd=tmp_path)
    rows = {row["repo"]: row for row in one_value(alone)["repos"]}
    (reason,) = rows["harbour"]["reasons"]
    assert (reason["reason"], "pilot-2 runs it" in reason["detail"]) == ("host-unreachable", True)
    text = run("schedule", "roster", *words, cwd=tmp_path)
    assert (text.code, fits(text.out, str(fleet.folder))) == (0, True)
    other = saved(tmp_path, "other.json", {**two, "roster_digest": "0"})
    differs = run("schedule", "roster", "--merge", first, "--merge", other, cwd=tmp_path)
    assert (differs.code, differs.out) == (2, "")
    assert "differ in roster_digest" in differs.err
    twice = run("schedule", "roster", "--merge", first, "--merge", first, cwd=tmp_path)
    assert (twice.code, "two of the answers are of pilot-1" in twice.err) == (2, True)


def test_an_answer_of_another_host_is_not_trusted(tmp_path: Path, fleet: Fleet) -> None:
    answer = fleet.json("roster")
    for row in answer["repos"]:
        row["agents"] = [f"{name}\x1b]0;x\x07" for name in row["agents"]]
        for reason in row["reasons"]:
            reason |= {"detail": "a\x1b[2Jb\nc", "fix": "\u202ed"}
    path = saved(tmp_path, "odd.json", answer)
    for words in (("--merge", path), ("--merge", path, "--format", "csv")):
        done = run("schedule", "roster", *words, cwd=tmp_path)
        assert not {"\x1b", "\x07", "\u202e"} & set(done.out)
    assert "\x1b" not in fleet.ask("roster", "--diff", path).out


# --- why ---------------------------------------------------------------------------------------


def test_why_walks_down_to_what_is_wrong(fleet: Fleet) -> None:
    done = fleet.ask("why", "ledger", "coach")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "ledger on pilot-1",
        "  ✓ registered     slug ledger",
        "  ✓ hub flag       true, the manifest decides",
        "  ✓ host           pilot-1 owns it (pilot-1)",
        f"  ✓ path           {fleet.folder}/ledger",
        "  ✗ manifest       manifest-invalid: 2 errors, first at",
        '                   .kaizen/schedule.yml:6:14: KS204 unknown cadence "weely" for',
        "                   agent coach",
        f"fix: kaizen-agentic schedule validate {fleet.folder}/ledger",
    ]


def test_why_says_yes(fleet: Fleet) -> None:
    found = fleet.json("why", "field-notes", "coach", "--definition", COACH, "--at", FIRES)
    (one,) = found["explanations"]
    assert one["ok"]
    assert [step["name"] for step in one["steps"]] == [
        "registered", "hub flag", "selected", "host", "path", "manifest", "switched on", "entry",
        "prompt", "review", "cadence", "definition", "frequency", "time",
    ]  # fmt: skip
    assert one["steps"][-1]["detail"] == "Mon 30 Nov 09:00 Europe/Berlin"
    far = fleet.json("why", "leapling", "coach")["explanations"][0]
    assert far["steps"][-1]["detail"] == "Tue 29 Feb 2028 09:00 Europe/Rome"
    metrics = fleet.json("why", "field-notes", "--definition", "weekly-metrics-optimize")
    assert metrics["explanations"][0]["steps"][-1]["name"] == "metrics"


def test_why_knows_every_reason(fleet: Fleet) -> None:
    told: dict[str, tuple[str, str | None, str]] = {}
    for name, expected in fleet.made.expected.items():
        for repo, agent, reason in expected.excluded:
            if not repo.startswith("#"):
                told.setdefault(reason, (repo, agent, name))
    assert told.keys() >= {r.value for r in Reason} - {"missed", "roster-entry-invalid"}
    for reason, (repo, agent, name) in told.items():
        if reason == "not-selected":
            continue  # by globs that the packaged drafts do not have
        words = [repo] if agent is None else [repo, agent]
        if name != "preview":
            words += ["--definition", name, "--at", FIRES]
        done = fleet.ask("why", *words)
        assert (done.code, fits(done.out, str(fleet.folder))) == (0, True), done
        assert f" {reason}: " in " ".join(done.out.split()), (words, done.out)
        assert done.out.count("✗") == 1
    snapshot = json.dumps([{"slug": "odd", "host_paths": {"h": "relative"}}])
    write_files(fleet.snapshot.parent, {"odd.json": snapshot})
    odd = run("schedule", "why", "odd", "--snapshot", "odd.json", cwd=fleet.snapshot.parent)
    assert (odd.code, "✗ registered     roster-entry-invalid: " in odd.out) == (0, True)


def test_why_of_what_is_not_there(fleet: Fleet) -> None:
    slip = fleet.ask("why", "ledgr")
    assert (slip.code, slip.out, 'did you mean "ledger"?' in slip.err) == (2, "", True)
    agent = fleet.ask("why", "the-custodian", "optimizatoin")
    assert (agent.code, "fix: did you mean optimization?\n" in agent.out) == (0, True)
    other = fleet.ask("why", "field-notes", "optimization", "--definition", COACH)
    assert (other.code, f"{COACH} asks about coach alone" in other.err) == (2, True)
    whole = fleet.ask("why", "field-notes", "coach", "--definition", "weekly-metrics-optimize")
    assert (whole.code, "asks about repositories" in whole.err) == (2, True)
    template = fleet.ask("why", "field-notes", "--definition", "weekly-agent-run")
    assert (template.code, "is a template" in template.err) == (2, True)


def test_why_missed_and_whole_repositories_not_due(fleet: Fleet) -> None:
    late = run(
        "schedule", "why", "kaizen-agentic", "coach", "--snapshot", fleet.snapshot, "--host",
        "pilot-1", *WEEK, "--now", "2026-12-20T00:00:00Z", cwd=fleet.folder,
    )  # fmt: skip
    assert (late.code, "✗ time           missed: " in late.out) == (0, True)
    words = ("--definition", "weekly-metrics-optimize")
    window = ("--from", "2026-12-01T00:00:00Z", "--until", "2026-12-02T00:00:00Z")
    assert "not-due: " in fleet.ask("why", "field-notes", *words, *window).out


# --- runs --------------------------------------------------------------------------------------


def test_runs_of_a_definition(fleet: Fleet) -> None:
    for words in ((), ("--definition", COACH), ("--definition", "weekly-metrics-optimize")):
        done = fleet.ask("runs", *words)
        assert (done.code, fits(done.out)) == (0, True), done.out
        assert "…" not in done.out
    answer = fleet.json("runs", "--definition", COACH, "--at", FIRES)
    assert answer["window"] == {"start": FIRES, "end": "2026-12-07T08:00:00Z"}
    assert answer["now"] == FIRES
    file = data_path("definitions", f"{COACH}.md")
    again = fleet.json("runs", "--definition", file, "--at", FIRES)
    assert again["digest"] == answer["digest"]
    assert "agent-not-scheduled" in answer["counts"]["reasons"]
    listed = fleet.json("runs", "--definition", COACH, "--at", FIRES, "--all")["exclusions"]
    assert "agent-not-scheduled" in {item["reason"] for item in listed}
    wide = fleet.ask("runs", "--wide").out
    assert "2026-11-30T08:00:00Z\n" in wide
    assert "Mon 30 Nov 11:00 Europe/Berlin" in fleet.ask(
        "runs", "--definition", "weekly-metrics-optimize"
    ).out  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", NOW, "--until", NOW), "ends before it begins"),
        (("--until", "2026-11-01T00:00:00Z"), "ends before it begins"),
        (("--until", "2028-11-01T00:00:00Z"), "longer than a year"),
        (("--until", "2026-12-01"), "2026-12-01"),
        (("--at", NOW), "--at needs --definition"),
        (("--definition", COACH, "--at", NOW, "--from", NOW), "leave out --from"),
        (("--tasks",), "--tasks needs"),
        (("--definition", COACH, "--tasks"), "--tasks needs"),
        (("--definition", "weekly-coach-orientatoin"), f"did you mean {COACH}?"),
        (("--definition", "weekly-agent-run"), "is a template"),
    ],
)
def test_runs_refuses(fleet: Fleet, words: tuple[str, ...], says: str) -> None:
    done = fleet.ask("runs", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_tasks(fleet: Fleet) -> None:
    words = ("--definition", COACH, "--at", FIRES, "--tasks")
    answer = fleet.json("runs", *words)
    assert set(answer) == {"schema_version", "tool_version", "tasks"}
    task = next(t for t in answer["tasks"] if t["repo"] == "kaizen-agentic")
    assert task["idempotency_key"] == "kaizen-agentic:coach:2026-11-30T08:00:00Z"
    assert shlex.split(task["command"]) == task["argv"]
    assert task["run_timeout"] == 7200


def test_a_calendar(tmp_path: Path, fleet: Fleet) -> None:
    path = tmp_path / "runs of a week.ics"
    done = fleet.ask("runs", "--format", "ics", "-o", path)
    assert (done.code, done.out) == (0, "")
    assert path.read_bytes().count(b"BEGIN:VEVENT\r\n") == len(fleet.json("runs")["scheduled_runs"])


def test_the_load_is_shown_where_runs_pile_up(tmp_path: Path) -> None:
    for number in range(10):
        checkout(tmp_path, f"repo-{number}")
    words = ("--scan", ".", "--now", NOW)
    done = run("schedule", "runs", *words, cwd=tmp_path)
    assert "busiest hours, by not_before:\n  Mon 30 Nov 08:00Z      10  ####" in done.out
    assert fits(done.out)
    assert done.out.endswith("\n10 runs\n")


def test_an_empty_window_says_what_is_next(fleet: Fleet) -> None:
    done = fleet.ask("runs", "--until", "2026-11-24T12:01:00Z")
    assert done.code == 0
    assert done.out.startswith("0 runs; excluded: ")
    assert done.err.startswith("next: kaizen-agentic schedule roster --snapshot ")


# --- definitions -------------------------------------------------------------------------------


def draft(tmp_path: Path) -> str:
    return run("schedule", "definitions", COACH, cwd=tmp_path).out


def test_definitions_are_listed_and_shown(tmp_path: Path) -> None:
    listed = run("schedule", "definitions", cwd=tmp_path)
    assert (listed.code, fits(listed.out)) == (0, True)
    assert f"{COACH}    coach           weekly" in listed.out
    assert "next: kaizen-agentic schedule definitions ID" in listed.err
    assert draft(tmp_path) == Path(data_path("definitions", f"{COACH}.md")).read_text()
    every = one_value(run("schedule", "definitions", "--format", "json", cwd=tmp_path))
    assert {"schema_version", "tool_version", "definitions"} == set(every)
    one = one_value(run("schedule", "definitions", COACH, "--format", "json", cwd=tmp_path))
    assert one in every["definitions"]
    words = ("--format", "temporal")
    schedule = one_value(run("schedule", "definitions", COACH, *words, cwd=tmp_path))
    assert (schedule["paused"], schedule["catchup_window"]) == (True, 604_800)
    assert len(one_value(run("schedule", "definitions", *words, cwd=tmp_path))["definitions"]) == 3
    template = run("schedule", "definitions", "weekly-agent-run", *words, cwd=tmp_path)
    assert (template.code, template.out, "template" in template.err) == (2, "", True)
    slip = run("schedule", "definitions", "weekly-coach", cwd=tmp_path)
    assert (slip.code, slip.out) == (2, "")


def test_edited_definitions_are_checked(tmp_path: Path) -> None:
    text = draft(tmp_path)
    write_files(tmp_path, {
        "same.md": text,
        "edited.md": text.replace("0 9 * * 1", "0 8 * * 2"),
        "own.md": text.replace(f"id: {COACH}", "id: our-own"),
        "bad.md": text.replace("Europe/Berlin", "Europe/Berln").replace("PT2H", "2h"),
    })  # fmt: skip

    def check(name: str, *words: str) -> Result:
        more = ("--check", name, "--now", NOW, *words)
        return run("schedule", "definitions", *more, cwd=tmp_path)

    same = check("same.md")
    assert (same.code, same.err) == (0, "0 errors, 0 warnings\n")
    window = "  first window: 2026-11-30T08:00:00Z until 2026-12-07T08:00:00Z\n"
    assert same.out == f"{COACH}\n  as the draft\n{window}"
    edited = check("edited.md")
    assert (edited.code, '  +  cron: "0 8 * * 2"\n' in edited.out) == (0, True)
    assert "no packaged draft has this id" in check("own.md").out
    bad = check("bad.md")
    assert bad.code == 1
    assert 'bad.md:8:13: KS301 unknown time zone "Europe/Berln"' in bad.out
    assert "KS504" in bad.out
    assert bad.err == "2 errors, 0 warnings\n"
    answer = one_value(check("bad.md", "--format", "json"))
    assert (answer["ok"], len(answer["diagnostics"]), answer["definitions"]) == (False, 2, [])
    assert one_value(check("same.md", "--format", "json"))["definitions"][0]["changes"] == []
    assert check("same.md", "--format", "temporal").code == 2
    assert check("nowhere.md").code == 2
    assert run("schedule", "definitions", COACH, "--check", "same.md", cwd=tmp_path).code == 2


def test_a_secret_in_an_edited_definition_is_not_shown(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    text = draft(tmp_path).replace("title: Weekly", f"title: {token}") + f"Use {token}.\n"
    write_files(tmp_path, {"coach.md": text})
    words = ("schedule", "definitions", "--check", "coach.md", "--now", NOW)
    for more in ((), ("--format", "json")):
        done = run(*words, *more, cwd=tmp_path)
        assert done.code == 0
        assert "a1B2" not in done.out + done.err
        assert "+title: " in done.out
        assert "+Use [redacted:github-token]." in done.out


def test_a_folder_with_two_for_the_same(tmp_path: Path, fleet: Fleet) -> None:
    text = draft(tmp_path)
    folder = tmp_path / "my definitions"
    write_files(folder, {"a.md": text, "b.md": text.replace(f"id: {COACH}", "id: other")})
    calls: list[tuple[str | Path, ...]] = [
        ("definitions", "--check", folder),
        ("definitions", "--definitions", folder),
        ("roster", "--scan", fleet.folder, "--definitions", folder),
        ("runs", "--scan", fleet.folder, "--definitions", folder),
        ("pilot", "--definitions", folder),
    ]
    for words in calls:
        done = run("schedule", *words, "--now", NOW, cwd=tmp_path)
        assert done.code == 1, words
        assert "b.md:12:12: KS506 " in done.out + done.err
    (folder / "b.md").write_text(text.replace("coach\n", "optimization\n").replace(COACH, "opt"))
    answer = fleet.json("runs", "--definitions", folder)
    assert {item["definition"] for item in answer["scheduled_runs"]} == {COACH, "opt"}
    (tmp_path / "empty").mkdir()
    for more in (("--definitions", "empty"), ("--check", "empty"), ("--definitions", "nowhere")):
        assert run("schedule", "definitions", *more, cwd=tmp_path).code == 2


def test_the_published_folder_of_definitions_can_be_used_as_it_is(tmp_path: Path) -> None:
    run("contract", "export", "out", cwd=tmp_path)
    folder = tmp_path / "out" / "integrations" / "activity-definitions"
    assert (folder / "index.md").exists()
    (folder / "README.md").write_text("# Ours\n")
    checked = run("schedule", "definitions", "--check", str(folder), "--now", NOW, cwd=tmp_path)
    assert (checked.code, checked.err) == (0, "0 errors, 0 warnings\n")
    assert checked.out.count("  as the draft\n") == 4
    for path in folder.glob("weekly-*.md"):
        path.unlink()
    empty = run("schedule", "definitions", "--check", str(folder), cwd=tmp_path)
    assert empty.code != 0
    assert "holds no definition" in empty.err


def test_what_an_edited_definition_would_hand_out(tmp_path: Path) -> None:
    for name in ("atlas", "ledger"):
        checkout(tmp_path / "srv", name)
    write_files(tmp_path, {"coach.md": draft(tmp_path)})
    words = ("schedule", "definitions", "--check", "coach.md", "--now", NOW, "--scan", "srv")
    told = run(*words, cwd=tmp_path)
    assert told.code == 0, told.err
    assert told.out.splitlines()[-3:] == [
        "  it would hand out 2 runs",
        "    atlas:coach:2026-11-30T08:00:00Z",
        "    ledger:coach:2026-11-30T08:00:00Z",
    ]
    (one,) = json.loads(run(*words, "--format", "json", cwd=tmp_path).out)["definitions"]
    assert len(one["hands_out"]) == 2
    beside = run("schedule", "definitions", "--scan", "srv", cwd=tmp_path)
    assert (beside.code, beside.out) == (2, "")


def test_a_faulty_definition_is_told_with_places(tmp_path: Path, fleet: Fleet) -> None:
    write_files(tmp_path, {"bad.md": draft(tmp_path).replace("Europe/Berlin", "Europe/Berln")})
    path = tmp_path / "bad.md"
    for done in (
        run("schedule", "definitions", path, cwd=tmp_path),
        fleet.ask("roster", "--definition", path),
        fleet.ask("runs", "--definition", path),
        fleet.ask("why", "ledger", "--definition", path),
        run("schedule", "pilot", "--definition", path, cwd=tmp_path),
    ):
        assert (done.code, done.out) == (1, "")
        assert "bad.md:8:13: KS301 " in done.err
    write_files(tmp_path, {"bytes.md": b"\xff"})
    encoded = run("schedule", "definitions", "./bytes.md", cwd=tmp_path)
    assert (encoded.code, encoded.out) == (1, "")
    assert "./bytes.md:1:1: KS101 byte 0xff at offset 0 is not UTF-8" in encoded.err


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """A folder of definitions of which one is sound; to open the pipe would wait for ever."""
    folder = tmp_path / "ddx"
    large = "# " + "x" * 1_100_000
    write_files(folder, {"a.md": draft(tmp_path), "b.md": b"ok\n\xff", "big.md": large})
    (folder / "d.md").mkdir()
    os.mkfifo(folder / "f.md")
    (folder / "l.md").symlink_to("nowhere.md")
    (folder / "lost.md").symlink_to("/no/such/folder/lost.md")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "null.md").symlink_to("/dev/null")
    return folder


ODD = (
    "ddx/b.md:2:1: KS101 byte 0xff at offset 3 is not UTF-8",
    "ddx/big.md:1:1: KS102 the file holds more than 1,048,576 bytes",
    "ddx/d.md:1:1: KS507 d.md is a folder",
    "ddx/f.md:1:1: KS507 f.md is a named pipe",
    "ddx/l.md:1:1: KS507 nowhere.md does not exist",
    "ddx/loop.md:1:1: KS507 loop.md leads through a loop of links",
    'ddx/lost.md:1:1: KS507 "/no/such/folder" does not exist',
    "ddx/null.md:1:1: KS507 null is a device",
)


def test_one_bad_definition_does_not_hide_the_others(odd_folder: Path) -> None:
    words = ("schedule", "definitions", "--check", "ddx", "--now", NOW)
    done = run(*words, cwd=odd_folder.parent)
    assert done.code == 1
    assert [line for line in done.out.splitlines() if ": KS" in line] == list(ODD)
    assert f"{COACH}\n  as the draft\n" in done.out
    assert done.err == "8 errors, 0 warnings\n"
    answer = one_value(run(*words, "--format", "json", cwd=odd_folder.parent))
    assert (answer["ok"], len(answer["diagnostics"])) == (False, 8)
    assert [item["id"] for item in answer["definitions"]] == [COACH]


def test_who_uses_definitions_is_told_of_every_bad_one(odd_folder: Path, fleet: Fleet) -> None:
    for done in (
        fleet.ask("runs", "--definitions", odd_folder),
        fleet.ask("roster", "--definitions", odd_folder),
        run("schedule", "definitions", "--definitions", odd_folder, cwd=odd_folder.parent),
        run("schedule", "pilot", "--definitions", odd_folder, cwd=odd_folder.parent),
    ):
        assert (done.code, done.out) == (1, "")
        for line in ODD:
            assert f"{odd_folder.parent}/{line}\n" in done.err
        assert "has 8 errors\n" in done.err


def test_definitions_may_be_links(tmp_path: Path) -> None:
    write_files(tmp_path, {"elsewhere/weekly.md": draft(tmp_path), "own/README.md": "# Ours\n"})
    (tmp_path / "own" / "coach.md").symlink_to("../elsewhere/weekly.md")
    done = run("schedule", "definitions", "--check", "own", "--now", NOW, cwd=tmp_path)
    assert (done.code, done.err) == (0, "0 errors, 0 warnings\n")


# --- Help, and progress on a terminal ----------------------------------------------------------


@pytest.mark.parametrize("name", ["roster", "why", "runs", "definitions", "pilot"])
def test_every_help_ends_with_examples_that_run(tmp_path: Path, name: str) -> None:
    shown = run("schedule", name, "--help", cwd=tmp_path)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    examples = shown.out.partition("Examples:\n")[2].replace("\\\n", "").splitlines()
    assert examples
    for slug in ("ledger", "other"):
        checkout(tmp_path / "srv", slug)
    item = f"  - slug: ledger\n    host_paths: {{forge-1: {tmp_path}/srv/ledger}}\n"
    for example in examples:
        write_files(tmp_path, {"roster.yml": f'version: "1"\nrepos:\n{item}'})
        line = example.strip().replace("/srv", f"{tmp_path}/srv")
        call = f'kaizen-agentic() {{ "{sys.executable}" -m kaizen_schedule "$@"; }}\n{line}'
        done = subprocess.run(
            ["bash", "-c", call],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_leaves_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(KeyboardInterrupt), progress_bar("looking into") as told:  # noqa: PT012
        assert told is not None
        for number in range(1, 1_101):
            told(number, 2_000)
        told(1_200, None)
        raise KeyboardInterrupt
    assert "looking into 1,100 of 2,000" in terminal.getvalue()
    assert terminal.getvalue().endswith("looking into 1,200\r\x1b[K")
    with progress_bar("looking into", quiet=True) as told:
        assert told is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar("looking into") as told:
        assert told is None
