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
    """Why there is no run, in the order in which it is looked for: the first that applies.

    Example:
        >>> from kaizen_schedule import Asking, load_roster, show_roster
        >>> roster = load_roster([{"slug": "ledger", "host_paths": {"forge-1": "/nowhere"}}])
        >>> row = show_roster(Asking(roster=roster, host="forge-1")).repos[0]
        >>> row.reasons[0].reason is Reason.PATH_MISSING, Reason.PATH_MISSING in TRANSIENT
        (True, True)
    """

    ROSTER_ENTRY_INVALID = "roster-entry-invalid"
    """The roster's item cannot be used."""
    DUPLICATE_SLUG = "duplicate-slug"
    """Two items of the roster have the slug; neither is used."""
    HUB_OPTED_OUT = "hub-opted-out"
    """The roster says that it takes no part."""
    NOT_SELECTED = "not-selected"
    """The definition's globs leave it out."""
    NO_HOST_PATH = "no-host-path"
    """It is registered without a checkout on any host."""
    HOST_UNREACHABLE = "host-unreachable"
    """No participating host has a checkout; of merged answers, its owner's is missing."""
    OTHER_HOST = "other-host"
    """Another host runs it; that is no fault."""
    DUPLICATE_PATH = "duplicate-path"
    """Another slug has the same checkout; the smallest one keeps it."""
    PATH_MISSING = "path-missing"
    """Nothing stands at its path."""
    NOT_A_REPOSITORY = "not-a-repository"
    """What stands there is no checkout: neither `.git` nor a manifest."""
    UNREADABLE = "unreadable"
    """The checkout, or a file that counts, cannot be read."""
    MANIFEST_MISSING = "manifest-missing"
    """It has not opted in: there is no manifest."""
    MANIFEST_TOO_NEW = "manifest-too-new"
    """Its manifest is written for a newer version of this program."""
    MANIFEST_INVALID = "manifest-invalid"
    """Its manifest has errors."""
    REPOSITORY_DISABLED = "repository-disabled"
    """Its manifest switches the whole repository off."""
    NO_METRICS = "no-metrics"
    """No run is recorded there yet; for a definition about repositories."""
    AGENT_NOT_SCHEDULED = "agent-not-scheduled"
    """Its manifest has no entry for the agent; counted, and listed on request."""
    AGENT_DISABLED = "agent-disabled"
    """The entry is switched off."""
    AGENT_NOT_INSTALLED = "agent-not-installed"
    """There is no prompt for the agent that can be used."""
    REVIEW_MISSING = "review-missing"
    """An agent of high risk, and no `review: required`."""
    CADENCE_DIFFERS = "cadence-differs"
    """The definition asks for another cadence."""
    NO_DEFINITION = "no-definition"
    """No definition is for this agent and cadence: nobody fires it."""
    TOO_FREQUENT = "too-frequent"
    """It fires more than 48 times on some day."""
    MISSED = "missed"
    """What fell into the window has expired by now."""
    NOT_DUE = "not-due"
    """Nothing falls into the window."""


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
