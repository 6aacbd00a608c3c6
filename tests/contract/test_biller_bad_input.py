"""What no bank should send: the protocol's answer, and nothing in the books."""

from dataclasses import replace

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.signature import HEADER
from sandbox.stand_ins.control import local_http
from tests.contract.biller_fixtures import CONTRACTS, NUMBER, Bank, bank, routes, signature
from tests.contract.conftest import Serve
from tests.contract.gateway_fixtures import Clock

__all__ = ["bank"]  # fixture


@pytest.mark.parametrize(
    ("parameters", "kaspi", "osmp"),
    [
        ({"sum": "ten"}, 5, 300),
        ({"sum": "1e3"}, 5, 300),
        ({"sum": "12,50"}, 5, 300),
        ({"sum": ""}, 5, 300),
        ({"sum": "0.001"}, 5, 300),
        ({"sum": "NaN"}, 5, 300),
        ({"sum": "\u0665"}, 5, 300),
        ({"sum": "0"}, 5, 241),
        ({"sum": "0.00"}, 5, 241),
        ({"sum": "-10.00"}, 5, 241),
        ({"sum": "1" + "0" * 15}, 5, 242),
        ({"sum": "9" * 100}, 5, 242),
        ({"sum": "9" * 5000}, 5, 300),
        ({"txn_id": ""}, 5, 300),
        ({"txn_id": "1" * 21}, 5, 300),
        ({"txn_id": "4" * 40}, 5, 300),
        ({"txn_id": "17a"}, 5, 300),
        ({"txn_id": "-1"}, 5, 300),
        ({"txn_id": "<b>&"}, 5, 300),
        ({"account": ""}, 1, 4),
        ({"account": "' OR 1=1 --"}, 1, 4),
        ({"account": "1000009\x00"}, 1, 4),
        ({"account": "9" * 30_000}, 1, 4),
        ({"txn_date": "20261301000000"}, 5, 300),
        ({"txn_date": "yesterday"}, 5, 300),
        ({"txn_date": "9" * 14}, 5, 300),
        ({"command": "cancel"}, 5, 300),
        ({"command": ""}, 5, 300),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_read_gets_the_protocols_answer(
    bank: Bank, parameters: dict[str, str], kaspi: int, osmp: int
) -> None:
    wanted = {"command": "pay", "txn_id": "17", "account": NUMBER, "sum": "10.00"} | parameters
    of_kaspi = await bank.http.get("/billers/bank-app", params=wanted)
    assert (of_kaspi.status_code, of_kaspi.json()["result"]) == (200, kaspi)
    of_osmp = await bank.http.get("/billers/terminals", params=wanted)
    assert of_osmp.status_code == 200
    assert f"<result>{osmp}</result>" in of_osmp.text
    assert await bank.booked() == []
    assert len(of_kaspi.content) + len(of_osmp.content) < 600


async def test_a_parameter_that_is_there_twice_is_not_guessed(bank: Bank) -> None:
    query = f"command=pay&txn_id=1&account={NUMBER}&sum=1&sum=1000"
    assert (await bank.http.get(f"/billers/bank-app?{query}")).json()["result"] == 5
    body = {"sum": "1000"}
    both = await bank.http.post(f"/billers/terminals?command=pay&txn_id=1&account={NUMBER}&sum=1", data=body)
    assert "<result>300</result>" in both.text
    for odd in ("a=%ff", "%", "=&&=", "command", "a=1&" * 100):
        assert (await bank.http.get(f"/billers/bank-app?{odd}")).json()["result"] == 5
    assert await bank.booked() == []


async def test_a_body_of_a_megabyte_is_refused_before_it_is_read(bank: Bank) -> None:
    form = b"command=pay&x=" + b"1" * 1_000_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await bank.http.post("/billers/terminals", content=form, headers=headers)).status_code == 413
    assert (await bank.told(b'{"id": "' + b"1" * 1_000_000)).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"id": 17, "account": "1000009", "sum": "10.00"}',
        b'{"id": "17", "account": "1000009", "sum": 10.00}',
        b'{"id": "17", "account": "1000009", "sum": "10.00", "summ": "1"}',
        b'{"id": "x", "account": "1000009", "sum": "10.00"}',
        b'{"id": "17", "account": "1000009", "sum": "10.00", "paid_at": "soon"}',
        b'{"id": "17", "account": "1000009", "sum": "0.001"}',
        b'{"id": "17", "account": "1000009", "sum": "' + b"9" * 200 + b'"}',
    ],
)
async def test_a_body_that_is_no_payment_is_told_so(bank: Bank, body: bytes) -> None:
    answer = await bank.told(body)
    assert answer.status_code == 422
    assert set(answer.json()) <= {"code", "message", "id"}
    assert await bank.booked() == []


async def test_the_neutral_dialect_believes_signatures_and_passwords_only(bank: Bank) -> None:
    body = f'{{"id": "17", "account": "{NUMBER}", "sum": "10.00"}}'.encode()
    for headers in (
        {HEADER: ""},
        {HEADER: signature(body, "x" * 32)},
        {HEADER: signature(body + b" ")},
        {"Authorization": "Basic YmFuazp3cm9uZw=="},
        {"Authorization": "Basic ~"},
        {"Authorization": "Bearer x", HEADER: ""},
    ):
        assert (await bank.told(body, **headers)).status_code == 401
    assert (await bank.bill(NUMBER, **{HEADER: signature(b"/billers/local-bank/bills/2000008")})).status_code == 401
    assert await bank.booked() == []


@pytest.mark.parametrize("more", ["&", "&&", "&flag", "&fio=%C8%E2%E0%ED", "&fio=a&fio=b", "&=", "&note=%zz"])
async def test_money_is_taken_whatever_stands_beside_it(bank: Bank, more: str) -> None:
    query = f"command=pay&txn_id=17&account={NUMBER}&sum=10.00{more}"
    assert (await bank.http.get(f"/billers/bank-app?{query}")).json()["result"] == 0
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = await bank.http.post("/billers/terminals", content=query.encode(), headers=form)
    assert "<result>0</result>" in posted.text
    assert len(await bank.booked()) == 2


async def test_a_request_that_is_no_command_is_logged_with_its_rail(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    await bank.http.get(f"/billers/bank-app?command=pay&txn_id=17&account={NUMBER}&sum=10.00&sum=1.00")
    assert "bank-app: refused: a request is malformed" in caplog.text


async def test_a_user_without_a_password_opens_nothing(ledger: SqlLedger, serve: Serve) -> None:
    contract = replace(CONTRACTS[2], password="")
    async with local_http(base_url=await serve(routes(ledger, Clock(), contract))) as http:
        body = b'{"id": "17", "account": "1000009", "sum": "10.00"}'
        headers = {"Authorization": "Basic YmFuazo=", "Content-Type": "application/json"}
        answer = await http.post("/billers/local-bank/payments", content=body, headers=headers)
    assert answer.status_code == 401


async def test_each_rail_answers_in_its_own_dialect_only(bank: Bank) -> None:
    query = {"command": "check", "txn_id": "1", "account": NUMBER}
    for path in ("local-bank", "terminals.xml", "bank-app.json", "nothing", "nothing.xml", "bank-app.xml.xml"):
        assert (await bank.http.get(f"/billers/{path}", params=query)).status_code == 404
    assert (await bank.http.get(f"/billers/bank-app/bills/{NUMBER}")).status_code == 404
    assert (await bank.http.put("/billers/bank-app")).status_code == 405
