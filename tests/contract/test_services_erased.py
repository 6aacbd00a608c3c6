"""Erasing a person removes phone, address and reasons from their service accounts and tasks, and keeps the states."""

from adapters.sql.ledger import SqlLedger
from billing.invoices.stages import Stage
from billing.subscribers.service import NewService, ServiceCause, ServiceState
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion, NewTask, TaskKind
from tests.contract.erase_fixtures import closed_month, dump
from tests.contract.ledger_fixtures import AT, LATER
from tests.contract.service_fixtures import ACTIVE, NUMBER, SUSPENDED, by_person
from tests.contract.service_fixtures import ledger as ledger  # a fixture


async def test_phone_address_and_reasons_go_and_states_stay(ledger: SqlLedger, url: str) -> None:
    await ledger.record(closed_month(Stage.PAID), AT)
    wanted = NewService(
        customer_id="c77",
        number=NUMBER,
        phone="+77011234567",
        address="Abay Ave. 1",
        by="ann",
        reason="as her aunt said",
    )
    await ledger.register_service(wanted, AT)
    await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.CONNECTED, "connect"))
    await ledger.change_service(NUMBER, by_person(SUSPENDED, ServiceCause.REQUEST, "away")._replace(reason="her aunt"))
    task = NewTask(kind=TaskKind.NO_WORKING_NUMBER, key="k", customer_id="c77", values={"phone": "+7701***4567"})
    opened = await ledger.open_task(task, AT)
    done = Completion(reason="her aunt's phone")
    await ledger.complete_task(opened.number, Member("bob", ("operator",)), done, LATER)
    await ledger.settle("c77", "ann", "paid in cash", LATER)
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows
    written = dump(url)
    for words in ("+77011234567", "abay", "aunt"):
        assert words not in written
    (service,) = await ledger.services_of("c77")
    assert (service.number, service.state) == (NUMBER, SUSPENDED)
    states = [change.state for change in await ledger.service_changes(NUMBER)]
    assert states == [ServiceState.ORDERED, ACTIVE, SUSPENDED]
    (kept,) = await ledger.tasks(TaskFilter(open_only=False))
    assert kept.end is not None
    assert kept.end.reason == "erased"
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows == 0
