"""Tasks of a step, with a form, and people of departments."""

from datetime import datetime, timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import Role, User
from billing.tasks.forms import FieldType, FormField
from billing.tasks.member import Member
from billing.tasks.task import Completion, NewTask, Task, TaskKind
from tests.contract.ledger_fixtures import AT

DUE = AT + timedelta(days=2)
KARL, KATE = Member("karl", ("crew",)), Member("kate", ("crew",))
WES, CAROL = Member("wes", ("warehouse",)), Member("carol", (), may_all=True)
SERIALS = FormField(name="serials", label="Serial numbers", type=FieldType.SERIALS, max=3)
SIGNED = FormField(name="signed", label="Signed contract", type=FieldType.DOCUMENT, required=False)
PHOTO = FormField(name="photo", label="Photo of the box", type=FieldType.PHOTO, required=False, max=2)
FEE = FormField(name="fee", label="Missing equipment", type=FieldType.MONEY, required=False)
FORM = (SERIALS, SIGNED, PHOTO, FEE)
DONE = Completion(typed={"serials": "A1 A2"})
PDF, JPEG = b"%PDF-1.7\nsigned", b"\xff\xd8\xff\xe0 a box"
PNG, WEBP = b"\x89PNG\r\n\x1a\n a box", b"RIFF\x10\x00\x00\x00WEBPVP8 "


def step(key: str = "order 7 install", due_at: datetime | None = DUE, **values: Any) -> NewTask:
    return NewTask(
        **{
            "kind": TaskKind.STEP,
            "key": key,
            "customer_id": "acme",
            "values": {"title": "Install the equipment"},
            "due_at": due_at,
            "department": "crew",
            "order_number": "7",
            "step": "install",
            "form": FORM,
            "returns_to": {"equipment": "Equipment"},
        }
        | values
    )


async def opened(ledger: SqlLedger, key: str = "order 7 install", **values: Any) -> Task:
    return await ledger.open_task(step(key, **values), AT)


async def people(ledger: SqlLedger, *members: Member) -> None:
    for member in members:
        role = Role.ADMINISTRATOR if member.may_all else Role.STAFF
        user = User(username=member.username, name=member.username, role=role, departments=member.departments)
        assert await ledger.add_user(user, "", AT)
