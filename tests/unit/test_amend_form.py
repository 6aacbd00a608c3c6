"""The form that amends an order: what is typed, its mistakes, and the agreement that it makes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.datastructures import FormData

from console.reviewers.orders.amend_form import AmendForm, blank, read
from orders.order import Agreement, Order, OrderLine

ORDER = Order(
    number="1042",
    customer_id="bo",
    currency="eur",
    agreed=Agreement(
        lines=(
            OrderLine(description="Sign", quantity=2, amount_minor=10_000),
            OrderLine(description="Pole", amount_minor=250),
        ),
        file_digest="a" * 64,
        deposit_percent=30,
    ),
    opened_at=datetime(2026, 12, 1, tzinfo=UTC),
    opened_by="",
)


def typed(*lines: tuple[str, str, str], remove: tuple[str, ...] = (), **fields: str) -> AmendForm:
    rows = [pair for line in lines for pair in zip(("description", "quantity", "amount"), line, strict=True)]
    given = {"version": "1", "file_digest": "", "deposit": ""} | fields
    return read(FormData([*rows, *(("remove", number) for number in remove), *given.items()]), ORDER)


def test_what_is_not_touched_is_agreed_as_before() -> None:
    form = blank(ORDER)
    sent = [(line.description, line.quantity, line.amount) for line in form.lines]
    read_again = typed(*sent, file_digest=form.file_digest, deposit=form.deposit)
    assert not read_again.is_wrong
    assert read_again.agreement(ORDER) == ORDER.agreed


def test_lines_are_changed_removed_and_added() -> None:
    form = typed(("Sign", "3", "150"), ("Pole", "1", "2.50"), ("  Paint\n red ", "", "1,234.5"), remove=("1",))
    assert not form.is_wrong
    assert form.agreement(ORDER) == Agreement(
        lines=(
            OrderLine(description="Sign", quantity=3, amount_minor=15_000),
            OrderLine(description="Paint red", amount_minor=123_450),
        )
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("Sign", "0", "1"), "the quantity is '0'"),
        (("Sign", "-1", "1"), "write a whole number"),
        (("Sign", "1.5", "1"), "write a whole number"),
        (("Sign", "9" * 12, "1"), "write a whole number"),
        (("Sign", "1", "-1"), "-1 is below 0"),
        (("Sign", "1", "12,50"), "12,50"),
        (("Sign", "1", ""), "the amount is empty"),
        (("Sign", "1", "999999999999.99"), "limit"),
        (("", "1", "5"), "enter a description"),
        (("x" * 501, "1", "5"), "at most 500 characters"),
    ],
)
def test_a_mistake_stands_beside_its_line_which_is_kept(line: tuple[str, str, str], said: str) -> None:
    form = typed(("Pole", "1", "2.50"), line)
    assert form.is_wrong
    assert form.lines[0].errors == ()
    assert form.lines[1][:3] == line
    assert said in form.lines[1].errors[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"file_digest": "abc"}, "64 digits"),
        ({"deposit": "100"}, "the deposit is '100'; write a whole number from 1 to 99"),
        ({"deposit": "a third"}, "write a whole number"),
    ],
)
def test_a_mistake_of_the_whole_is_said(fields: dict[str, Any], said: str) -> None:
    form = typed(("Sign", "1", "10"), **fields)
    assert said in form.error


@pytest.mark.parametrize("lines", [[], [("Gift", "1", "0")]])
def test_an_order_without_a_price_is_refused(lines: list[tuple[str, str, str]]) -> None:
    assert typed(*lines).error


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_a_version_that_cannot_be_is_none_that_was_seen(version: str) -> None:
    assert typed(("Sign", "1", "10"), version=version).version == 0
