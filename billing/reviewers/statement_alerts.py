"""Alerts about lines of bank statements."""

from datetime import datetime

from billing.keys import alert_id
from billing.money import format_amount
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.remedies import about_payment
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind


def of_unfit_payout(
    rail: str, key: str, of_rail: str, minor: int, currency: str, at: datetime, remedy: Remedy
) -> Alert:
    """The line is a settlement by the settings, but its sum is unlike what the rail has taken."""
    text = (
        f"{format_amount(minor, currency)} on {rail} is a settlement of {of_rail}, but fits no receipts of that rail, "
        "less its commission; it is kept as unmatched. Compare it with the bank's register, then say what it is"
    )
    return _of_line(rail, key, "payout", text, minor, currency, at, remedy)


def of_refund_seen(rail: str, key: str, instruction_id: str, minor: int, currency: str, at: datetime) -> Alert:
    """The refund that people were to make by hand is in the statement."""
    text = (
        f"{format_amount(-minor, currency)} has left {rail}, as the refund that is to be made by hand; confirm it with "
        "the bank's reference"
    )
    remedy = Remedy(action=RemedyAction.CONFIRM, instruction_id=instruction_id)
    return _of_line(rail, key, "refund", text, minor, currency, at, remedy)


def of_part_gone(rail: str, key: str, payment: IncomingPayment, minor: int, currency: str, at: datetime) -> Alert:
    """What has left names a payment, but is not what is left of it."""
    text = (
        f"{format_amount(-minor, currency)} has left {rail} and names payment {payment.title}, but is not what is left "
        "of it; nothing is booked. If it went back to the payer, record it as given back"
    )
    remedy = about_payment(RemedyAction.SHOW_PAYMENT, payment)
    return _of_line(rail, key, "part", text, minor, currency, at, remedy)


def of_unknown_return(rail: str, key: str, minor: int, currency: str, at: datetime) -> Alert:
    """The bank has taken money back, and names no payment that the ledger knows."""
    text = (
        f"the bank of {rail} has taken {format_amount(-minor, currency)} back, and names no payment that is in the "
        "books; find out which it was, and record it as given back"
    )
    remedy = RemedyAction.RECONCILE.of(period=Period.at(at, "UTC"))
    return _of_line(rail, key, "return", text, minor, currency, at, remedy)


def of_unclear_line(rail: str, key: str, minor: int, currency: str, at: datetime) -> Alert:
    """The line may be one that is in the ledger before, or money of its own."""
    text = (
        f"{format_amount(minor, currency)} on {rail} may be a line that is in the books already, told again in other "
        "words; it is kept, and nothing is booked. Compare them. If it is money of its own, the account's next "
        "statement books it; record it only if none will come"
    )
    remedy = RemedyAction.RECONCILE.of(period=Period.at(at, "UTC"))
    return _of_line(rail, key, "unclear", text, minor, currency, at, remedy)


def _of_line(
    rail: str, key: str, what: str, text: str, minor: int, currency: str, at: datetime, remedy: Remedy
) -> Alert:
    period = Period.at(at, "UTC")
    return Alert(
        alert_id=alert_id(AlertKind.MONEY, "", period, f"{rail} {key} {what}"),
        kind=AlertKind.MONEY,
        customer_id="",
        period=period,
        text=text,
        remedies=(remedy,),
        amount_minor=abs(minor),
        currency=currency,
        at=at,
    )
