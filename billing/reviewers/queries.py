"""What reviewers' pages show of the months, as the ledger last knew them: totals, rows of the list, the audit trail."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.invoices.approval_policy import Flag
from billing.invoices.stages import OUTCOMES, Stage, stop_of
from billing.model import Author, Code, Count, Few, Id, Instant, Line, Many, Minor, Model, Words
from billing.period import Period

PAGE_ROWS = 100
_NUMBER = re.compile(r"[0-9]{1,9}")
NOT_BILLED = frozenset({Stage.SKIPPED, Stage.NOTHING_DUE, Stage.CARRIED_FORWARD})
"""Outcomes whose amount is no turnover of the month: nobody pays it, or a later invoice has it."""


class StageTotal(Model):
    """The invoices of one stage and currency: of how many customers, how many of them drafted, and their sum."""

    stage: Stage
    currency: Code
    customers: Count
    drafts: Count
    total_minor: Minor


class CurrencyComparison(NamedTuple):
    """What is billed in a currency, beside the month before; sums in minor units."""

    currency: str
    invoices: int
    total_minor: int
    invoices_before: int
    total_minor_before: int

    @property
    def difference_minor(self) -> int:
        return self.total_minor - self.total_minor_before

    @property
    def change(self) -> float | None:
        """In percent of the month before; None if there is nothing to compare with."""
        return change(self.total_minor, self.total_minor_before or None)


def compared(totals: Iterable[StageTotal], before: Iterable[StageTotal]) -> list[CurrencyComparison]:
    """Invoices and sums by currency, beside those of another month."""
    counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for offset, month in ((0, totals), (2, before)):
        for total in month:
            if total.drafts and total.stage not in NOT_BILLED:
                counted[total.currency][offset] += total.drafts
                counted[total.currency][offset + 1] += total.total_minor
    return [CurrencyComparison(currency, *counted[currency]) for currency in sorted(counted)]


def change(total_minor: int, usual_minor: int | None) -> float | None:
    """How far a total is from the usual one, in percent of it; None without a usual one."""
    return (total_minor - usual_minor) * 100 / abs(usual_minor) if usual_minor else None


class ActionNeeded(Model):
    """A person has to do something about a month, or about what is still owed for it (``collecting``)."""

    customer_id: Id
    name: Line
    timezone: Code
    stage: Code
    currency: Code
    amount_minor: Minor
    next_at: Instant | None
    needs: Words | None
    drafted: bool = True
    collecting: bool = False


class Sort(StrEnum):
    """What the list is in order of. Amounts are grouped by currency; a change counts in either direction."""

    CUSTOMER = "customer"
    STAGE = "stage"
    AMOUNT = "amount"
    CHANGE = "change"
    NEXT = "next"


class InvoiceFilter(Model):
    """Which rows of a month's list, in which order.

    With ``needs``, the customers ``first`` are in it, and come first, whatever the ledger says of them.
    """

    period: Period
    search: Line = ""  # part of a customer's id, name or email
    stage: Stage | None = None
    flag: Flag | None = None
    currency: Code = ""
    needs: bool = False
    first: Many[Id] = ()
    sort: Sort = Sort.CUSTOMER
    descending: bool = False


class InvoiceListRow(Model):
    """One invoice of the list. ``digest`` and ``version`` are what a decision about this row is bound to."""

    customer_id: Id
    name: Line
    email: Line
    timezone: Code
    stage: Stage
    currency: Code
    total_minor: Minor
    carried_minor: Minor
    usual_minor: Minor | None  # what the customer's sales came to before
    version: Count  # 0: no draft yet
    digest: Code
    next_at: Instant | None
    flags: Few[Flag]
    needs: Words | None

    @property
    def is_open(self) -> bool:
        """Without a next instant, something happens to it now."""
        return self.stage not in OUTCOMES

    @property
    def change(self) -> float | None:
        """The month's own sales against the usual ones, in percent."""
        return change(self.total_minor - self.carried_minor, self.usual_minor) if self.version else None

    @property
    def seen(self) -> "ReviewedVersion":
        return ReviewedVersion(
            customer_id=self.customer_id, version=self.version, digest=self.digest, stop=stop_of(self.needs)
        )


class ReviewedVersion(Model):
    """An invoice as it stood when somebody decided about it; ``stop`` as ``Month.stop``."""

    customer_id: Id
    version: Count
    digest: Code
    stop: Code = ""

    def __str__(self) -> str:
        """As a form carries it."""
        return " ".join((self.customer_id, str(self.version), self.digest or "-", self.stop)).strip()


class CurrentVersion(ReviewedVersion):
    """An invoice as it stands now, and what it comes to."""

    currency: Code
    total_minor: Minor


class AuditFilter(Model):
    """Which entries of the audit trail; every filter is part of what it is compared with, except for the period."""

    by: Line = ""
    customer: Line = ""
    period: Period | None = None
    text: Line = ""


class AuditKind(StrEnum):
    DECISION = "decision"
    COLLECTION = "collection"
    BRAKE = "brake"
    SIGN_IN = "sign-in"


class AuditCursor(NamedTuple):
    """Where a page of the audit trail ended."""

    at: datetime
    kind: AuditKind
    customer_id: str
    period: str
    number: int

    def __str__(self) -> str:
        return "~".join((self.at.isoformat(), self.kind, self.customer_id, self.period, str(self.number)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``InvalidInput``."""
        try:
            at, kind, customer_id, period, number = text.split("~")
            instant = TypeAdapter(Instant).validate_python(at)
            if not 2000 <= instant.year < 2100 or not _NUMBER.fullmatch(number):
                raise ValueError("nothing is that old, or new")  # and no database could compare it
            return cls(instant, AuditKind(kind), customer_id, period, int(number))
        except (ValueError, ValidationError):
            raise InvalidInput(f"{text!r} is not a place in the audit trail") from None


class AuditRow(Model):
    """What somebody said or did, accepted or refused, and what came of it. No customer: it concerns everybody."""

    at: Instant
    kind: AuditKind
    customer_id: Id
    period: Code
    number: Count
    by: Author
    command: Line
    reason: Words
    accepted: bool
    result: Words
    via: Code
    version: Count

    @property
    def cursor(self) -> AuditCursor:
        return AuditCursor(self.at, self.kind, self.customer_id, self.period, self.number)


class MonthOverview(Protocol):
    async def totals(self, period: Period) -> list[StageTotal]: ...

    async def needs(self, period: Period, limit: int, first: Sequence[str] = ()) -> list[ActionNeeded]:
        """What a person has to do, for open months and for what is owed, by its next instant; ``first`` before all."""


class InvoiceList(Protocol):
    async def count(self, filters: InvoiceFilter) -> int: ...

    async def rows(self, filters: InvoiceFilter, page: int) -> list[InvoiceListRow]:
        """A page of the list; the first is 1."""

    async def seen(self, filters: InvoiceFilter) -> list[ReviewedVersion]:
        """All that match, as they stand now."""

    async def now_of(self, period: Period, customer_ids: Sequence[str]) -> dict[str, CurrentVersion]:
        """How these invoices stand now, by customer."""


class AuditTrail(Protocol):
    async def audit(self, filters: AuditFilter, after: AuditCursor | None, limit: int) -> list[AuditRow]:
        """Newest first, those after the cursor."""
