"""A roster of as many customers as wanted, with cards at the Stripe stand-in: what ``starter.py start --from`` reads.

path = await write_roster_file(folder / "customers.csv", stripe_url, 10_000)
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import stripe

from billing.customers.customer import Customer
from billing.customers.roster import write_roster
from billing.payments.methods import CardOnFile
from bootstrap_adapters import SANDBOX_STRIPE_KEY

_AT_ONCE = 20


async def write_roster_file(path: Path, stripe_url: str, count: int, prefix: str = "parked") -> Path:
    """Registers ``count`` customers and their cards, and writes them into a CSV file."""
    customers = await register_customers(stripe_url, [f"{prefix}-{number:06}" for number in range(count)])
    path.write_text(write_roster(customers), encoding="utf-8")
    return path


async def register_customers(stripe_url: str, customer_ids: Sequence[str]) -> list[Customer]:
    """Customers of these ids, each with a card on file at the Stripe stand-in."""
    http = stripe.HTTPXClient(timeout=60)
    client = stripe.StripeClient(SANDBOX_STRIPE_KEY, base_addresses={"api": stripe_url}, http_client=http)
    limit = asyncio.Semaphore(_AT_ONCE)

    async def register(customer_id: str) -> Customer:
        email = f"billing@{customer_id}.example"
        async with limit:
            registered = await client.v1.customers.create_async({"email": email})
            card = await client.v1.payment_methods.attach_async("pm_card_visa", {"customer": registered.id})
        return Customer(
            customer_id=customer_id,
            email=email,
            name=customer_id.title(),
            currency="eur",
            timezone="Europe/Paris",
            payment_method=CardOnFile(payer_id=registered.id, card_id=card.id),
        )

    try:
        return await asyncio.gather(*map(register, customer_ids))
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
