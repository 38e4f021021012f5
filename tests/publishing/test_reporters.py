"""Reporters: the same findings in every form."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.publishing import reporters
from kaizen_schedule.reading import rules
from kaizen_schedule.reading.diagnostics import Diagnostic, Span


def finding(message: str = "something is odd", path: str = "a.yml", fix: str = "") -> Diagnostic:
    return rules.diagnose(
        rules.DST_HAZARD,
        message,
        path=path,
        span=Span(line=2, column=3, end_line=2, end_column=5),
        fix=fix,
        excerpt="x: yy",
        carets="   ^^",
    )


def test_text() -> None:
    text = reporters.render_diagnostics([finding(fix="mend it")], style=lambda t, c: f"<{c} {t}>")
    assert text == (
        "a.yml:2:3: <yellow KS307> warning: something is odd\n"
        "  2 | x: yy\n"
        "    | <yellow    ^^>\n"
        "  <green fix:> mend it\n"
    )
    assert reporters.render_diagnostics([finding()], excerpts=False).count("\n") == 1


def test_counts() -> None:
    error = rules.diagnose(rules.SYNTAX, "not YAML", path="a.yml")
    assert reporters.summary_of([finding(), error, error]) == "2 errors, 1 warning"
    assert reporters.count_of(1234, "run") == "1,234 runs"


@given(message=st.text(max_size=50), path=st.text("ab :,%\n\r", min_size=1, max_size=10))
def test_github_annotations_are_one_line_each_and_can_be_read_back(message: str, path: str) -> None:
    text = reporters.DIAGNOSTIC_REPORTERS["github"](
        [finding(message, path, "a fix")] * 2, ok=True, version="1"
    )
    lines = text.split("\n")
    assert len(lines) == 3
    assert "\r" not in text
    head, _, data = lines[0].removeprefix("::warning ").partition("::")
    fields = dict(part.split("=", 1) for part in head.split(","))
    assert unquote(fields["file"]) == path
    assert data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") == (
        f"{message}\nfix: a fix"
    )


def test_sarif_says_how_many_are_left() -> None:
    many = [finding()] * 1001
    run = json.loads(reporters.DIAGNOSTIC_REPORTERS["sarif"](many, ok=True, version="1"))["runs"][0]
    assert (len(run["results"]), run["properties"]) == (1000, {"omitted": 1})
    assert run["results"][0]["level"] == "warning"
    assert len(run["tool"]["driver"]["rules"]) == len(rules.RULES)


def test_sarif_paths_are_uris() -> None:
    text = reporters.DIAGNOSTIC_REPORTERS["sarif"](
        [finding(path="a b/ü.yml")], ok=True, version="1"
    )
    location = json.loads(text)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b/%C3%BC.yml"


@given(
    cells=st.lists(
        st.tuples(st.text("abc", max_size=60), st.text("xyz", max_size=60)), min_size=1, max_size=5
    )
)
def test_tables_fit(cells: list[tuple[str, str]]) -> None:
    table = reporters.render_table(("A", "B"), cells, width=40)
    assert all(len(line) <= 40 for line in table.splitlines())
    free = reporters.render_table(("A", "B"), cells, width=0)
    for (left, right), line in zip(cells, free.splitlines()[1:], strict=True):
        assert line == f"{left.ljust(max(1, *(len(c[0]) for c in cells)))}  {right}".rstrip()


def test_days_are_named_whatever_the_locale() -> None:
    assert reporters.day_and_time(datetime(2026, 12, 6, 7, 5)) == "Sun  6 Dec 07:05"
