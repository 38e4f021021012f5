"""The rules, each stated once: code, name, severity and what is wrong, in a few words.

What a rule means, why it is there, and a bad and a good example stand in ``data/rules``.
Codes are never reused. KS1xx the text as YAML, KS2xx shape, KS3xx schedule, KS4xx agents,
KS5xx roster and definitions, KS6xx state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .diagnostics import SITE, START, Diagnostic, Severity, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that findings belong to.

    Example:
        >>> from kaizen_schedule import explain_rule
        >>> rule, page = explain_rule("KS204")
        >>> rule.name, rule.severity.value, rule.title
        ('unknown-cadence', 'error', 'a cadence that does not exist')
    """

    code: str
    """Stable code, such as `KS204`; never reused."""
    name: str
    """Stable name, such as `unknown-cadence`."""
    severity: Severity
    """`error` or `warning`."""
    title: str
    """What is wrong, in a few words."""

    @property
    def url(self) -> str:
        """Where the rule is explained on the site."""
        return f"{SITE}rules/{self.code}/"


def _error(code: str, name: str, title: str) -> Rule:
    return Rule(code=code, name=name, severity=Severity.ERROR, title=title)


def _warning(code: str, name: str, title: str) -> Rule:
    return Rule(code=code, name=name, severity=Severity.WARNING, title=title)


MANIFEST_ABSENT = _error("KS100", "manifest-absent", "there is no manifest")
NOT_UTF8 = _error("KS101", "not-utf8", "the file is not UTF-8")
TOO_LARGE = _error("KS102", "too-large", "the file is larger than 1 MiB")
TOO_DEEP = _error("KS103", "too-deep", "nested deeper than 16 levels")
TOO_MANY_NODES = _error("KS104", "too-many-nodes", "more values than a manifest can need")
SYNTAX = _error("KS105", "yaml-syntax", "the text is not YAML")
UNQUOTED_STAR = _error("KS106", "unquoted-star", "a value that begins with * must be quoted")
LINE_SEPARATOR = _error("KS107", "line-separator", "NEL, LS and PS are taken for line ends")
CONTROL_CHARACTER = _error("KS108", "control-character", "a character that YAML does not allow")
SEVERAL_DOCUMENTS = _error("KS109", "several-documents", "more than one YAML document")
TAG = _error("KS110", "tag", "YAML tags are refused")
MERGE_KEY = _error("KS111", "merge-key", "YAML merge keys are refused")
DUPLICATE_KEY = _error("KS112", "duplicate-key", "a key stands twice in one mapping")
UNDEFINED_ALIAS = _error("KS113", "undefined-alias", "an alias without its anchor")
SELF_REFERENCE = _error("KS114", "self-reference", "an alias inside its own anchor")
NON_STRING_KEY = _error("KS115", "non-string-key", "a key that is no text")
MANIFEST_UNREADABLE = _error("KS116", "manifest-unreadable", "the manifest cannot be read")

WRONG_TYPE = _error("KS201", "wrong-type", "a value of the wrong type")
UNKNOWN_KEY = _error("KS202", "unknown-key", "a key that has no meaning here")
MISSING_KEY = _error("KS203", "missing-key", "a required key is missing")
UNKNOWN_CADENCE = _error("KS204", "unknown-cadence", "a cadence that does not exist")
WRONG_VERSION = _error("KS205", "wrong-version", 'version must be exactly the text "1"')
NEWER_VERSION = _error("KS206", "newer-version", "written for a newer version of this program")
AGENT_NAME = _error("KS207", "agent-name", "not a name an agent can have")
DUPLICATE_AGENT = _error("KS208", "duplicate-agent", "two agents differ by case alone")
UNKNOWN_REVIEW = _error("KS209", "unknown-review", "review is none or required")

UNKNOWN_TIMEZONE = _error("KS301", "unknown-timezone", "not a time zone of the IANA list")
CRON_MACRO = _error("KS302", "cron-macro", "@weekly and its like are not portable")
CRON_FIELDS = _error("KS303", "cron-fields", "a cron has exactly five fields")
CRON_VALUE = _error("KS304", "cron-value", "a cron field that means nothing")
CRON_NOT_PORTABLE = _error("KS305", "cron-not-portable", "engines read this cron differently")
CRON_NEVER_FIRES = _error("KS306", "cron-never-fires", "a cron whose day does not exist")
DST_HAZARD = _warning("KS307", "dst-hazard", "engines differ here when clocks change")
CADENCE_MISMATCH = _warning("KS308", "cadence-mismatch", "the cron does not keep the cadence")
NO_DEFINITION = _warning("KS309", "no-definition", "no definition fires this entry")

AGENT_NOT_INSTALLED = _error("KS401", "agent-not-installed", "no prompt for this agent")
REVIEW_MISSING = _error("KS402", "review-missing", "a high-risk agent needs review: required")
SHADOWS_PACKAGED = _warning("KS403", "shadows-packaged", "a prompt tries to lower its risk")
PROMPT_FRONT_MATTER = _warning("KS404", "prompt-front-matter", "front matter that is not YAML")
PROMPT_UNQUOTED_COLON = _warning("KS405", "prompt-unquoted-colon", "a colon that needs quotes")
PROMPT_UNKNOWN_KEY = _warning("KS406", "prompt-unknown-key", "a front-matter key without meaning")
PROMPT_MISSING_KEY = _warning("KS407", "prompt-missing-key", "no name or no description")
PROMPT_VALUE = _warning("KS408", "prompt-value", "a front-matter value that means nothing")
PROMPT_UNREADABLE = _error("KS409", "prompt-unreadable", "a prompt that cannot be read")
PROMPT_NAME = _warning("KS410", "prompt-name", "the prompt's name is not its file's")

DEFINITION_FRONT_MATTER = _error(
    "KS501", "definition-front-matter", "a definition without front matter"
)
DEFINITION_VALUE = _error("KS502", "definition-value", "a value a definition cannot have")
PLACEHOLDER = _error("KS503", "placeholder", "a placeholder that names nothing")
DURATION = _error("KS504", "duration", "not an ISO 8601 duration")
TRIGGER_HAZARD = _error("KS505", "trigger-hazard", "a trigger at which engines differ")
DUPLICATE_DEFINITION = _error("KS506", "duplicate-definition", "two definitions for the same")
DEFINITION_UNREADABLE = _error("KS507", "definition-unreadable", "a definition that cannot be read")
ROSTER_VALUE = _error("KS511", "roster-value", "a value a roster cannot have")
ROSTER_DUPLICATE = _error("KS512", "roster-duplicate", "a slug stands twice in the roster")

METRICS_BAD_LINE = _warning("KS601", "metrics-bad-line", "a metrics line that cannot be used")
METRICS_TRUNCATED = _warning("KS602", "metrics-truncated", "only the newest metrics were read")
METRICS_UNREADABLE = _warning("KS603", "metrics-unreadable", "the metrics cannot be read")
MEMORY_UNREADABLE = _warning("KS604", "memory-unreadable", "the memory cannot be read")
MEMORY_TRUNCATED = _warning("KS605", "memory-truncated", "only the newest memory was read")

RULES: tuple[Rule, ...] = tuple(
    sorted((rule for rule in globals().values() if isinstance(rule, Rule)), key=lambda r: r.code)
)
"""All rules by code."""


@cache
def _index() -> dict[str, Rule]:
    return {key: rule for rule in RULES for key in (rule.code.lower(), rule.name)}


def find_rule(text: str) -> Rule | None:
    """Find a rule by code or name, ignoring case.

    Args:
        text: The code or the name.

    Returns:
        The rule; None where there is none.

    Example:
        >>> find_rule("ks204").name, find_rule("unknown-cadence").code
        ('unknown-cadence', 'KS204')
    """
    return _index().get(text.lower())


Route = tuple[str | int, ...]
"""The way to a value: keys and indices from the root."""


class Finding(NamedTuple):
    """A rule that was broken, at a route and not yet at a line."""

    rule: Rule
    """The rule."""
    message: str
    """One sentence, safe to print."""
    route: Route = ()
    """The way to the value."""
    fix: str = ""
    """What to write instead; empty where nothing can be said."""
    at_key: bool = False
    """Whether the key itself is what is wrong, not its value."""


def diagnose(
    rule: Rule,
    message: str,
    *,
    path: str,
    span: Span = START,
    pointer: str = "",
    fix: str = "",
    excerpt: str = "",
    carets: str = "",
) -> Diagnostic:
    """Make the diagnostic of a broken rule.

    Args:
        rule: The rule.
        message: One sentence, safe to print.
        path: The file, safe to print.
        span: Where, 1-based; the file's start by default.
        pointer: JSON Pointer to the value, where there is one.
        fix: What to write instead.
        excerpt: The offending line, safe to print.
        carets: Carets to print beneath it.

    Returns:
        The diagnostic.

    Example:
        >>> diagnose(TOO_LARGE, "it is too large", path="a.yml").code
        'KS102'
    """
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=rule.severity,
        message=message,
        path=path,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        pointer=pointer,
        fix=fix,
        url=rule.url,
        excerpt=excerpt,
        carets=carets,
    )
