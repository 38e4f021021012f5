"""Pages that state facts: each is made from the models, and says from which, with a digest.

A page is a text written by hand with markers in it, such as ``<!-- fields: resolution#Run -->``;
each marker is replaced by what the models say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.definitions import ActivityDefinition, ForEach, placeholders
from kaizen_schedule.planning.reasons import TRANSIENT, Reason
from kaizen_schedule.reading.rules import RULES, Rule

from .fields import render_fields

MARKER = re.compile(r"<!-- (?P<kind>[a-z]+)(?:: (?P<name>\S+))? -->")


class Example(NamedTuple):
    """A text that the program itself made."""

    language: str
    """Of the fenced block."""
    title: str
    """Names the form: a schema, or a file."""
    text: str
    """Ends in a newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the markers of a page can name."""

    schemas: Mapping[str, Mapping[str, Any]]
    """Each schema."""
    definitions: tuple[ActivityDefinition, ...]
    """The packaged drafts."""
    examples: Mapping[str, Example]
    """Each example."""


def digest_of(*texts: str) -> str:
    """SHA-256 of texts, one after the other, each with its length before it.

    Example:
        >>> digest_of("a", "bc") == digest_of("ab", "c")
        False
    """
    total = hashlib.sha256()
    for text in texts:
        data = text.encode()
        total.update(f"{len(data)}:".encode() + data)
    return total.hexdigest()


def head(source: str) -> str:
    """The front matter of a generated page: where it is edited."""
    return f"---\nedit_source: {source}\n---\n"


def foot(sources: Iterable[str], digest: str) -> str:
    """The last paragraph of a generated page: from what it came."""
    named = ", ".join(f"`{source}`" for source in sources)
    return f"\n---\n\nGenerated from {named}; SHA-256 `{digest}`.\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_row(*header), "|" + "---|" * len(header), *(_row(*row) for row in rows)]


def fenced(example: Example) -> list[str]:
    """A block that its own text cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", example.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f'{fence}{example.language} title="{example.title}"', *example.text.splitlines(), fence]


# --- Markers ---------------------------------------------------------------------------------


def _fields(facts: Facts, name: str) -> list[str]:
    schema, _, part = name.partition("#")
    page = f"../contracts/fields/{schema}.md"
    return render_fields(facts.schemas[schema], part, page=page, anchors=False)


def _reasons(_facts: Facts, _name: str) -> list[str]:
    rows = (
        (f"{place}", f"[`{reason}`](../reasons.md#{reason})", "yes" if reason in TRANSIENT else "")
        for place, reason in enumerate(Reason, 1)
    )
    return _table(("looked for", "reason", "may pass by itself"), rows)


def _cadences(_facts: Facts, _name: str) -> list[str]:
    return _table(("cadence", "cron"), ((f"`{c}`", f"`{c.cron}`") for c in Cadence))


def rule_rows(rules: Iterable[Rule], folder: str) -> list[str]:
    """A table of rules.

    Args:
        rules: The rules.
        folder: Where their pages stand, ending in a slash or empty.
    """
    rows = (
        (f"[{rule.code}]({folder}{rule.code}.md)", rule.name, str(rule.severity), rule.title)
        for rule in rules
    )
    return _table(("code", "name", "severity", "what is wrong"), rows)


def _rules(_facts: Facts, prefix: str) -> list[str]:
    return rule_rows((rule for rule in RULES if rule.code.startswith(prefix)), "../rules/")


def draft_rows(definitions: Iterable[ActivityDefinition], folder: str) -> list[str]:
    """A table of definitions.

    Args:
        definitions: The definitions.
        folder: Where their files stand, ending in a slash or empty.
    """
    rows = (
        (
            f"[`{item.id}`]({folder}{item.id}.md)",
            f"`{item.trigger.cron}` {item.trigger.timezone}",
            item.agent or ("any: a template" if item.is_template else "whole repositories"),
            str(item.cadence or ""),
            item.policy.stagger_window,
            item.policy.expires_after,
            item.policy.catchup_window,
        )
        for item in definitions
    )
    header = ("id", "trigger", "agent", "cadence", "stagger", "expires after", "catch-up")
    return _table(header, rows)


def _drafts(facts: Facts, _name: str) -> list[str]:
    return draft_rows(facts.definitions, "activity-definitions/")


def _placeholders(_facts: Facts, _name: str) -> list[str]:
    runs, repos = placeholders(ForEach.RUNS), placeholders(ForEach.REPOS)
    rows = (
        (f"`{{{{ {name} }}}}`", "yes", "yes" if name in repos else "")
        for name in (*runs, *(name for name in repos if name not in runs))
    )
    return _table(("placeholder", "for runs", "for repositories"), rows)


def _example(facts: Facts, name: str) -> list[str]:
    return fenced(facts.examples[name])


MARKERS: Mapping[str, Callable[[Facts, str], list[str]]] = {
    "fields": _fields,
    "reasons": _reasons,
    "cadences": _cadences,
    "rules": _rules,
    "drafts": _drafts,
    "placeholders": _placeholders,
    "example": _example,
}
"""What each kind of marker becomes. A comment of another kind is left as it stands."""


def render_page(name: str, template: str, facts: Facts) -> str:
    """A page of its template.

    Args:
        name: The template's file without its ending.
        template: Its text.
        facts: What its markers can name.

    Raises:
        KeyError: A marker names what there is not.
    """
    lines: list[str] = []
    made: list[str] = []
    for line in template.splitlines():
        marker = MARKER.fullmatch(line.strip())
        if marker is None or marker["kind"] not in MARKERS:
            lines.append(line)
            continue
        block = MARKERS[marker["kind"]](facts, marker["name"] or "")
        made.append("\n".join(block))
        lines += block
    source = f"kaizen_schedule/data/pages/{name}.md"
    sources = (source, "the models that its tables name") if made else (source,)
    return head(source) + "\n".join(lines) + "\n" + foot(sources, digest_of(template, *made))
