"""Collect the month's sales: read the sheet, draft the invoice, record the draft."""

import asyncio
import time

from temporalio import activity

from activities import clock
from activities.alerts import Alerts
from billing.alerts import of_draft
from billing.customer import ReviewMode
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoice import Invoice
from billing.model import Model
from billing.month import Month
from billing.period import Period
from billing.ports import Ledger, SalesSource
from billing.sales import SalesSnapshot, lines_for

_SHARED_SECONDS = 20.0


class Collected(Model):
    """The draft; or, if the ledger knows more of this customer and period than the run, that month."""

    invoice: Invoice | None = None
    known: Month | None = None


class SalesActivities:
    def __init__(self, source: SalesSource, ledger: Ledger, alerts: Alerts, decimal_separator: str = ".") -> None:
        self._alerts = alerts
        self._source = SharedSales(source)
        self._ledger = ledger
        self._decimal_separator = decimal_separator

    @activity.defn
    async def collect_sales(self, month: Month) -> Collected:
        """Drafts the invoice of ``month`` from the sheet, records it, and tells the reviewers that it is there.

        Raises ``SalesUnavailable`` while the sheet cannot be read (tried again), ``InvalidInput`` if another customer
        has the same email and would be billed for the same rows (a person). A month that the ledger knows as
        closed, or further on than this run, is not collected again.
        """
        known = await self._ledger.month(month.customer.customer_id, month.period)
        if known is not None and (known.outcome is not None or known.revision > month.revision):
            if known.outcome is None and known.invoice is not None and known.notice is None:  # perhaps a repeat
                await self._alerts.tell(of_draft(known, clock.now()))
            return Collected(known=known)
        await self._check_only_owner(month)
        invoice = Invoice(currency=month.customer.currency, collected_at=clock.now(), carried_minor=month.carried_minor)
        if month.customer.terms.review_mode is not ReviewMode.MANUAL:
            snapshot = await self._source.read(month.period)
            lines, problems = lines_for(month.customer, month.period, snapshot, self._decimal_separator)
            invoice = invoice.evolve(lines=lines, problems=problems, collected_at=clock.now())
        drafted = month.drafted(invoice)
        await self._ledger.record(drafted, clock.now())
        await self._alerts.tell(of_draft(drafted, clock.now()))
        return Collected(invoice=invoice)

    async def _check_only_owner(self, month: Month) -> None:
        for other in await self._ledger.customers_like(month.customer):
            if other.email == month.customer.email:
                raise InvalidInput(
                    f"{month.customer.customer_id} and {other.customer_id} have the same email, so both would pay for "
                    "the same sales; update or close one of them, then resume"
                )


class SharedSales:
    """One read of a worksheet serves every customer who asks within a few seconds: quotas are per minute.

    A failed read serves those who were waiting for it, so that an outage does not make them queue one behind the other.
    """

    def __init__(self, source: SalesSource) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._last: dict[Period, tuple[float, SalesSnapshot | SalesUnavailable]] = {}

    async def read(self, period: Period) -> SalesSnapshot:
        asked = time.monotonic()
        async with self._lock:
            read_at, outcome = self._last.get(period, (float("-inf"), None))
            oldest = asked - _SHARED_SECONDS if isinstance(outcome, SalesSnapshot) else asked
            if outcome is None or read_at < oldest:
                outcome = await self._read(period)
                self._last = {period: (time.monotonic(), outcome)}
        if isinstance(outcome, SalesUnavailable):
            raise SalesUnavailable(str(outcome))
        return outcome

    async def _read(self, period: Period) -> SalesSnapshot | SalesUnavailable:
        try:
            return await self._source.read(period)
        except SalesUnavailable as error:
            return error
