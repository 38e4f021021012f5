"""JSON Schemas, generated from the models.

``make contracts`` writes them to ``data/contracts``, where the program finds them: pydantic, which
makes them, is needed at development time only. A test compares.

Schemas of files that people write are closed; those of what this program emits are open, and list
every key as required.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from kaizen_schedule.orienting.bundle import Bundle
from kaizen_schedule.orienting.events import (
    PILOT_SCHEMA,
    PREPARED_SCHEMA,
    PilotCompletedData,
    PilotEvent,
    PreparedData,
    PreparedEvent,
)
from kaizen_schedule.orienting.record import PilotStep
from kaizen_schedule.planning.agents import NAME
from kaizen_schedule.planning.answers import RosterAnswer
from kaizen_schedule.planning.manifest import Manifest
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.roster import PATH_LIMIT
from kaizen_schedule.planning.roster_file import RosterFile
from kaizen_schedule.planning.tasks import Task
from kaizen_schedule.reading.codec import dumps
from kaizen_schedule.reading.diagnostics import SITE, Diagnostic

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsReport:
    """What ``schedule validate --format json`` prints."""

    schema_version: str
    """The version of this form."""
    tool_version: str
    """The version of the program that looked."""
    ok: bool
    """Whether nothing counts against the manifests."""
    diagnostics: tuple[Diagnostic, ...]
    """The findings, in file order."""
    omitted: int
    """How many more there are than are listed."""


def _models(model: Any, seen: set[Any]) -> set[Any]:
    """A dataclass and all that it is made of."""
    if dataclasses.is_dataclass(model) and model not in seen:
        seen.add(model)
        for hint in typing.get_type_hints(model).values():
            _models(hint, seen)
    for argument in typing.get_args(model):
        _models(argument, seen)
    return seen


def _schema(model: type[Any], *, name: str, title: str, written_by_people: bool) -> dict[str, Any]:
    from pydantic import TypeAdapter

    config = {
        "use_attribute_docstrings": True,
        "json_schema_serialization_defaults_required": not written_by_people,
    }
    for part in _models(model, set()):
        part.__pydantic_config__ = config
    mode: Any = "validation" if written_by_people else "serialization"
    schema = TypeAdapter(model).json_schema(mode=mode)
    if written_by_people:
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("type") == "object":
                part["additionalProperties"] = False
    schema.pop("title", None)
    return {
        "$schema": _DIALECT,
        "$id": f"{SITE}contracts/{name}.schema.json",
        "title": title,
        **schema,
    }


def _manifest_schema() -> dict[str, Any]:
    title = "Kaizen schedule manifest (.kaizen/schedule.yml)"
    schema = _schema(Manifest, name="manifest", title=title, written_by_people=True)
    agents = schema["properties"]["agents"]
    entry = agents.pop("additionalProperties")
    agents["patternProperties"] = {f"^{NAME.pattern}$": entry}
    agents["additionalProperties"] = False
    # A null in the file is a wrong type; leaving the key out is what the model's None means.
    cron = schema["$defs"]["Entry"]["properties"]["cron"]
    cron["type"] = "string"
    cron.pop("anyOf")
    cron.pop("default")
    return schema


def _roster_schema() -> dict[str, Any]:
    title = "An operator's roster (roster.yml)"
    schema = _schema(RosterFile, name="roster-file", title=title, written_by_people=True)
    # Left out, the repositories of a hub are meant; a null in the file is a wrong type.
    repos = schema["properties"]["repos"]
    repos |= next(option for option in repos.pop("anyOf") if option["type"] == "array")
    repos.pop("default")
    paths = schema["$defs"]["RosterItem"]["properties"]["host_paths"]
    paths["additionalProperties"] |= {"pattern": "^/", "maxLength": PATH_LIMIT}
    return schema


_ANSWERS: dict[str, tuple[type[Any], str]] = {
    "resolution": (Resolution, "Answer of discover_kaizen_scheduled_repos"),
    "roster": (RosterAnswer, "Answer of kaizen-agentic schedule roster"),
    "task": (Task, "A task, as the orchestrator stores it"),
    "pilot-step": (PilotStep, "A line of the pilot's record"),
}

# What a CloudEvent's attributes have to keep and a type alone does not say.
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "id": {"format": "uuid"},
    "source": {"format": "uri"},
    "subject": {"minLength": 1},
    "dataschema": {"format": "uri"},
    "runkey": {"pattern": r"^[^:]+:[^:]+:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    "partitionkey": {"minLength": 1},
}


def _event_schemas(
    event: type[Any], data: type[Any], *, name: str, title: str
) -> dict[str, dict[str, Any]]:
    """The schema of a whole event, and that of its data, which its `dataschema` names."""
    whole = _schema(event, name=name, title=title, written_by_people=False)
    for key, more in _ATTRIBUTES.items():
        if key in whole["properties"]:
            whole["properties"][key] |= more
    title = f"Data of: {title}"
    part = _schema(data, name=f"{name}-data", title=title, written_by_people=False)
    return {name: whole, f"{name}-data": part}


def build_contracts() -> dict[str, str]:
    r"""All schemas as ``{file name: text}``.

    Example:
        >>> print(*sorted(build_contracts()), sep="\n")
        bundle.schema.json
        diagnostics.schema.json
        kaizen-pilot-completed-data.schema.json
        kaizen-pilot-completed.schema.json
        kaizen-schedule-prepared-data.schema.json
        kaizen-schedule-prepared.schema.json
        manifest.schema.json
        pilot-step.schema.json
        resolution.schema.json
        roster-file.schema.json
        roster.schema.json
        task.schema.json
    """
    schemas = {
        "manifest": _manifest_schema(),
        "diagnostics": _schema(
            DiagnosticsReport,
            name="diagnostics",
            title="Findings of kaizen-agentic schedule validate",
            written_by_people=False,
        ),
        "bundle": _schema(
            Bundle,
            name="bundle",
            title="Bundle of kaizen-agentic schedule prepare",
            written_by_people=False,
        ),
        "roster-file": _roster_schema(),
        **{
            name: _schema(model, name=name, title=title, written_by_people=False)
            for name, (model, title) in _ANSWERS.items()
        },
        **_event_schemas(
            PreparedEvent,
            PreparedData,
            name=PREPARED_SCHEMA,
            title="CloudEvent kaizen.schedule.prepared",
        ),
        **_event_schemas(
            PilotEvent,
            PilotCompletedData,
            name=PILOT_SCHEMA,
            title="CloudEvent kaizen.pilot.completed",
        ),
    }
    return {f"{name}.schema.json": dumps(schema) for name, schema in schemas.items()}
