"""What the rails themselves have on record: money that arrived and money that went back, by Stripe and by the bank."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any, NamedTuple

from billing.receivables.journal import Cause, PaymentName
from sandbox.judge.stripe_journal import StripeJournal
from sandbox.stand_ins.bank import Statement

BANK = "transfer"
"""The rail of the bank account."""
_MOVED = ("pending", "succeeded", "needs_response", "under_review", "lost")
"""How a refund or a dispute stands while the customer has the money, or the bank withholds it."""


class Arrival(NamedTuple):
    """Money that arrived. ``month`` is what it is for ("": for whatever is due); ``is_named`` False: it was nobody's,
    until its owner was found: ``is_claimed``.
    """

    rail: str
    reference: str
    customer_id: str
    month: str
    amount_minor: int
    currency: str
    is_named: bool = True
    is_claimed: bool = False

    @property
    def name(self) -> PaymentName:
        return PaymentName.of(self.rail, self.reference)


class Step(NamedTuple):
    """A step of a refund or a dispute: below 0, money went back; above, it came back after that."""

    reversal: str
    original: PaymentName
    cause: Cause
    amount_minor: int


@dataclass(frozen=True)
class Registers:
    """Both by the name under which a rail's money is booked."""

    arrivals: dict[PaymentName, Arrival] = field(default_factory=dict)
    steps: dict[PaymentName, Step] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)  # refunds that were made twice

    @classmethod
    def read(cls, journal: StripeJournal, statement: Statement) -> "Registers":
        arrivals = {arrival.name: arrival for arrival in (*_at_stripe(journal), *_at_the_bank(statement))}
        steps = dict((*_back_by_stripe(journal), *_back_by_the_bank(statement)))
        asked = Counter(refund[-1].get("metadata", {}).get("billing_refund") for refund in journal.reversals.values())
        twice = [f"{name} was given back {times} times" for name, times in asked.items() if name and times > 1]
        return cls(arrivals, {name: step for name, step in steps.items() if step.original in arrivals}, twice)

    def balance(self) -> Counter[tuple[str, str]]:
        """What each rail holds of our customers' money, by rail and currency."""
        sums: Counter[tuple[str, str]] = Counter()
        for arrival in self.arrivals.values():
            sums[arrival.rail, arrival.currency] += arrival.amount_minor
        for step in self.steps.values():
            sums[step.original.rail, self.arrivals[step.original].currency] += step.amount_minor
        return sums

    def unclaimed(self) -> Counter[tuple[str, str]]:
        """What of it is nobody's."""
        sums: Counter[tuple[str, str]] = Counter()
        for arrival in self.arrivals.values():
            if not (arrival.is_named or arrival.is_claimed):
                sums[arrival.rail, arrival.currency] += arrival.amount_minor
        return sums


def _at_stripe(journal: StripeJournal) -> Iterator[Arrival]:
    """The charges and the payments by link that we have asked for."""
    for intent in journal.intents.values():
        now, about = intent.now, intent.now["metadata"]
        if intent.charged and about.get("billing_key"):
            yield Arrival(
                rail=intent.rail,
                reference=now["id"],
                customer_id=about["customer_id"],
                month=about["period"],
                amount_minor=now["amount_received"],
                currency=now["currency"],
            )


def _at_the_bank(statement: Statement) -> Iterator[Arrival]:
    for transfer in statement.transfers.values():
        yield Arrival(
            rail=BANK,
            reference=transfer.reference,
            customer_id=transfer.customer_id,
            month=transfer.month,
            amount_minor=transfer.amount_minor,
            currency=transfer.currency,
            is_named=transfer.is_named,
            is_claimed=transfer.reference in statement.claimed,
        )


def _back_by_stripe(journal: StripeJournal) -> Iterator[tuple[PaymentName, Step]]:
    """One step for each time that the money changes sides; the first has the id of its refund or dispute, the next
    ``id#2``.
    """
    for reversal, snapshots in journal.reversals.items():
        now, rail = snapshots[-1], _rail_of(journal, snapshots[-1])
        sides = [is_gone for is_gone, _ in groupby(_has_moved(snapshot) for snapshot in snapshots)]
        original = PaymentName.of(rail, now["payment_intent"])
        cause = Cause.REFUND if now["object"] == "refund" else Cause.CHARGEBACK
        for number, is_gone in zip(count(1), sides if sides[0] else sides[1:], strict=False):
            reference = f"{reversal}#{number}" if number > 1 else reversal
            amount_minor = -now["amount"] if is_gone else now["amount"]
            yield PaymentName.of(rail, reference), Step(reversal, original, cause, amount_minor)


def _back_by_the_bank(statement: Statement) -> Iterator[tuple[PaymentName, Step]]:
    for refund in statement.returns.values():
        original = PaymentName.of(BANK, refund.of)
        step = Step(refund.reference, original, Cause.REFUND, -refund.amount_minor)
        yield PaymentName.of(BANK, refund.reference), step


def _rail_of(journal: StripeJournal, reversal: dict[str, Any]) -> str:
    return journal.intents[reversal["payment_intent"]].rail


def _has_moved(snapshot: dict[str, Any]) -> bool:
    return snapshot["status"] in _MOVED
