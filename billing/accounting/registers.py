"""Registers beside clearing accounts: what a processor has taken of each payment, and what the journal says of it.

A rail's register is its own list of what it has taken and given back. Of a rail by hand, people are the register: the
journal has what they have recorded, and nobody confirms it. All amounts are net of what went back. Pure;
``activities/registers/processors.py`` looks, and takes in what the journal lacks.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, RailTotal
from billing.money import sums_text
from billing.payments.gateway import GatewayState, GatewayTransaction
from billing.payments.payment import Payment, PaymentStatus, Reversal
from billing.period import Period
from billing.receivables.incoming import ClearedPayment, PaymentRecord
from billing.receivables.journal import PaymentName
from billing.remedies import Remedy, RemedyAction

Sums = Counter[str]
"""Minor units by currency."""


class RailPayment(NamedTuple):
    """One payment in both books. None: it is not there; ``is_by_hand``: it has no register but people."""

    name: PaymentName
    reference: str
    customer_id: str
    registered: Sums | None = None
    cleared: Sums | None = None
    is_by_hand: bool = False
    is_unsaid: bool = False  # the register does not say how much of it went back

    @property
    def agrees(self) -> bool:
        if self.is_unsaid:
            return False
        return self.is_by_hand or (self.registered or Sums()) == (self.cleared or Sums())  # which ignores zeros

    def in_journal(self, record: PaymentRecord | None) -> "RailPayment":
        """As the journal has it now."""
        return self._replace(cleared=Sums(record.cleared_minor) if record else None)


def registered(payment: Payment, reversals: Iterable[Reversal]) -> Sums:
    """What the processor has of the payment, by its own record of it."""
    moved = [reversal for reversal in reversals if reversal.status.has_moved]
    sums = Sums()
    if payment.status is PaymentStatus.SUCCEEDED or moved:
        sums[payment.currency] += payment.amount_minor
    for reversal in moved:
        sums[reversal.currency] -= reversal.amount_minor
    return sums


def registered_at(seen: GatewayTransaction) -> Sums | None:
    """What a gateway has of an attempt to pay; None: it has brought nothing, so that it is in no book."""
    if seen.state not in (GatewayState.APPROVED, GatewayState.GOING_BACK) or not seen.amount_minor:
        return None
    return Sums({seen.currency: seen.amount_minor - (seen.returned_minor or 0)})


def side_by_side(
    payments: Iterable[Payment], reversals: Iterable[Reversal], cleared: Iterable[ClearedPayment]
) -> list[RailPayment]:
    """The payments of a period in both books, in the order of their names. Payments that are not ours are left out."""
    by_payment: dict[str, list[Reversal]] = {}
    for reversal in reversals:
        by_payment.setdefault(reversal.payment_id, []).append(reversal)
    pairs: dict[PaymentName, RailPayment] = {}
    for payment in payments:
        if payment.key:
            name = PaymentName.of(payment.rail, payment.payment_id)
            sums = registered(payment, by_payment.get(payment.payment_id, ()) if payment.reversed else ())
            pairs[name] = RailPayment(name, payment.payment_id, payment.customer_id, sums)
    for row in cleared:
        new = RailPayment(row.name, row.reference, row.customer_id or "", is_by_hand=row.by is not None)
        pair = pairs.setdefault(row.name, new)
        sums = Sums(pair.cleared or ())
        sums[row.currency] += row.amount_minor
        pairs[row.name] = pair._replace(cleared=sums)
    return [pairs[name] for name in sorted(pairs)]


def totals(pairs: Sequence[RailPayment]) -> tuple[RailTotal, ...]:
    """By rail and currency; without those that had nothing."""
    register: Counter[tuple[str, str]] = Counter()
    clearing: Counter[tuple[str, str]] = Counter()
    by_hand = set[tuple[str, str]]()
    for pair in pairs:
        for currency, minor in (pair.registered or Sums()).items():
            register[pair.name.rail, currency] += minor
        for currency, minor in (pair.cleared or Sums()).items():
            clearing[pair.name.rail, currency] += minor
            if pair.is_by_hand:
                by_hand.add((pair.name.rail, currency))
    return tuple(
        RailTotal(
            rail=rail,
            currency=currency,
            register_minor=None if (rail, currency) in by_hand else register[rail, currency],
            clearing_minor=clearing[rail, currency],
        )
        for rail, currency in sorted(register.keys() | clearing.keys())
    )


def finding_of(before: RailPayment, now: RailPayment, period: Period) -> Discrepancy | None:
    """The finding about a payment that differed ``before``, and has been looked at once more ``now``.

    What the journal lacked is in it, and repaired. None: it was only seen between two writes.
    """
    if not now.agrees:
        return _to_explain(before, now, period)
    if now.cleared == before.cleared:
        return None
    finding = _finding(before, now, period, f"the journal had {_in_words(before.cleared)}; it is taken in")
    return finding.evolve(repaired=True)


def _to_explain(before: RailPayment, now: RailPayment, period: Period) -> Discrepancy:
    if now.registered is None:
        todo = "find out who booked it, and compare the API keys"
    else:
        todo = "find out who changed the ledger, and restore it"
    finding = _finding(before, now, period, f"the journal {_in_words(now.cleared)}; {todo}")
    if not now.cleared:
        return finding
    show = Remedy(action=RemedyAction.SHOW_PAYMENT, rail=now.name.rail, reference=now.reference)
    return finding.evolve(remedies=(show,))


def _finding(before: RailPayment, now: RailPayment, period: Period, rest: str) -> Discrepancy:
    is_in_one = before.cleared is None or now.registered is None
    return Discrepancy(
        kind=DiscrepancyKind.MISSING if is_in_one else DiscrepancyKind.AMOUNT,
        customer_id=now.customer_id,
        period=period,
        payment_id=now.reference,
        text=f"the processor has {_in_words(now.registered)} of {now.reference} ({now.name.rail}), {rest}",
    )


def _in_words(sums: Sums | None) -> str:
    return sums_text((minor, currency) for currency, minor in (sums or Sums()).items()) or "nothing"
