"""The two processes that an order goes through, each of which kills itself at one boundary, as a crash would.

The console takes the seller's order and the gateway's callbacks. The worker delivers events, to production and
provisioning too, and runs workflows. What a process knows at a boundary, and nobody else does, is lost with it.
"""

import asyncio
import logging
import multiprocessing
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

from fastapi import FastAPI
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

import worker
from bootstrap import (
    SANDBOX_ORDERS_SECRET,
    Adapters,
    connect_adapters,
    connect_digest_trigger,
    connect_dispatcher,
    connect_temporal,
)
from bootstrap_gateways import connect_gateways
from inbound.inbox import Inbox
from inbound.orders import Orders
from inbound.wayforpay_callbacks import WayForPayCallbacks
from sandbox.stack.stand_ins import serve
from settings import Settings
from tests.crash.worker import Activities, Boundaries, OnQueue, Port, Workflows
from workflows.options import TASK_QUEUE

_PORTS = ("ledger", "production", "provisioning", "texts")
AGAIN = timedelta(seconds=2)
"""How long an event belongs to a worker that has died."""


def console(settings: Settings, address: str, task_queue: str, port: int, fatal: str) -> None:
    run(_console(settings, port, boundaries_of(settings, "console", fatal)))


def working(settings: Settings, address: str, task_queue: str, port: int, fatal: str) -> None:
    run(serve_worker(settings, address, task_queue, boundaries_of(settings, "worker", fatal)))


def boundaries_of(settings: Settings, process: str, fatal: str) -> Boundaries:
    """Those of the process, whose log is beside them in the data folder."""
    with (settings.data_dir / f"{process}.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s")
    folder = settings.data_dir / process
    folder.mkdir(exist_ok=True)
    return Boundaries(folder, fatal)


def run(serving: Any) -> None:
    """Until the test ends."""

    async def until_orphaned() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)
        await serving

    asyncio.run(until_orphaned())


def breakable(adapters: Adapters, boundaries: Boundaries, names: tuple[str, ...] = _PORTS) -> Adapters:
    """The same, and the calls of these ends with a boundary."""
    ports: dict[str, Any] = {
        name: Port(name, adapter, boundaries) for name in names if (adapter := getattr(adapters, name)) is not None
    }
    return replace(adapters, **ports)


async def _console(settings: Settings, port: int, boundaries: Boundaries) -> None:
    async with connect_adapters(settings) as connected:
        adapters = breakable(connected, boundaries)
        gateways = connect_gateways(settings, adapters)
        inbox = Inbox(adapters.ledger, adapters.payments, None, None, gateways)  # type: ignore[arg-type]
        app = FastAPI(openapi_url=None)
        callbacks = WayForPayCallbacks(gateways, inbox, settings.now)
        orders = Orders(adapters.ledger, [SANDBOX_ORDERS_SECRET], settings.now)
        app.router.routes += [*callbacks.router.routes, *orders.router.routes]
        async with serve(app, port):
            await asyncio.Event().wait()


async def serve_worker(settings: Settings, address: str, task_queue: str, boundaries: Boundaries) -> None:
    def breakable_worker(client: Client, *, interceptors: list[Interceptor], **arguments: Any) -> Worker:
        changed = arguments | {
            "task_queue": arguments["task_queue"].replace(TASK_QUEUE, task_queue),
            "interceptors": [Activities(boundaries), *interceptors],
            "workflow_runner": Workflows(boundaries=boundaries, task_queue=task_queue),
            "build_id": "crash",
            "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        }
        return Worker(client, **changed)

    async with connect_adapters(settings) as connected:
        adapters = breakable(connected, boundaries)
        found = await connect_temporal(settings, address)
        client = Client(**found.config() | {"interceptors": [OnQueue(task_queue)]})
        with mock.patch.object(worker, "Worker", breakable_worker):
            serving = worker.create_worker(client, settings, adapters)
        dispatcher = connect_dispatcher(settings, adapters, client, connect_digest_trigger(settings, client))
        dispatcher._claim = AGAIN
        async with dispatcher.open(), serving:
            await asyncio.Event().wait()
