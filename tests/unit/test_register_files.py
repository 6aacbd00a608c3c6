"""Files of banks' registers: what is read, and what is refused with a line that says what to do."""

import time
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.registers.reader import kept_account, read_register
from billing.customers.account_numbers import personal_digest
from billing.errors import InvalidInput
from billing.registers.mapping import DEFAULT_MAPPING, RegisterMapping, mapping_of
from billing.registers.register import RegisterLine, RegisterTerms
from services.registers.folder import day_in

DAY = date(2026, 11, 27)
TERMS = RegisterTerms("terminals", "kzt", "Asia/Almaty")
TXN = "20261127000000000017"
OSMP = (
    f"{TXN}\t27.11.2026\t13:04:05\t1000009\t100.50\r\n"
    "18\t27.11.2026\t13:04:06\t2000008\t1000.00\r\n"
    "Total:\t2\t1100.50\r\n"
)
HEADER = "txn_id,account,sum,txn_date\n"
LINE = f"{TXN},1000009,100.50,2026-11-27 13:04:05\n"
read = partial(read_register, partial(kept_account, "key"))


def lines(content: str | bytes, mapping: RegisterMapping = DEFAULT_MAPPING) -> list[RegisterLine]:
    return read(content.encode() if isinstance(content, str) else content, TERMS, DAY, mapping)


def refusal(content: str | bytes, mapping: RegisterMapping = DEFAULT_MAPPING) -> str:
    with pytest.raises(InvalidInput) as caught:
        lines(content, mapping)
    return str(caught.value)


PAID = RegisterLine(TXN, "1000009", 10_050, datetime(2026, 11, 27, 8, 4, 5, tzinfo=UTC))


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_osmps_text_is_recognised_whatever_its_lines_end_with(ends: str) -> None:
    assert [line.reference for line in lines(OSMP.replace("\r\n", ends))] == [TXN, "18"]
    assert lines(OSMP)[0] == PAID


def test_a_day_without_payments_has_a_total_or_a_header() -> None:
    assert lines("Total:\t0\t0.00\r\n") == []
    assert lines(HEADER) == []
    assert "it is empty" in refusal(b"  \n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (OSMP.replace("1100.50", "1100.51"), "line 3: the total is 2 payments of 1100.51 KZT, but there are 2 of 1100"),
        (OSMP.partition("Total")[0], "its last line is not the total: the file is cut off"),
        (OSMP[: OSMP.index("Total")] + "Total:\t3", "not: Total:, number of payments, sum"),
        (OSMP.replace("\t1000.00", ""), "line 2: it has 4 fields, not 5"),
        (OSMP.replace("1000.00", "1OOO.00"), "line 2: '1OOO.00' is not an amount in KZT"),
    ],
    ids=["sum", "cut off", "total cut off", "field", "letters"],
)
def test_osmps_text_that_was_cut_off_or_changed_is_refused(content: str, why: str) -> None:
    assert why in refusal(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_csv_is_read_in_the_usual_encodings_and_separators(encoding: str, sign: str) -> None:
    assert lines((HEADER + LINE).replace(",", sign).encode(encoding)) == [PAID]


@pytest.mark.parametrize(
    "paid_at",
    ["2026-11-27 13:04:05", "27.11.2026 13:04:05", "20261127130405", "2026-11-27T13:04:05"],
)
def test_instants_are_by_the_contracts_clock(paid_at: str) -> None:
    assert lines(HEADER + LINE.replace("2026-11-27 13:04:05", paid_at)) == [PAID]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (LINE.replace("100.50", "1OO.50"), "line 2: '1OO.50' is not an amount"),
        (LINE.replace("100.50", "0.00"), "its amount is 0"),
        (LINE.replace("100.50", "0.001"), "is not an amount"),
        (LINE.replace("100.50", str(10**15)), "is more than"),
        (LINE.replace(TXN, ""), "'' is not the number of a payment"),
        (LINE.replace(TXN, "1" * 40), "it has 1 to 20 digits"),
        (LINE.replace(TXN, "17a"), "'17a' is not the number of a payment"),
        (LINE.replace(TXN, "2.02611E+19"), "2.02611E+19 was rounded by a spreadsheet, and its digits are lost"),
        (LINE.replace("1000009", ""), "it has no account"),
        (LINE.replace("2026-11-27 13", "27 Nov 13"), "is no date; it has to be written as 2026-11-27 13:04:05"),
        (LINE.replace("2026-11-27 ", "2026-11-24 "), "it is of 2026-11-24, not of 2026-11-27"),
        (LINE.replace("2026-11-27 ", "2026-11-26 "), "payments of 2026-11-26, and none of 2026-11-27: name its day"),
        (LINE + LINE, f"line 3: {TXN} is in line 2 already"),
        (LINE.replace("100.50,", "100.50,x,"), "more cells than columns"),
        (LINE[:-8], "is no date"),
    ],
)
def test_a_file_with_a_line_that_cannot_be_read_is_refused_whole(line: str, why: str) -> None:
    assert why in refusal(HEADER + line)
    assert "1000009" not in refusal(HEADER + line), "no account in a message"


def test_a_refusal_names_the_first_lines_and_counts_the_others() -> None:
    bad = "".join(f"{number},1,x,2026-11-27\n" for number in range(1, 9))
    assert refusal(HEADER + bad).count("line ") == 3
    assert "(and 5 more); nothing was taken in" in refusal(HEADER + bad)


def test_another_currency_or_header_is_refused() -> None:
    mapping = mapping_of(["currency=ccy"], DEFAULT_MAPPING)
    other = f"txn_id,account,sum,txn_date,ccy\n{LINE.strip()},RUB\n"
    assert "'RUB' is not the contract's KZT" in refusal(other, mapping)
    assert lines(other.replace("RUB", "KZT"), mapping) == [PAID]
    assert "lacks txn_id" in refusal("id,account,sum,txn_date\n")
    assert "--map reference=" in refusal("id,account,sum,txn_date\n")
    assert "no text that we know" in refusal(b"txn_id,\x98\0\xff")


def test_what_was_taken_back_is_negative_or_named_so_and_has_a_reference_of_its_own() -> None:
    named = mapping_of(["kind=type", "reversal_words=refund; storno", "original=of"], DEFAULT_MAPPING)
    file = f"txn_id,account,sum,txn_date,type,of\n{LINE.strip()},pay,\n{LINE.strip().replace(TXN, '19')},Storno,{TXN}\n"
    assert [(line.reference, line.amount_minor, line.original) for line in lines(file, named)] == [
        (TXN, 10_050, None),
        ("19", -10_050, TXN),
    ]
    twice = LINE + LINE.replace("100.50", "-40.00") * 2
    first = [(line.reference, line.amount_minor, line.original) for line in lines(HEADER + twice)]
    assert first == [
        (TXN, 10_050, None),
        (f"{TXN}#reversal-4000-1", -4_000, TXN),
        (f"{TXN}#reversal-4000-2", -4_000, TXN),
    ]
    assert [line.reference for line in lines(HEADER + twice + LINE.replace(TXN, "20"))][:3] == [
        reference for reference, *_ in first
    ], "a longer file names them alike"


def test_no_twelve_digits_are_kept_or_said_even_if_columns_are_mixed_up() -> None:
    personal = "880101300124"
    (line,) = lines(HEADER + LINE.replace("1000009", personal))
    assert (line.account, line.personal) == ("…0124", None), "a mistyped one is nobody's"
    mixed = mapping_of(["reference=account", "account=txn_id", "amount=account"], DEFAULT_MAPPING)
    assert personal not in refusal(HEADER + LINE.replace("1000009", f"{personal}x"), mixed)
    assert personal not in refusal(HEADER + LINE.replace("1000009", f"x{personal}"), mixed)


def test_a_mapping_is_told_in_words() -> None:
    mapping = mapping_of(["amount=Сумма", "decimal=comma", "date_format=%d/%m/%Y"], DEFAULT_MAPPING)
    assert (mapping.amount, mapping.decimal, mapping.reference) == ("Сумма", ",", "txn_id")
    for wrong in ("sum=Сумма", "amount"):
        with pytest.raises(InvalidInput, match="maps nothing"):
            mapping_of([wrong], DEFAULT_MAPPING)


@pytest.mark.parametrize(
    "name",
    ["2026-11-27.csv", "register 27.11.2026.txt", "QIWI_1234_202611271.csv", "20261127.csv", "b_2026-11-27_v2.csv"],
)
def test_the_day_is_in_the_name(name: str) -> None:
    assert day_in(name) == DAY


@pytest.mark.parametrize("name", ["register.csv", "2026-13-27.csv", "1234567890.csv"])
def test_a_name_without_a_day_says_how_to_name_it(name: str) -> None:
    with pytest.raises(InvalidInput, match="name it so"):
        day_in(name)


@given(st.data())
def test_no_bytes_whatever_raise_anything_but_a_refusal(data: st.DataObject) -> None:
    content = bytearray(
        data.draw(st.sampled_from([OSMP, HEADER + LINE, HEADER + LINE + LINE.replace(TXN, "5")])).encode()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(InvalidInput):
        lines(bytes(content))


PERSONAL = "900101300007"


@pytest.mark.parametrize("written", [f"{PERSONAL}.0", "900101 300007", f"ИИН{PERSONAL}", f"ИИН {PERSONAL} дом 5"])
def test_a_personal_number_is_known_however_it_is_written(written: str) -> None:
    (line,) = lines(HEADER + LINE.replace("1000009", written))
    assert (line.account, line.personal) == ("…0007", personal_digest(PERSONAL, "key"))


def test_an_account_that_a_spreadsheet_has_rounded_is_refused_without_its_digits() -> None:
    refused = refusal(HEADER + LINE.replace("1000009", "9.00101300007E+11"))
    assert ("rounded" in refused, "300007" in refused) == (True, False)


def test_a_file_whose_payments_are_personal_numbers_has_its_columns_mixed_up() -> None:
    mixed = DEFAULT_MAPPING.evolve(reference="account", account="txn_id")
    assert "are personal numbers" in refusal(HEADER + LINE.replace("1000009", PERSONAL), mixed)
    assert lines(HEADER + LINE.replace(TXN, PERSONAL))[0].reference == PERSONAL, "a number of twelve digits by chance"


def test_what_was_taken_back_has_one_name_in_every_file_whatever_its_time() -> None:
    back = f"{TXN},1000009,-40.00,2026-11-27"
    assert lines(f"{HEADER}{back}\n")[0].reference == lines(f"{HEADER}{back} 18:30:00\n")[0].reference


def test_many_equal_reversals_are_read_in_a_moment() -> None:
    begun = time.process_time()
    assert len(lines(HEADER + f"{TXN},1000009,-40.00,2026-11-27\n" * 4_000)) == 4_000
    assert time.process_time() - begun < 5


NAMED = mapping_of(["kind=type", "reversal_words=refund;storno"], DEFAULT_MAPPING)
TYPED = f"txn_id,account,sum,txn_date,type\n{LINE.strip()}"


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (",cancelled", "line 2: 'cancelled' does not say whether it was paid or taken back; name the words: --map"),
        ("", "it has fewer cells than columns: the file is cut off"),
        (",pay,,5", "more cells than columns: a text in it has an unquoted separator"),
    ],
)
def test_no_line_is_taken_for_a_payment_because_nobody_says_what_it_is(cells: str, why: str) -> None:
    assert why in refusal(f"{TYPED}{cells}\n", NAMED)


def test_a_word_and_a_sign_that_contradict_each_other_are_refused() -> None:
    assert "taken back by its amount, and paid by its word 'pay'" in refusal(
        f"{TYPED},pay\n".replace("100.50", "-100.50"), NAMED
    )
    (line,) = lines(f"{TYPED},done\n", mapping_of(["payment_words=Done"], NAMED))
    assert line.amount_minor == 10_050


@pytest.mark.parametrize("total", ["Итого,,100.50,", ",,100.50,всего", ",,,"])
def test_the_header_is_looked_for_and_totals_are_left_out(total: str) -> None:
    assert lines(f"Register of the bank\n\n{HEADER}{LINE}{total}\n") == [PAID]


def test_a_column_of_the_mapping_that_is_there_twice_is_not_guessed() -> None:
    assert "several columns 'sum'" in refusal(f"txn_id,account,sum,sum,txn_date\n{LINE}")


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "utf-16"])
def test_columns_with_cyrillic_names_are_found_in_every_encoding(encoding: str) -> None:
    mapping = mapping_of(["amount=Сумма", "reference=Номер"], DEFAULT_MAPPING)
    content = (HEADER.replace("sum", "Сумма").replace("txn_id", "Номер") + LINE).replace(",", "|")
    assert lines(content.encode(encoding), mapping) == [PAID]
