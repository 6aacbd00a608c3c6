"""Documents of tasks: ``billing.tasks.ports.TaskDocuments`` in SQL."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new
from adapters.sql.schema.services import documents
from adapters.sql.subscribers.task_rows import task_by_number
from billing.errors import InvalidInput
from billing.tasks.documents import Document, NewDocument, StoredDocument, media_type_of, shown_name
from billing.tasks.forms import FormField
from billing.tasks.member import Member
from billing.tasks.task import Task

_D = documents.c
_KNOWN = [_D[name] for name in Document.model_fields]


class SqlDocuments(SqlDatabase):
    """The part of ``SqlLedger`` about documents."""

    @in_thread
    def add_document(self, number: int, member: Member, new: NewDocument, at: datetime) -> Document:
        with self._writing(f"keep a file of task {number}") as connection:
            task = task_by_number(connection, number)
            task.check_member(member)
            field = _field(task, new.field)
            if (kept := _kept(connection, number, field.name, new.digest)) is not None:
                return kept
            _require_open(task)
            known = Document(
                number=number,
                field=field.name,
                digest=new.digest,
                name=shown_name(new.name),
                media_type=media_type_of(new, field),
                size=len(new.content),
                by=member.username,
                at=at,
            )
            count = len(files_of(connection, number).get(field.name, ()))
            if count >= field.most:
                raise InvalidInput(f"{field.name} has {count} files, the most that fit; remove one first")
            values = known.model_dump() | {"customer_id": task.customer_id, "content": new.content}
            insert_new(connection, documents, [values])
            return known

    @in_thread
    def remove_document(self, number: int, member: Member, digest: str) -> None:
        with self._writing(f"remove a file of task {number}") as connection:
            task = task_by_number(connection, number)
            task.check_member(member)
            _require_open(task)
            connection.execute(delete(documents).where(_D.number == number, _D.digest == digest))

    @in_thread
    def documents(self, number: int) -> list[Document]:
        query = select(*_KNOWN).where(_D.number == number).order_by(_D.field, _D.at, _D.digest)
        with self._reading(f"list the files of task {number}") as connection:
            return [Document.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    @in_thread
    def document(self, number: int, digest: str) -> StoredDocument | None:
        query = select(*_KNOWN, _D.content).where(_D.number == number, _D.digest == digest).limit(1)
        with self._reading(f"read a file of task {number}") as connection:
            row = connection.execute(query).mappings().one_or_none()
        return StoredDocument(Document.model_validate(dict(row)), row["content"]) if row else None


def files_of(connection: Connection, number: int) -> dict[str, tuple[str, ...]]:
    """The digests of a task's files, by field."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(select(_D.field, _D.digest).where(_D.number == number)):
        found[row.field] = (*found.get(row.field, ()), row.digest)
    return found


def _kept(connection: Connection, number: int, field: str, digest: str) -> Document | None:
    """The file, if the field has it already."""
    query = select(*_KNOWN).where(_D.number == number, _D.field == field, _D.digest == digest)
    row = connection.execute(query).mappings().one_or_none()
    return Document.model_validate(dict(row)) if row else None


def _require_open(task: Task) -> None:
    if task.end is not None:
        raise InvalidInput(f"task {task.number} has ended; its files stay as they are")


def _field(task: Task, name: str) -> FormField:
    field = next((field for field in task.form if field.name == name and field.type.is_file), None)
    if field is None:
        takes = ", ".join(field.name for field in task.form if field.type.is_file) or "no files"
        raise InvalidInput(f"{name[:100]!r} is no field for files; task {task.number} takes {takes}")
    return field
