"""An operator's ``roster.yml``: repositories listed, or globs over what a hub registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.diagnostics import SITE
from kaizen_schedule.reading.document import Document
from kaizen_schedule.reading.rules import Finding, Route

from .roster import host_paths_problem, is_selected, slug_problem
from .shape import Checker, describe

ROSTER_VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterItem:
    """A repository that an operator lists."""

    slug: str
    """Its name, unique in the roster; at most 200 bytes."""
    host_paths: dict[str, str]
    """Where its checkout stands, by host; absolute paths."""
    kaizen_schedule_enabled: bool = True
    """False leaves it out, whatever its manifest says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFile:
    """Which repositories an operator lets take part."""

    version: Literal["1"]
    """The version of this file's form, in quotes."""
    repos: tuple[RosterItem, ...] | None = None
    """The repositories; left out, those of a hub or a snapshot."""
    include: tuple[str, ...] = ("*",)
    """Globs of the slugs that take part."""
    exclude: tuple[str, ...] = ()
    """Globs of the slugs that do not."""


def load_roster_file(document: Document) -> tuple[RosterFile | None, tuple[Finding, ...]]:
    r"""Read an operator's roster; everything that is wrong with it is found in one run.

    Args:
        document: The file as read.

    Returns:
        The roster where it is sound, and all findings.

    Example:
        >>> from kaizen_schedule.reading.document import parse_document
        >>> document = parse_document(b'version: "1"\ninclude: ["team-*"]\n', path="roster.yml")
        >>> load_roster_file(document)[0].include
        ('team-*',)
    """
    if not document.complete:
        return None, ()
    reader = _Reader(document.merged)
    found = reader.roster(document.data)
    return None if reader.findings or document.findings else found, tuple(reader.findings)


def select(items: Sequence[Any], file: RosterFile) -> tuple[Any, ...]:
    """The items of a hub that an operator lets take part; those without a slug stay, to be told."""

    def stays(item: Any) -> bool:
        slug = item.get("slug") if isinstance(item, dict) else None
        return not isinstance(slug, str) or is_selected(slug, file.include, file.exclude)

    return tuple(item for item in items if stays(item))


_TOP = dict.fromkeys(("version", "repos", "include", "exclude")).keys()
_ITEM = dict.fromkeys(("slug", "host_paths", "kaizen_schedule_enabled")).keys()
_GLOBS = 'globs, such as ["team-*"]'


class _Reader(Checker):
    """Walks the roster."""

    def roster(self, data: Any) -> RosterFile | None:
        if not isinstance(data, dict):
            what = "empty" if data is None else f"{describe(data)}, not a mapping"
            self.add(rules.WRONG_TYPE, f"the roster is {what}", (), 'begin with version: "1"')
            return None
        meant = self.unknown_keys(data, _TOP, (), "the roster")
        fix = 'write version: "1", with the quotes'
        if self.lacks(data, "version") and "version" not in meant:
            self.add(rules.MISSING_KEY, "version is missing", (), fix)
        elif data.get("version", ROSTER_VERSION) != ROSTER_VERSION:
            message = f'version is {describe(data["version"])}, not the text "1"'
            self.add(rules.WRONG_VERSION, message, ("version",), fix)
        repos = self.repos(data["repos"]) if "repos" in data else None
        return RosterFile(
            version="1",
            repos=repos,
            include=self.texts(data, "include", (), _GLOBS, ("*",)),
            exclude=self.texts(data, "exclude", (), _GLOBS),
        )

    def repos(self, value: Any) -> tuple[RosterItem, ...]:
        if not isinstance(value, list):
            message = f"repos is {describe(value)}, not a list"
            self.add(rules.WRONG_TYPE, message, ("repos",), "write - slug: and host_paths: beneath")
            return ()
        seen: dict[str, int] = {}
        items = []
        for number, item in enumerate(value):
            found = self.item(item, ("repos", number), number)
            if found is None:
                continue
            if found.slug in seen:
                message = f"slug {safety.show(found.slug)} stands twice in the roster"
                fix = "keep one of the two"
                self.add(rules.ROSTER_DUPLICATE, message, ("repos", number, "slug"), fix)
            seen[found.slug] = number
            items.append(found)
        return tuple(items)

    def item(self, item: Any, route: Route, number: int) -> RosterItem | None:
        owner = f"item {number + 1} of repos"
        if not isinstance(item, dict):
            message = f"{owner} is {describe(item)}, not a mapping"
            self.add(rules.WRONG_TYPE, message, route, "write slug: and host_paths: beneath")
            return None
        meant = self.unknown_keys(item, _ITEM, route, owner)
        sound = True
        for key, problem_of, fix in (
            ("slug", slug_problem, "write slug: my-repository"),
            ("host_paths", host_paths_problem, "write host_paths: {forge-1: /srv/my-repository}"),
        ):
            if key not in item:
                if key not in meant and self.lacks(item, key):
                    self.add(rules.MISSING_KEY, f"{key} of {owner} is missing", route, fix)
                sound = False
            elif problem := problem_of(item[key]):
                self.add(rules.ROSTER_VALUE, problem, (*route, key), fix)
                sound = False
        flag = item.get("kaizen_schedule_enabled", True)
        if not isinstance(flag, bool):
            message = f"kaizen_schedule_enabled is {describe(flag)}, neither true nor false"
            fix = "write true or false, or leave it out"
            at = (*route, "kaizen_schedule_enabled")
            self.add(rules.ROSTER_VALUE, message, at, fix)
            sound = False
        if not sound:
            return None
        return RosterItem(
            slug=item["slug"], host_paths=item["host_paths"], kaizen_schedule_enabled=flag
        )


def items_of(file: RosterFile) -> tuple[dict[str, Any], ...]:
    """The listed repositories as a hub would register them."""
    return tuple(
        {
            "slug": item.slug,
            "host_paths": item.host_paths,
            "kaizen_schedule_enabled": item.kaizen_schedule_enabled,
        }
        for item in file.repos or ()
        if is_selected(item.slug, file.include, file.exclude)
    )


def example() -> str:
    """A roster to begin with."""
    return _EXAMPLE


_EXAMPLE = f"""\
# yaml-language-server: $schema={SITE}contracts/roster-file.schema.json
# Which repositories take part, and where their checkouts stand on each host.
# See who is eligible: kaizen-agentic schedule roster --roster roster.yml
version: "1"
repos:
  - slug: kaizen-agentic
    host_paths:
      forge-1: /srv/kaizen-agentic
      forge-2: /home/agents/kaizen-agentic
  - slug: the-custodian
    host_paths: {{forge-1: /srv/the-custodian}}
  - slug: field-notes
    host_paths: {{forge-2: /srv/field-notes}}
    kaizen_schedule_enabled: false # left out for now
exclude: ["sandbox-*"]
"""
