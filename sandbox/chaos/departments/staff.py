"""The people of departments: they do their tasks at random, twice, out of turn, with missing fields, or not their own.

Whatever they do is on the office's papers before it is done.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import Role, User
from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from billing.tasks.task import Completion, Task
from bootstrap import Adapters
from sandbox.chaos.departments.service_plan import STAFF
from sandbox.chaos.payers import patiently
from sandbox.stand_ins.office import Office

Typed = dict[str, str]
Clock = Callable[[], datetime]
_RETURNS_AT_MOST = 2


class Staff:
    """``done`` counts what they did, and what of it was refused."""

    def __init__(self, adapters: Adapters, office: Office) -> None:
        self.done: Counter[str] = Counter()
        self._ledger = adapters.ledger
        self._office = office
        self._returned: Counter[str] = Counter()

    async def begins(self) -> None:
        for name, department in STAFF.items():
            self._office.employs(name, department)
            user = User(username=name, name=name.title(), role=Role.STAFF, departments=(department,))
            await patiently(lambda: self._ledger.add_user(user, "", _now()))  # noqa: B023

    async def act(self, task: Task, typed: Typed, draw: Random, clock: Clock) -> None:
        """Somebody sees the task; ``typed`` is what there is to say."""
        own = [name for name, department in STAFF.items() if department == task.department]
        by = task.owner or draw.choice(own)
        match draw.choices(("do", "twice", "both", "others", "half", "pass", "return"), (8, 3, 2, 2, 2, 3, 2))[0]:
            case "do":
                await self._complete(task, by, typed, clock)
            case "twice":
                await asyncio.gather(*(self._complete(task, by, typed, clock) for _ in range(2)))
            case "both":
                await asyncio.gather(*(self._complete(task, name, typed, clock) for name in own))
            case "others":
                other = draw.choice([name for name, department in STAFF.items() if department != task.department])
                await self._complete(task, other, typed, clock)
            case "half" if missing := [field.name for field in task.form if field.required and not field.type.is_file]:
                left_out = draw.choice(missing)
                await self._complete(task, by, {name: typed[name] for name in typed if name != left_out}, clock)
            case "pass":
                await self._pass_on(task, by, draw.choice(own), clock)
            case "return" if task.returns_to and self._returned[str(task.order_number)] < _RETURNS_AT_MOST:
                await self._send_back(task, by, draw.choice(sorted(task.returns_to)), clock)
            case _:
                await self._complete(task, by, typed, clock)

    async def complete_again(self, task: Task, typed: Typed, clock: Clock) -> None:
        """Out of turn: somebody does what is done already, with other answers."""
        by = next(name for name, department in STAFF.items() if department == task.department)
        changed = {name: {"yes": "no", "no": "yes"}.get(text, text) for name, text in typed.items()}
        await self._complete(task, by, changed, clock)

    async def _complete(self, task: Task, by: str, typed: Typed, clock: Clock) -> None:
        assert task.order_number is not None, "it is a step's"
        assert task.step is not None, "it is a step's"
        fields = [field.name for field in task.form if field.type.is_file and field.required]
        files = [NewDocument(field, "signed.pdf", f"%PDF-1.7 {uuid4()}".encode()) for field in fields]
        self._office.does(task.order_number, task.step, by, [file.digest for file in files], **typed)
        at = clock()  # after it is on paper
        for file in files:
            await self._tried("files", lambda: self._ledger.add_document(task.number, _member(by), file, at))  # noqa: B023
        completion = Completion(typed=typed)
        await self._tried("tasks", lambda: self._ledger.complete_task(task.number, _member(by), completion, at))

    async def _send_back(self, task: Task, by: str, to: str, clock: Clock) -> None:
        self._returned[str(task.order_number)] += 1
        self._office.returns(str(task.order_number), str(task.step), by, to)
        reason, at = "look again", clock()
        await self._tried("returns", lambda: self._ledger.return_task(task.number, _member(by), to, reason, at))

    async def _pass_on(self, task: Task, by: str, to: str, clock: Clock) -> None:
        """Both claim it at once, and whoever has it hands it over; or it is assigned."""
        number, key, at = task.number, str(uuid4()), clock()
        claims = (
            self._tried("claims", lambda: self._ledger.claim_task(number, _member(by), at, f"{key} 1")),
            self._tried("claims", lambda: self._ledger.claim_task(number, _member(to), at, f"{key} 2")),
        )
        await asyncio.gather(*claims)
        reason = "on leave"
        give = self._ledger.hand_over_task
        await self._tried("hand-overs", lambda: give(number, _member(by), to, reason, at, f"{key} 3"))
        await patiently(lambda: self._ledger.assign_tasks([number], _member(by), to, at, f"{key} 4"))

    async def _tried(self, what: str, call: Callable[[], Awaitable[object]]) -> None:
        """Until it is answered; a refusal is an answer."""
        try:
            await patiently(call)
            self.done[what] += 1
        except (InvalidInput, NotFound):
            self.done[f"{what} refused"] += 1


def _member(name: str) -> Member:
    return Member(name, (STAFF[name],))


def _now() -> datetime:
    return datetime.now(UTC)
