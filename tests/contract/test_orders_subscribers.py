"""``POST /orders`` registers the subscriber in the same call: once, whole, and without the personal number."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import AccountKey, personal_digest
from billing.subscribers.service import ServiceState
from tests.contract.conftest import Serve
from tests.contract.erase_fixtures import dump
from tests.contract.test_orders_http import PERSONAL_SECRET, SECRETS, Shop, changed, shop_of
from tests.unit.test_account_numbers import PERSONAL

SUBSCRIBER: dict[str, Any] = {"phone": "+77011234567", "address": "Abay Ave. 1", "personal_number": PERSONAL}


@pytest.fixture
async def shop(serve: Serve, ledger: SqlLedger) -> AsyncIterator[Shop]:
    shop = await shop_of(serve, ledger, SECRETS)
    yield shop
    await shop.http.aclose()


def order(order_number: str = "1042", /, **fields: object) -> dict[str, Any]:
    return changed(number=order_number, subscriber={**SUBSCRIBER, **fields})


async def test_an_order_registers_its_subscriber_once_and_says_the_account(
    shop: Shop, ledger: SqlLedger, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    first, again = await shop.post(order()), await shop.post(order())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    (service,) = await ledger.services_of("buyer")
    assert (service.number, service.state) == (first.json()["account"], ServiceState.ORDERED)
    assert (service.phone, service.address) == ("+77011234567", "Abay Ave. 1")
    key = AccountKey(personal=personal_digest(PERSONAL, PERSONAL_SECRET))
    assert await ledger.account_owner(key) == "buyer"
    assert PERSONAL not in dump(url) + caplog.text + first.text


async def test_another_order_opens_another_account_and_the_same_number_says_who_else(
    shop: Shop, ledger: SqlLedger
) -> None:
    first, second = await shop.post(order()), await shop.post(order("1043"))
    assert first.json()["account"] != second.json()["account"]
    other = await shop.post(order(phone="+77011234568"))
    assert other.status_code == 409
    assert "order 1042 is another order already" in other.json()["error"]
    assert "account" not in (await shop.post(changed(number="1044"))).json()


async def test_an_account_that_cannot_be_registered_takes_no_order(shop: Shop, ledger: SqlLedger) -> None:
    taken = (await shop.post(order())).json()["account"]
    refused = await shop.post(order("1043", number=taken))
    assert refused.status_code == 409
    assert "has a service already" in refused.json()["error"]
    assert await ledger.order("1043") is None
    stranger = {"customer_id": "other", "name": "B. Other"}
    refused = await shop.post(order("1043") | {"buyer": stranger})
    assert refused.status_code == 409
    assert "this personal number is another customer's" in refused.json()["error"]
    assert await ledger.services_of("other") == []


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"phone": "77011234567"}, "subscriber.phone"),
        ({"phone": "+7701"}, "subscriber.phone"),
        ({"number": "1000008"}, "subscriber.number"),
        ({"address": " "}, "subscriber.address"),
        ({"address": "x" * 501}, "subscriber.address"),
        ({"personal_number": "900101300008"}, "subscriber.personal_number"),
        ({"personal": {"digest": "d", "last_four": "0007"}}, "subscriber.personal"),
        ({"tariff": "fast"}, "subscriber.tariff"),
    ],
)
async def test_what_is_wrong_is_named_and_never_repeated(
    shop: Shop, ledger: SqlLedger, fields: dict[str, Any], word: str
) -> None:
    refused = await shop.post(order(**fields))
    assert refused.status_code == 422
    assert word in refused.json()["error"]
    assert "900101300008" not in json.dumps(refused.json())
    assert await ledger.order("1042") is None


async def test_without_a_key_no_personal_number_is_taken(serve: Serve, ledger: SqlLedger) -> None:
    from tests.contract import test_orders_http

    keyless = pytest.MonkeyPatch()
    keyless.setattr(test_orders_http, "PERSONAL_SECRET", "")
    shop = await shop_of(serve, ledger, SECRETS)
    keyless.undo()
    refused = await shop.post(order())
    assert (refused.status_code, "BILLING_PERSONAL_SECRET" in refused.json()["error"]) == (422, True)
    await shop.http.aclose()
