"""The plan for subscribers, by the seed: every third customer has no card, a tariff, and a ladder."""

from random import Random
from typing import Any, NamedTuple

from billing.customers.customer import Customer, Terms
from billing.customers.ladder import parse_ladder
from billing.payments.methods import BillPayer
from sandbox.stack.sample import Sample

CURRENCY = "eur"
TARIFFS = {"net-100": 4500, "net-500": 7990}
"""The fee of a month, in minor units."""
_LADDERS = (
    "1 remind sms+mail, 4 warn sms, 8 suspend sms+mail, 20 disconnect",
    "-2 remind sms, 2 remind mail, 5 warn sms+mail, 9 limit, 12 warn mail, 16 suspend",
)
_BILL_BY = (("sms",), ("mail",), ("sms", "mail"))
TEXT_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "garbage_200", "executed": True},
    {"kind": "slow", "seconds": 1.0},
)
PROVISIONING_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 410},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "garbage_200", "executed": True},
    {"kind": "slow", "seconds": 1.0},
)


class PlannedService(NamedTuple):
    """``first``: the day of the first month on which the tariff begins; ``change_on``: of the second, if it changes."""

    tariff: str
    first: int
    discount_percent: int | None
    change_on: int | None


def is_subscriber(customer_id: str) -> bool:
    return int(customer_id.rpartition("-")[2]) % 3 == 0


def subscriber(member: Sample, draw: Random) -> Customer:
    """The member as somebody who gets bills; some have no email."""
    bill_by, number = draw.choice(_BILL_BY), int(member.customer_id.rpartition("-")[2])
    has_email = "mail" in bill_by or draw.random() < 0.5
    terms = {"ladder": parse_ladder(draw.choice(_LADDERS)), "bill_by": bill_by, "review_mode": member.review_mode}
    return Customer(
        customer_id=member.customer_id,
        name=member.name,
        email=member.email if has_email else None,
        phone=f"+7701{number:07}",
        currency=CURRENCY,
        timezone=member.timezone,
        payment_method=BillPayer(),
        terms=Terms.model_validate(terms),
    )


def planned_service(draw: Random) -> PlannedService:
    return PlannedService(
        tariff=draw.choice(sorted(TARIFFS)),
        first=draw.choice((1, 1, draw.randint(2, 28))),
        discount_percent=draw.choice((None, None, 15)),
        change_on=draw.choice((None, draw.randint(1, 28))),
    )
