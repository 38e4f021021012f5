"""JSON text to plain data, strictly: what two readers could take differently is refused."""

from __future__ import annotations

import json
import math
from typing import Any

from . import safety


class NotJsonError(ValueError):
    """Why a text is no strict JSON.

    Args:
        words: The reason.
        text: What stands there, raw: a key or a number.
        line: Where it stands, from 1; 0 where that is not known.
        column: Where in that line, from 1.
    """

    def __init__(self, words: str, text: str = "", *, line: int = 0, column: int = 0) -> None:
        self.words = words
        self.text = text
        self.column = column
        self.place = f", line {line:,}, column {column:,}" if line else ""
        super().__init__(f"{words} {safety.show(text)}" if text else f"{words}{self.place}")


def parse_json(data: bytes) -> Any:
    r"""Read one JSON text.

    Args:
        data: UTF-8 bytes; a byte order mark before them is passed over.

    Raises:
        NotJsonError: It is not UTF-8, not JSON, has a key twice, holds a number that is none or
            has no end, or is nested too deeply; says which. It holds nothing else of the data.

    Example:
        >>> parse_json(b'{"a": [1, null]}')
        {'a': [1, None]}

    Source: RFC 8259, sections 4 (names), 6 (numbers) and 8.1 (encoding).
    """
    try:
        return _DECODER.decode(data.removeprefix(_BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        reason = NotJsonError(f"byte {error.start + 1:,} is not UTF-8")
    except json.JSONDecodeError as error:
        message = safety.escape(error.msg).lower() if data else "it is empty"
        reason = NotJsonError(message, line=error.lineno, column=error.colno)
    except NotJsonError:
        raise
    except RecursionError:
        reason = NotJsonError("it is nested too deeply")
    except ValueError:
        reason = NotJsonError("it holds a number of several thousand digits")
    raise reason


_BOM = b"\xef\xbb\xbf"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise NotJsonError("a key stands twice in one object:", key)
        record[key] = value
    return record


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotJsonError("a value is no number:", text)
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
