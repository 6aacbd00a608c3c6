"""Channels by which customers are told about bills, and the phone numbers that texts go to."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_BETWEEN_DIGITS = re.compile(r"[ ()-]")


def _with_country(text: str) -> str:
    phone = _BETWEEN_DIGITS.sub("", text)
    if not _E164.fullmatch(phone):
        raise ValueError(f"{text!r} is not a phone number with its country, such as +77012345678")
    return phone


Phone = Annotated[str, StringConstraints(max_length=40), AfterValidator(_with_country)]
"""A number in E.164, such as ``+77012345678``; what is typed without a country is parsed at the edge."""


class Channel(StrEnum):
    MAIL = "mail"
    SMS = "sms"
