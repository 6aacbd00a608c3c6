"""What accounting gets of a period: invoices, lines, charges, refunds, disputes and collections; totals that agree.

Each customer's part is checked as it passes; whatever does not come out even is said in words.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from billing.apart import Failed
from billing.collections.ports import CollectionRow
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
    """``sheet`` and ``row`` are where it comes from; "" and None: a reviewer added it."""

    line_id: str
    description: str
    amount_minor: int
    sheet: str
    row: int | None


class ExportRecord(NamedTuple):
    """All that the ledger has of one customer's period. Without an invoice, only what has moved money."""

    customer_id: str
    invoice: ExportedInvoice | None
    lines: tuple[ExportedLine, ...]
    charges: tuple[ChargeRow, ...]
    reversals: tuple[ReversalRow, ...]
    collection: CollectionRow | None


class ExportSource(Protocol):
    def dossiers(self, period: Period) -> AsyncIterator[ExportRecord | Failed]:
        """Every customer who has anything in ``period``, one after the other. Raises ``LedgerUnavailable``."""


class ExportTotals(Model):
    """The sums of one currency, in minor units: lines + carried = invoiced; charged - refunded - disputed = net.

    ``disputed_minor`` are disputes that are lost or not decided yet; ``outstanding_minor`` is what is still collected.
    ``not_exported`` customers are in no sum of any currency: then the export is incomplete.
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
    """Adds up what passes, and remembers what does not agree, and who is ``missing``."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.missing: list[str] = []
        self._sums: dict[str, Counter[str]] = {}

    def take(self, dossier: ExportRecord) -> None:
        """All of it, or nothing if anything in it raises an error."""
        problems, sums = list(_disagreements(dossier)), _sums(dossier)
        self.problems += problems
        for currency, counted in sums.items():
            self._sums.setdefault(currency, Counter()).update(counted)

    def miss(self, failed: Failed) -> None:
        """A customer who cannot be exported; the totals say how many there are."""
        self.missing.append(failed.customer_id)
        self.problems.append(f"{failed.customer_id}: NOT EXPORTED: {failed.reason}")

    def totals(self) -> list[ExportTotals]:
        """By currency. Sums that do not agree become problems too."""
        found = []
        for currency, sums in sorted(self._sums.items()):
            net_minor = sums["charged_minor"] - sums["refunded_minor"] - sums["disputed_minor"]
            values: dict[str, object] = {**dict.fromkeys(ExportTotals.model_fields, 0), **sums}
            values |= {"currency": currency, "net_minor": net_minor, "not_exported": len(self.missing)}
            total = ExportTotals.model_validate(values)
            if total.lines_minor + total.carried_minor != total.invoiced_minor:
                self.problems.append(f"{currency.upper()}: lines and balances do not come to what was invoiced")
            found.append(total)
        return found


def _sums(dossier: ExportRecord) -> dict[str, Counter[str]]:
    """What one customer adds to the totals, by currency."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if (invoice := dossier.invoice) is not None:
        sums[invoice.currency].update(
            invoices=1,
            lines_minor=invoice.lines_minor,
            carried_minor=invoice.carried_minor if invoice.version else 0,
            invoiced_minor=invoice.total_minor,
        )
    for charge in dossier.charges:
        if charge.status == PaymentStatus.SUCCEEDED:
            sums[charge.currency]["charged_minor"] += charge.amount_minor
    for each in dossier.reversals:
        if each.status.has_moved:
            which = "refunded_minor" if each.kind is ReversalKind.REFUND else "disputed_minor"
            sums[each.currency][which] += each.amount_minor
    if dossier.collection is not None and dossier.collection.closed_at is None:
        sums[dossier.collection.currency]["outstanding_minor"] += dossier.collection.outstanding_minor
    return sums


def _disagreements(dossier: ExportRecord) -> Iterator[str]:
    """Everything about one customer's period that does not come out even, in words."""
    invoice, whose = dossier.invoice, dossier.customer_id
    succeeded = [each for each in dossier.charges if each.status == PaymentStatus.SUCCEEDED]
    charged = sum(each.amount_minor for each in succeeded)
    refunded = {each.payment_id: 0 for each in succeeded}
    for each in dossier.reversals:
        if each.kind is ReversalKind.REFUND and each.status.has_moved:
            refunded[each.payment_id] = refunded.get(each.payment_id, 0) + each.amount_minor
    for charge in succeeded:
        if refunded[charge.payment_id] > charge.amount_minor:
            yield f"{whose}: more than all of {charge.payment_id} was refunded"
    if invoice is None:
        if charged:
            yield f"{whose}: {len(succeeded)} charges without an invoice"
        return
    if invoice.version and invoice.lines_minor + invoice.carried_minor != invoice.total_minor:
        total = format_amount(invoice.total_minor, invoice.currency)
        yield f"{whose}: lines and balance do not come to the invoice's {total}"
    kept = [each for each in succeeded if refunded[each.payment_id] < each.amount_minor]
    if any(each.currency != invoice.currency for each in dossier.charges):
        yield f"{whose}: charged in another currency than invoiced"
    elif len(kept) > 1:
        yield f"{whose}: charged {len(kept)} times"
    elif invoice.outcome == Stage.PAID and charged != invoice.total_minor and len(succeeded) == 1:
        yield f"{whose}: {format_amount(charged, invoice.currency)} charged, not what was invoiced"
    elif invoice.outcome == Stage.PAID and not succeeded:
        yield f"{whose}: paid, but without a charge"
    elif succeeded and not _is_paid(dossier):
        yield f"{whose}: charged, but {invoice.outcome or 'open'}"


def _is_paid(dossier: ExportRecord) -> bool:
    """Whether money is right to have moved; a month may be open for a moment after its charge."""
    assert dossier.invoice is not None
    if dossier.invoice.outcome in ("", Stage.PAID):
        return True
    return dossier.collection is not None and dossier.collection.stage is not CollectionStage.WRITTEN_OFF
