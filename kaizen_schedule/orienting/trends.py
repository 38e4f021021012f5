"""What the records of a period say, beside those of the period before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import fsum
from typing import TYPE_CHECKING, Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import UsageError

from .metrics import Execution, Outcome, order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PERIOD_LIMIT = 3_660
"""The longest period that is summed up, in days."""

ENOUGH = 3
"""Fewer runs than this are too few to say anything about."""

RATE_STEP = 0.10
"""A success rate that moved by this much got better or worse."""

QUALITY_STEP = 0.05
"""A mean quality that moved by this much got better or worse."""

DURATION_STEP = 0.20
"""A duration that moved by this part of the former one, and by a second, got better or worse."""


class Trend(StrEnum):
    """How a measure moved against the period before."""

    BETTER = "better"
    """It moved for the better by a step or more."""
    WORSE = "worse"
    """It moved for the worse by a step or more."""
    STEADY = "steady"
    """It moved by less than a step."""
    UNKNOWN = "unknown"
    """One of the periods has too few runs to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the records of one period say."""

    count: int
    """Runs."""
    successes: int
    """Runs that ended in success."""
    failures: int
    """Runs that ended in failure."""
    partials: int
    """Runs that need a person."""
    rated: int
    """Runs whose quality is recorded."""
    success_rate: float | None
    """Successes among all runs, from 0 to 1; None without runs."""
    median_duration_s: float | None
    """The median of the durations, in seconds; None without runs."""
    p90_duration_s: float | None
    """Nine of ten runs took at most this long, in seconds, by nearest rank; None without runs."""
    mean_quality: float | None
    """The mean of the recorded qualities, from 0 to 1; None where none is recorded."""
    first: datetime | None
    """The first record's timestamp, UTC."""
    last: datetime | None
    """The last record's timestamp, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """How each measure moved against the period before."""

    success_rate: Trend
    """Better or worse from 10 percentage points on."""
    median_duration_s: Trend
    """Better or worse from a fifth of the former value on, and from one second on."""
    p90_duration_s: Trend
    """Better or worse from a fifth of the former value on, and from one second on."""
    mean_quality: Trend
    """Better or worse from 0.05 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSummary(Measures):
    """What the records of the last days say, beside those of as many days before."""

    days: int
    """The length of either period, in days."""
    now: datetime
    """The end of the last period, included, UTC."""
    future: int
    """Records left out because they are later than ``now``."""
    previous: Measures
    """The period before."""
    trends: Trends
    """How the measures moved."""


def split_periods(
    executions: Sequence[Execution], now: datetime, days: int
) -> list[list[Execution]]:
    """Records by age in periods: the last, the one before, all earlier ones, the future."""
    if not 1 <= days <= PERIOD_LIMIT:
        fix = f"give 1 to {PERIOD_LIMIT} days"
        raise UsageError(f"a period of {days} days cannot be summed up", fix=fix)
    parts: list[list[Execution]] = [[], [], [], []]
    for execution in sorted(executions, key=order_of):
        age = (now - execution.timestamp) // timedelta(days=days)
        parts[min(age, 2) if age >= 0 else 3].append(execution)
    return parts


def median_of(values: Sequence[float]) -> float:
    """The median of one value or more."""
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def measure(rows: Sequence[Execution]) -> dict[str, Any]:
    """The fields of ``Measures`` for records in the order of their time."""
    count = len(rows)
    tally = {outcome: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
    durations = sorted(row.duration_s for row in rows)
    rated = [row.quality for row in rows if row.quality is not None]
    return {
        "count": count,
        "successes": tally[Outcome.SUCCESS],
        "failures": tally[Outcome.FAILURE],
        "partials": tally[Outcome.PARTIAL],
        "rated": len(rated),
        "success_rate": tally[Outcome.SUCCESS] / count if count else None,
        "median_duration_s": median_of(durations) if count else None,
        "p90_duration_s": durations[-(-9 * count // 10) - 1] if count else None,
        "mean_quality": fsum(rated) / len(rated) if rated else None,
        "first": rows[0].timestamp if count else None,
        "last": rows[-1].timestamp if count else None,
    }


def _trend(now: float | None, before: float | None, *, step: float, rise: Trend) -> Trend:
    if now is None or before is None:
        return Trend.UNKNOWN
    if abs(now - before) < step - 1e-9:  # 0.9 - 0.8 is a little less than 0.1
        return Trend.STEADY
    fall = Trend.WORSE if rise is Trend.BETTER else Trend.BETTER
    return rise if now > before else fall


def _longer(now: float | None, before: float | None) -> Trend:
    step = max(DURATION_STEP * (before or 0.0), 1.0)
    return _trend(now, before, step=step, rise=Trend.WORSE)


def trends_of(now: Measures, before: Measures) -> Trends:
    """How the measures moved; unknown where there is too little to compare."""
    rate, quality = before.success_rate, before.mean_quality
    median, p90 = before.median_duration_s, before.p90_duration_s
    if min(now.count, before.count) < ENOUGH:
        rate = median = p90 = None
    if min(now.rated, before.rated) < ENOUGH:
        quality = None
    return Trends(
        success_rate=_trend(now.success_rate, rate, step=RATE_STEP, rise=Trend.BETTER),
        median_duration_s=_longer(now.median_duration_s, median),
        p90_duration_s=_longer(now.p90_duration_s, p90),
        mean_quality=_trend(now.mean_quality, quality, step=QUALITY_STEP, rise=Trend.BETTER),
    )


def summarise(executions: Sequence[Execution], *, now: datetime, days: int = 28) -> MetricsSummary:
    """Sum up the last days and compare them with as many days before.

    The last period is ``(now - days, now]``. A trend is unknown where either period has fewer
    than 3 runs, or for quality fewer than 3 rated ones; its thresholds stand at ``Trends``.
    The 90th percentile is by nearest rank: of n sorted durations the one at ⌈0.9 n⌉.

    Args:
        executions: The records, in any order.
        now: The end of the last period, with a zone; later records are left out and counted.
        days: The length of either period, 1 to 3,660 days of 24 hours.

    Raises:
        UsageError: There is no such period.

    Example:
        >>> from datetime import datetime, timezone
        >>> summarise((), now=datetime(2026, 11, 30, 9, tzinfo=timezone.utc)).trends.success_rate
        <Trend.UNKNOWN: 'unknown'>
    """
    last, before, _, future = split_periods(executions, now, days)
    previous = Measures(**measure(before))
    return MetricsSummary(
        **measure(last),
        days=days,
        now=now.astimezone(UTC),
        future=len(future),
        previous=previous,
        trends=trends_of(Measures(**measure(last)), previous),
    )


def render_duration(seconds: float) -> str:
    """A duration in its two largest units.

    Args:
        seconds: Seconds, not negative.

    Example:
        >>> render_duration(250), render_duration(4.25), render_duration(7_500)
        ('4 min 10 s', '4.2 s', '2 h 5 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= size or parts:
            parts.append((left // size, unit))
            left %= size
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


def show_rate(rate: float) -> str:
    """A rate as per cent, rounded down, so that nothing below 80% reads as 80%."""
    return f"{int(100 * rate + 1e-9)}%"


def show_quality(value: float) -> str:
    """A quality with two digits, rounded down."""
    return f"{int(100 * value + 1e-9) / 100:.2f}"


def show_days(days: int) -> str:
    """A number of days in words, to follow ``last``."""
    return "day" if days == 1 else f"{days:,} days"


def show_count(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def render_summary(summary: MetricsSummary, *, agent: str) -> str:
    """Render a summary as a table within 80 columns; its last line is the next command.

    Args:
        summary: What to show.
        agent: The agent's name.

    Example:
        >>> from datetime import datetime, timezone
        >>> empty = summarise((), now=datetime(2026, 11, 30, 9, tzinfo=timezone.utc))
        >>> render_summary(empty, agent="coach").splitlines()[-1]
        'next: kaizen-agentic metrics record coach --help'
    """
    name = safety.escape(agent)
    trends = summary.trends
    either = (summary, summary.previous)

    def row(label: str, show: Callable[[Any], str], key: str, trend: str = "") -> tuple[str, ...]:
        values = (getattr(measures, key) for measures in either)
        return (label, *("-" if value is None else show(value) for value in values), trend)

    days = show_days(summary.days).upper()
    table = [
        ("", f"LAST {days}", f"{days} BEFORE", "TREND"),
        row("runs", "{:,}".format, "count"),
        row("successes", "{:,}".format, "successes"),
        row("failures", "{:,}".format, "failures"),
        row("partials", "{:,}".format, "partials"),
        row("success rate", show_rate, "success_rate", trends.success_rate),
        row("median duration", render_duration, "median_duration_s", trends.median_duration_s),
        row("90th percentile", render_duration, "p90_duration_s", trends.p90_duration_s),
        row("mean quality", show_quality, "mean_quality", trends.mean_quality),
        row("first record", "{:%Y-%m-%d}".format, "first"),
        row("last record", "{:%Y-%m-%d}".format, "last"),
    ]
    one, two = (max(len(line[column]) for line in table) for column in (1, 2))
    lines = [f"metrics of {name}"]
    lines += [f"{a:15}  {b:>{one}}  {c:>{two}}  {d}".rstrip() for a, b, c, d in table]
    if summary.future:
        lines.append(f"left out: {show_count(summary.future, 'record')} of the future")
    command = f"optimize {name}" if summary.count else f"record {name} --help"
    return "\n".join([*lines, f"next: kaizen-agentic metrics {command}"]) + "\n"
