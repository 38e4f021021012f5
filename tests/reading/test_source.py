"""Lines, places and excerpts of a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.reading import rules
from kaizen_schedule.reading.diagnostics import Span
from kaizen_schedule.reading.source import Source

TOKEN = "ghp_" + "a1B2" * 9


def span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(line=line, column=column, end_line=end_line, end_column=end_column)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a", ""]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b", ""]),
        ("a\rb", ["a", "b"]),
        ("a\n\rb\r\n\nc", ["a", "", "b", "", "c"]),
        ("\n\n", ["", "", ""]),
        ("a\u2028b\x85c\x0bd\x0ce", ["a\u2028b\x85c\x0bd\x0ce"]),
    ],
)
def test_lines_end_as_yaml_1_2_ends_them(text: str, lines: list[str]) -> None:
    source = Source(text)
    assert [source.line(number) for number in range(1, len(source.starts) + 1)] == lines
    assert source.line(len(lines) + 1) == ""
    assert source.line(10_000) == ""


@given(st.text(st.sampled_from("ab🚀\n\r")), st.data())
def test_a_span_finds_its_offset_again(text: str, data: st.DataObject) -> None:
    source = Source(text)
    offset = data.draw(st.integers(0, len(text)))
    found = source.span(offset, 3)
    assert source.starts[found.line - 1] + found.column - 1 == offset
    assert (found.end_line, found.end_column) == (found.line, found.column + 3)
    before = re.split("\r\n|\r|\n", text[:offset])
    if not (text[offset - 1 : offset] == "\r" and text[offset : offset + 1] == "\n"):
        assert (found.line, found.column) == (len(before), len(before[-1]) + 1)


def test_columns_are_code_points() -> None:
    assert Source("🚀🚀\né🚀x").span(5) == span(2, 3, 2, 4)


def test_excerpt() -> None:
    source = Source("one\ntwo: three\r\nfour")
    assert source.excerpt(span(2, 6, 2, 11)) == ("two: three", "     ^^^^^")
    assert source.excerpt(span(3, 1, 3, 5)) == ("four", "^^^^")


def test_an_excerpt_of_several_lines_is_the_first() -> None:
    assert Source("one: [\n2]\n").excerpt(span(1, 6, 2, 2)) == ("one: [", "     ^")


def test_an_excerpt_at_the_end_has_one_caret() -> None:
    assert Source("ab\n").excerpt(span(2, 1, 2, 2)) == ("", "^")
    assert Source("ab").excerpt(span(1, 3, 1, 4)) == ("ab", "  ^")


def test_there_is_no_excerpt_without_a_text_or_past_it() -> None:
    assert Source("").excerpt(span(1, 1, 1, 2)) == ("", "")
    assert Source("ab").excerpt(span(2, 1, 2, 2)) == ("", "")


def test_an_excerpt_shows_no_secret() -> None:
    source = Source(f"a: b\ntoken: {TOKEN} # {TOKEN}\nc: d\n")
    shown, carets = source.excerpt(span(2, 1, 2, 6))
    assert shown == "token: [redacted:github-token] # [redacted:github-token]"
    assert carets == "^^^^^"
    assert source.excerpt(span(3, 1, 3, 2)) == ("c: d", "^")
    assert source.excerpt(span(1, 1, 1, 2)) == ("a: b", "^")


def test_a_secret_of_several_lines_is_hidden_on_each() -> None:
    body = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" for _ in range(3))
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    source = Source(f"a: |\n{key}\nb: c\n")
    for line in range(2, 7):
        shown, _ = source.excerpt(span(line, 1, line, 2))
        assert "MII" not in shown
        assert "KEY" not in shown
    assert source.excerpt(span(7, 1, 7, 2))[0] == "b: c"


def test_an_excerpt_cannot_forge_a_line() -> None:
    shown, carets = Source("a\x1b[2K\u202eb\ta").excerpt(span(1, 8, 1, 9))
    assert shown == "a\\x1b[2K\\u202eb\\ta"
    assert carets == " " * shown.index("\\t") + "^^"


def test_diagnose() -> None:
    source = Source("agents:\n  coach: 1\n")
    found = source.diagnose(
        rules.WRONG_TYPE,
        "entry coach is the number 1",
        path="a.yml",
        span=span(2, 10, 2, 11),
        route=("agents", "a/b~c", 0, "x\ny"),
        fix="write something else",
    )
    assert (found.code, found.line, found.column, found.end_column) == ("KS201", 2, 10, 11)
    assert found.pointer == "/agents/a~1b~0c/0/x\\ny"
    assert (found.excerpt, found.carets) == ("  coach: 1", "         ^")
    assert found.fix == "write something else"


def test_a_pointer_is_bounded() -> None:
    found = Source("a").diagnose(rules.WRONG_TYPE, "x", path="a", route=("k" * 5000, "v"))
    assert found.pointer == "/" + "k" * 200 + "/v"
    assert Source("a").diagnose(rules.WRONG_TYPE, "x", path="a").pointer == ""
