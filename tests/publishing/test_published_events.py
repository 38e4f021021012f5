"""Which validator finds which fault in an event; together they find every one.

That the events themselves pass is for ``tests/orienting/test_events.py`` to show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft7Validator, Draft202012Validator

from tests.npm import node, npm_package

from .published import GONE, Spoilt, events, schemas, spoil

SDK_JS = (
    "cloudevents",
    "10.0.0",
    "sha512-uyzC+PpMMRawbouHO+3mlisr3QfEDObmo2pN4oTTF6dZncZgpIzdasZx0tRBFI1dMsqCLZZXMtz8cUuvYqHdbw==",
)

SCHEMA, PYTHON, RULES = "our schema", "the Python SDK", "the type system"
SPEC, JAVASCRIPT = "the published schema", "the JavaScript SDK"
FAULTS: list[tuple[Spoilt, set[str]]] = [
    (Spoilt("another version", "specversion", "0.3"), {SCHEMA, JAVASCRIPT}),
    (Spoilt("no version", "specversion", GONE), {SCHEMA, SPEC}),
    (Spoilt("no id", "id", GONE), {SCHEMA, SPEC}),
    (Spoilt("an empty id", "id", ""), {SCHEMA, PYTHON, SPEC}),
    (Spoilt("a number as id", "id", 7), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("no source", "source", GONE), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("an empty source", "source", ""), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("a relative source", "source", "definitions/weekly"), {SCHEMA}),
    (Spoilt("a source with a blank", "source", "urn:kaizen:the pilot"), {SCHEMA, SPEC, JAVASCRIPT}),
    (Spoilt("no type", "type", GONE), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("an empty type", "type", ""), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("another type", "type", "kaizen.schedule.other"), {SCHEMA}),
    (Spoilt("a time without an offset", "time", "2026-11-30T09:00:07"), {SCHEMA, PYTHON, SPEC}),
    (Spoilt("a day", "time", "2026-11-30"), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("a time in words", "time", "yesterday"), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("a number as time", "time", 1_795_000_000), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("an empty subject", "subject", ""), {SCHEMA, PYTHON, SPEC, JAVASCRIPT}),
    (Spoilt("a line break in the subject", "subject", "ledger\n/agents/coach"), {RULES}),
    (Spoilt("no media type", "datacontenttype", "json"), {SCHEMA}),
    (
        Spoilt("a relative address of the schema", "dataschema", "./data.schema.json"),
        {SCHEMA, SPEC, JAVASCRIPT},
    ),
    (Spoilt("no data", "data", GONE), {SCHEMA}),
    (Spoilt("null as data", "data", None), {SCHEMA}),
    (Spoilt("data twice", "data_base64", "e30="), {PYTHON, RULES}),
    (Spoilt("an extension in capitals", "RunKey", "x"), {PYTHON, RULES, JAVASCRIPT}),
    (Spoilt("an extension with a dash", "run-key", "x"), {PYTHON, RULES, JAVASCRIPT}),
    (Spoilt("an extension with an underscore", "run_key", "x"), {PYTHON, RULES, JAVASCRIPT}),
    (Spoilt("an extension with a long name", "a" * 21, "x"), {RULES}),
    (Spoilt("a mapping as extension", "trace", {"id": "x"}), {RULES}),
    (Spoilt("a list as extension", "trace", ["x"]), {RULES}),
    (Spoilt("a fraction as extension", "trace", 1.5), {RULES, JAVASCRIPT}),
    (Spoilt("a large number as extension", "trace", 2**31), {RULES}),
]


def our_schema(event: dict[str, Any], name: str) -> bool:
    return Draft202012Validator(
        schemas()[name], format_checker=Draft202012Validator.FORMAT_CHECKER
    ).is_valid(event)


def python_sdk(event: dict[str, Any]) -> bool:
    try:
        JSONFormat().read(None, json.dumps(event))
    except Exception:
        return False
    return True


def type_system(event: dict[str, Any]) -> bool:
    """Names, and the values that JSON has for the types of attributes: CloudEvents 1.0.2."""
    return all(
        re.fullmatch("[a-z0-9]{1,20}", name)
        and (
            (isinstance(value, str) and not re.search("[\x00-\x1f\x7f-\x9f]", value))
            or isinstance(value, bool)
            or (isinstance(value, int) and -(2**31) <= value < 2**31)
        )
        for name, value in event.items()
        if name != "data"
    )


@cache
def published_schema() -> Draft7Validator:
    """The schema of the specification, which its own JavaScript SDK was compiled from."""
    source = (npm_package(*SDK_JS) / "dist" / "schema" / "v1.js").read_text()
    start = re.search(r'= (?=\{ "\$schema")', source)
    assert start is not None
    found, _ = json.JSONDecoder().raw_decode(source[start.end() :])
    return Draft7Validator(found, format_checker=Draft7Validator.FORMAT_CHECKER)


SCRIPT = """
globalThis.self = globalThis;
const { CloudEvent } = require(process.argv[1]);
const events = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(events.map((event) => {
  try { return new CloudEvent(event).validate(); } catch { return false; }
})));
"""


def told(*oracles: str) -> dict[str, set[str]]:
    """Who finds each fault, by the table."""
    return {spoilt.name: finders & set(oracles) for spoilt, finders in FAULTS}


def test_every_fault_is_found() -> None:
    assert [spoilt.name for spoilt, finders in FAULTS if not finders] == []


@pytest.mark.parametrize("name", events())
def test_what_is_found_here(name: str) -> None:
    event = events()[name]
    oracles: dict[str, Callable[[dict[str, Any]], bool]] = {
        SCHEMA: lambda event: our_schema(event, name),
        PYTHON: python_sdk,
        RULES: type_system,
    }
    assert all(takes(event) for takes in oracles.values())
    found = {
        spoilt.name: {who for who, takes in oracles.items() if not takes(spoil(event, spoilt))}
        for spoilt, _ in FAULTS
    }
    assert found == told(*oracles)


@pytest.mark.slow
@pytest.mark.parametrize("name", events())
def test_what_others_find(name: str) -> None:
    event = events()[name]
    assert published_schema().is_valid(event)
    spoilt = {each.name: spoil(event, each) for each, _ in FAULTS}
    bundle = npm_package(*SDK_JS) / "bundles" / "cloudevents.js"
    text = node("-e", SCRIPT, bundle, stdin=json.dumps([event, *spoilt.values()]))
    sound, *taken = json.loads(text)
    assert sound
    found = {
        each: (set() if published_schema().is_valid(bad) else {SPEC})
        | (set() if sdk else {JAVASCRIPT})
        for (each, bad), sdk in zip(spoilt.items(), taken, strict=True)
    }
    assert found == told(SPEC, JAVASCRIPT)
