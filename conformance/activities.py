"""What the engine calls: on the orchestrator's own queue, and on each host's.

Everything that crosses the engine is text in parts below its limit for one payload, so that a fleet
of any size fits: the roster on its way to a host, an answer on its way back.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from kaizen_schedule import (
    ActivityDefinition,
    Asking,
    SourceError,
    discover_kaizen_scheduled_repos,
    iter_pages,
    list_definitions,
    load_roster,
)
from kaizen_schedule.api.fleet import Source, read_items
from kaizen_schedule.reading.codec import dumps, from_plain, to_plain

from .asking import Disagreement, Plan, answers_of, conclude, plan
from .store import Store

PART = 500_000
"""Bytes of a roster's part; a page is at most twice that. The engine refuses two million."""

BEAT_S = 0.5
"""What takes long says this often that it is still there."""

Found = TypeVar("Found")

Point = Callable[[str], Awaitable[None]]
"""Called at a named point; a test may hold the process there."""


def definitions_of(contracts: Path, now: datetime) -> tuple[ActivityDefinition, ...]:
    """The definitions, of the exported files."""
    return list_definitions(contracts / "integrations" / "activity-definitions", now=now)


def definition_of(contracts: Path, name: str, now: datetime) -> ActivityDefinition:
    """One of them."""
    return next(item for item in definitions_of(contracts, now) if item.id == name)


async def beating(work: Coroutine[Any, Any, Found]) -> Found:
    """Wait for what takes long, and let the engine know meanwhile."""
    task = asyncio.create_task(work)
    while not task.done():
        activity.heartbeat()
        await asyncio.wait([task], timeout=BEAT_S)
    return task.result()


@dataclass
class Orchestrator:
    """The activities beside the store."""

    store: Store
    contracts: Path
    point: Point

    @activity.defn
    async def begin_asking(self, name: str, at: str) -> dict[str, Any]:
        """Read the roster once (D5), and plan what each host is asked for."""
        now = datetime.fromisoformat(at)
        self.store.first_asked(name, now)
        source = self.store.get("source")
        try:
            read = await beating(asyncio.to_thread(read_items, Source(**source)))
        except SourceError as error:
            raise ApplicationError(error.message, type="roster") from error
        roster = load_roster(read.items)
        text = json.dumps(list(read.items))  # in ASCII, so that a part is as long as it says
        parts = [text[start : start + PART] for start in range(0, len(text), PART)]
        with self.store.whole() as base:
            base.executemany(
                "INSERT OR REPLACE INTO rosters VALUES (?, ?, ?)",
                [(roster.digest, number, part) for number, part in enumerate(parts)],
            )
        definition = definition_of(self.contracts, name, now)
        made = plan(self.store, definition, roster, at=now, parts=len(parts))
        return to_plain(made)  # type: ignore[return-value] # a model is a mapping

    @activity.defn
    async def roster_part(self, digest: str, number: int) -> str:
        """One part of the roster that was read."""
        query = "SELECT text FROM rosters WHERE digest = ? AND part = ?"
        return str(self.store.rows(query, digest, number)[0][0])

    @activity.defn
    async def keep_page(self, asking: str, host: str, number: int, text: str) -> None:
        """Keep one page of a host's answers."""
        query = "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)"
        self.store.rows(query, asking, host, number, text)

    @activity.defn
    async def conclude_asking(
        self, asking: str, asked: dict[str, Any], heads: list[dict[str, Any]], told: list[str],
        firing: bool,  # noqa: FBT001 # the engine hands over arguments by place
    ) -> str:  # fmt: skip
        """Store what the answers hand out, cursors last (D1)."""
        made: Plan = from_plain(Plan, asked)
        if (attempt := activity.info().attempt) > 1:
            what = f"storing was begun again, attempt {attempt}"
            self.store.tell(made.definition, made.at, [what])
        if self.store.generation(made.definition) != made.generation:
            return "stale"  # perhaps it was stored, and nobody heard of it
        query = "SELECT text FROM pages WHERE asking = ? AND host = ? ORDER BY number"
        try:
            answers = [
                answer
                for head in heads
                for answer in answers_of(
                    head, [row["text"] for row in self.store.rows(query, asking, head["host"])]
                )
            ]
            definition = definition_of(self.contracts, made.definition, made.at)
            await self.point("storing")
            found = conclude(self.store, definition, made, answers, told, firing=firing)
        except Disagreement as error:
            raise ApplicationError(str(error), type="disagreement") from error
        await self.point("stored")
        self.store.rows("DELETE FROM pages WHERE asking = ?", asking)
        return found

    @activity.defn
    async def tell(self, name: str, at: str, what: list[str]) -> None:
        """Tell the operator."""
        self.store.tell(name, datetime.fromisoformat(at), what)

    @activity.defn
    async def start_due(self, at: str, by: str) -> list[dict[str, Any]]:
        """Start the tasks that may begin."""
        return [
            {"key": task.idempotency_key, "host": task.host, "argv": task.argv,
             "timeout_s": task.run_timeout, "review": task.review.value,
             "definition": task.definition}
            for task in self.store.start_due(datetime.fromisoformat(at), by)
        ]  # fmt: skip

    @activity.defn
    async def close_task(self, key: str, state: str, outcome: dict[str, Any]) -> None:
        """A task ends, and what it made is told to whoever listens."""
        if (event := outcome.pop("event", None)) is not None:
            self.store.emit(event)
        self.store.close(key, state, outcome)


@dataclass
class Host:
    """The activities where the checkouts are."""

    name: str
    folder: Path
    """Where it keeps what it was handed, and what it answered."""
    contracts: Path
    point: Point

    @activity.defn
    async def take_roster(self, digest: str, number: int, text: str) -> None:
        """Keep a part of the roster."""
        (self.folder / f"roster-{digest}-{number}").write_text(text, encoding="ascii")

    @activity.defn
    async def resolve(self, place: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer every window that is asked for, and keep the pages until they are fetched."""
        head = await beating(asyncio.to_thread(self._answer, place, from_plain(Plan, asked)))
        await self.point("resolved")
        return head | {"attempt": activity.info().attempt}

    def _answer(self, place: str, asked: Plan) -> dict[str, Any]:
        try:
            text = "".join(
                (self.folder / f"roster-{asked.roster_digest}-{number}").read_text(encoding="ascii")
                for number in range(asked.roster_parts)
            )
        except OSError as error:  # it was another machine's disk that held them
            raise ApplicationError("the roster is not here", type="roster") from error
        known = definitions_of(self.contracts, asked.at)
        asking = Asking(
            roster=load_roster(json.loads(text)), host=self.name, hosts=asked.hosts,
            definition=next(item for item in known if item.id == asked.definition),
            definitions=known,
        )  # fmt: skip
        folder = self.folder / place
        folder.mkdir(exist_ok=True)
        answers, total = [], 0
        for window in asked.windows(self.name):
            found = discover_kaizen_scheduled_repos(
                asking, start=window.start, end=window.end, now=asked.at, list_not_scheduled=True
            )
            pages = list(iter_pages(found))
            for number, page in enumerate(pages, total):
                (folder / str(number)).write_text(dumps(page, indent=None), encoding="utf-8")
            total += len(pages)
            bare = replace(found, scheduled_runs=(), repos=(), exclusions=())
            answers.append({"digest": found.digest, "pages": len(pages), "head": to_plain(bare)})
        return {"host": self.name, "pages": total, "answers": answers}

    @activity.defn
    async def page(self, place: str, number: int) -> str:
        """One page of the answers that are kept there."""
        return (self.folder / place / str(number)).read_text(encoding="utf-8")

    @activity.defn
    async def run_command(self, argv: list[str], at: str) -> dict[str, Any]:
        """Run a task's command as it stands, without a shell."""
        made = argv[1:3] == ["schedule", "prepare"]
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            event = os.path.join(folder, "event.json")
            more = ["--now", at, "--format", "json", *(["--event", event] if made else [])]
            process = await asyncio.create_subprocess_exec(
                *argv, *more, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            await self.point("running")
            out, err = await beating(process.communicate())
            outcome: dict[str, Any] = {"code": process.returncode, "at": at}
            outcome["attempt"] = activity.info().attempt
            with suppress(ValueError):
                said = json.loads(out)
                outcome["refusal"] = said.get("refusal")
                outcome["run"], outcome["digest"] = said.get("run"), said.get("digest")
                outcome["tokens"] = said.get("estimated_tokens")
            if process.returncode and not outcome.get("refusal"):
                outcome["said"] = err.decode(errors="replace")[-500:]
            if os.path.exists(event):
                outcome["event"] = Path(event).read_text(encoding="utf-8")
        return outcome
