"""The worksheets of a rehearsal: those that exist, and for months to come the newest of them once more."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from billing.customers.address import email_key
from billing.errors import InvalidInput, SalesUnavailable
from billing.period import Period
from billing.sales.ports import SalesSource
from billing.sales.sales import SalesSnapshot, type_of_cell
from billing.sales.worksheet import ignored


class Unclaimed(NamedTuple):
    """A row of nobody, as typed."""

    sheet: str
    row: int
    email: str
    amount: type_of_cell
    description: str


class Worksheets:
    """``used`` names, by month, the worksheet that it is billed from; ``unread`` says why others are not used."""

    def __init__(self, snapshots: Mapping[Period, SalesSnapshot], used: Mapping[Period, Period], unread: list[str]):
        self.used = used
        self.unread = unread
        self._snapshots = [snapshots[each] for each in sorted(set(used.values())) if each in snapshots]
        self._sales = {
            period: snapshots[source].model_copy(update={"sheet": period})
            for period, source in used.items()
            if source in snapshots
        }

    def unclaimed(self, emails: Iterable[str]) -> list[Unclaimed]:
        """The rows under none of these addresses, of each worksheet that is used."""
        known = {email_key(each) for each in emails}
        return [
            Unclaimed(snapshot.sheet, row.number, row.email, row.amount, row.description)
            for snapshot in self._snapshots
            for row in snapshot.rows
            if email_key(row.email) not in known and not row.is_blank
        ]

    def ignored(self) -> list[str]:
        """What is not read of each worksheet that is used, in words."""
        found = [(each.sheet, ignored(each.ignored_columns, each.no_sale)) for each in self._snapshots]
        return [f"worksheet {sheet} has {words}" for sheet, words in found if words]

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        """As ``services.shared_sales.Sales``; nobody edits them, so they are the same at any instant."""
        if period not in self._sales:
            raise SalesUnavailable(f"there is no worksheet {period} in this rehearsal")
        return self._sales[period]


async def read_worksheets(
    source: SalesSource, titles: Iterable[str], periods: Sequence[Period], repeat: Period | None = None
) -> Worksheets:
    """Reads what there is for ``periods``; all others get the newest readable worksheet, or ``repeat``.

    Raises ``InvalidInput`` if there is none, ``SalesUnavailable`` if ``repeat`` cannot be read.
    """
    existing = sorted(title for title in map(_period, titles) if title is not None)
    newest_first = [*reversed(existing)] if repeat is None else [repeat]
    snapshots: dict[Period, SalesSnapshot] = {}
    unread: list[str] = []
    for period in [*newest_first, *periods]:
        is_newest = period in newest_first and not snapshots
        if period in snapshots or not (is_newest or (period in existing and period in periods)):
            continue
        try:
            snapshots[period] = await source.read(period)
        except SalesUnavailable as error:
            if period == repeat:
                raise
            unread.append(str(error))
    if not snapshots:
        words = f": {unread[0]}" if unread else f"; there are: {', '.join(existing) or 'none'}"
        raise InvalidInput(f"no worksheet of a month can be read{words}")
    newest = repeat or max(snapshots)
    used = {period: period if period in snapshots else newest for period in periods}
    return Worksheets(snapshots, used, list(dict.fromkeys(unread)))


def _period(title: str) -> Period | None:
    try:
        return Period(title)
    except InvalidInput:
        return None
