"""Customers who owe several months, and money of another rail: one collection, and no card charged beside it."""

import asyncio
from datetime import timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.accounting.discrepancy import DiscrepancyKind
from billing.collections.collection import Collection
from billing.collections.commands import CountAgain, WriteOff, decide
from billing.collections.stages import CollectionStage
from billing.commands import Halt
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind
from billing.payments.payment import ChargeStatus
from billing.period import Period
from billing.receivables.journal import Subject
from bootstrap import connect_reconciliation
from clients.collection_commands import pay, replace_card
from sandbox.timeline import until
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.debts import due_by, transfer, transferred

ANN: dict[str, Any] = {"by": "ann", "reason": "as agreed"}
NOVEMBER = "2026-11"


async def owes_two(bed: Bed, behaviour: str = "decline:insufficient_funds") -> Collection:
    """A customer whose October and November were declined: 100.00 and 30.00 EUR."""
    bed.sales(NOVEMBER, ("acme@example.com", "30", "Sale"))
    bed.sales("2026-12")
    month = await bed.monitored()
    await bed.behaves(month.customer, behaviour)
    await bed.closed(period=OCTOBER)
    await bed.closed(period=NOVEMBER)
    return await bed.collects(lambda found: len(found.open_debts) == 2)


async def mails(bed: Bed, kind: CustomerMailKind) -> int:
    """How many of this kind the customer got, about whichever month."""
    months = [await bed.ledger.messages("acme", Period(period)) for period in (OCTOBER, NOVEMBER)]
    return sum(row.kind is kind for rows in months for row in rows)


async def test_two_unpaid_months_are_tried_on_one_day_and_reminded_of_in_one_mail_and_each_has_its_receipt(
    bed: Bed,
) -> None:
    collection = await owes_two(bed)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    assert [debt.tries for debt in (await bed.collection()).debts] == [1, 1]
    (reminder,) = [mail for mail in bed.mails() if "Reminder" in mail.subject]
    for words in ("October 2026", "November 2026", "€100.00", "€30.00", "€130.00"):
        assert words in reminder.text
    await bed.behaves(collection.customer, "succeed")
    await bed.skip_collection(timedelta(days=2))
    ended = await bed.collection_handle().result()
    assert ended.outcome is CollectionStage.RECOVERED
    assert sorted(bed.charged()) == [(OCTOBER, 10000), (NOVEMBER, 3000)]
    assert (await mails(bed, CustomerMailKind.REMINDER), await mails(bed, CustomerMailKind.RECEIPT)) == (1, 2)
    rows = await bed.ledger.debts(customer_id="acme")
    assert [(row.period, row.stage, row.outstanding_minor) for row in rows] == [
        (OCTOBER, CollectionStage.RECOVERED, 0),
        (NOVEMBER, CollectionStage.RECOVERED, 0),
    ]


async def test_the_customer_pays_one_month_and_has_its_receipt_while_the_other_is_open(bed: Bed) -> None:
    collection = await owes_two(bed)
    await bed.behaves(collection.customer, "succeed")
    await pay(bed.client, "acme", Period(NOVEMBER), "http://127.0.0.1/back")
    found = await bed.collects(lambda found: not found.untold and len(found.open_debts) == 1)
    assert found.open_debts[0].period == OCTOBER
    assert await mails(bed, CustomerMailKind.RECEIPT) == 1
    assert bed.charged() == [(NOVEMBER, 3000)]


async def test_a_new_card_is_tried_at_once_for_everything(bed: Bed) -> None:
    collection = await owes_two(bed, "decline:stolen_card")
    card = await bed.another_card(collection.customer)
    await replace_card(bed.client, bed.ledger, "acme", card.on_file, **ANN)
    ended = await bed.collection_handle().result()
    assert ended.outcome is CollectionStage.RECOVERED
    assert sorted(bed.charged()) == [(OCTOBER, 10000), (NOVEMBER, 3000)]


async def test_one_month_is_written_off_and_the_other_goes_on(bed: Bed) -> None:
    await owes_two(bed)
    assert (await bed.tell(WriteOff(**ANN), period=NOVEMBER)).accepted
    await bed.collects(lambda found: not found.untold and len(found.open_debts) == 1)
    balance = await bed.ledger.balance("acme")
    assert [(item.subject.name, item.amount_minor) for item in balance.owed] == [(OCTOBER, 10000)]


async def test_a_transfer_cancels_the_cards_payment_of_its_month_before_it_counts(bed: Bed) -> None:
    await owes_two(bed)
    assert await transferred(bed, 10000)
    found = await bed.collects(lambda found: not found.untold and len(found.open_debts) == 1)
    assert found.open_debts[0].period == NOVEMBER
    assert [intent["status"] for intent in bed.objects("payment_intent")].count("canceled") == 1
    assert (await bed.ledger.balance("acme")).owed_for(Subject.month(Period(OCTOBER)), "eur") == 0
    assert not await transferred(bed, 10000), "the same again has no second effect"
    assert bed.charged() == []


async def test_money_that_settles_a_bill_before_its_charge_closes_the_month_and_the_card_is_not_charged(
    bed: Bed,
) -> None:
    await bed.monitored()
    await bed.announced()
    assert await transferred(bed, 10000)
    month = await bed.closed()
    assert month.outcome is Stage.PAID
    assert month.closed
    assert month.closed.charge
    assert month.closed.charge.status is ChargeStatus.SETTLED
    assert bed.charged() == []
    assert await mails(bed, CustomerMailKind.RECEIPT) == 1
    assert (await bed.ledger.balance("acme")).is_even


async def test_money_that_arrives_while_the_card_is_being_charged_settles_the_month_if_the_card_is_declined(
    bed: Bed,
) -> None:
    month = await bed.monitored()
    await bed.announced()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.stripe_fault(path="/confirm$", kind="slow", seconds=3, executed=True)
    closing = asyncio.create_task(bed.closed())
    await bed.until("acme", lambda month: month.charging is not None)
    assert await bed.ledger.book(transfer(10000), month.charge_at)
    closed = (await closing).closed
    assert closed
    assert closed.charge
    assert (closed.outcome, closed.charge.status) == (Stage.PAID, ChargeStatus.SETTLED)
    assert await mails(bed, CustomerMailKind.DECLINE) == 0
    assert bed.charged() == []


async def test_a_cancellation_whose_answer_is_lost_leaves_a_month_that_is_paid_otherwise_paid(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.announced()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.stripe_fault(path="/confirm$", kind="slow", seconds=3, executed=True)
    await bed.stripe_fault(path="/cancel$", kind="drop_after", times=1, method="*")
    closing = asyncio.create_task(bed.closed())
    await bed.until("acme", lambda month: month.charging is not None)
    assert await bed.ledger.book(transfer(10000), month.charge_at)
    closed = (await closing).closed
    assert closed
    assert closed.charge
    assert (closed.outcome, closed.charge.status) == (Stage.PAID, ChargeStatus.SETTLED)


async def test_a_part_that_came_before_the_due_date_counts_for_the_collection_that_begins(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.announced()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    assert await transferred(bed, 4000)
    await bed.closed()
    collection = await bed.collects(lambda found: found.debts[0].outstanding_minor == 6000)
    assert collection.failure is None
    assert (await bed.ledger.balance("acme")).owed_for(Subject.month(Period(OCTOBER)), "eur") == 6000


async def test_a_run_that_counts_and_is_behind_the_ledger_keeps_the_halt_that_is_there(bed: Bed) -> None:
    """As after a reset to before the halt: by other steps, the run is at the ledger's revision."""
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: len(found.open_debts) == 1)

    async def recorded() -> Collection | None:
        known = await bed.ledger.collection("acme", Period(OCTOBER))
        return known if known and known.revision == (await bed.collection()).revision else None

    known = await until(recorded, PATIENCE_SECONDS)
    at = await due_by(bed, OCTOBER)
    halted = decide(known, Halt(**ANN), at, "cli").value.evolve(revision=known.revision + 1)
    await bed.ledger.record_collection(halted, at)
    assert (await bed.tell(CountAgain(by="billing", reason="money by transfer"))).accepted
    await bed.collects(lambda found: found.halt is not None)
    kept = await bed.ledger.collection("acme", Period(OCTOBER))
    assert kept is not None
    assert kept.halt == halted.halt


async def test_a_ledger_that_lacks_the_bill_of_what_is_collected_calls_a_person(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: len(found.open_debts) == 1)
    for table in ("entries", "transactions"):
        await bed.tamper(f"DELETE FROM {table}")
    await bed.tamper("UPDATE invoices SET outcome = NULL, closed_at = NULL, state = json_remove(state, '$.closed')")
    await bed.skip_collection(timedelta(days=3, minutes=1))
    failing = await bed.collects(lambda found: found.failure is not None)
    assert failing.failure
    assert "the ledger has no bill for 2026-10 of acme" in failing.failure.text
    assert failing.outcome is None
    assert bed.charged() == []


async def arrived_untold(bed: Bed, amount_minor: int) -> None:
    """Money of which no event tells, as if it had been lost."""
    without_outbox = await SqlLedger.connect(bed.settings.ledger)
    await without_outbox.book(transfer(amount_minor), await due_by(bed, OCTOBER))
    await without_outbox.close()


async def paid_otherwise(bed: Bed) -> Collection:
    """Once October is settled without the card."""
    collection = await bed.collects(lambda found: [debt.period for debt in found.open_debts] == [NOVEMBER])
    october = collection.debt(Period(OCTOBER))
    assert october is not None
    assert (october.paid_otherwise_minor, october.paid_by) == (10000, None)
    return collection


async def test_a_card_is_not_tried_for_money_that_the_collection_has_not_heard_of(bed: Bed) -> None:
    collection = await owes_two(bed)
    await arrived_untold(bed, 10000)
    await bed.behaves(collection.customer, "succeed")
    await bed.skip_collection(timedelta(days=3, minutes=1))
    ended = await bed.collection_handle().result()
    assert ended.outcome is CollectionStage.RECOVERED
    assert bed.charged() == [(NOVEMBER, 3000)]


async def test_nobody_is_reminded_of_money_that_the_collection_has_not_heard_of(bed: Bed) -> None:
    await owes_two(bed, "decline:stolen_card")
    await arrived_untold(bed, 10000)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await paid_otherwise(bed)
    (reminder,) = [
        mail
        for row in await bed.ledger.messages("acme", Period(NOVEMBER))
        for mail in bed.mails()
        if row.kind is CustomerMailKind.REMINDER and mail.message_id == row.message_id
    ]
    assert "€100.00" not in reminder.text
    assert "€30.00" in reminder.text


async def test_reconciliation_makes_the_collection_count_what_it_has_not_heard_of(bed: Bed) -> None:
    await owes_two(bed)
    await arrived_untold(bed, 10000)
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    found = await books.reconcile_period(Period(OCTOBER))
    assert (DiscrepancyKind.OWED, True) in [(finding.kind, finding.repaired) for finding in found.findings]
    await paid_otherwise(bed)
    assert bed.charged() == []


async def test_transfers_that_arrive_while_the_cards_payment_cannot_be_cancelled_all_count(bed: Bed) -> None:
    await owes_two(bed)
    await bed.stripe_fault(path="/cancel$", kind="status", status=503, times=None, method="*")
    assert await transferred(bed, 4000, "1")
    await bed.collects(lambda found: any(debt.release for debt in found.open_debts))
    assert await transferred(bed, 6000, "2")
    await bed.stripe_clear_faults()
    await bed.skip_collection(timedelta(minutes=30))
    await paid_otherwise(bed)
    assert bed.charged() == []
