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
        >>> str(TargetError("no folder at nowhere", fix="name an existing folder"))
        'no folder at nowhere'
    """

    exit_code = 1
    """What a command ends with when this error reaches it."""

    diagnostics: tuple[Any, ...] = ()
    """What is wrong with a file, where it is that; told before the message."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(KaizenError):
    """A call or command was worded wrongly."""

    exit_code = 2


class TargetError(UsageError):
    """The target is not there, is no folder, or cannot be opened."""


class ManifestError(KaizenError):
    """The manifest is absent, cannot be read, or is no regular file inside the target."""

    exit_code = 2


class SourceError(KaizenError):
    """A source of the roster, a hub or a snapshot, cannot be had."""

    exit_code = 3


class OutputError(KaizenError):
    """A result could not be written."""


class FaultReason(StrEnum):
    """Why a file of a repository cannot be had."""

    MISSING = "missing"
    OUTSIDE = "outside"
    NOT_REGULAR = "not-regular"
    TOO_LARGE = "too-large"
    LINK_LOOP = "link-loop"
    UNREADABLE = "unreadable"


class FileFault(KaizenError):
    """A file of a repository cannot be had, for one stated reason.

    Args:
        path: The path inside the repository, as asked for.
        reason: Why.
        detail: The reason in words, safe to print.
    """

    def __init__(self, path: str, reason: FaultReason, detail: str) -> None:
        super().__init__(detail)
        self.path = path
        self.reason = reason


class Refusal(KaizenError):
    """An asked-for step is refused, by a reason that others can test for.

    Args:
        reason: A stable word, such as ``expired``.
        message: One sentence, safe to print.
        fix: What to do about it.
    """

    def __init__(self, reason: str, message: str, *, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.reason = reason
