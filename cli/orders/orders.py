"""``orders open``, ``list`` and ``show``."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Protocol

import typer

from billing.errors import InvalidInput
from billing.money import format_amount
from billing.payments.checkouts import Checkout
from bootstrap import connect_adapters, connect_ledger, connect_order_desk
from cli.orders.order_options import (
    Deposit,
    Digest,
    FileToMake,
    Lines,
    ListedOrder,
    Number,
    document,
    print_standing,
    typed_digest,
)
from cli.orders.service_orders import (
    Person,
    ServiceOptions,
    all_service_orders,
    open_service_order,
    print_service_list,
    show_service_order,
)
from cli.receivables.told import tell_reviewers
from cli.terminal.options import AsJson, By
from cli.terminal.output import SHOWN, print_json, print_json_list, print_table, say, utc, whole
from orders.order import Order, OrderLine, OrderStage
from orders.ports import OrderFilter, OrderListing, OrderLogEntry, OrderPage, OrderRow
from orders.service.ports import ServiceFilter, ServiceOrders
from orders.service.service_order import ServiceStage
from orders.typed import TypedOrder
from settings import load_settings

_PAGE = 1000


class _Ledger(OrderListing, ServiceOrders, Protocol):
    """The lists that it reads."""


async def open_(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number, which the payer types.")],
    by: By,
    service: ServiceOptions,
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Who buys: our id of them.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Their name.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Such as eur.")] = "",
    line: Lines = None,
    email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="Their address, if they have one.")] = "",
    file: FileToMake = None,
    digest: Digest = "",
    deposit: Deposit = "",
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="AMOUNT", help="What may be missing for a release.")
    ] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="When it ends if it is not paid: 14d, or 2026-12-24.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Open an order, and bill it at once; the customer's credit pays for it. The same again changes nothing.

    What is paid enough goes to production by itself. Amounts are for the whole quantity of a line. With --procedure,
    the order leads a subscriber through that instead: see procedures list.

    [bold]Examples[/bold]
    $ python starter.py orders open 1042 --customer nowak --name "A. Nowak" --currency eur
      --line "2 x Sign=90.00" --file sign.pdf --deposit 30 --expires 14d --by ann
    $ python starter.py orders open 77 --procedure connect --customer dana --name "Dana A." --phone +77011234567
      --address "Abay Ave. 1" --tariff internet-100 --by ann
    $ python starter.py orders open 78 --procedure disconnect --account 1000009 --by ann
    """
    settings, made = load_settings(), typed_digest(file, digest)
    now = settings.now()
    if not service.procedure and not (customer and name and currency):
        raise InvalidInput("say --customer, --name and --currency; or --procedure, to lead a subscriber through one")
    async with connect_adapters(settings) as adapters:
        if service.procedure:
            who = Person(customer, name, email, currency)
            return await open_service_order(settings, adapters, number, who, service, by, as_json)
        known = await adapters.ledger.order(number)
        since = known.order.opened_at if known else now  # 14d end at the same instant in a repeat
        typed = TypedOrder(number, customer, name, currency, line or (), email, made, deposit, tolerance, expires)
        opened = await connect_order_desk(settings, adapters).open(typed.request(since), by, "cli", now)
        await tell_reviewers(settings, adapters)
    if as_json:
        print_json({**document(opened.standing), "is_new": opened.is_new})
        return
    say("opened" if opened.is_new else "opened before, unchanged")
    print_standing(opened.standing, name)


async def list_(
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Part of a number, name or id.")] = "",
    stage: Annotated[str, typer.Option("--stage", metavar="STAGE", help="Such as PartPaid.")] = "",
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Only this buyer's.")] = "",
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not closed.")] = False,
    procedure: Annotated[str, typer.Option("--procedure", metavar="NAME", help="Only those that go by it.")] = "",
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first: what is due, paid and outstanding, and where they stand.

    Those that go by a procedure come after the others, with the step that they are at.

    [bold]Examples[/bold]
    $ python starter.py orders list --open
    $ python starter.py orders list --stage AwaitingPayment --json
    """
    made, led = _stages(stage)
    wanted = OrderFilter(search=search, stage=made, customer_id=customer, open_only=only_open)
    service = ServiceFilter(search=search, stage=led, customer_id=customer, procedure=procedure, open_only=only_open)
    async with connect_ledger(load_settings()) as ledger:
        has_made, has_led = not procedure and not (stage and made is None), not (stage and led is None)
        if as_json:
            await print_json_list("orders", _both(ledger, wanted if has_made else None, service if has_led else None))
            return
        page = await ledger.orders(wanted, SHOWN) if has_made else None
        if page is not None and page.rows:
            _print_orders(page)
        count = await print_service_list(ledger, service) if has_led else 0
        if not count and not (page and page.rows):
            say("no such order")


async def _both(ledger: _Ledger, wanted: OrderFilter | None, service: ServiceFilter | None) -> AsyncIterator[object]:
    if wanted is not None:
        async for row in _all(ledger, wanted):
            yield row
    if service is not None:
        async for led in all_service_orders(ledger, service):
            yield led


def _print_orders(page: OrderPage) -> None:
    amounts = (whole("Due", "right"), whole("Paid", "right"), whole("Outstanding", "right"))
    columns = (whole("Number"), "Buyer", "Stage", *amounts, whole("Since"))
    print_table(columns, page.rows, lambda row: ListedOrder(row=row).cells)
    if page.count > len(page.rows):
        say(f"… {page.count - len(page.rows):,} more; --json has them all")


def _stages(text: str) -> tuple[OrderStage | None, ServiceStage | None]:
    """The stage of that name, of orders that are made, and of those that go by a procedure."""
    typed = text.strip().lower().replace(" ", "").replace("-", "")
    made = next((stage for stage in OrderStage if stage.lower() == typed), None)
    led = next((stage for stage in ServiceStage if stage.lower() == typed), None)
    if typed and made is None and led is None:
        raise InvalidInput(f"--stage {text!r} is none of: {', '.join(dict.fromkeys([*OrderStage, *ServiceStage]))}")
    return made, led


async def _all(ledger: OrderListing, wanted: OrderFilter) -> AsyncIterator[OrderRow]:
    offset = 0
    while rows := (await ledger.orders(wanted, _PAGE, offset)).rows:
        for row in rows:
            yield row
        offset += len(rows)


async def show(number: Number, as_json: AsJson = False) -> None:
    """Show an order: its lines, what was paid and released, production's answer, links, and who did what.

    [bold]Example[/bold]
    $ python starter.py orders show 1042
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        if (led := await adapters.ledger.service_standing(number)) is not None:
            person = await adapters.ledger.buyer(led.customer_id)
            await show_service_order(adapters.ledger, number, person.name if person else "", as_json)
            return
        standing = await connect_order_desk(settings, adapters).known(number)
        order = standing.order
        buyer, log = await adapters.ledger.buyer(order.customer_id), await adapters.ledger.order_log(number)
        links = [link for link in await adapters.ledger.checkouts(order.customer_id) if link.subject == order.subject]
    if as_json:
        print_json({**document(standing), "buyer": buyer, "log": log, "links": links})
        return
    print_standing(standing, buyer.name if buyer else "")
    print_table((whole("Quantity", "right"), "Line", whole("Amount", "right")), order.agreed.lines, _line_of(order))
    if order.agreed.file_digest is not None:
        say(f"file {order.agreed.file_digest}")
    print_table((whole("When"), "Who", "What", "Why", "Effect"), log, _logged, title="Log")
    columns = (whole("Opened"), whole("Amount", "right"), "State", "By")
    print_table(columns, links, _linked, title="Payment links")


def _line_of(order: Order) -> Callable[[OrderLine], tuple[object, ...]]:
    return lambda line: (line.quantity, line.description, format_amount(line.amount_minor, order.currency))


def _logged(entry: OrderLogEntry) -> tuple[str, ...]:
    return utc(entry.at), entry.by or "", entry.what.replace("_", " "), entry.reason or "", entry.text


def _linked(link: Checkout) -> tuple[str, ...]:
    return utc(link.created_at), link.amount, link.state, link.by
