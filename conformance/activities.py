"""What the engine calls: on the orchestrator's own queue, and on each host's.

Everything that crosses the engine is text in parts below its limit for one payload, so that a fleet
of any size fits: the roster on its way to a host, an answer on its way back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

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

from .asking import DisagreementError, NobodyError, Plan, answers_of, conclude, plan
from .store import Store

PART = 500_000
"""Bytes of a roster's part; a page is at most twice that. The engine refuses two million."""

BEAT_S = 0.5
"""What takes long says this often that it is still there."""

Point = Callable[[str], None]
"""Called at a named point; a test may hold the process there."""

Found = TypeVar("Found")
Given = ParamSpec("Given")


async def beating(work: Awaitable[Found]) -> Found:
    """Wait for what takes long, and let the engine know meanwhile."""
    task = asyncio.ensure_future(work)
    while not task.done():
        activity.heartbeat()
        await asyncio.wait([task], timeout=BEAT_S)
    return task.result()


def aside(call: Callable[Given, Found]) -> Callable[Given, Coroutine[Any, Any, Found]]:
    """Do it in a thread, so that the worker stays there for the engine however long it takes."""

    @wraps(call)
    async def called(*values: Given.args, **named: Given.kwargs) -> Found:
        return await beating(asyncio.to_thread(call, *values, **named))

    return called


def definitions_of(contracts: Path, now: datetime) -> tuple[ActivityDefinition, ...]:
    """The definitions, of the exported files."""
    return list_definitions(contracts / "integrations" / "activity-definitions", now=now)


def definition_of(contracts: Path, name: str, now: datetime) -> ActivityDefinition:
    """One of them."""
    return next(item for item in definitions_of(contracts, now) if item.id == name)


@dataclass
class Orchestrator:
    """The activities beside the store."""

    store: Store
    contracts: Path
    point: Point

    @activity.defn
    @aside
    def begin_asking(self, name: str, at: str) -> Any:
        """Read the roster once (D5), and plan what each host is asked for."""
        now = datetime.fromisoformat(at)
        self.store.first_asked(name, now)
        try:
            read = read_items(Source(**self.store.get("source")))
        except SourceError as error:
            what = f"the roster cannot be had: {error.message}"
            raise ApplicationError(what, type="roster") from None
        roster = load_roster(read.items)
        text = json.dumps(list(read.items))  # in ASCII, so that a part is as long as it says
        sha256 = hashlib.sha256(text.encode("ascii")).hexdigest()
        parts = [text[start : start + PART] for start in range(0, len(text), PART)]
        with self.store.whole() as base:
            base.executemany(
                "INSERT OR REPLACE INTO rosters VALUES (?, ?, ?)",
                [(sha256, number, part) for number, part in enumerate(parts)],
            )
        definition = definition_of(self.contracts, name, now)
        try:
            made = plan(self.store, definition, roster, at=now, sha256=sha256, parts=len(parts))
        except NobodyError as error:
            raise ApplicationError(str(error), type="roster") from error
        return to_plain(made)

    @activity.defn
    @aside
    def roster_part(self, sha256: str, number: int) -> str:
        """One part of the roster that was read."""
        query = "SELECT text FROM rosters WHERE sha256 = ? AND part = ?"
        return str(self.store.rows(query, sha256, number)[0][0])

    @activity.defn
    @aside
    def keep_page(self, asking: str, host: str, number: int, text: str) -> None:
        """Keep one page of a host's answers."""
        query = "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)"
        self.store.rows(query, asking, host, number, text)

    @activity.defn
    @aside
    def conclude_asking(self, asking: dict[str, Any], heads: list[dict[str, Any]]) -> str:
        """Store what the answers hand out, cursors last (D1)."""
        name, made = asking["name"], from_plain(Plan, asking["plan"])
        if (attempt := activity.info().attempt) > 1:
            what = f"storing was begun again, attempt {attempt}"
            self.store.tell(made.definition, made.at, [what])
        if self.store.was_concluded(name):
            return "stored"
        query = "SELECT text FROM pages WHERE asking = ? AND host = ? ORDER BY number"
        try:
            answers = [
                answer
                for head in heads
                for answer in answers_of(
                    head, [row["text"] for row in self.store.rows(query, name, head["host"])]
                )
            ]
            definition = definition_of(self.contracts, made.definition, made.at)
            self.point("storing")
            found = conclude(self.store, definition, made, answers, asking["told"], name=name)
        except DisagreementError as error:
            if self.store.was_concluded(name):  # meanwhile, by an attempt that was given up
                return "stored"
            raise ApplicationError(str(error), type="disagreement") from error
        self.point("stored")
        self.store.rows("DELETE FROM pages WHERE asking = ?", name)
        return found

    @activity.defn
    @aside
    def tell(self, name: str, at: str, what: list[str]) -> None:
        """Tell the operator."""
        self.store.tell(name, datetime.fromisoformat(at), what)

    @activity.defn
    @aside
    def start_due(self, at: str, by: str) -> list[dict[str, Any]]:
        """Start the tasks that may begin."""
        return [
            {"key": task.idempotency_key, "host": task.host, "argv": task.argv,
             "timeout_s": task.run_timeout, "review": task.review.value,
             "definition": task.definition}
            for task in self.store.start_due(datetime.fromisoformat(at), by)
        ]  # fmt: skip

    @activity.defn
    @aside
    def close_task(self, key: str, state: str, outcome: dict[str, Any]) -> None:
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
    @aside
    def take_roster(self, sha256: str, number: int, text: str) -> None:
        """Keep a part of the roster; whoever reads it finds the whole of it or none."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as file:
            file.write(text)
        os.replace(file.name, self.folder / f"roster-{sha256}-{number}")

    @activity.defn
    @aside
    def resolve(self, place: str, plan: dict[str, Any]) -> dict[str, Any]:
        """Answer every window that is asked for, and keep the pages until they are fetched."""
        asked: Plan = from_plain(Plan, plan)
        try:
            text = "".join(
                (self.folder / f"roster-{asked.roster_sha256}-{number}").read_text("ascii")
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
        self.point("resolved")
        return {
            "host": self.name, "pages": total, "answers": answers,
            "attempt": activity.info().attempt,
        }  # fmt: skip

    @activity.defn
    @aside
    def page(self, place: str, number: int) -> str:
        """One page of the answers that are kept there."""
        return (self.folder / place / str(number)).read_text(encoding="utf-8")

    @activity.defn
    async def run_command(self, argv: list[str], at: str, timeout_s: float) -> dict[str, Any]:
        """Run a task's command as it stands, without a shell; end it where it takes too long."""
        made = argv[1:3] == ["schedule", "prepare"]
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            event = os.path.join(folder, "event.json")
            more = ["--now", at, "--format", "json", *(["--event", event] if made else [])]
            process = await asyncio.create_subprocess_exec(
                *argv, *more, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
            outcome: dict[str, Any] = {"at": at, "attempt": activity.info().attempt}
            try:
                await beating(asyncio.to_thread(self.point, "running"))
                out, err = await asyncio.wait_for(beating(process.communicate()), timeout_s)
            except TimeoutError:
                return outcome | {"code": None, "said": f"took longer than {timeout_s:,} seconds"}
            finally:  # with whatever it began: the place is another task's next
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            outcome["code"] = process.returncode
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
