"""The shape of what people write: which keys there are, which were meant, what a value is."""

from __future__ import annotations

from collections.abc import Callable, Collection, KeysView
from typing import Any

from kaizen_schedule.reading import rules, safety
from kaizen_schedule.reading.rules import Finding, Route, Rule


class Checker:
    """Walks a document's data once and gathers what is wrong with it.

    Args:
        merged: The mappings that had a merge key, which is refused, by their identity: what they
            lack may stand there.
    """

    def __init__(self, merged: Collection[int] = ()) -> None:
        self.merged = merged
        self.findings: list[Finding] = []

    def add(
        self, rule: Rule, message: str, route: Route, fix: str = "", *, at_key: bool = False
    ) -> None:
        """Note a finding."""
        self.findings.append(Finding(rule, message, route, fix, at_key))

    def lacks(self, data: dict[str, Any], key: str) -> bool:
        """Whether a key is missing, and not because it stands in a merge key."""
        return key not in data and id(data) not in self.merged

    def unknown_keys(
        self,
        data: dict[str, Any],
        known: KeysView[str],
        route: Route,
        owner: str,
        hint: Callable[[str, Any], str] | None = None,
    ) -> set[str]:
        """Note the keys that have no meaning; return the known ones that they seem to mean.

        Args:
            data: The mapping.
            known: The keys that have one.
            route: The way to it.
            owner: What it is, in words.
            hint: The fix of a key that means no missing one; empty for the usual.
        """
        meant: set[str] = set()
        if data.keys() <= known:
            return meant
        for key, value in data.items():
            if key in known:
                continue
            near = nearest(key, known)
            if near and near not in data and near not in meant:
                meant.add(near)
                fix = f"did you mean {near}?"
            else:
                fix = (hint and hint(key, value)) or f"known are {', '.join(known)}"
            message = f"unknown key {safety.show(key)} in {owner}"
            self.add(rules.UNKNOWN_KEY, message, (*route, key), fix, at_key=True)
        return meant

    def texts(
        self, data: dict[str, Any], key: str, route: Route, of: str, otherwise: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        """A list of texts.

        Args:
            data: The mapping that may hold it.
            key: Its key.
            route: The way to the mapping.
            of: What the texts are, with an example.
            otherwise: What is meant where there is none.
        """
        value = data.get(key, list(otherwise))
        if not isinstance(value, list):
            message = f"{key} is {describe(value)}, not a list"
            self.add(rules.WRONG_TYPE, message, (*route, key), f"write a list of {of}")
            return ()
        for number, item in enumerate(value):
            if not (isinstance(item, str) and item):
                message = f"{key} holds {describe(item)}, not text"
                self.add(rules.WRONG_TYPE, message, (*route, key, number), f"write {of}")
        return tuple(item for item in value if isinstance(item, str))


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that was probably meant; empty where none is near.

    Example:
        >>> nearest("weely", ["daily", "weekly"])
        'weekly'
    """
    word = word[:64]
    folded = {name.lower(): name for name in known}
    if word.lower() in folded:
        return folded[word.lower()]
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.7)
    return folded[close[0]] if close else ""


def describe(value: Any) -> str:
    """A value of a document in a few words, safe to print.

    Example:
        >>> describe([1, 2]), describe(None), describe("x")
        ('a list', 'nothing', '"x"')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return safety.show(value)
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f"the number {safety.clip(str(value), 30)}"
