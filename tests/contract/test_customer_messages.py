"""What a customer is told arrives once by each channel, whatever fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.mail.smtp_mail import SmtpMail
from adapters.sql.ledger import SqlLedger
from billing.customers.channels import Channel
from billing.customers.links import Links
from billing.texts.text import TextKind
from sandbox.stand_ins.mailbox import Mailbox, read_mail
from services.customer_mails import CustomerMails
from services.customer_messages import CustomerMessages
from tests.unit.letters import POOR, SUSPENDED_SOON, contacted

OWING = contacted(POOR)


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    async with Mailbox(tmp_path) as running:
        yield running


@pytest.fixture
def messages(ledger: SqlLedger, mailbox: Mailbox) -> CustomerMessages:
    mailer = SmtpMail("127.0.0.1", mailbox.port, "billing@example.com", "Billing")
    return CustomerMessages(CustomerMails(mailer, ledger, "example.com", Links("", "a secret")))


async def test_a_warning_by_mail_says_what_happens_and_when(messages: CustomerMessages, mailbox: Mailbox) -> None:
    for _ in range(2):
        by = await messages.tell(TextKind.WARNING, POOR, 1, [Channel.MAIL], OWING, consequence=SUSPENDED_SOON)
        assert by == (Channel.MAIL,)
    (mail,) = read_mail(mailbox.folder)
    assert mail.subject == "Please pay €120.00 before 30 November 2026"
    assert "we will suspend your service" in " ".join(mail.text.split())
