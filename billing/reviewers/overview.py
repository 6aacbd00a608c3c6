"""What the page of a month shows: customers and sums by stage, work for people, what is coming, the year so far."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import Field

from billing.invoices.stages import OUTCOMES, UNPAID_OUTCOMES, Stage, stop_of
from billing.model import Code, Count, Few, Id, Instant, Line, MinorSum, Model, Words
from billing.period import Period
from billing.reviewers.queries import change

NOT_BILLED = frozenset({Stage.SKIPPED, Stage.NOTHING_DUE, Stage.CARRIED_FORWARD})
"""Outcomes whose amount is not part of the month's sums: nobody pays it, or a later invoice has it."""

CHARGED = UNPAID_OUTCOMES | {Stage.PAID, Stage.BILLED}
"""Outcomes of months that were charged or billed, paid or not."""

_TOLD = (Stage.LAST_CALL, Stage.CHARGING, Stage.UNRESOLVED)


class StageTotal(Model):
    """The months of one stage and currency: number of customers, of drafts, and the drafts' total in minor units."""

    stage: Stage
    currency: Code
    customers: Count
    drafts: Count
    total_minor: MinorSum

    @property
    def undrafted(self) -> int:
        """The open months that have no draft yet."""
        return 0 if self.stage in OUTCOMES else self.customers - self.drafts


class MonthProgress(NamedTuple):
    """How far a month is: customers with a draft, told of it, and charged or billed."""

    customers: int
    drafted: int
    told: int
    billed: int

    @classmethod
    def of(cls, totals: Sequence[StageTotal]) -> "MonthProgress":
        def count(stages: Collection[Stage]) -> int:
            return sum(total.customers for total in totals if total.stage in stages)

        billed, drafted = count(CHARGED), sum(total.drafts for total in totals)
        return cls(count(list(Stage)), drafted, billed + count(_TOLD), billed)

    @property
    def text(self) -> str:
        """``8,210 of 10,000 drafted, 7,900 told, 7,412 charged or billed``."""
        drafted = f"{self.drafted:,} of {self.customers:,} drafted"
        return f"{drafted}, {self.told:,} told, {self.billed:,} charged or billed"


class CurrencyComparison(NamedTuple):
    """Invoices in one currency, and those of the month before; totals in minor units.

    While customers are ``undrafted``, the months cannot be compared.
    """

    currency: str
    invoices: int
    total_minor: int
    invoices_before: int
    total_minor_before: int
    undrafted: int = 0

    @property
    def difference_minor(self) -> int:
        return self.total_minor - self.total_minor_before

    @property
    def change(self) -> float | None:
        """In percent of the month before; None if that has no total, or this one is not complete."""
        return None if self.undrafted else change(self.total_minor, self.total_minor_before or None)


def compared(totals: Sequence[StageTotal], before: Iterable[StageTotal]) -> list[CurrencyComparison]:
    """Invoices and totals by currency, beside those of the month ``before``."""
    counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for offset, month in ((0, totals), (2, before)):
        for total in month:
            if total.drafts and total.stage not in NOT_BILLED:
                counted[total.currency][offset] += total.drafts
                counted[total.currency][offset + 1] += total.total_minor
    for total in totals:
        if total.currency in counted:
            counted[total.currency][4] += total.undrafted
    return [CurrencyComparison(currency, *counted[currency]) for currency in sorted(counted)]


class ActionNeeded(Model):
    """A month that needs a person, or (``collecting``) the collection of one."""

    customer_id: Id
    name: Line
    timezone: Code
    stage: Code
    currency: Code
    amount_minor: MinorSum
    next_at: Instant | None
    needs: Words | None
    drafted: bool = True
    collecting: bool = False


class Work(Model):
    """Open months, or (``collecting``) collections, that need a person for one reason.

    ``reason``: why they were halted, or why their sales cannot be read; None: the stage says it. ``sums`` are those of
    drafts and debts, by currency in minor units; ``members`` the most urgent.
    """

    stage: Code
    reason: Words | None = None
    collecting: bool = False
    count: Count
    next_at: Instant | None
    sums: dict[Code, MinorSum] = Field(max_length=1000)
    members: Few[ActionNeeded]

    @property
    def stop(self) -> str:
        """The code of the reason, for an address; "": there is none."""
        return stop_of(self.reason) if self.reason else ""


class ComingStep(StrEnum):
    SALES = "sales"  # imported
    NOTICE = "notice"
    CHARGE = "charge"
    DUE = "due"  # of a bill


class Coming(Model):
    """One step of many months at one instant; ``total_minor`` is 0 while there are no drafts."""

    step: ComingStep
    at: Instant
    currency: Code
    count: Count
    total_minor: MinorSum


class YearSum(Model):
    """What became of a closed month's invoices in one currency; amounts in minor units."""

    period: Period
    currency: Code
    charged_minor: MinorSum = 0  # or billed, without what is unpaid
    unpaid_minor: MinorSum = 0
    skipped_minor: MinorSum = 0


class MonthOverview(Protocol):
    async def totals(self, period: Period) -> list[StageTotal]:
        """Customers, drafts and sums by stage and currency."""

    async def work(self, period: Period, without: Sequence[str] = ()) -> list[Work]:
        """Open months and debts that need a person, by reason; the most urgent first.

        ``without``: customers whose open months are left out.
        """

    async def open_of(self, period: Period, customer_ids: Sequence[str]) -> list[ActionNeeded]:
        """The open months of these customers, by id, even if the ledger sees no need."""

    async def coming(self, period: Period, since: datetime, until: datetime) -> list[Coming]:
        """What months that go on by themselves do in this time, as planned now; bills are due whether paid or not."""

    async def year(self, last: Period) -> list[YearSum]:
        """The invoices of the twelve months up to ``last`` that are closed, by month and currency."""
