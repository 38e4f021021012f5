"""A command line read as a POSIX shell reads it, where that is nothing but words.

What splits words otherwise takes `a $HOME`, `a b;` and two lines for words, too.

Source: POSIX.1-2024, Shell Command Language, 2.2 (quoting) and 2.3 (tokens).
"""

from __future__ import annotations

import re

# A piece of a line in which a shell sees nothing but text: blanks, what needs no quotes, what needs
# none inside a word, and the three ways of quoting. What is none of these is refused.
_PIECE = re.compile(
    r"(?P<blanks>[ \t]+)|(?P<bare>(?:[\w@%+=:,./^!\]-]|(?u:[^\x00-\x7f\s]))+)|(?P<inner>[~#])"
    r"|\\(?P<escaped>[^\0])|'(?P<single>[^'\0]*)'"
    r'|"(?P<double>[^"$`\\\0]*(?:\\[^\0][^"$`\\\0]*)*)"',
    re.ASCII,
)
_ESCAPE = re.compile(r'\\([$`"\\])|\\\n')
_RESERVED = frozenset(
    {"!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until",
     "while"}
)  # fmt: skip


def shell_words(line: str) -> list[str] | None:
    r"""Read a program and its arguments as any POSIX shell reads the line.

    Returns:
        The words; None where a shell would do more than to run the program with them, where shells
        differ, or where a quotation is left open.

    Example:
        >>> shell_words("prepare 'my repo' two\\ words"), shell_words("prepare $HOME")
        (['prepare', 'my repo', 'two words'], None)
    """
    words: list[str] = []
    word: list[str] | None = None  # its pieces; None between words
    at = 0
    while at < len(line):
        match = _PIECE.match(line, at)
        if match is None:
            return None
        at, kind, piece = match.end(), match.lastgroup, match[match.lastgroup or 0]
        if kind == "blanks":
            words += ["".join(word)] if word is not None else []
            word = None
        elif kind == "escaped" and piece == "\n":  # the line goes on, and so does the word
            continue
        elif kind == "inner" and not word:  # a home folder, or a comment
            return None
        elif piece == "~" and kind == "inner" and word and word[-1].endswith(("=", ":")):
            return None  # for some shells a home folder, too
        else:
            text = _ESCAPE.sub(r"\1", piece) if kind == "double" else piece
            word = word if word is not None else []
            word.append(text)
    words += ["".join(word)] if word is not None else []
    # What stands first can be more than a program's name: `A=b`, or `if`.
    odd = words and ("=" in words[0] or words[0] in _RESERVED)
    return None if odd else words
