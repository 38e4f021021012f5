"""Files that an operator names: read with a cap, and what is wrong with them."""

from __future__ import annotations

from kaizen_schedule.edges.files import reason_of
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.errors import KaizenError, SourceError

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
    """A file that the operator named; at most so many bytes and one."""
    try:
        with open(path, "rb") as file:
            data = file.read(cap + 1)
    except (OSError, ValueError) as error:
        message = f"{safety.show(path, 200)} cannot be read: {reason_of(error)}"
        raise SourceError(message, fix="name a file that you may read") from error
    if len(data) > cap:
        raise SourceError(f"{safety.show(path, 200)} holds more than {cap:,} bytes")
    return data
