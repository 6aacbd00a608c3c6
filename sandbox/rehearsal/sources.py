"""Where a rehearsal reads its sales."""

from pathlib import Path

from adapters.sheets.csv_sales import CsvSales
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sheets.http_sales import HttpSales
from adapters.sheets.no_sales import NoSales
from billing.errors import InvalidInput
from bootstrap_adapters import SANDBOX_SHEET_ID, sales_source, sandbox_sheet
from settings import Settings


def source_of(settings: Settings, sales: str) -> GoogleSheetsSales | CsvSales | HttpSales | NoSales:
    """Where sales are read: as requested, or as configured; in the sandbox, from the files of its stand-in."""
    if sales not in ("", "sheet"):
        return CsvSales(Path(sales))
    if settings.sales or settings.sales_url:
        return sales_source(settings)
    if settings.sales_sheet_id:
        return GoogleSheetsSales.connect(settings.sales_sheet_id, credentials_file=settings.google_credentials_file)
    if sales == "sheet" and settings.sandbox:
        return sandbox_sheet(settings)
    if sales == "sheet":
        raise InvalidInput("no sheet is configured; set BILLING_SALES_SHEET_ID, or name a folder with --sales FOLDER")
    return CsvSales(settings.sales_folder or settings.data_dir / "sheets" / SANDBOX_SHEET_ID)
