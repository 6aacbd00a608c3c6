"""What holds on every rail: the cashier charges once, ever, and looks up what it does not know."""

import pytest

from adapters.stripe.payments import StripePayments
from billing.errors import OutcomeConflict, PaymentMismatch, PaymentUnknown
from billing.keys import payment_key
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus, PaymentRequest, PaymentStatus
from billing.payments.ports import always
from services.cashier import Cashier
from tests.contract.memory_rail import MemoryRail
from tests.contract.payment_fixtures import PERIOD, KeptPayments, Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures

RETURN_URL = "https://shop.example/back"


STRIPE_CARDS = {"good": "pm_card_visa", "poor": "pm_card_chargeCustomerFail", "asks": "pm_card_authenticationRequired"}
STRIPE_PATHS = {"create": "/payment_intents$", "confirm": "/confirm$"}
MEMORY_CARDS = {
    "good": PaymentStatus.SUCCEEDED,
    "poor": PaymentStatus.DECLINED,
    "asks": PaymentStatus.AUTHENTICATION_REQUIRED,
}


class StripeTill:
    """Stripe's adapter, and what a test prepares and sees at the stand-in."""

    def __init__(self, stripe: Stripe, rail: StripePayments) -> None:
        self._stripe = stripe
        self.rail = rail

    async def request(self, card: str = "good") -> PaymentRequest:
        return await self._stripe.request(STRIPE_CARDS[card])

    async def fills(self, request: PaymentRequest) -> None:
        """The card pays from now on."""
        await self._stripe.behaves(request.method.card_id, "succeed")

    async def loses(self, method: str) -> None:
        """Nobody gets the next answer to this."""
        await self._stripe.fails("drop_after", STRIPE_PATHS[method], method="POST")

    async def fails(self) -> None:
        """The next request for a payment fails, and so does each of its repeats."""
        await self._stripe.fails("status", STRIPE_PATHS["create"], method="POST", status=500, cached=True)

    async def tries(self) -> int:
        """How often a bank was asked for money."""
        return await self._stripe.tries()


class MemoryTill:
    """The same of a rail in memory."""

    def __init__(self) -> None:
        self.rail = MemoryRail()

    async def request(self, card: str = "good") -> PaymentRequest:
        self.rail.cards["pm_1"] = MEMORY_CARDS[card]
        return PaymentRequest(
            key=payment_key("ann", PERIOD),
            customer_id="ann",
            method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
            period=PERIOD,
            amount_minor=1250,
            currency="eur",
        )

    async def fills(self, request: PaymentRequest) -> None:
        self.rail.cards[request.method.card_id] = PaymentStatus.SUCCEEDED

    async def loses(self, method: str) -> None:
        self.rail.lost.add(method)

    async def fails(self) -> None:
        self.rail.fails = True

    async def tries(self) -> int:
        return self.rail.tries


Till = StripeTill | MemoryTill


@pytest.fixture(params=["stripe", "memory"])
def till(request: pytest.FixtureRequest) -> Till:
    if request.param == "memory":
        return MemoryTill()
    return StripeTill(request.getfixturevalue("stripe"), request.getfixturevalue("gateway"))


@pytest.fixture
def cashier(till: Till) -> Cashier:
    return Cashier(till.rail, KeptPayments())


async def charge(cashier: Cashier, request: PaymentRequest, tried: str = "", return_url: str = "") -> ChargeResult:
    result, _ = await cashier.charge(request, tried, always, return_url)
    return result


async def test_money_moves_once_however_often_it_is_charged(till: Till, cashier: Cashier) -> None:
    request = await till.request()
    paid = await charge(cashier, request)
    assert paid.status is ChargeStatus.SUCCEEDED
    for other in (cashier, Cashier(till.rail, KeptPayments())):
        for return_url in ("", RETURN_URL):
            again = await charge(other, request, paid.attempt_id, return_url)
            assert again == paid.evolve(at=again.at)
    assert await till.tries() == 1


async def test_refused_card_is_tried_again_only_by_who_knows_of_the_refusal(till: Till, cashier: Cashier) -> None:
    request = await till.request("poor")
    first = await charge(cashier, request)
    assert (await charge(cashier, request)).attempt_id == first.attempt_id
    second = await charge(cashier, request, first.attempt_id)
    assert (second.status, second.payment_id) == (ChargeStatus.DECLINED, first.payment_id)
    await till.fills(request)
    for older in ("", first.attempt_id):
        assert (await charge(cashier, request, older)).attempt_id == second.attempt_id
    assert await till.tries() == 2
    assert (await charge(cashier, request, second.attempt_id)).status is ChargeStatus.SUCCEEDED


@pytest.mark.parametrize("method", ["create", "confirm"])
async def test_lost_answer_is_looked_up_by_the_repeat(till: Till, cashier: Cashier, method: str) -> None:
    request = await till.request()
    await till.loses(method)
    with pytest.raises(PaymentUnknown):
        await charge(cashier, request)
    assert (await charge(cashier, request)).status is ChargeStatus.SUCCEEDED
    assert len(await till.rail.find(request)) == await till.tries() == 1


async def test_request_whose_failure_is_remembered_is_asked_anew(till: Till, cashier: Cashier) -> None:
    request = await till.request()
    await till.fails()
    with pytest.raises(PaymentUnknown):
        await charge(cashier, request)
    assert (await charge(cashier, request)).status is ChargeStatus.SUCCEEDED
    assert len(await till.rail.find(request)) == await till.tries() == 1


@pytest.mark.parametrize("other", [{"amount_minor": 9900}, {"currency": "usd"}])
async def test_other_amount_than_announced_is_not_charged(
    till: Till, cashier: Cashier, other: dict[str, object]
) -> None:
    request = await till.request()
    payment = await cashier.create(request)
    for return_url in ("", RETURN_URL):
        with pytest.raises(PaymentMismatch, match="ann, 2026-11"):
            await cashier.confirm(payment, request.evolve(**other), return_url)
        with pytest.raises(PaymentMismatch, match="ann, 2026-11"):
            await charge(cashier, request.evolve(**other), "", return_url)
    assert await till.tries() == 0


async def test_released_payment_is_charged_by_nobody(till: Till, cashier: Cashier) -> None:
    request = await till.request()
    payment = await cashier.create(request)
    for _ in range(2):
        assert (await cashier.release(request)).status is ChargeStatus.CANCELED
    for return_url in ("", RETURN_URL):
        assert (await cashier.confirm(payment, request, return_url)).status is PaymentStatus.CANCELED
        with pytest.raises(PaymentMismatch, match="cancelled"):
            await charge(cashier, request, "", return_url)
    assert await till.tries() == 0


async def test_release_tells_of_money_that_has_moved(till: Till, cashier: Cashier) -> None:
    request = await till.request()
    paid = await charge(cashier, request)
    assert (await cashier.release(request)).attempt_id == paid.attempt_id
    assert (await cashier.end_untried(request)).status is ChargeStatus.SUCCEEDED


async def test_double_click_is_answered_by_the_page_of_the_first(till: Till, cashier: Cashier) -> None:
    request = await till.request("asks")
    asked = await cashier.charge(request, "", always, RETURN_URL)
    assert (asked[0].status, bool(asked[1])) == (ChargeStatus.AUTHENTICATION_REQUIRED, True)
    result, url = await cashier.charge(request, "", always, RETURN_URL)
    assert (result.attempt_id, url) == (asked[0].attempt_id, asked[1])


async def test_what_is_not_wanted_any_more_is_not_tried(till: Till, cashier: Cashier) -> None:
    async def unwanted() -> None:
        raise OutcomeConflict("closed already")

    request = await till.request()
    for _ in range(2):
        with pytest.raises(OutcomeConflict):
            await cashier.charge(request, "", unwanted)
        await cashier.create(request)
    assert await till.tries() == 0
