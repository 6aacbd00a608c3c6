"""The roster: each row of the file becomes a customer or a problem with its line; none is dropped."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.channels import Channel
from billing.customers.customer import ReviewMode, Terms
from billing.customers.roster import (
    REQUIRED,
    Newcomer,
    has_tokens,
    ignored_columns,
    numbers_in,
    parse_import,
    parse_roster,
    write_roster,
)
from billing.errors import InvalidInput
from billing.payments.methods import BillPayer

HEADER = ",".join(REQUIRED)
ACME = "acme,billing@acme.example,Acme,eur,Europe/Paris,cus_1,pm_1"
KIWI = "kiwi,billing@kiwi.example,Kiwi,nzd,Pacific/Auckland,cus_2,pm_2"


def problems_of(*rows: str, header: str = HEADER) -> dict[int, str]:
    """The reasons by line."""
    _, problems = parse_roster("\n".join((header, *rows)))
    return {problem.line: problem.reason for problem in problems}


def test_every_good_row_is_a_customer_with_its_line():
    customers, problems = parse_roster("\n".join((HEADER, ACME, KIWI)))
    assert problems == []
    assert {line: customer.customer_id for line, customer in customers.items()} == {2: "acme", 3: "kiwi"}
    assert customers[2].terms.review_mode is ReviewMode.MONITOR


def test_columns_may_stand_in_any_order_with_spaces_and_capitals_and_others_between():
    text = " Review_Mode ,note," + ", ".join(name.upper() for name in REQUIRED) + f"\napprove,x, {ACME}"
    customers, problems = parse_roster(text)
    assert problems == []
    assert customers[2].terms.review_mode is ReviewMode.APPROVE


def test_byte_order_mark_is_not_part_of_the_first_column():
    customers, _ = parse_roster(f"\ufeff{HEADER}\n{ACME}")
    assert list(customers) == [2]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("customer_id", "Acme GmbH", "customer_id"),
        ("customer_id", "", "customer_id"),
        ("email", "acme.example", "'acme.example' is not an email address"),
        ("email", "a@b.example; c@d.example", "is not an email address"),
        ("email", "kiwi\u200b@b.example", "contains ZERO WIDTH SPACE (U+200B), which is invisible"),
        ("email", "\ufeffkiwi@b.example", "contains ZERO WIDTH NO-BREAK SPACE (U+FEFF), which is invisible"),
        ("currency", "xyz", "'xyz' is not a currency that can be charged"),
        ("timezone", "Europe/Atlantis", "'Europe/Atlantis' is not a time zone"),
        ("timezone", "/etc/passwd", "is not a time zone"),
        ("stripe_customer_id", "acme", "stripe_customer_id"),
        ("payment_method_id", "4242424242424242", "payment_method_id"),
    ],
)
def test_bad_cell_is_reported_with_its_line_and_the_others_are_taken(column: str, cell: str, reason: str):
    cells = dict(zip(REQUIRED, ACME.split(","), strict=True)) | {column: cell}
    customers, problems = parse_roster("\n".join((HEADER, KIWI, ",".join(cells.values()))))
    assert list(customers) == [2]
    assert [problem.line for problem in problems] == [3]
    assert reason in problems[0].reason
    assert problems[0].customer_id == cells["customer_id"]


def test_unknown_review_mode_is_reported():
    assert "review_mode" in problems_of(f"{ACME},sometimes", header=f"{HEADER},review_mode")[2]


def test_row_with_empty_cells_only_is_reported_and_a_blank_line_is_not():
    assert problems_of("", ",,,,,,", "", ACME) == {3: "the row is empty"}


def test_row_with_too_few_or_too_many_cells_is_reported():
    found = problems_of("acme,billing@acme.example", f"{KIWI},more")
    assert found[3] == "more cells than columns"
    assert "payment_method_id" in found[2]
    limited = problems_of("500.00,acme", header=f"unusual_above,{HEADER}")
    assert limited == {2: "'' is not a currency that can be charged; use a code such as eur, usd or jpy"}


def test_second_row_of_a_customer_an_email_a_card_or_a_stripe_customer_is_reported():
    found = problems_of(
        ACME,
        ACME,
        KIWI.replace("billing@kiwi.example", "BILLING@acme.example"),
        KIWI.replace("pm_2", "pm_1"),
        KIWI.replace("cus_2", "cus_1"),
    )
    assert found == {
        3: "acme is already in line 2",
        4: "its email is also that of acme; sales rows could not be told apart",
        5: "its card is also that of acme",
        6: "its Stripe customer is also that of acme",
    }


def test_row_after_a_refused_one_may_have_its_id():
    customers, problems = parse_roster("\n".join((HEADER, ACME.replace("eur", "xyz"), ACME)))
    assert list(customers) == [3]
    assert [problem.line for problem in problems] == [2]


def test_quotation_mark_that_is_never_closed_names_every_line_it_takes_along():
    customers, problems = parse_roster("\n".join((HEADER, ACME, KIWI.replace("Kiwi", '"Kiwi'), "x", "y")))
    assert list(customers) == [2]
    assert [problem.line for problem in problems] == [3]
    assert "nothing was read from here to line 5" in problems[0].reason


def test_text_after_a_closing_quotation_mark_is_reported_and_the_next_row_is_taken():
    customers, problems = parse_roster("\n".join((HEADER, ACME.replace("Acme", '"Acme" GmbH'), KIWI)))
    assert list(customers) == [3]
    assert [problem.line for problem in problems] == [2]


def test_quoted_cells_may_hold_commas():
    customers, _ = parse_roster("\n".join((HEADER, ACME.replace("Acme", '"Acme, Inc."'))))
    assert customers[2].name == "Acme, Inc."


@pytest.mark.parametrize("text", ["", "\n", "customer_id,email\n", HEADER.replace(",", ";"), '"customer_id'])
def test_file_without_the_header_is_refused_as_a_whole(text: str):
    with pytest.raises(InvalidInput, match="it must name customer_id, email"):
        parse_roster(text)


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("review-mode", "'review-mode' is almost 'review_mode'; correct it, or rename the column"),
        ("Review Mode", "almost 'review_mode'"),
        ("reviewmode", "almost 'review_mode'"),
        ("approve when", "almost 'approve_when'"),
        ("aprove_when", "almost 'approve_when'"),
        ("term", "almost 'terms'"),
        ("unusual-above", "almost 'unusual_above'"),
        ("E-Mail", "almost 'email'"),
        ("min_notice_hours", "'min_notice_hours' is not a column; write it in 'terms', as JSON"),
        ("Dunning Days", "is not a column; write it in 'terms', as JSON"),
        ("review", "almost 'review_mode'"),
        ("unusual change", "almost 'unusual_change_percent'"),
        ("token", "the first row names cards and tokens; use a file for each"),
    ],
)
def test_a_column_that_may_be_meant_for_another_one_is_refused_with_the_file(column: str, why: str):
    with pytest.raises(InvalidInput) as refused:
        parse_roster(f"{HEADER},{column}\n{ACME},approve")
    assert why in str(refused.value)


def test_a_misspelled_field_of_the_schedule_in_the_terms_is_reported():
    terms = '"{""schedule"": {""notice_day"": 5}}"'
    assert "schedule.notice_day" in problems_of(f"{ACME},{terms}", header=f"{HEADER},terms")[2]


def test_what_else_is_known_of_customers_may_stand_in_the_file():
    others = (
        "Fax,Notes,Address,Company,Customer,Customer name,First name,City,Country,VAT id,IBAN,Language,Time zone,"
        "Created at,Status,Payment,Reference,ID,#,Items sold,Contact"
    )
    customers, problems = parse_roster(f"{HEADER},{others}\n{ACME}")
    assert (len(customers), problems) == (1, [])
    assert ignored_columns(f"{HEADER},{others}") == tuple(others.split(","))


def test_columns_that_are_not_read_are_named():
    header = f"{HEADER},Note,review_mode,,Fax,approve_when"
    assert parse_roster(f"{header}\n{ACME},x,approve,,5,")[0][2].terms.review_mode is ReviewMode.APPROVE
    assert ignored_columns(header) == ("Note", "Fax", "those without a name")
    assert ignored_columns(f"{TOKENS},Note") == ("Note",)
    spreadsheet = f"{HEADER},,,\n{ACME},,,\n"
    assert list(parse_roster(spreadsheet)[0]) == [2]
    assert ignored_columns(spreadsheet) == ("those without a name",)
    assert ignored_columns(write_roster([])) == ()


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

TOKENS = "customer_id,email,name,currency,timezone,token"
ANN = "ann,ann@example.com,Ann,eur,Europe/Paris,tok_1Abc"


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
