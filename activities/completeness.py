"""The completeness check of all customers and rows: its reads and its alerts; a Temporal Schedule runs it daily."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from temporalio import activity

from activities.chains import SeenChains
from billing.apart import Failed, in_turn, why
from billing.collections.ports import CollectionStore
from billing.completeness.announcement_check import UNTOLD_FOR, AnnouncementBooks, announcement_findings
from billing.completeness.bill_check import BillBooks, bill_findings
from billing.completeness.chains import Chains, StoppedCollection
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import KEPT, TOLERANCE, CompletenessReport, Finding, new_findings, run_of, shared
from billing.completeness.row_check import CellRules
from billing.completeness.service_check import ServiceBooks, service_findings
from billing.completeness.snapshots import DataSource, LastRun, Snapshots
from billing.customers.ports import CustomerStore
from billing.errors import SalesUnavailable, WorksheetMissing
from billing.model import Few, Model
from billing.period import Period
from billing.receivables.payment_list import PaymentFilter
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, of_report
from billing.sales.sales import SalesRow, SalesSnapshot
from billing.sales.worksheet import ignored
from services import clock
from services.alerts import Alerts
from services.orders.checks import OrderBooks, OrderChecks
from services.orders.teller import OrderTeller
from services.shared_sales import Sales

_SHOWN = 50
_PAYMENTS = 1000  # read at once
_SOON = timedelta(hours=1)  # until then what a month left unpaid joins its collection
_KEPT_REPORTED = 2000


class CompletenessRequest(Model):
    """The periods to check; none: those of ``daily``."""

    periods: Few[Period] = ()


class CompletenessResult(Model):
    periods: Few[CompletenessReport]


class _Ledger(
    CollectionStore, CustomerStore, Snapshots, BillBooks, OrderBooks, ServiceBooks, AnnouncementBooks, Protocol
):
    """The stores it uses."""


class CompletenessActivities:
    """``chains``, ``alerts`` and ``teller`` None: without Temporal, for the reason in ``unseen``; then only ``look``
    works.
    """

    def __init__(
        self,
        ledger: _Ledger,
        sales: Sales,
        chains: Chains | None,
        alerts: Alerts | None,
        decimal_separator: str = ".",
        unseen: str = "",
        teller: OrderTeller | None = None,
    ) -> None:
        self._ledger = ledger
        self._orders = OrderChecks(ledger)
        self._sales = sales
        self._chains = chains
        self._alerts = alerts
        self._teller = teller
        self._decimal_separator = decimal_separator
        self._unseen = {DataSource.TEMPORAL: unseen} if unseen else {}

    async def look(self, period: Period, without_temporal: bool = True) -> CompletenessReport:
        """Checks ``period`` now. The report's ``unseen`` names the sources that cannot be read.

        A missing worksheet is no fault in a month without customers. Raises ``LedgerUnavailable``, and
        ``TemporalUnavailable`` unless the check may run ``without_temporal``.
        """
        unseen, missing = dict(self._unseen), dict[DataSource, str]()
        snapshot = await self._read(period, unseen, missing)
        workflows = SeenChains(self._chains, unseen, without_temporal)
        await workflows.read()
        check = CompletenessCheck(period, clock.now(), *self._cells(period, snapshot), workflows.strays)
        customer_ids: set[str] = set()
        async for page in self._ledger.accounts(period):
            accounts = [account for account in page if not isinstance(account, Failed)]
            chains = await workflows.of(accounts)
            for account in accounts:
                chain = chains.get(account.customer.customer_id)
                if isinstance(chain, Failed):
                    check.note(chain)
                    chain = None
                check.take(account, chain)
                customer_ids.add(account.customer.customer_id)
            for failed in page:
                if isinstance(failed, Failed):
                    check.fail(failed)
                    customer_ids.add(failed.customer_id)
        for customer_id in await workflows.orphans(customer_ids):
            await self._take_orphan(check, customer_id)
        for stopped in workflows.standing_still:
            check.stands_still(stopped)
        for collection in await self._stopped_collections(check, workflows):
            check.not_collected(collection)
        for debt in await self._ledger.uncollected(clock.now() - _SOON):
            check.owed_again(debt)
        for uncarried in await self._ledger.uncarried():
            check.uncarried(uncarried)
        for finding in bill_findings(await self._ledger.untold_bills()):
            check.take_finding(finding)
        await self._look_at_payments(check)
        await self._look_at_orders(check)
        await self._look_at_services(check)
        check.balances(totals := await self._ledger.trial_balance())
        report = await asyncio.to_thread(check.coverage)
        unseen |= missing if report.customers else {}
        if snapshot is not None:
            report = report.evolve(ignored_columns=snapshot.ignored_columns, no_sale=snapshot.no_sale)
        return report.evolve(unseen=unseen, trial_balance=tuple(totals))

    async def _take_orphan(self, check: CompletenessCheck, customer_id: str) -> None:
        """Reports the workflow unless the ledger now has its customer."""
        try:
            if await self._ledger.customer(customer_id) is None:
                check.stray(customer_id)
        except Exception as error:
            check.note(Failed(customer_id=customer_id, reason=why(error)))

    async def _look_at_payments(self, check: CompletenessCheck) -> None:
        """What is unmatched, and what waits for a second person: of all months, as it belongs to none."""
        wanted, offset = PaymentFilter(unmatched=True), 0
        while rows := (await self._ledger.incoming_payments(wanted, _PAYMENTS, offset)).rows:
            for row in rows:
                check.unmatched(row)
            offset += len(rows)
        for instruction in await self._ledger.instructions(limit=KEPT):
            check.waits(instruction)

    async def _look_at_orders(self, check: CompletenessCheck) -> None:
        """Paid and not released, released and not paid, money without an order: of all months, too."""
        for finding in await self._orders.findings(clock.now()):
            check.take_finding(finding)

    async def _look_at_services(self, check: CompletenessCheck) -> None:
        """Suspended though paid, not provisioned, without a tariff, connected though ended, works untold: as it is."""
        now = clock.now()
        for finding in service_findings(await self._ledger.service_faults(now, now - TOLERANCE)):
            check.take_finding(finding)
        untold, drafts = await self._ledger.untold(now - UNTOLD_FOR, now), await self._ledger.announcement_drafts(now)
        for finding in announcement_findings(untold, drafts, now):
            check.take_finding(finding)

    async def _stopped_collections(self, check: CompletenessCheck, workflows: SeenChains) -> list[StoppedCollection]:
        """The collections of every month whose workflow is closed while the ledger has them open, also a moment later.

        Those that are paused or fail are among the workflows that stand still.
        """
        unread: list[Failed] = []
        owed = [(row.customer_id, row.period) for row in await self._ledger.debts(open_only=True, failed=unread)]
        for failed in unread:
            check.note(failed)
        stopped = []
        for collection in await workflows.stopped_collections(owed):
            if not collection.status.is_open:
                recorded = await self._ledger.collection(collection.customer_id, collection.period)
                debt = recorded.debt(collection.period) if recorded else None
                if debt is not None and not debt.settled:
                    stopped.append(collection)
        return stopped

    async def _read(
        self, period: Period, unseen: dict[DataSource, str], missing: dict[DataSource, str]
    ) -> SalesSnapshot | None:
        """None if the sheet cannot be read; the reason goes to ``unseen`` or ``missing``."""
        try:
            return await self._sales.read(period, clock.now())
        except WorksheetMissing as error:
            missing[DataSource.SHEET] = str(error)
            return None
        except Exception as error:  # no error keeps the ledger and the workflows from being checked
            unseen[DataSource.SHEET] = str(error) if isinstance(error, SalesUnavailable) else why(error)
            return None

    def _cells(self, period: Period, snapshot: SalesSnapshot | None) -> tuple[CellRules | None, Sequence[SalesRow]]:
        if snapshot is None:
            return None, ()
        return CellRules(period, snapshot.sheet, snapshot.digest, self._decimal_separator), snapshot.rows

    # -- every day

    @activity.defn
    async def cover(self, request: CompletenessRequest) -> CompletenessResult:
        """Checks, alerts the reviewers to new findings, saves the heartbeat. A retry repeats all of it.

        The workflow of every open order is told how the order stands, so one that was lost begins again. If a month
        cannot be checked at all, that is raised once the others are done.
        """
        assert self._alerts is not None
        assert self._teller is not None
        now = clock.now()
        look = partial(self.look, without_temporal=False)
        reports, errors = await in_turn(request.periods or daily(now), look)
        errors += (await in_turn([self._teller], OrderTeller.tell_open))[1]
        before = {report.period: await self._ledger.coverage_of(report.period) for report in reports}
        alerts: list[Callable[[], Alert]] = []
        told = [matter for run in before.values() for matter in _reported(run)]  # once, though it is in several months
        for report in reports:
            fresh = list(new_findings(report, told))
            told += [finding.told_as for finding in fresh]
            alerts += _alerts_of(report, fresh)
        await self._alerts.tell_each(alerts)
        await self._tell_unseen(reports, before)
        await self._tell_ignored(reports)
        for report in reports:
            run = run_of(report, now, _now_reported(report, before[report.period]))
            await self._ledger.save_coverage(run)
        if errors:
            raise errors[0]
        return CompletenessResult(periods=tuple(report.brief() for report in reports))

    async def _tell_ignored(self, reports: Sequence[CompletenessReport]) -> None:
        """Alerts to ignored columns, once for each month and header."""
        assert self._alerts is not None
        for report in reports:
            if words := ignored(report.ignored_columns, ()):
                await self._alerts.tell(_alert("", report.period, f"worksheet {report.period} has {words}", number=0))

    async def _tell_unseen(
        self, reports: Sequence[CompletenessReport], before: Mapping[Period, LastRun | None]
    ) -> None:
        """One alert for all periods, on the first day on which a source cannot be read."""
        assert self._alerts is not None
        known = {period: run.unseen if run else frozenset() for period, run in before.items()}
        if all(report.unseen.keys() <= known[report.period] for report in reports):
            return
        unseen = {source: reason for report in reversed(reports) for source, reason in report.unseen.items()}
        reasons = "; ".join(f"{source}: {reason}" for source, reason in unseen.items())
        text = f"coverage could not see everything: {reasons}"
        await self._alerts.tell(_alert("", reports[0].period, text))


def _alerts_of(report: CompletenessReport, findings: Sequence[Finding]) -> list[Callable[[], Alert]]:
    """Alerts to new findings; a finding that is resolved and recurs on another day is reported again."""
    shown = _share(findings, _SHOWN)
    alerts: list[Callable[[], Alert]] = [partial(_alert_of, finding, report.period) for finding in shown]
    if len(findings) > _SHOWN:
        alerts.append(partial(_alert, "", report.period, f"coverage has {len(findings) - _SHOWN} more findings"))
    return alerts


def _alert_of(finding: Finding, period: Period) -> Alert:
    text = f"{finding.kind}: {'; '.join(filter(None, (finding.text, finding.advice)))}"
    return _alert(finding.customer_id, period, text, finding.remedies)


def _alert(
    customer_id: str, period: Period, text: str, remedies: Sequence[Remedy] = (), number: int | None = None
) -> Alert:
    """``number`` None: reported again on another day."""
    now = clock.now()
    number = int(f"{now:%Y%m%d}") if number is None else number
    coverage = RemedyAction.CHECK_COVERAGE.of(period=period)
    return of_report(customer_id, period, number, text, now, *(remedies or (coverage,)))


def daily(now: datetime) -> tuple[Period, ...]:
    """The months of the daily check: the current one and the two before.

    The import of the last month compares the month before last for the last time.
    """
    current = Period.at(now, "UTC")
    return current, current.previous(), current.previous().previous()


def _reported(run: LastRun | None) -> tuple[str, ...]:
    return run.told if run else ()


def _now_reported(report: CompletenessReport, before: LastRun | None) -> tuple[str, ...]:
    """The reported findings; those of a source that cannot be read today are kept."""
    told = [finding.told_as for finding in _share(report.findings, _KEPT_REPORTED)]
    if report.unseen:
        told = [*_reported(before), *told]
    return tuple(dict.fromkeys(told))[:_KEPT_REPORTED]


def _share(findings: Sequence[Finding], kept: int) -> tuple[Finding, ...]:
    return shared(findings, kept, lambda finding: finding.kind)
