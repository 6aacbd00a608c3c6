"""Charged exactly once also by the books, which take in what happens at Stripe by itself: cases 15 and 19."""

from billing.accounting.discrepancy import DiscrepancyKind
from billing.collections.stages import CollectionStage
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap import connect_reconciliation
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from clients.collection_commands import pay
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.workflows.charging import attempts


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
    await bed.collection_handle().result()  # the ledger has the outcome, too
    assert (await books.reconcile_period(Period(OCTOBER))).findings == ()
    assert bed.charged() == [(OCTOBER, 10000)]


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
