"""What MkDocs asks while it builds: the diagrams' script, edit links, and the way about.

The pages are complete without these hooks. Without them diagrams stay text, the edit link of a
generated page leads to the page instead of its source, and a rule has no link to its list.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import Abort
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from site_build import mermaid, npm, sources

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page
    from mkdocs.utils.templates import TemplateContext

log = logging.getLogger("mkdocs.site_build")
ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build"
SERVED = "assets/vendor"
BOOSTS = ((re.compile(r"rules/KS\d+\.md"), 2), (re.compile(r"reasons\.md"), 4))
"""Who types the name of a rule or a reason looks for the page that explains it."""
DEFINITIONS = re.compile(r"integrations/activity-definitions/weekly-.+\.md")
"""Definitions are front matter for the most part, which MkDocs does not show."""
NOTHING_TO_DRAW_WITH = "/* mermaid could not be had when this site was built */\n"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the script that draws diagrams; pages without a diagram never load it."""
    try:
        for name, path in mermaid.cached(CACHE).items():
            files.append(File.generated(config, f"{SERVED}/{name}", abs_src_path=str(path)))
    except npm.Unavailable as error:
        log.info("Diagrams stay readable as text: %s. Install npm to have them drawn.", error)
        files.append(
            File.generated(config, f"{SERVED}/mermaid.min.js", content=NOTHING_TO_DRAW_WITH)
        )
    except npm.Tampered as error:
        raise Abort(f"Refusing to serve a script that is not the pinned one: {error}") from error
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_kwargs: Any) -> str:
    """Let the edit link lead to what a person edits, or to nothing; find explanations first."""
    source = sources.source_of(page.file.src_uri, page.meta, root=ROOT)
    base = (config.edit_uri or "").removesuffix(sources.DOCS)
    page.edit_url = base + source if source is not None else None
    if DEFINITIONS.fullmatch(page.file.src_uri):
        written = page.file.content_string.rstrip("\n")
        markdown = f'{markdown.rstrip()}\n\n````markdown title="definition"\n{written}\n````\n'
    for pages, boost in BOOSTS:
        if pages.fullmatch(page.file.src_uri):
            page.meta.setdefault("search", {"boost": boost})
    return markdown


def on_page_context(
    context: TemplateContext, *, page: Page, nav: Navigation, **_kwargs: Any
) -> TemplateContext:
    """Show the way up on a page that the navigation does not list."""
    if page not in nav.pages:
        by_source = {listed.file.src_uri: listed for listed in nav.pages}
        for folder in PurePosixPath(page.file.src_uri).parents:
            if index := by_source.get(str(folder / "index.md")):
                link = get_relative_url(index.url, page.url)
                way = f'<a href="{link}">{index.title}</a>'
                page.content = f'<nav class="way-up" aria-label="Up">{way}</nav>{page.content}'
                break
    return context
