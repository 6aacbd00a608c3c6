"""The sandbox's mail: an SMTP server that keeps every mail as an .eml file, `read_mail`, and web pages.

    async with Mailbox(folder) as mailbox:  # SMTP on 127.0.0.1:mailbox.port
        mailbox.faults.append(MailFault(action="drop_reply", times=1))
        ...
    read_mail(folder)[-1].subject

Nothing leaves this machine.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from itertools import count
from pathlib import Path
from typing import Literal, Self, cast

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from sandbox.stand_ins.faults import Fault, FaultRules

PAGE_LIMIT = 500
_STAMP = "%Y%m%dT%H%M%S.%fZ"  # of arrival, in a file's name


class MailFault(Fault):
    """A failure of the server, for one recipient or (None) for any.

    refuse: 550 to RCPT. defer: 451 to RCPT.
    drop_reply: the mail is kept, then the connection drops unanswered.
    """

    action: Literal["refuse", "defer", "drop_reply"]
    recipient: str | None = None

    def matches(self, action: str, address: str) -> bool:
        return self.action == action and (self.recipient or address).casefold() == address.casefold()


@dataclass(frozen=True)
class Mail:
    """One delivery to one recipient; a mail that was sent twice is here twice, with the same `message_id`."""

    path: Path
    message_id: str
    to: str
    subject: str
    date: datetime | None
    text: str
    html: str
    headers: Mapping[str, str]

    @property
    def arrived_at(self) -> datetime:
        return datetime.strptime(self.path.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)


class Mailbox:
    """SMTP server on the running loop. `port` 0 is chosen at start; `faults` may be changed at any time."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self.faults = FaultRules[MailFault]()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="sandbox", ident="mailbox", enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._fails("refuse", address):
            return "550 5.1.1 No such mailbox (sandbox fault)"
        if self._fails("defer", address):
            return "451 4.3.0 Try again later (sandbox fault)"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = cast(bytes, envelope.content)
        try:
            for address in envelope.rcpt_tos:
                _keep(self.folder, address, content)
        except OSError as error:  # a full disk: later there may be room
            return f"452 4.3.1 Not kept: {error}"
        if any(self._fails("drop_reply", address) for address in envelope.rcpt_tos):
            cast(asyncio.Transport, server.transport).abort()
            await asyncio.Event().wait()  # the lost connection cancels this task: no reply
        return "250 2.0.0 Kept"

    def _fails(self, action: str, address: str) -> bool:
        return self.faults.firing(lambda fault: fault.matches(action, address)) is not None


def read_mail(folder: Path) -> list[Mail]:
    """All mails in `folder`, in the order of arrival."""
    return [_parsed(path) for path in _paths(folder)]


def mail_app(folder: Path, mailbox: Mailbox | None = None) -> FastAPI:
    """Web pages over `folder`: GET /mail and /mail/{name}.

    With a `mailbox` also POST /_control/mail-faults: a JSON list of MailFault that replaces those in force.
    """
    app = FastAPI(title="Sandbox mail")

    @app.get("/mail", response_class=HTMLResponse)
    def list_mail() -> HTMLResponse:
        paths = _paths(folder)
        newest = [_parsed(path) for path in reversed(paths[-PAGE_LIMIT:])]
        return _page("list", mails=newest, total=len(paths))

    @app.get("/mail/{name}", response_class=HTMLResponse)
    def show_mail(name: str) -> HTMLResponse:
        for path in _paths(folder):
            if path.name == name:  # compared, never opened by name: nothing outside the folder can be reached
                return _page("mail", mail=_parsed(path))
        raise HTTPException(404, f"No mail {name}")

    if mailbox is not None:

        @app.post("/_control/mail-faults")
        def set_faults(faults: list[MailFault]) -> list[MailFault]:
            mailbox.faults[:] = faults
            return faults

    return app


def _keep(folder: Path, address: str, content: bytes) -> None:
    """Write atomically, and never over another mail: also a repeat is a delivery."""
    mail = BytesHeaderParser(policy=policy.default).parsebytes(content)
    stamp = datetime.now(UTC).strftime(_STAMP)
    to = re.sub(r"[^\w@.+-]", "_", address)[:80]
    stem = f"{stamp}-{to}-{_slug(str(mail['subject'] or ''))}"
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part") as part:
        part.write(f"Delivered-To: {address}\r\n".encode() + content)
        part.flush()
        for number in count(1):
            try:
                return os.link(part.name, folder / f"{stem}{f'-{number}' if number > 1 else ''}.eml")
            except FileExistsError:
                continue


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")[:60] or "no-subject"


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.eml"))


def _parsed(path: Path) -> Mail:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    return Mail(
        path=path,
        message_id=str(mail["message-id"] or ""),
        to=str(mail["delivered-to"]),
        subject=str(mail["subject"] or ""),
        date=mail["date"].datetime if mail["date"] else None,
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        headers={name: str(value) for name, value in mail.items()},
    )


def _body(mail: EmailMessage, kind: Literal["plain", "html"]) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except LookupError:  # a charset that nobody knows must not hide the other mails
        return cast(bytes, part.get_payload(decode=True)).decode(errors="replace")


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, trim_blocks=True
)


def _page(template: str, **values: object) -> HTMLResponse:
    # Also binds the mail in the iframe: nothing is loaded from anywhere, no script runs.
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
    return HTMLResponse(_TEMPLATES.get_template(f"{template}.html").render(values), headers=headers)
