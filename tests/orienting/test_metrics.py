"""Records: written strictly, read whatever the file holds, summed up, and reasoned about."""

from __future__ import annotations

import json
import math
import statistics
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.orienting.metrics import (
    DIAGNOSTIC_LIMIT,
    DURATION_LIMIT,
    LINE_LIMIT,
    NOTE_LIMIT,
    Execution,
    Executions,
    Outcome,
    metrics_path,
    parse_executions,
    render_execution,
)
from kaizen_schedule.orienting.suggestions import (
    BECAUSE_LIMIT,
    Suggestion,
    SuggestionKind,
    render_suggestions,
    suggest,
)
from kaizen_schedule.orienting.trends import (
    Trend,
    render_duration,
    render_summary,
    show_quality,
    show_rate,
    summarise,
)
from kaizen_schedule.reading.errors import UsageError

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PATH = ".kaizen/metrics/coach/executions.jsonl"
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
GOOD: dict[str, Any] = {
    "timestamp": "2026-11-30T09:00:00Z",
    "outcome": "success",
    "duration_s": 250,
}


def read(text: str | bytes, *, truncated: bool = False) -> Executions:
    data = text.encode() if isinstance(text, str) else text
    return parse_executions(data, path=PATH, truncated=truncated)


def line(**fields: Any) -> str:
    return json.dumps({**GOOD, **fields}) + "\n"


def record(**fields: Any) -> str:
    return render_execution(**{"timestamp": NOW, "outcome": "success", "duration_s": 250, **fields})


def runs(*facts: tuple[float, str, float] | tuple[float, str, float, float]) -> list[Execution]:
    """Records from (days ago, outcome, seconds, quality), on the lines 1, 2, …"""
    return [
        Execution(
            timestamp=NOW - fact[0] * DAY,
            outcome=Outcome(fact[1]),
            duration_s=fact[2],
            quality=fact[3] if len(fact) > 3 else None,
            line=number,
        )
        for number, fact in enumerate(facts, 1)
    ]


def kinds(suggestions: tuple[Suggestion, ...]) -> list[str]:
    return [suggestion.kind.value for suggestion in suggestions]


def test_records_stand_in_the_agents_own_folder() -> None:
    assert metrics_path("coach") == PATH


class TestRenderExecution:
    def test_keys_come_in_a_fixed_order_and_only_when_given(self) -> None:
        full = record(run="a:coach:2026-11-30T09:00:00Z", note="fine", quality=1)
        assert list(json.loads(full)) == [
            "timestamp", "outcome", "duration_s", "quality", "note", "run",
        ]  # fmt: skip
        assert list(json.loads(record(note=" \n "))) == ["timestamp", "outcome", "duration_s"]

    def test_it_is_one_line_of_ascii(self) -> None:
        text = record(note="é\u202e\u2028\x1b[0m\nnext")
        assert text.isascii()
        assert text.endswith("}\n")
        assert text.count("\n") == 1
        note = json.loads(text)["note"]
        assert not {"\u202e", "\u2028", "\x1b", "\n"} & set(note)

    def test_the_instant_is_utc_to_the_second(self) -> None:
        berlin = NOW.replace(microsecond=999_999).astimezone(timezone(timedelta(hours=1)))
        assert json.loads(record(timestamp=berlin))["timestamp"] == "2026-11-30T09:00:00Z"

    def test_zones_with_seconds_are_fine(self) -> None:
        zone = timezone(timedelta(minutes=53, seconds=28))
        assert json.loads(record(timestamp=NOW.astimezone(zone)))["timestamp"].endswith("09:00:00Z")

    def test_values_at_their_limits_are_fine(self) -> None:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        text = record(timestamp=epoch, duration_s=DURATION_LIMIT, quality=0, note="x" * NOTE_LIMIT)
        (found,) = read(text).executions
        assert (found.timestamp, found.duration_s, found.quality) == (epoch, DURATION_LIMIT, 0)
        assert len(found.note) == NOTE_LIMIT

    def test_a_secret_in_the_note_is_replaced(self) -> None:
        text = record(note=f"token {TOKEN}")
        assert TOKEN not in text
        assert "[redacted:" in text

    def test_minus_zero_is_zero(self) -> None:
        assert '"duration_s": 0.0' in record(duration_s=-0.0)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"timestamp": datetime(2026, 11, 30, 9)},
             'timestamp "2026-11-30T09:00:00" in the new record has no zone'),
            ({"timestamp": datetime(1969, 12, 31, tzinfo=UTC)},
             'timestamp "1969-12-31T00:00:00+00:00" in the new record lies before 1970'),
            ({"timestamp": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
             "is a time that does not exist"),
            ({"outcome": "succes"}, 'outcome "succes" in the new record is not an outcome'),
            ({"duration_s": -1}, "duration_s -1 in the new record is not between 0 and 31,622,400"),
            ({"duration_s": DURATION_LIMIT + 1}, "is not between 0 and 31,622,400 seconds"),
            ({"duration_s": math.nan}, "duration_s NaN in the new record is not between"),
            ({"duration_s": math.inf}, "duration_s Infinity in the new record is not between"),
            ({"duration_s": 10**5_000}, "duration_s of more than 18 digits in the new record is"),
            ({"duration_s": True}, "duration_s true in the new record is not a number"),
            ({"duration_s": "4"}, 'duration_s "4" in the new record is not a number'),
            ({"duration_s": 4j}, "duration_s (complex) in the new record is not a number"),
            ({"quality": 1.01}, "quality 1.01 in the new record is not between 0 and 1"),
            ({"note": "x" * (NOTE_LIMIT + 1)}, "the note in the new record holds 1,001 characters"),
            ({"note": "a\udcff"}, "is not Unicode text"),
            ({"run": ""}, 'run "" in the new record is not the key of a run'),
            ({"run": "a b"}, 'run "a b" in the new record is not the key of a run'),
            ({"run": "x" * 1_001}, "is not the key of a run"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_recorded_is_refused(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(UsageError) as caught:
            record(**fields)
        assert message in str(caught.value)
        assert caught.value.fix
        assert caught.value.exit_code == 2

    @given(
        timestamp=st.datetimes(
            min_value=datetime(1971, 1, 1),
            max_value=datetime(9990, 1, 1),
            timezones=st.timezones() | st.just(UTC),
        ),
        outcome=st.sampled_from(Outcome),
        duration_s=st.floats(0, DURATION_LIMIT),
        quality=st.none() | st.floats(0, 1),
        note=st.text(st.characters(codec="utf-8"), max_size=50),
        run=st.none() | st.from_regex(r"[!-~]{1,40}", fullmatch=True),
    )
    def test_what_is_written_is_read_back(self, **fields: Any) -> None:
        text = render_execution(**fields)
        (found,) = read(text).executions
        assert found.timestamp == fields["timestamp"].astimezone(UTC).replace(microsecond=0)
        assert found.outcome is fields["outcome"]
        assert (found.duration_s, found.quality) == (fields["duration_s"], fields["quality"])
        assert (found.run, found.line) == (fields["run"], 1)
        assert found.note.isprintable()
        assert bool(found.note) == bool(fields["note"].strip())


BAD_LINES: list[tuple[str | bytes, str]] = [
    ("nonsense", "the text in line 1 is not JSON: expecting value, column 1"),
    ('{"timestamp": ', "is not JSON: expecting value, column 15"),
    ("{} {}", "is not JSON: extra data, column 4"),
    ("[1]", "is JSON but not an object"),
    ("null", "is JSON but not an object"),
    ('"text"', "is JSON but not an object"),
    ("{}", "the text in line 1 has no timestamp"),
    (line(duration_s=math.nan), 'is not JSON: a value is no number: "NaN"'),
    (line(duration_s=-math.inf), 'is not JSON: a value is no number: "-Infinity"'),
    (line(other=math.inf), 'is not JSON: a value is no number: "Infinity"'),
    (line().replace("250", "1e999"), 'is not JSON: a value is no number: "1e999"'),
    (line().replace("250", "9" * 5_000), "holds a number of several thousand digits"),
    (line().replace("250", "9" * 400), "duration_s of more than 18 digits in line 1 is not"),
    (line(duration_s=True), "duration_s true in line 1 is not a number"),
    (line(duration_s=None), "duration_s null in line 1 is not a number"),
    (line(duration_s="250"), 'duration_s "250" in line 1 is not a number'),
    (line(duration_s=[TOKEN]), "duration_s (a list) in line 1 is not a number"),
    (line(duration_s={}), "duration_s (an object) in line 1 is not a number"),
    (line(duration_s=-0.5), "duration_s -0.5 in line 1 is not between 0 and 31,622,400 seconds"),
    (line(duration_s=DURATION_LIMIT + 1), "duration_s 31622401 in line 1 is not between"),
    (line(quality=False), "quality false in line 1 is not a number"),
    (line(quality=1.5), "quality 1.5 in line 1 is not between 0 and 1"),
    (line(outcome="Success"), 'outcome "Success" in line 1 is not an outcome'),
    (line(outcome=1), "outcome 1 in line 1 is not an outcome"),
    (line(outcome=["success"]), "outcome (a list) in line 1 is not an outcome"),
    (line(timestamp="2026-11-30T09:00:00"), "in line 1 has no zone"),
    (line(timestamp="2026-02-30T09:00:00Z"), "is a time that does not exist"),
    (line(timestamp="2026-11-30T09:00:60Z"), "is a time that does not exist"),
    (line(timestamp="2026-11-30T09:00:00+24:00"), "is a time that does not exist"),
    (line(timestamp="0001-01-01T00:00:00+01:00"), "is a time that does not exist"),
    (line(timestamp="1969-12-31T23:59:59Z"), "lies before 1970"),
    (line(timestamp="2026-W49-1T09:00:00Z"), "is not an ISO 8601 instant"),
    (line(timestamp="２０２６-11-30T09:00:00Z"), "is not an ISO 8601 instant"),
    (line(timestamp="2026-11-30"), "is not an ISO 8601 instant"),
    (line(timestamp=1_790_000_000), "timestamp 1790000000 in line 1 is not an ISO 8601 instant"),
    (line(note=1), "note 1 in line 1 is not text"),
    (line(note="\ud800"), "is not Unicode text"),
    (line(run=["x"]), "run (a list) in line 1 is not text"),
    ('{"a": 1, "a": 2}', 'a key stands twice in one object: "a"'),
    (line(deep={}).replace("{}", '{"b": 1, "b": 1}'), 'a key stands twice in one object: "b"'),
    ("[" * 20_000, "is nested too deeply"),
    (line(note="x" * LINE_LIMIT), "bytes, more than 65,536"),
    (b'{"note": "\xff"}', "is not JSON: byte 11 is not UTF-8"),
    (b"\x00\x01", "holds a NUL byte"),
    ("<<<<<<< HEAD", "is a conflict marker of git"),
    ("||||||| 1f2e3d4", "is a conflict marker of git"),
    ("=======", "is a conflict marker of git"),
    (">>>>>>> theirs", "is a conflict marker of git"),
]


class TestParseExecutions:
    def test_an_empty_file_has_none(self) -> None:
        assert read("") == Executions(executions=(), diagnostics=(), bad=0, superseded=0)

    def test_a_whole_record_is_read(self) -> None:
        text = line(quality=0.5, note="fine", run="a:coach:2026-11-30T09:00:00Z", model="x")
        (found,) = read("\n \t\r\n" + text.rstrip()).executions
        assert found == Execution(
            timestamp=NOW,
            outcome=Outcome.SUCCESS,
            duration_s=250.0,
            quality=0.5,
            note="fine",
            run="a:coach:2026-11-30T09:00:00Z",
            line=3,
        )
        assert isinstance(found.duration_s, float)

    def test_null_stands_for_a_value_left_out(self) -> None:
        (found,) = read(line(quality=None, note=None, run=None)).executions
        assert (found.quality, found.note, found.run) == (None, "", None)

    @pytest.mark.parametrize(
        "stamp", ["2026-11-30T10:00:00+01:00", "2026-11-30t09:00:00.123456789z"]
    )
    def test_times_are_kept_in_utc(self, stamp: str) -> None:
        (found,) = read(line(timestamp=stamp)).executions
        assert found.timestamp.replace(microsecond=0) == NOW
        assert found.timestamp.tzinfo is UTC

    def test_a_byte_order_mark_and_crlf_are_fine(self) -> None:
        text = "\ufeff" + (line() + line()).replace("\n", "\r\n")
        assert [found.line for found in read(text).executions] == [1, 2]

    @pytest.mark.parametrize(("text", "message"), BAD_LINES)
    def test_a_bad_line_is_skipped_and_said_with_its_reason(
        self, text: str | bytes, message: str
    ) -> None:
        data = text.encode() if isinstance(text, str) else text
        found = read(data.rstrip(b"\n") + b"\n" + line().encode())
        (diagnostic,) = found.diagnostics
        assert message in diagnostic.message
        assert (diagnostic.code, diagnostic.severity.value) == ("KS601", "warning")
        assert (diagnostic.path, diagnostic.line) == (PATH, 1)
        assert diagnostic.fix
        assert len(diagnostic.message) < 250
        assert diagnostic.message.isprintable()
        assert TOKEN not in diagnostic.message
        assert (found.bad, len(found.executions), found.executions[0].line) == (1, 1, 2)

    @pytest.mark.parametrize("key", ["timestamp", "outcome", "duration_s"])
    def test_a_missing_value_is_named(self, key: str) -> None:
        text = json.dumps({name: value for name, value in GOOD.items() if name != key})
        assert read(text).diagnostics[0].message == f"the text in line 1 has no {key}"

    @pytest.mark.parametrize(
        ("text", "column"),
        [
            (line(duration_s=-1), 61),
            ('{"a": 1, "a": 2}', 10),
            ("{} {}", 4),
            (line().replace("outcome", "out\\u0063ome").replace("success", "no"), 1),
        ],
    )
    def test_the_column_is_the_keys_where_it_can_be_found(self, text: str, column: int) -> None:
        assert read(text).diagnostics[0].column == column

    def test_a_value_and_a_path_cannot_forge_a_message(self) -> None:
        found = parse_executions(
            line(outcome="x\n\x1b[31m\u202e" + TOKEN).encode(), path="a\nb", truncated=False
        )
        text = found.diagnostics[0].message + found.diagnostics[0].path
        assert not {"\n", "\x1b", "\u202e"} & set(text)
        assert TOKEN not in text

    def test_of_a_truncated_file_the_first_line_is_left_out(self) -> None:
        found = read("ial line}\n" + line() + "bad\n", truncated=True)
        assert [d.code for d in found.diagnostics] == ["KS602", "KS601"]
        assert found.diagnostics[0].line == 1
        assert (found.bad, [e.line for e in found.executions]) == (1, [2])

    def test_of_one_run_the_latest_record_counts(self) -> None:
        early, late = "2026-11-30T09:00:00Z", "2026-11-30T09:30:00Z"
        found = read(
            line(run="k", timestamp=late, duration_s=1)
            + line(run="k", timestamp=early, duration_s=2)
            + line(run="other")
            + line()
            + line()
        )
        assert [e.line for e in found.executions] == [1, 3, 4, 5]
        assert (found.superseded, found.bad) == (1, 0)

    def test_of_equal_times_the_last_record_counts(self) -> None:
        found = read(line(run="k", outcome="failure") + line(run="k") + line(run=""))
        assert [(e.line, e.outcome.value) for e in found.executions] == [
            (2, "success"),
            (3, "success"),
        ]

    @pytest.mark.parametrize("extra", [0, 1, 2, 500])
    @pytest.mark.parametrize("truncated", [False, True])
    def test_diagnostics_are_bounded_and_the_last_counts_the_rest(
        self, extra: int, truncated: bool
    ) -> None:
        # Odd lines are long, so that both ways past the limit are taken.
        rows = [b"x" * (1 if n % 2 else 200) for n in range(DIAGNOSTIC_LIMIT - 1 + extra)]
        found = read(b"\n".join([b"partial"] * truncated + rows), truncated=truncated)
        assert found.bad == len(rows)
        assert len(found.diagnostics) <= DIAGNOSTIC_LIMIT
        named = len(found.diagnostics) - truncated
        if named < len(rows) or "nor can" in found.diagnostics[-1].message:
            rest = len(rows) - named
            last = found.diagnostics[-1]
            assert f"cannot be used, nor can {rest:,} lines after it" in last.message
            assert last.line == named + truncated
        else:
            assert "is not JSON" in found.diagnostics[-1].message

    def test_past_the_last_diagnostic_records_still_count(self) -> None:
        shortest = json.dumps({**GOOD, "duration_s": 0}, separators=(",", ":"))
        found = read("x\n" * (DIAGNOSTIC_LIMIT + 1) + shortest + "\nx\n" + line())
        assert (found.bad, len(found.executions)) == (DIAGNOSTIC_LIMIT + 2, 2)

    @pytest.mark.parametrize(
        "unit",
        [
            b"x\n", b"{}\n", b"{\n", b"\n", b"\xff\n", b"\x00",
            b"[" * 60_000 + b"\n",
            b'{"a":' * 9_000 + b"\n",
            b'{"duration_s":' + b"9" * 4_000 + b',"outcome":"' + b"y" * 900 + b'"}\n',
            line(outcome="y" * 80).encode(),
            line(outcome=TOKEN).encode(),
            b"{" + b",".join(b'"%d":1' % n for n in range(5_000)) + b',"1":2}\n',
        ],
    )  # fmt: skip
    def test_a_mebibyte_of_garbage_is_read_in_time(self, unit: bytes) -> None:
        data = unit * (1024 * 1024 // len(unit))
        start = time.process_time()
        found = read(data)
        assert time.process_time() - start < 2
        assert found.executions == ()
        assert found.bad == sum(bool(row.strip()) for row in data.split(b"\n"))

    @given(
        st.lists(
            st.binary(max_size=80)
            | st.sampled_from([text if isinstance(text, bytes) else text.encode("utf-8", "replace")
                               for text, _ in BAD_LINES])
            | st.builds(
                lambda run, minute: line(
                    run=run, timestamp=f"2026-11-30T09:{minute:02}:00Z"
                ).encode(),
                st.sampled_from([None, "a", "b"]),
                st.integers(0, 59),
            )
        ).map(b"\n".join),
        st.booleans(),
    )  # fmt: skip
    def test_every_line_is_read_or_counted(self, data: bytes, truncated: bool) -> None:
        found = read(data, truncated=truncated)
        rows = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")[truncated:]
        filled = sum(bool(row.strip()) for row in rows)
        assert len(found.executions) + found.bad + found.superseded == filled
        assert len([d for d in found.diagnostics if d.code == "KS601"]) == found.bad
        lines = [e.line for e in found.executions]
        assert lines == sorted(set(lines))

    records = st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 59)), max_size=12
    )

    @given(records)
    def test_reading_what_was_kept_keeps_it(self, records: list[tuple[str | None, int]]) -> None:
        text = "".join(
            line(run=run, timestamp=f"2026-11-30T09:{minute:02}:00Z") for run, minute in records
        )
        kept = read(text).executions
        rows = text.splitlines()
        again = read("\n".join(rows[e.line - 1] for e in kept))
        assert again.superseded == 0
        assert [(e.run, e.timestamp) for e in again.executions] == [
            (e.run, e.timestamp) for e in kept
        ]

    @given(records, records)
    def test_of_two_files_joined_either_way_the_same_records_count(
        self, one: list[tuple[str | None, int]], two: list[tuple[str | None, int]]
    ) -> None:
        first, second = (
            "".join(
                line(run=run, timestamp=f"2026-11-30T09:{minute:02}:00Z", duration_s=minute)
                for run, minute in records
            )
            for records in (one, two)
        )

        def kept(text: str) -> list[tuple[str, datetime, float]]:
            return sorted((e.run or "", e.timestamp, e.duration_s) for e in read(text).executions)

        assert kept(first + second) == kept(second + first)


class TestSummarise:
    def test_nothing_recorded_is_nothing_known(self) -> None:
        summary = summarise((), now=NOW)
        assert (summary.count, summary.days, summary.future) == (0, 28, 0)
        assert (summary.success_rate, summary.mean_quality) == (None, None)
        assert (summary.median_duration_s, summary.p90_duration_s) == (None, None)
        assert (summary.first, summary.last) == (None, None)
        assert summary.previous.count == 0
        assert {summary.trends.success_rate, summary.trends.mean_quality} == {Trend.UNKNOWN}
        assert {summary.trends.median_duration_s, summary.trends.p90_duration_s} == {Trend.UNKNOWN}

    def test_the_figures_of_a_period(self) -> None:
        rows = runs(
            (1, "success", 10, 0.9),
            (2, "failure", 20),
            (3, "partial", 30, 0.6),
            (4, "success", 100),
        )
        summary = summarise(rows, now=NOW)
        assert (summary.count, summary.rated) == (4, 2)
        assert (summary.successes, summary.failures, summary.partials) == (2, 1, 1)
        assert (summary.success_rate, summary.mean_quality) == (0.5, 0.75)
        assert (summary.median_duration_s, summary.p90_duration_s) == (25, 100)
        assert (summary.first, summary.last) == (NOW - 4 * DAY, NOW - DAY)

    @pytest.mark.parametrize(
        ("count", "nearest"), [(1, 1), (2, 2), (9, 9), (10, 9), (11, 10), (19, 18), (20, 18)]
    )
    def test_the_90th_percentile_is_by_nearest_rank(self, count: int, nearest: int) -> None:
        rows = runs(*((1, "success", seconds) for seconds in range(1, count + 1)))
        assert summarise(rows, now=NOW).p90_duration_s == nearest

    def test_periods_end_with_now_and_do_not_overlap(self) -> None:
        ages = (-0.001, 0, 27.999, 28, 55.999, 56, 1_000)
        summary = summarise(runs(*((age, "success", 1) for age in ages)), now=NOW)
        assert (summary.future, summary.count, summary.previous.count) == (1, 2, 2)

    def test_now_may_be_in_any_zone(self) -> None:
        rows = runs((0, "success", 1))
        berlin = NOW.astimezone(timezone(timedelta(hours=1)))
        summary = summarise(rows, now=berlin)
        assert summary == summarise(rows, now=NOW)
        assert summary.now.tzinfo is UTC

    @pytest.mark.parametrize(
        "now", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    )
    def test_no_time_is_too_early_or_late(self, now: datetime) -> None:
        rows = runs((0, "success", 1))
        summary = summarise(rows, now=now, days=3_660)
        assert summary.count == 0

    @pytest.mark.parametrize("days", [-1, 0, 3_661, 10**12])
    def test_a_period_has_a_length(self, days: int) -> None:
        for ask in (summarise, suggest):
            with pytest.raises(UsageError, match=f"a period of {days} days") as caught:
                ask((), now=NOW, days=days)
            assert caught.value.fix == "give 1 to 3660 days"

    @staticmethod
    def both(now: list[tuple[str, float, float]], before: list[tuple[str, float, float]]) -> Any:
        rows = runs(
            *((1, outcome, seconds, quality) for outcome, seconds, quality in now),
            *((29, outcome, seconds, quality) for outcome, seconds, quality in before),
        )
        return summarise(rows, now=NOW).trends

    def test_under_three_runs_in_either_period_no_trend_is_known(self) -> None:
        few, many = [("success", 1.0, 0.1)] * 2, [("failure", 99.0, 0.9)] * 3
        for trends in (self.both(few, many), self.both(many, few)):
            assert {trends.success_rate, trends.median_duration_s} == {Trend.UNKNOWN}
            assert {trends.p90_duration_s, trends.mean_quality} == {Trend.UNKNOWN}

    def test_quality_needs_three_rated_runs(self) -> None:
        rows = runs(
            *[(1, "success", 1, 0.1)] * 3, *[(29, "success", 1, 0.9)] * 2, (29, "success", 1)
        )
        trends = summarise(rows, now=NOW).trends
        assert trends.mean_quality is Trend.UNKNOWN
        assert trends.success_rate is Trend.STEADY

    @pytest.mark.parametrize(
        ("now", "before", "trend"),
        [(9, 8, "better"), (8, 9, "worse"), (8, 8, "steady")],
    )
    def test_success_moves_by_ten_points(self, now: int, before: int, trend: str) -> None:
        def period(successes: int) -> list[tuple[str, float, float]]:
            return [("success", 1.0, 1.0)] * successes + [("failure", 1.0, 1.0)] * (10 - successes)

        assert self.both(period(now), period(before)).success_rate == trend

    def test_less_than_ten_points_is_steady(self) -> None:
        rows = runs(*[(1, "success", 1)] * 11, *[(29, "success", 1)] * 10, (29, "failure", 1))
        assert summarise(rows, now=NOW).trends.success_rate is Trend.STEADY

    @pytest.mark.parametrize(
        ("now", "before", "trend"),
        [
            (120, 100, "worse"), (119, 100, "steady"), (80, 100, "better"), (81, 100, "steady"),
            (1.9, 1, "steady"), (2, 1, "worse"), (0, 0, "steady"), (0.9, 0, "steady"),
        ],
    )  # fmt: skip
    def test_durations_move_by_a_fifth_and_a_second(
        self, now: float, before: float, trend: str
    ) -> None:
        trends = self.both([("success", now, 1.0)] * 3, [("success", before, 1.0)] * 3)
        assert trends.median_duration_s == trends.p90_duration_s == trend

    @pytest.mark.parametrize(
        ("now", "before", "trend"),
        [(0.75, 0.7, "better"), (0.7, 0.75, "worse"), (0.74, 0.7, "steady")],
    )
    def test_quality_moves_by_a_twentieth(self, now: float, before: float, trend: str) -> None:
        trends = self.both([("success", 1.0, now)] * 3, [("success", 1.0, before)] * 3)
        assert trends.mean_quality == trend

    @given(
        st.lists(
            st.tuples(
                st.floats(0, 27.9),
                st.sampled_from(["success", "failure", "partial"]),
                st.floats(0, DURATION_LIMIT),
                st.floats(0, 1),
            ),
            min_size=1,
        ),
        st.randoms(use_true_random=False),
    )
    def test_figures_agree_with_the_standard_library(
        self, facts: list[tuple[float, str, float, float]], random: Any
    ) -> None:
        rows = runs(*facts)
        summary = summarise(rows, now=NOW)
        durations = [row.duration_s for row in rows]
        assert summary.count == summary.successes + summary.failures + summary.partials
        assert summary.success_rate == statistics.fmean(row.outcome == "success" for row in rows)
        assert summary.median_duration_s == statistics.median(durations)
        assert summary.mean_quality == statistics.fmean(fact[3] for fact in facts)
        # Nearest rank, as defined: the least value that nine tenths of the values do not exceed.
        assert summary.p90_duration_s == min(
            value
            for value in durations
            if 10 * sum(other <= value for other in durations) >= 9 * len(durations)
        )
        random.shuffle(rows)
        assert summarise(rows, now=NOW) == summary


class TestSuggest:
    def test_nothing_recorded_is_too_little(self) -> None:
        (said,) = suggest((), now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.TOO_FEW_RUNS, ())

    def test_too_few_runs_are_not_judged(self) -> None:
        (said,) = suggest(runs((1, "failure", 1), (2, "failure", 1)), now=NOW)
        assert said.text == "2 runs in the last 28 days are too few to judge; 3 are needed."
        assert (said.kind, said.because) == (SuggestionKind.TOO_FEW_RUNS, (1, 2))

    def test_future_records_lead_to_nothing(self) -> None:
        assert kinds(suggest(runs(*[(-1, "failure", 1)] * 5), now=NOW)) == ["too-few-runs"]

    @pytest.mark.parametrize("age", [29, 400])
    def test_an_agent_without_runs_in_the_period_is_silent(self, age: int) -> None:
        (said,) = suggest(runs((age + 1, "success", 1), (age, "success", 1)), now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.SILENT, (2,))
        assert f"{age} d ago, none in the last 28 days" in said.text

    def test_steady_where_nothing_stands_out(self) -> None:
        (said,) = suggest(runs(*((age, "success", 250) for age in (1, 8, 15, 22))), now=NOW)
        assert said.text == (
            "4 runs in the last 28 days, 100% successes, median 4 min 10 s: nothing stands out."
        )
        assert (said.kind, said.because) == (SuggestionKind.STEADY, (1, 2, 3, 4))

    def test_three_failures_in_a_row(self) -> None:
        rows = runs(
            (4, "success", 1), (3, "failure", 1), (1, "failure", 1), (2, "failure", 1),
            *[(5, "success", 1)] * 20,
        )  # fmt: skip
        (said,) = suggest(rows, now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.REPEATED_FAILURE, (2, 3, 4))
        assert said.text.startswith("The last 3 runs all failed")

    @pytest.mark.parametrize("last", ["success", "partial"])
    def test_a_row_of_failures_that_has_ended_is_none(self, last: str) -> None:
        rows = runs(*[(2, "failure", 1)] * 3, (1, last, 1), *[(5, "success", 1)] * 20)
        assert "repeated-failure" not in kinds(suggest(rows, now=NOW))

    def test_falling_success(self) -> None:
        rows = runs(*[(2, "success", 1)] * 9, (1, "partial", 1), *[(29, "success", 1)] * 10)
        (said,) = suggest(rows, now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.FALLING_SUCCESS, (10,))
        assert "fell from 100% in the 28 days before to 90% (9 of 10 runs)" in said.text

    def test_low_success(self) -> None:
        rows = runs(*[(2, "success", 1)] * 3, (1, "partial", 1), (1, "success", 1))
        assert kinds(suggest(rows, now=NOW)) == ["steady"]
        (said,) = suggest(rows[:4], now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.LOW_SUCCESS, (4,))
        assert "75% (3 of 4 runs), below 80%: 0 failures, 1 that needed a person" in said.text

    def test_growing_duration(self) -> None:
        rows = runs(
            (1, "success", 240), (1, "success", 372), (1, "success", 400),
            *[(30, "success", 240)] * 3,
        )  # fmt: skip
        (said,) = suggest(rows, now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.GROWING_DURATION, (2, 3))
        assert "from 4 min in the 28 days before to 6 min 12 s" in said.text

    def test_slow_outliers(self) -> None:
        rows = runs(*[(1, "success", 100)] * 4, (1, "success", 300.5))
        (said,) = suggest(rows, now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.SLOW_OUTLIERS, (5,))
        assert "1 of 5 runs took more than 5 min where the median is 1 min 40 s" in said.text

    @pytest.mark.parametrize(
        "durations", [[100, 100, 100, 300.5], [100, 100, 100, 100, 300], [1, 1, 1, 1, 61]]
    )
    def test_few_runs_or_a_minute_make_no_outlier(self, durations: list[float]) -> None:
        rows = runs(*((1, "success", seconds) for seconds in durations))
        assert kinds(suggest(rows, now=NOW)) == ["steady"]

    def test_low_quality(self) -> None:
        rows = runs(
            (1, "success", 1, 0.599), (1, "success", 1, 0.6), (1, "success", 1, 0.59),
            (1, "success", 1),
        )  # fmt: skip
        (said,) = suggest(rows, now=NOW)
        assert (said.kind, said.because) == (SuggestionKind.LOW_QUALITY, (1, 3))
        assert "0.59 over 3 rated runs, below 0.60" in said.text
        assert kinds(suggest(rows[1:], now=NOW)) == ["steady"]
        for count in range(3, 30):
            assert kinds(suggest(runs(*[(1, "success", 1, 0.6)] * count), now=NOW)) == ["steady"]

    def test_silence_is_three_usual_gaps_and_a_week(self) -> None:
        assert kinds(suggest(runs(*((age, "success", 1) for age in (7, 9, 11))), now=NOW)) == [
            "silent"
        ]
        for ages in ((6.9, 7, 8), (8, 11, 14)):
            rows = runs(*((age, "success", 1) for age in ages))
            assert kinds(suggest(rows, now=NOW)) == ["steady"]
        (said,) = suggest(runs(*((age, "success", 1) for age in (7, 9, 11))), now=NOW)
        assert "7 d ago where one every 2 d is usual" in said.text
        assert said.because == (1,)

    def test_everything_at_once_comes_in_order(self) -> None:
        rows = runs(
            *[(10, "success", 100, 0.1)] * 2, *[(9, "failure", 900, 0.1)] * 3,
            *[(29, "success", 10, 0.1)] * 3,
        )  # fmt: skip
        assert kinds(suggest(rows, now=NOW)) == [
            "repeated-failure", "falling-success", "low-success", "growing-duration",
            "low-quality", "silent",
        ]  # fmt: skip

    def test_of_many_records_the_newest_are_named(self) -> None:
        rows = runs(*((20 - age / 10, "failure", 1) for age in range(50)))
        for said in suggest(rows, now=NOW):
            assert len(said.because) <= BECAUSE_LIMIT
        assert suggest(rows, now=NOW)[0].because == tuple(range(31, 51))

    facts = st.lists(
        st.tuples(
            st.floats(-1, 60),
            st.sampled_from(["success", "failure", "partial"]),
            st.floats(0, 10_000),
            st.floats(0, 1),
        ),
        max_size=30,
    )

    @given(facts, st.integers(1, 40), st.randoms(use_true_random=False))
    def test_whatever_is_recorded_something_is_said_in_one_way(
        self, facts: list[tuple[float, str, float, float]], days: int, random: Any
    ) -> None:
        rows = runs(*facts)
        said = suggest(rows, now=NOW, days=days)
        assert said
        order = list(SuggestionKind)
        assert [order.index(s.kind) for s in said] == sorted({order.index(s.kind) for s in said})
        past = {row.line for row in rows if row.timestamp <= NOW}
        for suggestion in said:
            assert set(suggestion.because) <= past
            assert list(suggestion.because) == sorted(set(suggestion.because))
            assert suggestion.text.isprintable()
        random.shuffle(rows)
        assert suggest(rows, now=NOW, days=days) == said
        text = render_suggestions(said, agent="coach")
        assert max(map(len, text.splitlines())) <= 80
        table = render_summary(summarise(rows, now=NOW, days=days), agent="coach")
        assert max(map(len, table.splitlines())) <= 80


class TestRender:
    def test_a_summary(self) -> None:
        rows = runs(
            (1, "success", 250, 0.9), (8, "success", 200), (15, "failure", 30.5),
            (-1, "success", 1),
            *((age, "success", 7_500) for age in (29, 36, 43)),
        )  # fmt: skip
        assert render_summary(summarise(rows, now=NOW), agent="coach") == (
            "metrics of coach\n"
            "                 LAST 28 DAYS  28 DAYS BEFORE  TREND\n"
            "runs                        3               3\n"
            "successes                   2               3\n"
            "failures                    1               0\n"
            "partials                    0               0\n"
            "success rate              66%            100%  worse\n"
            "median duration    3 min 20 s       2 h 5 min  better\n"
            "90th percentile    4 min 10 s       2 h 5 min  better\n"
            "mean quality             0.90               -  unknown\n"
            "first record       2026-11-15      2026-10-18\n"
            "last record        2026-11-29      2026-11-01\n"
            "left out: 1 record of the future\n"
            "next: kaizen-agentic metrics optimize coach\n"
        )

    def test_a_period_of_a_day(self) -> None:
        text = render_summary(summarise((), now=NOW, days=1), agent="coach")
        assert "LAST DAY  DAY BEFORE" in text
        assert text.endswith("\nnext: kaizen-agentic metrics record coach --help\n")

    def test_suggestions(self) -> None:
        rows = runs(*[(2, "success", 1)] * 3, (1, "partial", 1))
        assert render_suggestions(suggest(rows, now=NOW), agent="coach") == (
            "low-success       Success is 75% (3 of 4 runs), below 80%: 0 failures, 1 that\n"
            "                  needed a person; make the prompt answer what stopped them.\n"
            "                  by line 4\n"
            "next: kaizen-agentic agents show coach\n"
        )

    @pytest.mark.parametrize(
        ("rows", "command"),
        [
            (runs(), "metrics record coach --help"),
            (runs((50, "success", 1)), "schedule list --all"),
            (runs(*[(1, "success", 1)] * 3), "metrics show coach"),
            (runs(*[(1, "failure", 1)] * 3), "agents show coach"),
        ],
    )
    def test_the_last_line_is_the_next_command(self, rows: list[Execution], command: str) -> None:
        text = render_suggestions(suggest(rows, now=NOW), agent="coach")
        assert text.splitlines()[-1] == f"next: kaizen-agentic {command}"

    def test_no_suggestions_are_rendered_as_none(self) -> None:
        assert render_suggestions((), agent="coach") == "next: kaizen-agentic metrics show coach\n"

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0 s"), (0.04, "0 s"), (0.25, "0.2 s"), (9.94, "9.9 s"), (9.95, "10 s"),
            (59.4, "59 s"), (59.6, "1 min"), (250, "4 min 10 s"), (3_599.9, "1 h"),
            (3_601, "1 h"), (7_500, "2 h 5 min"), (86_400 * 3 + 7_200, "3 d 2 h"),
            (DURATION_LIMIT, "366 d"),
        ],
    )  # fmt: skip
    def test_durations_read_well(self, seconds: float, text: str) -> None:
        assert render_duration(seconds) == text

    def test_a_rate_is_not_shown_lower_for_lack_of_digits(self) -> None:
        assert [show_rate(n / 100) for n in range(101)] == [f"{n}%" for n in range(101)]
        assert show_quality(0.29) == "0.29"

    @given(st.floats(0, 1))
    def test_rates_are_never_shown_higher_than_they_are(self, rate: float) -> None:
        shown = int(show_rate(rate).rstrip("%"))
        assert shown <= rate * 100 + 1e-6 < shown + 1.00001
