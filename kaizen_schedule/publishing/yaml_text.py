"""Plain data as YAML that every reader takes alike, for the documents that are published.

Block style; a text stands plain only where no version of YAML could take it for anything else.
Only written here: whatever is read as YAML goes through ``reading/document``.

Source:
    YAML 1.2.2: 5.7 escaped characters, 7.3 flow scalar styles, 8.1 block scalar styles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 100
"""A longer text is folded at its blanks."""

KEY_LIMIT = 1000
"""The most characters of a key as it is written: a reader looks no further for its colon."""

# A letter first is no number, no date and no mark of YAML's own; then nothing that ends a scalar.
_PLAIN = re.compile(r"[A-Za-z_/$](?:[^:#]|:(?=[^\s])|(?<=\S)#)*")
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\x1b": "\\e",
}  # fmt: skip


def render_yaml(value: Any) -> str:
    r"""Render plain data as one YAML document.

    Args:
        value: What JSON has: texts, numbers, booleans, None, lists and mappings of them.

    Returns:
        The document, ending in a line feed; the order of keys is kept.

    Raises:
        ValueError: A number is not finite, a key is no text or too long, or a value is none of
            the above.

    Example:
        >>> print(render_yaml({"name": "no", "steps": [{"on": 1.5}, []]}), end="")
        name: "no"
        steps:
          - "on": 1.5
          - []
    """
    if isinstance(value, Mapping | list | tuple) and value:
        return "\n".join(_block(value)) + "\n"
    return "\n".join(_member("", value, nested=0)) + "\n"


def _block(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    """The lines of a collection that holds something, not indented."""
    if not isinstance(value, Mapping):
        for item in value:
            yield from _member("- ", item, nested=2)
        return
    for key, item in value.items():
        if not isinstance(key, str):
            raise ValueError(f"the key {key!r} is no text")
        name = _inline(key)
        if len(name) > KEY_LIMIT:
            raise ValueError(f"a key is longer than {KEY_LIMIT:,} characters")
        yield from _member(f"{name}: ", item, nested=0)


def _member(lead: str, item: Any, *, nested: int) -> Iterator[str]:
    """The lines of one member, beginning with its dash or key."""
    if isinstance(item, Mapping | list | tuple) and item:
        lines = list(_block(item))
        if nested:  # beside the dash
            yield lead + lines.pop(0)
        else:
            yield lead.rstrip()
        yield from (f"  {line}" if line else "" for line in lines)
        return
    first, *rest = _scalar(item, len(lead))
    yield lead + first
    yield from (f"  {line}" if line else "" for line in rest)


def _scalar(value: Any, used: int) -> list[str]:
    """A value on its line; where it takes several, the others."""
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int):
        return [str(int(value))]
    if isinstance(value, float):
        return [_number(value)]
    if isinstance(value, str):
        return _text(value, used)
    if isinstance(value, Mapping):
        return ["{}"]
    if isinstance(value, list | tuple):
        return ["[]"]
    raise ValueError(f"{type(value).__name__} has no form in YAML")


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    mantissa, mark, exponent = repr(value).partition("e")
    # YAML 1.1 knows no exponent without a point before it.
    return mantissa + (".0" if mark and "." not in mantissa else "") + mark + exponent


def _text(text: str, used: int) -> list[str]:
    lines = text.split("\n")
    ending = "" if lines[-1] == "" and len(lines) > 1 else "-"
    told = lines if ending else lines[:-1]
    if len(lines) > 1 and all(line.isprintable() and line == line.rstrip() for line in told):
        # A first line sets the indentation; blank lines at either end need further indicators.
        if told[0] and told[-1] and not told[0].startswith(" "):
            return [f"|{ending}", *told]
    elif used + len(text) > WIDTH and text.isprintable() and " ".join(text.split()) == text:
        folded = list(_folded(text))
        if len(folded) > 1:
            return [">-", *folded]
    return [_inline(text)]


def _inline(text: str) -> str:
    return text if _is_plain(text) else _quote(text)


def _folded(text: str) -> Iterator[str]:
    """The lines of a text: a reader puts one blank for each break."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > WIDTH - 20:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _is_plain(text: str) -> bool:
    return (
        text.isprintable()
        and text == text.strip()
        and _PLAIN.fullmatch(text) is not None
        and text.lower() not in _WORDS
    )


def _quote(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
