"""Models to JSON: frozen dataclasses in, plain data and one strict text out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SCHEMA_VERSION = "1.0"
"""The version of every answer's JSON shape; the minor part grows when a key is added."""


def instant(moment: datetime) -> str:
    """Render an instant in UTC as ISO 8601 ending in ``Z``, to the second.

    Args:
        moment: A time with a zone.

    Raises:
        ValueError: The time has no zone.

    Example:
        >>> from datetime import datetime, timezone
        >>> instant(datetime(2026, 11, 30, 9, tzinfo=timezone.utc))
        '2026-11-30T09:00:00Z'
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_plain(value: Any) -> Json:
    """Turn a model, or anything made of models, into data that JSON has.

    Times keep their own offset; a UTC time ends in ``Z``.

    Example:
        >>> from enum import StrEnum
        >>> to_plain({"a": (1, None)})
        {'a': [1, None]}
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return instant(value) if not value.utcoffset() else value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: Any, *, indent: int | None = 2) -> str:
    r"""Render a value as one strict JSON text in ASCII, ending in a newline.

    ASCII, so that no control, bidi or invisible character ever reaches a terminal raw.

    Example:
        >>> dumps({"name": "café"}, indent=None)
        '{"name": "caf\\u00e9"}\n'
    """
    import json

    return json.dumps(to_plain(value), indent=indent, allow_nan=False) + "\n"
