"""Somebody in front of the desk's pages about money, and a console with two customers who owe 50.00 each."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import PaymentName
from billing.reviewers.users import Role
from tests.console.months import AT, month, settings
from tests.console.people import Office, office, signed_in_at
from tests.console.reviewing import fields, readable

MONEY, RECORD, PAYMENT = "/desk/money", "/desk/money/record", "/desk/money/payment"
LATE = AT + timedelta(days=60)
UNKNOWN = IncomingPayment(
    rail="transfer",
    reference="77 /31?",
    customer_id=None,
    amount_minor=5000,
    currency="eur",
    paid_at=AT,
    payer="A. <Nowak>",
    by="ann",
    reason="no reference",
)
FORM = {
    "rail": "transfer",
    "reference": "8001",
    "amount": "50.00",
    "currency": "eur",
    "customer": "acme",
    "month": "",
    "payer": "Acme SA",
    "paid_on": "",
    "reason": "statement",
}


def announced(customer_id: str = "acme", amount_minor: int = 5000) -> Month:
    drafted = month(customer_id, amount_minor)
    return drafted.announcing(drafted.notice_at).delivered(Delivered(at=drafted.notice_at))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    chosen = settings(tmp_path).model_copy(update={"four_eyes_above": {"eur": 10_000}})
    async with office(chosen) as opened:
        await opened.ledger.record(announced(), AT)
        await opened.ledger.record(announced("bolt"), AT)
        yield opened


class Person:
    def __init__(self, browser: httpx.AsyncClient) -> None:
        self.browser = browser

    async def page(self, path: str = MONEY, status: int = 200, **query: Any) -> str:
        answer = await self.browser.get(path, params=query or None)
        assert answer.status_code == status, readable(answer.text)
        return readable(answer.text)

    async def payment(self, reference: str = UNKNOWN.reference, rail: str = "transfer") -> str:
        return await self.page(PAYMENT, **PaymentName.of(rail, reference)._asdict())

    async def form(self, action: str, reference: str = UNKNOWN.reference) -> dict[str, Any]:
        answer = await self.browser.get(PAYMENT, params=PaymentName.of("transfer", reference)._asdict())
        found = fields(answer.text, f"{PAYMENT}/{action}")
        assert "instruction_id" in found, readable(answer.text)
        return found

    async def send(self, action: str, status: int = 303, reference: str = UNKNOWN.reference, **typed: str) -> str:
        """Fills in a form on a payment's page and sends it; the page that it leads to."""
        form = await self.form(action, reference) | {"reason": "asked by phone"} | typed
        return await self.post(f"{PAYMENT}/{action}", form, status)

    async def post(self, path: str, form: dict[str, Any], status: int = 303) -> str:
        answer = await self.browser.post(path, data=form)
        assert answer.status_code == status, readable(answer.text)
        return await self.page(answer.headers["location"]) if status == 303 else readable(answer.text)


@asynccontextmanager
async def signed_in(desk: Office, name: str = "ann", role: Role = Role.APPROVER) -> AsyncIterator[Person]:
    async with signed_in_at(desk.url, desk.ledger, name, role) as browser:
        yield Person(browser)


@pytest.fixture
async def ann(desk: Office) -> AsyncIterator[Person]:
    async with signed_in(desk) as person:
        yield person


def listed(page: str) -> list[str]:
    return re.findall(r"\b(r\d+|unknown)\b", page)


async def alerts(desk: Office) -> list[str]:
    return [alert.text for alert in await desk.ledger.alerts()]
