"""Writes and edits the manifest's text, keeping what people wrote around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kaizen_schedule.planning.agents import Prompt, Risk
from kaizen_schedule.planning.manifest import Manifest, check_manifest
from kaizen_schedule.planning.recurrence import Zones
from kaizen_schedule.reading.diagnostics import SITE
from kaizen_schedule.reading.document import Document, parse_document
from kaizen_schedule.reading.errors import Refusal

SCHEMA_URL = f"{SITE}contracts/manifest.schema.json"
"""Where editors find the manifest's schema."""

_HEAD = """\
# yaml-language-server: $schema={schema}
# Which coding agents run in this repository, and how often.
# Check it: kaizen-agentic schedule validate
version: "1"
timezone: {timezone}
agents:
"""

_DEFAULT = """\
  coach:
    cadence: weekly
  optimization:
    cadence: weekly
  tdd-workflow:
    cadence: monthly
    enabled: false
"""


def render_manifest(*, timezone: str, prompts: Mapping[str, Prompt]) -> str:
    """Render a new manifest.

    Args:
        timezone: The IANA zone.
        prompts: The agents to schedule weekly, with their prompts; empty for the usual three.

    Example:
        >>> print(render_manifest(timezone="UTC", prompts={}).splitlines()[3])
        version: "1"
    """
    head = _HEAD.format(schema=SCHEMA_URL, timezone=timezone)
    if not prompts:
        return head + _DEFAULT
    lines = []
    for name, prompt in prompts.items():
        lines += [f"  {_key(name)}:", "    cadence: weekly"]
        if prompt.risk is Risk.HIGH:
            lines.append("    review: required  # its prompt says risk: high")
    return head + "\n".join(lines) + "\n"


def _key(name: str) -> str:
    """A name as a YAML key: words such as ``null`` need quotes."""
    return f'"{name}"' if name.lower() in ("null", "true", "false") else name


def switch(
    document: Document, manifest: Manifest, agent: str | None, *, enabled: bool, zones: Zones
) -> str:
    """The manifest's text with one line changed, so that an entry or the repository is on or off.

    Args:
        document: The manifest as read.
        manifest: What it says.
        agent: The entry's agent; None for the repository.
        enabled: On or off.
        zones: The time zones that exist.

    Raises:
        Refusal: Its form (an alias, one line of braces over several entries) leaves no one line
            to change.
    """
    route = () if agent is None else ("agents", agent)
    mapping = document.data if agent is None else document.data["agents"][agent]
    text = document.source.text
    word = "true" if enabled else "false"
    if "enabled" in mapping:
        span = document.locate((*route, "enabled"))
        start = document.source.starts[span.line - 1] + span.column - 1
        text = text[:start] + word + text[start + span.end_column - span.column :]
    else:
        # Beside the mapping's first key, in its own manner.
        first = next(iter(mapping))
        span = document.locate((*route, first), at_key=True)
        start = document.source.starts[span.line - 1] + span.column - 1
        line = document.source.line(span.line)
        before = line[: span.column - 1]
        end = document.source.starts[span.line - 1] + len(line)
        # As the line beside it ends; the last one may have no end.
        crlf = text.startswith("\r\n", end) or (end == len(text) and "\r\n" in text)
        ending = "\r\n" if crlf else "\n"
        if before.strip():
            text = f"{text[:start]}enabled: {word}, {text[start:]}"
        elif isinstance(mapping[first], dict | list):
            text = f"{text[:start]}enabled: {word}{ending}{before}{text[start:]}"
        else:
            text = f"{text[:end]}{ending}{before}enabled: {word}{text[end:]}"
    wanted = (
        replace(manifest, enabled=enabled)
        if agent is None
        else replace(
            manifest,
            agents={**manifest.agents, agent: replace(manifest.agents[agent], enabled=enabled)},
        )
    )
    changed = parse_document(text.encode(), path=document.path)
    if changed.findings or check_manifest(changed, zones=zones, prompts=None).manifest != wanted:
        what = "the repository" if agent is None else f"entry {agent}"
        raise Refusal(
            "not-one-line",
            f"the form of {document.path} leaves no one line to change for {what}",
            fix=f"edit the file: write enabled: {word} there",
        )
    return text
