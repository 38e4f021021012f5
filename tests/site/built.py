"""How the site is built for tests, and what its HTML says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from ..support import ROOT

DOCS = ROOT / "docs"
_PATIENCE = 400
_OTHER_DOCS = """
import logging, sys
from mkdocs.commands.build import build
from mkdocs.config import load_config
logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
config = load_config("mkdocs.yml", docs_dir=sys.argv[1], site_dir=sys.argv[2], strict=True)
config.plugins.on_startup(command="build", dirty=False)
build(config)
"""


@dataclass(frozen=True)
class Site:
    """A built site."""

    folder: Path
    log: Path

    def path_of(self, file: Path) -> str:
        """The path of a page below the site's address."""
        path = file.relative_to(self.folder).as_posix()
        return path.removesuffix("index.html")


def build(folder: Path, *, docs: Path | None = None) -> str:
    """Build the site, strictly.

    Args:
        folder: Where it is written.
        docs: Pages to build instead of those of the repository.

    Returns:
        What the build said; its last line is the exit code.
    """
    if docs is None:
        words = ["-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    else:
        words = ["-c", _OTHER_DOCS, str(docs), str(folder)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**environment, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


@dataclass
class Html(HTMLParser):
    """What of a page is looked at: links, images, places, headings and text."""

    links: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    nameless: list[str] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    """The text behind each heading that has an id, up to the next heading."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._section = ""
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        self.places.update(value for key in ("id", "name") if (value := has.get(key)))
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._section = has.get("id") or self._section
        if tag in ("script", "style"):
            self._silent += 1
        if tag == "img" and not (has.get("alt") or "").strip():
            self.nameless.append(has.get("src") or "?")
        target = has.get("href")
        if target is not None and tag in ("a", "area"):
            kind = self.edits if has.get("rel") == "edit" else self.links
            kind.append(target)
        elif target is not None and has.get("rel") != "canonical":
            self.sources.append(target)
        self.sources.extend(value for key in ("src", "poster", "data") if (value := has.get(key)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if self._section and not self._silent:
            self.sections[self._section] = self.sections.get(self._section, "") + data


@cache
def read_html(file: Path) -> Html:
    """Parse a page, once."""
    parsed = Html()
    parsed.feed(file.read_text("utf-8"))
    parsed.close()
    return parsed


def addresses(paths: Iterable[Path], root: Path = DOCS) -> list[str]:
    """The paths at which markdown files are served."""
    found = []
    for path in paths:
        name = path.relative_to(root).with_suffix("").as_posix()
        found.append(name.removesuffix("index") if path.stem == "index" else f"{name}/")
    return sorted(found)
