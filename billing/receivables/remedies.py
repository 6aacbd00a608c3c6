"""What a person can do about a payment, as remedies."""

from billing.receivables.instructions import Instruction
from billing.receivables.journal import PaymentName
from billing.remedies import Remedy, RemedyAction


def about_payment(action: RemedyAction, name: PaymentName) -> Remedy:
    return Remedy(action=action, rail=name.rail, reference=name.reference)


def to_confirm(instruction: Instruction) -> Remedy:
    return Remedy(action=RemedyAction.CONFIRM, instruction_id=instruction.instruction_id)
