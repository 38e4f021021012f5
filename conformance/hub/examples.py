"""What tests of the hub share: a fleet with every kind of name, tokens, and ways to ask."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .serve import Hub

ROOT = Path(__file__).parents[2]
TOKEN, READING = "s3cr3t+tok/en==", "r3ading+tok/en=="
SLUGS = ("B", "_x", "a/b c%2F?#", "ledger", "z" * 200, "é", "\U0001f4d2")
"""In the order of their bytes, which is not that of any language."""


def item(slug: str, **more: Any) -> dict[str, Any]:
    """A repository of this name, on one host."""
    return {"slug": slug, "host_paths": {"forge-1": f"/srv/{slug[:9]}"}, **more}


ITEMS: tuple[dict[str, Any], ...] = (
    item("B"),
    item("_x", kaizen_schedule_enabled=False),
    item("a/b c%2F?#", kaizen_schedule_enabled=True, views=12),
    {"slug": "ledger", "host_paths": {"forge-1": "/srv/l", "forge-2": "/data/l"}},
    {"slug": "z" * 200, "host_paths": {}},
    item("é", tags=["né", None, {"a": 1.5}]),
    item("\U0001f4d2"),
)
"""A roster, in the order of `SLUGS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a program left."""

    code: int
    out: str
    err: str


def run(words: Sequence[str | Path], folder: Path, **env: str) -> Result:
    """Run a program in a folder, with nothing of the surroundings but what is given."""
    base = {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder, env={**base, **env}, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip
    return Result(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the hub answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    value: Any
    """What the JSON holds; None for nothing."""


def ask(
    hub: Hub,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    token: str | None = TOKEN,
    kind: str | None = None,
) -> Answer:
    """Ask a hub something, beneath its base."""
    where = urlsplit(hub.url)
    assert where.hostname
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Content-Type": kind} if kind else {}
    connection = HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        connection.request(method, where.path + target, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    told = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=told, value=json.loads(data) if data else None)
