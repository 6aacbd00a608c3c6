"""The ledger's brake and versions (a stub until engine is merged)."""

from datetime import datetime

from sqlalchemy import select, update

from adapters.sql_ledger_database import SqlDatabase
from adapters.sql_ledger_schema import brakes, versions
from adapters.sql_ledger_statements import insert_new, of
from billing.brake import Brake
from billing.period import Period
from billing.ports import VersionRow


class SqlReview(SqlDatabase):
    async def brake(self) -> Brake | None:
        return next(iter(await self.brakes()), None)

    async def brakes(self) -> list[Brake]:
        async with self._reading("read the brake") as connection:
            found = await connection.execute(select(brakes).order_by(brakes.c.number.desc()))
            return [Brake.model_validate(dict(row)) for row in found.mappings()]

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        last = await self.brake()
        if last is None or not last.on:
            number = last.number + 1 if last else 1
            values = {"number": number, "pulled_by": by, "pulled_why": why, "pulled_via": via, "pulled_at": at}
            async with self._writing("pull the brake") as connection:
                await insert_new(connection, brakes, [values])
        now = await self.brake()
        assert now is not None
        return now

    async def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        values = {"released_by": by, "released_why": why, "released_via": via, "released_at": at}
        async with self._writing("release the brake") as connection:
            await connection.execute(update(brakes).where(brakes.c.released_at.is_(None)).values(values))
        now = await self.brake()
        assert now is not None
        return now

    async def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        found = await self._read(VersionRow, versions, *of(versions, customer_id, period))
        return sorted(found, key=lambda row: (row.version, row.at))
