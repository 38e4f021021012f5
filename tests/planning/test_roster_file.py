"""An operator's ``roster.yml``: every finding, with its line and a fix."""

from __future__ import annotations

import pytest

from kaizen_schedule.planning.roster import load_roster
from kaizen_schedule.planning.roster_file import (
    RosterItem,
    example,
    items_of,
    load_roster_file,
    select,
)
from kaizen_schedule.planning.timetable import place_findings
from kaizen_schedule.reading.document import parse_document

ITEM = "repos:\n  - slug: a\n    host_paths: {h: /a}\n"
HEAD = 'version: "1"\n'


def findings(text: str) -> list[tuple[int, str, str, str]]:
    document = parse_document(text.encode(), path="roster.yml")
    file, found = load_roster_file(document)
    placed = place_findings(document, found)
    assert (file is None) == bool(placed)
    return [(item.line, item.code, item.message, item.fix) for item in placed]


@pytest.mark.parametrize(
    ("text", "line", "says", "fix"),
    [
        ("", 1, "the roster is empty", 'begin with version: "1"'),
        ("- a\n", 1, "not a mapping", "begin with"),
        ("repos: []\n", 1, "version is missing", "with the quotes"),
        ("version: 1\n", 1, "the number 1", "with the quotes"),
        ('version: "2"\n', 1, "version is", "with the quotes"),
        (HEAD + "repo: []\n", 2, 'unknown key "repo"', "did you mean repos?"),
        (HEAD + "zzzzzz: []\n", 2, "unknown key", "known are version, repos"),
        (HEAD + "repos:\n", 2, "repos is", "write - slug:"),
        (HEAD + "repos: {a: /a}\n", 2, "not a list", "write - slug:"),
        (HEAD + "include: team-*\n", 2, "not a list", 'write a list of globs, such as ["team-*"]'),
        (HEAD + "exclude:\n  - ok\n  - 3\n", 4, "exclude holds the number 3", "write globs"),
        (HEAD + 'include: [""]\n', 2, "include holds", "write globs"),
        (HEAD + "repos:\n  - a\n", 3, "item 1 of repos", "write slug:"),
        (HEAD + "repos:\n  - slug: a\n", 3, "host_paths of item 1 of repos is missing", "forge-1"),
        (HEAD + "repos:\n  - host_paths: {h: /a}\n", 3, "slug of item 1", "write slug:"),
        (HEAD + ITEM.replace("slug: a", "slug: 7"), 3, "the number 7, not text", "write slug:"),
        (HEAD + ITEM.replace("slug: a", 'slug: " "'), 3, "slug is empty", "write slug:"),
        (HEAD + ITEM.replace("slug: a", f"slug: {'a' * 201}"), 3, "longer than 200", "write slug"),
        (HEAD + ITEM.replace("{h: /a}", "/a"), 4, "not a mapping from host", "write host_paths:"),
        (HEAD + ITEM.replace("/a}", "a}"), 4, "is not absolute", "write host_paths:"),
        (HEAD + ITEM.replace("/a}", "3}"), 4, "not text", "write host_paths:"),
        (HEAD + ITEM.replace("host_paths", "host_path"), 4, "unknown key", "mean host_paths?"),
        (HEAD + ITEM + "    kaizen_schedule_enabled: on-ish\n", 5, "neither true nor", "leave it"),
        (HEAD + ITEM + ITEM.partition("\n")[2], 5, 'slug "a" stands twice', "keep one"),
        (HEAD + HEAD, 2, "", ""),
        ("version: [\n", 2, "", ""),
    ],
)  # fmt: skip
def test_every_finding_has_its_line_and_fix(text: str, line: int, says: str, fix: str) -> None:
    found = findings(text)
    assert found
    assert any(item[0] == line and says in item[2] and fix in item[3] for item in found), found


def test_everything_is_found_in_one_run() -> None:
    text = 'verson: "1"\nrepos:\n  - slug: 7\n    host_paths: {h: a}\n  - 3\nexclude: x\n'
    assert [line for line, *_ in findings(text)] == [1, 3, 4, 5, 6], "and each slip once"
    hidden = HEAD + "repos:\n  - <<: {slug: a}\n    host_paths: {h: /a}\n"
    assert [code for _, code, *_ in findings(hidden)] == ["KS111"]


def test_the_example_is_sound_and_its_globs_leave_out() -> None:
    file, found = load_roster_file(parse_document(example().encode(), path="roster.yml"))
    assert file is not None
    assert (found, file.exclude) == ((), ("sandbox-*",))
    roster = load_roster(items_of(file))
    assert ([repo.slug for repo in roster.repos], roster.faulty) == (
        ["field-notes", "kaizen-agentic", "the-custodian"], (),
    )  # fmt: skip
    assert roster.repos[0].kaizen_schedule_enabled is False


def test_globs_over_listed_and_registered_repositories() -> None:
    text = HEAD + 'include: ["a*", "b"]\nexclude: ["a-x"]\n'
    file, _ = load_roster_file(parse_document(text.encode(), path="roster.yml"))
    assert file is not None
    assert (file.repos, items_of(file)) == (None, ())
    items = [{"slug": slug} for slug in ("a", "a-x", "b", "c")] + [{"slug": 7}, 3, {}]
    assert select(items, file) == ({"slug": "a"}, {"slug": "b"}, {"slug": 7}, 3, {})
    text += "repos:\n  - {slug: a, host_paths: {}}\n  - {slug: c, host_paths: {h: /c}}\n"
    file, _ = load_roster_file(parse_document(text.encode(), path="roster.yml"))
    assert file is not None
    assert file.repos is not None
    assert file.repos[1] == RosterItem(slug="c", host_paths={"h": "/c"})
    assert [item["slug"] for item in items_of(file)] == ["a"]
