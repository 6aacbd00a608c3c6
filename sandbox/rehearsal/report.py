"""The result of a rehearsal: a row for each customer and month, a summary of each month, the difference to reality."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from billing.invoices.month import Month
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.model import Count, Instant, Model
from billing.money import sums_of
from billing.period import Period
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState
from billing.texts.text import Micros, TextKind
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.reality import RealMonth
from sandbox.rehearsal.run import RehearsalResult

CLOCKS_CHANGE = "clocks change between notice and charge"
WEEKEND = "charged on a weekend"
LATER_MONTH = "charged in a later month than planned"
LATE = "charged later than planned"
WAITING, NOT_REACHED = "Waiting", "NotReached"
"""Of months that nobody unblocks, and of those after them."""
ALREADY_PAST = "AlreadyPast"
"""Of the last month, for customers who are past all requested months: nothing is rehearsed for them."""

_CHARGED = (Stage.PAID, Stage.BILLED)
_PUNCTUAL = timedelta(hours=1)
_SATURDAY = 5


class MonthRow(Model):
    """One customer's month. ``sheet`` is the worksheet that it was billed from; amounts in minor units.

    ``charged_minor`` is what a card was charged, or what was billed to a customer without one.
    """

    customer_id: str
    period: Period
    sheet: Period
    stage: str
    currency: str
    total_minor: int = 0
    charged_minor: int = 0
    imported_at: Instant | None = None
    announced_at: Instant | None = None
    charged_at: Instant | None = None  # when the card was tried
    closed_at: Instant | None = None
    collection: str = ""  # how what was not paid ends, if nobody does anything
    person: str = ""  # what a person was needed for
    assumed: str = ""  # what the rehearsal took it that they do
    odd: tuple[str, ...] = ()


class MonthSummary(Model):
    """A month of everybody. ``first_at`` and ``last_at`` are of charges."""

    period: Period
    sheets: tuple[Period, ...]
    customers: int
    charged_minor: dict[str, int]
    stages: dict[str, int]
    past_due: int
    need_person: int
    first_at: Instant | None
    last_at: Instant | None
    odd: dict[str, int]


class MonthDifference(Model):
    """A customer's rehearsed month beside the real one; ``verdict``: same, amount, outcome, only here, only there."""

    customer_id: str
    verdict: str
    currency: str
    rehearsed_minor: int | None
    real_minor: int | None
    rehearsed_stage: str = ""
    real_stage: str = ""


class Restriction(Model):
    """A service account that was limited or suspended for not paying; ``until`` None: to the end."""

    customer_id: str
    number: str
    state: ServiceState
    at: Instant
    until: Instant | None = None


class TextCosts(Model):
    """The segments of all texts, by what they say, and what they cost at the configured price."""

    segments: dict[TextKind, Count]
    cost_micros: Micros
    currency: str


def restrictions_of(changes: Iterable[ServiceChange]) -> list[Restriction]:
    """Each with its end, by instant."""
    found: list[Restriction] = []
    in_force: dict[str, int] = {}  # the place of what is in force, by account
    for change in changes:
        if (place := in_force.pop(change.number, None)) is not None:
            found[place] = found[place].evolve(until=change.at)
        if change.cause is ServiceCause.NON_PAYMENT:
            in_force[change.number] = len(found)
            fields = {name: getattr(change, name) for name in ("customer_id", "number", "state", "at")}
            found.append(Restriction(**fields))
    return found


def texts_of(book: Book, result: RehearsalResult) -> TextCosts:
    terms = book.looks.texts
    cost_micros = sum(result.texts.values()) * terms.price_micros
    return TextCosts(segments=dict(result.texts.most_common()), cost_micros=cost_micros, currency=terms.currency)


def rows_of(book: Book, result: RehearsalResult) -> list[MonthRow]:
    """Every customer and month that was to be rehearsed, by month; each customer is there at least once."""
    people: dict[tuple[str, Period], tuple[str, str]] = {}
    for need in result.needs:
        people.setdefault((need.customer_id, need.period), (need.why, need.did))
    rows = []
    for entry in book.entries:
        customer_id = entry.month.customer.customer_id
        for period in book.months_of(entry) or book.periods[-1:]:
            why, did = people.get((customer_id, period), ("", ""))
            fields = {"sheet": book.sheets.used[period], "person": why, "assumed": did}
            month = result.closed.get((customer_id, period))
            if month is None:
                waiting = result.waiting.get(customer_id)
                is_waiting = waiting is not None and waiting.period == period
                stage = ALREADY_PAST if entry.month.period > period else WAITING if is_waiting else NOT_REACHED
                currency = entry.month.customer.currency
                fields |= {"customer_id": customer_id, "period": period, "stage": stage, "currency": currency}
                rows.append(MonthRow.model_validate(fields))
            else:
                collection = result.collections.get((customer_id, period))
                rows.append(_row(month, str(collection.stage) if collection else "", fields))
    return sorted(rows, key=lambda row: (row.period, row.customer_id))


def _row(month: Month, collection: str, fields: Mapping[str, object]) -> MonthRow:
    invoice, notice = month.invoice, month.notice
    charged_at = month.closed.charge.at if month.closed and month.closed.charge else None
    return MonthRow.model_validate(
        {
            "customer_id": month.customer.customer_id,
            "period": month.period,
            "stage": str(month.outcome),
            "currency": month.currency,
            "total_minor": invoice.total_minor if invoice else 0,
            "charged_minor": invoice.total_minor if invoice and month.outcome in _CHARGED else 0,
            "imported_at": invoice.imported_at if invoice else None,
            "announced_at": notice.delivered_at if notice else None,
            "charged_at": charged_at,
            "closed_at": month.closed.at if month.closed else None,
            "collection": collection,
            "odd": tuple(_odd(month, notice.delivered_at if notice else None, charged_at)),
            **fields,
        }
    )


def _odd(month: Month, announced_at: datetime | None, charged_at: datetime | None) -> Iterable[str]:
    """What may surprise about the instants of a month, on the customer's clock."""
    if charged_at is None or announced_at is None:
        return
    zone = ZoneInfo(month.customer.timezone)
    announced, charged = announced_at.astimezone(zone), charged_at.astimezone(zone)
    planned = month.customer.terms.schedule.instants(month.period, month.customer.timezone).charge_at.astimezone(zone)
    if announced.utcoffset() != charged.utcoffset():
        yield CLOCKS_CHANGE
    if charged.weekday() >= _SATURDAY:
        yield WEEKEND
    if charged - planned > _PUNCTUAL:
        yield LATER_MONTH if (charged.year, charged.month) > (planned.year, planned.month) else LATE


def summaries(rows: Iterable[MonthRow]) -> list[MonthSummary]:
    """The rows by month, oldest first."""
    by_period: dict[Period, list[MonthRow]] = {}
    for row in rows:
        by_period.setdefault(row.period, []).append(row)
    return [_summary(period, period_rows) for period, period_rows in sorted(by_period.items())]


def together(rows: Sequence[MonthRow]) -> MonthSummary:
    """All months as if they were one."""
    return _summary(rows[0].period, rows)


def _summary(period: Period, rows: Sequence[MonthRow]) -> MonthSummary:
    charged = sums_of((row.charged_minor, row.currency) for row in rows)
    instants = [row.charged_at for row in rows if row.charged_at]
    return MonthSummary(
        period=period,
        sheets=tuple(sorted({row.sheet for row in rows})),
        customers=len(rows),
        charged_minor={currency: total for currency, total in sorted(charged.items()) if total},
        stages=dict(Counter(row.stage for row in rows).most_common()),
        past_due=sum(row.stage in UNPAID_OUTCOMES for row in rows),
        need_person=sum(bool(row.person) for row in rows),
        first_at=min(instants, default=None),
        last_at=max(instants, default=None),
        odd=dict(Counter(odd for row in rows for odd in row.odd).most_common()),
    )


def differences(rows: Iterable[MonthRow], real: Mapping[str, RealMonth]) -> list[MonthDifference]:
    """Everybody who is in the rehearsed month or in the real one, by id."""
    here = {row.customer_id: row for row in rows}
    return [_difference(name, here.get(name), real.get(name)) for name in sorted(here.keys() | real.keys())]


def _difference(name: str, row: MonthRow | None, real: RealMonth | None) -> MonthDifference:
    if row is None or real is None:
        currency = row.currency if row else real.currency if real else ""
        verdict = "only here" if row else "only there"
    else:
        currency = real.currency
        is_same = (row.currency, row.total_minor) == (real.currency, real.total_minor)
        verdict = "amount" if not is_same else "same" if row.stage == real.stage else "outcome"
    return MonthDifference(
        customer_id=name,
        verdict=verdict,
        currency=currency,
        rehearsed_minor=row.total_minor if row else None,
        real_minor=real.total_minor if real else None,
        rehearsed_stage=row.stage if row else "",
        real_stage=real.stage if real else "",
    )


def sums(differences: Iterable[MonthDifference]) -> dict[str, tuple[int, int]]:
    """By currency: what was rehearsed, and what was real, in minor units."""
    totals: dict[str, tuple[int, int]] = {}
    for difference in differences:
        here, there = totals.get(difference.currency, (0, 0))
        totals[difference.currency] = here + (difference.rehearsed_minor or 0), there + (difference.real_minor or 0)
    return dict(sorted(totals.items()))
