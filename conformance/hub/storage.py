"""What the hub keeps: repositories with their past, and events.

Each row of ``repos`` is true from one version of the roster to another. A reader who has begun
asks for the version that the first page was of, and so goes on seeing the list as it was, whatever
changes meanwhile and whether or not the hub is begun again in between.

Slugs are ordered by their bytes: that is SQLite's own ``BINARY``, and in PostgreSQL
``COLLATE "C"``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT_VERSIONS = 100
"""How many changes back a version can still be read. A real hub would count minutes."""

_TABLES = """
CREATE TABLE IF NOT EXISTS roster (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
);
INSERT OR IGNORE INTO roster VALUES (1, 0);
CREATE TABLE IF NOT EXISTS repos (
    slug TEXT NOT NULL CHECK (length(CAST(slug AS BLOB)) BETWEEN 1 AND 200),
    host_paths TEXT NOT NULL DEFAULT '{}',
    kaizen_schedule_enabled INTEGER,    -- null where the hub says nothing
    more TEXT NOT NULL DEFAULT '{}',    -- whatever else the hub has of it
    since INTEGER NOT NULL,
    until INTEGER,                      -- null for what is true now
    PRIMARY KEY (slug, since)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (source, id)
);
"""
_AT = "since <= :version AND (until IS NULL OR until > :version)"
_CHOSEN = (
    "(:host IS NULL OR has_host(host_paths, :host)) AND "
    "(:enabled IS NULL OR (kaizen_schedule_enabled IS NOT 0) = :enabled)"
)
_FLAG = "kaizen_schedule_enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which repositories are asked for; None leaves a filter out."""

    host: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some repositories of one version."""

    items: tuple[dict[str, Any], ...]
    total: int
    """Of all pages."""
    more: bool
    """Whether others follow."""


class Storage:
    """A database file; every call is a connection and a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._connect() as base:
            base.execute("PRAGMA journal_mode = WAL")
            base.executescript(_TABLES)

    # --- Reading -----------------------------------------------------------------------------

    def version(self) -> int:
        """The number of the roster as it is now; rises with each change."""
        with self._connect() as base:
            return _version(base)

    def holds(self, version: int) -> bool:
        """Whether a version of the roster can still be read."""
        now = self.version()
        return now - KEPT_VERSIONS <= version <= now

    def page(
        self, version: int, *, after: str, limit: int | None, filters: Filters = Filters()
    ) -> Page:
        """The repositories of a version whose slugs come after one.

        Args:
            version: Which state of the roster.
            after: The last slug of the page before; empty for the first page.
            limit: So many at most; None for all.
            filters: Which ones.
        """
        asked = {"version": version, "after": after, "limit": -1 if limit is None else limit + 1}
        asked |= {"host": filters.host, "enabled": filters.enabled}
        with self._connect() as base:
            (total,) = base.execute(
                f"SELECT count(*) FROM repos WHERE {_AT} AND {_CHOSEN}", asked
            ).fetchone()
            rows = base.execute(
                f"SELECT slug, host_paths, {_FLAG}, more FROM repos "
                f"WHERE {_AT} AND {_CHOSEN} AND slug > :after ORDER BY slug LIMIT :limit",
                asked,
            ).fetchall()
        items = tuple(_item(row) for row in rows[:limit])
        return Page(items=items, total=total, more=len(items) < len(rows))

    def find(self, slug: str) -> dict[str, Any] | None:
        """The repository of a name, as it is now."""
        with self._connect() as base:
            return _find(base, slug)

    def events(self) -> tuple[Any, ...]:
        """The events that were taken, in order."""
        with self._connect() as base:
            rows = base.execute("SELECT event FROM events ORDER BY rowid")
            return tuple(json.loads(event) for (event,) in rows)

    # --- Writing -----------------------------------------------------------------------------

    def put(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Register repositories, each in place of the one that has its name; one change in all."""
        with self._change() as base:
            for item in items:
                _write(base, item)

    def remove(self, *slugs: str) -> None:
        """Take repositories out; one change in all."""
        with self._change() as base:
            for slug in slugs:
                _end(base, slug)

    def patch(self, slug: str, change: Mapping[str, Any]) -> dict[str, Any] | None:
        """Apply a merge patch, and return the repository as it is then; None where there is none.

        Source: RFC 7396, 2.
        """
        with self._change() as base:
            before = _find(base, slug)
            if before is None:
                return None
            after = dict(before)
            if _FLAG in change:
                after[_FLAG] = change[_FLAG]
            merged = {**before["host_paths"], **change.get("host_paths", {})}
            after["host_paths"] = {h: path for h, path in merged.items() if path is not None}
            _write(base, after)
            return _find(base, slug)

    def keep(self, event: Mapping[str, Any]) -> bool:
        """Keep an event; False where one of this source and id is kept already."""
        # Escaped, so that any text that JSON can hold is kept as it came.
        row = event["source"], event["id"], json.dumps(event)
        with self._connect() as base:
            done = base.execute("INSERT INTO events VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row)
            return done.rowcount == 1

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        base = sqlite3.connect(self._path, timeout=10)
        try:
            base.execute("PRAGMA synchronous = NORMAL")
            base.create_function("has_host", 2, _has_host, deterministic=True)
            with base:
                yield base
        finally:
            base.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that makes the next version of the roster."""
        with self._connect() as base:
            base.execute("BEGIN IMMEDIATE")
            base.execute("UPDATE roster SET version = version + 1")
            yield base
            base.execute("DELETE FROM repos WHERE until <= ?", (_version(base) - KEPT_VERSIONS,))


def _version(base: sqlite3.Connection) -> int:
    (version,) = base.execute("SELECT version FROM roster").fetchone()
    return int(version)


def _find(base: sqlite3.Connection, slug: str) -> dict[str, Any] | None:
    row = base.execute(
        f"SELECT slug, host_paths, {_FLAG}, more FROM repos WHERE slug = ? AND until IS NULL",
        (slug,),
    ).fetchone()
    return _item(row) if row else None


def _end(base: sqlite3.Connection, slug: str) -> None:
    now = _version(base)
    base.execute("DELETE FROM repos WHERE slug = ? AND since = ?", (slug, now))
    base.execute("UPDATE repos SET until = ? WHERE slug = ? AND until IS NULL", (now, slug))


def _write(base: sqlite3.Connection, item: Mapping[str, Any]) -> None:
    known = ("slug", "host_paths", _FLAG)
    more = {key: value for key, value in item.items() if key not in known}
    _end(base, item["slug"])
    base.execute(
        f"INSERT INTO repos (slug, host_paths, {_FLAG}, more, since) VALUES (?, ?, ?, ?, ?)",
        (
            item["slug"],
            json.dumps(item["host_paths"]),
            item.get(_FLAG),
            json.dumps(more),
            _version(base),
        ),
    )


def _item(row: tuple[str, str, int | None, str]) -> dict[str, Any]:
    slug, host_paths, flag, more = row
    item: dict[str, Any] = {"slug": slug, "host_paths": json.loads(host_paths)}
    if flag is not None:  # left out says the same as null
        item[_FLAG] = bool(flag)
    item |= json.loads(more)
    return item


def _has_host(host_paths: str, host: str) -> bool:
    return host in json.loads(host_paths)
