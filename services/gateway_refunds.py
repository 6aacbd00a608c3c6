"""Refunds by a gateway that knows no repeats: it is never asked again before it is known what the last request did.

Before each request the ledger notes what had gone back until then, and when it was asked. So a later look tells whether
the refund took effect: everything that has gone back since is at least its amount. A request without effect is
repeated once it cannot be under way any more.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from billing.errors import AmountTooLarge, BillingError, NotFound, PaymentBusy, PaymentRejected
from billing.payments.gateway import GatewayTransaction
from billing.receivables.instructions import Instruction, InstructionState
from billing.receivables.ports import IncomingPayments
from services.gateway import Gateway

UNDER_WAY = timedelta(minutes=10)
"""How long a request may take effect after it was sent; many times what a request may last."""
_SENDING_SECONDS = 60.0  # between the note in the ledger and the end of the request
_REFUSALS = (AmountTooLarge, PaymentRejected)

_log = logging.getLogger(__name__)


class _Ledger(IncomingPayments, Protocol):
    """The stores it uses."""


class GatewayRefunds:
    """Every method may be called again after any failure, by several processes at once."""

    def __init__(self, gateways: Mapping[str, Gateway], ledger: _Ledger) -> None:
        self._gateways = gateways
        self._ledger = ledger

    def has(self, rail: str) -> bool:
        """Whether the rail is one of these gateways."""
        return rail in self._gateways

    async def give_back(self, instruction: Instruction, now: datetime) -> Instruction:
        """Asks the gateway for a refund that is under way, or what has become of it; books what has gone back.

        Raises ``AmountTooLarge`` or ``PaymentRejected`` if the gateway refuses, which ends the instruction; after any
        other error it stays under way.
        """
        seen = await self._look(instruction, now)
        if instruction.has_taken_effect(_returned(seen)):
            return await self._done(instruction, now)
        if seen.is_returning:
            raise PaymentBusy(f"{instruction}: a refund is under way at WayForPay; ask again later")
        if instruction.asked_at is not None and now - instruction.asked_at < UNDER_WAY:
            minutes = int(UNDER_WAY.total_seconds() / 60)
            raise PaymentBusy(f"{instruction}: WayForPay may still be at it; ask again in {minutes} minutes")
        return await self._asked(instruction, _returned(seen), now)

    async def go_on(self, now: datetime) -> None:
        """Goes on with all that are under way; one that fails holds up no other."""
        for instruction in await self._ledger.instructions():
            if instruction.state is InstructionState.UNDER_WAY and self.has(instruction.payment.rail):
                try:
                    await self.give_back(instruction, now)
                except BillingError as error:
                    _log.warning("%s: %s", instruction.instruction_id, error)

    async def _asked(self, instruction: Instruction, returned_minor: int, now: datetime) -> Instruction:
        shop, name = self._gateways[instruction.payment.rail].shop, instruction.instruction_id
        try:
            async with asyncio.timeout(_SENDING_SECONDS):
                if not await self._ledger.begin_refund(name, returned_minor, instruction.asked_at, now):
                    raise PaymentBusy(f"{instruction}: somebody else has asked for it meanwhile; ask again later")
                begun = instruction.evolve(asked_at=now, returned_before_minor=returned_minor)
                await shop.refund(instruction.reference, begun.amount_minor, begun.currency, begun.reason)
        except TimeoutError:
            raise PaymentBusy(f"{instruction}: WayForPay has not answered; ask again later") from None
        except _REFUSALS as error:
            return await self._refused(begun, error, now)
        seen = await self._look(begun, now)
        return await self._done(begun, now) if begun.has_taken_effect(_returned(seen)) else begun

    async def _refused(self, instruction: Instruction, error: BillingError, now: datetime) -> Instruction:
        """The answer may be to a copy of a request that has taken effect, or that waits for the shop's balance."""
        seen = await self._look(instruction, now)
        if instruction.has_taken_effect(_returned(seen)):
            return await self._done(instruction, now)
        if seen.is_returning:
            return instruction
        name = instruction.instruction_id
        await self._ledger.close_instruction(name, InstructionState.REFUSED, str(error), now)
        raise error

    async def _look(self, instruction: Instruction, now: datetime) -> GatewayTransaction:
        """The payment as the gateway has it; what has gone back is booked."""
        gateway = self._gateways[instruction.payment.rail]
        try:
            seen = await gateway.shop.transaction(instruction.reference)
        except NotFound as error:
            if instruction.asked_at is None:
                name = instruction.instruction_id
                await self._ledger.close_instruction(name, InstructionState.REFUSED, str(error), now)
            raise
        await gateway.take(seen, now)
        return seen

    async def _done(self, instruction: Instruction, now: datetime) -> Instruction:
        result = f"given back at WayForPay, of {instruction.reference}"
        return await self._ledger.close_instruction(instruction.instruction_id, InstructionState.DONE, result, now)


def _returned(seen: GatewayTransaction) -> int:
    return seen.returned_minor or 0
