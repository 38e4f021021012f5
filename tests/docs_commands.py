"""The program's commands as the documentation writes them: parsed against the real options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import click

from kaizen_schedule.cli import root as program

from .support import ROOT

_PROGRAM = "kaizen-agentic"
_BREAKS = re.compile(r"[;&|()<>\n]+")


@dataclass(frozen=True)
class Call:
    """A call of the program: the words behind its name."""

    words: tuple[str, ...]


def calls(script: str) -> Iterator[Call]:
    """The calls of the program in a script."""
    for words in simple_commands(script):
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if words and words[0].endswith(f"/{_PROGRAM}"):
            yield Call(tuple(words[1:]))
        elif _PROGRAM in words:
            yield Call(tuple(words[words.index(_PROGRAM) + 1 :]))


def simple_commands(script: str) -> Iterator[list[str]]:
    """The commands of a script, as words; what is substituted stays a word that holds ``$``."""
    text = re.sub(r"\\\n", " ", script)
    for inner in re.findall(r"\$\(([^()]*)\)", text):
        yield from simple_commands(inner)
    text = re.sub(r"\$\([^()]*\)", "$substituted", text)
    text = re.sub(r"\b\d(?=[<>])", "", text)
    for line in text.split("\n"):
        reader = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
        reader.whitespace_split = True
        words: list[str] = []
        target = False
        for word in reader:
            if target:
                target = False
            elif _BREAKS.fullmatch(word):
                target = "<" in word or ">" in word
                if not target:
                    yield words
                    words = []
            else:
                words.append(word)
        yield words


def command_of(words: tuple[str, ...]) -> tuple[click.Command, list[str], list[str]]:
    """The command that words name, its path, and the words behind it.

    Raises:
        ValueError: There is no such command.
    """
    found: click.Command = program
    path: list[str] = []
    rest = list(words)
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        with click.Context(found) as context:
            inner = found.get_command(context, rest[0])
        if inner is None:
            raise ValueError(f"there is no command {' '.join([_PROGRAM, *path, rest[0]])}")
        found = inner
        path.append(rest.pop(0))
    return found, path, rest


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its path, such as ``schedule init``."""

    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
        if not isinstance(command, click.Group):
            yield " ".join(path), command
            return
        with click.Context(command) as context:
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(inner, (*path, name))

    yield from walk(program, ())


def options_of(command: click.Command) -> set[str]:
    """The options of a command, as they are written."""
    context = click.Context(command, help_option_names=["-h", "--help"])
    return {name for p in command.get_params(context) for name in (*p.opts, *p.secondary_opts)}


def problem_of(call: Call) -> str | None:
    """What is wrong with a call, as the program itself would say it; None where nothing is."""
    try:
        command, path, rest = command_of(call.words)
    except ValueError as error:
        return str(error)
    if {"-h", "--help", "--version"} & set(rest):
        return None
    context = click.Context(command, info_name=" ".join(path))
    try:
        parsed, arguments, _ = command.make_parser(context).parse_args(list(rest))
        if arguments:
            return f"{_PROGRAM} {' '.join(path)} takes no more words: {' '.join(arguments)}"
        for param in command.get_params(context):
            value = parsed.get(param.name or "")
            if param.value_is_missing(value):
                if param.required:
                    return f"{_PROGRAM} {' '.join(path)} needs {param.human_readable_name}"
            elif "$" not in str(value) and not isinstance(value, bool):
                param.type_cast_value(context, value)
    except click.UsageError as error:
        return error.format_message()
    return None


def makefile_targets() -> set[str]:
    """What can be made."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
