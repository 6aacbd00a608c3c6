"""Queries behind the reviewers' pages, on months as last recorded: the list of invoices, the audit trail."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.invoices.approval_policy import Flag
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import OUTCOMES, Stage, stop_of
from billing.model import Author, Code, Count, Few, Id, Instant, Line, Many, Minor, Model, Words
from billing.period import Period

PAGE_ROWS = 100
_NUMBER = re.compile(r"[0-9]{1,9}")


def change(total_minor: int, usual_minor: int | None) -> float | None:
    """The change against the usual total, in percent of it; None without a usual total."""
    return (total_minor - usual_minor) * 100 / abs(usual_minor) if usual_minor else None


class Sort(StrEnum):
    """The order of the list. Amounts are grouped by currency; changes are ordered by their absolute value."""

    CUSTOMER = "customer"
    STAGE = "stage"
    AMOUNT = "amount"
    CHANGE = "change"
    NEXT = "next"


class InvoiceFilter(Model):
    """Filter and order of a month's list.

    With ``needs``, only rows that need a person, and before them the customers ``first``, whatever their state.
    ``reason``: only open months that wait for exactly this.
    """

    period: Period
    search: Line = ""  # part of a customer's id, name or email
    stage: Stage | None = None
    flag: Flag | None = None
    currency: Code = ""
    needs: bool = False
    reason: Words = ""
    first: Many[Id] = ()
    sort: Sort = Sort.CUSTOMER
    descending: bool = False


class InvoiceListRow(Model):
    """One invoice of the list. A decision about it is bound to ``version`` and ``digest``."""

    customer_id: Id
    name: Line
    email: Line | None
    timezone: Code
    stage: Stage
    currency: Code
    total_minor: Minor
    carried_minor: Minor
    usual_minor: Minor | None  # sales of the last month that had any
    version: Count  # 0: no draft yet
    digest: Code
    next_at: Instant | None
    flags: Few[Flag]
    needs: Words | None

    @property
    def is_open(self) -> bool:
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
    """An invoice as it stood when a person decided about it; ``stop`` as ``Month.stop``."""

    customer_id: Id
    version: Count
    digest: Code
    stop: Code = ""

    def __str__(self) -> str:
        """The text in a form's field."""
        return " ".join((self.customer_id, str(self.version), self.digest or "-", self.stop)).strip()


class AuditFilter(Model):
    """Filter of the audit trail: ``period`` has to be equal, the other texts need only be contained.

    ``sign_ins``: only these, or all but these; None: both.
    """

    by: Line = ""
    customer: Line = ""
    period: Period | None = None
    text: Line = ""
    sign_ins: bool | None = None


class AuditKind(StrEnum):
    DECISION = "decision"
    COLLECTION = "collection"
    INSTRUCTION = "instruction"  # proposed, confirmed, rejected; asked of a processor
    PAYMENT = "payment"  # recorded, assigned, given back or settled by a person
    ORDER = "order"  # opened or changed by a person; the period is its number
    REGISTER = "register"  # a line left out of the books; the period is the bank's number of the payment
    TARIFF = "tariff"  # a tariff, or what an account pays by the month; the period is the tariff's code
    BRAKE = "brake"
    SIGN_IN = "sign-in"
    MAIL = "mail"  # sent again because a person asked for it


class AuditCursor(NamedTuple):
    """The end of a page of the audit trail."""

    at: datetime
    kind: AuditKind
    customer_id: str
    period: str
    number: int

    def __str__(self) -> str:
        return "~".join((self.at.isoformat(), self.kind, self.customer_id, self.period, str(self.number)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor in ``text``. Raises ``InvalidInput``."""
        try:
            at, kind, customer_id, period, number = text.split("~")
            instant = TypeAdapter(Instant).validate_python(at)
            if not 2000 <= instant.year < 2100 or not _NUMBER.fullmatch(number):
                raise ValueError("out of range")  # no database could compare it
            return cls(instant, AuditKind(kind), customer_id, period, int(number))
        except (ValueError, ValidationError):
            raise InvalidInput(f"{text!r} is not a place in the audit trail") from None


class AuditRow(Model):
    """A person's command or action, and its result; ``customer_id`` is "" if it concerns no single customer."""

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


class InvoiceList(Protocol):
    async def count(self, filters: InvoiceFilter) -> int: ...

    async def rows(self, filters: InvoiceFilter, page: int) -> list[InvoiceListRow]:
        """A page of the list, counted from 1."""

    async def histories(self, period: Period, customer_ids: Sequence[str]) -> dict[str, list[InvoiceRow]]:
        """The months of these customers in the year up to ``period``, by customer."""

    async def seen(self, filters: InvoiceFilter) -> list[ReviewedVersion]:
        """The recorded versions of all invoices that match, by customer."""

    async def reason_of(self, period: Period, stop: str) -> str | None:
        """What open months wait for, by the code of it; None if none does any more."""

    async def now_of(self, period: Period, customer_ids: Sequence[str]) -> dict[str, ReviewedVersion]:
        """The recorded versions of these invoices, by customer."""

    async def months_of(self, period: Period, customer_ids: Sequence[str]) -> list[Month]:
        """The recorded months of these customers, some hundred at a time: each is large."""


class AuditTrail(Protocol):
    async def audit(self, filters: AuditFilter, after: AuditCursor | None, limit: int) -> list[AuditRow]:
        """The entries after the cursor, newest first."""
