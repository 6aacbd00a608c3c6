"""Pages of announcements: who is being told, and what became of it, under the lock of the announcement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, exists, func, or_, select, update

from adapters.sql.announcements.rows import R, locked_announcement
from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.schema.announcements import announcement_recipients
from adapters.sql.schema.texts import customer_texts
from adapters.sql.subscribers.changes import A
from billing.announcements.announcement import Announcement, Exclusion, RecipientState
from billing.announcements.events import PageName
from billing.announcements.ports import PageOutcome, TakenPage, ToTell
from billing.customers.erasure import ERASED
from billing.subscribers.service import ServiceState
from billing.texts.text import TextStatus

_WAITING, _SENDING = RecipientState.WAITING, RecipientState.SENDING
_IS_OPEN = or_(R.state == _WAITING, R.state == _SENDING)  # not IN, which many updates at once cannot have
_IS_GONE = exists().where(A.number == R.account, A.state == ServiceState.DISCONNECTED)
_HAS_TEXT = exists().where(
    customer_texts.c.message_id == bindparam("message"), customer_texts.c.status != TextStatus.WAITING
)
_AGAIN = func.max(case((R.again, 1), else_=0))


class SqlAnnouncementPages(SqlDatabase):
    """The part of ``SqlLedger`` about what sends announcements."""

    @in_thread
    def take_page(self, page: PageName, at: datetime) -> TakenPage:
        with self._writing(f"take a page of announcement {page.number}") as connection:
            announcement = locked_announcement(connection, page.number)
            _exclude(connection, announcement, page, at)
            connection.execute(_rows(page, R.state == _WAITING).values(state=_SENDING, at=at))
            being_sent = *_of(page), R.state == _SENDING
            query = select(R.recipient, func.min(R.customer_id), _AGAIN).where(*being_sent).group_by(R.recipient)
            told = (ToTell(phone, customer, bool(again)) for phone, customer, again in connection.execute(query))
            return TakenPage(announcement, tuple(sorted(told)))

    @in_thread
    def close_page(self, page: PageName, outcome: PageOutcome, at: datetime) -> None:
        with self._writing(f"close a page of announcement {page.number}") as connection:
            locked_announcement(connection, page.number)
            sent = _rows(page, R.recipient == bindparam("to"), _IS_OPEN).values(at=at)
            told = sent.values(state=RecipientState.TOLD, message_id=bindparam("message"))
            failed = sent.values(state=RecipientState.FAILED, why=bindparam("code"))
            untried = sent.where(~_HAS_TEXT).values(state=_WAITING)
            _each(connection, told, outcome.told, "message")
            _each(connection, failed, outcome.failed, "code")
            _each(connection, untried, outcome.untried, "message")


def _exclude(connection: Connection, announcement: Announcement, page: PageName, at: datetime) -> None:
    is_waiting = R.state == _WAITING
    late = [(Exclusion.TOO_LATE, is_waiting)] if announcement.works.ends_at <= at else []
    is_erased = and_(_IS_OPEN, R.recipient == ERASED)
    whys = [(Exclusion.ERASED, is_erased), (Exclusion.DISCONNECTED, and_(is_waiting, _IS_GONE)), *late]
    for why, condition in whys:
        gone = {"state": RecipientState.EXCLUDED, "why": why, "at": at}
        connection.execute(_rows(page, condition).values(gone))


def _of(page: PageName) -> tuple[ColumnElement[bool], ...]:
    return R.number == page.number, R.timezone == page.timezone, R.page == page.page


def _rows(page: PageName, *where: ColumnElement[bool]) -> Any:
    return update(announcement_recipients).where(*_of(page), *where)


def _each(connection: Connection, statement: Any, values: Mapping[str, str], name: str) -> None:
    if values:
        connection.execute(statement, [{"to": phone, name: value} for phone, value in sorted(values.items())])
