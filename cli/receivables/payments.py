"""``payments record``, ``list`` and ``show``: money that has arrived, on any rail."""

from collections.abc import AsyncIterator
from typing import Annotated, Protocol

import typer

from billing.errors import NotFound
from billing.money import format_amount
from billing.payments.typed_payment import TypedPayment
from billing.receivables.incoming import PaymentRecord, PaymentRow
from billing.receivables.instructions import Instruction
from billing.receivables.journal import PaymentName
from billing.receivables.payment_list import PaymentFilter
from billing.receivables.ports import PaymentListing
from bootstrap import connect_adapters, connect_ledger, connect_payment_desk
from cli.receivables.told import tell_reviewers
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import SHOWN, complain, print_json, print_json_list, print_table, say, utc, whole
from orders.ports import OrderListing
from orders.service.ports import OpenServiceOrders
from settings import load_settings

RailArgument = Annotated[str, typer.Argument(metavar="RAIL", help="The rail's name, such as transfer.")]
Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="The payment's reference on that rail.")]
Month = Annotated[
    str, typer.Option("--month", metavar="YYYY-MM", help="The month that it pays; without, the oldest debt.")
]

OrderOption = Annotated[
    str, typer.Option("--order", metavar="NUMBER", help="The order that it pays; its buyer need not be named.")
]

_PAGE = 1000


async def record(
    rail: RailArgument,
    reference: Reference,
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="For example 12.50.")],
    currency: Annotated[str, typer.Option("--currency", help="Such as eur.")],
    by: By,
    reason: Reason,
    customer: Annotated[
        str, typer.Option("--customer", metavar="ID", help="Whose it is; without, it is unmatched.")
    ] = "",
    month: Month = "",
    order: OrderOption = "",
    payer: Annotated[str, typer.Option("--payer", metavar="NAME", help="Who paid, by the bank.")] = "",
    paid_on: Annotated[str, typer.Option("--paid-on", metavar="YYYY-MM-DD", help="The day by the bank.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record money that has arrived outside the processor: by transfer, or in cash.

    It pays the month or order that you name, else what fell due first; what is left over is credit for the next draft.
    Without a customer it is kept as unmatched, until somebody assigns it. The same reference again changes nothing.

    [bold]Examples[/bold]
    $ python starter.py payments record transfer 7731 --amount 120.00 --currency eur --customer acme
      --by ann --reason "statement of 3 December"
    $ python starter.py payments record transfer 7732 --amount 80 --currency eur --payer "A. Nowak"
      --by ann --reason "no reference given"
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        customer = customer or await buyer_of(adapters.ledger, order)
        typed = TypedPayment(rail, reference, amount, currency, by, reason, customer, month, payer, paid_on, order)
        recorded = await connect_payment_desk(settings, adapters).record(typed, settings.now())
        await tell_reviewers(settings, adapters)
    if as_json:
        print_json({**_document(recorded.record), "is_new": recorded.is_new, "doubts": recorded.doubts})
        return
    _print(recorded.record, "booked" if recorded.is_new else "booked before")
    for doubt in recorded.doubts:
        complain(doubt.text, style="yellow")


class _Orders(OrderListing, OpenServiceOrders, Protocol):
    """The stores it uses."""


async def buyer_of(ledger: _Orders, order: str) -> str:
    """Whose order it is, of either kind; "" for no order. Raises ``NotFound``."""
    standing = await ledger.order(order) if order else None
    if order and standing is None:
        if (service := await ledger.service_standing(order)) is not None:
            return service.customer_id
        raise NotFound(f"there is no order {order}; see: python starter.py orders list")
    return standing.order.customer_id if standing else ""


async def list_(
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only what nobody has assigned yet.")] = False,
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Only this customer's.")] = "",
    rail: Annotated[str, typer.Option("--rail", metavar="NAME", help="Only of this rail.")] = "",
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="Part of a reference, payer or id; or an amount.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List money that has arrived or gone back: unmatched first, then the newest.

    [bold]Examples[/bold]
    $ python starter.py payments list --unmatched
    $ python starter.py payments list --search 12.50 --json
    """
    wanted = PaymentFilter(search=search, rail=rail, customer_id=customer, unmatched=unmatched)
    async with connect_ledger(load_settings()) as ledger:
        if as_json:
            await print_json_list("payments", _all(ledger, wanted))
            return
        page = await ledger.incoming_payments(wanted, SHOWN)
    amounts = (whole("Amount", "right"), whole("Unmatched", "right"))
    columns = (whole("Booked"), "Rail", whole("Reference"), "Customer", "Payer", *amounts)
    print_table(columns, page.rows, _listed, empty="no money has arrived")
    if page.count > len(page.rows):
        least = "more than " if page.has_more else ""
        say(f"… {least}{page.count - len(page.rows):,} more; --json has them all")


async def _all(ledger: PaymentListing, wanted: PaymentFilter) -> AsyncIterator[PaymentRow]:
    offset = 0
    while rows := (await ledger.incoming_payments(wanted, _PAGE, offset)).rows:
        for row in rows:
            yield row
        offset += len(rows)


def _listed(row: PaymentRow) -> tuple[str, ...]:
    left = format_amount(row.unmatched_minor, row.currency) if row.unmatched_minor else ""
    return utc(row.booked_at), row.rail, row.reference, ", ".join(row.owners), row.payer or "", row.amount, left


async def show(rail: RailArgument, reference: Reference, as_json: AsJson = False) -> None:
    """Show a payment, what became of it, and what people have asked for.

    [bold]Example[/bold]
    $ python starter.py payments show transfer 7731
    """
    name = PaymentName.of(rail, reference.strip())
    async with connect_ledger(load_settings()) as ledger:
        shown = await ledger.incoming_payment(name)
        asked = await ledger.instructions(name)
    if shown is None:
        raise NotFound(f"there is no payment {reference} of {rail}; see: python starter.py payments list")
    if as_json:
        print_json({**_document(shown), "instructions": asked})
        return
    _print(shown, f"booked {utc(shown.booked_at)}")
    columns = (whole("When"), "Who", "What", "Why", "State")
    print_table(columns, asked, _asked, title="Asked for")


def _asked(instruction: Instruction) -> tuple[str, ...]:
    what = f"{instruction.kind} {instruction.amount} {instruction.customer_id or ''}".rstrip()
    state = ": ".join(filter(None, (instruction.state.replace("_", " "), instruction.result)))
    return utc(instruction.at), instruction.by, what, instruction.authors, state


def _document(record: PaymentRecord) -> dict[str, object]:
    shares = [{**dict(account), "amount_minor": minor} for account, minor in record.shares.items()]
    return {**dict(record), "shares": shares, "unmatched_minor": record.unmatched_minor}


def _print(record: PaymentRecord, done: str) -> None:
    payment = record.payment
    say(f"{payment.reference} ({payment.rail}): {payment.amount}, {done}", style="bold")
    for account, minor in record.shares.items():
        say(f"  {format_amount(minor, payment.currency)} {account}")
    if record.returned_minor:
        say(f"  {format_amount(record.returned_minor, payment.currency)} went back")
