"""``subscribers``: registers service accounts, lists and shows them, and changes their state by a person's word."""

import uuid
from typing import Annotated, NamedTuple

import typer

from billing.customers.account_numbers import checked_number
from billing.errors import InvalidInput, NotFound
from billing.subscribers.actions import ServiceAction
from billing.subscribers.place import read_node, read_tags
from billing.subscribers.ports import PAGE_SERVICES, ServiceFilter
from billing.subscribers.service import Service, ServiceChange, ServiceRow, ServiceState
from billing.subscribers.service_file import TypedService
from bootstrap import connect_ledger
from bootstrap_texts import phone_reader
from cli.terminal.options import AsJson, By, CommandId, CustomerId, Reason
from cli.terminal.output import print_json, print_table, say, utc, whole
from settings import load_settings
from wording.services import cause_words

Account = Annotated[str, typer.Argument(metavar="NUMBER", help="The account number, as in the list.")]


NodeName = Annotated[str | None, typer.Option("--node", metavar="NAME", help="What serves it, such as a switch.")]
TagNames = Annotated[list[str] | None, typer.Option("--tag", metavar="WORD", help="A word; repeat it for more.")]


class DecisionOptions(NamedTuple):
    """Who decides, and why, is in the account's history."""

    number: Account
    by: By
    reason: Reason
    command_id: CommandId = ""
    as_json: AsJson = False


async def add(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    number: Annotated[str, typer.Option("--number", metavar="DIGITS", help="This number, with its check digit.")] = "",
    phone: Annotated[str, typer.Option("--phone", metavar="E164", help="Such as +77011234567.")] = "",
    address: Annotated[str, typer.Option("--address", metavar="TEXT", help="Where the service is.")] = "",
    node: NodeName = None,
    tag: TagNames = None,
    command_id: CommandId = "",
    as_json: AsJson = False,
) -> None:
    """Register a service account of a customer: it is ordered, and works once it is activated.

    Without a number it gets the customer's number that has no service yet, or a new one. A repeat changes nothing.

    [bold]Example[/bold]
    $ python starter.py subscribers add acme --phone +77011234567 --by ann --reason "contract 17"
    """
    settings = load_settings()
    typed = TypedService(customer_id, number, phone, address, node or "", " ".join(tag or ()))
    wanted = typed.new(phone_reader(settings), settings.personal_key, by, reason, command_id)
    async with connect_ledger(settings) as ledger:
        _print(await ledger.register_service(wanted, settings.now()), as_json)


async def set_(
    number: Account,
    node: NodeName = None,
    tag: TagNames = None,
    without_tags: Annotated[bool, typer.Option("--without-tags", help="Remove its tags.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say by which node an account is served, and replace its tags: planned works are announced by them.

    [bold]Example[/bold]
    $ python starter.py subscribers set 1000009 --node north-3 --tag fiber --tag business
    """
    tags = read_tags(" ".join(tag or ())) if tag or without_tags else None
    if node is None and tags is None:
        raise InvalidInput("nothing to set: give --node, --tag or --without-tags")
    async with connect_ledger(load_settings()) as ledger:
        placed = await ledger.place_service(checked_number(number), read_node(node) if node else node, tags)
    _print(placed, as_json)


async def list_(
    state: Annotated[ServiceState | None, typer.Option("--state", help="Only in this state.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only of this customer.")] = None,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="In number, customer, name, phone.")] = "",
    page: Annotated[int, typer.Option("--page", min=1, help="Which hundred.")] = 1,
    as_json: AsJson = False,
) -> None:
    """List service accounts, those that changed last first, a hundred at a time.

    [bold]Examples[/bold]
    $ python starter.py subscribers list --state suspended
    $ python starter.py subscribers list --customer acme --json
    """
    async with connect_ledger(load_settings()) as ledger:
        wanted = ServiceFilter(state, customer, search)
        found = await ledger.services(wanted, PAGE_SERVICES, (page - 1) * PAGE_SERVICES)
    if as_json:
        print_json({"count": found.count, "subscribers": found.rows})
        return
    columns = (whole("Number"), "Customer", "State", whole("Since"), "Why", "Phone", "Address")
    print_table(columns, found.rows, _listed, empty="no service account matches")
    say(f"{found.count:,} in all", style="bold")


async def show(number: Account, as_json: AsJson = False) -> None:
    """Show a service account, the address of its customer's page, and its history: what, when, why, by whom, and what
    provisioning has answered.

    Whoever has the address can pay, promise to pay, and write requests: read it out to the customer alone.

    [bold]Example[/bold]
    $ python starter.py subscribers show 1000009
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        service = await ledger.service(checked_number(number))
        if service is None:
            raise NotFound(f"there is no service account {number}; see: python starter.py subscribers list")
        history = await ledger.service_changes(service.number)
    page = settings.links.to_own_page(service.customer_id, service.number)
    if as_json:
        print_json({"subscriber": service, "page": page, "history": history})
        return
    _print(service, as_json=False)
    if page:
        say(f"  page {page}")
    columns = (whole("At"), "State", "Why", "By", "Reason", "Provisioning")
    print_table(columns, history, _change)


async def activate(options: DecisionOptions) -> None:
    """Note that an account is connected: it works, and provisioning is told.

    [bold]Example[/bold]
    $ python starter.py subscribers activate 1000009 --by ann --reason "installed today"
    """
    await _do(ServiceAction.ACTIVATE, options)


async def suspend(options: DecisionOptions) -> None:
    """Suspend an account because its subscriber has asked for it; money does not restore it.

    [bold]Example[/bold]
    $ python starter.py subscribers suspend 1000009 --by ann --reason "away until May"
    """
    await _do(ServiceAction.SUSPEND, options)


async def restore(options: DecisionOptions) -> None:
    """Restore an account, whatever is owed. Whoever pays what is overdue is restored without this.

    [bold]Example[/bold]
    $ python starter.py subscribers restore 1000009 --by ann --reason "back from holiday"
    """
    await _do(ServiceAction.RESTORE, options)


async def close(options: DecisionOptions) -> None:
    """Disconnect an account for good. What is owed stays owed, and can still be paid by its number.

    [bold]Example[/bold]
    $ python starter.py subscribers close 1000009 --by ann --reason "moved away"
    """
    await _do(ServiceAction.CLOSE, options)


async def _do(action: ServiceAction, options: DecisionOptions) -> None:
    settings, number = load_settings(), checked_number(options.number)
    key = options.command_id or uuid.uuid4().hex
    async with connect_ledger(settings) as ledger:
        await ledger.change_service(number, action.change(key, settings.now(), options.by, options.reason))
        service = await ledger.service(number)
    assert service is not None, "a service account is never deleted"
    _print(service, options.as_json)


def _print(service: Service, as_json: bool) -> None:
    if as_json:
        print_json(service)
        return
    say(f"{service.number} of {service.customer_id}: {service.state} since {utc(service.state_at)}", style="bold")
    say(f"  {cause_words(service.cause)}")
    tags = " ".join(service.tags)
    for name, value in (
        ("phone", service.phone),
        ("address", service.address),
        ("node", service.node),
        ("tags", tags),
    ):
        if value:
            say(f"  {name} {value}")


def _listed(row: ServiceRow) -> tuple[str, ...]:
    whose = f"{row.name} ({row.customer_id})" if row.name else row.customer_id
    return row.number, whose, row.state, utc(row.state_at), cause_words(row.cause), row.phone or "", row.address or ""


def _change(change: ServiceChange) -> tuple[str, ...]:
    call = f"{change.call}: {change.answer}" if change.answer else change.call or ""
    return utc(change.at), change.state, cause_words(change.cause), change.by or "", change.reason, call
