"""What commands share: results to stdout or a file, words to stderr, common options."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from kaizen_schedule.reading.errors import KaizenError, OutputError

Function = TypeVar("Function", bound=Callable[..., Any])


class ClosedStream:
    """Stands for a standard output that was closed before the program began."""

    encoding = "utf-8"

    def write(self, text: str | bytes) -> int:
        """Fail as a closed descriptor does; to write nothing fails nowhere."""
        if text:
            raise _unwritten(errno.EBADF)
        return 0

    def flush(self) -> None:
        """Nothing is buffered."""

    def isatty(self) -> bool:
        """It is none."""
        return False


def write_stdout(text: str) -> None:
    """Write a result to standard output, in UTF-8 whatever the locale.

    Raises:
        OutputError: It cannot be written.
    """
    stream: Any = getattr(sys.stdout, "buffer", sys.stdout)
    try:
        sys.stdout.flush()
        stream.write(text.encode("utf-8", "backslashreplace"))
        stream.flush()
    except BrokenPipeError as error:
        silence(sys.stdout)
        raise OutputError("") from error
    except OSError as error:
        silence(sys.stdout)
        raise _unwritten(error.errno) from error


def _unwritten(number: int | None) -> OutputError:
    reason = os.strerror(number or errno.EIO).lower()
    return OutputError(f"cannot write to standard output: {reason}")


def silence(stream: Any) -> None:
    """Keep the interpreter from trying, and failing, once more when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def emit(text: str, output: str | None = None) -> None:
    """Hand out a result: to standard output, or whole and at once to a file."""
    if output is None or output == "-":
        write_stdout(text)
    else:
        from pathlib import Path

        from kaizen_schedule.edges.writing import write_output

        write_output(Path(output), text.encode("utf-8", "backslashreplace"))


def check_place(output: str | None) -> None:
    """Say at once, and not after long work, that a result could not be written where it is to go.

    Raises:
        OutputError: It could not.
    """
    if output is not None and output != "-":
        from pathlib import Path

        from kaizen_schedule.edges.writing import check_output

        check_output(Path(output))


def say(text: str, *, quiet: bool = False) -> None:
    """Say something about a result, to standard error; nobody has to listen."""
    if text and not quiet and sys.stderr is not None:
        try:
            sys.stderr.write(text if text.endswith("\n") else f"{text}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            silence(sys.stderr)


def say_error(error: KaizenError) -> None:
    """Say what went wrong and what to do about it."""
    if error.diagnostics:
        from kaizen_schedule.publishing.reporters import render_diagnostics

        say(render_diagnostics(error.diagnostics))
    if error.message:
        say(f"error: {error.message}")
    if error.fix:
        say(f"fix: {error.fix}")


def styler(output: str | None = None) -> Callable[[str, str], str]:
    """Colours for a terminal that wants them; none elsewhere, and none for a result's file."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if not (wanted and output in (None, "-") and sys.stdout.isatty()):
        return lambda text, _colour: text
    return lambda text, colour: click.style(text, fg=colour)


class InstantType(click.ParamType[datetime]):
    """An ISO 8601 instant with an offset or ``Z``."""

    name = "instant"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Read the option's text."""
        if isinstance(value, datetime):
            return value
        from kaizen_schedule.api.targets import parse_instant

        try:
            return parse_instant(value)
        except KaizenError as error:
            self.fail(f"{error.message}; {error.fix}", param, ctx)


INSTANT = InstantType()

target_option = click.option(
    "--target",
    metavar="PATH",
    help="The repository's folder. Default: the nearest one upwards with a manifest, else here.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Say nothing beside the result.")
output_option = click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    help="Write the result to a file instead of standard output.",
)
now_option = click.option(
    "--now",
    type=INSTANT,
    metavar="INSTANT",
    help="Take this instant for now, such as 2026-11-30T09:00:00Z.",
)


def format_option(*names: str) -> Callable[[Function], Function]:
    """The option ``--format``; the first name is the default."""
    return click.option(
        "--format", "form", type=click.Choice(names), default=names[0], show_default=True,
        help="How the result is written.",
    )  # fmt: skip


def clock(now: datetime | None) -> datetime:
    """The instant given, else the machine's."""
    return now if now is not None else datetime.now(UTC)
