"""Texts to customers in SQL: ``billing.texts.ports.TextStore``."""

from datetime import UTC, date, datetime

from sqlalchemy import Connection, select, text, true, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new, where_given
from adapters.sql.schema.texts import TEXT_IS_SENT, customer_texts, text_days
from adapters.sql.subscribers.task_rows import open_task
from billing.customers.erasure import ERASED
from billing.errors import TextsHeld, TextsUnavailable
from billing.period import Period
from billing.tasks.task import NewTask
from billing.texts.numbers import asking_for_number
from billing.texts.ports import TextDay, TextLimits
from billing.texts.text import Delivery, TextReport, TextRow, TextStatus

_T, _D = customer_texts.c, text_days.c
_UNDECIDED = (TextStatus.WAITING, TextStatus.SENDING, TextStatus.UNKNOWN)
_BECOMES = {
    Delivery.ACCEPTED: (TextStatus.SENT, (*_UNDECIDED, TextStatus.SENT)),
    Delivery.FAILED: (TextStatus.FAILED, (*_UNDECIDED, TextStatus.SENT)),
    Delivery.DELIVERED: (TextStatus.DELIVERED, (*_UNDECIDED, TextStatus.SENT, TextStatus.FAILED)),
}
"""What a text becomes by a report, and from what."""


class SqlTexts(SqlDatabase):
    """The part of ``SqlLedger`` about texts."""

    @in_thread
    def begin_text(self, row: TextRow, limits: TextLimits, idle_since: datetime) -> TextRow | None:
        with self._writing(f"save a text to {row.customer_id}") as connection:
            if insert_new(connection, customer_texts, [dict(row)]):
                _count(connection, row, limits)
                return None
            before = _locked(connection, row.message_id)
            if before.status is TextStatus.SENDING and before.tried_at >= idle_since:
                busy = TextsUnavailable(f"another worker is sending the {row.kind} of {row.customer_id}")
                busy.retry_after = before.tried_at - idle_since
                raise busy
            if before.status in (TextStatus.SENDING, TextStatus.WAITING):
                again = {"status": TextStatus.SENDING, "tried_at": row.tried_at, "vendor": row.vendor}
                connection.execute(update(customer_texts).where(_T.message_id == row.message_id).values(again))
            return before

    @in_thread
    def close_text(
        self, message_id: str, status: TextStatus, at: datetime, code: str = "", task: NewTask | None = None
    ) -> None:
        with self._writing("save what became of a text") as connection:
            is_open = _T.message_id == message_id, _T.status.in_((TextStatus.WAITING, TextStatus.SENDING))
            connection.execute(update(customer_texts).where(*is_open).values(status=status, at=at, code=code))
            if task is not None:
                open_task(connection, task, at)

    @in_thread
    def take_report(self, message_id: str, report: TextReport, at: datetime) -> None:
        with self._writing("save a report about a text") as connection:
            before = _row(connection, message_id)
            if before is None:
                return
            status, allowed = _BECOMES[report.delivery]
            values = {"status": status, "code": report.code, "at": at, "vendor_id": report.vendor_id}
            changed = update(customer_texts).where(_T.message_id == message_id, _T.status.in_(allowed))
            if connection.execute(changed.values(values)).rowcount and status is TextStatus.FAILED:
                open_task(connection, asking_for_number(before, report.code, at), at)
            if report.cost_micros is not None and report.cost_micros != before.cost_micros:
                _correct_cost(connection, message_id, report.cost_micros)

    @in_thread
    def text(self, message_id: str) -> TextRow | None:
        with self._reading("look a text up") as connection:
            return _row(connection, message_id)

    @in_thread
    def texts(self, customer_id: str | None = None, limit: int = 100, period: Period | None = None) -> list[TextRow]:
        where = where_given(customer_texts, customer_id=customer_id, period=period) or [true()]
        newest = select(customer_texts).where(*where).order_by(_T.began_at.desc(), _T.message_id)
        with self._reading("read its texts") as connection:
            return [TextRow.model_validate(row) for row in connection.execute(newest.limit(limit)).mappings()]

    @in_thread
    def texts_to_ask(self, vendor: str, since: datetime, before: datetime, limit: int) -> list[TextRow]:
        is_due = text(TEXT_IS_SENT), _T.vendor == vendor, _T.recipient != ERASED
        oldest = select(customer_texts).where(*is_due, _T.began_at >= since, _T.at < before)
        with self._reading("read which texts to ask about") as connection:
            rows = connection.execute(oldest.order_by(_T.at, _T.message_id).limit(limit)).mappings()
            return [TextRow.model_validate(row) for row in rows]

    @in_thread
    def text_day(self, day: date) -> TextDay:
        with self._reading("read what its texts cost") as connection:
            row = connection.execute(select(text_days).where(_D.day == day.isoformat())).mappings().one_or_none()
            return TextDay.model_validate(row) if row else TextDay(day=day)


def _count(connection: Connection, row: TextRow, limits: TextLimits) -> None:
    """Counts a new text, if its day's limits allow it: the row of the day is locked by whoever counts."""
    day = _day(row.began_at)
    insert_new(connection, text_days, [{"day": day, "texts": 0, "segments": 0, "cost_micros": 0}])
    changes = {
        "texts": _D.texts + 1,
        "segments": _D.segments + row.segments,
        "cost_micros": _D.cost_micros + row.cost_micros,
    }
    within = [
        *([] if limits.texts is None else [_D.texts < limits.texts]),
        *([] if limits.cost_micros is None else [_D.cost_micros + row.cost_micros <= limits.cost_micros]),
    ]
    if not connection.execute(update(text_days).where(_D.day == day, *within).values(changes)).rowcount:
        raise TextsHeld(f"the {row.kind} text of {row.customer_id} waits: the limit of texts of {day} is reached")


def _correct_cost(connection: Connection, message_id: str, cost_micros: int) -> None:
    """The vendor's price takes the place of what we had expected."""
    row = _locked(connection, message_id)
    more = cost_micros - row.cost_micros
    connection.execute(update(customer_texts).where(_T.message_id == message_id).values(cost_micros=cost_micros))
    of_day = update(text_days).where(_D.day == _day(row.began_at))
    connection.execute(of_day.values(cost_micros=_D.cost_micros + more))


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _row(connection: Connection, message_id: str) -> TextRow | None:
    found = connection.execute(select(customer_texts).where(_T.message_id == message_id)).mappings().one_or_none()
    return TextRow.model_validate(found) if found else None


def _locked(connection: Connection, message_id: str) -> TextRow:
    known = select(customer_texts).where(_T.message_id == message_id).with_for_update()
    return TextRow.model_validate(connection.execute(known).mappings().one())
