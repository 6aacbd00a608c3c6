"""A customer whose account is closed, and all that a database holds of them."""

from typing import Any

from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.completeness.snapshots import LastRun
from billing.customers.customer import CustomerChanges
from billing.customers.registration import Registration, RegistrationState
from billing.invoices.commands import CloseAccount, Edit, UpdateCustomer
from billing.invoices.invoice import AddLine, Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, PaymentStatus
from billing.texts.ports import TextLimits
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, driver, run
from tests.contract.test_ledger_texts import text as a_text

ANN: dict[str, Any] = {"by": "ann", "reason": "Erika Mustermann called, erika@old.example"}
CARD = ACME.payment_method.evolve(last4="1881")
ERIKA = ACME.evolve(customer_id="c77", name="Erika Mustermann", email="erika@old.example", payment_method=CARD)
PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    key="k",
    customer_id="c77",
    period=NOVEMBER,
    payer_id="cus_1",
    status=PaymentStatus.SUCCEEDED,
    amount_minor=5100,
    currency="eur",
    created_at=AT,
)


def told(month: Month, *commands: Any) -> Month:
    for command in commands:
        month, *_ = decide(month, command, AT, "update")
    return month


def closed_month(outcome: Stage = Stage.PAID) -> Month:
    source = Source(sheet=str(NOVEMBER), row=2, digest="d")
    line = LineItem(line_id="row-2", description="Massage", amount_minor=5000, source=source)
    odd = Problem(line_id="row-3", description="Massage 2", raw="12,50", reason="'12,50' is no amount", source=source)
    invoice = Invoice(currency="eur", imported_at=AT, lines=(line,), problems=(odd,))
    added = AddLine(description="For Erika Mustermann", amount_minor=100)
    month = told(
        Month.open(ERIKA, NOVEMBER).drafted(invoice),
        UpdateCustomer(changes=CustomerChanges(email="erika@new.example"), **ANN),
        Edit(period=NOVEMBER, version=1, changes=(added,), **ANN),
        Halt(**ANN),
        CloseAccount(**ANN),
    )
    result = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    return month.close(outcome, AT, result)


async def registered(ledger: SqlLedger, customer_id: str, state: RegistrationState) -> None:
    wanted = Registration(
        registration_id=f"R-{customer_id}",
        email="erika@old.example",
        name="Erika Mustermann",
        currency="eur",
        timezone="Europe/Paris",
        customer_id=customer_id,
        created_at=AT,
        updated_at=AT,
    )
    opened = await ledger.open_registration(wanted)
    assert await ledger.save_registration(opened.evolve(state=state))


async def lived(ledger: SqlLedger, month: Month) -> None:
    await ledger.record(month, AT)
    if month.outcome is Stage.PAID:
        await ledger.save_payment(PAYMENT, AT)
    await registered(ledger, "c77", RegistrationState.STARTED)
    await registered(ledger, "c78", RegistrationState.KNOWN)
    for kind, to in (
        (CustomerMailKind.NOTICE, "erika@old.example"),
        (CustomerMailKind.RECEIPT, "erika@new.example"),
    ):
        letter = CustomerMail(kind=kind, message_id=f"<{kind}>", to=to, month=month)
        await ledger.save_message(letter, 1, MessageStatus.SENT, AT)
    await ledger.begin_text(a_text(customer_id="c77", body="Erika, pay 12,50"), TextLimits(), AT)
    report: dict[str, object] = {"findings": [{"text": "row 9, Erika@old.example: 3.00 EUR"}]}
    await ledger.save_coverage(LastRun(period=NOVEMBER, at=AT, findings=1, told=("erika@old.example",), report=report))


def dump(url: str) -> str:
    """All that is in the database, as text."""

    def work(connection: Any) -> str:
        names = connection.execute(
            text(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                if driver(url) == "sqlite"
                else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
        ).scalars()
        return "\n".join(str(connection.execute(text(f'SELECT * FROM "{name}"')).all()) for name in names.all())

    found: str = run(url, work)
    return found.casefold()
