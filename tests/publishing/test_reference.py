"""Markers become what the models say; what they name has to exist."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from kaizen_schedule.api.examples import build_examples
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.cron import Cadence
from kaizen_schedule.planning.reasons import TRANSIENT, Reason
from kaizen_schedule.publishing.reference import Example, Facts, fenced, render_page
from kaizen_schedule.reading.rules import RULES

FACTS = Facts(
    schemas={name: json.loads(packaged.schema(name)) for name in ("task", "resolution")},
    definitions=packaged.definitions(),
    examples=build_examples(),
)


def rendered(marker: str) -> str:
    page = render_page("x", f"# A page\n\n<!-- {marker} -->\n", FACTS)
    front, _, rest = page.removeprefix("---\n").partition("---\n")
    assert front == "edit_source: kaizen_schedule/data/pages/x.md\n"
    body, _, foot = rest.rpartition("\n---\n\n")
    assert "SHA-256" in foot
    return body


def test_reasons_stand_in_their_order() -> None:
    text = rendered("reasons")
    places = [text.index(f"[`{reason}`](../reasons.md#{reason})") for reason in Reason]
    assert places == sorted(places)
    assert text.count("| yes |") == len(TRANSIENT)


def test_tables_hold_everything() -> None:
    assert all(f"| `{c}` | `{c.cron}` |" in rendered("cadences") for c in Cadence)
    chosen = [rule.code for rule in RULES if rule.code.startswith("KS3")]
    text = rendered("rules: KS3")
    assert [code for code in (r.code for r in RULES) if f"(../rules/{code}.md)" in text] == chosen
    assert all(f"activity-definitions/{d.id}.md" in rendered("drafts") for d in FACTS.definitions)
    assert "| `{{ run.agent }}` | yes |  |" in rendered("placeholders")
    assert "| `{{ run.repo }}` | yes | yes |" in rendered("placeholders")
    assert "`idempotency_key`" in rendered("fields: task")
    assert "(../contracts/fields/resolution.md#run)" in rendered("fields: resolution")


@pytest.mark.parametrize("name", list(FACTS.examples))
def test_examples_stand_in_one_block(name: str) -> None:
    tokens = MarkdownIt("commonmark").parse(rendered(f"example: {name}"))
    (block,) = [token for token in tokens if token.type == "fence"]
    assert block.content == FACTS.examples[name].text


def test_a_block_is_not_closed_by_its_own_text() -> None:
    example = Example("markdown", "x", "````\n```\n")
    (token,) = MarkdownIt("commonmark").parse("\n".join(fenced(example)))
    assert token.content == example.text


@pytest.mark.parametrize("marker", ["fields: nothing", "fields: task#Nothing", "example: nothing"])
def test_a_marker_that_names_nothing_is_a_fault(marker: str) -> None:
    with pytest.raises(KeyError):
        rendered(marker)


def test_other_comments_are_left_alone() -> None:
    assert "<!-- world: fleet -->" in rendered("world: fleet")


def test_the_digest_follows_what_was_made() -> None:
    page = "<!-- drafts -->\n"
    fewer = Facts(schemas={}, definitions=FACTS.definitions[:1], examples={})
    assert render_page("x", page, FACTS)[-70:] != render_page("x", page, fewer)[-70:]
