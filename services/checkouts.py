"""Payment links: opened for what is owed, looked up until they have paid or ended, and booked at once.

A link is kept before the processor is asked for its page, and there is one live link at most for each subject. It ends
at the processor first, then in the ledger. So two links can never both be paid, and what nobody owes any more cannot be
paid by link for long. What is paid all the same is the customer's credit.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from billing.errors import (
    AmountTooLarge,
    AmountTooSmall,
    BillingError,
    BrakeOn,
    CardMissing,
    InvalidInput,
    NotFound,
    PaymentRejected,
)
from billing.payments.checkouts import LIFETIME_MAX, Checkout, CheckoutPage, CheckoutRequest, CheckoutState
from billing.payments.payment import Payment, PaymentStatus
from billing.payments.ports import CheckoutRail, CheckoutStore, PaymentRecords
from billing.receivables.journal import Subject
from billing.receivables.ports import Accounts, Bookings
from billing.reviewers.ports import BrakeStore
from services.effects import log_effect

LOOK_AFTER = timedelta(minutes=5)
"""How often a live link is looked up, in case its event is lost. No request is under way for as long."""
_REFUSALS = (AmountTooLarge, AmountTooSmall, CardMissing, PaymentRejected)
"""Answers that tell for sure that there is no page."""
_ROUNDS_MAX = 5

_log = logging.getLogger(__name__)


class LinkBooks(Bookings, CheckoutStore, Protocol):
    """The stores that keep what a link brings."""

    async def knows(self, customer_id: str) -> bool:
        """Whether they are billed monthly, or have ordered something."""


class _Ledger(LinkBooks, Accounts, BrakeStore, Protocol):
    """The stores it uses."""


class _Processor(CheckoutRail, PaymentRecords, Protocol): ...


class LinkGateway(CheckoutRail, Protocol):
    """A gateway's shop, as a rail of links of its own."""

    async def look_up(self, reference: str, now: datetime) -> object:
        """Books what the gateway has of an attempt, once."""


class Checkouts:
    """``return_url`` is our page to which the processor's leads back. Every method may be repeated after a failure.

    Links of ``gateways``, by rail, are theirs; all others are the processor's.
    """

    def __init__(
        self, processor: _Processor, ledger: _Ledger, return_url: str, gateways: Mapping[str, LinkGateway] | None = None
    ) -> None:
        self._processor = processor
        self._ledger = ledger
        self._return_url = return_url
        self._gateways = gateways or {}
        self._looked_at: dict[str, datetime] = {}

    async def open(self, request: CheckoutRequest, now: datetime) -> Checkout:
        """A link for what is owed: the open one, if rail and amount are right, else a new one once that has ended.

        If the older one was paid meanwhile, that is booked. Raises ``InvalidInput`` if nothing is left to be paid or a
        payment is under way, ``BrakeOn``, ``NotFound``, and ``PaymentError``; a repeat goes on where it has stopped.
        """
        if await self._is_braked():
            raise BrakeOn("the emergency brake is on: no payment link is opened until it is released")
        name = f"{request.customer_id}, {request.subject}"
        for _ in range(_ROUNDS_MAX):
            checkout = await self._current(await self._ledger.begin_checkout(request, now), now)
            if checkout.state is CheckoutState.PROCESSING:
                since = f"{checkout.created_at:%Y-%m-%d}"
                raise InvalidInput(
                    f"{name}: {checkout.amount} are on their way by the link of {since}; wait for the bank's answer"
                )
            if checkout.state is CheckoutState.OPEN:
                if checkout.rail == request.rail and await self._is_owed(checkout):
                    return checkout
                await self._end(checkout, now)
        raise BillingError(f"{name}: too much happens at once; try again")

    async def look_up(self, session_id: str, now: datetime) -> None:
        """Takes in how a live link stands, such as when its customer comes back; nothing for any other page."""
        checkout = await self._ledger.checkout_of(session_id)
        if checkout is not None and checkout.state.is_live:
            await self._current(checkout, now)

    async def sweep(self, now: datetime) -> None:
        """Ends the links that must not be paid any more, then looks up those that were not for some minutes."""
        live, is_braked = await self._ledger.live_checkouts(), await self._is_braked()
        self._looked_at = {link.checkout_id: self._looked_at.get(link.checkout_id, link.created_at) for link in live}
        for checkout in live:
            with _reported(checkout):
                if checkout.state is CheckoutState.OPEN and (is_braked or not await self._is_owed(checkout)):
                    await self._end(checkout, now)
        for checkout in live:
            if now - self._looked_at[checkout.checkout_id] >= LOOK_AFTER:
                with _reported(checkout):
                    await self._current(checkout, now)

    async def end_outdated(self, customer_id: str, subject: Subject, now: datetime) -> None:
        """Ends the subject's open link now if its amount is not what is owed any more, as after an amendment.

        What fails is left to the next sweep: whatever is paid until then is the customer's credit.
        """
        for checkout in await self._ledger.live_checkouts():
            if (checkout.customer_id, checkout.subject) == (customer_id, subject):
                with _reported(checkout):
                    checkout = await self._current(checkout, now)
                    if checkout.state is CheckoutState.OPEN and not await self._is_owed(checkout):
                        await self._end(checkout, now)

    async def _is_braked(self) -> bool:
        brake = await self._ledger.brake()
        return brake is not None and brake.on

    async def _is_owed(self, checkout: Checkout) -> bool:
        return checkout.is_owed(await self._ledger.balance(checkout.customer_id))

    async def _current(self, checkout: Checkout, now: datetime) -> Checkout:
        """The link as it stands at the processor, kept and booked."""
        try:
            return await self._kept(checkout, await self._page(checkout, now), now)
        except NotFound:
            if now < checkout.expires_at + LIFETIME_MAX:
                raise
            return await self._kept(checkout, None, now)  # another account's

    async def _page(self, checkout: Checkout, now: datetime) -> CheckoutPage | None:
        pages = self._pages(checkout)
        if checkout.session_id is not None:
            return await pages.checkout_page(checkout.session_id)
        if now - checkout.created_at < LOOK_AFTER:
            try:
                opened = await pages.open_checkout(checkout, self._return_url)
                log_effect(
                    _log, "link", checkout.customer_id, checkout.subject, f"{checkout.amount} by {checkout.rail}"
                )
                return opened
            except _REFUSALS:
                await self._kept(checkout, None, now)
                raise
        return await pages.find_checkout(checkout)

    def _pages(self, checkout: Checkout) -> CheckoutRail:
        return self._gateways.get(checkout.rail, self._processor)

    async def _end(self, checkout: Checkout, now: datetime) -> None:
        assert checkout.session_id is not None
        await self._kept(checkout, await self._pages(checkout).expire_checkout(checkout.session_id), now)

    async def _kept(self, checkout: Checkout, page: CheckoutPage | None, now: datetime) -> Checkout:
        """The link with what its page has come to; without one, it has ended."""
        self._looked_at[checkout.checkout_id] = now
        if page is None:
            await self._ledger.note_checkout(checkout.checkout_id, CheckoutState.ENDED, now)
            return checkout.evolve(state=CheckoutState.ENDED)
        page = checkout.completed(page)
        if page.state is CheckoutState.PAID:
            assert page.payment_id is not None, f"{page.session_id} is paid by no payment"
            if gateway := self._gateways.get(checkout.rail):
                await gateway.look_up(page.payment_id, now)
            else:
                await take_in(self._ledger, await self._processor.payment(page.payment_id), now)
        await self._ledger.note_checkout(checkout.checkout_id, page.state, now, page)
        return checkout.seen(page)


async def take_in(ledger: LinkBooks, payment: Payment, now: datetime) -> bool:
    """Books what a link has brought, if it has; of an unknown customer, as unmatched. False for a repeat."""
    if payment.status is not PaymentStatus.SUCCEEDED:
        return False
    incoming = payment.incoming(now)
    if not await ledger.knows(payment.customer_id):
        incoming = incoming.evolve(customer_id=None, subject=None, payer=payment.customer_id)
    return await ledger.book(incoming, now, payment.key)


@contextmanager
def _reported(checkout: Checkout) -> Iterator[None]:
    """One link that fails holds up no other; the next sweep comes."""
    try:
        yield
    except Exception as error:  # of any kind
        _log.warning("%s: %s", checkout.checkout_id, error or type(error).__name__)
