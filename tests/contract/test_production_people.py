"""Production that is told as people are: by a chat service, or by mail."""

from pathlib import Path

import pytest

from adapters.mail.mail_production import MailProduction
from adapters.mail.smtp_mail import SmtpMail
from adapters.notify.apprise_production import AppriseProduction
from billing.errors import InvalidInput, ReceiverUnavailable
from bootstrap import connect_adapters
from orders.events import ReleaseData
from sandbox.stand_ins.mailbox import Mailbox, read_mail
from settings import Settings
from tests.contract.production_fixtures import DATA
from tests.receiver import Receiver, receiver

__all__ = ["receiver"]  # fixture

TO = "workshop@example.com"


async def test_a_chat_service_gets_what_is_to_be_made(receiver: Receiver) -> None:
    production = AppriseProduction(receiver.address)
    verdict = await production.release("event-1", {}, DATA)
    assert (verdict.accepted, verdict.text) == (True, "told by JSON")
    (arrived,) = receiver.bodies
    assert arrived["title"] == "Order 1042, version 2, may be produced"
    for words in ("2 x Sign Ä", f"File (SHA-256): {'a' * 64}", "90.00 EUR of 90.00 EUR are paid", "event-1"):
        assert words in arrived["message"]
    assert "is not asked" in await production.ping()
    assert len(receiver.bodies) == 1, "a ping is no message"


async def test_what_is_too_long_for_a_chat_service_is_not_sent_in_part(receiver: Receiver) -> None:
    long = DATA.evolve(lines=DATA.lines + 100 * (DATA.lines[0].evolve(description="x" * 500),))
    verdict = await AppriseProduction(receiver.address).release("event-1", {}, long)
    assert not verdict.accepted
    assert verdict.text.startswith("what is to be made is too long for JSON; tell production by hand")
    assert receiver.bodies == []


async def test_a_chat_service_that_fails_is_told_again_and_its_address_told_nobody(receiver: Receiver) -> None:
    receiver.failures = 1
    production = AppriseProduction(f"{receiver.address}&token=hunter2")
    with pytest.raises(ReceiverUnavailable, match="JSON did not take order 1042") as failed:
        await production.release("event-1", {}, DATA)
    assert "hunter2" not in str(failed.value)
    assert (await production.release("event-1", {}, DATA)).accepted


@pytest.mark.parametrize("address", ["erp.example.com/releases", "nonsense://x"])
def test_an_address_that_nobody_understands_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="BILLING_PRODUCTION_URL"):
        AppriseProduction(address)


async def test_a_mail_says_what_is_to_be_made_and_a_copy_has_its_message_id(tmp_path: Path) -> None:
    async with Mailbox(tmp_path / "mail") as mailbox:
        mail = SmtpMail("127.0.0.1", mailbox.port, "billing@example.com", "Shop")
        production = MailProduction(mail, TO, "example.com")
        verdicts = [await production.release("event-1", {}, DATA) for _ in range(2)]
        await production.release("event-2", {}, shipped())
        assert await production.ping() == "releases are told by mail"
    assert verdicts[0] == verdicts[1]
    mails = list(read_mail(tmp_path / "mail"))
    assert len({each.message_id for each in mails}) == 2
    assert {each.subject for each in mails} == {
        "Order 1042, version 2, may be produced",
        "Order 1042, version 2, may be shipped",
    }
    assert {each.to for each in mails} == {TO}
    assert all("2 x Sign Ä" in each.text for each in mails)


def shipped() -> ReleaseData:
    return DATA.evolve(kind="shipment")


async def test_a_mail_that_cannot_be_sent_is_sent_again() -> None:
    mail = SmtpMail("127.0.0.1", 1, "billing@example.com")
    with pytest.raises(ReceiverUnavailable, match="order 1042 cannot be mailed"):
        await MailProduction(mail, TO, "example.com").release("event-1", {}, DATA)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("mailto:workshop@example.com", MailProduction),
        ("json://127.0.0.1:1/x", AppriseProduction),
    ],
)
async def test_the_address_says_how_production_is_told(tmp_path: Path, url: str, kind: type) -> None:
    settings = Settings(data_dir=tmp_path, production_url=url)  # type: ignore[arg-type]
    async with connect_adapters(settings) as adapters:
        assert isinstance(adapters.production, kind)
