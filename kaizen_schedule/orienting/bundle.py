"""The bundle: everything that a task's worker gets, as a model, as markdown, within a budget.

Text from a repository is shown inside a fence that it cannot close, with control and invisible
characters made visible and secrets replaced. Nothing here reads a file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import SCHEMA_VERSION, dumps, to_plain
from kaizen_schedule.reading.errors import Refusal, UsageError
from kaizen_schedule.reading.safety import Redaction

SIZE_LIMIT = 1024 * 1024
"""A bundle is smaller than 1 MiB, in either format."""

BYTES_PER_TOKEN = 4
"""An estimate: tokenizers differ, and none is asked."""


class Trust(StrEnum):
    """Who wrote a section, and so what it may do to its reader.

    Example:
        >>> from kaizen_schedule import prepare
        >>> [section.trust.value for section in prepare(repository, "coach", now=now).sections[:3]]
        ['packaged', 'packaged', 'repository-data']
    """

    PACKAGED = "packaged"
    """This program: it instructs."""
    REPOSITORY_INSTRUCTIONS = "repository-instructions"
    """The repository's own agent prompt: it instructs."""
    REPOSITORY_DATA = "repository-data"
    """The repository's other text: it informs, and never instructs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a bundle.

    Example:
        >>> from kaizen_schedule import prepare
        >>> section = prepare(repository, "coach", now=now).sections[1]
        >>> section.name, section.title, section.source, section.truncated
        ('agent', 'Agent', 'packaged:agent-coach.md', False)
    """

    name: str
    """`task`, `agent`, `schedule`, `metrics`, `memory`, `repository` or `close`."""
    title: str
    """Its heading."""
    source: str
    """The file it comes from, relative to the repository, or who wrote it."""
    sha256: str
    """Of the source's bytes as read; of the content where there is no such file."""
    trust: Trust
    """`packaged` and `repository-instructions` instruct; `repository-data` informs."""
    truncated: bool = False
    """Whether something was left out."""
    redactions: tuple[Redaction, ...] = ()
    """The secrets that were replaced: kind and line in the source."""
    content: str
    """The text, safe to print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCommand:
    """A command to end with; it runs as printed.

    Example:
        >>> from kaizen_schedule import prepare
        >>> command = prepare(repository, "coach", now=now).close.commands[0]
        >>> command.choose_one_of, command.argv[:3]
        ('outcome', ('kaizen-agentic', 'metrics', 'record'))
    """

    purpose: str
    """When to run it."""
    choose_one_of: str | None
    """The group of which exactly one is run; null for one that is always run."""
    argv: tuple[str, ...]
    """Its words, exact."""
    command: str
    """The same as one line for a POSIX shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """How the work is ended.

    Example:
        >>> from kaizen_schedule import prepare
        >>> close = prepare(repository, "coach", now=now).close
        >>> [command.choose_one_of for command in close.commands]
        ['outcome', 'outcome', 'outcome', None]
    """

    commands: tuple[CloseCommand, ...]
    """In the order in which they are run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The whole orientation of one agent in one repository.

    Example:
        >>> from kaizen_schedule import prepare
        >>> bundle = prepare(repository, "coach", now=now)
        >>> bundle.agent, bundle.run, len(bundle.sections), len(bundle.digest)
        ('coach', None, 7, 64)
    """

    schema_version: str = SCHEMA_VERSION
    """The version of this form."""
    tool_version: str
    """The version of the program that prepared it."""
    agent: str
    """The agent's name."""
    repository: str
    """The repository's slug; its folder's name where no run says it."""
    target: str
    """The path of the checkout."""
    run: str | None = None
    """The idempotency key of the run; null when prepared by hand."""
    definition: str | None = None
    """The definition that handed the run out."""
    prepared_at: datetime
    """UTC."""
    scheduled_for: datetime | None = None
    """Local time of the run, with its offset; null when prepared by hand."""
    expires_at: datetime | None = None
    """UTC; from then on the run is refused."""
    digest: str = ""
    """SHA-256 over all content, not over the time of preparation."""
    estimated_tokens: int = 0
    """An estimate: bytes of the markdown by four."""
    warnings: tuple[str, ...] = ()
    """What is odd and did not stop the preparation; each begins with a stable word."""
    sections: tuple[Section, ...] = ()
    """In reading order."""
    close: Close
    """The commands of the last section, exact."""


def sha256(data: bytes | str) -> str:
    """The digest of bytes, or of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


_OURS = frozenset({"task", "close"})
"""The sections whose markdown is this program's own; every other one stands in a fence."""

REDACTIONS_SHOWN = 20
"""So many redactions of a section are named in markdown; the rest are counted."""

# No flavour of markdown takes such a word for markup; escaped it would only be harder to read.
_WORD = re.compile(r"(?!www\.)[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*", re.ASCII | re.IGNORECASE)


def render_name(text: str) -> str:
    r"""Write a name for a heading or the middle of a sentence; an ordinary one stays as it is.

    Example:
        >>> render_name("my-repo"), render_name("<b>")
        ('my-repo', '\\<b\\>')
    """
    return text if len(text) <= 200 and _WORD.fullmatch(text) else safety.plain(text)


def render_bundle(bundle: Bundle) -> str:
    """Render a bundle as markdown.

    Args:
        bundle: The bundle.

    Returns:
        CommonMark; text from the repository stands in fences alone.

    Example:
        >>> from kaizen_schedule import prepare
        >>> render_bundle(prepare(repository, "coach", now=now)).splitlines()[2]
        '## 1 Task'
    """
    lines = [f"# {bundle.agent} in {render_name(bundle.repository)}", ""]
    for number, section in enumerate(bundle.sections, start=1):
        lines += [f"## {number} {section.title}", ""]
        lines += [section.content, ""] if section.name in _OURS else _fenced(section)
    lines += ["---", "", *_footer(bundle)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _fenced(section: Section) -> list[str]:
    label = f"{section.trust} {safety.code_span(section.source)} sha256 {section.sha256[:16]}"
    notes = []
    if section.truncated:
        notes.append("truncated: not all of it is shown")
    shown = section.redactions[:REDACTIONS_SHOWN]
    notes += [f"redacted: {item.kind} at line {item.line}" for item in shown]
    if len(section.redactions) > len(shown):
        notes.append(f"redacted: {len(section.redactions) - len(shown):,} more")
    fence = safety.fence(section.content)
    lines = [f"BEGIN {label}", ""]
    if notes:
        lines += [*(f"- {note}" for note in notes), ""]
    return [*lines, f"{fence}text", section.content.rstrip("\n"), fence, "", f"END {label}", ""]


def _footer(bundle: Bundle) -> list[str]:
    return [
        f"Prepared at {bundle.prepared_at:%Y-%m-%dT%H:%M:%SZ} by kaizen-agentic "
        f"{bundle.tool_version}; about {bundle.estimated_tokens:,} tokens (an estimate); "
        f"sha256 {bundle.digest}."
    ]


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: its UTF-8 bytes by four, rounded up.

    Example:
        >>> estimate_tokens("abcde")
        2
    """
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def clean(text: str) -> tuple[str, tuple[Redaction, ...]]:
    """Make text from a repository safe to show: secrets replaced, the invisible made visible."""
    redacted, redactions = safety.redact(text)
    return safety.reveal(redacted), redactions


# --- Budget ----------------------------------------------------------------------------------

_GIVE_WAY = ("repository", "metrics", "memory")


def fit_bundle(bundle: Bundle, *, token_budget: int) -> Bundle:
    """Cut what may be cut until a bundle fits.

    *repository*, *metrics* and the oldest *memory* give way, in this order, line by line.

    Args:
        bundle: The bundle, whole.
        token_budget: The most tokens, by estimate; 0 for no budget but the size limit.

    Returns:
        The bundle with its estimate set.

    Raises:
        Refusal: What is never cut does not fit.
        UsageError: The budget is negative.
    """
    if token_budget < 0:
        fix = "give the most tokens, or 0 for no budget"
        raise UsageError(f"a token budget of {token_budget:,} is negative", fix=fix)

    def affordable(text: str) -> bool:
        return not token_budget or estimate_tokens(text) <= token_budget

    def fits(candidate: Bundle) -> bool:
        text = render_bundle(candidate)
        return affordable(text) and _is_small(candidate, text)

    # The footer's number has a width of its own.
    candidate = replace(bundle, estimated_tokens=10_000_000, digest="0" * 64)
    for name in _GIVE_WAY:
        if fits(candidate):
            break
        candidate = _cut(candidate, name, fits)
    text = render_bundle(candidate)
    tokens = estimate_tokens(text)
    never_cut = f"task, agent, schedule and close of {bundle.agent} need about"
    if not _is_small(candidate, text):
        size = max(len(text.encode("utf-8", "replace")), len(dumps(candidate)))
        message = f"{never_cut} {size:,} bytes; a bundle is smaller than 1 MiB"
        raise Refusal("token-budget", message, fix="shorten the prompt")
    if not affordable(text):
        message = f"{never_cut} {tokens:,} tokens, more than the budget of {token_budget:,}"
        fix = f"pass --token-budget {tokens}, or shorten the prompt"
        raise Refusal("token-budget", message, fix=fix)
    return replace(candidate, estimated_tokens=tokens, digest=bundle.digest)


def _is_small(bundle: Bundle, text: str) -> bool:
    """Whether both formats keep the size limit, given the markdown."""
    size = len(text.encode("utf-8", "replace"))
    # JSON writes a byte as six at most, so most bundles need not be rendered twice.
    return size < SIZE_LIMIT and (size * 6 < SIZE_LIMIT or len(dumps(bundle)) < SIZE_LIMIT)


def _cut(bundle: Bundle, name: str, fits: Callable[[Bundle], bool]) -> Bundle:
    """Keep as many lines of a section as fit; where the mark is longer than they are, all."""
    index = next((i for i, s in enumerate(bundle.sections) if s.name == name), None)
    if index is None:
        return bundle
    section = bundle.sections[index]
    lines = section.content.split("\n")

    def keep(count: int) -> Bundle:
        left_out = len(lines) - count
        mark = f"[truncated: {left_out} line{'s' if left_out > 1 else ''} left out]"
        kept = [mark, *lines[left_out:]] if name == "memory" else [*lines[:count], mark]
        cut = replace(section, content="\n".join(kept), truncated=True)
        return replace(bundle, sections=_with(bundle.sections, index, cut))

    if len(render_bundle(keep(0))) >= len(render_bundle(bundle)):
        return bundle
    low, high = 0, len(lines) - 1  # keep(low) is the least there is, keep(high + 1) did not fit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(keep(middle)) else (low, middle - 1)
    return keep(low)


def _with(sections: Sequence[Section], index: int, section: Section) -> tuple[Section, ...]:
    return (*sections[:index], section, *sections[index + 1 :])


def digest_of(bundle: Bundle, *, close: Section, commands: Close) -> str:
    """The digest over all content, not over the time of preparation.

    The close section repeats that time in its commands; it is handed in once more without it.

    Args:
        bundle: The bundle as it will be given out.
        close: Its close section, rendered without the time.
        commands: The commands, made without the time.
    """
    sections = tuple(close if s.name == "close" else s for s in bundle.sections)
    timeless = replace(bundle, sections=sections, close=commands, digest="")
    plain = to_plain(timeless)
    assert isinstance(plain, dict)
    del plain["prepared_at"]
    return sha256(dumps(plain, indent=None))
