"""Reference pages from JSON Schemas: what each field is, in tables a person can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kaizen_schedule.reading.diagnostics import SITE

from .schemas import anchor_of, parts_of

_FORMATS = {
    "date-time": "instant",
    "duration": "ISO 8601 duration",
    "uri": "URI",
    "uuid": "UUID",
}


_NAMES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}


def said_of(field: Mapping[str, Any]) -> str:
    """A field's description without the address that it ends with."""
    text: str = field.get("description", "")
    return "" if text.startswith(SITE) else text.split(f"\n\n{SITE}")[0]


def _target(reference: str) -> str:
    return reference.removeprefix("#/$defs/")


def type_of(field: Mapping[str, Any], schema: Mapping[str, Any], page: str = "") -> str:
    """A field's type in words, in markdown.

    Args:
        field: The field's own schema.
        schema: The whole, for what the field refers to.
        page: The page that explains the schema's parts; empty on that page itself.

    Example:
        >>> type_of({"type": "array", "items": {"type": "string"}}, {})
        'list of text'
    """
    if "$ref" in field:
        name = _target(field["$ref"])
        part = schema["$defs"][name]
        if part.get("type") == "object":
            return f"[{name}]({page}#{anchor_of(name)})"
        return type_of(part, schema, page)
    if "const" in field:
        return f"`{json.dumps(field['const'], ensure_ascii=False)}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(type_of(option, schema, page) for option in field["anyOf"])
    kind = field.get("type")
    if kind == "array":
        return f"list of {type_of(field.get('items', {}), schema, page)}"
    if kind == "object":
        held: Any = field.get("additionalProperties") or next(
            iter(field.get("patternProperties", {}).values()), {}
        )
        return f"mapping of names to {type_of(held or {}, schema, page)}"
    return _FORMATS.get(field.get("format", ""), _NAMES.get(str(kind), "anything"))


def _more_of(field: Mapping[str, Any], *, required: bool, written: bool) -> str:
    """What else is to be said of a field of a file that people write."""
    if not written:
        return ""
    if required:
        return " Required."
    if field.get("default") is not None:
        return f" Left out: `{json.dumps(field['default'], ensure_ascii=False)}`."
    return ""


def render_fields(
    schema: Mapping[str, Any], part: str = "", *, page: str = "", anchors: bool = True
) -> list[str]:
    """A table of the fields of a schema's part.

    Args:
        schema: The whole schema.
        part: A name among its definitions; empty for the whole.
        page: The page that explains the schema's parts; empty on that page itself.
        anchors: Whether each field gets the anchor that its schema points to.

    Raises:
        KeyError: The schema has no such part.
    """
    held = dict(parts_of(schema))[part]
    # A file that people write is closed; so is every part of it.
    written = held.get("additionalProperties") is False
    lines = ["| field | type | what it says |", "|---|---|---|"]
    for name, field in held["properties"].items():
        mark = f'<a id="{anchor_of(part, name)}"></a>' if anchors else ""
        required = name in held.get("required", ())
        said = said_of(field) or said_of(schema["$defs"][_target(field["$ref"])])
        said += _more_of(field, required=required, written=written)
        cells = (f"{mark}`{name}`", type_of(field, schema, page), " ".join(said.split()))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def render_fields_page(name: str, schema: Mapping[str, Any], *, model: str, digest: str) -> str:
    """The page that explains every field of a schema.

    Args:
        name: The schema's file without its ending.
        schema: The schema.
        model: The full name of the model that it is generated from.
        digest: SHA-256 of the schema's file.
    """
    lines = [f"# {schema['title']}", "", said_of(schema), ""]
    lines += [
        f"Schema: [{name}.schema.json](../{name}.schema.json), generated from the model `{model}`;",
        f"SHA-256 `{digest}`.",
    ]
    for part, held in parts_of(schema):
        if part:
            lines += ["", f"## {part}", "", said_of(held)]
        lines += ["", *render_fields(schema, part)]
    return "\n".join(lines) + "\n"
