"""Files that come with the form of a task: kept at once, so that nothing is uploaded twice when a form is refused."""

from datetime import datetime

from fastapi import Request

from billing.errors import InvalidInput
from billing.tasks.documents import NewDocument, shown_name, too_large
from billing.tasks.ports import TaskDocuments
from billing.tasks.task import Task
from console.departments.typed import FILE
from console.reviewers.signed_in import Session
from console.web.forms import files_of


async def keep_files(
    request: Request, ledger: TaskDocuments, task: Task, session: Session, most: int, at: datetime
) -> None:
    """Keeps every file of the form; the same one again is kept once. Raises ``InvalidInput`` with the file's name."""
    for name, file in await files_of(request):
        if (file.size or 0) > most:
            raise InvalidInput(f"{shown_name(file.filename or '')}: {too_large(file.size or 0, most)}")
        new = NewDocument(name.removeprefix(FILE), file.filename or "", await file.read())
        await ledger.add_document(task.number, session.member, new, at)
