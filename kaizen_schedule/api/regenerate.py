"""Writes every generated file: the published contract, in the program and beneath ``docs``.

``make contracts`` runs it; it needs what only development has.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.conformance import answer_vector
from kaizen_schedule.edges.writing import write_output
from kaizen_schedule.publishing.contracts import Sources, build_contracts, render_record_index
from kaizen_schedule.publishing.schemas import Published
from kaizen_schedule.publishing.vector_cases import build_questions
from kaizen_schedule.reading.rules import RULES

from .contracts import export_contracts
from .examples import build_examples, example_manifest
from .listing import Listing

_MODELS = (Published("listing", Listing, "Answer of kaizen-agentic schedule list"),)


def build_documents() -> dict[str, str]:
    """Every published file, by its path beneath ``docs``."""
    drafts = packaged.definitions()
    questions = build_questions(drafts, packaged.prompts(), packaged.zones().version)
    return build_contracts(
        Sources(
            rules={rule.code: packaged.rule_page(rule.code) for rule in RULES},
            reasons=packaged.reasons_text(),
            pages=packaged.pages(),
            definitions=drafts,
            drafts={draft.id: packaged.draft(draft.id) for draft in drafts},
            examples=build_examples(),
            manifest=example_manifest(),
            vectors=tuple(replace(asked, expected=answer_vector(asked)) for asked in questions),
            models=_MODELS,
        )
    )


def _write(root: str, files: dict[str, str]) -> None:
    """Make a folder hold exactly these files."""
    for path, text in files.items():
        target = Path(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_output(target, text.encode())
    for found in Path(root).rglob("*"):
        if found.is_file() and found.relative_to(root).as_posix() not in files:
            found.unlink()


def regenerate(docs: str) -> None:
    """Write the program's own copy, then the documents.

    Args:
        docs: The project's folder of documents.
    """
    _write(packaged.data_path("published"), build_documents())
    export_contracts(docs)
    records = {path.name: path.read_text("utf-8") for path in Path(docs, "adr").glob("ADR-*.md")}
    write_output(Path(docs, "adr", "index.md"), render_record_index(records).encode())


if __name__ == "__main__":
    regenerate(os.path.abspath(sys.argv[1]))
