"""Pages: small parts whose whole is the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.planning.pages import PAGE_BYTES, PAGE_RUNS, Page, iter_pages
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.reading.codec import dumps

from .fleets import COACH, METRICS, RUNS, WEEKLY, ask, checkout, item


def answer(good: int, faulty: int = 0, *, whole: bool = False, path: str = "") -> Resolution:
    tree = checkout(WEEKLY, files={RUNS: b"{}"})
    trees = {f"/srv/{path}{n}": tree for n in range(good)}
    items = [item(f"r{n}", f"/srv/{path}{n}") for n in range(good + faulty)]
    return ask(items, trees, definition=METRICS if whole else COACH)


def parts(pages: list[Page]) -> dict[str, tuple[Any, ...]]:
    names = ("scheduled_runs", "repos", "exclusions")
    return {name: tuple(i for page in pages for i in getattr(page, name)) for name in names}


def held(page: Page) -> int:
    return len(page.scheduled_runs) + len(page.repos) + len(page.exclusions)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("good", "faulty", "pages"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (0, 1, 1),
        (499, 1, 1),
        (500, 0, 1),
        (500, 1, 2),
        (600, 700, 3),
        (1000, 0, 2),
        (1001, 0, 3),
    ],
)
def test_the_pages_together_are_the_answer(good: int, faulty: int, pages: int, whole: bool) -> None:
    found = answer(good, faulty, whole=whole)
    made = list(iter_pages(found))
    assert len(made) == pages
    assert parts(made) == {
        "scheduled_runs": found.scheduled_runs,
        "repos": found.repos,
        "exclusions": found.exclusions,
    }
    assert [page.number for page in made] == list(range(1, pages + 1))
    assert [page.last for page in made] == [False] * (pages - 1) + [True]
    assert {page.digest for page in made} == {found.digest}
    assert all(held(page) <= PAGE_RUNS for page in made)
    assert all(held(page) for page in made) or (good, faulty) == (0, 0)


def test_a_page_of_large_items_stays_under_a_megabyte() -> None:
    found = answer(300, path="é" * 1900)
    made = list(iter_pages(found))
    sizes = [len(dumps(page, indent=None)) for page in made]
    assert len(made) > 5
    assert max(sizes) <= PAGE_BYTES
    assert min(sizes[:-1]) > PAGE_BYTES * 0.9
    assert parts(made)["scheduled_runs"] == found.scheduled_runs


def test_what_stands_between_items_counts_too() -> None:
    made = list(iter_pages(answer(0, 12_000), runs=1_000_000))
    assert min(held(page) for page in made[:-1]) > 3_000
    assert max(len(dumps(page, indent=None)) for page in made) <= PAGE_BYTES


def test_an_item_that_is_larger_than_a_page_has_one_of_its_own() -> None:
    found = answer(3)
    large = replace(found.scheduled_runs[1], path="x" * (PAGE_BYTES + 1))
    runs = (found.scheduled_runs[0], large, found.scheduled_runs[2])
    made = list(iter_pages(replace(found, scheduled_runs=runs)))
    assert [page.scheduled_runs for page in made] == [(run,) for run in runs]


FOUND = answer(30, 20)


@given(runs=st.integers(1, 60), size=st.integers(1, 40_000))
def test_pages_keep_any_limits(runs: int, size: int) -> None:
    made = list(iter_pages(FOUND, runs=runs, size=size))
    assert parts(made)["scheduled_runs"] == FOUND.scheduled_runs
    assert parts(made)["exclusions"] == FOUND.exclusions
    for page in made:
        assert held(page) <= runs
        assert held(page) == 1 or len(dumps(page, indent=None)) <= size
