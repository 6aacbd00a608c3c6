"""``customers import``: customers from a CSV file, with cards or with the tokens of an old form."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client

from billing.customers.customer import Customer
from billing.customers.registration import Registration, RegistrationState, import_id
from billing.customers.roster import Newcomer, RowProblem, has_tokens, numbers_in, parse_newcomers, parse_roster
from billing.errors import BillingError
from bootstrap import Adapters, connect_adapters, connect_registrar, connect_temporal
from bootstrap_texts import phone_reader
from cli.customers.outcomes import REFUSED, CustomerOutcome, numbered, one_by_one, report, start_all
from cli.customers.start import read_text, rows_in
from cli.terminal.options import AsJson
from clients.registrar import Registrar
from clients.start import StartStatus, start_customer
from settings import load_settings


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of customers.")], as_json: AsJson = False
) -> None:
    """Import customers and start billing them; a repeat changes nothing, and retries the rows that failed.

    The file has the columns of start --from; or, instead of stripe_customer_id and payment_method_id, a column token
    (tok_...) from an old form. A column account_number, perhaps of several with semicolons, has what the customer types
    in a bank's app. Each token becomes a customer with a card at Stripe, once, however often you repeat it.
    A row that is refused is reported with its line; the others go on. Exit code 0 if nothing was refused.

    [bold]Examples[/bold]
    $ python starter.py customers import customers.csv
    $ python starter.py customers import tokens.csv --json
    """
    text, settings = read_text(file), load_settings()
    read_phone = phone_reader(settings)
    customers: dict[int, Customer] = {}
    newcomers: dict[int, Newcomer] = {}
    problems: list[RowProblem]
    if has_tokens(text):
        newcomers, problems = rows_in(file, text, partial(parse_newcomers, read_phone=read_phone))
    else:
        customers, problems = rows_in(file, text, partial(parse_roster, read_phone=read_phone))
    outcomes = [CustomerOutcome(status=REFUSED, **dict(problem)) for problem in problems]
    async with connect_adapters(settings) as adapters:
        await adapters.ledger.known([])  # an unprepared ledger is one error, not one for each customer
        client = await connect_temporal(settings)
        registrar = connect_registrar(settings, adapters, client)

        async def register(line: int, newcomer: Newcomer) -> CustomerOutcome:
            try:
                return await _registered(client, adapters, registrar, line, newcomer)
            except BillingError as error:  # without the id of the registration: the row has the customer's
                customer_id, reason = newcomer.customer_id, str(error)
                reason = reason.removeprefix(f"{import_id(customer_id)}: ")
                return CustomerOutcome(customer_id=customer_id, status=REFUSED, line=line, reason=reason)

        spread = [(line, customer.spread_over(settings.spread)) for line, customer in customers.items()]
        outcomes += await start_all("importing", client, adapters, spread)
        outcomes += await one_by_one("importing", list(newcomers.items()), register)
        outcomes = await numbered(adapters.ledger, outcomes, numbers_in(text, read_phone), file.name)
    report(outcomes, as_json)


async def _registered(
    client: Client, adapters: Adapters, registrar: Registrar, line: int, newcomer: Newcomer
) -> CustomerOutcome:
    customer_id = newcomer.customer_id
    customer = await adapters.ledger.customer(customer_id)
    if customer is not None:  # the token was used already, or is not needed
        started = await start_customer(client, adapters.ledger, adapters.payments, customer)
        return CustomerOutcome(line=line, **dict(started))
    now = datetime.now(UTC)
    registration = Registration(
        registration_id=import_id(customer_id),
        **newcomer.model_dump(exclude={"token", "account_numbers"}),
        review_mode=newcomer.terms.review_mode,
        created_at=now,
        updated_at=now,
        told_at=now,  # no mail goes out: they consented elsewhere
    )
    registration = await registrar.import_customer(registration, newcomer.token)
    if registration.state is not RegistrationState.STARTED:
        reason = "another customer has its email"
        return CustomerOutcome(customer_id=customer_id, status=REFUSED, line=line, reason=reason)
    months = await adapters.ledger.invoices(customer_id=customer_id)
    first = min((row.period for row in months), default=None)
    return CustomerOutcome(customer_id=customer_id, status=StartStatus.STARTED, period=first, line=line)
