"""The command line: options in, one library call, a reporter, an exit code.

Groups and their modules are imported when they are called, so that each command starts fast.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from kaizen_schedule import __version__
from kaizen_schedule.reading.errors import KaizenError, OutputError

from .output import ClosedStream, say, say_error, write_stdout

INTERRUPTED = 130

_GROUPS = {
    "schedule": "declare, check, list and prepare what is scheduled",
    "agents": "the prompts that entries can name",
    "memory": "notes that an agent leaves for its next run",
    "metrics": "how runs ended, and what follows from it",
    "contract": "what other teams build against",
    "completion": "shell completion",
}


class Group(click.Group):
    """A group that knows what was probably meant."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command; an unknown one names the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kaizen_schedule.planning.shape import nearest
            from kaizen_schedule.reading import safety

            near = nearest(args[0], self.list_commands(ctx))
            message = f"no command {safety.show(args[0])} in {ctx.command_path}"
            raise click.UsageError(
                f"{message}; did you mean {near}?" if near else message, ctx
            ) from error


class LazyGroup(Group):
    """The root, whose groups are imported when they are named."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The groups in the order in which people meet them."""
        return list(_GROUPS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import a group."""
        if name not in _GROUPS:
            return None
        command: click.Command = import_module(f"{__name__}.{name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the groups without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_GROUPS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Begin with: kaizen-agentic schedule init",
)
@click.version_option(__version__, prog_name="kaizen-agentic", message="%(prog)s %(version)s")
def root() -> None:
    """Which coding agents run in a repository, and how often.

    It validates, computes and prepares; it never runs an agent itself.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: The words after the program's name; those of the process if None.

    Returns:
        The exit code: 0 fine; 1 findings, a faulty file or a refusal; 2 wrong use, or no manifest;
        3 a hub or a snapshot cannot be had; 130 interrupted.
    """
    if sys.stdout is None:
        sys.stdout = ClosedStream()
    try:
        code = root.main(
            args=list(args) if args is not None else None,
            prog_name="kaizen-agentic",
            standalone_mode=False,
        )
        write_stdout("")  # what click wrote of itself is flushed, or known not to be
    except click.UsageError as error:
        _say_usage(error)
        return 2
    except click.ClickException as error:
        say(f"error: {error.format_message()}")
        return 2
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except KaizenError as error:
        say_error(error)
        return error.exit_code
    except OSError as error:
        from kaizen_schedule.edges.files import reason_of

        try:
            write_stdout("")  # click writes help by itself
        except OutputError as unwritten:
            say_error(unwritten)
        else:
            say(f"error: {reason_of(error)}")
        return 1
    except Exception as error:
        if os.environ.get("KAIZEN_TRACEBACK"):
            raise
        _say_defect(error)
        return 1
    return code if isinstance(code, int) else 0


def _say_defect(error: Exception) -> None:
    """Say that the program itself is at fault, and where, instead of a page of its source."""
    from kaizen_schedule.reading.errors import describe_defect

    say(f"error: {describe_defect(error)}")
    say("fix: report it, with what KAIZEN_TRACEBACK=1 in the environment adds")


def _say_usage(error: click.UsageError) -> None:
    from kaizen_schedule.reading import safety

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return
    message = safety.redact(error.format_message())[0]  # it repeats what was typed
    words = re.sub(r"\S{200,}", lambda word: safety.clip(word[0], 200), safety.reveal(message))
    say(f"error: {words}")
    if error.ctx is not None:
        say(f"fix: {error.ctx.command_path} --help")
