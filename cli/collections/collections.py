"""``collections``: lists unpaid months, shows what a customer owes, and sends operators' commands to the collection."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.ports import CollectionStore, DebtRow
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.collections.summary import ladder_lines
from billing.commands import parse_command
from billing.completeness.chains import ChainStatus
from billing.errors import NotFound
from billing.keys import collection_id
from billing.money import format_amount, sums_of, totals_text
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period
from bootstrap import connect_ledger, connect_temporal
from cli.invoices.standstill import print_stopped, stopped_collections
from cli.terminal.options import AsJson, CollectionOptions, CustomerId, PeriodOption, UnpaidPeriod
from cli.terminal.output import SHOWN, ids, print_json, print_table, say, utc, whole
from cli.terminal.send import print_answers
from settings import load_settings
from wording.customers import pays_by, reached_at
from wording.plain import relative

Until = Annotated[str, typer.Option(metavar="DATE", help="The last day on which they pay, such as 2026-12-04.")]


async def list_(
    period: PeriodOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Include settled ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is still owed, by whom and what happens next.

    [bold]Examples[/bold]
    $ python starter.py collections list
    $ python starter.py collections list --all --period 2026-11 --json
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        rows = await ledger.debts(period=period, open_only=not everything)
        names = await ledger.names({row.customer_id for row in rows[:SHOWN]})
    owing = (row for row in rows if row.stage is not CollectionStage.WRITTEN_OFF)
    totals = sums_of((row.outstanding_minor, row.currency) for row in owing)
    owed = [(row.customer_id, row.period) for row in rows if row.closed_at is None]
    stopped, unseen = await stopped_collections(settings, owed)
    if as_json:
        standstill = [each._asdict() for each in stopped]
        print_json({"collections": rows, "outstanding_minor": totals, "standstill": standstill, "unseen": unseen})
        return
    statuses = {(each.customer_id, each.period): each.status for each in stopped}
    now = settings.now()
    columns = (ids("Customer"), "Name", whole("Period"), "Stage", whole("Owed", "right"), whole("Since"), whole("Next"))
    empty = "nothing was ever collected" if everything else "nothing is being collected"
    listed = partial(_listed, now=now, names=names, stopped=statuses)
    print_table(columns, rows, listed, empty=empty, shown=SHOWN)
    if rows:
        say(totals_text(totals), style="bold")
    print_stopped(stopped, unseen)


def _listed(
    row: DebtRow, now: datetime, names: Mapping[str, str], stopped: Mapping[tuple[str, Period], ChainStatus]
) -> tuple[str, ...]:
    following = relative(row.next_at, now) if row.next_at and row.closed_at is None else ""
    if status := stopped.get((row.customer_id, row.period)):
        following = f"nothing: its workflow {status.words}"
    owed = format_amount(row.outstanding_minor, row.currency)
    name = names.get(row.customer_id, "")
    return row.customer_id, name, row.period, row.stage, owed, f"{row.opened_at:%Y-%m-%d}", following


async def show(customer_id: CustomerId, period: UnpaidPeriod = None, as_json: AsJson = False) -> None:
    """Show what a customer owes: every month, the diary, charges, refunds and disputes; with a month, only of that.

    [bold]Example[/bold]
    $ python starter.py collections show acme
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        collection = await _found(ledger, customer_id, period)
        months = [period] if period else [debt.period for debt in collection.debts]
        entries = {entry.number: entry for month in months for entry in await ledger.diary(customer_id, month)}
        charges = [charge for month in months for charge in await ledger.payments(customer_id, month)]
        reversals = [reversal for month in months for reversal in await ledger.reversals(month, customer_id)]
    diary, now = [entries[number] for number in sorted(entries)], settings.now()
    owed = [(customer_id, debt.period) for debt in collection.open_debts]
    stopped, unseen = await stopped_collections(settings, owed)
    if as_json:
        debts = [
            debt.model_dump(mode="json")
            | {"stage": collection.stage_of(debt, now), "outstanding_minor": debt.outstanding_minor}
            for debt in collection.debts
        ]
        print_json(
            collection.model_dump(mode="json")
            | {"stage": collection.stage(now), "debts": debts}
            | {"standstill": [each._asdict() for each in stopped], "unseen": unseen}
            | {"diary": diary, "charges": charges, "reversals": reversals}
        )
        return
    _print(collection, diary, now, is_stopped=bool(stopped))
    print_stopped(stopped, unseen)
    print_charges(charges, reversals)
    say(f"\nTemporal: workflow {collection_id(customer_id)}")


def _print(collection: Collection, diary: list[DiaryEntry], now: datetime, is_stopped: bool) -> None:
    customer = collection.customer
    say(f"{customer.customer_id} · {collection.stage(now)}", style="bold")
    for debt in collection.debts:
        stage = collection.stage_of(debt, now)
        say(f"{debt.period}: {debt.outstanding} of {debt.amount} owed since {utc(debt.opened_at)} · {stage}")
    say(f"{customer.name} <{reached_at(customer)}> · {pays_by(customer)}")
    if collection.outcome is None and (waits_for := collection.waits_for(now)):
        say(f"\nA person is needed: {waits_for.text}", style="yellow")
    for line in ladder_lines(collection, now):
        say(line)
    due = collection.due(now)
    if collection.outcome is None and due.at is not None and not is_stopped:
        say(f"\nNext: {due.what} {relative(due.at, now)} ({utc(due.at)})")
    print_table(
        (whole("When"), "Month", "Who", "What", "Text"),
        diary,
        lambda entry: (utc(entry.at), entry.month or "", entry.by or "the application", entry.title, entry.story),
        title="Diary",
    )


def print_charges(charges: list[ChargeRow], reversals: list[ReversalRow]) -> None:
    """Payments, refunds and disputes of a month."""
    rows = []
    for charge in charges:
        status = " ".join(filter(None, (charge.status, charge.code, charge.decline_code)))
        rows.append((utc(charge.at), charge.payment_id, status, format_amount(charge.amount_minor, charge.currency)))
    for reversal in reversals:
        amount = format_amount(-reversal.amount_minor, reversal.currency)
        rows.append((utc(reversal.created_at), reversal.reversal_id, f"{reversal.kind} {reversal.code}", amount))
    print_table((whole("When"), "Payment", "Status", whole("Amount", "right")), rows, tuple, title="Charges")


async def retry(options: CollectionOptions) -> None:
    """Try the card now; refused if the bank forbids it.

    [bold]Example[/bold]
    $ python starter.py collections retry acme --period 2026-11 --by ann --reason "the limit was raised"
    """
    await _send(options, "retry")


async def halt(options: CollectionOptions) -> None:
    """Halt a collection, for all months: the card is not tried and the customer not reminded until somebody resumes.

    [bold]Example[/bold]
    $ python starter.py collections halt acme --by ann --reason "they pay by Friday"
    """
    await _send(options, "halt")


async def resume(options: CollectionOptions) -> None:
    """Resume a halted collection; also retries a failed step.

    [bold]Example[/bold]
    $ python starter.py collections resume acme --by ann --reason "nothing arrived"
    """
    await _send(options, "resume")


async def promise(options: CollectionOptions, until: Until) -> None:
    """Note that the customer will pay by the end of a day: the ladder stands until then, and goes on from there.

    [bold]Example[/bold]
    $ python starter.py collections promise acme --until 2026-12-04 --by ann --reason "a wire is on its way"
    """
    await _send(options, "promise", until=until)


async def write_off(options: CollectionOptions) -> None:
    """Write off what is still owed. The card's payment is cancelled first; if that has succeeded, it is recovered.

    [bold]Example[/bold]
    $ python starter.py collections write-off acme --period 2026-11 --by ann --reason "bankrupt"
    """
    await _send(options, "write_off")


async def _found(ledger: CollectionStore, customer_id: str, period: Period | None) -> Collection:
    """The collection that has the debt of ``period``; without, the customer's open one, or the last."""
    rows = await ledger.debts(customer_id=customer_id)
    newest = rows[-1].period if rows else None
    month = period or next((row.period for row in rows if row.closed_at is None), newest)
    collection = await ledger.collection(customer_id, month) if month else None
    if collection is None:
        what = f"nothing for {period}" if period else "nothing"
        raise NotFound(f"{customer_id} owes {what}; see: python starter.py collections list --all")
    return collection


async def _send(options: CollectionOptions, name: str, **fields: object) -> None:
    """Sends the command and prints its answer."""
    from clients.collection_commands import tell_collection

    customer_id, period, command_id = options.customer_id, options.period, options.command_id or uuid.uuid4().hex
    common = {"by": options.by, "reason": options.reason, "command_id": command_id, "period": period, "via": "cli"}
    command = parse_command(name, [common | fields], COLLECTION_COMMANDS)
    result = await tell_collection(await connect_temporal(load_settings()), customer_id, command)
    answer = {"customer_id": customer_id, "command_id": command_id, **dict(result), "period": period}
    print_answers(options, [answer])
