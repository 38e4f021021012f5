"""Reports in a browser, and the site's pages of the notebooks held against fresh ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from nbformat import v4
from playwright.sync_api import Browser, Page, sync_playwright

from kaizen_schedule.api.fleet import Source
from kaizen_schedule.api.report import list_reports, make_report
from kaizen_schedule.api.report_pages import RECORD, build_pages
from kaizen_schedule.edges.fleet import materialise
from kaizen_schedule.edges.report import run_notebook
from kaizen_schedule.publishing.notebook_pages import render_report

from .built import DOCS
from .test_browser import AXE, DESK, RUN_AXE, TELEPHONE, chromium

pytestmark = [pytest.mark.notebook, pytest.mark.slow]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAGES = DOCS / "notebooks"
EVERYTHING = (
    "# Everything\n\nA [link](../docs/reasons.md) in *text*, `code`.\n\n"
    "|a|b|\n|-|-|\n|1|2|\n\n## Tables",
    """\
import pandas as pd
script = "<script>document.title='run'</script>"
slugs = ["ledger", script, "<img src=x onerror=alert(1)>", "x" * 90]
frame = pd.DataFrame({"repo": slugs, "runs": [1, 2.5, 3, 4], "share": ["1 %"] * 4})
with pd.option_context("display.max_colwidth", None):
    display(frame, frame.set_index("repo"), frame.pivot(index="runs", columns="repo"))
print("wide " * 60, frame["repo"][1])""",
    """\
import matplotlib.pyplot as plt
for colour in ("none", "white"):
    figure, axes = plt.subplots(figsize=(9, 3), facecolor=colour)
    axes.bar(slugs[:2], [1, 2])
    axes.set_title(slugs[1])
    display(figure, metadata={"alt": f"runs of {slugs[1]}"})
plt.close("all")""",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium())
        yield browser
        browser.close()


Reports = Callable[[str], Path]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Makes a report: of everything that can stand in one, or of a notebook of the program's."""
    folder = tmp_path_factory.mktemp("reports")

    @cache
    def report(name: str) -> Path:
        path = folder / f"{name}.html"
        path.write_text(_everything() if name == "everything" else _own(name, folder), "utf-8")
        return path

    return report


def _everything() -> str:
    make: Any = v4
    heading, *code = EVERYTHING
    cells = [make.new_markdown_cell(heading), *map(make.new_code_cell, code)]
    notebook = make.new_notebook(cells=cells)
    run_notebook(notebook, "everything")
    facts = {"As of": "2026-11-24T12:00:00Z", "Roster": "<b>the checkouts</b>"}
    return render_report(notebook, "everything", facts=facts, version="1")


def _own(name: str, folder: Path) -> str:
    if name == "pilot_smoke":
        return make_report(name, now=NOW, record=DOCS / RECORD).html
    fleet = folder / f"fleet of {name}"
    fleet.mkdir()
    made = materialise(fleet)
    snapshot = folder / "snapshot.json"
    snapshot.write_text(json.dumps(made.roster))
    return make_report(name, now=NOW, source=Source(snapshot=snapshot), host=made.host).html


def open_report(
    browser: Browser, path: Path, *, scheme: Literal["light", "dark"], size: tuple[int, int]
) -> tuple[Page, list[str]]:
    """A report in a window of its own, and what goes wrong in it."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": size[0], "height": size[1]}
    )
    page, faults = context.new_page(), list[str]()
    page.on("console", lambda message: faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on(
        "request",
        lambda asked: (
            faults.append(f"asked for {asked.url}")
            if asked.url != path.as_uri() and not asked.url.startswith("data:")
            else None
        ),
    )
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    return page, faults


@pytest.mark.browser
@pytest.mark.parametrize("name", ["everything", *list_reports()])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_in_a_browser(
    browser: Browser, reports: Reports, name: str, scheme: Literal["light", "dark"]
) -> None:
    for size in (DESK, TELEPHONE):
        page, faults = open_report(browser, reports(name), scheme=scheme, size=size)
        page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
        page.evaluate(AXE)
        assert page.evaluate(RUN_AXE) == []
        width: int = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{width} pixels wide in a window of {size[0]}"
        assert faults == []
        assert page.locator("h1").count() == 1
        assert page.title() == page.locator("h1").inner_text()
        assert page.locator("main script, main iframe, main [onerror]").count() == 0
        for caption in page.locator("caption").all():
            where = caption.bounding_box()
            assert where is not None
            assert where["x"] + where["width"] <= size[0], caption.inner_text()
        for figure in page.locator("figure svg").all():
            box = figure.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) > 40
            assert (figure.get_attribute("aria-label") or "").strip()
        page.context.close()


@pytest.mark.browser
def test_what_strangers_wrote_is_text_and_runs_nothing(browser: Browser, reports: Reports) -> None:
    page, faults = open_report(browser, reports("everything"), scheme="light", size=DESK)
    assert page.title() == "Everything"
    slug = "<script>document.title='run'</script>"
    assert page.get_by_role("cell", name=slug).first.is_visible()
    assert page.get_by_role("rowheader", name=slug).first.is_visible()
    assert page.get_by_role("img", name=f"runs of {slug}").count() == 2
    assert page.get_by_role("definition").all_inner_texts()[1] == "<b>the checkouts</b>"
    assert page.get_by_role("table").count() == 4
    assert faults == []
    page.context.close()


@pytest.mark.browser
def test_a_report_by_keyboard_and_on_paper(browser: Browser, reports: Reports) -> None:
    page, faults = open_report(browser, reports("everything"), scheme="dark", size=TELEPHONE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    table = page.get_by_role("region").last
    table.focus()
    page.keyboard.press("ArrowRight")
    for _ in range(250):  # the page forbids the script that would wait for it in there
        if scrolled := page.evaluate("document.activeElement.scrollLeft") > 0:
            break
        page.wait_for_timeout(20)
    assert scrolled
    page.emulate_media(media="print")
    style = "getComputedStyle(document.body)"
    assert page.evaluate(f"[{style}.backgroundColor, {style}.color]") == [
        "rgb(255, 255, 255)", "rgb(0, 0, 0)",
    ]  # fmt: skip
    assert not page.locator("details").first.is_visible()
    assert faults == []
    page.context.close()


def test_figures_take_the_colours_of_the_scheme() -> None:
    pages = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.svg")}
    assert pages
    for name, text in pages.items():
        assert 'role="img"' in text, name
        assert "<metadata" not in text, name


def test_the_pages_are_what_the_notebooks_give() -> None:
    fresh = build_pages(str(DOCS))
    held = {path.name: path.read_text("utf-8") for path in PAGES.iterdir() if path.is_file()}
    again = "mend it with: python -m kaizen_schedule.api.report_pages docs/notebooks"
    assert sorted(held) == sorted(fresh), again
    for path, text in fresh.items():
        assert held[path] == text, f"{path} is stale; {again}"
