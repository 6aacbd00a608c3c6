"""Gives back what was paid for a cancelled order: each payment once, by the rail by which it came.

A processor is asked; on a rail that has none, an instruction waits for a person who gives the money back by hand. What
is not given back stays the customer's credit.
"""

from datetime import datetime
from typing import Protocol

from billing.errors import BillingError
from billing.keys import order_refund_id
from billing.model import Code, Few, Line, Minor, Model, Why, Words
from billing.money import format_amount, plain_amount
from billing.receivables.incoming import PaymentRecord
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.ports import Accounts, IncomingPayments
from orders.changes import Cancel
from orders.order import Order
from services.payment_desk import PaymentDesk


class GivenBack(Model):
    """What has become of one payment of an order. ``state`` None: nothing was asked for; ``text`` says why.

    ``instruction_id`` is what a person confirms, or asks for again.
    """

    payment: Line
    amount_minor: Minor
    currency: Code
    state: InstructionState | None
    instruction_id: Code | None = None
    text: Words = ""

    def __str__(self) -> str:
        amount = format_amount(self.amount_minor, self.currency)
        state = self.state.replace("_", " ") if self.state else "not given back"
        return f"{amount} of payment {self.payment}: {self.text or state}"


class RefundLedger(Accounts, IncomingPayments, Protocol):
    async def payments_for(self, customer_id: str, subject: Subject) -> list[PaymentRecord]: ...


class OrderRefunds:
    """Every method may be called again after any failure: it goes on, and gives nothing back twice."""

    def __init__(self, ledger: RefundLedger, desk: PaymentDesk) -> None:
        self._ledger = ledger
        self._desk = desk

    async def give_back(self, order: Order, change: Cancel, now: datetime) -> Few[GivenBack]:
        """Of each payment, what had come for the order and is still there; never more than the customer's credit."""
        done = list[GivenBack]()
        for record in await self._ledger.payments_for(order.customer_id, order.subject):
            currency = record.payment.currency
            balance = await self._ledger.balance(order.customer_id)
            promised_minor = await self._ledger.promised_minor(order.customer_id, currency)
            given = await self._given(order, record, -balance.carried_minor(currency) - promised_minor, change, now)
            done += [given] if given is not None else []
        return tuple(done[:100])

    async def _given(
        self, order: Order, record: PaymentRecord, left_minor: int, change: Cancel, now: datetime
    ) -> GivenBack | None:
        """None: nothing of it is the order's any more."""
        name, instruction_id = record.payment.name, _id(order, record.payment.name)
        before = await self._ledger.instruction(instruction_id)
        share_minor = _share_minor(order, record)
        if before is None and share_minor <= 0:
            return None
        amount_minor = before.amount_minor if before else min(share_minor, left_minor)
        title, currency = record.payment.title, record.payment.currency
        if amount_minor <= 0:
            text = "its money has paid something else since, and is not given back"
            return GivenBack(payment=title, amount_minor=0, currency=currency, state=None, text=text)
        request = InstructionRequest(
            instruction_id=instruction_id,
            kind=InstructionKind.REFUND,
            payment=name,
            customer_id=order.customer_id,
            amount="" if before else plain_amount(amount_minor, currency),
            by_hand=self._desk.gives_back_by_hand(name.rail),
            by=change.by,
            reason=_reason(order, change.reason),
            via=change.via,
        )
        instruction, fault = await self._instructed(request, now)
        return GivenBack(
            payment=title,
            amount_minor=amount_minor,
            currency=currency,
            state=instruction.state if instruction else None,
            instruction_id=instruction.instruction_id if instruction else None,
            text=fault or (instruction.result if instruction else ""),
        )

    async def _instructed(self, request: InstructionRequest, now: datetime) -> tuple[Instruction | None, str]:
        """The instruction as it stands, and why it could not be carried out (""): one failure holds up no other."""
        try:
            return await self._desk.instruct(request, now), ""
        except BillingError as error:
            return await self._ledger.instruction(request.instruction_id), str(error)


def _id(order: Order, name: PaymentName) -> str:
    return order_refund_id(order.number, *name)


def _share_minor(order: Order, record: PaymentRecord) -> int:
    """What of the payment had come for the order, net of what went back of it."""
    shares = record.shares.items()
    return sum(minor for account, minor in shares if account.subject == order.subject and account.customer_id)


def _reason(order: Order, reason: Why) -> str:
    return f"order {order.number} was cancelled: {reason}"[:1000]
