"""Text made safe to show: secrets replaced, the invisible made visible, markup made literal.

Source: Unicode, Default_Ignorable_Code_Point and Annex 11; CommonMark 0.31.2, 2.4, 2.5 and 6.1.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import NamedTuple


class Secret(NamedTuple):
    """Where a secret stands, in code points of the text searched."""

    kind: str
    """What it is, such as `github-token`."""
    start: int
    """Its first code point, from 0."""
    end: int
    """The code point after its last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """That a secret was replaced; never the secret.

    Example:
        >>> redact("redis://" + ":s3cr3t@db/0")[1]
        (Redaction(kind='url-credentials', line=1),)
    """

    kind: str
    """What it was, such as `github-token`."""
    line: int
    """The line in the text searched on which it began, from 1."""


# What each secret looks like: kind, literals, and a pattern that is tried only where such a literal
# stands, so that text without secrets costs a few substring searches. Group 1 is the secret; a
# match without it says "nothing up to here", which keeps the search linear. Runs are greedy and
# mostly open-ended, because formats grow and half a secret is not redacted. No pattern may match a
# marker, hence `(?<!redacted:)`.
_AWS_ID = ("AKIA", "ASIA", "ABIA", "ACCA", "A3T")
_AWS_NAME = (
    r"(?i)(?<!redacted:)(?>aws[\w .-]{0,16}?[skpt](?:ecret|ey|ass|wd|w|oken)|secret[ _.-]?access)"
    r"(?:[ _.-]?(?:access|secret|key|token)){0,3}+[\w.-]{0,40}+(?: is)?"
    r"(?:[\s\"'`\\()\[\]{}<>=:,|-]|(?<=\\)[nrt]){1,40}+"
)
# 40 characters of base64, or more for a session token; but no digest.
_AWS_VALUE = r"(?![0-9a-f]{40})([a-zA-Z0-9/+]{40,}={0,2})"
_SK = (
    r"(sk-(?!ant-)(?:[\w-]{0,80}T3BlbkFJ[\w-]{16,}|(?:(?<![a-zA-Z0-9]sk-)|(?<=[a-zA-Z0-9]{16}sk-))"
    r"(?:(?:proj|svcacct|admin|None)-[\w-]{20,}|(?=[a-zA-Z]{0,30}\d)[a-zA-Z0-9]{20}[\w-]*)))"
)
_NPMRC = (
    r"(?:(?<![^:\n])_auth|_authToken|:_password|npmAuthToken)[\\\" ]*[=:][\\\"' ]*([\w+/=-]{16,})"
)
_TOKENS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("github-token", ("gh",), r"(gh[pousr]_\w{36,}+(?:\.[\w-]{16,}+)*+)"),
    ("github-token", ("github_pat_",), r"(github_pat_\w{30,})"),
    ("gitlab-token", ("gl",), r"(gl(?:pat|dt|ft|rt|cbt|imt|ptt|soat|agent|oas)-[\w-][\w.-]{19,})"),
    ("aws-access-key-id", _AWS_ID, r"((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16,})"),
    ("aws-secret-key", _AWS_ID, r"[A-Z0-9]{20}[\s\"'`,;:|\\]{1,20}+" + _AWS_VALUE),
    ("aws-secret-key", ("aws", "AWS", "Aws", "secret", "SECRET", "Secret"), _AWS_NAME + _AWS_VALUE),
    ("slack-token", ("xox",), r"(xox[a-z](?:\.xox[a-z])?-(?=[a-zA-Z-]{0,20}\d)[\w%-]{10,})"),
    ("slack-token", ("xapp-",), r"(xapp-\d-[\w-]{10,})"),
    ("slack-webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:[a-z]{6,10}/)([\w/-]{16,})"),
    ("anthropic-key", ("sk-ant-",), r"(sk-ant-[\w-]{24,})"),
    ("openai-key", ("sk-",), _SK),
    ("google-api-key", ("AIza",), r"(AIza[\w-]{35,})"),
    ("google-oauth-secret", ("GOCSPX-",), r"(GOCSPX-[\w-]{20,})"),
    ("google-oauth-token", ("ya29.",), r"(ya29\.[\w-][\w.-]{19,})"),
    ("npm-token", ("npm_",), r"(npm_[a-zA-Z0-9]{36,})"),
    ("npm-token", ("_auth", ":_password", "npmAuthToken"), _NPMRC),
    ("pypi-token", ("pypi-AgE",), r"(pypi-AgE[\w-]{40,})"),
    ("jwt", ("eyJ",), r"(eyJ[\w=-]{6,}+\.\.?[\w=-]{4,}[\w.+/=-]*+)|eyJ[\w=-]*+"),
    ("stripe-key", ("sk_live_", "rk_live_"), r"([sr]k_live_[a-zA-Z0-9]{16,})"),
    ("huggingface-token", ("hf_",), r"(hf_[a-zA-Z0-9]{30,})"),
    ("digitalocean-token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"(do[opr]_v1_[a-f0-9]{40,})"),
    ("sendgrid-key", ("SG.",), r"(SG\.[\w-]{16,}\.[\w-]{16,})"),
    ("telegram-token", (":AA",), r"(?<=\d{8}):(AA[\w-]{33,})"),
    ("azure-storage-key", ("AccountKey=",), r"AccountKey=([a-zA-Z0-9+/]{40,}={0,2})"),
    ("age-secret-key", ("AGE-SECRET-KEY-1",), r"(AGE-SECRET-KEY-1[A-Z0-9]{40,})"),
)

# The whole key block up to its END line, whatever stands between. Without one: the lines that look
# like key material, so that a prompt that merely mentions such a header keeps its text.
_KEY_NAME = r"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?(?: ?-{1,5})?"
_KEY_BEGIN = rf"-{{4,5}} ?BEGIN {_KEY_NAME}|PuTTY-User-Key-File-\d: [^\n]{{0,60}}|\[redacted:"
_KEY_END = rf"-{{4,5}} ?END {_KEY_NAME}"
_KEY_GAP = r"(?:[\s\"'`>#|*,;+]|\\[nrt]?)*+"
_KEY_LINE = (
    r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Encryption|Public-Lines|Private-Lines"
    r"|Private-MAC|Key-Derivation|Argon2-\w+):[^\n]{0,200}+|[a-zA-Z0-9+/=]{16,}+"
)
_KEY_LAST = r"=?[a-zA-Z0-9+/]{1,15}={0,2}(?=[\"'`,;]{0,3}[ \t]*+(?:[\r\n]|\Z)|\\[nr])"
_KEY_BODY = rf"{_KEY_GAP}(?:{_KEY_LINE})(?:{_KEY_GAP}(?:{_KEY_LINE}|{_KEY_LAST}))*+"

# What follows `://`: a user, and a colon that begins a password and not a port.
_PORT = r"\d{1,5}(?![^/?#\"'`<>)\]},;\s\\])"
_USER = rf"://([^\s/?#@:\"'`<>,;(){{}}|\\^\[\]]*+)(:(?!{_PORT}))?+"
_USER_TOKEN = r"(?=\D*\d)[\w.~%+=-]{16,}"  # noqa: S105 -- a pattern
# Where a URL ends at the latest. A marker ends it too, so that redacting again changes nothing.
_URL_END = r"\s|\[redacted:"
# An `@` before what can only be the host: passwords hold `/` and `@` too, as paths do.
_HOST = r"@(?=(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}(?::\d{1,5})?(?:[/?#\"'`<>)\]},;\\]|\Z))"
_PLACEHOLDER = r"\$?\{\w+\}|\$[A-Z_]+|<[\w-]+>|\*+"

# Printable by category, yet drawn as nothing: default ignorables, the blank Braille pattern.
_UNSEEN = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_ESCAPE = r"\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"

# What is left out to see what a reader sees, in a text where every other unseen character became
# NUL: single characters; and with them whole terminal sequences.
_UNSEEN_RUN = r"[\0\x07\x1b\x80-\x9f]+"
_SEQUENCES = (
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f\n]*+(?:\x07|\x9c|\x1b\\)"
    r"|\x1b[ -/]*+[0-Z\\^-~]|[\0\x07]+|[\x1b\x80-\x9f]"
)
_Span = tuple[str, int, int]  # a kind, start and end
_Unit = tuple[str, int, int]  # what stands for a character or a secret, its columns, its start


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Compile at first use: most runs need few of these."""
    return re.compile(pattern, re.ASCII)


def find_secrets(text: str) -> tuple[Secret, ...]:
    r"""Find secrets, each in its whole length, also split by what cannot be seen; in linear time.

    Returns:
        The secrets in order; where several overlap, one that covers them all.

    Example:
        >>> find_secrets("token: gh\u200bp_" + "a1B2" * 9)
        (Secret(kind='github-token', start=7, end=48),)
    """
    return _find(text, whole=True)


def redact(text: str) -> tuple[str, tuple[Redaction, ...]]:
    """Replace each secret by a marker that names its kind; redacting again changes nothing.

    Returns:
        The text without the secrets; and what was replaced, in order.

    Example:
        >>> redact("redis://" + ":s3cr3t@db/0")[0]
        'redis://:[redacted:url-credentials]@db/0'
    """
    secrets = find_secrets(text)
    redactions, line, position = [], 1, 0
    for secret in secrets:
        line += text.count("\n", position, secret.start)
        position = secret.start
        redactions.append(Redaction(kind=secret.kind, line=line))
    return _without(text, secrets), tuple(redactions)


def _without(text: str, secrets: Sequence[Secret]) -> str:
    pieces: list[str] = []
    position = 0
    for secret in secrets:
        pieces += text[position : secret.start], f"[redacted:{secret.kind}]"
        position = secret.end
    return "".join((*pieces, text[position:]))


def _find(text: str, *, whole: bool) -> tuple[Secret, ...]:
    """Find secrets; in a text that is not whole, an open key block reaches to the end."""
    found = [
        (origin(start), origin(end - 1) + 1, kind)
        for view, origin in _views(text)
        for kind, start, end in _matches(view, whole=whole)
    ]
    found.sort(key=lambda span: (span[0], -span[1]))
    secrets: list[Secret] = []
    for start, end, kind in found:
        if not secrets or start >= secrets[-1].end:
            secrets.append(Secret(kind=kind, start=start, end=end))
        elif end > secrets[-1].end:
            secrets[-1] = Secret(kind=secrets[-1].kind, start=secrets[-1].start, end=end)
    return tuple(secrets)


def _matches(text: str, *, whole: bool) -> Iterator[_Span]:
    for kind, literals, pattern in _TOKENS:
        for literal in filter(text.__contains__, literals):
            match_at, at = _pattern(pattern).match, text.find(literal)
            while at >= 0:
                match = match_at(text, at)
                if match and match.start(1) >= 0:
                    yield kind, match.start(1), match.end(1)
                at = text.find(literal, match.end() if match else at + 1)
    if "PRIVATE KEY" in text or "PuTTY-User-Key" in text:
        yield from _private_keys(text, whole=whole)
    yield from _credentials(text)


def _private_keys(text: str, *, whole: bool) -> Iterator[_Span]:
    headers = list(_pattern(_KEY_BEGIN).finditer(text))
    # A block is searched up to the next one, or a marker, only: many open ones stay linear, and
    # redacting again changes nothing.
    limits = [*(header.start() for header in headers[1:]), len(text)]
    for header, limit in zip(headers, limits, strict=False):
        if header[0].startswith("["):
            continue
        close = _pattern(_KEY_END).search(text, header.end(), limit)
        if not close and whole:
            close = _pattern(_KEY_BODY).match(text, header.end(), limit)
        if close or not whole:
            yield "private-key", header.start(), close.end() if close else limit


def _credentials(text: str) -> Iterator[_Span]:
    limit = last = 0
    at = text.find("://")
    while at >= 0 and (match := _pattern(_USER).match(text, at)):
        if at >= limit:  # once for a stretch, however many URLs stand in it
            stop = _pattern(_URL_END).search(text, at)
            limit = stop.start() if stop else len(text)
            last = text.rfind("@", at, limit)
        start = end = match.end()
        if match[2] and last > start:
            host = _pattern(_HOST).search(text, start, limit)
            end = host.start() if host else last
        if text.startswith("@", end) and _pattern(_USER_TOKEN).fullmatch(match[1]):
            start = match.start(1)
        if start < end and not _pattern(_PLACEHOLDER).fullmatch(text, start, end):
            yield "url-credentials", start, end
        at = text.find("://", end)


def _views(text: str) -> Iterator[tuple[str, Callable[[int], int]]]:
    """The text as it stands and as it is seen, each with the way back to an offset in the first."""
    yield text, int
    if printable(text.replace("\n", "").replace("\t", "").replace("\r", "")):
        return
    characters = set(text)
    kept = {"\n", "\t", "\r", "\x07", "\x1b", *map(chr, range(0x80, 0xA0))}
    unseen = {
        character: "\0"
        for character in characters - kept
        if not printable(character) and unicodedata.category(character) != "Zs"
    }
    marked = _replace(text, unseen)
    yield _view(marked, _UNSEEN_RUN)
    if not characters.isdisjoint("\x1b\x90\x98\x9b\x9d\x9e\x9f"):
        yield _view(marked, _SEQUENCES)


def _view(marked: str, left_out: str) -> tuple[str, Callable[[int], int]]:
    starts, shifts = [0], [0]

    def origin(offset: int) -> int:
        if len(starts) == 1:  # worked out when first asked, which is for a secret only
            gaps = [match.span() for match in _pattern(left_out).finditer(marked)]
            shifts.extend(accumulate(end - start for start, end in gaps))
            starts.extend(gap[1] - shift for gap, shift in zip(gaps, shifts[1:], strict=True))
        return offset + shifts[bisect_right(starts, offset) - 1]

    return _pattern(left_out).sub("", marked), origin


def _replace(text: str, table: dict[str, str]) -> str:
    # A few characters are replaced faster one by one; many, as in hostile text, all at once.
    if len(table) > 16:
        return text.translate({ord(character): shown for character, shown in table.items()})
    for character, replacement in table.items():
        text = text.replace(character, replacement)
    return text


def printable(text: str) -> bool:
    r"""Tell whether a text is one line of characters that all can be seen: `escape` keeps it.

    Example:
        >>> printable("né à 漢字"), printable("a\u202eb"), printable("a\n")
        (True, False, False)
    """
    return text.isprintable() and (text.isascii() or not _pattern(_UNSEEN).search(text))


def escape(text: str) -> str:
    r"""Put a text on one line, with everything that cannot be seen as an ASCII escape.

    A backslash stays as it is, so that paths and patterns stay readable: the result is to be read,
    not to be decoded. Lone surrogates and what the running Python's Unicode lacks are hidden.

    Example:
        >>> escape("line\nbreak \x1b[31m \u202e \U000e0041")
        'line\\nbreak \\x1b[31m \\u202e \\U000e0041'
    """
    return text if printable(text) else _escape(text, keep="")


def _escape(text: str, *, keep: str) -> str:
    hidden = (c for c in set(text).difference(keep) if not printable(c))
    return _replace(text, {c: ascii(c)[1:-1] for c in hidden})


def reveal(text: str) -> str:
    r"""Make visible what cannot be seen, in a text of many lines.

    Tabs stay, and the spaces of French and CJK typography; line breaks become ``\n``. A lone
    carriage return, which can overwrite a line, is an escape.

    Example:
        >>> reveal("one\r\ntwo\u200b\rthree\n")
        'one\ntwo\\u200b\\rthree\n'
    """
    text = text.replace("\r\n", "\n")
    if printable(text.replace("\n", "").replace("\t", "")):
        return text
    return _escape(text, keep="\n\t\u00a0\u202f\u3000")


def clip(text: str, limit: int = 80) -> str:
    r"""Cut a text that is too long, never within an escape.

    Args:
        text: A text, usually escaped.
        limit: The most characters to return.

    Returns:
        The text, or its beginning with `…` as the last character.

    Example:
        >>> clip("zero \\u200b width", 10), clip("short", 10)
        ('zero …', 'short')
    """
    if len(text) <= limit:
        return text
    cut = max(limit - 1, 0)
    start = text.rfind("\\", max(cut - 9, 0), cut)
    if start >= 0 and (match := _pattern(_ESCAPE).match(text, start)) and match.end() > cut:
        cut = start
    return (text[:cut] + "…")[: max(limit, 0)]


def _clipped(text: str, limit: int) -> str:
    return clip(escape(text[: max(limit, 0) + 1]), limit)


def show(text: str, limit: int = 60) -> str:
    r"""Quote a value inside a message: redacted, escaped, cut.

    Args:
        text: Any text; of a long one only the beginning is looked at.
        limit: The most characters between the quotes, not counting backslashes before quotes.

    Example:
        >>> show('say "hi"\n'), show("a" * 100, 8)
        ('"say \\"hi\\"\\n"', '"aaaaaaa…"')
    """
    head = text[: max(limit, 0) + 4096]  # room for the longest usual secret
    more = len(head) < len(text)
    edge = _edge(head) if more else len(head)
    secrets = [secret for secret in _find(head, whole=not more) if secret.start < edge]
    shown = escape(_without(head[:edge], secrets)) + "…" * more
    return '"' + clip(shown, limit).replace('"', '\\"') + '"'


def _edge(head: str) -> int:
    # Where to stop in a text cut short, so that no half of a secret is shown. Secrets other than
    # key blocks hold no blanks: only the last word can be the first half of one.
    *_, (view, origin) = _views(head)
    word = max(map(view.rfind, " \t\r\n")) + 1
    literals = ["://", *(literal for _, literals, _ in _TOKENS for literal in literals)]
    near = [at for at in (view.find(each, max(word - 200, 0)) for each in literals) if at >= 0]
    edge = max(word, min(near, default=len(view)))
    return origin(edge) if edge < len(view) else len(head)


def code_span(text: str, limit: int = 200) -> str:
    r"""Write a text, escaped, as one inline code span of markdown, whatever it holds.

    Args:
        text: Any text; a blank stands for an empty one, as there is no empty code span.
        limit: The most characters to show.

    Example:
        >>> code_span("a`b"), code_span("`")
        ('``a`b``', '`` ` ``')
    """
    content = _clipped(text, limit) or " "
    ticks = "`" * (_longest_run(content) + 1)
    # One blank at each end is not content: needed beside a backtick, and where it would be taken.
    pad = " " if content.strip() and not {content[0], content[-1]}.isdisjoint("` ") else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def plain(text: str, limit: int = 200) -> str:
    r"""Write a text so that markdown shows it literally: in a paragraph, heading, list or cell.

    Args:
        text: Any text.
        limit: The most characters to show, not counting what protects them.

    Returns:
        The escaped text with a backslash before whatever could be markup, extended autolinks and
        table cells included; blanks at the ends, which would be dropped, as references.

    Example:
        >>> print(plain("1. <b>*x*</b>"))
        1\. \<b\>\*x\*\</b\>
    """
    literal = re.sub(r"([!#$&()*+.:<=>@\[\\\]_`{|}~-])", r"\\\1", _clipped(text, limit))
    return re.sub(r"\A | \Z", "&#32;", literal)


def fence(text: str) -> str:
    """Make the fence for a block: three backticks, or more than stand together in its text.

    Example:
        >>> fence("a ```` b")
        '`````'
    """
    return "`" * max(3, _longest_run(text) + 1)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def shell_line(argv: Sequence[str]) -> str:
    """Write a program and its arguments for a POSIX shell; `shlex.split` gives them back.

    Example:
        >>> shell_line(["prepare", "coach", "--target", "my repo"])
        "prepare coach --target 'my repo'"
    """
    import shlex

    return shlex.join(argv)


def excerpt(
    line: str, *, start: int, end: int, secrets: Sequence[Secret] = (), width: int = 70
) -> tuple[str, str]:
    """Show the offending part of a line, with what is around it and carets beneath.

    Args:
        line: One line of the source as it stands; however long, only what is shown costs time.
        start: Where the offending part begins, in code points from 0.
        end: Where it ends.
        secrets: Secrets in order, in code points of this line; they may reach beyond it.
        width: The most columns of a terminal to use, at least 8.

    Returns:
        The line, escaped, redacted and cut with `…`; and the line of carets.

    Example:
        >>> print(*excerpt("cadence: 週間 # soon", start=9, end=11), sep="|")
        cadence: 週間 # soon|         ^^^^
    """
    start, end = min(max(start, 0), len(line)), min(end, len(line))
    right, right_whole = _walk(line, secrets, start, step=1, width=width)
    before = (right[0][2] if right else start) - 1
    left, left_whole = _walk(line, secrets, before, step=-1, width=width)
    focus = sum(columns for _, columns, at in right if at < end)
    spare = width - min(focus, width * 3 // 4)
    room = max(spare // 2, spare - (_width(right) - focus))
    left = _fit(left, room, whole=left_whole)
    right = _fit(right, width - _width(left), whole=right_whole)
    shown = "".join(unit[0] for unit in (*reversed(left), *right))
    carets = sum(columns for _, columns, at in right if at < end) or 1
    return shown, " " * _width(left) + "^" * carets


def _walk(
    line: str, secrets: Sequence[Secret], at: int, *, step: int, width: int
) -> tuple[list[_Unit], bool]:
    # Collects more than fits, one character or secret at a time, and tells whether that was all.
    units: list[_Unit] = []
    columns = 0
    # The second limit is for marks that take no column: any number of them can follow a letter.
    while 0 <= at < len(line) and columns <= width and len(units) < 4 * width:
        first, following, shown = at, at + 1, escape(line[at])
        index = bisect_right(secrets, at, key=lambda secret: secret.start) - 1
        if index >= 0 and at < secrets[index].end:
            first, following = secrets[index].start, secrets[index].end
            shown = f"[redacted:{secrets[index].kind}]"
        taken = len(shown) if shown.isascii() else sum(map(_columns, shown))
        units.append((shown, taken, first))
        columns += taken
        at = following if step > 0 else first - 1
    return units, not 0 <= at < len(line)


def _fit(units: list[_Unit], budget: int, *, whole: bool) -> list[_Unit]:
    # Keeps what a number of columns holds, with `…` after it where something is left out.
    if whole and _width(units) <= budget:
        return units
    used = accumulate(unit[1] for unit in units)
    fitted = [unit for unit, columns in zip(units, used, strict=True) if columns < budget]
    return [*fitted, ("…", 1, sys.maxsize)]


def _width(units: list[_Unit]) -> int:
    return sum(unit[1] for unit in units)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
