"""``payments link`` and ``payments links``: links by which customers pay what they owe for a month."""

from typing import Annotated

import typer
from babel.dates import format_date

from billing.errors import BillingError, NotFound, PaymentBusy, PaymentUnknown
from billing.payments.checkouts import Checkout, CheckoutRequest
from billing.payments.rails import of_links
from billing.period import Period
from billing.receivables.journal import Subject
from bootstrap import connect_adapters, connect_checkouts, connect_ledger
from cli.receivables.lifetime import lifetime
from cli.terminal.options import AsJson, By, Reason, period_option
from cli.terminal.output import SHOWN, print_json, print_table, say, utc, whole
from settings import load_settings
from wording.english import LOCALE


async def link(
    customer: Annotated[str, typer.Option("--customer", metavar="ID", help="Who pays.")],
    month: Annotated[Period, period_option("The month that is paid.", "--month")],
    by: By,
    reason: Reason,
    expires_in: Annotated[str, typer.Option("--expires-in", metavar="TIME", help="From 1h to 24h.")] = "24h",
    rail: Annotated[str, typer.Option("--rail", metavar="RAIL", help="By BILLING_RAILS; else Stripe's.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print a link by which a customer pays what they owe for a month, on Stripe's page, or a gateway's.

    A link that is open already is printed again, while it is about what is owed now; else it is ended first, so that
    nobody can pay by both. A link ends by itself once something else has paid. Anyone who has it can pay by it.
    For an order, use orders link.

    [bold]Example[/bold]
    $ python starter.py payments link --customer acme --month 2026-11 --by ann --reason "asked by phone"
    $ python starter.py payments link --customer acme --month 2026-11 --rail wayforpay --by ann --reason "asked"
    """
    settings, valid_for = load_settings(), lifetime(expires_in)
    rail = of_links(settings.rails, rail)
    async with connect_adapters(settings) as adapters:
        known = await adapters.ledger.customer(customer)
        if known is None:
            raise NotFound(f"the ledger does not know {customer}; see: python starter.py customers list")
        request = CheckoutRequest(
            rail=rail,
            customer_id=customer,
            payer_id=known.payer_id,
            subject=Subject.month(month),
            description=f"Invoice for {format_date(month.first_day, 'MMMM y', locale=LOCALE)}",
            expires_at=settings.now() + valid_for,
            by=by,
            reason=reason,
        )
        try:
            checkout = await connect_checkouts(settings, adapters).open(request, settings.now())
        except (PaymentBusy, PaymentUnknown) as error:
            raise BillingError(f"{error}; type the same command again: it opens no second link") from None
    if as_json:
        print_json(checkout)
        return
    say(checkout.url or "")
    say(f"{customer}, {checkout.subject.name}: {checkout.amount}, until {utc(checkout.expires_at)}")


async def links(
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only this customer's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List payment links, the newest first: who has opened them, why, and what has become of them.

    [bold]Example[/bold]
    $ python starter.py payments links --customer acme
    """
    async with connect_ledger(load_settings()) as ledger:
        checkouts = await ledger.checkouts(customer)
    if as_json:
        print_json({"links": checkouts})
        return
    columns = (whole("Opened"), "Customer", "For", whole("Amount", "right"), "State", whole("Until"), "By", "Reason")
    print_table(columns, checkouts, _listed, empty="no payment link was ever opened", shown=SHOWN)


def _listed(link: Checkout) -> tuple[object, ...]:
    until = utc(link.expires_at) if link.state.is_live else ""
    opened, subject = utc(link.created_at), str(link.subject)
    return opened, link.customer_id, subject, link.amount, link.state, until, link.by, link.reason
