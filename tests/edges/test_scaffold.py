"""The manifest's text: written new, and one line of it changed."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.edges.packaged import prompts, zones
from kaizen_schedule.edges.scaffold import SCHEMA_URL, render_manifest, switch
from kaizen_schedule.planning.agents import Prompt, Risk
from kaizen_schedule.planning.manifest import Manifest, check_manifest
from kaizen_schedule.reading.document import Document, parse_document
from kaizen_schedule.reading.errors import Refusal

HEAD = 'version: "1"\n'
PLAIN = HEAD + "agents:\n  coach:\n    cadence: weekly\n  other:\n    cadence: daily\n"


def load(text: str) -> tuple[Document, Manifest]:
    document = parse_document(text.encode(), path="schedule.yml")
    manifest = check_manifest(document, zones=zones(), prompts=None).manifest
    assert document.findings == ()
    assert manifest is not None
    return document, manifest


def switched(text: str, agent: str | None = "coach", *, enabled: bool = False) -> str:
    document, manifest = load(text)
    return switch(document, manifest, agent, enabled=enabled, zones=zones())


# --- A new manifest ------------------------------------------------------------------------------


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/Port-au-Prince", "GMT+0"])
def test_a_new_manifest_is_right_the_first_time(timezone: str) -> None:
    text = render_manifest(timezone=timezone, prompts={})
    _, manifest = load(text)
    assert manifest.timezone == timezone
    assert {name: entry.enabled for name, entry in manifest.agents.items()} == {
        "coach": True,
        "optimization": True,
        "tdd-workflow": False,
    }
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_URL}"
    assert text.endswith("\n")


def prompt(name: str, risk: Risk = Risk.LOW) -> Prompt:
    return Prompt(name=name, path=f"agents/agent-{name}.md", packaged=False, risk=risk)


def test_agents_of_high_risk_get_their_review() -> None:
    every = prompts()
    text = render_manifest(timezone="UTC", prompts=every)
    document, manifest = load(text)
    assert list(manifest.agents) == list(every)
    risks = {name: found.risk for name, found in every.items()}
    assert check_manifest(document, zones=zones(), prompts=risks).findings == ()
    assert text.count("review: required") == list(risks.values()).count(Risk.HIGH)
    assert "review: required" in render_manifest(
        timezone="UTC", prompts={"x": prompt("x", Risk.HIGH)}
    )


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,63}", fullmatch=True))
def test_any_agent_can_be_named(name: str) -> None:
    _, manifest = load(render_manifest(timezone="UTC", prompts={name: prompt(name)}))
    assert list(manifest.agents) == [name]


@pytest.mark.parametrize("name", ["null", "Null", "true", "FALSE", "no", "on", "yes", "y", "e1"])
def test_words_that_mean_something_in_yaml_are_names_too(name: str) -> None:
    text = render_manifest(timezone="UTC", prompts={name: prompt(name)})
    assert list(load(text)[1].agents) == [name]
    assert list(load(switched(text, name))[1].agents) == [name]


# --- One line changed ----------------------------------------------------------------------------


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "agent", "enabled", "expected"),
    [
        (PLAIN, "coach", False, ["+     enabled: false"]),
        (PLAIN, "other", False, ["+     enabled: false"]),
        (PLAIN, None, False, ["+ enabled: false"]),
        (
            HEAD + "enabled: true # why\nagents: {}\n",
            None,
            False,
            ["- enabled: true # why", "+ enabled: false # why"],
        ),
        (
            HEAD + "agents:\n  coach:\n    enabled:   false # off\n    cadence: weekly\n",
            "coach",
            True,
            ["-     enabled:   false # off", "+     enabled:   true # off"],
        ),
        (
            HEAD + "agents:\n  coach:  # first\n    # about\n    cadence: weekly  # often\n",
            "coach",
            False,
            ["+     enabled: false"],
        ),
        (
            HEAD + "agents:\n  coach: {cadence: weekly}  # short\n",
            "coach",
            False,
            [
                "-   coach: {cadence: weekly}  # short",
                "+   coach: {enabled: false, cadence: weekly}  # short",
            ],
        ),
        (
            HEAD + 'agents:\n  "coach": {cadence: weekly, "enabled": false}\n',
            "coach",
            True,
            [
                '-   "coach": {cadence: weekly, "enabled": false}',
                '+   "coach": {cadence: weekly, "enabled": true}',
            ],
        ),
        (
            "agents:\n  coach:\n    cadence: weekly\n" + HEAD,
            None,
            False,
            ["+ enabled: false"],
        ),
        (
            '{version: "1", agents: {coach: {cadence: weekly}}}\n',
            None,
            False,
            [
                '- {version: "1", agents: {coach: {cadence: weekly}}}',
                '+ {enabled: false, version: "1", agents: {coach: {cadence: weekly}}}',
            ],
        ),
        (
            HEAD + "# é 漢字 🎉\nagents: {coach: {cadence: weekly}} # 漢字\n",
            "coach",
            False,
            [
                "- agents: {coach: {cadence: weekly}} # 漢字",
                "+ agents: {coach: {enabled: false, cadence: weekly}} # 漢字",
            ],
        ),
        (
            HEAD + "agents:\n  coach:\n    cadence:\n      weekly\n    enabled: true\n",
            "coach",
            False,
            ["-     enabled: true", "+     enabled: false"],
        ),
    ],
)
def test_one_line_changes_and_nothing_else(
    text: str, agent: str | None, enabled: bool, expected: list[str], ending: str
) -> None:
    text = text.replace("\n", ending)
    after = switched(text, agent, enabled=enabled)
    assert changed_lines(text, after) == [line + ending for line in expected]
    before, now = load(text)[1], load(after)[1]
    if agent is None:
        assert now.enabled is enabled
        assert now.agents == before.agents
    else:
        assert now.agents[agent].enabled is enabled
        assert {k: v for k, v in now.agents.items() if k != agent} == {
            k: v for k, v in before.agents.items() if k != agent
        }


def test_a_last_line_without_an_end_stays_one() -> None:
    text = HEAD + "agents:\n  coach:\n    cadence: weekly"
    assert switched(text) == text + "\n    enabled: false"


def test_of_mixed_line_ends_each_stays() -> None:
    text = 'version: "1"\r\nagents:\n  coach:\n    cadence: weekly\n'
    after = switched(text)
    assert load(after)[1].agents["coach"].enabled is False
    assert after.replace("    enabled: false\n", "") == text


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (HEAD + "agents:\n  coach: &a {cadence: weekly}\n  other: *a\n", "coach"),
        (HEAD + "agents:\n  coach: &a {cadence: weekly}\n  other: *a\n", "other"),
        (HEAD + "agents:\n  coach: &a\n    cadence: weekly\n  other: *a\n", "other"),
        (
            HEAD + "agents:\n  coach: {cadence: weekly, enabled: &x true}\n"
            "  other: {cadence: daily, enabled: *x}\n",
            "coach",
        ),
        (HEAD + "agents:\n  coach:\n    cadence: weekly\n    enabled:\n      true\n", "coach"),
        (HEAD + "agents:\n  coach:\n    cadence:\n      weekly\n", "coach"),
        (HEAD + "agents:\n  coach:\n    cadence: >-\n      weekly\n", "coach"),
        (HEAD + 'agents:\n  coach:\n    cron: "0 9 *\n      * 1"\n    cadence: weekly\n', "coach"),
        (HEAD + "agents:\n  coach:\n    ? cadence\n    : weekly\n", "coach"),
        ('? version\n: "1"\n', None),
    ],
)
def test_a_form_without_that_one_line_is_refused(text: str, agent: str | None) -> None:
    what = "the repository" if agent is None else f"entry {agent}"
    with pytest.raises(Refusal, match=re.escape(f"no one line to change for {what}")) as caught:
        switched(text, agent)
    assert caught.value.reason == "not-one-line"
    assert caught.value.fix == "edit the file: write enabled: false there"


LINES = st.sampled_from(["# x", "", "    review: none", '    cron: "0 9 * * 1"', "    # y"])


@given(
    before=st.lists(LINES, max_size=3, unique=True),
    after=st.lists(LINES, max_size=3, unique=True),
    value=st.sampled_from([None, "true", "True", "TRUE"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    end=st.booleans(),
)
def test_there_and_back_again(
    before: list[str], after: list[str], value: str | None, ending: str, end: bool
) -> None:
    keys = [line for line in before + after if ":" in line]
    if len(set(keys)) < len(keys):
        return
    lines = ['version: "1"', "agents:", "  coach:", *before, "    cadence: weekly", *after]
    lines += [f"    enabled: {value}  # why"] if value else []
    text = ending.join(lines) + (ending if end else "")
    off = switched(text, enabled=False)
    on = switched(off, enabled=True)
    assert load(on)[1] == load(text)[1]
    if value is None:
        assert re.sub(r"\r?\n {4}enabled: true", "", on, count=1) == text
    else:
        assert on.replace("enabled: true", f"enabled: {value}") == text
