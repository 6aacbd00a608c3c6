"""Alerts about texts: a number that takes none, and the day's limit."""

from datetime import date, datetime

from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind, alert_of
from billing.texts.text import TextRow, masked_phone


def of_dead_number(row: TextRow, why: str, at: datetime) -> Alert:
    """A text has failed for good: the customer cannot be told by text."""
    text = (
        f"the {row.kind} text to {masked_phone(row.recipient)} cannot be delivered ({why or 'no reason given'}); ask "
        f"{row.customer_id} for a number that takes texts"
    )
    period = row.period or Period.at(at, "UTC")
    remedy = RemedyAction.SHOW_MONTH.of(row.customer_id, period)
    return alert_of(AlertKind.REPORT, row.customer_id, period, f"number {row.message_id}", text, (remedy,), at)


def of_texts_held(day: date, at: datetime) -> Alert:
    """The limit of texts of ``day`` is reached; one alert a day."""
    text = (
        f"the limit of texts of {day} is reached, and the others wait until tomorrow, UTC: if that many are meant, "
        "raise per_day or cost_per_day in BILLING_TEXTS, and restart the workers"
    )
    remedy = RemedyAction.RUN_DOCTOR.of()
    return alert_of(AlertKind.REPORT, "", Period.at(at, "UTC"), f"texts held {day}", text, (remedy,), at)
