"""Statements of the company's account, as banks send them: MT940, camt.053 and .054, 1CClientBankExchange, CSV.

    text = statement_file("mt940", SANDBOX_ACCOUNT, "eur", opening, lines, date(2026, 11, 30))

Written from the formats' documents, and not by what the product reads.
"""

import csv
import io
import textwrap
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from xml.sax.saxutils import escape

from sandbox.bank.store import AccountLine


class Sheet(NamedTuple):
    """What every format says, each in its own words."""

    account: str
    currency: str
    opening: Decimal
    lines: Sequence[AccountLine]
    day: date

    @property
    def closing(self) -> Decimal:
        return self.opening + self.received - self.spent

    @property
    def received(self) -> Decimal:
        return sum((amount for line in self.lines if (amount := Decimal(line.amount)) > 0), Decimal(0))

    @property
    def spent(self) -> Decimal:
        return -sum((amount for line in self.lines if (amount := Decimal(line.amount)) < 0), Decimal(0))


def statement_file(kind: str, sheet: Sheet) -> bytes:
    """Raises ``KeyError`` for a format that the bank does not have."""
    return FORMATS[kind](sheet)


def _mt940(sheet: Sheet) -> bytes:
    found = [":20:STATEMENT", f":25:{sheet.account}", ":28C:1/1", f":60F:{_balance(sheet.opening, sheet)}"]
    for line in sheet.lines:
        sign, amount = ("D" if line.amount.startswith("-") else "C"), _comma(Decimal(line.amount).copy_abs())
        found.append(f":61:{line.day:%y%m%d%m%d}{sign}{amount}NTRFNONREF//{line.reference}")
        words = " ".join(filter(None, (line.text, line.payer, line.payer_account)))
        first, *more = textwrap.wrap(words, 65) or [""]
        found += [f":86:{first}", *more[:5]]
    return "\r\n".join([*found, f":62F:{_balance(sheet.closing, sheet)}", "-", ""]).encode()


def _balance(amount: Decimal, sheet: Sheet) -> str:
    sign = "D" if amount < 0 else "C"
    return f"{sign}{sheet.day:%y%m%d}{sheet.currency.upper()}{_comma(amount.copy_abs())}"


def _comma(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")


def _camt053(sheet: Sheet) -> bytes:
    balances = _camt_balance("OPBD", sheet.opening, sheet) + _camt_balance("CLBD", sheet.closing, sheet)
    return _camt("camt.053.001.02", "BkToCstmrStmt", "Stmt", balances, sheet)


def _camt054(sheet: Sheet) -> bytes:
    """A notice of what was booked, without balances."""
    return _camt("camt.054.001.02", "BkToCstmrDbtCdtNtfctn", "Ntfctn", "", sheet)


def _camt(schema: str, message: str, part: str, balances: str, sheet: Sheet) -> bytes:
    account = f"<Acct><Id><IBAN>{sheet.account}</IBAN></Id><Ccy>{sheet.currency.upper()}</Ccy></Acct>"
    created = f"{sheet.day}T23:59:00"
    head = f"<GrpHdr><MsgId>{schema}-{sheet.day}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>"
    entries = "".join(_camt_entry(line) for line in sheet.lines)
    body = f"<{part}><Id>{sheet.day}</Id><CreDtTm>{created}</CreDtTm>{account}{balances}{entries}</{part}>"
    space = f"urn:iso:std:iso:20022:tech:xsd:{schema}"
    document = f'<Document xmlns="{space}"><{message}>{head}{body}</{message}></Document>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()


def _camt_balance(code: str, amount: Decimal, sheet: Sheet) -> str:
    value = f'<Amt Ccy="{sheet.currency.upper()}">{amount.copy_abs():.2f}</Amt>{_direction(amount)}'
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{kind}{value}<Dt><Dt>{sheet.day}</Dt></Dt></Bal>"


def _camt_entry(line: AccountLine) -> str:
    amount, day = Decimal(line.amount), line.day
    value = f'<Amt Ccy="{line.currency.upper()}">{amount.copy_abs():.2f}</Amt>{_direction(amount)}'
    account = f"<DbtrAcct><Id><Othr><Id>{escape(line.payer_account)}</Id></Othr></Id></DbtrAcct>"
    payer = f"<RltdPties><Dbtr><Nm>{escape(line.payer)}</Nm></Dbtr>{account if line.payer_account else ''}</RltdPties>"
    words = f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf>"
    details = f"<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{payer}{words}</TxDtls></NtryDtls>"
    dates = f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
    domain = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>OTHR</SubFmlyCd></Fmly></Domn></BkTxCd>"
    reference = f"<AcctSvcrRef>{line.reference}</AcctSvcrRef>"
    return f"<Ntry>{value}<Sts>BOOK</Sts>{dates}{reference}{domain}{details}</Ntry>"


def _direction(amount: Decimal) -> str:
    return f"<CdtDbtInd>{'DBIT' if amount < 0 else 'CRDT'}</CdtDbtInd>"


def _1c(sheet: Sheet) -> bytes:
    day = f"{sheet.day:%d.%m.%Y}"
    found = ["1CClientBankExchange", "ВерсияФормата=1.03", "Кодировка=Windows", "Отправитель=Bank"]
    found += [f"ДатаНачала={day}", f"ДатаКонца={day}", f"РасчСчет={sheet.account}", "СекцияРасчСчет"]
    found += [f"ДатаНачала={day}", f"ДатаКонца={day}", f"РасчСчет={sheet.account}"]
    found += [f"НачальныйОстаток={sheet.opening:.2f}", f"ВсегоПоступило={sheet.received:.2f}"]
    found += [f"ВсегоСписано={sheet.spent:.2f}", f"КонечныйОстаток={sheet.closing:.2f}", "КонецРасчСчет"]
    for line in sheet.lines:
        found += _1c_document(line, sheet.account)
    return "\r\n".join([*found, "КонецФайла", ""]).encode("cp1251", "replace")


def _1c_document(line: AccountLine, account: str) -> list[str]:
    amount, day = Decimal(line.amount), f"{line.day:%d.%m.%Y}"
    payer, payee = (line.payer_account, account) if amount > 0 else (account, line.payer_account)
    date_key = "ДатаПоступило" if amount > 0 else "ДатаСписано"
    return [
        "СекцияДокумент=Платежное поручение",
        f"Номер={line.reference}",
        f"Дата={day}",
        f"Сумма={amount.copy_abs():.2f}",
        f"{date_key}={day}",
        f"ПлательщикСчет={payer}",
        f"Плательщик={line.payer}",
        f"ПолучательСчет={payee}",
        "Получатель=Billing Co",
        f"НазначениеПлатежа={line.text}",
        "КонецДокумента",
    ]


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(("date", "reference", "amount", "currency", "payer", "payer account", "purpose"))
    for line in sheet.lines:
        day, currency = f"{line.day:%d.%m.%Y}", line.currency.upper()
        writer.writerow((day, line.reference, line.amount, currency, line.payer, line.payer_account, line.text))
    return text.getvalue().encode()


FORMATS: dict[str, Callable[[Sheet], bytes]] = {
    "mt940": _mt940,
    "camt053": _camt053,
    "camt054": _camt054,
    "1c": _1c,
    "csv": _csv,
}
