"""Frames of what was done: the pilot's steps, recorded runs, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import take

from kaizen_schedule.orienting.record import PilotStep
from kaizen_schedule.orienting.suggestions import Suggestion

from .columns import COLUMNS, State, build, coded, instants, ordered
from .survey import History


def pilot(steps: Sequence[PilotStep]) -> pd.DataFrame:
    """Make a frame of a pilot's record: one row for each step.

    Args:
        steps: The record, as ``parse_record`` gives it.

    Returns:
        The columns are ``COLUMNS["pilot"]``.

    Example:
        >>> from kaizen_schedule.orienting.record import parse_record
        >>> pilot(parse_record('{"number": 1, "step": "end", "ok": true}'))["step"].tolist()
        ['end']
    """
    names = [column.name for column in COLUMNS["pilot"]]
    return build("pilot", {name: [getattr(step, name) for step in steps] for name in names})


def executions(histories: Iterable[History]) -> pd.DataFrame:
    """Make a frame of recorded runs: one row for each record that counts.

    Notes are left out: they stand in their files neither escaped nor redacted.

    Args:
        histories: What agents have recorded; each is let go once it was looked at.

    Returns:
        The columns are ``COLUMNS["executions"]``.

    Example:
        >>> executions([]).dtypes["recorded_at"]
        datetime64[us, UTC]
    """
    repos: dict[str, int] = {}
    agents: dict[str, int] = {}
    whose: list[tuple[int, int]] = []
    sizes: list[int] = []
    values: dict[str, list[Any]] = {
        name: [] for name in ("timestamp", "outcome", "duration_s", "quality", "run", "line")
    }
    for history in histories:
        rows = history.found.executions
        whose.append((
            repos.setdefault(history.repo, len(repos)),
            agents.setdefault(history.agent, len(agents)),
        ))  # fmt: skip
        sizes.append(len(rows))
        for name, column in values.items():
            column += [getattr(row, name) for row in rows]
    times = values.pop("timestamp")
    return build(
        "executions",
        {
            "repo": _spread([repo for repo, _ in whose], sizes, repos),
            "agent": _spread([agent for _, agent in whose], sizes, agents),
            "recorded_at": instants(times),
            **values,
        },
    )


def _spread(codes: Sequence[int], sizes: Sequence[int], known: Mapping[str, int]) -> pd.Categorical:
    """A column that says the same for so many rows each; its values in order of name."""
    names = sorted(known)
    new = np.empty(len(names), np.int32)
    for place, name in enumerate(names):
        new[known[name]] = place
    numbers = np.asarray(codes, np.int64)
    return coded(np.repeat(new[numbers], sizes) if len(numbers) else [], names)


def suggestions(said: Mapping[tuple[str, str], Sequence[Suggestion]]) -> pd.DataFrame:
    """Make a frame of what ``suggest`` said: one row for each suggestion.

    Args:
        said: The suggestions by repository and agent, the most urgent first.

    Returns:
        The columns are ``COLUMNS["suggestions"]``.
    """
    rows = [
        (repo, agent, place, item)
        for (repo, agent), items in said.items()
        for place, item in enumerate(items, 1)
    ]
    return build(
        "suggestions",
        {
            "repo": [repo for repo, _, _, _ in rows],
            "agent": [agent for _, agent, _, _ in rows],
            "kind": [item.kind for _, _, _, item in rows],
            "place": [place for _, _, place, _ in rows],
            "records": [len(item.because) for _, _, _, item in rows],
            "text": [item.text for _, _, _, item in rows],
        },
    )


def handed_out(of: pd.DataFrame, recorded: pd.DataFrame, *, now: datetime) -> pd.DataFrame:
    """Make a frame of runs that were handed out, and what became of each: one row each.

    They are joined by the run's key; a record counts where repository and agent are the run's, too,
    and it is no later than ``now``.

    Args:
        of: Runs, as ``runs`` or ``forecast`` gives them.
        recorded: Records, as ``executions`` gives them.
        now: When it is asked; with a zone.

    Returns:
        The columns are ``COLUMNS["handed_out"]``.

    Raises:
        ValueError: Two of the runs have one key.
    """
    moment = pd.Timestamp(now).tz_convert("UTC")
    keys = pd.Index(of["run"])
    if not keys.is_unique:
        raise ValueError(f"two runs have the key {keys[keys.duplicated()][0]}")
    known = recorded[recorded["run"].notna() & (recorded["recorded_at"] <= moment)]
    place = keys.get_indexer(pd.Index(known["run"]))
    held = np.flatnonzero(place >= 0)
    for name in ("repo", "agent"):
        ours = of[name].array.take(place[held]).astype("str")
        held = held[ours == known[name].array.take(held).astype("str")]
    row = np.full(len(of), -1)
    row[place[held]] = held
    facts: dict[str, Any] = {
        name: take(known[name].array, row, allow_fill=True)
        for name in ("recorded_at", "outcome", "duration_s", "quality")
    }
    over = (of["expires_at"] <= moment).to_numpy()
    codes = facts["outcome"].codes
    order = list(State)
    states = np.array([order.index(State(value)) for value in facts["outcome"].categories])
    silent = np.where(over, order.index(State.MISSED), order.index(State.OPEN))
    return build(
        "handed_out",
        {
            **{
                name: of[name] for name in ("run", "scheduled", "local", "not_before", "expires_at")
            },
            **facts,
            "repo": of["repo"].astype("category"),
            "agent": of["agent"],
            "state": ordered("state", np.where(codes >= 0, states[codes], silent).astype(np.int8)),
            "late": (facts["recorded_at"] >= of["expires_at"].array),
        },
    )
