"""Reviewers who decide at random: right and stale edits, halts, approvals; as updates, said again, and as signals."""

from datetime import timedelta
from random import Random
from typing import Any, NamedTuple, Protocol

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from billing.collections.ports import CollectionRow, CollectionStore
from billing.commands import CommandResult
from billing.customers.customer import ReviewMode
from billing.invoices.approval_policy import needs_approval
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, MonthHistory
from billing.keys import collection_id, workflow_id
from billing.money import step_minor
from clients.running_workflows import is_missing
from clients.start import handle_for
from sandbox.chaos.clocks import pause

_RPC_TIMEOUT = timedelta(seconds=2)

Said = tuple[str, dict[str, Any]]
"""The name of a command, and what is particular to it."""


class Note(NamedTuple):
    """What a reviewer remembers; ``answer`` None: it was a signal."""

    customer_id: str
    command_id: str
    command: str
    answer: CommandResult | None


class _Ledger(CollectionStore, InvoiceListing, MonthHistory, Protocol):
    """What is needed of the ledger here."""


class Reviewers:
    """``notes`` has every command that was answered or taken."""

    def __init__(self, client: Client, ledger: _Ledger) -> None:
        self.notes: list[Note] = []
        self._client = client
        self._ledger = ledger
        self._count = 0

    async def act(self, month: Month, said: Said, draw: Random) -> None:
        """Sends one command; perhaps as a signal, perhaps again with the same id, as after a lost answer."""
        name, fields = said
        self._count += 1
        command_id = f"{month.customer.customer_id}-{self._count}"
        common = {"by": draw.choice(("ann", "bob")), "reason": "chaos", "command_id": command_id}
        command = {**common, "period": month.period, **fields}
        customer_id = month.customer.customer_id
        if draw.random() < 0.2:
            if await self._signal(workflow_id(customer_id), name, command):
                self.notes.append(Note(customer_id, command_id, name, None))
            return
        for update_id in (command_id, f"{command_id}-again")[: draw.choices((1, 2), (3, 1))[0]]:
            answer = await self._update(customer_id, name, command, update_id)
            if answer is None:
                return
            self.notes.append(Note(customer_id, command_id, name, answer))

    async def settle(self, owed: CollectionRow, draw: Random) -> None:
        """Now and then somebody does something about what is owed; a look-up leaves nothing on record."""
        if draw.random() < 0.9:
            return
        name = draw.choice(("retry", "retry", "look_up", "halt", "resume", "resume", "record_payment", "write_off"))
        self._count += 1
        command_id = f"{owed.customer_id}-{self._count}"
        command: dict[str, Any] = {"by": "ann", "reason": "chaos", "command_id": command_id}
        if name == "record_payment":
            command |= {"reference": "a transfer", "amount_minor": owed.outstanding_minor}
        if await self._signal(collection_id(owed.customer_id, owed.period), name, command) and name != "look_up":
            self.notes.append(Note(owed.customer_id, command_id, name, None))

    async def _signal(self, name_of_workflow: str, name: str, command: dict[str, Any]) -> bool:
        """Whether it was taken; not if the workflow has ended."""
        while True:
            try:
                handle = self._client.get_workflow_handle(name_of_workflow)
                await handle.signal(name, command, rpc_timeout=_RPC_TIMEOUT)
            except RPCError as error:
                if is_missing(error):
                    return False
                await pause()
            else:
                return True

    async def _update(
        self, customer_id: str, name: str, command: dict[str, Any], update_id: str
    ) -> CommandResult | None:
        """The answer, asked for until it comes; None if the chain has ended."""
        while True:
            try:
                answer: CommandResult = await handle_for(self._client, customer_id).execute_update(
                    name, command, id=update_id, result_type=CommandResult, rpc_timeout=_RPC_TIMEOUT
                )
                return answer
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                pass
            except WorkflowUpdateFailedError:
                return None
            except RPCError as error:
                if is_missing(error):
                    return None
            await pause()

    async def unrecorded(self) -> list[str]:
        """Answers that the ledger tells otherwise, and signals that it does not know."""
        wrong = []
        for note in self.notes:
            periods = [row.period for row in await self._ledger.invoices(customer_id=note.customer_id)]
            found = [
                each.accepted
                for period in periods
                for trail in (self._ledger.decisions, self._ledger.diary)
                for each in await trail(note.customer_id, period)
                if each.command_id == note.command_id
            ]
            if not found or (note.answer is not None and note.answer.accepted not in found):
                told = note.answer.result if note.answer else "a signal"
                wrong.append(f"{note.customer_id}: {note.command} {note.command_id} ({told}) is not on record")
        return wrong


def wish(month: Month, draw: Random, helping: bool) -> Said | None:
    """What a reviewer who looks at ``month`` wants; one who helps only lets it go on."""
    if month.outcome is not None:
        return None
    if month.stopped or (month.invoice and _needs_approval(month)):
        return _mend(month, draw) if helping or draw.random() < 0.5 else None
    often = 0.12 if month.invoice else 0.02
    return _meddle(month, draw) if draw.random() < often and not helping else None


def _mend(month: Month, draw: Random) -> Said:
    """What lets a month go on that waits for a person; now and then it is given up instead."""
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


def _meddle(month: Month, draw: Random) -> Said:
    """What disturbs a month that goes well."""
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
