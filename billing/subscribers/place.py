"""Where a service is: its node of the network and tags of the company's own."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.model import Few
from billing.validation import explain

_LONGEST = 50
_TAGS_MAX = 20

Node = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\w./:-]+$", max_length=_LONGEST)]
"""What serves the account: a switch, a cabinet, an access point."""
Tag = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\w.-]+$", max_length=_LONGEST)]


def _split(value: object) -> object:
    """Tags in one text, as they are typed and stored; None: there are none."""
    tags = value.split() if isinstance(value, str) else value or ()
    return tuple(dict.fromkeys(tags)) if isinstance(tags, (list, tuple)) else tags


Tags = Annotated[Few[Tag], BeforeValidator(_split), Field(max_length=_TAGS_MAX)]
_NODE, _TAGS = TypeAdapter[str](Node), TypeAdapter[tuple[str, ...]](Tags)


def read_node(text: str) -> str:
    """A node as it was typed. Raises ``InvalidInput``."""
    try:
        return _NODE.validate_python(text)
    except ValidationError as error:
        raise InvalidInput(f"node {text[:60]!r}: {explain(error)}; write letters, digits and ./:-") from None


def read_tags(text: str) -> tuple[str, ...]:
    """Tags as they were typed, with spaces between them. Raises ``InvalidInput``."""
    try:
        return _TAGS.validate_python(text)
    except ValidationError as error:
        raise InvalidInput(f"tags {text[:60]!r}: {explain(error)}; write letters, digits and .-") from None
