"""Command lines, against a real shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaizen_schedule.reading.safety import shell_line
from kaizen_schedule.reading.shell import shell_words


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file, so that a pattern can be seen to match."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "a").touch()
    return folder


def read_by_a_shell(line: str, folder: Path) -> list[str]:
    """The words of a line as /bin/sh has them; it finds no program but its own."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' first {line}"],
        cwd=folder,
        env={"PATH": str(folder), "HOME": "/home"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode().split("\0")[1:-1]


QUOTES = "ab1 \t'\"\\~#!=:,-^%é"
# Without what a function, and so an endless one, could be made of.
ANY = QUOTES + "\n$`;&|<>(*?[]\u3000"


@given(st.text(QUOTES, max_size=12) | st.text(ANY, max_size=8))
@settings(max_examples=500)
@example("a:~ 'b'")
@example("b=~")
@example('"\\a\\$\\\n"')
@example("a\\\nb \\\n b")
@example("''~ ''#")
def test_what_is_read_of_a_line_is_what_a_shell_reads(folder: Path, line: str) -> None:
    words = shell_words(line)
    assert words is None or words == read_by_a_shell(line, folder)


SIGNS = st.sampled_from("ab/:=~#$`'\"\\ \t\n;&|<>(){}[]*?!")


@st.composite
def quoted(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and how it can be written for a shell."""
    word = line = ""
    for piece in draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]) | SIGNS))):
        text = piece.replace("\0", "")
        ways = ['"' + re.sub(r'([$`"\\])', r"\\\1", text) + '"']
        ways += [f"'{text}'"] if "'" not in text else []
        ways += ["".join(f"\\{c}" for c in text)] if text and "\n" not in text else []
        ways += [text] if re.fullmatch(r"[\w@%+:,./^!-]+", text, re.ASCII) else []
        word, line = word + text, line + draw(st.sampled_from(ways))
    return word, line or "''"


@given(st.lists(quoted()), st.sampled_from([" ", "\t", "  ", " \\\n"]))
@settings(max_examples=200)
def test_what_is_quoted_in_any_right_way_is_read(
    folder: Path, pairs: list[tuple[str, str]], blank: str
) -> None:
    line = blank.join(["prepare", *(written for _, written in pairs)])
    words = ["prepare", *(word for word, _ in pairs)]
    assert shell_words(line) == words == read_by_a_shell(line, folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        (" a  b\t", ["a", "b"]),
        ("a '' \"\"", ["a", "", ""]),
        ("a x=1 --b=c,d:e@f%g+h^i!", ["a", "x=1", "--b=c,d:e@f%g+h^i!"]),
        ("a /fleet/~b c~ d#e", ["a", "/fleet/~b", "c~", "d#e"]),
        ("a café", ["a", "café"]),
        ("a \\\n  b\\\nc", ["a", "bc"]),
        ("a \"b\nc\" 'd\ne'", ["a", "b\nc", "d\ne"]),
        ('a "b\\\nc\\d\\\\\\$"', ["a", "bc\\d\\$"]),
    ],
)
def test_lines_that_are_words(line: str, words: list[str]) -> None:
    assert shell_words(line) == words


@pytest.mark.parametrize(
    "line",
    [
        "a $HOME", "a b$", 'a "$(x)"', 'a "`x`"', "a `x`", "a $(x)", "a $'b'", 'a $"b"',
        "a b;", "a;b", "a & b", "a && b", "a | b", "a >b", "a <b", "a (b)", "a {b,c}", "{ a }",
        "a *", "a b?", "a [b]", "a ~", "a ~/b", "a b:~", "a b=~/c", "a # b", "#a",
        "a b\nrm -rf /", "a\n", "\na", "a\rb", "a \x07", "a\u3000b", "a 'b\0'",
        "a 'b", 'a "b', 'a "b\\"', "a b\\", "a 'b''",
        "A=b a", "A= a", "if a", "! a", "while a",
    ],
)  # fmt: skip
def test_lines_that_are_more_than_words(line: str) -> None:
    assert shell_words(line) is None


def test_a_long_line_is_read_in_linear_time() -> None:
    """Half a million pieces take no longer than they have to."""
    assert shell_words("a " + "\\b" * 500_000) == ["a", "b" * 500_000]
    assert shell_words('"' + "\\\\" * 500_000) is None


@given(st.lists(st.text()))
def test_what_is_written_here_is_read(words: list[str]) -> None:
    argv = ["prepare", *(word.replace("\0", "") for word in words)]
    assert shell_words(shell_line(argv)) == argv
