"""What the ledger keeps of months and their invoices.

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
    """One line of a listing of months, as the ledger last knew them."""

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
    """A version of a month's invoice as it was on record since ``at``. ``by`` is who made it; None: the import."""

    version: Count
    digest: Code
    by: Who | None
    at: Instant
    invoice: Invoice


class MonthStore(Protocol):
    """Months as they were last recorded."""

    async def record(self, month: Month, at: datetime, following: Month | None = None) -> None:
        """Writes the month as it stands: customer, invoice, lines, decisions; and the next, unless it has begun.

        Raises ``StaleRun`` if it has a newer revision of the month, ``OutcomeConflict`` if another outcome.
        """

    async def month(self, customer_id: str, period: Period) -> Month | None:
        """The month as last recorded."""


class MonthHistory(Protocol):
    """What was decided about a month, and what its invoice was."""

    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month; the month itself carries only the newest."""

    async def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        """The versions of a month's invoice that were ever recorded, oldest first."""


class InvoiceListing(Protocol):
    async def invoices(
        self,
        period: Period | None = None,
        stage: Stage | None = None,
        customer_id: str | None = None,
        failed: list[Failed] | None = None,
    ) -> list[InvoiceRow]:
        """The months that match everything given, by customer and period."""


class Periods(Protocol):
    """Which months there are."""

    async def periods(self) -> list[Period]:
        """Every month from the first to the newest that there is, newest first."""

    async def current_period(self) -> Period | None:
        """The newest month that has drafts, else the newest there is; None in an empty ledger."""
