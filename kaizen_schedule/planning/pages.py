"""Pages: an answer in parts that stay small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kaizen_schedule.reading.codec import dumps

from .definitions import RepoRun, Run
from .eligibility import Exclusion
from .resolver import Resolution

PAGE_RUNS = 500
"""A page holds no more runs and exclusions than this."""

PAGE_BYTES = 1_000_000
"""A page is no larger than this, but for a single item that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of an answer, for those who cannot take the whole at once.

    Example:
        >>> [(page.number, page.last) for page in iter_pages(found, runs=1)]
        [(1, False), (2, False), (3, True)]
    """

    number: int
    """From 1."""
    last: bool
    """Whether it is the last one."""
    digest: str
    """Of the whole answer: pages belong together where it is the same."""
    scheduled_runs: tuple[Run, ...] = ()
    """Some of the answer's runs, in its order."""
    repos: tuple[RepoRun, ...] = ()
    """Some of its repositories, for a definition about repositories."""
    exclusions: tuple[Exclusion, ...] = ()
    """Some of its exclusions."""


def iter_pages(
    resolution: Resolution, *, runs: int = PAGE_RUNS, size: int = PAGE_BYTES
) -> Iterator[Page]:
    """Yield an answer in parts that stay small, in the order of the whole.

    Args:
        resolution: The answer.
        runs: The most runs and exclusions of a page.
        size: The most bytes of a page's JSON on one line, but for a single item that is larger.

    Yields:
        One page or more: runs first, then repositories, then exclusions.

    Example:
        >>> [(page.number, page.last, len(page.scheduled_runs)) for page in iter_pages(found)]
        [(1, True, 2)]
    """
    items: Iterator[tuple[str, Any]] = iter(
        [
            (name, item)
            for name in ("scheduled_runs", "repos", "exclusions")
            for item in getattr(resolution, name)
        ]
    )
    pages: list[dict[str, list[Any]]] = [{}]
    count = held = 0
    for name, item in items:
        bytes_ = len(dumps(item, indent=None)) + len(", ")
        if count and (count >= runs or held + bytes_ > size - _ENVELOPE):
            pages.append({})
            count = held = 0
        pages[-1].setdefault(name, []).append(item)
        count, held = count + 1, held + bytes_
    for number, parts in enumerate(pages, 1):
        yield Page(
            number=number,
            last=number == len(pages),
            digest=resolution.digest,
            **{name: tuple(part) for name, part in parts.items()},
        )


_ENVELOPE = 1_000
"""So many bytes are left for what a page holds beside its items."""
