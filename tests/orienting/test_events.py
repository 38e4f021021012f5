"""Events: what the CloudEvents SDK and the published schemas say of them, and what they keep."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kaizen_schedule.edges import packaged
from kaizen_schedule.orienting.bundle import (
    Bundle,
    Close,
    CloseCommand,
    Section,
    Trust,
    render_bundle,
    sha256,
)
from kaizen_schedule.orienting.events import (
    EVENT_LIMIT,
    EVENT_NAMESPACE,
    PILOT_SCHEMA,
    PREPARED_SCHEMA,
    SECTION_LIMIT,
    WARNING_LIMIT,
    PilotCompletedData,
    PilotCounts,
    pilot_event,
    prepared_event,
)
from kaizen_schedule.planning.windows import parse_run_key
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import Json, dumps
from kaizen_schedule.reading.diagnostics import SITE
from kaizen_schedule.reading.errors import UsageError
from kaizen_schedule.reading.safety import Redaction

NOW = datetime(2026, 11, 30, 9, 0, 7, tzinfo=UTC)
DUE = datetime(2026, 11, 30, 9, tzinfo=timezone(timedelta(hours=1)))
KEY = "my-repo:coach:2026-11-30T08:00:00Z"
NAMES = ("task", "agent", "schedule", "metrics", "memory", "repository", "close")
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
CORE = ("specversion", "id", "source", "type")
OPTIONAL = ("subject", "time", "datacontenttype", "dataschema", "data")
# What a String of CloudEvents may not hold.
DISALLOWED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]|[\ufffe\uffff]")
SCHEMAS = {
    name: Draft202012Validator(
        json.loads(packaged.schema(name)), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    for event in (PREPARED_SCHEMA, PILOT_SCHEMA)
    for name in (event, f"{event}-data")
}


def section(name: str, **changes: Any) -> Section:
    content = f"The content of {name}."
    plain = Section(
        name=name,
        title=name.capitalize(),
        source=f"{name}.md",
        sha256=sha256(content),
        trust=Trust.REPOSITORY_DATA,
        content=content,
    )
    return replace(plain, **changes)


def make(**changes: Any) -> Bundle:
    command = CloseCommand(purpose="always", choose_one_of=None, argv=("true",), command="true")
    plain = Bundle(
        tool_version="1.3.0",
        agent="coach",
        repository="my-repo",
        target="/srv/my-repo",
        run=KEY,
        definition="weekly-coach-orientation",
        prepared_at=NOW,
        scheduled_for=DUE,
        expires_at=datetime(2026, 12, 4, 8, tzinfo=UTC),
        digest="d" * 64,
        estimated_tokens=123,
        close=Close(commands=(command,)),
        sections=tuple(section(name) for name in NAMES),
    )
    return replace(plain, **changes)


def pilot(**changes: Any) -> PilotCompletedData:
    counts = PilotCounts(definitions=3, runs=4, checks=9, failed=0, prepared=2, excluded=11)
    plain = PilotCompletedData(
        tool_version="1.3.0",
        ok=True,
        host="pilot-1",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=90),
        counts=counts,
        record_sha256="a" * 64,
        roster_digest="b" * 64,
    )
    return replace(plain, **changes)


def checked(event: dict[str, Json]) -> dict[str, Any]:
    """An event that every oracle takes, read back from its text."""
    text = dumps(event)
    assert len(text.encode()) < EVENT_LIMIT
    plain: dict[str, Any] = json.loads(text)
    assert plain == event
    kind = plain["type"].replace(".", "-")
    SCHEMAS[kind].validate(plain)
    SCHEMAS[f"{kind}-data"].validate(plain["data"])
    for name, value in plain.items():
        assert re.fullmatch("[a-z0-9]{1,20}", name)
        if name != "data":
            assert isinstance(value, str)
            assert value
            assert not DISALLOWED.search(value)
    parsed = JSONFormat().read(None, text)
    assert isinstance(parsed, CloudEvent)
    attributes = parsed.get_attributes()
    assert attributes["time"] == datetime.fromisoformat(plain["time"])
    assert {**attributes, "time": plain["time"], "data": parsed.get_data()} == plain
    assert json.loads(JSONFormat().write(parsed)) == plain
    return plain


def test_the_namespace_is_the_one_that_is_stated() -> None:
    assert uuid.UUID(EVENT_NAMESPACE) == uuid.uuid5(uuid.NAMESPACE_URL, f"{SITE}events")


class TestPrepared:
    def test_the_whole_event(self) -> None:
        bundle = make(warnings=("rescheduled: it is", "redacted: 2", "redacted: 3"))
        name = f"{KEY}\n{'d' * 64}"
        assert checked(prepared_event(bundle)) == {
            "specversion": "1.0",
            "id": str(uuid.uuid5(uuid.UUID(EVENT_NAMESPACE), name)),
            "source": "urn:kaizen:definition:weekly-coach-orientation",
            "type": "kaizen.schedule.prepared",
            "subject": "my-repo/agents/coach",
            "time": "2026-11-30T09:00:07Z",
            "datacontenttype": "application/json",
            "dataschema": f"{SITE}contracts/kaizen-schedule-prepared-data.schema.json",
            "runkey": KEY,
            "scheduledtime": "2026-11-30T08:00:00Z",
            "partitionkey": "my-repo",
            "expirytime": "2026-12-04T08:00:00Z",
            "data": {
                "schema_version": "1.0",
                "tool_version": "1.3.0",
                "repository": "my-repo",
                "agent": "coach",
                "definition": "weekly-coach-orientation",
                "run": KEY,
                "scheduled_for": "2026-11-30T09:00:00+01:00",
                "scheduled_for_utc": "2026-11-30T08:00:00Z",
                "prepared_at": "2026-11-30T09:00:07Z",
                "expires_at": "2026-12-04T08:00:00Z",
                "bundle_digest": "d" * 64,
                "bundle_bytes": len(render_bundle(bundle).encode()),
                "estimated_tokens": 123,
                "sections": [
                    {
                        "name": name,
                        "source": f"{name}.md",
                        "sha256": sha256(f"The content of {name}."),
                        "trust": "repository-data",
                        "truncated": False,
                        "redactions": 0,
                    }
                    for name in NAMES
                ],
                "warnings": [
                    {"name": "redacted", "count": 2},
                    {"name": "rescheduled", "count": 1},
                ],
            },
        }

    def test_the_same_bundle_is_the_same_event_and_another_another(self) -> None:
        first = prepared_event(make())
        assert dumps(prepared_event(make())) == dumps(first)
        later = prepared_event(make(prepared_at=NOW + timedelta(hours=1)))
        assert (later["source"], later["id"]) == (first["source"], first["id"])
        other_digest = prepared_event(make(digest="e" * 64))
        other_run = prepared_event(make(run=KEY.replace("-30T", "-23T")))
        assert len({first["id"], other_digest["id"], other_run["id"]}) == 3

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"run": None}, "no run"),
            ({"definition": None}, "no definition"),
            ({"definition": ""}, "no definition"),
            ({"expires_at": None}, "no expires_at"),
            ({"run": None, "definition": None, "expires_at": None}, "no run, definition, expires"),
            ({"run": "coach"}, 'run "coach" is no idempotency key'),
            ({"run": f"{TOKEN} {TOKEN}"}, "no idempotency key"),
        ],
    )
    def test_a_bundle_made_by_hand_has_none(self, changes: dict[str, Any], named: str) -> None:
        with pytest.raises(UsageError, match=named) as caught:
            prepared_event(make(**changes))
        assert caught.value.fix
        assert TOKEN not in str(caught.value)

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            prepared_event(make(expires_at=datetime(2026, 12, 4)))

    def test_where_the_local_time_is_not_known_it_is_utc(self) -> None:
        data = checked(prepared_event(make(scheduled_for=None)))["data"]
        assert data["scheduled_for"] == data["scheduled_for_utc"] == "2026-11-30T08:00:00Z"

    def test_no_content_of_a_section(self) -> None:
        words = [f"unmistakable-{name}" for name in NAMES]
        sections = tuple(
            section(name, content=word, title=word) for name, word in zip(NAMES, words, strict=True)
        )
        text = dumps(prepared_event(make(sections=sections)))
        assert not any(word in text for word in words)
        assert "/srv/my-repo" not in text

    @given(st.text(min_size=1, max_size=30))
    @example("\x00\n\x1b[31m\u202e\ud800\uffff")
    @example("a/b?c#d e%20:é漢🙂")
    @example("." * 10_000)
    def test_whatever_the_definition_the_source_is_a_urn(self, definition: str) -> None:
        event = checked(prepared_event(make(definition=definition)))
        assert re.fullmatch(
            r"urn:kaizen:definition:(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+", event["source"]
        )
        told = unquote(event["source"].removeprefix("urn:kaizen:definition:"))
        if len(definition) <= 200 and not DISALLOWED.search(definition):
            assert told == definition

    @given(st.text(min_size=1, max_size=30).filter(lambda t: not re.search("[\ud800-\udfff]", t)))
    @example("a\nb\x1b[31m \u202e\U000e0041\uffff")
    @example("漢" * 66)
    def test_whatever_the_slug(self, slug: str) -> None:
        key = f"{quote(slug, safe='')}:coach:2026-11-30T08:00:00Z"
        event = checked(prepared_event(make(run=key, repository=slug)))
        assert event["runkey"] == event["data"]["run"] == key
        assert event["partitionkey"] == quote(slug, safe="")
        assert event["subject"] == f"{safety.escape(slug)}/agents/coach"

    @pytest.mark.parametrize(
        "secret", [TOKEN, "https://me:s3cr3t-and-long" + "@db.example.com/x", "AKIA" + "A1B2" * 4]
    )
    def test_nothing_that_looks_like_a_secret(self, secret: str) -> None:
        agent = secret if secret.isalnum() else "coach"
        bundle = make(
            agent=agent,
            repository=secret,
            run=f"{quote(secret, safe='')}:{agent}:2026-11-30T08:00:00Z",
            definition=f"by {secret}",
            tool_version=f"1 {secret}",
            sections=(section("agent", source=f"agents/{secret}.md"), section(secret)),
            warnings=(f"{secret}: is odd",),
        )
        assert parse_run_key(bundle.run or "") is not None
        event = checked(prepared_event(bundle))
        text = dumps(event)
        tail = re.split("[:@/]", secret.removesuffix("@db.example.com/x"))[-1]
        assert tail not in text
        assert not safety.find_secrets(unquote(text))
        assert event["runkey"].endswith(":2026-11-30T08:00:00Z")
        assert "[redacted:" in unquote(event["partitionkey"])
        assert event["data"]["sections"][1]["name"] == "other"

    def test_hostile_names_and_counts_stay_within_the_limit(self) -> None:
        astral = "🙂" * 5_000
        redactions = tuple(Redaction(kind=astral, line=n) for n in range(1_000))
        sections = tuple(
            section(
                astral,
                source=astral,
                sha256=astral,
                redactions=redactions,
                content="x" * 10_000,
            )
            for _ in range(100)
        )
        kinds = tuple(f"{'k' * 30}-{number}: {astral}" for number in range(1_000))
        event = checked(
            prepared_event(
                make(
                    run=f"{'%F0%9F%99%82' * 79}:{'a' * 29}:2026-11-30T08:00:00Z",
                    agent="a" * 29,
                    repository=astral,
                    definition=astral,
                    digest=astral,
                    tool_version=astral,
                    sections=sections,
                    warnings=(*kinds, *(f"{astral}: x" for _ in range(1_000))),
                )
            )
        )
        data = event["data"]
        assert len(data["sections"]) == SECTION_LIMIT
        assert {part["redactions"] for part in data["sections"]} == {1_000}
        assert len(data["warnings"]) == WARNING_LIMIT + 1
        assert data["warnings"][-1]["name"] == "other"
        assert sum(kind["count"] for kind in data["warnings"]) == 2_000

    def test_a_thousand_redactions_and_warnings_of_one_section(self) -> None:
        redactions = tuple(Redaction(kind="jwt", line=n) for n in range(1_000))
        warnings = tuple(f"unreadable: \x1b[31m{n}\n{TOKEN}" for n in range(1_000))
        bundle = make(sections=(section("memory", redactions=redactions),), warnings=warnings)
        data = checked(prepared_event(bundle))["data"]
        assert data["sections"][0]["redactions"] == 1_000
        assert data["warnings"] == [{"name": "unreadable", "count": 1_000}]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("source", "not a uri"),
            ("dataschema", "nor this"),
            ("time", "2026-11-30"),
            ("expirytime", "soon"),
            ("scheduledtime", "2026-11-30 08:00"),
            ("id", "7"),
            ("type", "kaizen.schedule.other"),
            ("specversion", "0.3"),
            ("datacontenttype", "text/plain"),
            ("subject", ""),
            ("partitionkey", ""),
            ("runkey", "my-repo"),
            ("data", {}),
        ],
    )
    def test_the_schema_refuses(self, key: str, value: Any) -> None:
        event = {**prepared_event(make()), key: value}
        assert not SCHEMAS[PREPARED_SCHEMA].is_valid(event)
        del event[key]
        assert not SCHEMAS[PREPARED_SCHEMA].is_valid(event)

    def test_the_schema_takes_what_intermediaries_add(self) -> None:
        more: dict[str, Json] = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-00"}
        checked({**prepared_event(make()), **more})


class TestPilot:
    def test_the_whole_event(self) -> None:
        assert checked(pilot_event(pilot())) == {
            "specversion": "1.0",
            "id": str(uuid.uuid5(uuid.UUID(EVENT_NAMESPACE), "a" * 64)),
            "source": "urn:kaizen:pilot",
            "type": "kaizen.pilot.completed",
            "subject": "pilot-1",
            "time": "2026-11-30T09:01:37Z",
            "datacontenttype": "application/json",
            "dataschema": f"{SITE}contracts/kaizen-pilot-completed-data.schema.json",
            "data": {
                "schema_version": "1.0",
                "tool_version": "1.3.0",
                "ok": True,
                "host": "pilot-1",
                "started_at": "2026-11-30T09:00:07Z",
                "finished_at": "2026-11-30T09:01:37Z",
                "counts": {
                    "definitions": 3,
                    "runs": 4,
                    "checks": 9,
                    "failed": 0,
                    "prepared": 2,
                    "excluded": 11,
                },
                "record_sha256": "a" * 64,
                "roster_digest": "b" * 64,
            },
        }

    def test_another_record_is_another_event(self) -> None:
        first, same = pilot_event(pilot()), pilot_event(pilot(host="pilot-2"))
        assert first["id"] == same["id"]
        assert pilot_event(pilot(record_sha256="c" * 64))["id"] != first["id"]

    def test_times_are_told_in_utc(self) -> None:
        event = checked(pilot_event(pilot(started_at=DUE, finished_at=DUE)))
        assert event["time"] == event["data"]["started_at"] == "2026-11-30T08:00:00Z"

    @given(st.text(min_size=1, max_size=300))
    @example("🙂" * 100_000)
    @example(TOKEN)
    def test_whatever_the_host(self, host: str) -> None:
        event = checked(pilot_event(pilot(host=host, tool_version=host, roster_digest=host)))
        assert event["subject"] == event["data"]["host"]
        assert TOKEN not in dumps(event)

    def test_a_host_is_needed(self) -> None:
        with pytest.raises(UsageError, match="host"):
            pilot_event(pilot(host=""))
