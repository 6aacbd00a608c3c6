"""Documents and photos of a task: known by their first bytes, of limited size, kept with the task."""

from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from billing.errors import InvalidInput
from billing.model import Code, Count, Instant, Line, Model, Who, cut
from billing.tasks.forms import FieldName, FieldType, FormField

DOCUMENT_MAX_BYTES: Final = 10_000_000
"""Unless ``BILLING_DOCUMENT_MAX_MB`` says otherwise."""


class MediaType(StrEnum):
    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"

    @property
    def is_image(self) -> bool:
        return self is not MediaType.PDF


class NewDocument(NamedTuple):
    """A file for a field of a task's form."""

    field: str
    name: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()


class Document(Model):
    """What is known of a file; its content is read apart."""

    number: Count  # of the task
    field: FieldName
    digest: Code
    name: Line
    media_type: MediaType
    size: Count
    by: Who
    at: Instant


class StoredDocument(NamedTuple):
    document: Document
    content: bytes


def media_type_of(new: NewDocument, field: FormField) -> MediaType:
    """Raises ``InvalidInput`` for a file that does not belong into the field, or whose first bytes say nothing."""
    known = _by_first_bytes(new.content)
    if known is None:
        raise InvalidInput(f"{shown_name(new.name)} is no PDF, JPEG, PNG or WebP file; export it as one of these")
    if field.type is FieldType.PHOTO and not known.is_image:
        raise InvalidInput(f"{shown_name(new.name)} is no photo; {field.name} takes JPEG, PNG or WebP")
    return known


def shown_name(name: str) -> str:
    """The file's own name, without folders and what no name of a file has."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return cut("".join(char for char in last if char.isprintable() and char not in '"<>|:*?').strip(), 100) or "file"


def too_large(size: int, most: int) -> str:
    return f"the file has {size / 1e6:.1f} MB; at most {most / 1e6:.0f} MB are taken: send a smaller one"


def _by_first_bytes(content: bytes) -> MediaType | None:
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return MediaType.WEBP
    return next((kind for start, kind in _FIRST_BYTES.items() if content.startswith(start)), None)


_FIRST_BYTES: Final = {
    b"%PDF-": MediaType.PDF,
    b"\xff\xd8\xff": MediaType.JPEG,
    b"\x89PNG\r\n\x1a\n": MediaType.PNG,
}
