"""A bank's registers of a month held against the clearing account of its rail, day by day."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Protocol

from activities.registers.processors import RegisterResult
from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, RailTotal
from billing.period import Period
from billing.registers.alerts import to_show
from billing.registers.ports import RegisterDays
from billing.registers.register import LineState, RegisterDay, RegisterTerms, Tally
from billing.remedies import Remedy, RemedyAction
from services import clock

_KINDS = {LineState.DIFFERENT: DiscrepancyKind.AMOUNT, LineState.REVERSED: DiscrepancyKind.REVERSAL}


class _Ledger(RegisterDays, Protocol):
    """The stores it uses."""


class BillerRegister:
    """The registers of one contract beside the journal. Every method may be called again after any failure."""

    def __init__(self, terms: RegisterTerms, ledger: _Ledger) -> None:
        self.rail = terms.rail
        self._terms = terms
        self._ledger = ledger

    async def compare(self, period: Period) -> RegisterResult:
        """Compares the days of a month by the contract's zone; a day without a register is a finding. Books nothing.

        Raises ``LedgerUnavailable``.
        """
        now = clock.now()
        since, until = period.first_day, min(period.next().first_day, self._terms.day_of(now) + timedelta(days=1))
        findings = list[Discrepancy]()
        for day in await self._ledger.days_without_register(self._terms, since, until):
            if self._terms.is_overdue(day, now):
                findings.append(self._without_register(day, period))
        for number in range(max(0, (until - since).days)):
            found = await self._ledger.register_day(self._terms, since + timedelta(days=number))
            findings += _findings(found, period)
        registered, cleared = await self._ledger.rail_totals(self._terms, since, period.next().first_day)
        currency = self._terms.currency
        total = RailTotal(rail=self.rail, currency=currency, register_minor=registered, clearing_minor=cleared)
        return RegisterResult(findings, (total,) if registered or cleared else ())

    def _without_register(self, day: date, period: Period) -> Discrepancy:
        text = f"no register of {self.rail} for {day} has come; ask the bank for it"
        remedy = Remedy(action=RemedyAction.TAKE_REGISTER, rail=self.rail, day=day.isoformat())
        kind = DiscrepancyKind.UNCONFIRMED
        return Discrepancy(kind=kind, customer_id="", period=period, text=text, remedies=(remedy,))


def _findings(found: RegisterDay, period: Period) -> Iterator[Discrepancy]:
    for tally in found.open:
        yield Discrepancy(
            kind=_KINDS.get(tally.state, DiscrepancyKind.MISSING),
            customer_id="",
            period=period,
            text=f"register of {found.rail}, {found.day}: {_in_words(tally, found.currency)}",
            remedies=(to_show(found.rail, found.day),),
        )


def _in_words(tally: Tally, currency: str) -> str:
    words = tally.in_words(currency)
    if tally.state is LineState.EXTRA:
        return f"{words}: the journal has them, the bank does not; ask the bank"
    return f"{words}; compare them with the bank, then confirm or reject them"
