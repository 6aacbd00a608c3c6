"""Sends a reviewer's command to a running month as a Temporal update, and prints the answer."""

import uuid
from collections.abc import Sequence
from typing import Any

import typer

from billing.commands import parse_command
from billing.errors import BillingError, NotFound
from billing.invoices.commands import COMMANDS
from billing.period import Period
from bootstrap_ledger import connect_temporal
from cli.terminal.options import CollectionOptions, CommandOptions
from cli.terminal.output import print_json, say
from settings import load_settings


async def send(options: CommandOptions, name: str, period: Period, fields: dict[str, Any]) -> None:
    """Sends the command and prints its answer."""
    print_answers(options, [await ask(options, name, period, fields)])


async def ask(options: CommandOptions, name: str, period: Period, fields: dict[str, Any]) -> dict[str, Any]:
    """Sends the command; its answer, as ``--json`` prints it."""
    from clients.month_commands import Unanswered, send_command

    command_id = options.command_id or uuid.uuid4().hex
    common = {"by": options.by, "reason": options.reason, "command_id": command_id, "period": period, "via": "cli"}
    command = parse_command(name, [common | fields], COMMANDS)
    client = await connect_temporal(load_settings())
    try:
        result = await send_command(client, options.customer_id, command, options.timeout)
    except NotFound as error:
        raise NotFound(f"{error}; start it with: python starter.py start {options.customer_id}") from None
    except Unanswered as error:
        raise BillingError(
            f"{error}; start a worker, then repeat it with --period {period} --command-id {command_id}: "
            "with the same id it takes effect once only"
        ) from None
    return {"customer_id": options.customer_id, "command": name, "command_id": command_id, **dict(result)}


def print_answers(options: CommandOptions | CollectionOptions, answers: Sequence[dict[str, Any]]) -> None:
    """Prints the answers, in JSON as one document: the first, with those to the commands after it in ``then``.

    A refusal is an error, or with ``--json`` exit code 1.
    """
    first, *then = answers
    if options.as_json:
        print_json(first | ({"then": then} if then else {}))
    for answer in answers:
        name = ", ".join(filter(None, (options.customer_id, answer["period"])))
        text = f"{name}: {'' if answer['accepted'] else 'refused: '}{answer['result']}"
        if not options.as_json and not answer["accepted"]:
            raise BillingError(text)
        if not options.as_json:
            say(text)
    if not all(answer["accepted"] for answer in answers):
        raise typer.Exit(1)
