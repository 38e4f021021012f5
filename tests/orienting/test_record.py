"""The pilot's record: JSON lines, written and read back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kaizen_schedule.orienting.record import PilotStep, StepKind, parse_record, render_record

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
        ('{"number": 1, "step": "dance", "ok": true}', "/step is no StepKind"),
        ('{"number": "1", "step": "end", "ok": true}', "/number is no int"),
        ('{"number": 1, "step": "end", "ok": 1}', "/ok is no bool"),
        ('{"number": true, "step": "end", "ok": true}', "/number is no int"),
        ('{"number": 1, "step": "end", "ok": true, "fired_at": 3}', "/fired_at is no"),
        ('{"number": 1, "number": 1, "step": "end", "ok": true}', "line 2: "),
    ],
)  # fmt: skip
def test_a_line_that_is_no_step_is_named(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2: ") as caught:
        parse_record(f"{render_record(STEPS[:1])}{line}\n")
    assert says in str(caught.value)
