"""What the engine runs: an asking, the tick that starts what is due, and one task's life."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType, ParentClosePolicy

ORCHESTRATOR = "orchestrator"
"""The task queue of what stands beside the store."""

NOMINAL = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""For when a schedule started this, however late that was."""

AT_MOST = timedelta(minutes=10)
"""What stands beside the store may take so long, as long as it says that it is there."""
SILENT = timedelta(seconds=5)
"""Who says nothing for so long has died."""
RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_attempts=3,
    non_retryable_error_types=["roster", "disagreement"],
)
"""For what may die on the way; what was refused is refused again."""
PATIENT = RetryPolicy(initial_interval=timedelta(milliseconds=100))


def queue_of(host: str) -> str:
    """The task queue of a host: nobody else takes from it, so that it sees its own paths only."""
    return f"host/{host}"


async def _own(name: str, *values: Any, retry: RetryPolicy = PATIENT) -> Any:
    """Call an activity beside the store."""
    return await workflow.execute_activity(
        name, args=values, task_queue=ORCHESTRATOR, retry_policy=retry,
        start_to_close_timeout=AT_MOST, heartbeat_timeout=SILENT,
    )  # fmt: skip


@workflow.defn
class Ask:
    """One asking of one definition; ends when the tasks are stored (D11)."""

    @workflow.run
    async def run(self, definition: str, patience_s: float) -> dict[str, Any]:
        """Ask, and ask again where another asking came between.

        Args:
            definition: What asks.
            patience_s: How long a host may be silent.
        """
        patience = timedelta(seconds=patience_s)
        info = workflow.info()
        nominal = info.typed_search_attributes.get(NOMINAL) or info.start_time
        at = nominal.replace(microsecond=0).isoformat()
        while True:
            told: list[str] = []
            name = str(workflow.uuid4())
            try:
                plan: dict[str, Any] = await _own("begin_asking", definition, at, retry=RETRY)
                answers = await asyncio.gather(
                    *(self.ask(host, name, plan, told, patience) for host in plan["hosts"])
                )
                heads = [head for head in answers if head is not None]
                asking = {"name": name, "plan": plan, "told": sorted(told)}
                done = await _own("conclude_asking", asking, heads, retry=RETRY)
            except ActivityError as error:
                what = _told_of(error)
                await _own("tell", definition, at, [what])
                raise ApplicationError(what, non_retryable=True) from error
            if done != "stale":
                return {"at": at, "answered": [head["host"] for head in heads], "told": told}

    async def ask(
        self,
        host: str,
        name: str,
        plan: dict[str, Any],
        told: list[str],
        patience: timedelta,
    ) -> dict[str, Any] | None:
        """Hand a host the roster, let it answer, and fetch the pages; None where it is silent."""

        async def there(call: str, *values: Any) -> Any:
            return await workflow.execute_activity(
                call, args=values, task_queue=queue_of(host), retry_policy=RETRY,
                schedule_to_start_timeout=patience, start_to_close_timeout=patience,
                heartbeat_timeout=SILENT,
            )  # fmt: skip

        try:
            for number in range(plan["roster_parts"]):
                part = await _own("roster_part", plan["roster_sha256"], number)
                await there("take_roster", plan["roster_sha256"], number, part)
            head: dict[str, Any] = await there("resolve", name, plan)
            if head["attempt"] > 1:
                told.append(f"{host} was asked again, attempt {head['attempt']}")
            for number in range(head["pages"]):
                page = await there("page", name, number)
                await _own("keep_page", name, host, number, page)
        except ActivityError as error:
            told.append(f"{host} did not answer: {_told_of(error)}")
            return None
        return head


@workflow.defn
class Work:
    """A tick of the task store: what is due is started, and this ends."""

    @workflow.run
    async def run(self, at: str) -> list[str]:
        """Start what is due at an instant; the keys."""
        started = await _own("start_due", at, workflow.info().run_id)
        for task in started:
            try:
                await workflow.start_child_workflow(
                    WorkTask.run,
                    args=[task, at],
                    id=task["key"],
                    task_queue=ORCHESTRATOR,
                    parent_close_policy=ParentClosePolicy.ABANDON,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )
            except WorkflowAlreadyStartedError:
                what = "was started before"
                await _own("tell", task["definition"], at, [f"{task['key']} {what}"])
                await _own("close_task", task["key"], "cancelled", {"said": what})
        return [task["key"] for task in started]


@workflow.defn
class WorkTask:
    """One task, from its command to its end; its id is the task's key."""

    def __init__(self) -> None:
        self.reviewed_by = ""

    @workflow.signal
    def reviewed(self, who: str) -> None:
        """A person has looked at the result (D12)."""
        self.reviewed_by = who

    @workflow.run
    async def run(self, task: dict[str, Any], at: str) -> str:
        """Run the command on its host, and close the task; the state."""
        try:
            state, outcome = await self.work(task, at)
        except (ActivityError, asyncio.CancelledError) as error:
            if not is_cancelled_exception(error):
                raise
            # Whoever cancels it wants its place back.
            what = "was cancelled while it was worked on"
            await _own("tell", task["definition"], at, [f"{task['key']} {what}"])
            await _own("close_task", task["key"], "cancelled", {"said": what})
            raise
        await _own("close_task", task["key"], state, outcome)
        return state

    async def work(self, task: dict[str, Any], at: str) -> tuple[str, dict[str, Any]]:
        """Run the command, and let a person look at the result; the task's state, what came of it.

        The host ends a command that takes too long, so that nothing runs in a place that is free;
        the engine's own limit is for a host that does not.
        """
        limit = timedelta(seconds=task["timeout_s"])
        try:
            outcome: dict[str, Any] = await workflow.execute_activity(
                "run_command",
                args=[task["argv"], at, task["timeout_s"]],
                task_queue=queue_of(task["host"]),
                start_to_close_timeout=limit + AT_MOST,
                heartbeat_timeout=SILENT,
                retry_policy=RETRY,
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            outcome = {"code": None, "said": _told_of(error), "attempt": 0}
        if outcome["attempt"] != 1:
            what = f"{task['key']}: its command was begun again, or never ended"
            await _own("tell", task["definition"], at, [what])
        state = "finished" if outcome["code"] == 0 else "cancelled"
        if state == "finished" and task["review"] == "required":
            await _own("close_task", task["key"], "in-review", outcome)
            await workflow.wait_condition(lambda: bool(self.reviewed_by))
            outcome = {"reviewed_by": self.reviewed_by}
        return state, outcome


def _told_of(error: ActivityError) -> str:
    """The innermost thing that an activity's failure says."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause)


WORKFLOWS = (Ask, Work, WorkTask)
