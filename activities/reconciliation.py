"""Reconciliation: takes in the processor's record of a payment, and compares all payments daily."""

import logging
from collections.abc import AsyncIterator, Sequence, Set
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
from billing.apart import Failed, in_turn, why
from billing.collections.collection import Collection
from billing.collections.ports import CollectionRow, Collections, CollectionStore
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
"""The processor is down: no other lookup would succeed."""
_AROUND = timedelta(days=35)
"""A payment may be older than its period's end on the processor's clock: the sandbox rehearses months to come."""

_log = logging.getLogger(__name__)


class _Ledger(CollectionStore, InvoiceListing, MonthStore, PaymentBooks, Periods, Protocol):
    """The stores it uses."""

    async def customers_at_processor(self) -> dict[str, str]:
        """The open customers by their id at the processor."""


class ReconcileRequest(Model):
    """The periods to compare; none: the last three months on record."""

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
        """Takes in the processor's present record of a payment; returns in words what was done.

        Saves its status, refunds and disputes, alerts the reviewers to new ones, and makes a collection look it up.
        """
        payment = await self._records.payment(payment_id)
        month = await self._month(payment)
        if month is None:
            return "not a payment of ours"
        done = [str(payment.status)]
        try:
            await self._ledger.save_payment(payment, clock.now())
        except PaymentMismatch as error:  # a second payment, which will never be confirmed: reconciliation reports it
            done.append(str(error))
        news = await self._take_in_reversals(payment, month)
        done += [f"{reversal.kind} {reversal.reversal_id}: {reversal.code}" for reversal in news]
        collection = await self._ledger.collection(payment.customer_id, month.period)
        if collection is not None and collection.outcome is None:
            last_attempt = collection.answer.attempt_id if collection.answer else ""
            if payment.status is PaymentStatus.SUCCEEDED or payment.attempt_id != last_attempt:
                reason = f"{payment_id} is {payment.status}"
                if await self._collections.look_up(payment.customer_id, month.period, reason):
                    done.append("the collection looks it up")
        return "; ".join(done)

    async def _take_in_reversals(self, payment: Payment, month: Month) -> list[Reversal]:
        """Alerts the reviewers before it saves: an interrupted alert is repeated, a saved one is not."""
        rows = await self._ledger.reversals(month.period, payment.customer_id)
        known = {(row.reversal_id, row.code, row.amount_minor) for row in rows}
        reversals = await self._records.reversals(payment.payment_id)
        news = [item for item in reversals if (item.reversal_id, item.code, item.amount_minor) not in known]
        for number, reversal in enumerate(news, start=len(rows) + 1):
            text = _in_words(reversal, payment)
            await self._alerts.tell(of_report(month.customer_id, month.period, number, text, clock.now()))
        await self._ledger.save_reversals(payment, reversals, clock.now())
        return news

    async def _month(self, payment: Payment) -> Month | None:
        """The payment's month; None for a payment that is not ours, or whose metadata are invalid."""
        if not payment.key or not payment.customer_id:
            return None
        with suppress(InvalidInput):
            return await self._ledger.month(payment.customer_id, Period(payment.period))
        return None

    # -- all payments of a period

    @activity.defn
    async def reconcile(self, request: ReconcileRequest) -> ReconcileResult:
        """Compares and repairs; reports the other findings to the reviewers, each once.

        Collections of all other months go on, too, if they have stopped.
        """
        results, errors = await in_turn(request.periods or await self._recent(), self.reconcile_period)
        await self._begin_others({result.period for result in results})
        await self._alerts.tell_each(
            partial(_alert, finding, result.period)
            for result in results
            for finding in result.findings
            if not finding.repaired or finding.repair is Repair.CANCEL
        )
        if errors:
            raise errors[0]
        return ReconcileResult(periods=tuple(result.brief() for result in results))

    async def reconcile_period(self, period: Period) -> ReconciledPeriod:
        """Compares one period and repairs what is certain. A failure for one customer is a finding.

        Raises ``LedgerUnavailable``, and ``PaymentError`` if the processor cannot list its payments.
        """
        unread: list[Failed] = []
        charges = await self._ledger.payments_of(period, unread)
        payments = await self._payments(period, charges, unread)
        findings = [finding async for finding in self._reversed(period, payments)]
        books = await self._books(period, charges, payments, unread)
        findings += [await self._repaired(finding) for finding in compare(books)]
        findings += [finding async for finding in self._uncollected(books)]
        findings += [failed(row.customer_id, period, row.reason) for row in unread]
        return ReconciledPeriod(
            period=period, months=len(books.months), payments=len(books.payments), findings=tuple(findings)
        )

    async def _payments(self, period: Period, charges: Sequence[ChargeRow], unread: list[Failed]) -> list[Payment]:
        """The payments of the period, including all of ``charges``, and those that we did not create."""
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
            unread=frozenset(row.customer_id for row in unread),
        )

    async def _reversed(self, period: Period, payments: Sequence[Payment]) -> AsyncIterator[Discrepancy]:
        """Takes in refunds and disputes, which settle other findings, so it runs first."""
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
                for reversal in news:
                    yield _reversal_finding(payment, reversal)

    async def _uncollected(self, books: PeriodBooks) -> AsyncIterator[Discrepancy]:
        """Begins collections that should run and do not: their workflow was terminated, or never started."""
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

    async def _begin_others(self, compared: Set[Period]) -> None:
        """Begins collections outside of ``compared`` that do not run; coverage names those for which that fails."""
        for row in await self._ledger.collections(open_only=True, failed=[]):
            if row.period not in compared:
                try:
                    await self._begun(row)
                except Exception as error:
                    _log.warning("%s, %s: not begun: %s", row.customer_id, row.period, why(error))

    async def _begun(self, row: InvoiceRow | CollectionRow) -> bool:
        """Begins the collection if it does not run; returns whether it did."""
        collection = await self._ledger.collection(row.customer_id, row.period)
        if collection is None:
            month = await self._ledger.month(row.customer_id, row.period)
            assert month is not None
            collection = Collection.open(month)
        return collection.outcome is None and await self._collections.begin(collection)

    async def _repaired(self, finding: Discrepancy) -> Discrepancy:
        if finding.repair is None:
            return finding
        try:
            if finding.repair is Repair.CANCEL:
                await self._rail.cancel(await self._records.payment(finding.payment_id))
            result = await self.take_in(finding.payment_id)
        except Exception as error:
            return finding.evolve(text=f"{finding.text}; the repair failed: {why(error)}")
        return finding.evolve(text=f"{finding.text}; repaired: {result}", repaired=True)

    async def _recent(self) -> list[Period]:
        return (await self._ledger.periods())[:_RECENT_MONTHS][::-1]


def _alert(finding: Discrepancy, period: Period) -> Alert:
    remedies = finding.remedies or (RemedyAction.RECONCILE.of(period=period),)
    return of_report(finding.customer_id, period, 1, finding.text, clock.now(), *remedies)


def _in_words(reversal: Reversal, payment: Payment) -> str:
    amount = format_amount(reversal.amount_minor, reversal.currency)
    kind = "Dispute" if reversal.kind is ReversalKind.DISPUTE else "Refund"
    reason = f" ({reversal.reason})" if reversal.reason else ""
    return f"{kind} of {amount}{reason}: {reversal.code}\n{reversal.reversal_id} of payment {payment.payment_id}"


def _refunded(rows: list[ReversalRow]) -> dict[str, int]:
    """Refunded amounts by payment."""
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
