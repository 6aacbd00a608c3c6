"""What a person's change makes of an order, and what is refused."""

import pytest

from billing.errors import InvalidInput
from billing.progress import Halted
from orders.effects import effect
from orders.order import End, EndKind, Order, OrderStanding
from tests.ordering import AT, agreement, resume


def test_a_halted_order_that_was_ended_is_not_resumed() -> None:
    halt, end = Halted(by="ann", reason="wait", at=AT), End(kind=EndKind.CANCELLED, by="ann", reason="no", at=AT)
    order = Order(
        number="1042",
        customer_id="buyer",
        currency="eur",
        agreed=agreement(10000),
        opened_at=AT,
        opened_by="",
        halt=halt,
    )
    halted = OrderStanding(order=order, owed_minor=0)
    assert effect(halted, resume(), AT).order.halt is None
    ended = halted.evolve(order=order.evolve(end=end))
    with pytest.raises(InvalidInput, match="order 1042 was cancelled by ann"):
        effect(ended, resume(), AT)
