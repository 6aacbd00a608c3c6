"""What people are told of planned works: those that another system has sent wait for their approval."""

from zoneinfo import ZoneInfo

from billing.announcements.announcement import Announcement
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind, alert_of


def of_sent_draft(draft: Announcement) -> Alert:
    """Once for each draft."""
    works, at = draft.works, draft.created_at
    begins = f"{works.starts_at.astimezone(ZoneInfo(works.timezone)):%Y-%m-%d %H:%M} {works.timezone}"
    text = (
        f"{works.reason}, from {begins} on, was sent as {draft.reference}, version {draft.version}: nobody is told "
        "before somebody approves it. Look whom it concerns, then approve or cancel it"
    )
    remedy = RemedyAction.SHOW_ANNOUNCEMENT.of().evolve(announcement=draft.number)
    return alert_of(AlertKind.WORKS, "", Period.at(at, "UTC"), f"works {draft.number}", text, (remedy,), at)
