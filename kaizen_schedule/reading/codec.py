"""Models to JSON: frozen dataclasses in, plain data and one strict text out."""

from __future__ import annotations

import contextlib
import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAlias

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
    # Not strftime, which leaves the zeros before a year less than 1000 to the platform.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def to_plain(value: Any) -> Json:
    """Turn a model, or anything made of models, into data that JSON has.

    Times keep their own offset; a UTC time ends in ``Z``.

    Example:
        >>> from enum import StrEnum
        >>> to_plain({"a": (1, None)})
        {'a': [1, None]}
    """
    kind: Any = type(value)
    if kind is str or value is None or kind is bool or kind is int or kind is float:
        return value  # type: ignore[no-any-return] # its type was just looked at
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return instant(value) if not value.utcoffset() else value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _names(kind)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def from_plain(kind: Any, data: Any, *, at: str = "") -> Any:
    """Read data back into a model; what the model does not know is ignored.

    Args:
        kind: The model, or any type that a model's field has.
        data: What JSON holds.
        at: Where in the whole it stands, for errors.

    Raises:
        ValueError: A key is missing, or a value is of another type; says where.

    Example:
        >>> from_plain(tuple[int, ...], [1, 2])
        (1, 2)
    """
    if kind is Any:
        return data
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(kind)
        if data is None and type(None) in options:
            return None
        (other,) = (option for option in options if option is not type(None))
        return from_plain(other, data, at=at)
    if origin is Literal and data in typing.get_args(kind):
        return data
    if origin is tuple and isinstance(data, list):
        item = typing.get_args(kind)[0]
        return tuple(from_plain(item, part, at=f"{at}/{n}") for n, part in enumerate(data))
    if origin is dict and isinstance(data, dict):
        item = typing.get_args(kind)[1]
        return {key: from_plain(item, part, at=f"{at}/{key}") for key, part in data.items()}
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        return _model(kind, data, at)
    if isinstance(kind, type):
        read = _moment if kind is datetime else kind
        if issubclass(kind, Enum | datetime):
            with contextlib.suppress(ValueError, TypeError):
                return read(data)
        elif type(data) is kind or (kind is float and type(data) is int):
            return data
    name = getattr(kind, "__name__", str(kind))
    raise ValueError(f"{at or 'the whole'} is no {name}")


def _moment(text: str) -> datetime:
    """A time with its offset; one without means nothing here."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _model(kind: Any, data: dict[str, Any], at: str) -> Any:
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in data:
            place = f"{at}/{field.name}"
            values[field.name] = from_plain(hints[field.name], data[field.name], at=place)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{at}/{field.name} is missing")
    return kind(**values)


def dumps(value: Any, *, indent: int | None = 2) -> str:
    r"""Render a value as one strict JSON text in ASCII, ending in a newline.

    ASCII, so that no control, bidi or invisible character ever reaches a terminal raw.

    Example:
        >>> dumps({"name": "café"}, indent=None)
        '{"name": "caf\\u00e9"}\n'
    """
    import json

    return json.dumps(to_plain(value), indent=indent, allow_nan=False) + "\n"
