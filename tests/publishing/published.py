"""Ways to look at a published document, and to spoil one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from kaizen_schedule import __version__, parse_instant
from kaizen_schedule.edges import packaged
from kaizen_schedule.orienting.admission import Request, Surroundings
from kaizen_schedule.orienting.events import (
    PILOT_SCHEMA,
    PREPARED_SCHEMA,
    PilotCompletedData,
    PilotCounts,
    pilot_event,
    prepared_event,
)
from kaizen_schedule.orienting.orientation import build_bundle
from kaizen_schedule.publishing.schemas import build_schemas
from kaizen_schedule.reading.tree import MemoryTree
from tests.support import manifest

NOW = "2026-11-30T09:00:07Z"
GONE = object()
"""What a spoilt document has there: nothing."""


class Spoilt(NamedTuple):
    """One way to spoil a document."""

    name: str
    at: str
    """Where, as a path of keys with ``/`` between; ``~1`` is a ``/`` in a key."""
    value: Any
    """What stands there instead; ``GONE`` for nothing."""


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """The published schemas, as they are made."""
    return build_schemas()


@cache
def events() -> dict[str, dict[str, Any]]:
    """One event of each kind, by the name of its schema, made as the program makes it."""
    tree = MemoryTree(
        {
            ".git/HEAD": b"ref: refs/heads/main\n",
            ".kaizen/schedule.yml": manifest("coach: {cadence: weekly}").encode(),
        }
    )
    request = Request(
        agent="coach",
        target="/srv/ledger",
        repository="ledger",
        now=parse_instant(NOW),
        run="ledger:coach:2026-11-30T08:00:00Z",
        definition="weekly-coach-orientation",
        expires_at=parse_instant("2026-12-04T08:00:00Z"),
        token_budget=16_000,
    )
    surroundings = Surroundings(
        zones=packaged.zones(),
        prompts=packaged.prompts(),
        definitions=packaged.definitions(),
        tool_version=__version__,
    )
    pilot = PilotCompletedData(
        tool_version=__version__,
        ok=True,
        host="forge-1",
        started_at=parse_instant(NOW),
        finished_at=parse_instant("2026-11-30T09:01:00Z"),
        counts=PilotCounts(definitions=3, runs=4, checks=9, failed=0, prepared=2, excluded=11),
        record_sha256="a" * 64,
        roster_digest="b" * 64,
    )
    return {
        PREPARED_SCHEMA: dict(prepared_event(build_bundle(tree, request, surroundings))),
        PILOT_SCHEMA: dict(pilot_event(pilot)),
    }


def spoil(document: dict[str, Any], spoilt: Spoilt) -> dict[str, Any]:
    """A copy of a document that differs in one place."""
    copy: Any = deepcopy(document)
    *path, last = _keys(spoilt.at)
    inner = copy
    for key in path:
        inner = inner[_index(inner, key)]
    key = _index(inner, last)
    if spoilt.value is GONE:
        del inner[key]
    else:
        assert not (isinstance(inner, dict) and inner.get(key, GONE) == spoilt.value)
        inner[key] = spoilt.value
    assert isinstance(copy, dict)
    return copy


def dangling(document: dict[str, Any]) -> list[str]:
    """The references that lead nowhere, or out of the document."""
    return [target for target in references(document) if resolve(document, target) is GONE]


def references(part: Any) -> Iterator[str]:
    """Every reference in a document; what stands in an example is none."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            elif key not in ("example", "examples"):
                yield from references(value)


def resolve(document: Any, pointer: str) -> Any:
    """What a reference within a document leads to; ``GONE`` where that is nothing."""
    if not pointer.startswith("#/"):
        return GONE
    found = document
    for key in _keys(pointer.removeprefix("#/")):
        try:
            found = found[_index(found, key)]
        except (KeyError, IndexError, ValueError, TypeError):
            return GONE
    return found


def validator(document: dict[str, Any], pointer: str) -> Validator:
    """What holds values against a schema that stands in a document."""
    registry: Registry[Any] = Registry().with_resource(
        "urn:document", DRAFT202012.create_resource(document)
    )
    return Draft202012Validator(
        {"$ref": f"urn:document{pointer}"},
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def _keys(path: str) -> Sequence[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")]


def _index(inner: Any, key: str) -> Any:
    return int(key) if isinstance(inner, list) else key
