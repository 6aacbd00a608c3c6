"""Connections to the mail server that outlast a mail: most of what sending takes is to connect, greet and log in.

    connections.keeps = True                  # and ``close`` at the end; else each mail has its own
    async with connections.lent() as server:
        await server.sendmail(...)

Before it is used again, a connection is asked whether it still answers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

import aiosmtplib

IDLE_SECONDS = 5.0  # a burst is over then; servers wait for minutes
MAILS_MAX = 50  # on one connection; some servers take a hundred
_KEPT_MAX = 10
CHECK_SECONDS = 5.0  # for an answer before a connection is used again


class _Waiting(NamedTuple):
    mails: int
    """That it has carried."""
    end: "asyncio.Task[None]"


class KeptConnections:
    """``connect`` makes a client that is not connected yet. Nothing is kept unless ``keeps`` says so."""

    def __init__(self, connect: Callable[[], Awaitable[aiosmtplib.SMTP]]) -> None:
        self.keeps = False
        self._connect = connect
        self._waiting: dict[aiosmtplib.SMTP, _Waiting] = {}

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection for one mail, new or one that has just answered. It ends with whatever fails meanwhile."""
        async with AsyncExitStack() as stack:
            server, mails = await self._alive()
            if server is None:
                server = await stack.enter_async_context(await self._connect())
            else:
                stack.push_async_exit(server)
            yield server
            if self.keeps and mails + 1 < MAILS_MAX and len(self._waiting) < _KEPT_MAX:
                stack.pop_all()
                self._waiting[server] = _Waiting(mails + 1, asyncio.create_task(self._end_idle(server)))

    async def close(self) -> None:
        """Ends what is kept; mails that are being sent end their own."""
        self.keeps = False
        kept, self._waiting = self._waiting, {}
        for waiting in kept.values():
            waiting.end.cancel()
        await asyncio.gather(*map(_end, kept))

    async def _alive(self) -> tuple[aiosmtplib.SMTP | None, int]:
        """The server may have closed a connection meanwhile, or fallen silent; such a one ends here."""
        while self._waiting:
            server, waiting = self._waiting.popitem()  # the last one that was used
            waiting.end.cancel()
            try:
                await server.noop(timeout=CHECK_SECONDS)
                return server, waiting.mails
            except BaseException as error:
                server.close()
                if not isinstance(error, (aiosmtplib.SMTPException, OSError)):
                    raise
        return None, 0

    async def _end_idle(self, server: aiosmtplib.SMTP) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        del self._waiting[server]
        await _end(server)


async def _end(server: aiosmtplib.SMTP) -> None:
    try:
        with suppress(aiosmtplib.SMTPException, OSError):
            await server.quit(timeout=CHECK_SECONDS)
    finally:
        server.close()
