"""``POST /orders`` and ``GET /orders/{number}``, by a real socket and a real ledger: what is taken and what is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.sql.ledger import SqlLedger
from billing.errors import LedgerUnavailable
from billing.events.event import Destination
from billing.events.signature import HEADER, signed
from inbound.orders import Orders
from inbound.signed import MAX_BODY_BYTES
from orders import ports
from orders.order import OrderRequest, OrderStanding
from orders.ports import Opened, OrderFilter
from sandbox.stand_ins.control import local_http
from tests.contract.conftest import Serve
from tests.ordering import payment

SECRETS = ["the new secret, which has 32 characters", "the old secret, which has 32 characters"]
PERSONAL_SECRET = "the key of personal numbers, 32 characters"
LINE = {"description": "Sign Ä 茶", "quantity": 2, "amount_minor": 9000}
ORDER: dict[str, Any] = {
    "number": "1042",
    "buyer": {"customer_id": "buyer", "name": "A. Nowak", "email": "a@nowak.example"},
    "currency": "eur",
    "agreed": {"lines": [LINE], "file_digest": "a" * 64},
    "expires_at": "2999-12-24T12:00:00Z",
}


class Shop:
    """The seller's own system."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(
        self, body: object, secret: str = SECRETS[0], ago: int = 0, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        header = signed(raw, [secret], datetime.now(UTC) - timedelta(seconds=ago))
        sent = {"Content-Type": "application/json", HEADER: header, **(headers or {})}
        return await self.http.post("/orders", content=raw, headers=sent)

    async def get(self, number: str = "1042", signed_path: str = "") -> httpx.Response:
        path = f"/orders/{number}"
        header = signed((signed_path or path).encode(), [SECRETS[0]], datetime.now(UTC))
        return await self.http.get(path, headers={HEADER: header})


async def shop_of(serve: Serve, ledger: Any, secrets: list[str]) -> Shop:
    app = FastAPI()
    app.include_router(Orders(ledger, secrets, lambda: datetime.now(UTC), PERSONAL_SECRET).router)
    return Shop(local_http(base_url=await serve(app)))


@pytest.fixture
async def shop(serve: Serve, ledger: SqlLedger) -> AsyncIterator[Shop]:
    shop = await shop_of(serve, ledger, SECRETS)
    yield shop
    await shop.http.aclose()


def changed(**fields: object) -> dict[str, Any]:
    return {**ORDER, **fields}


def agreed(**fields: object) -> dict[str, Any]:
    return changed(agreed={**ORDER["agreed"], **fields})


def lined(**fields: object) -> dict[str, Any]:
    return agreed(lines=[{**LINE, **fields}])


async def numbers(ledger: SqlLedger) -> list[str]:
    return [row.number for row in (await ledger.orders(OrderFilter())).rows]


async def test_an_order_is_taken_once_and_a_repeat_gets_the_same_answer(shop: Shop, ledger: SqlLedger) -> None:
    first = await shop.post(ORDER)
    assert (first.status_code, first.headers["content-type"]) == (201, "application/json")
    assert first.json() == {
        "number": "1042",
        "opened_at": first.json()["opened_at"],
        "currency": "eur",
        "price_minor": 9000,
        "price": "90.00 EUR",
        "status_path": "/orders/1042",
    }
    await ledger.book(payment(4000), datetime.now(UTC))
    again = await shop.post(ORDER, SECRETS[1])
    assert (again.status_code, again.content) == (200, first.content)
    assert await numbers(ledger) == ["1042"]


async def test_many_at_once_open_one_order(shop: Shop, ledger: SqlLedger) -> None:
    answers = await asyncio.gather(*(shop.post(ORDER) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.content for answer in answers}) == 1


async def test_an_order_of_a_buyer_who_has_too_many_open_ones_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "OPEN_MAX", 1)
    await shop.post(ORDER)
    answer = await shop.post({**ORDER, "number": "1043"})
    assert (answer.status_code, "has 1 open orders, and may have 1" in answer.json()["error"]) == (422, True)
    assert (await shop.post(ORDER)).status_code == 200


async def test_another_order_with_the_number_is_a_conflict(shop: Shop) -> None:
    await shop.post(ORDER)
    answer = await shop.post(lined(amount_minor=9001))
    assert (answer.status_code, "order 1042 is another order already" in answer.json()["error"]) == (409, True)


async def test_the_status_has_the_money_the_releases_and_productions_answer(serve: Serve, url: str) -> None:
    ledger = await SqlLedger.connect(url, (Destination.PRODUCTION,))
    await ledger.migrate()
    shop = await shop_of(serve, ledger, SECRETS)
    await shop.post(ORDER)
    await ledger.book(payment(4000), datetime.now(UTC))
    status = (await shop.get()).json()
    assert (status["stage"], status["version"], status["releases"]) == ("PartPaid", 1, [])
    assert (status["due_minor"], status["paid_minor"], status["outstanding_minor"]) == (9000, 4000, 5000)
    await ledger.book(payment(5000, "two"), datetime.now(UTC))
    (release,) = (await shop.get()).json()["releases"]
    assert (release["kind"], release["version"], release["accepted"]) == ("production", 1, None)
    (standing,) = [await ledger.order("1042")]
    assert standing is not None
    await ledger.note_answer("1042", standing.order.releases[0].kind, True, "job 7", datetime.now(UTC))
    status = (await shop.get()).json()
    assert (status["stage"], status["outstanding_minor"]) == ("Fulfilled", 0)
    assert (status["releases"][0]["accepted"], status["releases"][0]["answer"]) == (True, "job 7")
    await shop.http.aclose()
    await ledger.close()


async def test_what_was_never_opened_is_not_found(shop: Shop) -> None:
    answer = await shop.get("77")
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no order '77'; open it by POST /orders"})


# -- who asks


async def test_requests_that_are_forged_old_or_ahead_are_refused(shop: Shop, ledger: SqlLedger) -> None:
    for answer, words in (
        (await shop.post(ORDER, "a guessed secret, which has 32 characters"), "not signed with our secret"),
        (await shop.post(ORDER, headers={HEADER: ""}), "is missing or is none"),
        (await shop.post(ORDER, headers={HEADER: "t=1,v1=00"}), "more than 5 minutes"),
        (await shop.post(ORDER, ago=301), "more than 5 minutes"),
        (await shop.post(ORDER, ago=-330), "more than 5 minutes"),
        (await shop.get(signed_path="/orders/1043"), "not signed with our secret"),
        (await shop.http.get("/orders/1042"), "is missing or is none"),
    ):
        assert (answer.status_code, words in answer.json()["error"]) == (401, True), answer.text
    assert await numbers(ledger) == []


async def test_without_a_secret_nobody_may_ask(serve: Serve, ledger: SqlLedger) -> None:
    shop = await shop_of(serve, ledger, [])
    for answer in (await shop.post(ORDER, ""), await shop.get()):
        assert (answer.status_code, "BILLING_ORDERS_SECRET" in answer.json()["error"]) == (403, True)
    await shop.http.aclose()
    assert await numbers(ledger) == []


# -- what they send


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lined(amount_minor=-1), "agreed.lines.0.amount_minor: Input should be greater than or equal to 0"),
        (lined(amount_minor=0), "the price is 0.00 EUR; it has to be above 0"),
        (lined(amount_minor=999999999999.99), "agreed.lines.0.amount_minor: Input should be a valid integer"),
        (lined(amount_minor=10**12), "agreed.lines.0.amount_minor: Input should be less than or equal to"),
        (lined(amount_minor="9000"), "agreed.lines.0.amount_minor: Input should be a valid integer"),
        (lined(amount_minor=True), "agreed.lines.0.amount_minor: Input should be a valid integer"),
        (lined(quantity=0), "agreed.lines.0.quantity: Input should be greater than or equal to 1"),
        (lined(description=" "), "agreed.lines.0.description"),
        (lined(colour="red"), "agreed.lines.0.colour: Extra inputs are not permitted"),
        (agreed(lines=[]), "agreed.lines"),
        (agreed(lines=[LINE] * 201), "agreed.lines"),
        (agreed(deposit_percent=100), "agreed.deposit_percent"),
        (agreed(file_digest="abc"), "agreed.file_digest: write the file's SHA-256"),
        (changed(number="10 42"), "number: write up to 60 letters, digits"),
        (changed(currency="xyz"), "currency: 'xyz' is not a currency"),
        (changed(buyer={"customer_id": "A", "name": ""}), "buyer.customer_id"),
        (changed(buyer={**ORDER["buyer"], "email": "nobody"}), "buyer.email: 'nobody' is not an email address"),
        (changed(expires_at="tomorrow"), "expires_at"),
        (changed(expires_at="2026-12-24T12:00:00"), "expires_at: Input should have timezone info"),
        (changed(tolerance_minor=9000), "tolerance_minor: nothing would have to be paid"),
        (changed(tolerence_minor=1), "tolerence_minor: Extra inputs are not permitted"),
        ({"number": "1042"}, "buyer: it is missing"),
        ([], "Input should be an object"),
        (b"", "Invalid JSON"),
        (b'{"number": "1042",', "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (json.dumps(ORDER, ensure_ascii=False).encode("utf-16"), "the body is not UTF-8: byte 0 is 0xff"),
        (
            json.dumps(changed(buyer={**ORDER["buyer"], "name": "Añ"}), ensure_ascii=False).encode(
                "latin-1", "replace"
            ),
            "the body is not UTF-8: byte",
        ),
        (json.dumps(lined(description="\ud800")).encode(), "Invalid JSON"),
    ],
)
async def test_bad_content_is_named_by_its_field_and_nothing_is_stored(
    shop: Shop, ledger: SqlLedger, body: bytes | object, words: str
) -> None:
    answer = await shop.post(body)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text
    assert len(answer.text) < 3000
    assert await numbers(ledger) == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_only_json_is_read(shop: Shop, kind: str) -> None:
    answer = await shop.post(ORDER, headers={"Content-Type": kind})
    assert (answer.status_code, "send application/json in UTF-8" in answer.json()["error"]) == (415, True)
    assert (await shop.post(ORDER, headers={"Content-Type": "Application/JSON; charset=utf-8"})).status_code == 201


async def test_a_body_of_a_megabyte_is_refused_and_the_largest_is_read(shop: Shop) -> None:
    for size in (MAX_BODY_BYTES + 1, 1_000_000):
        answer = await shop.post(b" " * size)
        assert (answer.status_code, "more than 200,000 bytes" in answer.json()["error"]) == (413, True)
    padded = json.dumps(ORDER).encode()
    assert (await shop.post(padded + b" " * (MAX_BODY_BYTES - len(padded)))).status_code == 201


async def test_texts_that_no_database_takes_are_kept_without_what_it_refuses(shop: Shop, ledger: SqlLedger) -> None:
    assert (await shop.post(lined(description="a\0b"))).status_code == 201
    standing = await ledger.order("1042")
    assert standing is not None
    assert standing.order.agreed.lines[0].description == "a\N{REPLACEMENT CHARACTER}b"


class Down:
    """A ledger that cannot be reached."""

    async def open_order(self, request: OrderRequest, at: datetime, by: str = "", via: str = "") -> Opened:
        raise LedgerUnavailable("connection refused by 10.0.0.7")

    async def order(self, number: str) -> OrderStanding | None:
        raise LedgerUnavailable("connection refused by 10.0.0.7")


async def test_what_cannot_be_stored_is_to_be_sent_again(serve: Serve) -> None:
    shop = await shop_of(serve, Down(), SECRETS)
    for answer in (await shop.post(ORDER), await shop.get()):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json() == {"error": "nothing can be stored or read now; send the same request again"}
    await shop.http.aclose()
