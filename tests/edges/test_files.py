"""Reading and writing repositories on a real disk, also hostile ones and full ones."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kaizen_schedule import Asking, load_roster, show_roster
from kaizen_schedule.edges import writing
from kaizen_schedule.edges.files import DiskTree, find_target, reason_of
from kaizen_schedule.edges.writing import append_line, check_output, replace_file, write_output
from kaizen_schedule.reading.errors import FaultReason, FileFault, OutputError, Refusal, TargetError
from kaizen_schedule.reading.tree import LIST_CAP, Blob, Kind, Stat
from tests.support import ROOT, write_files

CAP = 1000
NOBODY = 65534
AS_ROOT = os.geteuid() == 0
LINUX = sys.platform == "linux"
ODD_NAMES = [
    "-rf", "a b", "a\nb", "\x1b[31m", "\u202egnp", "'\"`$(touch pwned)", "*", "\\", "\udcff\udcfe",
    "é" * 127, "n" * 255, "...", " ",
]  # fmt: skip


# --- What is needed to meet a kernel at its worst ------------------------------------------------

_events: dict[str, list[Callable[[tuple[Any, ...]], object]]] = {}


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if heard := _events.get(event):
        _events[event] = []  # what a listener does is not heard
        try:
            for listener in heard:
                listener(args)
        finally:
            _events[event] = heard


sys.addaudithook(_hear)


@contextlib.contextmanager
def just_before(event: str, act: Callable[[tuple[Any, ...]], object]) -> Iterator[None]:
    """Do something at the instant before a call, as another process could."""
    _events[event] = [act]
    try:
        yield
    finally:
        del _events[event]


@contextlib.contextmanager
def opened_names() -> Iterator[list[str]]:
    names: list[str] = []
    with just_before("open", lambda args: names.append(str(args[0]))):
        yield names


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions count: root is somebody else for a while."""
    if AS_ROOT:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if AS_ROOT:
            os.seteuid(0)


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond a size, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Generator[Path]:
    """A real file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


NUMBERS = {
    "x86_64": {"linkat": 265, "renameat": 264, "mkdirat": 258, "fsync": 74, "write": 1,
               "unlinkat": 263, "flock": 73},
    "aarch64": {"linkat": 37, "renameat": 38, "mkdirat": 34, "fsync": 82, "write": 64,
                "unlinkat": 35, "flock": 32},
}  # fmt: skip
KILL = 0x80000000

# A seccomp filter: from now on the kernel answers one system call with an error, or with death.
_FILTER = """
import ctypes, os, struct, sys
from pathlib import Path
from kaizen_schedule.edges.writing import append_line, replace_file, write_output
from kaizen_schedule.reading.errors import KaizenError
import fcntl

def refuse(number, action):
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, action), (6, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]
    program = Program(len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        sys.exit(77)

refuse({number}, {action})
try:
    {call}
except KaizenError as error:
    os.write(2, f"{{error.message}}\\n".encode() if {number} != 1 else b"")
    sys.exit(3)
"""


def under_filter(
    folder: Path, call: str, name: str, action: int
) -> subprocess.CompletedProcess[bytes]:
    """Run a call in a process whose kernel refuses one system call."""
    numbers = NUMBERS.get(platform.machine())
    if not LINUX or numbers is None:
        pytest.skip("needs seccomp, and the system call's number on this machine")
    done = subprocess.run(
        [sys.executable, "-c", _FILTER.format(number=numbers[name], action=action, call=call)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("the kernel grants no seccomp filter here")
    return done


def failing(number: int) -> int:
    return 0x00050000 | number


def content(folder: Path) -> dict[str, bytes]:
    """Every file beneath a folder; folders end with a slash."""
    found = {}
    for base, folders, names in os.walk(folder):
        here = os.path.relpath(base, folder)
        found.update({os.path.normpath(f"{here}/{name}") + "/": b"" for name in folders})
        for name in names:
            found[os.path.normpath(f"{here}/{name}")] = Path(base, name).read_bytes()
    return found


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Generator[None]:
    before = sorted(os.listdir("/dev/fd"))
    yield
    assert sorted(os.listdir("/dev/fd")) == before


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    write_files(tmp_path, {"outside/secret": "SECRET", "outside/sub/secret": "SECRET"})
    return write_files(folder, {"file": "inside", "sub/deep/file": "deep", "sub/other": "other"})


def read(repo: Path, path: str, *, cap: int = CAP, tail: bool = False) -> bytes:
    with DiskTree(repo) as tree:
        return tree.read(path, cap=cap, tail=tail).data


def fault(repo: Path, path: str, *, cap: int = CAP, tail: bool = False) -> FileFault:
    with pytest.raises(FileFault) as caught:
        read(repo, path, cap=cap, tail=tail)
    assert caught.value.path == path
    assert caught.value.message.isprintable()
    return caught.value


# --- Reading -------------------------------------------------------------------------------------


def test_a_file_is_read_whole(repo: Path) -> None:
    with DiskTree(repo) as tree:
        assert tree.read("sub/deep/file", cap=4) == Blob(data=b"deep", size=4)
        assert tree.read("./sub//deep/file", cap=4).data == b"deep"
        assert tree.read("sub/../file", cap=6).data == b"inside"


def test_an_empty_file_is_no_fault(repo: Path) -> None:
    (repo / "empty").touch()
    with DiskTree(repo) as tree:
        assert tree.read("empty", cap=0) == Blob(data=b"", size=0)
        assert tree.read("empty", cap=5, tail=True) == Blob(data=b"", size=0)


@pytest.mark.parametrize("path", ["nothing", "nothing/at/all", "file/beneath", "file/../file"])
def test_what_is_not_there_is_missing(repo: Path, path: str) -> None:
    found = fault(repo, path)
    assert (found.reason, found.message) == (FaultReason.MISSING, f"{path} does not exist")


@pytest.mark.parametrize("path", ["a\0b", "n" * 256, "\ud800"])
def test_a_name_that_no_file_can_have_is_missing(repo: Path, path: str) -> None:
    assert fault(repo, path).reason is FaultReason.MISSING


@pytest.mark.parametrize(
    "path", ["..", "../outside/secret", "sub/../../outside/secret", "sub/deep/../../.."]
)
def test_dots_do_not_lead_out(repo: Path, path: str) -> None:
    found = fault(repo, path)
    assert found.reason is FaultReason.OUTSIDE
    assert found.message == f"{path} leads out of the repository"
    with DiskTree(repo) as tree:
        assert tree.stat(path) is None
        with pytest.raises(FileFault):
            tree.list(path)


def test_a_path_from_the_root_is_taken_from_the_repository(repo: Path) -> None:
    assert read(repo, "/file") == b"inside"
    assert fault(repo, "/etc/hostname").reason is FaultReason.MISSING


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_names_are_names(repo: Path, name: str) -> None:
    folder = repo / name
    folder.mkdir()
    (folder / name).write_bytes(b"odd")
    with DiskTree(repo) as tree:
        assert tree.read(f"{name}/{name}", cap=CAP).data == b"odd"
        assert name in tree.list("")
        assert tree.list(name) == (name,)
        assert tree.stat(name) == Stat(kind=Kind.FOLDER, size=0)
    assert fault(repo, name).message.endswith(" is a folder")
    assert fault(repo, f"{name}/x").reason is FaultReason.MISSING


# --- Links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "target", "asked"),
    [
        ("a", "file", "a"),
        ("a", "./sub/..//file", "a"),
        ("a", "{repo}/file", "a"),
        ("sub/deep/a", "../../file", "sub/deep/a"),
        ("sub/deep/a", "{repo}//sub/../file", "sub/deep/a"),
        ("a", ".", "a/a/a/file"),
        ("a", "sub/deep", "a/../../file"),
        ("a", "{repo}", "sub/../a/file"),
    ],
)
def test_a_link_inside_is_followed(repo: Path, link: str, target: str, asked: str) -> None:
    (repo / link).symlink_to(target.format(repo=repo))
    assert read(repo, asked) == b"inside"
    with DiskTree(repo) as tree:
        assert tree.stat(asked) == Stat(kind=Kind.FILE, size=6)


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("../outside/secret", "a"),
        ("{outside}/secret", "a"),
        ("../outside", "a/secret"),
        ("{outside}", "a/sub/secret"),
        ("sub/../../outside/secret", "a"),
        ("{repo}/../outside/secret", "a"),
        ("{repo}x/secret", "a"),
        ("/", "a/etc/hostname"),
        ("..", "a/outside/secret"),
        ("sub/deep", "a/../../../outside/secret"),
        ("/proc/self/root", "a/etc/hostname"),
        ("/proc/self/cwd", "a/file"),
    ],
)
def test_a_link_that_leaves_is_refused(repo: Path, target: str, asked: str) -> None:
    (repo / "a").symlink_to(target.format(repo=repo, outside=repo.parent / "outside"))
    write_files(repo.parent / "repox", {"secret": "SECRET"})
    found = fault(repo, asked)
    assert found.reason is FaultReason.OUTSIDE
    assert found.message == f"{asked} leads out of the repository"
    with DiskTree(repo) as tree:
        assert tree.stat(asked) is None
        with pytest.raises(FileFault, match="leads out"):
            tree.list(asked)


def test_the_repository_itself_may_stand_behind_a_link(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("repo")
    (repo / "a").symlink_to(repo / "file")
    (repo / "b").symlink_to(tmp_path / "link" / "file")
    with DiskTree(tmp_path / "link") as tree:
        assert tree.root == str(repo)
        assert tree.read("a", cap=CAP).data == b"inside"
        with pytest.raises(FileFault, match="leads out"):  # its own path, and no other name of it
            tree.read("b", cap=CAP)


def test_the_file_systems_root_is_a_folder_like_others(repo: Path) -> None:
    (repo / "a").symlink_to(repo / "file")
    with DiskTree(Path("/")) as tree:
        assert tree.read(f"{repo}/a", cap=CAP).data == b"inside"


@pytest.mark.parametrize(("links", "reason"), [(40, None), (41, FaultReason.LINK_LOOP)])
def test_forty_links_are_followed(repo: Path, links: int, reason: FaultReason | None) -> None:
    for number in range(links):
        target = "file" if number == 0 else f"link{number - 1}"
        (repo / f"link{number}").symlink_to(target)
    if reason is None:
        assert read(repo, "link39") == b"inside"
    else:
        assert fault(repo, "link40").reason is reason


@pytest.mark.parametrize("targets", [("a",), ("b", "a"), ("./sub/../a",), ("{repo}/a",), ("a/a",)])
def test_a_loop_of_links_is_told(repo: Path, targets: tuple[str, ...]) -> None:
    for name, target in zip("ab", targets, strict=False):
        (repo / name).symlink_to(target.format(repo=repo))
    for asked in ("a", "a/file"):
        found = fault(repo, asked)
        assert found.reason is FaultReason.LINK_LOOP
        assert found.message == f"{asked} leads through a loop of links"


@pytest.mark.parametrize(
    ("links", "asked", "reason"),
    [
        ({"a": "nothing"}, "a", FaultReason.UNREADABLE),
        ({"a": "nothing/deeper"}, "a", FaultReason.UNREADABLE),
        ({"a": "nothing"}, "a/file", FaultReason.UNREADABLE),
        ({"a": "b/nothing", "b": "sub"}, "a", FaultReason.UNREADABLE),
        ({"a": "file/deeper"}, "a", FaultReason.UNREADABLE),
        ({"a": "file/../file"}, "a", FaultReason.UNREADABLE),
        ({"a": "file/deeper"}, "a/deeper", FaultReason.UNREADABLE),
        ({"a": "b/deeper", "b": "file"}, "a", FaultReason.UNREADABLE),
        ({"a": "file"}, "a/deeper", FaultReason.MISSING),
        ({"a": "sub"}, "a/nothing", FaultReason.MISSING),
        ({"a": "sub", "b": "a/deep"}, "b/nothing", FaultReason.MISSING),
    ],
)
def test_a_link_to_nothing_is_not_nothing(
    repo: Path, links: dict[str, str], asked: str, reason: FaultReason
) -> None:
    for name, target in links.items():
        (repo / name).symlink_to(target)
    assert fault(repo, asked).reason is reason


def test_a_link_may_be_as_long_as_links_can_be(repo: Path) -> None:
    (repo / "a").symlink_to("sub/../" * 580 + "file")
    (repo / "b").symlink_to("a")
    assert read(repo, "b") == b"inside"


def test_more_folders_on_the_way_than_a_process_may_open(repo: Path) -> None:
    deep = "/".join("s" * 20)
    (repo / deep).mkdir(parents=True)
    (repo / "a").symlink_to("s/../" * 400 + deep)
    assert fault(repo, "a").message == "a is a folder"
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)  # the lowest number that is free; who began us may hold far higher ones
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 6, limits[1]))
    try:
        found = fault(repo, deep)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found.reason is FaultReason.UNREADABLE
    assert "too many open files" in found.message


# --- What is no regular file ---------------------------------------------------------------------


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    # The name is short enough from the folder itself only.
    subprocess.run(
        [sys.executable, "-S", "-c", f"import socket; socket.socket(1).bind({path.name!r})"],
        cwd=path.parent,
        check=True,
    )


def make_device(kind: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        try:
            os.mknod(path, kind | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root may make a device")

    return make


ODD_KINDS = {
    "a named pipe": make_fifo,
    "a socket": make_socket,
    "a device": make_device(stat.S_IFCHR),
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", ODD_KINDS)
@pytest.mark.parametrize("linked", [False, True], ids=["itself", "linked"])
@pytest.mark.parametrize("tail", [False, True], ids=["whole", "tail"])
def test_only_regular_files_are_opened(repo: Path, kind: str, linked: bool, tail: bool) -> None:
    ODD_KINDS[kind](repo / "odd")
    (repo / "link").symlink_to("odd")
    asked = "link" if linked else "odd"
    with opened_names() as names:
        found = fault(repo, asked, tail=tail)
    assert (found.reason, found.message) == (FaultReason.NOT_REGULAR, f"{asked} is {kind}")
    assert names == [str(repo)]
    with DiskTree(repo) as tree:
        expected = Kind.FOLDER if kind == "a folder" else Kind.OTHER
        assert tree.stat(asked) == Stat(kind=expected, size=0)
        if kind != "a folder":
            with pytest.raises(FileFault, match=f"{asked} is {kind}, not a folder") as caught:
                tree.list(asked)
            assert caught.value.reason is FaultReason.MISSING


def test_a_block_device_is_never_opened(repo: Path) -> None:
    make_device(stat.S_IFBLK)(repo / "odd")
    with opened_names() as names:
        assert fault(repo, "odd").message == "odd is a device"
    assert names == [str(repo)]


@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a link"])
def test_what_is_swapped_in_before_opening_is_caught(repo: Path, kind: str) -> None:
    if kind == "a link":
        (repo / "odd").symlink_to(repo.parent / "outside" / "secret")
    else:
        ODD_KINDS[kind](repo / "odd")

    def swap(args: tuple[Any, ...]) -> None:
        if args[0] == "file":
            os.replace(repo / "odd", repo / "file")

    with just_before("open", swap):
        found = fault(repo, "file")
    assert found.reason is (FaultReason.UNREADABLE if kind == "a link" else FaultReason.NOT_REGULAR)


def test_a_folder_swapped_for_a_link_on_the_way(repo: Path) -> None:
    def swap(args: tuple[Any, ...]) -> None:
        if args[0] == "sub" and not (repo / "old").exists():
            os.rename(repo / "sub", repo / "old")
            (repo / "sub").symlink_to(repo.parent / "outside" / "sub")

    with just_before("open", swap):
        assert fault(repo, "sub/secret").reason is FaultReason.OUTSIDE


def test_a_folder_moved_away_while_one_stands_in_it(repo: Path) -> None:
    # Whoever is in sub/deep and goes up comes to where the walk came from, not to a new parent.
    def move(args: tuple[Any, ...]) -> None:
        if args[0] == "deep" and (repo / "sub" / "deep").exists():
            os.rename(repo / "sub", repo.parent / "outside" / "moved")

    with just_before("open", move):
        assert fault(repo, "sub/deep/../../../secret").reason is FaultReason.OUTSIDE
    assert (repo.parent / "outside" / "moved").is_dir()


def test_nothing_of_outside_is_read_while_names_are_swapped_all_the_time(repo: Path) -> None:
    (repo / "door").symlink_to(repo.parent / "outside" / "sub")
    write_files(repo, {"sub/secret": "inside"})
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(repo / "sub", repo / "kept")
            os.rename(repo / "door", repo / "sub")
            os.rename(repo / "sub", repo / "door")
            os.rename(repo / "kept", repo / "sub")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(read(repo, "sub/secret"))
            except FileFault as found:
                seen.add(found.reason.encode())
    finally:
        stop.set()
        swapper.join()
    assert b"inside" in seen
    assert b"SECRET" not in seen


# --- Large, growing and unreadable files ---------------------------------------------------------


def test_a_huge_file_is_refused_unread(repo: Path) -> None:
    with open(repo / "huge", "wb") as file:
        file.truncate(10 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"the end")
    begin = time.monotonic()
    found = fault(repo, "huge", cap=1 << 20)
    assert (found.reason, found.message) == (
        FaultReason.TOO_LARGE,
        "huge holds more than 1,048,576 bytes",
    )
    with DiskTree(repo) as tree:
        assert tree.read("huge", cap=7, tail=True) == Blob(
            data=b"the end", size=(10 << 30) + 7, truncated=True
        )
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize(
    ("size", "tail", "expected"),
    [
        (10, False, Blob(data=b"0123456789", size=10)),
        (10, True, Blob(data=b"0123456789", size=10)),
        (11, True, Blob(data=b"1234567890", size=11, truncated=True)),
        (25, True, Blob(data=b"5678901234", size=25, truncated=True)),
    ],
)
def test_the_cap_counts_bytes(repo: Path, size: int, tail: bool, expected: Blob) -> None:
    (repo / "n").write_bytes((b"0123456789" * 3)[:size])
    with DiskTree(repo) as tree:
        assert tree.read("n", cap=10, tail=tail) == expected
    if size > 10:
        assert fault(repo, "n", cap=10).reason is FaultReason.TOO_LARGE


def when_measured(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let a file change right after its size was taken."""
    real, left = os.fstat, [act]

    def fstat(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        if left and stat.S_ISREG(found.st_mode):
            left.pop()()
        return found

    monkeypatch.setattr(os, "fstat", fstat)


@pytest.mark.parametrize(
    ("before", "after", "tail", "expected"),
    [
        (b"12345", b"1234567", False, Blob(data=b"1234567", size=7)),
        (b"", b"1234567", False, Blob(data=b"1234567", size=7)),
        (b"12345", b"123", False, Blob(data=b"123", size=5)),
        (b"12345", b"", True, Blob(data=b"", size=5)),
        (b"12345", b"1234567", True, Blob(data=b"1234567", size=7)),
        (b"12345", b"1234567890abc", True, Blob(data=b"4567890abc", size=13, truncated=True)),
        (b"1234567890ab", b"1234567890abcd", True,
         Blob(data=b"34567890ab", size=12, truncated=True)),
        (b"1234567890ab", b"12", True, Blob(data=b"", size=12, truncated=True)),
    ],
)  # fmt: skip
def test_a_file_that_changes_while_it_is_read(
    repo: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: bytes,
    after: bytes,
    tail: bool,
    expected: Blob,
) -> None:
    (repo / "n").write_bytes(before)
    with DiskTree(repo) as tree:
        when_measured(monkeypatch, lambda: (repo / "n").write_bytes(after))
        assert tree.read("n", cap=10, tail=tail) == expected


def test_a_file_that_grows_beyond_the_cap_is_refused(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "n").write_bytes(b"12345")
    when_measured(monkeypatch, lambda: (repo / "n").write_bytes(b"x" * 5000))
    assert fault(repo, "n", cap=10).reason is FaultReason.TOO_LARGE


def test_a_file_system_may_hand_out_less_than_asked_for(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, length: real(descriptor, min(length, 2)))
    assert read(repo, "file", cap=6) == b"inside"
    assert read(repo, "file", cap=3, tail=True) == b"ide"


@pytest.mark.skipif(not LINUX, reason="the kernel's own files, which report no size")
def test_files_that_report_no_size_are_read_to_their_end() -> None:
    kernel = Path("/proc/sys/kernel")
    assert (kernel / "ostype").stat().st_size == 0
    assert read(kernel, "ostype") == b"Linux\n"
    assert read(kernel, "ostype", tail=True) == b"Linux\n"
    for tail in (False, True):
        found = fault(Path("/proc/self"), "status", cap=20, tail=tail)
        assert found.reason is FaultReason.TOO_LARGE


@pytest.mark.parametrize("path", ["file", "sub/deep/file"])
def test_a_file_that_may_not_be_read(repo: Path, path: str) -> None:
    (repo / path).chmod(0)
    with DiskTree(repo) as tree, unprivileged():
        with pytest.raises(FileFault) as caught:
            tree.read(path, cap=CAP)
        assert tree.stat(path) is not None
    assert caught.value.reason is FaultReason.UNREADABLE
    assert caught.value.message == f"{path} cannot be read: permission denied"


def test_a_folder_that_may_not_be_entered(repo: Path) -> None:
    (repo / "sub").chmod(0)
    with DiskTree(repo) as tree, unprivileged():
        with pytest.raises(FileFault, match="permission denied") as caught:
            tree.read("sub/other", cap=CAP)
        assert caught.value.reason is FaultReason.UNREADABLE
        with pytest.raises(FileFault, match="permission denied"):
            tree.list("sub")
        assert tree.stat("sub/other") is None
        assert tree.stat("sub") == Stat(kind=Kind.FOLDER, size=0)


@pytest.mark.skipif(not LINUX, reason="needs O_PATH")
def test_a_folder_that_may_be_entered_but_not_listed(repo: Path) -> None:
    (repo / "sub").chmod(0o311)
    with DiskTree(repo) as tree, unprivileged():
        assert tree.read("sub/other", cap=CAP).data == b"other"
        with pytest.raises(FileFault, match="permission denied"):
            tree.list("sub")


# --- Whether anything stands there ---------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["nothing", "nothing/at/all", "sub/nothing", "file/beneath", "a\0b", "n" * 256, "\ud800"],
)
def test_where_nothing_stands_nothing_is_held(repo: Path, path: str) -> None:
    with DiskTree(repo) as tree:
        assert not tree.holds(path)
    assert fault(repo, path).reason is FaultReason.MISSING


@pytest.mark.parametrize(
    "path", ["", ".", "file", "sub", "sub/deep/file", "sub/../file", "to/other"]
)
def test_what_stands_there_is_held(repo: Path, path: str) -> None:
    (repo / "to").symlink_to("sub")
    with DiskTree(repo) as tree:
        assert tree.holds(path)


@pytest.mark.parametrize(
    "path",
    ["..", "../outside/secret", "out", "away/secret", "away/nothing", "lost", "lost/x", "loop/x",
     "pipe"],
)  # fmt: skip
def test_what_is_no_use_is_held_all_the_same(repo: Path, path: str) -> None:
    (repo / "out").symlink_to(repo.parent / "outside" / "secret")
    (repo / "away").symlink_to("../outside")
    (repo / "lost").symlink_to("nothing")
    (repo / "loop").symlink_to("loop")
    os.mkfifo(repo / "pipe")
    with DiskTree(repo) as tree:
        assert tree.holds(path)
    assert fault(repo, path).reason is not FaultReason.MISSING


def test_what_may_not_be_looked_at_is_held(repo: Path) -> None:
    (repo / "sub").chmod(0)
    with DiskTree(repo) as tree, unprivileged():
        assert tree.holds("sub/nothing")
        assert not tree.holds("nothing/at/all")


def test_to_see_that_nothing_stands_there_opens_nothing(repo: Path) -> None:
    with DiskTree(repo) as tree, opened_names() as names:
        assert not tree.holds("nothing/at/all")
        assert tree.holds("file")
    assert names == []


# --- Listing -------------------------------------------------------------------------------------


def test_names_are_listed_in_order(repo: Path) -> None:
    (repo / "link").symlink_to("sub")
    with DiskTree(repo) as tree:
        assert tree.list("") == tree.list(".") == ("file", "link", "sub")
        assert tree.list("link") == tree.list("sub/") == ("deep", "other")


def test_what_is_no_folder_has_no_list(repo: Path) -> None:
    with DiskTree(repo) as tree:
        for path, words in (("nothing", "does not exist"), ("file", "is a file, not a folder")):
            with pytest.raises(FileFault, match=words) as caught:
                tree.list(path)
            assert caught.value.reason is FaultReason.MISSING


def test_a_folder_swapped_for_a_link_is_not_listed(repo: Path) -> None:
    def swap(args: tuple[Any, ...]) -> None:
        if args[0] == "sub":
            os.rename(repo / "sub", repo / "old")
            (repo / "sub").symlink_to(repo.parent / "outside")

    with DiskTree(repo) as tree, just_before("open", swap), pytest.raises(FileFault) as caught:
        tree.list("sub")
    assert "SECRET" not in caught.value.message


def test_a_folder_holds_so_many_names_at_most(repo: Path) -> None:
    crowd = repo / "crowd"
    crowd.mkdir()
    for number in range(LIST_CAP):
        os.link(repo / "file", crowd / str(number))
    with DiskTree(repo) as tree:
        assert len(tree.list("crowd")) == LIST_CAP
        (crowd / "one more").touch()
        with pytest.raises(FileFault, match="crowd holds more than 10,000 names") as caught:
            tree.list("crowd")
    assert caught.value.reason is FaultReason.TOO_LARGE


# --- The repository itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no such file or directory"),
        ("repo/file", "not a directory"),
        ("loop", "too many levels"),
        ("a\0b", "a name that no file can have"),
        ("a\n\x1b[31mb", 'a\\n\\x1b[31mb": no such file'),
    ],
)
def test_a_target_has_to_be_a_folder(repo: Path, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TargetError, match=re.escape(words)) as caught:
        DiskTree(tmp_path / name)
    assert caught.value.message.startswith("cannot open folder ")
    assert caught.value.exit_code == 2


def test_a_tree_stays_at_its_folder_when_that_is_renamed(repo: Path) -> None:
    with DiskTree(repo) as tree:
        os.rename(repo, repo.parent / "renamed")
        (repo.parent / "repo").symlink_to("outside")
        assert tree.read("file", cap=CAP).data == b"inside"
        assert tree.stat("secret") is None


def test_the_working_folder_may_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(TargetError, match="no such file or directory"), DiskTree(Path()) as tree:
        assert tree.root


def test_a_small_file_costs_few_calls(repo: Path) -> None:
    with opened_names() as names:
        assert read(repo, "sub/other") == b"other"
    assert names == [str(repo), "sub", "other"]


@pytest.mark.parametrize(
    ("files_", "start", "expected"),
    [
        ({".kaizen/m": ""}, ".", "."),
        ({".kaizen/m": "", "a/b/x": ""}, "a/b", "."),
        ({".kaizen/m": "", "a/.kaizen/m": "", "a/b/x": ""}, "a/b", "a"),
        ({".kaizen/m": "", "a/.git/HEAD": "", "a/b/x": ""}, "a/b", "a/b"),
        ({".kaizen/m": "", "a/.git": "gitdir: x", "a/b/x": ""}, "a/b", "a/b"),
        ({".kaizen/m": "", ".git/HEAD": "", "a/b/x": ""}, "a/b", "."),
        ({"a/b/x": "", ".git/HEAD": ""}, "a/b", "a/b"),
    ],
)
def test_the_nearest_repository_is_found(
    tmp_path: Path, files_: dict[str, str], start: str, expected: str
) -> None:
    write_files(tmp_path, files_)
    assert find_target(str(tmp_path / start), ".kaizen/m") == str(tmp_path / expected)


def test_without_any_mark_it_is_where_one_stands(tmp_path: Path) -> None:
    assert find_target(str(tmp_path), ".no-such-mark") == str(tmp_path)


def test_an_error_is_named_in_words() -> None:
    assert reason_of(OSError(errno.ENOSPC, "x", "/secret/path")) == "no space left on device"
    assert reason_of(ValueError("embedded null byte")) == "a name that no file can have"
    assert reason_of(OSError("odd")) == "a name that no file can have"


# --- Replacing a file ----------------------------------------------------------------------------


def test_a_file_is_made_with_its_folders(repo: Path) -> None:
    replace_file(repo, "x/y/z", b"new", new=True)
    assert content(repo / "x") == {"y/": b"", "y/z": b"new"}


def test_what_stands_there_is_refused_or_replaced(repo: Path) -> None:
    before = content(repo)
    with pytest.raises(Refusal, match=r"^file already exists$") as caught:
        replace_file(repo, "file", b"new", new=True)
    assert (caught.value.reason, caught.value.fix) == ("exists", "pass --force to overwrite it")
    assert content(repo) == before
    replace_file(repo, "file", b"new")
    assert content(repo) == {**before, "file": b"new"}


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("kind", [*ODD_KINDS, "a link", "a link to nothing"])
def test_only_a_regular_file_is_replaced(repo: Path, kind: str, new: bool) -> None:
    if "link" in kind:
        (repo / "odd").symlink_to("nothing" if "nothing" in kind else "../outside/secret")
    else:
        ODD_KINDS[kind](repo / "odd")
    with pytest.raises(Refusal, match=f"^odd is {kind[:6]}") as caught:
        replace_file(repo, "odd", b"new", new=new)
    assert (caught.value.reason, caught.value.fix) == ("exists", "remove it")
    assert (repo.parent / "outside" / "secret").read_text() == "SECRET"
    assert sorted(os.listdir(repo)) == ["file", "odd", "sub"]


def make(root: Path, path: str, data: bytes = b"new\n") -> None:
    replace_file(root, path, data, new=True)


def replace(root: Path, path: str, data: bytes = b"new\n") -> None:
    replace_file(root, path, data)


def append(root: Path, path: str, data: bytes = b"new\n") -> None:
    append_line(root, path, data)


WRITERS: dict[str, Callable[..., None]] = {"make": make, "replace": replace, "append": append}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "target", ["../outside", "{outside}", "sub", "nothing", "file", "door", None], ids=str
)
@pytest.mark.parametrize("depth", [1, 2])
def test_nothing_is_written_through_links(
    repo: Path, writer: str, target: str | None, depth: int
) -> None:
    door = repo / "up" / "door" if depth == 2 else repo / "door"
    door.parent.mkdir(exist_ok=True)
    if target is None:
        door.write_text("a file where a folder must be")
    else:
        door.symlink_to(target.format(outside=repo.parent / "outside"))
    outside = content(repo.parent / "outside")
    with pytest.raises(OutputError, match="a link or a file stands where a folder must be"):
        WRITERS[writer](repo, f"{door.relative_to(repo)}/deeper/secret")
    assert content(repo.parent / "outside") == outside
    assert sorted(os.listdir(repo / "sub")) == ["deep", "other"]
    assert not (repo / "nothing").exists()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("path", ["../x", "a/../../x", "", "a//b", "./x", "/tmp/x", "a/"])
def test_a_path_has_plain_names_only(repo: Path, writer: str, path: str) -> None:
    before = content(repo.parent)
    with pytest.raises(OutputError, match="invalid argument"):
        WRITERS[writer](repo, path)
    assert content(repo.parent) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_the_repository_may_be_gone(repo: Path, writer: str) -> None:
    with pytest.raises(OutputError, match="no such file or directory"):
        WRITERS[writer](repo / "nothing", "a/b")
    assert not (repo / "nothing").exists()


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_the_permissions_stay(repo: Path, mode: int) -> None:
    (repo / "file").chmod(mode)
    replace_file(repo, "file", b"new")
    write_output(repo / "sub" / "other", b"new")
    assert stat.S_IMODE((repo / "file").stat().st_mode) == mode
    (repo / "sub" / "other").chmod(mode)
    write_output(repo / "sub" / "other", b"newer")
    assert stat.S_IMODE((repo / "sub" / "other").stat().st_mode) == mode


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_respects_the_umask(repo: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        replace_file(repo, "a", b"", new=True)
        append_line(repo, "b", b"x\n")
        write_output(repo / "c", b"")
    finally:
        os.umask(before)
    for name in "abc":
        assert stat.S_IMODE((repo / name).stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("path", ["x/y/z", "z"])
def test_a_write_that_fails_halfway_leaves_nothing(repo: Path, writer: str, path: str) -> None:
    before = content(repo)
    with files_up_to(2), pytest.raises(OutputError, match=f"cannot write {path}: file too large"):
        WRITERS[writer](repo, path)
    assert content(repo) == before


@pytest.mark.parametrize("writer", ["replace", "append"])
def test_a_write_that_fails_halfway_keeps_what_was_there(repo: Path, writer: str) -> None:
    before = content(repo)
    with files_up_to(8), pytest.raises(OutputError, match="file too large"):
        WRITERS[writer](repo, "file", b"more than fits\n")
    assert content(repo) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_leaves_nothing(tiny_disk: Path, writer: str) -> None:
    big = b"x" * 100_000 + b"\n"
    append_line(tiny_disk, "log", b"one\n")
    before = content(tiny_disk)
    path = "a/b/c" if writer == "make" else "log"
    with pytest.raises(OutputError, match="no space left on device"):
        WRITERS[writer](tiny_disk, path, big)
    with pytest.raises(OutputError, match="no space left on device"):
        append_line(tiny_disk, "a/b/log", big)
    with pytest.raises(OutputError, match="no space left on device"):
        write_output(tiny_disk / "out", big)
    assert content(tiny_disk) == before
    append_line(tiny_disk, "log", b"two\n")
    assert (tiny_disk / "log").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_may_only_be_read(tiny_disk: Path, writer: str) -> None:
    write_files(tiny_disk, {"sub/log": "one\n"})
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    before = content(tiny_disk)
    for path in ("sub/new", "new/new"):
        with pytest.raises(OutputError, match="read-only file system"):
            WRITERS[writer](tiny_disk, path)
    assert content(tiny_disk) == before


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_that_may_not_be_written(repo: Path, writer: str) -> None:
    (repo / "sub").chmod(0o555)
    path = "sub/log" if writer == "append" else "sub/other"
    with unreachable_parents_opened(repo) as root, unprivileged():
        for asked in ("sub/new/log", path) if writer != "make" else ("sub/new/log", "sub/new"):
            with pytest.raises(OutputError, match="permission denied"):
                WRITERS[writer](root, asked)
    assert content(repo / "sub") == {"deep/": b"", "deep/file": b"deep", "other": b"other"}


@contextlib.contextmanager
def unreachable_parents_opened(folder: Path) -> Iterator[Path]:
    """A path to a folder for those who may not pass the folders above it."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield Path()
    finally:
        os.chdir(here)


def test_one_who_comes_second_is_refused(repo: Path) -> None:
    with (
        just_before("os.link", lambda _: (repo / "new").write_text("the other's")),
        pytest.raises(Refusal, match="new already exists"),
    ):
        replace_file(repo, "new", b"mine", new=True)
    assert (repo / "new").read_text() == "the other's"
    assert sorted(os.listdir(repo)) == ["file", "new", "sub"]


def test_folders_that_somebody_else_uses_by_now_stay(repo: Path) -> None:
    def use(_: tuple[Any, ...]) -> None:
        write_files(repo, {"a/b/mine": "theirs"})

    with just_before("os.link", use), pytest.raises(Refusal):
        replace_file(repo, "a/b/mine", b"mine", new=True)
    assert content(repo / "a") == {"b/": b"", "b/mine": b"theirs"}


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links(repo: Path, error: int) -> None:
    call = "replace_file(Path(), 'a/new', b'mine', new=True)"
    done = under_filter(repo, call, "linkat", failing(error))
    assert (done.returncode, done.stderr) == (0, b"")
    assert content(repo / "a") == {"new": b"mine"}
    done = under_filter(repo, call, "linkat", failing(error))
    assert (done.returncode, done.stderr) == (3, b"a/new already exists\n")


def test_without_hard_links_too_one_who_comes_second_is_refused(repo: Path) -> None:
    call = (
        "sys.addaudithook(lambda event, _: event == 'os.link' and Path('new').write_text('theirs'))"
        "\n    replace_file(Path(), 'new', b'mine', new=True)"
    )
    done = under_filter(repo, call, "linkat", failing(errno.EPERM))
    assert (done.returncode, done.stderr) == (3, b"new already exists\n")
    assert (repo / "new").read_text() == "theirs"
    assert sorted(os.listdir(repo)) == ["file", "new", "sub"]


def test_without_hard_links_a_failure_leaves_nothing(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two calls refused at once: more than the filter can do.
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    before = content(repo)
    with pytest.raises(OutputError, match="input/output error"):
        replace_file(repo, "a/new", b"mine", new=True)
    assert content(repo) == before


@pytest.mark.parametrize("name", ["mkdirat", "write", "fsync", "linkat", "unlinkat"])
def test_killed_at_any_point_a_new_file_is_whole_or_absent(repo: Path, name: str) -> None:
    call = "replace_file(Path(), 'a/new', b'mine', new=True)"
    done = under_filter(repo, call, name, KILL)
    assert done.returncode == -signal.SIGSYS
    if (repo / "a" / "new").exists():
        assert name == "unlinkat"
        assert (repo / "a" / "new").read_bytes() == b"mine"
    else:
        replace_file(repo, "a/new", b"mine", new=True)  # what is left is not in the way
    left = [file for file in content(repo / "a") if file != "new"]
    assert all(re.fullmatch(r"\.kaizen-[0-9a-f]{16}\.tmp", file) for file in left)


@pytest.mark.parametrize("name", ["write", "fsync", "renameat"])
def test_killed_at_any_point_an_old_file_stays(repo: Path, name: str) -> None:
    for call in ("replace_file(Path(), 'file', b'mine')", "write_output(Path('file'), b'mine')"):
        done = under_filter(repo, call, name, KILL)
        assert done.returncode == -signal.SIGSYS
        assert (repo / "file").read_bytes() == b"inside"


@pytest.mark.parametrize("name", ["fsync", "renameat"])
def test_a_disk_that_fails_leaves_the_old_file(repo: Path, name: str) -> None:
    before = content(repo)
    done = under_filter(repo, "replace_file(Path(), 'file', b'mine')", name, failing(errno.EIO))
    assert (done.returncode, done.stderr) == (3, b"cannot write file: input/output error\n")
    assert content(repo) == before


# --- Appending -----------------------------------------------------------------------------------


def test_lines_are_added_at_the_end(repo: Path) -> None:
    append_line(repo, "a/b/log", b"one\n")
    append_line(repo, "a/b/log", b"two\n")
    assert content(repo / "a") == {"b/": b"", "b/log": b"one\ntwo\n"}


def test_a_line_cut_short_by_a_crash_gets_its_end(repo: Path) -> None:
    (repo / "log").write_bytes(b'{"whole": 1}\n{"cut": "\xc3')
    append_line(repo, "log", b"new\n")
    assert (repo / "log").read_bytes() == b'{"whole": 1}\n{"cut": "\xc3\nnew\n'
    assert sorted(os.listdir(repo)) == ["file", "log", "sub"]


@pytest.mark.parametrize("kind", [*ODD_KINDS, "a link", "a link to nothing"])
def test_lines_are_added_to_regular_files_only(repo: Path, kind: str) -> None:
    if "link" in kind:
        (repo / "odd").symlink_to("nothing" if "nothing" in kind else "../outside/secret")
    else:
        ODD_KINDS[kind](repo / "odd")
    with opened_names() as names, pytest.raises(OutputError, match=f"it is {kind[:6]}"):
        append_line(repo, "odd", b"new\n")
    assert names == [str(repo)]
    assert (repo.parent / "outside" / "secret").read_text() == "SECRET"
    assert not (repo / "nothing").exists()


def test_a_link_swapped_in_is_not_followed(repo: Path) -> None:
    def swap(args: tuple[Any, ...]) -> None:
        if args[0] == "file":
            (repo / "file").unlink()
            (repo / "file").symlink_to("../outside/secret")

    with just_before("open", swap), pytest.raises(OutputError, match="a link or a file"):
        append_line(repo, "file", b"new\n")
    assert (repo.parent / "outside" / "secret").read_text() == "SECRET"


def test_a_file_replaced_while_waiting_for_the_lock_gets_the_line(repo: Path) -> None:
    # As git does it, in the middle of a pull.
    def replace(_: tuple[Any, ...]) -> None:
        if not (repo / "old").exists():
            os.rename(repo / "file", repo / "old")
            (repo / "file").write_bytes(b"pulled\n")

    with just_before("fcntl.flock", replace):
        append_line(repo, "file", b"new\n")
    assert (repo / "file").read_bytes() == b"pulled\nnew\n"
    assert (repo / "old").read_bytes() == b"inside"


def test_a_file_removed_while_waiting_for_the_lock_is_made_again(repo: Path) -> None:
    times = iter(range(3))

    def remove(_: tuple[Any, ...]) -> None:
        if next(times, None) is not None:
            (repo / "a" / "log").unlink()
            (repo / "a").rmdir()

    with just_before("fcntl.flock", remove):
        append_line(repo, "a/log", b"new\n")
    assert (repo / "a" / "log").read_bytes() == b"new\n"


def test_a_file_that_vanishes_every_time_is_given_up(repo: Path) -> None:
    before = content(repo)
    with (
        just_before("fcntl.flock", lambda _: (repo / "a" / "log").unlink()),
        pytest.raises(OutputError, match="cannot write a/log: no such file or directory"),
    ):
        append_line(repo, "a/log", b"new\n")
    assert content(repo) == before


@pytest.mark.parametrize("path", ["a/log", "file"])
def test_a_file_system_without_locks(repo: Path, path: str) -> None:
    before = content(repo)
    call = f"append_line(Path(), {path!r}, b'new\\n')"
    done = under_filter(repo, call, "flock", failing(errno.ENOLCK))
    assert done.returncode == 3
    assert done.stderr == f"cannot write {path}: no locks available\n".encode()
    assert content(repo) == before


@pytest.mark.parametrize("path", ["a/log", "file"])
def test_a_disk_that_fails_to_take_the_line(repo: Path, path: str) -> None:
    before = content(repo)
    call = f"append_line(Path(), {path!r}, b'new\\n')"
    done = under_filter(repo, call, "fsync", failing(errno.EIO))
    assert (done.returncode, done.stderr) == (
        3,
        f"cannot write {path}: input/output error\n".encode(),
    )
    assert content(repo) == before


def test_a_folder_that_cannot_be_synced_does_not_matter(repo: Path) -> None:
    kept = os.open("/dev/null", os.O_WRONLY)
    try:
        writing._sync(kept)
    finally:
        os.close(kept)


def test_many_processes_lose_and_mix_nothing(repo: Path) -> None:
    processes, lines = 5, 40
    script = (
        "import sys; from pathlib import Path\n"
        "from kaizen_schedule.edges.writing import append_line\n"
        f"for n in range({lines}):\n"
        "    word = f'{sys.argv[1]}.{n}.'\n"
        "    append_line(Path(), 'a/b/log', (word * (1 + n * 37 % 400)).encode() + b'\\n')\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(number)],
            cwd=repo,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for number in range(processes)
    ]
    assert [process.wait() for process in running] == [0] * processes
    written = (repo / "a" / "b" / "log").read_text().splitlines()
    expected = [
        f"{number}.{n}." * (1 + n * 37 % 400) for number in range(processes) for n in range(lines)
    ]
    assert sorted(written) == sorted(expected)
    for number in range(processes):
        mine = [line for line in written if line.startswith(f"{number}.")]
        assert mine == [line for line in expected if line.startswith(f"{number}.")]


# --- Results where the caller wants them ---------------------------------------------------------


def test_a_result_is_written_whole(tmp_path: Path) -> None:
    write_output(tmp_path / "out", b"one")
    write_output(tmp_path / "out", b"two")
    assert content(tmp_path) == {"out": b"two"}


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_a_result_may_have_any_name(tmp_path: Path, name: str) -> None:
    write_output(tmp_path / name, b"one")
    assert os.listdir(tmp_path) == [name]


def test_a_result_beside_one_stands_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_output(Path("out"), b"one")
    assert content(tmp_path) == {"out": b"one"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing/out", "there is no such folder"),
        ("file/out", "not a directory"),
        ("folder", "is a directory"),
        (".", "is a directory"),
        ("socket", "no such device or address"),
        ("a\0b", "a name that no file can have"),
        ("n" * 256, "file name too long"),
        ("link", "it is a link"),
        ("dangling", "it is a link"),
        ("into", "it is a link"),
        ("pipes", "it is a link"),
    ],
)
def test_what_cannot_be_written_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    write_files(tmp_path, {"file": "x", "folder/x": ""})
    make_socket(tmp_path / "socket")
    links = {"link": "file", "dangling": "gone", "into": "folder", "pipes": "/dev/null"}
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    before = sorted(os.listdir(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=f"^cannot write .*: {words}$") as caught:
        write_output(Path(name), b"new")
    assert caught.value.fix
    if name != "socket":  # it is not opened to see whether somebody listens
        with pytest.raises(OutputError, match=f"^cannot write .*: {words}$"):
            check_output(Path(name))
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "file").read_text() == "x"


def test_where_a_result_can_be_written_nothing_is_said_and_nothing_done(tmp_path: Path) -> None:
    write_files(tmp_path, {"file": "x"})
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for ever
    for path in (tmp_path / "new", tmp_path / "file", tmp_path / "pipe", Path("/dev/stdout"),
                 Path("/dev/null"), Path("/dev/fd/777")):  # fmt: skip
        check_output(path)
    assert sorted(os.listdir(tmp_path)) == ["file", "pipe"]
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_that_may_not_be_written_to_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    for path in (tmp_path / "new", tmp_path / "file"):
        with pytest.raises(OutputError, match=r"permission denied$") as caught:
            check_output(path)
        assert caught.value.fix == "let it be written to, or name another place"
        (tmp_path / "file").write_text("x")


def test_a_result_that_fails_halfway_leaves_the_old_one(tmp_path: Path) -> None:
    write_files(tmp_path, {"out": "old"})
    with files_up_to(2), pytest.raises(OutputError, match="file too large"):
        write_output(tmp_path / "out", b"new one")
    assert content(tmp_path) == {"out": b"old"}


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    if AS_ROOT:
        make = subprocess.run(["chattr", "+i", tmp_path], capture_output=True, check=False)
        subprocess.run(["chattr", "-i", tmp_path], capture_output=True, check=False)
        if make.returncode:
            pytest.skip("root may write to every file here")
    out = tmp_path / "out"
    out.write_text("old")
    if AS_ROOT:
        subprocess.run(["chattr", "+i", out], check=True)
    else:
        out.chmod(0o444)
    try:
        with pytest.raises(OutputError, match="permission denied"):
            write_output(out, b"new")
    finally:
        if AS_ROOT:
            subprocess.run(["chattr", "-i", out], check=True)
    assert content(tmp_path) == {"out": b"old"}


def test_a_pipe_gets_the_bytes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, b"x" * 200_000)
    reader.join()
    assert received == [b"x" * 200_000]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_says_so() -> None:
    with pytest.raises(OutputError, match="no space left on device") as caught:
        write_output(Path("/dev/full"), b"x")
    assert caught.value.fix == "make room there, or name another place"
    write_output(Path("/dev/null"), b"x")


def written_to_own(path: str, out: Any) -> subprocess.CompletedProcess[bytes]:
    script = (
        "import sys; from pathlib import Path\n"
        "from kaizen_schedule.edges.writing import write_output\n"
        "from kaizen_schedule.reading.errors import OutputError\n"
        "try: write_output(Path(sys.argv[1]), b'result\\n')\n"
        "except OutputError as error: sys.exit(error.message)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_name_is_not_opened_anew(tmp_path: Path, path: str) -> None:
    done = written_to_own(path, subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"result\n")
    log = tmp_path / "log"
    log.write_bytes(b"kept\n")
    with open(log, "ab") as stream:
        assert written_to_own(path, stream).returncode == 0
    assert content(tmp_path) == {"log": b"kept\nresult\n"}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert written_to_own(path, theirs).returncode == 0
        assert ours.recv(100) == b"result\n"


def test_standard_error_by_name() -> None:
    assert written_to_own("/dev/stderr", subprocess.DEVNULL).stderr == b"result\n"


def test_a_descriptor_that_is_not_open_says_so() -> None:
    done = written_to_own("/dev/fd/777", subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (
        1,
        b'cannot write "/dev/fd/777": bad file descriptor\n',
    )


# --- A fleet of them -----------------------------------------------------------------------------


def test_a_broken_checkout_changes_nothing_of_those_beside_it(tmp_path: Path) -> None:
    """All have the same manifest, which is checked once; what else stands there is each one's."""
    manifest = 'version: "1"\nagents:\n  coach: {cadence: weekly}\n'
    names = [
        "a", "b-gone", "c", "d-pipe", "e-away", "f", "g-prompt-away", "h-prompt-pipe", "i-high",
        "j-prompts-away", "k-inside", "l-file",
    ]  # fmt: skip
    at = {name: tmp_path / name for name in names}
    for folder in at.values():
        write_files(folder, {".git/HEAD": "", ".kaizen/schedule.yml": manifest})
    write_files(tmp_path / "outside", {"schedule.yml": manifest, "agent-coach.md": "SECRET"})
    os.rename(at["b-gone"], tmp_path / "elsewhere")
    for name, path in (("d-pipe", ".kaizen/schedule.yml"), ("e-away", ".kaizen/schedule.yml"),
                       ("l-file", ".git/HEAD")):  # fmt: skip
        (at[name] / path).unlink()
    os.mkfifo(at["d-pipe"] / ".kaizen/schedule.yml")
    (at["e-away"] / ".kaizen/schedule.yml").symlink_to(tmp_path / "outside/schedule.yml")
    for name in ("g-prompt-away", "h-prompt-pipe", "i-high", "k-inside"):
        (at[name] / "agents").mkdir()
    (at["g-prompt-away"] / "agents/agent-coach.md").symlink_to("../../outside/agent-coach.md")
    os.mkfifo(at["h-prompt-pipe"] / "agents/agent-coach.md")
    (at["i-high"] / "agents/agent-coach.md").write_text("---\nrisk: high\n---\n")
    (at["j-prompts-away"] / "agents").symlink_to("../outside")
    (at["k-inside"] / "agents/agent-coach.md").symlink_to("../prompt.md")
    (at["k-inside"] / "prompt.md").write_text("Be kind.")
    (at["l-file"] / ".claude").touch()
    items = [{"slug": name, "host_paths": {"forge-1": str(path)}} for name, path in at.items()]
    answer = show_roster(Asking(roster=load_roster(items), host="forge-1"))
    told = {row.repo: row.agents or row.reasons[0].reason.value for row in answer.repos}
    assert told == {
        "a": ("coach",),
        "b-gone": "path-missing",
        "c": ("coach",),
        "d-pipe": "unreadable",
        "e-away": "unreadable",
        "f": ("coach",),
        "g-prompt-away": "agent-not-installed",
        "h-prompt-pipe": "agent-not-installed",
        "i-high": "review-missing",
        "j-prompts-away": "agent-not-installed",
        "k-inside": ("coach",),
        "l-file": ("coach",),
    }
    alone = {
        row.repo: row
        for item in items
        for row in show_roster(Asking(roster=load_roster([item]), host="forge-1")).repos
    }
    assert {row.repo: row for row in answer.repos} == alone
