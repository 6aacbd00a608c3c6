"""1CClientBankExchange 1.03: a statement file as 1C imports it. Its keys and texts are Russian, for 1C knows no others.

::

    head, one section for each account, one for each document, END

Source: v8.1c.ru/edi/edi_stnd/100/101.htm. Lines end with CR LF. A file has one currency, which it does not name.
"""

# ruff: noqa: RUF001 - the format's own words
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from billing.accounting.payment_export import ExportedPayment, PaymentTotal
from billing.money import plain_amount

ENCODINGS = {"cp1251": "Windows", "utf-8": "UTF-8"}
END = "КонецФайла\r\n"
_NUMBER_MAX, _TEXT_MAX = 30, 210


def head(encoding: str, sender: str, since: date, last: date, accounts: Iterable[str], now: datetime) -> str:
    """``since`` and ``last`` are the first and the last day."""
    pairs = [
        ("ВерсияФормата", "1.03"),
        ("Кодировка", ENCODINGS[encoding]),
        ("Отправитель", sender),
        ("Получатель", ""),
        ("ДатаСоздания", f"{now:%d.%m.%Y}"),
        ("ВремяСоздания", f"{now:%H:%M:%S}"),
        ("ДатаНачала", f"{since:%d.%m.%Y}"),
        ("ДатаКонца", f"{last:%d.%m.%Y}"),
        *(("РасчСчет", account) for account in accounts),
    ]
    return "1CClientBankExchange\r\n" + _lines(pairs)


def account_section(total: PaymentTotal, account: str, since: date, last: date) -> str:
    """The totals of an account: opening + in - out = closing."""
    sums = {
        "НачальныйОстаток": total.opening_minor,
        "ВсегоПоступило": total.received_minor,
        "ВсегоСписано": total.went_back_minor,
        "КонечныйОстаток": total.closing_minor,
    }
    pairs = [("ДатаНачала", f"{since:%d.%m.%Y}"), ("ДатаКонца", f"{last:%d.%m.%Y}"), ("РасчСчет", account)]
    pairs += [(name, plain_amount(minor, total.currency)) for name, minor in sums.items()]
    return f"СекцияРасчСчет\r\n{_lines(pairs)}КонецРасчСчет\r\n"


def document(payment: ExportedPayment, account: str, company: str, timezone: str) -> str:
    """A payment to our ``account``; what went back is one from it."""
    is_in = payment.amount_minor > 0
    day = f"{payment.paid_at.astimezone(ZoneInfo(timezone)):%d.%m.%Y}"
    payer = payment.payer or payment.customer_id or ""
    from_account, from_name, to_account, to_name = ("", payer, account, company)
    if not is_in:
        from_account, from_name, to_account, to_name = (account, company, "", payer)
    pairs = [
        ("Номер", payment.reference[:_NUMBER_MAX]),
        ("Дата", day),
        ("Сумма", plain_amount(abs(payment.amount_minor), payment.currency)),
        ("ПлательщикСчет", from_account),
        ("Плательщик", from_name),
        ("Плательщик1", from_name),
        ("ПолучательСчет", to_account),
        ("Получатель", to_name),
        ("Получатель1", to_name),
        ("ДатаПоступило" if is_in else "ДатаСписано", day),
        ("НазначениеПлатежа", purpose(payment)),
    ]
    return f"СекцияДокумент=Платежное поручение\r\n{_lines(pairs)}КонецДокумента\r\n"


def purpose(payment: ExportedPayment) -> str:
    """``Оплата, лицевой счет 1000017, за 2026-11, клиент acme, bank-app 20261127000017``."""
    parts = ["Оплата" if payment.amount_minor > 0 else f"Возврат платежа {payment.reverses or ''}".strip()]
    parts += [f"лицевой счет {number}" for number in payment.accounts]
    parts += [f"за {name.replace('order ', 'заказ ')}" for name in payment.paid_for]
    parts += [f"клиент {payment.customer_id}"] if payment.customer_id else ["плательщик не определен"]
    return f"{', '.join(parts)}, {payment.rail} {payment.reference}"


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    """``name=value`` on one line each, whatever a payer has typed; without a value, nothing."""
    named = ((name, "".join(sign if sign.isprintable() else " " for sign in value)) for name, value in pairs)
    return "".join(f"{name}={' '.join(value.split())[:_TEXT_MAX]}\r\n" for name, value in named if value)
