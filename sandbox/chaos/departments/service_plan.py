"""The plan of service orders, by the seed: who is to be connected, how that ends, and what they want next."""

from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.customers.contact_hours import ContactHours
from billing.events.event import Destination, OutgoingEvent
from orders.service.service_order import ServiceRequest
from sandbox.chaos.plan import Plan
from sandbox.chaos.subscribers.subscriber_plan import CURRENCY, TARIFFS

STAFF = {f"{name}-{n}": name for name in ("operator", "accounting", "warehouse", "crew") for n in (1, 2)}
"""Two people of each department."""
FEE_MINOR = 1000
_ZONES = ("Pacific/Auckland", "Asia/Tokyo", "Asia/Almaty", "Europe/Paris", "America/New_York", "Pacific/Honolulu")
_AT_LEAST = 5
_CATEGORIES = ("No connection", "Slow connection", "Bill or payment", "Contract", "Something else")


class Ending(StrEnum):
    CONNECTED = "connected"
    IMPOSSIBLE = "refused"
    UNPAID = "unpaid"  # not all of the fee, so that it expires
    CANCELLED = "cancelled"


class Wish(StrEnum):
    """What somebody who is connected wants next."""

    REQUEST = "request"
    TARIFF = "change_tariff"
    LEAVE = "disconnect"


class PlannedConnection(NamedTuple):
    """``parts`` of the fee are paid one after the other; ``gives_up_at`` is the step at which it is cancelled."""

    number: str
    customer_id: str
    phone: str
    node: str
    tariff: str
    has_equipment: bool
    is_bought: bool
    ending: Ending
    parts: tuple[float, ...]
    is_by_app: bool
    gives_up_at: str
    wish: Wish
    category: str
    missing: str  # what the equipment costs that does not come back; "0": all of it does
    is_opened_twice: bool


def planned_connections(plan: Plan) -> list[PlannedConnection]:
    """A few, of every kind; one for each five customers at least."""
    return [_planned(plan.draw("connection", number), number) for number in range(max(_AT_LEAST, plan.customers // 5))]


def daytime_zone(now: datetime) -> str:
    """Where it is nearest to noon now, so that people may be texted."""
    return min(_ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))


def rests(event: OutgoingEvent) -> bool:
    """Whether it waits for contact hours: there are none on Sundays, wherever it is noon."""
    is_text, now = event.destination in (Destination.CUSTOMER, Destination.ANNOUNCEMENT), datetime.now(UTC)
    return is_text and ContactHours().next_allowed(now, daytime_zone(now)) > now


def _planned(draw: Random, number: int) -> PlannedConnection:
    ending = (*Ending, Ending.CONNECTED)[number % 5] if number else Ending.CONNECTED
    paid = ((1.0,), (0.4, 0.6), (0.5, 0.8))
    return PlannedConnection(
        number=f"connect-{number}",
        customer_id=f"newcomer-{number:03}",
        phone=f"+7702{number:07}",
        node=draw.choice(("north-1", "north-2")) if number else "north-1",
        tariff=draw.choice(sorted(TARIFFS)),
        has_equipment=draw.random() < 0.7,
        is_bought=draw.random() < 0.5,
        ending=ending,
        parts=(0.4,) if ending is Ending.UNPAID else draw.choice(paid),
        is_by_app=draw.random() < 0.5,
        gives_up_at=draw.choice(("feasibility", "fee", "plan_visit", "installation")),
        wish=tuple(Wish)[(number + draw.randint(0, 2)) % 3],
        category=draw.choice(_CATEGORIES),
        missing=draw.choice(("0", "49.90")),
        is_opened_twice=draw.random() < 0.5,
    )


def connection(planned: PlannedConnection, timezone: str) -> ServiceRequest:
    who = {"customer_id": planned.customer_id, "name": planned.customer_id.title(), "email": None}
    return ServiceRequest.model_validate(
        {
            "number": planned.number,
            "procedure": "connect",
            "buyer": who,
            "subscriber": {"phone": planned.phone, "address": f"Abay Ave. {planned.node}", "node": planned.node},
            "currency": CURRENCY,
            "timezone": timezone,
            "values": {"tariff": planned.tariff},
        }
    )


def next_wish(planned: PlannedConnection, account: str, timezone: str) -> ServiceRequest:
    values = {
        Wish.REQUEST: {"category": planned.category, "text": "Please look"},
        Wish.TARIFF: {"tariff": next(code for code in TARIFFS if code != planned.tariff)},
        Wish.LEAVE: {},
    }
    given = {"account": account, "currency": CURRENCY, "timezone": timezone, "values": values[planned.wish]}
    return ServiceRequest.model_validate({"number": f"{planned.number}-next", "procedure": str(planned.wish), **given})
