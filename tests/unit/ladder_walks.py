"""A collection on a ladder, and what is done while time goes by."""

from datetime import datetime

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStep, Counted
from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import parse_ladder
from tests.unit.collecting import POOR, STOLEN, always, answer, on, say, stepped
from tests.unit.months import DAY, charging

LADDER = "1 remind, 7 warn, 14 suspend, 30 disconnect"
ALWAYS = ContactHours.read("mon-sun 00:00-23:59")


def on_ladder(text: str = LADDER, hours: ContactHours | None = None, code: str = STOLEN, **terms: object) -> Collection:
    """120.00 EUR for October, not paid on Sunday, 8 November, 10:00 in Paris."""
    month = charging(12_000, terms=terms)
    return Collection.open(month.charged(answer(code, month.charge_at)), parse_ladder(text), hours)


def walked(collection: Collection, until: datetime, now: datetime | None = None) -> tuple[Collection, list[str]]:
    """What is done from ``now`` on, by days since the due date: ``7 warn``."""
    now = now or max(collection.since, collection.contacted_at or collection.since)
    done: list[str] = []
    for _ in range(200):
        due = collection.due(now)
        if due.step is None:
            if due.at is None or due.at > until:
                return collection, done
            now = due.at
            continue
        day = f"{(now - collection.since) / DAY:.4g}"
        if due.step in (CollectionStep.REMIND, CollectionStep.RESTRICT):
            done.append(f"{day} {collection.rung.action}")
        elif due.step is not CollectionStep.CONTACT:
            done.append(f"{day} {due.step}")
        collection = stepped(collection, due.step, now, always(POOR))
    raise AssertionError("it makes no progress")


def another(collection: Collection, opened_at: datetime) -> Debt:
    known = collection.debts[-1]
    return known.evolve(period=known.period.next(), opened_at=opened_at, settled=None, told=False)


def paid(collection: Collection, now: datetime) -> Collection:
    """The oldest debt is paid by transfer, and its receipt is sent."""
    asked = say(collection, "count_again", now)[0]
    oldest = asked.open_debts[0]
    asked = asked.with_debt(oldest.evolve(by_card=False))
    owed = {debt.period: debt.amount_minor for debt in asked.open_debts} | {oldest.period: 0}
    after = asked.counted(Counted(at=now, owed_minor=owed), asked)
    return after.told(after)


def until(collection: Collection, day: float) -> str:
    return f"{on(collection, day):%Y-%m-%d}"
