"""A mail to a customer, and a server that takes it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.mail.smtp_mail import SmtpMail
from billing.customers.customer import Customer
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.keys import message_id
from billing.mails.mail import CustomerMail, CustomerMailKind
from billing.payments.methods import CardOnFile
from billing.period import Period
from sandbox.stand_ins.mailbox import Mailbox

ANN = "ann@example.com"
NOW = datetime(2026, 11, 4, 9, tzinfo=UTC)
PERIOD = Period("2026-10")


def letter(to: str = ANN, name: str = "Ann Ünal", customer_id: str = "ann") -> CustomerMail:
    customer = Customer(
        customer_id=customer_id,
        email=ANN,
        name=name,
        currency="eur",
        timezone="Europe/Paris",
        payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
    )
    lines = (LineItem(line_id="row-2", description="Bücher 書籍", amount_minor=1250),)
    invoice = Invoice(currency="eur", imported_at=NOW - timedelta(days=3), lines=lines)
    month = Month.open(customer, PERIOD).drafted(invoice).announcing(NOW)
    name_of_mail = message_id("notice", customer_id, PERIOD, "1", "billing.example.com")
    return CustomerMail(kind=CustomerMailKind.NOTICE, message_id=name_of_mail, to=to, month=month)


def mailer(port: int, **options: Any) -> SmtpMail:
    return SmtpMail("127.0.0.1", port, **{"sender": "billing@example.com", "name": "Billing", **options})


async def sends(sender: SmtpMail, mail: CustomerMail) -> None:
    await sender.send(mail, sender.compose(mail))


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    async with Mailbox(tmp_path) as running:
        yield running
