"""Whether a run is to be worked: its key, the manifest, the entry and the prompt.

By hand nothing but a missing prompt stands in the way, and the rest is said; for a run that was
handed out, the first thing that speaks against it refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kaizen_schedule.planning.agents import Prompt, Risk, find_prompt, list_prompts
from kaizen_schedule.planning.definitions import ActivityDefinition, CronOrigin
from kaizen_schedule.planning.manifest import (
    MANIFEST_PATH,
    CheckedManifest,
    Entry,
    Review,
    check_manifest,
)
from kaizen_schedule.planning.reasons import (
    Problem,
    entry_problem,
    manifest_problem,
    prompt_problem,
    unusable,
)
from kaizen_schedule.planning.recurrence import Zones
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.planning.timetable import (
    Timing,
    iter_times,
    place_findings,
    timing_of,
)
from kaizen_schedule.planning.windows import RunKey, parse_run_key
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import instant
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.document import SIZE_LIMIT, Document, parse_document
from kaizen_schedule.reading.errors import FaultReason, FileFault, Refusal
from kaizen_schedule.reading.tree import Tree

_SAID = 5
"""So many diagnostics of one file are told as warnings; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the preparation."""

    agent: str
    target: str
    """The checkout's path, as the close commands shall name it."""
    repository: str
    """The name of the checkout's folder."""
    now: datetime
    """With a zone."""
    run: str | None = None
    definition: str | None = None
    expires_at: datetime | None = None
    token_budget: int = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What comes with the program, handed in."""

    zones: Zones
    prompts: Mapping[str, Prompt]
    definitions: Sequence[ActivityDefinition]
    tool_version: str


@dataclass(slots=True, kw_only=True)
class Facts:
    """What was found out about the run."""

    prompt: Prompt
    entry: Entry | None
    timing: Timing | None
    key: RunKey | None
    manifest_bytes: bytes
    warnings: list[str]

    @property
    def review(self) -> bool:
        """Whether a person has to look at the result."""
        required = self.entry is not None and self.entry.review is Review.REQUIRED
        return required or self.prompt.risk is Risk.HIGH


def said(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Diagnostics as warnings, a few of them: the rest are counted."""
    lines = [f"{d.name}: {d.path}:{d.line}: {d.message}" for d in diagnostics[:_SAID]]
    if left := diagnostics[_SAID:]:
        lines.append(f"{left[0].name}: {len(left):,} more of them")
    return lines


def examine(tree: Tree, request: Request, surroundings: Surroundings) -> Facts:
    """Find out whether the run is to be worked; the first reason against it refuses it."""
    key = _checked_key(request)
    warnings: list[str] = []
    document, manifest_bytes = _read_manifest(tree, request, warnings)
    prompt = find_prompt(tree, request.agent, surroundings.prompts)
    entry, timing = None, None
    if document is not None:
        checked = check_manifest(document, zones=surroundings.zones, prompts=None)
        found = place_findings(document, checked.findings)
        errors = [d for d in found if d.severity == "error"]
        entry = checked.entries.get(request.agent)
        if request.run is not None:
            _refuse_problem(manifest_problem(checked, errors, path=request.target))
            entry = _refuse_entry(checked, request, surroundings, prompt)
        else:
            warnings += _by_hand(checked, errors, request, entry)
        if entry is not None and checked.timezone is not None:
            timing = timing_of(
                request.agent,
                entry,
                timezone=checked.timezone,
                definitions=surroundings.definitions,
            )
    prompt = _usable(prompt, tree, request, surroundings)
    warnings += said(prompt.diagnostics)
    if key is not None and timing is not None and timing.cron_origin is CronOrigin.ENTRY:
        first = next(iter_times(timing, key.scheduled_for, zones=surroundings.zones))
        if first != key.scheduled_for:
            warnings.append(
                f"rescheduled: cron {safety.show(timing.cron)} no longer fires at "
                f"{instant(key.scheduled_for)}, when this run was handed out"
            )
    return Facts(
        prompt=prompt,
        entry=entry,
        timing=timing,
        key=key,
        manifest_bytes=manifest_bytes,
        warnings=warnings,
    )


_CANCEL = "do nothing; close the task as cancelled"


def _refuse(reason: str, message: str, fix: str = "") -> Refusal:
    message = safety.redact(message)[0]  # an agent's name can look like a secret
    return Refusal(reason, message, fix=f"{_CANCEL}; for its owner: {fix}" if fix else _CANCEL)


def _checked_key(request: Request) -> RunKey | None:
    if request.expires_at is not None and request.now >= request.expires_at:
        raise _refuse("expired", f"the run expired at {instant(request.expires_at)}")
    if request.run is None:
        return None
    key = parse_run_key(request.run)
    if key is None:
        raise _refuse("run-mismatch", f"run {safety.show(request.run)} is no idempotency key")
    if key.agent != request.agent:
        message = (
            f"run {safety.show(request.run, 120)} is one of agent {key.agent}, not {request.agent}"
        )
        raise _refuse("run-mismatch", message)
    return key


def _read_manifest(
    tree: Tree, request: Request, warnings: list[str]
) -> tuple[Document | None, bytes]:
    try:
        data = tree.read(MANIFEST_PATH, cap=SIZE_LIMIT).data
    except FileFault as fault:
        reason = {
            FaultReason.MISSING: "manifest-missing",
            FaultReason.TOO_LARGE: "manifest-invalid",
        }.get(fault.reason, "unreadable")
        if request.run is not None:
            raise _refuse(reason, fault.message) from fault
        warnings.append(f"{reason}: {fault.message}; nothing runs by itself here")
        return None, b""
    return parse_document(data, path=MANIFEST_PATH), data


def _refuse_problem(problem: Problem | None) -> None:
    if problem is not None:
        raise _refuse(problem.reason, problem.detail, problem.fix)


def _refuse_entry(
    checked: CheckedManifest,
    request: Request,
    surroundings: Surroundings,
    prompt: Prompt | None,
) -> Entry:
    agent = request.agent
    entry = checked.entries.get(agent)
    _refuse_problem(entry_problem(agent, entry, path=request.target))
    assert entry is not None
    _refuse_problem(prompt_problem(agent, entry, prompt))
    definition = next((d for d in surroundings.definitions if d.id == request.definition), None)
    if definition is not None and definition.agent not in (None, agent):
        message = f"definition {definition.id} is for agent {definition.agent}, not {agent}"
        raise _refuse("run-mismatch", message)
    if definition is not None and definition.cadence not in (None, entry.cadence):
        message = (
            f"definition {definition.id} is {definition.cadence}, the entry is {entry.cadence}"
        )
        raise _refuse("cadence-differs", message)
    return entry


def _by_hand(
    checked: CheckedManifest, errors: Sequence[Diagnostic], request: Request, entry: Entry | None
) -> list[str]:
    problems = [manifest_problem(checked, errors, path=request.target)]
    if checked.manifest is not None:
        problems.append(entry_problem(request.agent, entry, path=request.target))
    return [f"{p.reason}: {p.detail}" for p in problems if p is not None]


def _usable(
    prompt: Prompt | None, tree: Tree, request: Request, surroundings: Surroundings
) -> Prompt:
    agent = request.agent
    if prompt is not None and prompt.readable:
        return prompt
    if prompt is not None:
        problem = unusable(prompt)
        raise Refusal(problem.reason, problem.detail, fix=problem.fix)
    known = [p.name for p in list_prompts(tree, surroundings.prompts) if p.readable]
    near = nearest(agent, known)
    fix = f"did you mean {near}? " if near else ""
    raise Refusal(
        "agent-not-installed",
        f"there is no prompt for agent {safety.show(agent)}",
        fix=f"{fix}known are {', '.join(known[:20])}",
    )
