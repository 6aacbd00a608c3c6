"""Every path of a collection that is recorded: each function walks one, until nothing is owed any more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from billing.collections.commands import Promised, WriteOff
from billing.commands import Halt, Resume
from billing.customers.customer import Terms
from billing.customers.ladder import parse_ladder
from billing.period import Period
from clients.collection_commands import pay, replace_card
from tests.bed import Bed
from tests.debts import only, transferred
from tests.replay.month_paths import ANN, overdue


async def collected_on_schedule(bed: Bed) -> None:
    month = await overdue(bed)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.behaves(month.customer, "succeed")
    await bed.skip_collection(timedelta(days=2))
    await bed.collection_handle().result()


async def collected_by_the_customer(bed: Bed) -> None:
    await overdue(bed, "authentication_required")
    paying = await pay(bed.client, "acme", Period("2026-10"), "https://billing.example/back")
    await bed.at_the_bank(paying.redirect_url, "complete")
    await bed.collection_handle().signal("look_up", {"by": "Stripe", "reason": "a webhook"})
    await bed.collection_handle().result()


async def collected_by_another_card(bed: Bed) -> None:
    month = await overdue(bed)
    await bed.tell(Halt(**ANN))
    await bed.tell(Resume(**ANN))
    card = await bed.another_card(month.customer)
    await replace_card(bed.client, bed.ledger, "acme", card, "ann", "recorded for the replay test")
    await bed.collection_handle().result()


async def collected_by_transfer(bed: Bed) -> None:
    await overdue(bed)
    await transferred(bed, 4000, "bank 1")
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    await transferred(bed, 6000, "bank 2")
    await bed.collection_handle().result()


async def bill_collected(bed: Bed) -> None:
    await bed.monitored(payment_method={"kind": "bill"})
    await bed.closed()
    await bed.collects(lambda found: True)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await transferred(bed, 4000, "bank 1")
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    await transferred(bed, 6000, "bank 2")
    await bed.collection_handle().result()


async def bill_suspended(bed: Bed) -> None:
    ladder = parse_ladder("-3 remind, 2 warn, 5 suspend, 30 disconnect")
    await bed.monitored(payment_method={"kind": "bill"}, terms=Terms(ladder=ladder))
    await bed.closed()
    await bed.collects(lambda found: True)
    await bed.skip_collection(timedelta(days=4))
    warned = await bed.collects(lambda found: found.reminders == 2)
    await bed.tell(Promised(**ANN, until=(warned.since + timedelta(days=8)).date()))
    await bed.skip_collection(timedelta(days=10))
    await bed.collects(lambda found: any(entry.what == "promise broken" for entry in found.entries))
    await bed.skip_collection(timedelta(days=40))
    await bed.collects(lambda found: found.contacts == len(ladder))
    await transferred(bed, 10_000, "bank 1")
    await bed.collection_handle().result()


async def written_off(bed: Bed) -> None:
    await overdue(bed, "decline:stolen_card")
    await bed.skip_collection(timedelta(days=22))
    await bed.collects(lambda found: found.alerts == 1)
    await bed.tell(WriteOff(**ANN))
    await bed.collection_handle().result()


COLLECTIONS: tuple[Callable[[Bed], Awaitable[None]], ...] = (
    collected_on_schedule,
    collected_by_the_customer,
    collected_by_another_card,
    collected_by_transfer,
    bill_collected,
    bill_suspended,
    written_off,
)
