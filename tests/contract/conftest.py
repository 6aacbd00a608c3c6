"""Shared by the contract tests: `serve` runs an ASGI app on a real socket and gives its base URL.

The ledger's fixtures are named here once: each module that imported them would start a PostgreSQL server of its own.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from starlette.types import ASGIApp

from sandbox.stack.local_server import LocalServer
from sandbox.stack.stand_ins import IDLE_SECONDS
from tests.contract.ledger_fixtures import databases, ledger, url

__all__ = ["databases", "ledger", "url"]  # fixtures

Serve = Callable[[ASGIApp], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`url = await serve(app)`, as often as wanted; the servers stop when the test ends."""
    running: list[tuple[LocalServer, asyncio.Task[None]]] = []

    async def start(app: ASGIApp) -> str:
        # Takes connections from now on: nothing to wait for. asyncio turns Nagle's delay off only if TCP is named.
        listening = socket.socket(proto=socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = LocalServer(
            uvicorn.Config(
                app,
                log_level="warning",
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=1,
                proxy_headers=False,  # as ours
            )
        )
        running.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, _ in running:
        server.stop()
    await asyncio.gather(*(task for _, task in running))
