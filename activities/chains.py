"""The status of workflows as one completeness check sees it."""

import asyncio
from collections.abc import Sequence

from billing.apart import Failed, why
from billing.completeness.chains import Chain, Chains, ChainStatus, OpenChains, StoppedCollection
from billing.completeness.snapshots import CustomerSnapshot, DataSource
from billing.errors import TemporalUnavailable
from billing.period import Period

_AT_ONCE = 20
_DESCRIBED = 2000
"""The most workflows to describe one by one; if more differ from the list, the list is used."""


class SeenChains:
    """The status of all customers' workflows: by the list, or by a description if that differs from the ledger."""

    def __init__(self, chains: Chains | None, unseen: dict[DataSource, str], optional: bool) -> None:
        self._chains = chains
        self._unseen = unseen
        self._optional = optional
        self._listed: OpenChains | None = None
        self._described = 0
        self.standing_still: list[Chain] = []

    @property
    def strays(self) -> tuple[Chain, ...]:
        return self._listed.strays if self._listed else ()

    async def read(self) -> None:
        if self._chains is not None:
            try:
                self._listed = await self._chains.listed()
                self.standing_still = await self._chains.standing_still()
            except TemporalUnavailable as error:
                self._give_up(error)

    async def of(self, page: Sequence[CustomerSnapshot]) -> dict[str, ChainStatus | Failed]:
        """The status of each customer's workflow; empty if Temporal cannot be read."""
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
        return listed | await self._describe(doubtful)

    async def orphans(self, known: set[str]) -> list[str]:
        """Customers of open workflows that are not ``known``."""
        names = sorted(self._listed.own.keys() - known) if self._listed else []
        chains = await self._describe(names)
        return [name for name in names if not isinstance(chain := chains.get(name), ChainStatus) or chain.is_open]

    async def stopped_collections(self, owed: Sequence[tuple[str, Period]]) -> list[StoppedCollection]:
        """Those of the open collections that make no progress; none if Temporal cannot be read."""
        if self._listed is None:
            return []
        assert self._chains is not None
        try:
            return await self._chains.stopped_collections(owed)
        except TemporalUnavailable as error:
            self._give_up(error)
            return []

    async def _describe(self, customer_ids: Sequence[str]) -> dict[str, ChainStatus | Failed]:
        names = customer_ids[: max(0, _DESCRIBED - self._described)]
        self._described += len(names)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def describe(customer_id: str) -> ChainStatus | Failed:
            assert self._chains is not None
            async with limit:
                try:
                    return await self._chains.status(customer_id)
                except TemporalUnavailable:
                    raise
                except Exception as error:
                    return Failed(customer_id=customer_id, reason=why(error))

        try:
            statuses = await asyncio.gather(*map(describe, names))
        except TemporalUnavailable as error:
            self._give_up(error)
            return {}
        return dict(zip(names, statuses, strict=True))

    def _give_up(self, error: TemporalUnavailable) -> None:
        if not self._optional:
            raise error
        self._unseen[DataSource.TEMPORAL] = str(error)
        self._listed = None
