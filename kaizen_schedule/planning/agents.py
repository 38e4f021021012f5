"""Agent prompts: where they are found, what their front matter says, and what is odd about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.diagnostics import Diagnostic, Span
from kaizen_schedule.reading.document import Document, parse_document
from kaizen_schedule.reading.errors import FaultReason, FileFault
from kaizen_schedule.reading.rules import Rule
from kaizen_schedule.reading.source import Source
from kaizen_schedule.reading.tree import Tree

from .shape import describe, nearest

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
"""What an agent can be called."""

PROMPT_CAP = 256 * 1024
"""The most bytes that a prompt may hold."""

PLACES = (("agents", "agent-"), (".claude/agents", ""))
"""Folders of a repository in which prompts are looked for, and what precedes the name there."""

_NO_PROMPTS = ("readme", "index")
"""What a folder of prompts may hold beside them."""

_OURS = ("name", "description", "risk", "memory")
# What coding assistants and their collections put beside ours; passed through, not read.
_THEIRS = (
    "allowed-tools", "argument-hint", "author", "background", "category", "color",
    "disallowedTools", "effort", "hooks", "icon", "initialPrompt", "isolation",
    "keywords", "license", "maxTurns", "mcpServers", "metadata", "model",
    "permissionMode", "skills", "tags", "temperature", "title", "tools", "version",
)  # fmt: skip


class Risk(StrEnum):
    """How much an agent can break when it works unattended.

    Example:
        >>> from kaizen_schedule import show_agent
        >>> show_agent(repository, "sys-medic").risk is Risk.HIGH
        True
    """

    LOW = "low"
    """What it can break, one checkout can undo."""
    HIGH = "high"
    """It could change more than one checkout can undo: its entry needs `review: required`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """An agent's prompt, as found.

    Example:
        >>> from kaizen_schedule import show_agent
        >>> prompt = show_agent(repository, "coach")
        >>> prompt.name, prompt.packaged, prompt.risk.value, prompt.memory
        ('coach', True, 'low', True)
    """

    name: str
    """The agent's name, by which entries know it."""
    path: str
    """Where it stands: a path in the repository, or the packaged file's name."""
    packaged: bool
    """Whether it comes with this program."""
    risk: Risk
    """What counts: a repository's prompt never lowers the packaged one's."""
    description: str = ""
    """What the agent is for, as its front matter says; empty where that says nothing."""
    memory: bool = True
    """Whether the agent keeps notes from run to run."""
    text: str = ""
    """The whole file, front matter included."""
    body: str = ""
    """The instructions alone."""
    readable: bool = True
    """False where the file stands there but cannot be read; then nothing else is found for it."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is odd about it, in file order."""


def prompt_paths(name: str) -> tuple[str, ...]:
    """Where a repository may hold the prompt of an agent, first come first served.

    Example:
        >>> prompt_paths("coach")
        ('agents/agent-coach.md', '.claude/agents/coach.md')
    """
    return tuple(f"{folder}/{prefix}{name}.md" for folder, prefix in PLACES)


def label(name: str) -> str:
    """An agent's name for a message: even a well-formed one may be somebody's token.

    Example:
        >>> label("coach")
        'coach'
    """
    return name if len(name) < 20 else safety.redact(name)[0]


def find_prompt(tree: Tree, name: str, packaged: Mapping[str, Prompt]) -> Prompt | None:
    """Find the prompt of an agent: in the repository, else packaged.

    One that stands in the repository and cannot be read is found, as unreadable: it is never
    passed over for another.

    Args:
        tree: The repository.
        name: The agent's name.
        packaged: The packaged prompts by name.
    """
    fallback = packaged.get(name)
    if not NAME.fullmatch(name):
        return None
    for path in prompt_paths(name):
        try:
            blob = tree.read(path, cap=PROMPT_CAP)
        except FileFault as fault:
            if fault.reason is FaultReason.MISSING:
                continue
            return _unreadable(name, path, fault.message)
        return load_prompt(blob.data, path=path, name=name, packaged=fallback)
    return fallback


def list_prompts(tree: Tree, packaged: Mapping[str, Prompt]) -> tuple[Prompt, ...]:
    """List every prompt that an entry of the repository could name, by name.

    Files whose name no agent can have are listed too, as unreadable, so that they are seen.
    """
    found: dict[str, Prompt] = dict(packaged)
    odd: list[Prompt] = []
    for folder, prefix in reversed(PLACES):
        try:
            names = tree.list(folder)
        except FileFault as fault:
            if fault.reason is not FaultReason.MISSING:
                odd.append(_unreadable(folder, folder, fault.message))
            continue
        for file in names:
            if not file.startswith(prefix) or not file.endswith(".md"):
                continue
            name = file[len(prefix) : -len(".md")]
            if not prefix and name.lower() in _NO_PROMPTS:
                continue
            if NAME.fullmatch(name):
                prompt = find_prompt(tree, name, packaged)
                if prompt is not None:
                    found[name] = prompt
            else:
                message = f"no agent can be called {safety.show(name)}: letters, digits and dashes"
                odd.append(_unreadable(name, f"{folder}/{file}", message, rule=rules.PROMPT_NAME))
    order = sorted((*found.values(), *odd), key=lambda p: (p.name.lower(), p.name, p.path))
    return tuple(order)


def _unreadable(
    name: str, path: str, message: str, *, rule: Rule = rules.PROMPT_UNREADABLE
) -> Prompt:
    shown = safety.escape(path)
    fix = "make it a regular text file of this repository, or remove it"
    if rule is rules.PROMPT_NAME:
        fix = "rename the file"
    diagnostic = rules.diagnose(rule, message, path=shown, fix=fix)
    return Prompt(
        name=name,
        path=path,
        packaged=False,
        risk=Risk.HIGH,
        readable=False,
        diagnostics=(diagnostic,),
    )


def load_prompt(data: bytes, *, path: str, name: str, packaged: Prompt | None = None) -> Prompt:
    r"""Read a prompt; whatever its front matter holds, its body stays usable.

    Args:
        data: The file's bytes.
        path: Where it stands.
        name: The agent's name, which its file gives it.
        packaged: The packaged prompt that it stands in for, where there is one.

    Example:
        >>> text = b"---\nname: coach\nrisk: high\n---\nBe kind.\n"
        >>> load_prompt(text, path="agents/agent-coach.md", name="coach").risk
        <Risk.HIGH: 'high'>
    """
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return _unreadable(
            name, path, f"byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8"
        )
    front, body, problems = split_front_matter(text, path, past_blank_lines=True)
    lint = _Lint(front=front, path=safety.escape(path), name=name, unclosed=problems)
    values = lint.values() if front is not None else {}
    risk = lint.risk(values, text) if front is not None else Risk.LOW
    if packaged is not None and packaged.risk is Risk.HIGH and risk is not Risk.HIGH:
        if "risk" in values:
            lint.add(
                rules.SHADOWS_PACKAGED,
                f"risk: low in the prompt of {name} is ignored: the packaged one says risk: high",
                "write risk: high, or give the agent a name of its own",
                ("risk",),
            )
        risk = Risk.HIGH
    description = values.get("description")
    return Prompt(
        name=name,
        path=path,
        packaged=False,
        risk=risk,
        description=description if isinstance(description, str) else "",
        memory=values.get("memory") != "disabled",
        text=text,
        body=body,
        diagnostics=tuple(sorted(lint.problems, key=lambda d: d.order)),
    )


def split_front_matter(
    text: str, path: str, *, past_blank_lines: bool = False
) -> tuple[Document | None, str, list[Diagnostic]]:
    """Front matter, body, and what is wrong with the line between them.

    Args:
        text: The file's text.
        path: Where it stands.
        past_blank_lines: Whether blank lines may stand before it: some readers pass over them, and
            what it says of a risk must not be overlooked.
    """
    starts = Source(text).starts
    lines = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    opening = 0
    if past_blank_lines:
        opening = next((number for number, line in enumerate(lines) if line.strip()), 0)
    first = opening + 1
    if lines[opening].rstrip() != "---":
        return None, text, []
    for number, line in enumerate(lines[first:], start=first):
        if line.rstrip() == "---":
            # Empty lines stand for what is before it, so that lines keep their numbers.
            block = "\n" * first + "".join(lines[first:number])
            return _parse(block, path), "".join(lines[number + 1 :]), []
    problem = rules.diagnose(
        rules.PROMPT_FRONT_MATTER,
        "the front matter that begins here is not closed",
        path=safety.escape(path),
        fix="close it with a line of three dashes",
        span=Span(line=first, column=1, end_line=first, end_column=4),
        excerpt="---",
        carets="^^^",
    )
    head = "".join(lines[first : first + 49])
    return _parse("\n" * first + head, path), text, [problem]


def _parse(front: str, path: str) -> Document:
    # A lone surrogate, which no file's text has, is refused like any other byte out of place.
    return parse_document(front.encode("utf-8", "surrogatepass"), path=path)


_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,63}):[ \t]*(.*)")
_IS_RISK = re.compile("risk", re.IGNORECASE | re.ASCII)
# In text that is no sound front matter: where risk is a key, wherever that stands; and what says
# low behind it.
_RISK = re.compile(r"(?<![a-z0-9_])risk[\"']?[ \t\r\n]*:", re.IGNORECASE | re.ASCII)
_LOW = re.compile(r"[ \t]*[\"']?low[\"']?(?=[ \t]*(?:[\r\n,}\]]|\Z)|[ \t]+#)")
# What one slip makes of risk: a letter more, one less, another one, or two that changed places.
_LIKE_RISK = re.compile(
    r".*risk.*|.?isk|r.?sk|ri.?k|ris.?|r.isk|ri.sk|ris.k|irsk|rsik|riks",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_LINT_LIMIT = 50
"""So many slips of a kind are told of one prompt; then how many more there are."""


class _Lint:
    """Reads front matter and gathers what is odd about it."""

    def __init__(
        self, *, front: Document | None, path: str, name: str, unclosed: list[Diagnostic]
    ) -> None:
        self.front = front
        self.path = path
        self.name = label(name)
        self.agent = name
        self.unclosed = bool(unclosed)
        self.problems = unclosed
        self.from_yaml = False

    def add(self, rule: Rule, message: str, fix: str, route: tuple[str, ...] = ()) -> None:
        source, span = Source(""), Span(line=1, column=1, end_line=1, end_column=1)
        if self.front is not None:
            source = self.front.source
            if self.from_yaml:
                key = rule is rules.PROMPT_UNKNOWN_KEY
                span = self.front.locate(route, at_key=key) if route else span
            elif route:
                span = _line_of(source, route[0])
        self.problems.append(
            source.diagnose(rule, message, path=self.path, span=span, route=route, fix=fix)
        )

    def values(self) -> dict[str, Any]:
        """The front matter as a mapping; read line by line where it is not YAML."""
        front = self.front
        assert front is not None
        values: dict[str, Any]
        if front.complete and isinstance(front.data, dict):
            self.from_yaml = True
            values = front.data
        else:
            values = _by_lines(front.source)
        if not self.unclosed:
            told = front.findings[:_LINT_LIMIT]
            self.problems += [self._yaml_problem(finding, front) for finding in told]
            if left := len(front.findings) - len(told):
                message = f"{left:,} more problems in the front matter of {self.name}"
                self.add(rules.PROMPT_FRONT_MATTER, message, "mend those above first")
            if front.complete and not isinstance(front.data, dict | None):
                self.add(
                    rules.PROMPT_FRONT_MATTER,
                    f"front matter of {self.name} is {describe(front.data)}, not keys with values",
                    "write name: and description:",
                )
            else:
                self._keys(values)
        return values

    def _yaml_problem(self, finding: Diagnostic, front: Document) -> Diagnostic:
        rule, fix = rules.PROMPT_FRONT_MATTER, finding.fix
        message = f"front matter: {finding.message}"
        if "mapping values are not allowed" in finding.message:
            match = _LINE.match(front.source.line(finding.line))
            if match:
                rule = rules.PROMPT_UNQUOTED_COLON
                message = f"the value of {match[1]} holds a colon and is not quoted"
                fix = f"quote it: {match[1]}: {safety.show(match[2], 200)}"
        return rules.diagnose(
            rule,
            message,
            path=self.path,
            span=Span(
                line=finding.line,
                column=finding.column,
                end_line=finding.end_line,
                end_column=finding.end_column,
            ),
            fix=fix,
            excerpt=finding.excerpt,
            carets=finding.carets,
        )

    def _keys(self, values: Mapping[str, Any]) -> None:
        for key in ("name", "description"):
            if key not in values:
                self.add(
                    rules.PROMPT_MISSING_KEY,
                    f"the prompt of {self.name} has no {key}",
                    f"add {key}:",
                )
        unknown, last = 0, ""
        for key, value in values.items():
            if key not in _OURS and key not in _THEIRS:
                unknown, last = unknown + 1, key
                if unknown > _LINT_LIMIT:
                    continue
                near = nearest(key, (*_OURS, *_THEIRS))
                fix = (
                    f"did you mean {near}?"
                    if near
                    else f"known are {', '.join(_OURS)}, tools, model"
                )
                message = f"unknown key {safety.show(key)} in the prompt of {self.name}"
                self.add(rules.PROMPT_UNKNOWN_KEY, message, fix, (key,))
            elif (problem := _value_problem(key, value)) is not None:
                message = f"{key} in the prompt of {self.name} is {problem[0]}"
                self.add(rules.PROMPT_VALUE, message, problem[1], (key,))
            elif key == "name" and value != self.agent:
                message = f"name {safety.show(value)} is not the file's, {self.name}, which counts"
                self.add(rules.PROMPT_NAME, message, f"write name: {self.name}", (key,))
        if unknown > _LINT_LIMIT:
            message = f"{unknown - _LINT_LIMIT:,} more unknown keys in the prompt of {self.name}"
            fix = f"known are {', '.join(_OURS)}, tools, model"
            self.add(rules.PROMPT_UNKNOWN_KEY, message, fix, (last,))

    def risk(self, values: Mapping[str, Any], text: str) -> Risk:
        """Low only where it says so or says nothing: what is unclear is not taken for harmless.

        Args:
            values: The front matter as a mapping.
            text: The whole prompt; where its front matter is not closed, any of it may be meant.
        """
        assert self.front is not None
        high = False
        if self.from_yaml and not self.unclosed:
            high = any(
                value != "low" if _IS_RISK.fullmatch(key) else _means_high(key, value)
                for key, value in values.items()
            )
            if not self.front.findings:
                return Risk.HIGH if high else Risk.LOW
        source = Source(text) if self.unclosed else self.front.source
        text = source.text
        high = high or any(not _LOW.match(text, found.end()) for found in _RISK.finditer(text))
        high = high or any(_means_high(key, value) for key, value in _lines_of(source))
        return Risk.HIGH if high else Risk.LOW


def _means_high(key: str, value: Any) -> bool:
    """Whether a key that was probably meant to be risk says high."""
    return (
        isinstance(value, str)
        and value.strip().lower() == "high"
        and _LIKE_RISK.fullmatch(key) is not None
    )


def _value_problem(key: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a value, and a fix."""
    shown = describe(value)
    if key in ("name", "description") and (not isinstance(value, str) or not value.strip()):
        return f"{shown}, not text", f"write {key}: as text"
    if key == "risk" and value not in ("low", "high"):
        return f"{shown}, which counts as high", "write risk: low or risk: high"
    if key == "memory" and value not in ("enabled", "disabled"):
        return f"{shown}, which counts as enabled", "write memory: enabled or memory: disabled"
    if key == "tools":
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            return f"{shown}, not names of tools", "write names with commas between, or a list"
    return None


def _line_of(source: Source, key: str) -> Span:
    for number in range(1, len(source.starts) + 1):
        if source.line(number).startswith(f"{key}:"):
            return Span(line=number, column=1, end_line=number, end_column=len(key) + 1)
    return Span(line=1, column=1, end_line=1, end_column=1)


def _lines_of(source: Source) -> Iterator[tuple[str, str]]:
    """The keys and values of front matter that is not YAML: one a line, as text."""
    for number in range(1, len(source.starts) + 1):
        if match := _LINE.fullmatch(source.line(number)):
            yield match[1], match[2].strip().strip("\"'")


def _by_lines(source: Source) -> dict[str, Any]:
    """The first value of each of those keys."""
    values: dict[str, Any] = {}
    for key, value in _lines_of(source):
        values.setdefault(key, value)
    return values
