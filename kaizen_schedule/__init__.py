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
    "AgentReport": "api.editing",
    "Bundle": "orienting.bundle",
    "Cadence": "planning.cron",
    "CheckedManifest": "planning.manifest",
    "Close": "orienting.bundle",
    "CloseCommand": "orienting.bundle",
    "CronOrigin": "planning.timetable",
    "Definition": "planning.definitions",
    "Diagnostic": "reading.diagnostics",
    "Entry": "planning.manifest",
    "EntryRow": "api.listing",
    "Execution": "orienting.metrics",
    "FileFault": "reading.errors",
    "Instant": "api.listing",
    "KaizenError": "reading.errors",
    "Listing": "api.listing",
    "Metrics": "api.tasks",
    "Manifest": "planning.manifest",
    "ManifestError": "reading.errors",
    "Outcome": "orienting.metrics",
    "OutputError": "reading.errors",
    "Prompt": "planning.agents",
    "Redaction": "reading.safety",
    "Refusal": "reading.errors",
    "Recorded": "api.tasks",
    "Report": "api.manifests",
    "Review": "planning.manifest",
    "Risk": "planning.agents",
    "Rule": "reading.rules",
    "RULES": "reading.rules",
    "Section": "orienting.bundle",
    "Severity": "reading.diagnostics",
    "TargetError": "reading.errors",
    "Timing": "planning.timetable",
    "Trust": "orienting.bundle",
    "UsageError": "reading.errors",
    "add_memory": "api.tasks",
    "cron_in_words": "api.listing",
    "enable": "api.editing",
    "explain_rule": "api.manifests",
    "init": "api.editing",
    "install_agent": "api.editing",
    "list_agents": "api.editing",
    "list_entries": "api.listing",
    "load_manifest": "api.manifests",
    "occurrences": "api.listing",
    "parse_instant": "api.targets",
    "prepare": "api.tasks",
    "read_memory": "api.tasks",
    "read_metrics": "api.tasks",
    "record_execution": "api.tasks",
    "render_bundle": "orienting.bundle",
    "show_agent": "api.editing",
    "validate": "api.manifests",
}

__all__ = [
    "RULES",
    "AgentReport",
    "Bundle",
    "Cadence",
    "CheckedManifest",
    "Close",
    "CloseCommand",
    "CronOrigin",
    "Definition",
    "Diagnostic",
    "Entry",
    "EntryRow",
    "Execution",
    "FileFault",
    "Instant",
    "KaizenError",
    "Listing",
    "Manifest",
    "ManifestError",
    "Metrics",
    "Outcome",
    "OutputError",
    "Prompt",
    "Recorded",
    "Redaction",
    "Refusal",
    "Report",
    "Review",
    "Risk",
    "Rule",
    "Section",
    "Severity",
    "TargetError",
    "Timing",
    "Trust",
    "UsageError",
    "__version__",
    "add_memory",
    "cron_in_words",
    "enable",
    "explain_rule",
    "init",
    "install_agent",
    "list_agents",
    "list_entries",
    "load_manifest",
    "occurrences",
    "parse_instant",
    "prepare",
    "read_memory",
    "read_metrics",
    "record_execution",
    "render_bundle",
    "show_agent",
    "validate",
]

if TYPE_CHECKING:
    from .api.editing import AgentReport, enable, init, install_agent, list_agents, show_agent
    from .api.listing import EntryRow, Instant, Listing, cron_in_words, list_entries, occurrences
    from .api.manifests import Report, explain_rule, load_manifest, validate
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
    from .orienting.bundle import Bundle, Close, CloseCommand, Section, Trust, render_bundle
    from .orienting.metrics import Execution, Outcome
    from .planning.agents import Prompt, Risk
    from .planning.cron import Cadence
    from .planning.definitions import Definition
    from .planning.manifest import CheckedManifest, Entry, Manifest, Review
    from .planning.timetable import CronOrigin, Timing
    from .reading.diagnostics import Diagnostic, Severity
    from .reading.errors import (
        FileFault,
        KaizenError,
        ManifestError,
        OutputError,
        Refusal,
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
