"""``kaizen-agentic agents``: the prompts that entries can name."""

from __future__ import annotations

from typing import Any

import click

from kaizen_schedule.api import editing, targets
from kaizen_schedule.planning.agents import Prompt
from kaizen_schedule.publishing import reporters
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import dumps, to_plain

from .commands import Command, SectionedGroup
from .output import emit, format_option, output_option, quiet_option, say, styler, target_option


@click.group(cls=SectionedGroup, sections={"Commands": ("list", "show", "install")})
def command() -> None:
    """The prompts that entries can name."""


def _plain(prompt: Prompt) -> dict[str, Any]:
    """A prompt without its text, for lists."""
    plain = to_plain(prompt)
    assert isinstance(plain, dict)
    plain["description"] = safety.redact(prompt.description)[0]
    return {key: plain[key] for key in plain if key not in ("text", "body")}


@command.command(
    "list",
    cls=Command,
    examples=("kaizen-agentic agents list", "kaizen-agentic agents list --format json"),
)
@target_option
@format_option("text", "json")
@output_option
@quiet_option
def list_(target: str | None, *, form: str, output: str | None, quiet: bool) -> int:
    """List the prompts found here and packaged, their risk, and what is odd about them.

    Exit code 1 means that one of them cannot be read.
    """
    report = editing.list_agents(targets.locate_target(target))
    broken = any(not prompt.readable for prompt in report.agents)
    if form == "json":
        header = {"schema_version": report.schema_version, "tool_version": report.tool_version}
        agents = [_plain(prompt) for prompt in report.agents]
        emit(dumps({**header, "ok": not broken, "agents": agents}), output)
        return int(broken)
    rows = [
        (
            safety.clip(safety.escape(prompt.name), 30),
            prompt.risk,
            "packaged" if prompt.packaged else safety.clip(safety.escape(prompt.path), 40),
            safety.escape(safety.redact(prompt.description[:400])[0])
            if prompt.readable
            else "cannot be read",
        )
        for prompt in report.agents
    ]
    diagnostics = [d for prompt in report.agents for d in prompt.diagnostics]
    table = reporters.render_table(("AGENT", "RISK", "FROM", "WHAT FOR"), rows)
    emit(
        table
        + ("\n" if diagnostics else "")
        + reporters.render_diagnostics(diagnostics, style=styler(output)),
        output,
    )
    if diagnostics:
        say(reporters.summary_of(diagnostics), quiet=quiet)
    say("next: kaizen-agentic agents show NAME", quiet=quiet)
    return int(broken)


@command.command(
    "show",
    cls=Command,
    examples=("kaizen-agentic agents show coach", "kaizen-agentic agents show coach --format json"),
)
@click.argument("agent")
@target_option
@format_option("text", "json")
@output_option
@quiet_option
def show(agent: str, target: str | None, *, form: str, output: str | None, quiet: bool) -> int:
    """Print the prompt that counts for an agent here."""
    prompt = editing.show_agent(targets.locate_target(target), agent)
    text = safety.reveal(safety.redact(prompt.text)[0])
    if form == "json":
        emit(dumps({**_plain(prompt), "text": text}), output)
    else:
        emit(text if text.endswith("\n") or not text else f"{text}\n", output)
    say(reporters.render_diagnostics(prompt.diagnostics), quiet=quiet)
    return int(not prompt.readable)


@command.command(
    "install",
    cls=Command,
    examples=("kaizen-agentic agents install coach",),
)
@click.argument("agent")
@target_option
@click.option("--force", is_flag=True, help="Overwrite a prompt that is there already.")
@quiet_option
def install(agent: str, target: str | None, *, force: bool, quiet: bool) -> int:
    """Copy a packaged prompt into this repository, to be adapted here."""
    path = editing.install_agent(targets.locate_target(target), agent, force=force)
    say(f"wrote {path}; from now on it counts here in place of the packaged one", quiet=quiet)
    say(f"next: edit it, then: kaizen-agentic schedule prepare {agent}", quiet=quiet)
    return 0
