"""Calls to provisioning: ``billing.subscribers.provisioning.ServiceCalls`` in SQL."""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from adapters.sql.core.columns import UtcInstant
from adapters.sql.core.database import SqlDatabase, ahead
from adapters.sql.events.outbox import finish
from adapters.sql.subscribers.changes import A, C
from billing.events.event import OutgoingEvent
from billing.subscribers.service import CallState, ServiceState

_CALL = (
    select(C.call, C.state, A.position)
    .join(A.number.table, A.number == C.number)
    .where(C.number == bindparam("number"), C.position == bindparam("position"))
)
_NOTE = (
    update(C.number.table)
    .where(C.number == bindparam("of"), C.position == bindparam("place"), C.call != CallState.DONE)
    .values(call=bindparam("now"), answer=bindparam("text"), answered_at=bindparam("noted_at", type_=UtcInstant))
)


class SqlServiceCalls(SqlDatabase):
    """The part of ``SqlLedger`` about what provisioning is told."""

    @ahead
    def call_stands(self, number: str, position: int) -> bool:
        with self._reading(f"look at account {number}") as connection:
            row = connection.execute(_CALL, {"number": number, "position": position}).one_or_none()
        if row is None or row.call in (None, CallState.SUPERSEDED):
            return False
        return not ServiceState(row.state).is_restricted or bool(row.position == position)

    @ahead
    def note_call(
        self, number: str, position: int, state: CallState, text: str, at: datetime, told: OutgoingEvent | None = None
    ) -> None:
        values = {"of": number, "place": position, "now": state, "text": text, "noted_at": at}
        with self._writing(f"keep the answer of provisioning about account {number}") as connection:
            connection.execute(_NOTE, values)
            if told is not None:
                finish(connection, [told], at)
