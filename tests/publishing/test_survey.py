"""A look into a fleet: it finds what the roster's answer and the resolver say, in one pass."""

from __future__ import annotations

import pytest

from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.publishing.survey import survey
from kaizen_schedule.reading.errors import FaultReason, UsageError
from tests.planning.fleets import (
    DRAFTS,
    FIRES,
    HOST,
    PROMPTS,
    WEEK,
    ZONES,
    Fleet,
    ask,
    checkout,
    item,
)

TREES = {
    "/srv/a": checkout("coach: {cadence: weekly}"),
    "/srv/b": checkout(
        "coach: {cadence: weekly}",
        files={
            "agents/agent-scribe.md": b"x",
            "agents/notes.md": b"x",
            ".claude/agents/README.md": b"x",
            ".claude/agents/reviewer.md": b"x",
            ".claude/agents/reviewer.txt": b"x",
            ".claude/agents/no agent.md": b"x",
        },
    ),
    "/srv/c": checkout(files={"agents/agent-coach.md": b"x", "agents": FaultReason.UNREADABLE}),
}
ITEMS = [item("a"), item("b"), item("b-gone"), item("c"), item("e", host="forge-2")]


def test_each_checkout_is_opened_once_and_answers_both_questions() -> None:
    fleet = Fleet(TREES)
    found = survey(
        load_roster(ITEMS), host=HOST, definitions=DRAFTS, prompts=PROMPTS, zones=ZONES,
        open_tree=fleet.open,
    )  # fmt: skip
    resolved = found.resolve(WEEK, now=FIRES)
    assert fleet.opened == ["/srv/a", "/srv/b", "/srv/b-gone", "/srv/c"]
    assert resolved == ask(ITEMS, TREES, definition=None)
    assert [row.repo for row in found.answer.repos if row.eligible] == ["a", "b"]
    assert [place.repo for place in found.places] == ["a", "b", "b-gone", "c"]


def test_prompts_of_a_repository_are_named_and_not_read() -> None:
    found = survey(
        load_roster(ITEMS), host=HOST, definitions=DRAFTS, prompts=PROMPTS, zones=ZONES,
        open_tree=Fleet(TREES).open,
    )  # fmt: skip
    assert found.prompts == {"b": ("reviewer", "scribe")}


@pytest.mark.parametrize(
    ("host", "fix"),
    [("forge-9", "did you mean forge-2?"), ("attic", "known are forge-1, forge-2")],
)
def test_a_host_that_the_roster_does_not_know_is_refused(host: str, fix: str) -> None:
    with pytest.raises(UsageError, match=f'no host "{host}"') as raised:
        survey(
            load_roster(ITEMS), host=host, definitions=DRAFTS, prompts=PROMPTS, zones=ZONES,
            open_tree=Fleet(TREES).open,
        )  # fmt: skip
    assert raised.value.fix == fix
