"""Says a command to a running month, or asks it: an update in short calls, all with one id, takes effect once only.

answer = await send_command(client, "acme", Halt(by="ann", reason="row 7", command_id=uuid4().hex), patience_seconds=20)
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode

from billing.commands import Command, CommandResult, command_name, content_of
from billing.errors import BillingError, InvalidInput, NotFound
from billing.invoices.commands import COMMANDS
from clients.running_workflows import is_missing
from clients.start import handle_for

PAGE_PATIENCE_SECONDS = 20.0  # less than browsers and proxies wait
_CALL_TIMEOUT = timedelta(seconds=2)
T = TypeVar("T")


class Unanswered(BillingError):
    """No worker has answered. The command may still take effect: only a repeat with the same id tells, and is safe."""


async def send_command(client: Client, customer_id: str, command: Command, patience_seconds: float) -> CommandResult:
    """The month's answer, accepted or refused. A repeat with the same ``command_id`` gets the first answer again.

    Raises ``NotFound`` if no chain of the customer runs, ``InvalidInput`` if the workflow cannot read the command or
    takes none because it is paused, and ``Unanswered`` after ``patience_seconds``.
    """
    assert command.command_id, "without an id, a repeat could take effect twice"
    give_up_at = time.monotonic() + patience_seconds
    while (left := give_up_at - time.monotonic()) > 0:
        try:
            timeout = min(_CALL_TIMEOUT, timedelta(seconds=left))
            return await update_month(client, customer_id, command, _update_id(command), timeout)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            if (task := asyncio.current_task()) and task.cancelling():  # the SDK does not tell the two apart
                raise asyncio.CancelledError from None
        except WorkflowUpdateFailedError as error:
            raise InvalidInput(f"{customer_id}: refused: {error.cause}") from error
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                raise InvalidInput(
                    f"{customer_id}: {error.message} python starter.py doctor says what to do"
                ) from error
            if not is_missing(error):
                raise
            raise NotFound(f"no running workflow for {customer_id}") from error
    raise Unanswered(f"{customer_id}: no worker answers within {patience_seconds:g} s, but it may still take effect")


def _update_id(command: Command) -> str:
    """The same for the same command only: of an id that it has seen, Temporal answers the first without asking us."""
    return f"{command.command_id}-{content_of(command)}"


async def query_month(handle: WorkflowHandle[Any, Any], query: Callable[[Any], T], patience: timedelta) -> T:
    """A query's answer. Raises ``Unanswered``: no worker, no such workflow, or it is paused."""
    try:
        return await handle.query(query, rpc_timeout=patience)
    except (TemporalError, ValueError) as error:  # ValueError: the SDK has no word for the status of a paused one
        raise Unanswered(f"{handle.id} does not answer: {error}") from None


async def update_month(
    client: Client, customer_id: str, command: Command, update_id: str | None = None, timeout: timedelta | None = None
) -> CommandResult:
    """One call, with what Temporal raises. A repeat with the same ``update_id`` gets the first answer again."""
    answer: CommandResult = await handle_for(client, customer_id).execute_update(
        command_name(command, COMMANDS), command, id=update_id, result_type=CommandResult, rpc_timeout=timeout
    )
    return answer
