"""Definitions: read strictly, and one at most for an agent and a cadence."""

from __future__ import annotations

import pytest

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import Definition, definition_for, load_definition
from kaizen_schedule.reading.errors import KaizenError
from tests.support import MemoryZones

TEXT = """\
---
id: weekly-coach
title: Weekly coach
enabled: true
owner: activity-core
trigger:
  cron: "0 9 * * 1"
  timezone: Europe/Berlin
context:
  resolver: discover_kaizen_scheduled_repos
  inputs:
    agent: coach
    cadence: weekly
---
# Weekly coach
"""


def load(text: str) -> Definition:
    return load_definition(text, path="weekly-coach.md", zones=MemoryZones.load())


def refused(old: str, new: str) -> tuple[str, str]:
    assert old in TEXT
    with pytest.raises(KaizenError) as caught:
        load(TEXT.replace(old, new))
    return caught.value.message.removeprefix("weekly-coach.md:"), caught.value.fix


def test_a_definition() -> None:
    assert load(TEXT) == Definition(
        id="weekly-coach",
        title="Weekly coach",
        enabled=True,
        cron="0 9 * * 1",
        timezone="Europe/Berlin",
        agent="coach",
        cadence=Cadence.WEEKLY,
    )


def test_agent_and_cadence_may_be_null_or_left_out() -> None:
    text = TEXT.replace("agent: coach", "agent: null").replace("    cadence: weekly\n", "")
    assert (load(text).agent, load(text).cadence) == (None, None)


@pytest.mark.parametrize("value", ["false", "yes", "'true'", "1", "null", ""])
def test_only_true_enables(value: str) -> None:
    assert load(TEXT.replace("enabled: true", f"enabled: {value}")).enabled is False


@pytest.mark.parametrize(
    ("old", "new", "message", "fix"),
    [
        ("title: W", "title: 'W", "3:8: not YAML: the quote that begins here is not closed",
         "close the quote"),
        ("owner: activity-core", "id: again",
         '5:1: key "id" stands twice in this mapping; first at line 2', "remove one of the two"),
        ('cron: "0 9 * * 1"', 'cron: "0 0 9 * * 1"',
         " cron of the trigger has 6 fields, not five", 'leave out the seconds: "0 9 * * 1"'),
        ('cron: "0 9 * * 1"', "cron: 9", " cron is the number 9, not text", ""),
        ("Europe/Berlin", "Berlin", ' unknown time zone "Berlin" of the trigger', ""),
        ("timezone: Europe/Berlin", "timezone:", " timezone is nothing, not text", ""),
        ("cadence: weekly", "cadence: weely", ' cadence is "weely", not one of the five', ""),
        ("cadence: weekly", "cadence: [weekly]", " cadence is a list, not one of the five", ""),
        ("agent: coach", "agent: 5", " agent is the number 5, not text", ""),
        ("id: weekly-coach", "name: x", " id is nothing, not text", ""),
        ("title: Weekly coach", "title: [a]", " title is a list, not text", ""),
        ("trigger:", "triggers:", " trigger is nothing, not a mapping", ""),
        ("  inputs:\n    agent: coach\n    cadence: weekly", "  inputs: [a]",
         " inputs is a list, not a mapping", ""),
        ("---\nid", "id", "", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(old: str, new: str, message: str, fix: str) -> None:
    if not message:
        assert load(TEXT.replace(old, new)).id == "weekly-coach", "the first dashes may be missing"
    else:
        assert refused(old, new) == (message, fix)


@pytest.mark.parametrize("text", ["", "# A page\n", "---\n---\n", "---\n- a\n---\n"])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(KaizenError, match=r"^weekly-coach\.md: trigger is nothing"):
        load(text)


def made(name: str, agent: str | None, cadence: Cadence | None, *, on: bool = False) -> Definition:
    return Definition(
        id=name, title=name, enabled=on, cron="0 9 * * 1", timezone="UTC", agent=agent,
        cadence=cadence,
    )  # fmt: skip


def test_definition_for() -> None:
    template = made("template", None, Cadence.WEEKLY)
    weekly = made("weekly", "coach", Cadence.WEEKLY)
    daily = made("daily", "coach", Cadence.DAILY, on=True)
    every = (template, weekly, daily)
    assert definition_for("coach", Cadence.WEEKLY, every) is weekly, "a disabled one too"
    assert definition_for("coach", Cadence.DAILY, iter(every)) is daily
    assert definition_for("coach", Cadence.MONTHLY, every) is None
    assert definition_for("Coach", Cadence.WEEKLY, every) is None
    assert definition_for("coach", Cadence.WEEKLY, ()) is None


def test_the_packaged_drafts() -> None:
    drafts = packaged.definitions()
    assert len({draft.id for draft in drafts}) == len(drafts)
    assert not any(draft.enabled for draft in drafts)
    pairs = [(d.agent, d.cadence) for d in drafts if d.agent is not None]
    assert len(set(pairs)) == len(pairs), "one at most for an agent and a cadence"
    assert ("coach", Cadence.WEEKLY) in pairs
