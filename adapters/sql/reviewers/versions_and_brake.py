"""The ledger's part for reviewers: the versions of invoices, and the emergency brake."""

from datetime import datetime

from sqlalchemy import Connection, desc, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import brakes, versions
from adapters.sql.core.statements import insert_new, rows_of_month
from billing.errors import NotFound
from billing.invoices.ports import VersionRow
from billing.period import Period
from billing.reviewers.brake import Brake

_LAST = select(brakes).order_by(desc(brakes.c.number)).limit(1)  # looked up before every charge, so written once


class SqlReview(SqlDatabase):
    """The part of ``SqlLedger`` about what people saw and stopped."""

    @in_thread
    def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        """The versions that were ever on record, oldest first."""
        found = self._read(VersionRow, versions, *rows_of_month(versions, customer_id, period))
        return sorted(found, key=lambda row: (row.version, row.at))

    # -- the brake

    @in_thread
    def brake(self) -> Brake | None:
        """The last one; None if it was never pulled."""
        with self._reading("read the emergency brake") as connection:
            return _last(connection)

    @in_thread
    def brakes(self) -> list[Brake]:
        """All of them, newest first."""
        found = self._read(Brake, brakes)
        return sorted(found, key=lambda brake: brake.number, reverse=True)

    @in_thread
    def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Puts it on. While it is on, another pull changes nothing: the first one is answered."""
        with self._writing("pull the emergency brake") as connection:
            last = _last(connection)
            if last is not None and last.on:
                return last
            pulled = {"pulled_by": by, "pulled_why": why, "pulled_via": via, "pulled_at": at}
            number = last.number + 1 if last is not None else 1
            insert_new(connection, brakes, [{"number": number, **pulled}])  # or somebody else has, just now
            return _read(connection, number)

    @in_thread
    def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Takes it off; released already, that stays. Raises ``NotFound`` if it was never pulled."""
        with self._writing("release the emergency brake") as connection:
            last = _last(connection)
            if last is None:
                raise NotFound("the emergency brake was never pulled")
            released = {"released_by": by, "released_why": why, "released_via": via, "released_at": at}
            this = (brakes.c.number == last.number, brakes.c.released_at.is_(None))
            connection.execute(update(brakes).where(*this).values(released))
            return _read(connection, last.number)


def _last(connection: Connection) -> Brake | None:
    found = connection.execute(_LAST).mappings().first()
    return None if found is None else Brake.model_validate(dict(found))


def _read(connection: Connection, number: int) -> Brake:
    found = connection.execute(select(brakes).where(brakes.c.number == number))
    return Brake.model_validate(dict(found.mappings().one()))
