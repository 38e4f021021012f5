"""JSON Schemas, generated from the models.

``make contracts`` writes them to ``data/contracts``, where the program finds them: pydantic, which
makes them, is needed at development time only. A test compares.

Schemas of files that people write are closed; those of what this program emits are open, and list
every key as required. A field's description ends with the address at which it is explained, so
that an editor's hover leads there.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

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
from kaizen_schedule.planning.answers import CheckedDefinitions, Explanation, RosterAnswer
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.manifest import Manifest
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.roster import PATH_LIMIT
from kaizen_schedule.planning.roster_file import RosterFile
from kaizen_schedule.planning.tasks import Task, TemporalSchedule
from kaizen_schedule.reading.codec import Json
from kaizen_schedule.reading.diagnostics import SITE, Diagnostic

from .vectors import Vector

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """What ``schedule why --format json`` prints."""

    schema_version: str
    """The version of this form."""
    tool_version: str
    """The version of the program that answered."""
    explanations: tuple[Explanation, ...]
    """One for each entry that was asked about, or one for the repository."""


class Published(NamedTuple):
    """A model that has a schema."""

    name: str
    """The schema's file without its ending."""
    model: type[Any]
    title: str
    written: bool = False
    """Whether people write it; else this program emits it."""


PUBLISHED: tuple[Published, ...] = (
    Published(
        "manifest", Manifest, "Kaizen schedule manifest (.kaizen/schedule.yml)", written=True
    ),
    Published("roster-file", RosterFile, "An operator's roster (roster.yml)", written=True),
    Published(
        "definition", ActivityDefinition, "Front matter of an ActivityDefinition", written=True
    ),
    Published("diagnostics", DiagnosticsReport, "Findings of kaizen-agentic schedule validate"),
    Published("bundle", Bundle, "Bundle of kaizen-agentic schedule prepare"),
    Published("roster", RosterAnswer, "Answer of kaizen-agentic schedule roster"),
    Published("explanations", Explanations, "Answer of kaizen-agentic schedule why"),
    Published("resolution", Resolution, "Answer of discover_kaizen_scheduled_repos"),
    Published("checked-definitions", CheckedDefinitions, "Answer of schedule definitions --check"),
    Published("temporal-schedule", TemporalSchedule, "A definition for a Temporal Schedule"),
    Published("task", Task, "A task, as the orchestrator stores it"),
    Published(PREPARED_SCHEMA, PreparedEvent, "CloudEvent kaizen.schedule.prepared"),
    Published(f"{PREPARED_SCHEMA}-data", PreparedData, "Data of kaizen.schedule.prepared"),
    Published(PILOT_SCHEMA, PilotEvent, "CloudEvent kaizen.pilot.completed"),
    Published(f"{PILOT_SCHEMA}-data", PilotCompletedData, "Data of kaizen.pilot.completed"),
    Published("pilot-step", PilotStep, "A line of the pilot's record"),
    Published("vector", Vector, "A conformance vector"),
)
"""Every schema, what people write first. `schedule list` is the library's own and comes with it."""


def name_of_model(model: type[Any]) -> str:
    """The model's full name, as a page tells it."""
    return f"{model.__module__}.{model.__qualname__}"


def _models(model: Any, seen: set[Any]) -> set[Any]:
    """A dataclass and all that it is made of."""
    if dataclasses.is_dataclass(model) and model not in seen:
        seen.add(model)
        for hint in typing.get_type_hints(model).values():
            _models(hint, seen)
    for argument in typing.get_args(model):
        _models(argument, seen)
    return seen


def schema_of(model: type[Any], *, written_by_people: bool) -> Schema:
    """The schema of a model, without head and addresses.

    Args:
        model: A dataclass.
        written_by_people: Whether it is closed, and defaults may be left out.
    """
    from pydantic import TypeAdapter

    config = {
        "use_attribute_docstrings": True,
        "json_schema_serialization_defaults_required": not written_by_people,
    }
    for part in _models(model, set()):
        part.__pydantic_config__ = config
    mode: Any = "validation" if written_by_people else "serialization"
    schema: Schema = TypeAdapter(model).json_schema(mode=mode)
    for part in (schema, *schema.get("$defs", {}).values()):
        # Pydantic takes the whole docstring; its example is for readers of Python.
        part["description"] = part["description"].partition("\n\nExample:\n")[0]
    if written_by_people:
        for part in (schema, *schema.get("$defs", {}).values()):
            if part.get("type") == "object":
                part["additionalProperties"] = False
    schema.pop("title", None)
    return schema


# --- What a type alone does not say ----------------------------------------------------------


def _mend_manifest(schema: Schema) -> None:
    agents = schema["properties"]["agents"]
    entry = agents.pop("additionalProperties")
    agents["patternProperties"] = {f"^{NAME.pattern}$": entry}
    agents["additionalProperties"] = False
    # A null in the file is a wrong type; leaving the key out is what the model's None means.
    cron = schema["$defs"]["Entry"]["properties"]["cron"]
    cron["type"] = "string"
    cron.pop("anyOf")
    cron.pop("default")


def _mend_roster(schema: Schema) -> None:
    # Left out, the repositories of a hub are meant; a null in the file is a wrong type.
    repos = schema["properties"]["repos"]
    repos |= next(option for option in repos.pop("anyOf") if option["type"] == "array")
    repos.pop("default")
    paths = schema["$defs"]["RosterItem"]["properties"]["host_paths"]
    paths["additionalProperties"] |= {"pattern": "^/", "maxLength": PATH_LIMIT}


def _mend_definition(schema: Schema) -> None:
    schema["properties"].pop("text")  # it stands behind the front matter
    for key in ("catchup_window", "stagger_window", "expires_after", "run_timeout"):
        schema["$defs"]["Policy"]["properties"][key]["format"] = "duration"


# What a CloudEvent's attributes have to keep and a type alone does not say.
_ATTRIBUTES: dict[str, Schema] = {
    "id": {"format": "uuid"},
    "source": {"format": "uri"},
    "subject": {"minLength": 1},
    "dataschema": {"format": "uri"},
    "runkey": {"pattern": r"^[^:]+:[^:]+:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    "partitionkey": {"minLength": 1},
}


def _mend_event(schema: Schema) -> None:
    for key, more in _ATTRIBUTES.items():
        if key in schema["properties"]:
            schema["properties"][key] |= more


_MEND = {
    "manifest": _mend_manifest,
    "roster-file": _mend_roster,
    "definition": _mend_definition,
    PREPARED_SCHEMA: _mend_event,
    PILOT_SCHEMA: _mend_event,
}


# --- Addresses -------------------------------------------------------------------------------


def parts_of(schema: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    """The parts of a schema that have fields: the whole, named ``""``, then the others."""
    yield "", dict(schema)
    for name, part in schema.get("$defs", {}).items():
        if part.get("type") == "object":
            yield name, part


def anchor_of(part: str, field: str = "") -> str:
    """Where a field, or a whole part, is explained on the page of its schema.

    Example:
        >>> anchor_of("Entry", "cadence"), anchor_of("", "version"), anchor_of("Entry")
        ('entry-cadence', 'version', 'entry')
    """
    return "-".join(filter(None, (part.lower(), field)))


def _point(name: str, schema: Schema, *, written: bool) -> None:
    """Let each description end with where its field is explained.

    Editors escape a plain description, and break the address in it: what people write has one in
    markdown, too.
    """
    for part, held in parts_of(schema):
        for field, said in held["properties"].items():
            address = f"{SITE}contracts/fields/{name}/#{anchor_of(part, field)}"
            text = said.get("description", "")
            if written:
                said["markdownDescription"] = f"{text} [Explained here]({address})".strip()
            said["description"] = "\n\n".join(filter(None, (text, address)))


def build_schemas(more: Sequence[Published] = ()) -> dict[str, dict[str, Json]]:
    """All schemas by name.

    Args:
        more: Models that stand later in the house than this module.

    Example:
        >>> build_schemas()["manifest"]["title"]
        'Kaizen schedule manifest (.kaizen/schedule.yml)'
    """
    found: dict[str, dict[str, Json]] = {}
    for name, model, title, written in (*PUBLISHED, *more):
        schema = schema_of(model, written_by_people=written)
        if mend := _MEND.get(name):
            mend(schema)
        _point(name, schema, written=written)
        address = f"{SITE}contracts/{name}.schema.json"
        found[name] = {"$schema": _DIALECT, "$id": address, "title": title, **schema}
    return found
