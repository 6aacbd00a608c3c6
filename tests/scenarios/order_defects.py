"""Defects of orders that are planted into the real application: each function breaks one thing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete

from adapters.sql.orders import credit, orders, releases
from adapters.sql.orders.rows import money_of
from adapters.sql.receivables import incoming, journal
from adapters.sql.receivables.incoming import SqlIncoming
from adapters.sql.schema.orders import releases as release_rows
from adapters.wayforpay import transactions
from billing.events.event import Event, EventType
from billing.payments.gateway import GatewayState, GatewayTransaction
from billing.receivables import allocation
from billing.receivables.doubts import Doubt
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import (
    AccountKind,
    Balance,
    Cause,
    Subject,
    SubjectKind,
    Transaction,
    written_off,
)
from billing.receivables.ports import Recorded
from orders import effects, events
from orders.changes import Cancel
from orders.events import ReleaseData
from orders.order import Order, OrderStanding
from services.checkouts import Checkouts
from services.gateways.gateway import Gateway
from tests.bed import Bed, now
from tests.ordering import agreement


def releases_before_it_has_committed(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The release is written, and the money only after that."""
    record = SqlIncoming.record_payment

    async def hasty(self: SqlIncoming, payment: IncomingPayment, at: datetime) -> Recorded:
        assert payment.subject is not None
        number = payment.subject.name

        def release() -> None:
            with bed.ledger._writing("release too early") as connection:
                releases.release_due(connection, number, at)

        patch.setattr(releases, "money_of", lambda *of: money_of(*of)._replace(owed_minor=0))
        await bed.ledger.run(release)
        patch.setattr(releases, "money_of", money_of)
        return await record(self, payment, at)

    patch.setattr(SqlIncoming, "record_payment", hasty)


def takes_pending_for_paid(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setitem(transactions.STATES, "Pending", GatewayState.APPROVED)


def ends_the_order_with_a_declined_attempt(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    over = Gateway._over

    async def and_end(self: Gateway, seen: GatewayTransaction, at: datetime) -> str:
        checkout = await bed.ledger.checkout(seen.reference)
        assert checkout is not None
        ended = Cancel(change_id=seen.reference, by="gateway", reason=seen.code, via="gateway")
        await bed.ledger.change_order(checkout.subject.name, ended, at)
        return await over(self, seen, at)

    patch.setattr(Gateway, "_over", and_end)


def takes_a_release_back(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """When its money goes back."""

    def undo(connection: Connection, standing: OrderStanding, position: int, at: datetime) -> None:
        if standing.owed_minor > 0:
            connection.execute(delete(release_rows).where(release_rows.c.number == standing.order.number))

    patch.setattr(releases, "_tell_of_money_back", undo)


def tells_nobody_of_money_that_went_back(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(releases, "_tell_of_money_back", lambda *_: None)


def loses_the_excess(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    paid_for = allocation.paid_for

    def to_nobody(subject: Subject, *arguments: Any) -> allocation.Shares:
        shares = paid_for(subject, *arguments)
        whose = arguments[2]
        for account, minor in list(shares.items()):
            if account.kind is AccountKind.CREDIT and subject.kind is SubjectKind.ORDER:
                del shares[account]
                shares[written_off(whose, subject)] += minor
        return shares

    patch.setattr(allocation, "paid_for", to_nobody)


def releases_twice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Production is told under two ids, and so knows no copy."""
    put = releases._put

    def twice(connection: Connection, order: Order, event: Event) -> None:
        put(connection, order, event)
        if event.type is EventType.ORDER_RELEASED:
            put(connection, order, event.evolve(id=str(uuid4())))

    patch.setattr(releases, "_put", twice)


def forgets_the_brake(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    for module in (releases, orders):
        patch.setattr(module, "is_braked", lambda connection: False)


def forgets_the_halt(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    due = Order.due_releases
    patch.setattr(Order, "due_releases", lambda self, owed_minor: due(self.evolve(halt=None), owed_minor))


def forgets_to_release(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(journal, "release_what_is_paid", lambda connection, posted: None)


def releases_what_is_not_paid(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Order, "missing_minor", lambda self, kind, owed_minor: max(0, owed_minor - 7000))


def has_production_make_another_version(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The one that the order began with."""

    def first(**values: Any) -> ReleaseData:
        return ReleaseData(**values | {"lines": agreement(10000).lines})

    patch.setattr(events, "ReleaseData", first)


def leaves_outdated_links_open(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def leave(self: Checkouts, customer_id: str, subject: Subject, at: datetime) -> None:
        return

    patch.setattr(Checkouts, "end_outdated", leave)


def loses_the_money_of_a_cancelled_order(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    post = journal.post

    def without(connection: Connection, posted: Iterable[Transaction]) -> None:
        post(connection, [transaction for transaction in posted if transaction.cause is not Cause.FREED])

    patch.setattr(orders, "post", without)


def tells_nobody_of_late_money(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    def nothing(*_: Any) -> list[Doubt]:
        return []

    patch.setattr(incoming, "tell_doubts", nothing)


def uses_no_credit_for_orders(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Balance, "carried_minor", lambda self, currency: 0)


def pays_orders_with_what_is_promised_back(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(credit, "promised_minor", lambda *_: 0)


def expires_too_early(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """With the first money that is too little."""
    post = journal.post

    def and_expire(connection: Connection, posted: Iterable[Transaction]) -> None:
        posted = list(posted)
        post(connection, posted)
        subjects = (entry.account.subject for transaction in posted for entry in transaction.entries)
        for number in {subject.name for subject in subjects if subject and subject.kind is SubjectKind.ORDER}:
            standing = orders._standing(connection, number)
            if standing.order.end is None and not standing.order.releases:
                at = standing.order.expires_at or now()
                if done := effects.expired(standing.evolve(order=standing.order.evolve(expires_at=at)), at):
                    end = done.order.end and done.order.end.evolve(at=now())
                    orders._log_own(connection, done, now())
                    orders._end(connection, standing, standing.order.evolve(end=end), now())

    patch.setattr(incoming, "post", and_expire)
