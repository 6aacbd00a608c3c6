"""The books are kept right: what the processor says of a payment is taken in; and all of it is compared, every day."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Protocol

from temporalio import activity

from billing.accounting.reconciliation import (
    Discrepancy,
    DiscrepancyKind,
    PeriodBooks,
    ReconciledPeriod,
    Repair,
    compare,
    failed,
)
from billing.apart import Failed, why
from billing.collections.collection import Collection
from billing.collections.ports import Collections, CollectionStore
from billing.errors import InvalidInput, NotFound, PaymentBusy, PaymentForbidden, PaymentMismatch, PaymentUnknown
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, InvoiceRow, MonthStore, Periods
from billing.invoices.stages import UNPAID_OUTCOMES
from billing.model import Few, Model
from billing.money import format_amount
from billing.payments.payment import Payment, PaymentStatus, Reversal, ReversalKind
from billing.payments.ports import ChargeRow, PaymentBooks, PaymentRail, PaymentRecords, ReversalRow
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, of_report
from services import clock
from services.alerts import Alerts

_RECENT_MONTHS = 3
_DOWN = (PaymentUnknown, PaymentBusy, PaymentForbidden)
"""Whoever is looked up next, the processor does not answer."""
_AROUND = timedelta(days=35)
"""A payment may be older than its period's end on the processor's clock: the sandbox rehearses months to come."""


class _Ledger(CollectionStore, InvoiceListing, MonthStore, PaymentBooks, Periods, Protocol):
    """What is needed of the ledger here."""

    async def customers_at_processor(self) -> dict[str, str]:
        """Those whose account is open, by their id at the processor."""


class ReconcileRequest(Model):
    """The periods to compare; none: those of the last three months that the ledger has."""

    periods: Few[Period] = ()


class ReconcileResult(Model):
    periods: Few[ReconciledPeriod]


class Reconciler:
    """Compares, takes in and repairs; every method may be called again after any failure."""

    def __init__(
        self,
        records: PaymentRecords,
        rail: PaymentRail,
        ledger: _Ledger,
        alerts: Alerts,
        collections: Collections,
    ) -> None:
        self._records = records
        self._rail = rail
        self._ledger = ledger
        self._alerts = alerts
        self._collections = collections

    # -- one payment

    async def take_in(self, payment_id: str) -> str:
        """What the processor says of a payment now goes where it belongs; answers in words what that was.

        The ledger has its status, refunds and disputes; reviewers are told of new ones; a collection looks it up.
        """
        payment = await self._records.payment(payment_id)
        month = await self._month(payment)
        if month is None:
            return "not a payment of ours"
        done = [str(payment.status)]
        try:
            await self._ledger.save_payment(payment, clock.now())
        except PaymentMismatch as error:  # one too many, which will never be confirmed: reconciliation reports it
            done.append(str(error))
        done += [
            f"{each.kind} {each.reversal_id}: {each.code}" for each in await self._take_in_reversals(payment, month)
        ]
        collection = await self._ledger.collection(payment.customer_id, month.period)
        if collection is not None and collection.outcome is None:
            known = collection.answer.attempt_id if collection.answer else ""
            if payment.status is PaymentStatus.SUCCEEDED or payment.attempt_id != known:
                why = f"{payment_id} is {payment.status}"
                if await self._collections.look_up(payment.customer_id, month.period, why):
                    done.append("the collection looks it up")
        return "; ".join(done)

    async def _take_in_reversals(self, payment: Payment, month: Month) -> list[Reversal]:
        """Reviewers are told before the ledger knows: what was not told is tried again, what was is not."""
        rows = await self._ledger.reversals(month.period, payment.customer_id)
        known = {(row.reversal_id, row.code, row.amount_minor) for row in rows}
        found = await self._records.reversals(payment.payment_id)
        news = [each for each in found if (each.reversal_id, each.code, each.amount_minor) not in known]
        for number, each in enumerate(news, start=len(rows) + 1):
            text = _told(each, payment)
            await self._alerts.tell(of_report(month.customer.customer_id, month.period, number, text, clock.now()))
        await self._ledger.save_reversals(payment, found, clock.now())
        return news

    async def _month(self, payment: Payment) -> Month | None:
        """None for a payment that is not ours, also if somebody wrote nonsense into its metadata."""
        if not payment.key or not payment.customer_id:
            return None
        with suppress(InvalidInput):
            return await self._ledger.month(payment.customer_id, Period(payment.period))
        return None

    # -- all payments of a period

    @activity.defn
    async def reconcile(self, request: ReconcileRequest) -> ReconcileResult:
        """Compares and repairs; the rest is reported to the reviewers, each finding once."""
        results = [await self.reconcile_period(period) for period in request.periods or await self._recent()]
        told = [
            partial(_alert, found, result.period)
            for result in results
            for found in result.findings
            if not found.repaired or found.repair is Repair.CANCEL
        ]
        await self._alerts.tell_each(told)
        return ReconcileResult(periods=tuple(result.brief() for result in results))

    async def reconcile_period(self, period: Period) -> ReconciledPeriod:
        """Compares one period, and repairs what is certain. What fails for one customer is a finding like the others.

        Raises ``LedgerUnavailable``, and ``PaymentError`` if the processor cannot list its payments.
        """
        unread: list[Failed] = []
        charges = await self._ledger.payments_of(period, unread)
        payments = await self._payments(period, charges, unread)
        findings = [finding async for finding in self._reversed(period, payments)]
        books = await self._books(period, charges, payments, unread)
        findings += [await self._repaired(found) for found in compare(books)]
        findings += [found async for found in self._uncollected(books)]
        findings += [failed(each.customer_id, period, each.reason) for each in unread]
        return ReconciledPeriod(
            period=period, months=len(books.months), payments=len(books.payments), findings=tuple(findings)
        )

    async def _payments(self, period: Period, charges: Sequence[ChargeRow], unread: list[Failed]) -> list[Payment]:
        """Those of the period, all of ``charges`` among them, and those that we did not make."""
        since = min(clock.now(), datetime.combine(period.next().first_day, time(), UTC)) - _AROUND
        payments: dict[str, Payment] = {}
        async for payment in self._records.payments_since(since):
            if isinstance(payment, Failed):
                unread.append(payment)
            elif payment.period == period or not payment.key:
                payments[payment.payment_id] = payment
        for row in charges:
            if row.payment_id not in payments:
                try:
                    payments[row.payment_id] = await self._records.payment(row.payment_id)
                except NotFound:
                    continue
                except _DOWN:
                    raise
                except Exception as error:
                    unread.append(Failed(customer_id=row.customer_id, reason=why(error)))
        return list(payments.values())

    async def _books(
        self, period: Period, charges: Sequence[ChargeRow], payments: Sequence[Payment], unread: list[Failed]
    ) -> PeriodBooks:
        return PeriodBooks(
            period=period,
            months=tuple(await self._ledger.invoices(period, failed=unread)),
            charges=tuple(charges),
            collections=tuple(await self._ledger.collections(period, failed=unread)),
            payments=tuple(payments),
            payers=await self._ledger.customers_at_processor(),
            refunded_minor=_refunded(await self._ledger.reversals(period, failed=unread)),
            unread=frozenset(each.customer_id for each in unread),
        )

    async def _reversed(self, period: Period, payments: Sequence[Payment]) -> AsyncIterator[Discrepancy]:
        """Refunds and disputes come first: they settle other findings."""
        for payment in payments:
            if not payment.reversed or payment.period != period:
                continue
            try:
                month = await self._month(payment)
                news = await self._take_in_reversals(payment, month) if month else []
            except _DOWN:
                raise
            except Exception as error:
                yield failed(payment.customer_id, period, why(error))
            else:
                for each in news:
                    yield _reversal_finding(payment, each)

    async def _uncollected(self, books: PeriodBooks) -> AsyncIterator[Discrepancy]:
        """Collections that ought to run and do not (their workflow was terminated, or never began): they begin."""
        for month in books.months:
            if month.stage not in UNPAID_OUTCOMES:
                continue
            try:
                begun = await self._begun(month)
            except Exception as error:
                yield failed(month.customer_id, month.period, why(error))
                continue
            if begun:
                yield Discrepancy(
                    kind=DiscrepancyKind.UNCOLLECTED,
                    customer_id=month.customer_id,
                    period=month.period,
                    text=f"{month.customer_id}, {month.period} is {month.stage}, but nobody collected it; now it is",
                    repaired=True,
                )

    async def _begun(self, row: InvoiceRow) -> bool:
        """Whether a collection had to begin, and has begun."""
        collection = await self._ledger.collection(row.customer_id, row.period)
        if collection is None:
            month = await self._ledger.month(row.customer_id, row.period)
            assert month is not None
            collection = Collection.open(month)
        return collection.outcome is None and await self._collections.begin(collection)

    async def _repaired(self, found: Discrepancy) -> Discrepancy:
        if found.repair is None:
            return found
        try:
            if found.repair is Repair.CANCEL:
                await self._rail.cancel(await self._records.payment(found.payment_id))
            said = await self.take_in(found.payment_id)
        except Exception as error:
            return found.evolve(text=f"{found.text}; the repair failed: {why(error)}")
        return found.evolve(text=f"{found.text}; repaired: {said}", repaired=True)

    async def _recent(self) -> list[Period]:
        return (await self._ledger.periods())[:_RECENT_MONTHS][::-1]


def _alert(found: Discrepancy, period: Period) -> Alert:
    remedies = found.remedies or (RemedyAction.RECONCILE.of(period=period),)
    return of_report(found.customer_id, period, 1, found.text, clock.now(), *remedies)


def _told(reversal: Reversal, payment: Payment) -> str:
    amount = format_amount(reversal.amount_minor, reversal.currency)
    what = "Dispute" if reversal.kind is ReversalKind.DISPUTE else "Refund"
    why = f" ({reversal.reason})" if reversal.reason else ""
    return f"{what} of {amount}{why}: {reversal.code}\n{reversal.reversal_id} of payment {payment.payment_id}"


def _refunded(rows: list[ReversalRow]) -> dict[str, int]:
    """What was given back, by payment."""
    sums: dict[str, int] = {}
    for row in rows:
        if row.kind is ReversalKind.REFUND and row.status.has_moved:
            sums[row.payment_id] = sums.get(row.payment_id, 0) + row.amount_minor
    return sums


def _reversal_finding(payment: Payment, reversal: Reversal) -> Discrepancy:
    return Discrepancy(
        kind=DiscrepancyKind.REVERSAL,
        customer_id=payment.customer_id,
        period=payment.period,
        payment_id=payment.payment_id,
        text=f"the ledger lacked {reversal.kind} {reversal.reversal_id} ({reversal.code}); taken in",
        repaired=True,
    )
