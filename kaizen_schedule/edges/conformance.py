"""Vectors as files: read from a folder, and answered as a host would.

To answer one, its files are laid out on disk and looked into. Vectors come from elsewhere: nothing
of one is written, or read, outside the folder in which it is laid out.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kaizen_schedule.planning.agents import NAME, Prompt, load_prompt
from kaizen_schedule.planning.definition_files import (
    definition_diagnostics,
    load_definition,
    render_definition,
)
from kaizen_schedule.planning.resolver import Resolution, resolve
from kaizen_schedule.planning.roster import PATH_LIMIT, load_roster
from kaizen_schedule.planning.windows import window_fault
from kaizen_schedule.publishing.vectors import (
    FLEET,
    Vector,
    VectorFile,
    VectorPrompt,
    load_vector,
)
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import UPGRADE, NewerFormError, check_version, to_plain
from kaizen_schedule.reading.errors import FaultReason, FileFault, TargetError, UsageError
from kaizen_schedule.reading.strict_json import NotJsonError, parse_json

from . import packaged
from .files import DiskTree, open_checkout, reason_of
from .packaged import zones

VECTOR_CAP = 4 * 1024 * 1024
"""Bytes of a vector; the largest published one has some 64,000."""

_FOLDER = "contracts/vectors"
"""Where vectors stand beneath a folder that the contract was exported to."""


# --- Reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldVector:
    """A vector as its file has it."""

    vector: Vector
    """What it holds."""
    plain: dict[str, Any]
    """The same as JSON has it, with whatever a later version adds."""

    @property
    def expected(self) -> dict[str, Any]:
        """The expected answer, as JSON has it."""
        found = to_plain(self.vector.expected)
        assert isinstance(found, dict)
        return found


def parse_vector(data: bytes, label: str, *, with_answer: bool = True) -> HeldVector:
    """Read a vector, and make sure that its files can be laid out where they should be.

    Args:
        data: Its JSON.
        label: What to call it in errors, safe to print.
        with_answer: Whether the answer that it expects is looked at.

    Raises:
        UsageError: It is not JSON, no vector, or has a file outside the fleet's folder.
    """
    try:
        plain = parse_json(data)
        if isinstance(plain, dict) and not with_answer:
            plain["expected"] = None
        check_version(plain)
        vector = load_vector(plain)
    except NotJsonError as error:
        raise UsageError(f"{label} is not JSON: {error}") from error
    except NewerFormError as error:
        raise UsageError(f"{label} is too new: {error}", fix=UPGRADE) from error
    except ValueError as error:
        reason = safety.clip(safety.escape(safety.redact(str(error))[0]), 200)
        raise UsageError(f"{label} is no vector: {reason}") from error
    try:
        check_files(vector)
    except UsageError as error:
        raise UsageError(f"{label} cannot be used: {error.message}") from error
    return HeldVector(vector=vector, plain=plain)


class VectorFolder:
    """The vectors of a folder, or those that come with the program.

    Args:
        folder: The folder, or one that the contract was exported to; None for the packaged ones.

    Raises:
        TargetError: There is no such folder.
        UsageError: It holds no vector.
    """

    def __init__(self, folder: str | None = None) -> None:
        if folder is None:
            folder = packaged.data_path("published")
        elif not os.path.isdir(folder):
            fix = "name a folder of vectors: kaizen-agentic contract export DIR writes some"
            raise TargetError(f"{safety.show(folder, 200)} is no folder", fix=fix)
        inner = os.path.join(folder, *_FOLDER.split("/"))
        self.path = inner if os.path.isdir(inner) else folder
        with DiskTree(self.path) as tree:
            try:
                found = tree.list(".")
            except FileFault as fault:
                raise UsageError(f"{safety.show(self.path, 200)}: {fault.message}") from fault
        self.names = tuple(sorted(n.removesuffix(".json") for n in found if n.endswith(".json")))
        if not self.names:
            message = f"{safety.show(folder, 200)} holds no vector"
            fix = "name a folder that kaizen-agentic contract export has written"
            raise UsageError(message, fix=fix)

    def read(self, name: str) -> HeldVector:
        """Read one of its vectors, with its expected answer.

        Raises:
            UsageError: It cannot be read, is no vector, or has another name or no answer.
        """
        file = f"{name}.json"
        label = safety.show(os.path.join(self.path, file), 200)
        with DiskTree(self.path) as tree:
            try:
                data = tree.read(file, cap=VECTOR_CAP).data
            except FileFault as fault:
                raise UsageError(f"{label} {_WHY[fault.reason]}") from fault
        held = parse_vector(data, label)
        if held.vector.name != name:
            shown = safety.show(held.vector.name)
            raise UsageError(f"{label} is named {shown}", fix="give both the same name")
        if held.vector.expected is None:
            raise UsageError(f"{label} holds no expected answer")
        return held


_MODE = re.compile("0?[0-7]{3}")
_RELEASE = re.compile("[0-9]{4}[.][0-9]{1,4}")

_DEEPEST = 100
"""So many names a path may have: far more than a checkout needs, and folders can be removed."""

_WHY = {
    FaultReason.MISSING: "does not exist",
    FaultReason.OUTSIDE: "leads out of its folder",
    FaultReason.NOT_REGULAR: "is no regular file",
    FaultReason.TOO_LARGE: f"holds more than {VECTOR_CAP:,} bytes",
    FaultReason.LINK_LOOP: "leads through a loop of links",
    FaultReason.UNREADABLE: "cannot be read",
}


def check_files(vector: Vector) -> None:
    """Make sure that a vector's files stand beneath the fleet's folder, and can stand there.

    Raises:
        UsageError: One does not; names it.
    """
    for path, held in vector.files.items():
        shown = safety.show(path, 200)
        if len(path) > PATH_LIMIT:
            raise UsageError(f"{shown} is longer than {PATH_LIMIT:,} characters")
        names = path.split("/")
        if len(names) > _DEEPEST + 1:  # before the first is the root
            raise UsageError(f"{shown} has more than {_DEEPEST} names")
        if not path.startswith(f"{FLEET}/") or not {"", ".", ".."}.isdisjoint(names[1:]):
            raise UsageError(f"{shown} is not under {FLEET}")
        above = ("/".join(names[:count]) for count in range(3, len(names)))
        if (taken := next((p for p in above if p in vector.files), None)) is not None:
            raise UsageError(f"{shown} stands beneath {safety.show(taken, 200)}, no folder")
        if problem := _problem(held):
            raise UsageError(f"{shown} {problem}")


def _problem(held: VectorFile) -> str:
    if (held.link is None) == (held.base64 is None):
        return "has to have either base64 or link"
    try:
        _ = held.data
    except ValueError:
        return "is not base64"
    return "" if _MODE.fullmatch(held.mode) else f"has the mode {safety.show(held.mode)}"


# --- Answering -----------------------------------------------------------------------------------


def _prompt(known: VectorPrompt) -> Prompt:
    """A prompt of which no more is known than a vector says."""
    text = f"---\nname: {known.name}\ndescription: A prompt.\nrisk: {known.risk}\n---\n"
    return load_prompt(text.encode(), path=f"agent-{known.name}.md", name=known.name)


def lay_out(vector: Vector, folder: str) -> None:
    """Write a vector's files and links beneath a folder, which stands for `/`.

    Args:
        vector: The vector.
        folder: An empty folder.

    Raises:
        UsageError: A path leads out of the fleet's folder, or this machine cannot have such a one.
    """
    check_files(vector)

    # Links last, the deepest first: nothing is written through one, whatever two names this
    # machine takes for the same.
    def order(item: tuple[str, VectorFile]) -> tuple[bool, int]:
        return item[1].link is not None, -item[0].count("/")

    for path, held in sorted(vector.files.items(), key=order):
        try:
            _lay(held, folder + path)
        except (OSError, ValueError) as error:
            message = f"{safety.show(path, 200)} cannot be laid out: {reason_of(error)}"
            raise UsageError(message) from error


def _lay(held: VectorFile, full: str) -> None:
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if held.link is not None:
        os.symlink(held.link, full)
        return
    with open(full, "xb") as file:
        file.write(held.data)
    os.chmod(full, int(held.mode, 8))


@contextmanager
def _placed(folder: str, path: str) -> Iterator[DiskTree]:
    """Open the checkout that stands for one; what is said of it names it as the vector does."""
    place, root = (os.path.join(os.path.realpath(p), "") for p in (folder + path, folder))
    if not place.startswith(root):
        # Elsewhere is this machine, of which a vector says nothing.
        raise FileFault(path, FaultReason.MISSING, f"{safety.show(path, 200)} does not exist")
    try:
        with open_checkout(folder + path) as tree:
            yield tree
    except FileFault as fault:
        message = fault.message.replace(folder, "")
        raise FileFault(fault.path.removeprefix(folder), fault.reason, message) from fault


def _check_question(vector: Vector) -> None:
    """Make sure of what the resolver takes for granted, since others have made sure of it."""
    for name, moment in {
        "now": vector.now,
        "start": vector.window.start,
        "end": vector.window.end,
    }.items():
        if not 1970 <= moment.year < 2200:
            raise UsageError(f"{name} of the vector is not of the years 1970 to 2199")
    if fault := window_fault(vector.window):
        raise UsageError(f"the window of the vector {fault}")
    for known in vector.prompts:
        if not NAME.fullmatch(known.name):
            raise UsageError(f"no agent can be called {safety.show(known.name)}")
    asking = (vector.definition,) if vector.definition is not None else ()
    for definition in (*asking, *vector.definitions):
        # As the file that it would be in, where everything about it is checked.
        loaded = load_definition(render_definition(definition), path="", zones=zones())
        if loaded.definition is None:
            wrong = definition_diagnostics(loaded, "")[0]
            message = f"definition {safety.show(definition.id)} of the vector: {wrong.message}"
            raise UsageError(message, fix=wrong.fix)


def answer_vector(vector: Vector) -> Resolution:
    """Answer a vector's question with this program's own resolver.

    Raises:
        UsageError: It is of another release of the time zone rules, has a window or a definition
            that means nothing, or cannot be laid out.
    """
    release = vector.tzdata_version
    if release != zones().version:
        fix = f"install tzdata=={release}" if _RELEASE.fullmatch(release) else ""
        raise UsageError(f"the vector is of tzdata {safety.show(release)}", fix=fix)
    _check_question(vector)
    prompts: Mapping[str, Prompt] = {known.name: _prompt(known) for known in vector.prompts}
    with tempfile.TemporaryDirectory(prefix="kaizen-vector-") as folder:
        lay_out(vector, folder)
        return resolve(
            load_roster(vector.roster),
            vector.definition,
            vector.definitions,
            prompts,
            window=vector.window,
            now=vector.now,
            hosts=vector.hosts,
            host=vector.host,
            zones=zones(),
            open_tree=lambda path: _placed(folder, path),
        )
