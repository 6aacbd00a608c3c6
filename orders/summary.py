"""An order as a few lines of Markdown, for the Temporal UI."""

from collections.abc import Iterator
from datetime import datetime

from billing.markdown import escaped
from orders.fulfilment import Fulfilment
from orders.order import Release

_SHOWN = 10


def summary(value: Fulfilment, now: datetime) -> str:
    """Where the order stands, its money, lines and releases, what is next; the buyer by id only."""
    return "\n\n".join(_parts(value, now))


def _parts(value: Fulfilment, now: datetime) -> Iterator[str]:
    standing, order = value.standing, value.standing.order
    yield f"### order {order.number} · {order.customer_id} · {value.stage}"
    yield f"{standing.due}, of which {standing.paid} are paid and {standing.outstanding} owed; version {order.version}"
    lines = [f"- {line.quantity} x {escaped(line.description)}" for line in order.agreed.lines[:_SHOWN]]
    more = len(order.agreed.lines) - _SHOWN
    yield "\n".join(lines + ([f"- and {more} more"] if more > 0 else []))
    if order.releases:
        yield "\n".join(map(_release, order.releases))
    if order.end:
        yield f"{order.end.kind} at {order.end.at:%Y-%m-%d %H:%M} UTC: {escaped(order.end.reason)}"
    elif value.stage.needs_person:
        yield f"**A person is needed**: {escaped(value.waits_for)}"
    elif value.waits_for:
        yield f"Waits for {escaped(value.waits_for)}"
    due = value.due(now)
    if due.at is not None:
        yield f"Next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC"


def _release(release: Release) -> str:
    answer = release.answer
    became = f"{type(answer).__name__.lower()}: {escaped(answer.text)}" if answer else "not answered yet"
    return f"- released for {release.kind} at {release.at:%Y-%m-%d %H:%M:%S} UTC, {became}"
