"""A payment and a suspension at the same instant, a hundred times, while provisioning is told: the money decides."""

import json
from pathlib import Path

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import check_digit
from billing.invoices.month import Month
from billing.subscribers.service import CallState, NewService, ServiceCause
from sandbox.stand_ins.provisioning import switched, told
from sandbox.timeline import until
from tests.contract.event_fixtures import SECONDS
from tests.contract.journal_fixtures import announced, invoice_of
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, succeed
from tests.contract.service_fixtures import ACTIVE, DUE, SUSPENDED, WHY, by_person
from tests.contract.service_fixtures import ledger as ledger  # a fixture
from tests.contract.test_provisioning import dispatching, network
from tests.forks import Fork
from tests.service_racing import BILL_MINOR, SUBSCRIBERS, customer, paid_minor

RACE = "import asyncio, sys; from tests.service_racing import main; asyncio.run(main(*sys.argv[1:]))"


def number(place: int) -> str:
    return f"{10_000 + place}{check_digit(str(10_000 + place))}"


async def subscribers(ledger: SqlLedger) -> None:
    for place in range(SUBSCRIBERS):
        party = ACME.evolve(customer_id=customer(place), email=f"{place}@example.com", currency="eur")
        await ledger.record(announced(Month.open(party, NOVEMBER).drafted(invoice_of(BILL_MINOR))), AT)
        wanted = NewService(customer_id=customer(place), key="add", number=number(place), by="ann", reason="contract 7")
        await ledger.register_service(wanted, AT)
        await ledger.change_service(number(place), by_person(ACTIVE, ServiceCause.CONNECTED, "connect"))


async def test_the_state_of_each_account_is_what_the_money_says(ledger: SqlLedger, url: str, tmp_path: Path) -> None:
    await subscribers(ledger)
    async with network(tmp_path) as (provisioning, _, journal), dispatching(ledger, provisioning):
        racing = (Fork(RACE, url, action) for action in ("pay", "suspend"))
        _, suspended = [json.loads(printed) for printed in await succeed(*racing)]

        async def all_told() -> bool:
            return not [event async for page in ledger.outgoing_events(undelivered_only=True) for event in _calls(page)]

        await until(all_told, SECONDS)
    for place in range(SUBSCRIBERS):
        (service,) = await ledger.services_of(customer(place))
        assert service.state is (ACTIVE if paid_minor(place) == BILL_MINOR else SUSPENDED)
        history = (await ledger.service_changes(number(place)))[2:]
        assert bool(history) == bool(suspended[place])
        expected = [(SUSPENDED, ServiceCause.NON_PAYMENT), (ACTIVE, ServiceCause.PAID)]
        assert [(change.state, change.cause) for change in history] in ([], expected[:1], expected)
        assert all(change.call in (CallState.DONE, CallState.SUPERSEDED) for change in history)
        assert switched(journal)[number(place)] == service.state
    assert len({call["key"] for call in told(journal)}) == len(told(journal))


def _calls(page: list) -> list:  # type: ignore[type-arg]
    return [event for event in page if event.destination == "provisioning"]


async def test_whoever_pays_after_all_has_service_again_whatever_was_told(ledger: SqlLedger, url: str) -> None:
    await subscribers(ledger)
    await succeed(Fork(RACE, url, "suspend"))
    await succeed(Fork(RACE, url, "pay"), Fork(RACE, url, "pay"))
    for place in range(SUBSCRIBERS):
        (service,) = await ledger.services_of(customer(place))
        assert service.state is (ACTIVE if paid_minor(place) == BILL_MINOR else SUSPENDED)
        assert await ledger.restrict(customer(place), SUSPENDED, "rung 14", DUE, *WHY)  # what it did, once more
        assert (await ledger.services_of(customer(place)))[0] == service
