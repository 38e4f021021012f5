"""Processes: a task's command run as it is printed, by a shell, with this program on its path.

And a command of somebody else's that is run without a shell, once for each of several texts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import OutputError, UsageError

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
        words = ["/bin/sh", "-c", command]
        process = _start(words, environment, stdin=subprocess.DEVNULL, folder=folder)
    except (OSError, ValueError) as error:
        raise _not_begun(error) from error
    with process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except BaseException as error:
            _kill(process)
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


def _not_begun(error: OSError | ValueError) -> OutputError:
    number = getattr(error, "errno", None) or errno.EINVAL
    return OutputError(f"cannot begin a process: {os.strerror(number).lower()}")


def _start(
    words: Sequence[str], environment: Mapping[str, str], *, stdin: int, folder: str | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, so that it ends with whatever it began."""
    return subprocess.Popen(  # noqa: S603 - a person named it, or it is a task as printed, by design
        list(words),
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it began, or what it began would go on, and hold the pipes."""
    # Where nothing but a process that has ended is left of the group, macOS permits no signal.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may have left its group; one that has ended gets nothing


# --- A command that is fed -----------------------------------------------------------------------

FED_CAP = 1024 * 1024
"""More bytes than this are no answer: a command that prints more is ended.

The largest answer that a published vector expects has some 58,000. What is held grows with the cap:
it is kept for each that runs at a time, and read as JSON a small list takes thirty times its bytes.
"""

_HEAD, _TAIL = 4 * 1024, 12 * 1024
"""So many bytes of the beginning and of the end of standard error are kept."""

_GAP = "\n…\n".encode()
"""Stands for what is not kept."""

_PIECE = 64 * 1024
_TICK_S = 0.005
"""How often it is looked whether a command has ended that no longer prints."""

_GLANCE_S = 0.05
"""How often that is done where it prints: what it began can hold its output open."""

_AFTER_S = 1.0
"""So long what a command left behind is listened to."""

_WITHHELD = ("STATE_HUB_TOKEN",)
"""What such a command has no need of."""

_NO_COMMAND = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP)


class Cut(Enum):
    """Why a command was ended before it ended by itself."""

    TIME = "time"
    """It took too long."""
    SIZE = "size"
    """It printed too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """A command that was given a text, and has ended."""

    number: int
    """Which of the texts it was given, from 0."""
    code: int
    """Its exit code; negative where a signal ended it."""
    cut: Cut | None
    """Why it was ended; None where it ended by itself."""
    out: bytes
    """Its standard output."""
    err: bytes
    """Its standard error; of very much the first and the last whole lines, and `…` between."""


def split_words(command: str) -> tuple[str, ...]:
    """The words of a command line, as a shell would split it; nothing in it is expanded.

    Args:
        command: The line.

    Raises:
        UsageError: It is empty, or a quotation is left open.

    Example:
        >>> split_words("node 'our adapter.js' --strict")
        ('node', 'our adapter.js', '--strict')
    """
    fix = "write it like 'python adapter.py'"
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        reason = str(error).lower()
        raise UsageError(f"command {safety.show(command)} has {reason}", fix=fix) from error
    if not words or not words[0]:
        raise UsageError("the command is empty", fix=fix)
    return words


def feed_each(
    words: Sequence[str], texts: Sequence[bytes], *, jobs: int, timeout_s: float
) -> Generator[Fed, None, None]:
    """Run a command once for each text, which stands on its standard input; some at a time.

    No shell is involved. Each runs in the folder at hand, in a process group of its own, which is
    ended with whatever it began where the command takes too long or prints too much, where what it
    began holds its output open for long after it, and where this iterator is closed.

    Args:
        words: The command and its arguments.
        texts: What each is given. A command need not read it.
        jobs: How many run at a time.
        timeout_s: Seconds after which one is ended.

    Yields:
        How each ended, in the order in which they did.

    Raises:
        UsageError: There is no such command, or it is none.
        OutputError: No process can be begun.
    """
    waiting = list(reversed(list(enumerate(texts))))
    running: list[_Feeding] = []
    # Begun in a thread: a signal interrupts the main one alone, and so does not come between a
    # process and the name by which it is ended.
    begun: Future[subprocess.Popen[bytes]] | None = None
    with selectors.DefaultSelector() as selector, ThreadPoolExecutor(1) as thread:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    number, text = waiting.pop()
                    begun = thread.submit(_begin, words)
                    running.append(_Feeding(number, begun.result(), text, selector, timeout_s))
                    begun = None
                for key, _ in selector.select(min(each.patience() for each in running)):
                    key.data.move(key.fileobj)
                for each in [each for each in running if each.has_ended()]:
                    running.remove(each)
                    yield each.end()
        finally:
            for each in running:
                each.end()
            if begun is not None and begun.exception() is None:
                with begun.result() as process:
                    _kill(process)


def _begin(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Begin a command that is to be fed, or say why it is none."""
    environment = {k: v for k, v in os.environ.items() if k not in _WITHHELD}
    try:
        return _start(words, environment, stdin=subprocess.PIPE)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_COMMAND:
            raise _not_begun(error) from error
        reason = os.strerror(getattr(error, "errno", None) or errno.EINVAL).lower()
        message = f"cannot run {safety.show(words[0], 200)}: {reason}"
        raise UsageError(message, fix=_fix_of(words[0])) from error


class _Feeding:
    """A command that is being fed."""

    def __init__(
        self,
        number: int,
        process: subprocess.Popen[bytes],
        text: bytes,
        selector: selectors.BaseSelector,
        timeout_s: float,
    ) -> None:
        self.number = number
        self.process = process
        self.left = memoryview(text)
        self.out, self.err = bytearray(), bytearray()
        self.cut: Cut | None = None
        self.ended = False
        self.selector = selector
        self.deadline = time.monotonic() + timeout_s
        pipes = (self.process.stdin, self.process.stdout, self.process.stderr)
        self.open: set[IO[bytes]] = {pipe for pipe in pipes if pipe is not None}
        for pipe in self.open:
            os.set_blocking(pipe.fileno(), False)
            event = selectors.EVENT_READ
            if pipe is self.process.stdin:
                event = selectors.EVENT_WRITE
            selector.register(pipe, event, self)

    def move(self, pipe: IO[bytes]) -> None:
        """Write to a pipe, or read from it, what it takes or holds at once."""
        try:
            if pipe is self.process.stdin:
                self.left = self.left[os.write(pipe.fileno(), self.left[:_PIECE]) :]
                over = not self.left
            else:
                piece = os.read(pipe.fileno(), _PIECE)
                over = not piece
                if pipe is self.process.stdout:
                    self.out += piece
                else:
                    self.err += piece
                    if len(self.err) > 8 * (_HEAD + _TAIL):
                        del self.err[_HEAD:-_TAIL]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it has not read all of it, which is its own affair
            over = True
        if over:
            self._close(pipe)
        if len(self.out) > FED_CAP:
            self.cut = Cut.SIZE

    def _close(self, pipe: IO[bytes]) -> None:
        self.selector.unregister(pipe)
        self.open.discard(pipe)
        pipe.close()

    def _prints(self) -> bool:
        return not self.open <= {self.process.stdin}

    def patience(self) -> float:
        """How long to wait for something to happen, in seconds."""
        left = max(self.deadline - time.monotonic(), 0)
        return min(left, _GLANCE_S if self._prints() else _TICK_S)

    def has_ended(self) -> bool:
        """Whether it has ended, or is to be ended."""
        now = time.monotonic()
        if self.cut is None and self.process.poll() is not None:
            if not self.ended:
                self.ended, self.deadline = True, now + _AFTER_S
            return not self._prints() or now >= self.deadline
        if self.cut is None and now >= self.deadline:
            self.cut = Cut.TIME
        return self.cut is not None

    def end(self) -> Fed:
        """End it where it has not ended, and let go of what it held."""
        if self.process.poll() is None or self._prints():
            _kill(self.process)
        for pipe in list(self.open):
            self._close(pipe)
        return Fed(
            number=self.number,
            code=self.process.wait(),
            cut=self.cut,
            out=bytes(self.out),
            err=self._said(),
        )

    def _said(self) -> bytes:
        """Standard error; of very much, whole lines: half a secret is not known for one."""
        if len(self.err) < _HEAD + _TAIL:
            return bytes(self.err)
        head, tail = self.err[:_HEAD], self.err[-_TAIL:]
        return bytes(head.rpartition(b"\n")[0] + _GAP + tail.partition(b"\n")[2])


def _fix_of(command: str) -> str:
    """What to do about a command that cannot be run."""
    if os.path.isfile(command) and not os.access(command, os.X_OK):
        name = safety.shell_line([command]) if safety.printable(command) else "it"
        return f"chmod +x {name}, or name its interpreter"
    return "name a command that this machine has"


# --- Folders that stay as they are ---------------------------------------------------------------


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
