"""Crons that are warned of or refused, and what engines make of them.

``hazards.json`` holds, for each rule about the cron of a manifest or a trigger, cases in which
engines are seen to differ; and cases of the same rules in which they do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from kaizen_schedule.reading import rules
from kaizen_schedule.reading.codec import instant

from .firing import SECOND, Span, before, library_fires, matching_times, put, rendered

HAZARDS = Path(__file__).with_name("hazards.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardCase:
    """A cron that is warned of or refused, and what engines make of it."""

    rules: tuple[str, ...]
    """The codes of the rules that find it: in a manifest, in a definition's trigger."""
    hazard: str
    """What is the matter; of clock changes, the beginning of what the finding says."""
    cron: str
    zone: str
    span: Span
    cron_fires: tuple[datetime, ...] | None
    """By Debian's cron: as the library says, or cronsim where the library refuses the cron; None
    where both do."""
    engine_fires: tuple[datetime, ...] | None
    """By Temporal; None where it refuses the Schedule."""

    @property
    def differs(self) -> bool:
        """Whether the two are seen to differ in it."""
        return self.cron_fires != self.engine_fires

    @property
    def refused(self) -> bool:
        """Whether it is an error in a manifest, so that the library gives it no fires."""
        return rules.DST_HAZARD.code not in self.rules


def hazard_cases() -> tuple[HazardCase, ...]:
    """The cases of ``hazards.json``: those in which engines differ, then the others."""
    data = json.loads(HAZARDS.read_text(encoding="utf-8"))
    return tuple(_read_case(item) for item in (*data["differ"], *data["agree"]))


def write_hazard_cases(cases: Iterable[HazardCase]) -> None:
    """Write the cases, a line each, those in which engines differ before the others."""
    kinds: dict[str, list[str]] = {"differ": [], "agree": []}
    for case in cases:
        line = json.dumps(_write_case(case), ensure_ascii=False)
        kinds["differ" if case.differs else "agree"].append(f"  {line}")
    parts = [f'"{kind}": [\n' + ",\n".join(lines) + "\n]" for kind, lines in kinds.items()]
    HAZARDS.write_text("{" + ", ".join(parts) + "}\n", encoding="utf-8")


def _read_case(item: dict[str, Any]) -> HazardCase:
    def times(key: str) -> tuple[datetime, ...] | None:
        texts = item[key]
        return None if texts is None else tuple(map(datetime.fromisoformat, texts))

    return HazardCase(
        rules=tuple(item["rules"]),
        hazard=item["hazard"],
        cron=item["cron"],
        zone=item["zone"],
        span=(datetime.fromisoformat(item["from"]), datetime.fromisoformat(item["until"])),
        cron_fires=times("cron_fires"),
        engine_fires=times("engine_fires"),
    )


def _write_case(case: HazardCase) -> dict[str, Any]:
    def texts(moments: tuple[datetime, ...] | None) -> list[str] | None:
        return None if moments is None else [instant(moment) for moment in moments]

    return {
        "rules": list(case.rules),
        "hazard": case.hazard,
        "cron": case.cron,
        "zone": case.zone,
        "from": instant(case.span[0]),
        "until": instant(case.span[1]),
        "cron_fires": texts(case.cron_fires),
        "engine_fires": texts(case.engine_fires),
    }


def by_cron(case: HazardCase) -> tuple[datetime, ...] | None:
    """When Debian's cron fires a case: by the library, or by cronsim where that refuses it."""
    if not case.refused:
        return tuple(library_fires(case.cron, case.zone, case.span))
    from cronsim import CronSim, CronSimError

    # No time is skipped or repeated in UTC, so that nothing but the reading of the cron counts.
    assert case.zone == "UTC"
    try:
        times = CronSim(case.cron, case.span[0] - SECOND)
    except CronSimError:
        return None
    return tuple(takewhile(before(case.span[1]), times))


async def by_engine(client: Client, case: HazardCase) -> tuple[datetime, ...] | None:
    """When the engine fires a case; None where it refuses the Schedule as invalid."""
    name = "portability-hazard"
    try:
        handle = await put(client, name, None, rendered(case.cron, case.zone))
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return None
    try:
        return tuple(await matching_times(client, name, case.span))
    finally:
        await handle.delete()


async def asked_again(client: Client) -> tuple[HazardCase, ...]:
    """Every hazard's case as it is today, by both sides."""
    return tuple(
        [
            replace(case, cron_fires=by_cron(case), engine_fires=await by_engine(client, case))
            for case in hazard_cases()
        ]
    )
