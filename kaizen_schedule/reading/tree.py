"""A read-only view of a repository, and one that lives in memory."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from .errors import FaultReason, FileFault

LIST_CAP = 10_000
"""More names than this in one folder are refused: a listing has to be bounded."""


class Kind(StrEnum):
    """What stands at a path, links inside the repository followed."""

    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


class Stat(NamedTuple):
    """What a path holds."""

    kind: Kind
    size: int


class Blob(NamedTuple):
    """The bytes that were read of a file."""

    data: bytes
    size: int
    """The whole file's size in bytes when it was opened."""
    truncated: bool = False
    """Whether only the file's end was read."""


class Tree(Protocol):
    """A repository's files. Paths are relative, with ``/``; nothing outside can be reached."""

    def read(self, path: str, *, cap: int, tail: bool = False) -> Blob:
        """Read a regular file of at most ``cap`` bytes.

        Args:
            path: Relative path.
            cap: The most bytes to take.
            tail: Take the last ``cap`` bytes of a larger file instead of refusing it.

        Raises:
            FileFault: It cannot be had.
        """
        ...

    def list(self, path: str) -> tuple[str, ...]:
        """List a folder's names, sorted.

        Raises:
            FileFault: It is missing, no folder, unreadable, or holds too many names.
        """
        ...

    def stat(self, path: str) -> Stat | None:
        """Say what stands at a path; None where nothing does, or nothing that may be read."""
        ...

    def holds(self, path: str) -> bool:
        """Say cheaply whether anything stands at a path, be it of use or not.

        True where that cannot be told: reading it then says what is wrong.
        """
        ...


class MemoryTree:
    """A tree made of a mapping from path to bytes.

    Args:
        files: The files' bytes by path.
        faults: Paths that cannot be had, and why.

    Example:
        >>> tree = MemoryTree({".kaizen/schedule.yml": b"version: '1'"})
        >>> tree.list(".kaizen"), tree.read(".kaizen/schedule.yml", cap=100).data[:7]
        (('schedule.yml',), b'version')
    """

    def __init__(
        self, files: Mapping[str, bytes], faults: Mapping[str, FaultReason] | None = None
    ) -> None:
        self.files = files
        self.faults = faults or {}

    def read(self, path: str, *, cap: int, tail: bool = False) -> Blob:
        """Read one of the files, under the same rules as on disk."""
        if path in self.faults:
            raise FileFault(path, self.faults[path], f"{path} is {self.faults[path]}")
        if path not in self.files:
            if self._is_folder(path):
                raise FileFault(path, FaultReason.NOT_REGULAR, f"{path} is a folder")
            raise FileFault(path, FaultReason.MISSING, f"{path} does not exist")
        data = self.files[path]
        if len(data) > cap and not tail:
            raise FileFault(path, FaultReason.TOO_LARGE, f"{path} holds more than {cap:,} bytes")
        start = max(len(data) - cap, 0)
        return Blob(data=data[start:], size=len(data), truncated=start > 0)

    def list(self, path: str) -> tuple[str, ...]:
        """List the names directly beneath a folder."""
        if not self._is_folder(path):
            raise FileFault(path, FaultReason.MISSING, f"{path or '.'} does not exist")
        prefix = f"{path}/" if path else ""
        known = [*self.files, *self.faults]
        return tuple(
            sorted({p[len(prefix) :].split("/")[0] for p in known if p.startswith(prefix)})
        )

    def stat(self, path: str) -> Stat | None:
        """Say what stands at a path."""
        if path in self.faults:
            return (
                None if self.faults[path] == FaultReason.MISSING else Stat(kind=Kind.OTHER, size=0)
            )
        if path in self.files:
            return Stat(kind=Kind.FILE, size=len(self.files[path]))
        return Stat(kind=Kind.FOLDER, size=0) if self._is_folder(path) else None

    def holds(self, path: str) -> bool:
        """Say whether anything stands at a path, be it of use or not."""
        return path in self.faults or self.stat(path) is not None

    def _is_folder(self, path: str) -> bool:
        return not path or any(p.startswith(f"{path}/") for p in (*self.files, *self.faults))
