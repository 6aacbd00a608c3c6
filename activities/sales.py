"""Imports the month's sales: reads tariffs and sheet, drafts the invoice, records the draft."""

from typing import Protocol

from temporalio import activity

from billing.customers.address import email_key
from billing.customers.customer import ReviewMode
from billing.customers.ports import Addresses, Lookalikes
from billing.errors import InvalidInput, PreviousSalesUnavailable, SalesUnavailable, StaleRun
from billing.invoices.invoice import DRAFT_MAX_BYTES, Invoice, LineItem, Problem, SalesSeen
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.model import Model, Words
from billing.money import format_amount
from billing.receivables.journal import Balance
from billing.receivables.ports import Accounts
from billing.reviewers.alerts import of_draft, of_former_address, of_report
from billing.reviewers.ports import BrakeStore
from billing.sales.adjustments import merged_by_sheet
from billing.sales.sales import MAX_ROWS, rows_of
from billing.tariffs.lines import lines_of
from billing.tariffs.ports import AgreedItems, ServiceDays
from services import clock
from services.alerts import Alerts
from services.effects import log_effect
from services.shared_sales import Sales, since_import
from services.sheet_comparison import SheetComparer

_TRIES = 12
"""Attempts of the second round, some two hours; then the month continues without the sheet of the month before."""


class _Ledger(Accounts, Addresses, AgreedItems, BrakeStore, Lookalikes, MonthStore, ServiceDays, Protocol):
    """The stores it uses."""


class ImportedSales(Model):
    """The draft; or, if the ledger is ahead of the run, its month ``known``.

    ``remark`` names what is not in the draft: changes in the sheet of the month before (or, if it was not
    ``previous_compared``, the reason), and a balance in another currency.
    """

    invoice: Invoice | None = None
    known: Month | None = None
    remark: Words | None = None
    previous_compared: bool = True


class SalesActivities:
    def __init__(
        self,
        source: Sales,
        comparer: SheetComparer,
        ledger: _Ledger,
        alerts: Alerts,
        decimal_separator: str = ".",
    ) -> None:
        self._alerts = alerts
        self._source = source
        self._comparer = comparer
        self._ledger = ledger
        self._decimal_separator = decimal_separator

    @activity.defn
    async def import_sales(self, month: Month) -> ImportedSales:
        """Drafts and records the invoice of ``month``: tariffs, rows of the sheet, late sales of the month before.

        A month that is closed in the ledger, or newer there, is not imported again, so a late sale is billed once.

        Raises ``SalesUnavailable`` while the sheet cannot be read (retried), ``InvalidInput`` (for a person) if another
        customer has the same email, and so the same rows, if the draft is too large, or a tariff in another currency.
        """
        known = await self._ledger.month(month.customer_id, month.period)
        if known is not None and (known.outcome is not None or known.revision > month.revision):
            return await self._ahead(known)
        await self._check_only_owner(month)
        balance = await self._ledger.balance(month.customer_id)
        imported = await self._with_late_sales(month, await self._draft(month, balance, known))
        remarks = (imported.remark, _in_others(balance, month))
        imported = imported.evolve(remark="; ".join(filter(None, remarks)) or None)
        invoice = imported.invoice
        assert invoice is not None
        if invoice.size_bytes > DRAFT_MAX_BYTES:
            raise InvalidInput(
                f"the rows of {month.customer.customer_id} for {month.period} take {invoice.size_bytes // 1000:,} kB, "
                f"and an invoice begins with up to {DRAFT_MAX_BYTES // 1000} kB; shorten their descriptions, or sum "
                "rows up in the sheet, then resume"
            )
        invoice = invoice.evolve(imported_at=clock.now())
        drafted = month.drafted(invoice, imported.remark, imported.previous_compared)
        try:
            await self._ledger.record_draft(drafted, clock.now())
        except StaleRun:  # an attempt before this one, given up for dead, has recorded its own
            known = await self._ledger.month(month.customer_id, month.period)
            assert known is not None
            return await self._ahead(known)
        total = format_amount(invoice.total_minor, invoice.currency)
        content = f"{len(invoice.lines)} lines, {len(invoice.problems)} unreadable, {total}"
        log_effect(activity.logger, "imported", month.customer_id, month.period, content)
        await self._tell(drafted)
        return imported.evolve(invoice=invoice)

    async def _ahead(self, known: Month) -> ImportedSales:
        """The ledger's month; if that is a draft, whoever recorded it may not have lived to tell the reviewers."""
        if known.outcome is None and known.invoice is not None and known.notice is None:
            await self._tell(known)
        return ImportedSales(known=known)

    async def _tell(self, month: Month) -> None:
        """Alerts the reviewers to the draft, to changes that are not in it, and to rows under a former address."""
        now = clock.now()
        await self._alerts.tell(of_draft(month, now))
        if month.remark:
            await self._alerts.tell(of_report(month.customer.customer_id, month.period, 1, month.remark, now))
        if month.invoice is not None and month.invoice.former_rows:
            await self._alerts.tell(of_former_address(month, now))

    async def _draft(self, month: Month, balance: Balance, known: Month | None) -> Invoice:
        """A new draft; it takes over what the recorded one before it has taken over, too."""
        customer = month.customer
        carried_minor = balance.carried_minor(customer.currency)
        carried_minor += known.carried_minor if known and known.currency == customer.currency else 0
        invoice = await self._with_tariffs(
            month, Invoice(currency=customer.currency, imported_at=clock.now(), carried_minor=carried_minor)
        )
        if customer.terms.review_mode is ReviewMode.MANUAL:
            return invoice
        snapshot = await self._source.read(month.period, since_import(month, clock.now()))
        own = {email_key(email): email for email in await self._ledger.own_emails(customer.customer_id)}
        former = {key: own[key] for key in sorted(own.keys() & snapshot.by_email.keys() - {customer.email_key})}
        emails = (*filter(None, [customer.email]), *former.values())
        rows = rows_of(customer, emails, month.period, snapshot, self._decimal_separator, former)
        lines = tuple(row for row in rows if isinstance(row, LineItem))
        problems = tuple(row for row in rows if isinstance(row, Problem))
        sales = SalesSeen(sheet=snapshot.sheet, digest=snapshot.digest, emails=emails)
        return invoice.evolve(lines=(*invoice.lines, *lines), problems=problems, sales=sales)

    async def _with_tariffs(self, month: Month, invoice: Invoice) -> Invoice:
        """The draft with what the customer's accounts pay for the period, in review mode manual, too."""
        agreed = await self._ledger.agreed(month.customer_id)
        if not agreed.items:
            return invoice.evolve(tariffs_seen=agreed.revision)
        suspended = await self._ledger.suspended_days(month.customer_id, month.period)
        lines = lines_of(month.period, agreed, month.customer.currency, suspended)
        return invoice.evolve(lines=lines, tariffs_seen=agreed.revision)

    async def _with_late_sales(self, month: Month, invoice: Invoice) -> ImportedSales:
        """The draft with the adjustments of the month before, and a remark about changes that are not billed.

        A sheet that is gone for good (renamed, emptied) is at first an outage, with an alert to the reviewers; then the
        month continues without it, with a remark.
        """
        try:
            late = await self._comparer.since(month, since_import(month, clock.now()))
        except SalesUnavailable as error:
            unavailable = PreviousSalesUnavailable(f"the sales of the month before cannot be compared: {error}")
            is_known = month.outage is not None and month.outage.error == PreviousSalesUnavailable.__name__
            if not (is_known and activity.info().attempt > _TRIES):
                raise unavailable from error
            remark = f"{unavailable}; nothing of it is in this draft"
            return ImportedSales(invoice=invoice, remark=remark, previous_compared=False)
        rows = len(invoice.lines) + len(invoice.problems) + len(late.problems)
        if late.problems and rows > MAX_ROWS:
            raise InvalidInput(
                f"{len(late.problems)} rows of worksheet {month.period.previous()} were changed after its import "
                f"and need a person; with those of {month.period} they are more than {MAX_ROWS}; correct them there, "
                "then resume"
            )
        problems = (*invoice.problems, *late.problems)
        adjusted = invoice.evolve(lines=(*invoice.lines, *late.lines), problems=problems)
        if rows + len(late.lines) > MAX_ROWS or adjusted.size_bytes > DRAFT_MAX_BYTES:
            adjusted = invoice.evolve(lines=(*invoice.lines, *merged_by_sheet(late.lines)), problems=problems)
        return ImportedSales(invoice=adjusted, remark=late.remark)

    async def _check_only_owner(self, month: Month) -> None:
        for other in await self._ledger.customers_like(month.customer):
            if month.customer.email and other.email_key == month.customer.email_key:
                raise InvalidInput(
                    f"{month.customer.customer_id} and {other.customer_id} have the same email, so both would pay for "
                    "the same sales; update or close one of them, then resume"
                )


def _in_others(balance: Balance, month: Month) -> str:
    """The balances in other currencies than the month's, which its draft cannot take over; "" if there are none."""
    amounts = [
        f"a {'credit' if minor < 0 else 'debt'} of {format_amount(abs(minor), currency)}"
        for currency, minor in balance.credits.items()
        if currency != month.customer.currency
    ]
    return f"{' and '.join(amounts)}, because this invoice is in {month.customer.currency.upper()}" if amounts else ""
