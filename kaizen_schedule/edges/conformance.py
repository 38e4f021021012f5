"""Answers a vector's question as a host would: its files are laid out on disk and looked into."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kaizen_schedule.planning.agents import Prompt, load_prompt
from kaizen_schedule.planning.resolver import Resolution, resolve
from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.publishing.vectors import FLEET, Vector, VectorPrompt
from kaizen_schedule.reading.errors import FileFault, UsageError

from .files import DiskTree, open_checkout
from .packaged import zones


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
        UsageError: A path leads out of the fleet's folder.
    """
    for path, held in vector.files.items():
        if not path.startswith(f"{FLEET}/") or ".." in path.split("/"):
            raise UsageError(f"{path} is not under {FLEET}")
        full = folder + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if held.link is not None:
            os.symlink(held.link, full)
        else:
            with open(full, "xb") as file:
                file.write(held.data)
            os.chmod(full, int(held.mode, 8))


@contextmanager
def _placed(folder: str, path: str) -> Iterator[DiskTree]:
    """Open the checkout that stands for one; what is said of it names it as the vector does."""
    try:
        with open_checkout(folder + path) as tree:
            yield tree
    except FileFault as fault:
        message = fault.message.replace(folder, "")
        raise FileFault(fault.path.removeprefix(folder), fault.reason, message) from fault


def answer_vector(vector: Vector) -> Resolution:
    """Answer a vector's question with this program's own resolver.

    Raises:
        UsageError: It is of another release of the time zone rules, or cannot be laid out.
    """
    if vector.tzdata_version != zones().version:
        fix = f"install tzdata=={vector.tzdata_version}"
        raise UsageError(f"the vector is of tzdata {vector.tzdata_version}", fix=fix)
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
