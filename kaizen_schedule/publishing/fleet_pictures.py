"""Pictures of a fleet: who takes part, and how its load lies over hours, minutes and days."""

from __future__ import annotations

# First, because it says what to install.
from .canvas import BLUE, ORANGE, RED, SKY, Canvas, name_of, round_ticks, whole_numbers

# isort: split
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import NullLocator

from .columns import WEEKDAYS
from .reporters import count_of
from .showing import Picture


def funnel(steps: pd.DataFrame) -> Picture:
    """Draw how many repositories are left after each reason.

    Args:
        steps: In the order of looking: ``reason``, ``stopped`` and ``left``, in repositories.
    """
    stopped, left = steps["stopped"].to_numpy(), steps["left"].to_numpy()
    total = int(stopped[0] + left[0]) if len(steps) else 0
    names = ["registered", *steps["reason"], "take part"]
    remain = np.array([total, *left, left[-1] if len(left) else total])
    gone = np.array([0, *stopped, 0])
    canvas = Canvas("funnel", 0.75 + 0.235 * len(names))
    with canvas as figure:
        axes = figure.subplots()
        place = np.arange(len(names))
        colours = [BLUE, *[SKY] * len(stopped), BLUE]
        axes.barh(place, remain, color=colours, height=0.72)
        axes.barh(place, gone, left=remain, color=RED, height=0.72, hatch="////", edgecolor="white")
        for row in place:
            number = f"{remain[row]:,}" if row in (0, len(names) - 1) else f"−{gone[row]:,}"
            axes.annotate(
                number, (remain[row] + gone[row], row), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=9.5,
            )  # fmt: skip
        axes.set_yticks(place, [name_of(str(name)) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, max(total, 1) * 1.16)
        axes.set_xlabel("repositories")
        whole_numbers(axes, "x")
    told = [f"{r} stops {n:,}" for r, n in zip(steps["reason"], stopped, strict=True)]
    end = int(remain[-1])
    return canvas.picture(
        f"Bars: of {count_of(total, 'registered repository')}, {end:,} take part. "
        f"{'; '.join(told)}."
    )


def load(before: pd.DataFrame, after: pd.DataFrame, *, zone: str) -> Picture:
    """Draw how many runs begin in each hour of the week, as scheduled and after the stagger.

    Args:
        before: Runs by weekday (seven rows) and hour (24 columns), as scheduled.
        after: The same after the stagger.
        zone: The zone of the clock.
    """
    most = max(int(before.to_numpy().max()), int(after.to_numpy().max()), 1)
    # So few colours that the bar beside them is drawn, and no picture of points.
    colours = colormaps["cividis_r"].resampled(min(most, 12))
    wide = most >= 100  # one hour of a large fleet holds a thousand times another's
    # Of few runs each number has a colour of its own.
    scale = LogNorm(1, most) if wide else Normalize(0.5, most + 0.5)
    canvas = Canvas("load", 4.1)
    with canvas as figure:
        panels = figure.subplots(2, 1, sharex=True)
        for axes, frame, title in zip(
            panels, (before, after), ("as scheduled", "after stagger"), strict=True
        ):
            values = np.ma.masked_equal(frame.to_numpy(), 0)
            image = axes.pcolormesh(
                values, cmap=colours, norm=scale, edgecolors="white", linewidth=0.8,
                rasterized=False,
            )  # fmt: skip
            axes.set_title(title)
            axes.set_facecolor("#f1f3f4")
            axes.set_yticks(np.arange(7) + 0.5, WEEKDAYS)
            axes.invert_yaxis()
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_xticks(np.arange(0, 24, 3) + 0.5, [f"{hour:02}" for hour in range(0, 24, 3)])
        panels[1].set_xlabel(f"hour of the day, {zone}")
        bar = figure.colorbar(image, ax=panels, aspect=30, pad=0.02)
        bar.set_label("runs that begin in the hour" + (", logarithmic" if wide else ""))
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_minor_locator(NullLocator())
        if not wide:
            bar.ax.yaxis.set_major_locator(round_ticks(5, integer=True))
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    words = [
        f"{title} {_busiest(frame)}"
        for frame, title in ((before, "as scheduled,"), (after, "after stagger,"))
    ]
    return canvas.picture(f"Two heat maps of runs by weekday and hour, {zone}: {'; '.join(words)}.")


def _busiest(frame: pd.DataFrame) -> str:
    values = frame.to_numpy()
    if not values.any():
        return "no run begins"
    day, hour = divmod(int(values.argmax()), 24)
    runs = count_of(int(values.max()), "run")
    return f"the busiest hour is {WEEKDAYS[day]} {hour:02}:00 with {runs}"


def minutes(before: Sequence[int], after: Sequence[int], *, start: pd.Timestamp) -> Picture:
    """Draw how many runs begin in each minute, as scheduled and after the stagger.

    Args:
        before: Runs by minute from the start on, as scheduled.
        after: The same after the stagger.
        start: The first minute, on the clock that is shown.
    """
    one, two = np.asarray(before), np.asarray(after)
    place = np.arange(len(one))
    canvas = Canvas("minutes", 2.7)
    with canvas as figure:
        axes = figure.subplots()
        axes.bar(
            place,
            two,
            width=1.0,
            color=BLUE,
            label=f"after stagger, {two.max(initial=0):,} at most",
        )
        seen = place[one > 0]
        axes.vlines(seen, 0, one[one > 0], color=ORANGE, linewidth=1.6)
        axes.plot(
            seen,
            one[one > 0],
            "o",
            color=ORANGE,
            markersize=5,
            clip_on=False,
            label=f"as scheduled, {one.max(initial=0):,} at most",
        )
        ticks = place[:: max(15, 15 * (len(place) // 120))]
        labels = [(start + pd.Timedelta(minutes=int(m))).strftime("%H:%M") for m in ticks]
        axes.set_xticks(ticks, labels)
        axes.set_xlim(-1.5, len(place) - 0.5)
        axes.set_ylim(0, max(one.max(initial=0), two.max(initial=0), 1) * 1.12)
        axes.set_ylabel("runs a minute")
        axes.set_xlabel(f"{start:%A %Y-%m-%d}, {start.tzname() or 'local'}")
        whole_numbers(axes)
        figure.legend(loc="outside upper left")
    return canvas.picture(
        f"Runs that begin in each minute of {start:%A %Y-%m-%d} from {start:%H:%M} "
        f"{start.tzname()}: as scheduled {one.max(initial=0):,} at most, "
        f"after stagger {two.max(initial=0):,}."
    )


def days(counts: pd.Series, changes: pd.DataFrame, *, zone: str) -> Picture:
    """Draw how many runs fall on each day, and where clocks change.

    Args:
        counts: Runs by day, one row a day without gaps.
        changes: Clock changes: ``day`` and ``words``, few of them.
        zone: The zone of the days.
    """
    place = np.arange(len(counts))
    values = counts.to_numpy()
    marked = f"marked on {counts.index[0]:%A}s; " if len(counts) else ""
    canvas = Canvas("days", 2.75 + 0.17 * len(changes))
    with canvas as figure:
        axes = figure.subplots()
        weekend = np.array([day.weekday() >= 5 for day in counts.index])
        axes.bar(place, values, color=np.where(weekend, SKY, BLUE), width=0.8)
        ticks = place[:: max(7, 7 * (len(place) // 42))]
        axes.set_xticks(ticks, [f"{counts.index[t]:%d %b}" for t in ticks])
        top = max(values.max(initial=0), 1)
        axes.set_ylim(0, top * 1.08)
        axes.set_xlim(-0.6, len(place) - 0.4)
        for number, (day, words) in enumerate(zip(changes["day"], changes["words"], strict=True)):
            at = (pd.Timestamp(day) - counts.index[0]).days - 0.5
            axes.axvline(at, color=RED, linestyle=(0, (4, 2)), linewidth=1.4)
            right = at > len(place) / 2
            axes.annotate(
                name_of(str(words), 145), (at, 1), xycoords=("data", "axes fraction"),
                fontsize=9.5, color="#9a4100",
                xytext=(-3 if right else 3, 3 + 12 * (len(changes) - 1 - number)),
                textcoords="offset points", ha="right" if right else "left",
            )  # fmt: skip
        axes.set_ylabel("runs a day")
        axes.set_xlabel(f"days, {zone}\n{marked}weekends are paler")
        whole_numbers(axes)
    told = "; ".join(
        f"{pd.Timestamp(d):%d %b}: {w}"
        for d, w in zip(changes["day"], changes["words"], strict=True)
    )
    return canvas.picture(
        f"Bars: {count_of(int(values.sum()), 'run')} over {count_of(len(counts), 'day')}, "
        f"{values.max(initial=0):,} at most on one day. "
        + (f"Clocks change on {told}." if told else "No clock changes.")
    )
