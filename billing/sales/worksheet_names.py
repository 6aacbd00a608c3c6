"""Usual names of a worksheet's columns, in many languages."""

# ruff: noqa: RUF001 - letters of other alphabets
import re
from difflib import get_close_matches
from enum import StrEnum

from billing.cells import folded
from billing.money import is_currency

_SIMILAR, _LONG = 0.85, 5  # how alike names are that are almost the same, and how long


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
    """Whether the column may be the amount: ``VAT amount``, ``Netto``, ``Price``, ``Grand total``, ``Value``, ``EUR``.

    A total or value of something else, such as ``Total hours``, is none; ``Cost per hour`` may be.
    """
    if column_named(header) is not None:
        return False
    name = folded(header)
    is_sum = _has(name, _SUMS) and (not _has(name, _NO_AMOUNTS) or _has(name, _PER))
    is_in_currency = any(map(is_currency, re.findall(r"\b[A-Z]{3}\b|[^\w\s]", header)))
    return is_sum or is_in_currency or _has(name, _AMOUNT_WORDS, _AMOUNT_STEMS) or _is_almost(name, Column.AMOUNT)


def speaks_of_currencies(header: str) -> bool:
    """Whether the column may be the currency: ``Curr.``, ``Currency (ISO)``, ``Waehrung``, ``Curency``."""
    if column_named(header) is not None:
        return False
    name = folded(header)
    return _has(name, _CURRENCY_WORDS, _CURRENCY_STEMS) or _is_almost(name, Column.CURRENCY)


def _has(name: str, phrases: frozenset[str], stems: tuple[str, ...] = ()) -> bool:
    return any(f" {phrase} " in f" {name} " for phrase in phrases) or any(stem in name for stem in stems)


def _is_almost(name: str, column: Column) -> bool:
    names = [known for known, of in _COLUMNS.items() if of is column and len(known) >= _LONG]
    return bool(get_close_matches(name, names, n=1, cutoff=_SIMILAR))


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
"""Names of the amount alone; with other words, they make it ambiguous."""
_OTHER_AMOUNTS = """
    net, nett, netto, gross, brutto, nettobetrag, bruttobetrag, brut, ht, ttc, neto, bruto, lordo, imponibile, líquido,
    нетто, брутто, subtotal, zwischensumme, brüt, price, preis, einzelpreis, stückpreis, prix, precio, prezzo, prijs,
    preço, cena, ціна, цена, баға, fiyat, fiyatı, pris, hinta, preț, τιμή, 税抜, 税込, 価格, 単価, 价格, 单价,
    가격, 단가
"""
"""Never the amount itself; beside a column of that name they make it ambiguous."""
_WORTH = """
    value, worth, cost, costs, rate, fee, charge, charges, due, payable, balance, revenue, turnover, to pay, grandtotal,
    wert, kosten, gebühr, entgelt, umsatz, zu zahlen, fällig, valeur, coût, tarif, frais, solde, à payer, dû, coste,
    costo, tarifa, saldo, a pagar, total a pagar, valore, tariffa, da pagare, importo dovuto, waarde, tarief,
    te betalen, verschuldigd, custo, wartość, koszt, opłata, należność, do zapłaty, вартість, до сплати, до оплати,
    стоимость, к оплате, к уплате, құны, төлеуге, değer, ücret, ödenecek, bakiye, hodnota, cena celkem, k úhradě, värde,
    kostnad, avgift, att betala, værdi, beløb i alt, at betale, verdi, å betale, arvo, maksettava, érték, költség,
    fizetendő, valoare, de plată, стойност, за плащане, αξία, πληρωτέο, 価値, 請求額, 合計金額, 价值, 应付, 费用, 값,
    청구액
"""
_OTHER_THINGS = """
    hours, hour, days, day, date, number, quantity, qty, count, units, pieces, items, weight, percent, time,
    vat rate, tax rate, exchange rate, centre, center, code, type, id, name, by, status,
    stunden, tage, datum, anzahl, menge, stück, gewicht, heures, jours, date, quantité, nombre, horas, días, fecha,
    cantidad, ore, giorni, data, quantità, uren, dagen, aantal, hoeveelheid, dias, quantidade, godziny, dni, ilość,
    години, дні, кількість, часов, часы, дней, количество, сағат, саны, saat, gün, tarih, adet, hodin, dnů, množství,
    timmar, dagar, antal, timer, dage, antall, tunnit, määrä, óra, nap, mennyiség, ώρες, ποσότητα, 時間, 数量, 日,
    小时, 시간, 수량
"""
"""What else may be summed or valued; also ``Due date``."""
_CURRENCY_SHORT = "cur, curr, crncy, curncy, iso 4217, wrg, whrg, währ, вал"
_CURRENCY_STEMS = ("currenc", "wahrung", "waehrung", "valuta")
_AMOUNT_STEMS = ("amount", "betrag", "summe", "preis", "price", "montant", "bedrag", "prijs", "belopp", "beløb")


def _split(names: str) -> list[str]:
    return [folded(name) for name in names.split(",")]


_COLUMNS = {name: column for column, names in _NAMES.items() for name in _split(names)}
_COLUMNS |= dict.fromkeys(_split(_TOTALS), Column.AMOUNT)
_AMOUNT_WORDS = frozenset(
    name for names in (_NAMES[Column.AMOUNT], _OTHER_AMOUNTS) for name in _split(names) if " " not in name
)
_SUMS = frozenset(_split(_TOTALS)) | frozenset(_split(_WORTH))
_NO_AMOUNTS = frozenset(_split(_OTHER_THINGS))
_PER = frozenset({"per", "par", "por", "pro", "je", "за"})
_CURRENCY_WORDS = frozenset(_split(_NAMES[Column.CURRENCY])) | frozenset(_split(_CURRENCY_SHORT))
