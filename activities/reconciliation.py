"""Reconciliation: takes in the processor's record of a payment, and compares all payments daily."""

import logging
from collections.abc import AsyncIterator, Sequence, Set
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Protocol

from temporalio import activity

from activities.payment_intake import PROCESSOR_DOWN, PaymentIntake
from activities.registers.processors import RailRegister, RegisterCheck
from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, ReconciledPeriod, Repair, failed
from billing.accounting.reconciliation import PeriodBooks, compare
from billing.accounting.reversals import refunded_minor, reversal_finding
from billing.apart import Failed, in_turn, why
from billing.collections.ports import Collections, CollectionStore, DebtRow
from billing.errors import NotFound
from billing.invoices.ports import InvoiceListing, InvoiceRow, MonthStore, Periods
from billing.invoices.stages import COLLECTED_OUTCOMES, Stage
from billing.model import Few, Model
from billing.payments.payment import ChargeStatus, Payment, PaymentStatus
from billing.payments.ports import ChargeRow, PaymentBooks, PaymentRail, PaymentRecords
from billing.period import Period
from billing.receivables.journal import Subject
from billing.receivables.ports import ClearingAccounts, Journal, PaymentListing
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, of_report
from billing.tariffs.ports import AgreedItems
from services import clock
from services.alerts import Alerts
from services.checkouts import LinkBooks
from services.collecting import NO_LADDER, LadderTerms, collect

_RECENT_MONTHS = 3
_AROUND = timedelta(days=35)
"""A payment may be older than its period's end on the processor's clock: the sandbox rehearses months to come."""

_log = logging.getLogger(__name__)


class _Ledger(
    AgreedItems,
    ClearingAccounts,
    CollectionStore,
    InvoiceListing,
    Journal,
    LinkBooks,
    MonthStore,
    PaymentBooks,
    PaymentListing,
    Periods,
    Protocol,
):
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
        others: Sequence[RailRegister] = (),
        ladder: LadderTerms = NO_LADDER,
    ) -> None:
        self._others = others
        self._ladder = ladder
        self._records = records
        self._rail = rail
        self._ledger = ledger
        self._alerts = alerts
        self._collections = collections
        self._intake = PaymentIntake(records, ledger, alerts, collections)
        self._registers = RegisterCheck(records, ledger, self._intake)

    async def take_in(self, payment_id: str) -> str:
        """As ``PaymentIntake.take_in``."""
        return await self._intake.take_in(payment_id)

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
        """Compares one period and repairs what is certain: months and charges, then each rail's register with its
        clearing account. A failure for one customer is a finding.

        Raises ``LedgerUnavailable``, and ``PaymentError`` if the processor cannot list its payments.
        """
        unread: list[Failed] = []
        charges = await self._ledger.payments_of(period, unread)
        payments = await self._payments(period, charges, unread)
        cleared = await self._registers.cleared(period, payments, unread)
        findings = [finding async for finding in self._reversed(period, payments)]
        charged = [payment for payment in payments if not payment.by_link]
        books = await self._books(period, charges, charged, unread)
        findings += [await self._repaired(finding) for finding in compare(books)]
        findings += [finding async for finding in self._uncollected(books)]
        findings += [failed(row.customer_id, period, row.reason) for row in unread]
        theirs = {register.rail for register in self._others}
        cleared = [row for row in cleared if row.rail not in theirs]
        registers = await self._registers.compare(period, payments, cleared, findings)
        others = [await register.compare(period) for register in self._others]
        return ReconciledPeriod(
            period=period,
            months=len(books.months),
            payments=len(payments),
            findings=(*findings, *registers.findings, *(finding for other in others for finding in other.findings)),
            rails=(*registers.rails, *(total for other in others for total in other.rails)),
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
                except PROCESSOR_DOWN:
                    raise
                except Exception as error:
                    unread.append(Failed(customer_id=row.customer_id, reason=why(error)))
        return list(payments.values())

    async def _books(
        self, period: Period, charges: Sequence[ChargeRow], payments: Sequence[Payment], unread: list[Failed]
    ) -> PeriodBooks:
        months, debts = (
            await self._ledger.invoices(period, failed=unread),
            await self._ledger.debts(period, failed=unread),
        )
        charged = {payment.customer_id for payment in payments if payment.status is PaymentStatus.SUCCEEDED}
        unpaid = [row for row in months if row.stage is Stage.PAID and row.customer_id not in charged]
        return PeriodBooks(
            period=period,
            months=tuple(months),
            charges=tuple(charges),
            debts=tuple(debts),
            payments=tuple(payments),
            payers=await self._ledger.customers_at_processor(),
            owed_minor={row.customer_id: await self._owed(row) for row in debts if row.closed_at is None},
            settled=frozenset([row.customer_id for row in unpaid if await self._is_settled(row)]),
            refunded_minor=refunded_minor(await self._ledger.reversals(period, failed=unread)),
            unread=frozenset(row.customer_id for row in unread),
        )

    async def _owed(self, row: DebtRow) -> int:
        """What the journal says is owed for the month of a debt, in minor units."""
        balance = await self._ledger.balance(row.customer_id)
        return balance.owed_for(Subject.month(row.period), row.currency)

    async def _is_settled(self, row: InvoiceRow) -> bool:
        """Whether money of another rail has paid the month, so that the card was not charged."""
        month = await self._ledger.month(row.customer_id, row.period)
        charge = month.closed.charge if month and month.closed else None
        return charge is not None and charge.status is ChargeStatus.SETTLED

    async def _reversed(self, period: Period, payments: Sequence[Payment]) -> AsyncIterator[Discrepancy]:
        """Takes in refunds and disputes, which settle other findings, so it runs first."""
        for payment in payments:
            if not payment.reversed or payment.period != period:
                continue
            try:
                is_known = payment.by_link or await self._intake.month_of(payment)
                news = await self._intake.reversals(payment) if is_known else []
            except PROCESSOR_DOWN:
                raise
            except Exception as error:
                yield failed(payment.customer_id, period, why(error))
            else:
                for reversal in news:
                    yield reversal_finding(payment, reversal)

    async def _uncollected(self, books: PeriodBooks) -> AsyncIterator[Discrepancy]:
        """Begins collections that should run and do not: their workflow was terminated, or never started."""
        for month in books.months:
            if month.stage not in COLLECTED_OUTCOMES:
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
        """Collections of months outside of ``compared`` go on if they have stopped, and count what they do not know.

        Coverage names those for which that fails.
        """
        for row in await self._ledger.debts(open_only=True, failed=[]):
            if row.period not in compared:
                try:
                    await self._begun(row)
                    if await self._owed(row) != row.outstanding_minor:
                        await self._collections.count_again(row.customer_id, f"what is owed for {row.period}")
                except Exception as error:
                    _log.warning("%s, %s: not begun: %s", row.customer_id, row.period, why(error))

    async def _begun(self, row: InvoiceRow | DebtRow) -> bool:
        """Lets the customer's collection take the month in, if it is not known to have it; whether it did not run."""
        collection = await self._ledger.collection(row.customer_id, row.period)
        debt = collection.debt(row.period) if collection else None
        if debt is not None and debt.settled:
            return False
        runs = await self._collections.runs(row.customer_id)
        if debt is None or not runs:
            month = await self._ledger.month(row.customer_id, row.period)
            assert month is not None
            if not await collect(self._ledger, self._collections, month, self._ladder):
                return False
        if not runs:
            await self._collections.count_again(row.customer_id, "it begins again")
        return not runs

    async def _repaired(self, finding: Discrepancy) -> Discrepancy:
        if finding.repair is None:
            return finding
        try:
            if finding.repair is Repair.TELL:
                return await self._told(finding)
            if finding.repair is Repair.CANCEL:
                await self._rail.cancel(await self._records.payment(finding.payment_id))
            result = await self.take_in(finding.payment_id)
        except Exception as error:
            return finding.evolve(text=f"{finding.text}; the repair failed: {why(error)}")
        return finding.evolve(text=f"{finding.text}; repaired: {result}", repaired=True)

    async def _told(self, finding: Discrepancy) -> Discrepancy:
        """Makes the collection ask the ledger what is owed."""
        if not await self._collections.count_again(finding.customer_id, finding.text):
            return finding
        return finding.evolve(text=f"{finding.text}; the collection counts again", repaired=True)

    async def _recent(self) -> list[Period]:
        """The last months on record; with other rails, also those in which their money may have arrived."""
        recent, now = (await self._ledger.periods())[:_RECENT_MONTHS], Period.at(clock.now(), "UTC")
        return sorted({*recent, *((now.previous(), now) if self._others else ())})


def _alert(finding: Discrepancy, period: Period) -> Alert:
    remedies = finding.remedies or (RemedyAction.RECONCILE.of(period=period),)
    return of_report(finding.customer_id, period, 1, finding.text, clock.now(), *remedies)
