"""What a run has proven: the facts that its tests state, and the page of the site made of them.

Facts are what has to come out the same on every machine: counts, not durations. A run compares them
with those that are published, so that the page cannot say what is no longer so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

State = Callable[..., None]
"""``state(part, claim, **figures)``: what a test has shown."""

TIMER = "1 From the timer to the bundle"
DUTIES = "2 The orchestrator's duties"
FAULTS = "3 Faults"
CLOCKS = "4 Clock changes"
HUB = "5 The hub, over HTTP"
CRON = "6 Cron on the engine"
"""The parts of the page."""

PUBLISHED = Path(__file__).with_name("proof.json")
PAGE = Path(__file__).parents[1] / "docs" / "proven-on-temporal.md"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a run has shown."""

    engine: str
    """The engine's version."""
    sdk: str
    """The client library's."""
    tzdata: str
    """The release of the time zone rules."""
    tool: str
    """This program's version."""
    date: str
    """The day of the run; UTC."""
    facts: dict[str, dict[str, Any]]
    """For each claim, by its test's name: ``part``, ``claim`` and ``figures``."""

    @property
    def stable(self) -> Mapping[str, Any]:
        """What is compared: all but the day."""
        return {name: value for name, value in vars(self).items() if name != "date"}


def read_proof() -> Proof:
    """The proof that is published."""
    return Proof(**json.loads(PUBLISHED.read_text(encoding="utf-8")))


def write_proof(proof: Proof) -> None:
    """Publish a proof, and its page."""
    proof = replace(proof, facts=dict(sorted(proof.facts.items())))
    text = json.dumps(vars(proof), indent=2, ensure_ascii=False)
    PUBLISHED.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(render_page(proof), encoding="utf-8")


def render_page(proof: Proof) -> str:
    """The page of the site."""
    lines = [_HEAD.format(**vars(proof))]
    part = ""
    for fact in sorted(proof.facts.values(), key=_order):
        if fact["part"] != part:
            part = fact["part"]
            lines += ["", f"## {part[2:]}", "", "| what was seen to hold | measured |", "|---|---|"]
        figures = ", ".join(f"{value:,} {name}" for name, value in fact["figures"].items())
        lines.append(f"| {fact['claim']} | {figures} |")
    return "\n".join([*lines, "", _FOOT])


def _order(fact: Mapping[str, Any]) -> tuple[str, list[int], str]:
    """By part, then D2 before D10."""
    duties = [int(number) for number in re.findall(r"\bD(\d+)\b", fact["claim"])]
    return fact["part"], duties, fact["claim"]


_HEAD = """\
---
edit_source: conformance/proof.py
---
# Proven on a real engine

The contracts were driven end to end on {date} by a stand-in orchestrator: Temporal server {engine}
(`temporalio` {sdk}, time zone rules {tzdata}), kaizen_schedule {tool}, a worker process for the
orchestrator and one for each host. It reads the exported contract files, calls the library, and
keeps the duties D1 to D14 of the [specification](integrations/discover-kaizen-scheduled-repos.md).

To see it on your machine, from a clone; it takes some two minutes, on loopback alone:

<!-- not run -->

```sh
make conformance
```

Each line is a test in `conformance/`. That run compares every figure here with what it measures,
and fails where one differs."""

_FOOT = """\
## What it does not show

The stand-in is no worker to deploy: it keeps its store in one SQLite file, and has no person to
alert. It shows what building on the contracts looks like. Being of this repository, it takes a few
things from the library's inside, such as who owns a repository; an adapter in any language is
written from the [specification](integrations/discover-kaizen-scheduled-repos.md), and tested with
the [vectors](contracts/vectors/index.md).
"""
