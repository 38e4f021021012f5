"""The State Hub over HTTP: the registered repositories are read, an event is posted.

No redirect is followed, no proxy of the environment is used, and certificates are checked against
the system's authorities. Every wait has an end: whatever the hub sends, or however slowly.

Source:
    RFC 9110: Retry-After, 10.2.3. RFC 6750: bearer tokens, 2.1. CloudEvents 1.0.2, HTTP binding.
"""

from __future__ import annotations

import io
import ipaddress
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from urllib.parse import quote

from kaizen_schedule.edges import files
from kaizen_schedule.reading import codec, safety
from kaizen_schedule.reading.errors import SourceError, UsageError
from kaizen_schedule.reading.strict_json import NotJsonError, parse_json

if TYPE_CHECKING:
    import socket

    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

TOKEN_VARIABLE = "STATE_HUB_TOKEN"  # noqa: S105 -- where the token stands, not the token


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """How long, how often and how much a hub is listened to."""

    timeout_s: float = 10.0
    """The longest wait for a connection, and for each piece of an answer, in seconds."""
    deadline_s: float = 60.0
    """The longest that a whole call lasts, its pages and waits together, in seconds."""
    attempts: int = 4
    """How often one request is made at most."""
    back_off_s: float = 0.5
    """The wait before the second attempt, doubled before each further one, in seconds."""
    retry_after_cap_s: float = 30.0
    """The longest wait that a hub may ask for, in seconds."""
    response_bytes: int = 64 * 2**20
    """The most bytes that the bodies of a call's answers hold together."""
    pages: int = 10_000
    """The most pages of a roster."""


_LIMITS = HubLimits()
_RETRIED = frozenset((429, 500, 502, 503, 504))
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_URL = (
    rf"(?ia)(https?)://(\[[0-9a-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::([0-9]{{1,5}}))?"
    r"((?:/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9a-f]{2})*)?)"
)
_SNAPSHOT = "or read a saved answer with --snapshot FILE"
# What to do, by what was asked: where waiting may help, and where the address may be wrong.
_LATER = {
    "GET": f"try again later, {_SNAPSHOT}",
    "POST": "try again later: the event keeps its id, so it counts once",
}
_ADDRESS = {
    "GET": f"check that the address is the hub's base, what stands before /repos/; {_SNAPSHOT}",
    "POST": "check that the address is the one that takes events",
}
_TELL_HUB = f"tell who runs the hub, {_SNAPSHOT}"


class _Trouble(NamedTuple):
    """Why an attempt failed, and whether and when another one may go better."""

    words: str
    fix: str = ""
    again: bool = False
    wait_s: float | None = None


def fetch_repos(
    url: str,
    *,
    token: str | None = None,
    limits: HubLimits = _LIMITS,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Any, ...]:
    """Fetch what a hub lists as its repositories, all of it or nothing.

    Args:
        url: The hub's base address, http or https; ``/repos/`` is added to its path.
        token: Sent to that address only, and over http to this machine only; empty is none.
        limits: How long, how often and how much to listen.
        sleep: Waits for a number of seconds.
        monotonic: A clock in seconds that never goes back.
        progress: Told after each page how many items there are so far, and of how many if known.

    Returns:
        The items as they stand in the JSON, in the hub's order, not validated.

    Raises:
        UsageError: The address or the token cannot be used.
        SourceError: The hub cannot be reached, refuses, or its answer cannot be relied on.

    Example:
        >>> fetch_repos("ftp://hub.example")
        Traceback (most recent call last):
        kaizen_schedule.reading.errors.UsageError: "ftp://hub.example" is no address of a hub
    """
    with closing(_Hub("GET", url, token, limits, sleep, monotonic)) as hub:
        return _fetch(hub, limits.pages, progress)


def post_event(
    url: str,
    event: Mapping[str, Any],
    *,
    token: str | None = None,
    limits: HubLimits = _LIMITS,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Post one CloudEvent, as structured JSON; its id makes it safe to send twice.

    Args:
        url: The very address to post to, http or https.
        event: The event.
        token: Sent to that address only, and over http to this machine only; empty is none.
        limits: How long and how often to try.
        sleep: Waits for a number of seconds.
        monotonic: A clock in seconds that never goes back.

    Raises:
        UsageError: The address, the token or the event cannot be used.
        SourceError: The hub cannot be reached or did not accept the event.
    """
    try:
        body = codec.dumps(event, indent=None).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        fix = "use texts, finite numbers and what is made of them"
        raise UsageError("the event holds what JSON cannot", fix=fix) from error
    with closing(_Hub("POST", url, token, limits, sleep, monotonic)) as hub:
        hub.ask(hub.path or "/", body)


class _Hub:
    """One call's way to a hub: its connection, token, and the time and bytes that are left."""

    def __init__(
        self,
        method: Literal["GET", "POST"],
        url: str,
        token: str | None,
        limits: HubLimits,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        scheme, host, port, self.path = check_address(url, token)
        self._place = _hide(host if port is None else f"{host}:{port}", token)
        self._method, self._token, self._limits = method, token, limits
        self._sleep, self._monotonic = sleep, monotonic
        self._deadline = monotonic() + limits.deadline_s
        self._bytes = 0
        self.page = 1
        self._pool = self._connect(scheme, host, port)

    def close(self) -> None:
        self._pool.close()

    @property
    def doubt(self) -> str:
        """What to do about an odd answer: where a page came before it, the address is right."""
        return _ADDRESS[self._method] if self.page == 1 else _TELL_HUB

    def show(self, text: str, limit: int = 60) -> str:
        """Quote what the hub sent, without the token."""
        return safety.show(_hide(text, self._token), limit)

    def error(self, words: str, *, fix: str = _TELL_HUB, attempts: int = 0) -> SourceError:
        """Make the one error of a call, which names the hub."""
        tried = f" ({attempts} attempt{'s' * (attempts > 1)})" if attempts else ""
        return SourceError(f"the hub at {self._place} {words}{tried}", fix=fix)

    def ask(self, target: str, body: bytes | None = None) -> bytes:
        """Make a request, again where that may help; return the answer's body."""
        limits, later = self._limits, _LATER[self._method]
        limit = f"{limits.deadline_s:g} s"
        for attempt in count(1):
            outcome = self._attempt(target, body)
            if isinstance(outcome, bytes):
                return outcome
            words, fix, again, wait = outcome
            left = self._deadline - self._monotonic()
            if again and left <= 0:
                break
            if not again or attempt >= limits.attempts:
                raise self.error(words, fix=fix or later, attempts=attempt)
            wait = limits.back_off_s * 2 ** (attempt - 1) if wait is None else wait
            if left <= wait:
                words += f"; to wait {wait:g} s more would pass the limit of {limit}"
                raise self.error(words, fix=later, attempts=attempt)
            self._sleep(wait)
        raise self.error(f"gave no whole answer within {limit}", fix=later, attempts=attempt)

    def _permit(self, sock: socket.socket | None = None) -> float:
        # The timeout of a socket is for one receive: a slow drip would never meet it.
        timeout = min(self._limits.timeout_s, self._deadline - self._monotonic())
        if timeout <= 0:
            raise TimeoutError
        if sock:
            sock.settimeout(timeout)
        return timeout

    def _connect(self, scheme: str, host: str, port: int | None) -> HTTPConnectionPool:
        from http.client import HTTPResponse

        import urllib3

        def respond(sock: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
            response = HTTPResponse(sock, *args, **options)
            watched = _Watched(response.fp.detach(), before=lambda: self._permit(sock))
            response.fp = io.BufferedReader(watched)
            return response

        def connect(**options: Any) -> Any:
            connection: Any = kind.ConnectionCls(**options)
            connection.response_class = respond
            return connection

        # Without compression no answer is larger than what is sent.
        headers = {"Accept-Encoding": "identity", "User-Agent": "kaizen-schedule"}
        own = ("Accept", "json") if self._method == "GET" else ("Content-Type", "cloudevents+json")
        headers[own[0]] = f"application/{own[1]}"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        kind = urllib3.HTTPSConnectionPool if scheme == "https" else urllib3.HTTPConnectionPool
        pool = kind(host, port, headers=headers, retries=False)
        pool.ConnectionCls = cast("Any", connect)
        return pool

    def _attempt(self, target: str, body: bytes | None) -> bytes | _Trouble:
        # No error is raised in here: its context could tell what the message must not.
        from http.client import HTTPException

        from urllib3.exceptions import HTTPError

        method, timeout = self._method, self._permit
        try:
            answer = self._pool.urlopen(
                method, target, body, redirect=False, timeout=timeout(), preload_content=False
            )
            with closing(answer) as response:
                return self._judge(response) or self._read(response)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            return self._explain(error)

    def _judge(self, response: BaseHTTPResponse) -> _Trouble | None:
        """Say what is wrong with an answer by its status, None where nothing is."""
        status, headers = response.status, response.headers
        if status == 200 or (self._method == "POST" and 200 <= status < 300):
            return None
        if 300 <= status < 400:
            to = headers.get("Location")
            where = f"to {self.show(to, 200)}" if to else "without saying where"
            words = f"redirects {where} ({status}), and no redirect is followed"
            return _Trouble(words, "give that address instead, if you trust it")
        if status in (401, 403):
            why = "refused the token of" if self._token else "wants a token, and none is in"
            fix = f"set {TOKEN_VARIABLE} to a token of this hub that is valid and may do this"
            return _Trouble(f"{why} {TOKEN_VARIABLE} ({status})", fix)
        if status not in _RETRIED:
            what = "has nothing at this address (404)" if status == 404 else f"answered {status}"
            return _Trouble(what, self.doubt if self.page == 1 else _LATER[self._method])
        wait = _retry_after(headers.get("Retry-After", ""), headers.get("Date", ""))
        if wait is not None:
            wait = min(wait, self._limits.retry_after_cap_s)
        return _Trouble(f"answered {status}", again=True, wait_s=wait)

    def _read(self, response: BaseHTTPResponse) -> bytes | _Trouble:
        if self._method == "POST":
            return b""  # the status says it all
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.strip().lower() != "identity":
            words = f"sent an answer encoded as {self.show(encoding)}, which was not asked for"
            return _Trouble(words, _TELL_HUB)
        cap, data = self._limits.response_bytes, bytearray()
        # One receive at a time: a chunk that claims any size is never waited for as a whole.
        while chunk := response.read1(2**16, decode_content=False):
            data += chunk
            if self._bytes + len(data) > cap:
                return _Trouble(f"sent more than {cap:,} bytes", _TELL_HUB)
        self._bytes += len(data)
        return bytes(data)

    def _explain(self, error: Exception) -> _Trouble:
        """Put into words why no whole answer came."""
        import socket
        import ssl
        from http.client import HTTPException, IncompleteRead, RemoteDisconnected

        cause: BaseException | None = error
        while cause and not isinstance(cause, HTTPException | OSError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            fix = "use the name the certificate is for; SSL_CERT_FILE names further authorities"
            return _Trouble(f"has no certificate to trust: {self.show(cause.verify_message)}", fix)
        for kind, words in (
            (ssl.SSLError, "cannot be reached: no TLS connection comes about"),
            (socket.gaierror, "cannot be reached: its name is not known"),
            (TimeoutError, f"was silent for {self._limits.timeout_s:g} s"),
            (IncompleteRead, "broke off its answer"),
            (RemoteDisconnected, "hung up without an answer"),
        ):
            if isinstance(cause, kind):
                return _Trouble(words, again=True)
        if isinstance(cause, OSError):
            return _Trouble(f"cannot be reached: {files.reason_of(cause)}", again=True)
        return _Trouble("sent what is no HTTP", self.doubt)


class _Watched(io.RawIOBase):
    """A connection's bytes; something is done before each receive."""

    def __init__(self, raw: io.RawIOBase, *, before: Callable[[], object]) -> None:
        self._raw, self._before = raw, before

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._before()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _fetch(
    hub: _Hub, pages: int, progress: Callable[[int, int | None], None] | None
) -> tuple[Any, ...]:
    """Fetch page after page, each held against those before it."""
    items: list[Any] = []
    total: int | None = None
    cursors, slugs, last = {""}, set[str](), ""
    target = address = hub.path.rstrip("/") + "/repos/"
    for hub.page in count(1):
        if hub.page > pages:
            raise hub.error(f"sent more than {pages:,} pages")
        answer, trouble = _load(hub.ask(target), hub.show)
        if trouble:
            raise hub.error(f"sent an answer that is no JSON: {trouble}", fix=hub.doubt)
        if isinstance(answer, list) and hub.page == 1:
            items, total, cursor = answer, len(answer), ""
        else:
            page, cursor, said = _parse_page(answer, hub)
            if None not in (total, said) and total != said:
                words = f"sent a total of {total:,} and then of {said:,}"
                raise hub.error(words, fix=_LATER["GET"])
            total = total if said is None else said
            found = [slug for item in page if isinstance(slug := _slug(item), str)]
            _require_order(found, slugs, last, hub)
            slugs.update(found)
            last = found[-1] if found else last
            items += page
        if progress:
            progress(len(items), total)
        if not cursor:
            break
        if cursor in cursors:
            raise hub.error(f"sent the cursor {hub.show(cursor)} twice")
        cursors.add(cursor)
        # An opaque text: sent back as it came, lone surrogates too.
        target = f"{address}?cursor={quote(cursor.encode('utf-8', 'surrogatepass'), safe='')}"
    if total not in (None, len(items)):
        words = f"sent {len(items):,} repositories and a total of {total:,}"
        raise hub.error(words, fix=_LATER["GET"])
    return tuple(items)


def _slug(item: Any) -> Any:
    return item.get("slug") if isinstance(item, dict) else None


def _parse_page(page: Any, hub: _Hub) -> tuple[list[Any], str, int | None]:
    """Take a page apart: its items, the next cursor, empty for none, and the total if stated."""
    items = page.get("items") if isinstance(page, dict) else None
    if not isinstance(items, list):
        words = "sent JSON that is neither an array nor a page with items"
        raise hub.error(words, fix=hub.doubt)
    cursor, total = page.get("next_cursor"), page.get("total")
    if not isinstance(cursor, str | None):
        raise hub.error("sent a page whose next_cursor is no text")
    if total is not None and (type(total) is not int or not 0 <= total < 10**9):
        raise hub.error("sent a page whose total is no number of repositories")
    return items, cursor or "", total


def _require_order(slugs: list[str], earlier: set[str], last: str, hub: _Hub) -> None:
    # The same slug twice within one page is for whoever validates the items.
    for slug in slugs:
        if slug in earlier:
            raise hub.error(f"sent {hub.show(slug)} on two pages", fix=_LATER["GET"])
        if slug < last:
            words = f"{hub.show(slug)} after {hub.show(last)}"
            raise hub.error(f"sent pages that are not in the order of slugs: {words}")
        last = slug


def _load(data: bytes, show: Callable[[str], str]) -> tuple[Any, str]:
    """Read strict JSON; return the value, or what is wrong: an error would hold the data."""
    try:
        return parse_json(data), ""
    except NotJsonError as error:
        return None, f"{error.words} {show(error.text)}" if error.text else str(error)


def _retry_after(asked: str, date: str) -> float | None:
    """The seconds that a Retry-After asks to wait; None where it asks for nothing usable."""
    from email.utils import parsedate_to_datetime

    if re.fullmatch("[0-9]+", asked.strip()):
        return float(asked)
    try:
        wait = (parsedate_to_datetime(asked) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return wait if wait >= 0 else None


def _hide(text: str, token: str | None) -> str:
    if not token:
        return text
    # In one go: what stands in its place may hold a short token itself.
    secrets = "|".join(map(re.escape, (token, quote(token), quote(token, safe=""))))
    return re.sub(secrets, "[redacted:hub-token]", text, flags=re.IGNORECASE)


def check_address(url: str, token: str | None) -> tuple[str, str, int | None, str]:
    """Take an address apart, and make sure that the token can be sent to it.

    Args:
        url: The address, http or https.
        token: What is to be sent to it; empty is none.

    Returns:
        Its scheme, host, port and path.

    Raises:
        UsageError: The address or the token cannot be used.

    Example:
        >>> check_address("https://hub.example/state", None)
        ('https', 'hub.example', None, '/state')
    """
    if token and not re.fullmatch("[!-~]+", token):
        fix = "set it to printable ASCII, without blanks and line breaks"
        raise UsageError(f"the token of {TOKEN_VARIABLE} is none that can be sent", fix=fix)
    return _parse_url(url, token)


def _parse_url(url: str, token: str | None) -> tuple[str, str, int | None, str]:
    """Take an address apart; one that is refused is never shown with what could be a secret."""
    fix = "give an address such as https://hub.example/state"
    rest = url.partition("://")[2] or url
    if "@" in re.split(r"[/?#\\]", rest, maxsplit=1)[0]:
        fix = f"leave out what is before the @, and pass the token in {TOKEN_VARIABLE}"
        raise UsageError("the address of the hub holds a user name or password", fix=fix)
    if "?" in url or "#" in url:
        fix = f"give the base alone; the token belongs in {TOKEN_VARIABLE}"
        raise UsageError("the address of the hub holds a query or a fragment", fix=fix)
    match = re.fullmatch(_URL, url)
    if not match or len(match[2]) > 253 or not 0 < int(match[3] or 80) < 65536:
        shown = "this" if "@" in url else safety.show(_hide(url, token), 200)
        raise UsageError(f"{shown} is no address of a hub", fix=fix)
    scheme, host, port, path = match[1].lower(), match[2].lower(), match[3], match[4]
    loopback = host == "localhost"
    try:
        if host.startswith("["):
            loopback = ipaddress.IPv6Address(host[1:-1]).is_loopback
        elif not loopback:
            loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        if host.startswith("["):
            raise UsageError(f"{safety.show(host)} is no IPv6 address", fix=fix) from None
    if token and scheme == "http" and not loopback:
        message = f"the token would go to {safety.show(_hide(host, token), 200)} unencrypted"
        raise UsageError(message, fix="use an https address")
    return scheme, host, int(port) if port else None, path


_PORTS = {"http": 80, "https": 443}


def same_hub(url: str, other: str) -> bool:
    """Whether two addresses are of one server: the same scheme, host and port.

    Raises:
        UsageError: One of them is no address of a hub.

    Example:
        >>> same_hub("https://hub.example/a", "https://HUB.example:443/b")
        True
    """

    def server(address: str) -> tuple[str, str, int]:
        scheme, host, port, _ = _parse_url(address, None)
        return scheme, host, port or _PORTS[scheme]

    return server(url) == server(other)
