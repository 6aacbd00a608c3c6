"""What is no callback of WayForPay's, or none that can be taken: refused by the protocol, in one line."""

import json
import logging
from urllib.parse import quote

import pytest

from adapters.wayforpay.signature import sign
from inbound.wayforpay_callbacks import MAX_BODY_BYTES
from tests.contract.gateway_fixtures import RAIL, Company, company, shop, stand
from tests.contract.test_gateway_callbacks import address, message, post_to

__all__ = ["address", "company", "shop", "stand"]  # fixtures


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe{",
        b"\x00" * 100,
        b"{" * 50_000,
        b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
        json.dumps({**message(), "amount": "0.01"}).encode(),
        json.dumps({**message(), "orderReference": "\ud800"}).encode(),
        json.dumps({**message(), "orderReference": "a\0"}).encode(),
        json.dumps({**message(), "orderReference": {"a": ["b"]}}).encode(),
        json.dumps(message(merchantAccount="foreign_shop")).encode(),
        json.dumps(message()).encode("utf-16"),
        quote(json.dumps({**message(), "currency": "USD"})).encode(),
        b"a=1&" * 1000,
    ],
    ids=range(16),
)
async def test_bad_input_is_refused_with_one_line_and_without_personal_data(
    company: Company, address: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="inbound"):
        answer = await post_to(address, body)
    assert answer.status_code == 400
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("inbound")]
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert "example.com" not in lines[0]
    assert await company.booked() == []
    assert await company.ledger.open_events() == []


async def test_a_megabyte_is_not_read_to_its_end(company: Company, address: str) -> None:
    assert (await post_to(address, b"x" * 1_000_000)).status_code == 413
    padded = json.dumps(message(note="x" * (MAX_BODY_BYTES - 1000)))
    assert (await post_to(address, padded)).status_code == 200


async def test_nothing_moves_by_an_approved_amount_of_zero(company: Company, address: str) -> None:
    assert (await post_to(address, json.dumps(message(amount="0")))).status_code == 200
    await company.inbox_is_empty()
    assert await company.booked() == []


async def test_an_amount_that_is_too_large_is_told_once_and_comes_again(company: Company, address: str) -> None:
    for _ in range(3):
        assert (await post_to(address, json.dumps(message(amount="999999999999.99")))).status_code == 422
    assert await company.booked() == []
    (text,) = await company.told()
    assert "link:1" in text
    assert "cabinet" in text


async def test_without_a_secret_nothing_is_taken(company: Company, address: str) -> None:
    company.shop._secret = ""
    unsigned = {**message(), "merchantSignature": sign("", list(message().values())[:8])}
    assert (await post_to(address, json.dumps(unsigned))).status_code == 503
    assert await company.booked() == []


async def test_a_rail_that_is_none_is_not_found(company: Company, address: str) -> None:
    assert (await post_to(address.replace(RAIL, "stripe"), json.dumps(message()))).status_code == 404
