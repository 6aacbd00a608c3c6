"""The days of a period that each of an account's subscriptions is billed for; no day is billed twice."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from billing.period import Period
from billing.tariffs.items import Agreed, Subscription
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """One fee for some days in a row."""

    subscription: Subscription
    tariff: Tariff
    version: TariffVersion
    first: date
    last: date

    def days(self, suspended: Collection[date]) -> list[date]:
        """The days that cost something."""
        count = (self.last - self.first).days + 1
        days = (self.first + _DAY * number for number in range(count))
        is_free = Prorated.SUSPENSION in self.version.prorated
        return [day for day in days if not (is_free and day in suspended)]


def spans_of(account: str, period: Period, agreed: Agreed) -> list[Span]:
    """What the account is billed for in the period, in the order of the days, by the rules of its tariffs."""
    subscriptions = agreed.subscriptions(account)
    spans: list[Span] = []
    for subscription in subscriptions:
        for span in _versions(subscription, agreed.tariffs[subscription.tariff], period):
            spans = _followed(spans, span)
    return _whole_months(spans, period)


def _versions(subscription: Subscription, tariff: Tariff, period: Period) -> Iterable[Span]:
    """The subscription's days in the period, one span for each version of the tariff."""
    ends: list[date | None] = [after.starts_on - _DAY for _, after in pairwise(tariff.versions)]
    for version, end in zip(tariff.versions, [*ends, None], strict=True):
        first = max(subscription.starts_on, version.starts_on, period.first_day)
        last = min(filter(None, (subscription.ends_on, end, period.last_day)))
        if first <= last:
            yield Span(subscription, tariff, version, first, last)


def _followed(spans: Sequence[Span], after: Span) -> list[Span]:
    """``after`` joins the span before it if nothing changes, or if a change is not billed by days."""
    if not spans or spans[-1].last + _DAY != after.first:
        return [*spans, after]
    *others, before = spans
    is_same = before.subscription == after.subscription and _terms(before) == _terms(after)
    if is_same or Prorated.CHANGE not in after.version.prorated:
        return [*others, after._replace(first=before.first)]
    return [*spans, after]


def _terms(span: Span) -> tuple[int, tuple[Prorated, ...]]:
    return span.version.fee_minor, span.version.prorated


def _whole_months(spans: Sequence[Span], period: Period) -> list[Span]:
    """A month that is not billed by days is billed whole, as far as another subscription leaves its days free."""
    stretched: list[Span] = []
    for number, span in enumerate(spans):
        free_from = stretched[-1].last + _DAY if stretched else period.first_day
        free_to = spans[number + 1].first - _DAY if number + 1 < len(spans) else period.last_day
        starts, ends = _begins_within(span, spans, period), span.subscription.ends_on == span.last
        if starts and Prorated.START not in span.version.prorated:
            span = span._replace(first=free_from)
        if ends and Prorated.END not in span.version.prorated:
            span = span._replace(last=free_to)
        stretched.append(span)
    return stretched


def _begins_within(span: Span, spans: Sequence[Span], period: Period) -> bool:
    """Whether the account had no tariff on the day before."""
    is_first_day = span.first == period.first_day and span.subscription.starts_on < period.first_day
    return not is_first_day and all(other.last + _DAY != span.first for other in spans)
