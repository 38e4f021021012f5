"""Conformance vectors: a roster, files and a window in; the exact answer out.

One JSON file each, for an implementer in any language. Paths stand under ``/fleet``, which nobody
has: whoever runs a vector lays its files out where it likes and reads ``/fleet`` as that place.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaizen_schedule.planning.agents import Risk
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.reading.codec import SCHEMA_VERSION, from_plain

FLEET = "/fleet"
"""The folder that every path of a vector is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFile:
    """What stands at a path: a file's bytes, or where a link leads."""

    base64: str | None = None
    """The file's bytes; null for a link."""
    link: str | None = None
    """Where the link leads, exactly; null for a file."""
    mode: str = "0644"
    """The file's permission bits, octal. A link has none: it is `0777`."""

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return base64.b64decode(self.base64 or "", validate=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorPrompt:
    """A packaged prompt: what a resolver has to know of it."""

    name: str
    """The agent's name."""
    risk: Risk
    """Its risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """What a resolver is asked, everything that its answer follows from, and the exact answer.

    Compared are window, host, hosts, definition and roster digest; runs in their order, of which
    `command`, read by a shell, has to give `argv`; and exclusions by repository, agent, reason and
    whether they are transient.
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    name: str
    """The vector's own name, that of its file."""
    title: str
    """What it shows, in one sentence."""
    definition: ActivityDefinition | None
    """What asks; null in a preview of every entry."""
    definitions: tuple[ActivityDefinition, ...]
    """All definitions, enabled or not: they lend their triggers."""
    prompts: tuple[VectorPrompt, ...]
    """The packaged prompts."""
    hosts: tuple[str, ...]
    """The participating hosts."""
    host: str
    """The one that is asked about."""
    now: datetime
    """When it is asked; UTC."""
    window: Window
    """From when, and until before when; UTC."""
    tzdata_version: str
    """The release of the time zone rules that the answer is of."""
    roster: tuple[Any, ...]
    """The items that the hub registers, as it gives them; some are faulty."""
    files: dict[str, VectorFile]
    """Every file and link of the checkouts, by absolute path."""
    expected: Resolution | None = None
    """The answer; null where a resolver is still to give it."""


def load_vector(data: Any) -> Vector:
    """Read a vector back from what its JSON holds.

    Raises:
        ValueError: A key is missing, or a value is of another type; says where.

    Example:
        >>> load_vector({})
        Traceback (most recent call last):
        ValueError: /name is missing
    """
    found: Vector = from_plain(Vector, data)
    return found
