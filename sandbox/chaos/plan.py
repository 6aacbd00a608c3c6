"""The plan of a run, by its seed: the customers, their sales, and what breaks at which step."""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

from billing.customers.customer import ReviewMode
from sandbox.chaos.stalls import Place
from sandbox.chaos.subscribers.subscriber_plan import CURRENCY, PROVISIONING_FAULTS, TEXT_FAULTS, is_subscriber
from sandbox.stack.sample import Sample

Rule = dict[str, Any]

_ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Pacific/Auckland")
_CURRENCIES = ("eur", "usd", "jpy", "bhd")
_CARDS = (
    *("pm_card_visa",) * 7,
    "pm_card_chargeCustomerFail",
    "pm_card_chargeCustomerFailInsufficientFunds",
    "pm_card_authenticationRequired",
)
_UNREADABLE = ("'12,50", "#REF!", "soon", "")


@dataclass(frozen=True)
class Member(Sample):
    """A customer of the plan; with a ``slow_bank``, payments are processing for a while."""

    slow_bank: bool = False


@dataclass(frozen=True)
class Kill:
    """A worker dies after some seconds, or as soon as Stripe has an unconfirmed payment; and comes back."""

    worker: int
    after_seconds: float
    at_payment: bool
    down_seconds: float


class Occasion(StrEnum):
    """When a customer may send money for a month."""

    ANNOUNCED = "announced"  # between its notice and its charge
    OWED = "owed"  # the charge has failed
    PAID = "paid"  # the card has paid: too much
    PRESSED = "pressed"  # the service is limited or suspended, of somebody who pays late


@dataclass(frozen=True)
class Sending:
    """Money that a customer sends by transfer: ``copies`` equal transfers of a ``share`` of the bill."""

    share: float
    copies: int
    is_named: bool
    names_month: bool
    is_recorded_twice: bool
    returned: float  # the share of it that is sent back
    is_by_app: bool = False  # at the bank's app instead, where its currency is the contracts' own


@dataclass(frozen=True)
class FaultPlan:
    """What breaks while time passes once."""

    stripe: list[Rule] = field(default_factory=list)
    sheets: list[Rule] = field(default_factory=list)
    mail: list[Rule] = field(default_factory=list)
    events: list[Rule] = field(default_factory=list)
    texts: list[Rule] = field(default_factory=list)
    provisioning: list[Rule] = field(default_factory=list)
    forgotten: float | None = None  # which account provisioning does not know for a while, as a share of all
    latency_seconds: float = 0.0
    no_worksheet: bool = False
    ledger_locked_seconds: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    stalls: dict[Place, float] = field(
        default_factory=dict
    )  # where a workflow's thread stalls, and for how many seconds
    server_dies_after_seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """Each draw is seeded by the run's seed and by its subject, so that no draw changes another."""

    seed: int
    customers: int
    months: int

    @property
    def limit_seconds(self) -> int:
        """A run that takes longer will not end: several times what the slowest one took."""
        return 900 + 45 * self.customers * self.months

    def draw(self, *about: object) -> Random:
        return Random("/".join(map(str, (self.seed, *about))))

    def members(self) -> list[Member]:
        return [self._member(f"customer-{number:03}") for number in range(1, self.customers + 1)]

    def _member(self, customer_id: str) -> Member:
        draw = self.draw("member", customer_id)
        return Member(
            customer_id=customer_id,
            name=customer_id.title(),
            currency=CURRENCY if is_subscriber(customer_id) else draw.choice(_CURRENCIES),
            timezone=draw.choice(_ZONES),
            sales=(),
            card=draw.choice(_CARDS),
            slow_bank=not is_subscriber(customer_id) and draw.random() < 0.1,
            review_mode=draw.choices((ReviewMode.MONITOR, ReviewMode.APPROVE), (8, 2))[0],
        )

    def sales(self, customer_id: str, currency: str, period: str) -> list[tuple[str, str]]:
        """Amount, as typed, and description of each row; often none."""
        draw = self.draw("sales", customer_id, period)
        count = draw.choices((0, 1, 2, 3, 20), (1, 6, 4, 2, 1))[0]
        return [(_amount(draw, currency), f"Sale {number}") for number in range(1, count + 1)]

    def late_sale(self, customer_id: str, currency: str, period: str) -> str | None:
        """The amount of a row that is typed after the draft; larger than any that reviewers add, to tell them apart."""
        draw = self.draw("late", customer_id, period)
        return _typed(draw.randint(100_000, 200_000), currency) if draw.random() < 0.2 else None

    def sending(self, occasion: Occasion, customer_id: str, period: str) -> Sending | None:
        """What the customer sends for the month on this occasion; often nothing."""
        draw = self.draw("transfer", occasion, customer_id, period)
        if draw.random() >= _SENDS[occasion]:
            return None
        if occasion is Occasion.PRESSED and draw.random() < 0.5:  # in three parts, of which the last is a little more
            return Sending(0.34, 3, is_named=True, names_month=True, is_recorded_twice=False, returned=0.0)
        return Sending(
            share=draw.choice((1.0, 1.0, 1.0, 0.4, 1.5)),
            copies=draw.choices((1, 2), (6, 1))[0],
            is_named=draw.random() < 0.75,
            names_month=draw.random() < 0.6,
            is_recorded_twice=draw.random() < 0.3,
            returned=draw.choices((0.0, 0.5, 1.0), (8, 1, 1))[0],
            is_by_app=draw.random() < 0.5,
        )

    def is_late(self, customer_id: str, period: str) -> bool:
        """Whether this subscriber pays the bill only once something is restricted, if at all."""
        return is_subscriber(customer_id) and self.draw("late payer", customer_id, period).random() < 0.6

    def refund(self, customer_id: str, period: str) -> float:
        """The share of the card's payment that goes back to it; often 0."""
        return self.draw("refund", customer_id, period).choices((0.0, 0.3, 1.0), (8, 1, 1))[0]

    def faults(self, step: int) -> FaultPlan:
        draw, draw_of_services = self.draw("storm", step), self.draw("forgotten", step)
        return FaultPlan(
            stripe=_some(draw, _STRIPE, 0.9, "/v1/payment_intents"),
            sheets=_some(draw, _SHEETS, 0.9, "/v4/"),
            mail=[_mail(draw, self.customers) for _ in range(draw.choice((0, 0, 1, 4)))],
            events=_some(self.draw("events", step), _EVENTS, 0.7, "/events"),
            texts=_some(self.draw("texts", step), TEXT_FAULTS, 0.6, "^/rest/"),
            provisioning=_some(self.draw("services", step), PROVISIONING_FAULTS, 0.6, "^/services"),
            forgotten=draw_of_services.random() if draw_of_services.random() < 0.3 else None,
            latency_seconds=draw.choice((0.0, 0.1, 0.3)),
            no_worksheet=draw.random() < 0.05,
            ledger_locked_seconds=draw.choices((0.0, 1.0, 2.0, 11.0), (30, 3, 2, 1))[0],
            kills=_kills(draw),
            stalls=_stalls(self.draw("stalls", step)),
            server_dies_after_seconds=draw.random() if draw.random() < 0.05 else None,
        )


_SENDS = {Occasion.ANNOUNCED: 0.4, Occasion.OWED: 0.7, Occasion.PAID: 0.2, Occasion.PRESSED: 0.8}
"""How often."""

_STRIPE: tuple[Rule, ...] = (
    {"kind": "drop_before"},
    {"kind": "drop_after", "method": "POST"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 500, "method": "POST", "cached": True},
    {"kind": "status", "status": 500, "method": "POST", "cached": True, "executed": True},
    {"kind": "html_502", "executed": True},
    {"kind": "garbage_200", "executed": True},
    {"kind": "garbage_200", "method": "GET"},
    {"kind": "rate_limit"},
    {"kind": "status", "status": 409, "method": "POST"},
    {"kind": "slow", "seconds": 0.5},
)
_SHEETS: tuple[Rule, ...] = (
    {"kind": "rate_limit"},
    {"kind": "status", "status": 500},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "garbage_200"},
)
_EVENTS: tuple[Rule, ...] = (
    {"kind": "status", "status": 500},
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "slow", "seconds": 1.0},
)

WEBHOOKS: tuple[Rule, ...] = tuple(
    {"kind": kind, "times": None, "probability": 0.1} for kind in ("duplicate", "reorder", "delay", "drop")
)
"""Faults of Stripe's events, throughout a run."""


def _some(draw: Random, rules: tuple[Rule, ...], often: float, path: str) -> list[Rule]:
    if draw.random() > often:
        return []
    chosen = draw.sample(rules, draw.choice((1, 2, 3)))
    return [rule | {"path": path, "times": None, "probability": draw.choice((0.1, 0.3, 0.6))} for rule in chosen]


def _mail(draw: Random, customers: int) -> Rule:
    """Only customers' addresses refuse mail; any server may be slow to accept it."""
    action = draw.choices(("defer", "drop_reply", "refuse"), (4, 3, 1))[0]
    number = draw.randint(1, customers)
    recipient = {"recipient": f"billing@customer-{number:03}.example"} if action == "refuse" else {}
    return {"action": action, "times": draw.randint(1, 3), **recipient}


def _kills(draw: Random) -> list[Kill]:
    """Half of all payments lose their worker; otherwise one dies now and then, and sometimes both."""
    kills = [(draw.random() < 0.5, True), (draw.random() < 0.15, False), (draw.random() < 0.05, False)]
    first = draw.choice((0, 1))
    return [
        Kill((first + number) % 2, draw.uniform(0, 0.8), at_payment, draw.choice((0.0, 0.0, 1.0)))
        for number, (is_drawn, at_payment) in enumerate(kills)
        if is_drawn
    ]


def _stalls(draw: Random) -> dict[Place, float]:
    """Each longer than the two seconds after which the SDK gives up on a step."""
    return {place: draw.uniform(2.2, 4.5) for place in Place if draw.random() < 0.1}


def _amount(draw: Random, currency: str) -> str:
    kind = draw.choices(("usual", "tiny", "credit", "unreadable"), (30, 3, 2, 1))[0]
    if kind == "unreadable":
        return draw.choice(_UNREADABLE)
    minor = draw.randint(1, 40) if kind == "tiny" else draw.randint(60, 99_999)
    return f"{'-' if kind == 'credit' else ''}{_typed(minor, currency)}"


def _typed(minor: int, currency: str) -> str:
    """As a number, or as a spreadsheet shows it: then it is text."""
    thousands = "," if minor % 5 == 0 else ""
    match currency:
        case "jpy":
            return f"{minor:{thousands}}"
        case "bhd":
            return f"{minor // 100:{thousands}}.{minor % 100:02}0"
    return f"{minor // 100:{thousands}}.{minor % 100:02}"
