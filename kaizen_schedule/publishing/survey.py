"""A fleet, looked into once: what its roster, its entries and its records are told from.

It is pure as the resolver is: definitions, prompts, zones and the way to open a checkout are
arguments. What was found answers every further question without a second look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from kaizen_schedule.orienting.metrics import Executions, metrics_path, parse_executions
from kaizen_schedule.orienting.orientation import STATE_CAP
from kaizen_schedule.planning.agents import NAME, PLACES, Prompt
from kaizen_schedule.planning.answers import RosterAnswer, answer_roster
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.eligibility import (
    Examined,
    Examiner,
    Exclusion,
    OpenTree,
    Place,
    Surroundings,
    sift_roster,
)
from kaizen_schedule.planning.recurrence import Zones
from kaizen_schedule.planning.resolver import Resolution, conclude, surroundings
from kaizen_schedule.planning.roster import Roster, participating
from kaizen_schedule.planning.windows import Window
from kaizen_schedule.reading.errors import FileFault
from kaizen_schedule.reading.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one look into every checkout of a host found."""

    roster: Roster
    """The registered repositories."""
    around: Surroundings
    """What was asked: host, hosts, definitions, prompts and zones."""
    looked: tuple[tuple[Place, Examined], ...]
    """Each checkout that was looked into, and what was found."""
    excluded: tuple[Exclusion, ...]
    """The repositories that this host had not to look into."""
    prompts: dict[str, tuple[str, ...]]
    """The agents of which a repository holds a prompt of its own, by slug; only where it does."""
    answer: RosterAnswer
    """The roster's answer: who takes part, and why not the others."""

    @property
    def places(self) -> tuple[Place, ...]:
        """The checkouts that were looked into."""
        return tuple(place for place, _ in self.looked)

    def resolve(self, window: Window, *, now: datetime) -> Resolution:
        """The runs of a window as the resolver tells them, of every entry.

        Args:
            window: From when, and until before when; UTC.
            now: When it is asked; with a zone.
        """
        return conclude(
            self.roster, self.looked, self.excluded, self.around, window=window, now=now
        )


def survey(
    roster: Roster,
    *,
    host: str,
    hosts: Collection[str] | None = None,
    definitions: Sequence[ActivityDefinition],
    prompts: Mapping[str, Prompt],
    zones: Zones,
    open_tree: OpenTree,
) -> Survey:
    """Look once into every checkout that a host has to look into.

    Args:
        roster: The registered repositories.
        host: The host that is asked about.
        hosts: The participating hosts; None for all that the roster names.
        definitions: All definitions, enabled or not.
        prompts: The packaged prompts.
        zones: The time zones that exist.
        open_tree: Opens the checkout at a path; raises ``FileFault`` where it cannot.

    Returns:
        What was found.

    Raises:
        UsageError: The roster knows no such host, or the one asked about does not take part.

    Example:
        >>> from kaizen_schedule import load_roster
        >>> from kaizen_schedule.edges import files, packaged
        >>> found = survey(
        ...     load_roster([{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]),
        ...     host="forge-1", definitions=packaged.definitions(), prompts=packaged.prompts(),
        ...     zones=packaged.zones(), open_tree=files.open_checkout,
        ... )
        >>> found.answer.repos[0].agents
        ('coach', 'optimization')
    """
    around = surroundings(
        None,
        definitions,
        prompts,
        hosts=participating(roster, host, hosts),
        host=host,
        zones=zones,
    )
    held: list[str] = []

    @contextmanager
    def opened(path: str) -> Iterator[Tree]:
        with open_tree(path) as tree:
            yield tree
            held[:] = _prompts_in(tree)

    examiner = Examiner(around, opened)
    places, excluded = sift_roster(roster, around)
    looked = []
    own: dict[str, tuple[str, ...]] = {}
    for place in places:
        held.clear()
        looked.append((place, examiner.examine(place)))
        if held:
            own[place.repo] = tuple(held)
    return Survey(
        roster=roster,
        around=around,
        looked=tuple(looked),
        excluded=excluded,
        prompts=own,
        answer=answer_roster(roster, looked, excluded, around),
    )


def _prompts_in(tree: Tree) -> list[str]:
    """The agents that a checkout holds files of prompts for, by name; nothing of them is read."""
    found = set()
    for folder, prefix in PLACES:
        if not tree.holds(folder):
            continue
        try:
            names = tree.list(folder)
        except FileFault:
            continue
        for name in names:
            agent = name[len(prefix) :].removesuffix(".md")
            if name.startswith(prefix) and name.endswith(".md") and NAME.fullmatch(agent):
                found.add(agent)
    return sorted(found - {"README", "readme", "index"})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an agent has recorded in a repository."""

    repo: str
    """The repository's slug."""
    agent: str
    """The agent."""
    found: Executions
    """Its records, and the lines that cannot be used."""


def read_histories(places: Iterable[Place], open_tree: OpenTree) -> Iterator[History]:
    """Yield what every agent has recorded, checkout by checkout; what cannot be read is left out.

    Args:
        places: The checkouts.
        open_tree: Opens the checkout at a path; raises ``FileFault`` where it cannot.

    Yields:
        One history for each agent with a file of records; nothing is kept of it.
    """
    for place in places:
        try:
            with open_tree(place.path) as tree:
                yield from _histories_in(place.repo, tree)
        except FileFault:
            continue


def _histories_in(repo: str, tree: Tree) -> Iterator[History]:
    try:
        agents = tree.list(".kaizen/metrics")
    except FileFault:
        return
    for agent in agents:
        path = metrics_path(agent)
        if not NAME.fullmatch(agent) or tree.stat(path) is None:
            continue
        try:
            blob = tree.read(path, cap=STATE_CAP, tail=True)
        except FileFault:
            continue
        found = parse_executions(blob.data, path=path, truncated=blob.truncated)
        yield History(repo=repo, agent=agent, found=found)
