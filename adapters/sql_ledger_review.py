"""The ledger's emergency brake."""

from sqlalchemy import select

from adapters.sql_ledger_database import SqlDatabase
from adapters.sql_ledger_schema import brakes
from billing.brake import Brake


class SqlReview(SqlDatabase):
    """The part of ``SqlLedger`` about the brake."""

    async def brake(self) -> Brake | None:
        """The last one, on or released."""
        async with self._reading("read its brake") as connection:
            found = await connection.execute(select(brakes).order_by(brakes.c.number.desc()).limit(1))
            row = found.mappings().first()
            return None if row is None else Brake.model_validate(dict(row))
