"""What people are told of what banks' apps tell, once for each matter."""

from datetime import datetime

from billing.keys import alert_id
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.remedies import about_payment
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.alerts import Alert, AlertKind


def of_changed_repeat(rail: str, txn_id: str, booked: IncomingPayment | None, asked: str, at: datetime) -> Alert:
    """A bank has repeated a payment with another account or sum; ``asked`` tells one such repeat from others."""
    kept = f"{booked.amount} of {booked.customer_id or 'nobody'} is booked" if booked else "nothing is booked"
    text = (
        f"the bank repeats payment {txn_id} of {rail} with another account or sum: it was answered as the first time, "
        f"and {kept}. Ask the bank which of the two is right"
    )
    period = Period.at(at, "UTC")
    remedy = about_payment(RemedyAction.SHOW_PAYMENT, booked) if booked else RemedyAction.RECONCILE.of(period=period)
    customer_id = (booked.customer_id if booked else None) or ""
    content = f"{rail} {txn_id} {asked}"
    return _alert(customer_id, period, content, text, (remedy,), at)


def of_told_otherwise(booked: IncomingPayment, told: IncomingPayment, at: datetime) -> Alert:
    """A bank's app tells of a payment that was booked before, as by its register, and not as this."""
    text = (
        f"the bank's app tells payment {told.title} as {told.amount} of {told.customer_id or 'nobody'}; it was booked "
        f"before, as {booked.amount}, and is not booked again. Look whose it is, and ask the bank which sum is right"
    )
    remedy = about_payment(RemedyAction.SHOW_PAYMENT, booked)
    content = f"told otherwise {told.rail} {told.reference}"
    return _alert(told.customer_id or "", Period.at(at, "UTC"), content, text, (remedy,), at)


def of_misdated(rail: str, txn_id: str, told: datetime, at: datetime) -> Alert:
    """Once for each rail and day, for a wrong clock dates all payments wrongly."""
    text = (
        f"the bank dates payment {txn_id} of {rail} {told:%Y-%m-%d %H:%M} UTC, which cannot be: it counts from when it "
        f"was told, {at:%Y-%m-%d %H:%M} UTC, and so do others of that day. Ask the bank to set its clock right"
    )
    period = Period.at(at, "UTC")
    return _alert("", period, f"misdated {rail} {at:%Y-%m-%d}", text, (RemedyAction.RECONCILE.of(period=period),), at)


def _alert(
    customer_id: str, period: Period, content: str, text: str, remedies: tuple[Remedy, ...], at: datetime
) -> Alert:
    kind = AlertKind.MONEY
    name = alert_id(kind, customer_id, period, content)
    return Alert(alert_id=name, kind=kind, customer_id=customer_id, period=period, text=text, remedies=remedies, at=at)
