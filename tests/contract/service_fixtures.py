"""What the tests of service accounts share: a subscriber with a bill, and a ledger that tells of changes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from billing.receivables.incoming import IncomingPayment
from billing.subscribers.service import Change, NewService, Service, ServiceCause, ServiceState
from tests.contract.journal_fixtures import announced, drafted, record
from tests.contract.ledger_fixtures import AT

DUE = AT + timedelta(days=60)  # after the month's due date
NUMBER, OTHER = "1000009", "2000008"
SUSPENDED, LIMITED, ACTIVE = ServiceState.SUSPENDED, ServiceState.LIMITED, ServiceState.ACTIVE
WHY = None, "not paid for 14 days"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells provisioning and a receiver."""
    ledger = await SqlLedger.connect(url, (Destination.RECEIVER, Destination.PROVISIONING))
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def subscribe(ledger: SqlLedger, number: str = NUMBER, customer_id: str = "acme") -> Service:
    """An account that works."""
    wanted = NewService(
        customer_id=customer_id, key=f"add {number}", number=number, phone="+77011234567", by="ann", reason="contract 7"
    )
    await ledger.register_service(wanted, AT)
    await ledger.change_service(number, by_person(ACTIVE, ServiceCause.CONNECTED, "connect"))
    service = await ledger.service(number)
    assert service is not None
    return service


async def with_bill(ledger: SqlLedger, amount_minor: int = 1000) -> None:
    """acme owes it, and has an account that works."""
    await record(ledger, announced(drafted(amount_minor)))
    await subscribe(ledger)


def by_person(state: ServiceState, cause: ServiceCause, key: str, at: Any = AT) -> Change:
    return Change(state, cause, key, at, "ann", "asked by phone")


def payment(amount_minor: int, reference: str = "1", customer_id: str | None = "acme") -> IncomingPayment:
    return IncomingPayment(
        rail="bank",
        reference=reference,
        customer_id=customer_id,
        amount_minor=amount_minor,
        currency="eur",
        paid_at=DUE,
        by=None if customer_id else "ann",
    )


async def states(ledger: SqlLedger, customer_id: str = "acme") -> list[ServiceState]:
    return [service.state for service in await ledger.services_of(customer_id)]
