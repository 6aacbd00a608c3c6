"""Worksheets for the tests of how they are read: a customer, and the names of the columns in many languages."""

from collections.abc import Sequence
from typing import Any

import pytest

from billing.errors import SalesUnavailable
from billing.period import Period
from billing.sales.sales import SalesSnapshot
from billing.sales.worksheet import read_worksheet
from tests.unit.months import customer

PERIOD = Period("2026-10")
ACME = customer()
EMAIL = ACME.mailbox
HEADER = ["email", "amount", "description"]
LANGUAGES = [
    ("E-mail", "Amount", "Description", "Currency"),
    ("E-Mail-Adresse", "Betrag", "Beschreibung", "Währung"),
    ("Adresse e-mail", "Montant", "Libellé", "Devise"),
    ("Correo electrónico", "Importe", "Concepto", "Moneda"),
    ("Posta elettronica", "Importo", "Descrizione", "Valuta"),
    ("E-mailadres", "Bedrag", "Omschrijving", "Valuta"),
    ("Endereço de e-mail", "Valor", "Descrição", "Moeda"),
    ("Adres e-mail", "Kwota", "Opis", "Waluta"),
    ("Електронна пошта", "Сума", "Опис", "Валюта"),
    ("Эл. почта", "Сумма", "Описание", "Валюта"),
    ("Электрондық пошта", "Сомасы", "Сипаттама", "Валюта"),
    ("E-POSTA", "TUTARI", "AÇIKLAMA", "PARA BİRİMİ"),
    ("E-post", "Belopp", "Beskrivning", "Valuta"),
    ("メールアドレス", "金額", "説明", "通貨"),
]


def read(*rows: Sequence[Any]) -> SalesSnapshot:
    return read_worksheet(PERIOD, rows)


def refusal(*rows: Sequence[Any]) -> str:
    with pytest.raises(SalesUnavailable) as refused:
        read(*rows)
    return str(refused.value)
