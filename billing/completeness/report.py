"""The completeness report of a period: each customer's state, the sums, and a finding for everything not covered."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from pydantic import Field

from billing.completeness.row_check import DifferenceReason
from billing.completeness.snapshots import DataSource, LastRun
from billing.model import Code, Count, Few, Id, Instant, Line, Many, Minor, Model, Rows, Words
from billing.period import Period
from billing.receivables.listing import AccountTotal
from billing.remedies import Remedy
from billing.sales.sales import Header

_Entry = TypeVar("_Entry")

TOLERANCE = timedelta(hours=6)
"""Steps delayed longer than this are late; charging a hundred thousand customers takes a while."""

KEPT = 10_000
"""The findings and differences kept of each kind, and the late months; counts and sums are complete."""


KEPT_BY_RUN = 2000
"""The findings of which the last run keeps all that it says, for people to page through."""


class CustomerState(StrEnum):
    """Every customer of a period is in exactly one state."""

    PAID = "paid"
    NOTHING_DUE = "nothing due"
    SKIPPED = "skipped"
    CARRIED_FORWARD = "carried forward"
    PAST_DUE = "past due"  # not paid, and no longer in collection
    IN_COLLECTION = "in collection"
    BILLED = "billed"  # without a card, and not all of it is paid yet
    HALTED = "halted"
    WAITING = "waiting"
    UNRESOLVED = "unresolved"
    MISSING = "missing"
    UNKNOWN = "not looked at"  # an unexpected error about this customer


class FindingKind(StrEnum):
    FAILED = "not looked at"
    MISSING = "missing"
    NO_WORKFLOW = "no workflow"
    NO_CUSTOMER = "workflow without a customer"
    STRAY = "workflow under another id"
    CLOSED_RUNS = "closed, but running"
    STANDSTILL = "workflow stands still"
    OVERDUE = "overdue"
    UNCLAIMED = "unclaimed row"
    FORMER_ADDRESS = "row under a former address"
    CLOSED_ROW = "row of a closed account"
    EARLY_ROW = "row from before the first month"
    LATE_ROW = "row changed since"
    UNREADABLE = "unreadable row"
    HALTED = "halted"
    APPROVAL = "waits for approval"
    SALES = "waits for sales"
    UNRESOLVED = "unresolved"
    COLLECTION = "collection waits for a person"
    UNCOLLECTED = "not collected"
    OWED_AGAIN = "owed, and not collected"
    UNCARRIED = "debt that no draft takes over"
    UNEXPLAINED = "unexplained"
    TARIFF = "tariff not billed as agreed"
    UNTOLD_BILL = "bill that nobody was told of"
    UNMATCHED = "unmatched money"
    INSTRUCTION = "payment waits for a person"
    UNBALANCED = "journal does not add up"
    UNRELEASED = "order paid, not released"
    RELEASED_UNPAID = "order released, not paid"
    ENDED_CREDIT = "money of an ended order"
    STANDS_STILL = "order stands still"
    UNOWNED = "task without an owner"
    SUSPENDED_PAID = "suspended, though paid"
    RESTORED_LATE = "restored too late"
    NOT_PROVISIONED = "change of service not provisioned"
    WITHOUT_TARIFF = "active without a tariff"
    CONNECTED_ENDED = "connected, though ended"
    CONNECTED_UNBILLED = "connected, though not billed"
    UNTOLD_WORKS = "works not told in time"


TOLD_ALREADY = frozenset(
    {
        *(FindingKind.HALTED, FindingKind.APPROVAL, FindingKind.SALES, FindingKind.UNRESOLVED, FindingKind.COLLECTION),
        *(FindingKind.UNMATCHED, FindingKind.INSTRUCTION),
    }
)
"""Findings about which months, collections and payments send alerts of their own."""


class Finding(Model):
    """A reason why a customer or an amount is not covered. ``advice`` says what the remedies cannot.

    ``order_number``: it is about an order. ``is_told``: an alert of its own has told it. ``matter``: what is told once
    while it is found, whatever else the text says by then; "": the text.
    """

    kind: FindingKind
    customer_id: Id = ""
    order_number: Code = ""
    text: Words
    advice: Words = ""
    remedies: Few[Remedy] = ()
    is_told: bool = False
    matter: Line = ""

    @property
    def told_as(self) -> str:
        return self.matter or self.text


class ExplainedDifference(Model):
    """One difference: the sheet's amount minus the invoice's, in minor units."""

    reason: DifferenceReason
    customer_id: Id
    currency: Code
    amount_minor: Minor
    row: Count
    description: Line


class LateMonth(Model):
    """A month closed ``seconds`` after its planned instant; while it is ``open``, the delay so far."""

    customer_id: Id
    planned_at: Instant
    seconds: Count
    open: bool


class CurrencySum(Model):
    """Sheet = invoiced + differences, in minor units of ``currency``; what tariffs have billed is beside it."""

    currency: Code
    sheet_minor: Minor = 0
    invoiced_minor: Minor = 0
    differences_minor: dict[DifferenceReason, Minor] = Field(default_factory=dict, max_length=100)
    tariffs_minor: Minor = 0

    @property
    def unexplained_minor(self) -> int:
        explained = {**self.differences_minor, DifferenceReason.UNEXPLAINED: 0}
        return self.sheet_minor - self.invoiced_minor - sum(explained.values())


class CompletenessReport(Model):
    """The result of a check. ``unseen``: the sources that could not be read, and why; then nothing is covered.

    ``cut`` names the lists with more than ``KEPT`` entries. Columns in ``ignored_columns`` are not read, and the rows
    ``no_sale`` are marked as no sale.
    """

    period: Period
    at: Instant
    states: dict[CustomerState, Count] = Field(max_length=100)
    customers: dict[Id, CustomerState] = Field(default_factory=dict, max_length=10_000_000)
    sums: Few[CurrencySum]
    unsummed_rows: Count = 0
    kinds: dict[FindingKind, Count] = Field(max_length=100)
    findings: Rows[Finding]
    differences: Rows[ExplainedDifference]
    late: Rows[LateMonth]
    late_count: Count
    unseen: dict[DataSource, Words] = Field(default_factory=dict, max_length=100)
    cut: Few[Words] = ()
    ignored_columns: Rows[Header] = ()
    no_sale: Rows[Count] = ()
    trial_balance: Many[AccountTotal] = ()  # of all months

    @property
    def covered(self) -> bool:
        """Whether every customer and every row is accounted for, and none waits for a person."""
        return not self.kinds and not self.unseen

    def brief(self, limit: int = 200) -> "CompletenessReport":
        """The report without customers, and with ``limit`` entries in each list, shared among the kinds."""
        return self.evolve(
            customers={},
            findings=shared(self.findings, limit, lambda finding: finding.kind),
            differences=shared(self.differences, limit, lambda difference: difference.reason),
            late=self.late[:limit],
            no_sale=self.no_sale[:limit],
        )


def run_of(report: CompletenessReport, daily_at: datetime | None = None, told: Sequence[str] = ()) -> LastRun:
    """What is kept of a check. ``daily_at``: when a worker made it, which has ``told`` its findings."""
    kept = report.brief().evolve(findings=shared(report.findings, KEPT_BY_RUN, lambda finding: finding.kind))
    return LastRun(
        period=report.period,
        at=report.at,
        daily_at=daily_at,
        findings=sum(report.kinds.values()),
        told=tuple(told),
        report=kept.model_dump(mode="json"),
    )


def shared(entries: Sequence[_Entry], limit: int, kind: Callable[[_Entry], Hashable]) -> tuple[_Entry, ...]:
    """Up to ``limit`` entries in their order: the first of each kind, then the second of each, and so on."""
    counts: Counter[Hashable] = Counter()
    ranked = []
    for index, entry in enumerate(entries):
        ranked.append((counts[kind(entry)], index))
        counts[kind(entry)] += 1
    return tuple(entries[index] for index in sorted(index for _, index in sorted(ranked)[:limit]))


def new_findings(coverage: CompletenessReport, reported: Sequence[str]) -> Iterator[Finding]:
    """The findings that neither an earlier report, which were ``reported``, nor the month has alerted about."""
    for finding in coverage.findings:
        if not finding.is_told and finding.kind not in TOLD_ALREADY and finding.told_as not in reported:
            yield finding
