"""Stories of a subscriber, for the judge to look at: billed by tariff, without a card; paid in time, late, or never."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from billing.collections.commands import Promised, WriteOff
from billing.commands import Halt
from billing.customers.ladder import RungAction, parse_ladder
from billing.customers.schedule import Schedule
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.money import plain_amount
from billing.subscribers.service import ServiceState
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from billing.texts.text import TextKind, TextStatus
from sandbox.stand_ins.control import control
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, Bed
from tests.scenarios.money_stories import collections_are_told, transfer
from tests.scenarios.stories import ANN
from tests.scenarios.subscriber_steps import (
    NUMBER,
    billed,
    everybody_is_told,
    minor,
    pays,
    pays_unheard,
    restricted,
    subscribed,
    suspended,
    walked,
    warned,
)

TO_THE_END = parse_ladder("1 remind sms, 7 warn sms, 14 limit, 21 suspend, 28 disconnect")


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
    await everybody_is_told(bed)  # else the next one overtakes it: the days between them are skipped
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

    async def is_written_off() -> bool:
        found = await bed.ledger.collection("acme", period)
        return found is not None and found.outcome is not None

    await until(is_written_off, PATIENCE_SECONDS)


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
