"""Shared fixtures, and the hook under which the core's tests run.

The core takes bytes, values and a Tree, and opens nothing. Its tests run under an audit hook that
refuses what would open a file, list a folder, reach the network or start a process, when the call
comes from a module of the core. Importing a module is no such call.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from kaizen_schedule.edges import packaged

from .support import MemoryZones

# What is begun in the background ignores the interrupt, and so does all that it begins.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CORE = ("reading", "planning", "orienting")
_PACKAGE = str(Path(packaged.__file__).parents[1])
_REFUSED = (
    "open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "os.system",
    "os.exec", "os.fork", "os.posix_spawn", "socket.", "subprocess.Popen", "urllib.Request",
)  # fmt: skip
_watching = False

settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("project")


def _caller_is_core() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if "importlib" in name:
            return False
        if name.startswith(_PACKAGE):
            return Path(name).parent.name in CORE
        frame = frame.f_back
    return False


def _audit(event: str, _args: Any) -> None:
    if _watching and event.startswith(_REFUSED) and _caller_is_core():
        raise AssertionError(f"the core must not do this: {event}")


sys.addaudithook(_audit)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    global _watching
    _watching = item.path.parent.name in CORE
    try:
        return (yield)
    finally:
        _watching = False


@pytest.fixture(scope="session")
def zones() -> MemoryZones:
    """Every packaged time zone, loaded before the core is watched."""
    return MemoryZones.load()


@pytest.fixture
def now() -> datetime:
    """A fixed instant: Tuesday 2026-11-24, noon."""
    return datetime(2026, 11, 24, 12, tzinfo=UTC)
