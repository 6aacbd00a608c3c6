"""Customers who send transfers, and a bookkeeper who records them at the payment desk, assigns them and gives back.

The bank's register has every transfer before anybody records it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from billing.collections.ports import CollectionStore, DebtRow
from billing.errors import BillingError, InvalidInput
from billing.invoices.ports import InvoiceListing
from billing.invoices.stages import Stage
from billing.money import plain_amount, step_minor
from billing.payments.payment import PaymentStatus
from billing.payments.ports import PaymentStore
from billing.payments.rails import CARDS
from billing.payments.typed_payment import TypedPayment
from billing.period import Period
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.ports import IncomingPayments, Journal, Recorded
from billing.subscribers.ports import Services
from sandbox.chaos.bank.app_payers import CURRENCY, AppPayers
from sandbox.chaos.plan import Occasion, Plan, Sending
from sandbox.judge.rails.registers import BANK
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.timeline import pause
from services.payment_desk import PaymentDesk

_T = TypeVar("_T")


class _Ledger(CollectionStore, IncomingPayments, InvoiceListing, Journal, PaymentStore, Services, Protocol):
    """The part of the ledger that is used here."""


class _Bill(NamedTuple):
    """A month for which a customer may send money, and how much it comes to."""

    occasion: Occasion
    customer_id: str
    period: Period
    amount_minor: int
    currency: str


class Bookkeeper:
    """``done`` counts what was done; ``wrong`` are answers that the ledger does not confirm."""

    def __init__(
        self,
        plan: Plan,
        bank: Bank,
        desk: PaymentDesk,
        ledger: _Ledger,
        now: Callable[[], datetime],
        app_payers: AppPayers,
    ) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._plan = plan
        self._bank = bank
        self._desk = desk
        self._ledger = ledger
        self._now = now
        self._app_payers = app_payers
        self._seen: set[tuple[str, str, str]] = set()
        self._nameless: list[Transfer] = []
        self._instructions: dict[str, InstructionState] = {}

    async def work(self, periods: list[Period], step: int) -> None:
        """What customers send now is recorded; the sender of a nameless transfer may call."""
        bills = [bill for bill in await self._bills(periods) if self._is_new(bill)]
        callers = [t for t in self._nameless if self._plan.draw("caller", step, t.reference).random() < 0.4]
        async with asyncio.TaskGroup() as group:
            for bill in bills:
                if sending := self._plan.sending(bill.occasion, bill.customer_id, bill.period):
                    group.create_task(self._take(bill, sending))
                if bill.occasion is Occasion.PAID and (share := self._plan.refund(bill.customer_id, bill.period)):
                    group.create_task(self._refund(bill, share))
            for transfer in callers:
                self._nameless.remove(transfer)
                group.create_task(self._assign(transfer))

    async def settle(self, customer_ids: list[str]) -> None:
        """Pays back, by hand, the credit of customers who have left."""
        for customer_id in customer_ids:
            reason = "paid back in cash"
            try:
                balance = await self._ledger.settle(customer_id, "cleo", reason, self._now())
                self.done["settlements"] += not balance.is_even
            except InvalidInput:  # something comes first, such as a month that is not paid
                continue

    async def unconfirmed(self) -> list[str]:
        """Answers that the ledger does not confirm."""
        wrong = list(self.wrong)
        for instruction_id, state in self._instructions.items():
            known = await self._ledger.instruction(instruction_id)
            if known is None or known.state is not state:
                wrong.append(f"instruction {instruction_id} was answered as {state}, and is {known and known.state}")
        return wrong

    # -- customers

    async def _bills(self, periods: list[Period]) -> list[_Bill]:
        occasions = {Stage.LAST_CALL: Occasion.ANNOUNCED, Stage.PAID: Occasion.PAID}
        months = [
            _Bill(occasions[row.stage], row.customer_id, row.period, row.total_minor, row.currency)
            for row in await self._ledger.invoices()
            if row.stage in occasions and row.period in periods
        ]
        debts = [(row, await self._occasion(row)) for row in await self._ledger.debts(open_only=True)]
        return months + [
            _Bill(occasion, row.customer_id, row.period, row.outstanding_minor, row.currency)
            for row, occasion in debts
            if occasion is not None
        ]

    async def _occasion(self, row: DebtRow) -> Occasion | None:
        """None: it is not paid now; a subscriber may wait until something is restricted."""
        if not self._plan.is_late(row.customer_id, row.period):
            return Occasion.OWED
        services = await self._ledger.services_of(row.customer_id)
        return Occasion.PRESSED if any(service.is_unpaid for service in services) else None

    def _is_new(self, bill: _Bill) -> bool:
        """On each occasion a customer sends money once."""
        key = (bill.occasion, bill.customer_id, bill.period)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    async def _take(self, bill: _Bill, sending: Sending) -> None:
        for copy in range(1, sending.copies + 1):
            if sending.is_by_app and bill.currency == CURRENCY:
                amount_minor = _share(bill.amount_minor, sending.share, bill.currency)
                await self._app_payers.pay(bill.customer_id, amount_minor, f"{bill.occasion} {bill.period} {copy}")
                continue
            transfer = Transfer(
                reference=f"{bill.occasion}-{bill.customer_id}-{bill.period}-{copy}",
                payer=bill.customer_id.title(),
                amount_minor=_share(bill.amount_minor, sending.share, bill.currency),
                currency=bill.currency,
                sent_at=self._now(),
                customer_id=bill.customer_id,
                month=bill.period if sending.names_month else "",
                is_named=sending.is_named,
            )
            self._bank.credit(transfer)
            await self._record(transfer, sending.is_recorded_twice)
            if not transfer.is_named:
                self._nameless.append(transfer)
            elif sending.returned:
                await self._give_back(transfer, _share(transfer.amount_minor, sending.returned, transfer.currency))

    # -- the desk

    async def _record(self, transfer: Transfer, twice: bool) -> None:
        """Perhaps by two people at once, from the same statement."""
        typed = TypedPayment(
            rail=BANK,
            reference=transfer.reference,
            amount=plain_amount(transfer.amount_minor, transfer.currency),
            currency=transfer.currency,
            by="cleo",
            reason="by the statement",
            customer_id=transfer.customer_id if transfer.is_named else "",
            month=transfer.month if transfer.is_named else "",
            payer=transfer.payer,
        )

        async def record() -> Recorded:
            return await self._desk.record(typed, self._now())

        answers = await asyncio.gather(*(_patiently(record) for _ in range(1 + twice)))
        self.done["transfers"] += 1
        self.done["recorded again"] += twice
        if sum(answer.is_new for answer in answers) > 1:
            self.wrong.append(f"{transfer.reference} was booked twice, by the desk's answers")
        if any(answer.record.payment.amount_minor != transfer.amount_minor for answer in answers):
            self.wrong.append(f"{transfer.reference} was answered with another amount")

    async def _assign(self, transfer: Transfer) -> None:
        self._bank.claim(transfer.reference)
        subject = Subject.month(Period(transfer.month)) if transfer.month else None
        request = self._request(InstructionKind.ASSIGN, PaymentName.of(BANK, transfer.reference), transfer.reference)
        await self._instruct(request.evolve(customer_id=transfer.customer_id, subject=subject))

    async def _give_back(self, transfer: Transfer, amount_minor: int) -> None:
        reference = f"back-{transfer.reference}"
        self._bank.debit(reference, transfer.reference, amount_minor)
        request = self._request(InstructionKind.REFUND, PaymentName.of(BANK, transfer.reference), reference)
        amount = plain_amount(amount_minor, transfer.currency)
        await self._instruct(request.evolve(amount=amount, refund_reference=reference))

    async def _refund(self, bill: _Bill, share: float) -> None:
        """Of the card's payment; Stripe gives it back."""
        for charge in await self._ledger.payments(bill.customer_id, bill.period):
            if charge.status == PaymentStatus.SUCCEEDED:
                amount_minor = _share(charge.amount_minor, share, charge.currency)
                name = PaymentName.of(CARDS, charge.payment_id)
                request = self._request(InstructionKind.REFUND, name, charge.payment_id)
                await self._instruct(request.evolve(amount=plain_amount(amount_minor, charge.currency)))

    def _request(self, kind: InstructionKind, payment: PaymentName, about: str) -> InstructionRequest:
        return InstructionRequest(
            instruction_id=f"{kind}-{about}"[:100], kind=kind, payment=payment, by="cleo", reason="chaos", via="chaos"
        )

    async def _instruct(self, request: InstructionRequest) -> None:
        """Until the answer is known. A large one is confirmed by somebody else."""

        async def answer() -> Instruction:
            instruction = await self._desk.instruct(request, self._now())
            if instruction.state is InstructionState.PROPOSED:
                return await self._desk.confirm(instruction.instruction_id, "dan", "compared", self._now())
            return instruction

        try:
            instruction = await _patiently(answer)
        except BillingError as error:
            self.wrong.append(f"the desk refuses {request.instruction_id}: {error}")
            return
        self._instructions[request.instruction_id] = instruction.state
        self.done[f"{request.kind} {instruction.state}"] += 1


async def _patiently(call: Callable[[], Awaitable[_T]]) -> _T:
    """The answer of ``call``, which a person repeats until it comes."""
    while True:
        try:
            return await call()
        except BillingError as error:
            if not error.retryable:
                raise
        await pause()


def _share(amount_minor: int, share: float, currency: str) -> int:
    """At least the smallest amount that can be paid."""
    step = step_minor(currency)
    return max(step, int(amount_minor * share) // step * step)
