"""What is rehearsed: customers with the months they are in, and the worksheets; read, and never written."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from adapters.sheets.csv_sales import CsvSales
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sql.ledger import SqlLedger
from billing.apart import Failed, why
from billing.customers.customer import Customer, Terms
from billing.errors import InvalidInput, LedgerUnavailable, SalesUnavailable
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.sales.worksheet import COLUMNS, read_worksheet
from bootstrap import SANDBOX_SHEET_ID, connect_ledger, sandbox_sheet
from sandbox.rehearsal.sheets import Unclaimed, Worksheets, read_worksheets
from sandbox.stack.sample import SAMPLE
from sandbox.stripe.cards import MAGIC_CARDS
from settings import Settings

_EARLIEST = "Etc/GMT-14"  # where a month begins first
_NOTHING_CONFIGURED = {
    "": "no sales are configured; name a folder of CSV files with --sales FOLDER",
    "sheet": "no sheet is configured, and that of the sandbox does not answer; set "
    "BILLING_SALES_SHEET_ID, or name a folder with --sales FOLDER",
}
"""What is missing where nothing is configured, by ``--sales``."""


class BookEntry(NamedTuple):
    """A customer: the month to begin with, and the closed one before it, which its sales are compared with.

    ``former`` are the addresses that are or were the customer's alone.
    """

    month: Month
    before: Month | None = None
    former: tuple[str, ...] = ()


class MailSettings(NamedTuple):
    """All that a rehearsal takes from the real settings, by their names: how cells are read, and how mails look."""

    company: str
    mail_from: str
    decimal_separator: Literal[".", ","]


class RealMonth(NamedTuple):
    """What a month really came to."""

    stage: str  # its outcome, or "open"
    currency: str
    total_minor: int


@dataclass(frozen=True)
class Book:
    """``periods`` are the months that were asked for; who is behind begins earlier. ``real`` is by customer."""

    source: str
    entries: list[BookEntry]
    periods: tuple[Period, ...]
    sheets: Worksheets
    cards: dict[str, str]  # behaviours of cards, by customer
    looks: MailSettings
    against: Period | None = None
    real: dict[str, RealMonth] | None = None
    others: frozenset[str] = frozenset()  # who could have been rehearsed, and was not chosen
    failed: tuple[Failed, ...] = ()  # who cannot be: something of theirs could not be read
    unclaimed: tuple[Unclaimed, ...] = ()  # rows of the worksheets that belong to none of all these

    def months_of(self, entry: BookEntry) -> list[Period]:
        return list(span(entry.month.period, self.periods[-1]))


@dataclass(frozen=True)
class RehearsalRequest:
    """What the operator asks for."""

    months: int
    roster: list[Customer] | None = None  # from a file; None: the ledger's
    sales: str = ""  # "sheet", a folder, or "" for the configured source
    only: tuple[str, ...] = ()
    period: Period | None = None
    repeat: Period | None = None
    against: Period | None = None


async def read_book(settings: Settings, wanted: RehearsalRequest, now: datetime) -> Book:
    """Reads everything that is real. Raises ``InvalidInput`` for what cannot be rehearsed, ``BillingError``."""
    begin = wanted.period or wanted.against
    if begin is not None and begin > Period.at(now, _EARLIEST):
        raise InvalidInput(f"a rehearsal begins with a month that has begun, which {begin} has not")
    async with AsyncExitStack() as exits:
        ledger = await _ledger(settings, exits)
        failed: list[Failed] = []
        is_sample = False
        if wanted.roster is None and ledger is not None and (known := await ledger.customers(failed)):
            everybody: Sequence[Customer] = known
            source = f"{len(known)} customers of the ledger"
            entries = await _standings(ledger, _chosen(known, wanted.only), begin, now, failed)
        elif wanted.roster is None and not settings.sandbox:
            raise InvalidInput("the ledger has no customers; name a file: python starter.py rehearse --from FILE")
        else:
            everybody = wanted.roster or _sample()
            is_sample = not wanted.roster
            source = "the sample customers" if is_sample else "the file"
            entries = [BookEntry(_fresh(each, begin, now)) for each in _chosen(everybody, wanted.only)]
        if wanted.against is not None and ledger is None:
            raise InvalidInput("there is no ledger to compare with; set BILLING_LEDGER_URL")
        real = await _real(ledger, wanted.against, wanted.only, failed) if ledger and wanted.against else None
    if not entries:
        unread = "".join(f"; {each.customer_id}: {each.reason}" for each in failed)
        raise InvalidInput(f"there is nobody to rehearse{unread}")
    periods = _periods(begin, entries, wanted.months)
    if wanted.against is not None and wanted.against not in periods:
        raise InvalidInput(f"--against {wanted.against} is not rehearsed: that is {periods[0]} to {periods[-1]}")
    first = min(each.before.period if each.before else each.month.period for each in entries)
    asked = list(span(min(first, periods[0]), periods[-1]))
    if is_sample and not wanted.sales:
        sheets = _sample_sheets(asked)
    else:
        sheets = await _sheets(settings, wanted, asked)
    unclaimed = tuple(sheets.unclaimed(chain((each.email for each in everybody), _billed(entries))))
    cards = {s.customer_id: MAGIC_CARDS[s.card][2] for s in SAMPLE} if is_sample else {}
    entries = [_comparable(each, sheets) for each in entries]
    looks = MailSettings(settings.company, settings.mail_from, settings.decimal_separator)
    rehearsed = {each.month.customer.customer_id for each in entries} | {each.customer_id for each in failed}
    others = frozenset({each.customer_id for each in everybody} - rehearsed)
    if others:
        source = f"{len(entries)} of {source}"
    return Book(source, entries, periods, sheets, cards, looks, wanted.against, real, others, tuple(failed), unclaimed)


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
    known = {each.customer_id: each for each in customers}
    if unknown := [name for name in only if name not in known]:
        raise InvalidInput(
            f"there is no customer {', '.join(unknown)} to rehearse; see: python starter.py customers list"
        )
    return [known[name] for name in only] if only else list(customers)


def _fresh(customer: Customer, begin: Period | None, now: datetime) -> Month:
    return Month.open(customer, begin or Period.at(now, customer.timezone))


async def _standings(
    ledger: SqlLedger, customers: Sequence[Customer], begin: Period | None, now: datetime, failed: list[Failed]
) -> list[BookEntry]:
    """Of everybody whose months can be read."""
    entries = []
    for customer in customers:
        try:
            former = tuple(await ledger.own_emails(customer.customer_id))
            entries.append((await _standing(ledger, customer, begin, now))._replace(former=former))
        except Exception as error:
            failed.append(Failed(customer_id=customer.customer_id, reason=why(error)))
    return entries


async def _standing(ledger: SqlLedger, customer: Customer, begin: Period | None, now: datetime) -> BookEntry:
    """Where the customer's chain is; or, if it has come to ``begin``, how that month began: its balance and habits."""
    rows = await ledger.invoices(customer_id=customer.customer_id)
    if not rows:
        return BookEntry(_fresh(customer, begin, now))
    newest = rows[-1].period
    period = newest if begin is None else min(begin, newest)
    known = await ledger.month(customer.customer_id, period)
    before = await ledger.month(customer.customer_id, period.previous())
    closed = before if before is not None and before.outcome is not None else None
    if known is None:  # the customer was not there yet
        return BookEntry(_fresh(customer, begin, now))
    if period == begin:
        habits = {"first": known.first, "usual_minor": known.usual_minor}
        return BookEntry(Month.open(customer, period, known.carried_minor).evolve(**habits), closed)
    return BookEntry(known, closed) if known.outcome is None else BookEntry(known.next_month(), known)


def _billed(entries: Sequence[BookEntry]) -> Iterator[str]:
    """Former addresses, and those whose rows are on invoices already."""
    for entry in entries:
        yield from entry.former
        for month in (entry.month, entry.before):
            if month is not None and month.invoice is not None and month.invoice.sales is not None:
                yield from month.invoice.sales.emails


def _comparable(entry: BookEntry, sheets: Worksheets) -> BookEntry:
    """Without what would be compared with a copy of another month's worksheet: that would invent late sales."""
    own = {period for period, used in sheets.used.items() if period == used}
    month, before, _ = entry
    if month.invoice is not None and month.period not in own:
        month = month.evolve(invoice=month.invoice.evolve(sales=None))
    return entry._replace(month=month, before=before if before is not None and before.period in own else None)


def _periods(begin: Period | None, entries: Sequence[BookEntry], months: int) -> tuple[Period, ...]:
    """From ``begin``, or from the month that most are in."""
    first = begin or Counter(sorted(each.month.period for each in entries)).most_common(1)[0][0]
    periods = [first]
    while len(periods) < months:
        periods.append(periods[-1].next())
    return tuple(periods)


def span(first: Period, last: Period) -> Iterator[Period]:
    while first <= last:
        yield first
        first = first.next()


async def _real(ledger: SqlLedger, period: Period, only: tuple[str, ...], failed: list[Failed]) -> dict[str, RealMonth]:
    found = {}
    async for dossier in ledger.dossiers(period):
        if isinstance(dossier, Failed):
            failed.append(dossier)
        elif (invoice := dossier.invoice) is not None and (not only or dossier.customer_id in only):
            found[dossier.customer_id] = RealMonth(invoice.outcome or "open", invoice.currency, invoice.total_minor)
    return found


async def _sheets(settings: Settings, wanted: RehearsalRequest, periods: Sequence[Period]) -> Worksheets:
    source = _source(settings, wanted.sales)
    try:
        titles = await source.ping()
    except SalesUnavailable as error:
        if settings.sandbox and not settings.sales_sheet_id and wanted.sales in _NOTHING_CONFIGURED:
            raise InvalidInput(_NOTHING_CONFIGURED[wanted.sales]) from error
        raise
    return await read_worksheets(source, titles, periods, wanted.repeat)


def _source(settings: Settings, sales: str) -> GoogleSheetsSales | CsvSales:
    """Where sales are read: as asked for, or as configured; in the sandbox, from the files of its stand-in."""
    if sales not in ("", "sheet"):
        return CsvSales(Path(sales))
    if settings.sales_sheet_id:
        return GoogleSheetsSales.connect(settings.sales_sheet_id, credentials_file=settings.google_credentials_file)
    if sales == "sheet" and settings.sandbox:
        return sandbox_sheet(settings)
    if sales == "sheet":
        raise InvalidInput("no sheet is configured; set BILLING_SALES_SHEET_ID, or name a folder with --sales FOLDER")
    return CsvSales(settings.sales_folder or settings.data_dir / "sheets" / SANDBOX_SHEET_ID)


# -- the sample company


def _sample() -> list[Customer]:
    return [
        Customer(
            customer_id=s.customer_id,
            email=s.email,
            name=s.name,
            currency=s.currency,
            timezone=s.timezone,
            payment_method=CardOnFile(
                payer_id=f"cus_{s.customer_id}", card_id=f"pm_{s.customer_id}", last4=MAGIC_CARDS[s.card][1]
            ),
            terms=Terms(review_mode=s.review_mode),
        )
        for s in SAMPLE
    ]


def _sample_sheets(periods: Sequence[Period]) -> Worksheets:
    """The sample company has one worksheet, that of the first month."""
    rows = [[s.email, _typed(amount), description] for s in SAMPLE for amount, description in s.sales]
    snapshot = read_worksheet(periods[0], [COLUMNS, *rows])
    return Worksheets({periods[0]: snapshot}, dict.fromkeys(periods, periods[0]), [])


def _typed(amount: str) -> str | float:
    """What the sheet makes of it: an apostrophe leads what is text."""
    return amount[1:] if amount.startswith("'") else float(amount)
