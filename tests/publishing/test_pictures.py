"""Pictures: legible SVG, the same bytes for the same figures, and words beside it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from kaizen_schedule.publishing import fleet_pictures, record_pictures
from kaizen_schedule.publishing.canvas import LINES
from kaizen_schedule.publishing.columns import State
from kaizen_schedule.publishing.showing import Picture
from tests.support import ROOT

START = pd.Timestamp("2026-11-30T08:00:00Z")
MONDAYS = list(pd.date_range("2026-09-07", periods=12, freq="7D"))
ODD = "$x^2$ <b>&amp; 仓库 \u202e"


def funnel(scale: int = 1) -> Picture:
    steps = pd.DataFrame({"reason": ["path-missing", ODD], "stopped": [3 * scale, scale]})
    steps["left"] = 10 * scale - steps["stopped"].cumsum()
    return fleet_pictures.funnel(steps)


def load(scale: int = 1) -> Picture:
    before = pd.DataFrame(np.zeros((7, 24), int))
    after = before.copy()
    before.iloc[0, 8], after.iloc[0, 8], after.iloc[0, 9] = 5 * scale, 3 * scale, 2 * scale
    return fleet_pictures.load(before, after, zone="UTC")


def minutes(scale: int = 1) -> Picture:
    return fleet_pictures.minutes([5 * scale, *[0] * 59], [scale] * 60, start=START)


def days(scale: int = 1) -> Picture:
    counts = pd.Series(range(28), index=pd.date_range("2026-10-19", periods=28)) * scale
    changes = pd.DataFrame({"day": [date(2026, 10, 25)], "words": [ODD]})
    return fleet_pictures.days(counts, changes, zone="UTC")


def steps(scale: int = 1) -> Picture:
    counts = pd.DataFrame(
        {"step": ["task", "prepare"], "passed": [4 * scale, scale], "failed": [0, 3]}
    )
    return record_pictures.steps(counts)


def sizes(scale: int = 1) -> Picture:
    values = [100.0, 2_500.0, 17_000.0] * scale
    return record_pictures.sizes(
        values, [ODD] * len(values), what="bundles", unit="tokens", limit=16_000,
        limit_name="budget",
    )  # fmt: skip


def performance(scale: int = 1) -> Picture:
    rows = [
        (f"agent-{number}", week, 0.5, 60.0 * scale, float("nan"))
        for number in range(6)
        for week in MONDAYS
    ]
    columns = ["agent", "week", "success_rate", "duration_s", "quality"]
    return record_pictures.performance(pd.DataFrame(rows, columns=columns), weeks=MONDAYS)


def closer(scale: int = 1) -> Picture:
    runs = pd.DataFrame(
        {
            "repo": ODD, "agent": "coach",
            "recorded_at": pd.date_range(START, periods=4, freq="7D"),
            "duration_s": [60.0 * scale, 120, 180, 240],
            "outcome": ["success", "partial", "failure", "success"],
            "because": [False, True, True, False],
        }
    )  # fmt: skip
    panels = pd.DataFrame({"repo": [ODD], "agent": ["coach"], "kind": ["low-success"]})
    return record_pictures.closer(runs, panels, since=START + pd.Timedelta(days=10))


def outcomes(scale: int = 1) -> Picture:
    weekly = pd.DataFrame({state.value: [scale] * 12 for state in State}, index=MONDAYS)
    return record_pictures.outcomes(weekly, weeks=MONDAYS)


PICTURES = [funnel, load, minutes, days, steps, sizes, performance, closer, outcomes]


@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize("scale", [1, 3_000])
def test_a_picture_is_svg_with_words(draw: Callable[[int], Picture], scale: int) -> None:
    found = draw(scale)
    root = ElementTree.fromstring(found.svg)
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("aria-label") == found.alt
    assert len(found.alt) > 40
    assert "  " not in found.alt
    assert root.get("width") == "360pt"  # five inches: letters can be read on a telephone
    assert not re.search(r"<image|<metadata|href=\"http", found.svg)


@pytest.mark.parametrize("draw", PICTURES)
def test_the_same_figures_give_the_same_bytes(draw: Callable[[], Picture]) -> None:
    assert draw() == draw()


def test_another_figure_gives_another_picture() -> None:
    assert load(1).svg != load(2).svg
    assert "with 5 runs" in load(1).alt
    assert "with 15,000 runs" in load(3_000).alt


def test_nothing_to_show_is_no_error() -> None:
    nothing = pd.DataFrame({"reason": [], "stopped": [], "left": []})
    assert "0 registered repositories" in fleet_pictures.funnel(nothing).alt
    empty = pd.DataFrame(np.zeros((7, 24), int))
    assert "no run begins" in fleet_pictures.load(empty, empty, zone="UTC").alt
    sizes = record_pictures.sizes([], [], what="bundles", unit="tokens", limit=9, limit_name="x")
    assert sizes.alt.startswith("Bars of 0 bundles")
    columns = ["agent", "week", "success_rate", "duration_s", "quality"]
    weekly = pd.DataFrame([], columns=columns)
    assert "no run" in record_pictures.performance(weekly, weeks=MONDAYS).alt


def test_lines_differ_by_more_than_colour() -> None:
    assert len({mark for _, mark in LINES}) == len({colour for colour, _ in LINES}) == 6
    assert len({colour for colour, _ in record_pictures.STATES.values()}) == len(State)


def test_without_matplotlib_it_is_said_what_to_install() -> None:
    script = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "try:\n"
        "    import kaizen_schedule.publishing.{}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    for name in ("fleet_pictures", "record_pictures"):
        done = subprocess.run(
            [sys.executable, "-c", script.format(name)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == (
            "pictures need matplotlib, which is not installed: "
            "pip install 'kaizen-schedule[notebooks]'\n"
        )
