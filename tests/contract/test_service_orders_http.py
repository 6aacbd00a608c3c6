"""``POST /orders`` with a procedure: taken once, refused with a line, and shown as it stands."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from inbound.orders import Orders
from inbound.service_orders import Newcomers
from orders.procedures.procedure import Procedure
from sandbox.stand_ins.control import local_http
from tests.contract.conftest import Serve
from tests.contract.test_orders_http import ORDER, PERSONAL_SECRET, SECRETS, Shop
from tests.service_ordering import CONNECT, DISCONNECT, YES, done

KNOWN = {"connect": CONNECT, "disconnect": DISCONNECT}
CONNECTING: dict[str, Any] = {
    "number": "77",
    "procedure": "connect",
    "buyer": {"customer_id": "dana", "name": "Dana Añ", "email": "dana@example.com"},
    "subscriber": {"phone": "+77011234567", "address": "Abay Ave. 1"},
    "tariff": "internet-100",
}


LEAVING = {"procedure": "disconnect", "subscriber": None, "tariff": None, "account": "1000009"}


async def shop_of(serve: Serve, ledger: SqlLedger, newcomers: Newcomers) -> Shop:
    app = FastAPI()
    app.include_router(Orders(ledger, SECRETS, lambda: datetime.now(UTC), PERSONAL_SECRET, newcomers).router)
    return Shop(local_http(base_url=await serve(app)))


@pytest.fixture
async def shop(serve: Serve, ledger: SqlLedger) -> AsyncIterator[Shop]:
    shop = await shop_of(serve, ledger, Newcomers(lambda: KNOWN, "kzt", "Asia/Almaty"))
    yield shop
    await shop.http.aclose()


async def test_a_service_order_is_taken_once_and_a_repeat_gets_the_same_answer(shop: Shop, ledger: SqlLedger) -> None:
    first = await shop.post(CONNECTING)
    assert first.status_code == 201
    (service,) = await ledger.services_of("dana")
    assert first.json() == {
        "number": "77",
        "procedure": "connect",
        "opened_at": first.json()["opened_at"],
        "status_path": "/orders/77",
        "account": service.number,
    }
    await done(ledger, possible=YES, at=datetime.now(UTC))
    again = await shop.post(CONNECTING, SECRETS[1])
    assert (again.status_code, again.content) == (200, first.content)


async def test_its_step_is_shown_and_what_is_owed_for_its_fee(shop: Shop, ledger: SqlLedger) -> None:
    await shop.post(CONNECTING)
    status = (await shop.get("77")).json()
    assert (status["stage"], status["step"], status["title"]) == ("AwaitingTask", "feasibility", "Feasibility")
    await done(ledger, possible=YES, at=datetime.now(UTC))
    status = (await shop.get("77")).json()
    assert (status["stage"], status["outstanding_minor"], status["outstanding"]) == (
        "AwaitingPayment",
        5000_00,
        "5000.00 KZT",
    )
    assert "customer_id" not in status


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"procedure": "conect"}, 422, "there is no procedure 'conect'"),
        ({"procedure": 7}, 422, "procedure"),
        ({"tariff": None}, 422, "tariff: Tariff is missing"),
        ({"tariff": "Internet 100"}, 422, "is no code of a tariff"),
        ({"colour": "red"}, 422, "colour"),
        ({"category": "Contract"}, 422, "category: connect asks for no such thing"),
        ({"subscriber": None}, 422, "subscriber: Who is connected is missing"),
        ({"buyer": None}, 422, "neither buyer nor account"),
        ({"account": "1000009"}, 422, "account: connect asks for none"),
        (LEAVING, 422, "no service account"),
        ({"text": "x" * 2001}, 422, "text"),
        ({"currency": "xxx"}, 422, "currency"),
    ],
)  # fmt: skip
async def test_what_cannot_be_taken_is_refused_and_nothing_is_written(
    shop: Shop, ledger: SqlLedger, fields: dict[str, Any], status: int, word: str
) -> None:
    wanted = {name: value for name, value in (CONNECTING | fields).items() if value is not None}
    refused = await shop.post(wanted)
    assert (refused.status_code, word in refused.json()["error"]) == (status, True), refused.text
    assert await ledger.service_standing("77") is None
    assert await ledger.services_of("dana") == []


async def test_a_number_of_another_order_of_either_kind_is_refused(shop: Shop) -> None:
    await shop.post(CONNECTING)
    for other in (CONNECTING | {"tariff": "other"}, ORDER | {"number": "77"}):
        refused = await shop.post(other)
        assert (refused.status_code, "another order already" in refused.json()["error"]) == (409, True)


async def test_a_fault_in_a_procedures_file_refuses_nothing_but_service_orders(serve: Serve, ledger: SqlLedger) -> None:
    def faulty() -> dict[str, Procedure]:
        raise InvalidInput("connect.yaml: line 3: unknown step")

    shop = await shop_of(serve, ledger, Newcomers(faulty, "kzt", "Asia/Almaty"))
    refused = await shop.post(CONNECTING)
    assert (refused.status_code, "unknown step" in refused.json()["error"]) == (422, True)
    assert (await shop.post(ORDER)).status_code == 201
    await shop.http.aclose()
