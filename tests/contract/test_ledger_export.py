"""Everything of a period for accounting, on SQLite and on PostgreSQL alike; and what does not agree is said."""

from datetime import timedelta

import pytest

from adapters.sql import export
from adapters.sql.ledger import SqlLedger
from billing.accounting.export import ExportedLine, ExportRecord, ExportTally, ExportTotals
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.invoices.invoice import Invoice, LineItem, Source
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentStatus,
    Reversal,
    ReversalKind,
    ReversalStatus,
)
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, NOVEMBER, leave


def closed(customer_id: str, outcome: Stage, *amounts: int, carried_minor: int = 0) -> Month:
    lines = tuple(
        LineItem(
            line_id=f"row-{row}",
            description="Tea",
            amount_minor=amount,
            source=Source(sheet=str(NOVEMBER), row=row, digest="d"),
        )
        for row, amount in enumerate(amounts, start=2)
    )
    opened = Month.open(ACME.evolve(customer_id=customer_id), NOVEMBER)
    invoice = Invoice(currency="eur", imported_at=AT, lines=lines, carried_minor=carried_minor)
    result = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    return opened.drafted(invoice).close(outcome, AT, result)


def payment(customer_id: str, amount_minor: int, payment_id: str = "", currency: str = "eur") -> Payment:
    return Payment(
        rail="stripe",
        payment_id=payment_id or f"pi_{customer_id}",
        key=f"monthly-billing-v1:{customer_id}:{NOVEMBER}",
        customer_id=customer_id,
        period=NOVEMBER,
        payer_id="cus_1",
        status=PaymentStatus.SUCCEEDED,
        amount_minor=amount_minor,
        currency=currency,
        created_at=AT,
    )


def reversal(of: Payment, kind: ReversalKind, amount_minor: int) -> Reversal:
    return Reversal(
        reversal_id=f"{kind}_{of.customer_id}",
        payment_id=of.payment_id,
        kind=kind,
        amount_minor=amount_minor,
        currency=of.currency,
        status=ReversalStatus.RETURNED,
        code="succeeded",
        created_at=AT,
    )


async def exported(ledger: SqlLedger) -> tuple[dict[str, ExportRecord], list[ExportTotals], list[str]]:
    tally, found = ExportTally(), {}
    async for dossier in ledger.dossiers(NOVEMBER):
        assert isinstance(dossier, ExportRecord)
        tally.take(dossier)
        assert dossier.customer_id not in found
        found[dossier.customer_id] = dossier
    return found, tally.totals(), tally.problems


async def test_everything_of_a_period_comes_with_totals_that_agree(ledger: SqlLedger) -> None:
    paid, back = payment("kiwi", 1250), payment("lima", 700)
    await leave(ledger, "kiwi", 10, "eur")
    for month in (
        closed("kiwi", Stage.PAID, 1000, 240, carried_minor=10),
        closed("lima", Stage.PAID, 700),
        closed("owes", Stage.PAST_DUE, 300),
        closed("zed", Stage.SKIPPED, 99),
    ):
        await ledger.record(month, AT)
    await ledger.record(Month.open(ACME, DECEMBER), AT)
    for each in (paid, back):
        await ledger.save_payment(each, AT)
    await ledger.save_reversals(back, [reversal(back, ReversalKind.REFUND, 200)], AT)
    await ledger.save_reversals(paid, [reversal(paid, ReversalKind.DISPUTE, 1250)], AT)
    await ledger.record_collection(Collection.open(closed("owes", Stage.PAST_DUE, 300)), AT)

    found, totals, problems = await exported(ledger)
    assert problems == []
    assert list(found) == ["kiwi", "lima", "owes", "zed"]
    assert found["kiwi"].lines[0] == ExportedLine("row-2", "Tea", 1000, str(NOVEMBER), 2)
    assert [each.payment_id for each in found["kiwi"].charges] == ["pi_kiwi"]
    collection = found["owes"].debt
    assert collection is not None
    assert collection.stage is CollectionStage.COLLECTING
    assert totals == [
        ExportTotals(
            currency="eur",
            invoices=4,
            lines_minor=2339,
            carried_minor=10,
            invoiced_minor=2349,
            charged_minor=1950,
            refunded_minor=200,
            disputed_minor=1250,
            net_minor=500,
            outstanding_minor=300,
        )
    ]


@pytest.mark.parametrize(
    ("month", "charged", "said"),
    [
        (closed("kiwi", Stage.PAID, 1000), [payment("kiwi", 999)], "9.99 EUR charged, not the invoiced amount"),
        (closed("kiwi", Stage.PAID, 1000), [], "paid, but without a charge"),
        (closed("kiwi", Stage.SKIPPED, 1000), [payment("kiwi", 1000)], "charged, but Skipped"),
        (
            closed("kiwi", Stage.PAID, 1000),
            [payment("kiwi", 1000), payment("kiwi", 1000, "pi_again")],
            "charged 2 times",
        ),
        (closed("kiwi", Stage.PAID, 1000), [payment("kiwi", 1000, "", "usd")], "in another currency"),
        (None, [payment("kiwi", 1000)], "charged without an invoice: pi_kiwi"),
    ],
)
async def test_what_does_not_agree_is_said(
    ledger: SqlLedger, month: Month | None, charged: list[Payment], said: str
) -> None:
    if month is not None:
        await ledger.record(month, AT)
    for each in charged:
        await ledger.save_payment(each, AT)
    _, _, problems = await exported(ledger)
    assert any(problem.startswith("kiwi: ") and said in problem for problem in problems), problems


async def test_more_refunded_than_charged_is_said(ledger: SqlLedger) -> None:
    paid = payment("kiwi", 1000)
    await ledger.record(closed("kiwi", Stage.PAID, 1000), AT)
    await ledger.save_payment(paid, AT)
    await ledger.save_reversals(paid, [reversal(paid, ReversalKind.REFUND, 1001)], AT + timedelta(days=1))
    _, _, problems = await exported(ledger)
    assert problems == ["kiwi: more than the whole of pi_kiwi was refunded"]


async def test_everybody_comes_once_however_many_pages_there_are(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    for name in ("a", "b", "d"):
        await ledger.record(closed(name, Stage.SKIPPED, 5), AT)
    await ledger.save_payment(payment("c", 1), AT)
    found, _, _ = await exported(ledger)
    assert list(found) == ["a", "b", "c", "d"]
    assert [len(each.lines) for each in found.values()] == [1, 1, 0, 1]
