"""One asking: which windows each host is asked for, and what follows from the answers.

The two halves around the hosts' answers, both on the store alone. The second does all it does in
one transaction, cursors last, so that whoever is interrupted asks the same again (D1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
from kaizen_schedule.planning.roster import owner_of
from kaizen_schedule.planning.windows import LONGEST_WINDOW
from kaizen_schedule.reading.codec import from_plain, instant

from .store import Store

TOLD = ("missed", "manifest-invalid", "manifest-too-new", "review-missing")
"""What an operator hears of beside faults: what will not mend itself."""


class DisagreementError(Exception):
    """Answers that do not belong together; nothing of them was stored (D5)."""


class NobodyError(Exception):
    """There is nobody to ask."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked of whom."""

    definition: str
    at: datetime
    """When it fires, or is asked again; what the engine calls the nominal time."""
    hosts: tuple[str, ...]
    """The participating hosts."""
    roster_sha256: str
    """Of the roster's text, in which it goes to the hosts."""
    roster_parts: int
    owners: dict[str, str]
    """The last owner of each repository."""
    generation: int
    held: dict[str, Window]
    """Each host's cursor: the window it was last handed, or what stands for one (D1)."""
    coming: dict[str, Window]
    """The window to come, for each host."""
    unfinished: dict[str, tuple[Window, ...]]
    """The windows that each host is asked again."""

    def windows(self, host: str) -> tuple[Window, ...]:
        """All windows that a host is asked for, none of them longer than is answered (D2)."""
        every = dict.fromkeys((*self.unfinished[host], self.coming[host]))
        return tuple(part for window in every for part in _parts(window))


def _parts(window: Window) -> Iterator[Window]:
    """A window in parts that tile it, each no longer than the library answers."""
    start = window.start
    while window.end - start > LONGEST_WINDOW:
        yield Window(start=start, end=start + LONGEST_WINDOW)
        start += LONGEST_WINDOW
    yield Window(start=start, end=window.end)


def plan(
    store: Store,
    definition: ActivityDefinition,
    roster: Roster,
    *,
    at: datetime,
    sha256: str = "",
    parts: int = 1,
) -> Plan:
    """Say what each host is asked for (D2, D3, D4).

    Raises:
        NobodyError: The roster names no participating host.
    """
    named = store.get("hosts")
    hosts = tuple(sorted(set(named) & set(roster.hosts))) if named else roster.hosts
    if not hosts:  # a cursor that went with its host would never come back
        raise NobodyError("the roster names no participating host")
    owners = {
        repo.slug: owner for repo in roster.repos if (owner := owner_of(repo, hosts)) is not None
    }
    with store.whole():  # all of it as it is at one instant, though another is concluded meanwhile
        held, unfinished = _handed(store, definition.id, hosts, owners)
        # Who was never handed a window is asked from when the definition was asked first: it may
        # have been silent since, or the roster could not be had.
        first = store.first_asked(definition.id, at)
        held = dict.fromkeys(hosts, Window(start=first, end=first)) | held
        return Plan(
            definition=definition.id, at=at, hosts=hosts,
            roster_sha256=sha256, roster_parts=parts,
            owners=store.owners(definition.id) | owners,
            generation=store.generation(definition.id), held=held,
            coming={
                host: next_window(definition, at, held=held[host], zones=zones()) for host in hosts
            },
            unfinished={host: tuple(unfinished.get(host, ())) for host in hosts},
        )  # fmt: skip


def _handed(
    store: Store, definition: str, hosts: tuple[str, ...], owners: dict[str, str]
) -> tuple[dict[str, Window], dict[str, list[Window]]]:
    """Each host's cursor and open windows; all alike where hosts or owners have changed (D4)."""
    held, unfinished = store.held(definition), store.unfinished(definition)
    before, known = store.last_hosts(definition), store.owners(definition)
    # An owner that has left was seen to when it left.
    moved = {
        (known[slug], owner)
        for slug, owner in owners.items()
        if slug in known and known[slug] in hosts
    }
    if before is None or (
        set(before) == set(hosts)
        and all((held[a], unfinished.get(a)) == (held[b], unfinished.get(b)) for a, b in moved)
    ):
        return held, unfinished
    smallest = min(held.values(), key=lambda window: window.end)
    every = sorted(
        {window for several in unfinished.values() for window in several},
        key=lambda window: (window.start, window.end),
    )
    return dict.fromkeys(hosts, smallest), dict.fromkeys(hosts, every)


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
            raise DisagreementError(f"a page of {head['host']} is missing")
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
    name: str,
) -> str:
    """Store what the answers hand out, and move the cursors.

    Args:
        store: Where.
        definition: What asked.
        asked: What was asked.
        answers: Those of the hosts that answered.
        told: What the operator has to hear of this asking.
        name: The asking's own; one that is concluded a second time does nothing.

    Returns:
        ``stored``; ``stale`` where another asking was concluded since this one began.

    Raises:
        DisagreementError: The answers do not belong together; nothing is stored.
    """
    same = {
        (answer.found.roster_digest, answer.found.tzdata_version, answer.found.hosts)
        for answer in answers
    }
    if len(same) > 1:
        raise DisagreementError("answers differ in roster_digest, tzdata_version or hosts")
    with store.whole():
        if store.generation(definition.id) != asked.generation:
            return "stored" if store.was_concluded(name) else "stale"
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
        store.move(definition.id, held, unfinished, asked.owners)
        store.tell(definition.id, asked.at, (*told, *_news(answers)))
        store.open.execute(
            "INSERT INTO askings (name, definition, at, hosts) VALUES (?, ?, ?, ?)",
            (name, definition.id, instant(asked.at), json.dumps(asked.hosts)),
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
