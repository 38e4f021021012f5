"""Models to JSON: frozen dataclasses in, plain data and one strict text out."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
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
    return _reader(kind)(data, at)


_Reader: TypeAlias = Callable[[Any, str], Any]
"""Reads data that stands at a place; what it was made for it does not look up again."""


@cache
def _reader(kind: Any) -> _Reader:
    """What reads data into a type."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda data, _: data
    if origin in (typing.Union, types.UnionType):
        (other,) = (_reader(part) for part in parts if part is not type(None))
        return lambda data, at: None if data is None else other(data, at)
    if origin is tuple:
        return _listed(_reader(parts[0]))
    if origin is dict:
        return _keyed(_reader(parts[1]))
    if dataclasses.is_dataclass(kind):
        return lambda data, at: _model(kind, data, at)
    if kind is datetime:
        return _made(_moment, "is no instant")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _made(kind, _none_of([to_plain(member) for member in kind]))
    return _plain(kind, parts if origin is Literal else None)


def _odd(what: str, at: str) -> ValueError:
    return ValueError(f"{at or 'the whole'} {what}")


def _none_of(values: Sequence[Any]) -> str:
    """That something is none of some values; where they are many, the first of them stand for all.

    They are named as JSON has them: a reader need not know what they are called here.
    """
    names = [str(value) for value in values]
    if len(names) == 1:
        return f"is not {names[0]}"
    more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"is none of {', '.join(names[:_NAMED])}{more}"


_NAMED = 12
"""So many values are named."""

_WORDS = {
    str: "is no text",
    int: "is no whole number",
    float: "is no number",
    bool: "is neither true nor false",
    dict: "is no object",
    list: "is no list",
}
"""What is said of data that is not of a type: in JSON's words, not in Python's."""


def _listed(item: _Reader) -> _Reader:
    def read(data: Any, at: str) -> Any:
        if not isinstance(data, list):
            raise _odd(_WORDS[list], at)
        return tuple(item(part, f"{at}/{number}") for number, part in enumerate(data))

    return read


def _keyed(item: _Reader) -> _Reader:
    def read(data: Any, at: str) -> Any:
        if not isinstance(data, dict):
            raise _odd(_WORDS[dict], at)
        return {key: item(part, f"{at}/{_token(key)}") for key, part in data.items()}

    return read


def _token(key: str) -> str:
    """A key as a JSON pointer has it (RFC 6901, 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _made(make: Callable[[Any], Any], otherwise: str) -> _Reader:
    def read(data: Any, at: str) -> Any:
        with contextlib.suppress(ValueError, TypeError):
            return make(data)
        raise _odd(otherwise, at)

    return read


def _plain(kind: Any, values: tuple[Any, ...] | None) -> _Reader:
    """What JSON has itself: one of some values, or anything of exactly that type."""
    allowed = (float, int) if kind is float else (kind,)
    otherwise = _WORDS[kind] if values is None else _none_of(values)

    def read(data: Any, at: str) -> Any:
        if (type(data) in allowed) if values is None else (data in values):
            return data
        raise _odd(otherwise, at)

    return read


def _moment(text: str) -> datetime:
    """A time with its offset; one without means nothing here."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _model(kind: Any, data: Any, at: str) -> Any:
    if not isinstance(data, dict):
        raise _odd(_WORDS[dict], at)
    values = {}
    for name, read, needed in _fields(kind):
        if name in data:
            values[name] = read(data[name], f"{at}/{name}")
        elif needed:
            raise ValueError(f"{at}/{name} is missing")
    return kind(**values)


@cache
def _fields(kind: Any) -> tuple[tuple[str, _Reader, bool], ...]:
    """The fields of a model: name, what reads it, and whether it has to be there.

    Only asked for when a model is read, for one can have itself as a part.
    """
    hints, missing = typing.get_type_hints(kind), dataclasses.MISSING
    return tuple(
        (
            field.name,
            _reader(hints[field.name]),
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(kind)
    )


class NewerFormError(ValueError):
    """Data is of a form with a newer major number than this program knows."""


def check_version(data: Any) -> None:
    """Refuse data of a newer form; to be asked before what else is in it is looked at.

    A newer minor number only says that there may be keys that are not known here.

    Args:
        data: What JSON holds; without a ``schema_version`` it is of this program's form.

    Raises:
        NewerFormError: The major number of its ``schema_version`` is newer than this program's.
        ValueError: Its ``schema_version`` is a text, and no version.

    Example:
        >>> check_version({"schema_version": "1.7"})
        >>> try:
        ...     check_version({"schema_version": "9.0"})
        ... except NewerFormError as error:
        ...     print(error)
        schema_version is 9.0, and this program reads 1.x
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if not isinstance(version, str):
        return
    match = re.fullmatch(r"([0-9]{1,6})\.[0-9]{1,6}", version)
    if match is None:
        raise _odd(f"is no version such as {SCHEMA_VERSION}", "/schema_version")
    major = SCHEMA_VERSION.partition(".")[0]
    if int(match[1]) > int(major):
        message = f"schema_version is {version}, and this program reads {major}.x"
        raise NewerFormError(message)


UPGRADE = "upgrade kaizen-schedule on this host"
"""What to do about a newer form."""


def dumps(value: Any, *, indent: int | None = 2) -> str:
    r"""Render a value as one strict JSON text in ASCII, ending in a newline.

    ASCII, so that no control, bidi or invisible character ever reaches a terminal raw.

    Example:
        >>> dumps({"name": "café"}, indent=None)
        '{"name": "caf\\u00e9"}\n'
    """
    import json

    return json.dumps(to_plain(value), indent=indent, allow_nan=False) + "\n"
