"""Cards that customers have registered at Stripe's page: taken now, or by the inbox as soon as possible."""

import asyncio
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum

from temporalio.exceptions import TemporalError

from billing.errors import BillingError, CardMissing, InvalidInput, NotFound
from clients.cards import Cards
from inbound.inbox import Inbox

_SESSION_ID = re.compile(r"cs_(test|live)_[A-Za-z0-9]{1,200}")  # as Stripe makes them
ANSWER_SECONDS = 25.0  # less than browsers and proxies wait

_log = logging.getLogger(__name__)


class Taken(StrEnum):
    """When the card is taken."""

    NOW = "now"
    SOON = "soon"
    REFUSED = "refused"


class ReturnedCards:
    def __init__(self, cards: Cards, inbox: Inbox) -> None:
        self._cards = cards
        self._inbox = inbox

    async def take(self, session_id: str, owner: str) -> Taken:
        """``owner`` is the customer or registration that the card has to belong to. A repeat changes nothing.

        During a charge the card waits until the outcome is known; it also waits while a service is down.
        """
        if not _SESSION_ID.fullmatch(session_id):
            _log.warning("card of %s refused: the address names no card registration", owner)
            return Taken.REFUSED
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._cards.finalize_card(session_id, owner)
        except (CardMissing, InvalidInput, NotFound) as error:
            _log.warning("card of %s refused: %s", owner, error)
            return Taken.REFUSED
        except (BillingError, TemporalError, TimeoutError) as error:
            _log.warning("card of %s: later: %s", owner, error or type(error).__name__)
            await self._inbox.put_card(session_id, owner, datetime.now(UTC))
            return Taken.SOON
        return Taken.NOW
