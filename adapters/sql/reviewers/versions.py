"""The ledger's versions of invoices: what reviewers may have seen."""

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import versions
from adapters.sql.core.statements import rows_of_month
from billing.invoices.ports import VersionRow
from billing.period import Period


class SqlVersions(SqlDatabase):
    """The part of ``SqlLedger`` about versions."""

    @in_thread
    def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        return self._read(VersionRow, versions, *rows_of_month(versions, customer_id, period), by=("version", "at"))
