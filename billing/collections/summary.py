"""A collection as a few lines of Markdown, for the Temporal UI."""

from datetime import datetime

from billing.collections.collection import Collection
from billing.markdown import escaped

_SHOWN = 10


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
    if due.at is not None:
        parts.append(f"Next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC")
    newest = collection.entries[-_SHOWN:]
    parts.append(
        "\n".join(f"- {entry.at:%Y-%m-%d %H:%M} {escaped(entry.title)}: {escaped(entry.story)}" for entry in newest)
    )
    return "\n\n".join(part for part in parts if part)
