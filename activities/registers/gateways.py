"""A gateway's list held against its clearing account, by the calendar month (UTC) in which money has arrived."""

from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from activities.registers.processors import RegisterResult
from billing.accounting.discrepancy import Discrepancy, failed
from billing.accounting.registers import RailPayment, Sums, finding_of, registered_at, totals
from billing.apart import Failed, why
from billing.errors import LedgerUnavailable, NotFound, PaymentError
from billing.payments.gateway import GatewayState
from billing.period import Period
from billing.receivables.journal import PaymentName
from billing.receivables.ports import ClearingAccounts, PaymentListing
from services import clock
from services.gateways.gateway import Gateway

_AROUND = timedelta(days=7)
"""The list is by the day of an attempt, the journal by that of the payment: a page may be paid days later."""


class _Ledger(ClearingAccounts, PaymentListing, Protocol):
    """The stores it uses."""


class GatewayRegister:
    """The register of one shop beside the journal. Every method may be called again after any failure."""

    def __init__(self, gateway: Gateway, ledger: _Ledger) -> None:
        self.rail = gateway.rail
        self._gateway = gateway
        self._ledger = ledger

    async def compare(self, period: Period) -> RegisterResult:
        """Compares the payments of a month, and takes in what the journal lacks.

        If the gateway cannot be asked, that is the finding. Raises ``LedgerUnavailable``.
        """
        since, until = (datetime.combine(month.first_day, time(), UTC) for month in (period, period.next()))
        unread: list[Failed] = []
        cleared = await self._ledger.cleared_on(self.rail, since, until, unread)
        pairs = {row.name: RailPayment(row.name, row.reference, row.customer_id or "") for row in cleared}
        for row in cleared:
            sums = Sums(pairs[row.name].cleared or ())
            sums[row.currency] += row.amount_minor
            pairs[row.name] = pairs[row.name]._replace(cleared=sums)
        findings = [failed(row.customer_id, period, row.reason) for row in unread]
        now = datetime.now(UTC)  # the gateway's clock, which no sandbox skips
        try:
            async for seen in self._gateway.shop.transactions(since - _AROUND, min(until + _AROUND, now)):
                if isinstance(seen, Failed):
                    findings.append(failed("", period, seen.reason))
                elif seen.name in pairs or since <= seen.paid_at < until:
                    known = pairs.get(seen.name) or RailPayment(seen.name, seen.reference, "")
                    is_unsaid = seen.state is GatewayState.GOING_BACK and seen.returned_minor is None
                    pairs[seen.name] = known._replace(registered=registered_at(seen), is_unsaid=is_unsaid)
        except PaymentError as error:
            return RegisterResult([*findings, failed("", period, f"{self.rail}: {error}")], ())
        for name in [name for name, pair in pairs.items() if pair.cleared is None]:
            record = await self._ledger.incoming_payment(name)
            if record is not None and not since <= record.payment.paid_at < until:
                del pairs[name]  # once it has gone back, it is listed by another day: its own month compares it
        return await self._settled(period, pairs, findings)

    async def _settled(
        self, period: Period, pairs: dict[PaymentName, RailPayment], findings: list[Discrepancy]
    ) -> RegisterResult:
        settled = []
        for pair in pairs.values():
            if not pair.agrees:
                try:
                    now = await self._taken_in(pair)
                    finding = finding_of(pair, now, period)
                    pair = now
                except LedgerUnavailable:
                    raise
                except Exception as error:
                    finding = failed(pair.customer_id, period, f"{pair.reference}: {why(error)}")
                findings += [finding] if finding is not None else []
            settled.append(pair)
        return RegisterResult(findings, totals(settled))

    async def _taken_in(self, pair: RailPayment) -> RailPayment:
        """The payment as it now is in both books, once the journal has taken in what it lacked."""
        pair = pair.in_journal(await self._ledger.incoming_payment(pair.name))
        try:
            seen = await self._gateway.shop.transaction(pair.reference)
        except NotFound:
            return pair._replace(registered=None, is_unsaid=False)
        await self._gateway.take(seen, clock.now())
        pair = pair._replace(registered=registered_at(seen), is_unsaid=False)
        return pair.in_journal(await self._ledger.incoming_payment(pair.name))
