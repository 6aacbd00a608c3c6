"""Snapshots of customers and their months in one period, for coverage and export, and the ports that read them.

Snapshots are plain tuples: there can be a hundred thousand of them.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from pydantic import Field

from billing.apart import Failed
from billing.collections.stages import CollectionStage
from billing.customers.customer import Customer
from billing.invoices.invoice import SheetRow
from billing.invoices.stages import Stage
from billing.model import Code, Count, Few, Id, Instant, Many, Minor, Model, Words
from billing.period import Period
from billing.receivables.ports import GeneralLedger, PaymentListing
from billing.remedies import Remedy
from billing.tariffs.items import Agreed


class FormerAddress(NamedTuple):
    """A customer's former address; a shared one is or was another customer's, too."""

    email: str
    is_shared: bool = False


class LineSnapshot(NamedTuple):
    """An invoice line in the ledger. ``row`` None: added by a reviewer, or by a tariff, which says ``tariff_minor``.

    ``raw`` is an unreadable amount.
    """

    line_id: str
    description: str
    amount_minor: int
    row: int | None = None
    digest: str = ""
    raw: str = ""
    tariff_minor: int | None = None


class MonthSnapshot(NamedTuple):
    """A month in the ledger. ``email`` is the customer's; rows under any of ``emails`` are on the invoice.

    ``lines`` are from the month's own worksheet or added by reviewers, ``earlier`` from other worksheets, ``tariffs``
    what accounts pay by the month; of these, reviewers have removed those with the ids ``waived``. ``later`` are
    lines of later months that come from this month's worksheet, or that a person added under this month's name.
    ``in_sheet`` and ``left_out`` are the original rows of the lines that reviewers changed and removed. ``halted``: by
    a person or a failure, not by an unreadable row; ``braked``: by the emergency brake. ``drift``: the sheet has
    changed since, and the reviewers have an alert about it.
    """

    stage: Stage
    email: str | None
    currency: str
    total_minor: int
    carried_minor: int
    version: int  # 0: not imported yet
    import_at: datetime
    notice_at: datetime
    charge_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    next_at: datetime | None = None
    needs: str = ""
    halted: bool = False
    braked: bool = False
    drift: bool = False
    lines: tuple[LineSnapshot, ...] = ()
    problems: tuple[LineSnapshot, ...] = ()
    in_sheet: Mapping[str, SheetRow] = MappingProxyType({})
    left_out: tuple[SheetRow, ...] = ()
    emails: tuple[str, ...] = ()
    later: tuple[LineSnapshot, ...] = ()
    earlier: tuple[LineSnapshot, ...] = ()
    tariffs: tuple[LineSnapshot, ...] = ()
    waived: tuple[str, ...] = ()

    @property
    def collected_from(self) -> str:
        """The digest of the imported worksheet; "" if it had no rows of the customer.

        It matches no worksheet if lines come from several readings, or if a refresh left changes out.
        """
        digests = dict.fromkeys(line.digest for line in (*self.lines, *self.problems) if line.digest)
        return "+".join([*digests, *(["drift"] if self.drift and digests else [])])


class DebtSnapshot(NamedTuple):
    """What the month left unpaid, in the ledger. ``needs``: why a person has to act; ``remedy``: how."""

    stage: CollectionStage
    needs: str = ""
    remedy: Remedy | None = None
    braked: bool = False


class CustomerSnapshot(NamedTuple):
    """A customer, and the ledger's records of one period. ``first`` and ``last`` are the oldest and newest month."""

    customer: Customer
    opened_at: datetime
    closed_at: datetime | None = None
    closed_reason: str = ""
    first: Period | None = None
    last: Period | None = None
    month: MonthSnapshot | None = None
    debt: DebtSnapshot | None = None
    former: tuple[FormerAddress, ...] = ()
    agreed: Agreed | None = None  # for the customer's accounts
    suspended: Mapping[str, Collection[date]] = MappingProxyType({})

    def begins(self) -> Period:
        """The customer's first period; before the first month, the one in which the account was opened."""
        return self.first or Period.at(self.opened_at, self.customer.timezone)


class DataSource(StrEnum):
    """The sources of a check beside the ledger."""

    SHEET = "the sheet"
    TEMPORAL = "Temporal"


class LastRun(Model):
    """The latest check of a period. ``told`` are the texts alerted so far, ``report`` the brief report.

    ``daily_at``: the latest one that a worker made, which alerts; None: people alone have looked.
    """

    period: Period
    at: Instant
    daily_at: Instant | None = None
    findings: Count
    told: Many[Words] = ()
    report: dict[str, object] = Field(default_factory=dict)

    @property
    def unseen(self) -> frozenset[DataSource]:
        """The sources that could not be read."""
        unseen = self.report.get("unseen")
        return frozenset(map(DataSource, unseen)) if isinstance(unseen, dict) else frozenset()


class HealthFigures(Model):
    """The health of billing in figures. ``overdue_since`` is the oldest due instant of a step that is not done.

    ``unseen`` are the sources that the latest check could not read; at ``replaced_at`` a worker last replaced itself.
    ``waiting_events`` are on their way to other systems, the oldest since ``events_waiting_since``. What the brake
    holds is not among them; what it has held waits since its release.
    """

    covered_at: Instant | None
    findings: Count
    overdue_since: Instant | None
    open_collections: Count
    untold_alerts: Count
    unseen: Few[DataSource] = ()
    replaced_at: Instant | None = None
    waiting_events: Count = 0
    events_waiting_since: Instant | None = None


class LastRuns(Protocol):
    async def coverage_of(self, period: Period) -> LastRun | None:
        """The latest check of the period; None if there was none. Raises ``LedgerUnavailable``."""


class UncollectedDebt(Model):
    """What is owed for a month that has closed, and that no collection has."""

    customer_id: Id
    period: Period
    currency: Code
    owed_minor: Minor


class UncarriedDebt(Model):
    """What a customer owes for nothing in particular, and no draft takes over: more went back than had come."""

    customer_id: Id
    currency: Code
    owed_minor: Minor


class Snapshots(GeneralLedger, LastRuns, PaymentListing, Protocol):
    """Snapshots from the ledger. Every method raises ``LedgerUnavailable``."""

    def accounts(self, period: Period) -> AsyncIterator[list[CustomerSnapshot | Failed]]:
        """All customers, open and closed, ordered by id, in pages of a few hundred."""

    async def uncollected(self, before: datetime) -> list[UncollectedDebt]:
        """What is owed for months that closed ``before``, and that nobody collects; the first thousand."""

    async def uncarried(self) -> list[UncarriedDebt]:
        """Debts of whoever gets no draft in their currency: buyers, closed accounts; the first thousand."""

    async def save_coverage(self, run: LastRun) -> None:
        """Saves the latest check of its period, replacing the previous one.

        What was told, and when a worker checked last, stay as they are if people have looked.
        """

    async def vitals(self, now: datetime) -> HealthFigures: ...

    async def count_stages(self, period: Period) -> dict[str, int]:
        """The number of months of ``period`` in each stage."""
