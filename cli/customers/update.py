"""``update``: changes how a customer is reached, charged or reviewed."""

from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError

from billing.customers.customer import Customer, CustomerChanges, ReviewMode
from billing.customers.ladder import parse_ladder
from billing.customers.roster import channels, triggers
from billing.customers.schedule import Schedule
from billing.errors import InvalidInput
from billing.money import parse_amount
from billing.payments.methods import CardOnFile
from billing.validation import explain
from bootstrap import Adapters, connect_adapters, connect_temporal
from bootstrap_texts import phone_reader
from cli.invoices.invoices import recorded_month
from cli.invoices.review import pairs
from cli.terminal.options import CommandOptions
from cli.terminal.send import send
from settings import load_settings


class CustomerOptions(NamedTuple):
    """The options for changes; a field without one stays as it is."""

    email: Annotated[str | None, typer.Option(help="Where the customer gets mail; names their rows in the sheet.")] = (
        None
    )
    name: Annotated[str | None, typer.Option(help="The customer's name in mails.")] = None
    currency: Annotated[str | None, typer.Option(help="Such as eur; only between two invoices.")] = None
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Paris.")] = None
    payment_method: Annotated[str | None, typer.Option(help="The card, such as pm_1Abc; checked at Stripe.")] = None
    stripe_customer: Annotated[str | None, typer.Option(help="The card's customer at Stripe, such as cus_1Abc.")] = None
    pay_by_bill: Annotated[bool, typer.Option("--pay-by-bill", help="Without a card, from now on.")] = False
    phone: Annotated[str | None, typer.Option(help="Where texts go, such as +77012345678.")] = None
    bill_by: Annotated[str | None, typer.Option(help="How bills go: mail, sms, or mail+sms.")] = None
    ladder: Annotated[
        str | None,
        typer.Option(help='What follows if they do not pay, such as "1 remind, 7 warn, 14 suspend"; none: as for all.'),
    ] = None
    review_mode: Annotated[ReviewMode | None, typer.Option(help="What it takes before a charge.")] = None
    approve_when: Annotated[
        str | None, typer.Option(help="What demands an approval: first, changed, large, edited, joined by +; or none.")
    ] = None
    unusual_change_percent: Annotated[
        int | None, typer.Option(min=0, help="Flag sales that differ from the usual by more than this; 0: never.")
    ] = None
    unusual_above: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Flag a total above this, such as 500.00; 0: never.")
    ] = None
    schedule: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="import_day, notice_days, charge_days; import_time, notice_time, …"),
    ] = None


async def update(options: CommandOptions, fields: CustomerOptions) -> None:
    """Update how a customer is reached, charged or reviewed, from now on.

    A new schedule counts for the running month until its sales are imported; after that, from the next month on.

    [bold]Examples[/bold]
    $ python starter.py update acme --by ann --reason "new card" --payment-method pm_1Abc
    $ python starter.py update acme --by ann --reason "new contact" --email billing@acme.example --review-mode approve
    $ python starter.py update acme --by ann --reason "new" --approve-when first+changed --unusual-change-percent 30
    $ python starter.py update acme --by ann --reason "agreed" --ladder "1 remind, 7 warn, 20 suspend"
    $ python starter.py update acme --by ann --reason "asked" --schedule notice_days=5 --schedule notice_time=09:00
    $ python starter.py update acme --by ann --reason "asked" --pay-by-bill --phone +77012345678 --bill-by mail+sms
    """
    customer_id, settings = options.customer_id, load_settings()
    async with connect_adapters(settings) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, options.period)
        if fields.phone:
            fields = fields._replace(phone=phone_reader(settings)(fields.phone))
        changes = await _verified(adapters, month.customer, _named(month.customer, fields))
        await send(options, "update_customer", month.period, {"changes": changes})
        if method := changes.payment_method:  # unpaid months are tried with the new card, or with none
            from clients.collection_commands import replace_card, stop_card

            decision: dict[str, Any] = {"by": options.by, "reason": options.reason, "via": "cli"}
            client = await connect_temporal(settings)
            if isinstance(method, CardOnFile):
                await replace_card(client, adapters.ledger, customer_id, method, **decision)
            else:
                await stop_card(client, adapters.ledger, customer_id, **decision)


def _named(customer: Customer, fields: CustomerOptions) -> dict[str, object]:
    """The options under the names of ``CustomerChanges``."""
    above = fields.unusual_above
    terms = {
        "review_mode": fields.review_mode,
        "approve_when": None if fields.approve_when is None else triggers(fields.approve_when),
        "unusual_change_percent": fields.unusual_change_percent,
        "unusual_above_minor": None if above is None else parse_amount(above, fields.currency or customer.currency),
        "schedule": _schedule(customer, fields.schedule),
        "bill_by": None if fields.bill_by is None else channels(fields.bill_by),
        "ladder": None if fields.ladder is None else parse_ladder("" if fields.ladder == "none" else fields.ladder),
    }
    return {
        "email": fields.email,
        "name": fields.name,
        "currency": fields.currency,
        "timezone": fields.timezone,
        "phone": fields.phone,
        "payment_method": _method(customer, fields),
        "terms": terms if any(value is not None for value in terms.values()) else None,
    }


def _method(customer: Customer, fields: CustomerOptions) -> dict[str, str | None] | None:
    """Bills, or another card, whose digits are those that Stripe has; None: it stays as it is."""
    card_id, payer_id, current = fields.payment_method, fields.stripe_customer, customer.card
    if fields.pay_by_bill and (card_id or payer_id):
        raise InvalidInput("--pay-by-bill takes the card away; leave --payment-method and --stripe-customer out")
    if fields.pay_by_bill:
        return {"kind": "bill"}
    if card_id is None and payer_id is None:
        return None
    if current is None and not (card_id and payer_id):
        raise InvalidInput(f"{customer.customer_id} has no card yet; give --payment-method and --stripe-customer")
    known = current.model_dump(include={"payer_id", "card_id"}) if current else {}
    given = {name: value for name, value in (("payer_id", payer_id), ("card_id", card_id)) if value}
    return {"kind": "card", **known, **given}


def _schedule(customer: Customer, texts: list[str] | None) -> Schedule | None:
    """The customer's schedule with the fields that were given; None if none was."""
    fields = dict(pairs("--schedule", "notice_time=09:00", texts))
    if unknown := sorted(fields.keys() - Schedule.model_fields.keys()):
        raise InvalidInput(f"--schedule has no {', '.join(unknown)}; it has {', '.join(Schedule.model_fields)}")
    try:
        return customer.terms.schedule.evolve(**fields) if fields else None
    except ValidationError as error:
        raise InvalidInput(f"{customer.customer_id}: schedule: {explain(error)}") from None


async def _verified(adapters: Adapters, customer: Customer, fields: dict[str, object]) -> CustomerChanges:
    """The changes: an email has one owner, and a card belongs to the customer and brings its last four digits."""
    from clients.start import check_currency, check_is_distinct, with_card_on_file

    try:
        changes = CustomerChanges.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"{customer.customer_id}: {explain(error)}") from None
    updated = changes.made_to(customer)
    if updated.currency != customer.currency:
        check_currency(updated, await adapters.ledger.balance(customer.customer_id))
    await check_is_distinct(adapters.ledger, updated)
    if changes.payment_method is not None:
        updated = await with_card_on_file(adapters.payments, updated)
        changes = changes.evolve(payment_method=updated.payment_method)
    if updated == customer:
        raise InvalidInput("nothing to update; give --email, --name, --review-mode or another option")
    return changes
