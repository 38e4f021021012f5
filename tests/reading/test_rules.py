"""The rules: each stated once, found by code or name, and never another one's code."""

from __future__ import annotations

import re

import pytest

from kaizen_schedule.reading import rules
from kaizen_schedule.reading.diagnostics import SITE, START, Diagnostic, Severity, Span
from kaizen_schedule.reading.rules import RULES, Finding, diagnose, find_rule

# Codes are never reused: what a code once meant it means for ever.
MEANINGS = {
    "KS100": "manifest-absent", "KS101": "not-utf8", "KS102": "too-large", "KS103": "too-deep",
    "KS104": "too-many-nodes", "KS105": "yaml-syntax", "KS106": "unquoted-star",
    "KS107": "line-separator", "KS108": "control-character", "KS109": "several-documents",
    "KS110": "tag", "KS111": "merge-key", "KS112": "duplicate-key", "KS113": "undefined-alias",
    "KS114": "self-reference", "KS115": "non-string-key", "KS116": "manifest-unreadable",
    "KS201": "wrong-type", "KS202": "unknown-key", "KS203": "missing-key",
    "KS204": "unknown-cadence", "KS205": "wrong-version", "KS206": "newer-version",
    "KS207": "agent-name", "KS208": "duplicate-agent", "KS209": "unknown-review",
    "KS301": "unknown-timezone", "KS302": "cron-macro", "KS303": "cron-fields",
    "KS304": "cron-value", "KS305": "cron-not-portable", "KS306": "cron-never-fires",
    "KS307": "dst-hazard", "KS308": "cadence-mismatch", "KS309": "no-definition",
    "KS401": "agent-not-installed", "KS402": "review-missing", "KS403": "shadows-packaged",
    "KS404": "prompt-front-matter", "KS405": "prompt-unquoted-colon",
    "KS406": "prompt-unknown-key", "KS407": "prompt-missing-key", "KS408": "prompt-value",
    "KS409": "prompt-unreadable", "KS410": "prompt-name",
}  # fmt: skip


def test_a_code_keeps_its_meaning() -> None:
    assert MEANINGS.items() <= {rule.code: rule.name for rule in RULES}.items()


def test_codes_and_names_are_unique_and_well_formed() -> None:
    codes, names = [rule.code for rule in RULES], [rule.name for rule in RULES]
    assert codes == sorted(set(codes))
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"KS[1-6][0-9]{2}", code) for code in codes)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_every_rule_of_the_module_is_in_the_list() -> None:
    stated = {value.code for value in vars(rules).values() if isinstance(value, rules.Rule)}
    assert stated == {rule.code for rule in RULES}


def test_titles_are_a_few_printable_words() -> None:
    for rule in RULES:
        assert rule.title.isprintable()
        assert 2 <= len(rule.title.split()) <= 12
        assert not rule.title.endswith(".")


def test_only_what_may_be_meant_is_a_warning() -> None:
    errors = {rule.code for rule in RULES if rule.severity is Severity.ERROR}
    assert {code for code in MEANINGS if code < "KS307"} <= errors
    assert errors.isdisjoint({"KS307", "KS308", "KS309", "KS403", "KS404"})
    assert {"KS401", "KS402"} <= errors


@pytest.mark.parametrize("text", ["KS204", "ks204", "unknown-cadence", "Unknown-Cadence"])
def test_a_rule_is_found_by_code_and_name(text: str) -> None:
    assert find_rule(text) is rules.UNKNOWN_CADENCE


@pytest.mark.parametrize("text", ["", "KS999", "KS20", " KS204", "unknown cadence"])
def test_nothing_else_is_found(text: str) -> None:
    assert find_rule(text) is None


def test_a_rule_has_a_page() -> None:
    assert rules.TOO_DEEP.url == f"{SITE}rules/KS103/"


def test_diagnose_takes_over_everything() -> None:
    span = Span(line=3, column=5, end_line=4, end_column=1)
    found = diagnose(
        rules.DST_HAZARD,
        "it is late",
        path="a.yml",
        span=span,
        pointer="/a",
        fix="sleep",
        excerpt="a: b",
        carets="   ^",
    )
    assert found == Diagnostic(
        code="KS307",
        name="dst-hazard",
        severity=Severity.WARNING,
        message="it is late",
        path="a.yml",
        line=3,
        column=5,
        end_line=4,
        end_column=1,
        pointer="/a",
        fix="sleep",
        url=f"{SITE}rules/KS307/",
        excerpt="a: b",
        carets="   ^",
    )
    assert found.order == ("a.yml", 3, 5, "KS307", "it is late")


def test_what_is_left_out_says_nothing() -> None:
    found = diagnose(rules.TOO_LARGE, "it is too large", path="a.yml")
    assert (found.line, found.column, found.end_line, found.end_column) == (1, 1, 1, 1)
    assert (found.pointer, found.fix, found.excerpt, found.carets) == ("", "", "", "")
    assert Span(line=1, column=1, end_line=1, end_column=1) == START
    finding = Finding(rule=rules.TOO_LARGE, message="it is too large")
    assert (finding.route, finding.fix, finding.at_key) == ((), "", False)
