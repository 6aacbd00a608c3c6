"""What people can say to a running month: each command as a signal and as an update, over one code path.

Signals are fire and forget (the Temporal UI and ``temporal workflow signal`` send them) and take anything: what cannot
be read is recorded, and an unreadable halt halts. Updates are answered at once (the CLI sends them).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from billing.errors import InvalidInput
from billing.invoices.commands import COMMAND_MAX_BYTES, COMMANDS, Command, CommandResult, parse_command
from billing.invoices.month import Month
from billing.invoices.review import decide, halt_unreadable


def update(name: str, description: str, kinds: Mapping[str, type[Command]] = COMMANDS) -> Any:
    """A validated update that hands a command of ``kinds`` to the class's ``_receive``."""

    @workflow.update(name=name, description=description)
    def receive(self: Any, *arguments: Any) -> Any:
        return self._receive(name, arguments, "update")

    @receive.validator
    def check(self: Any, *arguments: Any) -> None:
        parse_command(name, arguments, kinds)

    return receive


class CommandHandlers:
    """Handlers only validate and record: they change ``_month`` and return; ``run`` acts on it."""

    _month: Month

    halt = update("halt", "Stop the clock: {by, reason}")
    resume = update("resume", "Let the month go on: {by, reason}")
    edit = update("edit", "Change lines: {by, reason, period, version, changes: [{op, ...}]}")
    approve = update("approve", "Approve what you saw: {by, reason, digest}")
    skip = update("skip", "Close the month without a charge: {by, reason}")
    close_account = update("close_account", "End the chain after this month: {by, reason}")
    update_customer = update("update_customer", "Change the customer: {by, reason, changes: {...}}")

    @workflow.signal(dynamic=True)
    def signalled(self, name: str, payloads: Sequence[RawValue]) -> None:
        """One handler for every signal: the SDK drops a signal for a named one if its payload cannot be decoded."""
        self._receive(name, [decoded(value) for value in payloads], "signal")

    @workflow.query(description="The month as it stands: invoice, decisions, what is due")
    def invoice(self) -> Month:
        return self._month

    def _receive(self, name: str, arguments: Sequence[object], via: str) -> CommandResult:
        now = workflow.now()
        try:
            command = parse_command(name, arguments)
        except InvalidInput as error:
            self._month, decision = halt_unreadable(self._month, name, str(error), now, via)
        else:
            self._month, decision = decide(self._month, command, now, via)
        return CommandResult(
            accepted=decision.accepted,
            refusal=decision.refusal,
            result=decision.result,
            stage=self._month.stage(now),
            period=self._month.period,
        )


def decoded(value: RawValue) -> object:
    """What was sent, or words about it; never an error. What is too large stays as it came, and is refused for that.

    Hundreds of large signals may arrive for one workflow task, which has two seconds.
    """
    if len(value.payload.data) > COMMAND_MAX_BYTES:
        return value.payload.data
    try:
        return workflow.payload_converter().from_payload(value.payload)
    except Exception as error:  # whatever a converter makes of what a stranger sent
        return f"a payload that cannot be decoded ({type(error).__name__})"
