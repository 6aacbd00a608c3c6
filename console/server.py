"""uvicorn's server without its signal handling: whoever runs it decides when it stops."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Answers what has been asked, then ends."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams that would go on for hours end first; the rest is answered."""
        if live := getattr(getattr(self.config.app, "state", None), "live", None):
            live.stop()
        await super().shutdown(sockets)
