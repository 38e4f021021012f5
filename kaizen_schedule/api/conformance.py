"""Vectors against any resolver: another team's, as a command; and this program's own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from fnmatch import fnmatchcase

from kaizen_schedule.edges import conformance
from kaizen_schedule.edges.conformance import HeldVector, VectorFolder, parse_vector
from kaizen_schedule.edges.processes import FED_CAP, Cut, Fed, feed_each, split_words
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.publishing.comparing import differences, notes
from kaizen_schedule.publishing.verdicts import CheckedVector, Conformance, lines_of
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import dumps
from kaizen_schedule.reading.errors import UsageError
from kaizen_schedule.reading.strict_json import NotJsonError, parse_json

from .targets import PathLike

Told = Callable[[int, int], None]
"""Told how many vectors are done, and of how many."""

TIMEOUT_S = 30.0

_LOOKED_AT = 20_000
"""Bytes at an answer's beginning that are enough to show some of it."""


def check_conformance(
    command: str | Sequence[str],
    *,
    vectors: PathLike | None = None,
    only: Sequence[str] = (),
    timeout_s: float = TIMEOUT_S,
    jobs: int | None = None,
    told: Told | None = None,
) -> Conformance:
    """Ask another resolver every vector, and compare its answers with the expected ones.

    The command is run once for each vector, without a shell. It finds the vector on standard
    input, its `expected` null, and prints a resolution as JSON.

    Args:
        command: A command line, or its words.
        vectors: A folder of vectors, or one that the contract was exported to; None for the
            packaged ones.
        only: Names of vectors, or globs; all if empty.
        timeout_s: Seconds after which one run of the command is ended.
        jobs: How many run at a time; as many as there are processors if None.
        told: Told how many vectors are done.

    Returns:
        A verdict for each vector, by name.

    Raises:
        UsageError: There is no such command, no such vector, or a file is no vector; or nothing
            is to be run at a time, or for no time.
        OutputError: No process can be begun.

    Example:
        >>> result = check_conformance("cat", only=["missed"])
        >>> result.ok, result.vectors[0].differences[0].where
        (False, 'definition')
    """
    words = split_words(command) if isinstance(command, str) else tuple(command)
    if not words:
        raise UsageError("the command is empty")
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs is {jobs}", fix="run one or more at a time")
    if not timeout_s > 0:
        raise UsageError(f"timeout_s is {timeout_s:g}", fix="give it some time")
    folder = _folder(vectors)
    held = [folder.read(name) for name in _chosen(folder.names, only)]
    questions = [dumps({**item.plain, "expected": None}, indent=None).encode() for item in held]
    checked: dict[int, CheckedVector] = {}
    at_once = jobs if jobs is not None else _processors()
    with closing(feed_each(words, questions, jobs=at_once, timeout_s=timeout_s)) as ended:
        for fed in ended:
            checked[fed.number] = _judge(held[fed.number], fed, timeout_s)
            if told is not None:
                told(len(checked), len(held))
    found = tuple(checked[number] for number in range(len(held)))
    return Conformance(ok=all(vector.ok for vector in found), vectors=found)


def answer_vector(data: bytes, *, label: str = "the vector") -> Resolution:
    """Answer a vector with this program's own resolver.

    Args:
        data: The vector as JSON; its expected answer is not looked at.
        label: What to call it in errors, safe to print.

    Returns:
        The answer.

    Raises:
        UsageError: It is no vector, is of another release of the time zone rules, or has files
            that cannot be laid out.

    Example:
        >>> from kaizen_schedule.edges import packaged
        >>> answer = answer_vector(packaged.contract("contracts/vectors/missed.json"))
        >>> answer.definition, len(answer.scheduled_runs)
        ('weekly-coach-orientation', 4)
    """
    return conformance.answer_vector(parse_vector(data, label, with_answer=False).vector)


def vector_names(folder: PathLike | None = None) -> tuple[str, ...]:
    """The names of the vectors in a folder; of the packaged ones if None.

    Args:
        folder: The folder, or one that the contract was exported to.

    Returns:
        The names, sorted.

    Raises:
        UsageError: There is no such folder, or no vector in it.

    Example:
        >>> vector_names()[0]
        'agent-disabled'
    """
    return _folder(folder).names


def vector_path(name: str, folder: PathLike | None = None) -> str:
    """Where a vector's file stands.

    Args:
        name: The vector.
        folder: As for `vector_names`.

    Example:
        >>> vector_path("missed").endswith("contracts/vectors/missed.json")
        True
    """
    return os.path.join(_folder(folder).path, f"{name}.json")


def _folder(folder: PathLike | None) -> VectorFolder:
    return VectorFolder(os.fspath(folder) if folder is not None else None)


def _chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    for glob in only:
        if not any(fnmatchcase(name, glob) for name in names):
            near = nearest(glob, names)
            fix = f"did you mean {safety.escape(near)}?" if near else "a name, or a glob of names"
            raise UsageError(f"no vector is named {safety.show(glob)}", fix=fix)
    return [n for n in names if not only or any(fnmatchcase(n, glob) for glob in only)]


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _judge(held: HeldVector, fed: Fed, timeout_s: float) -> CheckedVector:
    """Say how a vector was answered."""
    answer, error = None, _failure(fed, timeout_s)
    if not error:
        try:
            answer = parse_json(fed.out)
        except NotJsonError as reason:
            begins = safety.show(fed.out.strip()[:_LOOKED_AT].decode("utf-8", "replace"))
            error = f"the answer is not JSON: {reason}; it begins {begins}"
    found = () if error else differences(held.expected, answer)
    title = safety.clip(safety.escape(safety.redact(held.vector.title)[0]), 400)
    return CheckedVector(
        name=safety.escape(held.vector.name),
        title=title,
        ok=not error and not found,
        differences=found,
        error=error or None,
        notes=notes(held.expected, answer),
        stderr=lines_of(fed.err) if error else (),
    )


def _failure(fed: Fed, timeout_s: float) -> str:
    """Why there is no answer; empty where there is one."""
    if fed.cut is Cut.TIME:
        return f"the command took longer than {timeout_s:g} s and was ended"
    if fed.cut is Cut.SIZE:
        return f"the command printed more than {FED_CAP:,} bytes and was ended"
    if fed.code < 0:
        try:
            name = signal.Signals(-fed.code).name
        except ValueError:
            name = f"signal {-fed.code}"
        return f"the command was ended by {name}"
    if fed.code:
        return f"the command ended with {fed.code}"
    return "" if fed.out.strip() else "the command printed nothing"
