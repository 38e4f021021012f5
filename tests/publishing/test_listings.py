"""What operators read: within 80 columns, safe on a terminal, nothing a formula."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.orienting.record import PilotStep, StepKind
from kaizen_schedule.planning.answers import (
    AgentReason,
    CheckedDefinition,
    Explanation,
    RosterAnswer,
    RosterRow,
    Step,
)
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.publishing.listings import (
    PilotPrinter,
    render_changes,
    render_checked,
    render_explanations,
    render_roster,
    render_roster_csv,
)


def why(
    what: Reason, agent: str | None = None, detail: str = "facts", fix: str = ""
) -> AgentReason:
    return AgentReason(agent=agent, reason=what, detail=detail, fix=fix)


def row(repo: str, *reasons: AgentReason, agents: tuple[str, ...] = ()) -> RosterRow:
    return RosterRow(repo=repo, eligible=bool(agents), agents=agents, reasons=reasons)


def answer(*rows: RosterRow, **counts: int) -> RosterAnswer:
    eligible = sum(item.eligible for item in rows)
    return RosterAnswer(
        host="h", hosts=("h",), roster_digest="", tzdata_version="", repos=rows,
        counts={"registered": len(rows), "eligible": eligible, **counts},
    )  # fmt: skip


def render(*rows: RosterRow, **more: Any) -> list[str]:
    return render_roster(answer(*rows), rows, **more).splitlines()


def tags(text: str, colour: str) -> str:
    return f"<{colour}>{text}</{colour}>"


# --- The roster --------------------------------------------------------------------------------


def test_a_row_for_each_repository() -> None:
    lines = render(
        row("a", agents=("coach", "optimization")),
        row("long-name", why(Reason.AGENT_DISABLED, "x", fix="do that"), agents=("coach",)),
        row("none", why(Reason.PATH_MISSING, detail="gone")),
        row("far", why(Reason.OTHER_HOST)),
    )
    assert lines == [
        "a          eligible   coach, optimization",
        "long-name  eligible   coach",
        "           x: agent-disabled, facts",
        "           fix: do that",
        "none       excluded   path-missing, gone",
        "4 repositories: 2 eligible",
    ]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("length", [*range(22, 44), 200])
def test_two_blanks_stay_between_columns(length: int, grouped: bool, wide: bool) -> None:
    slug = "a" * length
    shown = slug if length <= 40 else "a" * 39 + "…"
    lines = render(
        row(slug, agents=("coach",)),
        row("b" + slug[1:], why(Reason.PATH_MISSING, detail="gone")),
        row("short", why(Reason.AGENT_DISABLED, "x"), agents=("coach",)),
        grouped=grouped,
        wide=wide,
    )
    for first in (shown, "b" + shown[1:], "short"):
        assert any(line.strip().startswith(f"{first}  ") for line in lines), lines
    assert wide or max(map(len, lines)) <= 80


def test_commands_are_never_broken_and_colours_take_no_room() -> None:
    fix = "kaizen-agentic schedule validate /srv/" + "x" * 100
    rows = [row("a", why(Reason.PATH_MISSING, detail="word " * 40, fix=fix))]
    plain = render(*rows)
    assert f"   fix: {fix}" in plain
    assert max(len(line) for line in plain if "kaizen" not in line) <= 80
    coloured = render(*rows, style=tags)
    assert [
        re.sub("</?(red|green)>", "", line) for line in coloured
    ] == plain  # fmt: skip
    assert len(render(*rows, wide=True)) == 3


def test_a_number_stays_with_its_noun() -> None:
    counts = {reason.value: 1 for reason in Reason}
    text = render_roster(answer(row("a"), **counts), ())
    assert "\n" not in text.replace(",\n", ", ").rstrip("\n")
    assert "1 runs on another host" in text.replace("\n", " ")
    assert "agent-not-scheduled" not in text
    assert "\N{NO-BREAK SPACE}" not in text
    assert render_roster(answer(), ()) == "0 repositories: 0 eligible\n"


def test_groups_above_forty_rows() -> None:
    rows = [row(f"r{n}", why(Reason.PATH_MISSING, detail="d" * 100)) for n in range(41)]
    lines = render(*rows)
    assert lines[0] == "path-missing (41)"
    assert lines[16] == "  and 26 more: --reason path-missing shows them"
    assert max(map(len, lines)) <= 80
    assert render(*rows[:40])[0].startswith("r0   excluded   path-missing, ")
    assert render(*rows, grouped=False)[0].startswith("r0   excluded")
    fine = [row(f"r{n}", agents=("a",)) for n in range(50)]
    assert render(*fine)[16] == "  and 35 more: --format json shows them"


TEXTS = st.text(max_size=120) | st.sampled_from(["=1", "\x1b[2J", "\u202e", "\n", "a\tb", "@x"])
REASONS = st.builds(why, st.sampled_from(list(Reason)), st.none() | TEXTS, detail=TEXTS, fix=TEXTS)
ROWS = st.lists(
    st.builds(
        lambda repo, reasons, agents: row(repo, *reasons, agents=tuple(agents)),
        TEXTS, st.lists(REASONS, max_size=3), st.lists(TEXTS, max_size=2),
    ),
    max_size=5,
)  # fmt: skip


@given(ROWS)
def test_whatever_an_answer_holds_is_safe_and_fits(rows: list[RosterRow]) -> None:
    found = answer(*rows)
    texts = [
        render_roster(found, rows), render_roster(found, rows, grouped=True),
        render_changes(found, answer()), render_changes(answer(), found),
    ]  # fmt: skip
    for text in texts:
        lines = text.split("\n")
        assert all(line.isprintable() for line in lines)
        assert max(map(len, lines)) <= 80
    table = render_roster_csv(rows)
    assert all(line.isprintable() for line in table.split("\n"))
    cells = list(csv.reader(io.StringIO(table)))
    assert len(cells) == 1 + sum(max(1, len(item.reasons)) for item in rows)
    assert not any(
        cell.lstrip().startswith(("=", "+", "-", "@")) for line in cells for cell in line
    )


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\t=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    line = next(iter(csv.reader(io.StringIO(render_roster_csv([row(text)]).partition("\n")[2]))))
    assert line[0][0] not in "=+-@ \t"


# --- Changes, explanations, definitions --------------------------------------------------------


def test_changes() -> None:
    old = answer(row("a", agents=("x",)), row("b", why(Reason.PATH_MISSING)))
    new = answer(row("a", why(Reason.AGENT_DISABLED, "x")), row("b", why(Reason.PATH_MISSING)))
    assert render_changes(old, new) == (
        "a\n  - eligible (x)\n  + excluded; x: agent-disabled\n1 repository has changed\n"
    )
    assert render_changes(old, old) == "0 repositories have changed\n"


def test_explanations() -> None:
    steps = (
        Step(name="path", ok=True, detail="/srv/" + "x " * 60),
        Step(name="manifest", ok=False, detail="word " * 30, reason=Reason.MANIFEST_INVALID,
             fix="kaizen-agentic schedule validate " + "y" * 90),
    )  # fmt: skip
    item = Explanation(repo="a\x1b", agent="coach", host="h\n", ok=False, steps=steps)
    lines = render_explanations([item, item]).splitlines()
    assert lines[0] == "a\\x1b / coach on h\\n"
    assert lines[1] == "  ✓ path           /srv/" + "x " * 60
    assert lines[2].startswith("  ✗ manifest       manifest-invalid: word word")
    assert lines[3].startswith(" " * 19 + "word")
    assert max(map(len, lines[2:4])) <= 80
    assert lines.count("") == 1
    assert "fix: kaizen-agentic schedule validate " + "y" * 90 in lines


def test_checked_definitions() -> None:
    found = [
        CheckedDefinition(id="a", changes=(), first_window=None),
        CheckedDefinition(id="b", changes=("+x\x1b",), first_window=None),
        CheckedDefinition(id="c", changes=None, first_window=None),
    ]
    assert render_checked(found) == (
        "a\n  as the draft\nb\n  +x\\x1b\nc\n  no packaged draft has this id\n"
    )


# --- The pilot ---------------------------------------------------------------------------------


def step(kind: StepKind, *, ok: bool = True, **facts: Any) -> PilotStep:
    return PilotStep(number=1, step=kind, ok=ok, **facts)


@pytest.mark.parametrize("length", [1, 14, 15, 16, 17, 18, 26, 27, 28, 40])
def test_a_long_name_is_not_glued_to_what_the_pilot_says_of_it(length: int) -> None:
    printer = PilotPrinter()
    name = "a" * length
    assert printer.line(step(StepKind.FIRE, definition=name, detail="fires")) == (
        f"{name:<27}  fires"
    )
    printer.line(step(StepKind.TASK, repo=name))
    shown = name if length <= 18 else "a" * 17 + "…"
    assert printer.line(step(StepKind.UNCHANGED)) == f"  {shown:<15}  task ✓"


def test_the_pilot_has_a_line_for_each_run() -> None:
    printer = PilotPrinter(style=tags)
    printer.line(step(StepKind.FIRE, definition="d", detail="fires"))
    printer.line(step(StepKind.RESOLVE))
    assert printer.line(step(StepKind.EXCLUDED, reason="not-due")) == ""
    printer.line(step(StepKind.EXCLUDED, ok=False, repo="x", reason="missed", detail="odd"))
    text = printer.line(step(StepKind.TASK, ok=False, repo="a", detail="no line"))
    assert text.splitlines() == [
        "  excluded: 2 exclusions, 2 reasons",
        "<red>    ✗ excluded x: odd</red>",
        "  a                task <red>✗</red>",
        "<red>    ✗ task a: no line</red>",
    ]
    end = printer.line(step(StepKind.END, ok=False, detail="1 run"))
    assert end == "<red>pilot: 1 run</red>"
