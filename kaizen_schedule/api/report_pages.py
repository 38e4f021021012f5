"""Writes the site's pages of the notebooks: ``python -m kaizen_schedule.api.report_pages DIR``.

Each notebook is run on what it takes by itself, and with a record that is published where it would
make one, so that the pages come out the same from build to build.
"""

from __future__ import annotations

import os
import sys

from kaizen_schedule.edges.report import find_notebooks, parameters_of, read_notebook
from kaizen_schedule.edges.writing import write_output
from kaizen_schedule.publishing.notebook_pages import render_page

from .report import list_reports, run_report

RECORD = "examples/pilot-record.jsonl"
"""The pilot's record that they show, beneath the folder of documents."""


def build_pages(docs: str) -> dict[str, str]:
    """Run every notebook, and render it as a page with its figures.

    Args:
        docs: The folder of documents, which holds the record.

    Returns:
        Texts by path, beneath the folder of the pages.
    """
    given = {"record": os.path.abspath(os.path.join(docs, RECORD))}
    files: dict[str, str] = {}
    for name in list_reports():
        declared = parameters_of(read_notebook(find_notebooks()[name]))
        parameters = {key: value for key, value in given.items() if key in declared}
        files |= render_page(run_report(name, parameters), name)
    return files


def write_pages(folder: str) -> None:
    """Make a folder hold exactly the pages of the notebooks; it stands in that of the documents."""
    from pathlib import Path

    files = build_pages(os.path.dirname(os.path.abspath(folder)))
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        write_output(root / path, text.encode())
    for found in root.iterdir():
        if found.suffix in (".md", ".svg") and found.name not in files:
            found.unlink()


if __name__ == "__main__":
    write_pages(sys.argv[1])
