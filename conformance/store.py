"""The orchestrator's memory: cursors, tasks and what the operator is told, in one SQLite file.

What has to hold is held by the tables themselves where they can: a key is there once (D6), and of
one place one task at most is started (D10). It lives as long as a test, and drops nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from kaizen_schedule import Resolution, Task, Window
from kaizen_schedule.reading.codec import dumps, from_plain, instant

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
  idempotency_key TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN
    ('waits', 'started', 'in-review', 'finished', 'cancelled', 'withdrawn', 'expired')),
  definition TEXT NOT NULL, repo TEXT NOT NULL, agent TEXT, host TEXT NOT NULL,
  concurrency_key TEXT NOT NULL, scheduled_for TEXT NOT NULL,
  not_before TEXT NOT NULL, expires_at TEXT NOT NULL,
  task TEXT NOT NULL, created_at TEXT NOT NULL, started_by TEXT, outcome TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_at_a_place ON tasks (concurrency_key)
  WHERE state = 'started';
CREATE TABLE IF NOT EXISTS first_asked (definition TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cursors (
  definition TEXT, host TEXT, first TEXT NOT NULL, until TEXT NOT NULL,
  PRIMARY KEY (definition, host)
) STRICT;
CREATE TABLE IF NOT EXISTS open_windows (
  definition TEXT, host TEXT, first TEXT, until TEXT, PRIMARY KEY (definition, host, first, until)
) STRICT;
CREATE TABLE IF NOT EXISTS askings (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL, at TEXT NOT NULL,
  hosts TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS owners (definition TEXT, repo TEXT, host TEXT NOT NULL,
  PRIMARY KEY (definition, repo)) STRICT;
CREATE TABLE IF NOT EXISTS rosters (sha256 TEXT, part INTEGER, text TEXT NOT NULL,
  PRIMARY KEY (sha256, part)) STRICT;
CREATE TABLE IF NOT EXISTS pages (asking TEXT, host TEXT, number INTEGER, text TEXT NOT NULL,
  PRIMARY KEY (asking, host, number)) STRICT;
CREATE TABLE IF NOT EXISTS told (id INTEGER PRIMARY KEY, definition TEXT NOT NULL,
  at TEXT NOT NULL, what TEXT NOT NULL, UNIQUE (definition, at, what)) STRICT;
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Store:
    """One connection to the file; threads take turns at it, processes share the file alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self.turn = RLock()
        self.open.row_factory = sqlite3.Row
        self.open.execute("PRAGMA journal_mode=WAL")
        self.open.executescript(_TABLES)

    @contextmanager
    def whole(self) -> Iterator[sqlite3.Connection]:
        """All that is done within is kept, or none of it."""
        with self.turn:
            self.open.execute("BEGIN IMMEDIATE")
            try:
                yield self.open
            except BaseException:
                self.open.execute("ROLLBACK")
                raise
            self.open.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds."""
        with self.turn:
            return self.open.execute(query, values).fetchall()

    def put(self, name: str, value: Any) -> None:
        """Set what the operator decides: the participating hosts, where the roster comes from."""
        self.rows("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, json.dumps(value))

    def get(self, name: str) -> Any:
        """What the operator decided; None where nothing was."""
        found = self.rows("SELECT value FROM settings WHERE name = ?", name)
        return json.loads(found[0][0]) if found else None

    # --- Cursors -------------------------------------------------------------------------------

    def generation(self, definition: str) -> int:
        """How many askings of a definition were concluded; one that began before is stale."""
        query = "SELECT count(*) FROM askings WHERE definition = ?"
        return int(self.rows(query, definition)[0][0])

    def was_concluded(self, name: str) -> bool:
        """Whether an asking was, though perhaps nobody heard of it."""
        return bool(self.rows("SELECT 1 FROM askings WHERE name = ?", name))

    def first_asked(self, definition: str, at: datetime) -> datetime:
        """When a definition was asked for the first time, whatever came of it; else it is now."""
        query = "INSERT OR IGNORE INTO first_asked VALUES (?, ?)"
        self.rows(query, definition, instant(at))
        query = "SELECT at FROM first_asked WHERE definition = ?"
        return datetime.fromisoformat(self.rows(query, definition)[0]["at"])

    def last_hosts(self, definition: str) -> tuple[str, ...] | None:
        """The hosts that took part when it last asked; None where it never did."""
        query = "SELECT hosts FROM askings WHERE definition = ? ORDER BY id DESC LIMIT 1"
        found = self.rows(query, definition)
        return tuple(json.loads(found[0][0])) if found else None

    def held(self, definition: str) -> dict[str, Window]:
        """The window that each host was last handed (D1)."""
        query = "SELECT host, first, until FROM cursors WHERE definition = ?"
        return {row["host"]: _window(row) for row in self.rows(query, definition)}

    def unfinished(self, definition: str) -> dict[str, list[Window]]:
        """The windows that each host is to be asked again (D3)."""
        query = "SELECT host, first, until FROM open_windows WHERE definition = ? ORDER BY 2, 3"
        found: dict[str, list[Window]] = {}
        for row in self.rows(query, definition):
            found.setdefault(row["host"], []).append(_window(row))
        return found

    def owners(self, definition: str) -> dict[str, str]:
        """The last owner of each repository."""
        query = "SELECT repo, host FROM owners WHERE definition = ?"
        return {row["repo"]: row["host"] for row in self.rows(query, definition)}

    # --- Concluding ----------------------------------------------------------------------------

    def take(self, task: Task, now: datetime) -> None:
        """Create a task; one that waits takes what its run says now, a withdrawn one waits (D7)."""
        moment = task.idempotency_key[-len("2026-11-30T08:00:00Z") :]
        self.open.execute(
            "INSERT INTO tasks (idempotency_key, state, definition, repo, agent, host,"
            " concurrency_key, scheduled_for, not_before, expires_at, task, created_at)"
            " VALUES (?, 'waits', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (idempotency_key) DO UPDATE SET state = 'waits', host = excluded.host,"
            "  definition = excluded.definition, concurrency_key = excluded.concurrency_key,"
            "  not_before = excluded.not_before, expires_at = excluded.expires_at,"
            "  task = excluded.task"
            " WHERE tasks.state IN ('waits', 'withdrawn')",
            (
                task.idempotency_key, task.definition, task.repo, task.agent, task.host,
                task.concurrency_key, moment, instant(task.not_before), instant(task.expires_at),
                dumps(task, indent=None), instant(now),
            ),
        )  # fmt: skip

    def withdraw(
        self, definition: str, answer: Resolution, exclusions: Sequence[dict[str, Any]]
    ) -> None:
        """Withdraw what waits in an answer's window and it no longer hands out (D8)."""
        handed = {run.idempotency_key for run in answer.scheduled_runs}
        handed |= {repo.idempotency_key for repo in answer.repos}
        why = {(item["repo"], item["agent"]): item for item in exclusions}
        waiting = self.rows(
            "SELECT idempotency_key, repo, agent FROM tasks WHERE definition = ?"
            " AND state = 'waits' AND scheduled_for >= ? AND scheduled_for < ?",
            definition, instant(answer.window.start), instant(answer.window.end),
        )  # fmt: skip
        for row in waiting:
            excluded = why.get((row["repo"], None)) or why.get((row["repo"], row["agent"]))
            if row["idempotency_key"] not in handed and _is_lasting(excluded):
                self.open.execute(
                    "UPDATE tasks SET state = 'withdrawn' WHERE idempotency_key = ?",
                    (row["idempotency_key"],),
                )

    def move(
        self,
        definition: str,
        held: dict[str, Window],
        windows: dict[str, list[Window]],
        owners: dict[str, str],
    ) -> None:
        """Set all cursors of a definition, what is to be asked again, and who owned what."""
        for table in ("cursors", "open_windows", "owners"):
            self.open.execute(f"DELETE FROM {table} WHERE definition = ?", (definition,))
        self.open.executemany(
            "INSERT INTO owners VALUES (?, ?, ?)",
            [(definition, repo, host) for repo, host in owners.items()],
        )
        self.open.executemany(
            "INSERT INTO cursors VALUES (?, ?, ?, ?)",
            [
                (definition, host, instant(window.start), instant(window.end))
                for host, window in held.items()
            ],
        )
        self.open.executemany(
            "INSERT INTO open_windows VALUES (?, ?, ?, ?)",
            [
                (definition, host, instant(window.start), instant(window.end))
                for host, several in windows.items()
                for window in several
            ],
        )

    def tell(self, definition: str, now: datetime, what: Sequence[str]) -> None:
        """Tell the operator; the same thing of the same asking once."""
        with self.turn:
            self.open.executemany(
                "INSERT OR IGNORE INTO told (definition, at, what) VALUES (?, ?, ?)",
                [(definition, instant(now), item) for item in what],
            )

    # --- Working -------------------------------------------------------------------------------

    def start_due(self, now: datetime, by: str) -> list[Task]:
        """Start what may begin: not before its time (D9), one at a place (D10).

        Args:
            now: When.
            by: Who starts them; the same one asking again gets the same ones.
        """
        moment = instant(now)
        with self.whole() as base:
            base.execute(
                "UPDATE tasks SET state = 'expired' WHERE state = 'waits' AND expires_at <= ?",
                (moment,),
            )
            base.execute(
                "UPDATE tasks SET state = 'started', started_by = ?1 WHERE idempotency_key IN ("
                " SELECT min(idempotency_key) FROM tasks WHERE state = 'waits' AND not_before <= ?2"
                " AND concurrency_key NOT IN"
                "  (SELECT concurrency_key FROM tasks WHERE state = 'started')"
                " GROUP BY concurrency_key)"
                " AND NOT EXISTS (SELECT 1 FROM tasks WHERE started_by = ?1)",
                (by, moment),
            )
        query = "SELECT task FROM tasks WHERE started_by = ? ORDER BY idempotency_key"
        return [from_plain(Task, json.loads(row["task"])) for row in self.rows(query, by)]

    def close(self, key: str, state: str, outcome: Any) -> None:
        """A started task ends, once."""
        self.rows(
            "UPDATE tasks SET state = ?, outcome = ? WHERE idempotency_key = ?"
            " AND state IN ('started', 'in-review')",
            state, json.dumps(outcome), key,
        )  # fmt: skip

    def emit(self, event: str) -> None:
        """Take an event; one with the same id is the same."""
        data = json.loads(event)
        self.rows("INSERT OR IGNORE INTO events VALUES (?, ?)", data["id"], event)

    def states(self) -> dict[str, str]:
        """Every task's state, by key."""
        return {
            row["idempotency_key"]: row["state"]
            for row in self.rows("SELECT idempotency_key, state FROM tasks ORDER BY 1")
        }


def _window(row: sqlite3.Row) -> Window:
    return Window(
        start=datetime.fromisoformat(row["first"]), end=datetime.fromisoformat(row["until"])
    )


def _is_lasting(excluded: dict[str, Any] | None) -> bool:
    """Whether a vanished run is gone for good; `other-host` is no answer about a repository."""
    return excluded is None or (excluded["reason"] != "other-host" and not excluded["transient"])
