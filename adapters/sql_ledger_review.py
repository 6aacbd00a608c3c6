"""The ledger's emergency brake."""

from datetime import datetime

from sqlalchemy import select

from adapters.sql_ledger_database import SqlDatabase
from adapters.sql_ledger_schema import brakes
from adapters.sql_ledger_statements import insert_new
from billing.brake import Brake


class SqlReview(SqlDatabase):
    """The part of ``SqlLedger`` about the brake."""

    async def brake(self) -> Brake | None:
        """The last one, on or released."""
        async with self._reading("read its brake") as connection:
            found = await connection.execute(select(brakes).order_by(brakes.c.number.desc()).limit(1))
            row = found.mappings().first()
            return None if row is None else Brake.model_validate(dict(row))

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> None:
        """A stub of engine's."""
        pulled = {"number": 1, "pulled_by": by, "pulled_why": why, "pulled_via": via, "pulled_at": at}
        async with self._writing("pull its brake") as connection:
            await insert_new(connection, brakes, [pulled])
