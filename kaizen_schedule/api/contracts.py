"""The published contract: copied out of the program, or compared with what stands somewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass

from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import DiskTree, reason_of
from kaizen_schedule.edges.writing import replace_file
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.errors import FileFault, OutputError, TargetError

from .targets import PathLike

_READ_CAP = 4 << 20


def list_contracts() -> tuple[str, ...]:
    """The paths of all published files, sorted.

    Returns:
        Paths beneath the folder that is exported to, with ``/``.

    Example:
        >>> "contracts/manifest.schema.json" in list_contracts()
        True
    """
    return packaged.contracts()


def export_contracts(folder: PathLike) -> tuple[str, ...]:
    """Write every published file beneath a folder; what else stands there is left alone.

    Args:
        folder: It is made where it does not exist.

    Returns:
        The paths that were written, beneath the folder; those that were right already are not.

    Raises:
        OutputError: A file cannot be written, or a link stands where a folder must be.
        Refusal: Something else than a file stands in a file's place.

    Example:
        >>> folder = repository / "docs"
        >>> len(export_contracts(folder)) == len(list_contracts()), export_contracts(folder)
        (True, ())
    """
    root = os.fspath(folder)
    try:
        os.makedirs(root, exist_ok=True)
    except (OSError, ValueError) as error:
        shown = safety.show(root, 200)
        message = f"cannot make folder {shown}: {reason_of(error)}"
        raise OutputError(message, fix="name a folder that you may make or write to") from error
    written = []
    with DiskTree(root) as tree:
        for path in list_contracts():
            data = packaged.contract(path)
            if _standing(tree, path) != data:
                replace_file(root, path, data)
                written.append(path)
    return tuple(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A file that is not what the program publishes.

    Example:
        >>> _ = export_contracts(repository)
        >>> (repository / "reasons.md").unlink()
        >>> [(drift.path, drift.missing) for drift in compare_contracts(repository)]
        [('reasons.md', True)]
    """

    path: str
    """Its path beneath the folder."""
    missing: bool
    """Whether there is no such file in the folder, or it cannot be read."""
    diff: str
    """The differing lines as a unified diff, safe to print; empty for a missing file."""


def compare_contracts(folder: PathLike) -> tuple[Drift, ...]:
    """Compare what stands beneath a folder with what the program publishes.

    Args:
        folder: A folder that was exported to.

    Returns:
        What differs, by path; empty where nothing does. Files of other names are not looked at.

    Raises:
        TargetError: There is no such folder.

    Example:
        >>> _ = export_contracts(repository)
        >>> compare_contracts(repository)
        ()
    """
    root = os.fspath(folder)
    if not os.path.isdir(root):
        fix = "name a folder that was exported to; without --check it is made"
        raise TargetError(f"{safety.show(root, 200)} is no folder", fix=fix)
    drifts = []
    with DiskTree(root) as tree:
        for path in list_contracts():
            data, held = packaged.contract(path), _standing(tree, path)
            if held is None:
                drifts.append(Drift(path=path, missing=True, diff=""))
            elif held != data:
                drifts.append(Drift(path=path, missing=False, diff=_diff(path, held, data)))
    return tuple(drifts)


def _standing(tree: DiskTree, path: str) -> bytes | None:
    """What stands in a regular file inside the folder; None where there is none to be had."""
    try:
        return tree.read(path, cap=_READ_CAP).data
    except FileFault:
        return None


def _diff(path: str, held: bytes, published: bytes) -> str:
    from difflib import unified_diff

    lines = unified_diff(
        held.decode("utf-8", "replace").splitlines(),
        published.decode().splitlines(),
        f"{path} (here)",
        f"{path} (published)",
        lineterm="",
        n=1,
    )
    return "".join(f"{safety.reveal(line)}\n" for line in lines)
