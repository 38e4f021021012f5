"""What the worker of a task needs: prepare it, record how it ended, leave notes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import DiskTree
from kaizen_schedule.edges.writing import append_line
from kaizen_schedule.orienting.admission import Request, Surroundings
from kaizen_schedule.orienting.bundle import Bundle
from kaizen_schedule.orienting.memory import MemoryBrief, memory_path, render_note
from kaizen_schedule.orienting.metrics import (
    Execution,
    Outcome,
    metrics_path,
    parse_executions,
    render_execution,
)
from kaizen_schedule.orienting.orientation import STATE_CAP, brief_safely, build_bundle
from kaizen_schedule.orienting.suggestions import Suggestion, suggest
from kaizen_schedule.orienting.trends import MetricsSummary, summarise
from kaizen_schedule.planning.agents import NAME, find_prompt
from kaizen_schedule.planning.windows import parse_run_key
from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.errors import FaultReason, FileFault, Refusal, UsageError
from kaizen_schedule.reading.tree import Tree

from .targets import PathLike, known_agent, locate_target


def prepare(
    target: PathLike,
    agent: str,
    *,
    now: datetime,
    run: str | None = None,
    definition: str | None = None,
    expires_at: datetime | None = None,
    token_budget: int = 16_000,
) -> Bundle:
    """Prepare the whole orientation of an agent in a repository.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        now: The instant of preparation; with a zone.
        run: The idempotency key of a run that was handed out; None by hand.
        definition: The id of the definition that handed it out; None where nobody says it.
        expires_at: When the run expires; with a zone; None where nobody says it.
        token_budget: The most tokens, by estimate; 0 for none.

    Returns:
        The bundle; ``render_bundle`` makes markdown of it.

    Raises:
        Refusal: The run is not to be worked, no prompt can be had, or the budget is too small.
        UsageError: The budget is negative.
        TargetError: There is no such folder.

    Example:
        >>> [section.name for section in prepare(repository, "coach", now=now).sections]
        ['task', 'agent', 'schedule', 'metrics', 'memory', 'repository', 'close']
    """
    root = locate_target(target)
    surroundings = Surroundings(
        zones=packaged.zones(),
        prompts=packaged.prompts(),
        definitions=packaged.definitions(),
        tool_version=__version__,
    )
    with DiskTree(root) as tree:
        request = Request(
            agent=agent,
            target=tree.root,
            repository=os.path.basename(tree.root) or "repository",
            now=now,
            run=run,
            definition=definition,
            expires_at=expires_at.astimezone(UTC) if expires_at is not None else None,
            token_budget=token_budget,
        )
        return build_bundle(tree, request, surroundings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record that was written.

    Example:
        >>> run = "ledger:coach:2026-11-23T08:00:00Z"
        >>> facts = {"duration_s": 250, "run": run, "now": now}
        >>> first = record_execution(repository, "coach", outcome="partial", **facts)
        >>> second = record_execution(repository, "coach", outcome="success", **facts)
        >>> first.supersedes, second.supersedes.outcome.value
        (None, 'partial')
    """

    path: str
    """The file, relative to the repository."""
    execution: Execution
    """The record, as it will be read."""
    supersedes: Execution | None = None
    """The earlier record of the same run, which no longer counts."""


def record_execution(
    target: PathLike,
    agent: str,
    *,
    outcome: Outcome | str,
    duration_s: float,
    now: datetime,
    quality: float | None = None,
    note: str = "",
    run: str | None = None,
) -> Recorded:
    """Record how a run ended.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        outcome: ``success``, ``partial`` or ``failure``.
        duration_s: How long it took, in seconds, 0 to 366 days.
        now: When it is recorded; with a zone.
        quality: How good the result is, 0 to 1; None where nobody judged.
        note: A few words, at most 1,000 characters; secrets in it are replaced.
        run: The run's idempotency key; a second record of it counts in place of the first.

    Returns:
        The record as it was written, and the earlier one of the same run.

    Raises:
        UsageError: A value cannot be recorded, or there is no such agent.
        OutputError: It cannot be written; the file is as it was.
        TargetError: There is no such folder.

    Example:
        >>> record_execution(repository, "coach", outcome="success", duration_s=250, now=now).path
        '.kaizen/metrics/coach/executions.jsonl'
    """
    root = locate_target(target)
    path = metrics_path(agent)
    with DiskTree(root) as tree:
        known_agent(tree, agent)
        if run is not None and ((key := parse_run_key(run)) is None or key.agent != agent):
            what = "no idempotency key" if key is None else f"of agent {key.agent}, not {agent}"
            fix = "copy the key as the bundle prints it"
            raise UsageError(f"run {safety.show(run, 120)} is {what}", fix=fix)
        earlier = None
        if run is not None:
            try:
                blob = tree.read(path, cap=STATE_CAP, tail=True)
            except FileFault:
                pass
            else:
                known = parse_executions(blob.data, path=path, truncated=blob.truncated)
                earlier = next((e for e in known.executions if e.run == run), None)
    line = render_execution(
        timestamp=now,
        outcome=outcome,
        duration_s=duration_s,
        quality=quality,
        note=note,
        run=run,
    )
    append_line(root, path, line.encode())
    execution = parse_executions(line.encode(), path=path).executions[0]
    return Recorded(path=path, execution=execution, supersedes=earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What the records of an agent say.

    Example:
        >>> done = record_execution(repository, "coach", outcome="success", duration_s=250, now=now)
        >>> metrics = read_metrics(repository, "coach", now=now)
        >>> metrics.summary.success_rate, metrics.suggestions[0].kind.value
        (1.0, 'too-few-runs')
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    agent: str
    """The agent's name."""
    summary: MetricsSummary
    """What the records of the period say, beside those of the period before."""
    suggestions: tuple[Suggestion, ...]
    """What follows from them, the most urgent first."""
    diagnostics: tuple[Diagnostic, ...]
    """Lines that cannot be used, and why."""


def read_metrics(target: PathLike, agent: str, *, now: datetime, days: int = 28) -> Metrics:
    """Read what the records of an agent say.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        now: The end of the period that is looked at; with a zone.
        days: Its length in days, 1 to 3,660; it is compared with as many days before.

    Returns:
        Measures, trends, suggestions, and the lines that cannot be used.

    Raises:
        UsageError: There is no such agent, or the period has no such length.
        TargetError: There is no such folder.

    Example:
        >>> done = record_execution(repository, "coach", outcome="partial", duration_s=9, now=now)
        >>> read_metrics(repository, "coach", now=now).summary.partials
        1
    """
    path = metrics_path(agent)
    with DiskTree(locate_target(target)) as tree:
        known_agent(tree, agent)
        data, truncated, problems = _state(tree, path, STATE_CAP, rules.METRICS_UNREADABLE)
    found = parse_executions(data, path=path, truncated=truncated)
    return Metrics(
        agent=agent,
        summary=summarise(found.executions, now=now, days=days),
        suggestions=suggest(found.executions, now=now, days=days),
        diagnostics=(*problems, *found.diagnostics),
    )


def recorded_agents(target: PathLike) -> tuple[str, ...]:
    """The agents of a repository that have recorded a run, by name.

    Args:
        target: The repository's folder.

    Returns:
        Their names.

    Example:
        >>> recorded_agents(repository)
        ()
    """
    with DiskTree(locate_target(target)) as tree:
        try:
            names = tree.list(".kaizen/metrics")
        except FileFault:
            return ()
        return tuple(
            name
            for name in names
            if NAME.fullmatch(name) and tree.stat(metrics_path(name)) is not None
        )


_MEND = "make it a regular file of this repository that you may read"


def _state(
    tree: Tree, path: str, cap: int, rule: rules.Rule
) -> tuple[bytes, bool, tuple[Diagnostic, ...]]:
    try:
        blob = tree.read(path, cap=cap, tail=True)
    except FileFault as fault:
        if fault.reason is FaultReason.MISSING:
            return b"", False, ()
        problem = rules.diagnose(rule, fault.message, path=safety.escape(path), fix=_MEND)
        return b"", False, (problem,)
    return blob.data, blob.truncated, ()


def add_memory(target: PathLike, agent: str, text: str, *, now: datetime) -> str:
    """Leave a note for the next run of an agent.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        text: Markdown, at most 16 KiB; secrets in it are replaced.
        now: When it is written; with a zone.

    Returns:
        The note as written.

    Raises:
        UsageError: There is no such agent, or the text is empty or too long.
        Refusal: The agent's prompt says that it keeps no memory.
        OutputError: It cannot be written; the file is as it was.
        TargetError: There is no such folder.

    Example:
        >>> print(add_memory(repository, "coach", "The build needs node 20.", now=now))
        ## 2026-11-24T12:00:00Z
        <BLANKLINE>
        The build needs node 20.
        <BLANKLINE>
        <BLANKLINE>
    """
    root = locate_target(target)
    with DiskTree(root) as tree:
        known_agent(tree, agent)
        prompt = find_prompt(tree, agent, packaged.prompts())
    if prompt is not None and not prompt.memory:
        message = f"agent {agent} keeps no memory: its prompt says memory: disabled"
        raise Refusal("memory-disabled", message, fix=f"write memory: enabled in {prompt.path}")
    note = render_note(text, now=now)
    append_line(root, memory_path(agent), note.text.encode())
    return note.text


def read_memory(target: PathLike, agent: str, *, limit: int = 16_000) -> MemoryBrief:
    """Read the newest notes of an agent.

    Args:
        target: The repository's folder.
        agent: The agent's name.
        limit: The most characters.

    Returns:
        The newest notes that fit, the oldest of them first.

    Raises:
        UsageError: There is no such agent.
        TargetError: There is no such folder.

    Example:
        >>> note = add_memory(repository, "coach", "The build needs node 20.", now=now)
        >>> read_memory(repository, "coach").notes[0].text
        'The build needs node 20.'
    """
    path = memory_path(agent)
    with DiskTree(locate_target(target)) as tree:
        known_agent(tree, agent)
        data, truncated, problems = _state(tree, path, STATE_CAP, rules.MEMORY_UNREADABLE)
    found, _ = brief_safely(data, truncated=truncated, path=path, limit=limit)
    return replace(found, diagnostics=(*problems, *found.diagnostics))
