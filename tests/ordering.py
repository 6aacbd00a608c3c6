"""What the tests of orders share: a request, payments for it, and what people do with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import Subject
from orders.changes import Amend, Cancel, Halt, Resume, SendAgain
from orders.order import Agreement, Buyer, OrderLine, OrderRequest

AT = datetime(2026, 12, 1, 3, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BUYER = Buyer(customer_id="buyer", name="Bo Añ", email="bo@buyer.example")


def agreement(*amounts: int, **changes: Any) -> Agreement:
    lines = tuple(OrderLine(description=f"Sign {minor}", amount_minor=minor) for minor in amounts)
    return Agreement(lines=lines, file_digest="a" * 64, **changes)


def request(number: str = "1042", price_minor: int = 10000, **changes: Any) -> OrderRequest:
    deposit = changes.pop("deposit_percent", None)
    agreed = agreement(price_minor, deposit_percent=deposit)
    given: dict[str, Any] = {"buyer": BUYER, "currency": "eur", "agreed": agreed}
    return OrderRequest(number=number, **given | changes)


def payment(amount_minor: int, reference: str = "one", number: str | None = "1042", **changes: Any) -> IncomingPayment:
    given: dict[str, Any] = {
        "rail": "transfer",
        "reference": reference,
        "customer_id": "buyer",
        "subject": Subject.order(number) if number else None,
        "amount_minor": amount_minor,
        "currency": "eur",
        "paid_at": AT,
    }
    return IncomingPayment(**given | changes)


def back(amount_minor: int, original: IncomingPayment, kind: PaymentKind = PaymentKind.REFUND) -> IncomingPayment:
    reference = f"back {original.reference} {amount_minor}"
    return original.evolve(reference=reference, kind=kind, amount_minor=-amount_minor, original=original.name)


def by(change_id: str = "change-1") -> dict[str, str]:
    return {"change_id": change_id, "by": "ann", "reason": "the buyer asked", "via": "cli"}


def amend(price_minor: int, version: int = 1, change_id: str = "change-1", **changes: Any) -> Amend:
    return Amend(**by(change_id), version=version, agreed=agreement(price_minor, **changes))


def cancel(change_id: str = "change-1", refund: bool = False) -> Cancel:
    return Cancel(**by(change_id), refund=refund)


def halt(change_id: str = "halt-1") -> Halt:
    return Halt(**by(change_id))


def resume(change_id: str = "resume-1") -> Resume:
    return Resume(**by(change_id))


def send_again(change_id: str = "again-1") -> SendAgain:
    return SendAgain(**by(change_id))


async def log_of(ledger: SqlLedger, number: str = "1042") -> list[str]:
    """What was done with the order, oldest first."""
    return [entry.what for entry in await ledger.order_log(number)]
