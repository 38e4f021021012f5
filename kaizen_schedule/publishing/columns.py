"""What a frame's columns are called, what they hold, and how each is made.

A frame is made column by column and never of a list of models: that is forty times slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from kaizen_schedule.orienting.metrics import Outcome
from kaizen_schedule.orienting.record import StepKind
from kaizen_schedule.orienting.suggestions import SuggestionKind
from kaizen_schedule.planning.answers import CHECKS
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.reasons import Reason

try:
    import numpy as np
    import pandas as pd
except ModuleNotFoundError as error:
    raise ImportError(
        f"frames need {error.name}, which is not installed: "
        "pip install 'kaizen-schedule[notebooks]'",
        name=error.name,
    ) from error


class Kind(StrEnum):
    """What a column holds; each has one type of pandas, also in an empty frame."""

    TEXT = "text"
    """Text, ``str``; missing where there is none."""
    CATEGORY = "category"
    """One of a few values, ``category``; missing where there is none."""
    ORDERED = "ordered category"
    """The same with a fixed order, all values known beforehand."""
    FLAG = "flag"
    """True or false, ``bool``."""
    COUNT = "count"
    """A whole number, ``int32``."""
    AMOUNT = "count or missing"
    """A whole number that may be missing, ``Int32``."""
    NUMBER = "number"
    """A number, ``float64``; missing where there is none."""
    INSTANT = "instant"
    """An instant, ``datetime64[us, UTC]``; missing where there is none."""
    LOCAL = "local time"
    """What a clock on the wall shows, ``datetime64[us]``: no instant, and never to be subtracted
    across a clock change."""


class State(StrEnum):
    """What became of a run that was handed out."""

    SUCCESS = "success"
    """Recorded as done."""
    PARTIAL = "partial"
    """Recorded as in need of a person."""
    FAILURE = "failure"
    """Recorded as not done."""
    MISSED = "missed"
    """Expired, and nothing is recorded."""
    OPEN = "open"
    """Not expired, and nothing is recorded yet."""


class Standing(StrEnum):
    """What an answer says of a repository."""

    ELIGIBLE = "eligible"
    """An entry of it can run."""
    EXCLUDED = "excluded"
    """None can."""
    UNKNOWN = "not registered"
    """The answer does not name it."""


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""The days in their order."""

_ORDERS: dict[str, tuple[str, ...]] = {
    "after": tuple(Standing),
    "before": tuple(Standing),
    "cadence": tuple(Cadence),
    "check": tuple(check.name for check in CHECKS),
    "kind": tuple(SuggestionKind),
    "outcome": tuple(Outcome),
    "reason": tuple(Reason),
    "reason_after": tuple(Reason),
    "reason_before": tuple(Reason),
    "state": tuple(State),
    "step": tuple(StepKind),
    "weekday": WEEKDAYS,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame."""

    name: str
    """Its name."""
    kind: Kind
    """What it holds."""
    meaning: str
    """What a value says."""
    unit: str = ""
    """The unit of a number; empty where it has none."""


# --- Columns that several frames have --------------------------------------------------------

_T, _C, _O, _F = Kind.TEXT, Kind.CATEGORY, Kind.ORDERED, Kind.FLAG
_N, _A, _X, _I, _L = Kind.COUNT, Kind.AMOUNT, Kind.NUMBER, Kind.INSTANT, Kind.LOCAL

_REPO = Column("repo", _T, "The repository's slug; empty where the roster's item has none.")
_REPO_FEW = Column("repo", _C, "The repository's slug.")
_AGENT = Column("agent", _C, "The entry's agent; missing where it is the whole repository.")
_REASON = Column("reason", _O, "The first reason that applies, in the order of looking.")
_DEFINITION = Column("definition", _C, "The definition that hands it out.")
_CADENCE = Column("cadence", _O, "How often the entry runs; missing for a whole repository.")
_CRON = Column("cron", _C, "When exactly; missing for a whole repository.")
_ORIGIN = Column("cron_origin", _C, "Where cron and zone come from: entry, definition or cadence.")
_ZONE = Column("timezone", _C, "The zone in which the cron is read, an IANA name.")
_REVIEW = Column("review", _C, "`required` where a person looks at the result, else `none`.")
_HOST = Column("host", _C, "The host that works it.")
_PATH = Column("path", _T, "The checkout on that host.")
_MANIFEST = Column("manifest_sha256", _T, "SHA-256 of the manifest's bytes, in hexadecimal.")
_RUN = Column("run", _T, "The run's idempotency key; missing where there is none.")
_STAGGER = Column("stagger_s", _N, "How long after its scheduled time it may begin.", "seconds")
_DETAIL = Column("detail", _T, "The facts in one sentence.")
_FIX = Column("fix", _T, "What to do about it; empty where nothing is wrong.")
_CHECK = Column("check", _O, "The check that does not hold, in the order of looking.")
_WHOLE = Column("whole", _F, "Whether it is about the whole repository.")
_TRANSIENT = Column("transient", _F, "Whether it may pass by itself.")
_WHEN = (
    Column("scheduled", _I, "The instant for which it is scheduled."),
    Column("local", _L, "The same on a clock in its zone."),
    Column("offset_min", _N, "That clock's offset to UTC then.", "minutes"),
    Column("weekday", _O, "The day on that clock, Mon to Sun."),
    Column("hour", _N, "The hour on that clock, 0 to 23.", "hours"),
    Column("not_before", _I, "The scheduled instant and the stagger: it may begin from then on."),
    Column("expires_at", _I, "From this instant on it is refused."),
    _STAGGER,
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "roster": (
        _REPO,
        Column("eligible", _F, "Whether one entry at least can run."),
        Column("agents", _N, "How many entries can.", "entries"),
        Column("reasons", _N, "How many reasons speak against it or its entries.", "reasons"),
        Column("reason", _O, "Why it takes no part, the first of them; missing where it does."),
        Column("whole", _F, "Whether that reason is about the whole repository."),
    ),
    "reasons": (
        _REPO, _AGENT, _REASON, _CHECK, _WHOLE, _TRANSIENT,
        Column("eligible", _F, "Whether another entry of the repository can run all the same."),
        _DETAIL, _FIX,
    ),
    "entries": (
        _REPO, _AGENT, _CADENCE, _CRON, _ORIGIN, _ZONE, _DEFINITION, _REVIEW, _HOST, _PATH,
        _MANIFEST, _STAGGER,
        Column("expires_after_s", _N, "How long after it may begin it is refused.", "seconds"),
    ),
    "runs": (
        _REPO, _AGENT, _DEFINITION, _CADENCE, _CRON, _ORIGIN, _ZONE, *_WHEN, _HOST, _PATH, _RUN,
        _REVIEW, _MANIFEST,
    ),
    "exclusions": (
        _REPO, _AGENT, _REASON, _CHECK, _WHOLE, _TRANSIENT,
        Column("code", _C, "The first rule that its manifest breaks; missing elsewhere."),
        Column("errors", _N, "How many errors of its manifest the answer lists.", "errors"),
        _DETAIL, _FIX,
    ),
    "forecast": (_REPO_FEW, _AGENT, _DEFINITION, _CADENCE, _ZONE, *_WHEN, _RUN),
    "pilot": (
        Column("number", _N, "The step's place in the record, from 1."),
        Column("step", _O, "What was done."),
        Column("ok", _F, "Whether it came out as it has to."),
        Column("definition", _C, "The definition that fired; missing for a step about the whole."),
        Column("repo", _C, "The repository; missing for a step about a definition."),
        Column("agent", _C, "The agent; missing where it is not about an entry."),
        _RUN,
        Column("reason", _O, "Of an exclusion."),
        Column("detail", _T, "What was found, in one sentence."),
        Column("fired_at", _I, "The instant at which the definition fires."),
        Column("duration_s", _X, "How long a process took.", "seconds"),
        Column("tokens", _A, "The size of a bundle, by estimate.", "tokens"),
        Column("digest", _T, "Of what the step made."),
    ),
    "executions": (
        _REPO_FEW,
        Column("agent", _C, "The agent."),
        Column("recorded_at", _I, "When it was recorded, which is when the run had ended."),
        Column("outcome", _O, "How it ended."),
        Column("duration_s", _X, "How long it took.", "seconds"),
        Column("quality", _X, "How good the result was; missing where nobody judged.", "0 to 1"),
        Column("run", _T, "The key of the run that was handed out; missing where it was by hand."),
        Column("line", _N, "The line of the file, or of its end that was read, from 1."),
    ),
    "suggestions": (
        _REPO_FEW,
        Column("agent", _C, "The agent."),
        Column("kind", _O, "What it is about, in the order of urgency."),
        Column("place", _N, "Its place among those of this agent, from 1, the most urgent first."),
        Column("records", _N, "How many records led to it, 20 at most.", "records"),
        Column("text", _T, "One sentence with the figures."),
    ),
    "handed_out": (
        _REPO_FEW, _AGENT, _RUN, *_WHEN[:2], *_WHEN[5:7],
        Column("state", _O, "What became of it."),
        Column("late", _F, "Whether it was recorded after it had expired."),
        Column("recorded_at", _I, "When it was recorded; missing where it was not."),
        Column("duration_s", _X, "How long it took.", "seconds"),
        Column("quality", _X, "How good the result was.", "0 to 1"),
    ),
    "changes": (
        _REPO,
        Column("before", _O, "What the earlier answer says of it."),
        Column("after", _O, "What the later one says."),
        Column("reason_before", _O, "Why it did not take part; missing where it did."),
        Column("reason_after", _O, "Why it does not now; missing where it does."),
        Column("gained", _T, "The entries that can run now and could not, in order of name."),
        Column("lost", _T, "The entries that could run and cannot now."),
    ),
}  # fmt: skip
"""The columns of every frame, by the name of the function that makes it, in their order."""


# --- Making them -----------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_TIME = np.iinfo(np.int64).min


def build(name: str, values: Mapping[str, Any]) -> pd.DataFrame:
    """Make a frame of columns that are lists, arrays, or made already.

    Args:
        name: Which frame, a key of ``COLUMNS``.
        values: The values of each column, by name, all of one length.

    Raises:
        KeyError: A column is missing.
    """
    columns = {column.name: _column(column, values[column.name]) for column in COLUMNS[name]}
    return pd.DataFrame(columns, copy=False)


def _column(column: Column, values: Any) -> Any:
    kind = column.kind
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return values.array if not isinstance(values, pd.api.extensions.ExtensionArray) else values
    if kind is Kind.TEXT:
        return pd.Series(np.asarray(values, dtype=object), dtype="str", copy=False).array
    if kind in (Kind.CATEGORY, Kind.ORDERED):
        return categories(values, order=_ORDERS.get(column.name) if kind is Kind.ORDERED else None)
    if kind is Kind.AMOUNT:
        return pd.array(values, dtype="Int32")
    if kind is Kind.INSTANT:
        return pd.Series(instants(values)).dt.tz_localize("UTC").array
    if kind is Kind.LOCAL:
        return pd.Series(np.asarray(values, dtype="M8[us]")).array
    plain = {Kind.FLAG: np.bool_, Kind.COUNT: np.int32, Kind.NUMBER: np.float64}
    return np.asarray(values, dtype=plain[kind])


def categories(
    values: Sequence[str | None], *, order: Sequence[str] | None = None
) -> pd.Categorical:
    """Values of which there are few, as numbers into a list of them; None is missing.

    Args:
        values: The values.
        order: All that there can be, in their order; None for those that there are, by name.
    """
    if order is None:
        known = sorted({value for value in values if value is not None})
    else:
        known = [str(value) for value in order]
    numbers: dict[str | None, int] = {value: number for number, value in enumerate(known)}
    numbers[None] = -1
    kind = np.int8 if len(known) < 127 else np.int32
    codes = np.fromiter(map(numbers.__getitem__, values), kind, len(values))
    return coded(codes, known, ordered=order is not None)


def coded(codes: Any, known: Sequence[str], *, ordered: bool = False) -> pd.Categorical:
    """A categorical of numbers into a list of values, -1 for a missing one."""
    dtype = pd.CategoricalDtype(pd.Series(list(known), dtype="str"), ordered=ordered)
    return pd.Categorical.from_codes(codes, dtype=dtype)


def ordered(name: str, codes: Any) -> pd.Categorical:
    """A column with a fixed order, of the places of its values in it, -1 for a missing one."""
    return coded(codes, [str(value) for value in _ORDERS[name]], ordered=True)


def instants(values: Iterable[datetime | None]) -> Any:
    """Instants as an array in UTC, to the microsecond; None is missing."""
    if isinstance(values, np.ndarray):
        return values
    listed = list(values)
    ticks = (_NO_TIME if value is None else (value - _EPOCH) // _MICROSECOND for value in listed)
    return np.fromiter(ticks, np.int64, len(listed)).view("M8[us]")


def offsets(values: Sequence[datetime]) -> Any:
    """The offsets of local times to UTC, in minutes."""
    minute = timedelta(minutes=1)
    found = ((value.utcoffset() or timedelta()) // minute for value in values)
    return np.fromiter(found, np.int32, len(values))


def clock(local: Any) -> tuple[Any, Any]:
    """Weekday, Monday 0, and hour of an array of local times."""
    days = local.astype("M8[D]").astype(np.int64)
    hours = (local.astype("M8[h]") - local.astype("M8[D]")).astype(np.int64)
    return ((days + 3) % 7).astype(np.int8), hours.astype(np.int32)  # 1970-01-01 was a Thursday
