"""The tree that lives in memory keeps the rules of the one on disk."""

from __future__ import annotations

import pytest

from kaizen_schedule.reading.errors import FaultReason, FileFault
from kaizen_schedule.reading.tree import Blob, Kind, MemoryTree, Stat

TREE = MemoryTree(
    {
        "README.md": b"hello",
        "empty": b"",
        "agents/agent-coach.md": b"be kind",
        "agents/deep/er/file": b"x",
        "agentsmith": b"no folder",
    },
    {
        "locked": FaultReason.UNREADABLE,
        "gone": FaultReason.MISSING,
        "pipes/pipe": FaultReason.NOT_REGULAR,
    },
)


def reason(path: str, cap: int = 100) -> FaultReason:
    with pytest.raises(FileFault) as caught:
        TREE.read(path, cap=cap)
    assert caught.value.path == path
    assert str(caught.value) == caught.value.message
    return caught.value.reason


def test_read() -> None:
    assert TREE.read("README.md", cap=5) == Blob(data=b"hello", size=5)
    assert TREE.read("empty", cap=5) == Blob(data=b"", size=0)


def test_reading_stops_at_the_cap() -> None:
    assert reason("README.md", cap=4) is FaultReason.TOO_LARGE


def test_the_tail_of_a_file_that_is_too_large() -> None:
    assert TREE.read("README.md", cap=2, tail=True) == Blob(data=b"lo", size=5, truncated=True)
    assert TREE.read("README.md", cap=5, tail=True) == Blob(data=b"hello", size=5)
    assert TREE.read("README.md", cap=0, tail=True) == Blob(data=b"", size=5, truncated=True)


def test_what_cannot_be_read_says_why() -> None:
    assert reason("nowhere") is FaultReason.MISSING
    assert reason("agents") is FaultReason.NOT_REGULAR
    assert reason("locked") is FaultReason.UNREADABLE
    assert reason("gone") is FaultReason.MISSING


def test_list() -> None:
    assert TREE.list("agents") == ("agent-coach.md", "deep")
    assert TREE.list("agents/deep") == ("er",)
    assert TREE.list("pipes") == ("pipe",)
    assert TREE.list("") == (
        "README.md", "agents", "agentsmith", "empty", "gone", "locked", "pipes",
    )  # fmt: skip


@pytest.mark.parametrize("path", ["nowhere", "README.md", "agent"])
def test_only_folders_are_listed(path: str) -> None:
    with pytest.raises(FileFault) as caught:
        TREE.list(path)
    assert caught.value.reason is FaultReason.MISSING


def test_an_empty_tree_has_a_root() -> None:
    assert MemoryTree({}).list("") == ()
    assert MemoryTree({}).stat("") == Stat(kind=Kind.FOLDER, size=0)


def test_stat() -> None:
    assert TREE.stat("README.md") == Stat(kind=Kind.FILE, size=5)
    assert TREE.stat("agents/deep") == Stat(kind=Kind.FOLDER, size=0)
    assert TREE.stat("locked") == Stat(kind=Kind.OTHER, size=0)
    assert TREE.stat("gone") is None
    assert TREE.stat("nowhere") is None
    assert TREE.stat("agent") is None
