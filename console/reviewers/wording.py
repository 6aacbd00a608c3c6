"""Stages, flags, amounts and instants in words: the filters of the reviewers' templates.

Instants are shown in UTC, which all reviewers share; their titles have the customer's own clock.
"""

from datetime import UTC, datetime
from functools import cache, lru_cache

from billing.invoices.approval_policy import Flag
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from billing.reviewers.queries import InvoiceListRow
from orders.order import OrderStage
from orders.service.service_order import ServiceStage
from wording.english import date_text, money_text, month_text
from wording.plain import relative, stage_words

_TONES = {
    "wait": (Stage.MONITORING, Stage.LAST_CALL, Stage.CHARGING, Stage.BILLED),
    "act": (Stage.AWAITING_SALES, Stage.AWAITING_APPROVAL, Stage.HALTED, Stage.NEEDS_CARD),
    "bad": (Stage.UNRESOLVED, Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED),
    "good": (Stage.PAID,),
}
_ORDER_TONES = {
    "wait": (OrderStage.RELEASED, OrderStage.IN_PRODUCTION, OrderStage.PART_PAID, OrderStage.AWAITING_PAYMENT),
    "act": (OrderStage.HALTED, OrderStage.AWAITING_RELEASE),
    "bad": (OrderStage.REJECTED,),
    "good": (OrderStage.FULFILLED,),
}
_SERVICE_TONES = {
    "wait": (ServiceStage.AWAITING_TASK, ServiceStage.AWAITING_PAYMENT, ServiceStage.AWAITING_DATE),
    "act": (ServiceStage.HALTED,),
    "good": (ServiceStage.COMPLETED,),
}
_TONE_OF: dict[str, str] = {
    stage: tone
    for tones in (_TONES, _ORDER_TONES, _SERVICE_TONES)
    for tone, stages in tones.items()
    for stage in stages
}
_FLAG_WORDS = {Flag.FIRST: "first invoice", Flag.SHEET: "sheet changed", Flag.ADDRESS: "former address"}
_NEXT_STEPS = {
    Stage.SCHEDULED: "imports sales",
    Stage.AWAITING_SALES: "reminder",
    Stage.MONITORING: "notice",
    Stage.AWAITING_APPROVAL: "reminder",
    Stage.HALTED: "reminder",
    Stage.LAST_CALL: "charge",
    Stage.UNRESOLVED: "reminder",
}


@cache
def tone(stage: str) -> str:
    """The colour of a month's or order's stage: wait, act (a person has to), bad, good or quiet."""
    return _TONE_OF.get(stage, "quiet")


def next_step(row: InvoiceListRow) -> str:
    """The step of the row's next instant."""
    if row.stage is Stage.MONITORING and row.total_minor < CardOnFile.minimum_minor(row.currency):
        return "close"
    return _NEXT_STEPS.get(row.stage, "")


def flag_words(flag: str) -> str:
    return _FLAG_WORDS.get(Flag(flag), flag)


def percent(change: float) -> str:
    """``+12%``, with a real minus sign; a tenfold change or more is a factor."""
    if change >= 900:
        return f"{change / 100 + 1:,.0f}\N{MULTIPLICATION SIGN}"
    rounded = round(change)
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}" if rounded < 0 else ""
    return f"{sign}{abs(rounded)}%"


@lru_cache(maxsize=20_000)
def money(amount_minor: int, currency: str) -> str:
    """``€1,234.50``, with a real minus sign; formatting is slow, and lists show the same amounts again and again."""
    return money_text(amount_minor, currency).replace("-", "\N{MINUS SIGN}")


def whole(count: int) -> str:
    """``1,000``."""
    return f"{count:,}"


def customers(count: int) -> str:
    """``1 customer``, ``1,000 customers``."""
    return f"{count:,} customer{'s' if count != 1 else ''}"


def utc(instant: datetime) -> str:
    """``4 Dec 2026, 09:00`` in UTC."""
    at = instant.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M}"


def day(instant: datetime) -> str:
    """``4 Dec 2026`` in UTC."""
    at = instant.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@lru_cache(maxsize=20_000)
def clocks(instant: datetime, zone: str = "") -> str:
    """The instant in UTC and on the customer's clock."""
    here = f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{here} · {date_text(instant, 'd MMM, HH:mm', zone)} in {zone}" if zone and zone != "UTC" else here


def distance(instant: datetime, now: datetime) -> str:
    """``in 3 d 4 h``, ``12 min ago``, ``now``: as in ``desk.js``."""
    return relative(instant, now, whole_from_days=10)


FILTERS = {
    "words": stage_words,
    **{
        filter.__name__: filter
        for filter in (tone, next_step, flag_words, percent, money, whole, customers, utc, day, iso, clocks, distance)
    },
    "month_words": month_text,
}
