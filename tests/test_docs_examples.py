"""Every example in the documentation is run, or validated, and says what is true.

A page's blocks run in their order in one world (``docs_worlds``). With ``KAIZEN_REGENERATE_DOCS=1``
transcripts are written anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kaizen_schedule import Refusal, prepare
from kaizen_schedule.edges import packaged
from kaizen_schedule.planning.definition_files import render_definition
from kaizen_schedule.planning.reasons import Reason

from .docs_checks import CHECKS, problems_of
from .docs_commands import commands, options_of
from .docs_pages import DOCS, Page, name_of, pages, parse_page, read_page
from .docs_worlds import INSTANT, scaffold
from .support import write_files

REGENERATE = bool(os.environ.get("KAIZEN_REGENERATE_DOCS"))

FEW = 12
"""A page with more commands than this takes more than a few seconds."""

_COMMAND = re.compile(r"^ *(?:\$ )?kaizen-agentic ", re.M)
_FOREIGN = re.compile(r"title=\"\.(?:git|pre-commit)")
"""Files of other programs; to have one judged takes as long as several commands."""


# --- The pages ---------------------------------------------------------------------------------


def _cases() -> Iterator[Any]:
    for page in pages():
        text = page.read_text("utf-8")
        weight = len(_COMMAND.findall(text)) + 4 * len(_FOREIGN.findall(text))
        marks = [pytest.mark.slow] if weight > FEW else []
        yield pytest.param(page, id=name_of(page), marks=marks)


@pytest.mark.parametrize("path", list(_cases()))
def test_examples(path: Path) -> None:
    page = read_page(path)
    # tests/test_rule_pages.py sees what the rules show; tests/notebooks executes the notebooks.
    if path.parent in (DOCS / "rules", DOCS / "notebooks"):
        assert not page.problems
        assert {block.language for block in page.blocks} <= CHECKS.keys()
        return
    problems = problems_of(page, path, regenerate=REGENERATE)
    assert not problems, "\n".join(f"{name_of(path)}:{problem}" for problem in problems)


def test_no_page_is_left_out() -> None:
    named = {name_of(path) for path in pages()}
    assert {"README.md", "docs/index.md", "docs/guides/stop.md"} <= named


# --- The pages that name everything ------------------------------------------------------------


def _rows(page: Page, text: str) -> Iterator[tuple[str, list[str]]]:
    """The first code of each line of tables, and all of its codes."""
    lines = text.split("\n")
    codes: dict[int, list[str]] = {}
    for span in page.spans:
        if lines[span.line - 1].startswith("| `"):
            codes.setdefault(span.line, []).append(span.text)
    for found in codes.values():
        yield found[0], found


def test_the_cheat_sheet_names_every_command_once() -> None:
    path = DOCS / "cli-cheat-sheet.md"
    page = read_page(path)
    known = dict(commands())
    named = []
    for first, codes in _rows(page, page.text):
        name = next((n for n in known if f"{first} ".startswith(f"{n} ")), None)
        if name is None:
            continue
        named.append(name)
        options = {word.split("=")[0] for code in codes for word in code.split() if word[0] == "-"}
        assert options <= options_of(known[name]), name
    assert sorted(named) == sorted(known)


def test_the_guide_names_every_reason() -> None:
    page = read_page(DOCS / "guides/why-not-running.md")
    for reason in Reason:
        link = f"](../reasons.md#{reason})"
        assert f"[`{reason}`{link}" in page.text, reason


# What an owner did after a run was handed out, in the manifest's text or in the agent's own prompt.
OFF = "    cadence: weekly\n    enabled: false\n"
ACTS: dict[str, Callable[[str], str]] = {
    "agent-disabled": lambda text: text.replace("    cadence: weekly\n", OFF, 1),
    "repository-disabled": lambda text: text.replace("agents:", "enabled: false\nagents:"),
    "agent-not-scheduled": lambda text: text.replace("  coach:\n    cadence: weekly\n", ""),
    "manifest-missing": lambda _: "",
    "manifest-invalid": lambda text: text.replace("weekly", "weely", 1),
    "cadence-differs": lambda text: text.replace("weekly", "daily", 1),
    "agent-not-installed": lambda text: text.replace("coach", "gardener", 1),
    "review-missing": lambda text: text,
    "expired": lambda text: text,
}


def test_the_guide_says_what_a_task_is_refused_for(tmp_path: Path) -> None:
    text = (DOCS / "guides/stop.md").read_text("utf-8")
    told = re.findall(r"refuses: \[`([\w-]+)`\]\(\.\./reasons\.md#\1\)", text)
    assert sorted(told) == sorted(ACTS)
    for reason, act in ACTS.items():
        folder = write_files(tmp_path / reason, {".git/HEAD": ""})
        if manifest := act(scaffold()):
            write_files(folder, {".kaizen/schedule.yml": manifest})
        if reason == "review-missing":
            prompt = "---\nname: coach\ndescription: Repairs.\nrisk: high\n---\n"
            write_files(folder, {"agents/agent-coach.md": prompt})
        agent = "gardener" if reason == "agent-not-installed" else "coach"
        with pytest.raises(Refusal) as refused:
            prepare(
                folder,
                agent,
                now=INSTANT,
                run=f"kaizen-agentic:{agent}:2026-11-23T08:00:00Z",
                definition="weekly-coach-orientation",
                expires_at=INSTANT if reason == "expired" else INSTANT + timedelta(days=1),
            )
        assert refused.value.reason == reason


def test_the_guide_says_what_is_prepared_all_the_same(tmp_path: Path) -> None:
    moved = OFF.replace("enabled: false", 'cron: "0 9 * * 2"')
    for name, lines in {
        "moved": moved,
        "review": OFF.replace("enabled: false", "review: required"),
    }.items():
        manifest = scaffold().replace("    cadence: weekly\n", lines, 1)
        folder = write_files(tmp_path / name, {".git/HEAD": "", ".kaizen/schedule.yml": manifest})
        run = "kaizen-agentic:coach:2026-11-23T08:00:00Z"
        bundle = prepare(folder, "coach", now=INSTANT, run=run)
        assert [w.partition(":")[0] for w in bundle.warnings] == ["rescheduled"] * (name == "moved")
        assert ("propose your change on a branch" in bundle.sections[0].content) == (
            name == "review"
        )


# --- Examples that are wrong are seen ----------------------------------------------------------

GOOD_MANIFEST = 'version: "1"\nagents:\n  coach: {cadence: weekly}\n'
MANIFEST = 'yaml title=".kaizen/schedule.yml'
ROSTER = 'version: "1"\nrepos:\n  - {slug: a, host_paths: {forge-1: /srv/a}}\n'
LIST = "kaizen-agentic schedule list --now 2026-11-24T12:00:00Z"
DEFINITION = packaged.definitions()[0]


def fenced(info: str, text: str) -> str:
    return f"````{info}\n{text.removesuffix(chr(10))}\n````\n"


PLANTED = {
    "no language": (fenced("", "x"), "language none"),
    "unknown language": (fenced("yml", "a: 1"), "language yml"),
    "indented block": ("Text:\n\n    kaizen-agentic schedule init\n", "an indented block"),
    "open fence": ("```text\nx\n", "not closed"),
    "odd attribute": (fenced("text linenums=1", "x"), "not linenums=1"),
    "yaml without title": (fenced("yaml", "a: 1"), "YAML has a title"),
    "no YAML": (fenced('yaml title="other.yml"', "a: ["), "not YAML"),
    "wrong hook": (fenced('yaml title=".pre-commit-config.yaml"', "repos: [{repo: x}]"), "pre_co"),
    "wrong job": (fenced('yaml title=".github/workflows/a.yml"', "name: a\n"), "check_jsons"),
    "no such option in a job": (
        fenced('yaml title="job"', "script:\n  - kaizen-agentic schedule list --bad\n"),
        "--bad",
    ),
    "wrong manifest": (fenced(f'{MANIFEST}"', 'version: "1"\ncoach: {}\n'), "3: KS"),
    "other than init": (fenced('yaml title="init"', GOOD_MANIFEST), "writes something else"),
    "sound manifest": (fenced(f'{MANIFEST} (wrong)"', GOOD_MANIFEST), "nothing is wrong"),
    "wrong roster": (fenced('yaml title="roster.yml"', 'version: "1"\nrepo: []\n'), "3: KS"),
    "sound roster": (fenced('yaml title="roster.yml (wrong)"', ROSTER), "nothing is wrong"),
    "no AsyncAPI": (fenced('yaml title="asyncapi"', "asyncapi: 2.6.0\n"), "not AsyncAPI 3"),
    "wrong definition": (
        fenced('markdown title="definition"', "---\nid: a\n---\n"),
        "KS203 context",
    ),
    "markdown without title": (fenced("markdown", "# A"), "markdown has a title"),
    "wrong prompt": (
        fenced('markdown title="agents/agent-coach.md"', "---\nname: other\n---\n"),
        "KS4",
    ),
    "no JSON": (fenced("json", "{'a': 1}"), "not JSON"),
    "no strict JSON": (fenced("json", "[NaN]"), "NaN is no JSON"),
    "no such schema": (fenced('json title="tasks"', "{}"), "no schema is named tasks"),
    "against a schema": (fenced('json title="task"', "{}"), "'title' is a required property"),
    "python": (fenced("python", "assert repository == now"), "AssertionError"),
    "no diagram": (fenced("mermaid", "flow\n") + "\nOne.\n", "a diagram begins"),
    "diagram without sentence": (fenced("mermaid", "flowchart LR\n  a --> b"), "a sentence"),
    "transcript as text": (fenced("text", "$ ls"), "of language console"),
    "transcript": (fenced("console", "$ echo a\nb"), "print something else:\n$ echo a\na"),
    "transcript that misses a line": (fenced("console", "$ printf 'a\\nb\\n'\na"), "else"),
    "transcript cut too late": (fenced("console", "$ printf 'a\\nb\\n'\na\nb\n...\nb"), "else"),
    "transcript without command": (fenced("console", "kaizen-agentic --version"), "begins with $"),
    "clock": (fenced("console", "$ kaizen-agentic schedule list"), "give it --now"),
    "machine": (fenced("console", "$ kaizen-agentic schedule roster --scan ."), "give it --host"),
    "failing commands": (fenced("sh", "false\ntrue"), "end with 1"),
    "failing pipe": (fenced("sh", "kaizen-agentic schedule prepare coch | cat"), "end with 1"),
    "titled commands": (fenced('sh title="later"', "true"), "no title but"),
    "bad shell": (fenced('sh title="not run"', "if true"), "syntax error"),
    "no such option": (fenced('sh title="not run"', "kaizen-agentic schedule list --bad"), "--bad"),
    "no such option by a path": (
        fenced('sh title="not run"', "A=1 /opt/bin/kaizen-agentic schedule list --bad"),
        "--bad",
    ),
    "no such command": (fenced('sh title="not run"', "x | kaizen-agentic schedule lst"), "lst"),
    "no such choice": (
        fenced('sh title="not run"', "A=1 kaizen-agentic schedule list \\\n  --format csv > x"),
        "'csv' is not one of",
    ),
    "no value": (fenced('sh title="not run"', 'x "$(kaizen-agentic schedule why)"'), "needs REPO"),
    "one word more": (fenced('sh title="not run"', "kaizen-agentic schedule list x"), "no more"),
    "no such option after a comment": (
        f"<!-- not run -->\n\n{fenced('sh', 'kaizen-agentic schedule list --bad')}",
        "--bad",
    ),
    "a comment that stands elsewhere": (
        f"<!-- not run -->\n\nText.\n\n{fenced('sh', 'false')}",
        "end with 1",
    ),
    "no such target": (fenced('sh title="not run"', "make tests"), "make tests"),
    "no such world": (f"<!-- world: moon -->\n\n{fenced('sh', 'true')}", "named moon"),
    "odd world": ("<!-- world: the moon -->\n", "no world is named so"),
    "world in a line": ("Here: <!-- world: fleet -->\n", "a line of its own"),
    "command in a line": ("Run `schedule lst`.\n", "there is no command"),
    "option in a line": ("Run\n`kaizen-agentic schedule list --bad`.\n", "2: `kaizen"),
    "no such rule": ("See KS299.\n", "no rule has the code KS299"),
    "in a list": ("- a\n\n  ```console\n  $ echo a\n  b\n  ```\n", "3: the commands print"),
    "in an admonition": ('!!! note "x"\n\n    ```sh\n    false\n    ```\n', "3: the commands end"),
    "at once in an admonition": ("!!! note\n    ```sh\n    false\n    ```\n", "2: the commands"),
    "in a tab in a list": (
        '- a\n\n    === "b"\n\n        ```sh\n        false\n        ```\n',
        "5: the commands end",
    ),
    "in a fence": (f"`````text\n```sh\nfalse\n```\n`````\n\n{fenced('sh', 'exit 3')}", "7: the co"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_wrong_example_is_seen(kind: str, tmp_path: Path) -> None:
    text, expected = PLANTED[kind]
    path = tmp_path / "page.md"
    path.write_text(f"# Page\n\n{text}")
    problems = problems_of(parse_page(text), path)
    assert any(expected in problem for problem in problems), problems


def test_right_examples_pass(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "---\ntitle: Page\n---\n",
            fenced(f'{MANIFEST}"', GOOD_MANIFEST),
            fenced("console", "$ kaizen-agentic schedule validate -q\n$ echo $?\n0"),
            fenced("console", f"$ {LIST} \\\n    --all | grep -o AGENT\nAGENT"),
            fenced("python", "first = repository / '.kaizen'"),
            fenced("python", "assert (first / 'schedule.yml').exists()"),
            fenced("sh", "cd .kaizen\npwd"),
            fenced("console", "$ pwd\n/srv/kaizen-agentic/.kaizen"),
            fenced("console", "$ seq 9\n1\n...\n8\n9\n$ seq 2\n1\n2"),
            "<!-- world: fleet -->\n",
            fenced("console", "$ ls\nfield-notes\nkaizen-agentic\nledger"),
            fenced('yaml title="roster.yml"', ROSTER),
            fenced("console", f"$ tail -n 1 roster.yml\n{ROSTER.splitlines()[-1]}"),
            "<!-- world: opted-in -->\n",
            fenced("console", "$ pwd; ls -A\n/srv/kaizen-agentic\n.git\n.kaizen"),
            fenced('yaml title="init"', scaffold()),
            fenced('markdown title="definition"', render_definition(DEFINITION)),
            fenced('markdown title="definition (wrong)"', "# None"),
            fenced('json title="task (wrong)"', "{}"),
            fenced('json title="settings.json"', "{}"),
            fenced("mermaid", "flowchart LR\n  a --> b"),
            "From a to b.\n",
            fenced(
                'sh title="not run"',
                "uv pip install x && STATE_HUB_URL=https://hub.example \\\n"
                'kaizen-agentic schedule runs --now "$(date -u +%FT%TZ)" 2> log; make pilot test',
            ),
            "1. Step\n\n    <!-- not run -->\n\n    ```sh\n    make docs\n    false\n    ```\n",
            "Run `schedule list` or `kaizen-agentic GROUP COMMAND` with `schedule rule [CODE]`.\n",
        ]
    )
    assert problems_of(parse_page(text), tmp_path / "page.md") == []


def test_a_transcript_that_holds_fences_gets_a_longer_one(tmp_path: Path) -> None:
    text = "```console\n$ printf '```\\n'\n```\n"
    path = tmp_path / "page.md"
    path.write_text(text)
    assert problems_of(parse_page(text), path, regenerate=True) == []
    assert path.read_text() == "````console\n$ printf '```\\n'\n```\n````\n"
    assert problems_of(parse_page(path.read_text()), path) == []


def test_transcripts_are_written_anew(tmp_path: Path) -> None:
    text = (
        "# Page\n\n```console\n$ echo a\nb\n```\n\nText.\n\n!!! note\n\n"
        "    ```console\n    $ seq 9\n    0\n    ...\n    $ printf 'c\\n\\nd\\n'\n    ```\n"
    )
    path = tmp_path / "page.md"
    path.write_text(text)
    assert problems_of(parse_page(text), path, regenerate=True) == []
    assert path.read_text() == text.replace("\nb\n", "\na\n").replace("    0\n", "    1\n").replace(
        "d\\n'\n", "d\\n'\n    c\n\n    d\n"
    )
    assert problems_of(parse_page(path.read_text()), path) == []
