"""``collections``: what months left unpaid, and what operators say to those who collect it."""

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated

import typer

from billing.collections.collection import Collection, CollectionStage, DiaryEntry
from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.ports import CollectionRow
from billing.errors import BillingError, NotFound
from billing.invoices.commands import parse_command
from billing.keys import collection_id
from billing.money import format_amount, parse_amount
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period
from bootstrap import connect_ledger, connect_temporal
from cli.terminal.options import AsJson, By, CommandId, CustomerId, PeriodOption, Reason, required_period
from cli.terminal.output import console, print_json, relative, say, table, utc, whole
from clients.collection_commands import tell_collection
from settings import load_settings

PeriodOfIt = Annotated[
    Period, typer.Option("--period", metavar="YYYY-MM", parser=required_period, help="The month that was not paid.")
]


async def list_collections(
    period: PeriodOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is still owed, by whom and what happens next.

    [bold]Examples[/bold]
    $ python starter.py collections list
    $ python starter.py collections list --all --period 2026-11 --json
    """
    async with AsyncExitStack() as stack:
        settings = load_settings()
        ledger = await connect_ledger(settings, stack)
        rows = await ledger.collections(period=period, open_only=not everything)
    totals: Counter[str] = Counter()
    for row in rows:
        if row.stage is not CollectionStage.WRITTEN_OFF:
            totals[row.currency] += row.outstanding_minor
    if as_json:
        print_json({"collections": rows, "outstanding_minor": totals})
        return
    if not rows:
        say("nothing is being collected" if not everything else "nothing was ever collected")
        return
    now = settings.now()
    columns = ("Customer", whole("Period"), "Stage", whole("Owed", "right"), whole("Since"), whole("Next"))
    console.print(table(columns, (_listed(row, now) for row in rows)))
    say(" · ".join(format_amount(total, currency) for currency, total in sorted(totals.items())), style="bold")


def _listed(row: CollectionRow, now: datetime) -> tuple[str, ...]:
    following = relative(row.next_at, now) if row.next_at and row.closed_at is None else ""
    owed = format_amount(row.outstanding_minor, row.currency)
    return row.customer_id, row.period, row.stage, owed, f"{row.opened_at:%Y-%m-%d}", following


async def show_collection(customer_id: CustomerId, period: PeriodOfIt, as_json: AsJson = False) -> None:
    """Show a collection: what is owed, its diary, its charges, refunds and disputes.

    [bold]Example[/bold]
    $ python starter.py collections show acme --period 2026-11
    """
    async with AsyncExitStack() as stack:
        settings = load_settings()
        ledger = await connect_ledger(settings, stack)
        collection = await ledger.collection(customer_id, period)
        if collection is None:
            raise NotFound(f"{customer_id} owes nothing for {period}; see: python starter.py collections list --all")
        diary = await ledger.diary(customer_id, period)
        charges = await ledger.payments(customer_id, period)
        reversals = await ledger.reversals(period, customer_id)
    now = settings.now()
    if as_json:
        print_json(
            collection.model_dump(mode="json")
            | {"stage": collection.stage(now), "outstanding_minor": collection.outstanding_minor}
            | {"diary": diary, "charges": charges, "reversals": reversals}
        )
        return
    _print(collection, diary, now)
    print_charges(charges, reversals)
    say(f"\nTemporal: workflow {collection_id(customer_id, period)}")


def _print(collection: Collection, diary: list[DiaryEntry], now: datetime) -> None:
    owed = format_amount(collection.amount_minor, collection.currency)
    customer = collection.customer
    say(f"{customer.customer_id} · {collection.period} · {collection.stage(now)}", style="bold")
    say(f"{collection.outstanding} of {owed} owed since {utc(collection.opened_at)}")
    say(f"{customer.name} <{customer.email}> · card {customer.payment_method.last4 or 'unknown'}")
    if collection.outcome is None and (waiting_for := collection.needs_person(now)):
        say(f"\nA person is needed: {waiting_for}", style="yellow")
    due = collection.due(now)
    if collection.outcome is None and due.at is not None:
        say(f"\nNext: {due.what} {relative(due.at, now)} ({utc(due.at)})")
    if diary:
        say("\nDiary", style="bold")
        rows = [(utc(entry.at), entry.by or "the application", entry.what, entry.text) for entry in diary]
        console.print(table((whole("When"), "Who", "What", "Text"), rows))


def print_charges(charges: list[ChargeRow], reversals: list[ReversalRow]) -> None:
    """Payments, refunds and disputes of a month."""
    rows = [
        (
            utc(charge.at),
            charge.payment_id,
            " ".join(filter(None, (charge.status, charge.code, charge.decline_code))),
            format_amount(charge.amount_minor, charge.currency),
        )
        for charge in charges
    ]
    rows += [
        (
            utc(each.created_at),
            each.reversal_id,
            f"{each.kind} {each.code}",
            format_amount(-each.amount_minor, each.currency),
        )
        for each in reversals
    ]
    if rows:
        say("\nCharges", style="bold")
        console.print(table((whole("When"), "Payment", "Status", whole("Amount", "right")), rows))


def _plain_command(name: str, description: str) -> Callable[..., Awaitable[None]]:
    """A command that says nothing but who and why."""

    async def command(
        customer_id: CustomerId,
        period: PeriodOfIt,
        by: By,
        reason: Reason,
        command_id: CommandId = "",
        as_json: AsJson = False,
    ) -> None:
        await _send(customer_id, period, name, {"by": by, "reason": reason, "command_id": command_id}, as_json)

    command.__doc__ = description
    return command


retry = _plain_command(
    "retry",
    """Try the card now; refused if the bank forbids it.

    [bold]Example[/bold]
    $ python starter.py collections retry acme --period 2026-11 --by ann --reason "the limit was raised"
    """,
)
halt = _plain_command(
    "halt",
    """Halt a collection: the card is not tried and the customer not reminded until somebody resumes.

    [bold]Example[/bold]
    $ python starter.py collections halt acme --period 2026-11 --by ann --reason "they pay by Friday"
    """,
)
resume = _plain_command(
    "resume",
    """Resume a halted collection; also tries again what had failed.

    [bold]Example[/bold]
    $ python starter.py collections resume acme --period 2026-11 --by ann --reason "nothing arrived"
    """,
)
write_off = _plain_command(
    "write_off",
    """Write off what is still owed. The card's payment is cancelled first; if that has succeeded, it is recovered.

    [bold]Example[/bold]
    $ python starter.py collections write-off acme --period 2026-11 --by ann --reason "bankrupt"
    """,
)


async def record_payment(
    customer_id: CustomerId,
    period: PeriodOfIt,
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="In the invoice's currency, e.g. 12.50.")],
    reference: Annotated[str, typer.Option("--reference", metavar="REF", help="Names the transfer, once.")],
    by: By,
    reason: Reason,
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Record money that arrived by another way. The card's payment is cancelled first, so that nobody pays twice.

    [bold]Example[/bold]
    $ python starter.py collections record-payment acme --period 2026-11 --amount 120.00 --reference "bank 7731"
      --by ann --reason "transfer of 3 December"
    """
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        collection = await ledger.collection(customer_id, period)
    if collection is None:
        raise NotFound(f"{customer_id} owes nothing for {period}; see: python starter.py collections list --all")
    minor = parse_amount(amount, collection.currency)
    said = {"by": by, "reason": reason, "command_id": command_id, "amount_minor": minor, "reference": reference}
    await _send(customer_id, period, "record_payment", said, as_json)


async def _send(customer_id: str, period: Period, name: str, said: dict[str, object], as_json: bool) -> None:
    """Sends the command and prints its answer; a refusal is an error, or with ``--json`` exit code 1."""
    said |= {"via": "cli", "command_id": said["command_id"] or uuid.uuid4().hex}
    command = parse_command(name, [said], COLLECTION_COMMANDS)
    result = await tell_collection(await connect_temporal(load_settings()), customer_id, period, command)
    if as_json:
        print_json({"customer_id": customer_id, "period": period, "command_id": said["command_id"], **dict(result)})
        if not result.accepted:
            raise typer.Exit(1)
    elif result.accepted:
        say(f"{customer_id}, {period}: {result.result}")
    else:
        raise BillingError(f"{customer_id}, {period}: refused: {result.result}")
