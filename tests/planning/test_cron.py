"""The portable subset of cron, against cronsim, a plain reading of fields and a count of days."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import product

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaizen_schedule.planning.cron import Cadence, Cron, CronError, cadence_mismatch, parse_cron
from kaizen_schedule.reading import rules
from kaizen_schedule.reading.rules import Rule
from kaizen_schedule.reading.safety import printable

FORM = 'write five fields: minute hour day-of-month month weekday, such as "0 9 * * 1"'


def refused(text: str) -> CronError:
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert str(caught.value) == caught.value.message
    return caught.value


# --- What is read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "minutes", "hours", "weekdays"),
    [
        ("0 9 * * 1", {0}, {9}, {1}),
        ("05 09 * * 01", {5}, {9}, {1}),
        ("000 0009 * * 0000001", {0}, {9}, {1}),
        ("0 9 * * MON", {0}, {9}, {1}),
        ("0 9 * * SUN", {0}, {9}, {0}),
        ("0 9 * * MON-FRI", {0}, {9}, {1, 2, 3, 4, 5}),
        ("0 9 * * MON-5", {0}, {9}, {1, 2, 3, 4, 5}),
        ("0 9 * * SAT,SUN", {0}, {9}, {6, 0}),
        ("0 9 * * 7", {0}, {9}, {0}),
        ("0 9 * * 5-7", {0}, {9}, {5, 6, 0}),
        ("0 9 * * 0-7", {0}, {9}, set(range(7))),
        ("0 9 * * 2-7", {0}, {9}, {2, 3, 4, 5, 6, 0}),
        ("0 9 * * 1-7/2", {0}, {9}, {1, 3, 5, 0}),
        ("0 9 * * */2", {0}, {9}, {0, 2, 4, 6}),
        ("0 9 * * 1-5/2", {0}, {9}, {1, 3, 5}),
        ("0,30 9-11 * * 1", {0, 30}, {9, 10, 11}, {1}),
        ("*/20 */12 * * 1", {0, 20, 40}, {0, 12}, {1}),
        ("10-50/20 9 * * 1", {10, 30, 50}, {9}, {1}),
        ("0,10-20/5,30-32,0 9 * * 1", {0, 10, 15, 20, 30, 31, 32}, {9}, {1}),
        ("*/59 */23 * * 1", {0, 59}, {0, 23}, {1}),
        ("0-59 0-23 * * 1", set(range(60)), set(range(24)), {1}),
        ("0   9  *    * 1", {0}, {9}, {1}),
        ("0 9 */31 * *", {0}, {9}, set(range(7))),
    ],
)
def test_fields(text: str, minutes: set[int], hours: set[int], weekdays: set[int]) -> None:
    cron = parse_cron(text)
    assert cron.text == text
    assert cron.minutes == tuple(sorted(minutes))
    assert cron.hours == tuple(sorted(hours))
    assert cron.weekdays == tuple(sorted(weekdays))
    assert cron.most_per_day == len(minutes) * len(hours)


@pytest.mark.parametrize(
    ("text", "days", "months"),
    [
        ("0 9 1 JAN *", {1}, {1}),
        ("0 9 1,15 JAN,JUL *", {1, 15}, {1, 7}),
        ("0 9 1-7/3 JAN-DEC/3 *", {1, 4, 7}, {1, 4, 7, 10}),
        ("0 9 */10 */5 *", {1, 11, 21, 31}, {1, 6, 11}),
        ("0 9 29 2 *", {29}, {2}),
        ("0 9 31 1,2 *", {31}, {1, 2}),
        ("0 9 29-31 2 *", {29, 30, 31}, {2}),
        ("0 9 31 */2 *", {31}, {1, 3, 5, 7, 9, 11}),
        ("0 9 31 10-12 *", {31}, {10, 11, 12}),
    ],
)
def test_days_and_months(text: str, days: set[int], months: set[int]) -> None:
    cron = parse_cron(text)
    assert (cron.days, cron.months) == (tuple(sorted(days)), tuple(sorted(months)))


def test_stars() -> None:
    cron = parse_cron("* * * * *")
    assert cron.minutes == tuple(range(60))
    assert cron.hours == tuple(range(24))
    assert cron.days == tuple(range(1, 32))
    assert cron.months == tuple(range(1, 13))
    assert cron.weekdays == tuple(range(7))
    assert (cron.any_hour, cron.follows_real_time) == (True, True)


@pytest.mark.parametrize(
    ("text", "any_hour", "follows"),
    [
        ("0 9 * * *", False, False),
        ("*/5 9 * * *", False, True),
        ("0 */2 * * *", True, True),
        ("0 0-23 * * *", False, False),
        ("0-59 9 * * *", False, False),
        ("0 9 */2 * *", False, False),
    ],
)
def test_what_begins_with_a_star_follows_real_time(
    text: str, *, any_hour: bool, follows: bool
) -> None:
    cron = parse_cron(text)
    assert (cron.any_hour, cron.follows_real_time) == (any_hour, follows)


@pytest.mark.parametrize("cadence", list(Cadence))
def test_every_cadence_has_a_cron_that_keeps_it(cadence: Cadence) -> None:
    assert cadence_mismatch(parse_cron(cadence.cron), cadence) == ""


# --- What is refused ---------------------------------------------------------------------------

VALUE, FIELDS, PORTABLE = rules.CRON_VALUE, rules.CRON_FIELDS, rules.CRON_NOT_PORTABLE
EXTENSION = "an extension that engines read differently"


@pytest.mark.parametrize(
    ("text", "rule", "message", "fix"),
    [
        # macros
        ("@weekly", rules.CRON_MACRO, "is a macro, which not every engine knows",
         'write it out: "0 0 * * 0"'),
        (" @Daily ", rules.CRON_MACRO, "is a macro, which not every engine knows",
         'write it out: "0 0 * * *"'),
        ("@every 1h", rules.CRON_MACRO, "is a macro, which not every engine knows", FORM),
        ("@", rules.CRON_MACRO, "is a macro, which not every engine knows", FORM),
        # fields
        ("", FIELDS, "has 0 fields, not five", FORM),
        ("9", FIELDS, "has 1 field, not five", FORM),
        ("0 9 * *", FIELDS, "has 4 fields, not five", FORM),
        ("0 0 9 * * 1", FIELDS, "has 6 fields, not five", 'leave out the seconds: "0 9 * * 1"'),
        ("* 0 9 * * 1", FIELDS, "has 6 fields, not five", 'leave out the seconds: "0 9 * * 1"'),
        ("0 9 * * 1 2026", FIELDS, "has 6 fields, not five", 'leave out the year: "0 9 * * 1"'),
        ("0 9 1 * * *", FIELDS, "has 6 fields, not five", 'leave out the year: "0 9 1 * *"'),
        ("0 9 * * 1 x", FIELDS, "has 6 fields, not five", FORM),
        ("0 0 9 * * 1 *", FIELDS, "has 7 fields, not five",
         'leave out the seconds and year: "0 9 * * 1"'),
        ("0 0 9 ? * 1 2026", FIELDS, "has 7 fields, not five", FORM),
        ("0 0 9 * * 1 * *", FIELDS, "has 8 fields, not five", FORM),
        ("0, 30 9 * * 1", FIELDS, "has 6 fields, not five",
         'leave out the spaces in the list: "0,30 9 * * 1"'),
        ("0 9 * * 1 , 2", FIELDS, "has 7 fields, not five",
         'leave out the spaces in the list: "0 9 * * 1,2"'),
        ("CRON_TZ=Europe/Berlin 0 9 * * 1", FIELDS, "has 6 fields, not five",
         'leave out the zone: "0 9 * * 1"'),
        ("TZ=UTC 0 9 * * 1", FIELDS, "has 6 fields, not five", 'leave out the zone: "0 9 * * 1"'),
        # characters
        (" 0 9 * * 1", FIELDS, "holds more than plain fields with spaces between",
         'write "0 9 * * 1"'),
        ("0 9 * * 1\n", FIELDS, "holds more than plain fields with spaces between",
         'write "0 9 * * 1"'),
        ("0\t9 *\xa0* 1", FIELDS, "holds more than plain fields with spaces between",
         'write "0 9 * * 1"'),
        ("0 9 * * 1–5", FIELDS, "holds more than plain fields with spaces between",
         'write "0 9 * * 1-5"'),
        ("٠ ٩ * * ١", FIELDS, "holds more than plain fields with spaces between", FORM),
        ("0 9 * *\t", FIELDS, "holds more than plain fields with spaces between", FORM),
        ("0 " * 501, VALUE, "is longer than 1000 characters", FORM),
        # values
        ("60 9 * * 1", VALUE, 'has "60" as minute', "minute is 0 to 59"),
        ("0 24 * * 1", VALUE, 'has "24" as hour', "hour is 0 to 23"),
        ("0 9 0 * *", VALUE, 'has "0" as day of month', "day of month is 1 to 31"),
        ("0 9 1 13 *", VALUE, 'has "13" as month', "month is 1 to 12, or JAN to DEC"),
        ("0 9 1 MON *", VALUE, 'has "MON" as month', "month is 1 to 12, or JAN to DEC"),
        ("0 9 * * 8", VALUE, 'has "8" as weekday', "weekday is 0 to 7, or SUN to SAT"),
        ("0 9 * * JAN", VALUE, 'has "JAN" as weekday', "weekday is 0 to 7, or SUN to SAT"),
        ("0 9 * * MONDAY", VALUE, 'has "MONDAY" as weekday', 'write "0 9 * * MON"'),
        ("0 9 1 may,june *", PORTABLE,
         'is not portable: a name not in capitals ("may" as month)', 'write "0 9 1 MAY,JUN *"'),
        ("0 9 60 * MONDAY", VALUE, 'has "60" as day of month', "day of month is 1 to 31"),
        ("0 9 * * MONDAY,x", VALUE, 'has "MONDAY" as weekday', "write MON"),
        ("-5 9 * * 1", VALUE, 'has "-5" as minute', "minute is 0 to 59"),
        ("0 9- * * 1", VALUE, 'has "9-" as hour', "hour is 0 to 23"),
        ("0 9-10-11 * * 1", VALUE, 'has "9-10-11" as hour', "hour is 0 to 23"),
        ("0.5 9 * * 1", VALUE, 'has "0.5" as minute', "minute is 0 to 59"),
        ("0x5 9 * * 1", VALUE, 'has "0x5" as minute', "minute is 0 to 59"),
        ("+5 9 * * 1", VALUE, 'has "+5" as minute', "minute is 0 to 59"),
        ("9" * 21 + " 9 * * 1", VALUE, f'has "{"9" * 19}…" as minute', "minute is 0 to 59"),
        ("** 9 * * 1", VALUE, 'has "**" as minute', "minute is 0 to 59"),
        ("L 9 * * 1", VALUE, 'has "L" as minute', "minute is 0 to 59"),
        ("0 9 1 L *", VALUE, 'has "L" as month', "month is 1 to 12, or JAN to DEC"),
        ("? 9 * * 1", VALUE, 'has "?" as minute', "minute is 0 to 59"),
        # lists
        ("1,,2 9 * * 1", VALUE, "has a comma too many in its minute", 'write "1,2 9 * * 1"'),
        ("0 9, * * 1", VALUE, "has a comma too many in its hour", 'write "0 9 * * 1"'),
        (", 9 * * 1", VALUE, "has a comma too many in its minute", "minute is 0 to 59"),
        ("0,* 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("*" as minute)',
         'write "*" for every minute'),
        ("*/15,1 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/15" as minute)',
         'write "0,1,15,30,45 9 * * 1"'),
        ("1,*/15 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/15" as minute)',
         'write "0,1,15,30,45 9 * * 1"'),
        ("0 */5,*/7 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/5" as hour)',
         'write "0 0,5,7,10,14,15,20,21 * * 1"'),
        ("0 9 */10,15 * *", PORTABLE,
         'is not portable: a list that holds * ("*/10" as day of month)',
         'write "0 9 1,11,15,21,31 * *"'),
        ("0 9 1 JAN,*/6 *", PORTABLE, 'is not portable: a list that holds * ("*/6" as month)',
         'write "0 9 1 1,7 *"'),
        ("0 9 * * */2,SUN", PORTABLE, 'is not portable: a list that holds * ("*/2" as weekday)',
         'write "0 9 * * 0,2,4,6"'),
        ("0 9 * * 1,*/1", PORTABLE, 'is not portable: a list that holds * ("*/1" as weekday)',
         'write "0 9 * * *"'),
        ("*/1,5 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/1" as minute)',
         'write "* 9 * * 1"'),
        ("1-57/2,*/2 9 * * 1", PORTABLE,
         'is not portable: a list that holds * ("*/2" as minute)',
         "write the values as a list, without *"),
        ("*/15,99 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/15" as minute)',
         "write the values as a list, without *"),
        ("*/15,1 25 * * 1", PORTABLE, 'is not portable: a list that holds * ("*/15" as minute)',
         "write the values as a list, without *"),
        ("**,1 9 * * 1", PORTABLE, 'is not portable: a list that holds * ("**" as minute)',
         "write the values as a list, without *"),
        ("1,,*/15 9 * * 1", VALUE, "has a comma too many in its minute",
         "minute is 0 to 59"),
        # steps
        ("*/0 9 * * 1", VALUE, 'has the step "*/0" in its minute', "a step is 1 to 59 here"),
        ("*/60 9 * * 1", VALUE, 'has the step "*/60" in its minute', "a step is 1 to 59 here"),
        ("*/ 9 * * 1", VALUE, 'has the step "*/" in its minute', "a step is 1 to 59 here"),
        ("*/5/2 9 * * 1", VALUE, 'has the step "*/5/2" in its minute', "a step is 1 to 59 here"),
        ("0 */24 * * 1", VALUE, 'has the step "*/24" in its hour', "a step is 1 to 23 here"),
        ("0 9 * * */7", VALUE, 'has the step "*/7" in its weekday', "a step is 1 to 6 here"),
        ("0 9 1 */13 *", VALUE, 'has the step "*/13" in its month', "a step is 1 to 12 here"),
        ("0-10/11 9 * * 1", VALUE, 'has the step "0-10/11" in its minute',
         "a step is 1 to 10 here"),
        ("0 9 * * 1-7", PORTABLE, 'is not portable: all seven days from 1 to 7 ("1-7" as weekday)',
         'write "0 9 * * *"'),
        ("0 9 * * MON-7/1", PORTABLE,
         'is not portable: all seven days from 1 to 7 ("MON-7/1" as weekday)', 'write "0 9 * * *"'),
        ("0 9 * * 1-7,3", PORTABLE,
         'is not portable: all seven days from 1 to 7 ("1-7" as weekday)',
         'write "0 9 * * 0-6,3"'),
        ("0 9 1 * 1-7", PORTABLE, 'is not portable: all seven days from 1 to 7 ("1-7" as weekday)',
         "write * for every day"),
        ("5/10 9 * * 1", PORTABLE,
         'is not portable: a step after a single value ("5/10" as minute)',
         'write "5-59/10 9 * * 1"'),
        ("0 9 * * TUE/2", PORTABLE,
         'is not portable: a step after a single value ("TUE/2" as weekday)',
         'write "0 9 * * 2-6/2"'),
        ("5/99 9 * * 1", PORTABLE,
         'is not portable: a step after a single value ("5/99" as minute)',
         "write a range before the step"),
        # ranges
        ("0 9 * * FRI-MON", PORTABLE,
         'is not portable: a range that does not rise ("FRI-MON" as weekday)',
         'write "0 9 * * 5,6,0,1"'),
        ("0 9 * * 7-1", PORTABLE, 'is not portable: a range that does not rise ("7-1" as weekday)',
         'write "0 9 * * 0,1"'),
        ("0 22-2/2 * * 1", PORTABLE,
         'is not portable: a range that does not rise ("22-2/2" as hour)',
         'write "0 22,0,2 * * 1"'),
        ("0 9 1 NOV-FEB *", PORTABLE,
         'is not portable: a range that does not rise ("NOV-FEB" as month)',
         'write "0 9 1 11,12,1,2 *"'),
        ("0 9-9 * * 1", PORTABLE, 'is not portable: a range that does not rise ("9-9" as hour)',
         'write "0 9 * * 1"'),
        ("0 9-9/0,5 * * 1", PORTABLE,
         'is not portable: a range that does not rise ("9-9/0" as hour)', 'write "0 9,5 * * 1"'),
        ("0 22-1 * * x", PORTABLE, 'is not portable: a range that does not rise ("22-1" as hour)',
         "write the values as a list: 22,23,0,1"),
        # names and extensions
        ("0 9 * * mon-fri", PORTABLE,
         'is not portable: a name not in capitals ("mon" as weekday)', 'write "0 9 * * MON-FRI"'),
        ("0 9 * * mon-x", PORTABLE, 'is not portable: a name not in capitals ("mon" as weekday)',
         "write MON"),
        ("0 9 * * 1#1", PORTABLE, f'is not portable: {EXTENSION} ("1#1" as weekday)',
         '"first Monday" has no portable form; "0 9 1 * *" is the first of the month'),
        ("5 7 * * fri#2", PORTABLE, f'is not portable: {EXTENSION} ("fri#2" as weekday)',
         '"second Friday" has no portable form; "5 7 8 * *" is the 8th of the month'),
        ("0 9 * * 7#4", PORTABLE, f'is not portable: {EXTENSION} ("7#4" as weekday)',
         '"fourth Sunday" has no portable form; "0 9 22 * *" is the 22nd of the month'),
        ("0 9 * * 2#5", PORTABLE, f'is not portable: {EXTENSION} ("2#5" as weekday)',
         '"fifth Tuesday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 * * x#9", PORTABLE, f'is not portable: {EXTENSION} ("x#9" as weekday)',
         '"nth weekday" has no portable form; "0 9 1 * *" is the first of the month'),
        ("0 9 L * *", PORTABLE, f'is not portable: {EXTENSION} ("L" as day of month)',
         '"last day" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 * * 5L", PORTABLE, f'is not portable: {EXTENSION} ("5L" as weekday)',
         '"last Friday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 * * L", PORTABLE, f'is not portable: {EXTENSION} ("L" as weekday)',
         '"last day" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 * * FRIL", PORTABLE, f'is not portable: {EXTENSION} ("FRIL" as weekday)',
         '"last Friday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 * * 99L", PORTABLE, f'is not portable: {EXTENSION} ("99L" as weekday)',
         '"last weekday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 LW * *", PORTABLE, f'is not portable: {EXTENSION} ("LW" as day of month)',
         '"last weekday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 3W * *", PORTABLE, f'is not portable: {EXTENSION} ("3W" as day of month)',
         '"nearest weekday" has no portable form; "0 9 3 * *" is the 3rd of the month'),
        ("0 9 13W * *", PORTABLE, f'is not portable: {EXTENSION} ("13W" as day of month)',
         '"nearest weekday" has no portable form; "0 9 13 * *" is the 13th of the month'),
        ("0 9 23w * *", PORTABLE, f'is not portable: {EXTENSION} ("23w" as day of month)',
         '"nearest weekday" has no portable form; "0 9 23 * *" is the 23rd of the month'),
        ("0 9 31W * *", PORTABLE, f'is not portable: {EXTENSION} ("31W" as day of month)',
         '"nearest weekday" has no portable form; "0 9 28 * *" is a day that every month has'),
        ("0 9 0W * *", PORTABLE, f'is not portable: {EXTENSION} ("0W" as day of month)',
         '"nearest weekday" has no portable form; "0 9 1 * *" is the first of the month'),
        ("0 9 W * *", PORTABLE, f'is not portable: {EXTENSION} ("W" as day of month)',
         '"nearest weekday" has no portable form; "0 9 1 * *" is the first of the month'),
        ("0 9 ? * 1", PORTABLE, f'is not portable: {EXTENSION} ("?" as day of month)',
         'write * instead of ?: "0 9 * * 1"'),
        ("0 9 1 * ?", PORTABLE, f'is not portable: {EXTENSION} ("?" as weekday)',
         'write * instead of ?: "0 9 1 * *"'),
        ("0 9 ? * x", PORTABLE, f'is not portable: {EXTENSION} ("?" as day of month)',
         "write * instead of ?"),
        # days
        ("0 9 1 * 1", PORTABLE,
         "is not portable: day of month and weekday together mean OR to cron and AND to others",
         'restrict one of them: "0 9 1 * *" or "0 9 * * 1"'),
        ("0 9 1 * */2", PORTABLE,
         "is not portable: day of month and weekday together mean OR to cron and AND to others",
         'restrict one of them: "0 9 1 * *" or "0 9 * * */2"'),
        ("0 9 31 2 1", PORTABLE,
         "is not portable: day of month and weekday together mean OR to cron and AND to others",
         'restrict one of them: "0 9 * 2 1"'),
        ("0 9 31 2 *", rules.CRON_NEVER_FIRES, "never fires: no such day exists",
         '"0 9 29 2 *" is the last day that does'),
        ("0 9 30,31 FEB *", rules.CRON_NEVER_FIRES, "never fires: no such day exists",
         '"0 9 29 FEB *" is the last day that does'),
        ("0 9 31 2,4,6 *", rules.CRON_NEVER_FIRES, "never fires: no such day exists",
         '"0 9 30 2,4,6 *" is the last day that does'),
    ],
)  # fmt: skip
def test_refused(text: str, rule: Rule, message: str, fix: str) -> None:
    error = refused(text)
    assert (error.rule, error.message, error.fix) == (rule, message, fix)


@pytest.mark.parametrize(
    "text",
    [
        "L 9 * * *", "w 9 * * 1", "1#1 9 * * *", "L L L L L", "? ? ? ? ?", "mon mon mon mon mon",
        ",".join(["9-1"] * 240) + " 9 * * *", ",".join(["9/2"] * 240) + " 9 * * *",
        "0 9 * * " + ",".join(["mon"] * 240), "0 9 * * " + ",".join(["6-1"] * 240),
        "0 9 * * " + ",".join(["1#1"] * 240), "," * 900 + " 9 * * *", "0 9 " + "?" * 900 + " * *",
        "0 9 * * " + "1" * 900 + "#", "/" * 900 + " 9 * * *", "-" * 900 + " 9 * * *",
        " ".join("5/10" for _ in range(5)), "0 9 * * " + "L" * 900, "\u2013" * 900,
    ],
    ids=lambda text: text[:16],
)  # fmt: skip
def test_a_fix_is_found_without_end_nowhere(text: str) -> None:
    """To suggest a cron it has to be tried; trying one must not look for a fix in turn."""
    error = refused(text)
    assert len(error.fix) < 300
    assert len(error.message) < 200
    check_fix(error)


# --- Properties --------------------------------------------------------------------------------

_CRON = re.compile(r'"([^" ]+(?: [^" ]+){4})"')


def check_fix(error: CronError) -> None:
    assert printable(error.message)
    assert printable(error.fix)
    assert error.fix
    for text in _CRON.findall(error.fix):
        parse_cron(text)


LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = (
    (), (), (),
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
)  # fmt: skip


def spelt(field: int, number: int, how: int) -> str:
    """A number as it is, with a leading zero, or as a name where it has one."""
    names, index = NAMES[field], number - LIMITS[field][0]
    return names[index] if how == 2 and index < len(names) else f"{number:0{how}}"


def items(field: int) -> st.SearchStrategy[str]:
    """One item of a list: nearly always one that is accepted."""
    low, high = LIMITS[field]
    numbers, how = st.integers(low, high), st.integers(1, 2)
    value = st.builds(lambda number, h: spelt(field, number, h), numbers, how)
    ranges = st.builds(
        lambda ends, step, h: (
            "-".join(spelt(field, end, h) for end in sorted(ends))
            + (f"/{step}" if step < max(ends) else "")
        ),
        st.lists(numbers, min_size=2, max_size=2, unique=True),
        st.integers(1, high + 5),
        how,
    )
    return value | ranges


def starred(field: int) -> st.SearchStrategy[str]:
    """What begins with a star, which is a field of its own and no item of a list."""
    return st.just("*") | st.integers(1, LIMITS[field][1]).map(lambda step: f"*/{step}")


def crons() -> st.SearchStrategy[str]:
    """A cron, nearly always one that is accepted."""
    fields = [
        starred(n) | st.lists(items(n), min_size=1, max_size=3).map(",".join) for n in range(5)
    ]
    by_date = st.tuples(*fields[:4], st.just("*"))
    by_day = st.tuples(*fields[:2], st.just("*"), *fields[3:])
    return st.builds(
        lambda parts, gap: gap.join(parts), by_date | by_day, st.sampled_from([" ", "  "])
    )


@given(crons())
@settings(max_examples=300)
@example("0 9 * * 5-7")
@example("*/7 */5 */9 */5 *")
@example("0 9 * * */6")
def test_what_is_accepted_means_the_same_to_cronsim(text: str) -> None:
    try:
        cron = parse_cron(text)
    except CronError as error:
        check_fix(error)
        return
    theirs = CronSim(text, datetime(2026, 1, 1))
    assert set(cron.minutes) == theirs.minutes
    assert set(cron.hours) == theirs.hours
    assert set(cron.days) == theirs.days
    assert set(cron.months) == theirs.months
    assert set(cron.weekdays) == {day % 7 for day in theirs.weekdays if isinstance(day, int)}
    assert next(theirs).year <= 2028, "29 February is the rarest day"
    for values, (low, high) in zip(
        (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays), LIMITS, strict=True
    ):
        assert list(values) == sorted(set(values))
        assert values[0] >= low
        assert values[-1] <= high


@given(crons(), st.integers(0, 4), st.data())
@settings(max_examples=200)
def test_a_list_holds_no_star_wherever_it_stands(
    text: str, field: int, data: st.DataObject
) -> None:
    """The order of a list would say whether clock changes move it; a list has no such order."""
    parts = text.split()
    listed = data.draw(st.lists(items(field), min_size=1, max_size=3))
    listed.insert(data.draw(st.integers(0, len(listed))), data.draw(starred(field)))
    parts[field] = ",".join(listed)
    error = refused(" ".join(parts))
    assert error.rule in (rules.CRON_NOT_PORTABLE, rules.CRON_VALUE)
    check_fix(error)


CRONISH = st.lists(
    st.sampled_from(
        ["0", "9", "1", "7", "12", "31", "60", "*", "*", " ", " ", " ", " ", ",", "-", "/", "#",
         "L", "W", "?", "@", "MON", "mon", "Monday", "FRI", "JAN", "june", "\t", "\n", "–", "٣",
         "TZ=UTC ", "2026", "H", "é", "\x1b", '"']
    ),
    max_size=16,
).map("".join)  # fmt: skip


@given(CRONISH | st.text(max_size=30) | CRONISH.map(lambda text: f"0 9 {text} * *"))
@settings(max_examples=400)
@example("0 9 31 2 1")
@example("0 9 1,31 2 *")
@example("0 0 0W 0 0")
def test_whatever_else_is_refused_with_a_fix_that_is_right(text: str) -> None:
    try:
        parse_cron(text)
    except CronError as error:
        check_fix(error)
    else:
        parts = text.split()
        assert len(parts) == 5
        assert not any("*" in part and "," in part for part in parts)
        CronSim(text, datetime(2026, 1, 1))


# --- Cadences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cadence", "expected"),
    [
        ("0 * * * *", Cadence.HOURLY, ""),
        ("0,30 * * * *", Cadence.HOURLY, "fires up to 2 times an hour"),
        ("0 0-22 * * *", Cadence.HOURLY, "does not fire in every hour"),
        ("0 * * * 1", Cadence.HOURLY, "does not fire in every hour"),
        ("*/5 9 * * *", Cadence.HOURLY, "fires up to 12 times an hour"),
        ("0 9 * * *", Cadence.DAILY, ""),
        ("0 9,17 * * *", Cadence.DAILY, "fires up to 2 times a day"),
        ("0 9 * * 1-5", Cadence.DAILY, "does not fire in every day"),
        ("* * * * *", Cadence.DAILY, "fires up to 1,440 times a day"),
        ("0 9 * * 1", Cadence.WEEKLY, ""),
        ("0 9 * * 0", Cadence.WEEKLY, ""),
        ("0 9 * * 1,4", Cadence.WEEKLY, "fires up to 2 times a week"),
        ("0 9 1 * *", Cadence.WEEKLY, "does not fire in every week"),
        ("0 9 * 1 1", Cadence.WEEKLY, "does not fire in every week"),
        ("0 9 1 * *", Cadence.MONTHLY, ""),
        ("0 9 28 * *", Cadence.MONTHLY, ""),
        ("0 9 29 * *", Cadence.MONTHLY, "does not fire in every month"),
        ("0 9 31 * *", Cadence.MONTHLY, "does not fire in every month"),
        ("0 9 * * 1", Cadence.MONTHLY, "fires up to 5 times a month"),
        ("0 9 1 1,4,7,10 *", Cadence.QUARTERLY, ""),
        ("0 9 15 */3 *", Cadence.QUARTERLY, ""),
        ("0 9 31 3,6,9,12 *", Cadence.QUARTERLY, "does not fire in every quarter"),
        ("0 9 1 * *", Cadence.QUARTERLY, "fires up to 3 times a quarter"),
        ("0 9 29 2 *", Cadence.QUARTERLY, "does not fire in every quarter"),
    ],
)
def test_cadence_mismatch(text: str, cadence: Cadence, expected: str) -> None:
    assert cadence_mismatch(parse_cron(text), cadence) == expected


DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(4 * 365 + 1)]
UNITS: dict[Cadence, tuple[str, Callable[[date], object]]] = {
    Cadence.HOURLY: ("an hour", lambda day: day),
    Cadence.DAILY: ("a day", lambda day: day),
    Cadence.WEEKLY: ("a week", lambda day: day - timedelta(days=day.weekday())),
    Cadence.MONTHLY: ("a month", lambda day: (day.year, day.month)),
    Cadence.QUARTERLY: ("a quarter", lambda day: (day.year, (day.month + 2) // 3)),
}


def by_counting(cron: Cron, cadence: Cadence) -> str:
    """Count the fires of 2024 to 2027 by the hour, day, week, month or quarter they fall in."""
    name, unit_of = UNITS[cadence]
    times = len(list(product(cron.hours, cron.minutes)))
    fires: Counter[object] = Counter()
    for day in DAYS[:-5] if cadence is Cadence.WEEKLY else DAYS:  # the last week is no whole one
        on = day.day in cron.days and day.month in cron.months
        on = on and (day.weekday() + 1) % 7 in cron.weekdays
        fires[unit_of(day)] += on * times
    counts = set(fires.values())
    if cadence is Cadence.HOURLY:
        most = {len(cron.minutes) * (hour in cron.hours) for hour in range(24)}
        counts = {count and fired for count in counts for fired in most}
    if max(counts) > 1:
        return f"fires up to {max(counts):,} times {name}"
    return "" if min(counts) else f"does not fire in every {name.split()[1]}"


@given(crons(), st.sampled_from(list(Cadence)))
@settings(max_examples=60)
@example("0 9 29 * *", Cadence.MONTHLY)
@example("0 9 29 2 *", Cadence.QUARTERLY)
@example("0 9 * * 1", Cadence.QUARTERLY)
@example("0 9 31 12 *", Cadence.DAILY)
def test_cadences_by_counting(text: str, cadence: Cadence) -> None:
    try:
        cron = parse_cron(text)
    except CronError:
        return
    assert cadence_mismatch(cron, cadence) == by_counting(cron, cadence)
