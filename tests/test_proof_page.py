"""The page of what was proven on a real engine is what the last published run showed."""

from __future__ import annotations

import re

from conformance.proof import PAGE, PUBLISHED, read_proof, render_page

from .support import ROOT


def test_the_page_is_what_the_run_showed() -> None:
    assert PAGE.read_text("utf-8") == render_page(read_proof())


def test_every_line_is_a_test_that_states_it() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "conformance").glob("test_*.py")]
    known = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}
    facts = read_proof().facts
    assert len(facts) > 20, PUBLISHED
    for name in facts:
        assert re.split(r"[\[/]", name)[0] in known


def test_a_claim_is_one_line_of_a_table() -> None:
    for fact in read_proof().facts.values():
        assert "|" not in fact["claim"]
        assert "\n" not in fact["claim"]
        assert fact["figures"]
