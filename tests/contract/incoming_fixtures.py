"""Money that nobody knows, and customers who have left."""

from datetime import timedelta

from sqlalchemy import Connection, text

from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import IncomingPayment
from billing.reviewers.alerts import AlertKind
from tests.contract.ledger_fixtures import AT, run

UNKNOWN = IncomingPayment(
    rail="transfer",
    reference="7731",
    customer_id=None,
    amount_minor=1200,
    currency="eur",
    paid_at=AT,
    payer="A. Nowak",
    by="ann",
    reason="no reference given",
)
LATE = AT + timedelta(days=20)  # after the month's due date


def close_account(url: str) -> None:
    """Past the ledger: all months are over, and nobody is billed."""

    def write(connection: Connection) -> None:
        connection.execute(text("UPDATE invoices SET outcome = 'Paid', closed_at = updated_at"))
        connection.execute(text("UPDATE customers SET closed_at = updated_at, closed_reason = 'moved'"))

    run(url, write)


async def alerted(ledger: SqlLedger) -> list[str]:
    alerts = await ledger.alerts()
    assert {alert.kind for alert in alerts} <= {AlertKind.MONEY}
    return [alert.text for alert in alerts]
