"""Definitions: what they are for, their durations, and the placeholders of their texts."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import (
    ForEach,
    RepoRun,
    Run,
    definition_for,
    placeholders,
    render_template,
    seconds_of,
    template_problem,
)
from kaizen_schedule.reading.errors import KaizenError
from tests.support import definition

# --- Which ---------------------------------------------------------------------------------------


def test_what_a_definition_is_for() -> None:
    weekly = definition("coach", Cadence.WEEKLY)
    assert (weekly.agent, weekly.cadence) == ("coach", Cadence.WEEKLY)
    assert (weekly.is_template, weekly.about_repositories) == (False, False)


def test_the_template_has_a_cadence_alone() -> None:
    template = definition(None, Cadence.WEEKLY)
    assert (template.agent, template.cadence) == (None, Cadence.WEEKLY)
    assert (template.is_template, template.about_repositories) == (True, False)


def test_one_about_repositories_has_neither_agent_nor_cadence() -> None:
    whole = definition(None, None)
    assert (whole.agent, whole.cadence) == (None, None)
    assert (whole.is_template, whole.about_repositories) == (False, True)


def test_definition_for() -> None:
    template, whole = definition(None, Cadence.WEEKLY), definition(None, None)
    weekly = definition("coach", Cadence.WEEKLY)
    daily = definition("coach", Cadence.DAILY, enabled=True)
    every = (template, whole, weekly, daily)
    assert definition_for("coach", Cadence.WEEKLY, every) is weekly, "a disabled one too"
    assert definition_for("coach", Cadence.DAILY, iter(every)) is daily
    assert definition_for("coach", Cadence.MONTHLY, every) is None
    assert definition_for("Coach", Cadence.WEEKLY, every) is None
    assert definition_for("coach", Cadence.WEEKLY, ()) is None


# --- Durations -----------------------------------------------------------------------------------

_ORACLE = TypeAdapter(timedelta)


def oracle(duration: str) -> float | None:
    try:
        return _ORACLE.validate_json(f'"{duration}"').total_seconds()
    except ValidationError:
        return None


@st.composite
def durations(draw: st.DrawFn) -> str:
    parts = {
        unit: draw(st.none() | st.integers(0, 10**size - 1), label=unit)
        for unit, size in (("W", 4), ("D", 4), ("H", 5), ("M", 6), ("S", 7))
    }
    days, time = (
        "".join(f"{parts[unit]}{unit}" for unit in units if parts[unit] is not None)
        for units in ("WD", "HMS")
    )
    return f"P{days}T{time}" if time else f"P{days}"


@given(durations())
@example("P7D")
@example("PT30M")
@example("P01W002DT03H04M05S")
def test_seconds_are_those_of_another_reader(duration: str) -> None:
    if duration == "P":
        with pytest.raises(ValueError, match=r"\AP\Z"):
            seconds_of(duration)
    else:
        assert seconds_of(duration) == oracle(duration)


@given(st.from_regex(r"P[0-9WDTHMSY.,+\-]{0,12}", fullmatch=True) | st.text(max_size=12))
def test_what_another_reader_refuses_is_no_duration(duration: str) -> None:
    try:
        found = seconds_of(duration)
    except ValueError:
        return
    assert found == oracle(duration)


@pytest.mark.parametrize(
    "duration",
    ["", "P", "PT", "P7DT", "7D", "P7", "p7d", "P1Y", "P1M", "P1D1W", "PT1M1H", "P1.5D", "PT0,5H",
     "-P1D", "P-1D", "+P1D", " P1D", "P1D ", "P1D\n", "P 1D", "P1H", "PT1D", "P٣D", "P1DT",
     "P99999D", "1 day", "P1D/P2D"],
)  # fmt: skip
def test_what_is_no_duration(duration: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(duration)}$"):
        seconds_of(duration)


# --- Placeholders --------------------------------------------------------------------------------

VALUES = {name: f"<{name}>" for name in placeholders(ForEach.RUNS)}


def test_placeholders_are_the_fields_of_what_is_run() -> None:
    runs, repos = placeholders(ForEach.RUNS), placeholders(ForEach.REPOS)
    assert set(runs) == {f"run.{f.name}" for f in dataclasses.fields(Run)} - {
        "run.labels",
        "run.argv",
    }
    assert set(repos) == {f"run.{f.name}" for f in dataclasses.fields(RepoRun)} - {
        "run.labels",
        "run.argv",
    }
    assert "run.agent" not in repos
    assert set(repos) < set(runs)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("no braces, $HOME %s", "no braces, $HOME %s"),
        ("{{ run.agent }}", "<run.agent>"),
        ("{{ run.agent }}{{ run.repo }}", "<run.agent><run.repo>"),
        ("a\n{{ run.scheduled_for_utc }}\nb", "a\n<run.scheduled_for_utc>\nb"),
    ],
)
def test_placeholders_are_replaced(text: str, rendered: str) -> None:
    assert render_template(text, VALUES) == rendered


def test_values_are_put_in_once_and_never_looked_at() -> None:
    values = {**VALUES, "run.repo": "{{ run.agent }}", "run.path": "\\1 \\g<0> {}"}
    assert render_template("{{ run.repo }} {{ run.path }}", values) == (
        "{{ run.agent }} \\1 \\g<0> {}"
    )
    # Not even where values and text together look like one.
    assert render_template("{{ run.a }}{{ run.b }}", {"run.a": "{{", "run.b": " run.a }}"}) == (
        "{{ run.a }}"
    )


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("{{ run.agnt }}", 'placeholder "{{ run.agnt }}" names nothing',
         "did you mean {{ run.agent }}?"),
        ("{{ run.labels }}", 'placeholder "{{ run.labels }}" names nothing', None),
        ("{{ agent }}", 'placeholder "{{ agent }}" names nothing', None),
        ("{{ xyz }}", 'placeholder "{{ xyz }}" names nothing', "known are run.repo, "),
        ("{{run.agent}}", 'braces hold no placeholder: "{{run.agent}}"', "write {{ run.agent }}"),
        ("{{  run.agent  }}", 'braces hold no placeholder: "{{  run.agent  }}"',
         "write {{ run.agent }}"),
        ("{ run.agent }", 'braces hold no placeholder: "{ run.agent }"', "write {{ run.agent }}"),
        ("{{ Run.Agent }}", 'braces hold no placeholder: "{{ Run.Agent }}"',
         "write {{ run.agent }}"),
        ("{{ run.agent | upper }}", 'braces hold no placeholder: "{{ run.agent | upper }}"',
         "write {{ run.repo }}"),
        ("{{ run.agent\n}}", 'braces hold no placeholder: "{{ run.agent\\n}}"',
         "write {{ run.agent }}"),
        ("{{{ run.agent }}}", 'braces hold no placeholder: "{}"', "write {{ run.repo }}"),
        ("{{ {{ run.agent }} }}", 'braces hold no placeholder: "{{  }}"', "write {{ run.repo }}"),
        ("{% if x %}", 'braces hold no placeholder: "{% if x %}"', "write {{ run.repo }}"),
        ("{}", 'braces hold no placeholder: "{}"', "write {{ run.repo }}"),
        ("}", 'braces hold no placeholder: "}"', "write {{ run.repo }}"),
        ("{", 'braces hold no placeholder: "{."', "write {{ run.repo }}"),
        ("${run.agent}", 'braces hold no placeholder: "{run.agent}"', "write {{ run.agent }}"),
    ],
)  # fmt: skip
def test_what_is_no_placeholder(text: str, message: str, fix: str | None) -> None:
    with pytest.raises(KaizenError) as caught:
        render_template(f"See {text}.", VALUES)
    assert caught.value.message == message
    if fix is not None:
        assert caught.value.fix.startswith(fix)
    assert template_problem(f"See {text}.", tuple(VALUES)) == (message, caught.value.fix)


_PIECES = st.sampled_from(
    ["{", "}", "{{", "}}", "{{ ", " }}", "run.agent", "run.", ".", "\n", "{{ run.repo }}", "\\"]
)


@given(st.lists(_PIECES | st.text(max_size=5), max_size=12).map("".join))
def test_whatever_the_text_it_is_rendered_or_refused(text: str) -> None:
    problem = template_problem(text, tuple(VALUES))
    if problem:
        assert all(part.isprintable() for part in problem)
        assert "{" in text or "}" in text
        with pytest.raises(KaizenError):
            render_template(text, VALUES)
        return
    rendered = render_template(text, VALUES)
    # Another way to the same: cut at the placeholders.
    expected = text
    for name, value in VALUES.items():
        expected = value.join(expected.split(f"{{{{ {name} }}}}"))
    assert rendered == expected
    assert "{" not in rendered


@given(st.lists(st.sampled_from(sorted(VALUES)) | st.text("ab c\n", max_size=4), max_size=8))
def test_every_text_with_known_placeholders_is_rendered(parts: list[str]) -> None:
    text = "".join(f"{{{{ {part} }}}}" if part in VALUES else part for part in parts)
    assert render_template(text, VALUES) == "".join(VALUES.get(part, part) for part in parts)
