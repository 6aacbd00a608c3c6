"""Account numbers and personal numbers: ``billing.customers.account_numbers.AccountNumbers`` in SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new
from adapters.sql.receivables.accounts import lock_account
from adapters.sql.schema.billers import personal_numbers, service_accounts
from adapters.sql.schema.months import customers
from adapters.sql.schema.registers import register_lines
from billing.customers.account_numbers import AccountKey, PersonalNumber, ServiceAccount, new_number
from billing.customers.erasure import ERASED
from billing.errors import InvalidInput, NotFound

_A, _P = service_accounts.c, personal_numbers.c
# Executed for every payment that a bank tells, so composed once.
_BY_NUMBER = select(_A.customer_id).where(_A.number == bindparam("key"))
_BY_PERSON = select(_P.customer_id).where(_P.digest == bindparam("key"))
_LOCKED_BY_NUMBER, _LOCKED_BY_PERSON = (
    query.join(customers, customers.c.customer_id == column).with_for_update(of=customers)
    for query, column in ((_BY_NUMBER, _A.customer_id), (_BY_PERSON, _P.customer_id))
)


class SqlAccountNumbers(SqlDatabase):
    """The part of ``SqlLedger`` about the numbers by which payers name customers."""

    @in_thread
    def open_number(
        self, customer_id: str, number: str | None, by: str, reason: str, at: datetime, another: bool = False
    ) -> ServiceAccount:
        with self._writing(f"open an account number of {customer_id}") as connection:
            lock_known(connection, customer_id)
            open_ones = [account for account in _numbers_of(connection, customer_id) if account.closed_at is None]
            if number is None and open_ones and not another:
                return open_ones[0]
            return give_number(connection, customer_id, number, by, reason, at)

    @in_thread
    def close_number(self, number: str, by: str, reason: str, at: datetime) -> ServiceAccount:
        with self._writing(f"close account number {number}") as connection:
            closed = update(service_accounts).where(_A.number == number, _A.closed_at.is_(None))
            connection.execute(closed.values(closed_at=at, closed_by=by, closed_why=reason))
            return _account(connection, number)

    @in_thread
    def numbers_of(self, customer_id: str) -> list[ServiceAccount]:
        with self._reading(f"read the account numbers of {customer_id}") as connection:
            return _numbers_of(connection, customer_id)

    @in_thread
    def account_owner(self, key: AccountKey) -> str | None:
        with self._reading("look an account number up") as connection:
            return owner_of(connection, key)

    @in_thread
    def keep_personal(self, customer_id: str, digest: str, last_four: str, by: str, at: datetime) -> None:
        with self._writing(f"keep the personal number of {customer_id}") as connection:
            lock_known(connection, customer_id)
            keep_personal(connection, customer_id, digest, last_four, by, at)

    @in_thread
    def personal_number(self, customer_id: str) -> PersonalNumber | None:
        return self._read_one(PersonalNumber, personal_numbers, _P.customer_id == customer_id)

    @in_thread
    def drop_personal(self, customer_id: str) -> bool:
        with self._writing(f"forget the personal number of {customer_id}") as connection:
            return drop_personal(connection, customer_id) > 0


def give_number(
    connection: Connection, customer_id: str, number: str | None, by: str, reason: str, at: datetime
) -> ServiceAccount:
    """As ``SqlAccountNumbers.open_number`` with another number, within a transaction that has the customer's lock."""
    values = {"customer_id": customer_id, "opened_at": at, "opened_by": by, "opened_why": reason}
    given = number or new_number()
    while not insert_new(connection, service_accounts, [{"number": given, **values}]) and number is None:
        given = new_number()
    account = _account(connection, given)
    if account.customer_id != customer_id:
        raise InvalidInput(f"account number {given} is {account.customer_id}'s; leave it out for a new one")
    if account.closed_at is not None:
        raise InvalidInput(f"account number {given} was closed, and is never given again; leave it out")
    return account


def keep_personal(connection: Connection, customer_id: str, digest: str, last_four: str, by: str, at: datetime) -> None:
    """As ``SqlAccountNumbers.keep_personal``, within a transaction that has the customer's lock."""
    values = {"digest": digest, "customer_id": customer_id, "last_four": last_four, "by": by, "at": at}
    owner = owner_of(connection, AccountKey(personal=digest))
    if owner == customer_id:
        return
    drop_personal(connection, customer_id)  # with what registers have of the one before
    if owner is not None or not insert_new(connection, personal_numbers, [values]):
        raise InvalidInput("this personal number is another customer's: one of the two records is wrong")


def owner_of(connection: Connection, key: AccountKey) -> str | None:
    """As ``SqlAccountNumbers.account_owner``, within a transaction."""
    query = _BY_NUMBER if key.number is not None else _BY_PERSON
    owner: str | None = connection.scalar(query, {"key": key.number or key.personal})
    return owner


def locked_owner_of(connection: Connection, key: AccountKey) -> str | None:
    """As ``owner_of``, locked as by ``lock_account``: a customer together with the look-up."""
    query = _LOCKED_BY_NUMBER if key.number is not None else _LOCKED_BY_PERSON
    owner: str | None = connection.scalar(query, {"key": key.number or key.personal})
    if owner is None and (owner := owner_of(connection, key)) is not None:
        lock_account(connection, owner)
    return owner


def open_numbers(connection: Connection, customer_ids: Sequence[str]) -> Mapping[str, list[str]]:
    """The open account numbers of each of these customers, the oldest first; [] for any other."""
    whose = _A.customer_id.in_(customer_ids), _A.closed_at.is_(None)
    query = select(_A.customer_id, _A.number).where(*whose).order_by(_A.opened_at, _A.number)
    numbers = defaultdict[str, list[str]](list)
    for row in connection.execute(query):
        numbers[row.customer_id].append(row.number)
    return numbers


def drop_personal(connection: Connection, customer_id: str) -> int:
    digests = select(_P.digest).where(_P.customer_id == customer_id)
    of_person = update(register_lines).where(register_lines.c.personal.in_(digests))
    connection.execute(of_person.values(personal=None, account=ERASED))
    return connection.execute(delete(personal_numbers).where(_P.customer_id == customer_id)).rowcount


def lock_known(connection: Connection, customer_id: str) -> None:
    if not lock_account(connection, customer_id):
        raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list")


def _numbers_of(connection: Connection, customer_id: str) -> list[ServiceAccount]:
    query = select(service_accounts).where(_A.customer_id == customer_id)
    found = [ServiceAccount.model_validate(dict(row)) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda account: (account.closed_at is not None, account.opened_at, account.number))


def _account(connection: Connection, number: str) -> ServiceAccount:
    row = connection.execute(select(service_accounts).where(_A.number == number)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no account number {number}; see: python starter.py numbers list")
    return ServiceAccount.model_validate(dict(row))
