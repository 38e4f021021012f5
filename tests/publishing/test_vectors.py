"""Vectors are answered as they say, hold every reason, and can be read back by anyone."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kaizen_schedule.api import conformance as api
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.conformance import answer_vector, lay_out
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.publishing.vectors import FLEET, Vector, VectorFile, load_vector
from kaizen_schedule.reading.codec import dumps, to_plain
from kaizen_schedule.reading.errors import UsageError

PATHS = [
    path
    for path in packaged.contracts()
    if path.startswith("contracts/vectors/") and path.endswith(".json")
]


@cache
def plain(path: str) -> Any:
    return json.loads(packaged.contract(path))


def vector(name: str) -> Vector:
    return load_vector(plain(f"contracts/vectors/{name}.json"))


@pytest.mark.parametrize("path", PATHS)
def test_a_vector_is_answered_as_it_says(path: str) -> None:
    held = load_vector(plain(path))
    assert path == f"contracts/vectors/{held.name}.json"
    # As JSON: a time in a repeated hour equals none of another kind of zone (PEP 495).
    assert to_plain(answer_vector(held)) == plain(path)["expected"]


@pytest.mark.parametrize("path", PATHS)
def test_a_vector_keeps_its_schema(path: str) -> None:
    schema = json.loads(packaged.schema("vector"))
    Draft202012Validator(schema).validate(plain(path))
    assert to_plain(load_vector(plain(path))) == plain(path)


def test_every_reason_of_one_asking_is_shown() -> None:
    found = Counter(
        exclusion["reason"] for path in PATHS for exclusion in plain(path)["expected"]["exclusions"]
    )
    counted = Counter[str]()
    for path in PATHS:
        counted.update(plain(path)["expected"]["counts"]["reasons"])
    assert set(counted) == set(map(str, Reason))
    assert set(found) == set(map(str, Reason)) - {"agent-not-scheduled"}  # counted, not listed


@pytest.mark.parametrize("reason", list(Reason))
def test_a_vector_that_is_named_for_a_reason_shows_it(reason: Reason) -> None:
    counts = plain(f"contracts/vectors/{reason}.json")["expected"]["counts"]
    assert counts["reasons"][reason]


def test_the_vectors_of_clock_changes_differ_where_clocks_do() -> None:
    """A resolver that ignores the change, or takes the other rule, fails at least one of them."""
    for place in ("berlin", "new-york", "lord-howe", "santiago"):
        for season in ("spring", "autumn"):
            found = vector(f"clocks-{place}-{season}").expected
            assert found is not None
            offsets = {run.scheduled_for.utcoffset() for run in found.scheduled_runs}
            assert len(offsets) == 2, (place, season)


def test_nothing_of_the_machine_is_in_a_vector() -> None:
    for path in PATHS:
        assert b"/tmp" not in packaged.contract(path)


def test_other_rules_of_time_zones_are_refused() -> None:
    held = replace(vector("not-due"), tzdata_version="1999.1")
    with pytest.raises(UsageError, match=r'is of tzdata "1999\.1"') as caught:
        answer_vector(held)
    assert caught.value.fix == "install tzdata==1999.1"


@pytest.mark.parametrize(
    "version", ["", "\x1b]0;x\x07\n", "2026", "2026.1; rm", "٢٠٢٦.١", "2026." + "1" * 99, "9" * 999]
)
def test_a_release_that_cannot_be_is_shown_harmless_and_without_a_fix(version: str) -> None:
    with pytest.raises(UsageError) as caught:
        answer_vector(replace(vector("not-due"), tzdata_version=version))
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 120
    assert caught.value.fix == ""


YEAR = timedelta(days=366)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (YEAR, ""),
        (YEAR + SECOND, "the window of the vector is longer than a year"),
        (50 * YEAR, "the window of the vector is longer than a year"),
        (SECOND, ""),
        (SECOND * 0, "the window of the vector ends before it begins"),
        (-YEAR, "the window of the vector ends before it begins"),
    ],
)
def test_a_window_is_as_long_as_others_may_be(length: timedelta, told: str) -> None:
    """As `schedule runs` and the library have it."""
    held = vector("hub-opted-out")
    start = held.window.start
    asked = replace(held, window=Window(start=start, end=start + length))
    with pytest.raises(UsageError) if told else contextlib.nullcontext() as caught:
        answer_vector(asked)
    assert (caught.value.message if caught else "") == told


def test_a_path_may_be_as_deep_as_a_checkout_is(tmp_path: Path) -> None:
    deepest = FLEET + "/a" * 99
    held = vector("not-due")
    lay_out(replace(held, files={deepest: VectorFile(base64="")}), str(tmp_path / "x"))
    assert (tmp_path / f"x{deepest}").is_file()
    for kind in (VectorFile(base64=""), VectorFile(link="x")):
        with pytest.raises(UsageError, match="has more than 100 names"):
            lay_out(replace(held, files={f"{deepest}/a": kind}), str(tmp_path / "y"))
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("path", ["/etc/x", "/fleet/../x", "/fleet", "relative"])
def test_a_vector_s_files_stay_where_they_are_laid_out(path: str, tmp_path: Any) -> None:
    held = replace(vector("not-due"), files={path: VectorFile(base64="")})
    with pytest.raises(UsageError, match=f"is not under {FLEET}"):
        lay_out(held, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@given(st.sampled_from(PATHS), st.data())
def test_a_vector_that_lacks_something_says_what(path: str, data: st.DataObject) -> None:
    held = dict(plain(path))
    needed = sorted(set(held) - {"schema_version", "expected"})
    gone = data.draw(st.sampled_from(needed))
    del held[gone]
    with pytest.raises(ValueError, match=f"^/{gone} is missing$"):
        load_vector(held)


# What is found in vectors that were written by hand, or by somebody who means harm.
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1e99, 10**30, "", "x", "\0", "\ud800", "/", "..", "/fleet/../etc", "9" * 400,
    [], {}, [[]], {"a": 1}, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "* * * * *",
    "PT0S", "P99999999999D", "{{", "{{ run.x }}", "Europe/Berlin", "a/b", "weekly",
)  # fmt: skip


def _places(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        yield (*at, key)
        if isinstance(value, dict | list):
            yield from _places(value, (*at, key))


@given(st.sampled_from(PATHS), st.data())
def test_a_spoilt_vector_is_answered_or_refused(path: str, data: st.DataObject) -> None:
    held = deepcopy(plain(path))
    held["expected"] = None
    *route, last = data.draw(st.sampled_from(list(_places(held))))
    inner = held
    for key in route:
        inner = inner[key]
    inner[last] = data.draw(st.sampled_from(JUNK))
    with contextlib.suppress(UsageError):
        answer = api.answer_vector(json.dumps(held).encode())
        assert answer.host == held["host"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "paths",
    [
        {"/fleet/a": "link", "/fleet/a/b": "file"},
        {"/fleet/a": "link", "/fleet/a/b": "link"},
        {"/fleet/a": "file", "/fleet/a/b": "file"},
        {"/fleet/a/./b": "file"},
        {"/fleet//b": "file"},
        {"/fleet/b/": "file"},
        {"/fleet/..": "link"},
    ],
)
def test_nothing_is_laid_out_through_a_link(paths: Any, order: int, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    files = {
        path: VectorFile(link=str(outside), mode="0777")
        if kind == "link"
        else VectorFile(base64="")
        for path, kind in list(paths.items())[::order]
    }
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(UsageError):
        lay_out(replace(vector("not-due"), files=files), str(inside))
    assert list(outside.iterdir()) == list(inside.iterdir()) == []


def test_a_question_holds_no_answer() -> None:
    asked = replace(vector("not-due"), expected=None)
    assert load_vector(json.loads(dumps(asked))) == asked
