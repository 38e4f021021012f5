"""Models to JSON, and back by the standard library's own reader."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.reading.codec import (
    NewerFormError,
    check_version,
    dumps,
    from_plain,
    instant,
    to_plain,
)
from kaizen_schedule.reading.diagnostics import Severity
from tests.support import MemoryZones

BERLIN = timezone(timedelta(hours=1))


class Level(enum.IntEnum):
    LOW = 1


class Shade(enum.Enum):
    DARK = ("d", 2)


@dataclass(frozen=True)
class Inner:
    when: datetime
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    level: Level
    more: dict[str, Any] = field(default_factory=dict)


def test_an_instant_is_utc_to_the_second() -> None:
    moment = datetime(2026, 11, 30, 9, 30, 15, 999_999, tzinfo=BERLIN)
    assert instant(moment) == "2026-11-30T08:30:15Z"


def test_an_instant_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        instant(datetime(2026, 11, 30))
    with pytest.raises(ValueError, match="zone"):
        to_plain(datetime(2026, 11, 30))


def test_local_times_keep_their_offset() -> None:
    assert to_plain(datetime(2026, 11, 30, 9, tzinfo=BERLIN)) == "2026-11-30T09:00:00+01:00"
    assert to_plain(datetime(2026, 11, 30, 9, tzinfo=UTC)) == "2026-11-30T09:00:00Z"
    half = timezone(timedelta(hours=-3, minutes=-30))
    assert to_plain(datetime(2026, 11, 30, 9, 0, 0, 5, half)) == "2026-11-30T09:00:00-03:30"


def test_a_zone_that_is_at_utc_is_written_as_utc() -> None:
    london = MemoryZones.load().zones["Europe/London"]
    assert to_plain(datetime(2026, 1, 1, 9, tzinfo=london)) == "2026-01-01T09:00:00Z"
    assert to_plain(datetime(2026, 7, 1, 9, tzinfo=london)) == "2026-07-01T09:00:00+01:00"


def test_models_become_plain_data() -> None:
    model = Outer(
        inner=Inner(when=datetime(2026, 1, 1, tzinfo=UTC), tags=("a", "b")),
        level=Level.LOW,
        more={"severity": Severity.ERROR, "none": None, "shade": Shade.DARK},
    )
    assert to_plain(model) == {
        "inner": {"when": "2026-01-01T00:00:00Z", "tags": ["a", "b"]},
        "level": 1,
        "more": {"severity": "error", "none": None, "shade": ["d", 2]},
    }


def test_enums_lose_their_type() -> None:
    assert type(to_plain(Severity.ERROR)) is str
    assert json.dumps(to_plain(Level.LOW)) == "1"


def test_any_mapping_will_do_and_order_is_kept() -> None:
    mapping = MappingProxyType(OrderedDict([("b", 1), ("a", [True, 2.5, "x"])]))
    assert list(to_plain(mapping).items()) == [("b", 1), ("a", [True, 2.5, "x"])]  # type: ignore[union-attr]
    assert to_plain({1: "one"}) == {"1": "one"}


@pytest.mark.parametrize(
    "value", [{1, 2}, b"bytes", object(), Inner, date(2026, 1, 1), timedelta(1), 1j]
)
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no JSON form"):
        to_plain([value])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps({"value": value})


def test_the_text_is_ascii_and_ends_in_a_newline() -> None:
    text = dumps({"a": "né \u202e \u2028 \x1b 🚀", "b": []})
    assert text.isascii()
    assert "\x1b" not in text
    assert text.endswith("}\n")
    assert text.count("\n") == 4
    assert dumps([1, 2], indent=None) == "[1, 2]\n"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert json.loads(dumps(value)) == value
    assert to_plain(value) == value


@given(
    st.datetimes(
        min_value=datetime(2, 1, 1),
        max_value=datetime(9000, 1, 1),
        timezones=st.sampled_from([UTC, BERLIN]),
    )
)
def test_times_are_read_back(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert datetime.fromisoformat(str(to_plain(moment))) == whole
    assert datetime.fromisoformat(instant(moment)) == whole


# --- Back from plain data ----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tree:
    name: str
    kind: Literal["1"] = "1"
    size: float = 0.0
    shade: Severity | None = None
    when: datetime | None = None
    parts: tuple[Tree, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    sure: bool = True
    why: Reason | None = None


def test_a_model_is_read_back() -> None:
    tree = Tree(
        name="a",
        shade=Severity.ERROR,
        when=datetime(2026, 1, 1, tzinfo=UTC),
        parts=(Tree(name="b", counts={"x": 1}), Tree(name="c", size=2.5)),
    )
    assert from_plain(Tree, to_plain(tree)) == tree
    assert from_plain(Tree, {"name": "a", "unknown": [1], "size": 3}) == Tree(name="a", size=3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "the whole is no object$"), ([], "the whole is no object$"),
        ({}, "/name is missing"),
        ({"name": None}, "/name is no text$"), ({"name": 1}, "/name is no text$"),
        ({"name": "a", "kind": "2"}, "/kind is not 1$"), ({"name": "a", "kind": []}, "/kind is no"),
        ({"name": "a", "kind": 1}, "/kind is no"), ({"name": "a", "size": True}, "/size is no"),
        ({"name": "a", "size": "1"}, "/size is no number$"),
        ({"name": "a", "shade": "loud"}, "/shade is none of error, warning$"),
        ({"name": "a", "shade": []}, "/shade is none of error, warning$"),
        ({"name": "a", "when": "soon"}, "/when is no instant$"),
        ({"name": "a", "when": 7}, "/when is no instant$"),
        ({"name": "a", "when": "2026-01-01T00:00:00"}, "/when is no instant$"),
        ({"name": "a", "parts": {}}, "/parts is no list$"),
        ({"name": "a", "parts": "ab"}, "/parts is no list$"),
        ({"name": "a", "parts": [{"name": "b"}, {}]}, "/parts/1/name is missing"),
        ({"name": "a", "counts": {"x": "1"}}, "/counts/x is no whole number$"),
        ({"name": "a", "counts": {"x": True}}, "/counts/x is no whole number$"),
        ({"name": "a", "counts": {"a/b~1": "1"}}, "/counts/a~1b~01 is no whole number$"),
        ({"name": "a", "counts": []}, "/counts is no object$"),
        ({"name": "a", "sure": 1}, "/sure is neither true nor false$"),
        ({"name": "a", "why": "x"}, "/why is none of roster-entry-invalid, .*, and [0-9]+ more$"),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused_with_its_place(data: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        from_plain(Tree, data)


@pytest.mark.parametrize(
    "data", [{}, {"schema_version": "1.0"}, {"schema_version": "1.99"}, {"schema_version": 9}, []]
)
def test_a_form_of_this_major_number_is_read_on(data: Any) -> None:
    check_version(data)  # what is no text the model's own reader refuses, with its place


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("2.0", "^schema_version is 2.0, and this program reads 1.x$"),
        ("99.7", "^schema_version is 99.7, and this program reads 1.x$"),
    ],
)
def test_a_newer_major_number_is_refused(version: str, says: str) -> None:
    with pytest.raises(NewerFormError, match=says):
        check_version({"schema_version": version})


@pytest.mark.parametrize("version", ["", "1", "x", "1.0.0", "-1.0", "1.x", "\u0661.0", "9" * 99])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"^/schema_version is no version such as 1.0$"):
        check_version({"schema_version": version})


def test_the_largest_models_are_read_back(now: datetime) -> None:
    from kaizen_schedule.planning.answers import RosterAnswer

    answer = RosterAnswer(
        host="a", hosts=("a",), roster_digest="", tzdata_version="", repos=(), counts={"n": 1}
    )
    assert from_plain(RosterAnswer, json.loads(dumps(answer))) == answer
