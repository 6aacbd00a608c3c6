"""The lines of a period that follow from what was agreed for a customer's accounts.

lines = lines_of(Period("2026-11"), agreed, suspended={"1000009": {date(2026, 11, 14)}})

Exact: days are whole days on the customer's calendar, and however a month is split, its parts add up to the whole fee.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from billing.errors import InvalidInput
from billing.invoices.invoice import LineItem, TariffSource
from billing.money import format_amount, step_minor
from billing.period import Period
from billing.tariffs.items import Agreed, Discount, Fee, Limit
from billing.tariffs.shares import daily_shares, portions
from billing.tariffs.spans import Span, spans_of

_DESCRIPTION_MAX = 500


def lines_of(
    period: Period, agreed: Agreed, currency: str, suspended: Mapping[str, Collection[date]] | None = None
) -> tuple[LineItem, ...]:
    """Fees with their discounts by account and day, then what the limit takes off, then one-off fees by day.

    ``suspended`` are the days that each account was suspended from midnight to midnight. Nothing of the result depends
    on when it is computed. Raises ``InvalidInput`` if a tariff is not in ``currency``.
    """
    accounts = sorted({item.account for item in agreed.items if not isinstance(item, Limit)})
    recurring: list[LineItem] = []
    for account in accounts:
        for span in spans_of(account, period, agreed):
            _check_currency(span, currency)
            recurring += _span_lines(period, span, agreed.discounts(account), (suspended or {}).get(account, ()))
    return (*recurring, *_limited(period, recurring, agreed, currency), *_one_off(period, agreed))


def _check_currency(span: Span, currency: str) -> None:
    if span.tariff.currency != currency:
        raise InvalidInput(
            f"account {span.subscription.account} has tariff {span.tariff.code} in {span.tariff.currency.upper()}, and "
            f"its customer is billed in {currency.upper()}; give it a tariff in that currency from {span.first} on, "
            "then resume"
        )


def _span_lines(
    period: Period, span: Span, discounts: list[Discount], suspended: Collection[date]
) -> Iterator[LineItem]:
    """The fee of a span, and its discounts as one line; none of 0."""
    billed, step = span.days(suspended), step_minor(span.tariff.currency)
    fee_minor, length = span.version.fee_minor, period.last_day.day
    shares = daily_shares(fee_minor, length, step)
    charged = sum(shares[day.day - 1] for day in billed)
    if not charged:
        return
    free = (span.last - span.first).days + 1 - len(billed)
    name = f"{span.tariff.name}, {_days(span.first, span.last, period)}{_without(free)}"
    account = span.subscription.account
    yield _line(f"fee-{account}-{span.first:%d}", f"{name}, account {account}", charged, span)
    taken, texts = _discounted(span, billed, discounts, shares, step)
    if taken:
        words = f"Discount: {', '.join(texts)}"
        yield _line(f"discount-{account}-{span.first:%d}", f"{words}, account {account}", -taken, span)


def _discounted(
    span: Span, billed: list[date], discounts: list[Discount], shares: tuple[int, ...], step: int
) -> tuple[int, tuple[str, ...]]:
    """What discounts take off, never more than each day's share, and their texts."""
    taken, texts = 0, dict[str, None]()
    for day in billed:
        active = [discount for discount in discounts if discount.is_on(day)]
        if active:
            month_minor = sum(_off(discount, span.version.fee_minor, step) for discount in active)
            taken += portions(min(month_minor, span.version.fee_minor), shares, step)[day.day - 1]
            texts |= dict.fromkeys(discount.text for discount in active)
    return taken, tuple(texts)


def _off(discount: Discount, fee_minor: int, step: int) -> int:
    """What the discount takes off a whole month's fee."""
    if discount.percent is None:
        return discount.amount_minor or 0
    return fee_minor * discount.percent // (100 * step) * step


def _limited(period: Period, recurring: list[LineItem], agreed: Agreed, currency: str) -> Iterator[LineItem]:
    limits = (item for item in agreed.items if isinstance(item, Limit))
    amounts = [item.amount_minor for item in limits if item.is_on(period.first_day) and item.is_on(period.last_day)]
    excess = sum(line.amount_minor for line in recurring) - min(amounts, default=0)
    if amounts and excess > 0:
        text = f"No more than {format_amount(min(amounts), currency)} a month"
        source = TariffSource(starts_on=period.first_day, ends_on=period.last_day, amount_minor=-excess)
        yield LineItem(line_id="limit", description=text, amount_minor=-excess, tariff=source)


def _one_off(period: Period, agreed: Agreed) -> Iterator[LineItem]:
    fees = [item for item in agreed.items if isinstance(item, Fee) and item.is_real]
    for fee in sorted(fees, key=lambda fee: (fee.starts_on, fee.account, fee.key)):
        if Period.of_day(fee.starts_on) == period:
            day, text = fee.starts_on, f", {fee.starts_on}, account {fee.account}"
            source = TariffSource(account=fee.account, starts_on=day, ends_on=day, amount_minor=fee.amount_minor)
            words = f"{fee.text[: _DESCRIPTION_MAX - len(text)]}{text}"
            name = f"one-off-{fee.key}"
            yield LineItem(line_id=name, description=words, amount_minor=fee.amount_minor, tariff=source)


def _line(line_id: str, description: str, amount_minor: int, span: Span) -> LineItem:
    source = TariffSource(
        account=span.subscription.account,
        tariff=span.tariff.code,
        starts_on=span.first,
        ends_on=span.last,
        amount_minor=amount_minor,
    )
    words = description[:_DESCRIPTION_MAX]
    return LineItem(line_id=line_id, description=words, amount_minor=amount_minor, tariff=source)


def _days(first: date, last: date, period: Period) -> str:
    is_whole = (first, last) == (period.first_day, period.last_day)
    return str(period) if is_whole else f"{first}" if first == last else f"{first} to {last}"


def _without(days: int) -> str:
    return f" without {days} suspended {'day' if days == 1 else 'days'}" if days else ""
