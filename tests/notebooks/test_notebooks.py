"""The notebooks: run from a clean kernel, their figures are the library's, and wrong ones fail."""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from hatchling.builders.wheel import WheelBuilder
from nbclient import NotebookClient
from nbformat import v4

import kaizen_schedule as kaizen
from kaizen_schedule.api.report import make_report
from kaizen_schedule.edges.fleet import materialise
from kaizen_schedule.edges.packaged import data_path
from kaizen_schedule.edges.report import (
    CellFailure,
    find_notebooks,
    read_notebook,
    run_notebook,
)
from kaizen_schedule.orienting.record import PilotStep, StepKind, parse_record, render_record
from kaizen_schedule.planning import answers
from kaizen_schedule.publishing.notebook_pages import render_page, render_report
from tests.support import ROOT, manifest, write_files

NAMES = ("agent_performance", "pilot_smoke", "roster_eligibility")
RECORD = ROOT / "docs/examples/pilot-record.jsonl"
LOOKED_AHEAD = datetime(2026, 10, 19, 6, tzinfo=UTC)

_new_cell: Any = v4.new_code_cell

NO_NETWORK = """
import socket
def _refuse(*_, **__):
    raise AssertionError("a notebook reaches the network")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = _refuse
"""


def read(name: str) -> Any:
    return read_notebook(find_notebooks()[name])


def parameters_cell(notebook: Any) -> int:
    tagged = [n for n, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", ())]
    assert len(tagged) == 1
    return tagged[0]


def execute(
    name: str, parameters: Mapping[str, Any] | None = None, *, behind: str = "", more: str = ""
) -> tuple[Any, dict[str, Any]]:
    """Run a notebook in a clean kernel that cannot reach the network.

    Args:
        name: Which one.
        parameters: Values in place of its defaults.
        behind: The id of the cell behind which more code is put.
        more: That code.

    Returns:
        The notebook with its outputs, and its key figures.
    """
    notebook = read(name)
    given = "\n".join(f"{key} = {value!r}" for key, value in (parameters or {}).items())
    if behind:
        place = next(n for n, cell in enumerate(notebook.cells) if cell.id == behind)
        notebook.cells.insert(place + 1, _new_cell(more))
    notebook.cells.insert(parameters_cell(notebook) + 1, _new_cell(f"{given}\n{NO_NETWORK}"))
    notebook.cells.append(_new_cell("import json; print(json.dumps(figures))"))
    run_notebook(notebook, name, timeout_s=120)
    return notebook, json.loads(notebook.cells.pop().outputs[0]["text"])


@cache
def usual(name: str) -> tuple[Any, dict[str, Any]]:
    """A notebook run as it is, once for all tests."""
    return execute(name)


def outputs(notebook: Any) -> list[tuple[str, Any]]:
    return [(cell.id, out) for cell in notebook.cells for out in cell.get("outputs", ())]


# --- As they stand in the repository ---------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_committed_clean(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in notebook.cells:
        assert cell.metadata.keys() <= {"tags"}
        if cell.cell_type == "code":
            assert cell.execution_count is None
            assert not cell.outputs
            assert "!" not in cell.source.lstrip()[:1]
    text = Path(find_notebooks()[name]).read_text("utf-8")
    assert not re.search(r"/home/|/root|/tmp|/work", text)
    assert text.endswith("}\n")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_plain_assignments_with_defaults(name: str) -> None:
    notebook = read(name)
    place = parameters_cell(notebook)
    assert all(cell.cell_type == "markdown" for cell in notebook.cells[:place])
    found = {}
    for node in ast.parse(notebook.cells[place].source).body:
        assert isinstance(node, ast.Assign)
        (target,) = node.targets
        assert isinstance(target, ast.Name)
        found[target.id] = ast.literal_eval(node.value)
    assert {"now", "roster", "snapshot", "scan", "host", "hosts", "rows"} <= found.keys()
    assert kaizen.parse_instant(found["now"]).tzinfo is not None
    for line in notebook.cells[place].source.splitlines():
        assert "  # " in line, f"{line} is not explained"


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_and_table_has_words_before_it(name: str) -> None:
    notebook = read(name)
    assert notebook.cells[0].source.startswith("# ")
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    assert [line for line in headings if line.startswith("# ")] == headings[:1]
    assert all(line.startswith(("# ", "## ")) for line in headings)
    assert all(len(line) <= 110 for cell in notebook.cells for line in cell.source.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_pages_that_exist(name: str) -> None:
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)", text)
    for link in links:
        assert (ROOT / "notebooks" / link).resolve().is_file(), link


@pytest.mark.slow
def test_a_wheel_holds_them_where_they_are_looked_for(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as held:
        for name in NAMES:
            path = f"kaizen_schedule/data/notebooks/{name}.ipynb"
            assert held.read(path) == Path(find_notebooks()[name]).read_bytes()
    assert data_path("notebooks") == data_path() + "/notebooks"


def test_a_notebook_that_is_not_there_is_named_with_those_that_are() -> None:
    for name in ("nothing", "../README", ""):
        with pytest.raises(kaizen.UsageError, match="there is no report") as raised:
            make_report(name, now=LOOKED_AHEAD)
        assert raised.value.fix.endswith(f"known are {', '.join(NAMES)}")


# --- As they are run -------------------------------------------------------------------------


@pytest.mark.notebook
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_as_it_is_and_says_everything_in_words(name: str) -> None:
    notebook, figures = usual(name)
    assert figures
    pictures = 0
    for ident, output in outputs(notebook):
        assert output.output_type == "execute_result", f"{ident} said {output}"
        data = output["data"]
        assert data["text/plain"].strip()
        assert not data["text/plain"].startswith("<"), f"{ident} has no words"
        if "image/svg+xml" in data:
            pictures += 1
            root = ElementTree.fromstring(data["image/svg+xml"])
            assert root.get("aria-label") == data["text/plain"]
            assert len(data["image/svg+xml"]) < 250_000
        elif "text/html" in data:
            assert "text/markdown" in data
            html = data["text/html"]
            if "<table>" in html:
                assert "<caption>" in html
                assert len(re.findall(r"<th scope=", html)) == len(re.findall(r"<th[ >]", html))
        else:
            assert data["text/markdown"].strip()
    assert pictures >= 3
    assert not re.search(r"/tmp|/home/|/root", json.dumps(notebook))


@pytest.mark.notebook
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_that_was_run_is_a_page_and_a_report(name: str) -> None:
    notebook, _ = usual(name)
    files = render_page(notebook, name)
    shown = sum("image/svg+xml" in output["data"] for _, output in outputs(notebook))
    assert len(files) == 1 + shown
    report = render_report(notebook, name, facts={}, version="1")
    assert report.count("<figure") == shown
    assert report.count("<h1") == 1


@pytest.mark.notebook
@pytest.mark.parametrize("name", NAMES)
def test_two_runs_give_the_same_bytes(name: str) -> None:
    def told(notebook: Any) -> list[Any]:
        varies = {c.id for c in notebook.cells if "varies" in c.metadata.get("tags", ())}
        return [
            (ident, output["data"]) for ident, output in outputs(notebook) if ident not in varies
        ]

    first, second = usual(name), execute(name)
    assert told(first[0]) == told(second[0])
    assert first[1] == second[1]
    assert len(told(first[0])) >= len(outputs(first[0])) - 1


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the client's sockets, when collected
def test_an_ordinary_kernel_runs_it_as_well(tmp_path: Path) -> None:
    notebook = read("roster_eligibility")
    resources = {"metadata": {"path": str(tmp_path)}}
    client: Any = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)
    client.execute()
    shown = [output["data"] for _, output in outputs(notebook)]
    assert shown == [output["data"] for _, output in outputs(usual("roster_eligibility")[0])]


# --- Figures ---------------------------------------------------------------------------------


@pytest.mark.notebook
def test_the_roster_s_figures_are_the_library_s(tmp_path: Path) -> None:
    _, figures = usual("roster_eligibility")
    fleet = materialise(tmp_path)
    asking = kaizen.Asking(
        roster=kaizen.load_roster(fleet.roster), host=fleet.host, hosts=fleet.hosts
    )
    answer = kaizen.show_roster(asking)
    end = LOOKED_AHEAD + timedelta(weeks=4)
    resolution = kaizen.discover_kaizen_scheduled_repos(
        asking, start=LOOKED_AHEAD, end=end, now=LOOKED_AHEAD
    )
    hours: dict[tuple[int, int], int] = {}
    for run in resolution.scheduled_runs:
        hour = (run.scheduled_for_utc.weekday(), run.scheduled_for_utc.hour)
        hours[hour] = hours.get(hour, 0) + 1
    assert figures == {
        "registered repositories": answer.counts["registered"],
        "repositories that take part": answer.counts["eligible"],
        "entries that run": sum(len(row.agents) for row in answer.repos),
        "entries that no definition fires": answer.counts["no-definition"],
        "runs in the 4 weeks ahead": resolution.counts.scheduled_runs,
        "the most runs in one hour of the week": max(hours.values()),
        "clock changes ahead": 3,  # Berlin and Rome on 25 October, New York on 1 November
        "agents never scheduled": 1,
        "manifests with a text that others have too": 0,
        "repositories changed since the last answer": 3,
    }


@pytest.mark.notebook
def test_the_pilot_s_figures_are_the_library_s() -> None:
    _, figures = usual("pilot_smoke")
    result = kaizen.run_pilot(now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    reasons = {step.reason for step in result.steps if step.reason}
    counts = result.counts
    assert {
        "definitions that fired": counts.definitions,
        "runs": counts.runs,
        "checks": counts.checks,
        "checks that failed": 0,
        "repositories prepared": counts.prepared,
        "exclusions": counts.excluded,
        "reasons told": len(reasons),
        "success criteria met": True,
    }.items() <= figures.items()
    assert figures["redactions seen"] == 1


@pytest.mark.notebook
def test_the_agents_figures_are_the_library_s() -> None:
    notebook, figures = usual("agent_performance")
    assert figures == {
        "records": 50,  # 8 that the pilot fleet has, 42 that are made up
        "records of the last 28 days": 18,
        "success rate of the last 28 days": "66%",
        "runs handed out in 12 weeks": 84,
        "missed": 33,
        "recorded late": 1,
        "in need of a person": 3,
        "still open": 2,
        "agents with a suggestion to follow": 3,
        "entries silent for four weeks": 2,
    }
    table = next(o for ident, o in outputs(notebook) if ident == "each")["data"]["text/plain"]
    assert re.findall(r"falling-suc|low-success|silent|steady", table) == [
        "falling-suc", "low-success", "silent", "steady", "steady", "steady",
    ]  # fmt: skip


# --- Wrong numbers ---------------------------------------------------------------------------


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("name", "behind", "damage", "said"),
    [
        ("roster_eligibility", "read", "repos = repos.iloc[1:]", "told twice"),
        ("roster_eligibility", "read", "excluded = excluded.iloc[1:]", "the reasons differ"),
        ("roster_eligibility", "read", "forecast = forecast.iloc[1:]", "the forecast has other"),
        (
            "roster_eligibility",
            "read",
            "forecast['not_before'] += pd.Timedelta(seconds=1)",
            "AssertionError",
        ),
        ("agent_performance", "records", "recorded = recorded.iloc[1:]", "a record is missing"),
        (
            "agent_performance",
            "records",
            "recorded.loc[:, 'outcome'] = 'success'",
            "other successes",
        ),
        ("agent_performance", "check", "due = pd.concat([due, due.head(1)])", "two runs have"),
    ],
)
def test_a_wrong_number_ends_the_notebook(name: str, behind: str, damage: str, said: str) -> None:
    with pytest.raises(CellFailure, match=said):
        execute(name, behind=behind, more=damage)


def steps() -> list[PilotStep]:
    return list(parse_record(RECORD.read_text("utf-8")))


def cut(record: list[PilotStep]) -> list[PilotStep]:
    return record[:-1]


def thinned(record: list[PilotStep]) -> list[PilotStep]:
    return [step for step in record if step.number != 40]


def whitewashed(record: list[PilotStep]) -> list[PilotStep]:
    place = next(n for n, step in enumerate(record) if step.step is StepKind.PREPARE)
    return [*record[:place], replace(record[place], ok=False), *record[place + 1 :]]


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "the record does not end with its end"),
        (thinned, "the record lacks a step"),
        (whitewashed, "the record's end says"),
    ],
)
def test_a_damaged_record_ends_the_notebook(damage: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text(render_record(damage(steps())), encoding="utf-8")
    with pytest.raises(CellFailure, match=said):
        execute("pilot_smoke", {"record": str(path)})


# --- By parameter ----------------------------------------------------------------------------


@pytest.mark.notebook
def test_a_record_of_the_pilot_is_read(tmp_path: Path) -> None:
    notebook, figures = execute("pilot_smoke", {"record": str(RECORD)})
    record = steps()
    assert figures["checks"] == len(record) - 1
    assert figures["runs"] == sum(step.step is StepKind.TASK for step in record)
    assert figures["success criteria met"] is True
    assert "/fleet/" in json.dumps([out for ident, out in outputs(notebook) if ident == "payload"])


@pytest.mark.notebook
def test_a_pilot_of_an_operator_s_definitions_is_read(tmp_path: Path) -> None:
    folder = checkouts(tmp_path / "fleet")
    name = "weekly-coach-orientation"
    text = Path(data_path("definitions", f"{name}.md")).read_text("utf-8")
    ours = write_files(tmp_path / "ours", {"a.md": text.replace(name, "our-orientation")})
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    read = kaizen.read_roster(kaizen.Source(scan=folder), host="forge-1")
    definitions = kaizen.list_definitions(ours, now=now)
    asking = kaizen.Asking(roster=read.roster, host=read.host, definitions=definitions)
    record = tmp_path / "record.jsonl"
    record.write_text(kaizen.run_pilot(asking, now=now).record, encoding="utf-8")
    given = {"scan": str(folder), "host": "forge-1", "definitions": str(ours)}
    notebook, figures = execute("pilot_smoke", {**given, "record": str(record)})
    assert figures["success criteria met"] is True
    shown = {ident: out["data"]["text/markdown"] for ident, out in outputs(notebook)
             if "text/markdown" in out["data"]}  # fmt: skip
    taken, source = len(record.read_text("utf-8").splitlines()), "the roster that is named"
    assert shown["read"] == f"Read: record.jsonl, {taken} steps. Tasks come from {source}."
    assert '"definition": "our-orientation"' in shown["payload"]


@pytest.mark.notebook
def test_a_pilot_that_failed_is_told_as_one(tmp_path: Path) -> None:
    record = [
        replace(step, ok=False, detail="exit 1: expired")
        if step.step is StepKind.PREPARE and step.repo != "atlas"
        else step
        for step in steps()
    ]
    failed = sum(not step.ok for step in record)
    end = record[-1]
    detail = end.detail.replace("0 failed", f"{failed} failed")
    record[-1] = replace(
        end, ok=False, detail=f"{detail}; 1 repository prepared, and two are needed"
    )
    path = tmp_path / "record.jsonl"
    path.write_text(render_record(record), encoding="utf-8")
    notebook, figures = execute("pilot_smoke", {"record": str(path)})
    assert figures["success criteria met"] is False
    assert figures["repositories prepared"] == 1
    said = next(out for ident, out in outputs(notebook) if ident == "said")["data"]["text/markdown"]
    assert said == (
        "**The success criteria are not met.** What does not hold: two repositories or more went "
        "from cron to bundle; no step failed."
    )


def checkouts(folder: Path) -> Path:
    weekly = manifest("coach:", "  cadence: weekly")
    line = (
        '{"timestamp": "2026-11-23T08:30:00Z", "outcome": "partial", "duration_s": 60, '
        '"run": "atlas:coach:2026-11-23T08:00:00Z"}\n'
    )
    write_files(
        folder,
        {
            "atlas/.kaizen/schedule.yml": weekly,
            "atlas/.kaizen/metrics/coach/executions.jsonl": f"{line}rubbish\n",
            "berths/.kaizen/schedule.yml": weekly,
            "choir/.kaizen/schedule.yml": weekly.replace("weekly", "weely"),
            "delta/.git/HEAD": "ref: x\n",
        },
    )
    return folder


@pytest.mark.notebook
def test_a_folder_of_checkouts_is_looked_at(tmp_path: Path) -> None:
    folder = checkouts(tmp_path / "fleet")
    parameters = {"scan": str(folder), "host": "forge-1", "now": "2026-11-24T12:00:00Z"}
    earlier = kaizen.show_roster(
        kaizen.Asking(
            roster=kaizen.load_roster([{"slug": "atlas", "host_paths": {"forge-1": "/nowhere"}}]),
            host="forge-1",
        )
    )
    saved = tmp_path / "earlier.json"
    saved.write_text(kaizen_json(earlier), encoding="utf-8")
    _, figures = execute("roster_eligibility", {**parameters, "previous": str(saved)})
    assert figures["registered repositories"] == 4
    assert figures["repositories that take part"] == 2
    assert figures["runs in the 4 weeks ahead"] == 8
    assert figures["manifests with a text that others have too"] == 2
    roster = kaizen.read_roster(kaizen.Source(scan=folder), host="forge-1").roster
    now_ = kaizen.show_roster(kaizen.Asking(roster=roster, host="forge-1"))
    assert figures["repositories changed since the last answer"] == len(
        answers.changes(earlier, now_)
    )

    _, figures = execute("agent_performance", parameters)
    assert figures["records"] == 1
    assert figures["in need of a person"] == 1
    assert figures["runs handed out in 12 weeks"] == 24
    assert figures["missed"] == 22
    assert figures["still open"] == 1
    assert figures["entries silent for four weeks"] == 1

    for path in folder.rglob("executions.jsonl"):
        path.unlink()
    notebook, figures = execute("agent_performance", parameters)
    assert figures["records"] == 0
    empty = next(out for ident, out in outputs(notebook) if ident == "over-time")["data"]
    assert empty["text/markdown"] == "Nothing was recorded in these 12 weeks."


def kaizen_json(value: Any) -> str:
    from kaizen_schedule.reading.codec import dumps

    return dumps(value)


@pytest.mark.notebook
def test_what_was_handed_out_is_read_from_a_file(tmp_path: Path) -> None:
    folder = checkouts(tmp_path / "fleet")
    roster = kaizen.read_roster(kaizen.Source(scan=folder), host="forge-1").roster
    week = datetime(2026, 11, 23, tzinfo=UTC)
    resolution = kaizen.discover_kaizen_scheduled_repos(
        kaizen.Asking(roster=roster, host="forge-1"),
        start=week,
        end=week + timedelta(days=7),
        now=week,
    )
    saved = tmp_path / "runs.json"
    saved.write_text(kaizen_json(resolution), encoding="utf-8")
    parameters = {"scan": str(folder), "host": "forge-1", "handed_out": str(saved)}
    _, figures = execute("agent_performance", parameters)
    assert figures["runs handed out in 12 weeks"] == len(resolution.scheduled_runs) == 2
    assert (figures["in need of a person"], figures["still open"]) == (1, 1)


@pytest.mark.notebook
@pytest.mark.parametrize("name", ["agent_performance", "roster_eligibility"])
def test_odd_names_and_no_repository_at_all(name: str, tmp_path: Path) -> None:
    weekly = manifest("coach:", "  cadence: weekly")
    items = []
    for number, slug in enumerate(["<b>$x^2$</b>", "a|b`c*", "仓库", "x" * 190, "\u202eevil"]):
        path = write_files(tmp_path / f"r{number}", {".kaizen/schedule.yml": weekly})
        items.append({"slug": slug, "host_paths": {"h": str(path)}})
    for given in (items, []):
        saved = tmp_path / f"{len(given)}.json"
        saved.write_text(json.dumps(given), encoding="utf-8")
        notebook, _ = execute(name, {"snapshot": str(saved), "host": "h"})
        for ident, output in outputs(notebook):
            marked = {kind: text for kind, text in output["data"].items() if kind != "text/plain"}
            assert "<b>" not in str(marked), ident
            assert "\u202e" not in str(output), ident
        assert all(out.output_type == "execute_result" for _, out in outputs(notebook))
