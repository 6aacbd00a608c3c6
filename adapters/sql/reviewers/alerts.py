"""The ledger's outbox of alerts: what reviewers are to be told, and which digest told it."""

from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, exists, func, select, update

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.rows import alert_values
from adapters.sql.core.schema import alerts, invoices
from adapters.sql.core.statements import insert_new, where_given
from billing.apart import Failed
from billing.period import Period
from billing.reviewers.alerts import Alert, AlertRow
from billing.reviewers.ports import Claim

_A = TypeVar("_A", bound=Alert)
_UNTOLD = alerts.c.told_at.is_(None)
_FREE = and_(_UNTOLD, alerts.c.digest_id == "")
_CLAIMED = select(alerts.c.digest_id).where(_UNTOLD, alerts.c.digest_id != "").order_by(alerts.c.at).limit(1)


class SqlAlerts(SqlDatabase):
    """The part of ``SqlLedger`` about alerts."""

    @in_thread
    def save_alert(self, alert: Alert) -> None:
        """Puts the alert into the outbox; one of its id stays as it was first written."""
        with self._writing(f"save the alert of {alert.customer_id}, {alert.period}") as connection:
            insert_new(connection, alerts, [alert_values(alert)])

    @in_thread
    def claim_alerts(self, digest_id: str) -> Claim:
        """Claims all that is free; unless a digest was claimed before and not told, which then is the answer."""
        with self._writing("claim its alerts") as connection:
            known = connection.scalar(_CLAIMED)
            if known is None:
                if connection.execute(update(alerts).where(_FREE).values(digest_id=digest_id)).rowcount:
                    return Claim(digest_id=digest_id)
                known = connection.scalar(_CLAIMED)  # by another attempt, which this one had to wait for
            others = and_(_UNTOLD, alerts.c.digest_id != known)
            return Claim(digest_id=known, more=bool(connection.scalar(select(exists().where(others)))))

    @in_thread
    def digest(self, digest_id: str, failed: list[Failed] | None = None) -> list[Alert]:
        return self._alerts(Alert, alerts.c.digest_id == digest_id, failed=failed)

    @in_thread
    def close_digest(self, digest_id: str, at: datetime) -> None:
        with self._writing(f"close digest {digest_id}") as connection:
            this = (alerts.c.digest_id == digest_id, alerts.c.digest_id != "", _UNTOLD)  # "": what is free
            connection.execute(update(alerts).where(*this).values(told_at=at))

    @in_thread
    def alerts(self, period: Period | None = None, customer_id: str | None = None) -> list[AlertRow]:
        return self._alerts(AlertRow, *where_given(alerts, period=period, customer_id=customer_id))

    def _alerts(self, model: type[_A], *where: ColumnElement[bool], failed: list[Failed] | None = None) -> list[_A]:
        """Oldest first, with what is remarkable about their invoices by now."""
        same = and_(invoices.c.customer_id == alerts.c.customer_id, invoices.c.period == alerts.c.period)
        columns: list[ColumnElement[Any]] = [alerts.c[name] for name in model.model_fields if name != "flags"]
        flags = func.coalesce(invoices.c.flags, "").label("flags")
        found = select(*columns, flags).select_from(alerts.outerjoin(invoices, same)).where(*where)
        with self._reading("read its alerts") as connection:
            rows = connection.execute(found.order_by(alerts.c.at, alerts.c.alert_id)).mappings()
            return list(as_models(model, map(dict, rows), failed))
