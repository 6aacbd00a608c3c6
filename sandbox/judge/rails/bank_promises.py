"""A promise to banks: what they were told is paid is booked once, and their repeats are answered alike."""

from collections import Counter
from collections.abc import Iterator

from billing.receivables.journal import PaymentName
from sandbox.bank.store import PaymentState
from sandbox.judge.evidence import Evidence


def wrongly_answered(evidence: Evidence) -> Iterator[str]:
    """By the bank's own book, against the payments that our journal has."""
    bank, numbers = evidence.registers.bank, Counter[tuple[str, str]]()
    for payment in bank.payments.values():
        about, name = f"{payment.txn_id} of {payment.rail}", PaymentName.of(*payment.key)
        if len(set(payment.answers)) > 1:
            yield f"{about} was answered in {len(set(payment.answers))} ways: {payment.answers}"
        match payment.state:
            case PaymentState.TAKEN:
                numbers[payment.rail, payment.number] += bool(payment.attempts)
                if name not in evidence.positions:
                    known_by = "was answered as paid" if payment.attempts else "is in the day's register"
                    yield f"{about} {known_by}, and is not booked"
            case PaymentState.REFUSED:
                if name in evidence.positions:
                    yield f"{about} was refused, and is booked"
            case PaymentState.SENDING if evidence.is_over:
                yield f"{about} has no final answer after {payment.attempts} tries"
    yield from (
        f"{times} payments of {rail} have our number {number}" for (rail, number), times in numbers.items() if times > 1
    )
    known = {PaymentName.of(*payment.key) for payment in bank.kept()} | evidence.registers.steps.keys()
    for name in evidence.positions:
        if name.rail in bank.contracts and name not in known:
            yield f"a payment on {name.rail} is booked that the bank has not taken"


def untold_differences(evidence: Evidence) -> Iterator[str]:
    """What a register has, or lacks, beside the journal is told; until somebody has looked, nothing is booked by it."""
    for sent in evidence.registers.bank.registers:
        about = f"register of {sent.rail}, {sent.day}"
        if (sent.left_out or sent.untold) and not any(about in alert.text for alert in evidence.alerts):
            yield f"nobody was told of the {about}: it lacks {sent.left_out}, and it alone has {sent.untold}"
