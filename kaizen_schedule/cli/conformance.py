"""``kaizen-agentic contract conformance`` and ``answer``: the vectors against any resolver."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

from kaizen_schedule.api import conformance as api
from kaizen_schedule.api.operator_files import read_file
from kaizen_schedule.edges.conformance import VECTOR_CAP
from kaizen_schedule.publishing.reporters import to_json
from kaizen_schedule.publishing.verdicts import Conformance, render_conformance
from kaizen_schedule.reading import safety

from .commands import Command
from .output import emit, format_option, output_option, quiet_option, say, styler

OWN = "kaizen-agentic contract answer"
"""This program's own resolver, as a command."""


def _complete(_ctx: Any, _param: Any, typed: str) -> list[CompletionItem]:
    """The packaged vectors whose names begin so."""
    return [CompletionItem(name) for name in api.vector_names() if name.startswith(typed)]


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let what ends this program end what it runs, too: an adapter has a session of its own.

    For an interrupt Python does so by itself. What is ignored, as `nohup` has it, stays ignored.
    """

    def end(number: int, _frame: Any) -> None:
        for each in held:  # once is enough: what runs is being ended
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)  # as a shell has it

    held = []
    if threading.current_thread() is threading.main_thread():  # no other can handle a signal
        both = (signal.SIGTERM, signal.SIGHUP)
        held = [each for each in both if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for each in held:
            signal.signal(each, end)
        yield
    except SystemExit:
        say("interrupted")
        raise
    finally:
        for each in held:
            signal.signal(each, signal.SIG_DFL)


@click.command(
    "conformance",
    cls=Command,
    examples=(
        f"kaizen-agentic contract conformance --command '{OWN}'",
        f"kaizen-agentic contract conformance --only 'clocks-*' \\\n    --command '{OWN}'",
    ),
)
@click.option(
    "--command", "line", metavar="COMMAND",
    help="What answers a vector: one JSON on standard input, one on standard output.",
)  # fmt: skip
@click.option(
    "--vectors", metavar="DIR",
    help="A folder that contract export has written. Default: the packaged vectors.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, metavar="NAME", shell_complete=_complete,
    help="Only this vector, or those that a glob takes in; may be repeated.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.IntRange(1, 86_400), default=int(api.TIMEOUT_S), show_default=True,
    metavar="SECONDS", help="End the command where it takes longer for one vector.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N",
    help="How many vectors are answered at a time. Default: as many as there are processors.",
)  # fmt: skip
@format_option("text", "json")
@output_option
@quiet_option
def conformance(
    *,
    line: str | None,
    vectors: str | None,
    only: tuple[str, ...],
    timeout: int,
    jobs: int | None,
    form: str,
    output: str | None,
    quiet: bool,
) -> int:
    """Ask another resolver every vector, and show what its answers differ in.

    COMMAND is run without a shell, once for each vector. On its standard input is the vector, whose
    `expected` is null; on standard output it writes a resolution as JSON.
    """
    from .fleet import progress_bar

    if line is None:
        raise click.UsageError(f"--command is missing; try it with --command '{OWN}'")
    with _ended_by_signals(), progress_bar("vectors answered", quiet=quiet, every=1) as told:
        result = api.check_conformance(
            line, vectors=vectors, only=only, timeout_s=timeout, jobs=jobs, told=told
        )
    if vectors is not None:
        packaged = set(api.vector_names())
        held = packaged.intersection(api.vector_names(vectors))
        if len(held) < len(packaged):
            warning = f"the folder has {len(held)} of the {len(packaged)} packaged vectors"
            say(f"warning: {warning}", quiet=quiet)
    if form == "json":
        emit(to_json(result), output)
    else:
        emit(render_conformance(result, style=styler(output)), output)
        say(_next(result, line, vectors, every=not only), quiet=quiet)
    return 0 if result.ok else 1


def _next(result: Conformance, line: str, vectors: str | None, *, every: bool) -> str:
    """What is sensible next: one vector by itself, then its file; all of them; then a pilot."""
    again = ["kaizen-agentic", "contract", "conformance", "--command", line]
    again += ["--vectors", vectors] if vectors is not None else []
    see = ""
    if result.ok:
        words = ["kaizen-agentic", "schedule", "pilot"] if every else again
    else:
        name = next(vector.name for vector in result.vectors if not vector.ok)
        file = api.vector_path(name, vectors)
        if len(result.vectors) > 1:
            words = [*again, "--only", name]
            see = file if vectors is not None else ""
        elif vectors is None:
            words = ["kaizen-agentic", "contract", "export", "out"]
            see = f"out/contracts/vectors/{name}.json"
        else:
            words = ["kaizen-agentic", "contract", "answer", file]
    text = safety.shell_line(words) + (f"; see {see}" if see else "")
    if not safety.printable(text) or safety.find_secrets(text):
        return ""
    return f"next: {text}"


@click.command(
    "answer",
    cls=Command,
    examples=(
        "kaizen-agentic contract answer missed.json",
        "kaizen-agentic contract answer < missed.json",
    ),
)
@click.argument("file", required=False, type=click.Path())
@output_option
def answer(file: str | None, *, output: str | None) -> int:
    """Answer a vector with this program's own resolver, as JSON.

    The vector is read from FILE, else from standard input; what answer it expects is not looked at.
    """
    if file in (None, "-"):
        label = "the vector on standard input"
        if sys.stdin is None:
            raise click.UsageError("no vector: standard input is closed; name a FILE")
        if sys.stdin.isatty():
            say("the vector, then Ctrl-D on a line of its own:")
        data = sys.stdin.buffer.read(VECTOR_CAP + 1)
        if len(data) > VECTOR_CAP:
            raise click.UsageError(f"{label} holds more than {VECTOR_CAP:,} bytes")
    else:
        label = safety.show(str(file), 200)
        data = read_file(str(file), VECTOR_CAP)
    emit(to_json(api.answer_vector(data, label=label)), output)
    return 0


COMMANDS = {"conformance": conformance, "answer": answer}
