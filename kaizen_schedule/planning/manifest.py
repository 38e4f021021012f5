"""The manifest ``.kaizen/schedule.yml``: its model and its rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.document import Document
from kaizen_schedule.reading.rules import Finding, Route

from .agents import NAME, Risk, label
from .cron import Cadence, CronError, cadence_mismatch, parse_cron
from .recurrence import Zones
from .shape import Checker, describe, nearest

MANIFEST_PATH = ".kaizen/schedule.yml"
"""Where a repository declares its schedule."""

MANIFEST_VERSION = "1"


class Review(StrEnum):
    """Whether a person has to look at what an agent did before it counts.

    Example:
        >>> from kaizen_schedule import load_manifest
        >>> load_manifest(repository).agents["coach"].review is Review.NONE
        True
    """

    NONE = "none"
    """Nobody has to."""
    REQUIRED = "required"
    """The agent proposes on a branch and stops; a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One agent in a manifest.

    Example:
        >>> entry = Entry(cadence=Cadence.WEEKLY, cron="0 10 * * 4")
        >>> entry.enabled, entry.review.value
        (True, 'none')
    """

    cadence: Cadence
    """How often the agent runs."""
    cron: str | None = None
    """When exactly, in the portable subset of cron; left out, a definition or the cadence says."""
    enabled: bool = True
    """False switches this entry off."""
    review: Review = Review.NONE
    """`required` where a person must look at the result; must be so for an agent of high risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Which agents a repository runs how often.

    Example:
        >>> from kaizen_schedule import load_manifest
        >>> manifest = load_manifest(repository)
        >>> manifest.timezone, [*manifest.agents]
        ('Europe/Berlin', ['coach', 'optimization', 'tdd-workflow'])
    """

    version: Literal["1"]
    """The version of this file's form, in quotes."""
    enabled: bool = True
    """False switches the whole repository off."""
    timezone: str = "UTC"
    """The IANA time zone in which crons are read, such as `Europe/Berlin`."""
    agents: dict[str, Entry] = field(default_factory=dict)
    """The entries, by the name of their agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedManifest:
    """What a manifest says, as far as it can be relied upon, and what is wrong with it.

    Example:
        >>> from kaizen_schedule.edges.packaged import zones
        >>> from kaizen_schedule.reading.document import parse_document
        >>> document = parse_document(b"agents: {coach: {cadence: weekly}}", path="schedule.yml")
        >>> checked = check_manifest(document, zones=zones(), prompts=None)
        >>> checked.manifest, [*checked.entries], [item.rule.name for item in checked.findings]
        (None, ['coach'], ['missing-key'])
    """

    manifest: Manifest | None
    """The manifest; None where an error of KS1xx to KS3xx was found."""
    timezone: str | None
    """Its zone, where that is one."""
    entries: Mapping[str, Entry]
    """The entries without errors of their own; of a faulty manifest, the good ones."""
    findings: tuple[Finding, ...]
    """Findings beyond those of the document itself."""


def scheduled_agents(document: Document) -> tuple[str, ...]:
    """The names under ``agents``, right or wrong, so that their prompts can be looked up."""
    data = document.data
    agents = data.get("agents") if isinstance(data, dict) else None
    return tuple(agents) if isinstance(agents, dict) else ()


def check_manifest(
    document: Document, *, zones: Zones, prompts: Mapping[str, Risk] | None
) -> CheckedManifest:
    r"""Hold a document against every rule of the manifest.

    Args:
        document: The file as read.
        zones: The time zones that exist.
        prompts: The agents that can be run here and their risks; None leaves them unchecked.

    Returns:
        The manifest where it is sound, and all findings.

    Example:
        >>> from kaizen_schedule.reading.document import parse_document
        >>> document = parse_document(b'version: "2"\n', path="schedule.yml")
        >>> check_manifest(document, zones=None, prompts=None).findings[0].rule.name
        'newer-version'
    """
    checker = _Checker(zones, prompts, document.merged)
    data = document.data
    if not document.complete:
        # What was read before the text broke off may lack what comes behind it.
        return CheckedManifest(manifest=None, timezone=None, entries={}, findings=())
    if not isinstance(data, dict):
        what = "empty" if data is None else f"{describe(data)}, not a mapping"
        checker.add(rules.WRONG_TYPE, f"the manifest is {what}", (), 'begin with version: "1"')
        return CheckedManifest(
            manifest=None, timezone=None, entries={}, findings=tuple(checker.findings)
        )
    version = data.get("version")
    if version != MANIFEST_VERSION and (newer := _newer_version(version)):
        message = f"version {newer} is newer than this program, which reads {MANIFEST_VERSION}"
        fix = "upgrade kaizen-schedule; it changes nothing in a file it cannot read"
        finding = Finding(rule=rules.NEWER_VERSION, message=message, route=("version",), fix=fix)
        return CheckedManifest(manifest=None, timezone=None, entries={}, findings=(finding,))
    manifest = checker.manifest(data)
    sound = not any(finding.severity == "error" for finding in document.findings) and not any(
        finding.rule.severity == "error" and finding.rule.code < "KS4"
        for finding in checker.findings
    )
    return CheckedManifest(
        manifest=manifest if sound else None,
        timezone=checker.timezone,
        entries=checker.entries,
        findings=tuple(checker.findings),
    )


def _newer_version(value: Any) -> str:
    """The version as text where it is a later one than this program knows."""
    text = str(value) if isinstance(value, str | int | float) else ""
    whole = text.split(".", 1)[0].lstrip("0")
    if not (whole.isascii() and whole.isdigit()) or whole == MANIFEST_VERSION:
        return ""
    return safety.show(text, 20)


class _Checker(Checker):
    """Walks the data once; one method for each level, one for each key."""

    def __init__(
        self, zones: Zones, prompts: Mapping[str, Risk] | None, merged: Collection[int]
    ) -> None:
        super().__init__(merged)
        self.zones = zones
        self.prompts = prompts
        self.timezone: str | None = "UTC"
        self.entries: dict[str, Entry] = {}

    def manifest(self, data: dict[str, Any]) -> Manifest:
        meant = self.unknown_keys(data, _MANIFEST_KEYS, (), "the manifest", _misplaced)
        if "version" not in meant:
            self.version(data)
        enabled = self.flag(data, "enabled", (), "the repository")
        if "timezone" in data:
            self.timezone = self.zone(data["timezone"])
        agents = data.get("agents", {})
        if isinstance(agents, dict):
            self.agents(agents)
        else:
            message = f"agents is {describe(agents)}, not a mapping"
            fix = "write each agent's name as a key, with cadence: weekly beneath it"
            if not agents:
                fix = "indent the agents beneath it, or write agents: {} to schedule nobody yet"
            self.add(rules.WRONG_TYPE, message, ("agents",), fix)
        return Manifest(
            version="1",
            enabled=enabled,
            timezone=self.timezone or "UTC",
            agents=self.entries,
        )

    def version(self, data: dict[str, Any]) -> None:
        fix = 'write version: "1", with the quotes'
        if self.lacks(data, "version"):
            self.add(rules.MISSING_KEY, "version is missing", (), fix)
        elif "version" in data and data["version"] != MANIFEST_VERSION:
            what = describe(data["version"])
            self.add(rules.WRONG_VERSION, f'version is {what}, not the text "1"', ("version",), fix)

    def flag(self, data: dict[str, Any], key: str, route: Route, owner: str) -> bool:
        value = data.get(key, True)
        if isinstance(value, bool):
            return value
        word = value.lower() if isinstance(value, str) else value
        fix = f"write {key}: true or {key}: false"
        if word in ("no", "off", "false", "n", 0):
            fix = f"write {key}: false"
        elif word in ("yes", "on", "true", "y", 1):
            fix = f"write {key}: true"
        message = f"{key} of {owner} is {describe(value)}, neither true nor false"
        self.add(rules.WRONG_TYPE, message, (*route, key), fix)
        return True

    def text(self, value: Any, route: Route, owner: str, fix: str) -> str | None:
        if isinstance(value, str):
            return value
        message = f"{route[-1]} of {owner} is {describe(value)}, not text"
        self.add(rules.WRONG_TYPE, message, route, fix)
        return None

    def zone(self, value: Any) -> str | None:
        name = self.text(value, ("timezone",), "the repository", _ZONE_FIX)
        if name is None or name in self.zones.names:
            return name
        message = f"unknown time zone {safety.show(name)}"
        self.add(rules.UNKNOWN_TIMEZONE, message, ("timezone",), _zone_fix(name, self.zones))
        return None

    def agents(self, agents: dict[str, Any]) -> None:
        seen: dict[str, str] = {}
        for name, data in agents.items():
            route, folded = ("agents", name), name.lower()
            good = NAME.fullmatch(name) is not None
            shown = label(name) if good else safety.show(name)
            if not good:
                message = f"agent name {shown} is not letters, digits and dashes, 1 to 64 of them"
                fix = self.known_agent(name) or "kaizen-agentic agents list shows the known ones"
                if odd := next((c for c in name if not c.isascii()), ""):
                    fix = f"{safety.show(odd)} (U+{ord(odd):04X}) is no letter from A to Z"
                self.add(rules.AGENT_NAME, f"{message}, a letter first", route, fix, at_key=True)
            elif first := seen.get(folded):
                good = False
                message = f"agent {shown} differs from {label(first)} by case alone"
                fix = "remove one of the two"
                self.add(rules.DUPLICATE_AGENT, message, route, fix, at_key=True)
            elif name in _ENTRY_KEYS and not isinstance(data, dict):
                message = f"entry {shown} is {describe(data)}, not a mapping"
                fix = "if it belongs to an agent, indent it beneath the agent's name"
                self.add(rules.WRONG_TYPE, message, route, fix)
                continue
            seen.setdefault(folded, name)
            before = len(self.findings)
            entry = self.entry(shown, data, route)
            if good and entry is not None and not self.has_errors(before):
                self.entries[name] = entry
            if good:
                self.prompt(name, data, route)

    def has_errors(self, since: int) -> bool:
        """Whether one of the findings from the given one on is an error."""
        return len(self.findings) > since and any(
            f.rule.severity == "error" for f in self.findings[since:]
        )

    def entry(self, agent: str, data: Any, route: Route) -> Entry | None:
        if not isinstance(data, dict):
            message = f"entry {agent} is {describe(data)}, not a mapping"
            fix = "write cadence: weekly beneath the agent's name"
            if isinstance(data, str) and data.partition(":")[0] in _ENTRY_KEYS:
                fix = "write a space after the colon"
            self.add(rules.WRONG_TYPE, message, route, fix)
            return None
        owner = f"agent {agent}"
        meant = self.unknown_keys(data, _ENTRY_KEYS, route, owner, _misplaced_in_entry)
        cadence = None if "cadence" in meant else self.cadence(data, route, agent)
        cron = None
        if "cron" in data:
            at = (*route, "cron")
            cron = self.text(data["cron"], at, owner, _CRON_FIX)
            if cron is not None:
                self.cron(cron, cadence, at, agent)
        enabled = self.flag(data, "enabled", route, owner)
        review = self.review(data, route, owner)
        if cadence is None:
            return None
        return Entry(cadence=cadence, cron=cron, enabled=enabled, review=review)

    def review(self, data: dict[str, Any], route: Route, owner: str) -> Review:
        value = data.get("review", "none")
        if isinstance(value, str) and value in _REVIEWS:
            return _REVIEWS[value]
        near = nearest(value, _REVIEWS) if isinstance(value, str) else ""
        message = f"review of {owner} is {describe(value)}, neither none nor required"
        fix = f"did you mean {near}?" if near else "write review: none or review: required"
        self.add(rules.UNKNOWN_REVIEW, message, (*route, "review"), fix)
        return Review.NONE

    def cadence(self, data: dict[str, Any], route: Route, agent: str) -> Cadence | None:
        value = data.get("cadence")
        if isinstance(value, str) and value in _CADENCES:
            return _CADENCES[value]
        if "cadence" not in data:
            if self.lacks(data, "cadence"):
                message = f"cadence of agent {agent} is missing"
                fix = "add cadence: weekly, or another of " + ", ".join(_CADENCES)
                self.add(rules.MISSING_KEY, message, route, fix, at_key=True)
            return None
        near = nearest(value, _CADENCES) if isinstance(value, str) else ""
        fix = (f"did you mean {near}? " if near else "") + f"one of {', '.join(_CADENCES)}"
        message = f"cadence of agent {agent} is {describe(value)}, not one of the five"
        if isinstance(value, str):
            message = f"unknown cadence {safety.show(value)} for agent {agent}"
        self.add(rules.UNKNOWN_CADENCE, message, (*route, "cadence"), fix)
        return None

    def cron(self, text: str, cadence: Cadence | None, route: Route, agent: str) -> None:
        try:
            cron = parse_cron(text)
        except CronError as error:
            message = f"cron {safety.show(text)} of agent {agent} {error.message}"
            self.add(error.rule, message, route, error.fix)
            return
        if cadence is not None and (mismatch := cadence_mismatch(cron, cadence)):
            message = f"cron {safety.show(text)} of agent {agent} {mismatch}"
            message += f", and its cadence is {cadence}"
            if cron.most_per_day > MOST_PER_DAY:
                message += f"; more than {MOST_PER_DAY} times a day is never run"
            fix = f'"{cadence.cron}" keeps the cadence; or change the cadence'
            self.add(rules.CADENCE_MISMATCH, message, route, fix)

    def prompt(self, name: str, data: Any, route: Route) -> None:
        """Entries that are off are checked too: switching one on never reveals an error."""
        if self.prompts is None:
            return
        risk = self.prompts.get(name)
        if risk is None:
            fix = f"put its prompt at agents/agent-{label(name)}.md"
            if known := self.known_agent(name):
                fix = f"{known} if not, {fix}"
            message = f"no prompt for agent {label(name)}"
            self.add(rules.AGENT_NOT_INSTALLED, message, route, fix, at_key=True)
        elif risk is Risk.HIGH and isinstance(data, dict):
            lacks = self.lacks(data, "review")
            if not lacks and data.get("review", "required") == "required":
                return
            message = (
                f"agent {label(name)} has risk: high and no review: required; unattended, it could "
                "change more than one checkout can undo"
            )
            fix = f"{'add' if lacks else 'write'} review: required"
            self.add(rules.REVIEW_MISSING, message, route, fix, at_key=True)

    def known_agent(self, name: str) -> str:
        """The question whether another agent was meant; empty where none has such a name."""
        prompts = self.prompts or {}
        near = nearest(name, prompts) or nearest(name.removeprefix("agent-"), prompts)
        return f"did you mean {near}?" if near else ""


MOST_PER_DAY = 48
"""An entry that fires more often than this on some day is never run."""

_MANIFEST_KEYS = dict.fromkeys(("version", "enabled", "timezone", "agents")).keys()
_ENTRY_KEYS = dict.fromkeys(("cadence", "cron", "enabled", "review")).keys()
_CADENCES: dict[str, Cadence] = {cadence.value: cadence for cadence in Cadence}
_REVIEWS: dict[str, Review] = {review.value: review for review in Review}
_CRON_FIX = 'write five fields in quotes, such as "0 9 * * 1"'
_ZONE_FIX = "name a zone of the IANA list, such as Europe/Berlin, or leave it out for UTC"


def _misplaced_in_entry(key: str, _value: Any) -> str:
    """What to do about a key that stands at the wrong level."""
    if key in _ENTRY_KEYS:
        return f"{key} belongs to an agent, beneath its name"
    return f"{key} belongs to the whole file, at its top" if key in _MANIFEST_KEYS else ""


def _misplaced(key: str, value: Any) -> str:
    if fix := _misplaced_in_entry(key, value):
        return fix
    return "if it is an agent, indent it beneath agents" if isinstance(value, dict) else ""


def _zone_fix(name: str, zones: Zones) -> str:
    if name.lower() in ("local", "localtime", "factory"):
        return "name the place, such as Europe/Berlin; runners stand in other zones than you"
    plain = "_".join(name[:64].split())
    same = next((zone for zone in zones.names if zone.lower() == plain.lower()), "")
    if same:
        return f"did you mean {same}?"
    if name[:1] in ("+", "-", "<") or re.search("[0-9+,]", name.removeprefix("Etc/")[:40]):
        return "name a place, such as Europe/Berlin: an offset does not know summer time"
    if re.fullmatch("[A-Z]{1,5}", name):
        return "name a place, such as Europe/Berlin: an abbreviation does not know summer time"
    near = nearest(plain, zones.names)
    if not near and "/" not in plain:
        cities = {zone.rsplit("/", 1)[-1]: zone for zone in zones.names}
        near = cities.get(nearest(plain, cities), "")
    return f"did you mean {near}?" if near else _ZONE_FIX
