"""Users of the console in tests, and a console without Temporal. (A stub: branch identity has the real one.)"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client

from adapters.sql_ledger import SqlLedger
from billing.users import Role
from bootstrap import connect_adapters
from console.app import create_app
from console.server import Server
from settings import Settings


@asynccontextmanager
async def signed_in_at(
    url: str, ledger: SqlLedger, username: str = "ann", role: Role = Role.REVIEWER
) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a new user, signed in; it sends the CSRF token by itself, as the desk's script does."""
    cookies = {"stub": f"{username}:{role}"}
    headers = {"X-CSRF-Token": "stub"}
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=60, cookies=cookies, headers=headers
    ) as browser:
        yield browser


@dataclass(frozen=True)
class Office:
    """A console on a real socket with its ledger; nothing else answers."""

    app: FastAPI
    url: str
    ledger: SqlLedger


@asynccontextmanager
async def office(settings: Settings) -> AsyncIterator[Office]:
    listener = socket.create_server(("127.0.0.1", 0))
    settings = settings.model_copy(update={"console_port": listener.getsockname()[1]})
    async with connect_adapters(settings) as adapters:
        await adapters.ledger.migrate()
        app = create_app(settings, adapters, await Client.connect("127.0.0.1:1", lazy=True))
        running = Server(uvicorn.Config(app, log_level="warning", proxy_headers=False))
        serving = asyncio.create_task(running.serve(sockets=[listener]))
        try:
            yield Office(app, f"http://127.0.0.1:{settings.console_port}", adapters.ledger)
        finally:
            running.stop()
            await serving
