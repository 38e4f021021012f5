"""What can be wrong with a hub: planted between the honest application and whoever asks it.

Faults stand in a file that is read before each request, so they can be planted while the hub runs.
Pages are counted from when a reader begins at the beginning, and one that is asked for again is the
same page; so only one reader at a time sees them as they were meant.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .app import Cursor
from .contract import JSON, PROBLEM, dumps, problem
from .storage import Storage

CHUNK = b" " * 2**20
NEWCOMER = {"slug": "a-newcomer", "host_paths": {"forge-1": "/srv/a-newcomer"}}
"""What `changes_after_page` registers."""


class Deviation(StrEnum):
    """Something that the OpenAPI document does not have; an honest hub has none of it."""

    SLUG_IS_A_NUMBER = "slug-is-a-number"
    PROBLEM_IS_TEXT = "problem-is-text"
    """The list's problems are plain text."""
    OTHER_STATUS = "other-status"
    """An event that is refused is so with 422."""
    TAKES_ANYTHING = "takes-anything"
    """A change that should be refused changes nothing and is a success."""
    OPEN_DOOR = "open-door"
    """A change needs no token."""
    REFUSES_SOUND = "refuses-sound"
    """Events are refused."""
    CRASHES = "crashes"
    """A list that is refused with a limit is so with 500."""
    ANY_METHOD = "any-method"
    """Unknown methods are a success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is planted. Pages count from 1."""

    dies_on_page: int | None = None
    """The process is gone half-way through the answer."""
    breaks_off_page: int | None = None
    """The connection is closed half-way through the answer; each time."""
    fails_page: int | None = None
    fails_with: int = 500
    retry_after: str = "0"
    """What a failure tells to wait, in seconds; empty says nothing."""
    hangs_on_page: int | None = None
    hangs_s: float = 20.0
    """How long nothing comes, in seconds."""
    repeats_slug: bool = False
    """The last repository of a page comes again on the next one."""
    total_off_by: int = 0
    changes_after_page: int | None = None
    """A repository is registered as soon as the page was answered; once."""
    forgets_versions: bool = False
    """Who has begun sees the list as it is now, not as it was."""
    redirects_to: str = ""
    """Where every request is sent on to."""
    pads_with: int = 0
    """So many mebibytes of blanks go before each page."""
    cuts_page: int | None = None
    """The page's JSON ends half-way, and the answer with it."""
    loses_answers: int = 0
    """So many events are kept, and their answer is a failure."""
    deviations: tuple[Deviation, ...] = ()

    def to_json(self) -> str:
        """The faults as a text; `from_json` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Faults:
        """Read what `to_json` wrote."""
        plain = json.loads(text)
        return cls(**{**plain, "deviations": tuple(map(Deviation, plain["deviations"]))})

    def plant(self, file: Path) -> None:
        """Put them where a hub reads them, in place of others."""
        # In one step: the hub may be reading.
        written = file.with_name(file.name + ".new")
        written.write_text(self.to_json())
        written.replace(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that came."""

    method: str
    target: str
    """Path and query, as they came."""
    token: bool
    """Whether there was one."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A whole answer of the honest application."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        return self.status == 200 and self.body[:1] == b"{"

    def as_json(self, value: Any, **changes: Any) -> _Answer:
        return replace(self, body=dumps(value), **changes)


class Planted:
    """An application with faults; it notes every request in a file."""

    def __init__(
        self, app: ASGIApp, storage: Storage, *, planted: Path, noted: Path, token: str | None
    ) -> None:
        self._app, self._storage = app, storage
        self._planted, self._noted, self._token = planted, noted, token
        self._faults = Faults()
        self._cursors: list[str] = []
        self._lost = 0
        self._changed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        self._note(scope)
        self._read_faults()
        faults, method = self._faults, scope["method"]
        listing = method == "GET" and scope["path"].endswith("/repos/")
        page = self._page_of(scope) if listing else 0
        if faults.redirects_to:
            headers = {"Location": faults.redirects_to}
            await _send(send, _Answer(307, headers, b""))
            return
        if page and page == faults.hangs_on_page:
            await _hang(receive, faults.hangs_s)
            return
        if page and page == faults.fails_page:
            await _send(send, self._failure())
            return
        answer = await _ask(self._app, self._prepared(scope, page), receive)
        if listing and answer.is_page:
            answer = self._spoilt(answer, page)
            if page == faults.changes_after_page and not self._changed:
                self._changed = True
                self._storage.put([NEWCOMER])
            if page in (faults.dies_on_page, faults.breaks_off_page):
                await _send_half(send, answer)
                if page == faults.dies_on_page:
                    os._exit(1)
                return
        if method == "POST" and answer.status == 202 and self._lost < faults.loses_answers:
            self._lost += 1
            answer = self._failure()
        answer = _deviating(answer, scope, frozenset(faults.deviations))
        await _send(send, answer, pad=faults.pads_with if listing else 0)

    def _read_faults(self) -> None:
        text = self._planted.read_text() if self._planted.exists() else ""
        found = Faults.from_json(text) if text else Faults()
        if found != self._faults:
            self._faults, self._cursors, self._lost, self._changed = found, [], 0, False

    def _note(self, scope: Scope) -> None:
        query = scope["query_string"].decode("latin-1")
        asked = Asked(
            method=scope["method"],
            target=scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
            token=any(name == b"authorization" for name, _ in scope["headers"]),
        )
        with open(self._noted, "a") as file:
            file.write(json.dumps(asdict(asked)) + "\n")

    def _page_of(self, scope: Scope) -> int:
        cursor = parse_qs(scope["query_string"].decode("latin-1")).get("cursor", [""])[0]
        if not cursor:
            self._cursors = []
        elif cursor not in self._cursors:
            self._cursors.append(cursor)
        return self._cursors.index(cursor) + 2 if cursor else 1

    def _failure(self) -> _Answer:
        status, wait = self._faults.fails_with, self._faults.retry_after
        headers = {"Content-Type": PROBLEM} | ({"Retry-After": wait} if wait else {})
        return _Answer(status, headers, dumps(problem(status, "planted")))

    def _prepared(self, scope: Scope, page: int) -> Scope:
        """The request as the honest application gets it."""
        if Deviation.OPEN_DOOR in self._faults.deviations and scope["method"] == "PATCH":
            others = [row for row in scope["headers"] if row[0] != b"authorization"]
            own = b"authorization", f"Bearer {self._token}".encode("latin-1")
            return {**scope, "headers": [*others, own]}
        if not (page > 1 and self._faults.forgets_versions):
            return scope
        cursor = replace(Cursor.read(self._cursors[page - 2]), version=self._storage.version())
        return {**scope, "query_string": b"cursor=" + cursor.at(cursor.after).encode("ascii")}

    def _spoilt(self, answer: _Answer, page: int) -> _Answer:
        faults, value = self._faults, json.loads(answer.body)
        if faults.repeats_slug and page > 1:
            last = Cursor.read(self._cursors[page - 2]).after
            value["items"] = [self._storage.find(last), *value["items"]]
        value["total"] += faults.total_off_by
        answer = answer.as_json(value)
        if page == faults.cuts_page:
            answer = replace(answer, body=answer.body[: len(answer.body) // 2])
        return answer


def _deviating(answer: _Answer, scope: Scope, planted: frozenset[Deviation]) -> _Answer:
    """An answer with what is not in the document."""
    method, refused = scope["method"], answer.status == 400
    if Deviation.ANY_METHOD in planted and answer.status == 405:
        return _Answer(200, {"Content-Type": JSON}, b"{}")
    if method == "GET":
        if Deviation.CRASHES in planted and refused and b"limit=" in scope["query_string"]:
            return answer.as_json(problem(500, "planted"), status=500)
        if Deviation.SLUG_IS_A_NUMBER in planted and answer.status == 200:
            return replace(answer, body=answer.body.replace(b'"slug":"', b'"slug":7,"was":"', 1))
        if Deviation.PROBLEM_IS_TEXT in planted and refused:
            return replace(answer, headers={"Content-Type": "text/plain"})
    if method == "PATCH" and Deviation.TAKES_ANYTHING in planted and refused:
        return _Answer(200, {"Content-Type": JSON}, dumps({"slug": "x", "host_paths": {}}))
    if method == "POST":
        if Deviation.REFUSES_SOUND in planted and answer.status == 202:
            return _Answer(400, {"Content-Type": PROBLEM}, dumps(problem(400, "planted")))
        if Deviation.OTHER_STATUS in planted and refused:
            return answer.as_json(problem(422, "planted"), status=422)
    return answer


async def _ask(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    """The whole answer of an application."""
    messages: list[Message] = []

    async def kept(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, kept)
    start, *parts = messages
    headers = {
        name.decode("latin-1").title(): value.decode("latin-1") for name, value in start["headers"]
    }
    headers.pop("Content-Length", None)
    return _Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))


async def _begin(send: Send, answer: _Answer, length: int) -> None:
    headers = {**answer.headers, "Content-Length": str(length)}
    rows = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": rows})


async def _send(send: Send, answer: _Answer, *, pad: int = 0) -> None:
    await _begin(send, answer, len(answer.body) + pad * len(CHUNK))
    for _ in range(pad):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_half(send: Send, answer: _Answer) -> None:
    """Send half of an answer; the server closes the connection where no more comes."""
    await _begin(send, answer, len(answer.body))
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})


async def _hang(receive: Receive, seconds: float) -> None:
    """Say nothing until whoever asked is gone, or the time is over."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return
