"""A bare workflow of the naive shape: four activities that do nothing, two timers, one continue-as-new a month.

    python -m benchmarks.months.bare    serves it until SIGTERM, by TEMPORAL_ADDRESS; what an engine costs without a job

Its worker has the product's own options and data converter.
"""

import asyncio
import signal
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bootstrap import connect_temporal
from settings import load_settings

TASK_QUEUE = "bare"
READY = "bare worker ready"
TIMERS = (timedelta(days=3), timedelta(days=4))
NO_TIME = (timedelta(milliseconds=1),) * 2
"""For a run in which no time is skipped: what skipping it costs the server is the difference."""
_TIMEOUT = timedelta(minutes=1)


@activity.defn
async def collect(customer_id: str) -> str:
    return customer_id


@activity.defn
async def notify(customer_id: str) -> str:
    return customer_id


@activity.defn
async def charge(customer_id: str) -> str:
    return customer_id


@activity.defn
async def close(customer_id: str) -> str:
    return customer_id


@workflow.defn
class BareMonth:
    """``months`` months, each a run; the run after the last one waits forever, as the product's next month does."""

    @workflow.run
    async def run(self, customer_id: str, months: int, timers: list[timedelta]) -> None:
        await workflow.wait_condition(lambda: months > 0)
        await workflow.execute_activity(collect, customer_id, start_to_close_timeout=_TIMEOUT)
        await workflow.sleep(timers[0])
        await workflow.execute_activity(notify, customer_id, start_to_close_timeout=_TIMEOUT)
        await workflow.sleep(timers[1])
        await workflow.execute_activity(charge, customer_id, start_to_close_timeout=_TIMEOUT)
        await workflow.execute_activity(close, customer_id, start_to_close_timeout=_TIMEOUT)
        workflow.continue_as_new(args=[customer_id, months - 1, timers])


async def _main() -> None:
    client: Client = await connect_temporal(load_settings())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    activities = [collect, notify, charge, close]
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareMonth],
        activities=activities,
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=2000,
    ):
        print(READY, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main())
