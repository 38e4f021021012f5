"""The reference hub: built from the OpenAPI document, driven by it, and held against its words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conformance.hub.app import BODY_LIMIT, Settings, build
from conformance.hub.contract import DOCUMENT, Contract, NotAsDocumented
from conformance.hub.examples import ITEMS, READING, ROOT, SLUGS, TOKEN, Answer, ask, item, run
from conformance.hub.faults import NEWCOMER, Deviation, Faults
from conformance.hub.serve import Hub, serve
from conformance.hub.storage import KEPT_VERSIONS, Storage
from conformance.proof import HUB, State

SETTINGS = ROOT / "conformance" / "hub" / "schemathesis.toml"
EVENTS, MERGE = "application/cloudevents+json", "application/merge-patch+json"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """An honest hub that answers in pages of two."""
    with serve(tmp_path / "hub.db", token=TOKEN, reading_token=READING, page_size=2) as running:
        running.put(ITEMS)
        yield running


def pages(hub: Hub, query: str = "") -> list[Any]:
    """Every page of a list, by its cursors alone."""
    found = [ask(hub, "GET", f"/repos/{query}").value]
    while cursor := found[-1]["next_cursor"]:
        found.append(ask(hub, "GET", f"/repos/?cursor={quote(cursor)}").value)
    return found


def slugs(found: Sequence[Any]) -> list[str]:
    return [each["slug"] for page in found for each in page["items"]]


# --- The document drives the hub -----------------------------------------------------------------


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that is changed as Schemathesis likes; its tables of characters are kept beside it."""
    folder = tmp_path_factory.mktemp("driven")
    with serve(folder / "hub.db", token=TOKEN, page_size=2) as running:
        yield running


def drive(hub: Hub, *more: str) -> Any:
    """Have Schemathesis drive a hub from the document; its report."""
    told = Contract().document["paths"]["/repos/"]["get"]["responses"]["200"]
    hub.put(told["content"]["application/json"]["examples"]["array"]["value"])
    folder = hub.database.parent
    report_file = folder / "report.json"
    report_file.unlink(missing_ok=True)
    program = Path(sys.executable).with_name("schemathesis")
    done = run(
        [
            program, "--config-file", SETTINGS, "run", DOCUMENT, "--url", hub.url,
            "--header", f"Authorization: Bearer {TOKEN}", "--checks", "all", "--seed", "1",
            "--generation-database", "none", "--no-color",
            "--report", "json", "--report-json-path", report_file, *more,
        ],
        folder,
    )  # fmt: skip
    assert report_file.exists(), done.out + done.err
    report = json.loads(report_file.read_bytes())
    assert report["exit_code"] == done.code
    assert report["complete"]
    assert report["errors"] == [], done.out
    return report


def test_the_document_drives_the_hub_and_finds_nothing(driven: Hub, state: State) -> None:
    report = drive(driven, "--max-examples", "10")
    assert report["failures"] == []
    assert report["exit_code"] == 0
    assert not any(report["warnings"].values()), report["warnings"]
    assert report["operations"]["tested"] == report["operations"]["total"] == 3
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    assert report["test_cases"]["generated"] > 200
    assert driven.events()
    state(HUB, "Schemathesis drives a small hub from the OpenAPI document, with every check that it"
          " has, and finds nothing", operations=report["operations"]["tested"])  # fmt: skip


# Each deviation, the operation it is planted in, and what Schemathesis calls it.
FOUND = {
    Deviation.SLUG_IS_A_NUMBER: ("GET /repos/", "JsonSchemaError"),
    Deviation.PROBLEM_IS_TEXT: ("GET /repos/", "UndefinedContentType"),
    Deviation.CRASHES: ("GET /repos/", "ServerError"),
    Deviation.OTHER_STATUS: ("POST /events/", "UndefinedStatusCode"),
    Deviation.REFUSES_SOUND: ("POST /events/", "RejectedPositiveData"),
    Deviation.TAKES_ANYTHING: ("PATCH /repos/{slug}", "AcceptedNegativeData"),
    Deviation.OPEN_DOOR: ("PATCH /repos/{slug}", "IgnoredAuth"),
    Deviation.ANY_METHOD: ("TRACE /repos/", "UnsupportedMethodResponse"),
}


def test_what_is_not_in_the_document_is_found(driven: Hub, state: State) -> None:
    assert set(FOUND) == set(Deviation)
    more = ("--phases", "coverage", "--max-examples", "5", "--no-shrink", "--continue-on-failure")
    with driven.planted(Faults(deviations=tuple(Deviation))):
        report = drive(driven, *more)
    assert report["exit_code"] == 1
    found = {(at, each["type"]) for each in report["failures"] for at in each["operations"]}
    assert set(FOUND.values()) <= found
    state(
        HUB, "deviations that are planted in that hub are each found by it", deviations=len(FOUND)
    )


def test_an_answer_that_is_not_as_documented_is_not_sent() -> None:
    (listing,) = [each for each in Contract().operations if each.id == "listRepos"]
    sound: Any = {"items": [item("a")], "next_cursor": None, "total": 1}
    values: tuple[Any, ...] = ([item("a")], sound, {"items": []})
    for value in values:
        listing.check_answer(200, "application/json", json.dumps(value).encode())
    odd: tuple[tuple[int, str, Any], ...] = (
        (204, "", ""),
        (200, "text/html", sound),
        (200, "application/json", {**sound, "total": "1"}),
        (200, "application/json", {**sound, "items": [{"slug": 7, "host_paths": {}}]}),
        (200, "application/json", [{"slug": "a"}]),
        (400, "application/problem+json", {"title": "Bad request"}),
    )
    for status, kind, value in odd:
        with pytest.raises(NotAsDocumented):
            listing.check_answer(status, kind, json.dumps(value).encode())


def test_every_operation_of_the_document_is_written(tmp_path: Path) -> None:
    contract, storage = Contract(), Storage(tmp_path / "hub.db")
    build(storage, Settings(), contract)
    del contract.document["paths"]["/events/"]
    contract.operations = contract.operations[:-1]
    with pytest.raises(ValueError, match="postEvent"):
        build(storage, Settings(), contract)


# --- What the document says in words -------------------------------------------------------------


def test_pages_are_in_the_order_of_bytes_and_say_one_total(hub: Hub) -> None:
    found = pages(hub)
    assert [len(page["items"]) for page in found] == [2, 2, 2, 1]
    assert slugs(found) == list(SLUGS) == sorted(SLUGS, key=str.encode)
    assert {page["total"] for page in found} == {len(ITEMS)}
    assert [each for page in found for each in page["items"]] == list(ITEMS)
    cursors = [page["next_cursor"] for page in found]
    assert len(set(cursors)) == len(cursors)


def test_a_cursor_holds_the_filters_and_a_limit_makes_pages(hub: Hub, tmp_path: Path) -> None:
    assert slugs(pages(hub, "?host=forge-2")) == ["ledger"]
    assert slugs(pages(hub, "?host=forge-9")) == []
    assert slugs(pages(hub, "?kaizen_schedule_enabled=false")) == ["_x"]
    others = [slug for slug in SLUGS if slug != "_x"]
    found = pages(hub, "?kaizen_schedule_enabled=true&limit=1")
    assert len(found[0]["items"]) == 1
    assert slugs(found) == others
    assert {page["total"] for page in found} == {len(others)}
    with serve(tmp_path / "array.db") as array:
        array.put(ITEMS)
        assert ask(array, "GET", "/repos/").value == list(ITEMS)
        assert slugs([ask(array, "GET", "/repos/?limit=3").value]) == list(SLUGS[:3])


def test_who_has_begun_sees_the_list_as_it_was(hub: Hub) -> None:
    first = ask(hub, "GET", "/repos/").value
    hub.put([NEWCOMER, item("ledger", kaizen_schedule_enabled=False)])
    hub.remove("é")
    hub.kill()
    hub.start()
    found = [first]
    while cursor := found[-1]["next_cursor"]:
        found.append(ask(hub, "GET", f"/repos/?cursor={quote(cursor)}").value)
    assert [each for page in found for each in page["items"]] == list(ITEMS)
    now = slugs(pages(hub))
    assert now == sorted({*SLUGS, NEWCOMER["slug"]} - {"é"}, key=lambda slug: str(slug).encode())
    storage = Storage(hub.database)
    for number in range(KEPT_VERSIONS):
        storage.put([item("B", views=number)])
    gone = ask(hub, "GET", f"/repos/?cursor={quote(first['next_cursor'])}")
    assert (gone.status, gone.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "query",
    ["cursor=", "cursor=nothing", "cursor=W10", "cursor=a&cursor=b", "cursor=%ff",
     "cursor=WzEsIlx1ZDgwMCIsbnVsbCxudWxsXQ", "cursor=W1RydWUsImEiLG51bGwsbnVsbF0",
     "cursor=" + "W1tb" * 5000,
     "limit=0", "limit=1001", "limit=1.0", "limit=", "limit=%31%ef%bc%91", "limit=" + "9" * 5000,
     "kaizen_schedule_enabled=True", "kaizen_schedule_enabled=null", "host=", "host=%20",
     "host=%00", "host=" + "a" * 201],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(shared: Hub, query: str) -> None:
    found = ask(shared, "GET", f"/repos/?{query}")
    assert (found.status, found.value["status"]) == (400, 400)


def test_a_change_is_a_merge_patch(hub: Hub) -> None:
    def change(slug: str, value: Any, **more: Any) -> Answer:
        target = f"/repos/{quote(slug, safe='')}"
        return ask(hub, "PATCH", target, json.dumps(value).encode(), kind=MERGE, **more)

    for slug in SLUGS:
        assert change(slug, {"kaizen_schedule_enabled": False}).value["slug"] == slug
    assert change("a/b c%2F?#", {"host_paths": {}}).value == {
        **item("a/b c%2F?#", kaizen_schedule_enabled=False, views=12)
    }
    assert change("ledger", {"kaizen_schedule_enabled": None}).value == ITEMS[3]
    moved = change("ledger", {"host_paths": {"forge-1": None, "forge-3": "/x"}})
    assert moved.value["host_paths"] == {"forge-2": "/data/l", "forge-3": "/x"}
    assert change("nobody", {"host_paths": {}}).status == 404
    refused: tuple[Any, ...] = (
        {},
        [],
        {"slug": "x"},
        {"host_paths": {"h": "x"}},
        {"host_paths": {" ": "/"}},
        {"host_paths": {"é" * 101: "/"}},
        {"host_paths": {"h": "/" + "é" * 2048}},
        {"host_paths": {"\ud800": "/"}},
    )
    for wrong in refused:
        assert change("ledger", wrong).status == 400, wrong
    assert [each["slug"] for each in ask(hub, "GET", "/repos/?host=forge-3").value["items"]] == [
        "ledger"
    ]


def test_who_may_do_what(hub: Hub) -> None:
    sound = b'{"kaizen_schedule_enabled": false}'
    for token, reads, changes in ((TOKEN, 200, 200), (READING, 200, 403), ("other", 401, 401)):
        assert ask(hub, "GET", "/repos/", token=token).status == reads
        changed = ask(hub, "PATCH", "/repos/B", sound, token=token, kind=MERGE)
        assert changed.status == changes
        posted = ask(hub, "POST", "/events/", b"{}", token=token, kind=EVENTS)
        assert posted.status == (400 if changes == 200 else changes)
    nobody = ask(hub, "GET", "/repos/", token=None)
    assert (nobody.status, nobody.headers["www-authenticate"]) == (
        401,
        'Bearer realm="state-hub"',
    )


def test_what_is_not_foreseen_is_refused(shared: Hub) -> None:
    large = json.dumps({"specversion": "1.0", "id": "a" * BODY_LIMIT}).encode()
    for method, target, body, kind, status in (
        ("GET", "/repos", None, None, 404),
        ("GET", "/", None, None, 404),
        ("GET", "/repos/a/b", None, None, 404),
        ("DELETE", "/repos/B", None, None, 405),
        ("GET", "/repos/B", None, None, 405),
        ("OPTIONS", "/events/", None, None, 405),
        ("PATCH", "/repos/%ff", b"{}", MERGE, 400),
        ("PATCH", "/repos/B", b"{}", "application/json", 415),
        ("POST", "/events/", b"{}", None, 415),
        ("POST", "/events/", b"{", EVENTS, 400),
        ("POST", "/events/", b"[" * 60_000, EVENTS, 400),
        ("POST", "/events/", b'{"id": 1e999}', EVENTS, 400),
        ("POST", "/events/", b'{"id": NaN}', EVENTS, 400),
        ("POST", "/events/", large, EVENTS, 413),
    ):
        found = ask(shared, method, target, body, kind=kind)
        assert (found.status, found.value["status"]) == (status, status), (method, target)
        assert found.headers["content-type"] == "application/problem+json"
        assert ("allow" in found.headers) is (status == 405)
