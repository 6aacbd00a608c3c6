"""The ledger's copy of the sheet: the last agreed reading of each worksheet, and claims to read it."""

import json
import zlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import upsert
from adapters.sql.schema.months import sales_readings
from billing.period import Period
from billing.sales.ports import Reading
from billing.sales.sales import SalesSnapshot

_c = sales_readings.c


class SqlReadings(SqlDatabase):
    """The part of ``SqlLedger`` that is ``SalesReadings``."""

    @in_thread
    def reading(self, source: str, period: Period) -> Reading | None:
        return self._read_one(Reading, sales_readings, *_of(source, period), _c.read_at.is_not(None))

    @in_thread
    def kept_sales(self, source: str, period: Period, digest: str) -> SalesSnapshot | None:
        query = select(_c.content).where(*_of(source, period), _c.digest == digest)
        with self._reading(f"read its copy of worksheet {period}") as connection:
            content = connection.scalar(query)
        return None if content is None else SalesSnapshot.model_validate_json(zlib.decompress(content))

    @in_thread
    def claim_reading(self, source: str, period: Period, seen: Reading | None, seconds: float) -> bool:
        now = datetime.now(UTC)
        free = or_(_c.claimed_until.is_(None), _c.claimed_until <= now)
        unread = _c.read_at.is_(None) if seen is None else _c.read_at == seen.read_at
        claim = {"source": source, "period": period, "claimed_until": now + timedelta(seconds=seconds)}
        with self._writing(f"claim worksheet {period}") as connection:
            return upsert(connection, sales_readings, claim, only_if=and_(free, unread))

    @in_thread
    def keep_reading(self, source: str, snapshot: SalesSnapshot, period: Period, read_at: datetime) -> None:
        key = {"source": source, "period": period}
        values = {"digest": snapshot.digest, "read_at": read_at, "content": packed(snapshot), "claimed_until": None}
        with self._writing(f"keep its copy of worksheet {period}") as connection:
            upsert(connection, sales_readings, key | values)

    @in_thread
    def release_reading(self, source: str, period: Period) -> None:
        with self._writing(f"release worksheet {period}") as connection:
            connection.execute(update(sales_readings).where(*_of(source, period)).values(claimed_until=None))


def packed(snapshot: SalesSnapshot) -> bytes:
    """Compressed to about a tenth of its size: a sheet repeats itself."""
    return zlib.compress(json.dumps(snapshot.model_dump(mode="json")).encode())


def unpacked(content: bytes) -> str:
    """The whole reading, as a text to search."""
    return json.dumps(json.loads(zlib.decompress(content)), ensure_ascii=False)


def _of(source: str, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _c.source == source, _c.period == period
