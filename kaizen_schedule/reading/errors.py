"""The errors that callers of the library can meet."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class KaizenError(Exception):
    """Something could not be done; says what, and where known how to mend it.

    Args:
        message: One sentence, safe to print: thing, value and place, already escaped.
        fix: What to do about it; empty where nothing can be said.

    Example:
        >>> error = KaizenError("no folder at nowhere", fix="name an existing folder")
        >>> str(error), error.fix, error.exit_code
        ('no folder at nowhere', 'name an existing folder', 1)
    """

    exit_code = 1
    """What a command ends with when this error reaches it: 1, where an error says no other."""

    diagnostics: tuple[Any, ...] = ()
    """What is wrong with a file, where it is that; told before the message."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        """One sentence, safe to print; what ``str`` of the error is."""
        self.fix = fix
        """What to do about it; empty where nothing can be said."""


class UsageError(KaizenError):
    """A call or command was worded wrongly.

    Example:
        >>> from kaizen_schedule import parse_instant
        >>> try:
        ...     parse_instant("tomorrow")
        ... except UsageError as error:
        ...     print(error.message, error.fix, error.exit_code, sep="; ")
        "tomorrow" is no instant; write it like 2026-11-30T09:00:00Z; 2
    """

    exit_code = 2
    """Wrong use."""


class TargetError(UsageError):
    """The target is not there, is no folder, or cannot be opened.

    Example:
        >>> from kaizen_schedule import load_manifest
        >>> try:
        ...     load_manifest("nowhere")
        ... except TargetError as error:
        ...     print(error.message, error.fix, sep="; ")
        target "nowhere" does not exist; name a repository's folder
    """


class ManifestError(KaizenError):
    """The manifest is absent, cannot be read, or is no regular file inside the target.

    Example:
        >>> from kaizen_schedule import load_manifest
        >>> (repository / ".kaizen/schedule.yml").unlink()
        >>> try:
        ...     load_manifest(repository)
        ... except ManifestError as error:
        ...     print(error.message, error.fix, sep="; ")
        there is no .kaizen/schedule.yml here; make one: kaizen-agentic schedule init
    """

    exit_code = 2
    """No usable manifest."""


class SourceError(KaizenError):
    """A hub, or a snapshot that stands for one, cannot be had.

    Example:
        >>> from kaizen_schedule import Source, read_roster
        >>> try:
        ...     read_roster(Source(snapshot="nowhere.json"), host="forge-1")
        ... except SourceError as error:
        ...     print(error.message, error.exit_code, sep="; ")
        "nowhere.json" cannot be read: no such file or directory; 3
    """

    exit_code = 3
    """A source cannot be had."""


class OutputError(KaizenError):
    """A result could not be written.

    Example:
        >>> from kaizen_schedule import add_memory
        >>> _ = (repository / ".kaizen/agents").write_text("a file where a folder must be")
        >>> try:
        ...     add_memory(repository, "coach", "The build needs node 20.", now=now)
        ... except OutputError as error:
        ...     print(error.message.partition(": ")[0])
        cannot write .kaizen/agents/coach/memory.md
    """


class FaultReason(StrEnum):
    """Why a file of a repository cannot be had."""

    MISSING = "missing"
    """Nothing stands at the path."""
    OUTSIDE = "outside"
    """The path, or a link on its way, leaves the repository."""
    NOT_REGULAR = "not-regular"
    """It is no regular file."""
    TOO_LARGE = "too-large"
    """It holds more bytes than are read."""
    LINK_LOOP = "link-loop"
    """A link leads back to itself."""
    UNREADABLE = "unreadable"
    """The system refuses to open or read it."""


class FileFault(KaizenError):
    """A file of a repository cannot be had, for one stated reason.

    Args:
        path: The path inside the repository, as asked for.
        reason: Why.
        detail: The reason in words, safe to print.
        fix: What to do about it; empty where nothing can be said.

    Example:
        >>> from kaizen_schedule.reading.tree import MemoryTree
        >>> try:
        ...     MemoryTree({}).read("README.md", cap=1000)
        ... except FileFault as fault:
        ...     print(fault.path, fault.reason, fault.message, sep="; ")
        README.md; missing; README.md does not exist
    """

    def __init__(self, path: str, reason: FaultReason, detail: str, *, fix: str = "") -> None:
        super().__init__(detail, fix=fix)
        self.path = path
        """The path inside the repository, as asked for."""
        self.reason = reason
        """Why."""


class Refusal(KaizenError):
    """An asked-for step is refused, by a reason that others can test for.

    Args:
        reason: A stable word, such as ``expired``.
        message: One sentence, safe to print.
        fix: What to do about it.

    Example:
        >>> from kaizen_schedule import init
        >>> try:
        ...     init(repository)
        ... except Refusal as refusal:
        ...     print(refusal.reason, refusal.message, sep="; ")
        exists; .kaizen/schedule.yml already exists
    """

    def __init__(self, reason: str, message: str, *, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.reason = reason
        """A stable word, such as ``expired``."""


def describe_defect(error: Exception) -> str:
    """Say where the program itself is at fault; nothing of the data, which the error may quote.

    Example:
        >>> describe_defect(ZeroDivisionError("of a secret"))
        'a defect of this program: ZeroDivisionError'
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace else ""
    return f"a defect of this program: {type(error).__name__}{place}"
