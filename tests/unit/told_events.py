"""Transactions of one debt, and the events that they are told by."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from billing.events.event import Event
from billing.period import Period
from billing.receivables.allocation import booked
from billing.receivables.events import PaymentHead, Receivable, Standing, events_of, receivables
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import (
    Account,
    Balance,
    Cause,
    Entry,
    Outstanding,
    PaymentName,
    Subject,
    Transaction,
    billed,
    credit,
    receivable,
)

HEADS = defaultdict(
    lambda: PaymentHead("dp_1", PaymentKind.CHARGEBACK),
    {
        PaymentName.of(rail, reference): PaymentHead(reference, PaymentKind.PAYMENT)
        for rail, reference in (("stripe", "pi_1"), ("stripe", "pi_3Q9"), ("transfer", "7731"))
    },
)
AT, DUE = datetime(2026, 12, 4, 9, tzinfo=UTC), datetime(2026, 12, 8, 9, tzinfo=UTC)
NOVEMBER = Subject.month(Period("2026-11"))
OWED, CREDIT, BILLED = receivable("acme", NOVEMBER), credit("acme"), billed("acme", NOVEMBER)


def transaction(
    cause: Cause, *entries: tuple[Account, int], key: str = "1", due_at: datetime | None = None
) -> Transaction:
    """``due_at``: when the last entry falls due."""
    made = [Entry(account=account, amount_minor=minor, currency="eur") for account, minor in entries]
    made[-1] = made[-1].evolve(due_at=due_at)
    return Transaction(
        key=f"acme 2026-11 {key} {cause} eur", cause=cause, at=AT, customer_id="acme", entries=tuple(made)
    )


def bill(sales_minor: int, key: str = "1", due_at: datetime | None = DUE) -> Transaction:
    return transaction(Cause.NOTICE, (BILLED, -sales_minor), (OWED, sales_minor), key=key, due_at=due_at)


def void(sales_minor: int, key: str = "1") -> Transaction:
    return transaction(Cause.VOID, (OWED, -sales_minor), (BILLED, sales_minor), key=key)


def paid(amount_minor: int, owed_minor: int, reference: str = "pi_1") -> Transaction:
    """A payment by card, while so much is owed for November."""
    owed = (Outstanding(subject=NOVEMBER, currency="eur", amount_minor=owed_minor, due_at=DUE),) if owed_minor else ()
    return booked(by_card(amount_minor, reference), Balance(owed=owed, credits={}), DUE)


def by_card(amount_minor: int, reference: str) -> IncomingPayment:
    return IncomingPayment(
        rail="stripe",
        reference=reference,
        customer_id="acme",
        subject=NOVEMBER,
        amount_minor=amount_minor,
        currency="eur",
        paid_at=DUE,
    )


def told(*batches: Iterable[Transaction]) -> list[Event]:
    """The events of batches that are posted one after the other, from the beginning of the customer's books."""
    standings, events = dict[Receivable, Standing](), list[Event]()
    for batch in map(list, batches):
        before = {debt: standings.get(debt, Standing()) for debt in receivables(batch)}
        events += events_of(batch, before, HEADS)
        for posted in batch:
            for debt in receivables([posted]):
                change = sum(entry.amount_minor for entry in posted.entries if entry.account == OWED)
                standings[debt] = standings.get(debt, Standing()).after(posted.cause, change)
    return events
