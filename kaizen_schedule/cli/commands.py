"""A command whose help ends with examples, and a group that lists its commands by reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from . import Group


class Command(click.Command):
    """A command with examples.

    Args:
        examples: Command lines, tested; shown at the end of the help.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  {example}\n")


class SectionedGroup(Group):
    """A group whose help lists its commands by who needs them.

    Args:
        sections: Reader to commands.
        elsewhere: Commands that stand in another module, which is imported when one is named.
    """

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Sequence[str]] | None = None,
        elsewhere: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = dict(sections or {})
        self.elsewhere = dict(elsewhere or {})

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every command, those of other modules included."""
        return [name for names in self.sections.values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Find a command, in its own module where it has one."""
        if module := self.elsewhere.get(name):
            command: click.Command = import_module(f"{__package__}.{module}").COMMANDS[name]
            return command
        return super().get_command(ctx, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        for title, names in self.sections.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                if command is not None:
                    rows.append((name, command.get_short_help_str(limit=60)))
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
