"""A person who asks for it is forgotten, on SQLite and PostgreSQL alike: no text has them any more, all sums stay."""

import asyncio

import pytest

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.completeness.snapshots import LastRun
from billing.customers.erasure import Scrubber
from billing.errors import InvalidInput, NotFound
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import Reversal, ReversalKind, ReversalStatus
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.payment_list import PaymentFilter
from tests.contract.erase_fixtures import ERIKA, PAYMENT, closed_month, dump, lived
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER, leave
from tests.debts import only, settled

SECRETS = ("erika", "mustermann", "@new.example", "@old.example", "massage", "1881", "12,50", "+77012345678")


async def test_no_table_has_the_person_any_more_and_amounts_ids_and_decisions_stay(ledger: SqlLedger, url: str) -> None:
    month = closed_month()
    await lived(ledger, month)
    await ledger.record(Month.open(ACME, NOVEMBER), AT)
    before = await ledger.decisions("c77", NOVEMBER)
    assert all(secret in dump(url) for secret in SECRETS)

    erased = await ledger.erase("c77", "ann", "asked by Erika Mustermann", LATER)
    assert erased.rows > 5
    left = dump(url)
    assert [secret for secret in SECRETS if secret in left.replace("acme añ 茶", "")] == []
    known = await ledger.month("c77", NOVEMBER)
    assert known is not None
    assert known.invoice is not None
    assert known.customer.email == "c77@erased.invalid"
    assert known.customer.card_on_file.payer_id == ERIKA.card_on_file.payer_id
    assert month.invoice is not None
    assert known.invoice.total_minor == month.invoice.total_minor
    assert [line.source for line in known.invoice.lines] == [line.source for line in month.invoice.lines]
    *after, erasure = await ledger.decisions("c77", NOVEMBER)
    assert [(each.number, each.by, each.command, each.accepted) for each in after] == [
        (each.number, each.by, each.command, each.accepted) for each in before
    ]
    assert (erasure.command, erasure.by, erasure.reason) == ("erase", "ann", "asked by erased")
    recipients = {row.kind: row.recipient for row in await ledger.messages("c77", NOVEMBER)}
    assert recipients == {"notice": "erased", "receipt": "erased"}
    assert [each.customer_id for each in await ledger.registrations()] == ["c77"]  # the other made no customer
    assert (await ledger.customer("acme")) == ACME  # others stay as they are


async def test_two_people_erased_at_once_are_both_gone_from_what_names_both(ledger: SqlLedger, url: str) -> None:
    month = closed_month()
    await ledger.record(month, AT)
    other = month.model_dump_json().replace("Erika Mustermann", "Maximilian Beispiel")
    await ledger.record(Month.model_validate_json(other.replace("erika", "max").replace("c77", "c79")), AT)
    report: dict[str, object] = {"findings": [{"text": "row 9, Erika Mustermann and Maximilian Beispiel"}]}
    period = NOVEMBER
    for _ in range(60):
        await ledger.save_coverage(LastRun(period=period, at=AT, findings=1, told=(), report=report))
        period = period.next()
    for customer_id in ("c77", "c79"):
        await ledger.settle(customer_id, "ann", "paid in cash", LATER)
    await asyncio.gather(*(ledger.erase(each, "ann", "asked", LATER) for each in ("c77", "c79")))
    left = dump(url)
    assert [name for name in ("mustermann", "beispiel") if name in left] == []


async def test_a_repeat_changes_nothing(ledger: SqlLedger, url: str) -> None:
    await lived(ledger, closed_month())
    await ledger.erase("c77", "ann", "asked", LATER)
    before = dump(url)
    assert (await ledger.erase("c77", "bob", "asked again", LATER)).rows == 0
    assert dump(url) == before


async def test_an_account_that_is_open_or_unknown_is_refused(ledger: SqlLedger) -> None:
    await ledger.record(Month.open(ERIKA, NOVEMBER), AT)
    with pytest.raises(InvalidInput, match=r"c77 cannot be erased: the account is open; .*starter.py close c77"):
        await ledger.erase("c77", "ann", "asked", LATER)
    with pytest.raises(NotFound):
        await ledger.erase("nobody", "ann", "asked", LATER)


async def test_what_is_still_collected_is_refused_until_it_is_settled(ledger: SqlLedger) -> None:
    month = closed_month(Stage.PAST_DUE)
    await lived(ledger, month)
    collection = Collection.open(month)
    await ledger.record_collection(collection, AT)
    with pytest.raises(InvalidInput, match=rf"{NOVEMBER} is still being collected"):
        await ledger.erase("c77", "ann", "asked", LATER)
    written_off = settled(collection, CollectionStage.WRITTEN_OFF, LATER)
    await ledger.record_collection(written_off, LATER)
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows
    known = await ledger.collection("c77", NOVEMBER)
    assert known is not None
    assert (known.customer.name, only(known).amount_minor) == ("erased", only(collection).amount_minor)


async def test_a_balance_that_nobody_will_bill_has_to_be_settled_first(ledger: SqlLedger) -> None:
    await lived(ledger, closed_month(Stage.SKIPPED))
    await leave(ledger, "c77", -3000, "eur")
    with pytest.raises(InvalidInput, match=r"30.00 EUR is owed to the customer; .*customers settle c77"):
        await ledger.erase("c77", "ann", "asked", LATER)
    settled = await ledger.settle("c77", "ann", "paid out to Erika Mustermann", LATER)
    assert settled.credits == {"eur": -3000}
    assert (await ledger.settle("c77", "ann", "again", LATER)).is_even
    await ledger.erase("c77", "ann", "asked", LATER)
    assert (await ledger.balance("c77")).is_even
    assert (await ledger.transactions("c77"))[-1].reason == "paid out to erased"


async def test_a_dispute_that_is_not_decided_still_needs_the_person(ledger: SqlLedger) -> None:
    await lived(ledger, closed_month())
    dispute = Reversal(
        reversal_id="dp_1",
        payment_id="pi_1",
        kind=ReversalKind.DISPUTE,
        amount_minor=5100,
        currency="eur",
        status=ReversalStatus.PENDING,
        code="needs_response",
        created_at=AT,
    )
    await ledger.save_reversals(PAYMENT, [dispute], AT)
    with pytest.raises(InvalidInput, match="dispute dp_1 is not decided"):
        await ledger.erase("c77", "ann", "asked", LATER)


def test_only_whole_names_are_taken_out_of_texts() -> None:
    scrubber = Scrubber("c77", {"Ann", "ann@x.example"})
    assert scrubber.text("I cannot reach ANN at ann@x.example") == "I cannot reach erased at erased"
    assert scrubber.field("timezone", "Ann") == "Ann"
    assert scrubber.field("reason", "unreadable Ann") == "unreadable erased"


async def test_money_that_was_assigned_stays_assigned_and_names_nobody_any_more(ledger: SqlLedger, url: str) -> None:
    await lived(ledger, closed_month())
    unknown = IncomingPayment(
        rail="transfer",
        reference=f"Erika Mustermann {'9' * 230}",
        customer_id=None,
        amount_minor=1200,
        currency="eur",
        paid_at=AT,
        payer="MUSTERMANN ERIKA",
        by="ann",
        reason="Erika, by bank form",
    )
    stranger = unknown.evolve(reference="Mustermann 17", payer="Max Mustermann", reason="no reference")
    for payment in (unknown, stranger):
        await ledger.book(payment, AT)
    to_erika = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=unknown.name,
        customer_id="c77",
        by="ann",
        reason="asked Erika",
        via="cli",
    )
    await ledger.instruct(to_erika, {}, LATER)
    await ledger.settle("c77", "ann", "given up", LATER)
    await ledger.erase("c77", "ann", "asked", LATER)
    assert "erika" not in dump(url)
    assert not await ledger.book(unknown, LATER), "booked before"
    assert not await ledger.book(stranger, LATER)
    with pytest.raises(InvalidInput, match="assigned already"):
        await ledger.instruct(to_erika.evolve(instruction_id="i2"), {}, LATER)
    left = (await ledger.incoming_payments(PaymentFilter(unmatched=True))).rows
    assert [row.reference for row in left] == ["Mustermann 17"], "nobody has said that it is hers"
