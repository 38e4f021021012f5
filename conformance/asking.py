"""One asking: which windows each host is asked for, and what follows from the answers.

The two halves around the hosts' answers, both on the store alone. The second does all it does in
one transaction, cursors last, so that whoever is interrupted asks the same again (D1).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kaizen_schedule import (
    ActivityDefinition,
    Resolution,
    Roster,
    Window,
    next_window,
    tasks_of,
)
from kaizen_schedule.edges.packaged import zones
from kaizen_schedule.reading.codec import from_plain, instant

from .store import Store

TOLD = ("missed", "manifest-invalid", "manifest-too-new", "review-missing")
"""What an operator hears of beside faults: what will not mend itself."""


class Disagreement(Exception):
    """Answers that do not belong together; nothing of them was stored (D5)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked of whom."""

    definition: str
    at: datetime
    """When it fires, or is asked again; what the engine calls the nominal time."""
    hosts: tuple[str, ...]
    """The participating hosts."""
    roster_digest: str
    roster_parts: int
    generation: int
    held: dict[str, Window]
    """Each host's cursor: the window it was last handed, or what stands for one (D1)."""
    coming: dict[str, Window]
    """The window to come, for each host."""
    unfinished: dict[str, tuple[Window, ...]]
    """The windows that each host is asked again."""

    def windows(self, host: str) -> tuple[Window, ...]:
        """All windows that a host is asked for."""
        return tuple(dict.fromkeys((*self.unfinished[host], self.coming[host])))


def plan(
    store: Store, definition: ActivityDefinition, roster: Roster, *, at: datetime, parts: int
) -> Plan:
    """Say what each host is asked for (D2, D3, D4)."""
    named = store.get("hosts")
    hosts = tuple(sorted(set(named) & set(roster.hosts))) if named else roster.hosts
    held, unfinished = store.held(definition.id), store.unfinished(definition.id)
    before = store.last_hosts(definition.id)
    if before is not None and set(before) != set(hosts) and held:
        smallest = min(held.values(), key=lambda window: window.end)
        every = sorted(
            {window for several in unfinished.values() for window in several},
            key=lambda window: (window.start, window.end),
        )
        held, unfinished = dict.fromkeys(hosts, smallest), dict.fromkeys(hosts, every)
    # Who was never handed a window is asked from when the definition was asked first: it may have
    # been silent since, or the roster could not be had.
    first = store.first_asked(definition.id, at)
    held = dict.fromkeys(hosts, Window(start=first, end=first)) | held
    return Plan(
        definition=definition.id, at=at, hosts=hosts, roster_digest=roster.digest,
        roster_parts=parts, generation=store.generation(definition.id), held=held,
        coming={
            host: next_window(definition, at, held=held[host], zones=zones()) for host in hosts
        },
        unfinished={host: tuple(unfinished.get(host, ())) for host in hosts},
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A host's answer for one window.

    Exclusions stay as they came: one with a reason that is not known here is one all the same, and
    fields that are not known are ignored (D13).
    """

    found: Resolution
    """The answer without its exclusions."""
    exclusions: tuple[dict[str, Any], ...]


def answers_of(head: dict[str, Any], pages: Sequence[str]) -> list[Answer]:
    """Put answers together again, of what a host said of each and of their pages."""
    found = [json.loads(text) for text in pages]
    answers = []
    for item in head["answers"]:
        own = [page for page in found if page["digest"] == item["digest"]]
        numbers = [page["number"] for page in own]
        if numbers != [*range(1, item["pages"] + 1)] or not own[-1]["last"]:
            raise Disagreement(f"a page of {head['host']} is missing")
        handed = {
            name: [one for page in own for one in page[name]]
            for name in ("scheduled_runs", "repos")
        }
        answers.append(
            Answer(
                found=from_plain(Resolution, item["head"] | handed),
                exclusions=tuple(one for page in own for one in page["exclusions"]),
            )
        )
    return answers


def conclude(
    store: Store,
    definition: ActivityDefinition,
    asked: Plan,
    answers: Sequence[Answer],
    told: Sequence[str],
    *,
    firing: bool,
) -> str:
    """Store what the answers hand out, and move the cursors.

    Args:
        store: Where.
        definition: What asked.
        asked: What was asked.
        answers: Those of the hosts that answered.
        told: What the operator has to hear of this asking.
        firing: Whether the definition fired, or was asked again between.

    Returns:
        ``stored``; ``stale`` where another asking was concluded since this one began.

    Raises:
        Disagreement: The answers do not belong together; nothing is stored.
    """
    same = {
        (answer.found.roster_digest, answer.found.tzdata_version, answer.found.hosts)
        for answer in answers
    }
    if len(same) > 1:
        raise Disagreement("answers differ in roster_digest, tzdata_version or hosts")
    with store.whole():
        if store.generation(definition.id) != asked.generation:
            return "stale"
        for answer in answers:
            for task in tasks_of(definition, answer.found):
                store.take(task, asked.at)
            store.withdraw(definition.id, answer.found, answer.exclusions)
        # Who did not answer keeps its cursor, so that its next asking leaves no gap (D2).
        answered = {answer.found.host for answer in answers}
        held = dict(asked.held)
        held |= {host: window for host, window in asked.coming.items() if host in answered}
        unfinished = {
            host: [window for window in asked.windows(host) if window.end > asked.at]
            if host in answered
            else list(asked.unfinished[host])
            for host in asked.hosts
        }
        store.move(definition.id, held, unfinished)
        store.tell(definition.id, asked.at, (*told, *_news(answers)))
        store.open.execute(
            "INSERT INTO askings (definition, at, hosts, firing) VALUES (?, ?, ?, ?)",
            (definition.id, instant(asked.at), json.dumps(asked.hosts), firing),
        )
    return "stored"


def _news(answers: Sequence[Answer]) -> list[str]:
    """What the answers have to tell an operator, on one line each."""
    return [
        f"{item['repo']} {item['agent'] or ''}: {item['reason']}: {item['detail']}"
        for answer in answers
        for item in answer.exclusions
        if item["reason"] in TOLD
    ]
