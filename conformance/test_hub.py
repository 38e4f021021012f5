"""The program against the reference hub, which is honest or has a fault: all of it or nothing."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from conformance.hub.contract import DOCUMENT
from conformance.hub.examples import ITEMS, READING, TOKEN, Result, run
from conformance.hub.faults import NEWCOMER, Faults
from conformance.hub.serve import Hub, serve
from conformance.proof import HUB, State
from kaizen_schedule.api.pilot import post_progress
from kaizen_schedule.edges.hub import HubLimits, fetch_repos
from kaizen_schedule.reading.errors import SourceError

AT = "2026-11-24T12:00:00Z"
QUICK = HubLimits(timeout_s=0.2, back_off_s=0.01)


def schedule(*words: str | Path, folder: Path, token: str = TOKEN) -> Result:
    program = (sys.executable, "-m", "kaizen_schedule", "schedule")
    return run((*program, *words), folder, **({"STATE_HUB_TOKEN": token} if token else {}))


def roster(*source: str | Path, folder: Path, token: str = TOKEN) -> Result:
    words = ("roster", *source, "--host", "forge-1", "--now", AT, "--format", "json")
    return schedule(*words, folder=folder, token=token)


# --- The program asks it -------------------------------------------------------------------------


def test_a_hub_in_either_form_and_a_snapshot_give_one_answer(
    shared: Hub, tmp_path: Path, state: State
) -> None:
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text(json.dumps(ITEMS))
    with serve(tmp_path / "array.db", token=TOKEN) as array:
        array.put(reversed(ITEMS))
        found = [
            roster("--hub", array.url, folder=tmp_path),
            roster("--hub", shared.url, folder=tmp_path),
            roster("--hub", shared.url, folder=tmp_path, token=READING),
            roster("--snapshot", snapshot, folder=tmp_path, token=""),
        ]
    assert [(each.code, each.err) for each in found] == [(0, "")] * 4
    answers = [json.loads(each.out) for each in found]
    assert answers == [answers[-1]] * 4
    assert len(answers[0]["repos"]) == len(ITEMS)
    assert len(answers[0]["roster_digest"]) == 64
    state(HUB, "`schedule roster --hub` reads it in pages and in one array; a snapshot gives the"
          " same answer", repositories=len(ITEMS))  # fmt: skip


def test_the_token_is_asked_for_by_name(shared: Hub, tmp_path: Path) -> None:
    for token, words in (("", "wants a token"), ("other", "refused the token")):
        done = roster("--hub", shared.url, folder=tmp_path, token=token)
        assert (done.code, done.out) == (3, "")
        assert words in done.err
        assert "fix: set STATE_HUB_TOKEN to a token of this hub" in done.err


# What is planted, what is said of it, and what is to be done.
LATER, TELL = "try again later", "tell who runs the hub"
FAULTS: dict[str, tuple[Faults, str, str]] = {
    "a page fails": (Faults(fails_page=2), "answered 500 (4 attempts)", LATER),
    "the first one, too": (Faults(fails_page=1, fails_with=503), "answered 503 (4 ", LATER),
    "a page is refused": (Faults(fails_page=3, fails_with=400), "answered 400 (1 attempt)", LATER),
    "a slug on two pages": (Faults(repeats_slug=True), 'sent "_x" on two pages', LATER),
    "one too many": (Faults(total_off_by=1), "sent 7 repositories and a total of 8", LATER),
    "one too few": (Faults(total_off_by=-1), "sent 7 repositories and a total of 6", LATER),
    "JSON that ends early": (Faults(cuts_page=2), "sent an answer that is no JSON", TELL),
    "no end of it": (Faults(pads_with=65), "sent more than 67,108,864 bytes", TELL),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_it_with_3_and_nothing_is_used(
    shared: Hub, tmp_path: Path, name: str, state: State
) -> None:
    faults, words, fix = FAULTS[name]
    with shared.planted(faults):
        done = roster("--hub", shared.url, "-o", "out.json", folder=tmp_path)
    refused(done, shared, words, fix)
    assert list(tmp_path.iterdir()) == []
    if name == next(iter(FAULTS)):
        state(HUB, "a hub that fails in a page ends the reading with exit code 3; nothing of what"
              " it sent is used", faults=len(FAULTS))  # fmt: skip


def refused(done: Result, hub: Hub, words: str, fix: str) -> None:
    """See that a call ended as a hub's failure does: where, what, and what to do."""
    assert (done.code, done.out) == (3, "")
    where = urlsplit(hub.url).netloc
    told = " ".join(done.err.split())
    assert told.startswith(f"error: the hub at {where} {words}"), done.err
    assert f"fix: {fix}" in told
    assert "--snapshot FILE" in told
    assert "Traceback" not in done.err
    assert TOKEN not in done.err


def test_a_hub_that_goes_away_half_way_is_waited_for_and_then_told(tmp_path: Path) -> None:
    troubles = {
        "dies": (Faults(dies_on_page=2), "cannot be reached: connection refused (4 attempts)"),
        "breaks": (Faults(breaks_off_page=2), "broke off its answer (4 attempts)"),
    }
    with ExitStack() as stack, ThreadPoolExecutor() as pool:  # their waits pass side by side
        hubs = {
            name: stack.enter_context(
                serve(tmp_path / f"{name}.db", token=TOKEN, page_size=2, faults=faults)
            )
            for name, (faults, _) in troubles.items()
        }
        for each in hubs.values():
            each.put(ITEMS)
        asked = {
            name: pool.submit(roster, "--hub", each.url, folder=tmp_path)
            for name, each in hubs.items()
        }
        for name, (_, words) in troubles.items():
            refused(asked[name].result(), hubs[name], words, LATER)
        assert (hubs["dies"].alive, hubs["breaks"].alive) == (False, True)
        first, *again = [each.target for each in hubs["breaks"].asked()]
        assert first == "/state/repos/"
        assert len(again) == 4
        assert len(set(again)) == 1


def test_a_hub_that_is_begun_again_in_time_is_read_to_the_end(tmp_path: Path) -> None:
    with serve(tmp_path / "hub.db", token=TOKEN, page_size=2) as hub:
        hub.put(ITEMS)
        hub.plant(Faults(dies_on_page=2))
        lives: list[float] = []

        def meanwhile(seconds: float) -> None:
            lives.append(seconds)
            hub.await_end()
            hub.plant(Faults())
            hub.put([NEWCOMER])
            hub.start()

        assert fetch_repos(hub.url, token=TOKEN, sleep=meanwhile) == tuple(ITEMS)
        assert lives == [0.5]
        assert len(fetch_repos(hub.url, token=TOKEN)) == len(ITEMS) + 1


def test_a_hub_ends_with_whoever_began_it(tmp_path: Path) -> None:
    with serve(tmp_path / "hub.db") as hub:
        assert hub.process is not None
        assert hub.process.stdin is not None
        hub.process.stdin.close()
        hub.await_end()
        assert not hub.alive


def test_a_roster_that_changes_between_pages(tmp_path: Path) -> None:
    with serve(tmp_path / "hub.db", token=TOKEN, page_size=2) as hub:
        hub.put(ITEMS)
        hub.plant(Faults(changes_after_page=1))
        kept = roster("--hub", hub.url, folder=tmp_path)
        assert kept.code == 0
        assert str(NEWCOMER["slug"]) not in kept.out
        hub.plant(Faults())
        assert str(NEWCOMER["slug"]) in roster("--hub", hub.url, folder=tmp_path).out
        hub.remove(str(NEWCOMER["slug"]))
        hub.plant(Faults(changes_after_page=1, forgets_versions=True))
        mixed = roster("--hub", hub.url, folder=tmp_path)
        refused(mixed, hub, "sent a total of 7 and then of 8", LATER)


def test_a_redirect_is_not_followed_and_takes_no_token_along(shared: Hub, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"http://127.0.0.1:{other.getsockname()[1]}/repos/"
        with shared.planted(Faults(redirects_to=where)):
            done = roster("--hub", shared.url, folder=tmp_path)
        assert (done.code, done.out) == (3, "")
        assert f'redirects to "{where}" (307), and no redirect is followed' in done.err
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_hub_that_hangs_is_left(shared: Hub) -> None:
    silent = pytest.raises(SourceError, match=r"was silent for 0\.2 s")
    with shared.planted(Faults(hangs_on_page=2)), silent as caught:
        fetch_repos(shared.url, token=TOKEN, limits=QUICK)
    assert caught.value.fix.startswith(LATER)


def test_a_saved_answer_stands_in_as_a_whole(shared: Hub, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(ITEMS[3:4]))
    with shared.planted(Faults(fails_page=3)):
        done = roster("--hub", shared.url, "--snapshot", saved, folder=tmp_path)
    assert done.code == 0
    assert [row["repo"] for row in json.loads(done.out)["repos"]] == ["ledger"]
    assert "answered 500" in done.err


# --- The program tells it ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Result, Result]]:
    """A hub that a pilot on its own roster has told how it ended, and that roster."""
    folder = tmp_path_factory.mktemp("pilot")
    for name in ("ledger", "orchard"):
        (folder / name / ".git").mkdir(parents=True)
        (folder / name / ".git" / "HEAD").touch()
        (folder / name / ".kaizen").mkdir()
        manifest = 'version: "1"\nagents:\n  coach:\n    cadence: weekly\n'
        (folder / name / ".kaizen" / "schedule.yml").write_text(manifest)
    with serve(folder / "hub.db", token=TOKEN, page_size=1) as hub:
        hub.put(
            {"slug": name, "host_paths": {"forge-1": str(folder / name)}}
            for name in ("ledger", "orchard")
        )
        source = ("--hub", hub.url, "--host", "forge-1")
        words = ("--at", AT, "--definition", "weekly-coach-orientation")
        done = schedule("pilot", *source, *words, "--progress", hub.events_url, folder=folder)
        yield hub, done, roster("--hub", hub.url, folder=folder)


def test_a_pilot_tells_the_hub_how_it_ended(told: tuple[Hub, Result, Result], state: State) -> None:
    hub, done, seen = told
    assert done.code == 0, done.out + done.err
    assert f"told {hub.events_url}" in done.err.replace('"', "")
    event, *_ = hub.events()
    schema = json.loads((DOCUMENT.parent / "kaizen-pilot-completed.schema.json").read_bytes())
    checker = Draft202012Validator.FORMAT_CHECKER
    assert list(Draft202012Validator(schema, format_checker=checker).iter_errors(event)) == []
    assert (event["type"], event["subject"]) == ("kaizen.pilot.completed", "forge-1")
    assert event["data"]["ok"]
    assert event["data"]["counts"]["prepared"] == 2
    assert event["data"]["roster_digest"] == json.loads(seen.out)["roster_digest"]
    posts = [asked for asked in hub.asked() if asked.method == "POST"]
    assert [(asked.target, asked.token) for asked in posts[:1]] == [("/state/events/", True)]
    state(HUB, "a pilot on the hub's roster posts its progress event, which the hub keeps once",
          repositories=event["data"]["counts"]["prepared"])  # fmt: skip


def test_an_event_that_comes_twice_is_kept_once(told: tuple[Hub, Result, Result]) -> None:
    hub, _, _ = told
    event = hub.events()[0]
    post_progress(hub.events_url, event, token=TOKEN)
    assert hub.events() == (event,)
    # Its answer is lost: the client sends it again.
    other = {**event, "id": "00000000-0000-5000-8000-000000000000", "extra": "né \ud800"}
    before = len(hub.asked())
    with hub.planted(Faults(loses_answers=1)):
        post_progress(hub.events_url, other, token=TOKEN)
    assert len(hub.asked()) == before + 2
    assert hub.events() == (event, other)


def test_an_event_that_the_hub_refuses_is_told(told: tuple[Hub, Result, Result]) -> None:
    hub, _, _ = told
    event = hub.events()[0]
    kept = hub.events()
    spoilt: list[tuple[Callable[[], Any], str]] = [
        (lambda: post_progress(hub.events_url, {**event, "id": "7"}, token=TOKEN), "answered 400"),
        (lambda: post_progress(hub.events_url, event, token="other"), "refused the token"),
        (lambda: post_progress(hub.url, event, token=TOKEN), "has nothing at this address"),
    ]
    for call, words in spoilt:
        with pytest.raises(SourceError, match=words):
            call()
    assert hub.events() == kept
