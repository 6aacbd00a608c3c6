"""The export of a period for accounting: its records, its totals, and the checks that they add up."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from billing.apart import Failed
from billing.collections.ports import DebtRow
from billing.collections.stages import CollectionStage
from billing.invoices.stages import Stage
from billing.model import Code, Count, Minor, Model
from billing.money import format_amount
from billing.payments.payment import PaymentStatus, ReversalKind
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period


class ExportedInvoice(NamedTuple):
    customer_id: str
    period: Period
    outcome: str  # "": open
    currency: str
    lines_minor: int
    carried_minor: int
    total_minor: int
    version: int
    digest: str
    closed_at: datetime | None


class ExportedLine(NamedTuple):
    """A line with its source: a row of the sheet (``sheet`` "" and ``row`` None: of none), or an account's tariff.

    ``account`` alone is a one-off fee's.
    """

    line_id: str
    description: str
    amount_minor: int
    sheet: str
    row: int | None
    account: str | None = None
    tariff: str | None = None


class ExportRecord(NamedTuple):
    """The ledger's records of one customer and period; without an invoice, those that moved money."""

    customer_id: str
    invoice: ExportedInvoice | None
    lines: tuple[ExportedLine, ...]
    charges: tuple[ChargeRow, ...]
    reversals: tuple[ReversalRow, ...]
    debt: DebtRow | None


class ExportTotals(Model):
    """The sums of one currency, in minor units: lines + carried = invoiced; charged - refunded - disputed = net.

    ``disputed_minor`` is in disputes that are lost or undecided, ``outstanding_minor`` in open debts. The
    export is complete if ``not_exported`` is 0: it counts the customers missing from the sums of all currencies.
    """

    currency: Code
    invoices: Count
    lines_minor: Minor
    carried_minor: Minor
    invoiced_minor: Minor
    charged_minor: Minor
    refunded_minor: Minor
    disputed_minor: Minor
    net_minor: Minor
    outstanding_minor: Minor
    not_exported: Count = 0


class ExportTally:
    """Adds up records, and collects their ``problems`` and the ids of ``missing`` customers."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.missing: list[str] = []
        self._sums: dict[str, Counter[str]] = {}

    def take(self, record: ExportRecord) -> None:
        """Adds a customer's record. After an error, nothing of it is added."""
        problems, sums = list(_problems(record)), _sums(record)
        self.problems += problems
        for currency, customer_sums in sums.items():
            self._sums.setdefault(currency, Counter()).update(customer_sums)

    def miss(self, failed: Failed) -> None:
        """Notes a customer who cannot be exported."""
        self.missing.append(failed.customer_id)
        self.problems.append(f"{failed.customer_id}: NOT EXPORTED: {failed.reason}")

    def totals(self) -> list[ExportTotals]:
        """The totals, by currency. Sums that do not add up become problems, too: read those afterwards."""
        totals = []
        for currency, sums in sorted(self._sums.items()):
            net_minor = sums["charged_minor"] - sums["refunded_minor"] - sums["disputed_minor"]
            values: dict[str, object] = {**dict.fromkeys(ExportTotals.model_fields, 0), **sums}
            values |= {"currency": currency, "net_minor": net_minor, "not_exported": len(self.missing)}
            total = ExportTotals.model_validate(values)
            if total.lines_minor + total.carried_minor != total.invoiced_minor:
                self.problems.append(f"{currency.upper()}: lines and balances do not add up to the invoiced total")
            totals.append(total)
        return totals


def _sums(record: ExportRecord) -> dict[str, Counter[str]]:
    """One customer's share of the totals, by currency."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if (invoice := record.invoice) is not None:
        sums[invoice.currency].update(
            invoices=1,
            lines_minor=invoice.lines_minor,
            carried_minor=invoice.carried_minor if invoice.version else 0,
            invoiced_minor=invoice.total_minor,
        )
    for charge in record.charges:
        if charge.status == PaymentStatus.SUCCEEDED:
            sums[charge.currency]["charged_minor"] += charge.amount_minor
    for reversal in record.reversals:
        if reversal.status.has_moved:
            column = "refunded_minor" if reversal.kind is ReversalKind.REFUND else "disputed_minor"
            sums[reversal.currency][column] += reversal.amount_minor
    if record.debt is not None and record.debt.closed_at is None:
        sums[record.debt.currency]["outstanding_minor"] += record.debt.outstanding_minor
    return sums


def _problems(record: ExportRecord) -> Iterator[str]:
    """The inconsistencies in one customer's period."""
    invoice, customer_id = record.invoice, record.customer_id
    charges = [charge for charge in record.charges if charge.status == PaymentStatus.SUCCEEDED]
    refunded: Counter[str] = Counter()
    for reversal in record.reversals:
        if reversal.kind is ReversalKind.REFUND and reversal.status.has_moved:
            refunded[reversal.payment_id] += reversal.amount_minor
    for charge in charges:
        if refunded[charge.payment_id] > charge.amount_minor:
            yield f"{customer_id}: more than the whole of {charge.payment_id} was refunded"
    if invoice is None:
        if charges:
            yield f"{customer_id}: charged without an invoice: {', '.join(charge.payment_id for charge in charges)}"
        return
    if invoice.version and invoice.lines_minor + invoice.carried_minor != invoice.total_minor:
        total = format_amount(invoice.total_minor, invoice.currency)
        yield f"{customer_id}: lines and balance do not add up to the invoice's {total}"
    charged = sum(charge.amount_minor for charge in charges)
    unrefunded = [charge for charge in charges if refunded[charge.payment_id] < charge.amount_minor]
    is_paid = invoice.outcome == Stage.PAID
    collected = record.debt is not None and record.debt.stage is not CollectionStage.WRITTEN_OFF
    if any(charge.currency != invoice.currency for charge in record.charges):
        yield f"{customer_id}: charged in another currency than invoiced"
    elif len(unrefunded) > 1:
        yield f"{customer_id}: charged {len(unrefunded)} times"
    elif is_paid and not charges:
        yield f"{customer_id}: paid, but without a charge"
    elif is_paid and len(charges) == 1 and charged != invoice.total_minor:
        yield f"{customer_id}: {format_amount(charged, invoice.currency)} charged, not the invoiced amount"
    elif charges and not collected and invoice.outcome not in ("", Stage.PAID):  # open for a moment after its charge
        yield f"{customer_id}: charged, but {invoice.outcome}"
