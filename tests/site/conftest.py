"""One build of the site for all tests, also of several workers, served on the loopback."""

from __future__ import annotations

import fcntl
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .built import Site, build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The built site. Who comes first builds it; the other workers wait for that."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    www = shared / "www"
    found = Site(www / "schedule", log=shared / "site.log")
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.log.exists():
            found.log.write_text(build(found.folder), "utf-8")
    if not (found.folder / "index.html").exists():
        pytest.fail(f"the site cannot be built:\n{found.log.read_text('utf-8')}")
    return found


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Where the site is served: at the path that its published address has."""
    handler = functools.partial(_Quiet, directory=str(site.folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/schedule/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def pages(site: Site) -> dict[str, Path]:
    """Every page of the site: its path below the address, and its file."""
    found = sorted(site.folder.rglob("*.html"))
    return {site.path_of(file): file for file in found}
