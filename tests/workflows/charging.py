"""Shared by the tests of charges: they fail, their answer is lost, and how often a card was tried."""

from typing import Any

from billing.invoices.month import Month
from tests.bed import Bed

ANN: dict[str, Any] = {"by": "ann", "reason": "asked by the customer"}
INTENTS = r"/v1/payment_intents$"
INTENT = r"/v1/payment_intents/pi_\w+$"
CONFIRM = "/confirm$"


async def overdue(bed: Bed, behaviour: str = "decline:insufficient_funds", **fields: Any) -> Month:
    """A customer whose October was declined; the chain is in November, and a collection has begun."""
    month = await bed.monitored(**fields)
    await bed.behaves(month.customer, behaviour)
    closed = await bed.closed()
    await bed.collects(lambda found: found.entry_count == 0)
    return closed


def attempts(bed: Bed) -> list[str]:
    """The outcome of every charge that was ever tried at the Stripe stand-in."""
    return [charge["status"] for charge in bed.objects("charge")]


async def answer_is_lost(bed: Bed, path: str) -> None:
    """Of the next charge the create or the confirm is carried out, and from then on Stripe is down."""
    await bed.stripe_fault(path=path, method="POST", kind="drop_after")
    answered = [("GET", INTENTS)]  # what comes before: the look-up; the create, and a look at what it made
    if path == CONFIRM:
        answered += [("POST", INTENTS), ("GET", INTENT)]
    for method, before in answered:
        await bed.stripe_fault(path=before, method=method, kind="slow", seconds=0)
    await bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
