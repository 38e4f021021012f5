"""What another resolver's answer differs in from the one that a vector expects.

Compared is what an orchestrator acts on. Words, counts and the digest of the answer are each
implementation's own, and so is how a command is quoted, as long as it gives `argv`. An answer may
hold more than is asked for; that is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.shell import shell_words

LIMIT = 500
"""So many differences of one answer are told at most: one fault can show in every run."""

HEAD = ("window", "host", "hosts", "definition", "roster_digest")
"""What says which question is answered, and of which roster."""

RUNS = ("scheduled_runs", "repos")
"""The two lists of runs; each has an order."""

NOTHING = "nothing"
"""What a difference shows where there is no value; a text is shown in quotes."""

_ABSENT = object()
_LONGEST_INSTANT = 40
_PLAIN = re.compile(r"[\w.~%:/@+-]{1,200}", re.ASCII)
_SHOWN = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place in which an answer is not the expected one; every text is safe to print.

    Example:
        >>> found = Difference(where="host", expected='"forge-1"', answered='"forge-2"')
        >>> found.note is None
        True
    """

    where: str
    """The place, such as `scheduled_runs[ledger:coach:2026-11-30T08:00:00Z].not_before`."""
    expected: str
    """The value that is expected, as JSON, or what kind of it; `nothing` where there is none."""
    answered: str
    """The value that was given, likewise."""
    note: str | None = None
    """What the two have in common all the same; null where that is nothing."""


def differences(expected: Mapping[str, Any], answered: Any) -> tuple[Difference, ...]:
    """Compare an answer with the expected one.

    Compared are window, host, hosts, definition and roster digest; runs by their key, in every
    field and in their order, but that a command only has to give ``argv`` where a shell reads it;
    and exclusions by repository, agent, reason and whether they are transient, in any order.

    Args:
        expected: The expected answer, as JSON has it.
        answered: What another program gave, whatever that is.

    Returns:
        The differences, those of the same kind together; at most ``LIMIT``.

    Example:
        >>> answer = {"window": {}, "host": "a", "hosts": ["a"], "definition": None,
        ...           "roster_digest": "", "scheduled_runs": [], "repos": [], "exclusions": []}
        >>> differences(answer, answer)
        ()
        >>> found = {"repo": "ledger", "agent": None, "reason": "path-missing", "transient": True}
        >>> differences(answer | {"exclusions": [found]}, answer)[0].where
        'exclusions[ledger]'
    """
    return tuple(islice(_differences(expected, answered), LIMIT))


def notes(expected: Mapping[str, Any], answered: Any) -> tuple[str, ...]:
    """What is no difference, and can explain some: an answer by other rules of time zones.

    Args:
        expected: The expected answer, as JSON has it.
        answered: What another program gave, whatever that is.

    Example:
        >>> notes({"tzdata_version": "2026.3"}, {"tzdata_version": "2025.2"})
        ('tzdata_version is "2025.2", of the vector it is "2026.3"',)
    """
    name = "tzdata_version"
    if not isinstance(answered, dict) or name not in answered:
        return ()
    found, wanted = answered[name], expected[name]
    same = found == wanted
    return () if same else (f"{name} is {_shown(found)}, of the vector it is {_shown(wanted)}",)


def _differences(expected: Mapping[str, Any], answered: Any) -> Iterator[Difference]:
    if not isinstance(answered, dict):
        yield Difference(where="the answer", expected="an object", answered=_shown(answered))
        return
    for name in HEAD:
        yield from _compare(name, expected[name], answered.get(name, _ABSENT))
    for name in (*RUNS, "exclusions"):
        held = answered.get(name, _ABSENT)
        if isinstance(held, list):
            judge = _exclusions if name == "exclusions" else _runs
            yield from judge(name, expected[name], held)
        else:
            yield Difference(where=name, expected=_shown(expected[name]), answered=_shown(held))


# --- Values --------------------------------------------------------------------------------------


def _compare(where: str, expected: Any, answered: Any) -> Iterator[Difference]:
    """Compare two values, place by place; how deep is for the expected one to say."""
    if isinstance(expected, dict) and isinstance(answered, dict):
        for name, value in expected.items():
            yield from _compare(f"{where}.{name}", value, answered.get(name, _ABSENT))
    elif isinstance(expected, list) and isinstance(answered, list):
        pairs = zip_longest(expected, answered, fillvalue=_ABSENT)
        for number, (value, given) in enumerate(pairs):
            yield from _compare(f"{where}[{number}]", value, given)
    # In Python true equals 1.
    elif type(expected) is not type(answered) or expected != answered:
        note = "the same instant, written otherwise" if _same_instant(expected, answered) else None
        wanted, found = _shown(expected), _shown(answered)
        if wanted == found:  # cut, or one of them holds what only stands for a character here
            note = _first_difference(expected, answered)
        yield Difference(where=where, expected=wanted, answered=found, note=note)


def _first_difference(*values: Any) -> str:
    """Where values begin to differ that look the same when they are shown."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    for number, pair in enumerate(zip_longest(*texts), 1):
        if pair[0] != pair[1]:
            names = [f"U+{ord(one):04X}" if one else "the end" for one in pair]
            return f"they differ at character {number:,}: {names[0]}, {names[1]}"
    return "they are of different types"


def _same_instant(*values: Any) -> bool:
    """Whether several texts are one instant; of a time without an offset nobody knows."""
    found = set()
    for value in values:
        if not isinstance(value, str) or len(value) > _LONGEST_INSTANT:
            return False
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return False
        if moment.utcoffset() is None:
            return False
        found.add(moment)
    return len(found) == 1


def _shown(value: Any) -> str:
    """A value in few words."""
    if value is _ABSENT:
        return NOTHING
    if isinstance(value, str):
        return safety.show(value, _SHOWN)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    return safety.clip(json.dumps(value), 60)


def _name(text: str) -> str:
    """What a place is called by: a text as it is where that is plain, else quoted."""
    shown = safety.show(text, _SHOWN)
    return text if shown == f'"{text}"' and _PLAIN.fullmatch(text) else shown


# --- Runs ----------------------------------------------------------------------------------------


def _runs(kind: str, expected: Sequence[Any], answered: Sequence[Any]) -> Iterator[Difference]:
    given: dict[str, list[dict[str, Any]]] = {}
    for number, run in enumerate(answered):
        where = f"{kind}[{number}]"
        if not isinstance(run, dict):
            yield Difference(where=where, expected="a run", answered=_shown(run))
            continue
        key = run.get("idempotency_key", _ABSENT)
        if isinstance(key, str):
            given.setdefault(key, []).append(run)
        else:
            where = f"{where}.idempotency_key"
            yield Difference(where=where, expected="a text", answered=_shown(key))
    wanted = {run["idempotency_key"]: run for run in expected}
    for key, run in wanted.items():
        where, found = f"{kind}[{_name(key)}]", given.get(key, [])
        if not found:
            yield Difference(where=where, expected="a run", answered=NOTHING)
            continue
        if len(found) > 1:
            yield Difference(where=where, expected="one run", answered=f"{len(found):,} of them")
        for name, value in run.items():
            if name == "command":
                yield from _command(f"{where}.{name}", found[0])
            else:
                yield from _compare(f"{where}.{name}", value, found[0].get(name, _ABSENT))
    for key in given:
        if key not in wanted:
            where = f"{kind}[{_name(key)}]"
            yield Difference(where=where, expected=NOTHING, answered="a run")
    # Of what both have: what is missing is told above, and shifts all that comes after it.
    order = [key for key in wanted if key in given]
    theirs = [key for key in given if key in wanted]
    for number, (key, other) in enumerate(zip(order, theirs, strict=True)):
        if key != other:
            where = f"order of {kind}, number {number + 1}"
            yield Difference(where=where, expected=_shown(key), answered=_shown(other))
            return


def _command(where: str, run: Mapping[str, Any]) -> Iterator[Difference]:
    """Hold a run's command against its own ``argv``, of which it is told elsewhere if it is odd."""
    command, argv = run.get("command", _ABSENT), run.get("argv", _ABSENT)
    if isinstance(command, str) and not isinstance(argv, list):
        return
    words = shell_words(command) if isinstance(command, str) else None
    if words != argv:
        note = None
        if isinstance(command, str):
            note = "a shell does not read plain words in it: something needs quotes"
        if words is not None:
            pairs = enumerate(zip_longest(words, argv, fillvalue=_ABSENT), 1)
            number, (word, wanted) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
            note = f"a shell reads word {number:,} as {_shown(word)}; argv has {_shown(wanted)}"
        yield Difference(
            where=where, expected="a line that gives argv", answered=_shown(command), note=note
        )


# --- Exclusions ----------------------------------------------------------------------------------

_Facts = tuple[Any, Any]
"""Reason, and whether it is transient."""


def _exclusions(
    kind: str, expected: Sequence[Any], answered: Sequence[Any]
) -> Iterator[Difference]:
    given: dict[tuple[str, str | None], list[_Facts]] = {}
    for number, item in enumerate(answered):
        where = f"{kind}[{number}]"
        if not isinstance(item, dict):
            yield Difference(where=where, expected="an exclusion", answered=_shown(item))
            continue
        repo, agent = item.get("repo", _ABSENT), item.get("agent", _ABSENT)
        if not isinstance(repo, str):
            yield Difference(where=f"{where}.repo", expected="a text", answered=_shown(repo))
        elif not (agent is None or isinstance(agent, str)):
            yield Difference(
                where=f"{where}.agent", expected="a text or null", answered=_shown(agent)
            )
        else:
            given.setdefault((repo, agent), []).append(_facts(item))
    wanted: dict[tuple[str, str | None], list[_Facts]] = {}
    for item in expected:
        wanted.setdefault((item["repo"], item["agent"]), []).append(_facts(item))
    for (repo, agent), facts in wanted.items():
        yield from _of_one(_place(kind, repo, agent), facts, given.pop((repo, agent), []))
    for (repo, agent), facts in given.items():
        yield from _of_one(_place(kind, repo, agent), [], facts)


def _place(kind: str, repo: str, agent: str | None) -> str:
    names = [_name(repo), *([_name(agent)] if agent is not None else [])]
    return f"{kind}[{', '.join(names)}]"


def _facts(item: Mapping[str, Any]) -> _Facts:
    return item.get("reason", _ABSENT), item.get("transient", _ABSENT)


def _of_one(where: str, expected: list[_Facts], answered: list[_Facts]) -> Iterator[Difference]:
    """Compare the exclusions of one repository and agent: mostly one, of faulty items several."""
    wanted_reasons, reasons = [w[0] for w in expected], [found[0] for found in answered]
    _, expected, answered = _pair_up(expected, answered, lambda a, b: not any(_facts_differ(a, b)))
    # One that has the right reason is not held against another reason.
    pairs, expected, answered = _pair_up(expected, answered, lambda a, b: bool(a[0] == b[0]))
    pairs += zip(expected, answered, strict=False)
    for wanted, found in pairs:
        yield from _compare(f"{where}.reason", wanted[0], found[0])
        yield from _compare(f"{where}.transient", wanted[1], found[1])
    for wanted in expected[len(answered) :]:
        yield Difference(where=where, expected=_shown(wanted[0]), answered=NOTHING)
    twice = []
    for reason, _ in answered[len(expected) :]:
        count = wanted_reasons.count(reason)
        if not count:
            shown = _shown(reason) if reason is not _ABSENT else "an exclusion"
            yield Difference(where=where, expected=NOTHING, answered=shown)
        elif reason not in twice:
            twice.append(reason)
            several = f"{count:,} exclusions" if count > 1 else "one exclusion"
            yield Difference(
                where=where, expected=several, answered=f"{reasons.count(reason):,} of them"
            )


def _facts_differ(expected: _Facts, answered: _Facts) -> Iterator[bool]:
    return (any(_compare("", *pair)) for pair in zip(expected, answered, strict=True))


def _pair_up(
    expected: list[_Facts], answered: list[_Facts], fits: Callable[[_Facts, _Facts], bool]
) -> tuple[list[tuple[_Facts, _Facts]], list[_Facts], list[_Facts]]:
    """Those that fit each other, and on either side those that are left."""
    pairs, left, rest = [], [], list(answered)
    for wanted in expected:
        at = next((n for n, found in enumerate(rest) if fits(wanted, found)), None)
        if at is None:
            left.append(wanted)
        else:
            pairs.append((wanted, rest.pop(at)))
    return pairs, left, rest
