"""The emergency brake, pulled and released on the customer's clock."""

from datetime import datetime, timedelta

from billing.reviewers.brake import Brake
from tests.bed import Bed

MINUTES = timedelta(minutes=2)  # longer than between two looks at the brake


async def clock(bed: Bed, customer_id: str = "acme") -> datetime:
    return await bed.clock(bed.handle(customer_id))


async def pull(bed: Bed, why: str = "last year's sheet") -> Brake:
    return await bed.ledger.pull_brake("ann", why, "cli", await clock(bed))


async def release(bed: Bed, customer_id: str = "acme") -> datetime:
    """Releases the brake now, on the customer's clock."""
    at = await clock(bed, customer_id)
    await bed.ledger.release_brake("bob", "mended", "cli", at)
    return at
