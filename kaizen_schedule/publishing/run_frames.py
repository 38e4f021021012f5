"""Frames of a window: the runs that it hands out, and every time at which entries run."""

from __future__ import annotations

from datetime import tzinfo
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.definitions import RepoRun, Run
from kaizen_schedule.planning.recurrence import Zones, iter_occurrences
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.windows import Window, encode_slug

from .columns import build, clock, instants, offsets, ordered


def runs(found: Resolution) -> pd.DataFrame:
    """Make a frame of the runs that a window hands out: one row each.

    Runs of whole repositories, of a definition about them, have no agent, cadence, cron and zone.

    Args:
        found: The resolver's answer.

    Returns:
        The columns are ``COLUMNS["runs"]``.

    Example:
        >>> from datetime import timedelta
        >>> from kaizen_schedule import Asking, discover_kaizen_scheduled_repos, load_roster
        >>> items = [{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]
        >>> asking = Asking(roster=load_roster(items), host="forge-1")
        >>> week = discover_kaizen_scheduled_repos(
        ...     asking, start=now, end=now + timedelta(days=7), now=now
        ... )
        >>> frame = runs(week)
        >>> frame["local"].dt.strftime("%a %H:%M").tolist(), str(frame["scheduled"].dt.tz)
        (['Mon 09:00', 'Mon 10:00'], 'UTC')
    """
    rows: tuple[Run | RepoRun, ...] = (*found.scheduled_runs, *found.repos)
    few = found.scheduled_runs
    none = [None] * len(found.repos)
    scheduled = instants(row.scheduled_for for row in rows)
    shift = offsets([row.scheduled_for for row in rows])
    not_before = instants(row.not_before for row in rows)
    return build(
        "runs",
        {
            "repo": [row.repo for row in rows],
            "agent": [row.agent for row in few] + none,
            "definition": [row.definition for row in rows],
            "cadence": [row.cadence for row in few] + none,
            "cron": [row.cron for row in few] + none,
            "cron_origin": [row.cron_origin.value for row in few] + none,
            "timezone": [row.timezone for row in few] + none,
            **_times(scheduled, shift, not_before - scheduled),
            "expires_at": instants(row.expires_at for row in rows),
            "host": [row.host for row in rows],
            "path": [row.path for row in rows],
            "run": [row.idempotency_key for row in rows],
            "review": [row.review.value for row in few] + none,
            "manifest_sha256": [row.manifest_sha256 for row in few] + none,
        },
    )


def _times(scheduled: np.ndarray, shift: np.ndarray, late: np.ndarray) -> dict[str, object]:
    """The columns that follow from instants, offsets in minutes and staggers."""
    local = scheduled + shift.astype("m8[m]").astype("m8[us]")
    weekday, hour = clock(local)
    return {
        "scheduled": scheduled,
        "local": local,
        "offset_min": shift,
        "weekday": ordered("weekday", weekday),
        "hour": hour,
        "not_before": scheduled + late,
        "stagger_s": late.astype("m8[s]").astype(np.int64),
    }


def forecast(of: pd.DataFrame, window: Window, *, zones: Zones) -> pd.DataFrame:
    """Make a frame of every time at which entries run in a window: one row each, in their order.

    It says what the resolver says of the same window, without a look into a checkout, because each
    cron is followed once for all entries that have it.

    Args:
        of: The entries, as ``entries`` gives them.
        window: From when, and until before when; UTC.
        zones: The time zones that exist.

    Returns:
        The columns are ``COLUMNS["forecast"]``.
    """
    pairs: Any = of.groupby(["cron", "timezone"], observed=True, sort=True).indices
    rows: list[np.ndarray] = []
    moments: list[np.ndarray] = []
    shifts: list[np.ndarray] = []
    for (cron, timezone), members in pairs.items():
        zone = zones.get(timezone)
        assert zone is not None
        coming = iter_occurrences(parse_cron(cron), zone, window.start)
        times = list(takewhile(lambda moment: moment < window.end, coming))
        rows.append(np.repeat(members, len(times)))
        moments.append(np.tile(instants(times), len(members)))
        shifts.append(np.tile(offsets([moment.astimezone(zone) for moment in times]), len(members)))
    row = np.concatenate(rows) if rows else np.empty(0, np.int64)
    scheduled = np.concatenate(moments) if rows else np.empty(0, "M8[us]")
    shift = np.concatenate(shifts) if rows else np.empty(0, np.int32)
    repo = of["repo"].astype("category").cat.codes.to_numpy()
    agent = of["agent"].cat.codes.to_numpy()
    order = np.lexsort((agent[row], repo[row], scheduled))
    row, scheduled, shift = row[order], scheduled[order], shift[order]
    late = of["stagger_s"].to_numpy()[row].astype("m8[s]").astype("m8[us]")
    life = of["expires_after_s"].to_numpy()[row].astype("m8[s]").astype("m8[us]")
    shared = ("agent", "definition", "cadence", "timezone")
    return build(
        "forecast",
        {
            "repo": of["repo"].astype("category").array[row],
            **{name: of[name].array[row] for name in shared},
            **_times(scheduled, shift, late),
            "expires_at": scheduled + late + life,
            "run": _keys(of, row, scheduled),
        },
    )


def _keys(of: pd.DataFrame, row: np.ndarray, scheduled: np.ndarray) -> np.ndarray:
    """The names of runs; entry and instant are written once each."""
    pairs = zip(of["repo"].tolist(), of["agent"].tolist(), strict=True)
    heads = np.array([f"{encode_slug(repo)}:{agent}:" for repo, agent in pairs], dtype=object)
    moments, place = np.unique(scheduled, return_inverse=True)
    tails = np.array([f"{moment}Z" for moment in moments.astype("M8[s]").astype(str)], dtype=object)
    return np.asarray(heads[row] + tails[place], dtype=object) if len(row) else np.empty(0, object)


def local_time(moments: pd.Series, zone: tzinfo) -> pd.Series:
    """What a clock of one zone shows at instants; a missing one stays missing.

    Args:
        moments: Instants in UTC.
        zone: The zone, of the pinned rules: pandas would ask the host's.

    Example:
        >>> from kaizen_schedule.edges import packaged
        >>> moment = pd.Series(pd.to_datetime(["2026-11-30T08:00:00Z"])).dt.as_unit("us")
        >>> local_time(moment, packaged.zones().get("Europe/Berlin")).dt.hour.tolist()
        [9]
    """
    plain = moments.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("M8[us]")
    # No clock changes within a minute, and most instants of a fleet share theirs.
    minutes, place = np.unique(plain.astype("M8[m]"), return_inverse=True)
    known = [
        pd.Timestamp(minute, tz="UTC").to_pydatetime() for minute in minutes[~np.isnat(minutes)]
    ]
    shift = np.zeros(len(minutes), np.int64)
    shift[: len(known)] = offsets([moment.astimezone(zone) for moment in known])
    local = plain + shift[place].astype("m8[m]").astype("m8[us]")
    return pd.Series(local, index=moments.index, name=moments.name)
