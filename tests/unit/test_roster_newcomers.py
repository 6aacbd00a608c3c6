"""Files of newcomers, who have a token or no card yet; and files that we write ourselves."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.roster import (
    Newcomer,
    has_tokens,
    parse_import,
    parse_roster,
    write_roster,
)
from billing.errors import InvalidInput
from tests.unit.rosters import ACME, ANN, HEADER, KIWI, TOKENS, problems_of


def test_a_file_with_tokens_has_newcomers():
    newcomers, problems = parse_import("\n".join((f"{TOKENS},review_mode", f"{ANN},approve")))
    assert problems == []
    ann = newcomers[2]
    assert isinstance(ann, Newcomer)
    assert (ann.token, ann.terms.review_mode) == ("tok_1Abc", "approve")
    assert has_tokens(f'\ufeff"Customer_id", Token \n{ANN}')
    assert not has_tokens(f"{HEADER}\ntoken")


def test_newcomers_have_the_same_terms_as_other_customers():
    header = f"{TOKENS},review_mode,approve_when,unusual_change_percent,unusual_above,terms"
    newcomers, problems = parse_import(f'{header}\n{ANN},approve,first+large,30,500.00,"{{""give_up_days"": 30}}"')
    assert problems == []
    terms = newcomers[2].terms
    assert (terms.review_mode, terms.approve_when, terms.give_up_days) == ("approve", ("first", "large"), 30)
    assert (terms.unusual_change_percent, terms.unusual_above_minor) == (30, 50000)
    _, (problem,) = parse_import(f"{header}\n{ANN},approve,sometimes,,,")
    assert "approve_when" in problem.reason


@pytest.mark.parametrize("token", ["pm_1", "4242424242424242", "tok_", "tok_a-b"])
def test_what_is_no_token_is_reported(token: str):
    _, problems = parse_import(f"{TOKENS}\n{ANN.replace('tok_1Abc', token)}")
    assert "token" in problems[0].reason


def test_a_token_that_stands_twice_is_reported():
    bob = ANN.replace("ann", "bob")
    _, problems = parse_import("\n".join((TOKENS, ANN, bob)))
    assert [problem.reason for problem in problems] == ["its card is also that of ann"]


def test_who_has_no_card_is_a_newcomer_of_an_import_and_no_customer_that_starts():
    header = f"{HEADER},pay_by"
    empty = ACME.replace("cus_1,pm_1", ",")
    assert "customers import also finds cards at Stripe" in problems_of(f"{empty},", header=header)[2]
    rows, problems = parse_import("\n".join((header, f"{empty},", f"{KIWI},card")))
    assert problems == []
    assert [type(row).__name__ for row in rows.values()] == ["Newcomer", "Customer"]
    assert "payment_method_id: it is missing" in problems_of(ACME.replace("pm_1", ""))[2]


def test_a_file_needs_columns_of_cards_unless_they_are_looked_up():
    text = f"{TOKENS.removesuffix(',token')}\n{ANN.removesuffix(',tok_1Abc')}"
    with pytest.raises(InvalidInput, match="the first row lacks stripe_customer_id, payment_method_id"):
        parse_import(text)
    rows, problems = parse_import(text, cards_elsewhere=True)
    assert (list(rows), problems) == ([2], [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ACME.replace("acme,", "Acme & Co,"), "customer_id: write up to 64 small letters, digits, - and _"),
        (
            ACME.replace("cus_1", "acme"),
            "stripe_customer_id: write Stripe's id of the customer, which begins with cus_",
        ),
        (ACME.replace("pm_1", "4242"), "payment_method_id: write Stripe's id of the card, which begins with pm_"),
        (ACME.replace("Acme", ""), "name: it is missing"),
    ],
)
def test_what_is_wrong_is_said_in_words(row: str, reason: str):
    assert reason in problems_of(row)[2]


_TEXT = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() == text and "\0" not in text)


@given(
    name=_TEXT
    | st.sampled_from(["=1+1", "@SUM(A1)", "'=1", "''+2", "-5", "\u2019t Hooft", '"x", y', "a\nb", "a\r\nb"]),
    email=st.sampled_from(["=a@b.example", "+a@b.example", "-a@b.example", "a@b.example"]),
    hours=st.sampled_from([72, 96]),
)
def test_what_is_written_is_read_as_the_same_customers_and_calculates_nothing(name: str, email: str, hours: int):
    acme = parse_roster(f"{HEADER}\n{ACME}")[0][2]
    customer = acme.evolve(name=name, email=email, terms=acme.terms.evolve(min_notice_hours=hours))
    text = write_roster([customer])
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    customers, problems = parse_roster(text)
    assert problems == []
    assert list(customers.values()) == [customer]
