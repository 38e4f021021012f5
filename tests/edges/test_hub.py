"""The State Hub over HTTP, against servers on this machine that do whatever a hub could do."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kaizen_schedule.edges.hub import HubLimits, fetch_repos, post_event
from kaizen_schedule.reading.errors import KaizenError, SourceError, UsageError

TOKEN = "s3cr3t+tok/en=="
EVENT = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "kaizen.pilot.completed"}


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Clock:
    """Time that passes only while one sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


Step = bytes | Callable[[socket.socket], None]


class Server:
    """Answers one request per connection, by a script; never a second time in the same way."""

    def __init__(self, *steps: Step, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.steps = list(steps)
        self.requests: list[Request] = []
        self.release = threading.Event()
        self.context: ssl.SSLContext | None = None
        self.greeting = b""  # said before anything is asked
        self._stopped = False
        self._socket = socket.create_server(
            ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family
        )
        self.port: int = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            if self._stopped:
                peer.close()
                return
            step = self.steps.pop(0) if self.steps else answer(b"no step left", status=418)
            thread = threading.Thread(target=self._serve, args=(peer, step), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket, step: Step) -> None:
        peer.settimeout(10)
        try:
            peer.sendall(self.greeting)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            with peer:
                self.requests.append(_read_request(peer))
                if isinstance(step, bytes):
                    peer.sendall(step)
                else:
                    step(peer)
        except OSError:
            peer.close()  # the client has had enough, which is what some tests are about

    def close(self) -> None:
        self.release.set()
        self._stopped = True
        with socket.socket(self._socket.family) as last:  # wakes accept
            last.settimeout(1)
            last.connect(self._socket.getsockname())
        self._socket.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def _read_request(peer: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := peer.recv(65536)):
            raise ConnectionError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rows = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in rows)}
    while len(body) < int(headers.get("content-length", 0)):
        body += peer.recv(65536)
    return Request(line, headers, body)


def answer(content: Any, *, status: int = 200, **headers: str) -> bytes:
    """An answer in bytes; what is not bytes becomes JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    rows = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close"]
    rows += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*rows, "", ""]).encode("latin-1") + body


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(*steps: Step, **options: Any) -> Server:
        servers.append(Server(*steps, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fetch(url: str, clock: Clock, **options: Any) -> tuple[Any, ...]:
    return fetch_repos(url, sleep=clock.sleep, monotonic=clock.monotonic, **options)


def refused(url: str, clock: Clock, **options: Any) -> SourceError:
    """The error of a fetch, which names the hub, tells what to do, and keeps the token."""
    with pytest.raises(SourceError) as caught:
        fetch(url, clock, **options)
    check(caught.value)
    return caught.value


def check(error: KaizenError) -> None:
    assert error.exit_code == 3
    assert str(error).startswith(("the hub at 127.0.0.1:", "the hub at [::1]:", "the hub at local"))
    assert error.fix
    told = "".join(traceback.format_exception(error)) + error.message + error.fix
    assert "s3cr3t" not in told.lower()
    assert str(error).isprintable()
    assert error.__cause__ is None
    assert error.__context__ is None


def repos(*slugs: str) -> list[dict[str, str]]:
    return [{"slug": slug} for slug in slugs]


def page(*slugs: str, after: str | None = None, **more: Any) -> bytes:
    return answer({"items": repos(*slugs), "next_cursor": after, **more})


# What is read


def test_importing_loads_no_http() -> None:
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}; import kaizen_schedule.edges.hub; "
        "print({'urllib3', 'http.client', 'ssl', 'socket', 'email'} & set(sys.modules))"
    )
    # -S: what measures coverage in every process loads some of these itself.
    command = [sys.executable, "-S", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_an_array_is_returned_as_it_stands(serve: Serve, clock: Clock) -> None:
    items = [{"slug": "b", "odd": [1.5, None]}, "text", 3, {"slug": "a"}, {"slug": "a"}, None]
    server = serve(answer(items))
    told: list[tuple[int, int | None]] = []
    assert fetch(server.url, clock, progress=lambda *each: told.append(each)) == tuple(items)
    assert told == [(6, 6)]
    assert clock.slept == []
    (request,) = server.requests
    assert request.line == "GET /repos/ HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert "authorization" not in request.headers
    assert "content-type" not in request.headers


@pytest.mark.parametrize("last", [None, "", "absent"])
def test_pages_are_followed_to_the_end(serve: Serve, clock: Clock, last: str | None) -> None:
    end: dict[str, Any] = {"items": [*repos("c"), 7], "total": 5, "next_cursor": last}
    if last == "absent":
        del end["next_cursor"]
    cursor = "a/b&c=é ?\ud800%"
    server = serve(page("a", "b", after=cursor, total=5), page("b2", after="2"), answer(end))
    told: list[tuple[int, int | None]] = []
    found = fetch(server.url, clock, progress=lambda *each: told.append(each))
    assert found == (*repos("a", "b", "b2", "c"), 7)
    assert told == [(2, 5), (3, 5), (5, 5)]
    assert [request.line.split()[1] for request in server.requests] == [
        "/repos/",
        "/repos/?cursor=a%2Fb%26c%3D%C3%A9%20%3F%ED%A0%80%25",
        "/repos/?cursor=2",
    ]


def test_pages_come_over_one_connection(clock: Clock) -> None:
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            cursor = str(len(ports)) if len(ports) < 3 else None
            body = json.dumps({"items": repos(f"r{len(ports)}"), "next_cursor": cursor}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            found = fetch(f"http://127.0.0.1:{server.server_port}", clock)
        finally:
            server.shutdown()
            thread.join(10)
    assert found == tuple(repos("r1", "r2", "r3"))
    assert len(set(ports)) == 1


def test_a_chunked_answer_is_read(serve: Serve, clock: Clock) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(head + b'3\r\n[{"\r\n9\r\nslug":"a"\r\n2\r\n}]\r\n0\r\n\r\n')
    assert fetch(server.url, clock) == tuple(repos("a"))


def test_an_answer_that_ends_with_its_connection_is_read(serve: Serve, clock: Clock) -> None:
    server = serve(b"HTTP/1.0 200 OK\r\n\r\n[1,2]")
    assert fetch(server.url, clock) == (1, 2)


@pytest.mark.parametrize(
    ("suffix", "asked"),
    [
        ("", "/repos/"),
        ("/", "/repos/"),
        ("/state", "/state/repos/"),
        ("/state/v1/", "/state/v1/repos/"),
        ("/a%20b@c", "/a%20b@c/repos/"),
        ("//twice", "//twice/repos/"),
    ],
)
def test_the_base_may_have_a_path(serve: Serve, clock: Clock, suffix: str, asked: str) -> None:
    server = serve(answer([]))
    assert fetch(server.url + suffix, clock) == ()
    assert server.requests[0].line == f"GET {asked} HTTP/1.1"


def test_a_scheme_and_a_host_are_read_in_any_case(serve: Serve, clock: Clock) -> None:
    server = serve(answer([]))
    assert fetch(f"HTTP://LocalHost:{server.port}", clock, token=TOKEN) == ()
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_an_ipv6_address_is_reached(serve: Serve, clock: Clock) -> None:
    try:
        server = serve(answer([1]), answer(b"", status=404), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    url = f"http://[::1]:{server.port}/x"
    assert fetch(url, clock, token=TOKEN) == (1,)
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"
    assert f"[::1]:{server.port} " in str(refused(url, clock))


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(), serve(answer([1]))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch(server.url, clock) == (1,)
    assert proxy.requests == []


# Attempts


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(serve: Serve, clock: Clock, status: int) -> None:
    server = serve(answer(b"", status=status), answer(b"", status=status), answer([1]))
    assert fetch(server.url, clock) == (1,)
    assert clock.slept == [0.5, 1.0]


def test_attempts_have_an_end_and_are_counted(serve: Serve, clock: Clock) -> None:
    server = serve(*[answer(b"", status=503)] * 9)
    error = refused(server.url, clock)
    assert str(error) == f"the hub at 127.0.0.1:{server.port} answered 503 (4 attempts)"
    assert "--snapshot FILE" in error.fix
    assert len(server.requests) == 4
    assert clock.slept == [0.5, 1.0, 2.0]


def test_each_page_is_tried_again(serve: Serve, clock: Clock) -> None:
    server = serve(page("a", after="2"), answer(b"", status=502), page("b"))
    assert fetch(server.url, clock) == tuple(repos("a", "b"))


def test_a_failed_page_fails_the_whole(serve: Serve, clock: Clock) -> None:
    server = serve(page("a", after="2"), *[answer(b"", status=500)] * 4)
    assert "answered 500 (4 attempts)" in str(refused(server.url, clock))


DATE = "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": " 7 "}, 7),
        ({"Retry_After": "0"}, 0),
        ({"Retry_After": "31"}, 30),
        ({"Retry_After": "9" * 5000}, 30),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:09 GMT", "Date": DATE}, 9),
        ({"Retry_After": "Tuesday, 24-Nov-26 12:00:09 GMT", "Date": DATE}, 9),
        ({"Retry_After": "Wed, 25 Nov 2026 12:00:09 GMT", "Date": DATE}, 30),
        ({"Retry_After": "Tue, 24 Nov 2026 11:59:59 GMT", "Date": DATE}, 0.5),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:09 GMT"}, 0.5),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:09 GMT", "Date": "today"}, 0.5),
        ({"Retry_After": "Tue, 24 Nov 2026 12:00:09 -0000", "Date": DATE}, 0.5),
        ({"Retry_After": "Tue, 99 Nov 99999999999 99:00:09 GMT", "Date": DATE}, 0.5),
        ({"Retry_After": "-5"}, 0.5),
        ({"Retry_After": "1.5"}, 0.5),
        ({"Retry_After": "1e3"}, 0.5),
        ({"Retry_After": "\xb2"}, 0.5),
        ({"Retry_After": "soon"}, 0.5),
        ({"Retry_After": ""}, 0.5),
    ],
)
def test_a_hub_may_ask_for_patience(
    serve: Serve, clock: Clock, headers: dict[str, str], slept: float
) -> None:
    server = serve(answer(b"", status=429, **headers), answer([1]))
    assert fetch(server.url, clock) == (1,)
    assert clock.slept == [slept]


def test_patience_never_passes_the_deadline(serve: Serve, clock: Clock) -> None:
    server = serve(*[answer(b"", status=429, Retry_After="25")] * 9)
    error = refused(server.url, clock)
    assert clock.slept == [25, 25]
    assert "answered 429; to wait 25 s more would pass the limit of 60 s (3 attempts)" in str(error)


def test_the_deadline_holds_over_pages(serve: Serve, clock: Clock) -> None:
    server = serve(page("a", after="2"), page("b", after="3"), page("c"))

    def slow(done: int, total: int | None) -> None:
        clock.now += 40

    error = refused(server.url, clock, progress=slow)
    assert "gave no whole answer within 60 s" in str(error)
    assert len(server.requests) == 2


def test_a_refused_connection_is_told(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refused(f"http://127.0.0.1:{port}", clock, token=TOKEN)
    assert "cannot be reached: connection refused (4 attempts)" in str(error)
    assert clock.slept == [0.5, 1.0, 2.0]


def test_a_name_that_is_not_known_is_told(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceError, match=r"^the hub at hub\.invalid cannot be reached: its name"):
        fetch("https://hub.invalid", clock)


def test_a_truncated_body_is_asked_for_again(serve: Serve, clock: Clock) -> None:
    whole = answer(repos("a", "b"))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    cut = [whole[:-3], chunked + b"5\r\n[1", chunked + b"1\r\n[\r\n", whole]
    assert fetch(serve(*cut).url, clock) == tuple(repos("a", "b"))
    assert len(clock.slept) == 3
    assert "broke off its answer (4 attempts)" in str(refused(serve(*cut[:3], cut[0]).url, clock))


def test_a_connection_closed_without_an_answer_is_tried_again(serve: Serve, clock: Clock) -> None:
    assert fetch(serve(b"", answer([1])).url, clock) == (1,)
    assert "hung up without an answer (4 attempts)" in str(refused(serve(*[b""] * 4).url, clock))


def test_a_silent_hub_is_left_and_tried_again(serve: Serve, clock: Clock) -> None:
    def wait(_: socket.socket) -> None:
        server.release.wait(10)

    server = serve(wait, answer([1]), wait, wait)
    limits = HubLimits(timeout_s=0.1, attempts=2)
    assert fetch(server.url, clock, limits=limits) == (1,)
    assert "was silent for 0.1 s (2 attempts)" in str(refused(server.url, clock, limits=limits))


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (b"HTTP/1.1 ", b"2"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "chunk-size", "trailers", "header", "status", "continue"],
)
def test_a_drip_does_not_outlast_the_deadline(serve: Serve, head: bytes, drop: bytes) -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(head)
        while not server.release.wait(0.02):
            peer.sendall(drop)

    server = serve(*[drip] * 4)
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        fetch_repos(server.url, limits=HubLimits(timeout_s=5, deadline_s=0.3))
    assert 0.2 < time.monotonic() - begun < 3
    check(caught.value)
    assert "gave no whole answer within 0.3 s (1 attempt)" in str(caught.value)


def test_one_receive_waits_no_longer_than_the_time_left(serve: Serve, clock: Clock) -> None:
    def send(peer: socket.socket) -> None:
        clock.now = 59.9
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        server.release.wait(10)

    server = serve(send)
    begun = time.monotonic()
    refused(server.url, clock, limits=HubLimits(timeout_s=8, attempts=1))
    assert time.monotonic() - begun < 5


def test_an_interrupt_passes(serve: Serve, clock: Clock) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(serve(answer([])).url, clock, progress=interrupt)


# What is refused at once


@pytest.mark.parametrize("status", [201, 204, 206, 400, 405, 410, 418, 501, 505, 999])
def test_another_status_fails_at_once(serve: Serve, clock: Clock, status: int) -> None:
    server = serve(answer(b"", status=status), answer([1]))
    assert f"answered {status} (1 attempt)" in str(refused(server.url, clock))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_is_missing_or_refused(serve: Serve, clock: Clock, status: int) -> None:
    said = answer(TOKEN.encode(), status=status, X_Token=TOKEN)
    missing = refused(serve(said).url, clock)
    assert f"wants a token, and none is in STATE_HUB_TOKEN ({status})" in str(missing)
    no = refused(serve(said).url, clock, token=TOKEN)
    assert f"refused the token of STATE_HUB_TOKEN ({status})" in str(no)
    assert "STATE_HUB_TOKEN" in no.fix


def test_a_wrong_address_is_told(serve: Serve, clock: Clock) -> None:
    error = refused(serve(answer(b"", status=404)).url + "/repos/", clock)
    assert "has nothing at this address (404)" in str(error)
    assert "the hub's base" in error.fix


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_no_redirect_is_followed(serve: Serve, clock: Clock, status: int) -> None:
    other = serve(answer([1]))
    to = f"{other.url}/x?t={TOKEN}&u=s3cr3t%2btok%2fen%3d%3d&v=s3cr3t%2Btok/en%3D%3D\x1b[31m"
    server = serve(answer(b"", status=status, Location=to), answer([1]))
    error = refused(server.url, clock, token=TOKEN)
    assert f"redirects to {chr(34)}{other.url}/x?t=[redacted:hub-token]&u=[redacted" in str(error)
    assert "\\x1b[31m" in str(error)
    assert other.requests == []
    assert len(server.requests) == 1


def test_a_redirect_may_lead_nowhere(serve: Serve, clock: Clock) -> None:
    error = refused(serve(answer(b"", status=302)).url, clock)
    assert "redirects without saying where (302), and no redirect is followed" in str(error)


def test_a_redirect_keeps_its_own_secrets(serve: Serve, clock: Clock) -> None:
    server = serve(answer(b"", status=302, Location="https://me:pass" + "word@h.example/"))
    assert "https://me:[redacted:url-credentials]@h.example/" in str(refused(server.url, clock))


GARBAGE = {
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http-0.9": b"[1]\r\n",
    "binary": bytes(range(256)) * 300,
    "status-word": b"HTTP/1.1 abc OK\r\n\r\n",
    "version": b"HTTP/7.x 200 OK\r\n\r\n[]",
    "long-line": b"HTTP/1.1 200 " + b"a" * 200_000,
    "long-header": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000 + b"\r\n\r\n[]",
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n[]",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n[]",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_http_fails_at_once(serve: Serve, clock: Clock, name: str) -> None:
    server = serve(GARBAGE[name] + TOKEN.encode(), answer([1]))
    error = refused(server.url, clock, token=TOKEN)
    assert str(error).endswith(" sent what is no HTTP (1 attempt)")


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n[1",
        b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n[1",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n[1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n[1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\n[\r\n",
    ],
)
def test_odd_frames_are_source_errors(serve: Serve, clock: Clock, body: bytes) -> None:
    refused(serve(*[body] * 4).url, clock)


def flood(peer: socket.socket) -> None:
    while True:
        peer.sendall(b" " * 65536)


@pytest.mark.parametrize(
    "head", [b"Content-Length: 9999999999", b"X: y", b"Transfer-Encoding: chunked"]
)
def test_a_huge_answer_is_cut_off(serve: Serve, clock: Clock, head: bytes) -> None:
    def send(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        if b"chunked" in head:
            peer.sendall(b"-1\r\n")  # a chunk without end, to who takes it literally
        flood(peer)

    server = serve(send, answer([1]))
    error = refused(server.url, clock, limits=HubLimits(response_bytes=200_000))
    assert "sent more than 200,000 bytes (1 attempt)" in str(error)


def test_the_size_is_of_all_pages_together(serve: Serve, clock: Clock) -> None:
    pages = page("a" * 300, after="2"), page("b" * 300, after="3"), page("c" * 300)
    size = sum(len(each.partition(b"\r\n\r\n")[2]) for each in pages)
    found = fetch(serve(*pages).url, clock, limits=HubLimits(response_bytes=size))
    assert len(found) == 3
    limits = HubLimits(response_bytes=size - 1)
    assert "sent more than" in str(refused(serve(*pages).url, clock, limits=limits))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", TOKEN])
def test_a_compressed_answer_is_not_unpacked(serve: Serve, clock: Clock, encoding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    server = serve(answer(bomb, Content_Encoding=encoding))
    error = refused(server.url, clock, token=TOKEN)
    assert "sent an answer encoded as " in str(error)


def test_an_identity_encoding_is_no_encoding(serve: Serve, clock: Clock) -> None:
    assert fetch(serve(answer([1], Content_Encoding="Identity")).url, clock) == (1,)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"[1,", "expecting value, line 1, column 4"),
        (b"<html>\n</html>", "expecting value, line 1, column 1"),
        (b"[1] x", "extra data"),
        (b"['a']", "expecting value"),
        (b'["\xff"]', "byte 3 is not UTF-8"),
        ("[1]".encode("utf-16"), "byte 1 is not UTF-8"),
        (b"[NaN]", 'a value is no number: "NaN"'),
        (b"[Infinity]", 'a value is no number: "Infinity"'),
        (b"[-Infinity]", 'a value is no number: "-Infinity"'),
        (b"[1e999]", 'a value is no number: "1e999"'),
        (b'[{"a":1,"a":2}]', 'a key stands twice in one object: "a"'),
        (b'[{"a\\u202e":1,"a\\u202e":2}]', 'twice in one object: "a\\u202e"'),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "several thousand digits"),
    ],
)
def test_json_is_read_strictly(serve: Serve, clock: Clock, body: bytes, words: str) -> None:
    error = refused(serve(answer(body)).url, clock)
    assert "sent an answer that is no JSON: " in str(error)
    assert words in str(error)


@pytest.mark.parametrize("body", [b"1", b'"a"', b"null", b"{}", b'{"items":{}}', b'{"items":null}'])
def test_what_lists_nothing_is_told(serve: Serve, clock: Clock, body: bytes) -> None:
    assert "neither an array nor a page" in str(refused(serve(answer(body)).url, clock))


def test_a_later_page_is_no_array(serve: Serve, clock: Clock) -> None:
    server = serve(page("a", after="2"), answer(repos("b")))
    assert "neither an array nor a page" in str(refused(server.url, clock))


# Pages held against each other


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([page("a", after="2"), page("a")], 'sent "a" on two pages'),
        ([page("a", "b", after="2"), page("c", "a")], 'sent "a" on two pages'),
        ([page("b", after="2"), page("a")], 'not in the order of slugs: "a" after "b"'),
        ([page("b", "a")], 'not in the order of slugs: "a" after "b"'),
        ([page("a", after="2"), page("b", after="2")], 'sent the cursor "2" twice'),
        ([page("a", total=2)], "sent 1 repositories and a total of 2"),
        ([page(total=1)], "sent 0 repositories and a total of 1"),
        ([page("a", total=0)], "sent 1 repositories and a total of 0"),
        (
            [page("a", after="2", total=2), page("b", total=3)],
            "sent a total of 2 and then of 3",
        ),
        ([page("a", total="1")], "total is no number"),
        ([page("a", total=True)], "total is no number"),
        ([page("a", total=-1)], "total is no number"),
        ([page("a", total=10**4000)], "total is no number"),
        ([answer({"items": [], "next_cursor": 2})], "next_cursor is no text"),
        ([answer({"items": [], "next_cursor": False})], "next_cursor is no text"),
    ],
)
def test_pages_that_do_not_fit_together_fail_the_whole(
    serve: Serve, clock: Clock, pages: list[bytes], words: str
) -> None:
    assert words in str(refused(serve(*pages).url, clock))


@pytest.mark.parametrize(
    ("second", "fix"),
    [
        (answer(b"", status=400), "try again later"),
        (answer(b"", status=404), "try again later"),
        (answer(b"[1"), "tell who runs the hub"),
        (answer({"pages": 2}), "tell who runs the hub"),
        (b"SSH-2.0\r\n\r\n", "tell who runs the hub"),
    ],
)
def test_after_a_page_the_address_is_not_in_doubt(
    serve: Serve, clock: Clock, second: bytes, fix: str
) -> None:
    assert refused(serve(second).url, clock).fix.startswith("check that the address")
    found = refused(serve(page("a", after="2"), second).url, clock).fix
    assert found.startswith(fix)
    assert "--snapshot" in found


def test_a_slug_twice_on_one_page_is_for_others_to_judge(serve: Serve, clock: Clock) -> None:
    assert fetch(serve(page("a", "a", "b")).url, clock) == tuple(repos("a", "a", "b"))


def test_a_page_may_be_empty(serve: Serve, clock: Clock) -> None:
    server = serve(page(after="2", total=1), page("a", after="3", total=1), page())
    assert fetch(server.url, clock) == tuple(repos("a"))


def test_pages_have_an_end(serve: Serve, clock: Clock) -> None:
    server = serve(*[page(after=str(number)) for number in range(9)])
    error = refused(server.url, clock, limits=HubLimits(pages=3))
    assert "sent more than 3 pages" in str(error)
    assert len(server.requests) == 3


# The token


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([{TOKEN: 1}]).replace("{", '{"s3cr3t+tok/en==":2,').encode(),
        json.dumps({"items": repos("b" + TOKEN, "a" + TOKEN)}).encode(),
        json.dumps({"items": repos("b" * 50 + TOKEN.upper(), "a")}).encode(),
    ],
)
def test_a_token_that_is_sent_back_is_not_told(serve: Serve, clock: Clock, body: bytes) -> None:
    assert "[redacted" in str(refused(serve(answer(body)).url, clock, token=TOKEN))


@pytest.mark.parametrize("token", ["t", "hub", "redacted", "[", "a%62"])
def test_a_short_token_is_replaced_once(serve: Serve, clock: Clock, token: str) -> None:
    server = serve(page("a", after=f"x{token}x"), page("b", after=f"x{token}x"))
    error = refused(server.url, clock, token=token)
    assert 'sent the cursor "x[redacted:hub-token]x" twice' in str(error)


def test_a_cursor_may_hold_the_token(serve: Serve, clock: Clock) -> None:
    server = serve(page("a", after=TOKEN), page("b", after=TOKEN))
    assert 'the cursor "[redacted:hub-token]"' in str(refused(server.url, clock, token=TOKEN))


@pytest.mark.parametrize(
    "token",
    [
        " s3cr3t",
        "s3cr3t\n",
        "s3cr3t\r\nX: y",
        "s3 cr3t",
        "s3cr3té",
        "s3cr3t\x7f",
        "\ts3cr3t",
        "\x00",
    ],
)
def test_a_token_that_cannot_be_sent_is_refused(clock: Clock, token: str) -> None:
    with pytest.raises(UsageError, match="STATE_HUB_TOKEN") as caught:
        fetch("https://hub.example", clock, token=token)
    assert "cr3t" not in "".join(traceback.format_exception(caught.value)) + caught.value.fix
    assert caught.value.exit_code == 2


def test_an_empty_token_is_none(serve: Serve, clock: Clock) -> None:
    server = serve(answer([]))
    assert fetch(server.url, clock, token="") == ()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "host",
    ["hub.example", "10.0.0.1", "localhost.example", "127.0.0.1.example", "127.1", "0.0.0.0",
     "[::]", "[fe80::1]", "2130706433", "x.localhost"],
)  # fmt: skip
def test_no_token_leaves_this_machine_unencrypted(clock: Clock, host: str) -> None:
    with pytest.raises(UsageError, match="unencrypted") as caught:
        fetch(f"http://{host}:1", clock, token=TOKEN)
    assert "https" in caught.value.fix
    assert caught.value.exit_code == 2
    assert "s3cr3t" not in str(caught.value)


def test_a_token_within_a_name_is_not_told() -> None:
    for url in ("http://s3cr3t.example", "http://s3cr3t.example:0", "https://s3cr3t.example"):
        limits = HubLimits(deadline_s=-1)
        with pytest.raises(KaizenError) as caught:
            fetch_repos(url, token="s3cr3t", limits=limits)
        assert "[redacted:hub-token].example" in str(caught.value)
        assert "s3cr3t" not in str(caught.value)


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "hub.example", "//hub.example", "http:", "http://", "http:///x", "http:/hub",
        "ftp://hub.example", "file:///etc/passwd", "javascript:x", "http+unix://x",
        "http://hub example", " http://hub.example", "http://hub.example\n", "http://hub/\x1b[31m",
        "http://hub\r\nX: y", "http://hub\x00.example", "http://hub/a b", "http://hub\\evil",
        "http://hub.example:", "http://hub:0", "http://hub:65536", "http://hub:99999",
        "http://hub:８0", "http://hub:-1", "http://hub:a", "http://h\u00fcb", "http://h\u200bub",
        "http://a..b", "http://.a", "http://" + "a" * 64, "http://" + "a." * 200 + "b",
        "http://[::1", "http://[::::]", "http://[1.2.3.4]", "http://[fe80::1%25eth0]", "http://%68",
        "http://hub/%", "http://hub/%zz", "http://hub/é", "http://-a",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(clock: Clock, url: str) -> None:
    with pytest.raises(UsageError, match=" is no ") as caught:
        fetch(url, clock)
    assert caught.value.exit_code == 2
    assert caught.value.fix
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "https://s3cr3t@hub.example",
        "https://me:s3cr3t@hub.example/",
        "https://me:s3cr3t@hub example/\n",
        "ftp://me:s3cr3t@hub",
        "me:s3cr3t@hub",
        "http://:@127.0.0.1",
        "https://me\\:s3cr3t@hub.example",
        "https:/me:s3cr3t@hub",
        "https://hub.example?token=s3cr3t",
        "https://hub.example/#s3cr3t",
        "https://hub.example?",
    ],
)
def test_what_could_hold_a_secret_is_refused_and_not_shown(clock: Clock, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        fetch(url, clock)
    told = "".join(traceback.format_exception(caught.value)) + caught.value.fix
    assert "s3cr3t" not in told


def test_where_the_token_belongs_is_told(clock: Clock) -> None:
    for url in ("https://me:pw@hub.example", "https://hub.example?token=x"):
        with pytest.raises(UsageError) as caught:
            fetch(url, clock)
        assert "STATE_HUB_TOKEN" in caught.value.fix


# TLS


def test_a_certificate_is_checked(
    serve: Serve, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = serve(answer([0]), answer([0]), answer([1]))
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(certificate, key)
    url = f"https://localhost:{server.port}"
    assert "has no certificate to trust: " in str(refused(url, clock, token=TOKEN))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    error = refused(f"https://127.0.0.1:{server.port}", clock, token=TOKEN)
    assert "has no certificate to trust: " in str(error)
    assert server.requests == []
    assert fetch(url, clock, token=TOKEN) == (1,)
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_https_to_a_server_without_it_is_told(serve: Serve, clock: Clock) -> None:
    server = serve(*[b""] * 4)
    server.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    error = refused(f"https://127.0.0.1:{server.port}", clock)
    assert "cannot be reached: no TLS connection comes about (4 attempts)" in str(error)


# Events


def test_an_event_is_posted(serve: Serve, clock: Clock) -> None:
    server = serve(answer(b"not JSON", status=202))
    post_event(server.url + "/events/", EVENT, token=TOKEN, sleep=clock.sleep)
    (request,) = server.requests
    assert request.line == "POST /events/ HTTP/1.1"
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.body) == EVENT
    assert request.headers["content-length"] == str(len(request.body))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_event_is_accepted_with_any_success(serve: Serve, clock: Clock, status: int) -> None:
    server = serve(answer(b"", status=status))
    post_event(server.url, {"text": "né"}, sleep=clock.sleep, monotonic=clock.monotonic)
    assert server.requests[0].line == "POST / HTTP/1.1"
    assert server.requests[0].body.isascii()


def test_an_event_is_posted_again_with_the_same_body(serve: Serve, clock: Clock) -> None:
    server = serve(answer(b"", status=503, Retry_After="3"), b"", answer(b"", status=204))
    post_event(server.url, EVENT, sleep=clock.sleep, monotonic=clock.monotonic)
    assert clock.slept == [3, 1.0]
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 3


def test_an_event_is_not_posted_to_where_a_redirect_leads(serve: Serve, clock: Clock) -> None:
    other = serve(answer(b""))
    server = serve(answer(b"", status=307, Location=other.url + "/" + TOKEN), answer(b""))
    with pytest.raises(SourceError, match="redirects to ") as caught:
        post_event(server.url, EVENT, token=TOKEN, sleep=clock.sleep, monotonic=clock.monotonic)
    check(caught.value)
    assert other.requests == []
    assert len(server.requests) == 1


def test_an_event_that_is_not_accepted_is_told(serve: Serve, clock: Clock) -> None:
    for status, words in ((400, "answered 400"), (404, "nothing at this"), (503, "answered 503")):
        server = serve(*[answer(b"", status=status)] * 4)
        with pytest.raises(SourceError, match=words) as caught:
            post_event(server.url, EVENT, sleep=clock.sleep, monotonic=clock.monotonic)
        check(caught.value)
        assert "--snapshot" not in caught.value.fix


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_an_event_that_is_no_json_is_refused(clock: Clock, value: Any) -> None:
    with pytest.raises(UsageError, match="the event holds what JSON cannot"):
        post_event("https://hub.example", {"a": value}, sleep=clock.sleep)


def test_the_address_of_events_is_checked_too(clock: Clock) -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        post_event("http://hub.example", EVENT, token=TOKEN)
