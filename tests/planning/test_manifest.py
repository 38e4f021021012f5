"""The manifest's rules; and that loader, schema and writer mean the same file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.agents import Risk
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.manifest import (
    CheckedManifest,
    Entry,
    Manifest,
    Review,
    check_manifest,
    scheduled_agents,
)
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import Document, parse_document
from kaizen_schedule.reading.safety import printable
from tests.support import MemoryZones, manifest

PROMPTS = {"coach": Risk.LOW, "optimization": Risk.LOW, "sys-medic": Risk.HIGH}


def parse(text: str) -> Document:
    return parse_document(text.encode(), path="schedule.yml")


def check(text: str, *, prompts: dict[str, Risk] | None = None) -> CheckedManifest:
    return check_manifest(parse(text), zones=MemoryZones.load(), prompts=prompts)


def findings(text: str, *, prompts: dict[str, Risk] | None = None) -> list[Diagnostic]:
    document = parse(text)
    checked = check_manifest(document, zones=MemoryZones.load(), prompts=prompts)
    return [document.place(finding) for finding in checked.findings]


def only(text: str, *, prompts: dict[str, Risk] | None = None) -> tuple[str, str, str]:
    (found,) = findings(text, prompts=prompts)
    return found.code, found.message, found.fix


def entry(*lines: str) -> str:
    """A manifest whose coach has these lines."""
    return manifest("coach:", *(f"  {line}" for line in lines))


# --- What is sound -----------------------------------------------------------------------------


def test_the_least() -> None:
    checked = check('version: "1"')
    assert checked.manifest == Manifest(version="1")
    assert (checked.timezone, checked.entries, checked.findings) == ("UTC", {}, ())
    sound = Manifest(version="1")
    assert (sound.enabled, sound.timezone, sound.agents) == (True, "UTC", {})


def test_everything() -> None:
    text = """\
version: "1"
enabled: false
timezone: Europe/Berlin
agents:
  coach:
    cadence: weekly
    cron: "0 9 * * 1"
    enabled: false
    review: required
  optimization: {cadence: hourly, review: none}
"""
    assert check(text, prompts=PROMPTS).manifest == Manifest(
        version="1",
        enabled=False,
        timezone="Europe/Berlin",
        agents={
            "coach": Entry(
                cadence=Cadence.WEEKLY, cron="0 9 * * 1", enabled=False, review=Review.REQUIRED
            ),
            "optimization": Entry(cadence=Cadence.HOURLY),
        },
    )


def test_a_warning_leaves_the_manifest_sound() -> None:
    checked = check(entry("cadence: weekly", 'cron: "0 9 * * *"'))
    assert [f.rule.code for f in checked.findings] == ["KS308"]
    assert checked.manifest is not None


def test_a_matter_of_agents_leaves_the_manifest_sound() -> None:
    checked = check(manifest("nobody: {cadence: weekly}"), prompts=PROMPTS)
    assert [f.rule.code for f in checked.findings] == ["KS401"]
    assert checked.manifest is not None
    assert "nobody" in checked.entries


def test_of_a_faulty_manifest_the_good_entries_are_kept() -> None:
    checked = check(
        manifest(
            "coach: {cadence: weekly}",
            "optimization: {cadence: never}",
            "a.b: {cadence: weekly}",
            "Coach: {cadence: weekly}",
            head=("version: 1", "timezone: Nowhere", "agents:"),
        )
    )
    assert checked.manifest is None
    assert checked.timezone is None
    assert list(checked.entries) == ["coach"]


def test_a_finding_of_the_text_makes_the_manifest_unsound() -> None:
    checked = check('version: "1"\nversion: "1"\n')
    assert checked.findings == ()
    assert checked.manifest is None


def test_text_that_could_not_be_read_to_its_end_is_not_judged() -> None:
    checked = check("version: 1\nagents: [\n")
    assert checked == CheckedManifest(manifest=None, timezone=None, entries={}, findings=())


def test_scheduled_agents() -> None:
    assert scheduled_agents(parse(manifest("coach: 1", "a.b:"))) == ("coach", "a.b")
    for text in ("", "- a", "agents: [coach]", "agents:", "a: {}", "agents: x"):
        assert scheduled_agents(parse(text)) == ()


# --- The whole file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("# only\n", "empty"),
        ("weekly", '"weekly", not a mapping'),
        ("[]", "a list, not a mapping"),
        ("1", "the number 1, not a mapping"),
        ("true", "true, not a mapping"),
    ],
)
def test_a_manifest_is_a_mapping(text: str, what: str) -> None:
    assert only(text) == ("KS201", f"the manifest is {what}", 'begin with version: "1"')


VERSION_FIX = 'write version: "1", with the quotes'


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("1", "the number 1"), ("1.0", "the number 1.0"), ('"1.1"', '"1.1"'), ("0", "the number 0"),
        ('" 1"', '" 1"'), ('"v2"', '"v2"'), ("", "nothing"), ("true", "true"), ("[]", "a list"),
        ("{}", "a mapping"), ("-2", "the number -2"), (".inf", "the number inf"),
        ('""', '""'), ('"01"', '"01"'), ("2026-11-24", '"2026-11-24"'), ('"١"', '"١"'),
    ],
)  # fmt: skip
def test_the_version_is_exactly_the_text_1(value: str, what: str) -> None:
    message = f'version is {what}, not the text "1"'
    assert only(f"version: {value}\n") == ("KS205", message, VERSION_FIX)


def test_a_missing_version() -> None:
    assert only("agents: {}\n") == ("KS203", "version is missing", VERSION_FIX)
    assert only("{}") == ("KS203", "version is missing", VERSION_FIX)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2", '"2"'), ('"2"', '"2"'), ('"2.5"', '"2.5"'), ("10", '"10"'), ("2.0", '"2.0"'),
     ('"02"', '"02"'), ('"3.0-beta"', '"3.0-beta"'),
     ("12345678901234567890123", '"1234567890123456789…"')],
)  # fmt: skip
def test_a_newer_version_is_the_only_finding(value: str, shown: str) -> None:
    text = f"version: {value}\nhosts: 1\nagents: [coach]\n"
    assert only(text) == (
        "KS206",
        f"version {shown} is newer than this program, which reads 1",
        "upgrade kaizen-schedule; it changes nothing in a file it cannot read",
    )
    checked = check(text)
    assert (checked.manifest, checked.timezone, checked.entries) == (None, None, {})


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("timezon: UTC", '"timezon" in the manifest', "did you mean timezone?"),
        ("Timezone: UTC", '"Timezone" in the manifest', "did you mean timezone?"),
        ("hosts: [a]", '"hosts" in the manifest', "known are version, enabled, timezone, agents"),
        ("cadence: weekly", '"cadence" in the manifest',
         "cadence belongs to an agent, beneath its name"),
        ("coach: {cadence: weekly}", '"coach" in the manifest',
         "if it is an agent, indent it beneath agents"),
        ('"a\\nb": 1', '"a\\nb" in the manifest', "known are version, enabled, timezone, agents"),
    ],
)  # fmt: skip
def test_unknown_keys(text: str, message: str, fix: str) -> None:
    assert only(f'version: "1"\n{text}\n') == ("KS202", f"unknown key {message}", fix)


def test_a_misspelt_key_is_not_missing_as_well() -> None:
    assert only("Version: '1'\n")[0] == "KS202"
    assert only(entry("cadense: weekly"))[0] == "KS202"
    assert {f.code for f in findings(entry("every: week"))} == {"KS202", "KS203"}


def test_of_two_misspelt_keys_only_one_can_have_been_meant() -> None:
    fixes = [f.fix for f in findings(entry("cadense: weekly", "cadance: daily"))]
    assert fixes == ["did you mean cadence?", "known are cadence, cron, enabled, review"]
    fixes = [f.fix for f in findings(entry("cadence: weekly", "cadance: daily"))]
    assert fixes == ["known are cadence, cron, enabled, review"]


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        ("yes", '"yes"', "write enabled: true"),
        ("ON", '"ON"', "write enabled: true"),
        ('"true"', '"true"', "write enabled: true"),
        ("1", "the number 1", "write enabled: true"),
        ("no", '"no"', "write enabled: false"),
        ("Off", '"Off"', "write enabled: false"),
        ('"False"', '"False"', "write enabled: false"),
        ("0", "the number 0", "write enabled: false"),
        ("", "nothing", "write enabled: true or enabled: false"),
        ("maybe", '"maybe"', "write enabled: true or enabled: false"),
        ("[true]", "a list", "write enabled: true or enabled: false"),
        ("{}", "a mapping", "write enabled: true or enabled: false"),
        ("2.5", "the number 2.5", "write enabled: true or enabled: false"),
    ],
)
def test_enabled_is_true_or_false(value: str, what: str, fix: str) -> None:
    message = f"is {what}, neither true nor false"
    text = f'version: "1"\nenabled: {value}\n'
    assert only(text) == ("KS201", f"enabled of the repository {message}", fix)
    text = entry("cadence: weekly", f"enabled: {value}")
    assert only(text) == ("KS201", f"enabled of agent coach {message}", fix)


AN_OFFSET = "name a place, such as Europe/Berlin: an offset does not know summer time"
AN_ABBREVIATION = "name a place, such as Europe/Berlin: an abbreviation does not know summer time"
NO_PLACE = "name the place, such as Europe/Berlin; runners stand in other zones than you"
SOME_ZONE = "name a zone of the IANA list, such as Europe/Berlin, or leave it out for UTC"


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Local", NO_PLACE), ("localtime", NO_PLACE), ("Factory", NO_PLACE),
        ("+02:00", AN_OFFSET), ("UTC+2", AN_OFFSET), ("GMT-5", AN_OFFSET), ("-3", AN_OFFSET),
        ("<+03>-3", AN_OFFSET), ("CET-1CEST,M3.5.0,M10.5.0/3", AN_OFFSET),
        ("Etc/GMT+20", AN_OFFSET),
        ("CEST", AN_ABBREVIATION), ("PST", AN_ABBREVIATION), ("Z", AN_ABBREVIATION),
        ("europe/berlin", "did you mean Europe/Berlin?"), ("utc", "did you mean UTC?"),
        (" Europe/Berlin ", "did you mean Europe/Berlin?"),
        ("america/new york", "did you mean America/New_York?"),
        ("etc/gmt+5", "did you mean Etc/GMT+5?"),
        ("Europe/Berln", "did you mean Europe/Berlin?"), ("Berlin", "did you mean Europe/Berlin?"),
        ("New York", "did you mean America/New_York?"), ("berlin", "did you mean Europe/Berlin?"),
        ("posix/Europe/Berlin", "did you mean Europe/Berlin?"),
        ("", SOME_ZONE), ("   ", SOME_ZONE), ("Mars/Olympus_Mons", SOME_ZONE),
        ("../../etc/passwd", SOME_ZONE), ("Europe/Berlin/../Berlin", "did you mean Europe/Berlin?"),
        ("x" * 5000, SOME_ZONE), ("Middle of nowhere", SOME_ZONE),
    ],
    ids=lambda text: text[:24] or "empty",
)  # fmt: skip
def test_unknown_time_zones(name: str, fix: str) -> None:
    code, message, found = only(f'version: "1"\ntimezone: "{name}"\n')
    assert (code, found) == ("KS301", fix)
    assert message.startswith(f'unknown time zone "{name[:50]}')
    assert len(message) < 100


@pytest.mark.parametrize(
    ("value", "what"), [("", "nothing"), ("5", "the number 5"), ("[UTC]", "a list")]
)
def test_a_time_zone_is_text(value: str, what: str) -> None:
    message = f"timezone of the repository is {what}, not text"
    assert only(f'version: "1"\ntimezone: {value}\n') == ("KS201", message, SOME_ZONE)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Etc/GMT+5", "Asia/Calcutta", "EST5EDT"])
def test_known_time_zones(name: str) -> None:
    assert check(f'version: "1"\ntimezone: {name}\n').timezone == name


INDENT = "indent the agents beneath it, or write agents: {} to schedule nobody yet"
AS_KEYS = "write each agent's name as a key, with cadence: weekly beneath it"


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        ("", "nothing", INDENT),
        ("[]", "a list", INDENT),
        ("[coach]", "a list", AS_KEYS),
        ("coach", '"coach"', AS_KEYS),
        ("true", "true", AS_KEYS),
    ],
)
def test_agents_are_a_mapping(value: str, what: str, fix: str) -> None:
    text = f'version: "1"\nagents: {value}\n'
    assert only(text) == ("KS201", f"agents is {what}, not a mapping", fix)


# --- Entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c", "C", "coach", "a1", "A-b-C-9", "x" * 64, "end-"])
def test_names_that_agents_can_have(name: str) -> None:
    assert list(check(manifest(f"{name}: {{cadence: weekly}}")).entries) == [name]


LISTED = "kaizen-agentic agents list shows the known ones"


@pytest.mark.parametrize(
    ("key", "shown", "fix"),
    [
        ('""', '""', LISTED),
        ("2fast", '"2fast"', LISTED),
        ("x" * 65, f'"{"x" * 59}…"', LISTED),
        ("sys.medic", '"sys.medic"', "did you mean sys-medic?"),
        ("sys_medic", '"sys_medic"', "did you mean sys-medic?"),
        ("'coach '", '"coach "', "did you mean coach?"),
        ('"coach\\n"', '"coach\\n"', "did you mean coach?"),
        ("-coach", '"-coach"', "did you mean coach?"),
        ("agent.coach", '"agent.coach"', LISTED),
        ("со\u0430сh", '"соасh"', '"с" (U+0441) is no letter from A to Z'),
        ("coаch", '"coаch"', '"а" (U+0430) is no letter from A to Z'),
    ],
)
def test_names_that_no_agent_can_have(key: str, shown: str, fix: str) -> None:
    message = f"agent name {shown} is not letters, digits and dashes, 1 to 64 of them"
    found = only(manifest(f"{key}: {{cadence: weekly}}"), prompts=PROMPTS)
    assert found == ("KS207", f"{message}, a letter first", fix)


def test_names_are_unique_whatever_their_case() -> None:
    text = manifest(
        "coach: {cadence: weekly}", "Coach: {cadence: weekly}", "COACH: {cadence: never}"
    )
    found = findings(text, prompts=PROMPTS)
    assert [(f.code, f.line) for f in found] == [("KS208", 4), ("KS208", 5), ("KS204", 5)]
    assert found[0].message == "agent Coach differs from coach by case alone"
    assert found[1].message == "agent COACH differs from coach by case alone"
    assert list(check(text).entries) == ["coach"]


BENEATH = "write cadence: weekly beneath the agent's name"


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        ("", "nothing", BENEATH),
        ("weekly", '"weekly"', BENEATH),
        ("[cadence]", "a list", BENEATH),
        ("5", "the number 5", BENEATH),
        ("cadence:weekly", '"cadence:weekly"', "write a space after the colon"),
        ("cadance:weekly", '"cadance:weekly"', BENEATH),
    ],
)
def test_an_entry_is_a_mapping(value: str, what: str, fix: str) -> None:
    found = only(manifest(f"coach: {value}"))
    assert found == ("KS201", f"entry coach is {what}, not a mapping", fix)


def test_an_entry_that_is_not_indented() -> None:
    found = findings(manifest("coach:", "cadence: weekly", "enabled: false"), prompts=PROMPTS)
    assert [(f.code, f.line, f.fix) for f in found] == [
        ("KS201", 3, BENEATH),
        ("KS201", 4, "if it belongs to an agent, indent it beneath the agent's name"),
        ("KS201", 5, "if it belongs to an agent, indent it beneath the agent's name"),
    ]
    assert "review" in check(manifest("review: {cadence: weekly}")).entries, "a name like others"


def test_keys_of_an_entry() -> None:
    text = entry("cadence: weekly", "timezone: UTC")
    assert only(text) == (
        "KS202",
        'unknown key "timezone" in agent coach',
        "timezone belongs to the whole file, at its top",
    )
    text = entry("cadence: weekly", "hosts: {a: b}")
    assert only(text)[2] == "known are cadence, cron, enabled, review"


def test_a_missing_cadence() -> None:
    fix = "add cadence: weekly, or another of hourly, daily, weekly, monthly, quarterly"
    expected = ("KS203", "cadence of agent coach is missing", fix)
    assert only(manifest("coach: {}")) == expected
    assert only(entry("enabled: true")) == expected


def test_what_may_stand_in_a_merge_key_is_not_missing() -> None:
    assert findings(entry("<<: {cadence: weekly}")) == []
    assert findings("<<: {version: '1'}\n") == []
    assert findings(manifest("sys-medic:", "  <<: {review: required}"), prompts=PROMPTS) == []
    assert only(entry("<<: {}", "cadence: never"))[0] == "KS204", "what it says itself counts"
    assert only(entry("'<<': {}", "cadence: weekly"))[0] == "KS202", "in quotes it is none"
    dropped = manifest("<<: {<<: {}}", *(f"a{number}: {{}}" for number in range(20)))
    assert len(findings(dropped)) == 20, "it is never taken for another mapping"


FIVE = "one of hourly, daily, weekly, monthly, quarterly"


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        ("weely", 'unknown cadence "weely" for agent coach', f"did you mean weekly? {FIVE}"),
        ("Weekly", 'unknown cadence "Weekly" for agent coach', f"did you mean weekly? {FIVE}"),
        ("yearly", 'unknown cadence "yearly" for agent coach', FIVE),
        ('""', 'unknown cadence "" for agent coach', FIVE),
        ("", "cadence of agent coach is nothing, not one of the five", FIVE),
        ("7", "cadence of agent coach is the number 7, not one of the five", FIVE),
        ("[weekly]", "cadence of agent coach is a list, not one of the five", FIVE),
        ("false", "cadence of agent coach is false, not one of the five", FIVE),
    ],
)
def test_unknown_cadences(value: str, message: str, fix: str) -> None:
    assert only(entry(f"cadence: {value}")) == ("KS204", message, fix)


@pytest.mark.parametrize("cadence", list(Cadence))
def test_each_cadence(cadence: Cadence) -> None:
    assert check(entry(f"cadence: {cadence}")).entries["coach"] == Entry(cadence=cadence)


@pytest.mark.parametrize(
    ("value", "what"),
    [("", "nothing"), ("5", "the number 5"), ("[0, 9]", "a list"), ("{a: b}", "a mapping")],
)
def test_a_cron_is_text(value: str, what: str) -> None:
    found = only(entry("cadence: weekly", f"cron: {value}"))
    message = f"cron of agent coach is {what}, not text"
    assert found == ("KS201", message, 'write five fields in quotes, such as "0 9 * * 1"')


def test_a_cron_outside_the_subset() -> None:
    found = only(entry("cadence: weekly", 'cron: "0 0 9 * * 1"'))
    message = 'cron "0 0 9 * * 1" of agent coach has 6 fields, not five'
    assert found == ("KS303", message, 'leave out the seconds: "0 9 * * 1"')


def test_a_cron_that_does_not_keep_its_cadence() -> None:
    fix = '"0 9 * * 1" keeps the cadence; or change the cadence'
    found = only(entry("cadence: weekly", 'cron: "0 9 * * *"'))
    message = (
        'cron "0 9 * * *" of agent coach fires up to 7 times a week, and its cadence is weekly'
    )
    assert found == ("KS308", message, fix)
    found = only(entry("cadence: weekly", 'cron: "* * * * *"'))
    assert found[1].endswith(
        "10,080 times a week, and its cadence is weekly; more than 48 times a day is never run"
    )
    found = only(entry("cadence: weekly", 'cron: "*/30 * * * *"'))
    assert found[1].endswith("336 times a week, and its cadence is weekly"), "48 a day are allowed"


def test_a_cron_without_a_cadence_is_checked_by_itself() -> None:
    found = findings(entry("cadence: never", 'cron: "0 9 * * *"'))
    assert [f.code for f in found] == ["KS204"]
    found = findings(entry("cadence: never", 'cron: "0 9"'))
    assert [f.code for f in found] == ["KS204", "KS303"]


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        ("Required", '"Required"', "did you mean required?"),
        ("None", '"None"', "did you mean none?"),
        ("yes", '"yes"', "write review: none or review: required"),
        ("true", "true", "write review: none or review: required"),
        ("", "nothing", "write review: none or review: required"),
        ("[none]", "a list", "write review: none or review: required"),
        ("{}", "a mapping", "write review: none or review: required"),
    ],
)
def test_unknown_reviews(value: str, what: str, fix: str) -> None:
    message = f"review of agent coach is {what}, neither none nor required"
    assert only(entry("cadence: weekly", f"review: {value}")) == ("KS209", message, fix)


# --- Agents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"),
    [("couch", "coach"), ("Coach", "coach"), ("agent-coach", "coach"), ("sysmedic", "sys-medic"),
     ("librarian", "")],
)  # fmt: skip
def test_an_agent_without_a_prompt(name: str, near: str) -> None:
    fix = f"put its prompt at agents/agent-{name}.md"
    fix = f"did you mean {near}? if not, {fix}" if near else fix
    for lines in (["cadence: weekly"], ["cadence: weekly", "enabled: false"]):
        text = manifest(f"{name}:", *(f"  {line}" for line in lines))
        assert only(text, prompts=PROMPTS) == ("KS401", f"no prompt for agent {name}", fix)


def test_prompts_are_left_unchecked_where_they_are_not_known() -> None:
    assert findings(manifest("librarian: {cadence: weekly}")) == []
    assert only(manifest("librarian: {cadence: weekly}"), prompts={})[2] == (
        "put its prompt at agents/agent-librarian.md"
    )


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        (["cadence: weekly"], "add review: required"),
        (["cadence: weekly", "enabled: false"], "add review: required"),
        (["cadence: weekly", "review: none"], "write review: required"),
    ],
)
def test_an_agent_of_high_risk_needs_a_review(lines: Sequence[str], fix: str) -> None:
    found = findings(manifest("sys-medic:", *(f"  {x}" for x in lines)), prompts=PROMPTS)
    assert [(f.code, f.line, f.fix) for f in found] == [("KS402", 3, fix)]
    assert found[0].message == (
        "agent sys-medic has risk: high and no review: required; unattended, it could change "
        "more than one checkout can undo"
    )
    good = manifest("sys-medic: {cadence: weekly, review: required}")
    assert findings(good, prompts=PROMPTS) == []


def test_an_entry_that_is_none_is_not_blamed_for_its_risk() -> None:
    assert [f.code for f in findings(manifest("sys-medic: weekly"), prompts=PROMPTS)] == ["KS201"]


# --- A writer of its own, and what must hold ---------------------------------------------------

TEXT_VALUE = st.sampled_from(["plain", "double", "single"])


def scalar(value: Any, style: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "null" if value is None else json.dumps(value)
    plain = value.replace("/", "").replace("_", "").replace("-", "").isalpha()
    if style == "plain" and plain and value.lower() not in ("true", "false", "null"):
        return value
    if style == "single" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=style != "double")


def block(value: Any, style: str, indent: int, depth: int = 0) -> Iterator[str]:
    """The lines of a value in block style; empty collections stand in flow style."""
    pad = " " * indent * depth
    if isinstance(value, dict) and value:
        for key, item in value.items():
            head = f"{pad}{scalar(key, style)}:"
            if isinstance(item, dict | list) and item:
                yield head
                yield from block(item, style, indent, depth + 1)
            else:
                yield f"{head} {flow(item, style)}"
    elif isinstance(value, list) and value:
        for item in value:
            yield f"{pad}- {flow(item, style)}"
    else:
        yield pad + flow(value, style)


def flow(value: Any, style: str) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{scalar(k, 'double')}: {flow(v, style)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(flow(item, style) for item in value) + "]"
    return scalar(value, style if isinstance(value, str) and value.isalpha() else "double")


@st.composite
def texts(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[Any, str]:
    """A value, and one of the many ways to write it."""
    value = draw(values)
    style = draw(TEXT_VALUE)
    if draw(st.integers(0, 4)) == 0:
        lines = [flow(value, style)]
    else:
        lines = list(block(value, style, draw(st.integers(1, 4))))
        for number in range(len(lines) - 1, -1, -1):
            if draw(st.integers(0, 5)) == 0:
                lines[number] += draw(st.sampled_from([" # why", "  #", "\t# 🚀"]))
            if draw(st.integers(0, 5)) == 0:
                lines.insert(number, draw(st.sampled_from(["", "# é", "   # x", "  "])))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    head = draw(st.sampled_from(["", "", "\ufeff", f"---{end}", f"# x{end}"]))
    return value, head + end.join(lines) + draw(st.sampled_from(["", end]))


AGENT = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,9}", fullmatch=True)
SOME_ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Etc/GMT+5"])
KEEPING = {cadence.value: cadence.cron for cadence in Cadence}
ENTRY = st.sampled_from(list(KEEPING)).flatmap(
    lambda cadence: st.fixed_dictionaries(
        {"cadence": st.just(cadence)},
        optional={
            "cron": st.just(KEEPING[cadence]),
            "enabled": st.booleans(),
            "review": st.sampled_from(["none", "required"]),
        },
    )
)
MANIFEST = st.fixed_dictionaries(
    {"version": st.just("1")},
    optional={
        "enabled": st.booleans(),
        "timezone": SOME_ZONES,
        "agents": st.lists(
            st.tuples(AGENT, ENTRY), max_size=5, unique_by=lambda pair: pair[0].lower()
        ).map(dict),
    },
)


def model(data: dict[str, Any]) -> Manifest:
    agents = {
        name: Entry(
            cadence=Cadence(given["cadence"]),
            cron=given.get("cron"),
            enabled=given.get("enabled", True),
            review=Review(given.get("review", "none")),
        )
        for name, given in data.get("agents", {}).items()
    }
    sound = Manifest(version="1", agents=agents)
    return replace(sound, enabled=data.get("enabled", True), timezone=data.get("timezone", "UTC"))


@given(texts(MANIFEST))
@settings(max_examples=200)
def test_a_manifest_is_loaded_as_it_was_written(case: tuple[dict[str, Any], str]) -> None:
    data, text = case
    document = parse(text)
    assert document.findings == ()
    checked = check_manifest(document, zones=MemoryZones.load(), prompts=None)
    assert checked.findings == ()
    assert checked.manifest == model(data)
    assert checked.manifest is not None
    assert list(checked.manifest.agents) == list(data.get("agents", {})), "in file order"


# A fault: its code, a line to look for, and what to write there. ``%`` stands for the line.
FAULTS = [
    ("KS204", "cadence:", "%x"),
    ("KS204", "cadence:", "    cadence: 7"),
    ("KS202", "cadence:", "%\n    every: week"),
    ("KS112", "cadence:", "%\n    cadence: daily"),
    ("KS201", "cadence:", "%\n    enabled: yes"),
    ("KS303", "cadence:", "%\n    cron: '0 9 * *'"),
    ("KS106", "cadence:", "%\n    cron: */5 9 * * *"),
    ("KS209", "cadence:", "%\n    review: maybe"),
    ("KS110", "cadence:", "    cadence: !!str weekly"),
    ("KS113", "cadence:", "    cadence: *weekly"),
    ("KS203", "coach:", "%\n    enabled: true\n  other:"),
    ("KS207", "coach:", "  co.ach:"),
    ("KS112", "coach:", "  coach: {cadence: weekly}\n%"),
    ("KS208", "coach:", "  Coach: {cadence: weekly}\n%"),
    ("KS301", "timezone:", "timezone: Europe/Berln"),
    ("KS201", "timezone:", "timezone: 5"),
    ("KS112", "timezone:", "%\ntimezone: UTC"),
    ("KS202", "timezone:", "timezon: UTC"),
    ("KS205", "version:", "version: 1"),
    ("KS206", "version:", "version: '2'"),
    ("KS201", "version:", "%\nenabled: on"),
    ("KS111", "version:", "%\n<<: {}"),
]  # fmt: skip


@given(
    st.sampled_from(FAULTS),
    st.lists(AGENT.filter(lambda name: name.lower() not in ("coach", "other")), max_size=4,
             unique_by=str.lower),
    st.integers(0, 4),
    st.lists(st.sampled_from(["", "# x", "  # 🚀"]), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
@settings(max_examples=200)
def test_a_fault_is_reported_on_its_line_and_nowhere_else(
    fault: tuple[str, str, str], others: list[str], position: int, noise: list[str], end: str
) -> None:
    code, key, replacement = fault
    names = [*others[:position], "coach", *others[position:]]
    lines = ['version: "1"', "timezone: Europe/Berlin", "agents:"]
    for name in names:
        lines += [f"  {name}:", "    cadence: weekly"]
    for number, line in enumerate(noise):
        lines.insert((number * 7) % len(lines), line)
    at = lines.index("  coach:")
    if key in ("cadence:", "coach:"):
        at = next(n for n in range(at, len(lines)) if key in lines[n])
    else:
        at = next(n for n, line in enumerate(lines) if line.startswith(key))
    new = replacement.replace("%", lines[at]).split("\n")
    lines[at : at + 1] = new
    added = len(new) - 1
    expected = at + 1 if code == "KS203" else at + 1 + added

    document = parse(end.join(lines))
    checked = check_manifest(document, zones=MemoryZones.load(), prompts=None)
    found = [*document.findings, *(document.place(finding) for finding in checked.findings)]
    assert code in [f.code for f in found]
    for item in found:
        assert item.line == expected or item.code == "KS308", item
    assert checked.manifest is None


# --- The schema --------------------------------------------------------------------------------


@cache
def schema() -> Draft202012Validator:
    document = json.loads(packaged.schema("manifest"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


LEAF = st.sampled_from(
    [None, True, False, 0, 1, 2, 1.5, "1", "2", "", "yes", "weekly", "daily", "Weekly", "none",
     "required", "UTC", "Nowhere", "0 9 * * 1", "0 9", [], ["weekly"], {}, {"cadence": "weekly"}]
)  # fmt: skip
NAMES = st.sampled_from(["coach", "Coach", "a-1", "a.b", "", "1a", "x" * 64, "x" * 65, "é"])
TOP = ["version", "enabled", "timezone", "agents", "Version", "hosts", ""]
KEYS = ["cadence", "cron", "enabled", "review", "Cadence", "every"]
SLIPS = st.lists(
    st.tuples(st.just("top"), st.sampled_from(TOP), LEAF)
    | st.tuples(st.just("drop"), st.sampled_from(TOP), st.none())
    | st.tuples(st.just("entry"), NAMES, LEAF | ENTRY)
    | st.tuples(st.just("key"), st.sampled_from(KEYS), LEAF)
    | st.tuples(st.just("drop key"), st.sampled_from(KEYS), st.none()),
    max_size=2,
)


def with_slips(data: dict[str, Any], slips: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """A sound manifest with a few things done to it."""
    changed = {**data, "agents": {"coach": {"cadence": "weekly"}, **data.get("agents", {})}}
    for what, key, value in slips:
        agents = changed.get("agents")
        entry_of = agents.get("coach") if isinstance(agents, dict) else None
        match what:
            case "top":
                changed[key] = value
            case "drop":
                changed.pop(key, None)
            case "entry" if isinstance(agents, dict):
                agents[key] = value
            case "key" if isinstance(entry_of, dict):
                entry_of[key] = value
            case "drop key" if isinstance(entry_of, dict):
                entry_of.pop(key, None)
    return json.loads(json.dumps(changed))  # type: ignore[no-any-return] # each part a copy


MANIFESTISH = st.builds(with_slips, MANIFEST, SLIPS) | LEAF


@given(texts(MANIFESTISH))
@settings(max_examples=500)
def test_schema_and_loader_agree(case: tuple[Any, str]) -> None:
    data, text = case
    document = parse(text)
    assert document.findings == ()
    assert document.data == data
    checked = check_manifest(document, zones=MemoryZones.load(), prompts=None)
    shape = {f.rule.code for f in checked.findings if f.rule.code < "KS3"}
    # That two names differ by case alone is all that a schema cannot say.
    assert schema().is_valid(data) == (shape <= {"KS208"})


@given(texts(MANIFESTISH))
@settings(max_examples=200)
def test_whatever_is_wrong_can_be_shown(case: tuple[Any, str]) -> None:
    document = parse(case[1])
    prompts = {"coach": Risk.HIGH}
    checked = check_manifest(document, zones=MemoryZones.load(), prompts=prompts)
    for finding in checked.findings:
        placed = document.place(finding)
        assert printable(placed.message)
        assert printable(placed.fix)
        assert placed.fix
        assert placed.line <= len(document.source.starts)
    errors = [f for f in checked.findings if f.rule.severity == "error" and f.rule.code < "KS4"]
    assert (checked.manifest is None) == bool(errors)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False,
       allow_infinity=False) | st.text("ab:é\n\x1b\u202e", max_size=4), lambda inner:
       st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
       max_leaves=8))  # fmt: skip
def test_any_data_is_judged_without_a_fall(data: Any) -> None:
    document = parse(json.dumps({"version": "1", "agents": data, "timezone": data}))
    checked = check_manifest(document, zones=MemoryZones.load(), prompts={"coach": Risk.LOW})
    for finding in checked.findings:
        document.place(finding)


def test_an_agent_name_that_is_somebodys_token_is_not_told(zones: MemoryZones) -> None:
    token = "py" + "pi-AgEIcHlwaS5vcmc" + "a1B2c3D4e5F6" * 3
    text = f'version: "1"\nagents:\n  {token}:\n    cadence: weely\n    cron: "9"\n'
    document = parse_document(text.encode(), path="schedule.yml")
    checked = check_manifest(document, zones=zones, prompts={})
    told = [document.place(finding) for finding in checked.findings]
    assert len(told) == 3
    assert not any(token[8:16] in repr(item) for item in told)
