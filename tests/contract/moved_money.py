"""A customer whose money moves, and an account of it beside the ledger's."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import update

from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.months import customers
from billing.errors import InvalidInput
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import payment_key
from billing.payments.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentStatus,
    Reversal,
    ReversalKind,
    ReversalStatus,
)
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import Cause, PaymentName, Subject
from sandbox.judge.rails.registers import Arrival, Registers, Step
from tests.contract.ledger_fixtures import ACME, AT

numbers = count(1)


class MovedMoney:
    """A customer whose money moves, and our own account of it."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self.customer = ACME.evolve(customer_id=f"c{next(numbers)}", currency="eur")
        self.period = Period("2026-10")
        self.month: Month | None = None  # announced, and neither charged nor skipped
        self.charged: list[Payment] = []
        self.taken: Counter[str] = Counter()  # by rail
        self.returned: dict[str, int] = {}  # by reversal
        self.billed_minor = 0
        self.given_back_minor = 0
        self.assigned_minor = 0  # what had come as nobody's
        self.settled_minor = 0  # what was owed, less credit, when the customer left
        self.is_erased = False
        self.undecided: set[str] = set()  # payments with an open dispute
        self.registers = Registers()  # of the rails, for the judge
        self.notices: defaultdict[str, list[int]] = defaultdict(list)
        self.months: list[Period] = []

    async def bill(self, amount_minor: int) -> None:
        """The month is drafted with the balance, and announced unless there is nothing to charge."""
        if self.month is not None or self.is_erased:
            return
        self.period = self.period.next()
        self.months.append(self.period)
        self.month = await self.announced(Month.open(self.customer, self.period), amount_minor)

    async def announced(self, month: Month, amount_minor: int) -> Month | None:
        balance = await self.ledger.balance(self.customer.customer_id)
        carried_minor = balance.carried_minor("eur") if month.invoice is None else month.invoice.carried_minor
        lines = (LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor),)
        invoice = Invoice(currency="eur", imported_at=AT, lines=lines, carried_minor=carried_minor)
        month = month.drafted(invoice)
        await self.ledger.record(month, AT)
        month = month.announcing(month.notice_at)
        if month.notice is not None:
            self.notices[month.period].append(month.notice.total_minor)
            month = month.delivered(Delivered(at=month.notice_at))
        await self.ledger.record(month, AT)
        self.billed_minor += amount_minor
        return month if month.outcome is None else None

    async def step(self, name: str, value: object) -> None:
        month, reference = self.month, str(next(numbers))
        match name, value:
            case "bill", int(amount_minor):
                await self.bill(amount_minor)
            case "void", int(amount_minor) if month and month.invoice:
                self.billed_minor -= month.invoice.sales_minor
                self.month = await self.announced(month.notice_void(month.charge_at), amount_minor)
            case "skip", _ if month and month.invoice:
                self.billed_minor -= month.invoice.sales_minor
                await self.ledger.record(month.close(Stage.SKIPPED, month.charge_at), AT)
                self.month = None
            case "charge", bool(is_paid) if month:
                await self.charge(month, is_paid)
            case "bank", int(amount_minor):
                await self.receive("bank", reference, amount_minor)
            case "cash for the last bill", int(amount_minor):
                await self.receive("cash", reference, amount_minor, Subject.month(self.period))
            case "cash for the last bill, once it is due", int(amount_minor):
                await self.receive("cash", reference, amount_minor, Subject.month(self.period), AT + timedelta(days=90))
            case "a transfer for the next bill", int(amount_minor):
                await self.receive("bank", reference, amount_minor, Subject.month(self.period.next()))
            case "nobody's transfer", int(amount_minor) if self.months:
                await self.assign(reference, amount_minor)
            case "a transfer is given back", int(amount_minor):
                await self.give_back(reference, amount_minor)
            case "the same transfer again", int(amount_minor):
                await self.receive("bank", reference, amount_minor)
                assert not await self.receive("bank", reference, amount_minor + 1)
            case "reverse", (int(amount_minor), ReversalStatus() as status) if self.charged:
                await self.reverse(self.charged[-1], amount_minor, status)
            case "leave and be erased", _ if self.months and not self.is_erased:
                await self.leave()

    async def receive(
        self, rail: str, reference: str, amount_minor: int, subject: Subject | None = None, at: datetime = AT
    ) -> bool:
        payment = IncomingPayment(
            rail=rail,
            reference=reference,
            customer_id=self.customer.customer_id,
            subject=subject,
            amount_minor=amount_minor,
            currency="eur",
            paid_at=at,
        )
        is_new = await self.ledger.book(payment, at)
        if is_new:
            self.taken[rail] += amount_minor
            self.arrive(rail, reference, amount_minor, subject.name if subject else "")
        return is_new

    def arrive(self, rail: str, reference: str, amount_minor: int, month: str, is_named: bool = True) -> None:
        arrival = Arrival(
            rail, reference, self.customer.customer_id, month, amount_minor, "eur", is_named, not is_named
        )
        self.registers.arrivals[arrival.name] = arrival

    async def assign(self, reference: str, amount_minor: int) -> None:
        """Money of an unknown payer becomes the customer's."""
        payment = IncomingPayment(
            rail="bank", reference=reference, customer_id=None, amount_minor=amount_minor, currency="eur", paid_at=AT
        )
        await self.ledger.book(payment, AT)
        request = InstructionRequest(
            instruction_id=f"i{reference}",
            kind=InstructionKind.ASSIGN,
            payment=payment.name,
            customer_id=self.customer.customer_id,
            by="ann",
            reason="they called",
            via="test",
        )
        await self.ledger.instruct(request, {}, AT)
        self.taken["bank"] += amount_minor
        self.assigned_minor += amount_minor
        self.arrive("bank", reference, amount_minor, "", is_named=False)

    async def give_back(self, reference: str, amount_minor: int) -> None:
        """People give a part of the last transfer back, or all that is left of it."""
        transfers = [arrival for arrival in self.registers.arrivals.values() if arrival.rail == "bank"]
        record = await self.ledger.incoming_payment(transfers[-1].name) if transfers else None
        if record is None or not record.parts:
            return
        amount_minor = min(amount_minor, record.parts[self.customer.customer_id])
        request = InstructionRequest(
            instruction_id=f"i{reference}",
            kind=InstructionKind.REFUND,
            payment=record.payment.name,
            amount=f"{amount_minor / 100:.2f}",
            refund_reference=f"back {reference}",
            by="ann",
            reason="paid too much",
            via="test",
        )
        await self.ledger.instruct(request, {}, AT)
        self.given_back_minor += amount_minor
        name = PaymentName.of("bank", f"back {reference}")
        self.registers.steps[name] = Step(reference, record.payment.name, Cause.REFUND, -amount_minor)

    async def leave(self) -> None:
        """The last month is skipped, and what is owed is settled; money may still come, and go back.

        Nobody is erased while a dispute is open.
        """
        await self.step("skip", None)
        customer_id, balance = self.customer.customer_id, await self.ledger.balance(self.customer.customer_id)
        await self.ledger.run(self.close_account)
        if self.undecided:
            with pytest.raises(InvalidInput):
                await self.ledger.settle(customer_id, "ann", "they have left", AT)
            return
        await self.ledger.settle(customer_id, "ann", "they have left", AT)
        self.settled_minor += sum(item.amount_minor for item in balance.owed) + balance.carried_minor("eur")
        assert (await self.ledger.erase(customer_id, "ann", "asked", AT)).rows
        self.is_erased = True

    def close_account(self) -> None:
        closed = update(customers).values(closed_at=AT, closed_reason="moved")
        with self.ledger._writing("close an account") as connection:
            connection.execute(closed.where(customers.c.customer_id == self.customer.customer_id))

    async def charge(self, month: Month, is_paid: bool) -> None:
        assert month.notice is not None
        charging = month.begin_charge(month.charge_at)
        status = ChargeStatus.SUCCEEDED if is_paid else ChargeStatus.DECLINED
        if is_paid:
            payment = Payment(
                rail="stripe",
                payment_id=f"pi_{next(numbers)}",
                status=PaymentStatus.SUCCEEDED,
                amount_minor=month.notice.total_minor,
                currency="eur",
                payer_id="cus_1",
                created_at=AT,
                key=payment_key(self.customer.customer_id, self.period),
                customer_id=self.customer.customer_id,
                period=self.period,
            )
            for _ in range(2):
                await self.ledger.save_payment(payment, AT)
            self.charged.append(payment)
            self.taken["stripe"] += payment.amount_minor
            self.arrive("stripe", payment.payment_id, payment.amount_minor, self.period)
        await self.ledger.record(charging.charged(ChargeResult(status=status, at=month.charge_at)), AT)
        self.month = None

    async def reverse(self, payment: Payment, amount_minor: int, status: ReversalStatus) -> None:
        """One refund or dispute of each payment, whose amount and status change from time to time."""
        kind = ReversalKind.REFUND if len(self.charged) % 2 else ReversalKind.DISPUTE
        amount_minor = min(amount_minor, payment.amount_minor)
        reversal = Reversal(
            reversal_id=f"re_{payment.payment_id}",
            payment_id=payment.payment_id,
            kind=kind,
            amount_minor=amount_minor,
            currency="eur",
            status=status,
            code=f"{status} {next(numbers)}",
            created_at=AT,
        )
        for _ in range(2):
            await self.ledger.save_reversals(payment, [reversal], AT)
        self.returned[payment.payment_id] = amount_minor if status.has_moved else 0
        is_open = kind is ReversalKind.DISPUTE and not status.is_decided
        (self.undecided.add if is_open else self.undecided.discard)(payment.payment_id)
        self.note_reversal(reversal, payment)

    def note_reversal(self, reversal: Reversal, payment: Payment) -> None:
        steps, original = self.registers.steps, PaymentName.of("stripe", payment.payment_id)
        earlier = [step.amount_minor or 0 for step in steps.values() if step.reversal == reversal.reversal_id]
        cause = Cause.REFUND if reversal.kind is ReversalKind.REFUND else Cause.CHARGEBACK
        if due_minor := (-reversal.amount_minor if reversal.status.has_moved else 0) - sum(earlier):
            reference = f"{reversal.reversal_id}#{len(earlier) + 1}" if earlier else reversal.reversal_id
            steps[PaymentName.of("stripe", reference)] = Step(reversal.reversal_id, original, cause, due_minor)
