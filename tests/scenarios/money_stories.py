"""Stories of money that arrives and goes back: by transfer, by link, and by the card's bank."""

from datetime import datetime, timedelta
from typing import Any

from billing.invoices.commands import CloseAccount, Edit
from billing.invoices.invoice import ChangeLine
from billing.money import parse_amount
from billing.payments.typed_payment import TypedPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName, Subject
from bootstrap import connect_checkouts, connect_payment_desk
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import local_http
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.paying import link_for, pay_by
from tests.scenarios.stories import ANN, PERIOD, SEPTEMBER, an_uneventful_month, at_rest, the_card_is_declined

_LATE = timedelta(days=90)
"""From now, after all bills of these months are due."""


async def a_transfer_comes_before_the_charge(bed: Bed) -> None:
    """Too much: what is left is credit. The month after takes it over."""
    await bed.monitored(period=SEPTEMBER)
    bed.sales(PERIOD, ("acme@example.com", "100", "Sale 1"))
    await bed.announced()
    await transfer(bed, "bank-1", "130", SEPTEMBER)
    await bed.closed("acme", SEPTEMBER)
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def two_equal_transfers_come_on_one_day(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    for reference in ("bank-1", "bank-2", "bank-2"):
        await transfer(bed, reference, "60", "")
    await bed.closed()


async def a_month_is_paid_before_it_is_drafted(bed: Bed) -> None:
    """Its draft takes the money over; so it does not pay the bill once more."""
    await bed.monitored(period=SEPTEMBER)
    bed.sales(PERIOD, ("acme@example.com", "150", "Sale 1"))
    await transfer(bed, "bank-1", "100", PERIOD)
    await bed.announced()
    await bed.closed("acme", SEPTEMBER)
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def a_bill_that_was_paid_is_corrected(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await transfer(bed, "bank-1", "100")
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=PERIOD, version=1, changes=(change,)))).accepted
    await bed.until("acme", lambda month: month.announced)
    await bed.closed()


async def a_customer_leaves_with_credit(bed: Bed) -> None:
    """Which is paid back by hand."""
    await bed.monitored()
    assert (await bed.command("acme", CloseAccount(**ANN))).accepted
    month = await bed.announced()
    await transfer(bed, "bank-1", "130")
    await bed.skip_to("acme", month.charge_at)
    await bed.handle("acme").result()
    await bed.ledger.settle("acme", "ann", "paid back in cash", now())


async def nobody_knows_who_has_paid(bed: Bed) -> None:
    """Until one of the two senders calls."""
    await the_card_is_declined(bed)
    await at_rest(bed)
    for reference in ("bank-1", "bank-2"):
        await transfer(bed, reference, "40", is_named=False, at=now() + _LATE)
    Bank(bed.folder / "bank.jsonl").claim("bank-1")
    payment = PaymentName.of("transfer", "bank-1")
    fields: dict[str, Any] = {"customer_id": "acme", "subject": Subject.month(PERIOD)}
    await instruct(bed, InstructionKind.ASSIGN, payment, at=now() + _LATE, **fields)
    await collections_are_told(bed)


async def money_goes_back(bed: Bed) -> None:
    """A part of the card's payment, and then of the transfer that came for it all the same."""
    await an_uneventful_month(bed)
    (intent,) = bed.intents()
    await instruct(bed, InstructionKind.REFUND, PaymentName.of("stripe", intent["id"]), amount="30")
    await transfer(bed, "bank-1", "50")
    Bank(bed.folder / "bank.jsonl").debit("back-1", "bank-1", 2500)
    payment = PaymentName.of("transfer", "bank-1")
    await instruct(bed, InstructionKind.REFUND, payment, amount="25", refund_reference="back-1")


async def the_customer_disputes_what_was_charged(bed: Bed) -> None:
    """And wins."""
    await an_uneventful_month(bed)
    (intent,) = bed.intents()
    await bed.stripe_control("disputes", {"payment_intent": intent["id"], "reason": "fraudulent"})
    await hear_of(bed, intent["id"])
    (dispute,) = bed.objects("dispute")
    await bed.stripe_control(f"disputes/{dispute['id']}", {"status": "lost"})
    await hear_of(bed, intent["id"])


async def the_company_wins_a_dispute(bed: Bed) -> None:
    await an_uneventful_month(bed)
    (intent,) = bed.intents()
    await bed.stripe_control("disputes", {"payment_intent": intent["id"], "reason": "fraudulent"})
    await hear_of(bed, intent["id"])
    (dispute,) = bed.objects("dispute")
    await bed.stripe_control(f"disputes/{dispute['id']}", {"status": "won"})
    await hear_of(bed, intent["id"])


async def a_refund_overtakes_the_news_of_its_payment(bed: Bed) -> None:
    """The customer has paid by link, and somebody gives it back at Stripe before we hear of either."""
    await the_card_is_declined(bed)
    await at_rest(bed)
    link = await link_for(bed, period=PERIOD)
    await pay_by(link)
    (paid,) = (intent for intent in bed.intents() if intent["status"] == "succeeded")
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        refund = await http.post(f"{bed.stripe_url}/v1/refunds", data={"payment_intent": paid["id"], "amount": "4000"})
        refund.raise_for_status()
    await hear_of(bed, paid["id"])
    await connect_checkouts(bed.settings, bed.adapters).look_up(str(link.session_id), now())
    await bed.collects(lambda found: found.outcome is not None)
    await at_rest(bed)


async def what_is_owed_is_transferred(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await at_rest(bed)
    await transfer(bed, "bank 1", "100")
    await collections_are_told(bed)


async def what_is_owed_is_paid_by_link(bed: Bed) -> None:
    """On the way the link before it is declined, too."""
    await the_card_is_declined(bed)
    await at_rest(bed)
    link = await link_for(bed, period=PERIOD)
    await pay_by(link, "pm_card_chargeCustomerFail")
    await pay_by(link)
    await connect_checkouts(bed.settings, bed.adapters).look_up(str(link.session_id), now())
    await collections_are_told(bed)


async def collections_are_told(bed: Bed) -> None:
    """Of all money that is in the books."""

    async def all_told() -> bool:
        return not [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]

    await until(all_told, PATIENCE_SECONDS)
    await at_rest(bed)


async def hear_of(bed: Bed, payment_id: str) -> None:
    """As a webhook tells of what has become of a payment."""
    payments = bed.adapters.payments
    payment, reversals = await payments.payment(payment_id), await payments.reversals(payment_id)
    await bed.ledger.save_reversals(payment, reversals, now())


async def transfer(
    bed: Bed, reference: str, amount: str, month: str = PERIOD, is_named: bool = True, at: datetime | None = None
) -> None:
    """The customer sends money, and a person records it: now, before any bill of a skipped month is due, or then."""
    Bank(bed.folder / "bank.jsonl").credit(
        Transfer(
            reference=reference,
            payer="Acme",
            amount_minor=parse_amount(amount, "eur"),
            currency="eur",
            sent_at=now(),
            customer_id="acme",
            month=month,
            is_named=is_named,
        )
    )
    whose = {"customer_id": "acme", "month": month} if is_named else {}
    typed = TypedPayment("transfer", reference, amount, "eur", "ann", "by the statement", payer="Acme", **whose)
    await connect_payment_desk(bed.settings, bed.adapters).record(typed, at or now())


async def instruct(
    bed: Bed,
    kind: InstructionKind,
    payment: PaymentName,
    at: datetime | None = None,
    state: InstructionState = InstructionState.DONE,
    **fields: Any,
) -> None:
    name = f"{kind}-{payment.digest}"
    request = InstructionRequest(instruction_id=name, kind=kind, payment=payment, **ANN, via="test", **fields)
    instruction = await connect_payment_desk(bed.settings, bed.adapters).instruct(request, at or now())
    assert instruction.state is state
