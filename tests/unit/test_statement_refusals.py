"""What a reader of statements does not understand, or may be meant otherwise, is refused in words."""

# ruff: noqa: RUF001 - Cyrillic keys
import pytest

from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from billing.statements.mapping import mapping_of
from billing.statements.statement import LINES_MAX
from tests import statement_samples as samples
from tests.unit.test_statement_files import read

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
