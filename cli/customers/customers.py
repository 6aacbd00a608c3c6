"""``customers``: the roster in the ledger, how it comes in and goes out, and the links by which customers register."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from billing.apart import Failed, why
from billing.customers.customer import Currency, Timezone
from billing.customers.ports import RosterRow
from billing.customers.registration import Registration, RegistrationState
from billing.customers.roster import write_roster
from billing.errors import InvalidInput, NotFound
from billing.invoices.ports import InvoiceRow
from billing.keys import workflow_id
from billing.money import format_amount
from billing.validation import explain
from bootstrap import connect_adapters, connect_ledger, connect_registrar, connect_temporal
from cli.terminal.options import AsJson, CustomerId
from cli.terminal.output import SHOWN, console, end_with, print_json, print_json_list, relative, say, table, utc, whole
from settings import Settings, load_settings

Closed = Annotated[bool, typer.Option("--closed", help="Also those whose account is closed.")]
Days = Annotated[int, typer.Option("--days", metavar="N", min=1, max=366, help="How long the link is good for.")]


async def list_customers(closed: Closed = False, as_json: AsJson = False) -> None:
    """List the customers in the ledger.

    [bold]Examples[/bold]
    $ python starter.py customers list
    $ python starter.py customers list --closed --json
    """
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        unread: list[Failed] = []
        rows, count = [], 0
        if as_json:
            await print_json_list("customers", ledger.roster(closed, unread))
            end_with(unread)
            return
        async for row in ledger.roster(closed, unread):
            rows += [row] if count < SHOWN else []
            count += 1
    if not rows and not unread:
        say("no customers yet; they register themselves, or: python starter.py customers import customers.csv")
        return
    columns = (whole("Customer"), "Name", "Email", whole("Currency"), "Zone", whole("Card"), "Review")
    console.print(table(columns, map(_listed, rows)))
    if count > len(rows):
        say(f"… {count - len(rows):,} more; --json has them all")
    say(f"{count:,} customers", style="bold")
    end_with(unread)


def _listed(row: RosterRow) -> tuple[str, ...]:
    review = f"closed: {row.closed_reason}" if row.closed_at else str(row.terms.review_mode)
    return row.customer_id, row.name, row.email, row.currency.upper(), row.timezone, row.payment_method.last4, review


async def show_customer(customer_id: CustomerId, as_json: AsJson = False) -> None:
    """Show a customer: data, terms, consent, and the months so far.

    [bold]Example[/bold]
    $ python starter.py customers show acme
    """
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        row = await ledger.roster_row(customer_id)
        if row is None:
            raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list --closed")
        months = await ledger.invoices(customer_id=customer_id)
        registration = await ledger.registration_of(customer_id)
    if as_json:
        print_json({**row.model_dump(mode="json"), "registration": registration, "months": months})
        return
    _print(row, registration)
    _print_months(months)
    say(f"\nTemporal: workflow {workflow_id(customer_id)}")


def _print(row: RosterRow, registration: Registration | None) -> None:
    say(f"{row.customer_id} · {row.name} <{row.email}>", style="bold")
    say(f"{row.currency.upper()} · {row.timezone} · since {utc(row.created_at)}")
    card = row.payment_method
    say(f"card {card.card_id} of {card.payer_id}, last four digits {card.last4 or 'unknown'}")
    terms = row.terms
    say(
        f"review mode {terms.review_mode} · window {terms.min_window_hours} h · notice {terms.min_notice_hours} h · "
        f"retries after {', '.join(map(str, terms.dunning_days)) or 'no'} days"
    )
    if row.closed_at:
        say(f"Closed {utc(row.closed_at)}: {row.closed_reason}", style="yellow")
    if registration and registration.consent:
        say(f"Consent of {utc(registration.consent.at)}, version {registration.consent.version}:")
        say(f"  {registration.consent.text}")


def _print_months(months: list[InvoiceRow]) -> None:
    rows = [
        (row.period, row.stage, format_amount(row.total_minor, row.currency) if row.version else "no draft yet")
        for row in months
    ]
    say("")
    console.print(table((whole("Period"), "Stage", whole("Total", "right")), rows))


async def export_customers(
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Instead of to the terminal.")] = None,
    closed: Closed = False,
) -> None:
    """Export customers as a CSV file that customers import and start --from read again.

    A cell that a spreadsheet would calculate begins with an apostrophe, which is left out when it is read again.
    Who cannot be written is named on standard error, with exit code 1; the others are in the file.

    [bold]Example[/bold]
    $ python starter.py customers export --output customers.csv
    """
    unread: list[Failed] = []
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        rows = ledger.roster(closed, unread)
        if output is None:
            await _write(rows, typer.get_text_stream("stdout"), unread)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = await _write(rows, file, unread)
            say(f"{count:,} customers written to {output}")
    end_with(unread)


async def _write(rows: AsyncIterator[RosterRow], file: IO[str], failed: list[Failed]) -> int:
    """Row by row: how many. Who cannot be written is in ``failed``."""
    count = 0
    file.write(write_roster([]))
    async for row in rows:
        try:
            file.write(write_roster([row], header=False))
            count += 1
        except Exception as error:
            failed.append(Failed(customer_id=row.customer_id, reason=why(error)))
    return count


async def link(customer_id: CustomerId, days: Days = 30) -> None:
    """Print the link by which a customer registers another card. Who has it can do so: send it to nobody else.

    For an import whose token was refused, it is the link by which its customer registers their first card.

    [bold]Example[/bold]
    $ python starter.py customers link acme --days 14
    """
    settings = _with_links()
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(settings, stack)
        known, registration = await ledger.customer(customer_id), await ledger.registration_of(customer_id)
    until = datetime.now(UTC) + timedelta(days=days)
    if known is not None:
        say(settings.links.to_card(customer_id, until))
    elif registration is not None and registration.is_import:
        say(settings.links.to_registration(registration.registration_id, until))
    else:
        raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list --closed")


async def invite(
    currency: Annotated[str, typer.Option("--currency", help="What the new customer is billed in, such as eur.")],
    timezone: Annotated[str, typer.Option("--timezone", help="Their clock, such as Europe/Paris.")],
    days: Days = 30,
) -> None:
    """Print a link by which somebody registers as a customer, with this currency and time zone.

    [bold]Example[/bold]
    $ python starter.py customers invite --currency nzd --timezone Pacific/Auckland
    """
    try:
        code = TypeAdapter(Currency).validate_python(currency)
        zone = TypeAdapter(Timezone).validate_python(timezone)
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None
    say(_with_links().links.to_invitation(code, zone, datetime.now(UTC) + timedelta(days=days)))


async def registrations(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are finished.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="First finish what can go on without the customer.")] = False,
    as_json: AsJson = False,
) -> None:
    """List registrations that are on their way, and with --finish finish those whose card is saved.

    A console does the same by itself every few minutes.

    [bold]Examples[/bold]
    $ python starter.py customers registrations
    $ python starter.py customers registrations --finish
    """
    settings, now = load_settings(), datetime.now(UTC)
    async with connect_adapters(settings) as adapters:
        results: dict[str, str] = {}
        if finish:
            client = await connect_temporal(settings)
            results = await connect_registrar(settings, adapters, client).sweep(now)
        unread: list[Failed] = []
        rows = await adapters.ledger.registrations(failed=unread)
    rows = [row for row in rows if everything or row.registration_id in results or not _is_finished(row)]
    if as_json:
        print_json({"registrations": rows, "results": results})
    elif not rows:
        say("no registrations are on their way")
    else:
        columns = (whole("Registration"), whole("Customer"), "Email", whole("State"), "Since", "Result")
        console.print(table(columns, (_on_its_way(row, results, now) for row in rows)))
    end_with(unread)
    if any(result.startswith("not yet") for result in results.values()):
        raise typer.Exit(1)


def _is_finished(row: Registration) -> bool:
    return row.state in (RegistrationState.STARTED, RegistrationState.KNOWN) and row.told_at is not None


def _on_its_way(row: Registration, results: dict[str, str], now: datetime) -> tuple[str, ...]:
    result = results.get(row.registration_id, "")
    return row.registration_id, row.customer_id, row.email, row.state, relative(row.updated_at, now), result


def _with_links() -> Settings:
    settings = load_settings()
    if not settings.links.base_url:
        raise InvalidInput("set BILLING_CONSOLE_URL and BILLING_LINK_SECRET: where customers reach the console")
    return settings
