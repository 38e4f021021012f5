"""The pilot's record: JSON lines, written and read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kaizen_schedule.orienting.record import (
    PilotStep,
    StepKind,
    parse_record,
    render_record,
    sequence_fault,
)
from kaizen_schedule.reading.codec import NewerFormError
from tests.support import ROOT

STEPS = (
    PilotStep(
        number=1, step=StepKind.FIRE, ok=True, definition="d", detail="fires\u2028now\n",
        fired_at=datetime(2026, 11, 30, 8, tzinfo=UTC),
    ),
    PilotStep(
        number=2, step=StepKind.PREPARE, ok=False, repo="a\x1b", agent="coach", run="a:coach:x",
        duration_s=0.25,
    ),
    PilotStep(number=3, step=StepKind.EXCLUDED, ok=True, reason="not-due", tokens=7, digest="0"),
)  # fmt: skip


def test_what_is_written_is_read_back() -> None:
    text = render_record(STEPS)
    assert text.isascii()
    assert text.count("\n") == len(STEPS)
    assert parse_record(text) == STEPS
    assert parse_record(text.removesuffix("\n")) == STEPS


def test_nothing_is_a_record_of_nothing() -> None:
    assert parse_record(render_record(())) == ()


def test_what_is_not_known_is_left_out_and_raw_separators_stay() -> None:
    line = '{"number": 1, "step": "end", "ok": true, "detail": "a\u2028b\x85c", "new": [1]}\n'
    assert parse_record(line)[0].detail == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "line 2: "), ("{", "line 2: "), ("[]", "line 2: "), ("{}", "/number is missing"),
        ('{"number": 1, "step": "dance", "ok": true}', "/step is none of fire, "),
        ('{"number": "1", "step": "end", "ok": true}', "/number is no whole number"),
        ('{"number": 1, "step": "end", "ok": 1}', "/ok is neither true nor false"),
        ('{"number": true, "step": "end", "ok": true}', "/number is no whole number"),
        ('{"number": 1, "step": "end", "ok": true, "fired_at": 3}', "/fired_at is no"),
        ('{"number": 1, "step": "end", "ok": true, "duration_s": "1"}', "/duration_s is no number"),
        ('{"number": 1, "step": "end", "ok": true, "reason": "nosuch"}',
         '/reason is "nosuch", which is no reason'),
        ('{"number": 1, "step": "end", "ok": true, "repo": "a\\ud800b"}',
         "/repo is no Unicode text"),
        ('{"number": 1, "step": "end", "ok": true, "detail": "\\udfff"}',
         "/detail is no Unicode text"),
        ('{"number": 1, "step": "end", "ok": true, "schema_version": "1"}',
         "/schema_version is no version"),
        ('{"number": 1, "number": 1, "step": "end", "ok": true}', "line 2: "),
    ],
)  # fmt: skip
def test_a_line_that_is_no_step_is_named(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2: ") as caught:
        parse_record(f"{render_record(STEPS[:1])}{line}\n")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("tokens", 0, True), ("tokens", 2**31 - 1, True),
        ("tokens", -1, False), ("tokens", 2**31, False), ("tokens", 10**30, False),
        ("number", 1, True), ("number", 0, False), ("number", 2**31, False),
        ("duration_s", 0, True), ("duration_s", 366 * 86_400, True),
        ("duration_s", -5, False), ("duration_s", -1e-300, False), ("duration_s", 1e308, False),
    ],
)  # fmt: skip
def test_numbers_have_their_range(name: str, value: Any, fine: bool) -> None:
    step = replace(STEPS[0], **{name: value})
    text = render_record([step])
    if fine:
        assert getattr(parse_record(text)[0], name) == value
        return
    with pytest.raises(ValueError, match=f"^line 1: /{name} is not from "):
        parse_record(text)


@pytest.mark.parametrize(
    ("instant", "fine"),
    [
        ("1970-01-01T00:00:00Z", True), ("2199-12-31T23:59:59Z", True),
        ("1970-01-01T00:00:00+01:00", False), ("2200-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+14:00", False), ("9999-12-31T23:59:59Z", False),
        ("9999-12-31T23:59:59-12:00", False),
    ],
)  # fmt: skip
def test_instants_are_of_the_years_that_a_run_can_have(instant: str, fine: bool) -> None:
    line = f'{{"number": 1, "step": "end", "ok": true, "fired_at": "{instant}"}}'
    if fine:
        assert parse_record(line)[0].fired_at == datetime.fromisoformat(instant)
        return
    with pytest.raises(ValueError, match=r"^line 1: /fired_at is not of the years 1970 to 2199$"):
        parse_record(line)


def test_characters_beyond_the_first_plane_are_text() -> None:
    step = replace(STEPS[0], detail="🚀 é", fired_at=datetime(2026, 1, 1, tzinfo=ODD))
    assert parse_record(render_record([step])) == (step,)


ODD = timezone(timedelta(hours=-3, minutes=-30))


def test_a_newer_form_is_refused_and_a_newer_minor_number_read_on() -> None:
    line = '{"schema_version": "9.0", "number": 1, "step": "dance"}'
    with pytest.raises(NewerFormError, match=r"^line 2: schema_version is 9.0, and this program "):
        parse_record(f"{render_record(STEPS[:1])}{line}\n")
    text = '{"schema_version": "1.7", "number": 1, "step": "end", "ok": true, "new": 1}'
    assert parse_record(text)[0].schema_version == "1.7"


# --- The steps of a whole record ---------------------------------------------------------------


def published() -> list[PilotStep]:
    return list(parse_record((ROOT / "docs/examples/pilot-record.jsonl").read_text("utf-8")))


def test_the_published_record_is_whole_and_so_is_one_of_nothing() -> None:
    assert sequence_fault(published()) == ""
    assert sequence_fault(()) == ""
    assert sequence_fault([PilotStep(number=1, step=StepKind.END, ok=False)]) == ""


def anew(record: list[PilotStep]) -> list[PilotStep]:
    """The same steps, numbered again, so that a number tells nothing."""
    return [replace(step, number=number) for number, step in enumerate(record, 1)]


def at(kind: StepKind) -> int:
    return next(n for n, step in enumerate(published()) if step.step is kind)


def without(kind: StepKind) -> Callable[[list[PilotStep]], list[PilotStep]]:
    return lambda record: anew(record[: at(kind)] + record[at(kind) + 1 :])


def changed(kind: StepKind, **parts: Any) -> Callable[[list[PilotStep]], list[PilotStep]]:
    place = at(kind)
    return lambda r: [*r[:place], replace(r[place], **parts), *r[place + 1 :]]


@pytest.mark.parametrize(
    ("damage", "line", "says"),
    [
        (lambda r: r[:-1], 108, "the record stops here, before its end"),
        (lambda r: r[:39] + r[40:], 40, "/number is 41, and has to be 40"),
        (lambda r: [*r, *r], 110, "/number is 1, and has to be 110"),
        (lambda r: r[::-1], 1, "/number is 109, and has to be 1"),
        (lambda r: anew([*r, *r]), 110, "step fire cannot come after end"),
        (lambda r: anew([*r, r[-1]]), 110, "step end cannot come after end"),
        (lambda r: anew(r[1:]), 1, "step resolve cannot be the first"),
        (without(StepKind.RESOLVE), 2, "step excluded cannot come after fire"),
        (without(StepKind.PREPARE), at(StepKind.PREPARE) + 1, "step bundle cannot come after task"),
        (without(StepKind.UNCHANGED), at(StepKind.UNCHANGED) + 1, "step task cannot come after ev"),
        (without(StepKind.TASK), at(StepKind.TASK) + 1, "step prepare cannot come after excluded"),
        (changed(StepKind.BUNDLE, run="x"), at(StepKind.BUNDLE) + 1, "/run is another than that"),
        (changed(StepKind.EVENT, agent=None), at(StepKind.EVENT) + 1, "/agent is another than"),
        (changed(StepKind.FIRE, fired_at=None), 1, "/fired_at is missing"),
        (changed(StepKind.EXCLUDED, reason=None), 3, "/reason is missing"),
        (changed(StepKind.TASK, run=None), at(StepKind.TASK) + 1, "/run is missing"),
    ],
)
def test_steps_that_are_missing_or_out_of_order_are_named(
    damage: Callable[[list[PilotStep]], list[PilotStep]], line: int, says: str
) -> None:
    assert sequence_fault(damage(published())).startswith(f"line {line}: {says}")


def test_steps_that_failed_break_no_order() -> None:
    record = [replace(step, ok=False) for step in published()]
    assert sequence_fault(record) == ""
    assert sequence_fault(without(StepKind.BUNDLE)(record)) != ""
    brief = [step for step in record if step.step not in (StepKind.BUNDLE, StepKind.EVENT)]
    assert sequence_fault(anew(brief)) == ""
