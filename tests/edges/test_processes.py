"""Commands run as they are printed, and folders seen to be unchanged."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from kaizen_schedule import __version__
from kaizen_schedule.edges import processes
from kaizen_schedule.edges.processes import (
    Cut,
    feed_each,
    fingerprint,
    own_program,
    run_command,
    split_words,
)
from kaizen_schedule.reading.errors import OutputError, UsageError
from tests.support import gone, write_files


@pytest.fixture
def program() -> Iterator[str]:
    with own_program() as folder:
        yield folder
    assert not os.path.exists(folder)


def test_the_program_is_this_one(program: str, tmp_path: Path) -> None:
    done = run_command("kaizen-agentic --version", program=program, folder=str(tmp_path))
    assert (done.code, done.out) == (0, f"kaizen-agentic {__version__}\n")
    assert done.duration_s > 0


def test_modules_of_the_working_folder_are_not_taken(program: str, tmp_path: Path) -> None:
    bad = "open('taken', 'w'); raise SystemExit(9)\n"
    write_files(tmp_path, dict.fromkeys(("click.py", "json.py", "os.py", "yaml.py"), bad))
    done = run_command("kaizen-agentic schedule rule", program=program, folder=str(tmp_path))
    assert done.code == 0
    assert not (tmp_path / "taken").exists()


def test_a_command_is_read_by_a_shell_and_gets_little(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_HUB_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    done = run_command("env; cat; echo 'it''s' >&2; exit 7", program=program, folder=str(tmp_path))
    assert (done.code, done.err) == (7, "its\n")
    assert "secret" not in done.out
    assert "PYTHONPATH" not in done.out
    assert f"PATH={program}:/usr/bin:/bin\n" in done.out
    assert run_command("printf '\\377'", program=program, folder=str(tmp_path)).out == "\ufffd"


def test_what_takes_too_long_is_ended_with_all_that_it_began(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "TIMEOUT_S", 0.2)
    os.mkfifo(tmp_path / "gate")
    command = "(read x < gate; touch late) & read y < gate; true"
    done = run_command(command, program=program, folder=str(tmp_path))
    assert (done.code, done.out, done.err) == (-9, "", "it took too long")
    end = time.monotonic() + 60
    while True:  # what the shell began is told to end, and on a busy machine takes a while
        assert time.monotonic() < end, "it goes on"
        try:
            os.close(os.open(tmp_path / "gate", os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:  # which is that nobody is left to read
                raise
            break
        time.sleep(0.02)
    assert not (tmp_path / "late").exists()


def test_of_much_output_the_beginning_is_kept(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "OUTPUT_CAP", 5)
    done = run_command("echo abcdefgh; echo abcdefgh >&2", program=program, folder=str(tmp_path))
    assert (done.out, done.err) == ("abcde", "abcde")


@pytest.mark.parametrize(("command", "folder"), [("true", "/no/where"), ("tr\0ue", "/")])
def test_no_process_can_be_begun(program: str, command: str, folder: str) -> None:
    with pytest.raises(OutputError, match="cannot begin a process: "):
        run_command(command, program=program, folder=folder)


# --- A command that is fed -----------------------------------------------------------------------

PYTHON = (sys.executable, "-I", "-S", "-c")


def fed(code: str, *texts: bytes, jobs: int = 1, timeout_s: float = 30) -> list[processes.Fed]:
    found = feed_each((*PYTHON, code), texts, jobs=jobs, timeout_s=timeout_s)
    return sorted(found, key=lambda each: each.number)


def test_each_text_is_given_to_a_process_of_its_own() -> None:
    texts = [b"", b"one", b"\xff\x00" * 500_000]
    code = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"
    for jobs in (1, 2, 9):
        found = fed(code, *texts, jobs=jobs)
        assert [(each.number, each.code, each.cut) for each in found] == [
            (number, 0, None) for number in range(3)
        ]
        assert [each.out for each in found] == [text[::-1] for text in texts]


def test_nothing_is_run_for_no_text() -> None:
    assert list(feed_each(["no-such-command"], [], jobs=1, timeout_s=1)) == []


def test_no_more_run_at_a_time_than_are_wanted(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "open(str(os.getpid()), 'x').close()\n"
        "print(len(os.listdir()))\n"
        "time.sleep(0.1)\n"
        "os.unlink(str(os.getpid()))\n"
    )
    most = [max(int(each.out) for each in fed(code, *[b""] * 5, jobs=jobs)) for jobs in (1, 2)]
    assert most[0] == 1
    assert most[1] <= 2


def test_a_command_need_not_read_nor_close_in_order() -> None:
    codes = (
        "import os; os.close(0); os.write(1, b'x')",
        "import os; os.write(1, b'x'); os.close(1); os.close(0); os.close(2)",
        "import os; os.close(2); os.write(1, b'x'); os.read(0, 9)",
    )
    for code in codes:
        (each,) = fed(code, b"y" * 1_000_000)
        assert (each.code, each.cut, each.out) == (0, None, b"x")


def test_of_standard_error_the_first_and_the_last_whole_lines_are_kept() -> None:
    code = "import sys; [print('line', n, file=sys.stderr) for n in range(50_000)]"
    (each,) = fed(code, b"")
    head, tail = (part.splitlines() for part in each.err.split("\n…\n".encode()))
    assert head == [b"line %d" % n for n in range(len(head))]
    assert tail == [b"line %d" % n for n in range(50_000 - len(tail), 50_000)]
    assert len(head) > 100 < len(tail)
    assert len(each.err) <= 16 * 1024 + 5
    assert fed("import sys; sys.stderr.write('short')", b"")[0].err == b"short"


@pytest.mark.parametrize("piece", [1_000, 100_000])
def test_of_a_line_of_standard_error_no_part_is_kept(piece: int) -> None:
    """Half a secret would not be known for one."""
    code = (
        "import sys\n"
        "sys.stderr.write('first\\n')\n"
        f"for _ in range(100_000 // {piece}): sys.stderr.write('x' * {piece}); sys.stderr.flush()\n"
        "sys.stderr.write('\\nlast')\n"
    )
    (each,) = fed(code, b"")
    assert each.err == "first\n…\nlast".encode()


def test_what_takes_too_long_or_prints_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FED_CAP", 1_000)
    began = time.monotonic()
    (each,) = fed("import time; print('x', flush=True); time.sleep(600)", b"", timeout_s=0.5)
    assert (each.code, each.cut) == (-9, Cut.TIME)
    (each,) = fed("print('x' * 1_001, flush=True); import time; time.sleep(600)", b"")
    assert (each.code, each.cut) == (-9, Cut.SIZE)
    (each,) = fed("print('x' * 999)", b"")
    assert (each.code, each.cut, len(each.out)) == (0, None, 1_000)
    (each,) = fed("import sys\nwhile True: print('x' * 999, file=sys.stderr)", b"", timeout_s=0.5)
    assert each.cut is Cut.TIME
    assert time.monotonic() - began < 30


def test_what_a_command_left_behind_is_not_waited_for() -> None:
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([*{PYTHON!r}, 'import time; time.sleep(600)'])\n"
        "print(child.pid)\n"
    )
    began = time.monotonic()
    (each,) = fed(code, b"", timeout_s=100)
    assert (each.cut, each.code) == (None, 0)
    assert time.monotonic() - began < 60
    assert gone(int(each.out))


def test_what_a_command_left_behind_may_still_say_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_AFTER_S", 60)
    child = "import sys; sys.stdin.read(); print('late')"  # which ends when the command has ended
    code = f"from subprocess import *; Popen([*{PYTHON!r}, {child!r}], stdin=PIPE)"
    (each,) = fed(code, b"")
    assert (each.cut, each.code, each.out) == (None, 0, b"late\n")


def test_a_command_that_ended_in_time_did_not_take_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long what it left behind is listened to: here the time is over as soon as it ends."""
    late = 0

    class Process(subprocess.Popen[bytes]):
        def poll(self) -> int | None:
            nonlocal late
            code = super().poll()
            late = 1_000 if code is not None else late
            return code

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late)
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(processes, "time", clock)
    code = f"import subprocess; subprocess.Popen([*{PYTHON!r}, 'import time; time.sleep(600)'])"
    (each,) = fed(code, b"", timeout_s=60)
    assert (each.cut, each.code) == (None, 0)


def test_a_long_time_is_waited_in_parts() -> None:
    """No call of the system waits for so long."""
    assert fed("print('x')", b"", timeout_s=1e12)[0].out == b"x\n"


def test_who_no_longer_listens_ends_what_runs(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "if sys.stdin.read() == 'first': sys.exit()\n"
        f"os.mkfifo({str(tmp_path / 'gate')!r})\n"
        f"open({str(tmp_path / 'gate')!r}).read()\n"
    )
    found = feed_each((*PYTHON, code), [b"first", b"second"], jobs=2, timeout_s=60)
    assert next(found).number == 0
    end = time.monotonic() + 60
    while not (tmp_path / "gate").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    found.close()
    with pytest.raises(OSError, match="No such device"):  # nobody is left to read
        os.open(tmp_path / "gate", os.O_WRONLY | os.O_NONBLOCK)


def test_an_interrupt_ends_what_is_just_being_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    class Process(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            begun.append(self.pid)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Process)
    with pytest.raises(KeyboardInterrupt):
        fed("import time; time.sleep(600)", b"")
    assert [gone(pid) for pid in begun] == [True]


def test_no_descriptor_is_left_open() -> None:
    process = psutil.Process()
    fed("print('x')", b"y")
    before = process.num_fds()
    fed("print('x')", b"y", b"z", jobs=2)
    fed("import time; time.sleep(600)", b"y" * 10**6, timeout_s=0.3)
    assert process.num_fds() == before
    assert process.children() == []


def test_a_signal_ends_a_command() -> None:
    (each,) = fed("import os; os.kill(os.getpid(), 15)", b"")
    assert (each.code, each.cut) == (-signal.SIGTERM, None)


def test_a_machine_that_has_no_process_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "again")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(OutputError, match="cannot begin a process: "):
        fed("", b"")


@pytest.mark.parametrize("words", [["no-such-command"], ["/"], ["./no\0"], [""]])
def test_what_is_no_command(words: list[str]) -> None:
    with pytest.raises(UsageError, match="cannot run "):
        list(feed_each(words, [b""], jobs=1, timeout_s=1))


def test_what_may_not_be_run_is_mended_where_it_can_be(tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain", tmp_path / "o\x1bdd"
    for path, fix in (
        (plain, f"chmod +x {plain}, or name its interpreter"),
        (odd, "chmod +x it, or name its interpreter"),
        (tmp_path, "name a command that this machine has"),
    ):
        if path != tmp_path:
            path.write_text("#!/bin/sh\n")
            path.chmod(0o644)
        with pytest.raises(UsageError, match="permission denied") as caught:
            list(feed_each([str(path)], [b""], jobs=1, timeout_s=1))
        assert caught.value.fix == fix


@pytest.mark.parametrize("line", ["", " ", "''", "'x", 'a "b', "a\\"])
def test_lines_without_words(line: str) -> None:
    with pytest.raises(UsageError):
        split_words(line)


# --- Folders that stay as they are ---------------------------------------------------------------


def test_every_change_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "r"
    write_files(root, {"a/b.txt": "one", b"\xff".decode("utf-8", "surrogateescape"): "odd"})
    os.symlink("nowhere", root / "link")
    os.mkfifo(root / "pipe")
    seen = [fingerprint(str(root))]
    assert fingerprint(str(root)) == seen[0]

    def changed() -> bool:
        seen.append(fingerprint(str(root)))
        return seen[-1] not in seen[:-1]

    (root / "a/b.txt").write_text("two!")
    assert changed()
    (root / "new").mkdir()
    assert changed()
    (root / "a/b.txt").chmod(0o600)
    assert changed()
    (root / "link").unlink()
    os.symlink("elsewhere", root / "link")
    assert changed()
    (root / "a/b.txt").rename(root / "a/c.txt")
    assert changed()
    assert fingerprint(str(root / "gone")) == fingerprint(str(root / "lost"))
