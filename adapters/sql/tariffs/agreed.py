"""What was agreed for a customer's accounts, read and written within a transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, func, insert, or_, select

from adapters.sql.core.statements import upsert
from adapters.sql.schema.months import customers, invoices
from adapters.sql.schema.tariffs import tariff_items, tariff_log, tariffs
from billing.errors import InvalidInput
from billing.period import Period
from billing.tariffs.changes import ITEMS_MAX, Known
from billing.tariffs.items import Agreed, Subscription, TariffItem
from billing.tariffs.tariff import Tariff

_ITEM: TypeAdapter[TariffItem] = TypeAdapter(TariffItem)
# Executed for every draft, so composed once.
_ITEMS = select(tariff_items.c.item).where(tariff_items.c.customer_id == bindparam("customer_id"))
_REVISION = select(func.max(tariff_log.c.entry)).where(tariff_log.c.customer_id == bindparam("customer_id"))


def revision_of(connection: Connection, customer_id: str) -> int:
    """The number of the newest change for the customer's accounts; 0: there was none."""
    return connection.scalar(_REVISION, {"customer_id": customer_id}) or 0


def agreed_for(connection: Connection, customer_id: str) -> Agreed:
    """As ``SqlTariffs.agreed``. The revision is read first, so that it is never newer than the items."""
    revision = revision_of(connection, customer_id)
    if not revision:
        return Agreed()
    rows = connection.scalars(_ITEMS, {"customer_id": customer_id})
    items = sorted(map(_ITEM.validate_python, rows), key=lambda item: (item.kind, item.starts_on, item.key))
    codes = {item.tariff for item in items if isinstance(item, Subscription)}
    return Agreed(tuple(items), {tariff.code: tariff for tariff in known_tariffs(connection, codes)}, revision)


def agreed_between(connection: Connection, first: str, last: str) -> dict[str, Agreed]:
    """What was agreed for each of the customers with ``first`` <= id <= ``last``, but without revisions."""
    columns = tariff_items.c.customer_id, tariff_items.c.item
    query = select(*columns).where(tariff_items.c.customer_id.between(first, last))
    items: defaultdict[str, list[TariffItem]] = defaultdict(list)
    for customer_id, item in connection.execute(query):
        items[customer_id].append(_ITEM.validate_python(item))
    codes = {item.tariff for own in items.values() for item in own if isinstance(item, Subscription)}
    known = {tariff.code: tariff for tariff in known_tariffs(connection, codes)}
    return {customer_id: Agreed(tuple(own), known) for customer_id, own in items.items()}


def known_tariffs(connection: Connection, codes: Iterable[str]) -> list[Tariff]:
    """Those of these tariffs that exist."""
    query = select(tariffs.c.tariff).where(tariffs.c.code.in_(sorted(codes)))
    return [Tariff.model_validate(tariff) for tariff in connection.scalars(query)]


def known_of(connection: Connection, customer_id: str, code: str | None, bills_more: bool) -> Known:
    """What a change is held against; ``code`` is the tariff that it names.

    Raises ``InvalidInput`` for a customer who is not billed by the month, or not any more if it ``bills_more``.
    """
    query = select(customers.c.currency, customers.c.closed_at).where(customers.c.customer_id == customer_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise InvalidInput(f"{customer_id} is not billed by the month; start them first")
    if row.closed_at is not None and bills_more:
        raise InvalidInput(f"{customer_id} is closed, and gets no more bills; reopen the account first")
    named = known_tariffs(connection, [code]) if code else []
    agreed = agreed_for(connection, customer_id)
    return Known(customer_id, row.currency, agreed, _drafted(connection, customer_id), named[0] if named else None)


def _drafted(connection: Connection, customer_id: str) -> Period | None:
    """The customer's newest month that has its draft, or was closed without one."""
    is_drafted = or_(invoices.c.version > 0, invoices.c.outcome.is_not(None))
    newest = select(func.max(invoices.c.period)).where(invoices.c.customer_id == customer_id, is_drafted)
    found = connection.scalar(newest)
    return Period(found) if found else None


def write_items(connection: Connection, agreed: Agreed, items: Sequence[TariffItem]) -> None:
    """Writes new and changed items. Raises ``InvalidInput`` for too many."""
    if len(agreed.items) + len(items) > ITEMS_MAX:
        raise InvalidInput(
            f"{items[0].customer_id} has {len(agreed.items):,} items, and can have {ITEMS_MAX:,}; bill the rest by the "
            "sheet, or under another customer"
        )
    for item in items:
        names = {"customer_id": item.customer_id, "kind": item.kind, "key": item.key}
        upsert(connection, tariff_items, names | {"item": item.model_dump(mode="json")})


def log_change(
    connection: Connection, text: str, by: str, reason: str, at: datetime, customer_id: str | None, code: str | None
) -> None:
    values = {"customer_id": customer_id, "code": code, "at": at, "by": by, "reason": reason, "text": text}
    connection.execute(insert(tariff_log), values)
