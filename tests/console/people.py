"""Users of the console in tests: made in the ledger, signed in by the real form; and a console without Temporal."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import argon2
import httpx
from fastapi import FastAPI
from temporalio.client import Client

from adapters.sql_ledger import SqlLedger
from billing.users import Role, User
from bootstrap import connect_adapters
from console.app import create_app
from console.server import Server, configuration
from console.signed_in import csrf_of
from settings import Settings
from tests.empty_ledger import empty_ledger

PASSWORD = "correct horse battery staple"
_hashed = functools.cache(argon2.PasswordHasher().hash)  # once for all tests: hashing is slow on purpose


async def make_user(
    ledger: SqlLedger, username: str = "ann", role: Role = Role.REVIEWER, password: str = PASSWORD
) -> User:
    user = User(username=username, name=username.title(), role=role)
    assert await ledger.add_user(user, _hashed(password) if password else "", datetime.now(UTC))
    return user


@asynccontextmanager
async def browser_at(url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, **options) as browser:
        yield browser


@asynccontextmanager
async def signed_in_at(
    url: str, ledger: SqlLedger, username: str = "ann", role: Role = Role.REVIEWER
) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a new user, signed in; it sends the CSRF token by itself, as the desk's script does."""
    await make_user(ledger, username, role)
    async with browser_at(url) as browser:
        answer = await sign_in(browser, username)
        assert answer.status_code == 303, answer.text
        browser.headers["X-CSRF-Token"] = csrf_in(browser)
        yield browser


async def sign_in(
    browser: httpx.AsyncClient, username: str = "ann", password: str = PASSWORD, **headers: str
) -> httpx.Response:
    return await browser.post("/login", data={"username": username, "password": password}, headers=headers)


def csrf_in(browser: httpx.AsyncClient) -> str:
    """The CSRF token of who is signed in there."""
    return csrf_of(browser.cookies["billing"])


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
    await empty_ledger(settings.data_dir)
    async with connect_adapters(settings) as adapters:
        app = create_app(settings, adapters, await Client.connect("127.0.0.1:1", lazy=True))
        running = Server(configuration(app))
        serving = asyncio.create_task(running.serve(sockets=[listener]))
        try:
            yield Office(app, f"http://127.0.0.1:{settings.console_port}", adapters.ledger)
        finally:
            running.stop()
            await serving
