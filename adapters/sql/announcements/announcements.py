"""Announcements in SQL: what people decide, and who is concerned, written in one transaction each."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from adapters.sql.announcements.audience import concerned, reach
from adapters.sql.announcements.rows import N, R, announcement_by_key, last_sent, locked_announcement, values_of
from adapters.sql.core.columns import UtcInstant
from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_counted, lock
from adapters.sql.events.outbox import put_events
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.announcements import announcement_recipients, announcements
from billing.announcements.announcement import (
    Announcement,
    AnnouncementKind,
    AnnouncementState,
    Exclusion,
    NewAnnouncement,
    RecipientState,
)
from billing.announcements.audience import Audience, Reach
from billing.announcements.events import page_event
from billing.announcements.ports import Approval
from billing.customers.erasure import ERASED
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.reviewers.announcement_alerts import of_sent_draft

_COLUMNS = ("number", "account", "customer_id", "recipient", "timezone", "page", "again", "state", "why", "at")
_KNOWING = (RecipientState.TOLD, RecipientState.SENDING)
_REACHED = (RecipientState.WAITING, *_KNOWING)


class SqlAnnouncements(SqlDatabase):
    """The part of ``SqlLedger`` about what people decide about announcements."""

    @in_thread
    def reach(self, audience: Audience, timezone: str) -> Reach:
        with self._looking("count who is concerned") as connection:
            return reach(connection, audience, timezone)

    @in_thread
    def save_announcement(self, new: NewAnnouncement, at: datetime) -> Announcement:
        with self._writing("save an announcement") as connection:
            if new.reference is None:
                return _saved(connection, new, at)
            _replace_draft(connection, new, new.reference, at)
            saved = _saved(connection, new, at)
            put_alerts(connection, [of_sent_draft(saved)])
            return saved

    @in_thread
    def approve_announcement(self, number: int, approval: Approval) -> Announcement:
        with self._writing(f"approve announcement {number}") as connection:
            draft = locked_announcement(connection, number)
            if draft.state is AnnouncementState.APPROVED:
                return draft
            draft.require_draft()
            found = reach(connection, draft.audience, approval.timezone)
            found.require_meant(draft.audience)
            if approval.texts not in (None, found.text_count):
                raise InvalidInput(
                    f"announcement {number} takes {found.text_count:,} texts by now, not {approval.texts:,}: "
                    "look at its preview again, then approve it"
                )
            approved = _approved(connection, draft, approval)
            _write_recipients(connection, _everybody(approved, approval))
            _put_pages(connection, approved, approval.at)
            return approved

    @in_thread
    def replace_announcement(self, number: int, new: NewAnnouncement, approval: Approval) -> Announcement:
        with self._writing(f"replace announcement {number}") as connection:
            before = locked_announcement(connection, number)
            if known := announcement_by_key(connection, new.key):
                return known
            before.require_correctable(approval.at)
            made = _approved(connection, _saved(connection, new, approval.at), approval)
            chain = {"corrects": number, "origin": before.origin or number}
            connection.execute(update(announcements).where(N.number == made.number).values(chain))
            _write_recipients(connection, _told_before(before, made, approval))
            is_waiting = R.number == number, R.state == RecipientState.WAITING
            gone = {"state": RecipientState.EXCLUDED, "why": Exclusion.REPLACED, "at": approval.at}
            connection.execute(update(announcement_recipients).where(*is_waiting).values(gone))
            _end(connection, number, approval.by, approval.reason, approval.at, made.number)
            replacing = locked_announcement(connection, made.number)
            _put_pages(connection, replacing, approval.at)
            return replacing

    @in_thread
    def withdraw_announcement(self, number: int, by: str, reason: str, at: datetime) -> Announcement:
        with self._writing(f"withdraw announcement {number}") as connection:
            draft = locked_announcement(connection, number)
            if draft.state is AnnouncementState.WITHDRAWN:
                return draft
            draft.require_draft()
            _end(connection, number, by, reason, at)
            return locked_announcement(connection, number)


def _replace_draft(connection: Connection, new: NewAnnouncement, reference: str, at: datetime) -> None:
    """Withdraws the draft for which ``new`` comes, unless that is on record. Of two at once, the second waits here."""
    lock(connection, f"works {reference}")
    if announcement_by_key(connection, new.key) or not (last := last_sent(connection, reference)):
        return
    last = locked_announcement(connection, last.number)  # somebody may be approving it
    if not last.may_be_followed_by(new):
        raise InvalidInput(f"{reference} is at version {last.version} by now, {last.state}; send this one again")
    if last.state is AnnouncementState.DRAFT:
        _end(connection, last.number, new.created_by, f"version {new.version} has come", at)


def _saved(connection: Connection, new: NewAnnouncement, at: datetime) -> Announcement:
    insert_counted(connection, announcements, values_of(new) | {"created_at": at})
    saved = announcement_by_key(connection, new.key)
    assert saved is not None, "it was written just now, or before"
    return saved


def _approved(connection: Connection, draft: Announcement, approval: Approval) -> Announcement:
    values = {"approved_at": approval.at, "approved_by": approval.by, "approved_why": approval.reason}
    connection.execute(update(announcements).where(N.number == draft.number).values(values))
    return draft.evolve(**values)


def _end(
    connection: Connection, number: int, by: str, reason: str, at: datetime, replaced_by: int | None = None
) -> None:
    values = {"ended_at": at, "ended_by": by, "ended_why": reason, "replaced_by": replaced_by}
    connection.execute(update(announcements).where(N.number == number).values(values))


def _write_recipients(connection: Connection, query: Select[*tuple[Any, ...]]) -> None:
    """In the database alone: there may be a hundred thousand."""
    connection.execute(insert(announcement_recipients).from_select(_COLUMNS, query))


def _everybody(announcement: Announcement, approval: Approval) -> Select[*tuple[Any, ...]]:
    """Whom the audience has now; who has no number is written down, too, as not told."""
    found = concerned(announcement.audience, approval.timezone).subquery()
    has_number = found.c.recipient.is_not(None)
    return select(
        literal(announcement.number),
        *(found.c.account, found.c.customer_id, found.c.recipient, found.c.timezone, found.c.page),
        false(),
        *_state(has_number),
        literal(approval.at, UtcInstant),
    )


def _state(has_number: ColumnElement[bool]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    state = case((has_number, literal(RecipientState.WAITING.value)), else_=literal(RecipientState.EXCLUDED.value))
    return state, case((has_number, null()), else_=literal(Exclusion.NO_NUMBER.value))


def _told_before(before: Announcement, made: Announcement, approval: Approval) -> Select[*tuple[Any, ...]]:
    """Those who were told, and who still wait; a cancellation does not concern who knows nothing of the works."""
    is_knowing = case((or_(R.again, R.state.in_(_KNOWING)), 1), else_=0)
    knows = func.max(is_knowing).over(partition_by=R.recipient) == 1  # whatever account it was told for
    kept = (R.account, R.customer_id, R.recipient, R.timezone, R.page)
    of_number = R.number == before.number, R.recipient != ERASED
    known = select(*kept, R.state, knows.label("knows")).where(*of_number).subquery()
    only = [known.c.knows] if made.kind is AnnouncementKind.CANCELLATION else []
    waiting = literal(RecipientState.WAITING.value), null(), literal(approval.at, UtcInstant)
    columns = (known.c[column.name] for column in kept)
    query = select(literal(made.number), *columns, known.c.knows, *waiting)
    return query.where(known.c.state.in_(_REACHED), *only)


def _put_pages(connection: Connection, announcement: Announcement, at: datetime) -> None:
    """One event for each page; those of a time zone are told in their order, after those of what it replaces."""
    pages = select(R.timezone, R.page).where(R.number == announcement.number, R.state == RecipientState.WAITING)
    for timezone, page in connection.execute(pages.distinct().order_by(R.timezone, R.page)).all():
        event = page_event(announcement, timezone, page, at)
        put_events(connection, Destination.ANNOUNCEMENT, [event], f"{announcement.lane} {timezone}")
