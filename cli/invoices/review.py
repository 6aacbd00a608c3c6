"""``halt``, ``resume``, ``edit``, ``approve``, ``skip``, ``close``, ``update``: a reviewer's words to a running month.

Each is sent as a Temporal update and answered at once: done, or refused and why.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from billing.customers.customer import Customer, CustomerChanges, ReviewMode
from billing.customers.roster import triggers
from billing.customers.schedule import Schedule
from billing.errors import BillingError, InvalidInput
from billing.invoices.month import Month
from billing.money import parse_amount
from billing.period import Period
from billing.validation import explain
from bootstrap import Adapters, connect_adapters, connect_ledger, connect_temporal
from cli.invoices.difference import digest_of, explained
from cli.invoices.invoices import print_invoice, recorded_month
from cli.terminal.options import (
    DEFAULT_TIMEOUT_SECONDS,
    AsJson,
    By,
    CommandId,
    CustomerId,
    PeriodOption,
    Reason,
    Timeout,
)
from cli.terminal.send import CommandOptions, send
from clients.collection_commands import replace_card
from clients.start import check_is_distinct, with_card_on_file
from settings import load_settings


def _plain_command(name: str, description: str) -> Callable[..., Awaitable[None]]:
    """A command that says nothing but who and why. With --period it does not need the ledger: a halt never waits."""

    async def command(
        customer_id: CustomerId,
        by: By,
        reason: Reason,
        period: PeriodOption = None,
        command_id: CommandId = "",
        timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
        as_json: AsJson = False,
    ) -> None:
        said = CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
        if period is None:
            month = await _month(customer_id, None)
            period = month.period
            if name == "skip" and month.invoice is None and not month.outage:
                raise BillingError(
                    f"{customer_id}: {period} is not collected yet; to skip it all the same add --period {period}"
                )
        await send(said, name, period, {})

    command.__doc__ = description
    return command


halt = _plain_command(
    "halt",
    """Halt a month: nothing is announced or charged until somebody resumes.

    [bold]Example[/bold]
    $ python starter.py halt acme --by ann --reason "row 7 looks wrong"
    """,
)
resume = _plain_command(
    "resume",
    """Resume a halted month, with at least the minimum window; also tries again what had failed.

    [bold]Example[/bold]
    $ python starter.py resume acme --by ann --reason "row 7 is right after all"
    """,
)
skip = _plain_command(
    "skip",
    """Skip a month: it closes without a charge, and the next one begins.

    [bold]Example[/bold]
    $ python starter.py skip acme --by ann --reason "goodwill after the outage"
    """,
)
close = _plain_command(
    "close_account",
    """Close an account: the current month is billed as planned and is the last one.

    [bold]Example[/bold]
    $ python starter.py close acme --by ann --reason "contract ended"
    """,
)


async def edit(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    change: Annotated[
        list[str] | None, typer.Option(metavar="LINE=AMOUNT", help="Set the amount of a line, or of an unreadable row.")
    ] = None,
    describe: Annotated[list[str] | None, typer.Option(metavar="LINE=TEXT", help="Set the text of a line.")] = None,
    add: Annotated[list[str] | None, typer.Option(metavar="TEXT=AMOUNT", help="Add a line.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="LINE", help="Remove a line or unreadable row.")] = None,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="The version you saw; without it, the one in the ledger now.")
    ] = None,
    period: PeriodOption = None,
    command_id: CommandId = "",
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Edit the lines of a draft, in one step; a draft that was announced already is announced anew.

    Every option for lines may be repeated. Amounts are in the invoice's currency, such as 12.50, or -5 for a credit.
    Lines have names such as row-7 (row 7 of the sheet) and added-1: python starter.py show CUSTOMER_ID

    [bold]Examples[/bold]
    $ python starter.py edit acme --by ann --reason "typo in the sheet" --change row-7=12.50
    $ python starter.py edit acme --by ann --reason "agreed discount" --add "Discount=-5.00" --remove row-9
    """
    month = await _month(customer_id, period)
    currency = month.invoice.currency if month.invoice else month.customer.currency
    try:
        changes = _line_changes(currency, change, describe, add, remove)
    except InvalidInput as error:
        raise InvalidInput(f"{customer_id}, {month.period}: {error}") from None
    if not changes:
        raise InvalidInput("nothing to edit; give --change, --describe, --add or --remove")
    _check_each_once(changes)
    seen = version if version is not None else month.invoice.version if month.invoice else 0
    digest = await digest_of(month, seen)
    said = CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
    async with explained(month, digest, as_json):
        await send(said, "edit", month.period, {"version": seen, "digest": digest, "changes": changes})


async def approve(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Of the draft you saw; without it, the one in the ledger now.")
    ] = None,
    period: PeriodOption = None,
    command_id: CommandId = "",
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Approve a draft, and show what was approved. Any later edit voids the approval.

    [bold]Examples[/bold]
    $ python starter.py approve acme --by bob --reason "as agreed"
    $ python starter.py approve acme --by bob --reason "as agreed" --digest 3f0c9a1be52d7744
    """
    month = await _month(customer_id, period)
    seen = month.invoice.digest if month.invoice else ""
    said = CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
    async with explained(month, digest or seen, as_json):
        await send(said, "approve", month.period, {"digest": digest or seen})
    if not as_json and digest in (None, seen):
        print_invoice(month)


async def update(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    email: Annotated[
        str | None, typer.Option(help="Where the customer gets mail; names their rows in the sheet.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the customer is called in mail.")] = None,
    currency: Annotated[str | None, typer.Option(help="Such as eur; only between two invoices.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Paris.")] = None,
    payment_method: Annotated[str | None, typer.Option(help="The card, such as pm_1Abc; checked at Stripe.")] = None,
    stripe_customer: Annotated[str | None, typer.Option(help="Whose card it is at Stripe, such as cus_1Abc.")] = None,
    review_mode: Annotated[ReviewMode | None, typer.Option(help="What it takes before a charge.")] = None,
    approve_when: Annotated[
        str | None, typer.Option(help="What demands an approval: first, changed, large, edited, joined by +; or none.")
    ] = None,
    unusual_change_percent: Annotated[
        int | None, typer.Option(min=0, help="Flag sales that differ from the usual by more than this; 0: never.")
    ] = None,
    unusual_above: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Flag a total above this, such as 500.00; 0: never.")
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="import_day, notice_days, charge_days; import_time, notice_time, …"),
    ] = None,
    period: PeriodOption = None,
    command_id: CommandId = "",
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Update how a customer is reached, charged or reviewed, from now on.

    Another schedule counts for the running month until its sales are collected, and else from the next one on.

    [bold]Examples[/bold]
    $ python starter.py update acme --by ann --reason "new card" --payment-method pm_1Abc
    $ python starter.py update acme --by ann --reason "new contact" --email billing@acme.example --review-mode approve
    $ python starter.py update acme --by ann --reason "new" --approve-when first+changed --unusual-change-percent 30
    $ python starter.py update acme --by ann --reason "asked" --schedule notice_days=5 --schedule notice_time=09:00
    """
    async with connect_adapters(load_settings()) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, period)
        above = None if unusual_above is None else parse_amount(unusual_above, currency or month.customer.currency)
        terms = {
            "review_mode": review_mode,
            "approve_when": None if approve_when is None else triggers(approve_when),
            "unusual_change_percent": unusual_change_percent,
            "unusual_above_minor": above,
            "schedule": _schedule(month.customer, schedule),
        }
        fields: dict[str, Any] = {
            "email": email,
            "name": name,
            "currency": currency,
            "timezone": timezone,
            "payment_method": _card(month.customer, payment_method, stripe_customer),
            "terms": terms if any(value is not None for value in terms.values()) else None,
        }
        changes = await _verified(adapters, month.customer, fields)
        said = CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
        await send(said, "update_customer", month.period, {"changes": changes})
        if card := changes.payment_method:  # what is still owed is tried with the new one
            by_us: dict[str, Any] = {"by": by, "reason": reason, "via": "cli"}
            await replace_card(await connect_temporal(load_settings()), adapters.ledger, customer_id, card, **by_us)


def _card(customer: Customer, card_id: str | None, payer_id: str | None) -> dict[str, str] | None:
    """Another card; None if neither is given. Its digits are those that Stripe has."""
    if card_id is None and payer_id is None:
        return None
    known = customer.payment_method
    return {"payer_id": payer_id or known.payer_id, "card_id": card_id or known.card_id}


def _schedule(customer: Customer, given: list[str] | None) -> Schedule | None:
    """The customer's schedule with the fields that were given; None if none was."""
    fields = dict(_pairs("--schedule", "notice_time=09:00", given))
    if unknown := sorted(fields.keys() - Schedule.model_fields.keys()):
        raise InvalidInput(f"--schedule has no {', '.join(unknown)}; it has {', '.join(Schedule.model_fields)}")
    try:
        return customer.terms.schedule.evolve(**fields) if fields else None
    except ValidationError as error:
        raise InvalidInput(f"{customer.customer_id}: schedule: {explain(error)}") from None


def _line_changes(
    currency: str,
    change: list[str] | None,
    describe: list[str] | None,
    add: list[str] | None,
    remove: list[str] | None,
) -> list[Mapping[str, object]]:
    """The options as changes of an ``Edit``. Raises ``InvalidInput`` for one that cannot be read."""
    return [
        *(
            {"op": "change", "line_id": line_id, "amount_minor": parse_amount(amount, currency)}
            for line_id, amount in _pairs("--change", "row-7=12.50", change)
        ),
        *(
            {"op": "change", "line_id": line_id, "description": text}
            for line_id, text in _pairs("--describe", "row-7=Hosting", describe)
        ),
        *(
            {"op": "add", "description": text, "amount_minor": parse_amount(amount, currency)}
            for text, amount in _pairs("--add", "Discount=-5.00", add)
        ),
        *({"op": "remove", "line_id": line_id} for line_id in remove or ()),
    ]


async def _verified(adapters: Adapters, customer: Customer, fields: Mapping[str, object]) -> CustomerChanges:
    """The changes: an email has one owner, and a card belongs to the customer and brings its last four digits."""
    try:
        changes = CustomerChanges.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(f"{customer.customer_id}: {explain(error)}") from None
    updated = changes.made_to(customer)
    await check_is_distinct(adapters.ledger, updated)
    if changes.payment_method is not None:
        updated = await with_card_on_file(adapters.payments, updated)
        changes = changes.evolve(payment_method=updated.payment_method)
    if updated == customer:
        raise InvalidInput("nothing to update; give --email, --name, --review-mode or another option")
    return changes


async def _month(customer_id: str, period: Period | None) -> Month:
    async with AsyncExitStack() as stack:
        return await recorded_month(await connect_ledger(load_settings(), stack), customer_id, period)


def _check_each_once(changes: list[Mapping[str, object]]) -> None:
    """Raises ``InvalidInput`` if two changes of an edit contradict each other: one would be lost."""
    told = Counter(
        (each["line_id"], what)
        for each in changes
        for what in ("amount_minor", "description")
        if each["op"] == "remove" or (each["op"] == "change" and what in each)
    )
    for (line_id, _), times in told.items():
        if times > 1:
            raise InvalidInput(f"{line_id} is changed twice; say once what becomes of it")


def _pairs(option: str, example: str, texts: list[str] | None) -> list[tuple[str, str]]:
    """What stands before and after ``=``: after the last one if that is an amount, else after the first."""
    pairs = []
    for text in texts or ():
        left, equals, right = text.partition("=") if option == "--describe" else text.rpartition("=")
        if not equals:
            raise InvalidInput(f"{option} {text!r} lacks =; write it like {option} {example!r}")
        if not left.strip() or not (right.strip() or option != "--describe"):
            raise InvalidInput(f"{option} {text!r} lacks what belongs beside =; write it like {option} {example!r}")
        pairs.append((left.strip(), right.strip()))
    return pairs
