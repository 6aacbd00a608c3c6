"""The cashier: charges once, whatever fails, on any rail; shared by the month's charge and by collections.

Every step looks before it acts. Creating a payment moves no money, and confirming one moves it at most once; so a
repeat, also days later when idempotency keys are forgotten, finds the payment by its key and goes on from there.
"""

from contextlib import suppress

from temporalio import activity

from billing.errors import AmountTooSmall, CardMissing, PaymentUnknown, RequestSpent
from billing.money import format_amount
from billing.payments.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentRequest,
    PaymentStatus,
    check_announced,
    keep_one,
)
from billing.payments.ports import PaymentRail, PaymentStore, StillWanted
from services import clock
from services.effects import log_effect

CREATES_MAX = 20
"""Serials of one payment in a day, each for a failure that a rail remembers: about half an hour of outage."""
_RESULTS = {
    PaymentStatus.SUCCEEDED: ChargeStatus.SUCCEEDED,
    PaymentStatus.DECLINED: ChargeStatus.DECLINED,
    PaymentStatus.AUTHENTICATION_REQUIRED: ChargeStatus.AUTHENTICATION_REQUIRED,
    PaymentStatus.CANCELED: ChargeStatus.CANCELED,
}


class Cashier:
    """Charges once on any rail; what the processor answers is kept in the ledger before anything follows from it."""

    def __init__(self, rail: PaymentRail, ledger: PaymentStore) -> None:
        self._rail = rail
        self._ledger = ledger

    async def charge(
        self, request: PaymentRequest, tried: str, still_wanted: StillWanted, return_url: str = ""
    ) -> tuple[ChargeResult, str]:
        """Tries the card, unless the payment has been tried since ``tried`` (an attempt id, "" before the first).

        So a repeat of one try, whose answer was lost, is a look-up. With ``return_url`` the customer is there; the
        second answer is where they authenticate ("": nowhere). Raises ``PaymentUnknown`` and ``PaymentBusy`` (tried
        again); ``PaymentMismatch``, ``PaymentForbidden``, ``PaymentRejected``, ``AmountTooLarge`` (a person).
        """
        try:
            payment = await self._one(request)
            if payment is None:
                await still_wanted()
                payment = await self.create(request)
            await self._ledger.save_payment(payment, clock.now())
            is_asked = bool(return_url) and payment.status is PaymentStatus.AUTHENTICATION_REQUIRED
            if payment.status.is_triable and (is_asked or payment.attempt_id == tried):
                await still_wanted()
                payment = await self.confirm(payment, request, return_url)
                _log(payment)
                await self._ledger.save_payment(payment, clock.now())
        except (CardMissing, AmountTooSmall) as error:
            status = ChargeStatus.NEEDS_CARD if isinstance(error, CardMissing) else ChargeStatus.TOO_SMALL
            return ChargeResult(status=status, at=clock.now(), code=str(error), attempt_id=tried), ""
        return result_of(payment), payment.authenticate_url

    async def create(self, request: PaymentRequest) -> Payment:
        """The payment of the request, which moves no money yet.

        A request that was answered by a failure may be spent. What the rail remembers of it is over, though, so a look
        tells for sure whether a payment came of it: if none did, the next serial takes its place. A payment too many
        moves no money, and is found by the next look, before any is confirmed.
        """
        for serial in range(1, CREATES_MAX):
            with suppress(RequestSpent):
                return await self._rail.create(request, serial)
            if made := await self._one(request):
                return made
        return await self._rail.create(request, CREATES_MAX)

    async def confirm(self, payment: Payment, request: PaymentRequest, return_url: str = "") -> Payment:
        """Moves the money, unless somebody else has tried to since ``payment`` was read, or it needs no try any more.

        A double click is answered by the page that the first one got. Raises ``PaymentMismatch`` rather than charge
        another amount, or another payer, than announced.
        """
        current = await self._rail.current(payment)
        if current.status is PaymentStatus.CANCELED:
            return current
        check_announced(current, request)
        is_begun = bool(return_url) and current.return_url == return_url
        if is_begun or not current.status.is_triable or current.attempt_id != payment.attempt_id:
            return current
        return await self._rail.confirm(current, request, return_url)

    async def look_up(self, request: PaymentRequest) -> ChargeResult | None:
        """How the payment stands; None if there is none, or none that was ever tried."""
        payment = await self._one(request)
        if payment is None:
            return None
        await self._ledger.save_payment(payment, clock.now())
        return None if payment.status is PaymentStatus.NEW else result_of(payment)

    async def release(self, request: PaymentRequest) -> ChargeResult:
        """Cancels every payment of the request, so that none can move money any more; or says that one has.

        The run that asks has recorded that before, so another one that is still about to charge finds it out.
        """
        released = ChargeResult(status=ChargeStatus.CANCELED, at=clock.now())
        for payment in await self._found(request):
            if payment.status.is_triable:
                payment = await self._cancel(payment)
            await self._ledger.save_payment(payment, clock.now())
            if payment.status is not PaymentStatus.CANCELED:
                released = result_of(payment)
        return released

    async def end_untried(self, request: PaymentRequest) -> ChargeResult:
        """The outcome, if the card was tried; if not, ``CANCELED``, and it cannot be tried by this request any more."""
        untried = (PaymentStatus.NEW, PaymentStatus.CANCELED)
        if any(payment.status not in untried for payment in await self._found(request)):
            found = await self.look_up(request)
            if found is not None:
                return found
        return await self.release(request)

    async def _one(self, request: PaymentRequest) -> Payment | None:
        """The payment to go on with; all others of the request are cancelled."""
        found = await self._found(request)
        kept = keep_one(found, request)
        for other in found:
            if other != kept:
                canceled = await self._cancel(other) if other.status.is_triable else other
                await self._ledger.save_payment(canceled, clock.now())
                if canceled.status is not PaymentStatus.CANCELED:
                    raise PaymentUnknown(f"{other.payment_id} moved while it was cancelled; all are looked at again")
        return kept

    async def _cancel(self, payment: Payment) -> Payment:
        canceled = await self._rail.cancel(payment)
        _log(canceled)
        return canceled

    async def _found(self, request: PaymentRequest) -> list[Payment]:
        known = await self._ledger.payments(request.customer_id, request.period)
        return await self._rail.find(request, [row.payment_id for row in known if row.key == request.key])


def _log(payment: Payment) -> None:
    """What a card was asked for has come to, or what cannot be charged any more."""
    amount = format_amount(payment.amount_minor, payment.currency)
    came = f"{amount}: {payment.status} ({payment.payment_id})"
    log_effect(activity.logger, "charge", payment.customer_id, payment.period, came)


def result_of(payment: Payment) -> ChargeResult:
    """The known outcome in ``payment``. Raises ``PaymentUnknown`` while the bank has not decided."""
    if payment.status not in _RESULTS:
        whose = f"{payment.payment_id} of {payment.customer_id}, {payment.period}"
        raise PaymentUnknown(f"{whose} is {payment.status}; it is looked up again")
    return ChargeResult.model_validate({**dict(payment), "status": _RESULTS[payment.status], "at": clock.now()})
