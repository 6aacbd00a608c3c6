"""A mail that two workers are about to hand over, because one was thought dead and goes on, arrives once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiosmtplib
import pytest

from adapters.mail.smtp_mail import SmtpMail
from adapters.sql.ledger import SqlLedger
from billing.customers.links import Links, without_key
from billing.errors import MailUnavailable
from billing.invoices.month import Month
from billing.mails.mail import CustomerMailKind
from sandbox.stand_ins.mailbox import Mailbox, read_mail
from services.messages.customer_mails import CustomerMails
from services.messages.ways_to_pay import PaymentWays
from tests.contract.ledger_fixtures import AT
from tests.unit.letters import POOR
from tests.unit.months import drafted

MONTH = drafted(10_000).announcing(drafted(10_000).notice_at)


class Stopped(SmtpMail):
    """A worker that is stopped, by SIGSTOP or by a machine without time for it, while it connects."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port, "billing@example.com", "Billing")
        self.stopped, self.goes_on = asyncio.Event(), asyncio.Event()

    async def _client(self) -> aiosmtplib.SMTP:
        self.stopped.set()
        await self.goes_on.wait()
        return await super()._client()


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    async with Mailbox(tmp_path) as running:
        yield running


async def sends(mailer: SmtpMail, ledger: SqlLedger, month: Month = MONTH) -> None:
    apps = PaymentWays(ledger, {"eur": ["Bank's app"]})
    mails = CustomerMails(mailer, ledger, "example.com", Links("", ""), apps)
    await mails.to_customer(CustomerMailKind.NOTICE, month, 1)


async def begins(mailer: Stopped, ledger: SqlLedger) -> asyncio.Task[None]:
    """A worker that has put the letter on record, and is stopped before it hands it over."""
    sending = asyncio.create_task(sends(mailer, ledger))
    await mailer.stopped.wait()
    return sending


async def test_a_worker_that_goes_on_after_another_has_sent_it_leaves_it(ledger: SqlLedger, mailbox: Mailbox) -> None:
    first, second = Stopped(mailbox.port), SmtpMail("127.0.0.1", mailbox.port, "billing@example.com")
    sending = await begins(first, ledger)
    await sends(second, ledger)
    first.goes_on.set()
    with pytest.raises(MailUnavailable, match="another worker"):
        await sending
    await sends(second, ledger)
    assert len(read_mail(mailbox.folder)) == 1


async def test_of_two_that_go_on_at_once_one_sends_it(ledger: SqlLedger, mailbox: Mailbox) -> None:
    both = [Stopped(mailbox.port) for _ in range(2)]
    sending = [await begins(mailer, ledger) for mailer in both]
    for mailer in both:
        mailer.goes_on.set()
    left, sent = await asyncio.gather(*sending, return_exceptions=True)
    assert isinstance(left, MailUnavailable)
    assert sent is None
    assert len(read_mail(mailbox.folder)) == 1


async def test_what_was_sent_is_on_record_without_what_opens_its_page(ledger: SqlLedger, mailbox: Mailbox) -> None:
    links = Links("https://billing.example.com", "a secret")
    mailer = SmtpMail("127.0.0.1", mailbox.port, "billing@example.com")
    await CustomerMails(mailer, ledger, "example.com", links, PaymentWays(ledger, {})).to_customer(
        CustomerMailKind.DECLINE, POOR, 1
    )
    (row,), (mail,) = await ledger.messages(POOR.customer_id, POOR.period), read_mail(mailbox.folder)
    (link,) = (line for line in mail.text.splitlines() if line.startswith("https:"))
    key = link.rpartition(".")[2]
    assert links.read(link.rpartition("/")[2], POOR.charge_at) == (POOR.customer_id, POOR.period)
    assert row.text == mail.text.replace(link, without_key(link)).rstrip("\n")
    assert key not in row.text


@pytest.mark.parametrize(("currency", "shown"), [("eur", True), ("kzt", False)])
async def test_a_bill_tells_the_open_account_number_if_an_app_takes_its_currency(
    ledger: SqlLedger, mailbox: Mailbox, currency: str, shown: bool
) -> None:
    customer = MONTH.customer
    await ledger.record(MONTH, AT)
    for number in ("1000017", "1000009"):
        await ledger.open_number(customer.customer_id, number, "ann", "contract 17", AT)
    await ledger.close_number("1000017", "ann", "moved", AT)
    mails = CustomerMails(
        SmtpMail("127.0.0.1", mailbox.port, "billing@example.com"),
        *(ledger, "example.com", Links("", "")),
        PaymentWays(ledger, {currency: ["Bank's app"]}),
    )
    await mails.to_customer(CustomerMailKind.NOTICE, MONTH, 1)
    (mail,) = read_mail(mailbox.folder)
    assert ("1000009, for Bank's app" in mail.text) is shown
    assert "1000017" not in mail.text
