"""Reports: a notebook is run on a roster, or on a pilot's record, and becomes one HTML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kaizen_schedule import __version__
from kaizen_schedule.edges import report as kernels
from kaizen_schedule.orienting.record import parse_record, sequence_fault
from kaizen_schedule.planning.roster import load_roster, participating
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import UPGRADE, NewerFormError, instant
from kaizen_schedule.reading.errors import KaizenError, UsageError

from .definitions import list_definitions
from .fleet import Progress, Source, asked_host, read_items
from .operator_files import read_file
from .targets import PathLike

RECORD_CAP = 256 << 20
"""Bytes of a pilot's record; one of 100,000 runs has 160 million."""

Told = Callable[[int, int], None]
"""Told how many code cells are done, and of how many."""

# Which parameter of a notebook an option needs: a roster is handed over as a file, wherever it
# comes from.
_NEEDS = dict.fromkeys(("roster", "hub", "snapshot", "scan"), "snapshot")
_WORDS = ("roster", "hub", "snapshot", "scan", "hosts", "definitions", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeReport:
    """A report.

    Example:
        >>> MadeReport(html="<!doctype html>").warnings
        ()
    """

    html: str
    """The whole file."""
    warnings: tuple[str, ...] = ()
    """What has to be said of it, such as that a snapshot is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """A roster for a notebook to run on; empty where it takes its own."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What is handed over, by the names of its parameters."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the report says of it."""
    warnings: tuple[str, ...] = ()
    """What has to be said of it."""
    source: str = ""
    """What it was read of, safe to print."""


def list_reports() -> tuple[str, ...]:
    """The notebooks that can be reported, by name.

    Returns:
        Their names, sorted.

    Example:
        >>> "pilot_smoke" in list_reports()
        True
    """
    return tuple(kernels.find_notebooks())


def make_report(
    name: str,
    *,
    now: datetime,
    source: Source | None = None,
    host: str | None = None,
    hosts: tuple[str, ...] | None = None,
    definitions: PathLike | None = None,
    record: PathLike | None = None,
    timeout_s: float = kernels.CELL_TIMEOUT_S,
    progress: Progress | None = None,
    told: Told | None = None,
) -> MadeReport:
    """Run a notebook, and render it as one HTML file that needs nothing else.

    A hub is asked here, once: the notebook is handed what it answered, and neither its address nor
    its token.

    Args:
        name: The notebook, one of ``list_reports``.
        now: The instant of the report.
        source: Where the roster comes from; None for what the notebook takes by itself.
        host: The host that is asked about; None for this machine's short name.
        hosts: The participating hosts; None for all that the roster names.
        definitions: A folder of definitions; None for the packaged drafts.
        record: A pilot's record.
        timeout_s: How long a cell may take, in seconds.
        progress: Told of pages and folders of the roster as they are read.
        told: Told of each code cell that is done, and of how many there are.

    Returns:
        The file, and what has to be said of it.

    Raises:
        UsageError: There is no such notebook, it takes no such data, what runs it is missing, two
            rosters are named, a host that the roster does not know, or a file that is not there or
            cannot be read.
        SourceError: The hub or the snapshot cannot be had.
        KaizenError: The record is damaged, or a definition has errors.
        CellFailure: A cell failed, took too long, or ended the kernel.

    Example:
        >>> report = make_report("agent_performance", now=now)
        >>> "https://" in report.html, report.warnings
        (False, ("no roster is named; what is shown is the notebook's own example",))
    """
    from kaizen_schedule.publishing.notebook_pages import render_report

    notebook = _read(name)
    declared = kernels.parameters_of(notebook)
    options = {"hosts": hosts, "definitions": definitions, "record": record}
    given = {key for key in _NEEDS if getattr(source, key, None) is not None}
    given |= {key for key, value in options.items() if value is not None}
    _check_options(name, given, declared)
    if not given & set(_NEEDS) and ("snapshot" not in declared or "record" in declared):
        source = None  # a pilot's fleet is named; a hub that is only set does not count
    parameters: dict[str, Any] = {"now": instant(now)}
    facts = {"As of": instant(now)}
    if record is not None:
        parameters["record"] = os.path.abspath(os.fspath(record))
        facts["Record"] = _check_record(os.fspath(record))
    if definitions is not None:
        list_definitions(definitions, now=now)
        parameters["definitions"] = os.path.abspath(os.fspath(definitions))
        facts["Definitions"] = safety.show(os.fspath(definitions))
    with _read_roster(source, host, hosts, progress) as data:
        parameters |= data.parameters
        kernels.hand_over(notebook, {k: v for k, v in parameters.items() if k in declared})
        read = safety.show(os.fspath(record), 200) if record is not None else data.source
        title = f"{name} of {read}" if read else name
        kernels.run_notebook(notebook, title, timeout_s=timeout_s, told=told)
    facts |= data.facts
    warnings = data.warnings
    if source is None and "snapshot" in declared and "record" not in declared:
        warnings = ("no roster is named; what is shown is the notebook's own example",)
        facts["Roster"] = "none named, an example"
    html = render_report(notebook, name, facts=facts, version=__version__)
    return MadeReport(html=html, warnings=warnings)


def run_report(
    name: str,
    parameters: Mapping[str, Any],
    *,
    timeout_s: float = kernels.CELL_TIMEOUT_S,
    told: Told | None = None,
) -> Any:
    """Run a notebook on parameters as they are.

    Args:
        name: The notebook, one of ``list_reports``.
        parameters: Values that JSON has, by the names of its parameters.
        timeout_s: How long a cell may take, in seconds.
        told: Told of each code cell that is done, and of how many there are.

    Returns:
        The notebook with its outputs, as JSON holds it.

    Raises:
        UsageError: There is no such notebook or parameter, or what runs it is missing.
        CellFailure: A cell failed, took too long, or ended the kernel.
    """
    notebook = _read(name)
    kernels.hand_over(notebook, parameters)
    kernels.run_notebook(notebook, name, timeout_s=timeout_s, told=told)
    return notebook


def _read(name: str) -> Any:
    from kaizen_schedule.planning.shape import nearest

    known = kernels.find_notebooks()
    if name not in known:
        begun = (other for other in known if name and other.startswith(name))
        near, names = nearest(name, known) or next(begun, ""), f"known are {', '.join(known)}"
        fix = f"did you mean {near}? {names}" if near else names
        raise UsageError(f"there is no report {safety.show(name)}", fix=fix)
    kernels.require_extra()
    return kernels.read_notebook(known[name])


def _check_options(name: str, given: set[str], declared: tuple[str, ...]) -> None:
    """Refuse data that a notebook has no use for."""
    for word in _WORDS:
        if word in given and _NEEDS.get(word, word) not in declared:
            taken = [f"--{w}" for w in _WORDS if _NEEDS.get(w, w) in declared]
            fix = f"it takes {', '.join(taken)}" if taken else "leave it out"
            raise UsageError(f"report {name} takes no --{word}", fix=fix)


@contextmanager
def _read_roster(
    source: Source | None,
    host: str | None,
    hosts: tuple[str, ...] | None,
    progress: Progress | None,
) -> Iterator[_Data]:
    """Read a roster, so far as to know that it can be had.

    Yields:
        What to hand to the notebook; what of it stands in a file of ours is gone afterwards.
    """
    from json import dumps
    from tempfile import TemporaryDirectory

    if source is None:
        yield _Data()
        return
    read = read_items(source, host=host, progress=progress)
    roster = load_roster(read.items)
    asked = asked_host(roster, host)
    participating(roster, asked, hosts)
    with TemporaryDirectory(prefix="kaizen-roster-") as folder:
        path = os.path.join(folder, "snapshot.json")
        with open(path, "x", encoding="ascii") as file:
            file.write(dumps(read.items))
        parameters: dict[str, Any] = {"snapshot": path, "host": asked}
        if hosts is not None:
            parameters["hosts"] = list(hosts)
        facts = {"Roster": read.source, "Host": asked}
        yield _Data(parameters=parameters, facts=facts, warnings=read.warnings, source=read.source)


def _check_record(path: str) -> str:
    """Make sure that a record can be read and is whole, and say what it is."""
    shown = safety.show(path, 200)
    again = "write it again: kaizen-agentic schedule pilot --record FILE"
    data = read_file(path, RECORD_CAP)
    try:
        steps = parse_record(data.decode("utf-8"))
    except NewerFormError as error:
        raise KaizenError(f"record {shown} is too new: {error}", fix=UPGRADE) from error
    except UnicodeDecodeError as error:
        begun = data[: error.start].split(b"\n")
        fault = f"line {len(begun):,}: byte {len(begun[-1]) + 1:,} is not UTF-8"
        raise KaizenError(f"record {shown} is damaged: {fault}", fix=again) from error
    except ValueError as error:
        raise KaizenError(f"record {shown} is damaged: {error}", fix=again) from error
    if not steps:
        raise KaizenError(f"record {shown} is empty", fix=again)
    if fault := sequence_fault(steps):
        raise KaizenError(f"record {shown} is damaged: {fault}", fix=again)
    return os.path.basename(path)
