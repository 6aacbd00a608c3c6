"""Channels by which customers are told about bills, and the phone numbers that texts go to."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+[1-9][0-9]{6,14}$", max_length=16)]
"""A number in E.164, such as ``+77012345678``; what people type is parsed at the edge."""


class Channel(StrEnum):
    MAIL = "mail"
    SMS = "sms"
