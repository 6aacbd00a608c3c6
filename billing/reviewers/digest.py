"""A digest of many alerts: grouped, the most urgent first, with what to do about each, and never too long."""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from billing.model import Code, Line, Model, Rows, Url
from billing.money import format_amount, sums_of, totals_text
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind

SHOWN_AT_MOST = 50
"""Lines of a section; the rest is counted."""
_CHARACTERS = 300
"""Limit of a line's text."""

TITLES = {
    AlertKind.PERSON: "A person is needed now",
    AlertKind.UNRESOLVED: "Charges whose outcome is not known",
    AlertKind.HALTED: "Halted, and not charged until resumed",
    AlertKind.MONEY: "Payments to look at",
    AlertKind.WORKS: "Planned works to approve",
    AlertKind.WORKER: "Workers that had to be replaced",
    AlertKind.REPORT: "Reports",
    AlertKind.DRAFT: "Drafts to look at before they are announced",
}
_IN_SHORT = {
    AlertKind.PERSON: "invoice needs you|invoices need you",
    AlertKind.UNRESOLVED: "unresolved|unresolved",
    AlertKind.HALTED: "halted|halted",
    AlertKind.MONEY: "payment to look at|payments to look at",
    AlertKind.WORKS: "announcement to approve|announcements to approve",
    AlertKind.WORKER: "worker replaced|workers replaced",
    AlertKind.REPORT: "report|reports",
    AlertKind.DRAFT: "draft ready|drafts ready",
}
_OF_ORDERS = "order needs you|orders need you"
_EACH = frozenset({AlertKind.REPORT, AlertKind.MONEY, AlertKind.WORKS})
_UNUSUAL = frozenset({"first", "changed", "large", "unreadable", "address"})


class Digest(Model):
    """Alerts that are sent at once; a repeat has the same ``message_id``.

    ``console_url`` is the address of the review console ("": none).
    """

    digest_id: Code
    message_id: Line
    to: Line
    console_url: Url
    alerts: Rows[Alert]


class Item(NamedTuple):
    """One line, and what can be done about it; ``link`` leads to the console ("": none)."""

    subject: str
    text: str
    remedies: tuple[Remedy, ...]
    link: str


class Section(NamedTuple):
    """Alerts of one kind: their number, how many of them are about orders, their totals by currency, the first of them,
    and how many more there are.
    """

    kind: AlertKind
    title: str
    number: int
    orders: int
    totals: str
    items: list[Item]
    more: int


def headline(digest: Digest) -> str:
    """The digest in one line: ``2 invoices need you, 1 halted, 412 drafts ready``."""
    parts = []
    for section in sections(digest):
        orders = section.orders if section.kind is AlertKind.PERSON else 0
        for number, words in ((section.number - orders, _IN_SHORT[section.kind]), (orders, _OF_ORDERS)):
            one, several = words.split("|")
            parts += [f"{number:,} {one if number == 1 else several}"] if number else []
    return ", ".join(parts)


def sections(digest: Digest) -> list[Section]:
    """The digest's sections, the most urgent first. Of two alerts about one matter, the later one counts."""
    result = []
    for kind in AlertKind:
        alerts = _latest(alert for alert in digest.alerts if alert.kind is kind)
        if alerts:
            items = _items(kind, alerts, digest.console_url)
            first = items[:SHOWN_AT_MOST]
            orders, more = sum(bool(alert.order_number) for alert in alerts), len(items) - len(first)
            result.append(Section(kind, TITLES[kind], len(alerts), orders, _totals(alerts), first, more))
    return result


def _items(kind: AlertKind, alerts: list[Alert], console_url: str) -> list[Item]:
    """One line for each alert; drafts share one line for each period."""
    if kind is not AlertKind.DRAFT:
        return [_item(alert, console_url) for alert in alerts]
    return [_batch(period, list(batch), console_url) for period, batch in groupby(alerts, lambda alert: alert.period)]


def _latest(alerts: Iterable[Alert]) -> list[Alert]:
    """The latest alert of each period and customer, or of each order, and every report, payment and announcement."""
    latest = {
        (alert.period, alert.customer_id, alert.order_number, alert.alert_id if alert.kind in _EACH else ""): alert
        for alert in sorted(alerts, key=lambda alert: alert.at)
    }
    return [latest[key] for key in sorted(latest)]


def _item(alert: Alert, console_url: str) -> Item:
    subject = f"{alert.customer_id}, {alert.period}" if alert.customer_id else str(alert.period)
    amount = "" if alert.amount_minor is None else f" ({format_amount(alert.amount_minor, alert.currency)})"
    text = alert.text if len(alert.text) <= _CHARACTERS else f"{alert.text[: _CHARACTERS - 1]}…"
    if alert.order_number:
        link = f"{console_url.rstrip('/')}/desk/orders/{alert.order_number}" if console_url else ""
        return Item(f"order {alert.order_number}{amount}", text, alert.remedies, link)
    if number := next(filter(None, (remedy.announcement for remedy in alert.remedies)), None):
        link = f"{console_url.rstrip('/')}/desk/announcements/{number}" if console_url else ""
        return Item(f"announcement {number}", text, alert.remedies, link)
    if alert.kind is AlertKind.MONEY:
        link = f"{console_url.rstrip('/')}/desk/money" if console_url else ""
        return Item(subject + amount, text, alert.remedies, link)
    return Item(subject + amount, text, alert.remedies, _link(console_url, alert.period, alert.customer_id))


def _batch(period: Period, drafts: list[Alert], console_url: str) -> Item:
    flags = [set(alert.flags.split("|")) for alert in drafts]
    are_all_first = len(flags) > 1 and all("first" in each for each in flags)  # the product's own first month
    looked_for = _UNUSUAL - {"first"} if are_all_first else _UNUSUAL
    unusual = sum(not looked_for.isdisjoint(each) for each in flags)
    count = f"{len(drafts):,} draft{'' if len(drafts) == 1 else 's'}"
    text = f"{count}, {unusual:,} unusual; {_totals(drafts)}" if unusual else f"{count}; {_totals(drafts)}"
    months = RemedyAction.LIST_MONTHS.of(period=period)
    return Item(str(period), text, (months,), _link(console_url, period))


def _link(console_url: str, period: Period, customer_id: str = "") -> str:
    if not console_url:
        return ""
    return f"{console_url.rstrip('/')}/desk/{period}/invoices{f'/{customer_id}' if customer_id else ''}"


def _totals(alerts: Iterable[Alert]) -> str:
    return totals_text(
        sums_of((alert.amount_minor, alert.currency) for alert in alerts if alert.amount_minor is not None)
    )
