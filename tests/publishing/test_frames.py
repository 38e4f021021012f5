"""Frames: what they hold, of which type, and that they say what the library says."""

from __future__ import annotations

import subprocess
import sys
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from kaizen_schedule.orienting.metrics import Outcome, parse_executions, render_execution
from kaizen_schedule.orienting.record import parse_record
from kaizen_schedule.orienting.suggestions import suggest
from kaizen_schedule.planning.answers import changes
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.publishing import frames
from kaizen_schedule.publishing.columns import build
from kaizen_schedule.publishing.survey import History, Survey, read_histories, survey
from kaizen_schedule.reading.errors import FaultReason
from tests.planning.fleets import (
    DRAFTS,
    FIRES,
    HOST,
    METRICS,
    PROMPTS,
    RUNS,
    WEEK,
    ZONES,
    Fleet,
    Item,
    ask,
    checkout,
    item,
)
from tests.support import ROOT

DTYPES = {
    frames.Kind.TEXT: "str",
    frames.Kind.CATEGORY: "category",
    frames.Kind.ORDERED: "category",
    frames.Kind.FLAG: "bool",
    frames.Kind.COUNT: "int32",
    frames.Kind.AMOUNT: "Int32",
    frames.Kind.NUMBER: "float64",
    frames.Kind.INSTANT: "datetime64[us, UTC]",
    frames.Kind.LOCAL: "datetime64[us]",
}

OWN = 'coach: {cadence: weekly, cron: "30 2 * * *"}'
TREES: Mapping[str, Any] = {
    "/srv/atlas": checkout("coach: {cadence: weekly}", "optimization: {cadence: weekly}"),
    "/srv/berths": checkout(OWN, timezone="America/New_York"),
    "/srv/choir": checkout("coach: {cadence: weely}"),
    "/srv/delta": checkout(
        "coach: {cadence: weekly, enabled: false}", "optimization: {cadence: daily}"
    ),
    "/srv/empty": checkout(),
    "/srv/gone": FaultReason.MISSING,
}
ITEMS: list[Item] = [
    item("atlas"),
    item("berths"),
    item("choir"),
    item("delta"),
    item("empty"),
    item("gone"),
    item("harbour", host="forge-2"),
    item("opted-out", kaizen_schedule_enabled=False),
    {"slug": 7},
]


def look(
    items: list[Any] | None = None,
    trees: Mapping[str, Any] = TREES,
    definitions: tuple[ActivityDefinition, ...] = DRAFTS,
) -> Survey:
    return survey(
        load_roster(ITEMS if items is None else items),
        host=HOST,
        definitions=definitions,
        prompts=PROMPTS,
        zones=ZONES,
        open_tree=Fleet(trees).open,
    )


def history(repo: str, agent: str, *lines: str) -> History:
    data = "".join(lines).encode()
    return History(repo=repo, agent=agent, found=parse_executions(data, path="executions.jsonl"))


def made() -> dict[str, pd.DataFrame]:
    """One of every frame, with rows in each."""
    found = look()
    resolution = found.resolve(WEEK, now=FIRES)
    entries = frames.entries(found)
    line = render_execution(
        timestamp=FIRES, outcome="success", duration_s=1, run="atlas:coach:2026-11-30T08:00:00Z"
    )
    told = history("atlas", "coach", line)
    recorded = frames.executions([told])
    runs = frames.runs(resolution)
    earlier = look([item("atlas", kaizen_schedule_enabled=False)])
    return {
        "roster": frames.roster(found.answer),
        "reasons": frames.reasons(found.answer),
        "entries": entries,
        "runs": runs,
        "exclusions": frames.exclusions(resolution),
        "forecast": frames.forecast(entries, WEEK, zones=ZONES),
        "pilot": frames.pilot(parse_record('{"number": 1, "step": "end", "ok": true}')),
        "executions": recorded,
        "suggestions": frames.suggestions(
            {("atlas", "coach"): suggest(told.found.executions, now=FIRES)}
        ),
        "handed_out": frames.handed_out(runs, recorded, now=FIRES),
        "changes": frames.changes(changes(earlier.answer, found.answer)),
    }


def none() -> dict[str, pd.DataFrame]:
    """One of every frame, of nothing."""
    found = look([])
    resolution = found.resolve(WEEK, now=FIRES)
    entries, runs, recorded = frames.entries(found), frames.runs(resolution), frames.executions([])
    return {
        "roster": frames.roster(found.answer),
        "reasons": frames.reasons(found.answer),
        "entries": entries,
        "runs": runs,
        "exclusions": frames.exclusions(resolution),
        "forecast": frames.forecast(entries, WEEK, zones=ZONES),
        "pilot": frames.pilot(parse_record("")),
        "executions": recorded,
        "suggestions": frames.suggestions({}),
        "handed_out": frames.handed_out(runs, recorded, now=FIRES),
        "changes": frames.changes([]),
    }


# --- Columns ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [made, none])
def test_every_frame_has_the_columns_and_types_that_are_documented(make: Any) -> None:
    found = make()
    assert found.keys() == frames.COLUMNS.keys()
    for name, frame in found.items():
        assert (len(frame) > 0) == (make is made), name
        wanted = {column.name: DTYPES[column.kind] for column in frames.COLUMNS[name]}
        assert {key: str(kind) for key, kind in frame.dtypes.items()} == wanted, name
        assert isinstance(frame.index, pd.RangeIndex), name


def test_ordered_categories_are_all_known_beforehand() -> None:
    for name, frame in none().items():
        for column in frames.COLUMNS[name]:
            if column.kind is frames.Kind.ORDERED:
                dtype = frame[column.name].dtype
                assert isinstance(dtype, pd.CategoricalDtype)
                assert dtype.ordered
                assert len(dtype.categories), f"{name}.{column.name}"


def test_every_column_says_what_it_means_and_numbers_their_unit() -> None:
    for columns in frames.COLUMNS.values():
        assert len({column.name for column in columns}) == len(columns)
        for column in columns:
            assert column.meaning.endswith("."), column.name
            number = column.kind in (frames.Kind.COUNT, frames.Kind.NUMBER, frames.Kind.AMOUNT)
            assert bool(column.unit) <= number, column.name
            if number:
                assert column.unit or column.name in ("number", "line", "place"), column.name


def test_a_frame_with_a_column_too_few_is_not_made() -> None:
    with pytest.raises(KeyError, match="eligible"):
        build("roster", {"repo": []})


def test_without_pandas_it_is_said_what_to_install() -> None:
    script = (
        "import sys\n"
        "sys.modules['pandas'] = None\n"
        "import kaizen_schedule\n"
        "try:\n"
        "    import kaizen_schedule.publishing.frames\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "frames need pandas, which is not installed: pip install 'kaizen-schedule[notebooks]'\n"
    )


# --- The roster ------------------------------------------------------------------------------


def test_the_roster_has_a_row_for_each_repository_and_its_first_reason() -> None:
    found = look()
    frame = frames.roster(found.answer).set_index("repo")
    assert len(frame) == found.answer.counts["registered"] == 9
    assert int(frame["eligible"].sum()) == found.answer.counts["eligible"] == 2
    assert frame["agents"].to_dict()["atlas"] == 2
    reasons = frame["reason"].astype(object).where(frame["reason"].notna(), None).to_dict()
    assert reasons == {
        "": "roster-entry-invalid",
        "atlas": None,
        "berths": None,
        "choir": "manifest-invalid",
        "delta": "agent-disabled",  # comes before no-definition, which optimization has
        "empty": None,
        "gone": "path-missing",
        "harbour": "other-host",
        "opted-out": "hub-opted-out",
    }
    assert not frame.loc["empty", "eligible"]
    assert not frame.loc["delta", "whole"]
    assert frame.loc["choir", "whole"]


def test_reasons_are_counted_as_the_answer_counts_them() -> None:
    found = look()
    frame = frames.reasons(found.answer)
    counted = frame["reason"].value_counts()
    assert counted[counted > 0].to_dict() == {
        name: number
        for name, number in found.answer.counts.items()
        if name not in ("registered", "eligible")
    }
    assert frame["reason"].max() == "no-definition"  # in the order of looking
    gone = frame[frame["repo"] == "gone"].iloc[0]
    assert (gone["check"], gone["whole"], gone["transient"]) == ("path", True, True)
    assert frame.loc[frame["repo"] == "delta", "agent"].tolist() == ["coach", "optimization"]


def test_exclusions_name_the_first_rule_that_a_manifest_breaks() -> None:
    frame = frames.exclusions(look().resolve(WEEK, now=FIRES)).set_index("repo")
    assert frame.loc["choir", "code"] == "KS204"
    assert frame.loc["choir", "errors"] == 1
    assert frame["code"].isna()["gone"]


def test_exclusions_are_taken_from_a_look_as_well() -> None:
    found = look()
    items = [*found.excluded, *(e for _, seen in found.looked for e in seen.exclusions)]
    assert len(frames.exclusions(items)) == len(frames.reasons(found.answer))


def test_changes_say_what_was_gained_and_lost() -> None:
    before = look([item("atlas", kaizen_schedule_enabled=False), item("choir")])
    after = look([item("atlas"), item("gone")])
    frame = frames.changes(changes(before.answer, after.answer))
    row = frame.set_index("repo")
    atlas = {name: row[name]["atlas"] for name in ("before", "after", "gained", "lost")}
    assert list(atlas.values()) == ["excluded", "eligible", "coach, optimization", ""]
    assert row.loc["choir", "after"] == "not registered"
    assert row.loc["gone", "before"] == "not registered"
    assert row.loc["gone", "reason_after"] == "path-missing"
    assert row["reason_after"].isna()["atlas"]


# --- Windows ---------------------------------------------------------------------------------


def test_runs_have_the_instant_and_the_wall_clock_apart() -> None:
    resolution = ask([item("berths")], TREES, definition=None)
    frame = frames.runs(resolution)
    first = frame.iloc[0]
    assert first["scheduled"] == pd.Timestamp("2026-12-01T07:30:00Z")
    assert first["local"] == pd.Timestamp("2026-12-01 02:30")
    assert (first["offset_min"], first["weekday"], first["hour"]) == (-300, "Tue", 2)
    assert first["not_before"] == first["scheduled"] + pd.Timedelta(seconds=first["stagger_s"])
    for name, field in (("run", "idempotency_key"), ("path", "path"), ("timezone", "timezone")):
        assert frame[name].tolist() == [getattr(r, field) for r in resolution.scheduled_runs]
    assert frame["expires_at"].tolist() == [r.expires_at for r in resolution.scheduled_runs]


def test_runs_of_whole_repositories_have_no_agent() -> None:
    trees = {"/srv/atlas": {**TREES["/srv/atlas"], RUNS: b"{}\n"}}
    frame = frames.runs(ask([item("atlas")], trees, definition=METRICS))
    assert frame["agent"].isna().tolist() == [True]
    assert frame["cadence"].isna().tolist() == [True]
    assert frame["run"].tolist() == ["atlas:weekly-metrics-optimize:2026-11-30T10:00:00Z"]


ZONES_OF_CHANGES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC",
    "America/Santiago",
)  # fmt: skip


@pytest.mark.parametrize("zone", ZONES_OF_CHANGES)
@pytest.mark.parametrize(
    "start", [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 9, 14, 6, tzinfo=UTC)]
)
def test_the_forecast_says_what_the_resolver_says_over_clock_changes(
    zone: str, start: datetime
) -> None:
    crons = ("30 2 * * *", "*/45 * * * 0", "5 0 * * 1-5", "0 9 1 * *", "15 23 28 * *")
    trees = {
        f"/srv/r{number}": checkout(
            f'coach: {{cadence: weekly, cron: "{cron}"}}',
            "optimization: {cadence: weekly}",
            timezone=zone,
        )
        for number, cron in enumerate(crons)
    }
    found = look([item(path[5:], path) for path in trees], trees)
    window = Window(start=start, end=start + timedelta(weeks=10))
    told = frames.runs(found.resolve(window, now=start))
    frame = frames.forecast(frames.entries(found), window, zones=ZONES)
    assert len(frame) > 100
    for column in frame.columns:
        ours, theirs = frame[column], told[column]
        assert ours.astype(str).tolist() == theirs.astype(str).tolist(), column


def test_a_slug_is_encoded_in_the_forecast_as_in_a_run() -> None:
    found = look([item("my repo/ä", "/srv/atlas")])
    frame = frames.forecast(frames.entries(found), WEEK, zones=ZONES)
    assert frame["run"].iloc[0] == "my%20repo%2F%C3%A4:coach:2026-11-30T08:00:00Z"


def test_local_time_follows_the_zone_and_keeps_what_is_missing() -> None:
    texts = ["2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z", "", "2026-07-01T12:34:56.5Z"]
    moments = pd.Series(pd.to_datetime(texts, format="ISO8601", errors="coerce"))
    berlin = ZONES.get("Europe/Berlin")
    assert berlin is not None
    local = frames.local_time(moments, berlin)
    assert local.isna().tolist() == [False, False, True, False]
    assert [str(moment) for moment in local.dropna()] == [
        "2026-10-25 02:59:59",
        "2026-10-25 02:00:00",
        "2026-07-01 14:34:56.500000",
    ]
    assert frames.local_time(moments.iloc[:0], berlin).empty


# --- Records ---------------------------------------------------------------------------------


def test_executions_keep_their_order_values_and_whose_they_are() -> None:
    lines = [
        render_execution(timestamp=FIRES, outcome=outcome, duration_s=number, quality=quality)
        for number, (outcome, quality) in enumerate([("partial", None), ("failure", 0.25)])
    ]
    found = [history("b", "coach", *lines), history("a", "optimization", lines[1], "rubbish\n")]
    frame = frames.executions(iter(found))
    assert frame["repo"].tolist() == ["b", "b", "a"]
    assert frame["repo"].cat.categories.tolist() == ["a", "b"]
    assert frame["agent"].tolist() == ["coach", "coach", "optimization"]
    assert frame["outcome"].tolist() == ["partial", "failure", "failure"]
    assert frame["outcome"].cat.categories.tolist() == [o.value for o in Outcome]
    assert frame["quality"].isna().tolist() == [True, False, False]
    assert frame["line"].tolist() == [1, 2, 1]
    assert frame["run"].isna().all()
    assert (frame["recorded_at"] == pd.Timestamp(FIRES)).all()


def test_a_note_never_gets_into_a_frame() -> None:
    line = render_execution(timestamp=FIRES, outcome="success", duration_s=1, note="<script>")
    assert "<script>" not in frames.executions([history("a", "coach", line)]).to_csv()


def handed(*lines: str, now: datetime) -> pd.DataFrame:
    found = look([item("atlas")])
    runs = frames.forecast(frames.entries(found), WEEK, zones=ZONES)
    return frames.handed_out(runs, frames.executions([history("atlas", "coach", *lines)]), now=now)


KEY = "atlas:coach:2026-11-30T08:00:00Z"


@pytest.mark.parametrize(
    ("days", "outcome", "recorded", "state", "late"),
    [
        (1, "success", 0.5, "success", False),
        (1, "partial", 0.5, "partial", False),
        (1, "failure", 0.5, "failure", False),
        (1, "success", 2.0, "open", False),  # recorded later than it is asked
        (1, None, 0.0, "open", False),
        (7, None, 0.0, "missed", False),
        (9, "success", 8.0, "success", True),
    ],
)
def test_what_became_of_a_run(
    days: float, outcome: str | None, recorded: float, state: str, late: bool
) -> None:
    moment = FIRES + timedelta(days=recorded)
    lines = (
        [render_execution(timestamp=moment, outcome=outcome, duration_s=5, run=KEY)]
        if outcome
        else []
    )
    frame = handed(*lines, now=FIRES + timedelta(days=days)).set_index("run")
    assert len(frame) == 2
    assert (frame.loc[KEY, "state"], frame.loc[KEY, "late"]) == (state, late)
    seen = outcome is not None and recorded < days
    assert frame["duration_s"].notna()[KEY] == seen


def test_a_record_in_another_repository_does_not_count_for_a_run() -> None:
    found = look([item("atlas"), item("berths")])
    runs = frames.forecast(frames.entries(found), WEEK, zones=ZONES)
    line = render_execution(timestamp=FIRES, outcome="success", duration_s=5, run=KEY)
    elsewhere = frames.executions([history("berths", "coach", line)])
    frame = frames.handed_out(runs, elsewhere, now=FIRES + timedelta(days=20))
    assert set(frame["state"]) == {"missed"}
    other_agent = frames.executions([history("atlas", "optimization", line)])
    frame = frames.handed_out(runs, other_agent, now=FIRES + timedelta(days=20))
    assert set(frame["state"]) == {"missed"}


def test_two_runs_of_one_key_are_not_joined() -> None:
    runs = frames.forecast(frames.entries(look([item("atlas")])), WEEK, zones=ZONES)
    twice = pd.concat([runs, runs.head(1)], ignore_index=True)
    with pytest.raises(ValueError, match="two runs have the key atlas:coach"):
        frames.handed_out(twice, frames.executions([]), now=FIRES)


def test_suggestions_stand_in_their_order() -> None:
    lines = [
        render_execution(timestamp=FIRES - timedelta(days=day), outcome="failure", duration_s=9)
        for day in (3, 2, 1)
    ]
    said = suggest(history("a", "coach", *lines).found.executions, now=FIRES)
    frame = frames.suggestions({("a", "coach"): said})
    assert frame["kind"].tolist() == [item.kind.value for item in said]
    assert frame["place"].tolist() == list(range(1, len(said) + 1))
    assert frame["records"].iloc[0] == 3


def test_a_long_record_is_read_without_asking_for_its_form_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    real = typing.get_type_hints

    def counted(kind: Any, **more: Any) -> dict[str, Any]:
        asked.append(kind)
        return real(kind, **more)

    monkeypatch.setattr(typing, "get_type_hints", counted)
    line = '{"number": 1, "step": "fire", "ok": true, "fired_at": "2026-11-30T08:00:00Z"}\n'
    assert len(parse_record(line * 1_000)) == 1_000
    assert len(asked) <= 1


def test_the_pilot_has_a_row_for_each_step() -> None:
    text = (
        '{"number": 1, "step": "fire", "ok": true, "fired_at": "2026-11-30T08:00:00Z"}\n'
        '{"number": 2, "step": "bundle", "ok": false, "tokens": 1200, "repo": "a"}\n'
    )
    frame = frames.pilot(parse_record(text))
    assert frame["fired_at"].iloc[0] == pd.Timestamp(FIRES)
    assert frame["tokens"].isna().tolist() == [True, False]
    assert frame["ok"].tolist() == [True, False]
    assert frame["step"].tolist() == ["fire", "bundle"]


def test_histories_are_read_of_what_can_be_opened() -> None:
    line = render_execution(timestamp=FIRES, outcome="success", duration_s=1).encode()
    trees: Mapping[str, Any] = {
        "/srv/a": {RUNS: line, ".kaizen/metrics/not an agent/executions.jsonl": line},
        "/srv/b": FaultReason.UNREADABLE,
        "/srv/c": {RUNS: FaultReason.UNREADABLE},
    }
    found = look([item("a"), item("b"), item("c"), item("gone")], trees)
    told = list(read_histories(found.places, Fleet(trees).open))
    assert [(h.repo, h.agent, len(h.found.executions)) for h in told] == [("a", "coach", 1)]
