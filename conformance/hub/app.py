"""The hub's three operations, as an ASGI application.

A request goes through the same steps whatever it asks: its address is found in the document, its
token is looked at, its parameters and its body are held against the document, and so is the answer
before it leaves. What is left to write is what the document cannot say; that is in `_Hub`.

Source:
    RFC 6750: bearer tokens, 2.1 and 3. RFC 9110: 401, 403, 405, 413 and 415. RFC 9457: problems.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .contract import (
    JSON,
    PROBLEM,
    Contract,
    NotAsDocumented,
    Operation,
    Refused,
    dumps,
    problem,
)
from .storage import Filters, Storage

BODY_LIMIT = 64 * 1024
"""What is sent to the hub is smaller than this, in bytes."""
SLUG_LIMIT, PATH_LIMIT = 200, 4096
"""How long a name and a path may be, in bytes of UTF-8, which no schema can say."""

_READING = frozenset(("listRepos",))
"""What a token may do that is only for reading; every other operation takes a token for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a hub is set up."""

    token: str | None = None
    """May do everything; without one, whatever needs no token is open to all."""
    reading_token: str | None = None
    """May read and nothing else: the one that every host has."""
    page_size: int | None = None
    """The most items of a page; None answers with one array."""


def build(storage: Storage, settings: Settings, contract: Contract | None = None) -> ASGIApp:
    """The application that serves a storage as the document has it.

    Raises:
        ValueError: The document has an operation that is not written here, or the other way round.
    """
    contract = contract or Contract()
    hub = _Hub(storage, settings)
    written: dict[str, _Handler] = {
        "listRepos": hub.list_repos,
        "changeRepo": hub.change_repo,
        "postEvent": hub.post_event,
    }
    told = {operation.id for operation in contract.operations}
    if told != set(written):
        raise ValueError(f"written {sorted(written)}, and the document has {sorted(told)}")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", scope["type"]
        response = await _answer(Request(scope, receive), contract, settings, written)
        await response(scope, receive, send)

    return app


_Handler = Callable[[dict[str, Any], Any], tuple[int, Any]]
"""Takes the parameters and the body; gives the status and what is sent, None for nothing."""


async def _answer(
    request: Request,
    contract: Contract,
    settings: Settings,
    written: Mapping[str, _Handler],
) -> Response:
    operation: Operation | None = None
    try:
        operation, parts = _find(request, contract)
        _admit(request, operation, settings)
        parameters = operation.parameters(request.scope["query_string"], parts)
        body = None
        if operation.takes_body:
            body = operation.body(request.headers.get("content-type", ""), await _read(request))
        status, value = written[operation.id](parameters, body)
        headers, kind = {}, JSON
    except Refused as refused:
        status, value = refused.status, problem(refused.status, refused.detail)
        headers, kind = refused.headers, PROBLEM
    data = b"" if value is None else dumps(value)
    if data:
        headers["Content-Type"] = kind
    if operation is not None:
        try:
            operation.check_answer(status, headers.get("Content-Type", ""), data)
        except NotAsDocumented as error:  # a mistake of this program: it is not sent
            data, status = dumps(problem(500, str(error))), 500
            headers = {"Content-Type": PROBLEM}
    return Response(data, status, headers)


def _find(request: Request, contract: Contract) -> tuple[Operation, dict[str, bytes]]:
    """The operation that is asked for. The raw path is used: a slug may hold a ``/``."""
    path = request.scope["raw_path"]
    base = contract.base.encode("ascii")
    found, parts = contract.split(path.removeprefix(base)) if path.startswith(base) else ((), {})
    if not found:
        raise Refused(404, "there is nothing at this address")
    for operation in found:
        if operation.method == request.method:
            return operation, parts
    allowed = ", ".join(operation.method for operation in found)
    raise Refused(405, f"only {allowed} is known here", {"Allow": allowed})


def _admit(request: Request, operation: Operation, settings: Settings) -> None:
    """See whether the token of a request may do what it asks."""
    known = [token for token in (settings.token, settings.reading_token) if token]
    if not known and not operation.needs_token:
        return
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not any(_same(sent, token) for token in known):
        raise Refused(401, "a token is wanted", {"WWW-Authenticate": 'Bearer realm="state-hub"'})
    if operation.id not in _READING and not (settings.token and _same(sent, settings.token)):
        raise Refused(403, "this token may only read")


def _same(sent: str, token: str) -> bool:
    # How long it takes must not tell how much of it is right.
    return hmac.compare_digest(sent.encode("latin-1"), token.encode("latin-1"))


async def _read(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) >= BODY_LIMIT:
            raise Refused(413, f"{BODY_LIMIT:,} bytes are too many")
    return bytes(data)


class _Hub:
    """What the operations do."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings

    def list_repos(self, asked: dict[str, Any], _: Any) -> tuple[int, Any]:
        """Answer with all repositories, or with a page of them."""
        size, limit = self._settings.page_size, asked.get("limit")
        limit = min((each for each in (size, limit) if each is not None), default=None)
        cursor = Cursor(
            version=self._storage.version(),
            after="",
            host=asked.get("host"),
            enabled=asked.get("kaizen_schedule_enabled"),
        )
        if "cursor" in asked:
            cursor = Cursor.read(asked["cursor"])
            if not self._storage.holds(cursor.version):
                raise Refused(400, "the cursor is of a list that is not kept any more")
        filters = Filters(host=cursor.host, enabled=cursor.enabled)
        page = self._storage.page(cursor.version, after=cursor.after, limit=limit, filters=filters)
        if limit is None and not cursor.after:
            return 200, list(page.items)
        following = cursor.at(page.items[-1]["slug"]) if page.more else None
        return 200, {"items": list(page.items), "next_cursor": following, "total": page.total}

    def change_repo(self, asked: dict[str, Any], change: Any) -> tuple[int, Any]:
        """Change a repository's flag, or where it stands."""
        for host, path in change.get("host_paths", {}).items():
            _require_short(host, SLUG_LIMIT)
            _require_short(path or "", PATH_LIMIT)
        repo = self._storage.patch(asked["slug"], change)
        if repo is None:
            raise Refused(404, "there is no repository of this name")
        return 200, repo

    def post_event(self, _: dict[str, Any], event: Any) -> tuple[int, Any]:
        """Take an event; one that is here already is taken, too."""
        self._storage.keep(event)
        return 202, None


def _require_short(text: str, limit: int) -> None:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refused(400, "a name or path is no Unicode text") from None
    if size > limit:
        raise Refused(400, f"a name or path is longer than {limit:,} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a reader is: in which version of the roster, after which slug, with which filters."""

    version: int
    after: str
    host: str | None
    enabled: bool | None

    def at(self, slug: str) -> str:
        """The cursor as text, after a slug."""
        plain = [self.version, slug, self.host, self.enabled]
        return base64.urlsafe_b64encode(dumps(plain)).decode("ascii").rstrip("=")

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read a cursor back; whatever this hub did not make is refused."""
        refused = Refused(400, "this is no cursor of this hub")
        if not re.fullmatch("[A-Za-z0-9_-]+", text):
            raise refused
        try:
            plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            version, after, host, enabled = plain
        except (ValueError, TypeError, RecursionError):
            raise refused from None
        cursor = cls(version=version, after=after, host=host, enabled=enabled)
        if cursor._is_sound() and cursor.at(after) == text:
            return cursor
        raise refused

    def _is_sound(self) -> bool:
        return (
            type(self.version) is int
            and _is_text(self.after)
            and (self.host is None or _is_text(self.host))
            and isinstance(self.enabled, bool | None)
        )


def _is_text(value: object) -> bool:
    # Half of a surrogate pair is text to JSON, and none to a database.
    return isinstance(value, str) and value != "" and not re.search("[\ud800-\udfff]", value)
