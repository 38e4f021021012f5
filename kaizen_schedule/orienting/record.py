"""The pilot's record: what a smoke run did, step by step, one JSON line each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise

from kaizen_schedule import __version__
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import (
    SCHEMA_VERSION,
    NewerFormError,
    check_version,
    dumps,
    from_plain,
)
from kaizen_schedule.reading.strict_json import parse_json

from .metrics import DURATION_LIMIT


class StepKind(StrEnum):
    """What a step of the pilot does, in the order in which they are taken."""

    FIRE = "fire"
    """A definition fires."""
    RESOLVE = "resolve"
    """Its window is asked for."""
    EXCLUDED = "excluded"
    """One exclusion of the answer; on the pilot fleet, held against what is expected."""
    TASK = "task"
    """A run becomes a task, held against its contract."""
    PREPARE = "prepare"
    """The task's command is run as printed."""
    BUNDLE = "bundle"
    """What it printed is read back, and held against the task."""
    EVENT = "event"
    """The event of the bundle is made."""
    UNCHANGED = "unchanged"
    """The checkout is compared with what it was before."""
    END = "end"
    """The whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotStep:
    """One step of a smoke run.

    Example:
        >>> step = parse_record('{"number": 1, "step": "fire", "ok": true}')[0]
        >>> step.number, step.step.value, step.ok
        (1, 'fire', True)
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that took it."""
    number: int
    """From 1."""
    step: StepKind
    """What was done."""
    ok: bool
    """Whether it came out as it has to."""
    definition: str | None = None
    """The definition that fired; null for a step about the whole."""
    repo: str | None = None
    """The repository; null for a step about a definition."""
    agent: str | None = None
    """The agent; null where it is not about an entry."""
    run: str | None = None
    """The run's idempotency key."""
    reason: str | None = None
    """Of an exclusion."""
    detail: str = ""
    """What was found, in one sentence."""
    fired_at: datetime | None = None
    """The instant at which the definition fires; UTC."""
    duration_s: float | None = None
    """How long a process took, in seconds."""
    tokens: int | None = None
    """Of a bundle, by estimate."""
    digest: str | None = None
    """Of what the step made."""


def render_record(steps: Iterable[PilotStep]) -> str:
    """Write a record as JSON lines."""
    return "".join(dumps(step, indent=None) for step in steps)


def parse_record(text: str) -> tuple[PilotStep, ...]:
    r"""Read a record; whether its steps belong together ``sequence_fault`` says.

    Args:
        text: JSON lines.

    Raises:
        NewerFormError: It is of a newer form than this program knows; says in which line.
        ValueError: A line is no step, or says what no step can; says which.

    Example:
        >>> parse_record('{"number": 1, "step": "end", "ok": true}\n')[0].ok
        True
    """
    steps = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            data = parse_json(line.encode())
            check_version(data)
            step: PilotStep = from_plain(PilotStep, data)
            if fault := _fault(step):
                raise ValueError(fault)
        except ValueError as error:
            said = str(error).replace(", line 1, column ", ", column ")  # of this line
            kind = NewerFormError if isinstance(error, NewerFormError) else ValueError
            raise kind(f"line {number:,}: {said}") from error
        steps.append(step)
    return tuple(steps)


_LARGEST = 2**31 - 1
_RANGES: Mapping[str, tuple[int, int]] = {
    "number": (1, _LARGEST),
    "duration_s": (0, DURATION_LIMIT),
    "tokens": (0, _LARGEST),
}
_TEXTS = ("tool_version", "definition", "repo", "agent", "run", "reason", "detail", "digest")
_REASONS = frozenset(Reason)


def _fault(step: PilotStep) -> str:
    """What is wrong with the values of a step; empty where nothing is."""
    for name in _TEXTS:
        value = getattr(step, name)
        if value is not None and not value.isascii() and _SURROGATE.search(value):
            return f"/{name} is no Unicode text"
    for name, (least, most) in _RANGES.items():
        value = getattr(step, name)
        if value is not None and not least <= value <= most:
            return f"/{name} is not from {least} to {most:,}"
    if step.reason is not None and step.reason not in _REASONS:
        return f"/reason is {safety.show(step.reason)}, which is no reason"
    # An instant of the first or last day of all cannot be moved to another zone.
    if step.fired_at is not None and not _FIRST <= step.fired_at < _BEHIND:
        return "/fired_at is not of the years 1970 to 2199"
    return ""


_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST, _BEHIND = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def sequence_fault(steps: Sequence[PilotStep]) -> str:
    """Say what is wrong with the order of a record's steps, or with what each has to name.

    Whether they came out well, and whether the end counts them right, is not looked at.

    Args:
        steps: The record.

    Returns:
        The line, and what is wrong there; empty where nothing is.

    Example:
        >>> sequence_fault(parse_record('{"number": 1, "step": "fire", "ok": true}'))
        'line 1: /definition is missing'
    """
    for line, step in enumerate(steps, 1):
        if step.number != line:
            return f"line {line:,}: /number is {step.number:,}, and has to be {line:,}"
        for name in _NAMES[step.step]:
            if getattr(step, name) is None:
                return f"line {line:,}: /{name} is missing"
    if steps and steps[0].step not in (StepKind.FIRE, StepKind.END):
        return f"line 1: step {steps[0].step} cannot be the first"
    for line, (before, step) in enumerate(pairwise(steps), 2):
        if step.step not in _AFTER[before.step]:
            return f"line {line:,}: step {step.step} cannot come after {before.step}"
        for name in (*_RUN, "agent") if step.step in _OF_A_RUN else ():
            if getattr(step, name) != getattr(before, name):
                return f"line {line:,}: /{name} is another than that of the step before"
    if steps and steps[-1].step is not StepKind.END:
        return f"line {len(steps):,}: the record stops here, before its end"
    return ""


_DONE = frozenset({StepKind.TASK, StepKind.FIRE, StepKind.END})
_AFTER: Mapping[StepKind, frozenset[StepKind]] = {
    StepKind.FIRE: frozenset({StepKind.RESOLVE}),
    StepKind.RESOLVE: _DONE | {StepKind.EXCLUDED},
    StepKind.EXCLUDED: _DONE | {StepKind.EXCLUDED},
    StepKind.TASK: _DONE | {StepKind.PREPARE},
    StepKind.PREPARE: frozenset({StepKind.BUNDLE, StepKind.UNCHANGED}),
    StepKind.BUNDLE: frozenset({StepKind.EVENT, StepKind.UNCHANGED}),
    StepKind.EVENT: frozenset({StepKind.UNCHANGED}),
    StepKind.UNCHANGED: _DONE,
    StepKind.END: frozenset(),
}
"""Which steps can come after each."""

_OF_A_RUN = frozenset({StepKind.PREPARE, StepKind.BUNDLE, StepKind.EVENT, StepKind.UNCHANGED})
"""Steps that are about the same run as the one before them."""

_RUN = ("definition", "repo", "run")
_NAMES: Mapping[StepKind, tuple[str, ...]] = {
    StepKind.FIRE: ("definition", "fired_at"),
    StepKind.RESOLVE: ("definition", "fired_at"),
    StepKind.EXCLUDED: ("definition", "repo", "reason"),
    StepKind.TASK: _RUN,
    **dict.fromkeys(_OF_A_RUN, _RUN),
    StepKind.END: (),
}
"""What a step of each kind has to name."""
