"""What the tests of works that are sent by HTTP share: the company's system, which signs, on a real socket."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import Announcement
from billing.announcements.events import PageName
from billing.announcements.ports import PageOutcome
from billing.events.signature import HEADER, signed
from inbound.announcements import SentWorksRoutes
from sandbox.stand_ins.control import local_http
from tests.contract.announcement_fixtures import MORNING, WORKS, ZONE, Person, desk_of, many, phone, settle_in
from tests.contract.conftest import Serve

SECRETS = ["the new secret, which has 32 characters", "the old secret, which has 32 characters"]
SENT: dict[str, Any] = {
    "number": "W-17",
    "starts_at": WORKS.starts_at.isoformat(),
    "ends_at": WORKS.ends_at.isoformat(),
    "reason": WORKS.reason,
    "audience": {"nodes": ["north-1"]},
}
LATER = {"version": 2, "ends_at": (WORKS.ends_at + timedelta(hours=1)).isoformat()}
PATH = "/announcements/W-17"


class Office:
    """The company's accounting system."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, body: object, secret: str = SECRETS[0], path: str = "/announcements") -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", HEADER: signed(raw, [secret], datetime.now(UTC))}
        return await self.http.post(path, content=raw, headers=headers)

    async def cancel(self, number: str = "W-17") -> httpx.Response:
        return await self.post({"number": number, "reason": "no works at all"}, path="/announcements/cancel")

    async def get(self, path: str = PATH, signed_path: str = "") -> httpx.Response:
        header = signed((signed_path or path).encode(), [SECRETS[0]], datetime.now(UTC))
        return await self.http.get(path, headers={HEADER: header})


async def office_of(serve: Serve, ledger: SqlLedger, secrets: list[str], at: datetime = MORNING) -> Office:
    app = FastAPI()
    app.include_router(SentWorksRoutes(ledger, desk_of(ledger), secrets, lambda: at).router)
    return Office(local_http(base_url=await serve(app)))


@pytest.fixture
async def office(serve: Serve, ledger: SqlLedger) -> AsyncIterator[Office]:
    people = many(3)
    await settle_in(ledger, [*people[:2], people[2]._replace(phone=None), Person("south", phone(9), ("south-1",))])
    office = await office_of(serve, ledger, SECRETS)
    yield office
    await office.http.aclose()


async def approve(ledger: SqlLedger, number: int = 1) -> None:
    await desk_of(ledger).approve(number, "bob", "checked with the crew", MORNING)


async def tell(ledger: SqlLedger, number: int = 1, but: str = "") -> None:
    """Everybody of its page gets their text, ``but`` a number that waits again."""
    page = PageName(number=number, timezone=ZONE, page=0)
    phones = [each.phone for each in (await ledger.take_page(page, MORNING)).recipients]
    told = {each: f"t{number}{each}" for each in phones if each != but}
    await ledger.close_page(page, PageOutcome(told, {}, {each: "none" for each in phones if each == but}), MORNING)


async def rows(ledger: SqlLedger) -> list[Announcement]:
    return [row.announcement for row in await ledger.announcements()]


async def states(ledger: SqlLedger) -> list[tuple[int, str]]:
    return [(each.number, each.state) for each in await rows(ledger)]
