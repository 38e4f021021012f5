"""YAML text as data with places: the core schema, the limits, and that nothing fells it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yaml import YAMLError, cyaml

from kaizen_schedule.reading import rules
from kaizen_schedule.reading.diagnostics import START, Diagnostic
from kaizen_schedule.reading.document import (
    DEPTH_LIMIT,
    EXCERPT_LIMIT,
    MENDING_LIMIT,
    NODE_LIMIT,
    SIZE_LIMIT,
    Document,
    parse_document,
)
from kaizen_schedule.reading.rules import Finding, Route
from kaizen_schedule.reading.safety import printable


def parse(text: str | bytes) -> Document:
    return parse_document(text.encode() if isinstance(text, str) else text, path="x.yml")


def load(text: str) -> Any:
    document = parse(text)
    assert document.complete
    assert not document.findings, document.findings
    return document.data


def codes(text: str | bytes) -> list[str]:
    return [finding.code for finding in parse(text).findings]


def only(text: str | bytes) -> Diagnostic:
    (found,) = parse(text).findings
    return found


def place(text: str, *route: str | int, at_key: bool = False) -> tuple[int, int, int, int]:
    span = parse(text).locate(route, at_key=at_key)
    return span.line, span.column, span.end_line, span.end_column


# --- Values: YAML 1.2.2, chapter 10.3.2, with digits behind a leading zero left as text --------

SCALARS: list[tuple[str, object]] = [
    *((text, None) for text in ("", "~", "null", "Null", "NULL")),
    *((text, text) for text in ("nULL", "NUll", "none", "nil", "~~", "null0")),
    *((text, True) for text in ("true", "True", "TRUE")),
    *((text, False) for text in ("false", "False", "FALSE")),
    *((text, text) for text in ("tRUE", "yes", "Yes", "no", "NO", "on", "off", "y", "n", "Y", "N")),
    ("0", 0), ("-0", 0), ("+0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("1234567890", 1234567890),
    ("0o0", 0), ("0o17", 15), ("0o007", 7), ("0x0", 0), ("0x1F", 31), ("0xdeadBEEF", 0xDEADBEEF),
    ("0O17", "0O17"), ("0X1F", "0X1F"), ("-0x1F", "-0x1F"), ("+0o7", "+0o7"), ("0o8", "0o8"),
    ("0o", "0o"), ("0x", "0x"), ("0xG", "0xG"), ("0b1", "0b1"),
    ("010", "010"), ("00", "00"), ("007", "007"), ("-01", "-01"), ("+09", "+09"), ("08", "08"),
    ("01.5", "01.5"), ("00.5", "00.5"), ("01e3", "01e3"), ("0123456789", "0123456789"),
    ("0.5", 0.5), ("-0.5", -0.5), ("0.0", 0.0), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5),
    ("+.5", 0.5), ("1.50", 1.5), ("1e3", 1000.0), ("1E3", 1000.0), ("1e+3", 1000.0),
    ("1.5e-3", 0.0015), (".5e1", 5.0), ("1.e1", 10.0), ("0e0", 0.0), ("1e400", math.inf),
    ("e3", "e3"), ("1e", "1e"), ("1e+", "1e+"), (".", "."), ("..5", "..5"), (".e1", ".e1"),
    ("1.5.2", "1.5.2"), ("+.", "+."), ("+", "+"), ("--1", "--1"), ("1-", "1-"), ("1 2", "1 2"),
    (".inf", math.inf), (".Inf", math.inf), (".INF", math.inf), ("+.inf", math.inf),
    ("-.INF", -math.inf), (".iNF", ".iNF"), ("inf", "inf"), ("-inf", "-inf"), (".infinity",) * 2,
    (".NAN2", ".NAN2"), ("-.nan", "-.nan"), ("+.nan", "+.nan"), ("nan", "nan"), (".Nan", ".Nan"),
    # What YAML 1.1 made of these is history.
    ("1_000", "1_000"), ("9:00", "9:00"), ("190:20:30", "190:20:30"), ("0b1010", "0b1010"),
    ("2026-11-24", "2026-11-24"), ("2026-13-45", "2026-13-45"), ("=", "="), ("<<", "<<"),
    ("1,000", "1,000"), ("0 9 * * 1", "0 9 * * 1"), ("١٢", "١٢"), ("１", "１"),
    ("9" * 399, int("9" * 399)), ("9" * 400, math.inf), ("-" + "9" * 5000, -math.inf),
    ("0x" + "f" * 300, 16**300 - 1), ("0x" + "f" * 9000, math.inf), ("0o" + "7" * 9000, math.inf),
    ("0x" + "0" * 9000 + "1", 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text[:12] for text, _ in SCALARS])
def test_plain_scalars(text: str, value: object) -> None:
    (found,) = load(f"a: {text}\n").values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    assert math.isnan(load(f"a: {text}")["a"])


@pytest.mark.parametrize("text", [text for text, _ in SCALARS if len(text) < 100])
def test_quotes_make_text(text: str) -> None:
    assert load(f'a: "{text}"') == {"a": text}
    assert load(f"a: '{text}'") == {"a": text}
    assert load(f"a: |-\n  {text}") == {"a": text}


def by_the_specification(text: str) -> object:
    """The core schema's table of regular expressions, row by row; and our own row before it."""
    if re.match(r"[-+]?0[0-9]", text):
        return text
    if re.fullmatch(r"null|Null|NULL|~|", text):
        return None
    if re.fullmatch(r"true|True|TRUE|false|False|FALSE", text):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text[2:], 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text[2:], 16)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?(\.inf|\.Inf|\.INF)", text):
        return math.copysign(math.inf, -1 if text[0] == "-" else 1)
    if re.fullmatch(r"\.nan|\.NaN|\.NAN", text):
        return math.nan
    return text


@given(
    st.text("0123456789.+-eExoabfFINnaiu_~:", min_size=1, max_size=8)
    | st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "-", "+"]),
            st.from_regex(r"[0-9]{0,3}", fullmatch=True),
            st.sampled_from(["", ".", ".5", ".inf", ".nan"]),
            st.sampled_from(["", "e3", "E-2", "e"]),
        ),
    )
)
@settings(max_examples=400)
@example("-")
def test_plain_scalars_by_the_specification(text: str) -> None:
    if text in ("", "-") or text.endswith(":") or text[:1] in ":":
        return  # no plain scalar, or not alone
    found, expected = load(f"[{text}]")[0], by_the_specification(text)
    assert repr(found) == repr(expected)


# --- Data --------------------------------------------------------------------------------------


def test_collections() -> None:
    assert load("a: {b: [1, x], c: }\nd:\n- e\n- f: g\n") == {
        "a": {"b": [1, "x"], "c": None},
        "d": ["e", {"f": "g"}],
    }
    assert load("[]") == []
    assert load("{}") == {}
    assert load("- - a\n  - b\n") == [["a", "b"]]


@pytest.mark.parametrize("text", ["", "# only\n", "---\n", "---\n...\n", "\n\n", "\ufeff", "~"])
def test_nothing(text: str) -> None:
    document = parse(text)
    assert (document.data, document.findings, document.complete) == (None, (), True)
    assert document.locate(()).column == 1


def test_what_is_not_there_at_all_stands_at_the_beginning() -> None:
    for text in ("\n\n# only\n", "---\n ", "---\n\n  ", "\n''"):
        assert parse(text).locate(()) == START


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_change_nothing(end: str, mark: str) -> None:
    text = mark + f"a: 1{end}b:{end}  c: [x,{end}    y]{end}"
    assert load(text) == {"a": 1, "b": {"c": ["x", "y"]}}
    assert place(text, "b", "c", 1) == (4, 5, 4, 6)
    assert place(text, "a") == (1, 4, 1, 5)


def test_keys_are_what_they_say_when_quoted() -> None:
    assert load('"1": a\n"true": b\n"~": c\n"<<": d\n"": e\n') == {
        "1": "a", "true": "b", "~": "c", "<<": "d", "": "e",
    }  # fmt: skip
    assert load("yes: a\n010: b\n9:00: c\n") == {"yes": "a", "010": "b", "9:00": "c"}


def test_anchors_and_aliases() -> None:
    data = load("a: &a [1, &b x]\nb: *a\nc: *b\n&k d: *k\n")
    assert data == {"a": [1, "x"], "b": [1, "x"], "c": "x", "d": "d"}
    assert load("a: &x 1\nb: &x 2\nc: *x\n")["c"] == 2
    assert load("a: &x key\n*x : 1\n") == {"a": "key", "key": 1}
    assert load("- &x {a: &y {}}\n- *x\n- *y\n") == [{"a": {}}, {"a": {}}, {}]


# --- Places ------------------------------------------------------------------------------------


def test_a_value_on_its_line_is_shown_itself() -> None:
    text = "a: one\nb:\n  c: 'two three'\n  d: 4\n"
    assert place(text, "a") == (1, 4, 1, 7)
    assert place(text, "b", "c") == (3, 6, 3, 17)
    assert place(text, "b", "d") == (4, 6, 4, 7)


def test_what_has_no_good_place_is_shown_by_its_key() -> None:
    text = "a:\nb:\n  two\nc: [1,\n 2]\nd: {e: f}\ng: ''\n"
    assert place(text, "a") == (1, 1, 1, 2), "nothing"
    assert place(text, "b") == (2, 1, 2, 2), "on a later line"
    assert place(text, "c") == (4, 1, 4, 2), "a list"
    assert place(text, "c", 1) == (5, 2, 5, 3)
    assert place(text, "d") == (6, 1, 6, 2), "a mapping"
    assert place(text, "d", "e") == (6, 8, 6, 9)
    assert place(text, "g") == (7, 4, 7, 6), "an empty text can be seen"


def test_a_key_is_shown_where_it_is_the_key_that_is_wrong() -> None:
    assert place("a: 1\n'b c': 2\n", "b c", at_key=True) == (2, 1, 2, 6)
    assert place("[a, b]", 1, at_key=True) == (1, 5, 1, 6), "an item has no key"


def test_the_root() -> None:
    assert place("\n# x\na: 1\nb: 2\n") == (3, 1, 3, 2), "a mapping by its first key"
    assert place("text") == (1, 1, 1, 5)
    assert place("{}") == (1, 1, 1, 2), "libyaml marks where it begins"
    assert place("\n - a\n")[:2] == (2, 2)


def test_columns_are_code_points() -> None:
    assert place('"🚀é\u0301漢": {👩\u200d🚀: x}', "🚀é\u0301漢", "👩\u200d🚀") == (1, 15, 1, 16)
    assert place("# 🚀🚀\r\na: 🚀🚀\r\n", "a") == (2, 4, 2, 6)
    assert place("a:\t1\n", "a") == (1, 4, 1, 5), "a tab is one"


def test_what_an_alias_repeats_stands_where_it_was_written() -> None:
    text = "a: &a\n  b: 1\nc: *a\nd: &d 5\ne: *d\n"
    assert place(text, "c") == (3, 4, 3, 6)
    assert place(text, "c", "b") == (2, 6, 2, 7)
    assert place(text, "e") == (5, 4, 5, 6)


def test_a_place_is_right_behind_what_was_mended() -> None:
    text = "{a: */5 *, b: @x, c: d}"
    assert parse(text).data == {"a": "*/5 *", "b": "@x", "c": "d"}
    assert place(text, "a") == (1, 5, 1, 10)
    assert place(text, "b") == (1, 15, 1, 17)
    assert place(text, "c") == (1, 22, 1, 23)


def test_place_makes_a_diagnostic() -> None:
    document = parse_document(b"a:\n  b: c\n", path="some\nwhere")
    finding = Finding(rule=rules.WRONG_TYPE, message="it is c", route=("a", "b"), fix="write d")
    found = document.place(finding)
    assert (found.path, found.line, found.column, found.end_column) == ("some\\nwhere", 2, 6, 7)
    assert (found.code, found.message, found.fix) == ("KS201", "it is c", "write d")
    assert (found.pointer, found.excerpt, found.carets) == ("/a/b", "  b: c", "     ^")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab🚀é1: #'\"\\*&%@-\n", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab🚀 1:", max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


def flow(value: Any, text: list[str], places: dict[Route, tuple[int, int]], route: Route) -> None:
    """Write a value in flow style, and note the line and column of each scalar."""
    so_far = "".join(text)
    line, column = so_far.count("\n") + 1, len(so_far) - so_far.rfind("\n")
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        text.append("{" if isinstance(value, dict) else "[")
        for number, (key, item) in enumerate(items):
            text.append(",\n" if number % 2 else ", " if number else "")
            if isinstance(value, dict):
                text.append(f"{quoted(key)}: ")
            flow(item, text, places, (*route, key))
        text.append("}" if isinstance(value, dict) else "]")
    else:
        places[route] = (line, column)
        text.append(quoted(value) if isinstance(value, str) else literal(value))


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: bool | int | None) -> str:
    return "null" if value is None else str(value).lower()


@given(JSON)
def test_any_data_is_read_back_and_every_value_found(value: Any) -> None:
    text: list[str] = []
    places: dict[Route, tuple[int, int]] = {}
    flow(value, text, places, ())
    document = parse("".join(text))
    assert not document.findings
    assert document.data == value
    assert repr(document.data) == repr(value)
    for route, at in places.items():
        span = document.locate(route)
        assert (span.line, span.column) == at


# --- What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (b"a: \xff", 1, 4, "byte 0xff at offset 3 is not UTF-8"),
        (b"a: 1\r\n\xc3\xa9 \xe9", 2, 3, "byte 0xe9 at offset 9 is not UTF-8"),
        (b"\xef\xbb\xbf\xff", 1, 1, "byte 0xff at offset 3 is not UTF-8"),
        (b"# \xf0\x9f\x9a\x80 \xed\xa0\x80", 1, 5, "byte 0xed at offset 7 is not UTF-8"),
        (b"a: \xc3", 1, 4, "byte 0xc3 at offset 3 is not UTF-8"),
        (b"a: \xc0\xaf", 1, 4, "byte 0xc0 at offset 3 is not UTF-8"),
    ],
)
def test_only_utf_8(text: bytes, line: int, column: int, message: str) -> None:
    found = only(text)
    assert (found.code, found.line, found.column, found.message) == ("KS101", line, column, message)
    assert found.fix == "save the file as UTF-8"
    assert not parse(text).complete


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_other_encodings_are_named(encoding: str) -> None:
    found = only("version: '1'\n".encode(encoding))
    assert found.code == "KS101"
    assert found.fix == f"this is {encoding[:6].upper()}; save the file as UTF-8"


def test_utf_16_with_its_mark_big_end_first() -> None:
    assert only(b"\xfe\xff\0a").fix == "this is UTF-16; save the file as UTF-8"
    assert only(b"\0\0\xfe\xff\0\0\0a").fix == "this is UTF-32; save the file as UTF-8"


def test_one_null_is_not_yet_utf_16() -> None:
    assert only(b"a\0b: 1").code == "KS108"


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\x80", "\x84", "\x86",
     "\x9f", "\ufeff", "\ufffe", "\uffff"],
)  # fmt: skip
def test_characters_that_yaml_does_not_allow(character: str) -> None:
    found = only(f"é: 1\nb: '🚀{character}' # x\n")
    assert (found.code, found.line, found.column, found.end_column) == ("KS108", 2, 6, 7)
    assert found.message == f"character U+{ord(character):04X} is not allowed here"
    assert character not in found.excerpt
    if character < "\x80":
        assert codes(f"a: {character}") == ["KS108"], "in a file of ASCII too"


@pytest.mark.parametrize(
    ("character", "name"), [("\x85", "NEL"), ("\u2028", "LS"), ("\u2029", "PS")]
)
def test_line_separators(character: str, name: str) -> None:
    found = only(f"a: 1\n# b{character}c: 2\n")
    assert (found.code, found.line, found.column) == ("KS107", 2, 4)
    assert found.message.startswith(f"{name} (U+{ord(character):04X}) ")


@pytest.mark.parametrize(
    "character", ["\t", "\xa0", "\u200b", "\u202e", "\ud7ff", "\ue000", "\ufffd", "\U0010ffff"]
)
def test_characters_that_yaml_allows(character: str) -> None:
    assert load(f"a: 'x{character}y'\n") == {"a": f"x{character}y"}


def test_a_second_document() -> None:
    found = only("a: 1\n--- b\n")
    assert (found.code, found.line, found.column) == ("KS109", 2, 1)
    assert parse("a: 1\n---\nb: 2\n").data == {"a": 1}
    assert codes("---\n---\n") == ["KS109"]
    assert load("---\na: 1\n...\n") == {"a": 1}
    assert codes("a: 1\n---\n@") == ["KS109"], "nothing behind it matters"


@pytest.mark.parametrize(
    ("text", "column", "shown", "data"),
    [
        ("a: !!str 1", 4, "!!str", {"a": "1"}),
        ("a: !x 1", 4, "!x", {"a": "1"}),
        ("a: ! 1", 4, "!", {"a": "1"}),
        ("a: !!map {b: c}", 4, "!!map", {"a": {"b": "c"}}),
        ("a: !x [b]", 4, "!x", {"a": ["b"]}),
        ("!x a: 1", 1, "!x", {"a": 1}),
        ("!x\na: 1", 1, "!x", {"a": 1}),
        ("a: !<tag:y> b", 4, "tag:y", {"a": "b"}),
    ],
)
def test_tags(text: str, column: int, shown: str, data: object) -> None:
    found = only(text)
    assert (found.code, found.column) == ("KS110", column)
    assert found.message == f'tag "{shown}" is refused: a value is what its form says'
    assert parse(text).data == data


def test_an_escape_in_a_tag_is_not_printed_raw() -> None:
    found = only("a: !x%1B%E2%80%AEy b")
    assert found.message.startswith('tag "!x\\x1b\\u202ey" is refused')


def test_merge_keys() -> None:
    text = "a: &a {b: 1}\nc:\n  <<: *a\n  d: 2\n"
    assert (only(text).code, only(text).line, only(text).column) == ("KS111", 3, 3)
    assert parse(text).data["c"] == {"d": 2}
    assert codes("a: &a {}\nb: {<<: [*a, *a]}") == ["KS111"]
    assert codes("? <<\n: {}") == ["KS111"]


def test_duplicate_keys() -> None:
    text = "a: 1\nb: 2\n'a': 3\nc: {d: 1, d: 2}\na: 4\n"
    found = parse(text).findings
    assert [(f.code, f.line, f.column) for f in found] == [
        ("KS112", 3, 1), ("KS112", 4, 11), ("KS112", 5, 1),
    ]  # fmt: skip
    assert found[0].message == 'key "a" stands twice in this mapping; first at line 1'
    assert parse(text).data == {"a": 1, "b": 2, "c": {"d": 1}}, "the first one counts"
    assert codes("a: {b: 1}\nc: {b: 1}") == []


def test_what_a_duplicate_holds_is_read_too() -> None:
    assert codes("a: 1\na:\n  b: 1\n  b: 2\n") == ["KS112", "KS112"]


def test_undefined_aliases() -> None:
    found = only("a: *b\nc: &b 1\n")
    assert (found.code, found.line, found.column, found.end_column) == ("KS113", 1, 4, 6)
    assert found.message == 'alias "*b" has no anchor before it'
    assert found.fix == 'if it is text, quote it: "*b"'
    assert parse("a: *b\nc: &b 1\n").data == {"a": None, "c": 1}


@pytest.mark.parametrize("text", ["&a {b: *a}", "&a [[*a]]", "&a\n? *a\n: 1", "&a [&b [*a]]"])
def test_self_references(text: str) -> None:
    assert "KS114" in codes(text)
    assert set(codes(text)) <= {"KS114", "KS115"}


@pytest.mark.parametrize(
    ("key", "shown", "fix"),
    [
        ("1", '"1"', 'begin it with a letter, as names of agents do, or quote it: "1"'),
        ("1.5", '"1.5"', 'begin it with a letter, as names of agents do, or quote it: "1.5"'),
        ("true", '"true"', 'quote it: "true"'),
        ("~", '"~"', 'begin it with a letter, as names of agents do, or quote it: "~"'),
        ("0x1f", '"0x1f"', 'begin it with a letter, as names of agents do, or quote it: "0x1f"'),
        ("? [a]\n", "of this mapping", "use a plain word"),
        ("? {a: b}\n", "of this mapping", "use a plain word"),
        ("? - a\n", "of this mapping", "use a plain word"),
        ("? &a [b]\n", "of this mapping", "use a plain word"),
    ],
)
def test_keys_that_are_no_text(key: str, shown: str, fix: str) -> None:
    text = f"x: 1\n{key}: 2\ny: 3\n"
    found = only(text)
    assert (found.code, found.line) == ("KS115", 2)
    assert (found.message, found.fix) == (f"key {shown} is not text", fix)
    assert parse(text).data == {"x": 1, "y": 3}


def test_an_alias_as_key() -> None:
    assert codes("a: &a [1]\n*a : 2\n") == ["KS115"]
    assert codes("a: &a 1\n*a : 2\n") == ["KS115"]
    assert codes("*a : 2\n") == ["KS113", "KS115"]


def test_what_a_dropped_key_holds_is_read_too() -> None:
    assert codes("? {a: 1, a: !x 2}\n: {b: 1, b: 2}\n") == ["KS115", "KS112", "KS110", "KS112"]
    assert parse("? [[a]]\n: {b: [c]}\nd: e\n").data == {"d": "e"}


def test_findings_stand_in_file_order() -> None:
    text = "a: !x 1\n1: 2\nb: *c\nd: */5\nd: 1\n<<: {}\ne: @f\n"
    found = parse(text).findings
    assert [f.line for f in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [f.code for f in found] == [
        "KS110", "KS115", "KS113", "KS106", "KS112", "KS111", "KS105",
    ]  # fmt: skip


def test_an_error_ends_the_reading_and_keeps_what_was_found() -> None:
    document = parse("a: 1\na: 2\nb: [\n")
    assert not document.complete
    assert [f.code for f in document.findings] == ["KS112", "KS105"]
    assert document.data == {"a": 1, "b": []}


# --- Limits ------------------------------------------------------------------------------------


def test_the_limits_are_those_of_the_contract() -> None:
    assert (SIZE_LIMIT, DEPTH_LIMIT, NODE_LIMIT) == (1_048_576, 16, 20_000)


def test_a_mebibyte() -> None:
    text = b"a: 1\n#" + b"x" * (SIZE_LIMIT - 6)
    assert len(text) == SIZE_LIMIT
    assert parse(text).data == {"a": 1}
    found = only(text + b"x")
    assert (found.code, found.line, found.message) == (
        "KS102", 1, "the file holds more than 1,048,576 bytes",
    )  # fmt: skip
    assert not parse(text + b"x").complete


NESTS: dict[str, Callable[[int], str]] = {
    "mappings": lambda n: "".join(f"{' ' * i}a{i}:\n" for i in range(n)),
    "lists": lambda n: "- " * n + "a",
    "flow lists": lambda n: "[" * n + "]" * n,
    "flow mappings": lambda n: "{a: " * n + "}" * n,
    "keys": lambda n: "? " * n + "a",
    "keys in braces": lambda n: "{? " * n + "}" * n,
    "lists on lines": lambda n: "".join(f"{' ' * i}-\n" for i in range(n)) + " " * n + "- a",
}


@pytest.mark.parametrize("kind", list(NESTS))
def test_depth(kind: str) -> None:
    least = NESTS[kind](1)
    levels = 2 if kind == "lists on lines" else 1
    assert codes(least) in ([], ["KS115"])
    fits = parse(NESTS[kind](DEPTH_LIMIT + 1 - levels))
    assert fits.complete
    assert {f.code for f in fits.findings} <= {"KS115"}
    deeper = parse(NESTS[kind](DEPTH_LIMIT + 2 - levels))
    assert not deeper.complete
    assert [f.code for f in deeper.findings if f.code != "KS115"] == ["KS103"]


def test_the_place_of_what_is_too_deep() -> None:
    found = only("a: 1\nb: " + "[" * 40 + "]" * 40)
    assert (found.code, found.line, found.column) == ("KS103", 2, 4 + DEPTH_LIMIT - 1)
    assert found.message == "nested deeper than 16 levels"


@pytest.mark.parametrize("depth", [1000, 1001, 30_000, 100_000])
@pytest.mark.parametrize("kind", list(NESTS))
def test_deep_nesting_kills_nothing(kind: str, depth: int) -> None:
    if kind in ("mappings", "lists on lines"):
        depth = min(depth, 1300)  # more does not fit into a mebibyte
    found = codes(NESTS[kind](depth)[:SIZE_LIMIT])
    assert found.count("KS103") == 1
    assert len(found) <= 2 * DEPTH_LIMIT


@pytest.mark.parametrize("text", ["? [" * 300_000, "[? " * 300_000, "- ? " * 200_000])
def test_mixed_nesting_neither(text: str) -> None:
    assert "KS103" in codes(text)


def test_nodes() -> None:
    assert len(load("\n".join(["- a"] * (NODE_LIMIT - 1)))) == NODE_LIMIT - 1
    document = parse("\n".join(["- a"] * NODE_LIMIT))
    assert [(f.code, f.line) for f in document.findings] == [("KS104", NODE_LIMIT)]
    assert not document.complete


def test_nodes_that_aliases_repeat_are_counted() -> None:
    # A list of 99 items and itself is 100 nodes; the root list makes one more.
    lists = "- &a [" + ", ".join("x" * 99) + "]\n"
    fits = (NODE_LIMIT - 101) // 100
    assert len(load(lists + "- *a\n" * fits)) == fits + 1
    assert codes(lists + "- *a\n" * (fits + 1)) == ["KS104"]
    # One inside of another, and an anchor within one that is open.
    assert load("- &a [&b [x, y], *b]\n- *a\n") == [[["x", "y"]] * 2] * 2
    nested = "- &a [&b [" + ", ".join("x" * 98) + "]]\n"
    assert codes(nested + "- *a\n" * (fits + 1)) == ["KS104"]
    assert len(load(nested + "- *b\n" * fits)) == fits + 1


def test_an_alias_bomb_returns() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    document = parse("\n".join(lines))
    assert [f.code for f in document.findings] == ["KS104"]
    assert document.findings[0].line <= 6


def test_so_many_values_are_mended_and_the_next_is_an_error() -> None:
    lines = [f"k{n}: */{n}" for n in range(MENDING_LIMIT)]
    document = parse("\n".join([*lines, "z: !x 1"]))
    assert document.complete
    assert [f.code for f in document.findings] == ["KS106"] * MENDING_LIMIT + ["KS110"]
    more = parse("\n".join([*lines, "y: */5", "z: !x 1"]))
    assert not more.complete
    assert [f.line for f in more.findings] == list(range(1, MENDING_LIMIT + 2))


def test_only_so_many_findings_have_an_excerpt() -> None:
    found = parse("".join(f"k: {n}\n" for n in range(EXCERPT_LIMIT + 11))).findings
    assert len(found) == EXCERPT_LIMIT + 10
    assert found[EXCERPT_LIMIT - 1].excerpt
    assert not found[EXCERPT_LIMIT].excerpt
    found = parse("\x01\n" * (NODE_LIMIT + 5)).findings
    assert len(found) == NODE_LIMIT


def test_tag_directives() -> None:
    few = "".join(f"%TAG !a{n}! x\n" for n in range(100)) + "---\na: 1\n"
    assert load(few) == {"a": 1}
    many = "".join(f"%TAG !a{n}! x\n" for n in range(101)) + "---\na: 1\n"
    assert (only(many).code, only(many).line, only(many).end_column) == ("KS110", 101, 5)
    assert not parse(many).complete
    assert load("a: |\n" + "  %TAG\n" * 101)["a"].startswith("%TAG\n"), "it is no directive there"


MB = SIZE_LIMIT
HOSTILE = {
    "open brackets": b"[" * MB,
    "open braces": b"{" * MB,
    "dashes": b"- " * (MB // 2),
    "question marks": b"? " * (MB // 2),
    "quotes": b'"' * MB,
    "colons": b": " * (MB // 2),
    "keys in keys": b"a: " * (MB // 3),
    "commas": b"[" + b"," * (MB - 1),
    "digits": b"a: " + b"9" * (MB - 3),
    "exponents": b"a: 1" + b"e9" * (MB // 2 - 3),
    "stars": b"*" * MB,
    "stars at the end": b"# " + b"x" * (MB - 2000) + b"\n" + b"- */5\n" * 60,
    "ampersands": b"&" * MB,
    "exclamation marks": b"!" * MB,
    "percent signs": b"%" * MB,
    "tag directives": b"".join(b"%%TAG !%x! x\n" % n for n in range(65_000)),
    "tabs": b"\t" * MB,
    "documents": b"---\n" * (MB // 4),
    "anchors": b"".join(b"- &a%x x\n" % n for n in range(60_000)),
    "undefined aliases": b"[" + b"*a, " * (MB // 4 - 1) + b"]",
    "tags": b"[" + b"!a b, " * (MB // 6 - 1) + b"]",
    "one key": b"a: 1\n" * (MB // 5),
    "control characters": b"\x01" * MB,
    "separators": "\u2028".encode() * (MB // 3),
    "astral characters": "🚀".encode() * (MB // 4),
    "a quote of many lines": b'"' + b"a\n" * (MB // 2 - 1),
    "beginnings of secrets": b"a: " + b"ghp_" * (MB // 4 - 2) + b"\nb: @c\n",
    "a long tag": b"!" + b"a" * (MB - 10) + b" b",
    "backslashes": b'"' + b"\\\\" * (MB // 2 - 1) + b'"',
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_text_simply_returns(kind: str) -> None:
    """What grew with the square of its length would run into the suite's own time limit here."""
    document = parse(HOSTILE[kind])
    check(document, HOSTILE[kind])


# --- Properties --------------------------------------------------------------------------------


def check(document: Document, source: bytes) -> None:
    """What holds of every document."""
    text = source.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)
    found = document.findings
    assert list(found) == sorted(found, key=lambda f: f.order)
    assert document.complete or found
    for item in found[:200]:
        assert 1 <= item.line <= len(lines)
        assert 1 <= item.column <= len(lines[item.line - 1]) + 1
        assert (item.line, item.column) <= (item.end_line, item.end_column)
        assert item.end_line <= len(lines)
        assert item.code < "KS2"
        for shown in (item.message, item.fix, item.excerpt, item.carets, item.pointer):
            assert printable(shown)
            assert len(shown) <= 600
        assert item.message
        assert set(item.carets) <= {" ", "^"}
        assert bool(item.excerpt) <= bool(item.carets)


YAMLISH = st.lists(
    st.sampled_from(
        ["a", "b", "1", "0", "~", "true", "é", "🚀", "\u202e", " ", " ", "  ", "\n", "\n", "\n  ",
         "\r\n", "\r", "\t", ":", ": ", ": ", "- ", "? ", ", ", "{", "}", "[", "]", "&a", "&a ",
         "*a", "*a ", "*", "!", "!!str ", "!x ", "|", ">", "|\n", "'", '"', "%", "%TAG ! x\n", "@",
         "`", "#", " # x", "\\", "\\x41", "<<", "<<: ", "---\n", "...\n", "\ufeff", "\x85",
         "\u2028", "\x00", "\x1b", "=", "<", "*/5 ", "0x", ".5", "<<<<<<< x\n"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(YAMLISH | st.text() | st.text("[]{}:,-?*&!'\"\n \ta#@", max_size=40))
@settings(max_examples=500)
@example("? &a [*a]\n: *a\n")
@example("!\n  %")
@example("a: &a\n- *a\n&a : *a")
def test_any_text_is_read(text: str) -> None:
    source = text.encode("utf-8", "surrogatepass")
    document = parse(source)
    check(document, source)
    again = parse(source)
    assert (repr(again.data), again.findings) == (repr(document.data), document.findings)


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_read(source: bytes) -> None:
    check(parse(source), source)


@given(YAMLISH)
@settings(max_examples=300)
def test_every_value_of_any_text_can_be_found(text: str) -> None:
    document = parse(text.encode())
    lines = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    todo: list[tuple[Route, Any]] = [((), document.data)]
    for route, value in todo:
        for at_key in (False, True):
            span = document.locate(route, at_key=at_key)
            assert 1 <= span.line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        if len(todo) < 300 and isinstance(value, dict):
            todo += [((*route, key), item) for key, item in value.items()]
        elif len(todo) < 300 and isinstance(value, list):
            todo += [((*route, index), item) for index, item in enumerate(value)]


def test_an_error_of_the_reader_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, text: str) -> None:
            pass

        def get_event(self) -> None:
            raise YAMLError("odd\n" + "x" * 500)

    monkeypatch.setattr(cyaml, "CParser", Broken)
    found = only("a: 1")
    assert (found.code, found.line) == ("KS105", 1)
    assert found.message.startswith("not YAML: odd\\nxxx")
    assert len(found.message) < 140
