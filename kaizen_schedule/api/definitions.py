"""Definitions: the packaged drafts, or those of a folder; and the window of one that fires."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import reason_of
from kaizen_schedule.planning.definition_files import (
    LoadedDefinition,
    check_definitions,
    definition_diagnostics,
    load_definition,
)
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.planning.windows import Window, next_window
from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import SIZE_LIMIT, parse_document
from kaizen_schedule.reading.errors import FaultReason, FileFault, UsageError
from kaizen_schedule.reading.rules import Finding

from .operator_files import FaultyFileError, read_file, read_listed
from .targets import PathLike


def list_definitions(
    folder: PathLike | None = None, *, now: datetime
) -> tuple[ActivityDefinition, ...]:
    """The definitions: the packaged drafts, or those of a folder.

    Args:
        folder: A folder of ``*.md`` files; None for the packaged drafts.
        now: The instant from which clock changes are looked for; with a zone.

    Returns:
        The definitions in the order of their files' names.

    Raises:
        UsageError: The folder cannot be read, or holds no definition.
        FaultyFileError: Definitions have errors, or cannot be read; holds all diagnostics.

    Example:
        >>> print(*(definition.id for definition in list_definitions(now=now)))
        weekly-agent-run weekly-coach-orientation weekly-metrics-optimize weekly-optimization-review
    """
    if folder is None:
        return packaged.definitions()
    loaded = [(path, load_file(path, now=now, listed=True)) for path in list_files(folder)]
    if found := diagnostics_of(loaded):
        raise FaultyFileError(os.fspath(folder), found)
    return tuple(item.definition for _, item in loaded if item.definition is not None)


def read_definition(path: PathLike, *, now: datetime) -> ActivityDefinition:
    """Read one definition of a file.

    Args:
        path: The file.
        now: The instant from which clock changes are looked for; with a zone.

    Returns:
        The definition.

    Raises:
        UsageError: It is not there, or cannot be read.
        FaultyFileError: It has errors; holds the diagnostics.

    Example:
        >>> from kaizen_schedule.edges.packaged import data_path
        >>> path = data_path("definitions", "weekly-coach-orientation.md")
        >>> read_definition(path, now=now).agent
        'coach'
    """
    name = os.fspath(path)
    loaded = load_file(name, now=now)
    if loaded.definition is None:
        raise FaultyFileError(name, definition_diagnostics(loaded, name))
    return loaded.definition


def load_file(name: str, *, now: datetime, listed: bool = False) -> LoadedDefinition:
    """Read a file as a definition, faulty or not.

    Args:
        name: The file.
        now: The instant from which clock changes are looked for; with a zone.
        listed: Whether it was found in a folder: one that cannot be read is then faulty, and does
            not keep the others from being read.

    Raises:
        UsageError: It was named, and is not there or cannot be read.
    """
    try:
        data = (read_listed if listed else read_file)(name, SIZE_LIMIT)
    except FileFault as fault:
        return LoadedDefinition(None, None, (_unusable(fault),))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return LoadedDefinition(None, parse_document(data, path=name), ())
    today = now.astimezone(UTC).date()
    return load_definition(text, path=name, zones=packaged.zones(), today=today)


def _unusable(fault: FileFault) -> Finding:
    """What is wrong with a definition of which nothing could be read."""
    if fault.reason is FaultReason.TOO_LARGE:
        message = f"the file holds more than {SIZE_LIMIT:,} bytes"
        return Finding(rules.TOO_LARGE, message, fix="a definition fits in a few kilobytes")
    fix = "make it a regular file that you may read, or remove it"
    return Finding(rules.DEFINITION_UNREADABLE, fault.message, fix=fix)


def diagnostics_of(loaded: Sequence[tuple[str, LoadedDefinition]]) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with definitions: each by itself, and two for the same."""
    own = [item for file, found in loaded for item in definition_diagnostics(found, file)]
    return (*own, *check_definitions(loaded))


def list_files(folder: PathLike) -> tuple[str, ...]:
    """The definitions' files of a folder, by name; one at least.

    A page about the folder, which the published one has, is none: ``index.md``, ``README.md``.

    Raises:
        UsageError: It cannot be read, or holds none.
    """
    root = os.fspath(folder)
    try:
        names = sorted(
            name
            for name in os.listdir(root)
            if name.endswith(".md") and name not in ("index.md", "README.md")
        )
    except (OSError, ValueError) as error:
        message = f"folder {safety.show(root, 200)} cannot be read: {reason_of(error)}"
        raise UsageError(message, fix="name a folder of definitions") from error
    if not names:
        message = f"folder {safety.show(root, 200)} holds no definition, no file that ends in .md"
        raise UsageError(message, fix="kaizen-agentic schedule definitions ID > FILE.md")
    return tuple(os.path.join(root, name) for name in names)


def find_definition(
    name: str, definitions: Sequence[ActivityDefinition], *, now: datetime
) -> ActivityDefinition:
    """The definition of an id, or of a file that is named instead.

    Raises:
        UsageError: There is none.
    """
    for definition in definitions:
        if definition.id == name:
            return definition
    if name.endswith(".md") or os.sep in name:
        return read_definition(name, now=now)
    near = nearest(name, [d.id for d in definitions])
    fix = f"did you mean {near}?" if near else "kaizen-agentic schedule definitions lists them"
    raise UsageError(f"there is no definition {safety.show(name)}", fix=fix)


def window_at(definition: ActivityDefinition, at: datetime) -> Window:
    """The window that a definition asks for when it fires the first time at an instant.

    Args:
        definition: The definition.
        at: The instant; with a zone.

    Returns:
        The window from that instant until the next firing, in UTC.

    Example:
        >>> coach = list_definitions(now=now)[1]
        >>> window = window_at(coach, datetime(2026, 11, 30, 8, tzinfo=UTC))
        >>> window.start.isoformat(), window.end.isoformat()
        ('2026-11-30T08:00:00+00:00', '2026-12-07T08:00:00+00:00')
    """
    return next_window(definition, at, held=None, zones=packaged.zones())
