"""Reviewers' forms, and customers' requests: read in one place that limits every field. Models limit what becomes of
them.

Sign-in and the brake declare their few fields as ``Form()``; registrations and webhooks read a short body of their own.
"""

from fastapi import HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from console.web.security import BODY_MAX_BYTES, FORM_FIELDS_MAX

FIELD_MAX = 10_000
"""Characters of a field: more than any text may have, so that what is a little too long is refused beside its field."""
NAME_MAX = 300
SELECTIONS = ("row", "rows")  # of up to ten thousand invoices


async def form_of(request: Request) -> FormData:
    """The texts of the form that was sent, and no files. Raises 413 for a longer field."""
    form = await request.form(max_fields=FORM_FIELDS_MAX)
    texts = FormData([(name, text) for name, text in form.multi_items() if isinstance(text, str)])
    for name, text in texts.multi_items():
        assert isinstance(text, str)
        if len(name) > NAME_MAX or len(text) > (BODY_MAX_BYTES if name in SELECTIONS else FIELD_MAX):
            raise HTTPException(413)
    return texts


async def has_files(request: Request) -> bool:
    """Whether the form that was sent has files."""
    form = await request.form(max_fields=FORM_FIELDS_MAX)
    return any(isinstance(file, UploadFile) and file.filename for _, file in form.multi_items())


async def file_of(request: Request, name: str) -> UploadFile | None:
    """The file of that name, once ``form_of`` has read the form; None: there is none."""
    file = (await request.form(max_fields=FORM_FIELDS_MAX)).get(name)
    return file if isinstance(file, UploadFile) and file.filename else None


async def files_of(request: Request) -> list[tuple[str, UploadFile]]:
    """All files with their fields' names, once ``form_of`` has read the form."""
    items = (await request.form(max_fields=FORM_FIELDS_MAX)).multi_items()
    return [(name, file) for name, file in items if isinstance(file, UploadFile) and file.filename]


def texts_in(form: FormData) -> dict[str, str]:
    """The last text of each name."""
    return {name: text for name, text in form.items() if isinstance(text, str)}
