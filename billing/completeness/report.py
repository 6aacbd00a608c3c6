"""Coverage: who is charged in a period, who is not, and why; what keeps anybody or any amount from it is a finding.

``billing/completeness/check.py`` makes it of the ledger, the running workflows and the sheet.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from pydantic import Field

from billing.completeness.row_check import DifferenceReason
from billing.completeness.snapshots import DataSource
from billing.model import Code, Count, Few, Id, Instant, Line, Minor, Model, Rows, Words
from billing.period import Period
from billing.remedies import Remedy
from billing.sales.sales import Header

_Entry = TypeVar("_Entry")

TOLERANCE = timedelta(hours=6)
"""How long a due instant may lie back: a hundred thousand customers are not charged within a minute."""

KEPT = 10_000
"""How many findings and differences of each kind, and how many late months, are kept; counts and sums are of all."""


class CustomerState(StrEnum):
    """Every customer of a period is in exactly one."""

    PAID = "paid"
    NOTHING_DUE = "nothing due"
    SKIPPED = "skipped"
    CARRIED_FORWARD = "carried forward"
    PAST_DUE = "past due"  # not paid, and nothing happens by itself any more
    IN_COLLECTION = "in collection"
    HALTED = "halted"
    WAITING = "waiting"
    UNRESOLVED = "unresolved"
    MISSING = "missing"
    UNKNOWN = "not looked at"  # an error that nobody has foreseen, about this customer alone


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
    UNEXPLAINED = "unexplained"


TOLD_ALREADY = frozenset(
    {FindingKind.HALTED, FindingKind.APPROVAL, FindingKind.SALES, FindingKind.UNRESOLVED, FindingKind.COLLECTION}
)
"""What months and collections alert about by themselves."""


class Finding(Model):
    """What keeps a customer, or an amount, from being covered. ``advice``: what else to do, or to know, in words."""

    kind: FindingKind
    customer_id: Id = ""
    text: Words
    advice: Words = ""
    remedies: Few[Remedy] = ()


class ExplainedDifference(Model):
    """One difference between sheet and invoices: what the sheet has more, in minor units."""

    reason: DifferenceReason
    customer_id: Id
    currency: Code
    amount_minor: Minor
    row: Count
    description: Line


class LateMonth(Model):
    """A month that is, or was, charged later than its schedule says; ``seconds`` beyond it, so far if ``open``."""

    customer_id: Id
    planned_at: Instant
    seconds: Count
    open: bool


class CurrencySum(Model):
    """Sheet = invoiced + differences, in minor units of ``currency``; ``unexplained_minor`` is what is left over."""

    currency: Code
    sheet_minor: Minor = 0
    invoiced_minor: Minor = 0
    differences_minor: dict[DifferenceReason, Minor] = Field(default_factory=dict, max_length=100)

    @property
    def unexplained_minor(self) -> int:
        explained = sum(
            minor for reason, minor in self.differences_minor.items() if reason is not DifferenceReason.UNEXPLAINED
        )
        return self.sheet_minor - self.invoiced_minor - explained


class CompletenessReport(Model):
    """A period looked at. ``unseen``: which source could not be, and why; then nothing is known to be covered.

    ``cut`` says of which list, or kind in it, there are more entries than ``KEPT``. The sheet's ``ignored_columns`` are
    not read, and its rows ``no_sale`` say that they are none.
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

    @property
    def covered(self) -> bool:
        """Everybody and everything is accounted for, and goes on by itself."""
        return not self.kinds and not self.unseen

    def brief(self, kept: int = 200) -> "CompletenessReport":
        """The same without the names of those who are well, and with short lists, in which each kind has its share."""
        return self.evolve(
            customers={},
            findings=shared(self.findings, kept, lambda each: each.kind),
            differences=shared(self.differences, kept, lambda each: each.reason),
            late=self.late[:kept],
            no_sale=self.no_sale[:kept],
        )


def shared(entries: Sequence[_Entry], kept: int, kind: Callable[[_Entry], Hashable]) -> tuple[_Entry, ...]:
    """``kept`` of the entries in their order: the first of each kind, the second of each, and so on."""
    seen: Counter[Hashable] = Counter()
    ranked = []
    for index, each in enumerate(entries):
        ranked.append((seen[kind(each)], index))
        seen[kind(each)] += 1
    return tuple(entries[index] for index in sorted(index for _, index in sorted(ranked)[:kept]))


def new_findings(coverage: CompletenessReport, told: Sequence[str]) -> Iterator[Finding]:
    """Those that reviewers were told of neither by an earlier coverage nor by the month itself."""
    for each in coverage.findings:
        if each.kind not in TOLD_ALREADY and each.text not in told:
            yield each
