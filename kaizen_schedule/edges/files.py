"""Files of a repository: read without ever leaving it, written without ever following a link.

Every path is walked from the repository's own directory descriptor, name by name, so that neither
a link nor a rename in between leads elsewhere. Linux and macOS.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from functools import cached_property, lru_cache
from itertools import islice

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import FaultReason, FileFault, TargetError
from kaizen_schedule.reading.tree import LIST_CAP, Blob, Kind, Stat

_Opened = list[int]  # descriptors: the root's, then those that were opened on the way

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# To walk through a folder one need not be able to list it, where the system knows such a way.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
# What was swapped in after a look must neither block nor become our terminal.
NO_SURPRISE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
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

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._given = root
        try:
            self._descriptor = os.open(root, _STEP)
        except (OSError, ValueError) as error:
            raise _no_target(root, error) from error

    @cached_property
    def root(self) -> str:
        """The repository's own path, without links; looked up when first asked for."""
        try:
            return os.path.realpath(self._given)
        except (OSError, ValueError) as error:
            raise _no_target(self._given, error) from error

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
            opened.append(os.open(name, os.O_RDONLY | NO_SURPRISE, dir_fd=opened[-1]))
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
                message = f"{show_path(path)} is {kind_of(found)}, not a folder"
                raise FileFault(path, FaultReason.MISSING, message)
            opened.append(os.open(name, OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=opened[-1]))
            with os.scandir(opened[-1]) as entries:
                names = sorted(entry.name for entry in islice(entries, LIST_CAP + 1))
        except (OSError, ValueError) as error:
            raise _fault(path, error) from error
        finally:
            _close(opened)
        if len(names) > LIST_CAP:
            message = f"{show_path(path)} holds more than {LIST_CAP:,} names"
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

    def holds(self, path: str) -> bool:
        """Say whether anything stands at a path, be it of use or not.

        It is the cheap way to learn that nothing does. Where that cannot be told, as of a faulty
        disk, the answer is yes: what comes next then says what is wrong.

        Args:
            path: Relative to the repository.

        Example:
            >>> with DiskTree(repository) as tree:
            ...     tree.holds(".kaizen/schedule.yml"), tree.holds("agents/agent-coach.md")
            (True, False)
        """
        opened = [self._descriptor]
        try:
            # Mostly it is the first folder that is missing; a look costs half of a vain opening.
            first = _names(path)[-1:]
            if first not in ((), ("..",)):
                os.stat(first[0], dir_fd=self._descriptor, follow_symlinks=False)
            self._walk(path, opened)
        except (OSError, ValueError) as error:
            return not _is_missing(error)
        except FileFault:
            return True
        finally:
            _close(opened)
        return True

    def _walk(self, path: str, opened: _Opened) -> tuple[str, os.stat_result]:
        """Walk to a path; return its last name, and what stands there, which is no link.

        Args:
            path: Relative to the repository.
            opened: Gains the descriptor of each folder on the way, so that ``..`` goes one back
                and never above the root. The caller closes them.
        """
        names = list(_names(path))
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
                    raise _no_use(path) from error
                if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                    raise
            try:
                target = os.readlink(name, dir_fd=opened[-1])
            except OSError as error:
                if error.errno == errno.EINVAL and len(names) > after:  # a file, on a link's way
                    raise _no_use(path) from error
                raise
            links, after = links + 1, min(after, len(names))
            if links > _LINKS:
                message = f"{show_path(path)} leads through a loop of links"
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


def open_checkout(path: str) -> DiskTree:
    """Open the checkout at an absolute path, and say why where it cannot be.

    Args:
        path: Its folder.

    Returns:
        The open tree: use it as a context manager, which closes it.

    Raises:
        FileFault: Nothing stands there, it is no folder, or it cannot be opened.
    """
    try:
        return DiskTree(path)
    except TargetError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else errno.ENOENT
        if number == errno.ENOTDIR and os.path.lexists(path):
            detail = f"{safety.show(path, 200)} is no folder"
            raise FileFault(path, FaultReason.NOT_REGULAR, detail) from error
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            detail = f"{safety.show(path, 200)} does not exist"
            raise FileFault(path, FaultReason.MISSING, detail) from error
        raise FileFault(path, FaultReason.UNREADABLE, error.message) from error


@lru_cache(maxsize=256)  # a fleet is asked for the same few paths, over and over
def _names(path: str) -> tuple[str, ...]:
    """A path's names, the first last."""
    return tuple(name for name in reversed(path.split("/")) if name not in ("", "."))


def _close(opened: _Opened) -> None:
    """Close all but the root."""
    while len(opened) > 1:
        os.close(opened.pop())


def _require_regular(found: os.stat_result, path: str) -> None:
    if not modes.S_ISREG(found.st_mode):
        raise FileFault(path, FaultReason.NOT_REGULAR, f"{show_path(path)} is {kind_of(found)}")


def _read(descriptor: int, path: str, cap: int, *, tail: bool) -> Blob:
    found = os.fstat(descriptor)
    _require_regular(found, path)
    size = found.st_size
    start = max(size - cap, 0) if tail else 0
    expected = size - start
    if expected > cap:
        raise _too_large(path, cap)
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
        raise _too_large(path, cap)
    return Blob(data=os.pread(descriptor, cap, size - cap), size=size, truncated=True)


def _too_large(path: str, cap: int) -> FileFault:
    message = f"{show_path(path)} holds more than {cap:,} bytes"
    return FileFault(path, FaultReason.TOO_LARGE, message)


def show_path(path: str) -> str:
    """A relative path, safe to print."""
    if path and len(path) < 80 and safety.printable(path):
        return path
    return safety.clip(safety.escape(path), 200) or "."


def _no_use(path: str) -> FileFault:
    # Something stands here, only it leads nowhere: not the same as nothing.
    message = f"{show_path(path)} leads through a link to nothing"
    return FileFault(path, FaultReason.UNREADABLE, message)


def _outside(path: str) -> FileFault:
    return FileFault(path, FaultReason.OUTSIDE, f"{show_path(path)} leads out of the repository")


def kind_of(found: os.stat_result) -> str:
    """What a file is, in words."""
    return next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "odd")


def reason_of(error: OSError | ValueError) -> str:
    """An operating system's error in its own words, without paths."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "a name that no file can have"


def _no_target(root: str | os.PathLike[str], error: OSError | ValueError) -> TargetError:
    shown = safety.show(str(root), 200)
    return TargetError(f"cannot open folder {shown}: {reason_of(error)}")


# EINVAL: what should lead on is neither a folder nor a link.
_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ENAMETOOLONG, None)


def _is_missing(error: OSError | ValueError) -> bool:
    """Whether an error says that nothing stands there, or nothing can."""
    return (error.errno if isinstance(error, OSError) else None) in _MISSING


def _fault(path: str, error: OSError | ValueError) -> FileFault:
    if _is_missing(error):
        return FileFault(path, FaultReason.MISSING, f"{show_path(path)} does not exist")
    message = f"{show_path(path)} cannot be read: {reason_of(error)}"
    return FileFault(path, FaultReason.UNREADABLE, message)


def find_target(start: str, marker: str) -> str:
    """Find the repository one stands in.

    Args:
        start: Where to begin.
        marker: The relative path that makes a folder one.

    Returns:
        The nearest folder upwards that holds ``marker``, looked for at most up to the one that
        holds ``.git``; else ``start`` itself.
    """
    folder = start
    while True:
        if os.path.lexists(os.path.join(folder, marker)):
            return folder
        above = os.path.dirname(folder)
        if above == folder or os.path.lexists(os.path.join(folder, ".git")):
            return start
        folder = above
