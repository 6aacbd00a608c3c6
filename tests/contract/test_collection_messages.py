"""What customers are told of what they have not paid: about what is due, at their present address."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.mail.smtp_mail import SmtpMail
from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.customers.links import Links
from billing.period import Period
from billing.texts.text import TextKind
from sandbox.stand_ins.mailbox import Mailbox, read_mail
from services import clock
from services.messages.collection_messages import CollectionMessages
from services.messages.customer_mails import CustomerMails
from services.messages.customer_messages import CustomerMessages
from services.messages.ways_to_pay import PaymentWays
from tests.unit.letters import POOR, SUSPENDED_SOON, contacted

OWING = contacted(POOR)
NEXT = OWING.debts[0].evolve(
    period=Period("2026-11"),
    amount_minor=3_000,
    opened_at=clock.now() + timedelta(days=300),
    method=None,
    by_card=False,
)


async def told(ledger: SqlLedger, folder: Path, collection: Collection, kind: TextKind) -> str:
    await ledger.record(POOR, POOR.charge_at)
    async with Mailbox(folder) as mailbox:
        mailer = SmtpMail("127.0.0.1", mailbox.port, "billing@example.com", "Billing")
        mails = CustomerMails(mailer, ledger, "example.com", Links("", "a secret"), PaymentWays(ledger, {}))
        messages = CollectionMessages(CustomerMessages(mails, None, ledger), ledger)
        consequence = SUSPENDED_SOON if kind is TextKind.WARNING else None
        await messages.tell(kind, collection, collection.open_debts[0], 1, consequence=consequence)
        (mail,) = read_mail(mailbox.folder)
        return f"{mail.subject}\n{mail.text}"


@pytest.mark.parametrize("kind", [TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED])
async def test_bill_that_is_not_due_yet_is_called_overdue_by_nobody(
    ledger: SqlLedger, tmp_path: Path, kind: TextKind
) -> None:
    text = await told(ledger, tmp_path, OWING.owing(NEXT, OWING.since), kind)
    assert "€120.00" in text
    assert "€150.00" not in text
    assert "€30.00" not in text


async def test_reminder_before_anything_is_due_is_about_all_of_it(ledger: SqlLedger, tmp_path: Path) -> None:
    ahead = OWING.evolve(debts=(OWING.debts[0].evolve(opened_at=clock.now() + timedelta(days=3)),))
    assert "€120.00" in await told(ledger, tmp_path, ahead, TextKind.REMINDER)
