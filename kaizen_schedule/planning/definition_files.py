"""Definitions as files: markdown whose front matter is data.

A definition is rendered from its model and read back to the same one; what a hand has broken is
reported with its place, as in a manifest. What stands behind the front matter is the text, exactly,
but for its last line end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.codec import to_plain
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import EXCERPT_LIMIT, Document
from kaizen_schedule.reading.rules import Finding, Route, diagnose

from .agents import NAME, split_front_matter
from .cron import Cadence, CronError, parse_cron
from .definitions import (
    RESOLVER,
    ActivityDefinition,
    Context,
    ForEach,
    Inputs,
    Policy,
    TaskTemplate,
    Trigger,
    placeholders,
    seconds_of,
    template_problem,
)
from .recurrence import Zones, dst_hazard, hazard_fix
from .shape import Checker, describe, nearest
from .timetable import place_findings

# --- Reading ---------------------------------------------------------------------------------

_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_FIXED = {
    name: f"{{{{ run.{name} }}}}"
    for name in ("command", "idempotency_key", "not_before", "expires_at")
}
_KEYS = {
    "the definition": (
        "id", "title", "enabled", "owner", "trigger", "context", "for_each", "task", "policy",
    ),
    "trigger": ("cron", "timezone"),
    "context": ("resolver", "inputs"),
    "inputs": ("agent", "cadence", "include", "exclude"),
    "task": ("title", "description", "command", "labels", *tuple(_FIXED)[1:]),
    "policy": ("overlap", "catchup_window", "stagger_window", "expires_after", "run_timeout"),
}  # fmt: skip
# What a key can hold, for a fix.
_SAMPLES = {
    "id": "weekly-coach-orientation", "title": "Weekly coach orientation", "enabled": "false",
    "owner": "activity-core", "cron": '"0 9 * * 1"', "timezone": "Europe/Berlin",
    "resolver": RESOLVER, "agent": "coach", "cadence": "weekly", "include": '["*"]',
    "exclude": "[]", "for_each": ForEach.RUNS.value, "description": "Run the command.",
    "labels": "[kaizen]", "overlap": "skip", "catchup_window": "P7D", "stagger_window": "PT30M",
    "expires_after": "P6D", "run_timeout": "PT2H",
    **{name: f'"{text}"' for name, text in _FIXED.items()},
}  # fmt: skip
_LONGEST = 366 * 86_400


def _write(key: str) -> str:
    """How a key is written."""
    if key in _SAMPLES:
        return f"{key}: {_SAMPLES[key]}"
    return f"{key}: with {', '.join(_KEYS[key])} beneath it"


class LoadedDefinition:
    """A definition as read: its document, its model where it is sound, and what is wrong."""

    def __init__(
        self,
        definition: ActivityDefinition | None,
        document: Document | None,
        findings: tuple[Finding, ...],
    ) -> None:
        self.definition = definition
        self.document = document
        self.findings = findings


def load_definition(
    text: str, *, path: str, zones: Zones, today: date | None = None
) -> LoadedDefinition:
    r"""Read a definition; everything that is wrong with it is found in one run.

    Args:
        text: The file's text.
        path: Its name, for findings.
        zones: The time zones that exist.
        today: The day from which clock changes are looked for, five years ahead; None looks for
            none.

    Example:
        >>> load_definition("# A page\n", path="a.md", zones=None).findings[0].rule.name
        'definition-front-matter'
    """
    document, body, unclosed = split_front_matter(text.removeprefix("\ufeff"), path)
    if document is None or unclosed:
        message = "there is no front matter" if document is None else "the front matter is open"
        fix = "put the data between two lines of three dashes, at the top"
        found = Finding(rules.DEFINITION_FRONT_MATTER, message, (), fix)
        return LoadedDefinition(None, None, (found,))
    if not document.complete:
        return LoadedDefinition(None, document, ())
    reader = _Reader(zones, today, document.merged)
    definition = reader.definition(document.data, body.removesuffix("\n"))
    sound = not reader.findings and not document.findings
    return LoadedDefinition(definition if sound else None, document, tuple(reader.findings))


class _Reader(Checker):
    """Walks the data once and notes what is wrong; what it makes of faulty data is thrown away."""

    def __init__(self, zones: Zones, today: date | None, merged: Collection[int]) -> None:
        super().__init__(merged)
        self.zones = zones
        self.today = today

    def mapping(self, value: Any, route: Route) -> dict[str, Any]:
        owner = str(route[-1]) if route else "the definition"
        known = _KEYS[owner]
        if not isinstance(value, dict):
            message = f"{owner} is {describe(value)}, not a mapping"
            what = _write(owner) if route else _write("id")
            self.add(rules.WRONG_TYPE, message, route, f"write {what}")
            return {}
        meant = self.unknown_keys(value, dict.fromkeys(known).keys(), route, owner)
        for key in known:
            if key not in meant and self.lacks(value, key):
                message = f"{key} of {owner} is missing"
                self.add(rules.MISSING_KEY, message, route, f"add {_write(key)}", at_key=True)
        return value

    def text(self, data: dict[str, Any], key: str, route: Route) -> str:
        """The text of a key; empty where there is none."""
        value = data.get(key, "")
        if isinstance(value, str) and value.strip():
            return value
        if key in data:
            message = f"{key} is {describe(value)}, not text"
            fix = f"write {_write(key)}"
            if isinstance(value, dict):
                fix = "quote a text that begins with a brace"
            self.add(rules.WRONG_TYPE, message, (*route, key), fix)
        return ""

    def definition(self, data: Any, body: str) -> ActivityDefinition | None:
        data = self.mapping(data, ())
        if not data:
            return None
        name = self.text(data, "id", ())
        if name and not (_ID.fullmatch(name) and len(name) <= 64):
            message = f"id {safety.show(name)} is not 1 to 64 small letters, digits, single dashes"
            self.add(rules.DEFINITION_VALUE, message, ("id",), f"write {_write('id')}")
        if not isinstance(data.get("enabled", False), bool):
            message = f"enabled is {describe(data['enabled'])}, neither true nor false"
            fix = "write enabled: false; the orchestrator's team switches it on"
            self.add(rules.WRONG_TYPE, message, ("enabled",), fix)
        inputs = self.inputs(data)
        for_each = self.for_each(data, inputs)
        trigger, policy = self.trigger(data), self.policy(data)
        task = self.task(data, for_each)
        title, owner = self.text(data, "title", ()), self.text(data, "owner", ())
        if inputs is None or trigger is None or task is None or policy is None:
            return None
        return ActivityDefinition(
            id=name,
            title=title,
            enabled=data.get("enabled") is True,
            owner=owner,
            trigger=trigger,
            context=Context(resolver=RESOLVER, inputs=inputs),
            for_each=for_each,
            task=task,
            policy=policy,
            text=body,
        )

    def for_each(self, data: dict[str, Any], inputs: Inputs | None) -> ForEach:
        text = self.one_of(data, "for_each", (), tuple(ForEach))
        if not text or inputs is None:
            return ForEach(text or ForEach.RUNS)
        message = ""
        if text == ForEach.REPOS and (inputs.agent or inputs.cadence):
            what = "an agent" if inputs.agent else "a cadence"
            message = f"for_each: {text} is about repositories, and inputs name {what}"
            fix = f"write agent: null and cadence: null, or for_each: {ForEach.RUNS}"
        # A cadence that is missing or wrong is told of at its own place.
        elif text == ForEach.RUNS and data["context"]["inputs"].get("cadence", "") is None:
            message = f"for_each: {text} needs a cadence in inputs"
            fix = f"write cadence: weekly, or for_each: {ForEach.REPOS}"
        if message:
            self.add(rules.DEFINITION_VALUE, message, ("for_each",), fix)
        return ForEach(text)

    def one_of(self, data: dict[str, Any], key: str, route: Route, known: tuple[str, ...]) -> str:
        value = data.get(key)
        if key in data and not (isinstance(value, str) and value in known):
            near = nearest(value, known) if isinstance(value, str) else ""
            fix = f"did you mean {near}?" if near else f"write {_write(key)}"
            message = f"{key} is {describe(value)}, not {' or '.join(known)}"
            self.add(rules.DEFINITION_VALUE, message, (*route, key), fix)
        return value if isinstance(value, str) and value in known else ""

    def trigger(self, data: dict[str, Any]) -> Trigger | None:
        if "trigger" not in data:
            return None
        route: Route = ("trigger",)
        trigger = self.mapping(data["trigger"], route)
        text, name = self.text(trigger, "cron", route), self.text(trigger, "timezone", route)
        cron = None
        if text:
            try:
                cron = parse_cron(text)
            except CronError as error:
                message = f"cron {safety.show(text)} of the trigger {error.message}"
                self.add(error.rule, message, (*route, "cron"), error.fix)
        zone = self.zones.get(name) if name else None
        if name and zone is None:
            near = nearest(name, self.zones.names)
            fix = f"did you mean {near}?" if near else "name a place, such as Europe/Berlin"
            message = f"unknown time zone {safety.show(name)}"
            self.add(rules.UNKNOWN_TIMEZONE, message, (*route, "timezone"), fix)
        if cron and zone and self.today and (why := dst_hazard(cron, zone, self.today)):
            message = f"cron {safety.show(text)} of the trigger is not safe over clock changes"
            fix = hazard_fix(zone, self.today)
            at = (*route, "cron")
            self.add(rules.TRIGGER_HAZARD, f"{message} in {name}: {why}", at, fix)
        return Trigger(cron=text, timezone=name)

    def inputs(self, data: dict[str, Any]) -> Inputs | None:
        if "context" not in data:
            return None
        context = self.mapping(data["context"], ("context",))
        self.one_of(context, "resolver", ("context",), (RESOLVER,))
        if "inputs" not in context:
            return None
        route: Route = ("context", "inputs")
        inputs = self.mapping(context["inputs"], route)
        if not inputs:
            return None
        agent, cadence = inputs.get("agent"), inputs.get("cadence")
        if agent is not None and not (isinstance(agent, str) and NAME.fullmatch(agent)):
            message = f"agent is {describe(agent)}, which no agent can be called"
            self.add(rules.AGENT_NAME, message, (*route, "agent"), "write agent: coach")
        if cadence is not None:
            cadence = self.one_of(inputs, "cadence", route, tuple(Cadence))
        return Inputs(
            agent=agent if isinstance(agent, str) else None,
            cadence=Cadence(cadence) if cadence else None,
            include=self.texts(inputs, "include", route, "slugs, such as ['*']"),
            exclude=self.texts(inputs, "exclude", route, "slugs, such as ['sandbox-*']"),
        )

    def task(self, data: dict[str, Any], for_each: ForEach) -> TaskTemplate | None:
        if "task" not in data:
            return None
        route: Route = ("task",)
        task = self.mapping(data["task"], route)
        for key, fixed in _FIXED.items():
            if key in task and task[key] != fixed:
                message = f"{key} of the task is {describe(task[key])}, not the run's own"
                at, fix = (*route, key), f'write {key}: "{fixed}"'
                self.add(rules.DEFINITION_VALUE, message, at, fix)
        known = placeholders(for_each)
        title, description = (self.text(task, key, route) for key in ("title", "description"))
        labels = self.texts(task, "labels", route, "labels, such as [kaizen]")
        places: list[tuple[Any, Route]] = [
            (title, (*route, "title")),
            (description, (*route, "description")),
        ]
        if isinstance(raw := task.get("labels"), list):
            places += ((label, (*route, "labels", number)) for number, label in enumerate(raw))
        for text, at in places:
            if len(self.findings) > EXCERPT_LIMIT:
                break  # no more are printed, and a guess at what was meant takes time
            if isinstance(text, str) and (problem := template_problem(text, known)):
                self.add(rules.PLACEHOLDER, problem[0], at, problem[1])
        return TaskTemplate(title=title, description=description, labels=labels, **_FIXED)  # type: ignore[arg-type] # the fixed texts are the literals

    def policy(self, data: dict[str, Any]) -> Policy | None:
        if "policy" not in data:
            return None
        route: Route = ("policy",)
        policy = self.mapping(data["policy"], route)
        self.one_of(policy, "overlap", route, ("skip",))
        durations = {}
        for key in _KEYS["policy"][1:]:
            durations[key] = text = self.text(policy, key, route)
            if not text:
                continue
            at = (*route, key)
            try:
                seconds = seconds_of(text)
            except ValueError:
                message = f"{key} is {describe(text)}, not an ISO 8601 duration"
                fix = "write weeks, days, hours, minutes, seconds: P7D, PT30M, P1DT12H"
                self.add(rules.DURATION, message, at, fix)
                continue
            if seconds == 0 and key != "stagger_window":
                message = f"{key} is {describe(text)}: no time at all"
                self.add(rules.DURATION, message, at, "write how long, such as PT2H")
            elif seconds > _LONGEST:
                message = f"{key} is {describe(text)}, longer than a year"
                self.add(rules.DURATION, message, at, "write how long, such as P7D")
        return Policy(overlap="skip", **durations)


# --- Findings --------------------------------------------------------------------------------


def definition_diagnostics(loaded: LoadedDefinition, path: str) -> tuple[Diagnostic, ...]:
    r"""Everything that is wrong with a definition, in file order.

    Args:
        loaded: The definition as read.
        path: The file's name, for a file without front matter.

    Example:
        >>> loaded = load_definition("# A page\n", path="a.md", zones=None)
        >>> definition_diagnostics(loaded, "a.md")[0].message
        'there is no front matter'
    """
    if loaded.document is not None:
        return place_findings(loaded.document, loaded.findings)
    shown = safety.escape(path)
    return tuple(
        diagnose(finding.rule, finding.message, path=shown, fix=finding.fix)
        for finding in loaded.findings
    )


def check_definitions(loaded: Sequence[tuple[str, LoadedDefinition]]) -> tuple[Diagnostic, ...]:
    """Of several definitions: one at most has an id, and one at most is for an agent and a cadence.

    Args:
        loaded: Names of files, and the definitions as read; of two, the one whose name comes later
            is reported. Faulty ones count by what can be read of them.
    """
    seen: dict[tuple[str, ...], str] = {}
    found = []
    for path, item in sorted(loaded, key=lambda pair: pair[0]):
        document = item.document
        if document is None or not document.complete:
            continue
        name = _value(document, "id")
        agent, cadence = (_value(document, "context", "inputs", k) for k in ("agent", "cadence"))
        claims: list[tuple[tuple[str, ...], str, Route]] = []
        if name:
            claims.append(((name,), f"id {safety.show(name)}", ("id",)))
        if agent and cadence:
            what = f"agent {safety.show(agent)} with cadence {safety.show(cadence)}"
            claims.append(((agent, cadence), what, ("context", "inputs", "agent")))
        for claim, what, route in claims:
            first = seen.setdefault(claim, path)
            if first != path:
                message = f"{what} has a definition already, in {safety.escape(first)}"
                fix = "keep one of the two; whether they are enabled makes no difference"
                finding = Finding(rules.DUPLICATE_DEFINITION, message, route, fix)
                found.append(document.place(finding))
    return tuple(found)


def _value(document: Document, *route: str) -> str:
    """A text of a document; empty where there is none."""
    value = document.data
    for key in route:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


# --- Rendering -------------------------------------------------------------------------------


def render_definition(definition: ActivityDefinition) -> str:
    """Write a definition as markdown; read back it gives the same model.

    Its texts are Unicode, without lone surrogates: those YAML cannot hold.
    """
    data: Any = to_plain(definition)
    text = data.pop("text")
    lines = ["---", *_lines(data, ""), "---"]
    return "\n".join(lines) + "\n" + (f"{text}\n" if text else "")


def _lines(data: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{key}: [{', '.join(map(_scalar, value))}]")
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


# What needs no quotes in any reader of YAML, in a list too.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ ()-]*[A-Za-z0-9_)]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    import json

    # JSON's strings are YAML's in double quotes, but for what needs two escapes in JSON.
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if safety.printable(quoted) else "".join(map(_visible, quoted))


def _visible(character: str) -> str:
    if safety.printable(character):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
