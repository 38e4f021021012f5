"""Pictures: legible SVG, the same bytes for the same figures, and words beside it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from kaizen_schedule.publishing import fleet_pictures, record_pictures
from kaizen_schedule.publishing.canvas import LINES, Canvas, name_of
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


# --- What is written in them -----------------------------------------------------------------

LONG = (
    "the-very-long-name-of-a-repository-" + "x" * 165,
    "W" * 200,
    "\u00e9" * 100,
    "i" * 200,
    ".".join(["abcdefghij"] * 18),
    "\u202e" * 60,
)
ZONE = "America/Argentina/ComodRivadavia"


def long_funnel(scale: int) -> Picture:
    steps = pd.DataFrame({"reason": LONG, "stopped": [scale] * len(LONG)})
    steps["left"] = 7 * scale - steps["stopped"].cumsum()
    return fleet_pictures.funnel(steps)


def long_load(scale: int) -> Picture:
    counts = pd.DataFrame(np.arange(7 * 24).reshape(7, 24) * scale)
    return fleet_pictures.load(counts, counts, zone=ZONE)


def long_minutes(scale: int) -> Picture:
    return fleet_pictures.minutes([scale] * 90, [scale] * 90, start=START.tz_convert(ZONE))


def long_days(scale: int) -> Picture:
    counts = pd.Series([scale] * 29, index=pd.date_range("2026-10-19", periods=29))
    changes = pd.DataFrame(
        {"day": [date(2026, 10, day) for day in (20, 25, 25, 31)], "words": [f"{ZONE} +30 min"] * 4}
    )
    return fleet_pictures.days(counts, changes, zone=ZONE)


def long_steps(scale: int) -> Picture:
    names = ("fire", "resolve", "excluded", "task", "prepare", "bundle", "event", "unchanged")
    half = [scale] * len(names)
    return record_pictures.steps(pd.DataFrame({"step": names, "passed": half, "failed": half}))


def long_sizes(scale: int) -> Picture:
    names = [f"{name} optimization" for name in LONG]
    values = [float(scale * place) for place in range(len(names))]
    return record_pictures.sizes(
        values, names, what="bundles", unit="tokens", limit=3 * scale, limit_name="budget"
    )


def long_performance(scale: int) -> Picture:
    rows = [(name, week, 1.0, 60.0 * scale, 1.0) for name in LONG for week in MONDAYS]
    columns = ["agent", "week", "success_rate", "duration_s", "quality"]
    return record_pictures.performance(pd.DataFrame(rows, columns=columns), weeks=MONDAYS)


def long_closer(scale: int) -> Picture:
    runs = pd.DataFrame(
        {
            "repo": LONG, "agent": LONG, "recorded_at": pd.date_range(START, periods=len(LONG)),
            "duration_s": 60.0 * scale, "outcome": "failure", "because": True,
        }
    )  # fmt: skip
    panels = runs[["repo", "agent"]].assign(kind="repeated-failure")
    return record_pictures.closer(runs, panels, since=START)


def long_outcomes(scale: int) -> Picture:
    return outcomes(scale)


LARGEST = [
    long_funnel, long_load, long_minutes, long_days, long_steps, long_sizes, long_performance,
    long_closer, long_outcomes,
]  # fmt: skip


def written(figure: Figure) -> Iterator[Text]:
    """Every text of a figure that is drawn."""
    for text in figure.findobj(Text):
        owner = next((a for a in figure.findobj(Axis) if text in _labels(a)), None)
        drawn = owner is None or text in _labels(owner, drawn=True)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and drawn:
            yield text


def _labels(axis: Axis, *, drawn: bool = False) -> list[Text]:
    """The labels of an axis: all that it keeps, or those that lie in view."""
    ticks = [*axis.majorTicks, *axis.minorTicks]
    low, high = sorted(axis.get_view_interval())
    room = (high - low) * 1e-9
    return [
        label
        for tick in ticks
        for label in (tick.label1, tick.label2)
        if not drawn or low - room <= tick.get_loc() <= high + room
    ]


@pytest.mark.parametrize("draw", LARGEST)
@pytest.mark.parametrize("scale", [1, 100_000])
def test_no_text_lies_on_another_or_outside(
    draw: Callable[[int], Picture], scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    render = Canvas._render

    def kept(self: Canvas) -> str:
        figures.append(self.figure)
        return render(self)

    monkeypatch.setattr(Canvas, "_render", kept)
    draw(scale)
    (figure,) = figures
    figure.set_dpi(720)  # else letters are as wide as whole points
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in written(figure)]
    assert len(boxes) > 5
    for said, box in boxes:
        inside = figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert inside, f"{said} leaves the picture at its side: {box}"
        assert figure.bbox.y0 <= box.y0, said
        assert box.y1 <= figure.bbox.y1, said
    for (one, first), (two, second) in combinations(boxes, 2):
        assert not first.overlaps(second), f"{one} lies on {two}"


def test_of_a_long_name_both_ends_are_shown() -> None:
    assert name_of("ledger coach") == "ledger coach"
    long = name_of(f"the-name-{'x' * 180}-7 optimization")
    assert long.startswith("the-name-")
    assert long.endswith(" optimization")
    assert long.count("…") == 1
    assert len(name_of("i" * 200)) > len(name_of("m" * 200)) > 10
    assert name_of("\x1b" * 90)[:4] == "\\x1b"


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
