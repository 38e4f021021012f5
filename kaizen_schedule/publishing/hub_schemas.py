"""The forms of the State Hub's OpenAPI document: repositories, pages, changes, problems.

Source:
    RFC 9457: problem details. RFC 7396: merge patches. RFC 9110: 401 with WWW-Authenticate, 11.6.1;
    Retry-After, 10.2.3.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kaizen_schedule.planning.roster import PATH_LIMIT, SLUG_LIMIT, RosterRepo
from kaizen_schedule.reading.codec import Json

from .schemas import schema_of

_PROBLEM = "application/problem+json"


def repo_schema() -> dict[str, Any]:
    """A repository as a hub lists it: the model's schema, and what its reader asks besides."""
    schema = schema_of(RosterRepo, written_by_people=True)
    schema["additionalProperties"] = True
    schema["description"] += " Fields that are not named here are ignored."
    fields = schema["properties"]
    fields["slug"] |= name_schema()
    fields["slug"]["description"] += f" At most {SLUG_LIMIT} bytes in UTF-8."
    paths = fields["host_paths"]
    paths["propertyNames"] = name_schema()
    paths["additionalProperties"] = _path()
    paths["description"] += (
        " Empty where it has none: then nothing of it runs. At most "
        f"{SLUG_LIMIT} bytes of a host in UTF-8, and {PATH_LIMIT:,} of a path."
    )
    fields["kaizen_schedule_enabled"] |= {"type": ["boolean", "null"]}
    fields["kaizen_schedule_enabled"].pop("anyOf")
    return schema


# What Python strips. `\s` is not that: JSON Schema's expressions are ECMAScript's, where it takes
# in U+FEFF and leaves out U+001C to U+001F and U+0085.
_BLANKS = r"\u0009-\u000D\u001C-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"


def name_schema() -> dict[str, Json]:
    """A slug or the name of a host: some text that is not blank, without a null character."""
    # No keyword says how long a text is in bytes; characters are never more.
    filled = rf"^[^\u0000]*[^\u0000{_BLANKS}][^\u0000]*$"
    return {"type": "string", "maxLength": SLUG_LIMIT, "pattern": filled}


def _path() -> dict[str, Json]:
    return {"type": "string", "pattern": r"^/[^\u0000]*$", "maxLength": PATH_LIMIT}


def page_schema() -> dict[str, Json]:
    """A page of the roster."""
    return {
        "description": "One page of the roster.",
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "description": "Repositories in the order of `slug`; may be none.",
                "type": "array",
                "items": {"$ref": "#/components/schemas/Repo"},
            },
            "next_cursor": {
                "description": "What to ask the next page with; null, empty or left out on the "
                "last one. Opaque to the client, and never the same twice.",
                "type": ["string", "null"],
            },
            "total": {
                "description": "How many repositories all pages hold together, the same on each "
                "page that states it.",
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": 10**9 - 1,
            },
        },
    }


def change_schema() -> dict[str, Json]:
    """What may be changed of a repository."""
    return {
        "description": "A merge patch of a repository.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "kaizen_schedule_enabled": {
                "description": "False excludes it; true and null leave it to the manifest.",
                "type": ["boolean", "null"],
            },
            "host_paths": {
                "description": "Absolute paths by host; null takes a host away, hosts that are "
                "not named stay.",
                "type": "object",
                "propertyNames": name_schema(),
                "additionalProperties": {"anyOf": [_path(), {"type": "null"}]},
            },
        },
    }


# --- Failures --------------------------------------------------------------------------------

_STATUSES: dict[str, tuple[str, str, str]] = {
    "400": (
        "BadRequest",
        "Bad request",
        "The hub cannot make sense of it, or of a cursor.",
    ),
    "401": ("Unauthorized", "Unauthorized", "A token is wanted, and none or no valid one came."),
    "403": ("Forbidden", "Forbidden", "The token may not do this."),
    "404": ("NotFound", "Not found", "There is nothing at this address."),
    "413": ("TooLarge", "Content too large", "What was sent is larger than the hub takes."),
    "415": ("OtherMedia", "Unsupported media type", "What was sent is of another media type."),
    "429": ("TooMany", "Too many requests", "So many requests at once are too many."),
    "500": ("Failed", "Internal server error", "The hub failed."),
    "502": ("BadGateway", "Bad gateway", "What stands before the hub had no answer of it."),
    "503": ("Unavailable", "Service unavailable", "The hub is not there for now."),
    "504": ("TimedOut", "Gateway timeout", "What stands before the hub waited in vain."),
}


def failures(*statuses: str) -> dict[str, Json]:
    """The failures that an operation may answer with, by status."""
    return {
        status: {"$ref": f"#/components/responses/{_STATUSES[status][0]}"} for status in statuses
    }


def problem_responses(retried: Collection[int]) -> dict[str, Json]:
    """Every failure as a response of its own.

    Args:
        retried: The statuses after which the client asks again.
    """
    found: dict[str, Json] = {}
    for status, (name, title, detail) in _STATUSES.items():
        headers: dict[str, Json] = {}
        if status == "401":
            headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WwwAuthenticate"}
        if status in ("429", "503"):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        again = int(status) in retried
        found[name] = {
            "description": f"{detail} The client "
            + ("asks again." if again else "gives up and says so."),
            **({"headers": headers} if headers else {}),
            "content": {
                _PROBLEM: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {
                        name: {
                            "summary": title,
                            "value": {
                                "type": "about:blank",
                                "title": title,
                                "status": int(status),
                                "detail": detail,
                            },
                        }
                    },
                }
            },
        }
    return found


def problem_schema() -> dict[str, Json]:
    """What a failure says."""
    return {
        "description": "What went wrong, for people; RFC 9457.",
        "type": "object",
        "required": ["title", "status"],
        "properties": {
            "type": {
                "description": "The kind of problem; `about:blank` where the status says it all.",
                "type": "string",
                "format": "uri-reference",
                "default": "about:blank",
            },
            "title": {"description": "The kind of problem in words.", "type": "string"},
            "status": {
                "description": "The status of the answer.",
                "type": "integer",
                "minimum": 400,
                "maximum": 599,
            },
            "detail": {"description": "What went wrong this time.", "type": "string"},
            "instance": {
                "description": "Names this very time.",
                "type": "string",
                "format": "uri-reference",
            },
        },
    }
