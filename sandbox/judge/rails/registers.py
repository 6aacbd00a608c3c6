"""What the rails themselves have on record, by Stripe, the banks and the gateway: money that arrived, and went back."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any, NamedTuple

from billing.receivables.journal import Cause, PaymentName, Subject
from sandbox.judge.account import name_of
from sandbox.judge.rails.bank_book import NO_BANK, STATEMENTS, BankBook, minor
from sandbox.judge.rails.gateway_register import GatewayRegister
from sandbox.judge.rails.stripe_journal import StripeJournal
from sandbox.stand_ins.bank import Statement

BANK = "transfer"
"""The rail of the bank account."""
_MOVED = ("pending", "succeeded", "needs_response", "under_review", "lost")
"""How a refund or a dispute stands while the customer has the money, or the bank withholds it."""


class Arrival(NamedTuple):
    """Money that arrived. ``subject`` is what it is for, ``2026-11`` or ``order 1042`` ("": for whatever is due);
    ``is_named`` False: it was nobody's, until its owner was found: ``is_claimed``.
    """

    rail: str
    reference: str
    customer_id: str
    subject: str
    amount_minor: int
    currency: str
    is_named: bool = True
    is_claimed: bool = False

    @property
    def name(self) -> PaymentName:
        return PaymentName.of(self.rail, self.reference)


class Step(NamedTuple):
    """A step of a refund or a dispute: below 0, money went back; above, it came back after that.

    ``amount_minor`` None: the rail has no name for it, and says only how much has gone back in all.
    """

    reversal: str
    original: PaymentName
    cause: Cause
    amount_minor: int | None


@dataclass(frozen=True)
class Registers:
    """Both by the name under which a rail's money is booked."""

    arrivals: dict[PaymentName, Arrival] = field(default_factory=dict)
    steps: dict[PaymentName, Step] = field(default_factory=dict)
    returned: dict[PaymentName, list[int]] = field(default_factory=dict)  # what had gone back in all, time after time
    repeated: list[str] = field(default_factory=list)  # refunds that were made twice
    bank: BankBook = field(default_factory=BankBook)

    @classmethod
    def read(
        cls, journal: StripeJournal, statement: Statement, gateway: GatewayRegister, bank: BankBook = NO_BANK
    ) -> "Registers":
        by_app = (*_by_the_banks_app(bank), *_by_the_banks_statements(bank))
        found = (*_at_stripe(journal), *_at_the_bank(statement), *_at_the_gateway(gateway), *by_app)
        arrivals = {arrival.name: arrival for arrival in found}
        back = (*_back_by_the_bank(statement), *_back_by_the_gateway(gateway), *_back_by_the_banks_app(bank))
        steps = dict((*_back_by_stripe(journal), *back))
        asked = Counter(refund[-1].get("metadata", {}).get("billing_refund") for refund in journal.reversals.values())
        twice = [f"{name} was given back {times} times" for name, times in asked.items() if name and times > 1]
        returned = {PaymentName.of(gateway.rail, attempt.reference): attempt.returned for attempt in gateway.paid()}
        own = {name: step for name, step in steps.items() if step.original in arrivals}
        return cls(arrivals, own, returned, twice, bank)

    def balance(self) -> Counter[tuple[str, str]]:
        """What each rail holds of our customers' money, by rail and currency."""
        sums: Counter[tuple[str, str]] = Counter()
        for arrival in self.arrivals.values():
            sums[arrival.rail, arrival.currency] += arrival.amount_minor
        for step in self.steps.values():
            sums[step.original.rail, self.arrivals[step.original].currency] += step.amount_minor or 0
        for name, totals in self.returned.items():
            sums[name.rail, self.arrivals[name].currency] -= totals[-1] if totals else 0
        for line in self.bank.settlements():
            sums[STATEMENTS, line.currency] += minor(line.amount, line.currency)
            sums[line.rail, line.currency] -= minor(line.gross, line.currency)
        return sums

    def fees(self) -> Counter[tuple[str, str]]:
        """What each rail has kept for itself, by rail and currency."""
        sums: Counter[tuple[str, str]] = Counter()
        for line in self.bank.settlements():
            sums[line.rail, line.currency] += minor(line.gross, line.currency) - minor(line.amount, line.currency)
        return sums

    def unbooked_returns(
        self, paid: Container[PaymentName], steps: Container[PaymentName], returned: Mapping[PaymentName, int]
    ) -> Iterator[str]:
        """What has gone back of ``paid``, and is not among ``steps``; or, where refunds have no names, ``returned``."""
        missing = Counter[str]()
        for name, step in self.steps.items():
            if step.original in paid and name not in steps:
                missing[step.reversal] += step.amount_minor or 0
        for reversal, amount_minor in missing.items():
            if amount_minor:
                yield f"{amount_minor} that moved by {reversal} are not booked"
        for original, totals in self.returned.items():
            if original in paid and totals and returned[original] != totals[-1]:
                booked, reference = returned[original], self.arrivals[original].reference
                yield f"of {reference} {totals[-1]} have gone back, {booked} are booked"

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
                subject=about.get("subject") or about["period"],
                amount_minor=now["amount_received"],
                currency=now["currency"],
            )


def _at_the_bank(statement: Statement) -> Iterator[Arrival]:
    for transfer in statement.transfers.values():
        yield Arrival(
            rail=BANK,
            reference=transfer.reference,
            customer_id=transfer.customer_id,
            subject=name_of(Subject.order(transfer.order)) if transfer.order else transfer.month,
            amount_minor=transfer.amount_minor,
            currency=transfer.currency,
            is_named=transfer.is_named,
            is_claimed=transfer.reference in statement.claimed,
        )


def _at_the_gateway(gateway: GatewayRegister) -> Iterator[Arrival]:
    for attempt in gateway.paid():
        yield Arrival(
            rail=gateway.rail,
            reference=attempt.reference,
            customer_id=attempt.customer_id,
            subject=attempt.subject,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            is_named=bool(attempt.customer_id),
        )


def _by_the_banks_app(bank: BankBook) -> Iterator[Arrival]:
    """Also what it waits to be answered about: it may be booked by now."""
    for payment in bank.kept():
        owner, currency = bank.owner(payment), bank.currency(payment)
        yield Arrival(
            rail=payment.rail,
            reference=payment.txn_id,
            customer_id=owner,
            subject="",
            amount_minor=minor(payment.sum, currency),
            currency=currency,
            is_named=bool(owner),
        )


def _by_the_banks_statements(bank: BankBook) -> Iterator[Arrival]:
    """What others than the bank have sent: what it passes on of its app's payments has arrived before."""
    for line in bank.transfers():
        yield Arrival(
            rail=STATEMENTS,
            reference=line.reference,
            customer_id=line.customer_id,
            subject=name_of(Subject.order(line.order)) if line.order else "",
            amount_minor=minor(line.amount, line.currency),
            currency=line.currency,
            is_named=line.is_named and bool(line.customer_id),
            is_claimed=line.is_claimed,
        )


def _back_by_the_banks_app(bank: BankBook) -> Iterator[tuple[PaymentName, Step]]:
    for payment in bank.kept():
        if payment.reversed_by:
            original, minus = PaymentName.of(payment.rail, payment.txn_id), -minor(payment.sum, bank.currency(payment))
            step = Step(payment.reversed_by, original, Cause.CHARGEBACK, minus)
            yield PaymentName.of(payment.rail, payment.reversed_by), step


def _back_by_the_gateway(gateway: GatewayRegister) -> Iterator[tuple[PaymentName, Step]]:
    """The gateway names no refund; each that we have seen has a number here, and several may be seen together."""
    for attempt in gateway.paid():
        original = PaymentName.of(gateway.rail, attempt.reference)
        for number in range(1, len(attempt.returned) + 1):
            reference = f"{attempt.reference}#refund-{number}"
            yield PaymentName.of(gateway.rail, reference), Step(reference, original, Cause.REFUND, None)


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
