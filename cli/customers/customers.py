"""``customers``: the roster in the ledger, its export, and the links by which customers register."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from billing.apart import Failed, why
from billing.customers.customer import Currency, Timezone
from billing.customers.ladder import ladder_text
from billing.customers.ports import RosterRow
from billing.customers.registration import Registration, RegistrationState
from billing.customers.roster import write_roster
from billing.errors import InvalidInput, NotFound
from billing.invoices.ports import InvoiceRow
from billing.keys import workflow_id
from billing.money import format_amount
from billing.receivables.journal import Balance, Entry, Transaction
from billing.validation import explain
from bootstrap import connect_adapters, connect_ledger, connect_registrar, connect_temporal
from cli.terminal.options import AsJson, By, CustomerId, Reason
from cli.terminal.output import SHOWN, counted, end_with, print_json, print_json_list, print_table, say, utc, whole
from settings import Settings, load_settings
from wording.customers import pays_by, reached_at
from wording.plain import relative

_UNKNOWN = "the ledger does not know {}; see: python starter.py customers list --closed"

Closed = Annotated[bool, typer.Option("--closed", help="Include closed accounts.")]
Days = Annotated[int, typer.Option("--days", metavar="N", min=1, max=366, help="How long the link is valid.")]


async def list_(closed: Closed = False, as_json: AsJson = False) -> None:
    """List the customers in the ledger.

    [bold]Examples[/bold]
    $ python starter.py customers list
    $ python starter.py customers list --closed --json
    """
    unread, rows, count = list[Failed](), list[RosterRow](), 0
    async with connect_ledger(load_settings()) as ledger:
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
    print_table(columns, rows, _listed)
    if count > len(rows):
        say(f"… {count - len(rows):,} more; --json has them all")
    say(counted(count, "customer"), style="bold")
    end_with(unread)


def _listed(row: RosterRow) -> tuple[str, ...]:
    review = f"closed: {row.closed_reason}" if row.closed_at else str(row.terms.review_mode)
    pays = row.last4 if row.card else "by bill"
    return row.customer_id, row.name, row.email or row.phone or "", row.currency.upper(), row.timezone, pays, review


async def show(
    customer_id: CustomerId,
    statement: Annotated[bool, typer.Option("--statement", help="Every movement of their money as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a customer: data, terms, consent, the months so far, what they owe and their credit.

    [bold]Examples[/bold]
    $ python starter.py customers show acme
    $ python starter.py customers show acme --statement
    """
    async with connect_ledger(load_settings()) as ledger:
        row = await ledger.roster_row(customer_id)
        if row is None:
            raise NotFound(_UNKNOWN.format(customer_id))
        months = await ledger.invoices(customer_id=customer_id)
        registration = await ledger.registration_of(customer_id)
        numbers = await ledger.numbers_of(customer_id)
        balance = await ledger.balance(customer_id)
        transactions = await ledger.transactions(customer_id) if statement or as_json else []
    if as_json:
        more = {
            "registration": registration,
            "numbers": numbers,
            "months": months,
            "balance": balance,
            "statement": transactions,
        }
        print_json({**row.model_dump(mode="json"), **more})
        return
    _print(row, registration)
    for account in numbers:
        say(f"account number {account.number}{', closed' if account.closed_at else ''}")
    say("")
    print_table((whole("Period"), "Stage", whole("Total", "right")), months, _month)
    say("\n" + ("\n".join(_standing(balance)) or "Nothing is owed on either side."))
    if statement:
        columns = (whole("When"), whole("Cause"), "Account", whole("Amount", "right"), "Why")
        cells = (_posted(transaction, entry) for transaction in transactions for entry in transaction.entries)
        print_table(columns, [*cells], tuple, title="Statement", empty="no money has moved yet")
    say(f"\nTemporal: workflow {workflow_id(customer_id)}")


async def settle(customer_id: CustomerId, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Give up a balance that no invoice will take over: of a closed account, or credit in a currency of the past.

    Money that goes back to the customer is recorded where it was paid: refund the payment instead. A repeat changes
    nothing.

    [bold]Example[/bold]
    $ python starter.py customers settle acme --by ann --reason "0.20 is not worth a letter"
    """
    async with connect_ledger(load_settings()) as ledger:
        settled = await ledger.settle(customer_id, by, reason, datetime.now(UTC))
    if as_json:
        print_json({"customer_id": customer_id, "settled": settled})
        return
    say(f"{customer_id}: {'; '.join(('settled', *_standing(settled))) if not settled.is_even else 'nothing to settle'}")


def _print(row: RosterRow, registration: Registration | None) -> None:
    say(f"{row.customer_id} · {row.name} <{reached_at(row)}>", style="bold")
    say(f"{row.currency.upper()} · {row.timezone} · since {utc(row.created_at)}")
    say(pays_by(row))
    terms = row.terms
    say(
        f"review mode {terms.review_mode} · window {terms.min_window_hours} h · notice {terms.min_notice_hours} h · "
        f"retries after {', '.join(map(str, terms.dunning_days)) or 'no'} days"
    )
    if terms.ladder:
        say(f"ladder: {ladder_text(terms.ladder)}")
    if row.closed_at:
        say(f"Closed {utc(row.closed_at)}: {row.closed_reason}", style="yellow")
    if registration and registration.consent:
        say(f"Consent of {utc(registration.consent.at)}, version {registration.consent.version}:")
        say(f"  {registration.consent.text}")


def _standing(balance: Balance) -> Iterator[str]:
    """What is owed, and what of the customer's money pays nothing yet."""
    for item in balance.owed:
        amount = format_amount(abs(item.amount_minor), item.currency)
        if item.amount_minor < 0:
            yield f"{amount} of credit used in the draft of {item.subject.name}"
            continue
        if not item.subject.kind.is_pressed:
            yield f"{amount} owed for {item.subject.title}"
            continue
        due = f", due {utc(item.due_at)}" if item.due_at else ", not announced yet"
        yield f"{amount} owed for {item.subject.name}{due}"
    for currency, minor in balance.credits.items():
        amount = format_amount(abs(minor), currency)
        yield f"{amount} of credit for the next draft" if minor < 0 else f"{amount} carried forward to the next draft"


def _posted(transaction: Transaction, entry: Entry) -> tuple[str, ...]:
    account = entry.account
    whose = f"{account.kind} {account.subject or account.rail or ''}".strip().replace("_", " ")
    amount = format_amount(entry.amount_minor, entry.currency)
    why = ": ".join(filter(None, (transaction.by, transaction.reason)))
    return utc(transaction.at), transaction.cause.replace("_", " "), whose, amount, why


def _month(row: InvoiceRow) -> tuple[str, ...]:
    return row.period, row.stage, format_amount(row.total_minor, row.currency) if row.version else "no draft yet"


async def export(
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Instead of to the terminal.")] = None,
    closed: Closed = False,
) -> None:
    """Export customers as a CSV file that customers import and start --from can read.

    A cell that a spreadsheet would calculate begins with an apostrophe; the import drops it.
    Customers who cannot be written are named on standard error, with exit code 1; the others are in the file.

    [bold]Example[/bold]
    $ python starter.py customers export --output customers.csv
    """
    unread: list[Failed] = []
    async with connect_ledger(load_settings()) as ledger:
        rows = ledger.roster(closed, unread)
        if output is None:
            await _write(rows, typer.get_text_stream("stdout"), unread)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = await _write(rows, file, unread)
            say(f"{counted(count, 'customer')} written to {output}")
    end_with(unread)


async def _write(rows: AsyncIterator[RosterRow], file: IO[str], failed: list[Failed]) -> int:
    """Writes row by row, and returns how many. Rows that cannot be written are in ``failed``."""
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
    """Print the link by which a customer registers another card. Anyone who has it can: send it to nobody else.

    For an import whose token was refused, it is the link by which that customer registers a first card.

    [bold]Example[/bold]
    $ python starter.py customers link acme --days 14
    """
    settings = _with_links()
    async with connect_ledger(settings) as ledger:
        customer, registration = await ledger.customer(customer_id), await ledger.registration_of(customer_id)
    until = datetime.now(UTC) + timedelta(days=days)
    if customer is not None:
        say(settings.links.to_card(customer_id, until))
    elif registration is not None and registration.is_import:
        say(settings.links.to_registration(registration.registration_id, until))
    else:
        raise NotFound(_UNKNOWN.format(customer_id))


async def invite(
    currency: Annotated[str, typer.Option("--currency", help="The new customer's currency, such as eur.")],
    timezone: Annotated[str, typer.Option("--timezone", help="Their time zone, such as Europe/Paris.")],
    days: Days = 30,
) -> None:
    """Print a link by which a new customer registers, with this currency and time zone.

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
    everything: Annotated[bool, typer.Option("--all", help="Include finished ones.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="First finish those with a saved card.")] = False,
    as_json: AsJson = False,
) -> None:
    """List registrations that are not finished; with --finish, finish those with a saved card first.

    A running console does that every few minutes.

    [bold]Examples[/bold]
    $ python starter.py customers registrations
    $ python starter.py customers registrations --finish
    """
    settings, now = load_settings(), datetime.now(UTC)
    async with connect_adapters(settings) as adapters:
        swept: dict[str, str | Failed] = {}
        if finish:
            client = await connect_temporal(settings)
            swept = await connect_registrar(settings, adapters, client).sweep(now)
        unread: list[Failed] = []
        rows = await adapters.ledger.registrations(failed=unread)
    results = {name: f"not yet: {came.reason}" if isinstance(came, Failed) else came for name, came in swept.items()}
    rows = [row for row in rows if everything or row.registration_id in results or not _is_finished(row)]
    if as_json:
        print_json({"registrations": rows, "results": results})
    else:
        columns = (whole("Registration"), whole("Customer"), "Email", whole("State"), "Since", "Result")
        print_table(columns, rows, lambda row: _registration(row, results, now), empty="no registrations are open")
    end_with(unread)
    if any(isinstance(came, Failed) for came in swept.values()):
        raise typer.Exit(1)


def _is_finished(row: Registration) -> bool:
    return row.state in (RegistrationState.STARTED, RegistrationState.KNOWN) and row.told_at is not None


def _registration(row: Registration, results: dict[str, str], now: datetime) -> tuple[str, ...]:
    result = results.get(row.registration_id, "")
    return row.registration_id, row.customer_id, row.email, row.state, relative(row.updated_at, now), result


def _with_links() -> Settings:
    settings = load_settings()
    if not settings.links.base_url:
        raise InvalidInput("set BILLING_CONSOLE_URL and BILLING_LINK_SECRET: where customers reach the console")
    return settings
