"""A worksheet of one customer, before and after the collection."""

from billing.invoices.invoice import Invoice, LineItem, Problem, SalesSeen
from billing.period import Period
from billing.sales.sales import SalesSnapshot, rows_of
from billing.sales.worksheet import read_worksheet
from tests.unit.months import DAY, customer, drafted

OCTOBER = Period("2026-10")
ACME = customer()
EMAIL = ACME.mailbox

Cells = list[tuple[str, str]]


def snapshot(cells: Cells, email: str = EMAIL) -> SalesSnapshot:
    return read_worksheet(OCTOBER, [["email", "amount", "description"], *([email, *row] for row in cells)])


def rows(cells: Cells) -> tuple[LineItem | Problem, ...]:
    """The rows of the sheet, from row 2 on."""
    return rows_of(ACME, (EMAIL,), OCTOBER, snapshot(cells)) if cells else ()


def invoice(cells: Cells) -> Invoice:
    """What is drafted from the sheet."""
    found = rows(cells)
    return Invoice(
        currency="eur",
        imported_at=drafted(1).import_at + DAY,
        lines=tuple(each for each in found if isinstance(each, LineItem)),
        problems=tuple(each for each in found if isinstance(each, Problem)),
        sales=SalesSeen(sheet=OCTOBER, digest="d", emails=(EMAIL,)),
    )
