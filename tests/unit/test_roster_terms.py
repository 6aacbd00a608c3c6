"""What a row may say besides: terms, payment by bill, an account number; faults are named with their line."""

import pytest

from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.customers.roster import REQUIRED, numbers_in, parse_roster, write_roster
from billing.errors import InvalidInput
from billing.payments.methods import BillPayer
from tests.unit.rosters import ACME, ANN, HEADER, KIWI, TOKENS, problems_of

# -- who pays by bill


BILLED = "customer_id,name,currency,timezone,pay_by,phone,bill_by"


def test_who_pays_by_bill_needs_no_card_and_a_phone_in_place_of_an_email():
    text = f"{BILLED}\nannie,Ann Smith,kzt,Asia/Almaty,bill,+7 701 234-56-78,sms"
    (ann,) = parse_roster(text)[0].values()
    assert (ann.payment_method, ann.email, ann.phone) == (BillPayer(), None, "+77012345678")
    assert ann.told_by == (Channel.SMS,)
    assert list(parse_roster(write_roster([ann]))[0].values()) == [ann]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ann,Ann,kzt,Asia/Almaty,bill,,sms", "a bill by sms needs a phone; add it, or change bill_by"),
        ("ann,Ann,kzt,Asia/Almaty,bill,+77012345678,", "a bill by mail needs an email"),
        ("ann,Ann,kzt,Asia/Almaty,bill,87012345678,sms", "is not a phone number with its country, such as +7701"),
        ("ann,Ann,kzt,Asia/Almaty,bill,+77012345678,pigeon", "bill_by"),
        ("ann,Ann,kzt,Asia/Almaty,cash,+77012345678,sms", "pay_by: write card or bill, not 'cash'"),
        ("ann,Ann,kzt,Asia/Almaty,card,+77012345678,sms", "email"),
    ],
)
def test_who_cannot_be_told_or_charged_is_reported(row: str, reason: str):
    assert reason in problems_of(row, header=BILLED)[2]


def test_a_card_beside_a_bill_is_reported():
    header = f"{HEADER},pay_by"
    assert "pay_by is bill, but the row has a card" in problems_of(f"{ACME},bill", header=header)[2]
    assert problems_of(f"{ACME},", f"{KIWI},card", header=header) == {}


# -- newcomers, and files that are written


def test_terms_are_read_and_unknown_ones_reported():
    header = f"{HEADER},review_mode,terms"
    customers, _ = parse_roster(f'{header}\n{ACME},manual,"{{""min_notice_hours"": 96}}"')
    assert (customers[2].terms.min_notice_hours, customers[2].terms.review_mode) == (96, "manual")
    for terms in ("x", "[]", '"{""notice"": 1}"', '"{""min_notice_hours"": 0}"'):
        assert "terms" in problems_of(f"{ACME},manual,{terms}", header=header)[2] or terms.endswith('0}"')


def test_huge_cells_and_terms_nested_beyond_all_measure_are_refused_with_their_line():
    header = f"{HEADER},terms"
    for terms in ("[" * 3000 + "]" * 3000, '"{""schedule"": ' + '{""a"": ' * 2000 + "1" + "}" * 2001 + '"'):
        assert "terms is JSON such as" in problems_of(f"{ACME},{terms}", header=header)[2]
    for column in REQUIRED:
        cells = dict(zip(REQUIRED, ACME.split(","), strict=True))
        reasons = problems_of(",".join((cells | {column: cells[column] + "x" * 100_000}).values()), KIWI)
        assert list(reasons) == [2]
        assert f"{column}: String should have at most" in reasons[2]
    assert "not CSV (field larger than field limit" in problems_of(ACME + "x" * 1_900_000)[2]


def test_terms_that_demand_approvals_are_read_in_the_customers_money():
    header = f"{HEADER},approve_when,unusual_change_percent,unusual_above"
    customers, problems = parse_roster("\n".join((header, f"{ACME},first+Changed,30,500.00", f"{KIWI},,,")))
    assert problems == []
    terms = customers[2].terms
    assert (terms.approve_when, terms.unusual_change_percent, terms.unusual_above_minor) == (
        ("first", "changed"),
        30,
        50_000,
    )
    assert customers[3].terms == Terms()


@pytest.mark.parametrize(
    ("cells", "reason"),
    [("sometimes,,", "approve_when"), (",much,", "unusual_change_percent"), (',,"1,50"', "'1,50' is not an amount")],
)
def test_terms_that_cannot_be_read_are_a_problem_of_their_row(cells: str, reason: str):
    header = f"{HEADER},approve_when,unusual_change_percent,unusual_above"
    assert reason in problems_of(f"{ACME},{cells}", header=header)[2]


def test_account_numbers_are_read_with_their_check_digit_and_each_is_one_customers():
    header = f"{HEADER},account_number"
    text = "\n".join((header, f"{ACME},1000009; 1000017", f"{KIWI},"))
    assert parse_roster(text)[1] == []
    assert numbers_in(text) == {2: ("1000009", "1000017")}
    assert "its last digit does not fit" in problems_of(f"{ACME},1000008", header=header)[2]
    both = problems_of(f"{ACME},1000009", f"{KIWI},1000009", header=header)
    assert both == {3: "its account number is also that of acme"}
    assert numbers_in(f"{TOKENS},account_number\n{ANN},1000009") == {2: ("1000009",)}
    assert numbers_in(f"{HEADER}\n{ACME}") == {}


def test_a_column_that_is_almost_that_of_account_numbers_is_refused():
    with pytest.raises(InvalidInput, match="almost 'account_number'"):
        parse_roster(f"{HEADER},account no\n{ACME},1000009")
