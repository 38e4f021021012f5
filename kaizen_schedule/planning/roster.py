"""The roster: which repositories are registered, on which hosts, and what speaks against each.

It is read from the items of the hub's ``GET /repos/``, of a snapshot of that answer, or of an
operator's file. What is wrong with one item excludes that item and no other.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import UsageError

from .shape import describe, nearest

SLUG_LIMIT = 200
"""Bytes of a slug in UTF-8."""

PATH_LIMIT = 4096
"""Bytes of a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRepo:
    """A registered repository.

    Example:
        >>> RosterRepo(slug="ledger", host_paths={"forge-1": "/srv/ledger"}).host_paths["forge-1"]
        '/srv/ledger'
    """

    slug: str
    """Its name, unique in the roster."""
    host_paths: dict[str, str]
    """Where its checkout stands, by host; absolute paths."""
    kaizen_schedule_enabled: bool | None = None
    """False excludes it; otherwise its manifest decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyItem:
    """An item of the roster that cannot be used."""

    slug: str
    """Its slug as far as there is one; else empty."""
    detail: str
    """What is wrong, safe to print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What was read of a source, sorted by slug whatever the order it came in.

    Example:
        >>> roster = load_roster([{"slug": "b", "host_paths": {"forge-1": "/b"}}, {"slug": "a"}])
        >>> roster.hosts, [repo.slug for repo in roster.repos], roster.faulty[0].detail
        (('forge-1',), ['b'], 'host_paths is missing')
    """

    repos: tuple[RosterRepo, ...]
    """The usable items; a slug may stand twice."""
    faulty: tuple[FaultyItem, ...] = ()
    """The others."""
    digest: str = ""
    """Names what was read: SHA-256 over the items' known fields."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that is named, sorted."""
        return tuple(sorted({host for repo in self.repos for host in repo.host_paths}))


def load_roster(items: Iterable[Any]) -> Roster:
    """Read the items of a roster.

    Args:
        items: What JSON or YAML holds of them; unknown fields are ignored.

    Returns:
        The usable items, the faulty ones, and the digest of all.

    Example:
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": "/srv/ledger"}}, 7])
        >>> roster.repos[0].slug, roster.faulty[0].detail
        ('ledger', 'the item is the number 7, not a mapping')
    """
    repos, faulty, known = [], [], []
    for item in items:
        problem = _problem(item)
        if problem:
            slug = item.get("slug") if isinstance(item, dict) else None
            usable = slug if isinstance(slug, str) and not slug_problem(slug) else ""
            faulty.append(FaultyItem(slug=usable, detail=problem))
        else:
            repos.append(
                RosterRepo(
                    slug=item["slug"],
                    host_paths=dict(sorted(item["host_paths"].items())),
                    kaizen_schedule_enabled=item.get("kaizen_schedule_enabled"),
                )
            )
        known.append(_canonical(item))
    digest = hashlib.sha256(b"\n".join(sorted(known))).hexdigest()
    return Roster(
        repos=tuple(sorted(repos, key=lambda r: (r.slug, *r.host_paths.items()))),
        faulty=tuple(sorted(faulty, key=lambda f: (f.slug, f.detail))),
        digest=digest,
    )


_FIELDS = ("slug", "host_paths", "kaizen_schedule_enabled")


def _canonical(item: Any) -> bytes:
    data = {k: item[k] for k in _FIELDS if k in item} if isinstance(item, dict) else item
    try:
        text = _encode(data)
    except (TypeError, ValueError, RecursionError):  # keys of several kinds, or nested too deeply
        text = _encode(_problem(item))
    return text.encode("ascii")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _problem(item: Any) -> str:
    if not isinstance(item, dict):
        return f"the item is {describe(item)}, not a mapping"
    if "slug" not in item:
        return "slug is missing"
    if problem := slug_problem(item["slug"]):
        return problem
    if problem := host_paths_problem(item.get("host_paths", _ABSENT)):
        return problem
    flag = item.get("kaizen_schedule_enabled")
    if flag is not None and not isinstance(flag, bool):
        return f"kaizen_schedule_enabled is {describe(flag)}, neither true, false nor null"
    return ""


_ABSENT = object()


def slug_problem(slug: Any) -> str:
    """What is wrong with a slug; empty where nothing is."""
    if not isinstance(slug, str):
        return f"slug is {describe(slug)}, not text"
    return _name_problem("slug", slug)


@lru_cache(maxsize=1024)  # of hosts there are few
def _name_problem(what: str, text: str) -> str:
    """What is wrong with a name, which is told in answers, records and tasks as it stands."""
    problem = _text_problem(what, text, SLUG_LIMIT)
    if not problem and (found := safety.find_secrets(text)):
        return f"{what} looks like a secret: {found[0].kind.replace('-', ' ')}"
    return problem


def _text_problem(what: str, text: str, limit: int) -> str:
    if not text.strip():
        return f"{what} is empty"
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return f"{what} {safety.show(text)} is no Unicode text"
    if size > limit:
        return f"{what} {safety.show(text)} is longer than {limit:,} bytes"
    return f"{what} {safety.show(text)} holds a null character" if "\0" in text else ""


def host_paths_problem(paths: Any) -> str:
    """What is wrong with a repository's places; empty where nothing is."""
    if paths is _ABSENT:
        return "host_paths is missing"
    if not isinstance(paths, dict):
        return f"host_paths is {describe(paths)}, not a mapping from host to path"
    for host, path in paths.items():
        if not isinstance(host, str):
            return f"a host is {describe(host)}, not text"
        if problem := _name_problem("host", host):
            return problem
        if not isinstance(path, str):
            return f"the path on {safety.show(host)} is {describe(path)}, not text"
        if problem := _text_problem("path", path, PATH_LIMIT):
            return f"{problem}, on {safety.show(host)}"
        if not path.startswith("/"):
            return f"the path on {safety.show(host)}, {safety.show(path)}, is not absolute"
    return ""


def same_place(path: str) -> str:
    """A path in the one spelling by which two are compared."""
    return "/" + posixpath.normpath(path).lstrip("/")


def participating(
    roster: Roster, host: str, hosts: Collection[str] | None = None
) -> tuple[str, ...]:
    """The hosts that take part, once all of them and the one that is asked about are known.

    Args:
        roster: The roster; one that names no host knows any.
        host: The host that is asked about.
        hosts: The participating hosts; None for all that the roster names.

    Raises:
        UsageError: The roster knows no such host, or the one asked about does not take part.

    Example:
        >>> participating(load_roster([{"slug": "a", "host_paths": {"forge-1": "/a"}}]), "forge-1")
        ('forge-1',)
    """
    named = roster.hosts
    chosen = named if hosts is None else tuple(hosts)
    unknown = [name for name in chosen if name not in named]
    if (named and host not in named) or unknown:
        odd = unknown[0] if unknown else host
        near = nearest(odd, named)
        known = ", ".join(safety.escape(name) for name in named[:20])
        fix = f"did you mean {safety.escape(near)}?" if near else f"known are {known}"
        raise UsageError(f"the roster knows no host {safety.show(odd)}", fix=fix)
    if chosen and host not in chosen:
        message = f"host {safety.show(host)} is not among the participating hosts"
        raise UsageError(message, fix="add it to --hosts, or ask one of them")
    return chosen


def owner_of(repo: RosterRepo, hosts: Collection[str]) -> str | None:
    """The host that works a repository: the smallest name of those that have it.

    Example:
        >>> owner_of(RosterRepo(slug="a", host_paths={"b": "/a", "c": "/a"}), ["c", "b"])
        'b'
    """
    return min((host for host in repo.host_paths if host in hosts), default=None)


def is_selected(slug: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether globs take a slug in.

    Example:
        >>> is_selected("ledger", ["*"], ["sandbox-*"]), is_selected("sandbox-1", ["*"], ["s*"])
        (True, False)
    """
    return any(fnmatchcase(slug, glob) for glob in include) and not any(
        fnmatchcase(slug, glob) for glob in exclude
    )
