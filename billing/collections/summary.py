"""A collection as a few lines of Markdown, for the Temporal UI."""

from datetime import datetime

from billing.collections.collection import Collection, CollectionStep
from billing.markdown import escaped
from billing.money import format_amount

_SHOWN = 10


def summary(collection: Collection, now: datetime) -> str:
    """What is owed, what a person has to do, what comes next, the newest of the diary; the customer by id only."""
    due = collection.due(now)
    owed = format_amount(collection.amount_minor, collection.currency)
    parts = [
        f"### {collection.customer.customer_id} · {collection.period} · {collection.stage(now)}",
        f"{collection.outstanding} of {owed} are owed since {collection.opened_at:%Y-%m-%d}",
    ]
    waiting_for = "" if collection.outcome else collection.needs_person(now)
    if waiting_for:
        parts.append(f"**A person is needed**: {escaped(waiting_for)}")
    if due.step is CollectionStep.WAIT and due.at is not None:
        parts.append(f"Next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC")
    newest = collection.entries[-_SHOWN:]
    parts.append("\n".join(f"- {each.at:%Y-%m-%d %H:%M} {escaped(each.what)}: {escaped(each.text)}" for each in newest))
    return "\n\n".join(part for part in parts if part)
