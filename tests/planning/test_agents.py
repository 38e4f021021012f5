"""Agent prompts: where they are found, what they say, and that a bad one stays usable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_schedule.planning.agents import (
    NAME,
    PROMPT_CAP,
    Prompt,
    Risk,
    find_prompt,
    list_prompts,
    load_prompt,
    prompt_paths,
)
from kaizen_schedule.planning.shape import describe, nearest
from kaizen_schedule.reading.diagnostics import Severity
from kaizen_schedule.reading.errors import FaultReason
from kaizen_schedule.reading.safety import printable
from kaizen_schedule.reading.tree import MemoryTree

GOOD = b"---\nname: coach\ndescription: Use it.\n---\nBe kind.\n"
PACKAGED: Mapping[str, Prompt] = {
    "coach": Prompt(name="coach", path="agent-coach.md", packaged=True, risk=Risk.LOW),
    "medic": Prompt(name="medic", path="agent-medic.md", packaged=True, risk=Risk.HIGH),
}


def prompt(text: str | bytes, *, packaged: Prompt | None = None) -> Prompt:
    data = text.encode() if isinstance(text, str) else text
    return load_prompt(data, path="agents/agent-coach.md", name="coach", packaged=packaged)


def front(*lines: str, packaged: Prompt | None = None) -> Prompt:
    """A prompt with these lines beside a name and a description."""
    head = ["---", "name: coach", "description: Use it.", *lines, "---", "Be kind.", ""]
    return prompt("\n".join(head), packaged=packaged)


def told(found: Prompt) -> list[tuple[str, int, int, str, str]]:
    return [(d.code, d.line, d.column, d.message, d.fix) for d in found.diagnostics]


# --- Where it is found -------------------------------------------------------------------------


def test_names() -> None:
    for name in ("a", "A", "coach", "a-1", "x" * 64):
        assert NAME.fullmatch(name)
    for name in ("", "1", "-a", "a.b", "a_b", "x" * 65, "é", "a\n", "a b", "../a"):
        assert not NAME.fullmatch(name)


def test_a_repository_s_own_folder_comes_first() -> None:
    first, second = prompt_paths("coach")
    assert (first, second) == ("agents/agent-coach.md", ".claude/agents/coach.md")
    both = MemoryTree({first: GOOD, second: GOOD})
    assert find_prompt(both, "coach", PACKAGED) == replace(prompt(GOOD), path=first)
    one = find_prompt(MemoryTree({second: GOOD}), "coach", PACKAGED)
    assert one is not None
    assert (one.path, one.packaged, one.body) == (second, False, "Be kind.\n")


def test_what_is_not_there_is_the_packaged_one_or_none() -> None:
    assert find_prompt(MemoryTree({}), "coach", PACKAGED) is PACKAGED["coach"]
    assert find_prompt(MemoryTree({}), "other", PACKAGED) is None
    assert find_prompt(MemoryTree({"agents/agent-Coach.md": GOOD}), "Other", PACKAGED) is None


@pytest.mark.parametrize("name", ["", "../coach", "a/b", "x" * 65, "coach\n"])
def test_what_no_agent_can_be_called_is_not_looked_for(name: str) -> None:
    tree = MemoryTree({f"agents/agent-{name}.md": GOOD})
    assert find_prompt(tree, name, PACKAGED) is None


@pytest.mark.parametrize(
    "reason", [FaultReason.UNREADABLE, FaultReason.OUTSIDE, FaultReason.NOT_REGULAR]
)
def test_one_that_cannot_be_read_is_never_passed_over(reason: FaultReason) -> None:
    first, second = prompt_paths("coach")
    tree = MemoryTree({second: GOOD}, {first: reason})
    found = find_prompt(tree, "coach", PACKAGED)
    assert found is not None
    assert (found.readable, found.packaged, found.risk, found.body) == (False, False, Risk.HIGH, "")
    assert [(d.code, d.severity, d.path) for d in found.diagnostics] == [
        ("KS409", Severity.ERROR, first)
    ]


def test_one_that_is_too_large_cannot_be_read() -> None:
    path = prompt_paths("coach")[0]
    found = find_prompt(MemoryTree({path: b"x" * PROMPT_CAP}), "coach", PACKAGED)
    assert found is not None
    assert found.readable
    found = find_prompt(MemoryTree({path: b"x" * (PROMPT_CAP + 1)}), "coach", PACKAGED)
    assert found is not None
    assert not found.readable


def test_list() -> None:
    tree = MemoryTree(
        {
            "agents/agent-coach.md": GOOD,
            "agents/agent-zeta.md": b"Work.\n",
            "agents/notes.md": b"no prompt",
            "agents/agent-coach.txt": b"no prompt",
            "agents/agent-bad.name.md": GOOD,
            ".claude/agents/Beta.md": b"Work.\n",
            ".claude/agents/coach.md": GOOD,
            ".claude/agents/bad_name.md": GOOD,
            ".claude/agents/sub/gamma.md": GOOD,
        }
    )
    found = list_prompts(tree, PACKAGED)
    assert [(p.name, p.path, p.packaged, p.readable) for p in found] == [
        ("bad.name", "agents/agent-bad.name.md", False, False),
        ("bad_name", ".claude/agents/bad_name.md", False, False),
        ("Beta", ".claude/agents/Beta.md", False, True),
        ("coach", "agents/agent-coach.md", False, True),
        ("medic", "agent-medic.md", True, True),
        ("zeta", "agents/agent-zeta.md", False, True),
    ]
    (odd,) = found[0].diagnostics
    assert (odd.code, odd.fix) == ("KS410", "rename the file")
    assert odd.message == 'no agent can be called "bad.name": letters, digits and dashes'


def test_a_folder_that_cannot_be_listed_is_seen() -> None:
    class Locked(MemoryTree):
        def list(self, path: str) -> tuple[str, ...]:
            self.read(path, cap=1)
            return ()

    tree = Locked({}, {"agents": FaultReason.UNREADABLE})
    found = list_prompts(tree, {})
    assert [(p.name, p.readable) for p in found] == [("agents", False)]
    assert found[0].diagnostics[0].code == "KS409"
    assert list_prompts(MemoryTree({}), PACKAGED) == tuple(PACKAGED.values())


# --- What it says ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_front_matter_and_body(end: str, mark: str) -> None:
    lines = ["---", "name: coach", "description: Use it.", "risk: high", "memory: disabled", "---"]
    text = end.join([*lines, "# Coach", "---", "more", ""])
    found = prompt(mark + text)
    assert found == Prompt(
        name="coach",
        path="agents/agent-coach.md",
        packaged=False,
        risk=Risk.HIGH,
        description="Use it.",
        memory=False,
        text=text,
        body=end.join(["# Coach", "---", "more", ""]),
    )


@pytest.mark.parametrize("text", ["", "Be kind.\n", "# ---\n", " ---\nname: x\n---\n", "--\n"])
def test_a_prompt_without_front_matter_is_usable(text: str) -> None:
    found = prompt(text)
    assert (found.body, found.text, found.risk, found.memory) == (text, text, Risk.LOW, True)
    assert found.diagnostics == ()


def test_the_dashes_may_have_blanks_behind_them() -> None:
    found = prompt("--- \nname: coach\ndescription: Use it.\n---\t\nBody")
    assert (found.body, found.diagnostics) == ("Body", ())


def test_what_assistants_use_passes_through() -> None:
    lines = ["tools: Read, Write", "model: opus", "color: red", "mcpServers: [a]", "version: 2"]
    assert front(*lines).diagnostics == ()
    assert front("tools: [Read, Write]").diagnostics == ()


def test_places_are_those_of_the_file() -> None:
    found = front("# why", "risk: medium")
    assert told(found) == [
        (
            "KS408", 5, 7, 'risk in the prompt of coach is "medium", which counts as high',
            "write risk: low or risk: high",
        )
    ]  # fmt: skip
    assert found.diagnostics[0].excerpt == "risk: medium"
    assert found.diagnostics[0].path == "agents/agent-coach.md"


@pytest.mark.parametrize(
    ("line", "code", "column", "message", "fix"),
    [
        ("risk: High", "KS408", 7, 'risk in the prompt of coach is "High", which counts as high',
         "write risk: low or risk: high"),
        ("risk:", "KS408", 1, "risk in the prompt of coach is nothing, which counts as high",
         "write risk: low or risk: high"),
        ("risk: [low]", "KS408", 1, "risk in the prompt of coach is a list, which counts as high",
         "write risk: low or risk: high"),
        ("memory: off", "KS408", 9,
         'memory in the prompt of coach is "off", which counts as enabled',
         "write memory: enabled or memory: disabled"),
        ("memory: true", "KS408", 9,
         "memory in the prompt of coach is true, which counts as enabled",
         "write memory: enabled or memory: disabled"),
        ("tools: [1]", "KS408", 1, "tools in the prompt of coach is a list, not names of tools",
         "write names with commas between, or a list"),
        ("tools: {a: b}", "KS408", 1,
         "tools in the prompt of coach is a mapping, not names of tools",
         "write names with commas between, or a list"),
        ("rsk: low", "KS406", 1, 'unknown key "rsk" in the prompt of coach',
         "did you mean risk?"),
        ("zzz: 1", "KS406", 1, 'unknown key "zzz" in the prompt of coach',
         "known are name, description, risk, memory, tools, model"),
    ],
)  # fmt: skip
def test_lint(line: str, code: str, column: int, message: str, fix: str) -> None:
    assert told(front(line)) == [(code, 4, column, message, fix)]
    assert all(d.severity is Severity.WARNING for d in front(line).diagnostics)


def test_name_and_description() -> None:
    found = prompt("---\nname: other\n---\nBody")
    assert told(found) == [
        ("KS407", 1, 1, "the prompt of coach has no description", "add description:"),
        ("KS410", 2, 7, 'name "other" is not the file\'s, coach, which counts',
         "write name: coach"),
    ]  # fmt: skip
    assert found.name == "coach"
    found = prompt("---\ndescription: [a]\nname: 5\n---\n")
    assert [(d.code, d.line) for d in found.diagnostics] == [("KS408", 2), ("KS408", 3)]
    assert found.description == ""
    assert [d.code for d in prompt("---\n---\n").diagnostics] == ["KS407", "KS407"]
    found = prompt("---\nname: coach\ndescription: '  '\n---\n")
    assert [d.code for d in found.diagnostics] == ["KS408"]


@pytest.mark.parametrize(
    ("line", "risk"),
    [("", Risk.LOW), ("risk: low", Risk.LOW), ("risk: high", Risk.HIGH), ("risk: lo", Risk.HIGH),
     ("risk: ", Risk.HIGH), ("risk: {}", Risk.HIGH), ("risk: no", Risk.HIGH),
     ("risk: 0", Risk.HIGH)],
)  # fmt: skip
def test_risk_is_low_only_where_it_says_so_or_nothing(line: str, risk: Risk) -> None:
    assert front(*filter(None, [line])).risk is risk
    broken = front("tools: a: b", *filter(None, [line]))
    assert broken.risk is risk, "in front matter that is not YAML"


def test_a_prompt_may_raise_its_risk_and_never_lower_it() -> None:
    low, high = PACKAGED["coach"], PACKAGED["medic"]
    raised = front("risk: high", packaged=low)
    assert (raised.risk, raised.diagnostics) == (Risk.HIGH, ())
    silent = front(packaged=high)
    assert (silent.risk, silent.diagnostics) == (Risk.HIGH, ())
    assert prompt("no front matter", packaged=high).risk is Risk.HIGH
    odd = front("risk: medium", packaged=high)
    assert [d.code for d in odd.diagnostics] == ["KS408"]
    lowered = front("risk: low", packaged=high)
    assert lowered.risk is Risk.HIGH
    assert told(lowered) == [
        (
            "KS403", 4, 7,
            "risk: low in the prompt of coach is ignored: the packaged one says risk: high",
            "write risk: high, or give the agent a name of its own",
        )
    ]  # fmt: skip
    broken = front("tools: a: b", "risk: low", packaged=high)
    assert broken.risk is Risk.HIGH
    assert [(d.code, d.line, d.column) for d in broken.diagnostics] == [
        ("KS405", 4, 9), ("KS403", 5, 1),
    ]  # fmt: skip


# --- What is no YAML ---------------------------------------------------------------------------


def test_a_colon_that_needs_quotes() -> None:
    found = prompt("---\nname: coach\ndescription: Use it: often\nrisk: high\n---\nBe kind.\n")
    assert told(found) == [
        (
            "KS405", 3, 20, "the value of description holds a colon and is not quoted",
            'quote it: description: "Use it: often"',
        )
    ]  # fmt: skip
    assert (found.description, found.risk) == ("Use it: often", Risk.HIGH)
    assert found.body == "Be kind.\n"


def test_of_what_is_no_yaml_what_stands_on_a_line_is_read() -> None:
    found = front("'x' y", "memory: 'disabled'", "risk:high")
    assert [d.code for d in found.diagnostics] == ["KS404"]
    assert found.diagnostics[0].message.startswith("front matter: not YAML: ")
    assert (found.description, found.memory, found.risk) == ("Use it.", False, Risk.HIGH)


def test_what_is_no_yaml_is_read_to_its_end() -> None:
    found = front("'x' y", *(f"tools{n}: a" for n in range(300)), "memory: disabled")
    assert not found.memory


def test_a_line_with_a_colon_elsewhere_is_not_blamed_on_a_key() -> None:
    found = front("- a: b: c")
    assert [d.code for d in found.diagnostics] == ["KS404"]


def test_findings_of_the_text_are_warnings_here() -> None:
    found = front("tools: a", "tools: b", "model: !x y")
    assert [(d.code, d.line, d.severity) for d in found.diagnostics] == [
        ("KS404", 5, Severity.WARNING), ("KS404", 6, Severity.WARNING),
    ]  # fmt: skip
    assert found.diagnostics[0].message == (
        'front matter: key "tools" stands twice in this mapping; first at line 4'
    )


@pytest.mark.parametrize(("text", "what"), [("- a", "a list"), ("some words", '"some words"')])
def test_front_matter_that_is_no_mapping(text: str, what: str) -> None:
    found = prompt(f"---\n{text}\n---\nBody")
    assert told(found) == [
        ("KS404", 1, 1, f"front matter of coach is {what}, not keys with values",
         "write name: and description:")
    ]  # fmt: skip
    assert (found.body, found.risk) == ("Body", Risk.LOW)


@pytest.mark.parametrize("text", ["---", "---\n", "---\nname: coach\nrisk: high\nBody\n"])
def test_front_matter_that_is_not_closed(text: str) -> None:
    found = prompt(text)
    assert told(found) == [
        ("KS404", 1, 1, "the front matter that begins here is not closed",
         "close it with a line of three dashes")
    ]  # fmt: skip
    assert found.body == text
    assert found.risk is (Risk.HIGH if "high" in text else Risk.LOW)


def test_what_is_no_text_cannot_be_read() -> None:
    found = prompt(b"---\nname: \xff\n---\n")
    assert told(found) == [
        ("KS409", 1, 1, "byte 0xff at offset 10 is not UTF-8",
         "make it a regular text file of this repository, or remove it")
    ]  # fmt: skip
    assert (found.readable, found.risk) == (False, Risk.HIGH)


# --- Words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("weely", ["daily", "weekly"], "weekly"),
        ("WEEKLY", ["daily", "weekly"], "weekly"),
        ("cadense", ["cadence", "cron"], "cadence"),
        ("x", ["cadence", "cron"], ""),
        ("", ["cadence"], ""),
        ("weekly", [], ""),
        ("weekly" * 1000, ["weekly"], ""),
        ("sysmedic", ["sys-medic"], "sys-medic"),
    ],
)
def test_nearest(word: str, known: list[str], expected: str) -> None:
    assert nearest(word, known) == expected


def test_describe() -> None:
    values: list[object] = [None, True, False, 5, 1.5, [], {}, "a", 10**40]
    assert [describe(value) for value in values] == [
        "nothing", "true", "false", "the number 5", "the number 1.5", "a list", "a mapping", '"a"',
        "the number 10000000000000000000000000000…",
    ]  # fmt: skip
    assert describe("a\n\x1b") == '"a\\n\\x1b"'


# --- Properties --------------------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from(
        ["---\n", "---\n", "name: coach\n", "description: a: b\n", "risk: high\n", "risk: low\n",
         "memory: disabled\n", "tools: [a]\n", "- x\n", "\t", "\x1b", "\u202e", "é🚀\n", "*a\n",
         "risk: &a low\n", "<<: {}\n", "[\n", "text\n", "\r\n", "\ufeff", "x: @y\n", "---"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(PIECES | st.text(max_size=60).map(lambda text: f"---\n{text}\n---\n"))
@settings(max_examples=200)
def test_any_text_is_a_usable_prompt(text: str) -> None:
    data = text.encode("utf-8", "replace")
    found = prompt(data)
    whole = data.decode().removeprefix("\ufeff")
    assert found.readable
    assert found.text == whole
    assert whole.endswith(found.body)
    assert [d.order for d in found.diagnostics] == sorted(d.order for d in found.diagnostics)
    for item in found.diagnostics:
        assert item.severity is Severity.WARNING
        assert printable(item.message)
        assert printable(item.fix)
        assert item.fix or item.code == "KS404"
        assert "KS402" < item.code < "KS500"
    if "risk: high" in whole.split("\n---")[0] and whole.startswith("---\nrisk: high\n"):
        assert found.risk is Risk.HIGH


@given(st.binary(max_size=80))
def test_any_bytes_are_answered(data: bytes) -> None:
    found = prompt(data)
    assert found.readable or [d.code for d in found.diagnostics] == ["KS409"]


@pytest.mark.parametrize(
    "text",
    [
        "---\n" + "a: b: c\n" * 30_000,
        "---\n" * 60_000,
        "---\n" + "[" * 250_000 + "\n---\n",
        "---\n" + "name: x\n" * 30_000 + "---\n",
        "---\n" + "".join(f"k{n}: 1\n" for n in range(9000)) + "---\n",
        "---\r" * 60_000,
        "---\n" + "x" * 250_000 + ": 1\n---\n",
        "---\n" + "risk \n" * 40_000,
        "---\nrisk" + " " * 250_000 + "\n---\n",
        "---\n@\n" + "risk:" * 50_000 + "\n---\n",
        "---\n" + "x" * 250_000 + "risk: high\n---\n",
    ],
    ids=lambda text: repr(text[:16]),
)
def test_hostile_prompts_simply_return(text: str) -> None:
    assert prompt(text).readable


CLEAR = [  # what sound front matter says of risk
    ("", "low"),
    ("risk: low", "low"),
    ("risk: 'low'", "low"),
    ("risk: low # as agreed", "low"),
    ("# risk: high", "low"),
    ("metadata: {risk: high}", "low"),
    ("effort: high", "low"),
    ("brisk: very", "low"),
    ("disk: 10 GB", "low"),
    ("risk-level: low", "low"),
    ("Risk: low", "low"),
    ("risk: high", "high"),
    ('"r\\x69sk": high', "high"),
    ("model: &r high\nrisk: *r", "high"),
    ("risk:", "high"),
    ("risk: Low", "high"),
    ("risk: low or high", "high"),
    ("risk: [high]", "high"),
    ("risk: >\n  high", "high"),
    ("risk: hihg", "high"),
    ("Risk: high", "high"),
    ("RISK: medium", "high"),
    ("RIS\u212a: medium", "low"),  # the sign of Kelvin, in small letters a k
    ("RIS\u212a: high", "high"),
    ("risk: low\nRisk: high", "high"),
    ("Risk:", "high"),
    # meant as risk, and high
    ("riks: high", "high"),
    ("rsik: High", "high"),
    ("irsk: high", "high"),
    ("rsk: high", "high"),
    ("risc: high", "high"),
    ("riysk: ' high '", "high"),
    ("risk-level: HIGH", "high"),
    ("the risk: high", "high"),
    ('"the\\nrisk": high', "high"),
    ('"r\\nsk": high', "high"),
    # and no more than that
    ("riks: medium", "low"),
    ("rikss: high", "low"),
    ("task: high", "low"),
    ("irks: high", "low"),
    ("riks: [high]", "low"),
]


@pytest.mark.parametrize(("front", "risk"), CLEAR)
def test_risk_in_sound_front_matter(front: str, risk: str) -> None:
    text = f"---\nname: x\ndescription: y\n{front}\n---\nrisk: high\n"
    assert load_prompt(text.encode(), path="agents/agent-x.md", name="x").risk == risk


UNCLEAR = [  # what front matter says that is not sound
    ("tools: a: b", "low"),
    ("tools: a: b\nrisk: low", "low"),
    ("tools: a: b\nrisk : low", "low"),
    ("tools: a: b\nrisk:low", "low"),
    ("tools: a: b\n'risk': \"low\"", "low"),
    ("tools: a: b\nrisk: low # as agreed", "low"),
    ("tools: a: b\nrisk: low\nrisk: low", "low"),
    ("tools: a: b\ndescription: Use at a small risk", "low"),
    ("tools: a: b\nbrisk: very", "low"),
    ("{name: x, risk: low, y: @z}", "low"),
    ("tools: a: b\n{risk: low}", "low"),
    ("tools: a: b\nx: [risk: low]", "low"),
    ("- risk: low", "low"),
    ("tools: a: b\nrisk: high", "high"),
    ("tools: a: b\nrisk:", "high"),
    ("tools: a: b\nrisk:\n  low", "high"),
    ("tools: a: b\nrisk: medium", "high"),
    ("tools: a: b\n'risk': medium", "high"),
    ("tools: a: b\nrisk : medium", "high"),
    ("tools: a: b\n  risk: medium", "high"),
    ("tools: a: b\n{x: y, RISK: low, risk: medium}", "high"),
    ("tools: a: b\nrisk: Low", "high"),
    ("tools: a: b\nrisk: lower", "high"),
    ("tools: a: b\nrisk: low or high", "high"),
    ("tools: a: b\nrisk: low#", "high"),
    ("tools: a: b\nrisk: &a low", "high"),
    ("tools: a: b\nrisk: !x low", "high"),
    ("tools: a: b\n# risk: medium", "high"),
    ("tools: a: b\n? risk\n: medium", "high"),
    ("tools: a: b\nthe-risk: medium", "high"),
    ("tools: a: b\nriks: high", "high"),
    ('tools: a: b\nriks: low\nriks: "High" ', "high"),
    ("tools: a: b\nrisk-level: high", "high"),
    ("tools: a: b\nriks: medium", "low"),
    ("risk: low\nrisk: low", "low"),
    ("risk: low\nrisk: high", "high"),
    ("risk: low\nrisk: medium", "high"),
    ("risk: medium\nrisk: low", "high"),
    ("<<: {risk: low}", "low"),
    ("<<: {risk: high}", "high"),
    ("<<: {risk: medium}", "high"),
    ("risk: *nothing", "high"),
    ("risk: !!str high", "high"),
    ('model: !x y\n"r\\x69sk": high', "high"),
    ("model: a\u2028risk: medium", "high"),
    ("model: \ufeff", "low"),
    ("- risk: medium", "high"),
    ("broken: [\n\trisk: high", "high"),
]


@pytest.mark.parametrize(("front", "risk"), UNCLEAR)
def test_what_is_unclear_about_risk_counts_as_high(front: str, risk: str) -> None:
    begin = "" if front[0] in "-{" else "name: x\n"
    text = f"---\n{begin}{front}\n---\nrisk: high\n"
    prompt = load_prompt(text.encode(), path="agents/agent-x.md", name="x")
    assert prompt.risk == risk
    assert prompt.diagnostics


@pytest.mark.parametrize(
    ("front", "risk"),
    [("", "low"), ("name: x\nrisk: low\n", "low"), ("name: x\nrisk: high\n", "high"),
     ("name: x\nrisk: medium\n", "high"), ("name: x\n" * 60 + "risk: high\n", "high"),
     ("name: x\n" + "\n" * 60 + "risk: high\n", "high"),
     ('name: x\n"r\\x69sk": high\n', "low"),  # it is no mapping, whatever its beginning is
     ("name: x\n" * 300 + "riks: high\n", "high"), ("name: x\n...\nRisk: losing it\n", "high"),
     ("name: x\n ---\nrisk: high\n", "high"), ("name: x\n----\nrisk: high\n", "high")],
)  # fmt: skip
def test_all_that_follows_counts_where_front_matter_is_not_closed(front: str, risk: str) -> None:
    prompt = load_prompt(f"---\n{front}".encode(), path="agents/agent-x.md", name="x")
    assert prompt.risk == risk
    assert [d.code for d in prompt.diagnostics] == ["KS404"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "blank", ["", " ", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2003", "\u2028"]
)
def test_where_front_matter_begins_and_ends(end: str, blank: str) -> None:
    lines = [f"---{blank}", "name: x", "description: y", f"---{blank}", "risk: high"]
    low = load_prompt(end.join(lines).encode(), path="agents/agent-x.md", name="x")
    assert (low.risk, low.body, low.diagnostics) == (Risk.LOW, "risk: high", ())
    lines[2:2] = ["risk: high"]
    high = load_prompt(end.join(lines).encode(), path="agents/agent-x.md", name="x")
    assert (high.risk, high.body) == (Risk.HIGH, "risk: high")


def test_a_sound_prompt_may_speak_of_risk() -> None:
    text = '---\nname: x\ndescription: "Use where risk: high matters."\n---\nrisk: high\n'
    assert load_prompt(text.encode(), path="agents/agent-x.md", name="x").risk is Risk.LOW


def test_of_very_many_unknown_keys_some_are_told_and_the_rest_counted() -> None:
    keys = "\n".join(f"key{n}: 1" for n in range(5000))
    text = f"---\nname: x\ndescription: y\n{keys}\n---\n"
    prompt = load_prompt(text.encode(), path="agents/agent-x.md", name="x")
    assert len(prompt.diagnostics) == 51
    assert any("4,950 more unknown keys" in d.message for d in prompt.diagnostics)


def test_a_readme_among_prompts_is_no_agent() -> None:
    tree = MemoryTree({".claude/agents/README.md": b"Hello.", ".claude/agents/x.md": b"Do it."})
    assert [prompt.name for prompt in list_prompts(tree, {})] == ["x"]
