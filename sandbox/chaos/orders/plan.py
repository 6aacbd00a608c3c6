"""The plan of a run's orders, by its seed: who orders what, and how each is paid, changed and given up."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from billing.money import step_minor
from sandbox.chaos.plan import Plan, Rule

GATEWAY_CURRENCIES = ("eur", "usd")


class Move(StrEnum):
    """What happens next to an order; the number that goes with it is a share of the price that it began with."""

    TRANSFER = "transfer"
    APP = "app"  # at the bank, by the buyer's account number
    TYPED = "typed"  # at the gateway's own page, where the payer types the number
    GATEWAY_LINK = "gateway link"  # by a link for what is owed
    STRIPE_LINK = "stripe link"
    LEFT_LINK = "left link"  # opened, and not paid yet
    DECLINED = "declined"  # at the gateway's link
    RACE = "race"  # by transfer and at the gateway, at once
    AMEND = "amend"  # to that share of the price
    HALT = "halt"
    RESUME = "resume"
    CANCEL = "cancel"
    CANCEL_WITH_REFUND = "cancel with refund"
    REFUND = "refund"  # of a payment that it has, by people
    CABINET = "cabinet"  # of a payment at the gateway, in the shop's cabinet
    WAIT = "wait"


Moves = tuple[tuple[Move, float], ...]
_PAY = (Move.TRANSFER, Move.TYPED, Move.APP)
_BANK_CURRENCY = "eur"
_LINK = (Move.GATEWAY_LINK, Move.STRIPE_LINK)


@dataclass(frozen=True)
class PlannedOrder:
    """``expires_seconds`` after it was placed; None: never."""

    number: str
    customer_id: str
    currency: str
    price_minor: int
    moves: Moves
    deposit_percent: int | None = None
    tolerance_minor: int = 0
    expires_seconds: float | None = None
    is_placed_twice: bool = False


def planned_orders(plan: Plan) -> list[PlannedOrder]:
    """Every kind of story once, and more with more customers; a third is of customers who are billed monthly."""
    count = max(plan.customers, len(_STORIES))
    return [_planned(plan, number) for number in range(1, count + 1)]


def _planned(plan: Plan, number: int) -> PlannedOrder:
    draw, members = plan.draw("order", number), plan.members()
    story = _STORIES[number % len(_STORIES)]
    is_monthly = draw.random() < 0.35
    member = draw.choice(members)
    currency = member.currency if is_monthly else draw.choice(GATEWAY_CURRENCIES)
    if story is _by_app:
        is_monthly, currency = is_monthly and member.currency == _BANK_CURRENCY, _BANK_CURRENCY
    step = step_minor(currency)
    pay = draw.choice(_PAY if currency in GATEWAY_CURRENCIES else (Move.TRANSFER,))
    link = draw.choice(_LINK if currency in GATEWAY_CURRENCIES else (Move.STRIPE_LINK,))
    return PlannedOrder(
        number=f"order-{number}",
        customer_id=member.customer_id if is_monthly else f"buyer-{draw.randint(1, 6)}",
        currency=currency,
        price_minor=draw.randint(2_000, 90_000) // step * step,
        moves=_allowed(story(pay, link), currency),
        deposit_percent=30 if story is _deposit else None,
        tolerance_minor=draw.choice((0, 0, step)),
        expires_seconds=draw.uniform(2, 6) if story is _expires else None,
        is_placed_twice=draw.random() < 0.3,
    )


def _allowed(moves: Moves, currency: str) -> Moves:
    """The gateway takes amounts with two decimals only, and the bank's app one currency."""
    if currency in GATEWAY_CURRENCIES:
        is_by_app = currency == _BANK_CURRENCY
        return tuple((Move.TRANSFER if move is Move.APP and not is_by_app else move, share) for move, share in moves)
    instead = {
        Move.APP: Move.TRANSFER,
        Move.TYPED: Move.TRANSFER,
        Move.RACE: Move.TRANSFER,
        Move.GATEWAY_LINK: Move.STRIPE_LINK,
    }
    left_out = (Move.DECLINED, Move.CABINET)
    return tuple((instead.get(move, move), share) for move, share in moves if move not in left_out)


# -- stories


def _parts(pay: Move, link: Move) -> Moves:
    return (pay, 0.4), (Move.TYPED, 0.6)


def _by_app(pay: Move, link: Move) -> Moves:
    return (Move.APP, 0.4), (Move.APP, 0.4), (pay, 0.5)


def _deposit(pay: Move, link: Move) -> Moves:
    return (pay, 0.3), (Move.WAIT, 0), (link, 1)


def _linked(pay: Move, link: Move) -> Moves:
    return ((link, 1),)


def _twice(pay: Move, link: Move) -> Moves:
    return (Move.LEFT_LINK, 1), (pay, 1), (pay, 1)


def _raced(pay: Move, link: Move) -> Moves:
    return ((Move.RACE, 1),)


def _raised(pay: Move, link: Move) -> Moves:
    return (pay, 0.4), (Move.LEFT_LINK, 1), (Move.AMEND, 1.5), (link, 1)


def _lowered(pay: Move, link: Move) -> Moves:
    return (pay, 0.5), (Move.AMEND, 0.3)


def _cancelled(pay: Move, link: Move) -> Moves:
    return (pay, 0.4), (Move.LEFT_LINK, 1), (Move.CANCEL, 1), (pay, 0.6)


def _refunded(pay: Move, link: Move) -> Moves:
    return (Move.TRANSFER, 0.3), (Move.TYPED, 0.4), (Move.CANCEL_WITH_REFUND, 1)


def _halted(pay: Move, link: Move) -> Moves:
    return (Move.HALT, 1), (pay, 1), (Move.WAIT, 0), (Move.RESUME, 1)


def _given_back(pay: Move, link: Move) -> Moves:
    by = Move.TRANSFER if pay is Move.APP else pay  # a bank gives nothing back by its app
    return (by, 1), (Move.REFUND, 0.3), (pay, 0.3)


def _reversed(pay: Move, link: Move) -> Moves:
    return (Move.TYPED, 1.2), (Move.CABINET, 0.2), (Move.CABINET, 0.3), (Move.TRANSFER, 0.3)


def _expires(pay: Move, link: Move) -> Moves:
    return (pay, 0.5), (Move.WAIT, 0), (Move.WAIT, 0), (pay, 0.5)


def _declined(pay: Move, link: Move) -> Moves:
    return (Move.DECLINED, 1), (Move.GATEWAY_LINK, 1), (pay, 0.1)


_STORIES = (
    *(_parts, _deposit, _linked, _twice, _raced, _raised, _lowered, _cancelled),
    *(_refunded, _halted, _given_back, _reversed, _expires, _declined, _by_app, _by_app),
)


# -- what breaks


@dataclass(frozen=True)
class OrderFaults:
    """What breaks for orders while time passes once. ``brake_seconds``: for so long the brake is on."""

    gateway: tuple[Rule, ...] = ()
    production: tuple[Rule, ...] = ()
    brake_seconds: float | None = None
    console_dies_after_seconds: float | None = None
    inbound_dies_after_seconds: float | None = None


NO_FAULTS = OrderFaults()


def order_faults(plan: Plan, step: int) -> OrderFaults:
    draw, at_inbound = plan.draw("orders break", step), plan.draw("inbound breaks", step)
    return OrderFaults(
        gateway=_some(draw, _GATEWAY, "^/api/"),
        production=_some(draw, _PRODUCTION, "^/releases"),
        brake_seconds=draw.uniform(0.3, 1.5) if draw.random() < 0.15 else None,
        console_dies_after_seconds=draw.uniform(0, 1) if draw.random() < 0.1 else None,
        inbound_dies_after_seconds=at_inbound.uniform(0, 1) if at_inbound.random() < 0.2 else None,
    )


def _some(draw: Random, rules: tuple[Rule, ...], path: str) -> tuple[Rule, ...]:
    chosen = draw.sample(rules, draw.choice((0, 1, 1, 2)))
    return tuple(rule | {"path": path, "times": None, "probability": draw.choice((0.1, 0.3, 0.6))} for rule in chosen)


_GATEWAY: tuple[Rule, ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "status", "status": 500},
    {"kind": "html_502", "executed": True},
    {"kind": "garbage_200", "executed": True},
    {"kind": "slow", "seconds": 0.5},
)
_PRODUCTION: tuple[Rule, ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 410},
    {"kind": "slow", "seconds": 1.0},
)
CALLBACKS: tuple[Rule, ...] = tuple(
    {"kind": kind, "times": None, "probability": 0.15}
    for kind in (
        *("duplicate", "reorder", "drop", "delay", "expired_after", "pending_first"),
        *("form_key", "form_value", "form_fields"),
    )
)
"""Faults of the gateway's callbacks, throughout a run."""
BANK_CALLS: tuple[Rule, ...] = tuple(
    {"kind": kind, "times": None, "probability": 0.15}
    for kind in ("twice", "break_line", "without_check", "again", "other_sum")
)
"""Faults of the bank's calls, throughout a run."""
