"""A form that was sent without a session, or with that of an earlier sign-in: kept, and sent by whoever signs in.

::

    raise RefusedRequest(403, …, kept=await KeptForm.of(request))
    kept = KeptForm.read(text)    # as the page that asks to sign in has carried it

The texts travel in that page, and nowhere else. Nothing is carried out before another click on the page that shows
them. A form is kept only if the browser says that our own page has sent it: another site could ask for that click.
"""

import json
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData

from console.web.forms import FIELD_MAX, NAME_MAX, SELECTIONS, form_of, has_files
from console.web.security import BODY_MAX_BYTES, FORM_FIELDS_MAX, HOME, local_path, sent_by_us

_SHOWN = 50
_SHOWN_CHARACTERS = 300
_OF_OURS = frozenset(
    [
        "back",
        "carried",
        "change_id",
        "changed",
        "command_id",
        "confirm",
        "digest",
        "instruction_id",
        "pulse",
        "seen",
        "sheet",
        "stopped",
        "submission",
        "version",
    ]
)
"""Fields that nobody has typed."""


class KeptForm(NamedTuple):
    """``path`` is where it goes, ``page`` where it was filled in; ``has_files``: its files are not kept."""

    path: str
    page: str
    fields: tuple[tuple[str, str], ...]
    has_files: bool = False

    @classmethod
    async def of(cls, request: Request) -> Self | None:
        """The form that ``request`` sends; None if it may be another site's, or a script's. Raises 413 if too long."""
        if not sent_by_us(request) or request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            return None
        path = local_path(address_of(request))
        if path == HOME:
            return None
        texts = await form_of(request)
        referrer = urlsplit(request.headers.get("referer", ""))
        page = local_path(f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path)
        return cls(path, page, _typed(texts), await has_files(request))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The form in the ``text`` of another; None if it is none."""
        try:
            path, page, fields, has_files = _CONTENT.validate_json(text)
        except ValidationError:
            return None
        if path != local_path(path) or len(fields) > FORM_FIELDS_MAX or any(map(_is_too_long, fields)):
            return None
        return cls(path, local_path(page), fields, has_files)

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What people have typed or chosen, with the names of the fields in words."""
        selected = sum(len(value.split("\n")) for name, value in self.fields if name in SELECTIONS)
        shown = [("Selected", f"{selected:,}")] if selected else []
        for name, value in self.fields:
            if value.strip() and name not in SELECTIONS and name not in _OF_OURS:
                words = name.replace(":", " ").replace("_", " ").replace("-", " ").strip()
                shown.append((words.capitalize(), value[:_SHOWN_CHARACTERS]))
        return shown[:_SHOWN]


_CONTENT = TypeAdapter(tuple[str, str, tuple[tuple[str, str], ...], bool])


def address_of(request: Request) -> str:
    """The request's path and query, as they were sent."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _typed(form: FormData) -> tuple[tuple[str, str], ...]:
    """Without the token of the session that has ended."""
    return tuple((name, text) for name, text in form.multi_items() if isinstance(text, str) and name != "csrf")


def _is_too_long(field: tuple[str, str]) -> bool:
    name, text = field
    return len(name) > NAME_MAX or len(text) > (BODY_MAX_BYTES if name in SELECTIONS else FIELD_MAX)
