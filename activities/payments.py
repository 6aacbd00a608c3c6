"""The charge of a month: what was announced, to the customer's card, at most once however often it is repeated."""

from temporalio import activity

from activities import clock
from activities.brake import check_brake_for
from activities.cashier import Cashier
from billing.errors import AlreadyClosed, LedgerAhead
from billing.keys import payment_key
from billing.month import Month
from billing.payment import ChargeResult, PaymentRequest
from billing.ports import Ledger


class PaymentActivities:
    def __init__(self, cashier: Cashier, ledger: Ledger) -> None:
        self._cashier = cashier
        self._ledger = ledger

    @activity.defn
    async def charge_card(self, month: Month) -> ChargeResult:
        """Charges the announced amount; or, if that was given up or stopped, makes sure that it cannot happen any more.

        Raises as ``Cashier.charge`` does, ``AlreadyClosed`` if the ledger has an outcome, ``LedgerAhead`` if it knows
        of something that this run does not, ``BrakeOn`` if the card is untried and the emergency brake forbids to try.
        """
        await self._check_open(month)
        await self._ledger.record(month, clock.now())
        request = request_for(month)
        if month.giving_up:
            return await self._cashier.release(request)
        if month.brake:
            return await self._cashier.end_untried(request)

        async def still_wanted() -> None:
            known = await self._check_open(month)
            if known is not None and known.revision > month.revision:
                raise LedgerAhead(
                    f"the ledger has a newer {month.period} of {month.customer.customer_id} than this run"
                )
            await check_brake_for(self._ledger, month)

        return await self._cashier.charge(request, "", still_wanted)

    async def _check_open(self, month: Month) -> Month | None:
        known = await self._ledger.month(month.customer.customer_id, month.period)
        if known is not None and known.outcome is not None:
            raise AlreadyClosed(f"{month.customer.customer_id}, {month.period} is closed already: {known.outcome}")
        return known


def request_for(month: Month) -> PaymentRequest:
    """What ``month`` asks of the processor: the amount of its notice, frozen."""
    assert month.notice is not None
    assert month.invoice is not None
    assert month.charging_since is not None
    return PaymentRequest(
        key=payment_key(month.customer.customer_id, month.period, month.series),
        customer=month.customer,
        period=month.period,
        amount_minor=month.notice.total_minor,
        currency=month.invoice.currency,
    )
