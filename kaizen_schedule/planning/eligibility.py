"""Whether a repository's entries run at all: every check before the clock, in its order.

Each (repository, agent) ends in what can run or in exactly one exclusion; a fault of the whole
repository is one exclusion without an agent. Nothing fails open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.document import SIZE_LIMIT, parse_document
from kaizen_schedule.reading.errors import FaultReason, FileFault, describe_defect
from kaizen_schedule.reading.tree import Kind, MemoryTree, Tree

from .agents import Prompt, find_prompt, label, prompt_paths
from .cron import parse_cron
from .definitions import ActivityDefinition, definition_for
from .manifest import (
    MANIFEST_PATH,
    MOST_PER_DAY,
    CheckedManifest,
    Entry,
    check_manifest,
)
from .reasons import (
    TRANSIENT,
    Problem,
    Reason,
    entry_problem,
    manifest_problem,
    on_target,
    prompt_problem,
)
from .recurrence import Zones
from .roster import Roster, RosterRepo, is_selected, owner_of, same_place
from .timetable import Timing, place_findings, timing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """The one reason why a repository, or one of its entries, has no run.

    Example:
        >>> exclusion = found.exclusions[0]
        >>> exclusion.agent, exclusion.reason.value, exclusion.transient
        ('tdd-workflow', 'agent-disabled', False)
    """

    repo: str
    """The slug; empty where the roster's item has none."""
    agent: str | None
    """The entry's agent; null where it is the whole repository."""
    reason: Reason
    """The first that applies."""
    detail: str
    """The facts in one sentence, safe to print."""
    fix: str
    """What to do about it; empty where nothing is wrong."""
    transient: bool
    """Whether it may pass by itself."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is wrong with the manifest, where it is that."""


def exclude(
    repo: str,
    agent: str | None,
    reason: Reason,
    detail: str,
    fix: str = "",
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Exclusion:
    """Make an exclusion."""
    return Exclusion(
        repo=repo,
        agent=agent,
        reason=reason,
        detail=detail,
        fix=fix,
        transient=reason in TRANSIENT,
        diagnostics=diagnostics,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is the same for every repository of one asking."""

    definition: ActivityDefinition | None
    """What asks; None looks at every entry, for a preview."""
    definitions: Sequence[ActivityDefinition]
    """All definitions, enabled or not."""
    prompts: Mapping[str, Prompt]
    """The packaged prompts."""
    zones: Zones
    """The time zones that exist."""
    hosts: tuple[str, ...]
    """The participating hosts."""
    host: str
    """The one that is asked about."""


OpenTree = Callable[[str], AbstractContextManager[Tree]]
"""Opens the checkout at a path; raises ``FileFault`` where it cannot."""


class Place(NamedTuple):
    """A repository that this host has to look into."""

    repo: str
    path: str


class Runnable(NamedTuple):
    """An entry that runs when its time comes."""

    agent: str
    entry: Entry
    timing: Timing
    definition: ActivityDefinition


class Examined(NamedTuple):
    """What a look into a checkout found."""

    runnable: tuple[Runnable, ...]
    exclusions: tuple[Exclusion, ...]
    manifest_sha256: str = ""


class _Checked(NamedTuple):
    """A manifest's text, checked."""

    checked: CheckedManifest
    errors: tuple[Diagnostic, ...]
    sha256: str
    runnable: dict[str, Runnable]
    """Its entries that were seen to run by the packaged prompt, by agent."""


class _Usual(NamedTuple):
    """An agent of which a repository holds no prompt."""

    paths: tuple[str, ...]
    """Where it could hold one."""
    prompt: Prompt | None
    """The packaged prompt, where there is one."""


# --- The roster ------------------------------------------------------------------------------


def sift_roster(
    roster: Roster, around: Surroundings
) -> tuple[tuple[Place, ...], tuple[Exclusion, ...]]:
    """Say which repositories this host has to look into, and why not into the others.

    Args:
        roster: The roster.
        around: What is asked, and by which host.
    """
    counts: dict[str, int] = {}
    for slug in (*(repo.slug for repo in roster.repos), *(item.slug for item in roster.faulty)):
        counts[slug] = counts.get(slug, 0) + 1
    exclusions: list[Exclusion] = []
    places: list[Place] = []
    taken: dict[str, str] = {}
    told: set[str] = set()
    for item in roster.faulty:  # one that has no slug stands for itself
        if item.slug and item.slug in told:
            continue
        told.add(item.slug)
        more = f"; {_stands(item.slug, counts)}" if item.slug and counts[item.slug] > 1 else ""
        fix = "mend the item where the roster is kept"
        exclusions.append(
            exclude(item.slug, None, Reason.ROSTER_ENTRY_INVALID, f"{item.detail}{more}", fix)
        )
    for repo in roster.repos:  # sorted by slug, so that of one path the smallest has it
        if repo.slug in told:
            continue
        if counts[repo.slug] > 1:
            told.add(repo.slug)
            detail = _stands(repo.slug, counts)
            fix = "keep one of the items"
            exclusions.append(exclude(repo.slug, None, Reason.DUPLICATE_SLUG, detail, fix))
            continue
        found = _elsewhere(repo, around)
        if found is not None:
            exclusions.append(found)
            continue
        path = repo.host_paths[around.host]
        first = taken.setdefault(same_place(path), repo.slug)
        if first != repo.slug:
            detail = f"{safety.show(path)} is the checkout of {safety.show(first)} too"
            fix = "register a checkout once, or give each slug a checkout of its own"
            exclusions.append(exclude(repo.slug, None, Reason.DUPLICATE_PATH, detail, fix))
            continue
        places.append(Place(repo.slug, path))
    return tuple(places), tuple(exclusions)


def _stands(slug: str, counts: Mapping[str, int]) -> str:
    return f"slug {safety.show(slug)} stands {counts[slug]} times in the roster"


def _elsewhere(repo: RosterRepo, around: Surroundings) -> Exclusion | None:
    """Why it is not this host that has to look, if it is not."""
    slug = repo.slug
    if repo.kaizen_schedule_enabled is False:
        detail = "kaizen_schedule_enabled is false in the roster"
        fix = "set it to true or null there; then the manifest decides"
        return exclude(slug, None, Reason.HUB_OPTED_OUT, detail, fix)
    asking = around.definition
    if asking is not None and not _selects(asking, slug):
        detail = f"include and exclude of {asking.id} leave it out"
        fix = f"change them in {asking.id}, if it shall take part"
        return exclude(slug, None, Reason.NOT_SELECTED, detail, fix)
    if not repo.host_paths:
        detail = "host_paths is empty: no host has a checkout"
        fix = "add the path of a checkout to host_paths"
        return exclude(slug, None, Reason.NO_HOST_PATH, detail, fix)
    owner = owner_of(repo, around.hosts)
    if owner is None:
        named = ", ".join(safety.show(host) for host in list(repo.host_paths)[:5])
        detail = f"no participating host has a checkout; there is one on {named}"
        fix = "let one of them take part (--hosts), or add a path for a host that does"
        return exclude(slug, None, Reason.HOST_UNREACHABLE, detail, fix)
    if owner != around.host:
        return exclude(slug, None, Reason.OTHER_HOST, f"{safety.escape(owner)} runs it")
    return None


def _selects(definition: ActivityDefinition, slug: str) -> bool:
    inputs = definition.context.inputs
    return is_selected(slug, inputs.include, inputs.exclude)


# --- The checkout ----------------------------------------------------------------------------


class Examiner:
    """Looks into checkouts, one at a time; whatever one holds is its own result and no other's.

    Args:
        around: What is asked.
        open_tree: Opens the checkout at a path; raises ``FileFault`` where it cannot.
    """

    def __init__(self, around: Surroundings, open_tree: OpenTree) -> None:
        self.around = around
        self.open_tree = open_tree
        # Most manifests of a fleet are the scaffold, byte for byte: each text is checked once.
        self._checked: dict[bytes, _Checked] = {}
        self._usual: dict[str, _Usual] = {}

    def examine(self, place: Place) -> Examined:
        """Look into a checkout."""
        try:
            with self.open_tree(place.path) as tree:
                return self._examine(place, tree)
        except FileFault as fault:
            if fault.reason is FaultReason.MISSING:
                fix = "clone it there, or mend host_paths in the roster"
                return _whole(place, Reason.PATH_MISSING, fault.message, fix)
            if fault.reason is FaultReason.NOT_REGULAR:
                return _whole(place, Reason.NOT_A_REPOSITORY, fault.message, _NO_CHECKOUT)
            return _whole(place, Reason.UNREADABLE, fault.message, _MEND)
        except Exception as error:  # whatever a stranger's file may set off: no other pays for it
            return _whole(place, Reason.UNREADABLE, describe_defect(error), _REPORT)

    def _check(self, data: bytes) -> _Checked:
        found = self._checked.get(data)
        if found is None:
            found = _check(data, self.around.zones)
            if len(data) <= 16 * _REMEMBERED and len(self._checked) < _REMEMBERED:
                self._checked[data] = found
        return found

    def _usually(self, agent: str) -> _Usual:
        found = self._usual.get(agent)
        if found is None:
            prompt = find_prompt(_BARE, agent, self.around.prompts)
            found = _Usual(prompt_paths(agent), prompt)
            if len(self._usual) < _REMEMBERED:
                self._usual[agent] = found
        return found

    def _examine(self, place: Place, tree: Tree) -> Examined:
        try:
            data = tree.read(MANIFEST_PATH, cap=SIZE_LIMIT).data
        except FileFault as fault:
            return _no_manifest(place, tree, fault)
        found = self._check(data)
        if problem := manifest_problem(found.checked, found.errors, path=place.path):
            return _whole(place, *problem, found.errors[:_DIAGNOSTICS])
        manifest = found.checked.manifest
        assert manifest is not None
        asking = self.around.definition
        if asking is not None and asking.about_repositories:
            unread = _metrics_fault(tree)
            if unread is not None and unread.reason is not FaultReason.MISSING:
                return _whole(place, Reason.UNREADABLE, unread.message, _MEND)
            if unread is not None:
                detail = "no run is recorded beneath .kaizen/metrics"
                fix = "nothing: it comes with the first recorded run"
                return _whole(place, Reason.NO_METRICS, detail, fix)
            return Examined((), (), found.sha256)
        runnable, exclusions = [], []
        agents = manifest.agents if asking is None else {asking.agent or "": None}
        for agent in agents:
            outcome = self._entry(place, tree, agent, found)
            if isinstance(outcome, Runnable):
                runnable.append(outcome)
            else:
                exclusions.append(outcome)
        return Examined(tuple(runnable), tuple(exclusions), found.sha256)

    def _entry(self, place: Place, tree: Tree, agent: str, found: _Checked) -> Runnable | Exclusion:
        """Look at an entry, once for all repositories that have no more to say of it.

        Whether a definition's globs take the repository in, and which prompts it holds, is asked of
        each; all else follows from the manifest's text.
        """
        around, entry = self.around, found.checked.entries.get(agent)
        asking = around.definition
        if asking is None and entry is not None:
            asking = definition_for(agent, entry.cadence, around.definitions)
            if asking is not None and not _selects(asking, place.repo):
                detail = f"include and exclude of {asking.id} leave it out"
                fix = f"change them in {asking.id}, if it shall run"
                return exclude(place.repo, agent, Reason.NOT_SELECTED, detail, fix)
        if problem := entry_problem(agent, entry, path=place.path):
            return exclude(place.repo, agent, *problem)
        assert entry is not None
        paths, prompt = self._usually(agent)
        usual = not any(map(tree.holds, paths))
        if usual and (known := found.runnable.get(agent)) is not None:
            return known
        if not usual:
            prompt = find_prompt(tree, agent, around.prompts)
        outcome = _weigh(agent, entry, prompt, asking, found.checked, around)
        if isinstance(outcome, Problem):
            return exclude(place.repo, agent, *outcome)
        if usual:
            found.runnable[agent] = outcome
        return outcome


_BARE = MemoryTree({})
_REMEMBERED = 1_000
"""So many texts are remembered, none of more than 16 times as many bytes."""

_NO_CHECKOUT = "name the folder that holds .git in host_paths"
_MEND = "make it readable for the user that runs this"
_REPORT = "report it, with what kaizen-agentic schedule validate says of the checkout"


def _whole(
    place: Place,
    reason: Reason,
    detail: str,
    fix: str,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Examined:
    return Examined((), (exclude(place.repo, None, reason, detail, fix, diagnostics),))


def _no_manifest(place: Place, tree: Tree, fault: FileFault) -> Examined:
    if fault.reason is FaultReason.MISSING:
        git = tree.stat(".git")
        if git is None or git.kind is Kind.OTHER:
            detail = f"{safety.show(place.path)} holds neither .git nor {MANIFEST_PATH}"
            return _whole(place, Reason.NOT_A_REPOSITORY, detail, _NO_CHECKOUT)
        fix = on_target(("schedule", "init", "--target"), place.path)
        return _whole(place, Reason.MANIFEST_MISSING, f"there is no {MANIFEST_PATH}", fix)
    if fault.reason is FaultReason.TOO_LARGE:
        fix = "a manifest fits in a few kilobytes"
        return _whole(place, Reason.MANIFEST_INVALID, fault.message, fix)
    fix = "make it a regular file inside the repository that may be read"
    return _whole(place, Reason.UNREADABLE, fault.message, fix)


def _check(data: bytes, zones: Zones) -> _Checked:
    document = parse_document(data, path=MANIFEST_PATH)
    checked = check_manifest(document, zones=zones, prompts=None)
    errors: tuple[Diagnostic, ...] = ()
    if checked.manifest is None:
        placed = place_findings(document, checked.findings)
        errors = tuple(d for d in placed if d.severity is Severity.ERROR)
    return _Checked(checked, errors, hashlib.sha256(data).hexdigest(), {})


_DIAGNOSTICS = 100
"""So many errors of one manifest stand in an answer; the detail says how many there are."""


def _metrics_fault(tree: Tree) -> FileFault | None:
    """Why no recorded run can be seen; None where one can."""
    folder = ".kaizen/metrics"
    try:
        names = tree.list(folder)
    except FileFault as fault:
        return fault
    for name in names:
        found = tree.stat(f"{folder}/{name}/executions.jsonl")
        if found is not None and found.kind is Kind.FILE and found.size > 0:
            return None
    return FileFault(folder, FaultReason.MISSING, f"{folder} holds none")


# --- The entry -------------------------------------------------------------------------------


def _weigh(
    agent: str,
    entry: Entry,
    prompt: Prompt | None,
    asking: ActivityDefinition | None,
    checked: CheckedManifest,
    around: Surroundings,
) -> Runnable | Problem:
    """Whether an enabled entry runs with a prompt; what is the same in every repository."""
    if problem := prompt_problem(agent, entry, prompt):
        return problem
    timing = timing_of(
        agent, entry, timezone=checked.timezone or "UTC", definitions=around.definitions
    )
    if asking is not None and asking.cadence is not entry.cadence:
        detail = f"{asking.id} asks for {asking.cadence}, the entry is {entry.cadence}"
        return Problem(Reason.CADENCE_DIFFERS, detail, f"write cadence: {asking.cadence}")
    if asking is None:
        detail = f"no definition is for {label(agent)}, {entry.cadence}: nobody fires it"
        fix = "add a definition, or choose a cadence that has one"
        return Problem(Reason.NO_DEFINITION, detail, fix)
    if (most := parse_cron(timing.cron).most_per_day) > MOST_PER_DAY:
        detail = f"cron {safety.show(timing.cron)} fires {most:,} times on some day"
        fix = f"let it fire {MOST_PER_DAY} times a day at most"
        return Problem(Reason.TOO_FREQUENT, detail, fix)
    return Runnable(agent, entry, timing, asking)
