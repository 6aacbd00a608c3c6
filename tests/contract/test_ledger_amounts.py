"""The task of a month whose amounts people enter: opened with the draft, ended by itself, never twice."""

from adapters.sql.ledger import SqlLedger
from billing.commands import Command, Halt
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import Edit, Skip
from billing.invoices.invoice import AddLine
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.tasks.listing import TaskFilter
from billing.tasks.task import Task, TaskKind, TaskOutcome
from tests.contract.ledger_fixtures import AT, INVOICE, LATER, NOVEMBER, drafted, opened

MANUAL = Terms(review_mode=ReviewMode.MANUAL)
EMPTY = INVOICE.evolve(lines=(), problems=())


async def tasks(ledger: SqlLedger) -> list[Task]:
    return await ledger.tasks(TaskFilter(TaskKind.ENTER_AMOUNTS, open_only=False))


def manual() -> Month:
    return opened(terms=MANUAL).drafted(EMPTY)


def edited(month: Month) -> Month:
    assert month.invoice is not None
    line = AddLine(description="Water", amount_minor=1200)
    edit = Edit(by="bob", reason="the meter", period=NOVEMBER, version=month.invoice.version, changes=(line,))
    return ruled(month, edit)


def ruled(month: Month, command: Command) -> Month:
    ruling = decide(month, command, AT, "cli")
    assert ruling.refusal is None, ruling.result
    return ruling.value


async def test_a_manual_draft_opens_one_task_of_accounting_with_its_deadline(ledger: SqlLedger) -> None:
    month = manual()
    for _ in range(2):
        await ledger.record(month, AT)
    await ledger.record(ruled(month, Halt(by="ann", reason="wait")), LATER)
    (task,) = await tasks(ledger)
    assert (task.department, task.due_at, task.values, task.end) == (
        "accounting",
        month.notice_at,
        {"period": NOVEMBER},
        None,
    )


async def test_it_ends_by_itself_with_the_amounts(ledger: SqlLedger) -> None:
    month = manual()
    await ledger.record(month, AT)
    for _ in range(2):
        await ledger.record(edited(month), LATER)
    (task,) = await tasks(ledger)
    assert task.end is not None
    assert (task.end.outcome, task.end.by, task.end.at) == (TaskOutcome.DONE, "bob", LATER)


async def test_it_is_needless_once_the_month_is_skipped(ledger: SqlLedger) -> None:
    await ledger.record(manual(), AT)
    await ledger.record(ruled(manual(), Skip(by="ann", reason="on holiday")), LATER)
    (task,) = await tasks(ledger)
    assert task.end is not None
    assert (task.end.outcome, task.end.reason) == (TaskOutcome.NEEDLESS, "the month is closed as Skipped")


async def test_months_in_other_modes_have_none(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    assert await tasks(ledger) == []


async def test_the_department_is_as_configured(url: str, ledger: SqlLedger) -> None:
    other = await SqlLedger.connect(url, (), "operator")
    await other.record(manual(), AT)
    await other.close()
    (task,) = await tasks(ledger)
    assert task.department == "operator"
