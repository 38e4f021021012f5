"""The hub as a process on loopback, which tests begin, kill, and begin again.

    with serve(folder / "hub.db", token="t", page_size=2) as hub:
        hub.put([{"slug": "ledger", "host_paths": {"forge-1": "/srv/ledger"}}])
        ...  # ask hub.url, post to hub.events_url
        with hub.planted(Faults(fails_page=2)):
            ...  # ask again
        hub.kill()
        hub.start()

Everything that it knows is in the database file, also what a reader of several pages goes on with;
so it can be killed at any time. It ends by itself when the process that began it is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .contract import Contract
from .faults import Asked, Faults
from .storage import Storage

LOOPBACK = "127.0.0.1"
UP_WITHIN_S = 30.0
"""A hub that does not say its address by then has failed."""
_TOKEN, _READING_TOKEN = "HUB_TOKEN", "HUB_READING_TOKEN"
_ROOT = Path(__file__).parents[2]


@dataclass
class Hub:
    """A hub that is running, or was."""

    database: Path
    """Its only state, beside which stand its log and the requests that came."""
    token: str | None = None
    reading_token: str | None = None
    page_size: int | None = None
    """Read when it starts."""
    url: str = ""
    """The base address: what `--hub` takes. The same again after `start`."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def events_url(self) -> str:
        """Where events are posted to: what `--progress` takes."""
        return f"{self.url}/events/"

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    # --- What it holds -----------------------------------------------------------------------

    def put(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Register repositories, each in place of the one that has its name; one change in all.

        Raises:
            ValueError: One is not as the document has it.
        """
        items = tuple(items)
        for item in items:
            if trouble := _contract().problem_of(item):
                raise ValueError(trouble)
        Storage(self.database).put(items)

    def remove(self, *slugs: str) -> None:
        """Take repositories out; one change in all."""
        Storage(self.database).remove(*slugs)

    def events(self) -> tuple[Any, ...]:
        """The events that it has taken, in order, each once."""
        return Storage(self.database).events()

    def asked(self) -> tuple[Asked, ...]:
        """The requests that came, in order, over all its lives."""
        noted = _noted(self.database)
        lines = noted.read_text().splitlines() if noted.exists() else []
        return tuple(Asked(**json.loads(line)) for line in lines)

    def plant(self, faults: Faults) -> None:
        """Put faults in place of those that are planted; `Faults()` is an honest hub again."""
        faults.plant(_planted(self.database))

    @contextmanager
    def planted(self, faults: Faults) -> Iterator[None]:
        """Have faults in it for the length of a block."""
        self.plant(faults)
        try:
            yield
        finally:
            self.plant(Faults())

    # --- Its lives ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin it, at the address that it had before and with the faults that are planted."""
        assert not self.alive, "it is running"
        port = self.url.rpartition(":")[2].partition("/")[0] or "0"
        words = ["--database", str(self.database), "--port", port, "--until-input-ends"]
        if self.page_size is not None:
            words += ["--page-size", str(self.page_size)]
        env = {"PYTHONPATH": str(_ROOT), "PATH": os.defpath}
        for name, token in ((_TOKEN, self.token), (_READING_TOKEN, self.reading_token)):
            env |= {name: token} if token else {}
        with open(_log(self.database), "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "conformance.hub.serve", *words],
                env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self.url = self._said()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.await_end()

    def await_end(self) -> None:
        """Wait until it is gone, where a fault ends it."""
        assert self.process is not None
        self.process.wait(UP_WITHIN_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process = None

    def _said(self) -> str:
        """The address that a new process says, without which there is none."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], UP_WITHIN_S)
        url = self.process.stdout.readline().decode().strip() if ready else ""
        if not url:
            self.kill()
            raise AssertionError(f"the hub did not begin: {_log(self.database).read_text()}")
        return url


@contextmanager
def serve(
    database: Path,
    *,
    token: str | None = None,
    reading_token: str | None = None,
    page_size: int | None = None,
    faults: Faults | None = None,
) -> Iterator[Hub]:
    """Run a hub until the block ends.

    Args:
        database: Its file; it is made where there is none.
        token: May do everything; None lets everybody read and post, and nobody change.
        reading_token: May read and nothing else.
        page_size: The most items of a page; None answers with one array.
        faults: What is planted; None for an honest hub.
    """
    hub = Hub(database, token, reading_token, page_size)
    hub.plant(faults or Faults())
    hub.start()
    try:
        yield hub
    finally:
        hub.kill()


@cache
def _contract() -> Contract:
    return Contract()


def _noted(database: Path) -> Path:
    return database.with_suffix(".asked")


def _planted(database: Path) -> Path:
    return database.with_suffix(".faults")


def _log(database: Path) -> Path:
    return database.with_suffix(".log")


# --- The process ---------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> None:
    """Run a hub; its address is said on standard output."""
    import uvicorn

    from .app import Settings, build
    from .faults import Planted

    parser = argparse.ArgumentParser(prog="python -m conformance.hub.serve", description=__doc__)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--page-size", type=int)
    parser.add_argument("--until-input-ends", action="store_true")
    given = parser.parse_args(words)
    settings = Settings(
        token=os.environ.get(_TOKEN),
        reading_token=os.environ.get(_READING_TOKEN),
        page_size=given.page_size,
    )
    contract, storage = Contract(), Storage(given.database)
    app = Planted(
        build(storage, settings, contract),
        storage,
        planted=_planted(given.database),
        noted=_noted(given.database),
        token=settings.token,
    )
    # Named as TCP, so that asyncio sends the head and the body of an answer without delay.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((LOOPBACK, given.port))
    listening.listen(128)
    server = uvicorn.Server(
        uvicorn.Config(
            app, http="h11", loop="asyncio", lifespan="off", access_log=False, log_level="warning"
        )
    )
    if given.until_input_ends:
        threading.Thread(target=_end_with_input, daemon=True).start()
    sys.stdout.write(f"http://{LOOPBACK}:{listening.getsockname()[1]}{contract.base}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
