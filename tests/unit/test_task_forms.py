"""Forms of tasks: what people type becomes answers, or a line for each field that says what to write."""

from typing import Any

import pytest
from pydantic import ValidationError

from billing.errors import FormRefused
from billing.tasks.forms import Answer, FieldType, FormField, read_form


def field(kind: str, **values: Any) -> FormField:
    return FormField(**{"name": "it", "label": "It", "type": FieldType(kind), **values})


def answer(kind: str, typed: str, currency: str | None = "eur", **values: Any) -> Answer:
    return read_form((field(kind, **values),), {"it": typed}, currency)["it"]


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        ("text", "  two\r\nlines ", "two\nlines"),
        ("number", "007", 7),
        ("number", "0", 0),
        ("money", "12.50", 1250),
        ("money", "0", 0),
        ("date", "2026-11-30", "2026-11-30"),
        ("yes_no", "Yes", True),
        ("yes_no", "no", False),
        ("serials", "A1, A2;A3\nA4", ("A1", "A2", "A3", "A4")),
    ],
)
def test_what_is_typed_becomes_an_answer(kind: str, typed: str, expected: Answer) -> None:
    found = answer(kind, typed)
    assert found == expected
    assert type(found) is type(expected)


def test_a_choice_is_one_of_its_options() -> None:
    assert answer("choice", "hall", options=("hall", "kitchen")) == "hall"


@pytest.mark.parametrize(
    ("kind", "typed", "values", "why"),
    [
        ("text", "", {}, "fill it in"),
        ("text", "x" * 11, {"max": 10}, "it has 11 characters; write at most 10"),
        ("number", "-1", {}, "a whole number from 0"),
        ("number", "1.5", {}, "a whole number from 0"),
        ("number", "٣", {}, "a whole number from 0"),
        ("number", "501", {"max": 500}, "a whole number from 0 to 500"),
        ("money", "12,50", {}, "12,50"),
        ("money", "-1", {}, "below 0"),
        ("money", "1" * 5000, {}, "is more than any amount"),
        ("date", "30.11.2026", {}, "such as 2026-11-30"),
        ("date", "1026-11-30", {}, "of this century"),
        ("yes_no", "perhaps", {}, "say yes or no"),
        ("yes_no", " ", {}, "say yes or no"),
        ("choice", "attic", {"options": ("hall", "kitchen")}, "choose one of: hall, kitchen"),
        ("serials", "A1 A1", {}, "A1: given twice"),
        ("serials", "A1 A2 A3", {"max": 2}, "3 serial numbers; at most 2 fit"),
        ("serials", "A" * 101, {}, "at most 100 characters"),
        ("serials", " ,; ", {}, "give at least one serial number"),
        ("document", "a.pdf", {}, "its name is not enough"),
        ("photo", "", {}, "take or upload a photo"),
    ],
)
def test_what_is_false_is_told_with_the_name_of_its_field(
    kind: str, typed: str, values: dict[str, Any], why: str
) -> None:
    with pytest.raises(FormRefused) as refused:
        answer(kind, typed, **values)
    assert why in refused.value.problems["it"]
    assert str(refused.value) == f"it: {refused.value.problems['it']}"
    assert len(str(refused.value)) < 500


def test_an_amount_takes_the_customers_currency() -> None:
    assert answer("money", "300", "jpy") == 300
    with pytest.raises(FormRefused, match="the customer has no currency"):
        answer("money", "300", None)


def test_what_is_optional_may_be_empty_and_is_no_answer() -> None:
    for kind in ("text", "number", "money", "date", "yes_no", "serials", "document"):
        assert read_form((field(kind, required=False),), {"it": " "}, "eur") == {}


def test_files_are_answers_and_no_more_than_fit() -> None:
    assert read_form((field("photo"),), {}, "eur", {"it": ("b", "a", "a")}) == {"it": ("a", "b")}
    with pytest.raises(FormRefused, match="2 files; at most 1 fit"):
        read_form((field("photo", max=1),), {}, "eur", {"it": ("b", "a")})


def test_a_field_that_the_form_does_not_have_is_told() -> None:
    with pytest.raises(FormRefused, match="colour: there is no such field"):
        read_form((), {"colour": "red"}, "eur")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"type": "choice"}, "a choice has options"),
        ({"type": "text", "options": ("a",)}, "a choice has options"),
        ({"type": "date", "max": 1}, "a date has no max"),
        ({"type": "photo", "max": 11}, "a photo has at most 10"),
        ({"type": "text", "name": "It"}, "pattern"),
        ({"type": "text", "requird": True}, "not permitted"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FormField(**{"name": "it", "label": "It"} | values)
