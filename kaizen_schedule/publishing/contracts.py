"""Everything that other teams read, as ``{path: text}``; made of the models, written by others.

``make contracts`` writes it to ``data/contracts``, where the program finds it, and beneath
``docs``. ``contract export`` copies or compares it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kaizen_schedule.orienting.bundle import sha256
from kaizen_schedule.planning.definitions import ActivityDefinition
from kaizen_schedule.reading.codec import dumps
from kaizen_schedule.reading.rules import RULES

from .asyncapi import build_asyncapi
from .fields import render_fields_page
from .openapi import build_openapi
from .reference import (
    Example,
    Facts,
    digest_of,
    draft_rows,
    fenced,
    foot,
    head,
    render_page,
    rule_rows,
)
from .schemas import PUBLISHED, Published, build_schemas, name_of_model
from .vectors import Vector
from .yaml_text import render_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is written by hand, or was made elsewhere."""

    rules: Mapping[str, str]
    """Each rule's page, by code."""
    reasons: str
    """What is said of each reason."""
    pages: Mapping[str, str]
    """Templates of pages, by name."""
    definitions: tuple[ActivityDefinition, ...]
    """The packaged drafts."""
    drafts: Mapping[str, str]
    """Their files, by id."""
    examples: Mapping[str, Example]
    """Texts that the program itself made."""
    manifest: str
    """The example manifest."""
    vectors: tuple[Vector, ...]
    """The conformance vectors."""
    models: Sequence[Published] = ()
    """Models that stand later in the house."""


def build_contracts(sources: Sources) -> dict[str, str]:
    """Every published file, by its path beneath ``docs``."""
    published = (*PUBLISHED, *sources.models)
    schemas = build_schemas(sources.models)
    texts = {name: dumps(schema) for name, schema in schemas.items()}
    facts = Facts(schemas=schemas, definitions=sources.definitions, examples=sources.examples)
    files = {f"contracts/{name}.schema.json": text for name, text in texts.items()}
    files |= {
        f"contracts/fields/{item.name}.md": head(_source_of(item))
        + render_fields_page(
            item.name,
            schemas[item.name],
            model=name_of_model(item.model),
            digest=sha256(texts[item.name]),
        )
        for item in published
    }
    events = {
        example.title: json.loads(example.text)
        for name, example in sources.examples.items()
        if name.endswith("-event")
    }
    files["contracts/asyncapi.yaml"] = render_yaml(build_asyncapi(schemas, events))
    files["contracts/state-hub-roster.openapi.yaml"] = render_yaml(build_openapi(schemas, events))
    files |= _vector_files(sources.vectors)
    files["contracts/index.md"] = _contracts_page(published, texts)
    files |= _rule_files(sources.rules)
    files["reasons.md"] = _reasons_page(sources.reasons)
    folder = "integrations/activity-definitions/"
    files |= {f"{folder}{name}.md": text for name, text in sources.drafts.items()}
    files[f"{folder}index.md"] = _drafts_page(sources)
    files |= {
        f"integrations/{name}.md": render_page(name, template, facts)
        for name, template in sources.pages.items()
    }
    files["examples/.kaizen/schedule.yml"] = sources.manifest
    return dict(sorted(files.items()))


def _source_of(item: Published) -> str:
    return item.model.__module__.replace(".", "/") + ".py"


def _contracts_page(published: Iterable[Published], texts: Mapping[str, str]) -> str:
    """The list of everything that is a contract."""

    def table(*, written: bool) -> list[str]:
        lines = ["| schema | what it is | fields | SHA-256 |", "|---|---|---|---|"]
        lines += (
            f"| [{item.name}.schema.json]({item.name}.schema.json) | {item.title} "
            f"| [fields](fields/{item.name}.md) | `{sha256(texts[item.name])[:16]}…` |"
            for item in published
            if item.written is written
        )
        return lines

    source = "kaizen_schedule/publishing/contracts.py"
    lines = [
        "# Contracts",
        "",
        "What other programs build against. Names are added, never renamed; what is published is",
        "never given another meaning. All of it comes with the program, too:",
        "",
        "```sh",
        "kaizen-agentic contract export contracts",
        "kaizen-agentic contract export contracts --check",
        "```",
        "",
        "## Files that people write",
        "",
        "Their schemas are closed: a key that is not named is a mistake.",
        "",
        *table(written=True),
        "",
        "## What the program emits",
        "",
        "Their schemas are open: every key that is named is there, and more may come.",
        "",
        *table(written=False),
        "",
        "## Interfaces",
        "",
        "- [asyncapi.yaml](asyncapi.yaml): the events, as AsyncAPI 3.0.",
        "- [state-hub-roster.openapi.yaml](state-hub-roster.openapi.yaml): what the State Hub is",
        "  asked for, as OpenAPI 3.1.",
        "- [Vectors](vectors/index.md): questions to a resolver with their exact answers.",
        "- [Drafts of definitions](../integrations/activity-definitions/index.md).",
    ]
    return head(source) + "\n".join(lines) + "\n" + foot((source,), digest_of(*texts.values()))


def _vector_files(vectors: Sequence[Vector]) -> dict[str, str]:
    texts = {f"{vector.name}.json": dumps(vector, indent=1) for vector in vectors}
    files = {f"contracts/vectors/{name}": text for name, text in texts.items()}
    source = "kaizen_schedule/publishing/vector_cases.py"
    lines = [
        "# Conformance vectors",
        "",
        "Each is one JSON file: what a resolver is asked, every file that it may look at, and the",
        "exact answer. Its form is [a schema](../fields/vector.md). Whoever implements a resolver",
        "lays `files` out beneath a folder that stands for `/`, asks with the roster,",
        "definitions, hosts, clock and window of the vector, and compares `window`, `host`,",
        "`hosts`, `definition` and `roster_digest`; runs in their order, of whose `command` only",
        "that it gives `argv` when a shell reads it; and exclusions by `repo`, `agent`, `reason`",
        "and `transient`. Paths under `/fleet` are never expanded: in an answer they stand as the",
        "roster gives them.",
        "",
        "`kaizen-agentic contract conformance` asks any adapter, and compares. An adapter is a",
        "command: a vector is on its standard input, `expected` being null, and it prints the",
        "resolution as JSON. Here it is this program's own resolver:",
        "",
        "```sh",
        "kaizen-agentic contract conformance --only 'window-*' \\",
        "    --command 'kaizen-agentic contract answer'",
        "```",
        "",
        "| vector | shows | runs | exclusions |",
        "|---|---|---|---|",
    ]
    for vector in vectors:
        found = vector.expected
        assert found is not None
        runs = len(found.scheduled_runs) + len(found.repos)
        title = vector.title.replace("|", "\\|")
        link = f"[{vector.name}]({vector.name}.json)"
        lines.append(f"| {link} | {title} | {runs} | {len(found.exclusions)} |")
    page = head(source) + "\n".join(lines) + "\n"
    files["contracts/vectors/index.md"] = page + foot((source,), digest_of(*texts.values()))
    return files


_WORDS = {
    "KS1": "The text as YAML",
    "KS2": "Shape",
    "KS3": "Schedule",
    "KS4": "Agents",
    "KS5": "Rosters and definitions",
    "KS6": "State",
}


def _rule_files(pages: Mapping[str, str]) -> dict[str, str]:
    files = {}
    for rule in RULES:
        source = f"kaizen_schedule/data/rules/{rule.code}.md"
        text = pages[rule.code]
        more = f"\nThe same in a terminal: `kaizen-agentic schedule rule {rule.code}`."
        if rule.code < "KS5":
            more += f" To leave its findings out: `schedule validate --ignore {rule.name}`."
        more += "\n"
        sources = ("kaizen_schedule.reading.rules", source)
        digest = digest_of(text, rule.code, rule.name, rule.severity, rule.title)
        files[f"rules/{rule.code}.md"] = head(source) + text + more + foot(sources, digest)
    lines = [
        "# Rules",
        "",
        "Every finding belongs to a rule with a stable code. Codes are never used again for",
        "something else. An error keeps a manifest from being used; a warning does not, unless",
        "`--strict` is given.",
    ]
    for prefix, words in _WORDS.items():
        chosen = [rule for rule in RULES if rule.code.startswith(prefix)]
        lines += ["", f"## {words}", "", *rule_rows(chosen, "")]
    source = "kaizen_schedule/reading/rules.py"
    digest = digest_of(*(str(rule) for rule in RULES))
    files["rules/index.md"] = head(source) + "\n".join(lines) + "\n" + foot((source,), digest)
    return files


def _reasons_page(text: str) -> str:
    source = "kaizen_schedule/data/reasons.md"
    return head(source) + text + foot((source,), digest_of(text))


def _drafts_page(sources: Sources) -> str:
    source = "kaizen_schedule/data/definitions"
    lines = [
        "# Drafts of definitions",
        "",
        "A definition tells the orchestrator when to ask and what a task says. These come with",
        "the program, all with `enabled: false`: the orchestrator's team switches them on. A draft",
        "also lends its trigger to entries that have no cron of their own. To edit one, copy its",
        "file and check it with `kaizen-agentic schedule definitions --check FILE`.",
        "",
        *draft_rows(sources.definitions, ""),
    ]
    for item in sources.definitions:
        block = Example("markdown", "definition", sources.drafts[item.id])
        lines += ["", f"## {item.title}", "", *fenced(block)]
    digest = digest_of(*sources.drafts.values())
    return head(source) + "\n".join(lines) + "\n" + foot((source,), digest)


# --- The index of decision records -----------------------------------------------------------

_FRONT = re.compile(r"---\n(.*?)\n---\n", re.S)


def render_record_index(records: Mapping[str, str]) -> str:
    """The index of decision records, made of their front matter and headings.

    Args:
        records: Each record's text, by file name.

    Raises:
        ValueError: A record has no front matter, or no heading.
    """
    lines = [
        "# Decision records",
        "",
        "Why things are as they are. The form is that of MADR; what is superseded stays.",
        "",
        "| record | status | date | deciders |",
        "|---|---|---|---|",
    ]
    for name, text in sorted(records.items()):
        front = _FRONT.match(text)
        title = re.search(r"^# (.+)$", text, re.M)
        if front is None or title is None:
            raise ValueError(f"{name} has no front matter, or no heading")
        held = dict(line.split(": ", 1) for line in front[1].splitlines() if ": " in line)
        cells = (held["status"], held["date"], held["deciders"])
        lines.append(f"| [{title[1]}]({name}) | {' | '.join(cells)} |")
    source = "docs/adr"
    digest = digest_of(*(text for _, text in sorted(records.items())))
    return head(source) + "\n".join(lines) + "\n" + foot((source,), digest)
