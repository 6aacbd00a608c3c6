"""``orders link``: links by which an order, or the fee of a service order, is paid."""

from datetime import datetime
from typing import Annotated

import typer

from billing.errors import BillingError, InvalidInput, NotFound, PaymentBusy, PaymentUnknown
from billing.payments.checkouts import CheckoutRequest
from billing.payments.rails import of_links
from billing.receivables.journal import Subject
from bootstrap import Adapters, connect_adapters, connect_checkouts
from cli.orders.order_options import Number
from cli.receivables.lifetime import lifetime
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import print_json, say, utc
from settings import load_settings


async def link(
    number: Number,
    by: By,
    reason: Reason,
    rail: Annotated[str, typer.Option("--rail", metavar="NAME", help="By BILLING_RAILS; else Stripe's.")] = "",
    expires_in: Annotated[str, typer.Option("--expires-in", metavar="TIME", help="From 1h to 24h.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Print a link by which an order is paid, on Stripe's page, or a gateway's; the open one again, while it is owed.

    Of an order that goes by a procedure it pays the fee. It ends once the order is amended, cancelled or paid by other
    means. Anyone who has it can pay by it.

    [bold]Example[/bold]
    $ python starter.py orders link 1042 --by ann --reason "asked by phone"
    $ python starter.py orders link 1042 --rail wayforpay --by ann --reason "asked by phone"
    """
    settings, valid_for = load_settings(), lifetime(expires_in)
    async with connect_adapters(settings) as adapters:
        wanted = await _request(adapters, number, of_links(settings.rails, rail), settings.now() + valid_for)
        wanted = wanted.evolve(by=by, reason=reason)
        try:
            checkout = await connect_checkouts(settings, adapters).open(wanted, settings.now())
        except (PaymentBusy, PaymentUnknown) as error:
            raise BillingError(f"{error}; type the same command again: it opens no second link") from None
    if as_json:
        print_json(checkout)
        return
    say(checkout.url or "")
    say(f"{number} of {checkout.customer_id}: {checkout.amount}, until {utc(checkout.expires_at)}")


async def _request(adapters: Adapters, number: str, rail: str, expires_at: datetime) -> CheckoutRequest:
    customer_id, subject = await _owed(adapters, number)
    customer = await adapters.ledger.customer(customer_id)
    return CheckoutRequest(
        rail=rail,
        customer_id=customer_id,
        payer_id=customer.payer_id if customer else None,
        subject=subject,
        description=f"Order {number}",
        expires_at=expires_at,
        by="",
        reason="",
    )


async def _owed(adapters: Adapters, number: str) -> tuple[str, Subject]:
    """Who owes what for the order. Raises ``InvalidInput`` if it has ended, ``NotFound``."""
    if (led := await adapters.ledger.service_standing(number)) is not None:
        customer_id, subject, ended = led.customer_id, Subject.fee(number), led.outcome
    elif (standing := await adapters.ledger.order(number)) is not None:
        order = standing.order
        customer_id, subject, ended = order.customer_id, order.subject, order.end.kind if order.end else ""
    else:
        raise NotFound(f"there is no order {number}; see: python starter.py orders list")
    if ended:
        raise InvalidInput(f"{number} has ended ({ended}): nothing is owed; open a new order")
    return customer_id, subject
