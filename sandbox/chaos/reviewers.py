"""Reviewers who decide at random: right and stale edits, halts, approvals; as updates, as repeats, and as signals."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeVar

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.ports import CollectionStore, DebtRow
from billing.commands import Command, CommandResult
from billing.customers.customer import ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.commands import COMMANDS
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, MonthHistory
from billing.keys import collection_id, workflow_id
from billing.money import step_minor
from billing.period import Period
from clients.month_commands import update_month
from sandbox.reviewers import CommandOutcome
from sandbox.timeline import SharedClock, has_ended, pause

_T = TypeVar("_T")
_RPC_TIMEOUT = timedelta(seconds=2)

Wish = tuple[str, dict[str, Any]]
"""The name of a command, and its own fields."""


class _Ledger(CollectionStore, InvoiceListing, MonthHistory, Protocol):
    """The part of the ledger that is used here."""


class Reviewers:
    """``outcomes`` has every command that was answered or taken, by command id; once for each answer."""

    def __init__(self, client: Client, ledger: _Ledger, clock: SharedClock) -> None:
        self.outcomes: defaultdict[str, list[CommandOutcome]] = defaultdict(list)
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._count = 0

    async def act(self, month: Month, wish: Wish, draw: Random) -> None:
        """Sends one command; perhaps as a signal, perhaps again with the same id, as after a lost answer."""
        name, fields = wish
        customer_id = month.customer.customer_id
        common = {"by": draw.choice(("ann", "bob")), "reason": "chaos", "command_id": self._new_id(customer_id)}
        command = COMMANDS[name].model_validate({**common, "period": month.period, **fields})
        if draw.random() < 0.2:
            if await self._signal(workflow_id(customer_id), name, command):
                self._note(customer_id, month.period, name, command, None)
            return
        for suffix in ("", "-again")[: draw.choices((1, 2), (3, 1))[0]]:
            answer = await self._update(customer_id, command, f"{command.command_id}{suffix}")
            if answer is None:
                return
            self._note(customer_id, month.period, name, command, answer)

    async def settle(self, row: DebtRow, draw: Random) -> None:
        """Now and then a reviewer acts on a debt or its account; a look-up leaves nothing on record.

        Its clock has stood still since it last had something to do: else it would be decided before drafts that it
        comes after.
        """
        if draw.random() < 0.9:
            return
        timeline = self._clock.timeline
        await timeline.reach(timeline.handle(collection_id(row.customer_id)), self._clock.now)
        name = draw.choice(("retry", "retry", "look_up", "halt", "resume", "resume", "write_off"))
        common = {"by": "ann", "reason": "chaos", "command_id": self._new_id(row.customer_id)}
        fields: dict[str, Any] = common | {"period": row.period}
        command = COLLECTION_COMMANDS[name].model_validate(fields)
        if await self._signal(collection_id(row.customer_id), name, command) and name != "look_up":
            self._note(row.customer_id, row.period, name, command, None)

    def _new_id(self, customer_id: str) -> str:
        self._count += 1
        return f"{customer_id}-{self._count}"

    def _note(
        self, customer_id: str, period: Period, name: str, command: Command, answer: CommandResult | None
    ) -> None:
        accepted, result = (answer.accepted, answer.result) if answer else (None, "a signal")
        outcome = CommandOutcome(customer_id, period, datetime.now(UTC), name, command.by, accepted, result)
        self.outcomes[command.command_id].append(outcome)

    async def _signal(self, name_of_workflow: str, name: str, command: Command) -> bool:
        """Whether it was taken; not if the workflow has ended."""
        handle = self._client.get_workflow_handle(name_of_workflow)

        async def signal() -> bool:
            await handle.signal(name, command, rpc_timeout=_RPC_TIMEOUT)
            return True

        return bool(await _patiently(signal))

    async def _update(self, customer_id: str, command: Command, update_id: str) -> CommandResult | None:
        """The answer; None if the chain has ended."""
        return await _patiently(lambda: update_month(self._client, customer_id, command, update_id, _RPC_TIMEOUT))

    async def unrecorded(self) -> list[str]:
        """Answers that the ledger does not confirm, and signals that it does not know."""
        return [
            f"{outcome.customer_id}: {outcome.do} {command_id} ({outcome.result}) is not on record"
            for command_id, outcomes in self.outcomes.items()
            for outcome in outcomes
            if not await self._is_on_record(command_id, outcome)
        ]

    async def _is_on_record(self, command_id: str, outcome: CommandOutcome) -> bool:
        recorded = {
            entry.accepted
            for row in await self._ledger.invoices(customer_id=outcome.customer_id)
            for trail in (self._ledger.decisions, self._ledger.diary)
            for entry in await trail(outcome.customer_id, row.period)
            if entry.command_id == command_id
        }
        return outcome.accepted in recorded if outcome.accepted is not None else bool(recorded)


async def _patiently(call: Callable[[], Awaitable[_T]]) -> _T | None:
    """The answer of ``call``, which is repeated until it comes; None if the workflow has ended."""
    while True:
        try:
            return await call()
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            pass
        except WorkflowUpdateFailedError:
            return None
        except RPCError as error:
            if has_ended(error):
                return None
        await pause()


def wish_for(month: Month, draw: Random, helping: bool) -> Wish | None:
    """The command of a reviewer who looks at ``month``; one who helps only unblocks it."""
    if month.outcome is not None:
        return None
    if month.stopped or (month.invoice and _needs_approval(month)):
        return _unblock(month, draw) if helping or draw.random() < 0.5 else None
    often = 0.12 if month.invoice else 0.02
    return _disturb(month, draw) if draw.random() < often and not helping else None


def _unblock(month: Month, draw: Random) -> Wish:
    """Unblocks a month that waits for a person; now and then skips it instead."""
    if draw.random() < 0.02:
        return "skip", {}
    if month.halt or month.failure:
        return "resume", {}
    assert month.invoice is not None
    if month.invoice.problems:
        step = step_minor(month.invoice.currency)
        changes = [
            {"op": "remove", "line_id": problem.line_id}
            if draw.random() < 0.2
            else {"op": "change", "line_id": problem.line_id, "amount_minor": draw.randint(1, 5000) * step}
            for problem in month.invoice.problems
        ]
        return "edit", {"version": month.invoice.version, "changes": changes}
    return "approve", {"digest": month.invoice.digest if draw.random() < 0.9 else "something else"}


def _disturb(month: Month, draw: Random) -> Wish:
    """Disturbs a month that needs nobody."""
    commands = ("halt", "edit", "skip", "update_customer", "close_account", "resume")
    name = draw.choices(commands, (12, 18, 2, 4, 1, 2))[0]
    match name:
        case "edit" if month.invoice is not None:
            stale = draw.random() < 0.25
            amount_minor = draw.randint(-20, 100) * 10
            change = {"op": "add", "description": "Adjustment", "amount_minor": amount_minor}
            lines = [line.line_id for line in month.invoice.lines]
            if lines and draw.random() < 0.5:
                change = {"op": "change", "line_id": draw.choice(lines), "amount_minor": abs(amount_minor) + 10}
            return name, {"version": month.invoice.version - stale, "changes": [change]}
        case "update_customer":
            email = f"{month.customer.customer_id}@{draw.choice('abc')}.example.com"
            return name, {"changes": {"email": email}}
        case "edit":
            return "halt", {}
    return name, {}


def _needs_approval(month: Month) -> bool:
    by_hand = month.customer.terms.review_mode is ReviewMode.MANUAL
    if month.invoice is None or by_hand or month.announced or not needs_approval(month):
        return False
    return month.approval is None or month.approval.version != month.invoice.version
