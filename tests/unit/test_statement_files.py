"""Files of statements: every format reads the same day alike, and what is damaged or foreign is refused in words."""

# ruff: noqa: RUF001 - Cyrillic keys
import random
import zlib
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from billing.statements.keys import keyed
from billing.statements.mapping import mapping_of
from billing.statements.statement import FILE_MAX_BYTES, LINES_MAX, FileFormat, Statement
from tests import statement_samples as samples

TODAY = date(2026, 12, 1)
MAPPING = mapping_of(samples.CSV_MAP)
SAMPLES = {
    "mt940": samples.MT940.encode(),
    "mt940 with CRLF": samples.MT940.replace("\n", "\r\n").encode(),
    "camt.053": samples.CAMT_053.encode(),
    "camt.054": samples.camt_054().encode(),
    "1c in cp1251": samples.ONE_C.encode("cp1251"),
    "1c in cp866": samples.ONE_C.replace("Windows", "DOS").encode("cp866"),
    "1c in UTF-8": samples.ONE_C.encode(),
    "1c with CRLF": samples.ONE_C.replace("\n", "\r\n").encode("cp1251"),
    "1c of Kazakhstan": samples.ONE_C_KAZAKH.encode(),
    "csv": samples.CSV.encode(),
    "csv in cp1251": samples.CSV.encode("cp1251"),
}


def read(content: bytes) -> Statement:
    statement = StatementFiles().read(content, "kzt", MAPPING)
    statement.check(samples.OWN, "kzt", TODAY)
    return statement


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_has_the_first_payment_of_the_day(name: str) -> None:
    line = read(SAMPLES[name]).lines[0]
    assert (line.booked_on, line.amount_minor) == (date(2026, 11, 30), 15000)
    assert line.payer_account == samples.PAYER
    assert "1042" in line.text


def test_mt940_has_references_of_each_line_reversals_and_pieces_of_text() -> None:
    statement = read(SAMPLES["mt940"])
    assert (statement.opening_minor, statement.closing_minor, statement.currency) == (100000, 127950, "kzt")
    first, second, third, rent, returned = statement.lines
    assert (first.bank_reference, first.number) == ("BANK000001", "ORDER-1042")
    assert (second.bank_reference, second.number) == (None, None)
    assert second == third
    assert "1043" in second.text.replace("\n", "")
    assert (rent.amount_minor, rent.is_reversal) == (-2050, False)
    assert (returned.amount_minor, returned.is_reversal) == (-15000, True)


def test_mt940_without_a_type_of_transaction_keeps_every_line() -> None:
    bare = samples.MT940.replace("NTRFNONREF", "").replace("NTRFORDER-1042", "")
    assert [line.amount_minor for line in read(bare.encode()).lines] == [15000, 15000, 15000, -2050, -15000]


def test_mt940_of_several_days_is_one_statement_and_a_gap_is_refused() -> None:
    second = samples.MT940.replace("C261129KZT1000,00", "C261130KZT1279,50").replace(
        "C261130KZT1279,50\n-}", "C261201KZT1559,00\n-}"
    )
    statement = read((samples.MT940 + second).encode())
    assert (statement.opening_minor, statement.closing_minor, len(statement.lines)) == (100000, 155900, 10)
    gap = second.replace("KZT1279,50", "KZT1300,00").replace("KZT1559,00", "KZT1579,50")
    with pytest.raises(InvalidInput, match="the file lacks lines"):
        read((samples.MT940 + gap).encode())


@pytest.mark.parametrize("tag", [": 61:", "61:", ":6l:", ""])
def test_mt940_with_an_entry_that_lost_its_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInput, match="line 6 is an entry without its tag"):
        read(samples.MT940.replace(":61:2611301130C150,00NTRFORDER", f"{tag}2611301130C150,00NTRFORDER").encode())


def test_camt_with_an_empty_notification_or_the_newest_day_first_is_one_statement() -> None:
    notification = samples.camt_054()
    empty = f"<Ntfctn><Id>N0</Id><Acct><Id><IBAN>{samples.OWN}</IBAN></Id></Acct></Ntfctn>"
    for place in ("<Ntfctn>", "</BkToCstmrDbtCdtNtfctn>"):
        statement = read(notification.replace(place, empty + place, 1).encode())
        assert (len(statement.lines), statement.currency) == (1, "kzt")
    start, end = samples.CAMT_053.index("<Stmt>"), samples.CAMT_053.index("</BkToCstmrStmt>")
    older = samples.CAMT_053[start:end]
    newer = older.replace("1279.50", "1559.00").replace("1000.00", "1279.50").replace("2026-11-30", "2026-12-01")
    statement = read((samples.CAMT_053[:start] + newer + older + samples.CAMT_053[end:]).encode())
    assert (statement.opening_minor, statement.closing_minor) == (100000, 155900)


def test_no_word_runs_from_one_field_of_camt_into_another() -> None:
    text = samples.camt_054().replace("order 1042", "Заказ 10")
    text = text.replace("<NtryDtls>", "<AddtlNtryInf>20 ноября</AddtlNtryInf><NtryDtls>")
    assert "1020" not in read(text.encode()).lines[0].text.replace("\n", "")


def test_camt_splits_a_batch_takes_booked_entries_only_and_keeps_returns() -> None:
    statement = read(SAMPLES["camt.053"])
    assert [line.amount_minor for line in statement.lines] == [15000, 15000, 15000, -2050, -15000]
    assert [line.bank_reference for line in statement.lines] == ["BANK000001", None, None, "BANK000004", "BANK000005"]
    assert statement.lines[1].text == "account 79927398713"
    assert statement.lines[0].payer == "A Payer"
    assert [line.is_reversal for line in statement.lines] == [False, False, False, False, True]


@pytest.mark.parametrize("status", ["", "<Sts>Book</Sts>", "<Sts><Prtry>BOOK</Prtry></Sts>"])
def test_camt_with_a_status_that_nobody_knows_is_refused(status: str) -> None:
    with pytest.raises(InvalidInput, match="neither booked nor announced"):
        read(samples.camt_054().replace("<Sts>BOOK</Sts>", status).encode())
    for announced in ("<Sts>INFO</Sts>", "<Sts><Cd>FUTR</Cd></Sts>"):
        assert read(samples.camt_054().replace("<Sts>BOOK</Sts>", announced).encode()).lines == ()


def test_camt_counts_no_entry_by_its_number_and_gives_no_part_the_reference_of_the_sum() -> None:
    numbered = samples.CAMT_053.replace("<NtryRef>4</NtryRef>", "<NtryRef>20261130-4</NtryRef>")
    rent = read(numbered.replace("<AcctSvcrRef>BANK000004</AcctSvcrRef>", "").encode()).lines[3]
    assert (rent.bank_reference, rent.batch) == (None, None)
    batch = samples.CAMT_053.replace("<NtryDtls><Btch>", "<AcctSvcrRef>SUM00001</AcctSvcrRef><NtryDtls><Btch>")
    _, first, second, *_ = read(batch.encode()).lines
    assert first.entry == second.entry
    assert first.entry is not None
    assert (first.bank_reference, first.entry.reference, first.entry.amount_minor) == (None, "SUM00001", 30000)


def test_a_reference_that_several_parts_of_an_entry_have_is_none_of_theirs() -> None:
    shared = samples.CAMT_053.replace("<EndToEndId>NOTPROVIDED", "<AcctSvcrRef>SUM00001</AcctSvcrRef><EndToEndId>NOT")
    assert [line.bank_reference for line in read(shared.encode()).lines[1:3]] == [None, None]


def test_camt_054_has_no_balances_and_names_its_notification() -> None:
    statement = read(SAMPLES["camt.054"])
    assert (statement.file_format, statement.opening_minor) == (FileFormat.CAMT_054, None)
    assert statement.lines[0].batch == "N1"


def test_1c_tells_in_from_out_by_the_account_and_reads_values_over_lines() -> None:
    for name in ("1c in cp1251", "1c in cp866", "1c in UTF-8", "1c with CRLF"):
        statement = read(SAMPLES[name])
        assert [line.amount_minor for line in statement.lines] == [15000, 15000, 15000, -2050, -15000]
        assert statement.lines[1].text == "Интернет за ноябрь, лицевой счет\n79927398713\nНДС=12%"
        assert statement.lines[0].payer == "ТОО Пример"


def test_1c_of_kazakhstan_has_its_own_keys_in_capitals() -> None:
    paid, rent = read(SAMPLES["1c of Kazakhstan"]).lines
    assert (paid.number, paid.payer, paid.text) == ("77", "ТОО Үлгі", "Тапсырыс 1042")
    assert rent.amount_minor == -2050


def test_1c_of_nobody_we_know_is_refused() -> None:
    text = samples.one_c(
        samples.one_c_document("1", "5.00", "x", other=samples.PAYER).replace(samples.OWN, samples.OTHER)
    )
    with pytest.raises(InvalidInput, match="not one of its two sides"):
        read(text.encode())


KAZAKH = samples.ONE_C_KAZAKH
UNKNOWN = samples.ONE_C.replace("Плательщик1=ТОО Пример\n", "ФИО=Иван\nКомиссия=0.00\nПлательщик1=ТОО Пример\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (KAZAKH.replace(f"ПОЛУЧАТЕЛЬИИК={samples.OWN}", f"ПОЛУЧАТЕЛЬИИК={samples.OTHER}"), "not the side"),
        (KAZAKH.replace(f"РАСЧСЧЕТ={samples.OWN}\n", ""), "of which account"),
        (samples.ONE_C + samples.ONE_C, "goes on after КонецФайла"),
        (samples.ONE_C.replace("ДатаПоступило=30.11.2026", "ДатаПоступило=31.11.2026"), "'31.11.2026' is no day"),
        (samples.ONE_C.replace("КонецРасчСчет", "ВсегоПоступило=451.00\nКонецРасчСчет"), "says 451.00"),
        (samples.ONE_C.replace("КонецРасчСчет", "ВсегоСписано=170.00\nКонецРасчСчет"), "documents have 170.50"),
        (samples.ONE_C.replace("ПлательщикИНН=\n", "ПлательщикИНН=\nтекст\n"), "neither a key nor part"),
    ],
)
def test_1c_that_nobody_understands_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read(text.encode())


def test_1c_leaves_unknown_keys_out_and_adds_its_totals_up() -> None:
    totals = "ВсегоПоступило=450.00\nВсегоСписано=170.50\nКонецРасчСчет"
    statement = read((UNKNOWN.replace("КонецРасчСчет", totals) + "\n\x1a").encode())
    assert statement == read(samples.ONE_C.encode())


def test_camt_that_names_no_account_is_refused() -> None:
    nameless = samples.camt_054().replace(f"<Acct><Id><IBAN>{samples.OWN}</IBAN></Id></Acct>", "")
    with pytest.raises(InvalidInput, match="of which account"):
        read(nameless.encode())


def test_csv_finds_header_separator_and_encoding_and_leaves_totals_out() -> None:
    statement = read(SAMPLES["csv in cp1251"])
    assert [line.amount_minor for line in statement.lines] == [15000, 115000, -2050]
    assert statement.lines[1].text == "Интернет; лицевой счет 79927398713"


def test_csv_with_balances_has_to_add_up() -> None:
    mapping = mapping_of(["date=day", "amount=sum", "balance=left"])
    text = "day,sum,left\n2026-11-30,5.00,105.00\n2026-11-30,-1.00,104.00\n"
    statement = StatementFiles().read(text.encode(), "eur", mapping)
    assert (statement.opening_minor, statement.closing_minor) == (10000, 10400)
    newest_first = "day,sum,left\n2026-11-30,-1.00,104.00\n2026-11-30,5.00,105.00\n"
    assert StatementFiles().read(newest_first.encode(), "eur", mapping).opening_minor == 10000
    with pytest.raises(InvalidInput, match="do not follow each other"):
        StatementFiles().read(text.replace("104.00", "103.00").encode(), "eur", mapping)


def test_a_row_of_nothing_is_no_line() -> None:
    mapping = mapping_of(["date=day", "amount=sum"])
    text = "day,sum\n2026-11-30,0.00\n,\n2026-11-30,5\n"
    assert [line.amount_minor for line in StatementFiles().read(text.encode(), "eur", mapping).lines] == [500]


ROW = ["date=Date", "amount=Amount", "text=Text"]
APART = ["date=Date", "incoming=In", "outgoing=Out"]


@pytest.mark.parametrize(
    ("text", "columns", "currency", "why"),
    [
        ("Date;Amount;Text\n2026-11-29;12.500;x\n", ROW, "eur", "no amount with '.'"),
        ("Date;Amount;Text\n2026-11-29;5,000;x\n", [*ROW, "decimal=,"], "eur", "no amount with ','"),
        ("Date;Amount;Text\n2026-11-29;1,500;x\n", ROW, "kwd", "no amount with '.'"),
        ("Date;Amount;Text\n2026-11-29;12345,678;x\n", ROW, "eur", "no amount with '.'"),
        ("Date,Text,Amount\n2026-11-29,Order 7,1,200.00\n", ROW, "eur", "line 2 has more cells"),
        ("Date;Amount;Text;S\n2026-11-29;5;x;Abgang\n", [*ROW, "sign=S"], "eur", "'Abgang' does not say"),
        ("Date;Amount;Text;S\n2026-11-29;5;x;\n", [*ROW, "sign=S"], "eur", "does not say"),
        ("Date;Amount;Text;S\n2026-11-29;-5;x;CR\n", [*ROW, "sign=S"], "eur", "came by its word"),
        ("Date;In;Out\n2026-11-29;5;5\n", APART, "eur", "came and went"),
        ("Date;Amount;Text\n2026-11-29;10;a\n;20;order 1042\n", ROW, "eur", "line 3 has no day"),
        ("Date;Amount;Text\n2026-11-29;;order 1042\n", ROW, "eur", "line 2 has no amount"),
        ("Date;Amount;Amount;Text\n2026-11-29;1;2;x\n", ROW, "eur", "several columns 'amount'"),
    ],
)
def test_csv_that_may_be_meant_otherwise_is_refused(text: str, columns: list[str], currency: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        StatementFiles().read(text.encode(), currency, mapping_of(columns))


def test_csv_knows_words_for_money_that_went_and_incoming_money_that_was_taken_back() -> None:
    text = "Date;Amount;Text;S\n2026-11-29;1,234.50;x;S\n2026-11-29;-5;x;DR\n2026-11-29;7;x;Приход;\n"
    statement = StatementFiles().read(text.encode(), "eur", mapping_of([*ROW, "sign=S"]))
    assert [line.amount_minor for line in statement.lines] == [-123450, -500, 700]
    text = "Date;In;Out\n2026-11-29;-10.00;\n2026-11-29;;-5\n2026-11-29;;5\n"
    statement = StatementFiles().read(text.encode(), "eur", mapping_of(APART))
    assert [line.amount_minor for line in statement.lines] == [-1000, -500, -500]


def test_a_file_of_too_many_lines_is_refused() -> None:
    text = "Date;Amount;Text\n" + "2026-11-29;1;x\n" * (LINES_MAX + 1)
    with pytest.raises(InvalidInput, match="more than 100,000 lines"):
        StatementFiles().read(text.encode(), "eur", mapping_of(ROW))


BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>"""
)
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"x" * (FILE_MAX_BYTES + 1), "a statement 20 MB at most"),
        (BOMB, "declares a document type or entities"),
        (EXTERNAL, "declares a document type or entities"),
        (b"<a>" * 100, "too many elements"),
        (b"<html><body>no</body></html>", "no camt.053 or camt.054"),
        (SAMPLES["camt.053"][:2000], "cut off or damaged"),
        (SAMPLES["mt940"][:-30], "cut off|damaged"),
        (SAMPLES["1c in cp1251"][:1500], "cut off"),
        (samples.ONE_C.encode("utf-16-be"), "cannot be read"),
        (SAMPLES["mt940"].replace(b"1279,50", b"1279,51"), "do not add up"),
        (SAMPLES["camt.053"].replace(b"1279.50", b"1279.51"), "do not add up"),
        (SAMPLES["1c in cp1251"].replace(b"1279.50", b"1279.51"), "do not add up"),
        (SAMPLES["mt940"].replace(samples.OWN.encode(), samples.OTHER.encode()), "not of KZ00TEST"),
        (SAMPLES["camt.053"].replace(samples.OWN.encode(), samples.OTHER.encode()), "not of KZ00TEST"),
        (SAMPLES["mt940"].replace(b"KZT", b"EUR"), "the file is in EUR"),
        (SAMPLES["camt.053"].replace(b"2026-11-30", b"2027-11-30"), "still to come"),
        (SAMPLES["camt.053"].replace(b"2026-11-30", b"0001-11-30"), "check the format of its dates"),
        (SAMPLES["csv"].replace("Приход".encode(), b"?"), "no row of the file names the columns"),
        (SAMPLES["csv"].replace(b"20,50;", b"20.50;"), "line 6"),
        (SAMPLES["csv"].replace(b"150,00;;", b"1e3;;"), "line 4"),
        (SAMPLES["csv"].replace(b"150,00;;", b"99999999999999999;;"), "line 4"),
        (SAMPLES["csv"] + b'30.11.2026;"x', "cut off or damaged|fewer cells"),
    ],
)
def test_a_bad_file_is_refused_in_words(content: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read(content)


def test_a_file_of_unknown_kind_says_how_to_map_it() -> None:
    with pytest.raises(InvalidInput, match="--map date="):
        StatementFiles().read(b"a;b\n1;2\n", "eur", None)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_file_has_the_same_keys_and_equal_lines_have_two(name: str) -> None:
    lines = read(SAMPLES[name]).lines
    keys = [each.key for each in keyed(lines)]
    assert keys == [each.key for each in keyed(lines)]
    assert len(set(keys)) == len(keys)


def test_a_longer_file_has_the_keys_of_the_shorter_one() -> None:
    short = samples.one_c(*[samples.one_c_document("78", "1.00", "x")] * 2, closing="1002.00")
    long = samples.one_c(*[samples.one_c_document("78", "1.00", "x")] * 3, closing="1003.00")
    short_keys, long_keys = ([each.key for each in keyed(read(text.encode()).lines)] for text in (short, long))
    assert long_keys[:2] == short_keys
    assert len(set(long_keys)) == 3


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(SAMPLES)), seed=st.integers(0, 2**32))
def test_damage_is_refused_or_read_and_never_breaks_anything(name: str, seed: int) -> None:
    chance, content = random.Random(seed), bytearray(SAMPLES[name])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(content))
        match chance.randint(0, 3):
            case 0:
                content[at] = chance.randrange(256)
            case 1:
                del content[at : at + chance.randint(1, 200)]
            case 2:
                content[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 20)))
            case 3:
                content[at:at] = content[at : at + chance.randint(1, 300)]
        content = content or bytearray(b"x")
    with suppress(InvalidInput):
        read(bytes(content))


def test_noise_is_refused() -> None:
    with pytest.raises(InvalidInput):
        read(zlib.compress(bytes(range(256)) * 50))
