"""The ledger's payments, refunds, mails, collections and webhook events."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.sql_ledger_database import Database, insert_into, of, transaction, upsert
from adapters.sql_ledger_schema import (
    charge_values,
    charges,
    collection_values,
    collections,
    entries,
    entry_values,
    event_values,
    events,
    message_values,
    messages,
    reversal_values,
    reversals,
)
from billing.collection import Collection, Entry
from billing.errors import AlreadyClosed, LedgerAhead, PaymentMismatch
from billing.payment import Payment, PaymentEvent, PaymentStatus, Reversal
from billing.period import Period
from billing.ports import ChargeRow, CollectionRow, EventRow, Letter, MessageRow, MessageStatus, ReversalRow

_COULD_BE_CONFIRMED = (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)


class SqlPayments:
    """What is kept about money and mails; every method may be called again after any failure."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- payments

    async def save_payment(self, payment: Payment, at: datetime) -> None:
        """Keeps the payment as it is at ``at``; one that has succeeded stays as it is.

        Raises ``PaymentMismatch`` for one that could be confirmed beside another one of its key: while both run this
        before they confirm, only one of them ever will.
        """
        assert payment.key, f"{payment.payment_id} is not a payment of ours"
        whose = f"{payment.customer_id}, {payment.period}"
        unfinished = charges.c.status != PaymentStatus.SUCCEEDED
        others = (
            charges.c.key == payment.key,
            charges.c.payment_id != payment.payment_id,
            charges.c.status != PaymentStatus.CANCELED,
        )
        async with transaction(self._database.writing, f"save {payment.payment_id} of {whose}") as connection:
            await one_at_a_time(connection, payment.key)
            if payment.status in _COULD_BE_CONFIRMED:
                other = await connection.scalar(select(charges.c.payment_id).where(*others))
                if other is not None:
                    raise PaymentMismatch(
                        f"{whose} has two payments, {other} and {payment.payment_id}; cancel one of them at the "
                        "processor, then resume"
                    )
            await upsert(connection, charges, charge_values(payment, at), keep=("first_at",), only_if=unfinished)

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        """The payments of a month, in the order of their ids."""
        found = await self._database.read(ChargeRow, charges, *of(charges, customer_id, period))
        return sorted(found, key=lambda row: row.payment_id)

    async def payments_of(self, period: Period) -> list[ChargeRow]:
        """The payments of all customers of a month, in the order of their ids."""
        found = await self._database.read(ChargeRow, charges, charges.c.period == period)
        return sorted(found, key=lambda row: row.payment_id)

    async def save_reversals(self, payment: Payment, found: Sequence[Reversal], at: datetime) -> list[Reversal]:
        """Keeps refunds and disputes; answers those that are new or have another status or amount than before."""
        mine = reversals.c.payment_id == payment.payment_id
        known = {
            (row.reversal_id, row.status, row.amount_minor)
            for row in await self._database.read(ReversalRow, reversals, mine)
        }
        news = [each for each in found if (each.reversal_id, each.status, each.amount_minor) not in known]
        async with transaction(self._database.writing, f"save the reversals of {payment.payment_id}") as connection:
            for each in news:
                await upsert(connection, reversals, reversal_values(each, payment, at))
        return news

    async def reversals(self, period: Period | None = None, customer_id: str | None = None) -> list[ReversalRow]:
        """Refunds and disputes that match everything given, oldest first."""
        wanted = {"period": period, "customer_id": customer_id}
        where = [reversals.c[name] == value for name, value in wanted.items() if value is not None]
        found = await self._database.read(ReversalRow, reversals, *where)
        return sorted(found, key=lambda row: (row.created_at, row.reversal_id))

    # -- collections

    async def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as it stood at ``at``, and its diary, in one transaction.

        Raises ``LedgerAhead`` for an older revision than the ledger has, ``AlreadyClosed`` if it ended otherwise.
        """
        whose = f"{collection.customer.customer_id}, {collection.period}"
        this = of(collections, collection.customer.customer_id, collection.period)
        values = collection_values(collection, at)
        async with transaction(self._database.writing, f"record the collection of {whose}") as connection:
            await one_at_a_time(connection, f"collection {whose}")
            stored = (await connection.execute(select(collections).where(*this))).one_or_none()
            if stored is not None:
                if stored.outcome is not None and stored.outcome != collection.outcome:
                    raise AlreadyClosed(f"the collection of {whose} has ended as {stored.outcome} in the ledger")
                if collection.revision < stored.revision:
                    if stored.outcome is not None:
                        return
                    raise LedgerAhead(
                        f"the ledger has revision {stored.revision} of the collection of {whose}, "
                        f"not {collection.revision}"
                    )
            await upsert(connection, collections, values)
            if diary := entry_values(collection):
                await connection.execute(insert_into(connection, entries).on_conflict_do_nothing(), diary)

    async def collection(self, customer_id: str, period: Period) -> Collection | None:
        async with transaction(self._database.engine, f"read the collection of {customer_id}, {period}") as connection:
            state = await connection.scalar(select(collections.c.state).where(*of(collections, customer_id, period)))
            return None if state is None else Collection.model_validate(state)

    async def collections(
        self, period: Period | None = None, customer_id: str | None = None, open_only: bool = False
    ) -> list[CollectionRow]:
        """The collections that match everything given, by customer and period."""
        wanted = {"period": period, "customer_id": customer_id}
        where = [collections.c[name] == value for name, value in wanted.items() if value is not None]
        if open_only:
            where.append(collections.c.closed_at.is_(None))
        found = await self._database.read(CollectionRow, collections, *where)
        return sorted(found, key=lambda row: (row.customer_id, row.period))

    async def diary(self, customer_id: str, period: Period) -> list[Entry]:
        """The whole diary of a collection."""
        found = await self._database.read(Entry, entries, *of(entries, customer_id, period))
        return sorted(found, key=lambda entry: entry.number)

    # -- events

    async def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        async with transaction(self._database.writing, f"save event {event.event_id}") as connection:
            statement = insert_into(connection, events).values(event_values(event, at)).on_conflict_do_nothing()
            return (await connection.execute(statement)).rowcount == 1

    async def open_events(self, limit: int = 100) -> list[EventRow]:
        """Events that nothing was done about yet, in the order in which they were received."""
        async with transaction(self._database.engine, "read its open events") as connection:
            columns = [events.c[name] for name in EventRow.model_fields]
            order = (events.c.received_at, events.c.event_id)
            found = await connection.execute(
                select(*columns).where(events.c.result == "").order_by(*order).limit(limit)
            )
            return [EventRow.model_validate(dict(row)) for row in found.mappings()]

    async def close_event(self, event_id: str, result: str) -> None:
        assert result, "an event without a result is open"
        async with transaction(self._database.writing, f"close event {event_id}") as connection:
            await connection.execute(update(events).where(events.c.event_id == event_id).values(result=result))

    # -- messages

    async def save_message(self, letter: Letter, number: int, status: MessageStatus, at: datetime) -> None:
        """Keeps what became of the mail; one that was sent stays as it is."""
        values = message_values(letter, number, status, at)
        unsent = messages.c.status != MessageStatus.SENT
        whose = f"{letter.month.customer.customer_id}, {letter.month.period}"
        async with transaction(self._database.writing, f"save the {letter.kind} of {whose}") as connection:
            await upsert(connection, messages, values, only_if=unsent)

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]:
        """The mails of a month, in the order in which they were last handed over."""
        found = await self._database.read(MessageRow, messages, *of(messages, customer_id, period))
        return sorted(found, key=lambda row: (row.at, row.message_id))


async def one_at_a_time(connection: AsyncConnection, name: str) -> None:
    """Until the transaction ends, nobody else writes about ``name``; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
