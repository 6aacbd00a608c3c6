"""Months that move money in a ledger, and what its journal says of them."""

from datetime import timedelta

from adapters.sql.ledger import SqlLedger
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.keys import payment_key
from billing.payments.payment import Payment, PaymentStatus, Reversal, ReversalKind, ReversalStatus
from billing.period import Period
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, read

DUE = AT + timedelta(days=60)  # after the due dates of these months
PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    status=PaymentStatus.SUCCEEDED,
    amount_minor=1000,
    currency="eur",
    payer_id="cus_1",
    created_at=AT,
    key=payment_key("acme", NOVEMBER),
    customer_id="acme",
    period=NOVEMBER,
)
DISPUTE = Reversal(
    reversal_id="dp_1",
    payment_id="pi_1",
    kind=ReversalKind.DISPUTE,
    amount_minor=1000,
    currency="eur",
    status=ReversalStatus.PENDING,
    code="needs_response",
    created_at=AT,
)
REFUND = DISPUTE.evolve(reversal_id="re_1", kind=ReversalKind.REFUND, status=ReversalStatus.RETURNED)


def invoice_of(amount_minor: int, carried_minor: int = 0) -> Invoice:
    lines = (LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor),) if amount_minor else ()
    return Invoice(currency="eur", imported_at=AT, lines=lines, carried_minor=carried_minor)


def drafted(amount_minor: int, carried_minor: int = 0, period: Period = NOVEMBER) -> Month:
    return Month.open(ACME.evolve(currency="eur"), period).drafted(invoice_of(amount_minor, carried_minor))


def announced(month: Month) -> Month:
    return month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at))


async def record(ledger: SqlLedger, *months: Month) -> Month:
    for month in months:
        await ledger.record(month, AT)
    return months[-1]


async def balances(ledger: SqlLedger) -> tuple[dict[str, int], int]:
    """What is owed for each month, and the credit (below 0)."""
    balance = await ledger.balance("acme")
    return {item.subject.name: item.amount_minor for item in balance.owed}, balance.carried_minor("eur")


async def sums(url: str) -> dict[str, int]:
    """The trial balance, past the ledger."""
    return {kind: int(total) for kind, total in read(url, "SELECT kind, sum(amount_minor) FROM entries GROUP BY kind")}


async def close_as_carried(ledger: SqlLedger, amount_minor: int, period: Period = NOVEMBER) -> Month:
    month = await record(ledger, drafted(amount_minor, period=period))
    return await record(ledger, month.announcing(month.notice_at))
