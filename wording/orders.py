"""English about orders: a release, for people in production."""

from collections.abc import Iterator

from billing.money import format_amount
from orders.events import ReleaseData
from orders.order import ReleaseKind
from wording.english import one_line

_MAY = {ReleaseKind.PRODUCTION: "may be produced", ReleaseKind.SHIPMENT: "may be shipped"}


def release_title(data: ReleaseData) -> str:
    """``Order 1042, version 2, may be produced``."""
    return f"Order {data.number}, version {data.version}, {_MAY[data.kind]}"


def release_text(data: ReleaseData, event_id: str) -> str:
    """What may be made, and of which file; typed text is on one line."""
    return "\n".join(_lines(data, event_id))


def _lines(data: ReleaseData, event_id: str) -> Iterator[str]:
    yield f"{release_title(data)}."
    if data.file_digest is not None:
        yield f"File (SHA-256): {data.file_digest}"
    paid = format_amount(data.price_minor - data.owed_minor, data.currency)
    yield f"Customer {data.customer_id}: {paid} of {format_amount(data.price_minor, data.currency)} are paid"
    yield f"Release {event_id}: if it comes twice, it is the same one"
    yield ""
    for line in data.lines:
        yield f"{line.quantity} x {one_line(line.description)}"
