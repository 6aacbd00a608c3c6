"""The payment desk: money that people record, assign and give back, from the console and the command line.

::

    desk = PaymentDesk(ledger, stripe, settings.rails, settings.four_eyes_above, alerts)
    recorded = await desk.record(typed, now)
    instruction = await desk.instruct(request, now)         # done, proposed, or under way
    instruction = await desk.confirm(instruction_id, "bob", "compared with the statement", now)
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from billing.errors import AmountTooLarge, AmountTooSmall, BillingError, InvalidInput, PaymentRejected
from billing.payments.payment import Payment, Reversal, ReversalStatus
from billing.payments.ports import PaymentBooks
from billing.payments.rails import CARDS, Rail, RailKind
from billing.payments.typed_payment import TypedPayment, reference_of
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest, InstructionState
from billing.receivables.ports import IncomingPayments, Recorded
from services.alerts import Alerts
from services.effects import log_effect
from services.gateways.refunds import GatewayRefunds

_log = logging.getLogger(__name__)
_TELL_SECONDS = 3.0  # what is to be told is in the ledger's outbox, and the next digest has it in any case
_REFUSALS = (AmountTooLarge, AmountTooSmall, PaymentRejected)
"""After these no money has gone back. Any other error says nothing of an earlier try whose answer was lost."""

_BY_PEOPLE = frozenset({RailKind.BY_HAND, RailKind.STATEMENTS, RailKind.BILLER})
_OUTCOMES = {
    ReversalStatus.RETURNED: "given back as",
    ReversalStatus.PENDING: "on its way back as",
    ReversalStatus.ASKED: "waits for the customer as",
    ReversalStatus.KEPT: "came to nothing as",
}


class Processor(Protocol):
    """The part of a payment rail and of its records that gives money back."""

    async def payment(self, payment_id: str) -> Payment: ...

    async def reversals(self, payment_id: str) -> list[Reversal]: ...

    async def refund(self, payment: Payment, amount_minor: int, instruction_id: str) -> Reversal: ...


class DeskLedger(IncomingPayments, PaymentBooks, Protocol): ...


class PaymentDesk:
    """``four_eyes``: above these amounts, in minor units by currency, an instruction takes two people; {}: never.

    ``alerts`` None: the caller sees to it that what is in the ledger's outbox is told. ``refunds``: by gateways.
    """

    def __init__(
        self,
        ledger: DeskLedger,
        processor: Processor,
        rails: Mapping[str, Rail],
        four_eyes: Mapping[str, int],
        alerts: Alerts | None = None,
        refunds: GatewayRefunds | None = None,
    ) -> None:
        self._ledger = ledger
        self._processor = processor
        self.rails = rails
        self._four_eyes = four_eyes
        self._alerts = alerts
        self._refunds = refunds

    def is_by_hand(self, rail: str) -> bool:
        """Whether people record what arrives and goes back there; else a processor does."""
        return rail in self.rails and self.rails[rail].kind is RailKind.BY_HAND

    def gives_back_by_hand(self, rail: str) -> bool:
        """Whether people have to give its money back: no processor of ours does, also of a rail of the past."""
        return rail != CARDS and (rail not in self.rails or self.rails[rail].kind in _BY_PEOPLE)

    async def record(self, typed: TypedPayment, now: datetime) -> Recorded:
        """Takes the money into the books; a repeat changes nothing. Whatever leaves a doubt is told.

        Raises ``NotFound``, ``InvalidInput`` and ``pydantic.ValidationError``.
        """
        recorded = await self._ledger.record_payment(typed.payment(self.rails, now), now)
        await self._tell()
        return recorded

    async def instruct(self, request: InstructionRequest, now: datetime) -> Instruction:
        """Assigns money or gives it back, or proposes to; a repeat with the same id takes no effect, but goes on.

        Raises ``NotFound`` and ``InvalidInput``; ``PaymentError`` if the processor refuses the refund, which ends the
        instruction, or cannot be asked: then it is under way, and ``confirm`` goes on with it.
        """
        instruction = await self._ledger.instruct(self._complete(request), self._four_eyes, now)
        await self._tell()
        return await self._finished(instruction, now)

    async def confirm(
        self, instruction_id: str, by: str, reason: str, now: datetime, refund_reference: str = ""
    ) -> Instruction:
        """Carries out what somebody else has proposed, or goes on with what is under way; or records a refund that
        people have made by hand since, by ``refund_reference``. Raises as ``instruct``.
        """
        before = await self._ledger.instruction(instruction_id)
        by_hand = before is not None and self.gives_back_by_hand(before.payment.rail)
        if refund_reference.strip() and before is not None and not by_hand:
            raise InvalidInput(
                f"the processor of {before.payment.rail} gives the money back, and names the refund itself"
            )
        reference = reference_of(refund_reference) if refund_reference.strip() else ""
        instruction = await self._ledger.confirm(instruction_id, by, reason, now, reference, by_hand)
        await self._tell()
        return await self._finished(instruction, now)

    async def reject(self, instruction_id: str, by: str, reason: str, now: datetime) -> Instruction:
        """Takes a proposal back, by anybody. Raises ``NotFound`` and ``InvalidInput``."""
        return await self._ledger.reject(instruction_id, by, reason, now)

    def _complete(self, request: InstructionRequest) -> InstructionRequest:
        """The request with a reference for a refund by hand, and only then."""
        if request.kind is not InstructionKind.REFUND:
            return request
        rail = request.payment.rail
        if request.by_hand:
            if not self.gives_back_by_hand(rail):
                raise InvalidInput(f"the processor of {rail} gives the money back; nobody has to do so by hand")
            return request
        if rail not in (CARDS, *self.rails):
            raise InvalidInput(f"there is no rail {rail} any more; set BILLING_RAILS, or settle the balance")
        if self.gives_back_by_hand(rail):
            if not request.refund_reference.strip():
                raise InvalidInput(
                    f"on {rail} people give money back: name the refund by the bank's reference, or by the number "
                    "of its receipt (--refund-reference)"
                )
            return request.evolve(refund_reference=reference_of(request.refund_reference))
        if request.refund_reference:
            raise InvalidInput(f"the processor of {rail} gives the money back, and names the refund itself")
        return request

    async def _finished(self, instruction: Instruction, now: datetime) -> Instruction:
        """Asks the processor for a refund that is under way, and takes in what it has on record, as a webhook does."""
        if instruction.state is not InstructionState.UNDER_WAY:
            return instruction
        if self._refunds is not None and self._refunds.has(instruction.payment.rail):
            return await self._refunds.give_back(instruction, now)
        payment_id, instruction_id = instruction.reference, instruction.instruction_id
        payment = await self._processor.payment(payment_id)
        try:
            refund = await self._processor.refund(payment, instruction.amount_minor, instruction_id)
        except _REFUSALS as error:
            await self._ledger.close_instruction(instruction_id, InstructionState.REFUSED, str(error), now)
            raise
        await self._ledger.save_reversals(payment, await self._processor.reversals(payment_id), now)
        log_effect(
            _log, "refund", payment.customer_id, payment.order or payment.period, f"{instruction}: {refund.status}"
        )
        state = InstructionState.REFUSED if refund.status is ReversalStatus.KEPT else InstructionState.DONE
        result = f"{_OUTCOMES[refund.status]} {refund.reversal_id}"
        return await self._ledger.close_instruction(instruction_id, state, result, now)

    async def _tell(self) -> None:
        """Has the reviewers told at once, best effort."""
        if self._alerts is not None:
            with suppress(BillingError, TimeoutError):
                async with asyncio.timeout(_TELL_SECONDS):
                    await self._alerts.resume()
