"""When a cron fires: by the library, and by an engine that is asked about a paused Schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
)

from kaizen_schedule.edges.packaged import definitions, zones
from kaizen_schedule.planning.cron import parse_cron
from kaizen_schedule.planning.definitions import Trigger
from kaizen_schedule.planning.recurrence import iter_occurrences
from kaizen_schedule.planning.tasks import TemporalSchedule, temporal_schedule

Span = tuple[datetime, datetime]
"""From, until before; UTC."""

TIMES_PER_ANSWER = 1_000
"""So many the engine gives at once."""
SECOND = timedelta(seconds=1)


def library_fires(text: str, name: str, *spans: Span) -> list[datetime]:
    """When the library says that a cron fires in a zone."""
    zone, cron = zones().get(name), parse_cron(text)
    assert zone is not None
    return [
        moment
        for start, end in spans
        for moment in takewhile(before(end), iter_occurrences(cron, zone, start))
    ]


def before(end: datetime) -> Callable[[datetime], bool]:
    """Whether an instant is before this one."""
    return lambda moment: moment < end


def rendered(cron: str, zone: str) -> TemporalSchedule:
    """What `schedule definitions --format temporal` gives for a trigger, right or not."""
    return temporal_schedule(replace(definitions()[0], trigger=Trigger(cron=cron, timezone=zone)))


def schedule_of(data: TemporalSchedule) -> Schedule:
    """The engine's Schedule; it is paused, and what it would start exists nowhere."""
    assert data.paused
    return Schedule(
        action=ScheduleActionStartWorkflow("none", id="none", task_queue="none"),
        spec=ScheduleSpec(
            cron_expressions=list(data.cron_expressions),
            time_zone_name=data.time_zone_name,
            jitter=timedelta(seconds=data.jitter),
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy[data.overlap.upper()],
            catchup_window=timedelta(seconds=data.catchup_window),
        ),
        state=ScheduleState(paused=True, note=data.note),
    )


async def matching_times(client: Client, schedule: str, span: Span) -> list[datetime]:
    """When the engine says that a Schedule fires within a span.

    One answer holds so many times at most, without a word about those left out; and the start is no
    part of what is asked for.
    """
    found: list[datetime] = []
    request = ListScheduleMatchingTimesRequest(namespace=client.namespace, schedule_id=schedule)
    request.start_time.FromDatetime(span[0] - SECOND)
    request.end_time.FromDatetime(span[1] - SECOND)
    while True:
        answer = await client.workflow_service.list_schedule_matching_times(request)
        times = [stamp.ToDatetime(tzinfo=UTC) for stamp in answer.start_time]
        found += times
        # Were it fewer one day, times would be missing, and each of them told as a mismatch.
        if len(times) < TIMES_PER_ANSWER:
            return found
        request.start_time.FromDatetime(times[-1])


async def read_by_engine(
    client: Client, name: str, crons: Sequence[str], field: str
) -> list[frozenset[int]]:
    """The values that the engine reads in one field of each of some crons."""
    data = replace(rendered("0 9 * * *", "UTC"), cron_expressions=tuple(crons))
    handle = await client.create_schedule(name, schedule_of(data))
    held = (await handle.describe()).schedule.spec.calendars
    await handle.delete()
    return [
        frozenset(
            value
            for part in getattr(calendar, field)
            for value in range(part.start, max(part.start, part.end) + 1, part.step or 1)
        )
        for calendar in held
    ]


async def put(
    client: Client, name: str, handle: ScheduleHandle | None, data: TemporalSchedule
) -> ScheduleHandle:
    """Make a Schedule, or change the one that is there."""
    schedule = schedule_of(data)
    if handle is None:
        return await client.create_schedule(name, schedule)
    await handle.update(lambda _: ScheduleUpdate(schedule))
    return handle
