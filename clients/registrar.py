"""From a registration to a customer who is billed: every step may be repeated, by several at once, after any failure.

::

    registrar = Registrar(client, vault, ledger, letters, links)
    url = await registrar.card_page(registration, page)      # the customer enters a card there
    await registrar.finalize(registration, card, session_id) # the customer is recorded, started, told; once
    await registrar.sweep(now)                               # whatever was interrupted

No log, id or address has anything personal in it.
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
from services.customer_mails import CustomerMails

LINK_VALID = timedelta(days=180)
"""How long the link in a mail registers another card."""
FORGOTTEN_AFTER = timedelta(days=30)
"""What somebody typed who never registered a card is kept so long."""
_TELLING = timedelta(minutes=1)
"""Who has started a customer and has not told them by then has died."""
_BUSY_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)  # the same request of a double click is in flight

_log = logging.getLogger(__name__)


class _Ledger(CustomerStore, Registrations, StartLedger, Protocol):
    """What is needed of the ledger here."""

    async def customer_by_email(self, email: str) -> Customer | None:
        """The one whose account is open."""


class Registrar:
    """``spread_minutes`` are the newcomers' (``billing.customers.schedule``)."""

    def __init__(
        self,
        client: Client,
        vault: CardVault,
        ledger: _Ledger,
        letters: CustomerMails,
        links: Links,
        spread_minutes: int = 0,
    ) -> None:
        self._client = client
        self._vault = vault
        self._ledger = ledger
        self._letters = letters
        self._links = links
        self._spread_minutes = spread_minutes

    async def find(self, registration_id: str) -> Registration | None:
        return await self._ledger.registration(registration_id)

    async def begin(self, wanted: Registration) -> Registration:
        """Keeps the registration; if it is there already, it goes on, under the name that was typed last."""
        found = await self._ledger.open_registration(wanted)
        assert found.registration_id == wanted.registration_id, f"{wanted.customer_id} is taken"
        if found.state is RegistrationState.OPEN and (found.name, found.consent) != (wanted.name, wanted.consent):
            found = await self._saved(found, name=wanted.name, consent=wanted.consent)
        return found

    async def card_page(self, registration: Registration, page: str) -> str:
        """Where the customer enters the card, on to ``page`` (its address) and ``page``/card; "": there is one already.

        The page that is open is given again; only of one that has expired comes another.
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
            made = await self._vault.card_setup(
                registration.payer_id, registration.registration_id, return_url=f"{page}/card", cancel_url=page
            )
            registration = await self._saved(registration, session_id=made.session_id, told_at=None)
        return ""

    async def import_customer(self, wanted: Registration, token: str) -> Registration:
        """The same for a card that an old form has made a ``token`` of; a repeat goes on where the last one ended.

        Raises ``InvalidInput`` if the email is another customer's, ``CardMissing`` if the token is refused.
        """
        await self._check_distinct(wanted)
        found = await self._ledger.open_registration(wanted)
        if found.registration_id != wanted.registration_id:
            raise InvalidInput(f"{wanted.customer_id}: {found.registration_id} is of the same customer")
        if found.state is not RegistrationState.OPEN:
            return await self.finish(found)
        if found.payer_id is None:
            corrected = {
                name: getattr(wanted, name)
                for name in ("email", "name", "currency", "timezone", "review_mode", "terms")
            }
            found = await self._saved(found, **corrected)
            found = await self._known_to_processor(found, token)
        assert found.payer_id
        return await self.finalize(found, await self._vault.imported_card(found.payer_id))

    async def finalize(self, registration: Registration, card: CardDetails, session_id: str = "") -> Registration:
        """The card is the registration's, and so the customer is recorded, started and told.

        Raises ``InvalidInput`` if the card is not of its customer at the processor, or not of its card page.
        """
        whose = registration.registration_id
        while registration.state is RegistrationState.OPEN:
            if card.payer_id != registration.payer_id or session_id != registration.session_id:
                raise InvalidInput(f"{whose}: {session_id or card.card_id} is not the card page that counts")
            await self._finish_rival(registration)
            registration = await self._saved(
                registration,
                state=RegistrationState.SAVED,
                card=card.on_file,
            )
        if registration.card is None or not registration.card.is_same(card):
            raise InvalidInput(f"{whose}: another card was registered first")
        return await self.finish(registration)

    async def _finish_rival(self, registration: Registration) -> None:
        """Of several with one email, the one whose card was saved first is finished first."""
        for rival in await self._ledger.registrations_of(registration.email):
            if rival.state is RegistrationState.SAVED and rival.registration_id != registration.registration_id:
                with suppress(CardMissing):  # then it is not the first any more
                    await self.finish(rival)

    async def finish(self, registration: Registration, now: datetime | None = None) -> Registration:
        """Starts the customer of a card that is known, and tells them; each once."""
        mine = False  # of several at once, who starts the customer tells them; the others only if that takes long
        while registration.state is RegistrationState.SAVED:
            try:
                state = await self._started(registration)
            except CardMissing as gone:  # taken off again before anything had begun
                _log.warning("%s: back to the card page: %s", registration.registration_id, gone)
                await self._saved(registration, state=RegistrationState.OPEN, session_id="", card=None)
                raise
            if state is RegistrationState.KNOWN:
                await self._forget_card(registration)
            mine, registration = await self._save(registration, state=state)
        forgotten = (now or datetime.now(UTC)) - registration.updated_at > _TELLING
        if registration.state is not RegistrationState.OPEN and registration.told_at is None and (mine or forgotten):
            await self._tell(registration)
            registration = await self._saved(registration, told_at=datetime.now(UTC))
        return registration

    async def sweep(self, now: datetime) -> dict[str, str | Failed]:
        """Goes on with all that can go on by itself, and forgets what was abandoned.

        Answers what came of each, in words, by its id; ``Failed``: it is tried again at the next sweep.
        """
        results: dict[str, str | Failed] = {}
        unread: list[Failed] = []
        for registration in await self._ledger.registrations(unfinished=True, failed=unread):
            name = registration.registration_id
            try:
                results[name] = await self.go_on(registration, now)
            except Exception as error:  # whatever it is, the others go on
                told = str(error) if isinstance(error, TemporalError) else why(error)
                results[name] = Failed(customer_id=name, reason=told)
                _log.warning("%s: not yet: %s", name, told)
        await self._ledger.forget_registrations(now - FORGOTTEN_AFTER)
        for failed in unread:
            _log.warning("the registration of %s cannot be read", failed.customer_id)
        return results | {failed.customer_id: failed for failed in unread}

    async def go_on(self, registration: Registration, now: datetime | None = None) -> str:
        """Does what can be done without the customer; what came of it, in words."""
        if registration.state is not RegistrationState.OPEN:
            return (await self.finish(registration, now)).state
        if not registration.session_id:
            return "waits for the customer"
        opened = await self._vault.card_page(registration.session_id)
        if opened.state is CardPageState.USED:
            setup = await self._vault.card_of_setup(registration.session_id)
            return (await self.finalize(registration, setup.card, registration.session_id)).state
        if opened.state is CardPageState.EXPIRED:
            await self._saved(registration, session_id="")
            return "the card page has expired; the customer may begin again"
        return "waits for the customer"

    async def _known_to_processor(self, registration: Registration, token: str = "") -> Registration:
        whose = registration.registration_id, registration.customer_id, registration.email
        payer_id = await patiently(lambda: self._vault.new_customer(*whose, token), _BUSY_PAUSES_SECONDS)
        return await self._saved(registration, payer_id=payer_id)

    async def _started(self, registration: Registration) -> RegistrationState:
        """What it comes to. Whom the ledger knows was started: by somebody who got no further than that."""
        if await self._ledger.customer(registration.customer_id) is not None:
            return RegistrationState.STARTED
        if await self._other(registration) or await self._import_of(registration):
            return RegistrationState.KNOWN
        customer = registration.customer().spread_over(self._spread_minutes)
        await start_customer(self._client, self._ledger, self._vault, customer)
        return RegistrationState.STARTED

    async def _forget_card(self, registration: Registration) -> None:
        """Nobody is charged by this registration, so its card does not stay at the processor.

        That of an import stays: whoever has the file decides. So does one that is a customer's all the same, whom an
        operator has started with it meanwhile.
        """
        card = registration.card
        if card is None or registration.is_import:
            return
        others = await self._ledger.customers_like(registration.customer())
        if not any(card.is_same(other.payment_method) for other in others):
            await self._vault.forget_card(card.card_id)

    async def _tell(self, registration: Registration) -> None:
        """Of registrations with a customer's address, which anybody can make, one mail a day tells."""
        now = datetime.now(UTC)
        welcome = registration.state is RegistrationState.STARTED
        customer = await (self._ledger.customer(registration.customer_id) if welcome else self._other(registration))
        if customer is not None:
            kind, link = CustomerMailKind.CARD_LINK, self._links.to_card(customer.customer_id, now + LINK_VALID)
        elif waiting := await self._import_of(registration):
            customer = waiting.evolve(card=registration.card).customer()  # a letter needs one
            kind, link = (
                CustomerMailKind.CARD_WANTED,
                self._links.to_registration(waiting.registration_id, now + LINK_VALID),
            )
        else:
            return  # the account that had the email has been closed since, or has another email
        month = Month.open(customer, Period.at(now, customer.timezone))
        try:
            if welcome:
                agreed = registration.consent.text if registration.consent else ""
                await self._letters.welcome(month, link, registration.registration_id, agreed)
            else:
                await self._letters.card_link(kind, month, link)
        except MailRefused as error:  # on record as such; it was said all that can be said
            _log.warning("%s: %s", registration.registration_id, error)

    async def _other(self, registration: Registration) -> Customer | None:
        other = await self._ledger.customer_by_email(registration.email)
        return None if other is None or other.customer_id == registration.customer_id else other

    async def _import_of(self, registration: Registration) -> Registration | None:
        """A row of a file with the same email that waits for a card: the business knows its currency and zone."""
        if registration.is_import:
            return None
        rows = await self._ledger.registrations_of(registration.email)
        return next((row for row in rows if row.is_import and row.state is RegistrationState.OPEN), None)

    async def _check_distinct(self, registration: Registration) -> None:
        if (other := await self._other(registration)) is not None:
            raise InvalidInput(
                f"{registration.customer_id}: {other.customer_id} has the same email; sales need one owner"
            )

    async def _saved(self, registration: Registration, **changes: object) -> Registration:
        """The registration after the changes; or as somebody else has changed it meanwhile, without them."""
        return (await self._save(registration, **changes))[1]

    async def _save(self, registration: Registration, **changes: object) -> tuple[bool, Registration]:
        """The same, and whether the changes were made."""
        changed = registration.evolve(**changes, updated_at=datetime.now(UTC))
        if await self._ledger.save_registration(changed):
            return True, changed.evolve(revision=registration.revision + 1)
        current = await self._ledger.registration(registration.registration_id)
        if current is None:
            raise NotFound(f"{registration.registration_id} was abandoned and is forgotten; register again")
        return False, current
