"""The cashier: charges a card once, whatever fails; shared by the month's charge and by collections.

Every step looks before it acts. Creating a payment moves no money, and confirming one moves it at most once; so a
repeat, also days later when idempotency keys are forgotten, finds the payment by its key and goes on from there.
"""

from temporalio import activity

from billing.errors import AmountTooSmall, CardMissing, PaymentUnknown
from billing.money import format_amount
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, PaymentRequest, PaymentStatus, keep_one
from billing.payments.ports import PaymentGateway, PaymentStore, StillWanted
from services import clock

_TRIABLE = (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)
_RESULTS = {
    PaymentStatus.SUCCEEDED: ChargeStatus.SUCCEEDED,
    PaymentStatus.DECLINED: ChargeStatus.DECLINED,
    PaymentStatus.AUTHENTICATION_REQUIRED: ChargeStatus.AUTHENTICATION_REQUIRED,
    PaymentStatus.CANCELED: ChargeStatus.CANCELED,
}


class Cashier:
    def __init__(self, gateway: PaymentGateway, ledger: PaymentStore) -> None:
        self._gateway = gateway
        self._ledger = ledger

    async def charge(self, request: PaymentRequest, tried: str, still_wanted: StillWanted) -> ChargeResult:
        """Tries the card, unless the payment has been tried since ``tried`` (an attempt id, "" before the first).

        So a repeat of one try, whose answer was lost, is a look-up. Raises ``PaymentUnknown`` and ``PaymentBusy``
        (tried again); ``PaymentMismatch``, ``PaymentForbidden``, ``PaymentRejected``, ``AmountTooLarge`` (a person).
        """
        try:
            payment = await self._one(request) or await self._new(request, still_wanted)
            await self._ledger.save_payment(payment, clock.now())
            if payment.status in _TRIABLE and payment.attempt_id == tried:
                await still_wanted()
                payment = await self._gateway.confirm(payment, request)
                _log(payment)
                await self._ledger.save_payment(payment, clock.now())
        except CardMissing as error:
            return ChargeResult(status=ChargeStatus.NEEDS_CARD, at=clock.now(), code=str(error), attempt_id=tried)
        except AmountTooSmall as error:
            return ChargeResult(status=ChargeStatus.TOO_SMALL, at=clock.now(), code=str(error), attempt_id=tried)
        return result_of(payment)

    async def charge_on_session(
        self, request: PaymentRequest, tried: str, return_url: str, still_wanted: StillWanted
    ) -> tuple[ChargeResult, str]:
        """The same for a customer who is there; also answers where to send them to authenticate ("": nowhere)."""
        try:
            payment, url = await self._one(request) or await self._new(request, still_wanted), ""
            await self._ledger.save_payment(payment, clock.now())
            begun = payment.status is PaymentStatus.AUTHENTICATION_REQUIRED
            if payment.status in _TRIABLE and (begun or payment.attempt_id == tried):
                await still_wanted()
                payment, url = await self._gateway.confirm_on_session(payment, request, return_url)
                _log(payment)
                await self._ledger.save_payment(payment, clock.now())
        except CardMissing as error:
            return ChargeResult(status=ChargeStatus.NEEDS_CARD, at=clock.now(), code=str(error), attempt_id=tried), ""
        return result_of(payment), url

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
            if payment.status in _TRIABLE:
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

    async def _new(self, request: PaymentRequest, still_wanted: StillWanted) -> Payment:
        await still_wanted()
        return await self._gateway.create(request)

    async def _one(self, request: PaymentRequest) -> Payment | None:
        """The payment to go on with; all others of the request are cancelled."""
        found = await self._found(request)
        kept = keep_one(found, request)
        for other in found:
            if other != kept:
                canceled = await self._cancel(other) if other.status in _TRIABLE else other
                await self._ledger.save_payment(canceled, clock.now())
                if canceled.status is not PaymentStatus.CANCELED:
                    raise PaymentUnknown(f"{other.payment_id} moved while it was cancelled; all are looked at again")
        return kept

    async def _cancel(self, payment: Payment) -> Payment:
        canceled = await self._gateway.cancel(payment)
        _log(canceled)
        return canceled

    async def _found(self, request: PaymentRequest) -> list[Payment]:
        known = await self._ledger.payments(request.customer_id, request.period)
        return await self._gateway.find(request, [row.payment_id for row in known if row.key == request.key])


def _log(payment: Payment) -> None:
    """What a card was asked for has come to, or what cannot be charged any more."""
    amount = format_amount(payment.amount_minor, payment.currency)
    outcome = f"{amount}: {payment.status} ({payment.payment_id})"
    activity.logger.info("charge: %s, %s, %s", payment.customer_id, payment.period, outcome)


def result_of(payment: Payment) -> ChargeResult:
    """The known outcome in ``payment``. Raises ``PaymentUnknown`` while the bank has not decided."""
    if payment.status not in _RESULTS:
        whose = f"{payment.payment_id} of {payment.customer_id}, {payment.period}"
        raise PaymentUnknown(f"{whose} is {payment.status}; it is looked up again")
    return ChargeResult(
        status=_RESULTS[payment.status],
        at=clock.now(),
        payment_id=payment.payment_id,
        code=payment.code,
        decline_code=payment.decline_code,
        advice_code=payment.advice_code,
        attempt_id=payment.attempt_id,
    )
