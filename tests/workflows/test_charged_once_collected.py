"""Charged exactly once when the card is refused, replaced or missing, and the month is collected: cases 9 to 13."""

from datetime import timedelta

import pytest

from billing.collections.commands import LookUp, Retry, WriteOff
from billing.collections.stages import CollectionStage
from billing.errors import BillingError
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from clients.collection_commands import pay, replace_card
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.debts import only, transferred
from tests.workflows.charging import ANN, attempts, overdue

pytestmark = pytest.mark.turns(2)


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
    assert (await bed.month("acme")).customer.card_on_file.card_id == card.card_id


async def test_case_12_money_that_arrives_otherwise_ends_the_tries(bed: Bed) -> None:
    closed = await overdue(bed)
    assert await transferred(bed, 4000, "bank 1")
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    assert [intent["status"] for intent in bed.intents()] == ["canceled"]
    await bed.behaves(closed.customer, "succeed")
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    assert await transferred(bed, 6000, "bank 2")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == []


async def test_case_12_a_card_that_was_detached_when_the_customer_paid_is_replaced_and_pays(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.detach_card(closed.customer.card_on_file.card_id)
    answer = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    assert answer.stage == CollectionStage.AWAITING_CARD
    card = await bed.another_card(closed.customer)
    await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "registered another card")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_12_a_card_registered_while_the_payment_is_given_up_comes_again_and_is_not_dropped(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.stripe_fault(path="/cancel$", kind="status", status=503, times=None, method="*")
    assert await transferred(bed, 4000)
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
    assert await transferred(bed, 10000)
    await bed.stripe_clear_faults()
    await bed.skip_collection(timedelta(minutes=30))
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert (only(settled).paid_otherwise_minor, only(settled).paid_by) == (10000, None)
    assert bed.charged() == []


async def test_case_13_a_missing_card_is_a_persons_and_the_others_go_on(bed: Bed) -> None:
    bed.sales(OCTOBER, ("acme@example.com", "100", "Hosting"), ("other@example.com", "50", "Hosting"))
    for name in ("acme", "other"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
        await bed.announced(name)
    month = await bed.month("acme")
    await bed.detach_card(month.customer.card_on_file.card_id)
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
        (await http.delete(f"{bed.stripe_url}/v1/customers/{month.customer.card_on_file.payer_id}")).raise_for_status()
    assert (await bed.closed()).outcome is Stage.NEEDS_CARD
    await bed.collects(lambda found: True)
    card = await bed.another_card(await bed.customer("again", email="acme@example.com"))
    await replace_card(bed.client, bed.ledger, "acme", card, "ann", "was deleted by mistake")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert bed.charged() == [(OCTOBER, 10000)]
