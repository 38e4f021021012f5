"""What an editor makes of the manifest's schema: the real YAML language server, over its pipes."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from kaizen_schedule.edges.packaged import schema
from kaizen_schedule.edges.scaffold import SCHEMA_URL, render_manifest
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.roster_file import example
from kaizen_schedule.reading.diagnostics import SITE
from tests.npm import npm_tree

pytestmark = pytest.mark.slow

SERVER = (
    "yaml-language-server",
    "2.0.0",
    "sha512-vT6ZEMTkXJA9Ixo07ByLgPkkt/L22fJdVDGAoB3EpPq3DCfKkMYeEeZdK5ECU6alwFUofhETo94/OV8GUxGuBg==",
)
MODELINE = f"# yaml-language-server: $schema={SCHEMA_URL}\n"
SETTINGS: dict[str, Any] = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    },
    "http": {},
    "[yaml]": {},
    "editor": {},
}
ERROR = 1
SKELETON = 7
"""The kind of what the server makes up of several keys."""


class Editor:
    """A client of the language server that knows of the schemas only what the server asks for."""

    def __init__(self, program: Path) -> None:
        self.asked: list[str] = []
        """The addresses of schemas that the server asked for, in order."""
        self._numbers = 0
        self._opened = 0
        self._published: dict[str, list[dict[str, Any]]] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._configured = False
        self._inbox: Queue[dict[str, Any]] = Queue()
        self._process = subprocess.Popen(
            ["node", program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # --- What a test does with it ---

    def start(self) -> None:
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {"publishDiagnostics": {}, "hover": {"contentFormat": ["markdown"]}},
        }
        self.request(
            "initialize", {"processId": None, "rootUri": None, "capabilities": capabilities}
        )
        # From here on whatever has an https address is asked of this client, not of the network.
        self._send({"method": "yaml/registerContentRequest", "params": {}})
        self._send({"method": "initialized", "params": {}})
        self._wait(lambda: self._configured)

    def open(self, text: str) -> str:
        """Open a new document; return its address."""
        self._opened += 1
        uri = f"file:///checkout-{self._opened}/.kaizen/schedule.yml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        self._wait(lambda: uri in self._published)
        return self._published[uri]

    def request(self, method: str, params: Any) -> Any:
        self._numbers += 1
        number = self._numbers
        self._send({"id": number, "method": method, "params": params})
        self._wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        place = {"line": line, "character": character}
        return self.request(
            f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": place}
        )

    def stop(self) -> None:
        try:
            self.request("shutdown", None)
            self._send({"method": "exit"})
            assert self._process.wait(10) == 0
        finally:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._reader.join(10)

    # --- The protocol ---

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        while head := pipe.readline():
            while pipe.readline().strip():
                pass  # no other header says anything here
            self._inbox.put(json.loads(pipe.read(int(head.split(b":")[1]))))
        self._inbox.put({"method": "gone"})

    def _wait(self, until: Callable[[], bool], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            try:
                message = self._inbox.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:
                pytest.fail(f"the server was silent for {seconds:g} s")
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params")
        if method is None:
            self._answers[message["id"]] = message
        elif method == "gone":
            pytest.fail("the server is gone")
        elif method == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message:
            self._send({"id": message["id"], **self._reply(method, params)})

    def _reply(self, method: str, params: Any) -> dict[str, Any]:
        if method == "workspace/configuration":
            self._configured = True
            return {"result": [SETTINGS[item["section"]] for item in params["items"]]}
        if method == "vscode/content":
            (address,) = params
            self.asked.append(address)
            name = address.removeprefix(f"{SITE}contracts/").removesuffix(".schema.json")
            return {"result": schema(name)}
        return {"result": None}


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    program = npm_tree(*SERVER, before="2026-11-01") / "bin" / "yaml-language-server"
    running = Editor(program)
    try:
        running.start()
        yield running
    finally:
        running.stop()


MANIFEST = render_manifest(timezone="Europe/Berlin", prompts={})


def place(text: str, part: str) -> tuple[int, int]:
    """Line and character of a part, from 0; of its middle, as a pointer would hover."""
    before = text[: text.index(part) + len(part) // 2]
    return before.count("\n"), len(before.rpartition("\n")[2])


def hover(editor: Editor, uri: str, text: str, part: str) -> str:
    """What is shown over a part, as markdown."""
    shown = editor.at("hover", uri, *place(text, part))
    assert shown is not None, f"nothing is shown over {part}"
    value: str = shown["contents"]["value"]
    return value


def labels(editor: Editor, text: str, part: str) -> list[str]:
    """What is offered behind a part."""
    before = text[: text.index(part) + len(part)]
    line, character = before.count("\n"), len(before.rpartition("\n")[2])
    return [
        item["label"]
        for item in editor.at("completion", editor.open(text), line, character)["items"]
        if item["kind"] != SKELETON
    ]


def test_a_new_manifest_has_no_finding_and_its_own_schema(editor: Editor) -> None:
    uri = editor.open(MANIFEST)
    assert MANIFEST.startswith(MODELINE)
    assert editor.diagnostics(uri) == []
    (used,) = editor.request("yaml/get/jsonSchema", uri)
    assert used["uri"] == SCHEMA_URL
    assert SCHEMA_URL in editor.asked


@pytest.mark.parametrize(
    ("good", "bad", "part", "words"),
    [
        ("cadence: weekly", "cadence: weely", "weely", [cadence.value for cadence in Cadence]),
        ("cadence: weekly", "cadance: weekly", "cadance", ["cadance"]),
        ("enabled: false", "enabled: yes", "yes", ["boolean"]),
        ('version: "1"', "version: 1", "1", ["string"]),
        ("  coach:", "  co ach:", "co ach", ["co ach"]),
        ("cadence: monthly", "cron: 0 9 1 * *", "tdd-workflow", ["cadence"]),
        ("cadence: monthly", "cadence: monthly\n    review: must", "must", ["required"]),
        ("timezone: Europe/Berlin", "timezone: 1", "1", ["string"]),
    ],
)
def test_a_mistake_is_shown_where_it_is(
    editor: Editor, good: str, bad: str, part: str, words: list[str]
) -> None:
    assert good in MANIFEST
    text = MANIFEST.replace(good, bad, 1)
    found = editor.diagnostics(editor.open(text))
    shown = [f["message"] for f in found if covers(f["range"], text, bad, part)]
    assert any(all(word in message for word in words) for message in shown), found
    assert {f["severity"] for f in found} == {ERROR}


def covers(area: dict[str, Any], text: str, bad: str, part: str) -> bool:
    """Whether a part of what is bad stands in an area, or the area begins it."""
    start = text.index(bad)
    if part in bad:
        start += bad.index(part)
    else:
        start = text.rindex(part, 0, start)  # what lacks something stands above
    line, character = text[:start].count("\n"), len(text[:start].rpartition("\n")[2])
    first, last = area["start"], area["end"]
    return (
        (first["line"], first["character"])
        <= (line, character)
        <= (last["line"], last["character"])
    )


def test_without_the_modeline_nothing_is_known(editor: Editor) -> None:
    text = MANIFEST.removeprefix(MODELINE).replace("weekly", "weely", 1)
    uri = editor.open(text)
    assert editor.diagnostics(uri) == []
    assert editor.at("hover", uri, *place(text, "cadence")) is None


def test_every_cadence_is_offered(editor: Editor) -> None:
    text = f'{MODELINE}version: "1"\nagents:\n  coach:\n    cadence: \n'
    assert labels(editor, text, "cadence: ") == [cadence.value for cadence in Cadence]


def test_the_keys_are_offered(editor: Editor) -> None:
    entry = f'{MODELINE}version: "1"\nagents:\n  coach:\n    \n'
    assert labels(editor, entry, "coach:\n    ") == ["cadence", "cron", "enabled", "review"]
    assert labels(editor, MODELINE, MODELINE) == ["version", "enabled", "timezone", "agents"]


@pytest.mark.parametrize(
    ("part", "route"),
    [
        ("version", ("version",)),
        ("timezone", ("timezone",)),
        ("agents:", ("agents",)),
        ("cadence", ("Entry", "cadence")),
        ("enabled", ("Entry", "enabled")),
    ],
)
def test_what_a_key_means_is_shown_over_it(
    editor: Editor, part: str, route: tuple[str, ...]
) -> None:
    plain = json.loads(schema("manifest"))
    held = plain if len(route) == 1 else plain["$defs"][route[0]]
    meaning, _, address = held["properties"][route[-1]]["description"].partition("\n")
    shown = hover(editor, editor.open(MANIFEST), MANIFEST, part)
    assert meaning in shown
    assert address.strip() in shown


def test_the_cadences_are_listed_over_the_key(editor: Editor) -> None:
    shown = hover(editor, editor.open(MANIFEST), MANIFEST, "cadence")
    assert all(f"* `{cadence.value}`" in shown for cadence in Cadence)


class TestRoster:
    TEXT = example()

    def test_the_example_has_no_finding(self, editor: Editor) -> None:
        uri = editor.open(self.TEXT)
        assert editor.diagnostics(uri) == []
        assert "An operator's roster" in editor.request("yaml/get/jsonSchema", uri)[0]["name"]

    def test_a_mistake_is_shown_where_it_is(self, editor: Editor) -> None:
        text = self.TEXT.replace("host_paths", "host_path", 1)
        found = editor.diagnostics(editor.open(text))
        (shown,) = [f for f in found if covers(f["range"], text, "host_path:", "host_path")]
        assert "host_path" in shown["message"]

    def test_a_relative_path_is_shown(self, editor: Editor) -> None:
        text = self.TEXT.replace("/srv/the-custodian", "srv/the-custodian")
        (shown,) = editor.diagnostics(editor.open(text))
        assert covers(shown["range"], text, "srv/the-custodian", "srv/the-custodian")
