"""How docstrings are read for the site.

``Example:`` is a section of examples. What a value holds is one list in the text of its class, not
a heading for each of its fields; so are the members of an enumeration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any

import griffe


class Readable(griffe.Extension):
    """Prepare docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Take ``Example:`` for what Google's style calls ``Examples:``."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )

    def on_class(self, *, cls: griffe.Class, **_kwargs: Any) -> None:
        """List the fields of a value and the members of an enumeration in the class's text."""
        fields = list(fields_of(cls))
        if cls.docstring is None or not fields:
            return
        lines = [f"{field.name}: {_meaning(field)}" for field in fields]
        listed = indent("\n".join(line.replace("\n", "\n    ") for line in lines), "    ")
        cls.docstring.value = f"{cls.docstring.value.rstrip()}\n\nAttributes:\n{listed}\n"
        for field in fields:
            field.docstring = None  # told above; what has none gets no heading


def fields_of(cls: griffe.Class) -> Iterator[griffe.Attribute]:
    """The fields of a dataclass or a named tuple, the members of an enumeration."""
    written = {str(decorator.value) for decorator in cls.decorators}
    bases = {str(base) for base in cls.bases}
    if not bases & {"StrEnum", "Enum", "NamedTuple"} and not any("dataclass" in w for w in written):
        return
    for member in cls.members.values():
        if isinstance(member, griffe.Attribute) and not (
            "property" in member.labels or member.name.startswith("_")
        ):
            yield member


def _meaning(field: griffe.Attribute) -> str:
    if field.docstring is not None:
        return field.docstring.value
    return f"`{field.value}`." if field.value is not None else "Told by its name."
