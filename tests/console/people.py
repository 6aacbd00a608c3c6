"""Users of the console in tests: made in the ledger, signed in by the real form; and a console without Temporal."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import argon2
import httpx
from fastapi import FastAPI
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import Role, User
from bootstrap import connect_adapters
from console.app import create_app
from console.reviewers.signed_in import csrf_of
from console.web import pages
from process.server import Server, configuration
from sandbox.stack.local_server import LocalServer
from sandbox.stand_ins.control import local_http
from settings import Settings
from tests.empty_ledger import empty_ledger

PASSWORD = "correct horse battery staple"
ALL_DEPARTMENTS = ("accounting", "crew", "operator", "warehouse")


class _Compiled(BytecodeCache):
    """Templates, compiled once for the consoles of all tests."""

    _code: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


vars(pages)["Environment"] = functools.partial(Environment, bytecode_cache=_Compiled())
_hashed = functools.cache(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash)


async def make_user(
    ledger: SqlLedger,
    username: str = "ann",
    role: Role = Role.REVIEWER,
    password: str = PASSWORD,
    departments: tuple[str, ...] = ALL_DEPARTMENTS,
) -> User:
    user = User(username=username, name=username.title(), role=role, departments=departments)
    assert await ledger.add_user(user, _hashed(password) if password else "", datetime.now(UTC))
    return user


@asynccontextmanager
async def browser_at(url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    async with local_http(base_url=url, **options) as browser:
        yield browser


@asynccontextmanager
async def signed_in_at(
    url: str,
    ledger: SqlLedger,
    username: str = "ann",
    role: Role = Role.REVIEWER,
    departments: tuple[str, ...] = ALL_DEPARTMENTS,
) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a new user, signed in; it sends the CSRF token by itself, as the desk's script does."""
    await make_user(ledger, username, role, departments=departments)
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


class QuickServer(Server, LocalServer):
    """Stops at once."""

    def stop(self) -> None:
        LocalServer.stop(self)


@asynccontextmanager
async def office(settings: Settings) -> AsyncIterator[Office]:
    listener = socket.create_server(("127.0.0.1", 0))
    settings = settings.model_copy(update={"console_port": listener.getsockname()[1]})
    empty_ledger(settings.data_dir)
    async with connect_adapters(settings) as adapters:
        nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
        app = create_app(settings, adapters, nowhere)
        running = QuickServer(configuration(app))
        serving = asyncio.create_task(running.serve(sockets=[listener]))
        try:
            yield Office(app, f"http://127.0.0.1:{settings.console_port}", adapters.ledger)
        finally:
            running.stop()
            await serving
