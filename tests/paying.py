"""A customer who pays by a payment link, in a browser."""

from datetime import datetime, timedelta

import httpx

from billing.payments.checkouts import Checkout, CheckoutRequest
from billing.period import Period
from billing.receivables.journal import Subject
from sandbox.stand_ins.control import local_http
from services.checkouts import Checkouts
from tests.bed import OCTOBER, Bed, now


async def link_for(
    bed: Bed, customer_id: str = "acme", period: str = OCTOBER, opened_at: datetime | None = None, base_url: str = ""
) -> Checkout:
    """A link for what the customer owes for the month; it leads back to the console at ``base_url``, or the bed's."""
    customer = await bed.ledger.customer(customer_id)
    assert customer is not None
    request = CheckoutRequest(
        rail="stripe-link",
        customer_id=customer_id,
        payer_id=customer.card_on_file.payer_id,
        subject=Subject.month(Period(period)),
        description=f"Invoice for {period}",
        expires_at=now() + timedelta(hours=20),
        by="ann",
        reason="asked by phone",
    )
    return_url = f"{base_url or bed.settings.links.base_url}/checkout"
    return await Checkouts(bed.adapters.payments, bed.ledger, return_url).open(request, opened_at or now())


async def order_link(bed: Bed, number: str = "1042") -> Checkout:
    """A link for what is owed for an order, whose buyer Stripe does not know."""
    standing = await bed.ledger.order(number)
    assert standing is not None
    request = CheckoutRequest(
        rail="stripe-link",
        customer_id=standing.order.customer_id,
        payer_id=None,
        subject=Subject.order(number),
        description=f"Order {number}",
        expires_at=now() + timedelta(hours=20),
        by="ann",
        reason="asked by phone",
    )
    return await Checkouts(bed.adapters.payments, bed.ledger, f"{bed.settings.links.base_url}/checkout").open(
        request, now()
    )


async def pay_by(link: Checkout, card: str = "pm_card_visa") -> httpx.Response:
    """The answer of Stripe's page."""
    async with local_http() as http:
        return await http.post(str(link.url), data={"card": card, "answer": "pay"})
