"""What is known of each customer in one period, for coverage and export; and who can tell it.

Plain tuples, for there may be a hundred thousand of them.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from pydantic import Field

from billing.apart import Failed
from billing.collections.stages import CollectionStage
from billing.customers.customer import Customer
from billing.invoices.invoice import SheetRow
from billing.invoices.stages import Stage
from billing.model import Count, Few, Instant, Many, Model, Words
from billing.period import Period
from billing.remedies import Remedy


class FormerAddress(NamedTuple):
    """An address that a customer had before; a shared one is or was another customer's too."""

    email: str
    is_shared: bool = False


class LineSnapshot(NamedTuple):
    """A line of an invoice as the ledger has it. ``row`` is None if a reviewer added it; ``raw`` cannot be read."""

    line_id: str
    description: str
    amount_minor: int
    row: int | None = None
    digest: str = ""
    raw: str = ""


class MonthSnapshot(NamedTuple):
    """A month as the ledger has it. ``email`` is the customer's; ``emails`` are those whose rows are on the invoice.

    ``lines`` are those of its own worksheet, and those that reviewers added; ``in_sheet`` is what the sheet said of
    those that reviewers changed, ``left_out`` of those that they removed; ``later`` the lines of later months that
    point at this month's worksheet, or were added by a person and name this month, ``earlier`` those of this month that
    point at another one's; ``halted`` says that a person or a failure stopped the clock, not an unreadable row, and
    ``braked`` that the emergency brake did; ``drift`` that the sheet was seen to say something else, and people know.
    """

    stage: Stage
    email: str
    currency: str
    total_minor: int
    carried_minor: int
    version: int  # 0: not collected yet
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

    @property
    def collected_from(self) -> str:
        """The digest of the worksheet that was read; "" if no row of it was the customer's.

        After a refresh there are lines of several readings, or it has left something: then it is that of no worksheet.
        """
        digests = dict.fromkeys(line.digest for line in (*self.lines, *self.problems) if line.digest)
        return "+".join([*digests, *(["drift"] if self.drift and digests else [])])


class CollectionSnapshot(NamedTuple):
    """What is owed, as the ledger has it. ``needs``: why a person has to do something; ``remedy``: what."""

    stage: CollectionStage
    needs: str = ""
    remedy: Remedy | None = None
    braked: bool = False


class CustomerSnapshot(NamedTuple):
    """A customer, and what the ledger has of one period. ``first`` and ``last`` are their first and last month."""

    customer: Customer
    opened_at: datetime
    closed_at: datetime | None = None
    closed_reason: str = ""
    first: Period | None = None
    last: Period | None = None
    month: MonthSnapshot | None = None
    collection: CollectionSnapshot | None = None
    former: tuple[FormerAddress, ...] = ()

    def begins(self) -> Period:
        """The first period that is theirs; of one without a month yet, that in which the account was opened."""
        return self.first or Period.at(self.opened_at, self.customer.timezone)


class DataSource(StrEnum):
    """What a check looks at beside the ledger."""

    SHEET = "the sheet"
    TEMPORAL = "Temporal"


class LastRun(Model):
    """The daily coverage run that looked at a period last. ``report`` is its coverage, without the long lists."""

    period: Period
    at: Instant
    findings: Count
    told: Many[Words] = ()
    report: dict[str, object] = Field(default_factory=dict)

    @property
    def unseen(self) -> frozenset[DataSource]:
        """What the run could not look at."""
        unseen = self.report.get("unseen")
        return frozenset(map(DataSource, unseen)) if isinstance(unseen, dict) else frozenset()


class HealthFigures(Model):
    """How billing is, in a few numbers. ``overdue_since``: the oldest instant that has passed with nothing done.

    ``unseen`` is what the last coverage run could not look at; at ``replaced_at`` a worker had to replace itself last.
    """

    covered_at: Instant | None
    findings: Count
    overdue_since: Instant | None
    open_collections: Count
    untold_alerts: Count
    unseen: Few[DataSource] = ()
    replaced_at: Instant | None = None


class LastRuns(Protocol):
    async def coverage_of(self, period: Period) -> LastRun | None:
        """The last check of the period; None if there was none. Raises ``LedgerUnavailable``."""


class Snapshots(LastRuns, Protocol):
    """The ledger, asked about everybody. Every method raises ``LedgerUnavailable``."""

    def accounts(self, period: Period) -> AsyncIterator[list[CustomerSnapshot | Failed]]:
        """All customers, closed ones too, by id, some hundreds at a time."""

    async def save_coverage(self, run: LastRun) -> None:
        """Keeps the last run of a period: the heartbeat."""

    async def vitals(self, now: datetime) -> HealthFigures: ...

    async def count_stages(self, period: Period) -> dict[str, int]:
        """How many months of ``period`` are in each stage."""
