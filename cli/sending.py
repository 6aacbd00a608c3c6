"""Sends a reviewer's command to a running month as a Temporal update, and prints the answer."""

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any, NamedTuple

import typer
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from billing.errors import BillingError, NotFound
from billing.messages import Command, CommandResult, command_name, parse_command
from billing.period import Period
from bootstrap import connect_temporal
from cli.output import print_json, say
from settings import load_settings
from workflows.start import handle_for

CALL_TIMEOUT = timedelta(seconds=2)


class Said(NamedTuple):
    """What all commands have in common."""

    customer_id: str
    by: str
    reason: str
    command_id: str
    timeout_seconds: float
    as_json: bool


async def send(said: Said, name: str, period: Period, fields: dict[str, Any]) -> None:
    """Sends the command and prints its answer; a refusal is an error, or with ``--json`` exit code 1."""
    command_id = said.command_id or uuid.uuid4().hex
    common = {"by": said.by, "reason": said.reason, "command_id": command_id, "period": period, "via": "cli"}
    command = parse_command(name, [common | fields])
    result = await _answer(await connect_temporal(load_settings()), said, command, period)
    if said.as_json:
        print_json({"customer_id": said.customer_id, "command": name, "command_id": command_id, **dict(result)})
    elif result.accepted:
        say(f"{said.customer_id}, {result.period}: {result.result}")
    else:
        raise BillingError(f"{said.customer_id}, {result.period}: refused: {result.result}")
    if not result.accepted:
        raise typer.Exit(1)


async def _answer(client: Client, said: Said, command: Command, period: Period) -> CommandResult:
    """Asks in short calls, all with one update id: one long call could not be given up."""
    handle = handle_for(client, said.customer_id)
    give_up_at = time.monotonic() + said.timeout_seconds
    while (left := give_up_at - time.monotonic()) > 0:
        try:
            answer: CommandResult = await handle.execute_update(
                command_name(command),
                command,
                id=command.command_id,
                result_type=CommandResult,
                rpc_timeout=min(CALL_TIMEOUT, timedelta(seconds=left)),
            )
            return answer
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            if (task := asyncio.current_task()) and task.cancelling():  # Ctrl-C; the SDK does not tell the two apart
                raise asyncio.CancelledError from None
        except WorkflowUpdateFailedError as error:
            raise BillingError(f"{said.customer_id}: refused: {error.cause}") from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or "namespace" in error.message.lower():
                raise
            raise NotFound(
                f"no running workflow for {said.customer_id}; start it with: python starter.py start {said.customer_id}"
            ) from error
    raise BillingError(
        f"{said.customer_id}: no worker answers within {said.timeout_seconds:g} s, but the command may still take "
        f"effect; start a worker, then repeat it with --period {period} --command-id {command.command_id}: "
        "with the same id it takes effect once only"
    )
