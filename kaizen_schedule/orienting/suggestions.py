"""What the records suggest, and by which of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from kaizen_schedule.reading import safety

from .metrics import Execution, Outcome, order_of
from .trends import (
    ENOUGH,
    Measures,
    Trend,
    measure,
    median_of,
    render_duration,
    show_count,
    show_days,
    show_quality,
    show_rate,
    split_periods,
    trends_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

LOW_RATE = 0.80
"""A success rate below this is low."""

LOW_QUALITY = 0.60
"""A mean quality, and a single one, below this is low."""

OUTLIER_RUNS = 5
"""Fewer runs than this have no outliers."""

OUTLIER_FACTOR = 3
"""A run longer than so many medians, and by a minute, is an outlier."""

SILENCE_DAYS = 7
"""An agent is not silent before so many days ..."""

SILENCE_FACTOR = 3
"""... and before so many of the gaps that are usual between its runs."""

BECAUSE_LIMIT = 20
"""The most records that a suggestion names, the newest."""


class SuggestionKind(StrEnum):
    """What a suggestion is about, in the order of their urgency."""

    TOO_FEW_RUNS = "too-few-runs"
    """Fewer than 3 runs in the period."""
    REPEATED_FAILURE = "repeated-failure"
    """The last 3 runs or more all failed."""
    FALLING_SUCCESS = "falling-success"
    """The success rate fell by 10 percentage points or more."""
    LOW_SUCCESS = "low-success"
    """Fewer than 80 % of the runs are successes."""
    GROWING_DURATION = "growing-duration"
    """The median duration grew by a fifth or more, and by a second."""
    SLOW_OUTLIERS = "slow-outliers"
    """Of 5 runs or more, some took over 3 medians and a minute over the median."""
    LOW_QUALITY = "low-quality"
    """The mean of 3 recorded qualities or more is below 0.6."""
    SILENT = "silent"
    """No run for 7 days, and for 3 times the median gap between the period's runs."""
    STEADY = "steady"
    """Nothing of all that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing that the records say, and by which of them."""

    kind: SuggestionKind
    """What it is about."""
    text: str
    """One sentence with the figures, safe to print."""
    because: tuple[int, ...]
    """The lines of the records that led to it, rising; at most 20, the newest."""


def _suggestion(kind: SuggestionKind, text: str, rows: Sequence[Execution]) -> Suggestion:
    newest = sorted(rows, key=order_of)[-BECAUSE_LIMIT:]
    return Suggestion(kind=kind, text=text, because=tuple(sorted(row.line for row in newest)))


def _on_outcomes(
    rows: Sequence[Execution], now: Measures, before: Measures, *, days: int, trend: Trend
) -> Iterator[Suggestion]:
    tail = list(takewhile(lambda row: row.outcome is Outcome.FAILURE, reversed(rows)))
    if len(tail) >= ENOUGH:
        text = f"The last {len(tail):,} runs all failed; look for the one cause they share."
        yield _suggestion(SuggestionKind.REPEATED_FAILURE, text, tail)
    missed = [row for row in rows if row.outcome is not Outcome.SUCCESS]
    rate, former = now.success_rate or 0.0, before.success_rate or 0.0
    figures = f"{now.successes:,} of {show_count(now.count, 'run')}"
    if trend is Trend.WORSE:
        text = (
            f"Success fell from {show_rate(former)} in the {show_days(days)} before to "
            f"{show_rate(rate)} ({figures}); see what has changed since."
        )
        yield _suggestion(SuggestionKind.FALLING_SUCCESS, text, missed)
    if rate < LOW_RATE:
        text = (
            f"Success is {show_rate(rate)} ({figures}), below {show_rate(LOW_RATE)}: "
            f"{show_count(now.failures, 'failure')}, {now.partials:,} that needed a person; "
            "make the prompt answer what stopped them."
        )
        yield _suggestion(SuggestionKind.LOW_SUCCESS, text, missed)


def _on_durations(
    rows: Sequence[Execution], now: Measures, before: Measures, *, days: int, trend: Trend
) -> Iterator[Suggestion]:
    median, former = now.median_duration_s or 0.0, before.median_duration_s or 0.0
    if trend is Trend.WORSE:
        longer = [row for row in rows if row.duration_s > former]
        text = (
            f"The median duration grew from {render_duration(former)} in the {show_days(days)} "
            f"before to {render_duration(median)}; see what the runs spend the time on."
        )
        yield _suggestion(SuggestionKind.GROWING_DURATION, text, longer)
    limit = max(OUTLIER_FACTOR * median, median + 60)
    slow = [row for row in rows if row.duration_s > limit]
    if slow and len(rows) >= OUTLIER_RUNS:
        text = (
            f"{len(slow):,} of {len(rows):,} runs took more than {render_duration(limit)} where "
            f"the median is {render_duration(median)}, the longest "
            f"{render_duration(max(row.duration_s for row in slow))}; see what they met."
        )
        yield _suggestion(SuggestionKind.SLOW_OUTLIERS, text, slow)


def _on_quality(rows: Sequence[Execution], now: Measures) -> Iterator[Suggestion]:
    mean = now.mean_quality
    if mean is not None and mean < LOW_QUALITY - 1e-9 and now.rated >= ENOUGH:
        poor = [row for row in rows if row.quality is not None and row.quality < LOW_QUALITY]
        text = (
            f"Mean quality is {show_quality(mean)} over {now.rated:,} rated runs, below "
            f"{show_quality(LOW_QUALITY)}; say in the prompt what a good result is."
        )
        yield _suggestion(SuggestionKind.LOW_QUALITY, text, poor)


def _on_silence(rows: Sequence[Execution], now: datetime) -> Iterator[Suggestion]:
    gaps = [(b.timestamp - a.timestamp).total_seconds() for a, b in pairwise(rows)]
    usual, quiet = median_of(gaps), (now - rows[-1].timestamp).total_seconds()
    if quiet >= max(SILENCE_DAYS * 86_400, SILENCE_FACTOR * usual):
        text = (
            f"The last run is {render_duration(quiet)} ago where one every "
            f"{render_duration(usual)} is usual; see whether the entry is still enabled and its "
            "tasks are worked."
        )
        yield _suggestion(SuggestionKind.SILENT, text, rows[-1:])


def suggest(
    executions: Sequence[Execution], *, now: datetime, days: int = 28
) -> tuple[Suggestion, ...]:
    """Say what the records of the last days suggest, and by which of them.

    With fewer than 3 runs in the period only ``too-few-runs`` is said, or ``silent`` where there
    are only earlier ones. Otherwise, in this order, each where it applies:

    - ``repeated-failure``: the last 3 runs or more all failed
    - ``falling-success``: the success rate fell by 10 percentage points or more against the
      period before, 3 runs in either
    - ``low-success``: fewer than 80 % of the runs are successes
    - ``growing-duration``: the median grew by a fifth or more, and by a second, 3 runs in either
    - ``slow-outliers``: of 5 runs or more, some took over 3 medians and a minute over the median
    - ``low-quality``: the mean of 3 recorded qualities or more is below 0.6
    - ``silent``: no run for 7 days, and for 3 times the median gap between the period's runs
    - ``steady``: nothing of all that

    Args:
        executions: The records, in any order.
        now: The end of the last period, with a zone; later records are left out.
        days: The length of a period, 1 to 3,660 days of 24 hours.

    Returns:
        One suggestion or more, the most urgent first.

    Raises:
        UsageError: There is no such period.

    Example:
        >>> from datetime import datetime, timezone
        >>> suggest((), now=datetime(2026, 11, 30, 9, tzinfo=timezone.utc))[0].text
        'No run is recorded yet; 3 in the last 28 days are needed to judge.'
    """
    rows, former, earlier, _ = split_periods(executions, now, days)
    past = (earlier + former + rows)[-1:]
    if not past:
        text = (
            f"No run is recorded yet; {ENOUGH} in the last {show_days(days)} are needed to judge."
        )
        return (_suggestion(SuggestionKind.TOO_FEW_RUNS, text, ()),)
    if not rows:
        quiet = render_duration((now - past[0].timestamp).total_seconds())
        text = (
            f"The last run is {quiet} ago, none in the last {show_days(days)}; "
            "see whether the entry is still enabled and its tasks are worked."
        )
        return (_suggestion(SuggestionKind.SILENT, text, past),)
    if len(rows) < ENOUGH:
        few = f"{show_count(len(rows), 'run')} in the last {show_days(days)}"
        text = f"{few} {'is' if len(rows) == 1 else 'are'} too few to judge; {ENOUGH} are needed."
        return (_suggestion(SuggestionKind.TOO_FEW_RUNS, text, rows),)
    measures, before = Measures(**measure(rows)), Measures(**measure(former))
    trends = trends_of(measures, before)
    found = (
        *_on_outcomes(rows, measures, before, days=days, trend=trends.success_rate),
        *_on_durations(rows, measures, before, days=days, trend=trends.median_duration_s),
        *_on_quality(rows, measures),
        *_on_silence(rows, now),
    )
    if found:
        return found
    median = render_duration(measures.median_duration_s or 0.0)
    text = (
        f"{show_count(len(rows), 'run')} in the last {show_days(days)}, "
        f"{show_rate(measures.success_rate or 0.0)} successes, median {median}: nothing stands out."
    )
    return (_suggestion(SuggestionKind.STEADY, text, rows),)


_NEXT = {
    SuggestionKind.TOO_FEW_RUNS: "metrics record {} --help",
    SuggestionKind.SILENT: "schedule list --all",
    SuggestionKind.STEADY: "metrics show {}",
}


def render_suggestions(suggestions: Sequence[Suggestion], *, agent: str) -> str:
    """Render suggestions within 80 columns; the last line is the next command.

    Args:
        suggestions: What ``suggest`` said.
        agent: The agent's name.

    Example:
        >>> from datetime import datetime, timezone
        >>> said = suggest((), now=datetime(2026, 11, 30, 9, tzinfo=timezone.utc))
        >>> print(render_suggestions(said, agent="coach"), end="")
        too-few-runs      No run is recorded yet; 3 in the last 28 days are needed to
                          judge.
        next: kaizen-agentic metrics record coach --help
    """
    from textwrap import wrap

    name = safety.escape(agent)
    lines = []
    for suggestion in suggestions:
        text = wrap(suggestion.text, 62)
        if suggestion.because:
            numbers = ", ".join(str(line) for line in suggestion.because)
            text += wrap(f"by line{'' if len(suggestion.because) == 1 else 's'} {numbers}", 62)
        heads = [suggestion.kind.value, *[""] * (len(text) - 1)]
        lines += [f"{head:16}  {line}" for head, line in zip(heads, text, strict=True)]
    first = suggestions[0].kind if suggestions else SuggestionKind.STEADY
    command = _NEXT.get(first, "agents show {}").format(name)
    return "\n".join([*lines, f"next: kaizen-agentic {command}"]) + "\n"
