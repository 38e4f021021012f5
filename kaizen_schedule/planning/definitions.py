"""Definitions: when the orchestrator asks which runs are due, and for which agent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kaizen_schedule.reading.document import parse_document
from kaizen_schedule.reading.errors import KaizenError

from .agents import describe
from .cron import Cadence, CronError, parse_cron
from .recurrence import Zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """When the orchestrator asks, and for whom. What a task looks like stands in the same file."""

    id: str
    """Its name, unique among definitions."""
    title: str
    """One line for people."""
    enabled: bool
    """Whether the orchestrator fires it; a disabled one still lends its trigger."""
    cron: str
    """The trigger's cron."""
    timezone: str
    """The trigger's time zone."""
    agent: str | None = None
    """The agent it is for; None for one about repositories, and for the template."""
    cadence: Cadence | None = None
    """The cadence it is for."""


def load_definition(text: str, *, path: str, zones: Zones) -> Definition:
    """Read a definition: markdown whose front matter says what it is.

    Args:
        text: The file's text.
        path: Its name, for errors.
        zones: The time zones that exist.

    Raises:
        KaizenError: It is no definition; names the place.
    """
    head = text.removeprefix("---\n").split("\n---\n", 1)[0]
    document = parse_document(("\n" + head).encode(), path=path)
    if document.findings:
        first = document.findings[0]
        raise KaizenError(
            f"{first.path}:{first.line}:{first.column}: {first.message}", fix=first.fix
        )
    data = document.data
    trigger = _mapping(data, "trigger", path)
    inputs = _mapping(_mapping(data, "context", path), "inputs", path)
    cron, timezone = _text(trigger, "cron", path), _text(trigger, "timezone", path)
    try:
        parse_cron(cron)
    except CronError as error:
        raise KaizenError(f"{path}: cron of the trigger {error.message}", fix=error.fix) from error
    if zones.get(timezone) is None:
        raise KaizenError(f"{path}: unknown time zone {describe(timezone)} of the trigger")
    cadence, agent = inputs.get("cadence"), inputs.get("agent")
    if cadence is not None and cadence not in tuple(Cadence):
        raise KaizenError(f"{path}: cadence is {describe(cadence)}, not one of the five")
    if agent is not None and not isinstance(agent, str):
        raise KaizenError(f"{path}: agent is {describe(agent)}, not text")
    return Definition(
        id=_text(data, "id", path),
        title=_text(data, "title", path),
        enabled=data.get("enabled") is True,
        cron=cron,
        timezone=timezone,
        agent=agent,
        cadence=Cadence(cadence) if cadence is not None else None,
    )


def _mapping(data: Any, key: str, path: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, dict):
        raise KaizenError(f"{path}: {key} is {describe(value)}, not a mapping")
    return value


def _text(data: dict[str, Any], key: str, path: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise KaizenError(f"{path}: {key} is {describe(value)}, not text")
    return value


def definition_for(
    agent: str, cadence: Cadence, definitions: Iterable[Definition]
) -> Definition | None:
    """The definition for this agent and cadence; there is one at most."""
    for definition in definitions:
        if definition.agent == agent and definition.cadence is cadence:
            return definition
    return None
