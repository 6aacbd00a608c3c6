"""The ledger's payment links: ``billing.payments.ports.CheckoutStore`` in SQL."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new, where_given
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.receivables.journal import subject_values
from adapters.sql.schema.journal import CHECKOUT_IS_LIVE, checkouts
from billing.errors import NotFound
from billing.keys import checkout_key
from billing.payments.checkouts import Checkout, CheckoutPage, CheckoutRequest, CheckoutState, begun
from billing.receivables.journal import Subject

_C = checkouts.c
_IS_LIVE = text(CHECKOUT_IS_LIVE)
_OLDEST_FIRST = select(checkouts).order_by(_C.created_at, _C.checkout_id)
_ONE = select(checkouts).where(_C.checkout_id == bindparam("checkout_id"))
_NOTE = update(checkouts).where(_C.checkout_id == bindparam("of"), _IS_LIVE)


class SqlCheckouts(SqlDatabase):
    """The part of ``SqlLedger`` about payment links."""

    @in_thread
    def begin_checkout(self, request: CheckoutRequest, at: datetime) -> Checkout:
        customer_id = request.customer_id
        with self._writing(f"begin a payment link of {customer_id}, {request.subject}") as connection:
            if not lock_account(connection, customer_id):
                raise NotFound(f"the ledger does not know {customer_id}")
            of_subject = _of_subject(request)
            if live := _checkouts(connection, *of_subject, _IS_LIVE):
                return live[0]
            number = 1 + (connection.scalar(select(func.count()).select_from(checkouts).where(*of_subject)) or 0)
            name = checkout_key(customer_id, request.subject, number)
            checkout = begun(request, name, balance(connection, customer_id), at)
            values = checkout.model_dump(exclude={"subject"}) | subject_values(checkout.subject)
            is_new = insert_new(connection, checkouts, [values])
            assert is_new, f"{name} is there already, although its customer was locked"
            return checkout

    @in_thread
    def note_checkout(
        self, checkout_id: str, state: CheckoutState, at: datetime, page: CheckoutPage | None = None
    ) -> None:
        with self._writing(f"note that payment link {checkout_id} is {state}") as connection:
            note_state(connection, checkout_id, state, at, page)

    @in_thread
    def live_checkouts(self) -> list[Checkout]:
        with self._reading("list its payment links") as connection:
            return _checkouts(connection, _IS_LIVE)

    @in_thread
    def checkouts(self, customer_id: str | None = None) -> list[Checkout]:
        """All links ever, or those of a customer, the newest first."""
        with self._reading("list its payment links") as connection:
            return _checkouts(connection, *where_given(checkouts, customer_id=customer_id))[::-1]

    @in_thread
    def checkout(self, checkout_id: str) -> Checkout | None:
        with self._reading("look a payment link up") as connection:
            return next(_models(connection.execute(_ONE, {"checkout_id": checkout_id}).mappings()), None)

    @in_thread
    def checkout_of(self, session_id: str) -> Checkout | None:
        with self._reading("look a payment link up") as connection:
            return next(iter(_checkouts(connection, _C.session_id == session_id)), None)


def note_state(
    connection: Connection, checkout_id: str, state: CheckoutState, at: datetime, page: CheckoutPage | None = None
) -> None:
    """As ``SqlCheckouts.note_checkout``, within a transaction."""
    values: dict[str, Any] = {"state": state, "url": page.url if page else None}
    values["ended_at"] = None if state.is_live else at
    if page:
        values |= {"session_id": page.session_id, "expires_at": page.expires_at}
    connection.execute(_NOTE, values | {"of": checkout_id})


def _of_subject(request: CheckoutRequest) -> tuple[ColumnElement[bool], ...]:
    subject = request.subject
    return _C.customer_id == request.customer_id, _C.subject_kind == subject.kind, _C.subject == subject.name


def _checkouts(connection: Connection, *where: Any) -> list[Checkout]:
    return list(_models(connection.execute(_OLDEST_FIRST.where(*where)).mappings()))


def _models(rows: Iterable[Mapping[Any, Any]]) -> Iterator[Checkout]:
    for row in rows:
        yield Checkout(**{**row, "subject": Subject(kind=row["subject_kind"], name=row["subject"])})
