"""What texts repeat of the answers that people type into the forms of tasks, and how many segments that makes.

::

    segments = await answers.require(task, {"answer": "A cable was cut; it works again"})
    await ledger.complete_task(…)
"""

from collections.abc import Mapping
from typing import Protocol

from billing.errors import FormRefused, InvalidInput
from billing.model import LINE_MAX
from billing.tasks.forms import Answer, FormField
from billing.tasks.task import Task
from billing.texts.segments import measure
from billing.texts.text import TextFacts, TextKind
from orders.procedures.steps import TellStep
from orders.service.corrections import correctable
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder
from wording.tasks import answer_words
from wording.texts import SEGMENTS_MAX, TextWording

_CUT = "..."  # in the alphabet of every text, as an ellipsis is not


class QuotedLedger(Protocol):
    """The store it uses."""

    async def service_order(self, number: str) -> ServiceShown | None: ...


class QuotedAnswers:
    """``wording`` None: no texts are sent, and mails have room for everything."""

    def __init__(self, ledger: QuotedLedger, wording: TextWording | None) -> None:
        self._ledger = ledger
        self._wording = wording

    @property
    def unasked(self) -> int:
        """How many segments a text may have without anybody being asked."""
        return self._wording.segments if self._wording else SEGMENTS_MAX

    async def segments(self, task: Task, typed: Mapping[str, str]) -> dict[str, int]:
        """Of each field that a text repeats: how many segments the longest of these texts has with what is typed."""
        if self._wording is None or task.order_number is None or task.end is not None:
            return {}
        shown = await self._ledger.service_order(task.order_number)
        found, fields = dict[str, int](), {field.name: field for field in task.form}
        for step in shown.order.procedure.steps if shown else ():
            if shown is None or not isinstance(step, TellStep) or step.quotes is None:
                continue
            of_step, _, name = step.quotes.partition(".")
            if of_step == task.step and name in fields:
                account = shown.order.account or shown.order.customer_id
                quote = _of_typed(fields[name], typed.get(name, "").strip(), shown.order.currency)
                facts = TextFacts(account=account, number=shown.order.number, quote=quote)
                text = self._wording.text(TextKind(step.text), facts)
                found[name] = max(found.get(name, 0), measure(text).segments)
        return found

    async def require(self, task: Task, typed: Mapping[str, str]) -> dict[str, int]:
        """As ``segments``. Raises ``FormRefused`` for an answer that makes too many, or that a text would cut."""
        found, problems = await self.segments(task, typed), dict[str, str]()
        for field, segments in found.items():
            if (length := len(typed.get(field, "").strip())) > LINE_MAX:
                problems[field] = f"the customer is texted this; it has {length} characters: write at most {LINE_MAX}"
            elif segments > SEGMENTS_MAX:
                problems[field] = f"the text with it has {segments} segments; shorten it to {SEGMENTS_MAX} at most"
        if problems:
            raise FormRefused(problems)
        return found


def quoted(order: ServiceOrder, name: str) -> bool | str:
    """What a text repeats of a value of the order: yes or no, else a line; "": nobody has given it."""
    answer = order.values.get(name)
    return "" if answer is None else _quotable(correctable(order).get(name), answer, order.currency)


def _of_typed(field: FormField, typed: str, currency: str) -> bool | str:
    try:
        answer = field.answer(typed, currency)
    except InvalidInput:  # the form is refused for it
        answer = typed
    return "" if answer is None else _quotable(field, answer, currency)


def _quotable(field: FormField | None, answer: Answer, currency: str) -> bool | str:
    """Cut where it is too long. ``field`` None: nobody has typed it."""
    if isinstance(answer, bool):
        return answer
    text = answer_words(field, answer, currency) if field else str(answer)
    return text if len(text) <= LINE_MAX else f"{text[: LINE_MAX - len(_CUT)]}{_CUT}"
