"""Mail over SMTP: ``SmtpMail("smtp.example.com", 587, "billing@example.com", "Billing", "user", "secret")``.

Errors name customer, period and the server's codes only: its texts may repeat an address, and errors are logged.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime, quote
from functools import cached_property
from typing import Literal, Self

import aiosmtplib

from adapters.mail.kept_connections import KeptConnections
from adapters.mail.mail_message import mailbox, words, write_message
from adapters.mail.mail_templates import render, render_digest, render_step
from billing.customers.address import sendable
from billing.errors import InvalidInput, MailError, MailRefused, MailUnavailable
from billing.mails.mail import CustomerMail, RenderedMail, StepMail
from billing.payments.mode import MoneyMode
from billing.payments.ports import StillWanted, always
from billing.reviewers.digest import Digest
from wording.modes import CUSTOMERS_READ, REVIEWERS_READ

TIMEOUT_SECONDS = 30  # for each step of the conversation with the server

_DOT_ATOM = re.compile(r"[^\s()<>\[\]:;@\\,.\"]+(\.[^\s()<>\[\]:;@\\,.\"]+)*")

_FOR_GOOD: dict[type[Exception], type[MailError]] = {
    # This recipient or this mail is refused.
    aiosmtplib.SMTPRecipientRefused: MailRefused,
    aiosmtplib.SMTPRecipientsRefused: MailRefused,
    aiosmtplib.SMTPDataError: MailRefused,
    aiosmtplib.SMTPNotSupported: MailRefused,  # a local part beyond ASCII, and a server without SMTPUTF8
    # Every mail fails: by our settings or the server. Only a person can correct a wrong password, but no customer's
    # month has to be resumed: all mails wait, visibly, and are sent once it is corrected.
    aiosmtplib.SMTPAuthenticationError: MailUnavailable,
    aiosmtplib.SMTPSenderRefused: MailUnavailable,
    aiosmtplib.SMTPHeloError: MailUnavailable,
    aiosmtplib.SMTPConnectResponseError: MailUnavailable,
    aiosmtplib.SMTPResponseException: MailUnavailable,
    aiosmtplib.SMTPException: MailUnavailable,  # no STARTTLS, or no way to log in that both sides know
    # No answer; the mail may have been accepted.
    aiosmtplib.SMTPServerDisconnected: MailUnavailable,
    aiosmtplib.SMTPConnectError: MailUnavailable,
    aiosmtplib.SMTPTimeoutError: MailUnavailable,
    aiosmtplib.SMTPConnectTimeoutError: MailUnavailable,
    aiosmtplib.SMTPReadTimeoutError: MailUnavailable,
    OSError: MailUnavailable,  # also TLS and time-outs
}
"""The error for each failure, unless the server's code (4xx) says that it is temporary."""


class SmtpMail:
    """Sends mails through one server. ``tls``: none, by STARTTLS, or from the start.

    In ``async with`` mails that follow each other share connections; outside of it each has its own.

    ``sender`` is an address; mail programs show ``name`` for it ("": the address). In another ``mode`` than live,
    every mail says so.
    """

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        name: str = "",
        username: str | None = None,
        password: str | None = None,
        tls: Literal["none", "starttls", "tls"] = "none",
        mode: MoneyMode = MoneyMode.LIVE,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sendable(sender)
        self._from = mailbox(self._sender, name)
        self._username = username
        self._password = password
        self._tls = tls
        self._hostname = ""
        self._connections = KeptConnections(self._client)
        self._strip, self._desk_strip = CUSTOMERS_READ[mode], REVIEWERS_READ[mode]

    async def __aenter__(self) -> Self:
        self._connections.keeps = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.close()

    def compose(self, mail: CustomerMail) -> RenderedMail:
        return render(mail, self._strip)

    async def send(self, mail: CustomerMail, composed: RenderedMail, still_wanted: StillWanted = always) -> None:
        customer_id, period = mail.month.customer_id, mail.month.period
        name, reference = f"the {mail.kind} mail of {customer_id}, {period}", f"{mail.kind}/{customer_id}/{period}"
        to = _address(mail.to, name)
        await self._send(self._message(composed, to, mail.message_id, reference), to, name, still_wanted)

    async def send_step(self, mail: StepMail, still_wanted: StillWanted = always) -> None:
        name, reference = f"the {mail.kind} mail of order {mail.number}", f"{mail.kind}/order/{mail.number}"
        to, rendered = _address(mail.to, name), render_step(mail, self._strip)
        await self._send(self._message(rendered, to, mail.message_id, reference), to, name, still_wanted)

    async def send_plain(self, content: RenderedMail, to: str, message_id: str, reference: str) -> None:
        """Sends a mail that is nobody's month, and that other adapters have written. Raises as ``send``."""
        name = f"mail {reference}"
        if self._desk_strip:
            content = content._replace(
                text=f"{self._desk_strip}\n\n{content.text}", html=f"<p>{self._desk_strip}</p>{content.html}"
            )
        to = _address(to, name)
        await self._send(self._message(content, to, message_id, reference), to, name)

    async def tell(self, digest: Digest) -> None:
        await self._send(self.write(digest), _address_of(digest), f"digest {digest.digest_id}")

    def write(self, digest: Digest) -> bytes:
        rendered = render_digest(digest, self._desk_strip)
        return self._message(rendered, _address_of(digest), digest.message_id, f"digest/{digest.digest_id}")

    async def _send(self, message: bytes, to: str, name: str, still_wanted: StillWanted = always) -> None:
        with _translated(name):
            async with self._connections.lent() as server:
                await still_wanted()
                await server.sendmail(self._sender, to, message, mail_options=await self._options(server, to))

    async def _options(self, server: aiosmtplib.SMTP, to: str) -> list[str]:
        """Raises ``SMTPNotSupported`` if an address is beyond ASCII, and the server takes none of those."""
        if f"{self._sender}{to}".isascii():
            return []
        await server.noop()  # before the first command, the server's extensions are unknown
        if not server.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
        return ["SMTPUTF8"]

    async def ping(self) -> None:
        """Connects and logs in, and sends nothing. Raises ``MailUnavailable``."""
        with _translated("a connection"):
            async with await self._client() as server:
                await server.noop()

    async def _client(self) -> aiosmtplib.SMTP:
        name = self._hostname or await asyncio.to_thread(socket.getfqdn)
        if "." in name:  # else no name server has answered; it may take seconds, so a result is kept
            self._hostname = name
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=name,
            username=self._username,
            password=self._password,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=None if self._tls == "none" else self._trust,
            timeout=TIMEOUT_SECONDS,
        )

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """The machine's certificate authorities, read once: that takes ten times as long as a mail."""
        return ssl.create_default_context()

    def _message(self, rendered: RenderedMail, to: str, message_id: str, reference: str) -> bytes:
        headers = {
            "From": self._from,
            "To": to,
            "Subject": words(rendered.subject),
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": message_id,
            "X-Billing-Ref": reference,
        }
        return write_message(headers, rendered.text, rendered.html)


def _address_of(digest: Digest) -> str:
    return _address(digest.to, f"digest {digest.digest_id}")


def _address(text: str, name: str) -> str:
    """One address in the form of SMTP. Raises ``MailRefused`` that names the mail."""
    try:
        local, _, domain = sendable(text).rpartition("@")
    except InvalidInput:
        local = domain = ""
    if not (local and local.isprintable()):
        raise MailRefused(f"{name} has no usable address; correct it, then resume")
    return f"{local}@{domain}" if _DOT_ATOM.fullmatch(local) else f'"{quote(local)}"@{domain}'


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _translate(error, name) from None  # the original carries the address


def _translate(error: Exception, name: str) -> MailError:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]  # there was one recipient
    meaning = next(_FOR_GOOD[kind] for kind in type(error).__mro__ if kind in _FOR_GOOD)
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return MailRefused(
            f"{name} cannot be sent: its address has a character before the @ that is not ASCII, and the mail server "
            "does not take those (SMTPUTF8); give the customer another address, then resume"
        )
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", error.message)
        reason = f"{type(error).__name__} {error.code}{f' {enhanced[0]}' if enhanced else ''}"
        if 400 <= error.code < 500:
            meaning = MailUnavailable
    if meaning is MailRefused:
        return MailRefused(
            f"{name} is refused for good ({reason}); correct the address or ask the mail server's operator, then resume"
        )
    return MailUnavailable(f"the mail server did not take {name} ({reason}); if this lasts, check the mail settings")
