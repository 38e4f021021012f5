"""Processes: a task's command run as it is printed, by a shell, with this program on its path."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kaizen_schedule.reading.errors import OutputError

TIMEOUT_S = 60.0
"""A command that takes longer is ended."""

OUTPUT_CAP = 4 * 1024 * 1024
"""More bytes than this of a command's output are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that has ended."""

    code: int
    """Its exit code; negative where a signal, or the time, ended it."""
    out: str
    """Its standard output."""
    err: str
    """Its standard error."""
    duration_s: float
    """How long it took, in seconds."""


@contextmanager
def own_program() -> Iterator[str]:
    """A folder that holds ``kaizen-agentic``, which is this very program, while it is needed."""
    with tempfile.TemporaryDirectory(prefix="kaizen-bin-") as folder:
        path = os.path.join(folder, "kaizen-agentic")
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        python = shlex.quote(sys.executable)
        # Able to find a checkout that is not installed; -P keeps modules of the working folder out,
        # which may be one that anybody can write into.
        code = f"import sys; sys.path.insert(0, {root!r}); from kaizen_schedule.cli import main"
        text = f'#!/bin/sh\nexec {python} -P -c {shlex.quote(f"{code}; sys.exit(main())")} "$@"\n'
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o700)
        yield folder


def run_command(command: str, *, program: str, folder: str) -> Finished:
    """Run a command line as a shell reads it.

    Args:
        command: The line.
        program: The folder that holds ``kaizen-agentic``.
        folder: Where it is run.

    Raises:
        OutputError: No process can be begun.
    """
    kept = ("HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["PATH"] = f"{program}:/usr/bin:/bin"
    began = time.monotonic()
    try:
        process = subprocess.Popen(  # noqa: S603 - what is run is a task as printed, by design
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or errno.EINVAL
        raise OutputError(f"cannot begin a process: {os.strerror(number).lower()}") from error
    with process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except BaseException as error:
            # The shell and all that it began, or what it began would go on, and hold the pipes.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            took = time.monotonic() - began
            return Finished(code=-9, out="", err="it took too long", duration_s=took)
    return Finished(
        code=process.returncode,
        out=out[:OUTPUT_CAP].decode("utf-8", "replace"),
        err=err[:OUTPUT_CAP].decode("utf-8", "replace"),
        duration_s=time.monotonic() - began,
    )


def fingerprint(folder: str) -> str:
    """A digest of everything beneath a folder: names, kinds, modes, changes, where links lead."""
    import hashlib

    hasher = hashlib.sha256()

    def walk(path: str) -> None:
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            hasher.update(f"unreadable {error.errno}\n".encode())
            return
        for entry in entries:
            name = os.path.relpath(entry.path, folder)
            try:
                stat = entry.stat(follow_symlinks=False)
                leads = os.readlink(entry.path) if entry.is_symlink() else ""
            except OSError as error:  # gone since its folder was listed
                hasher.update(os.fsencode(f"{name}\0unreadable {error.errno}\0"))
                continue
            hasher.update(os.fsencode(f"{name}\0{stat.st_mode:o}\0{leads}\0"))
            if entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                walk(entry.path)
            elif entry.is_file(follow_symlinks=False):
                # A changed file has another time of change; that is cheaper to see than its bytes,
                # and also sees what was written and put back.
                hasher.update(f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}".encode())

    walk(folder)
    return hasher.hexdigest()
