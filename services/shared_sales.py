"""Shared readings of the sheet: one reading of a worksheet serves all customers in all processes."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from billing.errors import BillingError, LedgerUnavailable, SalesUnavailable
from billing.invoices.month import Month
from billing.period import Period
from billing.sales.ports import Reading, SalesReadings, SalesSource
from billing.sales.sales import SalesSnapshot
from services import clock

_ON_TIME = timedelta(hours=2)
_SHARED = timedelta(seconds=20)
_SKEW = timedelta(minutes=1)  # between clocks of servers; a reading further ahead is invalid
_FAILED = timedelta(seconds=1)  # at most the pause before a first retry
_KEPT = 3
"""Worksheets in memory: the current month, the month before, and one of a late import."""
_CLAIM_SECONDS = 10.0  # less than the heartbeat timeout, after which another worker takes over
_LOOK_SECONDS = 0.25


def since_due(due_at: datetime, now: datetime) -> datetime:
    """The age limit of a reading for a step due at ``due_at``: that instant, so all steps due then share one.

    A step that is hours late needs a reading of the last seconds.
    """
    recent = now - _SHARED
    return min(due_at, recent) if due_at >= now - _ON_TIME else recent


def since_import(month: Month, now: datetime) -> datetime:
    """The age limit for the import of ``month``: when imports open, although customers are spread over the hour after.

    After an outage or a decision of a person, only a later reading counts.
    """
    since = since_due(now if month.outage else month.import_opens_at, now)
    return max([since, *(decision.at for decision in month.decisions[-1:])])


def since_notice(month: Month, now: datetime) -> datetime:
    """The age limit for the comparison when the notice is sent; all notices sent as planned share a reading."""
    customer, due_at = month.customer, month.notice_at
    if due_at == customer.instants(month.period).notice_at:
        due_at -= customer.terms.schedule.share(customer.customer_id)
    return since_due(due_at, now)


class Sales(Protocol):
    """The worksheets, for billing."""

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        """All sales of ``period``, as read from the sheet at ``since`` or later.

        Raises ``SalesUnavailable``, also while the sheet is being edited, and ``LedgerUnavailable``.
        """


class _Held(NamedTuple):
    reading: Reading
    snapshot: SalesSnapshot


class _Failure(NamedTuple):
    ended: float  # on this process's clock
    at: datetime
    error: BillingError


class SharedSales:
    """The agreed readings of a source: two equal ones in a row, of which the ledger may hold the first.

    An unchanged worksheet costs one request, a changed one two, however many callers there are. A failure is raised
    to all waiting callers, and for a second to new ones: an outage causes neither a queue nor a storm of requests.
    """

    def __init__(self, source: SalesSource, readings: SalesReadings) -> None:
        self._source = source
        self._readings = readings
        self._locks: defaultdict[Period, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: dict[Period, _Held] = {}  # the last used one at the end
        self._failures: dict[Period, _Failure] = {}

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        called = time.monotonic()
        if snapshot := self._in_memory(period, since):
            return snapshot
        async with self._locks[period]:
            if snapshot := self._in_memory(period, since):
                return snapshot
            self._fail_again(period, called)
            try:
                return await self._obtain(period, since)
            except BillingError as error:
                self._failures[period] = _Failure(time.monotonic(), clock.now(), error)
                raise

    def _in_memory(self, period: Period, since: datetime) -> SalesSnapshot | None:
        held = self._held.get(period)
        if held is None or not _serves(held.reading, since):
            return None
        self._hold(period, held)
        return held.snapshot

    def _fail_again(self, period: Period, called: float) -> None:
        failure = self._failures.get(period)
        if failure and (called <= failure.ended or failure.at <= clock.now() < failure.at + _FAILED):
            raise type(failure.error)(str(failure.error))

    async def _obtain(self, period: Period, since: datetime) -> SalesSnapshot:
        """Another process's reading, if it is recent enough; else a new one, which one process at a time makes."""
        while True:
            last = await self._readings.reading(self._source.name, period)
            if last and _serves(last, since):
                if snapshot := await self._content(period, last):
                    self._hold(period, _Held(last, snapshot))
                    return snapshot
            elif await self._readings.claim_reading(self._source.name, period, last, _CLAIM_SECONDS):
                return await self._read(period, last)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _content(self, period: Period, reading: Reading) -> SalesSnapshot | None:
        held = self._held.get(period)
        if held and held.reading.digest == reading.digest:
            return held.snapshot
        return await self._readings.kept_sales(self._source.name, period, reading.digest)

    async def _read(self, period: Period, last: Reading | None) -> SalesSnapshot:
        read_at = clock.now()
        try:
            snapshot = await self._source.read(period)
            if last is None or snapshot.digest != last.digest:
                await self._confirm(period, snapshot)
            await self._readings.keep_reading(self._source.name, snapshot, period, read_at)
        except BaseException:
            with suppress(LedgerUnavailable):
                await self._readings.release_reading(self._source.name, period)
            raise
        self._hold(period, _Held(Reading(digest=snapshot.digest, read_at=read_at), snapshot))
        return snapshot

    async def _confirm(self, period: Period, snapshot: SalesSnapshot) -> None:
        """Reads a changed worksheet a second time: a half-typed month must not be billed."""
        if (await self._source.read(period)).digest != snapshot.digest:
            raise SalesUnavailable(f"worksheet {snapshot.sheet!r} is being edited; it will be read again")

    def _hold(self, period: Period, held: _Held) -> None:
        before = self._held.pop(period, None)
        if before and before.snapshot.digest == held.snapshot.digest:
            held = held._replace(snapshot=before.snapshot)  # its rows are sorted already
        self._held[period] = held
        for oldest in list(self._held)[:-_KEPT]:
            del self._held[oldest]


def _serves(reading: Reading, since: datetime) -> bool:
    return since <= reading.read_at <= clock.now() + _SKEW
