"""Every text is read back as what it was written of, by readers of either version of YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kaizen_schedule.publishing.yaml_text import KEY_LIMIT, WIDTH, render_yaml
from kaizen_schedule.reading.document import parse_document

ODD = [
    "", " ", "null", "~", "True", "NO", "on", "y", "=", "<<", "1", "-1", "1.5", "1e3", "0x1f",
    "0o7", "1_000", "12:30", "12:30:45", "2026-11-30", ".inf", ".NaN", "a: b", "a:", ":a", "a #b",
    "a#b", "#a", "- a", "-", "?", "? a", "[a]", "{a}", "*a", "&a", "!a", "%a", "@a", "`a`",
    "|", ">", "'a'", '"a"', "a\\b", "a\n", "\na", "a\n\n", " a\nb", "a\n b", "a \nb", "a\n\nb\n",
    "\u2028", "\x85", "\x00", "\x1b[31m", "\x7f", "\ufeff", "\U000e0041", "---", "...",
    "a " * 90, "a" * 200, "$ref", "word, word - word # word: " * 9, "/repos/", "é漢🙂",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(alphabet="ab :#-\n'\"|>&*!%@`[]{},?~=<.0e\\", max_size=12)
    | st.sampled_from(ODD)
)
KEYS = st.text(max_size=12) | st.sampled_from(ODD)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example(1e16)
@example([1e-7, 1.5e300, -0.0])
@example({"a": {"b": []}, "c": [{}, [[]], [{"d": "a " * 90}]]})
def test_it_is_read_back(value: Any) -> None:
    text = render_yaml(value)
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        found = yaml.load(text, loader)
        assert repr(found) == repr(value)  # nor is 1 taken for True


@pytest.mark.parametrize("text", ODD)
def test_an_odd_text_is_read_back_as_key_and_value(text: str) -> None:
    value = {text: [text, {"inner": text}]}
    assert yaml.safe_load(render_yaml(value)) == value


def test_our_own_reader_takes_it() -> None:
    value = {"a": ["x", {"b": "one\n\ntwo"}], "no": "no", "long": "word " * 50 + "end"}
    document = parse_document(render_yaml(value).encode(), path="a.yml")
    assert not document.findings
    assert document.data == value


def test_it_is_made_to_be_read() -> None:
    value = {
        "openapi": "3.1.0",
        "description": "one\ntwo\n",
        "summary": "word " * 24 + "end",
        "paths": {"/repos/": {"get": {"tags": ["roster"], "security": [{"token": []}, {}]}}},
    }
    assert render_yaml(value) == (
        f'openapi: "3.1.0"\ndescription: |\n  one\n  two\nsummary: >-\n  {"word " * 16}'.rstrip()
        + "\n"
        f"  {'word ' * 8}end\n"
        "paths:\n"
        "  /repos/:\n"
        "    get:\n"
        "      tags:\n"
        "        - roster\n"
        "      security:\n"
        "        - token: []\n"
        "        - {}\n"
    )


def test_a_long_text_is_folded() -> None:
    lines = render_yaml({"a": {"b": "word " * 100 + "end"}}).splitlines()
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), {1: 2}, {"a": {3}}, b"a", object()])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|key|form"):
        render_yaml([value])


def test_a_key_is_not_too_long() -> None:
    assert render_yaml({"a" * KEY_LIMIT: 1})
    with pytest.raises(ValueError, match="a key is longer than 1,000 characters"):
        render_yaml({"a" * (KEY_LIMIT + 1): 1})
