"""Bodies of WayForPay's messages: JSON, JSON within a form, or a form; never by their Content-Type, which lies.

Numbers stay as they are written, for signatures are made over them.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

from billing.errors import InvalidInput

Fields = dict[str, Any]

_FORM_FIELDS_MAX = 200
_UNREADABLE = "the body is not of a form that WayForPay sends"


def read_body(body: bytes) -> Fields:
    """The fields of a message. Raises ``InvalidInput`` for anything else."""
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"{_UNREADABLE}: it is not UTF-8") from None
    if text.startswith("{") and (fields := _json(text)):
        return fields
    try:
        form = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FORM_FIELDS_MAX)
    except ValueError:
        raise InvalidInput(_UNREADABLE) from None
    for part in (*(name for name, _ in form), *(value for _, value in form)):
        if part.lstrip().startswith("{") and (fields := _json(part)):
            return fields
    if not form or not any(value for _, value in form):
        raise InvalidInput(_UNREADABLE)
    return dict(form)


def read_json(body: bytes) -> Fields:
    """The fields of an answer. Raises ``ValueError`` for what is no JSON object."""
    fields = _json(body.decode("utf-8-sig"))
    if fields is None:
        raise ValueError("no JSON object")
    return fields


def text_of(fields: Fields, name: str) -> str:
    """A field as it is written, "" if it is missing. Raises ``InvalidInput`` for one that is no text or number."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _is_plain(value):
        raise InvalidInput(f"{name} is no plain text")
    return value


def _is_plain(text: str) -> bool:
    """Whether every database stores it: no NUL, no lone surrogates."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _json(text: str) -> Fields | None:
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
