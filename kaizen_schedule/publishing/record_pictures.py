"""Pictures of what was done: the pilot's steps and sizes, and how recorded runs fare."""

from __future__ import annotations

# First, because it says what to install.
from .canvas import (
    BLUE,
    GREY,
    INK,
    LINES,
    ORANGE,
    RED,
    ROWS,
    Canvas,
    name_of,
    number_of,
    round_ticks,
    whole_numbers,
)

# isort: split
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates
from matplotlib.axes import Axes

from .columns import State
from .showing import Picture

# --- The pilot -------------------------------------------------------------------------------


def steps(counts: pd.DataFrame) -> Picture:
    """Draw how many steps of each kind passed and failed.

    Args:
        counts: In order: ``step``, ``passed``, ``failed``.
    """
    passed, failed = counts["passed"].to_numpy(), counts["failed"].to_numpy()
    place = np.arange(len(counts))
    canvas = Canvas("steps", 0.9 + 0.26 * len(counts))
    with canvas as figure:
        axes = figure.subplots()
        axes.barh(place, passed, color=BLUE, height=0.7, label="passed")
        axes.barh(
            place, failed, left=passed, color=RED, height=0.7, hatch="////", edgecolor="white",
            label="failed",
        )  # fmt: skip
        most = max((passed + failed).max(initial=0), 1)
        for row in place:
            words = f"{passed[row]:,} of {passed[row] + failed[row]:,}"
            axes.annotate(
                words, (passed[row] + failed[row], row), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=9.5,
            )  # fmt: skip
        axes.set_yticks(place, [str(step) for step in counts["step"]])
        axes.set_ylim(len(counts) - 0.4, -0.6)
        axes.set_xlim(0, most * 1.3)
        axes.set_xlabel("steps")
        whole_numbers(axes, "x")
        figure.legend(loc="outside upper left", ncols=2)
    told = [
        f"{step} {good:,} passed, {bad:,} failed"
        for step, good, bad in zip(counts["step"], passed, failed, strict=True)
    ]
    return canvas.picture(f"Bars of the pilot's steps by kind: {'; '.join(told)}.")


def sizes(
    values: Sequence[float],
    names: Sequence[str],
    *,
    what: str,
    unit: str,
    limit: float,
    limit_name: str,
) -> Picture:
    """Draw sizes against a limit: each by itself while there are few, else how many of each size.

    Args:
        values: The sizes.
        names: What each is of.
        what: What is shown, in the plural.
        unit: The unit of sizes and limit.
        limit: The limit; 0 for none.
        limit_name: What the limit is called.
    """
    given = np.asarray(values, dtype=np.float64)
    single = len(given) <= ROWS
    beyond = int((given > limit).sum()) if limit else 0
    canvas = Canvas(f"sizes-{what}", 0.95 + 0.24 * max(len(given), 1) if single else 2.6)
    end = max(given.max(initial=0), limit, 1e-9)
    with canvas as figure:
        axes = figure.subplots()
        if single:
            place = np.arange(len(given))
            over = given > limit if limit else np.zeros(len(given), bool)
            axes.barh(place, given, color=np.where(over, RED, BLUE), height=0.7)
            for row in place:
                axes.annotate(
                    number_of(given[row]), (given[row], row), xytext=(4, 0),
                    textcoords="offset points", va="center", fontsize=9.5,
                )  # fmt: skip
            axes.set_yticks(place, [name_of(name) for name in names])
            axes.set_ylim(len(given) - 0.4, -0.6)
        else:
            axes.hist(given, bins=24, range=(0, end), color=BLUE, edgecolor="white", linewidth=0.5)
            axes.set_ylabel(what)
            whole_numbers(axes)
        axes.set_xlim(0, end * 1.16)
        axes.xaxis.set_major_locator(round_ticks(4 if single else 6))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.set_xlabel(unit)
        if limit:
            axes.axvline(limit, color=RED, linestyle=(0, (4, 2)), linewidth=1.4)
            words = f"dashed line: the {limit_name}, {number_of(limit)} {unit}"
            words += f"; {beyond:,} beyond it" if beyond else ""
            figure.suptitle(words, x=0.02, ha="left", fontsize=10)
    most = given.max(initial=0)
    middle = float(np.median(given)) if len(given) else 0.0
    told = f"; the {limit_name} is {number_of(limit)}, {beyond:,} beyond it" if limit else ""
    kind = "Bars" if single else "A histogram"
    return canvas.picture(
        f"{kind} of {len(given):,} {what}: median {number_of(middle)} {unit}, "
        f"largest {number_of(most)}{told}."
    )


# --- Records ---------------------------------------------------------------------------------


def performance(weekly: pd.DataFrame, *, weeks: Sequence[pd.Timestamp]) -> Picture:
    """Draw success rate, duration and quality by week, a line for each agent.

    Args:
        weekly: ``agent``, ``week``, ``success_rate`` (0 to 1), ``duration_s`` (median), and
            ``quality`` (mean, 0 to 1), of six agents at most.
        weeks: The first day of each week, all of them.
    """
    measures = (
        ("success_rate", "success rate", "%", 100.0),
        ("duration_s", "median duration", "minutes", 1 / 60),
        ("quality", "mean quality", "0 to 1", 1.0),
    )
    agents = list(dict.fromkeys(weekly["agent"]))
    labels = {agent: name_of(str(agent), 120, size=10) for agent in agents}
    longest = weekly["duration_s"].max() / 60 if len(weekly) else 1
    tops = {"%": 105, "minutes": max(longest, 0.1) * 1.15, "0 to 1": 1.05}
    place = {week: number for number, week in enumerate(weeks)}
    canvas = Canvas("performance", 5.6)
    with canvas as figure:
        panels = figure.subplots(3, 1, sharex=True)
        for axes, (column, title, unit, factor) in zip(panels, measures, strict=True):
            for agent, (colour, mark) in zip(agents, LINES, strict=False):
                rows = weekly[(weekly["agent"] == agent) & weekly[column].notna()]
                axes.plot(
                    [place[week] for week in rows["week"]], rows[column] * factor, color=colour,
                    marker=mark, markersize=5, linewidth=1.5, label=labels[agent],
                    clip_on=False,
                )  # fmt: skip
            axes.set_title(title)
            axes.set_ylabel(unit)
            axes.grid(axis="y")
            axes.set_ylim(0, tops[unit])
        _weeks(panels[-1], weeks)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    told = []
    for agent in agents:
        rows = weekly[(weekly["agent"] == agent) & weekly["success_rate"].notna()]
        if len(rows):
            first, last = rows["success_rate"].iloc[[0, -1]]
            told.append(f"{agent} {first:.0%} in its first week, {last:.0%} in its last")
    return canvas.picture(
        f"Lines by week of success rate, median duration and mean quality. "
        f"Success: {'; '.join(told) or 'no run'}."
    )


def _weeks(axes: Axes, weeks: Sequence[pd.Timestamp]) -> None:
    apart = max(1, -(-len(weeks) // 5))
    ticks = list(range(0, len(weeks), apart))
    axes.set_xticks(ticks, [f"{weeks[tick]:%d %b}" for tick in ticks])
    axes.set_xlim(-0.4, len(weeks) - 0.6)
    axes.set_xlabel("weeks, by their Monday")


_dates: Any = dates

OUTCOMES = {"success": (BLUE, "o"), "partial": (ORANGE, "s"), "failure": (RED, "X")}
"""Colour and mark of each outcome."""


def closer(runs: pd.DataFrame, panels: pd.DataFrame, *, since: pd.Timestamp) -> Picture:
    """Draw each run of a few agents: when, how long, how it ended, and what is suggested.

    Args:
        runs: ``repo``, ``agent``, ``recorded_at``, ``duration_s``, ``outcome``, and ``because``,
            whether the first suggestion follows from it.
        panels: ``repo``, ``agent`` and ``kind``, the suggestion, in the order of the panels.
        since: Where the period that is judged begins.
    """
    canvas = Canvas("closer", 0.7 + 1.35 * max(len(panels), 1))
    with canvas as figure:
        drawn = figure.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(drawn, panels.itertuples(index=False), strict=False):
            own = runs[(runs["repo"] == panel.repo) & (runs["agent"] == panel.agent)]
            axes.axvline(since, color=GREY, linewidth=1)
            for outcome, (colour, mark) in OUTCOMES.items():
                rows = own[own["outcome"] == outcome]
                axes.plot(
                    rows["recorded_at"], rows["duration_s"] / 60, mark, color=colour, markersize=6,
                    label=outcome, linestyle="none",
                )  # fmt: skip
            named = own[own["because"]]
            axes.plot(
                named["recorded_at"], named["duration_s"] / 60, "o", markersize=11,
                linestyle="none",
                markerfacecolor="none", markeredgecolor=INK, label="led to the suggestion",
            )  # fmt: skip
            axes.set_title(
                f"{name_of(str(panel.repo), 90, bold=True)} / "
                f"{name_of(str(panel.agent), 88, bold=True)}: {panel.kind}",
                fontsize=9.5,
            )
            axes.set_ylabel("minutes")
            axes.set_ylim(0, max(own["duration_s"].max() / 60, 1) * 1.25 if len(own) else 1)
            axes.grid(axis="y")
        ticks = _dates.AutoDateLocator(minticks=3, maxticks=5)
        drawn[-1].xaxis.set_major_locator(ticks)
        drawn[-1].xaxis.set_major_formatter(_dates.DateFormatter("%d %b"))
        drawn[-1].set_xlabel("recorded on; what is judged lies right of the grey line")
        handles, labels = drawn[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2)
    told = [f"{p.repo} {p.agent}: {p.kind}" for p in panels.itertuples(index=False)]
    return canvas.picture(
        f"Each run's duration over time. Suggestions: {'; '.join(told) or 'none'}."
    )


STATES = {
    State.SUCCESS: (BLUE, ""),
    State.PARTIAL: (ORANGE, ".."),
    State.FAILURE: (RED, "xx"),
    State.MISSED: (INK, "////"),
    State.OPEN: (GREY, ""),
}
"""Colour and hatching of each state."""


def outcomes(weekly: pd.DataFrame, *, weeks: Sequence[pd.Timestamp]) -> Picture:
    """Draw what became of the runs of each week.

    Args:
        weekly: Runs by week (rows) and state (columns).
        weeks: The first day of each week, as in the rows.
    """
    canvas = Canvas("outcomes", 2.9)
    with canvas as figure:
        axes = figure.subplots()
        bottom = np.zeros(len(weekly))
        for state, (colour, hatch) in STATES.items():
            values = weekly[state.value].to_numpy()
            axes.bar(
                np.arange(len(weekly)), values, bottom=bottom, color=colour, hatch=hatch,
                edgecolor="white", width=0.75, label=state.value,
            )  # fmt: skip
            bottom = bottom + values
        axes.set_ylabel("runs")
        axes.set_ylim(0, max(bottom.max(initial=0), 1) * 1.05)
        whole_numbers(axes)
        _weeks(axes, weeks)
        figure.legend(loc="outside upper left", ncols=3)
    told = [f"{int(weekly[state.value].sum()):,} {state.value}" for state in STATES]
    return canvas.picture(f"Bars of runs by week and what became of them: {', '.join(told)}.")
