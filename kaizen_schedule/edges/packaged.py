"""What is shipped with the program: time zone rules, prompts, definitions, rule pages, schemas."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import tzinfo
from functools import cache, cached_property
from zoneinfo import ZoneInfo

from kaizen_schedule.planning.agents import Prompt, load_prompt
from kaizen_schedule.planning.definition_files import load_definition
from kaizen_schedule.planning.definitions import ActivityDefinition

_DATA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data")

# Names that the IANA files hold and that are no place: what they mean differs from host to host.
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules", "Local"})


class PackagedZones:
    """Time zones from the pinned ``tzdata`` package, never from the host.

    Example:
        >>> zones().get("Europe/Berlin").key, zones().get("localtime")
        ('Europe/Berlin', None)
    """

    def __init__(self) -> None:
        import tzdata

        self._folder = os.path.dirname(tzdata.__file__)
        self.version: str = tzdata.__version__
        self._zones: dict[str, tzinfo] = {}

    @cached_property
    def names(self) -> Collection[str]:
        """Every name that a manifest may use."""
        with open(os.path.join(self._folder, "zones"), encoding="ascii") as lines:
            return frozenset(lines.read().split()) - _NO_PLACES

    def get(self, name: str) -> tzinfo | None:
        """The zone of exactly this name."""
        if name not in self._zones:
            if name not in self.names:
                return None
            path = os.path.join(self._folder, "zoneinfo", *name.split("/"))
            with open(path, "rb") as file:
                self._zones[name] = ZoneInfo.from_file(file, key=name)
        return self._zones[name]


@cache
def zones() -> PackagedZones:
    """The time zones that exist."""
    return PackagedZones()


def data_path(*parts: str) -> str:
    """The path of a packaged file."""
    return os.path.join(_DATA, *parts)


def _read(*parts: str) -> str:
    with open(data_path(*parts), encoding="utf-8") as file:
        return file.read()


class PackagedPrompts(Mapping[str, Prompt]):
    """The packaged prompts by agent; each is read when it is first asked for.

    Example:
        >>> list(prompts())
        ['coach', 'optimization', 'releaseManager', 'sys-medic', 'tdd-workflow']
    """

    def __init__(self) -> None:
        files = sorted(os.listdir(data_path("agents")))
        self._files = {
            file.removeprefix("agent-").removesuffix(".md"): file
            for file in files
            if file.startswith("agent-") and file.endswith(".md")
        }
        self._read: dict[str, Prompt] = {}

    def __getitem__(self, name: str) -> Prompt:
        if name not in self._read:
            file = self._files[name]
            prompt = load_prompt(_read("agents", file).encode(), path=file, name=name)
            self._read[name] = replace(prompt, packaged=True)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def prompts() -> PackagedPrompts:
    """The packaged prompts."""
    return PackagedPrompts()


def draft(name: str) -> str:
    """A packaged draft's text, by its id."""
    return _read("definitions", f"{name}.md")


@cache
def definitions() -> tuple[ActivityDefinition, ...]:
    """The packaged drafts.

    Example:
        >>> [draft.id for draft in definitions() if draft.agent == "coach"]
        ['weekly-coach-orientation']
    """
    found = (
        load_definition(_read("definitions", file), path=file, zones=zones()).definition
        for file in sorted(os.listdir(data_path("definitions")))
        if file.endswith(".md")
    )
    return tuple(definition for definition in found if definition is not None)


def rule_page(code: str) -> str:
    """The page that explains a rule, in markdown."""
    return _read("rules", f"{code}.md")


def reasons_text() -> str:
    """Every reason, as one page."""
    return _read("reasons.md")


@cache
def _reason_pages() -> dict[str, str]:
    _, *sections = f"\n{reasons_text()}".split("\n## ")
    return {text.partition("\n")[0]: f"# {text.rstrip()}\n" for text in sections}


def reasons() -> tuple[str, ...]:
    """Every reason why there is no run, in the order in which it is looked for.

    Those that ``prepare`` alone can give come last.
    """
    return tuple(_reason_pages())


def reason_page(name: str) -> str | None:
    """What is to be said of a reason why there is no run, in markdown.

    Example:
        >>> reason_page("not-due").splitlines()[0]
        '# not-due'
    """
    return _reason_pages().get(name)


def pages() -> dict[str, str]:
    """The templates of the pages that are made with facts of the models, by name."""
    names = sorted(os.listdir(data_path("pages")))
    return {name.removesuffix(".md"): _read("pages", name) for name in names}


def contracts() -> tuple[str, ...]:
    """The paths of all published files, sorted."""
    root = data_path("published")
    found = [
        os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
        for folder, _, names in os.walk(root)
        for name in names
    ]
    return tuple(sorted(found))


def contract(path: str) -> bytes:
    """A published file, by one of the paths of ``contracts``."""
    with open(data_path("published", *path.split("/")), "rb") as file:
        return file.read()


def schema(name: str) -> str:
    """A published JSON Schema, such as ``manifest``."""
    return _read("published", "contracts", f"{name}.schema.json")
