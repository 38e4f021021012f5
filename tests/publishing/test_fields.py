"""Tables of fields say what a schema says, and cannot be broken by what it holds."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from kaizen_schedule.edges import packaged
from kaizen_schedule.publishing.fields import render_fields, said_of, type_of
from kaizen_schedule.publishing.schemas import anchor_of, parts_of
from kaizen_schedule.reading.diagnostics import SITE

NAMES = [
    path.removeprefix("contracts/").removesuffix(".schema.json")
    for path in packaged.contracts()
    if path.endswith(".schema.json")
]
MARKDOWN = MarkdownIt("commonmark").enable("table")


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_its_row(name: str) -> None:
    schema = json.loads(packaged.schema(name))
    for part, held in parts_of(schema):
        tokens = MARKDOWN.parse("\n".join(render_fields(schema, part)))
        cells = [token.content for token in tokens if token.type == "inline"][3:]
        rows = [cells[at : at + 3] for at in range(0, len(cells), 3)]
        assert len(rows) == len(held["properties"])
        for (field, _type, said), (key, value) in zip(
            rows, held["properties"].items(), strict=True
        ):
            assert field == f'<a id="{anchor_of(part, key)}"></a>`{key}`'
            assert said
            assert " ".join(said_of(value).split()) in said


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "boolean"}, "true or false"),
        ({"type": "string", "format": "date-time"}, "instant"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number or null"),
        ({"const": "1"}, '`"1"`'),
        ({"enum": ["a", "b"]}, "`a`, `b`"),
        ({"$ref": "#/$defs/Part"}, "[Part](page.md#part)"),
        ({"$ref": "#/$defs/Word"}, "`a`"),
        ({"type": "array", "items": {"$ref": "#/$defs/Part"}}, "list of [Part](page.md#part)"),
        ({"type": "object", "additionalProperties": {"type": "string"}},
         "mapping of names to text"),
        ({"type": "object", "additionalProperties": False,
          "patternProperties": {"x": {"type": "number"}}}, "mapping of names to number"),
        ({}, "anything"),
    ],
)  # fmt: skip
def test_types_are_told_in_words(field: dict[str, object], words: str) -> None:
    schema = {"$defs": {"Part": {"type": "object", "properties": {}}, "Word": {"enum": ["a"]}}}
    assert type_of(field, schema, "page.md") == words


def test_a_bar_does_not_end_a_cell() -> None:
    schema = {"properties": {"a": {"type": "string", "description": "one | two"}}}
    tokens = MARKDOWN.parse("\n".join(render_fields(schema)))
    assert [token.content for token in tokens if token.type == "inline"][5] == "one | two"


def test_what_is_said_is_without_its_address() -> None:
    assert said_of({"description": f"A thing.\n\n{SITE}contracts/x/#y"}) == "A thing."
    assert said_of({"description": f"{SITE}contracts/x/#y"}) == ""


def test_a_part_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        render_fields({"properties": {}}, "Nothing")
