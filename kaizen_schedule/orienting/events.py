"""CloudEvents as plain dicts: that a run was prepared, that a pilot was completed.

An event tells which bundle was made, by digest, sizes and counts; it never holds its content.
Nothing here sends one.

Source:
    CloudEvents 1.0.2: sections "Context Attributes", "Type System" and "Size Limits"; its
    documented extensions "Partitioning" and "Expiry Time".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from kaizen_schedule.planning.windows import parse_run_key
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION, Json, to_plain
from kaizen_schedule.reading.diagnostics import SITE
from kaizen_schedule.reading.errors import UsageError

from .bundle import Bundle, Section, Trust, render_bundle

EVENT_NAMESPACE = "9f6c0a5d-6888-5549-9d72-58fc26649fdd"
"""The namespace of every event's UUIDv5: itself the one of `SITE` + `events` among the URLs."""

EVENT_LIMIT = 64 * 1024
"""An event is smaller, in the JSON that this program writes: intermediaries may drop larger ones.

Source: CloudEvents 1.0.2, "Size Limits".
"""

PREPARED_SCHEMA = "kaizen-schedule-prepared"
"""The name of the schema of the whole event; that of its data, which `dataschema` names, ends in
`-data`."""

PILOT_SCHEMA = "kaizen-pilot-completed"
"""The same for the pilot's event."""

SECTION_LIMIT = 10
"""So many sections are told at most; a bundle has seven."""

WARNING_LIMIT = 32
"""So many kinds of warnings are told at most; the rest are counted as `other`."""

_TEXT_LIMIT = 200
_DIGEST_LIMIT = 64
_STABLE = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_OTHER = "other"


# --- Prepared --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSection:
    """What is told of a section of the bundle: never its content."""

    name: str
    """`task`, `agent`, `schedule`, `metrics`, `memory`, `repository` or `close`."""
    source: str
    """The file it comes from, relative to the repository, or who wrote it."""
    sha256: str
    """Of the source's bytes as read; of the content where there is no such file."""
    trust: Trust
    """`packaged` and `repository-instructions` instruct; `repository-data` informs."""
    truncated: bool
    """Whether something was left out."""
    redactions: int
    """How many secrets are listed as replaced in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCount:
    """How many warnings of one kind the bundle has."""

    name: str
    """The stable word that they begin with, such as `rescheduled`; `other` for any other one."""
    count: int
    """How many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedData:
    """The data of `kaizen.schedule.prepared`: which bundle was made for which run.

    Example:
        >>> from kaizen_schedule import parse_instant, prepare
        >>> from kaizen_schedule.reading.codec import from_plain
        >>> bundle = prepare(
        ...     repository,
        ...     "coach",
        ...     now=now,
        ...     run="ledger:coach:2026-11-23T08:00:00Z",
        ...     definition="weekly-coach-orientation",
        ...     expires_at=parse_instant("2026-11-27T08:00:00Z"),
        ... )
        >>> data = from_plain(PreparedData, prepared_event(bundle)["data"])
        >>> data.repository, data.bundle_digest == bundle.digest, len(data.sections)
        ('ledger', True, 7)

    Source: CloudEvents 1.0.2, "Event Data".
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str
    """The version of the program that prepared the bundle."""
    repository: str
    """The repository's slug."""
    agent: str
    """The agent's name."""
    definition: str
    """The definition that handed the run out."""
    run: str
    """The run's idempotency key; where part of it looks like a secret, that is replaced."""
    scheduled_for: datetime
    """Local time of the run, with its offset."""
    scheduled_for_utc: datetime
    """The same instant in UTC."""
    prepared_at: datetime
    """UTC."""
    expires_at: datetime
    """UTC; from then on the run is refused."""
    bundle_digest: str
    """SHA-256 over all content of the bundle, not over the time of preparation."""
    bundle_bytes: int
    """The bytes of the bundle as markdown."""
    estimated_tokens: int
    """An estimate: bytes of the markdown by four."""
    sections: tuple[PreparedSection, ...]
    """The bundle's sections in reading order."""
    warnings: tuple[WarningCount, ...]
    """What is odd and did not stop the preparation, counted by kind, in order of name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedEvent:
    """A CloudEvent: a run was prepared. The same preparation has the same source and id.

    Consumers ignore attributes and keys that they do not know.
    """

    specversion: Literal["1.0"] = "1.0"
    """The version of CloudEvents."""
    id: str
    """UUIDv5, in a published namespace, of the run's key, a line feed and the bundle's digest."""
    source: str
    """`urn:kaizen:definition:` and the percent-encoded id of the definition."""
    type: Literal["kaizen.schedule.prepared"] = "kaizen.schedule.prepared"
    """What happened."""
    subject: str
    """The repository's slug, `/agents/` and the agent's name."""
    time: datetime
    """When the bundle was prepared; UTC."""
    datacontenttype: Literal["application/json"] = "application/json"
    """What `data` is."""
    dataschema: str
    """The address of the schema of `data`."""
    runkey: str
    """Extension: the run's idempotency key, as in `data.run`."""
    scheduledtime: datetime
    """Extension: when the run is scheduled; UTC."""
    partitionkey: str
    """Extension: the percent-encoded slug, so that a repository's events keep their order."""
    expirytime: datetime
    """Extension: from then on the run is refused, and the event of no more use; UTC."""
    data: PreparedData
    """Which bundle was made."""


def prepared_event(bundle: Bundle) -> dict[str, Json]:
    """Make the CloudEvent that tells of a prepared run.

    Args:
        bundle: The bundle of a run that was handed out: with run, definition and expiry.

    Returns:
        The event as plain data, under 64 KiB as JSON. It holds nothing of the bundle's content;
            what looks like a secret in a name or path is replaced, in the key too.

    Raises:
        UsageError: The bundle was prepared by hand, or its run is no idempotency key.

    Example:
        >>> from kaizen_schedule import parse_instant, prepare
        >>> bundle = prepare(
        ...     repository,
        ...     "coach",
        ...     now=now,
        ...     run="ledger:coach:2026-11-23T08:00:00Z",
        ...     definition="weekly-coach-orientation",
        ...     expires_at=parse_instant("2026-11-27T08:00:00Z"),
        ... )
        >>> event = prepared_event(bundle)
        >>> event["type"], event["source"]
        ('kaizen.schedule.prepared', 'urn:kaizen:definition:weekly-coach-orientation')
        >>> event["subject"], event["scheduledtime"]
        ('ledger/agents/coach', '2026-11-23T08:00:00Z')

    Source: CloudEvents 1.0.2, "Context Attributes"; RFC 8141 for the source.
    """
    run, definition, expires_at = _handed_out(bundle)
    key = parse_run_key(run)
    if key is None:
        fix = "copy the key as it was handed out"
        raise UsageError(f"run {safety.show(run, 120)} is no idempotency key", fix=fix)
    slug, agent = _redacted(key.slug), _redacted(key.agent)
    definition = _redacted(definition)
    scheduled = _utc(key.scheduled_for)
    # Rebuilt, not searched: a secret in the key is percent-encoded, and so would not be found.
    shown_key = f"{_encoded(slug)}:{_encoded(agent)}:{to_plain(scheduled)}"
    data = PreparedData(
        tool_version=_text(bundle.tool_version),
        repository=_text(slug),
        agent=_text(agent),
        definition=_text(definition),
        run=shown_key,
        scheduled_for=bundle.scheduled_for or scheduled,
        scheduled_for_utc=scheduled,
        prepared_at=_utc(bundle.prepared_at),
        expires_at=_utc(expires_at),
        bundle_digest=_text(bundle.digest, _DIGEST_LIMIT),
        bundle_bytes=len(render_bundle(bundle).encode("utf-8", "backslashreplace")),
        estimated_tokens=bundle.estimated_tokens,
        sections=tuple(_section(section) for section in bundle.sections[:SECTION_LIMIT]),
        warnings=_counted(bundle.warnings),
    )
    return _plain(
        PreparedEvent(
            id=_uuid(f"{run}\n{bundle.digest}"),
            source=f"urn:kaizen:definition:{_encoded(definition[:_TEXT_LIMIT])}",
            subject=f"{data.repository}/agents/{data.agent}",
            time=data.prepared_at,
            dataschema=_address(PREPARED_SCHEMA),
            runkey=shown_key,
            scheduledtime=scheduled,
            partitionkey=_encoded(slug),
            expirytime=data.expires_at,
            data=data,
        )
    )


def _handed_out(bundle: Bundle) -> tuple[str, str, datetime]:
    """What a bundle has only where its run was handed out."""
    run, definition, expires_at = bundle.run, bundle.definition, bundle.expires_at
    if run and definition and expires_at is not None:
        return run, definition, expires_at
    given = {"run": run, "definition": definition, "expires_at": expires_at}
    missing = ", ".join(name for name, value in given.items() if not value)
    message = f"an event tells of a run that was handed out; this bundle has no {missing}"
    raise UsageError(message, fix="prepare it with run, definition and expires_at")


def _section(section: Section) -> PreparedSection:
    return PreparedSection(
        name=_stable(section.name),
        source=_text(section.source),
        sha256=_text(section.sha256, _DIGEST_LIMIT),
        trust=section.trust,
        truncated=section.truncated,
        redactions=len(section.redactions),
    )


def _counted(warnings: Iterable[str]) -> tuple[WarningCount, ...]:
    """Warnings by their first word: what follows it can be a repository's own text."""
    counts = Counter(_stable(warning.partition(":")[0]) for warning in warnings)
    kinds = sorted(counts.keys() - {_OTHER})
    other = counts[_OTHER] + sum(counts[kind] for kind in kinds[WARNING_LIMIT:])
    told = [WarningCount(name=kind, count=counts[kind]) for kind in kinds[:WARNING_LIMIT]]
    return (*told, *([WarningCount(name=_OTHER, count=other)] if other else ()))


# --- Pilot -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotCounts:
    """What a pilot came to."""

    definitions: int
    """Definitions that were asked."""
    runs: int
    """Runs that they handed out."""
    checks: int
    """Checks that were made."""
    failed: int
    """Checks that failed."""
    prepared: int
    """Runs whose bundle was prepared."""
    excluded: int
    """Exclusions that they answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotCompletedData:
    """The data of `kaizen.pilot.completed`: how a smoke run over a fleet ended."""

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str
    """The version of the program that made it."""
    ok: bool
    """Whether every check passed."""
    host: str
    """The host it ran on."""
    started_at: datetime
    """UTC."""
    finished_at: datetime
    """UTC."""
    counts: PilotCounts
    """What it came to."""
    record_sha256: str
    """Of the bytes of the pilot's record."""
    roster_digest: str
    """Which roster it ran on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotEvent:
    """A CloudEvent: a pilot was completed. The same record has the same source and id.

    Consumers ignore attributes and keys that they do not know.
    """

    specversion: Literal["1.0"] = "1.0"
    """The version of CloudEvents."""
    id: str
    """UUIDv5, in a published namespace, of the digest of the pilot's record."""
    source: Literal["urn:kaizen:pilot"] = "urn:kaizen:pilot"
    """Who tells."""
    type: Literal["kaizen.pilot.completed"] = "kaizen.pilot.completed"
    """What happened."""
    subject: str
    """The host it ran on."""
    time: datetime
    """When it was finished; UTC."""
    datacontenttype: Literal["application/json"] = "application/json"
    """What `data` is."""
    dataschema: str
    """The address of the schema of `data`."""
    data: PilotCompletedData
    """How it ended."""


def pilot_event(data: PilotCompletedData) -> dict[str, Json]:
    """Make the CloudEvent that tells of a completed pilot: progress for the hub.

    Args:
        data: How it ended; its times with a zone.

    Returns:
        The event as plain data, under 64 KiB as JSON.

    Raises:
        UsageError: It names no host.

    Example:
        >>> counts = PilotCounts(
        ...     definitions=3, runs=4, checks=9, failed=0, prepared=2, excluded=11
        ... )
        >>> event = pilot_event(
        ...     PilotCompletedData(
        ...         tool_version="1.3.0",
        ...         ok=True,
        ...         host="pilot-1",
        ...         started_at=now,
        ...         finished_at=now,
        ...         counts=counts,
        ...         record_sha256="0" * 64,
        ...         roster_digest="1" * 64,
        ...     )
        ... )
        >>> event["subject"], event["time"]
        ('pilot-1', '2026-11-24T12:00:00Z')

    Source: CloudEvents 1.0.2, "Context Attributes".
    """
    if not data.host:
        raise UsageError("a pilot's event names its host", fix="pass the host it ran on")
    safe = replace(
        data,
        tool_version=_text(data.tool_version),
        host=_text(data.host),
        started_at=_utc(data.started_at),
        finished_at=_utc(data.finished_at),
        record_sha256=_text(data.record_sha256, _DIGEST_LIMIT),
        roster_digest=_text(data.roster_digest, _DIGEST_LIMIT),
    )
    return _plain(
        PilotEvent(
            id=_uuid(data.record_sha256),
            subject=safe.host,
            time=safe.finished_at,
            dataschema=_address(PILOT_SCHEMA),
            data=safe,
        )
    )


# --- What both are made of -------------------------------------------------------------------


def _uuid(name: str) -> str:
    from uuid import UUID, uuid5

    return str(uuid5(UUID(EVENT_NAMESPACE), name))


def _address(schema: str) -> str:
    # A file of its own and no fragment: the attribute is an absolute URI, which has none.
    return f"{SITE}contracts/{schema}-data.schema.json"


def _redacted(text: str) -> str:
    return safety.redact(text)[0]


def _text(text: str, limit: int = _TEXT_LIMIT) -> str:
    """A text as an attribute or value may have it: without secrets and control characters, cut."""
    return safety.clip(safety.escape(_redacted(text)), limit)


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="backslashreplace")


def _stable(word: str) -> str:
    return word if _STABLE.fullmatch(word) else _OTHER


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return moment.astimezone(UTC)


def _plain(event: Any) -> dict[str, Json]:
    plain = to_plain(event)
    assert isinstance(plain, dict)
    return plain
