"""Several processes of one command that share a listening socket, and begin and end together.

code = await run_together(2, ["-m", "inbound"], listening(host, port))     in the first process
with shared_socket() as shared: ...                                         in each of the others: their socket
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence

SOCKET = "BILLING_SHARED_SOCKET"
"""The environment variable that tells such a process the number of its socket."""

_BACKLOG = 2048


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises ``OSError`` if somebody does already."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)  # by its protocol, answers leave without delay
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(_BACKLOG)
    return listener


def shared_socket() -> socket.socket | None:
    """The socket of a process that ``run_together`` has started, which from now on ends with the first one."""
    if SOCKET not in os.environ:
        return None
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), signal.raise_signal, signal.SIGTERM)
    return socket.socket(fileno=int(os.environ[SOCKET]))


async def run_together(count: int, command: Sequence[str], shared: socket.socket) -> int:
    """Runs ``count`` of them until SIGTERM or SIGINT, or until one ends; returns 0 if all ended in order, else 1.

    They end in order when the pipe at their standard input is closed: by us, or by our death.
    """
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    environment = os.environ | {SOCKET: str(shared.fileno())}

    async def begin() -> asyncio.subprocess.Process:
        pipe, kept = asyncio.subprocess.PIPE, (shared.fileno(),)
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=pipe, env=environment, pass_fds=kept
        )

    children = [await begin() for _ in range(count)]
    shared.close()
    waits = [asyncio.create_task(child.wait()) for child in children]
    await asyncio.wait([*waits, asyncio.create_task(over.wait())], return_when=asyncio.FIRST_COMPLETED)
    for child in children:
        assert child.stdin is not None, "it has a pipe"
        child.stdin.close()
    return int(any(await asyncio.gather(*waits)))
