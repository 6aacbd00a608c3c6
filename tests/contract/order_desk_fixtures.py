"""A shop whose orders are paid by links at Stripe's stand-in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.payments.checkouts import Checkout, CheckoutRequest, CheckoutState
from billing.payments.rails import RAILS
from billing.receivables.journal import Subject
from services.checkouts import Checkouts
from services.orders.desk import OrderDesk
from services.orders.refunds import OrderRefunds
from services.payment_desk import PaymentDesk
from tests.contract.payment_fixtures import Stripe
from tests.ordering import halt, request

OURS = "https://pay.example/checkout"
NOW = datetime.now(UTC)
SUBJECT = Subject.order("1042")


@dataclass
class Shop:
    """An order of 100.00 EUR by somebody whom Stripe does not know."""

    ledger: SqlLedger
    gateway: StripePayments
    stripe: Stripe
    checkouts: Checkouts
    payments: PaymentDesk
    desk: OrderDesk

    async def link(self, payer_id: str | None = None) -> Checkout:
        wanted = CheckoutRequest(
            rail="stripe-link",
            customer_id="buyer",
            payer_id=payer_id,
            subject=SUBJECT,
            description="Order 1042",
            expires_at=NOW + timedelta(days=1),
            by="ann",
            reason="asked by phone",
        )
        return await self.checkouts.open(wanted, NOW)

    async def pay(self, link: Checkout) -> int:
        answer = await self.stripe.http.post(str(link.url), data={"card": "pm_card_visa", "answer": "pay"})
        await self.checkouts.look_up(str(link.session_id), NOW)
        return answer.status_code

    async def state(self, link: Checkout) -> CheckoutState:
        found = await self.ledger.checkout_of(str(link.session_id))
        assert found is not None
        return found.state

    async def outstanding(self) -> int:
        standing = await self.ledger.order("1042")
        assert standing is not None
        return standing.owed_minor

    async def halt(self) -> None:
        """Else what is paid in full is released, and cannot be cancelled."""
        await self.desk.change("1042", halt(), NOW)

    async def credit(self) -> int:
        return -(await self.ledger.balance("buyer")).carried_minor("eur")

    async def refunds(self) -> list[int]:
        """What Stripe has given back."""
        answer = await self.stripe.http.get("/v1/refunds?limit=100")
        return [refund["amount"] for refund in answer.json()["data"]]


@pytest.fixture
async def shop(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe) -> Shop:
    await ledger.open_order(request(), NOW)
    return shop_of(ledger, gateway, stripe)


def shop_of(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe, four_eyes: int | None = None) -> Shop:
    checkouts = Checkouts(gateway, ledger, OURS)
    payments = PaymentDesk(ledger, gateway, RAILS, {} if four_eyes is None else {"eur": four_eyes})
    return Shop(
        ledger, gateway, stripe, checkouts, payments, OrderDesk(ledger, checkouts, OrderRefunds(ledger, payments))
    )
