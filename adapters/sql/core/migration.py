"""Brings the ledger's database up to the tables of this release, and tells whether it is."""

import threading
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, func, select

from adapters.sql.core.errors import NewerTables

_SCRIPTS: Final = Path(__file__).parents[1] / "migrations"
_LOCK: Final = 0x6D6F6E74686C79  # "monthly": the advisory lock that upgrades of one PostgreSQL database share
_alembic: Final = threading.Lock()  # Alembic keeps the running migration in global variables


def migrate(connection: Connection) -> None:
    """Upgrades within the caller's transaction, which has to be a writing one on SQLite. Raises ``NewerTables``."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    try:
        with _alembic:
            command.upgrade(config, "head")
    except CommandError:  # it does not know the version of these tables
        raise NewerTables from None


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one that this release needs."""
    heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
