"""The ledger's emergency brake: each pull with its release."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, desc, func, select, update

from adapters.sql.core.database import SqlDatabase, ahead, in_thread
from adapters.sql.core.statements import insert_new
from adapters.sql.orders.releases import tell_of_brake_release
from adapters.sql.schema.months import collections, invoices
from adapters.sql.schema.orders import orders
from adapters.sql.schema.reviewers import brakes
from billing.customers.customer import Terms
from billing.errors import NotFound
from billing.reviewers.brake import Brake, BrakeHold
from orders.order import OrderStage

_OPEN = invoices.c.outcome.is_(None)
_WINDOW = func.coalesce(
    invoices.c.state[("customer", "terms", "min_window_hours")].as_integer(), Terms().min_window_hours
)
_LAST = select(brakes).order_by(desc(brakes.c.number)).limit(1)  # read before every charge, so composed once


class SqlBrake(SqlDatabase):
    """The part of ``SqlLedger`` about the emergency brake."""

    @ahead
    def brake(self) -> Brake | None:
        with self._reading("read the emergency brake") as connection:
            return last_brake(connection)

    @in_thread
    def brakes(self) -> list[Brake]:
        return self._read(Brake, brakes, by=("number",))[::-1]

    @in_thread
    def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        with self._writing("pull the emergency brake") as connection:
            last = last_brake(connection)
            if last is not None and last.on:
                return last
            pulled = {"pulled_by": by, "pulled_why": why, "pulled_via": via, "pulled_at": at}
            number = last.number + 1 if last is not None else 1
            insert_new(connection, brakes, [{"number": number, **pulled}])  # unless another process just has
            return _read(connection, number)

    @in_thread
    def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        with self._writing("release the emergency brake") as connection:
            last = last_brake(connection)
            if last is None:
                raise NotFound("the emergency brake was never pulled")
            released = {"released_by": by, "released_why": why, "released_via": via, "released_at": at}
            is_on = brakes.c.number == last.number, brakes.c.released_at.is_(None)
            if connection.execute(update(brakes).where(*is_on).values(released)).rowcount:
                tell_of_brake_release(connection, last.number, at)
            return _read(connection, last.number)

    @in_thread
    def held_by_brake(self) -> BrakeHold:
        stopped = _OPEN, invoices.c.state[("brake", "text")].as_string().is_not(None)
        waiting = collections.c.outcome.is_(None), collections.c.state[("brake", "text")].as_string().is_not(None)
        with self._reading("read what the emergency brake holds") as connection:
            months, hours = connection.execute(select(func.count(), func.min(_WINDOW)).where(_OPEN)).one()
            return BrakeHold(
                open_months=months,
                stopped_months=_count(connection, *stopped),
                window_hours=hours or 0,
                tries=_count(connection, *waiting),
                orders=_count(connection, orders.c.stage == OrderStage.AWAITING_RELEASE),
            )


def _count(connection: Connection, *where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(*where)).scalar_one()


def last_brake(connection: Connection) -> Brake | None:
    """As ``SqlBrake.brake``, within a transaction."""
    row = connection.execute(_LAST).mappings().first()
    return None if row is None else Brake.model_validate(dict(row))


def _read(connection: Connection, number: int) -> Brake:
    row = connection.execute(select(brakes).where(brakes.c.number == number)).mappings().one()
    return Brake.model_validate(dict(row))
