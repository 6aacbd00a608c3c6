"""The sheet as read once for everybody: one reading of a worksheet serves all customers, in all processes."""

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
_SKEW = timedelta(minutes=1)  # between clocks of servers; a reading further ahead is of another time altogether
_FAILED = timedelta(seconds=1)  # not longer than a first retry waits
_KEPT = 3
"""Worksheets in memory: those of a collection, and one of somebody who is late."""
_CLAIM_SECONDS = 10.0  # less than the heartbeat timeout, after which another worker takes over
_LOOK_SECONDS = 0.25


def since_due(due_at: datetime, now: datetime) -> datetime:
    """The oldest reading that serves a step that was due at ``due_at``: one from then, so that all who are due with it
    share one, however long it takes to serve them. Who comes hours late gets one of the last seconds.
    """
    recent = now - _SHARED
    return min(due_at, recent) if due_at >= now - _ON_TIME else recent


def since_import(month: Month, now: datetime) -> datetime:
    """The same for the collection of ``month``, due when it opens, whoever is spread over the hour after.

    After an outage, and after whatever a person has said to this month, only what the sheet has said since counts.
    """
    since = since_due(now if month.outage else month.import_opens_at, now)
    return max([since, *(decision.at for decision in month.decisions[-1:])])


def since_notice(month: Month, now: datetime) -> datetime:
    """The same for the comparison as the notice leaves; one that leaves at its planned instant is due with all others,
    whoever is spread over the hour after.
    """
    customer, due_at = month.customer, month.notice_at
    if due_at == customer.instants(month.period).notice_at:
        due_at -= customer.terms.schedule.share(customer.customer_id)
    return since_due(due_at, now)


class Sales(Protocol):
    """The worksheets, for whoever bills by them."""

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        """All sales of ``period`` as the sheet had them at ``since``, or at a moment after it.

        Raises ``SalesUnavailable``, also while somebody is typing, and ``LedgerUnavailable``.
        """


class _Held(NamedTuple):
    reading: Reading
    snapshot: SalesSnapshot


class _Failure(NamedTuple):
    ended: float  # on this process's clock
    at: datetime
    error: BillingError


class SharedSales:
    """The agreed readings of a source: two that are alike, of which the ledger may have the first.

    A worksheet that nobody has touched since it was read last costs one request, another one two, whoever asks.
    A failure serves everybody who was waiting, or asks within a second: an outage is no queue, and no storm.
    """

    def __init__(self, source: SalesSource, readings: SalesReadings) -> None:
        self._source = source
        self._readings = readings
        self._locks: defaultdict[Period, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: dict[Period, _Held] = {}  # the one that was asked for last at the end
        self._failures: dict[Period, _Failure] = {}

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        asked = time.monotonic()
        if found := self._in_memory(period, since):
            return found
        async with self._locks[period]:
            if found := self._in_memory(period, since):
                return found
            self._fail_again(period, asked)
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

    def _fail_again(self, period: Period, asked: float) -> None:
        failure = self._failures.get(period)
        if failure and (asked <= failure.ended or failure.at <= clock.now() < failure.at + _FAILED):
            raise type(failure.error)(str(failure.error))

    async def _obtain(self, period: Period, since: datetime) -> SalesSnapshot:
        """Another process's reading, if one serves; or a new one, which no other process makes meanwhile."""
        while True:
            known = await self._readings.reading(self._source.name, period)
            if known and _serves(known, since):
                if snapshot := await self._content(period, known):
                    self._hold(period, _Held(known, snapshot))
                    return snapshot
            elif await self._readings.claim_reading(self._source.name, period, known, _CLAIM_SECONDS):
                return await self._read(period, known)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _content(self, period: Period, known: Reading) -> SalesSnapshot | None:
        held = self._held.get(period)
        if held and held.reading.digest == known.digest:
            return held.snapshot
        return await self._readings.kept_sales(self._source.name, period, known.digest)

    async def _read(self, period: Period, known: Reading | None) -> SalesSnapshot:
        read_at = clock.now()
        try:
            snapshot = await self._source.read(period)
            if known is None or snapshot.digest != known.digest:
                await self._confirm(period, snapshot)
            await self._readings.keep_reading(self._source.name, snapshot, period, read_at)
        except BaseException:
            with suppress(LedgerUnavailable):
                await self._readings.release_reading(self._source.name, period)
            raise
        self._hold(period, _Held(Reading(digest=snapshot.digest, read_at=read_at), snapshot))
        return snapshot

    async def _confirm(self, period: Period, snapshot: SalesSnapshot) -> None:
        """What nobody has read before is read twice: half of what somebody is typing is no month."""
        if (await self._source.read(period)).digest != snapshot.digest:
            raise SalesUnavailable(f"worksheet {snapshot.sheet!r} is being edited; it will be read again")

    def _hold(self, period: Period, held: _Held) -> None:
        same = self._held.pop(period, None)
        if same and same.snapshot.digest == held.snapshot.digest:
            held = held._replace(snapshot=same.snapshot)  # whose rows are sorted already
        self._held[period] = held
        for oldest in list(self._held)[:-_KEPT]:
            del self._held[oldest]


def _serves(reading: Reading, since: datetime) -> bool:
    return since <= reading.read_at <= clock.now() + _SKEW
