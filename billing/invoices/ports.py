"""Months, their invoices and decisions in the ledger.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.model import Code, Count, Id, Instant, Minor, Model, Who
from billing.period import Period


class InvoiceRow(Model):
    """A month in a listing, as last recorded."""

    customer_id: Id
    period: Period
    stage: Stage
    currency: Code
    total_minor: Minor
    version: Count
    problems: Count
    next_at: Instant | None
    updated_at: Instant


class VersionRow(Model):
    """A version of a month's invoice, first recorded ``at``. ``by`` None: the import."""

    version: Count
    digest: Code
    by: Who | None
    at: Instant
    invoice: Invoice


class MonthStore(Protocol):
    async def record(self, month: Month, at: datetime, following: Month | None = None) -> None:
        """Writes the month as of ``at`` with all it has, and ``following`` unless it has begun, in one transaction.

        Raises ``StaleRun`` if the ledger has a newer revision; ``OutcomeConflict`` if it has another outcome, or one
        from before ``at`` while ``month`` is open.
        """

    async def record_draft(self, month: Month, at: datetime) -> None:
        """Writes a month with its new draft, and takes the customer's balance over.

        Raises as ``record``, and ``BalanceChanged`` or ``TariffsChanged`` if they have changed since they were read.
        """

    async def month(self, customer_id: str, period: Period) -> Month | None:
        """The month as last recorded."""


class MonthHistory(Protocol):
    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month; the month itself has only the newest entries."""

    async def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        """All recorded versions of a month's invoice, oldest first."""


class InvoiceListing(Protocol):
    async def invoices(
        self,
        period: Period | None = None,
        stage: Stage | None = None,
        customer_id: str | None = None,
        failed: list[Failed] | None = None,
    ) -> list[InvoiceRow]:
        """The months that match every filter, by customer and period. Unreadable ones are added to ``failed``."""


class Periods(Protocol):
    async def periods(self) -> list[Period]:
        """Every month from the first to the newest on record, newest first."""

    async def current_period(self) -> Period | None:
        """The newest month with drafts, else the newest on record; None in an empty ledger."""
