"""Files written without ever following a link: whole, or not at all.

In a repository every path is walked from its directory descriptor. Linux and macOS.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat as modes
from collections.abc import Iterator, Mapping
from pathlib import Path

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import OutputError, Refusal

from .files import NO_SURPRISE, OPEN_FOLDER, kind_of, reason_of, show_path

_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 10


@contextlib.contextmanager
def _writable_folder(root: str | os.PathLike[str], path: str) -> Iterator[tuple[int, str]]:
    """Open the folder of a path, making what is missing; no link is followed.

    Yields its descriptor and the last name. What was made is removed again on any failure.
    """
    *parts, name = path.split("/")
    if not {"", ".", ".."}.isdisjoint((*parts, name)):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    made: list[tuple[int, str]] = []
    opened = [os.open(root, OPEN_FOLDER)]
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=opened[-1])
                made.append((opened[-1], part))
            opened.append(os.open(part, OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=opened[-1]))
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
        message = f"cannot write {show_path(path)}: a link or a file stands where a folder must be"
        return OutputError(message, fix="remove it; nothing is written through links")
    fix = _FIXES.get(error.errno, "")
    return OutputError(f"cannot write {show_path(path)}: {reason_of(error)}", fix=fix)


def replace_file(
    root: str | os.PathLike[str], path: str, data: bytes, *, new: bool = False
) -> None:
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
    exists = Refusal(
        "exists", f"{show_path(path)} already exists", fix="pass --force to overwrite it"
    )
    try:
        with _writable_folder(root, path) as (folder, name):
            found = _standing(name, folder)
            if found is not None and not modes.S_ISREG(found.st_mode):
                raise Refusal("exists", f"{show_path(path)} is {kind_of(found)}", fix="remove it")
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


def append_line(root: str | os.PathLike[str], path: str, data: bytes) -> None:
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
        message = f"cannot write {show_path(path)}: it is {kind_of(before)}"
        raise OutputError(message, fix="remove it; lines are added to a regular file only")
    descriptor = os.open(
        name, os.O_RDWR | os.O_CREAT | os.O_APPEND | NO_SURPRISE, 0o666, dir_fd=folder
    )
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
    with _told(path):
        if (number := _own_descriptor(os.fspath(path))) is not None:
            _write_all(number, data)
            return
        with _place(path) as (folder, name, found):
            if found is None or modes.S_ISREG(found.st_mode):
                _put(folder, name, data, found=found)
                _sync(folder)
            else:
                _write_into(folder, name, data)


def check_output(path: Path) -> None:
    """Say before long work what ``write_output`` would say after it, as far as it can be known.

    Nothing is written, and nothing that stands there is opened.

    Raises:
        OutputError: Nothing could be written there.
    """
    with _told(path):
        if _own_descriptor(os.fspath(path)) is not None:
            return
        with _place(path) as (folder, _, found):
            # A file is replaced by a new one, which is made beside it.
            regular = found is None or modes.S_ISREG(found.st_mode)
            if regular and not os.access(".", os.W_OK, dir_fd=folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def _place(path: Path) -> Iterator[tuple[int, str, os.stat_result | None]]:
    """The folder of a result's file, the name in it, and what stands there."""
    begun = f"cannot write {safety.show(os.fspath(path), 200)}"
    try:
        folder = os.open(path.parent, OPEN_FOLDER)
    except FileNotFoundError as error:
        fix = "make the folder first, or name another"
        raise OutputError(f"{begun}: there is no such folder", fix=fix) from error
    try:
        name = path.name or "."
        found = _standing(name, folder)
        if found is not None and modes.S_ISLNK(found.st_mode):
            message = f"{begun}: it is a link"
            fix = "name the file that it leads to; nothing is written through links"
            raise OutputError(message, fix=fix)
        if found is not None and modes.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if found is not None and not os.access(name, os.W_OK, dir_fd=folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        yield folder, name, found
    finally:
        os.close(folder)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says of a result's file into what a person can do about it."""
    try:
        yield
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        message = f"cannot write {safety.show(os.fspath(path), 200)}: {reason_of(error)}"
        raise OutputError(message, fix=_FIXES.get(number, "name another file")) from error


_MAY_NOT = "let it be written to, or name another place"
_FULL = "make room there, or name another place"
_FIXES: Mapping[int | None, str] = {
    errno.EISDIR: "name a file in it",
    errno.ENOTDIR: "name a file in a folder",
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.EROFS: _MAY_NOT,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.ENAMETOOLONG: "name a shorter one",
}
"""What to do where something cannot be written, by the number of the system's error."""


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
