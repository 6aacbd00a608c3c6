"""Reviewers of a rehearsal: those of the script, and whoever answers what the script does not speak of.

What waits for a person is answered inside the activity that tells it: a clock does not move while an activity runs, so
the answer comes at that very instant, and a rehearsal is the same each time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from temporalio import activity
from temporalio import client as client_side
from temporalio import worker as worker_side
from temporalio.client import Client

from billing.collections.collection import Collection
from billing.commands import Command, CommandResult, Halt, Resume, command_name
from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.invoices.commands import COMMANDS, Approve, CloseAccount, Edit, Skip
from billing.invoices.month import Month
from billing.money import parse_amount
from billing.period import Period
from clients.start import handle_for
from sandbox.rehearsal.script import Script, ScriptedAction, ScriptedCommand
from services import clock

NOBODY = "rehearsal"
"""Who acts where the script says nothing; in the audit trail of the private ledger."""
_TRIES = 3  # of an answer that does not let a month go on
_THEN = "; then "


class PersonNeeded(NamedTuple):
    """A month that waited for a person: since when, why, and what was done; of several times, in their order."""

    customer_id: str
    period: Period
    at: datetime
    why: str
    did: str


class CommandOutcome(NamedTuple):
    """What a reviewer of the script has done, and what came of it; or why it was not said."""

    customer_id: str
    period: Period
    at: datetime
    do: ScriptedAction
    by: str
    accepted: bool
    result: str


class MonthWatch(client_side.Interceptor, worker_side.Interceptor):
    """Sees each month end, and each alert, until the month ``last``; ``on_closed`` is called for each that ends."""

    def __init__(self, script: Script, last: Period, on_closed: Callable[[], None] = lambda: None) -> None:
        self.closed: dict[tuple[str, Period], Month] = {}
        self.left: dict[str, Month] = {}  # who stays in a month that nobody lets go on
        self.owed: dict[tuple[str, Period], str] = {}  # what people have to do about collections
        self.client: Client | None = None
        self._script = script
        self._last = last
        self._on_closed = on_closed
        self._asked: dict[tuple[str, Period], int] = {}
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

    async def is_told(self, month: Month, now: datetime) -> None:
        """Answers what waits for a person, unless the script will."""
        key, waits_for = (month.customer_id, month.period), month.waits_for(now)
        if waits_for is None or month.is_closed or month.period > self._last:
            return
        why = waits_for.text
        planned = Month.open(month.customer, month.period)
        to_come = [each for each in self._script.of(key[0]) if each.period in (None, month.period)]
        if any(each.instant(planned) > now for each in to_come):
            return self._note(month, now, why, "left to the script")
        self._asked[key] = tries = self._asked.get(key, 0) + 1
        command = self._answer(month, now) if tries <= _TRIES else None
        assert self.client is not None
        handle = handle_for(self.client, key[0])
        if command is None:
            self._note(month, now, why, "left waiting; later months are not rehearsed")
            self.left[key[0]] = month
            await handle.terminate("a rehearsed month that nobody lets go on")
            return None
        result: CommandResult = await handle.execute_update(
            command_name(command, COMMANDS), command, result_type=CommandResult
        )
        did = "approved" if isinstance(command, Approve) else "skipped"
        return self._note(month, now, why, did if result.accepted else f"{did} in vain: {result.result}")

    def _answer(self, month: Month, now: datetime) -> Command | None:
        waits_for_approval = month.stopped is None and month.outage is None
        wanted = self._script.otherwise.approval if waits_for_approval else self._script.otherwise.stopped
        by, reason = NOBODY, "nobody is scripted to decide"
        no_amount = month.awaits_amount
        if wanted == "approve" and month.invoice is not None and not no_amount:
            return Approve(by=by, reason=reason, period=month.period, digest=month.invoice.digest)
        if wanted == "wait":
            return None
        return Skip(by=by, reason=reason, period=month.period)

    def _note(self, month: Month, now: datetime, why: str, did: str) -> None:
        key = month.customer.customer_id, month.period
        before = self._needs.get(key)
        if before is None:
            self._needs[key] = PersonNeeded(*key, now, why, did)
        else:
            self._needs[key] = before._replace(why=_then(before.why, why), did=_then(before.did, did))


def _then(told: str, more: str) -> str:
    """What was told, and what came after it; the same again is not told again."""
    return told if f"{_THEN}{told}".endswith(f"{_THEN}{more}") else f"{told}{_THEN}{more}"


class _Inbound(worker_side.ActivityInboundInterceptor):
    def __init__(self, next: worker_side.ActivityInboundInterceptor, watching: MonthWatch) -> None:
        super().__init__(next)
        self._watching = watching

    async def execute_activity(self, input: worker_side.ExecuteActivityInput) -> Any:
        result = await super().execute_activity(input)
        match activity.info().activity_type, *input.args:
            case "close_month", Month() as month:
                self._watching.is_closed(month)
            case "charge_card", Month() as month if result.closed:
                self._watching.is_closed(month.charged(result.result))
            case "alert_reviewers", Month() as month:
                await self._watching.is_told(month, clock.now())
            case "alert_about_collection", Collection() as owed:
                self._watching.owed[owed.customer.customer_id, owed.period] = str(owed.stage(clock.now()))
        return result


def unsaid(said: ScriptedCommand, customer: Customer, period: Period, at: datetime, why: str) -> CommandOutcome:
    """What a reviewer of the script had no occasion to do."""
    return CommandOutcome(customer.customer_id, period, at, said.do, said.by, False, why)


async def speak(
    client: Client, said: ScriptedCommand, customer: Customer, period: Period, at: datetime
) -> CommandOutcome:
    """A reviewer of the script acts on what they see at ``at``."""

    def heard(accepted: bool, result: str) -> CommandOutcome:
        return CommandOutcome(customer.customer_id, period, at, said.do, said.by, accepted, result)

    handle = handle_for(client, customer.customer_id)
    month: Month = await handle.query("invoice", result_type=Month)
    if month.period != period:
        return heard(False, f"the customer is in {month.period} at that time")
    try:
        command = command_of(said, month)
    except InvalidInput as error:
        return heard(False, str(error))
    answer: CommandResult = await handle.execute_update(
        command_name(command, COMMANDS), command, result_type=CommandResult
    )
    return heard(answer.accepted, answer.result)


def command_of(said: ScriptedCommand, month: Month) -> Command:
    """What is said, about the draft as it is. Raises ``InvalidInput`` if there is none yet, or it does not fit."""
    who: Mapping[str, Any] = {"by": said.by, "reason": said.reason, "period": month.period}
    plain: dict[ScriptedAction, type[Command]] = {
        ScriptedAction.HALT: Halt,
        ScriptedAction.RESUME: Resume,
        ScriptedAction.SKIP: Skip,
        ScriptedAction.CLOSE: CloseAccount,
    }
    if said.do in plain:
        return plain[said.do].model_validate(who)
    if month.invoice is None:
        raise InvalidInput("there is no draft at that time")
    if said.do is ScriptedAction.APPROVE:
        return Approve(**who, digest=month.invoice.digest)
    currency = month.invoice.currency
    changes: list[dict[str, object]] = [
        {"op": "change", "line_id": line_id, "amount_minor": parse_amount(amount, currency)}
        for line_id, amount in said.change.items()
    ]
    changes += [
        {"op": "add", "description": line.description, "amount_minor": parse_amount(line.amount, currency)}
        for line in said.add
    ]
    changes += [{"op": "remove", "line_id": line_id} for line_id in said.remove]
    return Edit.model_validate({**who, "version": month.invoice.version, "changes": changes})
