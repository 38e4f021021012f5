"""The reasons why there is no run, and the checks that are made twice.

An entry is looked at when its runs are handed out, and once more when one is prepared; both say the
same of the same fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.diagnostics import Diagnostic

from .agents import Prompt, Risk, label
from .manifest import MANIFEST_PATH, CheckedManifest, Entry, Review

PROGRAM = "kaizen-agentic"


class Reason(StrEnum):
    """Why there is no run, in the order in which it is looked for: the first that applies."""

    ROSTER_ENTRY_INVALID = "roster-entry-invalid"
    DUPLICATE_SLUG = "duplicate-slug"
    HUB_OPTED_OUT = "hub-opted-out"
    NOT_SELECTED = "not-selected"
    NO_HOST_PATH = "no-host-path"
    HOST_UNREACHABLE = "host-unreachable"
    OTHER_HOST = "other-host"
    DUPLICATE_PATH = "duplicate-path"
    PATH_MISSING = "path-missing"
    NOT_A_REPOSITORY = "not-a-repository"
    UNREADABLE = "unreadable"
    MANIFEST_MISSING = "manifest-missing"
    MANIFEST_TOO_NEW = "manifest-too-new"
    MANIFEST_INVALID = "manifest-invalid"
    REPOSITORY_DISABLED = "repository-disabled"
    NO_METRICS = "no-metrics"
    AGENT_NOT_SCHEDULED = "agent-not-scheduled"
    AGENT_DISABLED = "agent-disabled"
    AGENT_NOT_INSTALLED = "agent-not-installed"
    REVIEW_MISSING = "review-missing"
    CADENCE_DIFFERS = "cadence-differs"
    NO_DEFINITION = "no-definition"
    TOO_FREQUENT = "too-frequent"
    MISSED = "missed"
    NOT_DUE = "not-due"


TRANSIENT = frozenset({Reason.HOST_UNREACHABLE, Reason.PATH_MISSING, Reason.UNREADABLE})
"""What may pass by itself: a host that is down, a disk that is not there."""


class Problem(NamedTuple):
    """What stands in the way of a run."""

    reason: Reason
    detail: str
    """The facts in one sentence, safe to print."""
    fix: str
    """What to do about it."""


def on_target(words: Sequence[str], path: str) -> str:
    """A command on a checkout, as it can be printed."""
    if safety.printable(path) and not safety.find_secrets(path):
        return safety.shell_line((PROGRAM, *words, path))
    return safety.shell_line((PROGRAM, *words[: -1 if words[-1] == "--target" else None]))


def manifest_problem(
    checked: CheckedManifest, errors: Sequence[Diagnostic], *, path: str
) -> Problem | None:
    """Why a manifest lets nothing run.

    Args:
        checked: The manifest.
        errors: Its errors in file order.
        path: The checkout, for commands.
    """
    if checked.manifest is None:
        first = errors[0]
        if first.code == rules.NEWER_VERSION.code:
            fix = "upgrade kaizen-schedule on this host"
            return Problem(Reason.MANIFEST_TOO_NEW, first.message, fix)
        count = f"{len(errors):,} error{'s' if len(errors) > 1 else ''}"
        place = f"{first.path}:{first.line}:{first.column}"
        detail = f"{count}, first at {place}: {first.code} {first.message}"
        fix = on_target(("schedule", "validate"), path)
        return Problem(Reason.MANIFEST_INVALID, detail, fix)
    if not checked.manifest.enabled:
        detail = f"enabled: false in {MANIFEST_PATH} switches the repository off"
        fix = on_target(("schedule", "enable", "--target"), path)
        return Problem(Reason.REPOSITORY_DISABLED, detail, fix)
    return None


def entry_problem(agent: str, entry: Entry | None, *, path: str) -> Problem | None:
    """Why an entry does not run, as far as the manifest says it.

    Args:
        agent: The entry's agent.
        entry: The entry, where there is one.
        path: The checkout, for commands.
    """
    name = label(agent)
    if entry is None:
        detail = f"{name} has no entry in {MANIFEST_PATH}"
        return Problem(
            Reason.AGENT_NOT_SCHEDULED, detail, f"to schedule it, add {name}: under agents:"
        )
    if not entry.enabled:
        fix = on_target(("schedule", "enable", agent, "--target"), path)
        return Problem(Reason.AGENT_DISABLED, f"enabled: false in the entry {name}", fix)
    return None


def prompt_problem(agent: str, entry: Entry, prompt: Prompt | None) -> Problem | None:
    """Why an entry does not run, as far as its agent's prompt says it.

    Args:
        agent: The entry's agent.
        entry: The entry.
        prompt: The agent's prompt, where there is one.
    """
    name = label(agent)
    if prompt is None:
        detail = f"there is no prompt for agent {name}"
        return Problem(Reason.AGENT_NOT_INSTALLED, detail, f"put it at agents/agent-{name}.md")
    if not prompt.readable:
        return unusable(prompt)
    if prompt.risk is Risk.HIGH and entry.review is not Review.REQUIRED:
        detail = f"agent {name} has risk: high and its entry has no review: required"
        return Problem(Reason.REVIEW_MISSING, detail, "add review: required to the entry")
    return None


def unusable(prompt: Prompt) -> Problem:
    """What is wrong with a prompt that cannot be read, and how to mend it."""
    fault = prompt.diagnostics[0]
    detail = f"the prompt of agent {label(prompt.name)} cannot be used: {fault.message}"
    return Problem(Reason.AGENT_NOT_INSTALLED, detail, fault.fix)
