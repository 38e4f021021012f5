"""The roster's answer: every registered repository, eligible or why not; and one of them in full.

Answers of several hosts are merged where they speak of the same roster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kaizen_schedule import __version__
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION
from kaizen_schedule.reading.diagnostics import Diagnostic
from kaizen_schedule.reading.errors import UsageError

from .eligibility import Examined, Exclusion, Place, Surroundings
from .reasons import Reason
from .resolver import count_reasons
from .roster import Roster, RosterRepo, owner_of
from .windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReason:
    """Why a repository, or one of its entries, does not run."""

    agent: str | None
    """The entry's agent; null where it is the whole repository."""
    reason: Reason
    """The first that applies."""
    detail: str
    """The facts in one sentence."""
    fix: str
    """What to do about it; empty where nothing is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """A registered repository."""

    repo: str
    """Its slug; empty where the roster's item has none."""
    eligible: bool
    """Whether one entry at least can run."""
    agents: tuple[str, ...]
    """The entries that can."""
    reasons: tuple[AgentReason, ...]
    """Why the repository, or the other entries, cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterAnswer:
    """Who takes part, and why not the others.

    Example:
        >>> from kaizen_schedule import Asking, load_roster, show_roster
        >>> items = [
        ...     {"slug": "ledger", "host_paths": {"forge-1": str(repository)}},
        ...     {"slug": "sandbox", "host_paths": {}},
        ... ]
        >>> answer = show_roster(Asking(roster=load_roster(items), host="forge-1"))
        >>> [(row.repo, row.eligible) for row in answer.repos], answer.counts["no-host-path"]
        ([('ledger', True), ('sandbox', False)], 1)
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    host: str
    """The host that was asked about; of merged answers, all of them."""
    hosts: tuple[str, ...]
    """The participating hosts, sorted."""
    roster_digest: str
    """Names the roster."""
    tzdata_version: str
    """The release of the time zone rules."""
    repos: tuple[RosterRow, ...]
    """By slug."""
    counts: dict[str, int]
    """How many repositories are registered and eligible, and how many of each reason there are."""


def answer_roster(
    roster: Roster,
    looked: Iterable[tuple[Place, Examined]],
    excluded: Iterable[Exclusion],
    around: Surroundings,
) -> RosterAnswer:
    """Make the roster's answer of what was found in the checkouts.

    Args:
        roster: The roster.
        looked: What a look into each checkout found.
        excluded: The repositories that this host had not to look into.
        around: What was asked.
    """
    rows = [_row(item.repo, (), (item,)) for item in excluded]
    for place, found in looked:
        agents = tuple(sorted(item.agent for item in found.runnable))
        whole = around.definition is not None and around.definition.about_repositories
        row = _row(place.repo, agents, found.exclusions)
        rows.append(replace(row, eligible=whole and not found.exclusions) if whole else row)
    return _answer(
        rows,
        host=around.host,
        hosts=around.hosts,
        roster_digest=roster.digest,
        tzdata_version=around.zones.version,
    )


def _row(repo: str, agents: tuple[str, ...], exclusions: Sequence[Exclusion]) -> RosterRow:
    reasons = tuple(
        AgentReason(agent=e.agent, reason=e.reason, detail=e.detail, fix=e.fix)
        for e in sorted(exclusions, key=lambda e: e.agent or "")
    )
    return RosterRow(repo=repo, eligible=bool(agents), agents=agents, reasons=reasons)


def _answer(
    rows: Iterable[RosterRow],
    *,
    host: str,
    hosts: tuple[str, ...],
    roster_digest: str,
    tzdata_version: str,
) -> RosterAnswer:
    ordered = tuple(sorted(rows, key=lambda row: (row.repo, *(r.detail for r in row.reasons))))
    eligible = sum(row.eligible for row in ordered)
    return RosterAnswer(
        host=host,
        hosts=hosts,
        roster_digest=roster_digest,
        tzdata_version=tzdata_version,
        repos=ordered,
        counts={
            "registered": len(ordered),
            "eligible": eligible,
            **count_reasons(reason for row in ordered for reason in row.reasons),
        },
    )


def merge_answers(answers: Sequence[RosterAnswer]) -> RosterAnswer:
    """One answer of several hosts' answers: of each repository, its owner's.

    Args:
        answers: One of each host.

    Raises:
        UsageError: They do not belong together, or there is none.
    """
    if not answers:
        raise UsageError("there is no answer to merge", fix="name one file of each host")
    first = answers[0]
    for number, other in enumerate(answers[1:], 1):
        if other.host in {answer.host for answer in answers[:number]}:
            message = f"two of the answers are of {other.host}"
            raise UsageError(safety.escape(message), fix="name one file of each host")
        for name in ("roster_digest", "tzdata_version", "hosts"):
            if getattr(other, name) != getattr(first, name):
                message = f"the answers of {first.host} and {other.host} differ in {name}"
                fix = "ask every host of the same roster, with the same version and --hosts"
                raise UsageError(safety.escape(message), fix=fix)
    rows: dict[tuple[str, int], RosterRow] = {}
    waiting: dict[str, RosterRow] = {}
    for answer in answers:
        times: Counter[str] = Counter()  # items without a slug are told one by one
        for row in answer.repos:
            if any(reason.reason == Reason.OTHER_HOST for reason in row.reasons):
                waiting[row.repo] = row
            else:
                rows.setdefault((row.repo, times[row.repo]), row)
                times[row.repo] += 1
    for repo, row in waiting.items():
        if (repo, 0) not in rows:
            owner = row.reasons[0].detail
            reason = AgentReason(
                agent=None,
                reason=Reason.HOST_UNREACHABLE,
                detail=f"the answer of its owner is missing: {owner}",
                fix="ask that host too, or leave it out with --hosts",
            )
            rows[repo, 0] = replace(row, reasons=(reason,))
    return _answer(
        rows.values(),
        host=", ".join(sorted({answer.host for answer in answers})),
        hosts=first.hosts,
        roster_digest=first.roster_digest,
        tzdata_version=first.tzdata_version,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A repository of which two answers say different things."""

    repo: str
    """Its slug; empty where the roster's item has none."""
    before: RosterRow | None
    """What the earlier answer says; null where it does not name it."""
    after: RosterRow | None
    """What the later one says."""


def changes(old: RosterAnswer, new: RosterAnswer) -> tuple[Change, ...]:
    """The repositories that became eligible or not, or for another reason; by slug."""

    def numbered(answer: RosterAnswer) -> dict[tuple[str, int], RosterRow]:
        times: Counter[str] = Counter()  # several items have no slug
        rows = {}
        for row in answer.repos:
            rows[row.repo, times[row.repo]] = row
            times[row.repo] += 1
        return rows

    def state(row: RosterRow | None) -> object:
        return row and (row.eligible, row.agents, [(r.agent, r.reason) for r in row.reasons])

    before, after = numbered(old), numbered(new)
    return tuple(
        Change(repo=key[0], before=before.get(key), after=after.get(key))
        for key in sorted(before.keys() | after.keys())
        if state(before.get(key)) != state(after.get(key))
    )


# --- One repository, step by step ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One check of a repository or an entry."""

    name: str
    """What is looked at."""
    ok: bool
    """Whether it holds."""
    detail: str
    """The facts."""
    reason: Reason | None = None
    """The reason, where it does not hold."""
    fix: str = ""
    """What to do about it."""


class _Check(NamedTuple):
    name: str
    reasons: tuple[Reason, ...]


CHECKS = (
    _Check("registered", (Reason.ROSTER_ENTRY_INVALID, Reason.DUPLICATE_SLUG)),
    _Check("hub flag", (Reason.HUB_OPTED_OUT,)),
    _Check("selected", (Reason.NOT_SELECTED,)),
    _Check("host", (Reason.NO_HOST_PATH, Reason.HOST_UNREACHABLE, Reason.OTHER_HOST)),
    _Check(
        "path",
        (
            Reason.DUPLICATE_PATH,
            Reason.PATH_MISSING,
            Reason.NOT_A_REPOSITORY,
            Reason.UNREADABLE,
        ),
    ),
    _Check(
        "manifest",
        (Reason.MANIFEST_MISSING, Reason.MANIFEST_TOO_NEW, Reason.MANIFEST_INVALID),
    ),
    _Check("switched on", (Reason.REPOSITORY_DISABLED,)),
    _Check("metrics", (Reason.NO_METRICS,)),
    _Check("entry", (Reason.AGENT_NOT_SCHEDULED, Reason.AGENT_DISABLED)),
    _Check("prompt", (Reason.AGENT_NOT_INSTALLED,)),
    _Check("review", (Reason.REVIEW_MISSING,)),
    _Check("cadence", (Reason.CADENCE_DIFFERS,)),
    _Check("definition", (Reason.NO_DEFINITION,)),
    _Check("frequency", (Reason.TOO_FREQUENT,)),
    _Check("time", (Reason.MISSED, Reason.NOT_DUE)),
)
"""The checks in their order, and the reasons that each can give."""

_OF_REPOSITORY = 8

# What is known of an entry's checks that hold, where a later one does not.
_USUAL = {
    "entry": "scheduled, and enabled",
    "prompt": "found",
    "review": "as its risk asks for",
    "definition": "there is one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a repository, or one of its entries, runs or does not.

    Example:
        >>> from kaizen_schedule import Asking, explain_repository, load_roster
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}])
        >>> asking = Asking(roster=roster, host="forge-1")
        >>> explanation = explain_repository(asking, "ledger", "tdd-workflow", now=now)[0]
        >>> explanation.ok, explanation.steps[-1].name, explanation.steps[-1].reason.value
        (False, 'entry', 'agent-disabled')
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that answered."""
    repo: str
    """The slug."""
    agent: str | None
    """The entry's agent; null where the repository itself is in the way, or was asked about."""
    host: str
    """The host that was asked about."""
    ok: bool
    """Whether every check holds."""
    steps: tuple[Step, ...]
    """The checks in their order, up to the first that does not hold."""


def explain(
    repo: RosterRepo | None,
    slug: str,
    agent: str | None,
    *,
    exclusion: Exclusion | None,
    around: Surroundings,
    facts: dict[str, str],
) -> Explanation:
    """Walk the checks up to the first that does not hold.

    Args:
        repo: The repository as registered; None where its item cannot be used.
        slug: Its slug.
        agent: The entry's agent; None for the repository as a whole.
        exclusion: What stands in the way; None where nothing does.
        around: What was asked.
        facts: What to say of checks that hold, by their names.
    """
    known = {**_USUAL, **facts} if agent is not None else dict(facts)
    known["registered"] = f"slug {safety.escape(safety.redact(slug)[0])}"
    if repo is not None:
        flag = repo.kaizen_schedule_enabled
        known["hub flag"] = f"{'true' if flag else 'not set'}, the manifest decides"
        owner = owner_of(repo, around.hosts)
        hosts = ", ".join(safety.escape(host) for host in list(repo.host_paths)[:5])
        known["host"] = f"{safety.escape(owner or '')} owns it ({hosts})"
        known["path"] = safety.escape(repo.host_paths.get(around.host, ""))
    asking = around.definition
    if asking is not None:
        known["selected"] = f"by {asking.id}"
    last = _last(exclusion, agent)
    steps = []
    for number, check in enumerate(CHECKS):
        if number > last:
            break
        if number == last and exclusion is not None:
            steps.append(
                Step(
                    name=check.name,
                    ok=False,
                    detail=exclusion.detail,
                    reason=exclusion.reason,
                    fix=exclusion.fix,
                )
            )
        elif check.name in known:
            steps.append(Step(name=check.name, ok=True, detail=known[check.name]))
    return Explanation(
        repo=slug,
        agent=agent,
        host=around.host,
        ok=exclusion is None,
        steps=tuple(steps),
    )


def _last(exclusion: Exclusion | None, agent: str | None) -> int:
    """The number of the check that does not hold, else of the last one that was made."""
    end = len(CHECKS) - 1 if agent is not None else _OF_REPOSITORY - 1
    if exclusion is None:
        return end
    return next(n for n, check in enumerate(CHECKS) if exclusion.reason in check.reasons)


# --- Definitions that were edited ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDefinition:
    """A sound definition that was edited."""

    id: str
    """Its id."""
    changes: tuple[str, ...] | None
    """The lines in which it differs from its draft; null where no draft has this id."""
    first_window: Window | None
    """What it asks for when it first fires; null for a template."""
    hands_out: tuple[str, ...] | None = None
    """The keys of the runs that it would then hand out; null where no roster was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDefinitions:
    """What was found out about definitions that were edited."""

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that looked."""
    ok: bool
    """Whether nothing is wrong."""
    diagnostics: tuple[Diagnostic, ...]
    """Everything that is wrong with them."""
    definitions: tuple[CheckedDefinition, ...]
    """Each sound one."""
