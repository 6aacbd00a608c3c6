"""uvicorn's server as stand-ins run it, of which a test starts and stops half a dozen."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

_LOOK_SECONDS = 0.005


class LocalServer(uvicorn.Server):
    """Leaves signals to the process it runs in, and stops at once: uvicorn looks ten times a second whether to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Answers open requests, for as long as the configuration says, then ends."""
        self.should_exit = True
        self._stopping.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        ticking = asyncio.create_task(super().main_loop())
        await self._stopping.wait()
        ticking.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for closed in (*self.servers, *(sockets or ())):
            closed.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while state.connections or state.tasks:
                    await asyncio.sleep(_LOOK_SECONDS)
        for task in state.tasks:
            task.cancel()
        await self.lifespan.shutdown()
