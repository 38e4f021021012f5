"""Frames of who takes part: repositories, reasons, entries, exclusions, changes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from kaizen_schedule.planning.answers import CHECKS, Change, RosterAnswer, RosterRow
from kaizen_schedule.planning.definitions import seconds_of
from kaizen_schedule.planning.eligibility import Exclusion
from kaizen_schedule.planning.reasons import TRANSIENT, Reason
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.planning.windows import stagger

from .columns import Standing, build
from .survey import Survey

_CHECK_OF = {reason: check.name for check in CHECKS for reason in check.reasons}
_RANK = {reason: rank for rank, reason in enumerate(Reason)}


def _first(row: RosterRow) -> Reason | None:
    """Why a repository takes no part: the first of its reasons, in the order of looking."""
    if row.eligible or not row.reasons:
        return None
    if len(row.reasons) == 1:
        return row.reasons[0].reason
    return min((reason.reason for reason in row.reasons), key=_RANK.__getitem__)


def roster(answer: RosterAnswer) -> pd.DataFrame:
    """Make a frame of a roster's answer: one row for each registered repository.

    Args:
        answer: The answer.

    Returns:
        The columns are ``COLUMNS["roster"]``.

    Example:
        >>> from kaizen_schedule import Asking, load_roster, show_roster
        >>> items = [{"slug": "ledger", "host_paths": {"forge-1": str(repository)}}]
        >>> answer = show_roster(Asking(roster=load_roster(items), host="forge-1"))
        >>> roster(answer)[["repo", "eligible", "agents"]].to_dict("records")
        [{'repo': 'ledger', 'eligible': True, 'agents': 2}]
    """
    rows = answer.repos
    return build(
        "roster",
        {
            "repo": [row.repo for row in rows],
            "eligible": [row.eligible for row in rows],
            "agents": [len(row.agents) for row in rows],
            "reasons": [len(row.reasons) for row in rows],
            "reason": [_first(row) for row in rows],
            # Of the whole repository comes first, and alone.
            "whole": [
                not row.eligible and bool(row.reasons) and row.reasons[0].agent is None
                for row in rows
            ],
        },
    )


def reasons(answer: RosterAnswer) -> pd.DataFrame:
    """Make a frame of what a roster's answer says against repositories and entries: one row each.

    Args:
        answer: The answer.

    Returns:
        The columns are ``COLUMNS["reasons"]``.
    """
    pairs = [(row, item) for row in answer.repos for item in row.reasons]
    return build(
        "reasons",
        {
            "repo": [row.repo for row, _ in pairs],
            "agent": [item.agent for _, item in pairs],
            "reason": [item.reason for _, item in pairs],
            "check": [_CHECK_OF[item.reason] for _, item in pairs],
            "whole": [item.agent is None for _, item in pairs],
            "transient": [item.reason in TRANSIENT for _, item in pairs],
            "eligible": [row.eligible for row, _ in pairs],
            "detail": [item.detail for _, item in pairs],
            "fix": [item.fix for _, item in pairs],
        },
    )


def changes(found: Sequence[Change]) -> pd.DataFrame:
    """Make a frame of what two answers say differently: one row for each repository.

    Args:
        found: What ``changes`` of the roster's answers found.

    Returns:
        The columns are ``COLUMNS["changes"]``.
    """

    def standing(row: RosterRow | None) -> Standing:
        if row is None:
            return Standing.UNKNOWN
        return Standing.ELIGIBLE if row.eligible else Standing.EXCLUDED

    def moved(one: RosterRow | None, other: RosterRow | None) -> str:
        return ", ".join(
            sorted({*(one.agents if one else ())} - {*(other.agents if other else ())})
        )

    return build(
        "changes",
        {
            "repo": [item.repo for item in found],
            "before": [standing(item.before) for item in found],
            "after": [standing(item.after) for item in found],
            "reason_before": [_first(item.before) if item.before else None for item in found],
            "reason_after": [_first(item.after) if item.after else None for item in found],
            "gained": [moved(item.after, item.before) for item in found],
            "lost": [moved(item.before, item.after) for item in found],
        },
    )


def exclusions(found: Resolution | Sequence[Exclusion]) -> pd.DataFrame:
    """Make a frame of the exclusions of a window, or of a look into the fleet: one row each.

    Args:
        found: The resolver's answer, or exclusions.

    Returns:
        The columns are ``COLUMNS["exclusions"]``.
    """
    rows = found.exclusions if isinstance(found, Resolution) else found
    return build(
        "exclusions",
        {
            "repo": [row.repo for row in rows],
            "agent": [row.agent for row in rows],
            "reason": [row.reason for row in rows],
            "check": [_CHECK_OF[row.reason] for row in rows],
            "whole": [row.agent is None for row in rows],
            "transient": [row.transient for row in rows],
            "code": [row.diagnostics[0].code if row.diagnostics else None for row in rows],
            "errors": [len(row.diagnostics) for row in rows],
            "detail": [row.detail for row in rows],
            "fix": [row.fix for row in rows],
        },
    )


def entries(found: Survey) -> pd.DataFrame:
    """Make a frame of the entries that can run: one row each.

    Args:
        found: What a look into the fleet found.

    Returns:
        The columns are ``COLUMNS["entries"]``.
    """
    rows = [(place, item, seen) for place, seen in found.looked for item in seen.runnable]
    policies = [item.definition.policy for _, item, _ in rows]
    late = [
        stagger(place.repo, item.agent, seconds_of(policy.stagger_window))
        for (place, item, _), policy in zip(rows, policies, strict=True)
    ]
    return build(
        "entries",
        {
            "repo": [place.repo for place, _, _ in rows],
            "agent": [item.agent for _, item, _ in rows],
            "cadence": [item.entry.cadence for _, item, _ in rows],
            "cron": [item.timing.cron for _, item, _ in rows],
            "cron_origin": [item.timing.cron_origin.value for _, item, _ in rows],
            "timezone": [item.timing.timezone for _, item, _ in rows],
            "definition": [item.definition.id for _, item, _ in rows],
            "review": [item.entry.review.value for _, item, _ in rows],
            "host": [found.around.host] * len(rows),
            "path": [place.path for place, _, _ in rows],
            "manifest_sha256": [seen.manifest_sha256 for _, _, seen in rows],
            "stagger_s": [value.seconds + 86_400 * value.days for value in late],
            "expires_after_s": [seconds_of(policy.expires_after) for policy in policies],
        },
    )
