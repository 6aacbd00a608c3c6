"""``tasks``: what departments have to do: lists and shows it, and what people do with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Protocol

import typer

from billing.errors import BillingError, InvalidInput, NotFound
from billing.reviewers.ports import UserStore
from billing.tasks.documents import NewDocument, too_large
from billing.tasks.forms import asks_for_crew
from billing.tasks.listing import PAGE_TASKS, TaskCursor, TaskFilter
from billing.tasks.member import Member
from billing.tasks.ports import ASSIGN_MAX, TaskListing
from billing.tasks.task import Completion, Task, TaskKind, TaskOutcome
from bootstrap import connect_ledger
from bootstrap_texts import connect_quoted_answers
from cli.invoices.review import pairs
from cli.tasks.output import print_task, print_tasks
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import print_json, say
from services.orders.quoted_answers import QuotedLedger
from settings import Settings, load_settings

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The task's number, as in the list.")]
Note = Annotated[str | None, typer.Option("--reason", metavar="WHY", help="Why; every kind but a step needs it.")]


class AnsweredLedger(TaskListing, QuotedLedger, Protocol):
    """The stores that tell what texts repeat."""


async def list_(
    kind: Annotated[TaskKind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only about this customer.")] = None,
    department: Annotated[
        list[str] | None, typer.Option("--department", metavar="NAME", help="Only of this one; repeat it for several.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="USER", help="Only what this user has.")] = None,
    order: Annotated[str | None, typer.Option("--order", metavar="NUMBER", help="Only steps of this order.")] = None,
    unclaimed: Annotated[bool, typer.Option("--unclaimed", help="Only what nobody has claimed.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    after: Annotated[str, typer.Option("--after", metavar="PLACE", help="Go on where the last page has ended.")] = "",
    as_json: AsJson = False,
) -> None:
    """List tasks, those that are due first come first, a hundred at a time.

    [bold]Examples[/bold]
    $ python starter.py tasks list
    $ python starter.py tasks list --department crew --unclaimed
    $ python starter.py tasks list --kind disconnect --json
    """
    wanted = TaskFilter(kind, customer, not all_, tuple(department or ()), owner, order, unclaimed)
    cursor = TaskCursor.read(after) if after else None
    async with connect_ledger(load_settings()) as ledger:
        tasks = await ledger.tasks(wanted, PAGE_TASKS + 1, cursor)
    shown = tasks[:PAGE_TASKS]
    more = str(TaskCursor.after(shown[-1])) if len(tasks) > PAGE_TASKS else None
    if as_json:
        print_json({"tasks": shown, "after": more})
        return
    print_tasks(shown)
    if more:
        say(f"more: python starter.py tasks list --after {more}")


async def show(
    number: Number,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FOLDER", file_okay=False, help="Save its files there, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a task: its form, who has done what with it, its files, and how it has ended.

    [bold]Examples[/bold]
    $ python starter.py tasks show 7
    $ python starter.py tasks show 7 --save papers
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        if (task := await ledger.task(number)) is None:
            raise NotFound(f"there is no task {number}; see: python starter.py tasks list")
        log, files = await ledger.task_log(number), await ledger.documents(number)
        if as_json:
            print_json({"task": task, "log": log, "documents": files})
        else:
            crews = await ledger.crew_days(number, settings.now().date()) if asks_for_crew(task.form) else ()
            print_task(task, log, files, crews)
        for file in files if save else ():
            assert save is not None
            if stored := await ledger.document(number, file.digest):
                say(f"  saved {_saved(save, f'{number}-{file.digest[:8]}-{file.name}', stored.content)}")


async def claim(number: Number, by: By, as_json: AsJson = False) -> None:
    """Claim a task for a user of its department. A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py tasks claim 7 --by bob
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        _print(await ledger.claim_task(number, await _member(ledger, by), settings.now()), as_json)


async def complete(
    number: Number,
    by: By,
    fields: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="What the form says; repeat it.")
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("--file", metavar="FIELD=PATH", help="A document or photo; repeat it.")
    ] = None,
    reason: Note = None,
    not_done: Annotated[bool, typer.Option("--not-done", help="It was decided not to do it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Note that a task is done, with what its form asks for; its order goes on. A repeat changes nothing.

    An account to disconnect is disconnected with it.

    [bold]Examples[/bold]
    $ python starter.py tasks complete 7 --by bob --set serials="A1 A2" --file signed=contract.pdf
    $ python starter.py tasks complete 8 --by bob --reason "cut at the box"
    $ python starter.py tasks complete 8 --not-done --by ann --reason "pays on Monday"
    """
    settings = load_settings()
    documents = [_document(*pair, settings.document_max_bytes) for pair in pairs("--file", "signed=a.pdf", files)]
    outcome = TaskOutcome.NOT_DONE if not_done else TaskOutcome.DONE
    typed = dict(pairs("--set", "serials=A1", fields))
    completion = Completion(outcome=outcome, typed=typed, reason=reason)
    async with connect_ledger(settings) as ledger:
        member = await _member(ledger, by)
        for document in documents:
            await ledger.add_document(number, member, document, settings.now())
        segments = await _segments(settings, ledger, number, typed)
        _print(await ledger.complete_task(number, member, completion, settings.now()), as_json)
    if segments > 1 and not as_json:
        say(f"  the customer is texted the answer in {segments} segments")


async def return_(
    number: Number,
    to: Annotated[str, typer.Option("--to", metavar="STEP", help="The earlier step, as `tasks show` names it.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Return a task to an earlier step of its order, whose department gets it again. A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py tasks return 7 --to feasibility --by bob --reason "there is no free port"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        _print(await ledger.return_task(number, await _member(ledger, by), to, reason, settings.now()), as_json)


async def hand_over(
    number: Number,
    by: By,
    reason: Reason,
    to: Annotated[
        str | None, typer.Option("--to", metavar="USER", help="Whose it is then; by default the department's again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand a task over to another user of its department, or give it back. A repeat changes nothing.

    [bold]Examples[/bold]
    $ python starter.py tasks hand-over 7 --to ann --by bob --reason "I am on leave"
    $ python starter.py tasks hand-over 7 --by bob --reason "I am on leave"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        _print(await ledger.hand_over_task(number, await _member(ledger, by), to, reason, settings.now()), as_json)


async def assign(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", min=1, help="The tasks' numbers.")],
    to: Annotated[str, typer.Option("--to", metavar="USER", help="Whose they are then.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Assign tasks that nobody has claimed, many at once. If some could not be, the exit code is 1.

    [bold]Example[/bold]
    $ python starter.py tasks assign 7 8 9 --to bob --by ann
    """
    if len(numbers) > ASSIGN_MAX:
        raise typer.BadParameter(f"assign at most {ASSIGN_MAX} at once")
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        failed = await ledger.assign_tasks(numbers, await _member(ledger, by), to, settings.now())
    done = len(set(numbers)) - len(failed)
    if as_json:
        print_json({"assigned": done, "failed": [each._asdict() for each in failed]})
    else:
        say(f"{done} assigned to {to}")
    if failed:
        raise BillingError("not assigned: " + "; ".join(each.why for each in failed))


async def _segments(settings: Settings, ledger: AnsweredLedger, number: int, typed: Mapping[str, str]) -> int:
    """In how many the customer is texted an answer. Raises ``FormRefused`` if they are too many."""
    task = await ledger.task(number)
    found = await connect_quoted_answers(settings, ledger).require(task, typed) if task else {}
    return max(found.values(), default=0)


async def _member(ledger: UserStore, by: str) -> Member:
    """Who acts has to be a user, with the departments that are on record. Raises ``NotFound``."""
    user = await ledger.user(by)
    if user is None or user.disabled_at is not None:
        raise NotFound(f"nobody signs in as {by}; tasks are done by users, see: python starter.py user list")
    return user.member


def _document(field: str, path: str, most: int) -> NewDocument:
    """Raises ``InvalidInput``; no more than the limit is read."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise InvalidInput(f"{path}: {too_large(Path(path).stat().st_size, most)}")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    return NewDocument(field, Path(path).name, content)


def _saved(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (path := folder / name).write_bytes(content)
    return path


def _print(task: Task, as_json: bool) -> None:
    if as_json:
        print_json(task)
    else:
        print_task(task)
