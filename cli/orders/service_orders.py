"""What the commands about orders do with those that go by a procedure."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, NamedTuple

import typer
from pydantic import ValidationError

from billing.errors import InvalidInput, NotFound
from billing.money import format_amount
from billing.subscribers.newcomer import SubscriberBody
from billing.validation import explain
from bootstrap import Adapters
from bootstrap_procedures import connect_procedures
from bootstrap_services import connect_service_desk
from bootstrap_texts import phone_reader
from cli.terminal.output import SHOWN, print_json, print_table, say, utc, whole
from orders.order import Buyer
from orders.ports import OrderLogEntry
from orders.procedures.files import procedure_of
from orders.procedures.procedure import Procedure
from orders.service.ports import ServiceFilter, ServiceOrders, ServiceRow, ServiceShown
from orders.service.service_order import ServiceRequest, ServiceStanding, StepRecord
from settings import Settings
from wording.plain import stage_words

_PAGE = 1000


class ServiceOptions(NamedTuple):
    """What an order says that goes by a procedure."""

    procedure: Annotated[
        str, typer.Option("--procedure", metavar="NAME", help="Lead a subscriber through it, such as connect.")
    ] = ""
    account: Annotated[str, typer.Option("--account", metavar="NUMBER", help="The account that it is about.")] = ""
    phone: Annotated[str, typer.Option("--phone", metavar="PHONE", help="Of a new account.")] = ""
    address: Annotated[str, typer.Option("--address", metavar="ADDRESS", help="Of a new account.")] = ""
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Where somebody new lives.")] = ""
    tariff: Annotated[str, typer.Option("--tariff", metavar="CODE", help="The tariff that is wanted.")] = ""
    date: Annotated[str, typer.Option("--date", metavar="DAY", help="The day that is wanted, 2026-12-24.")] = ""
    category: Annotated[str, typer.Option("--category", metavar="NAME", help="What a request is about.")] = ""
    text: Annotated[str, typer.Option("--text", metavar="WORDS", help="What else it says.")] = ""


class Person(NamedTuple):
    """Whose order it is, as typed."""

    customer: str
    name: str
    email: str
    currency: str


async def open_service_order(
    settings: Settings, adapters: Adapters, number: str, who: Person, typed: ServiceOptions, by: str, as_json: bool
) -> None:
    """Takes it in, and prints where it stands."""
    procedure = procedure_of(connect_procedures(settings), typed.procedure)
    request = _request(settings, number, who, typed, procedure)
    desk = connect_service_desk(settings, adapters)
    opened = await desk.open(request, procedure, by, "cli", settings.now())
    if as_json:
        print_json({**dict(opened.standing), "account": opened.account, "is_new": opened.is_new})
        return
    say("opened" if opened.is_new else "opened before, unchanged")
    print_service_standing(opened.standing, who.name, opened.account or "")


def _request(
    settings: Settings, number: str, who: Person, typed: ServiceOptions, procedure: Procedure
) -> ServiceRequest:
    asked = {field.name for field in procedure.fields}
    names = ("tariff", "address", "date", "category", "text")
    values = {name: value for name in names if (value := getattr(typed, name)) and (name in asked or name != "address")}
    currency, timezone = settings.newcomers or ("", "")
    try:
        new = None
        if "subscriber" in asked:
            phone = phone_reader(settings)(typed.phone) if typed.phone else None
            new = SubscriberBody(number=typed.account or None, phone=phone, address=typed.address or None)
        buyer = Buyer(customer_id=who.customer, name=who.name, email=who.email or None) if who.customer else None
        return ServiceRequest(
            number=number,
            procedure=procedure.name,
            buyer=buyer,
            currency=who.currency or currency,
            timezone=typed.timezone or timezone,
            account=None if new else typed.account or None,
            subscriber=new.keyed(settings.personal_key) if new else None,
            values=values,
        )
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def print_service_standing(standing: ServiceStanding, name: str = "", account: str = "") -> None:
    who = f"{standing.customer_id} ({name})" if name else standing.customer_id
    say(f"{standing.number} of {who}: {standing.title}, {stage_words(standing.stage)}", style="bold")
    if account:
        say(f"  account {account}")
    if standing.is_closed:
        say(f"  ended as {standing.outcome}")
        return
    due = f", due {utc(standing.due_at)}" if standing.due_at else ""
    say(f"  {standing.step_title}: since {utc(standing.step_since)}{due}")
    if standing.owed_minor:
        say(f"  {format_amount(standing.owed_minor, standing.currency)} are owed for its fee")
    if standing.halt_text:
        say(f"  {standing.halt_text}", style="yellow")


async def show_service_order(ledger: ServiceOrders, number: str, name: str, as_json: bool) -> None:
    """Prints all that is known of it. Raises ``NotFound``."""
    shown = await ledger.service_order(number)
    if shown is None:
        raise NotFound(f"there is no order {number}; see: python starter.py orders list")
    if as_json:
        print_json({**dict(shown.order), "standing": shown.standing, "steps": shown.steps, "log": shown.log})
        return
    print_service_standing(shown.standing, name, shown.order.account or "")
    columns = (whole("Began"), whole("Ended"), "Step", "Outcome", "Who", "Why")
    print_table(columns, shown.steps, _step_of(shown), title="Steps")
    values = [(field, _value(value)) for field, value in shown.order.values.items()]
    print_table(("What is known", ""), values, lambda row: row)
    print_table((whole("When"), "Who", "What", "Why", "Effect"), shown.log, _logged, title="Log")


def _step_of(shown: ServiceShown) -> Callable[[StepRecord], tuple[str, ...]]:
    titles = {step.name: step.title for step in shown.order.procedure.steps}

    def cells(step: StepRecord) -> tuple[str, ...]:
        ended = utc(step.ended_at) if step.ended_at else ""
        outcome = (step.outcome or "").replace("_", " ")
        return utc(step.began_at), ended, titles[step.step], outcome, step.by or "", step.reason or ""

    return cells


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _logged(entry: OrderLogEntry) -> tuple[str, ...]:
    return utc(entry.at), entry.by or "", entry.what.replace("_", " "), entry.reason or "", entry.text


async def print_service_list(ledger: ServiceOrders, wanted: ServiceFilter) -> int:
    """Prints those that match; how many there are."""
    page = await ledger.service_orders(wanted, SHOWN)
    if page.rows:
        columns = (whole("Number"), "Customer", "Procedure", "Stage", "Step", whole("Since"), whole("Due"))
        print_table(columns, page.rows, _listed)
    if page.count > len(page.rows):
        say(f"… {page.count - len(page.rows):,} more; --json has them all")
    return page.count


def _listed(row: ServiceRow) -> tuple[str, ...]:
    standing = row.standing
    who = f"{row.name} ({standing.customer_id})" if row.name else standing.customer_id
    due = f"{standing.due_at:%Y-%m-%d}" if standing.due_at else ""
    stage = stage_words(standing.stage)
    return standing.number, who, standing.title, stage, standing.step_title, f"{standing.step_since:%Y-%m-%d}", due


async def all_service_orders(ledger: ServiceOrders, wanted: ServiceFilter) -> AsyncIterator[ServiceRow]:
    offset = 0
    while rows := (await ledger.service_orders(wanted, _PAGE, offset)).rows:
        for row in rows:
            yield row
        offset += len(rows)
