"""The AsyncAPI document of the two events.

A schema's parts are put among the document's own components, because readers of AsyncAPI resolve a
reference against the document they hold, some without ever opening another file.

Source:
    AsyncAPI 3.0.0: "Channel Object", "Operation Object", "Message Object", "Schema Object" (JSON
    Schema draft 07, in which nothing beside a reference counts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaizen_schedule import __version__
from kaizen_schedule.orienting.events import PILOT_SCHEMA, PREPARED_SCHEMA
from kaizen_schedule.reading.codec import Json
from kaizen_schedule.reading.diagnostics import SITE

EVENT_MEDIA_TYPE = "application/cloudevents+json"
"""An event as structured JSON."""

_DESCRIPTION = """\
Two CloudEvents 1.0, as structured JSON, each smaller than 64 KiB. They hold digests, sizes and
counts, never the content of a bundle.

The transport is the orchestrator's choice. kaizen_schedule sends nothing by itself: it writes the
first event to a file, and posts the second one over HTTP only where it is told to. So no server is
named here, and the addresses of the channels are not known.

The operations are those of the sender. A receiver's own document refers to the channels and states
`receive`. Receivers ignore attributes and keys that they do not know, and take two events of the
same `source` and `id` for one."""

_PREPARED = """\
Sent by whoever works a task: `kaizen-agentic schedule prepare AGENT --run KEY --definition ID
--expires-at UTC --event FILE` writes the event beside the bundle, and the worker hands it on.
Received by the orchestrator, which learns that the run was taken up, and with which bundle."""

_PILOT = """\
Sent by an operator: `kaizen-agentic schedule pilot --progress URL` posts the event to that
address, with the token in `STATE_HUB_TOKEN` where there is one. Received by the State Hub, which
shows how far the fleet is."""

_TAGS: dict[str, str] = {
    "run": "What happens to one run.",
    "pilot": "What a smoke run over a fleet came to.",
}


def build_asyncapi(
    schemas: Mapping[str, Mapping[str, Any]], events: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    """The AsyncAPI 3.0.0 document of the two events.

    Args:
        schemas: The published schemas by name; those of the two events are used.
        events: An example of each event, by the name of its schema, as ``prepared_event`` and
            ``pilot_event`` make them.

    Returns:
        The document as plain data; every reference in it stays within it.

    Raises:
        KeyError: A schema or an example is missing.
    """
    prepared = _message(
        schemas[PREPARED_SCHEMA],
        name=PREPARED_SCHEMA,
        summary="A run's bundle was prepared.",
        key=("runkey", "The run's idempotency key: every event of one run has the same."),
        example=("prepared", "A run of one agent, prepared.", events[PREPARED_SCHEMA]),
        tag="run",
    )
    completed = _message(
        schemas[PILOT_SCHEMA],
        name=PILOT_SCHEMA,
        summary="A pilot was completed.",
        key=("data/record_sha256", "The pilot's record; the event's id is made of it."),
        example=("completed", "A pilot on one host.", events[PILOT_SCHEMA]),
        tag="pilot",
    )
    return {
        "asyncapi": "3.0.0",
        "id": "urn:kaizen:schedule",
        "info": {
            "title": "Events of kaizen_schedule",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
            "externalDocs": {
                "description": "What stands in each field",
                "url": f"{SITE}contracts/",
            },
        },
        "defaultContentType": EVENT_MEDIA_TYPE,
        "channels": {
            "schedulePrepared": _channel(
                "schedulePrepared",
                title="Prepared runs",
                description="Which bundle was made for which run. A repository's events keep "
                "their order where the transport partitions by `partitionkey`; after "
                "`expirytime` an event is of no more use.",
            ),
            "pilotCompleted": _channel(
                "pilotCompleted",
                title="Completed pilots",
                description="How smoke runs over a fleet ended. The address is the one that "
                "`--progress` names.",
            ),
        },
        "operations": {
            "sendSchedulePrepared": {
                **_sending("schedulePrepared", tag="run"),
                "title": "Tell that a run was prepared",
                "summary": "From who works the task to the orchestrator.",
                "description": _PREPARED,
            },
            "sendPilotCompleted": {
                **_sending("pilotCompleted", tag="pilot"),
                "title": "Tell how a pilot ended",
                "summary": "From the operator to the State Hub.",
                "description": _PILOT,
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
        },
        "components": {
            "messages": {"schedulePrepared": prepared, "pilotCompleted": completed},
            "schemas": embed_schemas(schemas, PREPARED_SCHEMA, PILOT_SCHEMA),
        },
    }


def _channel(name: str, *, title: str, description: str) -> dict[str, Json]:
    return {
        "address": None,
        "title": title,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _sending(name: str, *, tag: str) -> dict[str, Json]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "tags": [{"name": tag}],
    }


def _message(
    schema: Mapping[str, Any],
    *,
    name: str,
    summary: str,
    key: tuple[str, str],
    example: tuple[str, str, Mapping[str, Any]],
    tag: str,
) -> dict[str, Json]:
    where, meaning = key
    called, told, payload = example
    return {
        "name": name.replace("-", "."),
        "title": schema["title"],
        "summary": summary,
        "contentType": EVENT_MEDIA_TYPE,
        "correlationId": {"location": f"$message.payload#/{where}", "description": meaning},
        "payload": {"$ref": f"#/components/schemas/{component_name(name)}"},
        "examples": [{"name": called, "summary": told, "payload": dict(payload)}],
        "tags": [{"name": tag}],
        "externalDocs": {
            "description": "The same schema as a file of its own",
            "url": schema["$id"],
        },
    }


# --- Schemas as components -------------------------------------------------------------------


def component_name(name: str) -> str:
    """The name that a published schema has among a document's components.

    Example:
        >>> component_name("kaizen-schedule-prepared")
        'KaizenSchedulePrepared'
    """
    return "".join(word.capitalize() for word in name.split("-"))


def embed_schemas(schemas: Mapping[str, Mapping[str, Any]], *names: str) -> dict[str, Json]:
    """Schemas and all their parts as a document's ``components/schemas``.

    Args:
        schemas: The published schemas by name.
        names: The ones to take.

    Returns:
        The components by name; they say the same and refer to nothing outside.

    Raises:
        ValueError: Two of the schemas have parts of one name that say different things.

    Example:
        >>> part = {"type": "string"}
        >>> whole = {"properties": {"a": {"$ref": "#/$defs/A", "title": "An A"}}}
        >>> found = embed_schemas({"my-b": {**whole, "$defs": {"A": part}}}, "my-b")
        >>> list(found), found["MyB"]["properties"]["a"]["allOf"]
        (['MyB', 'A'], [{'$ref': '#/components/schemas/A'}])
    """
    found: dict[str, Json] = {}
    for name in names:
        schema = dict(schemas[name])
        parts = schema.pop("$defs", {})
        for head in ("$schema", "$id"):
            schema.pop(head, None)
        for key, part in {component_name(name): schema, **parts}.items():
            moved = _moved(part)
            if found.setdefault(key, moved) != moved:
                raise ValueError(f"two schemas have a part {key}, and say different things of it")
    return found


def _moved(part: Any) -> Any:
    """A part of a schema whose references lead into the components."""
    if isinstance(part, list):
        return [_moved(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    moved = {key: _moved(value) for key, value in part.items() if key != "$ref"}
    target = part.get("$ref")
    if not isinstance(target, str):
        return moved if target is None else {**moved, "$ref": _moved(target)}
    reference = {"$ref": target.replace("#/$defs/", "#/components/schemas/", 1)}
    # Beside a reference nothing counts: a description would be lost.
    return {"allOf": [reference], **moved} if moved else reference
