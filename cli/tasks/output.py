"""Tasks as the command line prints them."""

from collections.abc import Sequence

from billing.tasks.crews import CrewDays
from billing.tasks.documents import Document
from billing.tasks.log import TaskEntry
from billing.tasks.task import Task, TaskEnd
from cli.terminal.output import print_table, say, utc, whole
from wording.tasks import act_words, answer_words, crew_days_words, task_words


def print_tasks(tasks: Sequence[Task]) -> None:
    columns = (whole("Task", "right"), "What", "Customer", "Who", whole("Due"))
    if any(task.end for task in tasks):
        print_table((*columns, "Ended"), tasks, _listed)
    else:
        print_table(columns, tasks, lambda task: _listed(task)[:-1], empty="there is nothing to do")


def print_task(
    task: Task,
    log: Sequence[TaskEntry] = (),
    files: Sequence[Document] = (),
    crews: Sequence[CrewDays] = (),
) -> None:
    say(f"task {task.number}, {task.customer_id}: {task_words(task)}", style="bold")
    due = f", due {utc(task.due_at)}" if task.due_at else ""
    owner = f", {task.owner} has it" if task.owner and not task.end else ""
    say(f"  for {task.department}, opened {utc(task.opened_at)}{due}{owner}")
    if task.order_number:
        say(f"  step {task.step} of order {task.order_number}")
    if not task.end:
        _print_form(task)
        for each in crews:
            area = ", of this area" if each.serves else ""
            say(f"  {each.crew.name}{area}: {crew_days_words(each)}")
    for entry in log:
        say(f"  {utc(entry.at)} {act_words(entry)}{f': {entry.reason}' if entry.reason else ''}")
    for file in files:
        say(f"  {file.field}: {file.name}, {file.media_type}, {file.size / 1e6:.1f} MB, by {file.by}")
    if task.end:
        say(f"  {_ended(task.end)}{f': {task.end.reason}' if task.end.reason else ''}")
        for field in task.form:
            if field.name in task.end.answers and not field.type.is_file:
                say(f"  {field.label}: {answer_words(field, task.end.answers[field.name])}")


def _print_form(task: Task) -> None:
    for field in task.form:
        choices = f" ({', '.join(field.options)})" if field.options else ""
        say(f"  asks for {field.name}, {field.type}{choices}{'' if field.required else ', if known'}: {field.label}")
    for step, title in task.returns_to.items():
        say(f"  may go back to {step}: {title}")


def _listed(task: Task) -> tuple[str, ...]:
    due = utc(task.due_at) if task.due_at else ""
    ended = _ended(task.end) if task.end else ""
    who = f"{task.department}, {task.owner}" if task.owner else task.department
    return str(task.number), task_words(task), task.customer_id, who, due, ended


def _ended(end: TaskEnd) -> str:
    to = f" to {end.to_step}" if end.to_step else ""
    return f"{end.outcome.replace('_', ' ')}{to} {utc(end.at)} by {end.by or 'the application'}"
