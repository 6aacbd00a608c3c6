"""Which month a command is about when ``--period`` does not say so."""

from datetime import datetime
from typing import Protocol

from billing.invoices.ports import Periods
from billing.invoices.stages import OUTCOMES
from billing.period import Period
from billing.reviewers.overview import MonthOverview
from cli.terminal.output import complain


class MonthLedger(Periods, MonthOverview, Protocol): ...


async def month_under_way(ledger: Periods, now: datetime) -> Period:
    """The month that is being billed, with which the console opens; in an empty ledger, that of the calendar."""
    period = await ledger.current_period() or Period.at(now, "UTC")
    return _said(period, "the month under way")


async def last_closed_month(ledger: MonthLedger, now: datetime) -> Period:
    """The newest month that is closed for every customer; if there is none, the month under way."""
    for period in await ledger.periods():
        stages = {total.stage for total in await ledger.totals(period)}
        if stages and stages <= set(OUTCOMES):
            return _said(period, "the last month that is closed for all customers")
    return await month_under_way(ledger, now)


def _said(period: Period, what: str) -> Period:
    complain(f"{period}: {what}; for another one: --period", style="dim")
    return period
