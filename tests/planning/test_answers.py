"""The roster's answer, its merging and comparing, and one repository step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.answers import (
    CHECKS,
    AgentReason,
    Explanation,
    RosterAnswer,
    RosterRow,
    changes,
    explain,
    merge_answers,
)
from kaizen_schedule.planning.eligibility import Surroundings, exclude
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.roster import RosterRepo
from kaizen_schedule.reading.errors import UsageError
from tests.support import MemoryZones


def reason(what: Reason, agent: str | None = None, detail: str = "d") -> AgentReason:
    return AgentReason(agent=agent, reason=what, detail=detail, fix="")


def row(repo: str, *reasons: AgentReason, agents: tuple[str, ...] = ()) -> RosterRow:
    return RosterRow(repo=repo, eligible=bool(agents), agents=agents, reasons=reasons)


def answer(host: str, *rows: RosterRow, **more: Any) -> RosterAnswer:
    parts: dict[str, Any] = {
        "hosts": ("h1", "h2"), "roster_digest": "d", "tzdata_version": "t", "counts": {}, **more,
    }  # fmt: skip
    return RosterAnswer(host=host, repos=rows, **parts)


ELSEWHERE = reason(Reason.OTHER_HOST, detail="h2 runs it")
FAULTY = reason(Reason.ROSTER_ENTRY_INVALID, detail="slug is missing")


def test_of_each_repository_its_owners_answer_is_taken() -> None:
    one = answer(
        "h1", row("", FAULTY), row("", FAULTY), row("a", agents=("x",)), row("b", ELSEWHERE)
    )
    two = answer(
        "h2", row("", FAULTY), row("", FAULTY), row("a", reason(Reason.OTHER_HOST)),
        row("b", reason(Reason.PATH_MISSING)),
    )  # fmt: skip
    for pair in ((one, two), (two, one)):
        merged = merge_answers(pair)
        assert [item.repo for item in merged.repos] == ["", "", "a", "b"]
        assert merged.host == "h1, h2"
        assert merged.counts == {
            "registered": 4, "eligible": 1, "roster-entry-invalid": 2, "path-missing": 1,
        }  # fmt: skip


def test_a_missing_owner_is_a_host_that_cannot_be_reached() -> None:
    merged = merge_answers([answer("h1", row("b", ELSEWHERE))])
    (found,) = merged.repos[0].reasons
    assert found.reason is Reason.HOST_UNREACHABLE
    assert "h2 runs it" in found.detail
    assert merged.counts == {"registered": 1, "eligible": 0, "host-unreachable": 1}


@pytest.mark.parametrize("name", ["roster_digest", "tzdata_version", "hosts"])
def test_answers_that_do_not_belong_together(name: str) -> None:
    other = answer("h2\x1b", **{name: ("x",) if name == "hosts" else "x"})
    with pytest.raises(UsageError, match=rf"h1 and h2\\x1b differ in {name}"):
        merge_answers([answer("h1"), other])


def test_no_answer_and_two_of_one_host() -> None:
    with pytest.raises(UsageError, match="no answer to merge"):
        merge_answers([])
    with pytest.raises(UsageError, match="two of the answers are of h1"):
        merge_answers([answer("h1"), answer("h2"), answer("h1")])


def test_changes_tell_items_without_a_slug_apart() -> None:
    old = answer("h1", row("", FAULTY), row("", FAULTY), row("a", agents=("x",)))
    new = answer("h1", row("", FAULTY), row("a", agents=("x", "y")), row("b", ELSEWHERE))
    found = changes(old, new)
    assert [(item.repo, item.before is None, item.after is None) for item in found] == [
        ("", False, True), ("a", False, False), ("b", True, False),
    ]  # fmt: skip
    reworded = replace(new, repos=(*new.repos[:2], row("b", replace(ELSEWHERE, detail="other"))))
    assert changes(new, reworded) == ()


def walk(what: Reason | None, agent: str | None, zones: MemoryZones) -> Explanation:
    around = Surroundings(
        definition=None, definitions=(), prompts={}, zones=zones, hosts=("h1",), host="h1"
    )
    repo = RosterRepo(slug="a", host_paths={"h1": "/srv/" + "long/" * 30})
    exclusion = exclude("a", agent, what, "facts", "mend it") if what is not None else None
    return explain(repo, "a", agent, exclusion=exclusion, around=around, facts={})


@pytest.mark.parametrize("what", list(Reason))
def test_every_reason_ends_the_walk_at_its_check(what: Reason, zones: MemoryZones) -> None:
    whole = any(what in check.reasons for check in CHECKS[:8])
    found = walk(what, None if whole else "x", zones)
    last = found.steps[-1]
    assert (found.ok, last.ok, last.reason, last.fix) == (False, False, what, "mend it")
    assert all(step.ok for step in found.steps[:-1])
    assert [check.name for check in CHECKS if what in check.reasons].count(last.name) == 1


def test_every_check_of_an_entry_is_told_before_a_late_one(zones: MemoryZones) -> None:
    names = [step.name for step in walk(Reason.NO_DEFINITION, "x", zones).steps]
    assert names == ["registered", "hub flag", "host", "path", "entry", "prompt", "review",
                     "definition"]  # fmt: skip


def test_a_long_path_is_told_in_full(zones: MemoryZones) -> None:
    path = next(step for step in walk(None, None, zones).steps if step.name == "path")
    assert path.detail == "/srv/" + "long/" * 30
    assert packaged.zones().version == zones.version
