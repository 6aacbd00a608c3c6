"""Composition of announcements of planned works: the desk of people, and what sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bootstrap_texts import connect_texts, has_text_vendor

if TYPE_CHECKING:
    from adapters.sql.ledger import SqlLedger
    from bootstrap import Adapters
    from services.alerts import Alerts
    from services.announcements.desk import AnnouncementDesk
    from services.announcements.pages import AnnouncementSender
    from settings import Settings

_SANDBOX_LOOKS = timedelta(seconds=1)  # its clock skips


def company_timezone(settings: Settings) -> str:
    """The time zone of works, and of customers who have none."""
    return settings.newcomers[1] if settings.newcomers else "UTC"


def connect_announcement_desk(settings: Settings, ledger: SqlLedger) -> AnnouncementDesk:
    """The desk where people announce planned works."""
    from services.announcements.desk import AnnouncementDesk

    texts, hours, timezone = settings.texts, settings.contact_hours, company_timezone(settings)
    return AnnouncementDesk(ledger, texts, texts, hours, timezone, has_text_vendor(settings))


def connect_announcement_sender(settings: Settings, adapters: Adapters, alerts: Alerts) -> AnnouncementSender | None:
    """What sends announcements; None without a vendor of texts."""
    from services.announcements.pages import LOOK_AGAIN, AnnouncementSender

    texts = connect_texts(settings, adapters, alerts)
    if texts is None:
        return None
    look_again = _SANDBOX_LOOKS if settings.sandbox else LOOK_AGAIN
    return AnnouncementSender(adapters.ledger, texts, settings.contact_hours, settings.now, look_again)
