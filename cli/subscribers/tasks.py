"""``tasks``: what people have to do: lists, shows and completes it."""

from typing import Annotated

import typer

from billing.errors import NotFound
from billing.tasks.ports import PAGE_TASKS, TaskFilter
from billing.tasks.task import Task, TaskEnd, TaskKind, TaskOutcome
from bootstrap import connect_ledger
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import print_json, print_table, say, utc, whole
from settings import load_settings
from wording.services import task_words

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The task's number, as in the list.")]


async def list_(
    kind: Annotated[TaskKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only about this customer.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    page: Annotated[int, typer.Option("--page", min=1, help="Which hundred.")] = 1,
    as_json: AsJson = False,
) -> None:
    """List tasks, those that are due first come first, a hundred at a time.

    [bold]Examples[/bold]
    $ python starter.py tasks list
    $ python starter.py tasks list --kind disconnect --json
    """
    async with connect_ledger(load_settings()) as ledger:
        wanted = TaskFilter(kind, customer, open_only=not all_)
        tasks = await ledger.tasks(wanted, PAGE_TASKS, (page - 1) * PAGE_TASKS)
    if as_json:
        print_json({"tasks": tasks})
        return
    columns = (whole("Task", "right"), "What", "Customer", whole("Due"), "Ended")
    print_table(columns, tasks, _listed, empty="there is nothing to do")


async def show(number: Number, as_json: AsJson = False) -> None:
    """Show a task, and how it has ended.

    [bold]Example[/bold]
    $ python starter.py tasks show 7
    """
    async with connect_ledger(load_settings()) as ledger:
        task = await ledger.task(number)
    if task is None:
        raise NotFound(f"there is no task {number}; see: python starter.py tasks list")
    _print(task, as_json)


async def complete(
    number: Number,
    by: By,
    reason: Reason,
    not_done: Annotated[bool, typer.Option("--not-done", help="It was decided not to do it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Note that a task is done; an account to disconnect is disconnected with it. A repeat changes nothing.

    [bold]Examples[/bold]
    $ python starter.py tasks complete 7 --by bob --reason "cut at the box"
    $ python starter.py tasks complete 7 --not-done --by ann --reason "pays on Monday"
    """
    settings = load_settings()
    outcome = TaskOutcome.NOT_DONE if not_done else TaskOutcome.DONE
    async with connect_ledger(settings) as ledger:
        task = await ledger.end_task(number, TaskEnd(outcome=outcome, at=settings.now(), by=by, reason=reason))
    _print(task, as_json)


def _print(task: Task, as_json: bool) -> None:
    if as_json:
        print_json(task)
        return
    say(f"task {task.number}, {task.customer_id}: {task_words(task)}", style="bold")
    say(f"  opened {utc(task.opened_at)}{f', due {utc(task.due_at)}' if task.due_at else ''}")
    if task.end:
        say(f"  {task.end.outcome.replace('_', ' ')} {utc(task.end.at)} by {_who(task.end)}: {task.end.reason}")


def _listed(task: Task) -> tuple[str, ...]:
    ended = f"{task.end.outcome.replace('_', ' ')} {utc(task.end.at)} {_who(task.end)}" if task.end else ""
    return str(task.number), task_words(task), task.customer_id, utc(task.due_at) if task.due_at else "", ended


def _who(end: TaskEnd) -> str:
    return end.by or "the application"
