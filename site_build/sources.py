"""From a page to the file that a person edits to change it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCS = "docs/"
_TEMPLATES = (
    (r"rules/(KS\d+\.md)", r"kaizen_schedule/data/rules/\1"),
    (r"integrations/activity-definitions/(.+\.md)", r"kaizen_schedule/data/definitions/\1"),
    (r"integrations/([^/]+\.md)", r"kaizen_schedule/data/pages/\1"),
    (r"changelog\.md", "CHANGELOG.md"),
)
_GENERATED = re.compile(
    r"rules/.*|contracts/.*|reasons\.md|adr/index\.md|integrations/activity-definitions/.*"
)


def source_of(page: str, meta: Mapping[str, Any], *, root: Path) -> str | None:
    """The file to edit.

    Args:
        page: The page's path below ``docs/``.
        meta: Its front matter; ``edit_source`` names a file of the repository and goes first.
        root: The repository.

    Returns:
        A path in the repository; None for a page that no single file makes.
    """
    if "edit_source" in meta:
        return str(meta["edit_source"])
    for pattern, source in _TEMPLATES:
        if match := re.fullmatch(pattern, page):
            path = match.expand(source)
            if (root / path).is_file():
                return path
    return None if _GENERATED.fullmatch(page) else DOCS + page
