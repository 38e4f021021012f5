"""What the README says in words; its examples run as those of every page (test_docs_examples)."""

from __future__ import annotations

import re

from .docs_commands import commands
from .docs_pages import README, read_page
from .support import ROOT


def test_it_shows_what_is_run() -> None:
    kinds = [block.language for block in read_page(README).blocks]
    assert kinds.count("console") == 4
    assert kinds.count("python") == 1
    titles = [block.title for block in read_page(README).blocks if block.language == "yaml"]
    assert titles == ["init", "wrong"]


def test_the_wrong_manifest_has_as_many_mistakes_as_are_told() -> None:
    text = README.read_text("utf-8")
    assert "four mistakes" in text
    assert "\n4 errors, 0 warnings; " in text


def test_the_table_names_every_command() -> None:
    text = README.read_text("utf-8")
    for path, _ in commands():
        group, _, name = path.partition(" ")
        row = rf"^\| `{group}[^|]*`{re.escape(name)}\b|^\| `{group} {re.escape(name)}\b"
        assert re.search(row, text, re.M), path


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8")):
        assert (ROOT / target).exists(), target
