"""``schedule pilot``, in real processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kaizen_schedule.edges.packaged import data_path
from kaizen_schedule.edges.processes import Finished, fingerprint
from kaizen_schedule.edges.processes import run_command as real
from kaizen_schedule.orienting.record import PilotStep, StepKind, parse_record
from kaizen_schedule.reading.codec import to_plain
from kaizen_schedule.reading.strict_json import parse_json
from tests.support import NOW, ROOT, Result, manifest, run, write_files

COACH = "weekly-coach-orientation"
AT = ("--at", NOW)


def checkout(root: Path, name: str) -> Path:
    text = manifest("coach:", "  cadence: weekly")
    return write_files(root / name, {".git/HEAD": "", ".kaizen/schedule.yml": text})


def steps(path: Path) -> list[Any]:
    found = []
    for step in parse_record(path.read_text()):
        data: Any = to_plain(step)
        del data["duration_s"]
        found.append(data)
    return found


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("pilot")
    record = folder / "a record.jsonl"
    done = run("schedule", "pilot", *AT, "--record", record, "--format", "json", cwd=folder)
    return done, record


def test_the_embedded_fleet_holds(smoke: tuple[Result, Path]) -> None:
    done, record = smoke
    assert done.code == 0, done.out
    answer: Any = parse_json(done.out.encode())
    assert answer["ok"]
    found = parse_record(record.read_text())
    assert [to_plain(step) for step in found] == answer["steps"]
    assert [step.number for step in found] == list(range(1, len(found) + 1))
    assert all(step.ok for step in found)
    assert {step.step for step in found} == set(StepKind)
    assert answer["counts"]["failed"] == 0
    assert answer["counts"]["prepared"] == len(answer["prepared"]) == 4
    assert len({step.reason for step in found if step.reason}) >= 22


def test_the_text_fits_and_two_records_say_the_same(
    smoke: tuple[Result, Path], tmp_path: Path
) -> None:
    record = tmp_path / "record.jsonl"
    done = run("schedule", "pilot", *AT, "--record", "record.jsonl", cwd=tmp_path)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out + done.err
    assert done.out.splitlines()[0] == (
        "weekly-coach-orientation     fires Mon 30 Nov 09:00 Europe/Berlin"
    )
    assert "\n  kaizen-agentic   task ✓  prepare ✓ " in done.out
    assert done.out.splitlines()[-1].startswith("pilot: 3 definitions, 7 runs, ")
    assert done.err == ("next: kaizen-agentic schedule report pilot_smoke --record record.jsonl\n")
    assert steps(record) == steps(smoke[1])


@pytest.mark.parametrize(
    ("name", "word"),
    [("a 'record'.jsonl", "'a '\"'\"'record'\"'\"'.jsonl'"), ("esc\x1b.jsonl", None)],
)
def test_the_last_line_leads_to_the_report_of_the_same_roster(
    name: str, word: str | None, tmp_path: Path
) -> None:
    for slug in ("ledger", "atlas"):
        checkout(tmp_path / "my fleet", slug)
    text = Path(data_path("definitions", f"{COACH}.md")).read_text()
    write_files(tmp_path / "ours", {"a.md": text})
    words = ("--scan", "my fleet", "--definitions", "ours", "--record", name)
    done = run("schedule", "pilot", *AT, *words, cwd=tmp_path)
    assert done.code == 0, done.out
    if word is None:  # what cannot be copied is not shown
        assert done.err == ""
        return
    roster = "--scan 'my fleet' --definitions ours"
    assert done.err == (
        f"next: kaizen-agentic schedule report pilot_smoke --record {word} {roster}\n"
    )


def test_without_a_record_the_last_line_leads_to_the_definitions(tmp_path: Path) -> None:
    words = ("--definition", COACH, *AT)
    done = run("schedule", "pilot", *words, cwd=tmp_path)
    assert (done.code, done.err) == (
        0, "next: kaizen-agentic schedule definitions prints what to switch on\n",
    )  # fmt: skip
    quiet = run("schedule", "pilot", *words, "--quiet", "--record", "r.jsonl", cwd=tmp_path)
    assert (quiet.code, quiet.err) == (0, "")
    data = run("schedule", "pilot", *words, "--format", "json", "--record", "r.jsonl", cwd=tmp_path)
    assert (data.code, data.err) == (0, "")


def test_one_definition_or_a_folder_of_them(tmp_path: Path) -> None:
    one = run("schedule", "pilot", *AT, "--definition", COACH, "-q", cwd=tmp_path)
    assert (one.code, one.err) == (0, "")
    assert "pilot: 1 definition, 3 runs, " in one.out
    text = Path(data_path("definitions", f"{COACH}.md")).read_text()
    write_files(tmp_path / "ours", {"a.md": text.replace("0 9 * * 1", "0 9 * * 2")})
    ours = run("schedule", "pilot", *AT, "--definitions", "ours", cwd=tmp_path)
    assert "fires Tue  1 Dec 09:00" in ours.out
    template = run("schedule", "pilot", *AT, "--definition", "weekly-agent-run", cwd=tmp_path)
    assert (template.code, template.out, "is a template" in template.err) == (2, "", True)
    for words in (("--record", "-"), ("--host", "a"), ("--hosts", "a"), ("--definition", "x")):
        refused = run("schedule", "pilot", *AT, *words, cwd=tmp_path)
        assert (refused.code, refused.out) == (2, ""), words


def test_one_repository_is_not_enough(tmp_path: Path) -> None:
    checkout(tmp_path / "f", "ledger")
    done = run("schedule", "pilot", *AT, "--scan", "f", "--record", "r.jsonl", cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    last = " ".join(done.out.split()).partition("pilot: ")[2]
    assert last.endswith("0 failed; 1 repository prepared, and two are needed")
    assert max(map(len, done.out.splitlines())) <= 80
    end = parse_record((tmp_path / "r.jsonl").read_text())[-1]
    assert (end.step, end.ok) == (StepKind.END, False)


def test_odd_names_and_unchanged_checkouts(tmp_path: Path) -> None:
    folder = tmp_path / "my 'check' \"outs\""
    names = ("a b", "it's", 'say "hi"', "$(touch pwned)", "new\nline", "esc\x1b[31m", "é" * 60)
    for name in names:
        checkout(folder, name)
    before = fingerprint(str(folder))
    done = run("schedule", "pilot", *AT, "--scan", folder, "--record", "r.jsonl", cwd=tmp_path)
    assert done.code == 0, done.out
    assert fingerprint(str(folder)) == before
    assert not {"\x1b", "\r"} & set(done.out)
    assert max(map(len, done.out.splitlines())) <= 80
    found = parse_record((tmp_path / "r.jsonl").read_text())
    assert {step.repo for step in found if step.step is StepKind.PREPARE} == set(names)
    assert not list(tmp_path.rglob("pwned"))


def test_runs_that_fail_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    from kaizen_schedule.cli import main

    for name in ("broken", "fine", "fine-too", "mute", "restless"):
        checkout(tmp_path, name)

    def stand_in(command: str, **more: Any) -> Finished:
        if "broken:coach" in command:
            return Finished(code=3, out="", err="error: \x1b[31mno\nsuch thing", duration_s=1)
        done = real(command, **more)
        if "mute:coach" in command:
            return replace(done, out="")
        if "restless:coach" in command:
            write_files(tmp_path, {"restless/left.txt": "over"})
        return done

    monkeypatch.setattr("kaizen_schedule.api.pilot.run_command", stand_in)
    record = tmp_path / "r.jsonl"
    words = ["--definition", COACH, *AT, "--scan", str(tmp_path), "--record", str(record)]
    assert main(["schedule", "pilot", *words]) == 1
    out = capsysbinary.readouterr().out.decode()
    assert "  broken           task ✓  prepare ✗ 1.00 s\n    ✗ prepare broken: exit 3: " in out
    assert "error: \\x1b[31mno such thing\n" in out
    assert "    ✗ bundle mute: it is empty" in out
    assert "    ✗ unchanged restless: something beneath the checkout has changed\n" in out
    assert "\n  fine             task ✓  prepare ✓ " in out
    assert max(map(len, out.splitlines())) <= 80
    end = parse_record(record.read_text())[-1]
    assert (end.ok, "3 failed" in end.detail) == (False, True)


# --- The progress event ------------------------------------------------------------------------


@contextmanager
def hub(status: int = 202) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, *_words: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/progress", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_progress_event(tmp_path: Path) -> None:
    words = ("--definition", COACH, "--now", NOW, "--record", "r.jsonl", "--format", "json")
    with hub() as (url, received):
        env = {"STATE_HUB_TOKEN": "token-of-the-hub"}
        done = run("schedule", "pilot", *words, "--progress", url, cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    assert "token-of-the-hub" not in done.out + done.err
    ((headers, body),) = received
    assert headers["Authorization"] == "Bearer token-of-the-hub"
    event: Any = parse_json(body)
    schema = json.loads(
        Path(data_path("published", "contracts", "kaizen-pilot-completed.schema.json")).read_text()
    )
    jsonschema.validate(event, schema)
    assert event["data"]["ok"] is True
    assert event["data"]["counts"] == parse_json(done.out.encode())["counts"]


@pytest.mark.parametrize(
    ("hub_at", "sent"),
    [
        ("", True),  # there is no other hub whose token it could be
        ("{progress}/state", True),
        ("https://hub.example/state", False),
        ("http://127.0.0.1:9/state", False),
    ],
)
def test_the_token_goes_to_its_own_hub_alone(hub_at: str, sent: bool, tmp_path: Path) -> None:
    words = ("--definition", COACH, *AT)
    with hub() as (url, received):
        usual = hub_at.format(progress=url.removesuffix("/progress").replace("http", "HTTP"))
        env = {"STATE_HUB_TOKEN": "token-of-the-hub", "STATE_HUB_URL": usual}
        done = run("schedule", "pilot", *words, "--progress", url, cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    ((headers, _),) = received
    assert ("Authorization" in headers) is sent
    assert ("without the token" in done.err) is not sent


def test_a_hub_that_cannot_be_told(tmp_path: Path) -> None:
    words = ("--definition", COACH, *AT)
    with hub(400) as (url, received):
        refused = run("schedule", "pilot", *words, "--progress", url, cwd=tmp_path)
    assert (refused.code, len(received)) == (3, 1)
    assert "pilot: 1 definition, " in refused.out  # what was found is not lost


@pytest.mark.parametrize(
    ("words", "env", "code", "says"),
    [
        (("--progress", "file:///x"), {}, 2, '"file:///x" is no address of a hub'),
        (("--progress", "https://a@b"), {}, 2, "holds a user name or password"),
        (("--progress", "http://hub.example"), {"STATE_HUB_TOKEN": "t"}, 2, "unencrypted"),
        (("--progress", "https://hub.example"), {"STATE_HUB_TOKEN": "t t"}, 2, "none that can be"),
        (("--progress", "https://hub.example"), {"STATE_HUB_URL": "x"}, 2, '"x" is no address of'),
        (("--record", "nowhere/r.jsonl"), {}, 1, "there is no such folder"),
        (("--record", "."), {}, 1, "is a directory"),
        (("-o", "."), {}, 1, "is a directory"),
    ],
)
def test_what_can_be_known_beforehand_is_told_before_anything_runs(
    words: tuple[str, ...], env: dict[str, str], code: int, says: str, tmp_path: Path
) -> None:
    more = ("--record", "seen.jsonl") if "--record" not in words else ()
    done = run("schedule", "pilot", *AT, *words, *more, cwd=tmp_path, env=env)
    assert (done.code, done.out) == (code, "")
    error, fix = done.err.splitlines()
    assert (says in error, fix.startswith("fix: ")) == (True, True), done.err
    assert not list(tmp_path.iterdir())


def test_the_printer_needs_no_duration() -> None:
    from kaizen_schedule.publishing.listings import PilotPrinter

    printer = PilotPrinter()
    for kind in (StepKind.TASK, StepKind.PREPARE):
        step = PilotStep(number=1, step=kind, ok=False, repo="a", detail="it\nbroke " * 30)
        text = printer.line(step)
    text = printer.line(PilotStep(number=3, step=StepKind.UNCHANGED, ok=False, repo="a"))
    assert "✗ prepare a: it\\nbroke" in text
    assert "✗ unchanged a" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_published_record_is_what_a_run_writes(tmp_path: Path) -> None:
    published, fresh = ROOT / "docs/examples/pilot-record.jsonl", tmp_path / "record.jsonl"
    assert run("schedule", "pilot", *AT, "--record", fresh, cwd=tmp_path).code == 0
    assert steps(fresh) == steps(published), (
        f"stale; mend it with: kaizen-agentic schedule pilot --at {NOW} --record {published}"
    )
