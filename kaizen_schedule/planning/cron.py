"""Cadences, and cron in a portable subset: the same text means the same here and in other engines.

Source: crontab(5) of Debian's cron; the ways in which engines differ were measured (Temporal 1.32).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.rules import Rule


class Cadence(StrEnum):
    """How often an agent runs.

    Example:
        >>> Cadence("weekly").cron
        '0 9 * * 1'
    """

    HOURLY = "hourly"
    """At the full hour."""
    DAILY = "daily"
    """At 09:00."""
    WEEKLY = "weekly"
    """On Mondays at 09:00."""
    MONTHLY = "monthly"
    """On the first of the month at 09:00."""
    QUARTERLY = "quarterly"
    """On the first of January, April, July and October at 09:00."""

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
        fix: What to write instead; a call that says so where it takes reading other crons.
    """

    def __init__(self, rule: Rule, message: str, fix: str | Callable[[], str]) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self._fix = fix

    @property
    def fix(self) -> str:
        """What to write instead; worked out when asked for, as trying one may need another."""
        return self._fix if isinstance(self._fix, str) else self._fix()


class Cron(NamedTuple):
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


class _Field(NamedTuple):
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
        text: Exactly five ASCII fields with spaces between them: ``*`` or ``*/n``, or a list of
            numbers (weekday 0-7), ``MON`` or ``JAN`` in capitals, and rising ranges with or without
            ``/n``.

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
        what = "holds more than plain fields with spaces between"
        plain = " ".join(text.translate(_DASHES).split())
        raise CronError(rules.CRON_FIELDS, what, lambda: _write(plain) or f"write {_FORM}")
    parts = text.split()
    if len(parts) != 5:
        fields = f"{len(parts)} field{'s' if len(parts) != 1 else ''}"
        raise CronError(rules.CRON_FIELDS, f"has {fields}, not five", lambda: _five(parts))
    minutes, hours, days, months, weekdays = (
        _parse_field(part, spec, parts) for part, spec in zip(parts, _FIELDS, strict=True)
    )
    if parts[2] != "*" and parts[4] != "*":
        what = "day of month and weekday together mean OR to cron and AND to others"
        raise CronError(
            rules.CRON_NOT_PORTABLE, f"is not portable: {what}", lambda: _either_day(parts)
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


def _write(text: str) -> str:
    """A fix that is a whole cron; empty where that is none."""
    return f'write "{text}"' if len(text) <= 120 and _is_portable(text) else ""


def _five(parts: list[str]) -> str:
    """A fix for a wrong number of fields: what is left without what does not belong there."""
    first, last, joined = parts[:1], parts[-1:], re.sub(r" ?, ?", ",", " ".join(parts))
    seconds = first == ["*"] or "".join(first).isdigit()
    year = last == ["*"] or re.fullmatch("[12][0-9]{3}", "".join(last)) is not None
    for applies, name, rest in (
        (first and first[0].startswith(("TZ=", "CRON_TZ=")), "zone", parts[1:]),
        (joined.count(" ") == 4, "spaces in the list", joined.split()),
        (len(parts) == 6 and year, "year", parts[:5]),
        (len(parts) == 6 and seconds, "seconds", parts[1:]),
        (len(parts) == 7 and seconds and year, "seconds and year", parts[1:6]),
    ):
        if applies and len(rest) == 5 and _is_portable(" ".join(rest)):
            return f'leave out the {name}: "{" ".join(rest)}"'
    return f"write {_FORM}"


def _either_day(parts: list[str]) -> str:
    """A fix for a cron that restricts both days."""
    by_day, by_date = [*parts], [*parts]
    by_day[2], by_date[4] = "*", "*"
    crons = [text for text in (" ".join(by_date), " ".join(by_day)) if _is_portable(text)]
    return "restrict one of them: " + " or ".join(f'"{text}"' for text in crons)


def _mended(parts: list[str], field: _Field, item: str, better: str) -> str:
    """A fix that writes one item of a field in another way; empty where that is no cron."""
    index = _FIELDS.index(field)
    items = [better if part == item else part for part in parts[index].split(",")]
    return _write(" ".join([*parts[:index], ",".join(filter(None, items)), *parts[index + 1 :]]))


def _spelt_out(parts: list[str], field: _Field) -> str:
    """A fix that writes every value of a field that holds ``*`` in a list."""
    index = _FIELDS.index(field)
    try:
        values = {v for item in parts[index].split(",") for v in _parse_item(item, field, parts)}
    except CronError:
        values = set()
    every = range(field.low, _last(field) + 1)
    listed = ",".join(map(str, sorted({v if v in every else field.low for v in values})))
    whole = "*" if values.issuperset(every) else listed
    better = _write(" ".join([*parts[:index], whole, *parts[index + 1 :]]))
    return better or "write the values as a list, without *"


def _in_short(parts: list[str]) -> str:
    """A fix that writes months and weekdays as three capitals; empty where that is no cron."""
    whole = " ".join(parts)
    return _write(re.sub("[A-Za-z]+", lambda name: _SHORT.get(name[0].upper(), name[0]), whole))


def _parse_field(part: str, field: _Field, cron: list[str]) -> tuple[int, ...]:
    if part == "*":
        return tuple(range(field.low, _last(field) + 1))
    values: set[int] = set()
    items = part.split(",")
    for item in items:
        # First or last in a list, a star would say whether clock changes move the whole time.
        if item.startswith("*") and len(items) > 1:
            every = f'write "*" for every {field.name}' if item == "*" else ""
            raise _unportable(
                field, item, "a list that holds *", every or (lambda: _spelt_out(cron, field))
            )
        values.update(_parse_item(item, field, cron))
    return tuple(sorted(values))


def _parse_item(item: str, field: _Field, cron: list[str]) -> Iterator[int]:
    base, slash, step_text = item.partition("/")
    low_text, dash, high_text = base.partition("-")
    if base == "*":
        low, high = field.low, field.high
    elif dash:
        low, high = (_number(text, item, field, cron) for text in (low_text, high_text))
        if low >= high:
            better = _as_list(low, high, step_text, field)
            raise _unportable(
                field,
                item,
                "a range that does not rise",
                lambda: (
                    _mended(cron, field, item, better) or f"write the values as a list: {better}"
                ),
            )
    else:
        low = high = _number(low_text, item, field, cron)
        if slash:
            better = f"{low}-{_last(field)}/{step_text}"
            raise _unportable(
                field,
                item,
                "a step after a single value",
                lambda: _mended(cron, field, item, better) or "write a range before the step",
            )
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
    if (low, high, step, field.name) == (1, 7, 1, "weekday"):
        # Temporal reads 7 as Sunday, and of these seven days it fires on the other six.
        whole = "*" if cron[2] == "*" and cron[4] == item else "0-6"
        raise _unportable(
            field,
            item,
            "all seven days from 1 to 7",
            lambda: _mended(cron, field, item, whole) or "write * for every day",
        )
    return iter(range(low, high + 1, step))


def _last(field: _Field) -> int:
    """The last value of a field that says nothing twice, as weekday 7 does."""
    return 6 if field.names is _WEEKDAYS else field.high


def _as_list(low: int, high: int, step_text: str, field: _Field) -> str:
    """The values of a range that passes the end of its field, each once."""
    count = _last(field) - field.low + 1
    step = max(1, int(step_text)) if _is_digits(step_text) else 1
    values = range(low, high + 1 if low == high else high + 1 + count, step)
    return ",".join(str((value - field.low) % count + field.low) for value in values)


def _number(text: str, item: str, field: _Field, cron: list[str]) -> int:
    known = f"{field.name} is {field.low} to {field.high}"
    known += f", or {field.names[0]} to {field.names[-1]}" if field.names else ""
    name = text.upper()
    short = _SHORT.get(name, "")
    what = f"has {safety.show(item, 20)} as {field.name}"
    if _is_digits(text) and field.low <= int(text) <= field.high:
        return int(text)
    if text in field.names:
        return field.names.index(text) + field.low
    if short in field.names:
        rule = rules.CRON_VALUE
        if name == short:
            rule = rules.CRON_NOT_PORTABLE
            what = f"is not portable: a name not in capitals ({safety.show(text)} as {field.name})"
        raise CronError(rule, what, lambda: _in_short(cron) or f"write {short}")
    if field.name in ("day of month", "weekday") and re.fullmatch(_EXTENSION, name):
        what = "an extension that engines read differently"
        raise _unportable(field, text, what, lambda: _plainer(text, field, cron))
    if not item:
        what = f"has a comma too many in its {field.name}"
        raise CronError(rules.CRON_VALUE, what, lambda: _mended(cron, field, "", "") or known)
    raise CronError(rules.CRON_VALUE, what, known)


# What Quartz added: the nth weekday, the last day, the nearest weekday, any day.
_EXTENSION = r".*[#?].*|(?:[0-9]{1,2}|[A-Z]{3})?(?:L|W|LW)"


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _unportable(field: _Field, item: str, what: str, fix: str | Callable[[], str]) -> CronError:
    message = f"is not portable: {what} ({safety.show(item, 20)} as {field.name})"
    return CronError(rules.CRON_NOT_PORTABLE, message, fix)


def _plainer(text: str, field: _Field, parts: list[str]) -> str:
    """What comes near to ``#``, ``L``, ``W`` or ``?``."""
    name = text.upper()
    which = name.rstrip("LW")
    if "#" in text:
        weekday, _, nth = name.partition("#")
        count = "12345".find(nth) + 1 if len(nth) == 1 else 0
        what, day = f"{_COUNTS[count]} {_weekday(weekday)}", 1 + 7 * max(count - 1, 0)
    elif "?" in text:
        whole = " ".join("*" if part == "?" else part for part in parts)
        return _write(whole).replace("write", "write * instead of ?:") or "write * instead of ?"
    elif "L" not in name:
        what, day = "nearest weekday", (int(which) or 1) if _is_digits(which) else 1
    elif "W" in name:
        what, day = "last weekday", 28
    else:
        by_name = which and field.names is _WEEKDAYS
        what, day = f"last {_weekday(which) if by_name else 'day'}", 28
    return f'"{what}" has no portable form; {_on_day(parts, min(day, 28))}'


_COUNTS = ("nth", "first", "second", "third", "fourth", "fifth")
_LONG_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SHORT = {name.upper(): name[:3].upper() for name in (*_LONG_WEEKDAYS, *_LONG_MONTHS)}
_SHORT |= {name: name for name in (*_WEEKDAYS, *_MONTHS)}
# What word processors make of a dash.
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212"}


def _weekday(text: str) -> str:
    """A weekday, given as number or name, in words."""
    if text in _WEEKDAYS:
        return _LONG_WEEKDAYS[_WEEKDAYS.index(text)]
    return _LONG_WEEKDAYS[int(text) % 7] if text in tuple("01234567") else "weekday"


def _on_day(parts: list[str], day: int) -> str:
    """The nearest that is portable: the same time on one day of the month."""
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    which = {1: "the first of the month", 28: "a day that every month has"}
    return (
        f'"{parts[0]} {parts[1]} {day} * *" is {which.get(day, f"the {day}{ending} of the month")}'
    )


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
    if most > 1:
        article = "an" if cadence is Cadence.HOURLY else "a"
        return f"fires up to {most:,} times {article} {unit}"
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
            case _:
                period = day.year * 4 + (day.month - 1) // 3
        fires = day.day in days and day.month in months and day.isoweekday() % 7 in weekdays
        counts[period] = counts.get(period, 0) + fires
        day += timedelta(days=1)
    return max(counts.values()), min(counts.values())
