"""What a customer is told arrives once by each channel, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from adapters.mail.smtp_mail import SmtpMail
from adapters.sms.smsc import Smsc
from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.customers.links import Links
from billing.errors import TextError, TextRefused, TextsHeld, TextsUnavailable, TextUnknown
from billing.payments.methods import BillPayer
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from billing.texts.text import Language, TextKind, TextRow, TextStatus
from bootstrap_texts import SANDBOX_SMSC
from process.settings.texts import TextTerms
from sandbox.sms.api import sms_app
from sandbox.stand_ins.control import control
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.mailbox import Mailbox, read_mail
from services.alerts import Alerts
from services.messages.customer_mails import CustomerMails
from services.messages.customer_messages import CustomerMessages
from services.messages.customer_texts import CustomerTexts
from services.messages.text_reports import TextReports
from services.messages.ways_to_pay import PaymentWays
from tests.contract.ledger_fixtures import AT
from tests.unit.letters import POOR, SUSPENDED_SOON, announced, contacted

Serve = Callable[[ASGIApp], Awaitable[str]]
PHONE = "+77012345678"
TERMS = TextTerms(language=Language.RUSSIAN, pay="Kaspi", price="4.50 KZT")
DUE = announced(phone=PHONE)
BY_TEXT = DUE.customer.evolve(email=None, payment_method=BillPayer(), terms=Terms(bill_by=(Channel.SMS,)))


class Woken:
    async def wake(self) -> None:
        """No digest is sent here."""


class World:
    """Messages on real sockets and a real ledger, and a clock."""

    def __init__(self, ledger: SqlLedger, mailbox: Mailbox, port: int) -> None:
        self.ledger, self.mailbox, self.port, self.at = ledger, mailbox, port, AT
        password, secret = SANDBOX_SMSC.password.get_secret_value(), SANDBOX_SMSC.secret.get_secret_value()
        self.vendor = Smsc(SANDBOX_SMSC.login, password, "ACME", secret, f"http://127.0.0.1:{port}/rest/")

    def now(self) -> datetime:
        return self.at

    def texts(self, terms: TextTerms = TERMS) -> CustomerTexts:
        return CustomerTexts(self.vendor, self.ledger, terms, terms, Alerts(self.ledger, Woken(), True), self.now)

    def messages(self, terms: TextTerms = TERMS) -> CustomerMessages:
        mailer = SmtpMail("127.0.0.1", self.mailbox.port, "billing@example.com", "Billing")
        mails = CustomerMails(mailer, self.ledger, "example.com", Links("", "a secret"), PaymentWays(self.ledger, {}))
        return CustomerMessages(mails, self.texts(terms), self.ledger, terms.receipts)

    async def stand(self, path: str, body: object = None, method: str = "POST") -> Any:
        return await control(self.port, path, body, method)

    async def received(self) -> list[str]:
        return [text["body"] for text in await self.stand("texts", method="GET")]

    async def row(self) -> TextRow:
        (row,) = await self.ledger.texts()
        return row


@pytest.fixture
async def world(ledger: SqlLedger, tmp_path: Path, serve: Serve) -> AsyncIterator[World]:
    url = await serve(Faults(sms_app()))
    async with Mailbox(tmp_path) as mailbox:
        world = World(ledger, mailbox, int(url.rpartition(":")[2]))
        yield world
        await world.vendor.close()


async def bill(world: World, terms: TextTerms = TERMS) -> tuple[Channel, ...]:
    return await world.messages(terms).tell(TextKind.BILL, DUE, 1, [Channel.SMS])


async def remind(world: World, number: int = 1) -> tuple[Channel, ...]:
    return await world.messages().tell(TextKind.REMINDER, POOR, number, [Channel.SMS], owing())


def owing() -> Collection:
    collection = contacted(POOR)
    return collection.evolve(customer=collection.customer.evolve(phone=PHONE))


async def test_a_bill_is_texted_once_with_amount_date_account_and_where_to_pay(world: World) -> None:
    for _ in range(2):
        assert await bill(world) == (Channel.SMS,)
    assert await world.received() == ["Счет 120 EUR до 08.11, л/с bakery-rosa. Kaspi"]
    row = await world.row()
    assert (row.status, row.segments, row.cost_micros, row.period) == (TextStatus.SENT, 1, 4_500_000, "2026-10")
    assert not read_mail(world.mailbox.folder)


async def test_a_warning_by_mail_says_what_happens_and_when(world: World) -> None:
    for _ in range(2):
        told = await world.messages().tell(
            TextKind.WARNING, POOR, 1, [Channel.MAIL], contacted(POOR), consequence=SUSPENDED_SOON
        )
        assert told == (Channel.MAIL,)
    (mail,) = read_mail(world.mailbox.folder)
    assert mail.subject == "Please pay €120.00 before 30 November 2026"
    assert "we will suspend your service" in " ".join(mail.text.split())
    assert not await world.received()


async def test_both_channels_are_used_if_both_were_agreed(world: World) -> None:
    told = await world.messages().tell(
        TextKind.WARNING, POOR, 1, [Channel.MAIL, Channel.SMS], owing(), consequence=SUSPENDED_SOON
    )
    assert set(told) == {Channel.SMS, Channel.MAIL}
    assert await world.received() == ["Долг 120 EUR: 30.11 отключим, л/с bakery-rosa. Kaspi"]
    assert len(read_mail(world.mailbox.folder)) == 1


async def test_whoever_has_no_phone_is_told_by_mail(world: World) -> None:
    assert await world.messages().tell(TextKind.REMINDER, POOR, 1, [Channel.SMS], contacted(POOR)) == (Channel.MAIL,)


async def test_a_receipt_is_texted_only_where_that_is_wanted(world: World) -> None:
    paid = DUE.evolve(customer=BY_TEXT)
    assert await world.messages().tell(TextKind.RECEIPT, paid, 1, [Channel.SMS]) == ()
    wanted = TERMS.evolve(receipts=True)
    assert await world.messages(wanted).tell(TextKind.RECEIPT, paid, 1, [Channel.SMS]) == (Channel.SMS,)
    assert await world.received() == ["Получено 120 EUR. Спасибо! Л/с bakery-rosa"]


# -- failures


async def test_of_two_workers_that_send_it_at_once_one_does(world: World) -> None:
    told = await asyncio.gather(bill(world), bill(world), return_exceptions=True)
    assert {type(answer) for answer in told} <= {tuple, TextsUnavailable}
    assert len(await world.received()) == 1
    assert (await world.ledger.text_day(AT.date())).texts == 1


async def test_a_text_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    await world.stand("faults", {"kind": "drop_after", "path": "send"})
    with pytest.raises(TextUnknown, match="bill text of bakery-rosa, 2026-10") as unknown:
        await bill(world)
    assert PHONE[1:] not in str(unknown.value)
    with pytest.raises(TextsUnavailable):
        await bill(world)  # too early: perhaps it is still being sent
    world.at += timedelta(minutes=2)
    assert await bill(world) == (Channel.SMS,)
    assert len(await world.received()) == 1
    assert (await world.row()).status is TextStatus.DELIVERED


async def test_code_9_after_a_lost_answer_is_no_refusal(world: World) -> None:
    await world.stand("answers", {"smsc_code": 9, "executed": True})
    with pytest.raises(TextUnknown):
        await bill(world)
    world.at += timedelta(minutes=2)
    await bill(world)
    assert len(await world.received()) == 1


@pytest.mark.parametrize("fault", [{"kind": "status"}, {"kind": "drop_before"}])
async def test_a_text_that_never_arrived_is_sent_again(world: World, fault: dict[str, str]) -> None:
    await world.stand("faults", {**fault, "path": "send"})
    with pytest.raises(TextUnknown):
        await bill(world)
    world.at += timedelta(minutes=2)
    await bill(world)
    assert len(await world.received()) == 1


async def test_without_money_at_the_vendor_texts_wait(world: World) -> None:
    await world.stand("answers", {"smsc_code": 3})
    with pytest.raises(TextsUnavailable, match="top the account up"):
        await bill(world)
    assert (await world.row()).status is TextStatus.WAITING
    await bill(world)
    assert len(await world.received()) == 1
    assert (await world.ledger.text_day(AT.date())).texts == 1


async def test_if_nobody_can_tell_a_bill_is_repeated_and_a_reminder_is_not(world: World) -> None:
    for send, copies in ((bill, 2), (remind, 1)):
        before = len(await world.received())
        await world.stand("faults", {"kind": "drop_after", "path": "send"})
        with pytest.raises(TextUnknown):
            await send(world)
        world.at += timedelta(minutes=2)
        world.vendor.name = "another"  # whom nobody can ask any more
        await send(world)
        world.vendor.name = "smsc"
        assert len(await world.received()) == before + copies
    assert {row.status for row in await world.ledger.texts()} == {TextStatus.SENT, TextStatus.UNKNOWN}


async def test_a_number_that_takes_no_texts_opens_one_task_and_the_customer_gets_a_mail(world: World) -> None:
    await world.stand("answers", {"smsc_code": 8, "times": None})
    for number in (1, 1, 2):
        assert await remind(world, number) == (Channel.MAIL,)
    (task,) = await world.ledger.tasks(TaskFilter(TaskKind.NO_WORKING_NUMBER))
    assert task.customer_id == "bakery-rosa"
    assert task.values["phone"] == "+7…5678"
    assert len(read_mail(world.mailbox.folder)) == 2


async def test_whoever_can_be_told_by_no_way_is_a_refusal(world: World) -> None:
    await world.stand("answers", {"smsc_code": 7, "times": None})
    month = DUE.evolve(customer=BY_TEXT)
    for _ in range(2):
        with pytest.raises(TextRefused, match="bakery-rosa"):
            await world.messages().tell(TextKind.BILL, month, 1, [Channel.SMS])
    nobody = month.model_copy(update={"customer": BY_TEXT.model_copy(update={"phone": None})})
    with pytest.raises(TextRefused, match="no address"):
        await world.messages().tell(TextKind.BILL, nobody, 1, [Channel.SMS])


async def test_beyond_the_days_limit_the_rest_waits_and_people_are_told_once(world: World) -> None:
    terms = TERMS.evolve(per_day=1)
    await bill(world, terms)
    for number in (1, 2):
        with pytest.raises(TextsHeld) as held:
            await world.messages(terms).tell(TextKind.REMINDER, POOR, number, [Channel.SMS], owing())
        assert held.value.retry_after is not None
        assert timedelta(hours=3) <= held.value.retry_after <= timedelta(hours=3, minutes=30)
    await world.ledger.claim_alerts("d1")
    (alert,) = await world.ledger.digest("d1")
    assert "per_day" in alert.text
    world.at += timedelta(days=1)
    assert await world.messages(terms).tell(TextKind.REMINDER, POOR, 1, [Channel.SMS], owing()) == (Channel.SMS,)
    assert len(await world.received()) == 2


# -- how far they have come


async def test_a_text_that_nothing_was_heard_of_is_asked_about(world: World) -> None:
    await world.stand("outcomes", {"to": "7701", "state": "accepted"})
    await bill(world)
    reports = TextReports(world.vendor, world.ledger, world.texts(), world.now)
    assert await reports.ask() == 0
    world.at += timedelta(minutes=11)
    assert await reports.ask() == 1
    assert (await world.row()).status is TextStatus.SENT
    assert await reports.ask() == 0
    await world.stand("state", {"number": 1, "state": "failed"})
    world.at += timedelta(minutes=11)
    await reports.ask()
    assert (await world.row()).status is TextStatus.FAILED
    (task,) = await world.ledger.tasks(TaskFilter(TaskKind.NO_WORKING_NUMBER))
    assert task.values["why"] == "22 wrong_number"
    assert await bill(world) == (Channel.SMS,), "nothing waits for a report"
    assert len(await world.received()) == 1


def test_every_error_of_texts_but_a_refusal_is_tried_again() -> None:
    assert {kind.__name__ for kind in TextError.__subclasses__() if not kind.retryable} == {"TextRefused"}
