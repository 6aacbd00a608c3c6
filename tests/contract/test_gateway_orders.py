"""Orders that are paid at the gateway, by link and at the shop's own page, also by buyers not billed monthly."""

from billing.receivables.journal import Subject
from billing.reviewers.alerts import AlertKind
from orders.order import OrderStage
from tests.contract.conftest import Serve
from tests.contract.gateway_fixtures import Company, called_back, company, shop, stand
from tests.ordering import cancel, request

__all__ = ["company", "shop", "stand"]  # fixtures
ORDER = Subject.order("1042")


async def stage(company: Company) -> OrderStage:
    found = await company.ledger.order("1042")
    assert found is not None
    return found.stage


async def test_a_buyer_pays_an_order_by_the_gateways_link(company: Company) -> None:
    await company.ledger.open_order(request(), company.clock())
    link = await company.open(customer_id="buyer", payer_id=None, subject=ORDER)
    assert await company.stand.pay(link) == 303
    await company.gateway.look_up(link.checkout_id, company.clock())
    record = await company.record(link.checkout_id)
    assert (record.payment.customer_id, record.payment.subject) == ("buyer", ORDER)
    assert await stage(company) is OrderStage.RELEASED


async def test_a_buyer_who_types_the_number_of_an_order_pays_it(company: Company) -> None:
    await company.ledger.open_order(request(), company.clock())
    for amount in ("40.00", "60.00"):
        await company.stand.pay_static("1042", amount)
    await company.read()
    assert await stage(company) is OrderStage.RELEASED


async def test_a_buyers_money_for_a_cancelled_order_is_credit_and_told(company: Company) -> None:
    await company.ledger.open_order(request(), company.clock())
    await company.ledger.change_order("1042", cancel(), company.clock())
    await company.stand.pay_static("1042", "100.00")
    await company.read()
    assert (await company.ledger.balance("buyer")).credits == {"eur": -10000}
    (alert,) = await company.ledger.alerts()
    assert (alert.kind, alert.customer_id, alert.amount_minor) == (AlertKind.MONEY, "buyer", 10000)
    assert "is credit of buyer: the order 1042 is not open any more" in alert.text


async def test_a_callback_that_does_not_say_what_the_payer_typed_is_looked_up(company: Company, serve: Serve) -> None:
    """A shop of the first version of the API is called back without it, as is a form of plain fields."""
    await company.ledger.open_order(request(), company.clock())
    async with called_back(company, serve):
        await company.stand.control("callbacks/faults", kind="form_fields")
        reference = await company.stand.pay_static("1042", "100.00")
        await company.until_booked(10000)
    record = await company.record(reference)
    assert (record.payment.customer_id, record.payment.subject) == ("buyer", ORDER)
    assert await stage(company) is OrderStage.RELEASED
