"""Holds invoices against the sheet once more: before the charge, when somebody looks, and at the next collection."""

from datetime import datetime

from activities.shared_sales import SharedSales
from billing.customer import Customer
from billing.errors import SalesUnavailable
from billing.invoice import LineItem, Problem, SalesSeen
from billing.late import Compared, adjustments, drifts, in_words
from billing.model import Model
from billing.month import Month, Stage
from billing.ports import Ledger
from billing.sales import rows_of


class Late(Model):
    """What the month before still lacks, as lines of this one; ``remark`` is about what is not billed, in words."""

    lines: tuple[LineItem, ...] = ()
    problems: tuple[Problem, ...] = ()
    remark: str = ""


class Comparing:
    def __init__(self, source: SharedSales, ledger: Ledger, decimal_separator: str = ".") -> None:
        self._source = source
        self._ledger = ledger
        self._decimal_separator = decimal_separator

    async def compare(self, month: Month, read_since: datetime, customer: Customer | None = None) -> Compared | None:
        """How the sheet differs from the invoice of ``month``, by a reading that is not older than ``read_since``.

        ``customer`` is as by now, if the month is over.

        None if the invoice was not made from the sheet, or before it was kept what the sheet had said. Raises
        ``SalesUnavailable``, also if the worksheet has no row of anybody any more (it was emptied, which is no credit
        for all), ``LedgerUnavailable``, and ``InvalidInput`` if there are too many rows.
        """
        customer, invoice = customer or month.customer, month.invoice
        if invoice is None or invoice.sales is None:
            return None
        snapshot = await self._source.read(month.period, read_since)
        if not snapshot.rows and any(invoice.in_sheet(line) for line in invoice.lines):
            raise SalesUnavailable(f"worksheet {snapshot.sheet!r} has no rows any more; restore them")
        emails = await self._emails(month, invoice.sales, customer)
        reader = customer.evolve(currency=invoice.currency)
        rows = rows_of(reader, emails, month.period, snapshot, self._decimal_separator)
        sales = SalesSeen(sheet=snapshot.sheet, digest=snapshot.digest, emails=emails)
        return Compared(drifts=drifts(invoice, rows), sales=sales)

    async def since(self, month: Month, read_since: datetime) -> Late:
        """What was changed in the sheet of the month before ``month`` since that was drafted.

        Only what differs from its invoice, whatever became of that: paid, owed, carried forward. Nothing is billed
        for a month that somebody skipped, or in another currency; it is told. A month that was entered by hand, or
        is not closed on record, is not compared. Raises as ``compare`` does.
        """
        before = await self._ledger.month(month.customer.customer_id, month.period.previous())
        if before is None or before.outcome is None or before.invoice is None:
            return Late()
        compared = await self.compare(before, read_since, month.customer)
        if compared is None or not compared.drifts:
            return Late()
        currency = before.invoice.currency
        why = "was skipped" if before.outcome is Stage.SKIPPED else ""
        if not why and currency != month.customer.currency:
            why = f"was billed in {currency.upper()}"
        if why:
            told = in_words(compared.drifts, currency)
            return Late(
                remark=f"{before.period} {why}, and its sheet has changed since; nothing is billed for it: {told}"
            )
        by_hand = [line for line in before.invoice.lines if line.source is None]
        lines, problems = adjustments(compared.drifts, before.period, currency, by_hand)
        return Late(lines=lines, problems=problems)

    async def _emails(self, month: Month, sales: SalesSeen, customer: Customer) -> tuple[str, ...]:
        """The addresses whose rows are the customer's: those that the invoice was made from, and the present one.

        The rows of an address that another customer's invoice of the month was made from are that customer's.
        """
        if customer.email in sales.emails:
            return sales.emails
        if await self._ledger.drafted_from(month.period, customer.email):
            return sales.emails
        return (*sales.emails, customer.email)
