"""Mail servers: whom to trust, what is down or slow, and what each failure becomes."""

import asyncio
import inspect
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.mail import smtp_mail
from billing.errors import MailError, MailRefused, MailUnavailable
from sandbox.stand_ins.mailbox import Mailbox, MailFault, read_mail
from tests.contract.smtp_fixtures import ANN, letter, mailbox, mailer, sends

__all__ = ["mailbox"]  # fixture


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
