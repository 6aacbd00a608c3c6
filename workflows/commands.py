"""What people can say to a running month: each command as a signal and as an update, over one code path.

Signals are fire and forget (the Temporal UI and ``temporal workflow signal`` send them) and take anything: what cannot
be read is recorded, and an unreadable halt halts. Updates are answered at once (the CLI sends them).
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from billing.errors import InvalidInput
from billing.messages import CommandResult, parse_command
from billing.month import Month
from billing.review import decide, halt_unreadable


def _signal(name: str, description: str) -> Callable[..., None]:
    @workflow.signal(name=name, description=description)
    def receive(self: Any, *arguments: Any) -> None:
        self._receive(name, arguments, "signal")

    return receive


def _update(name: str, description: str) -> Any:
    @workflow.update(name=name, description=description)
    def receive(self: Any, *arguments: Any) -> CommandResult:
        result: CommandResult = self._receive(name, arguments, "update")
        return result

    @receive.validator
    def check(self: Any, *arguments: Any) -> None:
        parse_command(name, arguments)

    return receive


class CommandHandlers:
    """Handlers only validate and record: they change ``_month`` and return; ``run`` acts on it."""

    _month: Month

    signal_halt = _signal("halt", "Stop the clock: {by, reason}")
    signal_resume = _signal("resume", "Let the month go on: {by, reason}")
    signal_edit = _signal("edit", "Change lines: {by, reason, version, changes: [{op, ...}]}")
    signal_approve = _signal("approve", "Approve what you saw: {by, reason, digest}")
    signal_skip = _signal("skip", "Close the month without a charge: {by, reason}")
    signal_close_account = _signal("close_account", "End the chain after this month: {by, reason}")
    signal_update_customer = _signal("update_customer", "Change the customer: {by, reason, changes: {...}}")

    halt = _update("halt", "Stop the clock: {by, reason}")
    resume = _update("resume", "Let the month go on: {by, reason}")
    edit = _update("edit", "Change lines: {by, reason, version, changes: [{op, ...}]}")
    approve = _update("approve", "Approve what you saw: {by, reason, digest}")
    skip = _update("skip", "Close the month without a charge: {by, reason}")
    close_account = _update("close_account", "End the chain after this month: {by, reason}")
    update_customer = _update("update_customer", "Change the customer: {by, reason, changes: {...}}")

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, arguments: Sequence[RawValue]) -> None:
        self._receive(name, arguments, "signal")

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
            result=decision.result,
            stage=self._month.stage(now),
            period=self._month.period,
        )
