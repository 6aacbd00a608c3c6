"""The bank's stand-in against a company that speaks its protocols: it asks, tells, repeats, and keeps its own book."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sandbox.bank.api import bank_app
from sandbox.bank.contracts import CONTRACTS
from sandbox.bank.store import BANK_JOURNAL, TIMEZONE
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.control import control, download, local_http
from sandbox.stand_ins.faults import Faults

RAILS = [contract.rail for contract in CONTRACTS]


class Company:
    """Knows account 1000008, who owes 12.50; ``fails`` so many calls of ``pay``, after each is booked."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.paid: dict[str, str] = {}
        self.fails = 0

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/billers/{rail}")
        async def command(rail: str, request: Request) -> Response:
            fields = dict(request.query_params)
            result = self._take(fields["command"], fields)
            is_osmp = rail == "terminals"
            own, number = ("osmp_txn_id", "prv_txn") if is_osmp else ("txn_id", "prv_txn_id")
            answer = {own: fields["txn_id"], "result": "0" if result else "5" if is_osmp else "1", "sum": "12.50"}
            if result is None:
                return Response("<html>busy", 502)
            answer |= {number: result} if fields["command"] == "pay" else {}
            if is_osmp or rail.endswith(".xml"):
                inner = "".join(f"<{name}>{value}</{name}>" for name, value in answer.items())
                return Response(f"<response>{inner}</response>", media_type="application/xml")
            return JSONResponse({**answer, "result": int(answer["result"])})

        @app.get("/billers/{rail}/bills/{account}")
        async def bill(rail: str, account: str) -> Response:
            is_known = self._take("check", {"account": account, "txn_id": ""})
            return JSONResponse({"due": "12.50"} if is_known else {"code": "not_found"}, 200 if is_known else 404)

        @app.post("/billers/{rail}/payments")
        async def pay(rail: str, request: Request) -> Response:
            fields = await request.json()
            result = self._take("pay", {**fields, "txn_id": fields["id"]})
            if result is None:
                return Response("busy", 503)
            return JSONResponse({"number": result} if result else {"code": "not_found"}, 200 if result else 404)

        return app

    def _take(self, command: str, fields: dict[str, Any]) -> str | None:
        """The number of a payment; "" for no; None: as if the line was broken."""
        self.calls.append({"command": command, **fields})
        if fields["account"] != "1000008":
            return ""
        if command == "pay":
            self.paid.setdefault(fields["txn_id"], str(len(self.paid) + 1))
            if self.fails:
                self.fails -= 1
                return None
        return self.paid.get(fields["txn_id"], "1")

    def asked(self, command: str) -> int:
        return sum(call["command"] == command for call in self.calls)


class Town:
    """The company, and its bank."""

    def __init__(self, company: Company, bank: int, url: str) -> None:
        self.company, self.bank, self.url = company, bank, url

    async def agrees(self, rail: str, suffix: str = "") -> None:
        await control(self.bank, "contracts", {"rail": rail, "url": f"{self.url}/billers/{rail}{suffix}"})

    async def pays(self, rail: str, account: str = "1000008", amount: str = "12.50") -> Any:
        return await control(self.bank, "payments", {"rail": rail, "account": account, "sum": amount})

    async def loses(self, kind: str) -> None:
        await control(self.bank, "calls/faults", {"kind": kind})


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    company = Company()
    async with (
        serve(company.app()) as port,
        serve(Faults(bank_app(tmp_path / BANK_JOURNAL))) as bank,
    ):
        found = Town(company, bank, f"http://127.0.0.1:{port}")
        await control(bank, "calls", {"interval_seconds": 0.02})
        for rail in RAILS:
            await found.agrees(rail)
        yield found


@pytest.mark.parametrize("rail", RAILS)
async def test_a_payer_is_asked_for_what_is_owed_and_the_company_is_told(town: Town, rail: str) -> None:
    payment = await town.pays(rail)
    assert (payment["state"], payment["number"], payment["attempts"]) == ("taken", "1", 1)
    assert [call["command"] for call in town.company.calls] == ["check", "pay"]
    assert len(payment["txn_id"]) == (20 if rail == "terminals" else 18)


async def test_xml_is_read_as_well(town: Town) -> None:
    await town.agrees("bank-app", ".xml")
    assert (await town.pays("bank-app"))["state"] == "taken"


@pytest.mark.parametrize("rail", RAILS)
async def test_nobody_pays_an_account_that_is_not_known(town: Town, rail: str) -> None:
    assert await town.pays(rail, "7") is None
    assert town.company.asked("pay") == 0


@pytest.mark.parametrize("rail", RAILS)
async def test_money_for_an_unknown_account_goes_back_when_nobody_has_asked_before(town: Town, rail: str) -> None:
    await town.loses("without_check")
    assert (await town.pays(rail, "7"))["state"] == "refused"


@pytest.mark.parametrize("rail", RAILS)
async def test_it_asks_until_the_answer_is_final_always_with_the_same_number(town: Town, rail: str) -> None:
    town.company.fails = 3
    payment = await town.pays(rail)
    assert (payment["state"], payment["attempts"], len(payment["answers"])) == ("taken", 4, 1)
    assert list(town.company.paid) == [payment["txn_id"]]


@pytest.mark.parametrize(("fault", "pays"), [("twice", 2), ("break_line", 2), ("again", 2), ("other_sum", 2)])
@pytest.mark.parametrize("rail", RAILS)
async def test_it_misbehaves_as_it_is_told(town: Town, rail: str, fault: str, pays: int) -> None:
    await town.loses(fault)
    payment = await town.pays(rail)
    assert town.company.asked("pay") == pays
    assert len(payment["answers"]) == pays - (fault == "break_line")
    assert len(set(payment["answers"])) == 1
    assert list(town.company.paid) == [payment["txn_id"]]


async def test_what_is_not_answered_is_asked_again_after_a_restart(town: Town, tmp_path: Path) -> None:
    town.company.fails = 1_000_000
    wanted = {"rail": "bank-app", "account": "1000008", "sum": "1.00", "seconds": 0.1}
    payment = await control(town.bank, "payments", wanted)
    assert payment["state"] == "sending"
    journal = tmp_path / "copy.jsonl"
    journal.write_bytes((tmp_path / BANK_JOURNAL).read_bytes())
    town.company.fails = 0
    async with serve(bank_app(journal)) as restarted:
        await control(restarted, "contracts", {"rail": "bank-app"})
        async with asyncio.timeout(20):
            while (await control(restarted, "payments", method="GET"))["busy"]:
                await asyncio.sleep(0.02)
        (known,) = (await control(restarted, "payments", method="GET"))["payments"]
    assert (known["txn_id"], known["state"]) == (payment["txn_id"], "taken")


async def test_a_subscriber_pays_on_its_pages(town: Town) -> None:
    async with local_http(base_url=f"http://127.0.0.1:{town.bank}") as browser:
        assert "personal number" in (await browser.get("/bank-app")).text
        bill = await browser.post("/bank-app/bill", data={"account": "1000008"})
        assert "To pay: 12.50 EUR" in bill.text
        paid = await browser.post("/bank-app/payments", data={"account": "1000008", "sum": "12.50"})
        assert "Paid: " in paid.text
        assert (await browser.post("/bank-app/bill", data={"account": "7"})).status_code == 404
        assert (await browser.get("/no-bank")).status_code == 404


@pytest.mark.parametrize("rail", RAILS)
async def test_the_days_register_leaves_out_and_adds_what_it_is_told_to(town: Town, rail: str) -> None:
    first, second, _ = [await town.pays(rail, amount=amount) for amount in ("1.00", "2.00", "3.00")]
    untold = {"rail": rail, "account": "1000008", "sum": "4.00", "is_told": False}
    assert (await control(town.bank, "payments", untold))["attempts"] == 0
    await control(town.bank, "reversals", {"rail": rail, "txn_id": second["txn_id"]})
    await control(town.bank, f"registers/{rail}", {"leave_out": [first["txn_id"]]})
    day = CONTRACTS[0].local(datetime.now(UTC)).date()
    text = (await download(town.bank, f"registers/{rail}?day={day}")).decode()
    mark = "\t" if rail == "terminals" else ";"
    rows = [line.split(mark) for line in text.splitlines() if line[0].isdigit()]
    if rail == "terminals":  # has no word for what went back
        assert text.splitlines()[-1] == "Total:\t3\t9.00"
        assert sorted(row[4] for row in rows) == ["2.00", "3.00", "4.00"]
    else:
        assert sorted((row[3], row[4]) for row in rows) == [
            *(("-2.00", second["txn_id"]), ("2.00", ""), ("3.00", ""), ("4.00", ""))
        ]
    assert first["txn_id"] not in text


async def test_its_statements_say_what_arrived_net_of_commission(town: Town) -> None:
    await town.pays("bank-app", amount="100.00")
    await town.pays("terminals", amount="40.00")
    sent = {"amount": "70.50", "payer": "A. Nowak", "payer_account": "KZ1", "text": "order 1001"}
    await control(town.bank, "transfers", sent)
    (settled,) = await control(town.bank, "settlements", {"rail": "bank-app"})
    assert (settled["amount"], settled["gross"]) == ("99.00", "100.00")
    (passed,) = await control(town.bank, "settlements", {"rail": "terminals", "one_by_one": True})
    assert passed["amount"] == "40.00"
    assert await control(town.bank, "settlements", {"rail": "bank-app"}) == []
    today = datetime.now(ZoneInfo(TIMEZONE))  # an hour of each evening it is tomorrow there
    for kind, words in {
        "mt940": ":62F:C{:%y%m%d}EUR209,50",
        "camt053": '<Amt Ccy="EUR">209.50</Amt>',
        "camt054": '<Amt Ccy="EUR">99.00</Amt>',
        "1c": "КонечныйОстаток=209.50",
        "csv": ";70.50;EUR;A. Nowak;KZ1;order 1001",
    }.items():
        content = await download(town.bank, f"statements?kind={kind}&day={today:%Y-%m-%d}")
        assert words.format(today) in content.decode("cp1251" if kind == "1c" else "utf-8"), kind
