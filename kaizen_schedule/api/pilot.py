"""The smoke run: each definition fires, its runs become tasks, and each task's command is run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.fleet import Expectation, PilotFleet, materialise
from kaizen_schedule.edges.processes import fingerprint, own_program, run_command
from kaizen_schedule.orienting.bundle import Bundle, sha256
from kaizen_schedule.orienting.events import (
    PilotCompletedData,
    PilotCounts,
    pilot_event,
    prepared_event,
)
from kaizen_schedule.orienting.record import PilotStep, StepKind, render_record
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.eligibility import Exclusion
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.planning.tasks import Task, tasks_of
from kaizen_schedule.planning.windows import next_fire
from kaizen_schedule.publishing.reporters import count_of, day_and_time
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import Json, dumps, from_plain, instant
from kaizen_schedule.reading.errors import KaizenError
from kaizen_schedule.reading.shell import shell_words
from kaizen_schedule.reading.strict_json import parse_json

from .definitions import window_at
from .fleet import Asking, discover_kaizen_scheduled_repos

Told = Callable[[PilotStep], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotResult:
    """What a smoke run came to.

    Example:
        >>> result = run_pilot(now=now, definition=packaged.definitions()[1])
        >>> result.ok, result.counts.failed, result.steps[0].step.value
        (True, 0, 'fire')
    """

    ok: bool
    """Whether every step held, and two or more repositories were prepared."""
    steps: tuple[PilotStep, ...]
    """What was done, in order; the record."""
    prepared: tuple[str, ...]
    """The repositories that were prepared."""
    counts: PilotCounts
    """How many there were of each."""
    host: str
    """The host that was asked about."""
    roster_digest: str
    """Names the roster."""

    @property
    def record(self) -> str:
        """The record as JSON lines."""
        return render_record(self.steps)


def run_pilot(
    asking: Asking | None = None,
    *,
    now: datetime,
    definition: ActivityDefinition | None = None,
    definitions: Sequence[ActivityDefinition] | None = None,
    told: Told | None = None,
) -> PilotResult:
    """Fire each definition once and follow its runs to the bundle.

    Args:
        asking: The roster to run it on; None for the embedded pilot fleet.
        now: Each definition fires the first time after this instant; with a zone.
        definition: The definition to fire; None for all that are no template.
        definitions: All definitions, for the pilot fleet; None for the packaged drafts.
        told: Told of each step when it is done.

    Returns:
        Whether everything held, and the record, step by step.

    Raises:
        UsageError: The roster knows no such host, or the definition is a template.
        OutputError: The pilot fleet cannot be written, or no process can be begun.

    Example:
        >>> result = run_pilot(now=now, definition=packaged.definitions()[1])
        >>> result.ok, result.prepared
        (True, ('field-notes', 'kaizen-agentic', 'the-custodian'))
    """
    with tempfile.TemporaryDirectory(prefix="kaizen-pilot-") as folder, own_program() as program:
        fleet = materialise(folder) if asking is None else None
        if fleet is not None:
            asking = _of_fleet(fleet, definitions)
        assert asking is not None
        pilot = _Pilot(asking, fleet, program, told)
        known = asking.definitions if asking.definitions is not None else packaged.definitions()
        fired = [item for item in known if not item.is_template]
        for item in fired if definition is None else [definition]:
            pilot.fire(_narrowed(item, fleet), now)
        return pilot.end()


def completed_event(
    result: PilotResult, *, started_at: datetime, finished_at: datetime
) -> dict[str, Json]:
    """The progress event of a smoke run.

    Args:
        result: What it came to.
        started_at: When it began; with a zone.
        finished_at: When it ended; with a zone.
    """
    data = PilotCompletedData(
        tool_version=__version__,
        ok=result.ok,
        counts=result.counts,
        started_at=started_at.astimezone(UTC),
        finished_at=finished_at.astimezone(UTC),
        host=result.host,
        roster_digest=result.roster_digest,
        record_sha256=sha256(result.record),
    )
    return pilot_event(data)


def check_progress(url: str, *, token: str | None = None, hub: str | None = None) -> bool:
    """Make sure of what can be known before a long pilot: that an event could be posted at all.

    Args:
        url: Where to.
        token: The hub's token.
        hub: The hub whose token it is; None for the one that is posted to.

    Returns:
        Whether it is that hub, so that the token may be sent.

    Raises:
        UsageError: An address or the token cannot be used.
    """
    from kaizen_schedule.edges.hub import check_address, same_hub

    own = hub is None or same_hub(url, hub)
    check_address(url, token if own else None)
    return own


def post_progress(
    url: str, event: Mapping[str, Json], *, token: str | None = None, hub: str | None = None
) -> bool:
    """Post an event; only ever done when asked for.

    Args:
        url: Where to.
        event: The event.
        token: The hub's token.
        hub: The hub whose token it is; None for the one that is posted to. Another server is not
            sent it.

    Returns:
        Whether the token, where there is one, was sent.

    Raises:
        SourceError: It cannot be told.
    """
    from kaizen_schedule.edges.hub import post_event

    own = check_progress(url, token=token, hub=hub)
    post_event(url, event, token=token if own else None)
    return own or token is None


def _of_fleet(fleet: PilotFleet, definitions: Sequence[ActivityDefinition] | None) -> Asking:
    return Asking(
        roster=load_roster(fleet.roster),
        host=fleet.host,
        hosts=fleet.hosts,
        definitions=tuple(definitions) if definitions is not None else None,
    )


def _narrowed(definition: ActivityDefinition, fleet: PilotFleet | None) -> ActivityDefinition:
    """The definition with the pilot fleet's exclude globs."""
    if fleet is None:
        return definition
    inputs = definition.context.inputs
    inputs = replace(inputs, exclude=(*inputs.exclude, *fleet.not_selected_by))
    return replace(definition, context=replace(definition.context, inputs=inputs))


class _Pilot:
    """Takes the steps and keeps the record."""

    def __init__(
        self, asking: Asking, fleet: PilotFleet | None, program: str, told: Told | None
    ) -> None:
        self.asking = asking
        self.fleet = fleet
        self.program = program
        self.told = told
        self.steps: list[PilotStep] = []
        self.prepared: set[str] = set()
        self.definitions = 0
        self.runs = 0
        self.excluded = 0

    def step(self, kind: StepKind, *, ok: bool, detail: str = "", **facts: Any) -> bool:
        number = len(self.steps) + 1
        if self.fleet is not None:  # where it was written for a moment tells nobody anything
            detail = detail.replace(self.fleet.folder, "{fleet}")
        done = PilotStep(number=number, step=kind, ok=ok, detail=detail, **facts)
        self.steps.append(done)
        if self.told is not None:
            self.told(done)
        return ok

    def digest(self, value: Any, usual: str) -> str:
        """What names a value: its own digest, or of the pilot fleet one without its folder.

        That is another one each time, and two records have to be the same.
        """
        if self.fleet is None:
            return usual
        folder = dumps(self.fleet.folder).strip().strip('"')
        return sha256(_CUT.sub("", dumps(value, indent=None).replace(folder, "/fleet")))

    def fire(self, definition: ActivityDefinition, now: datetime) -> None:
        self.definitions += 1
        zones = packaged.zones()
        fired_at = next_fire(definition, now.astimezone(UTC), zones=zones)
        name = definition.id
        local = fired_at.astimezone(zones.get(definition.trigger.timezone))
        detail = f"fires {day_and_time(local)} {definition.trigger.timezone}"
        self.step(StepKind.FIRE, ok=True, detail=detail, definition=name, fired_at=fired_at)
        window = window_at(definition, fired_at)
        resolution = discover_kaizen_scheduled_repos(
            replace(self.asking, definition=definition),
            start=window.start,
            end=window.end,
            now=fired_at,
            list_not_scheduled=True,
        )
        self.resolved(name, resolution, fired_at)
        for task in tasks_of(definition, resolution):
            self.runs += 1
            self.task(task, definition, fired_at)

    def resolved(self, name: str, found: Resolution, fired_at: datetime) -> None:
        handed = len(found.scheduled_runs) + len(found.repos)
        expected = self.fleet.expected.get(name) if self.fleet is not None else None
        ok, detail = (
            True,
            f"{count_of(handed, 'run')}, {count_of(len(found.exclusions), 'exclusion')}",
        )
        if expected is not None:
            runs = {(run.repo, run.agent) for run in found.scheduled_runs}
            repos = {run.repo for run in found.repos}
            ok = runs == set(expected.runs) and repos == set(expected.repos)
            odd = sorted({f"{repo} {agent}" for repo, agent in runs ^ set(expected.runs)})
            odd += sorted(repos ^ set(expected.repos))
            detail += "" if ok else f"; not as expected: {', '.join(odd[:5])}"
        self.step(
            StepKind.RESOLVE,
            ok=ok,
            detail=detail,
            definition=name,
            fired_at=fired_at,
            digest=self.digest(found, found.digest),
        )
        wanted = _wanted(expected, self.fleet)
        seen: list[tuple[str, str | None, str]] = []
        for item in found.exclusions:
            self.excluded += 1
            row = (item.repo, item.agent, item.reason.value)
            seen.append(row)
            self.exclusion(name, item, ok=wanted is None or row in wanted)
        for repo, agent, reason in sorted(set(wanted or ()) - set(seen), key=str):
            self.step(
                StepKind.EXCLUDED,
                ok=False,
                detail="expected, and not told",
                definition=name,
                repo=repo,
                agent=agent,
                reason=reason,
            )

    def exclusion(self, name: str, item: Exclusion, *, ok: bool) -> None:
        self.step(
            StepKind.EXCLUDED,
            ok=ok,
            detail="as expected" if ok and self.fleet is not None else item.detail,
            definition=name,
            repo=item.repo,
            agent=item.agent,
            reason=item.reason.value,
        )

    def task(self, task: Task, definition: ActivityDefinition, fired_at: datetime) -> None:
        facts: dict[str, Any] = {
            "definition": definition.id,
            "repo": task.repo,
            "agent": task.agent,
            "run": task.idempotency_key,
        }
        problem = _task_problem(task)
        if not self.step(StepKind.TASK, ok=not problem, detail=problem or task.title, **facts):
            return
        path = task.argv[task.argv.index("--target") + 1]
        before = fingerprint(path)
        command = f"{task.command} --now {instant(fired_at)} --format json"
        done = run_command(command, program=self.program, folder=self.program)
        said = safety.escape(safety.redact(" ".join(done.err.split()))[0])
        detail = "" if done.code == 0 else f"exit {done.code}: {safety.clip(said, 500)}"
        took = round(done.duration_s, 3)
        prepared = self.step(
            StepKind.PREPARE, ok=done.code == 0, detail=detail, duration_s=took, **facts
        )
        same = fingerprint(path) == before
        if prepared:
            self.bundle(task, done.out, facts)
        detail = "" if same else "something beneath the checkout has changed"
        if self.step(StepKind.UNCHANGED, ok=same, detail=detail, **facts) and prepared:
            self.prepared.add(task.repo)

    def bundle(self, task: Task, text: str, facts: dict[str, Any]) -> None:
        try:
            data = parse_json(text.encode())
            if task.agent is None:  # a look at metrics, which makes no bundle
                self.step(StepKind.BUNDLE, ok=isinstance(data, dict), **facts)
                return
            bundle: Bundle = from_plain(Bundle, data)
        except ValueError as error:
            self.step(StepKind.BUNDLE, ok=False, detail=str(error), **facts)
            return
        problem = _bundle_problem(task, bundle)
        parts = [(section.name, section.content) for section in bundle.sections]
        tokens, digest = bundle.estimated_tokens, self.digest(parts, bundle.digest)
        self.step(
            StepKind.BUNDLE, ok=not problem, detail=problem, tokens=tokens, digest=digest, **facts
        )
        try:
            event = prepared_event(bundle)
        except KaizenError as error:
            self.step(StepKind.EVENT, ok=False, detail=error.message, **facts)
            return
        ok = event["runkey"] == task.idempotency_key
        self.step(StepKind.EVENT, ok=ok, detail=str(event["subject"]), **facts)

    def end(self) -> PilotResult:
        failed = sum(not step.ok for step in self.steps)
        checks = len(self.steps)
        enough = len(self.prepared) >= 2
        counts = ((self.definitions, "definition"), (self.runs, "run"), (checks, "check"))
        detail = ", ".join(count_of(number, noun) for number, noun in counts)
        detail += f", {failed:,} failed"
        if not enough:
            prepared = count_of(len(self.prepared), "repository")
            detail += f"; {prepared} prepared, and two are needed"
        self.step(StepKind.END, ok=not failed and enough, detail=detail)
        return PilotResult(
            ok=not failed and enough,
            steps=tuple(self.steps),
            prepared=tuple(sorted(self.prepared)),
            counts=PilotCounts(
                definitions=self.definitions,
                runs=self.runs,
                checks=checks,
                failed=failed,
                prepared=len(self.prepared),
                excluded=self.excluded,
            ),
            host=self.asking.host,
            roster_digest=self.asking.roster.digest,
        )


# What an answer holds of its own digests, and of texts that a longer folder cuts elsewhere.
_CUT = re.compile(r'"(?:digest|roster_digest|detail|fix)": "(?:[^"\\]|\\.)*"')


def _wanted(
    expected: Expectation | None, fleet: PilotFleet | None
) -> Sequence[tuple[str, str | None, str]] | None:
    """The exclusions that the pilot fleet has to give; an item without a slug has none here."""
    if expected is None or fleet is None:
        return None
    return tuple(
        ("" if repo.startswith("#") else repo, agent, reason)
        for repo, agent, reason in expected.excluded
    )


def _task_problem(task: Task) -> str:
    """What a task says against its contract; empty where nothing does."""
    if shell_words(task.command) != list(task.argv):
        return "command and argv say different things"
    if not task.title or "\n" in task.title:
        return "the title is no line"
    if task.expires_at <= task.not_before:
        return "it expires before it may begin"
    return ""


def _bundle_problem(task: Task, bundle: Bundle) -> str:
    """What a bundle says against the task that it was prepared for; empty where nothing does."""
    pairs = (
        ("run", bundle.run, task.idempotency_key),
        ("agent", bundle.agent, task.agent),
        ("repository", bundle.repository, task.repo),
        ("definition", bundle.definition, task.definition),
        ("expires_at", bundle.expires_at, task.expires_at),
    )
    odd = [name for name, found, meant in pairs if found != meant]
    if odd:
        return f"{', '.join(odd)} of the bundle differ from the task's"
    names = [section.name for section in bundle.sections]
    whole = ["task", "agent", "schedule", "metrics", "memory", "repository", "close"]
    return "" if names == whole else f"the sections are {', '.join(names)}"
