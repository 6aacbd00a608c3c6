"""A bill that is not paid: reminded, warned, suspended, and left in peace as soon as it is paid; on a real server."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.commands import Promised
from billing.collections.stages import CollectionStage
from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.customers.ladder import RungAction, parse_ladder
from billing.period import Period
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from billing.texts.text import TextKind
from tests.bed import OCTOBER, Bed
from tests.debts import due_by, only, transfer, transferred
from tests.workflows.charging import ANN, overdue

NUMBER = "1000009"
LADDER = parse_ladder("1 remind, 7 warn, 14 suspend, 30 disconnect")
WITH_LADDER = Terms(ladder=LADDER)
PARIS = ZoneInfo("Europe/Paris")


async def subscriber(bed: Bed, terms: Terms = WITH_LADDER) -> Collection:
    """Their October is overdue, and they have an account that works."""
    month = await overdue(bed, "decline:stolen_card", terms=terms)
    await connected(bed, month.import_at)
    return await bed.collects(lambda found: True)


async def connected(bed: Bed, at: datetime) -> None:
    wanted = NewService(customer_id="acme", key="add", number=NUMBER, by="ann", reason="contract 7")
    await bed.ledger.register_service(wanted, at)
    connect = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", at, "ann", "installed")
    await bed.ledger.change_service(NUMBER, connect)


async def state(bed: Bed) -> ServiceState:
    (service,) = await bed.ledger.services_of("acme")
    return service.state


async def warned(bed: Bed) -> Collection:
    await subscriber(bed)
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.skip_collection(timedelta(days=6))
    return await bed.collects(lambda found: found.reminders == 2)


async def suspended(bed: Bed) -> Collection:
    await warned(bed)
    await bed.skip_collection(timedelta(days=9))
    return await bed.collects(lambda found: found.restricted is RungAction.SUSPEND)


async def test_service_is_suspended_after_a_warning_and_restored_before_the_receipt(bed: Bed) -> None:
    collection = await suspended(bed)
    assert await state(bed) is ServiceState.SUSPENDED
    *_, warning, told = bed.mails("acme@example.com")
    assert "Please pay" in warning.subject
    assert told.subject.startswith("Your service is suspended")
    (service,) = await bed.ledger.services_of("acme")
    promised = warning.subject.partition("before ")[2]
    assert f"{service.state_at.astimezone(PARIS):%-d %B %Y}" == promised
    assert service.state_at.astimezone(PARIS).weekday() < 5
    assert 9 <= service.state_at.astimezone(PARIS).hour < 20
    assert await transferred(bed, only(collection).amount_minor)
    assert await state(bed) is ServiceState.ACTIVE, "restored with the money"
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert (await bed.collection_handle().result()).restricted is None
    kinds = [message.kind for message in await bed.ledger.messages("acme", Period(OCTOBER))]
    assert kinds == ["notice", "decline", "reminder", "warning", "suspended", "restored", "receipt"]


async def test_people_have_the_task_to_disconnect_and_nothing_is_done_before_a_last_look(bed: Bed) -> None:
    await suspended(bed)
    await bed.skip_collection(timedelta(days=20))
    await bed.collects(lambda found: found.restricted is RungAction.DISCONNECT)
    (task,) = await bed.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT))
    assert (task.account, task.customer_id) == (NUMBER, "acme")
    assert await state(bed) is ServiceState.SUSPENDED
    assert await transferred(bed, 10_000)
    assert not await bed.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT)), "it has closed by itself"
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)


async def test_nothing_is_suspended_for_money_that_the_ledger_has_and_the_collection_does_not_know(bed: Bed) -> None:
    await warned(bed)
    silent = await SqlLedger.connect(bed.settings.ledger, ())  # tells nobody
    await silent.book(transfer(10_000), await due_by(bed, OCTOBER))
    await silent.close()
    await bed.skip_collection(timedelta(days=9))
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert await state(bed) is ServiceState.ACTIVE
    assert [change.state for change in await bed.ledger.service_changes(NUMBER)] == ["ordered", "active"]


async def test_broken_promise_is_told_and_the_ladder_goes_on_from_where_it_was(bed: Bed) -> None:
    collection = await warned(bed)
    now = await bed.clock(bed.collection_handle())
    until = (now + timedelta(days=10)).astimezone(PARIS).date()
    before = collection.next_contact
    assert before is not None
    result = await bed.tell(Promised(**ANN, until=until))
    assert result.accepted
    assert f"promised by {until}" in result.result
    promised = await bed.collects(lambda found: found.promise is not None)
    assert promised.next_contact is not None
    assert promised.next_contact >= before + timedelta(days=10)
    await bed.skip_collection(timedelta(days=11))
    broken = await bed.collects(lambda found: found.promise is None)
    assert broken.entries[-1].what == "promise broken"
    assert f"ann promised payment by {until}" in await bed.told()
    assert await state(bed) is ServiceState.ACTIVE
    await bed.skip_collection(timedelta(days=10))
    await bed.collects(lambda found: found.restricted is RungAction.SUSPEND)
    assert await state(bed) is ServiceState.SUSPENDED


async def test_customer_without_a_service_walks_the_ladder_too(bed: Bed) -> None:
    await overdue(bed, "decline:stolen_card", terms=WITH_LADDER)
    await bed.skip_collection(timedelta(days=40))
    collection = await bed.collects(lambda found: found.contacts == len(LADDER))
    assert collection.restricted is None
    assert "no service account is left" in collection.entries[-1].text


async def test_bill_is_reminded_of_before_it_is_due_and_its_payer_is_suspended_and_restored(bed: Bed) -> None:
    terms = Terms(ladder=parse_ladder("-3 remind, 7 warn, 14 suspend"))
    await bed.monitored(payment_method={"kind": "bill"}, terms=terms)
    closed = await bed.closed()
    await connected(bed, closed.import_at)
    collection = await bed.collects(lambda found: True)
    assert closed.notice is not None
    assert (collection.since, collection.contacts) == (closed.notice.charge_at, 0)
    await bed.skip_collection(-timedelta(hours=1))  # to shortly before it is due
    early = await bed.collects(lambda found: found.reminders == 1)
    assert early.contacted_at is not None
    assert early.contacted_at < early.since
    assert "is due on" in bed.mails("acme@example.com")[-1].text
    await bed.skip_collection(timedelta(days=11))
    await bed.collects(lambda found: found.reminders == 2)
    await bed.skip_collection(timedelta(days=10))
    await bed.collects(lambda found: found.restricted is RungAction.SUSPEND)
    assert await state(bed) is ServiceState.SUSPENDED
    assert await transferred(bed, 4_000, "first")
    assert await state(bed) is ServiceState.SUSPENDED, "a part restores nothing"
    assert await transferred(bed, 6_000, "second")
    assert await state(bed) is ServiceState.ACTIVE
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    await bed.collection_handle().result()
    kinds = [message.kind for message in await bed.ledger.messages("acme", Period(OCTOBER))]
    assert kinds == ["notice", "reminder", "warning", "suspended", "restored", "receipt"]


async def test_each_rung_tells_by_its_own_channels_and_whoever_is_restored_by_those_of_bills(bed: Bed) -> None:
    terms = Terms(ladder=parse_ladder("1 remind mail, 7 warn sms, 14 suspend sms+mail"), bill_by=(Channel.SMS,))
    await bed.monitored(payment_method={"kind": "bill"}, phone="+77012345678", terms=terms)
    closed = await bed.closed()
    await connected(bed, closed.import_at)
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.skip_collection(timedelta(days=9))
    await bed.collects(lambda found: found.reminders == 2)
    await bed.skip_collection(timedelta(days=10))
    await bed.collects(lambda found: found.restricted is RungAction.SUSPEND)
    assert await transferred(bed, 10_000)
    await bed.collection_handle().result()
    texts = [text.kind for text in reversed(await bed.ledger.texts("acme"))]
    assert texts == [TextKind.BILL, TextKind.WARNING, TextKind.SUSPENDED, TextKind.RESTORED]
    kinds = [message.kind for message in await bed.ledger.messages("acme", Period(OCTOBER))]
    assert kinds == ["reminder", "suspended", "receipt"]
