"""The timetable: which cron and zone an entry has, and where they come from.

This is the only place that decides it: an entry's own cron in the manifest's zone; else cron *and*
zone of the definition for this agent and cadence; else the cadence's default in the manifest's
zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import EXCERPT_LIMIT, Document
from kaizen_schedule.reading.rules import Finding

from .agents import label
from .cron import parse_cron
from .definitions import ActivityDefinition, CronOrigin, definition_for
from .manifest import CheckedManifest, Entry
from .recurrence import Zones, dst_hazard, hazard_fix, iter_occurrences


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When an entry recurs.

    Example:
        >>> from kaizen_schedule import list_definitions, load_manifest
        >>> manifest = load_manifest(repository)
        >>> entry, definitions = manifest.agents["coach"], list_definitions(now=now)
        >>> timing = timing_of("coach", entry, timezone="UTC", definitions=definitions)
        >>> timing.cron, timing.timezone, timing.cron_origin.value
        ('0 9 * * 1', 'Europe/Berlin', 'definition')
    """

    cron: str
    """The cron, in the portable subset."""
    timezone: str
    """The IANA zone in which it is read."""
    cron_origin: CronOrigin
    """Where both come from."""
    definition: str | None
    """The definition that fires the entry; None where nobody does."""


def timing_of(
    agent: str, entry: Entry, *, timezone: str, definitions: Sequence[ActivityDefinition]
) -> Timing:
    """Decide cron and zone of an entry.

    Args:
        agent: The entry's agent.
        entry: The entry.
        timezone: The manifest's zone.
        definitions: The definitions, enabled or not.

    Returns:
        Cron, zone, where both come from, and the definition that fires the entry.

    Example:
        >>> from kaizen_schedule.planning.cron import Cadence
        >>> entry = Entry(cadence=Cadence.DAILY)
        >>> timing_of("coach", entry, timezone="UTC", definitions=()).cron
        '0 9 * * *'
    """
    cron, zone, origin, definition = _decide(agent, entry, timezone, definitions)
    return Timing(
        cron=cron,
        timezone=zone,
        cron_origin=origin,
        definition=definition.id if definition else None,
    )


def _decide(
    agent: str, entry: Entry, timezone: str, definitions: Sequence[ActivityDefinition]
) -> tuple[str, str, CronOrigin, ActivityDefinition | None]:
    """Cron, zone, where both come from, and the definition that fires the entry."""
    definition = definition_for(agent, entry.cadence, definitions)
    if entry.cron is not None:
        return entry.cron, timezone, CronOrigin.ENTRY, definition
    if definition is not None:
        return (
            definition.trigger.cron,
            definition.trigger.timezone,
            CronOrigin.DEFINITION,
            definition,
        )
    return entry.cadence.cron, timezone, CronOrigin.CADENCE, None


def iter_times(timing: Timing, start: datetime, *, zones: Zones) -> Iterator[datetime]:
    """Yield the UTC instants of a timing from ``start`` on, without end.

    Args:
        timing: Cron and zone.
        start: The first instant that counts, with a zone.
        zones: The time zones that exist.

    Raises:
        ValueError: The zone does not exist, or the cron is not portable.
    """
    zone = zones.get(timing.timezone)
    if zone is None:
        raise ValueError(f"unknown time zone {safety.show(timing.timezone)}")
    return iter_occurrences(parse_cron(timing.cron), zone, start)


def times_between(
    timing: Timing, start: datetime, end: datetime, *, zones: Zones
) -> tuple[datetime, ...]:
    """The UTC instants of a timing in the window from ``start`` until before ``end``.

    Both have a zone. Windows that follow one another give every instant exactly once.
    """
    return tuple(takewhile(lambda moment: moment < end, iter_times(timing, start, zones=zones)))


def check_timetable(
    checked: CheckedManifest,
    *,
    definitions: Sequence[ActivityDefinition],
    zones: Zones,
    today: date,
) -> tuple[Finding, ...]:
    """Warn of entries that nobody fires, and of times at which engines differ.

    Args:
        checked: The manifest.
        definitions: The definitions, enabled or not.
        zones: The time zones that exist.
        today: The day from which clock changes are looked for, five years ahead.
    """
    if checked.timezone is None:
        return ()
    findings = []
    for agent, entry in checked.entries.items():
        cron, timezone, origin, definition = _decide(agent, entry, checked.timezone, definitions)
        zone = None if timezone == "UTC" else zones.get(timezone)
        if zone is not None and (why := dst_hazard(parse_cron(cron), zone, today)):
            own = origin is CronOrigin.ENTRY
            message = (
                f"cron {safety.show(cron)} of agent {label(agent)} is not safe over clock changes "
                f"in {timezone}: {why}"
            )
            findings.append(
                Finding(
                    rule=rules.DST_HAZARD,
                    message=message,
                    route=("agents", agent, "cron" if own else "cadence"),
                    fix=hazard_fix(zone, today),
                )
            )
        if entry.enabled and definition is None:
            name = label(agent)
            findings.append(
                Finding(
                    rule=rules.NO_DEFINITION,
                    message=f"no definition for agent {name}, {entry.cadence}: nobody fires it",
                    route=("agents", agent),
                    fix="ask the operator for a definition, or choose a cadence that has one",
                    at_key=True,
                )
            )
    return tuple(findings)


# What else is found at the place of such a finding says the same once more.
_SAYS_IT_ALL: dict[str, tuple[str, ...]] = {
    rules.UNDEFINED_ALIAS.code: ("KS2", "KS4"),
    rules.SELF_REFERENCE.code: ("KS2", "KS4"),
    rules.DUPLICATE_AGENT.code: ("KS309", "KS401"),
    rules.AGENT_NAME.code: ("KS309", "KS401"),
    rules.AGENT_NOT_INSTALLED.code: ("KS309",),
}


def place_findings(document: Document, findings: Iterable[Finding]) -> tuple[Diagnostic, ...]:
    """All diagnostics of a document in file order, its own included, each slip told once.

    Args:
        document: The file.
        findings: What the rules found in it.
    """

    def place_of(finding: Finding) -> tuple[int, int]:
        span = document.locate(finding.route, at_key=finding.at_key)
        return span.line, span.column

    findings = sorted(findings, key=place_of)
    placed = list(document.findings)
    newer = [finding for finding in findings if finding.rule is rules.NEWER_VERSION]
    if newer:  # what else seems wrong may be right in that version
        findings, placed = newer, []
    # No more are printed than have an excerpt, and an excerpt is what costs.
    for number, finding in enumerate(findings):
        placed.append(document.place(finding, excerpt=number < EXCERPT_LIMIT))
    said: dict[tuple[int, int], tuple[str, ...]] = {}
    for item in placed:
        at = (item.line, item.column)
        said[at] = said.get(at, ()) + _SAYS_IT_ALL.get(item.code, ())
    kept = (d for d in placed if not d.code.startswith(said[d.line, d.column] or ("-",)))
    return tuple(sorted(kept, key=lambda d: d.order))
