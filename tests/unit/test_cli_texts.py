"""``texts``: lists them, counts their segments, and sends one to try the vendor."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.texts.ports import TextLimits
from sandbox.sms.api import sms_app
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.control import control
from tests.contract.test_ledger_texts import text
from tests.empty_ledger import empty_ledger
from tests.unit.command_line import NOW, Run, run

__all__ = ["run"]  # fixtures


def recorded(tmp_path: Path) -> None:
    async def record() -> None:
        empty_ledger(tmp_path / "data")
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await ledger.begin_text(
            text(began_at=NOW, tried_at=NOW, body="Pay https://pay.acme.kz/fee/77.AbCdEfGhIjKlMnOp now"),
            TextLimits(),
            NOW,
        )
        await ledger.close()

    asyncio.run(record())


def test_texts_are_listed_without_their_numbers(run: Run, tmp_path: Path) -> None:
    recorded(tmp_path)
    shown = run("texts", "list").stdout
    assert "+7…5678" in shown
    assert "4.50 KZT" in shown
    (row,) = json.loads(run("texts", "list", "--customer", "acme", "--json").stdout)["texts"]
    assert (row["kind"], row["status"], row["segments"]) == ("bill", "sending", 1)
    assert row["body"] == "Pay https://pay.acme.kz/fee/… now"
    assert "no texts" in run("texts", "list", "--customer", "zoe").stdout


def test_every_text_is_shown_with_its_segments(run: Run) -> None:
    texts = json.loads(run("texts", "check", "--language", "kk", "--json").stdout)["texts"]
    assert {row["kind"] for row in texts if row["segments"] > 1} == {"pay_fee", "pay_debt"}, "they have a link"
    assert {row["alphabet"] for row in texts} == {"UCS-2"}
    in_latin = json.loads(run("texts", "check", "--language", "kk", "--latin", "--json").stdout)["texts"]
    assert {row["alphabet"] for row in in_latin} == {"GSM-7"}


def test_an_address_that_is_too_long_for_one_segment_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("texts", "check", "--language", "kk").stderr == ""
    monkeypatch.setenv("BILLING_CONSOLE_PORT", "65535")
    checked = run("texts", "check", "--language", "kk")
    assert checked.exit_code == 0
    assert "more than 1 in one text of: bill, warning, suspended; take a shorter BILLING_CONSOLE_URL" in checked.stderr
    assert run("texts", "check", "--language", "kk", "--latin").stderr == ""


async def test_the_doctor_says_so_too_and_nothing_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(sms_app()) as port:
        monkeypatch.setenv("BILLING_SANDBOX_SMS_PORT", str(port))
        monkeypatch.setenv("BILLING_CONSOLE_PORT", "65535")
        monkeypatch.setenv("BILLING_TEXTS", '{"language": "kk"}')
        checks = json.loads((await asyncio.to_thread(run, "doctor", "--json")).stdout)["checks"]
    (found,) = [check for check in checks if check["name"] == "texts"]
    assert found["ok"]
    assert "left; with the address of a customer's page" in found["detail"]


def test_a_text_that_is_too_long_is_refused_with_the_reason(run: Run) -> None:
    refused = run("texts", "check", "д" * 71)
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.split())
    assert "has 71 characters, which are 2 segments, and may have 1; д make it UCS-2" in said


async def test_one_is_sent_to_try_the_vendor(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(sms_app()) as port:
        monkeypatch.setenv("BILLING_SANDBOX_SMS_PORT", str(port))
        sent = await asyncio.to_thread(run, "texts", "send-test", "+7 701 234-56-78")
        assert "smsc has taken it" in sent.stdout, sent.output
        (taken,) = await control(port, "texts", method="GET")
        assert (taken["to"], taken["body"]) == ("77012345678", "This is a test of our texts.")
        refused = await asyncio.to_thread(run, "texts", "send-test", "87012345678")
        assert "BILLING_PHONE_REGION" in refused.stderr
