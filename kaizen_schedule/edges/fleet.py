"""The pilot fleet: small repositories that come as text archives and are written where asked.

A wheel keeps no nested ``.git``, no empty folder and no link, so each repository is one text in
the form of Go's ``txtar``: a comment, then for each file a line ``-- path --`` and its text. What
that form cannot say stands in the comment: ``folder PATH`` and ``link PATH -> TARGET``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import KaizenError, OutputError, Refusal, TargetError

from .files import reason_of
from .packaged import data_path

_FLEET = "{fleet}"
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A repository as text; every path is relative, names its folders, and stays inside."""

    files: dict[str, str] = field(default_factory=dict)
    """Each file's text, by path."""
    links: dict[str, str] = field(default_factory=dict)
    """Where each link leads, by path; it need not exist."""
    folders: tuple[str, ...] = ()
    """Folders that are made even where no file stands in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What one asking has to find in the pilot fleet."""

    runs: tuple[tuple[str, str], ...] = ()
    """Repository and agent of each run, sorted."""
    repos: tuple[str, ...] = ()
    """The repositories of a definition about repositories, sorted."""
    excluded: tuple[tuple[str, str | None, str], ...] = ()
    """Repository, agent (None for the whole repository) and reason. A roster item without a slug
    is called ``#`` and its place, counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFleet:
    """The fleet as it was written, and what a hub would say of it."""

    folder: str
    """Where its repositories stand; an absolute path without links."""
    host: str
    """The host that asks."""
    hosts: tuple[str, ...]
    """The hosts that take part."""
    roster: tuple[dict[str, Any], ...]
    """The roster's items as a hub sends them, faulty ones included."""
    not_selected_by: tuple[str, ...]
    """Globs of slugs that every definition of the pilot excludes."""
    expected: dict[str, Expectation]
    """What is to be found, by the definition's id; ``preview`` for a week of every entry. It
    holds where ``not_selected_by`` was added to the definitions and no 29 February is near."""


def parse_archive(text: str) -> Archive:
    r"""Read a repository from its text.

    Args:
        text: Comment and files; a last line without an end gets one.

    Raises:
        KaizenError: It would write outside the repository, or through a link, or one name twice;
            or it holds nothing. Says the line.

    Example:
        >>> found = parse_archive("For tests.\nlink b -> a\n-- a --\nHello.\n")
        >>> found.files, found.links
        ({'a': 'Hello.\n'}, {'b': 'a'})
    """
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    folders: list[str] = []
    lines: list[str] | None = None
    names = _Names()
    path = ""
    for number, line in enumerate(_lines(text), 1):
        if line.startswith("-- ") and line.endswith(" --\n"):
            if lines is not None:
                files[path] = "".join(lines)
            path, lines = line[3:-4].strip(), []
            names.add(path, number)
        elif lines is not None:
            lines.append(line)
        elif line.startswith("folder "):
            folders.append(line.removeprefix("folder ").strip())
            names.add(folders[-1], number, folder=True)
        elif line.startswith("link "):
            link, _, target = line.removeprefix("link ").partition(" -> ")
            link, target = link.strip(), target.strip()
            names.add(link, number)
            _require_inside(link, target, number)
            links[link] = target
    if lines is not None:
        files[path] = "".join(lines)
    if not names.seen:
        raise KaizenError(
            "the archive holds no file, link or folder", fix="begin each file with -- PATH --"
        )
    return Archive(files=files, links=links, folders=tuple(folders))


def _lines(text: str) -> Iterator[str]:
    """The lines, each with its end; only a line feed ends one."""
    *ended, last = text.split("\n")
    yield from (f"{line}\n" for line in ended)
    if last:
        yield f"{last}\n"


class _Names:
    """The paths of an archive: each once, and none beneath what is no folder."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._spelt: dict[str, str] = {}
        self._folders: set[str] = set()

    def add(self, path: str, line: int, *, folder: bool = False) -> None:
        """Take a path in, or say what is wrong with it."""
        names = path.split("/")
        if not {"", ".", ".."}.isdisjoint(names):
            raise _refused(path, line, "is absolute, leads upwards, or has an empty name")
        if not path.isprintable():
            raise _refused(path, line, "holds a character that cannot be seen")
        if path in self.seen:
            raise _refused(path, line, "stands there twice")
        for end in range(1, len(names) + 1):
            part = "/".join(names[:end])
            # On some file systems these are one name.
            if self._spelt.setdefault(part.casefold(), part) != part:
                raise _refused(path, line, "differs from another by case alone")
            is_folder = folder or end < len(names)
            if is_folder and part in self.seen - self._folders:
                raise _refused(path, line, "stands beneath a file or a link")
            if is_folder:
                self._folders.add(part)
            elif part in self._folders:
                raise _refused(path, line, "is a folder already")
        self.seen.add(path)


def _require_inside(path: str, target: str, line: int) -> None:
    """Refuse a link that could leave the repository, whatever other links it meets."""
    names = target.split("/")
    # Upwards only at its beginning: behind a name, which may be a link, ``..`` leads anywhere.
    down = list(dropwhile("..".__eq__, names))
    if len(names) - len(down) > path.count("/") or not {"", ".", ".."}.isdisjoint(down):
        raise _refused(path, line, "is a link that may lead outside, or nowhere")
    if not target.isprintable():
        raise _refused(path, line, "is a link to what cannot be seen")


def _refused(path: str, line: int, why: str) -> KaizenError:
    return KaizenError(
        f"{safety.show(path, 200)} in line {line} of the archive {why}",
        fix="name a path inside the repository, once",
    )


def materialise(folder: str | os.PathLike[str]) -> PilotFleet:
    """Write the pilot fleet's repositories into a folder.

    Args:
        folder: An existing, empty folder.

    Returns:
        The fleet: its roster names the folder, wherever that is.

    Raises:
        TargetError: There is no such folder.
        Refusal: Something stands in it.
        OutputError: It cannot be written; what was written so far stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fleet = materialise(folder)
        >>> fleet.host, fleet.expected["weekly-coach-orientation"].runs[0]
        ('pilot-1', ('field-notes', 'coach'))
    """
    shown = safety.show(os.fspath(folder), 200)
    try:
        root = os.path.realpath(folder)
        names = os.listdir(root)
    except (OSError, ValueError) as error:
        raise TargetError(f"cannot open folder {shown}: {reason_of(error)}") from error
    if names:
        raise Refusal("exists", f"folder {shown} is not empty", fix="name an empty folder")
    plan = json.loads(_text("fleet.json"))
    try:
        for name, file in plan["archives"].items():
            _write(os.path.join(root, name), parse_archive(_text(file)))
    except OSError as error:
        message = f"cannot write the pilot fleet into {shown}: {reason_of(error)}"
        raise OutputError(message) from error
    return PilotFleet(
        folder=root,
        host=plan["host"],
        hosts=tuple(plan["hosts"]),
        roster=tuple(_placed(item, root) for item in plan["repos"]),
        not_selected_by=tuple(plan["not_selected_by"]),
        expected={name: _expectation(value) for name, value in plan["expected"].items()},
    )


def _text(name: str) -> str:
    with open(data_path("pilot", name), encoding="utf-8", newline="") as file:
        return file.read()


def _placed(item: dict[str, Any], root: str) -> dict[str, Any]:
    """A roster item whose paths lead into the folder."""
    paths = {host: path.replace(_FLEET, root) for host, path in item["host_paths"].items()}
    return {**item, "host_paths": paths}


def _expectation(data: Mapping[str, Any]) -> Expectation:
    # One exclusion stands there bare; of several entries of a repository each has its own.
    excluded = [
        (repo, agent, reason)
        for repo, told in data["excluded"].items()
        for agent, reason in (told if isinstance(told[0], list) else [told])
    ]
    return Expectation(
        runs=tuple(sorted((repo, agent) for repo, agent in data.get("runs", ()))),
        repos=tuple(sorted(data.get("repos", ()))),
        excluded=tuple(sorted(excluded, key=lambda row: (row[0], row[1] or "", row[2]))),
    )


def _write(root: str, archive: Archive) -> None:
    """Write a repository whose folder does not stand there yet, whatever the umask."""
    _make_folders(root)
    for folder in archive.folders:
        _make_folders(os.path.join(root, folder))
    for path, text in archive.files.items():
        full = os.path.join(root, path)
        _make_folders(os.path.dirname(full))
        descriptor = os.open(full, _NEW_FILE, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(text.encode())
    for path, target in archive.links.items():
        full = os.path.join(root, path)
        _make_folders(os.path.dirname(full))
        os.symlink(target, full)


def _make_folders(path: str) -> None:
    """Make a folder and those above it that are missing."""
    if os.path.isdir(path):
        return
    _make_folders(os.path.dirname(path))
    os.mkdir(path)
    os.chmod(path, 0o755)  # noqa: S103 - as a checkout has it, whatever the umask
