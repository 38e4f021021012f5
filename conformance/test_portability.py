"""What passes without a warning fires the same in the engine; what is warned of need not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client

from kaizen_schedule import validate
from kaizen_schedule.edges.packaged import definitions, zones
from kaizen_schedule.planning.cron import Cron, CronError, parse_cron
from kaizen_schedule.planning.definition_files import load_definition, render_definition
from kaizen_schedule.planning.definitions import Trigger
from kaizen_schedule.planning.recurrence import dst_hazard
from kaizen_schedule.reading.rules import CRON_NOT_PORTABLE, RULES

from .engine import Engine
from .expressions import DAY, HOUR, MINUTE, MONTH, WEEKDAY, forms_of, ranges_of
from .firing import TIMES_PER_ANSWER, library_fires, matching_times, put, read_by_engine, rendered
from .hazards import HazardCase, asked_again, hazard_cases, write_hazard_cases
from .portability import (
    FIRST,
    LAST,
    Case,
    behaviours,
    compare,
    compare_all,
    fires_here,
    on_both_changes,
    portable_cases,
    prove_portability,
)
from .proof import CRON, State

HAZARDS = {rule.code for rule in RULES if rule.name.startswith("cron-")} | {"KS307", "KS505"}
"""The rules that say that engines differ in a cron: the errors of its text, and clock changes."""
KINDS = (
    "a wildcard hour", "the zone changes its clocks at midnight", "is near a clock change",
    "is skipped or repeated",
)  # fmt: skip
"""What the two rules about clock changes say."""


@pytest.fixture(scope="module")
def client_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an engine answers."""
    engine = Engine(tmp_path_factory.mktemp("engine"))
    engine.start()
    try:
        asyncio.run(engine.connect())
        yield engine.address
    finally:
        engine.stop(kill=True)


# --- What passes -----------------------------------------------------------------------------


def test_what_passes_without_a_warning_fires_the_same(client_address: str, state: State) -> None:
    shown = prove_portability(client_address)
    assert not shown.mismatches, shown.mismatches[:3]
    assert shown.expressions > 500
    assert shown.fires > 300_000
    assert shown.names + shown.warned == len(zones().names)
    assert shown.zone_rules == zones().version
    state(
        CRON,
        "a cron that `validate` passes without a warning, drawn from every form of the grammar:"
        " the engine's Schedule fires at the library's instants, July 2026 to June 2031",
        **{
            "crons": shown.expressions,
            "of them over all five years": shown.whole,
            "zones": shown.zones,
            "zones whose clocks behave as one of these": shown.names,
            "zones where every cron is warned of": shown.warned,
            "instants": shown.fires,
            "mismatches": len(shown.mismatches),
        },
    )


FIELDS = {
    "minute": ("minutes", MINUTE), "hour": ("hours", HOUR), "day_of_month": ("days", DAY),
    "month": ("months", MONTH), "day_of_week": ("weekdays", WEEKDAY),
}  # fmt: skip
"""By the engine's names, in a cron's order: the library's name, and what may stand there."""


def read_here(text: str) -> Cron | None:
    """A cron as the library reads it; None where it says that engines read it differently."""
    try:
        return parse_cron(text)
    except CronError as error:
        if error.rule is not CRON_NOT_PORTABLE:
            raise
        return None


def test_of_every_range_the_engine_reads_what_a_crontab_means_or_it_is_refused(
    client_address: str, state: State
) -> None:
    names = list(FIELDS)
    crons: list[tuple[str, str, frozenset[int]]] = []
    for name, (_, field) in FIELDS.items():
        parts = ["0", "9", "*", "*", "*"]
        for text, meant in ranges_of(field):
            parts[names.index(name)] = text
            values = frozenset(value % 7 for value in meant) if field is WEEKDAY else meant
            crons.append((" ".join(parts), name, values))

    async def read_otherwise() -> set[str]:
        client, odd = await Client.connect(client_address), set()
        for name in FIELDS:
            asked = [cron for cron in crons if cron[1] == name]
            for number in range(0, len(asked), 400):
                some = asked[number : number + 400]
                found = await read_by_engine(client, "ranges", [text for text, *_ in some], name)
                pairs = zip(some, found, strict=True)
                odd |= {text for (text, _, values), read in pairs if read != values}
        return odd

    refused = set()
    for text, name, values in crons:
        cron = read_here(text)
        if cron is None:
            refused.add(text)
        else:
            assert set(getattr(cron, FIELDS[name][0])) == values, text
    assert asyncio.run(read_otherwise()) == refused
    state(
        CRON,
        "every range of each field: the engine reads the values that a crontab means, or the cron"
        " is refused",
        **{"crons": len(crons), "of them refused": len(refused)},
    )


def test_every_form_is_drawn_and_every_hour_without_a_hazard_on_days_of_change() -> None:
    cases = portable_cases()
    for index, field in enumerate((MINUTE, HOUR, DAY, MONTH, WEEKDAY)):
        drawn = {case.forms[index] for case in cases if case.forms}
        assert drawn == set(forms_of(field)), field.name
    for behaviour in behaviours():
        hours: set[int] = set()
        for case in cases:
            if case.zone == behaviour.zone and on_both_changes(case, behaviour):
                hours.update(parse_cron(case.cron).hours)
        if behaviour.changes or behaviour.zone == "UTC":
            assert hours == set(behaviour.hours), behaviour.zone
    assert len(cases) == len({(case.cron, case.zone) for case in cases})


def test_what_fires_daily_or_more_rarely_is_compared_over_all_five_years() -> None:
    for case in portable_cases():
        cron = parse_cron(case.cron)
        if cron.most_per_day == 1:
            assert case.spans == ((FIRST, LAST),), case
        assert case.whole or 2 <= len(case.spans) <= 6
        assert all(FIRST <= start < end < LAST + timedelta(days=9) for start, end in case.spans)


def test_the_zones_that_stand_for_others_show_the_same_clocks() -> None:
    named = [name for behaviour in behaviours() for name in behaviour.names]
    assert sorted(named) == sorted(zones().names)
    hours = int((LAST - FIRST) / timedelta(hours=1))
    moments = [FIRST + timedelta(hours=number) for number in range(0, hours, 31)]
    for behaviour in behaviours():
        shown = set()
        for name in behaviour.names:
            zone = zones().get(name)
            shown.add(tuple(moment.astimezone(zone).utcoffset() for moment in moments))
        assert len(shown) == 1, behaviour.zone


def found_by_validate(zone: str, crons: list[str], folder: Path) -> list[set[str]]:
    """The codes of the hazards that `validate` finds in a manifest, for each of some crons."""
    manifest = folder / ".kaizen" / "schedule.yml"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    lines = ['version: "1"', f"timezone: {zone}", "agents:"]
    for number, cron in enumerate(crons):
        text = cron.replace("\t", "\\t")
        lines.append(f'  a{number}: {{cadence: hourly, cron: "{text}"}}')
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found: list[set[str]] = [set() for _ in crons]
    for diagnostic in validate(folder, now=FIRST).diagnostics:
        if diagnostic.code in HAZARDS:
            found[diagnostic.line - 4].add(diagnostic.code)
    return found


def test_what_is_compared_is_what_validate_passes(tmp_path: Path) -> None:
    by_zone: dict[str, list[str]] = {}
    for case in portable_cases():
        by_zone.setdefault(case.zone, []).append(case.cron)
    for zone, crons in by_zone.items():
        assert not any(found_by_validate(zone, crons, tmp_path)), zone
    for behaviour in behaviours():
        if behaviour.zone not in by_zone:
            daily = [f"0 {hour} * * *" for hour in range(24)]
            assert found_by_validate(behaviour.zone, daily, tmp_path) == [{"KS307"}] * 24


# --- That it would be seen -------------------------------------------------------------------


def shifted(case: Case) -> list[datetime]:
    """Kathmandu's instants an hour late, as by a wrong rule."""
    late = timedelta(hours=case.zone == "Asia/Kathmandu")
    return [moment + late for moment in fires_here(case)]


def without_one(case: Case) -> list[datetime]:
    """Every instant but one in the middle, in Athens."""
    found = fires_here(case)
    if case.zone == "Europe/Athens":
        del found[len(found) // 2]
    return found


@pytest.mark.parametrize(
    ("planted", "zone"), [(shifted, "Asia/Kathmandu"), (without_one, "Europe/Athens")]
)
def test_a_planted_wrong_time_is_found(
    client_address: str, planted: Callable[[Case], list[datetime]], zone: str
) -> None:
    places = ("Asia/Kathmandu", "Europe/Athens", "Europe/London")
    rare = [case for case in portable_cases() if case.whole and case.forms]
    cases = [case for place in places for case in [c for c in rare if c.zone == place][:2]]

    async def compared() -> set[tuple[str, str]]:
        _, mismatches = await compare_all(await Client.connect(client_address), cases, planted)
        return {(odd.zone, odd.cron) for odd in mismatches}

    assert asyncio.run(compared()) == {(c.zone, c.cron) for c in cases if c.zone == zone}
    assert [case.zone for case in cases] == [place for place in places for _ in range(2)]


def test_a_list_that_differs_in_anything_is_a_mismatch() -> None:
    case = next(case for case in portable_cases() if case.zone == "UTC")
    right = fires_here(case)[:5]
    assert compare(case, right, list(right)) is None
    lost = compare(case, right, right[:4])
    assert lost is not None
    assert (lost.library_only, lost.engine_only) == ((right[4],), ())
    more = compare(case, right[1:], right)
    assert more is not None
    assert (more.library_only, more.engine_only) == ((), (right[0],))
    assert compare(case, right, [*right, right[4]]) is not None
    assert compare(case, right, right[::-1]) is not None


def test_more_instants_than_one_answer_holds_are_all_asked_for(client_address: str) -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    span = (start, start + timedelta(days=1))

    async def asked() -> tuple[int, list[datetime]]:
        client, name = await Client.connect(client_address), "every-minute"
        handle = await put(client, name, None, rendered("* * * * *", "UTC"))
        request = ListScheduleMatchingTimesRequest(namespace=client.namespace, schedule_id=name)
        request.start_time.FromDatetime(span[0])
        request.end_time.FromDatetime(span[1])
        first = await client.workflow_service.list_schedule_matching_times(request)
        found = await matching_times(client, name, span)
        await handle.delete()
        return len(first.start_time), found

    at_once, found = asyncio.run(asked())
    assert at_once == TIMES_PER_ANSWER
    assert found == library_fires("* * * * *", "UTC", span)
    assert (found[0], len(found)) == (start, 1440)


# --- What is warned of -----------------------------------------------------------------------


def test_engines_are_seen_to_differ_as_is_recorded(
    client_address: str, state: State, request: pytest.FixtureRequest
) -> None:
    async def asked() -> tuple[HazardCase, ...]:
        return await asked_again(await Client.connect(client_address))

    cases = asyncio.run(asked())
    if request.config.getoption("--proof", default=None) == "publish":
        write_hazard_cases(cases)
    assert cases == hazard_cases()
    differing = [case for case in cases if case.differs]
    state(
        CRON,
        "each rule that warns of a cron or refuses one has cases in `conformance/hazards.json` in"
        " which the engine and Debian's cron are seen to differ",
        rules=len({rule for case in differing for rule in case.rules}),
        cases=len(differing),
    )


def test_every_hazard_has_a_case_in_which_engines_differ() -> None:
    differing = [case for case in hazard_cases() if case.differs]
    assert {rule for case in differing for rule in case.rules} == HAZARDS
    for kind in KINDS:
        assert any(kind in case.hazard for case in differing), kind
    # Some that a rule covers engines read alike; they are recorded so that nobody thinks otherwise.
    assert len(hazard_cases()) - len(differing) > 10


@pytest.mark.parametrize("case", hazard_cases(), ids=lambda case: f"{case.cron!a} {case.zone}")
def test_a_hazard_is_found(case: HazardCase, tmp_path: Path) -> None:
    (found,) = found_by_validate(case.zone, [case.cron], tmp_path)
    assert found == {case.rules[0]}
    text = render_definition(
        replace(definitions()[0], trigger=Trigger(cron=case.cron, timezone=case.zone))
    )
    loaded = load_definition(text, path="a.md", zones=zones(), today=FIRST.date())
    assert [finding.rule.code for finding in loaded.findings] == [case.rules[-1]]
    if case.refused:
        with pytest.raises(CronError) as caught:
            parse_cron(case.cron)
        assert case.hazard in caught.value.message
    else:
        zone = zones().get(case.zone)
        assert zone is not None
        assert dst_hazard(parse_cron(case.cron), zone, FIRST.date()).startswith(case.hazard)
