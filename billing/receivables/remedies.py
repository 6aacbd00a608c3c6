"""What a person can do about a payment, as remedies."""

from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import Instruction
from billing.remedies import Remedy, RemedyAction


def about_payment(action: RemedyAction, payment: IncomingPayment) -> Remedy:
    return Remedy(action=action, rail=payment.rail, reference=payment.reference)


def to_confirm(instruction: Instruction) -> Remedy:
    return Remedy(action=RemedyAction.CONFIRM, instruction_id=instruction.instruction_id)
