"""Answers that were saved, and definitions that were edited: read, compared, merged."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.answers import (
    CheckedDefinition,
    CheckedDefinitions,
    RosterAnswer,
    RosterRow,
    merge_answers,
)
from kaizen_schedule.planning.definition_files import render_definition
from kaizen_schedule.planning.definitions import ActivityDefinition, RepoRun, Run
from kaizen_schedule.planning.windows import next_fire, next_window
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import UPGRADE, NewerFormError, check_version, from_plain
from kaizen_schedule.reading.errors import KaizenError
from kaizen_schedule.reading.strict_json import parse_json

from .definitions import diagnostics_of, list_files, load_file
from .fleet import Asking, discover_kaizen_scheduled_repos
from .operator_files import SNAPSHOT_CAP, read_file
from .targets import PathLike


def read_answer(path: PathLike) -> RosterAnswer:
    """Read an answer that ``schedule roster --format json`` printed.

    Args:
        path: The file.

    Raises:
        UsageError: It is not there, or cannot be read.
        KaizenError: It holds no such answer, or a part of one.
    """
    name = os.fspath(path)
    fix = "save it again: kaizen-agentic schedule roster --format json -o FILE"
    try:
        data = parse_json(read_file(name, SNAPSHOT_CAP))
        check_version(data)
        answer: RosterAnswer = from_plain(RosterAnswer, data)
    except NewerFormError as error:
        message = f"{safety.show(name, 200)} is too new: {error}"
        raise KaizenError(message, fix=UPGRADE) from error
    except ValueError as error:
        what = safety.escape(str(error))
        message = f"{safety.show(name, 200)} is no roster's answer: {what}"
        raise KaizenError(message, fix=fix) from error
    if answer.counts.get("registered") != len(answer.repos):
        message = f"{safety.show(name, 200)} holds a part of a roster's answer"
        raise KaizenError(message, fix="save it without --repo, --reason and --excluded")
    return answer


def merge_files(paths: Sequence[PathLike]) -> RosterAnswer:
    """One answer of the answers that several hosts saved.

    Raises:
        UsageError: One cannot be read, or they do not belong together.
        KaizenError: One holds no answer.
    """
    return merge_answers([read_answer(path) for path in paths])


def narrowed(answer: RosterAnswer, rows: Sequence[RosterRow]) -> RosterAnswer:
    """An answer with some of its rows; its counts stay those of the whole."""
    return replace(answer, repos=tuple(rows))


# --- Definitions -----------------------------------------------------------------------------


def inspect_definitions(
    path: PathLike, *, now: datetime, asking: Asking | None = None
) -> CheckedDefinitions:
    """Check definitions, and say what differs from the drafts.

    Args:
        path: A file, or a folder of ``*.md`` files.
        now: From when clock changes and the first window are looked for; with a zone.
        asking: The roster of which to say what the first window would hand out.

    Raises:
        UsageError: It is not there, or cannot be read.
    """
    name = os.fspath(path)
    listed = os.path.isdir(name)
    names = list_files(name) if listed else (name,)
    loaded = [(file, load_file(file, now=now, listed=listed)) for file in names]
    diagnostics = diagnostics_of(loaded)
    return CheckedDefinitions(
        ok=not diagnostics,
        diagnostics=diagnostics,
        definitions=tuple(
            _checked(found.definition, now, asking)
            for _, found in loaded
            if found.definition is not None
        ),
    )


def _checked(
    definition: ActivityDefinition, now: datetime, asking: Asking | None
) -> CheckedDefinition:
    draft = next((item for item in packaged.definitions() if item.id == definition.id), None)
    changes = None
    if draft is not None:
        texts = (safety.redact(render_definition(item))[0] for item in (draft, definition))
        old, new = (text.splitlines() for text in texts)
        changes = tuple(difflib.unified_diff(old, new, "draft", "this file", lineterm="", n=0))
    window = None
    if not definition.is_template:
        zones = packaged.zones()
        window = next_window(
            definition, next_fire(definition, now, zones=zones), held=None, zones=zones
        )
    hands_out = None
    if asking is not None and window is not None:
        found = discover_kaizen_scheduled_repos(
            replace(asking, definition=definition),
            start=window.start,
            end=window.end,
            now=window.start,
        )
        handed: tuple[Run | RepoRun, ...] = (*found.scheduled_runs, *found.repos)
        hands_out = tuple(run.idempotency_key for run in handed)
    return CheckedDefinition(
        id=definition.id, changes=changes, first_window=window, hands_out=hands_out
    )
