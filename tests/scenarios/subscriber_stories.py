"""Stories of a subscriber, for the judge to look at: billed by tariff, without a card; paid in time, late, or never."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.commands import Promised, WriteOff
from billing.commands import Halt
from billing.customers.customer import Customer, Terms
from billing.customers.ladder import RungAction, parse_ladder
from billing.customers.schedule import Schedule
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.money import plain_amount
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from billing.texts.text import TextKind, TextStatus
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import control
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.scenarios.money_stories import collections_are_told, transfer
from tests.scenarios.stories import ANN

NUMBER, PHONE = "1000009", "+77012345678"
LADDER = parse_ladder("1 remind sms+mail, 7 warn sms+mail, 14 suspend")
TO_THE_END = parse_ladder("1 remind sms, 7 warn sms, 14 limit, 21 suspend, 28 disconnect")
FEE_MINOR = 4500
_LATE = timedelta(days=90)
_FIRST = 16
"""The day of the month on which the tariff begins."""


async def a_bill_is_paid_in_time(bed: Bed) -> None:
    period = await billed(bed)
    await pays(bed, "1", minor(period), period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_bill_is_paid_in_parts_before_it_is_due(bed: Bed) -> None:
    period = await billed(bed)
    for reference, amount in (("bank-1", "5"), ("bank-2", plain_amount(minor(period) - 500, "eur"))):
        await transfer(bed, reference, amount, period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_bill_is_warned_of_and_then_paid(bed: Bed) -> None:
    period = await billed(bed)
    await warned(bed)
    await pays(bed, "1", minor(period), period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_service_is_suspended_and_paid_in_three_parts(bed: Bed) -> None:
    """Which restores it with the last of them."""
    period = await suspended(bed)
    part = minor(period) // 3
    for number, amount_minor in enumerate((part, part, minor(period) - 2 * part), start=1):
        await pays(bed, str(number), amount_minor, period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_service_is_paid_for_while_people_are_to_disconnect_it(bed: Bed) -> None:
    """It has been limited and suspended, and a promise was not kept; the money ends the task, and restores it."""
    period = await billed(bed, ladder=TO_THE_END)
    await warned(bed)
    await restricted(bed, 9, RungAction.LIMIT)
    await restricted(bed, 6, RungAction.SUSPEND)
    until_day = (await bed.clock(bed.collection_handle())).date() + timedelta(days=2)
    assert (await bed.tell(Promised(**ANN, command_id="promise", until=until_day), period=period)).accepted
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: any(entry.what == "promise broken" for entry in found.entries))
    await restricted(bed, 10, RungAction.DISCONNECT)
    assert await bed.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT)), "people have it to do"
    await pays(bed, "1", minor(period), period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_service_is_paid_for_before_the_collection_knows(bed: Bed) -> None:
    """Just before it is to be suspended: the outbox still has the news."""
    period = await billed(bed)
    await warned(bed)
    await pays_unheard(bed, minor(period), period)
    await bed.skip_collection(timedelta(days=9))
    await bed.collects(lambda found: found.outcome is not None or found.restricted is RungAction.SUSPEND)
    await everybody_is_told(bed)


async def vendor_and_provisioning_lose_their_answers(bed: Bed) -> None:
    """Of the bill, of what is warned of, and of the suspension; texts are looked up, changes are told again."""
    await control(bed.ports.sms, "faults", {"kind": "drop_after", "path": "/rest/send", "method": "POST", "times": 1})
    period = await billed(bed)
    await control(bed.ports.provisioning, "faults", {"kind": "drop_after", "path": "/services", "method": "POST"})
    await warned(bed)
    await restricted(bed, 9, RungAction.SUSPEND)
    await pays(bed, "1", minor(period), period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_bill_is_edited_while_its_text_is_on_its_way(bed: Bed) -> None:
    """The vendor has taken it, and cannot be asked: the customer is told of the new amount, too."""
    period = await subscribed(bed, bill_by=("sms",))
    lost = {"kind": "drop_after", "path": "/rest/send", "method": "POST", "times": 1}
    unknown = {"kind": "status", "status": 500, "path": "/rest/status", "method": "POST", "times": None}
    for fault in (lost, unknown):
        await control(bed.ports.sms, "faults", fault)
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    month = await bed.drafted("acme", period)
    assert month.invoice is not None
    change = ChangeLine(line_id=month.invoice.lines[0].line_id, amount_minor=900)
    await bed.skip_to("acme", month.notice_at)

    async def is_on_its_way() -> bool:
        return [text.status for text in await bed.ledger.texts("acme", 10)] == [TextStatus.SENDING]

    await until(is_on_its_way, PATIENCE_SECONDS)
    assert (await bed.command("acme", Edit(**ANN, period=period, version=1, changes=(change,)))).accepted
    await control(bed.ports.sms, "faults", method="DELETE")
    await bed.closed("acme", period)
    texts = await bed.ledger.texts("acme", 10)
    assert ["bill: 9 EUR" in text.body for text in texts] == [True, False], "the newest first"


async def a_bill_is_told_anew_because_its_day_has_come(bed: Bed) -> None:
    """Its mail was sent, and of its text nobody knew for days: they are told of another day."""
    subjects = await told_when_the_vendor_can_be_asked(bed, lambda month: month.charge_at)
    assert [subject.startswith("Corrected bill") for subject in subjects] == [False, True]


async def a_bill_of_whose_text_nobody_knows_for_an_hour_is_told_once(bed: Bed) -> None:
    (subject,) = await told_when_the_vendor_can_be_asked(bed, lambda month: month.notice_at + timedelta(hours=1))
    assert not subject.startswith("Corrected bill")


async def told_when_the_vendor_can_be_asked(bed: Bed, instant: Callable[[Month], datetime]) -> list[str]:
    """The subjects of a bill's mails; its text was taken by a vendor that could not be asked until ``instant``."""
    period = await subscribed(bed, bill_by=("mail", "sms"))
    lost = {"kind": "drop_after", "path": "/rest/send", "method": "POST", "times": 1}
    unknown = {"kind": "status", "status": 500, "path": "/rest/status", "method": "POST", "times": None}
    for fault in (lost, unknown):
        await control(bed.ports.sms, "faults", fault)
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    month = await bed.drafted("acme", period)
    await bed.skip_to("acme", month.notice_at)

    async def is_on_its_way() -> bool:
        return [text.status for text in await bed.ledger.texts("acme", 10)] == [TextStatus.SENDING]

    await until(is_on_its_way, PATIENCE_SECONDS)
    await bed.skip_to("acme", instant(month))
    await control(bed.ports.sms, "faults", method="DELETE")
    await bed.skip_to("acme", instant(month) + timedelta(hours=2))  # the next try
    await bed.closed("acme", period)
    return [row.subject for row in await bed.ledger.messages("acme", period) if row.kind == "notice"]


async def a_warning_is_halted_while_its_text_is_on_its_way(bed: Bed) -> None:
    """And what is owed is written off."""
    period = await billed(bed, ladder=parse_ladder("1 remind sms, 7 warn sms, 14 suspend"))
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await everybody_is_told(bed)
    lost = {"kind": "drop_before", "path": "/rest/send", "method": "POST", "times": 1}
    unknown = {"kind": "status", "status": 500, "path": "/rest/status", "method": "POST", "times": None}
    for fault in (lost, unknown):
        await control(bed.ports.sms, "faults", fault)
    await bed.skip_collection(timedelta(days=6))

    async def is_on_its_way() -> bool:
        last = (await bed.ledger.texts("acme", 10))[0]
        return (last.kind, last.status) == (TextKind.WARNING, TextStatus.SENDING)

    await until(is_on_its_way, PATIENCE_SECONDS)
    for command in (Halt(**ANN), WriteOff(**ANN)):
        assert (await bed.tell(command, period=period)).accepted
    await control(bed.ports.sms, "faults", method="DELETE")


async def provisioning_does_not_know_the_account(bed: Bed) -> None:
    """It says so in an answer 200, until the money has come."""
    period = await billed(bed)
    await everybody_is_told(bed)
    await control(bed.ports.provisioning, "unknown", {"number": NUMBER})
    await warned(bed)
    await bed.skip_collection(timedelta(days=9))

    async def is_answered() -> bool:
        last = (await bed.ledger.service_changes(NUMBER))[-1]
        return last.state is ServiceState.SUSPENDED and last.answer is not None

    await until(is_answered, PATIENCE_SECONDS)
    await control(bed.ports.provisioning, "known", {"number": NUMBER})
    await pays(bed, "1", minor(period), period)
    await collections_are_told(bed)


async def a_bill_is_due_late_in_the_evening(bed: Bed) -> None:
    """Whoever does not pay it is warned and suspended on the days after, by day."""
    await billed(bed, schedule=Schedule(charge_time=time(23, 30)))
    for days in (4, 6, 9):
        await bed.skip_collection(timedelta(days=days))
        await walked(bed)
    await everybody_is_told(bed)


async def a_bill_is_owed_for_weeks(bed: Bed) -> None:
    """And the customer is told no more of it than the ladder says."""
    await billed(bed)
    for days in (2, 2, 2, 3, 3, 3, 3):
        await bed.skip_collection(timedelta(days=days))
        await walked(bed)
    await everybody_is_told(bed)


# -- who does it


async def walked(bed: Bed) -> None:
    """What is due on the ladder is done."""
    now = await bed.clock(bed.collection_handle())
    await bed.collects(lambda found: found.due(now).step is None)


def minor(period: Period) -> int:
    """What the first bill comes to: the days from the 16th on."""
    return FEE_MINOR - FEE_MINOR * (_FIRST - 1) // period.last_day.day


async def subscribed(bed: Bed, **terms: Any) -> Period:
    """A customer without a card, with a phone and an account that works, and a tariff from mid-month on."""
    agreed = Terms.model_validate({"ladder": LADDER, "bill_by": ("sms", "mail"), **terms})
    customer = Customer(
        customer_id="acme",
        name="Acme",
        email="acme@example.com",
        phone=PHONE,
        currency="eur",
        timezone="Europe/Paris",
        payment_method=BillPayer(),
        terms=agreed,
    )
    started = await bed.start(customer)
    assert started.period is not None
    period, who = started.period, ("ann", "contract 17", now())
    await bed.ledger.register_service(
        NewService(customer_id="acme", key="add", number=NUMBER, by="ann", reason="new"), now()
    )
    await bed.ledger.change_service(
        NUMBER, Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", now(), "ann", "installed")
    )
    version = TariffVersion(starts_on=period.first_day, fee_minor=FEE_MINOR)
    await bed.ledger.add_tariff(Tariff(code="net", name="Internet 100", currency="eur", versions=(version,)), *who)
    first = period.first_day.replace(day=_FIRST)
    await bed.ledger.agree(Subscribe(account=NUMBER, tariff="net", starts_on=first), *who)
    for each in (period, period.next()):
        bed.sales(each)
    return period


async def billed(bed: Bed, **terms: Any) -> Period:
    """Their first month is closed with a bill, and collected."""
    period = await subscribed(bed, **terms)
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    await bed.drafted("acme", period)
    await bed.closed("acme", period)
    await bed.collects(lambda found: True)
    return period


async def warned(bed: Bed) -> Collection:
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.skip_collection(timedelta(days=6))
    return await bed.collects(lambda found: found.reminders == 2)


async def restricted(bed: Bed, days: int, action: RungAction) -> None:
    await bed.skip_collection(timedelta(days=days))
    await bed.collects(lambda found: found.restricted is action)


async def suspended(bed: Bed) -> Period:
    period = await billed(bed)
    await warned(bed)
    await restricted(bed, 9, RungAction.SUSPEND)
    return period


async def pays(bed: Bed, reference: str, amount_minor: int, period: Period) -> None:
    """By transfer, after the bill is due: workflows of a bed have clocks of their own, ahead of the real one."""
    await transfer(bed, f"bank-{reference}", plain_amount(amount_minor, "eur"), period, at=now() + _LATE)


async def pays_unheard(bed: Bed, amount_minor: int, period: Period) -> None:
    """The ledger has the money; the news of it is not sent."""
    fields: dict[str, Any] = {"amount_minor": amount_minor, "currency": "eur", "customer_id": "acme"}
    sent = Transfer(reference="bank-1", payer="Acme", sent_at=now(), month=period, **fields)
    Bank(bed.folder / "bank.jsonl").credit(sent)
    by: dict[str, Any] = {"by": "ann", "reason": "by the statement"}
    rail: dict[str, Any] = {"rail": "transfer", "reference": "bank-1", "subject": Subject.month(period)}
    silent = await SqlLedger.connect(bed.settings.ledger, ())
    await silent.book(IncomingPayment(**rail, **fields, paid_at=now(), **by), now() + _LATE)
    await silent.close()


async def everybody_is_told(bed: Bed) -> None:
    """Provisioning has taken every change, and the vendor every text."""

    async def is_done() -> bool:
        changes = await bed.ledger.service_changes(NUMBER)
        waiting = [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]
        return not waiting and all(change.call not in ("waiting", "refused") for change in changes)

    await until(is_done, PATIENCE_SECONDS)
