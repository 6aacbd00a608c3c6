"""A console on either database, with somebody in front of it, for the tests of service orders' pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.sql.ledger import SqlLedger
from billing.customers.links import PaymentLinks
from billing.period import Period
from billing.reviewers.users import Role
from tests.console.months import settings
from tests.console.paying import Person, signed_in
from tests.console.people import Office, browser_at, office
from tests.contract.ledger_fixtures import databases, ledger, url

__all__ = ["databases", "ledger", "url"]  # fixtures


@pytest.fixture
async def desk(url: str, ledger: SqlLedger, tmp_path: Path) -> AsyncIterator[Office]:
    chosen = settings(tmp_path / "desk").model_copy(update={"ledger_url": SecretStr(url)})
    async with office(chosen) as opened:
        yield opened


@pytest.fixture
async def ann(desk: Office) -> AsyncIterator[Person]:
    async with signed_in(desk) as person:
        yield person


@asynccontextmanager
async def viewer(desk: Office) -> AsyncIterator[Person]:
    async with signed_in(desk, "vic", Role.VIEWER) as person:
        yield person


@asynccontextmanager
async def customer(desk: Office) -> AsyncIterator[Person]:
    """Somebody without a login."""
    async with browser_at(desk.url) as browser:
        yield Person(browser)


def own_page(desk: Office, customer_id: str = "dana", until: datetime | None = None) -> str:
    """The page that is in the customer's bills."""
    links = PaymentLinks(desk.url, settings(Path()).links.secret)
    return links.to(customer_id, Period("2026-12"), until or datetime.now(UTC) + timedelta(days=9))
