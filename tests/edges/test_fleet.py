"""The pilot fleet: every archive says what it means, and what is written can be relied upon."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule import (
    KaizenError,
    OutputError,
    Refusal,
    TargetError,
    list_entries,
    load_manifest,
    occurrences,
    prepare,
    read_memory,
    read_metrics,
    validate,
)
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.fleet import Archive, PilotFleet, materialise, parse_archive
from kaizen_schedule.edges.packaged import data_path
from kaizen_schedule.orienting.memory import memory_path, parse_notes, render_note
from kaizen_schedule.orienting.metrics import metrics_path, parse_executions, render_execution
from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.manifest import MOST_PER_DAY, Review

from ..support import ROOT

ARCHIVES = sorted(path.name for path in Path(data_path("pilot")).glob("*.txtar"))
PLAN = json.loads(Path(data_path("pilot", "fleet.json")).read_text("utf-8"))
GOOD = ("field-notes", "kaizen-agentic", "the-custodian")
COACH = "weekly-coach-orientation"
# Monday 2026-11-30 09:00 in Berlin, when the definition fires.
FIRES = datetime(2026, 11, 30, 8, tzinfo=UTC)
WEEK = FIRES + timedelta(days=7)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> PilotFleet:
    return materialise(tmp_path_factory.mktemp("fleet"))


def read(name: str) -> Archive:
    return parse_archive(Path(data_path("pilot", name)).read_text("utf-8"))


def render(archive: Archive, comment: str = "") -> str:
    """An archive as text: the opposite of reading one."""
    lines = [f"link {path} -> {target}\n" for path, target in archive.links.items()]
    lines += [f"folder {path}\n" for path in archive.folders]
    lines += [f"-- {path} --\n{text}" for path, text in archive.files.items()]
    return comment + "".join(lines)


def tree_of(root: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """Mode and content of everything beneath a folder."""
    found: dict[str, tuple[int, bytes | str | None]] = {}
    for path in sorted(root.rglob("*")):
        content: bytes | str | None = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(root))] = (path.lstat().st_mode, content)
    return found


def test_an_archive_has_comment_files_links_and_folders() -> None:
    text = (
        "What it is for.\n\nlink agents/a.md -> ../b/c\nfolder empty/deep\n"
        "-- a --\none\n\ntwo\n-- b/c --\n-- d --\nfolder x\nlink y -> z\n--  --x\n-- no marker"
    )
    assert parse_archive(text) == Archive(
        files={
            "a": "one\n\ntwo\n",
            "b/c": "",
            "d": "folder x\nlink y -> z\n--  --x\n-- no marker\n",
        },
        links={"agents/a.md": "../b/c"},
        folders=("empty/deep",),
    )


def test_a_marker_needs_no_line_end() -> None:
    assert parse_archive("-- a --").files == {"a": ""}
    assert parse_archive("-- a --\nb").files == {"a": "b\n"}


def test_only_a_line_feed_ends_a_line() -> None:
    text = "one\r\ntwo\x0c\u2028-- b --\r\n"
    assert parse_archive(f"-- a --\n{text}").files == {"a": text}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-- /etc/passwd --\n", "absolute"),
        ("-- ../a --\n", "leads upwards"),
        ("-- a/../../b --\n", "leads upwards"),
        ("-- a/.. --\n", "leads upwards"),
        ("-- . --\n", "leads upwards"),
        ("-- a/./b --\n", "leads upwards"),
        ("-- a//b --\n", "empty name"),
        ("-- a/ --\n", "empty name"),
        ("-- --\n", "empty name"),
        ("--  --\n", "empty name"),
        ("folder \n", "empty name"),
        ("folder /tmp\n", "absolute"),
        ("folder ..\n", "leads upwards"),
        ("link /a -> b\n", "absolute"),
        ("link ../a -> b\n", "leads upwards"),
        ("link  -> b\n", "empty name"),
        ("-- a\0b --\n", "cannot be seen"),
        ("-- a\x1b[2Jb --\n", "cannot be seen"),
        ("-- a\u202eb --\n", "cannot be seen"),
        ("-- a\rb --\n", "cannot be seen"),
        ("-- a --\n-- a --\n", "twice"),
        ("folder a\nfolder a\n", "twice"),
        ("link a -> b\n-- a --\n", "twice"),
        ("link a -> b\nlink a -> c\n", "twice"),
        ("folder a\n-- a --\n", "twice"),
        ("-- a --\n-- A --\n", "case alone"),
        ("-- Lib/a --\n-- lib/b --\n", "case alone"),
        ("-- a --\n-- a/b --\n", "beneath a file or a link"),
        ("-- a/b --\n-- a --\n", "a folder already"),
        ("folder b\nlink a -> b\n-- a/c --\n", "beneath a file or a link"),
        ("link a -> b\nfolder a/c\n", "beneath a file or a link"),
        ("link a -> b\nlink a/c -> d\n", "beneath a file or a link"),
        ("-- a/c --\n-- a/c/d/e --\n", "beneath a file or a link"),
        ("link a -> /etc\n", "lead outside"),
        ("link a -> ../b\n", "lead outside"),
        ("link a/b -> ../../c\n", "lead outside"),
        ("link a/b -> ../c/../../d\n", "lead outside"),
        ("link a -> b/..\n", "lead outside"),
        ("link a -> .\n", "lead outside"),
        ("link a -> \n", "or nowhere"),
        ("link a\n", "or nowhere"),
        ("link a -> b//c\n", "or nowhere"),
        ("link a -> b\x1bc\n", "cannot be seen"),
        ("", "holds no file"),
        ("A comment alone.\n", "holds no file"),
        ("--a--\n-- b--\n", "holds no file"),
    ],
)  # fmt: skip
def test_a_hostile_archive_is_refused(text: str, why: str) -> None:
    with pytest.raises(KaizenError) as caught:
        parse_archive(text)
    assert why in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.fix


def test_a_refusal_names_path_and_line() -> None:
    with pytest.raises(KaizenError) as caught:
        parse_archive("For tests.\n\n-- a --\none\n-- ../b --\n")
    assert caught.value.message.startswith('"../b" in line 5 of the archive ')


@given(st.text(st.sampled_from("ab/. \n-><lnkfoder\0é")))
def test_whatever_is_taken_stays_inside(text: str) -> None:
    for form in (text, f"link {text}", f"folder {text}", f"-- {text} --\n"):
        try:
            archive = parse_archive(form)
        except KaizenError:
            continue
        for path in (*archive.files, *archive.links, *archive.folders):
            assert os.path.normpath(path) == path
            assert not path.startswith("/")
            assert ".." not in path.split("/")
        for path, target in archive.links.items():
            reached = os.path.normpath(os.path.join("/r", os.path.dirname(path), target))
            assert reached == "/r" or reached.startswith("/r/")
        assert parse_archive(render(archive)) == archive


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_goes_round(name: str, fleet: PilotFleet) -> None:
    archive = read(name)
    assert parse_archive(render(archive, "Again.\n")) == archive
    assert all(text.endswith("\n") for text in archive.files.values())
    for folder in (f for f, file in PLAN["archives"].items() if file == name):
        found = tree_of(Path(fleet.folder, folder))
        files = {p: c.decode() for p, (_, c) in found.items() if isinstance(c, bytes)}
        links = {p: c for p, (_, c) in found.items() if isinstance(c, str)}
        assert (files, links) == (archive.files, archive.links)
        above = {str(p) for path in (*files, *links) for p in Path(path).parents} - {"."}
        folders = {path for path, (_, content) in found.items() if content is None}
        assert folders == above | set(archive.folders)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_fit_for_a_checkout(name: str) -> None:
    text = Path(data_path("pilot", name)).read_text("utf-8")
    archive = read(name)
    stem = name.removesuffix(".txtar")
    assert not text.startswith(("-- ", "link ", "folder ")), "say first what it is for"
    assert max(map(len, text.splitlines())) <= 260
    assert text.isascii()
    assert "\t" not in text.replace("\n\t", "")
    line = archive.files["README.md"].splitlines()[2]
    assert line.startswith("Stands for "), f"README.md of {stem}"
    if stem != "postcards":
        assert archive.folders.count(".git") == 1
        assert archive.files[".git/HEAD"] == "ref: refs/heads/main\n"


def test_every_archive_is_used_and_every_folder_is_named_in_the_roster() -> None:
    assert sorted(PLAN["archives"].values()) == ARCHIVES
    named = {path for item in PLAN["repos"] for path in item["host_paths"].values()}
    assert {f"{{fleet}}/{folder}" for folder in PLAN["archives"]} <= named


def test_materialised_twice_it_is_the_same(
    tmp_path: Path, fleet: PilotFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o077)
    try:
        other = materialise(tmp_path)
    finally:
        os.umask(before)
    one, two = tree_of(Path(fleet.folder)), tree_of(tmp_path)
    assert one == two
    kinds = {(stat.S_IFMT(mode), stat.S_IMODE(mode)) for mode, _ in one.values()}
    assert {m for k, m in kinds if k == stat.S_IFREG} == {0o644}
    assert {m for k, m in kinds if k == stat.S_IFDIR} == {0o755}
    assert (other.host, other.hosts, other.expected) == (fleet.host, fleet.hosts, fleet.expected)
    assert len(other.roster) == len(fleet.roster)


def test_the_roster_names_the_folder(fleet: PilotFleet) -> None:
    assert fleet.folder == os.path.realpath(fleet.folder)
    text = json.dumps(fleet.roster)
    assert "{fleet}" not in text
    by_slug = {str(item["slug"]): item for item in fleet.roster}
    assert by_slug["atlas"]["host_paths"] == {"pilot-1": os.path.join(fleet.folder, "atlas")}
    assert by_slug["harbour"]["host_paths"] == {"pilot-2": "/srv/checkouts/harbour"}
    assert "description" in by_slug["atlas"]


def test_a_folder_reached_through_a_link_is_named_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert materialise(tmp_path / "link").folder == os.path.realpath(tmp_path / "real")


@pytest.mark.parametrize("name", ["absent", "file", "nul\0"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="cannot open folder"):
        materialise(tmp_path / name)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Refusal, match="is not empty") as caught:
        materialise(tmp_path)
    assert caught.value.reason == "exists"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(OutputError, match="no space left on device"):
        materialise(tmp_path)


# What validate says of each folder, in the file's order.
FINDINGS = {
    "atlas": [],
    "bindery": [],
    "choir": ["KS409"],
    "field-notes": [],
    "granary": [],
    "kaizen-agentic": [],
    "leapling": ["KS308"],
    "ledger": ["KS204", "KS302"],
    "locksmith": ["KS402"],
    "metronome": ["KS308"],
    "observatory": ["KS206"],
    "orchard": ["KS100"],
    "postcards": ["KS100"],
    "sandbox-tides": [],
    "sundial": ["KS309"],
    "the-custodian": ["KS309"],
    "weathervane": ["KS116"],
}


@pytest.mark.parametrize("folder", sorted(PLAN["archives"]))
def test_validate_finds_what_is_meant(folder: str, fleet: PilotFleet) -> None:
    report = validate(Path(fleet.folder, folder), now=FIRES)
    assert [d.code for d in report.diagnostics] == FINDINGS[folder]
    if folder in GOOD:
        assert report.ok


def test_the_ledgers_errors_are_told_with_place_and_fix(fleet: PilotFleet) -> None:
    first, second = validate(Path(fleet.folder, "ledger"), now=FIRES).diagnostics
    assert (first.line, first.column, second.line, second.column) == (6, 14, 9, 11)
    assert "weekly" in first.fix
    assert '"0 0 * * 0"' in second.fix


RUNS = sorted({tuple(row) for told in PLAN["expected"].values() for row in told.get("runs", ())})


@pytest.mark.parametrize(("repo", "agent"), RUNS)
def test_a_run_is_due_once_a_week_and_can_be_prepared(
    repo: str, agent: str, fleet: PilotFleet
) -> None:
    target = Path(fleet.folder, repo)
    (due,) = occurrences(target, agent, start=FIRES, end=WEEK)
    row = next(row for row in list_entries(target, now=FIRES).entries if row.agent == agent)
    key = f"{repo}:{agent}:{due:%Y-%m-%dT%H:%M:%SZ}"
    bundle = prepare(
        target,
        agent,
        now=FIRES,
        run=key,
        definition=row.definition,
        expires_at=due + timedelta(days=6),
    )
    assert row.definition is not None
    assert bundle.repository == repo
    assert bundle.warnings == ()
    assert not any(section.truncated or section.redactions for section in bundle.sections)


def test_times_differ_from_repository_to_repository(fleet: PilotFleet) -> None:
    due = {
        (repo, agent): occurrences(Path(fleet.folder, repo), agent, start=FIRES, end=WEEK)[0]
        for repo, agent in RUNS
    }
    assert due["kaizen-agentic", "coach"] == due["field-notes", "coach"] == FIRES
    assert due["the-custodian", "coach"] == datetime(2026, 12, 3, 15, tzinfo=UTC)
    assert due["field-notes", "optimization"] == datetime(2026, 12, 4, 11, tzinfo=UTC)


# An exclusion that prepare can see too, and the reason it refuses with.
REFUSED = {
    name: reason
    for name, (agent, reason) in PLAN["expected"][COACH]["excluded"].items()
    if name in PLAN["archives"] and reason not in ("not-selected", "too-frequent", "not-due")
}


@pytest.mark.parametrize("folder", sorted(REFUSED))
def test_prepare_refuses_for_the_reason_that_is_expected(folder: str, fleet: PilotFleet) -> None:
    reason = REFUSED[folder]
    with pytest.raises(Refusal) as caught:
        prepare(
            Path(fleet.folder, folder),
            "coach",
            now=FIRES,
            run=f"{folder}:coach:2026-11-30T08:00:00Z",
            definition=COACH,
            expires_at=WEEK,
        )
    # To prepare, a folder need not be a checkout.
    assert caught.value.reason == {"not-a-repository": "manifest-missing"}.get(reason, reason)


def test_what_only_the_resolver_sees_is_there(fleet: PilotFleet) -> None:
    folder = Path(fleet.folder)
    often = load_manifest(folder / "metronome").agents["coach"].cron
    assert often is not None
    assert parse_cron(often).most_per_day > MOST_PER_DAY
    assert occurrences(folder / "leapling", "coach", start=FIRES, end=WEEK) == ()
    assert occurrences(folder / "sandbox-tides", "coach", start=FIRES, end=WEEK) == (FIRES,)
    assert not (folder / "postcards/.git").exists()
    assert not any((folder / name).exists() for name in ("quarry", "greenhouse", "tollbooth"))
    with pytest.raises(OSError, match="symbolic links"):
        (folder / "weathervane/.kaizen/schedule.yml").read_text()


def owner(item: dict[str, dict[str, str]]) -> str:
    return min(set(item["host_paths"]) & set(PLAN["hosts"]), default="")


def test_the_rosters_faults_are_there(fleet: PilotFleet) -> None:
    slugs = Counter(item["slug"] for item in fleet.roster)
    assert [slug for slug, count in slugs.items() if count > 1] == ["tollbooth"]
    assert [i for i, item in enumerate(fleet.roster) if not isinstance(item["slug"], str)] == [25]
    by_slug = {item["slug"]: item for item in fleet.roster}
    assert by_slug["greenhouse"]["kaizen_schedule_enabled"] is False
    assert by_slug["almanac"]["host_paths"] == {}
    assert {slug for slug, item in by_slug.items() if owner(item) == ""} == {"almanac", "lantern"}
    assert {slug for slug, item in by_slug.items() if owner(item) == "pilot-2"} == {"harbour"}
    paths: dict[str, list[str]] = {}
    for slug, item in by_slug.items():
        if "pilot-1" in item["host_paths"]:
            paths.setdefault(item["host_paths"]["pilot-1"], []).append(slug)
    shared = [sorted(slugs) for slugs in paths.values() if len(slugs) > 1]
    assert shared == [["field-notes", "field-notes-print"]]
    picked = [slug for slug in by_slug if fnmatchcase(str(slug), *fleet.not_selected_by)]
    assert picked == ["sandbox-tides"]


def test_every_item_is_expected_somewhere_and_by_one_asking_once(fleet: PilotFleet) -> None:
    every = {
        item["slug"] if isinstance(item["slug"], str) else f"#{place}"
        for place, item in enumerate(fleet.roster)
    }
    for name, told in fleet.expected.items():
        excluded = {repo for repo, _, _ in told.excluded}
        runs = {repo for repo, _ in told.runs} | set(told.repos)
        assert excluded | runs == every
        whole = {repo for repo, agent, _ in told.excluded if agent is None}
        assert not whole & runs
        if name != "preview":
            assert not excluded & runs
            assert len(told.excluded) == len(excluded)


def test_of_every_entry_a_preview_says_something(fleet: PilotFleet) -> None:
    told = fleet.expected["preview"]
    pairs = {*told.runs, *((repo, agent) for repo, agent, _ in told.excluded if agent)}
    whole = {repo for repo, agent, _ in told.excluded if agent is None}
    entries = {
        (folder, agent)
        for folder in PLAN["archives"]
        if folder not in whole
        for agent in load_manifest(Path(fleet.folder, folder)).agents
    }
    assert pairs == entries


def test_there_is_enough_to_be_a_pilot(fleet: PilotFleet) -> None:
    assert tuple(repo for repo, _ in fleet.expected[COACH].runs) == GOOD
    assert len(fleet.expected["weekly-optimization-review"].runs) >= 2
    assert fleet.expected["weekly-metrics-optimize"].repos
    ids = {definition.id for definition in packaged.definitions()}
    assert set(fleet.expected) - {"preview"} <= ids
    assert {reason for _, _, reason in fleet.expected[COACH].excluded} == {
        "roster-entry-invalid", "duplicate-slug", "hub-opted-out", "not-selected", "no-host-path",
        "host-unreachable", "other-host", "duplicate-path", "path-missing", "not-a-repository",
        "unreadable", "manifest-missing", "manifest-too-new", "manifest-invalid",
        "repository-disabled", "agent-not-scheduled", "agent-disabled", "agent-not-installed",
        "review-missing", "cadence-differs", "too-frequent", "not-due",
    }  # fmt: skip


def test_only_one_repository_has_metrics(fleet: PilotFleet) -> None:
    has = [
        name for name in PLAN["archives"] if Path(fleet.folder, name, ".kaizen/metrics").exists()
    ]
    assert has == list(fleet.expected["weekly-metrics-optimize"].repos)


def test_an_agent_of_high_risk_waits_for_a_person(fleet: PilotFleet) -> None:
    agents = load_manifest(Path(fleet.folder, "the-custodian")).agents
    assert agents["sys-medic"].review is Review.REQUIRED
    assert prepare(Path(fleet.folder, "the-custodian"), "sys-medic", now=FIRES).warnings == ()


def test_a_prompt_of_ones_own_can_be_prepared(fleet: PilotFleet) -> None:
    bundle = prepare(Path(fleet.folder, "kaizen-agentic"), "contract-keeper", now=FIRES)
    agent = next(section for section in bundle.sections if section.name == "agent")
    assert agent.source == "agents/agent-contract-keeper.md"


def test_the_history_is_as_the_program_would_have_written_it(fleet: PilotFleet) -> None:
    target = Path(fleet.folder, "field-notes")
    memory = (target / memory_path("coach")).read_text("utf-8")
    notes = parse_notes(memory)
    assert len(notes) == 2
    written = [render_note(note.text, now=note.at) for note in notes if note.at is not None]
    assert "".join(note.text for note in written) == memory
    assert read_memory(target, "coach").diagnostics == ()
    outcomes: Counter[str] = Counter()
    for agent in ("coach", "optimization"):
        path = metrics_path(agent)
        data = (target / path).read_bytes()
        found = parse_executions(data, path=path)
        assert (found.bad, found.superseded, found.diagnostics) == (0, 0, ())
        again = [
            render_execution(
                timestamp=e.timestamp,
                outcome=e.outcome,
                duration_s=e.duration_s,
                quality=e.quality,
                note=e.note,
                run=e.run,
            )
            for e in found.executions
        ]
        assert "".join(again).encode() == data
        for execution in found.executions:
            assert execution.timestamp < FIRES
            if execution.run is not None:
                due = datetime.fromisoformat(execution.run.split(":", 2)[2])
                assert occurrences(target, agent, start=due, end=due + timedelta(1)) == (due,)
                began = execution.timestamp - timedelta(seconds=execution.duration_s)
                assert due < began
        outcomes.update(e.outcome for e in found.executions)
    assert outcomes["failure"] == 1
    assert 6 <= outcomes.total() <= 8
    assert read_metrics(target, "coach", now=FIRES).suggestions


@pytest.mark.parametrize(
    ("folder", "words", "code"),
    [
        ("field-notes", ("index.py", "--check"), 0),
        ("kaizen-agentic", ("checks/contracts.py",), 0),
    ],
)
def test_what_the_readmes_name_runs(
    folder: str, words: tuple[str, ...], code: int, fleet: PilotFleet
) -> None:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=Path(fleet.folder, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_the_wheel_holds_the_fleet() -> None:
    held = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"kaizen_schedule/data/pilot/{name}" for name in (*ARCHIVES, "fleet.json")} <= held
