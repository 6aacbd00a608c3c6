"""``payments``: records money that has arrived outside the processor, lists and assigns it."""

import shlex
from datetime import UTC, datetime, time
from typing import Annotated

import typer

from billing.errors import BillingError, InvalidInput, NotFound
from billing.money import currency_code, format_amount, parse_amount
from billing.payments.rails import by_hand
from billing.period import Period
from billing.receivables.incoming import IncomingPayment, PaymentRecord, PaymentRow
from billing.receivables.journal import PaymentName, Subject
from bootstrap import connect_ledger, connect_temporal
from cli.terminal.options import AsJson, By, Reason, period_option
from cli.terminal.output import SHOWN, print_json, print_table, say, utc, whole
from clients.collection_commands import CollectionSignals
from clients.incoming_payments import PaymentDesk
from settings import Settings, load_settings

RailArgument = Annotated[str, typer.Argument(metavar="RAIL", help="The rail's name, such as transfer.")]
Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="The payment's reference on that rail.")]
Amount = Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="For example 12.50.")]
ForMonth = Annotated[Period | None, period_option("The month that it pays; without, the oldest debt.", "--month")]
Customer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Whose it is; without, it is unmatched.")
]


async def record(
    rail: RailArgument,
    reference: Reference,
    amount: Amount,
    currency: Annotated[str, typer.Option("--currency", help="Such as eur.")],
    by: By,
    reason: Reason,
    customer: Customer = None,
    month: ForMonth = None,
    payer: Annotated[str | None, typer.Option("--payer", metavar="NAME", help="Who paid, by the bank.")] = None,
    paid_on: Annotated[datetime | None, typer.Option("--paid-on", formats=["%Y-%m-%d"], help="By the bank.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record money that has arrived outside the processor: by transfer, or in cash.

    It pays the month that you name, else what fell due first; what is left over is credit for the next draft. Without
    a customer it is kept as unmatched, until somebody assigns it. The same reference again changes nothing.

    [bold]Examples[/bold]
    $ python starter.py payments record transfer 7731 --amount 120.00 --currency eur --customer acme
      --by ann --reason "statement of 3 December"
    $ python starter.py payments record transfer 7732 --amount 80 --currency eur --payer "A. Nowak"
      --by ann --reason "no reference given"
    """
    settings = load_settings()
    code = currency_code(currency)
    amount_minor = parse_amount(amount, code)
    if amount_minor <= 0:
        raise InvalidInput(f"{amount} is no payment; give what has arrived, such as 12.50")
    payment = IncomingPayment(
        rail=by_hand(settings.rails, rail),
        reference=reference,
        customer_id=customer,
        subject=Subject.month(month) if month else None,
        amount_minor=amount_minor,
        currency=code,
        paid_at=datetime.combine(paid_on, time(), UTC) if paid_on else settings.now(),
        payer=payer,
        by=by,
        reason=reason,
    )
    async with connect_ledger(settings) as ledger:
        if customer is not None and await ledger.customer(customer) is None:
            raise NotFound(f"the ledger does not know {customer}; without --customer, the money is kept as unmatched")
        found, is_new, untold = await PaymentDesk(ledger, await _collections(settings)).record(payment, settings.now())
    if not is_new:
        _check_is_same(found.payment, payment)
    _print(found, as_json, "booked" if is_new else "booked before", untold)


def _check_is_same(booked: IncomingPayment, payment: IncomingPayment) -> None:
    """Raises ``InvalidInput`` if what was booked under this reference is another payment, or nobody's yet."""
    if (booked.amount_minor, booked.currency) != (payment.amount_minor, payment.currency):
        raise InvalidInput(
            f"{payment.title} is another payment already, of {booked.amount}; give this one a reference of its own"
        )
    if payment.customer_id and booked.customer_id != payment.customer_id:
        whose = f"of {booked.customer_id}" if booked.customer_id else "without a customer"
        raise InvalidInput(
            f"{payment.title} was recorded before, {whose}; see: python starter.py payments show {payment.rail} "
            f"{shlex.quote(payment.reference)}"
        )


async def list_(
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only what nobody has assigned yet.")] = False,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only this customer's.")] = None,
    rail: Annotated[str | None, typer.Option("--rail", metavar="NAME", help="Only of this rail.")] = None,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Part of a reference, payer or id.")] = "",
    as_json: AsJson = False,
) -> None:
    """List money that has arrived or gone back: unmatched first, then the newest.

    [bold]Examples[/bold]
    $ python starter.py payments list --unmatched
    $ python starter.py payments list --search nowak --json
    """
    async with connect_ledger(load_settings()) as ledger:
        rows = await ledger.incoming_payments(unmatched, customer, rail, search)
    if as_json:
        print_json({"payments": rows})
        return
    columns = (whole("Booked"), "Rail", whole("Reference"), "Customer", "Payer", whole("Amount", "right"), "")
    print_table(columns, rows, _listed, empty="no money has arrived", shown=SHOWN)


def _listed(row: PaymentRow) -> tuple[str, ...]:
    left = f"{format_amount(row.unmatched_minor, row.currency)} unmatched" if row.unmatched_minor else ""
    return utc(row.booked_at), row.rail, row.reference, row.customer_id or "", row.payer or "", row.amount, left


async def show(rail: RailArgument, reference: Reference, as_json: AsJson = False) -> None:
    """Show a payment, and what became of it.

    [bold]Example[/bold]
    $ python starter.py payments show transfer 7731
    """
    async with connect_ledger(load_settings()) as ledger:
        found = await ledger.incoming_payment(PaymentName.of(rail, reference.strip()))
    if found is None:
        raise NotFound(f"there is no payment {reference} of {rail}; see: python starter.py payments list")
    _print(found, as_json, f"booked {utc(found.booked_at)}")


async def assign(
    rail: RailArgument,
    reference: Reference,
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Whose it is.")],
    by: By,
    reason: Reason,
    month: ForMonth = None,
    amount: Annotated[str | None, typer.Option("--amount", metavar="AMOUNT", help="A part of it; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Assign unmatched money to a customer, all of it or a part.

    [bold]Example[/bold]
    $ python starter.py payments assign transfer 7732 --customer nowak --by ann --reason "asked by phone"
    """
    settings, name = load_settings(), PaymentName.of(rail, reference.strip())
    async with connect_ledger(settings) as ledger:
        found = await ledger.incoming_payment(name)
        if found is None:
            raise NotFound(
                f"there is no payment {reference} of {rail}; see: python starter.py payments list --unmatched"
            )
        minor = parse_amount(amount, found.payment.currency) if amount else found.unmatched_minor
        subject = Subject.month(month) if month else None
        to = found.payment.evolve(customer_id=customer, subject=subject, amount_minor=minor)
        desk = PaymentDesk(ledger, await _collections(settings))
        assigned = await desk.assign(name, to, by, reason, settings.now())
    _print(assigned.record, as_json, "assigned", assigned.untold)


async def _collections(settings: Settings) -> CollectionSignals | None:
    """None: Temporal does not answer; money is booked all the same."""
    try:
        return CollectionSignals(await connect_temporal(settings))
    except BillingError:
        return None


def _print(record: PaymentRecord, as_json: bool, done: str, untold: str = "") -> None:
    """``untold``: why a collection does not know of it yet."""
    payment = record.payment
    if as_json:
        shares = [{**dict(account), "amount_minor": minor} for account, minor in record.shares.items()]
        print_json({**dict(record), "shares": shares, "unmatched_minor": record.unmatched_minor, "untold": untold})
        return
    say(f"{payment.reference} ({payment.rail}): {payment.amount}, {done}", style="bold")
    for account, minor in record.shares.items():
        whose = " ".join(filter(None, (account.customer_id, str(account.subject or ""))))
        say(f"  {format_amount(minor, payment.currency)} {account.kind} {whose}".rstrip())
    if untold:
        say(f"it is in the books; whoever collects it is told by the next reconciliation ({untold})", style="yellow")
