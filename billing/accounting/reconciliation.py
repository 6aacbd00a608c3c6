"""Reconciliation of the ledger with the processor: every difference is a finding, with its repair or remedies.

Pure; ``activities/reconciliation.py`` does the repairs.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from pydantic import Field

from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, Repair, failed
from billing.apart import why
from billing.collections.ports import DebtRow
from billing.collections.stages import CollectionStage
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import OUTCOMES, UNPAID_OUTCOMES, Stage
from billing.model import Id, Line, Minor, Model, Rows
from billing.money import format_amount
from billing.payments.payment import Payment, PaymentStatus
from billing.payments.ports import ChargeRow
from billing.period import Period
from billing.remedies import Remedy, RemedyAction


class PeriodBooks(Model):
    """The records to compare for one period: the ledger's rows, and the processor's payments of any key."""

    period: Period
    months: Rows[InvoiceRow]
    charges: Rows[ChargeRow]
    debts: Rows[DebtRow]
    payments: Rows[Payment]
    payers: dict[Id, Id] = Field(max_length=10_000_000)  # our customer id by the processor's
    owed_minor: dict[Id, Minor] = Field(default_factory=dict, max_length=10_000_000)  # of open debts, by the journal
    settled: frozenset[Id] = Field(frozenset(), max_length=10_000_000)  # customers whose month another rail has paid
    refunded_minor: dict[Id, Minor] = Field(default_factory=dict, max_length=10_000_000)  # by payment id
    unread: frozenset[Line] = Field(frozenset(), max_length=10_000_000)
    """Customers with unreadable records: they are not compared."""

    def unrefunded_minor(self, payment: Payment) -> int:
        return max(0, payment.amount_minor - self.refunded_minor.get(payment.payment_id, 0))


_BY_HAND_WITHIN = timedelta(days=20)
"""A foreign payment counts as made by hand only this close to the month's last change: prices repeat every month."""


def compare(books: PeriodBooks) -> list[Discrepancy]:
    """Every difference, sorted by customer. Payments under way are left to their month or collection."""
    findings: list[Discrepancy] = []
    for part in _parts(books):
        try:
            findings += list(_of_customer(books, part))
        except Exception as error:
            findings.append(failed(part.customer_id, books.period, why(error)))
    return sorted(findings, key=lambda finding: (finding.customer_id, finding.kind, finding.payment_id))


class _Part(NamedTuple):
    """One customer's records. ``by_hand`` are payments that we did not create."""

    customer_id: str
    month: InvoiceRow | None
    debt: DebtRow | None
    ours: list[Payment]
    by_hand: list[Payment]
    charges: dict[str, ChargeRow]


def _parts(books: PeriodBooks) -> Iterator[_Part]:
    months = {row.customer_id: row for row in books.months}
    debts = {row.customer_id: row for row in books.debts}
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
    for name in sorted((months.keys() | ours.keys() | charges.keys()) - books.unread):
        yield _Part(name, months.get(name), debts.get(name), ours[name], by_hand[name], charges[name])


def _of_customer(books: PeriodBooks, part: _Part) -> Iterator[Discrepancy]:
    customer_id, month, debt, ours, _, charges = part
    at_processor = {payment.payment_id for payment in ours}
    for row in charges.values():
        if row.payment_id not in at_processor:
            text = f"{row.payment_id} ({row.status}) is in the ledger, but not at the processor; compare the API keys"
            yield _finding(DiscrepancyKind.MISSING, row, text)
    if month is None:
        for payment in ours:
            if books.unrefunded_minor(payment):
                text = (
                    f"{payment.payment_id} is of {customer_id}, {books.period}, which is not in the ledger; "
                    "restore the ledger, or refund and cancel it at the processor"
                )
                yield _finding(DiscrepancyKind.UNKNOWN, payment, text)
        return
    for payment in ours:
        charge = charges.get(payment.payment_id)
        yield from _of_payment(payment, books.unrefunded_minor(payment), charge, month, debt)
    succeeded = [payment for payment in ours if payment.status is PaymentStatus.SUCCEEDED]
    paid = [payment for payment in succeeded if books.unrefunded_minor(payment)]
    if len(paid) > 1:
        names = ", ".join(payment.payment_id for payment in paid)
        text = f"{customer_id}, {books.period} was charged {len(paid)} times ({names}); refund all but one"
        yield _finding(DiscrepancyKind.DOUBLE, paid[0], text)
    yield from _of_month(month, debt, is_charged=bool(succeeded) or customer_id in books.settled)
    if debt is not None and customer_id in books.owed_minor and not succeeded:
        yield from _of_debt(debt, books.owed_minor[customer_id])
    for payment in part.by_hand:
        yield from _of_hand(payment, month, debt, is_charged=bool(paid))


def _of_payment(
    payment: Payment,
    unrefunded_minor: int,
    charge: ChargeRow | None,
    month: InvoiceRow,
    debt: DebtRow | None,
) -> Iterator[Discrepancy]:
    """Compares a payment that has our key with its month."""
    month_name, payment_id, status = f"{month.customer_id}, {month.period}", payment.payment_id, payment.status
    if status is PaymentStatus.CANCELED and charge is None:
        return  # an orphan, cancelled before it was recorded
    is_collecting = debt is not None and debt.closed_at is None
    billed = (month.total_minor, month.currency)
    is_billed = billed in ((payment.amount_minor, payment.currency), (unrefunded_minor, payment.currency))
    if unrefunded_minor and not is_billed and status is not PaymentStatus.CANCELED:
        amount = format_amount(payment.amount_minor, payment.currency)
        is_excessive = status is PaymentStatus.SUCCEEDED and payment.amount_minor > month.total_minor
        todo = "; refund the excess" if is_excessive else ""
        text = f"{month_name}: {payment_id} is {amount}, the invoice {format_amount(*billed)}{todo}"
        yield _finding(DiscrepancyKind.AMOUNT, payment, text)
    is_settled = month.stage in OUTCOMES - UNPAID_OUTCOMES or (debt is not None and not is_collecting)
    if status.is_triable and is_settled:
        text = f"{month_name} is settled ({month.stage}), but {payment_id} could still be paid; it is cancelled"
        yield _finding(DiscrepancyKind.ORPHAN, payment, text, Repair.CANCEL)
        return
    if month.stage in (Stage.CHARGING, Stage.UNRESOLVED):
        return
    if charge is None:
        text = f"{month_name}: {payment_id} ({status}) is missing from the ledger"
        yield _finding(DiscrepancyKind.MISSING, payment, text, Repair.TAKE_IN)
    elif charge.status != status:
        text = f"{month_name}: {payment_id} is {status} at the processor, but {charge.status} in the ledger"
        yield _finding(DiscrepancyKind.STATUS, payment, text, Repair.TAKE_IN)
    elif status is PaymentStatus.SUCCEEDED and is_collecting:
        text = f"{month_name}: {payment_id} has succeeded, but its amount is still being collected"
        yield _finding(DiscrepancyKind.STATUS, payment, text, Repair.TAKE_IN)
    is_paid = month.stage is Stage.PAID or (debt and debt.stage is CollectionStage.RECOVERED)
    is_owed = is_collecting or (month.stage in UNPAID_OUTCOMES and debt is None)  # a collection is about to begin
    if status is PaymentStatus.SUCCEEDED and unrefunded_minor and not is_paid and not is_owed:
        stage = debt.stage if debt else month.stage
        text = f"{month_name} is {stage}, but {payment_id} has succeeded; refund it at the processor"
        yield _finding(DiscrepancyKind.UNKNOWN, payment, text)


def _of_month(month: InvoiceRow, debt: DebtRow | None, is_charged: bool) -> Iterator[Discrepancy]:
    month_name = f"{month.customer_id}, {month.period}"
    if month.stage is Stage.UNRESOLVED or (debt and debt.stage is CollectionStage.UNRESOLVED):
        text = f"{month_name}: the outcome of a charge is unknown; it is looked up until it is known"
        yield _finding(DiscrepancyKind.UNRESOLVED, month, text)
    if month.stage is Stage.PAID and not is_charged:
        text = f"{month_name} is paid in the ledger, but no payment has succeeded at the processor"
        yield _finding(DiscrepancyKind.MISSING, month, text)


def _of_debt(debt: DebtRow, owed_minor: int) -> Iterator[Discrepancy]:
    """Compares what is being collected with what the journal says is owed."""
    collected_minor, owed_minor = debt.outstanding_minor, max(0, owed_minor)
    if collected_minor == owed_minor:
        return
    collected, owed = (format_amount(minor, debt.currency) for minor in (collected_minor, owed_minor))
    text = f"{debt.customer_id}, {debt.period}: {collected} are being collected, but the journal says {owed} are owed"
    finding = Discrepancy(kind=DiscrepancyKind.OWED, customer_id=debt.customer_id, period=debt.period, text=text)
    yield finding.evolve(repair=Repair.TELL)


def _of_hand(payment: Payment, month: InvoiceRow, debt: DebtRow | None, is_charged: bool) -> Iterator[Discrepancy]:
    """Reports a payment of the invoice's amount that we did not create, unless the month is settled otherwise."""
    if payment.status is not PaymentStatus.SUCCEEDED or payment.reversed:
        return
    is_over = debt is not None and debt.closed_at is not None
    if month.stage in OUTCOMES and not is_charged and (month.stage not in UNPAID_OUTCOMES or is_over):
        return
    is_billed = (payment.amount_minor, payment.currency) == (month.total_minor, month.currency)
    if not is_billed or abs(payment.created_at - month.updated_at) >= _BY_HAND_WITHIN:
        return
    skip = RemedyAction.SKIP.of(month.customer_id, month.period)
    remedies: tuple[Remedy, ...] = ()
    if is_charged:
        todo = "refund it"
    elif month.stage in UNPAID_OUTCOMES:
        transfer = {"amount_minor": month.total_minor, "currency": month.currency, "reference": payment.payment_id}
        todo, remedies = "record it", (skip.evolve(action=RemedyAction.RECORD_PAYMENT, **transfer),)
    else:
        todo, remedies = "skip the month", (skip,)
    text = (
        f"{payment.payment_id}, which this application did not create, has the amount of the invoice of "
        f"{month.customer_id}, {month.period} ({month.stage}): was it charged by hand? Then {todo}; if not, leave it"
    )
    finding = _finding(DiscrepancyKind.UNKNOWN, month, text)
    yield finding.evolve(payment_id=payment.payment_id, remedies=remedies)


def _finding(
    kind: DiscrepancyKind, about: Payment | ChargeRow | InvoiceRow, text: str, repair: Repair | None = None
) -> Discrepancy:
    return Discrepancy(
        kind=kind,
        customer_id=about.customer_id,
        period=about.period,
        payment_id="" if isinstance(about, InvoiceRow) else about.payment_id,
        text=text,
        repair=repair,
    )
