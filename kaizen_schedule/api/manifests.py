"""Check a manifest, and load it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from kaizen_schedule import __version__
from kaizen_schedule.edges import packaged
from kaizen_schedule.edges.files import DiskTree
from kaizen_schedule.planning.agents import NAME, find_prompt, list_prompts
from kaizen_schedule.planning.manifest import (
    MANIFEST_PATH,
    Manifest,
    check_manifest,
    scheduled_agents,
)
from kaizen_schedule.planning.shape import nearest
from kaizen_schedule.planning.timetable import check_timetable, place_findings
from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.document import SIZE_LIMIT, Document, parse_document
from kaizen_schedule.reading.errors import (
    FaultReason,
    FileFault,
    ManifestError,
    Refusal,
    UsageError,
)
from kaizen_schedule.reading.tree import Tree

from .targets import PathLike, locate_target, no_working_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found about one manifest, or about several.

    Example:
        >>> report = validate(repository, now=now)
        >>> report.ok, report.errors, report.exit_code
        (True, 0, 0)
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str = __version__
    """The version of the program that looked."""
    ok: bool
    """Whether there is no error."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """All findings, in file order."""
    omitted: int = 0
    """How many more there are than are listed."""

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)

    @property
    def exit_code(self) -> int:
        """0 fine, 1 with errors, 2 where a manifest cannot be had."""
        unavailable = {rules.MANIFEST_ABSENT.code, rules.MANIFEST_UNREADABLE.code}
        if any(d.code in unavailable for d in self.diagnostics):
            return 2
        return 0 if self.ok else 1


def check_tree(tree: Tree, today: date, *, label: str) -> list[Diagnostic]:
    """What is wrong with the manifest of a tree, and with the prompts that it names."""
    try:
        source = tree.read(MANIFEST_PATH, cap=SIZE_LIMIT).data
    except FileFault as fault:
        return [_no_manifest(fault, label)]
    document = parse_document(source, path=label)
    zones, known = packaged.zones(), packaged.prompts()
    named = {name: find_prompt(tree, name, known) for name in scheduled_agents(document)}
    prompts = [prompt for prompt in named.values() if prompt is not None]
    risks = {prompt.name: prompt.risk for prompt in prompts}
    if len(prompts) < len(named):  # something is misspelt: every name may be the one meant
        risks |= {p.name: p.risk for p in list_prompts(tree, known) if NAME.fullmatch(p.name)}
    checked = check_manifest(document, zones=zones, prompts=risks)
    findings = [*checked.findings]
    findings += check_timetable(
        checked, definitions=packaged.definitions(), zones=zones, today=today
    )
    placed = list(place_findings(document, findings))
    if any(item.code == rules.NEWER_VERSION.code for item in placed):
        return placed
    folder = label.removesuffix(MANIFEST_PATH)
    for prompt in prompts:
        placed += (_under(folder, d) for d in prompt.diagnostics if not prompt.packaged)
    return placed


def _under(folder: str, diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, path=f"{folder}{diagnostic.path}") if folder else diagnostic


def _no_manifest(fault: FileFault, label: str) -> Diagnostic:
    path = safety.escape(label)
    if fault.reason is FaultReason.MISSING:
        return rules.diagnose(
            rules.MANIFEST_ABSENT,
            f"there is no {MANIFEST_PATH} here",
            path=path,
            fix="make one: kaizen-agentic schedule init",
        )
    if fault.reason is FaultReason.TOO_LARGE:
        message = f"the file holds more than {SIZE_LIMIT:,} bytes"
        fix = "a manifest fits in a few kilobytes"
        return rules.diagnose(rules.TOO_LARGE, message, path=path, fix=fix)
    return rules.diagnose(
        rules.MANIFEST_UNREADABLE,
        fault.message,
        path=path,
        fix="make it a regular file inside the repository that you may read",
    )


def validate(
    target: PathLike, *, now: datetime, ignore: Collection[str] = (), label: str | None = None
) -> Report:
    """Find everything that is wrong with a repository's manifest, in one run.

    Args:
        target: The repository's folder, or the manifest itself.
        now: The instant from which clock changes are looked for, five years ahead; with a zone.
        ignore: Codes or names of rules not to report.
        label: How the manifest is named in the findings; its path inside the repository if None.

    Returns:
        All findings in file order; an absent or unreadable manifest is one too.

    Raises:
        TargetError: There is no such folder.
        UsageError: ``ignore`` names no rule.

    Example:
        >>> validate(repository, now=now).ok
        True
        >>> (repository / ".kaizen/schedule.yml").unlink()
        >>> report = validate(repository, now=now)
        >>> report.diagnostics[0].name, report.exit_code
        ('manifest-absent', 2)
    """
    ignored = {_rule(name).code for name in ignore}
    with DiskTree(_root_of(target)) as tree:
        found = check_tree(tree, now.astimezone(UTC).date(), label=label or MANIFEST_PATH)
    kept = tuple(d for d in found if d.code not in ignored)
    return Report(ok=not any(d.severity is Severity.ERROR for d in kept), diagnostics=kept)


def _root_of(path: PathLike) -> str:
    """The repository of a path that may be the manifest itself."""
    try:
        full = os.path.abspath(path)
    except OSError as error:
        raise no_working_folder() from error
    folder, name = os.path.split(full)
    if os.path.join(os.path.basename(folder), name) == MANIFEST_PATH and not os.path.isdir(full):
        return os.path.dirname(folder)
    return locate_target(path)


def load_manifest(target: PathLike) -> Manifest:
    """Load the manifest of a repository.

    Args:
        target: The repository's folder, or the manifest itself.

    Returns:
        The manifest, sound but for what only its agents' prompts can tell.

    Raises:
        ManifestError: It is absent or cannot be read.
        Refusal: It has errors; says how many, and the first.
        TargetError: There is no such folder.

    Example:
        >>> load_manifest(repository).agents["tdd-workflow"].enabled
        False
    """
    with DiskTree(_root_of(target)) as tree:
        return read_manifest(tree)[1]


def read_manifest(tree: Tree) -> tuple[Document, Manifest]:
    """The manifest of a tree, as text and as model; an error where it is absent or faulty."""
    try:
        source = tree.read(MANIFEST_PATH, cap=SIZE_LIMIT).data
    except FileFault as fault:
        diagnostic = _no_manifest(fault, MANIFEST_PATH)
        raise ManifestError(diagnostic.message, fix=diagnostic.fix) from fault
    document = parse_document(source, path=MANIFEST_PATH)
    checked = check_manifest(document, zones=packaged.zones(), prompts=None)
    if checked.manifest is None:
        found = place_findings(document, checked.findings)
        errors = [d for d in found if d.severity is Severity.ERROR]
        first, count = errors[0], len(errors)
        message = (
            f"the manifest has {count} error{'s' if count > 1 else ''}, the first at "
            f"{first.path}:{first.line}:{first.column}: {first.code} {first.message}"
        )
        raise Refusal("manifest-invalid", message, fix="kaizen-agentic schedule validate shows all")
    return document, checked.manifest


def list_rules() -> tuple[rules.Rule, ...]:
    """All rules, by code."""
    return rules.RULES


def explain_rule(name: str) -> tuple[rules.Rule, str]:
    """A rule and the page that explains it.

    Args:
        name: Code or name, in any case.

    Returns:
        The rule; and its page, in markdown.

    Raises:
        UsageError: There is no such rule.

    Example:
        >>> explain_rule("unknown-cadence")[0].code
        'KS204'
    """
    rule = _rule(name)
    return rule, packaged.rule_page(rule.code)


def list_reasons() -> tuple[str, ...]:
    """Every reason why there is no run, in the order in which it is looked for."""
    return packaged.reasons()


def explain_reason(name: str) -> str:
    """The page that explains why there is no run, or why one is refused.

    Args:
        name: The reason, in any case.

    Returns:
        The page, in markdown.

    Raises:
        UsageError: There is no such reason.

    Example:
        >>> explain_reason("not-due").splitlines()[2]
        "The window holds no time of the entry's cron."
    """
    page = packaged.reason_page(name.lower())
    if page is None:
        raise _unknown(name)
    return page


def _rule(name: str) -> rules.Rule:
    rule = rules.find_rule(name)
    if rule is None:
        raise _unknown(name)
    return rule


def _unknown(name: str) -> UsageError:
    rule_names = [key for rule in rules.RULES for key in (rule.code, rule.name)]
    near = nearest(name, [*rule_names, *packaged.reasons()])
    if not near and (code := re.fullmatch(r"KS([0-9]{1,6})", name, re.IGNORECASE)):
        near = min(
            (rule.code for rule in rules.RULES), key=lambda c: abs(int(c[2:]) - int(code[1]))
        )
    fix = f"did you mean {near}?" if near else "kaizen-agentic schedule rule lists them"
    return UsageError(f"there is no rule or reason {safety.show(name)}", fix=fix)
