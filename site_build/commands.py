"""The commands as ``mkdocs-click`` shows them: ``schedule_init`` is ``schedule init``.

``program`` is the program itself. mkdocs-click knows neither the examples that end a ``--help`` nor
commands that are imported when they are named, and wraps options to the width of the builder's
terminal. Here each command is a copy with its examples in the text, its full name and one width.
"""

from __future__ import annotations

import copy
import inspect

import click

from kaizen_schedule import cli

PROGRAM = "kaizen-agentic"
WIDTH = 80


def _context_of(full_name: str) -> type[click.Context]:
    """A context that knows a command's full name without having its group."""

    class Context(click.Context):
        @property
        def command_path(self) -> str:
            return full_name

    return Context


def _find(words: list[str]) -> click.Command:
    command: click.Command = cli.root
    for word in words:
        context = click.Context(command)
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        if found is None:
            raise AttributeError(f"no command {' '.join(words)}")
        command = found
    return command


def _shown(command: click.Command, words: list[str]) -> click.Command:
    shown = copy.copy(command)
    shown.name = words[-1] if words else PROGRAM
    shown.context_class = _context_of(" ".join([PROGRAM, *words]))
    shown.context_settings = {
        **cli.root.context_settings,
        **command.context_settings,
        "terminal_width": WIDTH,
        "max_content_width": WIDTH,
    }
    examples = getattr(command, "examples", ())
    if examples:
        lines = ["", "", "**Examples:**", "", "```sh", *examples, "```"]
        shown.help = "\n".join([inspect.cleandoc(command.help or ""), *lines])
    if isinstance(command, click.Group):  # its commands have headings of their own
        plain = click.Group(name=shown.name, params=command.params, help=command.help)
        plain.context_settings = shown.context_settings
        plain.context_class = shown.context_class
        return plain
    return shown


def __getattr__(name: str) -> click.Command:
    if name.startswith("__"):
        raise AttributeError(name)
    words = [] if name == "program" else name.split("_")
    return _shown(_find(words), words)
