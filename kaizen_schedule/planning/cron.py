"""Cadences, and cron in a portable subset: the same text means the same here and in other engines.

Source: crontab(5) of Debian's cron; the ways in which engines differ were measured (Temporal 1.32).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.rules import Rule


class Cadence(StrEnum):
    """How often an agent runs."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def cron(self) -> str:
        """The cron of an entry for which neither it nor a definition gives one."""
        return _CADENCE_CRON[self]


_CADENCE_CRON = {
    Cadence.HOURLY: "0 * * * *",
    Cadence.DAILY: "0 9 * * *",
    Cadence.WEEKLY: "0 9 * * 1",
    Cadence.MONTHLY: "0 9 1 * *",
    Cadence.QUARTERLY: "0 9 1 1,4,7,10 *",
}


class CronError(ValueError):
    """A cron outside the portable subset.

    Args:
        rule: The rule it breaks.
        message: What is wrong, to follow the cron's own text.
        fix: What to write instead.
    """

    def __init__(self, rule: Rule, message: str, fix: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A cron of the portable subset, read."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday; 7 has become 0."""

    any_hour: bool
    """Whether its hour begins with ``*``."""
    follows_real_time: bool
    """Whether minute or hour begins with ``*``, so that clock changes do not move it."""

    @property
    def most_per_day(self) -> int:
        """How often it fires on a day on which it fires."""
        return len(self.minutes) * len(self.hours)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    largest_step: int
    names: tuple[str, ...] = ()


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    _Field("minute", 0, 59, 59),
    _Field("hour", 0, 23, 23),
    _Field("day of month", 1, 31, 31),
    _Field("month", 1, 12, 12, _MONTHS),
    _Field("weekday", 0, 7, 6, _WEEKDAYS),
)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FORM = 'five fields: minute hour day-of-month month weekday, such as "0 9 * * 1"'
_LONGEST = 1000


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Read a cron of the portable subset.

    Args:
        text: Exactly five ASCII fields with spaces between them: ``*``, numbers (weekday 0-7),
            ``MON`` or ``JAN`` in capitals, lists, rising ranges, ``/n`` after ``*`` or a range.

    Raises:
        CronError: It is not portable, or no cron; says which rule, and a fix.

    Example:
        >>> parse_cron("0 9 * * MON-WED").weekdays
        (1, 2, 3)
    """
    if text.lstrip().startswith("@"):
        form = _MACROS.get(text.strip().lower())
        fix = f'write it out: "{form}"' if form else f"write {_FORM}"
        raise CronError(rules.CRON_MACRO, "is a macro, which not every engine knows", fix)
    if len(text) > _LONGEST:
        raise CronError(rules.CRON_VALUE, f"is longer than {_LONGEST} characters", f"write {_FORM}")
    if not text.isascii() or any(c.isspace() and c != " " for c in text) or text != text.strip():
        plain = " ".join(text.split())
        fix = f'write "{plain}"' if plain.isascii() and _is_portable(plain) else f"write {_FORM}"
        raise CronError(rules.CRON_FIELDS, "holds more than plain fields with spaces between", fix)
    parts = text.split()
    if len(parts) != 5:
        raise CronError(rules.CRON_FIELDS, f"has {len(parts)} fields, not five", _five(parts))
    minutes, hours, days, months, weekdays = (
        _parse_field(part, spec, text) for part, spec in zip(parts, _FIELDS, strict=True)
    )
    if parts[2] != "*" and parts[4] != "*":
        by_date, by_day = [*parts], [*parts]
        by_date[4], by_day[2] = "*", "*"
        raise CronError(
            rules.CRON_NOT_PORTABLE,
            "is not portable: day of month and weekday together mean OR to cron and AND to others",
            f'restrict one of them: "{" ".join(by_date)}" or "{" ".join(by_day)}"',
        )
    if min(days) > max(_LAST_DAY[month] for month in months):
        last = max(_LAST_DAY[month] for month in months)
        fix = f'"{parts[0]} {parts[1]} {last} {parts[3]} *" is the last day that does'
        raise CronError(rules.CRON_NEVER_FIRES, "never fires: no such day exists", fix)
    return Cron(
        text=text,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=tuple(sorted({day % 7 for day in weekdays})),
        any_hour=parts[1].startswith("*"),
        follows_real_time=parts[0].startswith("*") or parts[1].startswith("*"),
    )


# February's 29th comes once in four years, so once in five.
_LAST_DAY = dict(zip(range(1, 13), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))


def _is_portable(text: str) -> bool:
    try:
        parse_cron(text)
    except CronError:
        return False
    return True


def _five(parts: list[str]) -> str:
    """A fix for a wrong number of fields: what is left without seconds and year, if that is one."""
    for name, rest in (("seconds", parts[1:6]), ("year", parts[:5])):
        if len(parts) in (6, 7) and len(rest) == 5 and _is_portable(" ".join(rest)):
            what = "seconds and year" if len(parts) == 7 else name
            return f'leave out the {what}: "{" ".join(rest)}"'
    return f"write {_FORM}"


def _parse_field(part: str, field: _Field, text: str) -> tuple[int, ...]:
    if part == "*":
        return tuple(
            range(field.low, min(field.high, 6 if field.names is _WEEKDAYS else field.high) + 1)
        )
    values: set[int] = set()
    items = part.split(",")
    for item in items:
        if item == "*":
            raise _unportable(
                field, item, "a list that holds *", f'write "*" for every {field.name}'
            )
        values.update(_parse_item(item, field, text))
    return tuple(sorted(values))


def _parse_item(item: str, field: _Field, text: str) -> Iterator[int]:
    base, slash, step_text = item.partition("/")
    low_text, dash, high_text = base.partition("-")
    if base == "*":
        low, high = field.low, field.high
    elif dash:
        low, high = _number(low_text, field, text), _number(high_text, field, text)
        if low >= high:
            count = field.high - field.low + 1
            wrapped = [
                str((low + i - field.low) % count + field.low)
                for i in range((high - low) % count + 1)
            ]
            fix = (
                f"write {low}"
                if low == high
                else f"write the values as a list: {','.join(wrapped)}"
            )
            raise _unportable(field, item, "a range that does not rise", fix)
    else:
        low = high = _number(low_text, field, text)
        if slash:
            fix = f"write a range: {low}-{field.high}/{step_text}"
            raise _unportable(field, item, "a step after a single value", fix)
    step = 1
    if slash:
        largest = field.largest_step if base == "*" else high
        if not _is_digits(step_text) or not 1 <= int(step_text) <= largest:
            raise CronError(
                rules.CRON_VALUE,
                f"has the step {safety.show(item, 20)} in its {field.name}",
                f"a step is 1 to {largest} here",
            )
        step = int(step_text)
    return iter(range(low, high + 1, step))


def _number(text: str, field: _Field, cron: str) -> int:
    if _is_digits(text):
        value = int(text)
        if field.low <= value <= field.high:
            return value
    elif text in field.names:
        return field.names.index(text) + field.low
    elif text.upper() in field.names:
        raise _unportable(field, text, "a name not in capitals", f"write {text.upper()}")
    elif (
        "#" in text or text.upper().rstrip("W").endswith("L") or "W" in text.upper() or "?" in text
    ):
        raise _extension(text, field, cron)
    raise CronError(
        rules.CRON_VALUE,
        f"has {safety.show(text, 20)} as {field.name}",
        f"{field.name} is {field.low} to {field.high}"
        + (f", or {field.names[0]} to {field.names[-1]}" if field.names else ""),
    )


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _unportable(field: _Field, item: str, what: str, fix: str) -> CronError:
    message = f"is not portable: {what} ({safety.show(item, 20)} as {field.name})"
    return CronError(rules.CRON_NOT_PORTABLE, message, fix)


def _extension(text: str, field: _Field, cron: str) -> CronError:
    """``#``, ``L``, ``W`` and ``?``: what Quartz added, and others read in their own ways."""
    parts = cron.split()
    time = f"{parts[0]} {parts[1]}"
    first, last = f"{time} 1 * *", f"{time} 28 * *"
    if not _is_portable(first):
        first, last = "0 9 1 * *", "0 9 28 * *"
    if "#" in text:
        weekday, _, nth = text.partition("#")
        names = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth"}
        day = {name: name for name in _WEEKDAYS} | dict(zip("0123456", _WEEKDAYS, strict=True))
        what = f"{names.get(nth, 'nth')} {day.get(weekday.upper(), 'weekday')}"
        fix = f'"{what}" has no portable form; "{first}" is the first of the month'
    elif "?" in text:
        fix = "write * instead of ?"
    elif "W" in text.upper():
        fix = f'"nearest weekday" has no portable form; "{first}" is the first of the month'
    else:
        fix = f'"last" has no portable form; "{last}" is a day that every month has'
    return _unportable(field, text, "an extension that engines read differently", fix)


def cadence_mismatch(cron: Cron, cadence: Cadence) -> str:
    """Say how a cron does not keep a cadence: once in every hour, day, week, month or quarter.

    Counted in local time over four years with a leap day.

    Returns:
        Such as ``fires up to 7 times a week``; empty where it keeps the cadence.

    Example:
        >>> cadence_mismatch(parse_cron("0 9 * * *"), Cadence.WEEKLY)
        'fires up to 7 times a week'
    """
    return _mismatch(cron.text, cadence)


@lru_cache(maxsize=4096)
def _mismatch(text: str, cadence: Cadence) -> str:
    cron = parse_cron(text)
    most, least = _days_per_period(cron.days, cron.months, cron.weekdays, cadence)
    if cadence is Cadence.HOURLY:
        most = len(cron.minutes)
        least = most if least and len(cron.hours) == 24 else 0
    else:
        most, least = most * cron.most_per_day, least * cron.most_per_day
    unit = {"daily": "day"}.get(cadence.value, cadence.value.removesuffix("ly"))
    if cadence is Cadence.HOURLY:
        most = len(cron.minutes)
        least = most if least and len(cron.hours) == 24 else 0
    if most > 1:
        return f"fires up to {most:,} times a {unit}"
    return f"does not fire in every {unit}" if least < 1 else ""


@lru_cache(maxsize=1024)
def _days_per_period(
    days: tuple[int, ...], months: tuple[int, ...], weekdays: tuple[int, ...], cadence: Cadence
) -> tuple[int, int]:
    """The most and the least days in one day, week, month or quarter of four years."""
    counts: dict[int, int] = {}
    day, end = date(2024, 1, 1), date(2027, 12, 27)  # Mondays
    if cadence in (Cadence.MONTHLY, Cadence.QUARTERLY):
        end = date(2028, 1, 1)
    while day < end:
        match cadence:
            case Cadence.HOURLY | Cadence.DAILY:
                period = day.toordinal()
            case Cadence.WEEKLY:
                period = (day.toordinal() - 1) // 7
            case Cadence.MONTHLY:
                period = day.year * 12 + day.month
            case Cadence.QUARTERLY:
                period = day.year * 4 + (day.month - 1) // 3
        fires = day.day in days and day.month in months and day.isoweekday() % 7 in weekdays
        counts[period] = counts.get(period, 0) + fires
        day += timedelta(days=1)
    return max(counts.values()), min(counts.values())
