"""Collections of a single month, as most tests have them: what it left unpaid, changes of that, and transfers."""

from datetime import UTC, datetime
from typing import Any

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from tests.bed import Bed


def only(collection: Collection) -> Debt:
    """The one debt of a collection."""
    (debt,) = collection.debts
    return debt


def with_fields(collection: Collection, **fields: Any) -> Collection:
    """The collection with other fields of its own or of its one debt, at the same revision."""
    own = {name: value for name, value in fields.items() if name in Collection.model_fields}
    debt = only(collection).evolve(**{name: value for name, value in fields.items() if name not in own})
    return collection.evolve(**own, debts=(debt,))


def settled(collection: Collection, outcome: CollectionStage, at: datetime) -> Collection:
    return collection.with_debt(only(collection).settle(outcome, at))


def is_payable(collection: Collection) -> bool:
    return collection.payable(only(collection))


def news(collection: Collection) -> str:
    return collection.news_of(only(collection))


def transfer(amount_minor: int, reference: str = "7731", period: str = "2026-10") -> IncomingPayment:
    return IncomingPayment(
        rail="transfer",
        reference=reference,
        customer_id="acme",
        subject=Subject.month(Period(period)),
        amount_minor=amount_minor,
        currency="eur",
        paid_at=datetime.now(UTC),
        by="ann",
        reason="as agreed",
    )


async def transferred(bed: Bed, amount_minor: int, reference: str = "7731", period: str = "2026-10") -> bool:
    """Books the money, of which the outbox tells the collection; whether it was new."""
    return await bed.ledger.book(transfer(amount_minor, reference, period), await due_by(bed, period))


async def due_by(bed: Bed, period: str) -> datetime:
    """An instant at which the month is due: workflows of a bed have clocks of their own, ahead of the real one."""
    rows = await bed.ledger.debts(Period(period))
    return max([datetime.now(UTC), *(row.opened_at for row in rows)])
