"""Announcements from and to rows."""

from typing import Any

from sqlalchemy import Connection, select

from adapters.sql.schema.announcements import announcement_recipients, announcements
from billing.announcements.announcement import Announcement, NewAnnouncement, Works
from billing.errors import NotFound

N, R = announcements.c, announcement_recipients.c


def as_announcement(row: Any) -> Announcement:
    works = {name: row[name] for name in Works.model_fields}
    return Announcement.model_validate({**row, "works": works})


def values_of(new: NewAnnouncement) -> dict[str, Any]:
    """Its columns, without those of what becomes of it."""
    kept = new.model_dump(include=set(NewAnnouncement.model_fields) - {"works", "audience"})
    return {**kept, **new.works.model_dump(), "audience": new.audience.model_dump(mode="json")}


def announcement_by_key(connection: Connection, key: str) -> Announcement | None:
    row = connection.execute(select(announcements).where(N.key == key)).mappings().one_or_none()
    return as_announcement(row) if row else None


def last_sent(connection: Connection, reference: str) -> Announcement | None:
    """The last one that has this number of its sender."""
    newest = select(announcements).where(N.reference == reference).order_by(N.version.desc(), N.number.desc()).limit(1)
    row = connection.execute(newest).mappings().one_or_none()
    return as_announcement(row) if row else None


def locked_announcement(connection: Connection, number: int) -> Announcement:
    """Raises ``NotFound``."""
    query = select(announcements).where(N.number == number).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no announcement {number}; see: python starter.py announcements list")
    return as_announcement(row)
