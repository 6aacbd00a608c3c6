"""The three processes that a service order goes through, as they are in production; each kills itself at one boundary.

``python -m inbound`` takes the request and the bank's money, the console has the departments' pages, the worker runs
workflows; console and worker deliver the outbox. Boundaries are before and after each commit, before each event that is
told, after each call to provisioning and to the vendor of texts, and around each activity and workflow task.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from types import ModuleType
from typing import Any
from unittest import mock

from argon2 import PasswordHasher
from sqlalchemy import Connection
from temporalio.client import Client

import bootstrap
import bootstrap_services
import console.__main__ as console_process
import inbound.__main__ as inbound_process
from adapters import passwords
from adapters.sql.core.database import SqlDatabase
from billing.events.event import OutgoingEvent
from bootstrap import Adapters, connect_adapters, connect_temporal
from services.events.dispatcher import EventDispatcher
from services.messages import customer_texts
from settings import Settings
from tests.crash.order_processes import AGAIN, boundaries_of, breakable, run, serve_worker
from tests.crash.worker import Boundaries, OnQueue

_OUTSIDE = ("provisioning", "texts")
_NAME = re.compile(r"\S*\d\S*")


def inbound(settings: Settings, address: str, task_queue: str, ports: dict[str, int], fatal: str) -> None:
    own = settings.model_copy(update={"inbound_port": ports["inbound"]})
    boundaries = _watched(own, "inbound", fatal)
    with _embedded(inbound_process, own, address, task_queue, boundaries):
        run(inbound_process.serve(own))


def console(settings: Settings, address: str, task_queue: str, ports: dict[str, int], fatal: str) -> None:
    own = settings.model_copy(update={"console_port": ports["console"]})
    vars(passwords)["PasswordHasher"] = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    boundaries = _watched(own, "console", fatal)
    with _embedded(console_process, own, address, task_queue, boundaries):
        run(console_process.main())


def working(settings: Settings, address: str, task_queue: str, ports: dict[str, int], fatal: str) -> None:
    run(serve_worker(settings, address, task_queue, _watched(settings, "worker", fatal)))


@contextmanager
def _embedded(
    process: ModuleType, settings: Settings, address: str, task_queue: str, boundaries: Boundaries
) -> Iterator[None]:
    """The process as it is started in production, with these settings, this server and breakable adapters."""

    @asynccontextmanager
    async def adapters(_: Settings) -> AsyncIterator[Adapters]:
        async with connect_adapters(settings) as connected:
            yield breakable(connected, boundaries, _OUTSIDE)

    async def temporal(_: Settings, lazy: bool = False) -> Client:
        client = await connect_temporal(settings, address, lazy=lazy)
        return Client(**client.config() | {"interceptors": [OnQueue(task_queue)]})

    with (
        mock.patch.object(process, "connect_adapters", adapters),
        mock.patch.object(process, "connect_temporal", temporal),
        mock.patch.object(process, "load_settings", return_value=settings),
    ):
        yield


def _watched(settings: Settings, process: str, fatal: str) -> Boundaries:
    """The boundaries of this process, which from now on has them at each commit and each event."""
    boundaries = boundaries_of(settings, process, fatal)
    SqlDatabase._writing = _watching(SqlDatabase._writing, boundaries)  # type: ignore[method-assign]
    customer_texts._SENDING = AGAIN  # until another process looks up what became of a text

    class Watched(EventDispatcher):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._claim = AGAIN

        async def _sent(self, event: OutgoingEvent) -> tuple[str | None, timedelta | None, bool]:
            boundaries.reach(f"before telling {event.destination} {event.type}")
            return await super()._sent(event)

    for module in (bootstrap, bootstrap_services):
        vars(module)["EventDispatcher"] = Watched
    return boundaries


def _watching(writing: Callable[..., Any], boundaries: Boundaries) -> Callable[..., Any]:
    """A transaction that ends between two boundaries. They are named by what it does, without the names in that."""

    @contextmanager
    def watched(ledger: SqlDatabase, doing: str) -> Iterator[Connection]:
        name = _NAME.sub("…", doing)
        with writing(ledger, doing) as connection:
            yield connection
            boundaries.reach(f"before commit: {name}")
        boundaries.reach(f"after commit: {name}")

    return watched
