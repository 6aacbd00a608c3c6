"""Alerts about money: what arrived leaves a doubt, somebody has to confirm, a bank says two things."""

from datetime import datetime

from billing.period import Period
from billing.receivables.doubts import Doubt, DoubtKind
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import Instruction, InstructionState
from billing.receivables.journal import SubjectKind
from billing.receivables.remedies import about_payment, to_confirm
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind, alert_of

_AGAINST = {
    DoubtKind.UNMATCHED: RemedyAction.ASSIGN,
    DoubtKind.REPEATED: RemedyAction.REFUND,
    DoubtKind.CLOSED: RemedyAction.REFUND,
    DoubtKind.CURRENCY: RemedyAction.REFUND,
    DoubtKind.NOT_OWED: RemedyAction.SHOW_PAYMENT,
    DoubtKind.EXCESS: RemedyAction.SHOW_PAYMENT,
    DoubtKind.ENDED: RemedyAction.REFUND,
    DoubtKind.PART: RemedyAction.SHOW_PAYMENT,
}


def of_doubt(doubt: Doubt, payment: IncomingPayment, key: str, at: datetime) -> Alert:
    """``payment`` is in the books, but leaves a doubt; ``key`` names the transaction that left it."""
    action = _AGAINST[doubt.kind]
    subject = payment.subject
    order_number = subject.name if subject and subject.kind is not SubjectKind.MONTH else ""
    if order_number and doubt.kind is DoubtKind.EXCESS:
        action = RemedyAction.REFUND  # of an order, no draft uses it
    remedy, period = about_payment(action, payment), Period.at(at, "UTC")
    customer_id, content = payment.customer_id or "", f"{key} {doubt.kind}"
    alert = alert_of(AlertKind.MONEY, customer_id, period, content, doubt.text, (remedy,), at)
    is_known = doubt.kind is not DoubtKind.NOT_OWED
    return alert.evolve(
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        order_number=order_number if is_known else "",
    )


def of_proposal(instruction: Instruction, at: datetime) -> Alert:
    """Somebody else has to confirm ``instruction``, or somebody has to carry it out by hand."""
    text = f"{instruction.by} proposes to {instruction}: {instruction.reason}. Somebody else has to confirm it"
    if instruction.state is InstructionState.TO_DO:
        text = (
            f"{instruction} by hand: {instruction.reason}. Give the money back, then confirm with the bank's reference "
            "of it (--refund-reference)"
        )
    period, customer_id = Period.at(at, "UTC"), instruction.customer_id or ""
    remedy = to_confirm(instruction)
    alert = alert_of(AlertKind.MONEY, customer_id, period, instruction.instruction_id, text, (remedy,), at)
    return alert.evolve(amount_minor=instruction.amount_minor, currency=instruction.currency)
