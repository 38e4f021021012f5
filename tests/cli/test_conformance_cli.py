"""``contract conformance`` and ``contract answer``, in real processes, with faulty adapters."""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kaizen_schedule import __version__
from kaizen_schedule.api import conformance as api
from kaizen_schedule.cli import main
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.processes import FED_CAP
from kaizen_schedule.reading.codec import SCHEMA_VERSION
from kaizen_schedule.reading.errors import UsageError
from tests.support import ROOT, Result, gone, run, write_files

OWN = shlex.join([sys.executable, "-m", "kaizen_schedule", "contract", "answer"])
PYTHON = [sys.executable, "-I", "-S", "-c"]
VECTORS = Path(packaged.data_path("published", "contracts", "vectors"))


def vector(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_bytes())


def conformance(*words: str | Path, cwd: Path, command: str = OWN, **more: Any) -> Result:
    return run("contract", "conformance", "--command", command, *words, cwd=cwd, **more)


def python(code: str, *words: str) -> str:
    """A Python script as a command that starts fast."""
    return shlex.join([*PYTHON, code, *words])


# --- This program's own resolver ---------------------------------------------------------------


@pytest.mark.slow
def test_our_own_resolver_answers_every_vector(tmp_path: Path) -> None:
    done = conformance(cwd=tmp_path, timeout=300)
    total = len(list(VECTORS.glob("*.json")))
    assert (done.code, done.out) == (0, f"{total} vectors, all answered as expected\n")
    assert done.err == "next: kaizen-agentic schedule pilot\n"
    assert list(tmp_path.iterdir()) == []


def test_our_own_resolver_is_an_adapter(tmp_path: Path) -> None:
    done = conformance("--only", "window-*", "--only", "missed", "-q", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "4 vectors, all answered as expected\n", "")


def test_an_answer_is_the_expected_one(tmp_path: Path) -> None:
    file = VECTORS / "missed.json"
    by_name = run("contract", "answer", file, cwd=tmp_path)
    assert by_name.code == 0
    assert json.loads(by_name.out) == vector("missed")["expected"]
    for words in ((), ("-",)):
        assert run("contract", "answer", *words, cwd=tmp_path, stdin=file.read_text()) == by_name
    written = run("contract", "answer", file, "-o", "answer.json", cwd=tmp_path)
    assert (written.code, written.out) == (0, "")
    assert (tmp_path / "answer.json").read_text() == by_name.out


def test_what_a_vector_expects_is_not_looked_at(tmp_path: Path) -> None:
    held = vector("not-due")
    answer = held.pop("expected")
    for asked in (
        held,
        held | {"expected": None},
        held | {"expected": vector("missed")["expected"]},
        held | {"expected": {"foo": 1}},
        held | {"expected": 7},
        held | {"expected": ["\x1b", None]},
    ):
        done = run("contract", "answer", cwd=tmp_path, stdin=json.dumps(asked))
        assert json.loads(done.out) == answer


# --- Adapters with one fault each --------------------------------------------------------------

# An adapter that knows the right answers, and spoils one. What is a fault of thought, and not of
# hand, is worked out as a resolver would that has it.
ADAPTER = """\
import hashlib, json, sys
from datetime import datetime, timedelta
asked = json.load(sys.stdin)
assert asked["expected"] is None
with open(sys.argv[1] + "/" + asked["name"] + ".json") as file:
    answer = json.load(file)["expected"]
runs, exclusions = answer["scheduled_runs"], answer["exclusions"]

def later(text, seconds):
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")) + timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")

def rename(run, key):
    run["idempotency_key"] = key
    run["argv"][run["argv"].index("--run") + 1] = key

FAULT
print(json.dumps(answer))
"""

FAULTS: Mapping[str, tuple[str, str, str]] = {
    # what is wrong: the vector, the fault, what is told
    "a run is dropped": (
        "missed", "del runs[0]",
        "scheduled_runs[ledger:coach:2026-12-03T08:00:00Z]\n"
        "    expected a run\n    answered nothing\n",
    ),
    "a run stands twice": (
        "missed", "runs.insert(0, runs[0])",
        "scheduled_runs[ledger:coach:2026-12-03T08:00:00Z]\n"
        "    expected one run\n    answered 2 of them\n",
    ),
    "not_before is a second late": (
        "missed", "runs[0]['not_before'] = later(runs[0]['not_before'], 1)",
        "scheduled_runs[ledger:coach:2026-12-03T08:00:00Z].not_before\n"
        '    expected "2026-12-03T08:19:54Z"\n    answered "2026-12-03T08:19:55Z"\n',
    ),
    "keys are not encoded": (
        "keys",
        "for run in runs: rename(run, run['repo'] + run['idempotency_key'][-27:])",
        "scheduled_runs[a%20b:coach:2026-11-30T08:00:00Z]\n"
        "    expected a run\n    answered nothing\n",
    ),
    "keys are encoded in small letters": (
        "keys",
        "rename(runs[-1], runs[-1]['idempotency_key'].replace('%3A', '%3a'))",
        "scheduled_runs[x%3Ay:coach:2026-11-30T08:00:00Z]\n"
        "    expected a run\n    answered nothing\n",
    ),
    "the owner is the largest host": (
        "other-host",
        "exclusions.clear(); other = dict(runs=1); runs.append("
        "{'idempotency_key': 'ledger:coach:2026-11-30T08:00:00Z', 'host': asked['host']})",
        "exclusions[ledger]\n"
        '    expected "other-host"\n    answered nothing\n',
    ),
    "runs are worked on another host": (
        "owner-among-hosts", "runs[0]['host'] = 'anvil'",
        '].host\n    expected "forge-1"\n    answered "anvil"\n',
    ),
    "runs are in another order": (
        "order", "runs[0], runs[1] = runs[1], runs[0]",
        "order of scheduled_runs, number 1\n"
        '    expected "B:coach:2026-11-30T09:00:00Z"\n'
        '    answered "_:coach:2026-11-30T09:00:00Z"\n',
    ),
    "order ignores case": (
        "order",
        "runs.sort(key=lambda run: (run['scheduled_for_utc'], run['repo'].lower()))",
        "order of scheduled_runs, number 1\n",
    ),
    "a faulty manifest fails open": (
        "manifest-invalid",
        "gone = exclusions.pop(0); runs.append("
        "{'idempotency_key': gone['repo'] + ':coach:2026-11-30T08:00:00Z'})",
        '    expected "manifest-invalid"\n    answered nothing\n',
    ),
    "another reason": (
        "path-missing", "exclusions[0]['reason'] = 'unreadable'",
        "exclusions[quarry].reason\n"
        '    expected "path-missing"\n    answered "unreadable"\n',
    ),
    "a reason that may pass is told as one that stays": (
        "path-missing", "exclusions[0]['transient'] = False",
        "exclusions[quarry].transient\n    expected true\n    answered false\n",
    ),
    "an exclusion is missing": (
        "missed", "exclusions.clear()",
        'exclusions[ledger, coach]\n    expected "missed"\n    answered nothing\n',
    ),
    "an exclusion too many": (
        "not-due",
        "exclusions.append(dict(exclusions[0], agent='optimization', reason='agent-disabled'))",
        "exclusions[ledger, optimization]\n"
        '    expected nothing\n    answered "agent-disabled"\n',
    ),
    "local time without an offset": (
        "missed", "runs[0]['scheduled_for'] = runs[0]['scheduled_for'][:19]",
        ".scheduled_for\n"
        '    expected "2026-12-03T09:00:00+01:00"\n    answered "2026-12-03T09:00:00"\n',
    ),
    "local time is that of another offset": (
        "clocks-berlin-autumn",
        "runs[0]['scheduled_for'] = runs[0]['scheduled_for'].replace('+02:00', '+01:00')",
        "].scheduled_for\n",
    ),
    "the window takes its end": (
        "window-leaves-its-end",
        "exclusions.clear(); runs.append({'idempotency_key': 'ledger:coach:2026-12-01T09:00:00Z',"
        " 'scheduled_for_utc': asked['window']['end']})",
        "scheduled_runs[ledger:coach:2026-12-01T09:00:00Z]\n"
        "    expected nothing\n    answered a run\n",
    ),
    "the stagger is read from the other end": (
        "stagger",
        "for run in runs:\n"
        "    digest = hashlib.sha256(f\"{run['repo']}\\0{run['agent']}\".encode()).digest()\n"
        "    late = int.from_bytes(digest[:8], 'little') % 21600\n"
        "    run['not_before'] = later(run['scheduled_for_utc'], late)",
        "scheduled_runs[a:coach:2026-11-30T08:00:00Z].not_before\n",
    ),
    "another window": (
        "missed", "answer['window']['start'] = later(answer['window']['start'], 1)",
        'window.start\n    expected "2026-11-30T08:00:00Z"\n    answered "2026-11-30T08:00:01Z"\n',
    ),
    "hosts are not sorted": (
        "other-host", "answer['hosts'].reverse()",
        'hosts[0]\n    expected "anvil"\n    answered "forge-1"\n',
    ),
    "a word of the command": (
        "missed", "runs[0]['argv'][4] = '-t'",
        '].argv[4]\n    expected "--target"\n    answered "-t"\n',
    ),
    "a command is joined without quotes": (
        "paths",
        "for run in runs: run['command'] = ' '.join(run['argv'])",
        "scheduled_runs[b:coach:2026-11-30T08:00:00Z].command\n"
        "    expected a line that gives argv\n"
        '    answered "kaizen-agentic schedule prepare coach --target /fleet/quo\'te --run ',
    ),
    "a command is quoted for no shell": (
        "paths-with-signs",
        "for run in runs: run['command'] = ' '.join(map(json.dumps, run['argv']))",
        '].command\n    expected a line that gives argv\n    answered "\\"kaizen-agentic\\" ',
    ),
    "a command is left out": (
        "missed", "del runs[0]['command']",
        "].command\n    expected a line that gives argv\n    answered nothing\n",
    ),
    "an exclusion stands twice": (
        "missed", "exclusions *= 2",
        "exclusions[ledger, coach]\n    expected one exclusion\n    answered 2 of them\n",
    ),
    "the roster's digest is that of its text": (
        "missed",
        "answer['roster_digest'] ="
        " hashlib.sha256(json.dumps(asked['roster']).encode()).hexdigest()",
        "missed: 1 difference\n"
        "  What has expired by now is told, beside what is handed out.\n"
        "  roster_digest\n    expected ",
    ),
    "an instant has a fraction": (
        "missed", "runs[0]['not_before'] = runs[0]['not_before'].replace('Z', '.000Z')",
        '    expected "2026-12-03T08:19:54Z"\n    answered "2026-12-03T08:19:54.000Z"\n'
        "    the same instant, written otherwise\n",
    ),
    "a key is left out": (
        "missed", "del answer['repos']",
        "repos\n    expected a list of 0\n    answered nothing\n",
    ),
    "a run of a whole repository": (
        "repositories-after-an-outage", "answer['repos'][0]['concurrency_key'] = 'x'",
        '].concurrency_key\n',
    ),
}  # fmt: skip


def with_fault(fault: str) -> str:
    return python(ADAPTER.replace("FAULT", fault), str(VECTORS))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_and_named(name: str, tmp_path: Path) -> None:
    asked, fault, told = FAULTS[name]
    done = conformance("--only", asked, cwd=tmp_path, command=with_fault(fault))
    assert done.code == 1, done
    assert done.out.startswith(f"{asked}: ")
    assert told in done.out, done.out
    assert done.out.endswith("1 vector, not answered as expected\n")


def test_an_adapter_without_a_fault_passes(tmp_path: Path) -> None:
    words = [word for asked, _, _ in FAULTS.values() for word in ("--only", asked)]
    done = conformance(*words, cwd=tmp_path, command=with_fault(""))
    assert done.code == 0, done.out


def test_a_fault_shows_where_it_matters_alone(tmp_path: Path) -> None:
    fault = "if asked['name'] == 'missed': runs.reverse()"
    words = ("--only", "m*", "--format", "json")
    done = conformance(*words, cwd=tmp_path, command=with_fault(fault))
    answer = json.loads(done.out)
    assert (done.code, answer["ok"]) == (1, False)
    assert (answer["schema_version"], answer["tool_version"]) == (SCHEMA_VERSION, __version__)
    names = [item["name"] for item in answer["vectors"]]
    assert names == sorted(names)
    assert len(names) > 4
    assert [item["name"] for item in answer["vectors"] if not item["ok"]] == ["missed"]
    (wrong,) = (item for item in answer["vectors"] if not item["ok"])
    assert wrong["error"] is None
    assert wrong["stderr"] == []
    assert wrong["title"] == vector("missed")["title"]
    (difference,) = wrong["differences"]
    assert set(difference) == {"where", "expected", "answered", "note"}
    assert difference["note"] is None
    assert wrong["notes"] == []
    assert difference["where"] == "order of scheduled_runs, number 1"


def test_what_every_vector_says_is_shown_once(tmp_path: Path) -> None:
    words = ("--only", "missed", "--only", "window-*")
    done = conformance(*words, cwd=tmp_path, command="sh -c 'echo no such module >&2; exit 1'")
    assert done.out.count("  stderr: no such module\n") == 1
    assert done.out.count("  stderr: the same\n") == 3


@pytest.mark.parametrize("fault", ["", "runs.reverse()"])
def test_other_rules_of_time_zones_are_told_as_a_note(fault: str, tmp_path: Path) -> None:
    fault = f"answer['tzdata_version'] = '2020.1'\nif asked['name'] == 'missed':\n    {fault or 0}"
    words = ("--only", "missed", "--only", "window-*")
    done = conformance(*words, cwd=tmp_path, command=with_fault(fault))
    release = vector("missed")["tzdata_version"]
    note = f'tzdata_version is "2020.1", of the vector it is "{release}"'
    wrong = "runs.reverse()" in fault
    verdict = "1 not answered as expected" if wrong else "all answered as expected"
    assert done.out.startswith(f"note: {note} (4 vectors)\n")
    assert done.out.endswith(f"4 vectors, {verdict}\n")
    assert done.out.count("note: ") == 1
    assert done.code == int(wrong)
    done = conformance(*words, "--format", "json", cwd=tmp_path, command=with_fault(fault))
    assert [item["notes"] for item in json.loads(done.out)["vectors"]] == [[note]] * 4


# --- Adapters that do not answer ---------------------------------------------------------------

SECRET = "ghp_" + "a1B2" * 9
NO_ANSWER = {
    "not JSON": ("print('hello')", "the answer is not JSON: expecting value, line 1, column 1"),
    "half of it": ("print('{\"host\": ')", "the answer is not JSON: expecting value, line 2"),
    "two values": ("print('{} {}')", "the answer is not JSON: extra data, line 1, column 4"),
    "a log before it": ("print('asked'); print('{}')", "the answer is not JSON: expecting value"),
    "a key twice": (
        'print(\'{"host": 1, "host": 2}\')',
        'the answer is not JSON: a key stands twice in one object: "host"',
    ),
    "too deep": (
        "print('[' * 100000 + ']' * 100000)",
        "the answer is not JSON: it is nested too deeply",
    ),
    "no number": ("print('{\"a\": NaN}')", 'the answer is not JSON: a value is no number: "NaN"'),
    "not UTF-8": (
        "import sys; sys.stdout.buffer.write(b'\"\\xff\"')",
        "the answer is not JSON: byte 2 is not UTF-8",
    ),
    "another exit code": ("print('{}'); raise SystemExit(3)", "the command ended with 3"),
    "a signal": (
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "the command was ended by SIGTERM",
    ),
    "nothing": ("", "the command printed nothing"),
    "blanks": ("print(' ')", "the command printed nothing"),
    "reads nothing and closes": ("import os; os.close(0); os.close(1)", "the command printed noth"),
}


@pytest.mark.parametrize("name", NO_ANSWER)
def test_no_answer_is_a_finding(name: str, tmp_path: Path) -> None:
    code, told = NO_ANSWER[name]
    done = conformance("--only", "missed", cwd=tmp_path, command=python(code))
    assert done.code == 1
    assert done.out.startswith(f"missed: {told}"), done.out
    assert "Traceback" not in done.out + done.err


def test_the_other_vectors_are_asked_all_the_same(tmp_path: Path) -> None:
    code = ADAPTER.replace("FAULT", "assert asked['name'] != 'missed'")
    write_files(tmp_path, {"their adapter.py": code})
    adapter = shlex.join([sys.executable, "-I", "their adapter.py", str(VECTORS)])
    done = conformance("--only", "m*", cwd=tmp_path, command=adapter)
    first, *rest = done.out.splitlines()
    assert (done.code, first) == (1, "missed: the command ended with 1")
    assert "  stderr: AssertionError" in rest
    assert rest[-1].endswith(" vectors, 1 not answered as expected")
    command = done.err.splitlines()[-1].removeprefix("next: ")
    words = shlex.split(command)
    assert words[:3] == ["kaizen-agentic", "contract", "conformance"]
    assert words[-2:] == ["--only", "missed"]
    assert words[4] == adapter


def test_what_ignores_a_long_question_is_compared(tmp_path: Path) -> None:
    """More than a pipe holds is left unread, and an answer is an answer."""
    folder = tmp_path / "vectors"
    held = vector("missed")
    held["more"] = "x" * 1_000_000
    write_files(folder, {"missed.json": json.dumps(held)})
    answer = json.dumps(held["expected"])
    done = conformance(
        "--vectors", folder, cwd=tmp_path,
        command=python("import sys; print(sys.argv[1])", answer),
    )  # fmt: skip
    assert (done.code, done.out) == (0, "1 vector, answered as expected\n")


def test_what_is_no_json_is_shown_from_its_beginning(tmp_path: Path) -> None:
    for code, shown in (
        ("print(); print('hello')", '"hello"'),
        ("print('\\x1b[2J\\u202e' + 'x' * 10**6)", '"\\x1b[2J\\u202e' + "x" * 46 + '…"'),
        (f"print('{{', {SECRET!r})", '"{ [redacted:github-token]"'),
        (f"print('x' * 50 + {SECRET!r} * 10**4)", '"xxxxx'),
        ("import sys; sys.stdout.buffer.write(b'\\xff{}')", '"�{}"'),
    ):
        done = conformance("--only", "missed", cwd=tmp_path, command=python(code))
        first = done.out.splitlines()[0]
        assert f"; it begins {shown}" in first
        assert len(first) < 160
        assert "ghp_" not in done.out


HANGS = """\
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


def test_what_hangs_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    words = ("--only", "missed", "--timeout", "4")
    done = conformance(*words, cwd=tmp_path, command=python(HANGS, str(pids)))
    assert done.code == 1
    assert done.out.startswith("missed: the command took longer than 4 s and was ended\n")
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_an_answer_counts_whatever_is_left_behind(tmp_path: Path) -> None:
    """A child that holds standard output open takes nothing from a complete answer."""
    command = shlex.join(["sh", "-c", f"sleep 600 & {OWN}; echo $! >pid"])
    done = conformance("--only", "missed", cwd=tmp_path, command=command)
    assert (done.code, done.out) == (0, "1 vector, answered as expected\n")
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_closes_everything_and_goes_on_is_ended(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    words = ("--only", "missed", "--timeout", "1")
    done = conformance(*words, cwd=tmp_path, command=python(code))
    assert done.out.startswith("missed: the command took longer than 1 s and was ended\n")


def asking(tmp_path: Path, *before: str) -> subprocess.Popen[bytes]:
    """The command line, asking an adapter that hangs, and has begun; its ids are in `pids`."""
    pids = tmp_path / "pids"
    words = ["contract", "conformance", "--command", python(HANGS, str(pids)), "--jobs", "1"]
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "kaizen_schedule", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while not pids.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return process


@pytest.fixture
def heeded() -> Iterator[None]:
    """No signal is ignored, as by who began the tests with `nohup` or in the background."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupt_ends_what_runs(number: int, code: int, tmp_path: Path) -> None:
    """A job that is cancelled, or a terminal that is closed, leaves nothing behind either."""
    with asking(tmp_path) as process:
        try:
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, err.strip()) == (code, b"", b"interrupted")
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


@pytest.mark.usefixtures("heeded")
def test_what_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """As begun by `nohup`: a signal that is ignored stays ignored."""
    with asking(tmp_path, "sh", "-c", 'trap "" HUP; exec "$@"', "sh") as process:
        try:
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 143
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


@pytest.mark.usefixtures("heeded")
def test_signals_are_handled_while_the_command_runs_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not at all by the library, nor in another thread, which cannot."""
    seen: list[list[bool]] = []
    others = (signal.SIGTERM, signal.SIGHUP)

    def ask(*_: Any, **__: Any) -> Any:
        seen.append([signal.getsignal(n) is signal.SIG_DFL for n in others])
        raise UsageError("asked")

    monkeypatch.setattr(api, "feed_each", ask)
    words = ["contract", "conformance", "--command", "true", "--only", "missed"]
    assert main(words) == 2
    with pytest.raises(UsageError, match="asked"):
        api.check_conformance("true", only=["missed"])
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, words).result() == 2
    assert seen == [[False, False], [True, True], [True, True]]
    assert [signal.getsignal(n) is signal.SIG_DFL for n in others] == [True, True]


def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    done = conformance("--only", "missed", cwd=tmp_path, command=python(code))
    assert done.code == 1
    assert done.out.startswith("missed: the command printed more than 1,048,576 bytes and was end")


def test_no_right_answer_is_near_the_limit() -> None:
    held = [vector(path.stem)["expected"] for path in VECTORS.glob("*.json")]
    assert max(len(json.dumps(answer, indent=2)) for answer in held) * 10 < FED_CAP


def test_what_a_command_says_is_shown_harmless_and_short(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for n in range(100_000): print('line', n, file=sys.stderr)\n"
        f"print('\\x1b[2J\\u202e', {SECRET!r}, 'x' * 10_000, file=sys.stderr)\n"
        "sys.exit(1)\n"
    )
    done = conformance("--only", "missed", cwd=tmp_path, command=python(code))
    said = done.out.splitlines()[2:-1]
    assert said[:3] == [f"  stderr: line {n}" for n in range(3)]
    assert said[3] == "  … more with --format json"
    assert said[4:10] == [f"  stderr: line {n}" for n in range(99_994, 100_000)]
    assert said[10].startswith("  stderr: \\x1b[2J\\u202e [redacted:github-token] xxx")
    assert len(said[10]) < 220
    assert len(said) == 11
    assert SECRET not in done.out + done.err
    assert "\x1b" not in done.out + done.err
    words = ("--only", "missed", "--format", "json")
    done = conformance(*words, cwd=tmp_path, command=python(code))
    lines = json.loads(done.out)["vectors"][0]["stderr"]
    gap = lines.index("…")
    assert lines[:gap] == [f"line {n}" for n in range(gap)]
    assert lines[-2] == "line 99999"
    assert lines[-1].endswith("x" * 10_000)
    assert len(lines) > 500
    assert SECRET not in done.out


@pytest.mark.parametrize("count", [1, 10, 11])
def test_the_error_is_shown_that_stands_before_a_stack(count: int, tmp_path: Path) -> None:
    """As Node.js has it; others write the error last."""
    code = f"import sys; sys.exit('\\n\\n'.join(map(str, range({count}))))"
    done = conformance("--only", "missed", cwd=tmp_path, command=python(code))
    lines = [line.removeprefix("  stderr: ") for line in done.out.splitlines()[2:-1]]
    every = list(map(str, range(count)))
    if count > 10:
        every[3:-7] = ["  … more with --format json"]
    assert lines == every
    done = conformance("--only", "missed", "--format", "json", cwd=tmp_path, command=python(code))
    assert json.loads(done.out)["vectors"][0]["stderr"] == list(map(str, range(count)))


def test_an_adapter_gets_the_question_and_no_token(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "with open('seen', 'wb') as file: file.write(sys.stdin.buffer.read())\n"
        "print(os.environ.get('STATE_HUB_TOKEN'), os.environ['OURS'], file=sys.stderr)\n"
    )
    env = {"STATE_HUB_TOKEN": "t0ken", "OURS": "kept"}
    done = conformance("--only", "missed", cwd=tmp_path, command=python(code), env=env)
    assert "  stderr: None kept\n" in done.out
    asked = json.loads((tmp_path / "seen").read_bytes())
    assert asked == vector("missed") | {"expected": None}
    Draft202012Validator(json.loads(packaged.schema("vector"))).validate(asked)


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    code = "import sys; sys.exit(sys.argv[1])"
    command = python(code, "$HOME; touch pwned > pwned")
    done = conformance("--only", "missed", cwd=tmp_path, command=command)
    assert "  stderr: $HOME; touch pwned > pwned\n" in done.out
    assert not (tmp_path / "pwned").exists()


# --- Wrong use ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "error: the command is empty\n"),
        ("   ", "error: the command is empty\n"),
        ("''", "error: the command is empty\n"),
        ("python 'x", 'error: command "python \'x" has no closing quotation\n'),
        ("no-such-command -x", 'error: cannot run "no-such-command": no such file or directory\n'),
        ("./", 'error: cannot run "./": permission denied\n'),
        ("./plain", 'error: cannot run "./plain": permission denied\n'),
        ("./odd", 'error: cannot run "./odd": exec format error\n'),
        ("./no\x1b[2J", 'error: cannot run "./no\\x1b[2J": no such file or directory\n'),
    ],
)
def test_what_is_no_command(command: str, told: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"plain": "x", "odd": b"\x00\x01\x02"})
    (tmp_path / "odd").chmod(0o755)
    done = conformance("--only", "missed", cwd=tmp_path, command=command)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(told)
    assert done.err.splitlines()[1].startswith("fix: ")
    mended = "fix: chmod +x ./plain, or name its interpreter" in done.err
    assert mended is (command == "./plain")


def test_without_a_command_an_example_is_shown(tmp_path: Path) -> None:
    done = run("contract", "conformance", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "--command 'kaizen-agentic contract answer'" in done.err


def test_names_that_no_vector_has(tmp_path: Path) -> None:
    for name, fix in (("mised", "did you mean missed?"), ("zz*", "a name, or a glob of names")):
        done = conformance("--only", "missed", "--only", name, cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.err == f'error: no vector is named "{name}"\nfix: {fix}\n'


def test_other_options(tmp_path: Path) -> None:
    for words in (
        ("--timeout", "0"), ("--timeout", "86401"), ("--timeout", "9999999"),
        ("--jobs", "0"), ("--format", "csv"),
    ):  # fmt: skip
        assert conformance(*words, cwd=tmp_path).code == 2
    assert conformance("--timeout", "86400", "--only", "missed", cwd=tmp_path).code == 0


def test_a_command_with_a_secret_is_not_repeated(tmp_path: Path) -> None:
    done = conformance("--only", "m*", cwd=tmp_path, command=f"false --token {SECRET}")
    assert (done.code, done.err) == (1, "")
    assert SECRET not in done.out


# --- Where the result goes ---------------------------------------------------------------------


def test_the_result_goes_to_a_file(tmp_path: Path) -> None:
    done = conformance("--only", "missed", "-o", "out.txt", cwd=tmp_path, command="false")
    assert (done.code, done.out) == (1, "")
    assert (tmp_path / "out.txt").read_text().startswith("missed: the command ended with 1\n")
    words = ("--only", "missed", "--format", "json", "-o", "out.json", "-q")
    done = conformance(*words, cwd=tmp_path, command="false")
    assert (done.code, done.out, done.err) == (1, "", "")
    assert json.loads((tmp_path / "out.json").read_text())["ok"] is False


def test_many_differences_are_counted(tmp_path: Path) -> None:
    fault = "for run in runs: run['host'] = 'x'"
    one = conformance("--only", "order", cwd=tmp_path, command=with_fault(fault))
    assert one.out.count("    expected ") == 25
    both = conformance(
        "--only", "order", "--only", "missed", cwd=tmp_path, command=with_fault(fault)
    )
    assert "order: 25 differences\n" in both.out
    assert "  … 15 more differences\n" in both.out
    assert both.out.count("    expected ") == 14


def test_names_fit_a_terminal(tmp_path: Path) -> None:
    done = conformance("--only", "clocks-*", cwd=tmp_path, command="false")
    assert max(map(len, done.out.splitlines())) <= 80


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_leaves_nothing_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    words = ["contract", "conformance", "--command", "false", "--only", "window-*"]
    assert main(words) == 1
    assert "vectors answered 3 of 3" in terminal.getvalue()
    assert "\r\x1b[Knext: " in terminal.getvalue()
    terminal.truncate(0)
    assert main([*words, "--quiet"]) == 1
    assert terminal.getvalue().strip("\0") == ""


def test_names_are_completed() -> None:
    script = run(
        cwd=ROOT,
        env={
            "_KAIZEN_AGENTIC_COMPLETE": "bash_complete",
            "COMP_WORDS": "kaizen-agentic contract conformance --only window-l",
            "COMP_CWORD": "4",
        },
    )
    assert script.out.strip() == "plain,window-leaves-its-end"


# --- The library -------------------------------------------------------------------------------


def test_answers_come_in_any_order_and_are_told_by_name(tmp_path: Path) -> None:
    code = (
        "import json, sys, time\n"
        "asked = json.load(sys.stdin)\n"
        "time.sleep(0.5 if asked['name'].startswith('window-a') else 0)\n"
        "sys.exit(asked['name'])\n"
    )
    seen: list[tuple[int, int]] = []
    result = api.check_conformance(
        [*PYTHON, code],
        only=["window-*"],
        jobs=3,
        told=lambda done, total: seen.append((done, total)),
    )
    assert [vector.stderr for vector in result.vectors] == [(v.name,) for v in result.vectors]
    assert [vector.name for vector in result.vectors] == sorted(v.name for v in result.vectors)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_no_words_are_no_command() -> None:
    with pytest.raises(UsageError, match="the command is empty"):
        api.check_conformance([])


@pytest.mark.parametrize("jobs", [0, -1])
def test_nothing_can_be_done_none_at_a_time(jobs: int) -> None:
    with pytest.raises(UsageError, match=f"jobs is {jobs}"):
        api.check_conformance("true", jobs=jobs)


@pytest.mark.parametrize("timeout_s", [0, -1.5, float("nan")])
def test_nothing_is_done_in_no_time(timeout_s: float) -> None:
    with pytest.raises(UsageError, match=f"timeout_s is {timeout_s:g}"):
        api.check_conformance("true", timeout_s=timeout_s)


@pytest.mark.parametrize("timeout_s", [1e9, 1e300, float("inf")])
def test_any_time_may_be_given(timeout_s: float) -> None:
    (found,) = api.check_conformance("echo x", timeout_s=timeout_s, only=["missed"]).vectors
    assert str(found.error).startswith("the answer is not JSON")


# --- Folders of vectors ------------------------------------------------------------------------


def test_an_exported_folder(tmp_path: Path) -> None:
    assert run("contract", "export", "out", "-q", cwd=tmp_path).code == 0
    for folder in ("out", "out/contracts/vectors"):
        done = conformance("--vectors", folder, "--only", "missed", cwd=tmp_path)
        assert (done.code, done.out) == (0, "1 vector, answered as expected\n")
    done = conformance("--vectors", "out", "--only", "missed", cwd=tmp_path, command="false")
    file = "out/contracts/vectors/missed.json"
    assert done.err == f"next: kaizen-agentic contract answer {file}\n"
    assert run(*shlex.split(done.err)[2:], cwd=tmp_path).code == 0
    done = conformance("--vectors", "out", "--only", "window-*", cwd=tmp_path, command="false")
    again, _, shown = done.err.partition("; see ")
    assert shown == "out/contracts/vectors/window-after-an-outage.json\n"
    assert again == (
        "next: kaizen-agentic contract conformance --command false --vectors out"
        " --only window-after-an-outage"
    )


def test_after_some_vectors_the_next_step_is_to_ask_all(tmp_path: Path) -> None:
    ask = "next: kaizen-agentic contract conformance --command "
    done = conformance("--only", "missed", cwd=tmp_path)
    assert done.err == f"{ask}{shlex.quote(OWN)}\n"
    assert run("contract", "export", "o u t", "-q", cwd=tmp_path).code == 0
    done = conformance("--only", "window-*", "--vectors", "o u t", cwd=tmp_path)
    assert done.err == f"{ask}{shlex.quote(OWN)} --vectors 'o u t'\n"
    done = conformance("--only", "missed", cwd=tmp_path, command=f"{with_fault('')} {SECRET}")
    assert (done.code, done.err) == (0, "")


def test_a_folder_that_lacks_vectors_is_said_to(tmp_path: Path) -> None:
    total = len(list(VECTORS.glob("*.json")))
    write_files(tmp_path, {
        "v/missed.json": _changed(), "v/mine.json": _changed(name="mine"),
    })  # fmt: skip
    told = f"warning: the folder has 1 of the {total} packaged vectors"
    done = conformance("--vectors", "v", cwd=tmp_path)
    assert (done.code, done.out) == (0, "2 vectors, all answered as expected\n")
    assert done.err == f"{told}\nnext: kaizen-agentic schedule pilot\n"
    done = conformance("--vectors", "v", "--format", "json", cwd=tmp_path)
    assert (json.loads(done.out)["ok"], done.err) == (True, f"{told}\n")
    assert conformance("--vectors", "v", "-q", cwd=tmp_path).err == ""
    assert run("contract", "export", "out", "-q", cwd=tmp_path).code == 0
    done = conformance("--vectors", "out", "--only", "missed", cwd=tmp_path)
    assert "warning" not in done.err


def test_without_a_folder_the_next_step_is_to_have_one(tmp_path: Path) -> None:
    done = conformance("--only", "missed", cwd=tmp_path, command="false")
    (told,) = done.err.splitlines()
    command, file = told.removeprefix("next: ").split("; see ")
    assert run(*shlex.split(command)[1:], cwd=tmp_path).code == 0
    assert (tmp_path / file).exists()


def test_what_is_no_folder_of_vectors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for folder, told in (
        ("nowhere", 'error: "nowhere" is no folder\n'),
        ("file", 'error: "file" is no folder\n'),
        ("empty", 'error: "empty" holds no vector\n'),
    ):
        done = conformance("--vectors", folder, cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(told)


def _changed(**parts: Any) -> str:
    return json.dumps(vector("missed") | parts)


BYTES = base64.b64encode(b"x").decode()
FILE = {"base64": BYTES, "link": None, "mode": "0644"}
LINK = {"base64": None, "link": "../../../../etc", "mode": "0777"}
HOSTILE: Mapping[str, tuple[str | bytes, str]] = {
    "no JSON": ("# A page\n", "is not JSON: expecting value, line 1, column 1"),
    "empty": ("", "is not JSON: it is empty"),
    "binary": (b"\xff\x00", "is not JSON: byte 1 is not UTF-8"),
    "another JSON": ("[]", "is no vector: the whole is no object"),
    "no vector": ('{"name": "missed"}', "is no vector: /title is missing"),
    "a newer form": (
        _changed(schema_version="9.0"),
        "is too new: schema_version is 9.0, and this program reads 1.x",
    ),
    "a strange type": (_changed(hosts="forge-1"), "is no vector: /hosts is no list"),
    "a strange key": (
        _changed(files={"/fleet/\x1b[2J": 7}),
        "is no vector: /files/~1fleet~1\\x1b[2J is no object",
    ),
    "a key that only looks escaped": (
        _changed(files={"/fleet/~1": {"link": 7}}),
        "is no vector: /files/~1fleet~1~01/link is no text",
    ),
    "too deep": ("[" * 100_000, "is not JSON: it is nested too deeply"),
    "another name": (_changed(name="other"), 'is named "other"'),
    "no answer": (_changed(expected=None), "holds no expected answer"),
    "half an answer": (_changed(expected={}), "is no vector: /expected/window is missing"),
    "huge": (" " * (4 << 20) + "{}", "holds more than 4,194,304 bytes"),
    "a file elsewhere": (
        _changed(files={"/etc/passwd": FILE}),
        'cannot be used: "/etc/passwd" is not under /fleet',
    ),
    "a file that leaves": (
        _changed(files={"/fleet/../../etc/x": FILE}),
        'cannot be used: "/fleet/../../etc/x" is not under /fleet',
    ),
    "a file behind a link": (
        _changed(files={"/fleet/a": LINK, "/fleet/a/b/c": FILE}),
        'cannot be used: "/fleet/a/b/c" stands beneath "/fleet/a", no folder',
    ),
    "a very long path": (
        _changed(files={"/fleet" + "/a" * 1_000_000: FILE}),
        'cannot be used: "/fleet/a/a/a',
    ),
    "a very deep path": (
        _changed(files={"/fleet" + "/a" * 1_000: FILE}),
        'cannot be used: "/fleet/a/a/a',
    ),
    "no bytes": (
        _changed(files={"/fleet/a": FILE | {"base64": "?"}}),
        'cannot be used: "/fleet/a" is not base64',
    ),
    "neither": (
        _changed(files={"/fleet/a": FILE | {"base64": None}}),
        'cannot be used: "/fleet/a" has to have either base64 or link',
    ),
    "a strange mode": (
        _changed(files={"/fleet/a": FILE | {"mode": "4755"}}),
        'cannot be used: "/fleet/a" has the mode "4755"',
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_vector_is_named(name: str, tmp_path: Path) -> None:
    text, told = HOSTILE[name]
    write_files(tmp_path / "v", {"missed.json": text})
    done = conformance("--vectors", "v", cwd=tmp_path, command="touch ran")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f'error: "v/missed.json" {told}'), done.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["link", "loop", "folder", "pipe", "unreadable"])
def test_what_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    file = folder / "missed.json"
    (tmp_path / "outside.json").write_text(_changed())
    if kind == "link":
        file.symlink_to("../outside.json")
    elif kind == "loop":
        file.symlink_to("missed.json")
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("nothing.json")
    told = {
        "link": "leads out of its folder",
        "loop": "leads through a loop of links",
        "folder": "is no regular file",
        "pipe": "is no regular file",
        "unreadable": "cannot be read",
    }[kind]
    done = conformance("--vectors", "v", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err == f'error: "v/missed.json" {told}\n'


def test_a_broken_vector_hides_none_that_was_asked_for(tmp_path: Path) -> None:
    write_files(tmp_path / "v", {"missed.json": _changed(), "broken.json": "x", "index.md": "x"})
    done = conformance("--vectors", "v", "--only", "missed", cwd=tmp_path)
    assert (done.code, done.out) == (0, "1 vector, answered as expected\n")
    assert 'error: "v/broken.json" is not JSON' in conformance("--vectors", "v", cwd=tmp_path).err


# --- `contract answer`, refused ----------------------------------------------------------------


def _definition(**policy: str) -> Any:
    held = vector("missed")["definition"]
    held["policy"].update(policy)
    return held


REFUSED = {
    "another release": (
        _changed(tzdata_version="1999.1"),
        'the vector is of tzdata "1999.1"',
        "install tzdata==1999.1",
    ),
    "a release that writes on the terminal": (
        _changed(tzdata_version="\x1b]0;owned\x07\nerror: x" + "9" * 500),
        'the vector is of tzdata "\\x1b]0;owned\\x07\\nerror: x999',
        "",
    ),
    "a window of many years": (
        _changed(window={"start": "1970-01-01T00:00:00Z", "end": "2199-12-31T00:00:00Z"}),
        "the window of the vector is longer than a year",
        "",
    ),
    "a window without an instant": (
        _changed(window={"start": "2026-12-01T00:00:00Z", "end": "2026-12-01T01:00:00+01:00"}),
        "the window of the vector ends before it begins",
        "",
    ),
    "no JSON": (
        "nonsense",
        "the vector on standard input is not JSON: expecting value, line 1",
        "",
    ),
    "no vector": ("{}", "the vector on standard input is no vector: /name is missing", ""),
    "a duration": (
        _changed(definition=_definition(expires_after="soon")),
        'definition "weekly-coach-orientation" of the vector: expires_after is',
        "write weeks, days",
    ),
    "a year": (
        _changed(now="9999-12-31T23:59:59-23:59"),
        "now of the vector is not of the years 1970 to 2199",
        "",
    ),
    "a prompt": (
        _changed(prompts=[{"name": "\x1b", "risk": "low"}]),
        'no agent can be called "\\x1b"',
        "",
    ),
    "a file that leaves": (
        _changed(files={"/fleet/../x": FILE}),
        'the vector on standard input cannot be used: "/fleet/../x" is not under /fleet',
        "",
    ),
    "a name that no file has": (
        _changed(files={"/fleet/a\0b": FILE}),
        '"/fleet/a\\x00b" cannot be laid out: a name that no file can have',
        "",
    ),
    "a name that is too long": (
        _changed(files={"/fleet/" + "x" * 400: FILE}),
        '"/fleet/xxx',
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused(name: str, tmp_path: Path) -> None:
    text, told, fix = REFUSED[name]
    done = run("contract", "answer", cwd=tmp_path, stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {told}"), done.err
    assert done.err.rstrip("\n").replace("\n", "").isprintable()
    assert f"fix: {fix}" in done.err if fix else "fix: " not in done.err
    assert max(map(len, done.err.splitlines())) < 300


def test_of_a_very_deep_path_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    asked = _changed(files={"/fleet" + "/a" * 1_000: FILE})
    done = run(
        "contract", "answer", cwd=tmp_path, stdin=asked, env={"TMPDIR": str(tmp_path / "tmp")}
    )
    assert (done.code, done.out) == (2, "")
    assert '" has more than 100 names\n' in done.err
    assert list((tmp_path / "tmp").iterdir()) == []


def test_files_that_cannot_be_had(tmp_path: Path) -> None:
    done = run("contract", "answer", "nowhere.json", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith('error: "nowhere.json" cannot be read: no such file')
    done = run("contract", "answer", cwd=tmp_path, stdin=" " * ((4 << 20) + 1))
    assert (done.code, "holds more than 4,194,304 bytes" in done.err) == (2, True)


@pytest.mark.parametrize("way", ["roster", "link", "two links"])
def test_a_vector_sees_nothing_of_this_machine(way: str, tmp_path: Path) -> None:
    """Where a path leads out of the folder that stands for the host's disk, nothing is there."""
    manifest = 'version: "1"\nagents:\n  coach: {cadence: weekly}\n'
    write_files(tmp_path, {".kaizen/schedule.yml": manifest, ".git/HEAD": ""})
    place = "/fleet" + "/.." * 20 + str(tmp_path) if way == "roster" else "/fleet/ledger"
    files = {
        "roster": {"/fleet/other/.git/HEAD": FILE},
        "link": {"/fleet/ledger": LINK | {"link": str(tmp_path)}},
        "two links": {
            "/fleet/ledger": LINK | {"link": "other"},
            "/fleet/other": LINK | {"link": "../" * 40 + str(tmp_path)[1:]},
        },
    }[way]
    roster = [{"slug": "ledger", "host_paths": {"forge-1": place}}]
    asked = _changed(roster=roster, files=files)
    done = run("contract", "answer", cwd=tmp_path, stdin=asked)
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["scheduled_runs"] == []
    assert [item["reason"] for item in answer["exclusions"]] == ["path-missing"]


def test_no_file_is_written_through_a_link_of_another_case(tmp_path: Path) -> None:
    """Where names differ in case alone, some machines take them for the same."""
    (tmp_path / "outside").mkdir()
    files = {
        "/fleet/A": LINK | {"link": str(tmp_path / "outside")},
        "/fleet/a/b": FILE,
        "/fleet/a/c": LINK | {"link": "b"},
    }
    run("contract", "answer", cwd=tmp_path, stdin=_changed(files=files))
    assert list((tmp_path / "outside").iterdir()) == []


# --- Help --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conformance", "answer"])
def test_every_help_ends_with_examples_that_run(name: str, tmp_path: Path) -> None:
    shown = run("contract", name, "--help", cwd=tmp_path)
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    examples = shown.out.partition("Examples:\n")[2].replace("\\\n", "").splitlines()
    assert len(examples) == 2
    write_files(tmp_path, {"missed.json": (VECTORS / "missed.json").read_bytes()})
    # An adapter is no shell's function: the program has to be on the path.
    program = tmp_path / "bin/kaizen-agentic"
    write_files(tmp_path, {
        "bin/kaizen-agentic": f'#!/bin/sh\nexec "{sys.executable}" -m kaizen_schedule "$@"\n'
    })  # fmt: skip
    program.chmod(0o755)
    for example in examples:
        line = example.strip()
        if "--only" not in line and name == "conformance":  # all vectors: asked above
            line += " --only 'm*'"
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env={"PATH": f"{program.parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
