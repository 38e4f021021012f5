"""Declare in a repository which coding agents run how often; check it; open every due run oriented.

Everything here is loaded when it is first used, so that importing the package costs nothing::

    from kaizen_schedule import validate

    for diagnostic in validate("path/to/checkout", now=now).diagnostics:
        print(diagnostic.code, diagnostic.line, diagnostic.message)
"""

from __future__ import annotations

# Not from typing: under `python -m` a checkout's own typing.py would be taken for it.
TYPE_CHECKING = False
__version__ = "1.3.0"

_EXPORTS = {
    "ActivityDefinition": "planning.definitions",
    "add_memory": "api.tasks",
    "AgentReport": "api.editing",
    "answer_vector": "api.conformance",
    "Asking": "api.fleet",
    "Bundle": "orienting.bundle",
    "Cadence": "planning.cron",
    "CellFailure": "edges.report",
    "check_conformance": "api.conformance",
    "CheckedManifest": "planning.manifest",
    "CheckedVector": "publishing.verdicts",
    "Close": "orienting.bundle",
    "CloseCommand": "orienting.bundle",
    "compare_contracts": "api.contracts",
    "Conformance": "publishing.verdicts",
    "cron_in_words": "api.listing",
    "CronOrigin": "planning.definitions",
    "Diagnostic": "reading.diagnostics",
    "Difference": "publishing.comparing",
    "discover_kaizen_scheduled_repos": "api.fleet",
    "Drift": "api.contracts",
    "enable": "api.editing",
    "Entry": "planning.manifest",
    "EntryRow": "api.listing",
    "Exclusion": "planning.eligibility",
    "Execution": "orienting.metrics",
    "explain_reason": "api.manifests",
    "explain_repository": "api.fleet",
    "explain_rule": "api.manifests",
    "Explanation": "planning.answers",
    "export_contracts": "api.contracts",
    "FaultyFileError": "api.operator_files",
    "FileFault": "reading.errors",
    "init": "api.editing",
    "install_agent": "api.editing",
    "Instant": "api.listing",
    "iter_pages": "planning.pages",
    "KaizenError": "reading.errors",
    "list_agents": "api.editing",
    "list_contracts": "api.contracts",
    "list_definitions": "api.definitions",
    "list_entries": "api.listing",
    "Listing": "api.listing",
    "list_reports": "api.report",
    "load_manifest": "api.manifests",
    "load_roster": "planning.roster",
    "MadeReport": "api.report",
    "make_report": "api.report",
    "Manifest": "planning.manifest",
    "ManifestError": "reading.errors",
    "Metrics": "api.tasks",
    "next_window": "planning.windows",
    "occurrences": "api.listing",
    "Outcome": "orienting.metrics",
    "OutputError": "reading.errors",
    "Page": "planning.pages",
    "parse_instant": "api.targets",
    "PilotResult": "api.pilot",
    "PilotStep": "orienting.record",
    "prepare": "api.tasks",
    "PreparedData": "orienting.events",
    "prepared_event": "orienting.events",
    "Prompt": "planning.agents",
    "read_definition": "api.definitions",
    "read_memory": "api.tasks",
    "read_metrics": "api.tasks",
    "ReadRoster": "api.fleet",
    "read_roster": "api.fleet",
    "Reason": "planning.reasons",
    "Recorded": "api.tasks",
    "record_execution": "api.tasks",
    "Redaction": "reading.safety",
    "Refusal": "reading.errors",
    "render_bundle": "orienting.bundle",
    "Report": "api.manifests",
    "RepoRun": "planning.definitions",
    "Resolution": "planning.resolver",
    "Review": "planning.manifest",
    "Risk": "planning.agents",
    "Roster": "planning.roster",
    "RosterAnswer": "planning.answers",
    "RosterRepo": "planning.roster",
    "Rule": "reading.rules",
    "RULES": "reading.rules",
    "Run": "planning.definitions",
    "run_pilot": "api.pilot",
    "Section": "orienting.bundle",
    "Severity": "reading.diagnostics",
    "show_agent": "api.editing",
    "show_roster": "api.fleet",
    "Source": "api.fleet",
    "SourceError": "reading.errors",
    "TargetError": "reading.errors",
    "Task": "planning.tasks",
    "tasks_of": "planning.tasks",
    "Timing": "planning.timetable",
    "Trust": "orienting.bundle",
    "UsageError": "reading.errors",
    "validate": "api.manifests",
    "Window": "planning.windows",
    "window_at": "api.definitions",
}

__all__ = [
    "RULES",
    "ActivityDefinition",
    "AgentReport",
    "Asking",
    "Bundle",
    "Cadence",
    "CellFailure",
    "CheckedManifest",
    "CheckedVector",
    "Close",
    "CloseCommand",
    "Conformance",
    "CronOrigin",
    "Diagnostic",
    "Difference",
    "Drift",
    "Entry",
    "EntryRow",
    "Exclusion",
    "Execution",
    "Explanation",
    "FaultyFileError",
    "FileFault",
    "Instant",
    "KaizenError",
    "Listing",
    "MadeReport",
    "Manifest",
    "ManifestError",
    "Metrics",
    "Outcome",
    "OutputError",
    "Page",
    "PilotResult",
    "PilotStep",
    "PreparedData",
    "Prompt",
    "ReadRoster",
    "Reason",
    "Recorded",
    "Redaction",
    "Refusal",
    "RepoRun",
    "Report",
    "Resolution",
    "Review",
    "Risk",
    "Roster",
    "RosterAnswer",
    "RosterRepo",
    "Rule",
    "Run",
    "Section",
    "Severity",
    "Source",
    "SourceError",
    "TargetError",
    "Task",
    "Timing",
    "Trust",
    "UsageError",
    "Window",
    "__version__",
    "add_memory",
    "answer_vector",
    "check_conformance",
    "compare_contracts",
    "cron_in_words",
    "discover_kaizen_scheduled_repos",
    "enable",
    "explain_reason",
    "explain_repository",
    "explain_rule",
    "export_contracts",
    "init",
    "install_agent",
    "iter_pages",
    "list_agents",
    "list_contracts",
    "list_definitions",
    "list_entries",
    "list_reports",
    "load_manifest",
    "load_roster",
    "make_report",
    "next_window",
    "occurrences",
    "parse_instant",
    "prepare",
    "prepared_event",
    "read_definition",
    "read_memory",
    "read_metrics",
    "read_roster",
    "record_execution",
    "render_bundle",
    "run_pilot",
    "show_agent",
    "show_roster",
    "tasks_of",
    "validate",
    "window_at",
]

if TYPE_CHECKING:
    from .api.conformance import answer_vector, check_conformance
    from .api.contracts import Drift, compare_contracts, export_contracts, list_contracts
    from .api.definitions import list_definitions, read_definition, window_at
    from .api.editing import AgentReport, enable, init, install_agent, list_agents, show_agent
    from .api.fleet import (
        Asking,
        ReadRoster,
        Source,
        discover_kaizen_scheduled_repos,
        explain_repository,
        read_roster,
        show_roster,
    )
    from .api.listing import EntryRow, Instant, Listing, cron_in_words, list_entries, occurrences
    from .api.manifests import Report, explain_reason, explain_rule, load_manifest, validate
    from .api.operator_files import FaultyFileError
    from .api.pilot import PilotResult, run_pilot
    from .api.report import MadeReport, list_reports, make_report
    from .api.targets import parse_instant
    from .api.tasks import (
        Metrics,
        Recorded,
        add_memory,
        prepare,
        read_memory,
        read_metrics,
        record_execution,
    )
    from .edges.report import CellFailure
    from .orienting.bundle import Bundle, Close, CloseCommand, Section, Trust, render_bundle
    from .orienting.events import PreparedData, prepared_event
    from .orienting.metrics import Execution, Outcome
    from .orienting.record import PilotStep
    from .planning.agents import Prompt, Risk
    from .planning.answers import Explanation, RosterAnswer
    from .planning.cron import Cadence
    from .planning.definitions import ActivityDefinition, CronOrigin, RepoRun, Run
    from .planning.eligibility import Exclusion
    from .planning.manifest import CheckedManifest, Entry, Manifest, Review
    from .planning.pages import Page, iter_pages
    from .planning.reasons import Reason
    from .planning.resolver import Resolution
    from .planning.roster import Roster, RosterRepo, load_roster
    from .planning.tasks import Task, tasks_of
    from .planning.timetable import Timing
    from .planning.windows import Window, next_window
    from .publishing.comparing import Difference
    from .publishing.verdicts import CheckedVector, Conformance
    from .reading.diagnostics import Diagnostic, Severity
    from .reading.errors import (
        FileFault,
        KaizenError,
        ManifestError,
        OutputError,
        Refusal,
        SourceError,
        TargetError,
        UsageError,
    )
    from .reading.rules import RULES, Rule
    from .reading.safety import Redaction


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
