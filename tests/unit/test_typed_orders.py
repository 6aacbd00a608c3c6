"""Orders as people type them, and as files have them."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.errors import InvalidInput
from orders.order_file import OrderFile, parse_orders
from orders.typed import TypedOrder, expiry, typed_line

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DIGEST = "a" * 64
HEADER = "number,customer,name,email,currency,description,quantity,amount,file,deposit,tolerance,expires"


def typed(**fields: object) -> TypedOrder:
    values = {"number": "1042", "customer_id": "nowak", "name": "A. Nowak", "currency": "EUR", "lines": ["Sign=90"]}
    return TypedOrder(**{**values, **fields})  # type: ignore[arg-type]


def read(*rows: str, header: str = HEADER) -> OrderFile:
    return parse_orders("\n".join((header, *rows)), NOW, lambda cell: DIGEST if cell == "sign.pdf" else cell)


def test_an_order_is_read_as_it_was_typed() -> None:
    order = typed(
        lines=["2 x Sign, A=B=90.00", "Post=5"],
        email="a@nowak.example",
        digest=DIGEST.upper(),
        deposit="30 %",
        tolerance="0.50",
        expires="2026-12-24",
    ).request(NOW)
    assert [(line.quantity, line.description, line.amount_minor) for line in order.agreed.lines] == [
        (2, "Sign, A=B", 9000),
        (1, "Post", 500),
    ]
    assert (order.currency, order.tolerance_minor, order.agreed.deposit_percent) == ("eur", 50, 30)
    assert (order.agreed.file_digest, order.agreed.deposit_minor) == (DIGEST, 2850)
    assert order.expires_at == datetime(2026, 12, 25, tzinfo=UTC), "until the end of that day"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lines": []}, "the order has no lines"),
        ({"lines": ["Sign"]}, "is not a line; write it like"),
        ({"lines": ["=90"]}, "is not a line"),
        ({"lines": ["Sign=-1"]}, "amount_minor: Input should be greater than or equal to 0"),
        ({"lines": ["Sign=90,00"]}, "'90,00' is not an amount in EUR; write it like 1234.50"),
        ({"lines": ["Sign=0"]}, "the price is 0.00 EUR; it has to be above 0"),
        ({"lines": ["Sign=999999999999.99"]}, "is more than the 9999999999.99 EUR limit"),
        ({"lines": ["0 x Sign=90"]}, "quantity: Input should be greater than or equal to 1"),
        ({"number": "10/42"}, "number: write up to 60 letters, digits"),
        ({"customer_id": "Nowak & Co"}, "buyer.customer_id: write up to 64 small|^customer_id: write up to 64 small"),
        ({"currency": "xyz"}, "'xyz' is not a currency"),
        ({"digest": "abc"}, "file_digest: write the file's SHA-256"),
        ({"deposit": "100"}, "deposit: '100' is not a percentage from 1 to 99"),
        ({"deposit": "three"}, "is not a percentage"),
        ({"tolerance": "90"}, "nothing would have to be paid"),
        ({"expires": "soon"}, "expires: 'soon' is no time; write it like 14d, or 2026-12-24"),
        ({"expires": "2026-11-30"}, "expires: '2026-11-30' is over already"),
        ({"expires": "2026-12-24T12:00"}, "has no zone"),
    ],
)
def test_what_cannot_be_an_order_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        typed(**fields).request(NOW)


def test_an_expiry_is_in_days_or_at_an_instant() -> None:
    assert expiry("14d", NOW) == NOW + timedelta(days=14)
    assert expiry("2026-12-24T12:00+01:00", NOW) == datetime(2026, 12, 24, 11, tzinfo=UTC)
    assert expiry(" ", NOW) is None


def test_a_line_without_a_quantity_is_one_piece() -> None:
    assert (typed_line("10 x-rays=5", "eur").quantity, typed_line("10 x-rays=5", "eur").description) == (1, "10 x-rays")
    assert (typed_line("4x Sign=5", "eur").quantity, typed_line("4 signs=5", "eur").description) == (4, "4 signs")


# -- files


def test_rows_with_the_same_number_are_the_lines_of_one_order() -> None:
    found = read(
        "1042,nowak,A. Nowak,,eur,Sign,2,90.00,sign.pdf,30,,2026-12-24",
        "1043,kim,Kim,,usd,Poster,,12.50,,,,",
        "1042,,,,,Post,,5.00,,,,",
    )
    assert found.problems == []
    assert list(found.orders) == [2, 3]
    first, second = found.orders.values()
    assert (first.agreed.price_minor, len(first.agreed.lines), first.agreed.file_digest) == (9500, 2, DIGEST)
    assert (second.currency, second.agreed.price_minor) == ("usd", 1250)


@pytest.mark.parametrize(
    ("row", "line", "words"),
    [
        ("1042,,,,,Post,,5.0.0,,,,", 3, "'5.0.0' is not an amount"),
        ("1042,,,,,Post,,-5,,,,", 3, "amount_minor"),
        ("1042,kim,,,,Post,,5,,,,", 3, "customer: 'kim', but line 2 has 'nowak'"),
        ("1042,,,,usd,Post,,5,,,,", 3, "currency: 'usd', but line 2 has 'eur'"),
        ("1042,,,,,Post,many,5,,,,", 3, "quantity: 'many' is not a whole number"),
        ("1042,,,,,,,5,,,,", 3, "description"),
        ("1042,,,,,Post,,5,,,,,,", 3, "more cells than columns"),
        (",,,,,Post,,5,,,,", 3, "line 3 may belong to it, and has no number"),
    ],
)
def test_an_order_with_a_bad_row_is_not_taken_and_the_others_are(row: str, line: int, words: str) -> None:
    found = read("1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,", row, "1043,kim,Kim,,usd,Poster,,12.50,,,,")
    assert [order.number for order in found.orders.values()] == ["1043"]
    problem = next(problem for problem in found.problems if problem.number == "1042")
    assert (problem.line, words in problem.reason) == (line, True), problem


def test_a_bad_first_row_is_not_made_good_by_the_next() -> None:
    found = read("1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,,,", "1042,nowak,A. Nowak,,eur,Post,,5,,,,")
    assert (found.orders, [problem.line for problem in found.problems]) == ({}, [2])


def test_days_would_be_other_days_at_the_next_reading() -> None:
    (problem,) = read("1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,14d").problems
    assert "would be another day at each reading" in problem.reason


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("number,customer,name,currency,description", "the first row lacks amount"),
        (f"{HEADER},colour", "not a column: colour; there are number"),
        (f"{HEADER},amount", "more than one column amount"),
        ("", "the first row is empty"),
    ],
)
def test_a_file_whose_header_is_wrong_is_refused_whole(header: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read("1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,", header=header)


def test_a_quotation_mark_that_swallows_rows_refuses_the_file() -> None:
    with pytest.raises(InvalidInput, match="line 3: not CSV"):
        read(
            "1042,nowak,A. Nowak,,eur,Sign,2,90.00,,,,", '1043,kim,"Kim,,usd,Poster,,12.50,,,,', "1042,,,,,Post,,5,,,,"
        )
