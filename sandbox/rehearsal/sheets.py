"""The worksheets of a rehearsal: those that exist, and for months to come a copy of the newest."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from billing.customers.address import email_key
from billing.errors import InvalidInput, SalesUnavailable
from billing.period import Period
from billing.sales.ports import SalesSource
from billing.sales.sales import SalesSnapshot, type_of_cell
from billing.sales.worksheet import COLUMNS, ignored, read_worksheet
from sandbox.stack.sample import SAMPLE


class Unclaimed(NamedTuple):
    """A row that belongs to no customer, as typed."""

    sheet: str
    row: int
    email: str
    amount: type_of_cell
    description: str


class Worksheets:
    """``used`` maps each month to the worksheet that it is billed from; ``unread`` says why others are left out."""

    def __init__(self, snapshots: Mapping[Period, SalesSnapshot], used: Mapping[Period, Period], unread: list[str]):
        self.used = used
        self.unread = unread
        self._snapshots = [snapshots[period] for period in sorted(set(used.values())) if period in snapshots]
        self._sales = {
            period: snapshots[source].model_copy(update={"sheet": period})
            for period, source in used.items()
            if source in snapshots
        }

    def unclaimed(self, emails: Iterable[str]) -> list[Unclaimed]:
        """The rows under none of these addresses, of each worksheet that is used."""
        claimed = {email_key(email) for email in emails}
        return [
            Unclaimed(snapshot.sheet, row.number, row.email, row.amount, row.description)
            for snapshot in self._snapshots
            for row in snapshot.rows
            if email_key(row.email) not in claimed and not row.is_blank
        ]

    def ignored(self) -> list[str]:
        """For each worksheet that is used, what is ignored of it, in words."""
        notes = [(sheet.sheet, ignored(sheet.ignored_columns, sheet.no_sale)) for sheet in self._snapshots]
        return [f"worksheet {title} has {words}" for title, words in notes if words]

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        """As ``services.shared_sales.Sales``; they never change, so any instant will do."""
        if period not in self._sales:
            raise SalesUnavailable(f"there is no worksheet {period} in this rehearsal")
        return self._sales[period]


async def read_worksheets(
    source: SalesSource, titles: Iterable[str], periods: Sequence[Period], repeat: Period | None = None
) -> Worksheets:
    """Reads the worksheets of ``periods``; months without one get the newest readable worksheet, or ``repeat``.

    Raises ``InvalidInput`` if there is none, ``SalesUnavailable`` if ``repeat`` cannot be read.
    """
    existing = sorted(title for title in map(Period.read, titles) if title is not None)
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


def sample_sheets(periods: Sequence[Period]) -> Worksheets:
    """The sample company has one worksheet, that of the first month."""
    rows = [[sample.email, _typed(amount), text] for sample in SAMPLE for amount, text in sample.sales]
    snapshot = read_worksheet(periods[0], [COLUMNS, *rows])
    return Worksheets({periods[0]: snapshot}, dict.fromkeys(periods, periods[0]), [])


def _typed(amount: str) -> str | float:
    """As the sheet reads it: an apostrophe leads a text."""
    return amount[1:] if amount.startswith("'") else float(amount)
