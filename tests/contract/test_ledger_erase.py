"""A person who asks for it is forgotten, on SQLite and PostgreSQL alike: no text has them any more, all sums stay."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.commands import Halt
from billing.completeness.snapshots import LastRun
from billing.customers.customer import CustomerChanges
from billing.customers.erasure import Scrubber
from billing.customers.registration import Registration, RegistrationState
from billing.errors import InvalidInput, NotFound
from billing.invoices.commands import CloseAccount, Edit, UpdateCustomer
from billing.invoices.invoice import AddLine, Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus
from billing.payments.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentStatus,
    Reversal,
    ReversalKind,
    ReversalStatus,
)
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.payment_list import PaymentFilter
from billing.texts.ports import TextLimits
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER, driver, leave, run
from tests.contract.test_ledger_texts import text as a_text
from tests.debts import only, settled

ANN: dict[str, Any] = {"by": "ann", "reason": "Erika Mustermann called, erika@old.example"}
CARD = ACME.payment_method.evolve(last4="1881")
ERIKA = ACME.evolve(customer_id="c77", name="Erika Mustermann", email="erika@old.example", payment_method=CARD)
SECRETS = ("erika", "mustermann", "@new.example", "@old.example", "massage", "1881", "12,50", "+77012345678")

PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    key="k",
    customer_id="c77",
    period=NOVEMBER,
    payer_id="cus_1",
    status=PaymentStatus.SUCCEEDED,
    amount_minor=5100,
    currency="eur",
    created_at=AT,
)


def told(month: Month, *commands: Any) -> Month:
    for command in commands:
        month, *_ = decide(month, command, AT, "update")
    return month


def closed_month(outcome: Stage = Stage.PAID) -> Month:
    source = Source(sheet=str(NOVEMBER), row=2, digest="d")
    line = LineItem(line_id="row-2", description="Massage", amount_minor=5000, source=source)
    odd = Problem(line_id="row-3", description="Massage 2", raw="12,50", reason="'12,50' is no amount", source=source)
    invoice = Invoice(currency="eur", imported_at=AT, lines=(line,), problems=(odd,))
    added = AddLine(description="For Erika Mustermann", amount_minor=100)
    month = told(
        Month.open(ERIKA, NOVEMBER).drafted(invoice),
        UpdateCustomer(changes=CustomerChanges(email="erika@new.example"), **ANN),
        Edit(period=NOVEMBER, version=1, changes=(added,), **ANN),
        Halt(**ANN),
        CloseAccount(**ANN),
    )
    result = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1")
    return month.close(outcome, AT, result)


async def registered(ledger: SqlLedger, customer_id: str, state: RegistrationState) -> None:
    wanted = Registration(
        registration_id=f"R-{customer_id}",
        email="erika@old.example",
        name="Erika Mustermann",
        currency="eur",
        timezone="Europe/Paris",
        customer_id=customer_id,
        created_at=AT,
        updated_at=AT,
    )
    opened = await ledger.open_registration(wanted)
    assert await ledger.save_registration(opened.evolve(state=state))


async def lived(ledger: SqlLedger, month: Month) -> None:
    await ledger.record(month, AT)
    if month.outcome is Stage.PAID:
        await ledger.save_payment(PAYMENT, AT)
    await registered(ledger, "c77", RegistrationState.STARTED)
    await registered(ledger, "c78", RegistrationState.KNOWN)
    for kind, to in (
        (CustomerMailKind.NOTICE, "erika@old.example"),
        (CustomerMailKind.RECEIPT, "erika@new.example"),
    ):
        letter = CustomerMail(kind=kind, message_id=f"<{kind}>", to=to, month=month)
        await ledger.save_message(letter, 1, MessageStatus.SENT, AT)
    await ledger.begin_text(a_text(customer_id="c77", body="Erika, pay 12,50"), TextLimits(), AT)
    report: dict[str, object] = {"findings": [{"text": "row 9, Erika@old.example: 3.00 EUR"}]}
    await ledger.save_coverage(LastRun(period=NOVEMBER, at=AT, findings=1, told=("erika@old.example",), report=report))


def dump(url: str) -> str:
    """All that is in the database, as text."""

    def work(connection: Any) -> str:
        names = connection.execute(
            text(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                if driver(url) == "sqlite"
                else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
        ).scalars()
        return "\n".join(str(connection.execute(text(f'SELECT * FROM "{name}"')).all()) for name in names.all())

    found: str = run(url, work)
    return found.casefold()


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
