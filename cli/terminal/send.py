"""Sends a reviewer's command to a running month as a Temporal update, and prints the answer."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import typer
from temporalio.client import Client

from billing.commands import Command, CommandResult, parse_command
from billing.errors import BillingError, NotFound
from billing.invoices.commands import COMMANDS
from billing.period import Period
from bootstrap import connect_temporal
from cli.terminal.output import print_json, say
from clients.month_commands import Unanswered
from clients.month_commands import send_command as tell
from settings import load_settings


class CommandOptions(NamedTuple):
    """What all commands have in common."""

    customer_id: str
    by: str
    reason: str
    command_id: str
    timeout_seconds: float
    as_json: bool


async def send(said: CommandOptions, name: str, period: Period, fields: dict[str, Any]) -> None:
    """Sends the command and prints its answer; a refusal is an error, or with ``--json`` exit code 1."""
    answer(said, [await ask(said, name, period, fields)])


async def ask(said: CommandOptions, name: str, period: Period, fields: dict[str, Any]) -> dict[str, Any]:
    """Sends the command; its answer, as ``--json`` prints it."""
    command_id = said.command_id or uuid.uuid4().hex
    common = {"by": said.by, "reason": said.reason, "command_id": command_id, "period": period, "via": "cli"}
    command = parse_command(name, [common | fields], COMMANDS)
    result = await _answer(await connect_temporal(load_settings()), said, command, period)
    return {"customer_id": said.customer_id, "command": name, "command_id": command_id, **dict(result)}


def answer(said: CommandOptions, answers: Sequence[dict[str, Any]]) -> None:
    """Prints the answers, in JSON as one document: the first, with those to what followed from it in ``then``."""
    first, *then = answers
    if said.as_json:
        print_json(first | ({"then": then} if then else {}))
    for each in answers:
        text = f"{said.customer_id}, {each['period']}: {'' if each['accepted'] else 'refused: '}{each['result']}"
        if not said.as_json and not each["accepted"]:
            raise BillingError(text)
        if not said.as_json:
            say(text)
    if not all(each["accepted"] for each in answers):
        raise typer.Exit(1)


async def _answer(client: Client, said: CommandOptions, command: Command, period: Period) -> CommandResult:
    try:
        return await tell(client, said.customer_id, command, said.timeout_seconds)
    except NotFound as error:
        raise NotFound(f"{error}; start it with: python starter.py start {said.customer_id}") from None
    except Unanswered as error:
        raise BillingError(
            f"{error}; start a worker, then repeat it with --period {period} --command-id {command.command_id}: "
            "with the same id it takes effect once only"
        ) from None
