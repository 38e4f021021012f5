"""``schedule report``: a notebook in, one HTML file out, or one sentence that says why not."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from ast import literal_eval
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from kaizen_schedule.api import report
from kaizen_schedule.edges.packaged import data_path
from kaizen_schedule.edges.report import find_notebooks, parameters_of, read_notebook
from kaizen_schedule.orienting.record import PilotStep, parse_record, render_record

from ..edges.test_report import kernel, notebook, short_folder
from ..support import NOW, ROOT, Result, manifest, write_files

WELL = "a b <script>alert(1)</script>"
STEP = '{"number": 1, "step": "end", "ok": true}\n'

# What a notebook shows of what it was handed.
SHOWS = """\
from kaizen_schedule import Source, read_roster
given = {key: globals()[key] for key in ("now", "host", "hosts", "roster", "snapshot", "scan")}
print(given)
source = {key: given[key] for key in ("roster", "snapshot", "scan") if given[key]}
if source:
    print([repo.slug for repo in read_roster(Source(**source), host=host).roster.repos])
"""
DECLARES = "now = host = hosts = roster = snapshot = scan = None"

# Where the program is told of other notebooks than its own.
_PROGRAM = """\
import json, sys
from kaizen_schedule.edges import report
found = json.loads(sys.argv.pop(1))
report.find_notebooks = lambda: found
from kaizen_schedule.cli import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Desk:
    """A folder to work in, and the notebooks that the program knows there."""

    folder: Path
    home: Path
    notebooks: dict[str, str]

    def add(self, name: str, *cells: str, parameters: str | None = None) -> None:
        path = self.folder.parent / f"{name}.ipynb"
        path.write_text(json.dumps(notebook(*cells, parameters=parameters)))
        self.notebooks[name] = str(path)

    def command(self, *words: str | Path) -> list[str]:
        known = json.dumps(self.notebooks)
        return [sys.executable, "-P", "-c", _PROGRAM, known, "schedule", "report", *map(str, words)]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KAIZEN_", "STATE_"))}
        home = str(self.home)
        return {**kept, "PYTHONPATH": str(ROOT), "TMPDIR": home, "HOME": home, **more}

    def report(self, *words: str | Path, **environment: str) -> Result:
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert self.left() == []
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def left(self) -> list[Path]:
        """What stands in the temporary folder and the home."""
        return list(self.home.iterdir())

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with short_folder() as home:
        yield _desk(tmp_path, home)


@pytest.fixture
def own(desk: Desk) -> Desk:
    """The same, with the program's own notebooks."""
    return Desk(desk.folder, desk.home, find_notebooks())


def _desk(tmp_path: Path, home: Path) -> Desk:
    (tmp_path / "here").mkdir()
    made = Desk(tmp_path / "here", home, {})
    made.add("own_fleet", SHOWS, parameters=DECLARES)
    made.add("own_smoke", "print(record)", parameters="record = None")
    made.add("own_fault", "1 / 0")
    return made


def fleet(folder: Path, *slugs: str) -> None:
    for slug in slugs:
        text = manifest("coach:", "  cadence: weekly")
        write_files(folder / slug, {".git/HEAD": "", ".kaizen/schedule.yml": text})


def said(html: str) -> list[str]:
    """What the cells of a report printed."""
    return [
        unescape(text)
        for block in re.findall(r'<pre tabindex="0" class="said">(.*?)</pre>', html, re.DOTALL)
        for text in block.splitlines()
    ]


# --- What is written -----------------------------------------------------------------------------


@kernel
def test_a_report_is_one_file_here(desk: Desk) -> None:
    done = desk.report("own_smoke", "--now", NOW)
    assert (done.code, done.out, done.err) == (0, "", "wrote own_smoke.html\n")
    assert desk.files() == {"own_smoke.html"}
    html = (desk.folder / "own_smoke.html").read_text()
    assert said(html) == ["None"]
    assert f"<dd>{NOW}</dd>" in html
    (desk.folder / "own_smoke.html").write_text("an older one")
    again = desk.report("own_smoke", "--now", NOW, "-q")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert (desk.folder / "own_smoke.html").read_text() == html


@kernel
def test_a_report_goes_where_it_is_told_to(desk: Desk) -> None:
    done = desk.report("own_smoke", "--now", NOW, "-o", "-")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("<!DOCTYPE html>")
    assert done.out.endswith("</html>\n")
    assert desk.files() == set()
    other = desk.report("own_smoke", "--now", NOW, "-o", "a b.html")
    assert (other.code, other.out, other.err) == (0, "", "wrote a b.html\n")
    assert (desk.folder / "a b.html").read_text() == done.out


@kernel
def test_cells_are_counted_on_a_terminal(desk: Desk) -> None:
    desk.add("counted", "1", "2", "3")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        desk.command("counted"), cwd=desk.folder, env=desk.environment(), stderr=theirs
    ) as process:
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 4096):
                told += piece
        except OSError:  # how the end of a terminal is told
            pass
        assert process.wait(60) == 0
    os.close(ours)
    lines = told.decode().replace("\r\x1b[K", "\n").split("\n")
    assert [line.strip() for line in lines if line.strip()] == [
        "cells done 0 of 3", "cells done 1 of 3", "cells done 2 of 3", "cells done 3 of 3",
        "wrote counted.html",
    ]  # fmt: skip


# --- What a notebook is run on -------------------------------------------------------------------


@kernel
def test_a_folder_of_checkouts_is_handed_over_whole(desk: Desk) -> None:
    odd = 'it\'s "$(touch pwned)" {{ x }}'
    fleet(desk.folder / odd, WELL.replace("/", ""), "ledger")
    words = ("--scan", odd, "--host", "forge-1", "--hosts", "forge-1, ", "--now", NOW)
    done = desk.report("own_fleet", *words)
    assert done.code == 0, done.err
    html = (desk.folder / "own_fleet.html").read_text()
    given, slugs = said(html)
    handed = literal_eval(given)
    snapshot = Path(handed.pop("snapshot"))
    assert handed == {
        "now": NOW, "host": "forge-1", "hosts": ["forge-1"], "roster": None, "scan": None,
    }  # fmt: skip
    assert not snapshot.exists()  # it is gone with the report
    assert slugs == "['a b <script>alert(1)<script>', 'ledger']"
    assert "<script" not in html
    assert "<dt>Host</dt><dd>forge-1</dd>" in html
    assert not list(desk.folder.rglob("pwned"))


@kernel
def test_a_roster_with_one_host_needs_none_to_be_named(desk: Desk) -> None:
    write_files(desk.folder, {
        "roster.yml": 'version: "1"\nrepos:\n  - slug: a\n    host_paths: {forge-7: /srv/a}\n'
    })  # fmt: skip
    done = desk.report("own_fleet", "--roster", "roster.yml", "--now", NOW)
    assert done.code == 0, done.err
    html = (desk.folder / "own_fleet.html").read_text()
    assert said(html)[1] == "['a']"
    assert "<dt>Host</dt><dd>forge-7</dd>" in html


@contextmanager
def hub(items: Any, status: int = 200) -> Iterator[tuple[str, list[str | None]]]:
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            body = json.dumps(items).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_words: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ITEMS = [
    {"slug": "<b>a</b>", "host_paths": {"forge-1": "/srv/a"}, "owner": "é"},
    {"slug": "ledger", "host_paths": {"forge-1": "/srv/l", "forge-2": "/srv/l"}},
    {"slug": "odd"},
]
TOKEN = "token-of-the-hub-1234"


@kernel
def test_a_hub_is_asked_once_and_its_token_stays_here(desk: Desk) -> None:
    desk.add("env", SHOWS, "import os; print(sorted(os.environ))", parameters=DECLARES)
    with hub(ITEMS) as (url, asked):
        words = ("env", "--hub", url, "--host", "forge-2", "--now", NOW)
        done = desk.report(*words, STATE_HUB_TOKEN=TOKEN)
    assert done.code == 0, done.err
    assert asked == [f"Bearer {TOKEN}"]
    html = (desk.folder / "env.html").read_text()
    assert TOKEN not in html
    given, slugs, environment = said(html)
    assert slugs == "['<b>a</b>', 'ledger']"
    assert "STATE_HUB" not in environment
    assert url not in given
    assert f"<dt>Roster</dt><dd>&quot;{url}&quot;</dd>" in html
    assert str(desk.home) not in html.replace(given, "")


@kernel
def test_a_hub_that_is_only_set_is_taken_where_it_is_of_use(desk: Desk) -> None:
    write_files(desk.folder, {"globs.yml": 'version: "1"\ninclude: ["l*"]\n'})
    with hub(ITEMS) as (url, asked):
        done = desk.report("own_fleet", "--host", "forge-1", "--now", NOW, STATE_HUB_URL=url)
        assert done.code == 0, done.err
        assert said((desk.folder / "own_fleet.html").read_text())[1] == "['<b>a</b>', 'ledger']"
        words = ("own_fleet", "--roster", "globs.yml", "--host", "forge-1", "--now", NOW)
        done = desk.report(*words, STATE_HUB_URL=url)
        assert done.code == 0, done.err
        assert said((desk.folder / "own_fleet.html").read_text())[1] == "['ledger']"
        assert len(asked) == 2
        assert desk.report("own_smoke", "--now", NOW, STATE_HUB_URL=url).code == 0
        assert len(asked) == 2
        desk.add("pilot", "print(snapshot)", parameters="record = snapshot = host = None")
        assert desk.report("pilot", "--now", NOW, STATE_HUB_URL=url).code == 0
        assert said((desk.folder / "pilot.html").read_text()) == ["None"]
        assert len(asked) == 2
        fleet(desk.folder / "f", "x")
        assert desk.report("own_fleet", "--scan", "f", "--now", NOW, STATE_HUB_URL=url).code == 0
        assert len(asked) == 2


@kernel
def test_a_snapshot_stands_in_for_a_hub_that_is_down(desk: Desk) -> None:
    write_files(desk.folder, {"saved.json": json.dumps(ITEMS)})
    with hub([], 401) as (url, _):
        words = ("--hub", url, "--snapshot", "saved.json", "--host", "forge-1", "--now", NOW)
        done = desk.report("own_fleet", *words)
    assert done.code == 0, done.err
    assert done.err.startswith("warning: stale: ")
    html = (desk.folder / "own_fleet.html").read_text()
    assert "<dt>Roster</dt><dd>&quot;saved.json&quot;, stale</dd>" in html


@kernel
def test_a_record_is_handed_over(desk: Desk) -> None:
    write_files(desk.folder, {"a record.jsonl": STEP})
    assert desk.report("own_smoke", "--record", "a record.jsonl", "--now", NOW).code == 0
    html = (desk.folder / "own_smoke.html").read_text()
    assert said(html) == [str(desk.folder / "a record.jsonl")]
    assert "<dt>Record</dt><dd>a record.jsonl</dd>" in html


@kernel
def test_definitions_are_handed_over(desk: Desk) -> None:
    desk.add("defined", "print(definitions)", parameters="definitions = None")
    text = Path(data_path("definitions", "weekly-coach-orientation.md")).read_text()
    write_files(desk.folder, {"ours/a.md": text, "theirs/b.md": "no front matter"})
    assert desk.report("defined", "--definitions", "ours", "--now", NOW).code == 0
    html = (desk.folder / "defined.html").read_text()
    assert said(html) == [str(desk.folder / "ours")]
    wrong = desk.report("defined", "--definitions", "theirs", "--now", NOW)
    assert wrong.code == 1
    assert "KS501" in wrong.err
    other = desk.report("own_fleet", "--definitions", "ours")
    assert (other.code, "takes no --definitions" in other.err) == (2, True)


# --- Failures: one sentence, an exit code, and nothing written -----------------------------------


def refused(desk: Desk, *words: str | Path, **environment: str) -> Result:
    before = desk.files()
    done = desk.report(*words, **environment)
    assert desk.files() == before
    assert done.out == ""
    assert "Traceback" not in done.err
    return done


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            STEP + '{"number": 2, "step": "no',
            1,
            'record "r.jsonl" is damaged: line 2: unterminated string starting at, column 23',
        ),
        (STEP + '{"number": 2, "step": "dance", "ok": true}\n', 1, "is damaged: line 2: "),
        ("\x00\x01", 1, "is damaged: line 1: "),
        (b"\xff\xfe", 1, 'record "r.jsonl" is damaged: line 1: byte 1 is not UTF-8'),
        (STEP.encode() + b'{"a\xff', 1, 'record "r.jsonl" is damaged: line 2: byte 4 is not UTF-8'),
        (
            STEP.replace("1,", '1, "reason": "nosuch",'),
            1,
            'record "r.jsonl" is damaged: line 1: /reason is "nosuch", which is no reason',
        ),
        (STEP + STEP, 1, 'record "r.jsonl" is damaged: line 2: /number is 1, and has to be 2'),
        (STEP.replace("end", "fire"), 1, "is damaged: line 1: /definition is missing"),
        (
            '{"schema_version": "99.0"}',
            1,
            'record "r.jsonl" is too new: line 1: schema_version is 99.0, and this program reads',
        ),
        ("", 1, 'record "r.jsonl" is empty'),
        (None, 2, '"r.jsonl" cannot be read: no such file or directory'),
    ],
)
def test_a_damaged_record(desk: Desk, text: str | bytes | None, code: int, message: str) -> None:
    if text is not None:
        write_files(desk.folder, {"r.jsonl": text})
    done = refused(desk, "own_smoke", "--record", "r.jsonl")
    assert done.code == code
    error, fix = done.err.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert fix.startswith("fix: ")


def test_a_record_that_is_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    low = "from kaizen_schedule.api import report as made\nmade.RECORD_CAP = len(b'{}')\n"
    monkeypatch.setitem(globals(), "_PROGRAM", low + _PROGRAM)
    write_files(desk.folder, {"r.jsonl": STEP})
    done = refused(desk, "own_smoke", "--record", "r.jsonl")
    assert done.code == 1
    assert done.err.startswith('error: "r.jsonl" holds more than 2 bytes\nfix: ')


@kernel
def test_a_cell_that_fails(desk: Desk) -> None:
    write_files(desk.folder, {"own_fault.html": "an older one"})
    done = refused(desk, "own_fault")
    assert done.code == 1
    assert done.err == (
        'error: own_fault: cell 1 of 1, "1 / 0", failed: ZeroDivisionError: division by zero\n'
    )
    assert (desk.folder / "own_fault.html").read_text() == "an older one"


@kernel
def test_a_cell_that_takes_too_long(desk: Desk) -> None:
    desk.add("slow", "import time\ntime.sleep(60)")
    done = refused(desk, "slow", "--timeout", "1")
    assert done.code == 1
    assert done.err == (
        'error: slow: cell 1 of 1, "import time", took longer than 1 s\n'
        "fix: give each cell more time: --timeout SECONDS\n"
    )


def test_an_unknown_report_names_the_nearest(desk: Desk) -> None:
    done = refused(desk, "own_smok")
    known = "own_fleet, own_smoke, own_fault"
    assert done.code == 2
    assert done.err == (
        f'error: there is no report "own_smok"\nfix: did you mean own_smoke? known are {known}\n'
    )
    for word, near in (("own-fleet", "own_fleet"), ("own_s", "own_smoke")):
        assert f"fix: did you mean {near}? known are " in refused(desk, word).err
    other = refused(desk, "../../etc/passwd\x1b")
    assert other.code == 2
    assert other.err.endswith(f"fix: known are {known}\n")
    assert "\x1b" not in other.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("own_smoke", "--scan", "."), 2, "report own_smoke takes no --scan"),
        (("own_smoke", "--hub", "http://x"), 2, "report own_smoke takes no --hub"),
        (("own_fleet", "--record", "r"), 2, "report own_fleet takes no --record"),
        (("own_fault", "--record", "r"), 2, "report own_fault takes no --record"),
        (("own_fleet", "--host", "x"), 2, "--host needs a roster"),
        (("own_fleet", "--hosts", "x"), 2, "--hosts needs a roster"),
        (("own_fleet", "--scan", "nowhere"), 2, 'folder "nowhere" cannot be read'),
        (("own_fleet", "--scan", ".", "--roster", "r"), 2, "name two rosters"),
        (("own_fleet", "--snapshot", "r"), 3, '"r" cannot be read'),
        (("own_fleet", "--roster", "bad.yml"), 1, '"bad.yml" has 1 error'),
        (("own_fleet", "--scan", ".", "--host", "a", "--hosts", "b"), 2, 'no host "b"'),
        (("own_fleet", "-o", "nowhere/a.html"), 1, "no such folder\nfix: make the folder first"),
        (("own_fault", "-o", "ledger"), 1, '"ledger": is a directory\nfix: name a file in it'),
        (("own_fault", "-o", "bad.yml/a"), 1, "not a directory\nfix: name a file in a folder"),
        (("own_fault", "-o", "link"), 1, "it is a link\nfix: name the file"),
        (("own_fleet", "--timeout", "0"), 2, "--timeout"),
        (("own_fleet", "--now", "today"), 2, "is no instant"),
        ((), 2, "NAME"),
    ],
)
def test_what_cannot_be_reported(
    desk: Desk, words: tuple[str, ...], code: int, message: str
) -> None:
    write_files(desk.folder, {"bad.yml": 'version: "1"\nrepo: []\n'})
    fleet(desk.folder, "ledger")
    (desk.folder / "link").symlink_to("bad.yml")
    done = refused(desk, *words)  # without a kernel, so that no cell can have been run
    assert (done.code, message in done.err) == (code, True), done.err
    assert sum(line.startswith("error: ") for line in done.err.splitlines()) == 1


def test_a_hub_that_cannot_be_had(desk: Desk) -> None:
    with hub([], 401) as (url, _):
        done = refused(desk, "own_fleet", "--hub", url, STATE_HUB_TOKEN=TOKEN)
    assert done.code == 3
    assert TOKEN not in done.err


def test_without_the_extra(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hiding = "import sys; sys.modules.update(nbclient=None)\n"
    monkeypatch.setitem(globals(), "_PROGRAM", hiding + _PROGRAM)
    done = refused(desk, "own_fleet")
    assert done.code == 2
    assert done.err == (
        "error: notebooks cannot be run: nbclient not installed\n"
        "fix: pip install 'kaizen-schedule[notebooks]'\n"
    )


def test_its_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from kaizen_schedule.cli import main; main(['schedule', 'report', '--help']); "
        "heavy = ('asyncio', 'jupyter_client', 'mistune', 'nbclient', 'nbformat', 'pandas', 'zmq', "
        "'pygments'); print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
    words = " ".join(done.stdout.split())
    assert f"NAME is {', '.join(OWN[:-1])} or {OWN[-1]}. " in words


# --- Ctrl-C --------------------------------------------------------------------------------------


@kernel
@pytest.mark.parametrize("when", ["starting", "running"])
def test_ctrl_c(desk: Desk, when: str) -> None:
    mark = desk.folder.parent / "pid"
    desk.add("endless", f"import os\nopen({str(mark)!r}, 'w').close()\nwhile True: pass")
    with subprocess.Popen(
        desk.command("endless"), cwd=desk.folder, env=desk.environment(), stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 60
            children: list[psutil.Process] = []
            while not (children and (when == "starting" or mark.exists())):
                children = psutil.Process(process.pid).children(recursive=True) or children
                assert process.poll() is None
                assert time.monotonic() < deadline
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, err.decode()) == (130, "\ninterrupted\n")
    assert not [child for child in children if child.is_running()]
    assert desk.files() == set()
    assert desk.left() == []


# --- The program's own ---------------------------------------------------------------------------


OWN = ("agent_performance", "pilot_smoke", "roster_eligibility")
HOSTILE = ("<script>alert(1)<script>", "<img src=x onerror=alert(2)>", "it's \"$(touch pwned)\"",
           "{{ run }} `x` **b** | c", "new\nline", "esc\x1b[31m\u202e", "\u00e9" * 60)  # fmt: skip


def test_every_notebook_declares_what_it_takes() -> None:
    assert report.list_reports() == OWN
    for path in find_notebooks().values():
        declared = parameters_of(read_notebook(path))
        assert {"now", "roster", "snapshot", "scan", "host", "hosts"} <= set(declared), path
        assert ("record" in declared) == path.endswith("pilot_smoke.ipynb")


@kernel
@pytest.mark.parametrize("name", OWN)
def test_hostile_names_are_text_in_every_report(own: Desk, name: str) -> None:
    fleet(own.folder / "f", *HOSTILE)
    line = '{"timestamp": "2026-11-23T09:00:00Z", "outcome": "success", "duration_s": 60}\n'
    for slug in HOSTILE:
        path = f"f/{slug}/.kaizen/metrics/coach/executions.jsonl"
        write_files(own.folder, {path: line})
    done = own.report(name, "--scan", "f", "--host", "forge-1", "--now", NOW, "-o", "-")
    assert (done.code, done.err) == (0, "")
    assert not re.search(
        r"<script|<img|onerror=|\x1b|\u202e", re.sub("&[a-z]+;[^<]*", "", done.out)
    )
    assert "&lt;img src=x onerror=alert(2)&gt;" in done.out
    assert not list(own.folder.rglob("pwned"))


@kernel
@pytest.mark.parametrize("name", OWN)
def test_an_empty_fleet_and_one_repository_can_be_reported(own: Desk, name: str) -> None:
    (own.folder / "empty").mkdir()
    words = (name, "--host", "forge-1", "--now", NOW, "-o", "-")
    none = own.report(*words, "--scan", "empty")
    fleet(own.folder / "one", "ledger")
    one = own.report(*words, "--scan", "one")
    assert (none.code, one.code) == (0, 0), none.err + one.err
    assert "ledger" in one.out
    assert "the roster that is named" in one.out
    assert "kaizen-roster-" not in one.out  # where it was for a moment tells nobody anything


@kernel
def test_the_record_of_a_pilot_becomes_a_report(own: Desk) -> None:
    record = (ROOT / "docs/examples/pilot-record.jsonl").read_text()
    write_files(own.folder, {"r.jsonl": record})
    done = own.report("pilot_smoke", "--record", "r.jsonl", "--now", NOW)
    assert (done.code, done.err) == (0, "wrote pilot_smoke.html\n")
    again = own.report("pilot_smoke", "--record", "r.jsonl", "--now", NOW, "-o", "-")
    assert again.out == (own.folder / "pilot_smoke.html").read_text()
    assert "kaizen-agentic" in again.out


@kernel
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda steps: [replace(steps[0], ok=False), *steps[1:]], "the record's end says"),
        (lambda steps: [*steps[:-1], replace(steps[-1], ok=False)], "the record's end judges it"),
        (lambda steps: [*steps[:-1], replace(steps[-1], detail="")], "the record's end says"),
    ],
)
def test_a_record_with_wrong_numbers_fails_in_its_notebook(
    own: Desk, damage: Callable[[list[PilotStep]], list[PilotStep]], said: str
) -> None:
    steps = list(parse_record((ROOT / "docs/examples/pilot-record.jsonl").read_text()))
    write_files(own.folder, {"r.jsonl": render_record(damage(steps))})
    done = refused(own, "pilot_smoke", "--record", "r.jsonl", "--now", NOW)
    assert done.code == 1
    assert re.fullmatch(
        r'error: pilot_smoke of "r.jsonl": cell \d+ of \d+, .*, failed: .*\n', done.err
    ), done.err
    assert said in done.err


def test_a_record_that_was_cut_or_mixed_is_told_before_a_cell_runs(own: Desk) -> None:
    lines = (ROOT / "docs/examples/pilot-record.jsonl").read_text().splitlines(keepends=True)
    for damaged, says in (
        (lines[:-1], "line 108: the record stops here, before its end"),
        (lines[:6] + lines[7:], "line 7: /number is 8, and has to be 7"),
        (lines * 2, "line 110: /number is 1, and has to be 110"),
        (lines[::-1], "line 1: /number is 109, and has to be 1"),
    ):
        write_files(own.folder, {"r.jsonl": "".join(damaged)})
        done = refused(own, "pilot_smoke", "--record", "r.jsonl", "--now", NOW)
        assert (done.code, done.err.splitlines()) == (
            1,
            [
                f'error: record "r.jsonl" is damaged: {says}',
                "fix: write it again: kaizen-agentic schedule pilot --record FILE",
            ],
        )


@kernel
def test_without_a_roster_an_example_is_shown_and_said_to_be_one(own: Desk) -> None:
    done = own.report("agent_performance", "--now", NOW)
    assert done.code == 0
    assert done.err == (
        "warning: no roster is named; what is shown is the notebook's own example\n"
        "fix: pass --roster FILE, --hub URL, --snapshot FILE or --scan FOLDER\n"
        "wrote agent_performance.html\n"
    )
    html = (own.folder / "agent_performance.html").read_text()
    assert "<dt>Roster</dt><dd>none named, an example</dd>" in html
