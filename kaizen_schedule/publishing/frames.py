"""Tidy, typed pandas frames of what the library answers.

Values in, a frame out; nothing is read or asked. ``COLUMNS`` says of every frame what its columns
are called, what they hold and in which unit, and an empty input gives an empty frame of the same
types. Instants are UTC; what a clock on the wall shows stands beside them in columns of its own,
because one column cannot hold times of several zones.
"""

from __future__ import annotations

from .columns import COLUMNS, WEEKDAYS, Column, Kind, Standing, State
from .record_frames import executions, handed_out, pilot, suggestions
from .roster_frames import changes, entries, exclusions, reasons, roster
from .run_frames import forecast, local_time, runs

__all__ = [
    "COLUMNS",
    "WEEKDAYS",
    "Column",
    "Kind",
    "Standing",
    "State",
    "changes",
    "entries",
    "exclusions",
    "executions",
    "forecast",
    "handed_out",
    "local_time",
    "pilot",
    "reasons",
    "roster",
    "runs",
    "suggestions",
]
