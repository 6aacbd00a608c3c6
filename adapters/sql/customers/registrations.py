"""The ledger's registrations: ``billing.customers.registration.Registrations`` in SQL."""

from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import registration_tries, registrations
from adapters.sql.core.statements import insert_new, lock
from billing.apart import Failed
from billing.customers.address import email_key
from billing.customers.registration import ON_ITS_WAY, Registration, RegistrationState

_TABLE = registrations.c


class SqlRegistrations(SqlDatabase):
    """The part of ``SqlLedger`` about those who are to become customers."""

    @in_thread
    def open_registration(self, wanted: Registration) -> Registration:
        same = _TABLE.registration_id == wanted.registration_id
        while True:  # one that is forgotten between the two statements leaves nothing to find
            with self._writing(f"open {wanted.registration_id}") as connection:
                insert_new(connection, registrations, [_values(wanted)])
            if found := self._read(Registration, registrations, or_(same, _TABLE.customer_id == wanted.customer_id)):
                return min(found, key=lambda each: each.registration_id != wanted.registration_id)

    @in_thread
    def registration(self, registration_id: str) -> Registration | None:
        found = self._read(Registration, registrations, _TABLE.registration_id == registration_id)
        return next(iter(found), None)

    @in_thread
    def registration_of(self, customer_id: str) -> Registration | None:
        found = self._read(Registration, registrations, _TABLE.customer_id == customer_id)
        return next(iter(found), None)

    @in_thread
    def registrations_of(self, email: str) -> list[Registration]:
        same = _TABLE.email_key == email_key(email)
        found = self._read(Registration, registrations, same, _TABLE.state.in_(ON_ITS_WAY))
        return sorted(found, key=lambda each: (each.created_at, each.registration_id))

    @in_thread
    def registrations(self, unfinished: bool = False, failed: list[Failed] | None = None) -> list[Registration]:
        goes_on = or_(
            _TABLE.state == RegistrationState.SAVED,
            and_(_TABLE.state == RegistrationState.OPEN, _TABLE.session_id != ""),
            and_(_TABLE.state.not_in(ON_ITS_WAY), _TABLE.told_at.is_(None)),
        )
        found = self._read(Registration, registrations, *([goes_on] if unfinished else []), failed=failed)
        return sorted(found, key=lambda each: (each.created_at, each.registration_id))

    @in_thread
    def save_registration(self, changed: Registration) -> bool:
        same = and_(_TABLE.registration_id == changed.registration_id, _TABLE.revision == changed.revision)
        values = _values(changed) | {"revision": changed.revision + 1}
        with self._writing(f"save {changed.registration_id}") as connection:
            if changed.state is RegistrationState.SAVED and _has_rival(connection, changed):
                return False
            written = connection.execute(update(registrations).where(same).values(values))
            return written.rowcount == 1

    @in_thread
    def forget_registrations(self, before: datetime) -> int:
        abandoned = and_(
            _TABLE.state == RegistrationState.OPEN,
            _TABLE.session_id == "",
            _TABLE.registration_id.like("R-%"),
            _TABLE.updated_at < before,
        )
        with self._writing("forget abandoned registrations") as connection:
            return connection.execute(delete(registrations).where(abandoned)).rowcount

    @in_thread
    def try_registration(self, origin: str, at: datetime, since: datetime) -> int:
        """Notes the try in the same transaction in which it counts them."""
        tries = registration_tries
        with self._writing("note a try to register") as connection:
            connection.execute(delete(tries).where(tries.c.at < since))
            connection.execute(insert(tries).values(origin=origin, at=at))
            return connection.scalar(select(func.count()).where(tries.c.origin == origin)) or 0


def _has_rival(connection: Connection, changed: Registration) -> bool:
    """Whether another one of its email is SAVED; none becomes so until the transaction ends."""
    key = email_key(changed.email)
    lock(connection, f"registrations of {key}")
    others = and_(_TABLE.email_key == key, _TABLE.registration_id != changed.registration_id)
    return bool(connection.scalar(select(exists().where(others, _TABLE.state == RegistrationState.SAVED))))


def _values(registration: Registration) -> dict[str, object]:
    models = {"card": registration.card, "consent": registration.consent, "terms": registration.terms}
    return {
        **dict(registration),
        "email_key": email_key(registration.email),
        **{name: each and each.model_dump(mode="json") for name, each in models.items()},
    }
