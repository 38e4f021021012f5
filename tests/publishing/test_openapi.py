"""The OpenAPI document, held against the published validator and against the client itself."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

import kaizen_schedule
from kaizen_schedule.edges import hub
from kaizen_schedule.edges.hub import HubLimits, fetch_repos, post_event
from kaizen_schedule.orienting.events import EVENT_LIMIT, PILOT_SCHEMA
from kaizen_schedule.planning.roster import PATH_LIMIT, SLUG_LIMIT, load_roster, slug_problem
from kaizen_schedule.publishing.openapi import CLIENT, PROPOSED, RELIED_ON, build_openapi
from kaizen_schedule.publishing.yaml_text import render_yaml
from kaizen_schedule.reading.errors import KaizenError, SourceError

from .published import GONE, Spoilt, dangling, events, resolve, schemas, spoil, validator

DOCUMENT: Any = build_openapi(schemas(), events())
PATHS = DOCUMENT["paths"]
LIST = "paths/~1repos~1/get"
CHANGE = "paths/~1repos~1{slug}/patch"
POST = "paths/~1events~1/post"
EVENT = f"{POST}/requestBody/content/application~1cloudevents+json"
OPERATIONS = [(path, method) for path, item in PATHS.items() for method in item]
TOKEN = "s3cr3t+tok/en=="

MALFORMED = [
    Spoilt("another version", "openapi", "3.1"),
    Spoilt("no version", "openapi", GONE),
    Spoilt("no title", "info/title", GONE),
    Spoilt("a license without a name", "info/license/name", GONE),
    Spoilt("an unknown key at the top", "hosts", []),
    Spoilt("a path without its slash", "paths/repos", {}),
    Spoilt("an unknown method", "paths/~1repos~1/fetch", {"responses": {}}),
    Spoilt("a response without a description", f"{LIST}/responses/200/description", GONE),
    Spoilt("a status that is none", f"{LIST}/responses/2000", {"description": "x"}),
    Spoilt("responses in a list", f"{LIST}/responses", []),
    Spoilt("no schema of a parameter", f"{LIST}/parameters/0/schema", GONE),
    Spoilt("a parameter in nowhere", f"{LIST}/parameters/0/in", "body"),
    Spoilt("a parameter without a name", f"{LIST}/parameters/0/name", GONE),
    Spoilt("a parameter twice", f"{LIST}/parameters/1/name", "cursor"),
    Spoilt("a default of another type", f"{LIST}/parameters/1/schema/default", "many"),
    Spoilt("an operation's id twice", f"{CHANGE}/operationId", "listRepos"),
    Spoilt("a path's part that is not told of", f"{CHANGE}/parameters", []),
    Spoilt("a path's part that may be left out", f"{CHANGE}/parameters/0/required", False),
    Spoilt("a body of no media type", f"{POST}/requestBody/content", GONE),
    Spoilt("an unknown type", "components/schemas/Repo/type", "struct"),
    Spoilt("what is required in a text", "components/schemas/Repo/required", "slug"),
    Spoilt("an unknown scheme", "components/securitySchemes/hubToken/type", "bearer"),
    Spoilt("a server without an address", "servers/0/url", GONE),
    Spoilt("a tag without a name", "tags/0/name", GONE),
]
DANGLING = [
    Spoilt("no such response", f"{LIST}/responses/401/$ref", "#/components/responses/Other"),
    Spoilt("no such part", "components/schemas/RepoPage/properties/items/items/$ref", "#/$defs/R"),
    Spoilt("a file elsewhere", f"{EVENT}/schema/$ref", "./kaizen-pilot-completed.schema.json"),
    Spoilt("a schema that is gone", "components/schemas/PilotCounts", GONE),
]
FIRST = f"{LIST}/responses/200/content/application~1json/examples/first-page/value"
WRONG = [
    Spoilt("an example without a slug", f"{FIRST}/items/0/slug", GONE),
    Spoilt("a relative path in an example", f"{FIRST}/items/0/host_paths", {"forge-1": "srv/x"}),
    Spoilt("a flag that is a text", f"{FIRST}/items/0/kaizen_schedule_enabled", "false"),
    Spoilt("a cursor that is a number", f"{FIRST}/next_cursor", 2),
    Spoilt("a total below nothing", f"{FIRST}/total", -1),
    Spoilt("a parameter's example of another type", f"{LIST}/parameters/1/example", 0),
    Spoilt("a change of nothing",
           f"{CHANGE}/requestBody/content/application~1merge-patch+json/examples/switch-off/value",
           {}),
    Spoilt("an event that lacks a field",
           f"{EVENT}/examples/completed/value/id",
           GONE),
    Spoilt("a header's example of another form", "components/headers/RetryAfter/example", "soon"),
    Spoilt("a problem of another status",
           "components/responses/TooMany/content/application~1problem+json"
           "/examples/TooMany/value/status", 503),
]  # fmt: skip


def name_of(spoilt: Spoilt) -> str:
    return spoilt.name


def found_by_validator(document: dict[str, Any]) -> list[str]:
    try:  # it raises what its resolver does
        return [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()]
    except Exception as error:
        return [repr(error)]


def deref(part: Any, document: Any = DOCUMENT) -> Any:
    return resolve(document, part["$ref"]) if "$ref" in part else part


def examples(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every example, with where the schema stands that is for it."""

    def media(content: dict[str, Any], at: str) -> Iterator[tuple[str, Any]]:
        for kind, held in content.items():
            where = f"{at}/{kind.replace('/', '~1')}/schema"
            yield from ((where, example["value"]) for example in held["examples"].values())

    for path, item in document["paths"].items():
        for method, operation in item.items():
            at = f"#/paths/{path.replace('/', '~1')}/{method}"
            for number, parameter in enumerate(operation.get("parameters", [])):
                yield f"{at}/parameters/{number}/schema", parameter["example"]
            if body := operation.get("requestBody"):
                yield from media(body["content"], f"{at}/requestBody/content")
            for status, response in operation["responses"].items():
                if "$ref" not in response:
                    yield from media(
                        response.get("content", {}), f"{at}/responses/{status}/content"
                    )
    for name, response in document["components"]["responses"].items():
        yield from media(response["content"], f"#/components/responses/{name}/content")
    for name, header in document["components"]["headers"].items():
        yield f"#/components/headers/{name}/schema", header["example"]


def wrong(document: dict[str, Any]) -> list[str]:
    """What is well-formed and yet not so."""
    found = [
        f"{at}: {error.message}"
        for at, value in examples(document)
        for error in validator(document, at).iter_errors(value)
    ]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                content = deref(response, document).get("content", {})
                told = content.get("application/problem+json", {}).get("examples", {})
                found += [
                    f"{method} {path}: a problem {each['value']['status']} under {status}"
                    for each in told.values()
                    if str(each["value"]["status"]) != status
                ]
    return found


# --- The document ----------------------------------------------------------------------------


def test_the_published_validator_takes_it() -> None:
    assert found_by_validator(DOCUMENT) == []
    assert dangling(DOCUMENT) == []


def test_what_it_says_is_so() -> None:
    assert wrong(DOCUMENT) == []


@pytest.mark.parametrize("spoilt", MALFORMED, ids=name_of)
def test_the_validator_refuses(spoilt: Spoilt) -> None:
    assert found_by_validator(spoil(DOCUMENT, spoilt))


@pytest.mark.parametrize("spoilt", DANGLING, ids=name_of)
def test_a_reference_that_leads_nowhere_is_found(spoilt: Spoilt) -> None:
    assert dangling(spoil(DOCUMENT, spoilt))


@pytest.mark.parametrize("spoilt", WRONG, ids=name_of)
def test_what_is_not_so_is_found(spoilt: Spoilt) -> None:
    assert wrong(spoil(DOCUMENT, spoilt))


def test_it_is_read_back_as_it_was_made() -> None:
    assert yaml.safe_load(render_yaml(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["info"]["version"] == kaizen_schedule.__version__


def test_everything_is_described() -> None:
    def described(part: Any, at: str) -> Iterator[str]:
        for name, held in part.get("properties", {}).items():
            yield from [] if held.get("description") else [f"{at}/{name}"]
            yield from described(held, f"{at}/{name}")

    components = DOCUMENT["components"]
    for name, schema in components["schemas"].items():
        assert schema["description"], name
        assert list(described(schema, name)) == []
    for kind in ("responses", "headers", "securitySchemes"):
        assert all(each["description"] for each in components[kind].values())
    tags = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    for path, method in OPERATIONS:
        operation = PATHS[path][method]
        assert operation["summary"]
        assert operation["description"]
        assert operation["x-status"] in (RELIED_ON, PROPOSED)
        assert set(operation["tags"]) <= set(tags)
        assert all(parameter["description"] for parameter in operation.get("parameters", []))
        assert all(deref(response)["description"] for response in operation["responses"].values())


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_tells_how_it_fails(path: str, method: str) -> None:
    responses = PATHS[path][method]["responses"]
    assert {"401", "403", "429", *map(str, CLIENT["retried"])} <= set(responses)
    assert "WWW-Authenticate" in deref(responses["401"])["headers"]
    for status in ("429", "503"):
        assert "Retry-After" in deref(responses[status])["headers"]


# --- Held against the client -----------------------------------------------------------------


@dataclass
class Asked:
    """A request, as the hub got it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Hub:
    """A hub that answers with the document's examples: by status and name, else the first."""

    url: str
    answers: list[tuple[str, str]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, path: str, method: str) -> tuple[int, dict[str, str], bytes]:
        status, name = self.answers.pop(0)
        response = deref(PATHS[path][method]["responses"][status])
        headers = {
            header: deref(told)["example"] for header, told in response.get("headers", {}).items()
        }
        if "content" not in response:
            return int(status), headers, b""
        ((kind, held),) = response["content"].items()
        shown = held["examples"][name or next(iter(held["examples"]))]["value"]
        headers["Content-Type"] = kind
        return int(status), headers, json.dumps(shown).encode()


@contextmanager
def running(answers: list[tuple[str, str]]) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = parse_qs(target.query, keep_blank_values=True)
            path = target.path.removeprefix("/state")
            this.asked.append(Asked(self.command, path, query, headers, self.rfile.read(length)))
            status, more, body = this.answer(path, self.command.lower())
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 -- the name is the base class's

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        this = Hub(f"http://127.0.0.1:{server.server_port}/state", list(answers))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield this
        finally:
            server.shutdown()
            thread.join(10)


Call = Callable[[Hub, list[float]], Any]


def listing(hub: Hub, slept: list[float]) -> Any:
    return fetch_repos(hub.url, token=TOKEN, sleep=slept.append)


def posting(hub: Hub, slept: list[float]) -> Any:
    return post_event(f"{hub.url}/events/", events()[PILOT_SCHEMA], token=TOKEN, sleep=slept.append)


CALLS: dict[str, tuple[Call, str, str]] = {
    "listRepos": (listing, "/repos/", "get"),
    "postEvent": (posting, "/events/", "post"),
}


def test_what_is_relied_on_is_what_the_client_calls() -> None:
    relied = {
        PATHS[path][method]["operationId"]
        for path, method in OPERATIONS
        if PATHS[path][method]["x-status"] == RELIED_ON
    }
    assert relied == set(CALLS)


@pytest.mark.parametrize(
    "answers", [[("200", "array")], [("200", "first-page"), ("200", "last-page")]]
)
def test_the_client_loads_the_examples(answers: list[tuple[str, str]]) -> None:
    shown = PATHS["/repos/"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]
    with running(answers) as hub:
        items = listing(hub, [])
    assert list(items) == shown["array"]["value"]
    roster = load_roster(items)
    assert roster.faulty == ()
    assert [repo.slug for repo in roster.repos] == [item["slug"] for item in items]
    assert roster.hosts == ("forge-1", "forge-2")


def test_a_whole_document_s_examples_make_a_snapshot() -> None:
    shown = PATHS["/repos/{slug}"]["patch"]["responses"]["200"]["content"]["application/json"]
    items = [example["value"] for example in shown["examples"].values()]
    assert load_roster(items).faulty == ()


@pytest.mark.parametrize("name", CALLS)
def test_what_the_client_sends_is_what_is_told(name: str) -> None:
    call, path, method = CALLS[name]
    operation = PATHS[path][method]
    pages = [("200", "first-page"), ("200", "last-page")]
    with running(pages if method == "get" else [("202", "")]) as hub:
        call(hub, [])
    told = {p["name"]: p for p in operation.get("parameters", []) if p["x-status"] == RELIED_ON}
    used: set[str] = set()
    for asked in hub.asked:
        assert asked.path == path
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        for header, value in {**CLIENT["sends"][asked.method], **CLIENT["sends"]["always"]}.items():
            assert asked.headers[header.lower()] == value
        # Nothing else but what belongs to HTTP itself.
        sent = {h.lower() for h in (*CLIENT["sends"][asked.method], *CLIENT["sends"]["always"])}
        assert set(asked.headers) - sent <= {"host", "authorization", "content-length"}
        used |= set(asked.query)
        for key, values in asked.query.items():
            number = [p["name"] for p in operation["parameters"]].index(key)
            at = f"#/paths/{path.replace('/', '~1')}/{method}/parameters/{number}/schema"
            assert all(validator(DOCUMENT, at).is_valid(value) for value in values)
        if asked.body:
            kind = asked.headers["content-type"].replace("/", "~1")
            at = f"#/{POST}/requestBody/content/{kind}/schema"
            assert validator(DOCUMENT, at).is_valid(json.loads(asked.body))
            assert len(asked.body) < EVENT_LIMIT
    assert used == set(told)


def test_the_cursor_is_sent_back_as_it_came() -> None:
    with running([("200", "first-page"), ("200", "last-page")]) as hub:
        listing(hub, [])
    shown = PATHS["/repos/"]["get"]
    cursor = shown["responses"]["200"]["content"]["application/json"]["examples"]["first-page"]
    assert [asked.query for asked in hub.asked] == [
        {},
        {"cursor": [cursor["value"]["next_cursor"]]},
    ]
    assert shown["parameters"][0]["example"] == cursor["value"]["next_cursor"]


FAILURES = [
    (name, status)
    for name, (_, path, method) in CALLS.items()
    for status in PATHS[path][method]["responses"]
    if status >= "300"
]


@pytest.mark.parametrize(("name", "status"), FAILURES)
def test_the_client_takes_each_failure_as_is_told(name: str, status: str) -> None:
    call, path, method = CALLS[name]
    slept: list[float] = []
    response = deref(PATHS[path][method]["responses"][status])
    attempts = CLIENT["attempts"] if int(status) in CLIENT["retried"] else 1
    with running([(status, "")] * 9) as hub, pytest.raises(SourceError):
        call(hub, slept)
    assert len(hub.asked) == attempts
    again = "asks again" in response["description"]
    assert again is (attempts > 1)
    if "Retry-After" in response.get("headers", {}):
        assert slept == [float(deref(response["headers"]["Retry-After"])["example"])] * 3
    else:
        assert slept == [CLIENT["back_off_s"] * 2**n for n in range(attempts - 1)]


def test_the_client_s_limits_are_what_is_told() -> None:
    told = {key: CLIENT[key] for key in asdict(HubLimits())}
    assert told == asdict(HubLimits())
    assert set(CLIENT) - set(told) == {"sends", "retried"}
    assert set(CLIENT["retried"]) == hub._RETRIED
    for value in (CLIENT["attempts"], f"{CLIENT['response_bytes']:,}", CLIENT["deadline_s"]):
        assert str(value) in DOCUMENT["info"]["description"]


# What a hub may send, and what the client makes of it, by the document and in fact.

NAMES = st.sampled_from(["a", "forge-1", " x ", "", " ", "a\0", "é" * 100, "a" * 200, "a" * 201])
HELD = st.sampled_from(["/srv/a", "/", "srv/a", "", " /a", "/a\0", "/" + "a" * PATH_LIMIT, 7, None])
ITEMS: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "slug": NAMES | st.none() | st.integers(),
            "host_paths": st.dictionaries(NAMES, HELD, max_size=2) | st.none() | st.just([]),
            "kaizen_schedule_enabled": st.none() | st.booleans() | st.sampled_from(["no", 0, 1.0]),
            "views": st.integers(),
        },
    ),
    st.none() | st.integers() | st.text(max_size=3) | st.just([]),
)


@given(ITEMS)
def test_an_item_is_sound_where_the_document_says_so(item: Any) -> None:
    told = validator(DOCUMENT, "#/components/schemas/Repo").is_valid(item)
    assert told is (not load_roster([item]).faulty)


def test_a_name_is_bounded_in_bytes_which_no_schema_can_say() -> None:
    item: dict[str, Any] = {"slug": "é" * SLUG_LIMIT, "host_paths": {}}
    holds = validator(DOCUMENT, "#/components/schemas/Repo")
    assert holds.is_valid(item)
    assert load_roster([item]).faulty
    assert "bytes" in DOCUMENT["components"]["schemas"]["Repo"]["properties"]["slug"]["description"]


def patterns(part: Any) -> Iterator[str]:
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if key == "pattern":
            yield value
        elif isinstance(value, dict | list):
            yield from patterns(value)


def test_a_blank_name_is_the_same_in_every_dialect_of_expressions() -> None:
    holds = validator(DOCUMENT, "#/components/schemas/Repo/properties/slug")
    for code in range(0x3100):
        assert holds.is_valid(chr(code)) is (not slug_problem(chr(code))), hex(code)
    # ECMAScript, which JSON Schema refers to, and Python differ in what these take in.
    assert not [each for each in patterns(DOCUMENT) if re.search(r"\\[sSwWdDbB.]|\[\[:", each)]


@dataclass
class Answered:
    """One page, in place of a connection."""

    page: Any

    def __call__(self, *_: Any, **__: Any) -> bytes:
        return json.dumps(self.page).encode()


PAGES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "items": st.just([]) | st.none() | st.just({}),
        "next_cursor": st.sampled_from([None, "", 7, False]),
        "total": st.sampled_from([None, 0, -1, 10**9, "0", True, 0.5]),
        "more": st.booleans(),
    },
)


@given(PAGES)
def test_a_page_is_taken_where_the_document_says_so(page: Any) -> None:
    told = validator(DOCUMENT, "#/components/schemas/RepoPage").is_valid(page)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub._Hub, "ask", Answered(page))
        try:
            taken = fetch_repos("https://hub.example") == ()
        except KaizenError:
            taken = False
    assert taken is told


def test_the_arguments_stay_as_they_are() -> None:
    before = deepcopy((schemas(), events()))
    build_openapi(schemas(), events())
    assert (schemas(), events()) == before
