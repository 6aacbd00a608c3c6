"""What customers are told of the steps of their service orders: once, as they are billed; or people tell them."""

# ruff: noqa: RUF001 - Cyrillic texts
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.mail.smtp_mail import SmtpMail
from adapters.sql.ledger import SqlLedger
from billing.customers.channels import Channel
from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Customer, Terms
from billing.customers.links import Links
from billing.errors import MailUnavailable, OutsideContactHours, TextsUnavailable, TextUnknown
from billing.events.event import Destination, OutgoingEvent
from billing.invoices.month import Month
from billing.payments.methods import BillPayer
from billing.subscribers.newcomer import NewSubscriber
from billing.texts.text import Language, TextStatus
from process.settings.texts import TextTerms
from sandbox.stand_ins.mailbox import Mail, MailFault, read_mail
from services.alerts import Alerts
from services.messages.customer_mails import CustomerMails
from services.messages.customer_messages import CustomerMessages
from services.messages.ways_to_pay import PaymentWays
from services.orders.step_texts import StepTexts
from tests.contract.event_fixtures import listed
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.procedure_fixtures import asking_for, does, opens, without_limit
from tests.contract.test_customer_messages import TERMS, Woken, World
from tests.contract.test_customer_messages import world as world  # a fixture
from tests.service_ordering import AT, DAN, LATER, YES, connected, payment, request

ENGLISH = TERMS.evolve(language=Language.ENGLISH)
LINKS = Links("https://pay.example", "a secret")
NOON = datetime(2026, 12, 1, 7, tzinfo=UTC)  # in Almaty; a Tuesday
NIGHT = NOON + timedelta(hours=10)
PHONE = "+77011234567"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(url, (Destination.CUSTOMER,))
    yield ledger
    await ledger.close()


def sender(world: World, at: datetime, can_text: bool = True, terms: TextTerms = ENGLISH) -> StepTexts:
    world.at, ledger = at, world.ledger
    mailer = SmtpMail("127.0.0.1", world.mailbox.port, "billing@example.com", "Billing")
    mails = CustomerMails(mailer, ledger, "example.com", LINKS, PaymentWays(ledger, {}), terms)
    messages = CustomerMessages(mails, world.texts(terms) if can_text else None, ledger)
    return StepTexts(ledger, messages, Alerts(ledger, Woken(), True), LINKS, ContactHours(), lambda: at)


def mailed(world: World) -> list[Mail]:
    return read_mail(world.mailbox.folder)


async def asked_for_fee(
    ledger: SqlLedger, phone: str | None = PHONE, email: str | None = DAN.email
) -> list[OutgoingEvent]:
    """What the customer is to be told until then: the request is confirmed, and the fee is asked for."""
    values, buyer = {"tariff": "internet-100", "address": "Abay Ave. 1"}, DAN.evolve(email=email)
    await opens(ledger, "77", "connect", subscriber=NewSubscriber(phone=phone), values=values, buyer=buyer)
    await does(ledger, "77", "feasibility", possible=YES, equipment="no")
    return sorted(await listed(ledger), key=lambda event: event.number)


async def billed(ledger: SqlLedger, *by: Channel) -> None:
    """Whose order it is gets bills by then."""
    customer = Customer(
        customer_id="dana",
        email=DAN.email,
        name=DAN.name,
        currency="kzt",
        timezone="Asia/Almaty",
        phone=PHONE,
        payment_method=BillPayer(),
        terms=Terms(bill_by=by),
    )
    await ledger.record(Month.open(customer, NOVEMBER), AT)


async def test_each_step_is_texted_once_with_the_fee_that_is_owed_and_where_to_pay(
    world: World, ledger: SqlLedger
) -> None:
    events, texts = await asked_for_fee(ledger, email=None), sender(world, NOON)
    for event in (*events, *events):
        await texts.send(event)
    number = (await ledger.services_of("dana"))[0].number
    assert await world.received() == [
        f"Request 77 is registered. Account {number}",
        f"To be paid: 5000 KZT. Account {number}. Kaspi {LINKS.to_fee('77')}",
    ]
    assert mailed(world) == []


async def test_whoever_has_no_phone_is_mailed_each_step_once_with_a_button_to_pay(
    world: World, ledger: SqlLedger
) -> None:
    events, texts = await asked_for_fee(ledger, phone=None), sender(world, NIGHT)
    for event in (*events, *events):
        await texts.send(event)
    received, asked = mailed(world)
    assert (received.to, received.subject) == ("dana@example.com", "Request 77 is registered")
    assert asked.subject == "To be paid for your request 77"
    for part in (asked.text, asked.html):
        assert "To be paid: 5000 KZT. Account" in part
        assert LINKS.to_fee("77") in part
    assert "http" not in received.text
    assert (await world.received(), await ledger.alerts()) == ([], [])


async def test_a_mail_goes_at_night_and_its_text_in_the_morning_each_once(world: World, ledger: SqlLedger) -> None:
    """Somebody new has both: so their first bill goes, too."""
    _, asked = await asked_for_fee(ledger)
    for _ in range(2):
        with pytest.raises(OutsideContactHours) as early:
            await sender(world, NIGHT).send(asked)
    assert early.value.retry_after == timedelta(hours=11)
    assert (len(mailed(world)), await world.received()) == (1, [])
    await sender(world, NIGHT + timedelta(hours=11)).send(asked)
    assert (len(mailed(world)), len(await world.received())) == (1, 1)


@pytest.mark.parametrize(("by", "mails", "texts"), [(Channel.MAIL, 1, 0), (Channel.SMS, 0, 1)])
async def test_a_step_is_told_by_the_channel_of_bills(
    world: World, ledger: SqlLedger, by: Channel, mails: int, texts: int
) -> None:
    await billed(ledger, by)
    first, _ = await asked_for_fee(ledger)
    await sender(world, NOON).send(first)
    assert (len(mailed(world)), len(await world.received())) == (mails, texts)


async def test_nobody_is_told_of_a_fee_that_is_paid(world: World, ledger: SqlLedger) -> None:
    _, asked = await asked_for_fee(ledger)
    await ledger.book(payment(), LATER)
    await sender(world, NIGHT).send(asked)
    assert (mailed(world), await world.received()) == ([], [])


async def test_an_address_that_takes_no_mail_is_made_up_for_by_a_text(world: World, ledger: SqlLedger) -> None:
    await billed(ledger, Channel.MAIL)
    first, _ = await asked_for_fee(ledger)
    world.mailbox.faults.append(MailFault(action="refuse", times=None))
    for _ in range(2):
        await sender(world, NOON).send(first)
    assert (len(mailed(world)), len(await world.received())) == (0, 1)
    assert await ledger.alerts() == []


async def test_a_mail_whose_answer_was_lost_comes_again_under_the_same_id(world: World, ledger: SqlLedger) -> None:
    first, _ = await asked_for_fee(ledger, phone=None)
    world.mailbox.faults.append(MailFault(action="drop_reply", times=1))
    with pytest.raises(MailUnavailable):
        await sender(world, NOON).send(first)
    await sender(world, NOON).send(first)
    assert len({mail.message_id for mail in mailed(world)}) == 1


@pytest.mark.parametrize(
    ("path", "fault", "error", "bodies", "status"),
    [
        ("faults", {"kind": "drop_after", "path": "send"}, TextUnknown, 1, TextStatus.DELIVERED),
        ("faults", {"kind": "drop_before", "path": "send"}, TextUnknown, 0, TextStatus.UNKNOWN),
        ("answers", {"smsc_code": 3}, TextsUnavailable, 0, TextStatus.UNKNOWN),
    ],
    ids=["taken", "not taken", "refused"],
)
async def test_a_text_that_was_begun_before_the_fee_was_paid_comes_to_an_end(
    world: World, ledger: SqlLedger, path: str, fault: object, error: type[Exception], bodies: int, status: TextStatus
) -> None:
    (_, event), texts = await asked_for_fee(ledger, email=None), sender(world, NOON)
    await world.stand(path, fault)
    with pytest.raises(error):
        await texts.send(event)
    await ledger.book(payment(), LATER)
    for _ in range(2):
        await texts.send(event)
    assert (len(await world.received()), (await world.row()).status) == (bodies, status)


async def test_an_answer_that_is_longer_than_a_text_may_repeat_is_cut_and_told(world: World, ledger: SqlLedger) -> None:
    account = await connected(ledger)
    values = {"category": "No connection", "text": "Help"}
    wanted = request("80", procedure="request", account=account, buyer=None, subscriber=None, values=values)
    await ledger.open_service_order(wanted, without_limit(), LATER)
    await does(ledger, "80", "repair", answer="a" * 501)
    event = max(await listed(ledger), key=lambda event: event.number)
    await sender(world, NOON).send(event)
    (text,) = [text for text in await world.received() if text.startswith("Your request 80")]
    assert text.endswith("aaa...")
    assert len(text) < 560


@pytest.mark.parametrize(
    ("language", "asked", "typed", "told"),
    [
        (Language.ENGLISH, "yes_no", "no", "No"),
        (Language.RUSSIAN, "yes_no", "yes", "Да"),
        (Language.KAZAKH, "yes_no", "no", "Жоқ"),
        (Language.UKRAINIAN, "yes_no", "no", "Ні"),
        (Language.ENGLISH, "money", "1500.50", "1500.50 KZT"),
    ],
)
async def test_an_answer_is_quoted_as_people_say_it(
    world: World, ledger: SqlLedger, language: Language, asked: str, typed: str, told: str
) -> None:
    account = await connected(ledger)
    values = {"category": "No connection", "text": "Help"}
    wanted = request("80", procedure="request", account=account, buyer=None, subscriber=None, values=values)
    await ledger.open_service_order(wanted, asking_for(asked), LATER)
    await does(ledger, "80", "repair", answer=typed)
    await billed(ledger, Channel.MAIL, Channel.SMS)
    event = max(await listed(ledger), key=lambda event: event.number)
    await sender(world, NOON, terms=TERMS.evolve(language=language)).send(event)
    (text,), (mail,) = await world.received(), mailed(world)
    assert text.endswith(f"{account}: {told}")
    assert f"{account}: {told}\n" in mail.text


@pytest.mark.parametrize(("phone", "can_text"), [(None, True), (PHONE, False)])
async def test_people_tell_whoever_cannot_be_reached(
    world: World, ledger: SqlLedger, phone: str | None, can_text: bool
) -> None:
    (first, _), texts = await asked_for_fee(ledger, phone, email=None), sender(world, NOON, can_text)
    await texts.send(first)
    await texts.send(first)
    (alert,) = await ledger.alerts()
    assert "Confirm the request: its customer could not be told, there is no way to text or mail them" in alert.text


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        (Language.RUSSIAN, "Заявка 77: к оплате", "К оплате 5000 KZT, л/с"),
        (Language.KAZAKH, "Өтінім 77: төлеңіз", "Төлеңіз: 5000 KZT, ж/ш"),
        (Language.UKRAINIAN, "Заявка 77: до сплати", "До сплати 5000 KZT, о/р"),
    ],
)
async def test_a_mail_has_the_language_and_letters_of_the_company(
    world: World, ledger: SqlLedger, tmp_path: Path, language: Language, subject: str, words: str
) -> None:
    _, asked = await asked_for_fee(ledger, phone=None)
    await sender(world, NOON, terms=TERMS.evolve(language=language, latin=True)).send(asked)
    (mail,) = mailed(world)
    assert mail.subject == subject
    assert (words in mail.text, f'lang="{language}"' in mail.html) == (True, True)
