"""Definitions as files: what is rendered is read back, and what a hand has broken is told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.agents import NAME
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definition_files import (
    LoadedDefinition,
    check_definitions,
    definition_diagnostics,
    load_definition,
    render_definition,
)
from kaizen_schedule.planning.definitions import (
    RESOLVER,
    ActivityDefinition,
    Context,
    ForEach,
    Inputs,
    TaskTemplate,
    placeholders,
)
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import to_plain
from kaizen_schedule.reading.diagnostics import Diagnostic
from tests.support import MemoryZones, definition

TODAY = date(2026, 11, 24)
WEEKLY = definition("coach", Cadence.WEEKLY)

TEXT = """\
---
id: weekly-coach
title: Weekly-coach
enabled: false
owner: activity-core
trigger:
  cron: "0 9 * * 1"
  timezone: Europe/Berlin
context:
  resolver: discover_kaizen_scheduled_repos
  inputs:
    agent: coach
    cadence: weekly
    include: ["*"]
    exclude: []
for_each: context.scheduled_runs
task:
  title: "Work in {{ run.repo }}"
  description: "Run the command in {{ run.path }}."
  command: "{{ run.command }}"
  labels: [kaizen]
  idempotency_key: "{{ run.idempotency_key }}"
  not_before: "{{ run.not_before }}"
  expires_at: "{{ run.expires_at }}"
policy:
  overlap: skip
  catchup_window: P7D
  stagger_window: PT30M
  expires_after: P6D
  run_timeout: PT2H
---
"""


def load(text: str, *, today: date | None = TODAY, path: str = "a.md") -> LoadedDefinition:
    return load_definition(text, path=path, zones=MemoryZones.load(), today=today)


def told(text: str) -> list[Diagnostic]:
    loaded = load(text)
    found = list(definition_diagnostics(loaded, "a.md"))
    assert (loaded.definition is None) == bool(found)
    return found


def edited(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


# --- Reading and rendering -----------------------------------------------------------------------


def test_a_definition_is_read() -> None:
    loaded = load(TEXT)
    assert loaded.definition == WEEKLY
    assert loaded.findings == ()
    assert definition_diagnostics(loaded, "a.md") == ()


def test_a_definition_is_rendered() -> None:
    assert render_definition(WEEKLY) == TEXT
    assert render_definition(replace(WEEKLY, text="# Why\n\nOnce.")) == f"{TEXT}# Why\n\nOnce.\n"


def test_one_about_repositories_is_read() -> None:
    whole = definition(None, None)
    assert load(render_definition(whole)).definition == whole


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{TEXT}",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("---\n", "--- \t\n"),
        TEXT.removesuffix("\n"),
        TEXT.replace("[kaizen]", "\n    - kaizen # and no more"),
        TEXT.replace("  title:", "\n\n  'title' :"),
        TEXT.replace('"0 9 * * 1"', "0 9 * * 1"),
    ],
    ids=["mark", "crlf", "cr", "blanks", "no-end", "block-list", "quoted-key", "plain-cron"],
)
def test_what_means_the_same_is_read_as_the_same(text: str) -> None:
    assert load(text).definition == WEEKLY


@pytest.mark.parametrize(
    ("behind", "text"),
    [
        ("", ""),
        ("\n", ""),
        ("\n\n", "\n"),
        ("a", "a"),
        ("a\n", "a"),
        ("\n# A\n\n", "\n# A\n"),
        (" a \n---\nid: b\n---\n", " a \n---\nid: b\n---"),
    ],
)
def test_the_text_is_all_behind_the_front_matter_but_the_last_line_end(
    behind: str, text: str
) -> None:
    found = load(f"{TEXT}{behind}").definition
    assert found == replace(WEEKLY, text=text)


WORDS = st.sampled_from(
    ["null", "True", "no", "y", "~", "0x1F", "1e3", ".inf", "010", "2026-01-01", "a: b", "a #b",
     "- a", "---", "*", "&a", "!t", "%Y", "@a", "`a`", "'", '"', "\\", "\\n", "[a]", "a, b", "a ",
     " a", "a\n", "\na", "a\tb", "a\u2028b", "\x85", "\ufeff", "\x00", "\x7f", "😀", "\U000e0041",
     "\U0001fffe", "\ufffe", "ä", "漢字", "\u202e", "a  b", "yes", "=", "<<", "|", ">", "?", "(a)",
     "\u3164", "a" * 300, "a/b.c-d (e)", "a-", "a.", "/", "\r\n"]
)  # fmt: skip
FREE = (WORDS | st.text(max_size=30)).filter(lambda text: text.strip())
ITEM = WORDS | st.text(min_size=1, max_size=10)


def templates(kind: ForEach) -> st.SearchStrategy[str]:
    """Texts of a task: anything without braces, and placeholders."""
    free = (WORDS | st.text(max_size=10)).map(lambda text: re.sub("[{}]", "", text))
    known = st.sampled_from([f"{{{{ {name} }}}}" for name in placeholders(kind)])
    return st.lists(free | known, min_size=1, max_size=4).map("".join)


@st.composite
def definitions(draw: st.DrawFn) -> ActivityDefinition:
    kind = draw(st.sampled_from(ForEach))
    agent = cadence = None
    if kind is ForEach.RUNS:
        cadence = draw(st.sampled_from(Cadence))
        agent = draw(
            st.none() | st.sampled_from(["null", "no"]) | st.from_regex(NAME, fullmatch=True)
        )
    globs = st.lists(ITEM, max_size=3).map(tuple)
    made = definition(
        agent,
        cadence,
        cron=draw(st.sampled_from(["0 9 * * 1", "30 4 1 * *", "*/5 9 * * MON-FRI"])),
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+5"])),
        enabled=draw(st.booleans()),
        **draw(
            st.fixed_dictionaries(
                {}, optional={"stagger_window": st.sampled_from(["PT0S", "P1W2DT3H"])}
            )
        ),
    )
    text = templates(kind).filter(lambda text: text.strip())
    return replace(
        made,
        id=draw(st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,5}", fullmatch=True)),
        title=draw(FREE),
        owner=draw(FREE),
        context=Context(
            resolver=RESOLVER,
            inputs=Inputs(agent=agent, cadence=cadence, include=draw(globs), exclude=draw(globs)),
        ),
        task=replace(
            made.task,
            title=draw(text),
            description=draw(text),
            labels=tuple(draw(st.lists(templates(kind).filter(bool), max_size=3))),
        ),
        text=draw(WORDS | st.text() | st.text("\r\n -#a")),
    )


@given(definitions())
def test_what_is_rendered_is_read_back(made: ActivityDefinition) -> None:
    text = render_definition(made)
    text.encode()
    loaded = load(text)
    assert definition_diagnostics(loaded, "a.md") == ()
    assert loaded.definition == made
    front = text[: text.index("\n---\n")]
    assert all(safety.printable(line) for line in front.split("\n"))


@given(definitions())
@settings(max_examples=50)
def test_any_reader_of_yaml_reads_the_same(made: ActivityDefinition) -> None:
    front = render_definition(made).removeprefix("---\n").split("\n---\n")[0]
    plain = to_plain(made)
    assert isinstance(plain, dict)
    del plain["text"]
    assert yaml.safe_load(front) == plain


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("Weekly run (of all) a-b/c", "title: Weekly run (of all) a-b/c"),
        ("on", 'title: "on"'),
        ("Größe", 'title: "Größe"'),
        ('say "a\\b"', 'title: "say \\"a\\\\b\\""'),
        ("😀\u200b", 'title: "😀\\u200b"'),
        ("\U000e0041\n", 'title: "\\U000e0041\\n"'),
    ],
)
def test_a_text_is_quoted_where_a_reader_could_take_it_for_something_else(
    title: str, line: str
) -> None:
    assert render_definition(replace(WEEKLY, title=title)).splitlines()[2] == line


# --- What is told --------------------------------------------------------------------------------

_TRIGGER = 'trigger:\n  cron: "0 9 * * 1"\n  timezone: Europe/Berlin\n'
_CRON = 'cron: "0 9 * * 1"'
_INPUTS = '  inputs:\n    agent: coach\n    cadence: weekly\n    include: ["*"]\n    exclude: []\n'
_TITLE = 'title: "Work in {{ run.repo }}"'
_COMMAND = 'command: "{{ run.command }}"'
_ISO = "write weeks, days, hours, minutes, seconds: P7D, PT30M, P1DT12H"
_TOP = "known are id, title, enabled, owner, trigger, context, for_each, task, policy"

FAULTS: Mapping[str, tuple[str, str, str, int, int, str, str]] = {
    # What is missing, what is unknown.
    "no id": ("id: weekly-coach\n", "", "KS203", 2, 1, "id of the definition is missing",
        "add id: weekly-coach-orientation"),
    "no trigger": (_TRIGGER, "", "KS203", 2, 1, "trigger of the definition is missing",
        "add trigger: with cron, timezone beneath it"),
    "no cron": (f"  {_CRON}\n", "", "KS203", 6, 1, "cron of trigger is missing",
        'add cron: "0 9 * * 1"'),
    "no inputs": (_INPUTS, "", "KS203", 9, 1, "inputs of context is missing",
        "add inputs: with agent, cadence, include, exclude beneath it"),
    "no agent": ("    agent: coach\n", "", "KS203", 11, 3, "agent of inputs is missing",
        "add agent: coach"),
    "no cadence": ("    cadence: weekly\n", "", "KS203", 11, 3, "cadence of inputs is missing",
        "add cadence: weekly"),
    "no command": (f"  {_COMMAND}\n", "", "KS203", 17, 1, "command of task is missing",
        'add command: "{{ run.command }}"'),
    "id misspelt": ("id: weekly-coach", "idd: weekly-coach", "KS202", 2, 1,
        'unknown key "idd" in the definition', "did you mean id?"),
    "key that nobody knows": ("id: weekly-coach", "name: x\nid: weekly-coach", "KS202", 2, 1,
        'unknown key "name" in the definition', _TOP),
    "known key once more": ("owner: activity-core", "owner: activity-core\nowners: x", "KS202", 6,
        1, 'unknown key "owners" in the definition', _TOP),
    "zone misspelt": ("timezone: Europe", "timezon: Europe", "KS202", 8, 3,
        'unknown key "timezon" in trigger', "did you mean timezone?"),
    "policy key misspelt": ("catchup_window", "catch_up_window", "KS202", 27, 3,
        'unknown key "catch_up_window" in policy', "did you mean catchup_window?"),
    "policy key unknown": ("overlap: skip", "overlap: skip\n  jitter: PT5M", "KS202", 27, 3,
        'unknown key "jitter" in policy',
        "known are overlap, catchup_window, stagger_window, expires_after, run_timeout"),
    # Wrong types.
    "id a number": ("id: weekly-coach", "id: 5", "KS201", 2, 5, "id is the number 5, not text",
        "write id: weekly-coach-orientation"),
    "title blank": ("title: Weekly-coach", "title: '  '", "KS201", 3, 8, 'title is "  ", not text',
        "write title: Weekly coach orientation"),
    "title a list": ("title: Weekly-coach", "title: [a]", "KS201", 3, 1,
        "title is a list, not text", "write title: Weekly coach orientation"),
    "enabled yes": ("enabled: false", "enabled: yes", "KS201", 4, 10,
        'enabled is "yes", neither true nor false',
        "write enabled: false; the orchestrator's team switches it on"),
    "enabled nothing": ("enabled: false", "enabled:", "KS201", 4, 1,
        "enabled is nothing, neither true nor false",
        "write enabled: false; the orchestrator's team switches it on"),
    "owner a mapping": ("owner: activity-core", "owner: {a: b}", "KS201", 5, 1,
        "owner is a mapping, not text", "quote a text that begins with a brace"),
    "trigger a text": (_TRIGGER, "trigger: weekly\n", "KS201", 6, 10,
        'trigger is "weekly", not a mapping', "write trigger: with cron, timezone beneath it"),
    "inputs a list": (_INPUTS, "  inputs: [a]\n", "KS201", 11, 3, "inputs is a list, not a mapping",
        "write inputs: with agent, cadence, include, exclude beneath it"),
    "include a text": ('include: ["*"]', 'include: "*"', "KS201", 14, 14,
        'include is "*", not a list', "write a list of slugs, such as ['*']"),
    "include a number": ('include: ["*"]', "include: [team-a, 5]", "KS201", 14, 23,
        "include holds the number 5, not text", "write slugs, such as ['*']"),
    "exclude an empty text": ("exclude: []", 'exclude: [""]', "KS201", 15, 15,
        'exclude holds "", not text', "write slugs, such as ['sandbox-*']"),
    "exclude nothing": ("exclude: []", "exclude:", "KS201", 15, 5, "exclude is nothing, not a list",
        "write a list of slugs, such as ['sandbox-*']"),
    "labels a text": ("labels: [kaizen]", "labels: kaizen", "KS201", 21, 11,
        'labels is "kaizen", not a list', "write a list of labels, such as [kaizen]"),
    "list in labels": ("labels: [kaizen]", "labels: [kaizen, [a]]", "KS201", 21, 20,
        "labels holds a list, not text", "write labels, such as [kaizen]"),
    "duration a number": ("P7D", "7", "KS201", 27, 19, "catchup_window is the number 7, not text",
        "write catchup_window: P7D"),
    # Values.
    "id with capitals": ("id: weekly-coach", "id: Weekly Coach", "KS502", 2, 5,
        'id "Weekly Coach" is not 1 to 64 small letters, digits, single dashes',
        "write id: weekly-coach-orientation"),
    "id too long": ("id: weekly-coach", f"id: {'a' * 65}", "KS502", 2, 5,
        f'id "{"a" * 59}…" is not 1 to 64 small letters, digits, single dashes',
        "write id: weekly-coach-orientation"),
    "resolver misspelt": ("resolver: discover", "resolver: dicover", "KS502", 10, 13,
        'resolver is "dicover_kaizen_scheduled_repos", not discover_kaizen_scheduled_repos',
        "did you mean discover_kaizen_scheduled_repos?"),
    "resolver a list": ("resolver: discover_kaizen_scheduled_repos", "resolver: [x]", "KS502", 10,
        3, "resolver is a list, not discover_kaizen_scheduled_repos",
        "write resolver: discover_kaizen_scheduled_repos"),
    "cadence misspelt": ("cadence: weekly", "cadence: weely", "KS502", 13, 14,
        'cadence is "weely", not hourly or daily or weekly or monthly or quarterly',
        "did you mean weekly?"),
    "cadence a list": ("cadence: weekly", "cadence: [weekly]", "KS502", 13, 5,
        "cadence is a list, not hourly or daily or weekly or monthly or quarterly",
        "write cadence: weekly"),
    "runs without a cadence": ("cadence: weekly", "cadence: null", "KS502", 16, 11,
        "for_each: context.scheduled_runs needs a cadence in inputs",
        "write cadence: weekly, or for_each: context.repos"),
    "repositories with an agent": ("context.scheduled_runs", "context.repos", "KS502", 16, 11,
        "for_each: context.repos is about repositories, and inputs name an agent",
        "write agent: null and cadence: null, or for_each: context.scheduled_runs"),
    "for_each misspelt": ("context.scheduled_runs", "context.scheduled_run", "KS502", 16, 11,
        'for_each is "context.scheduled_run", not context.scheduled_runs or context.repos',
        "did you mean context.scheduled_runs?"),
    "command of one's own": (_COMMAND, 'command: "make run"', "KS502", 20, 12,
        'command of the task is "make run", not the run\'s own',
        'write command: "{{ run.command }}"'),
    "another instant": ('not_before: "{{ run.not_before }}"', 'not_before: "{{ run.expires_at }}"',
        "KS502", 23, 15, 'not_before of the task is "{{ run.expires_at }}", not the run\'s own',
        'write not_before: "{{ run.not_before }}"'),
    "overlap": ("overlap: skip", "overlap: queue", "KS502", 26, 12, 'overlap is "queue", not skip',
        "write overlap: skip"),
    "agent with a blank": ("agent: coach", 'agent: "the coach"', "KS207", 12, 12,
        'agent is "the coach", which no agent can be called', "write agent: coach"),
    "agent a number": ("agent: coach", "agent: 5", "KS207", 12, 12,
        "agent is the number 5, which no agent can be called", "write agent: coach"),
    # The trigger.
    "six fields": (_CRON, 'cron: "0 0 9 * * 1"', "KS303", 7, 9,
        'cron "0 0 9 * * 1" of the trigger has 6 fields, not five',
        'leave out the seconds: "0 9 * * 1"'),
    "macro": (_CRON, 'cron: "@weekly"', "KS302", 7, 9,
        'cron "@weekly" of the trigger is a macro, which not every engine knows',
        'write it out: "0 0 * * 0"'),
    "no such weekday": (_CRON, 'cron: "0 9 * * 8"', "KS304", 7, 9,
        'cron "0 9 * * 8" of the trigger has "8" as weekday', "weekday is 0 to 7, or SUN to SAT"),
    "no such day": (_CRON, 'cron: "0 9 31 2 *"', "KS306", 7, 9,
        'cron "0 9 31 2 *" of the trigger never fires: no such day exists',
        '"0 9 29 2 *" is the last day that does'),
    "cron a number": (_CRON, "cron: 9", "KS201", 7, 9, "cron is the number 9, not text",
        'write cron: "0 9 * * 1"'),
    "cron empty": (_CRON, 'cron: ""', "KS201", 7, 9, 'cron is "", not text',
        'write cron: "0 9 * * 1"'),
    "cron with a bare star": (_CRON, "cron: */5 9 * * 1", "KS106", 7, 9,
        '"*/5 9 * * 1" begins with *, which YAML takes for an alias', 'quote it: "*/5 9 * * 1"'),
    "cron an alias": (_CRON, "cron: *nine", "KS113", 7, 9, 'alias "*nine" has no anchor before it',
        'if it is text, quote it: "*nine"'),
    "zone unknown": ("Europe/Berlin", "Europe/Berln", "KS301", 8, 13,
        'unknown time zone "Europe/Berln"', "did you mean Europe/Berlin?"),
    "zone of the host": ("Europe/Berlin", "localtime", "KS301", 8, 13,
        'unknown time zone "localtime"', "name a place, such as Europe/Berlin"),
    "zone nothing": ("timezone: Europe/Berlin", "timezone:", "KS201", 8, 3,
        "timezone is nothing, not text", "write timezone: Europe/Berlin"),
    "hour that is skipped": (_CRON, 'cron: "0 2 * * 1"', "KS505", 7, 9,
        'cron "0 2 * * 1" of the trigger is not safe over clock changes in Europe/Berlin: hour 2 '
        "is skipped or repeated on 2027-03-28", "write timezone: UTC, or an hour from 4 to 22"),
    "any hour": (_CRON, 'cron: "0 * * * *"', "KS505", 7, 9,
        'cron "0 * * * *" of the trigger is not safe over clock changes in Europe/Berlin: a '
        "wildcard hour", "write timezone: UTC, or an hour from 4 to 22"),
    "changes at midnight": ("Europe/Berlin", "America/Santiago", "KS505", 7, 9,
        'cron "0 9 * * 1" of the trigger is not safe over clock changes in America/Santiago: the '
        "zone changes its clocks at midnight", "write timezone: UTC"),
    # Placeholders.
    "placeholder misspelt": (_TITLE, 'title: "Work in {{ run.rep }}"', "KS503", 18, 10,
        'placeholder "{{ run.rep }}" names nothing', "did you mean {{ run.repo }}?"),
    "placeholder without blanks": (_TITLE, "title: Work in {{run.repo}}", "KS503", 18, 10,
        'braces hold no placeholder: "{{run.repo}}"', "write {{ run.repo }}"),
    "placeholder in the second label": ("labels: [kaizen]", 'labels: [kaizen, "{{ run.agnt }}"]',
        "KS503", 21, 20, 'placeholder "{{ run.agnt }}" names nothing',
        "did you mean {{ run.agent }}?"),
    "braces in the description": ("Run the command in {{ run.path }}", "{}", "KS503", 19, 16,
        'braces hold no placeholder: "{}"', "write {{ run.repo }}"),
    # Durations.
    "days in words": ("P7D", "7 days", "KS504", 27, 19,
        'catchup_window is "7 days", not an ISO 8601 duration', _ISO),
    "a month": ("P6D", "P1M", "KS504", 29, 18, 'expires_after is "P1M", not an ISO 8601 duration',
        _ISO),
    "no time": ("PT2H", "PT0S", "KS504", 30, 16, 'run_timeout is "PT0S": no time at all',
        "write how long, such as PT2H"),
    "too long": ("P7D", "P367D", "KS504", 27, 19, 'catchup_window is "P367D", longer than a year',
        "write how long, such as P7D"),
    "stagger too long": ("PT30M", "P53W", "KS504", 28, 19,
        'stagger_window is "P53W", longer than a year', "write how long, such as P7D"),
    # The text as YAML.
    "id twice": ("owner: activity-core", "id: again\nowner: activity-core", "KS112", 5, 1,
        'key "id" stands twice in this mapping; first at line 2', "remove one of the two"),
    "open quote": ("title: Weekly-coach", "title: 'W", "KS105", 3, 8,
        "not YAML: the quote that begins here is not closed", "close the quote"),
    "tag": ("title: Weekly-coach", "title: !!str W", "KS110", 3, 8,
        'tag "!!str" is refused: a value is what its form says', "remove the tag"),
    "merge key": ("overlap: skip", "<<: {overlap: skip}", "KS111", 26, 3,
        "merge key << is refused", "write the keys out"),
    "separator": ("title: Weekly-coach", "title: a\u2028b", "KS107", 3, 9,
        "LS (U+2028) is taken for a line end by some readers",
        "remove it, or write it as an escape in double quotes"),
    "control character": ("title: Weekly-coach", "title: a\0b", "KS108", 3, 9,
        "character U+0000 is not allowed here", "remove it"),
    "lone surrogate": ("title: Weekly-coach", "title: a\ud800b", "KS101", 3, 9,
        "byte 0xed at offset 26 is not UTF-8", "save the file as UTF-8"),
    "no front matter": ("---\nid", "id", "KS501", 1, 1, "there is no front matter",
        "put the data between two lines of three dashes, at the top"),
    "open front matter": ("PT2H\n---\n", "PT2H\n", "KS501", 1, 1, "the front matter is open",
        "put the data between two lines of three dashes, at the top"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_told_once_and_at_its_place(name: str) -> None:
    old, new, *expected = FAULTS[name]
    found = told(edited((old, new)))
    assert [[d.code, d.line, d.column, d.message, d.fix] for d in found] == [expected]
    assert found[0].path == "a.md"


def test_everything_is_told_in_one_run_and_in_file_order() -> None:
    text = edited(
        ("id: weekly-coach", "id: 5"),
        ("0 9 * * 1", "@weekly"),
        ("Europe/Berlin", "Berln"),
        ("agent: coach", "agent: 5"),
        ("cadence: weekly", "cadence: weely"),
        ("[kaizen]", '[5, [a], "{{ run.agnt }}"]'),
        ("P7D", "7"),
        ("PT2H", "2h"),
        ("owner: activity-core", "owner: a\nowner: b"),
    )
    assert [(d.code, d.line) for d in told(text)] == [
        ("KS201", 2), ("KS112", 6), ("KS302", 8), ("KS301", 9), ("KS207", 13), ("KS502", 14),
        ("KS201", 22), ("KS201", 22), ("KS503", 22), ("KS201", 28), ("KS504", 31),
    ]  # fmt: skip


def test_what_follows_from_a_slip_is_not_told_beside_it() -> None:
    text = edited(("cadence: weekly", "cadence: never"), ("context.scheduled_runs", "[x]"))
    assert [(d.code, d.line) for d in told(text)] == [("KS502", 13), ("KS502", 16)]
    both = edited(("agent: coach", "agent: null"), ("context.scheduled_runs", "context.repos"))
    assert [d.message for d in told(both)] == [
        "for_each: context.repos is about repositories, and inputs name a cadence"
    ]
    unquoted = edited((_COMMAND, "command: {{ run.command }}"))
    assert [(d.code, d.line) for d in told(unquoted)] == [("KS502", 20), ("KS115", 20)]


def test_a_placeholder_of_an_agent_s_run_names_nothing_in_a_repository_s() -> None:
    text = render_definition(definition(None, None)).replace("{{ run.repo }}", "{{ run.agent }}")
    assert [d.message for d in told(text)] == ['placeholder "{{ run.agent }}" names nothing']


@pytest.mark.parametrize("text", ["---\n---\n", "---\n- a\n---\n", "---\n5\n---\n", "---\n\n---"])
def test_front_matter_that_is_no_mapping(text: str) -> None:
    (found,) = told(text)
    assert found.code == "KS201"
    assert found.message.startswith("the definition is ")
    assert found.message.endswith(", not a mapping")
    assert found.fix == "write id: weekly-coach-orientation"


@pytest.mark.parametrize("text", ["", "\n", "# A page\n", " ---\n---\n", "\n---\n---\n", "----\n"])
def test_a_page_without_front_matter(text: str) -> None:
    loaded = load(text)
    assert (loaded.definition, loaded.document) == (None, None)
    (found,) = definition_diagnostics(loaded, "x/\u202ea.md")
    assert (found.code, found.path, found.line, found.excerpt) == ("KS501", "x/\\u202ea.md", 1, "")


def test_clock_changes_are_looked_for_from_a_day_on() -> None:
    text = edited(("0 9 * * 1", "0 2 * * 1"))
    assert load(text, today=None).definition is not None
    assert load(text).definition is None
    assert load(text.replace("Europe/Berlin", "UTC")).definition is not None


def test_runs_need_not_be_spread() -> None:
    found = load(edited(("PT30M", "PT0S"))).definition
    assert found is not None
    assert found.policy.stagger_window == "PT0S"


def test_what_a_fix_proposes_is_sound() -> None:
    """Every value that a fix proposes can stand in its key's place."""
    samples = {
        match[1]: match[2]
        for *_, fix in FAULTS.values()
        if (match := re.fullmatch(r"(?:write|add) (\w+): ((?!with ).*)", fix))
        and not re.search("[;,]", match[2])
    }
    assert len(samples) > 10
    text = TEXT
    for key, value in samples.items():
        indent = "(?m)^( *)"
        text, count = re.subn(f"{indent}{key}: .*", rf"\g<1>{key}: {value}", text, count=1)
        assert count == 1, key
    assert told(text) == []


# --- Whatever it is ------------------------------------------------------------------------------

_BITS = ["---\n", "\n", ": ", "- ", "{{ ", " }}", "*", "&a ", "*a", "!t ", "'", '"', "\\", "[", "]",
         "{", "}", "<<: ", "? ", "|\n", "\t", "\r", "\ufeff", "\x00", "\ud800", "\u2028", "%TAG ",
         "null", "1", "id: ", "#"]  # fmt: skip
_ANYTHING = st.text(st.characters(), max_size=20) | st.sampled_from(_BITS)


def unharmed(text: str) -> None:
    """Hold what is said of a text against what holds for every text."""
    loaded = load(text)
    found = definition_diagnostics(loaded, "a.md")
    assert (loaded.definition is None) == bool(found)
    assert list(found) == sorted(found, key=lambda d: d.order)
    lines = len(re.findall("\r\n|\r|\n", text)) + 1
    for item in found:
        assert 1 <= item.line <= lines
        assert all(map(safety.printable, (item.message, item.fix, item.excerpt, item.pointer)))
    check_definitions([("a.md", loaded), ("b.md", loaded)])
    if loaded.definition is not None:
        again = load(render_definition(loaded.definition))
        assert again.definition == loaded.definition


@given(st.lists(_ANYTHING, max_size=12).map("".join))
@example("\ufeff---\n\ud800\n---\n")
def test_any_text_is_read_without_harm(text: str) -> None:
    unharmed(text)
    unharmed(f"---\n{text}\n---\n{text}")


@given(st.integers(0, len(TEXT)), st.integers(0, 40), _ANYTHING)
def test_any_edit_is_read_without_harm(start: int, length: int, new: str) -> None:
    unharmed(TEXT[:start] + new + TEXT[start + length :])


_GOOD = yaml.safe_load(TEXT.split("---")[1])
_KEYS = sorted({*_GOOD, *(key for v in _GOOD.values() if isinstance(v, dict) for key in v), "x"})
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["P7D", "coach", "weekly", "UTC", "0 9 * * 1", "{{ run.repo }}", *ForEach]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.data())
def test_any_data_is_read_without_harm(data: st.DataObject) -> None:
    made = json.loads(json.dumps(_GOOD))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = made
        while True:
            key = data.draw(st.sampled_from(sorted(place)) | st.sampled_from(_KEYS))
            inner = place.get(key)
            if isinstance(inner, dict) and inner and data.draw(st.booleans()):
                place = inner
                continue
            if data.draw(st.booleans()):
                place[key] = data.draw(_VALUES)
            else:
                place.pop(key, None)
            break
        if not place:
            break
    unharmed(f"---\n{json.dumps(made)}\n---\n")


MISSPELT = [f'"{{{{ run.agnt{n} }}}}"' for n in range(15_000)]


@pytest.mark.parametrize(
    "text",
    [
        edited(("[kaizen]", f"[{', '.join(MISSPELT)}]")),
        edited(("[kaizen]", f"[{', '.join(map(str, range(19_000)))}]")),
        edited(("trigger:\n", "trigger:\n" + "".join(f"  cro{n}: 1\n" for n in range(9_000)))),
        edited((_TITLE, f'title: "{"{{ " * 300_000}"')),
        edited((_TITLE, f'title: "{{{{ {"a." * 400_000}"')),
        edited((_TITLE, f'title: "{"{{ run.agent }}" * 60_000}"')),
        edited(("weekly-coach\n", f"{'a-' * 400_000}\n")),
        edited((_CRON, f'cron: "0 9 * * {"1," * 200_000}1"')),
        edited(("P7D", f"P{'7' * 900_000}D")),
        edited(("Europe/Berlin", "Europe/Berlin" * 60_000)),
        edited(("[kaizen]", "[" * 5_000)),
        TEXT + "---\n" * 250_000,
        "---\n" * 250_000,
        "---\n" + "a: b\n" * 200_000,
    ],
    ids=["placeholders", "numbers", "keys", "braces", "dots", "long-title", "id", "cron",
         "duration", "zone", "deep", "body", "dashes", "open"],
)  # fmt: skip
def test_hostile_sizes_are_read_in_little_time(text: str) -> None:
    start = time.process_time()
    definition_diagnostics(load(text), "a.md")
    assert time.process_time() - start < 10  # of which most is the coverage's own cost


# --- Several -------------------------------------------------------------------------------------


def doubles(*texts: str) -> list[tuple[str, int, int, str]]:
    loaded = [
        (f"{name}.md", load(text, path=f"{name}.md"))
        for name, text in zip("abcde", texts, strict=False)
    ]
    found = check_definitions(loaded)
    assert check_definitions(loaded[::-1]) == found, "whatever the order"
    assert {d.code for d in found} <= {"KS506"}
    return [(d.path, d.line, d.column, d.message) for d in found]


def test_several_that_differ() -> None:
    several = (
        WEEKLY,
        definition("coach", Cadence.DAILY),
        definition("optimization", Cadence.WEEKLY),
        definition(None, Cadence.WEEKLY),
        replace(definition(None, Cadence.WEEKLY), id="another-template"),
    )
    assert doubles(*map(render_definition, several)) == []
    whole = definition(None, None)
    assert doubles(*map(render_definition, (whole, replace(whole, id="other")))) == []
    assert doubles() == []


def test_two_of_one_id() -> None:
    other = replace(definition("optimization", Cadence.WEEKLY), id=WEEKLY.id)
    assert doubles(TEXT, render_definition(other)) == [
        ("b.md", 2, 5, 'id "weekly-coach" has a definition already, in a.md')
    ]


@pytest.mark.parametrize("enabled", [True, False])
def test_two_for_the_same(enabled: bool) -> None:
    other = replace(WEEKLY, id="other", enabled=enabled)
    assert doubles(TEXT, render_definition(other)) == [
        ("b.md", 12, 12,
         'agent "coach" with cadence "weekly" has a definition already, in a.md'),
    ]  # fmt: skip


def test_a_copy_is_both_and_the_first_is_named() -> None:
    assert [(path, line) for path, line, *_ in doubles(TEXT, TEXT, TEXT)] == [
        ("b.md", 2), ("b.md", 12), ("c.md", 2), ("c.md", 12),
    ]  # fmt: skip
    assert all(message.endswith(", in a.md") for *_, message in doubles(TEXT, TEXT, TEXT))


def test_faulty_ones_count_by_what_can_be_read() -> None:
    assert doubles(TEXT, edited(("P7D", "7"), ("id: weekly-coach", "id: [a]"))) == [
        ("b.md", 12, 12,
         'agent "coach" with cadence "weekly" has a definition already, in a.md'),
    ]  # fmt: skip
    assert doubles("# A page\n", "---\n- a\n---\n", "---\n'\n---\n", "---\ncontext: 5\n---\n") == []


def test_names_of_files_and_values_are_safe_to_print() -> None:
    text = edited(("id: weekly-coach", 'id: "a\\e[31m"'))
    loaded = [(path, load(text, path=path)) for path in ("a\n.md", "b\n.md")]
    for item in check_definitions(loaded):
        assert item.message.isprintable()
        assert item.path == "b\\n.md"


# --- The packaged drafts -------------------------------------------------------------------------

DRAFTS = {
    path.name: path.read_text("utf-8") for path in Path(packaged.data_path("definitions")).iterdir()
}


@pytest.mark.parametrize("name", DRAFTS)
def test_a_draft(name: str) -> None:
    loaded = load(DRAFTS[name], path=name)
    assert definition_diagnostics(loaded, name) == ()
    draft = loaded.definition
    assert draft is not None
    assert name == f"{draft.id}.md"
    assert draft.enabled is False
    assert render_definition(draft) == DRAFTS[name]
    assert draft in packaged.definitions()


@pytest.mark.parametrize("name", DRAFTS)
def test_a_draft_uses_only_known_placeholders(name: str) -> None:
    draft = load(DRAFTS[name]).definition
    assert draft is not None
    task: TaskTemplate = draft.task
    known = placeholders(draft.for_each)
    for text in (task.title, task.description, task.command, *task.labels):
        used = re.findall(r"\{+\s*(.*?)\s*\}+", text)
        assert set(used) <= set(known)


def test_the_drafts() -> None:
    assert len(packaged.definitions()) == len(DRAFTS)
    assert check_definitions([(name, load(text)) for name, text in DRAFTS.items()]) == ()
    assert {(d.id, d.agent, d.cadence, d.trigger.cron) for d in packaged.definitions()} == {
        ("weekly-agent-run", None, Cadence.WEEKLY, "0 12 * * 1"),
        ("weekly-coach-orientation", "coach", Cadence.WEEKLY, "0 9 * * 1"),
        ("weekly-metrics-optimize", None, None, "0 11 * * 1"),
        ("weekly-optimization-review", "optimization", Cadence.WEEKLY, "0 10 * * 1"),
    }
    assert [d.id for d in packaged.definitions() if d.is_template] == ["weekly-agent-run"]
    repositories = [d.id for d in packaged.definitions() if d.about_repositories]
    assert repositories == ["weekly-metrics-optimize"]
