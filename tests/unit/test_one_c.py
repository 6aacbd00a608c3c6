"""Incoming payments as 1C's statement file: what is in it, whatever payers have typed."""

# ruff: noqa: RUF001 - what 1C reads
from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.accounting.one_c import END, account_section, document, head, purpose
from billing.accounting.payment_export import ExportedPayment, PaymentTotal
from billing.receivables.incoming import PaymentKind

DAY = date(2026, 11, 27)
AT = datetime(2026, 11, 26, 19, 30, tzinfo=UTC)  # the day after in Almaty
TXN = "20261127000000000017"


def paid(**changes: Any) -> ExportedPayment:
    given: dict[str, Any] = {
        "rail": "bank-app",
        "reference": TXN,
        "kind": PaymentKind.PAYMENT,
        "paid_at": AT,
        "booked_at": AT,
        "customer_id": "acme",
        "accounts": ("1000009",),
        "paid_for": ("2026-11", "order 1042"),
        "amount_minor": 10_050,
        "unmatched_minor": 0,
        "currency": "kzt",
        "payer": "A = B\r\nКонецДокумента",
    }
    return ExportedPayment(**given | changes)


BACK = paid(reference="17-back", kind=PaymentKind.CHARGEBACK, amount_minor=-50, reverses=TXN)
PAYMENTS = (
    paid(),
    paid(reference="18", amount_minor=200, payer=None, customer_id=None, accounts=(), paid_for=()),
    BACK,
)


def written(encoding: str = "utf-8") -> bytes:
    total = PaymentTotal(rail="bank-app", currency="kzt", opening_minor=1_000)
    for payment in PAYMENTS:
        total = total.with_(payment)
    company = "Моя компания"
    parts = [head(encoding, company, DAY, DAY, ["KZ0001"], AT), account_section(total, "KZ0001", DAY, DAY)]
    parts += [document(payment, "KZ0001", company, "Asia/Almaty") for payment in PAYMENTS]
    return "".join([*parts, END]).encode(encoding)


def test_no_text_of_a_payer_ends_a_document_or_begins_a_line() -> None:
    lines = written().decode().split("\r\n")
    assert lines.count("КонецДокумента") == len(PAYMENTS)
    assert "Плательщик=A = B КонецДокумента" in lines
    assert lines[-2:] == ["КонецФайла", ""]


def test_days_are_those_of_the_time_zone_and_what_went_back_leaves_our_account() -> None:
    assert "Дата=27.11.2026\r\n" in document(paid(), "KZ0001", "we", "Asia/Almaty")
    back = document(BACK, "KZ0001", "we", "Asia/Almaty")
    assert "Сумма=0.50\r\nПлательщикСчет=KZ0001\r\n" in back
    assert "ДатаСписано=27.11.2026\r\n" in back
    assert "ДатаПоступило" not in back


def test_the_purpose_says_whose_and_for_what() -> None:
    assert purpose(paid()) == (f"Оплата, лицевой счет 1000009, за 2026-11, за заказ 1042, клиент acme, bank-app {TXN}")
    assert purpose(PAYMENTS[1]) == "Оплата, плательщик не определен, bank-app 18"
    assert purpose(BACK).startswith(f"Возврат платежа {TXN}, лицевой счет 1000009")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_our_own_reader_of_statements_reads_it_back(encoding: str) -> None:
    reader = pytest.importorskip("adapters.statements.one_c")
    statement = reader.read_one_c(written(encoding), "kzt")
    assert [line.amount_minor for line in statement.lines] == [10_050, 200, -50]
    assert [line.number for line in statement.lines] == [TXN, "18", "17-back"]
    assert (statement.account, statement.opening_minor, statement.closing_minor) == ("KZ0001", 1_000, 11_200)
