"""Months in the ledger of a console without Temporal, for the tests of its pages."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Halt
from billing.customers.customer import Customer
from billing.invoices.invoice import Invoice, LineItem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.period import Period
from settings import Settings
from tests.console.people import Office, office

NOVEMBER = Period("2026-11")
AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
SOON = datetime.now(UTC) + timedelta(hours=5, minutes=30)


def settings(folder: Path) -> Settings:
    """Those of a sandbox of its own."""
    return Settings(_env_file=None, data_dir=folder)


def month(customer_id: str = "acme", amount_minor: int = 123450, period: Period = NOVEMBER, **fields: Any) -> Month:
    """A drafted month that is announced in five and a half hours from now."""
    opened = undrafted(customer_id, period, **fields)
    source = Source(sheet=period, row=2, digest="d")
    line = LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor, source=source)
    drafted = opened.drafted(Invoice(currency=opened.customer.currency, imported_at=AT, lines=(line,)))
    return drafted.evolve(notice_at=SOON, charge_at=SOON + timedelta(days=4))


def undrafted(customer_id: str = "acme", period: Period = NOVEMBER, **fields: Any) -> Month:
    """A month that waits for its sales."""
    values = {
        "customer_id": customer_id,
        "email": f"{customer_id}@post.example",
        "name": customer_id.title(),
        "currency": "eur",
        "timezone": "Europe/Paris",
        "payment_method": {"kind": "card", "payer_id": "cus_1", "card_id": "pm_1"},
    }
    return Month.open(Customer.model_validate(values | fields), period)


def halted(drafted: Month, by: str = "ann", reason: str = "row 7") -> Month:
    return decide(drafted, Halt(by=by, reason=reason), AT, "update")[0]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    """A console without Temporal, on an empty ledger."""
    async with office(settings(tmp_path)) as opened:
        yield opened
