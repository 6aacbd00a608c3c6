"""``collections``: lists and shows unpaid months, and sends operators' commands to their collection."""

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.ports import CollectionRow
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.commands import parse_command
from billing.completeness.chains import ChainStatus
from billing.errors import BillingError, NotFound
from billing.keys import collection_id
from billing.money import format_amount, parse_amount
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period
from bootstrap import connect_ledger, connect_temporal
from cli.invoices.standstill import print_stopped, stopped_collections
from cli.terminal.options import AsJson, CollectionOptions, CustomerId, PeriodOption, UnpaidPeriod
from cli.terminal.output import print_json, print_table, say, utc, whole
from clients.collection_commands import tell_collection
from settings import load_settings
from wording.plain import relative


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
        rows = await ledger.collections(period=period, open_only=not everything)
    totals: Counter[str] = Counter()
    for row in rows:
        if row.stage is not CollectionStage.WRITTEN_OFF:
            totals[row.currency] += row.outstanding_minor
    owed = [(row.customer_id, row.period) for row in rows if row.closed_at is None]
    stopped, unseen = await stopped_collections(settings, owed)
    if as_json:
        standstill = [each._asdict() for each in stopped]
        print_json({"collections": rows, "outstanding_minor": totals, "standstill": standstill, "unseen": unseen})
        return
    statuses = {(each.customer_id, each.period): each.status for each in stopped}
    now = settings.now()
    columns = ("Customer", whole("Period"), "Stage", whole("Owed", "right"), whole("Since"), whole("Next"))
    empty = "nothing was ever collected" if everything else "nothing is being collected"
    print_table(columns, rows, lambda row: _listed(row, now, statuses), empty=empty)
    if rows:
        say(" · ".join(format_amount(total, currency) for currency, total in sorted(totals.items())), style="bold")
    print_stopped(stopped, unseen)


def _listed(row: CollectionRow, now: datetime, stopped: Mapping[tuple[str, Period], ChainStatus]) -> tuple[str, ...]:
    following = relative(row.next_at, now) if row.next_at and row.closed_at is None else ""
    if status := stopped.get((row.customer_id, row.period)):
        following = f"nothing: its workflow {status.words}"
    owed = format_amount(row.outstanding_minor, row.currency)
    return row.customer_id, row.period, row.stage, owed, f"{row.opened_at:%Y-%m-%d}", following


async def show(customer_id: CustomerId, period: UnpaidPeriod, as_json: AsJson = False) -> None:
    """Show a collection: what is owed, its diary, its charges, refunds and disputes.

    [bold]Example[/bold]
    $ python starter.py collections show acme --period 2026-11
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        collection = _found(customer_id, period, await ledger.collection(customer_id, period))
        diary = await ledger.diary(customer_id, period)
        charges = await ledger.payments(customer_id, period)
        reversals = await ledger.reversals(period, customer_id)
    now = settings.now()
    owed = [(customer_id, period)] if collection.outcome is None else []
    stopped, unseen = await stopped_collections(settings, owed)
    if as_json:
        print_json(
            collection.model_dump(mode="json")
            | {"stage": collection.stage(now), "outstanding_minor": collection.outstanding_minor}
            | {"standstill": [each._asdict() for each in stopped], "unseen": unseen}
            | {"diary": diary, "charges": charges, "reversals": reversals}
        )
        return
    _print(collection, diary, now, is_stopped=bool(stopped))
    print_stopped(stopped, unseen)
    print_charges(charges, reversals)
    say(f"\nTemporal: workflow {collection_id(customer_id, period)}")


def _print(collection: Collection, diary: list[DiaryEntry], now: datetime, is_stopped: bool) -> None:
    owed = format_amount(collection.amount_minor, collection.currency)
    customer = collection.customer
    say(f"{customer.customer_id} · {collection.period} · {collection.stage(now)}", style="bold")
    say(f"{collection.outstanding} of {owed} owed since {utc(collection.opened_at)}")
    say(f"{customer.name} <{customer.email}> · card {customer.payment_method.last4 or 'unknown'}")
    if not collection.closed and (waits_for := collection.waits_for(now)):
        say(f"\nA person is needed: {waits_for.text}", style="yellow")
    due = collection.due(now)
    if collection.outcome is None and due.at is not None and not is_stopped:
        say(f"\nNext: {due.what} {relative(due.at, now)} ({utc(due.at)})")
    print_table(
        (whole("When"), "Who", "What", "Text"),
        diary,
        lambda entry: (utc(entry.at), entry.by or "the application", entry.title, entry.story),
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
    """Halt a collection: the card is not tried and the customer not reminded until somebody resumes.

    [bold]Example[/bold]
    $ python starter.py collections halt acme --period 2026-11 --by ann --reason "they pay by Friday"
    """
    await _send(options, "halt")


async def resume(options: CollectionOptions) -> None:
    """Resume a halted collection; also retries a failed step.

    [bold]Example[/bold]
    $ python starter.py collections resume acme --period 2026-11 --by ann --reason "nothing arrived"
    """
    await _send(options, "resume")


async def write_off(options: CollectionOptions) -> None:
    """Write off what is still owed. The card's payment is cancelled first; if that has succeeded, it is recovered.

    [bold]Example[/bold]
    $ python starter.py collections write-off acme --period 2026-11 --by ann --reason "bankrupt"
    """
    await _send(options, "write_off")


async def record_payment(
    options: CollectionOptions,
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="In the invoice's currency, e.g. 12.50.")],
    reference: Annotated[str, typer.Option("--reference", metavar="REF", help="Names the transfer, once.")],
) -> None:
    """Record money that arrived outside of Stripe. The card's payment is cancelled first, so that nobody pays twice.

    [bold]Example[/bold]
    $ python starter.py collections record-payment acme --period 2026-11 --amount 120.00 --reference "bank 7731"
      --by ann --reason "transfer of 3 December"
    """
    customer_id, period = options.customer_id, options.period
    async with connect_ledger(load_settings()) as ledger:
        collection = _found(customer_id, period, await ledger.collection(customer_id, period))
    await _send(options, "record_payment", amount_minor=parse_amount(amount, collection.currency), reference=reference)


def _found(customer_id: str, period: Period, collection: Collection | None) -> Collection:
    if collection is None:
        raise NotFound(f"{customer_id} owes nothing for {period}; see: python starter.py collections list --all")
    return collection


async def _send(options: CollectionOptions, name: str, **fields: object) -> None:
    """Sends the command and prints its answer; a refusal is an error, or with ``--json`` exit code 1."""
    customer_id, period, command_id = options.customer_id, options.period, options.command_id or uuid.uuid4().hex
    common = {"by": options.by, "reason": options.reason, "command_id": command_id, "via": "cli"}
    command = parse_command(name, [common | fields], COLLECTION_COMMANDS)
    result = await tell_collection(await connect_temporal(load_settings()), customer_id, period, command)
    if options.as_json:
        print_json({"customer_id": customer_id, "period": period, "command_id": command_id, **dict(result)})
        if not result.accepted:
            raise typer.Exit(1)
    elif result.accepted:
        say(f"{customer_id}, {period}: {result.result}")
    else:
        raise BillingError(f"{customer_id}, {period}: refused: {result.result}")
