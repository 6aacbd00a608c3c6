"""Charged exactly once, whatever fails: the twenty cases that cost others their customers' money.

Case 14 (webhooks) is in ``tests/console``; a SIGKILL at every single boundary is in ``tests/crash``.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.accounting.reconciliation import DiscrepancyKind
from billing.collections.commands import LookUp, RecordPayment, Retry, WriteOff
from billing.collections.stages import CollectionStage
from billing.commands import Resume
from billing.errors import BillingError
from billing.invoices.commands import Edit, Skip
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap import SANDBOX_STRIPE_KEY, connect_reconciliation
from clients.collection_commands import pay, replace_card
from clients.start import StartStatus
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.debts import only
from tests.postgresql import postgresql_server
from tests.stops import text_of
from worker import READY

ANN: dict[str, Any] = {"by": "ann", "reason": "asked by the customer"}
INTENTS = r"/v1/payment_intents$"
INTENT = r"/v1/payment_intents/pi_\w+$"
CONFIRM = "/confirm$"
LAST_SECONDS = timedelta(seconds=15)
"""Enough for an edit to arrive, also on a busy machine."""


async def overdue(bed: Bed, behaviour: str = "decline:insufficient_funds", **fields: Any) -> Month:
    """A customer whose October was declined; the chain is in November, and a collection has begun."""
    month = await bed.monitored(**fields)
    await bed.behaves(month.customer, behaviour)
    closed = await bed.closed()
    await bed.collects(lambda found: found.entry_count == 0)
    return closed


def attempts(bed: Bed) -> list[str]:
    """The outcome of every charge that was ever tried at the Stripe stand-in."""
    return [charge["status"] for charge in bed.objects("charge")]


async def answer_is_lost(bed: Bed, path: str) -> None:
    """Of the next charge the create or the confirm is carried out, and from then on Stripe is down."""
    await bed.stripe_fault(path=path, method="POST", kind="drop_after")
    answered = [("GET", INTENTS)]  # what comes before: the look-up; the create, and a look at what it made
    if path == CONFIRM:
        answered += [("POST", INTENTS), ("GET", INTENT)]
    for method, before in answered:
        await bed.stripe_fault(path=before, method=method, kind="slow", seconds=0)
    await bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")


# -- 1 to 7: answers are lost


async def test_case_1_an_answer_dropped_after_the_confirm_was_committed_is_looked_up(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.stripe_fault(path=CONFIRM, kind="drop_after")
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


async def _down_for_days(bed: Bed, month: Month, path: str) -> None:
    """The answer is lost, then Stripe is down for three days, in which it forgets its idempotency keys."""
    await answer_is_lost(bed, path)
    await bed.skip_to("acme", month.charge_at)
    assert (len(bed.intents()), len(bed.charged())) == (1, int(path == CONFIRM))
    await bed.skip("acme", timedelta(minutes=10))
    waiting = await bed.until("acme", lambda month: bool(month.outage))
    assert waiting.stage(waiting.charge_at) is Stage.UNRESOLVED
    await bed.until("acme", lambda month: month.alerts == 1)
    await bed.skip("acme", timedelta(days=3))
    await bed.stripe_control("clock", {"advance_seconds": 3 * 24 * 3600 + 60})
    assert (await bed.month("acme")).outcome is None
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.period == "2026-11")


async def test_case_2_the_same_is_resolved_three_days_later_when_the_keys_are_gone(bed: Bed) -> None:
    await bed.monitored()
    await _down_for_days(bed, await bed.announced(), CONFIRM)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


async def test_case_3_a_lost_create_is_found_when_its_key_is_gone(bed: Bed) -> None:
    await bed.monitored()
    await _down_for_days(bed, await bed.announced(), INTENTS)
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1


async def test_case_4_a_worker_killed_between_create_and_its_record_leaves_one_payment(
    server: TemporalServer, tmp_path: Path
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed, worker_process(bed) as worker:
        await bed.monitored()
        month = await bed.announced()
        await bed.stripe_fault(path=INTENTS, method="POST", kind="slow", seconds=30, executed=True)
        skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
        async with asyncio.timeout(60):
            while not bed.intents():
                await asyncio.sleep(0.02)
        worker.kill()
        assert await bed.ledger.payments("acme", Period(OCTOBER)) == []
        await worker.start()
        await skipping
        await bed.until("acme", lambda month: month.period == "2026-11", seconds=60)
        assert bed.charged() == [(OCTOBER, 10000)]
        assert len(bed.intents()) == 1


def worker_process(bed: Bed) -> Child:
    """The real worker, in a process of its own."""
    command = [sys.executable, str(ROOT / "worker.py")]
    log = bed.folder / "worker.log"
    return Child("worker", command, log=log, ready=logged(READY), env=bed.environment, cwd=bed.folder)


async def test_case_5_two_starters_of_one_period_start_one_chain_and_charge_once(bed: Bed) -> None:
    customer = await bed.customer("acme")
    bed.sales(OCTOBER, (customer.email, "100", "Hosting"))
    both = await asyncio.gather(bed.start(customer, OCTOBER), bed.start(customer, OCTOBER))
    assert sorted(started.status for started in both) == [StartStatus.ALREADY_RUNNING, StartStatus.STARTED]
    await bed.drafted("acme", OCTOBER)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


@pytest.mark.parametrize("path", [INTENTS, CONFIRM], ids=["create", "confirm"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 409},
        {"kind": "rate_limit"},
        {"kind": "html_502"},
        {"kind": "garbage_200"},
        {"kind": "html_502", "executed": True},
        {"kind": "garbage_200", "executed": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_case_6_no_answer_that_can_be_trusted_is_no_outcome(bed: Bed, path: str, fault: dict[str, Any]) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.stripe_fault(path=path, method="POST", times=2, **fault)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["succeeded"]


@pytest.mark.parametrize("executed", [False, True], ids=["nothing was made", "a payment was made"])
async def test_case_7_a_500_that_stripe_remembers_does_not_hold_the_month(bed: Bed, executed: bool) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=INTENTS, method="POST", kind="status", status=500, cached=True, executed=executed)
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=1))
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1


async def test_case_8_a_sheet_edited_after_the_import_does_not_change_what_is_billed(bed: Bed) -> None:
    await bed.monitored()
    bed.sales(OCTOBER, ("acme@example.com", "999", "Sale 1"))
    month = await bed.announced()
    assert month.notice is not None
    assert month.notice.total_minor == 10000
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


# -- 9 to 12: the card is refused


async def test_case_9_insufficient_funds_are_tried_on_schedule_and_succeed_on_the_same_payment(bed: Bed) -> None:
    closed = await overdue(bed)
    assert closed.outcome is Stage.PAST_DUE
    assert (await bed.month("acme")).period == "2026-11"
    for tries, days in enumerate((3, 2), start=1):
        await bed.skip_collection(timedelta(days=days, minutes=1))
        found = await bed.collects(lambda found: found.reminders == found.contacts == only(found).tries > 0)
        assert only(found).tries == tries
        assert found.stage(only(found).opened_at) is CollectionStage.COLLECTING
    await bed.behaves(closed.customer, "succeed")
    await bed.skip_collection(timedelta(days=2))
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1
    assert attempts(bed) == ["failed", "failed", "failed", "succeeded"]
    assert only(await bed.collection_handle().result()).outstanding_minor == 0
    (row,) = await bed.ledger.debts(Period(OCTOBER))
    assert (row.stage, row.outstanding_minor) == (CollectionStage.RECOVERED, 0)
    kinds = [message.kind for message in await bed.ledger.messages("acme", Period(OCTOBER))]
    assert kinds == ["notice", "decline", "reminder", "reminder", "receipt"]
    assert "100.00 EUR of acme, 2026-10: recovered" in await bed.told()


async def test_case_10_a_stolen_card_is_never_tried_again_and_its_owner_is_asked_for_another(bed: Bed) -> None:
    await overdue(bed, "decline:stolen_card")
    await bed.skip_collection(timedelta(days=22))
    await bed.collects(lambda found: found.alerts == 1)
    assert attempts(bed) == ["failed"]
    mails = bed.mails("acme@example.com")
    assert len(mails) >= 3
    for mail in mails[1:]:
        assert "/pay/" in mail.text
        assert "stolen" not in mail.text.lower()
    refused = await bed.tell(Retry(**ANN))
    assert not refused.accepted
    assert "new one" in refused.result
    assert (await bed.ledger.debts(Period(OCTOBER)))[0].stage is CollectionStage.EXHAUSTED
    assert (await bed.tell(WriteOff(**ANN))).accepted
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.WRITTEN_OFF
    assert [intent["status"] for intent in bed.intents()] == ["canceled"]
    assert (await bed.collection_handle().result()).outcome is CollectionStage.WRITTEN_OFF
    assert (await bed.ledger.debts(Period(OCTOBER)))[0].stage is CollectionStage.WRITTEN_OFF
    told = await bed.told()
    assert 0 < told.index("still owed") < told.index("written off")


async def test_case_10_a_bank_that_forbids_another_try_is_obeyed_whatever_the_code(bed: Bed) -> None:
    await overdue(bed, "decline:do_not_honor:do_not_try_again")
    await bed.skip_collection(timedelta(days=22))
    await bed.collects(lambda found: found.reminders == 4 and found.alerts == 1)
    assert attempts(bed) == ["failed"]


async def test_case_10_a_code_that_nobody_knows_waits_for_a_person(bed: Bed) -> None:
    closed = await overdue(bed, "decline:a_code_of_next_year")
    await bed.skip_collection(timedelta(days=4))
    waiting = await bed.collects(lambda found: found.alerts > 0)
    assert waiting.stage(only(waiting).opened_at) is CollectionStage.AWAITING_PERSON
    assert "a_code_of_next_year" in await bed.told()
    assert attempts(bed) == ["failed"]
    await bed.behaves(closed.customer, "succeed")
    assert (await bed.tell(Retry(**ANN))).accepted
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["failed", "succeeded"]


async def test_case_11_the_customer_authenticates_and_is_charged_once_by_the_same_payment(bed: Bed) -> None:
    await bed.monitored(card="pm_card_authenticationRequired")
    assert (await bed.closed()).outcome is Stage.AUTHENTICATION_REQUIRED
    await bed.collects(lambda found: found.stage(only(found).opened_at) is CollectionStage.AWAITING_AUTHENTICATION)
    answer = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    again = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    assert answer.redirect_url
    assert again.redirect_url == answer.redirect_url
    await bed.at_the_bank(answer.redirect_url, "complete")
    assert (await bed.tell(LookUp(**ANN))).accepted
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert bed.charged() == [(OCTOBER, 10000)]
    assert len(bed.intents()) == 1


async def test_case_11_a_failed_authentication_can_be_repeated(bed: Bed) -> None:
    await bed.monitored(card="pm_card_authenticationRequired")
    await bed.closed()
    await bed.collects(lambda found: True)
    first = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    await bed.at_the_bank(first.redirect_url, "fail")
    await bed.tell(LookUp(**ANN))
    await bed.collects(lambda found: not only(found).looking)
    second = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    await bed.at_the_bank(second.redirect_url, "complete")
    await bed.tell(LookUp(**ANN))
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_12_a_card_replaced_during_dunning_is_tried_at_once_and_used_from_then_on(bed: Bed) -> None:
    closed = await overdue(bed)
    card = await bed.another_card(closed.customer)
    for _ in range(2):  # by the redirect and by the webhook
        await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert bed.charged() == [(OCTOBER, 10000)]
    assert attempts(bed) == ["failed", "succeeded"]
    assert (await bed.month("acme")).customer.payment_method.card_id == card.card_id


async def test_case_12_money_that_arrives_otherwise_ends_the_tries(bed: Bed) -> None:
    closed = await overdue(bed)
    part = await bed.tell(RecordPayment(**ANN, reference="bank 1", amount_minor=4000))
    assert part.accepted
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    assert [intent["status"] for intent in bed.intents()] == ["canceled"]
    await bed.behaves(closed.customer, "succeed")
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    assert (await bed.tell(RecordPayment(**ANN, reference="bank 2", amount_minor=6000))).accepted
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == []


async def test_case_12_a_card_that_was_detached_when_the_customer_paid_is_replaced_and_pays(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.detach_card(closed.customer.payment_method.card_id)
    answer = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    assert answer.stage == CollectionStage.AWAITING_CARD
    card = await bed.another_card(closed.customer)
    await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_12_a_card_registered_while_the_payment_is_given_up_comes_again_and_is_not_dropped(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.stripe_fault(path="/cancel$", kind="status", status=503, times=None, method="*")
    assert (await bed.tell(RecordPayment(**ANN, reference="bank 1", amount_minor=4000))).accepted
    await bed.collects(lambda found: bool(only(found).release and found.outage))
    card = await bed.another_card(closed.customer)
    with pytest.raises(BillingError, match="is being cancelled; repeat the command after that"):
        await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    await bed.stripe_clear_faults()
    await bed.skip_collection(timedelta(minutes=30))
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    assert bed.charged() == []


async def test_case_12_a_transfer_recorded_while_stripe_is_down_is_not_charged_as_well(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.behaves(closed.customer, "succeed")
    await bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
    await bed.skip_collection(timedelta(days=3, minutes=5))
    await bed.collects(lambda found: bool(only(found).attempt and found.outage))
    assert (await bed.tell(RecordPayment(**ANN, reference="bank 1", amount_minor=10000))).accepted
    await bed.stripe_clear_faults()
    await bed.skip_collection(timedelta(minutes=30))
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert [each.reference for each in only(settled).received] == ["bank 1"]
    assert bed.charged() == []


# -- 13 to 16: something is missing, silent or in a hurry


async def test_case_13_a_missing_card_is_a_persons_and_the_others_go_on(bed: Bed) -> None:
    bed.sales(OCTOBER, ("acme@example.com", "100", "Hosting"), ("other@example.com", "50", "Hosting"))
    for name in ("acme", "other"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
        await bed.announced(name)
    month = await bed.month("acme")
    await bed.detach_card(month.customer.payment_method.card_id)
    assert (await bed.closed("acme")).outcome is Stage.NEEDS_CARD
    assert (await bed.closed("other")).outcome is Stage.PAID
    await bed.collects(lambda found: found.stage(only(found).opened_at) is CollectionStage.AWAITING_CARD)
    card = await bed.another_card(month.customer)
    await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert sorted(bed.charged()) == [(OCTOBER, 5000), (OCTOBER, 10000)]


async def test_case_13_a_customer_who_is_missing_at_stripe_goes_on_under_another_id(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        (
            await http.delete(f"{bed.stripe_url}/v1/customers/{month.customer.payment_method.payer_id}")
        ).raise_for_status()
    assert (await bed.closed()).outcome is Stage.NEEDS_CARD
    await bed.collects(lambda found: True)
    card = await bed.another_card(await bed.customer("again", email="acme@example.com"))
    await replace_card(bed.client, bed.ledger, "acme", card, "ann", "was deleted by mistake")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_15_what_no_webhook_tells_the_reconciler_finds(bed: Bed) -> None:
    await bed.monitored(card="pm_card_authenticationRequired")
    await bed.closed()
    await bed.collects(lambda found: True)
    answer = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    await bed.at_the_bank(answer.redirect_url, "complete")
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    result = await books.reconcile_period(Period(OCTOBER))
    assert [(found.kind, found.repaired) for found in result.findings] == [(DiscrepancyKind.STATUS, True)]
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert (await books.reconcile_period(Period(OCTOBER))).findings == ()
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_16_an_edit_in_the_last_seconds_wins_or_is_refused_but_never_charged_unannounced(bed: Bed) -> None:
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(ChangeLine(line_id="row-2", amount_minor=1),))
    for name in ("early", "late"):
        await bed.start(await bed.customer(name), OCTOBER)
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Hosting") for name in ("early", "late")))
    for name in ("early", "late"):
        await bed.drafted(name, OCTOBER)
        await bed.announced(name)
    month = await bed.month("early")
    await bed.skip_to("early", month.charge_at - LAST_SECONDS, beyond=timedelta())
    change = edit.evolve(changes=(ChangeLine(line_id="row-2", amount_minor=9000),))
    assert (await bed.command("early", change)).accepted
    announced = await bed.until("early", lambda month: month.notices == 2 and month.announced)
    assert announced.charge_at >= month.charge_at + timedelta(hours=70)
    await bed.closed("early")
    await bed.stripe_fault(path=CONFIRM, kind="slow", seconds=2)
    passing = asyncio.create_task(bed.skip_to("late", month.charge_at))
    await bed.until("late", lambda month: month.charging is not None)
    refused = await bed.command("late", change)
    assert not refused.accepted
    assert "has begun" in refused.result
    await passing
    await bed.closed("late", OCTOBER)
    assert sorted(bed.charged()) == [(OCTOBER, 9000), (OCTOBER, 10000)]


async def test_case_16_an_edit_around_the_notice_is_in_it_or_corrects_it(bed: Bed) -> None:
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Hosting") for name in ("before", "after")))
    for name in ("before", "after"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
    month = await bed.month("before")
    await bed.skip_to("before", month.notice_at - LAST_SECONDS, beyond=timedelta())
    assert (await bed.command("before", edit)).accepted
    await bed.announced("before")
    told = [" ".join(mail.text.split()) for mail in bed.mails("before@example.com")]
    assert len(told) == 1
    assert "We will charge €90.00" in told[0]
    assert "corrects" not in told[0]
    first = await bed.announced("after")
    edit = edit.evolve(changes=(change.evolve(line_id="row-3"),))
    assert (await bed.command("after", edit)).accepted
    second = await bed.until("after", lambda month: month.notices == 2 and month.announced)
    assert first.notice is not None
    assert second.notice is not None
    assert second.notice.delivered_at is not None
    assert second.charge_at - second.notice.delivered_at >= second.customer.terms.min_notice
    corrected = " ".join(bed.mails("after@example.com")[-1].text.split())
    for words in (
        "This corrects our notice of",
        "The total is €90.00 instead of €100.00.",
        "Changed: Hosting, €90.00 instead of €100.00.",
        "We will charge €90.00",
    ):
        assert words in corrected
    for name in ("before", "after"):
        await bed.closed(name, OCTOBER)
    assert sorted(bed.charged()) == [(OCTOBER, 9000), (OCTOBER, 9000)]


async def test_case_16_an_edit_while_the_notice_is_on_its_way_is_told_before_it_is_charged(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"recipient": "acme@example.com", "action": "defer"})
    skipping = asyncio.create_task(bed.skip_to("acme", month.notice_at))
    await bed.until("acme", lambda month: month.notice is not None)
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    assert (await bed.command("acme", edit)).accepted
    await skipping
    await bed.until("acme", lambda month: month.announced)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 9000)]
    assert "We will charge €90.00" in " ".join(bed.mails("acme@example.com")[-2].text.split())


async def test_case_16_an_edit_in_the_last_seconds_before_the_charge_corrects_the_notice(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at - LAST_SECONDS, beyond=timedelta())
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    edit = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    assert (await bed.command("acme", edit)).accepted
    await bed.until("acme", lambda month: month.notices == 2 and month.announced)
    assert "€90.00 instead of €100.00" in " ".join(bed.mails("acme@example.com")[-1].text.split())
    assert bed.charged() == []
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 9000)]


# -- 17 and 18: the sheet


async def test_case_17_amounts_are_charged_in_stripes_minor_units(bed: Bed) -> None:
    amounts = {"eur": ("12.50", 1250), "jpy": ("1200", 1200), "bhd": ("1.250", 1250), "isk": ("500", 50000)}
    customers = {currency: await bed.customer(currency, currency=currency) for currency in amounts}
    bed.sales(OCTOBER, *((customers[currency].email, cell, "Sale") for currency, (cell, _) in amounts.items()))
    for customer in customers.values():
        await bed.start(customer, OCTOBER)
        await bed.drafted(customer.customer_id, OCTOBER)
    await asyncio.gather(*(bed.closed(currency, OCTOBER) for currency in amounts))
    for currency, (_, minor) in amounts.items():
        assert bed.charged(currency) == [(OCTOBER, minor)]


async def test_case_17_an_amount_that_could_mean_something_else_waits_for_a_person(bed: Bed) -> None:
    cells = ["1.234,56", "'12,50", "1,23.56", "12.505", "$12", "#REF!", "twelve"]
    customers = [await bed.customer(f"customer-{number}") for number in range(len(cells))]
    unclear = [(each.email, cell, "Unclear") for each, cell in zip(customers, cells, strict=True)]
    bed.sales(OCTOBER, *unclear, *((each.email, "100", "Clear") for each in customers))
    for customer in customers:
        await bed.start(customer, OCTOBER)
    for customer in customers:
        assert "cannot be read" in text_of((await bed.drafted(customer.customer_id, OCTOBER)).stopped)
    # past the instant of the charge
    await asyncio.gather(*(bed.skip(each.customer_id, timedelta(days=10)) for each in customers))
    assert bed.charged() == []
    for customer in customers:
        assert (await bed.month(customer.customer_id)).period == OCTOBER


@pytest.mark.parametrize("failure", ["missing", "renamed", "quota"])
async def test_case_18_a_sheet_that_cannot_be_read_bills_nobody_zero(bed: Bed, failure: str) -> None:
    customer = await bed.customer("acme")
    if failure == "renamed":
        bed.sales("2026-09", (customer.email, "100", "Hosting"))
    if failure == "quota":
        bed.sales(OCTOBER, (customer.email, "100", "Hosting"))
        await bed.sheets_fault(kind="rate_limit", times=None)
    await bed.start(customer, OCTOBER)
    await bed.skip("acme", timedelta(minutes=10))
    await bed.until("acme", lambda month: month.stage(month.import_at) is Stage.AWAITING_SALES and month.alerts == 1)
    assert bed.mails(customer.email) == []
    bed.sales(OCTOBER, (customer.email, "100", "Hosting"))
    async with local_http() as http:
        (await http.delete(f"http://127.0.0.1:{bed.ports.sheets}/_control/faults")).raise_for_status()
    await bed.skip("acme", timedelta(hours=1))
    await bed.drafted("acme", OCTOBER)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


# -- 19 and 20: afterwards, and all the time


async def test_case_19_refunds_and_disputes_reach_the_ledger_and_the_reviewers_and_charge_nothing(bed: Bed) -> None:
    await bed.monitored()
    await bed.closed()
    (intent,) = bed.intents()
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        for amount in (2500, 1500):
            form = {"payment_intent": intent["id"], "amount": amount}
            (await http.post(f"{bed.stripe_url}/v1/refunds", data=form)).raise_for_status()
            await books.take_in(intent["id"])
    await bed.stripe_control("disputes", {"payment_intent": intent["id"], "reason": "fraudulent"})
    await books.take_in(intent["id"])
    await books.take_in(intent["id"])  # a webhook may come twice
    found = await bed.ledger.reversals(Period(OCTOBER))
    assert sorted((each.kind, each.amount_minor) for each in found) == [
        ("dispute", 6000),
        ("refund", 1500),
        ("refund", 2500),
    ]
    told = await bed.told()
    for what in ("Refund of 25.00 EUR", "Refund of 15.00 EUR", "Dispute of 60.00 EUR"):
        assert told.count(what) == 1
    assert (await books.reconcile_period(Period(OCTOBER))).open == ()
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert attempts(bed) == ["succeeded"]


async def test_case_20_a_ledger_that_is_down_for_an_hour_loses_nothing_and_doubles_nothing(
    server: TemporalServer, tmp_path: Path, own_postgresql: Any
) -> None:
    async with prepared_bed(server, tmp_path, ledger_url=own_postgresql.get_uri()) as bed:
        month = await bed.monitored()
        await bed.announced()
        own_postgresql.stop()
        await bed.skip_to("acme", (await bed.month("acme")).charge_at)
        await bed.skip("acme", timedelta(minutes=30))
        assert (await bed.month("acme")).outcome is None
        assert bed.charged() == []  # what cannot be written down is not done
        await bed.skip("acme", timedelta(minutes=30))
        own_postgresql.start()
        await bed.skip("acme", timedelta(hours=1))
        await bed.until("acme", lambda month: month.period == "2026-11")
        assert bed.charged() == [(OCTOBER, 10000)]
        assert [row.status for row in await bed.ledger.payments("acme", month.period)] == ["succeeded"]
        assert len(bed.mails("acme@example.com")) == 2


@pytest.fixture
def own_postgresql() -> Any:
    """A PostgreSQL server that a test may stop."""
    with postgresql_server() as running:
        yield running


# -- a charge that people give up


@pytest.mark.parametrize("moved", [False, True], ids=["nothing moved", "the money had moved"])
async def test_a_charge_that_failed_is_given_up_only_if_the_money_has_not_moved(bed: Bed, moved: bool) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=CONFIRM, kind="drop_after" if moved else "drop_before")
    await bed.stripe_fault(path=INTENTS, method="GET", kind="slow", seconds=0)  # the first look-up is answered,
    await bed.stripe_fault(path=INTENTS, method="GET", kind="status", status=401, times=None)  # the next ones are not
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=5))
    await bed.until("acme", lambda month: bool(month.failure))
    await bed.stripe_clear_faults()
    answer = await bed.command("acme", Skip(**ANN, period=Period(OCTOBER)))
    assert answer.accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    outcome = (await bed.recorded("acme", OCTOBER)).outcome
    assert outcome is (Stage.PAID if moved else Stage.SKIPPED)
    assert len(bed.charged()) == int(moved)
    assert not (await bed.command("acme", Resume(**ANN, period=Period(OCTOBER)))).accepted
