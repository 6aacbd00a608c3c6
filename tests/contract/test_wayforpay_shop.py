"""The adapter of WayForPay against its stand-in, over sockets: every call, every answer that cannot be trusted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.wayforpay import shop as module
from adapters.wayforpay.shop import WayForPay
from billing.apart import Failed
from billing.errors import (
    AmountTooLarge,
    NotFound,
    PaymentBusy,
    PaymentForbidden,
    PaymentRejected,
    PaymentUnknown,
    RequestSpent,
    RequestTaken,
)
from billing.payments.checkouts import Checkout
from billing.payments.gateway import GatewayState, GatewayTransaction
from tests.contract.gateway_fixtures import NOW, Stand, request, shop, shop_at, stand

__all__ = ["shop", "stand"]  # fixtures

LINK = Checkout(
    **dict(request()),
    checkout_id="payment-link-v1:acme:month:2026-11:1",
    amount_minor=154736,
    currency="uah",
    created_at=NOW,
)


async def opened(shop: WayForPay, **changes: Any) -> Checkout:
    link = LINK.evolve(**changes)
    return link.evolve(url=await shop.create_invoice(link, "", "https://pay.example/checkout/paid"))


async def listed(shop: WayForPay, since: datetime | None = None) -> list[GatewayTransaction | Failed]:
    begin = since or NOW - timedelta(days=1)
    return [seen async for seen in shop.transactions(begin, datetime.now(UTC) + timedelta(seconds=1))]


async def test_an_invoice_is_payable_for_the_life_of_its_link(shop: WayForPay, stand: Stand) -> None:
    link = await opened(shop)
    order = await stand.order(link.checkout_id)
    assert (order["amount"], order["currency"], order["expires"] - order["created"]) == ("1547.36", "UAH", 86_400)
    assert (await shop.transaction(link.checkout_id)).state is GatewayState.CREATED
    assert await stand.pay(link) == 303
    seen = await shop.transaction(link.checkout_id)
    assert (seen.state, seen.amount_minor, seen.currency, seen.returned_minor) == (
        GatewayState.APPROVED,
        154736,
        "uah",
        0,
    )
    assert await listed(shop) == [seen.evolve(returned_minor=None)], "of which it says nothing"


async def test_a_reference_is_used_once(shop: WayForPay) -> None:
    await opened(shop)
    with pytest.raises(RequestSpent):
        await opened(shop)


async def test_a_page_is_closed_unless_it_was_paid(shop: WayForPay, stand: Stand) -> None:
    link, paid = await opened(shop), await opened(shop, checkout_id="link:2")
    await shop.remove_invoice(link.checkout_id)
    assert await stand.pay(link) == 410
    with pytest.raises(NotFound):
        await shop.transaction(link.checkout_id)
    await stand.pay(paid)
    with pytest.raises(PaymentRejected):
        await shop.remove_invoice("link:2")
    with pytest.raises(NotFound):
        await shop.remove_invoice("link:3")


async def test_a_page_that_nobody_pays_expires(shop: WayForPay, stand: Stand) -> None:
    link = await opened(shop)
    await stand.control("clock", advance_seconds=86_401)
    assert (await shop.transaction(link.checkout_id)).state is GatewayState.OVER
    assert await stand.pay(link) == 410


async def test_money_goes_back_in_parts(shop: WayForPay, stand: Stand) -> None:
    link = await opened(shop)
    await stand.pay(link)
    for part in (1, 2):
        await shop.refund(link.checkout_id, 50000, "uah", "returned goods")
        assert (await shop.transaction(link.checkout_id)).returned_minor == part * 50000
    with pytest.raises(AmountTooLarge, match="less left of the payment"):
        await shop.refund(link.checkout_id, 60000, "uah", "returned goods")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1123, PaymentRejected),
        (1136, PaymentRejected),
        (1138, RequestTaken),
        (1131, RequestTaken),
        (7777, PaymentUnknown),
    ],
)
async def test_refusals_of_refunds_are_told_from_what_is_under_way(
    shop: WayForPay, stand: Stand, code: int, error: type[Exception]
) -> None:
    link = await opened(shop)
    await stand.pay(link)
    await stand.control("refunds", code=code)
    with pytest.raises(error):
        await shop.refund(link.checkout_id, 100, "uah", "why")
    assert (await shop.transaction(link.checkout_id)).is_returning == (code == 1138)


CALLS = {
    "CREATE_INVOICE": lambda shop: opened(shop, checkout_id="link:new"),
    "REMOVE_INVOICE": lambda shop: shop.remove_invoice("link:1"),
    "CHECK_STATUS": lambda shop: shop.transaction("link:1"),
    "TRANSACTION_LIST": listed,
    "REFUND": lambda shop: shop.refund("link:1", 100, "uah", "why"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "drop_before"}, PaymentUnknown),
        ({"kind": "drop_after"}, PaymentUnknown),
        ({"kind": "html_502"}, PaymentUnknown),
        ({"kind": "garbage_200"}, PaymentUnknown),
        ({"kind": "status", "status": 404}, PaymentUnknown),
        ({"kind": "rate_limit"}, PaymentBusy),
    ],
    ids=str,
)
async def test_an_answer_that_is_none_says_nothing_certain(
    shop: WayForPay, stand: Stand, call: str, rule: dict[str, Any], error: type[Exception]
) -> None:
    await opened(shop, checkout_id="link:1")
    await stand.fails(call=call, **rule)
    with pytest.raises(error):
        await CALLS[call](shop)


async def test_a_slow_answer_is_given_up(shop: WayForPay, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)
    await stand.fails("slow", "CHECK_STATUS", seconds=5)
    with pytest.raises(PaymentUnknown, match="TimeoutError"):
        await shop.transaction("link:1")


async def test_an_answer_without_end_is_given_up(
    shop: WayForPay, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWER_BYTES", 10)
    with pytest.raises(PaymentUnknown):
        await listed(shop)


async def test_a_wrong_key_is_said_so_and_is_not_in_the_message(stand: Stand) -> None:
    shop = shop_at(stand, secret="guessed-key")
    for call in CALLS.values():
        with pytest.raises(PaymentForbidden, match="BILLING_WAYFORPAY") as refused:
            await call(shop)
        assert "guessed-key" not in str(refused.value)
    with pytest.raises(PaymentForbidden):
        await shop.ping()
    await shop.close()


async def test_the_doctors_question_is_harmless(shop: WayForPay, stand: Stand) -> None:
    assert "takes our signature" in await shop.ping()
    assert await stand.orders() == []


async def test_an_answer_that_is_not_signed_by_the_gateway_is_not_believed(
    shop: WayForPay, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await opened(shop)
    await stand.pay(link)
    await stand.http.delete("/_control/faults")
    from sandbox.wayforpay import orders

    monkeypatch.setattr(orders, "signature", lambda values: "0" * 32)
    with pytest.raises(PaymentUnknown, match="its signature is wrong"):
        await shop.transaction(link.checkout_id)


async def test_an_order_that_is_not_found_is_none_although_it_is_called_declined(shop: WayForPay, stand: Stand) -> None:
    link = await opened(shop)
    await stand.control("orders", reference=link.checkout_id, status="Declined", reason_code=1127)
    with pytest.raises(NotFound):
        await shop.transaction(link.checkout_id)
    await stand.control("orders", reference=link.checkout_id, status="Declined", reason_code=1101)
    assert (await shop.transaction(link.checkout_id)).state is GatewayState.OVER


async def test_a_long_time_is_listed_in_pieces_and_a_row_that_cannot_be_read_leaves_the_others(
    shop: WayForPay, stand: Stand
) -> None:
    for number in (1, 2, 3):
        await stand.pay(await opened(shop, checkout_id=f"link:{number}"))
    await stand.control("orders", reference="link:2", list_row={"amount": "much", "email": "payer@example.com"})
    first, failed, last = await listed(shop, NOW - timedelta(days=100))
    assert isinstance(first, GatewayTransaction)
    assert isinstance(last, GatewayTransaction)
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("link:2: ")
    assert "payer@example.com" not in failed.reason


async def test_the_static_page_tells_what_the_payer_has_typed(shop: WayForPay, stand: Stand) -> None:
    reference = await stand.pay_static("1042", "25.50", "UAH")
    (seen,) = await listed(shop)
    assert isinstance(seen, GatewayTransaction)
    assert (seen.reference, seen.order_number, seen.amount_minor) == (reference, "1042", 2550)
    assert await shop.transaction(reference) == seen.evolve(returned_minor=0), "of which the list says nothing"


async def test_a_purchase_by_form_and_offline_is_taken_by_the_stand_in(stand: Stand) -> None:
    from adapters.wayforpay.signature import sign
    from sandbox.wayforpay.store import MERCHANT, SECRET

    def purchase(reference: str) -> dict[str, Any]:
        signed = [MERCHANT, "www.market.ua", reference, "1415379863", "5", "UAH", "Tea", "1", "5"]
        names = ("merchantAccount", "merchantDomainName", "orderReference", "orderDate", "amount", "currency")
        return {**dict(zip(names, signed, strict=False)), "merchantSignature": sign(SECRET, signed)}

    lists = {"productName": ["Tea"], "productCount": ["1"], "productPrice": ["5"]}
    offline = await stand.http.post("/pay?behavior=offline", json=purchase("a") | lists)
    assert (await stand.http.get(offline.json()["url"])).status_code == 200
    form = purchase("b") | {f"{name}[]": values for name, values in lists.items()}
    assert (await stand.http.post("/pay", data=form)).status_code == 303


async def test_a_list_that_is_too_long_for_one_answer_is_asked_for_in_smaller_pieces(
    shop: WayForPay, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = []
    for _ in range(4):
        references.append(await stand.pay_static("", "5.00"))
        await stand.control("clock", advance_seconds=86_400)
    monkeypatch.setattr(module, "_ANSWER_BYTES", 1_500)
    found = [seen async for seen in shop.transactions(NOW - timedelta(days=1), NOW + timedelta(days=5))]
    assert {seen.reference for seen in found if isinstance(seen, GatewayTransaction)} == set(references)


async def test_what_was_too_much_for_one_answer_is_not_asked_for_at_once_the_next_time(
    shop: WayForPay, stand: Stand
) -> None:
    asked: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request)

    shop._http.event_hooks["request"].append(note)
    await stand.fails("status", "TRANSACTION_LIST", status=504, times=5)
    await listed(shop)
    first = len(asked)
    await listed(shop)
    assert (first > 5, len(asked) - first < first) == (True, True)


async def test_a_list_that_does_not_fit_in_the_smallest_piece_says_so(
    shop: WayForPay, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.pay_static("", "5.00")
    monkeypatch.setattr(module, "_ANSWER_BYTES", 100)
    with pytest.raises(PaymentUnknown, match="TooLong"):
        await listed(shop)
