"""Crons of the portable subset, drawn by chance from a seed: the same ones on every machine.

Written from the grammar's description in ADR-009, with a table of fields of its own. Nothing here
decides whether a cron is portable or safe: what is drawn is read by the package and thrown away
where it says no.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple


class Field(NamedTuple):
    """One of the five fields."""

    name: str
    values: tuple[int, ...]
    largest_step: int
    names: tuple[str, ...] = ()


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

MINUTE = Field("minute", tuple(range(60)), 59)
HOUR = Field("hour", tuple(range(24)), 23)
DAY = Field("day of month", tuple(range(1, 32)), 31)
MONTH = Field("month", tuple(range(1, 13)), 12, MONTHS)
WEEKDAY = Field("weekday", tuple(range(8)), 6, WEEKDAYS)

FORMS = ("*", "*/n", "value", "zeros", "list", "range", "range/n", "mixed", "name", "name range")
"""The forms that a field can have; the last two where a field has names."""

_STARS = ("*", "*/n")


class Drawn(NamedTuple):
    """A cron, and the forms of its fields."""

    text: str
    forms: tuple[str, ...]
    """Of minute, hour, day of month, month and weekday."""


def forms_of(field: Field) -> tuple[str, ...]:
    """The forms that one field can have."""
    return FORMS if field.names else FORMS[:8]


def ranges_of(field: Field) -> Iterator[tuple[str, frozenset[int]]]:
    """Every range of a field, with each of its steps, and what it means to a crontab.

    Of minutes, hours and days two steps each: their ranges are many, and read as the others are.
    """
    texts = {value: [str(value)] for value in field.values}
    for value, name in zip(field.values, field.names, strict=False):
        texts[value].append(name)
    for low, high in combinations(field.values, 2):
        steps = set(range(1, high + 1) if field.names else (1, min(2, high), high))
        for step in sorted(steps):
            values = frozenset(range(low, high + 1, step))
            for first, last in product(texts[low], texts[high]):
                yield f"{first}-{last}/{step}", values
                if step == 1:
                    yield f"{first}-{last}", values


class Draw:
    """A source of crons.

    Args:
        seed: Says which crons come, in which order.
    """

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)

    def cron(self, hours: Sequence[int], *, any_hour: bool) -> Drawn:
        """A cron of five fields, of which one at most restricts the day.

        Args:
            hours: The hours that it may name.
            any_hour: Whether its hour may begin with ``*``.
        """
        parts = [
            self._part(MINUTE, MINUTE.values, often="value"),
            self._part(HOUR, hours, often="value", barred=() if any_hour else _STARS),
            ("*", "*"),
            self._part(MONTH, MONTH.values, often="*"),
            ("*", "*"),
        ]
        index, field = self.chance.choice(((2, DAY), (4, WEEKDAY), (4, WEEKDAY)))
        parts[index] = self._part(field, field.values, often="*")
        gap = " " * self.chance.choice((1, 1, 1, 1, 1, 1, 1, 2, 3))
        return Drawn(gap.join(text for text, _ in parts), tuple(form for _, form in parts))

    def _part(
        self, field: Field, values: Sequence[int], *, often: str, barred: Sequence[str] = ()
    ) -> tuple[str, str]:
        """A field's text, and its form."""
        forms = [form for form in forms_of(field) if form not in barred]
        form = self.chance.choice(
            [*forms, *(form for form in forms if form == often for _ in "12")]
        )
        return self._write(form, field, values), form

    def _write(self, form: str, field: Field, values: Sequence[int]) -> str:
        chance = self.chance
        if form == "*":
            return "*"
        if form == "*/n":
            return f"*/{chance.randint(1, field.largest_step)}"
        if form == "value":
            return str(chance.choice(values))
        if form == "zeros":
            return "0" * chance.randint(1, 3) + str(chance.choice(values))
        if form == "list":
            return ",".join(str(value) for value in chance.choices(values, k=chance.randint(2, 4)))
        if form == "name":
            return chance.choice(field.names)
        if form == "mixed":
            return self._mixed(field, values)
        low, high = sorted(chance.sample(values, 2))
        if field is WEEKDAY and (low, high) == (1, 7):  # the only range that is left out
            low = 0
        if form == "name range":
            low, high = sorted(chance.sample(range(len(field.names)), 2))
            first = values[0] if field is MONTH else 0
            ends = [chance.choice((field.names[i], str(i + first))) for i in (low, high)]
            return f"{field.names[low]}-{ends[1]}" if low % 2 else f"{ends[0]}-{field.names[high]}"
        return f"{low}-{high}" + (f"/{chance.randint(1, high)}" if form == "range/n" else "")

    def _mixed(self, field: Field, values: Sequence[int]) -> str:
        """A list of unlike items, which may say a value twice."""
        kinds = [form for form in forms_of(field) if form not in (*_STARS, "list", "mixed")]
        chosen = self.chance.sample(kinds, self.chance.randint(2, 3))
        return ",".join(self._write(form, field, values) for form in chosen)
