"""The ledger's outbox of alerts for reviewers, and the digest of each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update

from adapters.sql.core.database import ALERTS as NEW_ALERTS
from adapters.sql.core.database import NEWS, SqlDatabase, as_models, in_thread
from adapters.sql.core.rows import alert_values
from adapters.sql.core.statements import ALERTS, insert_new, lock
from adapters.sql.schema.months import invoices
from adapters.sql.schema.reviewers import alerts
from billing.apart import Failed
from billing.reviewers.alerts import Alert, AlertRow
from billing.reviewers.ports import Claim

_A = TypeVar("_A", bound=Alert)
_UNTOLD = alerts.c.told_at.is_(None)
_FREE = and_(_UNTOLD, alerts.c.digest_id.is_(None))
_CLAIMED = select(alerts.c.digest_id).where(_UNTOLD, alerts.c.digest_id.is_not(None)).order_by(alerts.c.at).limit(1)


def put_alerts(connection: Connection, told: Iterable[Alert]) -> None:
    """Puts alerts into the outbox, in the transaction of what they are about; people hear of it from its process."""
    insert_new(connection, alerts, [alert_values(alert) for alert in told])
    connection.info[NEWS].add(NEW_ALERTS)


class SqlAlerts(SqlDatabase):
    """The part of ``SqlLedger`` about alerts."""

    @in_thread
    def save_alert(self, alert: Alert) -> None:
        with self._writing(f"save the alert of {alert.customer_id}, {alert.period}") as connection:
            insert_new(connection, alerts, [alert_values(alert)])

    @in_thread
    def has_untold_alerts(self) -> bool:
        with self._reading("look into its outbox") as connection:
            return bool(connection.scalar(select(exists().where(_UNTOLD))))

    @in_thread
    def claim_alerts(self, digest_id: str) -> Claim:
        with self._writing("claim its alerts") as connection:
            lock(connection, ALERTS)
            claimed = connection.scalar(_CLAIMED)
            if claimed is None:
                if connection.execute(update(alerts).where(_FREE).values(digest_id=digest_id)).rowcount:
                    return Claim(digest_id=digest_id)
                claimed = connection.scalar(_CLAIMED)  # by another attempt, for which this one had to wait
            others = exists().where(_UNTOLD, alerts.c.digest_id.is_distinct_from(claimed))
            return Claim(digest_id=claimed, more=bool(connection.scalar(select(others))))

    @in_thread
    def digest(self, digest_id: str, failed: list[Failed] | None = None) -> list[Alert]:
        return self._alerts(Alert, alerts.c.digest_id == digest_id, failed=failed)

    @in_thread
    def close_digest(self, digest_id: str, at: datetime) -> None:
        with self._writing(f"close digest {digest_id}") as connection:
            lock(connection, ALERTS)
            connection.execute(update(alerts).where(alerts.c.digest_id == digest_id, _UNTOLD).values(told_at=at))

    @in_thread
    def alerts(self) -> list[AlertRow]:
        return self._alerts(AlertRow)

    def _alerts(self, model: type[_A], *where: ColumnElement[bool], failed: list[Failed] | None = None) -> list[_A]:
        """Oldest first, with the current flags of their invoices."""
        same = and_(invoices.c.customer_id == alerts.c.customer_id, invoices.c.period == alerts.c.period)
        columns: list[ColumnElement[Any]] = [alerts.c[name] for name in model.model_fields if name != "flags"]
        flags = func.coalesce(invoices.c.flags, "").label("flags")
        query = select(*columns, flags).select_from(alerts.outerjoin(invoices, same)).where(*where)
        with self._reading("read its alerts") as connection:
            rows = connection.execute(query.order_by(alerts.c.at, alerts.c.alert_id)).mappings()
            return as_models(model, rows, failed)
