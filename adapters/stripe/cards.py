"""Cards at Stripe: which one is on file, whose it is, and Stripe's own page where a customer registers one."""

from contextlib import suppress
from typing import TYPE_CHECKING

import stripe
from stripe import CardError, InvalidRequestError, ListObject, PaymentMethod, StripeError
from stripe.checkout import Session

from adapters.sheets.pace import Pace
from adapters.stripe.errors import is_replayed_failure, looking_up, translated
from adapters.stripe.objects import PAGE_SIZE, card_of, each, expect
from billing.customers.address import sendable
from billing.customers.card_vault import CardDetails, CardPage, CardPageState, CardSetup
from billing.errors import CardMissing, InvalidInput, NotFound
from billing.keys import registration_key
from billing.remedies import RemedyAction
from wording.remedies import command_line

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams

CREATES_MAX = 20  # keys of one registration in a day, each for a failure that Stripe remembers

_STATES = {"open": CardPageState.OPEN, "complete": CardPageState.USED, "expired": CardPageState.EXPIRED}


class StripeCards:
    """Stripe as ``CardVault``."""

    _client: stripe.StripeClient
    _card_pace: Pace

    async def card(self, card_id: str) -> CardDetails:
        await self._card_pace.turn()
        with translated(f"payment method {card_id}"):
            method = await self._client.v1.payment_methods.retrieve_async(card_id)
            return card_of(expect(PaymentMethod, method).to_dict())

    async def new_customer(self, registration_id: str, customer_id: str, email: str, token: str = "") -> str:
        """Looks before it makes one: listings are consistent at once, and Stripe forgets idempotency keys in a day.

        Only what never changes is sent, so that a repeat is the same request. A failure that
        Stripe remembers is over, as in ``Cashier.create``: the next key takes its place.
        """
        serial, email = 1, sendable(email)
        with translated(registration_id):
            while True:
                if made := await self._customer_of(registration_id, email):
                    return made
                try:
                    return await self._create_customer(registration_id, customer_id, email, token, serial)
                except (CardError, InvalidRequestError) as error:
                    if error.param == "email":  # whose words would repeat it
                        raise InvalidInput(f"{registration_id}: Stripe refuses its email address; correct it") from None
                    if token and (isinstance(error, CardError) or error.param == "source"):
                        link = RemedyAction.SEND_CARD_LINK.of(customer_id)
                        raise CardMissing(
                            f"{registration_id}: Stripe refuses the token; send the customer a link to register a "
                            f"card, from: {command_line(link)} "
                            f"({error.http_status}, {error.user_message})"
                        ) from None
                    raise
                except StripeError as error:
                    if serial == CREATES_MAX or not is_replayed_failure(error):
                        raise
                serial += 1

    async def cards_of(self, email: str) -> list[CardDetails]:
        await self._card_pace.turn()
        with translated("the customers with an address"):  # which no error may repeat
            listing = await self._client.v1.customers.list_async({"email": sendable(email), "limit": PAGE_SIZE})
            cards = [await self._usual_card(customer) async for customer in each(stripe.Customer, listing)]
            return [card for card in cards if card is not None]

    async def _usual_card(self, customer: stripe.Customer) -> CardDetails | None:
        """The default card, which a legacy source may be; without a default, the only card."""
        shown = customer.to_dict()
        default = (shown.get("invoice_settings") or {}).get("default_payment_method") or shown.get("default_source")
        if default:
            with suppress(CardMissing):  # a bank account, perhaps
                return await self.card(default if isinstance(default, str) else default["id"])
        listing = await self._client.v1.customers.payment_methods.list_async(customer.id, {"type": "card", "limit": 2})
        cards = [card_of(method.to_dict()) for method in expect(ListObject, listing).data]
        return cards[0] if len(cards) == 1 else None

    async def imported_card(self, payer_id: str) -> CardDetails:
        with translated(payer_id):
            customer = expect(stripe.Customer, await self._client.v1.customers.retrieve_async(payer_id))
            source = customer.to_dict().get("default_source")
            if not source:
                raise CardMissing(f"{payer_id} has no card; register one, then go on")
        return await self.card(source if isinstance(source, str) else source["id"])

    async def forget_card(self, card_id: str) -> None:
        """Looks before and after: Stripe refuses to detach what is detached already."""
        with translated(f"payment method {card_id}"):
            if not await self._is_attached(card_id):
                return
            try:
                await self._client.v1.payment_methods.detach_async(card_id)
            except InvalidRequestError:
                if await self._is_attached(card_id):
                    raise

    async def _is_attached(self, card_id: str) -> bool:
        method = await self._client.v1.payment_methods.retrieve_async(card_id)
        return bool(expect(PaymentMethod, method).customer)

    async def card_setup(self, payer_id: str, reference: str, return_url: str, cancel_url: str) -> CardPage:
        """A Checkout session in setup mode; with the payment method types named, it needs no currency."""
        with translated(f"card registration of {reference}, {payer_id}"):
            session = await self._client.v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "customer": payer_id,
                    "client_reference_id": reference,
                    "allowed_payment_method_types": ["card"],
                    "success_url": f"{return_url}?session_id={{CHECKOUT_SESSION_ID}}",
                    "cancel_url": cancel_url,
                }
            )
            page = _page(session)
            if not page.url:
                raise TypeError("a session without a page")
            return page

    async def card_page(self, session_id: str) -> CardPage:
        with looking_up(session_id):
            return _page(await self._client.v1.checkout.sessions.retrieve_async(session_id))

    async def card_of_setup(self, session_id: str) -> CardSetup:
        with looking_up(session_id):
            answer = await self._client.v1.checkout.sessions.retrieve_async(
                session_id, {"expand": ["setup_intent.payment_method"]}
            )
            session = expect(Session, answer).to_dict()
            if session["mode"] != "setup":
                raise NotFound(f"{session_id} is not a card registration")
            method = session["setup_intent"] and session["setup_intent"]["payment_method"]
            if session["status"] != "complete" or not method:
                raise CardMissing(f"{session_id}: the registration was not finished; open a new one")
            card = card_of(method)
            if card.payer_id != session["customer"]:
                raise CardMissing(f"{session_id}: {card.card_id} is another customer's; open a new one")
            return CardSetup(reference=session["client_reference_id"] or "", card=card)

    async def _customer_of(self, registration_id: str, email: str) -> str:
        """The oldest customer that this registration has made; "" if there is none."""
        listing = await self._client.v1.customers.list_async({"email": email, "limit": PAGE_SIZE})
        found = [
            customer
            async for customer in each(stripe.Customer, listing)
            if customer.metadata and customer.metadata.to_dict().get("registration_id") == registration_id
        ]
        return min(found, key=lambda customer: (customer.created, customer.id)).id if found else ""

    async def _create_customer(
        self, registration_id: str, customer_id: str, email: str, token: str, serial: int
    ) -> str:
        params: CustomerCreateParams = {
            "email": email,
            "metadata": {"registration_id": registration_id, "customer_id": customer_id},
        }
        if token:
            params["source"] = token
        key = registration_key(registration_id, f"{email}|{token}", serial)
        customer = await self._client.v1.customers.create_async(params, {"idempotency_key": key})
        return expect(stripe.Customer, customer).id


def _page(answer: object) -> CardPage:
    session = expect(Session, answer)
    state = _STATES[str(session.status)]
    return CardPage(session_id=session.id, state=state, url=(session.url or "") if state is CardPageState.OPEN else "")
