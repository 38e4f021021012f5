"""Notebooks run in a kernel of their own: what they see, how they fail, how they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from nbformat import v4

from kaizen_schedule.edges import report
from kaizen_schedule.edges.report import CellFailure
from kaizen_schedule.reading.errors import KaizenError, UsageError

from ..support import ROOT, write_files


def kernel(test: Any) -> Any:
    """Marks a test that begins a kernel, which takes about a second."""
    return pytest.mark.notebook(pytest.mark.slow(test))


def notebook(*cells: str, parameters: str | None = None) -> Any:
    """A notebook of code cells; the first may declare parameters."""
    make: Any = v4.new_code_cell
    found = v4.new_notebook(cells=[make(source) for source in cells])  # type: ignore[no-untyped-call] # nbformat has no types
    if parameters is not None:
        declaring = make(parameters)
        declaring.metadata["tags"] = ["parameters"]
        found.cells.insert(0, declaring)
    return found


def told(found: Any) -> list[str]:
    """What the cells printed or gave, cell by cell."""
    texts = []
    for cell in found.cells:
        text = ""
        for output in cell.outputs:
            text += output.get("text") or output.get("data", {}).get("text/plain", "")
        texts.append(text.strip())
    return texts


def run_cells(*cells: str, **more: Any) -> list[str]:
    found = notebook(*cells)
    report.run_notebook(found, "own", **more)
    return told(found)


# --- Parameters ----------------------------------------------------------------------------------

HOSTILE = {
    "quotes": "'; import os; os.system('touch pwned') #",
    "triple": "\"\"\"'''\\",
    "lines": "one\ntwo\r\u2028three",
    "magic": "!touch pwned",
    "shell": "$(touch pwned) `touch pwned`",
    "help": "print?",
    "braces": "{connection_file} {{ run }} %time",
    "bytes": os.fsdecode(b"/srv/\xff\xfe"),
    "bidi": "\u202egpj.\u200b\x1b[31m\x00",
    "script": "<script>alert(1)</script>",
}


def test_what_a_notebook_declares() -> None:
    found = notebook(
        "other = 1", parameters='now = "x"\nhosts: list = []\na = b = None\nd["e"] = 1'
    )
    assert report.parameters_of(found) == ("now", "hosts", "a", "b")
    assert report.parameters_of(notebook("now = 1")) == ()


def test_values_become_literals_behind_the_cell_that_declares_them() -> None:
    found = notebook("path", parameters="path = None\nhosts = ()")
    report.hand_over(found, {"path": HOSTILE["quotes"], "hosts": ["a", 1, 1.5, None, {"b": True}]})
    given = found.cells[1]
    assert given.metadata.tags == ["injected-parameters"]
    assert given.source.isascii()
    assert given.source.splitlines() == [
        '''path = "'; import os; os.system('touch pwned') #"''',
        "hosts = ['a', 1, 1.5, None, {'b': True}]",
    ]
    assert [cell.source for cell in found.cells][::2] == ["path = None\nhosts = ()", "path"]


def test_without_values_a_notebook_stays_as_it_is() -> None:
    found = notebook("1", parameters="a = 1")
    report.hand_over(found, {})
    assert len(found.cells) == 2


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), b"x", {1: 2}, {"a": {2}}, [object()], Path("x"), 1j]
)
def test_what_is_not_plain_data_is_refused(value: Any) -> None:
    found = notebook(parameters="a = 1")
    with pytest.raises(UsageError, match="parameter a is not plain data"):
        report.hand_over(found, {"a": value})
    assert len(found.cells) == 1


@pytest.mark.parametrize("name", ["b", "a.b", "a; import os", "__class__", ""])
def test_what_is_not_declared_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="has no parameter") as failed:
        report.hand_over(notebook(parameters="a = 1\nc = 2"), {name: 1})
    assert failed.value.fix == "its parameters are a, c"


@kernel
def test_hostile_values_arrive_exactly_and_do_nothing(tmp_path: Path) -> None:
    found = notebook(
        "import json; print(json.dumps([value, list(value)]))",
        "import os; print(os.listdir('.'))",
        parameters="value = None",
    )
    report.hand_over(found, {"value": HOSTILE})
    report.run_notebook(found, "own")
    said = told(found)
    assert json.loads(said[2]) == [HOSTILE, list(HOSTILE)]
    assert "pwned" not in said[3]
    assert not list(Path.cwd().glob("pwned"))


# --- What a kernel sees --------------------------------------------------------------------------


@kernel
def test_a_kernel_is_this_interpreter_in_an_empty_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "raise SystemExit('code of the working folder was run')"
    names = ("pandas.py", "matplotlib.py", "ipykernel.py", "kaizen_schedule.py", "json.py")
    write_files(tmp_path / "work", dict.fromkeys(names, evil))
    write_files(tmp_path / "work", {"matplotlibrc": "axes.facecolor: red\n"})
    startup = {
        ".ipython/profile_default/startup/00.py": "planted = 1",
        ".ipython/profile_default/ipython_config.py": "c.InteractiveShellApp.exec_lines=['p=1']",
        ".ipython/profile_default/ipython_kernel_config.py": "import os; os._exit(3)",
        ".jupyter/jupyter_config.py": "raise SystemExit(4)",
        ".local/share/jupyter/kernels/python3/kernel.json": '{"argv": ["false"]}',
        ".pythonrc": "planted = 1",
        "config/matplotlibrc": "axes.facecolor: red\n",
    }
    home = write_files(tmp_path / "home", startup)
    before = sorted(home.rglob("*"))
    monkeypatch.chdir(tmp_path / "work")
    for name, value in {
        "HOME": home,
        "PYTHONSTARTUP": home / ".pythonrc",
        "MPLCONFIGDIR": home / "config",
        "STATE_HUB_TOKEN": "token-of-the-hub",
        "PYTHONPATH": tmp_path / "work",
    }.items():
        monkeypatch.setenv(name, str(value))
    said = run_cells(
        "import sys, os, tempfile; print(sys.executable)",
        "print(os.getcwd() == os.environ['HOME'] == tempfile.gettempdir(), os.getcwd())",
        "print('planted' in dir(), 'p' in dir(), sorted(os.environ))",
        "import pandas, matplotlib, kaizen_schedule; print(kaizen_schedule.__file__)",
        "matplotlib.rcParams['axes.facecolor']",
        "print([p for p in sys.path if 'work' in p.split(os.sep)[-1:] or not p])",
        "import psutil; n = psutil.Process().net_connections(kind='inet')\n"
        "print({c.laddr.ip for c in n} | {c.raddr.ip for c in n if c.raddr})",
    )
    assert said[0] == sys.executable
    assert said[1].startswith("True /")
    assert str(home) not in said[1]
    assert said[2].startswith("False False ")
    assert "STATE_HUB_TOKEN" not in said[2]
    assert said[3] == str(ROOT / "kaizen_schedule/__init__.py")
    assert said[4] == "'white'"
    assert said[5] == "[]"
    assert said[6] in ("set()", "{'127.0.0.1'}")
    assert sorted(home.rglob("*")) == before


@kernel
def test_figures_are_drawings_and_outputs_are_kept() -> None:
    found = notebook(
        "import matplotlib.pyplot as plt; figure, axes = plt.subplots(); axes.plot([1, 2]);",
        "import pandas as pd; pd.DataFrame({'a': [1]})",
        "print('one'); print('two')",
        "print(1, end='')\nfor n in range(3): print(n, flush=True)",
    )
    found.cells[2].outputs = [v4.new_output("stream", text="old")]  # type: ignore[no-untyped-call] # nbformat has no types
    counted: list[tuple[int, int]] = []
    report.run_notebook(found, "own", told=lambda done, of: counted.append((done, of)))
    assert "image/svg+xml" in found.cells[0].outputs[0].data
    assert "<table" in found.cells[1].outputs[0].data["text/html"]
    assert [output.text for output in found.cells[2].outputs] == ["one\ntwo\n"]
    assert [output.text for output in found.cells[3].outputs] == ["10\n1\n2\n"]
    assert counted == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert "execution" not in found.cells[0].metadata


@kernel
def test_a_long_temporary_folder_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert run_cells("1 + 1") == ["2"]


@kernel
def test_it_can_be_called_from_what_runs_a_loop_itself() -> None:
    async def call() -> list[str]:
        with pytest.raises(CellFailure, match="ZeroDivisionError"):
            run_cells("1 / 0")
        return run_cells("1 + 1")

    assert asyncio.run(call()) == ["2"]


# --- Failures ------------------------------------------------------------------------------------


@kernel
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["a = 1", "# a comment\n1 / 0"],
            'own: cell 2 of 2, "# a comment", failed: ZeroDivisionError: division by zero',
        ),
        (
            ["raise ValueError('one\\ntwo \\x1b[31mred\\u202e')"],
            '", failed: ValueError: one two red\\u202e',
        ),
        (["assert not 1, 'a step is missing'"], '", failed: a step is missing'),
        (["assert not 1"], 'own: cell 1 of 1, "assert not 1", failed: AssertionError'),
        (["a = = 1"], 'own: cell 1 of 1, "a = = 1", failed: SyntaxError: '),
        (
            ["from kaizen_schedule import KaizenError\nraise KaizenError('no such thing')"],
            'own: cell 1 of 1, "from kaizen_schedule import KaizenError", failed: no such thing',
        ),
        (
            ["key = 'AKIA' + 'Z7QKD2L5W8XN3VBM'\nraise KeyError(key)"],
            "[redacted:",
        ),
        (
            ["import os; os._exit(3)"],
            'own: cell 1 of 1, "import os; os._exit(3)", ended the kernel',
        ),
    ],
)
def test_a_cell_that_fails_is_named(cells: Sequence[str], message: str) -> None:
    with pytest.raises(CellFailure) as failed:
        run_cells(*cells)
    assert message in failed.value.message
    assert "\n" not in failed.value.message
    assert "\x1b" not in failed.value.message
    assert failed.value.exit_code == 1


@kernel
def test_given_parameters_do_not_move_the_numbers() -> None:
    found = notebook("1 / a", parameters="a = 1")
    report.hand_over(found, {"a": 0})
    with pytest.raises(CellFailure, match=r'cell 2 of 2, "1 / a",'):
        report.run_notebook(found, "own")


@kernel
def test_a_cell_that_takes_too_long_is_ended(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with pytest.raises(CellFailure, match="took longer than 1 s"):
        run_cells("import time", "while True: time.sleep(60)", timeout_s=1)
    assert time.monotonic() - began < 30
    assert capfd.readouterr() == ("", "")
    assert not children()


@kernel
def test_a_kernel_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_LAUNCHER", "raise SystemExit('no such \\x1b[31mmodule')")
    with pytest.raises(KaizenError, match=r"kernel did not start: no such module$"):
        run_cells("1")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(KaizenError, match=r"kernel did not start: .*[Nn]o such file"):
        run_cells("1")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    report.require_extra()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pandas" else 1)
    with pytest.raises(UsageError, match="pandas not installed") as failed:
        report.require_extra()
    assert failed.value.fix == "pip install 'kaizen-schedule[notebooks]'"
    assert failed.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"nbformat": 4, "cells": 7}', "\x00"])
def test_what_is_no_notebook_is_told(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"a.ipynb": text})
    with pytest.raises(KaizenError, match=r'a\.ipynb" is no notebook$'):
        report.read_notebook(str(tmp_path / "a.ipynb"))
    with pytest.raises(KaizenError, match=r"cannot be read: no such file"):
        report.read_notebook(str(tmp_path / "b.ipynb"))


# --- The end -------------------------------------------------------------------------------------


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "ipykernel" in _line(p)]


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_until_gone(*pids: int) -> None:
    for process in (psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)):
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            process.wait(20)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with so short a path that sockets can stand in it."""
    with TemporaryDirectory(prefix="kt-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def interrupted(
    tmp_path: Path, home: Path
) -> Iterator[tuple[subprocess.Popen[bytes], list[int], Path]]:
    """A run in a process of its own whose cell says who it is and what it began, and goes on."""
    cell = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pids.new')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(tmp_path / 'pids.new')!r}, {str(tmp_path / 'pids')!r})\n"
        "time.sleep(600)"
    )
    script = (
        "import sys; from nbformat import v4; from kaizen_schedule.edges import report\n"
        f"report.run_notebook(v4.new_notebook(cells=[v4.new_code_cell({cell!r})]), 'own')"
    )
    environment = {**os.environ, "TMPDIR": str(home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "pids").exists():
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < deadline, "the cell was never reached"
                os.sched_yield()
            assert list(home.glob("kaizen-report-*"))
            yield process, [int(pid) for pid in (tmp_path / "pids").read_text().split()], home
        finally:
            process.kill()


@kernel
def test_ctrl_c_ends_the_kernel_and_what_it_began(
    interrupted: tuple[subprocess.Popen[bytes], list[int], Path],
) -> None:
    process, pids, home = interrupted
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert err.decode().splitlines()[-1] == "KeyboardInterrupt"
    assert not [pid for pid in pids if psutil.pid_exists(pid) and _alive(pid)]
    assert list(home.iterdir()) == []


@kernel
def test_a_kernel_does_not_outlive_a_run_that_is_killed(
    interrupted: tuple[subprocess.Popen[bytes], list[int], Path],
) -> None:
    process, (pid, child), _ = interrupted
    process.kill()
    try:
        wait_until_gone(pid)
    finally:
        os.kill(child, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
