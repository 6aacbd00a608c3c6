"""Announcements in lists, and the proof of each: who was told what, and when."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, distinct, func, or_, select

from adapters.sql.announcements.rows import N, R, announcement_by_key, as_announcement, last_sent
from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import where_given
from adapters.sql.schema.announcements import announcement_recipients, announcements
from adapters.sql.schema.texts import customer_texts
from billing.announcements.announcement import (
    LONGEST,
    Announcement,
    AnnouncementRow,
    Exclusion,
    Progress,
    Recipient,
    RecipientState,
    Tally,
)
from billing.announcements.ports import PAGE_ANNOUNCEMENTS, PAGE_RECIPIENTS
from billing.completeness.announcement_check import Untold
from billing.texts.text import TextStatus

_T = customer_texts.c
_OPEN = [state for state in RecipientState if state.is_open]
_WITH_TEXTS = announcement_recipients.outerjoin(customer_texts, _T.message_id == R.message_id)
_DELIVERED_AT = case((_T.status == TextStatus.DELIVERED, _T.at))
_ROW = (R.account, R.customer_id, R.recipient, R.again, R.state, R.why, R.at)
_PROOF = select(*_ROW, _T.status.label("delivery"), _DELIVERED_AT.label("delivered_at")).select_from(_WITH_TEXTS)


class SqlAnnouncementListing(SqlDatabase):
    """The part of ``SqlLedger`` that shows announcements."""

    @in_thread
    def announcement(self, number: int) -> Announcement | None:
        with self._reading(f"read announcement {number}") as connection:
            row = connection.execute(select(announcements).where(N.number == number)).mappings().one_or_none()
            return as_announcement(row) if row else None

    @in_thread
    def announcement_keyed(self, key: str) -> Announcement | None:
        with self._reading("read an announcement by its key") as connection:
            return announcement_by_key(connection, key)

    @in_thread
    def announcement_sent(self, reference: str) -> Announcement | None:
        with self._reading("read an announcement by its sender's number") as connection:
            return last_sent(connection, reference)

    @in_thread
    def announcements(self, limit: int = PAGE_ANNOUNCEMENTS, offset: int = 0) -> list[AnnouncementRow]:
        newest = select(announcements).order_by(N.number.desc()).limit(limit).offset(offset)
        with self._looking("list its announcements") as connection:
            found = list(map(as_announcement, connection.execute(newest).mappings()))
            progress = _progress(connection, [each.number for each in found])
            return [AnnouncementRow(announcement=each, progress=progress[each.number]) for each in found]

    @in_thread
    def announcement_drafts(self, now: datetime) -> list[Announcement]:
        is_ahead = N.starts_at > now - LONGEST, N.ends_at > now  # the first condition has an index
        drafts = select(announcements).where(*is_ahead, N.approved_at.is_(None), N.ended_at.is_(None))
        with self._reading("list the announcements that wait for an approval") as connection:
            rows = connection.execute(drafts.order_by(N.starts_at, N.number).limit(PAGE_ANNOUNCEMENTS)).mappings()
            return list(map(as_announcement, rows))

    @in_thread
    def announcement_progress(self, number: int) -> Progress:
        with self._reading(f"count who was told of announcement {number}") as connection:
            return _progress(connection, [number])[number]

    @in_thread
    def recipients(
        self, number: int, state: RecipientState | None = None, limit: int = PAGE_RECIPIENTS, after: str = ""
    ) -> list[Recipient]:
        where = where_given(announcement_recipients, state=state)
        page = _PROOF.where(R.number == number, R.account > after, *where).order_by(R.account).limit(limit)
        with self._reading(f"read who was told of announcement {number}") as connection:
            return [Recipient.model_validate(dict(row)) for row in connection.execute(page).mappings()]

    @in_thread
    def untold(self, since: datetime, now: datetime) -> list[Untold]:
        """Works that have begun ``since`` then, and how many numbers were not told of them in time."""
        is_missed = or_(R.state.in_(_OPEN), R.why == Exclusion.TOO_LATE)
        counted = (
            select(N.number, N.starts_at, func.count(distinct(R.recipient)).label("numbers"))
            .join(announcement_recipients, R.number == N.number)
            .where(N.starts_at >= since, N.starts_at <= now, is_missed)
            .group_by(N.number, N.starts_at)
            .order_by(N.number)
        )
        with self._reading("look for announcements that came too late") as connection:
            return [Untold.model_validate(dict(row)) for row in connection.execute(counted).mappings()]


def _progress(connection: Connection, numbers: Sequence[int]) -> dict[int, Progress]:
    by = (R.number, R.state, R.why, _T.status)
    counted = select(*by, func.count(), func.count(distinct(R.recipient))).select_from(_WITH_TEXTS)
    tallies = defaultdict[int, list[Tally]](list)
    for number, state, why, status, accounts, phones in connection.execute(
        counted.where(R.number.in_(numbers)).group_by(*by).order_by(*by)
    ):
        tally = Tally(state=state, why=why, delivery=status, accounts=accounts, numbers=phones)
        tallies[number].append(tally)
    return {number: Progress(tallies=tuple(tallies[number])) for number in numbers}
