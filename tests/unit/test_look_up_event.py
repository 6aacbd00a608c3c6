"""Which event has an attempt at a gateway looked up."""

from datetime import UTC, datetime

import pytest

from billing.payments.gateway import GatewayState, GatewayTransaction
from services.gateways.reader import GATEWAY_ATTEMPT, GATEWAY_RETURNED, look_up_event


@pytest.mark.parametrize(
    ("state", "returned_minor", "kind"),
    [
        (GatewayState.APPROVED, 0, GATEWAY_ATTEMPT),
        (GatewayState.APPROVED, None, GATEWAY_ATTEMPT),
        (GatewayState.APPROVED, 500, GATEWAY_RETURNED),
        (GatewayState.GOING_BACK, None, GATEWAY_RETURNED),
    ],
)
def test_money_that_has_arrived_is_not_looked_up_as_money_that_goes_back(
    state: GatewayState, returned_minor: int | None, kind: str
) -> None:
    seen = GatewayTransaction.model_construct(
        rail="wayforpay",
        currency="eur",
        paid_at=datetime.now(UTC),
        reference="1042",
        code="Approved",
        state=state,
        amount_minor=1000,
        returned_minor=returned_minor,
    )
    assert look_up_event(seen, datetime.now(UTC)).type == kind
