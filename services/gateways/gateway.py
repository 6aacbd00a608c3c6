"""A gateway's shop: what it says of attempts to pay is booked, whether by callback, by its list, or looked up.

::

    gateway = Gateway(shop, "wayforpay", ledger, service_url, settings.now, alerts)
    await gateway.take(callback.seen, now)      # books money that has arrived; may be repeated
    await gateway.look_up(reference, now)       # asks the gateway first, which is needed for money that goes back

An attempt is known by its reference: a payment link's, which names customer and subject; or the gateway's own, of a
page where payers type the number of their order. Whatever else arrives is nobody's, until a person assigns it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from billing.errors import (
    AlertUnavailable,
    InvalidInput,
    NotFound,
    PaymentBusy,
    PaymentError,
    PaymentRejected,
    PaymentUnknown,
    RequestSpent,
)
from billing.payments.checkouts import Checkout, CheckoutPage, CheckoutState
from billing.payments.gateway import GatewayShop, GatewayState, GatewayTransaction
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from billing.receivables.ports import Owners, PaymentListing, Returns
from billing.reviewers.alerts import of_report
from services.alerts import Alerts
from services.checkouts import LinkBooks

_PAGES = {
    GatewayState.CREATED: CheckoutState.OPEN,
    GatewayState.PENDING: CheckoutState.PROCESSING,
    GatewayState.APPROVED: CheckoutState.PAID,
    GatewayState.GOING_BACK: CheckoutState.PAID,  # it was paid
    GatewayState.OVER: CheckoutState.ENDED,
}

_NUMBER_SECONDS = 5.0  # a callback waits for it

_log = logging.getLogger(__name__)


class GatewayBooks(LinkBooks, Returns, Owners, PaymentListing, Protocol):
    """The stores it uses."""


class Gateway:
    """One shop, also as ``CheckoutRail``. ``service_url`` is where its callbacks go; "": it is only polled."""

    def __init__(
        self,
        shop: GatewayShop,
        rail: str,
        ledger: GatewayBooks,
        service_url: str,
        now: Callable[[], datetime],
        alerts: Alerts | None = None,
    ) -> None:
        self.shop = shop
        self.rail = rail
        self._ledger = ledger
        self._alerts = alerts
        self._service_url = service_url
        self.now = now

    # -- money

    async def look_up(self, reference: str, now: datetime) -> str:
        """As ``take``, of the attempt as it now stands. Raises ``NotFound`` and ``PaymentError``."""
        return await self.take(await self.shop.transaction(reference), now)

    async def look_up_returned(self, reference: str, now: datetime) -> str:
        """As ``look_up``, once money is said to go back. Raises ``PaymentBusy`` until the books have some of it."""
        seen = await self.shop.transaction(reference)
        code = await self.take(seen, now)
        record = await self._ledger.incoming_payment(seen.name)
        if seen.is_returning or record is None or not record.returned_minor:
            raise PaymentBusy(f"{reference}: money goes back, which WayForPay does not show yet; it is asked again")
        return code

    async def take(self, seen: GatewayTransaction, now: datetime) -> str:
        """Takes in what the gateway says of an attempt; returns in words what that is. A repeat changes nothing.

        Raises ``PaymentUnknown`` if money goes back and nobody says how much: look it up.
        """
        if seen.state is GatewayState.OVER:
            return await self._over(seen, now)
        if seen.state in (GatewayState.CREATED, GatewayState.PENDING) or not seen.amount_minor:
            return seen.code
        is_whole = seen.state is GatewayState.APPROVED and not seen.returned_minor
        if not is_whole and seen.returned_minor is None:
            raise PaymentUnknown(f"{seen.reference}: WayForPay does not say how much went back; it is asked again")
        checkout = await self._link(seen)
        if is_whole:
            await self._book(seen, checkout, now)
            return seen.code
        payment = await self._incoming(seen, checkout)
        if not await self._ledger.book_returned(payment, seen.returned_minor or 0, now):
            await self._compare(payment, now)
        if checkout is not None and checkout.state.is_live:
            await self._ledger.note_checkout(checkout.checkout_id, CheckoutState.PAID, now)
        return seen.code

    async def take_arrived(self, seen: GatewayTransaction, now: datetime) -> datetime | None:
        """As ``take``, of money that a message says has arrived; returns when it was booked, now or before.

        None: the gateway has more to say of it, and does not answer now, or it is not the whole truth any more.
        """
        checkout = await self._link(seen)
        named = await self._named(seen, checkout)
        if named is None:
            return None
        if named.returned_minor:
            await self.take(named, now)
        elif await self._book(named, checkout, now):
            return now
        return await self._ledger.booked_at(named.name)

    async def _book(self, seen: GatewayTransaction, checkout: Checkout | None, now: datetime) -> bool:
        """Books money that has arrived, with its link, which is paid; False if that was done before."""
        payment = await self._incoming(seen, checkout)
        is_new = await self._ledger.book(payment, now, checkout.checkout_id if checkout else None)
        if not is_new:
            await self._compare(payment, now)
        return is_new

    async def is_known(self, seen: GatewayTransaction) -> bool:
        """Whether the books have all that the gateway says, so that there is nothing to take in."""
        if seen.state not in (GatewayState.APPROVED, GatewayState.GOING_BACK):
            return False
        record = await self._ledger.incoming_payment(seen.name)
        if record is None or record.returned_minor < seen.returned_at_most_minor:
            return False
        return _is_same(record.payment, seen.incoming(None, None))

    async def _named(self, seen: GatewayTransaction, checkout: Checkout | None) -> GatewayTransaction | None:
        """With whose it is: by its link, or by what the payer typed, which a message may lack."""
        if seen.order_number is not None or checkout is not None:
            return seen
        if await self._ledger.incoming_payment(seen.name) is not None:
            return seen
        try:
            async with asyncio.timeout(_NUMBER_SECONDS):
                found = await self.shop.transaction(seen.reference)
        except NotFound:
            return seen
        except (PaymentError, InvalidInput, TimeoutError):
            return None
        return found if found.state is GatewayState.APPROVED and not found.returned_minor else None

    async def tell(self, text: str, now: datetime) -> None:
        """Has people told, once. While nobody can be woken, it waits in the outbox."""
        _log.error("%s", text)
        if self._alerts is not None:
            with suppress(AlertUnavailable):
                await self._alerts.tell(of_report("", Period.at(now, "UTC"), 1, text, now))

    async def tell_doubts(self) -> None:
        """Has people told at once what bookings have left in the outbox."""
        if self._alerts is not None:
            with suppress(AlertUnavailable):
                await self._alerts.resume()

    async def _compare(self, payment: IncomingPayment, now: datetime) -> None:
        """Has people told of money that came by a reference which is another payment's in the books."""
        record = await self._ledger.incoming_payment(payment.name)
        if record is not None and not _is_same(record.payment, payment):
            await self.tell(
                f"{payment.title} brought {payment.amount}, but {record.payment.amount} are booked by this reference; "
                "look at it in the cabinet of WayForPay",
                now,
            )

    async def _link(self, seen: GatewayTransaction) -> Checkout | None:
        """The payment link whose attempt it is."""
        checkout = await self._ledger.checkout(seen.reference)
        return checkout if checkout is not None and checkout.rail == self.rail else None

    async def _incoming(self, seen: GatewayTransaction, checkout: Checkout | None) -> IncomingPayment:
        """The money with whose it is and what for, as far as anybody knows."""
        if checkout is not None:
            whose = checkout.customer_id
            is_known = await self._ledger.knows(whose)
            return seen.incoming(whose, checkout.subject) if is_known else seen.incoming(None, None, payer=whose)
        if seen.order_number is None:
            return seen.incoming(None, None)
        payer = f"order {seen.order_number}"[:500]
        subject = Subject.order(seen.order_number) if len(seen.order_number) <= 100 else None
        customer_id = await self._ledger.customer_of(subject) if subject else None
        return seen.incoming(customer_id, subject) if customer_id else seen.incoming(None, None, payer)

    async def _over(self, seen: GatewayTransaction, now: datetime) -> str:
        """Ends the attempt's own link, at the gateway first; what is owed stays as it is."""
        checkout = await self._link(seen)
        if checkout is None or not checkout.state.is_live:
            return seen.code
        page = checkout.completed(await self.expire_checkout(seen.reference))
        if page.state is CheckoutState.PAID:  # this was an old message
            return await self.look_up(seen.reference, now)
        await self._ledger.note_checkout(checkout.checkout_id, page.state, now, page)
        return seen.code

    # -- pages

    async def open_checkout(self, checkout: Checkout, return_url: str) -> CheckoutPage:
        """Opens the page. If that was done before and the answer was lost, nobody has the address: it is closed."""
        try:
            url = await self.shop.create_invoice(checkout, self._service_url, f"{return_url}/paid")
        except RequestSpent:
            return await self.expire_checkout(checkout.checkout_id)
        return CheckoutPage(session_id=checkout.checkout_id, state=CheckoutState.OPEN, url=url)

    async def find_checkout(self, checkout: Checkout) -> CheckoutPage | None:
        """The page whose opening was not answered, closed."""
        return await self.expire_checkout(checkout.checkout_id)

    async def checkout_page(self, session_id: str) -> CheckoutPage:
        """How the page stands; one that has expired, or whose attempt is over, is closed."""
        seen = await self._seen(session_id)
        state = _PAGES[seen.state] if seen else CheckoutState.OPEN
        if state is CheckoutState.ENDED or (state is CheckoutState.OPEN and await self._has_expired(session_id)):
            return await self.expire_checkout(session_id)
        return CheckoutPage(session_id=session_id, state=state, payment_id=session_id)

    async def expire_checkout(self, session_id: str) -> CheckoutPage:
        refusal: PaymentError | None = None
        try:
            with suppress(NotFound):
                await self.shop.remove_invoice(session_id)
        except (PaymentRejected, PaymentUnknown) as error:
            refusal = error
        seen = await self._seen(session_id)
        state = _PAGES[seen.state] if seen else CheckoutState.OPEN
        if state is CheckoutState.OPEN and refusal is not None and not await self._has_expired(session_id):
            raise PaymentUnknown(
                f"{session_id}: WayForPay has not closed this page, which may still be paid: {refusal}"
            )
        if state is CheckoutState.OPEN:
            state = CheckoutState.ENDED
        return CheckoutPage(session_id=session_id, state=state, payment_id=session_id)

    async def _seen(self, reference: str) -> GatewayTransaction | None:
        try:
            return await self.shop.transaction(reference)
        except NotFound:
            return None
        except PaymentRejected as error:  # the question was refused, which says nothing of the page
            raise PaymentUnknown(str(error)) from None

    async def _has_expired(self, reference: str) -> bool:
        checkout = await self._ledger.checkout(reference)
        return checkout is not None and self.now() >= checkout.expires_at


def _is_same(one: IncomingPayment, other: IncomingPayment) -> bool:
    return (one.amount_minor, one.currency) == (other.amount_minor, other.currency)
