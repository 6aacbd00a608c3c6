"""A card's payment is given back from its page: once at Stripe, and the webhook finds it known."""

from billing.receivables.payment_list import PaymentFilter
from tests.console.conftest import Desk
from tests.console.reviewing import fields, readable, reviewer

PAYMENT = "/desk/money/payment"


async def test_a_cards_payment_goes_back_once_and_the_webhook_changes_nothing(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.closed()
    (row,) = (await desk.bed.ledger.incoming_payments(PaymentFilter())).rows
    assert (row.rail, row.customer_id) == ("stripe", "acme")
    async with reviewer(desk) as ann:
        page = (await ann.browser.get(PAYMENT, params=row.name._asdict())).text
        assert "the processor pays it back" in readable(page)
        form = fields(page, f"{PAYMENT}/refund") | {"amount": "1.00", "reason": "returned goods"}
        for _ in range(2):
            assert "Given back as re_" in await ann.result(await ann.post(f"{PAYMENT}/refund", form))
        assert "refund" in await ann.page("/desk/audit")
    assert [refund["amount"] for refund in desk.bed.objects("refund")] == [100]
    await desk.all_done()
    record = await desk.bed.ledger.incoming_payment(row.name)
    assert record is not None
    assert record.returned_minor == 100
    (refund,) = await desk.bed.ledger.reversals(customer_id="acme")
    assert refund.amount_minor == 100
