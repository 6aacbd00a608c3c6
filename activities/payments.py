"""The charge of a month: what was announced, to the customer's card, at most once however often it is repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from temporalio import activity

from activities.brake import check_brake_for
from billing.errors import BillingError, OutcomeConflict, StaleRun
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.keys import payment_key
from billing.payments.payment import Charged, ChargeResult, ChargeStatus, PaymentRequest
from billing.reviewers.ports import BrakeStore
from services import clock
from services.cashier import Cashier

Close = Callable[[Month], Awaitable[None]]
"""Records the outcome and sends its mail; may be repeated."""

_CLOSE_SECONDS = 20.0
"""How long a charge whose outcome is known waits for the mail server, before it says so."""


class _Ledger(BrakeStore, MonthStore, Protocol):
    """What is needed of the ledger here."""


class PaymentActivities:
    def __init__(self, cashier: Cashier, ledger: _Ledger, close: Close) -> None:
        self._cashier = cashier
        self._ledger = ledger
        self._close = close

    @activity.defn
    async def charge_card(self, month: Month) -> Charged:
        """Charges the announced amount; or, if that was given up or stopped, makes sure that it cannot happen any more.

        A month that is paid is closed with it, if that works at once. A repeat of an attempt that was lost finds its
        payment, or its close, and goes on from there.

        Raises as ``Cashier.charge`` does, ``OutcomeConflict`` if the ledger has another outcome, ``StaleRun`` if it
        knows of something that this run does not, ``BrakeOn`` if the card is untried and the emergency brake forbids to
        try.
        """
        known = await self._known(month)
        result = _closed_before(month, known) or await self._charge(month, known)
        closed = result.status is ChargeStatus.SUCCEEDED and await self._closes(month, result)
        return Charged(**dict(result), closed=closed)

    async def _charge(self, month: Month, known: Month | None) -> ChargeResult:
        _check_open(month, known)
        await self._ledger.record(month, clock.now())
        request = request_for(month)
        assert month.charging is not None
        if month.charging.cancelled_by:
            return await self._cashier.release(request)
        if month.brake:
            return await self._cashier.end_untried(request)

        async def still_wanted() -> None:
            now_known = await self._known(month)
            _check_open(month, now_known)
            _check_current(month, now_known)
            await check_brake_for(self._ledger, month)

        result, _ = await self._cashier.charge(request, "", still_wanted)
        return result

    async def _closes(self, month: Month, result: ChargeResult) -> bool:
        """Whether outcome and receipt are out. If not, the workflow closes the month like any other."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                _check_current(month, await self._known(month))
                await self._close(month.charged(result))
        except Exception as error:  # whatever it is: that the card was charged must be said all the same
            what = error if isinstance(error, BillingError) else type(error).__name__
            activity.logger.warning("not closed with its charge: %s", what)
            return False
        return True

    async def _known(self, month: Month) -> Month | None:
        return await self._ledger.month(month.customer.customer_id, month.period)


def _closed_before(month: Month, known: Month | None) -> ChargeResult | None:
    """What an earlier attempt of this very charge came to, if it was lost after it had recorded the outcome."""
    charge = known.closed.charge if known and known.closed else None
    if charge is None or charge.status is not ChargeStatus.SUCCEEDED:
        return None
    return charge if known == month.charged(charge) else None


def _check_open(month: Month, known: Month | None) -> None:
    if known is not None and known.outcome is not None:
        raise OutcomeConflict(f"{month.customer.customer_id}, {month.period} is closed already: {known.outcome}")


def _check_current(month: Month, known: Month | None) -> None:
    if known is not None and known.outcome is None and known.revision > month.revision:
        raise StaleRun(f"the ledger has a newer {month.period} of {month.customer.customer_id} than this run")


def request_for(month: Month) -> PaymentRequest:
    """What ``month`` asks of the processor: the amount of its notice, frozen."""
    assert month.notice is not None
    assert month.invoice is not None
    assert month.charging is not None
    return PaymentRequest(
        key=payment_key(month.customer.customer_id, month.period, month.series),
        customer_id=month.customer.customer_id,
        method=month.customer.payment_method,
        period=month.period,
        amount_minor=month.notice.total_minor,
        currency=month.invoice.currency,
    )
