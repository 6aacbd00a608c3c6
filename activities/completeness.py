"""Everybody is looked at, and every row: what coverage needs is read here; a Temporal Schedule asks for it daily."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from temporalio import activity

from billing.apart import Failed, why
from billing.completeness.chains import Chain, Chains, ChainStatus, OpenChains
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CompletenessReport, Finding, new_findings, shared
from billing.completeness.row_check import CellRules
from billing.completeness.snapshots import CustomerSnapshot, DataSource, LastRun, Snapshots
from billing.customers.ports import CustomerStore
from billing.errors import SalesUnavailable, TemporalUnavailable, WorksheetMissing
from billing.model import Few, Model
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, of_report
from billing.sales.sales import SalesRow, SalesSnapshot
from billing.sales.worksheet import ignored
from services import clock
from services.alerts import Alerts
from services.shared_sales import Sales

_AT_ONCE = 20
_ASKED = 2000
"""So many workflows are asked for one by one; if more are not in the list, the list is right."""

_SHOWN = 50
_KEPT_TOLD = 2000


class CompletenessRequest(Model):
    """The periods to look at; none: those of ``daily``."""

    periods: Few[Period] = ()


class CompletenessResult(Model):
    periods: Few[CompletenessReport]


class CompletenessActivities:
    """``chains`` and ``alerts`` None: Temporal is not there, and ``unseen`` says why; then one can only ``look``."""

    def __init__(
        self,
        accounts: Snapshots,
        ledger: CustomerStore,
        sales: Sales,
        chains: Chains | None,
        alerts: Alerts | None,
        decimal_separator: str = ".",
        unseen: str = "",
    ) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._sales = sales
        self._chains = chains
        self._alerts = alerts
        self._decimal_separator = decimal_separator
        self._unseen = {DataSource.TEMPORAL: unseen} if unseen else {}

    async def look(self, period: Period, without_temporal: bool = True) -> CompletenessReport:
        """The coverage of ``period`` now. Raises ``LedgerUnavailable``; what else is down is in ``unseen``.

        A worksheet that does not exist is no trouble in a month in which nobody is billed.
        Raises ``TemporalUnavailable`` too unless it may go on ``without_temporal``.
        """
        unseen, missing = dict(self._unseen), dict[DataSource, str]()
        snapshot = await self._read(period, unseen, missing)
        roll = _Roll(self._chains, unseen, without_temporal)
        await roll.call()
        survey = CompletenessCheck(period, clock.now(), *self._cells(period, snapshot), roll.strays)
        known: set[str] = set()
        async for page in self._accounts.accounts(period):
            accounts = [each for each in page if not isinstance(each, Failed)]
            chains = await roll.of(accounts)
            for account in accounts:
                chain = chains.get(account.customer.customer_id)
                if isinstance(chain, Failed):
                    survey.note(chain)
                    chain = None
                survey.take(account, chain)
            for failed in page:
                if isinstance(failed, Failed):
                    survey.fail(failed)
            known |= {each.customer_id if isinstance(each, Failed) else each.customer.customer_id for each in page}
        for customer_id in await roll.strangers(known):
            await self._take_stranger(survey, customer_id)
        for standing in roll.standing_still:
            survey.stands_still(standing)
        coverage = await asyncio.to_thread(survey.coverage)
        if coverage.customers:
            unseen |= missing
        if snapshot is not None:
            coverage = coverage.evolve(ignored_columns=snapshot.ignored_columns, no_sale=snapshot.no_sale)
        return coverage.evolve(unseen=unseen)

    async def _take_stranger(self, survey: CompletenessCheck, customer_id: str) -> None:
        """Unless the ledger knows the customer by now."""
        try:
            if await self._ledger.customer(customer_id) is None:
                survey.stray(customer_id)
        except Exception as error:
            survey.note(Failed(customer_id=customer_id, reason=why(error)))

    async def _read(
        self, period: Period, unseen: dict[DataSource, str], missing: dict[DataSource, str]
    ) -> SalesSnapshot | None:
        """None if it cannot be read: why is in one of the lists."""
        try:
            return await self._sales.read(period, clock.now())
        except WorksheetMissing as error:
            missing[DataSource.SHEET] = str(error)
            return None
        except Exception as error:  # whatever it is, the ledger and the workflows can be looked at
            unseen[DataSource.SHEET] = str(error) if isinstance(error, SalesUnavailable) else why(error)
            return None

    def _cells(self, period: Period, snapshot: SalesSnapshot | None) -> tuple[CellRules | None, Sequence[SalesRow]]:
        if snapshot is None:
            return None, ()
        return CellRules(period, snapshot.sheet, snapshot.digest, self._decimal_separator), snapshot.rows

    # -- every day

    @activity.defn
    async def cover(self, request: CompletenessRequest) -> CompletenessResult:
        """Looks, tells the reviewers what is new, and keeps the heartbeat. After a failure all of it is done again."""
        assert self._alerts is not None
        now = clock.now()
        found = [await self.look(each, without_temporal=False) for each in request.periods or daily(now)]
        before = {each.period: await self._accounts.coverage_of(each.period) for each in found}
        told: list[Callable[[], Alert]] = []
        texts: list[str] = []  # what is the same for several months, such as a workflow, is told once
        for coverage in found:
            last = before[coverage.period]
            fresh = list(new_findings(coverage, (*(last.told if last else ()), *texts)))
            texts += [each.text for each in fresh]
            told += _alerts_of(coverage, fresh)
        await self._alerts.tell_each(told)
        await self._tell_unseen(found, before)
        await self._tell_ignored(found)
        for coverage in found:
            report = coverage.brief()
            run = LastRun(
                period=coverage.period,
                at=now,
                findings=sum(coverage.kinds.values()),
                told=_now_told(coverage, before[coverage.period]),
                report=report.model_dump(mode="json"),
            )
            await self._accounts.save_coverage(run)
        return CompletenessResult(periods=tuple(coverage.brief() for coverage in found))

    async def _tell_ignored(self, found: Sequence[CompletenessReport]) -> None:
        """The columns that are not read, once for each month and header."""
        assert self._alerts is not None
        for each in found:
            if words := ignored(each.ignored_columns, ()):
                await self._alerts.tell(_alert("", each.period, f"worksheet {each.period} has {words}", number=0))

    async def _tell_unseen(self, found: Sequence[CompletenessReport], before: Mapping[Period, LastRun | None]) -> None:
        """One alert for all periods, on the first day on which a source cannot be seen."""
        assert self._alerts is not None
        known = {period: run.unseen if run else frozenset() for period, run in before.items()}
        if all(coverage.unseen.keys() <= known[coverage.period] for coverage in found):
            return
        unseen = {source: why for coverage in reversed(found) for source, why in coverage.unseen.items()}
        text = f"coverage could not see everything: {'; '.join(f'{source}: {why}' for source, why in unseen.items())}"
        await self._alerts.tell(_alert("", found[0].period, text))


def _alerts_of(coverage: CompletenessReport, findings: Sequence[Finding]) -> list[Callable[[], Alert]]:
    """What is new goes to the next digest; what was mended and comes back another day is told again."""
    shown = _share(findings, _SHOWN)
    alerts: list[Callable[[], Alert]] = [partial(_alert_of, finding, coverage.period) for finding in shown]
    if len(findings) > _SHOWN:
        alerts.append(partial(_alert, "", coverage.period, f"coverage has {len(findings) - _SHOWN} more findings"))
    return alerts


def _alert_of(finding: Finding, period: Period) -> Alert:
    text = f"{finding.kind}: {'; '.join(filter(None, (finding.text, finding.advice)))}"
    return _alert(finding.customer_id, period, text, finding.remedies)


def _alert(
    customer_id: str, period: Period, text: str, remedies: Sequence[Remedy] = (), number: int | None = None
) -> Alert:
    """``number`` None: told again on another day."""
    now = clock.now()
    number = int(f"{now:%Y%m%d}") if number is None else number
    coverage = RemedyAction.CHECK_COVERAGE.of(period=period)
    return of_report(customer_id, period, number, text, now, *(remedies or (coverage,)))


def daily(now: datetime) -> tuple[Period, ...]:
    """The months that are looked at every day: the current one and the two before.

    The month before last was compared for the last time with the collection of the last one.
    """
    current = Period.at(now, "UTC")
    return current, current.previous(), current.previous().previous()


def _now_told(coverage: CompletenessReport, before: LastRun | None) -> tuple[str, ...]:
    """What reviewers know by now; what cannot be seen today is not mended, so it is not forgotten either."""
    texts = [each.text for each in _share(coverage.findings, _KEPT_TOLD)]
    if coverage.unseen:
        texts = [*(before.told if before else ()), *texts]
    return tuple(dict.fromkeys(texts))[:_KEPT_TOLD]


def _share(findings: Sequence[Finding], kept: int) -> tuple[Finding, ...]:
    return shared(findings, kept, lambda each: each.kind)


class _Roll:
    """How everybody's workflow stands: by the list; whom it surprises with are asked for one by one."""

    def __init__(self, chains: Chains | None, unseen: dict[DataSource, str], optional: bool) -> None:
        self._chains = chains
        self._unseen = unseen
        self._optional = optional
        self._listed: OpenChains | None = None
        self._asked = 0
        self.standing_still: list[Chain] = []

    @property
    def strays(self) -> tuple[Chain, ...]:
        return self._listed.strays if self._listed else ()

    async def call(self) -> None:
        if self._chains is not None:
            try:
                self._listed = await self._chains.listed()
                self.standing_still = await self._chains.standing_still()
            except TemporalUnavailable as error:
                self._give_up(error)

    async def of(self, page: Sequence[CustomerSnapshot]) -> dict[str, ChainStatus | Failed]:
        """How the workflow of each of them stands; nobody is in it if that cannot be known."""
        if self._listed is None:
            return {}
        listed = {
            account.customer.customer_id: self._listed.own.get(account.customer.customer_id, ChainStatus.ABSENT)
            for account in page
        }
        doubtful = [
            account.customer.customer_id
            for account in page
            if listed[account.customer.customer_id].is_open is not (account.closed_at is None)
        ]
        return listed | await self._ask(doubtful)

    async def strangers(self, known: set[str]) -> list[str]:
        """Customers of open workflows who are not ``known``."""
        names = sorted(self._listed.own.keys() - known) if self._listed else []
        asked = await self._ask(names)
        return [name for name in names if not isinstance(chain := asked.get(name), ChainStatus) or chain.is_open]

    async def _ask(self, customer_ids: Sequence[str]) -> dict[str, ChainStatus | Failed]:
        left = max(0, _ASKED - self._asked)
        wanted = customer_ids[:left]
        self._asked += len(wanted)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def ask(customer_id: str) -> ChainStatus | Failed:
            assert self._chains is not None
            async with limit:
                try:
                    return await self._chains.status(customer_id)
                except TemporalUnavailable:
                    raise
                except Exception as error:
                    return Failed(customer_id=customer_id, reason=why(error))

        try:
            answers = await asyncio.gather(*map(ask, wanted))
        except TemporalUnavailable as error:
            self._give_up(error)
            return {}
        return dict(zip(wanted, answers, strict=True))

    def _give_up(self, error: TemporalUnavailable) -> None:
        if not self._optional:
            raise error
        self._unseen[DataSource.TEMPORAL] = str(error)
        self._listed = None
