"""The AsyncAPI document, held against what the AsyncAPI Initiative publishes."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

import kaizen_schedule
from kaizen_schedule.publishing.asyncapi import build_asyncapi, component_name, embed_schemas
from kaizen_schedule.publishing.yaml_text import render_yaml
from kaizen_schedule.reading.diagnostics import SITE
from tests.npm import node, npm_package

from .published import GONE, Spoilt, dangling, events, resolve, schemas, spoil, validator

SPECS = (
    "@asyncapi/specs",
    "6.11.1",
    "sha512-A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ==",
)
PARSER = (
    "@asyncapi/parser",
    "3.6.6",
    "sha512-DppE3OStajt6gHc+RsVf9VxRwW9WACagHnFvkOML5rZGwS9hXxtFYTxnsH3mHPRgHom0rClMs6DpbjNY65Y54A==",
)
DOCUMENT: Any = build_asyncapi(schemas(), events())
MESSAGES: Any = DOCUMENT["components"]["messages"]
OPERATION = "operations/sendSchedulePrepared"
CHANNEL = "channels/schedulePrepared"
MESSAGE = "components/messages/schedulePrepared"
SCHEMA = "components/schemas/KaizenSchedulePrepared"

# Refused by the published schema.
MALFORMED = [
    Spoilt("another version", "asyncapi", "2.6.0"),
    Spoilt("no version", "asyncapi", GONE),
    Spoilt("an unknown key at the top", "endpoints", {}),
    Spoilt("no title", "info/title", GONE),
    Spoilt("no version of the document", "info/version", GONE),
    Spoilt("a license without a name", "info/license/name", GONE),
    Spoilt("documents elsewhere, but not where", "info/externalDocs/url", GONE),
    Spoilt("a tag without a name", "info/tags/0/name", GONE),
    Spoilt("a media type that is no text", "defaultContentType", 7),
    Spoilt("an address that is no text", f"{CHANNEL}/address", 7),
    Spoilt("an unknown key of a channel", f"{CHANNEL}/adress", "x"),
    Spoilt("messages of a channel in a list", f"{CHANNEL}/messages", []),
    Spoilt("an unknown action", f"{OPERATION}/action", "publish"),
    Spoilt("no action", f"{OPERATION}/action", GONE),
    Spoilt("no channel", f"{OPERATION}/channel", GONE),
    Spoilt("a channel in the operation", f"{OPERATION}/channel", {"address": None}),
    Spoilt("a message in the operation", f"{OPERATION}/messages", [{"name": "x"}]),
    Spoilt(
        "a method that HTTP has not", "operations/sendPilotCompleted/bindings/http/method", "PUSH"
    ),
    Spoilt("a correlation outside", f"{MESSAGE}/correlationId/location", "$payload#/runkey"),
    Spoilt("an example of nothing", f"{MESSAGE}/examples/0/payload", GONE),
    Spoilt("an unknown key of an example", f"{MESSAGE}/examples/0/value", {}),
    Spoilt("an unknown key of a message", f"{MESSAGE}/schema", {}),
    Spoilt("an unknown type", f"{SCHEMA}/type", "struct"),
    Spoilt("what is required in a mapping", f"{SCHEMA}/required", {"id": True}),
    Spoilt("properties in a list", f"{SCHEMA}/properties", ["id"]),
]
# Well-formed, but it leads nowhere.
DANGLING = [
    Spoilt("no such channel", f"{OPERATION}/channel/$ref", "#/channels/prepared"),
    Spoilt(
        "no such message of the channel",
        f"{OPERATION}/messages/0/$ref",
        f"#/{CHANNEL}/messages/other",
    ),
    Spoilt(
        "no such message",
        f"{CHANNEL}/messages/schedulePrepared/$ref",
        "#/components/messages/other",
    ),
    Spoilt("no such schema", f"{MESSAGE}/payload/$ref", "#/components/schemas/Other"),
    Spoilt("no such part", f"{SCHEMA}/properties/data/allOf/0/$ref", "#/$defs/PreparedData"),
    Spoilt("a schema that is gone", "components/schemas/Trust", GONE),
]
# Well-formed, but it does not say what is so.
WRONG = [
    Spoilt("a message of another channel", f"{OPERATION}/messages/0/$ref", f"#/{MESSAGE}"),
    Spoilt("an example that lacks a field", f"{MESSAGE}/examples/0/payload/runkey", GONE),
    Spoilt("an example of another type", f"{MESSAGE}/examples/0/payload/type", "other"),
    Spoilt("an example of another shape", f"{MESSAGE}/examples/0/payload/data/sections", {}),
]
# The parser takes a second or more for each; it holds no example against its schema.
PARSED = [
    spoilt
    for spoilt in (*MALFORMED, *DANGLING, *WRONG)
    if spoilt.name
    in ("an unknown action", "no such channel", "no such schema", "a message of another channel")
]


@cache
def published_schema() -> Draft7Validator:
    path = npm_package(*SPECS) / "schemas" / "3.0.0-without-$id.json"
    return Draft7Validator(json.loads(path.read_text()))


def wrong(document: dict[str, Any]) -> list[str]:
    """What is well-formed and yet not so."""
    found = []
    for name, operation in document["operations"].items():
        inside = operation["channel"]["$ref"] + "/messages/"
        found += [
            f"{name} has {message['$ref']}"
            for message in operation["messages"]
            if not message["$ref"].startswith(inside)
        ]
    for name, message in document["components"]["messages"].items():
        where = "#" + message["correlationId"]["location"].partition("#")[2]
        for example in message["examples"]:
            payload = example["payload"]
            holds = validator(document, message["payload"]["$ref"])
            found += [f"{name}: {error.message}" for error in holds.iter_errors(payload)]
            if resolve(payload, where) is GONE:
                found.append(f"{name} has no {where}")
    return found


def name_of(spoilt: Spoilt) -> str:
    return spoilt.name


# --- The document ----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_published_schema_takes_it() -> None:
    assert [error.message for error in published_schema().iter_errors(DOCUMENT)] == []


def test_every_reference_stays_inside_and_leads_somewhere() -> None:
    assert dangling(DOCUMENT) == []


def test_what_it_says_is_so() -> None:
    assert wrong(DOCUMENT) == []


def test_it_is_read_back_as_it_was_made() -> None:
    assert yaml.safe_load(render_yaml(DOCUMENT)) == DOCUMENT


def test_the_examples_are_what_the_program_makes() -> None:
    shown = [message["examples"][0]["payload"] for message in MESSAGES.values()]
    assert shown == list(events().values())
    assert [event["type"] for event in shown] == [message["name"] for message in MESSAGES.values()]


def test_its_version_is_the_program_s() -> None:
    assert DOCUMENT["info"]["version"] == kaizen_schedule.__version__


def test_everything_is_described() -> None:
    document: Any = DOCUMENT
    things = [document["info"], *document["channels"].values(), *document["operations"].values()]
    assert all(thing["title"] and thing["description"] for thing in things)
    for message in MESSAGES.values():
        assert message["summary"]
        assert message["correlationId"]["description"]
        assert message["externalDocs"]["url"].startswith(f"{SITE}contracts/")
    tags = {tag["name"] for tag in document["info"]["tags"]}
    used = [*document["operations"].values(), *MESSAGES.values()]
    assert {tag["name"] for thing in used for tag in thing["tags"]} == tags
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name


@pytest.mark.parametrize("name", events())
def test_the_embedded_schema_says_what_the_published_one_says(name: str) -> None:
    embedded = validator(DOCUMENT, f"#/components/schemas/{component_name(name)}")
    published = Draft202012Validator(
        schemas()[name], format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    event = events()[name]
    assert published.is_valid(event)
    assert embedded.is_valid(event)
    for at, value in _places(event):
        for other in (GONE, 7, "x", {}):
            if other != value:
                spoilt = spoil(event, Spoilt("", at, other))
                assert published.is_valid(spoilt) is embedded.is_valid(spoilt), (at, other)


def _places(part: Any, at: str = "") -> list[tuple[str, Any]]:
    """Every place in plain data, with what stands there."""
    keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    found = []
    for key in keys:
        path = f"{at}/{key}" if at else str(key)
        found += [(path, part[key]), *_places(part[key], path)]
    return found


# --- Spoilt ones -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", MALFORMED, ids=name_of)
def test_the_published_schema_refuses(spoilt: Spoilt) -> None:
    assert not published_schema().is_valid(spoil(DOCUMENT, spoilt))


@pytest.mark.parametrize("spoilt", DANGLING, ids=name_of)
def test_a_reference_that_leads_nowhere_is_found(spoilt: Spoilt) -> None:
    assert dangling(spoil(DOCUMENT, spoilt))


@pytest.mark.parametrize("spoilt", WRONG, ids=name_of)
def test_what_is_not_so_is_found(spoilt: Spoilt) -> None:
    assert wrong(spoil(DOCUMENT, spoilt))


SCRIPT = """
globalThis.self = globalThis;
const Parser = require(process.argv[1]);
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const parser = new Parser();
  const found = [];
  for (const text of texts) {
    const { diagnostics } = await parser.parse(text);
    const worst = diagnostics.filter((each) => each.severity < 2);
    found.push(worst.map((each) => `${each.code} ${each.path.join('/')} ${each.message}`));
  }
  console.log(JSON.stringify(found));
})();
"""


@pytest.mark.slow
def test_the_parser_takes_the_document_and_refuses_the_spoilt_ones() -> None:
    bundle = npm_package(*PARSER) / "browser" / "index.js"
    texts = [render_yaml(each) for each in (DOCUMENT, *(spoil(DOCUMENT, s) for s in PARSED))]
    sound, *spoilt = json.loads(node("-e", SCRIPT, bundle, stdin=json.dumps(texts)))
    assert sound == []
    assert [each.name for each, found in zip(PARSED, spoilt, strict=True) if not found] == []


# --- Schemas as components -------------------------------------------------------------------


def test_parts_of_one_name_say_one_thing() -> None:
    one: dict[str, Any] = {"type": "object", "$defs": {"A": {"type": "string"}}}
    other = deepcopy(one)
    assert list(embed_schemas({"one": one, "other": other}, "one", "other")) == [
        "One",
        "A",
        "Other",
    ]
    other["$defs"]["A"]["type"] = "integer"
    with pytest.raises(ValueError, match="two schemas have a part A"):
        embed_schemas({"one": one, "other": other}, "one", "other")


def test_the_schemas_that_are_given_stay_as_they_are() -> None:
    before = deepcopy(schemas())
    build_asyncapi(schemas(), events())
    assert schemas() == before


def test_a_property_may_be_called_like_a_reference() -> None:
    held = {"properties": {"$ref": {"type": "string"}}}
    assert embed_schemas({"a": held}, "a")["A"] == held
