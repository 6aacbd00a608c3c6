"""A desk to sign in at, with pages that need it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends
from pydantic import SecretStr

from billing.reviewers.users import Role
from console.reviewers.signed_in import Session, SignedIn, signed_in
from settings import Settings
from tests.console.people import Office, browser_at, office

WRONG = "User name or password is not right."


def pages_of_a_desk() -> APIRouter:
    """What stands for pages here: who sees it, and who may act."""
    router = APIRouter(prefix="/desk/2026-11/test")

    @router.get("")
    async def see(session: SignedIn) -> dict[str, str]:
        return {"username": session.username, "name": session.name, "role": session.role, "csrf": session.csrf}

    @router.post("/act")
    async def act(session: Annotated[Session, Depends(signed_in(Role.APPROVER))]) -> dict[str, str]:
        return {"by": session.username}

    return router


def behind_tls(folder: Path) -> Settings:
    """Settings of a real console; nothing is connected to."""
    return Settings(
        _env_file=None,
        data_dir=folder,
        stripe_api_key=SecretStr("sk_test_x"),
        sales_folder=folder,
        smtp_host="127.0.0.1",
        mail_from="billing@acme.example",
        console_url="https://billing.example",
        link_secret=SecretStr("x" * 32),
    )


@asynccontextmanager
async def desk_with(settings: Settings) -> AsyncIterator[Office]:
    async with office(settings) as opened:
        opened.app.include_router(pages_of_a_desk())
        yield opened


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with desk_with(Settings(_env_file=None, data_dir=tmp_path)) as opened:
        yield opened


@pytest.fixture
async def browser(here: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(here.url) as opened:
        yield opened
