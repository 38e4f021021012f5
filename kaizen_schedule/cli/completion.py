"""``kaizen-agentic completion``: the script that makes a shell complete commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .commands import Command
from .output import emit


@click.command(
    "completion",
    cls=Command,
    examples=(
        'eval "$(kaizen-agentic completion bash)"',
        "kaizen-agentic completion zsh > _kaizen-agentic",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script of a shell."""
    from . import root

    kind = get_completion_class(shell)
    assert kind is not None  # the choice lists what click has
    script = kind(root, {}, "kaizen-agentic", "_KAIZEN_AGENTIC_COMPLETE")
    emit(script.source_template % script.source_vars())
    return 0
