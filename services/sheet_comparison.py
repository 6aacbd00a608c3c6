"""Holds invoices against the sheet once more: before the charge, when somebody looks, and at the next collection."""

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
    """What is needed of the ledger here."""

    async def drafted_from(self, period: Period, email: str) -> list[str]:
        """The customers whose invoice of ``period`` was made from the rows of the sheet under ``email``."""


class LateItems(Model):
    """What the month before still lacks, as lines of this one; ``remark`` is about what is not billed, in words."""

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
        emails, former = await self._emails(month, invoice.sales, customer, snapshot)
        reader = customer.evolve(currency=invoice.currency)
        rows = rows_of(reader, emails, month.period, snapshot, self._decimal_separator, former)
        sales = SalesSeen(sheet=snapshot.sheet, digest=snapshot.digest, emails=emails)
        return compare_with_sheet(invoice, rows, sales)

    async def since(self, month: Month, read_since: datetime) -> LateItems:
        """What was changed in the sheet of the month before ``month`` since that was drafted.

        Only what differs from its invoice, whatever became of that: paid, owed, carried forward. Of one that somebody
        skipped nothing is billed but what it had of earlier months; nor is anything in another currency; it is told.
        A month that was entered by hand, or is not closed on record, is not compared. One that was skipped before its
        collection has no invoice that could have brought anything: then it is the month before that one. Raises as
        ``compare`` does.
        """
        before = await self._before(month)
        if before is None or before.outcome is None or before.invoice is None:
            return LateItems()
        if before.outcome is Stage.SKIPPED:
            return await self._since_skipped(before, month.customer, read_since)
        found = await self.compare(before, read_since, month.customer)
        if found is None or not found.changes:
            return LateItems()
        currency = before.invoice.currency
        if currency != month.customer.currency:
            why = f"{before.period} was billed in {currency.upper()}"
            return LateItems(remark=_not_billed(why, in_words(found.changes, currency)))
        lines, problems = adjustments(found.changes, before.period, currency, found.by_hand)
        return LateItems(lines=lines, problems=problems)

    async def _before(self, month: Month) -> Month | None:
        customer_id, period = month.customer.customer_id, month.period.previous()
        before = await self._ledger.month(customer_id, period)
        while before is not None and before.outcome is Stage.SKIPPED and before.invoice is None:
            period = period.previous()
            before = await self._ledger.month(customer_id, period)
        return before

    async def _since_skipped(self, before: Month, customer: Customer, read_since: datetime) -> LateItems:
        """A skip forgoes the month's own sales, not those of earlier months that came late and were on its invoice."""
        assert before.invoice is not None
        currency, remarks = before.invoice.currency, []
        try:
            found = await self.compare(before, read_since, customer)
        except (SalesUnavailable, InvalidInput) as error:  # nothing would be billed by it: nobody waits for it
            remarks.append(f"{before.period} was skipped, and its sheet cannot be compared: {error}")
        else:
            if found is not None and found.changes:
                remarks.append(_not_billed(f"{before.period} was skipped", in_words(found.changes, currency)))
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
        """The addresses whose rows are the customer's: those that the invoice was made from, the present one, and
        former ones that have rows. Also the keys of those that were former ones when the invoice was made.

        The rows of an address that another customer's invoice of the month was made from are that customer's.
        """
        known = [email_key(email) for email in sales.emails]
        more = []
        if customer.email_key not in known and not await self._ledger.drafted_from(month.period, customer.email):
            more.append(customer.email)
        own = {email_key(email): email for email in await self._ledger.own_emails(customer.customer_id)}
        former = own.keys() & snapshot.by_email.keys() - {customer.email_key, *known[:1]}
        more += [own[key] for key in sorted(former.difference(known))]
        return (*sales.emails, *more), frozenset(former)


def _not_billed(why: str, told: str) -> str:
    return f"{why}, and its sheet has changed since; nothing is billed for it: {told}"
