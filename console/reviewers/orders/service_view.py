"""The values of a service order's page: its steps with what was filled in and told, and what it knows. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from billing.mails.mail import StepMessageRow
from billing.tasks.documents import Document
from billing.tasks.task import Task
from billing.texts.text import TextRow
from console.reviewers.orders.release_plot import duration
from orders.procedures.steps import TellStep
from orders.service.corrections import correctable
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder, ServiceStanding, StepRecord
from services.messages.customer_texts import about_step, is_about
from wording.pictures.procedure_svg import Way, procedure_svg
from wording.procedures import step_kind
from wording.tasks import answer_words

Files = Mapping[int, Sequence[Document]]
"""Documents by the number of their task."""


class Answered(NamedTuple):
    """A field of a form, as it was filled in: words, or files."""

    label: str
    text: str
    files: Sequence[Document] = ()


class Told(NamedTuple):
    """A text or mail that told of a step."""

    by: str
    to: str
    status: str
    at: datetime


class StepRow(NamedTuple):
    """A step that was begun. ``took`` is how long it was open; "" for one that needs nobody, or that is open."""

    record: StepRecord
    title: str
    kind: str
    took: str
    task: Task | None
    answers: Sequence[Answered]
    told: Sequence[Told]

    @property
    def outcome(self) -> str:
        return (self.record.outcome or "").replace("_", " ")

    @property
    def tone(self) -> str:
        """The colour of its dot."""
        if self.record.ended_at is None:
            return "act"
        return {"returned": "act", "cancelled": "bad", "expired": "bad", "refused": "bad"}.get(self.outcome, "good")


def step_rows(
    shown: ServiceShown,
    tasks: Sequence[Task],
    files: Files,
    texts: Sequence[TextRow],
    mails: Sequence[StepMessageRow],
) -> Iterator[StepRow]:
    """In the order in which they were begun. ``texts`` and ``mails`` are those of the customer."""
    order, tasks_by_key = shown.order, {task.key: task for task in tasks}
    for record in shown.steps:
        step = order.procedure.step(record.step)
        task = tasks_by_key.get(order.key_of_task(record.position))
        yield StepRow(
            record,
            step.title,
            step_kind(step),
            _took(record),
            task,
            list(_answered(order, task, files.get(task.number, ()))) if task else (),
            list(_told(order, record, texts, mails)) if isinstance(step, TellStep) else (),
        )


def _took(record: StepRecord) -> str:
    if record.ended_at in (None, record.began_at):
        return ""
    return duration(max(0.0, (record.ended_at - record.began_at).total_seconds()))  # clocks of two processes may differ


def _answered(order: ServiceOrder, task: Task, files: Sequence[Document]) -> Iterator[Answered]:
    answers = task.end.answers if task.end else {}
    for field in task.form:
        own = [file for file in files if file.field == field.name]
        if own:
            yield Answered(field.label, "", own)
        elif field.name in answers and not field.type.is_file:
            yield Answered(field.label, answer_words(field, answers[field.name], order.currency))


def _told(
    order: ServiceOrder, record: StepRecord, texts: Sequence[TextRow], mails: Sequence[StepMessageRow]
) -> Iterator[Told]:
    about = about_step(order.number, record.position)
    yield from (Told("SMS", text.recipient, text.status, text.at) for text in texts if is_about(text, about))
    of_step = (mail for mail in mails if mail.is_of(order.number, record.position))
    yield from (Told("Mail", mail.recipient, mail.status, mail.at) for mail in of_step)


def asked_for(order: ServiceOrder) -> list[tuple[str, str]]:
    """What the request says, by the labels of its procedure."""
    given = ((field.label, order.values.get(field.name)) for field in order.procedure.fields)
    return [(label, value) for label, value in given if isinstance(value, str)]


def correctable_rows(order: ServiceOrder) -> list[tuple[str, str, str]]:
    """What can be corrected: its name, its label, and how it stands."""
    return [
        (name, field.label, answer_words(field, order.values[name], order.currency))
        for name, field in correctable(order).items()
    ]


def picture(shown: ServiceShown) -> Markup:
    """The procedure, with the way that the order has come."""
    order = shown.order
    way = Way(order.step, {record.step for record in shown.steps})
    return Markup(procedure_svg(order.procedure, alone=False, way=way))  # it escapes what is in the file


def service_pulse(standing: ServiceStanding, task: Task | None) -> str:
    """A text that differs after every change of the order, of what is owed for it, and of whose its open task is."""
    return f"{standing.revision}-{standing.owed_minor}-{task.owner or '' if task else ''}"
