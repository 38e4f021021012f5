"""Every page in a browser, light and dark: quiet, self-contained, accessible, not too wide.

Each page is opened as a desk shows it in light colours, and turned into what a telephone shows in
dark ones; a few pages are opened the other way about.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright

from .built import DOCS, addresses

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Scheme = Literal["light", "dark"]
DESK, TELEPHONE = (1280, 900), (390, 844)
PAGES = [*addresses(DOCS.rglob("*.md")), "404.html"]
MAIN = ["", "cli/schedule/", "contracts/fields/resolution/", "reasons/", "rules/KS204/"]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
RUN_AXE = """async () => {
  const told = ({violations}) => violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target} ${node.failureSummary}`));
  const options = {resultTypes: ["violations"], preload: false};
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
  const rest = await axe.run(
    {...options, runOnly: tags, rules: {"color-contrast": {enabled: false}}});

  // Contrast is looked at once for each look of a text: thousands of words of code are alike.
  const looks = new Set();
  for (const element of document.querySelectorAll(".md-content *")) {
    element.removeAttribute("data-alike");
    if (element.childElementCount) continue;
    const style = getComputedStyle(element);
    let ground = element;
    while (ground && /, 0\\)$/.test(getComputedStyle(ground).backgroundColor)) {
      ground = ground.parentElement;
    }
    const behind = ground && getComputedStyle(ground).backgroundColor;
    const look = [style.color, behind, style.fontSize, style.fontWeight, style.opacity].join();
    if (looks.has(look)) element.setAttribute("data-alike", "");
    looks.add(look);
  }
  const contrast = await axe.run(
    {exclude: ["[data-alike]"]}, {...options, runOnly: {type: "rule", values: ["color-contrast"]}});
  return [...told(rest), ...told(contrast)];
}"""
DRAWN = """(scheme) => document.body.dataset.mdColorScheme === scheme
  && [...document.querySelectorAll("pre.diagram, .diagram-drawn")]
    .every((diagram) => diagram.dataset.scheme === scheme || diagram.dataset.fault)"""
AT_ONCE = "*, ::before, ::after { transition: none !important; animation: none !important; }"
PATIENCE = 30_000


@dataclass
class Viewer:
    """A browser's page that remembers what went wrong on it."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"asked another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def open(self, path: str, *, scheme: Scheme, size: tuple[int, int]) -> Page:
        """Open a page, and wait until its diagrams are drawn."""
        self.faults.clear()
        self._prefer(scheme, size)
        self.page.goto(self.address + path)
        self.page.add_style_tag(content=AT_ONCE)
        self._wait(scheme)
        return self.page

    def turn(self, *, scheme: Scheme, size: tuple[int, int]) -> None:
        """Change colours and size while a page is open, and wait until it has followed."""
        self._prefer(scheme, size)
        self._wait(scheme)

    def _prefer(self, scheme: Scheme, size: tuple[int, int]) -> None:
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def _wait(self, scheme: Scheme) -> None:
        if self.page.locator("pre.diagram").count():
            self.page.wait_for_load_state("load")
            if not self.page.evaluate("'mermaid' in window"):
                pytest.fail("no diagram can be drawn: install npm and build the site again")
        self.page.wait_for_function(DRAWN, arg="slate" if scheme == "dark" else "default")
        assert self.page.locator("pre.diagram").all_text_contents() == [], self.faults


def chromium() -> str:
    """The browser of this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail("no browser: install Chromium, on Debian with `apt-get install chromium`")


@pytest.fixture(scope="module")
def viewer(address: str) -> Iterator[Viewer]:
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        context = browser.new_context()
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield Viewer(context.new_page(), address)
        browser.close()


def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN_AXE)
    return found


def judge(viewer: Viewer) -> None:
    """What holds of every page, in any colours and at any size."""
    page = viewer.page
    assert violations(page) == []
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= window, f"the page is {width} pixels wide in a window of {window}"
    for diagram in page.locator(".diagram-drawn").all():
        box = diagram.locator("svg").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 20
        text = diagram.text_content() or ""
        assert text.strip()
        assert "Syntax error" not in text
    assert viewer.faults == []


@pytest.mark.parametrize("path", PAGES)
def test_every_page(viewer: Viewer, path: str) -> None:
    viewer.open(path, scheme="light", size=DESK)
    judge(viewer)
    viewer.turn(scheme="dark", size=TELEPHONE)
    judge(viewer)


@pytest.mark.parametrize("path", MAIN)
def test_main_pages_the_other_way_about(viewer: Viewer, path: str) -> None:
    viewer.open(path, scheme="dark", size=DESK)
    judge(viewer)
    viewer.open(path, scheme="light", size=TELEPHONE)
    judge(viewer)


def test_the_pages_looked_at_are_all_there_are(pages: dict[str, Path]) -> None:
    assert sorted(PAGES) == sorted(pages)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (".md-content .highlight * { color: #999 !important }", "color-contrast"),
        (".md-content a { text-decoration: none !important }", "link-in-text-block"),
        (".md-content__inner { width: 900px }", "pixels wide"),
        (".md-content { background: url(https://elsewhere.example/x.png) }", "another host"),
    ],
)
def test_what_is_broken_is_found(viewer: Viewer, fault: str, told: str) -> None:
    page = viewer.open("cli/schedule/", scheme="light", size=TELEPHONE)
    page.route("https://elsewhere.example/*", lambda route: route.fulfill(body=""))
    page.add_style_tag(content=fault)
    page.evaluate("document.fonts.ready")
    with pytest.raises(AssertionError, match=told):
        judge(viewer)
    page.unroute("https://elsewhere.example/*")


# --- what a reader does ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "leads_to"),
    [
        ("unknown-cadence", "rules/KS204/"),
        ("KS301", "rules/KS301/"),
        ("manifest-missing", "reasons/"),
    ],
)
def test_search_finds(viewer: Viewer, words: str, leads_to: str) -> None:
    page = viewer.open("", scheme="light", size=DESK)
    page.get_by_role("textbox", name="Search").click()
    page.keyboard.insert_text(words)
    page.keyboard.press("Shift")  # the theme searches when a key is let go
    first = page.locator(".md-search-result__link").first
    first.wait_for()
    assert (first.get_attribute("href") or "").split("?")[0].endswith(leads_to)
    assert violations(page) == []
    first.click()
    page.wait_for_url(f"{viewer.address}{leads_to}**")
    assert viewer.faults == []


def test_the_colours_can_be_chosen_and_diagrams_follow(viewer: Viewer) -> None:
    page = viewer.open("", scheme="light", size=DESK)
    drawn = page.locator(".diagram-drawn").first
    assert drawn.get_attribute("data-scheme") == "default"
    page.get_by_title("Use the light colours").click()
    page.get_by_title("Use the dark colours").click()
    page.locator(".diagram-drawn[data-scheme=slate]").first.wait_for()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.get_by_title("Follow the system").click()
    page.locator(".diagram-drawn[data-scheme=default]").first.wait_for()
    page.evaluate("localStorage.clear()")
    assert viewer.faults == []


def test_a_page_without_a_diagram_does_not_load_what_draws_them(viewer: Viewer) -> None:
    page = viewer.open("rules/KS204/", scheme="light", size=DESK)
    page.wait_for_load_state("networkidle")
    assert not page.evaluate("'mermaid' in window")
    assert page.locator("script[src$='mermaid.min.js']").count() == 0


def test_without_mermaid_a_diagram_stays_readable_text(viewer: Viewer) -> None:
    page = viewer.page
    page.route("**/mermaid.min.js", lambda route: route.fulfill(body="/* none to be had */"))
    try:
        viewer.faults.clear()
        page.emulate_media(color_scheme="light")
        page.goto(viewer.address)
        page.wait_for_load_state("networkidle")
        diagram = page.locator("pre.diagram").first
        assert diagram.is_visible()
        assert "-->" in (diagram.text_content() or "")
        assert violations(page) == []
        assert viewer.faults == []
    finally:
        page.unroute("**/mermaid.min.js")


def test_what_scrolls_can_be_reached_by_keyboard(viewer: Viewer) -> None:
    page = viewer.open("contracts/", scheme="light", size=TELEPHONE)
    table = page.locator(".md-typeset__scrollwrap[tabindex='0']").first
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_code_is_copied(viewer: Viewer) -> None:
    page = viewer.open("rules/KS204/", scheme="light", size=DESK)
    page.locator(".md-code__button[title='Copy to clipboard']").last.click()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert copied == 'version: "1"\nagents:\n  coach:\n    cadence: weekly'
