"""Alerts about texts: the day's limit of them is reached."""

from datetime import date, datetime

from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind, alert_of


def of_texts_held(day: date, at: datetime) -> Alert:
    """The limit of texts of ``day`` is reached; one alert a day."""
    text = (
        f"the limit of texts of {day} is reached, and the others wait until tomorrow, UTC: if that many are meant, "
        "raise per_day or cost_per_day in BILLING_TEXTS, and restart the workers"
    )
    remedy = RemedyAction.RUN_DOCTOR.of()
    return alert_of(AlertKind.REPORT, "", Period.at(at, "UTC"), f"texts held {day}", text, (remedy,), at)
