"""A company with one customer, whose debts are paid by links at Stripe's stand-in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.payments.checkouts import Checkout, CheckoutRequest, CheckoutState
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from billing.receivables.payment_list import PaymentFilter
from services.checkouts import Checkouts
from tests.contract.journal_fixtures import announced, drafted
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.payment_fixtures import Stripe

OURS = "https://pay.example/checkout"
SESSIONS = "/checkout/sessions$"
SUBJECT = Subject.month(NOVEMBER)
NOW = datetime.now(UTC)


@dataclass
class Company:
    """A customer who owes 10.00 EUR for November, our ledger, and Stripe."""

    ledger: SqlLedger
    gateway: StripePayments
    stripe: Stripe
    checkouts: Checkouts
    request: CheckoutRequest
    due_at: datetime

    async def open(self) -> Checkout:
        return await self.checkouts.open(self.request, NOW)

    async def pay(self, link: Checkout, card: str = "pm_card_visa") -> int:
        """The status with which Stripe's page answers the customer."""
        answer = await self.stripe.http.post(str(link.url), data={"card": card, "answer": "pay"})
        return answer.status_code

    async def transfer(self, amount_minor: int, reference: str = "7731") -> None:
        """Money on another rail, once the bill is due."""
        money = IncomingPayment(
            rail="transfer",
            reference=reference,
            customer_id="acme",
            subject=SUBJECT,
            amount_minor=amount_minor,
            currency="eur",
            paid_at=self.due_at,
        )
        await self.ledger.book(money, self.due_at)

    async def at_stripe(self, status: str = "open") -> list[dict[str, Any]]:
        answer = await self.stripe.http.get(f"/v1/checkout/sessions?limit=100&status={status}")
        return list(answer.json()["data"])

    async def by_link(self) -> list[int]:
        return [
            row.amount_minor for row in (await self.ledger.incoming_payments(PaymentFilter(rail="stripe-link"))).rows
        ]

    async def state(self, link: Checkout) -> CheckoutState:
        found = await self.ledger.checkout_of(str(link.session_id))
        assert found is not None
        return found.state


@pytest.fixture
async def company(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe) -> Company:
    payer_id = (await stripe.post("/v1/customers", email="ann@acme.example"))["id"]
    month = announced(drafted(1000))
    await ledger.record(month, month.notice_at)
    request = CheckoutRequest(
        rail="stripe-link",
        customer_id="acme",
        payer_id=payer_id,
        subject=SUBJECT,
        description="Invoice for November 2026",
        expires_at=NOW + timedelta(days=1),
        by="ann",
        reason="asked by phone",
    )
    return Company(ledger, gateway, stripe, Checkouts(gateway, ledger, OURS), request, month.charge_at)
