"""Which repository, which instant, which agent is meant."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import UTC, datetime

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import find_target
from kaizen_schedule.planning.agents import NAME, Prompt, find_prompt, list_prompts
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import TargetError, UsageError
from kaizen_schedule.reading.tree import Tree

PathLike = str | os.PathLike[str]


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset or ``Z``.

    Args:
        text: The instant, such as ``2026-11-30T09:00:00+01:00``; blanks around it are fine.

    Returns:
        The instant in UTC.

    Raises:
        UsageError: It is none, has no offset, or lies outside the years 1970 to 2199.

    Example:
        >>> parse_instant("2026-11-30T09:00:00+01:00").isoformat()
        '2026-11-30T08:00:00+00:00'

    Source: ISO 8601, in the forms that Python's ``datetime.fromisoformat`` reads.
    """
    fix = "write it like 2026-11-30T09:00:00Z"
    try:
        moment = datetime.fromisoformat(text.strip())
        offset = moment.utcoffset()
        if offset is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{safety.show(text)} is no instant", fix=fix) from error
    if offset is None:
        raise UsageError(f"instant {safety.show(text)} has no offset", fix=fix)
    if not 1970 <= moment.year < 2200:
        raise UsageError(f"instant {safety.show(text)} is not of the years 1970 to 2199", fix=fix)
    return moment


def locate_target(target: PathLike | None = None) -> str:
    """The repository that is meant: the one named, else the one that the working folder is in.

    Args:
        target: A folder; None for the nearest folder upwards that holds a manifest, at most up to
            the one that holds ``.git``, else the working folder.

    Raises:
        TargetError: There is no such folder.
    """
    try:
        here = os.getcwd()
    except OSError as error:
        if target is None or not os.path.isabs(target):
            raise no_working_folder() from error
        here = "/"
    if target is not None:
        path = os.fspath(target)
        try:
            is_folder = os.path.isdir(path) and path != ""
        except ValueError:
            is_folder = False
        if not is_folder:
            shown = safety.show(path, 200)
            what = "is no folder" if os.path.lexists(path) else "does not exist"
            raise TargetError(f"target {shown} {what}", fix="name a repository's folder")
        return path
    return find_target(here, MANIFEST_PATH)


def no_working_folder() -> TargetError:
    """The error that the folder one stands in has been removed."""
    return TargetError("the working folder is gone", fix="pass --target with a full path")


def manifest_label(path: PathLike) -> str:
    """How to name the manifest of a path that somebody typed: as they would open it."""
    text = os.fspath(path)
    if os.path.basename(text) == "schedule.yml" and not os.path.isdir(text):
        return text
    return os.path.normpath(os.path.join(text, MANIFEST_PATH))


def known_prompt(tree: Tree, agent: str) -> Prompt:
    """The prompt of an agent, or an error that names the nearest."""
    prompt = find_prompt(tree, agent, packaged.prompts())
    if prompt is None:
        known = [p.name for p in list_prompts(tree, packaged.prompts()) if p.readable]
        near = nearest(agent, known)
        fix = f"did you mean {near}?" if near else f"known are {', '.join(known[:20])}"
        raise UsageError(f"there is no agent {safety.show(agent)} here", fix=fix)
    return prompt


def known_agent(tree: Tree, agent: str) -> None:
    """Refuse a name that neither has a prompt nor state: it is a slip, and would make junk."""
    if NAME.fullmatch(agent):
        for folder in (f".kaizen/agents/{agent}", f".kaizen/metrics/{agent}"):
            if tree.stat(folder) is not None:
                return
    known_prompt(tree, agent)


def no_entry(agent: str, agents: Collection[str]) -> UsageError:
    """The error that an agent has no entry; names the nearest that has one."""
    known = f"entries are {', '.join(sorted(agents))}" if agents else "there are no entries yet"
    near = nearest(agent, agents)
    message = f"no entry for agent {safety.show(agent)} in {MANIFEST_PATH}"
    return UsageError(message, fix=f"did you mean {near}?" if near else known)
