"""Compares invoices with the sheet: with the notice, on request of a reviewer, and at the next import."""

from datetime import datetime
from typing import Protocol

from billing.customers.address import email_key
from billing.customers.customer import Customer
from billing.customers.ports import Addresses
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoices.invoice import LineItem, Problem, SalesSeen
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.stages import Stage
from billing.model import Many, Model, Words
from billing.money import format_amount
from billing.period import Period
from billing.sales.adjustments import adjustments
from billing.sales.late_sales import SheetComparison, compare_with_sheet, in_words
from billing.sales.sales import SalesSnapshot, rows_of
from services.shared_sales import Sales


class _Ledger(Addresses, MonthStore, Protocol):
    """The stores it uses."""

    async def drafted_from(self, period: Period, email: str) -> list[str]:
        """The customers whose invoice of ``period`` has the sheet's rows under ``email``."""


class LateItems(Model):
    """Late sales of the month before, as lines of this one; ``remark`` names changes that are not billed."""

    lines: Many[LineItem] = ()
    problems: Many[Problem] = ()
    remark: Words | None = None


class SheetComparer:
    def __init__(self, source: Sales, ledger: _Ledger, decimal_separator: str = ".") -> None:
        self._source = source
        self._ledger = ledger
        self._decimal_separator = decimal_separator

    async def compare(
        self, month: Month, read_since: datetime, customer: Customer | None = None
    ) -> SheetComparison | None:
        """How the sheet differs from the invoice of ``month``, by a reading not older than ``read_since``.

        ``customer`` has the present data if the month is over. None if the invoice was not made from the sheet.

        Raises ``SalesUnavailable``, also for an emptied worksheet (which is no credit for all customers),
        ``LedgerUnavailable``, and ``InvalidInput`` for too many rows.
        """
        customer, invoice = customer or month.customer, month.invoice
        if invoice is None or invoice.sales is None:
            return None
        snapshot = await self._source.read(month.period, read_since)
        if not snapshot.rows and any(invoice.in_sheet(line) for line in invoice.lines):
            raise SalesUnavailable(f"worksheet {snapshot.sheet!r} no longer has any rows; restore them")
        emails, former = await self._emails(month, invoice.sales, customer, snapshot)
        reader = customer.evolve(currency=invoice.currency)
        rows = rows_of(reader, emails, month.period, snapshot, self._decimal_separator, former)
        sales = SalesSeen(sheet=snapshot.sheet, digest=snapshot.digest, emails=emails)
        return compare_with_sheet(invoice, rows, sales)

    async def since(self, month: Month, read_since: datetime) -> LateItems:
        """Changes in the sheet of the month before ``month`` since its draft, to be billed with ``month``.

        They are the differences from that month's invoice, whatever its outcome. Of a skipped month only the late sales
        of earlier months are billed; changes in another currency are not billed either. The remark names both.
        A month that was entered by hand, or is not closed on record, is not compared. A month skipped before its
        import has no invoice; the one before it is compared. Raises as ``compare``.
        """
        before = await self._before(month)
        if before is None or before.outcome is None or before.invoice is None:
            return LateItems()
        if before.outcome is Stage.SKIPPED:
            return await self._since_skipped(before, month.customer, read_since)
        comparison = await self.compare(before, read_since, month.customer)
        if comparison is None or not comparison.changes:
            return LateItems()
        currency = before.invoice.currency
        if currency != month.customer.currency:
            why = f"{before.period} was billed in {currency.upper()}"
            return LateItems(remark=_not_billed(why, in_words(comparison.changes, currency)))
        lines, problems = adjustments(comparison.changes, before.period, currency, comparison.by_hand)
        return LateItems(lines=lines, problems=problems)

    async def _before(self, month: Month) -> Month | None:
        customer_id, period = month.customer.customer_id, month.period.previous()
        before = await self._ledger.month(customer_id, period)
        while before is not None and before.outcome is Stage.SKIPPED and before.invoice is None:
            period = period.previous()
            before = await self._ledger.month(customer_id, period)
        return before

    async def _since_skipped(self, before: Month, customer: Customer, read_since: datetime) -> LateItems:
        """A skip forgoes the month's own sales, not the late sales of earlier months on its invoice."""
        assert before.invoice is not None
        currency, remarks = before.invoice.currency, []
        try:
            comparison = await self.compare(before, read_since, customer)
        except (SalesUnavailable, InvalidInput) as error:  # it would bill nothing, so the import does not wait
            remarks.append(f"{before.period} was skipped, and its sheet cannot be compared: {error}")
        else:
            if comparison is not None and comparison.changes:
                remarks.append(_not_billed(f"{before.period} was skipped", in_words(comparison.changes, currency)))
        lines, problems = before.invoice.late_items(before.period)
        if currency != customer.currency and (lines or problems):
            amount = format_amount(sum(line.amount_minor for line in lines), currency)
            remarks.append(
                f"{before.period} was skipped with late sales of earlier months, {amount}: bill them by hand"
            )
            lines, problems = (), ()
        return LateItems(lines=lines, problems=problems, remark="; ".join(remarks) or None)

    async def _emails(
        self, month: Month, sales: SalesSeen, customer: Customer, snapshot: SalesSnapshot
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """The addresses of the customer's rows: of the invoice, the present one, and former ones with rows.

        Also the keys of addresses that were former ones when the invoice was made. The rows of an address on another
        customer's invoice of the month are that customer's.
        """
        billed = [email_key(email) for email in sales.emails]
        more = []
        email, is_new = customer.email, customer.email_key not in billed
        if email and is_new and not await self._ledger.drafted_from(month.period, email):
            more.append(email)
        own = {email_key(email): email for email in await self._ledger.own_emails(customer.customer_id)}
        former = own.keys() & snapshot.by_email.keys() - {customer.email_key, *billed[:1]}
        more += [own[key] for key in sorted(former.difference(billed))]
        return (*sales.emails, *more), frozenset(former)


def _not_billed(why: str, changes: str) -> str:
    return f"{why}, and its sheet has changed since; nothing is billed for it: {changes}"
