"""The pilot's record: what a smoke run did, step by step, one JSON line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kaizen_schedule import __version__
from kaizen_schedule.reading.codec import SCHEMA_VERSION, dumps, from_plain
from kaizen_schedule.reading.strict_json import parse_json


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
    r"""Read a record.

    Args:
        text: JSON lines.

    Raises:
        ValueError: A line is no step; says which.

    Example:
        >>> parse_record('{"number": 1, "step": "end", "ok": true}\n')[0].ok
        True
    """
    steps = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            steps.append(from_plain(PilotStep, parse_json(line.encode())))
        except ValueError as error:
            said = str(error).replace(", line 1, column ", ", column ")  # of this line
            raise ValueError(f"line {number}: {said}") from error
    return tuple(steps)
