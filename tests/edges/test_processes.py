"""Commands run as they are printed, and folders seen to be unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaizen_schedule import __version__
from kaizen_schedule.edges import processes
from kaizen_schedule.edges.processes import fingerprint, own_program, run_command
from kaizen_schedule.reading.errors import OutputError
from tests.support import write_files


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
    with pytest.raises(OSError, match="No such device"):  # nobody is left to read
        os.open(tmp_path / "gate", os.O_WRONLY | os.O_NONBLOCK)


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
