"""Faults are injected into the services, and their failures do not break the injection."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.plan import FaultPlan
from sandbox.stack.ports import Ports


async def one_answer_per_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server whose patience with an idle connection ends just when the next request is sent on it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length")), 0)
    await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
    await reader.read(1)
    writer.close()


async def test_faults_end_also_if_a_service_has_closed_an_idle_connection_meanwhile(tmp_path: Path) -> None:
    async with AsyncExitStack() as exits:
        server = await exits.enter_async_context(await asyncio.start_server(one_answer_per_connection, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        names = Ports.settings()
        stack: Any = SimpleNamespace(settings=SimpleNamespace(data_dir=tmp_path, **dict.fromkeys(names, port)))
        async with FaultInjector(stack, [], stack, port).during(FaultPlan()):
            pass
