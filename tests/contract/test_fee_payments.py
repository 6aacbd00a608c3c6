"""The fee of a service order, paid at Stripe and WayForPay over sockets: it goes on once, and every cent is booked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.payments.checkouts import Checkout, CheckoutRequest, CheckoutState
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import PaymentName, Subject
from services.checkouts import Checkouts
from services.gateways.gateway import Gateway
from services.gateways.reader import GatewayReader
from tests.contract.gateway_fixtures import Stand, shop, stand
from tests.contract.payment_fixtures import Stripe, gateway, stripe
from tests.contract.procedure_fixtures import does, opens
from tests.contract.procedure_fixtures import shipped as shipped
from tests.ordering import cancel
from tests.service_ordering import YES, payment, shown, with_tariff

__all__ = ["gateway", "shop", "stand", "stripe"]  # fixtures

NOW = datetime.now(UTC)
FEE, FEE_MINOR = Subject.fee("77"), 10_00
BOTH = pytest.mark.parametrize("rail", ["stripe-link", "wayforpay"])


@dataclass
class Counter:
    """Where somebody pays the fee of order 77."""

    ledger: SqlLedger
    processor: StripePayments
    stripe: Stripe
    stand: Stand
    shop: Gateway
    checkouts: Checkouts

    async def open(self, rail: str) -> Checkout:
        return await self.checkouts.open(
            CheckoutRequest(
                rail=rail,
                customer_id="dana",
                payer_id=None,
                subject=FEE,
                description="Connection, order 77",
                expires_at=NOW + timedelta(days=1),
                by="the customer",
                reason="on their page",
            ),
            NOW,
        )

    async def pay(self, link: Checkout) -> int:
        """The status with which the page answers the payer."""
        if link.rail == "wayforpay":
            return await self.stand.pay(link)
        card = {"card": "pm_card_visa", "answer": "pay"}
        return (await self.stripe.http.post(str(link.url), data=card)).status_code

    async def takes(self, link: Checkout) -> None:
        """Our side takes in what was paid."""
        await self.checkouts.look_up(str(link.session_id), NOW)

    async def app_pays(self, minor: int = FEE_MINOR, ledger: SqlLedger | None = None) -> None:
        await (ledger or self.ledger).book(payment(minor, currency="eur"), NOW)

    async def stands(self) -> tuple[str, int, dict[str, int]]:
        """Where the order is, what is owed for it, and its customer's credit (below 0)."""
        balance = await self.ledger.balance("dana")
        return (await shown(self.ledger)).order.step, balance.owed_for(FEE, "eur"), balance.credits

    async def told(self) -> list[tuple[str, str]]:
        return [(alert.order_number, alert.text) for alert in await self.ledger.alerts()]

    async def state(self, link: Checkout) -> CheckoutState:
        found = await self.ledger.checkout(link.checkout_id)
        assert found is not None
        return found.state

    async def paid_by(self, link: Checkout) -> IncomingPayment:
        """What the link has brought."""
        (record,) = await self.ledger.payments_for("dana", FEE)
        assert record.payment.rail == link.rail
        return record.payment


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody."""
    ledger = await SqlLedger.connect(url, tuple(Destination))
    yield ledger
    await ledger.close()


@pytest.fixture
async def counter(ledger: SqlLedger, gateway, stripe: Stripe, stand: Stand, shop) -> Counter:
    """Somebody new, who owes 10.00 EUR for their connection."""
    await with_tariff(ledger)
    values = {"tariff": "internet-100", "address": "Abay Ave. 1"}
    await opens(ledger, "77", "connect", NOW, currency="eur", values=values)
    await does(ledger, "77", "feasibility", NOW, possible=YES, equipment="no")
    at_gateway = Gateway(shop, "wayforpay", ledger, "", lambda: NOW)
    checkouts = Checkouts(gateway, ledger, "https://pay.example/checkout", {"wayforpay": at_gateway})
    return Counter(ledger, gateway, stripe, stand, at_gateway, checkouts)


@BOTH
async def test_an_order_goes_on_with_the_money_that_its_link_brings(counter: Counter, rail: str) -> None:
    link = await counter.open(rail)
    assert link.amount == "10.00 EUR"
    assert await counter.open(rail) == link
    assert await counter.pay(link) == 303
    for _ in range(2):
        await counter.takes(link)
    assert await counter.stands() == ("plan_visit", 0, {})
    paid = await counter.paid_by(link)
    assert (paid.customer_id, paid.subject, paid.amount_minor) == ("dana", FEE, FEE_MINOR)
    assert await counter.state(link) is CheckoutState.PAID
    assert await counter.told() == []
    with pytest.raises(InvalidInput, match=r"dana, fee 77: nothing is owed; see: .* orders show 77"):
        await counter.open(rail)


@BOTH
async def test_a_link_ends_once_a_banks_app_has_paid(counter: Counter, rail: str) -> None:
    link = await counter.open(rail)
    await counter.app_pays()
    await counter.checkouts.sweep(NOW)
    assert await counter.state(link) is CheckoutState.ENDED
    assert await counter.pay(link) in (404, 410)
    assert await counter.stands() == ("plan_visit", 0, {})


@BOTH
async def test_a_part_that_came_otherwise_leaves_a_link_for_the_rest(counter: Counter, rail: str) -> None:
    first = await counter.open(rail)
    await counter.app_pays(300)
    rest = await counter.open(rail)
    assert (rest.amount, await counter.state(first)) == ("7.00 EUR", CheckoutState.ENDED)
    await counter.pay(rest)
    await counter.takes(rest)
    assert await counter.stands() == ("plan_visit", 0, {})


@BOTH
async def test_what_is_paid_twice_is_credit_and_a_person_is_told(counter: Counter, rail: str) -> None:
    link = await counter.open(rail)
    await counter.app_pays()
    await counter.pay(link)
    for _ in range(2):
        await counter.takes(link)
    assert await counter.stands() == ("plan_visit", 0, {"eur": -FEE_MINOR})
    ((number, text),) = await counter.told()
    assert number == "77"
    assert "is credit of dana: it is more than was owed for the fee 77; give it back" in text


@BOTH
@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_what_is_paid_after_the_end_is_credit_and_a_person_is_told(
    counter: Counter, rail: str, is_cancelled: bool
) -> None:
    link = await counter.open(rail)
    if is_cancelled:
        await counter.ledger.change_service_order("77", cancel(), NOW)
    else:
        await counter.ledger.pass_time("77", NOW + timedelta(weeks=2))
    await counter.pay(link)
    await counter.takes(link)
    assert await counter.stands() == ("cancelled", 0, {"eur": -FEE_MINOR})
    assert await counter.state(link) is CheckoutState.PAID
    ((number, text),) = await counter.told()
    assert number == "77"
    assert "is credit of dana: the fee 77 is not open any more; give it back, or their next bill or order" in text


@BOTH
async def test_a_link_and_a_banks_app_at_the_same_moment_pay_once(counter: Counter, url: str, rail: str) -> None:
    other = await SqlLedger.connect(url, tuple(Destination))  # another process, so to say
    link = await counter.open(rail)
    await counter.pay(link)
    both: list[Awaitable[None]] = [counter.takes(link), counter.app_pays(ledger=other)]
    await asyncio.gather(*both)
    await other.close()
    assert await counter.stands() == ("plan_visit", 0, {"eur": -FEE_MINOR})
    steps = [step.step for step in (await shown(counter.ledger)).steps]
    assert len(steps) == len(set(steps))
    assert len(await counter.told()) <= 1  # a bank's app names no order: what it pays too much is told to nobody


@pytest.mark.parametrize(("currency", "step", "credits"), [("EUR", "plan_visit", {}), ("USD", "fee", {"usd": -1000})])
async def test_who_types_the_orders_number_at_the_shops_own_page_pays_its_fee(
    counter: Counter, currency: str, step: str, credits: dict[str, int]
) -> None:
    await counter.stand.pay_static("77", "10.00", currency)
    await GatewayReader({"wayforpay": counter.shop}, counter.ledger, lambda: NOW).read(
        counter.shop, datetime.now(UTC) + timedelta(seconds=1)
    )
    assert await counter.stands() == (step, 0 if currency == "EUR" else FEE_MINOR, credits)
    told = await counter.told()
    assert [number for number, _ in told] == ([] if currency == "EUR" else ["77"])


async def test_money_that_goes_back_at_stripe_is_owed_again_and_told(counter: Counter) -> None:
    link = await counter.open("stripe-link")
    await counter.pay(link)
    await counter.takes(link)
    (intent,) = await counter.stripe.intents()
    await counter.stripe.post("/v1/refunds", payment_intent=intent["id"])
    paid = await counter.processor.payment(intent["id"])
    for _ in range(2):
        await counter.ledger.save_reversals(paid, await counter.processor.reversals(intent["id"]), NOW)
    assert await counter.stands() == ("plan_visit", FEE_MINOR, {})
    ((number, text),) = await counter.told()
    assert (number, "money for its fee has gone back, and 10.00 EUR are owed again" in text) == ("77", True)
    assert (await counter.open("stripe-link")).amount == "10.00 EUR"


async def test_money_that_goes_back_at_the_gateway_is_owed_again_and_told(counter: Counter) -> None:
    link = await counter.open("wayforpay")
    await counter.pay(link)
    await counter.takes(link)
    await counter.stand.control("orders", reference=link.checkout_id, refund="10.00")
    for _ in range(2):
        await counter.shop.look_up(link.checkout_id, NOW)
    assert await counter.stands() == ("plan_visit", FEE_MINOR, {})
    assert [number for number, _ in await counter.told()] == ["77"]
    record = await counter.ledger.incoming_payment(PaymentName.of("wayforpay", link.checkout_id))
    assert cast(int, record and record.returned_minor) == FEE_MINOR
