"""From a registration to a billed customer: every step may be repeated, also concurrently, after any failure.

::

    registrar = Registrar(client, vault, ledger, mails, links)
    url = await registrar.card_page(registration, page)      # the customer enters a card there
    await registrar.finalize(registration, card, session_id) # the customer is recorded, started and welcomed, once
    await registrar.sweep(now)                               # completes what was interrupted

No log, id or URL contains personal data.
"""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from temporalio.client import Client
from temporalio.exceptions import TemporalError

from billing.apart import Failed, why
from billing.customers.card_vault import CardDetails, CardPageState, CardVault
from billing.customers.customer import Customer
from billing.customers.links import Links
from billing.customers.ports import CustomerStore
from billing.customers.registration import Registration, Registrations, RegistrationState
from billing.errors import CardMissing, InvalidInput, MailRefused, NotFound
from billing.invoices.month import Month
from billing.mails.mail import CustomerMailKind
from billing.period import Period
from clients.start import StartLedger, patiently, start_customer
from services.effects import log_effect
from services.messages.customer_mails import CustomerMails

LINK_VALID = timedelta(days=180)
"""How long the link in a mail registers another card."""
FORGOTTEN_AFTER = timedelta(days=30)
"""How long a registration without a card is kept."""
_WELCOMING = timedelta(minutes=1)  # who has started a customer and has sent no mail by then has died
_BUSY_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)  # a double click: the same request is in flight

_log = logging.getLogger(__name__)


class _Ledger(CustomerStore, Registrations, StartLedger, Protocol):
    """The stores it uses."""

    async def customer_by_email(self, email: str) -> Customer | None:
        """The open customer with this email."""


class Registrar:
    """``spread_minutes`` are the newcomers' (``billing.customers.schedule``)."""

    def __init__(
        self,
        client: Client,
        vault: CardVault,
        ledger: _Ledger,
        mails: CustomerMails,
        links: Links,
        spread_minutes: int = 0,
    ) -> None:
        self._client = client
        self._vault = vault
        self._ledger = ledger
        self._mails = mails
        self._links = links
        self._spread_minutes = spread_minutes

    async def find(self, registration_id: str) -> Registration | None:
        return await self._ledger.registration(registration_id)

    async def begin(self, wanted: Registration) -> Registration:
        """Keeps the registration; an existing one continues, under the name that was typed last."""
        kept = await self._ledger.open_registration(wanted)
        assert kept.registration_id == wanted.registration_id, f"{wanted.customer_id} is taken"
        if kept.state is RegistrationState.OPEN and (kept.name, kept.consent) != (wanted.name, wanted.consent):
            kept = await self._saved(kept, name=wanted.name, consent=wanted.consent)
        return kept

    async def card_page(self, registration: Registration, page: str) -> str:
        """The URL where the customer enters the card, which leads back to ``page``; "" if a card is registered.

        An open card page is used again; an expired one is replaced.
        """
        while registration.state is RegistrationState.OPEN:
            if registration.payer_id is None:
                registration = await self._known_to_processor(registration)
                continue
            if registration.session_id:
                opened = await self._vault.card_page(registration.session_id)
                if opened.state is CardPageState.OPEN:
                    return opened.url
                if opened.state is CardPageState.USED:
                    return ""
            setup = await self._vault.card_setup(
                registration.payer_id, registration.registration_id, return_url=f"{page}/card", cancel_url=page
            )
            registration = await self._saved(registration, session_id=setup.session_id, told_at=None)
        return ""

    async def import_customer(self, wanted: Registration, token: str) -> Registration:
        """Registers a card from an old form's ``token`` and starts the customer; a repeat continues where it stopped.

        Raises ``InvalidInput`` if the email is another customer's, ``CardMissing`` if the token is refused.
        """
        kept = await self._import(wanted)
        if kept.state is not RegistrationState.OPEN:
            return await self.finish(kept)
        if kept.payer_id is None:
            kept = await self._known_to_processor(kept, token)
        assert kept.payer_id
        return await self.finalize(kept, await self._vault.imported_card(kept.payer_id))

    async def invite(self, wanted: Registration, agreed: str) -> Registration:
        """Mails the customer of a file a link to register a card, valid for a month; with it the customer is started.

        ``agreed`` is what the customer agrees to by that. A repeat in the same month sends no second mail. Raises
        ``InvalidInput`` if the email is another customer's, ``MailRefused``, ``MailUnavailable``.
        """
        kept = await self._import(wanted)
        if kept.state is not RegistrationState.OPEN:
            return await self.finish(kept)
        now = datetime.now(UTC)
        month = Month.open(kept.without_card(), Period.at(now, kept.timezone))
        link = self._links.to_registration(kept.registration_id, now + FORGOTTEN_AFTER)
        await self._mails.invitation(month, link, agreed)
        return kept

    async def finalize(
        self, registration: Registration, card: CardDetails, session_id: str | None = None
    ) -> Registration:
        """Saves the card; then the customer is recorded, started and welcomed.

        Raises ``InvalidInput`` for a card of another customer at the processor, or of another card page.
        """
        name = registration.registration_id
        while registration.state is RegistrationState.OPEN:
            if card.payer_id != registration.payer_id or session_id != registration.session_id:
                raise InvalidInput(f"{name}: {session_id or card.card_id} is not its open card page")
            await self._finish_rival(registration)
            registration = await self._saved(
                registration,
                state=RegistrationState.SAVED,
                card=card.on_file,
            )
        if registration.card is None or not registration.card.is_same(card):
            raise InvalidInput(f"{name}: another card was registered first")
        return await self.finish(registration)

    async def _import(self, wanted: Registration) -> Registration:
        """The import on record; until its customer is known to the processor, with the file's data of now."""
        if (other := await self._other(wanted)) is not None:
            raise InvalidInput(f"{wanted.customer_id}: {other.customer_id} has the same email; sales need one owner")
        kept = await self._ledger.open_registration(wanted)
        if kept.registration_id != wanted.registration_id:
            raise InvalidInput(f"{wanted.customer_id}: {kept.registration_id} is of the same customer")
        if kept.state is not RegistrationState.OPEN or kept.payer_id is not None:
            return kept
        names = ("email", "name", "currency", "timezone", "review_mode", "terms")
        return await self._saved(kept, **{name: getattr(wanted, name) for name in names})

    async def _finish_rival(self, registration: Registration) -> None:
        """Completes another registration of the email whose card was saved first."""
        for rival in await self._ledger.registrations_of(registration.email):
            if rival.state is RegistrationState.SAVED and rival.registration_id != registration.registration_id:
                with suppress(CardMissing):  # the card is gone, and so is its precedence
                    await self.finish(rival)

    async def finish(self, registration: Registration, now: datetime | None = None) -> Registration:
        """Starts the customer of a saved card and sends the mail about it; each once."""
        is_ours = False  # the process that ends the registration sends the mail; others only if that takes long
        while registration.state is RegistrationState.SAVED:
            try:
                state = await self._started(registration)
            except CardMissing as error:  # detached before billing began
                _log.warning("%s: back to the card page: %s", registration.registration_id, error)
                await self._saved(registration, state=RegistrationState.OPEN, session_id=None, card=None)
                raise
            if state is RegistrationState.KNOWN:
                await self._forget_card(registration)
            is_ours, registration = await self._save(registration, state=state)
        is_late = (now or datetime.now(UTC)) - registration.updated_at > _WELCOMING
        if registration.state is not RegistrationState.OPEN and registration.told_at is None and (is_ours or is_late):
            await self._send_mail(registration)
            registration = await self._saved(registration, told_at=datetime.now(UTC))
        return registration

    async def sweep(self, now: datetime) -> dict[str, str | Failed]:
        """Continues registrations that need no customer, and deletes abandoned ones.

        Returns the results in words, by id; ``Failed``: the next sweep tries it again.
        """
        results: dict[str, str | Failed] = {}
        unread: list[Failed] = []
        for registration in await self._ledger.registrations(unfinished=True, failed=unread):
            name = registration.registration_id
            try:
                results[name] = await self.go_on(registration, now)
            except Exception as error:  # no error stops the others
                reason = str(error) if isinstance(error, TemporalError) else why(error)
                results[name] = Failed(customer_id=name, reason=reason)
                _log.warning("%s: not yet: %s", name, reason)
        await self._ledger.forget_registrations(now - FORGOTTEN_AFTER)
        for failed in unread:
            _log.warning("the registration of %s cannot be read", failed.customer_id)
        return results | {failed.customer_id: failed for failed in unread}

    async def go_on(self, registration: Registration, now: datetime | None = None) -> str:
        """Does what needs no customer; returns the result in words."""
        if registration.state is not RegistrationState.OPEN:
            return (await self.finish(registration, now)).state
        if not registration.session_id:
            return "waits for the customer"
        opened = await self._vault.card_page(registration.session_id)
        if opened.state is CardPageState.USED:
            setup = await self._vault.card_of_setup(registration.session_id)
            return (await self.finalize(registration, setup.card, registration.session_id)).state
        if opened.state is CardPageState.EXPIRED:
            await self._saved(registration, session_id=None)
            return "the card page has expired; the customer may begin again"
        return "waits for the customer"

    async def _known_to_processor(self, registration: Registration, token: str = "") -> Registration:
        ids = registration.registration_id, registration.customer_id, registration.email
        payer_id = await patiently(lambda: self._vault.new_customer(*ids, token), _BUSY_PAUSES_SECONDS)
        log_effect(_log, "registered", registration.customer_id, "", f"at the processor as {payer_id}")
        return await self._saved(registration, payer_id=payer_id)

    async def _started(self, registration: Registration) -> RegistrationState:
        """Starts the customer unless the email is taken. A customer on record was started by an interrupted call."""
        if await self._ledger.customer(registration.customer_id) is not None:
            return RegistrationState.STARTED
        if await self._other(registration) or await self._import_of(registration):
            return RegistrationState.KNOWN
        customer = registration.customer().spread_over(self._spread_minutes)
        await start_customer(self._client, self._ledger, self._vault, customer)
        return RegistrationState.STARTED

    async def _forget_card(self, registration: Registration) -> None:
        """Detaches the card of a registration that makes no customer.

        The card of an import stays: its operator decides. So does a card with which an operator has started a customer.
        """
        card = registration.card
        if card is None or registration.is_import:
            return
        customers = await self._ledger.customers_like(registration.customer())
        if not any(card.is_same(customer.payment_method) for customer in customers):
            await self._vault.forget_card(card.card_id)
            log_effect(_log, "card", registration.customer_id, "", f"{card.card_id} is detached")

    async def _send_mail(self, registration: Registration) -> None:
        """Sends the welcome; or, at most once a day, the mail about a registration with a customer's address."""
        now = datetime.now(UTC)
        welcome = registration.state is RegistrationState.STARTED
        customer = await (self._ledger.customer(registration.customer_id) if welcome else self._other(registration))
        if customer is not None:
            kind, link = CustomerMailKind.CARD_LINK, self._links.to_card(customer.customer_id, now + LINK_VALID)
        elif waiting := await self._import_of(registration):
            customer = waiting.evolve(card=registration.card).customer()  # a mail needs one
            kind = CustomerMailKind.CARD_WANTED
            link = self._links.to_registration(waiting.registration_id, now + LINK_VALID)
        else:
            return  # the other account was closed meanwhile, or has another email
        month = Month.open(customer, Period.at(now, customer.timezone))
        try:
            if welcome:
                agreed = registration.consent.text if registration.consent else ""
                await self._mails.welcome(month, link, registration.registration_id, agreed)
            else:
                await self._mails.card_link(kind, month, link)
        except MailRefused as error:  # on record as refused
            _log.warning("%s: %s", registration.registration_id, error)

    async def _other(self, registration: Registration) -> Customer | None:
        other = await self._ledger.customer_by_email(registration.email)
        return None if other is None or other.customer_id == registration.customer_id else other

    async def _import_of(self, registration: Registration) -> Registration | None:
        """An import with the same email that waits for a card: the business knows its currency and zone."""
        if registration.is_import:
            return None
        rows = await self._ledger.registrations_of(registration.email)
        return next((row for row in rows if row.is_import and row.state is RegistrationState.OPEN), None)

    async def _saved(self, registration: Registration, **changes: object) -> Registration:
        """The changed registration; or the stored one, if it was changed concurrently."""
        return (await self._save(registration, **changes))[1]

    async def _save(self, registration: Registration, **changes: object) -> tuple[bool, Registration]:
        """Whether the changes were saved, and the registration as stored."""
        changed = registration.evolve(**changes, updated_at=datetime.now(UTC))
        if await self._ledger.save_registration(changed):
            return True, changed.evolve(revision=registration.revision + 1)
        current = await self._ledger.registration(registration.registration_id)
        if current is None:
            raise NotFound(f"{registration.registration_id} was abandoned and is forgotten; register again")
        return False, current
