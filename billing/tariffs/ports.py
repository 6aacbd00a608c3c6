"""Tariffs and what was agreed for accounts, in the ledger.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from billing.customers.ladder import Rung
from billing.model import Id, Instant, Model, Who, Why, Words
from billing.period import Period
from billing.tariffs.changes import TariffChange
from billing.tariffs.items import Agreed
from billing.tariffs.tariff import Tariff, TariffVersion


class TariffLogEntry(Model):
    """A change on record: who, when, why, and what it was, in words."""

    at: Instant
    by: Who
    reason: Why
    customer_id: Id | None
    text: Words


class AgreedItems(Protocol):
    async def agreed(self, customer_id: str) -> Agreed:
        """What was agreed for the customer's accounts, with ended items, and their tariffs."""


class ServiceDays(Protocol):
    async def suspended_days(self, customer_id: str, period: Period) -> Mapping[str, Collection[date]]:
        """The days of ``period``, on the customer's calendar, that accounts were suspended from midnight to midnight.

        A disconnected account is suspended for good. One that was never suspended is not among them.
        """


class TariffBook(AgreedItems, ServiceDays, Protocol):
    async def add_tariff(self, tariff: Tariff, by: str, reason: str, at: datetime) -> Tariff:
        """Adds a tariff; the same again changes nothing. Raises ``InvalidInput`` if its code is another's."""

    async def change_tariff(self, code: str, version: TariffVersion, by: str, reason: str, at: datetime) -> Tariff:
        """Gives it another fee, or other rules, from a later day on. Raises ``NotFound``, ``InvalidInput``."""

    async def end_tariff(self, code: str, last_day: date, by: str, reason: str, at: datetime) -> Tariff:
        """Offers it until ``last_day``; whoever has it keeps it. Raises ``NotFound``."""

    async def set_ladder(self, code: str, ladder: Sequence[Rung], by: str, reason: str, at: datetime) -> Tariff:
        """Gives it another ladder, for collections that begin from now on. Raises ``NotFound``."""

    async def tariffs(self) -> list[Tariff]:
        """All tariffs, by code."""

    async def agree(self, change: TariffChange, by: str, reason: str, at: datetime) -> Agreed:
        """Carries a change out; all that was agreed, after it. A repeat changes nothing.

        Raises ``NotFound`` for an unknown account or tariff, and ``InvalidInput`` for what does not fit.
        """

    async def tariff_log(self, customer_id: str | None = None, code: str | None = None) -> list[TariffLogEntry]:
        """The changes of a customer's items, or of a tariff, oldest first."""
