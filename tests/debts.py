"""Collections of a single month, as most tests have them: what it left unpaid, and changes of that."""

from datetime import datetime
from typing import Any

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage


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
