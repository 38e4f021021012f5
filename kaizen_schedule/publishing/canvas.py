"""What every picture has in common: its style, and how it becomes SVG beside words.

Pictures are SVG on a white panel, so that they read alike on light and dark pages; five inches
wide, so that their letters can be read on a telephone; in colours that those who see few colours
tell apart, and never by colour alone. The same figures give the same bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as error:
    raise ImportError(
        f"pictures need {error.name}, which is not installed: "
        "pip install 'kaizen-schedule[notebooks]'",
        name=error.name,
    ) from error

from kaizen_schedule.reading import safety

from .showing import Picture

# Okabe and Ito's colours.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PINK, GREY, INK = "#56B4E9", "#CC79A7", "#8a949a", "#1d2b31"
LINES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PINK, "D"), (RED, "v"), (SKY, "P"))
"""Colour and mark of each line: told apart by either."""

WIDTH = 5.0
"""Inches."""

ROWS = 20
"""So many single bars fit; more are shown by how many there are of each size."""

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": "#dfe4e6",
    "hatch.linewidth": 0.8,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 9.5,
    "ytick.color": INK,
    "ytick.labelsize": 9.5,
}


class Canvas:
    """A figure under way; what it draws is written when the block ends."""

    def __init__(self, name: str, height: float) -> None:
        self._name = name
        self._settings = mpl.rc_context({**_STYLE, "svg.hashsalt": name})
        self._height = height

    def __enter__(self) -> Figure:
        self._settings.__enter__()
        self.figure = Figure(figsize=(WIDTH, self._height), layout="constrained")
        return self.figure

    def __exit__(self, *raised: Any) -> None:
        try:
            if raised[0] is None:
                self.svg = self._render()
        finally:
            self._settings.__exit__(*raised)

    def _render(self) -> str:
        text = StringIO()
        with _missing_letters_allowed():
            self.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        svg = text.getvalue()
        return re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)

    def picture(self, alt: str) -> Picture:
        """What was drawn, and what it shows."""
        alt = " ".join(alt.split())
        quoted = alt.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        return Picture(self.svg.replace("<svg", f'<svg role="img" aria-label="{quoted}"', 1), alt)


@contextmanager
def _missing_letters_allowed() -> Iterator[None]:
    """A letter that the font lacks is a box; the table beside it holds the name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def name_of(text: str, points: float = 150, *, size: float = 9.5, bold: bool = False) -> str:
    """A name that fits: of a long one both ends, for many begin alike.

    Args:
        text: The name.
        points: The room that there is.
        size: Of its letters, in points.
        bold: Whether they are bold.
    """
    whole = safety.escape(text)
    font = FontProperties(family=["DejaVu Sans"], size=size, weight="bold" if bold else "normal")
    shown = whole
    end = min(len(whole) // 2, int(points / 4))  # no more than so many letters fit on either side
    with _missing_letters_allowed():
        while end and _width(shown, font) > points:
            shown = f"{whole[:end]}…{whole[-end:]}"
            end -= 1
    return shown


def _width(text: str, font: FontProperties) -> float:
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def whole_numbers(axes: Axes, axis: str = "y") -> None:
    """Let an axis have whole numbers, with marks for thousands."""
    which = axes.yaxis if axis == "y" else axes.xaxis
    which.set_major_locator(round_ticks(5, integer=True))
    which.set_major_formatter(lambda value, _: f"{value:,.0f}")


def round_ticks(most: int, *, integer: bool = False) -> MaxNLocator:
    """Places for so many numbers beside an axis, one, two or five apart, or ten times that."""
    return MaxNLocator(nbins=most, integer=integer, steps=[1, 2, 5, 10])


def number_of(value: float) -> str:
    """A number as it stands beside a bar."""
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:,.2f}"
