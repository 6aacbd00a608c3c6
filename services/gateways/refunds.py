"""Refunds by a gateway that knows no repeats: it is never asked again before it is known what the last request did.

Before each request the ledger notes what had gone back until then, and when it was asked. A signed answer that the
money is back ends it. One that it is under way is noted: from then on the gateway is only looked at. After a lost
answer everything that has gone back since tells: at least its amount, then it took effect; nothing for sure, then it
is sent again. In between nobody knows, and a person is told.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from billing.apart import why
from billing.errors import AmountTooLarge, BillingError, NotFound, PaymentBusy, PaymentRejected, RequestTaken
from billing.payments.gateway import GatewayState, GatewayTransaction
from billing.receivables.instructions import Instruction, InstructionState
from billing.receivables.ports import IncomingPayments
from services.effects import log_effect
from services.gateways.gateway import Gateway

UNDER_WAY = timedelta(minutes=10)
"""How long a request may take effect after it was sent; many times what a request may last."""
_AT_ONCE = 1000  # more refunds than that are not under way
_SENDING_SECONDS = 60.0  # between the note in the ledger and the end of the request
_NOBODY_KNOWS = "WayForPay does not say whether it has given the money back; look at the payment in its cabinet"
_REFUSALS = (AmountTooLarge, PaymentRejected)

_log = logging.getLogger(__name__)


class _Ledger(IncomingPayments, Protocol):
    """The stores it uses."""


class GatewayRefunds:
    """Every method may be called again after any failure, by several processes at once."""

    def __init__(self, gateways: Mapping[str, Gateway], ledger: _Ledger) -> None:
        self._gateways = gateways
        self._ledger = ledger
        self._told: set[str] = set()

    def has(self, rail: str) -> bool:
        """Whether the rail is one of these gateways."""
        return rail in self._gateways

    async def give_back(self, instruction: Instruction, now: datetime) -> Instruction:
        """Asks the gateway for a refund that is under way, or what has become of it; books what has gone back.

        Raises ``AmountTooLarge`` or ``PaymentRejected`` if the gateway refuses, which ends the instruction; after any
        other error it stays under way.
        """
        seen, returned_minor = await self._look(instruction, now)
        if instruction.has_taken_effect(returned_minor):
            return await self._done(instruction, now)
        now = self._gateways[instruction.payment.rail].now()  # looks, and refunds before this one, may last long
        if words := _why_to_wait(instruction, seen, now):
            raise PaymentBusy(f"{instruction}: {words}")
        begun = instruction.evolve(asked_at=now, returned_before_minor=returned_minor)
        return await self._asked(begun, instruction.asked_at, seen)

    async def go_on(self, now: datetime) -> None:
        """Goes on with all that are under way; one that fails holds up no other. What fails for hours is told."""
        for instruction in await self._ledger.instructions(limit=_AT_ONCE, state=InstructionState.UNDER_WAY):
            if self.has(instruction.payment.rail):
                try:
                    await self.give_back(instruction, now)
                except Exception as error:
                    _log.warning("%s: %s", instruction.instruction_id, why(error))
                    await self._tell(instruction, now)

    async def _asked(self, instruction: Instruction, before: datetime | None, seen: GatewayTransaction) -> Instruction:
        """Sends it. ``before``: when that was done last."""
        gateway, name = self._gateways[instruction.payment.rail], instruction.instruction_id
        now, returned_minor = instruction.asked_at, instruction.returned_before_minor
        assert now is not None
        assert returned_minor is not None
        try:
            async with asyncio.timeout(_SENDING_SECONDS):
                if not await self._ledger.begin_refund(name, returned_minor, before, now):
                    raise PaymentBusy(f"{instruction}: somebody else has asked for it meanwhile; ask again later")
                await gateway.shop.refund(
                    instruction.reference, instruction.amount_minor, instruction.currency, instruction.reason
                )
        except TimeoutError:
            raise PaymentBusy(f"{instruction}: WayForPay has not answered; ask again later") from None
        except RequestTaken:
            await self._ledger.note_accepted(name, now)
            raise
        except _REFUSALS as error:
            return await self._refused(instruction, error, before is not None, now)
        log_effect(_log, "refund", instruction.customer_id, "", f"{instruction}: signed")
        # The look-up may be late, or say less: it has signed that the money is back.
        returned_minor += instruction.amount_minor
        await gateway.take(seen.evolve(state=GatewayState.GOING_BACK, returned_minor=returned_minor), now)
        return await self._done(instruction, now)

    async def _refused(
        self, instruction: Instruction, error: BillingError, is_repeat: bool, now: datetime
    ) -> Instruction:
        """The answer may be to a copy of a request that has taken effect, or that waits for the shop's balance."""
        name = instruction.instruction_id
        seen, returned_minor = await self._look(instruction, now)
        if instruction.has_taken_effect(returned_minor):
            return await self._done(instruction, now)
        if is_repeat and isinstance(error, AmountTooLarge):  # the first request may have taken what is missing
            await self._ledger.note_accepted(name, now)
            raise PaymentBusy(f"{instruction}: less is left than goes back; {_NOBODY_KNOWS}")
        if seen.is_returning:
            return instruction
        await self._ledger.close_instruction(name, InstructionState.REFUSED, str(error), now)
        raise error

    async def _tell(self, instruction: Instruction, now: datetime) -> None:
        """Has a person told, once, of what was asked for hours ago and shows no outcome."""
        name, asked_at = instruction.instruction_id, instruction.asked_at
        if asked_at is None or not instruction.is_lost(now) or name in self._told:
            return
        text = (
            f"{instruction}, {name}, was asked for at {asked_at:%Y-%m-%d %H:%M} UTC: {_NOBODY_KNOWS}; if no money has "
            f"gone back there: python starter.py payments reject {name}"
        )
        await self._gateways[instruction.payment.rail].tell(text, now)
        self._told.add(name)

    async def _look(self, instruction: Instruction, now: datetime) -> tuple[GatewayTransaction, int]:
        """The payment as the gateway has it, and what has gone back of it in all, which is booked."""
        gateway = self._gateways[instruction.payment.rail]
        try:
            seen = await gateway.shop.transaction(instruction.reference)
        except NotFound as error:
            if instruction.asked_at is None:
                name = instruction.instruction_id
                await self._ledger.close_instruction(name, InstructionState.REFUSED, str(error), now)
            raise
        await gateway.take(seen, now)
        record = await self._ledger.incoming_payment(instruction.payment)
        return seen, record.returned_minor if record else 0

    async def _done(self, instruction: Instruction, now: datetime) -> Instruction:
        result = f"given back at WayForPay, of {instruction.reference}"
        return await self._ledger.close_instruction(instruction.instruction_id, InstructionState.DONE, result, now)


def _why_to_wait(instruction: Instruction, seen: GatewayTransaction, now: datetime) -> str:
    """Why the gateway must not be asked for it now; "": it can be."""
    if seen.is_returning or instruction.accepted_at is not None:
        return "a refund is under way at WayForPay; ask again later"
    if instruction.asked_at is None:
        return ""
    if now - instruction.asked_at < UNDER_WAY:
        return f"WayForPay may still be at it; ask again in {int(UNDER_WAY.total_seconds() / 60)} minutes"
    return "" if instruction.is_without_effect(seen.returned_minor) else _NOBODY_KNOWS
