"""Mails that follow each other share a connection, none that may be broken, and none for longer than a burst."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.mail import kept_connections
from adapters.mail.smtp_mail import SmtpMail
from billing.errors import MailRefused
from billing.mails.mail import RenderedMail
from sandbox.timeline import until

CONTENT = RenderedMail("Hello", "text", "<p>html</p>")


class Server:
    """A mail server that notes on which connection each mail came, and which ones are open."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[SMTP] = []
        self.open: list[SMTP] = []
        self.noop: str | None = "250 OK"  # None: no answer

    def connected(self) -> SMTP:
        server = self

        class Connection(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                server.open.append(self)
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                server.open.remove(self)
                super().connection_lost(error)

        return Connection(self, hostname="sandbox", loop=asyncio.get_running_loop())

    async def handle_NOOP(self, connection: SMTP, session: Session, envelope: Envelope, argument: str) -> str:
        return self.noop or await asyncio.get_running_loop().create_future()

    async def handle_RCPT(
        self, connection: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, connection: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append(connection)
        return "250 Kept"

    async def has_open(self, count: int) -> None:
        async def look() -> bool:
            return len(self.open) == count

        await until(look, 10)

    @property
    def connections(self) -> list[int]:
        """Of each mail, counted from 0."""
        seen = list(dict.fromkeys(self.mails))
        return [seen.index(connection) for connection in self.mails]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.get_running_loop().create_server(server.connected, "127.0.0.1", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server


def mailer(server: Server) -> SmtpMail:
    return SmtpMail("127.0.0.1", server.port, "billing@example.com")


async def send(mail: SmtpMail, to: str = "ann@example.com") -> None:
    await mail.send_plain(CONTENT, to, "<1@example.com>", "release/1")


async def test_mails_that_follow_each_other_share_a_connection_which_ends_with_the_mailer(server: Server) -> None:
    async with mailer(server) as mail:
        for _ in range(3):
            await send(mail)
        assert len(server.open) == 1
    await server.has_open(0)
    assert server.connections == [0, 0, 0]


async def test_without_an_end_each_mail_has_a_connection_of_its_own(server: Server) -> None:
    mail = mailer(server)
    for _ in range(2):
        await send(mail)
    await server.has_open(0)
    assert server.connections == [0, 1]


async def test_two_mails_at_once_share_none(server: Server) -> None:
    async with mailer(server) as mail:
        await asyncio.gather(*(send(mail) for _ in range(3)))
        await asyncio.gather(*(send(mail) for _ in range(3)))
    assert sorted(server.connections) == [0, 0, 1, 1, 2, 2]


async def test_a_connection_that_the_server_has_closed_costs_no_mail(server: Server) -> None:
    async with mailer(server) as mail:
        await send(mail)
        transport = server.open[0].transport
        assert transport is not None
        transport.close()
        await server.has_open(0)
        await send(mail)
    assert server.connections == [0, 1]


@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", None])
async def test_a_connection_whose_server_has_had_enough_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    monkeypatch.setattr(kept_connections, "CHECK_SECONDS", 0.05)
    async with mailer(server) as mail:
        await send(mail)
        server.noop = answer
        await send(mail)
        await server.has_open(1)
    assert server.connections == [0, 1]


async def test_a_connection_on_which_a_mail_was_refused_is_used_no_more(server: Server) -> None:
    async with mailer(server) as mail:
        await send(mail)
        with pytest.raises(MailRefused):
            await send(mail, "nobody@example.com")
        await send(mail)
    assert server.connections == [0, 1]


async def test_a_connection_takes_so_many_mails(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connections, "MAILS_MAX", 2)
    async with mailer(server) as mail:
        for _ in range(5):
            await send(mail)
    assert server.connections == [0, 0, 1, 1, 2]


async def test_a_connection_ends_after_the_burst(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connections, "IDLE_SECONDS", 0.01)
    async with mailer(server) as mail:
        await send(mail)
        await server.has_open(0)
        await send(mail)
    assert server.connections == [0, 1]
