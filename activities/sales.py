"""Collect the month's sales: read the sheet, draft the invoice, record the draft."""

from typing import Protocol

from temporalio import activity

from billing.customers.address import email_key
from billing.customers.customer import ReviewMode
from billing.customers.ports import Addresses, Lookalikes
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoices.invoice import DRAFT_MAX_BYTES, Invoice, LineItem, Problem, SalesSeen
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.model import Model, Words
from billing.money import format_amount
from billing.reviewers.alerts import of_draft, of_former_address, of_report
from billing.reviewers.ports import BrakeStore
from billing.sales.adjustments import merged_by_sheet
from billing.sales.sales import MAX_ROWS, rows_of
from services import clock
from services.alerts import Alerts
from services.shared_sales import Sales, since_import
from services.sheet_comparison import SheetComparer

_TRIES = 12
"""Of the second round, some two hours: after that the sheet of the month before holds nobody any longer."""
_BEFORE = "the sales of the month before cannot be compared with the sheet"


class _Ledger(Addresses, BrakeStore, Lookalikes, MonthStore, Protocol):
    """What is needed of the ledger here."""


class ImportedSales(Model):
    """The draft; or, if the ledger knows more of this customer and period than the run, that month.

    ``remark`` is what has changed in the sheet of the month before and is not in the draft, in words.
    """

    invoice: Invoice | None = None
    known: Month | None = None
    remark: Words = ""


class SalesActivities:
    def __init__(
        self,
        source: Sales,
        comparing: SheetComparer,
        ledger: _Ledger,
        alerts: Alerts,
        decimal_separator: str = ".",
    ) -> None:
        self._alerts = alerts
        self._source = source
        self._comparing = comparing
        self._ledger = ledger
        self._decimal_separator = decimal_separator

    @activity.defn
    async def import_sales(self, month: Month) -> ImportedSales:
        """Drafts the invoice of ``month`` from the sheet, with what was changed in the one before, and records it.

        The reviewers are told that it is there.

        Raises ``SalesUnavailable`` while the sheet cannot be read (tried again), ``InvalidInput`` if another customer
        has the same email and would be billed for the same rows, or the draft would be too large (a person). A month
        that the ledger knows as closed, or further on than this run, is not collected again: so a change is taken in
        once.
        """
        known = await self._ledger.month(month.customer.customer_id, month.period)
        if known is not None and (known.outcome is not None or known.revision > month.revision):
            if known.outcome is None and known.invoice is not None and known.notice is None:  # perhaps a repeat
                await self._tell(known)
            return ImportedSales(known=known)
        await self._check_only_owner(month)
        invoice, remark = await self._with_late_sales(month, await self._draft(month))
        if invoice.size_bytes > DRAFT_MAX_BYTES:
            raise InvalidInput(
                f"the rows of {month.customer.customer_id} for {month.period} take {invoice.size_bytes // 1000:,} kB, "
                f"and an invoice begins with up to {DRAFT_MAX_BYTES // 1000} kB; shorten their descriptions, or sum "
                "rows up in the sheet, then resume"
            )
        invoice = invoice.evolve(imported_at=clock.now())
        drafted = month.drafted(invoice, remark)
        await self._ledger.record(drafted, clock.now())
        total = format_amount(invoice.total_minor, invoice.currency)
        what = f"{len(invoice.lines)} lines, {len(invoice.problems)} unreadable, {total}"
        activity.logger.info("collected: %s, %s, %s", month.customer.customer_id, month.period, what)
        await self._tell(drafted)
        return ImportedSales(invoice=invoice, remark=remark)

    async def _tell(self, month: Month) -> None:
        """The reviewers, of the draft and of what is not in it."""
        now = clock.now()
        await self._alerts.tell(of_draft(month, now))
        if month.remark:
            await self._alerts.tell(of_report(month.customer.customer_id, month.period, 1, month.remark, now))
        if month.invoice is not None and month.invoice.former_rows:
            await self._alerts.tell(of_former_address(month, now))

    async def _draft(self, month: Month) -> Invoice:
        customer = month.customer
        invoice = Invoice(currency=customer.currency, imported_at=clock.now(), carried_minor=month.carried_minor)
        if customer.terms.review_mode is ReviewMode.MANUAL:
            return invoice
        snapshot = await self._source.read(month.period, since_import(month, clock.now()))
        own = {email_key(email): email for email in await self._ledger.own_emails(customer.customer_id)}
        former = {key: own[key] for key in sorted(own.keys() & snapshot.by_email.keys() - {customer.email_key})}
        emails = (customer.email, *former.values())
        rows = rows_of(customer, emails, month.period, snapshot, self._decimal_separator, former)
        lines = tuple(row for row in rows if isinstance(row, LineItem))
        problems = tuple(row for row in rows if isinstance(row, Problem))
        sales = SalesSeen(sheet=snapshot.sheet, digest=snapshot.digest, emails=emails)
        return invoice.evolve(lines=lines, problems=problems, sales=sales)

    async def _with_late_sales(self, month: Month, invoice: Invoice) -> tuple[Invoice, str]:
        """The draft with the adjustments of the month before, and a remark about what is in the sheet only.

        A sheet that is gone for good (renamed, emptied) is an outage like any other at first, of which the reviewers
        are told; then the month goes on without, and says so.
        """
        try:
            late = await self._comparing.since(month, since_import(month, clock.now()))
        except SalesUnavailable as error:
            if not (month.outage.startswith(_BEFORE) and activity.info().attempt > _TRIES):
                raise SalesUnavailable(f"{_BEFORE}: {error}") from error
            return invoice.evolve(lacks_late_sales=True), f"{_BEFORE}, so nothing of it is in this draft: {error}"
        rows = len(invoice.lines) + len(invoice.problems) + len(late.problems)
        if late.problems and rows > MAX_ROWS:
            raise InvalidInput(
                f"{len(late.problems)} rows of worksheet {month.period.previous()} were changed after its collection "
                f"and need a person; with those of {month.period} they are more than {MAX_ROWS}; correct them there, "
                "then resume"
            )
        problems = (*invoice.problems, *late.problems)
        adjusted = invoice.evolve(lines=(*invoice.lines, *late.lines), problems=problems)
        if rows + len(late.lines) > MAX_ROWS or adjusted.size_bytes > DRAFT_MAX_BYTES:
            adjusted = invoice.evolve(lines=(*invoice.lines, *merged_by_sheet(late.lines)), problems=problems)
        return adjusted, late.remark

    async def _check_only_owner(self, month: Month) -> None:
        for other in await self._ledger.customers_like(month.customer):
            if other.email_key == month.customer.email_key:
                raise InvalidInput(
                    f"{month.customer.customer_id} and {other.customer_id} have the same email, so both would pay for "
                    "the same sales; update or close one of them, then resume"
                )
