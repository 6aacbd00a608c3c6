"""A rail in memory: the least that ``PaymentRail`` asks. What charges once on it is the cashier."""

from collections.abc import Sequence
from datetime import UTC, datetime

from billing.errors import PaymentUnknown, RequestSpent
from billing.payments.payment import (
    Payment,
    PaymentRequest,
    PaymentStatus,
    Reversal,
    ReversalKind,
    ReversalStatus,
)


class MemoryRail:
    """``cards`` says what comes of a try; ``lost`` are the methods whose next answer nobody gets.

    With ``fails`` the next request for a payment is refused, and so is each of its repeats.
    """

    def __init__(self) -> None:
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Reversal] = {}
        self.cards: dict[str, PaymentStatus] = {}
        self.lost: set[str] = set()
        self.fails = False
        self.spent: set[int] = set()
        self.tries = 0

    async def find(self, request: PaymentRequest, payment_ids: Sequence[str] = ()) -> list[Payment]:
        return [each for each in self.payments.values() if each.key == request.key or each.payment_id in payment_ids]

    async def current(self, payment: Payment) -> Payment:
        return self.payments[payment.payment_id]

    async def create(self, request: PaymentRequest, serial: int = 1) -> Payment:
        if serial in self.spent:
            raise RequestSpent(f"{request.key}: {serial}")
        if self.fails:
            self.fails = False
            self.spent.add(serial)
            raise PaymentUnknown(f"{request.key}: no answer")
        payment = Payment(
            rail="memory",
            payment_id=f"{request.key}/{request.method.payer_id}/{serial}",
            status=PaymentStatus.NEW,
            amount_minor=request.amount_minor,
            currency=request.currency,
            payer_id=request.method.payer_id,
            created_at=datetime.now(UTC),
            key=request.key,
            customer_id=request.customer_id,
            period=request.period,
        )
        return self._answer("create", self.payments.setdefault(payment.payment_id, payment))

    async def confirm(self, payment: Payment, request: PaymentRequest, return_url: str = "") -> Payment:
        current = self.payments[payment.payment_id]
        if not current.status.is_triable:
            return current
        status = self.cards[request.method.card_id]
        if status is PaymentStatus.AUTHENTICATION_REQUIRED and return_url:
            tried = current.evolve(status=status, authenticate_url="https://bank.example", return_url=return_url)
        else:
            self.tries += 1
            tried = current.evolve(status=status, attempt_id=f"try {self.tries}")
        self.payments[payment.payment_id] = tried
        return self._answer("confirm", tried)

    async def cancel(self, payment: Payment) -> Payment:
        current = self.payments[payment.payment_id]
        if current.status.is_triable:
            self.payments[payment.payment_id] = current.evolve(status=PaymentStatus.CANCELED)
        return self._answer("cancel", self.payments[payment.payment_id])

    async def refund(self, payment: Payment, amount_minor: int, instruction_id: str) -> Reversal:
        refund = Reversal(
            reversal_id=f"{payment.payment_id}/{instruction_id}",
            payment_id=payment.payment_id,
            kind=ReversalKind.REFUND,
            amount_minor=amount_minor,
            currency=payment.currency,
            status=ReversalStatus.RETURNED,
            code="done",
            created_at=datetime.now(UTC),
        )
        return self.refunds.setdefault(refund.reversal_id, refund)

    def _answer(self, method: str, payment: Payment) -> Payment:
        if method in self.lost:
            self.lost.remove(method)
            raise PaymentUnknown(f"{payment.payment_id}: no answer")
        return payment
