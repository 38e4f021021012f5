"""What Schemathesis checks of a hub besides its own checks; named in `schemathesis.toml`."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

from .app import PATH_LIMIT, SLUG_LIMIT

_given_out: set[str] = set()
"""The cursors that the hub has given out."""


@schemathesis.check
def refused_for_a_reason(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """See that a sound request is refused only for what no schema can say."""
    if response.status_code == 400 and _is_sound(case):
        body: Any = case.body
        places = body.get("host_paths", {}) if isinstance(body, dict) else {}
        too_long = any(
            len(host.encode()) > SLUG_LIMIT or len((path or "").encode()) > PATH_LIMIT
            for host, path in places.items()
        )
        assert too_long or "cursor" in (case.query or {}), "a sound request was refused"


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], _options: dict[str, object]) -> None:
    """Leave an invented cursor out beside filters: it is refused, and they are not looked at."""
    query = case.query or {}
    if _is_sound(case) and len(query) > 1 and query.get("cursor") not in _given_out:
        query.pop("cursor", None)


@schemathesis.hook
def after_call(_: HookContext, case: Case[Any], response: Response) -> None:
    """Remember the cursor of a page."""
    if case.path == "/repos/" and case.method == "GET" and response.status_code == 200:
        page = response.json()
        if isinstance(page, dict) and isinstance(cursor := page.get("next_cursor"), str):
            _given_out.add(cursor)


def _is_sound(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
