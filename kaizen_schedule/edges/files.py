"""Files of a repository: read without ever leaving it, written without ever following a link.

Every path is walked from the repository's own directory descriptor, name by name, so that neither
a link nor a rename in between leads elsewhere. Linux and macOS.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat as modes
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeVar

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import FaultReason, FileFault, OutputError, Refusal, TargetError
from kaizen_schedule.reading.tree import LIST_CAP, Blob, Kind, Stat

Result = TypeVar("Result")
_Opened = list[int]  # descriptors: the root's, then those that were opened on the way

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# To walk through a folder one need not be able to list it, where the system knows such a way.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
# What was swapped in after a look must neither block nor become our terminal.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LINKS = 40
"""Links followed on one path, as Linux does."""

_KINDS = (
    (modes.S_ISREG, "a file"),
    (modes.S_ISDIR, "a folder"),
    (modes.S_ISFIFO, "a named pipe"),
    (modes.S_ISSOCK, "a socket"),
    (modes.S_ISCHR, "a device"),
    (modes.S_ISBLK, "a device"),
    (modes.S_ISLNK, "a link"),
)


class DiskTree:
    """A repository on disk; implements :class:`kaizen_schedule.reading.tree.Tree`.

    Use it as a context manager: it holds the repository's directory open.

    Args:
        root: The repository's folder; its own path may hold links.

    Raises:
        TargetError: There is no such folder, or it cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        self._given = root
        self._descriptor = self._of_root(lambda: os.open(root, _STEP))

    def _of_root(self, ask: Callable[[], Result]) -> Result:
        try:
            return ask()
        except (OSError, ValueError) as error:
            shown = safety.show(str(self._given), 200)
            raise TargetError(f"cannot open folder {shown}: {reason_of(error)}") from error

    @cached_property
    def root(self) -> Path:
        """The repository's own path, without links; looked up when first asked for."""
        return self._of_root(lambda: Path(os.path.realpath(self._given)))

    def __enter__(self) -> DiskTree:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def read(self, path: str, *, cap: int, tail: bool = False) -> Blob:
        """Read a regular file; see :meth:`kaizen_schedule.reading.tree.Tree.read`."""
        opened = [self._descriptor]
        try:
            name, found = self._walk(path, opened)
            # Looked at first: to open a pipe wakes who waits at its other end, and to open a
            # device can do anything.
            _require_regular(found, path)
            opened.append(os.open(name, os.O_RDONLY | _FILE, dir_fd=opened[-1]))
            return _read(opened[-1], path, cap, tail=tail)
        except (OSError, ValueError) as error:
            raise _fault(path, error) from error
        finally:
            _close(opened)

    def list(self, path: str) -> tuple[str, ...]:
        """List a folder's names; see :meth:`kaizen_schedule.reading.tree.Tree.list`."""
        opened = [self._descriptor]
        try:
            name, found = self._walk(path, opened)
            if not modes.S_ISDIR(found.st_mode):
                message = f"{_show(path)} is {_kind(found)}, not a folder"
                raise FileFault(path, FaultReason.MISSING, message)
            opened.append(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=opened[-1]))
            with os.scandir(opened[-1]) as entries:
                names = sorted(entry.name for entry in islice(entries, LIST_CAP + 1))
        except (OSError, ValueError) as error:
            raise _fault(path, error) from error
        finally:
            _close(opened)
        if len(names) > LIST_CAP:
            message = f"{_show(path)} holds more than {LIST_CAP:,} names"
            raise FileFault(path, FaultReason.TOO_LARGE, message)
        return tuple(names)

    def stat(self, path: str) -> Stat | None:
        """Say what stands at a path; see :meth:`kaizen_schedule.reading.tree.Tree.stat`."""
        opened = [self._descriptor]
        try:
            _, found = self._walk(path, opened)
        except (FileFault, OSError, ValueError):
            return None
        finally:
            _close(opened)
        if modes.S_ISREG(found.st_mode):
            return Stat(kind=Kind.FILE, size=found.st_size)
        return Stat(kind=Kind.FOLDER if modes.S_ISDIR(found.st_mode) else Kind.OTHER, size=0)

    def _walk(self, path: str, opened: _Opened) -> tuple[str, os.stat_result]:
        """Walk to a path; return its last name, and what stands there, which is no link.

        Args:
            path: Relative to the repository.
            opened: Gains the descriptor of each folder on the way, so that ``..`` goes one back
                and never above the root. The caller closes them.
        """
        names = _names(path)
        links, after = 0, len(names) + 1
        while True:
            name = names.pop() if names else "."
            if name == "..":
                if len(opened) == 1:
                    raise _outside(path)
                os.close(opened.pop())
                continue
            # Links are rare: first try as if it were none.
            try:
                if names:
                    opened.append(os.open(name, _STEP | os.O_NOFOLLOW, dir_fd=opened[-1]))
                    continue
                found = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
                if not modes.S_ISLNK(found.st_mode):
                    return name, found
            except OSError as error:
                if error.errno == errno.ENOENT and len(names) >= after:
                    # Something stands here, only it is no use: not the same as nothing.
                    message = f"{_show(path)} leads through a link to nothing"
                    raise FileFault(path, FaultReason.UNREADABLE, message) from error
                if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
            target = os.readlink(name, dir_fd=opened[-1])
            links, after = links + 1, min(after, len(names))
            if links > _LINKS:
                message = f"{_show(path)} leads through a loop of links"
                raise FileFault(path, FaultReason.LINK_LOOP, message)
            if target.startswith("/"):
                target = self._inside(target, path)
                _close(opened)
            names += _names(target)

    def _inside(self, target: str, path: str) -> str:
        """An absolute link's target as seen from the root, where it is inside."""
        root = os.path.join(self.root, "")
        if f"{target}/".startswith(root):
            return target[len(root) :]
        raise _outside(path)


def _names(path: str) -> list[str]:
    """A path's names, the first last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _close(opened: _Opened) -> None:
    """Close all but the root."""
    while len(opened) > 1:
        os.close(opened.pop())


def _require_regular(found: os.stat_result, path: str) -> None:
    if not modes.S_ISREG(found.st_mode):
        raise FileFault(path, FaultReason.NOT_REGULAR, f"{_show(path)} is {_kind(found)}")


def _read(descriptor: int, path: str, cap: int, *, tail: bool) -> Blob:
    found = os.fstat(descriptor)
    _require_regular(found, path)
    size = found.st_size
    start = max(size - cap, 0) if tail else 0
    expected = size - start
    too_large = f"{_show(path)} holds more than {cap:,} bytes"
    if expected > cap:
        raise FileFault(path, FaultReason.TOO_LARGE, too_large)
    if start:
        os.lseek(descriptor, start, os.SEEK_SET)
    # Asked for one byte more, a file as long as it says needs no second call to tell its end.
    data = os.read(descriptor, expected + 1)
    while len(data) < expected and (more := os.read(descriptor, expected + 1 - len(data))):
        data += more
    if start:
        return Blob(data=data[:cap], size=size, truncated=True)
    # It has grown, or is of a kind that does not say how long it is.
    while size < len(data) <= cap and (more := os.read(descriptor, cap + 1 - len(data))):
        data += more
    if len(data) <= cap:
        return Blob(data=data, size=max(size, len(data)))
    size = os.fstat(descriptor).st_size
    if not tail or size <= cap:
        raise FileFault(path, FaultReason.TOO_LARGE, too_large)
    return Blob(data=os.pread(descriptor, cap, size - cap), size=size, truncated=True)


def _show(path: str) -> str:
    return safety.clip(safety.escape(path), 200) or "."


def _outside(path: str) -> FileFault:
    return FileFault(path, FaultReason.OUTSIDE, f"{_show(path)} leads out of the repository")


def _kind(found: os.stat_result) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "odd")


def reason_of(error: OSError | ValueError) -> str:
    """An operating system's error in its own words, without paths."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "a name that no file can have"


def _fault(path: str, error: OSError | ValueError) -> FileFault:
    number = error.errno if isinstance(error, OSError) else None
    # EINVAL: what should lead on is neither a folder nor a link.
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ENAMETOOLONG, None):
        return FileFault(path, FaultReason.MISSING, f"{_show(path)} does not exist")
    message = f"{_show(path)} cannot be read: {reason_of(error)}"
    return FileFault(path, FaultReason.UNREADABLE, message)


def find_target(start: Path, marker: str) -> Path:
    """Find the repository one stands in.

    Args:
        start: Where to begin.
        marker: The relative path that makes a folder one.

    Returns:
        The nearest folder upwards that holds ``marker``, looked for at most up to the one that
        holds ``.git``; else ``start`` itself.
    """
    for folder in (start, *start.parents):
        if os.path.lexists(folder / marker):
            return folder
        if os.path.lexists(folder / ".git"):
            break
    return start


# --- Writing ---------------------------------------------------------------------------------

_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 10


@contextlib.contextmanager
def _writable_folder(root: Path, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder of a path, making what is missing; no link is followed.

    Yields its descriptor and the last name. What was made is removed again on any failure.
    """
    *parts, name = path.split("/")
    if not {"", ".", ".."}.isdisjoint((*parts, name)):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    made: list[tuple[int, str]] = []
    opened = [os.open(root, _FOLDER)]
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=opened[-1])
                made.append((opened[-1], part))
            opened.append(os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=opened[-1]))
        yield opened[-1], name
        for folder in opened if made else opened[-1:]:
            _sync(folder)
    except BaseException:
        for folder, part in reversed(made):
            with contextlib.suppress(OSError):  # no longer empty: somebody else's
                os.rmdir(part, dir_fd=folder)
        raise
    finally:
        for folder in opened:
            os.close(folder)


def _standing(name: str, folder: int) -> os.stat_result | None:
    """What stands at a name, links not followed."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _refused(path: str, error: OSError) -> OutputError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        message = f"cannot write {_show(path)}: a link or a file stands where a folder must be"
        return OutputError(message, fix="remove it; nothing is written through links")
    return OutputError(f"cannot write {_show(path)}: {reason_of(error)}")


def replace_file(root: Path, path: str, data: bytes, *, new: bool = False) -> None:
    """Write a whole file of a repository, or leave everything as it was.

    Args:
        root: The repository's folder.
        path: Relative path; its folders are made.
        data: The bytes.
        new: Refuse where something stands there already.

    Raises:
        Refusal: Something stands there: with ``new`` anything, without it no regular file.
        OutputError: It cannot be written.
    """
    exists = Refusal("exists", f"{_show(path)} already exists", fix="pass --force to overwrite it")
    try:
        with _writable_folder(root, path) as (folder, name):
            found = _standing(name, folder)
            if found is not None and not modes.S_ISREG(found.st_mode):
                raise Refusal("exists", f"{_show(path)} is {_kind(found)}", fix="remove it")
            if found is not None and new:
                raise exists
            _put(folder, name, data, found=found, new=new)
    except FileExistsError as error:  # made by another process meanwhile
        raise exists from error
    except OSError as error:
        raise _refused(path, error) from error


def _put(
    folder: int, name: str, data: bytes, *, found: os.stat_result | None, new: bool = False
) -> None:
    """Give a name a new content, in one step and once it is safe on the disk.

    Args:
        folder: The folder's descriptor.
        name: The name in it; a link there is replaced, not followed.
        data: The content.
        found: The regular file that is replaced, whose permissions are kept.
        new: Fail with ``FileExistsError`` where something has come to stand there.
    """
    temporary = f".kaizen-{os.urandom(8).hex()}.tmp"
    descriptor = os.open(temporary, _NEW_FILE, 0o666, dir_fd=folder)
    try:
        try:
            if found is not None:
                with contextlib.suppress(OSError):  # some file systems have no permissions
                    os.fchmod(descriptor, found.st_mode & 0o777)
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            _publish(temporary, name, folder)
        else:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _publish(temporary: str, name: str, folder: int) -> None:
    """Move a file to a name that must be free: a link fails where it is not, a rename would not."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        # Of several processes one alone can make the empty file, and so may replace it.
        os.close(os.open(name, _NEW_FILE, 0o666, dir_fd=folder))
        try:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(name, dir_fd=folder)
            raise
    else:
        os.unlink(temporary, dir_fd=folder)


def append_line(root: Path, path: str, data: bytes) -> None:
    """Append to a file of a repository: locked, all or nothing, and kept through a crash.

    A last line that a crash cut short gets its end first, so that the new one stands alone.

    Args:
        root: The repository's folder.
        path: Relative path; its folders are made.
        data: The bytes, ending in a newline.

    Raises:
        OutputError: It cannot be written; the file is as it was.
    """
    try:
        tries = 0
        while True:
            tries += 1
            try:
                with _writable_folder(root, path) as (folder, name):
                    _append(folder, name, path, data)
                return
            except FileNotFoundError:  # another process took back what it had made
                if tries == _TRIES:
                    raise
    except OSError as error:
        raise _refused(path, error) from error


def _append(folder: int, name: str, path: str, data: bytes) -> None:
    import fcntl

    before = _standing(name, folder)
    if before is not None and not modes.S_ISREG(before.st_mode):
        message = f"cannot write {_show(path)}: it is {_kind(before)}"
        raise OutputError(message, fix="remove it; lines are added to a regular file only")
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FILE, 0o666, dir_fd=folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # there are no locks here, so nobody else holds one
            if before is None:
                os.unlink(name, dir_fd=folder)
            raise
        found, named = os.fstat(descriptor), _standing(name, folder)
        if named is None or not os.path.samestat(found, named):
            # Replaced or removed while this waited for the lock.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        size = found.st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)
            if before is None and size == 0:
                os.unlink(name, dir_fd=folder)
            raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(folder: int) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot; the file itself is safe
        os.fsync(folder)


def write_output(path: Path, data: bytes) -> None:
    """Write a result where the caller asked for it: whole, or not at all.

    What cannot be replaced (a pipe, a device, ``/dev/stdout``) is written to as it is. A link is
    refused: it may stand in a repository, which must not choose what is overwritten.

    Raises:
        OutputError: It cannot be written.
    """
    shown = safety.show(os.fspath(path), 200)
    try:
        if (number := _own_descriptor(os.fspath(path))) is not None:
            _write_all(number, data)
            return
        folder = os.open(path.parent, _FOLDER)
        try:
            name = path.name or "."
            found = _standing(name, folder)
            if found is not None and modes.S_ISLNK(found.st_mode):
                fix = "name the file that it leads to; nothing is written through links"
                raise OutputError(f"cannot write {shown}: it is a link", fix=fix)
            if found is not None and not os.access(name, os.W_OK, dir_fd=folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if found is None or modes.S_ISREG(found.st_mode):
                _put(folder, name, data, found=found)
                _sync(folder)
            else:
                _write_into(folder, name, data)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {shown}: {reason_of(error)}") from error


def _own_descriptor(path: str) -> int | None:
    """The open descriptor that a path stands for; opened anew it could be something else."""
    if match := re.fullmatch(r"/(?:dev|proc/self)/fd/(\d{1,4})", path):
        return int(match[1])
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)


def _write_into(folder: int, name: str, data: bytes) -> None:
    """Write to what is no file: a pipe, of which the other end may have to be waited for."""
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        _write_all(descriptor, data)
    finally:
        os.close(descriptor)
