"""Reviewers of a rehearsal: those of the script, and a default one for whatever the script leaves open.

What waits for a person is decided inside the activity that reports it: a clock does not move while an activity runs, so
the decision comes at that very instant, and a rehearsal is the same each time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from temporalio import activity
from temporalio import client as client_side
from temporalio import worker as worker_side
from temporalio.client import Client

from billing.commands import Command, Halt, Resume
from billing.errors import InvalidInput
from billing.invoices.commands import Approve, CloseAccount, Edit, Skip
from billing.invoices.month import Month
from billing.money import parse_amount
from billing.period import Period
from clients.month_commands import update_month
from clients.start import handle_for
from sandbox.rehearsal.script import Script, ScriptedAction, ScriptedCommand
from services import clock

NOBODY = "rehearsal"
"""The default reviewer, in the audit trail of the private ledger."""
_TRIES = 3  # of a decision that does not unblock a month
_THEN = "; then "
_PLAIN: dict[ScriptedAction, type[Command]] = {
    ScriptedAction.HALT: Halt,
    ScriptedAction.RESUME: Resume,
    ScriptedAction.SKIP: Skip,
    ScriptedAction.CLOSE: CloseAccount,
}


class PersonNeeded(NamedTuple):
    """A month that waited for a person: since when, why, and what was done; of several times, in their order."""

    customer_id: str
    period: Period
    at: datetime
    why: str
    did: str


class MonthWatch(client_side.Interceptor, worker_side.Interceptor):
    """Sees each month close, and each alert, until the month ``last``; ``on_closed`` is called for each that closes."""

    def __init__(self, script: Script, last: Period, on_closed: Callable[[], None] = lambda: None) -> None:
        self.closed: dict[tuple[str, Period], Month] = {}
        self.waiting: dict[str, Month] = {}  # by customer, the month that nobody unblocks
        self.client: Client | None = None
        self._script = script
        self._last = last
        self._on_closed = on_closed
        self._tries: dict[tuple[str, Period], int] = {}
        self._needs: dict[tuple[str, Period], PersonNeeded] = {}

    @property
    def needs(self) -> list[PersonNeeded]:
        """One for each month that waited for a person."""
        return list(self._needs.values())

    def intercept_activity(
        self, next: worker_side.ActivityInboundInterceptor
    ) -> worker_side.ActivityInboundInterceptor:
        return _Inbound(next, self)

    def is_closed(self, month: Month) -> None:
        key = month.customer.customer_id, month.period
        if key not in self.closed and month.period <= self._last:
            self.closed[key] = month
            self._on_closed()

    async def is_alerted(self, month: Month, now: datetime) -> None:
        """Decides what waits for a person, unless the script will."""
        key, waits_for = (month.customer_id, month.period), month.waits_for(now)
        if waits_for is None or month.is_closed or month.period > self._last:
            return
        why = waits_for.text
        planned = Month.open(month.customer, month.period)
        scripted = self._script.commands_for(month.customer.customer_id)
        if any(command.period in (None, month.period) and command.instant(planned) > now for command in scripted):
            return self._note(month, now, why, "left to the script")
        self._tries[key] = tries = self._tries.get(key, 0) + 1
        command = self._decision(month) if tries <= _TRIES else None
        assert self.client is not None
        if command is None:
            self._note(month, now, why, "left waiting; later months are not rehearsed")
            self.waiting[key[0]] = month
            await handle_for(self.client, key[0]).terminate("a rehearsed month that nobody unblocks")
            return None
        answer = await update_month(self.client, key[0], command)
        did = "approved" if isinstance(command, Approve) else "skipped"
        return self._note(month, now, why, did if answer.accepted else f"{did} in vain: {answer.result}")

    def _decision(self, month: Month) -> Command | None:
        waits_for_approval = month.stopped is None and month.outage is None
        default = self._script.otherwise.approval if waits_for_approval else self._script.otherwise.stopped
        by, reason = NOBODY, "nobody is scripted to decide"
        if default == "approve" and month.invoice is not None and not month.awaits_amount:
            return Approve(by=by, reason=reason, period=month.period, digest=month.invoice.digest)
        return None if default == "wait" else Skip(by=by, reason=reason, period=month.period)

    def _note(self, month: Month, now: datetime, why: str, did: str) -> None:
        key = month.customer.customer_id, month.period
        before = self._needs.get(key)
        if before is None:
            self._needs[key] = PersonNeeded(*key, now, why, did)
        else:
            self._needs[key] = before._replace(why=_then(before.why, why), did=_then(before.did, did))


def _then(text: str, more: str) -> str:
    """``text`` and what came after it; a repeat is left out."""
    return text if f"{_THEN}{text}".endswith(f"{_THEN}{more}") else f"{text}{_THEN}{more}"


class _Inbound(worker_side.ActivityInboundInterceptor):
    def __init__(self, next: worker_side.ActivityInboundInterceptor, watching: MonthWatch) -> None:
        super().__init__(next)
        self._watching = watching

    async def execute_activity(self, input: worker_side.ExecuteActivityInput) -> Any:
        result = await super().execute_activity(input)
        match activity.info().activity_type, *input.args:
            case "close_month", Month() as month:
                self._watching.is_closed(month)
            case "send_notice", Month() as month if result.closed:  # a bill
                self._watching.is_closed(month.delivered(result))
            case "charge_card", Month() as month if result.closed:
                self._watching.is_closed(month.charged(result.result))
            case "alert_reviewers", Month() as month:
                await self._watching.is_alerted(month, clock.now())
        return result


async def act(client: Client, customer_id: str, scripted: ScriptedCommand, period: Period) -> tuple[bool, str]:
    """A reviewer of the script acts on what they see: whether it was accepted, and the answer."""
    month: Month = await handle_for(client, customer_id).query("invoice", result_type=Month)
    if month.period != period:
        return False, f"the customer is in {month.period} at that time"
    try:
        command = command_of(scripted, month)
    except InvalidInput as error:
        return False, str(error)
    answer = await update_month(client, customer_id, command)
    return answer.accepted, answer.result


def command_of(scripted: ScriptedCommand, month: Month) -> Command:
    """The command, about the draft as it is. Raises ``InvalidInput`` if there is none yet, or it does not fit."""
    fields: Mapping[str, Any] = {"by": scripted.by, "reason": scripted.reason, "period": month.period}
    if scripted.do in _PLAIN:
        return _PLAIN[scripted.do].model_validate(fields)
    if month.invoice is None:
        raise InvalidInput("there is no draft at that time")
    if scripted.do is ScriptedAction.APPROVE:
        return Approve(**fields, digest=month.invoice.digest)
    currency = month.invoice.currency
    changes: list[dict[str, object]] = [
        {"op": "change", "line_id": line_id, "amount_minor": parse_amount(amount, currency)}
        for line_id, amount in scripted.change.items()
    ]
    changes += [
        {"op": "add", "description": line.description, "amount_minor": parse_amount(line.amount, currency)}
        for line in scripted.add
    ]
    changes += [{"op": "remove", "line_id": line_id} for line_id in scripted.remove]
    return Edit.model_validate({**fields, "version": month.invoice.version, "changes": changes})
