"""What people are told of registers, once for each matter."""

from datetime import date, datetime

from billing.keys import alert_id
from billing.money import format_amount
from billing.period import Period
from billing.registers.register import RegisterDay, RegisterRow, RegisterTerms
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind


def of_register(day: RegisterDay, at: datetime) -> Alert | None:
    """How a day stands, if anything of it is open; another state of the day is another alert."""
    if not day.open:
        return None
    text = f"register of {day.rail}, {day.day}: {day.open_in_words}. Nothing is booked until somebody confirms it"
    return _alert(day.day, f"{day.rail} {day.open_in_words}", text, at, to_show(day.rail, day.day))


def of_rejected(row: RegisterRow, by: str, reason: str, at: datetime) -> Alert:
    """A person leaves a line of a register out of the books."""
    amount = format_amount(row.amount_minor or 0, row.currency)
    text = f"{by} leaves {amount} of {row.title} as it is: {reason}. If that is wrong, confirm it"
    remedy = Remedy(action=RemedyAction.CONFIRM_REGISTER, rail=row.rail, reference=row.reference)
    return _alert(row.day, f"{row.rail} rejected {row.reference} {at.isoformat()}", text, at, remedy)


def of_withdrawn(rail: str, day: date, files: int, by: str, reason: str, at: datetime) -> Alert:
    text = f"{by} withdraws the register of {rail}, {day} ({files:,} files): {reason}. Take the right one in"
    remedy = Remedy(action=RemedyAction.TAKE_REGISTER, rail=rail, day=day.isoformat())
    return _alert(day, f"{rail} withdrawn {at.isoformat()}", text, at, remedy)


def of_missing_register(terms: RegisterTerms, day: date, at: datetime) -> Alert:
    text = (
        f"no register of {terms.rail} for {day} has come by {terms.due_hour}:00: ask the bank for it. Until then "
        "nobody confirms what its app has told us"
    )
    remedy = Remedy(action=RemedyAction.TAKE_REGISTER, rail=terms.rail, day=day.isoformat())
    return _alert(day, f"{terms.rail} no register", text, at, remedy)


def of_refused_file(rail: str, name: str, digest: str, why: str, at: datetime) -> Alert:
    text = f"{name}, in the folder of registers of {rail}, cannot be taken in: {why}"
    remedy = Remedy(action=RemedyAction.TAKE_REGISTER, rail=rail)
    return _alert(at.date(), f"{rail} refused {digest}", text, at, remedy)


def to_show(rail: str, day: date) -> Remedy:
    return Remedy(action=RemedyAction.SHOW_REGISTER, rail=rail, day=day.isoformat())


def _alert(day: date, content: str, text: str, at: datetime, remedy: Remedy) -> Alert:
    period = Period(f"{day:%Y-%m}")
    name = alert_id(AlertKind.MONEY, "", period, f"register {day} {content}")
    return Alert(
        alert_id=name, kind=AlertKind.MONEY, customer_id="", period=period, text=text, remedies=(remedy,), at=at
    )
