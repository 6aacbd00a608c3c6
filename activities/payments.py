"""Charge a card exactly once: look the payment up, create it, keep its id, confirm it, keep what became of it."""

from temporalio import activity

from activities import clock
from billing.errors import AlreadyClosed, AmountTooSmall, CardMissing, PaymentUnknown
from billing.keys import payment_key
from billing.month import Month
from billing.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentRequest,
    PaymentStatus,
    keep_one,
)
from billing.ports import Ledger, PaymentGateway


class PaymentActivities:
    def __init__(self, gateway: PaymentGateway, ledger: Ledger) -> None:
        self._gateway = gateway
        self._ledger = ledger

    @activity.defn
    async def charge_card(self, month: Month) -> ChargeResult:
        """Charges the announced amount to the customer's card, at most once however often it is repeated.

        Creating a payment moves no money and confirming one moves it at most once; so a repeat, also days later when
        idempotency keys are forgotten, finds the payment by its key in the processor's own list and goes on from there.
        Raises ``PaymentUnknown`` and ``PaymentBusy`` (tried again), ``PaymentMismatch``, ``PaymentForbidden``,
        ``PaymentRejected`` and ``AmountTooLarge`` (a person), ``AlreadyClosed`` if the ledger has an outcome.
        """
        known = await self._ledger.month(month.customer.customer_id, month.period)
        if known is not None and known.outcome is not None:
            raise AlreadyClosed(f"{month.customer.customer_id}, {month.period} is closed already: {known.outcome}")
        await self._ledger.record(month, clock.now())
        request = request_for(month)
        try:
            payment = await self._settle(request)
        except CardMissing as error:
            return ChargeResult(status=ChargeStatus.NEEDS_CARD, at=clock.now(), code=str(error))
        except AmountTooSmall as error:
            return ChargeResult(status=ChargeStatus.TOO_SMALL, at=clock.now(), code=str(error))
        return ChargeResult(
            status=_outcome(payment, request),
            at=clock.now(),
            payment_id=payment.payment_id,
            code=payment.code,
            decline_code=payment.decline_code,
            advice_code=payment.advice_code,
        )

    async def _settle(self, request: PaymentRequest) -> Payment:
        found = await self._gateway.find(request)
        payment = keep_one(found, request)
        for other in found:
            if other != payment and other.status is not PaymentStatus.CANCELED:
                await self._gateway.cancel(other)
        if payment is None:
            payment = await self._gateway.create(request)
        await self._ledger.save_payment(request, payment, clock.now())
        if payment.status is PaymentStatus.NEW:
            payment = await self._gateway.confirm(payment, request)
            await self._ledger.save_payment(request, payment, clock.now())
        return payment


def request_for(month: Month) -> PaymentRequest:
    """What ``month`` asks of the processor: the amount of its notice, frozen."""
    assert month.notice is not None
    assert month.invoice is not None
    assert month.charging_since is not None
    return PaymentRequest(
        key=payment_key(month.customer.customer_id, month.period),
        customer=month.customer,
        period=month.period,
        amount_minor=month.notice.total_minor,
        currency=month.invoice.currency,
    )


def _outcome(payment: Payment, request: PaymentRequest) -> ChargeStatus:
    outcomes = {
        PaymentStatus.SUCCEEDED: ChargeStatus.SUCCEEDED,
        PaymentStatus.DECLINED: ChargeStatus.DECLINED,
        PaymentStatus.AUTHENTICATION_REQUIRED: ChargeStatus.AUTHENTICATION_REQUIRED,
    }
    if payment.status not in outcomes:
        raise PaymentUnknown(
            f"{payment.payment_id} of {request.customer.customer_id}, {request.period} is {payment.status}; "
            "it is looked up again"
        )
    return outcomes[payment.status]
