"""Statements in every format, made up: one day of one account, with the pitfalls that banks have ready."""

# ruff: noqa: RUF001 - Cyrillic keys
OWN, PAYER, OTHER = "KZ00TEST000000000001", "KZ00PAYR000000000002", "KZ00OTHR000000000003"

MT940 = f"""\
{{1:F01TESTKZKAAXXX0000000000}}{{2:I940TESTKZKAXXXXN}}{{4:
:20:STMT20261130
:25:{OWN}
:28C:12/1
:60F:C261129KZT1000,00
:61:2611301130C150,00NTRFORDER-1042//BANK000001
:86:Payment for order 1042 {PAYER}
:61:2611301130C150,00NTRFNONREF
:86:Internet November account 79927398713 which is a long text that a ba
nk cuts into pieces, the order is 10
43
:61:2611301130C150,00NTRFNONREF
:86:Internet November account 79927398713 which is a long text that a ba
nk cuts into pieces, the order is 10
43
:61:2611301130D20,50NTRFNONREF//BANK000004
:86:Rent
:61:2611301130RC150,00NTRFNONREF//BANK000005
:86:Return of BANK000001
:62F:C261130KZT1279,50
-}}
"""

CAMT_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{version}">'
CAMT_053 = f"""\
{CAMT_HEAD.format(version="053.001.08")}
<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id>
<FrToDt><FrDtTm>2026-11-30T00:00:00</FrDtTm><ToDtTm>2026-11-30T23:59:59</ToDtTm></FrToDt>
<Acct><Id><IBAN>{OWN}</IBAN></Id><Ccy>KZT</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KZT">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="KZT">1279.50</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><NtryRef>1</NtryRef><Amt Ccy="KZT">150.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-30</Dt></BookgDt><AcctSvcrRef>BANK000001</AcctSvcrRef><NtryDtls><TxDtls>
<Refs><EndToEndId>ORDER-1042</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>A Payer</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>{PAYER}</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>order 1042</Ustrd></RmtInf>
</TxDtls></NtryDtls></Ntry>
<Ntry><NtryRef>1</NtryRef><Amt Ccy="KZT">300.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-30</Dt></BookgDt><NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="KZT">150.00</Amt></TxDtls>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="KZT">150.00</Amt></TxDtls></NtryDtls>
<AddtlNtryInf>account 79927398713</AddtlNtryInf></Ntry>
<Ntry><NtryRef>3</NtryRef><Amt Ccy="KZT">77.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts>
<BookgDt><Dt>2026-11-30</Dt></BookgDt></Ntry>
<Ntry><NtryRef>4</NtryRef><Amt Ccy="KZT">20.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-30</Dt></BookgDt><AcctSvcrRef>BANK000004</AcctSvcrRef><AddtlNtryInf>Rent</AddtlNtryInf></Ntry>
<Ntry><NtryRef>5</NtryRef><Amt Ccy="KZT">150.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-30</Dt></BookgDt><AcctSvcrRef>BANK000005</AcctSvcrRef>
<AddtlNtryInf>Return of BANK000001</AddtlNtryInf></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""


def camt_054(notification: str = "N1", reference: str = "<AcctSvcrRef>BANK000001</AcctSvcrRef>") -> str:
    return f"""\
{CAMT_HEAD.format(version="054.001.04")}
<BkToCstmrDbtCdtNtfctn><Ntfctn><Id>{notification}</Id><Acct><Id><IBAN>{OWN}</IBAN></Id></Acct>
<Ntry><Amt Ccy="KZT">150.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-30</Dt></BookgDt>
{reference}<NtryDtls><TxDtls><RltdPties><DbtrAcct><Id><IBAN>{PAYER}</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>order 1042</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
"""


_RUSSIAN = """\
СекцияДокумент=Платежное поручение
Номер={number}
Дата=30.11.2026
Сумма={amount}
ПлательщикСчет={payer}
ДатаСписано={gone}
Плательщик1=ТОО Пример
ПлательщикИНН=
ПолучательСчет={payee}
ДатаПоступило={came}
НазначениеПлатежа={text}
КонецДокумента
"""


def one_c_document(number: str, amount: str, text: str, is_in: bool = True, other: str = PAYER) -> str:
    sides = {"payer": other, "payee": OWN} if is_in else {"payer": OWN, "payee": other}
    days = {"came": "30.11.2026" if is_in else "", "gone": "" if is_in else "30.11.2026"}
    return _RUSSIAN.format(number=number, amount=amount, text=text, **sides, **days)


def one_c(*documents: str, opening: str = "1000.00", closing: str = "1279.50") -> str:
    return f"""\
1CClientBankExchange
ВерсияФормата=1.03
Кодировка=Windows
ДатаНачала=30.11.2026
ДатаКонца=30.11.2026
РасчСчет={OWN}
СекцияРасчСчет
ДатаНачала=30.11.2026
ДатаКонца=30.11.2026
РасчСчет={OWN}
НачальныйОстаток={opening}
КонечныйОстаток={closing}
КонецРасчСчет
{"".join(documents)}КонецФайла
"""


ONE_C = one_c(
    one_c_document("77", "150.00", "Оплата заказа 1042"),
    one_c_document("78", "150.00", "Интернет за ноябрь, лицевой счет\n79927398713\nНДС=12%"),
    one_c_document("78", "150.00", "Интернет за ноябрь, лицевой счет\n79927398713\nНДС=12%"),
    one_c_document("5", "20.50", "Аренда", is_in=False, other=OTHER),
    one_c_document("6", "150.00", "Возврат", is_in=False),
)
ONE_C_KAZAKH = f"""\
1CClientBankExchange
ВЕРСИЯФОРМАТА=2.00
КОДИРОВКА=UTF-8
РАСЧСЧЕТ={OWN}
СЕКЦИЯРАСЧСЧЕТ
РАСЧСЧЕТ={OWN}
НАЧАЛЬНЫЙОСТАТОК=1000.00
КОНЕЧНЫЙОСТАТОК=1129.50
КОНЕЦРАСЧСЧЕТ
СЕКЦИЯДОКУМЕНТ=Платежное поручение
ВИДДОКУМЕНТА=Платежное поручение
НОМЕРДОКУМЕНТА=77
ДАТАДОКУМЕНТА=29.11.2026
ДАТАОПЕРАЦИИ=30.11.2026
ПЛАТЕЛЬЩИКНАИМЕНОВАНИЕ=ТОО Үлгі
ПЛАТЕЛЬЩИКБИН_ИИН=990440000385
ПЛАТЕЛЬЩИКИИК={PAYER}
ПОЛУЧАТЕЛЬИИК={OWN}
СУММАПРИХОД=150.00
КОДНАЗНАЧЕНИЯПЛАТЕЖА=859
НАЗНАЧЕНИЕПЛАТЕЖА=Тапсырыс 1042
КОНЕЦДОКУМЕНТА
СЕКЦИЯДОКУМЕНТ=Платежное поручение
НОМЕРДОКУМЕНТА=5
ДАТАОПЕРАЦИИ=30.11.2026
СУММАРАСХОД=20.50
НАЗНАЧЕНИЕПЛАТЕЖА=Аренда
КОНЕЦДОКУМЕНТА
КОНЕЦФАЙЛА
"""

CSV_MAP = ("date=Дата", "incoming=Приход", "outgoing=Расход", "text=Назначение", "payer_account=Счет", "decimal=,")
CSV = f"""\
Выписка по счету {OWN}

Дата;Счет;Приход;Расход;Назначение
30.11.2026;{PAYER};150,00;;Оплата заказа 1042
30.11.2026;{PAYER};1 150,00;;"Интернет; лицевой счет 79927398713"
30.11.2026;{OTHER};;20,50;Аренда
;;1300,00;20,50;Итого
"""
