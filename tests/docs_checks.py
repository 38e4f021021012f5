"""What is asked of each kind of example in the documentation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker

from kaizen_schedule import RULES, list_agents, validate
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.definition_files import definition_diagnostics, load_definition
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.roster_file import load_roster_file
from kaizen_schedule.planning.timetable import place_findings
from kaizen_schedule.reading.diagnostics import Diagnostic, Severity
from kaizen_schedule.reading.document import parse_document

from .docs_commands import (
    Call,
    calls,
    command_of,
    commands,
    makefile_targets,
    options_of,
    problem_of,
    simple_commands,
)
from .docs_pages import DOCS, NOT_RUN, Block, Page, name_of, replace_blocks
from .docs_worlds import INSTANT, ZONE, World, Worlds
from .support import ROOT

TEMPLATES = ROOT / "kaizen_schedule/data/pages"
"""What some pages are rendered from."""

CONTRACTS = DOCS / "contracts"
"""The schemas that JSON is held against."""

WRONG = " (wrong)"
CUT = "..."
"""A line of a transcript that stands for lines which are not shown."""

# What an answer depends on the clock for cannot be seen, so its commands always say which time.
CLOCKLESS = {"schedule validate", "schedule roster", "schedule definitions"}


_CODES = {rule.code for rule in RULES}


@dataclass
class Visit:
    """A page on its way through its worlds, and what was found wrong."""

    page: Page
    name: str
    worlds: Worlds
    problems: list[str] = field(default_factory=list)
    transcripts: dict[Block, str] = field(default_factory=dict)
    """What the blocks that differ should hold."""

    @property
    def world(self) -> World:
        return self.worlds.world

    def say(self, block: Block, problem: str) -> None:
        self.problems.append(f"{block.line}: {problem}")


def visit(page: Page, name: str, worlds: Worlds) -> Visit:
    """Run or validate every block of a page."""
    found = Visit(page, name, worlds, list(page.problems))
    for span in page.spans:
        if problem := span_problem(span.text):
            found.problems.append(f"{span.line}: `{span.text}`: {problem}")
    for number, line in enumerate(page.text.splitlines(), 1):
        for code in re.findall(r"\bKS[1-9]\d\d\b", line):
            if code not in _CODES:
                found.problems.append(f"{number}: no rule has the code {code}")
    for block in page.blocks:
        if block.world is not None:
            if block.world not in Worlds.names:
                found.say(block, f"no world is named {block.world}")
                continue
            worlds.begin(block.world)
        check = CHECKS.get(block.language)
        if check is None:
            found.say(block, f"language {block.language or 'none'} is none that examples have")
            continue
        check(found, block)
    return found


# --- Commands ----------------------------------------------------------------------------------


def check_console(at: Visit, block: Block) -> None:
    """A transcript is what the commands print: standard output, then standard error."""
    if block.title:
        at.say(block, "a transcript has no title")
    steps = list(_steps(block.text))
    if not steps:
        at.say(block, "a transcript begins with $ and a command")
        return
    changing = [p for command, _ in steps for p in map(_clock_problem, calls(command)) if p]
    if changing:
        at.say(block, changing[0])
        return
    lines = []
    for command, shown in steps:
        result = at.world.run(command)
        real = [*result.out.splitlines(), *result.err.splitlines()]
        lines += [f"$ {line}" if n == 0 else line for n, line in enumerate(command.split("\n"))]
        lines += _cut_as(shown, real)
    text = "".join(f"{line}\n" for line in lines)
    if block.text != text:
        at.transcripts[block] = text


def _steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a transcript, and what is shown of each."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        if not lines[number].startswith("$ "):
            return
        command = [lines[number].removeprefix("$ ")]
        while command[-1].endswith("\\") and number + 1 < len(lines):
            number += 1
            command.append(lines[number])
        number += 1
        begin = number
        while number < len(lines) and not lines[number].startswith("$ "):
            number += 1
        yield "\n".join(command), lines[begin:number]


def _cut_as(shown: list[str], real: list[str]) -> list[str]:
    """The real lines, cut where the shown ones are."""
    if CUT not in shown:
        return real
    head = shown.index(CUT)
    tail = len(shown) - head - 1
    if head + tail >= len(real):
        return real
    return [*real[:head], CUT, *(real[-tail:] if tail else ())]


def _same(shown: str, real: str) -> bool:
    """Whether two transcripts say the same; where a path stands, lines may be broken elsewhere."""
    return shown == real or ("/srv" in real and shown.split() == real.split())


def _clock_problem(call: Call) -> str | None:
    try:
        command, path, rest = command_of(call.words)
    except ValueError:
        return None  # the transcript shows what the program says of it
    name = " ".join(path)
    clock = "--now" in options_of(command) and name not in CLOCKLESS
    if clock and not {"--now", "--at", "-h", "--help"} & set(rest):
        return f"{name} looks at the clock; give it --now"
    if "--scan" in rest and "--host" not in rest:
        return f"{name} would name this machine; give it --host"
    return None


def check_sh(at: Visit, block: Block) -> None:
    """Commands run; those that cannot be run here are looked at."""
    if block.title not in ("", NOT_RUN):
        at.say(block, f"commands have no title but {NOT_RUN!r}")
    elif block.title == NOT_RUN:
        done = subprocess.run(
            ["bash", "-n"], input=block.text.encode(), capture_output=True, check=False
        )
        if done.returncode:
            at.say(block, done.stderr.decode().strip())
            return
        for problem in filter(None, map(problem_of, calls(block.text))):
            at.say(block, problem)
        for words in simple_commands(block.text):
            if words[:1] == ["make"] and (odd := {*words[1:]} - makefile_targets()):
                at.say(block, f"nothing is made by make {' '.join(odd)}")
    else:
        result = at.world.run(block.text, strict=True)
        if result.code:
            at.say(block, f"the commands end with {result.code}: {result.err.strip()}")


def span_problem(text: str) -> str | None:
    """What is wrong with a command that a line of text names."""
    groups = {path.split(" ")[0] for path, _ in commands()}
    words = [word.strip("[](),…") for word in text.split()]
    words = words[1:] if words[:1] == ["kaizen-agentic"] else words
    if words[:1] == [] or words[0] not in groups or len(words) == 1 or words[1].isupper():
        return None
    try:
        command, path, rest = command_of(tuple(words))
    except ValueError as error:
        return str(error)
    known = options_of(command)
    odd = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return f"{' '.join(path)} has no option {odd[0]}" if odd else None


# --- Files -------------------------------------------------------------------------------------


_INIT = f"kaizen-agentic schedule init --dry-run --force {' '.join(ZONE)}"


def check_yaml(at: Visit, block: Block) -> None:
    """A manifest and a roster are sound, or wrong where they say so; all else can be read."""
    title = {"init": MANIFEST_PATH, "wrong": MANIFEST_PATH + WRONG}.get(block.title, block.title)
    name = title.removesuffix(WRONG)
    if not name:
        at.say(block, "YAML has a title that says what it is")
    elif name.endswith(MANIFEST_PATH):
        path = at.world.write(name, block.text)
        if block.title == "init" and block.text != at.world.run(_INIT).out:
            at.say(block, "schedule init writes something else")
        _judge(at, block, title, validate(path, now=INSTANT).diagnostics)
    elif name.endswith("roster.yml"):
        path = at.world.write(name, block.text)
        document = parse_document(path.read_bytes(), path=name)
        findings = place_findings(document, load_roster_file(document)[1])
        _judge(at, block, title, tuple(findings))
    else:
        try:
            found = list(yaml.safe_load_all(block.text))
        except yaml.YAMLError as error:
            at.say(block, f"not YAML: {error}")
            return
        if name == "asyncapi" and not str(found[0].get("asyncapi", "")).startswith("3."):
            at.say(block, "not AsyncAPI 3")
        for problem in (p for text in _texts(found) for p in map(problem_of, calls(text)) if p):
            at.say(block, problem)
        _check_foreign(at, block, name)


_FOREIGN = {
    ".pre-commit-config.yaml": ("pre_commit", "validate-config"),
    ".gitlab-ci.yml": (
        "check_jsonschema", "--data-transform=gitlab-ci", "--builtin-schema=vendor.gitlab-ci",
    ),
    ".github/workflows/": ("check_jsonschema", "--builtin-schema=vendor.github-workflows"),
}  # fmt: skip
"""Who knows whether the files of other programs are sound."""


def _check_foreign(at: Visit, block: Block, name: str) -> None:
    words = next((w for beginning, w in _FOREIGN.items() if name.startswith(beginning)), None)
    if words is None:
        return
    path = at.world.write(name, block.text)
    done = subprocess.run(
        [sys.executable, "-m", *words, str(path)], capture_output=True, check=False, timeout=60
    )
    if done.returncode:
        at.say(block, f"{words[0]}: {done.stdout.decode()}{done.stderr.decode()}".strip())


def _texts(value: object) -> Iterator[str]:
    """Every text in a value that was read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def check_markdown(at: Visit, block: Block) -> None:
    """A definition is sound; a prompt is usable."""
    name = block.title.removesuffix(WRONG)
    if not name:
        at.say(block, "markdown has a title that says what it is")
    elif name == "definition":
        zones = packaged.zones()
        loaded = load_definition(block.text, path=name, zones=zones, today=INSTANT.date())
        _judge(at, block, block.title, tuple(definition_diagnostics(loaded, name)))
    elif re.fullmatch(r"agents/agent-[\w-]+\.md|\.claude/agents/[\w-]+\.md", name):
        at.world.write(name, block.text)
        prompts = [p for p in list_agents(at.world.cwd).agents if p.path == name]
        if len(prompts) != 1:
            at.say(block, f"{name} is not the prompt that is found for its agent")
            return
        _judge(at, block, block.title, prompts[0].diagnostics, warnings=True)


def _judge(
    at: Visit,
    block: Block,
    title: str,
    found: tuple[Diagnostic, ...],
    *,
    warnings: bool = False,
) -> None:
    """Errors are wrong, unless the title says so; then it has to have findings."""
    if title.endswith(WRONG):
        if not found:
            at.say(block, "nothing is wrong with it")
        return
    for item in found:
        if warnings or item.severity is Severity.ERROR:
            line = block.line + item.line
            at.problems.append(f"{line}: {item.code} {item.message}; {item.fix}")


@cache
def _schema(name: str) -> Any:
    path = CONTRACTS / f"{name}.schema.json"
    return json.loads(path.read_bytes()) if path.exists() else None


def check_json(at: Visit, block: Block) -> None:
    """JSON is strict; where its title names a schema, it holds to that."""
    try:
        value = json.loads(block.text, parse_constant=_refuse)
    except ValueError as error:
        at.say(block, f"not JSON: {error}")
        return
    name = block.title.removesuffix(WRONG)
    if not name or set(". ") & set(name):
        return
    schema = _schema(name)
    if schema is None:
        at.say(block, f"no schema is named {name}; other titles have a dot or a blank")
        return
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    if block.title.endswith(WRONG):
        problems = [] if problems else ["nothing is wrong with it"]
    for problem in problems:
        at.say(block, problem)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


# --- Code, diagrams, text ----------------------------------------------------------------------


def check_python(at: Visit, block: Block) -> None:
    """Python runs."""
    try:
        at.world.execute("\n" * block.line + block.text, at.name)
    except Exception as error:
        at.say(block, f"{type(error).__name__}: {error}")


_DIAGRAM = re.compile(r"(flowchart|graph) (TB|TD|LR|RL|BT)\n|(sequenceDiagram|stateDiagram-v2)\n")


def check_mermaid(at: Visit, block: Block) -> None:
    """A diagram is of a known kind, and a sentence beneath says the same."""
    if not _DIAGRAM.match(block.text):
        at.say(block, "a diagram begins with flowchart LR, sequenceDiagram or stateDiagram-v2")
    if not block.after.endswith("."):
        at.say(block, "a sentence beneath the diagram says the same in words")


def check_text(at: Visit, block: Block) -> None:
    """Text is free, but that it is no transcript."""
    if block.text.startswith("$ "):
        at.say(block, "a transcript is of language console")


CHECKS: dict[str, Callable[[Visit, Block], None]] = {
    "console": check_console,
    "sh": check_sh,
    "yaml": check_yaml,
    "json": check_json,
    "markdown": check_markdown,
    "python": check_python,
    "mermaid": check_mermaid,
    "text": check_text,
}


def problems_of(page: Page, path: Path, *, regenerate: bool = False) -> list[str]:
    """What is wrong with a page's examples."""
    worlds = Worlds()
    try:
        found = visit(page, name_of(path), worlds)
    finally:
        worlds.close()
    if regenerate and found.transcripts:
        _regenerate(path, page, found.transcripts)
        found.transcripts.clear()
    for block, real in found.transcripts.items():
        if _same(block.text, real):
            continue
        found.say(block, f"the commands print something else:\n{real}")
    return found.problems


def _regenerate(path: Path, page: Page, transcripts: dict[Block, str]) -> None:
    path.write_text(replace_blocks(page.text, transcripts), "utf-8")
    template = TEMPLATES / path.name
    if template.exists():
        text = template.read_text("utf-8")
        for block, real in transcripts.items():
            text = text.replace(f"\n{block.text}```", f"\n{real}```", 1)
        template.write_text(text, "utf-8")
