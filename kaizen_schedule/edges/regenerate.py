"""Writes the files that are generated from the models; ``make contracts`` runs it."""

from __future__ import annotations

from pathlib import Path

from kaizen_schedule.publishing.contracts import build_contracts

from .packaged import data_path
from .writing import write_output


def write_contracts() -> None:
    """Write every schema to ``data/contracts``."""
    for name, text in build_contracts().items():
        write_output(Path(data_path("contracts", name)), text.encode())


if __name__ == "__main__":
    write_contracts()
