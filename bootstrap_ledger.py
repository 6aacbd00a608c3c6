"""The ledger and Temporal alone: all that commands need which only look. Nothing else is imported for them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client
    from temporalio.runtime import Runtime

    from adapters.sql.ledger import SqlLedger
    from clients.running_workflows import RunningWorkflows
    from settings import Settings

SANDBOX_NAMESPACE = "sandbox"


@asynccontextmanager
async def connect_ledger(settings: Settings) -> AsyncIterator[SqlLedger]:
    """The ledger alone; closes it at the end."""
    from adapters.sql.ledger import SqlLedger

    parts = settings.destinations, settings.manual_department, settings.crews
    ledger = await SqlLedger.connect(settings.ledger, *parts)
    try:
        yield ledger
    finally:
        await ledger.close()


async def connect_temporal(
    settings: Settings, address: str = "", runtime: Runtime | None = None, *, lazy: bool = False
) -> Client:
    """A client by Temporal's own configuration (127.0.0.1:7233 by default), or to the server at ``address``.

    The sandbox has its own namespace, which exists on the embedded server only: a worker or a command without
    settings never reaches production. Raises ``BillingError`` if no server answers, or the namespace is missing. A
    ``lazy`` client connects at its first call.
    """
    from process.temporal import connect

    return await connect(SANDBOX_NAMESPACE if settings.sandbox else "", address, runtime, lazy)


async def connect_running_workflows(settings: Settings) -> RunningWorkflows:
    """What runs at Temporal. Raises as ``connect_temporal``."""
    from clients.running_workflows import RunningWorkflows

    return RunningWorkflows(await connect_temporal(settings))
