"""``customers import``: customers from a CSV file, with cards, with the tokens of an old form, or without either."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client

from billing.customers.customer import Customer
from billing.customers.registration import Registration, RegistrationState, consent_text, import_id
from billing.customers.roster import Newcomer, numbers_in, parse_import
from billing.errors import BillingError, InvalidInput
from bootstrap import Adapters, connect_adapters, connect_registrar, connect_temporal
from bootstrap_texts import phone_reader
from cli.customers.at_stripe import look_up_cards, preview
from cli.customers.outcomes import INVITED, REFUSED, CustomerOutcome, numbered, one_by_one, report, start_all
from cli.customers.start import read_text, rows_in
from cli.terminal.options import AsJson
from clients.registrar import Registrar
from clients.start import StartStatus, start_customer
from settings import Settings, load_settings


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of customers.")],
    from_stripe: Annotated[
        bool, typer.Option("--from-stripe", help="Find the cards at Stripe by email; without --yes, only show them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --from-stripe: import them as shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import customers and start billing them; a repeat changes nothing, and retries the rows that failed.

    The file has the columns of start --from; or, instead of stripe_customer_id and payment_method_id, a column token
    (tok_...) from an old form. A column account_number, perhaps of several with semicolons, has what the customer types
    in a bank's app. Each token becomes a customer with a card at Stripe, once, however often you repeat it.

    With --from-stripe the file needs no card: it is the default card, or the only one, of the customer at Stripe with
    the row's email. First you see what was found; --yes imports it.

    Whoever has no card, because these cells are empty or Stripe has none, is invited by mail to register one, at most
    once a month, and is billed from then on.
    A row that is refused is reported with its line; the others go on. Exit code 0 if nothing was refused.

    [bold]Examples[/bold]
    $ python starter.py customers import customers.csv
    $ python starter.py customers import customers.csv --from-stripe
    $ python starter.py customers import tokens.csv --json
    """
    if yes and not from_stripe:
        raise InvalidInput("--yes belongs to --from-stripe; without it the file is imported as it is")
    text, settings = read_text(file), load_settings()
    read_phone = phone_reader(settings)
    parse = partial(parse_import, read_phone=read_phone, cards_elsewhere=from_stripe)
    rows, problems = rows_in(file, text, parse)
    outcomes = [CustomerOutcome(status=REFUSED, **dict(problem)) for problem in problems]
    async with connect_adapters(settings) as adapters:
        await adapters.ledger.known([])  # an unprepared ledger is one error, not one for each customer
        if from_stripe:
            rows, ambiguous = await look_up_cards(adapters.payments, rows)
            outcomes += ambiguous
        if from_stripe and not yes:
            preview(rows, outcomes, file, as_json)
            return
        outcomes += await _imported(settings, adapters, rows)
        outcomes = await numbered(adapters.ledger, outcomes, numbers_in(text, read_phone), file.name)
    report(outcomes, as_json)


async def _imported(
    settings: Settings, adapters: Adapters, rows: dict[int, Customer | Newcomer]
) -> list[CustomerOutcome]:
    client = await connect_temporal(settings)
    registrar = connect_registrar(settings, adapters, client)

    async def register(line: int, newcomer: Newcomer) -> CustomerOutcome:
        try:
            return await _registered(settings, client, adapters, registrar, line, newcomer)
        except BillingError as error:  # without the id of the registration: the row has the customer's
            customer_id, reason = newcomer.customer_id, str(error)
            reason = reason.removeprefix(f"{import_id(customer_id)}: ")
            return CustomerOutcome(customer_id=customer_id, status=REFUSED, line=line, reason=reason)

    customers = [(line, row.spread_over(settings.spread)) for line, row in rows.items() if isinstance(row, Customer)]
    newcomers = [(line, row) for line, row in rows.items() if isinstance(row, Newcomer)]
    outcomes = await start_all("importing", client, adapters, customers)
    return [*outcomes, *await one_by_one("importing", newcomers, register)]


async def _registered(
    settings: Settings, client: Client, adapters: Adapters, registrar: Registrar, line: int, newcomer: Newcomer
) -> CustomerOutcome:
    customer_id = newcomer.customer_id
    customer = await adapters.ledger.customer(customer_id)
    if customer is not None:  # the token was used already, or is not needed
        started = await start_customer(client, adapters.ledger, adapters.payments, customer)
        return CustomerOutcome(line=line, **dict(started))
    registration = _registration(newcomer)
    if newcomer.token:
        registration = await registrar.import_customer(registration, newcomer.token)
    elif not settings.links.base_url:
        raise InvalidInput("it has no card, and there is no page to invite to: set BILLING_CONSOLE_URL")
    else:
        registration = await registrar.invite(registration, consent_text(settings.company))
    if registration.state is RegistrationState.OPEN:
        reason = "invited by mail to register a card"
        return CustomerOutcome(customer_id=customer_id, status=INVITED, line=line, reason=reason)
    if registration.state is not RegistrationState.STARTED:
        reason = "another customer has its email"
        return CustomerOutcome(customer_id=customer_id, status=REFUSED, line=line, reason=reason)
    months = await adapters.ledger.invoices(customer_id=customer_id)
    first = min((row.period for row in months), default=None)
    return CustomerOutcome(customer_id=customer_id, status=StartStatus.STARTED, period=first, line=line)


def _registration(newcomer: Newcomer) -> Registration:
    """Who has a token has consented elsewhere, and gets no mail."""
    now = datetime.now(UTC)
    return Registration(
        registration_id=import_id(newcomer.customer_id),
        **newcomer.model_dump(exclude={"token", "account_numbers"}),
        review_mode=newcomer.terms.review_mode,
        created_at=now,
        updated_at=now,
        told_at=now if newcomer.token else None,
    )
