"""Notebooks, run in a kernel of their own: this interpreter, an empty home, no settings of a user.

The kernel talks over sockets in a temporary folder, which is its home and where it stands; it ends
with the call, whatever ends that.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from kaizen_schedule.reading import errors, safety
from kaizen_schedule.reading.errors import KaizenError, UsageError

from .files import reason_of
from .packaged import data_path

Progress = Callable[[int, int], None]
"""Told how many code cells are done, and of how many."""

CELL_TIMEOUT_S = 600.0
"""A cell that takes longer ends the run, in seconds."""

STARTUP_TIMEOUT_S = 60
"""A kernel that does not answer within so many seconds has not started."""

_NEEDED = ("ipykernel", "matplotlib", "mistune", "nbclient", "nbformat", "pandas", "pygments")
_EXTRA = "pip install 'kaizen-schedule[notebooks]'"
_ROOT = os.path.dirname(os.path.dirname(data_path()))
_SOCKET_LIMIT = 90
"""Bytes of a socket's path that every system allows, with room for its name."""

# What the kernel runs. Its search path is this process's; no file of settings is looked for, and
# without a debugger it starts faster and listens nowhere.
_LAUNCHER = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
sys.modules["debugpy"] = None
from ipykernel.kernelapp import IPKernelApp
class Kernel(IPKernelApp):
    def load_config_file(self, *args, **kwargs):
        pass
Kernel.launch_instance()
"""
_ARGUMENTS = (
    "--HistoryManager.enabled=False",
    "--InteractiveShellApp.exec_PYTHONSTARTUP=False",
    "--InteractiveShellApp.ignore_cwd=True",
    "--InlineBackend.figure_formats={'svg'}",
)
_KEPT = ("COVERAGE_PROCESS_CONFIG", "DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONHOME")


class CellFailure(KaizenError):
    """A cell of a notebook failed, or took too long.

    Args:
        message: Which cell, and what went wrong, in one sentence.
        fix: What to do about it; empty where nothing can be said.
        traceback: What the kernel said of it, with its colours; empty where it said nothing.

    Example:
        >>> CellFailure("cell 3 of pilot_smoke failed").exit_code
        1
    """

    def __init__(self, message: str, *, fix: str = "", traceback: str = "") -> None:
        super().__init__(message, fix=fix)
        self.traceback = traceback
        """What the kernel said of it, with its colours; empty where it said nothing."""


def require_extra() -> None:
    """Make sure that what runs notebooks is installed; nothing of it is loaded.

    Raises:
        UsageError: It is not; says how to install it.
    """
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        message = f"notebooks cannot be run: {', '.join(missing)} not installed"
        raise UsageError(message, fix=_EXTRA)


# --- Notebooks -----------------------------------------------------------------------------------


def find_notebooks() -> dict[str, str]:
    """The notebooks by name, and where each stands: in the package, or in the checkout it is in."""
    for folder in (data_path("notebooks"), os.path.join(_ROOT, "notebooks")):
        with contextlib.suppress(OSError):
            names = sorted(name for name in os.listdir(folder) if name.endswith(".ipynb"))
            if names:
                return {name.removesuffix(".ipynb"): os.path.join(folder, name) for name in names}
    return {}


def read_notebook(path: str) -> Any:
    """Read a notebook.

    Args:
        path: The file.

    Raises:
        KaizenError: It cannot be read, or is no notebook.
    """
    import nbformat

    shown = safety.show(path, 200)
    try:
        with open(path, encoding="utf-8") as file:
            return nbformat.reads(file.read(), as_version=4)  # type: ignore[no-untyped-call] # nbformat has no types
    except OSError as error:
        raise KaizenError(f"notebook {shown} cannot be read: {reason_of(error)}") from error
    except Exception as error:  # nbformat raises of many kinds, and one of no kind at all
        raise KaizenError(f"{shown} is no notebook") from error


def parameters_of(notebook: Any) -> tuple[str, ...]:
    """The names that a notebook's cell tagged ``parameters`` gives a value to, in its order."""
    cell = _tagged(notebook, "parameters")
    names: list[str] = []
    for node in ast.parse(cell.source).body if cell is not None else ():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names += (target.id for target in targets if isinstance(target, ast.Name))
    return tuple(names)


def _tagged(notebook: Any, tag: str) -> Any:
    for cell in notebook.cells:
        if cell.cell_type == "code" and tag in cell.metadata.get("tags", ()):
            return cell
    return None


def hand_over(notebook: Any, parameters: Mapping[str, Any]) -> None:
    """Put a cell that gives parameters their values behind the one that declares them.

    Args:
        notebook: The notebook; it is changed.
        parameters: Values that JSON has, by name. They become literals and never code.

    Raises:
        UsageError: The notebook declares no such parameter, or a value is not plain data.
    """
    from nbformat import v4

    declared = parameters_of(notebook)
    lines = []
    for name, value in parameters.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            fix = f"its parameters are {known}"
            raise UsageError(f"the notebook has no parameter {safety.show(name)}", fix=fix)
        if not _is_plain(value):
            raise UsageError(f"parameter {name} is not plain data")
        lines.append(f"{name} = {value!a}")
    if lines:
        make: Any = v4.new_code_cell
        cell = make("\n".join(lines), id="given-parameters")
        cell.metadata["tags"] = ["injected-parameters"]
        place = notebook.cells.index(_tagged(notebook, "parameters")) + 1
        notebook.cells.insert(place, cell)


def _is_plain(value: Any) -> bool:
    """Whether a value's representation in ASCII is the same value as a literal."""
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, int, str)


# --- The run -------------------------------------------------------------------------------------


def run_notebook(
    notebook: Any,
    name: str,
    *,
    timeout_s: float = CELL_TIMEOUT_S,
    told: Progress | None = None,
) -> None:
    """Run every cell of a notebook, in order, and keep what they put out in it.

    Args:
        notebook: The notebook; its outputs are replaced.
        name: What it is called in messages.
        timeout_s: How long a cell may take, in seconds.
        told: Told of each code cell that is done.

    Raises:
        CellFailure: A cell failed, took too long, or ended the kernel.
        KaizenError: The kernel did not start.
        KeyboardInterrupt: The call was interrupted; the kernel is gone.
    """
    from tempfile import TemporaryDirectory, gettempdir

    short = len(os.fsencode(gettempdir())) < _SOCKET_LIMIT - 30
    where = None if short else "/tmp"  # noqa: S108 - the folder in it is ours alone
    with TemporaryDirectory(prefix="kaizen-report-", dir=where, ignore_cleanup_errors=True) as home:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        kernel = _Kernel(notebook, name, home, timeout_s)
        try:
            kernel.finish(told)
        finally:
            kernel.end()


class _Kernel:
    """A kernel while it runs one notebook."""

    def __init__(self, notebook: Any, name: str, home: str, timeout_s: float) -> None:
        from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient

        paths = json.dumps(_search_path()).replace("{", "\\u007b")  # braces would be filled in
        argv = [sys.executable, "-P", "-c", _LAUNCHER, paths, "-f", "{connection_file}"]

        class Specs(KernelSpecManager):
            """Knows this interpreter's kernel, and looks for no other."""

            def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
                return KernelSpec(argv=[*argv, *_ARGUMENTS], display_name=kernel_name)

        self.notebook, self.name, self.home = notebook, name, home
        self.timeout_s = timeout_s
        self.manager: Any = AsyncKernelManager(
            kernel_spec_manager=Specs(),
            transport="ipc",
            ip=os.path.join(home, "k"),
            connection_file=os.path.join(home, "kernel.json"),
        )
        self.client: Any = NotebookClient(
            notebook,
            km=self.manager,
            timeout=math.ceil(timeout_s),
            startup_timeout=STARTUP_TIMEOUT_S,
            coalesce_streams=True,
            record_timing=False,
        )
        self.client.log.disabled = True  # what it says is raised as well

    def finish(self, told: Progress | None) -> None:
        """Run all cells, and wait for them."""
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self.run(told))
            return
        from concurrent.futures import ThreadPoolExecutor  # the caller is itself in such a loop

        with ThreadPoolExecutor(max_workers=1) as pool:
            try:
                pool.submit(lambda: asyncio.run(self.run(told))).result()
            except BaseException:
                self.end()  # without its kernel the run ends, and only then the pool
                raise

    async def run(self, told: Progress | None) -> None:
        """Run the cells one after the other."""
        cells = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        try:
            await self._start()
            for number, cell in enumerate(cells):
                if told is not None:
                    told(number, len(cells))
                await self._run_cell(cell)
            if told is not None:
                told(len(cells), len(cells))
        finally:
            if self.client.kc is not None:
                self.client.kc.stop_channels()
            if self.manager.has_kernel:
                await self.manager.shutdown_kernel(now=True)

    async def _start(self) -> None:
        said = os.path.join(self.home, "stderr")
        try:
            with open(said, "wb") as stream:
                await self.client.async_start_new_kernel(
                    env=_environment(self.home), cwd=self.home, stdout=stream, stderr=stream
                )
                self.client.kc = kc = self.manager.client()
                kc.start_channels()
                await kc.wait_for_ready(timeout=STARTUP_TIMEOUT_S)
            kc.allow_stdin = False
        except (OSError, RuntimeError) as error:
            with open(said, encoding="utf-8", errors="replace") as stream:
                last = _one_line((stream.read().strip().splitlines() or [str(error)])[-1])
            raise KaizenError(f"the notebook's kernel did not start: {last}") from error

    async def _run_cell(self, cell: Any) -> None:
        import asyncio

        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        task = asyncio.current_task()
        try:
            await self.client.async_execute_cell(cell, self.notebook.cells.index(cell))
        except CellExecutionError as error:
            known = getattr(errors, error.ename, None)
            ours = isinstance(known, type) and issubclass(known, KaizenError)
            told = ours or (error.ename == "AssertionError" and error.evalue)
            said = error.evalue if told else f"{error.ename}: {error.evalue}".removesuffix(": ")
            message = f"{self._place(cell)} failed: {_one_line(said)}"
            raise CellFailure(message, traceback=error.traceback) from None
        except CellTimeoutError:
            limit = f"{self.timeout_s:,.0f} s"
            message = f"{self._place(cell)} took longer than {limit}"
            fix = "give each cell more time: --timeout SECONDS"
            raise CellFailure(message, fix=fix) from None
        except DeadKernelError:
            if task is not None and task.cancelling():  # it was this run that was ended
                raise asyncio.CancelledError from None
            raise CellFailure(f"{self._place(cell)} ended the kernel") from None
        _keep_what_was_said(cell)

    def _place(self, cell: Any) -> str:
        """Which cell it is: its number in the file among those of code, and its first line."""
        code = [c for c in self.notebook.cells if c.cell_type == "code"]
        own = [c for c in code if "injected-parameters" not in c.metadata.get("tags", ())]
        number = f"{own.index(cell) + 1} of {len(own)}" if cell in own else "of parameters"
        first = safety.show(cell.source.strip().partition("\n")[0])
        return f"{self.name}: cell {number}, {first},"

    def end(self) -> None:
        """Make sure that the kernel, and what it began, is gone."""
        from signal import SIGKILL

        process = getattr(self.manager.provisioner, "process", None)
        if process is not None:  # else it is gone already, and its number may be another's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, SIGKILL)
            process.wait()


def _search_path() -> list[str]:
    """Where this process finds modules, but for the folder that it stands in."""
    here = os.path.realpath(os.curdir)
    found = [p for p in sys.path if os.path.isabs(p) and os.path.realpath(p) != here]
    return found if _ROOT in found else [_ROOT, *found]


def _environment(home: str) -> dict[str, str]:
    """What a kernel knows of the world: nothing that differs from run to run but its home."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "IPYTHONDIR": os.path.join(home, "ipython"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "LC_ALL": "C.UTF-8",
        "MPLCONFIGDIR": os.path.join(home, "matplotlib"),
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TMPDIR": home,
        "TZ": "UTC",
    }


def _keep_what_was_said(cell: Any) -> None:
    """Forget of a cell what differs from run to run and is no output."""
    cell.metadata.pop("execution", None)


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _one_line(text: str) -> str:
    """A kernel's words on one line, safe to print."""
    plain = " ".join(_COLOURS.sub("", text).split())
    return safety.clip(safety.escape(safety.redact(plain)[0]), 400)
