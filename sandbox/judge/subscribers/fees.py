"""What tariffs should have billed, added up anew from what was agreed, day by day.

lines = expected_lines(Period("2026-11"), agreed, suspended, "eur")      amounts in minor units, by line id
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.money import step_minor
from billing.period import Period
from billing.subscribers.service import ServiceChange, ServiceState
from billing.tariffs.items import Agreed, Discount, Fee, Limit, Subscription
from billing.tariffs.tariff import Prorated, TariffVersion

_BY_DAYS = frozenset({Prorated.START, Prorated.END, Prorated.CHANGE})
Suspended = Mapping[str, Collection[date]]


class NotByDays(Exception):
    """A tariff that bills whole months: what it comes to is not added up here."""


class _Day(NamedTuple):
    """A day with a tariff."""

    day: date
    subscription: Subscription
    version: TariffVersion

    @property
    def span(self) -> tuple[str, int, tuple[Prorated, ...]]:
        """What is the same on the days of one line."""
        return self.subscription.key, self.version.fee_minor, self.version.prorated


def expected_lines(period: Period, agreed: Agreed, suspended: Suspended, currency: str) -> dict[str, int]:
    """Raises ``NotByDays``."""
    lines, step = dict[str, int](), step_minor(currency)
    for account in sorted({item.account for item in agreed.items if not isinstance(item, Limit)}):
        for days in _spans(period, account, agreed):
            lines |= _span(account, days, agreed.discounts(account), suspended.get(account, ()), step)
    limits = [item for item in agreed.items if isinstance(item, Limit)]
    limits = [item for item in limits if item.is_on(period.first_day) and item.is_on(period.last_day)]
    most_minor = min((item.amount_minor for item in limits), default=None)
    if most_minor is not None and sum(lines.values()) > most_minor:
        lines["limit"] = most_minor - sum(lines.values())
    for fee in agreed.items:
        if isinstance(fee, Fee) and fee.is_real and Period.of_day(fee.starts_on) == period:
            lines[f"one-off-{fee.key}"] = fee.amount_minor
    return lines


def _spans(period: Period, account: str, agreed: Agreed) -> Iterator[list[_Day]]:
    """Days in a row with one fee."""
    own: list[_Day] = []
    for day in _days(period):
        now = next((item for item in agreed.subscriptions(account)[::-1] if item.is_on(day)), None)
        versions = agreed.tariffs[now.tariff].versions if now else ()
        version = next((version for version in versions[::-1] if version.starts_on <= day), None)
        if version is not None and not _BY_DAYS.issubset(version.prorated):
            raise NotByDays
        current = _Day(day, now, version) if now and version else None
        if own and (current is None or current.span != own[-1].span):
            yield own
            own = []
        if current is not None:
            own.append(current)
    if own:
        yield own


def _span(
    account: str, days: list[_Day], discounts: list[Discount], suspended: Collection[date], step: int
) -> dict[str, int]:
    first, version = days[0].day, days[0].version
    is_free = suspended if Prorated.SUSPENSION in version.prorated else ()
    billed = [each.day for each in days if each.day not in is_free]
    length, fee_minor = Period.of_day(first).last_day.day, version.fee_minor

    def until(number: int) -> int:
        """What the first days of the month come to, rounded down."""
        return fee_minor // step * number // length * step

    def off_until(number: int, off_minor: int) -> int:
        return off_minor // step * until(number) // until(length) * step if fee_minor else 0

    lines = {f"fee-{account}-{first:%d}": sum(until(day.day) - until(day.day - 1) for day in billed)}
    taken = 0
    for day in billed:
        off = min(fee_minor, sum(_off(each, fee_minor, step) for each in discounts if each.is_on(day)))
        taken += off_until(day.day, off) - off_until(day.day - 1, off)
    lines[f"discount-{account}-{first:%d}"] = -taken
    return {name: minor for name, minor in lines.items() if minor}


def _off(discount: Discount, fee_minor: int, step: int) -> int:
    if discount.percent is None:
        return discount.amount_minor or 0
    return fee_minor * discount.percent // (100 * step) * step


def _days(period: Period) -> list[date]:
    return [period.first_day + timedelta(days=number) for number in range(period.last_day.day)]


def suspended_days(history: list[ServiceChange], period: Period, timezone: str) -> set[date]:
    """The days of the period on which it was suspended, or disconnected, from midnight to midnight."""
    zone, found = ZoneInfo(timezone), set[date]()
    since: datetime | None = None
    ends = [*(change.at for change in history), datetime.max.replace(tzinfo=zone)]
    for change, until in zip(history, ends[1:], strict=True):
        is_suspended = change.state in (ServiceState.SUSPENDED, ServiceState.DISCONNECTED)
        since = (since or change.at) if is_suspended else None
        if since is not None:
            found |= {day for day in _days(period) if since <= _midnight(day, zone) and _ends(day, zone) <= until}
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _ends(day: date, zone: ZoneInfo) -> datetime:
    return _midnight(day + timedelta(days=1), zone)
