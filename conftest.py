"""What docstring examples find: ``repository``, a checkout that has opted in, and ``now``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _examples(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if type(request.node).__name__ != "DoctestItem":
        return
    from kaizen_schedule import init

    repository: Path = request.getfixturevalue("tmp_path")
    init(repository, timezone="Europe/Berlin")
    doctest_namespace["repository"] = repository
    doctest_namespace["now"] = datetime(2026, 11, 24, 12, tzinfo=UTC)
