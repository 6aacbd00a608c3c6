"""The roster: each row of the file becomes a customer or a problem with its line; none is dropped."""

import pytest

from billing.customers.customer import ReviewMode
from billing.customers.roster import REQUIRED, ignored_columns, parse_roster, write_roster
from billing.errors import InvalidInput
from tests.unit.rosters import ACME, HEADER, KIWI, TOKENS, problems_of


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
