"""Stripe's register beside the journal, for real: what the journal lacks is taken in, the rest is told to people."""

import json
from datetime import UTC, datetime
from typing import Any

from activities.reconciliation import ReconcileRequest
from billing.accounting.discrepancy import DiscrepancyKind, ReconciledPeriod
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.payment_list import PaymentFilter
from bootstrap import connect_reconciliation
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.typed import typed
from tests.workflows.test_reconciliation import made_by_hand

ALL_TABLES = ("entries", "transactions", "incoming_payments")


async def reconciled(bed: Bed) -> ReconciledPeriod:
    return await connect_reconciliation(bed.settings, bed.adapters, bed.client).reconcile_period(Period(OCTOBER))


def found(result: ReconciledPeriod) -> list[tuple[DiscrepancyKind, bool]]:
    return [(finding.kind, finding.repaired) for finding in result.findings]


def sums(result: ReconciledPeriod) -> dict[str, tuple[int | None, int]]:
    return {total.rail: (total.register_minor, total.clearing_minor) for total in result.rails}


async def paid(bed: Bed) -> str:
    """A customer whose October was charged, 100.00 EUR; the payment's id."""
    await bed.monitored()
    await bed.closed()
    (intent,) = bed.intents()
    return str(intent["id"])


async def refunded(bed: Bed, payment_id: str, amount_minor: int) -> str:
    """A refund made at Stripe's dashboard, whose webhook is lost; its id."""
    form = {"payment_intent": payment_id, "amount": amount_minor}
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/refunds", data=form)
        return str(answer.raise_for_status().json()["id"])


async def forget(bed: Bed, reference: str, *tables: str) -> None:
    """Deletes what these tables have of a payment, by hand."""
    digest = PaymentName.of("stripe", reference).digest
    for table in tables:
        is_its = "number IN (SELECT number FROM transactions WHERE digest = ?)" if table == "entries" else "digest = ?"
        await bed.tamper(f"DELETE FROM {table} WHERE {is_its}", digest)


async def book(bed: Bed, reference: str, **changes: Any) -> None:
    payment = IncomingPayment(
        rail="stripe",
        reference=reference,
        customer_id="acme",
        subject=Subject.month(Period(OCTOBER)),
        amount_minor=6000,
        currency="eur",
        paid_at=datetime.now(UTC),
    )
    await bed.ledger.book(payment.evolve(**changes), datetime.now(UTC))


async def test_a_payment_that_was_deleted_from_the_journal_is_taken_in_again(bed: Bed) -> None:
    payment_id = await paid(bed)
    assert found(before := await reconciled(bed)) == []
    assert sums(before) == {"stripe": (10000, 10000)}
    await forget(bed, payment_id, *ALL_TABLES)
    assert (await bed.ledger.balance("acme")).owed_for(Subject.month(Period(OCTOBER)), "eur") == 10000
    assert found(result := await reconciled(bed)) == [(DiscrepancyKind.MISSING, True)]
    assert sums(result) == {"stripe": (10000, 10000)}
    assert (await bed.ledger.balance("acme")).is_even
    assert found(await reconciled(bed)) == []


async def test_entries_that_cannot_be_made_good_are_told_and_stay_a_difference(bed: Bed) -> None:
    await forget(bed, payment_id := await paid(bed), "entries", "transactions")
    for _ in range(2):
        result = await reconciled(bed)
        assert found(result) == [(DiscrepancyKind.MISSING, False)]
        assert payment_id in result.findings[0].text
        assert sums(result) == {"stripe": (10000, 0)}


async def test_a_refund_at_the_dashboard_whose_webhook_is_lost_counts_in_both_books(bed: Bed) -> None:
    refund_id = await refunded(bed, await paid(bed), 2500)
    result = await reconciled(bed)
    assert found(result) == [(DiscrepancyKind.REVERSAL, True)]
    assert sums(result) == {"stripe": (7500, 7500)}
    await forget(bed, refund_id, *ALL_TABLES)
    result = await reconciled(bed)
    assert found(result) == [(DiscrepancyKind.AMOUNT, True)]
    assert "has 75.00 EUR" in result.findings[0].text
    assert sums(result) == {"stripe": (7500, 7500)}
    assert found(await reconciled(bed)) == []


async def test_money_that_stripe_does_not_have_is_told_once_and_shown_as_a_difference(bed: Bed) -> None:
    await paid(bed)
    await book(bed, "pi_made_up")
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    for _ in range(2):
        await books.reconcile(ReconcileRequest(periods=(Period(OCTOBER),)))
    told = await bed.told()
    assert told.count("the processor has nothing of pi_made_up (stripe), the journal 60.00 EUR") == 1
    assert "python starter.py payments show stripe pi_made_up" in told
    code, output = await typed(bed, "reconcile", "--period", OCTOBER)
    assert code == 1, output
    (row,) = [line.split() for line in output.splitlines() if line.startswith("stripe")]
    assert row == ["stripe", "100.00", "EUR", "160.00", "EUR", "-60.00", "EUR"]


async def test_a_payment_on_another_rail_than_the_journal_says_is_told(bed: Bed) -> None:
    payment_id = await paid(bed)
    await book(bed, payment_id, rail="stripe-link", amount_minor=10000)
    result = await reconciled(bed)
    assert found(result) == [(DiscrepancyKind.MISSING, False)]
    assert sums(result) == {"stripe": (10000, 10000), "stripe-link": (0, 10000)}


async def test_a_payment_of_a_month_that_the_ledger_lacks_is_said_once_and_shown_as_a_difference(bed: Bed) -> None:
    await paid(bed)
    key = {"billing_key": "monthly-billing-v1:ghost:2026-10", "customer_id": "ghost", "period": OCTOBER}
    await made_by_hand(bed, confirm=True, **key)
    result = await reconciled(bed)
    assert found(result) == [(DiscrepancyKind.UNKNOWN, False)]
    assert sums(result) == {"stripe": (20000, 10000)}


async def test_what_a_link_brought_of_somebody_unknown_is_taken_in_once_as_unmatched(bed: Bed) -> None:
    await paid(bed)
    about = {"billing_key": "link", "rail": "stripe-link", "customer_id": "ghost", "period": OCTOBER}
    await made_by_hand(bed, confirm=True, **about)
    result = await reconciled(bed)
    assert found(result) == [(DiscrepancyKind.MISSING, True)]
    assert sums(result) == {"stripe": (10000, 10000), "stripe-link": (10000, 10000)}
    assert (await bed.ledger.incoming_payments(PaymentFilter(unmatched=True))).count == 1
    again = await reconciled(bed)
    assert (found(again), sums(again)) == ([], sums(result))


async def test_of_rails_by_hand_the_sum_is_shown_and_that_nobody_has_confirmed_it(bed: Bed) -> None:
    await paid(bed)
    await book(bed, "7731", rail="transfer", by="ann", reason="statement")
    assert sums(await reconciled(bed)) == {"stripe": (10000, 10000), "transfer": (None, 6000)}
    code, output = await typed(bed, "reconcile", "--period", OCTOBER)
    assert code == 0, output
    (row,) = [line.split() for line in output.splitlines() if line.startswith("transfer")]
    assert row == ["transfer", "by", "hand", "60.00", "EUR"]
    assert "nobody has confirmed the sum" in output
    code, output = await typed(bed, "reconcile", "--period", OCTOBER, "--json")
    assert code == 0, output
    transfer = {"rail": "transfer", "currency": "eur", "register_minor": None, "clearing_minor": 6000}
    assert json.loads(output)["rails"][1] == {**transfer, "difference_minor": None}
