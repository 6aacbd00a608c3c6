"""WayForPay's messages: signatures over literal values, bodies of every shape, states, and what is refused."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wayforpay.bodies import read_body, text_of
from adapters.wayforpay.errors import RULES, Reason, of_status, refusal
from adapters.wayforpay.shop import WayForPay
from adapters.wayforpay.signature import is_signed, sign
from adapters.wayforpay.transactions import STATES, transaction_of, typed_number
from billing.errors import (
    AmountTooLarge,
    BillingError,
    InvalidInput,
    NotFound,
    PaymentBusy,
    PaymentForbidden,
    PaymentRejected,
    PaymentUnknown,
    PaymentUnreadable,
    RequestSpent,
    RequestTaken,
)
from billing.payments.gateway import GatewayState
from sandbox.wayforpay.store import MERCHANT, SECRET

SIGNED = (
    "merchantAccount",
    "orderReference",
    "amount",
    "currency",
    "authCode",
    "cardPan",
    "transactionStatus",
    "reasonCode",
)
PAID: dict[str, Any] = {
    "merchantAccount": MERCHANT,
    "orderReference": "link:1",
    "amount": "1547.36",
    "currency": "UAH",
    "authCode": "541963",
    "email": "payer@example.com",
    "createdDate": "1795000000",
    "processingDate": "1795000060",
    "cardPan": "41****8217",
    "transactionStatus": "Approved",
    "reasonCode": "1100",
}


def signed(**changes: Any) -> dict[str, Any]:
    """A callback as WayForPay signs it; a field that is None is missing."""
    fields = {name: value for name, value in (PAID | changes).items() if value is not None}
    return {**fields, "merchantSignature": sign(SECRET, [str(fields.get(name, "")) for name in SIGNED])}


@cache
def shop(secret: str = SECRET, order_field: str = "") -> WayForPay:
    """Made once: its client reads the certificate authorities."""
    return WayForPay("wayforpay", MERCHANT, secret, "www.market.ua", order_field)


def read(body: bytes) -> Any:
    return shop().read_callback(body)


def body(**changes: Any) -> bytes:
    return json.dumps(signed(**changes)).encode()


def test_the_vector() -> None:
    order = ["test_merch_n1", "www.market.ua", "DH783023", "1415379863", "1547.36", "UAH"]
    names = ["Процесор Intel Core i5-4670 3.4GHz", "Пам'ять Kingston DDR3-1600 4096MB PC3-12800"]
    values = [*order, *names, "1", "1", "1000", "547.36"]
    assert sign(SECRET, values) == "ee828f71ed93441c07eb3eef67762a5c"


def test_nothing_is_signed_without_a_secret() -> None:
    assert not is_signed("", ["a"], sign("", ["a"]))
    with pytest.raises(PaymentForbidden, match="BILLING_WAYFORPAY"):
        shop(secret="").read_callback(body())


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
FIELDS = st.dictionaries(TEXTS, TEXTS, max_size=8)


@given(FIELDS, st.sampled_from(["json", "bom", "name", "quoted name", "value", "quoted value"]))
def test_json_is_read_in_whatever_it_is_wrapped(fields: dict[str, str], shape: str) -> None:
    fields = {"orderReference": "a", **fields}
    text = json.dumps(fields)
    wrapped = {
        "json": text,
        "bom": "\ufeff" + text,
        "name": urlencode({text: ""}),
        "quoted name": quote(text),
        "value": urlencode({"data": text}),
        "quoted value": f"x=1&response={quote(text)}",
    }
    assert read_body(wrapped[shape].encode()) == fields


@given(st.dictionaries(TEXTS.filter(lambda text: not text.startswith("{")), TEXTS, min_size=1, max_size=8))
def test_plain_fields_are_read(fields: dict[str, str]) -> None:
    fields = {name: value for name, value in fields.items() if not value.lstrip().startswith("{")} | {"a": "b"}
    assert read_body(urlencode(fields).encode()) == fields


@given(st.binary(max_size=300))
def test_no_body_does_any_harm(noise: bytes) -> None:
    for raw in (noise, b'{"orderReference": ' + noise, b"data=" + noise):
        with pytest.raises((InvalidInput, PaymentUnreadable)):
            read(raw)


@given(st.decimals(0, 99999, places=2), st.booleans())
def test_a_literal_amount_is_kept(amount: Any, is_number: bool) -> None:
    text = f'{{"amount": {amount if is_number else json.dumps(str(amount))}}}'
    assert text_of(read_body(text.encode()), "amount") == str(amount)


def test_an_approved_callback_is_money_in_minor_units() -> None:
    for literal, minor in (("1547.36", 154736), ("999", 99900), ("999.00", 99900), ("0.1", 10)):
        seen = read(body(amount=literal)).seen
        assert (seen.state, seen.amount_minor, seen.currency) == (GatewayState.APPROVED, minor, "uah")
        assert seen.paid_at == datetime.fromtimestamp(1795000060, UTC)
        assert seen.returned_minor is None, "a callback does not say what went back"


@pytest.mark.parametrize(("code", "state"), STATES.items())
def test_every_state_is_understood_and_one_alone_pays(code: str, state: GatewayState) -> None:
    seen = read(body(transactionStatus=code, authCode=None, cardPan=None)).seen
    assert seen.state is state
    assert (seen.state is GatewayState.APPROVED) == (code == "Approved")


def test_copies_of_a_callback_have_one_name_and_each_change_has_its_own() -> None:
    names = {read(body(email=email)).event_id for email in ("a@example.com", "b@example.com")}
    changes = ({"transactionStatus": "Refunded"}, {"processingDate": "1795000061"}, {"orderReference": "link:2"})
    assert len(names | {read(body(**change)).event_id for change in changes}) == 1 + len(changes)


@pytest.mark.parametrize(
    "forged",
    [
        {**signed(), "amount": "0.01"},
        {**signed(), "amount": "1547.360"},
        {**signed(), "currency": "USD"},
        {**signed(), "transactionStatus": "Declined"},
        {**signed(), "merchantSignature": ""},
        {**signed(), "merchantSignature": None},
        {**signed(), "merchantSignature": "é" * 32},
        {**signed(), "merchantSignature": ["a"]},
        signed(merchantAccount="somebody_else"),
        {**signed(), "orderReference": {"a": 1}},
        {**signed(), "orderReference": "a\0b"},
        {**signed(), "orderReference": "\ud800"},
        {**signed(), "cardPan": "\udfff"},
        {},
    ],
)
def test_what_is_forged_or_for_another_shop_is_refused_without_a_word_about_the_payer(forged: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(json.dumps(forged).encode())
    assert "example.com" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "999999999999.99"},
        {"amount": "-5"},
        {"amount": "1e3"},
        {"amount": "1.234"},
        {"amount": ""},
        {"currency": "XXX"},
        {"transactionStatus": "Invented"},
        {"processingDate": "0", "createdDate": "soon"},
        {"processingDate": "99999999999"},
        {"orderReference": "x" * 201},
        {"orderReference": ""},
    ],
)
def test_what_is_signed_and_cannot_be_taken_is_for_a_person(changes: dict[str, Any]) -> None:
    with pytest.raises(PaymentUnreadable) as unreadable:
        read(body(**changes))
    assert "example.com" not in str(unreadable.value)


def test_deeply_nested_json_is_no_message() -> None:
    for raw in (b"[" * 50_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"9" * 90_000):
        with pytest.raises(InvalidInput):
            read(raw)


@pytest.mark.parametrize(
    ("fields", "field", "number"),
    [
        ({"additionalFields": [{"name": "order", "value": " 1042 "}]}, "", "1042"),
        ({"additionalFields": {"order": "1042", "note": "thanks"}}, "order", "1042"),
        ({"additionalFields": {"order": "1042", "note": "thanks"}}, "", None),
        ({"clientFields": [{"name": "Order", "value": "7"}]}, "", "7"),
        ({"order": "1042"}, "order", "1042"),
        ({"order": "1042"}, "", None),
        ({"additionalFields": [{"name": "order", "value": "a\0b"}, 7, {"name": []}]}, "", None),
        ({"additionalFields": "1042"}, "", None),
        ({"additionalFields": {"order": "\ud800"}}, "order", None),
        ({}, "order", None),
    ],
)
def test_the_number_that_a_payer_has_typed(fields: dict[str, Any], field: str, number: str | None) -> None:
    assert typed_number(fields, field) == number


@pytest.mark.parametrize(
    ("code", "returned", "expected"),
    [
        ("Approved", None, None),
        ("Approved", "500.00", 50000),
        ("Refunded", "500", 50000),
        ("Refunded", None, None),
        ("Voided", None, 154736),
        ("RefundInProcessing", None, 0),
    ],
)
def test_what_has_gone_back_is_said_by_its_own_field_only(code: str, returned: str | None, expected: int) -> None:
    fields = PAID | {"transactionStatus": code, "refundAmount": returned}
    seen = transaction_of("wayforpay", fields, "", says_returned=True)
    assert seen.returned_minor == expected
    if seen.state is GatewayState.GOING_BACK:
        assert seen.paid_at == datetime.fromtimestamp(1795000000, UTC), "when it was paid, not when it went back"


def test_the_accept_is_signed() -> None:
    answer = shop().accepted("link:1", datetime.fromtimestamp(1795000060, UTC))
    assert answer == {
        "orderReference": "link:1",
        "status": "accept",
        "time": 1795000060,
        "signature": sign(SECRET, ["link:1", "accept", "1795000060"]),
    }


# -- the table of errors


def test_every_reason_code_is_in_the_table() -> None:
    assert set(RULES) == set(Reason)
    assert all(rule.advice for rule in RULES.values() if rule.becomes)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1109, PaymentRejected),
        (1112, RequestSpent),
        (1113, PaymentForbidden),
        (1123, PaymentRejected),
        (1127, NotFound),
        (1128, AmountTooLarge),
        (1131, RequestTaken),
        (1134, RequestTaken),
        (1136, PaymentRejected),
        (1138, RequestTaken),
        (1141, PaymentRejected),
        (9999, PaymentUnknown),
        ("", PaymentUnknown),
        ("no number", PaymentUnknown),
    ],
)
def test_table(code: object, expected: type[BillingError]) -> None:
    error = refusal(str(code), "refund of link:1")
    assert type(error) is expected
    assert str(error).startswith("refund of link:1: ")


def test_a_code_that_says_yes_is_no_error() -> None:
    assert refusal("1100", "") is None
    assert refusal("4100", "") is None


def test_a_status_other_than_200_says_nothing_certain() -> None:
    import httpx

    assert of_status(httpx.Response(200), "") is None
    assert isinstance(of_status(httpx.Response(502), "a"), PaymentUnknown)
    busy = of_status(httpx.Response(429, headers={"retry-after": "7"}), "a")
    assert isinstance(busy, PaymentBusy)
    assert busy.retry_after is not None
