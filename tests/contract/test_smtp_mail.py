"""``SmtpMail`` against a real SMTP server: what arrives, and what every failure becomes."""

import asyncio
import inspect
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Literal, cast

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.mail import smtp_mail
from adapters.mail.smtp_mail import SmtpMail
from billing.customers.customer import Customer
from billing.errors import MailError, MailRefused, MailUnavailable
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.keys import message_id
from billing.mails.mail import CustomerMail, CustomerMailKind, Mailer, RenderedMail
from billing.payments.methods import CardOnFile
from billing.period import Period
from sandbox.stand_ins.mailbox import Mailbox, MailFault, read_mail

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


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    async with Mailbox(tmp_path) as running:
        yield running


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


async def test_lost_answer_is_tried_again(mailbox: Mailbox) -> None:
    mailbox.faults.append(MailFault(action="drop_reply"))
    with pytest.raises(MailUnavailable):
        await sends(mailer(mailbox.port), letter())
    assert len(read_mail(mailbox.folder)) == 1


async def test_ping_logs_in_and_sends_nothing(mailbox: Mailbox) -> None:
    await mailer(mailbox.port).ping()
    assert read_mail(mailbox.folder) == []


async def test_unreachable_server_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for attempt in (mailer(port).ping(), sends(mailer(port), letter())):
        with pytest.raises(MailUnavailable, match="SMTPConnectError"):
            await attempt


async def test_silent_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_mail, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(MailUnavailable, match="Timeout"):
        await mailer(listener.getsockname()[1]).ping()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_mail_never_leaves_in_clear_text_if_tls_is_asked_for(mailbox: Mailbox, tls: str) -> None:
    with pytest.raises(MailUnavailable):
        await sends(mailer(mailbox.port, tls=tls), letter())
    assert read_mail(mailbox.folder) == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_whom_to_trust_is_read_once_for_all_mails(
    mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Literal["starttls", "tls"]
) -> None:
    """It takes longer to read than a mail to send."""
    authority = tmp_path / "authority.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(authority))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    wrapped, upgraded = (context, None) if tls == "tls" else (None, context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="sandbox", tls_context=upgraded, loop=loop), "127.0.0.1", 0, ssl=wrapped
    )
    async with server:
        sending = mailer(server.sockets[0].getsockname()[1], tls=tls)
        await sends(sending, letter())
        authority.unlink()
        await sends(sending, letter())
    assert len(read_mail(mailbox.folder)) == 2


async def test_a_slow_name_server_holds_up_the_first_mail_only(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that is down leaves the machine without its full name no longer than that."""
    answers = ["billing", "billing.example.com"]
    monkeypatch.setattr(socket, "getfqdn", lambda name="": answers.pop(0))
    sending = mailer(mailbox.port)
    for _ in range(4):
        await sends(sending, letter())
    assert len(read_mail(mailbox.folder)) == 4
    assert answers == []


def certificate(path: Path) -> Path:
    """Writes the certificate of 127.0.0.1, signed by its own key, and that key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(host, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, form, clear))
    return path


async def test_wrong_password_is_not_the_months_fault() -> None:
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        refuse = lambda *_: AuthResult(success=False, handled=False)  # noqa: E731
        return SMTP(None, hostname="sandbox", auth_require_tls=False, authenticator=refuse, loop=loop)

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MailUnavailable, match="SMTPAuthenticationError 535") as raised:
            await sends(mailer(port, username="billing", password="s3cret"), letter())
    assert "s3cret" not in str(raised.value)


ERRORS = [
    error for _, error in inspect.getmembers(aiosmtplib, inspect.isclass) if issubclass(error, aiosmtplib.SMTPException)
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_aiosmtplib_has_its_own_line_in_the_table(error: type[Exception]) -> None:
    assert error in smtp_mail._FOR_GOOD


def refused(code: int) -> aiosmtplib.SMTPRecipientsRefused:
    return aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(code, f"<{ANN}> unknown", ANN)])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused(550), MailRefused),
        (refused(450), MailUnavailable),
        (aiosmtplib.SMTPDataError(552, "5.3.4 too big"), MailRefused),
        (aiosmtplib.SMTPDataError(451, "later"), MailUnavailable),
        (aiosmtplib.SMTPNotSupported("SMTPUTF8"), MailRefused),
        (aiosmtplib.SMTPSenderRefused(550, "not yours", "billing@example.com"), MailUnavailable),
        (aiosmtplib.SMTPConnectResponseError(554, "no service"), MailUnavailable),
        (aiosmtplib.SMTPConnectTimeoutError("slow"), MailUnavailable),
        (TimeoutError(), MailUnavailable),
        (ConnectionResetError(), MailUnavailable),
    ],
)
def test_failures_become_retryable_unless_this_mail_is_refused(error: Exception, expected: type[MailError]) -> None:
    translated = smtp_mail._translate(error, "the notice mail of ann, 2026-10")
    assert type(translated) is expected
    assert "ann, 2026-10" in str(translated)
    assert ANN not in str(translated)
