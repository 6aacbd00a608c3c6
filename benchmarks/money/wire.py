"""A client that takes next to no processor time, so that what is measured is the server.

async with connected(HOST, port, connections=10) as wire:
    status, body = await wire.get("/healthz")

An HTTP library's client takes as long for a request as the server does for its answer, on the same two cores.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    """``status`` 0: the connection broke without an answer."""

    status: int
    body: bytes


class Wire:
    """Connections that are kept; a request waits until one of them is free."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._free: asyncio.LifoQueue[Streams | None] = asyncio.LifoQueue()  # None: to be opened

    async def get(self, target: str) -> Reply:
        return await self._send(f"GET {target} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    async def _send(self, request: bytes) -> Reply:
        streams = await self._free.get()
        try:
            streams = streams or await asyncio.open_connection(self._host, self._port)
            streams[1].write(request)
            reply = await _reply(streams[0])
        except (OSError, EOFError):
            streams, reply = None, Reply(0, b"")
        self._free.put_nowait(streams)
        return reply

    def _close(self) -> None:
        while not self._free.empty():
            if streams := self._free.get_nowait():
                streams[1].close()


@asynccontextmanager
async def connected(host: str, port: int, connections: int) -> AsyncIterator[Wire]:
    """At most that many ``connections``, opened when they are needed."""
    wire = Wire(host, port)
    for _ in range(connections):
        wire._free.put_nowait(None)
    try:
        yield wire
    finally:
        wire._close()


async def _reply(reader: asyncio.StreamReader) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return Reply(int(head[9:12]), await reader.readexactly(int(length or 0)))
