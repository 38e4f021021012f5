"""The fleet: its roster, who takes part, and which runs are due."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import open_checkout, reason_of
from kaizen_schedule.edges.machine import short_name
from kaizen_schedule.planning.answers import Explanation, RosterAnswer, answer_roster, explain
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.planning.eligibility import (
    Examined,
    Examiner,
    Exclusion,
    Place,
    Runnable,
    Surroundings,
    exclude,
    sift_roster,
)
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.recurrence import Zones
from kaizen_schedule.planning.resolver import Resolution, conclude, surroundings
from kaizen_schedule.planning.roster import Roster, load_roster, participating
from kaizen_schedule.planning.roster_file import items_of, load_roster_file, select
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.planning.timetable import iter_times, place_findings
from kaizen_schedule.planning.windows import Window, window_fault
from kaizen_schedule.publishing.reporters import count_of, day_and_time
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.document import SIZE_LIMIT, parse_document
from kaizen_schedule.reading.errors import KaizenError, SourceError, UsageError
from kaizen_schedule.reading.strict_json import parse_json

from .operator_files import SNAPSHOT_CAP, FaultyFileError, read_file
from .targets import PathLike

Progress = Callable[[int, int | None], None]
"""Told how many are done, and of how many, where that is known."""

NAME_ONE = "pass --roster FILE, --hub URL, --snapshot FILE or --scan FOLDER"
"""What to do where no roster is named."""

PREVIEW = timedelta(days=7)
"""A preview looks so far ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the roster comes from; one of them, but that globs go over a hub or a snapshot.

    Example:
        >>> read = read_roster(Source(scan=repository.parent), host="forge-1")
        >>> str(repository) in [repo.host_paths["forge-1"] for repo in read.roster.repos]
        True
    """

    roster: PathLike | None = None
    """An operator's ``roster.yml``."""
    hub: str | None = None
    """The State Hub's address."""
    token: str | None = None
    """The hub's token; sent to that hub only, never told."""
    snapshot: PathLike | None = None
    """A file with an answer of the hub; with ``hub``, what to take while that is down."""
    scan: PathLike | None = None
    """A folder of checkouts."""
    usual_hub: str | None = None
    """The hub to ask where nothing else is named, or where ``roster`` lists no repositories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRoster:
    """A roster as read of its source.

    Example:
        >>> path = repository / "answer.json"
        >>> _ = path.write_text('[{"slug": "ledger", "host_paths": {"forge-1": "/srv/ledger"}}]')
        >>> read = read_roster(Source(snapshot=path), host="forge-1")
        >>> [repo.slug for repo in read.roster.repos], read.warnings
        (['ledger'], ())
    """

    roster: Roster
    """The roster."""
    source: str
    """What it was read of, safe to print."""
    host: str
    """The host that is asked about: the one given, the only one named, or this machine."""
    warnings: tuple[str, ...] = ()
    """What has to be said of it, such as that it is stale."""


# --- Sources ---------------------------------------------------------------------------------


def read_roster(
    source: Source, *, host: str | None = None, progress: Progress | None = None
) -> ReadRoster:
    """Read the roster.

    Args:
        source: Where it comes from.
        host: The host that is asked about, on which a scanned folder stands; None for the only one
            that the roster names, else for this machine's short name.
        progress: Told of pages and folders as they are read.

    Returns:
        The roster, what it was read of, and what has to be said of it.

    Raises:
        UsageError: No source is named, or several; or a ``roster.yml`` or a folder that is not
            there, or cannot be read.
        SourceError: The hub or the snapshot cannot be had.
        FaultyFileError: A ``roster.yml`` has errors; holds the diagnostics.

    Example:
        >>> read_roster(Source(scan=repository.parent), host="forge-1").roster.hosts
        ('forge-1',)
    """
    read = read_items(source, host=host, progress=progress)
    roster = load_roster(read.items)
    return ReadRoster(
        roster=roster, source=read.source, host=asked_host(roster, host), warnings=read.warnings
    )


def asked_host(roster: Roster, host: str | None) -> str:
    """The host that is asked about.

    Args:
        roster: The roster.
        host: The one that was named; None for the only one that the roster names, else for this
            machine's short name.
    """
    if host is None and len(roster.hosts) == 1:
        return roster.hosts[0]
    return host or short_name()


class Items(NamedTuple):
    """What a source registers, as it gives it."""

    items: Sequence[Any]
    source: str
    """What they were read of, safe to print."""
    warnings: tuple[str, ...] = ()
    """What has to be said of them, such as that they are stale."""


def read_items(
    source: Source, *, host: str | None = None, progress: Progress | None = None
) -> Items:
    """Read the items of a roster; errors are those of ``read_roster``.

    Args:
        source: Where they come from.
        host: The host on which a scanned folder stands; None for this machine's short name.
        progress: Told of pages and folders as they are read.
    """
    names = ("roster", "hub", "snapshot", "scan")
    given = [name for name in names if getattr(source, name) is not None]
    if not given and source.usual_hub is not None:
        return _registered(replace(source, hub=source.usual_hub), progress)
    if not given:
        raise UsageError("no source of the roster is named", fix=NAME_ONE)
    if "scan" in given and len(given) > 1:
        raise UsageError("--scan and another source name two rosters", fix="pass one of them")
    if source.scan is not None:
        return _scan(source.scan, host or short_name(), progress)
    if source.roster is None:
        return _registered(source, progress)
    path = os.fspath(source.roster)
    document = parse_document(read_file(path, SIZE_LIMIT), path=path)
    file, findings = load_roster_file(document)
    if file is None:
        placed = place_findings(document, findings)
        raise FaultyFileError(path, tuple(placed))
    if file.repos is not None:
        if source.hub is not None or source.snapshot is not None:
            message = f"{safety.show(path)} lists repos, and a hub is named as well"
            raise UsageError(message, fix="leave out repos to take globs over the hub")
        return Items(items_of(file), safety.show(path))
    if source.hub is None and source.snapshot is None and source.usual_hub is not None:
        source = replace(source, hub=source.usual_hub)
    if source.hub is None and source.snapshot is None:
        message = f"{safety.show(path)} lists no repos, and no hub is named"
        raise UsageError(message, fix="add repos: to it, or pass --hub URL or --snapshot FILE")
    read = _registered(source, progress)
    return Items(select(read.items, file), f"{read.source} by {safety.show(path)}", read.warnings)


def _registered(source: Source, progress: Progress | None) -> Items:
    """What a hub registers, or what a snapshot says of it."""
    if source.hub is None:
        assert source.snapshot is not None
        return Items(_snapshot(source.snapshot), safety.show(os.fspath(source.snapshot)))
    from kaizen_schedule.edges.hub import fetch_repos

    try:
        items = fetch_repos(source.hub, token=source.token, progress=progress)
    except SourceError as error:
        if source.snapshot is None:
            raise
        saved = _snapshot(source.snapshot)
        path = os.fspath(source.snapshot)
        taken = datetime.fromtimestamp(os.stat(path).st_mtime, UTC)
        stale = f"stale: {error.message}; {safety.show(path)} of {taken:%Y-%m-%dT%H:%M:%SZ} is used"
        return Items(saved, f"{safety.show(path)}, stale", (stale,))
    return Items(items, safety.show(source.hub))


def _snapshot(path: PathLike) -> Sequence[Any]:
    name = os.fspath(path)
    try:
        data = parse_json(read_file(name, SNAPSHOT_CAP))
    except KaizenError as error:
        # It stands for the hub: whatever is wrong with it, the roster cannot be had.
        raise SourceError(error.message, fix=error.fix) from error
    except ValueError as error:
        message = f"snapshot {safety.show(name)} cannot be read: {error}"
        raise SourceError(message, fix="save the answer of GET /repos/ to it again") from error
    items = data.get("items") if isinstance(data, dict) else data
    if not isinstance(items, list):
        message = f"snapshot {safety.show(name)} holds no list of repositories"
        raise SourceError(message, fix="save the answer of GET /repos/ to it again")
    if isinstance(data, dict) and data.get("next_cursor"):
        message = f"snapshot {safety.show(name)} is one page of several"
        raise SourceError(message, fix="put the items of all pages into one array")
    total = data.get("total") if isinstance(data, dict) else None
    if total is not None and (type(total) is not int or total != len(items)):
        sound = type(total) is int and 0 <= total < 10**9
        said = f"a total of {total:,}" if sound else "a total that is no number of repositories"
        held = count_of(len(items), "repository")
        message = f"snapshot {safety.show(name)} holds {held} and {said}"
        raise SourceError(message, fix="save the answer of GET /repos/ to it again")
    return items


def _scan(folder: PathLike, host: str, progress: Progress | None) -> Items:
    """The checkouts directly beneath a folder; their names are their slugs."""
    shown = safety.show(os.fspath(folder), 200)
    if not os.fspath(folder):  # as a variable that was never set leaves it; it does not mean here
        raise UsageError(f"{shown} names no folder", fix="name a folder of checkouts; . is here")
    root = os.path.abspath(os.fspath(folder))
    try:
        names = sorted(os.listdir(root))
    except (OSError, ValueError) as error:
        message = f"folder {shown} cannot be read: {reason_of(error)}"
        raise UsageError(message, fix="name a folder of checkouts") from error
    items = []
    for number, name in enumerate(names, 1):
        path = os.path.join(root, name)
        if any(os.path.lexists(os.path.join(path, mark)) for mark in (".git", MANIFEST_PATH)):
            items.append({"slug": name, "host_paths": {host: path}})
        if progress is not None:
            progress(number, len(names))
    warnings = () if items else (f"no checkout stands directly in folder {shown}",)
    return Items(items, f"the checkouts in {shown}", warnings)


# --- Asking ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked of a roster.

    Example:
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}])
        >>> asking = Asking(roster=roster, host="forge-1", definition=packaged.definitions()[1])
        >>> show_roster(asking).repos[0].agents
        ('coach',)
    """

    roster: Roster
    """The registered repositories."""
    host: str
    """The host that is asked about."""
    hosts: tuple[str, ...] | None = None
    """The participating hosts; None for all that the roster names."""
    definition: ActivityDefinition | None = None
    """What asks; None for every entry."""
    definitions: tuple[ActivityDefinition, ...] | None = None
    """All definitions; None for the packaged drafts."""


def _surroundings(asking: Asking) -> Surroundings:
    hosts = participating(asking.roster, asking.host, asking.hosts)
    definitions = asking.definitions
    return surroundings(
        asking.definition,
        packaged.definitions() if definitions is None else definitions,
        packaged.prompts(),
        hosts=hosts,
        host=asking.host,
        zones=packaged.zones(),
    )


def _look(
    places: Iterable[Place], around: Surroundings, progress: Progress | None, total: int
) -> Iterator[tuple[Place, Examined]]:
    examiner = Examiner(around, open_checkout)
    for number, place in enumerate(places, 1):
        yield place, examiner.examine(place)
        if progress is not None:
            progress(number, total)


def show_roster(asking: Asking, *, progress: Progress | None = None) -> RosterAnswer:
    """Say which registered repositories take part, and why not the others.

    Args:
        asking: What is asked.
        progress: Told of each checkout that was looked into.

    Returns:
        Every registered repository, eligible or with its reasons, by slug.

    Raises:
        UsageError: The roster knows no such host, or the definition is a template.

    Example:
        >>> item = {"slug": "ledger", "host_paths": {"forge-1": str(repository)}}
        >>> roster = load_roster([item])
        >>> show_roster(Asking(roster=roster, host="forge-1")).repos[0].agents
        ('coach', 'optimization')
    """
    around = _surroundings(asking)
    places, excluded = sift_roster(asking.roster, around)
    looked = _look(places, around, progress, len(places))
    return answer_roster(asking.roster, looked, excluded, around)


def discover_kaizen_scheduled_repos(
    asking: Asking,
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    list_not_scheduled: bool = False,
    progress: Progress | None = None,
) -> Resolution:
    """The runs that a window hands out on a host, and why not the rest.

    Args:
        asking: What is asked.
        start: The first instant of the window; with a zone.
        end: The first instant after it; with a zone.
        now: When it is asked; with a zone.
        list_not_scheduled: List ``agent-not-scheduled`` too.
        progress: Told of each checkout that was looked into.

    Returns:
        The runs, and one exclusion for each repository or entry that has none.

    Raises:
        UsageError: The window is empty, the roster knows no such host, or the definition is a
            template.

    Example:
        >>> item = {"slug": "ledger", "host_paths": {"forge-1": str(repository)}}
        >>> roster = load_roster([item])
        >>> asking = Asking(roster=roster, host="forge-1")
        >>> found = discover_kaizen_scheduled_repos(
        ...     asking, start=now, end=now + timedelta(days=7), now=now
        ... )
        >>> [run.agent for run in found.scheduled_runs]
        ['coach', 'optimization']
    """
    window = checked_window(start, end)
    around = _surroundings(asking)
    places, excluded = sift_roster(asking.roster, around)
    return conclude(
        asking.roster,
        _look(places, around, progress, len(places)),
        excluded,
        around,
        window=window,
        now=now,
        list_not_scheduled=list_not_scheduled,
    )


def checked_window(start: datetime, end: datetime) -> Window:
    """A window; an empty one and one of more than a year are refused."""
    window = Window(start=start.astimezone(UTC), end=end.astimezone(UTC))
    if fault := window_fault(window):
        later = window.end > window.start
        fix = "ask for less at once" if later else "let --until be later than --from"
        raise UsageError(f"the window {fault}", fix=fix)
    return window


def explain_repository(
    asking: Asking,
    slug: str,
    agent: str | None = None,
    *,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
) -> tuple[Explanation, ...]:
    """Walk the checks of a repository, of one of its entries or of all.

    Args:
        asking: What is asked.
        slug: The repository.
        agent: The entry's agent; None for every entry.
        now: When it is asked; with a zone.
        start: The window's first instant, with a zone; without it no window is looked at.
        end: The first instant after it, with a zone.

    Returns:
        One explanation for each entry; a single one where the repository itself is in the way.

    Raises:
        UsageError: There is no such repository in the roster, or the definition does not ask
            about this agent.

    Example:
        >>> item = {"slug": "ledger", "host_paths": {"forge-1": str(repository)}}
        >>> roster = load_roster([item])
        >>> asking = Asking(roster=roster, host="forge-1")
        >>> explain_repository(asking, "ledger", "coach", now=now)[0].ok
        True
    """
    roster, around = asking.roster, _surroundings(asking)
    slugs = {repo.slug for repo in roster.repos} | {item.slug for item in roster.faulty} - {""}
    if slug not in slugs:
        near = nearest(slug, slugs)
        fix = f"did you mean {safety.show(near)}?" if near else "kaizen-agentic schedule roster"
        raise UsageError(f"the roster has no repository {safety.show(slug)}", fix=fix)
    if agent is not None and around.definition is not None:
        _require_asked(around.definition, agent)
    repo = next((repo for repo in roster.repos if repo.slug == slug), None)

    def tell(name: str | None, exclusion: Exclusion | None, facts: dict[str, str]) -> Explanation:
        return explain(repo, slug, name, exclusion=exclusion, around=around, facts=facts)

    places, excluded = sift_roster(roster, around)
    for exclusion in excluded:
        if exclusion.repo == slug:
            return (tell(None, exclusion, {}),)
    place = next(place for place in places if place.repo == slug)
    found = Examiner(around, open_checkout).examine(place)
    facts = {"manifest": "no errors", "switched on": "enabled: true"}
    if around.definition is not None and around.definition.about_repositories:
        facts["metrics"] = "runs are recorded"
    whole = [e for e in found.exclusions if e.agent is None]
    if whole:
        return (tell(None, whole[0], facts),)
    exclusions = {e.agent: e for e in found.exclusions}
    if start is not None and end is not None:
        window = checked_window(start, end)
        narrowed = conclude(roster, [(place, found)], (), around, window=window, now=now)
        handed: set[str | None] = {run.agent for run in narrowed.scheduled_runs}
        handed |= {None for _ in narrowed.repos}
        for late in narrowed.exclusions:
            if late.agent not in handed:
                exclusions.setdefault(late.agent, late)
    runnable = {item.agent: item for item in found.runnable}
    names = sorted({*runnable, *(name for name in exclusions if name)})
    if agent is not None:
        names = [agent]
        if agent not in runnable and agent not in exclusions:
            detail = f"{safety.show(agent)} has no entry in {MANIFEST_PATH}"
            near = nearest(agent, [*runnable, *(name for name in exclusions if name)])
            fix = f"did you mean {near}?" if near else "add it under agents:"
            exclusions[agent] = exclude(slug, agent, Reason.AGENT_NOT_SCHEDULED, detail, fix)
    told = []
    for name in names:
        item = runnable.get(name)
        more = facts if item is None else facts | _facts_of(item, start or now, around.zones)
        told.append(tell(name, exclusions.get(name), more))
    return tuple(told) or (tell(None, exclusions.get(None), facts),)


def _facts_of(item: Runnable, start: datetime, zones: Zones) -> dict[str, str]:
    """What to say of the checks of an entry that can run."""
    zone = item.timing.timezone
    coming = next(iter_times(item.timing, start, zones=zones)).astimezone(zones.get(zone))
    return {
        "entry": f"{item.entry.cadence}, cron {item.timing.cron}, {zone}",
        "prompt": "found",
        "review": item.entry.review,
        "cadence": item.entry.cadence,
        "definition": item.definition.id,
        "frequency": "no more than 48 times a day",
        "time": _coming(coming, zone, start),
    }


def _require_asked(definition: ActivityDefinition, agent: str) -> None:
    """Refuse a question about an agent that a definition does not ask about."""
    if definition.about_repositories:
        message = f"definition {definition.id} asks about repositories, not about agents"
        raise UsageError(message, fix=f"leave out {safety.escape(agent)}, or --definition")
    if definition.agent != agent:
        message = f"definition {definition.id} asks about {definition.agent} alone"
        raise UsageError(message, fix=f"ask about {definition.agent}, or leave out --definition")


def _coming(moment: datetime, zone: str, start: datetime) -> str:
    """A local time; with its year where that is far away."""
    year = f"{moment.year} " if moment - start > _FAR else ""
    day, _, time = day_and_time(moment).rpartition(" ")
    return f"{day} {year}{time} {zone}"


_FAR = timedelta(days=300)
