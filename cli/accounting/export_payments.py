"""``payments export``: what has arrived, for accounting, as 1C's statement file, CSV files or JSON; streamed."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, NamedTuple
from zoneinfo import ZoneInfo

import typer

from billing.accounting.export_rows import PAYMENT_TABLES, Row, payment_row, payment_total_row
from billing.accounting.one_c import END, account_section, document, head
from billing.accounting.payment_export import ExportedPayment, PaymentExport, PaymentTotal
from billing.errors import InvalidInput
from billing.money import currency_code
from billing.period import Period
from bootstrap import connect_ledger
from bootstrap_registers import register_terms
from cli.accounting.export_files import STDOUT, Output, json_text, output_file, write_tables
from cli.receivables.registers import day_of
from cli.terminal.options import period_option
from settings import Settings, load_settings


class PaymentFormat(StrEnum):
    ONE_C = "1c"
    CSV = "csv"
    JSON = "json"


class Encoding(StrEnum):
    CP1251 = "cp1251"
    UTF_8 = "utf-8"


class _Wanted(NamedTuple):
    """What is exported: from the beginning of ``since`` to the end of ``last``, by the clocks of ``timezone``."""

    since: date
    last: date
    timezone: str
    rails: list[str]
    currency: str

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.timezone)
        return (
            datetime.combine(self.since, time(), zone),
            datetime.combine(self.last + timedelta(days=1), time(), zone),
        )


async def export(
    format: Annotated[
        PaymentFormat, typer.Option(help="1c: 1CClientBankExchange; csv: payments and totals; json: one document.")
    ],
    period: Annotated[Period | None, period_option("A month; by default the last one of the calendar.")] = None,
    since: Annotated[
        date | None, typer.Option("--since", metavar="YYYY-MM-DD", parser=day_of, help="The first day.")
    ] = None,
    until: Annotated[
        date | None, typer.Option("--until", metavar="YYYY-MM-DD", parser=day_of, help="The last day, included.")
    ] = None,
    rail: Annotated[str, typer.Option("--rail", metavar="RAIL", help="Only of this rail.")] = "",
    currency: Annotated[str, typer.Option("--currency", help="Only in this one; 1C's file has one.")] = "",
    timezone: Annotated[
        str, typer.Option("--timezone", help="Whose days; else the contract's of --rail, or UTC.")
    ] = "",
    account: Annotated[
        str, typer.Option("--account", metavar="NUMBER", help="1c: our account; else the rail's name.")
    ] = "",
    encoding: Annotated[Encoding, typer.Option(help="1c: cp1251 writes ? for what it lacks.")] = Encoding.CP1251,
    output: Output = STDOUT,
) -> None:
    """Export incoming payments for accounting: by the day on which they were paid, with what they have paid.

    Amounts are exact decimals; what went back is negative, in 1C's file a document of its own. On each rail, opening +
    received - went back = closing. Cells that a spreadsheet would run as a formula begin with an apostrophe. 1C's file
    names account number, month or order, and customer as the purpose of each payment. It has one currency. The same
    days again give the same file, unless something was booked for them since.

    [bold]Examples[/bold]
    $ python starter.py payments export --period 2026-11 --format 1c --rail bank-app --output accounting/2026-11
    $ python starter.py payments export --since 2026-11-01 --until 2026-11-07 --format csv --output accounting/week
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        rails = [rail] if rail else await ledger.paid_rails()
        zone = _timezone(settings, rail, timezone)
        today = settings.now().astimezone(ZoneInfo(zone)).date()
        days = _days(period, since, until, today)
        wanted = _Wanted(*days, zone, rails, currency and currency_code(currency))
        exported = _Export(ledger, wanted)
        if format is PaymentFormat.ONE_C:
            await _write_1c(exported, settings, account, encoding, output)
        elif format is PaymentFormat.CSV:
            await write_tables(PAYMENT_TABLES, exported.rows(), output)
        else:
            await _write_json(exported, output)


class _Export:
    """The payments that are wanted, and their ``totals`` once all have gone by."""

    def __init__(self, ledger: PaymentExport, wanted: _Wanted) -> None:
        self.wanted = wanted
        self.totals: dict[tuple[str, str], PaymentTotal] = {}
        self._ledger = ledger

    async def payments(self) -> AsyncIterator[ExportedPayment]:
        since, until = self.wanted.bounds
        for rail in self.wanted.rails:
            for currency, minor in (await self._ledger.paid_before(rail, since)).items():
                if self.wanted.currency in ("", currency):
                    self.totals[rail, currency] = PaymentTotal(rail=rail, currency=currency, opening_minor=minor)
            async for page in self._ledger.payments_between(rail, since, until):
                for payment in page:
                    if self.wanted.currency in ("", payment.currency):
                        self._add(payment)
                        yield payment

    async def rows(self) -> AsyncIterator[tuple[str, Row]]:
        async for payment in self.payments():
            yield "payments", payment_row(payment)
        for total in self.totals.values():
            yield "totals", payment_total_row(total)

    def _add(self, payment: ExportedPayment) -> None:
        named = payment.rail, payment.currency
        new = PaymentTotal(rail=payment.rail, currency=payment.currency, opening_minor=0)
        self.totals[named] = self.totals.get(named, new).with_(payment)


async def _write_json(exported: _Export, output: Path) -> None:
    wanted = exported.wanted
    with output_file(output, f"payments-{wanted.since}-{wanted.last}.json") as file:
        days = json_text({"since": wanted.since, "until": wanted.last, "timezone": wanted.timezone})
        file.write(f'{days[:-1]}, "payments": [')
        comma = ""
        async for payment in exported.payments():
            file.write(f"{comma}\n{json_text(payment_row(payment))}")
            comma = ","
        totals = json_text([payment_total_row(total) for total in exported.totals.values()])
        file.write(f'\n], "totals": {totals}}}\n')


async def _write_1c(exported: _Export, settings: Settings, account: str, encoding: str, output: Path) -> None:
    """The documents first, into a file aside: the totals stand before them. Raises ``InvalidInput``."""
    wanted, company = exported.wanted, settings.company
    with TemporaryFile("w+", encoding=encoding, errors="replace", newline="") as documents:
        async for payment in exported.payments():
            documents.write(document(payment, account or payment.rail, company, wanted.timezone))
        totals = list(exported.totals.values())
        if len(found := {total.currency for total in totals}) > 1:
            names = ", ".join(sorted(found))
            raise InvalidInput(f"1C's file has one currency, and there are {names}: name one with --currency")
        if account and len(totals) > 1:
            raise InvalidInput("--account is one account, and there are several rails: name one with --rail")
        accounts = [account or total.rail for total in totals]
        now = settings.now().astimezone(ZoneInfo(wanted.timezone))
        sections = [head(encoding, company, wanted.since, wanted.last, accounts, now)]
        for total, name in zip(totals, accounts, strict=True):
            sections.append(account_section(total, name, wanted.since, wanted.last))
        with ExitStack() as stack:
            name = f"payments-{wanted.since}-{wanted.last}.txt"
            file = _text_file(stack, output, name, encoding)
            file.writelines(sections)
            documents.seek(0)
            shutil.copyfileobj(documents, file)
            file.write(END)


def _text_file(stack: ExitStack, output: Path, name: str, encoding: str) -> IO[str]:
    if output == STDOUT:
        sys.stdout.reconfigure(encoding=encoding, errors="replace", newline="")  # type: ignore[union-attr]
        return sys.stdout
    return stack.enter_context(output_file(output, name, encoding, "replace"))


def _days(period: Period | None, since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day. Raises ``InvalidInput`` if they are named twice, or by half."""
    if (period and since) or (until and not since):
        raise InvalidInput("name the month with --period, or days with --since and --until")
    if since is None:
        month = period or Period.of_day(today).previous()
        return month.first_day, month.last_day
    last = until or since
    if last < since:
        raise InvalidInput(f"--until {last} is before --since {since}")
    return since, last


def _timezone(settings: Settings, rail: str, named: str) -> str:
    """Raises ``InvalidInput`` for one that does not exist."""
    terms = register_terms(settings).get(rail)
    zone = named or (terms.timezone if terms else "UTC")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"{zone!r} is no time zone; write it like Asia/Almaty") from None
    return zone
