"""The form of a task: its fields, and how what people type becomes answers. Pure; every field has a limit."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from billing.errors import FormRefused, InvalidInput
from billing.model import Kept, Line, Model
from billing.money import MAX_AMOUNT_MINOR, parse_amount

FIELDS_MAX: Final = 40  # of one form
TEXT_MAX: Final = 2000  # characters of an answer
SERIAL_MAX: Final = 100  # characters of a serial number


class FieldType(StrEnum):
    TEXT = "text"
    NUMBER = "number"  # whole, from 0
    MONEY = "money"  # from 0, in the customer's currency
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"
    CREW = "crew"  # one of the crews that are set, else a text
    SERIALS = "serials"  # serial numbers, one a line
    DOCUMENT = "document"
    PHOTO = "photo"

    @property
    def is_file(self) -> bool:
        return self in (FieldType.DOCUMENT, FieldType.PHOTO)


_MOST: Final = {
    FieldType.TEXT: TEXT_MAX,
    FieldType.NUMBER: 10**9,
    FieldType.MONEY: MAX_AMOUNT_MINOR,
    FieldType.CREW: 100,
    FieldType.SERIALS: 50,
    FieldType.DOCUMENT: 10,
    FieldType.PHOTO: 10,
}
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$", max_length=50)]
_Text = Annotated[str, Field(max_length=TEXT_MAX), Kept]
_Whole = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR)]
Answer = bool | _Whole | _Text | Annotated[tuple[_Text, ...], Field(max_length=50)]
"""Of yes_no a bool, of number and money (minor units) an int, of serials their numbers, of a document or photo their
digests; of any other field the text, a date as ISO writes it."""
TypedAnswer = Annotated[str, Field(max_length=10_000), Kept]
TypedForm = Annotated[
    dict[Annotated[str, Field(max_length=100)], TypedAnswer],
    Field(max_length=2 * FIELDS_MAX),
]
"""What somebody has typed, by field."""
Answers = Annotated[dict[FieldName, Answer], Field(max_length=FIELDS_MAX)]
"""By the field's name; a field that was left empty is not among them."""


class FormField(Model, extra="forbid"):
    """``max``: characters of a text, the largest number or amount in minor units, how many serials or files."""

    name: FieldName
    label: Line
    type: FieldType
    required: bool = True
    options: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    max: Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type is FieldType.CHOICE) != bool(self.options):
            raise ValueError(f"{self.name}: a choice has options, and nothing else has")
        most = _MOST.get(self.type)
        if self.max is not None and (most is None or self.max > most):
            raise ValueError(f"{self.name}: a {self.type} has " + (f"at most {most}" if most else "no max"))
        return self

    @property
    def most(self) -> int:
        """``max``, or what the type allows; 0 for a type without any."""
        return self.max or _MOST.get(self.type, 0)

    def answer(self, typed: str, currency: str | None) -> Answer | None:
        """What ``typed`` says; None if it is empty. Raises ``InvalidInput`` without the field's name."""
        text = typed.strip()
        return _READERS[self.type](self, text, currency) if text else None


Form = Annotated[tuple[FormField, ...], Field(max_length=FIELDS_MAX)]


def asks_for_crew(form: tuple[FormField, ...]) -> bool:
    return any(field.type is FieldType.CREW for field in form)


def read_form(
    form: tuple[FormField, ...],
    typed: Mapping[str, str],
    currency: str | None,
    files: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Answer]:
    """The answers to ``form``; ``files`` are the digests of what was uploaded, by field.

    Raises ``FormRefused``, which names every field that is missing, false or unknown. ``currency`` None: the customer
    has none.
    """
    found: dict[str, Answer] = {}
    problems = dict.fromkeys(typed.keys() - {field.name for field in form}, "there is no such field")
    for field in form:
        try:
            answer = _answer(field, typed.get(field.name, ""), currency, (files or {}).get(field.name, ()))
            if answer is not None:
                found[field.name] = answer
        except InvalidInput as error:
            problems[field.name] = str(error)
    if problems:
        raise FormRefused(problems)
    return found


def _answer(field: FormField, typed: str, currency: str | None, files: tuple[str, ...]) -> Answer | None:
    answer: Answer | None
    if field.type.is_file:
        if typed.strip():
            raise InvalidInput("upload the file; its name is not enough")
        answer = _several(field, tuple(sorted(set(files))), "files") or None
    else:
        answer = field.answer(typed, currency)
    if answer == ():  # nothing but commas
        answer = None
    if answer is None and field.required:
        raise InvalidInput(_MISSING.get(field.type, "fill it in"))
    return answer


_MISSING: Final = {
    FieldType.YES_NO: "say yes or no",
    FieldType.CHOICE: "choose one",
    FieldType.CREW: "choose who goes",
    FieldType.SERIALS: "give at least one serial number",
    FieldType.DOCUMENT: "upload the document",
    FieldType.PHOTO: "take or upload a photo",
}


def _text(field: FormField, text: str, _: str | None) -> str:
    if len(text) > field.most:
        raise InvalidInput(f"it has {len(text)} characters; write at most {field.most}")
    return text.replace("\r\n", "\n")


def _number(field: FormField, text: str, _: str | None) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) > field.most:
        raise InvalidInput(f"write a whole number from 0 to {field.most}")
    return int(text)


def _money(field: FormField, text: str, currency: str | None) -> int:
    if currency is None:
        raise InvalidInput("the customer has no currency; add them as a customer first")
    minor = parse_amount(text[:100], currency)
    if not 0 <= minor <= field.most:
        raise InvalidInput("the amount is below 0, or more than this field takes")
    return minor


def _date(field: FormField, text: str, _: str | None) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year < 2100:
        raise InvalidInput("write a day of this century, such as 2026-11-30")
    return day.isoformat()


def _yes_no(field: FormField, text: str, _: str | None) -> bool:
    if (word := text.casefold()) not in ("yes", "no"):
        raise InvalidInput("say yes or no")
    return word == "yes"


def _choice(field: FormField, text: str, _: str | None) -> str:
    if text not in field.options:
        raise InvalidInput(f"choose one of: {', '.join(field.options)}")
    return text


def _serials(field: FormField, text: str, _: str | None) -> tuple[str, ...]:
    serials = tuple(filter(None, re.split(r"[\s,;]+", text)))
    if any(len(serial) > SERIAL_MAX for serial in serials):
        raise InvalidInput(f"a serial number has at most {SERIAL_MAX} characters; write one a line")
    if twice := {serial for serial in serials if serials.count(serial) > 1}:
        raise InvalidInput(f"{', '.join(sorted(twice))[:200]}: given twice")
    return _several(field, serials, "serial numbers")


def _several(field: FormField, several: tuple[str, ...], what: str) -> tuple[str, ...]:
    if len(several) > field.most:
        raise InvalidInput(f"{len(several)} {what}; at most {field.most} fit")
    return several


_READERS: Final[dict[FieldType, Callable[[FormField, str, str | None], Answer]]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.MONEY: _money,
    FieldType.DATE: _date,
    FieldType.YES_NO: _yes_no,
    FieldType.CHOICE: _choice,
    FieldType.CREW: _text,
    FieldType.SERIALS: _serials,
}
