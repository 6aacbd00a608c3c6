"""``SmtpMail`` against a real SMTP server: what arrives, to whom and from whom."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.errors import MailError, MailRefused, MailUnavailable
from billing.mails.mail import Mailer, RenderedMail
from sandbox.stand_ins.mailbox import Mailbox, MailFault, read_mail
from tests.contract.smtp_fixtures import ANN, letter, mailbox, mailer, sends

__all__ = ["mailbox"]  # fixture


class PlainServer:
    """A mail server without SMTPUTF8, and what came over the wire."""

    def __init__(self) -> None:
        self.port = 0
        self.senders: list[str | None] = []
        self.recipients: list[str] = []
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.senders.append(envelope.mail_from)
        self.recipients += envelope.rcpt_tos
        self.contents.append(cast(bytes, envelope.content))
        return "250 2.0.0 Kept"


@pytest.fixture
async def plain_server() -> AsyncIterator[PlainServer]:
    handler, loop = PlainServer(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="plain", loop=loop), "127.0.0.1", 0)
    async with server:
        handler.port = server.sockets[0].getsockname()[1]
        yield handler


async def test_a_rendered_mail_says_what_arrives(mailbox: Mailbox) -> None:
    composed = mailer(mailbox.port).compose(letter())
    await mailer(mailbox.port).send(letter(), composed)
    (mail,) = read_mail(mailbox.folder)
    assert (composed.subject, f"{composed.text}\n") == (mail.subject, mail.text)


async def test_mail_arrives_with_both_parts_and_all_headers(mailbox: Mailbox) -> None:
    sent = letter()
    port: Mailer = mailer(mailbox.port)
    await port.send(sent, port.compose(sent))
    (kept,) = read_mail(mailbox.folder)
    assert (kept.to, kept.message_id) == (ANN, sent.message_id)
    assert kept.subject == "Invoice for October 2026: €12.50 on 8 November 2026"
    assert kept.date is not None
    assert abs(datetime.now(UTC) - kept.date) < timedelta(minutes=1)
    expected = {
        "From": "Billing <billing@example.com>",
        "To": ANN,
        "Auto-Submitted": "auto-generated",
        "X-Billing-Ref": "notice/ann/2026-10",
    }
    assert {name: kept.headers[name] for name in expected} == expected
    assert kept.headers["Content-Type"].startswith("multipart/alternative")
    for part in (kept.text, kept.html):
        assert "Hello Ann Ünal," in part
        assert "Bücher 書籍" in part


async def test_repeat_carries_the_same_message_id(mailbox: Mailbox) -> None:
    for _ in range(2):
        await sends(mailer(mailbox.port), letter())
    first, second = read_mail(mailbox.folder)
    assert first.message_id == second.message_id


@pytest.mark.parametrize(
    ("to", "delivered"),
    [
        ("ünal@example.com", "ünal@example.com"),
        ("ann@müller.example", "ann@xn--mller-kva.example"),
        ("Kasse@Straße.example", "Kasse@xn--strae-oqa.example"),
        ("ünal@straße.example", "ünal@xn--strae-oqa.example"),
        ("a..b+c'd@example.com", "a..b+c'd@example.com"),
    ],
)
async def test_unusual_addresses_get_their_mail(mailbox: Mailbox, to: str, delivered: str) -> None:
    await sends(mailer(mailbox.port), letter(to))
    (kept,) = read_mail(mailbox.folder)
    assert kept.to.replace('"', "") == delivered
    assert kept.headers["To"].replace('"', "") == delivered


async def test_a_server_without_smtputf8_gets_every_domain_and_refuses_a_local_part_beyond_ascii(
    plain_server: PlainServer,
) -> None:
    await sends(mailer(plain_server.port), letter("ann@straße.example"))
    assert plain_server.recipients == ["ann@xn--strae-oqa.example"]
    with pytest.raises(MailRefused, match=r"ann, 2026-10 cannot be sent: .* not ASCII, .* give the customer another"):
        await sends(mailer(plain_server.port), letter("ünal@straße.example"))
    assert plain_server.recipients == ["ann@xn--strae-oqa.example"]


async def test_the_sender_may_have_a_domain_beyond_ascii(plain_server: PlainServer) -> None:
    await sends(mailer(plain_server.port, sender="kasse@straße.example", name="Straße & Söhne"), letter())
    assert plain_server.senders == ["kasse@xn--strae-oqa.example"]
    assert sender_in(plain_server.contents[0]) == [("Straße & Söhne", "kasse@xn--strae-oqa.example")]


NAMES = st.text("abcXYZ  ,,..\"\\()<>@;:[]=?_'ñüéß書籍😀&-", min_size=1, max_size=100).map(str.split).map(" ".join)


@example("Peña y Hijos, S.L.")
@example('Müller "Söhne" & Co. (Zürich), Bücher; <x@y>')
@example("=?utf-8?q?x?=")
@example("Acme, Inc.")
@example("書" * 100)
@example("x" * 100)
@settings(max_examples=300, deadline=None)
@given(NAMES.filter(bool))
def test_a_company_of_any_name_is_one_sender_with_exactly_that_name(name: str) -> None:
    rendered = RenderedMail("Invoice", "text", "<p>html</p>")
    content = mailer(1, name=name)._message(rendered, "ann@example.com", "<one@example.com>", "notice/ann/2026-10")
    assert sender_in(content) == [(name, "billing@example.com")]


def sender_in(content: bytes) -> list[tuple[str, str]]:
    """Names and addresses of the senders, as mail programs read them: encoded words are joined, then decoded."""
    head = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii")
    assert all(len(line) <= 78 for line in head.split("\n") if not line.startswith('From: "'))
    (raw,) = re.findall(r"^From: (.*(?:\n[ \t].*)*)", head, re.MULTILINE)
    found = getaddresses([raw.replace("\n", "")])
    return [(str(make_header(decode_header(name))) if "=?" in name else name, address) for name, address in found]


async def test_longest_customer_id_is_still_readable_in_the_reference(mailbox: Mailbox) -> None:
    await sends(mailer(mailbox.port), letter(customer_id="c" * 64))
    assert read_mail(mailbox.folder)[0].headers["X-Billing-Ref"] == f"notice/{'c' * 64}/2026-10"


@pytest.mark.parametrize("to", ["", "ann", f"{ANN}, bob@example.com", f"{ANN}\r\nBcc: bob@example.com", "a\x00@b.com"])
async def test_what_is_not_one_address_is_refused_before_anything_is_sent(mailbox: Mailbox, to: str) -> None:
    with pytest.raises(MailRefused, match=r"notice mail of ann, 2026-10 has no usable address"):
        await sends(mailer(mailbox.port), letter(to))
    assert read_mail(mailbox.folder) == []


async def test_header_injection_through_a_name_is_impossible(mailbox: Mailbox) -> None:
    await sends(mailer(mailbox.port), letter(name="Ann\r\nBcc: bob@example.com\r\n\r\nHello"))
    (kept,) = read_mail(mailbox.folder)
    assert "Bcc" not in kept.headers
    assert "Hello Ann Bcc: bob@example.com Hello," in kept.text


@pytest.mark.parametrize(
    ("fault", "expected", "code"), [("refuse", MailRefused, "550 5.1.1"), ("defer", MailUnavailable, "451 4.3.0")]
)
async def test_servers_answer_decides_whether_to_try_again(
    mailbox: Mailbox, fault: str, expected: type[MailError], code: str
) -> None:
    mailbox.faults.append(MailFault.model_validate({"action": fault}))
    with pytest.raises(expected) as raised:
        await sends(mailer(mailbox.port), letter())
    assert f"SMTPRecipientRefused {code}" in str(raised.value)
    assert "ann, 2026-10" in str(raised.value)
    assert ANN not in str(raised.value)
    assert raised.value.__cause__ is None  # it would carry the address into logs and workflow histories
    await sends(mailer(mailbox.port), letter())
    assert len(read_mail(mailbox.folder)) == 1
