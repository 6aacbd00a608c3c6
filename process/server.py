"""uvicorn's server as console and inbound run it: with limits of time and number, and without signal handling."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 30.0
"""Within this time head and body of a request have to arrive; slower clients are cut off."""
IDLE_SECONDS = 130
"""How long an idle connection is kept: longer than proxies keep theirs, so that no request meets its end."""
_GRACE_SECONDS = 10  # for requests that are being answered
CONNECTIONS_MAX = 1000  # open pages of reviewers count; further requests get 503


def configuration(app: Any, **more: Any) -> uvicorn.Config:
    """The configuration of every server of ours, in production and in tests."""
    return uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws="none",
        log_config=None,
        access_log=False,  # links of customers are in paths, and personal numbers in queries
        server_header=False,
        proxy_headers=False,  # process/proxies.py reads them, from trusted proxies only
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=IDLE_SECONDS,
        **more,
    )


class DeadlineProtocol(H11Protocol):
    """uvicorn's protocol with a deadline: by itself it waits without limit for the rest of a request."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect()
        else:
            self._arrived()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:  # the next request has begun to arrive
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _expect(self) -> None:
        """The time runs from the connection or the first byte; more bytes do not prolong it."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """A server that its caller stops, not a signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Answers open requests, then ends."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends streams, which would go on for hours; answers other open requests."""
        for live in getattr(getattr(self.config.app, "state", None), "live", ()):
            live.stop()
        await super().shutdown(sockets)


async def serve_until_signalled(
    app: Any, host: str, port: int, ready: str, shared: socket.socket | None = None
) -> None:
    """Logs ``ready`` with the address once it listens; SIGTERM and SIGINT end it, after the open requests.

    ``shared``: a socket that listens there already, for several processes.
    """
    config = configuration(app, host=host, port=port, timeout_graceful_shutdown=_GRACE_SECONDS)
    server = _Announced(config)
    server.ready = ready
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve([shared] if shared else None)


class _Announced(Server):
    ready = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # exempts what was loaded from garbage collection, which lets everybody wait for 130 ms
        logging.info("%s: http://%s:%d", self.ready, self.config.host, self.config.port)
