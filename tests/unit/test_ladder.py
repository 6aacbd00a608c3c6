"""Ladders as people write them: what is read, and what is wrong with the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.customers.channels import Channel
from billing.customers.customer import Terms, TermsChanges
from billing.customers.ladder import EXAMPLE, RUNGS_MAX, Rung, RungAction, ladder_text, parse_ladder, tries_on
from billing.errors import InvalidInput

rungs = st.builds(
    Rung,
    day=st.integers(-28, 180),
    action=st.sampled_from(RungAction),
    by=st.lists(st.sampled_from(Channel), unique=True).map(tuple),
)


def test_ladder_says_what_follows_on_which_day() -> None:
    first, *_, last = parse_ladder(EXAMPLE)
    assert first == Rung(day=-3, action=RungAction.REMIND, by=(Channel.SMS,))
    assert last == Rung(day=30, action=RungAction.DISCONNECT)
    assert ladder_text(parse_ladder(EXAMPLE)) == EXAMPLE


def test_terms_take_the_text_and_keep_it_in_json() -> None:
    terms = TermsChanges.model_validate({"ladder": EXAMPLE}).made_to(Terms())
    assert terms.ladder == parse_ladder(EXAMPLE)
    assert f'"{EXAMPLE}"' in terms.model_dump_json()
    assert Terms.model_validate_json(terms.model_dump_json()) == terms


def test_empty_text_is_no_ladder() -> None:
    assert parse_ladder("  ") == ()


def test_days_of_the_terms_are_a_ladder_of_tries() -> None:
    assert ladder_text(tries_on((3, 5, 7))) == "3 try, 5 try, 7 try"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("14 suspend", "'14 suspend' needs a warning on an earlier day, such as '7 warn'"),
        ("7 warn", "'7 warn' warns of nothing"),
        ("7 warn, 14 suspend, 20 warn", "'20 warn' warns of nothing"),
        ("7 warn, 14 disconnect", "disconnect needs a suspend"),
        ("7 warn, 14 suspend, 20 limit", "'20 limit' comes after suspend"),
        ("7 warn, 14 suspend, 20 suspend", "'20 suspend' comes after suspend"),
        ("5 remind, 3 remind", "a later day than the one before"),
        ("5 remind, 5 warn, 9 limit", "a later day than the one before"),
        ("0 try", "'0 try' comes before anything is overdue"),
        ("-5 warn, 0 suspend", "'0 suspend' comes before anything is overdue"),
        (", ".join(f"{day} try" for day in range(1, 9)), "up to 7 days"),
        (", ".join(f"{day} remind" for day in range(1, RUNGS_MAX + 2)), "at most 20 items"),
        ("999 remind", "less than or equal to 180"),
        ("-29 remind", "greater than or equal to -28"),
        ("3 jump", "jump is no action; the actions are try, remind"),
        ("3 remind fax", "'fax' is no channel; the channels are mail, sms"),
        ("3 remind sms+sms", "names a channel twice"),
        ("remind 3", "'remind 3' is no rung; write day, action and channels"),
        ("3 remind,", "'' is no rung"),
        ("٣ remind", "is no rung"),
        ("x" * 1001, "up to 20 rungs"),
    ],
)
def test_ladder_that_cannot_be_walked_is_refused_with_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_ladder(text)
    assert problem in str(refused.value)
    with pytest.raises(ValidationError):
        Terms.model_validate({"ladder": text})


@given(st.lists(rungs, max_size=RUNGS_MAX + 1))
def test_every_accepted_ladder_reads_back_and_warns_before_it_restricts(many: list[Rung]) -> None:
    text = ladder_text(many)
    try:
        ladder = parse_ladder(text)
    except InvalidInput:
        return
    assert ladder == tuple(many)
    actions = [rung.action for rung in ladder]
    for index, action in enumerate(actions):
        assert not action.restricts or RungAction.WARN in actions[:index]
    restrictions = [action for action in actions if action.restricts]
    assert restrictions == sorted(set(restrictions), key=list(RungAction).index)
