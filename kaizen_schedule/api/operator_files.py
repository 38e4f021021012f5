"""Files that an operator names: read with a cap, and what is wrong with them."""

from __future__ import annotations

import os

from kaizen_schedule.edges.files import open_checkout, reason_of
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.errors import FaultReason, FileFault, KaizenError, UsageError

SNAPSHOT_CAP = 64 * 1024 * 1024
"""Bytes of a snapshot."""


class FaultyFileError(KaizenError):
    """A file that an operator wrote has errors.

    Args:
        path: The file.
        diagnostics: What is wrong with it.

    Example:
        >>> from kaizen_schedule import read_definition
        >>> path = repository / "weekly.md"
        >>> _ = path.write_text("no front matter")
        >>> try:
        ...     read_definition(path, now=now)
        ... except FaultyFileError as error:
        ...     print(error.diagnostics[0].code, error.diagnostics[0].name)
        KS501 definition-front-matter
    """

    def __init__(self, path: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        count = len(diagnostics)
        super().__init__(f"{safety.show(path)} has {count:,} error{'s' if count > 1 else ''}")
        self.diagnostics = diagnostics
        """What is wrong with it, in file order."""


def read_file(path: str, cap: int) -> bytes:
    """A file that the operator named: whatever can be read, a pipe too.

    Raises:
        UsageError: It is not there, or cannot be read: another name is asked for.
        FileFault: It holds more bytes than that.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(cap + 1)
    except (OSError, ValueError) as error:
        message = f"{safety.show(path, 200)} cannot be read: {reason_of(error)}"
        raise UsageError(message, fix="name a file that you may read") from error
    if len(data) > cap:
        message = f"{safety.show(path, 200)} holds more than {cap:,} bytes"
        fix = "name another file, or make this one smaller"
        raise FileFault(path, FaultReason.TOO_LARGE, message, fix=fix)
    return data


def read_listed(path: str, cap: int) -> bytes:
    """A file that was found in a folder, and that nobody named: only a regular one is opened.

    A link may lead to one elsewhere.

    Raises:
        FileFault: It cannot be had; to open a pipe would wait for ever.
    """
    folder, name = os.path.split(os.path.realpath(path))
    with open_checkout(folder) as tree:
        return tree.read(name, cap=cap).data
