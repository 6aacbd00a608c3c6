"""The private ledger of a rehearsal: a SQLite file for one process, which nobody needs after a crash."""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite
from sqlalchemy import URL, event

from adapters.sql_ledger import SqlLedger


class PrivateLedger(SqlLedger):
    """The same tables and statements, without what only a ledger to keep needs: a thread of its own, and the disk.

    For every call of SQLite's, two changes of threads cost more than the call: a quarter of a rehearsal.
    """

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        path = str(url.database)

        @event.listens_for(self._engine.sync_engine, "do_connect")
        def connecting(dialect: object, record: object, arguments: object, options: dict[str, Any]) -> None:
            options["async_creator_fn"] = lambda *_, **__: _Direct(lambda: sqlite3.connect(path))

        @event.listens_for(self._engine.sync_engine, "connect")
        def connected(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.close()


class _AtOnce:
    """Takes the place of the queue to SQLite's thread: what is put into it is done."""

    def put_nowait(self, job: tuple[Any, Callable[[], object]]) -> None:
        future, function = job
        try:
            result = function()
        except BaseException as error:
            if future is None:
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _Direct(aiosqlite.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, 64)
        self._tx: Any = _AtOnce()

    def __await__(self) -> Any:
        return self._connect().__await__()
