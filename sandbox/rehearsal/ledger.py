"""The private ledger of a rehearsal: a SQLite file for one process, which nobody needs after a crash."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import URL, event

from adapters.sql_ledger import SqlLedger

_T = TypeVar("_T")


class PrivateLedger(SqlLedger):
    """The same tables and statements, without what only a ledger to keep needs: threads, and the disk."""

    def __init__(self, url: URL) -> None:
        super().__init__(url)

        @event.listens_for(self._engine, "connect")
        def connected(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.close()

    async def run(self, work: Callable[[], _T]) -> _T:
        return work()
