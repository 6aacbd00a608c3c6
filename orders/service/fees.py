"""The bill of a service order's fee, in the form in which the postings of orders take it."""

from datetime import datetime
from typing import NamedTuple

from billing.receivables.journal import Subject
from orders.service.service_order import ServiceOrder


class FeeBill(NamedTuple):
    """``version`` is the position of the payment step: an order may have several fees, one after the other."""

    number: str
    customer_id: str
    currency: str
    price_minor: int
    version: int
    opened_at: datetime

    @property
    def subject(self) -> Subject:
        return Subject.fee(self.number)


def fee_bill(order: ServiceOrder, price_minor: int) -> FeeBill:
    """The bill of the payment step at which the order is."""
    return FeeBill(
        order.number, order.customer_id, order.currency, price_minor, order.position, opened_at=order.step_since
    )
