"""Tariffs and what was agreed, in words: for logs, lists and errors."""

from itertools import chain

from billing.customers.ladder import ladder_text
from billing.money import format_amount
from billing.tariffs.changes import SetLimit, TariffChange
from billing.tariffs.items import Discount, Fee, Limit, Subscription, TariffItem
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion


def fee_words(version: TariffVersion, currency: str) -> str:
    """``45.00 EUR from 2026-11-01, by days: start, end``."""
    parts = ", ".join(version.prorated) if version.prorated else "never"
    by_days = "by days" if set(version.prorated) == set(Prorated) else f"by days: {parts}"
    return f"{format_amount(version.fee_minor, currency)} from {version.starts_on}, {by_days}"


def version_words(tariff: Tariff) -> str:
    """The whole tariff in a line."""
    ended = [f"not offered after {tariff.ended_on}"] if tariff.ended_on else []
    fees = (fee_words(version, tariff.currency) for version in tariff.versions)
    ladder = [f"if not paid: {ladder_text(tariff.ladder)}"] if tariff.ladder else []
    return f"{tariff.code} ({tariff.name}): {'; '.join(chain(fees, ended, ladder))}"


def item_words(item: TariffItem, currency: str) -> str:
    """One item in a line."""
    days = f"from {item.starts_on}{f' to {item.ends_on}' if item.ends_on else ''}"
    if not item.is_real:
        days = f"from {item.starts_on}, withdrawn"
    match item:
        case Subscription():
            return f"{item.account} {item.tariff} {days}"
        case Fee():
            return f"{item.account} {format_amount(item.amount_minor, currency)} on {item.starts_on}: {item.text}"
        case Discount():
            off = f"{item.percent} %" if item.percent else f"{format_amount(item.amount_minor or 0, currency)} a month"
            return f"{item.account} {off} off {days}: {item.text}"
        case Limit():
            return f"no more than {format_amount(item.amount_minor, currency)} a month {days}"


def change_words(change: TariffChange) -> str:
    """What is to be done, for errors."""
    return f"{change.kind} of {change.customer_id if isinstance(change, SetLimit) else change.account}"
