"""The OpenAPI document of what this program asks of the State Hub.

It is a proposal to the hub's team. What the program does today, and what it would take besides, are
told apart by ``x-status``; a test holds the document against the client.

Source:
    OpenAPI 3.1.0. RFC 6750: bearer tokens, 2.1. CloudEvents 1.0.2, HTTP binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaizen_schedule import __version__
from kaizen_schedule.orienting.events import EVENT_LIMIT, PILOT_SCHEMA
from kaizen_schedule.planning.roster_file import example, items_of, load_roster_file
from kaizen_schedule.reading.codec import Json
from kaizen_schedule.reading.diagnostics import SITE
from kaizen_schedule.reading.document import parse_document

from .asyncapi import EVENT_MEDIA_TYPE, component_name, embed_schemas
from .hub_schemas import (
    change_schema,
    failures,
    name_schema,
    page_schema,
    problem_responses,
    problem_schema,
    repo_schema,
)

CLIENT: dict[str, Any] = {
    "sends": {
        "GET": {"Accept": "application/json"},
        "POST": {"Content-Type": EVENT_MEDIA_TYPE},
        "always": {"Accept-Encoding": "identity", "User-Agent": "kaizen-schedule"},
    },
    "retried": [429, 500, 502, 503, 504],
    "attempts": 4,
    "timeout_s": 10,
    "deadline_s": 60,
    "back_off_s": 0.5,
    "retry_after_cap_s": 30,
    "response_bytes": 64 * 2**20,
    "pages": 10_000,
}
"""What a hub can count on from this program's client, ``edges/hub``; a test compares."""

RELIED_ON, PROPOSED = "relied-on", "proposed"

_JSON, _MERGE = "application/json", "application/merge-patch+json"

_DESCRIPTION = f"""\
What kaizen_schedule asks of the State Hub, as proposed to the hub's team. `x-status: {RELIED_ON}`
marks what this version of the program does ask for; `x-status: {PROPOSED}`, what it does not use.

How the client behaves, which `x-client` tells to programs:

- It makes a request up to {CLIENT["attempts"]} times where no answer came, or one of
  {", ".join(map(str, CLIENT["retried"]))}. It waits {CLIENT["back_off_s"]} s before the second
  attempt, and twice as long before each further one. Everything else ends the call at once.
- A call with all its pages and waits lasts {CLIENT["deadline_s"]} s at most, each wait for the next
  bytes {CLIENT["timeout_s"]} s.
- It reads {CLIENT["response_bytes"]:,} bytes and {CLIENT["pages"]:,} pages at most.
- It asks for no compression, follows no redirect, and uses no proxy of its environment.
- Of a failure it reads the status and `Retry-After`, nothing else: a problem's text is for people.
"""

_LIST = """\
Answers with every registered repository, either as one array, or in pages that are ordered by
`slug`, by code point.

The program asks for all of it and never filters: a repository that the hub leaves out is one about
which nobody learns why nothing runs. Nothing is used unless all of it is there: a page that fails,
a slug on two pages, pages out of order, a cursor that comes twice, a `total` that changes or is not
the number of items fail the whole. An item that is faulty excludes itself alone. Where the
roster may change between two pages, a reader who has begun goes on seeing it as it was; one whose
list is not kept any more is answered with 400, and begins again another time."""

_PATCH = """\
Switches a repository on or off for scheduled runs, or says where its checkouts stand. A merge
patch: what is left out stays, and null takes away: the hub's word, or the path on one host.

The program writes to no hub; this is for whoever keeps the roster."""

_EVENT = f"""\
Takes the CloudEvent that tells how a pilot ended. `kaizen-agentic schedule pilot --progress URL`
posts it to exactly the address that it is given; the path here is a proposal.

A success of any kind counts as taken, and the answer's body is not read. An event may come twice,
since one whose answer is lost is sent again: two of the same `source` and `id` are one. It is
smaller than {EVENT_LIMIT // 1024} KiB."""


def build_openapi(
    schemas: Mapping[str, Mapping[str, Any]], events: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    """The OpenAPI 3.1 document of the State Hub's endpoints.

    Args:
        schemas: The published schemas by name; that of the pilot's event is used.
        events: An example of the pilot's event, by the name of its schema, as ``pilot_event``
            makes it.

    Returns:
        The document as plain data; every reference in it stays within it.

    Raises:
        KeyError: The schema or the example is missing.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "State Hub: roster and progress, as proposed",
            "summary": "What kaizen_schedule asks of the hub.",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "externalDocs": {
            "description": "The fields of the roster, in words",
            "url": f"{SITE}integrations/state-hub-roster-fields/",
        },
        "servers": [
            {
                "url": "https://hub.example/state",
                "description": "The hub's base address, an example: the operator names the real "
                "one with `--hub` or `STATE_HUB_URL`. Its path may be empty.",
            }
        ],
        "tags": [
            {"name": "roster", "description": "Which repositories are registered, and where."},
            {"name": "progress", "description": "What an operator tells the hub."},
        ],
        "security": [{"hubToken": []}, {}],
        "x-client": CLIENT,
        "paths": {
            "/repos/": {"get": _list_repos()},
            "/repos/{slug}": {"patch": _changerepo_schema()},
            "/events/": {"post": _post_event(events[PILOT_SCHEMA])},
        },
        "components": {
            "schemas": {
                "Repo": repo_schema(),
                "RepoPage": page_schema(),
                "RepoChange": change_schema(),
                "Problem": problem_schema(),
                **embed_schemas(schemas, PILOT_SCHEMA),
            },
            "responses": problem_responses(CLIENT["retried"]),
            "headers": {
                "RetryAfter": {
                    "description": "How long to wait, in seconds, or until when, as an HTTP date "
                    "beside a `Date`. The client waits so long, but "
                    f"{CLIENT['retry_after_cap_s']} s at most, and not past its own limit; "
                    "anything else counts as left out.",
                    "schema": {"type": "string", "pattern": "^([0-9]+|[A-Z][a-z]+, .+ GMT)$"},
                    "example": "7",
                },
                "WwwAuthenticate": {
                    "description": "That a bearer token is wanted.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^Bearer"},
                    "example": 'Bearer realm="state-hub"',
                },
            },
            "securitySchemes": {
                "hubToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in `STATE_HUB_TOKEN`, where there is one. It is sent "
                    "over https only, or to the machine itself.",
                }
            },
        },
    }


# --- Operations ------------------------------------------------------------------------------


def _list_repos() -> dict[str, Json]:
    return {
        "operationId": "listRepos",
        "tags": ["roster"],
        "summary": "Every registered repository",
        "description": _LIST,
        "x-status": RELIED_ON,
        "parameters": [
            _query(
                "cursor",
                {"type": "string", "minLength": 1},
                "Where to go on: the `next_cursor` of the page before, as it came. Left out, the "
                "answer begins at the beginning. It holds the filters that the first page was "
                "asked with; others beside it count for nothing.",
                value="bGVkZ2Vy",
                status=RELIED_ON,
            ),
            _query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": 1000},
                "The most items of a page; with it the answer is one, never an array. Left out, "
                "the hub chooses.",
                value=200,
            ),
            _query(
                "kaizen_schedule_enabled",
                {"type": "boolean"},
                "`false`: only those that the hub has switched off. `true`: all others, since null "
                "leaves it to the manifest.",
                value=False,
            ),
            _query(
                "host",
                name_schema(),
                "Only those that have a path on this host.",
                value="forge-1",
            ),
        ],
        "responses": {
            "200": {
                "description": "All of it, or a page. No other status counts as an answer.",
                "content": {
                    _JSON: {
                        "schema": {
                            "oneOf": [
                                {"type": "array", "items": {"$ref": "#/components/schemas/Repo"}},
                                {"$ref": "#/components/schemas/RepoPage"},
                            ]
                        },
                        "examples": _answers(),
                    }
                },
                "links": {
                    "nextPage": {
                        "description": "Of a page with a `next_cursor`: the page after it.",
                        "operationId": "listRepos",
                        "parameters": {"cursor": "$response.body#/next_cursor"},
                    }
                },
            },
            **failures("400", "401", "403", "404", "429", "500", "502", "503", "504"),
        },
    }


def _changerepo_schema() -> dict[str, Json]:
    repos = {item["slug"]: item for item in example_repos()}
    slug, host = "kaizen-agentic", "forge-2"
    before = repos[slug]
    paths = {name: path for name, path in before["host_paths"].items() if name != host}
    return {
        "operationId": "changeRepo",
        "tags": ["roster"],
        "summary": "Switch a repository on or off, or say where it stands",
        "description": _PATCH,
        "x-status": PROPOSED,
        "security": [{"hubToken": []}],
        "parameters": [
            {
                "name": "slug",
                "in": "path",
                "required": True,
                "description": "The repository's name, percent-encoded.",
                "schema": name_schema(),
                "example": slug,
            }
        ],
        "requestBody": {
            "required": True,
            "description": "What changes.",
            "content": {
                _MERGE: {
                    "schema": {"$ref": "#/components/schemas/RepoChange"},
                    "examples": {
                        "switch-off": {
                            "summary": "No scheduled runs, whatever the manifest says.",
                            "value": {"kaizen_schedule_enabled": False},
                        },
                        "leave-it-to-the-manifest": {
                            "summary": "The hub says nothing of it.",
                            "value": {"kaizen_schedule_enabled": None},
                        },
                        "leave-a-host": {
                            "summary": "The checkout on one host is gone.",
                            "value": {"host_paths": {host: None}},
                        },
                    },
                }
            },
        },
        "responses": {
            "200": {
                "description": "The repository as it is now.",
                "content": {
                    _JSON: {
                        "schema": {"$ref": "#/components/schemas/Repo"},
                        "examples": {
                            "switched-off": {
                                "summary": "After `switch-off`.",
                                "value": {**before, "kaizen_schedule_enabled": False},
                            },
                            "left-a-host": {
                                "summary": "After `leave-a-host`.",
                                "value": {**before, "host_paths": paths},
                            },
                        },
                    }
                },
            },
            **failures("400", "401", "403", "404", "413", "415", "429", "500", "502", "503", "504"),
        },
    }


def _post_event(event: Mapping[str, Any]) -> dict[str, Json]:
    return {
        "operationId": "postEvent",
        "tags": ["progress"],
        "summary": "Tell how a pilot ended",
        "description": _EVENT,
        "x-status": RELIED_ON,
        "requestBody": {
            "required": True,
            "description": "The event, in the structured mode of CloudEvents.",
            "content": {
                EVENT_MEDIA_TYPE: {
                    "schema": {"$ref": f"#/components/schemas/{component_name(PILOT_SCHEMA)}"},
                    "examples": {
                        "completed": {"summary": "A pilot on one host.", "value": dict(event)}
                    },
                }
            },
        },
        "responses": {
            "202": {"description": "Taken. Every other status from 200 to 299 says the same."},
            **failures("400", "401", "403", "404", "413", "415", "429", "500", "502", "503", "504"),
        },
    }


def _query(
    name: str, schema: dict[str, Json], description: str, *, value: Json, status: str = PROPOSED
) -> dict[str, Json]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "x-status": status,
        "schema": schema,
        "example": value,
    }


# --- Repositories ----------------------------------------------------------------------------


def example_repos() -> tuple[dict[str, Any], ...]:
    """The repositories of the example roster, as a hub would list them.

    Example:
        >>> [item["slug"] for item in example_repos()]
        ['field-notes', 'kaizen-agentic', 'the-custodian']
    """
    file, _ = load_roster_file(parse_document(example().encode(), path="roster.yml"))
    assert file is not None
    return tuple(sorted(items_of(file), key=lambda item: item["slug"]))


def _answers() -> dict[str, Json]:
    """The same roster in both forms that an answer can have."""
    repos: list[Json] = list(example_repos())
    return {
        "array": {"summary": "All of it at once.", "value": repos},
        "first-page": {
            "summary": "The first of two pages.",
            "value": {"items": repos[:2], "next_cursor": "bGVkZ2Vy", "total": len(repos)},
        },
        "last-page": {
            "summary": "The last page: nothing follows.",
            "value": {"items": repos[2:], "next_cursor": None, "total": len(repos)},
        },
    }
