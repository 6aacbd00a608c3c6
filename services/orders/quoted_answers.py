"""What texts repeat of the answers that people type into the forms of tasks, and how many segments that makes.

::

    segments = await answers.require(task, {"answer": "A cable was cut; it works again"})
    await ledger.complete_task(…)
"""

from collections.abc import Mapping
from typing import Protocol

from billing.errors import FormRefused
from billing.model import LINE_MAX
from billing.tasks.forms import Answer
from billing.tasks.task import Task
from billing.texts.segments import measure
from billing.texts.text import TextFacts, TextKind
from orders.procedures.steps import TellStep
from orders.service.ports import ServiceShown
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
        found = dict[str, int]()
        for step in shown.order.procedure.steps if shown else ():
            if shown is None or not isinstance(step, TellStep) or step.quotes is None:
                continue
            of_step, _, field = step.quotes.partition(".")
            if of_step == task.step and field:
                account = shown.order.account or shown.order.customer_id
                words = quotable(typed.get(field, "").strip())
                facts = TextFacts(account=account, number=shown.order.number, quote=words)
                text = self._wording.text(TextKind(step.text), facts)
                found[field] = max(found.get(field, 0), measure(text).segments)
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


def quotable(value: Answer) -> str:
    """What a text repeats of an answer: a line, cut where it is too long."""
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= LINE_MAX else f"{text[: LINE_MAX - len(_CUT)]}{_CUT}"
