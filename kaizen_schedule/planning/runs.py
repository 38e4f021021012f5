"""Runs: what an entry hands out in a window, each with its name, its times and its command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any, NamedTuple, Protocol

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import instant, to_plain

from .cron import parse_cron
from .definitions import (
    ActivityDefinition,
    ForEach,
    RepoRun,
    Run,
    placeholders,
    render_template,
    seconds_of,
)
from .eligibility import Exclusion, Place, Runnable, Surroundings, exclude
from .reasons import PROGRAM, Reason
from .recurrence import iter_occurrences
from .windows import Window, key_at, stagger


class RunValues(Mapping[str, str]):
    """The values of a run's placeholders, each worked out when it is asked for.

    Texts are made safe to print, instants are ISO 8601.

    Args:
        fields: The run's fields; what no placeholder can name is left alone.
        names: The names of the placeholders.
    """

    def __init__(self, fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
        self.fields = fields
        self.names = names

    def __getitem__(self, name: str) -> str:
        value: Any = to_plain(self.fields[name.removeprefix("run.")])
        return value if name in _EXACT else safety.escape(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


_EXACT = frozenset({"run.command", "run.idempotency_key"})


def values_of(run: Run | RepoRun) -> RunValues:
    """The values of a run's placeholders."""
    for_each = ForEach.RUNS if isinstance(run, Run) else ForEach.REPOS
    fields = {name: getattr(run, name) for name in run.__dataclass_fields__}
    return RunValues(fields, placeholders(for_each))


# So seldom are two of them alike that nothing is remembered by them; and two local times are equal
# that stand on both sides of a clock change.
_OWN = frozenset({"scheduled_for", "scheduled_for_utc", "not_before", "expires_at"})


@lru_cache(maxsize=1024)
def _named(texts: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a run on which texts depend."""
    return tuple(
        name.removeprefix("run.")
        for name in names
        if any(f"{{{{ {name} }}}}" in text for text in texts)
    )


class _Cron(Protocol):
    """What has a cron and a zone: an entry's timing, or a trigger."""

    @property
    def cron(self) -> str: ...

    @property
    def timezone(self) -> str: ...


class _Slot(NamedTuple):
    """One instant that is handed out."""

    written: str
    """The instant as a key has it."""
    moment: datetime
    local: datetime
    not_before: datetime
    expires_at: datetime
    expires: str
    """The end as a command has it."""


class _Slots(NamedTuple):
    """The instants of a cron in the window: those that are handed out, and those that are over."""

    handed: tuple[_Slot, ...]
    missed: tuple[datetime, ...]


class Planner:
    """Makes the runs of one asking.

    Most entries of a fleet are alike: what follows from cron, definition and stagger alone is made
    once for all of them, and remembered within bounds.
    """

    def __init__(self, window: Window, now: datetime, around: Surroundings) -> None:
        self.window = window
        self.now = now
        self.around = around
        self._times: dict[tuple[str, str], tuple[tuple[datetime, datetime], ...]] = {}
        self._slots: dict[tuple[object, ...], _Slots] = {}
        self._labels: dict[tuple[object, ...], tuple[str, ...]] = {}

    def times(self, cron: str, timezone: str) -> tuple[tuple[datetime, datetime], ...]:
        """The instants of a cron in the window, UTC and local; most entries share theirs."""
        found = self._times.get((cron, timezone))
        if found is None:
            zone = self.around.zones.get(timezone)
            assert zone is not None
            coming = iter_occurrences(parse_cron(cron), zone, self.window.start)
            times = takewhile(lambda moment: moment < self.window.end, coming)
            found = tuple((moment, moment.astimezone(zone)) for moment in times)
            if len(self._times) < _REMEMBERED:
                self._times[cron, timezone] = found
        return found

    def slots(self, timing: _Cron, late: timedelta, life: str) -> _Slots:
        """What a timing hands out where it begins so late and lives so long from then on."""
        key = (timing.cron, timing.timezone, late, life)
        found = self._slots.get(key)
        if found is not None:
            return found
        handed, missed = [], []
        times = self.times(timing.cron, timing.timezone)
        for moment, local in times:
            not_before = moment + late
            expires_at = not_before + timedelta(seconds=seconds_of(life))
            if expires_at <= self.now:
                missed.append(moment)
            else:
                written, expires = instant(moment), instant(expires_at)
                handed.append(_Slot(written, moment, local, not_before, expires_at, expires))
        found = _Slots(tuple(handed), tuple(missed))
        if len(times) <= _FEW and len(self._slots) < _REMEMBERED:
            self._slots[key] = found
        return found

    def handed(
        self, place: Place, agent: str | None, definition: ActivityDefinition, timing: _Cron
    ) -> tuple[tuple[_Slot, ...], Exclusion | None]:
        """The slots of a repository or an entry, and what is to be said of those there are not."""
        policy = definition.policy
        late = stagger(place.repo, agent or definition.id, seconds_of(policy.stagger_window))
        slots, missed = self.slots(timing, late, policy.expires_after)
        if not missed:
            if slots:
                return slots, None
            detail = f"cron {safety.show(timing.cron)} in {timing.timezone} has no time in it"
            return slots, exclude(place.repo, agent, Reason.NOT_DUE, f"{_WINDOW}{detail}")
        shown = ", ".join(instant(moment) for moment in missed[:_TOLD])
        more = f" and {len(missed) - _TOLD:,} more" if len(missed) > _TOLD else ""
        detail = f"expired by now: {shown}{more}"
        fix = "nothing if it was handed out before; else ask without gaps, or prepare it by hand"
        return slots, exclude(place.repo, agent, Reason.MISSED, detail, fix)

    def runs(
        self, place: Place, found: Runnable, sha256: str
    ) -> tuple[list[Run], Exclusion | None]:
        """The runs of an entry."""
        agent, entry, timing, definition = found
        slots, exclusion = self.handed(place, agent, definition, timing)
        runs = []
        for slot in slots:
            key = key_at(place.repo, agent, slot.written)
            argv = (
                PROGRAM, "schedule", "prepare", agent, "--target", place.path, "--run", key,
                "--definition", definition.id, "--expires-at", slot.expires,
            )  # fmt: skip
            fields = {
                **self._shared(place, definition, slot, key, argv),
                "agent": agent,
                "cadence": entry.cadence,
                "cron": timing.cron,
                "cron_origin": timing.cron_origin,
                "timezone": timing.timezone,
                "scheduled_for_utc": slot.moment,
                "review": entry.review,
                "manifest_sha256": sha256,
            }
            runs.append(Run(**fields, labels=self._labels_of(fields, definition)))
        return runs, exclusion

    def _shared(
        self,
        place: Place,
        definition: ActivityDefinition,
        slot: _Slot,
        key: str,
        argv: tuple[str, ...],
    ) -> dict[str, Any]:
        """The fields that both kinds of runs have."""
        return {
            "repo": place.repo,
            "definition": definition.id,
            "host": self.around.host,
            "path": place.path,
            "scheduled_for": slot.local,
            "not_before": slot.not_before,
            "expires_at": slot.expires_at,
            "idempotency_key": key,
            "concurrency_key": f"{self.around.host}:{place.path}",
            "argv": argv,
            "command": _command(argv),
        }

    def repo_runs(self, place: Place) -> tuple[list[RepoRun], Exclusion | None]:
        """The runs of a whole repository, at the trigger's own times."""
        definition = self.around.definition
        assert definition is not None
        slots, exclusion = self.handed(place, None, definition, definition.trigger)
        runs = []
        for slot in slots:
            argv = (PROGRAM, "metrics", "optimize", "--target", place.path)
            key = key_at(place.repo, definition.id, slot.written)
            fields = self._shared(place, definition, slot, key, argv)
            runs.append(RepoRun(**fields, labels=self._labels_of(fields, definition)))
        return runs, exclusion

    def _labels_of(
        self, fields: Mapping[str, Any], definition: ActivityDefinition
    ) -> tuple[str, ...]:
        """The labels that a definition gives a run; most runs of a fleet have the same."""
        labels, names = definition.task.labels, placeholders(definition.for_each)
        named = _named(labels, names)
        key = (labels, *[fields[name] for name in named])
        found = self._labels.get(key)
        if found is None:
            values = RunValues(fields, names)
            found = tuple(render_template(label, values) for label in labels)
            if len(self._labels) < _REMEMBERED and _OWN.isdisjoint(named):
                self._labels[key] = found
        return found


def _command(argv: tuple[str, ...]) -> str:
    """A line for a POSIX shell; that nothing in it is to be quoted is usual, and soon seen."""
    line = " ".join(argv)
    one_by_one = "" in argv or line.count(" ") >= len(argv) or not line.isascii()
    if one_by_one or line.encode("ascii").translate(None, _UNQUOTED):
        return safety.shell_line(argv)
    return line


_UNQUOTED = b" %+,-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""What `shlex.quote` leaves as it is, and the blanks between words."""

_REMEMBERED = 10_000
"""So much of a kind is remembered; a stagger of an hour has 3,600 values."""

_FEW = 24
"""Where a window holds more instants of a cron, what is handed out is made anew for each entry."""

_TOLD = 500
"""So many missed instants are told; the rest are counted."""

_WINDOW = "nothing falls into the window: "
