"""Usual names of a worksheet's columns, in many languages."""

# ruff: noqa: RUF001 - letters of other alphabets
from enum import StrEnum

from billing.cells import folded


class Column(StrEnum):
    """A column that is read, by its name in the documentation."""

    EMAIL = "email"
    AMOUNT = "amount"
    DESCRIPTION = "description"
    CURRENCY = "currency"


def column_named(header: str) -> Column | None:
    """The column with the usual name ``header``."""
    return _COLUMNS.get(folded(header))


def speaks_of_amounts(header: str) -> bool:
    """Whether ``header`` has a word for an amount, net, gross or per piece: ``VAT amount``, ``Netto``, ``Price``."""
    return not _AMOUNT_WORDS.isdisjoint(folded(header).split())


_NAMES = {
    Column.EMAIL: """
        email, mail, email address, mail address, customer email, client email, billing email, contact email,
        email adresse, mail adresse, mailadresse, emailadresse, kunden email, adresse email, adresse mail, courriel,
        adresse courriel, mel, correo, correo electronico, direccion de correo, direccion de correo electronico,
        posta elettronica, indirizzo email, emailadres, mailadres, email adres, endereco de email, correio eletronico,
        adres email, poczta, poczta elektroniczna, пошта, електронна пошта, адреса електронної пошти, е-пошта, емейл,
        імейл, мейл, почта, электронная почта, адрес электронной почты, эл почта, адрес почты, имейл, электрондық пошта,
        электрондық мекенжай, e-posta, e-posta adresi, emailová adresa, e-post, e-postadress, e-postadresse, sähköposti,
        sähköpostiosoite, email cím, adresă email,
        електронна поща, имейл адрес, ηλεκτρονικό ταχυδρομείο, メール, メールアドレス, eメール, 邮箱, 电子邮箱, 邮件,
        电子邮件, 이메일, 이메일 주소
    """,
    Column.AMOUNT: """
        amount, amount due, betrag, montant, importe, monto, importo, bedrag, valor, montante, quantia, kwota, сума,
        сумма, сома, сомасы, tutar, tutarı, meblağ, částka, čiastka, belopp, beløb, beløp, summa, összeg, sumă, ποσό,
        金額, 金额, 금액
    """,
    Column.DESCRIPTION: """
        description, beschreibung, bezeichnung, descriptif, désignation, libellé, descripción, concepto, descrizione,
        causale, omschrijving, beschrijving, descrição, opis, опис, описание, сипаттама, сипаттамасы, açıklama, popis,
        beskrivning, beskrivelse, kuvaus, selite, leírás, megnevezés, descriere, περιγραφή, 説明, 摘要, 描述, 说明,
        설명, 적요
    """,
    Column.CURRENCY: """
        currency, currency code, ccy, währung, devise, monnaie, moneda, divisa, valuta, moeda, waluta, валюта,
        para birimi, döviz, měna, valuutta, pénznem, deviza, νόμισμα, 通貨, 货币, 币种, 통화
    """,
}
_TOTALS = """
    sum, total, total amount, summe, gesamt, gesamtbetrag, rechnungsbetrag, endbetrag, somme, montant total,
    importe total, monto total, somma, totale, importo totale, som, totaal, totaalbedrag, valor total, suma, razem,
    разом, всього, усього, итого, всего, барлығы, жиыны, toplam, toplam tutar, celkem, spolu, totalt, yhteensä,
    végösszeg, общо, σύνολο, 合計, 合计, 总额, 합계
"""
"""Names of the amount, but only alone: ``Total hours`` is none."""
_OTHER_AMOUNTS = """
    net, nett, netto, gross, brutto, nettobetrag, bruttobetrag, brut, ht, ttc, neto, bruto, lordo, imponibile, líquido,
    нетто, брутто, subtotal, zwischensumme, brüt, price, preis, einzelpreis, stückpreis, prix, precio, prezzo, prijs,
    preço, cena, ціна, цена, баға, fiyat, fiyatı, pris, hinta, preț, τιμή, 税抜, 税込, 価格, 単価, 价格, 单价,
    가격, 단가
"""
"""Never the amount itself; beside a column of that name they make it ambiguous."""


def _split(names: str) -> list[str]:
    return [folded(name) for name in names.split(",")]


_COLUMNS = {name: column for column, names in _NAMES.items() for name in _split(names)}
_COLUMNS |= dict.fromkeys(_split(_TOTALS), Column.AMOUNT)
_AMOUNT_WORDS = {name for names in (_NAMES[Column.AMOUNT], _OTHER_AMOUNTS) for name in _split(names) if " " not in name}
