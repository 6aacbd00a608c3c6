"""The book to rehearse: customers with the months they are in, and the worksheets; read, and never written."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from adapters.sheets.no_sales import NoSales
from adapters.sql.ledger import SqlLedger
from billing.apart import Failed, why
from billing.customers.customer import Customer
from billing.errors import InvalidInput, LedgerUnavailable, SalesUnavailable
from billing.invoices.month import Month
from billing.period import Period
from bootstrap import connect_ledger
from sandbox.rehearsal.ledger import Subscribed, subscribed
from sandbox.rehearsal.reality import RealMonth, RealSettings
from sandbox.rehearsal.sheets import Unclaimed, Worksheets, read_worksheets, sample_sheets
from sandbox.rehearsal.sources import source_of
from sandbox.stack.sample import SAMPLE
from sandbox.stripe.cards import MAGIC_CARDS
from settings import Settings

_FILE, _LEDGER, _SAMPLE = "the file", "customers of the ledger", "the sample customers"
_EARLIEST = "Etc/GMT-14"  # where a month begins first
_NOTHING_CONFIGURED = {
    "": "no sales are configured; name a folder of CSV files with --sales FOLDER",
    "sheet": "no sheet is configured, and that of the sandbox does not answer; set "
    "BILLING_SALES_SHEET_ID, or name a folder with --sales FOLDER",
}
"""The error where no sales are configured, by ``--sales``."""


class BookEntry(NamedTuple):
    """A customer: the month to begin with, and the closed one before it, which its sales are compared with.

    ``carried_minor`` is the balance that the first draft takes over: debt positive, credit negative. ``former`` are the
    addresses that are or were the customer's alone; ``agreed`` is what their accounts pay by the month.
    """

    month: Month
    before: Month | None = None
    carried_minor: int = 0
    former: tuple[str, ...] = ()
    has: Subscribed = Subscribed()


@dataclass(frozen=True)
class Book:
    """``periods`` are the requested months; customers who are behind begin earlier. ``real`` is by customer."""

    source: str
    entries: list[BookEntry]
    periods: tuple[Period, ...]
    sheets: Worksheets
    cards: dict[str, str]  # behaviours of cards, by customer
    looks: RealSettings
    against: Period | None = None
    real: dict[str, RealMonth] | None = None
    others: frozenset[str] = frozenset()  # customers who could be rehearsed and were not chosen
    failed: tuple[Failed, ...] = ()  # customers who cannot be: a record could not be read
    unclaimed: tuple[Unclaimed, ...] = ()  # rows of the worksheets of none of all these customers

    def months_of(self, entry: BookEntry) -> list[Period]:
        return list(span(entry.month.period, self.periods[-1]))


@dataclass(frozen=True)
class RehearsalRequest:
    """The operator's options."""

    months: int
    roster: list[Customer] | None = None  # from a file; None: the ledger's
    sales: str = ""  # "sheet", a folder, or "" for the configured source
    only: tuple[str, ...] = ()
    period: Period | None = None
    repeat: Period | None = None
    against: Period | None = None


async def read_book(settings: Settings, request: RehearsalRequest, now: datetime) -> Book:
    """Reads everything that is real. Raises ``InvalidInput`` for what cannot be rehearsed, ``BillingError``."""
    begin = request.period or request.against
    if begin is not None and begin > Period.at(now, _EARLIEST):
        raise InvalidInput(f"a rehearsal begins with a month that has begun, which {begin} has not")
    failed: list[Failed] = []
    async with AsyncExitStack() as exits:
        ledger = await _ledger(settings, exits)
        customers, source = await _customers(settings, request, ledger, failed)
        chosen = _chosen(customers, request.only)
        if ledger is not None and source == _LEDGER:
            entries = await _standings(ledger, chosen, begin, now, failed)
        else:
            entries = [BookEntry(_fresh(customer, begin, now)) for customer in chosen]
        if request.against is not None and ledger is None:
            raise InvalidInput("there is no ledger to compare with; set BILLING_LEDGER_URL")
        real = await _real(ledger, request.against, request.only, failed) if ledger and request.against else None
    if not entries:
        reasons = "".join(f"; {failure.customer_id}: {failure.reason}" for failure in failed)
        raise InvalidInput(f"there is nobody to rehearse{reasons}")
    periods = _periods(begin, entries, request.months)
    if request.against is not None and request.against not in periods:
        raise InvalidInput(f"--against {request.against} is not rehearsed: that is {periods[0]} to {periods[-1]}")
    sheets = await _sheets(settings, request, _periods_to_read(entries, periods), source)
    emails = chain((customer.email for customer in customers if customer.email), _billed(entries))
    rehearsed = {entry.month.customer.customer_id for entry in entries} | {failure.customer_id for failure in failed}
    others = frozenset({customer.customer_id for customer in customers} - rehearsed)
    source = f"{len(customers)} {source}" if source == _LEDGER else source
    return Book(
        source=f"{len(entries)} of {source}" if others else source,
        entries=[_comparable(entry, sheets) for entry in entries],
        periods=periods,
        sheets=sheets,
        cards={s.customer_id: MAGIC_CARDS[s.card][2] for s in SAMPLE} if source == _SAMPLE else {},
        looks=RealSettings(**{name: getattr(settings, name) for name in RealSettings._fields}),
        against=request.against,
        real=real,
        others=others,
        failed=tuple(failed),
        unclaimed=tuple(sheets.unclaimed(emails)),
    )


async def _customers(
    settings: Settings, request: RehearsalRequest, ledger: SqlLedger | None, failed: list[Failed]
) -> tuple[Sequence[Customer], str]:
    """All that could be rehearsed, and where they are from: a file, the ledger, or in the sandbox the sample."""
    if request.roster is not None:
        return request.roster or _sample(), _FILE if request.roster else _SAMPLE
    if ledger is not None and (customers := await ledger.customers(failed)):
        return customers, _LEDGER
    if not settings.sandbox:
        raise InvalidInput("the ledger has no customers; name a file: python starter.py rehearse --from FILE")
    return _sample(), _SAMPLE


async def _ledger(settings: Settings, exits: AsyncExitStack) -> SqlLedger | None:
    """The real ledger, or None if there is none yet: a look must not create it."""
    if not settings.ledger_url.get_secret_value() and not (settings.data_dir / "ledger.db").exists():
        return None
    ledger = await exits.enter_async_context(connect_ledger(settings))
    if not await ledger.schema_is_current():
        if settings.sandbox:
            return None
        raise LedgerUnavailable("the ledger's tables are not those of this release; run: python starter.py setup")
    return ledger


def _chosen(customers: Sequence[Customer], only: tuple[str, ...]) -> list[Customer]:
    by_id = {customer.customer_id: customer for customer in customers}
    if unknown := [name for name in only if name not in by_id]:
        raise InvalidInput(
            f"there is no customer {', '.join(unknown)} to rehearse; see: python starter.py customers list"
        )
    return [by_id[name] for name in only] if only else list(customers)


def _fresh(customer: Customer, begin: Period | None, now: datetime) -> Month:
    return Month.open(customer, begin or Period.at(now, customer.timezone))


async def _standings(
    ledger: SqlLedger, customers: Sequence[Customer], begin: Period | None, now: datetime, failed: list[Failed]
) -> list[BookEntry]:
    """Of all customers whose months can be read."""
    entries = []
    for customer in customers:
        try:
            former = tuple(await ledger.own_emails(customer.customer_id))
            has = await subscribed(ledger, customer.customer_id)
            entries.append((await _standing(ledger, customer, begin, now))._replace(former=former, has=has))
        except Exception as error:
            failed.append(Failed(customer_id=customer.customer_id, reason=why(error)))
    return entries


async def _standing(ledger: SqlLedger, customer: Customer, begin: Period | None, now: datetime) -> BookEntry:
    """Where the customer's chain is; or, if it has reached ``begin``, how that month began: its balance and habits."""
    rows = await ledger.invoices(customer_id=customer.customer_id)
    if not rows:
        return BookEntry(_fresh(customer, begin, now))
    newest = rows[-1].period
    period = newest if begin is None else min(begin, newest)
    month = await ledger.month(customer.customer_id, period)
    before = await ledger.month(customer.customer_id, period.previous())
    closed = before if before is not None and before.outcome is not None else None
    if month is None:  # the customer did not exist yet
        return BookEntry(_fresh(customer, begin, now))
    left_minor = (await ledger.balance(customer.customer_id)).carried_minor(customer.currency)
    if period == begin:
        habits = {"first": month.first, "usual_minor": month.usual_minor}
        carried_minor = month.carried_minor if month.invoice else left_minor
        return BookEntry(Month.open(customer, period).evolve(**habits), closed, carried_minor)
    if month.outcome is None:
        return BookEntry(month, closed, left_minor + month.carried_minor)
    return BookEntry(month.next_month(), month, left_minor)


def _billed(entries: Sequence[BookEntry]) -> Iterator[str]:
    """Former addresses, and those with rows on invoices."""
    for entry in entries:
        yield from entry.former
        for month in (entry.month, entry.before):
            if month is not None and month.invoice is not None and month.invoice.sales is not None:
                yield from month.invoice.sales.emails


def _comparable(entry: BookEntry, sheets: Worksheets) -> BookEntry:
    """Drops sales that would be compared with a copy of another month's worksheet: that would invent late sales."""
    own = {period for period, used in sheets.used.items() if period == used}
    month, before = entry.month, entry.before
    if month.invoice is not None and month.period not in own:
        month = month.evolve(invoice=month.invoice.evolve(sales=None))
    return entry._replace(month=month, before=before if before is not None and before.period in own else None)


def _periods(begin: Period | None, entries: Sequence[BookEntry], months: int) -> tuple[Period, ...]:
    """From ``begin``, or from the month that most are in."""
    first = begin or Counter(sorted(entry.month.period for entry in entries)).most_common(1)[0][0]
    periods = [first]
    while len(periods) < months:
        periods.append(periods[-1].next())
    return tuple(periods)


def _periods_to_read(entries: Sequence[BookEntry], periods: Sequence[Period]) -> list[Period]:
    """The months that are billed, and those before them that are compared."""
    first = min(entry.before.period if entry.before else entry.month.period for entry in entries)
    return list(span(min(first, periods[0]), periods[-1]))


def span(first: Period, last: Period) -> Iterator[Period]:
    while first <= last:
        yield first
        first = first.next()


async def _real(ledger: SqlLedger, period: Period, only: tuple[str, ...], failed: list[Failed]) -> dict[str, RealMonth]:
    real = {}
    async for dossier in ledger.dossiers(period):
        if isinstance(dossier, Failed):
            failed.append(dossier)
        elif (invoice := dossier.invoice) is not None and (not only or dossier.customer_id in only):
            real[dossier.customer_id] = RealMonth(invoice.outcome or "open", invoice.currency, invoice.total_minor)
    return real


async def _sheets(
    settings: Settings, request: RehearsalRequest, periods: Sequence[Period], customers: str
) -> Worksheets:
    if customers == _SAMPLE and not request.sales:
        return sample_sheets(periods)
    source = source_of(settings, request.sales)
    if isinstance(source, NoSales):
        return Worksheets({each: await source.read(each) for each in periods}, {each: each for each in periods}, [])
    try:
        titles = await source.ping()
    except SalesUnavailable as error:
        if settings.sandbox and not settings.sales_sheet_id and request.sales in _NOTHING_CONFIGURED:
            raise InvalidInput(_NOTHING_CONFIGURED[request.sales]) from error
        raise
    return await read_worksheets(source, titles, periods, request.repeat)


def _sample() -> list[Customer]:
    return [s.customer(f"cus_{s.customer_id}", f"pm_{s.customer_id}", MAGIC_CARDS[s.card][1]) for s in SAMPLE]
