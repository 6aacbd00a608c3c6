"""The ledger's registrations: ``billing.customers.registration.Registrations`` in SQL."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new, lock
from adapters.sql.schema.months import registration_tries, registrations
from billing.apart import Failed
from billing.customers.address import email_key
from billing.customers.registration import ON_ITS_WAY, Registration, RegistrationState

_c = registrations.c
_AGE = ("created_at", "registration_id")


class SqlRegistrations(SqlDatabase):
    """The part of ``SqlLedger`` about registrations."""

    @in_thread
    def open_registration(self, wanted: Registration) -> Registration:
        same = or_(_c.registration_id == wanted.registration_id, _c.customer_id == wanted.customer_id)
        while True:  # a registration that is deleted between the two statements is not read
            with self._writing(f"open {wanted.registration_id}") as connection:
                insert_new(connection, registrations, [_values(wanted)])
            if rows := self._read(Registration, registrations, same):
                return min(rows, key=lambda row: row.registration_id != wanted.registration_id)

    @in_thread
    def registration(self, registration_id: str) -> Registration | None:
        return self._read_one(Registration, registrations, _c.registration_id == registration_id)

    @in_thread
    def registration_of(self, customer_id: str) -> Registration | None:
        return self._read_one(Registration, registrations, _c.customer_id == customer_id)

    @in_thread
    def registrations_of(self, email: str) -> list[Registration]:
        where = _c.email_key == email_key(email), _c.state.in_(ON_ITS_WAY)
        return self._read(Registration, registrations, *where, by=_AGE)

    @in_thread
    def registrations(self, unfinished: bool = False, failed: list[Failed] | None = None) -> list[Registration]:
        is_unfinished = or_(
            _c.state == RegistrationState.SAVED,
            and_(_c.state == RegistrationState.OPEN, _c.session_id.is_not(None)),
            and_(_c.state.not_in(ON_ITS_WAY), _c.told_at.is_(None)),
        )
        where = [is_unfinished] if unfinished else []
        return self._read(Registration, registrations, *where, by=_AGE, failed=failed)

    @in_thread
    def save_registration(self, changed: Registration) -> bool:
        same = and_(_c.registration_id == changed.registration_id, _c.revision == changed.revision)
        values = _values(changed) | {"revision": changed.revision + 1}
        with self._writing(f"save {changed.registration_id}") as connection:
            if changed.state is RegistrationState.SAVED and _has_rival(connection, changed):
                return False
            written = connection.execute(update(registrations).where(same).values(values))
            return written.rowcount == 1

    @in_thread
    def forget_registrations(self, before: datetime) -> int:
        abandoned = and_(
            _c.state == RegistrationState.OPEN,
            _c.session_id.is_(None),
            _c.registration_id.like("R-%"),
            _c.updated_at < before,
        )
        with self._writing("delete abandoned registrations") as connection:
            return connection.execute(delete(registrations).where(abandoned)).rowcount

    @in_thread
    def try_registration(self, origin: str, at: datetime, since: datetime) -> int:
        """Adds the attempt in the transaction that counts them."""
        tries = registration_tries
        with self._writing("note an attempt to register") as connection:
            connection.execute(delete(tries).where(tries.c.at < since))
            connection.execute(insert(tries).values(origin=origin, at=at))
            return connection.scalar(select(func.count()).where(tries.c.origin == origin)) or 0


def _has_rival(connection: Connection, changed: Registration) -> bool:
    """Whether another registration of its email is SAVED; none can become so until the transaction ends."""
    key = email_key(changed.email)
    lock(connection, f"registrations of {key}")
    rival = _c.email_key == key, _c.registration_id != changed.registration_id
    return bool(connection.scalar(select(exists().where(*rival, _c.state == RegistrationState.SAVED))))


def _values(registration: Registration) -> dict[str, object]:
    json = registration.model_dump(mode="json", include={"card", "consent", "terms"})
    return {**dict(registration), "email_key": email_key(registration.email), **json}
