"""Syntax errors in plain words: what is wrong, where, and what mends it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kaizen_schedule.reading import rules
from kaizen_schedule.reading.diagnostics import START, Span
from kaizen_schedule.reading.document import parse_document
from kaizen_schedule.reading.source import Source
from kaizen_schedule.reading.syntax import describe_syntax_error, unquoted


def only(text: str) -> tuple[str, str, str, str]:
    """Place, code, message and fix of the only finding, its usual beginning left out."""
    (found,) = parse_document(text.encode(), path="x").findings
    message = found.message.removeprefix("not YAML: ")
    return f"{found.line}:{found.column}-{found.end_column}", found.code, message, found.fix


QUOTED = "put the whole value in quotes, or remove what follows it"
COLON = "quote a value that holds a colon, or mend the indentation"
NO_VALUES = "mapping values are not allowed in this context"
INDENTATION = "mend the indentation: keys of one mapping stand in one column"


@pytest.mark.parametrize(
    ("text", "place", "message", "fix"),
    [
        # quotes
        ('a: "b\n', "1:4-5", "the quote that begins here is not closed", "close the quote"),
        ("a: 1\nb: 'c\nd: 2\n", "2:4-5", "the quote that begins here is not closed",
         "close the quote"),
        ('"a\n---\nb"\n', "1:1-2", "the quote that begins here is not closed", "close the quote"),
        ('a: "b" c\n', "1:8-9", '"c" stands behind a value that has ended', QUOTED),
        ("a: 'it's'\n", "1:8-9", '"s\'" stands behind a value that has ended', QUOTED),
        ('"a" b\n', "1:5-6", '"b" stands behind a value that has ended', QUOTED),
        # brackets
        ("a: {b: c\n", "1:4-5", "the bracket that begins here is not closed",
         "close the bracket"),
        ("a: [\n  b\n", "1:4-5", "the bracket that begins here is not closed",
         "close the bracket"),
        ("a: [\n  b,\n", "3:1-2", "a bracket is not closed", "close the bracket"),
        ("a: {b: c}}\n", "1:10-11", "} closes a bracket that is not open", "remove it"),
        ("[a]]\n", "1:4-5", "] closes a bracket that is not open", "remove it"),
        ("a: [b, c}\n", "1:9-10",
         "while parsing a flow sequence: did not find expected ',' or ']'",
         "close the bracket, or put a comma between the values"),
        ("a: {b: c {d: e}}\n", "1:10-11",
         "while parsing a flow mapping: did not find expected ',' or '}'",
         "close the bracket, or put a comma between the values"),
        ("a: [,]\n", "1:5-6",
         "while parsing a flow node: did not find expected node content",
         "write a value here, or remove what asks for one"),
        # keys and colons
        ("a: b: c\n", "1:5-6", NO_VALUES, COLON),
        ("a\n  b: c\n", "2:4-5", NO_VALUES, COLON),
        (": b\n", "1:1-2", "a colon without a key before it", "write the key before the colon"),
        ("a: 1\n: b\n", "2:1-2", "a colon without a key before it",
         "write the key before the colon"),
        ("a: 1\nb\nc: 2\n", "2:1-2", '"b" is no key with a value',
         "write a colon and a space after the key"),
        ("a:\n  b: 1\n c: 2\n", "3:2-3",
         "while parsing a block mapping: did not find expected key", INDENTATION),
        ("- a\nb: 1\n", "2:1-2",
         "while parsing a block collection: did not find expected '-' indicator",
         "begin each item of the list with a dash"),
        ("a: - b\n", "1:4-5", "block sequence entries are not allowed in this context",
         "begin a list on a line of its own; if it is text, quote it"),
        # tabs
        ("a:\n\tb: 1\n", "2:1-2", "a tab stands where only spaces can",
         "indent with spaces, not with tabs"),
        ("a:\n  \tb: 1\n", "2:3-4", "a tab stands where only spaces can",
         "indent with spaces, not with tabs"),
        # the rest
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n", "1:1-8", "a merge conflict begins here",
         "settle the merge conflict"),
        ("a: |b\n", "1:5-6",
         "while scanning a block scalar: did not find expected comment or line break",
         "if it is text, quote it"),
        ("a: !e!b c\n", "1:4-5", "while parsing a node: found undefined tag handle",
         "remove the tag; if it is text, quote it"),
        ('a: "\\q"\n', "1:5-6", "while parsing a quoted scalar: found unknown escape character",
         "write a backslash twice, or put the value in single quotes"),
        ("%FOO\n---\na\n", "1:5-6",
         "while scanning a directive: found unknown directive name", "remove the line"),
        ("%YAML 2.0\n---\na\n", "1:1-2", "found incompatible YAML document",
         "write %YAML 1.2, or remove the line"),
        ("a: 1\n...\nb\n", "3:1-2", "did not find expected <document start>",
         "remove it: nothing can follow the end of the document"),
    ],
)  # fmt: skip
def test_words(text: str, place: str, message: str, fix: str) -> None:
    assert only(text) == (place, "KS105", message, fix)


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("a: @b\n", "1:4-6", "@b"),
        ("a: `b` # c\n", "1:4-7", "`b`"),
        ("a: %b c\n", "1:4-8", "%b c"),
        ("a: ? b\n", "1:4-7", "? b"),
        ("a: &/5\n", "1:4-7", "&/5"),
        ("@a: b\n", "1:1-3", "@a"),
        ("{a: @b, c: d}\n", "1:5-7", "@b"),
        ("[\n  a, @b]\n", "2:6-8", "@b"),
    ],
)
def test_a_value_that_needs_quotes_is_shown_with_them(text: str, place: str, value: str) -> None:
    message = f'"{value}" begins with {value[0]}, which needs quotes'
    assert only(text) == (place, "KS105", message, f'quote it: "{value}"')


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("a: */5 * * * *\n", "1:4-15", "*/5 * * * *"),
        ("a: * * * * *", "1:4-13", "* * * * *"),
        ("a: *\n", "1:4-5", "*"),
        ("a: */5  # b\n", "1:4-7", "*/5"),
        ("a: */5 9#5\n", "1:4-11", "*/5 9#5"),
        ("a: *5 9 * * 1\n", "1:4-14", "*5 9 * * 1"),
        ("a: [*5 9, b]\n", "1:5-9", "*5 9"),
        ("- */5\n", "1:3-6", "*/5"),
        ("a: &b */5\n", "1:7-10", "*/5"),
        ("*/5: b\n", "1:1-4", "*/5"),
        ("a: {b: */5 9 *, c: d}\n", "1:8-15", "*/5 9 *"),
        ("a: {\n  b: */5 9 *}\n", "2:6-13", "*/5 9 *"),
        ("a: */5\n  9\n", "1:4-4", "*/5 9"),
        ("a: &b\n    */5\n", "2:5-8", "*/5"),
    ],
)
def test_a_star_without_quotes(text: str, place: str, value: str) -> None:
    message = f'"{value}" begins with *, which YAML takes for an alias'
    assert only(text) == (place, "KS106", message, f'quote it: "{value}"')


def test_a_value_that_needs_quotes_hides_nothing_behind_it() -> None:
    text = "{a: */5 *, b: @x, a: 1, c: !t `y`}\nd\n"
    found = parse_document(text.encode(), path="x").findings
    assert [(f.line, f.column, f.code) for f in found] == [
        (1, 5, "KS106"), (1, 15, "KS105"), (1, 19, "KS112"), (1, 28, "KS110"), (1, 31, "KS105"),
        (2, 1, "KS105"),
    ]  # fmt: skip


def test_a_value_that_nothing_comes_of_is_told_as_far_as_its_line_goes() -> None:
    found = parse_document(b"a: [*/5, @b\n", path="x").findings
    assert [(f.column, f.message) for f in found] == [
        (4, "not YAML: the bracket that begins here is not closed"),
        (5, '"*/5" begins with *, which YAML takes for an alias'),
        (10, 'not YAML: "@b" begins with @, which needs quotes'),
    ]


def test_what_is_shown_is_safe() -> None:
    (found,) = parse_document('a: "b" \u202e\U000e0041\u200b\n'.encode(), path="x").findings
    assert found.message.startswith('not YAML: "\\u202e\\U000e0041\\u200b" stands behind')
    secret = "ghp_" + "a1B2" * 9
    (found,) = parse_document(f"a: @{secret}\n".encode(), path="x").findings
    assert secret not in found.message + found.fix + found.excerpt


def test_an_error_without_a_place_is_told_at_the_beginning() -> None:
    error = SimpleNamespace(context=None, problem="odd\n", problem_mark=None, context_mark=None)
    problem, offset = describe_syntax_error(error, Source("a"))
    assert (problem.rule, problem.message, problem.span) == (
        rules.SYNTAX,
        "not YAML: odd\\n",
        START,
    )
    assert offset is None


def test_an_error_without_words_or_with_the_place_of_its_context() -> None:
    mark = SimpleNamespace(line=1, column=0, index=2)
    error = SimpleNamespace(context=None, problem=None, problem_mark=None, context_mark=mark)
    problem, _ = describe_syntax_error(error, Source("a\nb"))
    assert problem.message == "not YAML: not YAML"
    assert problem.span == Span(line=2, column=1, end_line=2, end_column=2)
    assert problem.fix == ""


def test_unquoted() -> None:
    span = Span(line=1, column=2, end_line=1, end_column=4)
    problem = unquoted("*x", span)
    assert (problem.rule, problem.span, problem.fix) == (
        rules.UNQUOTED_STAR,
        span,
        'quote it: "*x"',
    )
    assert unquoted("@x", span).rule is rules.SYNTAX
