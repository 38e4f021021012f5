"""Whatever an answer differs in is told, and where; what is each implementation's own is not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kaizen_schedule.edges import packaged
from kaizen_schedule.publishing.comparing import LIMIT, Difference, differences, notes

PATHS = [
    path
    for path in packaged.contracts()
    if path.startswith("contracts/vectors/") and path.endswith(".json")
]
KEY = "ledger:coach:2026-12-03T08:00:00Z"
RUN = f"scheduled_runs[{KEY}]"


@cache
def _expected(path: str) -> Any:
    return json.loads(packaged.contract(path))["expected"]


def expected(name: str) -> Any:
    """The expected answer of a vector, to be changed."""
    return deepcopy(_expected(f"contracts/vectors/{name}.json"))


def spoilt(name: str, change: Callable[[Any], object]) -> tuple[Difference, ...]:
    """What is told of a vector's own answer, once it is changed."""
    answer = expected(name)
    change(answer)
    return differences(expected(name), answer)


def told(found: tuple[Difference, ...]) -> list[tuple[str, str, str]]:
    return [(item.where, item.expected, item.answered) for item in found]


# --- Nothing differs ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_differs_in_nothing_from_itself(path: str) -> None:
    assert differences(_expected(path), deepcopy(_expected(path))) == ()


@pytest.mark.parametrize("path", PATHS)
def test_what_is_each_implementation_s_own_is_not_compared(path: str) -> None:
    answer = deepcopy(_expected(path))
    for run in (*answer["scheduled_runs"], *answer["repos"]):
        run["command"] = " ".join("".join(f"\\{c}" for c in word) for word in run["argv"])
        run["more"] = 1
    for item in answer["exclusions"]:
        item.update(detail="other words", fix="", diagnostics=None, more=1)
    for name in ("digest", "counts", "tool_version", "schema_version", "tzdata_version", "now"):
        del answer[name]
    answer["exclusions"].reverse()
    answer["more"] = {"nested": []}
    assert differences(_expected(path), answer) == ()


# --- Any single fault --------------------------------------------------------------------------

_HEAD = ("window", "host", "hosts", "definition", "roster_digest")
_FACTS = ("reason", "transient")


def places(answer: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every place in an answer that is compared, and the words by which it is told."""

    def inner(value: Any, path: tuple[Any, ...], words: str) -> Iterator[Any]:
        yield path, words
        if isinstance(value, dict):
            for key, item in value.items():
                yield from inner(item, (*path, key), f"{words}.{key}")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from inner(item, (*path, number), f"{words}[{number}]")

    for name in _HEAD:
        yield from inner(answer[name], (name,), name)
    for kind in ("scheduled_runs", "repos"):
        yield (kind,), kind
        for number, run in enumerate(answer[kind]):
            yield (kind, number), kind
            for name, value in run.items():
                if name != "idempotency_key":
                    yield from inner(value, (kind, number, name), f".{name}")
            yield (kind, number, "idempotency_key"), kind
    yield ("exclusions",), "exclusions"
    for number, item in enumerate(answer["exclusions"]):
        yield ("exclusions", number), "exclusions["
        for name in _FACTS:
            # Of several of one repository, which one it was cannot be said.
            alike = [o for o in answer["exclusions"] if o["repo"] == item["repo"]]
            yield ("exclusions", number, name), f".{name}" if len(alike) == 1 else "exclusions["
        for name in ("repo", "agent"):
            yield ("exclusions", number, name), "exclusions["


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=9),
    st.just([]),
    st.just({}),
    st.lists(st.text(max_size=3), max_size=3),
    st.just([[[{}]]]),
    st.just("2026-12-03T08:00:00"),
)
GONE = object()


@given(st.sampled_from(PATHS), st.data())
def test_a_single_fault_is_told_by_its_place(path: str, data: st.DataObject) -> None:
    answer = deepcopy(_expected(path))
    route, words = data.draw(st.sampled_from(list(places(answer))))
    value = data.draw(st.one_of(st.just(GONE), WRONG))
    held = answer
    for key in route[:-1]:
        held = held[key]
    assume(type(held[route[-1]]) is not type(value) or held[route[-1]] != value)
    if value is GONE:
        del held[route[-1]]
    else:
        held[route[-1]] = value
    found = differences(_expected(path), answer)
    assert found
    assert any(words.partition("[")[0] in item.where for item in found), (words, found)
    assert all(item.expected != item.answered for item in found)


# What JSON can hold at all.
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.sampled_from([*_HEAD, "scheduled_runs", "repos", "exclusions"]), inner),
        st.lists(
            st.dictionaries(
                st.sampled_from(["repo", "agent", "reason", "transient", "idempotency_key"]), inner
            )
        ),
    ),
)


@given(ANY)
def test_whatever_is_answered_is_compared(answer: Any) -> None:
    found = differences(expected("missed"), answer)
    assert found
    for item in found:
        assert item.where.isprintable()
        assert item.expected.isprintable()
        assert item.answered.isprintable()
        assert item.expected != item.answered


@given(ANY)
def test_the_rest_of_an_answer_is_compared_whatever_one_part_is(part: Any) -> None:
    for name in (*_HEAD, "scheduled_runs", "repos", "exclusions"):
        answer = expected("missed")
        answer[name] = part
        wrong = differences(expected("missed"), answer)
        assert {item.where.partition("[")[0].partition(".")[0] for item in wrong} <= {
            name,
            f"order of {name}, number 1",
        }


# --- Runs --------------------------------------------------------------------------------------


def test_a_missing_run() -> None:
    found = spoilt("missed", lambda answer: answer["scheduled_runs"].pop(0))
    assert told(found) == [(RUN, "a run", "nothing")]


def test_a_run_that_is_not_expected() -> None:
    def change(answer: Any) -> None:
        run = deepcopy(answer["scheduled_runs"][0])
        run["idempotency_key"] = "ledger:coach:1999-01-01T00:00:00Z"
        answer["scheduled_runs"].append(run)

    where = "scheduled_runs[ledger:coach:1999-01-01T00:00:00Z]"
    assert told(spoilt("missed", change)) == [(where, "nothing", "a run")]


def test_a_run_that_stands_twice() -> None:
    def change(answer: Any) -> None:
        answer["scheduled_runs"] += answer["scheduled_runs"][:1] * 2

    assert told(spoilt("missed", change)) == [(RUN, "one run", "3 of them")]


def test_a_field_of_a_run() -> None:
    def change(answer: Any) -> None:
        run = answer["scheduled_runs"][0]
        run["not_before"] = "2026-12-03T08:19:55Z"
        run["labels"] = ["kaizen", "agent:coach"]
        run["argv"].append("--more")
        run["command"] += " --more"
        run["review"] = None
        del run["host"]

    assert told(spoilt("missed", change)) == [
        (f"{RUN}.not_before", '"2026-12-03T08:19:54Z"', '"2026-12-03T08:19:55Z"'),
        (f"{RUN}.host", '"forge-1"', "nothing"),
        (f"{RUN}.labels[2]", '"cadence:weekly"', "nothing"),
        (f"{RUN}.review", '"none"', "null"),
        (f"{RUN}.argv[12]", "nothing", '"--more"'),
    ]


def test_the_order_of_runs_is_part_of_an_answer() -> None:
    def swap(answer: Any) -> None:
        runs = answer["scheduled_runs"]
        runs[1], runs[2] = runs[2], runs[1]

    runs = expected("missed")["scheduled_runs"]
    first, second = (f'"{run["idempotency_key"]}"' for run in runs[1:3])
    where = "order of scheduled_runs, number 2"
    assert told(spoilt("missed", swap)) == [(where, first, second)]


def test_what_is_missing_is_no_other_order() -> None:
    found = spoilt("order", lambda answer: answer["scheduled_runs"].pop(3))
    assert [item.answered for item in found] == ["nothing"]


def test_a_run_of_a_whole_repository() -> None:
    def change(answer: Any) -> None:
        answer["repos"][0]["path"] = "/fleet/other"

    (found,) = spoilt("no-metrics", change)
    assert found.where.startswith("repos[")
    assert found.where.endswith("].path")


# --- The command -------------------------------------------------------------------------------


def test_a_command_has_to_give_argv() -> None:
    """As they quote it, but read by a shell it is argv."""

    def change(answer: Any) -> None:
        first, second, third, fourth, *_ = answer["scheduled_runs"]
        first["command"] = first["command"].replace("coach", "'co'\\a\"ch\"", 1)
        second["command"] += " --more"
        third["command"] = "prepare 'coach"
        fourth["command"] = fourth["argv"]

    runs = expected("missed")["scheduled_runs"]
    where = [f"scheduled_runs[{run['idempotency_key']}].command" for run in runs]
    found = told(spoilt("missed", change))
    assert [item[:2] for item in found] == [(w, "a line that gives argv") for w in where[1:4]]
    assert found[0][2].startswith('"kaizen-agentic schedule prepare coach')
    assert [item[2] for item in found[1:]] == ['"prepare \'coach"', "a list of 12"]


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("a $HOME", ["a", "$HOME"]),
        ("a b;", ["a", "b;"]),
        ("a b\nrm -rf /", ["a", "b", "rm", "-rf", "/"]),
        ('a "$(x)"', ["a", "$(x)"]),
        ("a `x`", ["a", "`x`"]),
        ("a ~", ["a", "~"]),
        ("a *", ["a", "*"]),
    ],
)
def test_a_command_gives_argv_to_a_shell_and_not_to_a_splitter_of_words(
    command: str, argv: list[str]
) -> None:
    """What a shell expands or runs is not what stands there."""

    def change(line: str) -> Callable[[Any], None]:
        return lambda answer: answer["scheduled_runs"][0].update(argv=argv, command=line)

    elsewhere = told(spoilt("missed", change(shlex.join(argv))))
    assert told(spoilt("missed", change(command))) == [
        *elsewhere, (f"{RUN}.command", "a line that gives argv", json.dumps(command))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "note"),
    [
        ("a two words", 'a shell reads word 2 as "two"; argv has "two words"'),
        ("a", 'a shell reads word 2 as nothing; argv has "two words"'),
        ("a 'two words' b", 'a shell reads word 3 as "b"; argv has nothing'),
        ("a 'two words", "a shell does not read plain words in it: something needs quotes"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(command: str, note: str) -> None:
    run = {"idempotency_key": "a:b:c", "argv": ["a", "two words"], "command": "a 'two words'"}
    answer = expected("missed") | {"scheduled_runs": [run]}
    (found,) = differences(answer, answer | {"scheduled_runs": [run | {"command": command}]})
    assert found.note == note


@pytest.mark.parametrize(
    ("wanted", "given", "note"),
    [
        ("in \\u2800", "in \u2800", "they differ at character 4: U+005C, U+2800"),
        ("x" * 300, "x" * 301, "they differ at character 301: the end, U+0078"),
        ("a", "b", None),
    ],
)
def test_texts_that_look_alike_are_told_apart(wanted: str, given: str, note: str | None) -> None:
    answer = expected("missed")
    (found,) = differences(answer | {"host": wanted}, answer | {"host": given})
    assert found.note == note


def test_a_command_that_is_left_out() -> None:
    found = spoilt("missed", lambda answer: answer["scheduled_runs"][0].pop("command"))
    assert told(found) == [(f"{RUN}.command", "a line that gives argv", "nothing")]
    (found_of_repo,) = spoilt("no-metrics", lambda answer: answer["repos"][0].pop("command"))
    assert found_of_repo.where.endswith("].command")


@pytest.mark.parametrize("argv", [None, 7, "text", [], [7], GONE])
def test_a_command_is_held_against_its_own_argv(argv: Any) -> None:
    """Where argv is no list, that is told, and the command is held against nothing."""

    def change(answer: Any) -> None:
        run = answer["scheduled_runs"][0]
        if argv is GONE:
            del run["argv"]
        else:
            run["argv"] = argv

    found = spoilt("missed", change)
    assert found
    elsewhere = [item.where for item in found if not item.where.startswith(f"{RUN}.argv")]
    assert elsewhere == [f"{RUN}.command"] * isinstance(argv, list)

    def both(answer: Any) -> None:
        run = answer["scheduled_runs"][0]
        run["argv"][4] = "-t"
        run["command"] = run["command"].replace("--target", "-t")

    assert told(spoilt("missed", both)) == [(f"{RUN}.argv[4]", '"--target"', '"-t"')]


# --- Lists -------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [None, 7, True, "text", {}, {"a": []}])
@pytest.mark.parametrize("kind", ["scheduled_runs", "repos", "exclusions"])
def test_a_list_that_is_none(kind: str, part: Any) -> None:
    (found,) = spoilt("missed", lambda answer: answer.__setitem__(kind, part))
    assert found.where == kind
    assert found.expected == f"a list of {len(expected('missed')[kind])}"


def test_items_that_are_none() -> None:
    def change(answer: Any) -> None:
        answer["scheduled_runs"].insert(0, "a run")
        answer["scheduled_runs"].append({"idempotency_key": ["x"]})
        answer["exclusions"].insert(0, [])
        answer["exclusions"] += [{"agent": None}, {"repo": "a"}, {"repo": "b", "agent": 3}]

    assert told(spoilt("missed", change)) == [
        ("scheduled_runs[0]", "a run", '"a run"'),
        ("scheduled_runs[5].idempotency_key", "a text", "a list of 1"),
        ("exclusions[0]", "an exclusion", "a list of 0"),
        ("exclusions[2].repo", "a text", "nothing"),
        ("exclusions[3].agent", "a text or null", "nothing"),
        ("exclusions[4].agent", "a text or null", "3"),
    ]


# --- Exclusions --------------------------------------------------------------------------------


def test_an_exclusion_s_facts() -> None:
    def change(answer: Any) -> None:
        answer["exclusions"][0]["reason"] = "not-due"
        answer["exclusions"][0]["transient"] = 0  # which Python takes for false

    assert told(spoilt("missed", change)) == [
        ("exclusions[ledger, coach].reason", '"missed"', '"not-due"'),
        ("exclusions[ledger, coach].transient", "false", "0"),
    ]


def test_an_exclusion_of_another_agent() -> None:
    def change(answer: Any) -> None:
        answer["exclusions"][0]["agent"] = None

    assert told(spoilt("missed", change)) == [
        ("exclusions[ledger, coach]", '"missed"', "nothing"),
        ("exclusions[ledger]", "nothing", '"missed"'),
    ]


def test_faulty_items_are_counted() -> None:
    name = "roster-entry-invalid"
    place = 'exclusions[""]'
    alike = [n for n, e in enumerate(expected(name)["exclusions"]) if not e["repo"]]
    assert len(alike) > 1
    fewer = spoilt(name, lambda answer: answer["exclusions"].pop(alike[0]))
    assert told(fewer) == [(place, f'"{name}"', "nothing")]
    more = spoilt(name, lambda answer: answer["exclusions"].append(answer["exclusions"][alike[0]]))
    assert told(more) == [(place, f"{len(alike)} exclusions", f"{len(alike) + 1} of them")]
    other = spoilt(name, lambda a: a["exclusions"][alike[1]].update(reason="unreadable"))
    assert told(other) == [(f"{place}.reason", f'"{name}"', '"unreadable"')]


def test_an_exclusion_that_stands_twice() -> None:
    place = "exclusions[ledger, coach]"

    def twice(answer: Any) -> None:
        answer["exclusions"] += answer["exclusions"] * 2

    assert told(spoilt("missed", twice)) == [(place, "one exclusion", "3 of them")]

    def nearly(answer: Any) -> None:
        answer["exclusions"].append(answer["exclusions"][0] | {"transient": True})
        answer["exclusions"].append(answer["exclusions"][0] | {"reason": "not-due"})

    assert told(spoilt("missed", nearly)) == [
        (place, "one exclusion", "2 of them"),
        (place, "nothing", '"not-due"'),
    ]


def test_an_exclusion_without_a_reason() -> None:
    wanted, answer = expected("missed"), expected("missed")
    found = {"repo": "ledger", "agent": "optimization", "transient": False}
    answer["exclusions"].append(found)
    where = "exclusions[ledger, optimization]"
    assert told(differences(wanted, answer)) == [(where, "nothing", "an exclusion")]
    found["reason"] = None
    assert told(differences(wanted, answer)) == [(where, "nothing", "null")]


def test_exclusions_have_no_order() -> None:
    """Not even those of one repository and agent, of which the right one is told first or last."""
    place = "exclusions[ledger, coach]"
    for other, shown in (
        ({"transient": True}, (place, "one exclusion", "2 of them")),
        ({"reason": "not-due"}, (place, "nothing", '"not-due"')),
    ):
        for at in (0, 1):

            def more(answer: Any, at: int = at, other: Any = other) -> None:
                answer["exclusions"].insert(at, answer["exclusions"][0] | other)

            assert told(spoilt("missed", more)) == [shown]


def test_the_right_reason_is_not_held_against_another() -> None:
    both = {"repo": "a", "agent": "coach", "transient": False}
    wanted = expected("missed")
    wanted["exclusions"] = [both | {"reason": "missed"}, both | {"reason": "not-due"}]
    answer = deepcopy(wanted)
    answer["exclusions"] = [both | {"reason": "not-due", "transient": True}]
    assert told(differences(wanted, answer)) == [
        ("exclusions[a, coach].transient", "false", "true"),
        ("exclusions[a, coach]", '"missed"', "nothing"),
    ]


# --- The head ----------------------------------------------------------------------------------


def test_which_question_is_answered() -> None:
    def change(answer: Any) -> None:
        answer["window"]["end"] = "2026-12-07T08:00:01Z"
        answer["hosts"].append("forge-2")
        answer["definition"] = None
        answer["roster_digest"] = "0" * 64
        del answer["host"]

    assert told(spoilt("missed", change)) == [
        ("window.end", '"2026-12-07T08:00:00Z"', '"2026-12-07T08:00:01Z"'),
        ("host", '"forge-1"', "nothing"),
        ("hosts[1]", "nothing", '"forge-2"'),
        ("definition", '"weekly-coach-orientation"', "null"),
        ("roster_digest", f'"{expected("missed")["roster_digest"]}"', f'"{"0" * 64}"'),
    ]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("2026-12-03T08:19:54+00:00", True),
        ("2026-12-03T08:19:54.000Z", True),
        ("2026-12-03T09:19:54+01:00", True),
        ("2026-12-03T08:19:54.001Z", False),
        ("2026-12-03T08:19:54", False),
        ("2026-12-03T08:19:54-00:01", False),
        ("2026-12-03", False),
        ("\ud800", False),
        ("0001-01-01T00:00:00+23:59", False),
        ("9999-12-31T23:59:59-23:59", False),
        ("2026-12-03T08:19:54." + "0" * 10_000 + "Z", False),
        (1796285994, False),
    ],
)
def test_an_instant_that_is_written_otherwise(written: Any, same: bool) -> None:
    def change(answer: Any) -> None:
        answer["scheduled_runs"][0]["not_before"] = written

    (found,) = spoilt("missed", change)
    assert found.where == f"{RUN}.not_before"
    assert found.note == ("the same instant, written otherwise" if same else None)


@pytest.mark.parametrize("written", ["20261203", "2026-12-03T00:00:00", "2026-12-03"])
def test_a_date_is_no_instant(written: str) -> None:
    """Nor is a time without an offset; a host may be called so."""
    wanted = expected("missed") | {"host": "2026-12-03"}
    found = differences(wanted, wanted | {"host": written})
    assert [item.note for item in found] == [None] * (written != "2026-12-03")


def test_other_rules_of_time_zones_are_no_difference() -> None:
    wanted = expected("missed")
    release = wanted["tzdata_version"]
    for answer, told_of in (
        (wanted, ()),
        (wanted | {"tzdata_version": "2020.1"},
         (f'tzdata_version is "2020.1", of the vector it is "{release}"',)),
        (wanted | {"tzdata_version": ["\x1b"]},
         (f'tzdata_version is a list of 1, of the vector it is "{release}"',)),
        ({k: v for k, v in wanted.items() if k != "tzdata_version"}, ()),
        ([], ()),
    ):  # fmt: skip
        assert notes(wanted, answer) == told_of
    assert spoilt("missed", lambda answer: answer.pop("tzdata_version")) == ()


@pytest.mark.parametrize("answer", [None, [], [{}], "text", 7, 1e300, True])
def test_what_is_no_object_at_all(answer: Any) -> None:
    (found,) = differences(expected("missed"), answer)
    assert (found.where, found.expected) == ("the answer", "an object")


# --- Hostile answers ---------------------------------------------------------------------------


def test_what_is_shown_is_short_and_harmless() -> None:
    token = "ghp_" + "a1B2" * 9
    nasty = f"\x1b[2J\u202e\n{token}" + "x" * 10_000

    def change(answer: Any) -> None:
        answer["host"] = nasty
        answer["scheduled_runs"].append({"idempotency_key": nasty})
        answer["exclusions"].append(
            {"repo": nasty, "agent": nasty, "reason": nasty, "transient": 10**1000}
        )

    for item in spoilt("missed", change):
        for text in (item.where, item.expected, item.answered):
            assert text.isascii() or "…" in text
            assert text.replace("…", "").isprintable()
            assert token not in text
            assert len(text) < 700


def test_of_very_many_differences_the_first_are_told() -> None:
    def change(answer: Any) -> None:
        answer["scheduled_runs"] += [{}] * 100_000
        answer["exclusions"] = [{"repo": "a", "agent": None}] * 100_000

    assert len(spoilt("missed", change)) == LIMIT
