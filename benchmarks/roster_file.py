"""A roster of as many customers as wanted, with cards at the Stripe stand-in: what ``starter.py start --from`` reads.

path = await write_roster_file(folder / "customers.csv", stripe_url, 10_000)
"""

import asyncio
from pathlib import Path

import stripe

from billing.customers.customer import Customer
from billing.customers.roster import write_roster
from billing.payments.methods import CardOnFile
from bootstrap import SANDBOX_STRIPE_KEY

_AT_ONCE = 20


async def write_roster_file(path: Path, stripe_url: str, count: int, prefix: str = "parked") -> Path:
    """Registers ``count`` customers and their cards, and writes them into a CSV file."""
    http = stripe.HTTPXClient(timeout=60)
    client = stripe.StripeClient(SANDBOX_STRIPE_KEY, base_addresses={"api": stripe_url}, http_client=http)
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Customer:
        customer_id = f"{prefix}-{number:06}"
        email = f"billing@{customer_id}.example"
        async with limit:
            registered = await client.v1.customers.create_async({"email": email})
            card = await client.v1.payment_methods.attach_async("pm_card_visa", {"customer": registered.id})
        return Customer(
            customer_id=customer_id,
            email=email,
            name=f"Customer {number:06}",
            currency="eur",
            timezone="Europe/Paris",
            payment_method=CardOnFile(payer_id=registered.id, card_id=card.id),
        )

    try:
        customers = await asyncio.gather(*map(one, range(count)))
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
    path.write_text(write_roster(customers), encoding="utf-8")
    return path
