"""What the tests of registers share: a contract, a day, files as banks write them, payments that its app tells."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

from adapters.registers.reader import kept_account, read_register
from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import PaymentName
from billing.registers.register import RegisterDay, RegisterTerms
from services.registers.desk import RegisterDesk
from tests.contract.ledger_fixtures import AT, opened

RAIL, OTHER = "bank-app", "terminals"
DAY = date(2026, 11, 27)
NOON = datetime(2026, 11, 27, 7, tzinfo=UTC)  # in Almaty
NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
NUMBER = "1000009"
KEY = "a key of the tests"
TERMS = RegisterTerms(RAIL, "kzt", "Asia/Almaty", 12)
TXNS = ("20261127000000000017", "20261127000000000018", "20261127000000000019")
FIRST, SECOND, THIRD = TXNS
BY = ("ann", "by the register", NOW)


def desk_of(ledger: SqlLedger) -> RegisterDesk:
    terms = {RAIL: TERMS, OTHER: TERMS._replace(rail=OTHER)}
    return RegisterDesk(ledger, partial(read_register, partial(kept_account, KEY)), terms)


def csv(*lines: str) -> bytes:
    """Each line is ``txn_id,account,sum``, with a time that counts up."""
    timed = (f"{line},2026-11-27 12:00:{second:02}" for second, line in enumerate(lines))
    return "\n".join(["txn_id,account,sum,txn_date", *timed, ""]).encode()


def line(txn_id: str = TXNS[0], amount: str = "100.00", account: str = NUMBER) -> str:
    return f"{txn_id},{account},{amount}"


async def told(ledger: SqlLedger, txn_id: str = TXNS[0], minor: int = 10_000, after: int = 0) -> IncomingPayment:
    """Books a payment as the bank's app tells it, so many seconds after noon."""
    paid_at = NOON + timedelta(seconds=after)
    payment = IncomingPayment(
        rail=RAIL, reference=txn_id, customer_id="acme", amount_minor=minor, currency="kzt", paid_at=paid_at
    )
    await ledger.book(payment, paid_at)
    return payment


async def with_account(ledger: SqlLedger, customer_id: str = "acme", number: str = NUMBER) -> None:
    await ledger.record(opened(customer_id=customer_id, email=f"{customer_id}@example.com", currency="kzt"), AT)
    await ledger.open_number(customer_id, number, "ann", "contract", AT)


async def texts(ledger: SqlLedger, of: str = "register") -> list[str]:
    """What is in the alerts' outbox about registers."""
    return [alert.text for alert in await ledger.alerts() if of in alert.text]


async def taken(ledger: SqlLedger, *lines: str, name: str = "r.csv") -> RegisterDay:
    return (await desk_of(ledger).take(RAIL, DAY, name, csv(*lines), "ann", NOW)).day


def states(day: RegisterDay) -> dict[str, tuple[int, int, int]]:
    return {str(each.state): (each.count, each.register_minor, each.booked_minor) for each in day.tallies}


async def booked(ledger: SqlLedger, reference: str) -> int | None:
    record = await ledger.incoming_payment(PaymentName.of(RAIL, reference))
    return record.payment.amount_minor if record else None


async def lines_of(ledger: SqlLedger, *lines: str):
    await taken(ledger, *lines)
    return await ledger.register_lines(TERMS, DAY)
