"""Errors of the database and its driver, as ``LedgerUnavailable`` with advice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import ValidationError
from sqlalchemy import exc

from billing.errors import LedgerUnavailable, RowUnreadable

_SETUP: Final = "run: python starter.py setup"
_BUSY: Final = "other processes are writing to it; this is tried again"
_SPACE: Final = "its disk is full or broken; make room"
_SERVER: Final = "check that its server runs, and the host, user, password and database in the ledger's URL"
_BUG: Final = "this is a bug in adapters/sql: report this message; the step is tried again after a correction"
MISSING: Final = "MISSING"  # our own, beside those of SQLite
_ADVICE: Final = {
    MISSING: f"for the sandbox: make up; for a real one, fill .env and {_SETUP}",
    "no such": _SETUP,
    "42P01": _SETUP,
    "42703": _SETUP,
    "SQLITE_CANTOPEN": f"check that its folder exists and may be written to, or {_SETUP}",
    "SQLITE_READONLY": "make its file and folder writable",
    "SQLITE_NOTADB": "its file is something else; correct the ledger's URL",
    "SQLITE_CORRUPT": "its file is damaged; restore the last backup",
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "40": _BUSY,
    "55": _BUSY,
    "SQLITE_FULL": _SPACE,
    "SQLITE_IOERR": _SPACE,
    "53": "its server is out of disk, memory or connections; make room",
}
"""Advice by the beginning of an error's code: SQLSTATE at PostgreSQL, error name at SQLite."""
_OUTAGES: Final = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.DisconnectionError,
    exc.TimeoutError,
    OSError,
)
"""Errors of the environment. Their text is shown; the text of any other error may contain a row's data."""


class NewerTables(Exception):
    """The tables were made by a newer release than this one."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turns every error of the database into ``LedgerUnavailable``; its cause is dropped, it may show rows."""
    try:
        yield
    except (exc.SQLAlchemyError, OSError, NewerTables, ValidationError) as error:
        cause, advice = _explain(error)
        kind = RowUnreadable if isinstance(error, ValidationError) else LedgerUnavailable
        raise kind(f"the ledger could not {doing}: {cause}; {advice}") from None


def unfit(error: ValidationError) -> str:
    """A row's fault and the advice, without the row's data."""
    return "; ".join(_explain(error))


def _explain(error: Exception) -> tuple[str, str]:
    """The fault, without any row's data, and the advice."""
    if isinstance(error, NewerTables):
        return "it was written by a newer release", "run that release"
    if isinstance(error, ValidationError):
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        return f"a row does not fit this release ({fields})", "run the release that wrote it, or correct the row"
    cause = getattr(error, "orig", None) or error
    text = str(cause).partition("\n")[0]
    missing = text.startswith("no such ") or "has no column" in text  # all one code at SQLite
    code = "no such" if missing else getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    is_outage = isinstance(error, _OUTAGES)
    fault = text if is_outage else f"{type(cause).__name__} {code}".strip()
    advice = (advice for start, advice in _ADVICE.items() if code.startswith(start))
    return fault, next(advice, _SERVER if is_outage else _BUG)
