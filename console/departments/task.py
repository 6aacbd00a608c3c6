"""A task: what is to be done, for whom, by when; its form, its files, who has done what with it.

::

    GET  /desk/tasks/{number}
    POST /desk/tasks/{number}/{claim, hand-over, complete, return}
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from billing.customers.ports import CustomerStore
from billing.errors import FormRefused, InvalidInput, NotFound
from billing.reviewers.ports import UserStore
from billing.reviewers.users import Role, User
from billing.subscribers.ports import Services
from billing.tasks.crews import CrewDays, day_or
from billing.tasks.forms import FieldType, asks_for_crew
from billing.tasks.ports import Tasks
from billing.tasks.task import Completion, Task, TaskKind, TaskOutcome
from billing.validation import explain
from console.departments.typed import FIELD, FILE, TASKS, Worker, fields_in, number_of, reason_in, seen_task
from console.departments.uploads import keep_files
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, signed_in
from console.reviewers.subscribers.typed import change_id_of, reason_of
from console.web.forms import form_of, texts_in
from console.web.security import TASK_FORM_BYTES
from orders.ports import OrderListing
from services.orders.quoted_answers import QuotedAnswers
from wording.tasks import act_words, answer_words, crew_days_words, crew_words, task_words

_Typed = Mapping[str, str]


class Ledger(Tasks, UserStore, Services, CustomerStore, OrderListing, Protocol): ...


class TaskPages:
    """``now`` returns the present instant; ``most`` are the bytes that a document may have."""

    def __init__(
        self, desk: PageFrame, ledger: Ledger, quoted: QuotedAnswers, most: int, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._quoted = quoted
        self._most = most
        self._now = now
        self.router = APIRouter(prefix=TASKS + "/{number}")
        self.router.add_api_route("", self.show, response_model=None)
        body = most + TASK_FORM_BYTES  # one document and its form: a larger one is refused while it is read
        for action, act in self._actions().items():
            self.router.add_api_route(
                f"/{action}", partial(self._act, act), methods=["POST"], response_model=None, max_body_size=body
            )
            to_page = [Depends(signed_in(Role.STAFF))]
            self.router.add_api_route(f"/{action}", self.back, response_model=None, dependencies=to_page)

    def _actions(self) -> dict[str, Callable[[int, Session, _Typed], Awaitable[str]]]:
        return {
            "claim": self._claim,
            "hand-over": self._hand_over,
            "complete": self._complete,
            "return": self._return,
        }

    async def show(self, number: str, session: Worker) -> Response:
        return await self.page(await seen_task(self._ledger, number, session), session)

    async def back(self, number: str) -> Response:
        return RedirectResponse(f"{TASKS}/{number_of(number)}", 303)

    async def _act(
        self,
        act: Callable[[int, Session, _Typed], Awaitable[str]],
        request: Request,
        number: str,
        session: Worker,
    ) -> Response:
        """What was typed is kept if it is refused; a repeat changes nothing."""
        typed = texts_in(await form_of(request))
        task = await seen_task(self._ledger, number, session)
        try:
            await keep_files(request, self._ledger, task, session, self._most, self._now())
            return RedirectResponse(await act(task.number, session, typed), 303)
        except FormRefused as error:
            return await self.page(task, session, typed, "The form is not whole yet", error.problems)
        except ValidationError as error:
            return await self.page(task, session, typed, explain(error))
        except (InvalidInput, NotFound) as error:
            again = await self._ledger.task(task.number)
            return await self.page(again or task, session, typed, str(error))

    async def _claim(self, number: int, session: Session, typed: _Typed) -> str:
        await self._ledger.claim_task(number, session.member, self._now(), change_id_of(typed))
        return f"{TASKS}/{number}"

    async def _hand_over(self, number: int, session: Session, typed: _Typed) -> str:
        to, reason = typed.get("to", "") or None, reason_of(typed)
        await self._ledger.hand_over_task(number, session.member, to, reason, self._now(), change_id_of(typed))
        return f"{TASKS}/{number}"

    async def _complete(self, number: int, session: Session, typed: _Typed) -> str:
        outcome = TaskOutcome.NOT_DONE if typed.get("outcome") == "not_done" else TaskOutcome.DONE
        completion = Completion(outcome=outcome, typed=fields_in(typed), reason=reason_in(typed))
        await self._ask(number, completion, typed)
        await self._ledger.complete_task(number, session.member, completion, self._now())
        return f"{TASKS}?{urlencode({'done': number})}"

    async def _ask(self, number: int, completion: Completion, typed: _Typed) -> None:
        """Raises ``InvalidInput`` unless whoever completes it has read how many segments an answer is texted in."""
        if (task := await self._ledger.task(number)) is None:
            return
        segments = max((await self._quoted.require(task, completion.typed)).values(), default=0)
        if segments > self._quoted.unasked and typed.get("segments") != str(segments):
            raise InvalidInput(
                f"the customer is texted the answer in {segments} segments, and each costs money: shorten it, or press "
                "Done again"
            )

    async def _return(self, number: int, session: Session, typed: _Typed) -> str:
        await self._ledger.return_task(number, session.member, typed.get("to_step", ""), reason_of(typed), self._now())
        return f"{TASKS}?{urlencode({'done': number})}"

    async def page(
        self,
        task: Task,
        session: Session,
        typed: _Typed | None = None,
        refused: str = "",
        problems: Mapping[str, str] | None = None,
    ) -> Response:
        typed = typed or {}
        number, account = task.number, task.account
        customer = await self._ledger.customer(task.customer_id)
        party = customer or await self._ledger.buyer(task.customer_id)
        may_do = task.end is None and session.member.is_of(task.department)
        values: dict[str, object] = {
            "task": task,
            "party": party,
            "service": await self._ledger.service(account) if account else None,
            "currency": customer.currency if customer else None,
            "log": await self._ledger.task_log(number),
            "files": await self._ledger.documents(number),
            "may_do": may_do,
            "is_mine": task.owner in (None, session.username) or session.member.may_all,
            "crews": await self._crews(task, typed) if may_do else (),
            "colleagues": await self._colleagues(task, session) if may_do else [],
            "typed": typed,
            "refused": refused,
            "problems": problems or {},
            "has_files": any(field.type.is_file for field in task.form),
            "segments": await self._quoted.segments(task, fields_in(typed)) if may_do else {},
            "most_mb": self._most // 10**6,
            "new_id": change_id_of({}),
            "FIELD": FIELD,
            "FILE": FILE,
            "Type": FieldType,
            "Kind": TaskKind,
            "crew_words": crew_words,
            "crew_days_words": crew_days_words,
            "task_words": task_words,
            "act_words": act_words,
            "answer_words": answer_words,
        }
        return await self._desk.page("task.html", session, values, section="tasks", status=409 if refused else 200)

    async def _crews(self, task: Task, typed: _Typed) -> tuple[CrewDays, ...]:
        """Who could go, from the day on that was typed, else from today on."""
        if not asks_for_crew(task.form):
            return ()
        days = (typed.get(FIELD + field.name, "") for field in task.form if field.type is FieldType.DATE)
        return await self._ledger.crew_days(task.number, day_or(next(days, ""), self._now().date()))

    async def _colleagues(self, task: Task, session: Session) -> list[User]:
        """Who may have the task; its owner is not among them."""
        return [
            user
            for user in await self._ledger.users()
            if user.disabled_at is None and user.username != task.owner and task.department in user.departments
        ]
