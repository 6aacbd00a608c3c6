"""What is told of an order: to production, to the order's workflow, and to the company's own system."""

from billing.model import Code, Count, Id, Many, Minor, Model
from orders.order import FileDigest, OrderLine, OrderStage, ReleaseKind


class OrderData(Model):
    """Which order an event is about, and where it stood then."""

    number: Code
    version: Count
    stage: OrderStage


class ReleaseData(Model):
    """What production may do from now on, with exactly the version that was agreed (``order.released``).

    ``owed_minor`` were outstanding at that moment. The id of the event is the idempotency key: a copy has the same.
    """

    number: Code
    version: Count
    kind: ReleaseKind
    customer_id: Id
    lines: Many[OrderLine]
    file_digest: FileDigest | None
    currency: Code
    price_minor: Minor
    owed_minor: Minor
