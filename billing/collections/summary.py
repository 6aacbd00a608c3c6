"""A collection as a few lines of Markdown, for the Temporal UI."""

from datetime import datetime

from billing.collections.collection import Collection
from billing.customers.ladder import ladder_text
from billing.markdown import escaped

_SHOWN = 10


def ladder_lines(collection: Collection, now: datetime) -> list[str]:
    """Where it stands on its ladder, in sentences; none for the days of the terms, on which nothing is restricted."""
    lines = []
    if collection.ladder:
        begun = f"{collection.contacts} of {len(collection.ladder)} begun"
        lines.append(f"Ladder from {collection.since:%Y-%m-%d}: {ladder_text(collection.ladder)}; {begun}")
    if collection.restricted:
        lines.append(f"Done for not paying: {collection.restricted}; undone by itself once nothing is overdue")
    if collection.promise:
        text = collection.promise_text
        lines.append(f"{text[:1].upper()}{text[1:]}; until that day is over nothing follows")
    if collection.outcome is None and (coming := collection.coming_restriction(now)):
        why = ", after a warning" if collection.warning_comes_first else ", as was warned"
        lines.append(f"Not before {coming.at:%Y-%m-%d %H:%M} UTC{why}: {coming.rung.action}")
    return lines


def summary(collection: Collection, now: datetime) -> str:
    """The open amount, what needs a person, the next step, the newest of the diary; the customer by id only."""
    due = collection.due(now)
    months = ", ".join(debt.period for debt in collection.open_debts or collection.debts)
    parts = [f"### {collection.customer_id} · {months} · {collection.stage(now)}"]
    parts += [
        f"{debt.period}: {debt.outstanding} of {debt.amount} are owed since {debt.opened_at:%Y-%m-%d}"
        for debt in collection.open_debts
    ]
    if collection.outcome is None and (waits_for := collection.waits_for(now)):
        parts.append(f"**A person is needed**: {escaped(waits_for.text)}")
    parts += map(escaped, ladder_lines(collection, now))
    if due.at is not None:
        parts.append(f"Next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC")
    newest = collection.entries[-_SHOWN:]
    parts.append(
        "\n".join(f"- {entry.at:%Y-%m-%d %H:%M} {escaped(entry.title)}: {escaped(entry.story)}" for entry in newest)
    )
    return "\n\n".join(part for part in parts if part)
