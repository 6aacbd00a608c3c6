"""The charge of a month: the announced amount, to the customer's card, at most once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from temporalio import activity

from activities.brake import obey, window_of
from billing.errors import BillingError, OutcomeConflict, PaymentMismatch, StaleRun
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.keys import payment_key
from billing.payments.payment import Charged, ChargeResult, ChargeStatus, PaymentRequest
from billing.receivables.journal import Subject
from billing.receivables.ports import Accounts
from billing.reviewers.ports import ChargeGuard, ChargeStanding
from services import clock
from services.cashier import Cashier

Close = Callable[[Month], Awaitable[None]]
"""Records the outcome and sends its mail; may be repeated."""

_PAID = (ChargeStatus.SUCCEEDED, ChargeStatus.SETTLED)
_CLOSE_SECONDS = 20.0
"""How long a finished charge waits for the mail server before it returns."""


class _Ledger(Accounts, ChargeGuard, MonthStore, Protocol):
    """The stores it uses."""


class _Settled(Exception):
    """Money of another rail has paid the bill."""


class PaymentActivities:
    def __init__(self, cashier: Cashier, ledger: _Ledger, close: Close) -> None:
        self._cashier = cashier
        self._ledger = ledger
        self._close = close

    @activity.defn
    async def charge_card(self, month: Month) -> Charged:
        """Charges the announced amount; or, if the charge was cancelled or braked, or money of another rail has paid,
        ensures that it cannot happen.

        Also closes a paid month if that succeeds at once. A repeat after a lost attempt finds its payment, or its
        close, and continues from there.

        Raises as ``Cashier.charge``, ``OutcomeConflict`` if the ledger has another outcome, ``StaleRun`` if it has a
        newer revision, ``BrakeOn`` if the card is untried and the emergency brake is on.
        """
        recorded = await self._recorded(month)
        result = _closed_before(month, recorded) or await self._charge(month, recorded)
        closed = result.status in _PAID and await self._closes(month, result)
        return Charged(**dict(result), closed=closed)

    async def _charge(self, month: Month, recorded: Month | None) -> ChargeResult:
        _check_open(month, recorded)
        await self._ledger.record(month, clock.now())
        request = request_for(month)
        assert month.charging is not None
        if month.charging.cancelled_by:
            return await self._cashier.release(request)
        if month.brake:
            return await self._cashier.end_untried(request)

        async def still_wanted() -> None:
            standing = await self._ledger.charge_standing(month.customer_id, month.period, request.currency)
            _check_open(month, standing)
            _check_current(month, standing)
            if standing.owed_minor <= 0:
                raise _Settled
            obey(standing.brake, window_of(month))

        try:
            result, _ = await self._cashier.charge(request, "", still_wanted)
            if result.status is ChargeStatus.SUCCEEDED or not await self._is_settled(month, request):
                return result
        except _Settled:
            pass
        except PaymentMismatch:  # such as: an earlier attempt has cancelled it, and its answer was lost
            if not await self._is_settled(month, request):
                raise
            if (await self._cashier.release(request)).status is not ChargeStatus.CANCELED:
                raise
        result = await self._cashier.release(request)  # a repeat finds it cancelled, or that it has succeeded
        return result.evolve(status=ChargeStatus.SETTLED) if result.status is ChargeStatus.CANCELED else result

    async def _is_settled(self, month: Month, request: PaymentRequest) -> bool:
        """Whether money of another rail has paid the bill."""
        balance = await self._ledger.balance(month.customer_id)
        return balance.owed_for(Subject.month(month.period), request.currency) <= 0

    async def _closes(self, month: Month, result: ChargeResult) -> bool:
        """Closes the month; False if that fails, then the workflow closes it like any other."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                _check_current(month, await self._recorded(month))
                await self._close(month.charged(result))
        except Exception as error:  # any error: the result of the charge must be returned
            reason = error if isinstance(error, BillingError) else type(error).__name__
            activity.logger.warning("not closed with its charge: %s", reason)
            return False
        return True

    async def _recorded(self, month: Month) -> Month | None:
        return await self._ledger.month(month.customer_id, month.period)


def _closed_before(month: Month, recorded: Month | None) -> ChargeResult | None:
    """The result of an earlier attempt of this charge that was lost after it had recorded the outcome."""
    charge = recorded.closed.charge if recorded and recorded.closed else None
    if charge is None or charge.status not in _PAID:
        return None
    return charge if recorded == month.charged(charge) else None


def _check_open(month: Month, recorded: Month | ChargeStanding | None) -> None:
    if recorded is not None and recorded.outcome is not None:
        raise OutcomeConflict(f"{month.customer_id}, {month.period} is closed already: {recorded.outcome}")


def _check_current(month: Month, recorded: Month | ChargeStanding | None) -> None:
    if recorded is not None and recorded.outcome is None and recorded.revision > month.revision:
        raise StaleRun(f"the ledger has a newer {month.period} of {month.customer_id} than this run")


def request_for(month: Month) -> PaymentRequest:
    """The payment of ``month``: the amount of its notice."""
    assert month.notice is not None
    assert month.invoice is not None
    assert month.charging is not None
    return PaymentRequest(
        key=payment_key(month.customer.customer_id, month.period, month.series),
        customer_id=month.customer.customer_id,
        method=month.customer.card_on_file,
        period=month.period,
        amount_minor=month.notice.total_minor,
        currency=month.invoice.currency,
    )
