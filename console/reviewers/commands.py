"""Sends reviewers' commands from the console: Temporal updates, like those of the command line."""

from temporalio.client import Client

from billing.commands import Command, CommandResult
from clients import month_commands

PATIENCE_SECONDS = 20.0  # less than browsers and proxies wait


async def send(client: Client, customer_id: str, command: Command) -> CommandResult:
    """The month's answer, accepted or refused; with the same ``command_id`` it takes effect once only.

    Raises ``NotFound``, ``InvalidInput`` and ``Unanswered``, as ``clients.month_commands`` does.
    """
    return await month_commands.send_command(client, customer_id, command, PATIENCE_SECONDS)
