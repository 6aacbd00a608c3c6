"""A bank account and its statements, taken into a ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.payments.rails import Rail, RailKind
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import AccountKind, Subject
from billing.statements.bank_account import BankAccount
from billing.statements.outcomes import ImportReport
from billing.statements.payouts import PayoutRule
from services.statements import Statements, Upload
from tests import statement_samples as samples
from tests.ordering import request

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
RAILS = {
    "bank": Rail(kind=RailKind.STATEMENTS),
    "bank-app": Rail(kind=RailKind.BILLER),
    "wayforpay": Rail(kind=RailKind.GATEWAY),
}
BANK = BankAccount(
    account=samples.OWN,
    currency="eur",
    timezone="Asia/Almaty",
    settlements={"bank-app": PayoutRule(payer="Bank JSC", text="settlement")},
)


def statements(ledger: SqlLedger) -> Statements:
    return Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS)


async def taken(ledger: SqlLedger, *documents: str, name: str = "day.txt", **given: Any) -> ImportReport:
    content = samples.one_c(*documents, opening="", closing="").encode()
    return await statements(ledger).take(Upload(name, content), "ann", NOW, **given)


def paid(number: str = "77", amount: str = "100.00", text: str = "за услуги", **changes: Any) -> str:
    return samples.one_c_document(number, amount, text, **changes)


def outcomes(report: ImportReport) -> dict[str, int]:
    return {str(total.outcome): total.lines for total in report.totals}


async def owing(ledger: SqlLedger, number: str = "1042", customer_id: str = "buyer", amount_minor: int = 10000) -> None:
    """Somebody who owes for an order."""
    asked = request(number, amount_minor)
    await ledger.open_order(asked.evolve(buyer=asked.buyer.evolve(customer_id=customer_id)), NOW)


async def owed(ledger: SqlLedger, customer_id: str = "buyer") -> int:
    return sum(item.amount_minor for item in (await ledger.balance(customer_id)).owed)


async def clearing(ledger: SqlLedger, rail: str = "bank") -> int:
    totals = await ledger.trial_balance()
    return sum(row.closing_minor for row in totals if (row.kind, row.rail) == (AccountKind.CLEARING, rail))


async def told(ledger: SqlLedger) -> list[str]:
    return [alert.text for alert in await ledger.alerts()]


def posted(reference: str, amount_minor: int = 10000, at: datetime = NOW - timedelta(days=2)) -> IncomingPayment:
    order = Subject.order("1042")
    names = {"rail": "bank-app", "reference": reference, "customer_id": "buyer", "subject": order}
    return IncomingPayment(**names, amount_minor=amount_minor, currency="eur", paid_at=at)  # type: ignore[arg-type]
