"""What docstring examples find: ``repository``, a checkout that has opted in, and ``now``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _examples(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if type(request.node).__name__ != "DoctestItem":
        return
    from kaizen_schedule import Asking, discover_kaizen_scheduled_repos, init, load_roster

    repository: Path = request.getfixturevalue("tmp_path")
    init(repository, timezone="Europe/Berlin")
    doctest_namespace["repository"] = repository
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    doctest_namespace["now"] = now
    items = [{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]
    asking = Asking(roster=load_roster(items), host="forge-1")
    doctest_namespace["found"] = discover_kaizen_scheduled_repos(
        asking, start=now, end=now + timedelta(days=7), now=now
    )
