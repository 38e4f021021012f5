"""What the scenarios share, and what is made of them when all have run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from kaizen_schedule import __version__, export_contracts
from kaizen_schedule.edges.packaged import zones

from .hub.examples import ITEMS, READING, TOKEN
from .hub.serve import Hub, serve
from .proof import Proof, State, read_proof, write_proof
from .staging import Play, Played, stage


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run compare what it shows with what is published, or publish it."""
    parser.addoption("--proof", choices=("compare", "publish"), help="what is done with the proof")


@pytest.fixture(scope="session")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract files, exported as another team would."""
    folder = tmp_path_factory.mktemp("contracts")
    export_contracts(folder)
    return folder


@pytest.fixture
def state(record_property: Callable[[str, object], None]) -> State:
    """State what a test has shown; it becomes a line of the page."""

    def stated(part: str, claim: str, **figures: int) -> None:
        fact = {"part": part, "claim": claim, "figures": figures}
        record_property("fact", fact)

    return stated


@pytest.fixture
def play(tmp_path: Path, contracts: Path, record_property: Callable[[str, object], None]) -> Played:
    """Play a scenario in a world of its own; what it measured."""

    def played(scenario: Play, **options: Any) -> dict[str, Any]:
        engine, measured = stage(scenario, tmp_path, contracts, **options)
        record_property("engine", engine)
        return measured

    return played


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """An honest hub of whose repositories nothing is changed; faults are planted and taken out."""
    database = tmp_path_factory.mktemp("shared") / "hub.db"
    with serve(database, token=TOKEN, reading_token=READING, page_size=2) as running:
        running.put(ITEMS)
        yield running


class Collector:
    """Gathers what the tests state, over all processes that run some."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.facts: dict[str, dict[str, Any]] = {}
        self.engine = ""
        self.problem = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test stated."""
        if report.when != "call" or not report.passed:
            return
        for number, (name, value) in enumerate(report.user_properties):
            if name == "fact":
                assert isinstance(value, dict)
                self.facts[f"{report.nodeid.partition('::')[2]}/{number}"] = value
            elif name == "engine":
                self.engine = str(value)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Compare with what is published, or publish."""
        if exitstatus or self.config.option.proof is None:
            return
        shown = Proof(
            engine=self.engine, sdk=version("temporalio"), tzdata=zones().version,
            tool=__version__, date=f"{datetime.now(UTC):%Y-%m-%d}", facts=self.facts,
        )  # fmt: skip
        if self.config.option.proof == "publish":
            write_proof(shown)
        elif shown.stable != read_proof().stable:
            known, found = read_proof().stable, shown.stable
            odd = {name for name in known if name != "facts" and known[name] != found[name]}
            facts = known["facts"].keys() | found["facts"].keys()
            odd |= {n for n in facts if known["facts"].get(n) != found["facts"].get(n)}
            self.problem = f"the published proof differs in {', '.join(sorted(odd))}"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what differs."""
        if self.problem:
            terminalreporter.write_line(f"{self.problem}; see and publish it: make proof", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Gather facts where the reports come together."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config), "proof-collector")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End without the interpreter's own end, which the engine's client now and then aborts in."""
    if hasattr(config, "workerinput") and "temporalio" in sys.modules:
        sys.stdout.flush()
        os._exit(0)
