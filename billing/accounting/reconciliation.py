"""What the processor has on record, held against the ledger: every difference is a finding, with what mends it.

Pure. What is certain is repaired by ``activities/reconciliation.py``; the rest is for people.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from billing.apart import why
from billing.collections.ports import CollectionRow
from billing.collections.stages import CollectionStage
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import OUTCOMES, UNPAID_OUTCOMES, Stage
from billing.model import LINE_MAX, Count, Few, Id, Line, Minor, Model, Rows, Words, cut
from billing.money import format_amount
from billing.payments.payment import Payment, PaymentStatus
from billing.payments.ports import ChargeRow
from billing.period import Period
from billing.remedies import Remedy, RemedyAction


class DiscrepancyKind(StrEnum):
    MISSING = "missing"  # one of the two does not know a payment
    DOUBLE = "double"  # more than one payment of a month has succeeded
    AMOUNT = "different amount"
    STATUS = "different status"
    ORPHAN = "orphan"  # a payment that could still be tried, of a month that is settled
    UNKNOWN = "unknown"  # a payment of a month that the ledger does not know, or that ought not to be charged
    UNRESOLVED = "unresolved"  # it is not known yet whether money has moved
    UNCOLLECTED = "uncollected"  # an amount that is owed, and nobody collects it
    REVERSAL = "reversal"  # a refund or a dispute that the ledger does not know
    FAILED = "not compared"  # an error that nobody has foreseen, about this customer alone


class Repair(StrEnum):
    """What mends a finding for certain."""

    TAKE_IN = "take in"  # the processor is right: the ledger and the collection learn it
    CANCEL = "cancel"  # the payment is cancelled, so that nobody can pay by it any more


class Discrepancy(Model):
    """One difference. ``repair`` is None if a person has to look: ``remedies`` may help; ``repaired`` once mended."""

    kind: DiscrepancyKind
    customer_id: Line
    period: Line
    payment_id: Id = ""
    text: Words
    remedies: Few[Remedy] = ()
    repair: Repair | None = None
    repaired: bool = False


class ReconciledPeriod(Model):
    """What came of comparing one period."""

    period: Period
    months: Count
    payments: Count
    findings: Rows[Discrepancy] = ()

    def brief(self, kept: int = 200) -> "ReconciledPeriod":
        """With the first findings only, in short: what is open was told one by one."""
        texts = (each.evolve(text=cut(each.text, LINE_MAX)) for each in self.findings[:kept])
        return self.evolve(findings=tuple(texts))

    @property
    def open(self) -> tuple[Discrepancy, ...]:
        return tuple(each for each in self.findings if not each.repaired)


class PeriodBooks(Model):
    """All that is compared for one period: the ledger's rows, and the processor's payments of any key."""

    period: Period
    months: Rows[InvoiceRow]
    charges: Rows[ChargeRow]
    collections: Rows[CollectionRow]
    payments: Rows[Payment]
    payers: dict[Id, Id] = Field(max_length=10_000_000)  # our customer id by the processor's
    refunded_minor: dict[Id, Minor] = Field(default_factory=dict, max_length=10_000_000)  # by payment id
    unread: frozenset[Line] = Field(frozenset(), max_length=10_000_000)
    """Customers of whom something could not be read: they are not compared."""


_BY_HAND_WITHIN = timedelta(days=20)
"""Of the month's last change; the same price is charged elsewhere every month, perhaps."""
_UNDER_WAY = (Stage.CHARGING, Stage.UNRESOLVED)


def compare(books: PeriodBooks) -> list[Discrepancy]:
    """Every difference, by customer. Payments under way are none: their month or collection looks after them."""
    return sorted(_differences(books), key=lambda found: (found.customer_id, found.kind, found.payment_id))


def failed(customer_id: str, period: Period, reason: str) -> Discrepancy:
    """A customer, or a payment of nobody we know, that could not be compared; the others are."""
    text = f"{customer_id or 'a payment'}, {period} could not be compared: {reason}"
    return Discrepancy(kind=DiscrepancyKind.FAILED, customer_id=customer_id, period=period, text=text)


class _Part(NamedTuple):
    """All that there is of one customer. ``by_hand`` are payments that we did not make."""

    customer_id: str
    month: InvoiceRow | None
    collection: CollectionRow | None
    ours: list[Payment]
    by_hand: list[Payment]
    charges: dict[str, ChargeRow]


def _differences(books: PeriodBooks) -> Iterator[Discrepancy]:
    for part in _parts(books):
        if part.customer_id in books.unread:
            continue
        try:
            yield from list(_of_customer(books, part))
        except Exception as error:
            yield failed(part.customer_id, books.period, why(error))


def _parts(books: PeriodBooks) -> Iterator[_Part]:
    months = {row.customer_id: row for row in books.months}
    collections = {row.customer_id: row for row in books.collections}
    charges: defaultdict[str, dict[str, ChargeRow]] = defaultdict(dict)
    for row in books.charges:
        charges[row.customer_id][row.payment_id] = row
    ours: defaultdict[str, list[Payment]] = defaultdict(list)
    by_hand: defaultdict[str, list[Payment]] = defaultdict(list)
    for payment in books.payments:
        if payment.key and payment.period == books.period:
            ours[payment.customer_id].append(payment)
        elif not payment.key and (customer_id := books.payers.get(payment.payer_id, "")):
            by_hand[customer_id].append(payment)
    for name in sorted(months.keys() | ours.keys() | charges.keys()):
        yield _Part(name, months.get(name), collections.get(name), ours[name], by_hand[name], charges[name])


def _of_customer(books: PeriodBooks, part: _Part) -> Iterator[Discrepancy]:
    customer_id, month, collection, ours, _, charges = part
    known = {payment.payment_id for payment in ours}
    for row in charges.values():
        if row.payment_id not in known:
            text = (
                f"the ledger has {row.payment_id} ({row.status}), which the processor does not know; compare API keys"
            )
            yield _finding(DiscrepancyKind.MISSING, row, text)
    kept = {each.payment_id: _kept_minor(books, each) for each in ours if each.status is PaymentStatus.SUCCEEDED}
    if month is None:
        for payment in ours:
            if kept.get(payment.payment_id, 1):
                text = (
                    f"{payment.payment_id} is of {customer_id}, {books.period}, which the ledger does not know; "
                    "restore the ledger, or refund and cancel it at the processor"
                )
                yield _finding(DiscrepancyKind.UNKNOWN, payment, text)
        return
    for payment in ours:
        kept_minor = kept.get(payment.payment_id, payment.amount_minor)
        yield from _of_payment(payment, kept_minor, charges.get(payment.payment_id), month, collection)
    if len(twice := [name for name, minor in kept.items() if minor]) > 1:
        names = ", ".join(twice)
        text = f"{customer_id}, {books.period} was charged {len(twice)} times ({names}); refund all but one"
        yield _finding(DiscrepancyKind.DOUBLE, next(each for each in ours if each.payment_id == twice[0]), text)
    yield from _of_month(month, collection, ours)
    for payment in part.by_hand:
        yield from _of_hand(payment, month, collection, is_ours_paid=any(kept.values()))


def _kept_minor(books: PeriodBooks, payment: Payment) -> int:
    """What of a payment was not given back."""
    return max(0, payment.amount_minor - books.refunded_minor.get(payment.payment_id, 0))


def _of_payment(
    payment: Payment, kept_minor: int, charge: ChargeRow | None, month: InvoiceRow, collection: CollectionRow | None
) -> Iterator[Discrepancy]:
    """A payment that carries our key, against its month; ``kept_minor`` is what was not given back."""
    whose = f"{month.customer_id}, {month.period}"
    collecting = collection is not None and collection.closed_at is None
    under_way = month.stage in _UNDER_WAY
    if payment.status is PaymentStatus.CANCELED and charge is None:
        return  # an orphan that was cancelled before anybody wrote it down
    if (payment.amount_minor, payment.currency) != (month.total_minor, month.currency):
        asked, billed = (
            format_amount(payment.amount_minor, payment.currency),
            format_amount(month.total_minor, month.currency),
        )
        is_wrong = kept_minor and (kept_minor, payment.currency) != (month.total_minor, month.currency)
        if payment.status is not PaymentStatus.CANCELED and is_wrong:
            too_much = payment.status is PaymentStatus.SUCCEEDED and payment.amount_minor > month.total_minor
            todo = "; refund what is too much" if too_much else ""
            text = f"{whose}: {payment.payment_id} is {asked}, the invoice {billed}{todo}"
            yield _finding(DiscrepancyKind.AMOUNT, payment, text)
    settled = month.stage in OUTCOMES - UNPAID_OUTCOMES or (collection is not None and not collecting)
    if payment.status.is_triable and settled:
        text = f"{whose} is settled ({month.stage}), but {payment.payment_id} could still be paid; it is cancelled"
        yield _finding(DiscrepancyKind.ORPHAN, payment, text, Repair.CANCEL)
        return
    if under_way:
        return
    if charge is None:
        text = f"{whose}: the ledger lacks {payment.payment_id} ({payment.status})"
        yield _finding(DiscrepancyKind.MISSING, payment, text, Repair.TAKE_IN)
    elif charge.status != payment.status:
        text = f"{whose}: {payment.payment_id} is {payment.status}, the ledger says {charge.status}"
        yield _finding(DiscrepancyKind.STATUS, payment, text, Repair.TAKE_IN)
    elif payment.status is PaymentStatus.SUCCEEDED and collecting:
        text = f"{whose}: {payment.payment_id} has succeeded, but is still being collected"
        yield _finding(DiscrepancyKind.STATUS, payment, text, Repair.TAKE_IN)
    begins_to_collect = month.stage in UNPAID_OUTCOMES and collection is None  # and looks it up
    is_over = not collecting and not begins_to_collect and not _is_paid(month, collection)
    if payment.status is PaymentStatus.SUCCEEDED and kept_minor and is_over:
        stage = collection.stage if collection else month.stage
        text = f"{whose} is {stage}, but {payment.payment_id} has succeeded; refund it at the processor"
        yield _finding(DiscrepancyKind.UNKNOWN, payment, text)


def _of_month(
    month: InvoiceRow, collection: CollectionRow | None, payments: Sequence[Payment]
) -> Iterator[Discrepancy]:
    whose = f"{month.customer_id}, {month.period}"
    if month.stage is Stage.UNRESOLVED or (collection and collection.stage is CollectionStage.UNRESOLVED):
        text = f"{whose}: it is not known yet whether money has moved; it is looked up until it is"
        yield _finding(DiscrepancyKind.UNRESOLVED, month, text)
    if month.stage is Stage.PAID and not any(payment.status is PaymentStatus.SUCCEEDED for payment in payments):
        text = f"{whose} is paid in the ledger, but the processor has no payment that succeeded"
        yield _finding(DiscrepancyKind.MISSING, month, text)


def _of_hand(
    payment: Payment, month: InvoiceRow, collection: CollectionRow | None, is_ours_paid: bool
) -> Iterator[Discrepancy]:
    """A payment that we did not make, as high as an invoice of its customer: perhaps somebody charged it by hand.

    What was given back since, and what the books have as paid by other means, is settled.
    """
    if payment.status is not PaymentStatus.SUCCEEDED or payment.reversed:
        return
    if month.stage in OUTCOMES and not is_ours_paid and (month.stage not in UNPAID_OUTCOMES or _is_settled(collection)):
        return
    same = (payment.amount_minor, payment.currency) == (month.total_minor, month.currency)
    if same and abs(payment.created_at - month.updated_at) < _BY_HAND_WITHIN:
        skip = RemedyAction.SKIP.of(month.customer_id, month.period)
        remedies: tuple[Remedy, ...] = ()
        if is_ours_paid:
            todo = "refund it"
        elif month.stage in UNPAID_OUTCOMES:
            arrived = {"amount_minor": month.total_minor, "currency": month.currency, "reference": payment.payment_id}
            todo, remedies = "record it", (skip.evolve(action=RemedyAction.RECORD_PAYMENT, **arrived),)
        else:
            todo, remedies = "skip the month", (skip,)
        text = (
            f"{payment.payment_id}, made by somebody else, is as high as the invoice of {month.customer_id}, "
            f"{month.period} ({month.stage}): was it charged by hand? Then {todo}; if not, leave it"
        )
        found = _finding(DiscrepancyKind.UNKNOWN, month, text)
        yield found.evolve(payment_id=payment.payment_id, remedies=remedies)


def _is_settled(collection: CollectionRow | None) -> bool:
    return collection is not None and collection.closed_at is not None


def _is_paid(month: InvoiceRow, collection: CollectionRow | None) -> bool:
    return month.stage is Stage.PAID or (collection is not None and collection.stage is CollectionStage.RECOVERED)


def _finding(
    kind: DiscrepancyKind, about: Payment | ChargeRow | InvoiceRow, text: str, repair: Repair | None = None
) -> Discrepancy:
    payment_id = "" if isinstance(about, InvoiceRow) else about.payment_id
    return Discrepancy(
        kind=kind,
        customer_id=about.customer_id,
        period=about.period,
        payment_id=payment_id,
        text=text,
        repair=repair,
    )
