"""Sheets, customers and their months for the tests of completeness, and what its check says of them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from billing.completeness.chains import ChainStatus
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CompletenessReport
from billing.completeness.row_check import CellRules, DifferenceReason
from billing.completeness.snapshots import CustomerSnapshot, LineSnapshot, MonthSnapshot
from billing.customers.customer import Customer, ReviewMode
from billing.invoices.invoice import Invoice, LineItem, SalesSeen
from billing.invoices.month import Month
from billing.invoices.stages import OUTCOMES, Stage
from billing.period import Period
from billing.sales.sales import SalesSnapshot, lines_for
from billing.sales.worksheet import read_worksheet
from tests.unit.months import customer

PERIOD = Period("2026-10")
NOW = datetime(2026, 11, 9, tzinfo=UTC)
OPENED = datetime(2026, 9, 1, tzinfo=UTC)
Cell = tuple[str, str | float, str]
ACME = customer()
TANAKA = customer(customer_id="tanaka", email="tanaka@example.com", currency="jpy")
MANUAL = customer(customer_id="hand", email="hand@example.com", terms={"review_mode": "manual"})
GONE = customer(customer_id="gone", email="gone@example.com")


def snapshot(rows: Sequence[Cell]) -> SalesSnapshot:
    addressed = not rows or any("@" in email for email, _, _ in rows)
    last = [] if addressed else [["nobody@elsewhere.org", "", ""]]
    return read_worksheet(PERIOD, [["email", "amount", "description"], *map(list, rows), *last])


def cells(read: SalesSnapshot) -> CellRules:
    return CellRules(PERIOD, read.sheet, read.digest, ".")


def drafted(who: Customer, read: SalesSnapshot) -> Invoice:
    invoice = Invoice(currency=who.currency, imported_at=NOW)
    if who.terms.review_mode is ReviewMode.MANUAL:
        return invoice
    lines, problems = lines_for(who, PERIOD, read)
    sales = SalesSeen(sheet=PERIOD, digest=read.digest, emails=(who.mailbox,))
    return invoice.evolve(lines=lines, problems=problems, sales=sales)


def seen(who: Customer, invoice: Invoice | None, stage: Stage = Stage.PAID) -> CustomerSnapshot:
    """The customer with a month as the ledger would show it."""
    planned = Month.open(who, PERIOD)
    lines = invoice.lines if invoice else ()
    problems = invoice.problems if invoice else ()
    month = MonthSnapshot(
        stage=stage,
        email=who.mailbox,
        currency=who.currency,
        total_minor=invoice.total_minor if invoice else 0,
        carried_minor=0,
        version=invoice.version if invoice else 0,
        import_at=planned.import_at,
        notice_at=planned.notice_at,
        charge_at=planned.charge_at,
        updated_at=NOW,
        closed_at=planned.charge_at if stage in OUTCOMES else None,
        next_at=None if stage in OUTCOMES else NOW,
        lines=tuple(_seen(line) for line in lines if line.tariff is None),
        tariffs=tuple(_seen(line) for line in lines if line.tariff is not None),
        waived=invoice.waived if invoice else (),
        problems=tuple(
            LineSnapshot(p.line_id, p.description, 0, p.source.row, p.source.digest, p.raw) for p in problems
        ),
        in_sheet={line.line_id: line.in_sheet for line in lines if line.in_sheet},
        left_out=invoice.left_out if invoice else (),
    )
    return CustomerSnapshot(who, OPENED, first=PERIOD, last=PERIOD, month=month)


def _seen(line: LineItem) -> LineSnapshot:
    source = line.source
    return LineSnapshot(
        line.line_id,
        line.description,
        line.amount_minor,
        source.row if source else None,
        source.digest if source else "",
        tariff_minor=line.tariff.amount_minor if line.tariff else None,
    )


def surveyed(read: SalesSnapshot, *accounts: CustomerSnapshot, runs: bool | None = True) -> CompletenessReport:
    survey = CompletenessCheck(PERIOD, NOW, cells(read), read.rows)
    for account in accounts:
        is_open = runs and account.closed_at is None
        survey.take(account, None if is_open is None else ChainStatus.RUNNING if is_open else ChainStatus.ABSENT)
    return survey.coverage()


def reasons(coverage: CompletenessReport) -> dict[DifferenceReason, int]:
    (only,) = coverage.sums
    return only.differences_minor


def halted(read: SalesSnapshot, needs: str) -> CustomerSnapshot:
    account = seen(ACME, drafted(ACME, read), stage=Stage.HALTED)
    assert account.month is not None
    return account._replace(month=account.month._replace(needs=needs))
